r"""Typst documents: formulas in `$`, on lines of their own where blanks stand inside; `\` breaks rows, `&` aligns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.judge.document_model import Found, Problem
from chainrule.judge.document_rows import Row, joined_rows, trimmed

_TOKEN = re.compile(r"https?://[^\s$]*|//[^\n]*|(?P<comment>/\*)|(?P<ticks>`+)|\\.|(?P<dollar>\$)", re.DOTALL)
_INSIDE = re.compile(
    r"""\"(?:\\.|[^\"\\])*\"
      | (?P<comment>//[^\n]*|/\*)
      | (?P<break>\\(?=\s|\$|\Z))
      | \\.
      | (?P<bracket>[()\[\]{}])
      | (?P<dollar>\$)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


def typst_document(text: str) -> Iterator[Found | Problem]:
    r"""Yield the rows of the formulas of a Typst document, and what is not closed.

    Example:
        >>> page = "so $a = 1$ and $ b &= 2 \\ &= c $"
        >>> [page[slice(*found.keep[0])] for found in typst_document(page)]
        ['a = 1', 'b &= 2', '= c']
    """
    at = 0
    while match := _TOKEN.search(text, at):
        at = match.end()
        if match["ticks"]:
            stop = text.find(match["ticks"], at)
            at = len(text) if stop < 0 else stop + len(match["ticks"])
        elif match["comment"]:
            at = _past_comment(text, match.start())
        elif match["dollar"]:
            close = next((found for found, _ in _tokens(text, at, len(text)) if found["dollar"]), None)
            if close is None:
                yield Problem("unclosed", 0, match.start(), at, {"opening": "$"})
                return
            yield from _rows(text, at, close.start())
            at = close.end()


def _tokens(text: str, start: int, end: int) -> Iterator[tuple[re.Match[str], int]]:
    """Yield what matters inside of a formula, and where to read on: past the whole of a comment."""
    at = start
    while match := _INSIDE.search(text, at, end):
        at = min(_past_comment(text, match.start()), end) if match[0] == "/*" else match.end()
        yield match, at


def _past_comment(text: str, at: int) -> int:
    """Return where a comment ends; comments nest."""
    depth = 0
    for match in _COMMENT.finditer(text, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def _rows(text: str, start: int, end: int) -> Iterator[Found]:
    display = start < end and text[start].isspace() and text[end - 1].isspace()
    rows, balanced = _cut(text, start, end, brackets=True)
    if not balanced:
        rows, _ = _cut(text, start, end, brackets=False)
    for row in joined_rows(text, [row for row in rows if row.keep], "typst"):
        yield Found(tuple(row.keep), "typst", display, start)


def _cut(text: str, start: int, end: int, *, brackets: bool) -> tuple[list[Row], bool]:
    """Return the rows, and whether brackets match; without `brackets`, they hold nothing together."""
    rows = [Row()]
    at = start
    depth = 0
    for match, after in _tokens(text, start, end):
        if match["bracket"] and brackets:
            depth += 1 if match["bracket"] in "([{" else -1
            if depth < 0:
                return rows, False
        elif match["comment"] or (match["break"] and not depth):
            if span := trimmed(text, at, match.start()):
                rows[-1].keep.append(span)
            at = after
            if match["break"]:
                rows.append(Row())
    if span := trimmed(text, at, end):
        rows[-1].keep.append(span)
    return rows, depth == 0
