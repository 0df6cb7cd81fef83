"""Solutions with planted mistakes, judged afresh: what a key says is compared with what the judge finds in the page.

`tools/exercise_trial.py` runs the same over more seeds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from chainrule import Network
from chainrule.judge.api import check_formula
from chainrule.judge.document import read_document
from chainrule.judge.exercise.pages import errors, lines_of, solution
from chainrule.judge.exercise.plant import Planted, Planter
from chainrule.judge.judging import Judge
from chainrule.judge.report import Line, Report, Verdict
from chainrule.show import write_document
from chainrule.show.compose import compose
from chainrule.show.ipynb import to_notebook

MARKUPS = {"markdown": "latex", "latex": "latex", "notebook": "latex", "typst": "typst"}

NETWORKS = (
    "1-1", "1-1-1", "2-1 --bias", "1-2-1", "2-2:tanh-1", "2-1-2 --loss mse --reduction mean", "2-2-1",
    "2-2-1 --bias --loss mse", "2-2:relu-1", "1-2:softplus-1", "2-2:leaky_relu-1:sigmoid --loss bce",
    "2-2:elu-1 --loss mae", "2-3 --loss softmax_cross_entropy", "1-2-3:softmax --loss cross_entropy",
    "2-2:silu-1 --loss log_cosh", "1-2:tanh-2:relu-1", "2-1:sigmoid --loss bce_with_logits", "1-1-1-1 --bias",
    "2-2:gelu-1 --loss huber", "2-3-2-1",
)  # fmt: skip
"""Networks whose solutions fit on a page, with every loss and most of the activations that a sheet would have."""

MATRICES = (
    "2-2-1 --bias", "2-3:tanh-2 --loss mse", "2-2:relu-1 --loss mse --reduction mean",
    "3-2-2 --loss softmax_cross_entropy", "1-2-2-1", "2-2-3:softmax --loss cross_entropy",
)  # fmt: skip


@dataclass
class Desk:
    """One network's solution: mistakes are planted into it, and the pages are judged by a Judge of their own.

    Attributes:
        shorthand: the network.
        view: `scalar` or `matrix`.
        format: the form of the pages.
        samples: for how many samples the scalar view derives; None for any number.
    """

    shorthand: str
    view: str = "scalar"
    format: str = "markdown"
    samples: int | None = 1

    def __post_init__(self) -> None:
        self.net = Network.read(self.shorthand)
        derivation = self.net.derive(samples=self.samples if self.view == "scalar" else None)
        self.blocks = solution(derivation, self.view, "en")
        self.document = compose(derivation, view=self.view, every=True)
        self.markup = MARKUPS[self.format]
        self.planter = Planter(self.net, lines_of(self.blocks, self.markup), self.markup)
        self.judge = Judge(self.net)

    def page(self, planted: list[Planted]) -> str:
        """The solution with mistakes in it, as it is handed out."""
        sources = self.planter.sources(planted)
        document = errors(self.document, self.blocks, sources, self.markup, len(planted))
        return to_notebook(document) if self.format == "notebook" else write_document(document, self.format)

    def judged(self, page: str) -> Report:
        """What the judge says of a page, of which it knows only the network."""
        return self.judge.report(read_document(page, format=self.format))

    @cached_property
    def usual(self) -> list[Line]:
        """What is said of the solution without mistakes."""
        return list(self.judged(self.page([])).lines)

    def complaints(self, seed: int, count: int) -> Iterator[str]:
        """Yield where what is found differs from what was planted; the kinds that were planted are counted."""
        planted = self.planter.plant(count, random.Random(seed))
        assert len(planted) == count == len({one.number for one in planted})
        self.kinds.update(one.slip.kind for one in planted)
        report = self.judged(self.page(planted))
        where = f"{self.shorthand} {self.view} {self.format} seed {seed}"
        if len(report.lines) != len(self.usual):
            yield f"{where}: {len(report.lines)} lines of {len(self.usual)} are found"
            return
        slips = {one.number: one.slip for one in planted}
        for number, (line, right) in enumerate(zip(report.lines, self.usual, strict=True)):
            wrong = [link for link in line.links if link.verdict is not Verdict.RIGHT]
            if number not in slips:
                if wrong:
                    yield f"{where}: line {number + 1} has no mistake, but {wrong[0].verdict}: {line.source}"
                continue
            kind = slips[number].kind
            if not wrong or any(link.verdict is not Verdict.WRONG or link.mistake != kind for link in wrong):
                yield f"{where}: line {number + 1} has {kind}, but found is {[link.mistake for link in wrong]}"
            elif wrong[0].repair is None:
                yield f"{where}: line {number + 1} is not repaired"
            else:
                yield from self._differences(where, wrong[0].repair.after, right)

    def _differences(self, where: str, repaired: str, right: Line) -> Iterator[str]:
        """Yield whether a repaired line is not right, or about something else than the line before the mistake."""
        for line in check_formula(repaired, self.net, markup=self.markup, notation="seed", repairs=False):
            if any(link.verdict is not Verdict.RIGHT for link in line.links) or line.target != right.target:
                yield f"{where}: the repair {repaired} is not the line {right.source}"

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many mistakes of each kind were planted."""
        return Counter()
