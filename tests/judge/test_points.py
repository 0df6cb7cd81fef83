"""The points of a World: every unit is seen on both sides of its kink where that can matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chainrule import Network
from chainrule.judge.api import check_formula
from chainrule.judge.points import MOST_POINTS
from chainrule.judge.world import World

DEEP = "3-3:relu-2:relu-2:relu-1 --bias"


def bent_units(net):
    """Return the layers and units, counted from 0, whose slopes jump at 0."""
    names = {"relu", "leaky_relu", "elu", "selu"}
    return [
        (level, unit)
        for level, layer in enumerate(net.layers, start=1)
        for unit in range(layer.size)
        if layer.activation(unit + 1).name in names
    ]


@pytest.mark.parametrize("text", [DEEP, "2-3:relu-2:relu-1", "4-3:leaky_relu-3:elu-2", "2-3:relu-2 --loss mae"])
def test_each_unit_is_off_alone_and_the_loss_depends_on_it(text):
    net = Network.read(text)
    world = World(net)
    units = bent_units(net)
    z = {unit: world.array(world.program.symbols["z", unit[0], None])[:, 0, unit[1]] for unit in units}
    alive = {unit: world.gradient(world.program.symbols["a", unit[0], None])[:, 0, unit[1]] != 0 for unit in units}
    for unit in units:
        others_on = np.all([z[other] > 0 for other in units if other != unit], axis=0)
        assert np.any(others_on & (z[unit] < 0) & alive[unit]), (text, unit)
        assert np.any(others_on & (z[unit] > 0) & alive[unit]), (text, unit)
    assert world.points <= MOST_POINTS


def test_flat_on_both_sides():
    """A hard tanh is off beyond 1 and below −1, and on between."""
    world = World(Network.read("2-3:hard_tanh-2"))
    z = np.abs(world.array(world.program.symbols["z", 1, None])[:, 0])
    for unit in range(3):
        others = np.delete(z, unit, axis=1)
        assert np.any((z[:, unit] > 1) & (others < 1).all(axis=1)), unit


@pytest.mark.parametrize("text", ["2-3-3 --loss mae", "2-2-3 --loss huber"])
def test_each_output_is_on_both_sides_of_its_target(text):
    world = World(Network.read(text))
    pred, true = (world.array(world.program.symbols[name, None, None])[:, 0] for name in ("pred", "true"))
    for unit in range(3):
        assert {True, False} == {bool(side) for side in pred[:, unit] > true[:, unit]}
    for unit, other in itertools.permutations(range(3), 2):
        assert np.any((pred[:, unit] > true[:, other]) != (pred[:, other] > true[:, other])), (unit, other)


def test_a_unit_is_off_on_both_sides_of_a_target():
    """What takes sign((y − t)²) for sign(y − t) where a unit is off is seen there."""
    world = World(Network.read("3-1:relu-1:relu-1:elu --bias --loss mae"))
    symbols = world.program.symbols
    z = {level: world.array(symbols["z", level, None])[:, 0, 0] for level in (1, 2, 3)}
    above = (world.array(symbols["pred", None, None]) > world.array(symbols["true", None, None]))[:, 0, 0]
    off = (z[3] < 0) & (z[2] > 0) & (z[1] > 0)
    assert {True, False} == set(above[off].tolist())


def test_wide_layers_keep_to_the_most_points():
    world = World(Network.read("2-40:relu-20:relu-1 --bias"))
    assert world.points <= MOST_POINTS


@pytest.mark.parametrize("lost", ["[z_2^3 > 0]", "[z_1^3 > 0]", "[z_1^2 > 0]", "[z_2^2 > 0]"])
def test_a_slope_that_is_lost_on_one_of_many_paths_is_seen(lost):
    """That of a unit which matters only while others are on, in one of several terms."""
    paths = " + ".join(
        f"(pred - true) · w_1{k}^4 · [z_{k}^3 > 0] · w_{k}{j}^3 · [z_{j}^2 > 0] · w_{j}3^2 · [z_3^1 > 0] · x_2"
        for j in (1, 2)
        for k in (1, 2)
    )
    right = f"∂loss/∂w_33^1 = {paths}"
    [line] = check_formula(right, DEEP, markup="text")
    assert str(line.verdict) == "right"
    [line] = check_formula(right.replace(f"{lost} · ", "", 1), DEEP, markup="text")
    assert str(line.verdict) == "wrong"
