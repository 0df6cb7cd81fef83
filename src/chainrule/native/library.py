"""The kernel that calls a built library, by ctypes."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.native.kernel import Array, Kernel, State

PACKED_BYTES = 256 * 2**20
"""Training on whole batches keeps the samples as vectors where they take no more than this."""

_POINTER, _INTEGER = ctypes.c_void_p, ctypes.c_int64


class NativeKernel(Kernel):
    """A kernel in machine code. Calls from several threads take turns; while one runs, Python goes on."""

    def __init__(self, path: Path, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.path = path
        library = ctypes.CDLL(str(path))
        self._calls = {
            name: _function(library, name, arguments, result)
            for name, arguments, result in (
                ("work_bytes", 0, _INTEGER), ("packed_bytes", "n", _INTEGER), ("predict", "ppnpp", None),
                ("value", "pppnp", ctypes.c_double), ("gradient", "pppnpp", ctypes.c_double),
                ("train", "ppppppnnnpnpuiipppp", _INTEGER),
            )
        }  # fmt: skip
        self._lock = threading.Lock()
        self._work = _aligned(self._calls["work_bytes"]())

    def _value(self, p: Array, x: Array, y: Array) -> float:
        with self._lock:
            return float(self._calls["value"](_at(p), _at(x), _at(y), len(x), self._work.at))

    def _gradient(self, p: Array, x: Array, y: Array, gradient: Array) -> float:
        with self._lock:
            return float(self._calls["gradient"](_at(p), _at(x), _at(y), len(x), self._work.at, _at(gradient)))

    def _predict(self, p: Array, x: Array, out: Array) -> None:
        with self._lock:
            self._calls["predict"](_at(p), _at(x), len(x), self._work.at, _at(out))

    def _train(
        self, p: Array, state: State, x: Array, y: Array, batch: int, rates: Array, settings: Array, shuffle: bool,
        guard: bool, losses: Array,
    ) -> int:  # fmt: skip
        packed = None
        if batch >= len(x) and len(rates) > 1:
            size = self._calls["packed_bytes"](len(x))
            packed = _aligned(size) if size <= PACKED_BYTES else None
        gradient = _aligned(self.layout.size * self.dtype.itemsize)
        moments = [_at(buffer) for buffer in state.moments] + [None, None]
        with self._lock:
            return int(
                self._calls["train"](
                    _at(p), moments[0], moments[1], _at(state.clock), _at(x), _at(y), len(x), batch, len(rates),
                    _at(rates), rates.strides[0] // rates.itemsize, _at(settings), state.seed, int(shuffle), int(guard),
                    self._work.at, None if packed is None else packed.at, gradient.at, _at(losses),
                )
            )  # fmt: skip


class _Buffer:
    """Memory at a place that vectors can be read from."""

    def __init__(self, size: int) -> None:
        self.memory = np.empty(size + 64, np.uint8)
        start = int(self.memory.ctypes.data)
        self.at = start + -start % 64


def _aligned(size: int) -> _Buffer:
    return _Buffer(size)


def _at(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _function(library: ctypes.CDLL, name: str, arguments: Any, result: Any) -> Any:
    kinds: dict[str, Any] = {"p": _POINTER, "n": _INTEGER, "u": ctypes.c_uint64, "i": ctypes.c_int}
    function = library[f"chainrule_{name}"]
    function.argtypes = [kinds[letter] for letter in arguments] if arguments else []
    function.restype = result
    return function
