"""The smallest set of slips that explains gradients: hypotheses, tested by numbers against the changed derivation.

The parameters are looked at in the order of the derivation, from the loss back. The first one that is wrong can only
be so by a slip at its own statement or at one before it that leads to it, and a slip that would spoil a parameter that
is right is none. What explains most is tried first, on all batches; several slips are found one after another.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.algebra import atoms
from chainrule.derive import owner
from chainrule.export.pieces import array_name
from chainrule.expr import Partial
from chainrule.judge.code.factors import Law, law_of
from chainrule.judge.code.flow import Change, Flow
from chainrule.judge.code.slips import Slip, Statements, all_slips
from chainrule.network import Network
from chainrule.program import Statement
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import array_key, symbol_key

Array = NDArray[Any]
Gradients = Mapping[str, Array]

TOLERANCE = 1e-6
"""How far a gradient may be from the derivation's, relative to the largest entry of either."""
IMPRECISE = 1e-3
"""Gradients that no slip explains and that are no further off than this are imprecise."""
MOST_STATES = 40
"""How many partial explanations are followed."""
NAMELESS = 8.0
"""What a parameter costs that no slip explains."""
LIKELY = 0.45
"""How unusual a slip may be that is sought together with a second one."""
ENOUGH = 3
"""How many explanations of one parameter are followed."""


def close(one: Array, other: Array, tolerance: float = TOLERANCE) -> bool:
    """Return whether two arrays are equal up to a tolerance, relative to their largest entry."""
    return difference(one, other) <= tolerance


def difference(one: Array, other: Array) -> float:
    """Return the largest difference of two arrays, relative to the largest entry of either; inf where not a number.

    Example:
        >>> difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
        0.2
    """
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    size = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return 0.0 if size < 1e-13 else float(np.abs(one - other).max(initial=0)) / size


@dataclass(frozen=True, eq=False)
class Found:
    """A slip that explains something.

    Attributes:
        slip: what is wrong.
        law: the factor, where it is about one.
    """

    slip: Slip
    law: Law | None = None


@dataclass(frozen=True)
class Explanation:
    """What was found.

    Attributes:
        found: the slips, in the order in which they were found.
        nameless: parameters that are wrong and that no slip explains.
        blamed: for each parameter that is wrong, the slips that made it so.
        predicted: the gradients with the slips, for each batch.
    """

    found: tuple[Found, ...]
    nameless: tuple[str, ...]
    blamed: Mapping[str, tuple[Found, ...]]
    predicted: tuple[Gradients, ...]

    @property
    def open(self) -> bool:
        """Whether something is wrong that has no name."""
        return bool(self.nameless) or any(found.slip.kind == "unknown" for found in self.found)

    @property
    def cost(self) -> float:
        """How much was to be assumed."""
        return sum(1 + found.slip.cost for found in self.found) + NAMELESS * len(self.nameless)


@dataclass(frozen=True)
class _State:
    flows: tuple[Flow | None, ...]
    found: tuple[Found, ...]
    nameless: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def cost(self) -> float:
        return sum(1 + found.slip.cost for found in self.found) + NAMELESS * len(self.nameless)


