"""Hypothesis strategies that several tests share: random networks, and numbers that fit them.

`networks()` draws small, valid networks, over all activations and losses, with biases, skips,
missing edges, ties, an activation for each unit, and outputs in several layers; each of these can be switched off.
`numbers(net)` draws weights, biases and samples that suit a network's loss.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from chainrule.figure.normal import in_order, uniform
from chainrule.network import Activation, Connection, Given, Layer, Loss, Network, Weight
from chainrule.rules import ACTIVATIONS, LOSSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Draw = Any
"""What a composite strategy draws with; Hypothesis gives it no public type."""

HOSTILE_NAMES = (
    "\"$%_{}\\<script>alert('x')</script>", "w_11^2", "ᄒᆞᆫ글 이름", "a\nb\tc", "'''\"\"\"", "\\end{document}", "x" * 80,
    "\x00\x1f\x7f", "\u202eright to left", "🧠", "]]>", "# no comment", " ", "0", "true",
)  # fmt: skip
"""Names that break a form which does not escape them."""

OUTPUT_FOR = {
    "binary_cross_entropy": ("sigmoid",),
    "cross_entropy": ("softmax",),
    "cross_entropy_index": ("softmax",),
}
"""Losses that are defined only for some outputs, with activations that give these."""

parameters = st.floats(min_value=0.0625, max_value=3.0, width=32)
"""Parameters of an activation or a loss."""

finite = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class _Sizes:
    """The layers' sizes, with the inputs first."""

    sizes: tuple[int, ...]

    def edges(self, target: int, source: int) -> list[tuple[int, int]]:
        return list(itertools.product(range(1, self.sizes[target] + 1), range(1, self.sizes[source] + 1)))


@st.composite
def networks(
    draw: Draw,
    *,
    max_units: int = 3,
    max_layers: int = 3,
    activations: Iterable[str] = tuple(ACTIVATIONS),
    losses: Iterable[str] = tuple(LOSSES),
    biases: bool = True,
    skips: bool = True,
    missing: bool = True,
    ties: bool = True,
    per_unit: bool = True,
    outputs: bool = True,
    several_outputs: bool = True,
    names: bool = False,
    given: bool = False,
    sensible: bool = True,
) -> Network:
    """Draw a network.

    Args:
        draw: given by Hypothesis.
        max_units: the most units of a layer, and the most inputs.
        max_layers: the most layers after the inputs.
        activations: the names to choose from; softmax is only taken for outputs.
        losses: the names to choose from.
        biases: whether units may have biases.
        skips: whether connections may skip layers.
        missing: whether edges may be missing.
        ties: whether weights may be tied.
        per_unit: whether the units of a layer may differ in activation and bias.
        outputs: whether units of earlier layers may be read out too, in any order.
        several_outputs: whether there may be more than one output (else losses by class are not taken).
        names: whether units, inputs and the network may have names, hostile ones too.
        given: whether some or all numbers may be given.
        sensible: whether a loss that is defined only for probabilities always has outputs that are.
    """
    loss = draw(_losses([name for name in losses if several_outputs or not LOSSES[name].vector]))
    depth = draw(st.integers(1, max_layers))
    sizes = [draw(st.integers(1, max_units)) for _ in range(depth + 1)]
    if LOSSES[loss.name].vector:
        sizes[-1] = max(2, sizes[-1])
    elif not several_outputs:
        sizes[-1] = 1
    shape = _Sizes(tuple(sizes))
    needed = [name for name in OUTPUT_FOR.get(loss.name, ()) if sensible]
    read_out: tuple[tuple[int, int], ...] = ()
    if outputs and several_outputs and depth > 1 and "softmax" not in needed and draw(st.integers(0, 3)) == 0:
        read_out = draw(_read_out(shape))
    hidden = [name for name in activations if not ACTIVATIONS[name].vector]
    last = needed or (hidden if read_out else list(activations))
    if needed and read_out:
        hidden = needed  # whatever layer an output stands in
    layers = tuple(
        draw(_layer(size, last if level == depth else hidden, biases=biases, per_unit=per_unit, names=names))
        for level, size in enumerate(sizes[1:], start=1)
    )
    connections = draw(_connections(shape, read_out, skips=skips, missing=missing))
    net = Network(sizes[0], layers, connections, loss=loss, outputs=read_out)
    if ties and draw(st.integers(0, 3)) == 0:
        net = net.replace(ties=draw(_ties(net)))
    if names:
        inputs = draw(st.just(()) | st.tuples(*[unit_names] * net.inputs))
        net = net.replace(name=draw(st.just("") | unit_names), input_names=inputs)
    if given and draw(st.booleans()):
        net = net.replace(given=draw(some_numbers(net)))
    return net


