"""The network that a document speaks of, found from the document.

Sizes follow from the largest indices that its names have, shapes from what it says of matrices; activations, loss and
biases are those under which most of its lines are right. A document can speak of several networks: where the shapes it
states fit no single one, they may fit networks that grow by a layer each (2-1, 2-100-1, 2-100-50-1), each in its lines.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError
from chainrule.judge.court import Court
from chainrule.judge.judging import Judge, Judged, named, told
from chainrule.judge.meaning import names
from chainrule.judge.reading import INDICES, Reading
from chainrule.judge.readings import candidates, letters_for, of_notation
from chainrule.judge.report import Message, Report, Verdict
from chainrule.judge.rows import Row, rows_of
from chainrule.judge.syntax import Applied, Derivative, Listed, Literal, Name, Node, ShapeOf, Unread
from chainrule.network import Activation, Network

if TYPE_CHECKING:
    from chainrule.judge.document import Document

LARGEST_LAYER = 400
"""The widest layer that is taken from a document."""

MOST_LAYERS = 12
"""The most layers that are taken from a document."""

HIDDEN = ("sigmoid", "tanh", "relu", "identity", "softplus")
LOSSES = (
    ("half_squared_error", "identity", None), ("mse", "identity", "sum"), ("mse", "identity", "mean"),
    ("half_squared_error", "sigmoid", None), ("mse", "sigmoid", "sum"), ("half_squared_error", "identity", "mean"),
    ("binary_cross_entropy", "sigmoid", None), ("cross_entropy", "softmax", None),
    ("half_squared_error", "tanh", None), ("mse", "sigmoid", "mean"), ("half_squared_error", "relu", None),
    ("mse", "tanh", "sum"),
)  # fmt: skip
"""Losses with the output's activation and the reduction, the likeliest first."""

_BY_NAME = {"tanh": "tanh", "relu": "relu", "ReLU": "relu", "softplus": "softplus", "sigmoid": "sigmoid"}


class NothingToInfer(ChainruleError):
    """A document whose names say nothing of a network."""


def infer(
    document: Document, *, notation: str | None = None, repairs: bool = True, seconds: float | None = None
) -> Report:
    """Judge a document against the network, or the networks, that it speaks of.

    Raises:
        NothingToInfer: where its names fit no network.
    """
    started = time.perf_counter()
    rows = tuple(rows_of(document))
    known = None if notation is None else of_notation(notation)
    scalar, matrix = split(rows)
    parts: list[tuple[Network, Judged]] = []
    said: list[Message] = []
    until = None if seconds is None else started + seconds / 2  # the other half is for judging
    if scalar and (net := scalar_network(scalar, known, until=until)) is not None:
        parts.append((net, _judge(net, known, repairs, seconds).judged(scalar, document)))
        said.append(Message("infer.scalar", {"network": named(net)}))
    if matrix:
        whole = parts[0][0] if parts else None
        found = matrix_networks(matrix, whole, known, document)
        if found is not None:
            for net, own in found.parts:
                parts.append((net, _judge(net, known, repairs, seconds).judged(own, document)))
            said += found.said
    if not parts:
        raise NothingToInfer("nothing_to_infer", read=document.name)
    lines = [line for _, judged in parts for line in judged.lines]
    missing = {id(row) for row in rows} - {id(one.row) for _, judged in parts for one in judged.heard}
    if missing:
        # What could not be told to a network is read against the first, so that nothing is left out.
        rest = [row for row in rows if id(row) in missing]
        lines += Judge(parts[0][0], reading=known, repairs=False).judged(rest, document).lines
    lines.sort(key=lambda line: (line.part, line.start))
    return Report(
        source=document.name,
        texts=document.texts,
        networks=tuple(dict.fromkeys(named(net) for net, _ in parts)),
        inferred=True,
        lines=tuple(lines),
        reading=(*said, *_told(parts, known)),
        gaps=tuple(message for _, judged in parts[:1] for message in judged.gaps),
        seconds=time.perf_counter() - started,
    )


def _judge(net: Network, known: Reading | None, repairs: bool, seconds: float | None) -> Judge:
    judge = Judge(net, reading=known, repairs=repairs)
    judge.until = None if seconds is None else time.perf_counter() + seconds
    return judge


