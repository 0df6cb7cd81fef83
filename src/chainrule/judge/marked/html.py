"""A marked copy as one HTML file that stands alone: nothing is fetched, nothing that a person typed is markup.

The page is that of `chainrule.show.html` (KaTeX inside, `trust: false`, a policy that lets no other script run), with
each side of a judged chain as a formula of its own and its verdict behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from chainrule.judge.forms.difference import difference
from chainrule.judge.forms.text import SIGNS, number
from chainrule.judge.marked.blocks import Block, Math, blocks
from chainrule.judge.marked.remarks import (
    Piece,
    aside,
    name_source,
    origin,
    points,
    relation,
    repair_of,
    said,
    sides_of,
    tidy,
    word,
)  # fmt: skip
from chainrule.judge.marking import Mark, Marks, marks_of
from chainrule.judge.report import Line, Link, Message, Report, Verdict
from chainrule.prose import sentence
from chainrule.show.html import escape, page_begin, page_end


def write_html(report: Report, marks: Marks, lang: str) -> Iterator[str]:
    """Yield the page."""
    style = files("chainrule.judge.marked").joinpath("marked.css").read_text(encoding="utf-8")
    title = sentence("marking.title", lang=lang, source=report.source)
    yield page_begin(title, lang, style)
    copy = _Copy(report, marks, lang)
    yield from copy.top(title)
    for part in range(len(report.texts)):
        if len(report.texts) > 1:
            yield f'<p class="cell">{copy.say("cell", cell=copy.cell(part))}</p>\n'
        yield '<section class="paper">\n'
        for block in blocks(report, part):
            yield from copy.block(block)
        yield "</section>\n"
    yield from copy.gaps()
    yield page_end()


class _Copy:
    """One report being written; lines have ids, so that one can lead to another."""

    def __init__(self, report: Report, marks: Marks, lang: str) -> None:
        self.report = report
        self.marks = marks
        self.lang = lang
        self.own = {id(line): mark for line, mark in marks_of(report, marks)}
        self.ids: dict[int, str] = {}
        taken: dict[str, int] = {}
        for line in report.lines:
            name = f"line-{line.line}" if len(report.texts) == 1 else f"cell-{self.cell(line.part)}-line-{line.line}"
            taken[name] = count = taken.get(name, 0) + 1
            self.ids[id(line)] = name if count == 1 else f"{name}-{count}"

    def say(self, key: str, **facts: object) -> str:
        """Return a sentence of ours as text of the page."""
        return escape(sentence(f"marking.{key}", lang=self.lang, **facts))

    def cell(self, part: int) -> int:
        """Return the number of a part as its notebook counts it."""
        return self.report.cells[part] if self.report.cells else part + 1

    # The top and the end

    def top(self, title: str) -> Iterator[str]:
        """Yield the title, the points, how many of each, and how the document was read."""
        report, marks = self.report, self.marks
        yield f'<header class="top">\n<h1>{escape(title)}</h1>\n'
        earned = self.say("points", points=number(marks.points), out_of=number(marks.out_of))
        yield f'<p class="score">{earned}</p>\n<ul class="tally">\n'
        for verdict in Verdict:
            count = report.count(verdict)
            if count or verdict in (Verdict.RIGHT, Verdict.WRONG):
                yield f'<li class="{verdict}">{self.sign(verdict, hidden=False)} {count}</li>\n'
        yield "</ul>\n"
        first = next((line for line in report.lines if line.verdict in (Verdict.WRONG, Verdict.CARRIED)), None)
        if first is not None:
            yield f'<p class="jump"><a href="#{self.ids[id(first)]}">{self.say("jump")}</a></p>\n'
        yield f'<p class="why">{self.say("network", networks=", ".join(report.networks))}'
        yield "".join(f"<br>{escape(message.text(self.lang))}" for message in report.reading) + "</p>\n"
        yield from self.targets(marks.targets)
        yield "</header>\n"

    def targets(self, targets: Sequence[Mark]) -> Iterator[str]:
        """Yield a table of the answers that a rubric asks for."""
        if not targets:
            return
        yield f'<table class="targets">\n<caption>{self.say("targets")}</caption>\n'
        for mark in targets:
            line = next((one for one in self.report.lines if mark.line and one.line == mark.line), None)
            place = (
                "" if line is None else f'<a href="#{self.ids[id(line)]}">{self.say("from_line", line=mark.line)}</a>'
            )
            yield (
                f'<tr><th scope="row">{escape(mark.name)}</th><td>{self.say(f"reason.{mark.reason}")}</td>'
                f"<td>{place}</td><td>{number(mark.points)}/{number(mark.out_of)}</td></tr>\n"
            )
        yield "</table>\n"

    def gaps(self) -> Iterator[str]:
        """Yield what is missing, and what was left out."""
        found = [self.sentence(message) for message in self.report.gaps]
        found += [self.say("left_out", reason=problem.text(self.lang)) for problem in self.report.problems]
        if found:
            yield f'<section class="gaps">\n<h2>{self.say("gaps")}</h2>\n<ul>\n'
            yield "".join(f"<li>{text}</li>\n" for text in found)
            yield "</ul>\n</section>\n"

    # The document

    def block(self, block: Block) -> Iterator[str]:
        """Yield a block of the document, and behind it what is said of the lines in it."""
        if block.kind == "code":
            yield f"<pre>{escape(''.join(map(str, block.pieces)))}</pre>\n"
            return
        if block.kind == "heading":
            level = min(block.level + 1, 6)
            yield f"<h{level}>{escape(''.join(map(str, block.pieces)))}</h{level}>\n"
            return
        if block.kind == "display":
            for piece in block.pieces:
                if isinstance(piece, Math):
                    yield from self.display(piece)
            return
        inside = "".join(
            self.inline(piece) if isinstance(piece, Math) else escape(piece.strip("\r\n") if alone else piece)
            for alone in (len(block.pieces) == 1,) for piece in block.pieces
        )  # fmt: skip
        yield f'<p class="words">{inside.strip()}</p>\n'
        for line in block.lines:
            remarks = "".join(self.remarks(line))
            if remarks:
                begin = f'<div class="judged {line.verdict} below" id="{self.ids[id(line)]}">'
                yield f"{begin}{self.head(line)}{remarks}</div>\n"

    def inline(self, math: Math) -> str:
        """Return a formula among words."""
        if not math.lines:
            return self.math(math.source, math.markup)
        pieces: list[str] = []
        for rest, line in zip(math.rests, math.lines, strict=False):
            pieces += [self.rest(rest, math.markup), self.chain(line)]
        return "".join((*pieces, self.rest(math.rests[-1], math.markup)))

    def display(self, math: Math) -> Iterator[str]:
        """Yield a formula that stands by itself, each judged line in it with its remarks."""
        if not math.lines:
            yield f'<div class="line"><div class="sides">{self.math(math.source, math.markup)}</div></div>\n'
            return
        for rest, line in zip(math.rests, math.lines, strict=False):
            if rest:
                yield f'<div class="rest">{self.rest(rest, math.markup)}</div>\n'
            yield f'<div class="judged {line.verdict}" id="{self.ids[id(line)]}">{self.head(line)}'
            yield f'<div class="sides">{self.chain(line)}</div>{"".join(self.remarks(line))}</div>\n'
        if math.rests[-1]:
            yield f'<div class="rest">{self.rest(math.rests[-1], math.markup)}</div>\n'

    def head(self, line: Line) -> str:
        """Return the number of a line and its points."""
        mark = self.own.get(id(line))
        earned = "" if mark is None else f'<span class="points">{points(mark, self.lang)}</span>'
        return (
            f'<div class="number"><a href="#{self.ids[id(line)]}">{self.say("line", line=line.line)}</a>{earned}</div>'
        )

    def chain(self, line: Line) -> str:
        """Return a chain, side by side, each with its verdict."""
        found = [self.math(line.links[0].lhs, line.markup)] if line.links else []
        for link in line.links:
            sign = relation(self.report, line, link)
            side = self.math(f"{sign} {link.rhs}", line.markup)
            found.append(f'<span class="link {link.verdict}">{side}{self.sign(link.verdict)}</span>')
        return " ".join(found)

    def rest(self, text: str, markup: str) -> str:
        """Return what stands between two chains of one formula."""
        words = text.removeprefix("\\intertext{").removeprefix("\\text{")
        if words != text and words.endswith("}") and "\\" not in words:
            return escape(f" {words[:-1]} ")
        return self.math(text, markup) if text else ""

    def sign(self, verdict: Verdict, *, hidden: bool = True) -> str:
        """Return a verdict as a sign, and in words for who cannot see it."""
        kind = ' class="unseen"' if hidden else ""
        return (
            f'<span class="sign {verdict}"><span aria-hidden="true">{SIGNS[verdict]}</span>'
            f"<span{kind}> {self.say(f'verdict.{verdict}')}</span></span>"
        )

    def math(self, source: str, markup: str) -> str:
        """Return a formula in the author's notation."""
        if markup != "latex":
            return f'<code class="plain">{escape(source)}</code>'
        return f'<span class="math">{escape(tidy(source))}</span>'

    # What is said of a line

    def remarks(self, line: Line) -> Iterator[str]:
        """Yield the reasons, the notes and the repair of a line, where there are any."""
        found: list[str] = []
        before = None
        for link in line.links:
            extra = "".join(self.piece(piece, line.markup) for piece in aside(line, link, self.lang))
            said_before = (link.verdict, link.message)
            if link.message is not None and said_before != before:
                found.append(self.reason(line, link, extra))
            elif extra:
                found.append(f"<li>{link.index}. {extra}</li>")
            before = said_before
        found += [f'<li class="note">{self.sentence(note)}</li>' for note in line.notes]
        if found:
            yield f'<ul class="remarks">{"".join(found)}</ul>'
        link_with = repair_of(line)
        if link_with is not None:
            yield self.repair(line, link_with)

    def reason(self, line: Line, link: Link, extra: str) -> str:
        """Return why a link is not right."""
        assert link.message is not None
        words = self.sentence(link.message, line.markup)
        source = origin(self.report, line, link)
        if source is not None:
            words = f'<a href="#{self.ids[id(source)]}">{words}</a>'
        more = f" {extra}" if extra else ""
        return (
            f'<li class="{link.verdict}"><span class="verdict">{link.index}. '
            f'<span class="mark" aria-hidden="true">{SIGNS[link.verdict]}</span> {escape(word(link, self.lang))}'
            f"</span>: {words}{more}</li>"
        )

    def sentence(self, message: Message, markup: str = "latex") -> str:
        """Return a sentence of the judge, with the formulas in it set."""
        return "".join(self.piece(piece, markup) for piece in said(message, self.lang))

    def piece(self, piece: Piece, markup: str) -> str:
        """Return a piece of a sentence."""
        if piece.kind == "name":
            return f'<span class="math">{escape(name_source(piece.text))}</span>'
        return self.math(piece.text, markup) if piece.kind == "source" and piece.text != "∅" else escape(piece.text)

    def repair(self, line: Line, link: Link) -> str:
        """Return a repair: what changes, the line with it, and the difference in the source."""
        repair = link.repair
        assert repair is not None
        changes = ", ".join(
            f"<del>{self.piece(Piece(before or '∅', 'source'), line.markup)}</del> → "
            f"<ins>{self.piece(Piece(after or '∅', 'source'), line.markup)}</ins>"
            for before, after in repair.changes
        )  # fmt: skip
        sides = " ".join(self.math(side, line.markup) for side in sides_of(repair.after))
        old, new = difference(repair.before, repair.after)
        rows = ""
        for kind, sign, tag, stretches in (("old", "-", "del", old), ("new", "+", "ins", new)):
            inside = "".join(self.stretch(text, changed, tag) for text, changed in stretches)
            rows += f'<span class="{kind}">{sign} {inside}</span>\n'
        return (
            f'<div class="repair"><p><span class="label">{self.say("repair")}</span> {changes}</p>'
            f'<div class="sides">{sides}</div>'
            f'<details><summary>{self.say("difference")}</summary><pre class="diff">{rows}</pre></details></div>'
        )

    @staticmethod
    def stretch(text: str, changed: bool, tag: str) -> str:
        """Return a stretch of a source, marked where it is changed."""
        words = escape(" ".join(text.split("\n")))
        return f"<{tag}>{words}</{tag}>" if changed else words
