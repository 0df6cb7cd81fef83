"""The numbers of a network at several random points, against which a document is judged.

A World draws weights, biases, inputs and targets, runs the Derivation's own statements at each point, and answers what
any symbol and any partial derivative is worth there. Nothing is differentiated here: ∂loss/∂s and the local ∂q/∂s are
the Derivation's; any other ∂q/∂s comes from deriving q in place of the loss.

The points are drawn without looking at the document, the same for the same network, so that a wrong line cannot be made
to fit them. Half of them are all positive: every ReLU is active there, and a chain through many layers is alive.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.algebra import is_number
from chainrule.derive import Derivation, derive
from chainrule.errors import ProgramError
from chainrule.expr import Partial, Ref, Symbol
from chainrule.program import build
from chainrule.rules import LOSSES
from chainrule.values.evaluate import array_name
from chainrule.values.given import gather
from chainrule.values.number import Reader
from chainrule.values.plan import array_key, compile_program, support, symbol_key

if TYPE_CHECKING:
    from chainrule.judge.world_exact import Exact
    from chainrule.network import Network
    from chainrule.values.contract import Key, Run, Store

Array = np.ndarray[Any, Any]

POINTS = 6
"""How many random points a World has."""

MOST_POINTS = 20
"""How many points a World has at most, where slopes jump."""

MOST_DRAWS = 60
"""How many points are drawn in search of the other sides of kinks."""

MOST_PAIRED = 12
"""How many units of a layer are told apart by the sides that they are on."""

KINK = 1e-3
"""A number closer than this to a kink is drawn again."""

BESIDE = 0.01
"""How close to a kink of the loss a point lies that is put there."""

MOST_LOCAL = 4_000
"""The most entries of a Jacobian that is looked up edge by edge."""

MOST_ENTRIES = 2_000_000
"""The most entries of a Jacobian."""


class World:
    """A network's numbers at random points.

    Attributes:
        net: the network.
        samples: how many samples the loss gathers.
        program: the forward statements.
        derivation: the reverse ones.

    Example:
        >>> from chainrule import Network
        >>> world = World(Network.read("2-3-2-1"))
        >>> symbols = world.program.symbols
        >>> pred, true = (world.value(Ref(symbols[name, None, None], (1, 1))) for name in ("pred", "true"))
        >>> loss, w = world.program.root, symbols["w", 3, 2]
        >>> a = world.value(Ref(symbols["a", 2, None], (1, 2)))
        >>> bool(np.allclose(world.partial(loss, Ref(w, (1, 2))), (pred - true) * a))
        True
    """

    def __init__(self, net: Network, *, samples: int = 1, points: int = POINTS, seed: int = 0) -> None:
        self.net = net
        self.samples = samples
        self.derivation: Derivation = derive(build(net, samples=samples))
        self.program = self.derivation.source
        root = self.program.root
        assert isinstance(root, Ref)
        self.root = root
        self._runs: list[tuple[Key, Run]] = compile_program(self.derivation.program)
        self._forward = len(self.program.statements)
        self.stores: list[Store] = [self._point(seed, point) for point in range(points)]
        if self._kinked:
            self._cover(seed)
            self.stores += self._beside_kinks(seed)
        self.points = len(self.stores)
        self._values: dict[Ref, Array] = {}
        self._partials: dict[tuple[Ref, Ref, bool], Array] = {}
        self._arrays: dict[Any, Array] = {}
        self._derived: dict[Ref, Derivation] = {}
        self._before: World | None = None  # the World without the claims that this one assumes

    @classmethod
    def given(cls, net: Network) -> World:
        """Return a World of one point: the numbers that a network's sheet gives."""
        numbers, _ = gather(net, weights=None, biases=None, inputs=None, targets=None, seed=0)
        world = object.__new__(cls)
        world.net, world.samples = net, len(numbers["X"])
        world.derivation = derive(build(net, samples=world.samples))
        world.program = world.derivation.source
        assert isinstance(world.program.root, Ref)
        world.root, world.points = world.program.root, 1
        world._runs = compile_program(world.derivation.program)
        world._forward = len(world.program.statements)
        store: Store = {}
        for symbol in (*world.program.parameters, *world.program.data):
            array = numbers[array_name(symbol)]
            store[symbol_key(symbol)] = array.T if symbol.kind == "w" else array
        with np.errstate(all="ignore"):
            for _, run in world._runs:
                run(store)
        world.stores = [store]
        world._values, world._partials, world._arrays, world._derived = {}, {}, {}, {}
        world._before = None
        return world

    # Drawing

    def _point(self, seed: int, point: int) -> Store:
        """Return the arrays of one point; numbers too close to a kink are drawn again."""
        for attempt in range(40):
            random = np.random.default_rng([seed, point, attempt])
            store = self._drawn(random, positive=point % 2 == 0 or self._must_be_positive)
            with np.errstate(all="ignore"):
                for _, run in self._runs[: self._forward]:
                    run(store)
                if self._must_be_positive:
                    self._bring_into_unit(store, random)
                if not self._acceptable(store) and attempt < 39:
                    continue
                for _, run in self._runs[self._forward :]:
                    run(store)
            return store
        raise AssertionError("the loop returns")

    @property
    def _kinked(self) -> bool:
        """Whether a slope jumps, so that what is written for one side of a kink is wrong on the other."""
        bent = {a.name for layer in self.net.layers for a in layer.activations} - _SMOOTH
        return bool(bent) or self.net.loss.name in ("mae", "huber", "hinge")

    def _cover(self, seed: int) -> None:
        """Add points until each unit has been on both sides of its kink, and apart from all the others.

        A side counts where the loss still depends on the unit; what no point of many reaches is let be.
        """
        seen: set[object] = set()
        for store in self.stores:
            seen |= self._sides(store)
        for attempt in range(MOST_DRAWS):
            if len(self.stores) >= MOST_POINTS:
                return
            store = self._point(seed, 1001 + 2 * attempt)
            sides = self._sides(store)
            if sides - seen:
                seen |= sides
                self.stores.append(store)

    def _beside_kinks(self, seed: int) -> list[Store]:
        """Return pairs of points on both sides of the loss's kinks, close to them, and else the same.

        What stands in sign(…) or [… > 0] by mistake changes its sign elsewhere, so that it is the same at both.
        """
        pred, true = self.stores[0]["pred", None, None], self.stores[0]["true", None, None]
        if self.net.loss.name not in ("mae", "huber") or pred.shape != true.shape:
            return []
        found = []
        kinks = (0.0,) if self.net.loss.name == "mae" else (self.net.loss.parameter or 1.0,)
        for number, kink in enumerate(kinks * 2):
            store = self.stores[number + 1]
            signs = np.random.default_rng([seed, number]).choice((-1.0, 1.0), pred.shape)
            for side in (BESIDE, -BESIDE):
                beside = {key: value for key, value in store.items() if isinstance(value, np.ndarray)}
                beside["true", None, None] = store["pred", None, None] + signs * (kink + side)
                with np.errstate(all="ignore"):
                    for _, run in self._runs:
                        run(beside)
                found.append(beside)
        return found

    def _sides(self, store: Store) -> set[object]:
        """Return on which side of 0 the kinked quantities are at a point, and which of them differ."""
        found: set[object] = set()
        levels = range(1, self.net.depth + 1)
        before = {level: z for level in levels if (z := self._before_activation(store, level)) is not None}
        for level, layer in enumerate(self.net.layers, start=1):
            z = before.get(level)
            if z is None or all(a.name in _SMOOTH for a in layer.activations):
                continue
            after = store.get((self.root, ("a", level, None)), store.get((self.root, ("pred", None, None))))
            alive = np.ones(z.shape, dtype=bool) if after is None or after.shape != z.shape else after != 0
            for unit in range(min(z.shape[1], MOST_PAIRED)):
                for sample in np.flatnonzero(alive[:, unit]):
                    found.add(("side", level, unit, bool(z[sample, unit] > 0), bool(abs(z[sample, unit]) > 1)))
                    for beside, others in before.items():  # what could stand in its place by mistake
                        apart = (z[sample, unit] > 0) != (others[sample, :MOST_PAIRED] > 0)
                        found |= {("apart", level, unit, beside, int(other)) for other in np.flatnonzero(apart)}
        pred, true = store["pred", None, None], store["true", None, None]
        if self.net.loss.name in ("mae", "huber", "hinge") and pred.shape == true.shape:
            wide = np.abs(pred - true) > (self.net.loss.parameter or 1.0)
            signs = pred > true
            found |= {("loss", unit, bool(signs[0, unit])) for unit in range(min(pred.shape[1], MOST_PAIRED))}
            units = range(min(pred.shape[1], MOST_PAIRED))
            found |= {("wide", unit, bool(wide[0, unit])) for unit in units}
            found |= {
                ("across", unit, other) for unit in units for other in units
                if (pred[0, unit] > true[0, other]) != (pred[0, other] > true[0, other])
            }  # fmt: skip
        return found

    def _before_activation(self, store: Store, level: int) -> Array | None:
        """Return a layer's z, which is pred where the output is linear; None where it is no matrix."""
        z = store.get(("z", level, None), store.get(("pred", None, None)) if level == self.net.depth else None)
        return z if z is not None and z.ndim == 2 else None

    @cached_property
    def _must_be_positive(self) -> bool:
        """Whether the outputs have to be scaled into (0, 1) for the loss to have a value."""
        inside = {"sigmoid", "softmax", "hard_sigmoid"}
        needs = self.net.loss.name in ("binary_cross_entropy", "cross_entropy", "cross_entropy_index")
        return needs and not {a.name for a in self.net.layers[-1].activations} <= inside

    def _drawn(self, random: np.random.Generator, *, positive: bool) -> Store:
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
            for _, run in self._runs[: self._forward]:
                run(store)

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

    # Answers

    def value(self, ref: Ref) -> Array:
        """Return a symbol at its place, units and samples from 1: (points,)."""
        found = self._values.get(ref)
        if found is None:
            place = tuple(int(i) - 1 for i in ref.indices if isinstance(i, int))
            own = symbol_key(ref.symbol)
            found = self._values[ref] = np.array([float(store[own][place]) for store in self.stores])
        return found

    def array(self, symbol: Symbol) -> Array:
        """Return a symbol's array, its axes in the order of its indices: (points, *dims)."""
        own = symbol_key(symbol)
        if own not in self._arrays:
            self._arrays[own] = np.stack([np.asarray(store[own]) for store in self.stores])
        return self._arrays[own]

    def gradient(self, symbol: Symbol) -> Array:
        """Return ∂loss/∂symbol, laid out as `array`; zeros where the loss does not depend on it."""
        own = (self.root, symbol_key(symbol))
        if own not in self._arrays:
            if own in self.stores[0]:
                self._arrays[own] = np.stack([np.asarray(store[own]) for store in self.stores])
            else:
                self._arrays[own] = np.zeros_like(self.array(symbol), dtype=np.float64)
        return self._arrays[own]

    def partial(self, of: Ref, by: Ref, *, total: bool = False) -> Array:
        """Return ∂of/∂by: (points,).

        The local derivative where `by` stands in of's own statement, as in the Derivation's lines; with `total`, and
        where other quantities lie between, the derivative over all paths; 0 where there is none.
        """
        wanted = (of, by, total)
        found = self._partials.get(wanted)
        if found is None:
            found = self._partials[wanted] = self._partial(of, by, total)
        return found

    def _partial(self, of: Ref, by: Ref, total: bool) -> Array:
        if self._before is not None and of != self.root:
            return self._before.partial(of, by, total=total)  # claims are of the loss alone
        if of == by:
            return np.ones(self.points)
        if of.symbol == by.symbol:
            return np.zeros(self.points)
        place = tuple(int(i) - 1 for i in by.indices if isinstance(i, int))
        if of == self.root:
            everywhere: Any = (slice(None), *place)
            return np.asarray(self.gradient(by.symbol)[everywhere])
        if not total and (local := self._local(of, by)) is not None:
            return local
        derivation = self._derivation(of)
        if derivation is None or by.symbol not in derivation.of:
            return np.zeros(self.points)
        own = (of, symbol_key(by.symbol))
        return np.array([float(store[own][place]) for store in self.stores])

    def _local(self, of: Ref, by: Ref) -> Array | None:
        """Return the local derivative where of's own statement reads by, or None."""
        try:
            local = self._readers[0].local(Partial(of, by))
        except ProgramError:
            return None
        if is_number(local, 0):
            return None
        return np.array([reader.number(local) for reader in self._readers])

    @cached_property
    def _readers(self) -> list[Reader]:
        return [Reader(self.derivation, store, self.samples) for store in self.stores]

    def _derivation(self, of: Ref) -> Derivation | None:
        """Return what a symbol other than the loss depends on, with its numbers in the stores."""
        if of.symbol.kind not in ("z", "a", "pred"):
            return None
        found = self._derived.get(of)
        if found is None:
            found = self._derived[of] = derive(self.program, of=of)
            runs = [
                (own, run)
                for own, run in compile_program(found.program)
                if isinstance(own, tuple) and isinstance(own[0], Ref)
            ]
            with np.errstate(all="ignore"):
                for store in self.stores:
                    for _, run in runs:
                        run(store)
        return found

    def relation(self, of: Ref, by: Ref) -> str:
        """Return how two quantities are connected: same, direct, path, backwards or none."""
        if of == by:
            return "same"
        if of != self.root and self._local(of, by) is not None:
            return "direct"
        if np.any(self.partial(of, by, total=True)):
            return "path"
        return "backwards" if np.any(self.partial(by, of, total=True)) else "none"

    # Matrices, as the page lays them out: rows are samples, weights are (in, out)

    def matrix(self, symbol: Symbol) -> Array:
        """Return a symbol as a matrix: (points, rows, columns)."""
        return self._page(symbol, self.array(symbol))

    def matrix_gradient(self, symbol: Symbol) -> Array:
        """Return ∂loss/∂symbol as a matrix."""
        return self._page(symbol, self.gradient(symbol))

    def _page(self, symbol: Symbol, array: Array) -> Array:
        if symbol.kind == "w":
            return np.swapaxes(array, 1, 2)
        if symbol.kind == "b":
            return array[:, None, :]
        return array.reshape(self.points, -1, 1) if array.ndim < 3 else array

    def chain(self, levels: tuple[Symbol, ...], *, total: bool = False) -> Array:
        """Return ∂loss/∂A · ∂A/∂B · … : what the last one's gradient is over the paths through all the others.

        Where connections skip layers, ∂A/∂B is the direct edge alone if there is one, unless `total`.
        """
        weight = self.gradient(levels[0])
        for here, below in itertools.pairwise(levels):
            weight = self._pulled(here, below, weight, total)
        return self._page(levels[-1], weight)

    def _pulled(self, here: Symbol, below: Symbol, weight: Array, total: bool) -> Array:
        """Return Σ weight · ∂here/∂below."""
        if not total and any(c.source != c.target - 1 for c in self.net.connections):
            direct = self._direct(here, below)
            if np.any(direct):
                flat = direct.reshape(self.points, math.prod(weight.shape[1:]), -1)
                found = np.einsum("pi,pij->pj", weight.reshape(self.points, -1), flat)
                return np.asarray(found.reshape(self.array(below).shape))
        if np.array_equal(weight, self.gradient(here)) and self._all_through(here, below):
            return self.gradient(below)
        jacobian = self.jacobian(here, below)
        axes = len(here.dims)
        flat = jacobian.reshape(self.points, -1, math.prod(jacobian.shape[1 + axes :]))
        found = np.einsum("pi,pij->pj", weight.reshape(self.points, -1), flat)
        return np.asarray(found.reshape(self.points, *jacobian.shape[1 + axes :]))

    def _direct(self, of: Symbol, by: Symbol) -> Array:
        """Return every ∂of/∂by of an edge between them: (points, *dims of `of`, *dims of `by`)."""
        if self._before is not None:
            return self._before._direct(of, by)
        shape, below = self.array(of).shape[1:], self.array(by).shape[1:]
        if math.prod(shape) * math.prod(below) > MOST_LOCAL:
            raise MemoryError
        found = np.zeros((self.points, *shape, *below))
        for place in np.ndindex(*shape):
            for other in np.ndindex(*below):
                local = self._local(Ref(of, tuple(i + 1 for i in place)), Ref(by, tuple(i + 1 for i in other)))
                if local is not None:
                    found[(slice(None), *place, *other)] = local
        return found

    def _all_through(self, here: Symbol, below: Symbol) -> bool:
        """Return whether every path from a symbol to the loss goes through another: it is its one consumer."""
        families = self.derivation.of.get(below, ())
        consumers = {link.consumer.symbol for f in families for link in f.links if isinstance(link.consumer, Ref)}
        return consumers == {here}

    def jacobian(self, of: Symbol, by: Symbol) -> Array:
        """Return every ∂of/∂by over all paths: (points, *dims of `of`, *dims of `by`).

        Raises:
            MemoryError: beyond `MOST_ENTRIES`.
        """
        if self._before is not None:
            return self._before.jacobian(of, by)
        shape, below = self.array(of).shape[1:], self.array(by).shape[1:]
        if math.prod(shape) * math.prod(below) * self.points > MOST_ENTRIES:
            raise MemoryError
        found = np.zeros((self.points, *shape, *below))
        if of == by:
            eye = np.eye(math.prod(shape)).reshape(*shape, *below)
            return np.broadcast_to(eye, found.shape).copy()
        for place in np.ndindex(*shape):
            ref = Ref(of, tuple(i + 1 for i in place))
            derivation = self._derivation(ref)
            if derivation is not None and by in derivation.of:
                own = (ref, symbol_key(by))
                for point, store in enumerate(self.stores):
                    found[(point, *place)] = store[own]
        return found

    # What follows from a wrong line

    def assuming(self, claims: Mapping[Ref, Array]) -> World:
        """Return a World in which ∂loss/∂ref is what a document claims, wherever later partials use it."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.__dict__.pop("_readers", None)
        other._before = self
        other._values = self._values
        other._partials = {}
        other._arrays = {}
        other._derived = {}
        forward = {key for key, _ in self._runs[: self._forward]}
        given = {symbol_key(s) for s in (*self.program.parameters, *self.program.data)}
        other.stores = [{key: store[key] for key in store if key in forward or key in given} for store in self.stores]
        placed: dict[Key, list[tuple[tuple[int, ...], Array]]] = {}
        for ref, array in claims.items():
            place = tuple(int(i) - 1 for i in ref.indices if isinstance(i, int))
            placed.setdefault((self.root, symbol_key(ref.symbol)), []).append((place, array))
        with np.errstate(all="ignore"):
            for key, run in self._runs[self._forward :]:
                for point, store in enumerate(other.stores):
                    run(store)
                    for place, array in placed.get(key, ()):
                        store[key] = np.array(store[key])
                        store[key][place] = array[point]
        return other

    def exact(self, digits: int) -> Exact:
        """Return the same quantities with many digits."""
        from chainrule.judge.world_exact import Exact

        return Exact(self, digits)


_SMOOTH = frozenset(("identity", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish", "softmax"))
