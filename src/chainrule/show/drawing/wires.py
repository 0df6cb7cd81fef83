"""Lines between places: trimmed at the units they join, and led around the layers that they skip."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from chainrule.show.drawing.scene import Node, Point

LANE = 22.0
"""The distance between lines that skip side by side: room for a label."""


def straight(origin: Node, target: Node) -> tuple[Point, Point]:
    """Return the line from the rim of one node to the rim of another."""
    angle = math.atan2(target.y - origin.y, target.x - origin.x)
    return rim(origin, angle), rim(target, angle + math.pi)


def rim(node: Node, angle: float) -> Point:
    """Return the point of a node's outline in a direction."""
    dx, dy = math.cos(angle), math.sin(angle)
    if node.kind in ("loss", "target"):
        reach = min(node.rx / abs(dx) if dx else math.inf, node.ry / abs(dy) if dy else math.inf)
    else:
        reach = node.rx
    return node.x + reach * dx, node.y + reach * dy


@dataclass
class Lanes:
    """The level stretches of lines that skip layers, above and below everything; none lies on another.

    Attributes:
        taken: (left, right, y) of each.
    """

    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def take(self, left: float, right: float, y: float, *, up: bool, apart: float = LANE) -> float:
        """Return the free level nearest to y, going up or down, and take it."""
        step = -1.0 if up else 1.0
        levels = sorted((t[2] for t in self.taken if t[0] < right and left < t[1]), reverse=up)
        for level in levels:
            if abs(level - y) < apart:
                y = level + step * apart
        self.taken.append((left, right, y))
        return y


def around(origin: Node, target: Node, lane: float, left: float, right: float) -> tuple[Point, ...]:
    """Return a curve that leaves one node, runs level at `lane` from x = left to right, and comes down to the other."""
    up = -1.0 if lane < (origin.y + target.y) / 2 else 1.0
    leaving = _slope(left - origin.x, lane - origin.y, up)
    coming = _slope(target.x - right, lane - target.y, up)
    start, end = rim(origin, leaving), rim(target, math.pi - coming)
    return (
        start,
        *_rise(start, (left, lane), leaving),
        (left + (right - left) / 3, lane),
        (left + 2 * (right - left) / 3, lane),
        (right, lane),
        *reversed(_rise(end, (right, lane), math.pi - coming)[:2]),
        end,
    )


def _slope(across: float, rise: float, up: float) -> float:
    """Return at which angle a line leaves a unit: steeper, the higher it has to climb."""
    return up * min(1.15, max(0.15, math.atan2(abs(rise), across)))


def _rise(start: Point, end: Point, angle: float) -> tuple[Point, Point, Point]:
    """Return the cubic piece that starts at an angle and becomes level."""
    away = math.hypot(end[0] - start[0], end[1] - start[1])
    first = start[0] + 0.45 * away * math.cos(angle), start[1] + 0.45 * away * math.sin(angle)
    return first, (end[0] - 0.55 * (end[0] - start[0]), end[1]), end


def flatten(curve: tuple[Point, ...], *, pieces: int = 8) -> tuple[tuple[Point, Point], ...]:
    """Return straight segments near a curve, for keeping labels off it."""
    if len(curve) == 2:
        return ((curve[0], curve[1]),)
    points = [curve[0]]
    for k in range(0, len(curve) - 1, 3):
        a, b, c, d = curve[k : k + 4]
        for step in range(1, pieces + 1):
            t = step / pieces
            u = 1 - t
            points.append(
                (
                    u**3 * a[0] + 3 * u * u * t * b[0] + 3 * u * t * t * c[0] + t**3 * d[0],
                    u**3 * a[1] + 3 * u * u * t * b[1] + 3 * u * t * t * c[1] + t**3 * d[1],
                )
            )
    return tuple(pairwise(points))