def _told(parts: Sequence[tuple[Network, Judged]], known: Reading | None) -> Iterator[Message]:
    """Yield how each part was read, each sentence once."""
    said: set[tuple[str, str]] = set()
    for net, judged in parts:
        for message in told(judged.reading, judged.heard, Judge(net, reading=known).court(judged.reading)):
            own = (message.key, str(message.facts))
            if own not in said:
                said.add(own)
                yield message


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of numbers and those of whole matrices."""
    court = Court(Network.read("1-1"), Reading(letters_for(every_name(rows))))
    whole = [court.matrices(row.chain) for row in rows]
    return (
        [row for row, matrix in zip(rows, whole, strict=True) if not matrix],
        [row for row, matrix in zip(rows, whole, strict=True) if matrix],
    )


def every_name(rows: Iterable[Row]) -> list[Name]:
    """Return every name of some rows."""
    return [name for row in rows for side in row.chain.sides if not isinstance(side.node, Unread)
            for name in names(side.node)]  # fmt: skip


# Numbers


def scalar_network(rows: Sequence[Row], known: Reading | None, *, until: float | None = None) -> Network | None:
    """Return the network under which most of the rows are right, or None where their names fit none.

    After `until` what is best so far is taken.
    """
    found = every_name(rows)
    links = sum(len(row.chain.sides) - 1 for row in rows)
    best: tuple[int, Network] | None = None
    for reading in [known] if known is not None else candidates(found, matrices=False):
        sizes = sizes_of(found, reading)
        if sizes is None:
            continue
        score, net = _completed(sizes, found, rows, reading, until)
        if best is None or score > best[0]:
            best = (score, net)
        if best[0] >= ENOUGH * links or _over(until):
            break
    return None if best is None else best[1]


def _over(until: float | None) -> bool:
    return until is not None and time.perf_counter() > until


ENOUGH = 0.75
"""The share of links that are right under a reading for no other to be tried."""


class _Contest:
    """Networks tried on the same rows: each against the best so far, first where that one fails."""

    def __init__(self, rows: Sequence[Row], reading: Reading, until: float | None) -> None:
        self.rows = rows
        self.until = until
        self.reading = reading
        self.best: Network | None = None
        self.score = -1
        self._before = -1
        self.failing = list(rows)
        self.links = sum(len(row.chain.sides) - 1 for row in rows)

    def enter(self, net: Network | None) -> None:
        """Try a network."""
        if net is None or self.score >= self.links or (self.best is not None and _over(self.until)):
            return
        judge = Judge(net, reading=self.reading, repairs=False)
        if self.best is not None and judge.score(self.failing) <= self._before:
            return
        heard = judge.heard(self.rows)
        score = sum(one.score for one in heard)
        if score > self.score:
            self.best, self.score = net, score
            self.failing = [one.row for one in heard if one.score < len(one.findings)]
            self._before = sum(one.score for one in heard if one.score < len(one.findings))


def _completed(
    sizes: Sequence[int], found: Sequence[Name], rows: Sequence[Row], reading: Reading, until: float | None
) -> tuple[int, Network]:
    """Return the best network of these sizes; the loss is chosen before the hidden activation, and once more after."""
    bias = any(reading.kinds.get(name.base) in ("b", "db") for name in found)
    mentioned = [_BY_NAME[f] for f in functions(rows) if f in _BY_NAME]
    hidden = list(dict.fromkeys((*mentioned, *HIDDEN)))
    shorthand = "-".join(map(str, sizes))
    contest = _Contest(rows, reading, until)
    for _ in range(2):
        activation = contest.best.layers[0].activation(1).name if contest.best else hidden[0]
        for loss, output, reduction in LOSSES:
            contest.enter(_network(shorthand, bias, activation, output, loss, reduction))
        assert contest.best is not None
        if len(sizes) < 3:
            break
        net = contest.best
        for activation in hidden[1:]:
            layers = (
                *(replace(layer, activations=(Activation(activation),)) for layer in net.layers[:-1]),
                net.layers[-1],
            )
            contest.enter(net.replace(layers=layers))
        if contest.best.layers == net.layers:
            break
    assert contest.best is not None
    return contest.score, contest.best


def _network(shorthand: str, bias: bool, hidden: str, output: str, loss: str, reduction: str | None) -> Network | None:
    try:
        return Network.read(shorthand, bias=bias, hidden=hidden, output=output, loss=loss, reduction=reduction)
    except ChainruleError:
        return None


def functions(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the functions that rows apply."""
    from chainrule.judge.syntax import parts_of

    for row in rows:
        for side in row.chain.sides:
            if not isinstance(side.node, Unread):
                yield from (part.function.base for part in parts_of(side.node) if isinstance(part, Applied))


