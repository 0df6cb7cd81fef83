"""Where a line too long for the page is broken: before =, then before + or −, then before ·, inside brackets last.

The rows come back as signs; how rows are written is each form's own. The order is that of T. W. Chaundy, P. R. Barrett
and C. Batey, The Printing of Mathematics (1954): as far outside as possible, the mark at the head of the new row, which
stands further in the more brackets are open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chainrule.show.measure import Sign, width

STEP = 1.0
"""How much further in a row stands for each open bracket, in em; the first step is for being a continuation at all."""

DEEPEST = 5
"""More open brackets than this indent no further."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a side: how many steps it stands further in, and its signs."""

    steps: int
    signs: tuple[Sign, ...]

    @property
    def source(self) -> str:
        """The row as it is written."""
        return "".join(sign.source for sign in self.signs).strip()


def rows(signs: Sequence[Sign], room: float) -> list[Row]:
    r"""Return a side in rows that fit into `room` em where they can; one row where it fits whole.

    Example:
        >>> from chainrule.show.measure import signs_of
        >>> for row in rows(signs_of(r"(a + b) \cdot (c + d)", "latex"), 5):
        ...     print(row.steps, row.source)
        0 (a + b)
        1 \cdot (c + d)
    """
    if width(signs) <= room:
        return [Row(0, tuple(signs))]
    found = _balanced(list(_levelled(signs)), room)
    depth = 0
    placed: list[Row] = []
    for position, row in enumerate(found):
        placed.append(Row(min(depth, DEEPEST) + 1 if position else 0, tuple(sign for sign, _ in row)))
        depth += sum({"open": 1, "close": -1}.get(sign.kind, 0) for sign, _ in row)
    return placed


def torn(row_list: Sequence[Row]) -> list[Row]:
    """Return rows whose brackets that close in another row than they opened are of the kind `torn`.

    No form lets brackets grow across rows, so such a pair is written otherwise. `torn tall` holds a fraction or a Σ.
    """
    stack: list[tuple[int, int]] = []
    marks: dict[tuple[int, int], str] = {}
    for at, row in enumerate(row_list):
        for position, sign in enumerate(row.signs):
            if sign.kind == "open":
                stack.append((at, position))
            elif sign.kind == "close" and stack:
                opened = stack.pop()
                if opened[0] != at:
                    inside = "".join(_between(row_list, opened, (at, position)))
                    marks[opened] = marks[at, position] = "torn tall" if re.search("frac|sum|mat", inside) else "torn"
    found = []
    for at, row in enumerate(row_list):
        kinds = [f"{sign.kind} {marks.get((at, position), '')}".strip() for position, sign in enumerate(row.signs)]
        found.append(replace(row, signs=tuple(map(_of_kind, row.signs, kinds))))
    return found


def _of_kind(sign: Sign, kind: str) -> Sign:
    return sign if kind == sign.kind else sign._replace(kind=kind)


def _between(row_list: Sequence[Row], start: tuple[int, int], end: tuple[int, int]) -> Iterator[str]:
    for at in range(start[0], end[0] + 1):
        for position, sign in enumerate(row_list[at].signs):
            if start < (at, position) < end:
                yield sign.source


_Levelled = list[tuple[Sign, int]]
"""Signs, each with how willingly a row begins at it: 0 most, −1 never."""


def _levelled(signs: Sequence[Sign]) -> Iterator[tuple[Sign, int]]:
    depth = 0
    for sign in signs:
        if sign.kind == "close":
            depth -= 1
        yield sign, {"sum": 2 * depth, "times": 2 * depth + 1}.get(sign.kind, -1)
        if sign.kind == "open":
            depth += 1


def _balanced(signs: _Levelled, room: float) -> list[_Levelled]:
    """Return rows of about one length: those of the least room that breaks no deeper and no more often than it must."""
    found = _fold(signs, 0, room, 0.0)
    least, most = room / 3, room
    for _ in range(5):
        middle = (least + most) / 2
        narrower = _fold(signs, 0, middle, 0.0)
        if _cost(narrower) <= _cost(found):
            found, most = narrower, middle
        else:
            least = middle
    return found


def _cost(row_list: Sequence[_Levelled]) -> tuple[int, int]:
    return len(row_list), sum(row[0][1] for row in row_list[1:])


def _fold(signs: _Levelled, level: int, room: float, used: float) -> list[_Levelled]:
    """Return signs in rows, broken only where it must be: at `level` first, deeper inside what is still too long."""
    deepest = max((own for _, own in signs), default=-1)
    if level > deepest or used + _width(signs) <= room:
        return [signs]
    found: list[_Levelled] = [[]]
    for chunk in _chunks(signs, level):
        long = _width(chunk)
        if found[-1] and used + long > room and chunk[0][1] == level:
            found.append([])
            used = STEP * (1 + min(level // 2, DEEPEST))
        if used + long > room:
            first, *rest = _fold(chunk, level + 1, room, used)
            found[-1] = [*found[-1], *first]
            found += rest
            used = (STEP * (1 + level // 2) if rest else used) + _width(rest[-1] if rest else first)
        else:
            found[-1] = [*found[-1], *chunk]
            used += long
    return found


def _chunks(signs: _Levelled, level: int) -> Iterator[_Levelled]:
    """Yield signs split before those of a level."""
    chunk: _Levelled = []
    for sign in signs:
        if sign[1] == level and chunk:
            yield chunk
            chunk = []
        chunk.append(sign)
    if chunk:
        yield chunk


def _width(signs: _Levelled) -> float:
    return sum(sign.width for sign, _ in signs)
