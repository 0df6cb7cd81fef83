"""The sizes of a network that a document speaks of: from its indices, sums, definitions and shapes, and from its words.

What a document leaves open is filled with sizes that no other layer has, so that shapes do not fit by chance; a Frame
says which these are.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.judge.layers import layers_of_letters
from chainrule.judge.reading import INDICES, Reading
from chainrule.judge.readings import letters_for
from chainrule.judge.syntax import (
    Chain,
    Derivative,
    Listed,
    Literal,
    Name,
    Node,
    ShapeOf,
    Summation,
    Unread,
    names,
    parts_of,
)

if TYPE_CHECKING:
    from chainrule.judge.infer_words import Said
    from chainrule.judge.rows import Row

LARGEST_LAYER = 400
"""The widest layer that is taken from a document."""

MOST_LAYERS = 12
"""The most layers that are taken from a document."""

GENERAL_DEPTH = 3
"""How many layers a network is given whose document speaks of layers l − 1, l and l + 1 only."""

LAYERED = frozenset(("w", "b", "z", "a", "delta"))

Sizes = Mapping[int, int]
"""Sizes by layer, as far as something says them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The layers of a network, and what of them is a guess.

    Attributes:
        sizes: the sizes, inputs first.
        open: the layers whose size nothing says.
        open_depth: whether nothing says how many layers there are.
        skips: connections past a layer: (target, source).
        unled: how many of the last layers no weight is named to lead into, where weights are named by their layer.
    """

    sizes: tuple[int, ...]
    open: tuple[int, ...] = ()
    open_depth: bool = False
    skips: tuple[tuple[int, int], ...] = ()
    unled: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a document that speak of one network.

    Attributes:
        all: the rows, in order.
        whole: for each whether it is one of whole matrices and vectors, and not of numbers.
    """

    all: tuple[Row, ...]
    whole: tuple[bool, ...]

    @property
    def scalar(self) -> tuple[Row, ...]:
        """Those of numbers."""
        return tuple(row for row, whole in zip(self.all, self.whole, strict=True) if not whole)

    @property
    def matrix(self) -> tuple[Row, ...]:
        """Those of whole matrices and vectors."""
        return tuple(itertools.compress(self.all, self.whole))

    def some(self, *, whole: bool) -> Rows:
        """Return those of matrices, or those of numbers, alone."""
        rows = self.matrix if whole else self.scalar
        return Rows(rows, (whole,) * len(rows))


def every_name(rows: Iterable[Row]) -> list[Name]:
    """Return every name of some rows."""
    return [name for row in rows for name in row.chain.names]


def frames(rows: Rows, reading: Reading, said: Said) -> Iterator[Frame]:
    """Yield the layers that a document can speak of under a reading, the likeliest first."""
    evidence = _Evidence(rows, reading)
    if not evidence.names or evidence.below:
        return
    if evidence.chain > 1:
        yield Frame((1,) * (evidence.chain + 1))
    for depth in evidence.depths(said):
        if not 0 < depth <= MOST_LAYERS:
            continue
        least, sure = evidence.sizes(depth)
        for proposed in (*said.sizes(depth), {}):
            if any(size < least.get(level, 1) for level, size in proposed.items()) and proposed:
                continue  # words that speak of something else
            known = {**least, **proposed, **sure}
            yield from _framed(depth, known, evidence, said)
            if depth not in known and not evidence.indexed_outputs:
                yield from _framed(depth, {**known, depth: 1}, evidence, said)  # ŷ may be a number
            if evidence.small and not known.keys() - {depth}:
                yield Frame((1,) * (depth + 1), tuple(range(depth + 1)), evidence.open_depth(said))


