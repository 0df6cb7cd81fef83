"""SARIF: results where editors look for them, and fixes that make the document right."""

import json
from pathlib import Path

import pytest

import chainrule
from chainrule.judge.forms import write
from chainrule.judge.marking import mark
from chainrule.judge.mistakes import KINDS

SEED = Path("tests/fixtures/seed/derivation.md").read_text(encoding="utf-8")
WIDE = (
    "𝔸𝔹 가나 $$\\frac{\\partial loss}{\\partial pred} = true - pred$$\r\n"
    "그리고 🙂 $\\frac{\\partial loss}{\\partial w_{11}^3} = (pred - true) \\cdot a_2^2$\r"
)


def sarif(text, name="a.md", lang="en", network="2-3-2-1"):
    report = chainrule.check(text, network, name=name)
    return report, json.loads("".join(write([(report, mark(report))], "sarif", lang=lang)))


def offset(text, line, column):
    """The offset of a place whose column counts UTF-16 code units from 1, lines ending as the log says."""
    rows = text.replace("\r\n", "\n\0").replace("\r", "\n").split("\n")
    before = "\n".join(rows[: line - 1]) + ("\n" if line > 1 else "")
    row = rows[line - 1]
    lead = row.startswith("\0")
    row = row.removeprefix("\0")
    units = row.encode("utf-16-le")[: 2 * (column - 1)].decode("utf-16-le")
    return len(before) + lead + len(units)


def applied(text, log):
    edits = []
    for result in log["runs"][0]["results"]:
        for fix in result.get("fixes", ()):
            for change in fix["artifactChanges"]:
                for one in change["replacements"]:
                    region = one["deletedRegion"]
                    edits.append((
                        offset(text, region["startLine"], region["startColumn"]),
                        offset(text, region["endLine"], region["endColumn"]), one["insertedContent"]["text"],
                    ))  # fmt: skip
    assert len(set(edits)) == len(edits)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_fixes_make_the_seed_right(lang):
    """Applied as replacements, the fixes give a document in which nothing is wrong."""
    report, log = sarif(SEED, lang=lang)
    repaired = chainrule.check(applied(SEED, log), "2-3-2-1")
    assert report.wrong and not repaired.wrong
    assert [line.line for line in report.lines] == [line.line for line in repaired.lines]


def test_columns_count_utf_16():
    """Beside characters beyond the first plane, and with every kind of line end, regions hold the right side."""
    report, log = sarif(WIDE)
    assert log["runs"][0]["columnKind"] == "utf16CodeUnits"
    assert log["runs"][0]["newlineSequences"] == ["\r\n", "\n", "\r"]
    regions = [one["locations"][0]["physicalLocation"]["region"] for one in log["runs"][0]["results"]]
    held = [
        WIDE[offset(WIDE, r["startLine"], r["startColumn"]) : offset(WIDE, r["endLine"], r["endColumn"])]
        for r in regions
    ]
    assert held == [link.rhs for link in report.links]
    assert held[0] == "true - pred"
    assert not chainrule.check(applied(WIDE, log), "2-3-2-1", name="a.md").wrong


def test_what_the_standard_asks_for():
    report, log = sarif(SEED, name="a folder/ab\u00e9.md")
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ids == [*KINDS, "unreadable"]
    assert len(run["results"]) == sum(str(link.verdict) in ("wrong", "carried", "unreadable") for link in report.links)
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20folder/ab%C3%A9.md"
        region = place["region"]
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    carried = [result for result in run["results"] if result["level"] == "warning"]
    assert [one["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] for one in carried] == [34, 36]


def test_a_notebook_has_cells_and_no_regions():
    """The lines of a cell are no lines of the file, so no region and no fix claims that they are."""
    cells = [{"cell_type": "markdown", "source": "$$\\frac{\\partial loss}{\\partial pred} = true - pred$$"}]
    _, log = sarif(json.dumps({"cells": cells, "nbformat": 4}), name="a.ipynb")
    (result,) = log["runs"][0]["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]
    assert result["locations"][0]["logicalLocations"] == [{"name": "[1]:1", "kind": "cell"}]
    assert "fixes" not in result
