"""Values of 2-100-50-1 on a batch of 4,096, beside NumPy written by hand: one run, one ratio.

    python benchmarks/values.py [--size 2-100-50-1] [--batch 4096]

Both compute the forward pass and every partial: by pred, each a and z, each weight and the inputs. The time to derive
and to plan, spent once for each network, is printed beside.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import chainrule
from chainrule.derive import derive
from chainrule.program import build
from chainrule.values.contract import Store
from chainrule.values.plan import compile_program, symbol_key

Array = NDArray[np.float64]


def by_hand(weights: list[Array], x: Array, true: Array) -> dict[str, Any]:
    """Return all symbols and partials of a network with sigmoid hidden units and half squared error."""
    found: dict[str, Any] = {}
    a = [x]
    for level, w in enumerate(weights[:-1], start=1):
        z = a[-1] @ w
        found[f"Z_{level}"] = z
        a.append(1 / (1 + np.exp(-z)))
        found[f"A_{level}"] = a[-1]
    pred = a[-1] @ weights[-1]
    found["pred"] = pred
    error = pred - true
    found["loss"] = np.sum(error**2) / 2
    found["dpred"] = delta = error
    for level in range(len(weights), 0, -1):
        found[f"dW_{level}"] = a[level - 1].T @ delta
        before = delta @ weights[level - 1].T
        if level > 1:
            found[f"dA_{level - 1}"] = before
            delta = before * a[level - 1] * (1 - a[level - 1])
            found[f"dZ_{level - 1}"] = delta
        else:
            found["dX"] = before
    return found


def median_time(run: Callable[[], object], *, repeats: int) -> float:
    """Return the median time of a call in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print versions, times and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--size", default="2-100-50-1")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    net = chainrule.Network.read(options.size)
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (options.batch, net.inputs))
    true = random.uniform(-1, 1, (options.batch, len(net.output_units)))
    values = net.values(inputs=x, targets=true)
    weights = [np.array(values[f"W_{level}"]) for level in range(1, net.depth + 1)]

    start = time.perf_counter()
    derivation = derive(build(net, samples=options.batch))
    derived = time.perf_counter()
    steps = compile_program(derivation.program)
    planned = time.perf_counter()
    given: Store = {("x", None, None): x, ("true", None, None): true}
    for symbol in derivation.source.parameters:
        assert symbol.layer is not None
        given[symbol_key(symbol)] = weights[symbol.layer - 1].T

    def planned_run() -> Store:
        store = dict(given)
        with np.errstate(all="ignore"):
            for _, run in steps:
                run(store)
        return store

    hand = by_hand(weights, x, true)
    for level in range(1, net.depth + 1):
        np.testing.assert_allclose(values.partial(f"W_{level}"), hand[f"dW_{level}"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(values.partial("X"), hand["dX"], rtol=1e-10, atol=1e-12)

    # In turns, so that whatever else the machine does falls on both.
    ours, theirs, whole = [], [], []
    for _ in range(5):
        theirs.append(median_time(lambda: by_hand(weights, x, true), repeats=options.repeats // 5 or 1))
        ours.append(median_time(planned_run, repeats=options.repeats // 5 or 1))
        whole.append(
            median_time(
                lambda: net.values(weights={f"W_{n}": w for n, w in enumerate(weights, 1)}, inputs=x, targets=true),
                repeats=options.repeats // 5 or 1,
            )
        )
    one, two, three = (statistics.median(times) for times in (theirs, ours, whole))
    versions = f"chainrule {chainrule.__version__}, NumPy {np.__version__}, Python {platform.python_version()}"
    print(f"{versions}, {platform.machine()}")
    print(f"{options.size}, batch of {options.batch}, forward and all partials")
    print(f"  NumPy by hand          {one * 1e3:9.2f} ms")
    print(f"  planned statements     {two * 1e3:9.2f} ms   {two / one:5.2f} × by hand")
    print(f"  net.values(…) whole    {three * 1e3:9.2f} ms   {three / one:5.2f} × by hand")
    print(f"  derive                 {(derived - start) * 1e3:9.2f} ms   once")
    print(f"  plan                   {(planned - derived) * 1e3:9.2f} ms   once")


if __name__ == "__main__":
    main()
