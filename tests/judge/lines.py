"""Lines of derivations with known truth: right ones, and ones with a single slip in them.

    line_tree.py         a line as a small tree of its own
    line_truth.py        numbers and derivatives, from a forward pass of its own with complex steps
    line_sources.py      right lines as they first stand
    line_variations.py   what a person writes otherwise and means the same
    line_slips.py        slips
    line_print.py        notations, forms, a writer's habits

A line begins as one of the project's own (a Step's sides, a forward statement) or as one that a person would write
beside them; what it is worth is decided by `line_truth` alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule import Activation, Connection, Layer, Loss, Network
from chainrule.notation import load
from judge.line_print import draw_names, draw_style, usual_style, write_line, write_sides
from judge.line_slips import OF_MATRICES, OF_NUMBERS, Scope, plant
from judge.line_sources import Draft, Sources
from judge.line_tree import Der, Fn, Node, Ones, Sym, ground, size, walk
from judge.line_truth import MatrixTruth, Truth, compare, evaluate
from judge.line_variations import vary

PER_NETWORK = 60
"""How many lines are drawn from each network."""

MOST_NODES = 120
"""A side with more nodes is left to the machines."""

MOST_STATEMENTS = 12
"""How many lines of what is computed stand in a document before the line in question."""

OWN_PAGES = 0.08
"""The share of right lines that are taken from the project's own pages, letter by letter."""

NOTATIONS = ("seed", "ng", "nielsen", "bishop", "parens")
FORMS = ("latex", "latex", "text", "typst")

