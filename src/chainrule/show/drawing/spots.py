"""Where the labels of the edges between two layers go.

Edges from m units to n units, evenly spaced, cross each other everywhere but in two places: at m/(m+1) of the way, and
at 1/(n+1), they cut a vertical line at even distances, and labels put there stand in one tidy column. That is where
each label begins; where this is too tight (many units, missing edges, a curve passing through), labels move along their
edges to whatever place is least disturbed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.show.drawing.scene import Box, Point

Segment = tuple[Point, Point]

LABEL_HEIGHT = 17.0
_STEPS = tuple(n / 40 for n in range(5, 36))
_PASSES = 3
_OVERLAP, _CROSSED, _NEAR, _MOVED = 60.0, 4.0, 2.0, 6.0
"""What it costs to cover all of another label, to stand on a line, or near one, to leave the column (the whole way)."""


def column_of(origins: int, targets: int) -> float:
    """Return how far along their edges labels stand in one column, between so many units.

    Example:
        >>> column_of(2, 3), column_of(3, 2)
        (0.6666666666666666, 0.3333333333333333)
    """
    if min(origins, targets) == 1 and max(origins, targets) < 4:
        return 0.5
    return origins / (origins + 1) if origins <= targets else 1 / (targets + 1)


def place_labels(
    edges: Sequence[Segment], widths: Sequence[float], obstacles: Sequence[Segment], *, column: float
) -> list[Point]:
    """Return where each label stands, on its edge.

    Args:
        edges: the straight edges that are labelled, each from left to right.
        widths: the labels' widths.
        obstacles: other lines in the same place.
        column: the x of the labels' column.
    """
    options = [_options(edge, width, edges, obstacles, column) for edge, width in zip(edges, widths, strict=True)]
    picked = [0] * len(options)
    for _ in range(_PASSES):
        before = list(picked)
        for e, mine in enumerate(options):
            others = [options[o][picked[o]].box for o in range(len(options)) if o != e]
            costs = [option.cost + sum(_OVERLAP * _shared(option.box, other) for other in others) for option in mine]
            picked[e] = costs.index(min(costs))
        if picked == before:
            break
    return [mine[k].at for mine, k in zip(options, picked, strict=True)]


@dataclass(frozen=True, slots=True)
class _Option:
    """A place for a label: what it costs by itself, and the label's box there."""

    at: Point
    cost: float
    box: Box


def _options(
    edge: Segment, width: float, edges: Sequence[Segment], obstacles: Sequence[Segment], column: float
) -> list[_Option]:
    """Return the places for a label, the one in the column first."""
    (x0, y0), (x1, y1) = edge
    others = [other for other in (*edges, *obstacles) if other != edge]
    room = min(0.45, (width / 2 + 4) / max(1.0, x1 - x0))
    inside = min(max(column, x0 + room * (x1 - x0)), x1 - room * (x1 - x0))
    found = []
    for x in (inside, *(x0 + t * (x1 - x0) for t in _STEPS if room <= t <= 1 - room)):
        y = y0 + (x - x0) * (y1 - y0) / (x1 - x0)
        box = x - width / 2, y - LABEL_HEIGHT / 2, x + width / 2, y + LABEL_HEIGHT / 2
        core = x - width / 4, y - LABEL_HEIGHT / 3, x + width / 4, y + LABEL_HEIGHT / 3
        cost = _MOVED * abs(x - column) / (x1 - x0)
        for other in others:
            if _cuts(other, core):
                cost += _CROSSED
            cost += _NEAR * max(0.0, 1 - _distance((x, y), other) / LABEL_HEIGHT)
        found.append(_Option((x, y), cost, box))
    return found


def _shared(a: Box, b: Box) -> float:
    """Return which part of the box a the box b covers, with a hair's margin between labels."""
    across = min(a[2], b[2]) - max(a[0], b[0]) + 3
    down = min(a[3], b[3]) - max(a[1], b[1])
    return 0.0 if across <= 0 or down <= 0 else 0.2 + across * down / ((a[2] - a[0]) * (a[3] - a[1]))


def _cuts(line: Segment, box: Box) -> bool:
    """Return whether a line passes through a box (Liang and Barsky's clipping)."""
    (x0, y0), (x1, y1) = line
    dx, dy = x1 - x0, y1 - y0
    low, high = 0.0, 1.0
    for step, room in ((-dx, x0 - box[0]), (dx, box[2] - x0), (-dy, y0 - box[1]), (dy, box[3] - y0)):
        if step == 0:
            if room < 0:
                return False
        elif step < 0:
            low = max(low, room / step)
        else:
            high = min(high, room / step)
    return low <= high


def _distance(point: Point, line: Segment) -> float:
    (x0, y0), (x1, y1) = line
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy or 1.0
    t = min(1.0, max(0.0, ((point[0] - x0) * dx + (point[1] - y0) * dy) / length))
    return math.hypot(point[0] - x0 - t * dx, point[1] - y0 - t * dy)
