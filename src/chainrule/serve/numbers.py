"""The numbers on the screen, put onto the figure: what is edited, exported or trained is what a person sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.figure.spelling import spell_matrix
from chainrule.native.layout import layout_of
from chainrule.network import Given, Network
from chainrule.rules import LOSSES
from chainrule.serve.requests import RequestError

if TYPE_CHECKING:
    from chainrule.serve.requests import Fields

NAMES = frozenset({"p", "x", "target"})
"""The fields: the flat parameters in the layout of `chainrule.native`, rows of inputs, rows of targets."""

MOST_WEIGHTS = 20_000
"""How many weights a network may have here; the command line has no such limit."""


def network_of(fields: Fields) -> Network:
    """Return the network of a request, from its shorthand or its TOML; nothing in it names a file.

    Raises:
        NetworkError: where it cannot be read.
        RequestError: where it is too large for a page.
    """
    from chainrule.figure.shorthand import from_shorthand

    text = fields.text("network")
    net = Network.from_toml(text, source="network") if "\n" in text else from_shorthand(text)
    check_size(net)
    return net


def check_size(net: Network) -> None:
    """Refuse a network that is too large for a page.

    Raises:
        RequestError: for that.
    """
    if net.weight_count > MOST_WEIGHTS:
        raise RequestError("large_for_page", read=net.weight_count, most=MOST_WEIGHTS)


def with_numbers(net: Network, fields: Fields) -> Network:
    """Return the network with the numbers of a request on its sheet, as far as there are any.

    Raises:
        RequestError: where there are more or fewer than the network has places.

    Example:
        >>> from chainrule.serve.requests import Fields
        >>> net = with_numbers(Network.read("2-1"), Fields({"p": [0.5, -1], "x": [1, 2], "target": [3]}, NAMES))
        >>> dict(net.given.weights)[next(net.weights())], net.given.inputs, net.given.targets
        (0.5, ((1.0, 2.0),), ((3.0,),))
    """
    given = net.given
    p, x, target = (fields.numbers(name) for name in ("p", "x", "target"))
    weights, biases, inputs, targets = given.weights, given.biases, given.inputs, given.targets
    if p is not None:
        layout = layout_of(net.derive(samples=None).source)
        if len(p) != layout.size:
            raise RequestError("number_count", name="p", read=len(p), expected=layout.size)
        arrays = layout.unpack(np.asarray(p))
        weights = tuple(
            (w, float(arrays[spell_matrix(w.target, w.source)][w.origin - 1, w.to - 1])) for w in net.weights()
        )
        biases = tuple(
            ((level, unit), float(arrays[f"b_{level}"][unit - 1]))
            for level, layer in enumerate(net.layers, 1) for unit in range(1, layer.size + 1) if layer.has_bias(unit)
        )  # fmt: skip
    if x is not None:
        inputs = _rows(x, net.inputs, "x")
    if target is not None:
        targets = _rows(target, 1 if LOSSES[net.loss.name].class_index else len(net.output_units), "target")
    if len(inputs) != len(targets) and inputs and targets:
        raise RequestError("number_count", name="target", read=len(targets), expected=len(inputs))
    return net.replace(given=Given(weights, biases, inputs, targets))


def numbers_of(net: Network) -> dict[str, list[float]]:
    """Return the numbers of a network by the names of `NAMES`: those of its sheet, the others drawn with seed 0."""
    values = net.values()
    layout = layout_of(net.derive(samples=None).source)
    return {
        "p": layout.pack({name: values[name] for name in layout.maps}).tolist(),
        "x": np.ravel(values["X"]).tolist(),
        "target": np.ravel(values["true"]).tolist(),
    }


def _rows(numbers: list[float], wide: int, name: str) -> tuple[tuple[float, ...], ...]:
    if len(numbers) % wide:
        raise RequestError("number_count", name=name, read=len(numbers), expected=f"{wide}·N")
    return tuple(tuple(numbers[at : at + wide]) for at in range(0, len(numbers), wide))
