"""What a compiled Derivation can do: value, gradient, prediction, and whole loops of training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, SelectionError
from chainrule.native.layout import Layout
from chainrule.native.optimizers import Optimizer
from chainrule.values.given import spell_shape

Array = NDArray[Any]


@dataclass(eq=False)
class State:
    """Where training stands: all that is needed beside the parameters to go on as if it had never stopped.

    Attributes:
        moments: the optimiser's buffers, (moments, size), of the kernel's number type.
        clock: steps done, the epoch, and the next row in the order of that epoch.
        seed: what the order of the rows is made from.
    """

    moments: Array
    clock: NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    seed: int = 0

    @property
    def step(self) -> int:
        """How many steps were done."""
        return int(self.clock[0])

    @property
    def epoch(self) -> int:
        """How many epochs were finished."""
        return int(self.clock[1])

    def copy(self) -> State:
        """Return a state that does not change with this one."""
        return State(self.moments.copy(), self.clock.copy(), self.seed)

    def arrays(self) -> dict[str, Array]:
        """Return the state as arrays, to be written to a file."""
        return {"moments": self.moments, "clock": self.clock, "seed": np.array([self.seed], np.uint64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> State:
        """Return the state that `arrays` gave."""
        clock = np.array(arrays["clock"], np.int64)
        return cls(np.array(arrays["moments"]), clock, int(np.asarray(arrays["seed"]).reshape(-1)[0]))


class Kernel(ABC):
    """A Derivation ready to compute.

    Attributes:
        layout: what stands where in the flat buffer of parameters.
        dtype: the number type of parameters, gradients and samples.
        optimizer: whose update `train` makes.
        threads: how many threads share the rows of a batch.
        source: the C source; '' for the NumPy kernel.
        inputs, targets, outputs: how many numbers a sample has.
    """

    def __init__(
        self, layout: Layout, widths: tuple[int, int, int], *, dtype: str, optimizer: Optimizer, threads: int,
        source: str = "",
    ) -> None:  # fmt: skip
        self.layout = layout
        self.inputs, self.targets, self.outputs = widths
        self.dtype = np.dtype(dtype)
        self.optimizer = optimizer
        self.threads = threads
        self.source = source

    # What is asked

    def draw(self, seed: int = 0) -> Array:
        """Return parameters drawn with a seed, those that the sheet gives excepted."""
        return self.layout.draw(seed, dtype=self.dtype)

    def state(self, *, seed: int = 0) -> State:
        """Return the state at the beginning of training."""
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
            raise DataError("bad_seed", read=repr(seed))
        return State(np.zeros((self.optimizer.moments, self.layout.size), self.dtype), seed=seed)

    def value(self, params: Any, X: Any, Y: Any) -> float:
        """Return the loss.

        Args:
            params: the flat buffer, (size,).
            X: the inputs, (N, inputs).
            Y: the targets, (N, targets); (N,) where a sample has one.

        Raises:
            DataError: where a shape does not fit.
        """
        p, (x, y) = self._parameters(params), self.samples(X, Y)
        return self._value(p, x, y)

    def value_and_grad(self, params: Any, X: Any, Y: Any) -> tuple[float, Array]:
        """Return the loss, and its gradient in the layout of the parameters.

        Args: as those of `value`.
        """
        p, (x, y) = self._parameters(params), self.samples(X, Y)
        gradient = np.empty(self.layout.size, self.dtype)
        return self._gradient(p, x, y, gradient), gradient

    def predict(self, params: Any, X: Any) -> Array:
        """Return the outputs, (N, outputs)."""
        p, x = self._parameters(params), self.rows(X, self.inputs, "X")
        out = np.empty((len(x), self.outputs), self.dtype)
        if len(x):
            self._predict(p, x, out)
        return out

    def train(
        self,
        params: Array,
        state: State,
        X: Any,
        Y: Any,
        *,
        rate: float | Sequence[float] | Array,
        steps: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        shuffle: bool = True,
        guard: bool = True,
        **settings: float,
    ) -> NDArray[np.float64]:
        """Train, and return the loss before each step; `params` and `state` are changed in place.

        To go on where training stopped, call it again with the same parameters, state, samples and batch size: any way
        of dividing the steps among calls gives the same bits.

        Args:
            params: the flat buffer; of the kernel's number type.
            state: from `state()`, or where an earlier call left it.
            X: the inputs of all samples.
            Y: their targets.
            rate: the learning rate: one number, or one for each step.
            steps: how many steps; or
            epochs: up to the end of so many epochs from here.
            batch_size: how many samples a step takes; all where left out. The last batch of an epoch may be smaller.
            shuffle: whether each epoch has an order of its own, made from the state's seed.
            guard: whether to stop before the step of a batch whose loss is not finite: fewer losses come back, the last
                of which is not finite, and params and state are as before that step.
            settings: the optimiser's settings (`kernel.optimizer.settings`): momentum, weight_decay, beta1, ….

        Raises:
            DataError: where a shape does not fit.
            SelectionError: where the optimiser has no such setting.
        """
        x, y = self.samples(X, Y)
        n = len(x)
        if not (
            isinstance(params, np.ndarray) and params.dtype == self.dtype and params.shape == (self.layout.size,)
            and params.flags.c_contiguous and params.flags.writeable
        ):  # fmt: skip
            raise DataError("not_a_buffer", size=self.layout.size, dtype=self.dtype.name)
        if state.moments.shape != (self.optimizer.moments, self.layout.size) or state.moments.dtype != self.dtype:
            raise DataError("wrong_state", optimizer=self.optimizer.name, size=self.layout.size)
        batch, steps = self.extent(state.clock, n, batch_size, steps, epochs)
        rates = np.ascontiguousarray(np.broadcast_to(np.asarray(rate, np.float64), (steps,)))
        unknown = [name for name in settings if name not in self.optimizer.settings]
        if unknown:
            raise SelectionError(
                "unknown_setting", read=unknown[0], optimizer=self.optimizer.name,
                known=", ".join(self.optimizer.settings),
            )  # fmt: skip
        chosen = np.array([settings.get(name, value) for name, value in self.optimizer.settings.items()], np.float64)
        losses = np.empty(steps, np.float64)
        done = self._train(params, state, x, y, batch, rates, chosen, shuffle, guard, losses) if steps else 0
        return losses[: done + 1] if done < steps else losses

    def extent(
        self, clock: Array, n: int, batch_size: int | None, steps: int | None, epochs: int | None
    ) -> tuple[int, int]:
        """Return how many samples a step takes, and how many steps there are; as `train` is asked for them.

        Raises:
            DataError: where one of these makes no sense.
        """
        batch = n if batch_size is None else min(int(batch_size), n)
        if batch < 1:
            raise DataError("bad_count", what="batch_size", read=batch_size)
        if (steps is None) == (epochs is None):
            raise DataError("bad_count", what="steps", read=steps)
        if epochs is not None:
            rest = -(-(n - int(clock[2])) // batch) if 0 < clock[2] < n else 0
            whole = epochs - (1 if rest else 0)
            steps = rest + max(0, whole) * -(-n // batch)
        assert steps is not None
        if steps < 0:
            raise DataError("bad_count", what="steps", read=steps)
        return batch, steps

    # What is given

    def _parameters(self, params: Any) -> Array:
        p = np.ascontiguousarray(params, self.dtype)
        if p.shape != (self.layout.size,):
            raise DataError("number_shape", what="params", read=spell_shape(p.shape), expected=str(self.layout.size))
        return p

    def rows(self, value: Any, width: int, what: str) -> Array:
        """Return numbers as rows (N, width) of the kernel's type; DataError names them where they are no such thing."""
        rows = np.asarray(value)
        if rows.dtype != self.dtype or not rows.flags.c_contiguous or not rows.flags.aligned:
            rows = np.array(rows, self.dtype, order="C")
        if rows.ndim == 1 and width == 1:
            rows = rows.reshape(-1, 1)
        if rows.ndim != 2 or rows.shape[1] != width:
            raise DataError("number_shape", what=what, read=spell_shape(rows.shape), expected=f"N×{width}")
        return rows

    def samples(self, X: Any, Y: Any) -> tuple[Array, Array]:
        """Return inputs (N, inputs) and targets (N, targets) of the kernel's type; DataError where they do not fit."""
        x, y = self.rows(X, self.inputs, "X"), self.rows(Y, self.targets, "Y")
        if len(x) != len(y) or not len(x):
            raise DataError("sample_counts", inputs=len(x), targets=len(y))
        return x, y

    # How it is done

    @abstractmethod
    def _value(self, p: Array, x: Array, y: Array) -> float: ...

    @abstractmethod
    def _gradient(self, p: Array, x: Array, y: Array, gradient: Array) -> float: ...

    @abstractmethod
    def _predict(self, p: Array, x: Array, out: Array) -> None: ...

    @abstractmethod
    def _train(
        self, p: Array, state: State, x: Array, y: Array, batch: int, rates: Array, settings: Array, shuffle: bool,
        guard: bool, losses: Array,
    ) -> int: ...  # fmt: skip
