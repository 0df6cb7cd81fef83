"""What judging costs, beside SymPy and Math-Verify, in one run: `python benchmarks/judge.py [--submissions N]`.

Every row is measured in this run, on this machine, and printed as docs/benchmarks.md has it. Times are those of the
processor where that is said; on a machine with other work to do the clock says more. The other tools are asked for the
same links, each in a process of its own with a time limit, where they are installed. The submissions are those of
`tests/judge/submissions.py`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "judge"))

from derive import median_process, ms
from submissions import links, submission

SEED = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "seed"
NETWORK = "2-3-2-1"
LIMIT = 45.0
"""How many seconds each of the other tools may take."""

LINES = 60
"""How many lines the documents of distinct links have."""

Row = tuple[str, str, str]
"""What is measured, what is to be reached, what was measured."""

Link = tuple[str, str, bool]
"""Left side, right side, whether they are equal."""


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=100_000, help="how many submissions are graded; 0: none")
    parser.add_argument("--links", type=int, default=12_000, help="how many distinct links are judged")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes grade submissions")
    parser.add_argument("--skip-others", action="store_true", help="leave out SymPy and Math-Verify")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {versions()}")
    print("\n| what | to reach | measured |\n|---|---|---|")
    for rows in (seed(), distinct(options.links), repeated(), graded(options.submissions, options.jobs)):
        for what, goal, result in rows:
            print(f"| {what} | {goal} | {result} |", flush=True)
    if not options.skip_others:
        print("\n| tool | both sides parsed | judged as the truth is | wrong, called equal | right, called different |"
              " a variable that is on no path, called equal | a link |\n|---|---|---|---|---|---|---|")  # fmt: skip
        for row in beside():
            print("| " + " | ".join(row) + " |", flush=True)


def versions() -> str:
    """Return the versions of what is measured."""
    found = []
    for name in (
        "chainrule",
        "numpy",
        "lark",
        "sympy",
        "math-verify",
        "latex2sympy2_extended",
        "antlr4-python3-runtime",
    ):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name == "chainrule":
                from chainrule import __version__

                found.append(f"chainrule {__version__}")
    return ", ".join(found)


# The seed


def seed() -> Iterator[Row]:
    """Yield what judging the seed with its repairs costs: in fresh processes, again, and as a whole process."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", _SEED, str(SEED / "derivation.md")], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(5)
    ]
    first, first_clock, again, again_clock = (statistics.median(map(float, each)) for each in zip(*runs, strict=True))
    yield (
        "the seed, 58 links, with repairs: in a fresh process, after its imports", "200 ms",
        f"{ms(first)} of the processor, {ms(first_clock)} by the clock",
    )  # fmt: skip
    yield (
        "the same by a judge that has not seen the lines, its grammar and the network's numbers at hand", "",
        f"{ms(again)} of the processor, {ms(again_clock)} by the clock",
    )  # fmt: skip
    command = [sys.executable, "-m", "chainrule", "check", NETWORK, str(SEED / "derivation.md"), "-o", os.devnull]
    bare = median_process([sys.executable, "-c", "pass"])
    yield "`chainrule check 2-3-2-1 derivation.md`, whole process", "", ms(median_process(_with_status(command)))
    yield "an empty Python process", "", ms(bare)


def _with_status(command: list[str]) -> list[str]:
    """Return a command that ends well where chainrule says that something is wrong."""
    return [sys.executable, "-c", f"import subprocess; exit(subprocess.run({command!r}).returncode not in (0, 1))"]


_SEED = """
import sys, time
from chainrule import Network
from chainrule.judge.api import check_file
from chainrule.judge.document import read_document
from chainrule.judge.judging import Judge
import numpy, lark, mpmath
def now():
    return time.process_time(), time.perf_counter()
start = now()
report = check_file(sys.argv[1], "2-3-2-1")
first = now()
assert sum(1 for _ in report.links) == 58
judge = Judge(Network.read("2-3-2-1"))
judge.report(read_document("$$pred = true$$"))
again = now()
judge.report(read_document(open(sys.argv[1], encoding="utf-8").read(), name="derivation.md"))
end = now()
print(first[0] - start[0], first[1] - start[1], end[0] - again[0], end[1] - again[1])
"""


# Distinct links


def distinct(count: int) -> Iterator[Row]:
    """Yield how many links a second are read and judged that have nothing in common to be remembered."""
    for slips, goal in ((0.0, "3,000 links/s"), (0.1, "3,000 links/s")):
        rate, clock, agree = rate_of(list(links(count, 1, slips=slips)))
        yield (
            f"distinct links, {slips:.0%} with a slip, {LINES} a document: read and judged on one core, no repairs",
            goal,
            f"{rate:,.0f} links/s of the processor, {clock:,.0f} by the clock; {agree:,} of {count:,} as the truth is",
        )


