"""The normal form of a network: of the ways to say the same figure in Python, the one that is kept.

Per-unit tuples that say one thing are one entry; connections stand in the order of `Network.weights`, without empty
ones and without a list of edges where all are there; outputs that are just the last layer are not named; given
numbers are in the figure's order. The order of ties is kept: the first weight of a group speaks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from chainrule.network import Connection, Given, Layer, Network, Weight

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def normal_parts(net: Network) -> dict[str, object]:
    """Return the attributes of a network as they are kept, so that two ways to say the same figure are equal values.

    Example:
        >>> from chainrule.network import Activation
        >>> Network(1, (Layer(2, activations=(Activation("tanh"),) * 2),)).layers[0].activations
        (Activation(name='tanh', parameter=None),)
    """
    layers = tuple(Layer(v.size, uniform(v.activations), uniform(v.bias), v.names) for v in net.layers)
    sizes = (net.inputs, *(layer.size for layer in layers))
    given = Given(
        weights=tuple(sorted(((w, float(v)) for w, v in net.given.weights), key=lambda item: weight_order(item[0]))),
        biases=tuple(sorted((unit, float(v)) for unit, v in net.given.biases)),
        inputs=tuple(tuple(float(v) for v in row) for row in net.given.inputs),
        targets=tuple(tuple(float(v) for v in row) for row in net.given.targets),
    )
    return {
        "layers": layers,
        "connections": in_order(net.connections, sizes),
        "outputs": () if net.outputs == last_layer(sizes) else net.outputs,
        "given": given,
    }


def uniform(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Return one entry where all are the same, the entries otherwise."""
    return entries[:1] if entries and all(entry == entries[0] for entry in entries) else entries


def in_order(connections: Iterable[Connection], sizes: tuple[int, ...]) -> tuple[Connection, ...]:
    """Return connections in the order of `Network.weights`, in the shortest form, without empty ones."""
    kept = []
    for c in connections:
        if c.edges is not None and len(c.edges) == sizes[c.target] * sizes[c.source]:
            kept.append(Connection(c.target, c.source))
        elif c.edges != ():
            kept.append(c)
    return tuple(sorted(kept, key=lambda c: (c.target, -c.source)))


def weight_order(weight: Weight) -> tuple[int, int, int, int]:
    """Return what to sort weights by, to have them in the order of `Network.weights`."""
    return weight.target, -weight.source, weight.to, weight.origin


def last_layer(sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the units of the last layer."""
    return tuple((len(sizes) - 1, unit) for unit in range(1, sizes[-1] + 1))
