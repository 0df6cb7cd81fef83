"""JSON: every report fits the shipped schema, and says what the report says."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

import chainrule
from chainrule.judge.forms import write
from chainrule.judge.forms.record import schema
from chainrule.judge.marking import mark, read_rubric

SEED = Path("tests/fixtures/seed/derivation.md")
VALIDATOR = Draft202012Validator(schema())
KEYS = (
    "line",
    "column",
    "index",
    "lhs",
    "rhs",
    "verdict",
    "value_right",
    "mistake",
    "message",
    "repair",
    "carried_from",
)
NOTEBOOK = json.dumps({
    "cells": [
        {"cell_type": "code", "source": "1"},
        {"cell_type": "markdown", "source": ["so\n", "$$\\frac{\\partial loss}{\\partial pred} = true - pred$$"]},
    ],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
})  # fmt: skip
DOCUMENTS = {
    "seed": (SEED.read_text(encoding="utf-8"), "2-3-2-1", "derivation.md"),
    "inferred": (SEED.read_text(encoding="utf-8"), None, "derivation.md"),
    "empty": ("", "2-3-2-1", "empty.md"),
    "notebook": (NOTEBOOK, "2-3-2-1", "a.ipynb"),
    "text": ("δ = pred − true\n∂L/∂w₁₁³ = δ · a₂²\n∂L/∂q = 1\n", "2-3-2-1", "답.txt"),
    "unclosed": ("so $$a = b\n\nand more\n", "2-3-2-1", "a.md"),
}


@pytest.fixture(scope="module", params=DOCUMENTS)
def judged(request):
    text, network, name = DOCUMENTS[request.param]
    report = chainrule.check(text, network, name=name)
    rubric = read_rubric('[targets]\n"∂loss/∂w_11^3" = 2\n"∂loss/∂w_11^2" = 1\n')
    return report, mark(report, rubric)


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(schema())
    assert set(KEYS) <= set(schema()["$defs"]["link"]["required"])


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_reports_fit_the_schema(judged, lang):
    report, _ = judged
    found = json.loads("".join(write([judged], "json", lang=lang)))
    VALIDATOR.validate(found)
    assert [link["verdict"] for link in found["links"]] == [str(link.verdict) for link in report.links]
    assert [link["message"] for link in found["links"]] == [
        link.message.text(lang) if link.message else None for link in report.links
    ]
    assert sum(found["counts"].values()) == len(found["links"])
    VALIDATOR.validate(json.loads("".join(write([judged, judged], "json", lang=lang))))
    (row,) = "".join(write([judged], "jsonl", lang=lang)).splitlines()
    assert json.loads(row) == found


def test_places_point_into_the_text(judged):
    """A link's place is that of its right side, letter by letter; a repair's edits make the repaired line."""
    report, _ = judged
    found = json.loads("".join(write([judged], "json")))
    for link, line in zip(found["links"], (own for own in report.lines for _ in own.links), strict=True):
        rows = report.texts[link["part"]].split("\n")
        if link["verdict"] != "unreadable" and link["line"] == link["end_line"]:
            assert rows[link["line"] - 1][link["column"] - 1 : link["end_column"] - 1] == link["rhs"]
        if link["repair"] and link["repair"]["edits"]:
            text = report.texts[link["part"]]
            for edit in reversed(link["repair"]["edits"]):
                text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
            assert link["repair"]["after"] in text
            assert line.source == link["repair"]["before"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found.pop("links"),
        lambda found: found.update(score=1.5),
        lambda found: found["links"][0].update(verdict="wright"),
        lambda found: found["links"][0].update(column=0),
        lambda found: found["links"][0].pop("carried_from"),
        lambda found: found["links"][0].update(more=1),
        lambda found: found["counts"].pop("carried"),
    ],
)
def test_the_schema_bites(damage):
    report = chainrule.check(DOCUMENTS["seed"][0], "2-3-2-1", repairs=False)
    found = json.loads("".join(write([(report, mark(report))], "json")))
    VALIDATOR.validate(found)
    damaged = copy.deepcopy(found)
    damage(damaged)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(damaged)


def test_a_notebook_says_its_cell():
    report = chainrule.check(NOTEBOOK, "2-3-2-1", name="a.ipynb")
    (link,) = json.loads("".join(write([(report, mark(report))], "json")))["links"]
    assert (link["cell"], link["part"], link["line"], link["column"]) == (2, 0, 2, 41)
