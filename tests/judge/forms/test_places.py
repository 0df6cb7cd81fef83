"""Gradescope, Dodona, JUnit, CSV: each by the rules of those who read them."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import chainrule
from chainrule.judge.forms import write
from chainrule.judge.forms.tables import NBGRADER
from chainrule.judge.marking import mark, read_rubric

SEED = Path("tests/fixtures/seed/derivation.md").read_text(encoding="utf-8")
RUBRIC = read_rubric('[targets]\n"∂loss/∂w_11^3" = 2\n"∂loss/∂q" = 1\n[total]\nout_of = 10\n')


@pytest.fixture(scope="module")
def seed():
    return chainrule.check(SEED, "2-3-2-1", name="students/kim/derivation.md")


def test_gradescope(seed):
    """A test for each line that counts and for each target; a status always, and the scaled score on top."""
    marks = mark(seed, RUBRIC)
    found = json.loads("".join(write([(seed, marks)], "gradescope")))
    assert found["score"] == marks.points <= 10
    tests = found["tests"]
    assert len(tests) == len(marks.lines) + 2
    assert {test["status"] for test in tests} == {"passed", "failed"}
    for test in tests:
        assert (test["status"] == "passed") == (test["score"] >= test["max_score"])
        assert test["visibility"] == "visible" and test["output_format"] == "text" and test["name"]
    numbers = {test["number"]: test for test in tests[:-2]}
    assert numbers["40"]["tags"] == ["carried", "right"] and numbers["40"]["score"] == 1.5
    assert "z_1^1 → z_1^2" in numbers["34"]["output"]
    assert [(test["score"], test["max_score"], test["tags"]) for test in tests[-2:]] == [
        (2, 2, ["right"]),
        (0, 1, ["absent"]),
    ]


def test_gradescope_keeps_twins_apart():
    """Two lines with one number and one target are two tests with marks of their own."""
    text = "$a_1^1 = 1$ $$\\frac{\\partial loss}{\\partial pred} = true - pred$$\n"
    text += (
        "$\\frac{\\partial loss}{\\partial pred} = pred - true$, $\\frac{\\partial loss}{\\partial pred} = pred + true$"
    )
    report = chainrule.check(text, "2-3-2-1")
    tests = json.loads("".join(write([(report, mark(report))], "gradescope")))["tests"]
    assert [test["number"] for test in tests] == ["1", "1", "2", "2"]
    assert tests[2]["status"] == "passed" and tests[2]["output"] == ""
    assert tests[3]["status"] == "failed" and tests[3]["output"]


def test_dodona():
    """Annotations count from 0, columns in UTF-16 code units."""
    text = "𝔸 가 $$\\frac{\\partial loss}{\\partial pred} = true - pred$$\n\n$$pred = q_3$$\n\n$$\\frac{\\partial loss}{\\partial pred}\n = 2$$"
    report = chainrule.check(text, "2-3-2-1", name="a.md")
    found = json.loads("".join(write([(report, mark(report))], "dodona")))
    assert found["accepted"] is False and found["status"] == "wrong"
    first, second, *_ = found["annotations"]
    assert (first["row"], first["rows"], first["type"]) == (0, 1, "error")
    units = text.split("\n")[0].encode("utf-16-le")
    assert units[2 * first["column"] : 2 * (first["column"] + first["columns"])].decode("utf-16-le") == "true - pred"
    assert (second["row"], second["type"]) == (2, "info")
    assert found["annotations"][-1]["row"] == 5
    right = chainrule.check("$$\\frac{\\partial loss}{\\partial pred} = pred - true$$", "2-3-2-1")
    found = json.loads("".join(write([(right, mark(right))], "dodona")))
    assert found["accepted"] is True and found["status"] == "correct" and found["annotations"] == []


def test_junit(seed):
    """A suite for each document; what could not be read is skipped, what is carried fails; the sums are right."""
    root = ElementTree.fromstring("".join(write([(seed, mark(seed)), (seed, mark(seed))], "junit")))
    assert root.tag == "testsuites" and len(root) == 2
    for suite in root:
        cases = list(suite)
        assert int(suite.get("tests")) == len(cases) == 58
        assert int(suite.get("failures")) == sum(case.find("failure") is not None for case in cases) == 7
        assert int(suite.get("skipped")) == sum(case.find("skipped") is not None for case in cases) == 9
        names = [case.get("name") for case in cases]
        assert "34.1 ∂loss/∂a_1^1" in names
    for name in ("tests", "failures", "skipped"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    types = {failure.get("type") for failure in root.iter("failure")}
    assert types == {"wrong_layer", "wrong_side", "carried"}


def test_junit_holds_what_xml_cannot():
    report = chainrule.check("$$pred = \x00\x0b<&>\"' \ud800$$", "2-3-2-1", name="a\x1b<b>.md")
    root = ElementTree.fromstring("".join(write([(report, mark(report))], "junit")))
    assert root[0].get("name") == "a�<b>.md"


def test_csv(seed):
    rows = list(csv.DictReader(io.StringIO("".join(write([(seed, mark(seed))], "csv")))))
    assert len(rows) == 58
    assert {row["verdict"] for row in rows} == {"right", "wrong", "carried", "unreadable"}
    by_place = {(row["line"], row["index"]): row for row in rows}
    assert by_place["34", "1"]["repair"] == "z_1^1 → z_1^2, z_2^1 → z_2^2"
    assert by_place["36", "2"]["value_right"] == "False"
    assert by_place["40", "2"]["carried_from"] == "34"


def test_csv_starts_no_formula():
    """What a student typed is no formula of a spreadsheet."""
    report = chainrule.check("$$@x = -1$$ $$+1 = =2$$ $$=HYPERLINK(1) = 2$$", "2-3-2-1", name="=cmd.md")
    for row in csv.reader(io.StringIO("".join(write([(report, mark(report))], "csv")))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_nbgrader(seed):
    """Its export's columns; the student is the folder."""
    (row,) = csv.DictReader(io.StringIO("".join(write([(seed, mark(seed, RUBRIC))], "nbgrader"))))
    assert tuple(row) == NBGRADER
    assert (row["assignment"], row["student_id"], row["max_score"]) == ("derivation", "kim", "10.0")
    assert row["raw_score"] == row["score"] and 0 < float(row["score"]) < 10
