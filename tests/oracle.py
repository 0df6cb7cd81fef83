"""An independent second opinion: random networks, and their gradients by JAX in float64.

The forward computation here is written neuron by neuron from the Network's own dataclasses; it shares nothing with
`chainrule.program`, `chainrule.rules` or `chainrule.values` but the names of activations and losses.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from chainrule import Activation, Connection, Layer, Loss, Network, NetworkError, Problems, Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chainrule.values import Values

jax.config.update("jax_enable_x64", True)

# What each name means, in JAX's own words where it has some.

ACTIVATIONS: dict[str, Callable[[Any, float], Any]] = {
    "identity": lambda z, _: z,
    "sigmoid": lambda z, _: jax.nn.sigmoid(z),
    "tanh": lambda z, _: jnp.tanh(z),
    "relu": lambda z, _: jax.nn.relu(z),
    "leaky_relu": lambda z, slope: jax.nn.leaky_relu(z, slope),
    "elu": lambda z, alpha: jax.nn.elu(z, alpha),
    "selu": lambda z, _: jax.nn.selu(z),
    "softplus": lambda z, _: jax.nn.softplus(z),
    "gelu": lambda z, _: jax.nn.gelu(z, approximate=False),
    "gelu_tanh": lambda z, _: jax.nn.gelu(z, approximate=True),
    "silu": lambda z, _: jax.nn.silu(z),
    "mish": lambda z, _: jax.nn.mish(z),
    "hard_sigmoid": lambda z, _: jax.nn.hard_sigmoid(z),
    "hard_tanh": lambda z, _: jax.nn.hard_tanh(z),
}

PARAMETERS = {"leaky_relu": 0.01, "elu": 1.0, "huber": 1.0}
"""What a parameter is where it is left out."""


def _huber(p: Any, t: Any, width: float) -> Any:
    r = p - t
    return jnp.where(jnp.abs(r) <= width, 0.5 * r * r, width * (jnp.abs(r) - 0.5 * width))


ELEMENTWISE: dict[str, Callable[[Any, Any, float], Any]] = {
    "half_squared_error": lambda p, t, _: 0.5 * (p - t) ** 2,
    "mse": lambda p, t, _: (p - t) ** 2,
    "mae": lambda p, t, _: jnp.abs(p - t),
    "huber": _huber,
    "log_cosh": lambda p, t, _: jnp.logaddexp(p - t, t - p) - jnp.log(2.0),
    "binary_cross_entropy": lambda p, t, _: -(t * jnp.log(p) + (1 - t) * jnp.log(1 - p)),
    "bce_with_logits": lambda p, t, _: jnp.logaddexp(0.0, p) - t * p,
    "hinge": lambda p, t, _: jax.nn.relu(1 - t * p),
}

WHOLE_ROW: dict[str, Callable[[Any], Any]] = {
    "cross_entropy": jnp.log,
    "cross_entropy_index": jnp.log,
    "softmax_cross_entropy": lambda p: jax.nn.log_softmax(p, axis=-1),
    "softmax_cross_entropy_index": lambda p: jax.nn.log_softmax(p, axis=-1),
}
"""How the outputs of a sample become the logarithms of probabilities."""

HIDDEN = tuple(ACTIVATIONS)
LOSSES = (*ELEMENTWISE, *WHOLE_ROW)

Parameters = dict[str, Any]


def forward(net: Network, numbers: Mapping[str, Any], x: list[Any], true: Any) -> Any:
    """Return the loss, neuron by neuron.

    Args:
        net: the figure.
        numbers: a number for each weight and bias by its spelling; of tied weights, for the first one only.
        x: for each input, its values over the samples, (N,).
        true: (N, outputs), or (N,) for classes, counted from 1.
    """
    chief = {weight: group[0] for group in net.ties for weight in group}
    edges = {(c.target, c.source): None if c.edges is None else set(c.edges) for c in net.connections}
    put_out = {(0, unit): value for unit, value in enumerate(x, start=1)}
    for level, layer in enumerate(net.layers, start=1):
        z = []
        for unit in range(1, layer.size + 1):
            total = jnp.zeros_like(x[0])
            for source in range(level):
                for origin in range(1, net.size(source) + 1):
                    if (level, source) not in edges:
                        continue
                    there = edges[level, source]
                    if there is None or (unit, origin) in there:
                        weight = Weight(level, source, unit, origin)
                        total = total + put_out[source, origin] * numbers[str(chief.get(weight, weight))]
            z.append(total + numbers[f"b_{unit}^{level}"] if layer.has_bias(unit) else total)
        if layer.activations[0].name == "softmax":
            after = list(jax.nn.softmax(jnp.stack(z, axis=-1), axis=-1).T)
        else:
            after = []
            for unit, value in enumerate(z, start=1):
                activation = layer.activation(unit)
                parameter = activation.parameter
                parameter = PARAMETERS.get(activation.name, 0.0) if parameter is None else parameter
                after.append(ACTIVATIONS[activation.name](value, parameter))
        put_out |= {(level, unit): value for unit, value in enumerate(after, start=1)}
    outputs = [put_out[unit] for unit in net.output_units]
    name = net.loss.name
    if name in WHOLE_ROW:
        logs = WHOLE_ROW[name](jnp.stack(outputs, axis=-1))
        rows = true if true.ndim == 2 else jax.nn.one_hot(true.astype(int) - 1, len(outputs))
        each = -jnp.sum(rows * logs, axis=-1)
    else:
        parameter = PARAMETERS.get(name, 0.0) if net.loss.parameter is None else net.loss.parameter
        each = sum(ELEMENTWISE[name](p, true[:, k], parameter) for k, p in enumerate(outputs))
        each = each / len(outputs) if net.loss.outputs == "mean" else each
    return jnp.mean(each) if net.loss.samples == "mean" else jnp.sum(each)


def parameters(values: Values) -> Parameters:
    """Return the numbers that a network learns by spelling: of tied weights the first, and each bias that is drawn."""
    net = values.network
    tied = {weight for group in net.ties for weight in group[1:]}
    names = [str(weight) for weight in net.weights() if weight not in tied]
    for level, layer in enumerate(net.layers, start=1):
        names += [f"b_{unit}^{level}" for unit in range(1, layer.size + 1) if layer.has_bias(unit)]
    return {name: jnp.float64(values.symbols[name]) for name in names}


def gradients(values: Values) -> tuple[float, dict[str, float], np.ndarray[Any, Any]]:
    """Return JAX's loss, its derivatives by each weight and bias, and those by the inputs (N, inputs)."""
    net, true = values.network, jnp.asarray(values["true"])
    x = [jnp.asarray(column) for column in values["X"].T]
    loss, (by_number, by_input) = jax.value_and_grad(
        lambda numbers, columns: forward(net, numbers, columns, true), argnums=(0, 1)
    )(parameters(values), x)
    return float(loss), {name: float(value) for name, value in by_number.items()}, np.array(by_input).T


