"""What a drawing is: places, lines and labels, before any picture format.

Every reader (SVG, TikZ) reads these values and decides nothing about the network. Lengths are in user units, 96 to the
inch in a standalone picture; y grows downwards. A `state` says what a highlight makes of a part:

    plain    there is no highlight          path     it lies on a path to the loss
    chosen   it is what was highlighted     dim      it does not lie on such a path
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from chainrule.show.drawing.glyphs import Glyph
from chainrule.show.drawing.metrics import text_width

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""left, top, right, bottom"""

SCRIPT = 0.68
"""The size of sub- and superscripts, relative to the base letter's."""


@dataclass(frozen=True, slots=True)
class Label:
    """A symbol or words at a point.

    Attributes:
        x, y: the point; y is the middle of the letters' height.
        kind: weight, bias, unit, adjoint, note, name, caption, size, count, title.
        glyph: the symbol, or None where it is words.
        text: the words.
        latex: how TeX sets the words, where that is mathematics.
        anchor: which part of the text stands at x: start, middle or end.
        symbol: the plain spelling of what it labels, or ''.
    """

    x: float
    y: float
    kind: str
    glyph: Glyph | None = None
    text: str = ""
    latex: str = ""
    size: float = 15.0
    anchor: str = "middle"
    state: str = "plain"
    symbol: str = ""

    @property
    def width(self) -> float:
        """About how wide it is."""
        if self.glyph is None:
            return text_width(self.text, self.size)
        return glyph_width(self.glyph, self.size)

    @property
    def box(self) -> Box:
        """About where it stands."""
        width = self.width
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - 0.55 * self.size, left + width, self.y + 0.55 * self.size


def glyph_width(glyph: Glyph, size: float) -> float:
    """Return about how wide a symbol is, its scripts standing one above the other."""
    scripts = max(text_width(glyph.sub, size * SCRIPT), text_width(glyph.sup, size * SCRIPT))
    return text_width(glyph.prefix + glyph.base, size) + scripts + text_width(glyph.suffix, size)


@dataclass(frozen=True, slots=True)
class Node:
    """A unit, the loss, a target, or the dots that stand for what is left out.

    Attributes:
        kind: input, unit, output, loss, target, dots.
        rx, ry: half its width and height; a circle where both are equal and the kind is a unit's.
        symbol: its plain spelling, or '' for dots.
        about: a sentence for people who do not see it.
    """

    kind: str
    x: float
    y: float
    rx: float
    ry: float
    symbol: str = ""
    label: Label | None = None
    state: str = "plain"
    about: str = ""
    level: int | None = None
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A weight's line, a bias's stub, or a line that carries no symbol of its own.

    Attributes:
        kind: weight, bias, readout (an output to the loss), given (a target to the loss), faint (for those left out).
        curve: its points: 2 for a straight line, 4, 7, 10, … for cubic Bézier pieces.
        symbol: the plain spelling, or ''; tied weights share their representative's.
        origin, target: the plain spelling of what it leads from and to.
        arrow: 1 for a head at its end, −1 for one at its start, 0 for none.
        stop: where a derivative arrives at the weight's label: the two ends of the room that is left for it. The head
            stands at the second, and the rest of the line is thin.
        fine: whether it is one of very many.
    """

    kind: str
    curve: tuple[Point, ...]
    symbol: str = ""
    origin: str = ""
    target: str = ""
    state: str = "plain"
    arrow: int = 0
    label: Label | None = None
    about: str = ""
    stop: tuple[Point, Point] | None = None
    fine: bool = False

    @property
    def head(self) -> tuple[Point, Point, Point] | None:
        """The corners of the arrowhead, tip first, or None."""
        if not self.arrow:
            return None
        tip, before = (self.curve[-1], self.curve[-2]) if self.arrow > 0 else (self.curve[0], self.curve[1])
        if self.stop is not None:
            tip, beyond = self.stop[1], self.stop[0]
            before = 2 * tip[0] - beyond[0], 2 * tip[1] - beyond[1]
        angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
        long, wide = {"path": (13.0, 5.0), "chosen": (16.0, 6.5)}.get(self.state, (9.0, 3.5))
        back = tip[0] - long * math.cos(angle), tip[1] - long * math.sin(angle)
        across = wide * math.sin(angle), -wide * math.cos(angle)
        return tip, (back[0] + across[0], back[1] + across[1]), (back[0] - across[0], back[1] - across[1])

    @property
    def line(self) -> tuple[Point, ...]:
        """The curve, ending inside the arrowhead so that a thick line does not blunt its tip."""
        if not self.arrow:
            return self.curve
        if self.stop is not None:
            start = _towards(self.stop[1], self.stop[0], -7.0)
            bend = self.curve[6:]
            return (start, *_level(start, bend[0]), *bend) if bend else (start, self.curve[-1])
        points = list(self.curve if self.arrow > 0 else self.curve[::-1])
        points[-1] = _towards(points[-1], points[-2], 7.0)
        return tuple(points if self.arrow > 0 else points[::-1])

    @property
    def rest(self) -> tuple[Point, ...]:
        """What of the curve lies beyond a `stop`; empty where there is none."""
        if self.stop is None:
            return ()
        end = self.stop[0]
        return (self.curve[0], end) if len(self.curve) == 2 else (*self.curve[:4], *_level(self.curve[3], end), end)


def _towards(start: Point, end: Point, by: float) -> Point:
    """Return the point that lies so far from one point on the way to another."""
    away = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
    return start[0] + by * (end[0] - start[0]) / away, start[1] + by * (end[1] - start[1]) / away


def _level(start: Point, end: Point) -> tuple[Point, Point]:
    """Return the inner points of a straight Bézier piece."""
    x, y = (end[0] - start[0]) / 3, (end[1] - start[1]) / 3
    return (start[0] + x, start[1] + y), (end[0] - x, end[1] - y)


@dataclass(frozen=True, slots=True)
class Frame:
    """A rounded box around units that act together (a softmax)."""

    left: float
    top: float
    width: float
    height: float
    state: str = "plain"


@dataclass(frozen=True)
class Drawing:
    """A whole drawing: where it begins, how large it is, and its parts in the order they are painted.

    Attributes:
        title, description: words for people who do not see it.
        labels: those that belong to no edge and no node.
        direction: forward, backward, or None.
    """

    left: float
    top: float
    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    frames: tuple[Frame, ...]
    labels: tuple[Label, ...]
    title: str
    description: str
    direction: str | None = None
    lang: str = "en"

    @cached_property
    def all_labels(self) -> tuple[Label, ...]:
        """Every label: the edges', the nodes', and the others."""
        owned = (*(edge.label for edge in self.edges), *(node.label for node in self.nodes))
        return (*(label for label in owned if label is not None), *self.labels)
