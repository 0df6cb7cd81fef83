"""Samples in parts: the numbers of one machine, whoever computes them, whatever dies."""

import os
import signal
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from chainrule import DataError, Network, TrainingError
from chainrule.train import Model, fit_partitions
from chainrule.workers import DaskCluster, Processes

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(400, 2)) * [1, 5] + [0, 3]
Y = np.sin(X[:, 0]) * X[:, 1] + RANDOM.normal(0, 0.1, 400)
LABELS = np.array(["low", "mid", "top"])[np.digitize(Y, [-1, 1])]
NET = Network.read("2-5:tanh-1 --bias")
CUTS = [(0, 150), (150, 151), (151, 300), (300, 400)]
PARTS = [(X[a:b], Y[a:b]) for a, b in CUTS]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Libraries of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def cluster():
    """A scheduler and two worker processes, which are started again when they die."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60
    ) as found:
        yield found


def files(folder):
    """The parts as files of several kinds."""
    frames = [pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}) for x, y in PARTS]
    frames[0].to_csv(folder / "0.csv", index=False)
    frames[1].to_parquet(folder / "1.parquet")
    frames[2].to_csv(folder / "2.csv", index=False)
    frames[3].to_parquet(folder / "3.parquet")
    return folder


def assert_same(model, other, rel=1e-7):
    """The same curve and weights, to summation order."""
    for name in ("loss", "validation", "rate"):
        mine, theirs = ([getattr(epoch, name) for epoch in each.history] for each in (model, other))
        assert mine == pytest.approx(theirs, rel=rel, nan_ok=True)
    for name, array in model.weights.items():
        np.testing.assert_allclose(array, other.weights[name], rtol=100 * rel, atol=1e-8)
    np.testing.assert_allclose(model.x_scale.deviation, other.x_scale.deviation, rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam", "adamw", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("reduction", ["batchsum", "batchmean"])
def test_parts_train_as_the_whole_does(optimizer, reduction):
    """Full batches: scaling, losses, weights and metrics are those of `fit` on all samples at once."""
    net = Network.read(f"2-5:tanh-1 --bias --reduction {reduction}") if reduction == "batchmean" else NET
    options = {"optimizer": optimizer, "epochs": 3 if optimizer == "lbfgs" else 15, "validation": 0, "seed": 2}
    options["schedule"] = "cosine"
    parts = fit_partitions(net, PARTS, **options)
    whole = net.fit(X, Y, batch_size=0, **options)
    assert_same(parts, whole, rel=1e-4 if optimizer == "lbfgs" else 1e-9)
    assert parts.training.r2 == pytest.approx(whole.training.r2, rel=1e-4)
    assert parts.training.rmse == pytest.approx(whole.training.rmse, rel=1e-3)


def test_one_part_is_split_as_the_whole_is():
    """With samples kept aside and early stopping: the same samples, the same epoch kept."""
    options = {"epochs": 60, "patience": 4, "rate": 0.3, "seed": 4}
    parts, whole = fit_partitions(NET, [(X, Y)], **options), NET.fit(X, Y, batch_size=0, **options)
    assert_same(parts, whole, rel=1e-9)
    assert parts.best_epoch == whole.best_epoch < len(parts.history) < 60
    assert parts.validation.loss == pytest.approx(whole.validation.loss)


def test_labels_that_no_part_has_all_of():
    """Classes are those of all parts; a part without rows is passed over; accuracy as on the whole."""
    order = np.argsort(Y, kind="stable")
    net = Network.read("2-6:tanh-3 --bias --loss softmax_ce_index")
    x, labels = X[order], LABELS[order]
    frames = [pd.DataFrame({"a": x[a:b, 0], "b": x[a:b, 1], "kind": labels[a:b]}) for a, b in (*CUTS, (7, 7))]
    options = {"epochs": 40, "validation": 0, "rate": 0.05}
    model = fit_partitions(net, frames, target="kind", **options)
    whole = net.fit(pd.concat(frames), target="kind", batch_size=0, **options)
    assert model.targets.classes == ("low", "mid", "top") and model.input_names == ("a", "b")
    assert_same(model, whole, rel=1e-8)
    assert model.training.accuracy == pytest.approx(whole.training.accuracy)
    probabilities = [(X[:200], np.full(200, 0.25)), (X[200:], np.tile([0.0, 1.0], 100))]
    numbers = fit_partitions(Network.read("2-1 --loss bce_with_logits"), probabilities, epochs=3)
    assert numbers.targets.classes == () and numbers.validation.rmse > 0


def test_processes_and_files_change_no_bit(tmp_path):
    """A folder of files and a pattern, here and in two processes."""
    folder = files(tmp_path)
    options = {"target": "y", "epochs": 10, "rate": 0.05}
    here = fit_partitions(NET, folder, **options)
    with Processes(2) as workers:
        there = fit_partitions(NET, f"{folder}/*.*", workers=workers, **options)
        arrays = fit_partitions(NET, PARTS, workers=workers, epochs=10, rate=0.05)
    assert all(np.array_equal(here.weights[name], there.weights[name]) for name in here.weights)
    assert repr(here.history) == repr(there.history) and here.validation == there.validation
    assert all(np.array_equal(here.weights[name], arrays.weights[name]) for name in here.weights)


def test_a_dask_cluster_computes_the_same_while_workers_are_killed(cluster, tmp_path):
    """A Dask data frame; twice a worker is killed between steps, and what it held is made again."""
    import dask.dataframe as dd

    folder = files(tmp_path)
    frame = dd.from_map(_part, [str(path) for path in sorted(folder.iterdir())])
    options = {"target": "y", "rate": 0.02, "epochs": 40}
    here = fit_partitions(NET, folder, **options)
    killed = []

    def kill(epoch):
        if epoch.number in (10, 25):
            time.sleep(1)  # a nanny whose worker dies while it begins starts no other
            pid = next(iter(cluster.workers.values())).pid
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    with DaskCluster(cluster.scheduler_address) as workers:
        there = fit_partitions(NET, frame, workers=workers, report=kill, **options)
    assert len(set(killed)) == 2
    assert len(there.history) == 40
    assert all(np.array_equal(here.weights[name], there.weights[name]) for name in here.weights)
    assert repr(here.history) == repr(there.history) and here.training == there.training
    assert_same(fit_partitions(NET, frame, **options), here)


def _part(path):
    return pd.read_csv(path) if path.endswith(".csv") else pd.read_parquet(path)


def test_dask_arrays():
    """Inputs and targets as arrays that are cut by rows."""
    import dask.array as da

    pair = (da.from_array(X, chunks=(100, 1)), da.from_array(Y, chunks=100))
    options = {"epochs": 5, "validation": 0}
    model = fit_partitions(NET, pair, **options)
    assert_same(model, NET.fit(X, Y, batch_size=0, **options), rel=1e-9)
    table = da.from_array(np.column_stack([X, Y]), chunks=(100, 2))
    assert_same(fit_partitions(NET, table, **options), model, rel=1e-9)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_it_goes_on_where_it_was_cut_off(optimizer, tmp_path):
    """From a checkpoint after any epoch, to the bit; a finished one is gone on with; others are refused."""
    place = tmp_path / "model.safetensors"
    options = {"optimizer": optimizer, "epochs": 6, "checkpoint": place}
    whole = fit_partitions(NET, PARTS, optimizer=optimizer, epochs=6)

    class Cut(Exception):
        pass

    def cut(epoch):
        if epoch.number == 4:
            raise Cut

    with pytest.raises(Cut):
        fit_partitions(NET, PARTS, every=0, report=cut, **options)
    assert len(Model.load(place).history) == 3
    again = fit_partitions(NET, PARTS, **options)
    assert repr(again.history) == repr(whole.history) and again.validation == whole.validation
    assert all(np.array_equal(again.weights[name], whole.weights[name]) for name in whole.weights)
    if optimizer == "adam":
        more = fit_partitions(NET, PARTS, **{**options, "epochs": 9})
        assert len(more.history) == 9
    with pytest.raises(TrainingError):
        fit_partitions(NET, PARTS[:2], **options)


def test_what_is_wrong_is_said(tmp_path):
    """A bad value by its part and row; parts of other columns; nothing at all; a loss that diverges."""
    spoiled = [PARTS[0], (np.where(np.arange(4).reshape(2, 2) == 3, np.nan, 1.0), [1.0, 2.0])]
    with pytest.raises(DataError) as error:
        fit_partitions(NET, spoiled)
    assert "data[1]:2" in error.value.message()
    with pytest.raises(DataError):
        fit_partitions(NET, str(tmp_path / "*.csv"))
    with pytest.raises(TrainingError) as diverged:
        fit_partitions(NET, PARTS, optimizer="sgd", rate=1e6, epochs=40)
    assert "diverges" in diverged.value.message()