def _framed(depth: int, known: Sizes, evidence: _Evidence, said: Said) -> Iterator[Frame]:
    if any(not 1 <= size <= LARGEST_LAYER for size in known.values()):
        return
    sizes = dict(known)
    used = set(sizes.values())
    levels = [level for level in range(depth + 1) if level not in sizes]
    free = iter(size for size in range(3, MOST_LAYERS + 20) if size not in used)
    for level in levels:
        sizes[level] = next(free)
    ordered = tuple(sizes[level] for level in range(depth + 1))
    unled = max(0, depth - max(evidence.weights, default=depth))
    yield Frame(ordered, tuple(sorted(levels)), evidence.open_depth(said), tuple(sorted(evidence.skips)), unled)


class _Evidence:
    """What the names of a document say of layers, under one reading."""

    def __init__(self, rows: Rows, reading: Reading) -> None:
        self.rows = rows
        self.reading = reading
        self.names = [(name, False) for name in every_name(rows.scalar)]
        self.names += [(name, True) for name in every_name(rows.matrix)]
        self.names = [(name, whole) for name, whole in dict.fromkeys(self.names) if reading.kind_of(name) in INDICES]
        self.skips: set[tuple[int, int]] = set()
        self.numeric = 0
        self.named = 0
        self.general = False
        self.below = False
        self.weights: set[int] = set()
        for name, whole in self.names:
            level = self._level(name, whole)
            if level is not None:
                self.numeric = max(self.numeric, level)
                if reading.kind_of(name) != "delta":
                    self.named = max(self.named, level)
                if reading.kind_of(name) == "w":
                    self.weights.add(level)
            elif reading.kind_of(name) in LAYERED and re.search("[lL]", name.sup):
                self.general = True
        self.general = self.general and not self.numeric

    def open_depth(self, said: Said) -> bool:
        """Return whether nothing says how many layers there are."""
        return self.general and not said.depths

    @property
    def chain(self) -> int:
        """How many layers of one unit each the small letters can speak of: z_2 = w_2 a_1 + b_2, z_1 = w_1 x + b_1."""
        numbers: dict[str, set[int]] = {}
        for name, _ in self.names:
            kind = self.reading.kind_of(name)
            if kind in LAYERED and (name.sup or not name.base.islower() or not name.sub.isdigit() or len(name.sub) > 1):
                return 0
            if kind == "x" and name.sub:
                return 0
            if kind in LAYERED:
                numbers.setdefault(kind, set()).add(int(name.sub))
        weights = numbers.get("w", set())
        together = weights == set(range(1, len(weights) + 1)) and len(numbers) > 1
        return len(weights) if together else 0

    @property
    def small(self) -> bool:
        """Whether weights are small letters without a unit, numbers as in a chain of single neurons: w^L."""
        weights = [name for name, _ in self.names if self.reading.kind_of(name) == "w"]
        return bool(weights) and all(name.base.islower() and not name.sub for name in weights)

    @property
    def indexed_outputs(self) -> bool:
        """Whether the outputs are told apart by an index."""
        return any(self.reading.kind_of(name) in ("pred", "true") and name.sub for name, _ in self.names)

    def depths(self, said: Said) -> Iterator[int]:
        """Yield how many layers there can be after the inputs, the likeliest first."""
        words = said.depths
        if self.numeric:
            if self.weights and self.named < self.numeric:
                yield self.named  # δ_1, δ_2, δ_3 beside W_1 and W_2 count in the order of their computation
            yield self.numeric
            outputs = any(self.reading.kind_of(name) in ("pred", "true") for name, _ in self.names)
            if outputs and self.weights and self.numeric not in self.weights:
                yield self.numeric + 1  # a_j^L with an output beside it, and no weight that leads into layer L
            yield from (depth for depth in words if depth > self.numeric)
        elif self.general:
            yield from words or (GENERAL_DEPTH,)
        else:
            yield from dict.fromkeys((*words, *self._by_letters()))

    def _by_letters(self) -> Iterator[int]:
        """Yield the depths that names without layers allow: w_ji and w_kj lead through two of them."""
        roles = {match[1] for name, _ in self.names if (match := _ROLE.fullmatch(name.sub)) and not name.sup}
        if roles & {"h", "o"}:
            yield 2
        pairs = {name.sub for name, _ in self.names if self.reading.kind_of(name) == "w" and name.sub.isalpha()}
        hidden = any(self.reading.kind_of(name) in ("a", "z") for name, _ in self.names)
        yield 1
        if hidden or len(pairs) > 1:
            yield 2
        if len(pairs) > 2:
            yield 3

    def _level(self, name: Name, whole: bool) -> int | None:
        """Return the layer that a name gives as a number, or None."""
        reading, kind = self.reading, self.reading.kind_of(name)
        if kind not in LAYERED:
            return None
        if name.sup:
            if reading.powers or (reading.bracketed and name.sup.isdigit()):
                return None
            match = _LAYER.match(name.sup)
            if match is None:
                return None
            level = int(match[1]) - reading.inputs_number(kind)
            if kind == "w" and match[2]:
                source = int(match[2]) - reading.first_layer
                if 0 <= source < level - 1:
                    self.skips.add((level, source))
        else:
            if whole and kind == "w" and (match := re.fullmatch("([0-9]{1,2}),([0-9]{1,2})", name.sub)):
                level, source = (int(number) - reading.first_layer for number in match.groups())
                if 0 <= source < level - 1 and name.base[0].isupper():
                    self.skips.add((level, source))
                    return level if level <= MOST_LAYERS else None
            alone = whole or (name.base[:1].isupper() and kind in ("w", "z", "a"))
            if not alone or not name.sub.isdigit() or len(name.sub) > 2 or (kind == "delta" and reading.unit_deltas):
                return None
            level = int(name.sub) - reading.inputs_number(kind)
        if level < (0 if kind == "a" else 1):
            self.below = True  # the inputs are no layer with weights: this is not how the document counts
        return level if 0 <= level <= MOST_LAYERS else None

    def sizes(self, depth: int) -> tuple[Sizes, Sizes]:
        """Return the least sizes of layers that have numbered units, and the sizes that something says."""
        least: dict[int, int] = {}
        sure: dict[int, int] = {}
        for name, whole in self.names:
            for level, size in self._units(name, whole, depth):
                if 0 <= level <= depth:
                    least[level] = max(least.get(level, 1), size)
        outputs = [(name, whole) for name, whole in self.names if self.reading.kind_of(name) in ("pred", "true")]
        alone = all(not name.sub and not whole for name, whole in outputs) and least.get(depth, 1) == 1
        several = any("softmax" in side.functions for row in self.rows.all for side in row.chain.sides)
        if outputs and alone and not several:
            sure[depth] = 1  # one number
        everywhere = layers_of_letters([name for name, _ in self.names], self.reading, depth)
        defined = dict(_definitions(self.rows.all))
        for row in self.rows.all:
            sure |= self._sums(row.chain, everywhere, defined, depth)
        for key, size in defined.items():
            counted = _counted(key, depth)
            if counted is not None:
                sure[counted] = size
        sure |= stated_sizes(self.rows.matrix, depth) or {}
        single = any(
            self.reading.kind_of(name) == "w" and name.sub.isalnum() and len(name.sub) == 1 and not name.sup
            for name, whole in self.names if not whole
        )  # fmt: skip
        if depth == 1 and single:  # w_i leads into the one unit there is
            sure.setdefault(1, 1)
            for name, _ in self.names:
                if self.reading.kind_of(name) == "w" and name.sub.isdigit():
                    least[0] = max(least.get(0, 1), int(name.sub))
        if depth == 1 and all(not name.sub and not whole for name, whole in self.names):
            sure |= {0: 1, 1: 1}  # y = f(w x): one neuron
        return least, sure

    def _units(self, name: Name, whole: bool, depth: int) -> Iterator[tuple[int, int]]:
        """Yield the sizes that a name's indices need: layer, size."""
        reading, kind = self.reading, self.reading.kind_of(name)
        if (role := _ROLE.fullmatch(name.sub)) is not None and not name.sup:
            yield {"i": 0, "h": 1, "o": depth}[role[1]], int(role[2])
            return
        units = _numbers(name.sub, INDICES.get(kind, 0))
        if not units:
            return
        shift = 1 - reading.first_unit
        level = self._level(name, whole)
        if kind == "x":
            yield 0, units[0] - reading.first_input + 1
        elif kind in ("pred", "true"):
            yield depth, units[0] + shift
        elif level is not None and kind == "w":
            to, origin = units if reading.to_from else units[::-1]
            source = level - 1
            if (match := _LAYER.match(name.sup)) and match[2]:
                source = int(match[2]) - reading.first_layer
            yield level, to + shift
            yield source, origin + shift
        elif level is not None and name.sup:
            yield level, units[0] + shift
        elif level is None and depth == 1 and kind in LAYERED and not whole:
            yield 1, units[0] + shift
            if kind == "w":
                yield 0, units[1] + shift
                yield 1, (units[0] if reading.to_from else units[1]) + shift

    def _sums(self, chain: Chain, everywhere: Mapping[str, int], defined: Mapping[str, int], depth: int) -> Sizes:
        """Return the sizes of the layers over which sums run whose bounds are numbers."""
        found: dict[int, int] = {}
        own: Mapping[str, int] | None = None
        for side in chain.sides:
            if isinstance(side.node, Unread):
                continue
            for part in parts_of(side.node):
                if not isinstance(part, Summation) or not part.letter:
                    continue
                lower, upper = _bound(part.lower, defined), _bound(part.upper, defined)
                if lower not in (0, 1) or upper is None:
                    continue
                if own is None:
                    mine = [name for one in chain.sides if not isinstance(one.node, Unread) for name in names(one.node)]
                    own = {**everywhere, **layers_of_letters(mine, self.reading, depth)}
                level = own.get(part.letter)
                if level is not None:
                    first = self.reading.first_input if level == 0 else self.reading.first_unit
                    found[level] = upper - min(first, 1) + 1 if lower == 0 and first == 0 else upper
        return {level: size for level, size in found.items() if size >= 1}


