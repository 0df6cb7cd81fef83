"""Many networks of one shape, trained side by side: other weights, rates, settings and orders, the same samples.

Where the layers are tiny, each lane of a vector is a network of its own (ensemble_emit.py): a sample alone, or a batch
that fills no vector, costs as little as one of many. Larger networks, and machines without a compiler, take one network
after another through the kernel of `chainrule.native.compile`. Either way the interface is that of a `Kernel` with one
more axis, the networks, in front.

What becomes of a network depends on nothing but its own numbers: not on how many others there are, nor on its
place among them. In vectors the sums over samples go in the order of these, where a kernel by itself adds up its lanes,
so the results of both agree to rounding.

Example:
    >>> from chainrule import Network
    >>> ensemble = compile_ensemble(Network.read("2-3-1"), dtype="float64", quiet=True)
    >>> params, state = ensemble.draw(range(5)), ensemble.state(range(5))
    >>> X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> losses = ensemble.train(params, state, X, Y, steps=100, rate=[0.1, 0.1, 0.2, 0.2, 0.5])
    >>> losses.shape, bool((losses[:, -1] < losses[:, 0]).all())
    ((5, 100), True)
"""

from __future__ import annotations

import ctypes
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import native
from chainrule.derive import Derivation
from chainrule.errors import DataError, SelectionError
from chainrule.native.build import BuildError, build, find_compiler
from chainrule.native.choices import CHOICES
from chainrule.native.emit import describe, is_small
from chainrule.native.ensemble_emit import emit_ensemble
from chainrule.native.kernel import Array, Kernel, State
from chainrule.native.library import _at, _function
from chainrule.native.lower import lower
from chainrule.values.given import spell_shape

if TYPE_CHECKING:
    from chainrule.network import Network


@dataclass(slots=True)
class EnsembleState:
    """Where the training of many networks stands, beside their parameters.

    Attributes:
        moments: the optimiser's buffers, (networks, moments, size).
        seeds: what the order of each network's rows is made from, (networks,).
        clock: steps done, the epoch, and the next row in the order of that epoch: the same for all.
        alive: which networks go on; one whose loss was not finite does not.
    """

    moments: Array
    seeds: NDArray[np.uint64]
    clock: NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    alive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.seeds)

    def of(self, which: Any) -> EnsembleState:
        """Return the state of some of the networks, as an index or a mask says."""
        return EnsembleState(self.moments[which], self.seeds[which], self.clock.copy(), self.alive[which])


