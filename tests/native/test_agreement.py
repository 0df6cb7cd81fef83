"""Native code, NumPy and JAX agree on hundreds of random networks; and a sign flipped anywhere in the code is seen."""

from __future__ import annotations

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import oracle
from batch import kernels_of, source_of
from chainrule import Connection, Network, native
from chainrule.native.expression import Scribe
from chainrule.native.looped import Looped
from chainrule.native.lower import _Grid
from chainrule.native.unrolled import Unrolled
from chainrule.values import evaluate
from drawn import suitable

PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))
BATCHES = (1, 3, 17, 100, 257)
SIZES = (1, 3, 17, 100, 257)

RELATIVE = 1e-12

FLOOR_ULPS = 64
"""As in the comparison with JAX: where terms cancel, what is left is the rounding of the terms."""


def drawn(seed):
    """A random network: skips, gaps, ties, biases or none, an activation for each unit; and samples for it."""
    activation, loss = PAIRS[seed * 37 % len(PAIRS)]
    net = oracle.random_network(seed, activation=activation, loss=loss)
    random = np.random.default_rng(seed)
    samples = BATCHES[seed % len(BATCHES)]
    return net, random.uniform(-2, 2, (samples, net.inputs)), suitable(random, net, samples)


def close(ours, theirs, scale):
    """Whether numbers agree to 1e-12, or to the rounding of the terms that cancelled."""
    allowed = RELATIVE * np.abs(theirs) + FLOOR_ULPS * np.finfo(float).eps * scale
    return bool(np.all(np.abs(np.asarray(ours) - theirs) <= allowed))


def difference(kernel, values, x, true):
    """What a kernel has wrong of the outputs, the loss and the gradients, or None."""
    params = kernel.layout.pack({name: values[name] for name in kernel.layout.maps})
    loss, flat = kernel.value_and_grad(params, x, true)
    if not (loss == pytest.approx(values["loss"], rel=RELATIVE) == kernel.value(params, x, true)):
        return "loss"
    if not close(kernel.predict(params, x), values["pred"].reshape(len(x), -1), 1):
        return "pred"
    found = kernel.layout.unpack(flat)
    scale = max(np.abs(values.partial(name)).max() for name in found)
    scale = max(scale, np.abs(values.partial("pred")).max() * len(x))
    return next((name for name in found if not close(found[name], values.partial(name), scale)), None)


@pytest.mark.parametrize("group", range(10))
def test_random_networks_agree(tmp_path, group):
    """In each group 24 networks: native code without loops and NumPy with `values`, and every fifth with JAX too."""
    cases = [drawn(seed) for seed in range(group * 24, group * 24 + 24)]
    kernels = kernels_of([source_of(net, unrolled=True) for net, _, _ in cases], tmp_path)
    for at, ((net, x, true), kernel) in enumerate(zip(cases, kernels, strict=True)):
        values = evaluate(net, inputs=x, targets=true, seed=at)
        assert difference(kernel, values, x, true) is None, net
        plain = native.compile(net, dtype="float64", cc="numpy")
        assert difference(plain, values, x, true) is None, net
        if at % 5 == 0:
            few = slice(0, 3)
            values = evaluate(net, inputs=x[few], targets=true[few], seed=at)
            assert agrees_with_jax(kernel, values, x[few], true[few]), net


def agrees_with_jax(kernel, values, x, true):
    """The same numbers from an automatic differentiation that shares nothing with the project."""
    loss, numbers, _ = oracle.gradients(values)
    params = kernel.layout.pack({name: values[name] for name in kernel.layout.maps})
    ours, flat = kernel.value_and_grad(params, x, true)
    arrays = kernel.layout.unpack(flat)
    scale = max(map(abs, numbers.values()))
    net = values.network
    tied = {weight for group in net.ties for weight in group[1:]}
    names = {w: f"W_{w.target}" + ("" if w.source == w.target - 1 else f",{w.source}") for w in net.weights()}
    pairs = [
        (arrays[name][w.origin - 1, w.to - 1], numbers[str(w)]) for w, name in names.items() if w not in tied
    ]  # fmt: skip
    pairs += [
        (arrays[f"b_{level}"][unit - 1], numbers[f"b_{unit}^{level}"])
        for level, layer in enumerate(net.layers, start=1) for unit in range(1, layer.size + 1) if layer.has_bias(unit)
    ]  # fmt: skip
    mine, theirs = (np.array(column) for column in zip(*pairs, strict=True))
    scale = max(scale, float(np.abs(values.partial("pred")).max()) * len(x))
    return ours == pytest.approx(loss, rel=RELATIVE) and close(mine, theirs, scale)


