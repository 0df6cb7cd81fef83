"""The derivative of one expression by one atom: the product rule, and one row of the table per elementary function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.algebra import (
    add,
    delta,
    divide,
    is_number,
    mul,
    negative,
    number,
    replace_atoms,
    substitute,
    total,
)
from chainrule.expr import (
    ZERO,
    Add,
    Atom,
    Call,
    Div,
    Expr,
    Gather,
    Index,
    Mul,
    Partial,
    Power,
    Ref,
    Sum,
    Symbol,
    Term,
)
from chainrule.rules import RULES

if TYPE_CHECKING:
    pass


Key = tuple[Symbol, ...]
"""What an atom is a member of: its symbol; for a Partial, the symbols of what is differentiated and by what."""


def key(atom: Atom) -> Key:
    """Return the family key of an atom."""
    return (atom.symbol,) if isinstance(atom, Ref) else (*key(atom.of), *key(atom.by))


def terms(atom: Atom) -> tuple[Term, ...]:
    """Return all indices of an atom."""
    return atom.indices if isinstance(atom, Ref) else (*terms(atom.of), *terms(atom.by))


def differentiate(expr: Expr, by: Atom, *, result: Atom | None = None) -> Expr:
    """Return ∂expr/∂by, with Kronecker δs between the indices inside expr and those of `by`.

    Args:
        expr: any expression.
        by: an atom at indices that do not occur in expr.
        result: the atom that expr defines, if it defines one; derivatives are written through it where a rule says so.

    Example:
        >>> from chainrule.algebra import add, negative
        >>> from chainrule.expr import ONE
        >>> z, a = Ref(Symbol("z")), Ref(Symbol("a"))
        >>> differentiate(Call("tanh", (z,)), z, result=a) == add(ONE, negative(Power(a, 2)))
        True
    """

    def slope(part: Expr) -> Expr:
        return differentiate(part, by)

    match expr:
        case Ref() | Partial():
            if key(expr) != key(by):
                return ZERO
            return mul(*(delta(left, right) for left, right in zip(terms(expr), terms(by), strict=True)))
        case Sum(index, body):
            return total(index, slope(body))
        case Add(parts):
            return add(*map(slope, parts))
        case Mul(factors, dot):
            return add(
                *(
                    mul(*factors[:position], change, *factors[position + 1 :], dot=dot)
                    for position, factor in enumerate(factors)
                    if not is_number(change := slope(factor), 0)
                )
            )
        case Div(above, below):
            first = divide(slope(above), below)
            inner = slope(below)
            if is_number(inner, 0):
                return first
            return add(first, negative(mul(Div(above, Power(below, 2)), inner)))
        case Power(base, exponent):
            inner = slope(base)
            if is_number(inner, 0):
                return ZERO
            rest = base if exponent == 2 else Power(base, exponent - 1)
            return mul(number(exponent), rest, inner, dot=False)
        case Call(function, args, parameter):
            own = expr if result is None else result
            slopes = [slope(arg) for arg in args]
            return add(
                *(
                    mul(call_slope(function, position, args, own, parameter), inner)
                    for position, inner in enumerate(slopes)
                    if not is_number(inner, 0)
                )
            )
        case Gather(function, index, body, at):
            return _gather_slope(expr, function, index, body, at, by, result)
        case _:
            return ZERO  # numbers, sizes, δs, positions and brackets do not change with an atom, kinks apart


def call_slope(function: str, position: int, args: tuple[Expr, ...], result: Expr, parameter: float | None) -> Expr:
    """Return the derivative of a row by an argument: in the row's own form, or from its value where it has none."""
    row = RULES[function]
    if position < len(row.slopes):
        return row.slopes[position](*args, result=result, parameter=parameter)
    assert row.value is not None, f"{function} has neither slope nor value"
    holes = tuple(Ref(Symbol(f"argument {number_}")) for number_ in range(len(args)))
    change = differentiate(row.value(*holes, parameter=parameter), holes[position])
    put_in = dict(zip(holes, args, strict=True))
    return replace_atoms(change, lambda atom: put_in.get(atom, atom) if isinstance(atom, Ref) else atom)


def _gather_slope(
    own: Expr, function: str, index: Index, body: Expr, at: Term | None, by: Atom, result: Atom | None
) -> Expr:
    """Return the derivative of softmax (its Jacobian's row) or of log-sum-exp (which is softmax)."""
    inner = differentiate(body, by)
    if is_number(inner, 0):
        return ZERO
    if function == "logsumexp":
        fresh = replace(index, name=index.name + "'")
        return total(index, mul(Gather("softmax", fresh, substitute(body, {index: fresh}), index), inner))
    here: Expr = own if result is None else result
    if result is None or not isinstance(at, Index):
        fresh = replace(index, name=index.name + "'")
        there: Expr = Gather("softmax", fresh, substitute(body, {index: fresh}), index)
    else:
        there = substitute(result, {at: index})
    assert at is not None
    return total(index, mul(mul(here, add(delta(at, index), negative(there)), dot=False), inner))
