"""What deriving and writing lines costs, beside SymPy, in one run: `python benchmarks/derive.py [--markdown]`.

Every row is measured in this run, on this machine; SymPy is asked for the same networks, with a time limit, in a
process of its own. Process times are the median of several starts.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from chainrule import Network
from chainrule.show import emitter_of
from chainrule.show.compose import compose
from chainrule.show.emit import emit

LIMIT = 120.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip-sympy", action="store_true", help="leave out SymPy, which takes minutes")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print()
    print("| what | measured |")
    print("|---|---|")
    for what, result in processes() + lines() + large():
        print(f"| {what} | {result} |")
    if not options.skip_sympy:
        import sympy

        took = median_process([sys.executable, "-c", "import sympy"], repeat=3)
        print(f"\nSymPy {sympy.__version__}, whose import alone takes {ms(took)} as a process:\n")
        print("| network | weights | chainrule: derive and write | per line | SymPy: differentiate | SymPy: print |")
        print("|---|---|---|---|---|---|")
        for row in beside_sympy():
            print("| " + " | ".join(row) + " |")


def processes() -> list[tuple[str, str]]:
    """Return whole-process times, in a fresh interpreter each."""
    base = median_process([sys.executable, "-c", "pass"])
    rows = [("an empty Python process", ms(base))]
    bare = median_process([sys.executable, "-c", "import chainrule"])
    rows.append(("`import chainrule` (over the empty process)", ms(bare - base)))
    whole = median_process([sys.executable, "-m", "chainrule", "derive", "2-3-2-1"])
    rows.append(("`chainrule derive 2-3-2-1`, whole process", ms(whole)))
    return rows


def lines() -> list[tuple[str, str]]:
    """Return the cost of all lines of 2-100-50-1."""
    took, count = best(lambda: write_all("2-100-50-1"))
    return [(f"2-100-50-1: derive, and write all {count:,} lines as LaTeX into a file", ms(took))]


def large() -> list[tuple[str, str]]:
    """Return the cost of 784-1000-1000-10: the general derivation, one line, all lines."""
    net = Network.read("784-1000-1000-10")
    general, _ = best(lambda: (net.derive().show("latex", general=True), 0)[1])
    derivation = net.derive()
    one, _ = best(lambda: (derivation["w_500,300^2"].latex(), 0)[1])
    cold, _ = best(lambda: (net.derive()["w_500,300^2"].latex(), 0)[1])
    start = time.perf_counter()
    count = write_all("784-1000-1000-10")
    took = time.perf_counter() - start
    peak = int(subprocess.run([sys.executable, "-c", _PEAK], check=True, capture_output=True, text=True).stdout)
    return [
        ("784-1000-1000-10: the index-general derivation, written", ms(general)),
        ("784-1000-1000-10: one weight's line (derivation at hand)", ms(one)),
        ("784-1000-1000-10: one weight's line (derivation included)", ms(cold)),
        (f"784-1000-1000-10: all {count:,} lines as LaTeX into a file", f"{took:.1f} s, {count / took:,.0f} lines/s"),
        ("784-1000-1000-10: peak memory of that process", f"{peak / 1024:.0f} MB"),
    ]


_PEAK = """
import os, resource, sys
from chainrule.cli import main
try:
    main(["derive", "784-1000-1000-10", "--all", "--format", "latex-fragment", "-o", os.devnull])
except SystemExit:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_all(shorthand: str) -> int:
    """Derive, write all lines as LaTeX into a file, and return how many there are."""
    derivation = Network.read(shorthand).derive()
    document = compose(derivation, every=True)
    count = 0
    with tempfile.TemporaryFile("w", encoding="utf-8") as file:
        for piece in emit(emitter_of(document, "latex-fragment")):
            count += piece.count("\\[") + piece.count("\\begin{align*}")
            file.write(piece)
    return count


def beside_sympy() -> list[tuple[str, ...]]:
    """Return rows for growing networks: chainrule's time and time per line, SymPy's times or its limit."""
    rows = []
    for shorthand in ("2-3-2-1", "2-5-3-1", "2-10-5-1", "2-20-10-1", "2-50-25-1", "2-100-50-1", "2-1000-500-1"):
        net = Network.read(shorthand)
        took, count = best(lambda s=shorthand: write_all(s), repeat=3)
        differentiate, printed = ("not tried", "not tried")
        if net.weight_count <= 1500:
            differentiate, printed = with_limit(shorthand)
        rows.append(
            (shorthand, f"{net.weight_count:,}", ms(took), f"{took / count * 1e6:.1f} µs", differentiate, printed)
        )
    return rows


def with_limit(shorthand: str) -> tuple[str, str]:
    """Return SymPy's times for a network, asked in a process that is ended after the limit."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=ask_sympy, args=(shorthand, queue))
    process.start()
    found: list[str] = []
    end = time.monotonic() + LIMIT
    while len(found) < 2 and time.monotonic() < end and (process.is_alive() or not queue.empty()):
        try:
            found.append(ms(queue.get(timeout=0.5)))
        except Exception:
            continue
    process.kill()
    process.join()
    return tuple([*found, f"over {LIMIT:.0f} s", "–"][:2])  # type: ignore[return-value]


def ask_sympy(shorthand: str, queue: object) -> None:
    """Differentiate the loss of a sigmoid network by every weight in SymPy, and print each as LaTeX."""
    import sympy as sp

    sizes = list(map(int, shorthand.split("-")))
    before = [sp.Symbol(f"x_{j}") for j in range(sizes[0])]
    weights = []
    for level, (width, size) in enumerate(itertools.pairwise(sizes), start=1):
        rows = [[sp.Symbol(f"w_{i},{j}^{level}") for j in range(1, width + 1)] for i in range(1, size + 1)]
        weights += [w for row in rows for w in row]
        sums = [sum(w * a for w, a in zip(row, before, strict=True)) for row in rows]
        before = sums if level == len(sizes) - 1 else [1 / (1 + sp.exp(-z)) for z in sums]
    loss = (before[0] - sp.Symbol("true")) ** 2 / 2
    start = time.perf_counter()
    slopes = [sp.diff(loss, w) for w in weights]
    queue.put(time.perf_counter() - start)  # type: ignore[attr-defined]
    start = time.perf_counter()
    for slope in slopes:
        sp.latex(slope)
    queue.put(time.perf_counter() - start)  # type: ignore[attr-defined]


def best(work: Callable[[], int], *, repeat: int = 5) -> tuple[float, int]:
    """Return the shortest time of some runs, and what the work returns."""
    times = []
    result = 0
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def median_process(command: list[str], *, repeat: int = 9) -> float:
    """Return the median time of whole processes."""
    # An installed package has its bytecode; a developer's environment may forbid writing it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ms(seconds: float) -> str:
    """Return a time in a unit that fits it."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    main()
