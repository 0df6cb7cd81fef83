"""JSON: one object a document; `report.schema.json` of the judge describes it and is shipped with the package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from chainrule.judge.forms.text import row_of
from chainrule.judge.marking import Marks
from chainrule.judge.report import Line, Link, Report, Verdict


def record(report: Report, marks: Marks, lang: str = "en") -> dict[str, Any]:
    """Return a report as plain values.

    Example:
        >>> from chainrule.judge.api import check
        >>> from chainrule.judge.marking import mark
        >>> report = check("$$pred = true$$", "2-3-2-1", name="a.md")
        >>> record(report, mark(report))["links"][0]["verdict"]
        'wrong'
    """
    return {
        "source": report.source,
        "networks": list(report.networks),
        "inferred": report.inferred,
        "format": report.format,
        "score": round(marks.share, 6),
        "points": marks.points,
        "out_of": marks.out_of,
        "counts": {str(verdict): report.count(verdict) for verdict in Verdict},
        "links": [_link(report, line, link, lang) for line in report.lines for link in line.links],
        "targets": [
            {"name": m.name, "line": m.line or None, "points": m.points, "out_of": m.out_of, "reason": m.reason}
            for m in marks.targets
        ],
        "notes": [
            {"cell": _cell(report, line.part), "line": line.line, "message": note.text(lang)}
            for line in report.lines for note in line.notes
        ],
        "gaps": [gap.text(lang) for gap in report.gaps],
        "left_out": [
            {"cell": _cell(report, problem.part), "line": row_of(report.texts[problem.part], problem.start),
             "message": problem.text(lang)}
            for problem in report.problems
        ],
        "reading": [message.text(lang) for message in report.reading],
    }  # fmt: skip


def brief(report: Report, marks: Marks, lang: str = "en") -> dict[str, Any]:
    """Return a report as plain values, with only those links that are not right: a record of many documents."""
    found = record(report, marks, lang)
    links = [link for link in found["links"] if link["verdict"] not in ("right", "definition")]
    for link in links:
        del link["read"], link["lhs"], link["part"], link["end_line"], link["end_column"]
        if link["repair"] is not None:
            link["repair"] = {"changes": link["repair"]["changes"], "after": link["repair"]["after"]}
    kept = ("source", "networks", "score", "points", "out_of", "counts", "targets", "gaps")
    return {**{name: found[name] for name in kept}, "links": links}


def _cell(report: Report, part: int) -> int | None:
    return report.cells[part] if report.cells else None


def _link(report: Report, line: Line, link: Link, lang: str) -> dict[str, Any]:
    repair = link.repair
    return {
        "part": line.part,
        "cell": _cell(report, line.part),
        "line": link.line,
        "column": link.column,
        "end_line": link.end_line,
        "end_column": link.end_column,
        "index": link.index,
        "target": line.target,
        "lhs": link.lhs,
        "rhs": link.rhs,
        "read": list(link.read),
        "verdict": str(link.verdict),
        "value_right": link.value_right,
        "mistake": link.mistake or None,
        "message": link.message.text(lang) if link.message else None,
        "carried_from": link.carried_from,
        "repair": None
        if repair is None
        else {
            "changes": [{"before": before, "after": after} for before, after in repair.changes],
            "before": repair.before,
            "after": repair.after,
            "edits": [{"start": edit.start, "end": edit.end, "text": edit.text} for edit in repair.edits],
        },
    }


def schema() -> dict[str, Any]:
    """Return the JSON schema of what `--format json` and `--format jsonl` write.

    Example:
        >>> schema()["title"]
        'chainrule report'
    """
    text = files("chainrule.judge").joinpath("report.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def write_json(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield one JSON object, or a list of them for several documents."""
    found = [record(report, marks, lang) for report, marks in judged]
    yield json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False, indent=2) + "\n"


def write_jsonl(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield one object a line."""
    for report, marks in judged:
        yield json.dumps(record(report, marks, lang), ensure_ascii=False) + "\n"