# Random networks


def random_network(seed: int, *, activation: str, loss: str) -> Network:
    """Return a network that has the activation in its first layer and the loss; all else is drawn with the seed."""
    random = np.random.default_rng([11, seed])
    for _ in range(100):
        try:
            return _draw(random, activation, loss)
        except (NetworkError, Problems):
            continue  # an edge too many was left out
    raise AssertionError(f"no valid network in 100 draws with seed {seed}")


def _draw(random: np.random.Generator, activation: str, loss: str) -> Network:
    def chance(probability: float) -> bool:
        return bool(random.random() < probability)

    depth = int(random.integers(1, 4))
    sizes = [int(size) for size in random.integers(1, 5, depth + 1)]
    if loss in WHOLE_ROW:
        sizes[-1] = int(random.integers(2, 5))
    layers = tuple(_draw_layer(random, size, level, depth, activation, loss) for level, size in enumerate(sizes[1:], 1))
    connections = []
    for target in range(1, depth + 1):
        for source in range(target):
            if source == target - 1 or chance(0.3):
                pairs = list(itertools.product(range(1, sizes[target] + 1), range(1, sizes[source] + 1)))
                kept = tuple(pair for pair in pairs if chance(0.75)) if chance(0.3) else tuple(pairs)
                if kept:
                    connections.append(Connection(target, source, None if len(kept) == len(pairs) else kept))
    samples, outputs = random.choice(["sum", "mean"], 2)
    net = Network(
        sizes[0], layers, tuple(connections),
        Loss(
            loss,
            float(random.uniform(0.3, 2)) if loss == "huber" and chance(0.5) else None,
            str(samples), "sum" if loss in WHOLE_ROW else str(outputs),
        ),
    )  # fmt: skip
    if chance(0.3):
        net = net.replace(ties=_draw_ties(random, net))
    if depth > 1 and chance(0.2) and layers[-1].activations[0].name != "softmax" and loss != "cross_entropy":
        net = net.replace(outputs=_draw_outputs(random, net))
    return net


def _draw_layer(random: np.random.Generator, size: int, level: int, depth: int, activation: str, loss: str) -> Layer:
    def one(name: str) -> Activation:
        if name in ("leaky_relu", "elu") and random.random() < 0.5:
            return Activation(name, float(random.uniform(0.05, 1.5)))
        return Activation(name)

    if level == depth and loss == "binary_cross_entropy":
        activations: tuple[Activation, ...] = (Activation("sigmoid"),)
    elif level == depth and loss in ("cross_entropy", "cross_entropy_index"):
        activations = (Activation(str(random.choice(["softmax", "softmax", "sigmoid"]))),)
    elif level == depth and random.random() < 0.1 and size > 1:
        activations = (Activation("softmax"),)
    elif level == 1:
        activations = (one(activation),)
    else:
        activations = (one(str(random.choice(HIDDEN))),)
    free = activations[0].name != "softmax" and not (level == depth and "entropy" in loss)
    if free and size > 1 and random.random() < 0.25:
        activations = tuple(one(str(name)) for name in (activation, *random.choice(HIDDEN, size - 1)))
        if len(set(activations)) == 1:
            activations = activations[:1]
    bias = [(True,), (False,), tuple(bool(b) for b in random.random(size) < 0.5)][int(random.integers(3))]
    return Layer(size, activations, bias)


def _draw_ties(random: np.random.Generator, net: Network) -> tuple[tuple[Weight, ...], ...]:
    weights = list(net.weights())
    order = [weights[int(at)] for at in random.permutation(len(weights))]
    groups = []
    for size in (2, 3):
        if len(order) >= size:
            groups.append(tuple(order[:size]))
            order = order[size:]
    return tuple(groups)


def _draw_outputs(random: np.random.Generator, net: Network) -> tuple[tuple[int, int], ...]:
    """Return outputs in another order, and one of a hidden layer among them where the loss takes any number."""
    last = [(net.depth, unit) for unit in range(1, net.size(net.depth) + 1)]
    found = [last[int(at)] for at in random.permutation(len(last))]
    if "entropy" not in net.loss.name:
        found.insert(0, (1, int(random.integers(1, net.size(1) + 1))))
    return tuple(dict.fromkeys(found))