def sizes_of(found: Iterable[Name], reading: Reading) -> list[int] | None:
    """Return the sizes of the layers that names speak of, inputs first; None where they speak of none.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> (chain,) = read_formula("w_{12}^2 = a_3^1 x_1")
        >>> sizes_of([name for side in chain.sides for name in names(side.node)], Reading(letters_for(())))
        [2, 3, 1]
    """
    least: dict[int, int] = {}
    outputs = 1
    depth = 0
    for name in found:
        kind = (
            reading.kinds.get(name.base, "").removeprefix("d") if reading.kinds.get(name.base) != "delta" else "delta"
        )
        units = _numbers(name.sub, INDICES.get(kind, 0))
        shift = 1 - reading.first_unit
        if kind == "x" and units:
            least[0] = max(least.get(0, 1), units[0] - reading.first_input + 1)
        elif kind in ("pred", "true") and units:
            outputs = max(outputs, units[0] + shift)
        elif kind in ("w", "b", "z", "a", "delta") and (level := _layer(name.sup)) is not None:
            level -= reading.first_layer
            if not 0 <= level <= MOST_LAYERS:
                return None
            depth = max(depth, level)
            if units:
                to, origin = (units[0], units[-1]) if reading.to_from else (units[-1], units[0])
                least[level] = max(least.get(level, 1), (to if kind == "w" else units[0]) + shift)
                if kind == "w":
                    least[level - 1] = max(least.get(level - 1, 1), origin + shift)
    if not depth:
        return None
    sizes = [least.get(level, 1) for level in range(depth + 1)]
    if any(reading.kinds.get(name.base) in ("pred", "true") for name in found):
        # a_j^L with an output beside it: the layer above is the output's, unless weights lead into this one alone.
        above = {_layer(name.sup) for name in found if reading.kinds.get(name.base) == "w"}
        if depth + reading.first_layer not in above and any(above):
            sizes.append(outputs)
    sizes[-1] = max(sizes[-1], outputs)
    return sizes if max(sizes) <= LARGEST_LAYER and min(sizes) >= 1 else None


def _numbers(sub: str, need: int) -> list[int]:
    if not sub or not need:
        return []
    parts = sub.split(",") if "," in sub else [*sub] if need == 2 else [sub]
    return (
        [int(part) for part in parts] if len(parts) == need and all(p.isdigit() and len(p) < 5 for p in parts) else []
    )


def _layer(sup: str) -> int | None:
    match = re.match(r"[\[(]?([0-9]{1,3})", sup)
    return int(match[1]) if match else None


# Matrices


@dataclass(frozen=True, slots=True)
class Fitted:
    """Networks for rows of matrices, and what is to be said of them."""

    parts: list[tuple[Network, list[Row]]]
    said: list[Message]


def matrix_networks(
    rows: Sequence[Row], net: Network | None, known: Reading | None, document: Document | None
) -> Fitted | None:
    """Return the networks that rows of matrices speak of: the given one, another, or several that grow."""
    links = sum(len(row.chain.sides) - 1 for row in rows)
    if net is not None and Judge(net, reading=known, repairs=False).score(rows) >= links:
        return Fitted([(net, list(rows))], [])
    stated = dict(stated_shapes(rows))
    depth = max((level for name in every_name(rows) if (level := _matrix_layer(name)) is not None), default=0)
    if not 0 < depth <= MOST_LAYERS:
        return None if net is None else Fitted([(net, list(rows))], [])
    one = _one(stated, depth)
    if one is not None and (net is None or stated):
        found = _best(one, rows, known)
        if net is None or found[0] > Judge(net, reading=known, repairs=False).score(rows):
            return Fitted([(found[1], list(rows))], [Message("infer.matrix", {"network": named(found[1])})])
    growing = _growing(stated, depth) if one is None else None
    if growing is None:
        return None if net is None else Fitted([(net, list(rows))], [])
    groups: list[list[Row]] = [[] for _ in growing]
    for row in rows:
        level = max((level for name in every_name([row]) if (level := _matrix_layer(name, "w")) is not None), default=1)
        groups[level - 1].append(row)
    parts = [(_best(sizes, own, known)[1], own) for sizes, own in zip(growing, groups, strict=True) if own]
    if document is None:
        return Fitted(parts, [])
    largest = parts[-1][0]
    known = known or Reading(letters_for(every_name(rows)))
    judged = Judge(largest, reading=known, repairs=False).judged(rows, document)
    wrong = [
        line.line for line in judged.lines if any(k.verdict in (Verdict.WRONG, Verdict.CARRIED) for k in line.links)
    ]
    said = Message("infer.growing", {
        "networks": ", ".join(named(own) for own, _ in parts), "count": len(parts),
        "largest": named(largest), "lines": ", ".join(map(str, dict.fromkeys(wrong))),
    })  # fmt: skip
    return Fitted(parts, [said])


