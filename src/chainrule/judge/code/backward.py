"""Slips in the partials on the way: ∂loss/∂pred, ∂loss/∂a and ∂loss/∂z."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chainrule.algebra import add, atoms, divide, mul, negative, rebuild, replace_atoms
from chainrule.derive import owner
from chainrule.errors import ChainruleError
from chainrule.expr import ONE, ZERO, Atom, Call, Expr, Index, Iverson, Mul, Number, Partial, Power, Ref, Symbol
from chainrule.judge.code.flow import Change
from chainrule.judge.code.slips import (
    Rewrite,
    Slip,
    Statements,
    at_home,
    partials_in,
    product,
    put,
    put_partial,
    same_units,
    terms_of,
    without_each,
)
from chainrule.network import Activation, Loss, Network
from chainrule.program import Statement
from chainrule.rules import ACTIVATIONS, LOSSES, Rule
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import symbol_key

USUAL = ("sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu")
"""Activations that are taken for one another, the most usual ones first."""


def slips(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips at ∂loss/∂ one symbol."""
    if symbol.kind == "pred":
        yield from _loss(statements, key)
    if symbol.kind == "z":
        yield from _slope(statements, key, symbol)
    yield from _paths(statements, key, symbol)


def _slip(
    statements: Statements, key: Key, kind: str, detail: str, rewrite: Rewrite, cost: float = 0.0, **facts: object
) -> Iterator[Slip]:
    change = statements.rewritten(key, rewrite)
    if change is not None:
        yield Slip(kind, statements.name(key), detail, change, facts, cost)


# ∂loss/∂pred


def _loss(statements: Statements, key: Key) -> Iterator[Slip]:
    net = statements.net
    true = next((s for s in _data(statements) if s.kind == "true"), None)
    pred = statements.symbol("pred", None)
    own = LOSSES[net.loss.name]
    samples = statements.symbols[0].dims[0].size
    for row in LOSSES.values():
        if row.name == own.name or row.class_index != own.class_index:
            continue
        expr = _loss_slope(net, Loss(row.name, None, net.loss.samples, net.loss.outputs), samples)
        if expr is not None:
            yield from _slip(statements, key, "loss_derivative", row.name, lambda _, e=expr: e, 0.4, other=row.name)  # type: ignore[misc]
    yield from _slip(statements, key, "missing_derivative", "loss", lambda _: ONE, 0.8, what="loss")
    if pred is None:
        return
    at = next(s.target for s in statements.statements if isinstance(s.target, Partial) and _of(s.target) == pred)
    assert isinstance(at.by, Ref)
    place = at.by
    yield from _slip(statements, key, "wrong_symbol", "pred only", lambda s: _coefficient(s, place), 0.9,
                     read="pred", expected="pred - true")  # fmt: skip
    if true is not None and true.dims[-1] == pred.dims[-1] and own.value is not None:
        value = Call(own.name, (place, Ref(true, place.indices)), net.loss.parameter or own.parameter)
        yield from _slip(statements, key, "loss_value", "", lambda s: mul(_number_of(s.expr), value, dot=False), 0.6)


def _of(target: Partial) -> Symbol | None:
    return target.by.symbol if isinstance(target.by, Ref) else None


def _coefficient(statement: Statement, place: Ref) -> Expr:
    return mul(_number_of(statement.expr), place, dot=False)


def _number_of(expr: Expr) -> Expr:
    """Return the number in front of an expression."""
    if isinstance(expr, Mul):
        return mul(*(f for f in expr.factors if isinstance(f, Number) or not _has_atoms(f)), dot=False)
    return ONE


def _has_atoms(expr: Expr) -> bool:
    return next(iter(atoms(expr)), None) is not None


def _data(statements: Statements) -> Iterator[Symbol]:
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


# ∂loss/∂z


def slope(row: Rule, z: Expr, a: Expr, parameter: float | None) -> Expr | None:
    """Return f′ as the table writes it, with something else for z, or for the a in it; None for a softmax."""
    if row.vector:
        return None
    return row.slopes[0](z, result=a, parameter=row.parameter if parameter is None else parameter)


def value(row: Rule, z: Expr, parameter: float | None) -> Expr:
    """Return f(z)."""
    return Call(row.name, (z,), row.parameter if parameter is None else parameter)


