"""What does not fit together in a network: sizes, activations, loss, wiring, ties, and the numbers on the sheet."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, NetworkError
from chainrule.network import Activation, Loss, Network, Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


MAX_UNITS = 10_000_000
"""The most units a layer may have. A larger number in a shorthand is a slip of the finger, and is refused at once."""


MAX_LAYERS = 10_000


MAX_PROBLEMS = 100
"""The most problems that one error tells: a million units that nothing leads to are one slip, not a million."""


def problems(net: Network) -> Iterator[ChainruleError]:
    """Yield all that does not fit together in a network."""
    from chainrule.rules import ACTIVATIONS, LOSSES, suggest

    yield from _size_problems(net)
    if not net.layers or any(layer.size < 1 for layer in net.layers) or net.inputs < 1:
        return
    counts = list(_count_problems(net))
    yield from counts
    for level, layer in enumerate(net.layers, start=1):
        for activation in dict.fromkeys(layer.activations):
            row = ACTIVATIONS.get(activation.name)
            if row is None:
                yield NetworkError(
                    "unknown_activation",
                    read=activation.name,
                    layer=level,
                    known=", ".join(ACTIVATIONS),
                    near=suggest(activation.name, ACTIVATIONS) or "sigmoid",
                )
            else:
                yield from _parameter_problems("activation", activation, row.parameter, layer=level)
        vectors = [a.name for a in layer.activations if a.name in ACTIVATIONS and ACTIVATIONS[a.name].vector]
        if vectors and (level != net.depth or len(layer.activations) > 1 or net.outputs):
            yield NetworkError("softmax_place", layer=level, read=vectors[0])
    yield from _loss_problems(net, LOSSES, suggest)
    if counts:  # what follows asks single units
        return
    yield from _wiring_problems(net)
    yield from _tie_problems(net)
    yield from _given_problems(net)


def _size_problems(net: Network) -> Iterator[ChainruleError]:
    if not net.layers:
        yield NetworkError("no_layers")
    if net.depth > MAX_LAYERS:
        yield NetworkError("too_many_layers", read=net.depth, limit=MAX_LAYERS)
    for level in range(net.depth + 1):
        size = net.size(level)
        if size < 1:
            yield NetworkError("empty_layer", layer=level, read=size)
        elif size > MAX_UNITS:
            yield NetworkError("huge_layer", layer=level, read=size, limit=MAX_UNITS)


def _count_problems(net: Network) -> Iterator[ChainruleError]:
    """Yield the lists with an entry for each unit that have another number of entries."""
    for level, layer in enumerate(net.layers, start=1):
        for what, count in (("activation", len(layer.activations)), ("bias", len(layer.bias))):
            if count not in (1, layer.size):
                yield NetworkError("per_unit_count", what=what, layer=level, read=count, size=layer.size)
        if layer.names and len(layer.names) != layer.size:
            yield NetworkError("per_unit_count", what="names", layer=level, read=len(layer.names), size=layer.size)
    if net.input_names and len(net.input_names) != net.inputs:
        yield NetworkError("per_unit_count", what="names", layer=0, read=len(net.input_names), size=net.inputs)


def _parameter_problems(
    what: str, choice: Activation | Loss, default: float | None, layer: int | None = None
) -> Iterator[ChainruleError]:
    """Yield what is wrong with the parameter in `leaky_relu(0.1)` or `huber(1)`."""
    if choice.parameter is None:
        return
    if default is None:
        yield NetworkError("no_parameter", what=what, read=choice.name, layer=layer)
    elif not (math.isfinite(choice.parameter) and choice.parameter > 0):
        yield NetworkError("bad_parameter", what=what, read=str(choice), default=default, layer=layer)


def _loss_problems(net: Network, losses: Any, suggest: Any) -> Iterator[ChainruleError]:
    loss = net.loss
    row = losses.get(loss.name)
    if row is None:
        yield NetworkError(
            "unknown_loss", read=loss.name, known=", ".join(losses), near=suggest(loss.name, losses) or "mse"
        )
        return
    yield from _parameter_problems("loss", loss, row.parameter)
    for over, word in (("samples", loss.samples), ("outputs", loss.outputs)):
        if word not in ("sum", "mean"):
            yield NetworkError("unknown_reduction", read=word, over=over)
    if row.vector and loss.outputs != "sum":
        yield NetworkError("vector_loss_outputs", read=loss.name)
    if row.vector and len(net.output_units) < 2:
        yield NetworkError("one_class", read=loss.name)


def _wiring_problems(net: Network) -> Iterator[ChainruleError]:
    """Yield backward or doubled connections, edges outside the layers, and units without a way in or out."""
    seen: set[tuple[int, int]] = set()
    reached: dict[int, set[int] | None] = {}  # None: every unit of the layer
    used: dict[int, set[int] | None] = {}
    for c in net.connections:
        if not (0 <= c.source < c.target <= net.depth):
            yield NetworkError("backward_connection", source=c.source, target=c.target, depth=net.depth)
            return
        if (c.target, c.source) in seen:
            yield NetworkError("double_connection", source=c.source, target=c.target)
        seen.add((c.target, c.source))
        if c.edges is None:
            reached[c.target] = used[c.source] = None
            continue
        if list(c.edges) != sorted(set(c.edges)):
            yield NetworkError("unsorted_edges", source=c.source, target=c.target)
        for to, origin in c.edges:
            if not (1 <= to <= net.size(c.target) and 1 <= origin <= net.size(c.source)):
                yield NetworkError(
                    "edge_outside", source=c.source, target=c.target, to=to, origin=origin,
                    target_size=net.size(c.target), source_size=net.size(c.source),
                )  # fmt: skip
        for table, level, position in ((reached, c.target, 0), (used, c.source, 1)):
            units = table.setdefault(level, set())
            if units is not None:
                units.update(edge[position] for edge in c.edges)
    outputs: dict[int, set[int]] = {}
    for level, unit in net.output_units:
        if not (1 <= level <= net.depth and 1 <= unit <= net.size(level)):
            yield NetworkError("output_outside", layer=level, unit=unit, depth=net.depth)
            return
        outputs.setdefault(level, set()).add(unit)
    if len(set(net.output_units)) != len(net.output_units):
        yield NetworkError("output_twice")
    for level in range(net.depth + 1):
        into, out = reached.get(level, set()), used.get(level, set())
        for unit in range(1, net.size(level) + 1):
            if level and into is not None and unit not in into:
                yield NetworkError("unreachable_unit", layer=level, unit=_unit(net, level, unit))
            if out is not None and unit not in out and unit not in outputs.get(level, ()):
                yield NetworkError("unused_unit", layer=level, unit=_unit(net, level, unit))
            if into is None and out is None:
                break  # a layer that is dense on both sides has nothing else to say, however wide it is


def _unit(net: Network, level: int, unit: int) -> str:
    """Return what to call a unit in an error: its symbol, and its name on the sheet if it has one."""
    from chainrule.figure.spelling import spell_unit

    name = net.unit_name(level, unit)
    return spell_unit(level, unit) + (f" ({name!r})" if name else "")


def _has_weight(net: Network) -> Callable[[Weight], bool]:
    """Return the question whether a weight is in the figure, without a list of all that are."""
    edges = {(c.target, c.source): None if c.edges is None else set(c.edges) for c in net.connections}

    def has(weight: Weight) -> bool:
        pair = (weight.target, weight.source)
        if pair not in edges:
            return False
        there = edges[pair]
        if there is not None:
            return (weight.to, weight.origin) in there
        return 1 <= weight.to <= net.size(weight.target) and 1 <= weight.origin <= net.size(weight.source)

    return has


def _tie_problems(net: Network) -> Iterator[ChainruleError]:
    if not net.ties:
        return
    has_weight, tied = _has_weight(net), set[Weight]()
    for group in net.ties:
        if len(group) < 2:
            yield NetworkError("tie_of_one")
        for weight in group:
            if not has_weight(weight):
                yield NetworkError("no_such_weight", weight=weight)
            if weight in tied:
                yield NetworkError("tied_twice", weight=weight)
            tied.add(weight)


def _given_problems(net: Network) -> Iterator[ChainruleError]:
    """Yield what does not fit between the given numbers and the figure."""
    given = net.given
    if given.weights:
        has_weight = _has_weight(net)
        tied = {weight: group for group in net.ties for weight in group}
        seen: dict[object, float] = {}
        for weight, number in given.weights:
            if not has_weight(weight):
                yield NetworkError("no_such_weight", weight=weight)
            if not math.isfinite(number):
                yield NetworkError("not_finite", what=weight, read=number)
            elif seen.setdefault(tied.get(weight, weight), number) != number:
                yield NetworkError("tied_numbers", weight=weight, read=number)
        yield from _doubled(weight for weight, _ in given.weights)
    yield from _doubled(f"b_{unit}^{level}" for (level, unit), _ in given.biases)
    for (level, unit), number in given.biases:
        there = 1 <= level <= net.depth and 1 <= unit <= net.size(level) and net.layers[level - 1].has_bias(unit)
        if not there:
            yield NetworkError("no_such_bias", layer=level, unit=unit)
        if not math.isfinite(number):
            yield NetworkError("not_finite", what=f"b_{unit}^{level}", read=number)
    yield from _sample_problems(net)


def _doubled(names: Iterable[object]) -> Iterator[ChainruleError]:
    """Yield the names that a number is given to more than once."""
    for name, count in Counter(names).items():
        if count > 1:
            yield NetworkError("given_twice", what=str(name))


def _sample_problems(net: Network) -> Iterator[ChainruleError]:
    """Yield what does not fit between the given samples and the figure."""
    from chainrule.rules import LOSSES

    given = net.given
    row = LOSSES.get(net.loss.name)
    classes = len(net.output_units) if row is not None and row.class_index else None
    width = 1 if row is not None and row.class_index else len(net.output_units)
    if given.targets and len(given.inputs) != len(given.targets):
        yield NetworkError("sample_counts", inputs=len(given.inputs), targets=len(given.targets))
    for what, rows, expected in (("x", given.inputs, net.inputs), ("true", given.targets, width)):
        for number, sample in enumerate(rows, start=1):
            if len(sample) != expected:
                yield NetworkError("sample_width", what=what, sample=number, read=len(sample), expected=expected)
            for value in sample:
                if not math.isfinite(value):
                    yield NetworkError("not_finite", what=f"{what}[{number}]", read=value)
                elif what == "true" and classes and value not in range(1, classes + 1):
                    yield NetworkError("class_outside", sample=number, read=value, classes=classes)
