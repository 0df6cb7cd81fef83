"""Arithmetic on plans: elementwise functions that broadcast by index, and products under Σ, contracted pair by pair.

A `Plan` is a function from stored arrays to an array, with the index that each axis of it runs over. What is made here
never holds more than an operand or a result: Σ_j a_nj w_ij is a matrix product in BLAS, not an array of (n, i, j).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.expr import Dim, Index

Array = NDArray[Any]
Key = Hashable
Store = dict[Key, Array]
"""Arrays by their key, with an axis for each index of the symbol, in its order."""

Run = Callable[[Store], Any]

LANE = Index("lane", Dim("lanes", 64))
"""The extra axis, always the first, along which a symbol is changed many times at once. Its size here weighs costs."""


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


def rank(index: Index) -> int:
    """Return where an axis stands among others: lanes first, then samples."""
    return 0 if index == LANE else 1 if index.dim.name == "samples" else 2


def union(plans: Iterable[Plan]) -> tuple[Index, ...]:
    """Return all axes of the plans: lanes and samples first, then as the plan with the most axes has them."""
    found = dict.fromkeys(axis for plan in sorted(plans, key=lambda p: -len(p.axes)) for axis in plan.axes)
    return tuple(sorted(found, key=rank))


def aligned(plan: Plan, axes: tuple[Index, ...]) -> Run:
    """Return the plan's function with its axes in the given order, those that it lacks of size 1."""
    assert set(plan.axes) <= set(axes), f"axes {[a.name for a in plan.axes]} are not among {[a.name for a in axes]}"
    present = [axis for axis in axes if axis in plan.axes]
    order = tuple(plan.axes.index(axis) for axis in present)
    lead = next((position for position, axis in enumerate(axes) if axis in plan.axes), len(axes))
    selection = tuple(slice(None) if axis in plan.axes else None for axis in axes[lead:])
    run = plan.run
    turned, widened = order != tuple(range(len(order))), None in selection and bool(plan.axes)
    if turned and widened:
        return lambda store: run(store).transpose(order)[selection]
    if turned:
        return lambda store: run(store).transpose(order)
    if widened:
        return lambda store: run(store)[selection]
    return run


def together(function: Callable[..., Any], plans: list[Plan]) -> Plan:
    """Return the plan of an elementwise function."""
    axes = union(plans)
    runs = [aligned(plan, axes) for plan in plans]
    if len(runs) == 1:
        (only,) = runs
        return Plan(axes, lambda store: function(only(store)))
    return Plan(axes, lambda store: function(*(run(store) for run in runs)))


def power(base: Plan, exponent: int) -> Plan:
    """Return the plan of a whole power, 2 or more, by multiplication."""

    def run(store: Store) -> Any:
        value = base.run(store)
        result = value * value
        for _ in range(exponent - 2):
            result = result * value
        return result

    return Plan(base.axes, run)


def fold(plans: list[Plan], operations: Sequence[np.ufunc]) -> Plan:
    """Return the plan of ((p₀ ∘ p₁) ∘ p₂) …, each step in the array of the step before where that is free to take."""
    if len(plans) == 1:
        return plans[0]
    if all(operation is np.multiply for operation in operations):  # a fresh array in front saves making one
        plans = sorted(plans, key=lambda plan: (-len(plan.axes), not plan.fresh))
    axes = union(plans)
    first = aligned(plans[0], axes)
    rest = [(operation, aligned(plan, axes)) for operation, plan in zip(operations, plans[1:], strict=True)]
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


def contract(plans: list[Plan], sums: list[Index]) -> Plan:
    """Return the plan of Σ over `sums` of a product, one or two operands at a time."""
    while sums:
        groups = {s: [plan for plan in plans if s in plan.axes] for s in sums}
        index = min(sums, key=lambda s: _size(union(groups[s])))
        group = groups[index]
        rest = [plan for plan in plans if not any(plan is mine for mine in group)]
        own = [s for s in sums if not any(s in plan.axes for plan in rest)]
        plans = [*rest, _reduce(group, own)]
        sums = [s for s in sums if s not in own]
    return fold(plans, [np.multiply] * (len(plans) - 1)) if plans else Plan((), lambda _: 1.0, fresh=False)


def _reduce(group: list[Plan], own: list[Index]) -> Plan:
    """Return the plan of a product summed over the indices `own`, which no other factor has."""
    while len(group) > 2:
        pair = min(itertools.combinations(group, 2), key=lambda pair: _size(union(pair)))
        group = [plan for plan in group if not any(plan is mine for mine in pair)]
        group.append(fold(list(pair), [np.multiply]))
    if len(group) == 2:
        return _matrix_product(group[0], group[1], own)
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
            kept = [s for s in own if s not in alone]
            return _matrix_product(first, right, kept) if side is left else _matrix_product(left, first, kept)
    ranks = [min((rank(a) for a in side.axes if a not in summed), default=2) for side in (left, right)]
    # Samples are rows. Where neither side has them, the product is a weight's partial Σ_n ∂z_ni a_nj: it is computed as
    # Aᵀδ, (in, out), which is how the page and the store lay out a weight's matrix.
    if ranks[1] < ranks[0] or ranks == [2, 2]:
        left, right = right, left
    batch = tuple(a for a in left.axes if a in right.axes and a not in summed)
    rows = tuple(a for a in left.axes if a not in summed and a not in batch)
    columns = tuple(a for a in right.axes if a not in summed and a not in batch)
    axes = (*batch, *rows, *columns)
    if batch and not (rows and columns):  # many small products of vectors: BLAS would be called for each
        letters = {axis: chr(97 + position) for position, axis in enumerate((*axes, *summed))}
        l, r, out = ("".join(letters[a] for a in part) for part in (left.axes, right.axes, axes))
        return Plan(axes, lambda store: np.einsum(f"{l},{r}->{out}", left.run(store), right.run(store)))
    one, two = aligned(left, (*batch, *rows, *summed)), aligned(right, (*batch, *summed, *columns))
    if len(batch) == 0 and len(rows) <= 1 and len(columns) <= 1 and len(summed) == 1:
        return Plan(axes, lambda store: np.matmul(one(store), two(store)))
    b, m, c = len(batch), len(batch) + len(rows), len(batch) + len(summed)

    def run(store: Store) -> Array:
        a, b_ = one(store), two(store)
        inner = math.prod(a.shape[m:])
        product = np.matmul(
            a.reshape(*a.shape[:b], math.prod(a.shape[b:m]), inner),
            b_.reshape(*b_.shape[:b], inner, math.prod(b_.shape[c:])),
        )
        return np.asarray(product.reshape((*a.shape[:m], *b_.shape[c:])))

    return Plan(axes, run)