@pytest.mark.parametrize("group", range(3))
def test_random_networks_agree_in_loops(tmp_path, group):
    """The same networks as larger ones are written, in one thread or two."""
    cases = [drawn(seed) for seed in range(500 + group * 16, 516 + group * 16)]
    parts = [source_of(net, unrolled=False, threads=1 + group % 2) for net, _, _ in cases]
    kernels = kernels_of(parts, tmp_path, threads=1 + group % 2)
    for at, ((net, x, true), kernel) in enumerate(zip(cases, kernels, strict=True)):
        values = evaluate(net, inputs=x, targets=true, seed=at)
        assert difference(kernel, values, x, true) is None, net


WIDE = [
    *(f"{a}-{b}-{c}{bias}" for (a, b, c), bias in zip(
        [(1, 257, 1), (3, 100, 17), (17, 17, 3), (100, 3, 100), (257, 1, 3), (17, 100, 257)],
        itertools.cycle(["", " --bias"]),
    )),
    "3-17-100-17-1:tanh --bias --loss huber", "5-257-3 --loss softmax_ce_index",
]  # fmt: skip


def wide_networks():
    """Layers of odd sizes; one with skips and gaps, one with ties within and between layers."""
    yield from map(Network.read, WIDE)
    gaps = tuple((to, origin) for to in range(1, 18) for origin in range(1, 101) if (to + origin) % 3)
    plain = Network.read("3-100-17-2 --bias")
    skips = (Connection(1, 0), Connection(2, 1, gaps), Connection(3, 2), Connection(3, 0), Connection(2, 0))
    yield plain.replace(connections=skips)
    weights = list(plain.weights())
    yield plain.replace(ties=((weights[0], weights[150], weights[301]), (weights[400], weights[500])))


def test_layers_of_odd_sizes_agree(tmp_path):
    """Rows and columns that fill no block and no vector, batches that fill no tile, built as they are in earnest."""
    nets = list(wide_networks())
    kernels = kernels_of([source_of(net) for net in nets], tmp_path, level="-O1")
    for net, kernel in zip(nets, kernels, strict=True):
        random = np.random.default_rng(net.inputs)
        for samples in (3, 100, 257):
            x, true = random.uniform(-1, 1, (samples, net.inputs)), suitable(random, net, samples)
            values = evaluate(net, inputs=x, targets=true, seed=1)
            assert difference(kernel, values, x, true) is None, f"{net.to_shorthand()}, {samples}"


def test_a_wide_network_agrees_with_jax():
    """In matrices, through the library that `compile` builds."""
    net = Network.read("17-100-257-3 --reduction samples=mean,outputs=sum")
    random = np.random.default_rng(0)
    x, true = random.normal(size=(100, 17)), random.normal(size=(100, 3))
    kernel = native.compile(net, dtype="float64", quiet=True)
    params = kernel.draw(0)
    weights = kernel.layout.unpack(params)

    def loss(parts):
        a = jax.nn.sigmoid(jax.nn.sigmoid(x @ parts["W_1"]) @ parts["W_2"])
        return jnp.sum((a @ parts["W_3"] - true) ** 2) / 2 / len(x)

    theirs, gradients = jax.value_and_grad(loss)({name: jnp.asarray(w) for name, w in weights.items()})
    ours, flat = kernel.value_and_grad(params, x, true)
    assert ours == pytest.approx(float(theirs), rel=RELATIVE)
    scale = max(float(jnp.abs(gradient).max()) for gradient in gradients.values())
    for name, array in kernel.layout.unpack(flat).items():
        assert close(array, np.asarray(gradients[name]), scale), name


