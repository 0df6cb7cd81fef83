"""The numbers of a network at several random points, against which a document is judged.

A World draws weights, biases, inputs and targets, runs the Derivation's own statements at each point, and answers what
any symbol and any partial derivative is worth there. Nothing is differentiated here: ∂loss/∂s and the local ∂q/∂s are
the Derivation's; any other ∂q/∂s comes from deriving q in place of the loss.

The points (`chainrule.judge.points`) are drawn without looking at the document, the same for the same network, so that
a wrong line cannot be made to fit them.
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
from chainrule.judge.points import Points
from chainrule.program import build
from chainrule.values.evaluate import array_name
from chainrule.values.given import gather
from chainrule.values.number import Reader
from chainrule.values.plan import compile_program, symbol_key

if TYPE_CHECKING:
    from chainrule.judge.world_exact import Exact
    from chainrule.network import Network
    from chainrule.values.contract import Key, Run, Store

Array = np.ndarray[Any, Any]

POINTS = 6
"""How many random points a World has."""

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
        self.stores: list[Store] = Points(net, self.program, self._runs, seed).drawn(points)
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
