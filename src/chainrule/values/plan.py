"""Index notation → NumPy: each statement becomes a plan, a function from stored arrays to an array, made once and run often.

A `Plan` knows the indices that its array has axes for. Products under Σ are contracted pair by pair, as matrix products
where they are some, so that no array is larger than an operand or a result: never (samples, i, j). A Kronecker δ fixes an
index where it can; one that reads a Table (tied weights) gathers forward and scatter-adds backward.

Nothing is differentiated, no shape is decided and no symbol is spelled here. Running a plan needs `np.errstate`
around it: IEEE's inf and nan are results, not warnings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.expr import (
    Add,
    Atom,
    Call,
    Delta,
    Dim,
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
    add,
    free,
    mul,
    number,
    substitute,
    term_indices,
    total,
    walk,
)
from chainrule.program import Program, Statement
from chainrule.rules import RULES
from chainrule.values.numeric import GATHERS, PRIMITIVES, weighted_log

Array = NDArray[Any]
Key = Hashable
Store = dict[Key, Array]
"""Arrays by their key, with an axis for each index of the symbol, in its order."""

Run = Callable[[Store], Any]

LANE = Index("lane", Dim("lanes", 64))
"""The extra axis, always the first, along which a symbol is perturbed many times at once. Its nominal size weighs costs only."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to compute an expression.

    Attributes:
        axes: the index of each axis of the array.
        run: from stored arrays to the array.
        fresh: whether the array is nobody else's, and may be overwritten.
    """

    axes: tuple[Index, ...]
    run: Run
    fresh: bool = True


def key(atom: Atom) -> Key:
    """Return what an atom's array is stored under: its symbol's name; for a partial, also what is differentiated."""
    if isinstance(atom, Ref):
        return symbol_key(atom.symbol)
    return (atom.of, key(atom.by))


def symbol_key(symbol: Symbol) -> Key:
    """Return what a symbol's array is stored under; the same for any number of samples."""
    return (symbol.kind, symbol.layer, symbol.source)


