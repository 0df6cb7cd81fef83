"""What a highlight lights: everything on a path from one symbol to the loss.

The paths themselves (`chainrule.views.paths`) can be more than anybody could list; what lies on one is found in a
single walk over the layers, and a layer of which all units are reached is one entry, however wide it is. Every unit of
a Network leads to the loss, so that what can be reached from the symbol is exactly what lies on its paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from chainrule.errors import SelectionError
from chainrule.expr import Ref
from chainrule.figure.names import short
from chainrule.figure.spelling import Named, parse_symbol, spell_weight
from chainrule.network import Connection, Network, Weight
from chainrule.notation import plain
from chainrule.rules import ACTIVATIONS
from chainrule.show.drawing.glyphs import Namer

Units = set[int] | None
"""Units of a layer, counted from 1; None for all of them."""


@dataclass
class Reach:
    """What a highlight chose, and what its paths run through.

    Attributes:
        name: what was asked for.
        weights: the chosen weights (a tied one brings the others of its group).
        matrix: the chosen connection (target, source), where a whole one was asked for.
        biases: the chosen biases by layer.
        chosen: the chosen units by layer.
        units: the reached units by layer.
        outputs: the reached outputs.
    """

    name: str
    weights: set[Weight] = field(default_factory=set)
    matrix: tuple[int, int] | None = None
    biases: dict[int, Units] = field(default_factory=dict)
    chosen: dict[int, Units] = field(default_factory=dict)
    units: dict[int, Units] = field(default_factory=dict)
    outputs: Units = field(default_factory=set)

    def unit_state(self, level: int, unit: int) -> str:
        """Return the state of a unit."""
        if _has(self.chosen, level, unit):
            return "chosen"
        return "path" if _has(self.units, level, unit) else "dim"

    def weight_state(self, weight: Weight) -> str:
        """Return the state of a weight's edge."""
        if weight in self.weights or self.matrix == (weight.target, weight.source):
            return "chosen"
        return "path" if _has(self.units, weight.source, weight.origin) else "dim"

    def bias_state(self, level: int, unit: int) -> str:
        """Return the state of a bias."""
        return "chosen" if _has(self.biases, level, unit) else "dim"

    def output_state(self, number: int) -> str:
        """Return the state of the edge that leads from an output to the loss."""
        return "path" if self.outputs is None or number in self.outputs else "dim"

    def hidden_state(self, level: int, first: int, last: int) -> str:
        """Return the state of the units first … last of a layer, which are not drawn."""
        units = self.units.get(level, set())
        return "path" if units is None or any(first <= unit <= last for unit in units) else "dim"

    def gap_state(self, first: int, last: int) -> str:
        """Return the state of the layers first … last, which are not drawn."""
        return "path" if any(first <= level <= last for level in self.units) else "dim"

    def shown(self, level: int) -> set[int]:
        """Return the few units of a layer that must be drawn, so that what was asked for can be seen."""
        found = {w.to for w in self.weights if w.target == level}
        found |= {w.origin for w in self.weights if w.source == level}
        for table in (self.chosen, self.biases):
            found |= table.get(level) or set()
        return found if len(found) <= MOST_SHOWN else set()

    def levels(self) -> set[int]:
        """Return the layers that must be drawn."""
        found = {level for w in self.weights for level in (w.target, w.source)} | set(self.chosen) | set(self.biases)
        found |= set(self.matrix or ())
        return found if len(found) <= MOST_SHOWN else set()


MOST_SHOWN = 12
"""More chosen parts than this do not change what a collapsed drawing shows."""


def _has(table: dict[int, Units], level: int, unit: int) -> bool:
    if level not in table:
        return False
    units = table[level]
    return units is None or unit in units


def reach(net: Network, name: str) -> Reach:
    """Return what lies on the paths from a symbol to the loss.

    Args:
        net: the figure.
        name: a weight, bias, input, unit's z or a, output, a whole layer's W, Z or A, or a name on the sheet.

    Raises:
        SelectionError: where the network has nothing of that name.

    Example:
        >>> found = reach(Network.read("2-3-2-1"), "w_21^1")
        >>> found.unit_state(1, 2), found.unit_state(1, 1), found.unit_state(2, 1)
        ('path', 'dim', 'path')
    """
    found = Reach(short(name.strip()))
    _start(found, net, name.strip())
    _walk(found, net)
    return found


def _start(found: Reach, net: Network, name: str) -> None:
    named_unit = _named_unit(net, name)
    if named_unit is not None:
        found.chosen[named_unit[0]] = found.units[named_unit[0]] = {named_unit[1]}
        return
    named, namer = parse_symbol(name), Namer(net)
    kind, level = named.kind, 0 if named.layer is None else named.layer
    if kind in "wW":
        _start_weights(found, net, named)
    elif kind == "b" and 1 <= level <= net.depth and any(net.layers[level - 1].bias):
        unit, bias = _one(named, net.size(level), partial(namer.bias, level)), net.layers[level - 1].bias
        if unit is not None and not net.layers[level - 1].has_bias(unit):
            known = ", ".join(plain(namer.bias(level, number)) for number, has in enumerate(bias, start=1) if has)
            raise SelectionError("select_edge", read=found.name, known=short(known, limit=200))
        having: Units = None if all(bias) else {number for number, has in enumerate(bias, start=1) if has}
        found.biases[level] = having if unit is None else {unit}
        found.units[level] = _together(net, level, found.biases[level])
    elif kind in ("pred", "x", "X"):
        size = len(net.output_units) if kind == "pred" else net.inputs
        unit = _one(named, size, namer.output if kind == "pred" else partial(namer.unit, 0))
        units: Units = None if unit is None else {unit}
        if kind != "pred":
            found.chosen[0] = found.units[0] = units
        elif net.reads_last_layer:
            found.chosen[net.depth] = found.units[net.depth] = units
        else:
            found.outputs = units
    elif kind in ("z", "Z", "a", "A") and 1 <= level <= net.depth and _exists(net, namer, kind, level):
        unit = _one(named, net.size(level), partial(namer.before if kind in "zZ" else namer.unit, level))
        units = None if unit is None else {unit}
        found.chosen[level] = units
        found.units[level] = _together(net, level, units) if kind in "zZ" else units
    else:
        raise SelectionError("select_symbol", read=found.name, known=_known(net))


