"""SARIF 2.1.0: a result for each `=` that is wrong or could not be read, with its repair as a fix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from chainrule.judge.forms.text import changes_of, row_of, row_text, utf16
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
    results = []
    for report, _ in judged:
        for line in report.lines:
            waiting = report.format != "notebook"  # one fix a line, since a repair is of the line
            for link in line.links:
                if link.verdict in _LEVELS:
                    fixed = waiting and link.repair is not None and bool(link.repair.edits)
                    results.append(_result(report, line, link, rules, lang, fixed=fixed))
                    waiting = waiting and not fixed
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "newlineSequences": ["\r\n", "\n", "\r"],
            "results": results,
        }],
    }  # fmt: skip
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


def _result(report: Report, line: Line, link: Link, rules: list[str], lang: str, *, fixed: bool) -> dict[str, Any]:
    kind = link.mistake if link.mistake in rules else "unreadable"
    uri = quote(report.source.replace("\\", "/"))
    message = link.message.text(lang) if link.message else sentence(f"marking.verdict.{link.verdict}", lang=lang)
    found: dict[str, Any] = {
        "ruleId": kind,
        "ruleIndex": rules.index(kind),
        "level": _LEVELS[link.verdict],
        "message": {"text": message},
        "locations": [_location(report, line, link, uri)],
        "properties": {"verdict": str(link.verdict), "index": link.index, "target": line.target},
    }
    if link.carried_from is not None and report.format != "notebook":
        region = {"startLine": link.carried_from}
        found["relatedLocations"] = [
            {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}, "message": {"text": message}}
        ]
    if fixed and link.repair is not None:
        text = report.texts[line.part]
        replacements = [
            {"deletedRegion": _region(text, edit.start, edit.end), "insertedContent": {"text": edit.text}}
            for edit in link.repair.edits
        ]
        found["fixes"] = [{
            "description": {"text": changes_of(link.repair)},
            "artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": replacements}],
        }]  # fmt: skip
    return found


def _location(report: Report, line: Line, link: Link, uri: str) -> dict[str, Any]:
    """Return where a result stands; the lines of a notebook's cells are no lines of its file."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if report.format == "notebook":
        name = f"[{report.cells[line.part]}]:{link.line}"
        return {"physicalLocation": physical, "logicalLocations": [{"name": name, "kind": "cell"}]}
    text = report.texts[line.part]
    physical["region"] = {
        "startLine": link.line, "startColumn": utf16(row_text(text, link.line), link.column),
        "endLine": link.end_line, "endColumn": utf16(row_text(text, link.end_line), link.end_column),
    }  # fmt: skip
    return {"physicalLocation": physical}


def _region(text: str, start: int, end: int) -> dict[str, int]:
    region = {}
    for name, at in (("start", start), ("end", end)):
        begin = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
        region[f"{name}Line"] = row_of(text, begin)
        region[f"{name}Column"] = utf16(text[begin:at], at - begin + 1)
    return region