class Ensemble(ABC):
    """Many networks of one shape, ready to compute.

    Attributes:
        kernel: that of one of them, for its layout, its number type and its optimiser.
        threads: how many threads share the networks.
    """

    def __init__(self, kernel: Kernel, *, threads: int) -> None:
        self.kernel = kernel
        self.threads = threads

    def draw(self, seeds: Iterable[int]) -> Array:
        """Return parameters (networks, size), each network's drawn with its seed."""
        return np.array([self.kernel.draw(seed) for seed in seeds])

    def state(self, seeds: Iterable[int]) -> EnsembleState:
        """Return the state at the beginning of training."""
        own = [self.kernel.state(seed=seed).seed for seed in seeds]
        shape = (len(own), self.kernel.optimizer.moments, self.kernel.layout.size)
        return EnsembleState(
            np.zeros(shape, self.kernel.dtype), np.array(own, np.uint64), alive=np.ones(len(own), bool)
        )

    def value(self, params: Any, X: Any, Y: Any) -> NDArray[np.float64]:
        """Return the loss of each network, (networks,).

        Args:
            params: (networks, size).
            X: the inputs that all of them see, (N, inputs).
            Y: their targets, as for a `Kernel`.

        Raises:
            DataError: where a shape does not fit.
        """
        p, (x, y) = self._parameters(params), self.kernel.samples(X, Y)
        found = np.empty(len(p))
        self._share(len(p), lambda part: self._value(p[part], x, y, found[part]))
        return found

    def value_and_grad(self, params: Any, X: Any, Y: Any) -> tuple[NDArray[np.float64], Array]:
        """Return the losses, (networks,), and the gradients, (networks, size)."""
        p, (x, y) = self._parameters(params), self.kernel.samples(X, Y)
        found, slopes = np.empty(len(p)), np.empty_like(p)
        self._share(len(p), lambda part: self._gradient(p[part], x, y, found[part], slopes[part]))
        return found, slopes

    def predict(self, params: Any, X: Any) -> Array:
        """Return the outputs, (networks, N, outputs)."""
        p, x = self._parameters(params), self.kernel.rows(X, self.kernel.inputs, "X")
        found = np.empty((len(p), len(x), self.kernel.outputs), self.kernel.dtype)
        self._share(len(p), lambda part: self._predict(p[part], x, found[part]))
        return found

    def train(
        self,
        params: Array,
        state: EnsembleState,
        X: Any,
        Y: Any,
        *,
        rate: float | Sequence[float] | Array,
        steps: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        shuffle: bool = True,
        guard: bool = True,
        **settings: float | Sequence[float] | Array,
    ) -> NDArray[np.float64]:
        """Train, and return the loss of each network before each step, (networks, steps).

        `params` and `state` are changed in place. A network whose loss is not finite stays as it was before that step
        and goes on no more, where `guard` says so; its losses after that are NaN.

        Args:
            params: (networks, size), of the kernel's number type.
            state: from `state()`, or where an earlier call left it.
            X: the inputs of all samples.
            Y: their targets.
            rate: one number, one for each network, or (networks, steps).
            steps: how many steps; or
            epochs: up to the end of so many epochs from here.
            batch_size: how many samples a step takes; all where left out.
            shuffle: whether each epoch of each network has an order of its own.
            guard: see above.
            settings: the optimiser's settings, each one number or one for each network.

        Raises:
            DataError: where a shape does not fit.
            SelectionError: where the optimiser has no such setting.
        """
        kernel = self.kernel
        x, y = kernel.samples(X, Y)
        count, size = len(state), kernel.layout.size
        if not (
            isinstance(params, np.ndarray) and params.dtype == kernel.dtype and params.shape == (count, size)
            and params.flags.c_contiguous and params.flags.writeable
        ):  # fmt: skip
            raise DataError("not_a_buffer", size=f"{count}×{size}", dtype=kernel.dtype.name)
        if state.moments.shape != (count, kernel.optimizer.moments, size) or state.moments.dtype != kernel.dtype:
            raise DataError("wrong_state", optimizer=kernel.optimizer.name, size=size)
        batch, steps = kernel.extent(state.clock, len(x), batch_size, steps, epochs)
        rates = np.asarray(rate, np.float64)
        rates = np.ascontiguousarray(np.broadcast_to(rates[:, None] if rates.ndim == 1 else rates, (count, steps)))
        unknown = [name for name in settings if name not in kernel.optimizer.settings]
        if unknown:
            raise SelectionError(
                "unknown_setting", read=unknown[0], optimizer=kernel.optimizer.name,
                known=", ".join(kernel.optimizer.settings),
            )  # fmt: skip
        chosen = np.empty((count, len(kernel.optimizer.settings)))
        for at, (name, usual) in enumerate(kernel.optimizer.settings.items()):
            chosen[:, at] = settings.get(name, usual)
        losses = np.empty((count, steps))
        clocks: list[NDArray[np.int64]] = []
        if not steps or not count:
            return losses

        def part_of(part: slice) -> None:
            own = EnsembleState(state.moments[part], state.seeds[part], state.clock.copy(), state.alive[part])
            self._train(
                params[part], own, x, y, batch, rates[part], chosen[part], shuffle, guard, losses[part]
            )  # fmt: skip
            clocks.append(own.clock)

        self._share(count, part_of)
        state.clock[:] = clocks[0]
        return losses

    def _parameters(self, params: Any) -> Array:
        p = np.ascontiguousarray(params, self.kernel.dtype)
        if p.ndim != 2 or p.shape[1] != self.kernel.layout.size:
            expected = f"K×{self.kernel.layout.size}"
            raise DataError("number_shape", what="params", read=spell_shape(p.shape), expected=expected)
        return p

    def _share(self, count: int, work: Callable[[slice], None]) -> None:
        """Do some work for all networks, in as many threads as there are, each with a run of whole vectors."""
        lanes = self.lanes
        each = -(-count // (lanes * self.threads)) * lanes
        parts = [slice(start, start + each) for start in range(0, count, each)] if count else []
        if len(parts) < 2:
            for part in parts:
                work(part)
            return
        with ThreadPoolExecutor(len(parts)) as pool:
            for _ in pool.map(work, parts):
                pass

    # How it is done

    @property
    @abstractmethod
    def lanes(self) -> int:
        """How many networks are computed together."""

    @abstractmethod
    def _value(self, p: Array, x: Array, y: Array, out: Array) -> None: ...

    @abstractmethod
    def _gradient(self, p: Array, x: Array, y: Array, out: Array, slopes: Array) -> None: ...

    @abstractmethod
    def _predict(self, p: Array, x: Array, out: Array) -> None: ...

    @abstractmethod
    def _train(
        self, p: Array, state: EnsembleState, x: Array, y: Array, batch: int, rates: Array, settings: Array,
        shuffle: bool, guard: bool, losses: Array,
    ) -> None: ...  # fmt: skip


class LaneEnsemble(Ensemble):
    """Networks in the lanes of vectors, in machine code."""

    def __init__(self, path: Path, kernel: Kernel, *, threads: int) -> None:
        super().__init__(kernel, threads=threads)
        library = ctypes.CDLL(str(path))
        self._calls = {
            name: _function(library, name, arguments, result)
            for name, arguments, result in (
                ("lanes", "", ctypes.c_int64), ("predict", "pnpnp", None), ("value", "pnppnp", None),
                ("gradient", "pnppnpp", None), ("train", "ppppnppnnnpppiip", None),
            )
        }  # fmt: skip
        self._lanes = int(self._calls["lanes"]())

    @property
    def lanes(self) -> int:
        return self._lanes

    def _value(self, p: Array, x: Array, y: Array, out: Array) -> None:
        self._calls["value"](_at(p), len(p), _at(x), _at(y), len(x), _at(out))

    def _gradient(self, p: Array, x: Array, y: Array, out: Array, slopes: Array) -> None:
        self._calls["gradient"](_at(p), len(p), _at(x), _at(y), len(x), _at(out), _at(slopes))

    def _predict(self, p: Array, x: Array, out: Array) -> None:
        self._calls["predict"](_at(p), len(p), _at(x), len(x), _at(out))

    def _train(
        self, p: Array, state: EnsembleState, x: Array, y: Array, batch: int, rates: Array, settings: Array,
        shuffle: bool, guard: bool, losses: Array,
    ) -> None:  # fmt: skip
        alive = state.alive.view(np.uint8)
        self._calls["train"](
            _at(p),
            _at(state.moments),
            _at(state.clock),
            _at(alive),
            len(p),
            _at(x),
            _at(y),
            len(x),
            batch,
            rates.shape[1],
            _at(rates),
            _at(settings),
            _at(state.seeds),
            int(shuffle),
            int(guard),
            _at(losses),
        )


class SerialEnsemble(Ensemble):
    """One network after another, through the kernel of one."""

    @property
    def lanes(self) -> int:
        return 1

    def _value(self, p: Array, x: Array, y: Array, out: Array) -> None:
        out[:] = [self.kernel.value(own, x, y) for own in p]

    def _gradient(self, p: Array, x: Array, y: Array, out: Array, slopes: Array) -> None:
        for at, own in enumerate(p):
            out[at], slopes[at] = self.kernel.value_and_grad(own, x, y)

    def _predict(self, p: Array, x: Array, out: Array) -> None:
        for at, own in enumerate(p):
            out[at] = self.kernel.predict(own, x)

    def _train(
        self, p: Array, state: EnsembleState, x: Array, y: Array, batch: int, rates: Array, settings: Array,
        shuffle: bool, guard: bool, losses: Array,
    ) -> None:  # fmt: skip
        names = self.kernel.optimizer.settings
        begun = state.clock.copy()
        losses[:] = np.nan
        for at, own in enumerate(p):
            if not state.alive[at]:
                continue
            alone = State(state.moments[at], begun.copy(), int(state.seeds[at]))
            found = self.kernel.train(
                own, alone, x, y, rate=rates[at], steps=rates.shape[1], batch_size=batch, shuffle=shuffle, guard=guard,
                **dict(zip(names, settings[at].tolist(), strict=True)),
            )  # fmt: skip
            losses[at, : len(found)] = found
            state.alive[at] = not guard or bool(np.isfinite(found[-1]))
        self._go_on(state.clock, len(x), batch, rates.shape[1])

    def _go_on(self, clock: NDArray[np.int64], n: int, batch: int, steps: int) -> None:
        """Move the clock on as training does, whichever networks are still alive."""
        for _ in range(steps):
            if clock[2] >= n:
                clock[1] += 1
                clock[2] = 0
            clock[0] += 1
            clock[2] += min(batch, n - clock[2])


def compile_ensemble(
    what: Derivation | Network,
    *,
    dtype: str = "float32",
    threads: int = 1,
    optimizer: str = "sgd",
    cc: str | None = None,
    lanes: bool | None = None,
    quiet: bool = False,
    lang: str = "en",
) -> Ensemble:
    """Return the kernel of many networks of one shape.

    Args:
        what: the network, or its Derivation.
        dtype: `float32` or `float64`.
        threads: how many threads share the networks; 0 for as many as the machine has. It changes no bit.
        optimizer: whose update `Ensemble.train` makes.
        cc: the C compiler; the first that is found where left out. `numpy` for none.
        lanes: whether networks are the lanes of vectors; where left out, where they are small enough to be written out.
        quiet: whether to keep silent about building.
        lang: the language of what is said on stderr.

    Raises:
        SelectionError: where there is no such optimiser.
        ProgramError: where the Derivation is of no network.
    """
    threads = threads or os.cpu_count() or 1
    compiler = None if cc == "numpy" else find_compiler(cc)
    lowered = lower(native.for_any_samples(what))
    if compiler is not None and (is_small(lowered, CHOICES.ensemble_products) if lanes is None else lanes):
        # The kernel of one is asked for its layout and for what its optimiser has; it computes nothing.
        kernel = native.compile(what, dtype=dtype, optimizer=optimizer, cc="numpy")
        try:
            built = build(emit_ensemble(lowered, compiler.target(dtype), kernel.optimizer), compiler, unrolled=True)
        except BuildError as error:
            native.say("compiler_failed", quiet, lang, why=str(error), name=describe(lowered))
        else:
            if built.seconds:
                native.say("built", quiet, lang, name=describe(lowered), seconds=f"{built.seconds:.2f}")
            return LaneEnsemble(built.path, kernel, threads=threads)
    kernel = native.compile(what, dtype=dtype, optimizer=optimizer, cc=cc, quiet=quiet, lang=lang)
    return SerialEnsemble(kernel, threads=1)
