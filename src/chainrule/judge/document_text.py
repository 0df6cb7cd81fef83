"""Plain text: which lines are equations.

A line is an equation when it has a relation sign with something before it, or begins with one, and reads as
mathematics: no word stands beside another letter or number with nothing but blanks between them (names that the judge
knows may stand beside a letter, words like *where* beside anything), and no character is one that mathematics does not
have. In Markdown, outside of `$`, it must besides hold ∂, ∇ or δ, or use no word but names that the judge knows. So
prose stays prose, at the price that an equation in the middle of a sentence is not found.

List marks, numbers (`(3)`, `2.`), labels (`Step 2:`) and remarks behind (`# …`, a sentence in brackets, `shape (2, 3)`)
are no part of an equation. A line that ends with a sign, or with a bracket still open, goes on in the next, and so does
one whose next begins with a sign; a mark of a list is no sign. A line that begins with a relation sign has the line
above for its head. LaTeX commands make a line LaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.judge.document_model import Found
from chainrule.judge.document_rows import begins_with_relation
from chainrule.judge.syntax import Span
from chainrule.judge.tokens import FUNCTIONS, GREEK, LEADS, SUBSCRIPTS, SUPERSCRIPTS, WORDS

_LINE = re.compile(r"^[^\n=≈≡∝≔∈]*[=≈≡∝≔∈][^\n]*", re.MULTILINE)
_MARK = re.compile(
    r"[ \t>]*(?:(?:[-*+•‣▪–]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\[\d{1,3}\]|[①-⑳])[ \t]+)?"
    r"(?:[^\n=≈≡∝≔∈:∂∇]{1,60}:(?!=)[ \t]+)?"
)
_REMARK = re.compile(
    r"(?<![ \t])[ \t]++(?:(?:#|//).*|(?:shape|크기)[ ]\([^()=]{1,40}\)[ \t]*+$|"
    r"\((?=[^()=]{1,400}\)[ \t.,]*+$)[^()=]*?[^\W\d_]{2,}+[ ][^\W\d_]{2,}.*)"
)
_RELATION = re.compile(r"(?<![<>!=~])=(?![=>])|[≈≡∝≔∈]")
_SURE = re.compile(r"[∂∇δ]|\\(?:partial|nabla|delta|frac)(?![A-Za-z])")
_FOREIGN = re.compile(
    r"[\"?`$#!]|https?:|</?[A-Za-z]|(?<![\^_])\[[^\[\]<>≤≥=]*\]\(|^\s*\|.*\||\s\|\s.*\s\|\s|->|[^\W\d_]\.[ ]+[^\W\d_]"
)
"""Signs of prose and Markdown: links, but not [z > 0](1 − a) or a^[1](1 − a^[1]); rows of tables, but not |p − t|."""
_FOREIGN_IN_TEXT = re.compile(r"[\\%&~]")
_COMMAND = re.compile(r"\\(?:(?:text|mathrm|operatorname|mbox|begin|end)\s*\{[^{}]*\}|[A-Za-z]+)")
_WORD = re.compile(r"[^\W\d_]{2,}|[가-힣]")
_SCRIPTS = str.maketrans(dict.fromkeys((*SUBSCRIPTS, *SUPERSCRIPTS), "_"))
"""v₁ and w₁₁ are a letter each, and no words."""
_SYMBOL = re.compile(r"[A-Za-zα-ωΑ-ΩŷŶ]{1,2}|d[A-Zα-ω][a-z]?")
_HANGUL = re.compile(r"[가-힣]")
_GOES_ON = re.compile(r"[=+\-−·×⊙*/][ \t\r]*$")
_RELATION_FIRST = re.compile(r"[=≈≡∝≔]")
_SIGN_FIRST = re.compile(r"[+−·×⋅⊙/)]|[-*](?!\*)")
_LIST_MARK = re.compile(r"[-+*][ \t]")
_LETTER = re.compile(r"[^\W\d_]|[∂∇]")
_LONGEST_HEAD = 400
_BETWEEN = frozenset(word for lead in LEADS for word in lead.split()) | {"shape", "of", "otherwise", "over"}
_KNOWN = WORDS | FUNCTIONS | GREEK.keys()


def text_rows(text: str, start: int, end: int, *, sure: bool) -> Iterator[Found]:
    r"""Yield the lines of text[start:end] that are equations.

    Args:
        text: what holds the lines.
        start: where to look from, the beginning of a line.
        end: where to stop.
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
        if head := _head(text, match.start(), span, done):
            yield Found((head,), "latex" if _COMMAND.search(text, *head) else "text", True, head[0])
        while after := _rest_below(text, match.start(), span, end, sure=sure):
            span = (span[0], after[1])
        done = span[1]
        yield Found((span,), "latex" if _COMMAND.search(text, *span) else "text", True, span[0])


