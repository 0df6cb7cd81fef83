"""Slips in ∂loss/∂z = ∂loss/∂a · f′(z): an activation's derivative left out, taken twice, at the wrong place, …."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chainrule.algebra import add, divide, mul, negative, rebuild
from chainrule.expr import ONE, ZERO, Call, Expr, Index, Iverson, Mul, Partial, Power, Ref, Symbol
from chainrule.judge.code.slips import Slip, Statements, at_home, same_units, slip_at, terms_of
from chainrule.network import Network
from chainrule.program import Statement
from chainrule.rules import ACTIVATIONS, Rule
from chainrule.values.contract import Key

USUAL = ("sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu")
"""Activations that are taken for one another, the most usual ones first."""


def slope(row: Rule, z: Expr, a: Expr, parameter: float | None) -> Expr | None:
    """Return f′ as the table writes it, with something else for z, or for the a in it; None for a softmax."""
    if row.vector:
        return None
    return row.slopes[0](z, result=a, parameter=row.parameter if parameter is None else parameter)


def value(row: Rule, z: Expr, parameter: float | None) -> Expr:
    """Return f(z)."""
    return Call(row.name, (z,), row.parameter if parameter is None else parameter)


@dataclass(frozen=True)
class _Parts:
    """∂loss/∂z taken apart: ∂loss/∂a, the activation with its parameter, z and a at the same indices."""

    outer: Partial
    row: Rule
    parameter: float | None
    z: Ref
    a: Ref

    @property
    def right(self) -> Expr | None:
        return slope(self.row, self.z, self.a, self.parameter)


Make = Callable[[_Parts], Expr | None]


def slips(statements: Statements, key: Key, symbol: Symbol) -> Iterator[Slip]:
    """Yield the slips at ∂loss/∂ one z."""
    layer = symbol.layer
    result = None if layer is None else statements.symbol("a", layer)
    if layer is None or result is None:
        return
    names = {ACTIVATIONS[activation.name].name for activation in statements.net.layers[layer - 1].activations}
    shown = ", ".join(sorted(names))

    def at(kind: str, detail: str, make: Make, cost: float, **facts: object) -> Iterator[Slip]:
        def rewrite(statement: Statement) -> Expr | None:
            parts = _parts(statements.net, statement, layer or 0, result)
            factor = make(parts)
            return None if factor is None else mul(parts.outer, factor)

        return slip_at(statements, key, kind, detail, rewrite, cost, what=shown, **facts)

    yield from at("missing_derivative", "", lambda p: ONE, 0.0)
    if "softmax" in names:
        yield from at("wrong_derivative", "diagonal", lambda p: slope(ACTIVATIONS["sigmoid"], p.z, p.a, None), 0.2)
        return
    for rank, name in enumerate(USUAL):
        yield from at("wrong_derivative", f"{name} of a", _of_other(name, written_with_a=True), 0.25 + rank / 50)
        yield from at("wrong_derivative", name, _of_other(name, written_with_a=False), 0.3 + rank / 50)
    a, z = (
        {"read": at_home(result), "expected": at_home(symbol)},
        {"read": at_home(symbol), "expected": at_home(result)},
    )
    yield from at("wrong_argument", "a for z", lambda p: slope(p.row, p.a, value(p.row, p.a, p.parameter), p.parameter),
                  0.1, **a)  # fmt: skip
    yield from at("wrong_argument", "z for a", lambda p: slope(p.row, p.z, p.z, p.parameter), 0.1, **z)
    yield from at("wrong_argument", "a for both", lambda p: slope(p.row, p.a, p.a, p.parameter), 0.15, **a)
    yield from at("extra_derivative", "", lambda p: None if p.right is None else mul(p.right, p.right), 0.3)
    yield from at("value_for_derivative", "", lambda p: p.a, 0.2)
    yield from at("value_for_derivative", "z", lambda p: p.z, 0.6)
    yield from at("wrong_derivative", "1 - a", lambda p: add(ONE, negative(p.a)), 0.5)
    yield from at("wrong_derivative", "inverse", lambda p: None if p.right is None else divide(ONE, p.right), 0.9)
    first = _parts(statements.net, statements.statements[statements.places[key][0]], layer, result).right
    for number in range(0 if first is None else len(list(_nearby(first)))):
        yield from at("wrong_derivative", f"near {number}", _near(number), 0.6)
    for other in statements.symbols:
        if other not in (symbol, result) and same_units(other, symbol):
            facts = {"read": at_home(other), "expected": at_home(result)}
            yield from at("wrong_layer", at_home(other), _of_layer(other), 0.6, **facts)
    if "relu" in names:  # the sign of what comes back, instead of the sign of z
        yield from at("wrong_derivative", "[dA > 0]", lambda p: Iverson(p.outer, ">", ZERO), 0.5)


def _parts(net: Network, statement: Statement, layer: int, result: Symbol) -> _Parts:
    assert isinstance(statement.target, Partial) and isinstance(statement.target.by, Ref)
    z = statement.target.by
    unit = z.indices[-1]
    first = unit.range()[0] if isinstance(unit, Index) else unit
    assert isinstance(first, int), "a statement's target stands at indices and numbers"
    activation = net.layers[layer - 1].activation(first)
    a = Ref(result, z.indices)
    return _Parts(Partial(statement.target.of, a), ACTIVATIONS[activation.name], activation.parameter, z, a)


def _of_other(name: str, *, written_with_a: bool) -> Make:
    """Return the derivative of another activation: at z, or as it is written with a, where a is this one's."""
    row = ACTIVATIONS[name]
    return lambda p: slope(row, p.z, p.a if written_with_a else value(row, p.z, None), None)


def _of_layer(other: Symbol) -> Make:
    """Return the derivative at another layer's z or a."""

    def make(parts: _Parts) -> Expr | None:
        at = Ref(other, parts.z.indices)
        result = value(parts.row, at, parts.parameter) if other.kind == "z" else at
        return slope(parts.row, at, result, parts.parameter)

    return make


def _near(number: int) -> Make:
    def make(parts: _Parts) -> Expr | None:
        found = [] if parts.right is None else list(_nearby(parts.right))
        return found[number] if number < len(found) else None

    return make


def _nearby(expr: Expr) -> Iterator[Expr]:
    """Yield an expression with one thing changed, wherever in it: a sign, a square, a factor or a term left out."""
    match expr:
        case Power(base, 2):
            yield base
        case Mul(factors, dot):
            if len(factors) > 1:
                yield from (mul(*factors[:at], *factors[at + 1 :], dot=dot) for at in range(len(factors)))
        case _:
            terms = terms_of(expr)
            for at in range(len(terms) if len(terms) > 1 else 0):
                if at:
                    yield add(*terms[:at], negative(terms[at]), *terms[at + 1 :])
                yield add(*terms[:at], *terms[at + 1 :])
    children: list[Expr] = []

    def kept(child: Expr) -> Expr:
        children.append(child)
        return child

    rebuild(expr, kept)
    for position, child in enumerate(children):
        for other in _nearby(child):
            yield rebuild(expr, _replacing(position, other))


def _replacing(position: int, other: Expr) -> Callable[[Expr], Expr]:
    """Return what puts an expression in the place of the child at a position."""
    left = position

    def change(child: Expr) -> Expr:
        nonlocal left
        left -= 1
        return other if left == -1 else child

    return change
