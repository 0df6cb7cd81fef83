"""Plant mistakes into many solutions, judge the pages afresh, and print where the judge finds something else.

    python tools/exercise_trial.py --seeds 500 --jobs 2

The solutions are those of `tests/judge/exercises.py`; each seed plants one to four mistakes. The exit status is 1 where
what is found differs from what was planted.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def tried(shorthand: str, view: str, format_: str, seeds: int) -> tuple[str, list[str], Counter[str]]:
    """Return what was tried, what differed, and how many mistakes of each kind were planted."""
    from judge.exercises import Desk  # type: ignore[import-not-found]

    desk = Desk(shorthand, view, format_)
    most = min(4, len(desk.usual) // 2)
    found = [text for seed in range(seeds) for text in desk.complaints(seed, 1 + seed % most)]
    return f"{shorthand}, {view}, {format_}", found, desk.kinds


def main() -> int:
    """Try every network in every form, and print what came of it."""
    from judge.exercises import MARKUPS, MATRICES, NETWORKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="for each network and form")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    tasks = [(net, "scalar", form) for net in NETWORKS for form in MARKUPS]
    tasks += [(net, "matrix", form) for net in MATRICES for form in MARKUPS]
    kinds: Counter[str] = Counter()
    differences = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, found, own in pool.map(tried, *zip(*tasks, strict=True), [options.seeds] * len(tasks)):
            kinds += own
            differences += len(found)
            print(f"{name}: {own.total()} mistakes, {len(found)} differences", *found[:3], sep="\n    ", flush=True)
    print(f"{kinds.total()} mistakes in {options.seeds * len(tasks)} solutions, {differences} differences")
    for kind, count in kinds.most_common():
        print(f"    {kind}: {count}")
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
