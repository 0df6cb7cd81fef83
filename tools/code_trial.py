"""Break exported code in one line in each way that people do, judge it, and count what is named.

    python tools/code_trial.py --seeds 1

The mutants are those of `tests/judge/code/mutants.py`; what a mutant computes is known by running it. The exit
status is 1 where something right is called wrong, or something wrong right.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> int:
    """Judge the mutants of each network, and print the counts."""
    from judge.code.mutants import NETWORKS, Trial, mutants  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="how many times, with other factors and arrays")
    parser.add_argument("--show", action="store_true", help="print each mutant that is not named")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for shorthand in NETWORKS:
                trial = Trial(shorthand, Path(folder))
                for mutant in mutants(trial.net, random.Random(seed)):
                    outcome = trial.outcome(mutant)
                    counts[outcome] += 1
                    if outcome not in ("named", "same", "raises") and (options.show or outcome.startswith("false")):
                        print(f"{outcome}: {shorthand}: {mutant.line} = {mutant.after}")
    judged = sum(counts[name] for name in ("named", "elsewhere", "unknown", "false right"))
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"named as what was done: {counts['named'] / max(1, judged):.1%} of {judged} that compute something else")
    return int(bool(counts["false right"] or counts["false wrong"]))


if __name__ == "__main__":
    sys.exit(main())