def repeated() -> Iterator[Row]:
    """Yield how many links a second are judged that were judged before in other documents."""
    from chainrule.judge.api import check

    line = r"$$\frac{\partial loss}{\partial w_{11}^3} = (pred - true) \cdot a_1^2$$"
    documents = [f"Answer {number}\n\n{line}\n\n" * 10 for number in range(300)]
    check(documents[0], NETWORK, repairs=False)
    start = time.process_time()
    for document in documents:
        check(document, NETWORK, repairs=False)
    took = time.process_time() - start
    yield "links that other documents have too", "", f"{3000 / took:,.0f} links/s of the processor"


def rate_of(known: list[Link]) -> tuple[float, float, int]:
    """Return how many links are judged in a second of one core and of the clock, and how many verdicts are true."""
    from chainrule.judge.api import check
    from chainrule.judge.report import Verdict

    pages = [known[start : start + LINES] for start in range(0, len(known), LINES)]
    documents = ["\n\n".join(f"$${left} = {right}$$" for left, right, _ in page) for page in pages]
    check("$$pred = true$$", NETWORK, repairs=False)
    start, clock = time.process_time(), time.perf_counter()
    reports = [check(document, NETWORK, repairs=False) for document in documents]
    took, clock = time.process_time() - start, time.perf_counter() - clock
    verdicts = [link.verdict is Verdict.RIGHT for report in reports for link in report.links]
    agree = sum(verdict == equal for verdict, (_, _, equal) in zip(verdicts, known, strict=True))
    return len(known) / took, len(known) / clock, agree


# A class


def graded(count: int, jobs: int) -> Iterator[Row]:
    """Yield what it costs to grade so many submissions."""
    if not count:
        return
    from chainrule.judge.folder import Settings, Task, grade
    from chainrule.judge.journal import Journal
    from chainrule.workers import workers_of

    with tempfile.TemporaryDirectory() as place:
        tasks = []
        for name, text in map(submission, range(count)):
            path = Path(place) / name[:3] / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            tasks.append(Task(name, str(path)))
        memory = _Memory()
        start, before = time.process_time(), _children()
        with Journal(Path(place) / "results.jsonl") as journal, workers_of(jobs) as workers:
            summary = grade(tasks, Settings(NETWORK), workers=workers, journal=journal, told=memory.look)
        own, workers_took = time.process_time() - start, _children() - before
        lines = summary.links / max(summary.documents, 1)
    rates = f"{summary.documents / summary.seconds:,.0f} submissions/s, {summary.links / summary.seconds:,.0f} links/s"
    yield (
        f"{count:,} submissions, {lines:.0f} links each, with repairs, {jobs} processes",
        f"{count * GOAL / 100_000:,.0f} s",
        f"{summary.seconds:,.1f} s: {rates}; of the processor {workers_took:,.1f} s in workers, {own:,.1f} s beside",
    )
    yield (
        "of them: all right, something wrong, not wholly read, not judged", "",
        f"{summary.right:,}, {summary.wrong:,}, {summary.unread:,}, {summary.failed:,}",
    )  # fmt: skip
    yield (
        "peak memory: this process, and the workers together", "1,000 MB",
        f"{memory.own:,.0f} MB, {memory.workers:,.0f} MB",
    )  # fmt: skip


GOAL = 600
"""In how many seconds 100,000 submissions are to be graded."""


def _children() -> float:
    """Return the time of the processor that children that have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory:
    """The most memory that this process and its workers have had, in MB, looked at every so often."""

    def __init__(self) -> None:
        self.seen = 0
        self.own = 0.0
        self.workers = 0.0

    def look(self, record: dict[str, Any]) -> None:
        """Look now and then."""
        self.seen += 1
        if self.seen % 200 == 1:
            self.own = max(self.own, _peak(os.getpid()))
            workers = sum(_peak(child.pid) for child in multiprocessing.active_children() if child.pid)
            self.workers = max(self.workers, workers)


def _peak(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:  # no Linux, or the process has ended
        return 0.0
    match = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(match[1]) / 1024 if match else 0.0


# Beside others


def beside() -> Iterator[tuple[str, ...]]:
    """Yield a row for each tool: the seed's links of numbers, and links that only cancelling fractions makes equal."""
    known = seed_links()
    false = list(dict.fromkeys(elsewhere(link) for link in known if elsewhere(link) != link))
    for name, tool in TOOLS.items():
        found = with_limit(tool, [*known, *false])
        if found is None:
            yield (name, "not installed", "–", "–", "–", "–", "–")
            continue
        said, seconds = found
        mine = list(zip(known, said, strict=False))
        others = said[len(known) :]
        reached = "" if len(said) == len(known) + len(false) else f" ({len(said)} reached in {LIMIT:.0f} s)"
        wrong = sum(not equal for _, _, equal in known)
        yield (
            name,
            f"{sum(answer is not None for _, answer in mine)} of {len(known)}{reached}",
            f"{sum(answer is equal for (_, _, equal), answer in mine)} of {len(known)}",
            f"{sum(answer is True and not equal for (_, _, equal), answer in mine)} of {wrong}",
            f"{sum(answer is False and equal for (_, _, equal), answer in mine)} of {len(known) - wrong}",
            f"{sum(answer is True for answer in others)} of {len(false)}",
            ms(seconds / max(len(said), 1)),
        )


