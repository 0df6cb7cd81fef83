"""The optimisers, as data: for each its moments, its settings, and the statements of one update.

Each statement is written once, in C for one parameter w with its gradient g, its moments m and v, and `rate`; the NumPy
fallback reads the same statements (they are made of + − * / and `root` only). The definitions are PyTorch's, so that
curves agree step for step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from chainrule.errors import SelectionError


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One row.

    Attributes:
        name: its name.
        moments: how many buffers of the parameters' size it keeps.
        settings: its settings beside the rate, with their defaults.
        once: what is computed once a step, in double precision: pairs of a name and an expression in the settings and
            in t, the number of the step, from 1.
        update: statements for one parameter: pairs of what is assigned (g, m, v, w) and an expression.
        source: where the definition is from.
    """

    name: str
    moments: int
    settings: Mapping[str, float]
    once: tuple[tuple[str, str], ...]
    update: tuple[tuple[str, str], ...]
    source: str


_DECAY = ("g", "g + weight_decay * w")
_ADAM = (
    ("m", "beta1 * m + (1 - beta1) * g"),
    ("v", "beta2 * v + (1 - beta2) * g * g"),
    ("w", "w - step * m / (root(v) * correction + epsilon)"),
)
_ADAM_ONCE = (("step", "rate / (1 - power(beta1, t))"), ("correction", "1 / root(1 - power(beta2, t))"))
_ADAM_SETTINGS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}

_ROWS = (
    Optimizer(
        "sgd", 0, {"weight_decay": 0.0}, (), (_DECAY, ("w", "w - rate * g")),
        "Robbins, Monro 1951, Annals of Mathematical Statistics 22",
    ),
    Optimizer(
        "momentum", 1, {"momentum": 0.9, "weight_decay": 0.0}, (),
        (_DECAY, ("m", "momentum * m + g"), ("w", "w - rate * m")),
        "Polyak 1964, USSR Computational Mathematics and Mathematical Physics 4(5)",
    ),
    Optimizer(
        "nesterov", 1, {"momentum": 0.9, "weight_decay": 0.0}, (),
        (_DECAY, ("m", "momentum * m + g"), ("w", "w - rate * (g + momentum * m)")),
        "Sutskever, Martens, Dahl, Hinton 2013, ICML",
    ),
    Optimizer(
        "rmsprop", 1, {"alpha": 0.99, "epsilon": 1e-8, "weight_decay": 0.0}, (),
        (_DECAY, ("m", "alpha * m + (1 - alpha) * g * g"), ("w", "w - rate * g / (root(m) + epsilon)")),
        "Tieleman, Hinton 2012, COURSERA lecture 6.5",
    ),
    Optimizer(
        "adam", 2, {**_ADAM_SETTINGS, "weight_decay": 0.0}, _ADAM_ONCE, (_DECAY, *_ADAM),
        "Kingma, Ba 2015, ICLR",
    ),
    Optimizer(
        "adamw", 2, {**_ADAM_SETTINGS, "weight_decay": 0.01}, (*_ADAM_ONCE, ("keep", "1 - rate * weight_decay")),
        (("w", "w * keep"), *_ADAM),
        "Loshchilov, Hutter 2019, ICLR",
    ),
)  # fmt: skip

OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType({row.name: row for row in _ROWS})
"""The optimisers by name."""


def optimizer(name: str) -> Optimizer:
    """Return an optimiser by its name.

    Raises:
        SelectionError: where there is none of that name.
    """
    if name not in OPTIMIZERS:
        from chainrule.rules import suggest

        raise SelectionError(
            "unknown_optimizer", read=name, known=", ".join(OPTIMIZERS), near=suggest(name, OPTIMIZERS) or "sgd"
        )
    return OPTIMIZERS[name]
