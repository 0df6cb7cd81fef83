"""Text for a terminal: every line with its verdicts; what is wrong with carets, the reason and the repair."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

from chainrule.judge.forms.difference import Stretches, difference, sides_changed
from chainrule.judge.marking import Marks
from chainrule.judge.report import Line, Link, Repair, Report, Verdict
from chainrule.prose import sentence
from chainrule.width import columns

SIGNS = {
    Verdict.RIGHT: "✓", Verdict.WRONG: "✗", Verdict.CARRIED: "↳", Verdict.UNREADABLE: "?", Verdict.DEFINITION: "≔",
}  # fmt: skip
"""A sign for each verdict, so that it is never said by colour alone."""

_COLOURS = {
    Verdict.RIGHT: "32", Verdict.WRONG: "31", Verdict.CARRIED: "33", Verdict.UNREADABLE: "35", Verdict.DEFINITION: "36",
}  # fmt: skip

WIDE = 100
"""How many columns of an author's line are shown around what is wrong in it, where that is enough."""
AROUND = 30
"""How many characters are shown on both sides of what is changed."""


def write_text(judged: Sequence[tuple[Report, Marks]], lang: str, *, colour: bool = False) -> Iterator[str]:
    """Yield the report of each document."""
    for number, (report, marks) in enumerate(judged):
        if number:
            yield "\n"
        yield from _report(report, marks, lang, colour)


def _report(report: Report, marks: Marks, lang: str, colour: bool) -> Iterator[str]:
    networks = ", ".join(report.networks)
    yield printable(sentence("marking.heading", lang=lang, source=report.source, networks=networks)) + "\n"
    for message in report.reading:
        yield f"  {printable(message.text(lang))}\n"
    yield "\n"
    if not report.lines:
        yield f"  {sentence('marking.nothing', lang=lang)}\n"
    for line in report.lines:
        yield from _line(report, line, lang, colour)
    for mark in marks.targets:
        reason = sentence(f"marking.reason.{mark.reason}", lang=lang)
        place = f" ({sentence('marking.from_line', lang=lang, line=mark.line)})" if mark.line else ""
        yield f"  {printable(mark.name)}: {reason}{place}, {number(mark.points)}/{number(mark.out_of)}\n"
    missing = [gap.text(lang) for gap in report.gaps]
    for problem in report.problems:
        text = report.texts[problem.part]
        reason = sentence("marking.left_out", lang=lang, reason=problem.text(lang))
        missing.append(f"{place_of(report, problem.part, row_of(text, problem.start))}: {reason}")
    if missing:
        yield "\n" + sentence("marking.gaps", lang=lang) + "\n"
        yield "".join(f"  {printable(text)}\n" for text in missing)
    yield "\n" + summary(report, marks, lang) + "\n"


def summary(report: Report, marks: Marks, lang: str) -> str:
    """Return the one line that says how it went."""
    counts = {str(verdict): report.count(verdict) for verdict in Verdict}
    return sentence("marking.summary", lang=lang, **counts, points=number(marks.points), out_of=number(marks.out_of))


def number(value: float) -> str:
    """Return points without needless digits.

    Example:
        >>> number(2.0), number(2.5)
        ('2', '2.5')
    """
    return f"{value:.10g}"


def place_of(report: Report, part: int, line: int) -> str:
    """Return the number of a line, in a notebook with that of its cell before it."""
    return f"[{report.cells[part] if report.cells else part + 1}] {line}" if report.format == "notebook" else f"{line}"


def row_of(text: str, offset: int) -> int:
    r"""Return the number of the line that an offset stands in, from 1; a line ends with \n, \r or both.

    Example:
        >>> row_of("a\r\nb\rc", 5)
        3
    """
    return bisect_right(_starts(text), offset)


@lru_cache(maxsize=8)
def _starts(text: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text)))


def utf16(row: str, column: int) -> int:
    """Return a column, from 1, counted in the code units of UTF-16, as editors do.

    Example:
        >>> utf16("𝐱 = y", 3), utf16("가 = y", 3)
        (4, 3)
    """
    return column + sum(ord(character) > 0xFFFF for character in row[: column - 1])


def changes_of(repair: Repair) -> str:
    """Return what a repair changes, in one row."""
    return ", ".join(f"{before or '∅'} → {after or '∅'}" for before, after in repair.changes)


def _line(report: Report, line: Line, lang: str, colour: bool) -> Iterator[str]:
    signs = " ".join(painted(SIGNS[link.verdict], link.verdict, colour) for link in line.links)
    yield f"{place_of(report, line.part, line.line):>5}  {signs}  {printable(line.target)}\n"
    text = report.texts[line.part]
    repair = next((link.repair for link in line.links if link.repair is not None), None)
    changed = sides_changed(text, line, repair.edits) if repair is not None else {}
    before = None
    for link in line.links:
        same = (link.verdict, link.message) == before and link.mistake == "other_network"
        before = (link.verdict, link.message)
        sides = [changed[side] for side in ((0, 1) if link.index == 1 else (link.index,)) if side in changed]
        if not same:
            yield from _said(line, link, lang, colour)
        if link.mistake != "other_network" and not sides and _is_said(link):
            shown, caret = caret_lines(text, link)
            yield f"           {printable(shown)}\n           {painted(caret, link.verdict, colour)}\n"
        for side in sides:
            yield from _changed(*side, colour)
    for note in line.notes:
        yield f"         {printable(note.text(lang))}\n"
    if repair is not None and not changed:
        yield f"         {sentence('marking.repair', lang=lang)}: {printable(changes_of(repair))}\n"


