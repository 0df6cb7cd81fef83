"""Text for a terminal: every line with its verdicts; what is wrong with carets, the reason and the repair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.judge.marking import Marks
from chainrule.judge.report import Line, Link, Report, Verdict
from chainrule.prose import sentence
from chainrule.width import columns

SIGNS = {
    Verdict.RIGHT: "✓", Verdict.WRONG: "✗", Verdict.CARRIED: "↪", Verdict.UNREADABLE: "?", Verdict.DEFINITION: "≔",
}  # fmt: skip
"""A sign for each verdict, so that it is never said by colour alone."""

_COLOURS = {
    Verdict.RIGHT: "32", Verdict.WRONG: "31", Verdict.CARRIED: "33", Verdict.UNREADABLE: "35", Verdict.DEFINITION: "36",
}  # fmt: skip

WIDE = 100
"""How many columns of an author's line are shown around what is wrong in it."""


def write_text(judged: Sequence[tuple[Report, Marks]], lang: str, *, colour: bool = False) -> Iterator[str]:
    """Yield the report of each document."""
    for number, (report, marks) in enumerate(judged):
        if number:
            yield "\n"
        yield from _report(report, marks, lang, colour)


def _report(report: Report, marks: Marks, lang: str, colour: bool) -> Iterator[str]:
    yield (
        sentence("marking.heading", lang=lang, source=printable(report.source), networks=", ".join(report.networks))
        + "\n"
    )
    for message in report.reading:
        yield f"  {message.text(lang)}\n"
    yield "\n"
    for line in report.lines:
        yield from _line(report, line, lang, colour)
    if report.gaps:
        yield "\n" + sentence("marking.gaps", lang=lang) + "\n"
        for gap in report.gaps:
            yield f"  {gap.text(lang)}\n"
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


def _line(report: Report, line: Line, lang: str, colour: bool) -> Iterator[str]:
    signs = " ".join(_painted(SIGNS[link.verdict], link.verdict, colour) for link in line.links)
    place = f"{line.line}" if len(report.texts) == 1 else f"[{line.part + 1}] {line.line}"
    yield f"{place:>5}  {signs}  {printable(line.target)}\n"
    for link in line.links:
        if link.verdict in (Verdict.WRONG, Verdict.CARRIED, Verdict.UNREADABLE):
            yield from _link(report, line, link, lang, colour)
    for note in line.notes:
        yield f"         {note.text(lang)}\n"
    repair = next((link.repair for link in line.links if link.repair is not None), None)
    if repair is not None:
        changes = ", ".join(f"{before or '∅'} → {after or '∅'}" for before, after in repair.changes)
        yield f"         {sentence('marking.repair', lang=lang)}: {printable(changes)}\n"


def _link(report: Report, line: Line, link: Link, lang: str, colour: bool) -> Iterator[str]:
    shown, caret = caret_lines(report.texts[line.part], link)
    word = sentence(f"marking.verdict.{link.verdict}", lang=lang)
    kind = f" ({sentence(f'check.mistake.{link.mistake}.name', lang=lang)})" if link.mistake else ""
    reason = f": {link.message.text(lang)}" if link.message else ""
    yield f"         {printable(shown)}\n         {_painted(caret, link.verdict, colour)}\n"
    yield f"         {link.index}. {_painted(word, link.verdict, colour)}{kind}{printable(reason)}\n"


def caret_lines(text: str, link: Link) -> tuple[str, str]:
    """Return the part of the author's line that a link stands in, and carets below its right side."""
    lines = text.splitlines()
    source = lines[link.line - 1] if 0 < link.line <= len(lines) else ""
    begin = link.column - 1
    end = link.end_column - 1 if link.end_line == link.line else len(source)
    start = max(0, begin - WIDE // 3) if end > WIDE else 0
    shown = source[start : start + WIDE].expandtabs(1)
    pad = columns(shown[: begin - start])
    marked = max(1, columns(shown[begin - start : max(end, begin + 1) - start]))
    return ("…" if start else "") + shown, " " * (pad + (1 if start else 0)) + "^" * marked


def printable(text: str) -> str:
    r"""Return a text without characters that would steer a terminal.

    Example:
        >>> printable("a\x1b[31mb")
        'a�[31mb'
    """
    return "".join(c if c == "\n" or (c.isprintable() or c == " ") else "�" for c in text)


def _painted(text: str, verdict: Verdict, colour: bool) -> str:
    return f"\x1b[{_COLOURS[verdict]}m{text}\x1b[0m" if colour else text
