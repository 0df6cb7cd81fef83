"""What Gradescope and Dodona read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.judge.forms.text import changes_of, place_of, row_text, summary, utf16
from chainrule.judge.marking import Mark, Marks, marks_of
from chainrule.judge.report import Line, Link, Report, Verdict
from chainrule.prose import sentence


def write_gradescope(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield results.json: a test for each line, and for each target of the rubric."""
    tests: list[dict[str, Any]] = []
    for report, marks in judged:
        before = f"{report.source}: " if len(judged) > 1 else ""
        for line, found in marks_of(report, marks):
            if found is not None:
                number = place_of(report, line.part, line.line).replace("[", "").replace("] ", ".")
                tests.append(_test(found, line, before, number, lang))
        tests += [_answer(found, before, lang) for found in marks.targets]
    result = {
        "score": sum(marks.points for _, marks in judged),
        "output": "\n".join(summary(report, marks, lang) for report, marks in judged),
        "output_format": "text",
        "execution_time": round(sum(report.seconds for report, _ in judged), 3),
        "tests": tests,
    }
    yield json.dumps(result, ensure_ascii=False, indent=2) + "\n"


def _test(found: Mark, line: Line, before: str, number: str, lang: str) -> dict[str, Any]:
    output = "\n".join(said(link, lang) for link in line.links if link.message is not None)
    tags = sorted({str(link.verdict) for link in line.links})
    name = f"{before}{sentence('marking.line', lang=lang, line=line.line)}: {found.name or '='}"
    return _scored(found, name, number, output, tags)


def _answer(found: Mark, before: str, lang: str) -> dict[str, Any]:
    reason = sentence(f"marking.reason.{found.reason}", lang=lang)
    name = f"{before}{sentence('marking.answer', lang=lang)}: {found.name}"
    return _scored(found, name, str(found.line or ""), reason, [found.reason])


def _scored(found: Mark, name: str, number: str, output: str, tags: list[str]) -> dict[str, Any]:
    return {
        "name": name, "number": number, "score": found.points, "max_score": found.out_of,
        "status": "passed" if found.points >= found.out_of else "failed",
        "output": output, "output_format": "text", "tags": tags, "visibility": "visible",
    }  # fmt: skip


def said(link: Link, lang: str) -> str:
    """Return the verdict, the reason and the repair of a link, in one line."""
    word = sentence(f"marking.verdict.{link.verdict}", lang=lang)
    reason = link.message.text(lang) if link.message else ""
    repair = ""
    if link.repair is not None:
        repair = f" {sentence('marking.repair', lang=lang)}: {changes_of(link.repair)}"
    return f"{link.line}.{link.index} {word}: {reason}{repair}"


def write_dodona(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield judge_output.json: an annotation for each `=` that is not right."""
    annotations = [
        _annotation(report, line, link, lang)
        for report, _ in judged for line in report.lines for link in line.links if link.verdict in _TYPES
    ]  # fmt: skip
    wrong = any(report.wrong for report, _ in judged)
    result = {
        "accepted": not wrong,
        "status": "wrong" if wrong else "correct",
        "description": "; ".join(summary(report, marks, lang) for report, marks in judged),
        "annotations": annotations,
        "groups": [],
    }
    yield json.dumps(result, ensure_ascii=False, indent=2) + "\n"


_TYPES = {Verdict.WRONG: "error", Verdict.CARRIED: "warning", Verdict.UNREADABLE: "info"}


def _annotation(report: Report, line: Line, link: Link, lang: str) -> dict[str, Any]:
    """Return a note; rows and columns count from 0, columns as JavaScript does; a notebook's cells have no rows."""
    text = said(link, lang)
    if report.format == "notebook":
        cell = sentence("marking.cell", lang=lang, cell=report.cells[line.part])
        return {"row": 0, "rows": 1, "text": f"{cell}: {text}", "type": _TYPES[link.verdict]}
    source = report.texts[line.part]
    column = utf16(row_text(source, link.line), link.column) - 1
    found: dict[str, Any] = {
        "row": link.line - 1, "rows": link.end_line - link.line + 1, "column": column, "text": text,
        "type": _TYPES[link.verdict],
    }  # fmt: skip
    if link.end_line == link.line:
        found["columns"] = max(1, utf16(row_text(source, link.line), link.end_column) - 1 - column)
    return found
