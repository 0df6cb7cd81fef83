"""Index notation → NumPy: each statement becomes a plan, made once and run often.

Products under Σ are contracted pair by pair (`chainrule.values.contract`). A Kronecker δ fixes an index where it can;
one that reads a Table, as tied weights do, gathers forward and scatter-adds backward.

Nothing is differentiated, no shape is decided and no symbol is spelled here. Running a plan needs `np.errstate`
around it: IEEE's inf and nan are results, not warnings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from chainrule.algebra import add, free, mul, number, opened, substitute, term_indices, total, walk
from chainrule.derive import owner
from chainrule.expr import (
    Add,
    Atom,
    Call,
    Delta,
    Div,
    Expr,
    Gather,
    Index,
    Iverson,
    Lookup,
    Mul,
    Number,
    Partial,
    Position,
    Power,
    Ref,
    Size,
    Sum,
    Symbol,
    Term,
)
from chainrule.program import Program, Statement
from chainrule.rules import RULES
from chainrule.values.contract import LANE, Array, Key, Plan, Run, Store, aligned, contract, fold, power, together
from chainrule.values.numeric import GATHERS, PRIMITIVES, compared, weighted_log
from chainrule.values.terms import covers, places, reader, term_plan, values_of


def array_key(atom: Atom) -> Key:
    """Return what an atom's array is stored under: its symbol's name; for a partial, also what is differentiated."""
    if isinstance(atom, Ref):
        return symbol_key(atom.symbol)
    return (atom.of, array_key(atom.by))


def symbol_key(symbol: Symbol) -> Key:
    """Return what a symbol's array is stored under; the same for any number of samples."""
    return (symbol.kind, symbol.layer, symbol.source)


def shape(symbol: Symbol) -> tuple[int, ...]:
    """Return the sizes of a symbol's axes; every Dim's size must be known."""
    return tuple(dim.size if dim.size is not None else 0 for dim in symbol.dims)


def support(symbol: Symbol) -> Array:
    """Return 1.0 where a symbol's support is, 0.0 elsewhere."""
    if symbol.support is None:
        return np.ones(shape(symbol))
    places = np.zeros(shape(symbol))
    if symbol.support:
        places[tuple(np.array(sorted(symbol.support)).T - 1)] = 1.0
    return places


def compile_program(program: Program, *, laned: Collection[Key] = ()) -> list[tuple[Key, Run]]:
    """Return for each statement the key that it assigns and the function that does, in order.

    Args:
        program: its Dims must have known sizes.
        laned: the keys whose arrays have the LANE axis.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.program import build
        >>> steps = compile_program(build(Network.read("1-1")))
        >>> store = {("x", None, None): np.array([[2.0]]), ("true", None, None): np.array([[5.0]])}
        >>> store["w", 1, 0] = np.array([[3.0]])
        >>> for _, step in steps:
        ...     step(store)
        >>> store["pred", None, None], store["loss", None, None]
        (array([[6.]]), array(0.5))
    """
    planner = Planner(laned)
    return [(array_key(statement.target), planner.assignment(statement)) for statement in program.statements]


