"""Repairs of a side's structure: factors, signs, terms, derivatives.

Each asks of every part of the side what it would have to be worth (`chainrule.judge.needed`): 1 for a factor too many,
0 for a path too many, −1 times what it is for a sign, what an activation's derivative is worth for a wrong one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.expr import Matrix, Partial, Ref, Symbol
from chainrule.judge.atoms import Atom, Atoms
from chainrule.judge.fixes import Fix, applied, replaced
from chainrule.judge.meaning import NotJudged
from chainrule.judge.moves import Moves, places_of
from chainrule.judge.needed import Spot, close, exactly, wide
from chainrule.judge.reading import NoMeaning
from chainrule.judge.report import Edit
from chainrule.judge.spans import with_mark
from chainrule.judge.speller import Speller
from chainrule.judge.syntax import (
    Applied,
    Derivative,
    Group,
    Literal,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    Times,
    Total,
    names,
)
from chainrule.judge.variants import Variant, lettered, variants

Array = np.ndarray[Any, Any]

_FACTOR_COSTS = {"rest": 1.1, "slope": 1.1, "partial": 1.11}
"""What adding a factor costs; 1.12 where it is none of these."""

PATH = 1.15
"""What adding a path costs at least."""

LARGEST_FACTOR = 128
"""The largest numerator and denominator of a constant factor."""


class Structure:
    """The structural fixes of one side for one target."""

    def __init__(
        self, moves: Moves, target: Array, atoms: Atoms, speller: Speller, head: Ref | Symbol | Matrix | None = None
    ) -> None:
        self.moves = moves
        self.head = head
        self.target = target
        self.atoms = atoms
        self.speller = speller
        self.source = speller.source
        self.spots = moves.spots
        self.whole = self.spots[id(moves.node)]
        self.gap = target - self.whole.value
        self.points = moves.points
        self.dot = speller.dot(s.node for s in self.spots.values() if isinstance(s.node, Times))

    def fixes(self) -> Iterator[Fix]:
        """Yield every structural fix but for paths that were forgotten, in no order."""
        for spot, needed, value in self._affine():
            yield from self._dropped(spot, needed)
            yield from self._scaled(spot, needed, value)
            yield from self._other(spot, needed, value)
            if isinstance(spot.node, Times):
                yield from self._pairs(spot.node, needed, value)
            if isinstance(spot.node, Total):
                yield from self._multiplied(spot.node, needed)

    def forgotten(self) -> Iterator[Fix]:
        """Yield the fixes that add the term of a path, which cost `PATH` at least."""
        for spot, needed, value in self._affine():
            if self._is_term(spot):
                yield from self._path(spot, needed - value)

    def _affine(self) -> Iterator[tuple[Spot, Array, Array]]:
        """Yield the parts that could close the gap, with what each needs to be and is worth: (points,)."""
        for spot in self.spots.values():
            needed = spot.needed(self.gap)
            if needed is not None and not np.any(np.isinf(needed)):
                yield spot, wide(needed, self.points), wide(spot.value, self.points)

    def _is_term(self, spot: Spot) -> bool:
        """Return whether a spot is the whole side, a term, or what stands in a bracket or under a sign."""
        return spot.above is None or isinstance(spot.above, Total | Negated | Group)

    # Too much

    def _dropped(self, spot: Spot, needed: Array) -> Iterator[Fix]:
        above, place = spot.above, spot.place
        if isinstance(above, Times) and bool(close(needed, np.ones(1))):
            span = with_mark(above.factors, place)
            yield replaced(1.03, "extra_factor", span, "", self.source)
        if isinstance(above, Total) and len(above.terms) > 1 and not np.any(abs(needed) > 1e-9 * abs(spot.value)):
            span = with_mark(above.terms, place)
            yield replaced(1.04, "extra_path", span, "", self.source)
        if isinstance(spot.node, Quotient) and isinstance(spot.node.below, Literal):
            above_value = self.spots[id(spot.node.above)].value
            if bool(close(needed, wide(above_value, self.points))):
                kept = self.source[slice(*spot.node.above.span)]
                yield replaced(1.04, "extra_factor", spot.node.span, kept, self.source)

    # A constant, a sign, a factor too few

    def _scaled(self, spot: Spot, needed: Array, value: Array) -> Iterator[Fix]:
        node = spot.node
        with np.errstate(all="ignore"):
            ratio = needed / value
        if np.any(np.isinf(ratio)):
            return
        constant = constant_of(ratio)
        if constant == -1:
            yield from self._sign(spot)
        elif constant is not None and isinstance(node, Literal):
            exact = constant_of(needed)
            if exact is not None:
                kind = "extra_factor" if abs(constant) < 1 else "missing_factor"
                yield replaced(1.05, kind, node.span, self.speller.number(exact), self.source)
        elif constant is not None and constant > 0 and self._is_term(spot) and not isinstance(node, Negated):
            kind = "missing_factor"
            yield self._before(node, self.speller.number(constant), 1.06, kind)
        elif constant is None and self._is_term(spot) and not isinstance(node, Negated | Group):
            for atom in self.atoms.like(ratio):
                text = self._factor(atom)
                if text is not None:
                    yield self._behind(node, text, _FACTOR_COSTS.get(atom.what, 1.12))

    def _factor(self, atom: Atom) -> str | None:
        if atom.what == "slope":
            return self.speller.slope(atom.ref, atom.activation) or self._local(atom.ref)
        if atom.what == "rest":
            return self.speller.rest(atom.ref)
        if atom.what == "partial":
            assert atom.of is not None
            if atom.ref == self.head:
                return None  # what the line derives is not derived by itself
            return self.speller.partial(atom.of, atom.ref)
        if atom.what == "product":
            assert atom.first is not None
            first, second = self._factor(atom.first), self.speller.text(atom.ref)
            return None if first is None or second is None else first + self.dot + second
        if atom.what == "error":
            halves = self._halves(atom)
            return None if halves is None else f"({halves[0]} {self.speller.minus} {halves[1]})"
        return self.speller.text(atom.ref)

    def _local(self, unit: Ref) -> str | None:
        """Return ∂a/∂z as a derivative."""
        symbols = self.moves.interpreter.numbers.program.symbols
        depth = self.moves.interpreter.numbers.depth
        z = symbols.get(("z", depth if unit.symbol.kind == "pred" else unit.symbol.layer, None))
        return None if z is None else self.speller.partial(unit, Ref(z, unit.indices))

    def _halves(self, error: Atom) -> tuple[str, str] | None:
        """Return how pred and true are written, or the probability that the loss makes of pred and true."""
        pred, true = self.speller.text(error.ref), self.speller.text(self._true(error.ref))
        if pred is not None and error.activation:
            pred = self._probability(error)
        return None if pred is None or true is None else (pred, true)

    def _probability(self, error: Atom) -> str | None:
        unit = error.ref.indices[-1]
        assert isinstance(unit, int)
        single = error.ref.symbol.dims[-1].size == 1
        base = self.speller.letter("pred")
        if base is None:
            return None
        sub = "" if single else str(unit + self.moves.interpreter.reading.first_unit - 1)
        return self.speller.probability(lettered(base, self.speller.markup), sub, error.activation)

    def _true(self, pred: Ref) -> Ref:
        return Ref(self.moves.interpreter.numbers.program.symbols["true", None, None], pred.indices)

    def _before(self, node: Node, text: str, cost: float, kind: str) -> Fix:
        start, end = node.span
        if isinstance(node, Total):
            new = f"{text}{self.dot}({self.source[start:end]})"
            return replaced(cost + 0.02, kind, (start, end), new, self.source)
        return replaced(cost, kind, (start, start), text + self.dot, self.source, node.span)

    def _behind(self, node: Node, text: str, cost: float) -> Fix:
        start, end = node.span
        if isinstance(node, Total):
            new = f"({self.source[start:end]}){self.dot}{text}"
            return replaced(cost + 0.02, "missing_factor", (start, end), new, self.source)
        return replaced(cost, "missing_factor", (end, end), self.dot + text, self.source, node.span)

    def _sign(self, spot: Spot) -> Iterator[Fix]:
        node, above = spot.node, spot.above
        minus = self.speller.minus
        if isinstance(node, Negated):
            start, body = node.span[0], node.body.span[0]
            if isinstance(above, Total) and spot.place:
                sign = self.source[start:body]
                yield replaced(1.0, "sign", (start, body), sign.replace("-", "+").replace("−", "+"), self.source,
                               node.span)  # fmt: skip
            else:
                yield replaced(1.01, "sign", (start, body), "", self.source, node.span)
        elif isinstance(above, Total) and spot.place:
            before = above.terms[spot.place - 1].span[1]
            between = self.source[before : node.span[0]]
            if "+" in between:
                yield replaced(1.0, "sign", (before, node.span[0]), between.replace("+", minus), self.source,
                               (before, node.span[1]))  # fmt: skip
        elif isinstance(node, Total) and len(node.terms) == 2 and isinstance(node.terms[1], Negated):
            first, second = node.terms[0], node.terms[1].body
            swapped = f"{self.source[slice(*second.span)]} {minus} {self.source[slice(*first.span)]}"
            yield replaced(1.02, "sign", node.span, swapped, self.source)
        elif (isinstance(above, Total) and not isinstance(node, Total)) or (
            above is None and not isinstance(node, Total)
        ):
            yield replaced(1.03, "sign", (node.span[0], node.span[0]), minus, self.source, node.span)
        elif above is None:
            start, end = node.span
            yield replaced(1.08, "sign", (start, end), f"{minus}({self.source[start:end]})", self.source)

    # Something else in its place

    def _other(self, spot: Spot, needed: Array, value: Array) -> Iterator[Fix]:
        node = spot.node
        if isinstance(node, Derivative):
            yield from self._turned(node, needed)
        if isinstance(node, Applied) and len(node.args) == 1:
            yield from self._primed(node, needed)
        if isinstance(node, Name):
            yield from self._letter(node, needed)
        if isinstance(node, Raised) and bool(close(self._worth(node.base), needed)):
            kept = self.source[slice(*node.base.span)]
            yield replaced(1.04, "wrong_power", node.span, kept, self.source)
        elif isinstance(node, Group | Name) and bool(close(value * value, needed)):
            yield replaced(1.06, "wrong_power", (node.span[1], node.span[1]), "^2", self.source, node.span)
        if isinstance(node, Group | Applied | Name | Negated):
            yield from self._half(spot, needed)
        if isinstance(node, Group | Times | Total | Applied | Name):
            for atom in self.atoms.like(needed):
                text: str | None = None
                if atom.what == "slope":
                    text = self.speller.slope(atom.ref, atom.activation) or self._local(atom.ref)
                elif atom.what == "rest" and isinstance(node, Name | Group):
                    text = self.speller.rest(atom.ref)
                if text is not None and self._mentions(node, atom.ref):
                    yield replaced(1.09, "wrong_derivative", node.span, text, self.source)

    def _half(self, spot: Spot, needed: Array) -> Iterator[Fix]:
        """Write pred − true for what is one half of it."""
        node = spot.node
        inner = node.body if isinstance(node, Group) else node
        if isinstance(inner, Total) or isinstance(spot.above, Total | Negated):
            return
        for turned, wanted in ((False, needed), (True, -needed)):
            for atom in self.atoms.like(wanted):
                halves = self._halves(atom) if atom.what == "error" and self._is_half(inner, atom.ref) else None
                if halves is None:
                    continue
                first, second = reversed(halves) if turned else halves
                text = f"{first} {self.speller.minus} {second}"
                alone = spot.above is None or isinstance(spot.above, Group)
                yield replaced(1.05, "forgotten_path", node.span, text if alone else f"({text})", self.source)

    def _is_half(self, node: Node, pred: Ref) -> bool:
        """Return whether a part speaks of an output or of its target, and of nothing else."""
        found = {self._meant(name) for name in names(node)}
        return bool(found) and found <= {pred, self._true(pred)}

    def _meant(self, name: Name) -> Any:
        try:
            return self.moves.interpreter.meant(name, {}).what
        except NoMeaning:
            return None

    def _worth(self, node: Node) -> Array:
        """Return what a part is worth; not a number where it has no value by itself, as the e of e^z."""
        try:
            return wide(self.moves.interpreter.value(node, {}).value, self.points)
        except (NoMeaning, NotJudged):
            return np.full(self.points, np.nan)

    def _mentions(self, node: Node, unit: Ref) -> bool:
        """Return whether a part speaks of a unit: of its a or its z."""
        for name in names(node):
            try:
                what = self.moves.interpreter.meant(name, {}).what
            except NoMeaning:
                continue
            if not isinstance(what, Ref) or what.symbol.kind not in ("a", "z", "pred"):
                continue
            depth = self.moves.interpreter.numbers.depth
            layers = [depth if s.kind == "pred" else s.layer for s in (what.symbol, unit.symbol)]
            if layers[0] == layers[1] and what.indices[-1] == unit.indices[-1]:
                return True
        return False

    def _turned(self, node: Derivative, needed: Array) -> Iterator[Fix]:
        """∂a/∂z for ∂z/∂a."""
        interpreter = self.moves.interpreter
        try:
            of, by = interpreter.atoms(node, {})
        except (NoMeaning, NotJudged):
            return
        if isinstance(of, Ref) and isinstance(by, Ref) and bool(close(interpreter.numbers.partial(by, of), needed)):
            above, below = node.of.span, node.by.span
            if above[0] > below[0] or above[1] > below[0]:
                return
            source = self.source
            middle = source[above[1] : below[0]]
            new = source[slice(*below)] + middle + source[slice(*above)]
            yield replaced(1.0, "backwards", (above[0], below[1]), new, source, node.span)

    def _primed(self, node: Applied, needed: Array) -> Iterator[Fix]:
        """σ'(z) for σ(z), and the other way."""
        turned = replace(node, function=replace(node.function, primes=0 if node.function.primes else 1))
        try:
            worth = self.moves.interpreter.value(turned, {}).value
        except (NoMeaning, NotJudged):
            return
        if not bool(close(wide(worth, self.points), needed)):
            return
        name = node.function
        text = self.source[slice(*name.span)]
        if name.primes:
            bare = text.rstrip("'′’").removesuffix(r"^{\prime}").removesuffix(r"^\prime")
            yield replaced(1.0, "wrong_derivative", name.span, bare, self.source, node.span)
        else:
            yield replaced(1.0, "wrong_derivative", (name.span[1], name.span[1]), "'", self.source, node.span)

    def _letter(self, node: Name, needed: Array) -> Iterator[Fix]:
        """A for z, and so on: the same place of another kind."""
        interpreter = self.moves.interpreter
        try:
            what = interpreter.meant(node, {}).what
        except NoMeaning:
            return
        if not isinstance(what, Ref):
            return
        for atom in self.atoms.like(needed):
            ref = atom.ref
            if atom.what != "value" or ref.symbol.kind == what.symbol.kind:
                continue
            text = self.speller.text(ref)
            if text is not None:
                same = ref.symbol.layer == what.symbol.layer and ref.indices == what.indices
                yield replaced(1.07 if same else 1.3, "wrong_symbol", node.span, text, self.source)

    # Two factors beside each other, or two terms

    def _pairs(self, node: Times, needed: Array, value: Array) -> Iterator[Fix]:
        values = [self.spots[id(factor)].value for factor in node.factors]
        for place in range(1, len(values)):
            left, right = (
                np.prod(np.broadcast_arrays(*values[:place]), axis=0),
                np.prod(np.broadcast_arrays(*values[place:]), axis=0),
            )
            if bool(close(needed, wide(left + right, self.points))):
                start, end = node.factors[0].span[0], node.factors[-1].span[1]
                left_text = self.source[start : node.factors[place - 1].span[1]]
                new = f"{left_text} + {self.source[node.factors[place].span[0] : end]}"
                held = isinstance(self.spots[id(node)].above, Times | Negated)
                yield replaced(1.1, "product_for_sum", (start, end), f"({new})" if held else new, self.source)
        for place, (one, other) in enumerate(itertools.pairwise(values)):
            both = one * other
            with np.errstate(all="ignore"):
                wanted = wide(needed / value * both, self.points)
            if np.any(np.isinf(wanted)):
                continue
            span = (node.factors[place].span[0], node.factors[place + 1].span[1])
            for atom in self.atoms.like(wanted):
                text = self._factor(atom) if atom.what == "slope" else None
                if text is not None and any(self._mentions(f, atom.ref) for f in node.factors[place : place + 2]):
                    yield replaced(1.2, "wrong_derivative", span, text, self.source)

    def _multiplied(self, node: Total, needed: Array) -> Iterator[Fix]:
        """A product where a sum stands."""
        values = [wide(self.spots[id(term)].value, self.points) for term in node.terms]
        for place, (one, other) in enumerate(itertools.pairwise(values)):
            if isinstance(node.terms[place + 1], Negated):
                continue
            rest = sum((v for i, v in enumerate(values) if i not in (place, place + 1)), np.zeros(self.points))
            sign = -1 if isinstance(node.terms[place], Negated) else 1
            if bool(close(rest + one * other * sign * sign, needed)):
                between = (node.terms[place].span[1], node.terms[place + 1].span[0])
                shown = (node.terms[place].span[0], node.terms[place + 1].span[1])
                yield replaced(1.02, "sum_for_product", between, self.dot, self.source, shown)

    # A path too few

    def _path(self, spot: Spot, missing: Array) -> Iterator[Fix]:
        """Add the term of a path that was forgotten: a term that stands there, through another unit."""
        node = spot.node
        terms = node.terms if isinstance(node, Total) else (node,)
        if isinstance(spot.above, Total | Negated) and not isinstance(node, Total):
            return
        if isinstance(node, Negated):
            yield from self._before_minus(node, missing)
            return
        end = node.span[1]
        for atom in [*self.atoms.like(missing), *self.atoms.products.like(missing)]:
            text = self._factor(atom)
            if text is not None:
                yield replaced(1.2, "forgotten_path", (end, end), f" + {text}", self.source, node.span)
        for atom in self.atoms.like(-missing):
            text = self._factor(atom)
            if text is not None:
                yield replaced(
                    1.22, "forgotten_path", (end, end), f" {self.speller.minus} {text}", self.source, node.span
                )
        for term in terms:
            if isinstance(term, Negated):
                continue
            for renames, worth in through_others(self.moves, term):
                if bool(close(wide(worth, self.points), missing)):
                    start, end = term.span
                    edits = [
                        Edit(edit.start - start, edit.end - start, edit.text)
                        for name, variant in renames
                        for edit in variant.edits(name, self.source, self.speller.markup)
                    ]
                    text = f" + {applied(self.source[start:end], edits)}"
                    yield replaced(PATH, "forgotten_path", (node.span[1], node.span[1]), text, self.source, node.span)
                    return

    def _before_minus(self, node: Negated, missing: Array) -> Iterator[Fix]:
        """Add the term from which another one is taken."""
        span = (node.span[0], node.body.span[0])
        for atom in [*self.atoms.like(missing), *self.atoms.products.like(missing)]:
            text = self._factor(atom)
            if text is not None:
                new = f"{text} {self.speller.minus} "
                yield replaced(1.2, "forgotten_path", span, new, self.source, node.span)


