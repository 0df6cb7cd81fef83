"""Every view and form of one derivation gives the same numbers.

Chains, substituted and expanded forms are evaluated; matrix lines are computed as matrices, by a small reader of this
file's own; and the line of numbers that a person sees is read back as arithmetic, brackets and all.
"""

import ast
import math
import operator
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chainrule import Network
from chainrule.expr import (
    Add,
    Call,
    Div,
    Gather,
    Hadamard,
    Iverson,
    Matrix,
    Mul,
    Number,
    Ones,
    Power,
    Product,
    RowSum,
    Size,
    Transpose,
)
from chainrule.matrix import matrix_step_of, matrix_steps
from chainrule.rules import RULES
from chainrule.selection import steps
from chainrule.show.compose import compose
from chainrule.show.document import Equation
from chainrule.show.text import TextEmitter
from chainrule.values import numeric
from chainrule.views import Lines
from strategies import networks

CLOSE = {"rel": 1e-9, "abs": 1e-12}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(sensible=True), st.integers(1, 3), st.integers(0, 1000))
def test_every_form_of_every_line_has_one_value(network, samples, seed):
    """The chain, the substituted and the expanded form of a line are one number: its partial."""
    values = network.values(**drawn(network, samples, seed))
    lines = Lines(values.derivation)
    for step in steps(values.derivation, inputs=True):
        for target in each_sample(step.target, samples):
            one = lines.step(target)
            wanted = values.number(one.partial)
            assert math.isfinite(wanted)
            for side in (one.chain, one.substituted, one.expanded):
                assert values.number(side) == pytest.approx(wanted, **CLOSE), one.text(depth="both")


def drawn(network, samples, seed):
    """Inputs for some samples; what else is needed is drawn by the seed."""
    random = np.random.default_rng(seed)
    return {"inputs": random.normal(size=(samples, network.inputs)), "seed": seed}


def each_sample(target, samples):
    """The target at every sample."""
    from chainrule.expr import Index, Ref

    if target.indices and isinstance(target.indices[0], Index):
        return [Ref(target.symbol, (n, *target.indices[1:])) for n in range(1, samples + 1)]
    return [target]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(sensible=True), st.integers(1, 4), st.integers(0, 1000))
def test_matrix_lines_compute_the_same(network, samples, seed):
    """Each matrix line, computed with @ and ⊙ as it is written, is the array of partials, of the stated shape."""
    values = network.values(**drawn(network, samples, seed))
    seen = 0
    for step in matrix_steps(network.derive(samples=None), inputs=True):
        if step.value is None:  # tied weights have no matrix pattern; they are shown in index notation
            assert network.ties or network.outputs or softmax_of_one(network)
            continue
        seen += 1
        symbol = own(values, step.target)
        wanted = np.atleast_2d(values.matrix_partial(symbol))
        found = np.broadcast_to(matrix(step.value, values), wanted.shape)
        if step.columns is not None:
            columns = [column - 1 for column in step.columns]
            wanted, found = wanted[:, columns], found[:, columns]
        if step.target.support is not None:
            there = np.zeros(wanted.shape, bool)
            for place in step.target.support:
                there[tuple(at - 1 for at in reversed(place)) if len(place) == 2 else (0, place[0] - 1)] = True
            wanted, found = np.where(there, wanted, 0), np.where(there, found, 0)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        rows, cols = step.shape
        assert values.matrix_partial(symbol).size == (rows or samples) * (cols or samples)
    assert seen


def softmax_of_one(network):
    """Whether the output is a softmax of one unit: always 1, and no matrix pattern."""
    return network.layers[-1].size == 1 and network.layers[-1].activations[0].name == "softmax"


def own(values, symbol):
    """The symbol of the same name in the values' own derivation, whose number of samples is fixed."""
    return values.derivation.source.symbols[symbol.kind, symbol.layer, symbol.source]


