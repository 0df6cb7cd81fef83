"""The random points of a World: where weights, biases, inputs and targets are drawn.

They are drawn without looking at the document, the same for the same network. Half of the first ones are all positive:
every ReLU is active there, and a chain through many layers is alive.

Where slopes jump, what is written for one side of a kink is wrong on the other, and a slip is seen only at a point on
the side in question at which the loss still depends on the unit. Such points are made, not waited for: the sign of a
unit's z is turned by turning the signs of its row of weights and of its bias, layer by layer, so that one unit is off
while all others are on; for each unit in turn that tells it from all the others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.expr import Symbol
from chainrule.rules import LOSSES
from chainrule.values.plan import array_key, support, symbol_key

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.program import Program
    from chainrule.values.contract import Key, Run, Store

Array = np.ndarray[Any, Any]

MOST_POINTS = 32
"""How many points there are at most, where slopes jump."""

MOST_TRIED = 2
"""How often a point is drawn for one side of a kink; what is not reached then is let be."""

MOST_TARGETS = 6
"""How many points are drawn in search of the other sides of the loss's kinks."""

MOST_PAIRED = 12
"""How many units of a layer are told apart by the sides that they are on."""

MOST_ALONE = 24
"""How many units can be off one at a time; of more, several are at once."""

MOST_MIRRORED = 16
"""How many points of units that are off are taken on the other side of the loss's kink too."""

ALSO_OFF = 0.25
"""The share of units that are off beside the one in question where there are many."""

KINK = 1e-3
"""A number closer than this to a kink is drawn again."""

BESIDE = 0.01
"""How close to a kink of the loss a point lies that is put there."""