def _start_weights(found: Reach, net: Network, named: Named) -> None:
    connection = next((c for c in net.connections if (c.target, c.source) == (named.layer, named.source)), None)
    if connection is None:
        raise SelectionError("select_symbol", read=found.name, known=_known(net))
    target, source = connection.target, connection.source
    if named.kind == "W":
        found.matrix = target, source
        tos = None if connection.edges is None else {to for to, _ in connection.edges}
        found.units[target] = _together(net, target, tos)
        return
    to, origin = named.subscripts
    if not (1 <= to <= net.size(target) and 1 <= origin <= net.size(source)):
        raise SelectionError("select_unit", read=found.name, known=_known_weights(net, connection))
    if connection.edges is not None and (to, origin) not in connection.edges:
        raise SelectionError("select_edge", read=found.name, known=_known_weights(net, connection))
    weight = Weight(target, source, to, origin)
    group = next((group for group in net.ties if weight in group), (weight,))
    found.weights.update(group)
    for w in group:
        _add(found.units, w.target, _together(net, w.target, {w.to}))


def _walk(found: Reach, net: Network) -> None:
    """Carry what is reached from layer to layer, up to the outputs."""
    by_target: dict[int, list[Connection]] = {}
    for c in net.connections:
        by_target.setdefault(c.target, []).append(c)
    for level in range(1, net.depth + 1):
        for c in by_target.get(level, ()):
            if c.source not in found.units:
                continue
            origins = found.units[c.source]
            if c.edges is None:
                tos: Units = None
            else:
                tos = {to for to, origin in c.edges if origins is None or origin in origins}
            if tos is None or tos:
                _add(found.units, level, _together(net, level, tos))
    if net.reads_last_layer:
        _unite(found, found.units.get(net.depth, set()))
    else:
        _unite(found, {k for k, unit in enumerate(net.outputs, start=1) if _has(found.units, *unit)})


def _unite(found: Reach, outputs: Units) -> None:
    found.outputs = None if outputs is None or found.outputs is None else found.outputs | outputs


def _add(table: dict[int, Units], level: int, units: Units) -> None:
    if level in table and (mine := table[level]) is not None and units is not None:
        table[level] = mine | units
    else:
        table[level] = None if units is None or table.get(level, units) is None else units


def _together(net: Network, level: int, units: Units) -> Units:
    """Return the units that a change of the weighted sums of some units reaches: all, where the layer is a softmax."""
    return None if ACTIVATIONS[net.layers[level - 1].activations[0].name].vector else units


def _exists(net: Network, namer: Namer, kind: str, level: int) -> bool:
    """Return whether a layer's units have a z, or an a, of their own."""
    if kind in "zZ":
        return namer.has_sum(level)
    return not (level == net.depth and net.reads_last_layer)


def _one(named: Named, size: int, symbol: Callable[[int], Ref]) -> int | None:
    """Return which of so many symbols is named, or None for all of them."""
    if not named.subscripts:
        return None
    unit = named.subscripts[0] + (1 if named.kind == "x" else 0)
    if not 1 <= unit <= size:
        read = plain(symbol(named.subscripts[0] + (1 if named.kind == "x" else 0)))
        raise SelectionError("select_unit", read=short(read), known=_span(plain(symbol(1)), plain(symbol(size))))
    return unit


def _named_unit(net: Network, name: str) -> tuple[int, int] | None:
    for level, names in enumerate((net.input_names, *(layer.names for layer in net.layers))):
        if name and name in names:
            return level, names.index(name) + 1
    return None


def _known(net: Network) -> str:
    """Return the names that can be asked for, the first and last of each family, of the first few families."""
    namer = Namer(net)
    parts = [_span(plain(namer.unit(0, 1)), plain(namer.unit(0, net.inputs)))]
    for c in sorted(net.connections, key=lambda c: (c.target, -c.source))[:6]:
        parts.append(_known_weights(net, c))
        parts.append(_span(plain(namer.unit(c.target, 1)), plain(namer.unit(c.target, net.size(c.target)))))
    return ", ".join(dict.fromkeys(parts)) + (", …" if len(net.connections) > 6 else "")


def _known_weights(net: Network, c: Connection) -> str:
    first, last = (c.edges[0], c.edges[-1]) if c.edges else ((1, 1), (net.size(c.target), net.size(c.source)))
    return _span(*(spell_weight(Weight(c.target, c.source, *pair)) for pair in (first, last)))


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} … {last}"
