"""The tables behind `chainrule/native/choices.py`: what each of its limits costs on either side of it.

`python benchmarks/run.py --tune` prints them. The numbers in choices.py are chosen by reading them.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from peers import RATE, best, drawn

from chainrule import Network, native
from chainrule.native.build import build, find_compiler
from chainrule.native.choices import CHOICES
from chainrule.native.emit import vector_head
from chainrule.native.gemm import micro_kernels

EMIT = importlib.import_module("chainrule.native.emit")

Row = Callable[..., None]


def microseconds(network: str, batch: int, *, seconds: float, clock: Any, **options: Any) -> float:
    """Return the time of one full-batch step."""
    sizes = [int(size) for size in network.split("-")]
    weights, x, y = drawn(sizes, batch)
    kernel = native.compile(Network.read(network + " --reduction samples=mean,outputs=sum"), quiet=True, **options)
    params, state = np.concatenate([w.ravel() for w in weights]), kernel.state()
    return best(lambda k: kernel.train(params, state, x, y, steps=k, rate=RATE), seconds, clock)


def with_choices(**changed: int) -> None:
    """Let the emitter choose otherwise."""
    EMIT.CHOICES = replace(CHOICES, **changed)


def tune(head: Row, row: Row, *, seconds: float, clock: Any) -> None:
    """Print all tables."""
    how = {"seconds": seconds, "clock": clock}
    print("Without loops and with them: µs of a step at a batch of 256, and seconds to build (`unrolled_products`).\n")
    head("network", "weights", "without loops", "with loops", "build without", "build with")
    for network in ("2-3-2-1", "2-5-4-1", "2-6-6-1", "2-8-8-1", "4-10-10-2", "4-16-12-1"):
        sizes = [int(size) for size in network.split("-")]
        cells = [f"{microseconds(network, 256, unrolled=u, **how):.3g}" for u in (True, False)]
        builds = []
        for u in (True, False):
            native.clear_cache()
            start = time.perf_counter()
            native.compile(Network.read(network), unrolled=u, quiet=True)
            builds.append(f"{time.perf_counter() - start:.2f}")
        row(network, sum(a * b for a, b in pairwise(sizes)), *cells, *builds)
    print("\nVectors of samples in a tile: µs of a step (`vectors`, `wide`, `wide_vectors`).\n")
    counts = (1, 2, 3, 4, 8, 16)
    head("network, batch", *map(str, counts))
    for network, batch in (
        ("2-100-50-1", 32), ("2-100-50-1", 256), ("2-100-50-1", 4096), ("64-256-256-10", 256), ("784-512-512-10", 256),
    ):  # fmt: skip
        cells = []
        for count in counts:
            with_choices(vectors=count, wide_vectors=count)
            cells.append(f"{microseconds(network, batch, **how):,.3g}")
        row(f"{network}, {batch}", *cells)
    with_choices()
    if (os.cpu_count() or 1) > 1:
        print("\nOne thread and two: µs of a step, by wall clock (`parallel_products`).\n")
        head("network, batch", "products", "one", "two")
        with_choices(parallel_products=1)
        for network, batch in (
            ("2-3-2-1", 512), ("2-3-2-1", 1024), ("2-3-2-1", 4096), ("2-3-2-1", 16384), ("2-100-50-1", 128),
            ("2-100-50-1", 256),
        ):  # fmt: skip
            sizes = [int(size) for size in network.split("-")]
            products = batch * sum(a * b for a, b in pairwise(sizes))
            wall = {"seconds": seconds, "clock": time.perf_counter}
            cells = [f"{microseconds(network, batch, threads=count, **wall):.3g}" for count in (1, 2)]
            row(f"{network}, {batch}", f"{products:,}", *cells)
        with_choices()
    print("\nProducts of matrices, float32, one thread: GFLOP/s (`inner`, `far_apart`).\n")
    head("rows × inner × columns", "weights", "here", "NumPy's BLAS")
    for rows, inner, columns in (
        (50, 100, 256),
        (256, 256, 256),
        (512, 784, 256),
        (1024, 1024, 256),
        (2048, 2048, 256),
    ):
        work = 2e-9 * rows * inner * columns
        for name, strides in (("across", (1, rows)), ("along", (inner, 1))):
            ours = work / product(rows, inner, columns, strides, **how)
            a, b = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
            left = np.asfortranarray(a) if name == "across" else a
            out = np.empty((rows, columns), np.float32)
            theirs = work / (best(lambda k: [np.dot(left, b, out=out) for _ in range(k)], seconds, clock) * 1e-6)  # noqa: B023
            row(f"{rows} × {inner} × {columns}", name, f"{ours:.0f}", f"{theirs:.0f}")


def product(rows: int, inner: int, columns: int, strides: tuple[int, int], *, seconds: float, clock: Any) -> float:
    """Return the seconds that a product takes with the blocks of the native code."""
    compiler = find_compiler()
    assert compiler is not None
    target = compiler.target("float32")
    source = vector_head(target) + (
        f"enum {{ LANES = {target.lanes}, INNER_BLOCK = {CHOICES.inner}, FAR_APART = {CHOICES.far_apart} }};\n"
        + micro_kernels(target)
        + "EXPORT void multiply(int64_t k, int64_t rows, int64_t columns, int64_t inner, const real *P, int64_t pr,\n"
        "    int64_t ps, const vec *Q, vec *C) {\n"
        "  while (k--) product(rows, columns, inner, P, pr, ps, Q, columns, C, columns, 0);\n}\n"
    )
    multiply = ctypes.CDLL(str(build(source, compiler).path)).multiply
    p, q, c = (_aligned(count) for count in (rows * inner, inner * columns, rows * columns))
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    fixed = (number(rows), number(columns // target.lanes), number(inner), pointer(p.ctypes.data))
    rest = (*map(number, strides), pointer(q.ctypes.data), pointer(c.ctypes.data))
    return best(lambda k: multiply(number(k), *fixed, *rest), seconds, clock) * 1e-6


def _aligned(count: int) -> Any:
    whole = np.ones(count + 16, np.float32)
    start = (-whole.ctypes.data % 64) // 4
    return whole[start : start + count]