def owner(atom: Atom) -> Ref:
    """Return the Ref whose indices an atom's array has axes for: the innermost `by` of a partial, whose `of` is one number."""
    return atom if isinstance(atom, Ref) else owner(atom.by)


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
        >>> store = {("x", None, None): np.array([[2.0]]), ("w", 1, 0): np.array([[3.0]]), ("true", None, None): np.array([[5.0]])}
        >>> for _, step in steps:
        ...     step(store)
        >>> store["pred", None, None], store["loss", None, None]
        (array([[6.]]), array(0.5))
    """
    planner = Planner(laned)
    return [(key(statement.target), planner.assignment(statement)) for statement in program.statements]


class Planner:
    """Makes plans. Those made by one Planner agree on which symbols have the LANE axis."""

    def __init__(self, laned: Collection[Key] = ()) -> None:
        self.laned = laned
        self._masks: dict[Symbol, Array] = {}

    # Statements

    def assignment(self, statement: Statement) -> Run:
        """Return the function that computes a statement and stores it: a whole array, or its part of one."""
        target = owner(statement.target)
        own, symbol = key(statement.target), target.symbol
        lane = own in self.laned
        axes = ((LANE,) if lane else ()) + tuple(term for term in target.indices if isinstance(term, Index))
        value = _aligned(self.plan(statement.expr), axes)
        sizes = shape(symbol)
        gate = support(symbol) if isinstance(statement.target, Partial) and symbol.support is not None else None
        whole = all(_covers(term, dim) for term, dim in zip(target.indices, symbol.dims, strict=True))
        region = np.ix_(*(np.array(list(_range(term))) - 1 for term in target.indices)) if not whole else ()
        part = tuple(len(_range(term)) for term in target.indices)

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
            if own not in store or store[own].shape != full:
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
                return _together(np.divide, [self.plan(above), self.plan(below)])
            case Power(base, exponent):
                return _power(self.plan(base), exponent)
            case Call():
                return self._call(expr)
            case Gather():
                return self._gather(expr)
            case Iverson(left, relation, right):
                compare = _RELATIONS[relation]
                return _together(
                    lambda a, b: np.asarray(compare(np.real(a), np.real(b)), dtype=np.float64),
                    [self.plan(left), self.plan(right)],
                )
            case Position(term):
                return _term_plan(term)
            case Delta(left, right):
                return _together(
                    lambda a, b: np.asarray(np.equal(a, b), dtype=np.float64), [_term_plan(left), _term_plan(right)]
                )
            case _:
                raise AssertionError(f"no plan for {type(expr).__name__}: whole matrices are for writers only")

    def _atom(self, atom: Atom) -> Plan:
        ref = owner(atom)
        if ref.symbol.kind == "mask":
            if ref.symbol not in self._masks:
                self._masks[ref.symbol] = support(ref.symbol)
            array = self._masks[ref.symbol]
            read, axes = _reader(ref.indices, 0)
            return Plan(axes, lambda _: read(array), fresh=False)
        own = key(atom)
        lanes = 1 if own in self.laned else 0
        read, axes = _reader(ref.indices, lanes)
        return Plan((LANE,) * lanes + axes, lambda store: read(store[own]), fresh=False)

    def _sum(self, terms: tuple[Expr, ...]) -> Plan:
        """Plan a sum of terms; a term that is −1 times something is subtracted."""
        signed = [_signed(term) for term in terms]
        signed.sort(key=lambda pair: not pair[0])  # stable: the first one that is added leads
        plans = [self.plan(term) for _, term in signed]
        operations = [np.add if plus else np.subtract for plus, _ in signed]
        lead = plans[0] if signed[0][0] else _together(np.negative, plans[:1])
        return _fold([lead, *plans[1:]], operations[1:])

    def _call(self, call: Call) -> Plan:
        function = PRIMITIVES.get(call.function)
        if function is not None:
            return _together(function, [self.plan(arg) for arg in call.args])
        row = RULES[call.function]
        assert row.value is not None, f"{call.function} has neither a value nor a primitive"
        return self.plan(row.value(*call.args, parameter=call.parameter))

    def _gather(self, gather: Gather) -> Plan:
        """Plan softmax or log-sum-exp: over the last axis, then read at its place."""
        body = self.plan(gather.body)
        others = tuple(axis for axis in body.axes if axis != gather.index)
        vector = _aligned(body, (*others, gather.index))
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
        read, axes = _reader((*others[lanes:], at), lanes)
        return Plan(others[:lanes] + axes, lambda store: read(run(store)))

    # Products under Σ

    def _product(self, sums: list[Index], factors: list[Expr]) -> Plan:
        """Plan Σ…Σ of a product."""
        for position, factor in enumerate(factors):
            if isinstance(factor, Add) and _must_open(factor, sums):
                rest = factors[:position], factors[position + 1 :]
                return self.plan(add(*(_summed(sums, mul(*rest[0], term, *rest[1])) for term in factor.terms)))
        for factor in factors:
            if isinstance(factor, Delta) and (fixed := _fixed(factor, sums)) is not None:
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
        found = _contract(plans, [s for s in sums if any(s in plan.axes for plan in plans)])
        if coefficient == 1:
            return found
        constant = Plan((), lambda _: coefficient, fresh=False)
        return _fold([found, constant], [np.multiply]) if plans else constant

    def _with_logs(self, factors: list[Expr]) -> list[Plan]:
        """Return the plans of factors, a logarithm taken together with those that weigh it."""
        logs = [f for f in factors if isinstance(f, Call) and f.function == "log"]
        plans = [self.plan(f) for f in factors if f not in logs]
        for log in logs:
            inner = self.plan(log.args[0])
            mine = [plan for plan in plans if set(plan.axes) <= set(inner.axes)]
            plans = [plan for plan in plans if plan not in mine]
            weight = _fold(mine, [np.multiply] * (len(mine) - 1)) if mine else Plan((), lambda _: 1.0, fresh=False)
            plans.append(_together(weighted_log, [weight, inner]))
        return plans

    def _scatter(self, sums: list[Index], factors: list[Expr], deltas: list[tuple[Delta, Term, Index]]) -> Plan:
        """Plan Σ … δ(from a Table, k): the rest at each place of the Table's arguments, added up where they lead to."""
        inside = list(dict.fromkeys(i for _, term, _ in deltas for i in term_indices(term)))
        kept = [f for f in factors if not any(f is d for d, _, _ in deltas)]
        body = self._product([s for s in sums if s not in inside], kept)
        others = tuple(axis for axis in body.axes if axis not in inside)
        into = tuple(index for _, _, index in deltas)
        flat, there = _places([(term, index) for _, term, index in deltas], inside)
        sizes, count = tuple(map(len, into)), math.prod(map(len, into))
        value = _aligned(body, (*inside, *others))

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


