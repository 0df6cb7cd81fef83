"""Markdown, as GitHub, Pandoc and Jupyter read it: formulas in `$`, brackets, `math` fences and environments.

Front matter, code (fenced, indented, in backticks), comments and `<pre>` hold no mathematics. `$` opens a formula where
no blank follows it, and the next `$` closes it where no blank stands before and no digit behind it; so prices stay
prices. `$$` closes within its paragraph; one alone on its line may close past blank lines, but past no prose. The marks
of a quotation are no part of a formula. Besides, lines that are plainly equations count without `$`
(`chainrule.judge.document_text` says which).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator

from chainrule.judge.document_latex import formula
from chainrule.judge.document_model import Found, Problem
from chainrule.judge.document_rows import ENVIRONMENTS, latex_rows, trimmed
from chainrule.judge.document_text import text_rows
from chainrule.judge.syntax import Span

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\r?\n(?:(?!(?:---|\.\.\.)[ \t]*\r?$)[^\n]*\n)*(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE
)
_FENCE = re.compile(r"^[ \t>]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)$", re.MULTILINE)
_HTML = re.compile(r"^[ ]{0,3}<(?P<tag>pre|script|style|textarea|code)\b", re.MULTILINE | re.IGNORECASE)
_CODE = re.compile(r"(?:\A|^[ \t]*\r?\n)(?P<code>(?:(?:[ ]{4}|[ ]{0,3}\t)[^\n]*(?:\n|\Z))+)", re.MULTILINE)
_INLINE = re.compile(
    r"""\\(?P<bracket>[(\[])
      | \\begin[ \t]*\{[ \t]*(?P<name>[A-Za-z]+)(?P<star>\*?)[ \t]*\}
      | \\.
      | (?P<ticks>`+)
      | (?P<comment><!--)
      | \${3,}
      | (?P<dollars>\$\$?)""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST_INLINE = 4_000
_TEXT = re.compile(r"\\(?:text[a-z]{0,6}|mbox|hbox)\s{0,9}\{[^{}]{0,200}\}")
_TICKS = re.compile(r"`+")
_TICKED = re.compile(r"`[^`\n]+`\$")
"""GitHub's $`…`$, from behind the first $."""
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_ALONE_BEFORE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?")
_ALONE = re.compile(r"(?<!\$)\$\$[ \t]*(?:\r?$|\Z)", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t>]*\r?\n")
_PROSE = re.compile(r"(?<![^\W\d_])(?<![\\{])[^\W\d_]{2,}+[ \t]++[^\W\d_]{2,}")


def markdown_document(text: str) -> Iterator[Found | Problem]:
    r"""Yield the rows of mathematics of a Markdown text, and what is not closed.

    Example:
        >>> page = "It costs $5 and $6, but $a = b$ holds.\n\n$$c = d$$\n"
        >>> [page[slice(*found.keep[0])] for found in markdown_document(page)]
        ['a = b', 'c = d']
    """
    at = 0
    for start, end, fence in _opaque(text):
        yield from _stretch(text, at, start)
        if fence is not None:
            yield from _unquoted(text, latex_rows(text, *fence, display=True))
        at = end
    yield from _stretch(text, at, len(text))


def _opaque(text: str) -> Iterator[tuple[int, int, Span | None]]:
    """Yield what is no prose: where it begins and ends, and the inside of a `math` fence."""
    at = 0
    if front := _FRONT_MATTER.match(text):
        yield 0, front.end(), None
        at = front.end()
    patterns = (_FENCE, _HTML, _CODE)
    waiting = [pattern.search(text, at) for pattern in patterns]
    while any(waiting):
        waiting = [
            found if found is None or found.start() >= at else pattern.search(text, at)
            for pattern, found in zip(patterns, waiting, strict=True)
        ]
        present = [found for found in waiting if found is not None]
        if not present:
            return
        match = min(present, key=lambda found: found.start())
        number = waiting.index(match)
        start, inside = match.start(), None
        if match.re is _FENCE:
            fence = match["fence"]
            close = re.compile(rf"^[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*\r?$", re.MULTILINE).search(
                text, match.end()
            )
            end = close.end() if close else len(text)
            if match["info"].strip().lower().strip("{}.") == "math":
                inside = (match.end(), close.start() if close else len(text))
        elif match.re is _HTML:
            stop = re.compile(f"</{match['tag']}", re.IGNORECASE).search(text, match.end())
            end = stop.end() if stop else len(text)
        else:
            start, end = match.span("code")
            if _in_list(text, start):
                waiting[number] = _CODE.search(text, max(end - 1, match.end()))
                continue
        yield start, max(end, at), inside
        at = max(end, at)
        if at >= len(text):
            return


def _in_list(text: str, at: int) -> bool:
    """Return whether an indented line belongs to an item of a list above it."""
    window = text[max(0, at - _LONGEST_INLINE) : at].rstrip()
    line = window[window.rfind("\n") + 1 :]
    return re.match(r"[ ]{0,8}(?:[-*+]|\d{1,9}[.)])[ \t]|[ ]{2,}", line) is not None


def _stretch(text: str, start: int, end: int) -> Iterator[Found | Problem]:
    """Yield the formulas of prose, and then the lines that are equations without `$`."""
    taken: list[Span] = []
    found: list[Found | Problem] = []
    at = start
    while match := _INLINE.search(text, at, end):
        at = match.end()
        name = match["name"]
        if match["ticks"]:
            at = _past_code(text, match, end)
        elif match["comment"]:
            stop = text.find("-->", at, end)
            at = end if stop < 0 else stop + 3
            taken.append((match.start(), at))
        elif match["dollars"] == "$":
            if (dollar := _dollar_end(text, at, end)) is not None:
                ticked = text[at] == "`" and text[dollar - 1] == "`" and dollar - at > 2  # GitHub's $`…`$
                inner = (at + 1, dollar - 1) if ticked else (at, dollar)
                found += latex_rows(text, *inner, display=False)
                at = dollar + 1
                taken.append((match.start(), at))
        elif match["dollars"] and (close := _block_end(text, match, end)):
            for paragraph in _paragraphs(text, at, close.start()):
                found += latex_rows(text, *paragraph, display=True)
            at = close.end()
            taken.append((match.start(), at))
        elif match["dollars"] or match["bracket"] or name in ENVIRONMENTS:
            opening = match["dollars"] or match["bracket"] or name + match["star"]
            at = _collected(formula(text, match.start(), at, end, opening), found)
            taken.append((match.start(), at))
    yield from sorted([*_unquoted(text, found), *_bare_lines(text, start, end, taken)], key=_begins)


def _collected(steps: Generator[Found | Problem, None, int], found: list[Found | Problem]) -> int:
    """Add what a generator yields to what is found, and return what it returns."""
    while True:
        try:
            found.append(next(steps))
        except StopIteration as done:
            return int(done.value)


def _begins(found: Found | Problem) -> int:
    return found.keep[0][0] if isinstance(found, Found) else found.start


def _past_code(text: str, match: re.Match[str], end: int) -> int:
    """Return where a code span ends; backticks that nothing closes are none."""
    return _past_ticks(text, match.end(), match["ticks"], end)


def _past_ticks(text: str, at: int, ticks: str, end: int) -> int:
    close = re.compile(rf"(?<!`){ticks}(?!`)").search(text, at, min(end, at + _LONGEST_INLINE))
    return close.end() if close else at


def _block_end(text: str, match: re.Match[str], end: int) -> re.Match[str] | None:
    """Return the `$$` that closes one alone on its line: the next `$`, alone on its line too, past no prose."""
    stop = text.find("$", match.end(), end)
    if stop < 0 or not _alone(text, match.start()) or not _alone(text, stop):
        return None
    inside = _TEXT.sub("", text[match.end() : stop])
    return None if _PROSE.search(inside) else _ALONE.match(text, stop)


def _alone(text: str, at: int) -> bool:
    line = text.rfind("\n", max(0, at - 200), at) + 1
    return _ALONE_BEFORE.fullmatch(text, line, at) is not None and _ALONE.match(text, at) is not None


def _paragraphs(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield what blank lines separate in a block, or the whole where an environment may go on past them."""
    at = start
    for blank in () if "\\begin" in text[start:end] else _BLANK_LINE.finditer(text, start, end):
        yield at, blank.start()
        at = blank.end()
    yield at, end


def _unquoted(text: str, found: Iterable[Found | Problem]) -> Iterator[Found | Problem]:
    """Yield rows without the `>` of the quotation that they stand in."""
    for row in found:
        if isinstance(row, Problem):
            yield row
            continue
        line = text.rfind("\n", max(0, row.block - _LONGEST_INLINE), row.block) + 1
        if not _QUOTE.match(text, line):
            yield row
            continue
        keep = [part for span in row.keep for part in _without_marks(text, *span)]
        if keep:
            yield row._replace(keep=tuple(keep))


def _without_marks(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    line = text.rfind("\n", max(0, start - 200), start) + 1
    for mark in _QUOTE.finditer(text, line, end):
        if mark.start() > at and (span := trimmed(text, at, mark.start())):
            yield span
        at = max(at, mark.end())
    if span := trimmed(text, at, end):
        yield span


def _dollar_end(text: str, at: int, end: int) -> int | None:
    """Return where the `$` stands that closes a formula, by Pandoc's rule, or None."""
    if at >= end or text[at].isspace():
        return None
    limit = min(end, at + _LONGEST_INLINE)
    if text[at] == "`" and (closed := _TICKED.match(text, at, limit)):
        return closed.end() - 1
    place = at
    while place < limit:
        char = text[place]
        if char == "\\":
            words = _TEXT.match(text, place, limit)
            place = words.end() if words else place + 2
            continue
        if char == "`" and place > at and (ticks := _TICKS.match(text, place, limit)):
            place = _past_ticks(text, ticks.end(), ticks[0], end)
            continue
        if char == "\n" and text[place + 1 : place + 80].lstrip(" \t\r").startswith("\n"):
            return None
        if char == "$":
            if text[place - 1].isspace() or text[place + 1 : place + 2].isdigit() or place == at:
                return None
            return place
        place += 1
    return None


def _bare_lines(text: str, start: int, end: int, taken: list[Span]) -> Iterator[Found]:
    """Yield the lines that are equations and hold no formula in `$`."""
    at = start
    for first, last in [*sorted(taken), (end, end)]:
        stretch_end = text.rfind("\n", at, first) + 1 if first < end else end
        if stretch_end > at:
            yield from text_rows(text, at, stretch_end, sure=True)
        after = text.find("\n", last, end)
        at = max(at, end if after < 0 else after + 1)