_ROLE = re.compile(r"([iho])_?([0-9]{1,2})")
_LAYER = re.compile(r"[\[(]?([0-9]{1,3})(?:,([0-9]{1,3}))?")


def _bound(node: Node | None, defined: Mapping[str, int]) -> int | None:
    if isinstance(node, Literal) and node.value.denominator == 1 and abs(node.value) < 10_000:
        return int(node.value)
    return defined.get(_key(node)) if isinstance(node, Name) else None


def _key(name: Name) -> str:
    return f"{name.base}_{name.sub}^{name.sup}"


def _definitions(rows: Iterable[Row]) -> Iterator[tuple[str, int]]:
    """Yield the names that a document sets to a whole number: D = 2, n_x = 3."""
    for row in rows:
        sides = row.chain.sides
        if len(sides) == 2 and isinstance(sides[0].node, Name) and isinstance(sides[1].node, Literal):
            number = sides[1].node.value
            if number.denominator == 1 and 1 <= number <= LARGEST_LAYER:
                yield _key(sides[0].node), int(number)


def _counted(key: str, depth: int) -> int | None:
    """Return the layer whose units n_x, n_h, n_y and n^{[l]} count."""
    if key in ("n_x^", "n_in^", "n_0^", "d_x^"):
        return 0
    if key in ("n_y^", "n_out^", "d_y^"):
        return depth
    if key in ("n_h^", "d_h^") and depth == 2:
        return 1
    match = re.fullmatch(r"[nd]_([0-9]*)\^[\[(]?([0-9]*)[\])]?", key)
    level = match and (match[1] or match[2])
    return int(level) if level and len(level) < 3 and int(level) <= depth else None


