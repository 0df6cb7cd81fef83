"""Plain text: which lines are equations.

A line is an equation when it has a relation sign with something before it, or begins with one, and reads as
mathematics: no word stands beside another letter or number with nothing but blanks between them (names that the judge
knows may stand beside a letter, words like *where* beside anything), and no character is one that mathematics does not
have. In Markdown, outside of `$`, it must besides hold ∂, ∇ or δ, or use no word but names that the judge knows. So
prose stays prose, at the price that an equation in the middle of a sentence is not found.

List marks, numbers (`(3)`, `2.`), labels (`Step 2:`) and remarks behind (`# …`, a sentence in brackets) are no part of
an equation. A line that ends with a sign goes on in the next. LaTeX commands make a line LaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.judge.document_model import Found
from chainrule.judge.document_rows import begins_with_relation
from chainrule.judge.syntax import Span
from chainrule.judge.tokens import FUNCTIONS, GREEK, LEADS, WORDS

_LINE = re.compile(r"^[^\n=≈≡∝≔∈]*[=≈≡∝≔∈][^\n]*", re.MULTILINE)
_MARK = re.compile(
    r"[ \t>]*(?:(?:[-*+•‣▪–]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\[\d{1,3}\]|[①-⑳])[ \t]+)?"
    r"(?:[^\n=≈≡∝≔∈:∂∇]{1,60}:(?!=)[ \t]+)?"
)
_REMARK = re.compile(r"[ \t]+(?:#|//).*|[ \t]+\([^()=]*[^\W\d_]{2,}[ ][^\W\d_]{2,}[^()=]*\)[ \t.,]*$")
_RELATION = re.compile(r"(?<![<>!=~])=(?![=>])|[≈≡∝≔∈]")
_SURE = re.compile(r"[∂∇δ]|\\(?:partial|nabla|delta|frac)(?![A-Za-z])")
_FOREIGN = re.compile(r"[\"?`$#!]|https?:|</?[A-Za-z]|\]\(|\|.*\||->|[^\W\d_]\.[ ]+[^\W\d_]")
_FOREIGN_IN_TEXT = re.compile(r"[\\%&~]")
_COMMAND = re.compile(r"\\(?:(?:text|mathrm|operatorname|mbox|begin|end)\s*\{[^{}]*\}|[A-Za-z]+)")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SYMBOL = re.compile(r"[A-Za-zα-ωΑ-Ω]{1,2}|d[A-Zα-ω][a-z]?")
_HANGUL = re.compile(r"[가-힣]")
_GOES_ON = re.compile(r"[=+\-−·×⊙*/][ \t\r]*$")
_BETWEEN = frozenset(word for lead in LEADS for word in lead.split()) | {"shape", "of", "otherwise", "over"}
_KNOWN = WORDS | FUNCTIONS | GREEK.keys()


def text_rows(text: str, start: int, end: int, *, sure: bool) -> Iterator[Found]:
    r"""Yield the lines of text[start:end] that are equations.

    Args:
        text: what holds the lines.
        start, end: where to look, from the beginning of a line.
        sure: ask for signs that no prose has, as in Markdown.

    Example:
        >>> page = "The error is\n  1. δ = pred − true\nand rate = 0.1 is small"
        >>> [page[slice(*row.keep[0])] for row in text_rows(page, 0, len(page), sure=False)]
        ['δ = pred − true']
    """
    done = start
    for match in _LINE.finditer(text, start, end):
        if match.start() < done:
            continue
        span = _equation(text, *match.span(), sure=sure)
        if span is None:
            continue
        while _GOES_ON.search(text, max(span[0], span[1] - 8), span[1]) and (after := _next_line(text, span[1], end)):
            span = (span[0], after[1])
        done = span[1]
        yield Found((span,), "latex" if _COMMAND.search(text, *span) else "text", True, span[0])


def _next_line(text: str, at: int, end: int) -> Span | None:
    """Return the line below one, where it reads as mathematics."""
    begin = text.find("\n", at, end)
    if begin < 0 or text[at:begin].strip():
        return None
    stop = text.find("\n", begin + 1, end)
    span = _stripped(text, begin + 1, end if stop < 0 else stop)
    return span if span[0] < span[1] and _mathematical(text[slice(*span)], sure=False) else None


def _equation(text: str, start: int, end: int, *, sure: bool) -> Span | None:
    """Return where in a line its equation stands, or None where it has none."""
    mark = _MARK.match(text, start, end)
    assert mark is not None
    begin, end = _stripped(text, mark.end(), end)
    remark = _REMARK.search(text, begin, min(end, begin + 2_000))
    if remark:
        begin, end = _stripped(text, begin, remark.start())
    line = text[begin:end]
    if line.startswith("**") and line.endswith("**") and len(line) > 4:
        begin, end = _stripped(text, begin + 2, end - 2)
        line = text[begin:end]
    relation = _RELATION.search(line)
    if relation is None or relation.end() == len(line) == 1:
        return None
    markup = "latex" if _COMMAND.search(line) else "text"
    if not line[: relation.start()].strip(" \t:") and not begins_with_relation(line, markup):
        return None
    known = sure and not _SURE.search(line)
    return (begin, end) if _mathematical(line, sure=known) else None


def _stripped(text: str, start: int, end: int) -> Span:
    line = text[start:end]
    begin = start + len(line) - len(line.lstrip())
    return begin, max(begin, start + len(line.rstrip()))


def _mathematical(line: str, *, sure: bool) -> bool:
    """Return whether a line has no prose; with `sure`, no word either but those that the judge knows."""
    if _FOREIGN.search(line):
        return False
    bare = _COMMAND.sub(lambda match: "·" * len(match[0]), line)
    if bare == line and _FOREIGN_IN_TEXT.search(line):
        return False
    last_word = -1
    for match in _WORD.finditer(bare):
        word = match[0]
        if word.lower() in _BETWEEN or word in LEADS:
            last_word = -1
            continue
        if last_word >= 0 and not bare[last_word : match.start()].strip():
            return False
        last_word = match.end()
        if word in _KNOWN or _SYMBOL.fullmatch(word) or _HANGUL.match(word):
            continue
        if sure or _beside(bare, match.start() - 1, -1) or _beside(bare, match.end(), 1):
            return False
    return True


def _beside(line: str, at: int, step: int) -> bool:
    """Return whether a blank stands at a place and, past all blanks, a letter or a number."""
    begun = at
    while 0 <= at < len(line) and line[at] in " \t":
        at += step
    return at != begun and 0 <= at < len(line) and (line[at].isalnum() or line[at] in "∂∇")
