"""Slips in the partials on the way: ∂loss/∂pred, and the paths into ∂loss/∂a and ∂loss/∂z."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.algebra import atoms, mul, replace_atoms
from chainrule.derive import owner
from chainrule.errors import ChainruleError
from chainrule.expr import ONE, Atom, Call, Expr, Mul, Number, Partial, Ref, Symbol
from chainrule.judge.code import slopes
from chainrule.judge.code.flow import Change
from chainrule.judge.code.slips import (
    Rewrite,
    Slip,
    Statements,
    at_home,
    broadcasts,
    is_forward,
    partials_in,
    put,
    put_once,
    put_partial,
    same_units,
    slip_at,
    terms_of,
    without,
    without_each,
)
from chainrule.network import Loss, Network
from chainrule.rules import LOSSES
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import symbol_key


def slips(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips at ∂loss/∂ one symbol."""
    if symbol.kind == "pred":
        yield from _loss(statements, key)
    if symbol.kind == "z":
        yield from slopes.slips(statements, key, symbol)
    yield from _paths(statements, key, symbol)


# ∂loss/∂pred


def _loss(statements: Statements, key: Key) -> Iterator[Slip]:
    net = statements.net
    own = LOSSES[net.loss.name]
    samples = statements.symbols[0].dims[0].size
    for row in LOSSES.values():
        if row.name != own.name and row.class_index == own.class_index:
            expr = _loss_slope(net, Loss(row.name, None, net.loss.samples, net.loss.outputs), samples)
            if expr is not None:
                yield from slip_at(statements, key, "loss_derivative", row.name, _always(expr), 0.4, other=row.name)
    yield from slip_at(statements, key, "missing_derivative", "", _always(ONE), 0.8, what="loss")
    target = statements.statements[statements.places[key][0]].target
    assert isinstance(target, Partial) and isinstance(target.by, Ref)
    pred = target.by
    yield from slip_at(
        statements, key, "wrong_symbol", "pred", lambda s: mul(_number_of(s.expr), pred, dot=False), 0.9,
        read="pred", expected="pred - true",
    )  # fmt: skip
    true = next((s for s in _used(statements) if s.kind == "true"), None)
    if true is not None and true.dims[-1] == pred.symbol.dims[-1] and own.value is not None:
        loss = Call(own.name, (pred, Ref(true, pred.indices)), net.loss.parameter or own.parameter)
        yield from slip_at(statements, key, "loss_value", "", lambda s: mul(_number_of(s.expr), loss, dot=False), 0.6)


def _always(expr: Expr) -> Rewrite:
    return lambda _: expr


def _number_of(expr: Expr) -> Expr:
    """Return the number in front of an expression."""
    if isinstance(expr, Mul):
        return mul(*(f for f in expr.factors if isinstance(f, Number) or not _has_atoms(f)), dot=False)
    return ONE


def _has_atoms(expr: Expr) -> bool:
    return next(iter(atoms(expr)), None) is not None


def _used(statements: Statements) -> Iterator[Symbol]:
    for statement in statements.statements:
        yield from (owner(atom).symbol for atom in atoms(statement.expr))


def _loss_slope(net: Network, loss: Loss, samples: int | None) -> Expr | None:
    """Return ∂loss/∂pred for the same network with another loss, where it can have that one."""
    try:
        derivation = net.replace(loss=loss).derive(samples=samples)
    except ChainruleError:
        return None
    for family in derivation.families:
        if isinstance(family.atom, Ref) and family.atom.symbol.kind == "pred":
            return family.value()
    return None


# Paths


