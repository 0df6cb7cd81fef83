"""Documents → formulas with their places.

The format is told by the name's ending, or by what the text looks like. Prose is left alone, in whatever language.
`chainrule.judge.document_model` has the types; each format has a reader of its own.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath

from chainrule.judge.document_latex import latex_document
from chainrule.judge.document_macros import Macros
from chainrule.judge.document_markdown import markdown_document
from chainrule.judge.document_model import Document, DocumentError, Formula, Found, Problem
from chainrule.judge.document_notebook import markdown_cells
from chainrule.judge.document_rows import begins_with_relation
from chainrule.judge.document_text import text_rows
from chainrule.judge.document_typst import typst_document

LARGEST = 20_000_000
"""The largest document, in bytes (or characters, where it is given as text)."""

MOST_ROWS = 100_000
"""The most rows of mathematics that are read of one document."""

FORMATS = ("markdown", "latex", "notebook", "text", "typst")

SUFFIXES = {
    ".md": "markdown", ".markdown": "markdown", ".qmd": "markdown", ".rmd": "markdown",
    ".tex": "latex", ".ltx": "latex", ".ipynb": "notebook", ".txt": "text", ".typ": "typst",
}  # fmt: skip
"""Formats by the ending of a name."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_LATEX = re.compile(r"\\(?:documentclass|begin\{(?:document|align|equation|gather))")
_NOTEBOOK = re.compile(r"\s*\{\s*\"(?:cells|metadata|nbformat|worksheets)\"")


def read_document(
    data: str | bytes, *, name: str = "<text>", format: str | None = None, largest: int = LARGEST
) -> Document:
    r"""Read a document.

    Args:
        data: its text, or its bytes in UTF-8 (with or without a mark), UTF-16 or UTF-32 with a mark.
        name: what it is called; the ending says which format it is in.
        format: one of `FORMATS`, where the name does not say it.
        largest: how large it may be.

    Raises:
        DocumentError: where it is too large, is no text, or is no notebook though it is called one.

    Example:
        >>> document = read_document("so $a = b$, and\n$$c = d$$\n", name="sheet.md")
        >>> [formula.source for formula in document.formulas], document.format
        (['a = b', 'c = d'], 'markdown')
    """
    if len(data) > largest:
        raise DocumentError("document_too_large", read=name, size=len(data), most=largest)
    text = data.removeprefix("\ufeff") if isinstance(data, str) else _decoded(data, name)
    chosen = format or detect(name, text)
    if chosen not in FORMATS:
        raise DocumentError("unknown_document_format", read=chosen, known=", ".join(FORMATS))
    texts: tuple[str, ...] = (text,)
    cells: tuple[int, ...] = ()
    if chosen == "notebook":
        texts, cells = markdown_cells(text, name)
    formulas: list[Formula] = []
    problems: list[Problem] = []
    macros = Macros()
    for part, own in enumerate(texts):
        if chosen != "typst":
            macros.learn(own)
        found = list(itertools.islice(_READERS[chosen](own), MOST_ROWS + 1))
        if len(found) > MOST_ROWS:
            last = found.pop()
            at = last.keep[0][0] if isinstance(last, Found) else last.start
            problems.append(Problem("too_many", part, at, at, {"most": MOST_ROWS}))
        problems += [Problem(p.key, part, p.start, p.end, p.facts) for p in found if isinstance(p, Problem)]
        for item in _formulas(own, part, (f for f in found if isinstance(f, Found)), macros):
            if isinstance(item, Formula):
                formulas.append(item)
            elif all(problem.key != item.key for problem in problems):
                problems.append(item)
    return Document(name, chosen, texts, cells, tuple(formulas), tuple(problems))


def detect(name: str, text: str) -> str:
    r"""Return the format of a document.

    Example:
        >>> detect("a.tex", ""), detect("-", "\\documentclass{article}"), detect("-", "∂L/∂w = δ a"), detect("-", "$x$")
        ('latex', 'latex', 'text', 'markdown')
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    start = text[:200_000]
    if _NOTEBOOK.match(start):
        return "notebook"
    if _LATEX.search(start):
        return "latex"
    return "markdown" if "$" in start or "\\[" in start or "\\(" in start or "```" in start else "text"


def _decoded(data: bytes, name: str) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError("document_encoding", read=name, byte=error.start, line=line, encoding=encoding) from None


def _text_document(text: str) -> Iterator[Found | Problem]:
    return text_rows(text, 0, len(text), sure=False)


_READERS: Mapping[str, Callable[[str], Iterator[Found | Problem]]] = {
    "markdown": markdown_document, "latex": latex_document, "notebook": markdown_document, "text": _text_document,
    "typst": typst_document,
}  # fmt: skip


def _formulas(text: str, part: int, found: Iterable[Found], macros: Macros) -> Iterator[Formula | Problem]:
    """Yield the formulas that rows make, and a problem for each whose macros cannot be replaced."""
    before: Found | None = None
    plain = Macros()
    for row in found:
        own = macros if row.markup == "latex" else plain
        source, pieces, whole = own.expanded(text, row.keep)
        start, end = row.keep[0][0], row.keep[-1][1]
        if not whole:
            yield Problem("macros", part, start, end)
        if not source.strip():
            continue
        continues = before is not None and begins_with_relation(source, row.markup) and _near(text, before, row)
        yield Formula(part, start, end, source, row.markup, row.display, continues, pieces)
        before = row


def _near(text: str, before: Found, row: Found) -> bool:
    """Return whether nothing but marks and blank stands between two rows, so that the one can carry on the other."""
    between = text[before.keep[-1][1] : row.keep[0][0]]
    if before.block == row.block:
        return True
    return len(between) < 200 and not re.search(
        r"[^\W\d_]{2,}", re.sub(r"\\(?:begin|end)\{\w+\*?\}|\\[a-z]+", "", between)
    )


__all__ = [
    "FORMATS", "SUFFIXES", "Document", "DocumentError", "Formula", "Found", "Problem", "detect", "read_document",
]  # fmt: skip