class Search:
    """One search.

    Args:
        net: the figure.
        flows: the derivation on each batch.
        given: the gradients of the function on each batch, in the page's layout.
        masks: where a parameter's gradient is compared; where it is not in here, everywhere.
        seconds: how long to look, in time of the processor.
        batched: whether the batches have several samples, so that a factor of n can be told from another.
        tolerance: how far a gradient may be off.
    """

    def __init__(
        self,
        net: Network,
        flows: Sequence[Flow],
        given: Sequence[Gradients],
        *,
        seconds: float,
        masks: Mapping[str, Array],
        tolerance: float = TOLERANCE,
    ) -> None:
        self.net = net
        self.flows = tuple(flows)
        self.given = tuple(given)
        self.masks = masks
        self.tolerance = tolerance
        self.end = time.process_time() + seconds
        self._slips: dict[tuple[object, ...], dict[tuple[str, str, str], Slip]] = {}
        self._kept: list[tuple[Statement, ...]] = []  # whose slips are remembered by their id, which must stay theirs

    # Comparing

    def fits(self, name: str, gradients: Sequence[Gradients | None]) -> bool:
        """Return whether gradients of each batch are the given ones for a parameter."""
        return all(
            gradients_ is None or self._close(name, given[name], gradients_[name])
            for given, gradients_ in zip(self.given, gradients, strict=True)
        )

    def _close(self, name: str, one: Array, other: Array) -> bool:
        mask = self.masks.get(name)
        return close(one, other, self.tolerance) if mask is None else close(one * mask, other * mask, self.tolerance)

    # The walk

    def run(self, *, pairs: bool = False) -> Explanation:
        """Return the smallest explanation that was found in time.

        Args:
            pairs: whether to look for two slips at once too, where no single one explains a parameter; this takes long.
        """
        start = _State(self.flows, (), (), self._wrong(self.flows, ()))
        count = itertools.count()
        queue: list[tuple[float, int, _State]] = [(0.0, next(count), start)]
        best = start
        for _ in range(MOST_STATES):
            if not queue:
                break
            _, _, state = heapq.heappop(queue)
            best = state
            if not state.wrong:
                break
            if time.process_time() > self.end:
                best = _State(state.flows, state.found, (*state.nameless, *state.wrong), ())
                break
            for other in self._next(state, pairs):
                # What is still wrong costs one more slip at least.
                heapq.heappush(queue, (other.cost + bool(other.wrong), next(count), other))
        if best.wrong:
            best = _State(best.flows, best.found, (*best.nameless, *best.wrong), ())
        return self._explanation(best)

    def imprecise(self) -> Explanation | None:
        """Return that all which is wrong is nearly right, and so has no slip in it; None where it is not."""
        gradients = [flow.gradients() for flow in self.flows]
        near = Search(self.net, self.flows, self.given, seconds=0.0, masks=self.masks, tolerance=IMPRECISE)
        if not all(near.fits(name, gradients) for name in self.order):
            return None
        return Explanation((), self._wrong(self.flows, ()), {}, tuple(gradients))

    def _wrong(self, flows: Sequence[Flow | None], but: Sequence[str]) -> tuple[str, ...]:
        gradients = [None if flow is None else flow.gradients() for flow in flows]
        return tuple(name for name in self.order if name not in but and not self.fits(name, gradients))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The parameters in the order of the derivation, from the loss back."""
        found = (
            array_name(s.target.by) for s in self.flows[0].statements
            if isinstance(s.target, Partial) and owner(s.target).symbol.kind in ("w", "b")
        )  # fmt: skip
        return tuple(dict.fromkeys(found))

    def _next(self, state: _State, pairs: bool) -> list[_State]:
        """Return the states after one more step: the best slips for the first parameter that is wrong."""
        name = state.wrong[0]
        found = sorted(self._explaining(state, name), key=lambda other: (len(other.wrong), other.cost))
        if found:
            fewest = len(found[0].wrong)
            cheapest = min(found, key=lambda other: other.cost)
            kept = [other for other in found if len(other.wrong) == fewest][:3]
            return [*kept, *([cheapest] if all(cheapest is not other for other in kept) else [])]
        together = self._pairs(state, name) if pairs else []
        if together:
            return together
        without = _State(state.flows, state.found, (*state.nameless, name), state.wrong[1:])
        return [*self._recovered(state, name), without]

    def _explaining(self, state: _State, name: str) -> Iterator[_State]:
        """Yield the states with one slip more, after which a parameter fits and none that was right is wrong."""
        for key in self._before(state, name):
            yield from self._at(state, key, name)

    def _at(self, state: _State, key: Key, name: str) -> Iterator[_State]:
        """Yield the same for the slips at one array."""
        first = next(number for number, flow in enumerate(state.flows) if flow is not None)
        flow = state.flows[first]
        assert flow is not None
        for slip in self._slips_of(flow, key).values():
            if time.process_time() > self.end:
                return
            # On one batch, and for one parameter: most slips end here.
            c = self._fitted(flow, slip, name, first) if slip.fitted else 1.0
            if c is None or not self._close(name, self.given[first][name], flow.one_with_change(name, slip.change, c)):
                continue
            bundle = [None if f is None else self._slips_of(f, key).get(slip.id) for f in state.flows]
            found = self._tried(state, bundle, name)
            if found is not None:
                yield found

    def _tried(self, state: _State, bundle: Sequence[Slip | None], name: str) -> _State | None:
        """Return the state with a slip where it explains a parameter on all batches and spoils none."""
        slip = next(slip for slip in bundle if slip is not None)
        factors = [1.0] * len(bundle)
        law = None
        if slip.fitted:
            for number, (flow, mine) in enumerate(zip(state.flows, bundle, strict=True)):
                if flow is not None and mine is not None:
                    c = self._fitted(flow, mine, name, number)
                    if c is None:
                        return None
                    factors[number] = c
            active = [number for number, flow in enumerate(state.flows) if flow is not None]
            law = law_of(
                slip, [factors[at] for at in active], [self.flows[at].samples for at in active], self.tolerance
            )
            if law is None:
                return None
        gradients: list[Gradients | None] = []
        for flow, mine, c, given in zip(state.flows, bundle, factors, self.given, strict=True):
            if flow is None:
                gradients.append(None)
                continue
            found = flow.gradients() if mine is None else flow.with_change(mine.change, c)
            if not self._close(name, given[name], found[name]):
                return None
            gradients.append(found)
        right = [n for n in self.order if n not in state.nameless and n not in state.wrong]
        if not all(self.fits(other, gradients) for other in right):
            return None
        wrong = tuple(n for n in state.wrong if not self.fits(n, gradients))
        return _State(self._moved(state, bundle, factors), (*state.found, Found(slip, law)), state.nameless, wrong)

    def _moved(self, state: _State, bundle: Sequence[Slip | None], factors: Sequence[float]) -> tuple[Flow | None, ...]:
        return tuple(
            flow if flow is None or mine is None else flow.changed(mine.change, c)
            for flow, mine, c in zip(state.flows, bundle, factors, strict=True)
        )

    def _fitted(self, flow: Flow, slip: Slip, name: str, number: int) -> float | None:
        """Return the number of a slip that makes a parameter fit a batch best; it enters linearly."""
        mask = self.masks.get(name, 1.0)
        zero = flow.one_with_change(name, slip.change, 0.0) * mask
        step = flow.gradients()[name] * mask - zero
        size = float((step * step).sum())
        if not np.isfinite(size) or size < 1e-26:
            return None
        c = float(((self.given[number][name] * mask - zero) * step).sum()) / size
        return c if np.isfinite(c) else None

    # What leads where

    def _before(self, state: _State, name: str) -> list[Key]:
        """Return the arrays whose slip may make a parameter wrong: its own, and those before it, from near to far.

        Those that go straight into a parameter that is right are left out: they are right.
        """
        statements = self.flows[0].statements
        feeds = self._feeds
        own = next(
            array_key(s.target) for s in statements if isinstance(s.target, Partial) and array_name(s.target.by) == name
        )
        right = {key for n, key in self._parameter_keys.items() if n not in state.wrong and n not in state.nameless}
        innocent = {key for r in right for key in feeds[r]}
        todo, seen = [own], {own: None}
        while todo:
            for key in feeds[todo.pop(0)]:
                if key not in seen and key not in innocent:
                    seen[key] = None
                    todo.append(key)
        places = {key: place for place, key in enumerate(feeds)}
        return [own, *sorted((key for key in seen if key != own), key=lambda key: -places[key])]

    @cached_property
    def _parameter_keys(self) -> dict[str, Key]:
        return {
            array_name(s.target.by): array_key(s.target) for s in self.flows[0].statements
            if isinstance(s.target, Partial) and owner(s.target).symbol.kind in ("w", "b")
        }  # fmt: skip

    @cached_property
    def _feeds(self) -> dict[Key, set[Key]]:
        """The computed arrays that each array is computed from."""
        statements = self.flows[0].statements
        computed = {array_key(s.target) for s in statements}
        found: dict[Key, set[Key]] = {}
        for s in statements:
            used = {array_key(atom) for atom in atoms(s.expr)} & computed
            found.setdefault(array_key(s.target), set()).update(used)
        return found

    def _slips_of(self, flow: Flow, key: Key) -> dict[tuple[str, str, str], Slip]:
        # Slips at an array are those of its statements; what has changed elsewhere does not matter.
        mine = tuple(flow.statements[place] for place in flow.own(key))
        own = (flow.samples, flow.seed, key, tuple(map(id, mine)))
        if own not in self._slips:
            statements = Statements(self.net, flow.statements)
            slips = [] if key == symbol_key_of_loss(flow) else all_slips(statements, key)
            self._slips[own] = {slip.id: slip for slip in slips}
            self._kept.append(mine)
        return self._slips[own]

    # Two at once, and none that has a name

    def _pairs(self, state: _State, name: str) -> list[_State]:
        """Return states with two slips more that explain a parameter together."""
        found: list[_State] = []
        keys = self._before(state, name)
        first = next(flow for flow in state.flows if flow is not None)
        for at, key in reversed(list(enumerate(keys))):
            for slip in self._slips_of(first, key).values():
                if time.process_time() > self.end or len(found) >= ENOUGH:
                    break
                if slip.fitted or slip.cost > LIKELY:
                    continue
                bundle = [None if f is None else self._slips_of(f, key).get(slip.id) for f in state.flows]
                flows = self._moved(state, bundle, [1.0] * len(bundle))
                middle = _State(flows, (*state.found, Found(slip)), state.nameless, state.wrong)
                for other in keys[: at + 1]:
                    found += self._at(middle, other, name)
        return sorted(found, key=lambda other: (len(other.wrong), other.cost))[:ENOUGH]

    def _recovered(self, state: _State, name: str) -> Iterator[_State]:
        """Yield the state in which ∂loss/∂z is what the gradient says it was taken for, where that can be told."""
        key = self._parameter_keys[name]
        behind = [
            k for k in self._feeds[key] if isinstance(k, tuple) and len(k) == 2 and k in self._before(state, name)
        ]
        if len(behind) != 1:
            return
        (own,) = behind
        flows: list[Flow | None] = []
        shown: Slip | None = None
        for flow, given in zip(state.flows, self.given, strict=True):
            found = None if flow is None else _delta(flow, name, given[name], own)
            if flow is None or found is None:
                flows.append(None)
                continue
            place = flow.own(own)[-1]
            change = Change({}, {place: lambda run, k, c, d=found: _set(k, d)})  # type: ignore[misc]
            shown = Slip("unknown", f"d{_named(own)}", "", change, {}, NAMELESS - 2.5)
            flows.append(flow.changed(change))
        if shown is not None:
            wrong = self._wrong(flows, state.nameless)
            if name not in wrong and set(wrong) <= set(state.wrong):
                yield _State(tuple(flows), (*state.found, Found(shown)), state.nameless, wrong)

    # What comes out

    def _explanation(self, state: _State) -> Explanation:
        blamed = {}
        first = self._wrong(self.flows, ())
        reach = {found: self._reached(found.slip.name) for found in state.found}
        for name in first:
            blamed[name] = tuple(found for found in state.found if name in reach[found])
        predicted = tuple((flow or start).gradients() for flow, start in zip(state.flows, self.flows, strict=True))
        return Explanation(state.found, state.nameless, blamed, predicted)

    def _reached(self, name: str) -> set[str]:
        """Return the parameters that an array leads to."""
        statements = self.flows[0].statements
        start = {array_key(s.target) for s in statements if array_name(s.target) == name}
        reached = set(start)
        for key, used in self._feeds.items():  # in the order in which they are computed
            if used & reached:
                reached.add(key)
        return {n for n, key in self._parameter_keys.items() if key in reached}


def symbol_key_of_loss(flow: Flow) -> Key:
    """Return the key of the loss, at whose statement nothing can go wrong that a gradient shows."""
    return symbol_key(owner(flow.root).symbol)


def _named(key: Any) -> str:
    from chainrule.expr import Ref, Symbol

    kind, layer, source = key[1]
    return array_name(Ref(Symbol(kind, (), layer, source)))


def _set(key: Key, array: Array) -> Run:
    def assign(store: Store) -> None:
        store[key] = array

    return assign


def _delta(flow: Flow, name: str, given: Array, key: Any) -> Array | None:
    """Return the ∂loss/∂z that makes a gradient of weights or biases what it is, or None where several would."""
    right = flow.store[key]
    if right.ndim != 2:
        return None
    if name.startswith("b"):
        return given.reshape(1, -1).copy() if flow.samples == 1 and given.size == right.shape[1] else None
    symbol = flow.parameters[name]
    before = "X" if symbol.source == 0 else f"A_{symbol.source}"
    inputs = flow.numbers.get(before)
    if inputs is None or not np.isfinite(given).all() or np.linalg.matrix_rank(inputs) < flow.samples:
        return None
    found = np.linalg.lstsq(inputs.T, given, rcond=None)[0]
    if found.shape != right.shape or not close(inputs.T @ found, given):
        return None
    return np.asarray(found)
