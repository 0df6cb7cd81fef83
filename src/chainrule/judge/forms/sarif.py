"""SARIF 2.1.0: a result for each `=` that is wrong or could not be read, with its repair as a fix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from chainrule.judge.marking import Marks
from chainrule.judge.mistakes import KINDS
from chainrule.judge.report import Line, Link, Report, Verdict
from chainrule.prose import sentence

_LEVELS = {Verdict.WRONG: "error", Verdict.CARRIED: "warning", Verdict.UNREADABLE: "note"}


def write_sarif(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield the whole log."""
    from chainrule import __version__

    rules = [*KINDS, "unreadable"]
    driver = {"name": "chainrule", "version": __version__, "rules": [_rule(kind, lang) for kind in rules]}
    results = [
        _result(report, line, link, rules, lang)
        for report, _ in judged for line in report.lines for link in line.links if link.verdict in _LEVELS
    ]  # fmt: skip
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    yield json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _rule(kind: str, lang: str) -> dict[str, Any]:
    if kind == "unreadable":
        name = sentence("marking.verdict.unreadable", lang=lang)
        return {"id": kind, "shortDescription": {"text": name}}
    return {
        "id": kind,
        "shortDescription": {"text": sentence(f"check.mistake.{kind}.name", lang=lang)},
        "help": {"text": sentence(f"check.mistake.{kind}.help", lang=lang)},
    }


def _result(report: Report, line: Line, link: Link, rules: list[str], lang: str) -> dict[str, Any]:
    kind = link.mistake if link.mistake in rules else "unreadable"
    uri = quote(report.source.replace("\\", "/"))
    found: dict[str, Any] = {
        "ruleId": kind,
        "ruleIndex": rules.index(kind),
        "level": _LEVELS[link.verdict],
        "message": {"text": link.message.text(lang) if link.message else str(link.verdict)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": link.line, "startColumn": link.column, "endLine": link.end_line,
                       "endColumn": link.end_column},
        }}],
    }  # fmt: skip
    if link.repair is not None and link.repair.edits and len(report.texts) == 1:
        text = report.texts[line.part]
        replacements = [
            {"deletedRegion": _region(text, edit.start, edit.end), "insertedContent": {"text": edit.text}}
            for edit in link.repair.edits
        ]
        found["fixes"] = [{
            "description": {"text": ", ".join(f"{before} → {after}" for before, after in link.repair.changes)},
            "artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": replacements}],
        }]  # fmt: skip
    return found


def _region(text: str, start: int, end: int) -> dict[str, int]:
    lines = [text.count("\n", 0, at) + 1 for at in (start, end)]
    columns = [at - (text.rfind("\n", 0, at) + 1) + 1 for at in (start, end)]
    return {"startLine": lines[0], "startColumn": columns[0], "endLine": lines[1], "endColumn": columns[1]}
