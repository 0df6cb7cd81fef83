"""The kernel as training uses it: named arrays to a flat buffer and back, and one epoch of steps at a time."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import native
from chainrule.native.shuffle import random_bits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chainrule.network import Network

Array = NDArray[Any]


class Engine:
    """Value, gradient, outputs and steps of one network, over one flat buffer of parameters.

    Attributes:
        net: the network.
        kernel: its compiled derivation (`chainrule.native`).
    """

    def __init__(self, net: Network, *, dtype: str = "float64", threads: int = 1, optimizer: str = "sgd") -> None:
        self.net = net
        self.kernel = native.compile(
            net, dtype=dtype, threads=threads or os.cpu_count() or 1, optimizer=optimizer,
            quiet=not sys.stderr.isatty(),
        )  # fmt: skip

    def pack(self, arrays: Mapping[str, Any]) -> Array:
        """Return the flat buffer of weights and biases by name."""
        return self.kernel.layout.pack(arrays, dtype=self.kernel.dtype)

    def unpack(self, params: Array) -> dict[str, Array]:
        """Return weights and biases by name, from the flat buffer."""
        return self.kernel.layout.unpack(params)

    def value(self, params: Array, x: Array, y: Array) -> float:
        """Return the loss as the network gathers it."""
        return self.kernel.value(params, x, y)

    def value_and_grad(self, params: Array, x: Array, y: Array) -> tuple[float, Array]:
        """Return the loss and its gradient, as flat as the parameters."""
        return self.kernel.value_and_grad(params, x, y)

    def predict(self, params: Array, x: Array) -> Array:
        """Return the outputs (N, outputs)."""
        return self.kernel.predict(params, x)

    def fresh_state(self, seed: int) -> native.State:
        """Return what the optimizer remembers before the first step."""
        return self.kernel.state(seed=seed)

    def steps(
        self, params: Array, state: native.State, x: Array, y: Array, *, batch_size: int, rates: Sequence[float],
        seed: int, epoch: int, block: int, settings: Mapping[str, Any],
    ) -> float:  # fmt: skip
        """Go once through samples in minibatches; return the sum of the samples' losses, each before its step.

        The order follows from the seed, the epoch and the number of the block. `params` and `state` are changed in
        place. Where a batch's loss is not finite nothing of it is done, and the sum is not finite.
        """
        state.seed = seed if block == 0 else random_bits(seed, block)
        state.clock[1:] = epoch, 0
        losses = self.kernel.train(
            params, state, x, y, rate=np.asarray(rates), steps=len(rates), batch_size=batch_size, **settings
        )
        if self.net.loss.samples == "sum":
            return float(losses.sum())
        sizes = np.full(len(losses), float(batch_size))
        if len(losses) == len(rates):
            sizes[-1] = len(x) - batch_size * (len(rates) - 1)
        return float(losses @ sizes)