def _slope(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips with the derivative of an activation."""
    net, layer = statements.net, symbol.layer
    assert layer is not None
    result = statements.symbol("a", layer)
    if result is None:
        return

    def parts(statement: Statement) -> tuple[Expr, Rule, Activation, Ref, Ref] | None:
        assert isinstance(statement.target, Partial)
        z = statement.target.by
        assert isinstance(z, Ref)
        unit = z.indices[-1]
        units = (unit,) if isinstance(unit, int) else unit.range() if isinstance(unit, Index) else ()
        activation = net.layers[layer - 1].activation(units[0])
        outer = Partial(statement.target.of, Ref(result, z.indices))
        return outer, ACTIVATIONS[activation.name], activation, z, Ref(result, z.indices)

    def with_slope(make: Callable[[Rule, float | None, Ref, Ref], Expr | None]) -> Rewrite:
        def rewrite(statement: Statement) -> Expr | None:
            found = parts(statement)
            if found is None:
                return None
            outer, row, activation, z, a = found
            factor = make(row, activation.parameter, z, a)
            return None if factor is None else product(outer, factor)

        return rewrite

    names = {ACTIVATIONS[activation.name].name for activation in net.layers[layer - 1].activations}
    shown = ", ".join(sorted(names))
    yield from _slip(statements, key, "missing_derivative", "", with_slope(lambda *_: ONE), what=shown)
    if "softmax" in names:
        yield from _slip(statements, key, "wrong_derivative", "diagonal",
                         with_slope(lambda r, p, z, a: slope(ACTIVATIONS["sigmoid"], z, a, None)), 0.2,
                         what=shown, other="sigmoid")  # fmt: skip
        return
    for rank, name in enumerate(USUAL):
        other = ACTIVATIONS[name]
        yield from _slip(statements, key, "wrong_derivative", name, with_slope(
            lambda r, p, z, a, o=other: slope(o, z, value(o, z, None), None)), 0.3 + rank / 50, what=shown, other=name)  # type: ignore[misc]  # fmt: skip
        yield from _slip(statements, key, "wrong_derivative", f"{name} of a", with_slope(
            lambda r, p, z, a, o=other: slope(o, z, a, None)), 0.25 + rank / 50, what=shown, other=name)  # type: ignore[misc]  # fmt: skip
    yield from _slip(statements, key, "wrong_argument", "a for z",
                     with_slope(lambda r, p, z, a: slope(r, a, value(r, a, p), p)), 0.1,
                     what=shown, read=at_home(result), expected=at_home(symbol))  # fmt: skip
    yield from _slip(statements, key, "wrong_argument", "z for a",
                     with_slope(lambda r, p, z, a: slope(r, z, z, p)), 0.1,
                     what=shown, read=at_home(symbol), expected=at_home(result))  # fmt: skip
    yield from _slip(statements, key, "wrong_argument", "f of a for a",
                     with_slope(lambda r, p, z, a: slope(r, a, a, p)), 0.15,
                     what=shown, read=at_home(result), expected=at_home(symbol))  # fmt: skip
    yield from _slip(statements, key, "extra_derivative", "", with_slope(
        lambda r, p, z, a: product(s, s) if (s := slope(r, z, a, p)) is not None else None), 0.3, what=shown)  # fmt: skip
    yield from _slip(statements, key, "value_for_derivative", "", with_slope(lambda r, p, z, a: a), 0.2, what=shown)
    yield from _slip(statements, key, "value_for_derivative", "z", with_slope(lambda r, p, z, a: z), 0.6, what=shown)
    yield from _slip(statements, key, "wrong_derivative", "1 - a", with_slope(
        lambda r, p, z, a: add(ONE, negative(a))), 0.5, what=shown, other="1 - a")  # fmt: skip
    yield from _slip(statements, key, "wrong_derivative", "inverse", with_slope(
        lambda r, p, z, a: divide(ONE, s) if (s := slope(r, z, a, p)) is not None else None), 0.9,
        what=shown, other="1/f'")  # fmt: skip
    for number_, near in enumerate(_nearby(statements, key, parts)):
        yield from _slip(statements, key, "wrong_derivative", f"near {number_}", near, 0.6, what=shown, other="")
    for at in statements.symbols:
        if at not in (symbol, result) and same_units(at, symbol):
            yield from _slip(statements, key, "wrong_layer", at_home(at), with_slope(
                lambda r, p, z, a, o=at: slope(r, Ref(o, z.indices), Ref(o, z.indices), p)  # type: ignore[misc]
                if o.kind != "z" else slope(r, Ref(o, z.indices), value(r, Ref(o, z.indices), p), p)), 0.6,
                what=shown, read=at_home(at), expected=at_home(result))  # fmt: skip
    if "relu" in names:
        yield from _slip(statements, key, "wrong_derivative", "[dA > 0]", _guided(parts), 0.5, what=shown,
                         other="[dA > 0]")  # fmt: skip


def _guided(parts: Callable[[Statement], tuple[Expr, Rule, Activation, Ref, Ref] | None]) -> Rewrite:
    def rewrite(statement: Statement) -> Expr | None:
        found = parts(statement)
        return None if found is None else product(found[0], Iverson(found[0], ">", ZERO))

    return rewrite


def _nearby(
    statements: Statements, key: Key, parts: Callable[[Statement], tuple[Expr, Rule, Activation, Ref, Ref] | None]
) -> Iterator[Rewrite]:
    """Yield derivatives with one thing in them changed: a sign, a square, a factor that is left out."""
    found = parts(statements.statements[statements.places[key][0]])
    if found is None:
        return
    _, row, activation, z, a = found
    right = slope(row, z, a, activation.parameter)
    count = 0 if right is None else len(list(_changed(right)))
    for number_ in range(count):

        def rewrite(statement: Statement, at: int = number_) -> Expr | None:
            mine = parts(statement)
            assert mine is not None
            outer, row_, activation_, z_, a_ = mine
            right_ = slope(row_, z_, a_, activation_.parameter)
            changed = [] if right_ is None else list(_changed(right_))
            return product(outer, changed[at]) if at < len(changed) else None

        yield rewrite


def _changed(expr: Expr) -> Iterator[Expr]:
    """Yield an expression with one thing changed, wherever in it."""
    match expr:
        case Power(base, 2):
            yield base
        case Mul(factors, dot):
            if len(factors) > 1:
                yield from (mul(*factors[:at], *factors[at + 1 :], dot=dot) for at in range(len(factors)))
        case _:
            terms = terms_of(expr)
            if len(terms) > 1:
                for at, term in enumerate(terms):
                    if at:
                        yield add(*terms[:at], negative(term), *terms[at + 1 :])
                    yield add(*terms[:at], *terms[at + 1 :])
    children: list[Expr] = []
    rebuild(expr, lambda child: children.append(child) or child)  # type: ignore[func-returns-value]
    for position, child in enumerate(children):
        for other in _changed(child):
            count = iter(range(len(children)))
            yield rebuild(expr, lambda c, o=other, p=position, n=count: o if next(n) == p else c)  # type: ignore[misc]


# Paths


def _paths(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips in Σ over paths: one left out, W for Wᵀ, another W, another partial."""
    first = statements.places[key][0]
    expr = statements.statements[first].expr
    for number_, _ in without_each(expr):
        gone = terms_of(expr)[number_]
        if not partials_in(gone):
            continue  # no path, but a part of the loss's own derivative
        through = ", ".join(f"d{at_home(other)}" for other in dict.fromkeys(_owners(gone)))
        yield from _slip(statements, key, "forgotten_path", str(number_),
                         lambda s, n=number_: dict(without_each(s.expr)).get(n), 0.0, through=through)  # type: ignore[misc]  # fmt: skip
    for weight in dict.fromkeys(_weights(expr)):
        name = at_home(weight)
        if weight.dims[0].size == weight.dims[1].size and (weight.dims[0].size or 0) > 1:
            yield from _slip(statements, key, "missing_transpose", name, lambda s, w=weight: _turned(s.expr, w), 0.0,
                             weight=name)  # type: ignore[misc]  # fmt: skip
        for other in statements.weights:
            if other != weight and [d.size for d in other.dims] == [d.size for d in weight.dims]:
                yield from _slip(statements, key, "wrong_layer", at_home(other),
                                 lambda s, w=weight, o=other: put(s.expr, w, o), 0.3,
                                 what="", read=at_home(other), expected=name)  # type: ignore[misc]  # fmt: skip
        yield from _updated(statements, key, weight)
    if symbol.kind == "a":
        yield from others_partials(statements, key, 0.5)


def others_partials(statements: Statements, key: Key, cost: float) -> Iterator[Slip]:
    """Yield the slips of another partial in the place of the right one: ∂a for ∂z of the same layer, another layer's."""
    first = statements.places[key][0]
    expr = statements.statements[first].expr
    for partial in partials_in(expr):
        old = partial.by.symbol if isinstance(partial.by, Ref) else None
        if old is None:
            continue
        for other in statements.symbols:
            if other == old or other.kind == "x" or not same_units(other, old):
                continue
            if not statements.has_partial(other, first):
                continue
            near = other.layer == old.layer or (other.kind == "pred" and old.layer == statements.net.depth)
            yield from _slip(statements, key, "wrong_symbol" if near else "wrong_layer", f"d{at_home(other)}",
                             lambda s, o=old, n=other: put_partial(s.expr, o, n), cost + (0 if near else 0.3),
                             what="", read=f"d{at_home(other)}", expected=f"d{at_home(old)}")  # type: ignore[misc]  # fmt: skip


def _weights(expr: Expr) -> Iterator[Symbol]:
    yield from (a.symbol for a in atoms(expr) if isinstance(a, Ref) and a.symbol.kind == "w")


def _owners(expr: Expr) -> Iterator[Symbol]:
    yield from (p.by.symbol for p in partials_in(expr) if isinstance(p.by, Ref))


def _turned(expr: Expr, weight: Symbol) -> Expr:
    """Return an expression with a square W where Wᵀ stands."""

    def change(atom: Atom) -> Expr:
        if isinstance(atom, Ref) and atom.symbol == weight:
            return Ref(weight, tuple(reversed(atom.indices)))
        return atom

    return replace_atoms(expr, change)


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