unit_names = st.sampled_from(HOSTILE_NAMES) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def _losses(draw: Draw, names: list[str]) -> Loss:
    name = draw(st.sampled_from(names))
    row = LOSSES[name]
    how = st.sampled_from(["sum", "mean"])
    parameter = None if row.parameter is None else draw(st.none() | parameters)
    return Loss(name, parameter, draw(how), "sum" if row.vector else draw(how))


@st.composite
def _layer(draw: Draw, size: int, activations: list[str], *, biases: bool, per_unit: bool, names: bool) -> Layer:
    scalar = [name for name in activations if not ACTIVATIONS[name].vector]
    if per_unit and scalar and size > 1 and draw(st.integers(0, 2)) == 0:
        chosen = tuple(draw(_activations(scalar)) for _ in range(size))
    else:
        chosen = (draw(_activations(activations)),)
    bias: tuple[bool, ...] = (biases and draw(st.booleans()),)
    if biases and per_unit and draw(st.integers(0, 3)) == 0:
        bias = tuple(draw(st.booleans()) for _ in range(size))
    labels = draw(st.just(()) | st.tuples(*[unit_names] * size)) if names else ()
    return Layer(size, uniform(chosen), uniform(bias), labels)


@st.composite
def _activations(draw: Draw, names: list[str]) -> Activation:
    name = draw(st.sampled_from(names))
    return Activation(name, None if ACTIVATIONS[name].parameter is None else draw(st.none() | parameters))


@st.composite
def _read_out(draw: Draw, shape: _Sizes) -> tuple[tuple[int, int], ...]:
    """Draw outputs that are not just the last layer: all of it (it leads nowhere else), and some units before it."""
    depth = len(shape.sizes) - 1
    inner = [(level, unit) for level in range(1, depth) for unit in range(1, shape.sizes[level] + 1)]
    chosen = draw(st.lists(st.sampled_from(inner), min_size=1, max_size=2, unique=True))
    return tuple(draw(st.permutations([*chosen, *((depth, unit) for unit in range(1, shape.sizes[depth] + 1))])))


@st.composite
def _connections(
    draw: Draw, shape: _Sizes, read_out: tuple[tuple[int, int], ...], *, skips: bool, missing: bool
) -> tuple[Connection, ...]:
    """Draw what leads where: every unit has a way in, and every unit but the outputs a way out."""
    depth = len(shape.sizes) - 1
    edges = {(level, level - 1): set(shape.edges(level, level - 1)) for level in range(1, depth + 1)}
    if skips and depth > 1 and draw(st.integers(0, 2)) == 0:
        possible = [(target, source) for target in range(2, depth + 1) for source in range(target - 1)]
        for pair in draw(st.lists(st.sampled_from(possible), min_size=1, max_size=2, unique=True)):
            edges[pair] = set(shape.edges(*pair))
    if missing and draw(st.integers(0, 2)) == 0:
        for pair, there in edges.items():
            there -= draw(st.sets(st.sampled_from(shape.edges(*pair))))
        for level in range(1, depth + 1):
            for unit in range(1, shape.sizes[level] + 1):
                if not any(
                    (unit, origin) in edges[pair] for pair in edges if pair[0] == level for _, origin in edges[pair]
                ):
                    edges[level, level - 1].add((unit, draw(st.integers(1, shape.sizes[level - 1]))))
        for level in range(depth):
            for unit in range(1, shape.sizes[level] + 1):
                used = any(origin == unit for pair in edges if pair[1] == level for _, origin in edges[pair])
                if not used and (level, unit) not in read_out:
                    edges[level + 1, level].add((draw(st.integers(1, shape.sizes[level + 1])), unit))
    found = [Connection(target, source, tuple(sorted(there))) for (target, source), there in edges.items()]
    return in_order(found, shape.sizes)


