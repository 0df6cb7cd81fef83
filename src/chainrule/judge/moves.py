"""Names of a side that could have other indices, and what the side would be worth then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.expr import Partial, Ref
from chainrule.judge.meaning import Interpreter, NotJudged, ShapesClash, Val
from chainrule.judge.needed import Spot, exactly, spots, wide
from chainrule.judge.reading import NoMeaning
from chainrule.judge.syntax import Derivative, Name, Node, inside, unbracketed
from chainrule.judge.variants import Variant, variants

Array = np.ndarray[Any, Any]

EDIT = 0.25
"""What each further place of one rename costs, where the first costs 1."""

FURTHER = 0.06
"""What each further index costs that differs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a side, and the node whose value it changes: itself, or the derivative it stands in."""

    name: Name
    holder: Node


@dataclass(frozen=True, slots=True)
class Move:
    """The same name at one or several places, to be given other indices, the same at each."""

    places: tuple[Place, ...]
    variants: tuple[Variant, ...]

    @property
    def single(self) -> bool:
        """Whether it changes one place."""
        return len(self.places) == 1

    def cost(self, choice: int) -> float:
        """Return what one of its variants costs."""
        return 1 + EDIT * (len(self.places) - 1) + FURTHER * (self.variants[choice].changed - 1)

    def meets(self, other: Move) -> bool:
        """Return whether two moves change a place, or a derivative, in common."""
        return any(a.holder is b.holder for a in self.places for b in other.places)


class Moves:
    """What a side is worth under every move, computed when asked and kept.

    Attributes:
        node: the side.
        singles: a move for each name.
        groups: a move for each name that stands there more than once, at all its places.
    """

    def __init__(self, node: Node, interpreter: Interpreter) -> None:
        self.node = node
        self.interpreter = interpreter
        self.points = interpreter.numbers.world.points
        places = [place for place in places_of(node) if _plain(place.name)]
        known: dict[tuple[str, str, str, str], tuple[Variant, ...]] = {}
        self.singles: list[Move] = []
        together: dict[tuple[str, str, str, str], list[Place]] = {}
        for place in places:
            name = place.name
            own = (name.base, name.sub, name.sup, name.suffix)
            if own not in known:
                known[own] = variants(name, interpreter.reading, interpreter.numbers)
            if known[own] and self._has_value(name):
                self.singles.append(Move((place,), known[own]))
                together.setdefault(own, []).append(place)
        self.groups = [Move(tuple(group), known[own]) for own, group in together.items() if len(group) > 1]
        self._values: dict[tuple[int, int], Array] = {}
        self._under: dict[int, tuple[Array, dict[int, Spot]]] = {}
        self.spots = {id(spot.node): spot for spot in spots(node, interpreter)}
        # Derivatives that are 0: a repair changes each of them.
        self.dead = [
            spot.node.span for spot in self.spots.values()
            if isinstance(spot.node, Derivative) and not np.any(spot.value)
        ]  # fmt: skip

    def _has_value(self, name: Name) -> bool:
        try:
            meant = self.interpreter.meant(name, {})
            return meant.power == 1 and isinstance(meant.what, Ref | Partial)
        except NoMeaning:
            return False

    def alone(self, place: Place, move: Move) -> Array:
        """Return what the node of a place is worth for each variant: (variants, points)."""
        own = (id(place.name), id(place.holder))
        if own not in self._values:
            rows = [self.worth(place.holder, {id(place.name): variant}) for variant in move.variants]
            self._values[own] = np.stack([wide(row, self.points) for row in rows])
        return self._values[own]

    def worth(self, holder: Node, changed: Mapping[int, Variant]) -> Array:
        """Return what a name or a derivative is worth with other indices; not a number where it means nothing."""
        interpreter = self.interpreter
        nothing = np.full(self.points, np.nan)
        try:
            if isinstance(holder, Name):
                what = changed[id(holder)].what
                return interpreter.quantity(what, holder).value if isinstance(what, Ref | Partial) else nothing
            assert isinstance(holder, Derivative)
            of, by = unbracketed(holder.of), unbracketed(holder.by)
            above = changed[id(of)].what if id(of) in changed else interpreter._differentiated(of, {})
            below = changed[id(by)].what if id(by) in changed else interpreter._atom(by, {})
            if isinstance(above, Ref) and isinstance(below, Ref):
                return interpreter.numbers.partial(above, below, total=interpreter.total)
        except (NoMeaning, NotJudged, ShapesClash):
            pass
        return nothing

    def put(self, move: Move) -> dict[int, Val]:
        """Return the values of the nodes that a move changes, for each variant."""
        holders: dict[int, list[Place]] = {}
        for place in move.places:
            holders.setdefault(id(place.holder), []).append(place)
        found = {}
        for own, places in holders.items():
            if len(places) == 1:
                found[own] = exactly(self.alone(places[0], move))
            else:
                rows = [
                    wide(self.worth(places[0].holder, {id(p.name): v for p in places}), self.points)
                    for v in move.variants
                ]
                found[own] = exactly(np.stack(rows))
        return found

    def under(self, move: Move) -> tuple[Array, dict[int, Spot]]:
        """Return what the side and its parts are worth under each variant of a move: (variants, points)."""
        own = id(move)
        if own not in self._under:
            found = {id(s.node): s for s in spots(self.node, self._putting(self.put(move)))}
            whole = found[id(self.node)].value
            self._under[own] = (whole, found)
        return self._under[own]

    def whole(self, put: Mapping[int, Val]) -> Array:
        """Return what the side is worth with values put in; not a number where one leaves it without a value."""
        try:
            return self._putting(put).value(self.node, {}).value
        except (NoMeaning, NotJudged, ShapesClash):  # as where a divisor becomes 0
            return np.full(np.broadcast_shapes(*(value.value.shape for value in put.values())), np.nan)

    def _putting(self, put: Mapping[int, Val]) -> Interpreter:
        own = self.interpreter
        return Interpreter(own.numbers, own.reading, bindings=own.bindings, put=put, total=own.total, layers=own.layers)


def _plain(name: Name) -> bool:
    """Return whether a name's indices are all numbers."""
    above = "" if name.sup.strip("()[]") == "L" else name.sup
    return all(not character.isalpha() for character in name.sub + above + name.suffix)


def places_of(node: Node) -> Iterator[Place]:
    """Yield the names of a side that have indices, each with what it changes."""
    if isinstance(node, Name):
        yield Place(node, node)
    elif isinstance(node, Derivative):
        for part in (unbracketed(node.of), unbracketed(node.by)):
            if isinstance(part, Name):
                yield Place(part, node)
    else:
        for part in inside(node):
            yield from places_of(part)


def chosen(move: Move, choice: int) -> Sequence[tuple[Name, Variant]]:
    """Return the renames of one variant of a move."""
    return [(place.name, move.variants[choice]) for place in move.places]
