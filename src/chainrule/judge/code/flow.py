"""The derivation as a flow of arrays: its statements, run on numbers, some of them changed.

A `Flow` holds the statements of a Derivation for one batch of samples and the value of each. `changed` makes another
one in which some statements compute something else; what stands before them is taken over, what stands behind is
computed anew. Nothing is differentiated here: a change is a change of the Derivation's own statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derive import owner
from chainrule.export.pieces import array_name
from chainrule.expr import Partial, Ref, Symbol
from chainrule.network import Given, Network
from chainrule.program import Statement
from chainrule.values.contract import Key, Run, Store
from chainrule.values.plan import Planner, array_key, symbol_key

Array = NDArray[Any]

Wrap = Callable[[Run, Key, float], Run]
"""(run, key, c) → a function that computes a statement in another way; c is a number that may be fitted."""


@dataclass(frozen=True)
class Change:
    """What statements compute instead.

    Attributes:
        statements: other statements, by their place.
        wrap: what is done around the statement at a place, or around none.
    """

    statements: Mapping[int, Statement]
    wrap: Mapping[int, Wrap]

    @property
    def first(self) -> int:
        """The place of the first statement that is another one."""
        return min((*self.statements, *self.wrap))


class Flow:
    """The statements of a network's Derivation on one batch, and their values.

    Attributes:
        samples: how many.
        seed: what the numbers were drawn with.
        statements: the statements, forward and backward.
        numbers: every forward array by its name in code, in the page's layout, and `X` and `true`.
    """

    def __init__(self, net: Network, samples: int, seed: int) -> None:
        from chainrule.values import evaluate

        rng = np.random.default_rng([seed, samples])
        x = rng.uniform(-1, 1, (samples, net.inputs))
        values = evaluate(net.replace(given=Given()), inputs=x, seed=seed)
        program, source = values.derivation.program, values.derivation.source
        self.samples = samples
        self.seed = seed
        self.statements = tuple(s for s in program.statements if not _by_data(s))
        self._wraps: dict[int, tuple[tuple[Wrap, float], ...]] = {}
        self._plans: dict[tuple[int, int], tuple[Statement, Run]] = {}
        self._own: dict[Key, list[int]] = {}
        for place, statement in enumerate(self.statements):
            self._own.setdefault(array_key(statement.target), []).append(place)
        self.parameters = {array_name(Ref(symbol)): symbol for symbol in source.parameters}
        self.root = source.root
        self._start: Store = {}
        self.numbers: dict[str, Array] = {}
        for symbol in (*source.data, *source.parameters):
            array = np.asarray(values.matrix(symbol))
            self._start[symbol_key(symbol)] = array.T if symbol.kind == "w" else array
            self.numbers[array_name(Ref(symbol))] = array
        self._runs = [self._compiled(place, s) for place, s in enumerate(self.statements)]
        self.store = self._run(dict(self._start), self._runs)
        for statement in self.statements:
            if isinstance(statement.target, Ref) and statement.target.symbol.kind != "loss":
                own = statement.target.symbol
                self.numbers[array_name(statement.target)] = np.asarray(self.store[symbol_key(own)])

    def gradients(self, store: Store | None = None) -> dict[str, Array]:
        """Return ∂loss/∂ every parameter, as the page lays it out."""
        found = self.store if store is None else store
        return {name: self._matrix(symbol, found) for name, symbol in self.parameters.items()}

    def partial(self, name: str) -> Array | None:
        """Return ∂loss/∂ a forward array by its name, or None where there is no statement for it."""
        for own in self._own:
            target = self.statements[self._own[own][0]].target
            if isinstance(target, Partial) and array_name(target.by) == name:
                return np.asarray(self.store[own])
        return None

    def with_change(self, change: Change, c: float = 1.0) -> dict[str, Array]:
        """Return the gradients that come out where a change is made; the flow itself stays."""
        return self.gradients(self._changed_store(change, c)[0])

    def one_with_change(self, name: str, change: Change, c: float = 1.0) -> Array:
        """Return one of these gradients, without computing what stands behind it."""
        symbol = self.parameters[name]
        last = self._own[self.root, symbol_key(symbol)][-1]
        start, runs = self._changed_runs(change, c)
        return self._matrix(symbol, self._run(dict(self.store), runs[start : last + 1]))

    def changed(self, change: Change, c: float = 1.0) -> Flow:
        """Return the flow with a change."""
        other = object.__new__(Flow)
        other.__dict__.update(self.__dict__)
        statements = list(self.statements)
        for place, statement in change.statements.items():
            statements[place] = statement
        other.statements = tuple(statements)
        other._wraps = {
            **self._wraps,
            **{place: (*self._wraps.get(place, ()), (wrap, c)) for place, wrap in change.wrap.items()},
        }
        other.store, other._runs = self._changed_store(change, c)
        return other

    def own(self, key: Key) -> list[int]:
        """Return the places of the statements that define a key's array."""
        return self._own.get(key, [])

    def _changed_store(self, change: Change, c: float) -> tuple[Store, list[Run]]:
        start, runs = self._changed_runs(change, c)
        return self._run(dict(self.store), runs[start:]), runs

    def _changed_runs(self, change: Change, c: float) -> tuple[int, list[Run]]:
        """Return what runs where a change is made, and from where on it is to run."""
        runs = list(self._runs)
        for place in {*change.statements, *change.wrap}:
            runs[place] = self._compiled(place, change.statements.get(place, self.statements[place]))
        for place, wrap in change.wrap.items():
            runs[place] = wrap(runs[place], array_key(self.statements[place].target), c)
        # An array that several statements fill is begun by the first of them.
        return min(self._own[array_key(self.statements[change.first].target)]), runs

    def _run(self, store: Store, runs: list[Run]) -> Store:
        with np.errstate(all="ignore"):
            for run in runs:
                run(store)
        return store

    def _compiled(self, place: int, statement: Statement) -> Run:
        if (place, id(statement)) not in self._plans:
            planner = Planner()
            key = array_key(self.statements[place].target)
            if place != self._own[key][0]:
                planner.assignment(self.statements[self._own[key][0]])  # so that this one does not begin the array
            # The statement is kept, so that its id stays its own.
            self._plans[place, id(statement)] = statement, planner.assignment(statement)
        run = self._plans[place, id(statement)][1]
        for wrap, c in self._wraps.get(place, ()):
            run = wrap(run, array_key(self.statements[place].target), c)
        return run

    def _matrix(self, symbol: Symbol, store: Store) -> Array:
        array = store.get((self.root, symbol_key(symbol)))
        if array is None:
            array = np.zeros(tuple(dim.size or 0 for dim in symbol.dims))
        return np.asarray(array.T if symbol.kind == "w" else array)


def _by_data(statement: Statement) -> bool:
    """Whether a statement is ∂loss/∂x, which no gradient function is asked for."""
    return isinstance(statement.target, Partial) and owner(statement.target).symbol.kind == "x"
