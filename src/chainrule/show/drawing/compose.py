"""Network → Drawing: everything in its place, with the words around it.

What is shown and where units stand is `plan`'s, the edges are `edges`'; here stand the notes under units, the captions,
the frame of a softmax, and the size of the whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.rules import ACTIVATIONS
from chainrule.show.drawing.columns import Gap
from chainrule.show.drawing.edges import Wiring
from chainrule.show.drawing.metrics import shorten
from chainrule.show.drawing.plan import CAPTION, NOTE, RADIUS, Plan
from chainrule.show.drawing.scene import Drawing, Frame, Label, glyph_width

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.notation import Notation

MARGIN = 22.0
ADJOINT = 13.5
"""The size of ∂loss/∂… at a unit."""

NAME_WIDTH = 96.0
"""The most room a name on the sheet takes; longer ones are cut."""


def lay_out(
    net: Network,
    *,
    notation: Notation,
    lang: str = "en",
    highlight: str | None = None,
    direction: str | None = None,
    expand: bool = False,
) -> Drawing:
    """Return the drawing of a network.

    Raises:
        SelectionError: where the network has nothing of the highlighted name.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.notation import load
        >>> drawing = lay_out(Network.read("2-3-2-1"), notation=load("seed"))
        >>> [edge.symbol for edge in drawing.edges if edge.kind == "weight"][:3]
        ['w_11^1', 'w_12^1', 'w_21^1']
    """
    plan = Plan(net, notation=notation, lang=lang, highlight=highlight, direction=direction, expand=expand)
    wiring = Wiring(plan)
    edges = wiring.edges()
    nodes = tuple(plan.nodes.values())
    labels = [*_notes(plan), *_counts(plan)]
    frames = tuple(_frames(plan))
    bottom = max(
        *(node.y + node.ry for node in nodes), *(label.box[3] for label in labels), wiring.bottom,
        *(frame.top + frame.height for frame in frames), 0.0,
    )  # fmt: skip
    labels += _captions(plan, bottom)
    title = plan.words.title()
    drawing = Drawing(
        0, 0, 0, 0, nodes, edges, frames, tuple(labels), title,
        plan.words.description(highlight=plan.found.name if plan.found else None, direction=direction), direction, lang,
    )  # fmt: skip
    return _measured(drawing, net.name, wiring.top)


def _notes(plan: Plan) -> list[Label]:
    """Return what stands beside units: names on the sheet, activations where they differ, derivatives."""
    labels = []
    for node in plan.nodes.values():
        if node.level is None or node.unit is None:
            continue
        name = shorten(plan.net.unit_name(node.level, node.unit), NAME_WIDTH, 13.0)
        below = node.y + node.ry + 11
        if node.level == 0:
            if name:
                x = node.x - node.rx - 9
                labels.append(Label(x, node.y, "name", text=name, size=14.0, anchor="end", state=node.state))
        else:
            layer = plan.net.layers[node.level - 1]
            row = ACTIVATIONS[layer.activation(node.unit).name]
            differ = len(set(layer.activations)) > 1
            text = " · ".join(part for part in (name, row.text if differ else "") if part)
            latex = f"${row.latex}$" if differ and not name else ""
            if text:
                labels.append(Label(node.x, below, "note", text=text, latex=latex, size=13.0, state=node.state))
                below += NOTE
        adjoint = plan.adjoint(node.level, node.unit)
        if adjoint is not None:
            labels.append(Label(node.x, below + 2, "adjoint", adjoint, size=ADJOINT, state=node.state))
    return labels


def _counts(plan: Plan) -> list[Label]:
    """Return how many units the dots of each layer stand for."""
    labels = []
    for k, column in enumerate(plan.columns):
        for row, what in enumerate(column.rows):
            if isinstance(what, Gap):
                node = plan.nodes["row", k, row]
                text = plan.words.count("more", what.count)
                labels.append(Label(node.x, node.y + 14, "count", text=text, size=12.0, state=node.state))
    return labels


def _captions(plan: Plan, bottom: float) -> list[Label]:
    labels = []
    for x, lines in zip(plan.xs, plan.captions, strict=True):
        for line, (kind, text) in enumerate(zip(("caption", "size"), lines, strict=True)):
            if text:
                labels.append(Label(x, bottom + 26 + 17 * line, kind, text=text, size=CAPTION))
    return labels


def _frames(plan: Plan) -> list[Frame]:
    """Return the frame around the outputs of a softmax, whose units act together."""
    if not ACTIVATIONS[plan.net.layers[-1].activations[0].name].vector:
        return []
    k = len(plan.columns) - 1
    nodes = [plan.nodes["row", k, row] for row in range(len(plan.columns[k].rows))]
    over = plan.above if any(plan.net.layers[-1].bias) else RADIUS
    top, bottom = nodes[0].y - over - 12, nodes[-1].y + RADIUS + 12 + NOTE * plan.lines_under(plan.net.depth)
    glyphs = [plan.adjoint(node.level, node.unit) for node in nodes if node.level is not None and node.unit is not None]
    rx = max(RADIUS, *(glyph_width(glyph, ADJOINT) / 2 for glyph in glyphs if glyph is not None), 0.0) + 12
    states = {node.state for node in nodes}
    state = "plain" if plan.found is None else "path" if states != {"dim"} else "dim"
    return [Frame(nodes[0].x - rx, top, 2 * rx, bottom - top, state)]


def _measured(drawing: Drawing, name: str, top: float) -> Drawing:
    """Return the drawing with its size, and its title above where the sheet has one."""
    boxes = [label.box for label in drawing.all_labels]
    boxes += [(node.x - node.rx, node.y - node.ry, node.x + node.rx, node.y + node.ry) for node in drawing.nodes]
    boxes += [(f.left, f.top, f.left + f.width, f.top + f.height) for f in drawing.frames]
    left, right = min(box[0] for box in boxes) - MARGIN, max(box[2] for box in boxes) + MARGIN
    top, bottom = min(top, *(box[1] for box in boxes)) - MARGIN, max(box[3] for box in boxes) + MARGIN - 6
    labels = drawing.labels
    if name:
        text = shorten(name, right - left - 2 * MARGIN, 16.0)
        labels = (*labels, Label((left + right) / 2, top + 6, "title", text=text, size=16.0))
        top -= 22
    return replace(drawing, left=left, top=top, width=right - left, height=bottom - top, labels=labels)