@st.composite
def _ties(draw: Draw, net: Network) -> tuple[tuple[Weight, ...], ...]:
    """Draw whole layers tied to one another where some fit, or a few groups of weights."""
    from chainrule.figure.wiring import tie_matrices

    shapes = {
        (c.target, c.source, turned): (net.size(c.source), net.size(c.target))[:: -1 if turned else 1]
        for c in net.connections
        if c.edges is None
        for turned in (False, True)
    }
    fitting = [
        (first, second)
        for first, second in itertools.permutations(shapes, 2)
        if shapes[first] == shapes[second] and first[:2] < second[:2] and not first[2]
    ]
    if fitting and draw(st.booleans()):
        pair = draw(st.sampled_from(fitting))
        return tuple(tie_matrices(list(pair), shapes[pair[0]]))
    weights = draw(st.permutations(list(net.weights())))
    groups = []
    while len(weights) >= 2 and len(groups) < 3 and (not groups or draw(st.booleans())):
        size = draw(st.integers(2, min(3, len(weights))))
        groups.append(tuple(weights[:size]))
        weights = weights[size:]
    return tuple(groups)


@st.composite
def some_numbers(draw: Draw, net: Network) -> Given:
    """Draw any finite numbers for some or all weights and biases, and up to three samples; for mere copying."""
    keep: Callable[[Any], bool] = (lambda _: True) if draw(st.booleans()) else (lambda _: draw(st.booleans()))
    chief = {weight: group[0] for group in net.ties for weight in group}
    shared: dict[Weight, float] = {}
    weights = []
    for weight in filter(keep, net.weights()):
        first = chief.get(weight, weight)
        shared.setdefault(first, draw(finite))
        weights.append((weight, shared[first]))
    units = [(level, unit) for level in range(1, net.depth + 1) for unit in range(1, net.size(level) + 1)]
    biased = [(level, unit) for level, unit in units if net.layers[level - 1].has_bias(unit)]
    biases = tuple((unit, draw(finite)) for unit in filter(keep, biased))
    count = draw(st.integers(0, 3))
    row = LOSSES[net.loss.name]
    width = len(net.output_units)
    target = st.tuples(st.integers(1, width).map(float)) if row.class_index else st.tuples(*[finite] * width)
    inputs = tuple(draw(st.tuples(*[finite] * net.inputs)) for _ in range(count))
    targets = tuple(draw(target) for _ in range(count)) if draw(st.booleans()) else ()
    return Given(tuple(weights), biases, inputs, targets)


@st.composite
def numbers(draw: Draw, net: Network, *, samples: int = 2) -> Given:
    """Draw numbers for all weights, biases and samples, of ordinary size and away from kinks.

    They come from a seeded generator: Hypothesis would otherwise go for zeros and ties, where a derivative is not
    defined.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chief = {weight: group[0] for group in net.ties for weight in group}
    shared: dict[Weight, float] = {}
    weights = []
    for weight in net.weights():
        first = chief.get(weight, weight)
        if first not in shared:
            shared[first] = float(random.normal(scale=0.8))
        weights.append((weight, shared[first]))
    biases = tuple(
        ((level, unit), float(random.normal(scale=0.5)))
        for level, layer in enumerate(net.layers, start=1)
        for unit in range(1, layer.size + 1)
        if layer.has_bias(unit)
    )
    inputs = random.normal(size=(samples, net.inputs))
    targets = suitable_targets(net, samples, random)
    return Given(tuple(weights), biases, _rows(inputs), _rows(targets))


def suitable_targets(net: Network, samples: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return targets (samples, outputs) that suit a loss: classes, distributions, 0 or 1, −1 or 1, or any numbers."""
    width = len(net.output_units)
    row = LOSSES[net.loss.name]
    if row.class_index:
        return random.integers(1, width + 1, size=(samples, 1)).astype(float)
    if row.vector:
        return random.dirichlet(np.ones(width), size=samples)
    if net.loss.name in ("binary_cross_entropy", "bce_with_logits"):
        return random.integers(0, 2, size=(samples, width)).astype(float)
    if net.loss.name == "hinge":
        return random.choice([-1.0, 1.0], size=(samples, width))
    return random.normal(size=(samples, width))


def _rows(array: np.ndarray[Any, Any]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in array)
