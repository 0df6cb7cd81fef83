"""Mistakes planted into a right solution, so that the judge finds each and calls it by its name.

A slip that the judge would take for another is drawn again: its key would be contested.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from chainrule.errors import ChainruleError
from chainrule.judge.api import check, check_formula, judge_of
from chainrule.judge.exercise.slips import Slip, slips
from chainrule.judge.parse import read_formula
from chainrule.judge.report import Verdict
from chainrule.judge.spelled import spelled
from chainrule.network import Network

TRIES = 3
"""How many slips of a kind are tried on a line."""

ATTEMPTS = 5
"""How often lines are drawn anew where too few mistakes find a place beside each other."""

SELDOM = {"backwards": 1, "extra_factor": 1, "wrong_symbol": 1}
"""How many others of a solution come before one of these kinds, which fit nearly everywhere."""


class ExerciseError(ChainruleError):
    """A sheet that cannot be written: a network too large, or more mistakes than lines."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake in a solution.

    Attributes:
        number: on which of its lines, from 0.
        target: what that line derives, in plain spelling.
        slip: what it is.
    """

    number: int
    target: str
    slip: Slip


class Planter:
    """Plants mistakes into one solution; what the judge said of a slip is remembered for other seeds.

    Attributes:
        net: the network, without numbers.
        lines: every line of the solution: its target in plain spelling, and its source.
        markup: `latex` or `typst`.
    """

    def __init__(self, net: Network, lines: Sequence[tuple[str, str]], markup: str) -> None:
        self.net = net
        self.lines = tuple(lines)
        self.markup = markup
        judge = judge_of(net, "seed", True)
        assert judge.reading is not None
        self._court = judge.court(judge.reading)
        self._slips: dict[int, dict[str, list[Slip]]] = {}
        self._named: dict[Slip, bool] = {}

    def plant(self, count: int, rng: random.Random) -> list[Planted]:
        """Return mistakes on as many different lines, in their order.

        Raises:
            ExerciseError: where there are fewer lines that can bear one.
        """
        most = 0
        for _ in range(ATTEMPTS):  # which lines are drawn first decides how many find a place beside each other
            found = self._beside_each_other(count, rng)
            if len(found) == count:
                return sorted(found, key=lambda one: one.number)
            most = max(most, len(found))
        raise ExerciseError("exercise_too_many", read=count, most=most)

    def _beside_each_other(self, count: int, rng: random.Random) -> list[Planted]:
        """Return as many mistakes as lines in a random order bear, up to a count."""
        found: list[Planted] = []
        order = rng.sample(range(len(self.lines)), len(self.lines))
        while order and len(found) < count:
            while order and len(found) < count:
                number = order.pop(0)
                slip = self._drawn(number, Counter(one.slip.kind for one in found), rng)
                if slip is not None:
                    found.append(Planted(number, self.lines[number][0], slip))
            # Together they may say something else than each by itself: another reading, or one following from another.
            contested = self._contested(found)
            found = [one for one in found if one.number not in contested]
        return found

    def _drawn(self, number: int, used: Counter[str], rng: random.Random) -> Slip | None:
        """Return a slip for a line that the judge calls by its name: rather one of a kind that was not used yet."""
        if number not in self._slips:
            kinds: dict[str, list[Slip]] = {}
            for slip in slips(self.lines[number][1], self.markup, self._court):
                kinds.setdefault(slip.kind, []).append(slip)
            self._slips[number] = kinds
        own = self._slips[number]
        for kind in sorted(own, key=lambda kind: (2 * used[kind] + SELDOM.get(kind, 0), rng.random())):
            for slip in rng.sample(own[kind], min(len(own[kind]), TRIES)):
                if self.named(slip):
                    return slip
        return None

    def named(self, slip: Slip) -> bool:
        """Return whether the judge, shown a line with a slip, calls it by its name and repairs what the line says."""
        if slip not in self._named:
            found = check_formula(slip.after, self.net, markup=self.markup, notation="seed")
            wrong = [link for line in found for link in line.links if link.verdict is not Verdict.RIGHT]
            self._named[slip] = bool(wrong) and all(
                link.verdict is Verdict.WRONG
                and link.mistake == slip.kind
                and link.repair is not None
                and self._target(link.repair.after) == self._target(slip.before)
                for link in wrong
            )
        return self._named[slip]

    def _target(self, source: str) -> str:
        return spelled(read_formula(source, self.markup)[0].sides[0].node)

    def sources(self, planted: Sequence[Planted]) -> list[str]:
        """Return every line of the solution with mistakes in it."""
        changed = {one.number: one.slip.after for one in planted}
        return [changed.get(number, source) for number, (_, source) in enumerate(self.lines)]

    def _contested(self, planted: Sequence[Planted]) -> set[int]:
        """Return the lines of which the judge, shown the whole solution, says something else than the key."""
        kinds = {one.number: one.slip.kind for one in planted}
        said = self._said(self.sources(planted))
        if len(said) != len(self.lines):
            return set(kinds)
        expected = [{kinds[number]} if number in kinds else usual for number, usual in enumerate(self._usual)]
        contested = {number for number, kind in enumerate(expected) if said[number] != kind}
        if contested <= kinds.keys():
            return contested
        return set(kinds)  # a line without a mistake that is contested leaves none of those with one beyond doubt

    def _said(self, sources: Sequence[str]) -> list[set[str]]:
        """Return for each line of a solution which mistakes it has, and which verdicts other than right and wrong."""
        marks = ("$ ", " $") if self.markup == "typst" else ("$$", "$$")
        text = "\n\n".join(source.join(marks) for source in sources)
        report = check(text, self.net, format="typst" if self.markup == "typst" else "markdown")
        return [
            {link.mistake if link.verdict is Verdict.WRONG else str(link.verdict) for link in line.links} - {"right"}
            for line in report.lines
        ]

    @cached_property
    def _usual(self) -> list[set[str]]:
        """What is said of the solution without mistakes."""
        return self._said([source for _, source in self.lines])


@lru_cache(maxsize=8)
def planter_of(net: Network, lines: tuple[tuple[str, str], ...], markup: str) -> Planter:
    """Return the Planter of a solution: one for each, since it remembers what was said of slips."""
    return Planter(net, lines, markup)
