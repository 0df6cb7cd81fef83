"""Slips in the gradients of weights and biases, which gather over samples: ∂loss/∂W = Aᵀ ∂loss/∂Z, ∂loss/∂b = Σ ∂loss/∂Z."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule.algebra import atoms, mul, opened, substitute
from chainrule.expr import Expr, Index, Partial, Ref, Symbol, Term
from chainrule.judge.code.backward import others_partials
from chainrule.judge.code.flow import Change
from chainrule.judge.code.slips import Slip, Statements, at_home, over, put, same_units, without_each
from chainrule.program import Statement
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import symbol_key


def slips(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips at ∂loss/∂ one matrix of weights, or at one bias."""
    name, first = statements.name(key), statements.places[key][0]
    expr = statements.statements[first].expr
    for number_, _ in without_each(expr):
        change = statements.rewritten(key, lambda s, n=number_: dict(without_each(s.expr)).get(n))  # type: ignore[misc]
        if change is not None:
            used = ", ".join(dict.fromkeys(f"d{at_home(p)}" for p in _partials(expr, number_)))
            yield Slip("forgotten_path", name, str(number_), change, {"through": used})
    for what in ("last", "first"):
        change = statements.rewritten(key, lambda s, w=what: _one_sample(s.expr, w))  # type: ignore[misc]
        if change is not None:
            yield Slip("one_sample", name, what, change, {"which": what})
    yield from others_partials(statements, key, 0.5)
    yield _decayed(statements, key, symbol)
    if symbol.kind == "b":
        yield Slip("summed_too_far", name, "", statements.wrapped(key, _everywhere))
        return
    for old in dict.fromkeys(a.symbol for a in atoms(expr) if isinstance(a, Ref) and a.symbol.kind in ("x", "a")):
        for other in statements.symbols:
            if other == old or not same_units(other, old):
                continue
            change = statements.rewritten(key, lambda s, o=old, n=other: put(s.expr, o, n))  # type: ignore[misc]
            if change is not None:
                near = other.kind == "z" and other.layer == old.layer
                yield Slip("wrong_symbol" if near else "wrong_layer", name, at_home(other), change,
                           {"read": at_home(other), "expected": at_home(old), "what": ""}, 0.2 if near else 0.4)  # fmt: skip
    change = statements.rewritten(key, lambda s: _sums_multiplied(s.expr))
    if change is not None:
        yield Slip("sums_multiplied", name, "", change, {}, 0.8)
    if symbol.dims[0].size == symbol.dims[1].size and (symbol.dims[0].size or 0) > 1:
        yield Slip("transposed", name, "", statements.wrapped(key, _transposed))
    if symbol.support is not None:
        yield from _without_gate(statements, key, name)


def _partials(expr: Expr, position: int) -> Iterator[Symbol]:
    from chainrule.judge.code.slips import terms_of

    for atom in atoms(terms_of(expr)[position]):
        if isinstance(atom, Partial) and isinstance(atom.by, Ref):
            yield atom.by.symbol


def _samples_index(sums: list[Index]) -> Index | None:
    return next((index for index in sums if index.dim.name == "samples"), None)


def _one_sample(expr: Expr, which: str) -> Expr | None:
    """Return the term of one sample instead of the sum over all."""
    sums, factors = opened(expr)
    n = _samples_index(sums)
    if n is None:
        return None
    place: Term
    if n.dim.size is not None:
        place = n.dim.size if which == "last" else 1
    else:  # in words: the place is spelled when the samples are counted
        place = replace(n, values=(1,)) if which == "first" else replace(n, name="last", values=(-1,))
    return over([s for s in sums if s != n], mul(*(substitute(f, {n: place}) for f in factors)))


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


def _without_gate(statements: Statements, key: Key, name: str) -> Iterator[Slip]:
    """Yield the slip of numbers where the figure has no edge."""
    found = {}
    for place in statements.places[key]:
        statement = statements.statements[place]
        target = statement.target
        if isinstance(target, Partial) and isinstance(target.by, Ref):
            whole = Ref(replace(target.by.symbol, support=None), target.by.indices)
            found[place] = Statement(Partial(target.of, whole), statement.expr, statement.role)
    if found:
        yield Slip("no_edges", name, "", Change(found, {}))


