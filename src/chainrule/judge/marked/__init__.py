"""A marked copy: the author's whole document with the verdicts in place.

blocks.py     what is to be set anew: words, formulas, the judged lines in them
remarks.py    what is said beside a line (all forms)
html.py       one file that stands alone        markdown.py, latex.py    the document with remarks put in
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from chainrule.errors import SelectionError
from chainrule.output import write_whole

if TYPE_CHECKING:
    from chainrule.judge.marking import Marks
    from chainrule.judge.report import Report

ENDINGS: Mapping[str, str] = {
    ".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".tex": "latex",
}  # fmt: skip
"""Forms by the ending of a file's name."""


def write_marked(path: str | os.PathLike[str], report: Report, marks: Marks, *, lang: str = "en") -> None:
    """Write a marked copy; the ending of its name says in which form.

    Args:
        path: the file; it appears whole or not at all.
        report: what the judge says of the document.
        marks: its points.
        lang: `en` or `ko`.

    Raises:
        SelectionError: where the ending is none of `ENDINGS`, or the copy would replace the document itself.
        OutputError: where it cannot be written.
    """
    form = ENDINGS.get(PurePath(path).suffix.lower())
    if form is None:
        raise SelectionError("marked_ending", read=os.fspath(path), known=", ".join(ENDINGS))
    if os.path.exists(path) and os.path.exists(report.source) and os.path.samefile(path, report.source):
        raise SelectionError("marked_over_original", read=os.fspath(path))
    write_whole(path, marked(report, marks, form, lang=lang))


def marked(report: Report, marks: Marks, form: str, *, lang: str = "en") -> Iterator[str]:
    r"""Return the pieces of a marked copy.

    Args:
        report: what the judge says of the document.
        marks: its points.
        form: `html`, `markdown` or `latex`.
        lang: `en` or `ko`.

    Example:
        >>> from chainrule.judge.api import check
        >>> from chainrule.judge.marking import mark
        >>> report = check("$$pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3$$\n", "2-3-2-1", name="a.md")
        >>> print("".join(marked(report, mark(report), "markdown")).splitlines()[-1])
        > ✓ 1 of 1 points
    """
    from chainrule.judge.marked import html, latex, markdown

    writers: Mapping[str, Callable[[Report, Marks, str], Iterator[str]]] = {
        "html": html.write_html, "markdown": markdown.write_markdown, "latex": latex.write_latex,
    }  # fmt: skip
    return writers[form](report, marks, lang)
