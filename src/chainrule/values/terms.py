"""Terms — an index, a number, or an entry of a Table — as arrays of numbers, and reading an array at terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.algebra import term_indices
from chainrule.expr import Dim, Index, Lookup, Term
from chainrule.values.contract import Array, Plan, aligned


def values_of(term: Term) -> Sequence[int]:
    """Return the values that an index or a number takes."""
    assert not isinstance(term, Lookup)
    return (term,) if isinstance(term, int) else term.range()


def covers(term: Term, dim: Dim) -> bool:
    """Return whether a term takes every value of a Dim."""
    return dim.size == 1 if isinstance(term, int) else isinstance(term, Index) and term.values is None


def term_plan(term: Term) -> Plan:
    """Return the plan of a term's value."""
    if isinstance(term, int):
        return Plan((), lambda _: float(term), fresh=False)
    if isinstance(term, Index):
        values = np.array(term.range(), dtype=np.float64)
        return Plan((term,), lambda _: values, fresh=False)
    axes = tuple(dict.fromkeys(term_indices(term)))
    rows, columns = (aligned(term_plan(arg), axes)({}) for arg in term.args)
    rows, columns = np.broadcast_arrays(rows, columns)
    entry = np.array((rows, columns)[term.axis], dtype=np.float64)
    if term.table.otherwise is not None:
        entry = np.full(rows.shape, float(term.table.otherwise[term.axis]))
    if term.table.entries:
        listed = np.array([(*place, image[term.axis]) for place, image in sorted(term.table.entries)], dtype=np.int64)
        width = int(max(columns.max(), listed[:, 1].max())) + 1
        codes, wanted = listed[:, 0] * width + listed[:, 1], (rows * width + columns).astype(np.int64)
        at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        entry = np.where(codes[at] == wanted, listed[at, 2], entry)
    return Plan(axes, lambda _: entry, fresh=False)


def reader(terms: tuple[Term, ...], lead: int) -> tuple[Callable[[Array], Array], tuple[Index, ...]]:
    """Return how to read an array at terms, one for each axis after the first `lead`, and the indices that are left."""
    indices = [index for term in terms for index in term_indices(term)]
    if any(isinstance(term, Lookup) for term in terms) or len(set(indices)) < len(indices):
        axes = tuple(dict.fromkeys(indices))
        at = tuple(np.asarray(aligned(term_plan(term), axes)({})).astype(np.intp) - 1 for term in terms)
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
    if all(part == slice(None) for part in selection) and not takes:
        return lambda array: array, axes

    def read(array: Array) -> Array:
        array = array[selection]
        for axis, places in takes:
            array = np.take(array, places, axis=axis)
        return array

    return read, axes


def places(pairs: list[tuple[Term, Index]], inside: list[Index]) -> tuple[Array, Array]:
    """Return, for each place of the `inside` indices, the flat place among the pairs' right sides, and if it is one."""
    sizes = tuple(map(len, inside))
    flat = np.zeros(sizes, dtype=np.intp)
    there = np.ones(sizes, dtype=bool)
    for term, index in pairs:
        values = np.asarray(aligned(term_plan(term), tuple(inside))({})).astype(np.intp)
        position = np.full((index.dim.size or 0) + 1, -1, dtype=np.intp)
        position[np.array(index.range())] = np.arange(len(index))
        at = np.broadcast_to(position[values], sizes)
        there = there & (at >= 0)
        flat = flat * len(index) + at
    return flat.ravel(), there.ravel()


def table_values(term: Term, axes: tuple[Index, ...]) -> Array:
    """Return a term's values as whole numbers; an axis of an index that it does not depend on has size 1."""
    return np.asarray(aligned(term_plan(term), axes)({})).astype(np.intp)
