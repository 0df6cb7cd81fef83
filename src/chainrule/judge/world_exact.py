"""A World's quantities with many digits, for what float64 cannot decide.

The same statements are evaluated entry by entry with mpmath, at the same points: the numbers that were drawn are binary
fractions, so they are the same exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

from chainrule.algebra import is_number
from chainrule.calculus import key
from chainrule.derive import Derivation, derive
from chainrule.errors import ProgramError
from chainrule.expr import (
    Add,
    Call,
    Delta,
    Div,
    Expr,
    Gather,
    Index,
    Iverson,
    Mul,
    Number,
    Partial,
    Position,
    Power,
    Ref,
    Size,
    Sum,
    Term,
)
from chainrule.rules import RULES
from chainrule.values.number import Reader
from chainrule.values.plan import symbol_key

if TYPE_CHECKING:
    from chainrule.judge.world import World

Binding = Mapping[Index, int]


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    each: Callable[..., Any] = np.frompyfunc(function, function.__code__.co_argcount, 1)
    return each


PRIMITIVES: Mapping[str, Callable[..., Any]] = {
    "exp": _each(lambda x: mpmath.exp(x)),
    "expm1": _each(lambda x: mpmath.expm1(x)),
    "log": _each(lambda x: mpmath.log(x)),
    "abs": _each(lambda x: abs(x)),
    "sign": _each(lambda x: mpmath.sign(x)),
    "max": _each(lambda a, b: max(a, b)),
    "min": _each(lambda a, b: min(a, b)),
    "sigmoid": _each(lambda x: 1 / (1 + mpmath.exp(-x))),
    "tanh": _each(lambda x: mpmath.tanh(x)),
    "softplus": _each(lambda x: mpmath.log1p(mpmath.exp(x))),
    "logcosh": _each(lambda x: mpmath.log(mpmath.cosh(x))),
    "normal_cdf": _each(lambda x: mpmath.ncdf(x)),
    "normal_pdf": _each(lambda x: mpmath.npdf(x)),
}
"""The elementary functions of `chainrule.values.numeric`, on arrays of mpmath's numbers."""


class Exact:
    """A World's quantities with many digits.

    Args:
        world: whose points these are.
        digits: how many digits are carried.
    """

    def __init__(self, world: World, digits: int) -> None:
        mpmath.mp.dps = max(mpmath.mp.dps, digits)
        self.world = world
        self._points = [_Point(world, point) for point in range(world.points)]

    def value(self, ref: Ref) -> list[Any]:
        """Return a symbol at its place, at each point."""
        return [point.ref(ref, {}) for point in self._points]

    def partial(self, of: Ref, by: Ref, *, total: bool = False) -> list[Any]:
        """Return ∂of/∂by at each point, in the sense of `World.partial`."""
        return [point.partial(of, by, total) for point in self._points]