LOSSES = (
    "half_squared_error", "half_squared_error", "half_squared_error", "mse", "mse", "binary_cross_entropy",
    "bce_with_logits", "cross_entropy", "softmax_cross_entropy", "log_cosh", "mae",
)  # fmt: skip
HIDDEN = (
    "sigmoid",
    "sigmoid",
    "sigmoid",
    "tanh",
    "tanh",
    "relu",
    "relu",
    "leaky_relu",
    "softplus",
    "silu",
    "elu",
    "identity",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A line and the truth about it.

    Attributes:
        network: the figure it speaks of.
        view: `scalar`, `general` (running indices) or `matrix`.
        notation, form: how it is spelled.
        source: the formula as it is written.
        right: for each `=`, whether its two sides are the same.
        slip: the kind of the planted slip, or ''.
        original: the formula before the slip.
        context: right lines of the same document before it: what is computed, and a few gradients.
    """

    network: Network
    view: str
    notation: str
    form: str
    source: str
    right: tuple[bool, ...]
    slip: str
    original: str
    context: tuple[str, ...]


def generate(
    seed: int,
    count: int,
    *,
    wrong: float = 0.5,
    notations: tuple[str, ...] = NOTATIONS,
    forms: tuple[str, ...] = FORMS,
) -> Iterator[Case]:
    """Yield cases, the same ones for the same arguments; about a share of `wrong` has a slip."""
    made = 0
    for round_ in itertools.count():
        rng = random.Random(f"{seed} {round_}")
        workshop = Workshop(draw_network(rng), rng, notations, forms)
        for case in itertools.islice(workshop.cases(wrong), PER_NETWORK):
            yield case
            made += 1
            if made == count:
                return


def draw_network(rng: random.Random) -> Network:
    """Return a network: 1 to 5 units in a layer, 1 to 4 layers, a skip connection now and then."""
    loss = rng.choice(LOSSES)
    depth = rng.choice([1, 2, 2, 3, 3, 4])
    sizes = [rng.choice([1, 2, 2, 3, 3, 4, 5]) for _ in range(depth + 1)]
    if "cross_entropy" in loss and not loss.startswith("binary"):
        sizes[-1] = max(2, sizes[-1])
    elif rng.random() < 0.5:
        sizes[-1] = 1
    biased = rng.random() < 0.5
    hidden = rng.choice(HIDDEN)
    output = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}.get(loss) or (
        "identity"
        if "cross_entropy" in loss or loss == "bce_with_logits"
        else rng.choice(["identity", "identity", *HIDDEN])
    )
    names = [hidden if rng.random() < 0.7 else rng.choice(HIDDEN) for _ in range(depth - 1)] + [output]
    layers = tuple(
        Layer(units, (Activation(name, 0.1 if name == "leaky_relu" and rng.random() < 0.5 else None),), (biased,))
        for units, name in zip(sizes[1:], names, strict=True)
    )
    connections = [Connection(level, level - 1) for level in range(1, depth + 1)]
    if depth > 1 and rng.random() < 0.12:
        target = rng.randrange(2, depth + 1)
        connections.append(Connection(target, rng.randrange(target - 1)))
    averaged = loss not in ("cross_entropy", "softmax_cross_entropy") and rng.random() < 0.3
    gathered = Loss(loss, samples=rng.choice(["sum", "mean"]), outputs="mean" if averaged else "sum")
    return Network(sizes[0], layers, tuple(connections), gathered)


def computes_layer(sides: tuple[Node, ...]) -> bool:
    """Return whether a line says how a layer is computed from weights: Z = X W."""
    head, value = sides[0], sides[1]
    return isinstance(head, Sym) and head.kind in ("z", "pred") and not isinstance(value, Fn | Sym)


class Workshop:
    """Makes cases of one network."""

    def __init__(self, net: Network, rng: random.Random, notations: tuple[str, ...], forms: tuple[str, ...]) -> None:
        self.net = net
        self.rng = rng
        # Where a = z only the direction of ∂a/∂z tells which letter is which: too little beside Bishop's letters.
        self.linear = any(layer.activations[0].name == "identity" for layer in net.layers[:-1])
        known = [name for name in notations if not (self.linear and name == "bishop")]
        self.notation = rng.choice(known or list(notations))
        self.form = rng.choice(forms)
        seed = rng.randrange(10**9)
        self.truth = Truth(net, seed)
        self.matrices = MatrixTruth(net, seed)
        self.single = MatrixTruth(net, seed, samples=1)
        self.sources = Sources(net, rng)
        self.alone = len(net.output_units) == 1
        self.skips = any(c.source != c.target - 1 for c in net.connections)
        self.names = draw_names(rng, self.notation)
        usual = usual_style(self.notation, self.form, self.names)
        self.context = tuple(write_line(sides, usual, alone=self.alone) for sides in self._begun())
        # A line of matrices alone would be right in the layout that makes it right.
        self.layout = tuple(
            write_line(draft.sides, usual, alone=self.alone, matrices=True)
            for draft in self.sources.matrices if computes_layer(draft.sides)
        )[:MOST_STATEMENTS]  # fmt: skip

    def _begun(self) -> list[tuple[Node, ...]]:
        """Return the first lines of the document: what is computed, and a few gradients."""
        steps = [sides for sides in (self.sources.step() for _ in range(4)) if sides is not None]
        lines = [*self.sources.statements[:MOST_STATEMENTS], *steps]
        return [sides for sides in lines if max(map(size, sides)) <= MOST_NODES]

    def cases(self, wrong: float) -> Iterator[Case]:
        """Yield cases without end."""
        while True:
            slipped, case = self.rng.random() < wrong, None
            if not slipped and self.rng.random() < OWN_PAGES:
                yield self._page()
                continue
            while case is None:
                draft = self._varied()
                if draft is not None:
                    case = self._case(draft, slipped)
            yield case

    def _page(self) -> Case:
        """Return a line as the project's own pages show it."""
        target = self.rng.choice(self.sources.targets)
        source = self.sources.lines.step(target).show(self.form, notation=self.notation)
        right = (True,) * source.count(" = ")
        return Case(self.net, "scalar", self.notation, self.form, source, right, "", source, self.context)

    def _case(self, draft: Draft, wrong: bool) -> Case | None:
        rng = self.rng
        style = draw_style(rng, self.notation, self.form, self.names)
        original = write_line(draft.sides, style, alone=self.alone, matrices=draft.matrices)
        written = write_sides(draft.sides, style, alone=self.alone, matrices=draft.matrices)
        if any(left == right for left, right in itertools.pairwise(written)):
            return None  # δ = δ, where ∂loss/∂z has no other name
        right: tuple[bool, ...] | None = (True,) * (len(draft.sides) - 1)
        slip, source = "", original
        if wrong:
            place = rng.choice([place for place in range(1, len(draft.sides)) if place not in draft.loose])
            symbols = (self.matrices if draft.matrices else self.truth).symbols
            scope = Scope(symbols, draft.letters, len(self.net.output_units))
            kinds = OF_MATRICES if draft.matrices else OF_NUMBERS
            planted = plant(draft.sides[place], scope, rng, kinds=kinds)
            if planted is None:
                return None
            slip, changed = planted
            if slip == "turned" and self.linear:
                return None  # where a = z, the same line in the other order of letters
            slipped = replace(draft, sides=(*draft.sides[:place], changed, *draft.sides[place + 1 :]))
            right = self._judged(slipped)
            if right is None or all(right) or self._of_one_sample(slipped, right):
                return None
            source = write_line(slipped.sides, style, alone=self.alone, matrices=draft.matrices)
        assert right is not None
        view = "matrix" if draft.matrices else "general" if draft.letters else "scalar"
        context = (*self.context, *self.layout) if draft.matrices else self.context
        return Case(self.net, view, self.notation, self.form, source, right, slip, original, context)

    def _judged(self, draft: Draft) -> tuple[bool, ...] | None:
        """Return the truth of each link, or None where one is too close to call, or where 0 = 0 is all it says.

        Beside a skip connection a link is right in either reading of ∂.
        """
        readings = [self._read(draft, direct) for direct in ((True, False) if self.skips else (False,))]
        found = []
        for link in zip(*readings, strict=True):
            if None in link and True not in link:
                return None
            found.append(True in link)
        return tuple(found)

    def _of_one_sample(self, draft: Draft, right: tuple[bool, ...]) -> bool:
        """Return whether a line that says nothing of a batch is truer of one sample: ∂L/∂b = δ."""
        if not draft.matrices or any(_of_batch(side) for side in draft.sides):
            return False
        batch, self.matrices = self.matrices, self.single
        found = self._judged(draft)
        self.matrices = batch
        return found is None or found != right

    def _read(self, draft: Draft, direct: bool) -> list[bool | None]:
        """Return for each link whether it holds, at all values of the free letters, or None."""
        found: list[list[bool | None]] = []
        truth = self.matrices if draft.matrices else self.truth
        ranges = [range(1, draft.letters[letter] + 1) for letter in draft.free]
        for place in itertools.product(*ranges):
            letters = dict(zip(draft.free, place, strict=True))
            values = [
                None if number in draft.loose else self._worth(side, letters, truth, direct)
                for number, side in enumerate(draft.sides)
            ]
            known = [value if value is not None else values[0] for value in values]
            found.append([_same(left, right) for left, right in itertools.pairwise(known)])
        return [
            False if False in links else None if all(link is None for link in links) else True
            for links in zip(*found, strict=True)
        ]

    @staticmethod
    def _worth(side: Node, letters: dict[str, int], truth: Truth | MatrixTruth, direct: bool) -> Any:
        """Return what a side is worth; nan where its shapes do not fit."""
        try:
            with np.errstate(all="ignore"):
                return evaluate(ground(side, letters), truth, direct=direct)
        except ValueError:
            return NO_SHAPE
        except KeyError:
            return NO_NUMBER

    def _varied(self) -> Draft | None:
        """Return a right line, varied."""
        rng = self.rng
        draft = self.sources.draw(load(self.notation))
        if draft is None:
            return None
        rate = rng.choice([0.0, 0.1, 0.3])
        varied = [vary(side, self.net, rng, rate) for side in draft.sides]
        if any(size(side) > MOST_NODES for side in varied):
            return None
        if not draft.loose:
            varied = [side for number, side in enumerate(varied) if number == 0 or side != varied[number - 1]]
        if len(varied) < 2:
            return None
        draft = replace(draft, sides=tuple(varied))
        right = self._judged(draft)
        if right is None:
            return None
        assert all(right), (self.net, draft, right)
        return draft


def _of_batch(side: Node) -> bool:
    """Return whether a side holds what has a row for each sample: X, Z, A or the ones.

    The number of samples is no sign of rows: ∂loss/∂pred = (pred − true)/N is one of numbers as well.
    """
    for _, node in walk(side):
        named = node.by if isinstance(node, Der) else node
        if isinstance(named, Ones) or (isinstance(named, Sym) and named.kind in ("x", "z", "a")):
            return True
    return False


NO_SHAPE, NO_NUMBER = object(), object()
"""What a side is worth whose shapes do not fit; whose letters stand for nothing."""


def _same(left: Any, right: Any) -> bool | None:
    if left is NO_NUMBER or right is NO_NUMBER:
        return None
    if left is NO_SHAPE or right is NO_SHAPE:
        return False
    return compare(left, right) if np.any(left) or np.any(right) else None
