"""A marked copy in Markdown: a Markdown document as it is with a quotation behind each judged line; others set anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chainrule.judge.forms.difference import difference
from chainrule.judge.forms.text import SIGNS, number, summary
from chainrule.judge.marked.blocks import Block, Math, Region, blocks, regions
from chainrule.judge.marked.remarks import (
    Piece,
    aside,
    points,
    repair_of,
    said,
    tidy,
    word,
)  # fmt: skip
from chainrule.judge.marking import Mark, Marks, marks_of
from chainrule.judge.report import Line, Report
from chainrule.prose import sentence


def write_markdown(report: Report, marks: Marks, lang: str) -> Iterator[str]:
    """Yield the copy."""
    earned = {id(line): mark for line, mark in marks_of(report, marks)}
    native = report.format in ("markdown", "notebook")
    front = ""
    if native and (found := re.match(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*\r?\n", report.texts[0], re.DOTALL)):
        front = found[0]
    yield front
    yield from _top(report, marks, lang)
    for part, text in enumerate(report.texts):
        if part:
            yield "\n"
        lines = [line for line in report.lines if line.part == part]
        if native:
            yield from _inserted(text, len(front) if part == 0 else 0, report.format, lines, earned, lang)
        else:
            for block in blocks(report, part):
                yield from _anew(block, earned, lang)
    yield from _gaps(report, lang)


def _top(report: Report, marks: Marks, lang: str) -> Iterator[str]:
    title = sentence("marking.title", lang=lang, source=code(report.source))
    yield f"> **{title}**\n>\n> {summary(report, marks, lang)}\n>\n"
    yield f"> {sentence('marking.network', lang=lang, networks=code(', '.join(report.networks)))}\n"
    for message in report.reading:
        yield f"> {_escaped(message.text(lang))}\n"
    if marks.targets:
        yield ">\n> | | | |\n> |---|---|---|\n"
        for mark in marks.targets:
            reason = sentence(f"marking.reason.{mark.reason}", lang=lang)
            if mark.line:
                reason += f" ({sentence('marking.from_line', lang=lang, line=mark.line)})"
            name = code(mark.name).replace("|", r"\|")
            yield f"> | {name} | {reason} | {number(mark.points)}/{number(mark.out_of)} |\n"
    yield "\n"


def _gaps(report: Report, lang: str) -> Iterator[str]:
    found = [_sentence(said(gap, lang)) for gap in report.gaps]
    found += [_escaped(sentence("marking.left_out", lang=lang, reason=p.text(lang))) for p in report.problems]
    if found:
        yield f"\n> **{sentence('marking.gaps', lang=lang)}**\n>\n"
        yield "".join(f"> - {text}\n" for text in found)


# A Markdown document as it is


def _inserted(
    text: str, start: int, format: str, lines: Sequence[Line], earned: dict[int, Mark | None], lang: str
) -> Iterator[str]:
    """Yield a text from an offset on, with remarks behind the paragraphs that they are about."""
    places: dict[int, tuple[str, list[Line]]] = {}
    for region in regions(text, format, lines):
        if region.lines:
            place = _place(text, region)
            places.setdefault(place, (_prefix(text, region.start), []))[1].extend(region.lines)
    at = start
    for place in sorted(places):
        prefix, own = places[place]
        yield text[at:place]
        at = place
        if not text[:place].endswith("\n"):
            yield "\n"
        rows = [row for line in own for row in (*_remark(line, earned.get(id(line)), lang, several=len(own) > 1), "")]
        yield f"{prefix.rstrip()}\n" + "".join(f"{prefix}> {row}".rstrip() + "\n" for row in rows[:-1])
        if text[at : at + 1] not in ("\n", "\r", ""):
            yield f"{prefix.rstrip()}\n"
    yield text[at:]
    if not text.endswith("\n") and at < len(text):
        yield "\n"


def _place(text: str, region: Region) -> int:
    """Return where what is said of a region goes: behind its row, or behind its paragraph where words follow it."""
    end = _row_end(text, region.end)
    if region.kind == "display" and not re.search(r"\w", text[region.end : end]):
        return end
    while end < len(text):
        row = text[end : _row_end(text, end)]
        if re.fullmatch(r"[ \t>]*\r?\n?", row) or re.match(
            r"[ \t>]*(?:#{1,6}[ \t]|`{3}|~{3}|\$\$|(?:[-*+]|\d{1,9}[.)])[ \t])", row
        ):
            break
        end = _row_end(text, end)
    return end


def _row_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _prefix(text: str, at: int) -> str:
    """Return what a row behind this one begins with to stand in the same list or quotation."""
    row = text[text.rfind("\n", 0, at) + 1 : at]
    found = re.match(r"[ \t>]*", row)
    assert found is not None
    mark = re.match(r"(?:[-*+]|\d{1,9}[.)])[ \t]+", row[found.end() :])
    return found[0] + " " * (mark.end() if mark else 0)


# Another document, set anew


def _anew(block: Block, earned: dict[int, Mark | None], lang: str) -> Iterator[str]:
    if block.kind == "code":
        yield _fenced("".join(map(str, block.pieces)), "") + "\n"
    elif block.kind == "heading":
        yield f"{'#' * block.level} {_escaped(''.join(map(str, block.pieces)))}\n\n"
    elif block.kind == "display":
        for piece in block.pieces:
            if isinstance(piece, Math):
                yield _display(piece)
    else:
        inside = "".join(_inline(piece) if isinstance(piece, Math) else _escaped(piece) for piece in block.pieces)
        yield f"{inside.strip()}\n\n"
    rows = [row for line in block.lines for row in (*_remark(line, earned.get(id(line)), lang, several=True), "")]
    if rows:
        yield "".join(f"> {row}".rstrip() + "\n" for row in rows[:-1]) + "\n"


def _display(math: Math) -> str:
    if math.markup != "latex":
        return _fenced(math.source, "") + "\n"
    if not math.lines:
        return f"$$\n{tidy(math.source)}\n$$\n\n"
    return "".join(f"$$\n{tidy(line.source)}\n$$\n\n" for line in math.lines)


def _inline(math: Math) -> str:
    return f"${tidy(math.source)}$" if math.markup == "latex" else code(math.source)


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}\n"


# What is said of a line


def _remark(line: Line, mark: Mark | None, lang: str, *, several: bool) -> Iterator[str]:
    """Yield the rows of what is said of a line, without the mark of a quotation."""
    signs = " ".join(SIGNS[link.verdict] for link in line.links)
    head = f"**{sentence('marking.line', lang=lang, line=line.line)}** " if several else ""
    yield f"{head}{signs} {points(mark, lang)}".rstrip()
    found: list[str] = []
    before = None
    for link in line.links:
        extra = _sentence(aside(line, link, lang))
        if link.message is not None and (link.verdict, link.message) != before:
            words = f"{SIGNS[link.verdict]} **{word(link, lang)}**: {_sentence(said(link.message, lang))}"
            found.append(f"- {link.index}: {words}{' ' if extra else ''}{extra}")
        elif extra:
            found.append(f"- {link.index}: {extra}")
        before = (link.verdict, link.message)
    found += [f"- {_sentence(said(note, lang))}" for note in line.notes]
    link_with = repair_of(line)
    repair = None if link_with is None else link_with.repair
    if repair is not None:
        changes = ", ".join(f"~~{code(before or '∅')}~~ → {code(after or '∅')}" for before, after in repair.changes)
        found.append(f"- **{sentence('marking.repair', lang=lang)}**: {changes}")
    if found:
        yield ""
        yield from found
    if repair is not None:
        old, new = difference(repair.before, repair.after)
        rows = (
            f"{sign} {' '.join(''.join(text for text, _ in side).split())}" for sign, side in (("-", old), ("+", new))
        )
        yield ""
        yield from _fenced("\n".join(rows), "diff").rstrip().split("\n")


def _sentence(pieces: Sequence[Piece]) -> str:
    return "".join(_escaped(piece.text) if piece.kind == "words" else code(piece.text) for piece in pieces)


def code(text: str) -> str:
    """Return a text as code within a row, whatever it holds.

    Example:
        >>> code("z_1^1"), code("a`b")
        ('`z_1^1`', '`` a`b ``')
    """
    text = " ".join(text.split()) or " "
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return f"`{text}`" if not longest else f"{'`' * (longest + 1)} {text} {'`' * (longest + 1)}"


def _escaped(text: str) -> str:
    r"""Return words in which nothing is a mark."""
    return re.sub(r"([\\`*_\[\]<>#|$~])", r"\\\1", text)
