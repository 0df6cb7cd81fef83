"""The edges of a drawing: weights, biases and what leads into the loss, with their labels.

Edges between neighbouring columns are straight, others run around in lanes. Labels are placed last, between one pair of
columns at a time, when every line that passes there is known.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.network import Connection, Weight
from chainrule.show.drawing.columns import Column, Gap
from chainrule.show.drawing.glyphs import Glyph, spell_adjoint
from chainrule.show.drawing.plan import LABELS_MOST, STUB
from chainrule.show.drawing.scene import Edge, Label, Node, Point
from chainrule.show.drawing.spots import Segment, column_of, place_labels
from chainrule.show.drawing.wires import LANE, Lanes, around, flatten, straight

if TYPE_CHECKING:
    from chainrule.expr import Ref
    from chainrule.show.drawing.plan import Plan

LABEL_SIZE = 15.0
FINE_FROM = 60
"""More edges than this between two layers are drawn in finer lines."""

HEAD_ROOM = 64.0
"""The room for an arrowhead beside a label where a derivative arrives."""

_ORDER = {"dim": 0, "plain": 1, "path": 2, "chosen": 3}


class Wiring:
    """The edges of one plan.

    Attributes:
        top, bottom: how far lanes reach, once `edges` has been asked for.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.top = self.bottom = 0.0
        self.lanes = Lanes()
        self.column_of = {column.level: k for k, column in enumerate(plan.columns) if isinstance(column.level, int)}
        self.rows = [{what: row for row, what in enumerate(column.rows)} for column in plan.columns]
        self.arrow = {None: 0, "forward": 1, "backward": -1}[plan.direction]

    def edges(self) -> tuple[Edge, ...]:
        """Return every edge, those that a highlight lights last, so that they are painted over the others."""
        found: list[Edge] = []
        straights: dict[int, list[tuple[Edge, bool]]] = defaultdict(list)
        skips: list[tuple[int, int, Edge, bool]] = []
        for c in sorted(self.plan.net.connections, key=lambda c: (c.target, -c.source)):
            left, right = self.column_of.get(c.source), self.column_of.get(c.target)
            if left is None or right is None:
                continue
            for edge, labelled in self._connection(c, left, right):
                if right == left + 1:
                    straights[left].append((edge, labelled))
                else:
                    skips.append((left, right, edge, labelled))
        found += self._skipping(skips)
        found += self._into_loss()
        curved = [segment for edge in found if len(edge.curve) > 2 for segment in flatten(edge.curve)]
        for left, mine in straights.items():
            found += self._labelled(left, mine, curved)
        found += self._biases()
        found += self._past_gaps()
        if self.plan.found is None:
            return tuple(sorted(found, key=lambda edge: edge.kind != "faint"))
        return tuple(sorted(found, key=lambda edge: (_ORDER[edge.state], edge.kind != "faint")))

    # Weights.

    def _connection(self, c: Connection, left: int, right: int) -> list[tuple[Edge, bool]]:
        """Return the edges of a connection that are shown, each with whether it is labelled."""
        plan = self.plan
        origins, targets = plan.columns[left].units, plan.columns[right].units
        if c.edges is None:
            pairs = [(to, origin) for to in targets for origin in origins]
        else:
            to_shown, from_shown = set(targets), set(origins)
            pairs = [(to, origin) for to, origin in c.edges if to in to_shown and origin in from_shown]
        weights = [Weight(c.target, c.source, to, origin) for to, origin in pairs]
        states = [plan.found.weight_state(w) if plan.found else "plain" for w in weights]
        lit = sum(state in ("path", "chosen") for state in states)
        found = []
        fine = len(weights) > FINE_FROM
        for weight, state in zip(weights, states, strict=True):
            labelled = len(weights) <= LABELS_MOST or state == "chosen" or (state == "path" and lit <= LABELS_MOST // 2)
            found.append((replace(self._weight(weight, left, right, state), fine=fine), labelled))
        return found + [(edge, False) for edge in self._faint(c, left, right)]

    def _weight(self, weight: Weight, left: int, right: int, state: str) -> Edge:
        plan = self.plan
        origin = plan.nodes["row", left, self.rows[left][weight.origin]]
        target = plan.nodes["row", right, self.rows[right][weight.to]]
        ref = plan.namer.weight(weight)
        glyph = plan.glyph(ref)
        before = plan.glyph(plan.namer.before(weight.target, weight.to)).plain
        about = plan.words.say("about.weight", symbol=glyph.plain, origin=origin.symbol, target=before)
        label = Label(0, 0, "weight", self._shown(ref, glyph, state), size=LABEL_SIZE, state=state, symbol=glyph.plain)
        return Edge(
            "weight", straight(origin, target), glyph.plain, origin.symbol, target.symbol, state,
            self._arrow(weight.source, state), label, about,
        )  # fmt: skip

    def _arrow(self, source: int, state: str) -> int:
        """Return the arrow of a weight's edge: none where a derivative would flow on into the data."""
        into_data = self.arrow < 0 and source == 0 and state == "plain"
        return 0 if state == "dim" or into_data else self.arrow

    def _shown(self, ref: Ref, glyph: Glyph, state: str) -> Glyph:
        """Return what a parameter is labelled with: itself, or ∂loss/∂itself where the drawing is about that."""
        backward = self.plan.direction == "backward" and state == "chosen"
        return spell_adjoint(self.plan.notation, ref) if backward else glyph

    def _faint(self, c: Connection, left: int, right: int) -> list[Edge]:
        """Return lines that stand for the edges of units that are not shown: one for each pair of rows that has any."""
        plan = self.plan
        columns = plan.columns[left], plan.columns[right]
        if all(isinstance(what, int) for column in columns for what in column.rows):
            return []
        if c.edges is None:
            pairs = {(a, b) for a in range(len(columns[0].rows)) for b in range(len(columns[1].rows))}
        else:
            find = [_row_finder(column) for column in columns]
            pairs = {(find[0](origin), find[1](to)) for to, origin in c.edges}
        gaps = [{row for row, what in enumerate(column.rows) if isinstance(what, Gap)} for column in columns]
        hidden = sorted((a, b) for a, b in pairs if a in gaps[0] or b in gaps[1])
        if right > left + 1:
            hidden = hidden[:1]  # one lane says that there are more; a hundred say no more than that
        return [self._line("faint", plan.nodes["row", left, a], plan.nodes["row", right, b]) for a, b in hidden]

    def _line(self, kind: str, origin: Node, target: Node, **more: object) -> Edge:
        lit = self.plan.found is not None and origin.state != "dim" and target.state != "dim"
        state = "plain" if self.plan.found is None else "path" if lit else "dim"
        return replace(Edge(kind, straight(origin, target), "", origin.symbol, target.symbol, state), **more)  # type: ignore[arg-type]

    def _labelled(self, left: int, mine: list[tuple[Edge, bool]], curved: list[Segment]) -> list[Edge]:
        """Return the straight edges between two columns with their labels in place."""
        x0, x1 = self.plan.xs[left], self.plan.xs[left + 1]
        near = [s for s in curved if min(s[0][0], s[1][0]) < x1 and max(s[0][0], s[1][0]) > x0]
        named = [edge for edge, labelled in mine if labelled]
        others: list[Segment] = [(edge.curve[0], edge.curve[1]) for edge, labelled in mine if not labelled]
        if len(others) > 4 * LABELS_MOST:
            others = []  # a thicket: nothing that is written there stands free
        lines: list[Segment] = [(edge.curve[0], edge.curve[1]) for edge in named]
        named = [replace(edge, label=self._sized(edge.label, len(named))) for edge in named]
        heads = [HEAD_ROOM if self._stops(edge) else 0.0 for edge in named]
        widths = [edge.label.width + head for edge, head in zip(named, heads, strict=True) if edge.label is not None]
        start = column_of(*(min(6, len(self.plan.columns[k].rows)) for k in (left, left + 1)))
        spots = place_labels(lines, widths, [*others, *near], column=x0 + start * (x1 - x0))
        found = [replace(edge, label=None) for edge, labelled in mine if not labelled]
        for edge, (x, y) in zip(named, spots, strict=True):
            assert edge.label is not None
            found.append(self._stopped(replace(edge, label=replace(edge.label, x=x, y=y))))
        return found

    def _sized(self, label: Label | None, count: int) -> Label | None:
        """Return a label, smaller where there are many."""
        size = LABEL_SIZE if count < 9 else LABEL_SIZE - 1 if count <= 12 else LABEL_SIZE - 2.5
        return label and replace(label, size=size)

    def _stops(self, edge: Edge) -> bool:
        """Return whether a derivative arrives at an edge: it flows back to the weight, not on to the unit before."""
        return edge.kind == "weight" and edge.arrow < 0 and edge.state == "chosen"

    def _stopped(self, edge: Edge) -> Edge:
        """Return an edge with its arrowhead at its label, where it is where a derivative arrives."""
        if not self._stops(edge) or edge.label is None:
            return edge
        (ax, ay), (bx, by) = edge.curve[0], edge.curve[-1]
        slope = 0.0 if len(edge.curve) > 2 else (by - ay) / (bx - ax)
        # A steep line leaves the label's box through its top or bottom.
        away = min(edge.label.width / 2 + 5, LABEL_SIZE / abs(slope) if slope else math.inf)
        x, y = edge.label.x, edge.label.y
        return replace(edge, stop=((x - away, y - slope * away), (x + away, y + slope * away)))

    # Around layers.

    def _skipping(self, skips: list[tuple[int, int, Edge, bool]]) -> list[Edge]:
        """Return the edges that skip layers, led around them; short ones first, so that longer ones run outside."""
        found = []
        crowded = len(skips) > LABELS_MOST
        outwards = sorted(skips, key=lambda s: (s[1] - s[0], s[2].kind == "faint", abs(s[2].curve[0][1])))
        for left, right, edge, labelled in outwards:
            curve, spot = self._lane(left, right, edge, apart=5.0 if crowded else LANE)
            label = edge.label if labelled and (not crowded or edge.state == "chosen") else None
            if label is not None:
                label = replace(label, x=spot[0], y=spot[1])
            found.append(self._stopped(replace(edge, curve=curve, label=label)))
        return found

    def _lane(self, left: int, right: int, edge: Edge, *, apart: float) -> tuple[tuple[Point, ...], Point]:
        """Return the curve of an edge around the layers between two columns, and the middle of its level stretch."""
        plan = self.plan
        origin, target = self._ends(left, right, edge)
        crossed = plan.columns[left + 1 : right]
        reach = max((len(column.rows) - 1) / 2 * plan.pitch for column in crossed)
        up = origin.y + target.y <= 1e-6
        y = -(reach + plan.above + 18) if up else reach + plan.below + 18
        x0 = origin.x + 0.62 * (plan.xs[left + 1] - origin.x)
        x1 = target.x - 0.62 * (target.x - plan.xs[right - 1])
        y = self.lanes.take(x0 - 30, x1 + 30, y, up=up, apart=apart)
        self.top, self.bottom = min(self.top, y - 12), max(self.bottom, y + 12)
        return around(origin, target, y, x0, x1), ((x0 + x1) / 2, y)

    def _ends(self, left: int, right: int, edge: Edge) -> tuple[Node, Node]:
        ends = []
        for k, name, point in ((left, edge.origin, edge.curve[0]), (right, edge.target, edge.curve[-1])):
            if k == len(self.plan.columns):
                ends.append(self.plan.nodes["loss",])
                continue
            nodes = [self.plan.nodes["row", k, row] for row in range(len(self.plan.columns[k].rows))]
            mine = [n for n in nodes if n.symbol == name] if name else [n for n in nodes if n.kind == "dots"]
            ends.append(min(mine, key=lambda n: abs(n.y - point[1])))
        return ends[0], ends[1]

    # The loss, biases, and what is left out.

    def _into_loss(self) -> list[Edge]:
        plan = self.plan
        loss = plan.nodes["loss",]
        found: list[Edge] = []
        skips: list[tuple[int, int, Edge, bool]] = []
        last = len(plan.columns) - 1
        for number in plan.outputs:
            if isinstance(number, Gap):
                if plan.net.reads_last_layer:
                    found.append(self._line("faint", plan.nodes["row", last, self.rows[last][number]], loss))
                continue
            level, unit = plan.net.output_units[number - 1]
            k = self.column_of[level]
            origin = plan.nodes["row", k, self.rows[k][unit]]
            state = "plain" if plan.found is None else plan.found.output_state(number)
            glyph = plan.glyph(plan.namer.output(number))
            label = None
            if not plan.net.reads_last_layer:
                label = Label(0, 0, "weight", glyph, size=LABEL_SIZE, state=state, symbol=glyph.plain)
            edge = Edge(
                "readout", straight(origin, loss), "" if plan.net.reads_last_layer else glyph.plain, origin.symbol,
                loss.symbol, state, self.arrow if state != "dim" else 0, label, glyph.plain,
            )  # fmt: skip
            if k == last:
                (ax, ay), (bx, by) = edge.curve
                found.append(replace(edge, label=label and replace(label, x=(ax + bx) / 2, y=(ay + by) / 2)))
            else:
                skips.append((k, last + 1, edge, True))
        found += self._skipping(skips)
        for row, what in enumerate(plan.targets):
            kind = "faint" if isinstance(what, Gap) else "given"
            arrow = 1 if plan.direction == "forward" and plan.found is None and kind == "given" else 0
            found.append(self._line(kind, plan.nodes["target", row], loss, arrow=arrow))
        return found

    def _biases(self) -> list[Edge]:
        plan = self.plan
        found = []
        for node in plan.nodes.values():
            if not node.level or node.unit is None or not plan.net.layers[node.level - 1].has_bias(node.unit):
                continue
            ref = plan.namer.bias(node.level, node.unit)
            glyph = plan.glyph(ref)
            state = "plain" if plan.found is None else plan.found.bias_state(node.level, node.unit)
            before = plan.glyph(plan.namer.before(node.level, node.unit)).plain
            shown = self._shown(ref, glyph, state)
            top = node.y - node.ry
            label = Label(node.x, top - STUB - 9, "bias", shown, size=14.0, state=state, symbol=glyph.plain)
            about = plan.words.say("about.bias", symbol=glyph.plain, target=before)
            curve = (node.x, top - STUB), (node.x, top)
            arrow = self.arrow if state != "dim" else 0
            found.append(Edge("bias", curve, glyph.plain, "", node.symbol, state, arrow, label, about))
        return found

    def _past_gaps(self) -> list[Edge]:
        """Return short level lines that run towards the dots of the layers that are not shown, and on from them."""
        plan = self.plan
        found = []
        for k, column in enumerate(plan.columns):
            if not isinstance(column.level, Gap):
                continue
            for side, other in ((1, k - 1), (-1, k + 1)):
                for row in range(len(plan.columns[other].rows)):
                    node = plan.nodes["row", other, row]
                    near, far = (node.x + side * node.rx, node.y), (node.x + side * (node.rx + 30), node.y)
                    curve = (near, far) if side > 0 else (far, near)
                    found.append(Edge("faint", curve, state="path" if node.state == "chosen" else node.state))
        return found


def _row_finder(column: Column) -> Callable[[int], int]:
    """Return a function from a unit to the row that shows it or counts it."""
    firsts = [what.first if isinstance(what, Gap) else what for what in column.rows]
    return lambda unit: bisect_right(firsts, unit) - 1