def seed_links() -> list[Link]:
    """Return the seed's links of numbers: its scalar part ends with line 57."""
    truth = json.loads((SEED / "truth.json").read_text(encoding="utf-8"))
    return [
        (link["lhs"], link["rhs"], link["verdict"] == "right")
        for line in truth if line["line"] <= 57
        for link in line["links"]
    ]  # fmt: skip


_MIDDLE = re.compile(
    r"\\frac\{\\partial (?P<of>\S+)\}\{\\partial (?P<middle>\S+)\} \\cdot "
    r"\\frac\{\\partial (?P=middle)\}\{\\partial (?P<by>\S+)\}"
)


def elsewhere(link: Link) -> Link:
    """Return a link with the variable between two derivatives replaced by an input, which is on no path to a weight."""
    left, right, _ = link
    match = _MIDDLE.fullmatch(right)
    if match is None:
        return link
    through = rf"\frac{{\partial {match['of']}}}{{\partial x_0}} \cdot \frac{{\partial x_0}}{{\partial {match['by']}}}"
    return (left, through, False)


Answer = bool | None
Tool = Callable[[list[Link]], Iterator[Answer]]
"""Links → whether each is equal, None where it cannot be read; ImportError where the tool is not installed."""


def by_chainrule(known: list[Link]) -> Iterator[Answer]:
    """Judge each link as a document of its own."""
    from chainrule.judge.api import check
    from chainrule.judge.report import Verdict

    for left, right, _ in known:
        (link,) = check(f"$${left} = {right}$$", NETWORK, notation="seed", repairs=False).links
        yield None if link.verdict is Verdict.UNREADABLE else link.verdict in (Verdict.RIGHT, Verdict.DEFINITION)


def by_sympy_antlr(known: list[Link]) -> Iterator[Answer]:
    """Parse with SymPy's ANTLR grammar, and simplify the difference."""
    import antlr4  # noqa: F401 - what the backend needs

    yield from _by_sympy(known, "antlr")


def by_sympy_lark(known: list[Link]) -> Iterator[Answer]:
    """Parse with SymPy's Lark grammar, and simplify the difference."""
    import lark  # noqa: F401 - what the backend needs

    yield from _by_sympy(known, "lark")


def _by_sympy(known: list[Link], backend: str) -> Iterator[Answer]:
    import sympy
    from sympy.parsing.latex import parse_latex

    for left, right, _ in known:
        try:
            difference = parse_latex(left, backend=backend) - parse_latex(right, backend=backend)
        except Exception:
            yield None
            continue
        yield sympy.simplify(difference) == 0


def by_math_verify(known: list[Link]) -> Iterator[Answer]:
    """Parse and compare with Math-Verify; what comes back as nothing but its text has not been read."""
    from math_verify import parse, verify

    for left, right, _ in known:
        sides = [parse(f"${side}$") for side in (left, right)]
        if any(all(isinstance(found, str) for found in side) for side in sides):
            yield None
            continue
        yield bool(verify(*sides))


TOOLS: dict[str, Tool] = {
    "chainrule": by_chainrule,
    "SymPy, `parse_latex` (ANTLR) and `simplify`": by_sympy_antlr,
    "SymPy, `parse_latex` (Lark) and `simplify`": by_sympy_lark,
    "Math-Verify": by_math_verify,
}


def with_limit(tool: Tool, known: list[Link]) -> tuple[list[Answer], float] | None:
    """Return a tool's answers and the seconds they took, from a process that is ended after the limit."""
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    process = context.Process(target=answer, args=(tool, known, queue), daemon=True)
    process.start()
    found: list[Answer] = []
    installed, took = True, 0.0
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and (process.is_alive() or not queue.empty()):
        try:
            kind, value, took = queue.get(timeout=0.5)
        except Exception:
            continue
        if kind == "end":
            installed = value
            break
        found.append(value)
    process.kill()
    process.join()
    return (found, took) if installed else None


def answer(tool: Tool, known: list[Link], queue: Any) -> None:
    """Put a tool's answers into a queue as they come."""
    start = 0.0
    try:
        for _ in tool(known[:1]):
            start = time.perf_counter()  # imports and grammars are not counted
        for found in tool(known):
            queue.put(("answer", found, time.perf_counter() - start))
    except ImportError:
        queue.put(("end", False, 0.0))
    else:
        queue.put(("end", True, time.perf_counter() - start))


if __name__ == "__main__":
    main()
