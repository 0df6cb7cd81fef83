"""The generator of lines itself: its truth is that of JAX, its slips are slips, its spelling can tell lines apart."""

from __future__ import annotations

import collections
import itertools
import random
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

import oracle
from chainrule import Network
from judge.line_print import Style, write_line
from judge.line_slips import OF_NUMBERS, SLIPS, Scope, plant
from judge.line_sources import Sources
from judge.line_tree import Add, Der, Fn, MatMul, Mul, Neg, Num, Pow, Sym, T, minus
from judge.line_truth import POINTS, MatrixTruth, Truth, compare, evaluate
from judge.line_variations import vary
from judge.lines import FORMS, NOTATIONS, draw_network, generate

LOSS = Sym("loss")
SEED = Network.read("2-3-2-1")


def test_the_same_seed_gives_the_same_cases():
    assert list(generate(3, 50)) == list(generate(3, 50))
    assert list(generate(3, 50)) != list(generate(4, 50))


def test_cases_say_what_they_are():
    """Right ones are right at every link, wrong ones are wrong at one or more and differ from their originals."""
    cases = list(generate(1, 2000))
    assert 0.35 < sum(bool(case.slip) for case in cases) / len(cases) < 0.65
    for case in cases:
        assert case.source.count("=") >= len(case.right) >= 1
        assert all(case.right) == (not case.slip)
        assert (case.source != case.original) == bool(case.slip), case


def test_every_view_notation_and_form_occurs():
    found = collections.Counter((case.view, case.notation, case.form) for case in generate(2, 6000))
    wanted = set(itertools.product(("scalar", "general", "matrix"), NOTATIONS, FORMS))
    assert wanted <= found.keys()


def test_right_lines_only_or_wrong_lines_only():
    assert all(not case.slip for case in generate(6, 300, wrong=0.0))
    assert all(case.slip for case in generate(6, 300, wrong=1.0))


def test_every_slip_occurs():
    found = collections.Counter(case.slip for case in generate(2, 2500, wrong=1.0))
    assert found.keys() == SLIPS.keys()
    assert min(found.values()) >= 5, found


def test_no_right_line_is_a_wrong_one_elsewhere():
    """One spelling of a network has one truth: what is printed keeps what the tree means."""
    known: dict[tuple[object, ...], tuple[bool, ...]] = {}
    for case in generate(5, 4000):
        key = (case.network, case.notation, case.form, case.source)
        assert known.setdefault(key, case.right) == case.right, case


