"""Many networks side by side: each is what it would be alone, whatever stands beside it."""

import numpy as np
import pytest

import oracle
from chainrule import DataError, Network, SelectionError, native
from chainrule.native.ensemble import LaneEnsemble, SerialEnsemble
from drawn import suitable

FORMS = {
    "lanes": {"lanes": True},
    "one after another": {"lanes": False},
    "numpy": {"cc": "numpy"},
}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Libraries of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def samples_of(net, count=37):
    random = np.random.default_rng(3)
    return random.normal(size=(count, net.inputs)), suitable(random, net, count).reshape(count, -1)


@pytest.mark.parametrize("at", range(len(oracle.LOSSES)))
def test_value_gradient_and_outputs_are_those_of_the_kernel(at):
    """Every loss, most activations; skips, gaps, ties, an activation for each unit."""
    net = oracle.random_network(at, activation=oracle.HIDDEN[at], loss=oracle.LOSSES[at])
    x, true = samples_of(net, 1 + at * 31)
    ensemble = native.compile_ensemble(net, dtype="float64", quiet=True, lanes=True, threads=1 + at % 2)
    assert isinstance(ensemble, LaneEnsemble)
    params = ensemble.draw(range(11))
    losses, slopes = ensemble.value_and_grad(params, x, true)
    assert ensemble.value(params, x, true) == pytest.approx(losses, rel=1e-13)
    kernel = native.compile(net, dtype="float64", quiet=True)
    for own, value, slope, outputs in zip(params, losses, slopes, ensemble.predict(params, x), strict=True):
        theirs, gradient = kernel.value_and_grad(own, x, true)
        assert value == pytest.approx(theirs, rel=1e-12)
        np.testing.assert_allclose(slope, gradient, rtol=1e-11, atol=1e-13 * max(1.0, np.abs(gradient).max()) * len(x))
        np.testing.assert_allclose(outputs, kernel.predict(own, x), rtol=1e-13)


@pytest.mark.parametrize("optimizer", native.OPTIMIZERS)
@pytest.mark.parametrize("form", FORMS)
def test_training_is_that_of_each_by_itself(form, optimizer):
    """Shuffled minibatches with a ragged end, every network its own seed, rate and weight decay; cut in two."""
    net = Network.read("2-3-2-1 --bias")
    x, true = samples_of(net)
    ensemble = native.compile_ensemble(net, dtype="float64", optimizer=optimizer, quiet=True, **FORMS[form])
    assert isinstance(ensemble, LaneEnsemble if form == "lanes" else SerialEnsemble)
    count = 11
    rates, decays = np.linspace(0.001, 0.02, count), np.linspace(0, 0.1, count)
    params, state = ensemble.draw(range(count)), ensemble.state(range(40, 40 + count))
    settings = {"rate": rates, "weight_decay": decays, "batch_size": 8}
    losses = [ensemble.train(params, state, x, true, steps=7, **settings)]
    losses.append(ensemble.train(params, state, x, true, epochs=2, **settings))
    kernel = native.compile(net, dtype="float64", optimizer=optimizer, quiet=True, cc=FORMS[form].get("cc"))
    for at in range(count):
        alone, own = kernel.draw(at), kernel.state(seed=40 + at)
        found = kernel.train(alone, own, x, true, epochs=3, rate=rates[at], weight_decay=decays[at], batch_size=8)
        assert np.hstack(losses)[at] == pytest.approx(found[: own.step], rel=1e-11)
        assert state.clock.tolist() == own.clock.tolist()
        np.testing.assert_allclose(params[at], alone, rtol=1e-9, atol=1e-12)
        assert form == "lanes" or np.array_equal(params[at], alone)


def test_neighbours_and_threads_change_no_bit():
    """Alone, among others, in another place, with two threads: the same bits."""
    net = Network.read("2-3-2-1")
    x, true = samples_of(net, 100)
    found = {}
    for threads in (1, 2):
        ensemble = native.compile_ensemble(net, dtype="float32", optimizer="adam", quiet=True, threads=threads)
        for seeds in (range(50), range(30, 20, -1), [25]):
            params, state = ensemble.draw(seeds), ensemble.state(seeds)
            ensemble.train(params, state, x, true, epochs=4, batch_size=9, rate=0.01)
            for seed, own in zip(seeds, params, strict=True):
                assert found.setdefault(seed, own.tobytes()) == own.tobytes()
    assert len(found) == 50


@pytest.mark.parametrize("form", FORMS)
def test_one_that_diverges_stops_alone(form):
    """Its parameters are those before the step; its losses end; the others go on, and so does the next call."""
    net = Network.read("2-3-2-1")
    x, true = samples_of(net)
    ensemble = native.compile_ensemble(net, dtype="float64", quiet=True, **FORMS[form])
    params, state = ensemble.draw([1, 2, 3]), ensemble.state([1, 2, 3])
    losses = ensemble.train(params, state, x, true, steps=60, batch_size=10, rate=[0.001, 1e9, 0.001])
    assert state.alive.tolist() == [True, False, True]
    assert np.isfinite(losses[[0, 2]]).all() and np.isfinite(params).all()
    ended = int(np.flatnonzero(~np.isfinite(losses[1]))[0])
    assert 0 < ended < 59 and np.isnan(losses[1, ended + 1 :]).all()
    kernel = native.compile(net, dtype="float64", quiet=True, cc=FORMS[form].get("cc"))
    alone, own = kernel.draw(2), kernel.state(seed=2)
    kernel.train(alone, own, x, true, steps=60, batch_size=10, rate=1e9)
    assert own.step == ended
    np.testing.assert_allclose(params[1], alone, rtol=1e-9)
    before = params.copy()
    more = ensemble.train(params, state, x, true, steps=5, batch_size=10, rate=0.001)
    assert np.isnan(more[1]).all() and np.array_equal(before[1], params[1])
    assert np.isfinite(more[[0, 2]]).all() and not np.array_equal(before[0], params[0])
    assert state.clock[0] == 65
    rest = state.of(state.alive)
    assert len(rest) == 2 and rest.alive.all()


def test_a_long_sum_in_float32_keeps_its_digits():
    """A hundred thousand samples, added up in parts."""
    net = Network.read("2-3-2-1")
    x, true = samples_of(net, 100_000)
    single, double = (native.compile_ensemble(net, dtype=dtype, quiet=True) for dtype in ("float32", "float64"))
    params = double.draw([0])
    exact, slope = double.value_and_grad(params, x, true)
    found, rough = single.value_and_grad(params, x, true)
    assert found == pytest.approx(exact, rel=2e-6)
    np.testing.assert_allclose(rough, slope, atol=2e-5 * np.abs(slope).max())


def test_what_does_not_fit_is_said():
    """Shapes and settings, as for a kernel."""
    ensemble = native.compile_ensemble(Network.read("2-3-1"), dtype="float64", quiet=True)
    params, state = ensemble.draw([0, 1]), ensemble.state([0, 1])
    with pytest.raises(DataError, match="params"):
        ensemble.value(params[0], [[1, 2]], [1])
    with pytest.raises(DataError):
        ensemble.train(params[:1], state, [[1, 2]], [1], steps=1, rate=0.1)
    with pytest.raises(SelectionError, match="beta1"):
        ensemble.train(params, state, [[1, 2]], [1], steps=1, rate=0.1, beta1=0.5)
