"""The functions that a document may apply, evaluated from their rows in `chainrule.rules`.

A row with a value is computed from it, one with a slope from that; what is left are the primitives, which exist for
float64 (`chainrule.values.numeric`) and for numbers of many digits (`chainrule.judge.world_exact`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.calculus import call_slope
from chainrule.expr import Add, Call, Div, Expr, Iverson, Mul, Number, Power, Ref, Symbol
from chainrule.rules import ACTIVATIONS, RULES, canonical

if TYPE_CHECKING:
    from chainrule.judge.syntax import Name
    from chainrule.program import Program

Array = np.ndarray[Any, Any]
Table = Mapping[str, Callable[..., Any]]

_GENERIC = frozenset(("σ", "f", "g", "φ", "h", "ϕ", "ψ", "act", "activation"))
"""Letters that stand for whatever activation a layer has; σ only where no layer has a sigmoid."""

_PLAIN = {
    "exp": "exp", "log": "log", "ln": "log", "abs": "abs", "sign": "sign", "sgn": "sign", "sqrt": "sqrt",
    "Φ": "normal_cdf", "expm1": "expm1", "softmax": "softmax", "cosh": "cosh", "sinh": "sinh", "sech": "sech",
    "logcosh": "logcosh", "hardσ": "hard_sigmoid",
}  # fmt: skip

LOSS_FUNCTIONS = {
    "CE": ("cross_entropy", "cross_entropy_index", "softmax_cross_entropy", "softmax_cross_entropy_index"),
    "BCE": ("binary_cross_entropy", "bce_with_logits"),
    "NLL": ("cross_entropy", "cross_entropy_index"),
    "MSE": ("mse", "half_squared_error"),
}
"""What losses are called as functions of output and target, CE(y, ŷ), and which losses that can be."""

_HOLE = Ref(Symbol("argument"))


def _hyperbolic() -> dict[str, tuple[Expr, Expr]]:
    """Return cosh, sinh and sech, which no row of the table is, each with its slope."""
    up, down = Call("exp", (_HOLE,)), Call("exp", (Mul((Number(Fraction(-1)), _HOLE)),))
    half, minus = Number(Fraction(1, 2)), Number(Fraction(-1))
    cosh, sinh = Mul((half, Add((up, down)))), Mul((half, Add((up, Mul((minus, down))))))
    sech = Div(Number(Fraction(1)), cosh)
    return {"cosh": (cosh, sinh), "sinh": (sinh, cosh), "sech": (sech, Mul((minus, sech, Call("tanh", (_HOLE,)))))}


_HYPERBOLIC = _hyperbolic()


def function_named(
    function: Name, of_layer: tuple[str, float | None] | None, program: Program, *, sigmoid: bool = False
) -> tuple[str | None, float | None]:
    """Return the table's name of a function on the page, and its parameter; None where it is none.

    Args:
        function: the name, with its primes.
        of_layer: the activation of the layer whose z it is applied to, where that is known.
        program: the network's statements.
        sigmoid: whether σ is the sigmoid, whatever activation a layer has.
    """
    base = function.base
    net = program.network
    assert net is not None
    used = list(dict.fromkeys((a.name, a.parameter) for layer in net.layers for a in layer.activations))
    if base == "σ" and (sigmoid or any(name == "sigmoid" for name, _ in used)):
        return "sigmoid", None
    if base == "φ" and any(name == "gelu" for name, _ in used):
        return "normal_pdf", None  # the density beside Φ
    if base in _GENERIC:
        if of_layer is not None:
            return of_layer
        bent = {pair for pair in used if pair[0] not in ("identity", "softmax")}
        return next(iter(bent)) if len(bent) == 1 else (None, None)
    if base in _PLAIN:
        return _PLAIN[base], None
    name = canonical(base, ACTIVATIONS)
    if name is None:
        return None, None
    # The layer's own parameter, or the network's: the slope of its leaky ReLU is what the document means too.
    if of_layer is not None and of_layer[0] == name:
        return of_layer
    return name, next((parameter for used_name, parameter in used if used_name == name), None)


def call(name: str, parameter: float | None, slope: bool, value: Array, table: Table) -> Array:
    """Return a function's value, or its slope, at an array.

    Example:
        >>> from chainrule.values.numeric import PRIMITIVES
        >>> call("tanh", None, True, np.array([0.0]), PRIMITIVES).tolist()
        [1.0]
    """
    if name == "sqrt":
        if slope:
            return 0.5 / np.sqrt(value)
        return np.asarray(value**0.5)
    if name in _HYPERBOLIC:
        return _value(_HYPERBOLIC[name][slope], value, table)
    if slope:
        found = _value(_slope(name, parameter), value, table)
        return found if found.shape == value.shape else np.full(value.shape, found)  # sign' is 0 at all of them
    return _value(Call(name, (_HOLE,), _parameter(name, parameter)), value, table)


@cache
def _slope(name: str, parameter: float | None) -> Expr:
    own = Call(name, (_HOLE,), _parameter(name, parameter))
    return call_slope(name, 0, (_HOLE,), own, own.parameter)


def _parameter(name: str, parameter: float | None) -> float | None:
    return RULES[name].parameter if parameter is None else parameter


def _value(expr: Expr, hole: Array, table: Table) -> Array:
    """Return the value of an expression in the hole alone."""
    match expr:
        case Ref():
            return hole
        case Number(value):
            return np.asarray(_number(value, hole))
        case Add(terms):
            found = _value(terms[0], hole, table)
            for term in terms[1:]:
                found = np.asarray(found + _value(term, hole, table))
            return found
        case Mul(factors):
            found = _value(factors[0], hole, table)
            for factor in factors[1:]:
                found = np.asarray(found * _value(factor, hole, table))
            return found
        case Div(above, below):
            return np.asarray(_value(above, hole, table) / _value(below, hole, table))
        case Power(base, exponent):
            return np.asarray(_value(base, hole, table) ** exponent)
        case Iverson(left, relation, right):
            compare = {"<": np.less, ">": np.greater, "≤": np.less_equal, "≥": np.greater_equal, "=": np.equal}
            held = compare[relation](_value(left, hole, table), _value(right, hole, table))
            return np.asarray(np.asarray(held, dtype=np.float64) * _number(1, hole))
        case Call(function, args, parameter):
            primitive = table.get(function)
            if primitive is not None:
                return np.asarray(primitive(*(_value(arg, hole, table) for arg in args)))
            row = RULES[function]
            assert row.value is not None, f"{function} has neither a value nor a primitive"
            return np.asarray(_value(row.value(*args, parameter=parameter), hole, table))
        case _:
            raise AssertionError(f"no function of one argument has {type(expr).__name__}")


def _number(value: Any, like: Array) -> Any:
    if like.dtype == object:
        from mpmath import mpf

        return mpf(value.numerator) / value.denominator if hasattr(value, "numerator") else mpf(value)
    return float(value)