@pytest.mark.parametrize("seed", range(12))
def test_truth_agrees_with_jax(seed):
    """The loss and its derivatives by weights, biases and inputs are those of the oracle, at each point."""
    net = draw_network(random.Random(seed))
    truth = Truth(net, seed)
    outputs = len(net.output_units)
    weights = {str(w): Sym("w", w.target, w.source, (w.to, w.origin)) for w in net.weights()}
    weights |= {
        f"b_{unit}^{level}": Sym("b", level, None, (unit,))
        for level, layer in enumerate(net.layers, 1)
        for unit in range(1, layer.size + 1)
        if layer.has_bias(unit)
    }
    for point in (0, POINTS - 1):
        numbers = {name: jnp.float64(truth.value(sym)[point]) for name, sym in weights.items()}
        x = [jnp.asarray(truth.value(Sym("x", None, None, (i,)))[point : point + 1]) for i in range(1, net.inputs + 1)]
        true = jnp.asarray([[truth.value(Sym("true", None, None, (k,)))[point] for k in range(1, outputs + 1)]])
        loss, by_number = oracle.jax.value_and_grad(lambda given, x=x, true=true: oracle.forward(net, given, x, true))(
            numbers
        )
        np.testing.assert_allclose(truth.value(LOSS)[point], loss, rtol=1e-12)
        for name, sym in weights.items():
            ours = truth.partial(Der(LOSS, sym), direct=False)[point]
            np.testing.assert_allclose(ours, by_number[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("figure", ["1-1:relu-2:silu-2:relu", "1-1:relu-1:relu-1:relu-1:relu", "3-5:tanh-5:relu-1"])
def test_no_point_lies_at_a_kink(figure):
    """Behind dead ReLUs every z would be 0, where a slope is a choice."""
    for seed in range(20):
        truth = Truth(Network.read(figure), seed)
        assert all(np.abs(truth.value(name)).min() > 1e-6 for name in truth.symbols if name.kind == "z")


def test_inner_partials():
    """∂z/∂w of the same unit, ∂a/∂z, a path through two layers, and 0 against the stream."""
    truth = Truth(SEED, 0)
    z, a, w = Sym("z", 2, None, (1,)), Sym("a", 1, None, (3,)), Sym("w", 2, 1, (1, 3))
    assert compare(truth.partial(Der(z, w), direct=False), truth.value(a))
    assert compare(truth.partial(Der(z, a), direct=False), truth.value(w))
    assert not truth.partial(Der(a, z), direct=False).any()
    slope = evaluate(Mul((a, minus(Num(Fraction(1)), a))), truth)
    below = Sym("z", 1, None, (3,))
    assert compare(evaluate(Der(z, below), truth), truth.value(w) * slope)
    assert compare(evaluate(Fn("sigmoid", (below,), primes=1), truth), slope)


def test_matrices_agree_with_their_entries():
    """∂loss/∂W is Xᵀδ and has the shape of W, whatever the oracle of single numbers says of each sample."""
    net = Network.read("2-3:tanh-2 --bias --loss mse")
    truth = MatrixTruth(net, 0)
    w, z, x = Sym("w", 1, 0), Sym("z", 1), Sym("x")
    gradient = truth.partial(Der(LOSS, w), direct=False)
    assert gradient.shape == truth.value(w).shape == (2, 2, 3)
    assert compare(evaluate(MatMul((T(x), Der(LOSS, z))), truth), gradient)
    assert compare(evaluate(MatMul((T(x), Sym("delta", 1))), truth), gradient)
    step = 1e-6
    figure = truth._figures[0]
    one = Sym("w", 1, 0, (2, 1))
    assert truth.value(w)[0, 0, 1] == figure.value(one)[0] == figure.value(one)[-1]
    share = figure.partial(Der(LOSS, one), direct=False).sum() / POINTS
    assert abs(share - gradient[0, 0, 1]) < step * abs(share)
    with pytest.raises(ValueError, match="matmul"):
        evaluate(MatMul((x, Der(LOSS, z))), truth)


def test_a_chain_beside_a_skip_has_two_readings():
    net = draw_with_skip()
    truth = Truth(net, 1)
    x = Sym("x", None, None, (1,))
    der = next(Der(of, x) for of in truth.symbols if of.kind == "z" and Der(of, x) in truth._edges and of.layer != 1)
    direct, whole = (truth.partial(der, direct=direct) for direct in (True, False))
    assert compare(direct, whole) is False


def draw_with_skip():
    for seed in itertools.count():
        net = draw_network(random.Random(seed))
        if any(c.source == 0 and c.target > 1 for c in net.connections):
            return net
    raise AssertionError


def test_variations_keep_the_value():
    sources, truth = Sources(SEED, random.Random(0)), Truth(SEED, 0)
    rng = random.Random(1)
    changed = 0
    for _ in range(300):
        sides = sources.step()
        if sides is None:
            continue
        for side in sides:
            varied = vary(side, SEED, rng, 0.5)
            changed += varied != side
            assert compare(evaluate(side, truth), evaluate(varied, truth)), (side, varied)
    assert changed > 200


def test_a_slip_is_one_change():
    """The planted kind is the one that is named."""
    scope = Scope(Truth(SEED, 0).symbols)
    rng = random.Random(4)
    side = Mul((Der(LOSS, Sym("z", 2, None, (1,))), Sym("w", 2, 1, (1, 3))))
    kinds = {}
    for _ in range(300):
        planted = plant(side, scope, rng, kinds=OF_NUMBERS)
        if planted is not None:
            kinds.setdefault(planted[0], set()).add(planted[1])
    assert kinds["factor_lost"] == {side.factors[0], side.factors[1]}
    assert Mul((side.factors[0], Sym("w", 2, 1, (2, 3)))) in kinds["index"]


W, P, Y = Sym("w", 3, 2, (1, 2)), Sym("pred", None, None, (1,)), Sym("true", None, None, (1,))
SIDES = (Der(LOSS, W), Mul((minus(P, Y), Sym("a", 2, None, (2,)))), Neg(Mul((Add((Neg(P), Y)), Pow(P, 2)))))


@pytest.mark.parametrize(
    ("style", "line"),
    [
        (
            Style(),
            r"\frac{\partial loss}{\partial w_{12}^3} = (pred - true) \cdot a_2^2 = -(-pred + true) \cdot (pred)^2",
        ),
        (
            Style(frac=r"\dfrac", dot=r"\times", brackets="sized", comma=True, braces=True, words="text"),
            (
                r"\dfrac{\partial\text{loss}}{\partial w_{1,2}^{3}}"
                r" = \left( \text{pred} - \text{true} \right) \times a_{2}^{2}"
                r" = -\left( -\text{pred} + \text{true} \right) \times \left( \text{pred} \right)^{2}"
            ),
        ),
        (Style(form="text", dot="·"), "∂loss/∂w_12^3 = (pred − true) · a_2^2 = −(−pred + true) · (pred)²"),
        (Style("ng", "text", dot="*"), "dW_12^[3] = (ŷ − y) * a_2^[2] = −(−ŷ + y) * (ŷ)²"),
        (Style("ng", "text", dot="*", adjoints=False), "∂J/∂W_12^[3] = (ŷ − y) * a_2^[2] = −(−ŷ + y) * (ŷ)²"),
        (Style("bishop", "text", dot="·"), "∂E/∂w_12^(3) = (y − t) · z_2^(2) = −(−y + t) · (y)²"),
    ],
    ids=["seed", "habits", "text", "ng", "ng in full", "bishop"],
)
def test_spelling(style, line):
    assert write_line(SIDES, style, alone=True) == line
