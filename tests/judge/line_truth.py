"""The truth about a line, without any of the project's calculus: values at random points, derivatives by complex steps.

The forward pass here is written from the Network's own dataclasses. Each intermediate quantity is nudged by i·h in a
column of its own where it is computed, so that one pass gives ∂q/∂s for all q and s, exact to the last digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import Network
from judge.line_tree import (
    Add,
    Cond,
    Count,
    Der,
    Div,
    Fn,
    Had,
    MatMul,
    Mul,
    Neg,
    Node,
    Num,
    Ones,
    Pow,
    Softmax,
    Sym,
    T,
)  # fmt: skip

Array = np.ndarray[Any, Any]

STEP = 1e-40
POINTS = 6

MOST = 4.0
"""The largest z: where a tanh is 1 to the last digit, 1 − a² says nothing any more."""

LEAST = 1e-6
"""The smallest z: at 0 a ReLU has two slopes."""

ATTEMPTS = 20
"""How often points are drawn with both signs."""

SAME = 1e-9
"""Two sides that differ by no more than this, relatively, are the same at a point."""

OTHER = 1e-5
"""Two sides that differ by more than this at some point are different; what lies between is not used."""


def _real(z: Array) -> Array:
    return np.real(z)


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _where(condition: Array, yes: Any, no: Any) -> Array:
    return np.where(condition, yes, no)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "identity": lambda z, _: z,
    "sigmoid": lambda z, _: _sigmoid(z),
    "tanh": lambda z, _: np.tanh(z),
    "relu": lambda z, _: _where(_real(z) > 0, z, 0),
    "leaky_relu": lambda z, s: _where(_real(z) > 0, z, (0.01 if s is None else s) * z),
    "elu": lambda z, s: _where(_real(z) > 0, z, (1.0 if s is None else s) * (np.exp(z) - 1)),
    "softplus": lambda z, _: np.log(1 + np.exp(z)),
    "silu": lambda z, _: z * _sigmoid(z),
    "exp": lambda z, _: np.exp(z),
    "expm1": lambda z, _: np.exp(z) - 1,
    "cosh": lambda z, _: np.cosh(z),
    "log": lambda z, _: np.log(z),
    "abs": lambda z, _: _where(_real(z) > 0, z, -z),
    "sign": lambda z, _: np.sign(_real(z)),
}
"""Activations and the functions that a line can name, for complex numbers; kinks go by the real part."""


def _huber(r: Array, width: float) -> Array:
    near = np.abs(_real(r)) <= width
    return _where(near, r * r / 2, width * (FUNCTIONS["abs"](r, None) - width / 2))


LOSSES: dict[str, Callable[[Array, Array, float | None], Array]] = {
    "half_squared_error": lambda p, t, _: (p - t) ** 2 / 2,
    "mse": lambda p, t, _: (p - t) ** 2,
    "mae": lambda p, t, _: FUNCTIONS["abs"](p - t, None),
    "huber": lambda p, t, width: _huber(p - t, 1.0 if width is None else width),
    "log_cosh": lambda p, t, _: np.log(np.cosh(p - t)),
    "binary_cross_entropy": lambda p, t, _: -(t * np.log(p) + (1 - t) * np.log(1 - p)),
    "bce_with_logits": lambda p, t, _: np.log(1 + np.exp(p)) - t * p,
    "cross_entropy": lambda p, t, _: -t * np.log(p),
}
"""Losses that add a term for each output."""


class Truth:
    """A network's numbers at random points, and every derivative.

    Attributes:
        symbols: every symbol that has a number, in the order of computation; those that are only other names (z and a
            of a linear last layer beside pred) too.

    With `one_figure` the points are samples of one and the same figure: weights and biases are the same at each.
    """

    def __init__(self, net: Network, seed: int, *, one_figure: bool = False) -> None:
        self.net = net
        self._one_figure = one_figure
        self._random = np.random.default_rng([29, seed])
        self._complex: dict[Sym, Array] = {}
        self._edges: dict[Der, Sym] = {}
        names = list(self._names())
        self._column = {name: column for column, name in enumerate(names, 1)}
        self._width = len(names) + 1
        self._scale = 1.0
        self._positive = False
        for attempt in itertools.count():
            self._run()
            before = np.array([np.abs(value[:, 0]) for name, value in self._complex.items() if name.kind == "z"])
            if before.max() > MOST:
                self._scale *= 0.7
            elif before.min() > LEAST:
                break
            # Behind dead ReLUs without biases all is 0; with positive numbers none is dead.
            self._positive = attempt > ATTEMPTS
        self.symbols = frozenset(self._complex)
        self._values = {name: np.real(value[:, 0]).copy() for name, value in self._complex.items()}
        self._partials: dict[Der, Array] = {}

    def value(self, name: Sym) -> Array:
        """Return a symbol's number at each point."""
        return self._values[name]

    def partial(self, der: Der, *, direct: bool) -> Array:
        """Return ∂of/∂by at each point, all paths counted; 0 where `of` is computed without `by`.

        With `direct`, only the edge that leads from `by` straight to `of` counts, where there is one. Beside a skip
        connection these are two readings of the same ∂, and a chain that adds up its paths means this one.
        """
        if direct and der in self._edges:
            return self.value(self._edges[der])
        found = self._partials.get(der)
        if found is None:
            found = np.imag(self._complex[der.of][:, self._column[der.by]]) / STEP
            self._partials[der] = found
        return found

    def _names(self) -> list[Sym]:
        net = self.net
        names = [Sym("x", None, None, (unit,)) for unit in range(1, net.inputs + 1)]
        names += [Sym("true", None, None, (unit,)) for unit in range(1, len(net.output_units) + 1)]
        names += [Sym("w", w.target, w.source, (w.to, w.origin)) for w in net.weights()]
        for level, layer in enumerate(net.layers, 1):
            for unit in range(1, layer.size + 1):
                if layer.has_bias(unit):
                    names.append(Sym("b", level, None, (unit,)))
                names += [Sym("z", level, None, (unit,)), Sym("a", level, None, (unit,))]
        names += [Sym("pred", None, None, (unit,)) for unit in range(1, len(net.output_units) + 1)]
        return [*names, Sym("loss")]

    def _set(self, name: Sym, value: Array) -> Array:
        """Keep a symbol's numbers, nudged in its own column."""
        full = np.array(np.broadcast_to(value, (POINTS, self._width)), dtype=complex)
        full[:, self._column[name]] += 1j * STEP
        self._complex[name] = full
        return full

    def _learned(self, size: float) -> Array:
        drawn = self._draw(size * self._scale)
        return np.full_like(drawn, drawn[0 if self._random.random() < 0.7 else -1]) if self._one_figure else drawn

    def _draw(self, size: float) -> Array:
        """Return a number for each point: in the first half positive, which keeps every ReLU alive."""
        drawn = self._random.uniform(0.3, 1.4, POINTS) * size
        if not self._positive:
            drawn[POINTS // 2 :] *= self._random.choice([-1.0, 1.0], POINTS - POINTS // 2)
        return drawn[:, None]

    def _run(self) -> None:
        net = self.net
        out: dict[tuple[int, int], Array] = {}
        for unit in range(1, net.inputs + 1):
            out[0, unit] = self._set(Sym("x", None, None, (unit,)), self._draw(1.0))
        incoming: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for w in net.weights():
            incoming.setdefault((w.target, w.to), []).append((w.source, w.origin, w.to))
        for level, layer in enumerate(net.layers, 1):
            before = []
            for unit in range(1, layer.size + 1):
                total: Array = np.zeros((POINTS, 1))
                edges = incoming[level, unit]
                for source, origin, _ in edges:
                    name = Sym("w", level, source, (unit, origin))
                    below = Sym("a", source, None, (origin,)) if source else Sym("x", None, None, (origin,))
                    self._edges[Der(Sym("z", level, None, (unit,)), below)] = name
                    if layer.activation(unit).name == "identity" and (level, unit) in net.output_units:
                        pred = Sym("pred", None, None, (net.output_units.index((level, unit)) + 1,))
                        self._edges[Der(pred, below)] = name
                    total = total + self._set(name, self._learned(1.3 / len(edges) ** 0.7)) * out[source, origin]
                if layer.has_bias(unit):
                    total = total + self._set(Sym("b", level, None, (unit,)), self._learned(0.4))
                before.append(self._set(Sym("z", level, None, (unit,)), total))
            for unit, value in enumerate(self._activate(layer, before), 1):
                out[level, unit] = self._set(Sym("a", level, None, (unit,)), value)
        preds = [
            self._set(Sym("pred", None, None, (unit,)), out[place]) for unit, place in enumerate(net.output_units, 1)
        ]
        self._set(Sym("loss"), self._loss(preds))

    def _activate(self, layer: Any, before: list[Array]) -> list[Array]:
        if layer.activations[0].name == "softmax":
            return softmax(before)
        chosen = [layer.activation(unit) for unit in range(1, layer.size + 1)]
        return [FUNCTIONS[act.name](value, act.parameter) for act, value in zip(chosen, before, strict=True)]

    def _loss(self, preds: list[Array]) -> Array:
        loss = self.net.loss
        true = [
            self._set(Sym("true", None, None, (unit,)), value[:, None])
            for unit, value in enumerate(self._targets(len(preds)).T, 1)
        ]
        if loss.name == "softmax_cross_entropy":
            total = sum(-t * np.log(s) for t, s in zip(true, softmax(preds), strict=True))
        else:
            total = sum(LOSSES[loss.name](p, t, loss.parameter) for p, t in zip(preds, true, strict=True))
        return total / len(preds) if loss.outputs == "mean" else total

    def _targets(self, count: int) -> Array:
        """Return targets (points, count) that suit the loss."""
        name = self.net.loss.name
        if name.startswith(("binary", "bce")):
            return self._random.uniform(0.1, 0.9, (POINTS, count))
        if "cross_entropy" in name:
            parts = self._random.uniform(0.2, 1.0, (POINTS, count))
            return parts / parts.sum(axis=1, keepdims=True)
        return self._random.uniform(-2.0, 2.0, (POINTS, count))


def softmax(values: list[Array]) -> list[Array]:
    """Return the softmax of a row of numbers."""
    powers = [np.exp(value) for value in values]
    return [power / sum(powers) for power in powers]


class MatrixTruth:
    """The matrices of a network over some samples, for two figures: an array (2, rows, columns) each.

    Rows are samples; W_l[j, i] leads to unit i from unit j; a gradient has the shape of what it is the gradient of.
    """

    def __init__(self, net: Network, seed: int, *, samples: int = POINTS) -> None:
        self.net = net
        self.samples = samples
        self._figures = [Truth(net, seed + figure, one_figure=True) for figure in range(2)]
        self._found: dict[Sym | Der, Array] = {}
        sizes = {"x": net.inputs, "pred": len(net.output_units), "true": len(net.output_units)}
        places: dict[Sym, list[list[Sym]]] = {}
        for kind, units in sizes.items():
            places[Sym(kind)] = [[Sym(kind, None, None, (unit,)) for unit in range(1, units + 1)]]
        for level, layer in enumerate(net.layers, 1):
            for kind in ("z", "a", *(("b",) if layer.has_bias(1) else ())):
                row = [Sym(kind, level, None, (unit,)) for unit in range(1, layer.size + 1)]
                places[Sym(kind, level)] = [row]
        for c in net.connections:
            places[Sym("w", c.target, c.source)] = [
                [Sym("w", c.target, c.source, (to, origin)) for to in range(1, net.size(c.target) + 1)]
                for origin in range(1, net.size(c.source) + 1)
            ]
        self._places = places
        self.symbols = frozenset((*places, *(Sym("delta", level) for level in range(1, net.depth + 1))))

    def value(self, name: Sym) -> Array:
        """Return a matrix in both figures."""
        if name.kind == "delta":
            assert name.layer is not None
            return self.partial(Der(Sym("loss"), Sym("z", name.layer)), direct=False)
        found = self._found.get(name)
        if found is None:
            learned = name.kind in ("w", "b")
            found = self._found[name] = np.array(
                [
                    [[figure.value(one)[0] for one in row] for row in self._places[name]]
                    if learned
                    else [[figure.value(one)[n] for one in self._places[name][0]] for n in range(self.samples)]
                    for figure in self._figures
                ]
            )
        return found

    def partial(self, der: Der, *, direct: bool) -> Array:
        """Return ∂loss/∂matrix in both figures.

        Raises:
            ValueError: where it is no partial of the loss, which has no value as a matrix.
        """
        if der.of.kind != "loss":
            raise ValueError("a matrix by a matrix")
        found = self._found.get(der)
        if found is None:
            share = 1 / self.samples if self.net.loss.samples == "mean" else 1.0
            learned = der.by.kind in ("w", "b")
            figures = []
            for figure in self._figures:
                rows = [
                    [figure.partial(Der(der.of, one), direct=direct) for one in row] for row in self._places[der.by]
                ]
                each = np.array(rows)[..., : self.samples] * share
                figures.append(each.sum(axis=2) if learned else each[0].T)
            found = self._found[der] = np.array(figures)
        return found


RELATIONS = {"<": np.less, ">": np.greater, "≤": np.less_equal, "≥": np.greater_equal, "=": np.equal}


def evaluate(node: Node, truth: Truth | MatrixTruth, *, direct: bool = False) -> Array:
    """Return what a side is worth at each point (for no symbol at all, one number).

    Raises:
        ValueError: where shapes do not fit together.
    """

    def worth(node: Node) -> Array:
        return evaluate(node, truth, direct=direct)

    match node:
        case Num(value):
            return np.float64(value)
        case Sym():
            return truth.value(node)
        case Der():
            return truth.partial(node, direct=direct)
        case Neg(body):
            return -worth(body)
        case Add(parts):
            return _folded(np.add, [worth(part) for part in parts])
        case Mul(parts) | Had(parts):
            return _folded(np.multiply, [worth(part) for part in parts])
        case MatMul(parts):
            return _chained([worth(part) for part in parts])
        case Div(above, below):
            return _folded(np.divide, [worth(above), worth(below)])
        case Pow(base, exponent):
            return worth(base) ** exponent
        case Cond(left, relation, right):
            return RELATIONS[relation](worth(left), worth(right)).astype(float)
        case Softmax(of, unit):
            return softmax([truth.value(name) for name in of])[unit - 1]
        case T(body):
            return np.swapaxes(worth(body), -1, -2)
        case Ones():
            return np.ones((2, POINTS, 1))
        case Count():
            return np.float64(POINTS)
        case Fn(name, args, parameter, primes):
            return _applied(name, [worth(arg) for arg in args], parameter, primes)
    raise NotImplementedError(type(node).__name__)


def _folded(operation: Any, parts: list[Array]) -> Array:
    found = parts[0]
    for part in parts[1:]:
        if np.ndim(found) and np.ndim(part) and not _fit(operation, found.shape, part.shape):
            raise ValueError("shapes differ")
        found = operation(found, part)
    return found


def _fit(operation: Any, left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Return whether shapes fit: X W + b adds b to every row, nothing else is repeated."""
    return left == right or (operation is np.add and left[-1] == right[-1] and 1 in (left[-2], right[-2]))


def _chained(parts: list[Array]) -> Array:
    found = parts[0]
    for part in parts[1:]:
        found = found @ part if np.ndim(found) and np.ndim(part) else found * part
    return found


def _applied(name: str, args: list[Array], parameter: float | None, primes: int) -> Array:
    if name in ("max", "min"):
        return (np.maximum if name == "max" else np.minimum)(*args)
    function = FUNCTIONS[name]
    if primes:
        return np.imag(function(args[0] + 1j * STEP, parameter)) / STEP
    return np.real(function(args[0], parameter))


def compare(left: Array, right: Array) -> bool | None:
    """Return whether two sides are the same at every point; None where that is too close to call or no number."""
    if np.shape(left) != np.shape(right) and np.ndim(left) and np.ndim(right):
        return False
    scale = np.maximum(np.abs(left), np.abs(right))
    if np.ndim(scale) == 3:  # an entry of a product may be what is left of large terms
        scale = scale.max(axis=(1, 2), keepdims=True)
    if not np.isfinite(scale).all():
        return None
    apart = np.abs(left - right)
    if bool(np.all(apart <= SAME * scale)):
        return True
    return False if bool(np.any(apart > OTHER * scale)) else None