def _is_said(link: Link) -> bool:
    return link.verdict in (Verdict.WRONG, Verdict.CARRIED, Verdict.UNREADABLE)


def _said(line: Line, link: Link, lang: str, colour: bool) -> Iterator[str]:
    """Yield the verdict and the reason of a link; of a right one only where its value is not."""
    if _is_said(link):
        word = painted(sentence(f"marking.verdict.{link.verdict}", lang=lang), link.verdict, colour)
        kind = f" ({sentence(f'check.mistake.{link.mistake}.name', lang=lang)})" if link.mistake else ""
        reason = f": {link.message.text(lang)}" if link.message else ""
        yield f"       {link.index} {word}{kind}{printable(reason)}\n"
    elif link.verdict is Verdict.RIGHT and link.value_right is False and line.target:
        yield f"       {link.index} {printable(sentence('marking.value_wrong', lang=lang, target=line.target))}\n"


def _changed(before: str, after: str, colour: bool) -> Iterator[str]:
    """Yield a side as it is, carets below what is wrong in it, and the side as it should be."""
    before, after = (" ".join(side.split("\n")).replace("\t", " ").replace("\r", " ") for side in (before, after))
    old, new = difference(before, after)
    head = next((len(text) for text, other in old if not other), 0) if old and not old[0][1] else 0
    tail = len(old[-1][0]) if old and not old[-1][1] and len(old) > 1 else 0
    start = max(0, head - AROUND) if columns(before) > WIDE else 0
    while start and before[start] not in "\\ " and head - start < 2 * AROUND:
        start -= 1
    left_out = max(0, tail - AROUND) if columns(before) > WIDE else 0
    places = list(_spans(old)) or [(len(before), len(before))]
    if not any(other for _, other in old):
        places = [(head, head)]
    lead = "…" if start else ""
    caret, at = "", 0
    for begin, end in places:
        column = columns(printable(lead + before[start:begin]))
        caret += " " * (column - at) + "^" * max(1, columns(printable(before[begin:end])))
        at = max(column + 1, columns(caret))
    for sign, stretches, verdict in (("-", old, Verdict.WRONG), ("+", new, Verdict.RIGHT)):
        whole = sum(len(text) for text, _ in stretches)
        cut = _cut(stretches, start, whole - left_out)
        shown = "".join(painted(printable(text), verdict, colour and other) for text, other in cut)
        yield f"         {sign} {lead}{shown}{'…' if left_out else ''}\n"
        if sign == "-":
            yield f"           {painted(caret, verdict, colour)}\n"


def _spans(stretches: Stretches) -> Iterator[tuple[int, int]]:
    at = 0
    for text, other in stretches:
        if other:
            yield at, at + len(text)
        at += len(text)


def _cut(stretches: Stretches, start: int, end: int) -> Stretches:
    found: Stretches = []
    at = 0
    for text, other in stretches:
        kept = text[max(0, start - at) : max(0, end - at)]
        if kept:
            found.append((kept, other))
        at += len(text)
    return found


def caret_lines(text: str, link: Link) -> tuple[str, str]:
    """Return the part of the author's line that a link stands in, and carets below what it is about."""
    source = row_text(text, link.line)
    begin = min(link.column - 1, len(source))
    end = min(link.end_column - 1, len(source)) if link.end_line == link.line else len(source)
    start = max(0, begin - AROUND) if end > WIDE else 0
    stop = len(source) if len(source) - start <= WIDE else start + WIDE
    shown = source[start:stop].replace("\t", " ")
    lead = "…" if start else ""
    pad = columns(printable(lead + shown[: begin - start]))
    marked = max(1, columns(printable(shown[begin - start : max(end, begin + 1) - start])))
    return f"{lead}{shown}{'…' if stop < len(source) else ''}", " " * pad + "^" * marked


def row_text(text: str, row: int) -> str:
    r"""Return the text of a line, by its number from 1.

    Example:
        >>> row_text("a\r\nb\x0cc\rd", 2)
        'b\x0cc'
    """
    starts = _starts(text)
    if not 0 < row <= len(starts):
        return ""
    end = starts[row] if row < len(starts) else len(text)
    return text[starts[row - 1] : end].rstrip("\r\n")


def printable(text: str) -> str:
    r"""Return a text without characters that would steer a terminal.

    Example:
        >>> printable("a\x1b[31mb")
        'a�[31mb'
    """
    return "".join(c if c == "\n" or (c.isprintable() or c == " ") else "�" for c in text)


def painted(text: str, verdict: Verdict, colour: bool) -> str:
    """Return a text in the colour of a verdict, where colours are wanted."""
    return f"\x1b[{_COLOURS[verdict]}m{text}\x1b[0m" if colour else text
