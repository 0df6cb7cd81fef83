"""What a drawing is: places, lines and labels, before any picture format.

Every reader (SVG, TikZ) reads these values and decides nothing about the network. Lengths are in user units, 96 to the inch
in a standalone picture; y grows downwards. A `state` says what a highlight makes of a part:

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
        kind: weight, bias, loss, target, faint (stands for those left out).
        curve: its points: 2 for a straight line, 4, 7, 10, … for cubic Bézier pieces.
        symbol: the plain spelling, or ''; tied weights share their representative's.
        origin, target: the plain spelling of what it leads from and to.
        arrow: 1 for a head at its end, −1 for one at its start, 0 for none.
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

    @property
    def head(self) -> tuple[Point, Point, Point] | None:
        """The corners of the arrowhead, tip first, or None."""
        if not self.arrow:
            return None
        tip, before = (self.curve[-1], self.curve[-2]) if self.arrow > 0 else (self.curve[0], self.curve[1])
        angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
        long, wide = (13.0, 5.0) if self.state in ("path", "chosen") else (9.0, 3.5)
        back = tip[0] - long * math.cos(angle), tip[1] - long * math.sin(angle)
        across = wide * math.sin(angle), -wide * math.cos(angle)
        return tip, (back[0] + across[0], back[1] + across[1]), (back[0] - across[0], back[1] - across[1])

    @property
    def line(self) -> tuple[Point, ...]:
        """The curve, ending inside the arrowhead so that a thick line does not blunt its tip."""
        if not self.arrow:
            return self.curve
        points = list(self.curve if self.arrow > 0 else self.curve[::-1])
        (x, y), (px, py) = points[-1], points[-2]
        away = math.hypot(x - px, y - py) or 1.0
        points[-1] = x - 7 * (x - px) / away, y - 7 * (y - py) / away
        return tuple(points if self.arrow > 0 else points[::-1])


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
        owned = [part.label for part in (*self.edges, *self.nodes) if part.label is not None]
        return (*owned, *self.labels)
