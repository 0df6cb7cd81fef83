"""JUnit XML: a suite for each document, a case for each `=`; what could not be read is skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chainrule.judge.forms.text import place_of
from chainrule.judge.marking import Marks
from chainrule.judge.report import Link, Report, Verdict

_FAILED = (Verdict.WRONG, Verdict.CARRIED)
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    r"""Return a text without the characters that XML cannot hold.

    Example:
        >>> legal("a\x00b")
        'a�b'
    """
    return _ILLEGAL.sub("�", text)


def write_junit(judged: Sequence[tuple[Report, Marks]], lang: str) -> Iterator[str]:
    """Yield the whole XML document."""
    every = [link for report, _ in judged for link in report.links]
    root = Element(
        "testsuites", name="chainrule check", tests=str(len(every)), errors="0",
        failures=str(sum(link.verdict in _FAILED for link in every)),
        skipped=str(sum(link.verdict is Verdict.UNREADABLE for link in every)),
        time=f"{sum(report.seconds for report, _ in judged):.3f}",
    )  # fmt: skip
    for report, _ in judged:
        links = [*report.links]
        failed = sum(link.verdict in _FAILED for link in links)
        skipped = sum(link.verdict is Verdict.UNREADABLE for link in links)
        suite = SubElement(
            root, "testsuite", name=legal(report.source), tests=str(len(links)), failures=str(failed),
            skipped=str(skipped), errors="0", time=f"{report.seconds:.3f}",
        )  # fmt: skip
        for line in report.lines:
            for link in line.links:
                name = legal(f"{place_of(report, line.part, line.line)}.{link.index} {line.target}")
                case = SubElement(suite, "testcase", classname=legal(report.source), name=name, time="0")
                message = legal(link.message.text(lang)) if link.message else ""
                if link.verdict in _FAILED:
                    kind = link.mistake if link.verdict is Verdict.WRONG else "carried"
                    failure = SubElement(case, "failure", type=kind, message=message)
                    failure.text = legal(_body(link))
                elif link.verdict is Verdict.UNREADABLE:
                    SubElement(case, "skipped", message=message)
    indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _body(link: Link) -> str:
    text = f"{link.lhs} = {link.rhs}"
    return text if link.repair is None else f"{text}\n→ {link.repair.after}"
