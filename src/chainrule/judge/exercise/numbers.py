"""Numbers for a sheet: few digits, nothing at a kink, nothing dead, nothing too large to be worked with by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.network import Given, Network, Weight
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from chainrule.values import Values

MOST_DRAWS = 60
"""How many sets of numbers are drawn in search of good ones; the best is taken then."""

KINKS = {
    "relu": (0.0,), "leaky_relu": (0.0,), "elu": (0.0,), "selu": (0.0,), "hard_sigmoid": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
}  # fmt: skip
"""Where an activation has a kink, at which its derivative would be a matter of taste."""

KINKED_LOSSES = frozenset(("mae", "hinge", "huber"))

MARGIN = 0.05
"""How far from a kink a number has to be."""

LARGEST = 6.0
"""The largest z: beyond, a sigmoid is 1 to all the digits that are asked for."""


def with_numbers(net: Network, rng: random.Random, *, samples: int = 1) -> Network:
    """Return a network with a number for everything that has none: tenths, so that they can be worked with by hand.

    Numbers that are given stay. Where it can be had, no unit is at a kink, every layer's weights matter, and nothing is
    large.

    Args:
        net: the network.
        rng: where the numbers come from.
        samples: how many samples to draw, where none are given.

    Example:
        >>> net = with_numbers(Network.read("2-1"), random.Random(0))
        >>> [f"{weight} = {number}" for weight, number in net.given.weights], net.given.inputs, net.given.targets
        (['w_11^1 = 0.4', 'w_12^1 = 0.5'], ((-0.9, -0.2),), ((0.6,),))
    """
    best, least = None, float("inf")
    for _ in range(MOST_DRAWS):
        drawn = net.replace(given=_drawn(net, rng, samples))
        faults = sum(_faults(drawn.values()))
        if faults < least:
            best, least = drawn, faults
        if not faults:
            break
    assert best is not None
    return best


def _drawn(net: Network, rng: random.Random, samples: int) -> Given:
    def tenth(low: int, high: int) -> float:
        return rng.choice([n for n in range(low, high + 1) if n]) / 10

    known = {weight for weight, _ in net.given.weights}
    leaders = {weight: tie[0] for tie in net.ties for weight in tie}
    drawn: dict[Weight, float] = {}
    weights = list(net.given.weights)
    weights += [
        (weight, drawn.setdefault(leaders.get(weight, weight), tenth(-9, 9)))
        for weight in net.weights()
        if weight not in known
    ]
    places = {place for place, _ in net.given.biases}
    biases = list(net.given.biases)
    for level, layer in enumerate(net.layers, start=1):
        own = [unit for unit in range(1, layer.size + 1) if layer.has_bias(unit) and (level, unit) not in places]
        biases += [((level, unit), tenth(-5, 5)) for unit in own]
    inputs = net.given.inputs or tuple(tuple(tenth(-10, 10) for _ in range(net.inputs)) for _ in range(samples))
    targets = net.given.targets or tuple(_targets(net, rng) for _ in inputs)
    return replace(net.given, weights=tuple(weights), biases=tuple(biases), inputs=inputs, targets=targets)


def _targets(net: Network, rng: random.Random) -> tuple[float, ...]:
    kind = LOSSES[net.loss.name]
    outputs = len(net.output_units)
    if kind.class_index:
        return (float(rng.randint(1, outputs)),)
    if kind.targets in ("distribution", "shares"):
        chosen = rng.randrange(outputs)
        return tuple(float(unit == chosen) for unit in range(outputs))
    if kind.targets == "sign":
        return tuple(rng.choice((-1.0, 1.0)) for _ in range(outputs))
    if kind.targets == "probability":
        return tuple(float(rng.randint(0, 1)) for _ in range(outputs))
    return tuple(rng.randint(-10, 10) / 10 for _ in range(outputs))


def _faults(values: Values) -> Iterator[float]:
    """Yield what speaks against a set of numbers: how many numbers are what they should not be."""
    net, symbols = values.network, values.derivation.source.symbols
    pred = np.asarray(values["pred"], dtype=float)
    yield 1000.0 * (not np.isfinite(values["loss"]))
    for level, layer in enumerate(net.layers, start=1):
        named = ("z", level, None) in symbols
        z = np.asarray(values[f"Z_{level}"], dtype=float) if named else pred
        yield 10.0 * np.sum(~np.isfinite(z))
        yield np.sum(np.abs(z) > LARGEST)
        for unit in range(1, layer.size + 1) if named else ():
            for kink in KINKS.get(layer.activation(unit).name, ()):
                yield 5.0 * np.sum(np.abs(z[:, unit - 1] - kink) < MARGIN)
    for parameter in values.derivation.source.parameters:
        gradient = values.matrix_partial(parameter)
        yield float(not np.any(gradient)) + 10.0 * np.sum(~np.isfinite(gradient))
    if net.loss.name in KINKED_LOSSES:
        true = np.asarray(values["true"], dtype=float)
        gap = 1 - pred * true if net.loss.name == "hinge" else np.abs(pred - true)
        if net.loss.name == "huber":
            gap = gap - (net.loss.parameter or 1.0)
        yield 5.0 * np.sum(np.abs(gap) < MARGIN)
