"""What Gradescope and Dodona read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.judge.forms.text import summary
from chainrule.judge.marking import Mark, Marks
from chainrule.judge.report import Line, Link, Report, Verdict
from chainrule.prose import sentence


def write_gradescope(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield results.json: a test for each line, and for each target of the rubric."""
    tests: list[dict[str, Any]] = []
    for report, marks in judged:
        lines = {(line.line, line.target): line for line in report.lines}
        tests += [_test(found, lines.get((found.line, found.name)), lang) for found in (*marks.lines, *marks.targets)]
    points = sum(marks.points for _, marks in judged)
    result = {
        "score": points,
        "output": "\n".join(summary(report, marks, lang) for report, marks in judged),
        "output_format": "text",
        "execution_time": round(sum(report.seconds for report, _ in judged), 3),
        "tests": tests,
    }
    yield json.dumps(result, ensure_ascii=False, indent=2) + "\n"


def _test(found: Mark, line: Line | None, lang: str) -> dict[str, Any]:
    links = [] if line is None else [link for link in line.links if link.message is not None]
    output = "\n".join(said(link, lang) for link in links)
    tags = sorted({str(link.verdict) for link in links})
    return {
        "name": found.name or "=", "number": f"{found.line}", "score": found.points, "max_score": found.out_of,
        "status": "passed" if found.points >= found.out_of else "failed",
        "output": output, "output_format": "text", "tags": tags, "visibility": "visible",
    }  # fmt: skip


def said(link: Link, lang: str) -> str:
    """Return the verdict, the reason and the repair of a link, in one line."""
    word = sentence(f"marking.verdict.{link.verdict}", lang=lang)
    reason = link.message.text(lang) if link.message else ""
    repair = ""
    if link.repair is not None:
        changes = ", ".join(f"{before or '∅'} → {after or '∅'}" for before, after in link.repair.changes)
        repair = f" {sentence('marking.repair', lang=lang)}: {changes}"
    return f"{link.line}.{link.index} {word}: {reason}{repair}"


def write_dodona(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield judge_output.json: an annotation for each `=` that is not right."""
    types = {Verdict.WRONG: "error", Verdict.CARRIED: "warning", Verdict.UNREADABLE: "info"}
    annotations = [
        {"row": link.line - 1, "rows": link.end_line - link.line + 1, "column": link.column - 1,
         "columns": max(1, link.end_column - link.column), "text": said(link, lang), "type": types[link.verdict]}
        for report, _ in judged for link in report.links if link.verdict in types
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
