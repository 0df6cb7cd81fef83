"""Every gradient agrees with JAX in float64, to 1e-12 relative, on random networks over all activations and losses."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import oracle
from chainrule import Network
from chainrule.derive import derive
from chainrule.expr import Partial, Ref
from chainrule.program import build
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.values import evaluate
from chainrule.values.plan import array_key, compile_program, support, symbol_key

RELATIVE = 1e-12

FLOOR_ULPS = 8
"""An entry is also right where it is off by no more than this many units in the last place of the network's largest
partial: where terms cancel, as where a sum of softmax's partials is 0, what is left is the rounding of the terms."""

ROUNDS = 2
PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))


def assert_close(ours, theirs, what: str, *, scale: float) -> float:
    """Assert that two arrays agree, and return the largest relative difference of entries above the floor."""
    ours, theirs = np.atleast_1d(np.asarray(ours, dtype=float)), np.atleast_1d(np.asarray(theirs, dtype=float))
    assert ours.shape == theirs.shape, what
    floor = FLOOR_ULPS * np.finfo(float).eps * scale
    error = np.abs(ours - theirs)
    allowed = RELATIVE * np.abs(theirs) + floor
    assert np.all(error <= allowed), f"{what}: off by {error.max()}, allowed {allowed.flat[np.argmax(error - allowed)]}"
    above = error > floor
    return float(np.max(error[above] / np.abs(theirs[above]), initial=0.0))


def test_the_oracle_knows_every_row():
    """A new activation or loss must be told to the oracle too."""
    assert {*oracle.HIDDEN, "softmax"} == set(ACTIVATIONS)
    assert set(oracle.LOSSES) == set(LOSSES)
    assert len(PAIRS) * ROUNDS >= 300


@pytest.mark.parametrize("activation", oracle.HIDDEN)
def test_gradients_agree_with_jax(activation):
    """Loss, weights, biases and inputs, over all losses: layers, skips, gaps, ties, per-unit activations, readouts."""
    for position, (mine, loss) in enumerate(PAIRS):
        if mine != activation:
            continue
        for repeat in range(ROUNDS):
            seed = position * ROUNDS + repeat
            net = oracle.random_network(seed, activation=activation, loss=loss)
            samples = (1, 3)[seed % 2]
            random = np.random.default_rng(seed)
            values = evaluate(net, inputs=random.uniform(-2, 2, (samples, net.inputs)), targets=targets(random, net, samples), seed=seed)
            agree(values, f"network {seed}: {net}")


def targets(random, net, samples):
    """Targets that suit a loss."""
    outputs = len(net.output_units)
    kind = LOSSES[net.loss.name]
    if kind.class_index:
        return random.integers(1, outputs + 1, samples)
    if kind.targets == "sign":
        return random.choice([-1.0, 1.0], (samples, outputs))
    if kind.targets == "probability":
        return random.uniform(0, 1, (samples, outputs))
    if kind.targets in ("distribution", "shares"):
        parts = random.uniform(0.1, 1, (samples, outputs))
        return parts / parts.sum(axis=1, keepdims=True)
    return random.uniform(-2, 2, (samples, outputs))


def agree(values, what):
    """Assert that all gradients of a network agree; return the largest relative difference."""
    loss, by_number, by_input = oracle.gradients(values)
    theirs = np.array(list(by_number.values()))
    ours = np.array([values.partials[name] for name in by_number])
    scale = max(np.abs(theirs).max(), np.abs(by_input).max())
    worst = assert_close(values["loss"], loss, f"loss of {what}", scale=abs(loss))
    worst = max(worst, assert_close(ours, theirs, f"{list(by_number)} of {what}", scale=scale))
    for group in values.network.ties:
        assert len({values.partials[str(weight)] for weight in group}) == 1
    return max(worst, assert_close(values.partial("X"), by_input, f"x of {what}", scale=scale))