# Would a slip be seen?

MUTATED = "2-3:tanh-2:gelu-2 --bias --loss log_cosh --reduction mean"


def mutants(source):
    """The source with each + and − of what a sample goes through flipped, one at a time; and which one it is."""
    whole = re.search(r"static ALWAYS void tile_gradient.*?\n\}\n", source, re.DOTALL)
    assert whole is not None
    for sign in re.finditer(r" ([-+])(=?) |(?<=[(=] )-(?=\w)", whole[0]):
        line = whole[0][: sign.start()].rpartition("\n")[2] + whole[0][sign.start() :].partition("\n")[0]
        if line.lstrip().startswith("//"):
            continue
        flipped = f" {'-' if sign[1] == '+' else '+'}{sign[2]} " if sign[1] else ""
        at = whole.start() + sign.start()
        yield line.strip(), source[:at] + flipped + source[at + len(sign[0]) :]


def test_every_sign_of_the_code_is_needed(tmp_path):
    """Each sign between the samples and the sums, flipped, makes the loss or a gradient wrong."""
    net = Network.read(MUTATED)
    lowered, source = source_of(net, unrolled=True)
    flipped = list(mutants(source))
    assert len(flipped) > 50
    random = np.random.default_rng(1)
    x, true = random.uniform(-2, 2, (19, 2)), random.uniform(-2, 2, (19, 2))
    values = evaluate(net, inputs=x, targets=true, seed=1)
    kernels = kernels_of([(lowered, source), *((lowered, text) for _, text in flipped)], tmp_path)
    assert difference(kernels[0], values, x, true) is None
    unseen = [
        line for (line, _), kernel in zip(flipped, kernels[1:], strict=True)
        if difference(kernel, values, x, true) is None
    ]  # fmt: skip
    assert not unseen


def _swapped(method):
    """A method that returns places in the buffer, those of another entry."""
    return lambda self, *args, **more: method(self, *args, **more)[::-1].copy()


SLIPS = {
    "a subtraction is an addition": (
        Scribe, "_add",
        lambda method: lambda self, terms: (lambda p: type(p)(p.text.replace(" - ", " + "), p.level, p.vector))(
            method(self, terms)
        ),
    ),
    "a product has the other sign": (
        Scribe, "_product",
        lambda method: lambda self, pieces: (lambda p: type(p)(f"(-({p.text}))", 3, p.vector))(method(self, pieces)),
    ),
    "a product with parameters takes other ones": (_Grid, "whole", _swapped),
    "a sum over the samples is taken away": (
        Unrolled, "_operation",
        lambda method: lambda self, *args: [line.replace("] += kept", "] -= kept") for line in method(self, *args)],
    ),
    "in loops, too": (
        Looped, "_sum",
        lambda method: lambda self, sums: [line.replace("s += ", "s -= ") for line in method(self, sums)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_in_the_emitter_are_seen(tmp_path, monkeypatch, slip):
    """The comparison bites: red for each of them, green without."""
    owner, name, changed = SLIPS[slip]
    net = Network.read("2-3:tanh-2 --bias")
    random = np.random.default_rng(1)
    x, true = random.uniform(-2, 2, (19, 2)), random.uniform(-2, 2, (19, 2))
    values = evaluate(net, inputs=x, targets=true, seed=1)
    parts = [source_of(net, unrolled=unrolled) for unrolled in (True, False)]
    monkeypatch.setattr(owner, name, changed(getattr(owner, name)))
    wrong = [source_of(net, unrolled=unrolled) for unrolled in (True, False)]
    kernels = kernels_of([*parts, *wrong], tmp_path)
    seen = [difference(kernel, values, x, true) for kernel in kernels]
    assert seen[:2] == [None, None]
    assert any(seen[2:])