def through_others(moves: Moves, node: Node) -> Iterator[tuple[list[tuple[Name, Variant]], Array]]:
    """Yield a part of a side with one unit replaced by another in all its names, and what it is worth then."""
    interpreter = moves.interpreter
    program = interpreter.numbers.program
    net = program.network
    assert net is not None
    places = [*places_of(node)]
    meant: list[tuple[Any, Ref]] = []
    for place in places:
        try:
            what = interpreter.meant(place.name, {}).what
        except NoMeaning:
            continue
        if isinstance(what, Partial) and isinstance(what.by, Ref):
            what = what.by
        if isinstance(what, Ref):
            meant.append((place, what))
    units = {unit for _, what in meant for unit in _units(what)}
    for layer, unit in sorted(units):
        for other in range(1, min(net.size(layer), 24) + 1):
            if other == unit:
                continue
            renames = []
            put = {}
            changed: dict[int, dict[int, Variant]] = {}
            holders: dict[int, Node] = {}
            for place, what in meant:
                new = _moved(what, layer, unit, other)
                if new == what:
                    continue
                found = next(
                    (v for v in variants(place.name, interpreter.reading, interpreter.numbers)
                     if (v.what.by if isinstance(v.what, Partial) else v.what) == new), None,
                )  # fmt: skip
                if found is None:
                    break
                renames.append((place.name, found))
                changed.setdefault(id(place.holder), {})[id(place.name)] = found
                holders[id(place.holder)] = place.holder
            else:
                if not renames:
                    continue
                for own, edits in changed.items():
                    put[own] = exactly(moves.worth(holders[own], edits))
                try:
                    yield renames, moves._putting(put).value(node, {}).value
                except NotJudged:
                    continue