class _Point:
    """One point, entry by entry."""

    def __init__(self, world: World, point: int) -> None:
        self.world = world
        self.store = world.stores[point]
        self.samples = world.samples
        self.given = {symbol_key(s) for s in (*world.program.parameters, *world.program.data)}
        self.memo: dict[Any, Any] = {}
        self.reader = Reader(world.derivation, self.store, self.samples)
        self.derived: dict[Ref, Derivation] = {}

    def ref(self, ref: Ref, at: Binding) -> Any:
        place = tuple(self._term(term, at) for term in ref.indices)
        symbol = ref.symbol
        if symbol.kind == "mask":
            return mpmath.mpf(symbol.support is None or place in symbol.support)
        fixed = Ref(symbol, place)
        if fixed in self.memo:
            return self.memo[fixed]
        if symbol_key(symbol) in self.given:
            found = mpmath.mpf(float(self.store[symbol_key(symbol)][tuple(i - 1 for i in place)]))
        else:
            found = self._defined(fixed, self.world.program.statements)
        self.memo[fixed] = found
        return found

    def _defined(self, fixed: Any, statements: Any) -> Any:
        for statement in statements:
            binding = _bound(statement.target, fixed)
            if binding is not None:
                return self.number(statement.expr, binding)
        raise ProgramError("used_before", read=str(fixed), target="")

    def partial(self, of: Ref, by: Ref, total: bool) -> Any:
        wanted = (of, by, total)
        if wanted not in self.memo:
            self.memo[wanted] = self._partial(of, by, total)
        return self.memo[wanted]

    def _partial(self, of: Ref, by: Ref, total: bool) -> Any:
        if of == by:
            return mpmath.mpf(1)
        if of.symbol == by.symbol:
            return mpmath.mpf(0)
        if of == self.world.root:
            return self._reverse(self.world.derivation, of, by)
        if not total:
            try:
                local = self.reader.local(Partial(of, by))
            except ProgramError:
                local = None
            if local is not None and not is_number(local, 0):
                return self.number(local, {})
        if of.symbol.kind not in ("z", "a", "pred"):
            return mpmath.mpf(0)
        if of not in self.derived:
            self.derived[of] = derive(self.world.program, of=of)
        return self._reverse(self.derived[of], of, by)

    def _reverse(self, derivation: Derivation, of: Ref, by: Ref) -> Any:
        """Return ∂of/∂by from the statements that define it."""
        fixed = Partial(of, by)
        if fixed in self.memo:
            return self.memo[fixed]
        if by.symbol not in derivation.of:
            return mpmath.mpf(0)
        support = by.symbol.support
        if support is not None and by.indices not in support:
            return mpmath.mpf(0)
        found: Any = mpmath.mpf(0)
        for family in derivation.families:
            binding = _bound(family.atom, by)
            if binding is not None:
                found = self.number(family.value(), binding)
                break
        self.memo[fixed] = found
        return found

    def number(self, expr: Expr, at: Binding) -> Any:
        match expr:
            case Number(value):
                if isinstance(value, float):
                    return mpmath.mpf(value)
                return mpmath.mpf(value.numerator) / value.denominator
            case Size(dim):
                return mpmath.mpf(self.samples if dim.size is None else dim.size)
            case Ref():
                return self.ref(expr, at)
            case Partial(of, by):
                here, there = self._fixed(of, at), self._fixed(by, at)
                if of == self.world.root or here in self.derived:
                    derivation = self.world.derivation if of == self.world.root else self.derived[here]
                    return self._reverse(derivation, here, there)
                return self.partial(here, there, False)
            case Sum(index, body):
                return mpmath.fsum(self.number(body, {**at, index: value}) for value in index.range())
            case Add(terms):
                return mpmath.fsum(self.number(term, at) for term in terms)
            case Mul(factors):
                product = mpmath.mpf(1)
                for factor in factors:
                    product *= self.number(factor, at)
                    if not product:
                        return product
                return product
            case Div(above, below):
                return self.number(above, at) / self.number(below, at)
            case Power(base, exponent):
                return self.number(base, at) ** exponent
            case Call(function, args, parameter):
                primitive = PRIMITIVES.get(function)
                if primitive is not None:
                    return primitive(*(self.number(arg, at) for arg in args))
                expand = RULES[function].value
                assert expand is not None, f"{function} has neither a value nor a primitive"
                return self.number(expand(*args, parameter=parameter), at)
            case Gather(function, index, body, place):
                grown = [mpmath.exp(self.number(body, {**at, index: value})) for value in index.range()]
                total = mpmath.fsum(grown)
                if place is None:
                    return mpmath.log(total)
                return grown[self._term(place, at) - 1] / total
            case Iverson(left, relation, right):
                a, b = self.number(left, at), self.number(right, at)
                return mpmath.mpf({"<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b, "=": a == b}[relation])
            case Position(term):
                return mpmath.mpf(self._term(term, at))
            case Delta(left, right):
                return mpmath.mpf(self._term(left, at) == self._term(right, at))
            case _:
                raise AssertionError(f"{type(expr).__name__} is no number: whole matrices are for writers only")

    def _fixed(self, atom: Any, at: Binding) -> Ref:
        assert isinstance(atom, Ref)
        return Ref(atom.symbol, tuple(self._term(term, at) for term in atom.indices))

    def _term(self, term: Term, at: Binding) -> int:
        if isinstance(term, int):
            return term
        if isinstance(term, Index):
            return term.only if term.only is not None and term not in at else at[term]
        return term.table.at(tuple(self._term(arg, at) for arg in term.args))[term.axis]


def _bound(target: Any, fixed: Ref) -> dict[Index, int] | None:
    """Return the values that a target's indices have at a place, or None where it does not define that place."""
    if not isinstance(target, Ref) or key(target) != key(fixed):
        return None
    found: dict[Index, int] = {}
    for mine, value in zip(target.indices, fixed.indices, strict=True):
        assert isinstance(value, int)
        if isinstance(mine, Index):
            if value not in mine.range():
                return None
            found[mine] = value
        elif mine != value:
            return None
    return found
