"""Every exported module computes the numbers of `values`: NumPy, PyTorch and JAX, over random networks and all rows."""

from __future__ import annotations

import ast
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import oracle
from chainrule import Activation, Connection, Layer, Network, Weight
from chainrule.export import ARRAY_FORMS as FORMS
from chainrule.export import export
from chainrule.export.code import Coder
from chainrule.values import evaluate
from chainrule.values.evaluate import array_name
from test_oracle_jax import targets

RELATIVE = 1e-12
FLOOR_ULPS = 64
"""What is left where terms cancel, in units in the last place of the network's largest partial."""


def names_of(values):
    """The learned parameters' names in the values, and in the code."""
    names = [array_name(symbol) for symbol in values.derivation.source.parameters]
    return {name: name.replace(",", "_") for name in names}


def run_numpy(module, values, own):
    found = module["loss_and_gradients"]({code: np.array(values[name]) for name, code in own.items()},
                                         np.array(values["X"]), np.array(values["true"]))  # fmt: skip
    pred = module["predict"]({code: np.array(values[name]) for name, code in own.items()}, np.array(values["X"]))
    return pred, *found, None


def run_torch(module, values, own):
    given = {code: torch.tensor(np.array(values[name]), requires_grad=True) for name, code in own.items()}
    x = torch.tensor(np.array(values["X"]), requires_grad=True)
    loss = module["loss"](given, x, torch.tensor(np.array(values["true"])))
    loss.backward()
    gradients = {code: tensor.grad.numpy() for code, tensor in given.items()}
    return module["predict"](given, x).detach().numpy(), float(loss.detach()), gradients, x.grad.numpy()


def run_jax(module, values, own):
    given = {code: jnp.asarray(np.array(values[name])) for name, code in own.items()}
    x, true = jnp.asarray(np.array(values["X"])), jnp.asarray(np.array(values["true"]))
    loss, (gradients, by_x) = jax.jit(jax.value_and_grad(module["loss"], argnums=(0, 1)))(given, x, true)
    return jax.jit(module["predict"])(given, x), float(loss), gradients, by_x


RUNS = {"numpy": run_numpy, "torch": run_torch, "jax": run_jax}


def compiled(net, form):
    """The exported module's names."""
    module = {}
    exec(compile(export(net, form), f"{form}.py", "exec"), module)
    return module


def agree(net, values, form):
    """Assert that a module computes the values' outputs, loss and gradients."""
    own = names_of(values)
    with np.errstate(all="ignore"):
        pred, loss, gradients, by_x = RUNS[form](compiled(net, form), values, own)
    assert pred.shape == values["pred"].shape
    pairs = {"pred": (pred, values["pred"]), "loss": (loss, values["loss"])}
    assert set(gradients) == set(own.values())
    for name, code in own.items():
        assert gradients[code].shape == values[name].shape
        pairs[code] = (gradients[code], stored_partial(values, name))
    if by_x is not None:
        pairs["X"] = (by_x, values.partial("X"))
    scale = max(float(np.abs(theirs).max(initial=0)) for _, theirs in pairs.values())
    for name, (ours, theirs) in pairs.items():
        allowed = RELATIVE * np.abs(theirs) + FLOOR_ULPS * np.finfo(float).eps * scale
        assert np.all(np.abs(np.asarray(ours) - theirs) <= allowed), f"{form}: {name} of {net}: {ours} and {theirs}"


def stored_partial(values, name):
    """∂loss/∂W as the derivation has it: of tied weights, at the one that stands for all."""
    symbol = next(s for s in values.derivation.source.parameters if array_name(s) == name)
    array = np.array(values._store[values.derivation.source.root, (symbol.kind, symbol.layer, symbol.source)])
    return array.T if symbol.kind == "w" else array


PAIRS = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("activation", oracle.HIDDEN)
def test_modules_agree_with_values(activation, form):
    """Layers, skips, gaps, ties, an activation for each unit, read-outs: whatever a figure has."""
    chosen = [at for at, (mine, _) in enumerate(PAIRS) if mine == activation]
    for position in chosen[:: 4 if form == "jax" else 1]:  # JAX compiles each
        net = oracle.random_network(position, activation=activation, loss=PAIRS[position][1])
        random = np.random.default_rng(position)
        samples = (1, 3)[position % 2]
        x, true = random.uniform(-2, 2, (samples, net.inputs)), targets(random, net, samples)
        agree(net, evaluate(net, inputs=x, targets=true, seed=position), form)


FIGURES = {
    "one unit a layer": Network.read("1-1-1-1 --bias"),
    "a single output of several samples": Network.read("3-1"),
    "softmax inside a loss": Network.read("2-3-3 --loss softmax_cross_entropy"),
    "class numbers": Network.read("2-3-3 --loss softmax_cross_entropy_index"),
    "a skip": Network(
        2, (Layer(2, (Activation("tanh"), Activation("sigmoid"))), Layer(1, (Activation("identity"),))),
        (Connection(1, 0), Connection(2, 1), Connection(2, 0, ((1, 1),))),
    ),
    "ties": Network.read("2-2-2").replace(ties=((Weight(1, 0, 1, 1), Weight(2, 1, 2, 1)),)),
    "ties within a layer": Network.read("3-4-2 --bias").replace(
        ties=((Weight(1, 0, 1, 1), Weight(1, 0, 2, 2), Weight(1, 0, 3, 3)), (Weight(1, 0, 4, 1), Weight(1, 0, 4, 3)))
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_agree_with_values(name, form):
    net = FIGURES[name]
    random = np.random.default_rng(3)
    values = evaluate(net, inputs=random.uniform(-2, 2, (4, net.inputs)), targets=targets(random, net, 4), seed=3)
    agree(net, values, form)


@pytest.mark.parametrize("form", FORMS)
def test_modules_are_clean(form):
    """A module parses, has a docstring everywhere, says each line of the derivation, and no row is too long to read."""
    net = Network.read("2-100-50-1 --bias")
    text = export(net, form)
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert all(ast.get_docstring(node) for node in (tree, *functions))
    assert "# ∂loss/∂w_ij^2 = Σ_{n=1}^N ∂loss/∂z_i^2[n] · a_j^1[n]\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_float32_stays_float32():
    """PyTorch and JAX compute in the type of the numbers that they are given."""
    net = Network.read("2-3:leaky_relu-3:gelu-2 --loss softmax_cross_entropy_index --bias")
    random = np.random.default_rng(0)
    x, true = random.normal(size=(4, 2)).astype(np.float32), np.array([1, 2, 2, 1])
    shapes = compiled(net, "torch")["PARAMETERS"]
    numbers = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in numbers.items()}
    loss = compiled(net, "torch")["loss"](tensors, torch.tensor(x), torch.tensor(true))
    loss.backward()
    assert {tensor.grad.dtype for tensor in tensors.values()} == {torch.float32}
    arrays = {name: jnp.asarray(array) for name, array in numbers.items()}
    found = jax.grad(compiled(net, "jax")["loss"])(arrays, jnp.asarray(x), jnp.asarray(true))
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}


def test_a_flipped_sign_would_be_caught(monkeypatch):
    """The comparison bites."""
    net = FIGURES["a skip"]
    values = evaluate(net, inputs=[[1.0, -2.0]], targets=[[0.5]])
    agree(net, values, "numpy")
    monkeypatch.setattr(Coder, "_turned", staticmethod(lambda code, **_: code))
    with pytest.raises((AssertionError, ValueError)):
        agree(net, values, "numpy")