def opened(expr: Expr) -> tuple[list[Index], list[Expr]]:
    """Return the summed indices and the factors of Σ…Σ of a product; sums inside the product are drawn to the front."""
    if isinstance(expr, Sum):
        sums, factors = opened(expr.body)
        index = expr.index
        while index in sums:  # an inner Σ over the same index hides this one: it only counts
            index = replace(index, name=index.name + "'")
        return [index, *sums], factors
    if not isinstance(expr, Mul):
        return [], [expr]
    sums, factors = [], []
    taken = set(free(expr))
    for factor in expr.factors:
        inner, parts = opened(factor)
        for index in inner:
            fresh = index
            while fresh in taken:
                fresh = replace(fresh, name=fresh.name + "'")
            if fresh != index:
                parts = [substitute(part, {index: fresh}) for part in parts]
            taken.add(fresh)
            sums.append(fresh)
        factors += parts
    return sums, factors


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


def _must_open(bracket: Add, sums: list[Index]) -> bool:
    """Return whether a bracket under Σ is to be multiplied out: a δ in it contracts, or it is larger than its terms."""
    inside = [set(free(term)) for term in bracket.terms]
    whole = set[Index]().union(*inside)
    if whole.isdisjoint(sums):
        return False
    return any(isinstance(node, Delta) for node in walk(bracket)) or all(part < whole for part in inside)


def _fixed(delta: Delta, sums: list[Index]) -> tuple[Index, Term] | None:
    """Return the summed index that a δ fixes and what to, where every value of the other side is one of the index's."""
    for mine, other in ((delta.left, delta.right), (delta.right, delta.left)):
        if isinstance(mine, Index) and mine in sums and not isinstance(other, Lookup) and mine != other:
            if mine.values is None or set(_range(other)) <= set(mine.values):
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


def _places(pairs: list[tuple[Term, Index]], inside: list[Index]) -> tuple[Array, Array]:
    """Return, for each place of the `inside` indices, the flat place among the pairs' right sides, and whether it is one."""
    sizes = tuple(map(len, inside))
    flat = np.zeros(sizes, dtype=np.intp)
    there = np.ones(sizes, dtype=bool)
    for term, index in pairs:
        values = np.asarray(_aligned(_term_plan(term), tuple(inside))({})).astype(np.intp)
        position = np.full((index.dim.size or 0) + 1, -1, dtype=np.intp)
        position[np.array(list(index.range()))] = np.arange(len(index))
        at = np.broadcast_to(position[values], sizes)
        there = there & (at >= 0)
        flat = flat * len(index) + at
    return flat.ravel(), there.ravel()


# Terms: what an index, a number or an entry of a Table is, as an array of numbers.


def _range(term: Term) -> Sequence[int]:
    assert not isinstance(term, Lookup)
    return (term,) if isinstance(term, int) else term.range()


def _covers(term: Term, dim: Dim) -> bool:
    return dim.size == 1 if isinstance(term, int) else isinstance(term, Index) and term.values is None


def _term_plan(term: Term) -> Plan:
    """Return the plan of a term's value."""
    if isinstance(term, int):
        return Plan((), lambda _: float(term), fresh=False)
    if isinstance(term, Index):
        values = np.array(list(term.range()), dtype=np.float64)
        return Plan((term,), lambda _: values, fresh=False)
    axes = tuple(dict.fromkeys(term_indices(term)))
    rows, columns = (_aligned(_term_plan(arg), axes)({}) for arg in term.args)
    rows, columns = np.broadcast_arrays(rows, columns)
    entry = np.array((rows, columns)[term.axis], dtype=np.float64)
    if term.table.entries:
        listed = np.array([(*place, image[term.axis]) for place, image in sorted(term.table.entries)], dtype=np.int64)
        width = int(max(columns.max(), listed[:, 1].max())) + 1
        codes, wanted = listed[:, 0] * width + listed[:, 1], (rows * width + columns).astype(np.int64)
        at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        entry = np.where(codes[at] == wanted, listed[at, 2], entry)
    return Plan(axes, lambda _: entry, fresh=False)


