"""What is said, in each form and language; the command and its exit codes."""

import json
from xml.etree import ElementTree

import jsonschema
import pytest

from chainrule.cli import main
from chainrule.judge.code import forms, slips
from chainrule.judge.report import Verdict
from chainrule.prose import template
from judge.code.here import judged

NET = "2-3-1 --bias"
SOURCE = """
import numpy as np
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def backward(X, Y, params):
    W1, b1, W2, b2 = (params[k] for k in ("W1", "b1", "W2", "b2"))
    A1 = sigmoid(X @ W1 + b1)
    d2 = A1 @ W2 + b2 - Y
    d1 = d2 @ W2.T
    return {"W1": X.T @ d1, "b1": d1, "W2": 2 * A1.T @ d2, "b2": d2.sum(axis=0)}
"""
RIGHT = (
    SOURCE.replace("d2 @ W2.T", "d2 @ W2.T * A1 * (1 - A1)").replace('"b1": d1', '"b1": d1.sum(0)').replace("2 * ", "")
)


@pytest.fixture
def report(tmp_path):
    return judged(tmp_path / "backward.py", NET, SOURCE)


def test_the_json_is_as_the_schema_says(report):
    """Both languages, and a report with numbers that JSON does not have."""
    for lang in ("en", "ko"):
        written = json.loads("".join(forms.write(report, "json", lang=lang)))
        jsonschema.validate(written, forms.schema())
    assert written["counts"] == {"right": 1, "wrong": 2, "carried": 1}
    assert [m["kind"] for m in written["mistakes"]] == ["extra_factor", "missing_derivative", "not_summed"]
    assert written["parameters"][0]["carried_from"] == "dZ_1"


def test_json_of_what_is_no_number(tmp_path):
    """What is infinite becomes null."""
    report = judged(tmp_path / "b.py", NET, RIGHT.replace('"W1": X.T @ d1', '"W1": X.T @ d1 * np.inf'))
    written = json.loads("".join(forms.write(report, "json")))
    jsonschema.validate(written, forms.schema())
    assert written["parameters"][0]["evidence"]["returned"] is None


def test_the_schema_knows_every_mistake():
    """Kinds, sentences and schema are of the same mistakes."""
    listed = forms.schema()["$defs"]["mistake"]["properties"]["kind"]["enum"]
    assert listed == list(slips.KINDS)
    for kind in slips.KINDS:
        for lang in ("en", "ko"):
            for part in ("name", "say"):
                assert template(f"code.mistake.{kind}.{part}", lang=lang), kind


def test_junit_has_a_case_for_each_gradient(report):
    """Failures have a type, the reason and the evidence."""
    root = ElementTree.fromstring("".join(forms.write(report, "junit")))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert list(cases) == ["dW_1", "db_1", "dW_2", "db_2"]
    types = [failure.get("type") for failure in root.iter("failure")]
    assert types == ["carried", "missing_derivative", "extra_factor"] or types[0] == "carried"
    assert root.get("tests") == "4" and root.get("failures") == "3"
    assert "dW_2 = 2 * (A_1.T @ dpred)" in (cases["dW_2"].find("failure").text or "")


def test_the_text_says_where_what_and_how_much(report):
    """Statement, both lines, what it makes wrong, evidence; the same facts in Korean."""
    text = "".join(forms.write(report, "text"))
    assert "dZ_1 lacks the derivative of sigmoid." in text
    assert "should be  dZ_1 = dA_1 * A_1 * (1 - A_1)" in text
    assert "computes   dZ_1 = dA_1\n" in text
    assert "makes wrong: W_1, b_1" in text
    assert "dW_2: 2 times what it should be" in text
    assert "1 right, 2 wrong, 1 carried" in text
    korean = "".join(forms.write(report, "text", lang="ko"))
    assert "dZ_1: 다음의 도함수가 빠졌습니다: sigmoid." in korean
    assert "\x1b[" not in text and "\x1b[31m" in "".join(forms.write(report, "text", colour=True))


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        (RIGHT, [], 0), (SOURCE, [], 1), (RIGHT, ["--reduction", "samples=mean"], 1), (RIGHT, ["--format", "junit"], 0),
        (RIGHT, ["--format", "sarif"], 2), (RIGHT, ["extra.md"], 2), ("def backward(:", [], 2),
        (RIGHT, ["--function", "sigmoid"], 2), (RIGHT, ["--function", "absent"], 2), (SOURCE, ["--lang", "ko"], 1),
        ("def backward(X, Y, params): raise ValueError(3)", [], 2), (RIGHT, ["--seed", "5", "--memory", "2048"], 0),
    ],
)  # fmt: skip
def test_exit_codes(tmp_path, monkeypatch, capsys, source, options, code):
    """0 all right, 1 something wrong, 2 misuse or nothing to judge; never a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "backward.py").write_text(source, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["check", *NET.split(), "--code", "backward.py", *options])
    assert (end.value.code or 0) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert bool(err) == (code == 2)


def test_the_report_is_written_whole(tmp_path, monkeypatch):
    """-o writes a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "backward.py").write_text(RIGHT, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["check", *NET.split(), "--code", "backward.py", "--format", "json", "-o", "report.json"])
    jsonschema.validate(json.loads((tmp_path / "report.json").read_text(encoding="utf-8")), forms.schema())


def test_verdicts_have_points(report):
    """Right is 1, carried half, wrong 0."""
    assert report.score == pytest.approx((1 + 0.5) / 4)
    assert report.count(Verdict.WRONG) == 2
