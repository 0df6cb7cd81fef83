"""The quantities of a network that a repair may bring in, with what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.expr import Ref
from chainrule.judge.needed import close
from chainrule.judge.numbers import Numbers

Array = np.ndarray[Any, Any]

MOST_ATOMS = 600
"""Beyond so many quantities a network's repairs bring none in."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A quantity that could stand as a factor or a term.

    Attributes:
        what: `value` of a symbol, `rest` (1 − a), `slope` (∂a/∂z), `error` (pred − true), `partial` (∂of/∂ref), or
            `product` (first · ref).
        ref: the symbol at its place.
        activation: for a slope, whose; for an error, the loss that makes a probability of pred.
        of: what a partial differentiates.
        first: the first factor of a product.
    """

    what: str
    ref: Ref
    activation: str = ""
    of: Ref | None = None
    first: Atom | None = None


class Atoms:
    """The values of a network's units, weights and slopes, to look a needed value up in."""

    def __init__(self, numbers: Numbers) -> None:
        self.known: list[Atom] = []
        rows: list[Array] = []
        program = numbers.program
        net = program.network
        assert net is not None
        symbols = [*program.parameters, *program.symbols.values()]
        refs = [ref for symbol in dict.fromkeys(symbols) if symbol.kind != "loss" for ref in _places(symbol)]
        if len(refs) <= MOST_ATOMS and numbers.world.samples == 1:
            root = program.root
            assert isinstance(root, Ref)
            for ref in refs:
                self._add(rows, Atom("value", ref), numbers.value(ref))
                if ref.symbol.kind in ("z", "a", "pred"):
                    self._add(rows, Atom("partial", ref, of=root), numbers.partial(root, ref))
                layer = net.depth if ref.symbol.kind == "pred" else ref.symbol.layer
                z = program.symbols.get(("z", layer, None))
                if ref.symbol.kind not in ("a", "pred") or layer is None or z is None:
                    continue
                unit = ref.indices[-1]
                assert isinstance(unit, int)
                activation = net.layers[layer - 1].activation(unit).name
                if activation in ("sigmoid", "silu"):
                    self._add(rows, Atom("rest", ref), 1 - numbers.value(ref))
                if activation != "softmax":
                    self._add(rows, Atom("slope", ref, activation), numbers.partial(ref, Ref(z, ref.indices)))
            pred, true = program.symbols["pred", None, None], program.symbols["true", None, None]
            for ref in _places(pred) if len(true.dims) == len(pred.dims) else ():
                target = numbers.value(Ref(true, ref.indices))
                self._add(rows, Atom("error", ref), numbers.value(ref) - target)
                if net.loss.name in _PROBABILITIES:
                    shown = _PROBABILITIES[net.loss.name](numbers, ref)
                    self._add(rows, Atom("error", ref, net.loss.name), shown - target)
        self.values = np.stack(rows) if rows else np.zeros((0, numbers.world.points))
        self._numbers = numbers

    @cached_property
    def products(self) -> Atoms:
        """The products that are terms of sums: a weight with what it leads from, and with the partial it leads back."""
        program = self._numbers.program
        found = object.__new__(Atoms)
        found._numbers, found.known = self._numbers, []
        rows: list[Array] = []
        known = {(atom.what, atom.ref): (atom, value) for atom, value in zip(self.known, self.values, strict=True)}
        for (what, ref), (_atom, value) in known.items():
            if what != "value" or ref.symbol.kind != "w":
                continue
            level, source = ref.symbol.layer, ref.symbol.source or 0
            to, origin = ref.indices
            before = program.symbols.get(("x", None, None) if source == 0 else ("a", source, None))
            after = program.symbols.get(("z", level, None), program.symbols["pred", None, None])
            for kind, symbol, unit in (("value", before, origin), ("partial", after, to)):
                other = None if symbol is None else known.get((kind, Ref(symbol, (1, unit))))
                if other is not None:
                    found._add(rows, Atom("product", ref, first=other[0]), value * other[1])
        found.values = np.stack(rows) if rows else np.zeros((0, self._numbers.world.points))
        return found

    def _add(self, rows: list[Array], atom: Atom, value: Array) -> None:
        if np.all(np.isfinite(value)) and np.any(value != 0):
            self.known.append(atom)
            rows.append(value)

    def like(self, value: Array) -> Sequence[Atom]:
        """Return the quantities that are worth a value."""
        if not len(self.values):
            return ()
        return [self.known[number] for number in np.flatnonzero(close(self.values, value[None, :]))]


def _sigmoid(numbers: Numbers, pred: Ref) -> Array:
    """Return σ of an output."""
    return np.asarray(1 / (1 + np.exp(-numbers.value(pred))))


def _softmax(numbers: Numbers, pred: Ref) -> Array:
    """Return an output's place in the softmax of all of them."""
    powers = {ref: np.exp(numbers.value(ref)) for ref in _places(pred.symbol)}
    return np.asarray(powers[pred] / sum(powers.values()))


_PROBABILITIES = {"bce_with_logits": _sigmoid, "softmax_cross_entropy": _softmax}
"""Losses that make probabilities of the outputs: the gradient is these minus the targets."""


def _places(symbol: Any) -> list[Ref]:
    sizes = [dim.size or 0 for dim in symbol.dims]
    if np.prod(sizes, dtype=float) > MOST_ATOMS:
        return [Ref(symbol, ())] * (MOST_ATOMS + 1)
    places = np.ndindex(*sizes)
    support = getattr(symbol, "support", None)
    refs = [Ref(symbol, tuple(int(i) + 1 for i in place)) for place in places]
    return refs if support is None else [ref for ref in refs if ref.indices in support]
