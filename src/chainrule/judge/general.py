"""Equations about functions in general, σ'(z) = σ(z)(1 − σ(z)), and about numbers: what is no claim about the network.

Here stands what a chain is apart from equations between quantities of the network: a rule for a function whose argument
may be anything, an update of the weights, numbers that are put in where no sheet gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from chainrule.judge.syntax import (
    Applied,
    Chain,
    Derivative,
    Group,
    Literal,
    Name,
    Negated,
    Node,
    Quotient,
    Times,
    Total,
    Unread,
    unbracketed,
)
from chainrule.judge.tokens import FUNCTIONS
from chainrule.rules import RULES

if TYPE_CHECKING:
    from chainrule.network import Network

NO_VARIABLE = Name("", "", "", "", 0, (0, 0), (0, 0), (0, 0))
"""The argument of σ in σ' = σ(1 − σ), which is not written."""

_USUAL = frozenset(Fraction(*pair) for pair in ((1, 2), (1, 3), (2, 3), (1, 4), (1, 6), (1, 8)))


def variable(chain: Chain) -> Name | None:
    """Return the argument of an equation between functions of one thing, or None where it is another equation."""
    if any(isinstance(side.node, Unread) for side in chain.sides) or not _of_function(unbracketed(chain.sides[0].node)):
        return None
    found: Name | None = None
    for name in chain.names:
        if name.base == "e" or is_function(name):
            continue
        if name.sub or name.suffix or name.primes or (name.sup and not name.sup.isdigit()):
            return None
        if found is not None and found.base != name.base:
            return None
        found = name
    return found or NO_VARIABLE


def is_function(name: Name) -> bool:
    """Return whether a name without an argument is that of a function: σ in σ' = σ(1 − σ)."""
    return name.base in FUNCTIONS and not name.sub and name.base != "h"


def _of_function(node: Node | Unread) -> bool:
    if isinstance(node, Derivative):
        above, by = unbracketed(node.of), unbracketed(node.by)
        return isinstance(by, Name) and not by.sub and (
            (isinstance(above, Applied) and len(above.args) == 1
             and unbracketed(above.args[0]) == _moved(by, above.args[0]))
            or (isinstance(above, Name) and is_function(above))
        )  # fmt: skip
    if isinstance(node, Applied):
        argument = unbracketed(node.args[0])
        return len(node.args) == 1 and isinstance(argument, Name) and not argument.sub and not argument.sup
    return isinstance(node, Name) and is_function(node) and node.primes > 0


def _moved(name: Name, place: Node) -> Node:
    """Return a name as if it stood in another place."""
    there = unbracketed(place)
    if not isinstance(there, Name):
        return name
    return Name(name.base, name.sub, name.sup, name.suffix, name.primes, there.sub_span, there.sup_span, there.span)


# Updates


def updates(left: Node, right: Node, kinds: Mapping[str, str]) -> bool:
    """Return whether an equation says how a weight is changed: w = w − η ∂L/∂w, or Δw = −η ∂L/∂w."""
    bare = unbracketed(left)
    if isinstance(bare, Times) and not bare.marks[0]:
        first, second = bare.factors[:2]
        return (
            isinstance(first, Name) and first.base in ("Δ", "δ") and not first.sub and not first.sup
            and isinstance(second, Name) and kinds.get(second.base) in ("w", "b")
        )  # fmt: skip
    if not isinstance(bare, Name) or kinds.get(bare.base) not in ("w", "b") or not isinstance(right, Total):
        return False
    first = right.terms[0]
    return isinstance(first, Name) and first.base == bare.base and first.sub == bare.sub and len(right.terms) > 1


# Numbers


def is_constant(node: Node) -> bool:
    """Return whether a side of numbers is one that belongs in a formula: a whole number, or a fraction such as 1/3."""
    while isinstance(node, Group | Negated):
        node = node.body
    if isinstance(node, Quotient):
        return is_constant(node.above) and is_constant(node.below)
    return isinstance(node, Literal) and (node.value.denominator == 1 or node.value in _USUAL)


def own_decimals(net: Network) -> frozenset[Fraction]:
    """Return the numbers with decimals that may stand in a formula about a network without being put in for a name."""
    own = {Fraction(1, 2), *_USUAL}
    for layer in net.layers:
        for activation in layer.activations:
            parameter = RULES[activation.name].parameter if activation.parameter is None else activation.parameter
            if parameter is not None:
                exact = Fraction(str(parameter))
                own |= {exact, 1 - exact, 1 + exact}
    return frozenset(own)


def uncertainty(parts: Iterable[Node]) -> float:
    """Return by which share of itself a side may be off since its numbers are rounded to two decimals or more.

    Example:
        >>> uncertainty(iter([Literal(Fraction("0.73"), (0, 4)), Literal(Fraction(1, 2), (5, 8))]))
        0.006986301369863015
    """
    share = 0.0
    for part in parts:
        if isinstance(part, Literal) and part.value and (off := off_by(part.value)):
            share += off / abs(float(part.value))
    return share


def off_by(value: Fraction) -> float:
    """Return by how much a number may be off that is written with at least two decimals; 0 for another."""
    for decimals in range(2, 16):
        if (value * 10**decimals).denominator == 1:
            return 0.51 * 10.0**-decimals if (value * 10 ** (decimals - 1)).denominator != 1 else 0.0
    return 0.0
