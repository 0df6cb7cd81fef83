"""A network written in TOML, for a person to read: one canonical text for one figure.

Keys stand in the order of `chainrule.figure.toml.KEYS`. Layers that the shorthand can say are one line of it, others
a table each. Numbers are whole matrices, a row a line, where a connection has all of its edges and all of its
numbers.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from chainrule.errors import NetworkError
from chainrule.figure.names import short, spell_reduction
from chainrule.figure.shorthand import layers_text
from chainrule.figure.spelling import spell_bias, spell_matrix, spell_unit, spell_weight
from chainrule.figure.wiring import tie_matrices
from chainrule.network import Activation, Connection, Loss, Network, Weight
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE = 100
"""Arrays longer than this are written with an entry, or a handful, on each line."""

MANY_SAMPLES = 20
"""More samples than this are written as one table of rows."""


def write(net: Network) -> str:
    """Return the TOML text of a network.

    Raises:
        NetworkError: where a name holds a character that no TOML text can.
    """
    blocks = ["\n".join(_head(net)), *_layers(net), *_skips(net), *_weights(net), *_biases(net), *_samples(net)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _simple(net: Network) -> bool:
    """Return whether one line of shorthand and one answer about biases say all about the layers."""
    return len({layer.bias for layer in net.layers}) == 1 and all(
        len(layer.activations) == len(layer.bias) == 1 and not layer.names for layer in net.layers
    )


def _head(net: Network) -> Iterator[str]:
    if net.name:
        yield f"name = {_string(net.name)}"
    if _simple(net):
        yield f"layers = {_string(layers_text(net, Activation('sigmoid')))}"
    if net.input_names:
        yield f"inputs = {_array(map(_string, net.input_names))}"
    elif not _simple(net):
        yield f"inputs = {net.inputs}"
    if _simple(net) and net.layers[0].bias[0]:
        yield "bias = true"
    if str(net.loss) != str(Loss()):
        yield f"loss = {_string(str(net.loss))}"
    if (net.loss.samples, net.loss.outputs) != LOSSES[net.loss.name].reduction:
        yield f"reduction = {_string(spell_reduction(net.loss.samples, net.loss.outputs))}"
    missing, only = _edges(net)
    for key, edges in (("missing", missing), ("edges", only)):
        if edges:
            yield f"{key} = {_array(map(_string, edges))}"
    if net.ties:
        yield f"tied = {_array(_ties(net))}"
    if net.outputs:
        yield f"outputs = {_array(_string(spell_unit(*unit)) for unit in net.outputs)}"


def _layers(net: Network) -> Iterator[str]:
    if _simple(net):
        return
    for level, layer in enumerate(net.layers, start=1):
        lines = ["[[layer]]", f"size = {layer.size}"]
        names = [_string(str(activation)) for activation in layer.activations]
        usual = '"identity"' if level == net.depth else '"sigmoid"'
        if names != [usual]:
            lines.append(f"activation = {names[0] if len(names) == 1 else _array(names)}")
        if any(layer.bias):
            flags = [str(flag).lower() for flag in layer.bias]
            lines.append(f"bias = {flags[0] if len(flags) == 1 else _array(flags)}")
        if layer.names:
            lines.append(f"names = {_array(map(_string, layer.names))}")
        yield "\n".join(lines)


def _edges(net: Network) -> tuple[list[str], list[str]]:
    """Return the edges to call missing, and those to call the only ones: whichever list is shorter for a connection."""
    missing: list[str] = []
    only: list[str] = []
    by_pair = {(c.target, c.source): c for c in net.connections}
    for level in range(1, net.depth + 1):
        by_pair.setdefault((level, level - 1), Connection(level, level - 1, ()))
    for (target, source), c in sorted(by_pair.items(), key=lambda item: (item[0][0], -item[0][1])):
        if c.edges is None:
            continue
        if not c.edges:
            missing.append(spell_matrix(target, source))
            continue
        total = net.size(target) * net.size(source)
        if total - len(c.edges) <= len(c.edges):
            there = set(c.edges)
            pairs = itertools.product(range(1, net.size(target) + 1), range(1, net.size(source) + 1))
            missing += [spell_weight(Weight(target, source, *pair)) for pair in pairs if pair not in there]
        else:
            only += [spell_weight(Weight(target, source, *pair)) for pair in c.edges]
    return missing, only


def _ties(net: Network) -> Iterator[str]:
    """Yield the groups of tied weights; where they tie whole matrices, one line for all of them."""
    position = 0
    while position < len(net.ties):
        if found := _tied_matrices(net, position):
            text, count = found
            yield _string(text)
            position += count
        else:
            yield _array((_string(spell_weight(weight)) for weight in net.ties[position]), wrap=False)
            position += 1


def _tied_matrices(net: Network, position: int) -> tuple[str, int] | None:
    """Return "W_2 = W_1^T" and how many groups it stands for, where just these stand at a position."""
    group = net.ties[position]
    dense = {(c.target, c.source) for c in net.connections if c.edges is None}
    pairs = [(weight.target, weight.source) for weight in group]
    if not set(pairs) <= dense or any((w.to, w.origin) != (1, 1) for w in group) or not 2 <= len(group) <= 4:
        return None
    count = net.size(group[0].source) * net.size(group[0].target)
    if count == 1 or len(net.ties) - position < count:  # a single weight is clearer by its name
        return None
    # A vector's ties can be said with the one or the other side turned; the right one is turned as people would.
    choices = itertools.product((False, True), repeat=len(group))
    for turns in sorted(choices, key=lambda turns: (sum(turns), [not turned for turned in turns])):
        sides = [(*pair, turned) for pair, turned in zip(pairs, turns, strict=True)]
        shapes = [(net.size(t), net.size(s)) if turned else (net.size(s), net.size(t)) for t, s, turned in sides]
        alike = shapes == shapes[:1] * len(shapes)
        if alike and tie_matrices(sides, shapes[0]) == list(net.ties[position : position + count]):
            words = [spell_matrix(t, s) + ("^T" if turned else "") for t, s, turned in reversed(sides)]
            return " = ".join(words), count
    return None


def _skips(net: Network) -> Iterator[str]:
    _, only = _edges(net)
    listed = {spelled.partition("^")[2] for spelled in only}  # a connection whose only edges are listed needs no table
    for c in net.connections:
        if c.source != c.target - 1 and f"{c.target},{c.source}" not in listed:
            yield f"[[skip]]\nfrom = {c.source}\nto = {c.target}"


def _weights(net: Network) -> Iterator[str]:
    if not net.given.weights:
        return
    numbers = dict(net.given.weights)
    counts: dict[tuple[int, int], int] = {}
    for weight in numbers:
        counts[weight.target, weight.source] = counts.get((weight.target, weight.source), 0) + 1
    lines = ["[weights]", "# W_l[j][i] = w_ij^l: a row for each unit that the weights come from."]
    for c in net.connections:
        rows, columns = net.size(c.source), net.size(c.target)
        if c.edges is None and counts.get((c.target, c.source)) == rows * columns:
            key = spell_matrix(c.target, c.source)
            key = key if "," not in key else _string(key)
            lines.append(f"{key} = [")
            for j in range(1, rows + 1):
                row = (_number(numbers[Weight(c.target, c.source, i, j)]) for i in range(1, columns + 1))
                lines.append(f"  {_array(row, wrap=False)},")
            lines.append("]")
        elif (c.target, c.source) in counts:
            for weight, number in net.given.weights:
                if (weight.target, weight.source) == (c.target, c.source):
                    lines.append(f'"{spell_weight(weight)}" = {_number(number)}')
    yield "\n".join(lines)


def _biases(net: Network) -> Iterator[str]:
    if not net.given.biases:
        return
    layers: dict[int, dict[int, float]] = {}
    for (level, unit), number in net.given.biases:
        layers.setdefault(level, {})[unit] = number
    lines = ["[biases]"]
    for level, numbers in layers.items():
        if len(numbers) == net.size(level):
            lines.append(f"b_{level} = {_array(map(_number, numbers.values()))}")
        else:
            lines += [f'"{spell_bias(level, unit)}" = {_number(number)}' for unit, number in numbers.items()]
    yield "\n".join(lines)


def _samples(net: Network) -> Iterator[str]:
    inputs, targets = net.given.inputs, net.given.targets
    if len(inputs) > MANY_SAMPLES:
        lines = ["[samples]"]
        for key, rows in (("x", inputs), ("true", targets)):
            if rows:
                body = ",\n".join("  " + _array(map(_number, row), wrap=False) for row in rows)
                lines.append(f"{key} = [\n{body},\n]")
        yield "\n".join(lines)
        return
    for row, target in itertools.zip_longest(inputs, targets):
        lines = ["[[sample]]", f"x = {_array(map(_number, row))}"]
        if target is not None:
            lines.append(f"true = {_number(target[0]) if len(target) == 1 else _array(map(_number, target))}")
        yield "\n".join(lines)


def _array(entries: Iterable[str], *, wrap: bool = True) -> str:
    """Return an array on one line; on several where it is long, as many entries on each as fit."""
    written = list(entries)
    line = f"[{', '.join(written)}]"
    if not wrap or len(line) <= LINE:
        return line
    lines = [""]
    for entry in written:
        if lines[-1] and len(lines[-1]) + len(entry) > LINE:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '  '}{entry},"
    return "[\n" + "\n".join(lines) + "\n]"


def _number(number: float) -> str:
    return repr(float(number))


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def _string(text: str) -> str:
    """Return a text as a TOML basic string."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise NetworkError("no_toml", read=short(ascii(text)))
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in text) + '"'


def _code(character: str) -> str:
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"
