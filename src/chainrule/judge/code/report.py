"""What is said of a gradient function: which parameters are right, and the mistakes that explain the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainrule.judge.report import Verdict
from chainrule.prose import sentence


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of `prose/`, by its key under `code.`, with what goes into it."""

    key: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str = "en") -> str:
        """Return the sentence in a language, `en` or `ko`."""
        return sentence(f"code.{self.key}", lang=lang, **self.facts)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, where the computation first goes wrong by it.

    Attributes:
        kind: one of `chainrule.judge.code.slips.KINDS`.
        statement: what is computed there, as code calls it: `dZ_2`, `dW_1`.
        message: what is wrong.
        right: the statement as it should be, in NumPy, samples as rows and W (in, out).
        read: the statement that computes what the function returns; '' where none is known.
        parameters: the parameters whose gradients it makes wrong.
    """

    kind: str
    statement: str
    message: Remark
    right: str
    read: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a gradient differs most.

    Attributes:
        difference: the largest difference, relative to the largest entry.
        ratio: what every entry is multiplied with, compared with the right one, where that is one number; else None.
        index: the place of the largest difference, from 0, in the function's own layout; () where shapes differ.
        returned, expected: the numbers there.
        samples: how many samples the batch had.
        seed: what its numbers were drawn with.
    """

    difference: float
    ratio: float | None
    index: tuple[int, ...]
    returned: float
    expected: float
    samples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is said of the gradient of one matrix of weights, or of one bias.

    Attributes:
        name: `W_1`, `b_1`, a skip connection's `W_3_1`.
        verdict: right, wrong, or carried: right by its own statement, with something wrong put in.
        shape: the shape that its gradient should have.
        mistakes: places in `CodeReport.mistakes`.
        carried_from: for a carried one, the statement that is wrong.
        evidence: where it differs most; None where it is right or missing.
    """

    name: str
    verdict: Verdict
    shape: tuple[int, ...]
    mistakes: tuple[int, ...] = ()
    carried_from: str | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What is said of a gradient function.

    Attributes:
        source: the file.
        function: the function.
        line: where it begins.
        network: what it was judged against, in shorthand or TOML.
        parameters: one for each matrix of weights and each bias, in the network's order.
        mistakes: what explains those that are wrong, from the loss back.
        reading: how the function was called, and how its result was read.
        notes: what else is to be said.
        samples: how many samples each batch had.
        seed: what the numbers were drawn with.
        printed: the beginning of what the file printed.
        seconds: how long it took.
    """

    source: str
    function: str
    line: int
    network: str
    parameters: tuple[Parameter, ...]
    mistakes: tuple[Mistake, ...]
    reading: tuple[Remark, ...]
    notes: tuple[Remark, ...]
    samples: tuple[int, ...]
    seed: int
    printed: str
    seconds: float

    def __getitem__(self, name: str) -> Parameter:
        """Return what is said of a parameter.

        Raises:
            KeyError: where the network has none of that name.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def wrong(self) -> bool:
        """Whether any gradient is not right."""
        return any(parameter.verdict is not Verdict.RIGHT for parameter in self.parameters)

    @property
    def score(self) -> float:
        """The share of gradients that are right; a carried one counts half, as a carried `=` does."""
        points = {Verdict.RIGHT: 1.0, Verdict.CARRIED: 0.5}
        return sum(points.get(p.verdict, 0.0) for p in self.parameters) / max(1, len(self.parameters))

    def count(self, verdict: Verdict) -> int:
        """Return how many gradients have a verdict."""
        return sum(parameter.verdict is verdict for parameter in self.parameters)
