"""Training steps of small and middling networks, beside PyTorch, JAX and NumPy: all peers in one run.

    python benchmarks/run.py [--quick] [--threads 1,2] [--only step,epoch,…] [--seconds 0.3]
    python benchmarks/run.py --tune

Prints the tables of docs/benchmarks.md as Markdown. Each peer has a process of its own (peers.py), held to so many
threads before it loads anything; they are timed in turns, several rounds, and the best time of each counts, so that
whatever else the machine does hits all alike. Before it is timed, every peer makes the same three steps from the same
weights, and the weights must have gone equally far.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from peers import PEERS, environment

from chainrule.native.build import build, find_compiler
from chainrule.native.emit import vector_head

STEPS = [
    ("2-3-2-1", 1, 1.0), ("2-3-2-1", 32, 15.0), ("2-3-2-1", 256, 25.0), ("2-3-2-1", 4096, 22.0),
    ("2-100-50-1", 1, 3.0), ("2-100-50-1", 32, 2.5), ("2-100-50-1", 256, 2.2), ("2-100-50-1", 4096, 2.2),
    ("64-256-256-10", 256, 1.5), ("784-512-512-10", 256, 1.0),
]  # fmt: skip
"""Network, batch, and how many times as fast as the fastest peer the step is to be."""

EPOCHS = [("2-3-2-1", 32, 10_000), ("2-100-50-1", 32, 10_000), ("64-256-256-10", 64, 10_000)]
GROWTH = {
    "width": [(f"2-{w}-{w}-1", 256) for w in (4, 8, 16, 32, 64, 128, 256, 512)],
    "depth": [("-".join(["8", *["32"] * d, "1"]), 256) for d in (1, 2, 4, 8, 16)],
    "batch": [("2-16-16-1", b) for b in (1, 4, 16, 64, 256, 1024, 4096, 16384)],
}
TABLES = ("step", "epoch", "accuracy", "ensemble", "inference", "growth")


class Process:
    """A peer in a process of its own."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        cores = sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else None
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("peers.py")), name, str(threads)],
            env={**os.environ, **environment(threads)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if cores is not None and len(cores) == threads:
            os.sched_setaffinity(self.process.pid, cores)

    def ask(self, do: str, **rest: Any) -> dict[str, Any]:
        """Return the answer to a request."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **rest}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with exit code {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Field:
    """All peers at one number of threads."""

    def __init__(self, names: list[str], threads: int, options: argparse.Namespace) -> None:
        self.peers = [Process(name, threads) for name in names]
        self.rounds = options.rounds
        self.how = {"seconds": options.seconds, "clock": options.clock}

    def time(self, task: dict[str, Any], names: list[str] | None = None) -> dict[str, float]:
        """Return the best time of each peer that can do a task, in µs."""
        ready, moved = [], {}
        for peer in self.peers:
            if names is None or peer.name in names:
                answer = peer.ask("prepare", task=task)
                if "none" not in answer:
                    ready.append(peer)
                    moved[peer.name] = answer.get("moved")
        first = next(iter(moved.values()))
        for name, far in moved.items():
            for ours, theirs in zip(first or [], far or [], strict=True):
                if abs(ours - theirs) > 1e-3 * abs(ours) + 1e-6:
                    raise SystemExit(f"{name} computes something else on {task}: {moved}")
        found = {peer.name: float("inf") for peer in ready}
        for _ in range(self.rounds):
            for peer in ready:
                found[peer.name] = min(found[peer.name], peer.ask("time", task=task, **self.how)["us"])
        return found

    def close(self) -> None:
        """End all processes."""
        for peer in self.peers:
            peer.close()


def sizes_of(network: str) -> list[int]:
    """Return the sizes of a network without options."""
    return [int(size) for size in network.split("-")]


def work(network: str, batch: int) -> float:
    """Return the floating point operations in the matrix products of one step: forward, ∂/∂W, and ∂/∂a but of X."""
    sizes = sizes_of(network)
    products = [a * b for a, b in pairwise(sizes)]
    return 2.0 * batch * (3 * sum(products) - products[0])


def peak(dtype: str = "float32") -> float:
    """Return the most multiplications and additions a second of one core, measured: independent fused ones."""
    compiler = find_compiler()
    assert compiler is not None, "a C compiler is needed"
    target = compiler.target(dtype)
    chains = 16 if target.registers >= 32 else 10
    declared = ", ".join(f"c{k} = {{{k}}}" for k in range(chains))
    body = " ".join(f"c{k} = c{k} * a + b;" for k in range(chains))
    source = vector_head(target) + (
        "#include <time.h>\nEXPORT double flops(int64_t n, real *out) {\n"
        f"  vec a = (vec){{0}} + out[0], b = (vec){{0}} + out[1], {declared};\n"
        "  struct timespec from, to; clock_gettime(CLOCK_MONOTONIC, &from);\n"
        f"  for (int64_t k = 0; k < n; k++) {{ {body} }}\n"
        "  clock_gettime(CLOCK_MONOTONIC, &to);\n"
        f"  vec s = {' + '.join(f'c{k}' for k in range(chains))};\n  out[2] = s[0];\n"
        f"  return {2 * chains * target.lanes}.0 * n / (to.tv_sec - from.tv_sec + 1e-9 * (to.tv_nsec - from.tv_nsec));"
        "\n}\n"
    )
    library = ctypes.CDLL(str(build(source, compiler).path))
    library.flops.restype = ctypes.c_double
    out = (ctypes.c_float * 4)(0.5, 0.25, 0, 0) if dtype == "float32" else (ctypes.c_double * 4)(0.5, 0.25, 0, 0)
    return max(library.flops(ctypes.c_int64(200_000), out) for _ in range(200))


def shown(us: float | None) -> str:
    """Return a time in µs with three significant digits."""
    if us is None:
        return "–"
    return f"{us:.3g}" if us < 1000 else f"{us:,.0f}"


def times(found: dict[str, float]) -> float:
    """Return how many times as fast as the fastest peer ours is."""
    return min(us for name, us in found.items() if name != "chainrule") / found["chainrule"]


def row(*cells: object) -> None:
    """Print a row of a table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(*cells: str) -> None:
    """Print the head of a table."""
    row(*cells)
    print("|" + "---|" * len(cells))


def step_table(field: Field, names: list[str], limit: float, cases: list[tuple[str, int, float]]) -> None:
    """Print the table of one full-batch step."""
    head("network, batch", *names, "to reach", "times the fastest peer", "share of the limit")
    for network, batch, wanted in cases:
        found = field.time({"kind": "step", "sizes": sizes_of(network), "batch": batch})
        share = work(network, batch) / (found["chainrule"] * 1e-6) / limit
        row(f"{network}, {batch}", *(shown(found.get(name)) for name in names), f"{wanted:g}×", f"{times(found):.2f}×",
            f"{share:.0%}")  # fmt: skip


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few cases, short times, one thread")
    parser.add_argument("--threads", default="", help="numbers of threads, e.g. 1,2 (all of 1 and 2 that there are)")
    parser.add_argument("--only", default=",".join(TABLES), help=f"which tables, of {', '.join(TABLES)}")
    parser.add_argument("--tune", action="store_true", help="the tables behind chainrule/native/choices.py instead")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long each is timed in each round")
    parser.add_argument("--rounds", type=int, default=5, help="how often the peers take turns")
    parser.add_argument(
        "--clock", choices=["wall", "processor"], default="wall",
        help="processor: time in which a peer's process runs, for a machine that is busy with other work",
    )  # fmt: skip
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 0.05, 2
    if options.tune:
        if any(os.environ.get(name) != value for name, value in environment(1).items()):
            # BLAS asks for its number of threads when it is loaded, and it is loaded already.
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **environment(1)})
        from tune import tune

        os.environ.setdefault("CHAINRULE_CACHE", tempfile.mkdtemp(prefix="chainrule-tune-"))
        clock = time.process_time if options.clock == "processor" else time.perf_counter
        tune(head, row, seconds=options.seconds, clock=clock)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = [int(k) for k in options.threads.split(",") if k] or [k for k in (1, 2) if k <= cores][
        : 2 - options.quick
    ]
    only, names = options.only.split(","), options.peers.split(",")
    limit = peak()
    for count in threads:
        field = Field(names, count, options)
        if count == threads[0]:
            versions = ", ".join(dict.fromkeys(peer.ask("version")["version"] for peer in field.peers))
            compiler = find_compiler()
            assert compiler is not None
            said = subprocess.run([*compiler.command, "--version"], capture_output=True, text=True, check=True).stdout
            print(
                f"{versions}; Python {platform.python_version()} on {platform.machine()} with {cores} cores and "
                f"vectors of {8 * compiler.vector_bytes} bits, {said.splitlines()[0]}, on {datetime.date.today()}; "
                f"times by the {options.clock} clock. A core's limit, measured: {limit / 1e9:.0f} GFLOP/s in float32.\n"
            )
        print(f"### {count} thread{'s' * (count > 1)}\n")
        tables(field, names, only, limit * count, quick=options.quick)
        field.close()


