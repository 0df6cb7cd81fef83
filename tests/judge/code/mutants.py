"""Right exported NumPy code, broken in one line the ways people break it.

A mutant knows only what was done to which line. Whether it computes something else at all is found by running both.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainrule import Network
from chainrule.export import export
from judge.code.here import judged

LINE = re.compile(r"^    (d\w+) = (.*)$", re.MULTILINE)
ARRAY = re.compile(r"\b(d?[AZ]_\d+|X|d?pred)\b")


@dataclass(frozen=True)
class Mutant:
    """One broken module.

    Attributes:
        source: its text.
        line: what the broken line computes.
        kind: what was done.
        before, after: the line's right side.
    """

    source: str
    line: str
    kind: str
    before: str
    after: str


NAMED = {
    "factor": {"missing_factor", "extra_factor"},
    "average": {"extra_factor"},
    "no_average": {"missing_factor"},
    "sign": {"sign"},
    "no_transpose": {"missing_transpose", "transposed"},
    "no_derivative": {"missing_derivative", "wrong_derivative", "value_for_derivative", "wrong_symbol"},
    "no_path": {"forgotten_path"},
    "other_array": {"wrong_symbol", "wrong_layer", "missing_derivative", "wrong_argument", "wrong_derivative"},
    "no_sum": {"not_summed"},
    "mean": {"extra_factor"},
    "axis": {"wrong_axis"},
    "no_axis": {"summed_too_far"},
    "constant": {"wrong_derivative"},
}
"""What each mutation may be called; where several names say the same of one computation, all of them."""


def changes(name: str, right: str, names: list[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """What may be done to the line of `name`: (kind, right side)."""
    factor = rng.choice(("2", "0.5", "3", "0.1"))
    yield "factor", f"{factor} * ({right})"
    yield "sign", f"-({right})"
    yield "average", f"({right}) / len(X)"
    if re.match(r"-?\d+ / (?:N|\(\d+ \* N\)) \* ", right):
        yield "no_average", f"len(X) * ({right})"
    for match in re.finditer(r"\.T\b", right):
        yield "no_transpose", right[: match.start()] + right[match.end() :]
    if name.startswith("dZ") and " * " in right and "@" not in right and "sum" not in right:
        yield "no_derivative", right.split(" * ")[0]
        if "1 - " in right:
            yield "constant", right.replace("1 - ", "1 + ", 1)
            yield "constant", right.replace("1 - ", "2 - ", 1)
    if " + " in right and "@" in right and name.startswith("dA"):
        parts = right.split(" + ")
        yield "no_path", " + ".join(parts[: len(parts) - 1])
        yield "no_path", " + ".join(parts[1:])
    for match in ARRAY.finditer(right):
        others = [other for other in names if other != match[1] and (other[0] == "d") == (match[1][0] == "d")]
        for other in rng.sample(others, min(2, len(others))):
            yield "other_array", right[: match.start()] + other + right[match.end() :]
    if name.startswith("db") and right.endswith(".sum(axis=0)"):
        inner = right.removesuffix(".sum(axis=0)")
        yield "no_sum", inner
        yield "mean", f"{inner}.mean(axis=0)"
        yield "axis", f"{inner}.sum(axis=1)"
        yield "no_axis", f"{inner}.sum()"


def mutants(net: Network, rng: random.Random) -> Iterator[Mutant]:
    """Yield each mutant of a network's exported code."""
    text = export(net, "numpy")
    start = text.index("def loss_and_gradients")
    lines = list(LINE.finditer(text, start))
    computed = ["X", *re.findall(r"^    ([AZ]_\d+|pred) = ", text[:start], re.MULTILINE)]
    for at, match in enumerate(lines):
        names = [*computed, *(m[1] for m in lines[:at] if m[1][1] in "AZp")]
        for kind, right in changes(match[1], match[2], names, rng):
            source = text[: match.start(2)] + right + text[match.end(2) :]
            yield Mutant(source, match[1], kind, match[2], right)


NETWORKS = (
    "2-3-2-1 --bias", "3-3:tanh-3:relu-3 --bias --loss mse", "4-3-3:softmax --loss cross_entropy --bias",
    "3-2:softplus-2:sigmoid --loss bce", "5-4:tanh-4:sigmoid-4:tanh-2", "2-4:relu-4:elu-1 --bias --loss huber",
)  # fmt: skip


class Trial:
    """Judges the mutants of one network, and knows by running them which ones compute something else."""

    def __init__(self, shorthand: str, folder: Path) -> None:
        self.shorthand = shorthand
        self.net = Network.read(shorthand)
        self.path = folder / "mutant.py"
        right = self._gradients(export(self.net, "numpy"))
        assert right is not None
        self.right = right

    def outcome(self, mutant: Mutant) -> str:
        """What comes of a mutant.

        `raises` where it does not run; `same` where it computes the same, and `false wrong` where that is called wrong;
        `false right`; `named` by what was done to it, where it was done; `elsewhere`, named as something else that
        computes the same; `unknown`, wrong without a name.
        """
        found = self._gradients(mutant.source)
        if found is None:
            return "raises"
        same = all(
            one[name].size == array.size and np.allclose(one[name].reshape(array.shape), array, rtol=1e-9, atol=1e-12)
            and (one[name].shape == array.shape or array.size == 1)
            for one, right in zip(found, self.right, strict=True) for name, array in right.items()
        )  # fmt: skip
        report = judged(self.path, self.net, mutant.source)
        if same:
            return "false wrong" if report.wrong else "same"
        if not report.wrong:
            return "false right"
        kinds = [(mistake.kind, mistake.statement) for mistake in report.mistakes]
        if any(kind == "unknown" for kind, _ in kinds):
            return "unknown"
        return "named" if len(kinds) == 1 and kinds[0][0] in NAMED[mutant.kind] else "elsewhere"

    def _gradients(self, source: str) -> list[dict[str, np.ndarray]] | None:
        """The gradients of a module on two batches of their own numbers, or None where it does not run."""
        names: dict = {}
        exec(compile(source, "mutant", "exec"), names)
        found = []
        for samples, seed in ((6, 101), (9, 102)):
            inputs = np.random.default_rng(samples).uniform(-1, 1, (samples, self.net.inputs))
            values = self.net.values(inputs=inputs, seed=seed)
            parameters = {name: np.array(values[name]) for name in names["PARAMETERS"]}
            try:
                with np.errstate(all="ignore"):
                    gradients = names["loss_and_gradients"](
                        parameters, np.array(values["X"]), np.array(values["true"])
                    )[1]
            except ValueError:
                return None
            found.append({name: np.asarray(array) for name, array in gradients.items()})
        return found