def _units(ref: Ref) -> Iterator[tuple[int, int]]:
    """Yield the units that a quantity belongs to: (layer, unit); inputs and outputs stay where they are."""
    indices = [i for i in ref.indices if isinstance(i, int)]
    symbol = ref.symbol
    if symbol.kind == "w":
        assert symbol.layer is not None
        yield symbol.layer, indices[0]
        yield symbol.source or 0, indices[1]
    elif symbol.kind == "b" and symbol.layer:
        yield symbol.layer, indices[0]
    elif symbol.kind in ("z", "a") and symbol.layer:
        yield symbol.layer, indices[-1]


def _moved(ref: Ref, layer: int, unit: int, other: int) -> Ref:
    """Return a quantity with one unit replaced by another."""
    symbol, indices = ref.symbol, list(ref.indices)
    if symbol.kind == "w":
        if symbol.layer == layer and indices[0] == unit:
            indices[0] = other
        if (symbol.source or 0) == layer and indices[1] == unit:
            indices[1] = other
    elif symbol.kind in ("z", "a", "b") and symbol.layer == layer and indices[-1] == unit:
        indices[-1] = other
    return Ref(symbol, tuple(indices))


def constant_of(values: Array) -> Fraction | None:
    """Return the simple fraction that all values are that are numbers, or None."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    first = float(values.flat[0])
    if not np.isfinite(first) or not np.all(abs(values - first) <= 1e-9 * abs(first)):
        return None
    found = Fraction(first).limit_denominator(LARGEST_FACTOR)
    if found == 0 or abs(found.numerator) > LARGEST_FACTOR or abs(float(found) - first) > 1e-9 * abs(first):
        return None
    return found
