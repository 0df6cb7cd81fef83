"""The tables behind `chainrule/native/choices.py`: what each of its limits costs on either side of it.

`python benchmarks/run.py --tune` prints them. The numbers in choices.py are chosen by reading them.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import time
from collections.abc import Callable, Sequence
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
Step = Callable[[int], Any]

ROUNDS = 5
"""How often what is compared takes turns."""

COLUMNS = 256
"""Of the products that are compared with BLAS: the samples of a batch."""


def step(network: str, batch: int, **options: Any) -> Step:
    """Return what makes so many full-batch steps."""
    sizes = [int(size) for size in network.split("-")]
    weights, x, y = drawn(sizes, batch)
    kernel = native.compile(Network.read(network + " --reduction samples=mean,outputs=sum"), quiet=True, **options)
    params, state = np.concatenate([w.ravel() for w in weights]), kernel.state()
    return lambda k: kernel.train(params, state, x, y, steps=k, rate=RATE)


def race(runs: Sequence[Step], *, seconds: float, clock: Any) -> list[float]:
    """Return the shortest time of each, in µs: they take turns, so that what else the machine does hits all alike."""
    found = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        found = [min(least, best(run, seconds / ROUNDS, clock)) for least, run in zip(found, runs, strict=True)]
    return found


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
        runs, builds = [], []
        for u in (True, False):
            runs.append(step(network, 256, unrolled=u))
            builds.append(build_seconds(network, unrolled=u))
        cells = [f"{us:.3g}" for us in race(runs, **how)]
        row(network, sum(a * b for a, b in pairwise(sizes)), *cells, *builds)
    print("\nTiles of a network without loops computed together: µs of a step of 256 (`products_together`).\n")
    together = (1, 2, 4, 8)
    head("network", "weights", *map(str, together), *(f"build {count}" for count in together))
    for network in ("2-3-2-1", "2-5-4-1", "2-6-6-1", "2-8-8-1"):
        sizes = [int(size) for size in network.split("-")]
        weights = sum(a * b for a, b in pairwise(sizes))
        runs, builds = [], []
        for count in together:
            with_choices(products_together=count * weights)
            runs.append(step(network, 256, unrolled=True))
            builds.append(build_seconds(network, unrolled=True))
        row(network, weights, *(f"{us:.3g}" for us in race(runs, **how)), *builds)
    with_choices()
    print("\nVectors of samples in a tile: µs of a step (`vectors`, `wide`, `wide_vectors`, `huge`).\n")
    counts = (1, 2, 3, 4, 8, 16)
    head("network, batch", *map(str, counts))
    for network, batch in (
        ("2-100-50-1", 32), ("2-100-50-1", 256), ("2-100-50-1", 4096), ("64-256-256-10", 256), ("784-512-512-10", 256),
        ("1024-2048-2048-10", 256),
    ):  # fmt: skip
        runs = []
        for count in counts:
            with_choices(vectors=count, wide_vectors=count, huge=2**31)
            runs.append(step(network, batch))
        row(f"{network}, {batch}", *map(shown, race(runs, **how)))
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
            runs = [step(network, batch, threads=count) for count in (1, 2)]
            row(f"{network}, {batch}", f"{products:,}", *map(shown, race(runs, **wall)))
        with_choices()
    print("\nProducts of matrices, float32, one thread: GFLOP/s (`inner`, `far_apart`).\n")
    head("rows × inner × columns", "weights", "here", "NumPy's BLAS", "here over BLAS")
    for rows, inner in ((50, 100), (256, 64), (256, 256), (512, 784), (512, 512), (2048, 1024), (2048, 2048)):
        for name, strides in (("across", (1, rows)), ("along", (inner, 1))):
            times = race([ours(rows, inner, COLUMNS, strides), theirs(rows, inner, COLUMNS, name)], **how)
            here, blas = (2e-3 * rows * inner * COLUMNS / us for us in times)
            row(f"{rows} × {inner} × {COLUMNS}", name, f"{here:.0f}", f"{blas:.0f}", f"{here / blas:.2f}×")


def build_seconds(network: str, *, unrolled: bool) -> str:
    """Return the time of the processor that the compiler takes for a network, in seconds."""
    native.clear_cache()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    native.compile(Network.read(network), unrolled=unrolled, quiet=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f}"


def shown(us: float) -> str:
    """Return a time in µs with three significant digits."""
    return f"{us:.3g}" if us < 1000 else f"{us:,.0f}"


def theirs(rows: int, inner: int, columns: int, name: str) -> Step:
    """Return what multiplies matrices with NumPy's BLAS, so many times."""
    left = np.ones((rows, inner), np.float32, order="F" if name == "across" else "C")
    right, out = np.ones((inner, columns), np.float32), np.empty((rows, columns), np.float32)

    def run(k: int) -> None:
        for _ in range(k):
            np.dot(left, right, out=out)

    return run


def ours(rows: int, inner: int, columns: int, strides: tuple[int, int]) -> Step:
    """Return what multiplies matrices with the blocks of the native code, so many times."""
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

    def run(k: int, _: Any = (p, q, c)) -> None:
        multiply(number(k), *fixed, *rest)

    return run


def _aligned(count: int) -> Any:
    whole = np.ones(count + 16, np.float32)
    start = (-whole.ctypes.data % 64) // 4
    return whole[start : start + count]
