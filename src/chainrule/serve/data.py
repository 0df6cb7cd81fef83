"""Small data to train on: drawn with a seed, in the ranges that a page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import SelectionError

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[np.float64]
Random = np.random.Generator

POINTS = 200
"""How many samples are drawn."""


def _two(random: Random, count: int) -> tuple[NDArray[np.intp], Array]:
    """Return which of two classes each sample is of, and where along it, from 0 to 1."""
    return np.arange(count) % 2, random.uniform(0, 1, count)


def _xor(random: Random, count: int) -> tuple[Array, Array]:
    x = random.uniform(0.1, 1, (count, 2)) * random.choice([-1.0, 1.0], (count, 2))
    return x, (x[:, 0] * x[:, 1] < 0).astype(float)


def _circles(random: Random, count: int) -> tuple[Array, Array]:
    kind, along = _two(random, count)
    radius = np.where(kind == 1, 0.45 * np.sqrt(along), 0.65 + 0.35 * along)
    angle = random.uniform(0, 2 * np.pi, count)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), kind.astype(float)


def _spiral(random: Random, count: int) -> tuple[Array, Array]:
    kind, along = _two(random, count)
    angle = 0.4 + 3.2 * np.pi * np.sqrt(along) / 1.6 + kind * np.pi
    radius = 0.1 + 0.9 * np.sqrt(along)
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return x + random.normal(0, 0.02, x.shape), kind.astype(float)


def _moons(random: Random, count: int) -> tuple[Array, Array]:
    kind, along = _two(random, count)
    angle = np.pi * along
    x = np.where(kind == 1, 0.5 - 0.5 * np.cos(angle), 0.5 * np.cos(angle)) - 0.25
    y = np.where(kind == 1, 0.25 - 0.5 * np.sin(angle), 0.5 * np.sin(angle)) - 0.12
    return 1.6 * np.column_stack([x, y]) + random.normal(0, 0.06, (count, 2)), kind.astype(float)


def _sine(random: Random, count: int) -> tuple[Array, Array]:
    x = random.uniform(-1, 1, (count, 1))
    return x, np.sin(np.pi * x[:, 0]) + random.normal(0, 0.05, count)


def _step(random: Random, count: int) -> tuple[Array, Array]:
    x = random.uniform(-1, 1, (count, 1))
    return x, (x[:, 0] > 0.2).astype(float)


def _hill(random: Random, count: int) -> tuple[Array, Array]:
    x = random.uniform(-1, 1, (count, 2))
    return x, np.exp(-3 * (x**2).sum(axis=1))


_MADE: dict[str, tuple[int, bool, Callable[[Random, int], tuple[Array, Array]]]] = {
    # inputs, whether the targets are two classes, the samples
    "xor": (2, True, _xor), "circles": (2, True, _circles), "moons": (2, True, _moons), "spiral": (2, True, _spiral),
    "hill": (2, False, _hill), "sine": (1, False, _sine), "step": (1, True, _step),
}  # fmt: skip

NAMES = (*_MADE, "teacher")
"""The data by name. `teacher` fits every network: its targets are the outputs of the same figure with other weights."""


def data_for(net: Network) -> tuple[str, ...]:
    """Return the names of the data that a network can be trained on.

    Example:
        >>> from chainrule import Network
        >>> data_for(Network.read("1-4:tanh-1")), data_for(Network.read("3-2"))
        (('sine', 'step', 'teacher'), ('teacher',))
    """
    kinds = _kind(net)
    return tuple(name for name in NAMES if name == "teacher" or _fits(net, name, kinds))


def _kind(net: Network) -> str:
    from chainrule.train.targets import targets_of

    columns = 1 if net.loss.name.endswith("_index") else len(net.output_units)
    return targets_of(net, columns).kind


def _fits(net: Network, name: str, kind: str) -> bool:
    inputs, classes, _ = _MADE[name]
    outputs = len(net.output_units)
    if inputs != net.inputs:
        return False
    if kind in ("index", "shares", "onehot"):
        return classes and outputs == 2
    return outputs == 1 and (classes or kind == "number")


def draw(net: Network, name: str, *, seed: int, count: int = POINTS) -> tuple[Array, Array]:
    """Return inputs (N, inputs) and targets as `chainrule.train` takes them.

    Args:
        net: what is trained on them; targets of two classes are 0 and 1, or −1 and 1 for hinge, or 1 and 2 where the
            loss takes class numbers.
        name: one of `NAMES`.
        seed: of what is drawn.
        count: how many samples.

    Raises:
        SelectionError: where there are no such data, or they do not fit the network.

    Example:
        >>> from chainrule import Network
        >>> x, y = draw(Network.read("2-4-1"), "xor", seed=1)
        >>> x.shape, sorted(set(y.tolist()))
        ((200, 2), [0.0, 1.0])
    """
    if name not in data_for(net):
        raise SelectionError("no_such_data", read=name[:40], known=", ".join(data_for(net)))
    random = np.random.default_rng([seed, 40 + NAMES.index(name)])
    kind = _kind(net)
    if name == "teacher":
        return _taught(net, kind, random, seed, count)
    x, y = _MADE[name][2](random, count)
    if kind == "sign":
        y = 2 * y - 1
    elif kind == "index":
        y = y + 1
    elif kind in ("shares", "onehot"):
        y = np.column_stack([1 - y, y])
    return x, y


def _taught(net: Network, kind: str, random: Random, seed: int, count: int) -> tuple[Array, Array]:
    from dataclasses import replace

    x = random.uniform(-1, 1, (count, net.inputs))
    teacher = net.replace(given=replace(net.given, weights=(), biases=(), inputs=(), targets=()))
    outputs = len(net.output_units)
    none = np.ones(count) if kind in ("index", "sign") else np.full((count, outputs), 1 / outputs)
    # Its targets are of no consequence: only the outputs are read.
    found = np.asarray(teacher.values(inputs=x, targets=none, seed=seed + 1)["pred"]).reshape(count, outputs)
    middle = np.median(found, axis=0)
    if kind == "number":
        return x, found
    if kind == "probability":
        return x, (found > middle).astype(float)
    if kind == "sign":
        return x, np.where(found > middle, 1.0, -1.0)
    best = (found - middle).argmax(axis=1)
    return x, best + 1.0 if kind == "index" else np.eye(outputs)[best]
