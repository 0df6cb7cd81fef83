"""Wrong lines that another reading would make right, and lines of numbers that are no numbers put in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import chainrule
from chainrule import Network
from chainrule.judge.world import World

LINEAR = "5-4:identity-3:identity-1 --bias --loss mae --reduction batchmean"


def verdicts(text, net):
    """Return the verdicts of a document's last line."""
    report = chainrule.check(text, net, format="text", repairs=False)
    return [str(link.verdict) for link in report.lines[-1].links]


def test_a_slip_in_the_middle_does_not_change_what_letters_mean():
    """Where a = z, a sum for a product is right under Bishop's letters, of which nothing else speaks."""
    before = "∂loss/∂w_13^3 = ∂loss/∂pred · ∂pred/∂w_13^3 = sign(pred - true) · a_3^2\n\n"
    after = "∂loss/∂z_1^2 · w_13^2 + ∂loss/∂z_2^2 · w_23^2 + ∂loss/∂z_3^2 · w_33^2"
    right = f"∂loss/∂z_3^1 = ∂a_3^1/∂z_3^1 · ∂loss/∂a_3^1 = {after}"
    assert verdicts(before + right, LINEAR) == ["right", "right"]
    wrong = f"∂loss/∂z_3^1 = ∂a_3^1/∂z_3^1 + ∂loss/∂a_3^1 = {after}"
    assert verdicts(before + wrong, LINEAR) == ["wrong", "wrong"]


NET = "3-5:elu-1:sigmoid --loss binary_cross_entropy"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("δ^(2) = ∂E/∂Y ⊙ Y ⊙ (1 − Y)", "right"),
        ("δ^(2) = ∂E/∂Y · Y · (1 − Y)", "wrong"),
        ("δ^(2) = (∂E/∂Y · Y) ⊙ (1 − Y)", "wrong"),
    ],
)
def test_of_a_batch_even_a_single_output_is_a_matrix(line, verdict):
    text = f"A^(1) = X · W^(1)\n\nZ^(1) = ELU(A^(1))\n\nA^(2) = Z^(1) · W^(2)\n\nY = σ(A^(2))\n\n{line}"
    assert verdicts(text, NET) == [verdict]


def test_y_alone_is_a_number():
    """Without matrices beside it, and where it says what the loss is, a capital is that of a single output."""
    assert verdicts("L = 1/2 (Y − T)^2\n\n∂L/∂w_1 = (Y − T) · x_1", "2-1") == ["right"]
    assert verdicts("Z = X W\n\nL = 1/2 (Y − T)^2", "2-1") == ["right"]


@pytest.mark.parametrize("line", ["dŷ_1 = 2", "dŷ_1 = 1/2", "db_2^1 = dŷ_2 = 2", "δ_1^1 = 2", "db_i^1 = dŷ_i = 2"])
def test_a_factor_is_no_gradient(line):
    """A whole number beside the name of a gradient is what is left of a product, and no value for given weights."""
    assert verdicts(line, "3-2 --bias --loss mse")[-1] == "wrong"


def test_numbers_put_in_are_not_judged():
    assert verdicts("x_1 = 2", "3-2 --bias") == ["definition"]
    assert verdicts("δ_1^1 = 0.35", "3-2 --bias") == ["unreadable"]


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_no_two_outputs_are_on_the_same_side_of_the_loss_at_every_point(loss):
    """Otherwise sign(y_1 − t_1) could stand where sign(y_3 − t_3) should."""
    for shorthand in ("5-3 --bias", "2-3-4", "3-6"):
        world = World(Network.read(f"{shorthand} --loss {loss}"))
        pred, true = (np.array([store[name, None, None][0] for store in world.stores]) for name in ("pred", "true"))
        above = pred > true
        for one, other in itertools.combinations(range(pred.shape[1]), 2):
            assert (above[:, one] != above[:, other]).any(), (shorthand, one, other)


@pytest.mark.parametrize("function", ["\\mathrm{sign}", "\\mathrm{sgn}"])
def test_a_constant_slope_has_the_shape_of_its_argument(function):
    """Of a matrix too, where the other side is a number."""
    line = rf"\frac{{\partial loss}}{{\partial a_1^1}} = {function}'(A_1) \cdot w_{{11}}^2"
    assert verdicts(line, "3-3-1 --bias --loss mae")[-1] == "wrong"
    assert verdicts(rf"\delta_1^1 = {function}'(a^{{1}} - y) w_{{11}}^2", "3-3-1 --bias --loss mae")[-1] == "wrong"
