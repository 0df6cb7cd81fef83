"""A document as the judge sees it: its texts, and the formulas that stand in them.

The readers of formats (`document_markdown`, `document_latex`, `document_typst`, `document_text`, `document_notebook`)
yield `Found` rows; `chainrule.judge.document` makes Formulas of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from chainrule.errors import ChainruleError
from chainrule.judge.syntax import Span


class DocumentError(ChainruleError):
    """A document that cannot be read: its encoding, its size, or a notebook that is none."""


class Found(NamedTuple):
    """A row of mathematics that a format's reader found.

    Attributes:
        keep: the spans that belong to it, in order; what stands between them (a comment, a row break) does not.
        markup: `latex`, `text` or `typst`.
        display: whether it stands on lines of its own.
        block: where its environment begins: rows of one block may continue each other.
    """

    keep: tuple[Span, ...]
    markup: str
    display: bool
    block: int


class Piece(NamedTuple):
    """A stretch of a formula's source, and where it comes from.

    Attributes:
        start, end: offsets into the formula's source.
        text_start, text_end: offsets into the text; of the whole use of a macro, where it comes from its body.
        exact: whether the stretch is in the text letter by letter.
    """

    start: int
    end: int
    text_start: int
    text_end: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """One row of mathematics.

    Attributes:
        part: in which of the document's texts it stands.
        start, end: its place there, without `$` and alignment marks around it.
        source: what is to be read: text[start:end] but for comments and row breaks, with macros replaced.
        markup: `latex`, `text` or `typst`.
        display: whether it stands on lines of its own.
        continues: whether it begins with a relation sign and carries on the chain of the formula before.
        pieces: where the source comes from, in order and without a gap.
    """

    part: int
    start: int
    end: int
    source: str
    markup: str
    display: bool
    continues: bool
    pieces: tuple[Piece, ...]

    def place(self, start: int, end: int) -> Span:
        r"""Return where source[start:end] stands in the text: the shortest span that holds all of it.

        Example:
            >>> from chainrule.judge.document import read_document
            >>> text = r"$\newcommand{\s}{\cdot} a \s b$"
            >>> (formula,) = read_document(text).formulas
            >>> formula.source, text[slice(*formula.place(2, 7))], text[slice(*formula.place(8, 9))]
            ('a \\cdot b', '\\s', 'b')
        """
        touched = [piece for piece in self._around(start, end) if piece.start < max(end, start + 1)]
        lows, highs = [], []
        for piece in touched:
            if piece.exact:
                lows.append(piece.text_start + max(start - piece.start, 0))
                highs.append(piece.text_start + min(end, piece.end) - piece.start)
            else:
                lows.append(piece.text_start)
                highs.append(piece.text_end)
        return (min(lows), max(highs)) if touched else (self.end, self.end)

    def exact(self, start: int, end: int) -> bool:
        """Return whether source[start:end] is in the text letter by letter, so that an edit can be made there."""
        piece = next(iter(self._around(start, end)), None)
        return piece is not None and piece.exact and piece.start <= start and end <= piece.end

    def _around(self, start: int, end: int) -> tuple[Piece, ...]:
        first = bisect_right(self.pieces, start, key=lambda piece: piece.start) - 1
        if self.pieces and start == end == self.pieces[first].start and first and self.pieces[first - 1].exact:
            first -= 1
        stop = bisect_right(self.pieces, max(end - 1, start), key=lambda piece: piece.start)
        return self.pieces[max(first, 0) : stop]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a document that is left out: a sentence under `document.`, and its place in a part."""

    key: str
    part: int
    start: int
    end: int
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str = "en") -> str:
        """Return the sentence in a language, `en` or `ko`."""
        from chainrule.prose import sentence

        return sentence(f"document.{self.key}", lang=lang, **self.facts)


@dataclass(frozen=True, slots=True)
class Document:
    r"""A document's texts and formulas.

    Attributes:
        name: what it is called, usually its path.
        format: `markdown`, `latex`, `notebook`, `text` or `typst`.
        texts: its parts: one, or one for each Markdown cell of a notebook.
        cells: for a notebook, the number of each part's cell among all cells, from 1; otherwise ().
        formulas: in the order of their places, but an alignment by its columns, then what its \intertext holds.
        problems: what could not be read.
    """

    name: str
    format: str
    texts: tuple[str, ...]
    cells: tuple[int, ...]
    formulas: tuple[Formula, ...]
    problems: tuple[Problem, ...]

    def position(self, part: int, offset: int) -> tuple[int, int]:
        r"""Return the line and the column of an offset into a part, both from 1.

        Example:
            >>> from chainrule.judge.document import read_document
            >>> document = read_document("so\n$x = 1$")
            >>> document.position(0, document.formulas[0].start)
            (2, 2)
        """
        starts = _line_starts(self.texts[part])
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1


@lru_cache(maxsize=8)
def _line_starts(text: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text)))


class Scan:
    """A text being searched from left to right, each kind of search in linear time over all calls."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._next: dict[str, tuple[int, int]] = {}

    def find(self, what: str, at: int) -> int:
        """Return where a string next stands at or after an offset that grows from call to call, or -1."""
        asked, found = self._next.get(what, (-1, -2))
        if at < asked or asked < 0 or 0 <= found < at:
            found = self.text.find(what, at)
            self._next[what] = (at, found)
        return found

    def paragraph_end(self, at: int) -> int:
        """Return where the next blank line begins, or the end; for offsets that grow from call to call."""
        asked, found = self._next.get("", (-1, -2))
        if at < asked or asked < 0 or found < at:
            match = _BLANK_LINE.search(self.text, at)
            found = match.start() if match else len(self.text)
            self._next[""] = (at, found)
        return found


_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")
