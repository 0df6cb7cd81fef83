"""What was read, in plain spelling: the echo that shows a person how the judge took a side."""

from __future__ import annotations

from chainrule.judge.reading import written
from chainrule.judge.syntax import (
    Applied,
    Cases,
    Condition,
    Derivative,
    Group,
    Listed,
    Literal,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    ShapeOf,
    Summation,
    Times,
    Total,
    Transposed,
    Unread,
)

_SUM, _PRODUCT, _FACTOR = 1, 2, 3


def spelled(node: Node | Unread) -> str:
    r"""Return a side in plain spelling; '' where it was not read.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> (chain,) = read_formula(r"\frac{\partial L}{\partial w_{11}^3} = (p - t) \cdot a_1^2")
        >>> [spelled(side.node) for side in chain.sides]
        ['∂L/∂w_11^3', '(p − t) · a_1^2']
    """
    return "" if isinstance(node, Unread) else _spelled(node)[0]


def _spelled(node: Node) -> tuple[str, int]:
    """Return the spelling, and how tightly it holds together."""
    match node:
        case Name():
            return written(node) + "′" * node.primes, _FACTOR
        case Derivative(of, by):
            return f"∂{_held(of, _FACTOR)}/∂{_held(by, _FACTOR)}", _FACTOR
        case Times(factors, marks):
            found = _held(factors[0], _PRODUCT)
            for mark, factor in zip(marks, factors[1:], strict=True):
                found += f" {'·' if mark in ('', '*') else mark} {_held(factor, _FACTOR)}"
            return found, _PRODUCT
        case Literal(value):
            return str(value), _FACTOR if value.denominator == 1 else _PRODUCT
        case Negated(body):
            return f"−{_held(body, _PRODUCT)}", _SUM
        case Total(terms):
            parts = [_held(terms[0], _PRODUCT) if not isinstance(terms[0], Negated) else _spelled(terms[0])[0]]
            for term in terms[1:]:
                negative = isinstance(term, Negated)
                parts.append(f" − {_held(term.body, _PRODUCT)}" if negative else f" + {_held(term, _PRODUCT)}")  # type: ignore[union-attr]
            return "".join(parts), _SUM
        case Quotient(above, below):
            return f"{_held(above, _FACTOR)}/{_held(below, _FACTOR)}", _PRODUCT
        case Raised(base, exponent):
            return f"{_held(base, _FACTOR)}^{_held(exponent, _FACTOR)}", _FACTOR
        case Transposed(body):
            return f"{_held(body, _FACTOR)}ᵀ", _FACTOR
        case Applied(function, args):
            listed = ", ".join(_spelled(arg)[0] for arg in args)
            return f"{_spelled(function)[0]}({listed})", _FACTOR
        case Summation(letter, lower, upper, body):
            bounds = "" if lower is None else f"={_spelled(lower)[0]}" + (f"..{_spelled(upper)[0]}" if upper else "")
            return f"Σ_{letter}{bounds} {_held(body, _PRODUCT)}", _SUM
        case Group(body):
            return f"({_spelled(body)[0]})", _FACTOR
        case Condition(left, relation, right):
            return f"{_spelled(left)[0]} {relation} {_spelled(right)[0]}", _SUM
        case Cases(cases):
            parts = [_spelled(v)[0] + (f" if {_spelled(c)[0]}" if c is not None else "") for v, c in cases]
            return "{" + "; ".join(parts) + "}", _FACTOR
        case Listed(items):
            return "(" + ", ".join(_spelled(item)[0] for item in items) + ")", _FACTOR
        case ShapeOf(body):
            return f"shape of {_spelled(body)[0]}", _SUM
    raise AssertionError(type(node).__name__)


def _held(node: Node, tight: int) -> str:
    text, own = _spelled(node)
    return text if own >= tight else f"({text})"