def _reader(terms: tuple[Term, ...], lead: int) -> tuple[Callable[[Array], Array], tuple[Index, ...]]:
    """Return how to read an array at terms, one for each axis after the first `lead`, and the indices that are left."""
    indices = [index for term in terms for index in term_indices(term)]
    if any(isinstance(term, Lookup) for term in terms) or len(set(indices)) < len(indices):
        axes = tuple(dict.fromkeys(indices))
        at = tuple(np.asarray(_aligned(_term_plan(term), axes)({})).astype(np.intp) - 1 for term in terms)
        at = tuple(np.broadcast_to(place, tuple(map(len, axes))) for place in at)
        return lambda array: array[(slice(None),) * lead + at], axes
    basic: list[slice | int] = [slice(None)] * lead
    takes: list[tuple[int, Array]] = []
    axes = ()
    for term in terms:
        if isinstance(term, int):
            basic.append(term - 1)
            continue
        assert isinstance(term, Index)
        if term.values is None:
            basic.append(slice(None))
        elif term.values == tuple(range(term.values[0], term.values[-1] + 1)):
            basic.append(slice(term.values[0] - 1, term.values[-1]))
        else:
            takes.append((lead + len(axes), np.array(term.values) - 1))
            basic.append(slice(None))
        axes = (*axes, term)
    selection = tuple(basic)
    if all(part == slice(None) for part in selection):
        return lambda array: array, axes

    def read(array: Array) -> Array:
        array = array[selection]
        for axis, places in takes:
            array = np.take(array, places, axis=axis)
        return array

    return read, axes


# Arithmetic on plans


def _rank(index: Index) -> int:
    return 0 if index == LANE else 1 if index.dim.name == "samples" else 2


def _union(plans: Iterable[Plan]) -> tuple[Index, ...]:
    """Return all axes of the plans: lanes and samples first, then as the plan with the most axes has them."""
    found = dict.fromkeys(axis for plan in sorted(plans, key=lambda p: -len(p.axes)) for axis in plan.axes)
    return tuple(sorted(found, key=_rank))


def _aligned(plan: Plan, axes: tuple[Index, ...]) -> Run:
    """Return the plan's function with its axes in the given order, those that it lacks of size 1."""
    assert set(plan.axes) <= set(axes), f"axes {[a.name for a in plan.axes]} are not among {[a.name for a in axes]}"
    present = [axis for axis in axes if axis in plan.axes]
    order = tuple(plan.axes.index(axis) for axis in present)
    lead = next((position for position, axis in enumerate(axes) if axis in plan.axes), len(axes))
    selection = tuple(slice(None) if axis in plan.axes else None for axis in axes[lead:])
    run = plan.run
    if order != tuple(range(len(order))):
        turned = run
        run = lambda store: turned(store).transpose(order)  # noqa: E731
    if None in selection and plan.axes:
        spread = run
        return lambda store: spread(store)[selection]
    return run


def _together(function: Callable[..., Any], plans: list[Plan]) -> Plan:
    """Return the plan of an elementwise function."""
    axes = _union(plans)
    runs = [_aligned(plan, axes) for plan in plans]
    if len(runs) == 1:
        (only,) = runs
        return Plan(axes, lambda store: function(only(store)))
    return Plan(axes, lambda store: function(*(run(store) for run in runs)))


def _power(base: Plan, exponent: int) -> Plan:
    def run(store: Store) -> Any:
        value = base.run(store)
        result = value * value
        for _ in range(exponent - 2):
            result = result * value
        return result

    return Plan(base.axes, run)


def _fold(plans: list[Plan], operations: Sequence[np.ufunc]) -> Plan:
    """Return the plan of ((p₀ ∘ p₁) ∘ p₂) …, each step in the array of the step before where that is free to take."""
    if len(plans) == 1:
        return plans[0]
    if all(operation is np.multiply for operation in operations):  # a fresh array in front saves making one
        plans = sorted(plans, key=lambda plan: (-len(plan.axes), not plan.fresh))
    axes = _union(plans)
    first = _aligned(plans[0], axes)
    rest = [(operation, _aligned(plan, axes)) for operation, plan in zip(operations, plans[1:], strict=True)]
    owned = plans[0].fresh and len(plans[0].axes) == len(axes)
    covered = set(plans[0].axes)
    free_to_take = []
    for plan in plans[1:]:
        free_to_take.append(owned)
        covered |= set(plan.axes)
        owned = len(covered) == len(axes)

    def run(store: Store) -> Any:
        out = first(store)
        for (operation, other), mine in zip(rest, free_to_take, strict=True):
            value = other(store)
            if mine and isinstance(out, np.ndarray) and out.ndim and _fits(out, value):
                operation(out, value, out=out)
            else:
                out = operation(out, value)
        return out

    return Plan(axes, run)


