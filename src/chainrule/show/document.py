"""Derivation → Document: what stands on the page, in order, before any form is chosen.

A Document is headings, prose, equations, elisions and long runs of lines, with expressions still expressions. Every
form writes the same Document; so a sentence, a line or a number can never be in one form and missing from another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.algebra import rebuild, substitute, walk
from chainrule.derive import Family
from chainrule.expr import Add, Call, Div, Expr, Gather, Matrix, Partial, Ref, Sum, Symbol
from chainrule.notation import Notation
from chainrule.prose import sentence
from chainrule.selection import Elision
from chainrule.show.forms import tall
from chainrule.show.write import Writer
from chainrule.views import Lines, Step

if TYPE_CHECKING:
    from chainrule.network import Network


TERMS_IN_NUMBERS = 4
"""A sum of more terms than this is elided where its numbers are put in: the first two, …, the last."""

DOTS = Ref(Symbol("dots"))
"""Stands for the left out terms of a sum."""


@dataclass(frozen=True, slots=True)
class Formula:
    """Mathematics inside a line of words or on its own: one or more sides, and the target whose indices come first.

    Among words it may be followed by its number.
    """

    sides: tuple[Expr, ...]
    target: Ref | None = None
    number: float | None = None


Words = tuple["str | Formula", ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (the title) to 3."""

    level: int
    words: Words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words with formulas in them. A quiet one explains what follows and may be set smaller."""

    words: Words
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Equation:
    """One line: its formula; what stands beside it; the numbers put in; the step it shows.

    Attributes:
        formula: the sides.
        name: the plain name of the target, for anchors.
        beside: words to the right, such as a shape.
        put: the number of an atom, or the array of a whole matrix, where numbers are shown.
        value: the line's value, where numbers are shown: a number, or an array of rows and columns.
        opens: the lines that this one gathers, for forms that can fold them away.
    """

    formula: Formula
    name: str = ""
    beside: Words = ()
    put: Callable[[Expr], Any] | None = None
    value: Any = None
    opens: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True)
class Bulk:
    """All lines of one large family."""

    lines: Lines
    family: Family
    depth: str


@dataclass(frozen=True, slots=True)
class Written:
    """A line that is written already, in the mathematics of the form: its sides, and words to the right."""

    sides: tuple[str, ...]
    beside: Words = ()


@dataclass(frozen=True, slots=True)
class Room:
    """Room for an answer, so many lines high."""

    lines: int


Block = Heading | Paragraph | Equation | Elision | Bulk | Written | Room


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks in order, made as they are read, and how to spell them.

    Attributes:
        title: what it is about.
        blocks: what stands in it.
        notation: how symbols are spelled.
        lang: the language of the words.
        digits: significant digits of its numbers.
        network: the network, where all of it is shown.
        elides: whether the middle of long sums and large arrays of numbers is left out.
    """

    title: Words
    blocks: Iterable[Block]
    notation: Notation
    lang: str
    digits: int = 6
    network: Network | None = None
    elides: bool = True


def words(key: str, *, lang: str, **facts: object) -> Words:
    """Return a sentence as words; facts that are expressions or Formulas become formulas."""
    formulas = {name: fact for name, fact in facts.items() if not isinstance(fact, str | int | float)}
    marked = {name: f"\x02{name}\x02" if name in formulas else fact for name, fact in facts.items()}
    found: list[str | Formula] = []
    for position, part in enumerate(sentence(key, lang=lang, **marked).split("\x02")):
        if position % 2:
            fact = formulas[part]
            found.append(fact if isinstance(fact, Formula) else Formula((fact,)))  # type: ignore[arg-type]
        elif part:
            found.append(part)
    return tuple(found)


def sides(step: Step, *, depth: str = "shown") -> tuple[Expr, ...]:
    """Return the sides of a Step's line: the partial, its chain, its value; equal neighbours once."""
    last: tuple[Expr, ...]
    if depth == "both":
        last = (step.substituted, step.expanded)
    else:
        last = ({"shown": step.shown, "substituted": step.substituted, "expanded": step.expanded}[depth],)
    found: list[Expr] = [step.partial]
    for side in (step.chain, *last):
        if side != found[-1]:
            found.append(side)
    return tuple(found)


def line_sides(writer: Writer, formula: Formula) -> list[str]:
    """Return a formula's sides as they are written.

    Where a partial is directly a sum, ∂loss/∂pred = (pred − true), the sum keeps its brackets: it is a unit in every
    later line.
    """
    parts = writer.line(formula.sides, formula.target)
    first, last = formula.sides[0], formula.sides[-1]
    direct = len(parts) == 2 and isinstance(first, Partial) and isinstance(last, Add)
    if direct and not any(isinstance(term, Partial) for term in walk(last)):
        parts[-1] = writer.form.bracket(parts[-1], tall(parts[-1]))
    return parts


def by_exponentials(gather: Gather) -> Expr:
    """Return softmax as e^b/Σ e^b, and log-sum-exp as log Σ e^b."""
    total = Sum(gather.index, Call("exp", (gather.body,)))
    if gather.at is None:
        return Call("log", (total,))
    return Div(Call("exp", (substitute(gather.body, {gather.index: gather.at}),)), total)


def write_out(expr: Expr, *, most: float = TERMS_IN_NUMBERS) -> Expr:
    """Return expr with its sums written out, the middle of those of more than `most` terms left out as ⋯."""
    if isinstance(expr, Sum):
        values = list(expr.index.range())
        keep = values if len(values) <= most else [values[0], values[1], values[-1]]
        terms = [write_out(substitute(expr.body, {expr.index: value}), most=most) for value in keep]
        if len(keep) < len(values):
            terms.insert(2, DOTS)
        return Add(tuple(terms)) if len(terms) > 1 else terms[0]
    if isinstance(expr, Gather) and not isinstance(expr.body, Matrix):
        return write_out(by_exponentials(expr), most=most)
    return rebuild(expr, lambda part: write_out(part, most=most))
