r"""Typst documents: formulas in `$`, on lines of their own where blanks stand inside; `\` breaks rows, `&` aligns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.judge.document_model import Found, Problem
from chainrule.judge.document_rows import begins_with_relation
from chainrule.judge.syntax import Span

_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|(?P<ticks>`+)|\\.|(?P<dollar>\$)", re.DOTALL)
_CLOSE = re.compile(r"\\.|(?P<dollar>\$)|\"(?:\\.|[^\"\\])*\"|//[^\n]*", re.DOTALL)
_BREAK = re.compile(r"\"(?:\\.|[^\"\\])*\"|\\(?P<break>(?=\s)|$)|\\.", re.DOTALL)


def typst_document(text: str) -> Iterator[Found | Problem]:
    r"""Yield the rows of the formulas of a Typst document, and what is not closed.

    Example:
        >>> page = "so $a = 1$ and $ b &= 2 \\ &= c $"
        >>> [page[slice(*found.keep[0])] for found in typst_document(page)]
        ['a = 1', 'b &= 2', '&= c']
    """
    at = 0
    while match := _TOKEN.search(text, at):
        at = match.end()
        if match["ticks"]:
            stop = text.find(match["ticks"], at)
            at = len(text) if stop < 0 else stop + len(match["ticks"])
        elif match["dollar"]:
            close = next((found for found in _CLOSE.finditer(text, at) if found["dollar"]), None)
            if close is None:
                yield Problem("unclosed", 0, match.start(), at, {"opening": "$"})
                return
            yield from _rows(text, at, close.start())
            at = close.end()


def _rows(text: str, start: int, end: int) -> Iterator[Found]:
    display = start < end and text[start].isspace() and text[end - 1].isspace()
    begin = start
    for match in [*(m for m in _BREAK.finditer(text, start, end) if m["break"] is not None), None]:
        stop = end if match is None else match.start()
        span = _trimmed(text, begin, stop)
        if span is not None:
            yield Found((span,), "typst", display, start)
        begin = end if match is None else match.end()


def _trimmed(text: str, start: int, end: int) -> Span | None:
    stretch = text[start:end]
    bare = stretch.strip()
    if not bare.strip("& "):
        return None
    begin = start + len(stretch) - len(stretch.lstrip())
    return begin, begin + len(bare)


__all__ = ["begins_with_relation", "typst_document"]
