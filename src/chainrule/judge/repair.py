"""The smallest repair of a line: what has to change for all of its sides to have the value of its target.

Each side is repaired by itself, since a side is right or wrong by itself: the same name may be right on one and wrong
on the other. The target may be what is wrong: then every side is measured against another target. What is found is read
and judged again before it is offered, and a repair after which both sides are 0 is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.judge.atoms import Atoms
from chainrule.judge.court import Court, outcome
from chainrule.judge.fixes import Fix, applied, renamed
from chainrule.judge.indices import both_names, one_name, two_names
from chainrule.judge.meaning import Interpreter, NotJudged, ShapesClash, Val
from chainrule.judge.moves import Moves, chosen
from chainrule.judge.needed import wide
from chainrule.judge.numbers import Sameness
from chainrule.judge.reading import NoMeaning
from chainrule.judge.rows import Row
from chainrule.judge.speller import Speller
from chainrule.judge.structure import PATH, Structure
from chainrule.judge.syntax import Derivative, Node, Span, Unread, parts_of

Array = np.ndarray[Any, Any]

SECONDS = 0.5
"""How long one line is worked at, in time of the processor: a busy machine finds the same repairs."""

MOST_READ = 24
"""How many fixes of a side are read again, the cheapest first."""

GIVEN_UP = 9.0
"""The cost of a side for which no repair is found."""


@dataclass(frozen=True, slots=True)
class Mended:
    """The repair of a line: by side, what is changed there."""

    fixes: dict[int, Fix]

    @property
    def cost(self) -> float:
        """What all of it costs."""
        return sum(fix.cost for fix in self.fixes.values())


class Mender:
    """Looks for the smallest repair of one row of numbers (no whole matrices, no running letters)."""

    def __init__(self, court: Court, row: Row, atoms: Atoms) -> None:
        self.court = court
        self.row = row
        self.atoms = atoms
        self.interpreter = court.interpreter(row.chain)
        self.points = self.interpreter.numbers.world.points
        self.source, self.markup = row.source, row.markup
        self.speller = Speller(self.source, self.markup, row.chain.names, court.reading, self.interpreter.numbers)
        self.values: list[Array | None] = [self._value(index) for index in range(len(row.chain.sides))]
        self._moves: dict[int, Moves] = {}
        self._until = time.thread_time() + SECONDS

    def _value(self, index: int) -> Array | None:
        found = outcome(self.interpreter, self.row.chain.sides[index], {}, self.row.chain.relations)
        if not isinstance(found, Val) or found.matrix:
            return None
        return wide(found.value, self.points)

    def moves(self, index: int) -> Moves:
        """Return the moves of a side."""
        if index not in self._moves:
            node = self.row.chain.sides[index].node
            assert not isinstance(node, Unread)
            self._moves[index] = Moves(node, self.interpreter)
        return self._moves[index]

    def mended(self) -> Mended | None:
        """Return the smallest repair, or None."""
        head = self.values[0]
        if head is None:
            return None
        wrong = [i for i, value in enumerate(self.values) if i and value is not None and not self._same(value, head)]
        best: Mended | None = None
        if np.any(head):
            best = self._sides(wrong, head, GIVEN_UP)
        limit = best.cost if best is not None else GIVEN_UP
        if limit > 1.2:
            for fix, target in self._heads():
                others = [i for i, v in enumerate(self.values) if i and v is not None and not self._same(v, target)]
                if fix.cost + len(others) >= limit or time.thread_time() > self._until:
                    continue
                found = self._sides(others, target, limit - fix.cost)
                if found is not None and fix.cost + found.cost < limit:
                    whole = Mended({0: fix, **found.fixes})
                    if self._holds(whole):
                        best, limit = whole, whole.cost
        return best if best is not None and best.fixes and self._holds(best) else None

    def _same(self, one: Array, other: Array) -> bool:
        sizes = Val(one, abs(one)), Val(other, abs(other))
        return self.interpreter.numbers.compare(*sizes) is Sameness.EQUAL or bool(
            (abs(one - other) <= 1e-9 * (abs(one) + abs(other))).all()
        )

    def _heads(self) -> Iterator[tuple[Fix, Array]]:
        """Yield other targets that the left side could mean, with what they are worth."""
        moves = self.moves(0)
        whole = moves.spots[id(moves.node)]
        for move in moves.singles:
            if move.places[0].holder is not whole.node:
                continue
            for choice, target in enumerate(moves.alone(move.places[0], move)):
                if np.all(np.isfinite(target)) and np.any(target):
                    fix = renamed(move.cost(choice), chosen(move, choice), self.source, self.markup)
                    yield Fix(fix.cost, "wrong_side", fix.edits, fix.changes), target

    def _sides(self, wrong: list[int], target: Array, limit: float) -> Mended | None:
        """Return the repair of several sides for a target, or None where it would cost more than a limit."""
        found: dict[int, Fix] = {}
        cost = 0.0
        for number, index in enumerate(wrong):
            left = limit - cost - (len(wrong) - number - 1)
            fix = self._side(index, target, left)
            if fix is None:
                return None
            found[index] = fix
            cost += fix.cost
            if cost >= limit:
                return None
        return Mended(found)

    def _side(self, index: int, target: Array, limit: float) -> Fix | None:
        """Return the cheapest fix of a side that holds when it is read again."""
        moves = self.moves(index)
        structure = Structure(moves, target, self.atoms, self.speller, self.court.target(self.row.chain))
        stages: tuple[Callable[[], list[Fix]], ...] = (
            lambda: [*one_name(moves, target, self.source, self.markup), *structure.fixes()],
            lambda: [*structure.forgotten()],
            lambda: [*both_names(moves, target, self.source, self.markup),
                     *two_names(moves, target, self.source, self.markup)],
        )  # fmt: skip
        best: Fix | None = None
        for least, stage in zip((1.0, PATH, 2.0), stages, strict=True):
            if limit <= least or (best is not None and least == 2.0) or time.thread_time() > self._until:
                return best
            fixes = (fix for fix in stage() if all(touches(fix, span) for span in moves.dead))
            for fix in sorted(fixes, key=lambda fix: (fix.cost, fix.edits[0].start))[:MOST_READ]:
                if fix.cost >= limit:
                    break
                if self._fits(index, fix, target):
                    best, limit = fix, fix.cost
                    break
        return best

    def _fits(self, index: int, fix: Fix, target: Array) -> bool:
        """Return whether a side with a fix, read again, has a value."""
        row = self.row.again(applied(self.source, fix.edits))
        if row is None:
            return False
        interpreter = self.court.interpreter(row.chain)
        found = outcome(interpreter, row.chain.sides[index], {}, row.chain.relations)
        if not alive(row.chain.sides[index].node, interpreter):
            return False
        return isinstance(found, Val) and not found.matrix and self._same(
            wide(found.value, self.points), target
        )  # fmt: skip

    def _holds(self, mended: Mended) -> bool:
        """Return whether the whole row, read again, is right where it can be read, and not as 0 = 0."""
        edits = tuple(edit for fix in mended.fixes.values() for edit in fix.edits)
        row = self.row.again(applied(self.source, edits))
        if row is None:
            return False
        interpreter = self.court.interpreter(row.chain)
        if not all(alive(row.chain.sides[index].node, interpreter) for index in mended.fixes):
            return False
        findings = self.court.findings(row.chain)
        return all(f.equal is not False and not f.zero for f in findings) and any(f.equal for f in findings)


def touches(fix: Fix, span: Span) -> bool:
    """Return whether a fix changes something in a span."""
    return any(edit.start < span[1] and edit.end > span[0] for edit in fix.edits)


def alive(node: Node | Unread, interpreter: Interpreter) -> bool:
    """Return whether no derivative in a side is 0: one against the direction of the figure, or without a path."""
    if isinstance(node, Unread):
        return False
    for part in parts_of(node):
        if isinstance(part, Derivative):
            try:
                if not np.any(interpreter.value(part, {}).value):
                    return False
            except (NoMeaning, NotJudged, ShapesClash):
                continue
    return True
