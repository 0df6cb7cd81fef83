"""The number of one expression, as a line shows it: atoms are looked up, sums are added, nothing is differentiated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.algebra import delta, mul, replace_atoms, substitute, walk
from chainrule.calculus import key
from chainrule.calculus import terms as atom_terms
from chainrule.derive import Derivation, Link
from chainrule.errors import ProgramError
from chainrule.expr import (
    ONE,
    ZERO,
    Add,
    Atom,
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
from chainrule.notation import plain
from chainrule.rules import RULES
from chainrule.values.contract import Store
from chainrule.values.numeric import GATHERS, PRIMITIVES
from chainrule.values.plan import Planner, array_key
from chainrule.views import bound

MANY = 32
"""A Σ over more values than this is added up by NumPy."""

Binding = Mapping[Index, int]


class Reader:
    """Reads expressions against the arrays of an evaluation.

    Args:
        derivation: gives the local derivatives ∂q/∂s.
        store: the arrays, by `chainrule.values.plan.key`.
        samples: the number of samples, for expressions that leave it open.
    """

    def __init__(self, derivation: Derivation, store: Store, samples: int) -> None:
        self.derivation = derivation
        self.root = derivation.source.root
        self.store = store
        self.samples = samples

    def number(self, expr: Expr) -> float:
        """Return the number of an expression whose indices are all fixed or summed."""
        with np.errstate(all="ignore"):
            return float(self._number(expr, {}))

    def _number(self, expr: Expr, at: Binding) -> Any:
        match expr:
            case Number(value):
                return float(value)
            case Size(dim):
                return float(self.samples if dim.size is None else dim.size)
            case Ref():
                return self._ref(expr, at)
            case Partial():
                return self._partial(expr, at)
            case Sum(index, body):
                values = range(1, self.samples + 1) if index.dim.size is None else index.range()
                if len(values) > MANY and self._plannable(expr):
                    return self._planned(expr, at)
                return math.fsum(float(self._number(body, {**at, index: value})) for value in values)
            case Add(terms):
                return sum(self._number(term, at) for term in terms)
            case Mul(factors):
                return self._product(factors, at)
            case Div(above, below):
                return np.divide(self._number(above, at), self._number(below, at))
            case Power(base, exponent):
                return self._number(base, at) ** exponent
            case Call(function, args, parameter):
                primitive = PRIMITIVES.get(function)
                if primitive is not None:
                    return primitive(*(np.float64(self._number(arg, at)) for arg in args))
                expand = RULES[function].value
                assert expand is not None, f"{function} has neither a value nor a primitive"
                return self._number(expand(*args, parameter=parameter), at)
            case Gather(function, index, body, place):
                vector = np.array([self._number(body, {**at, index: value}) for value in index.range()])
                result = GATHERS[function](vector)
                return result if place is None else result[self._term(place, at) - 1]
            case Iverson(left, relation, right):
                a, b = self._number(left, at), self._number(right, at)
                return float({"<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b, "=": a == b}[relation])
            case Position(term):
                return float(self._term(term, at))
            case Delta(left, right):
                return float(self._term(left, at) == self._term(right, at))
            case _:
                raise AssertionError(f"{type(expr).__name__} is no number: whole matrices are for writers only")

    def _product(self, factors: tuple[Expr, ...], at: Binding) -> Any:
        """Return a product; 0 · log 0 is 0, as in a cross-entropy."""
        product: Any = 1.0
        for factor in sorted(factors, key=lambda f: isinstance(f, Call) and f.function == "log"):
            if product == 0 and isinstance(factor, Call) and factor.function == "log":
                return 0.0
            product = product * self._number(factor, at)
        return product

    def _term(self, term: Term, at: Binding) -> int:
        if isinstance(term, int):
            return term
        if isinstance(term, Index):
            return at[term]
        return term.table.at(tuple(self._term(arg, at) for arg in term.args))[term.axis]

    def _ref(self, ref: Ref, at: Binding) -> float:
        place = tuple(self._term(term, at) for term in ref.indices)
        if ref.symbol.kind == "mask":
            return float(ref.symbol.support is None or place in ref.symbol.support)
        return float(self.store[array_key(ref)][tuple(part - 1 for part in place)])

    def _partial(self, partial: Partial, at: Binding) -> Any:
        if partial.of == self.root and array_key(partial) in self.store:
            by = partial.by
            assert isinstance(by, Ref)
            return float(self.store[array_key(partial)][tuple(self._term(term, at) - 1 for term in by.indices)])
        return self._number(self.local(partial), at)

    def _plannable(self, expr: Expr) -> bool:
        return not any(isinstance(node, Sum) and node.index.dim.size is None for node in walk(expr))

    def _planned(self, expr: Expr, at: Binding) -> float:
        fixed = substitute(expr, dict(at))

        def put_in(atom: Atom) -> Expr:
            return atom if isinstance(atom, Ref) or atom.of == self.root else self.local(atom)

        return float(Planner().plan(replace_atoms(fixed, put_in)).run(self.store))

    def local(self, partial: Partial) -> Expr:
        """Return the value of ∂q/∂s where the statement of q reads s itself: the Derivation's Link.

        Raises:
            ProgramError: where q is not computed from s at once.
        """
        q, s = partial.of, partial.by
        if q == s:
            return ONE
        if key(q) == key(s):
            pairs = zip(atom_terms(q), atom_terms(s), strict=True)
            return mul(*(delta(left, right) for left, right in pairs))
        known = False
        for family in self.derivation.families:
            if array_key(family.target) != array_key(s):
                continue
            for link in family.links:
                if array_key(link.consumer) != array_key(q):
                    continue
                known = True
                found = _at(link, family.target, q, s)
                if found is not None:
                    return found
        if not known:
            raise ProgramError("not_direct", of=plain(q), by=plain(s))
        return ZERO


def _at(link: Link, target: Ref, q: Atom, s: Atom) -> Expr | None:
    """Return a link's local derivative between q and s, or None where the link is not between these."""
    moves: dict[Index, Term] = {}
    for mine, term in zip(target.indices, atom_terms(s), strict=True):
        if not isinstance(mine, Index):
            if mine != term:
                return None
        elif isinstance(term, int) and term not in (mine.values or (term,)):
            return None
        else:
            moves[mine] = term
    here = bound(link, moves)
    fixed: dict[Index, Term] = {}
    for mine, term in zip(atom_terms(here.consumer), atom_terms(q), strict=True):
        if isinstance(mine, Index) and mine in here.sums:
            if isinstance(term, int) and term not in (mine.values or (term,)):
                return None
            fixed[mine] = term
        elif mine != term and not _same(mine, term):
            return None
    return substitute(here.local, fixed)


def _same(left: Term, right: Term) -> bool:
    """Return whether two indices are the same but for how many samples there are."""
    return isinstance(left, Index) and isinstance(right, Index) and left.name == right.name
