"""The driver of all forms that are written as text: one walk over a Document's blocks, one small class per form.

An Emitter says how its form sets each kind of block. The mathematics comes from `Writer`; runs of many lines go through
`templates`, which fill only the subscripts anew for each line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.expr import Expr
from chainrule.selection import Elision
from chainrule.show.document import (
    DOTS,
    TERMS_IN_NUMBERS,
    Block,
    Bulk,
    Document,
    Equation,
    Formula,
    Heading,
    Paragraph,
    Room,
    Words,
    Written,
    line_sides,
    sides,
    write_out,
)
from chainrule.show.forms import FORMS, Form
from chainrule.show.templates import family_template, fill
from chainrule.show.write import Writer


class Emitter:
    """How a form sets blocks; subclasses say the few things that differ."""

    form: Form = FORMS["text"]
    dots = "⋯"

    def __init__(self, document: Document) -> None:
        self.document = document
        self.writer = Writer(self.form, document.notation)
        self.most = TERMS_IN_NUMBERS if document.elides else math.inf

    # What a form says.

    def begin(self) -> str:
        """Return what stands before the first block."""
        return ""

    def end(self) -> str:
        """Return what stands after the last block."""
        return ""

    def prose(self, text: str) -> str:
        """Return plain words, escaped for the form."""
        return text

    def inline(self, math: str) -> str:
        """Return mathematics inside a line of words."""
        return math

    def heading(self, block: Heading) -> str:
        """Return a heading."""
        raise NotImplementedError

    def paragraph(self, block: Paragraph) -> str:
        """Return a paragraph."""
        raise NotImplementedError

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        """Return an equation of these sides, with words beside it."""
        raise NotImplementedError

    def elision(self, block: Elision) -> str:
        """Return the mark for left out lines."""
        raise NotImplementedError

    def blank(self, block: Room) -> str:
        """Return room for an answer; nothing where a person makes it while writing."""
        return ""

    # What is the same for all.

    def words(self, words: Words) -> str:
        """Return words with formulas set in place."""
        return "".join(self.prose(part) if isinstance(part, str) else self.inline(self._among(part)) for part in words)

    def _among(self, formula: Formula) -> str:
        number = [] if formula.number is None else [number_text(formula.number, self.document.digits, self.form)]
        return " = ".join([self.math(formula), *number])

    def math(self, formula: Formula) -> str:
        """Return a formula's sides joined by =."""
        return " = ".join(line_sides(self.writer, formula))

    def equation(self, block: Equation) -> str:
        """Return one line, with its numbers put in where the document shows numbers."""
        parts = self.equation_sides(block)
        return self.line(parts, self.words(block.beside), block.name)

    def equation_sides(self, block: Equation) -> list[str]:
        """Return the sides of a line as they are set, numbers included."""
        parts = line_sides(self.writer, block.formula)
        if block.value is None:
            return parts
        value = self.value(block.value)
        put_in = value if block.put is None else self._put_in(block)
        return [*parts, value] if put_in == value else [*parts, put_in, value]

    def value(self, value: Any) -> str:
        """Return a number, or an array of rows and columns, rounded to the document's digits."""
        if isinstance(value, float):
            return number_text(value, self.document.digits, self.form)
        rows = [list(row) if hasattr(row, "__len__") else [row] for row in value]
        if rows and not hasattr(value[0], "__len__"):
            rows = [[row[0] for row in rows]]  # biases: one row
        rows = elided(rows, dots=_DOTS_ROW, most=self.most)
        return self.form.matrix([[self._cell(cell) for cell in elided(row, most=self.most)] for row in rows])

    def _cell(self, cell: Any) -> str:
        return self.dots if cell is _DOTS else number_text(float(cell), self.document.digits, self.form)

    def _put_in(self, block: Equation) -> str:
        """Return the last side with numbers in place of symbols."""
        put = block.put
        assert put is not None

        def numbered(atom: Expr) -> str | None:
            return self.dots if atom == DOTS else self.value(put(atom))

        last = block.formula.sides[-1]
        return Writer(self.form, self.document.notation, put=numbered).write(write_out(last, most=self.most))

    def bulk(self, block: Bulk) -> Iterator[str]:
        """Yield all lines of a large family, from a template where its lines differ in subscripts alone."""
        template = family_template(block.lines, block.family, self.writer, depth=block.depth)
        if template is None:
            for target in block.lines.instances(block.family):
                step = block.lines.step(target)
                yield self.equation(Equation(Formula(sides(step, depth=block.depth), target), step.name))
            return
        yield from fill(self.line(template, "", ""), block.family, form=self.form.name)

    def block(self, block: Block) -> Iterator[str]:
        """Yield the text of one block."""
        match block:
            case Heading():
                yield self.heading(block)
            case Paragraph():
                yield self.paragraph(block)
            case Equation():
                yield self.equation(block)
            case Elision():
                yield self.elision(block)
            case Bulk():
                yield from self.bulk(block)
            case Written():
                yield self.line(block.sides, self.words(block.beside), "")
            case Room():
                yield self.blank(block)


_DOTS = object()
_DOTS_ROW = [_DOTS]


def elided(items: list[Any], *, dots: Any = _DOTS, most: float = TERMS_IN_NUMBERS) -> list[Any]:
    """Return items, the middle of more than `most` of them as dots."""
    return items if len(items) <= most else [*items[:2], dots, items[-1]]


def emit(emitter: Emitter) -> Iterator[str]:
    """Yield a Document's text piece by piece, so that its length is no limit; it starts with no empty line."""
    pieces = _pieces(emitter)
    for piece in pieces:
        if first := piece.lstrip("\n"):
            yield first
            break
    yield from pieces


def _pieces(emitter: Emitter) -> Iterator[str]:
    yield emitter.begin()
    for block in emitter.document.blocks:
        yield from emitter.block(block)
    yield emitter.end()


def number_text(value: float, digits: int, form: Form) -> str:
    """Return a number as a person writes it: so many significant digits, no needless zeros, a power of 10 far from 1.

    Example:
        >>> [number_text(value, 6, FORMS["latex"]) for value in (-0.25, 1e-9, -0.0)]
        ['-0.25', '10^{-9}', '0']
    """
    if value != value or value in (float("inf"), float("-inf")):
        infinite = {"text": "∞", "latex": r"\infty", "typst": "infinity"}[form.name]
        nan = {"text": "NaN", "latex": r"\mathrm{NaN}", "typst": '"NaN"'}[form.name]
        return nan if value != value else infinite if value > 0 else form.minus + infinite
    text = f"{value + 0.0:.{digits}g}"  # a zero with a sign is 0
    sign = form.minus if text.startswith("-") else ""
    text = text.lstrip("-")
    if "e" in text:
        mantissa, exponent = text.split("e")
        power = str(int(exponent))
        shown = {
            "text": f"{mantissa}e{power}",
            "latex": ("" if mantissa == "1" else mantissa + r" \times ") + f"10^{{{power}}}",
            "typst": ("" if mantissa == "1" else mantissa + " times ") + f"10^({power})",
        }
        text = shown[form.name]
    return sign + text
