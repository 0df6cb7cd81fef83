"""What a drawing shows of a network, and where its columns, rows and units stand. Arithmetic only.

The distances follow from what has to fit between: labels on edges, notes under units, captions side by side.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from chainrule.rules import LOSSES
from chainrule.show.drawing.columns import Column, Gap, columns, output_rows
from chainrule.show.drawing.glyphs import Glyph, Namer, spell, spell_adjoint
from chainrule.show.drawing.metrics import text_width
from chainrule.show.drawing.reach import reach
from chainrule.show.drawing.scene import Label, Node, glyph_width
from chainrule.show.drawing.words import Words

if TYPE_CHECKING:
    from chainrule.expr import Ref
    from chainrule.network import Network
    from chainrule.notation import Notation

RADIUS = 23.0
NOTE = 15.0
"""The height of a line of notes under a unit."""

STUB = 15.0
"""The length of a bias's line."""

CAPTION = 13.0
"""The size of captions."""

LABELS_MOST = 24
"""More edges than this between two layers are drawn without labels, but for highlighted ones."""


class Plan:
    """A drawing under construction: the network, what is shown of it, and where its columns and rows stand."""

    def __init__(
        self, net: Network, *, notation: Notation, lang: str, highlight: str | None, direction: str | None, expand: bool
    ) -> None:
        self.net = net
        self.notation = notation
        self.lang = lang
        self.direction = direction
        self.words = Words(net, lang)
        self.namer = Namer(net)
        self.found = reach(net, highlight) if highlight is not None else None
        self.columns = columns(net, self.found, expand=expand)
        self.outputs = output_rows(net, self.columns)
        self.class_index = LOSSES[net.loss.name].class_index
        self.targets = (1,) if self.class_index else self.outputs
        self.above = RADIUS + (STUB + 20 if any(any(layer.bias) for layer in net.layers) else 0)
        self.below = RADIUS + NOTE * max(self.lines_under(c.level) for c in self.columns if isinstance(c.level, int))
        self.pitch = self._pitch()
        self.captions = [self.words.caption(column) for column in self.columns]
        self.captions += [
            (self.words.say("caption.loss"), self.words.rule("loss", net.loss)),
            (self.words.say("caption.target"), ""),
        ]
        self.xs = self._xs()
        self.nodes: dict[tuple[object, ...], Node] = {}
        self._add_nodes()

    # Symbols.

    def glyph(self, ref: Ref) -> Glyph:
        """Return a symbol in the drawing's notation."""
        return spell(self.notation, ref)

    def unit_state(self, level: int, unit: int) -> str:
        """Return the state of a unit."""
        return "plain" if self.found is None else self.found.unit_state(level, unit)

    def adjoint(self, level: int, unit: int) -> Glyph | None:
        """Return ∂loss/∂(unit), where the drawing shows derivatives and one reaches the unit."""
        state = self.unit_state(level, unit)
        if self.direction != "backward" or state == "dim" or (level == 0 and state == "plain"):
            return None
        return spell_adjoint(self.notation, self.namer.unit(level, unit))

    # Distances.

    def lines_under(self, level: int) -> int:
        """Return how many lines of notes stand under a layer's units."""
        if level == 0:
            return int(self.found is not None and self.direction == "backward" and 0 in self.found.units)
        layer = self.net.layers[level - 1]
        differ = len(set(layer.activations)) > 1
        return int(bool(layer.names) or differ) + int(self.direction == "backward")

    def _pitch(self) -> float:
        shown = [column for column in self.columns if isinstance(column.level, int)]
        most = max(max(len(column.rows) for column in shown), len(self.outputs))
        base = 92.0 if most <= 5 else 68.0 if most <= 9 else 58.0
        return max(base, self.above + self.below + 14)

    def _xs(self) -> list[float]:
        """Return where each column stands; the last two are the loss and the targets."""
        widths = [1.12 * max(text_width(line, CAPTION) for line in caption) for caption in self.captions]
        labelled: dict[tuple[int, int], int] = {}
        for c in self.net.connections:
            labelled[c.target, c.source] = len(c.edges) if c.edges is not None else LABELS_MOST
        xs = [0.0]
        for k, (left, right) in enumerate(pairwise(self.columns)):
            if isinstance(left.level, Gap) or isinstance(right.level, Gap):
                apart = 105.0
            else:
                count = min(len(left.units) * len(right.units), labelled.get((right.level, left.level), 0))
                apart = 122.0 + (26.0 if count < 10 else 34.0) * count**0.5 if count <= LABELS_MOST else 200.0
            # Edges between tall columns need room to be told apart; past a while, a wider picture does not help.
            steep = 0.22 * self.pitch * max(len(left.rows), len(right.rows))
            xs.append(xs[-1] + max(apart, min(420.0, steep), (widths[k] + widths[k + 1]) / 2 + 22))
        for k, apart in ((len(self.columns), 118.0), (len(self.columns) + 1, 104.0)):
            xs.append(xs[-1] + max(apart, (widths[k - 1] + widths[k]) / 2 + 22))
        return xs

    def y_of(self, row: int, rows: int) -> float:
        """Return where a row of a column stands; the middle of the drawing is 0."""
        return (row - (rows - 1) / 2) * self.pitch

    # Nodes.

    def _add_nodes(self) -> None:
        for k, column in enumerate(self.columns):
            if isinstance(column.level, Gap):
                state = self.found.gap_state(column.level.first, column.level.last) if self.found else "plain"
                self.nodes["gap", k] = self._dots(self.xs[k], 0.0, "⋯", state)
                continue
            for row, what in enumerate(column.rows):
                x, y = self.xs[k], self.y_of(row, len(column.rows))
                if isinstance(what, Gap):
                    state = self.found.hidden_state(column.level, what.first, what.last) if self.found else "plain"
                    self.nodes["row", k, row] = self._dots(x, y, "⋮", state)
                else:
                    self.nodes["row", k, row] = self._unit(column, what, x, y)
        self._add_loss()

    def _dots(self, x: float, y: float, dots: str, state: str) -> Node:
        level = dots == "⋯"
        label = Label(x, y if level else y - 7, "dots", text=dots, size=24.0, state=state)
        return Node("dots", x, y, 17 if level else 19, 8 if level else 19, label=label, state=state)

    def _unit(self, column: Column, unit: int, x: float, y: float) -> Node:
        level = column.level
        assert isinstance(level, int)
        named = self.namer.unit(level, unit)
        glyph = self.glyph(named)
        kind = "input" if level == 0 else "output" if (level, unit) in self._output_set else "unit"
        state = self.unit_state(level, unit)
        label = Label(x, y, "unit", glyph, size=fit(glyph, 2 * RADIUS - 13), state=state, symbol=glyph.plain)
        about = self.words.unit(level, unit, glyph.plain, answers=named.symbol.kind == "pred")
        return Node(kind, x, y, RADIUS, RADIUS, glyph.plain, label, state, about, level, unit)

    @property
    def _output_set(self) -> frozenset[tuple[int, int]]:
        rows = (row for row in self.outputs if isinstance(row, int))
        return frozenset(self.net.output_units[k - 1] for k in rows)

    def _add_loss(self) -> None:
        lit = self.found is None or self.found.outputs is None or bool(self.found.outputs)
        x, glyph = self.xs[-2], self.glyph(self.namer.loss)
        state = "plain" if self.found is None else "path" if lit else "dim"
        label = Label(x, 0.0, "unit", glyph, size=17.0, state=state, symbol=glyph.plain)
        about = self.words.say("about.loss", symbol=glyph.plain, name=self.words.rule("loss", self.net.loss))
        self.nodes["loss",] = Node("loss", x, 0.0, 27, 21, glyph.plain, label, state, about)
        for row, what in enumerate(self.targets):
            x, y = self.xs[-1], self.y_of(row, len(self.targets))
            state = "plain" if self.found is None else "dim"
            if isinstance(what, Gap):
                self.nodes["target", row] = self._dots(x, y, "⋮", state)
                continue
            glyph = self.glyph(self.namer.target(what))
            label = Label(x, y, "unit", glyph, size=fit(glyph, 40), state=state, symbol=glyph.plain)
            about = self.words.say("about.target", symbol=glyph.plain)
            self.nodes["target", row] = Node("target", x, y, RADIUS, 17, glyph.plain, label, state, about)


def fit(glyph: Glyph, room: float) -> float:
    """Return the font size at which a symbol fits into its unit."""
    return max(8.0, min(17.0, 17.0 * room / glyph_width(glyph, 17.0)))
