"""Expressions → strings: one walk, and a table of how each form sets a fraction, a sum, a symbol.

Brackets are decided here, once, by precedence, for every form. A Form is only a row of small functions and marks; a
Notation says how symbols are spelled. What is to stand in an atom's place — its symbol, its number, a hole in a
template — is a parameter, so that symbols, numbers and templates cannot differ in structure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.algebra import free, mul, substitute, walk
from chainrule.expr import (
    Add,
    Atom,
    Call,
    Delta,
    Div,
    Expr,
    Gather,
    Hadamard,
    Index,
    Iverson,
    Matrix,
    Mul,
    Number,
    Ones,
    Partial,
    Position,
    Power,
    Product,
    Ref,
    RowSum,
    Size,
    Sum,
    Term,
    Transpose,
)
from chainrule.notation import SLOT, Notation, Spelled
from chainrule.rules import RULES
from chainrule.show.forms import Form, tall

ADD, MUL, UNARY, POWER, ATOM = range(5)


Put = Callable[[Expr], "str | None"]
"""What stands in the place of an atom or of a whole matrix; None for its symbol."""


class Writer:
    """Writes expressions in a form and a notation.

    Example:
        >>> from chainrule.expr import Symbol
        >>> from chainrule.notation import load
        >>> from chainrule.show.forms import TEXT
        >>> p, t = Ref(Symbol("pred")), Ref(Symbol("true"))
        >>> Writer(TEXT, load("seed")).write(Mul((Add((p, t)), p)))
        '(pred + true) · pred'
    """

    def __init__(self, form: Form, notation: Notation, *, put: Put | None = None) -> None:
        self.form = form
        self.notation = notation
        self.put = put

    def line(self, sides: Sequence[Expr], target: Ref | None = None) -> list[str]:
        """Return the sides of one line, their indices spelled alike: free ones first, then bound ones as read."""
        own: Iterable[Index] = () if target is None else (t for t in target.indices if isinstance(t, Index))
        names = self._letters(own, sides)
        return [self.write(rename(side, names)) for side in sides]

    def _letters(self, own: Iterable[Index], sides: Sequence[Expr]) -> dict[Index, str]:
        """Return the letter of every index in a line."""
        names: dict[Index, str] = {}
        letters = dict(zip(("i", "j"), self.notation.free, strict=False))
        loose = dict.fromkeys(own)
        for side in sides:
            loose.update(free(side))
        taken: set[str] = set()
        for index in loose:
            if index.name.startswith(SLOT):
                names[index] = index.name
                continue
            sampled = index.dim.name == "samples"
            names[index] = self.notation.sample if sampled else letters.get(index.name, index.name)
            taken.add(names[index])
        # When the letters are used up, they come again with primes.
        primed = (letter + "'" * round_ for round_ in itertools.count() for letter in self.notation.bound)
        bound_letters = (letter for letter in primed if letter not in taken)
        for side in sides:
            for node in walk(side):
                if isinstance(node, Sum | Gather) and node.index not in names:
                    sampled = node.index.dim.name == "samples"
                    names[node.index] = self.notation.sample if sampled else next(bound_letters)
        return names

    def write(self, expr: Expr) -> str:
        """Return one expression, its indices under the names that they have."""
        return self._write(expr)[0]

    def _at(self, expr: Expr, least: int) -> str:
        """Return expr, in brackets where it binds less tightly than `least`."""
        text, level = self._write(expr)
        return text if level >= least else self.form.bracket(text, tall(text))

    def _write(self, expr: Expr) -> tuple[str, int]:
        form = self.form
        match expr:
            case Ref() | Partial():
                return self._atom(expr)
            case Number(value, name):
                return self._number(value, name)
            case Size() if self.put is not None and (text := self.put(expr)) is not None:
                return text, ATOM
            case Size():
                return form.paint("index", "N"), ATOM
            case Add(terms):
                return self._add(terms), ADD
            case Mul(factors, dot):
                return self._mul(factors, dot)
            case Div(above, below):
                return self._fraction(above, below)
            case Power(base, exponent):
                text, level = self._write(base)
                bare = level == ATOM and isinstance(base, Call | Number)
                return form.power(text if bare else form.bracket(text, tall(text)), exponent), POWER
            case Sum(index, body):
                high = "" if index.values or index.dim.size is None else str(index.dim.size)
                if index.dim.name == "samples" and index.dim.size is None:
                    high = "N"
                low = "1"
                return form.summation(index.name, low, high) + self._at(body, MUL), ADD
            case Call():
                return self._call(expr)
            case Gather():
                return self._gather(expr)
            case Iverson(left, relation, right):
                inner = f"{self.write(left)} {form.relation(relation)} {self.write(right)}"
                return ("\\[" + inner + "\\]" if form.name == "typst" else f"[{inner}]"), ATOM
            case Position(term):
                return self._term(term), ATOM
            case Matrix() | Transpose() | Product() | Hadamard() | RowSum() | Ones():
                return self._matrix(expr)
            case Delta(left, right):
                return form.delta(f"{self._term(left)}{self._term(right)}"), ATOM
        raise AssertionError(expr)

    def _term(self, term: Term) -> str:
        return self.notation.term(term, 0)

    def _atom(self, atom: Atom) -> tuple[str, int]:
        if self.put is not None and (text := self.put(atom)) is not None:
            return text, UNARY if text.startswith(self.form.minus) else ATOM
        if isinstance(atom, Ref):
            text = self.form.symbol(self.notation.spell(atom, self.form.name))
            return self.form.paint(atom.symbol.kind, text), ATOM
        if isinstance(atom.by, Ref) and isinstance(atom.of, Ref) and atom.of.symbol.kind == "loss":
            spelled = self.notation.spell_adjoint(atom.by, self.form.name)
            if spelled is not None:
                return self.form.paint("partial", self.form.symbol(spelled)), ATOM
        of, by = self.write(atom.of), self.write(atom.by)
        return self.form.paint("partial", self.form.partial(of, by)), ATOM

    def _number(self, value: Fraction | float, name: str) -> tuple[str, int]:
        if name:
            return self.form.named[name], ATOM
        if isinstance(value, Fraction):
            if value.denominator == 1:
                text = str(abs(value.numerator))
            else:
                text = self.form.fraction(str(abs(value.numerator)), str(value.denominator))
        else:
            text = repr(abs(value))
        if value < 0:
            return self.form.minus + text, UNARY
        plain_fraction = isinstance(value, Fraction) and value.denominator != 1 and not self.form.fraction_is_atom
        return text, MUL if plain_fraction else ATOM

    def _add(self, terms: tuple[Expr, ...]) -> str:
        parts: list[str] = []
        for position, term in enumerate(terms):
            last = position == len(terms) - 1
            negative, rest = _signed(term)
            # A Σ reaches to the end of its product; what follows it in a sum would seem to belong to it.
            bound = isinstance(rest, Sum) and not last
            if position and not isinstance(rest, Sum):
                text = self._after(rest)
            else:
                text = self._at(rest, UNARY if bound else ADD if isinstance(rest, Sum) else MUL)
            if position == 0:
                parts.append(self.form.minus + text if negative else text)
            else:
                parts.append(f" {self.form.minus} {text}" if negative else f" + {text}")
        return "".join(parts)

    def _mul(self, factors: tuple[Expr, ...], dot: bool) -> tuple[str, int]:
        form = self.form
        negative, rest = _signed(Mul(factors, dot))
        if negative:
            return self.form.minus + self._at(rest, MUL), ADD
        texts: list[str] = []
        for position, factor in enumerate(factors):
            if isinstance(factor, Sum) and position == len(factors) - 1:
                texts.append(self._write(factor)[0])
            else:
                texts.append(self._after(factor) if position else self._at(factor, MUL))
        # Led by a negative number that was put in, it needs brackets wherever something stands before it.
        level = UNARY if _visible(texts[0]).startswith(self.form.minus) else MUL
        if dot:
            return self.form.dot.join(texts), level
        joined = texts[0]
        for before, factor, text in zip(texts, factors[1:], texts[1:], strict=False):
            number_put_in = self.put is not None and isinstance(factor, Ref | Partial)
            joined += (form.dot if number_put_in else self._between(before, text)) + text
        return joined, level

    def _after(self, expr: Expr) -> str:
        """Return expr as it stands behind another factor or term: in brackets where it starts with a minus."""
        text, level = self._write(expr)
        return self.form.bracket(text, tall(text)) if level in (ADD, UNARY) else text

    def _between(self, before: str, text: str) -> str:
        """Return what stands between factors: nothing before a bracket, a dot before a number, else a space."""
        head = _visible(text)
        if head[:1].isdigit() or (before[:1].isdigit() and "/" in before):
            return self.form.dot
        if head.startswith(("[", "\\[")):
            return self.form.dot  # true[…] would look like one sample of true
        if head.startswith(("(", "\\left(", "lr(")) and self.form.name != "typst":
            return ""
        if self.form.name == "latex" and before[-1:].isalpha() and head[:1].isalpha():
            return r" \, "  # two words, true and pred, would be set as one
        return " "

    def _matrix(self, expr: Expr) -> tuple[str, int]:
        form = self.form
        match expr:
            case Matrix() if self.put is not None and (text := self.put(expr)) is not None:
                return text, ATOM
            case Matrix(symbol, of, columns):
                name = form.symbol(self.notation.spell_matrix(symbol, form.name))
                if of is not None:
                    known = self.notation.spell_matrix_adjoint(symbol, form.name) if of.kind == "loss" else None
                    above = form.symbol(self.notation.spell_matrix(of, form.name))
                    name = form.partial(above, name) if known is None else form.symbol(known)
                kind = symbol.kind if of is None else "partial"
                if columns is not None:
                    name += form.columns(", ".join(map(str, columns)))
                return form.paint(kind, name), ATOM
            case Transpose(matrix):
                text = self._at(matrix, ATOM)
                return form.transpose(form.bracket(text, False) if "^" in text else text), POWER
            case Product(left, right):
                # ⊙ inside a matrix product is bracketed, as a matrix product inside ⊙ is: the two have no settled
                # order.
                sides = [self._at(side, POWER if isinstance(side, Hadamard) else MUL) for side in (left, right)]
                return form.dot.join(sides), MUL
            case Hadamard(factors):
                parts = [self._at(f, POWER if isinstance(f, Product) else MUL) for f in factors]
                return form.hadamard.join(parts), MUL
            case RowSum(matrix):
                return form.call(form.rowsum, self.write(matrix)), ATOM
            case _:
                return form.ones, ATOM

    def _fraction(self, above: Expr, below: Expr) -> tuple[str, int]:
        negative, rest = _signed(above)
        if self.form.fraction_is_atom:
            text = self.form.fraction(self.write(rest), self.write(below))
            return (self.form.minus + text, ADD) if negative else (text, ATOM)
        text = self.form.fraction(self._at(rest, POWER), self._at(below, POWER))
        return (self.form.minus + text, ADD) if negative else (text, MUL)

    def _call(self, call: Call) -> tuple[str, int]:
        form = self.form
        row = RULES[call.function]
        if row.name == "exp":
            return form.exponential(self.write(call.args[0])), POWER
        if row.name == "expm1":
            return f"{form.exponential(self.write(call.args[0]))} {form.minus} 1", ADD
        if row.name == "abs":
            return form.absolute(self.write(call.args[0])), ATOM
        if row.value is not None and row.text == "E":  # a loss is written by its value
            return self._write(row.value(*call.args, parameter=call.parameter))
        head = {"text": row.text, "latex": row.latex, "typst": row.typst}[form.name]
        return form.call(head, ", ".join(map(self.write, call.args))), ATOM

    def _gather(self, gather: Gather) -> tuple[str, int]:
        form = self.form
        if gather.function == "softmax" and isinstance(gather.body, Ref) and gather.at is not None:
            row = RULES["softmax"]
            head = {"text": row.text, "latex": row.latex, "typst": row.typst}[form.name]
            vector = self.notation.spell(gather.body, form.name)
            whole = form.paint(gather.body.symbol.kind, form.symbol(replace(vector, sub="")))
            return form.symbol(Spelled(form.call(head, whole), self.notation.subscripts((gather.at,), 0))), ATOM
        if gather.function == "softmax" and isinstance(gather.body, Matrix):
            row = RULES["softmax"]
            return form.call(
                {"text": row.text, "latex": row.latex, "typst": row.typst}[form.name], self.write(gather.body)
            ), ATOM
        inner = form.exponential(self.write(gather.body))
        high = "" if gather.index.values or gather.index.dim.size is None else str(gather.index.dim.size)
        total = form.summation(gather.index.name, "1", high) + inner
        if gather.at is None:
            return form.call({"text": "log", "latex": r"\log", "typst": "log"}[form.name], total), ATOM
        above = form.exponential(self.write(substitute(gather.body, {gather.index: gather.at})))
        text = form.fraction(above, total if form.fraction_is_atom else form.bracket(total, False))
        return text, ATOM if form.fraction_is_atom else MUL


def _signed(expr: Expr) -> tuple[bool, Expr]:
    """Return whether expr is written with a minus in front, and what follows the minus."""
    if isinstance(expr, Number) and not expr.name and expr.value < 0:
        return True, replace(expr, value=-expr.value)
    if isinstance(expr, Mul):
        negative, first = _signed(expr.factors[0])
        if negative:
            return True, mul(first, *expr.factors[1:], dot=expr.dot)
    if isinstance(expr, Div):
        negative, above = _signed(expr.above)
        if negative:
            return True, Div(above, expr.below)
    return False, expr


def _visible(text: str) -> str:
    """Return text without the escape sequences that colour it."""
    while text.startswith("\x1b["):
        text = text[text.index("m") + 1 :]
    return text


def rename(expr: Expr, names: dict[Index, str]) -> Expr:
    """Return expr with every index, free or bound, under its letter."""
    fresh = {index: replace(index, name=name) for index, name in names.items() if index.name != name}
    if not fresh:
        return expr
    # Two rounds through names that nothing has, so that no letter captures another on its way.
    aside = {index: replace(index, name=f"\x01{position}") for position, index in enumerate(fresh)}
    back = {aside[index]: new for index, new in fresh.items()}
    return _rename(_rename(expr, aside), back)


def _rename(expr: Expr, moves: dict[Index, Index]) -> Expr:
    def bound(node: Expr) -> Expr:
        match node:
            case Sum(index, body):
                return Sum(moves.get(index, index), bound(body))
            case Gather(function, index, body, at):
                place = moves.get(at, at) if isinstance(at, Index) else at
                return Gather(function, moves.get(index, index), bound(body), place)
            case Add(terms):
                return Add(tuple(map(bound, terms)))
            case Mul(factors, dot):
                return Mul(tuple(map(bound, factors)), dot)
            case Div(above, below):
                return Div(bound(above), bound(below))
            case Power(base, exponent):
                return Power(bound(base), exponent)
            case Call(function, args, parameter):
                return Call(function, tuple(map(bound, args)), parameter)
            case Iverson(left, relation, right):
                return Iverson(bound(left), relation, bound(right))
            case _:
                return substitute(node, dict(moves))

    return bound(expr)
