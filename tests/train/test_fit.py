"""Training: what comes out, what is kept, and that killing it changes no bit of the result."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from chainrule import ChainruleError, Network, SelectionError, TrainingError
from chainrule.train import Epoch, Model, Settings, load_checkpoint
from chainrule.train.fit import fit, prepare, run
from chainrule.train.samples import read_samples

LINE = Network.read("1-1 --bias")
X = np.linspace(-3, 5, 60).reshape(-1, 1)
Y = 2 * X + 1


def random_samples(rows=240, inputs=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, inputs))
    return x, np.sin(x[:, 0]) * x[:, 1]


def test_a_line_is_found():
    """A linear network with an optimizer of second order finds a line exactly, in the data's own units."""
    model = LINE.fit(X, Y, optimizer="lbfgs", epochs=5)
    assert model.predict([[10.0], [-10.0]]) == pytest.approx([21, -19], rel=1e-5)
    assert model.validation.r2 == pytest.approx(1) and model.training.rmse < 1e-4
    assert model.measure(X, Y).rmse < 1e-4


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "lbfgs"])
def test_every_optimizer_learns(optimizer):
    """The loss falls to a small part of what it began with."""
    x, y = random_samples()
    net = Network.read("2-12:tanh-1 --bias --loss mse")
    epochs = 10 if optimizer == "lbfgs" else 60
    model = net.fit(x, y, optimizer=optimizer, epochs=epochs, seed=1, weight_decay=0.0)
    assert model.history[-1].validation < 0.35
    assert len(model.history) == epochs


def test_two_spirals():
    """The known problem of two spirals is learned without a mistake."""
    angle = np.linspace(0.5, 3 * np.pi, 97)
    spiral = np.stack([np.cos(angle), np.sin(angle)], axis=1) * angle[:, None] / 3
    x = np.concatenate([spiral, -spiral])
    y = np.repeat(["left", "right"], 97)
    net = Network.read("2-24:tanh-24:tanh-1 --bias --loss bce_with_logits")
    model = net.fit(x, y, epochs=600, rate=0.01, validation=0, seed=3)
    assert (model.predict(x) == y).all()
    assert model.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(194))


