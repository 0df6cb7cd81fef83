"""The seed's document, against the truth that was established for each of its 58 links."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import chainrule

SEED = Path(__file__).parents[1] / "fixtures" / "seed"
TEXT = (SEED / "derivation.md").read_text(encoding="utf-8")
TRUTH = json.loads((SEED / "truth.json").read_text(encoding="utf-8"))
MATRIX = 61
"""The line on which the matrix part begins."""


def said(report):
    """Return the verdicts by line, in the order of the document."""
    return [(line.line, [str(link.verdict) for link in line.links]) for line in report.lines]


def truth(lines):
    """Return the true verdicts of lines by their number."""
    return [(entry["line"], [link["verdict"] for link in entry["links"]]) for entry in TRUTH if entry["line"] in lines]


@pytest.fixture(scope="module")
def report():
    return chainrule.check(TEXT, "2-3-2-1", name="derivation.md")


@pytest.fixture(scope="module")
def inferred():
    return chainrule.check(TEXT, name="derivation.md")


def test_all_49_scalar_links(report):
    scalar = range(MATRIX)
    judged = [
        (line, ["wrong" if v == "carried" else v for v in verdicts]) for line, verdicts in said(report) if line < MATRIX
    ]
    plain = [(line, ["wrong" if v == "carried" else v for v in verdicts]) for line, verdicts in truth(scalar)]
    assert judged == plain
    assert sum(len(verdicts) for _, verdicts in judged) == 49


def test_what_follows_from_what(report):
    carried = {(link.line, link.index): link.carried_from for link in report.links if link.carried_from}
    assert carried == {(40, 2): 34, (42, 2): 36}


def test_the_matrix_lines_speak_of_another_network(report):
    links = [link for line in report.lines if line.line >= MATRIX for link in line.links]
    assert len(links) == 9
    assert {link.mistake for link in links} == {"other_network"}
    assert {str(link.verdict) for link in links} == {"unreadable"}
    assert "2-100-50-1" in links[0].message.text("en")


def test_all_58_links_where_the_network_is_found(inferred):
    judged = [(line, ["wrong" if v == "carried" else v for v in verdicts]) for line, verdicts in said(inferred)]
    plain = [(line, ["wrong" if v == "carried" else v for v in verdicts]) for line, verdicts in truth(range(1000))]
    assert judged == plain
    assert sum(len(verdicts) for _, verdicts in judged) == 58
    assert inferred.networks == ("2-3-2-1", "2-1", "2-100-1", "2-100-50-1")


def test_it_says_which_lines_one_network_would_have_wrong(inferred):
    said_of_matrices = next(m for m in inferred.reading if m.key == "infer.growing")
    wrong = {int(number) for number in str(said_of_matrices.facts["lines"]).split(",")}
    assert {63, 67} <= wrong
    assert 69 not in wrong and 71 not in wrong


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        (34, {("z_1^1", "z_1^2"), ("z_2^1", "z_2^2")}),
        (36, {("z_1^1", "z_1^2")}),
        (40, {("z_1^1", "z_1^2"), ("z_2^1", "z_2^2")}),
        (42, {("z_1^1", "z_1^2")}),
        (44, {("z_2^1", "z_3^1"), ("a_2^1", "a_3^1"), ("z_2^1", "z_1^2")}),
    ],
)
def test_the_smallest_repairs(report, line, changes):
    found = next(one for one in report.lines if one.line == line)
    repair = next(link.repair for link in found.links if link.repair is not None)
    assert set(repair.changes) == changes


def test_line_44_takes_four_edits_and_its_left_side_is_what_is_wrong(report):
    line = next(one for one in report.lines if one.line == 44)
    assert len(line.links[0].repair.edits) == 4
    assert line.links[0].mistake == "wrong_side"


def test_a_repaired_document_is_right(report):
    """Every repair, made in the text, leaves a document without a wrong link."""
    repairs = {id(link.repair): link.repair for link in report.links if link.repair is not None}
    edits = sorted((e for r in repairs.values() for e in r.edits), key=lambda e: e.start, reverse=True)
    text = TEXT
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    again = chainrule.check(text, "2-3-2-1", name="derivation.md")
    assert not again.wrong
    assert again.count("right") == 49


def test_two_questions_answered_apart(report):
    """Line 36: its second `=` is a right step from a wrong value."""
    line = next(one for one in report.lines if one.line == 36)
    assert [(str(k.verdict), k.value_right) for k in line.links] == [("wrong", False), ("right", False)]


def test_derivatives_against_the_figure_are_said(report):
    line = next(one for one in report.lines if one.line == 34)
    assert {note.key for note in line.notes} == {"note.backwards", "note.none"}


def test_the_gaps(report):
    assert [gap.facts.get("partial") for gap in report.gaps] == ["∂loss/∂z_1^2", "∂loss/∂z_3^1"]


def test_the_score(report):
    assert report.score == pytest.approx(43 / 49)
