"""The kernel for a machine without a compiler: the same interface, by the plans of `chainrule.values`, in float64.

It reads the same rows of `optimizers` and the same order of samples, so its results are those of the compiled kernel to
rounding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.derive import Derivation, derive
from chainrule.expr import Partial, Ref
from chainrule.native.kernel import Array, Kernel, State
from chainrule.native.shuffle import order
from chainrule.program import build
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import array_key, compile_program, symbol_key

_NUMBERS = {"root": np.sqrt, "power": np.power}


class NumpyKernel(Kernel):
    """A kernel in NumPy."""

    def _value(self, p: Array, x: Array, y: Array) -> float:
        return self._run(p, x, y, "loss", None)

    def _gradient(self, p: Array, x: Array, y: Array, gradient: Array) -> float:
        return self._run(p, x, y, "gradient", gradient)

    def _predict(self, p: Array, x: Array, out: Array) -> None:
        for start in range(0, len(x), 4096):
            part = x[start : start + 4096]
            store = self._store(p, part, None)
            self._apply(store, len(part), "pred")
            out[start : start + 4096] = store["pred", None, None]

    def _run(self, p: Array, x: Array, y: Array, until: str, gradient: Array | None) -> float:
        store = self._store(p, x, y)
        self._apply(store, len(x), until)
        if gradient is not None:
            gradient[:] = 0
            root = self._plan(len(x))[0].source.root
            for symbol, part in self.layout.symbols.items():
                key = (root, symbol_key(symbol))
                if key in store:
                    gradient[part.start : part.stop] = np.asarray(store[key]).T.ravel()
        return float(store["loss", None, None])

    def _store(self, p: Array, x: Array, y: Array | None) -> Store:
        wide = p.astype(np.float64)
        store: Store = {("x", None, None): x.astype(np.float64)}
        if y is not None:
            true = y.astype(np.float64)
            one = len(self._plan(len(x))[0].source.data[1].dims) == 1
            store["true", None, None] = true[:, 0] if one else true
        for symbol, part in self.layout.symbols.items():
            array = wide[part.start : part.stop].reshape(part.shape)
            store[symbol_key(symbol)] = array.T if symbol.kind == "w" else array
        return store

    def _apply(self, store: Store, n: int, until: str) -> None:
        derivation, steps = self._plan(n)
        last = {"pred": ("pred", None, None), "loss": ("loss", None, None)}.get(until)
        stop = max((at for at, (key, _) in enumerate(steps) if key == last), default=len(steps) - 1)
        inputs = array_key(Partial(derivation.source.root, Ref(derivation.source.data[0])))
        with np.errstate(all="ignore"):
            for key, run in steps[: stop + 1]:
                if key != inputs:
                    run(store)

    def _plan(self, n: int) -> tuple[Derivation, list[tuple[Key, Run]]]:
        return _plans(self.layout.network, n)

    def _train(
        self, p: Array, state: State, x: Array, y: Array, batch: int, rates: Array, settings: Array, shuffle: bool,
        guard: bool, losses: Array,
    ) -> int:  # fmt: skip
        n = len(x)
        whole = batch >= n
        gradient = np.empty_like(p)
        names = dict(zip(self.optimizer.settings, settings.tolist(), strict=True))
        for k, rate in enumerate(rates.tolist()):
            if state.clock[2] >= n:
                state.clock[1] += 1
                state.clock[2] = 0
            start = int(state.clock[2])
            stop = min(start + batch, n)
            rows: Any = slice(start, stop)
            if shuffle and not whole:
                rows = order(n, seed=state.seed, epoch=state.epoch, start=start, stop=stop)
            losses[k] = self._gradient(p, x[rows], y[rows], gradient)
            if guard and not np.isfinite(losses[k]):
                return k
            state.clock[0] += 1
            self._update(p, state, gradient, {**names, "rate": rate, "t": float(state.step)})
            state.clock[2] += stop - start
        return len(rates)

    def step(self, p: Array, state: State, gradient: Array, *, rate: float, **settings: float) -> None:
        """Make one step with a gradient that was computed elsewhere; `p` and `state` are changed in place.

        Args:
            p: the flat buffer.
            state: where training stands.
            gradient: in the layout of the parameters.
            rate: the learning rate.
            **settings: the optimiser's settings.
        """
        state.clock[0] += 1
        numbers = {**self.optimizer.settings, **settings, "rate": rate, "t": float(state.step)}
        self._update(p, state, gradient.astype(self.dtype), numbers)

    def _update(self, p: Array, state: State, gradient: Array, numbers: dict[str, Any]) -> None:
        """Make one step, by the statements of the optimiser's row."""
        buffers = {"w": p, "g": gradient, **dict(zip("mv", state.moments, strict=False))}
        with np.errstate(all="ignore"):
            for name, text in self.optimizer.once:
                numbers[name] = _computed(text, numbers)
            reals = {name: self.dtype.type(value) for name, value in numbers.items()}
            for name, text in self.optimizer.update:
                buffers[name][:] = _computed(text, {**reals, **buffers})


@lru_cache(maxsize=16)
def _plans(net: Any, n: int) -> tuple[Derivation, list[tuple[Key, Run]]]:
    derivation = derive(build(net, samples=n))
    return derivation, compile_program(derivation.program)


def _computed(text: str, numbers: dict[str, Any]) -> Any:
    """Return the value of a statement of `optimizers`: sums and products of names, whole numbers and functions."""
    import ast

    def value(node: ast.expr) -> Any:
        match node:
            case ast.BinOp(left=left, op=operation, right=right):
                a, b = value(left), value(right)
                match operation:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case _:
                        return a / b
            case ast.Name(id=name):
                return numbers[name]
            case ast.Constant(value=number):
                return number
            case ast.Call(func=ast.Name(id=name), args=args):
                return _NUMBERS[name](*map(value, args))
            case _:
                raise AssertionError(ast.dump(node))

    return value(ast.parse(text, mode="eval").body)