class Planner:
    """Makes plans. Those made by one Planner agree on which symbols have the LANE axis."""

    def __init__(self, laned: Collection[Key] = ()) -> None:
        self.laned = laned
        self._masks: dict[Symbol, Array] = {}
        self._begun: set[Key] = set()

    # Statements

    def assignment(self, statement: Statement) -> Run:
        """Return the function that computes a statement and stores it: a whole array, or its part of one."""
        target = owner(statement.target)
        own, symbol = array_key(statement.target), target.symbol
        lane = own in self.laned
        axes = ((LANE,) if lane else ()) + tuple(term for term in target.indices if isinstance(term, Index))
        value = aligned(self.plan(statement.expr), axes)
        sizes = shape(symbol)
        gate = support(symbol) if isinstance(statement.target, Partial) and symbol.support is not None else None
        whole = all(covers(term, dim) for term, dim in zip(target.indices, symbol.dims, strict=True))
        region: tuple[Any, ...] = ()
        if not whole:
            region = np.ix_(*(np.array(values_of(term)) - 1 for term in target.indices))
        part = tuple(len(values_of(term)) for term in target.indices)
        first = own not in self._begun  # of several statements that define parts, the first one makes the array
        self._begun.add(own)

        def assign(store: Store) -> None:
            array = np.asarray(value(store))
            lanes = (int(store[LANE][0]),) if lane else ()
            full, mine = lanes + sizes, lanes + part
            array = np.broadcast_to(array, lanes + tuple(map(len, axes[len(lanes) :]))).reshape(mine)
            if gate is not None:
                array = array * gate[region] if region else array * gate
            if whole:
                store[own] = array
                return
            if first:
                store[own] = np.zeros(full, dtype=np.complex128 if lane else array.dtype)
            store[own][(..., *region)] = array

        return assign

    # Expressions

    def plan(self, expr: Expr) -> Plan:
        """Return the plan of an expression."""
        match expr:
            case Number(value):
                constant = float(value)
                return Plan((), lambda _: constant, fresh=False)
            case Size(dim):
                assert dim.size is not None, f"{dim.name} has no fixed size"
                count = float(dim.size)
                return Plan((), lambda _: count, fresh=False)
            case Ref() | Partial():
                return self._atom(expr)
            case Sum() | Mul():
                return self._product(*opened(expr))
            case Add(terms):
                return self._sum(terms)
            case Div(above, below):
                return together(np.divide, [self.plan(above), self.plan(below)])
            case Power(base, exponent):
                return power(self.plan(base), exponent)
            case Call():
                return self._call(expr)
            case Gather():
                return self._gather(expr)
            case Iverson(left, relation, right):
                compare = _RELATIONS[relation]
                return together(
                    lambda a, b: np.asarray(compare(compared(a), compared(b)), dtype=np.float64),
                    [self.plan(left), self.plan(right)],
                )
            case Position(term):
                return term_plan(term)
            case Delta(left, right):
                return together(
                    lambda a, b: np.asarray(np.equal(a, b), dtype=np.float64), [term_plan(left), term_plan(right)]
                )
            case _:
                raise AssertionError(f"no plan for {type(expr).__name__}: whole matrices are for writers only")

    def _atom(self, atom: Atom) -> Plan:
        ref = owner(atom)
        if ref.symbol.kind == "mask":
            if ref.symbol not in self._masks:
                self._masks[ref.symbol] = support(ref.symbol)
            array = self._masks[ref.symbol]
            read, axes = reader(ref.indices, 0)
            return Plan(axes, lambda _: read(array), fresh=False)
        own = array_key(atom)
        lanes = 1 if own in self.laned else 0
        read, axes = reader(ref.indices, lanes)
        return Plan((LANE,) * lanes + axes, lambda store: read(store[own]), fresh=False)

    def _sum(self, terms: tuple[Expr, ...]) -> Plan:
        """Plan a sum of terms; a term that is −1 times something is subtracted."""
        signed = [_signed(term) for term in terms]
        signed.sort(key=lambda pair: not pair[0])  # stable: the first one that is added leads
        plans = [self.plan(term) for _, term in signed]
        operations = [np.add if plus else np.subtract for plus, _ in signed]
        lead = plans[0] if signed[0][0] else together(np.negative, plans[:1])
        return fold([lead, *plans[1:]], operations[1:])

    def _call(self, call: Call) -> Plan:
        function = PRIMITIVES.get(call.function)
        if function is not None:
            return together(function, [self.plan(arg) for arg in call.args])
        row = RULES[call.function]
        assert row.value is not None, f"{call.function} has neither a value nor a primitive"
        return self.plan(row.value(*call.args, parameter=call.parameter))

    def _gather(self, gather: Gather) -> Plan:
        """Plan softmax or log-sum-exp: over the last axis, then read at its place."""
        body = self.plan(gather.body)
        others = tuple(axis for axis in body.axes if axis != gather.index)
        vector = aligned(body, (*others, gather.index))
        function, size = GATHERS[gather.function], len(gather.index)

        def run(store: Store) -> Array:
            array = np.asarray(vector(store))
            return function(np.broadcast_to(array, (*array.shape[:-1], size)))

        if gather.at is None:
            return Plan(others, run)
        at = gather.at
        if isinstance(at, Index) and at.values is None and at not in others:
            return Plan((*others, at), run)
        lanes = others[:1].count(LANE)
        read, axes = reader((*others[lanes:], at), lanes)
        return Plan(others[:lanes] + axes, lambda store: read(run(store)))

    # Products under Σ

    def _product(self, sums: list[Index], factors: list[Expr]) -> Plan:
        """Plan Σ…Σ of a product."""
        for position, factor in enumerate(factors):
            if isinstance(factor, Add) and must_open(factor, sums):
                rest = factors[:position], factors[position + 1 :]
                return self.plan(add(*(_summed(sums, mul(*rest[0], term, *rest[1])) for term in factor.terms)))
        for factor in factors:
            if isinstance(factor, Delta) and (fixed := contracted(factor, sums)) is not None:
                index, other = fixed
                kept = [f for f in factors if f is not factor]
                body = mul(*(substitute(f, {index: other}) for f in kept))
                return self.plan(_summed([s for s in sums if s != index], body))
        scattered = _scattered(sums, factors)
        if scattered:
            return self._scatter(sums, factors, scattered)
        coefficient = math.prod(float(f.value) for f in factors if isinstance(f, Number))
        plans = self._with_logs([f for f in factors if not isinstance(f, Number)])
        for index in sums:
            if not any(index in plan.axes for plan in plans):
                coefficient *= len(index)
        found = contract(plans, [s for s in sums if any(s in plan.axes for plan in plans)])
        if coefficient == 1:
            return found
        constant = Plan((), lambda _: coefficient, fresh=False)
        return fold([found, constant], [np.multiply]) if plans else constant

    def _with_logs(self, factors: list[Expr]) -> list[Plan]:
        """Return the plans of factors, a logarithm taken together with those that weigh it."""
        logs = [f for f in factors if isinstance(f, Call) and f.function == "log"]
        plans = [self.plan(f) for f in factors if f not in logs]
        for log in logs:
            inner = self.plan(log.args[0])
            mine = [plan for plan in plans if set(plan.axes) <= set(inner.axes)]
            plans = [plan for plan in plans if plan not in mine]
            weight = fold(mine, [np.multiply] * (len(mine) - 1)) if mine else Plan((), lambda _: 1.0, fresh=False)
            plans.append(together(weighted_log, [weight, inner]))
        return plans

    def _scatter(self, sums: list[Index], factors: list[Expr], deltas: list[tuple[Delta, Term, Index]]) -> Plan:
        """Plan Σ … δ(from a Table, k): the rest at each place of the Table's arguments, added up where they lead to."""
        inside = list(dict.fromkeys(i for _, term, _ in deltas for i in term_indices(term)))
        kept = [f for f in factors if not any(f is d for d, _, _ in deltas)]
        body = self._product([s for s in sums if s not in inside], kept)
        others = tuple(axis for axis in body.axes if axis not in inside)
        into = tuple(index for _, _, index in deltas)
        flat, there = places([(term, index) for _, term, index in deltas], inside)
        sizes, count = tuple(map(len, into)), math.prod(map(len, into))
        value = aligned(body, (*inside, *others))

        def run(store: Store) -> Array:
            array = np.asarray(value(store))
            array = np.broadcast_to(array, (*map(len, inside), *array.shape[len(inside) :]))
            rows = array.reshape(flat.size, *array.shape[len(inside) :])
            out = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
            np.add.at(out, flat[there], rows[there])
            return out.reshape(*sizes, *rows.shape[1:])

        return Plan((*into, *others), run)


