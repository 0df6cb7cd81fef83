"""Jupyter notebooks (nbformat 3 and 4): the Markdown cells, each a part; code and outputs are left alone."""

from __future__ import annotations

import json
import re

from chainrule.errors import Place
from chainrule.judge.document_model import DocumentError

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def markdown_cells(text: str, name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the texts of the Markdown cells, and the number of each among all cells, from 1.

    Raises:
        DocumentError: where the text is no notebook.

    Example:
        >>> markdown_cells('{"cells": [{"cell_type": "code"}, {"cell_type": "markdown", "source": ["a", "b"]}]}', "n")
        (('ab',), (2,))
    """
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        place = Place(name, line=error.lineno, column=error.colno - 1, end=error.colno, text=_line(text, error.lineno))
        raise DocumentError("notebook_json", place=place, reason=error.msg) from None
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        raise DocumentError("notebook_cells", read=name) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet.get("cells"), list) for cell in sheet["cells"]]
    if not isinstance(cells, list):
        raise DocumentError("notebook_cells", read=name)
    texts: list[str] = []
    numbers: list[int] = []
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "markdown":
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        texts.append(_LONE_SURROGATE.sub("\ufffd", source) if isinstance(source, str) else "")
        numbers.append(number)
    return tuple(texts), tuple(numbers)


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1][:200] if number <= len(lines) else ""