def matrix(expr, values):
    """A matrix line's value, read as a person reads it."""

    def read(part):
        return matrix(part, values)

    match expr:
        case Matrix(symbol, of):
            if symbol.kind == "onehot":
                return (values["true"].reshape(-1, 1) == np.arange(1, symbol.dims[-1].size + 1)).astype(float)
            if symbol.kind == "delta":
                known = values.derivation.source.symbols
                z = known.get(("z", symbol.layer, None)) or known["pred", None, None]
                return values.matrix_partial(z)
            if symbol.kind == "mask":
                shape = tuple(dim.size for dim in reversed(symbol.dims))
                found = np.zeros(shape if len(shape) == 2 else (1, *shape))
                for place in symbol.support:
                    found[tuple(at - 1 for at in reversed(place)) if len(place) == 2 else (0, place[0] - 1)] = 1
                return found
            array = values.matrix(own(values, symbol)) if of is None else values.matrix_partial(own(values, symbol))
            # A row for a vector over units; a column for one over samples (class numbers).
            return np.atleast_2d(array) if symbol.kind != "true" or array.ndim == 2 else array[:, None]
        case Number(value):
            return float(value)
        case Size():
            return float(values.samples)
        case Transpose(inner):
            return read(inner).T
        case Product(left, right):
            return read(left) @ read(right)
        case Hadamard(factors):
            return math.prod(map(read, factors[1:]), start=read(factors[0]))
        case RowSum(inner):
            return read(inner).sum(axis=1, keepdims=True)
        case Ones():
            return np.ones((values.samples, 1))
        case Add(terms):
            return sum(map(read, terms[1:]), start=read(terms[0]))
        case Mul(factors):
            return math.prod(map(read, factors[1:]), start=read(factors[0]))
        case Div(above, below):
            return read(above) / read(below)
        case Power(base, exponent):
            return read(base) ** exponent
        case Iverson(left, relation, right):
            compare = {"<": np.less, ">": np.greater, "≤": np.less_equal, "≥": np.greater_equal, "=": np.equal}[
                relation
            ]
            return compare(read(left), read(right)).astype(float)
        case Gather(function, _, body, _):
            assert function == "softmax"
            raw = np.exp(read(body))
            return raw / raw.sum(axis=1, keepdims=True)
        case Call(function, args, parameter):
            row = RULES[function]
            if row.value is not None:
                return read(row.value(*args, parameter=parameter))
            return PRIMITIVES[function](*map(read, args))
    raise AssertionError(expr)


PRIMITIVES = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "abs": np.abs, "sign": np.sign, "max": np.maximum,
    "min": np.minimum, "tanh": np.tanh, "logcosh": lambda x: np.log(np.cosh(x)), "normal_cdf": numeric.normal_cdf,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "softplus": lambda z: np.log1p(np.exp(z)),
    "normal_pdf": lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(sensible=True, max_units=3), st.integers(0, 1000))
def test_lines_point_at_each_other(network, seed):
    """A matrix line opens into the scalar lines that it gathers, and each of these points back to it."""
    derivation = network.derive(samples=None)
    for step in matrix_steps(derivation):
        for scalar in step.opened(limit=4):
            assert scalar.family is step.family
            assert matrix_step_of(scalar).target == step.target


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(sensible=True), st.integers(1, 5), st.integers(0, 1000), st.sampled_from(["shown", "expanded", "both"]))
def test_the_numbers_of_a_line_read_back_to_its_value(network, samples, seed, depth):
    """Symbols = numbers put in = value: the middle, read as arithmetic by its brackets and dots, is the end."""
    values = network.values(**drawn(network, samples, seed))
    document = compose(values.derivation, numbers=values, depth=depth, digits=17)
    emitter = TextEmitter(document)
    checked = 0
    for block in document.blocks:
        if not isinstance(block, Equation) or block.value is None:
            continue
        *_, put_in, value = emitter.equation_sides(block)
        assume(len(put_in) < 20_000)
        if "⋯" in put_in or "=" in put_in or re.search(r"[a-zA-Z]_", put_in):
            continue  # an elided sum is not all there; a class number or a softmax is not arithmetic
        if put_in != emitter.equation_sides(block)[0]:
            assert arithmetic(put_in) == pytest.approx(arithmetic(value), rel=1e-7, abs=1e-9), put_in
            checked += 1
    assert checked


