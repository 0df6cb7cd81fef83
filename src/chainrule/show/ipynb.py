"""A Document as a notebook's file: a cell of Markdown for each heading with what follows it, and cells to answer in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from chainrule.show.document import Block, Document, Heading, Room
from chainrule.show.emit import emit
from chainrule.show.markdown import MarkdownEmitter


def to_notebook(document: Document) -> str:
    """Return a Document as the text of a notebook (nbformat 4.5), the same for the same Document.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.show.compose import compose
        >>> notebook = json.loads(to_notebook(compose(Network.read("2-1").derive())))
        >>> [cell["source"][0][:11] for cell in notebook["cells"]]
        ['# Every ∂lo', '## Forward:', '## Backward']
    """
    cells = [
        {
            "cell_type": "markdown",
            "id": f"cell-{number}",
            "metadata": {},
            "source": "".join(emit(MarkdownEmitter(replace(document, blocks=blocks))))
            .strip()
            .splitlines(keepends=True),
        }
        for number, blocks in enumerate(_cells(document), start=1)
    ]
    metadata = {"language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _markdown(document: Document) -> str:
    return "".join(emit(MarkdownEmitter(document))).strip()


def _cells(document: Document) -> Iterator[list[Block]]:
    """Yield the blocks of each cell; room for an answer is an empty one."""
    cell: list[Block] = []
    for block in document.blocks:
        if isinstance(block, Heading | Room) and cell:
            yield cell
            cell = []
        if isinstance(block, Room):
            yield []
        else:
            cell.append(block)
    if cell:
        yield cell