def _head(text: str, line: int, span: Span, done: int) -> Span | None:
    """Return the left-hand side that stands on the line above an equation that begins with its relation sign."""
    if line - 1 <= done or not _RELATION_FIRST.match(text, *span):
        return None
    begin = max(done, text.rfind("\n", max(done, line - _LONGEST_HEAD), line - 1) + 1)
    mark = _MARK.match(text, begin, line - 1)
    assert mark is not None
    head = _stripped(text, mark.end(), line - 1)
    words = text[slice(*head)]
    return head if _LETTER.search(words) and len(words) < _LONGEST_HEAD and _mathematical(words, sure=True) else None


def _rest_below(text: str, line: int, span: Span, end: int, *, sure: bool) -> Span | None:
    """Return the rest of an equation on the line below: past a sign at its end, or behind a sign that begins a line."""
    begin = text.find("\n", span[1], end)
    if begin < 0 or text[span[1] : begin].strip():
        return None
    stop = text.find("\n", begin + 1, end)
    rest = _without_remark(text, *_stripped(text, begin + 1, end if stop < 0 else stop))
    words = text[slice(*rest)]
    if not words:
        return None
    # A bracket that is missing at the end of an equation takes no other equation with it.
    unclosed = _open(text[slice(*span)]) and not _RELATION.search(words)
    if unclosed or _GOES_ON.search(text, max(span[0], span[1] - 8), span[1]):
        return rest if _mathematical(words, sure=False) else None
    if not _SIGN_FIRST.match(words) or _RELATION.search(words) or not _mathematical(words, sure=sure):
        return None
    deeper = rest[0] - begin - 1 > span[0] - line
    return rest if deeper or not _LIST_MARK.match(words) or not (sure or text[line : span[0]].strip()) else None


def _open(line: str) -> bool:
    """Return whether a bracket is opened in a line and not closed."""
    return line.count("(") > line.count(")")


def _without_remark(text: str, start: int, end: int) -> Span:
    remark = _REMARK.search(text, start, min(end, start + 2_000))
    return _stripped(text, start, remark.start()) if remark else (start, end)


def _equation(text: str, start: int, end: int, *, sure: bool) -> Span | None:
    """Return where in a line its equation stands, or None where it has none."""
    mark = _MARK.match(text, start, end)
    assert mark is not None
    begin, end = _without_remark(text, *_stripped(text, mark.end(), end))
    line = text[begin:end]
    if line.startswith("**") and line.endswith("**") and len(line) > 4:
        begin, end = _stripped(text, begin + 2, end - 2)
        line = text[begin:end]
    relation = _RELATION.search(line)
    if relation is None or relation.end() == len(line) == 1:
        return None
    markup = "latex" if _COMMAND.search(line) else "text"
    if not _LETTER.search(line) and relation.start() > 0:
        return None  # a telephone number, a sum of prices
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
    bare = bare.translate(_SCRIPTS)
    # ∂loss/∂pred pred (1 − pred), −true log(pred): names alone are no prose
    words = [match[0] for match in _WORD.finditer(bare)]
    last_word, names_only = -1, all(word in _KNOWN or _SYMBOL.fullmatch(word) for word in words)
    for match in _WORD.finditer(bare):
        word = match[0]
        if word.lower() in _BETWEEN or word in LEADS:
            last_word = -1
            continue
        if last_word >= 0 and not bare[last_word : match.start()].strip() and not names_only:
            return False
        last_word = match.end()
        if word in _KNOWN or _SYMBOL.fullmatch(word):
            continue
        if (sure and not _HANGUL.match(word)) or _beside(bare, match.start() - 1, -1) or _beside(bare, match.end(), 1):
            return False
    return True


def _beside(line: str, at: int, step: int) -> bool:
    """Return whether a blank stands at a place and, past all blanks, a letter or a number."""
    begun = at
    while 0 <= at < len(line) and line[at] in " \t":
        at += step
    return at != begun and 0 <= at < len(line) and (line[at].isalnum() or line[at] in "∂∇")
