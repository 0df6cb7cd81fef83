"""What was found, written into Lines: what follows from what, the mistakes by name, and the repairs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.expr import Matrix, Ref, Symbol
from chainrule.judge.court import Claim, Court, outcome
from chainrule.judge.fixes import applied
from chainrule.judge.heard import Heard, relevant
from chainrule.judge.meaning import NotJudged, ShapesClash, Val
from chainrule.judge.reading import NoMeaning
from chainrule.judge.repair import Mended
from chainrule.judge.report import Edit, Line, Link, Message, Repair, Verdict
from chainrule.judge.rows import Row
from chainrule.judge.spelled import spelled
from chainrule.judge.syntax import Derivative, Name, Span

if TYPE_CHECKING:
    from chainrule.judge.document import Document
    from chainrule.judge.judging import Judge


class Writer:
    """Writes what was found into Lines, in order: what follows from what, and the repairs."""

    def __init__(self, judge: Judge, court: Court, document: Document) -> None:
        self.judge = judge
        self.court = court
        self.document = document

    def lines(self, heard: Sequence[Heard]) -> Iterator[Line]:
        claims: list[Claim] = []
        for one in heard:
            self.court.bindings = relevant(one.row, one.bindings)
            self.court.claims = claims
            yield self._line(one)
            claims += self._claims(one)

    def _number(self, row: Row) -> int:
        return self.document.position(row.part, row.place(*row.chain.span)[0])[0]

    def _line(self, one: Heard) -> Line:
        row, chain = one.row, one.row.chain
        whole = _opened(row.source, chain.span)
        start, end = row.place(*whole)
        read = [side.spelling for side in chain.sides]
        links = [self._link(one, index, (read[index], read[index + 1])) for index in range(len(chain.sides) - 1)]
        if any(link.verdict in (Verdict.WRONG, Verdict.CARRIED) for link in links):
            mended = self.judge.mended(self.court, one) if self.judge.repairs and not self.judge.late else None
            links = [self._explained(one, link, mended) for link in links]
        return Line(
            part=row.part,
            line=self.document.position(row.part, start)[0],
            start=start,
            end=end,
            source=row.text(whole),
            target=read[0],
            links=tuple(links),
            notes=tuple(self._notes(one)),
            markup=row.markup,
        )

    def _link(self, one: Heard, index: int, read: tuple[str, str]) -> Link:
        row, chain = one.row, one.row.chain
        left, right = (_opened(row.source, chain.sides[at].span) for at in (index, index + 1))
        finding = one.findings[index]
        start, end = row.place(*right)
        line, column = self.document.position(row.part, start)
        end_line, end_column = self.document.position(row.part, end)
        carried: int | None = None
        message: Message | None = None
        if index == 0 and one.defines is not None:
            verdict = Verdict.DEFINITION
        elif finding.trouble is not None:
            verdict = Verdict.UNREADABLE
            message = Message(f"unread.{finding.trouble.reason}", dict(finding.trouble.facts))
            place = row.place(*finding.trouble.span)
            line, column = self.document.position(row.part, place[0])
            end_line, end_column = self.document.position(row.part, max(place))
        elif finding.equal:
            verdict = Verdict.RIGHT
        else:
            # Each earlier line is tried, so that this takes longest of all where many lines are wrong.
            known = finding.clash is None and not self.judge.late
            carried = self.court.carried_from(chain, index) if known else None
            verdict = Verdict.WRONG if carried is None else Verdict.CARRIED
        return Link(
            line=line, column=column, end_line=end_line, end_column=end_column, start=start, end=end, index=index + 1,
            lhs=row.text(left), rhs=row.text(right),
            read=read, verdict=verdict, value_right=None if verdict is Verdict.DEFINITION else finding.value_right,
            message=message, carried_from=carried,
        )  # fmt: skip

    def _explained(self, one: Heard, link: Link, mended: Mended | None) -> Link:
        """Return a wrong link with the name of its mistake, the reason and the repair of its line."""
        if link.verdict not in (Verdict.WRONG, Verdict.CARRIED):
            return link
        finding = one.findings[link.index - 1]
        fix = None
        if mended is not None:
            fixes = mended.fixes
            head = fixes.get(0) if link.index == 1 else None
            fix = head or fixes.get(link.index) or fixes.get(link.index - 1) or next(iter(fixes.values()))
        kind = fix.kind if fix is not None else "wrong_shape" if finding.clash is not None else "wrong_value"
        facts: dict[str, object] = {}
        if link.verdict is Verdict.CARRIED:
            message = Message("why.carried", {"line": link.carried_from})
        elif finding.clash is not None:
            clash = finding.clash
            message = Message("why.clash", {
                "operation": clash.operation, "left": _shape(clash.left), "right": _shape(clash.right),
            })  # fmt: skip
        elif fix is not None:
            before, after = fix.changes[0]
            facts = {"before": before, "after": after}
            gone = not after and kind in ("extra_factor", "extra_path")
            message = Message(f"why.{kind}_gone" if gone else f"why.{kind}", facts)
        else:
            message = Message("why.wrong_value")
        repair = None if mended is None else self._repair(one.row, mended)
        return replace(link, mistake=kind, message=message, repair=repair)

    def _repair(self, row: Row, mended: Mended) -> Repair:
        edits = sorted((e for fix in mended.fixes.values() for e in fix.edits), key=lambda e: (e.start, e.end))
        changes = list(dict.fromkeys(change for fix in mended.fixes.values() for change in fix.changes))
        whole = _opened(row.source, row.chain.span)
        inner = [Edit(e.start - whole[0], e.end - whole[0], e.text) for e in edits]
        before = row.text(whole)
        placed = tuple(Edit(*row.place(e.start, e.end), e.text) for e in edits)
        if not all(row.exact(e.start, e.end) for e in edits):
            placed = ()  # inside of a macro: the text itself cannot be edited there
        return Repair(placed, tuple(changes), before, applied(before, inner))

    def _notes(self, one: Heard) -> Iterator[Message]:
        """Yield what is to be said of derivatives that are 0: against the figure's direction, or without a path."""
        chain = one.row.chain
        if all(f.equal is not False for f in one.findings):
            return
        interpreter = self.court.interpreter(chain)
        said = set()
        for side in chain.sides:
            for part in side.parts:
                if not isinstance(part, Derivative):
                    continue
                try:
                    of, by = interpreter.atoms(part, {})
                except (NoMeaning, NotJudged, ShapesClash):
                    continue
                if not isinstance(of, Ref) or not isinstance(by, Ref):
                    continue
                relation = interpreter.numbers.world.relation(of, by)
                text = spelled(part)
                if relation in ("backwards", "none") and text not in said:
                    said.add(text)
                    yield Message(f"note.{relation}", {"partial": text, "of": spelled(part.of), "by": spelled(part.by)})

    def _claims(self, one: Heard) -> Iterator[Claim]:
        """Yield the wrong values that a row gives to its target."""
        if all(f.value_right is not False for f in one.findings):
            return
        chain = one.row.chain
        target = self.court.target(chain)
        if target is None:
            return
        interpreter = self.court.interpreter(chain)
        by = target.symbol if isinstance(target, Matrix) else target
        head = chain.sides[0].node
        factor = interpreter.meant(head, {}).factor if isinstance(head, Name) else 1
        for side, finding in zip(chain.sides[1:], one.findings, strict=True):
            if finding.value_right is False and finding.trouble is None:
                value = outcome(interpreter, side, {}, chain.relations)
                if isinstance(value, Val) and (not value.matrix or isinstance(by, Symbol)):
                    world = interpreter.numbers.world
                    claimed = value.value if value.matrix else np.broadcast_to(value.value, (world.points,))
                    claimed = claimed / factor
                    yield Claim(by, self._number(one.row), world.samples, claimed)


_OPENER = re.compile(r"\\(?:left|[bB]igg?l?)\s*\Z")


def _opened(source: str, span: Span) -> Span:
    r"""Return the span of a side with the `\left` before its first bracket, which belongs to it on the page."""
    found = _OPENER.search(source, max(0, span[0] - 12), span[0])
    return (found.start(), span[1]) if found else span


def _shape(sizes: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, sizes)) + ")"
