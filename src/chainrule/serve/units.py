"""A figure whose units or layers have moved: everything that speaks of them follows.

Edges, ties, names, activations, numbers and outputs of what stays are kept; those of what is gone go with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from chainrule.network import Connection, Given, Layer, Network, Weight

_Item = TypeVar("_Item")
Unit = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a network that speak of units, which need not fit together yet."""

    connections: tuple[Connection, ...]
    ties: tuple[tuple[Weight, ...], ...]
    outputs: tuple[Unit, ...]
    given: Given


def moved(net: Network, connections: Sequence[Connection], unit: Callable[[int, int], Unit | None]) -> Parts:
    """Return the parts of a network after its units have moved.

    Args:
        net: the figure as it was.
        connections: the connections, as they are now.
        unit: (layer, unit) → where it is now; None where it is gone.
    """
    pairs = {(c.target, c.source) for c in connections}

    def weight(old: Weight) -> Weight | None:
        to, origin = unit(old.target, old.to), unit(old.source, old.origin)
        if to is None or origin is None or (to[0], origin[0]) not in pairs:
            return None
        return Weight(to[0], origin[0], to[1], origin[1])

    ties = (tuple(new for old in group if (new := weight(old)) is not None) for group in net.ties)
    given = replace(
        net.given,
        weights=tuple((new, number) for old, number in net.given.weights if (new := weight(old)) is not None),
        biases=tuple((there, number) for old, number in net.given.biases if (there := unit(*old)) is not None),
    )
    outputs = tuple(there for old in net.outputs if (there := unit(*old)) is not None)
    return Parts(tuple(connections), tuple(group for group in ties if len(group) > 1), outputs, given)


def with_layers(
    net: Network, layers: Sequence[Layer], shift: Mapping[int, int], connections: Sequence[Connection]
) -> Network:
    """Return a network whose layers have other numbers.

    Args:
        net: the figure as it was.
        layers: the layers after the inputs, as they are now.
        shift: the new number of each old layer that stays.
        connections: the connections, as they are now.
    """
    parts = moved(net, connections, lambda level, unit: (shift[level], unit) if level in shift else None)
    outputs = parts.outputs if len(parts.outputs) == len(net.outputs) else ()
    given = parts.given if net.depth in shift else replace(parts.given, targets=())
    return net.replace(
        layers=tuple(layers), connections=parts.connections, ties=parts.ties, outputs=outputs, given=given
    )


def with_units(net: Network, level: int, units: Sequence[int]) -> Network:
    """Return a network in which other units stand in a layer.

    Args:
        net: the figure as it was.
        level: the layer, 0 for the inputs.
        units: for each place in the layer, which unit of the old figure stands there; 0 for a new one, which is joined
            to every unit that the layer's connections reach.
    """
    place = {old: new for new, old in enumerate(units, 1) if old}

    def unit(at: int, old: int) -> Unit | None:
        new = old if at != level else place.get(old)
        return None if new is None else (at, new)

    connections = (_joined(net, c, level, units, place) for c in net.connections)
    parts = moved(net, [c for c in connections if c is not None], unit)
    grown = not all(units)
    given = parts.given
    if level == 0:
        given = replace(given, inputs=() if grown else tuple(_picked(row, units) for row in given.inputs))
    read_out = (level == net.depth and net.reads_last_layer) or any(at == level for at, _ in net.outputs)
    if read_out and list(units) != list(range(1, net.size(level) + 1)):
        given = replace(given, targets=())
    layers = list(net.layers)
    if level:
        layers[level - 1] = _layer(layers[level - 1], units)
        return net.replace(
            layers=tuple(layers), connections=parts.connections, ties=parts.ties, outputs=parts.outputs, given=given
        )
    names = () if grown else _picked(net.input_names, units)
    return net.replace(
        inputs=len(units), connections=parts.connections, ties=parts.ties, input_names=names, given=given
    )


def edges_of(net: Network, connection: Connection) -> tuple[Unit, ...]:
    """Return the edges (to, from) that a connection has, written out."""
    if connection.edges is not None:
        return connection.edges
    return tuple(
        (to, origin)
        for to in range(1, net.size(connection.target) + 1)
        for origin in range(1, net.size(connection.source) + 1)
    )


def _joined(
    net: Network, connection: Connection, level: int, units: Sequence[int], place: Mapping[int, int]
) -> Connection | None:
    """Return a connection after the change; None where no edge of it is left."""
    if connection.edges is None or level not in (connection.target, connection.source):
        return connection
    fresh = [new for new, old in enumerate(units, 1) if not old]
    if level == connection.target:
        kept = {(place[to], origin) for to, origin in connection.edges if to in place}
        kept |= {(new, origin) for new in fresh for origin in range(1, net.size(connection.source) + 1)}
    else:
        kept = {(to, place[origin]) for to, origin in connection.edges if origin in place}
        kept |= {(to, new) for new in fresh for to in range(1, net.size(connection.target) + 1)}
    return replace(connection, edges=tuple(sorted(kept))) if kept else None


def _layer(layer: Layer, units: Sequence[int]) -> Layer:
    """Return a layer with other units; a new one is like the last of the old ones."""
    activations, bias = layer.activations, layer.bias
    if len(activations) > 1:
        activations = tuple(layer.activation(old or layer.size) for old in units)
    if len(bias) > 1:
        bias = tuple(layer.has_bias(old or layer.size) for old in units)
    return Layer(len(units), activations, bias, _picked(layer.names, units) if all(units) else ())


def _picked(items: tuple[_Item, ...], units: Sequence[int]) -> tuple[_Item, ...]:
    return tuple(items[old - 1] for old in units) if items else ()