def _fits(out: Array, value: Any) -> bool:
    return out.dtype == np.complex128 or not np.iscomplexobj(value)


def _size(axes: Iterable[Index]) -> int:
    return math.prod(len(axis) for axis in axes)


def _contract(plans: list[Plan], sums: list[Index]) -> Plan:
    """Return the plan of Σ over `sums` of a product, one or two operands at a time."""
    while sums:
        groups = {s: [plan for plan in plans if s in plan.axes] for s in sums}
        index = min(sums, key=lambda s: _size(_union(groups[s])))
        group = groups[index]
        rest = [plan for plan in plans if not any(plan is mine for mine in group)]
        own = [s for s in sums if not any(s in plan.axes for plan in rest)]
        plans = [*rest, _reduce(group, own)]
        sums = [s for s in sums if s not in own]
    return _fold(plans, [np.multiply] * (len(plans) - 1)) if plans else Plan((), lambda _: 1.0, fresh=False)


def _reduce(group: list[Plan], own: list[Index]) -> Plan:
    """Return the plan of a product summed over the indices `own`, which no other factor has."""
    while len(group) > 2:
        pair = min(itertools.combinations(group, 2), key=lambda pair: _size(_union(pair)))
        group = [plan for plan in group if not any(plan is mine for mine in pair)] + [_fold(list(pair), [np.multiply])]
    if len(group) == 2:
        return _matrix_product(*group, own)
    (plan,) = group
    where = tuple(plan.axes.index(s) for s in own)
    run = plan.run
    return Plan(tuple(a for a in plan.axes if a not in own), lambda store: np.add.reduce(run(store), axis=where))


def _matrix_product(left: Plan, right: Plan, own: list[Index]) -> Plan:
    """Return the plan of Σ over `own` of two factors: a matrix product, in BLAS, wherever it is one."""
    summed = tuple(s for s in own if s in left.axes and s in right.axes)
    for side in (left, right):
        alone = [s for s in own if s not in summed and s in side.axes]
        if alone:  # an index that only one factor has is summed before
            first = _reduce([side], alone)
            pair = (first, right) if side is left else (left, first)
            return _matrix_product(*pair, [s for s in own if s not in alone])
    if min((_rank(a) for a in right.axes if a not in summed), default=2) < min(
        (_rank(a) for a in left.axes if a not in summed), default=2
    ):
        left, right = right, left
    batch = tuple(a for a in left.axes if a in right.axes and a not in summed)
    rows = tuple(a for a in left.axes if a not in summed and a not in batch)
    columns = tuple(a for a in right.axes if a not in summed and a not in batch)
    axes = (*batch, *rows, *columns)
    if batch and not (rows and columns):  # many small products of vectors: BLAS would be called for each
        letters = {axis: chr(97 + position) for position, axis in enumerate((*axes, *summed))}
        l, r, out = ("".join(letters[a] for a in part) for part in (left.axes, right.axes, axes))
        return Plan(axes, lambda store: np.einsum(f"{l},{r}->{out}", left.run(store), right.run(store)))
    first, second = _aligned(left, (*batch, *rows, *summed)), _aligned(right, (*batch, *summed, *columns))
    if len(batch) == 0 and len(rows) <= 1 and len(columns) <= 1 and len(summed) == 1:
        return Plan(axes, lambda store: np.matmul(first(store), second(store)))
    b, m = len(batch), len(batch) + len(rows)

    def run(store: Store) -> Array:
        one, two = first(store), second(store)
        inner = math.prod(one.shape[m:])
        product = np.matmul(
            one.reshape(*one.shape[:b], math.prod(one.shape[b:m]), inner),
            two.reshape(*two.shape[:b], inner, math.prod(two.shape[b + len(summed) :])),
        )
        return np.asarray(product.reshape(*one.shape[:m], *two.shape[b + len(summed) :]))

    return Plan(axes, run)
