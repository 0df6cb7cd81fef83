"""The native kernel: its numbers are those of `values`, its training that of NumPy, and it can stop anywhere."""

import itertools

import numpy as np
import pytest

import oracle
from chainrule import DataError, Network, SelectionError, native
from chainrule.native.numpy_kernel import NumpyKernel
from chainrule.values import evaluate
from drawn import suitable

PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))
SIZES = (1, 3, 17, 100, 257)

RELATIVE = 1e-12

FLOOR_ULPS = 64
"""As in the comparison with JAX: where terms cancel, what is left is the rounding of the terms."""


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Libraries of tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def assert_agrees(kernel, values, x, true, what):
    """Loss, outputs and every gradient are those of `values`."""
    params = kernel.layout.pack({name: values[name] for name in kernel.layout.maps})
    loss, flat = kernel.value_and_grad(params, x, true)
    assert loss == pytest.approx(values["loss"], rel=RELATIVE), what
    assert kernel.value(params, x, true) == pytest.approx(loss, rel=1e-13), what
    pred = values["pred"].reshape(len(x), -1)
    assert kernel.predict(params, x) == pytest.approx(pred, rel=RELATIVE, abs=1e-13), what
    found = kernel.layout.unpack(flat)
    scale = max(np.abs(values.partial(name)).max() for name in found)
    scale = max(scale, np.abs(values.partial("pred")).max() * len(x))
    for name, array in found.items():
        theirs = values.partial(name)
        allowed = RELATIVE * np.abs(theirs) + FLOOR_ULPS * np.finfo(float).eps * scale
        assert np.all(np.abs(array - theirs) <= allowed), f"{name} of {what}"


def drawn(seed):
    """A random network with samples."""
    activation, loss = PAIRS[seed * 37 % len(PAIRS)]
    net = oracle.random_network(seed, activation=activation, loss=loss)
    random = np.random.default_rng(seed)
    samples = SIZES[seed % len(SIZES)]
    return net, random.uniform(-2, 2, (samples, net.inputs)), suitable(random, net, samples)


@pytest.mark.parametrize("unrolled", [True, False], ids=["unrolled", "looped"])
@pytest.mark.parametrize("seed", range(4))
def test_native_agrees_with_values(seed, unrolled):
    """Random networks over activations and losses: skips, gaps, ties, per-unit activations, readouts, odd batches."""
    net, x, true = drawn(seed + (100 if unrolled else 0))
    values = evaluate(net, inputs=x, targets=true, seed=seed)
    kernel = native.compile(net, dtype="float64", quiet=True, unrolled=unrolled, threads=1 + seed % 2)
    assert not isinstance(kernel, NumpyKernel)
    assert_agrees(kernel, values, x, true, net)


def test_numpy_agrees_with_values():
    """The kernel without a compiler, on every pair of an activation and a loss."""
    for seed in range(len(PAIRS)):
        net, x, true = drawn(seed)
        values = evaluate(net, inputs=x, targets=true, seed=seed)
        assert_agrees(native.compile(net, dtype="float64", cc="numpy"), values, x, true, net)


NETWORKS = {"unrolled": "2-3-2-1 --bias", "looped": "5-20-30-4 --loss softmax_ce_index"}


def samples_of(net, count=37):
    random = np.random.default_rng(3)
    return random.normal(size=(count, net.inputs)), suitable(random, net, count).reshape(count, -1)


@pytest.mark.parametrize("optimizer", native.OPTIMIZERS)
@pytest.mark.parametrize("form", NETWORKS)
def test_training_is_that_of_numpy_and_resumes_bit_for_bit(form, optimizer):
    """Shuffled minibatches, the last of one sample: losses and parameters; and cut into pieces, the same bits."""
    net = Network.read(NETWORKS[form])
    x, true = samples_of(net)
    ended = []
    for cc in (None, "numpy"):
        kernel = native.compile(net, dtype="float64", optimizer=optimizer, quiet=True, cc=cc)
        params, state = kernel.draw(1), kernel.state(seed=5)
        losses = kernel.train(params, state, x, true, epochs=3, batch_size=12, rate=0.01)
        assert len(losses) == 12
        again, resumed, pieces = kernel.draw(1), kernel.state(seed=5), []
        while resumed.step < len(losses):
            stored = native.State.from_arrays({name: array.copy() for name, array in resumed.arrays().items()})
            pieces += kernel.train(
                again, stored, x, true, steps=1 + resumed.step % 2, batch_size=12, rate=0.01
            ).tolist()
            resumed = stored
        assert pieces[: len(losses)] == losses.tolist()
        if resumed.step == len(losses):
            assert np.array_equal(again, params)
        ended.append((losses, params))
    assert ended[0][0] == pytest.approx(ended[1][0], rel=1e-12)
    assert ended[0][1] == pytest.approx(ended[1][1], rel=1e-9, abs=1e-12)


