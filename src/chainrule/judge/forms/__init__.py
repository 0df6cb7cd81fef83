"""Reports, written: for people, for programs, for the places where marks are kept.

text.py        with carets            record.py      JSON and JSON Lines (../report.schema.json)
junit.py       JUnit XML              sarif.py       SARIF 2.1.0, repairs as fixes
places.py      Gradescope, Dodona     tables.py      CSV, nbgrader's CSV
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.judge.marking import Marks
    from chainrule.judge.report import Report

Judged = tuple["Report", "Marks"]
Writer = Callable[[Sequence[Judged], str], Iterator[str]]

FORMS = ("text", "json", "jsonl", "junit", "sarif", "gradescope", "nbgrader", "csv", "dodona")


def write(judged: Sequence[Judged], form: str, *, lang: str = "en", colour: bool = False) -> Iterator[str]:
    """Yield the pieces of a form.

    Args:
        judged: reports, each with its marks.
        form: one of `FORMS`.
        lang: `en` or `ko`.
        colour: whether text is coloured.

    Example:
        >>> from chainrule.judge.api import check
        >>> from chainrule.judge.marking import mark
        >>> report = check("$$pred = a_1^2 w_{11}^3$$", "2-3-2-1", name="a.md")
        >>> print("".join(write([(report, mark(report))], "csv")).splitlines()[1])
        a.md,,1,10,1,pred,a_1^2 w_{11}^3,wrong,False,forgotten_path,,a_1^2 w_{11}^3 → a_1^2 w_{11}^3 + a_2^2 w_{12}^3
    """
    from chainrule.judge.forms import junit, places, record, sarif, tables, text

    if form == "text":
        return text.write_text(judged, lang, colour=colour)
    writers: Mapping[str, Writer] = {
        "json": record.write_json, "jsonl": record.write_jsonl, "junit": junit.write_junit, "sarif": sarif.write_sarif,
        "gradescope": places.write_gradescope, "dodona": places.write_dodona,
    }  # fmt: skip
    tabled = {"csv": tables.write_csv, "nbgrader": tables.write_nbgrader}  # they have no words
    if form in tabled:
        return tabled[form](judged)
    return writers[form](judged, lang)
