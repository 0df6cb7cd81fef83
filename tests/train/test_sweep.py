"""Sweeps: every trial is the training that it would be alone, whoever trains it and whatever dies."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from chainrule import Network, SelectionError, TrainingError
from chainrule.cli import command_line
from chainrule.train import ModelEnsemble, Settings
from chainrule.train import sweep as sweep_of
from chainrule.workers import Processes

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(150, 2))
Y = X[:, 0] * X[:, 1] + RANDOM.normal(0, 0.1, 150)
NET = Network.read("2-4:tanh-1 --bias")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Libraries of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def two(monkeypatch):
    """Two processes, which find the modules of the tests."""
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parents[1]}")
    with Processes(2) as workers:
        yield workers


def same(one, other):
    """Whether two sweeps come to the same bits."""
    for mine, theirs in zip(one.configurations, other.configurations, strict=True):
        assert (mine.name, mine.seeds) == (theirs.name, theirs.seeds)
        for a, b in zip(mine.results, theirs.results, strict=True):
            assert a.error == b.error and (a.model is None) == (b.model is None)
            if a.model is not None:
                assert all(np.array_equal(a.model.weights[name], b.model.weights[name]) for name in a.model.weights)
                assert a.model.validation == b.model.validation and a.model.best_epoch == b.model.best_epoch


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 3, "epochs": 40},
        {"optimizer": "momentum", "schedule": "cosine", "warmup": 2, "batch_size": 0, "momentum": 0.1},
        {"optimizer": "adamw", "initial": "he_normal", "standardise": False, "batch_size": 64},
        {"optimizer": "lbfgs", "epochs": 3},
    ],
    ids=lambda settings: settings.get("optimizer", "patience"),
)
def test_a_trial_is_that_training_alone(settings):
    """With its seed, the common split, its rate; history, best epoch, weights, metrics; to rounding."""
    found = NET.sweep(X, Y, seeds=[3, 8], vary={"rate": [0.001, 0.02]}, **{"epochs": 12, **settings})
    assert [c.varied for c in found.configurations] == [{"rate": 0.001}, {"rate": 0.02}]
    for configuration in found.configurations:
        for seed, trained in zip(configuration.seeds, configuration.results, strict=True):
            own = Settings(**{"epochs": 12, **settings, **configuration.varied, "seed": seed, "split_seed": 0})
            alone = NET.fit(X, Y, settings=own)
            model = trained.model
            assert model.settings == alone.settings and model.best_epoch == alone.best_epoch
            assert [epoch.loss for epoch in model.history] == pytest.approx([epoch.loss for epoch in alone.history])
            assert [epoch.rate for epoch in model.history] == [epoch.rate for epoch in alone.history]
            assert model.validation.loss == pytest.approx(alone.validation.loss)
            assert model.training.r2 == pytest.approx(alone.training.r2)
            assert model.predict(X) == pytest.approx(alone.predict(X), rel=1e-6)


def test_a_trial_that_diverges_stops_alone():
    """It is said, with what it came to; the others go on."""
    found = NET.sweep(X, Y, seeds=3, vary={"rate": [0.02, 1e12]}, optimizer="sgd", epochs=20, batch_size=20)
    good, bad = found.configurations
    assert len(good.models) == 3 and not bad.models and all("1e+12" in result.error for result in bad.results)
    assert found.ranked[0] is good and next(found.rows())["failed"] == 0
    with pytest.raises(TrainingError) as error:
        _ = NET.sweep(X, Y, seeds=2, rate=1e12, optimizer="sgd", epochs=2).best
    assert "lower" in error.value.message()


def test_the_table_is_that_of_its_trials():
    """Mean, deviation over seeds, rank, the best model; other networks beside it."""
    found = NET.sweep(X, Y, seeds=4, networks=["2-1", "2-8:tanh-1 --bias"], epochs=30, rate=0.05)
    rows = {row["configuration"]: row for row in found.rows()}
    assert [row["rank"] for row in rows.values()] == [1, 2, 3] and list(rows)[-1] == "2-1"
    for c in found.configurations:
        losses = [trained.model.validation.loss for trained in c.results]
        assert rows[c.name]["validation_loss"] == pytest.approx(np.mean(losses))
        assert rows[c.name]["validation_loss_sd"] == pytest.approx(np.std(losses, ddof=1))
    assert found.best.validation.loss == min(found.ranked[0].values("validation", "loss"))
    assert len(list(found.trial_rows())) == 12


def test_an_ensemble_answers_with_the_mean(tmp_path):
    """Numbers, and classes by their mean probability; saved, loaded; better than its members are on average."""
    found = NET.sweep(X, Y, seeds=6, epochs=30, rate=0.05)
    ensemble = found.ensemble()
    each = np.array([model.predict(X) for model in ensemble.models])
    np.testing.assert_allclose(ensemble.predict(X), each.mean(axis=0))
    np.testing.assert_allclose(ensemble.spread(X)[:, 0], each.std(axis=0))
    assert found.measure_ensemble().rmse < np.mean(found.ranked[0].values("validation", "rmse"))
    ensemble.save(tmp_path / "e.safetensors")
    np.testing.assert_array_equal(ModelEnsemble.load(tmp_path / "e.safetensors").predict(X), ensemble.predict(X))
    labels = np.where(Y > 0, "up", "down")
    for net in ("2-4:tanh-2 --bias --loss softmax_ce_index", "2-4:tanh-1 --bias --loss bce_with_logits",
                "2-4:tanh-1 --bias --loss hinge"):  # fmt: skip
        found = Network.read(net).sweep(X, labels, seeds=3, epochs=40, rate=0.05)
        ensemble = found.ensemble()
        assert set(ensemble.predict(X)) == {"down", "up"}
        score = ensemble.measure(X, labels).accuracy
        assert score == pytest.approx((ensemble.predict(X) == labels).mean()) and score > 0.8
        if "hinge" not in net:
            each = [model.predict_proba(X) for model in ensemble.models]
            np.testing.assert_allclose(ensemble.predict_proba(X), np.mean(each, axis=0))


def test_workers_change_no_bit(two):
    """Here, in two processes, in threads that were given: the same."""
    options = {"seeds": 9, "vary": {"rate": [0.01, 0.1], "optimizer": ["adam", "momentum"]}, "epochs": 5}
    here = NET.sweep(X, Y, **options)
    same(here, NET.sweep(X, Y, workers=two, **options))
    with ThreadPoolExecutor(3) as threads:
        same(here, NET.sweep(X, Y, workers=threads, **options))


def killing(lot, samples):
    """Kill the worker at the first lot that there is; train as usual after that."""
    from chainrule.train.sweep import _train

    with open(os.environ["CHAINRULE_TEST_LOTS"], "a+") as file:
        file.write("x")
        file.seek(0)
        if len(file.read()) in (2, 5):
            os.kill(os.getpid(), signal.SIGKILL)
    return _train(lot, samples)


def test_a_killed_worker_loses_nothing(two, monkeypatch, tmp_path):
    """Twice a worker is killed in the middle: all trials are there, to the bit, and each once in the journal."""
    import importlib

    module = importlib.import_module("chainrule.train.sweep")
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("CHAINRULE_TEST_LOTS", str(tmp_path / "lots"))
    options = {"seeds": 12, "vary": {"rate": [0.01, 0.1, 0.2]}, "epochs": 5}
    here = NET.sweep(X, Y, **options)
    import test_sweep

    monkeypatch.setattr(module, "_train", test_sweep.killing)
    same(here, NET.sweep(X, Y, workers=two, journal=tmp_path / "trials.jsonl", **options))
    assert len((tmp_path / "lots").read_text()) > 5
    keys = [json.loads(line)["key"] for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 36


def test_it_goes_on_from_its_journal(tmp_path):
    """What is there is not trained again; what is half written is; other seeds are added."""
    place = tmp_path / "trials.jsonl"
    options = {"vary": {"rate": [0.01, 0.1]}, "epochs": 5, "journal": place}
    first = NET.sweep(X, Y, seeds=4, **options)
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join(lines[:5]) + lines[5][:100])
    told = []
    same(first, NET.sweep(X, Y, seeds=4, report=lambda done, total: told.append((done, total)), **options))
    assert told[0] == (5, 8) and told[-1] == (8, 8)
    more = NET.sweep(X, Y, seeds=6, report=lambda done, total: told.append((done, total)), **options)
    assert (8, 12) in told and len(more.configurations[0].models) == 6
    told.clear()
    NET.sweep(X + 1, Y, seeds=4, report=lambda done, total: told.append((done, total)), **options)
    assert told[0] == (0, 8)


def test_what_makes_no_sense_is_said():
    """Unknown settings, seeds twice, networks that answer something else."""
    for options in ({"vary": {"rat": [1]}}, {"vary": {"rate": [-1]}}, {"seeds": [1, 1]}, {"seeds": 0},
                    {"vary": {"rate": []}}, {"vary": {"validation": [0.1]}}):  # fmt: skip
        with pytest.raises(SelectionError):
            sweep_of(NET, X, Y, **options)


# The command


@pytest.fixture
def samples(tmp_path, monkeypatch):
    """A file of samples in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{a},{b},{y}\n" for (a, b), y in zip(X, Y, strict=True))
    Path("samples.csv").write_text(f"a,b,y\n{rows}")
    return "samples.csv"