def _best(sizes: Sequence[int], rows: Sequence[Row], known: Reading | None) -> tuple[int, Network]:
    """Return the network of these sizes under which most rows are right, with their number."""
    found = every_name(rows)
    kinds = letters_for(found)
    bias = any(kinds.get(name.base) in ("b", "db") for name in found)
    shorthand = "-".join(map(str, sizes))
    best: tuple[int, Network] | None = None
    links = sum(len(row.chain.sides) - 1 for row in rows)
    for loss, output, reduction in LOSSES[:7]:
        net = _network(shorthand, bias, "sigmoid", output, loss, reduction)
        if net is None:
            continue
        score = Judge(net, reading=known, repairs=False).score(rows)
        if best is None or score > best[0]:
            best = (score, net)
        if score >= links:
            break
    assert best is not None
    return best


def _matrix_layer(name: Name, kind: str = "") -> int | None:
    """Return the layer of a whole matrix's name, of a kind where one is asked for."""
    own = letters_for([]).get(name.base, "").removeprefix("d")
    if own not in ("w", "z", "a", "b") or (kind and own != kind):
        return None
    text = name.sup or name.sub
    return _layer(text) if text and "," not in name.sub and not (name.sub and name.sup) else None


def stated_shapes(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
    """Yield the shapes that rows state: of which kind, of which layer, rows and columns."""
    kinds = letters_for([])
    for row in rows:
        sides = [side.node for side in row.chain.sides]
        shape = next((sizes for node in sides if (sizes := _listed(node)) is not None), None)
        if shape is None:
            continue
        node = sides[0]
        if isinstance(node, ShapeOf):
            node = node.body
        if isinstance(node, Derivative):
            node = node.by
        if isinstance(node, Name) and (level := _matrix_layer(node)) is not None:
            yield (kinds[node.base].removeprefix("d"), level), shape


def _listed(node: Node | Unread) -> tuple[int, int] | None:
    if not isinstance(node, Listed) or len(node.items) != 2:
        return None
    sizes = [int(item.value) for item in node.items if isinstance(item, Literal) and item.value.denominator == 1]
    return (sizes[0], sizes[1]) if len(sizes) == 2 and all(0 < size <= LARGEST_LAYER for size in sizes) else None


def _one(stated: dict[tuple[str, int], tuple[int, int]], depth: int) -> list[int] | None:
    """Return the sizes of the one network that has the stated shapes, or None where they contradict each other.

    A size that nothing says is taken to be one that no other layer has, so that shapes that fit by chance do not.
    """
    for in_out in (True, False):
        sizes: dict[int, int] = {}
        if all(_agree(sizes, kind, level, shape if in_out else shape[::-1]) for (kind, level), shape in stated.items()):
            free = iter(size for size in (3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16) if size not in sizes.values())
            return [
                sizes[level] if level in sizes else 2 if level == depth else next(free) for level in range(depth + 1)
            ]
    return None


def _agree(sizes: dict[int, int], kind: str, level: int, shape: tuple[int, int]) -> bool:
    places = {"w": (level - 1, level), "b": (None, level)}.get(kind, (None, level))
    return all(sizes.setdefault(at, size) == size for at, size in zip(places, shape, strict=True) if at is not None)


def _growing(stated: dict[tuple[str, int], tuple[int, int]], depth: int) -> list[list[int]] | None:
    """Return the sizes of networks that grow by a layer each, the last layer of each stated as its own."""
    for in_out in (True, False):
        shapes = {level: shape if in_out else shape[::-1] for (kind, level), shape in stated.items() if kind == "w"}
        if set(shapes) != set(range(1, depth + 1)):
            continue
        inner = [shapes[level][0] for level in range(1, depth + 1)]
        found = [[*inner[:level], shapes[level][1]] for level in range(1, depth + 1)]
        if len({shape[1] for shape in shapes.values()}) == 1:
            return found
    return None


def speaks_of_another(rows: Sequence[Row], net: Network, known: Reading | None) -> Fitted | None:
    """Return the networks that rows of matrices speak of where that is not the given one, or None.

    One wrong shape is a slip. Rows speak of another network where most of the shapes that they state, two at least,
    contradict the given one, and all of them fit others.
    """
    stated = dict(stated_shapes(rows))
    against = 0
    for (kind, level), shape in stated.items():
        if kind != "w" or not 1 <= level <= net.depth:
            against += kind == "w"
            continue
        true = (net.size(level - 1), net.size(level))
        against += shape not in (true, true[::-1])
    if against < 2 or 2 * against <= len(stated):
        return None
    found = matrix_networks(rows, None, known, None)
    if found is None or any(own == net for own, _ in found.parts):
        return None
    for own, mine in found.parts:
        if Judge(own, reading=known, repairs=False).score(mine) < sum(len(row.chain.sides) - 1 for row in mine):
            return None
    return found
