"""Judge many generated lines whose truth is known, and print the table that stands in docs/benchmarks.md.

    python tools/judge_trial.py --right 50000 --wrong 50000 --seed 0 --jobs 2

The lines are those of `tests/judge/lines.py`, whose truth shares nothing with the judge. The exit status is 1 where a
right line was called wrong or a wrong one right.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from chainrule.judge.report import Line, Verdict

if TYPE_CHECKING:
    from chainrule.judge.report import Report

Case = Any
"""A Case of tests/judge/lines.py, which stands outside the package."""

CHUNK = 1000
"""How many cases one process judges at a time."""

EXAMPLES = 5
"""How many lines of each kind of failure are printed."""

FORMATS = {"latex": "markdown", "text": "text", "typst": "typst"}
"""The document that a form of lines stands in."""

SAID = {Verdict.RIGHT: "right", Verdict.DEFINITION: "right", Verdict.WRONG: "wrong", Verdict.CARRIED: "wrong"}


@dataclass(slots=True)
class Tally:
    """What came of some cases.

    Attributes:
        counts: by name.
        slips, named, restored: wrong lines by kind of slip; those that the judge calls something; those whose repair
            gives the original line.
        examples: lines by kind of failure.
    """

    counts: Counter[str] = field(default_factory=Counter)
    slips: Counter[str] = field(default_factory=Counter)
    named: Counter[tuple[str, str]] = field(default_factory=Counter)
    restored: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.counts += other.counts
        self.slips += other.slips
        self.named += other.named
        self.restored += other.restored
        for kind, lines in other.examples.items():
            self.examples[kind] = [*self.examples.get(kind, ()), *lines][:EXAMPLES]

    def note(self, kind: str, case: Case, line: Line | None = None, words: str = "") -> None:
        """Count a failure and keep the line, with what was said of it."""
        self.counts[kind] += 1
        known = self.examples.setdefault(kind, [])
        if len(known) < EXAMPLES:
            said = words if line is None else " ".join(link.verdict.value for link in line.links)
            known.append(f"{network_name(case)} | {case.notation} | {case.slip} | {said}\n    {case.source}")


def network_name(case: Case) -> str:
    """Return a network in few words."""
    from chainrule import Network, NetworkError

    net: Network = case.network
    try:
        return net.to_shorthand()
    except NetworkError:
        return net.to_toml().replace("\n", "; ")


def judge_case(case: Case) -> Line | None:
    """Return what the judge says of a line that stands last in its document, or None where it finds none."""
    from chainrule.judge.api import check

    report: Report = check(document(case), case.network, format=FORMATS[case.form])
    return report.lines[-1] if report.lines else None


def document(case: Case) -> str:
    """Return a document that ends with the line: one line decides neither how inputs count nor what y is."""
    around = {"latex": "$$", "typst": "$ ", "text": ""}[case.form]
    return "\n\n".join(f"{around}{source}{around[::-1]}" for source in (*case.context, case.source))


def count(case: Case, line: Line | None, tally: Tally) -> None:
    """Compare what is said of a line with the truth."""
    kind = case.slip or "right"
    tally.counts["wrong lines" if case.slip else "right lines"] += 1
    if line is None or len(line.links) != len(case.right):
        tally.note("unreadable", case, line)
        return
    said = [SAID.get(link.verdict, "unreadable") for link in line.links]
    tally.counts["links"] += len(said)
    if "unreadable" in said:
        tally.note("unreadable", case, line)
        return
    pairs = set(zip(case.right, said, strict=True))
    if (False, "right") in pairs:
        tally.note("false right", case, line)
    if (True, "wrong") in pairs:
        tally.note("false wrong", case, line)
    if not case.slip:
        return
    tally.slips[kind] += 1
    for link in line.links:
        if link.verdict is Verdict.WRONG:
            tally.named[kind, link.mistake] += 1
            break
    repairs = [link.repair for link in line.links if link.repair is not None]
    if repairs:
        tally.counts["repaired"] += 1
        tally.restored[kind] += any(same(repair.after, case.original) for repair in repairs)


def same(left: str, right: str) -> bool:
    """Return whether two formulas differ in nothing but blanks and brackets' sizes."""
    bare = [text.replace(r"\left", "").replace(r"\right", "").split() for text in (left, right)]
    return "".join(bare[0]) == "".join(bare[1])


def chunk(seed: int, size: int, share: float, forms: tuple[str, ...] = ("latex",)) -> Tally:
    """Return what comes of some generated cases, a share of them wrong."""
    from judge.lines import generate  # type: ignore[import-not-found]

    tally = Tally()
    for case in generate(seed, size, wrong=share, forms=forms):
        try:
            line = judge_case(case)
        except Exception as error:  # a traceback is a failure of its own, to be counted
            tally.note(f"crash: {type(error).__name__}", case, words=str(error))
            continue
        count(case, line, tally)
    return tally


def plan(right: int, wrong: int, seed: int, forms: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield (seed, cases, share of wrong ones, forms) until there are as many of both as asked for."""
    position = seed * 1_000_000
    for total, share in ((right, 0.0), (wrong, 1.0)):
        for start in range(0, total, CHUNK):
            yield position, min(CHUNK, total - start), share, forms
            position += 1


def table(tally: Tally, seconds: float) -> Iterator[str]:
    """Yield the rows of the table."""
    counts = tally.counts
    yield "| what | measured |"
    yield "|---|---|"
    for name in ("right lines", "wrong lines", "links", "false right", "false wrong", "unreadable"):
        yield f"| {name} | {counts[name]:,} |"
    for name in sorted(name for name in counts if name.startswith("crash")):
        yield f"| {name} | {counts[name]:,} |"
    wrong = sum(tally.slips.values())
    if wrong:
        yield f"| wrong lines with a repair | {counts['repaired'] / wrong:.1%} |"
        yield f"| repairs that restore the line | {sum(tally.restored.values()) / wrong:.1%} |"
    yield f"| time | {seconds:,.0f} s |"
    if not wrong:
        return
    yield ""
    yield "| planted slip | lines | restored | called |"
    yield "|---|---|---|---|"
    for kind, number in sorted(tally.slips.items()):
        called = Counter({name: n for (slip, name), n in tally.named.items() if slip == kind})
        names = ", ".join(f"{name or 'no name'} {n / number:.0%}" for name, n in called.most_common(3))
        yield f"| {kind} | {number:,} | {tally.restored[kind] / number:.1%} | {names} |"


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("right", 50_000), ("wrong", 50_000), ("seed", 0), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--forms", default="latex,text,typst", help="how the lines are set, with commas between")
    options: Any = parser.parse_args(arguments)
    begun = time.perf_counter()
    tally = Tally()
    with ProcessPoolExecutor(options.jobs) as pool:
        work = plan(options.right, options.wrong, options.seed, tuple(options.forms.split(",")))
        for found in pool.map(chunk, *zip(*work, strict=True)):
            tally.add(found)
    print("\n".join(table(tally, time.perf_counter() - begun)))
    for kind, lines in tally.examples.items():
        print(f"\n{kind}:", *lines, sep="\n  ")
    failed = sum(n for name, n in tally.counts.items() if name.startswith(("false", "crash")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
