"""The table: one row per elementary function, activation and loss — its value, its derivative, how it is written, why.

A row holds expressions, not programs: `value` in terms of more elementary rows, `slopes` (the derivative by each
argument) written as the field writes them, through the function's own result where that is usual — a(1 − a) for the
sigmoid. Every form, the numbers, the judge and the compiler read these rows; adding an activation or a loss is adding
one row. Rows without a `value` are primitives, whose numbers stand in `chainrule.values`.

At a kink the row takes one value and its sentence in `prose/` (`rule.kink.<name>`) says which.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from chainrule.algebra import add, divide, mul, negative, number, substitute, total
from chainrule.expr import ONE, ZERO, Call, Div, Expr, Gather, Index, Iverson, Position, Power

Slope = Callable[..., Expr]
"""(args…, result=, parameter=) → the derivative by one argument."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row.

    Attributes:
        name: the name in shorthand, TOML and code.
        text, latex, typst: the head as it is written, `σ` in σ(z).
        value: (args…, parameter=) → the value in more elementary functions; None for a primitive.
        slopes: for each argument (…, result=, parameter=) → the derivative; arguments beyond these are differentiated
            from `value`.
        aliases: other names that people use.
        parameter: the default of the one parameter, where there is one.
        vector: whether it takes a whole row of units or outputs at once.
        class_index: for a loss, whether the target is the number of a class, counted from 1.
        targets: for a loss, what its targets are: number, sign (−1 or 1), probability (0 to 1), distribution (a row
            adds up
            to 1, as p − t needs it) or shares (usually a distribution, but any numbers will do).
        build: for a loss that is not a sum of one term per output: (index, pred, true) → the loss of one sample.
        reduction: for a loss, the usual way to gather, over (samples, outputs).
        source: where the definition is from.
    """

    name: str
    text: str
    latex: str
    typst: str
    value: Callable[..., Expr] | None = None
    slopes: tuple[Slope, ...] = ()
    aliases: tuple[str, ...] = ()
    parameter: float | None = None
    vector: bool = False
    class_index: bool = False
    targets: str = "number"
    build: Callable[[Index, Expr, Expr], Expr] = lambda k, pred, true: ZERO
    reduction: tuple[str, str] = ("sum", "sum")
    source: str = ""


def _call(name: str, *args: Expr) -> Expr:
    return Call(name, args)


def _tight(*factors: Expr) -> Expr:
    return mul(*factors, dot=False)


def _minus(left: Expr, right: Expr) -> Expr:
    return add(left, negative(right))


def _square(base: Expr) -> Expr:
    return Power(base, 2)


HALF = number(Fraction(1, 2))
TWO = number(2)
SELU_SCALE = number(1.0507009873554805, "lambda")
SELU_ALPHA = number(1.6732632423543772, "alpha")
ROOT_2_PI = number(0.7978845608028654, "sqrt(2/pi)")
GELU_CUBE = number(0.044715)


def _positive(z: Expr) -> Expr:
    return Iverson(z, ">", ZERO)


def _not_positive(z: Expr) -> Expr:
    return Iverson(z, "≤", ZERO)


def _gelu_inner(z: Expr) -> Expr:
    return _tight(ROOT_2_PI, add(z, _tight(GELU_CUBE, Power(z, 3))))


def _gelu_tanh_slope(z: Expr, **_: object) -> Expr:
    t = _call("tanh", _gelu_inner(z))
    inner = _tight(ROOT_2_PI, add(ONE, _tight(number(3 * 0.044715), _square(z))))
    return add(_tight(HALF, add(ONE, t)), _tight(HALF, z, _minus(ONE, _square(t)), inner))


def _huber(p: Expr, t: Expr, parameter: float) -> Expr:
    r, d = _minus(p, t), number(float(parameter))
    size = _call("abs", r)
    near = _tight(Iverson(size, "≤", d), Div(_square(r), TWO))
    return add(near, _tight(Iverson(size, ">", d), d, _minus(size, number(float(parameter) / 2))))


def _clip(low: Expr, x: Expr, high: Expr) -> Expr:
    return _call("max", low, _call("min", x, high))


_PRIMITIVES = (
    Rule("exp", "exp", r"\exp", "exp", slopes=(lambda x, result, **_: result,)),
    Rule("expm1", "expm1", r"\operatorname{expm1}", "expm1", slopes=(lambda x, **_: _call("exp", x),)),
    Rule("log", "log", r"\log", "log", slopes=(lambda x, **_: Div(ONE, x),)),
    Rule("abs", "abs", r"\operatorname{abs}", "abs", slopes=(lambda x, **_: _call("sign", x),)),
    Rule("sign", "sign", r"\operatorname{sign}", "sign", slopes=(lambda x, **_: ZERO,)),
    Rule(
        "max", "max", r"\max", "max",
        slopes=(lambda a, b, **_: Iverson(a, "≥", b), lambda a, b, **_: Iverson(b, ">", a)),
    ),
    Rule(
        "min", "min", r"\min", "min",
        slopes=(lambda a, b, **_: Iverson(a, "<", b), lambda a, b, **_: Iverson(b, "≤", a)),
    ),
    Rule("normal_cdf", "Φ", r"\Phi", "Phi", slopes=(lambda x, **_: _call("normal_pdf", x),)),
    Rule("normal_pdf", "φ", r"\varphi", "phi", slopes=(lambda x, result, **_: _tight(number(-1), x, result),)),
    Rule("logcosh", "log cosh", r"\log\cosh", "log cosh", slopes=(lambda x, **_: _call("tanh", x),)),
)  # fmt: skip

_ACTIVATION_ROWS = (
    Rule(
        "identity", "id", r"\operatorname{id}", "id",
        value=lambda z, **_: z,
        slopes=(lambda z, **_: ONE,),
        aliases=("linear", "id", "none"),
        source="f(z) = z",
    ),
    Rule(
        "sigmoid", "σ", r"\sigma", "sigma",
        slopes=(lambda z, result, **_: _tight(result, _minus(ONE, result)),),
        aliases=("logistic", "σ"),
        source="Rumelhart, Hinton, Williams 1986, Nature 323, eq. 2",
    ),
    Rule(
        "tanh", "tanh", r"\tanh", "tanh",
        slopes=(lambda z, result, **_: _minus(ONE, _square(result)),),
        source="LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, §4.4",
    ),
    Rule(
        "relu", "ReLU", r"\operatorname{ReLU}", '"ReLU"',
        value=lambda z, **_: _call("max", ZERO, z),
        slopes=(lambda z, **_: _positive(z),),
        source="Nair, Hinton 2010, ICML",
    ),
    Rule(
        "leaky_relu", "LeakyReLU", r"\operatorname{LeakyReLU}", '"LeakyReLU"',
        value=lambda z, parameter, **_: add(
            _call("max", ZERO, z), _tight(number(float(parameter)), _call("min", ZERO, z))
        ),
        slopes=(lambda z, parameter, **_: add(_positive(z), _tight(number(float(parameter)), _not_positive(z))),),
        aliases=("leakyrelu", "lrelu"),
        parameter=0.01,
        source="Maas, Hannun, Ng 2013, ICML",
    ),
    Rule(
        "elu", "ELU", r"\operatorname{ELU}", '"ELU"',
        value=lambda z, parameter, **_: add(
            _call("max", ZERO, z), _tight(number(float(parameter)), _call("expm1", _call("min", ZERO, z)))
        ),
        slopes=(
            lambda z, result, parameter, **_: add(
                _positive(z), _tight(_not_positive(z), add(result, number(float(parameter))))
            ),
        ),
        parameter=1.0,
        source="Clevert, Unterthiner, Hochreiter 2016, ICLR, eq. 15",
    ),
    Rule(
        "selu", "SELU", r"\operatorname{SELU}", '"SELU"',
        value=lambda z, **_: _tight(
            SELU_SCALE, add(_call("max", ZERO, z), _tight(SELU_ALPHA, _call("expm1", _call("min", ZERO, z))))
        ),
        slopes=(
            lambda z, result, **_: add(
                _tight(SELU_SCALE, _positive(z)),
                _tight(_not_positive(z), add(result, _tight(SELU_SCALE, SELU_ALPHA))),
            ),
        ),
        source="Klambauer, Unterthiner, Mayr, Hochreiter 2017, NeurIPS, eq. 2",
    ),
    Rule(
        "softplus", "softplus", r"\operatorname{softplus}", '"softplus"',
        slopes=(lambda z, **_: _call("sigmoid", z),),
        source="Dugas, Bengio, Bélisle, Nadeau, Garcia 2001, NeurIPS",
    ),
    Rule(
        "gelu", "GELU", r"\operatorname{GELU}", '"GELU"',
        value=lambda z, **_: _tight(z, _call("normal_cdf", z)),
        slopes=(lambda z, **_: add(_call("normal_cdf", z), _tight(z, _call("normal_pdf", z))),),
        aliases=("gelu_erf",),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415, §2",
    ),
    Rule(
        "gelu_tanh", "GELUtanh", r"\operatorname{GELU_{tanh}}", '"GELU"_"tanh"',
        value=lambda z, **_: _tight(HALF, z, add(ONE, _call("tanh", _gelu_inner(z)))),
        slopes=(_gelu_tanh_slope,),
        aliases=("gelu_approximate",),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415, §2",
    ),
    Rule(
        "silu", "SiLU", r"\operatorname{SiLU}", '"SiLU"',
        value=lambda z, **_: _tight(z, _call("sigmoid", z)),
        slopes=(lambda z, result, **_: add(result, _tight(_call("sigmoid", z), _minus(ONE, result))),),
        aliases=("swish",),
        source="Elfwing, Uchibe, Doya 2018, Neural Networks 107, eq. 5",
    ),
    Rule(
        "mish", "Mish", r"\operatorname{Mish}", '"Mish"',
        value=lambda z, **_: _tight(z, _call("tanh", _call("softplus", z))),
        slopes=(
            lambda z, **_: add(
                _call("tanh", _call("softplus", z)),
                _tight(z, _call("sigmoid", z), _minus(ONE, _square(_call("tanh", _call("softplus", z))))),
            ),
        ),
        source="Misra 2020, BMVC",
    ),
    Rule(
        "hard_sigmoid", "hardσ", r"\operatorname{hard\sigma}", '"hard"sigma',
        value=lambda z, **_: _clip(ZERO, add(Div(z, number(6)), HALF), ONE),
        slopes=(
            lambda z, **_: _tight(
                number(Fraction(1, 6)), Iverson(_call("abs", z), "<", number(3)),
            ),
        ),
        aliases=("hardsigmoid",),
        source="Howard et al. 2019, ICCV (MobileNetV3), §5.2",
    ),
    Rule(
        "hard_tanh", "hardtanh", r"\operatorname{hardtanh}", '"hardtanh"',
        value=lambda z, **_: _clip(number(-1), z, ONE),
        slopes=(lambda z, **_: Iverson(_call("abs", z), "<", ONE),),
        aliases=("hardtanh",),
        source="Collobert 2004, thesis, §2.2",
    ),
    Rule(
        "softmax", "softmax", r"\operatorname{softmax}", '"softmax"',
        vector=True,
        source="Bridle 1990, NeurIPS",
    ),
)  # fmt: skip


def _softmax_loss(k: Index, pred: Expr, true: Expr) -> Expr:
    m = Index("m", k.dim)
    return _minus(Gather("logsumexp", m, substitute(pred, {k: m})), total(k, _tight(true, pred)))


def _class_hit(k: Index, true: Expr) -> Expr:
    return Iverson(true, "=", Position(k))


def _softmax_index_loss(k: Index, pred: Expr, true: Expr) -> Expr:
    return _softmax_loss(k, pred, _class_hit(k, true))


def _distribution_loss(k: Index, pred: Expr, true: Expr) -> Expr:
    return total(k, Call("cross_entropy", (pred, true)))


def _index_loss(k: Index, pred: Expr, true: Expr) -> Expr:
    return total(k, Call("cross_entropy", (pred, _class_hit(k, true))))


_LOSS_ROWS = (
    Rule(
        "half_squared_error", "E", "E", "E",
        value=lambda p, t, **_: Div(_square(_minus(p, t)), TWO),
        slopes=(lambda p, t, **_: _minus(p, t),),
        aliases=("half", "hse", "half_mse", "squared_error"),
        source="Rumelhart, Hinton, Williams 1986, Nature 323, eq. 3",
    ),
    Rule(
        "mse", "E", "E", "E",
        value=lambda p, t, **_: _square(_minus(p, t)),
        slopes=(lambda p, t, **_: _tight(TWO, _minus(p, t)),),
        aliases=("mean_squared_error", "l2"),
        reduction=("mean", "mean"),
        source="Bishop 2006, PRML, §3.1.1",
    ),
    Rule(
        "mae", "E", "E", "E",
        value=lambda p, t, **_: _call("abs", _minus(p, t)),
        slopes=(lambda p, t, **_: _call("sign", _minus(p, t)),),
        aliases=("l1", "mean_absolute_error"),
        reduction=("mean", "mean"),
        source="Hastie, Tibshirani, Friedman 2009, ESL, §10.6",
    ),
    Rule(
        "huber", "E", "E", "E",
        value=lambda p, t, parameter, **_: _huber(p, t, parameter),
        slopes=(
            lambda p, t, parameter, **_: _clip(number(-float(parameter)), _minus(p, t), number(float(parameter))),
        ),
        parameter=1.0,
        reduction=("mean", "mean"),
        source="Huber 1964, Annals of Mathematical Statistics 35",
    ),
    Rule(
        "log_cosh", "E", "E", "E",
        value=lambda p, t, **_: _call("logcosh", _minus(p, t)),
        slopes=(lambda p, t, **_: _call("tanh", _minus(p, t)),),
        aliases=("logcosh",),
        reduction=("mean", "mean"),
        source="Green 1990, IEEE Transactions on Medical Imaging 9",
    ),
    Rule(
        "binary_cross_entropy", "E", "E", "E",
        value=lambda p, t, **_: negative(
            add(_tight(t, _call("log", p)), _tight(_minus(ONE, t), _call("log", _minus(ONE, p))))
        ),
        slopes=(lambda p, t, **_: Div(_minus(p, t), _tight(p, _minus(ONE, p))),),
        aliases=("bce",),
        targets="probability",
        reduction=("mean", "mean"),
        source="Bishop 2006, PRML, eq. 5.21",
    ),
    Rule(
        "bce_with_logits", "E", "E", "E",
        value=lambda p, t, **_: _minus(_call("softplus", p), _tight(t, p)),
        slopes=(lambda p, t, **_: _minus(_call("sigmoid", p), t),),
        aliases=("bce_logits", "binary_cross_entropy_with_logits", "logistic_loss"),
        targets="probability",
        reduction=("mean", "mean"),
        source="Bishop 2006, PRML, eq. 5.21 with eq. 5.19 put in",
    ),
    Rule(
        "cross_entropy", "E", "E", "E",
        value=lambda p, t, **_: _tight(number(-1), t, _call("log", p)),
        slopes=(lambda p, t, **_: negative(divide(t, p)),),
        aliases=("ce", "categorical_cross_entropy"),
        vector=True,
        build=_distribution_loss,
        targets="shares",
        reduction=("mean", "sum"),
        source="Bishop 2006, PRML, eq. 5.24",
    ),
    Rule(
        "cross_entropy_index", "E", "E", "E",
        aliases=("ce_index", "nll"),
        vector=True,
        class_index=True,
        build=_index_loss,
        reduction=("mean", "sum"),
        source="Bishop 2006, PRML, eq. 5.24, with a 1-of-K target",
    ),
    Rule(
        "softmax_cross_entropy", "E", "E", "E",
        aliases=("softmax_ce", "ce_with_logits", "cross_entropy_with_logits"),
        vector=True,
        build=_softmax_loss,
        targets="distribution",
        reduction=("mean", "sum"),
        source="Goodfellow, Bengio, Courville 2016, Deep Learning, §6.2.2.3",
    ),
    Rule(
        "softmax_cross_entropy_index", "E", "E", "E",
        aliases=("softmax_ce_index", "sparse_softmax_cross_entropy"),
        vector=True,
        class_index=True,
        build=_softmax_index_loss,
        reduction=("mean", "sum"),
        source="Goodfellow, Bengio, Courville 2016, Deep Learning, §6.2.2.3",
    ),
    Rule(
        "hinge", "E", "E", "E",
        value=lambda p, t, **_: _call("max", ZERO, _minus(ONE, _tight(t, p))),
        slopes=(lambda p, t, **_: negative(_tight(t, Iverson(_tight(t, p), "<", ONE))),),
        targets="sign",
        reduction=("mean", "mean"),
        source="Cortes, Vapnik 1995, Machine Learning 20",
    ),
)  # fmt: skip

ACTIVATIONS: Mapping[str, Rule] = MappingProxyType({row.name: row for row in _ACTIVATION_ROWS})
"""Activations by name."""

LOSSES: Mapping[str, Rule] = MappingProxyType({row.name: row for row in _LOSS_ROWS})
"""Losses by name."""

RULES: Mapping[str, Rule] = MappingProxyType(
    {row.name: row for rows in (_PRIMITIVES, _ACTIVATION_ROWS, _LOSS_ROWS) for row in rows}
)
"""Every row by name."""


def canonical(name: str, table: Mapping[str, Rule]) -> str | None:
    """Return the table's name for what a person wrote (any case, aliases, - for _), or None.

    Example:
        >>> canonical("LeakyReLU", ACTIVATIONS), canonical("sgimoid", ACTIVATIONS)
        ('leaky_relu', None)
    """
    wanted = name.strip().lower().replace("-", "_")
    for row in table.values():
        if wanted == row.name or wanted in row.aliases or wanted.replace("_", "") == row.name.replace("_", ""):
            return row.name
    return None


def suggest(name: str, names: Iterable[str]) -> str:
    """Return the closest of the names, or '' where none is close.

    Example:
        >>> suggest("sgimoid", ACTIVATIONS)
        'sigmoid'
    """
    return next(iter(difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)), "")