def _paths(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips in Σ over paths: one left out, W for Wᵀ, another W, another partial."""
    first = statements.places[key][0]
    expr = statements.statements[first].expr
    for number, _ in without_each(expr):
        gone = terms_of(expr)[number]
        if partials_in(gone):  # else it is no path, but a part of the loss's own derivative
            through = ", ".join(f"d{at_home(other)}" for other in dict.fromkeys(_owners(gone)))
            yield from slip_at(statements, key, "forgotten_path", str(number), without(number), through=through)
    for weight in dict.fromkeys(_weights(expr)):
        name = at_home(weight)
        if weight.dims[0].size == weight.dims[1].size and (weight.dims[0].size or 0) > 1:
            yield from slip_at(statements, key, "missing_transpose", name, _turned(weight), weight=name)
        for other in statements.weights:
            if other != weight and [d.size for d in other.dims] == [d.size for d in weight.dims]:
                facts = {"read": at_home(other), "expected": name}
                yield from slip_at(statements, key, "wrong_layer", at_home(other), put(weight, other), 0.3, **facts)
        yield from _updated(statements, key, weight)
    if symbol.kind in ("a", "z"):
        yield from others_partials(statements, key, 0.5, broadcast=symbol.kind == "z")
    if symbol.kind in ("z", "pred"):
        yield from _others_once(statements, key)


def _others_once(statements: Statements, key: Key) -> Iterator[Slip]:
    """Yield the slips of another array in one place of ∂loss/∂z or ∂loss/∂pred."""
    first = statements.places[key][0]
    there = [a for a in _in_order(statements.statements[first].expr) if is_forward(a)]
    for number, atom in enumerate(there):
        for other in statements.symbols:
            if isinstance(atom, Ref) and other != atom.symbol and broadcasts(other, atom.symbol):
                facts = {"read": at_home(other), "expected": at_home(atom.symbol)}
                rewrite = put_once(number, other)
                yield from slip_at(statements, key, "wrong_symbol", f"{number} {at_home(other)}", rewrite, 0.7, **facts)


def _in_order(expr: Expr) -> list[Atom]:
    """Return the atoms of an expression as `replace_atoms` meets them, each as often as it stands."""
    found: list[Atom] = []

    def noted(atom: Atom) -> Expr:
        found.append(atom)
        return atom

    replace_atoms(expr, noted)
    return found


def others_partials(statements: Statements, key: Key, cost: float, *, broadcast: bool = False) -> Iterator[Slip]:
    """Yield the slips of another partial in place of the right one: ∂a for ∂z of the same layer, another layer's."""
    first = statements.places[key][0]
    for partial in partials_in(statements.statements[first].expr):
        old = partial.by.symbol if isinstance(partial.by, Ref) else None
        if old is None:
            continue
        for other in statements.symbols:
            if other == old or other.kind == "x" or not (broadcasts if broadcast else same_units)(other, old):
                continue
            if not statements.has_partial(other, first):
                continue
            near = other.layer == old.layer or (other.kind == "pred" and old.layer == statements.net.depth)
            kind, dear = ("wrong_symbol", 0.0) if near else ("wrong_layer", 0.3)
            facts = {"read": f"d{at_home(other)}", "expected": f"d{at_home(old)}"}
            yield from slip_at(statements, key, kind, facts["read"], put_partial(old, other), cost + dear, **facts)


def _weights(expr: Expr) -> Iterator[Symbol]:
    yield from (a.symbol for a in atoms(expr) if isinstance(a, Ref) and a.symbol.kind == "w")


def _owners(expr: Expr) -> Iterator[Symbol]:
    yield from (p.by.symbol for p in partials_in(expr) if isinstance(p.by, Ref))


def _turned(weight: Symbol) -> Rewrite:
    """Return the rewriting that has a square W where Wᵀ stands."""

    def change(atom: Atom) -> Expr:
        if isinstance(atom, Ref) and atom.symbol == weight:
            return Ref(weight, tuple(reversed(atom.indices)))
        return atom

    return lambda statement: replace_atoms(statement.expr, change)


def _updated(statements: Statements, key: Key, weight: Symbol) -> Iterator[Slip]:
    """Yield the slip of weights that have been updated before they are used: W − η ∂loss/∂W for W."""
    own = symbol_key(weight)
    gradient = (statements.root, own)
    places = statements.places.get(gradient)
    if places is None or places[-1] > statements.places[key][0]:
        return

    def wrap(run: Run, _key: Key, c: float) -> Run:
        def updated(store: Store) -> None:
            kept = store[own]
            store[own] = kept - (1.0 - c) * store[gradient]
            try:
                run(store)
            finally:
                store[own] = kept

        return updated

    places = statements.places[key]
    yield Slip("updated_weights", statements.name(key), at_home(weight), Change({}, dict.fromkeys(places, wrap)),
               {"weight": at_home(weight)}, 0.2, fitted=True)  # fmt: skip