_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, ">": np.greater, "≤": np.less_equal, "≥": np.greater_equal, "=": np.equal,
}  # fmt: skip


def _summed(sums: Iterable[Index], body: Expr) -> Expr:
    for index in sums:
        body = total(index, body)
    return body


def _signed(term: Expr) -> tuple[bool, Expr]:
    """Return whether a term is added (or subtracted), and what."""
    if isinstance(term, Mul) and isinstance(term.factors[0], Number) and term.factors[0].value < 0:
        first = term.factors[0]
        return False, mul(number(-first.value), *term.factors[1:], dot=term.dot)
    return True, term


def must_open(bracket: Add, sums: list[Index]) -> bool:
    """Return whether a bracket under Σ is to be multiplied out: a δ in it contracts, or it is larger than its terms."""
    inside = [set(free(term)) for term in bracket.terms]
    whole = set[Index]().union(*inside)
    if whole.isdisjoint(sums):
        return False
    return any(isinstance(node, Delta) for node in walk(bracket)) or all(part < whole for part in inside)


def contracted(delta: Delta, sums: list[Index]) -> tuple[Index, Term] | None:
    """Return the summed index that a δ fixes and what to, where every value of the other side is one of the index's."""
    for mine, other in ((delta.left, delta.right), (delta.right, delta.left)):
        if not isinstance(mine, Index) or mine not in sums or isinstance(other, Lookup) or mine == other:
            continue
        if mine.values is None or set(values_of(other)) <= set(mine.values):
            return mine, other
    return None


def _scattered(sums: list[Index], factors: list[Expr]) -> list[tuple[Delta, Term, Index]]:
    """Return the δs between a Table's entry at summed indices and an index that nothing else here has."""
    found: list[tuple[Delta, Term, Index]] = []
    for delta in factors:
        if not isinstance(delta, Delta):
            continue
        for term, other in ((delta.left, delta.right), (delta.right, delta.left)):
            if not isinstance(term, Lookup) or not isinstance(other, Index) or other in sums:
                continue
            alone = not any(other in free(f) for f in factors if f is not delta)
            inside = list(term_indices(term))
            if alone and inside and all(index in sums for index in inside):
                found.append((delta, term, other))
                break
    return found
