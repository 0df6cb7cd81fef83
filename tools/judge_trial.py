"""Judge many generated lines whose truth is known, and print the tables that stand in docs/judging.md.

    python tools/judge_trial.py --lines 100000 --seed 0 --jobs 2                    half of them wrong, all repaired
    python tools/judge_trial.py --lines 100000 --seed 0 --jobs 2 --repairs 10000    as many of the wrong ones repaired

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
from dataclasses import dataclass, field, replace
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

CALLED = {
    "index": {"wrong_index"},
    "swapped": {"swapped_index"},
    "layer": {"wrong_layer"},
    "letter": {"wrong_symbol"},
    "turned": {"backwards"},
    "factor_lost": {"missing_factor"},
    "factor_doubled": {"extra_factor"},
    "number": {"missing_factor", "extra_factor"},
    "slope_lost": {"missing_factor", "wrong_derivative"},
    "slope_wrong": {"wrong_derivative"},
    "sign": {"sign"},
    "term_lost": {"forgotten_path"},
    "term_doubled": {"extra_path"},
    "plus_for_times": {"sum_for_product", "product_for_sum"},
    "power": {"wrong_power"},
    "transpose": {"missing_transpose", "extra_transpose"},
    "order": {"wrong_order"},
    "product_kind": {"elementwise_for_product", "product_for_elementwise"},
    "matrix_factor_lost": {"missing_factor"},
}
"""What the judge calls each kind of slip."""

SAID = {Verdict.RIGHT: "right", Verdict.DEFINITION: "right", Verdict.WRONG: "wrong", Verdict.CARRIED: "wrong"}


@dataclass(slots=True)
class Tally:
    """What came of some cases.

    Attributes:
        counts: by name.
        slips, named, restored, kept: wrong lines by kind of slip whose repairs were sought; those that the judge calls
            something; those whose repair gives the original line, letter by letter; those after whose repair every
            side has the value that it had.
        examples: lines by kind of failure.
    """

    counts: Counter[str] = field(default_factory=Counter)
    slips: Counter[str] = field(default_factory=Counter)
    named: Counter[tuple[str, str]] = field(default_factory=Counter)
    restored: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.counts += other.counts
        self.slips += other.slips
        self.named += other.named
        self.restored += other.restored
        self.kept += other.kept
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


def judge_case(case: Case, *, repairs: bool = True) -> Line | None:
    """Return what the judge says of a line that stands last in its document, or None where it finds none."""
    from chainrule.judge.api import check

    report: Report = check(document(case), case.network, format=FORMATS[case.form], repairs=repairs)
    return report.lines[-1] if report.lines else None


def document(case: Case) -> str:
    """Return a document that ends with the line: one line decides neither how inputs count nor what y is."""
    around = {"latex": "$$", "typst": "$ ", "text": ""}[case.form]
    return "\n\n".join(f"{around}{source}{around[::-1]}" for source in (*case.context, case.source))


def count(case: Case, line: Line | None, tally: Tally, *, repairs: bool = True) -> None:
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
    if not case.slip or not repairs:
        return
    tally.slips[kind] += 1
    for link in line.links:
        if link.verdict is Verdict.WRONG:
            tally.named[kind, link.mistake] += 1
            break
    found = [link.repair for link in line.links if link.repair is not None]
    if found:
        tally.counts["repaired"] += 1
        after = found[0].after
        tally.restored[kind] += same(after, case.original)
        mended = judge_case(replace(case, source=after), repairs=False)
        if mended is None or any(SAID.get(link.verdict) != "right" for link in mended.links):
            tally.note("repair not right", case, mended, after)
        elif same(after.partition("=")[0], case.original.partition("=")[0]):
            tally.kept[kind] += 1  # with the same target, sides that are right have the values of the original


def same(left: str, right: str) -> bool:
    """Return whether two formulas differ in nothing but blanks and brackets' sizes."""
    bare = [text.replace(r"\left", "").replace(r"\right", "").split() for text in (left, right)]
    return "".join(bare[0]) == "".join(bare[1])


def chunk(seed: int, size: int, share: float, forms: tuple[str, ...] = ("latex",), repairs: bool = True) -> Tally:
    """Return what comes of some generated cases, a share of them wrong."""
    from judge.lines import generate  # type: ignore[import-not-found]

    tally = Tally()
    for case in generate(seed, size, wrong=share, forms=forms):
        try:
            line = judge_case(case, repairs=repairs)
            count(case, line, tally, repairs=repairs)
        except Exception as error:  # a traceback is a failure of its own, to be counted
            tally.note(f"crash: {type(error).__name__}", case, words=str(error))
    return tally


def plan(lines: int, repairs: int, seed: int, forms: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield (seed, cases, share of wrong ones, forms, whether to repair) until there are as many as asked for."""
    position = seed * 1_000_000
    for total, share in ((lines - lines // 2, 0.0), (lines // 2, 1.0)):
        for start in range(0, total, CHUNK):
            yield position, min(CHUNK, total - start), share, forms, share > 0 and start < repairs
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
        called = sum(n for (kind, name), n in tally.named.items() if name in CALLED[kind])
        yield f"| wrong lines whose repair is sought | {wrong:,} |"
        yield f"| of these, called what was planted | {called / wrong:.1%} |"
        yield f"| repaired | {counts['repaired'] / wrong:.1%} |"
        yield f"| repaired to the original's meaning | {sum(tally.kept.values()) / wrong:.1%} |"
        yield f"| repaired to the original, letter by letter | {sum(tally.restored.values()) / wrong:.1%} |"
        yield f"| repairs that are not right | {counts['repair not right']:,} |"
    yield f"| time | {seconds:,.0f} s |"
    if not wrong:
        return
    yield ""
    yield "| planted slip | lines | same meaning | same letters | called |"
    yield "|---|---|---|---|---|"
    for kind, number in sorted(tally.slips.items()):
        names_given = Counter({name: n for (slip, name), n in tally.named.items() if slip == kind})
        names = ", ".join(f"{name or 'no name'} {n / number:.0%}" for name, n in names_given.most_common(3))
        kept, restored = (some[kind] / number for some in (tally.kept, tally.restored))
        yield f"| {kind} | {number:,} | {kept:.1%} | {restored:.1%} | {names} |"


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("lines", 100_000), ("seed", 0), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--repairs", type=int, help="of how many wrong lines repairs are sought; of all unless told")
    parser.add_argument("--forms", default="latex,text,typst", help="how the lines are set, with commas between")
    options: Any = parser.parse_args(arguments)
    begun = time.perf_counter()
    tally = Tally()
    with ProcessPoolExecutor(options.jobs) as pool:
        repairs = options.lines if options.repairs is None else options.repairs
        work = plan(options.lines, repairs, options.seed, tuple(options.forms.split(",")))
        for found in pool.map(chunk, *zip(*work, strict=True)):
            tally.add(found)
            print(dict(tally.counts), file=sys.stderr, flush=True)
    print("\n".join(table(tally, time.perf_counter() - begun)))
    for kind, lines in tally.examples.items():
        print(f"\n{kind}:", *lines, sep="\n  ")
    failed = sum(n for name, n in tally.counts.items() if name.startswith(("false", "crash", "repair not")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
