"""Documents that chainrule did not write, each with its truth beside it.

A document's truth is a TOML file of the same name: the `network` in shorthand; the networks that `--infer` finds
(`infer`) and what it says that the document leaves open (`open`); and its `lines` in order: a piece of the line as it
is written, and a verdict for each of its links, with the kind of mistake where that is clear. What stands in no line
must not be judged at all.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import chainrule
from chainrule import Network

FOLDER = Path(__file__).parent / "documents"
DOCUMENTS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".toml")
BAD = ("wrong", "carried")


def truth_of(document):
    """Return what is true of a document."""
    return tomllib.loads(document.with_suffix(".toml").read_text(encoding="utf-8"))


def network_of(truth):
    """Return the true network: its shorthand, or TOML where that does not do."""
    text = truth["network"]
    return Network.from_toml(text) if "\n" in text else Network.read(text)


def said(line, told):
    """Return the verdicts of a line in words, as exact as its truth is."""
    words = told.split() + [""] * len(line.links)
    found = []
    for link, true in zip(line.links, words, strict=False):
        verdict = str(link.verdict)
        if ":" in true and verdict in BAD and link.mistake:
            verdict = f"{verdict}:{link.mistake}"
        if ":" in true and verdict == "unreadable":
            verdict = f"{verdict}:{link.message.key.rpartition('.')[2]}"
        found.append(verdict)
    return " ".join(found)


def difference(report, truth):
    """Return how a report differs from the truth, line by line, or ''."""
    found = [(line.source, said(line, told), line.line) for line, (_, told) in zip(report.lines, truth, strict=False)]
    wrong = [
        f"line {number}: {source}\n  is {told}, and was said to be {verdicts}"
        for (source, verdicts, number), (piece, told) in zip(found, truth, strict=False)
        if verdicts != told or piece not in source
    ]
    wrong += [f"line {line.line} should not be there: {line.source}" for line in report.lines[len(truth) :]]
    wrong += [f"{piece} is missing" for piece, _ in truth[len(report.lines) :]]
    return "\n".join(wrong)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_has_its_true_verdict(document):
    truth = truth_of(document)
    report = chainrule.check(document.read_text(encoding="utf-8"), network_of(truth), name=document.name)
    assert difference(report, truth["lines"]) == ""


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if "infer" in truth_of(path)], ids=lambda path: path.name
)
def test_the_network_is_found(document):
    truth = truth_of(document)
    report = chainrule.check(document.read_text(encoding="utf-8"), name=document.name)
    assert list(report.networks) == truth["infer"]
    said = [message.key.removeprefix("infer.") for message in report.reading]
    assert [key for key in said if key.startswith(("open", "even"))] == truth.get("open", [])
    assert difference(report, truth["lines"]) == ""
