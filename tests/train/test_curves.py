"""The curve of a training is that of PyTorch and of plain NumPy, from the same weights, step for step."""

import json

import numpy as np
import pytest

from chainrule import Network
from chainrule.native.shuffle import order
from chainrule.train import Settings
from chainrule.train.fit import fit, prepare, run
from chainrule.train.initial import initial_weights
from chainrule.train.samples import read_samples
from train.torch_curves import BATCH, DECAY, EPOCHS, FILE, MOMENTUM, NETWORK, RATES, SEED, rate, samples

TORCH = json.loads(FILE.read_text(encoding="utf-8"))
NET = Network.read(NETWORK)


def trained(optimizer, **choices):
    x, y = samples()
    return fit(
        NET, x, y, optimizer=optimizer, rate=RATES[optimizer], epochs=EPOCHS, batch_size=BATCH, seed=SEED,
        weight_decay=DECAY, momentum=MOMENTUM, schedule="cosine", rate_end=0.1, validation=0, standardise=False,
        **choices,
    )  # fmt: skip


@pytest.mark.parametrize("optimizer", RATES)
def test_pytorch_has_the_same_curve(optimizer):
    """Losses of all epochs and the last weights agree to rounding, for every optimizer, with decay and a schedule."""
    model = trained(optimizer)
    assert [epoch.loss for epoch in model.history] == pytest.approx(TORCH[optimizer]["losses"], rel=1e-9)
    weights = np.concatenate([model.weights[f"W_{level}"].ravel() for level in (1, 2, 3)])
    assert weights == pytest.approx(np.array(TORCH[optimizer]["weights"]), rel=1e-8, abs=1e-10)
    assert TORCH[optimizer]["losses"][-1] < TORCH[optimizer]["losses"][0] * 0.8


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def numpy_curve(optimizer):
    """The same training written out by hand: this network, these optimizers."""
    x, y = samples()
    w = {name: array.copy() for name, array in initial_weights(NET, initial="glorot_uniform", seed=SEED).items()}
    m = {name: np.zeros_like(array) for name, array in w.items()}
    v = {name: np.zeros_like(array) for name, array in w.items()}
    losses, t = [], 0
    for epoch in range(EPOCHS):
        rows, full, total = order(len(x), seed=SEED, epoch=epoch), rate(optimizer, epoch), 0.0
        for at in range(0, len(x), BATCH):
            xb, yb = x[rows[at : at + BATCH]], y[rows[at : at + BATCH]]
            a1 = np.tanh(xb @ w["W_1"] + w["b_1"])
            a2 = sigmoid(a1 @ w["W_2"] + w["b_2"])
            pred = a2 @ w["W_3"] + w["b_3"]
            total += ((pred - yb) ** 2).sum()
            d3 = 2 * (pred - yb) / len(xb)
            d2 = (d3 @ w["W_3"].T) * a2 * (1 - a2)
            d1 = (d2 @ w["W_2"].T) * (1 - a1**2)
            g = {
                "W_1": xb.T @ d1,
                "b_1": d1.sum(0),
                "W_2": a1.T @ d2,
                "b_2": d2.sum(0),
                "W_3": a2.T @ d3,
                "b_3": d3.sum(0),
            }
            t += 1
            for name in w:
                g[name] += DECAY * w[name]
                if optimizer == "momentum":
                    m[name] = MOMENTUM * m[name] + g[name]
                    w[name] -= full * m[name]
                elif optimizer == "adam":
                    m[name] = 0.9 * m[name] + 0.1 * g[name]
                    v[name] = 0.999 * v[name] + 0.001 * g[name] ** 2
                    w[name] -= full * (m[name] / (1 - 0.9**t)) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
                else:
                    w[name] -= full * g[name]
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_plain_numpy_has_the_same_curve(optimizer):
    """Written out by hand, to rounding."""
    assert [epoch.loss for epoch in trained(optimizer).history] == pytest.approx(numpy_curve(optimizer), rel=1e-9)


def test_single_precision_stays_close():
    """float32 has the same curve to its own precision."""
    single = [epoch.loss for epoch in trained("adam", dtype="float32").history]
    assert single == pytest.approx(TORCH["adam"]["losses"], rel=2e-3)
    assert single != TORCH["adam"]["losses"]


def test_the_order_matters():
    """Another seed of the order gives another curve: the agreement above is no accident."""
    x, y = samples()
    choices = Settings(
        optimizer="sgd", rate=RATES["sgd"], epochs=EPOCHS, batch_size=BATCH, seed=SEED + 1, weight_decay=DECAY,
        schedule="cosine", rate_end=0.1, validation=0, standardise=False,
    )  # fmt: skip
    start = initial_weights(NET, initial="glorot_uniform", seed=SEED)
    model = run(prepare(NET, read_samples(NET, (x, y)), choices, weights=start))
    assert [epoch.loss for epoch in model.history] != pytest.approx(TORCH["sgd"]["losses"], rel=1e-4)
