"""Which layers and units a drawing shows, and which it only counts.

A layer of more than a dozen units shows its first three, dots, and its last; a deep network its first layers,
dots, and its last. What a highlight asks for is always among the shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chainrule.network import Network
    from chainrule.show.drawing.reach import Reach

COLLAPSE_UNITS = 12
"""A layer of more units than this is collapsed."""

COLLAPSE_LAYERS = 14
"""A network of more layers than this (the inputs counted) is collapsed."""

EXPAND_UNITS = 64
EXPAND_LAYERS = 40
EXPAND_EDGES = 6000
"""How far `expand` goes: past this a picture is a grey block, and no viewer stays fluent."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Things first … last that are counted, not shown."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


Row = int | Gap


@dataclass(frozen=True, slots=True)
class Column:
    """One layer with its rows, from the top; or a Gap of layers, without rows."""

    level: int | Gap
    rows: tuple[Row, ...] = ()

    @property
    def units(self) -> tuple[int, ...]:
        """The units that are shown."""
        return tuple(row for row in self.rows if isinstance(row, int))


def elide(first: int, last: int, *, most: int, head: int, tail: int, wanted: Iterable[int] = ()) -> tuple[Row, ...]:
    """Return first … last, or the head, the tail and the wanted ones with Gaps between them.

    Example:
        >>> elide(1, 100, most=8, head=3, tail=1)
        (1, 2, 3, Gap(first=4, last=99), 100)
        >>> elide(1, 10, most=8, head=3, tail=1, wanted=[5])
        (1, 2, 3, 4, 5, Gap(first=6, last=9), 10)
    """
    if last - first < most:
        return tuple(range(first, last + 1))
    kept = {*range(first, min(last, first + head - 1) + 1), *range(max(first, last - tail + 1), last + 1)}
    kept |= {number for number in wanted if first <= number <= last}
    rows: list[Row] = []
    previous = first - 1
    for number in (*sorted(kept), last + 1):
        if number - previous == 2:
            rows.append(number - 1)  # dots would take the room of the one that they stand for
        elif number - previous > 2:
            rows.append(Gap(previous + 1, number - 1))
        if number <= last:
            rows.append(number)
        previous = number
    return tuple(rows)


def columns(net: Network, found: Reach | None, *, expand: bool) -> tuple[Column, ...]:
    """Return what is shown of each layer, the inputs first."""
    limit = EXPAND_UNITS if expand else COLLAPSE_UNITS
    while True:
        shown = _columns(net, found, layers=EXPAND_LAYERS if expand else COLLAPSE_LAYERS, units=limit)
        sizes = [len(column.rows) for column in shown]
        if limit <= COLLAPSE_UNITS or sum(a * b for a, b in pairwise(sizes)) <= EXPAND_EDGES:
            return shown
        limit = max(COLLAPSE_UNITS, limit // 2)


def _columns(net: Network, found: Reach | None, *, layers: int, units: int) -> tuple[Column, ...]:
    wanted = found.levels() if found else set()
    levels = elide(0, net.depth, most=layers, head=max(6, layers - 8), tail=4, wanted=wanted)
    return tuple(
        Column(level)
        if isinstance(level, Gap)
        else Column(
            level,
            elide(
                1, net.size(level), most=units, head=max(3, units // 2) if units > COLLAPSE_UNITS else 3, tail=1,
                wanted=found.shown(level) if found else (),
            ),
        )
        for level in levels
    )  # fmt: skip


def output_rows(net: Network, shown: tuple[Column, ...]) -> tuple[Row, ...]:
    """Return which outputs are shown: those whose units are."""
    if net.reads_last_layer:
        return shown[-1].rows
    visible = {(column.level, unit) for column in shown for unit in column.units}
    kept = [k for k, unit in enumerate(net.outputs, start=1) if unit in visible][:COLLAPSE_UNITS]
    return elide(1, len(net.outputs), most=0, head=0, tail=0, wanted=kept) if kept else (Gap(1, len(net.outputs)),)
