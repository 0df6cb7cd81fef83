"""Repairs that change indices only: one name, one name at all its places, two names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.expr import Ref
from chainrule.judge.fixes import Fix, renamed
from chainrule.judge.moves import FURTHER, Move, Moves, chosen
from chainrule.judge.needed import close, exactly

Array = np.ndarray[Any, Any]

MOST_PAIRS = 900
"""The most pairs of names that are tried together on one side."""

MOST_TOGETHER = 1_600
"""The most pairs of variants that are computed at once."""


def one_name(moves: Moves, target: Array, source: str, markup: str) -> Iterator[Fix]:
    """Yield the fixes that give one name other indices, at one place or at all of them."""
    gap = target - moves.spots[id(moves.node)].value
    for move in moves.singles:
        place = move.places[0]
        spot = moves.spots.get(id(place.holder))
        if spot is None:
            hits = close(moves.whole(moves.put(move)), target)
        elif (needed := spot.needed(gap)) is not None:
            hits = close(moves.alone(place, move), needed)
        else:
            continue
        yield from _fixes(move, hits, source, markup)
    for move in moves.groups:
        yield from _fixes(move, close(moves.whole(moves.put(move)), target), source, markup)


def _fixes(move: Move, hits: Array, source: str, markup: str) -> Iterator[Fix]:
    for choice in np.flatnonzero(hits):
        yield renamed(move.cost(int(choice)), chosen(move, int(choice)), source, markup)


def both_names(moves: Moves, target: Array, source: str, markup: str) -> Iterator[Fix]:
    """Yield the fixes that give both names of one derivative other indices."""
    gap = target - moves.spots[id(moves.node)].value
    by_holder: dict[int, list[Move]] = {}
    for move in moves.singles:
        by_holder.setdefault(id(move.places[0].holder), []).append(move)
    for own, pair in by_holder.items():
        spot = moves.spots.get(own)
        if len(pair) != 2 or spot is None or (needed := spot.needed(gap)) is None:
            continue
        of, by = pair
        names = of.places[0].name, by.places[0].name
        if len(of.variants) * len(by.variants) > MOST_TOGETHER:
            continue
        for above in of.variants:
            for below in by.variants:
                if not isinstance(above.what, Ref) or not isinstance(below.what, Ref):
                    continue
                worth = moves.worth(spot.node, {id(names[0]): above, id(names[1]): below})
                if bool(close(worth, needed)):
                    cost = 2 + FURTHER * (above.changed + below.changed - 2)
                    yield renamed(cost, [(names[0], above), (names[1], below)], source, markup)


def two_names(moves: Moves, target: Array, source: str, markup: str) -> Iterator[Fix]:
    """Yield the fixes that give two names other indices, each at one place or at all of its places."""
    every = [*moves.groups, *moves.singles]
    tried = 0
    for number, first in enumerate(every):
        for second in every[number + 1 :]:
            if first.meets(second) or tried >= MOST_PAIRS:
                continue
            tried += 1
            hits = _together(moves, first, second, target)
            for one, other in np.argwhere(hits):
                cost = first.cost(int(one)) + second.cost(int(other))
                yield renamed(cost, [*chosen(first, int(one)), *chosen(second, int(other))], source, markup)


def _together(moves: Moves, first: Move, second: Move, target: Array) -> Array:
    """Return which pairs of variants make the side worth its target: (first, second)."""
    for one, other, turned in ((first, second, False), (second, first, True)):
        if not other.single:
            continue
        whole, found = moves.under(one)
        spot = found.get(id(other.places[0].holder))
        if spot is None or not np.any(spot.slope):
            continue
        needed = spot.needed(target - whole)
        if needed is None:
            return np.zeros((len(first.variants), len(second.variants)), dtype=bool)
        candidates = moves.alone(other.places[0], other)
        needed = np.broadcast_to(needed, (len(one.variants), moves.points))
        hits = close(needed[:, None, :], candidates[None, :, :])
        return hits.T if turned else hits
    shape = (len(first.variants), len(second.variants))
    if shape[0] * shape[1] > MOST_TOGETHER:
        return np.zeros(shape, dtype=bool)
    put = {}
    for own, val in moves.put(first).items():
        put[own] = exactly(np.repeat(val.value, shape[1], axis=0))
    for own, val in moves.put(second).items():
        put[own] = exactly(np.tile(val.value, (shape[0], 1)))
    return close(moves.whole(put), target).reshape(shape)
