"""Pieces of array code: a text with the index of each of its axes; what arrays are called and how they are laid out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.algebra import total
from chainrule.expr import (
    Add,
    Atom,
    Call,
    Dim,
    Div,
    Expr,
    Gather,
    Index,
    Iverson,
    Mul,
    Partial,
    Power,
    Ref,
    Sum,
    Symbol,
    Term,
)

Axes = tuple[Index, ...]

SUM, PRODUCT, SIGN, POWER, WHOLE = range(5)
"""How tightly a text holds together, as Python reads it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of array code.

    Attributes:
        text: the code.
        axes: the index of each axis of its value.
        holds: how tightly it holds together: SUM, PRODUCT, SIGN, POWER or WHOLE.
    """

    text: str
    axes: Axes = ()
    holds: int = WHOLE

    def at(self, least: int) -> str:
        """Return the text, in brackets where it would come apart."""
        return self.text if self.holds >= least else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Region:
    """The part of an array that a statement defines: along each axis one number, several, or None for all; from 1."""

    places: tuple[int | tuple[int, ...] | None, ...]

    @property
    def whole(self) -> bool:
        """Whether it is all of the array."""
        return all(place is None for place in self.places)


def stored(ref: Ref) -> tuple[Term, ...]:
    """Return the indices of a symbol in the order of its array's axes."""
    return tuple(reversed(ref.indices)) if turned(ref.symbol) else ref.indices


def stored_dims(symbol: Symbol) -> tuple[Dim, ...]:
    """Return the Dims of a symbol in the order of its array's axes."""
    return tuple(reversed(symbol.dims)) if turned(symbol) else symbol.dims


def turned(symbol: Symbol) -> bool:
    """Return whether a symbol's array is laid out the other way round: W[j, i] is w_ij."""
    return symbol.kind == "w" or (symbol.kind == "mask" and len(symbol.dims) == 2)


def array_name(atom: Atom) -> str:
    """Return what an atom's array is called in the code: W_2, Z_1, dW_2.

    Example:
        >>> from chainrule import Network
        >>> [array_name(s.target) for s in Network.read("2-3-1").derive(samples=None).program.statements][:4]
        ['Z_1', 'A_1', 'pred', 'loss']
    """
    if isinstance(atom, Partial):
        return f"d{array_name(atom.by)}"
    symbol = atom.symbol
    if symbol.layer is None:
        return "X" if symbol.kind == "x" else symbol.kind
    skips = symbol.kind == "w" and symbol.source != symbol.layer - 1
    name = symbol.kind if symbol.kind == "b" else symbol.kind.upper()
    return f"{name}_{symbol.layer}" + (f"_{symbol.source}" if skips else "")


class Opener:
    """Gives places in a Dim of one unit an index again, so that its axis stays."""

    def __init__(self, target: Ref) -> None:
        self.names = {dim: Index("u", dim) for dim in target.symbol.dims if dim.size == 1}

    def term(self, term: Term, dim: Dim) -> Term:
        return self.names.setdefault(dim, Index("u", dim)) if isinstance(term, int) and dim.size == 1 else term

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Ref(symbol, indices):
                return Ref(symbol, tuple(map(self.term, indices, symbol.dims)))
            case Partial(of, Ref(symbol, indices)):
                return Partial(of, Ref(symbol, tuple(map(self.term, indices, symbol.dims))))
            case Sum(index, body):
                return Sum(index, self.expr(body))
            case Add(terms):
                return Add(tuple(map(self.expr, terms)))
            case Mul(factors, dot):
                return Mul(tuple(map(self.expr, factors)), dot)
            case Div(above, below):
                return Div(self.expr(above), self.expr(below))
            case Power(base, exponent):
                return Power(self.expr(base), exponent)
            case Call(function, args, parameter):
                return Call(function, tuple(map(self.expr, args)), parameter)
            case Iverson(left, relation, right):
                return Iverson(self.expr(left), relation, self.expr(right))
            case Gather(function, index, body, at):
                return Gather(function, index, self.expr(body), at)
            case _:
                return expr


def rank(index: Index) -> int:
    """Return where an axis stands among others: samples first."""
    return 0 if index.dim.name == "samples" else 1


def shape_of(sizes: Sequence[str]) -> str:
    """Return a shape as it is written: (N, 3), (3,)."""
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def len_of(index: Index) -> int | None:
    """Return how many values an index takes, None for the open number of samples."""
    return len(index.values) if index.values is not None else index.dim.size


def index_of(term: Term) -> Index:
    """Return a term that is an index."""
    assert isinstance(term, Index), "a statement's target stands at indices and numbers"
    return term


def indices_of(term: Term) -> Iterable[Index]:
    """Return the indices that a term depends on."""
    if isinstance(term, Index):
        return (term,)
    return () if isinstance(term, int) else itertools.chain.from_iterable(map(indices_of, term.args))


def summed(sums: Iterable[Index], body: Expr) -> Expr:
    """Return Σ … Σ of a body."""
    for index in sums:
        body = total(index, body)
    return body


def number_code(value: Fraction | float) -> Code:
    """Return a number as code."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return Code(str(value.numerator), holds=WHOLE if value >= 0 else SIGN)
        return Code(f"{value.numerator} / {value.denominator}", holds=PRODUCT)
    return Code(repr(value), holds=WHOLE if value >= 0 else SIGN)