def _numbers(sub: str, need: int) -> list[int]:
    if not sub or not need:
        return []
    parts = sub.split(",") if "," in sub else [*sub] if need == 2 else [sub]
    if len(parts) != need or not all(part.isdecimal() and len(part) < 5 for part in parts):
        return []
    return [int(part) for part in parts]


# Shapes that are stated


def stated_shapes(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
    """Yield the shapes that rows state: of which kind, of which layer, rows and columns."""
    kinds = letters_for([])
    for row in rows:
        sides = [side.node for side in row.chain.sides]
        shape = next((sizes for node in sides if (sizes := _listed(node)) is not None), None)
        node = sides[0]
        if shape is None:
            continue
        if isinstance(node, ShapeOf):
            node = node.body
        if isinstance(node, Derivative):
            node = node.by
        if isinstance(node, Name):
            kind = kinds.get(node.base, "").removeprefix("d")
            level = matrix_layer(node)
            if level is not None:
                yield (kind, level), shape
            elif kind == "x" and not node.sub and min(shape) < 2:
                yield ("x", 0), shape


def matrix_layer(name: Name, kind: str = "") -> int | None:
    """Return the layer of a whole matrix's name, of a kind where one is asked for."""
    own = letters_for([]).get(name.base, "").removeprefix("d")
    if own not in ("w", "z", "a", "b") or (kind and own != kind):
        return None
    text = name.sup or name.sub
    if not text or "," in name.sub or (name.sub and name.sup):
        return None
    match = re.match(r"[\[(]?([0-9]{1,3})", text)
    return int(match[1]) if match else None


def _listed(node: Node | Unread) -> tuple[int, int] | None:
    """Return rows and columns; 0 for one that is a letter, or that a vector does not have."""
    if not isinstance(node, Listed) or len(node.items) not in (1, 2):
        return None
    sizes = [0] * (2 - len(node.items))
    for item in node.items:
        if isinstance(item, Literal) and item.value.denominator == 1 and 0 < item.value <= LARGEST_LAYER:
            sizes.append(int(item.value))
        elif isinstance(item, Name):
            sizes.append(0)
    return (sizes[0], sizes[1]) if len(sizes) == 2 and any(sizes) else None


def stated_sizes(rows: Sequence[Row], depth: int) -> Sizes | None:
    """Return the sizes of the one network that has the stated shapes, or None where they contradict each other."""
    stated = dict(stated_shapes(rows))
    if any(level > depth for _, level in stated):
        return None
    for in_out in (True, False):
        sizes: dict[int, int] = {}
        if all(_agree(sizes, kind, level, shape if in_out else shape[::-1]) for (kind, level), shape in stated.items()):
            return sizes
    return None


def _agree(sizes: dict[int, int], kind: str, level: int, shape: tuple[int, int]) -> bool:
    if kind == "b" or (kind != "w" and min(shape) < 2):  # a vector, or as many as there are samples
        return sizes.setdefault(level, max(shape)) == max(shape)
    places = (level - 1, level) if kind == "w" else (None, level)
    return all(
        sizes.setdefault(at, size) == size
        for at, size in zip(places, shape, strict=True) if at is not None and size
    )  # fmt: skip


def growing_sizes(rows: Sequence[Row], depth: int) -> list[list[int]] | None:
    """Return the sizes of networks that grow by a layer each, the last layer of each stated as its own."""
    stated = dict(stated_shapes(rows))
    for in_out in (True, False):
        shapes = {
            level: shape if in_out else shape[::-1]
            for (kind, level), shape in stated.items() if kind == "w" and all(shape)
        }  # fmt: skip
        if set(shapes) != set(range(1, depth + 1)):
            continue
        inner = [shapes[level][0] for level in range(1, depth + 1)]
        found = [[*inner[:level], shapes[level][1]] for level in range(1, depth + 1)]
        if len({shape[1] for shape in shapes.values()}) == 1:
            return found
    return None
