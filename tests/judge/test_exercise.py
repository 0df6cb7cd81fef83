"""Exercise sheets: what is planted is found and named, keys are right, sheets are whole, numbers are good ones."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest

from chainrule import Network
from chainrule.errors import ChainruleError
from chainrule.judge.api import check, judge_of
from chainrule.judge.exercise import PARTS, Exercise, exercise
from chainrule.judge.exercise.numbers import KINKS, with_numbers
from chainrule.judge.marking import mark, read_rubric
from chainrule.judge.mistakes import KINDS
from chainrule.judge.report import Report, Verdict
from chainrule.prose import LANGUAGES, sentence
from chainrule.rules import ACTIVATIONS, LOSSES
from judge.exercises import MATRICES, NETWORKS, Desk

WORK = 500
"""How many lines of solutions are judged for each network in the long trial: so many seeds as they last."""

TRIALS = [
    *(("scalar", shorthand) for shorthand in NETWORKS[:12]),
    *(("matrix", shorthand) for shorthand in MATRICES[:3]),
]
READ = ("markdown", "latex", "notebook")
"""The forms that `check` reads."""


# Planted mistakes


@pytest.mark.parametrize(("view", "shorthand"), TRIALS)
def test_what_is_planted_is_found_and_named(view, shorthand):
    """Over thousands of seeds: just the planted lines are wrong, by their names, and the repairs restore them."""
    formats = ("markdown", "latex", "notebook", "typst")
    desk = Desk(shorthand, view, formats[TRIALS.index((view, shorthand)) % len(formats)])
    for line in desk.usual:
        assert {link.verdict for link in line.links} == {Verdict.RIGHT}, line.source
    seeds = range(WORK * 5 // len(desk.usual))
    assert [text for seed in seeds for text in desk.complaints(seed, 1 + seed % min(4, len(desk.usual) // 2))] == []
    assert len(desk.kinds) >= 5, desk.kinds


def found_in(made: Exercise, format: str) -> Report:
    """What the judge finds in a solution with mistakes, read as a file beside the network's file."""
    judge_of.cache_clear()
    network = Network.from_toml(str(made.parts["network"]))
    return check(made.parts["errors"], network, format=format)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("view", ["scalar", "matrix"])
@pytest.mark.parametrize("format", READ)
def test_the_key_names_the_lines_and_mistakes(format, view, seed):
    """The key, as it is printed, says of which lines `check` says what, in the files that are handed out."""
    net = ("2-2-1 --bias", "2-3:tanh-2 --loss mse", "2-3:relu-1:sigmoid --loss bce")[seed % 3]
    made = exercise(net, seed=seed, mistakes=2 + seed % 3, view=view, format=format)
    report = found_in(made, format)
    wrong = {}
    for number, line in enumerate(report.lines, start=1):
        kinds = {link.mistake for link in line.links if link.verdict is not Verdict.RIGHT}
        if kinds:
            wrong[number] = kinds
    key = str(made.parts["errors-key"])
    if format == "notebook":
        key = "\n".join("".join(cell["source"]) for cell in json.loads(key)["cells"])
    told = {int(number): name for number, name in re.findall(r"Line (\d+): ([^\n}]+)", key)}
    names = {kind: sentence(f"check.mistake.{kind}.name", lang="en") for kind in KINDS}
    assert {number: {names[kind] for kind in kinds} for number, kinds in wrong.items()} == {
        number: {name} for number, name in told.items()
    }
    assert len(told) == 2 + seed % 3


def test_lines_are_numbered_as_the_key_counts():
    """The n-th line of the solution has (n) beside it."""
    page = str(exercise("2-2-1", mistakes=2).parts["errors"])
    assert re.findall(r"\\text\{\((\d+)\)\}", page) == [str(n) for n in range(1, 18)]


def test_mistakes_are_as_various_as_those_of_students():
    """A few solutions have most of the kinds of mistakes that there are, and no kind has more than a fifth of them."""
    kinds = [
        one.slip.kind
        for net, view in (("2-2-1 --bias", "scalar"), ("2-3:tanh-2 --loss mse", "scalar"), ("2-2-1", "matrix"))
        for seed in range(8)
        for one in exercise(net, seed=seed, mistakes=5, view=view).planted
    ]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts.keys() <= set(KINDS)
    assert len(counts) >= 14, counts
    assert max(counts.values()) <= len(kinds) / 5, counts


# Keys and sheets


EVERY_LOSS = (
    "2-2-1 --bias", "2-2:relu-1 --loss mae", "2-3:leaky_relu-2 --loss mse --reduction mean", "2-2:tanh-1:sigmoid --loss bce",
    "2-2:softplus-1 --loss bce_with_logits", "2-3 --loss softmax_cross_entropy", "2-2-3:softmax --loss cross_entropy",
    "2-2:silu-1 --loss log_cosh", "2-2:elu-1 --loss huber", "2-2:hard_tanh-1 --loss hinge",
    "2-2-3 --loss softmax_cross_entropy_index",
)  # fmt: skip


@pytest.mark.parametrize(("view", "samples"), [("scalar", 1), ("scalar", 2), ("matrix", 3)])
@pytest.mark.parametrize("shorthand", EVERY_LOSS)
def test_the_answer_key_is_right(shorthand, view, samples):
    """Everything in a key is read and right, its numbers too, and it earns all points; the sheet has nothing wrong."""
    format = READ[(EVERY_LOSS.index(shorthand) + samples) % len(READ)]
    lang = LANGUAGES[EVERY_LOSS.index(shorthand) % 2]
    made = exercise(shorthand, seed=samples, view=view, samples=samples, format=format, lang=lang)
    network = Network.from_toml(str(made.parts["network"]))
    report = check(made.parts["key"], network, format=format)
    assert [(link.verdict, link.rhs) for link in report.links if link.verdict is not Verdict.RIGHT] == []
    rubric = read_rubric(str(made.parts["rubric"]))
    marks = mark(report, rubric)
    assert rubric.targets
    assert (marks.points, marks.out_of) == (len(rubric.targets), len(rubric.targets))
    empty = check(made.parts["sheet"], network, format=format)
    assert {link.verdict for link in empty.links} == {Verdict.RIGHT}
    assert mark(empty, rubric).points == 0