def test_the_same_seed_gives_the_same_bits(tmp_path):
    """Two trainings write the same bytes; another seed gives others."""
    x, y = random_samples()
    net = Network.read("2-5:relu-1 --bias")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        net.fit(x, y, epochs=5, seed=seed, checkpoint=tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_a_saved_model_answers_the_same(tmp_path):
    """What is loaded predicts the same numbers, and knows everything about itself."""
    x, y = random_samples()
    model = Network.read("2-5:relu-2 --bias --loss softmax_ce_index").fit(x, np.where(y > 0, "up", "down"), epochs=5)
    model.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    assert np.array_equal(again.predict_proba(x), model.predict_proba(x))
    assert again.predict(x).tolist() == model.predict(x).tolist()
    for name in ("network", "targets", "history", "settings", "input_names", "target_names", "training", "validation"):
        assert getattr(again, name) == getattr(model, name), name
    values = again.network.values(weights=again.weights, inputs=again.x_scale.apply(x[:1]), targets=[1])
    assert values["pred"] == pytest.approx(model.outputs(x[:1]))


def test_early_stopping_keeps_the_best():
    """Training stops after the patience, and the weights are those of the best epoch."""
    x, y = random_samples(60)
    noisy = y + np.random.default_rng(1).normal(size=60)
    net = Network.read("2-40:tanh-1 --bias")
    model = net.fit(x, noisy, epochs=400, patience=15, rate=0.02, seed=2)
    assert len(model.history) < 400
    assert model.best_epoch == len(model.history) - 15
    best = min(epoch.validation for epoch in model.history)
    assert model.history[model.best_epoch - 1].validation == best
    assert model.validation.loss == pytest.approx(best)


def test_out_of_memory_data_are_trained_with_in_blocks(tmp_path):
    """A file larger than the budget gives a model as good, from blocks of a temporary file."""
    x, y = random_samples(2000)
    table = np.column_stack([x, y])
    np.save(tmp_path / "big.npy", table)
    net = Network.read("2-12:tanh-1 --bias")
    model = net.fit(tmp_path / "big.npy", epochs=30, memory=8000, seed=1)
    whole = net.fit(tmp_path / "big.npy", epochs=30, seed=1)
    assert model.validation.r2 == pytest.approx(whole.validation.r2, abs=0.05)
    assert np.allclose(model.x_scale.mean, whole.x_scale.mean, rtol=1e-12, atol=1e-15)


# Resuming


def interrupted(path, at, *, epochs=12, **options):
    """Train until an epoch, as if killed there; then take it up from its file."""

    class Killed(BaseException):
        pass

    def report(epoch):
        if epoch.number == at:
            raise Killed

    x, y = random_samples()
    net = Network.read("2-6:tanh-1 --bias")
    with pytest.raises(Killed):
        fit(net, x, y, epochs=epochs, checkpoint=path, every=0, report=report, **options)
    return fit(net, x, y, epochs=epochs, checkpoint=path, every=0, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("memory", [1 << 30, 4000])
def test_taking_up_changes_no_bit(tmp_path, optimizer, memory):
    """Whatever the optimizer remembers is in the file; in the middle of an epoch too, where it has several blocks."""
    options = {"optimizer": optimizer, "memory": memory, "patience": 9, "schedule": "cosine", "warmup": 2, "seed": 4}
    if optimizer == "lbfgs":
        options["batch_size"] = 0
    interrupted(tmp_path / "killed", 5, **options)
    x, y = random_samples()
    fit(Network.read("2-6:tanh-1 --bias"), x, y, epochs=12, checkpoint=tmp_path / "whole", **options)
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()


TRAINING = """
import sys
import numpy as np
from chainrule import Network
rng = np.random.default_rng(0)
x = rng.normal(size=(3000, 2))
Network.read("2-16:tanh-1 --bias").fit(
    x, np.sin(x[:, 0]) * x[:, 1], epochs=40, checkpoint=sys.argv[1], every=0, patience=30, seed=1, memory=100_000
)
"""


def test_killed_at_any_instant(tmp_path):
    """SIGKILL at random instants, and started again until it ends: the file is that of a training left alone."""
    script = tmp_path / "training.py"
    script.write_text(TRAINING)

    def start(path):
        return subprocess.Popen([sys.executable, script, path], stderr=subprocess.PIPE)

    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    begun = time.monotonic()
    with start(whole) as process:
        assert process.wait() == 0
    took = time.monotonic() - begun
    chance = random.Random()
    kills = 0
    while True:
        with start(killed) as process:
            try:
                # The first part of a run is Python starting; the first two are killed before they can be at their end.
                process.wait(took * chance.uniform(0.2, 0.6 if kills < 2 else 1.2))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
            if process.wait() == 0 and kills:
                break
        if not kills:  # the machine has become faster: once more from the beginning, and sooner
            killed.unlink(missing_ok=True)
            took /= 2
        assert kills < 30
    assert killed.read_bytes() == whole.read_bytes()
    left = {path.name for path in tmp_path.iterdir()} - {script.name, whole.name, killed.name}
    assert all(name.endswith(".part") for name in left)  # what a kill in the middle of writing leaves aside


def test_more_epochs_may_follow(tmp_path):
    """A training at its end goes on when asked to with more epochs, as if it had never stopped."""
    x, y = random_samples()
    net = Network.read("2-6:tanh-1 --bias")
    fit(net, x, y, epochs=5, checkpoint=tmp_path / "a")
    fit(net, x, y, epochs=9, checkpoint=tmp_path / "a", resume=True)
    fit(net, x, y, epochs=9, checkpoint=tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"net": "2-7:tanh-1 --bias"}, "another network"), ({"seed": 1}, "seed = 0, now it is 1"),
        ({"rate": 0.5}, "rate"), ({"rows": 200}, "other samples"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_something_else_is_refused(tmp_path, change, said):
    """Another network, other samples, another seed: said, and the file is left as it is."""
    x, y = random_samples()
    path = tmp_path / "a"
    fit(Network.read("2-6:tanh-1 --bias"), x, y, epochs=3, checkpoint=path)
    before = path.read_bytes()
    rows = change.pop("rows", len(x))
    net = Network.read(change.pop("net", "2-6:tanh-1 --bias"))
    with pytest.raises(TrainingError, match=said):
        fit(net, x[:rows], y[:rows], epochs=5, checkpoint=path, resume=True, **change)
    assert path.read_bytes() == before


def test_interrupting_keeps_the_epoch(tmp_path):
    """Ctrl-C leaves a file to go on from, which leads to the same bits."""
    x, y = random_samples()
    net = Network.read("2-6:tanh-1 --bias")

    def report(epoch):
        if epoch.number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(net, x, y, epochs=8, checkpoint=tmp_path / "a", every=1e9, report=report)
    assert load_checkpoint(tmp_path / "a").state.epoch == 3
    fit(net, x, y, epochs=8, checkpoint=tmp_path / "a")
    fit(net, x, y, epochs=8, checkpoint=tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# Divergence


def test_a_diverging_loss_stops_with_advice(tmp_path):
    """What is kept is the last good epoch, in the file and with the error; its numbers are finite."""
    x, y = random_samples()
    net = Network.read("2-6:relu-6:relu-1 --bias")
    path = tmp_path / "a"
    with pytest.raises(TrainingError, match="lower the rate") as caught:
        fit(net, x, y, epochs=400, optimizer="sgd", rate=0.012, schedule="constant", warmup=399, batch_size=0,
            checkpoint=path, standardise=False)  # fmt: skip
    assert "발산" in caught.value.message(lang="ko")
    model = Model.load(path)
    assert len(model.history) == len(caught.value.model.history) > 0
    assert all(np.isfinite(array).all() for array in model.weights.values())
    assert all(math.isfinite(epoch.loss) for epoch in model.history)


def test_diverging_at_once_leaves_no_file(tmp_path):
    """There is no good epoch to keep."""
    x, y = random_samples()
    with pytest.raises(TrainingError) as caught:
        fit(Network.read("2-3:relu-1"), x, y, optimizer="sgd", rate=1e9, checkpoint=tmp_path / "a")
    assert caught.value.model is None and not (tmp_path / "a").exists()


# Files that are no models


def test_files_that_are_no_models(tmp_path):
    """Missing, damaged, foreign: each is said, none is a traceback."""
    good = tmp_path / "good"
    LINE.fit(X, Y, epochs=1).save(good)
    (tmp_path / "text").write_text("hello")
    (tmp_path / "half").write_bytes(good.read_bytes()[:200])
    save_file({"a": np.ones(3)}, tmp_path / "foreign")
    with safe_open(good, framework="numpy") as file:
        facts = json.loads(file.metadata()["chainrule"])
    tensors = load_file(good)

    def variant(name, arrays, **changes):
        save_file(arrays, tmp_path / name, metadata={"chainrule": json.dumps({**facts, **changes})})

    variant("no weights", {key: array for key, array in tensors.items() if key != "W_1"})
    variant("wrong shape", {**tensors, "W_1": np.ones((2, 2))})
    variant("not finite", {**tensors, "W_1": np.full((1, 1), np.nan)})
    variant("no network", tensors, network="[[[")
    variant("no settings", tensors, settings={"epochs": 0})
    variant("another format", tensors, format=99)
    names = ["missing", "text", "half", "foreign", "no weights", "wrong shape", "not finite", "no network",
             "no settings", "another format", "."]  # fmt: skip
    for name in names:
        with pytest.raises(ChainruleError) as caught:
            Model.load(tmp_path / name)
        assert caught.value.message() and caught.value.message(lang="ko")
    with pytest.raises(TrainingError, match="finished network"):
        fit(LINE, X, Y, checkpoint=good, resume=True)


def test_choices_are_checked_before_data_are_read():
    """A misspelt choice does not cost a reading."""
    with pytest.raises(SelectionError, match="epochs"):
        LINE.fit("missing.csv", epoch=3)


def test_rates_are_recorded():
    """The history has the rate of each epoch, and nan where nothing is kept aside."""
    model = LINE.fit(X, Y, epochs=4, schedule="step", step_epochs=2, rate=0.25, validation=0)
    assert [epoch.rate for epoch in model.history] == pytest.approx([0.25, 0.25, 0.025, 0.025])
    assert isinstance(model.history[0], Epoch) and math.isnan(model.history[0].validation)
    assert model.validation is None


def test_parts_can_be_used_alone():
    """`prepare` and `run` are what `fit` is made of."""
    samples = read_samples(LINE, (X, Y))
    training = prepare(LINE, samples, Settings(epochs=2, optimizer="sgd"))
    assert run(training).history == fit(LINE, X, Y, epochs=2, optimizer="sgd").history
    assert Path("model.safetensors").exists() is False
