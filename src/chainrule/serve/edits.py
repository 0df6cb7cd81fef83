"""Changes of a figure, one at a time, as the page offers them; the numbers of what stays are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError, SelectionError, raise_all
from chainrule.figure.names import Word, place_at, read_activation, read_loss, short
from chainrule.network import Activation, Connection, Layer, Network
from chainrule.serve.units import edges_of, with_layers, with_units

if TYPE_CHECKING:
    from chainrule.serve.requests import Fields

MOST_UNITS = 1000
"""How many units a layer may be given here."""


def edited(net: Network, change: Fields) -> Network:
    """Return a network after a change.

    Args:
        net: the figure, with its numbers.
        change: `what` is to happen, one of `CHANGES`, and where.

    Raises:
        RequestError: where the change is not said well.
        SelectionError: where there is nothing of that name to be changed.
        NetworkError: where what comes out is no network.

    Example:
        >>> from chainrule.serve.requests import Fields
        >>> change = Fields({"what": "size", "layer": 1, "size": 4}, {"what", "layer", "size"})
        >>> edited(Network.read("2-3-1"), change).to_shorthand()
        '2-4-1'
    """
    return CHANGES[change.choice("what", CHANGES)](net, change)


def _level(net: Network, change: Fields, *, low: int = 1) -> int:
    return change.whole("layer", low=low, high=net.depth)


def _size(net: Network, change: Fields) -> Network:
    level, size = _level(net, change, low=0), change.whole("size", low=1, high=MOST_UNITS)
    return with_units(net, level, [unit if unit <= net.size(level) else 0 for unit in range(1, size + 1)])


def _add_unit(net: Network, change: Fields) -> Network:
    level = _level(net, change, low=0)
    return with_units(net, level, [*range(1, net.size(level) + 1), 0])


def _remove_unit(net: Network, change: Fields) -> Network:
    level = _level(net, change, low=0)
    gone = change.whole("unit", low=1, high=net.size(level))
    if net.size(level) == 1:
        raise SelectionError("last_unit", layer=level)
    return with_units(net, level, [unit for unit in range(1, net.size(level) + 1) if unit != gone])


def _activation(net: Network, change: Fields) -> Network:
    level, problems = _level(net, change), list[ChainruleError]()
    wanted: tuple[Activation, ...] = (read_activation(_word(change, "activation"), layer=level, problems=problems),)
    raise_all(problems)
    layer = net.layers[level - 1]
    if change.has("unit"):
        unit = change.whole("unit", low=1, high=layer.size)
        wanted = tuple(wanted[0] if at == unit else layer.activation(at) for at in range(1, layer.size + 1))
    return _with_layer(net, level, replace(layer, activations=wanted))


def _bias(net: Network, change: Fields) -> Network:
    level, wanted = _level(net, change), change.choice("bias", ("on", "off")) == "on"
    layer = net.layers[level - 1]
    bias: tuple[bool, ...] = (wanted,)
    if change.has("unit"):
        unit = change.whole("unit", low=1, high=layer.size)
        bias = tuple(wanted if at == unit else layer.has_bias(at) for at in range(1, layer.size + 1))
    layer = replace(layer, bias=bias)
    kept = tuple(((at, unit), number) for (at, unit), number in net.given.biases if at != level or layer.has_bias(unit))
    return _with_layer(net.replace(given=replace(net.given, biases=kept)), level, layer)


def _loss(net: Network, change: Fields) -> Network:
    problems = list[ChainruleError]()
    loss = read_loss(_word(change, "loss"), None, problems=problems)
    raise_all(problems)
    # Another loss may want other targets: classes, probabilities, signs.
    given = net.given if loss.name == net.loss.name else replace(net.given, targets=())
    return net.replace(loss=loss, given=given)


def _remove_edge(net: Network, change: Fields) -> Network:
    name = change.text("weight")
    gone = next((weight for weight in net.weights() if str(weight) == name), None)
    if gone is None:
        raise SelectionError("no_edge", read=short(name))
    connections = []
    for connection in net.connections:
        if (connection.target, connection.source) == (gone.target, gone.source):
            edges = tuple(pair for pair in edges_of(net, connection) if pair != (gone.to, gone.origin))
            if edges:
                connections.append(replace(connection, edges=edges))
        else:
            connections.append(connection)
    ties = (tuple(weight for weight in group if weight != gone) for group in net.ties)
    given = replace(net.given, weights=tuple(pair for pair in net.given.weights if pair[0] != gone))
    return net.replace(
        connections=tuple(connections), ties=tuple(group for group in ties if len(group) > 1), given=given
    )


def _add_edge(net: Network, change: Fields) -> Network:
    source = change.whole("source_layer", low=0, high=net.depth)
    target = change.whole("target_layer", low=0, high=net.depth)
    if source >= target:
        raise SelectionError("edge_backward", source=source, target=target)
    new = change.whole("target", low=1, high=net.size(target)), change.whole("source", low=1, high=net.size(source))
    connections = {(c.target, c.source): c for c in net.connections}
    old = connections.get((target, source))
    edges = {new} if old is None else {*edges_of(net, old), new}
    connections[target, source] = Connection(target, source, tuple(sorted(edges)))
    return net.replace(connections=tuple(connections.values()))


def _add_layer(net: Network, change: Fields) -> Network:
    """Put a hidden layer behind a layer, like its neighbour, of three units where no size is said."""
    level = change.whole("layer", low=0, high=net.depth - 1)
    size = change.whole("size", low=1, high=MOST_UNITS, default=3)
    neighbour = net.layers[max(0, level - 1)] if net.depth > 1 else Layer(1)
    shift = {old: old + (old > level) for old in range(net.depth + 1)}
    connections = [
        replace(c, target=shift[c.target], source=shift[c.source])
        for c in net.connections if (c.target, c.source) != (level + 1, level)
    ]  # fmt: skip
    connections += [Connection(level + 1, level), Connection(level + 2, level + 1)]
    hidden = Layer(size, neighbour.activations[:1], neighbour.bias[:1])
    return with_layers(net, [*net.layers[:level], hidden, *net.layers[level:]], shift, connections)


def _remove_layer(net: Network, change: Fields) -> Network:
    """Take a layer out; the one behind it is then reached from the one before."""
    level = _level(net, change)
    if net.depth == 1:
        raise SelectionError("last_layer")
    shift = {old: old - (old > level) for old in range(net.depth + 1) if old != level}
    connections = [
        replace(c, target=shift[c.target], source=shift[c.source])
        for c in net.connections if level not in (c.target, c.source)
    ]  # fmt: skip
    if level < net.depth and not any((c.target, c.source) == (level, level - 1) for c in connections):
        connections.append(Connection(level, level - 1))
    return with_layers(net, [*net.layers[: level - 1], *net.layers[level:]], shift, connections)


CHANGES: dict[str, Callable[[Network, Fields], Network]] = {
    "size": _size, "add_unit": _add_unit, "remove_unit": _remove_unit, "activation": _activation, "bias": _bias,
    "loss": _loss, "add_edge": _add_edge, "remove_edge": _remove_edge, "add_layer": _add_layer,
    "remove_layer": _remove_layer,
}  # fmt: skip
"""What can be changed, by its name."""

FIELDS = frozenset({
    "what", "layer", "size", "unit", "activation", "bias", "loss", "weight", "source_layer", "source", "target_layer",
    "target",
})  # fmt: skip
"""The fields that a change may have."""


def _word(change: Fields, name: str) -> Word:
    text = change.text(name)
    return Word(text, place_at(name, text, 0, max(1, len(text))))


def _with_layer(net: Network, level: int, layer: Layer) -> Network:
    return net.replace(layers=(*net.layers[: level - 1], layer, *net.layers[level:]))
