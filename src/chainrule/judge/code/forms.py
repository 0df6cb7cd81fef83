"""Reports of gradient functions, written: text, JSON (`../code.schema.json`), JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chainrule.judge.code.report import CodeReport, Evidence, Mistake, Parameter
from chainrule.judge.forms.junit import legal
from chainrule.judge.forms.text import SIGNS, painted, printable
from chainrule.judge.report import Verdict
from chainrule.prose import sentence

FORMS = ("text", "json", "junit")


def write(report: CodeReport, form: str, *, lang: str = "en", colour: bool = False) -> Iterator[str]:
    """Yield the pieces of a form, one of `FORMS`."""
    if form == "text":
        return write_text(report, lang, colour=colour)
    return write_json(report, lang) if form == "json" else write_junit(report, lang)


def write_text(report: CodeReport, lang: str, *, colour: bool = False) -> Iterator[str]:
    """Yield the report as text."""
    heading = sentence(
        "code.heading", lang=lang, source=report.source, function=report.function, network=report.network
    )
    yield printable(heading) + "\n"
    for remark in report.reading:
        yield f"  {remark.text(lang)}\n"
    yield "\n"
    for parameter in report.parameters:
        sign = painted(SIGNS[parameter.verdict], parameter.verdict, colour)
        words = sentence(f"marking.verdict.{parameter.verdict}", lang=lang)
        if parameter.verdict is Verdict.WRONG:
            words += f" ({', '.join(_names(report, parameter, lang))})"
        elif parameter.verdict is Verdict.CARRIED:
            words = sentence("code.carried", lang=lang, name=words, from_=parameter.carried_from)
        yield f"  {sign}  {parameter.name}  {words}\n"
    for mistake in report.mistakes:
        yield "\n"
        yield from _mistake(mistake, lang)
    said = [p for p in report.parameters if p.evidence is not None]
    if said:
        yield "\n"
        yield from (f"  {evidence_text(p, lang)}\n" for p in said)
    for note in report.notes:
        yield f"  {note.text(lang)}\n"
    if report.printed.strip():
        yield f"\n{sentence('code.printed', lang=lang)}\n"
        yield from (f"  | {printable(line)}\n" for line in report.printed.splitlines()[:12])
    counts = {str(verdict): report.count(verdict) for verdict in (Verdict.RIGHT, Verdict.WRONG, Verdict.CARRIED)}
    yield "\n" + sentence("code.summary", lang=lang, **counts) + "\n"


def _names(report: CodeReport, parameter: Parameter, lang: str) -> list[str]:
    own = f"d{parameter.name}"
    kinds = [report.mistakes[at].kind for at in parameter.mistakes if report.mistakes[at].statement == own]
    return [sentence(f"code.mistake.{kind}.name", lang=lang) for kind in dict.fromkeys(kinds)]


def _mistake(mistake: Mistake, lang: str) -> Iterator[str]:
    yield f"  {mistake.message.text(lang)}\n"
    rows = [("code.right_line", mistake.right), ("code.read_line", mistake.read)]
    rows = [row for row in rows if row[1]]
    labels = [sentence(key, lang=lang) for key, _ in rows]
    from chainrule.width import columns

    width = max(map(columns, labels), default=0)
    for label, (_, text) in zip(labels, rows, strict=True):
        yield f"    {label}{' ' * (width - columns(label))}  {text}\n"
    others = [name for name in mistake.parameters if f"d{name}" != mistake.statement]
    if others:
        yield f"    {sentence('code.affects', lang=lang, parameters=', '.join(others))}\n"


def evidence_text(parameter: Parameter, lang: str) -> str:
    """Return the sentence that shows where a gradient differs."""
    evidence = parameter.evidence
    assert evidence is not None
    index = "".join(f"[{at}]" for at in evidence.index) or "[]"
    facts = {
        "name": f"d{parameter.name}", "index": index, "returned": f"{evidence.returned:.6g}",
        "expected": f"{evidence.expected:.6g}", "samples": evidence.samples, "seed": evidence.seed,
    }  # fmt: skip
    if evidence.ratio is not None and evidence.difference > 0:
        return sentence("code.evidence_ratio", lang=lang, ratio=f"{evidence.ratio:.6g}", **facts)
    return sentence("code.evidence", lang=lang, difference=f"{evidence.difference:.2g}", **facts)


# JSON


def record(report: CodeReport, lang: str = "en") -> dict[str, Any]:
    """Return a report as plain values, as `schema` describes them."""
    return {
        "source": report.source,
        "function": report.function,
        "line": report.line,
        "network": report.network,
        "score": round(report.score, 6),
        "counts": {str(v): report.count(v) for v in (Verdict.RIGHT, Verdict.WRONG, Verdict.CARRIED)},
        "parameters": [
            {
                "name": p.name, "verdict": str(p.verdict), "shape": list(p.shape), "mistakes": list(p.mistakes),
                "carried_from": p.carried_from, "evidence": None if p.evidence is None else _evidence(p.evidence),
            }
            for p in report.parameters
        ],
        "mistakes": [
            {
                "kind": m.kind, "statement": m.statement, "message": m.message.text(lang), "right": m.right or None,
                "read": m.read or None, "parameters": list(m.parameters),
            }
            for m in report.mistakes
        ],
        "reading": [remark.text(lang) for remark in report.reading],
        "notes": [note.text(lang) for note in report.notes],
        "samples": list(report.samples),
        "seed": report.seed,
        "printed": report.printed,
    }  # fmt: skip


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "difference": _finite(evidence.difference), "ratio": evidence.ratio, "index": list(evidence.index),
        "returned": _finite(evidence.returned), "expected": evidence.expected, "samples": evidence.samples,
        "seed": evidence.seed,
    }  # fmt: skip


def _finite(number: float) -> float | None:
    """Return a number, or None where JSON has none for it."""
    return number if abs(number) < float("inf") else None


def schema() -> dict[str, Any]:
    """Return the JSON schema of what `chainrule check --code FILE --format json` writes.

    Example:
        >>> schema()["title"]
        'chainrule code report'
    """
    text = files("chainrule.judge").joinpath("code.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def write_json(report: CodeReport, lang: str) -> Iterator[str]:
    """Yield one JSON object."""
    yield json.dumps(record(report, lang), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


# JUnit


def write_junit(report: CodeReport, lang: str) -> Iterator[str]:
    """Yield JUnit XML: a suite for the function, a case for each parameter."""
    count = len(report.parameters)
    failed = count - report.count(Verdict.RIGHT)
    numbers = {
        "tests": str(count), "failures": str(failed), "errors": "0", "skipped": "0", "time": f"{report.seconds:.3f}",
    }  # fmt: skip
    root = Element("testsuites", {"name": "chainrule check --code", **numbers})
    suite = SubElement(root, "testsuite", {"name": legal(report.source), **numbers})
    for parameter in report.parameters:
        case = SubElement(suite, "testcase", classname=legal(report.source), name=f"d{parameter.name}", time="0")
        if parameter.verdict is Verdict.RIGHT:
            continue
        mistakes = [report.mistakes[at] for at in parameter.mistakes]
        kind = mistakes[0].kind if parameter.verdict is Verdict.WRONG else "carried"
        message = " ".join(mistake.message.text(lang) for mistake in mistakes)
        failure = SubElement(case, "failure", type=kind, message=legal(message))
        rows = [row for mistake in mistakes for row in (mistake.right, mistake.read and f"→ {mistake.read}") if row]
        if parameter.evidence is not None:
            rows.append(evidence_text(parameter, lang))
        failure.text = legal("\n".join(rows))
    indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