def command(*arguments, lang="en"):
    done = CliRunner().invoke(command_line(lang), ["sweep", *arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_the_command_writes_a_table_and_its_folder(samples):
    """Text, JSON and CSV agree; the folder has models that predict, and is gone on from."""
    options = ["2-4:tanh-1", samples, "--target", "y", "--bias", "--rates", "0.001,0.1", "--seeds", "3",
               "--networks", "2-2-1", "--epochs", "20", "-o", "sweep"]  # fmt: skip
    text = command(*options)
    assert text.splitlines()[1].startswith("2-4:tanh-1 --bias rate=0.1 ")
    assert "ensemble of 3" in text and " ± " in text
    found = json.loads(command(*options, "--format", "json"))
    assert len(found["configurations"]) == 4 and found["configurations"][0]["trials"] == 3
    table = command(*options, "--format", "csv").splitlines()
    assert table[1].split(",")[1] == found["configurations"][0]["configuration"]
    assert Path("sweep/configurations.csv").read_text().splitlines() == table
    assert len(Path("sweep/trials.csv").read_text().splitlines()) == 13
    ensemble = ModelEnsemble.load("sweep/ensemble.safetensors")
    assert ensemble.measure(samples).rmse > 0
    [best] = ModelEnsemble.load("sweep/best.safetensors").models
    assert best.settings.seed == found["best"]["seed"]
    assert "앙상블" in command(*options, lang="ko")


def test_the_command_says_what_is_wrong(samples):
    """A value that is no number, by its option."""
    with pytest.raises(SelectionError) as error:
        command("2-4-1", samples, "--target", "y", "--rates", "0.1,fast")
    assert "--rates" in error.value.message() and "fast" in error.value.message()
