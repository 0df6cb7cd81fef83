"""The numbers that training starts from: those of the sheet, and drawn ones, scaled by how many units lead in and out.

The stream of each matrix is its own, so that adding a layer does not change what the others start from. Biases start
at 0, except where the initialisation itself says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.values.given import gather_parameters

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[np.float64]


def initial_weights(
    net: Network, *, initial: str, seed: int, weights: Mapping[str, Any] | None = None
) -> dict[str, Array]:
    """Return the matrices and vectors that training starts from, by name: `W_1` (in, out), `b_1` (units,), ….

    Numbers that are given, here or on the sheet (`net.given`), are kept; the others are drawn by `initial`. Where the
    figure has no edge there is 0, and tied weights have one number.

    Args:
        net: the network.
        initial: glorot_uniform, glorot_normal (Glorot, Bengio 2010), he_uniform, he_normal (He, Zhang, Ren, Sun 2015),
            lecun_uniform, lecun_normal (LeCun, Bottou, Orr, Müller 1998), pytorch (uniform within ±1/√in, weights and
            biases, as `torch.nn.Linear`), zeros.
        seed: of what is drawn.
        weights: numbers by name, as for `Network.values`.

    Example:
        >>> from chainrule import Network
        >>> start = initial_weights(Network.read("2-3-1 --bias"), initial="he_normal", seed=1)
        >>> {name: array.shape for name, array in start.items()}
        {'W_1': (2, 3), 'b_1': (3,), 'W_2': (3, 1), 'b_2': (1,)}
    """
    found, _ = gather_parameters(net, weights or {}, lambda name: _draw(net, name, initial, seed))
    return found


def _draw(net: Network, name: str, initial: str, seed: int) -> Array:
    levels = [int(part) for part in name.partition("_")[2].split(",")]
    level = levels[0]
    source = levels[1] if len(levels) == 2 else level - 1
    into, out = net.size(source), net.size(level)
    is_bias = name.startswith("b")
    shape: tuple[int, ...] = (out,) if is_bias else (into, out)
    random = np.random.default_rng([seed, 6 if is_bias else 5, level, source])
    if initial == "pytorch":
        limit = 1 / math.sqrt(into)
        return random.uniform(-limit, limit, shape)
    if is_bias or initial == "zeros":
        return np.zeros(shape)
    family, _, kind = initial.partition("_")
    # Variance 2/(in + out), 2/in, 1/in; a uniform within ±√(3v) has the variance v.
    variance = {"glorot": 2 / (into + out), "he": 2 / into, "lecun": 1 / into}[family]
    if kind == "uniform":
        limit = math.sqrt(3 * variance)
        return random.uniform(-limit, limit, shape)
    return random.normal(0.0, math.sqrt(variance), shape)
