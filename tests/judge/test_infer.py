"""Finding a network ends in time, whatever a document holds."""

from __future__ import annotations

import pytest

from chainrule.judge.document import read_document
from chainrule.judge.infer import infer
from chainrule.judge.infer_words import words_of

HOSTILE = {
    "runs": "2-3-1 " * 50_000 + "$w_{11}^1 = 2$",
    "lists": ", ".join(["3"] * 40_000) + " hidden units $z = w x$",
    "indices": "$w_{11}^{999} = a_{9999}^{12} + z_9^{9}$",
    "layers": " ".join(f"$a_1^{{{level}}} = w_{{11}}^{{{level}}}$" for level in range(40)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_it_ends(case):
    """Without bounds on what is looked at, these take many minutes."""
    report = infer(read_document(HOSTILE[case], name="a.md"), seconds=4)
    assert report.networks and report.lines


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("Das Netz hat Schichten mit 2, 3 und 2 Neuronen.", (2, 3, 2)),
        ("a 2-3-1 network", (2, 3, 1)),
        ("neuronal, 4–2–1 topology", (4, 2, 1)),
    ],
)
def test_whole_lists_of_sizes(text, sizes):
    assert words_of(read_document(text)).shapes == [sizes]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("입력 2개, 은닉 뉴런 3개, 출력 1개", {0: 2, 1: 3, 2: 1}),
        (
            "an input layer with 2 neurons, a hidden layer of 5 units and an output layer with 3 units",
            {0: 2, 1: 5, 2: 3},
        ),
        ("zwei Eingänge, drei verdeckte Neuronen, ein Ausgang", {0: 2, 1: 3, 2: 1}),
        ("deux entrées, quatre neurones cachés, une sortie", {0: 2, 1: 4, 2: 1}),
    ],
)
def test_sizes_one_by_one(text, sizes):
    assert list(words_of(read_document(text)).sizes(2)) == [sizes]


@pytest.mark.parametrize(
    "text", ["on 2026-11-28", "see pages 3-5", "1-2 times", "version 1.2-3", "3 exercises, 4 points"]
)
def test_other_numbers_are_no_sizes(text):
    said = words_of(read_document(text))
    assert not said.shapes and not said.inputs and not said.hidden and not said.outputs
