"""What a part of a side would have to be worth for the whole side to be right.

A side is affine in each of its parts that stands in sums and products only: side = slope · part + rest. So the value
that a part needs follows from the gap to the target, without trying anything; what has that value is then looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.judge.meaning import Interpreter, Val
from chainrule.judge.syntax import Condition, Group, Negated, Node, Quotient, Times, Total

Array = np.ndarray[Any, Any]

CLOSE = 1e-9
"""How near two values are, relative to both, for one to be looked up as the other; what is found is judged again."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of a side.

    Attributes:
        node: the part.
        value: what it is worth, (points,), or (candidates, points) where candidates are put in.
        slope: how much the side changes with it; 1 for the side itself.
        above: the node it stands in, or None for the side itself.
        place: which child of that node it is.
    """

    node: Node
    value: Array
    slope: Array
    above: Node | None
    place: int

    def needed(self, gap: Array) -> Array | None:
        """Return the value that closes a gap, or None where this part cannot close it.

        It is no number where the side neither changes with this part nor has a gap.
        """
        with np.errstate(all="ignore"):
            found = self.value + gap / self.slope
        return found if np.isfinite(found).any() else None


def spots(node: Node, interpreter: Interpreter) -> Iterator[Spot]:
    r"""Yield a side and every part of it in which it is affine.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.judge.court import Court
        >>> from chainrule.judge.parse import read_formula
        >>> from chainrule.judge.reading import Reading
        >>> from chainrule.judge.readings import letters_for
        >>> (chain,) = read_formula("pred = a_1^2 \\cdot (1 + w_{11}^3)")
        >>> court = Court(Network.read("2-3-2-1"), Reading(letters_for(())))
        >>> [type(spot.node).__name__ for spot in spots(chain.sides[1].node, court.interpreter(chain))]
        ['Times', 'Name', 'Group', 'Total', 'Literal', 'Name']
    """
    values: dict[int, Array] = {}
    _measure(node, interpreter, values)
    yield from _descend(node, np.ones(1), None, 0, values)


def _measure(node: Node, interpreter: Interpreter, values: dict[int, Array]) -> Array:
    """Compute the value of a node from those of its parts, all of which are kept."""
    put = interpreter.put.get(id(node))
    if put is not None:
        found = put.value
    elif isinstance(node, Negated):
        found = -_measure(node.body, interpreter, values)
    elif isinstance(node, Group):
        condition = isinstance(node.body, Condition)
        found = interpreter.value(node, {}).value if condition else _measure(node.body, interpreter, values)
    elif isinstance(node, Total | Times):
        parts = node.terms if isinstance(node, Total) else node.factors
        found = _measure(parts[0], interpreter, values)
        for part in parts[1:]:
            more = _measure(part, interpreter, values)
            found = found + more if isinstance(node, Total) else found * more
    elif isinstance(node, Quotient):
        with np.errstate(all="ignore"):
            found = _measure(node.above, interpreter, values) / interpreter.value(node.below, {}).value
    else:
        found = interpreter.value(node, {}).value
    values[id(node)] = found
    return found


def _descend(node: Node, slope: Array, above: Node | None, place: int, values: dict[int, Array]) -> Iterator[Spot]:
    yield Spot(node, values[id(node)], slope, above, place)
    if isinstance(node, Negated):
        yield from _descend(node.body, -slope, node, 0, values)
    elif isinstance(node, Group) and id(node.body) in values:
        yield from _descend(node.body, slope, node, 0, values)
    elif isinstance(node, Total):
        for position, term in enumerate(node.terms):
            yield from _descend(term, slope, node, position, values)
    elif isinstance(node, Times):
        for position, factor in enumerate(node.factors):
            others = slope
            for number, other in enumerate(node.factors):
                if number != position:
                    others = others * values[id(other)]
            yield from _descend(factor, others, node, position, values)
    elif isinstance(node, Quotient):
        with np.errstate(all="ignore"):
            below = values[id(node.above)] / values[id(node)]
            yield from _descend(node.above, slope / below, node, 0, values)


def close(one: Array, other: Array) -> Array:
    """Return where two arrays agree at every point: over the last axis.

    What is no number at a point agrees with anything there: behind a dead ReLU a part may be worth whatever it likes.
    At one point at least there are numbers.
    """
    if one.ndim == other.ndim == 1:
        first, second = float(one[0]), float(other[0])
        if abs(first - second) > CLOSE * (abs(first) + abs(second)):  # most are told apart by one point
            return _FAR
    with np.errstate(all="ignore"):
        gap = abs(one - other)
        near = (gap <= CLOSE * (abs(one) + abs(other))) & (gap < np.inf)
    return np.asarray((near | np.isnan(gap)).all(axis=-1) & near.any(axis=-1))


_FAR = np.asarray(False)


def wide(value: Array, points: int) -> Array:
    """Return a value at every point, where it may be one number for all of them."""
    return value if value.shape == (points,) else np.broadcast_to(value, (points,))


def exactly(value: Array) -> Val:
    """Return a value that is as large as its size."""
    return Val(value, abs(value))
