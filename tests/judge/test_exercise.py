"""Exercise sheets: what is planted is found and named, keys are right, sheets are whole, numbers are good ones."""

from __future__ import annotations

import itertools
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

WORK = 2600
"""How many lines of solutions are judged for each network: as many seeds as they last, more than 2,000 in all."""

TRIALS = [
    *(("scalar", shorthand) for shorthand in NETWORKS[:6]),
    *(("matrix", shorthand) for shorthand in MATRICES[:1]),
]
"""The networks of the trial; `tools/exercise_trial.py` tries all of them, for as many seeds as it is told."""

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
    seeds = range(WORK // len(desk.usual))
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
    "2-2-1 --bias", "2-2:relu-1 --loss mae", "2-3:leaky_relu-2 --loss mse --reduction mean",
    "2-2:tanh-1:sigmoid --loss bce",
    "2-2:softplus-1 --loss bce_with_logits", "2-3 --loss softmax_cross_entropy", "2-2-3:softmax --loss cross_entropy",
    "2-2:silu-1 --loss log_cosh", "2-2:elu-1 --loss huber", "2-2:hard_tanh-1 --loss hinge",
    "2-2-3 --loss softmax_cross_entropy_index",
)  # fmt: skip


KEYS = [
    (view, samples, shorthand)
    for view, samples in (("scalar", 1), ("scalar", 2), ("matrix", 3))
    for shorthand in EVERY_LOSS
]


@pytest.mark.parametrize(("view", "samples", "shorthand"), KEYS)
def test_the_answer_key_is_right(view, samples, shorthand):
    """Everything in a key is read and right, its numbers too, and it earns all points; the sheet has nothing wrong."""
    form = READ[(EVERY_LOSS.index(shorthand) + samples) % len(READ)]
    lang = LANGUAGES[EVERY_LOSS.index(shorthand) % 2]
    made = exercise(shorthand, seed=samples, view=view, samples=samples, format=form, lang=lang)
    network = Network.from_toml(str(made.parts["network"]))
    report = check(made.parts["key"], network, format=form)
    assert [(link.verdict, link.rhs) for link in report.links if link.verdict is not Verdict.RIGHT] == []
    rubric = read_rubric(str(made.parts["rubric"]))
    marks = mark(report, rubric)
    assert rubric.targets
    assert (marks.points, marks.out_of) == (len(rubric.targets), len(rubric.targets))
    empty = check(made.parts["sheet"], network, format=form)
    assert {link.verdict for link in empty.links} == {Verdict.RIGHT}
    assert mark(empty, rubric).points == 0


def test_a_sheet_asks_and_does_not_answer():
    """A sheet has the numbers that are given, and no line of the derivation."""
    made = exercise("2-2-1 --bias", seed=5)
    sheet = str(made.parts["sheet"])
    for weight, number in made.network.given.weights:
        assert f"_{{{weight.to}{weight.origin}}}^{weight.target} = {number:g}" in sheet
    assert "partial" not in sheet
    assert re.findall(r"^### (\d)\. ", sheet, re.MULTILINE) == ["1", "2", "3", "4"]


def test_a_notebook_has_a_cell_for_each_answer():
    """A sheet as a notebook is valid, and leaves an empty cell behind each question."""
    cells = json.loads(str(exercise("2-2-1", format="notebook").parts["sheet"]))["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    behind = [after["source"] for cell, after in itertools.pairwise(cells) if "### " in "".join(cell["source"])]
    assert behind == [[]] * 4


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_are_in_the_language_asked_for(lang):
    """No word of the other language stands on a page."""
    made = exercise("2-2-1 --bias", mistakes=2, lang=lang)
    for part in ("sheet", "key", "errors", "errors-key"):
        korean = re.search("[가-힣]", str(made.parts[part])) is not None
        assert korean == (lang == "ko")
        assert lang == "en" or not re.search(r"\b(Line|Layer|Name|Given|mistakes?|sample)\b", str(made.parts[part]))


def test_the_same_seed_gives_the_same_exercise():
    """Everything follows from the seed, and another seed gives other numbers and mistakes."""
    one, same, other = (exercise("2-2-1", seed=seed, mistakes=3) for seed in (4, 4, 5))
    assert one == same
    assert one.parts["network"] != other.parts["network"]
    assert one.parts["errors"] != other.parts["errors"]


# Numbers


def test_kinks_are_those_of_the_table():
    """Every activation of which a sentence says what is taken at its kink has its kinks here."""
    said = {name for name in ACTIVATIONS if _has_sentence(f"rule.kink.{name}")}
    assert said == set(KINKS)


def _has_sentence(key: str) -> bool:
    try:
        return bool(sentence(key, lang="en"))
    except KeyError:
        return False


@pytest.mark.parametrize("loss", [name for name in LOSSES if "cross_entropy" not in name or name.startswith("softmax")])
@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
def test_numbers_are_good_ones(hidden, loss):
    """Few digits, everything finite, no unit at a kink."""
    drawn = with_numbers(Network.read(f"2-3:{hidden}-2 --bias --loss {loss}"), random.Random(0), samples=2)
    given = drawn.given
    numbers = [n for _, n in (*given.weights, *given.biases)] + [
        n for row in (*given.inputs, *given.targets) for n in row
    ]
    assert len(given.weights) == 12 and len(given.biases) == 5 and len(given.inputs) == len(given.targets) == 2
    assert all(len(f"{abs(number):g}") <= 3 for number in numbers)
    values = drawn.values()
    z = np.asarray(values["Z_1"])
    assert np.isfinite(values["loss"])
    assert all(np.abs(z - kink).min() >= 0.05 for kink in KINKS.get(hidden, ()))
    if loss == "mae":
        assert np.abs(np.asarray(values["pred"]) - np.asarray(values["true"])).min() >= 0.05


def test_given_numbers_are_kept():
    """What a network's file gives stands on the sheet; only the rest is drawn."""
    net = Network.from_toml('layers = "2-1"\n[weights]\n"w_11^1" = 0.125\n[[sample]]\nx = [3, 4]\ntrue = 5\n')
    drawn = with_numbers(net, random.Random(0))
    assert {str(weight): number for weight, number in drawn.given.weights}["w_11^1"] == 0.125
    assert (drawn.given.inputs, drawn.given.targets) == (((3, 4),), ((5,),))


# Misuse


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"net": "100-100-1"}, "10100"),
        ({"net": "1-1", "mistakes": 40}, "40"),
        ({"net": "1-1", "samples": 17}, "17"),
        ({"net": "1-1", "format": "word"}, "word"),
        ({"net": "1-1", "view": "tensor"}, "tensor"),
        ({"net": "1-1", "lang": "fr"}, "fr"),
        ({"net": Network.from_toml('layers = "1-1"\n[[sample]]\nx = [3]\ntrue = 5\n'), "samples": 2}, "2"),
    ],
)
def test_what_cannot_be_written_is_refused(options, said):
    """An error names what was asked for, in both languages."""
    with pytest.raises(ChainruleError) as refused:
        exercise(options.pop("net"), **options)
    for lang in LANGUAGES:
        assert said in refused.value.message(lang=lang)


def test_the_parts_are_those_that_the_command_offers():
    """The command line, which loads no sheet before it is asked for one, names the parts and forms that there are."""
    from chainrule import cli
    from chainrule.judge.exercise import FORMATS

    assert cli.EXERCISE_PARTS == PARTS
    assert cli.EXERCISE_FORMATS == FORMATS
    assert set(exercise("2-1", mistakes=1).parts) == set(PARTS)