def tables(field: Field, names: list[str], only: list[str], limit: float, *, quick: bool) -> None:
    """Print the tables at one number of threads."""
    if "step" in only:
        print("One full-batch SGD step, float32, sigmoid hidden units, linear outputs; µs.\n")
        step_table(field, names, limit, STEPS[::4] if quick else STEPS)
    if "epoch" in only:
        print("\nOne epoch of minibatches from shuffled samples; ms.\n")
        head("network, batch, samples", *names, "times the fastest peer")
        for network, batch, whole in EPOCHS[: 1 if quick else None]:
            samples = whole // 10 if quick else whole
            found = field.time(
                {
                    "kind": "epoch",
                    "sizes": sizes_of(network),
                    "batch": batch,
                    "samples": samples // (10 if quick else 1),
                }
            )
            cells = (shown(found[name] / 1000) if name in found else "–" for name in names)
            row(f"{network}, {batch}, {samples:,}", *cells, f"{times(found):.2f}×")
    if "accuracy" in only:
        seconds = [0.01, 0.03, 0.1, 0.3, 1.0]
        print(
            "\nAccuracy on the samples kept aside of scikit-learn's digits, 64-64-10 with softmax and cross-entropy, "
        )
        print("SGD at rate 0.1 in batches of 32, after so much time of training (compilation not counted).\n")
        head("peer", *(f"{s:g} s" for s in seconds))
        for peer in field.peers:
            task = {"sizes": [64, 64, 10], "batch": 32, "seconds": seconds}
            answer = peer.ask("accuracy", task=task, clock=field.how["clock"])
            row(peer.name, *(f"{share:.1%}" for share in answer["accuracy"]))
    if "ensemble" in only:
        print("\nOne full-batch step of 1,000 networks of 2-3-2-1 at once, a batch of 32 for all; µs.\n")
        head("", *names)
        found = field.time({"kind": "ensemble", "count": 1000, "sizes": [2, 3, 2, 1], "batch": 32})
        row("1,000 networks", *(shown(found.get(name)) for name in names))
    if "inference" in only:
        print("\nThe outputs of one sample, called from Python; µs.\n")
        head("network", *names)
        for network in ["2-3-2-1", "2-100-50-1", "784-512-512-10"][: 1 if quick else None]:
            found = field.time({"kind": "inference", "sizes": sizes_of(network)})
            row(network, *(shown(found.get(name)) for name in names))
    if "growth" in only:
        print("\nHow the cost of a full-batch step grows; µs.\n")
        few = [name for name in ("chainrule", "jax scan", "numpy") if name in names]
        head("grows", "network, batch", *few)
        for what, cases in GROWTH.items():
            for network, batch in cases[: 2 if quick else None]:
                found = field.time({"kind": "step", "sizes": sizes_of(network), "batch": batch}, few)
                row(what, f"{network}, {batch}", *(shown(found.get(name)) for name in few))
    print()


if __name__ == "__main__":
    main()
