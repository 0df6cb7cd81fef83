"""`Network.grad`: ∂loss/∂w at any weights and samples, from a kernel that is made once and kept with the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.rules import LOSSES
from chainrule.train.engine import Engine
from chainrule.train.initial import initial_weights
from chainrule.values.given import gather

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[Any]


class Gradient:
    """The gradient of one network, as fast as its kernel: what `Network.grad` keeps.

    Attributes:
        engine: the kernel; `engine.pack` makes the flat buffer that is fastest to give as weights.

    Example:
        >>> from chainrule import Network
        >>> gradient = Gradient(Network.read("2-1"))
        >>> gradient([[1.0, 2.0]], [[1.0]], {"W_1": [[0.5], [-1.0]]})["W_1"].tolist()
        [[-2.5], [-5.0]]
    """

    def __init__(self, net: Network, *, dtype: str = "float64") -> None:
        self.net = net
        self.engine = Engine(net, dtype=dtype)
        self._start = self.engine.pack(initial_weights(net, initial="glorot_uniform", seed=0))
        self._outputs = 0 if LOSSES[net.loss.name].class_index else len(net.output_units)
        # What every other loss takes is any number; these have a meaning for some only, which is checked each time.
        self._free = LOSSES[net.loss.name].targets == "number" and bool(self._outputs)

    def __call__(self, inputs: Any, targets: Any, weights: Mapping[str, Any] | Array | None = None) -> dict[str, Array]:
        """Return ∂loss/∂w by name: `W_1` (in, out), `b_1` (units,).

        Args:
            inputs: (N, inputs).
            targets: (N, outputs), or (N,) for one output or for classes from 1.
            weights: numbers by name; the flat buffer of `engine.pack`; None for those of the sheet, and drawn ones.

        Raises:
            DataError: where something does not fit.
        """
        x, y = np.asarray(inputs), np.asarray(targets)
        if y.ndim == 1 and self._outputs == 1:
            y = y.reshape(-1, 1)
        fits = x.ndim == 2 and x.shape[1] == self.net.inputs and y.shape == (len(x), self._outputs)
        if not (fits and self._free and x.dtype.kind in "fiub" and y.dtype.kind in "fiub"):
            x, y = self._checked(x, y)
        return self.engine.unpack(self.engine.value_and_grad(self._flat(weights), x, y)[1])

    def _flat(self, weights: Mapping[str, Any] | Array | None) -> Array:
        if weights is None:
            return self._start
        if (
            isinstance(weights, np.ndarray)
            and weights.shape == self._start.shape
            and weights.dtype == self._start.dtype
        ):
            return weights
        if isinstance(weights, Mapping) and set(weights) == set(self.engine.kernel.layout.maps):
            arrays = {name: np.asarray(array) for name, array in weights.items()}
            if all(arrays[name].shape == places.shape for name, places in self.engine.kernel.layout.maps.items()):
                return self.engine.pack(arrays)
        if isinstance(weights, np.ndarray):
            raise DataError("not_a_mapping", read=type(weights).__name__)
        return self.engine.pack(initial_weights(self.net, initial="glorot_uniform", seed=0, weights=weights))

    def _checked(self, x: Array, y: Array) -> tuple[Array, Array]:
        numbers, _ = gather(self.net, weights=None, biases=None, inputs=x, targets=y, seed=0)
        return numbers["X"], numbers["true"]


def gradient(net: Network, inputs: Any, targets: Any, weights: Any = None) -> dict[str, Array]:
    """Return ∂loss/∂w by name, from the kernel that the network keeps."""
    kept = net.__dict__.get("_gradient")
    if kept is None:
        # The network is frozen; what is kept with it is no part of its value.
        kept = net.__dict__["_gradient"] = Gradient(net)
    found: dict[str, Array] = kept(inputs, targets, weights)
    return found
