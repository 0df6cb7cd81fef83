"""Targets that suit a loss, drawn: shared by the comparisons that need no JAX."""

from __future__ import annotations

import numpy as np

from chainrule.network import Network
from chainrule.rules import LOSSES


def suitable(random: np.random.Generator, net: Network, samples: int) -> np.ndarray:
    """Return targets (samples, outputs), or (samples,) for classes counted from 1."""
    outputs = len(net.output_units)
    kind = LOSSES[net.loss.name]
    if kind.class_index:
        return random.integers(1, outputs + 1, samples).astype(float)
    if kind.targets == "sign":
        return random.choice([-1.0, 1.0], (samples, outputs))
    if kind.targets == "probability":
        return random.uniform(0, 1, (samples, outputs))
    if kind.targets in ("distribution", "shares"):
        parts = random.uniform(0.1, 1, (samples, outputs))
        return parts / parts.sum(axis=1, keepdims=True)
    return random.uniform(-2, 2, (samples, outputs))