_SMOOTH = frozenset(("identity", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish", "softmax"))

_FLAT_BEYOND = {"hard_tanh": 1.0, "hard_sigmoid": 3.0}
"""Activations that are flat on both sides, beyond so much; those of others have their kink at 0."""

Unit = tuple[int, int]
"""A layer and a unit in it, counted from 0."""


class Points:
    """Draws the points of a network.

    Args:
        net: the network.
        program: its forward statements.
        runs: the functions that compute forward and reverse statements, in order.
        seed: what is drawn.
    """

    def __init__(self, net: Network, program: Program, runs: Sequence[tuple[Key, Run]], seed: int) -> None:
        self.net = net
        self.program = program
        self.seed = seed
        forward = len(program.statements)
        self.root = program.root
        self._forward, self._reverse = runs[:forward], runs[forward:]

    def drawn(self, count: int) -> list[Store]:
        """Return so many points, and more where slopes jump."""
        found = [self._point(number) for number in range(count)]
        stores = [store for store in found if store is not None]
        if self._bent:
            steered = len(stores)
            self._cover_units(stores)
            self._mirror(stores, steered)
        if self._bent_loss:
            self._cover_loss(stores)
            self._add_beside_kinks(stores)
        return stores

    @cached_property
    def _bent(self) -> frozenset[Unit]:
        """The units whose slopes jump, so that what is written for one side of a kink is wrong on the other."""
        return frozenset(
            (level, unit)
            for level, layer in enumerate(self.net.layers, start=1)
            for unit in range(min(layer.size, MOST_PAIRED))
            if layer.activation(unit + 1).name not in _SMOOTH
        )

    @property
    def _bent_loss(self) -> bool:
        return self.net.loss.name in ("mae", "huber", "hinge")

    # One point

    def _point(self, number: int, off: frozenset[Unit] | None = None) -> Store | None:
        """Return the arrays of one point; numbers too close to a kink are drawn again.

        Args:
            number: which point; every second one has positive weights and inputs only.
            off: the units on the far side of their kinks, all others being on the near one; without it they lie as
                they fall. None is returned where that cannot be had.
        """
        attempts = 40 if off is None else 2
        for attempt in range(attempts):
            random = np.random.default_rng([self.seed, number, attempt])
            store = self._numbers(random, positive=number % 2 == 0 or self._must_be_positive)
            with np.errstate(all="ignore"):
                if off is None:
                    self._run(self._forward, store)
                else:
                    self._steer(store, off, random)
                if self._must_be_positive:
                    self._bring_into_unit(store, random)
                if not self._acceptable(store) and (off is not None or attempt < attempts - 1):
                    continue
                self._run(self._reverse, store)
            return store
        return None

    @staticmethod
    def _run(runs: Sequence[tuple[Key, Run]], store: Store) -> None:
        for _, run in runs:
            run(store)

    @cached_property
    def _must_be_positive(self) -> bool:
        """Whether the outputs have to be scaled into (0, 1) for the loss to have a value."""
        inside = {"sigmoid", "softmax", "hard_sigmoid"}
        needs = self.net.loss.name in ("binary_cross_entropy", "cross_entropy", "cross_entropy_index")
        return needs and not {a.name for a in self.net.layers[-1].activations} <= inside

    def _numbers(self, random: np.random.Generator, *, positive: bool) -> Store:
        """Return what is given at a point."""
        store: Store = {}
        for symbol in self.program.parameters:
            shape = tuple(dim.size or 0 for dim in symbol.dims)
            fan_in = shape[1] if symbol.kind == "w" else 1
            array = random.uniform(0.4, 1.6, shape)
            if symbol.kind == "b":
                array *= 0.25
            elif positive:
                array *= 1.1 / fan_in
            else:
                array *= 1.1 / math.sqrt(fan_in)
            if not positive:
                array *= random.choice((-1.0, 1.0), shape)
            store[symbol_key(symbol)] = array * support(symbol)
        x, true = self.program.data
        shape = tuple(dim.size or 0 for dim in x.dims)
        inputs = random.uniform(0.3, 1.5, shape)
        store[symbol_key(x)] = inputs if positive else inputs * random.choice((-1.0, 1.0), shape)
        store[symbol_key(true)] = self._targets(random, true)
        return store

    def _targets(self, random: np.random.Generator, true: Symbol) -> Array:
        row = LOSSES[self.net.loss.name]
        shape = tuple(dim.size or 0 for dim in true.dims)
        if row.class_index:
            return random.integers(1, len(self.net.output_units) + 1, shape).astype(np.float64)
        if row.targets == "sign":
            return random.choice((-1.0, 1.0), shape)
        if row.targets == "probability":
            return random.uniform(0.1, 0.9, shape)
        if row.targets in ("distribution", "shares"):
            parts = random.uniform(0.2, 1.0, shape)
            return np.asarray(parts / parts.sum(axis=1, keepdims=True))
        return random.uniform(-1.7, 1.7, shape)

    def _bring_into_unit(self, store: Store, random: np.random.Generator) -> None:
        """Scale what leads into the outputs so that each is between 0 and 1."""
        depth = self.net.depth
        for _ in range(8):
            pred = store["pred", None, None]
            largest = np.abs(pred).max(axis=0)
            if (largest < 0.95).all():
                return
            factor = random.uniform(0.5, 0.8, largest.shape) / largest
            for symbol in self.program.parameters:
                if symbol.layer == depth and len(factor) == (symbol.dims[0].size or 0):
                    array = store[symbol_key(symbol)]
                    store[symbol_key(symbol)] = array * (factor[:, None] if symbol.kind == "w" else factor)
            self._run(self._forward, store)

    def _acceptable(self, store: Store) -> bool:
        """Return whether every number is finite and none is at a kink of its function."""
        for statement in self.program.statements:
            array = store[array_key(statement.target)]
            if not np.all(np.isfinite(array)):
                return False
        for level, layer in enumerate(self.net.layers, start=1):
            if all(a.name in _SMOOTH for a in layer.activations):
                continue
            z = store.get(("z", level, None))
            if z is not None and any(np.abs(np.abs(z) - kink).min() < KINK for kink in (0.0, 1.0, 3.0)):
                return False
        pred, true = store["pred", None, None], store["true", None, None]
        name = self.net.loss.name
        if name in ("mae", "huber", "hinge") and pred.shape == true.shape:
            parameter = self.net.loss.parameter or 1.0
            gap = 1 - pred * true if name == "hinge" else np.abs(pred - true) - (parameter if name == "huber" else 0)
            return bool(np.abs(gap).min() > KINK)
        return True

    # Kinks of units

    def _steer(self, store: Store, off: frozenset[Unit], random: np.random.Generator) -> None:
        """Compute the forward statements so that some units are off, at one of the samples, and the other bent ones on.

        A row of weights is turned, or made longer or shorter, where its unit is on the wrong side.
        """
        x, _ = self.program.data
        sample = int(random.integers(len(store[symbol_key(x)])))
        for key, group in itertools.groupby(self._forward, key=lambda run: run[0]):
            runs = list(group)
            self._run(runs, store)
            level = self._levels.get(key)
            if level is None or store[key].ndim != 2:
                continue
            factors = np.ones(store[key].shape[1])
            for unit, z in enumerate(store[key][sample]):
                if (level, unit) in self._bent or (level, unit) in off:
                    factors[unit] = self._turning(level, unit, float(z), (level, unit) in off, random)
            if (factors != 1).any():
                for symbol in self.program.parameters:
                    if symbol.layer == level and len(factors) == (symbol.dims[0].size or 0):
                        array = store[symbol_key(symbol)]
                        store[symbol_key(symbol)] = array * (factors[:, None] if symbol.kind == "w" else factors)
                self._run(runs, store)

    def _turning(self, level: int, unit: int, z: float, off: bool, random: np.random.Generator) -> float:
        """Return by what a z is multiplied so that its unit is off or on."""
        bound = _FLAT_BEYOND.get(self.net.layers[level - 1].activation(unit + 1).name)
        if bound is None:
            return -1.0 if (z <= 0) != off else 1.0
        if (abs(z) > bound) == off or z == 0:
            return 1.0
        return bound * float(random.uniform(*((1.1, 1.6) if off else (0.3, 0.9)))) / abs(z)

    @cached_property
    def _levels(self) -> Mapping[Key, int]:
        """Of which layer the arrays are that hold a z: pred is one where the output is linear."""
        symbols = self.program.symbols
        found: dict[Key, int] = {("z", level, None): level for level in range(1, self.net.depth + 1)}
        if ("z", self.net.depth, None) not in symbols:
            found["pred", None, None] = self.net.depth
        return found

    def _cover_units(self, stores: list[Store]) -> None:
        """Add points until each unit has been off while the others were on.

        A side counts where the loss still depends on the unit; what no point reaches is let be.
        """
        sizes = {level: z.shape[1] for level, z in self._before(stores[0])}
        units = [(level, unit) for level, size in sizes.items() for unit in range(min(size, MOST_PAIRED))]
        units.sort(key=lambda unit: unit not in self._bent)
        seen: set[object] = set()
        for store in stores:
            seen |= self._sides(store)
        steered: set[object] = set()
        many = len(units) > MOST_ALONE
        for place, unit in enumerate(units):
            known = seen if many or unit not in self._bent else steered
            wanted: set[object] = {(other, unit) for other in self._bent if other != unit}
            wanted |= {unit} if unit in self._bent else set()
            for attempt in range(MOST_TRIED):
                if wanted <= known:
                    break
                if len(stores) >= MOST_POINTS:
                    return
                number = 1001 + 2 * (MOST_TRIED * place + attempt)
                off = frozenset((unit, *self._also_off(number, units))) if many else frozenset((unit,))
                made = self._point(number, off)
                if made is None:
                    continue
                sides = self._sides(made)
                if sides - seen or sides & (wanted - known):
                    seen |= sides
                    steered |= sides
                    stores.append(made)

    def _also_off(self, number: int, units: Sequence[Unit]) -> Iterator[Unit]:
        """Yield a share of some units."""
        random = np.random.default_rng([self.seed, number])
        return (unit for unit, drawn in zip(units, random.random(len(units)), strict=True) if drawn < ALSO_OFF)

    def _sides(self, store: Store) -> set[object]:
        """Return which bent units are off at a point where it matters, and which other ones are off while they are on.

        What could stand in a unit's place by mistake is any other unit, bent or not.
        """
        found: set[object] = set()
        off = {level: self._off(z, level) for level, z in self._before(store)}
        for level, unit in self._bent:
            if level not in off:
                continue
            after = store.get((self.root, ("a", level, None)), store.get((self.root, ("pred", None, None))))
            if after is None or after.shape != off[level].shape:
                after = np.ones(off[level].shape)
            for sample in np.flatnonzero(after[:, unit]):
                if off[level][sample, unit]:
                    found.add((level, unit))
                    continue
                for beside, others in off.items():
                    places = np.flatnonzero(others[sample, :MOST_PAIRED])
                    found |= {((level, unit), (beside, int(place))) for place in places}
        return found

    def _off(self, z: Array, level: int) -> Array:
        """Return where a layer's units are off: (samples, units)."""
        layer = self.net.layers[level - 1]
        bounds = [_FLAT_BEYOND.get(layer.activation(unit + 1).name) for unit in range(z.shape[1])]
        if not any(bounds):
            return z <= 0
        limits = np.array([np.nan if bound is None else bound for bound in bounds])
        return np.where(np.isnan(limits), z <= 0, np.abs(z) > limits)

    def _before(self, store: Store) -> Iterator[tuple[int, Array]]:
        """Yield each layer whose z is a matrix, with its z."""
        for key, level in self._levels.items():
            z = store.get(key)
            if z is not None and z.ndim == 2:
                yield level, z

    # Kinks of the loss

    def _cover_loss(self, stores: list[Store]) -> None:
        """Add points until each output has been on both sides of the loss's kinks, and apart from the others.

        Two outputs that are on the same side of it at every point could stand for each other: sign(y_1 − t_1) for
        sign(y_3 − t_3).
        """
        pred = stores[0]["pred", None, None]
        if pred.shape != stores[0]["true", None, None].shape:
            return
        units = range(min(pred.shape[1], MOST_PAIRED))
        wanted: set[object] = {("side", unit, side) for unit in units for side in (False, True)}
        wanted |= {("apart", unit, other) for unit in units for other in units if unit != other}
        wanted |= {("split", unit, other) for unit in units for other in units if unit < other}
        if self.net.loss.name == "huber":
            wanted |= {("wide", unit, side) for unit in units for side in (False, True)}
            wanted |= {("wide split", unit, other) for unit in units for other in units if unit < other}
        for store in stores:
            wanted -= self._loss_sides(store)
        for attempt in range(MOST_TARGETS):
            if not wanted or len(stores) >= MOST_POINTS:
                return
            made = self._point(2001 + 2 * attempt)
            if made is None:
                continue
            if self.net.loss.name != "hinge":
                made = self._aimed(made, wanted, np.random.default_rng([self.seed, attempt]))
            if wanted & (sides := self._loss_sides(made)):
                wanted -= sides
                stores.append(made)

    def _aimed(self, store: Store, wanted: Set[object], random: np.random.Generator) -> Store:
        """Return a point with targets on the sides of the outputs that are wanted."""
        pred = store["pred", None, None]
        width = self.net.loss.parameter or 1.0
        gaps = random.uniform(0.3, 0.9, pred.shape) * width
        signs = random.choice((-1.0, 1.0), pred.shape[1])
        for unit in range(min(pred.shape[1], MOST_PAIRED)):
            sides = [side for side in (False, True) if ("side", unit, side) in wanted]
            if len(sides) == 1:
                signs[unit] = 1.0 if sides[0] else -1.0
            split = any(("wide split", other, unit) in wanted for other in range(unit))
            if ("wide", unit, True) in wanted or (split and random.random() < 0.5):
                gaps[:, unit] += width
        true = pred - signs * gaps
        placed: set[int] = set()
        for _, unit, other in sorted(item for item in wanted if isinstance(item, tuple) and item[0] == "apart"):
            if other not in placed:
                placed.add(other)
                true[:, other] = (pred[:, unit] + pred[:, other]) / 2
        return self._with_targets(store, true)

    def _with_targets(self, store: Store, true: Array) -> Store:
        """Return a point with other targets."""
        x, target = self.program.data
        given = (*self.program.parameters, x)
        other: Store = {symbol_key(symbol): store[symbol_key(symbol)] for symbol in given}
        other[symbol_key(target)] = true
        with np.errstate(all="ignore"):
            self._run(self._forward, other)
            self._run(self._reverse, other)
        return other

    def _loss_sides(self, store: Store) -> set[object]:
        """Return on which sides of the loss's kinks the outputs are, and which of them differ about a target."""
        pred, true = store["pred", None, None][0, :MOST_PAIRED], store["true", None, None][0, :MOST_PAIRED]
        found: set[object] = set()
        beyond = pred * true > 1 if self.net.loss.name == "hinge" else pred > true
        wide = np.abs(pred - true) > (self.net.loss.parameter or 1.0)
        for unit in range(len(pred)):
            found |= {("side", unit, bool(beyond[unit])), ("wide", unit, bool(wide[unit]))}
            apart = np.flatnonzero((pred[unit] > true) != (pred > true))
            found |= {("apart", unit, int(other)) for other in apart}
            found |= {("split", unit, int(other)) for other in np.flatnonzero(beyond != beyond[unit])}
            found |= {("wide split", unit, int(other)) for other in np.flatnonzero(wide != wide[unit])}
        return found

    def _mirror(self, stores: list[Store], first: int) -> None:
        """Add the points of units that are off once more, with the targets on the other sides of the outputs.

        What has sign(y − t) in it is of one sign only where it is tried at a single point of a unit's side.
        """
        pred, targets = stores[0]["pred", None, None], stores[0]["true", None, None]
        if self.net.loss.name not in ("mae", "huber") or pred.shape != targets.shape:
            return
        stores += [
            self._with_targets(store, 2 * store["pred", None, None] - store["true", None, None])
            for store in stores[first : first + MOST_MIRRORED]
        ]

    def _add_beside_kinks(self, stores: list[Store]) -> None:
        """Add pairs of points on both sides of the loss's kinks, close to them, and else the same.

        What stands in sign(…) or [… > 0] by mistake changes its sign elsewhere, so that it is the same at both.
        """
        pred, targets = stores[0]["pred", None, None], stores[0]["true", None, None]
        if self.net.loss.name not in ("mae", "huber") or pred.shape != targets.shape:
            return
        kinks = (0.0,) if self.net.loss.name == "mae" else (self.net.loss.parameter or 1.0,)
        for number, kink in enumerate(kinks * 2):
            store = stores[number + 1]
            signs = np.random.default_rng([self.seed, number]).choice((-1.0, 1.0), pred.shape)
            nearby = (store["pred", None, None] + signs * (kink + side) for side in (BESIDE, -BESIDE))
            stores.extend(self._with_targets(store, true) for true in nearby)
