"""CSV: a row for each `=`, and nbgrader's columns with a row for each document.

A cell that a spreadsheet would take for a formula of its own (it begins with =, +, - or @) gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from chainrule.judge.forms.text import changes_of
from chainrule.judge.marking import Marks
from chainrule.judge.report import Report

COLUMNS = (
    "source", "cell", "line", "column", "index", "lhs", "rhs", "verdict", "value_right", "mistake", "carried_from",
    "repair",
)  # fmt: skip
NBGRADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip


def write_csv(judged: Sequence[tuple[Report, Marks]]) -> Iterator[str]:
    """Yield a header and a row for each `=`."""
    yield row(COLUMNS)
    for report, _ in judged:
        for line in report.lines:
            for link in line.links:
                repair = "" if link.repair is None else changes_of(link.repair)
                cell = report.cells[line.part] if report.cells else ""
                yield row((
                    report.source, cell, link.line, link.column, link.index, link.lhs, link.rhs, link.verdict,
                    "" if link.value_right is None else link.value_right, link.mistake, link.carried_from or "",
                    repair,
                ))  # fmt: skip


def write_nbgrader(judged: Sequence[tuple[Report, Marks]]) -> Iterator[str]:
    """Yield nbgrader's export columns; the student is the folder that the file lies in, or its name."""
    yield row(NBGRADER)
    for report, marks in judged:
        path = PurePath(report.source)
        student = path.parent.name or path.stem
        yield row((path.stem, "", "", student, "", "", "", marks.points, 0, marks.points, marks.out_of))


def row(cells: Iterable[object]) -> str:
    r"""Return one line of CSV.

    Example:
        >>> row(["=1+1", "a,b", 2])
        '\'=1+1,"a,b",2\n'
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([safe(cell) for cell in cells])
    return out.getvalue()


def safe(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
