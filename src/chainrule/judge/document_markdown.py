"""Markdown, as GitHub, Pandoc and Jupyter read it: formulas in `$`, brackets, `math` fences and environments.

Front matter, code (fenced, indented, in backticks), comments and `<pre>` hold no mathematics. `$` opens a formula where
no blank follows it, and the next `$` closes it where no blank stands before and no digit behind it; so prices stay
prices. `$$` closes within its paragraph, or, where it stands alone on its line, further on. Besides, lines that are
plainly equations count without `$` (`chainrule.judge.document_text` says which).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.judge.document_latex import formula
from chainrule.judge.document_model import Found, Problem, Scan
from chainrule.judge.document_rows import ENVIRONMENTS, latex_rows
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
            yield from latex_rows(text, *fence, display=True)
        at = end
    yield from _stretch(text, at, len(text))


def _opaque(text: str) -> Iterator[tuple[int, int, Span | None]]:
    """Yield what is no prose: where it begins and ends, and the inside of a `math` fence."""
    at = 0
    if front := _FRONT_MATTER.match(text):
        yield 0, front.end(), None
        at = front.end()
    scan = Scan(text)
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
            stop = scan.find(f"</{match['tag'].lower()}", match.end())
            end = stop + 2 if stop >= 0 else len(text)
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
            at = _past_code(text, match, end, found)
        elif match["comment"]:
            stop = text.find("-->", at, end)
            at = end if stop < 0 else stop + 3
            taken.append((match.start(), at))
        elif match["dollars"] == "$":
            stop = _dollar_end(text, at, end)
            if stop is not None:
                ticked = text[at] == "`" and text[stop - 1] == "`" and stop - at > 2  # GitHub's $`…`$
                inner = (at + 1, stop - 1) if ticked else (at, stop)
                found += latex_rows(text, *inner, display=False)
                at = stop + 1
                taken.append((match.start(), at))
        elif match["dollars"] or match["bracket"] or name in ENVIRONMENTS:
            opening = match["dollars"] or match["bracket"] or name + match["star"]
            limit = end
            at_before = at
            steps = formula(text, match.start(), at, limit, opening)
            try:
                while True:
                    found.append(next(steps))
            except StopIteration as done:
                at = max(done.value, at_before)
            taken.append((match.start(), at))
    yield from sorted([*found, *_bare_lines(text, start, end, taken)], key=_begins)


def _begins(found: Found | Problem) -> int:
    return found.keep[0][0] if isinstance(found, Found) else found.start


def _past_code(text: str, match: re.Match[str], end: int, found: list[Found | Problem]) -> int:
    """Return where a code span ends; backticks that nothing closes are none."""
    ticks = match["ticks"]
    close = re.compile(rf"(?<!`){ticks}(?!`)").search(text, match.end(), min(end, match.end() + _LONGEST_INLINE))
    return close.end() if close else match.end()


def _dollar_end(text: str, at: int, end: int) -> int | None:
    """Return where the `$` stands that closes a formula, by Pandoc's rule, or None."""
    if at >= end or text[at].isspace():
        return None
    limit = min(end, at + _LONGEST_INLINE)
    place = at
    while place < limit:
        char = text[place]
        if char == "\\":
            place += 2
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