def test_two_threads_give_the_same_bits_every_time():
    """Deterministic for one number of threads; within rounding of another."""
    net = Network.read("3-30-20-2 --bias")
    x, true = samples_of(net, 1000)
    two = native.compile(net, dtype="float64", threads=2, quiet=True)
    params = two.draw(0)
    loss, gradient = two.value_and_grad(params, x, true)
    for _ in range(20):
        again, same = two.value_and_grad(params, x, true)
        assert again == loss and np.array_equal(same, gradient)
    alone, other = native.compile(net, dtype="float64", quiet=True).value_and_grad(params, x, true)
    assert alone == pytest.approx(loss, rel=1e-12)
    assert other == pytest.approx(gradient, rel=1e-9, abs=1e-12)


def test_two_threads_train_to_the_same_bits():
    """The same seed, the same number of threads: nothing depends on which thread was faster."""
    net = Network.read("3-30-20-2 --bias")
    x, true = samples_of(net, 700)
    ended = []
    for _ in range(3):
        kernel = native.compile(net, dtype="float32", threads=2, optimizer="adam", quiet=True)
        params, state = kernel.draw(0), kernel.state(seed=9)
        losses = kernel.train(params, state, x, true, epochs=3, batch_size=256, rate=0.01)
        ended.append((losses.tobytes(), params.tobytes()))
    assert len(set(ended)) == 1


def test_numbers_that_are_not_finite_are_those_of_values():
    """NaN and infinity go where IEEE says, and a sample's go nowhere but to what depends on it."""
    for name in NETWORKS.values():
        net = Network.read(name)
        x, true = samples_of(net, 20)
        kernel = native.compile(net, dtype="float64", quiet=True)
        plain = native.compile(net, dtype="float64", cc="numpy")
        params = kernel.draw(0)
        for spoiled in (np.nan, np.inf, -np.inf, 1e300):
            x[7, 0] = spoiled
            for one, other in zip(
                (kernel.predict(params, x), *kernel.value_and_grad(params, x, true)),
                (plain.predict(params, x), *plain.value_and_grad(params, x, true)),
                strict=True,
            ):
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_loss_that_is_not_finite_stops_training_before_it_spoils_anything():
    """The parameters are as before the step."""
    kernel = native.compile(Network.read("2-3-1"), dtype="float64", quiet=True)
    x, true = np.ones((4, 2)), np.array([1.0, 1.0, np.nan, 1.0])
    params, state = kernel.draw(0), kernel.state()
    before = params.copy()
    losses = kernel.train(params, state, x, true, steps=10, rate=0.1)
    assert len(losses) == 1 and np.isnan(losses[0])
    assert np.array_equal(params, before) and state.step == 0


@pytest.mark.parametrize("cc", [None, "numpy"])
def test_what_does_not_fit_is_said(cc):
    """Shapes, settings and names."""
    kernel = native.compile(Network.read("2-3-1"), quiet=True, cc=cc)
    params, state = kernel.draw(0), kernel.state()
    x, true = np.zeros((4, 2)), np.zeros((4, 1))
    with pytest.raises(DataError, match="params has the shape 3"):
        kernel.value(np.zeros(3), x, true)
    with pytest.raises(DataError, match="X has the shape 4×3"):
        kernel.value(params, np.zeros((4, 3)), true)
    with pytest.raises(DataError):
        kernel.value(params, x, np.zeros((5, 1)))
    with pytest.raises(SelectionError, match="sgd has no setting called 'momentum'"):
        kernel.train(params, state, x, true, steps=1, rate=0.1, momentum=0.9)
    with pytest.raises(DataError, match="buffer"):
        kernel.train(params.astype(np.float64), state, x, true, steps=1, rate=0.1)
    with pytest.raises(DataError, match="steps"):
        kernel.train(params, state, x, true, rate=0.1)
    with pytest.raises(SelectionError, match="'sgdd'"):
        native.compile(Network.read("2-3-1"), optimizer="sgdd", cc=cc)
    with pytest.raises(SelectionError, match="'float16'"):
        native.compile(Network.read("2-3-1"), dtype="float16", cc=cc)