def arithmetic(text):
    """The value of a line of numbers as it is printed: + − · / powers, brackets and the functions of the table."""
    python = text.replace("−", "-").replace("·", "*").replace("λ", str(SELU[0])).replace("α", str(SELU[1]))
    python = python.replace("√(2/π)", repr(math.sqrt(2 / math.pi)) + " ").replace("log cosh", "logcosh")
    python = re.sub(r"([²³])", lambda m: "**" + {"²": "2", "³": "3"}[m[1]], python)
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    python = re.sub(r"\[([^\[\]]*)\]", lambda m: "iverson(" + m[1].replace("≤", "<=").replace("≥", ">=") + ")", python)
    # Side by side is a product: 0.5(1 − 0.5), )(, 2 exp(…), 0.3 tanh(…).
    python = re.sub(r"(?<=[\d)])\s*(?=\()", "*", python)
    python = re.sub(r"(?<=[\d)])\s+(?=[\d(a-zA-ZσΦφ])", "*", python)
    python = re.sub(r"(?<=\))(?=[a-zA-ZσΦφ\d])", "*", python)
    python = re.sub(r"(?<=\d)(?=[a-df-zA-ZσΦφ])", "*", python)
    return walk(ast.parse(python.strip(), mode="eval").body)


SELU = (1.0507009873554805, 1.6732632423543772)
OPERATIONS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow:
    operator.pow, ast.USub: operator.neg,
}  # fmt: skip
COMPARISONS = {ast.Gt: operator.gt, ast.Lt: operator.lt, ast.GtE: operator.ge, ast.LtE: operator.le}
NAMES = {
    "exp": math.exp, "log": math.log, "abs": abs, "sign": lambda x: (x > 0) - (x < 0), "max": max, "min": min,
    "tanh": math.tanh, "σ": lambda z: 1 / (1 + math.exp(-z)), "softplus": lambda z: math.log1p(math.exp(z)),
    "logcosh": lambda x: math.log(math.cosh(x)), "φ": lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "Φ": lambda x: math.erfc(-x / math.sqrt(2)) / 2, "ReLU": lambda z: max(0, z), "iverson": float,
}  # fmt: skip


def walk(node):
    """Evaluate a parsed line; anything but arithmetic is an error."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATIONS[type(op)](walk(left), walk(right))
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATIONS[type(op)](walk(operand))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return COMPARISONS[type(op)](walk(left), walk(right))
        case ast.Call(func=ast.Name(id=name), args=args):
            return NAMES[name](*map(walk, args))
    raise AssertionError(ast.dump(node))


def test_reading_numbers_back_can_fail():
    """The reader is no rubber stamp: without its brackets the same line has another value."""
    assert arithmetic("(0.5 − 1) · 2(1 − 0.25)") == pytest.approx(-0.75)
    assert arithmetic("0.5 − 1 · 2(1 − 0.25)") == pytest.approx(-1.0)


def test_golden_numbers(golden):
    """An exercise sheet's page with its numbers, whole."""
    net = Network.from_toml(
        'name = "Sheet 3"\nlayers = "2-2-1"\n[weights]\nW_1 = [[0.1, 0.3], [0.2, 0.4]]\nW_2 = [[0.5], [-0.6]]\n'
        "[[sample]]\nx = [1, -2]\ntrue = 1\n"
    )
    values = net.values()
    golden("sheet.numbers.txt", net.derive().show("text", numbers=values))
    golden("sheet.numbers.matrix.md", net.derive(samples=None).show("markdown", numbers=values, view="matrix"))


@pytest.mark.parametrize("view", ["scalar", "matrix", "both"])
@pytest.mark.parametrize("samples", [1, 3, 6])
def test_numbers_in_every_view(view, samples):
    """One sample or a batch, tied weights and all, in every view: each line ends in its value."""
    from chainrule import Activation, Layer, Weight

    tied = Network(2, (Layer(2), Layer(1, (Activation(),))), ties=((Weight(1, 0, 1, 1), Weight(1, 0, 2, 2)),))
    for network in (Network.read("2-3-2-1"), Network.read("2-3 --loss softmax_cross_entropy_index"), tied):
        values = network.values(inputs=np.ones((samples, 2)))
        derivation = network.derive(samples=samples if view == "scalar" else None)
        for options in ({}, {"of": "W_1"}, {"general": True}):
            text = derivation.show("text", numbers=values, view=view, **options)
            assert "∂loss/∂" in text
    assert derivation.show("json", numbers=values, view=view)
