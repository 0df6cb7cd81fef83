"""Every gradient agrees with JAX in float64, to 1e-12 relative, on random networks over all activations and losses."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import oracle
from chainrule import Activation, Connection, Layer, Network, Weight
from chainrule.derive import derive
from chainrule.expr import Ref
from chainrule.notation import plain
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.values import evaluate
from chainrule.values.plan import compile_program, support, symbol_key

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
            x, true = random.uniform(-2, 2, (samples, net.inputs)), targets(random, net, samples)
            values = evaluate(net, inputs=x, targets=true, seed=seed)
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
    scale = max(np.abs(array).max() for array in (theirs, by_input, values.partial("pred")))
    worst = assert_close(values["loss"], loss, f"loss of {what}", scale=abs(loss))
    worst = max(worst, assert_close(ours, theirs, f"{list(by_number)} of {what}", scale=scale))
    for group in values.network.ties:
        assert len({values.partials[str(weight)] for weight in group}) == 1
    return max(worst, assert_close(values.partial("X"), by_input, f"x of {what}", scale=scale))


HESSIANS = {
    "dense": Network.read("2-3-2-1"),
    "biases, several outputs, a mean": Network.read("2-3:tanh-2 --bias --loss mse"),
    "softmax": Network.read("2-3:gelu-3 --loss softmax_ce"),
    "softmax and the logarithm of a probability": Network.read("2-2:silu-3:softmax --loss ce_index --bias"),
    "the deepest table rows": Network.read("1-2:mish-2:softplus-1:gelu_tanh --loss log_cosh"),
    "kinks": Network.read("2-3:elu-2:selu-2:relu --loss huber"),
    "a skip, an activation for each unit": Network(
        2,
        (Layer(2, (Activation("tanh"), Activation("sigmoid"))), Layer(1, (Activation("identity"),))),
        (Connection(1, 0), Connection(2, 1), Connection(2, 0, ((1, 1),))),
    ),
    "ties": Network.read("2-2-2").replace(ties=((Weight(1, 0, 1, 1), Weight(2, 1, 2, 1)),)),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_second_derivatives_agree_with_jax(name):
    """A Derivation is a Program: deriving ∂loss/∂w again gives a row of the Hessian, for every w."""
    net = HESSIANS[name]
    random = np.random.default_rng(5)
    values = evaluate(net, inputs=random.uniform(-2, 2, (2, net.inputs)), targets=targets(random, net, 2))
    numbers = oracle.parameters(values)
    x = [jnp.asarray(column) for column in values["X"].T]
    hessian = jax.hessian(lambda numbers: oracle.forward(net, numbers, x, jnp.asarray(values["true"])))(numbers)
    scale = max(abs(float(entry)) for row in hessian.values() for entry in row.values())
    for row in numbers:
        found = second(values, row)
        theirs = np.array([float(hessian[row][column]) for column in numbers])
        ours = np.array([found[column] for column in numbers])
        assert_close(ours, theirs, f"the row of {row}", scale=scale)


def second(values, name):
    """∂²loss/∂name∂s for every parameter s, by spelling."""
    derivation = values.derivation
    step = derivation[name]
    again = derive(derivation.program, of=step.partial)
    store = dict(values._store)
    with np.errstate(all="ignore"):
        for _, run in compile_program(again.program):
            run(store)
    found = {}
    for symbol in derivation.source.parameters:
        array = store.get((step.partial, symbol_key(symbol)))
        for place in np.argwhere(support(symbol)):
            entry = 0.0 if array is None else float(array[tuple(place)])
            found[plain(Ref(symbol, tuple(int(at) + 1 for at in place)))] = entry
    return found


def test_a_wrong_gradient_would_be_caught(monkeypatch):
    """The comparison bites: a sign turned in a rule, or one part in 10⁹, fails."""
    values = evaluate(Network.read("2-3:tanh-2 --bias"), inputs=[[1.0, -2.0]], targets=[[0.5, 1.5]])
    agree(values, "as it is")
    for spoiled in (-1.0, 1 + 1e-9):
        array = values._store[values.derivation.source.root, ("w", 1, 0)]
        monkeypatch.setitem(values._store, (values.derivation.source.root, ("w", 1, 0)), array * spoiled)
        changed = type(values)(values.network, values.derivation, values.seed, values._numbers, values._store)
        with pytest.raises(AssertionError, match="off by"):
            agree(changed, "spoiled")
        monkeypatch.undo()
