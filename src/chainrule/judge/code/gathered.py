"""Slips in the gradients of weights and biases, which gather over samples: Aᵀ ∂loss/∂Z and Σ ∂loss/∂Z."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.algebra import atoms, mul, opened, substitute
from chainrule.expr import Expr, Index, Partial, Ref, Symbol, Term
from chainrule.judge.code.backward import others_partials
from chainrule.judge.code.slips import (
    Rewrite,
    Slip,
    Statements,
    at_home,
    over,
    put,
    same_units,
    slip_at,
    terms_of,
    without,
    without_each,
)
from chainrule.program import Statement
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import symbol_key


def slips(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips at ∂loss/∂ one matrix of weights, or at one bias."""
    name, first = statements.name(key), statements.places[key][0]
    expr = statements.statements[first].expr
    for number, _ in without_each(expr):
        through = ", ".join(dict.fromkeys(f"d{at_home(p)}" for p in _partials(expr, number)))
        yield from slip_at(statements, key, "forgotten_path", str(number), without(number), through=through)
    for last, which in ((True, "[-1]"), (False, "[0]")):
        yield from slip_at(statements, key, "one_sample", which, _one_sample(last=last), which=which)
    yield from others_partials(statements, key, 0.5)
    yield _decayed(statements, key, symbol)
    if symbol.kind == "b":
        yield Slip("summed_too_far", name, "", statements.wrapped(key, _everywhere))
        return
    for old in dict.fromkeys(a.symbol for a in atoms(expr) if isinstance(a, Ref) and a.symbol.kind in ("x", "a")):
        for other in statements.symbols:
            if other != old and same_units(other, old):
                near = other.kind == "z" and other.layer == old.layer
                kind, cost = ("wrong_symbol", 0.2) if near else ("wrong_layer", 0.4)
                facts = {"read": at_home(other), "expected": at_home(old)}
                yield from slip_at(statements, key, kind, at_home(other), put(old, other), cost, **facts)
    yield from slip_at(statements, key, "sums_multiplied", "", lambda s: _sums_multiplied(s.expr), 0.8)
    if symbol.dims[0].size == symbol.dims[1].size and (symbol.dims[0].size or 0) > 1:
        yield Slip("transposed", name, "", statements.wrapped(key, _transposed))


def _partials(expr: Expr, position: int) -> Iterator[Symbol]:
    for atom in atoms(terms_of(expr)[position]):
        if isinstance(atom, Partial) and isinstance(atom.by, Ref):
            yield atom.by.symbol


def _samples_index(sums: list[Index]) -> Index | None:
    return next((index for index in sums if index.dim.name == "samples"), None)


def _one_sample(*, last: bool) -> Rewrite:
    """Return the rewriting that has the term of one sample instead of the sum over all."""

    def rewrite(statement: Statement) -> Expr | None:
        sums, factors = opened(statement.expr)
        n = _samples_index(sums)
        if n is None or n.dim.size is None:
            return None
        place: Term = n.dim.size if last else 1
        return over([s for s in sums if s != n], mul(*(substitute(f, {n: place}) for f in factors)))

    return rewrite


def _sums_multiplied(expr: Expr) -> Expr | None:
    """Return Σ_n of each factor, multiplied, instead of Σ_n of the product."""
    sums, factors = opened(expr)
    n = _samples_index(sums)
    if n is None or sums != [n] or len(factors) != 2:
        return None
    return mul(*(over([n], factor) for factor in factors))


def _transposed(run: Run, key: Key, _c: float) -> Run:
    def transposed(store: Store) -> None:
        run(store)
        store[key] = store[key].T

    return transposed


def _everywhere(run: Run, key: Key, _c: float) -> Run:
    def everywhere(store: Store) -> None:
        run(store)
        store[key] = np.full_like(store[key], store[key].sum())

    return everywhere


def _decayed(statements: Statements, key: Key, symbol: Symbol) -> Slip:
    """Return the slip of a multiple of the parameter itself that is added."""
    own = symbol_key(symbol)

    def wrap(run: Run, key_: Key, c: float) -> Run:
        def decayed(store: Store) -> None:
            run(store)
            store[key_] = store[key_] + (1.0 - c) * store[own]

        return decayed

    facts = {"what": at_home(symbol)}
    return Slip("extra_term", statements.name(key), "", statements.wrapped(key, wrap), facts, 0.3, fitted=True)
