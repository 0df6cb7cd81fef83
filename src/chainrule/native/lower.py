"""Derivation → tile operations: what is computed for each sample, and what is summed over them.

Every symbol with a sample index becomes an array over its other index; the sample index itself is what the emitted code
runs over, many samples at once. Three things are recognised in the statements, by their indices alone:

    Σ_j a_j[n] w_ij        a product with parameters (`Product`): forward, and backward with i and j changed
    Σ_n δ_i[n] a_j[n]      a sum of outer products (`Outer`) or of columns (`Column`): the gradients
    Σ_n …                  the loss (`Loss`)

and everything else is elementwise (`Assign`), after softmax and log-sum-exp have been given arrays of their own
(`Gathered`). Masks and ties are no code: which parameter stands at (j, i) is a table of positions in the flat buffer,
−1 where the figure has no edge. No layer is known here, and no C.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chainrule.algebra import add, atoms, mul, opened, rebuild, substitute, total, walk
from chainrule.derive import Derivation, owner
from chainrule.errors import ProgramError
from chainrule.expr import (
    ZERO,
    Add,
    Atom,
    Delta,
    Div,
    Expr,
    Gather,
    Index,
    Mul,
    Partial,
    Ref,
    Size,
    Sum,
    Symbol,
    Term,
)
from chainrule.native.layout import Layout, layout_of
from chainrule.program import Statement
from chainrule.values.contract import aligned
from chainrule.values.plan import support
from chainrule.values.terms import term_plan, values_of

Places = NDArray[np.int64]
"""Positions in the flat buffer of parameters, −1 where there is none."""


@dataclass(frozen=True)
class Assign:
    """target = expr for each value of the target's unit index: elementwise, but for sums over units inside it."""

    target: Atom
    expr: Expr
    statement: Statement


@dataclass(frozen=True)
class Gathered:
    """target_m = the softmax over m of body, for all m; or target = its log-sum-exp."""

    target: Ref
    function: str
    index: Index
    body: Expr
    statement: Statement


@dataclass(frozen=True, eq=False)
class Product:
    """target_u += Σ_j source_j · parameter[places[j, u]]."""

    target: Atom
    source: Atom
    places: Places
    statement: Statement


@dataclass(frozen=True, eq=False)
class Outer:
    """gradient[places[j, u]] += Σ_n left_u · right_j."""

    left: Atom
    right: Atom
    places: Places
    statement: Statement


@dataclass(frozen=True, eq=False)
class Column:
    """gradient[places[u]] += Σ_n left_u."""

    left: Atom
    places: Places
    statement: Statement


@dataclass(frozen=True)
class Loss:
    """loss = coefficient · Σ_n body."""

    coefficient: Expr
    body: Expr
    statement: Statement


Operation = Assign | Gathered | Product | Outer | Column | Loss


@dataclass(frozen=True)
class Lowered:
    """A Derivation as operations, in order; with what they need to know of the outside.

    Attributes:
        derivation: for any number of samples.
        operations: forward, loss, backward.
        layout: the flat buffer.
        inputs, targets, outputs: how many numbers a sample has.
    """

    derivation: Derivation
    operations: tuple[Operation, ...]
    layout: Layout
    inputs: int
    targets: int
    outputs: int

    def needed(self, want: str) -> tuple[Operation, ...]:
        """Return the operations that pred ("predict"), the loss ("value") or all gradients ("gradient") need."""
        kinds: tuple[type, ...] = {"predict": (), "value": (Loss,), "gradient": (Loss, Outer, Column)}[want]
        live = {"pred"} if want == "predict" else set[str]()
        kept: list[Operation] = []
        for operation in reversed(self.operations):
            target = None if isinstance(operation, Outer | Column | Loss) else identifier(operation.target)
            if isinstance(operation, kinds) or target in live:
                live.update(identifier(atom) for atom in reads(operation))
                kept.append(operation)
        return tuple(reversed(kept))


def lower(derivation: Derivation) -> Lowered:
    """Return a Derivation as tile operations.

    Args:
        derivation: for any number of samples (`Network.derive(samples=None)`).

    Raises:
        ProgramError: where a statement is of none of the known shapes.
    """
    layout = layout_of(derivation.source)
    walker = _Lowerer(layout)
    for statement in derivation.program.statements:
        walker.statement(statement)
    x, true = derivation.source.data
    pred = derivation.source.symbols["pred", None, None]
    widths = [(symbol.dims[1].size or 0) if len(symbol.dims) == 2 else 1 for symbol in (x, true, pred)]
    return Lowered(derivation, tuple(walker.operations), layout, *widths)


def identifier(atom: Atom) -> str:
    """Return the name of an atom's array in code: z1, a1, w2, w3_1, d_z1.

    Example:
        >>> identifier(Partial(Ref(Symbol("loss")), Ref(Symbol("z", layer=1))))
        'd_z1'
    """
    if isinstance(atom, Partial):
        return f"d_{identifier(atom.by)}"
    s = atom.symbol
    skips = s.source is not None and s.layer is not None and s.source != s.layer - 1
    return (
        ("target" if s.kind == "true" else s.kind)
        + ("" if s.layer is None else str(s.layer))
        + (f"_{s.source}" if skips else "")
    )


def unit(atom: Atom) -> Term | None:
    """Return the term of an atom's unit index, or None where it has samples only."""
    ref = owner(atom)
    rest = [t for t, dim in zip(ref.indices, ref.symbol.dims, strict=True) if dim.name != "samples"]
    assert len(rest) <= 1
    return rest[0] if rest else None


def width(atom: Atom) -> int:
    """Return how many units an atom's array has."""
    return next((dim.size or 0 for dim in owner(atom).symbol.dims if dim.name != "samples"), 1)


def reads(operation: Operation) -> Iterator[Atom]:
    """Yield the atoms with a sample index that an operation reads."""
    match operation:
        case Assign(expr=expr) | Gathered(body=expr) | Loss(body=expr):
            yield from (atom for atom in atoms(expr) if is_tile(atom))
        case Product(source=source):
            yield source
        case Outer(left=left, right=right):
            yield from (left, right)
        case Column(left=left):
            yield left


def is_tile(atom: Atom) -> bool:
    """Return whether an atom has a sample index."""
    return any(dim.name == "samples" for dim in owner(atom).symbol.dims)


class _Lowerer:
    """The operations so far."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.operations: list[Operation] = []
        self.gathers: dict[tuple[str, Expr], Symbol] = {}

    def statement(self, statement: Statement) -> None:
        target = statement.target
        expr = self._without_gathers(statement.expr, statement)
        if is_tile(target):
            self._tile(target, expr, statement)
        elif isinstance(target, Partial):
            for sums, factors in distributed(expr):
                self._gradient(target, sums, factors, statement)
        else:
            self._loss(expr, statement)

    # Softmax and log-sum-exp

    def _without_gathers(self, expr: Expr, statement: Statement) -> Expr:
        if not isinstance(expr, Gather):
            return rebuild(expr, lambda child: self._without_gathers(child, statement))
        index = replace(expr.index, name="m")
        body = substitute(expr.body, {expr.index: index})
        samples = next(t for atom in atoms(body) for t in owner(atom).indices if _sampled(t))
        key = (expr.function, body)
        if key not in self.gathers:
            assert isinstance(samples, Index)
            dims = (samples.dim,) if expr.function == "logsumexp" else (samples.dim, index.dim)
            symbol = Symbol(expr.function, dims, layer=len(self.gathers) + 1)
            self.gathers[key] = symbol
            whole: tuple[Term, ...] = (samples,) if expr.function == "logsumexp" else (samples, index)
            self.operations.append(Gathered(Ref(symbol, whole), expr.function, index, body, statement))
        at: tuple[Term, ...] = (samples,) if expr.at is None else (samples, expr.at)
        return Ref(self.gathers[key], at)

    # For each sample

    def _tile(self, target: Atom, expr: Expr, statement: Statement) -> None:
        plain: list[Expr] = []
        products: dict[tuple[str, Term | None], tuple[Atom, list[Places]]] = {}
        for term in expr.terms if isinstance(expr, Add) else (expr,):
            if not any(isinstance(node, Ref) and node.symbol.kind == "w" for node in walk(term)):
                plain.append(term)
                continue
            for _, factors in distributed(term):
                source, places = self._product(target, factors)
                products.setdefault((identifier(source), None), (source, []))[1].append(places)
        self.operations.append(Assign(target, add(*plain) if plain else ZERO, statement))
        for source, found in products.values():
            self.operations += [Product(target, source, places, statement) for places in _merged(found)]

    def _product(self, target: Atom, factors: list[Expr]) -> tuple[Atom, Places]:
        """Return the source of Σ_j source_j w, and where in the buffer the parameter of each (j, unit) is."""
        sources = [f for f in factors if isinstance(f, Ref | Partial) and is_tile(f)]
        weights = [f for f in factors if isinstance(f, Ref) and f.symbol.kind == "w"]
        others = [f for f in factors if f not in sources and f not in weights]
        if len(sources) != 1 or len(weights) != 1 or not all(_is_gate(f) for f in others):
            raise ProgramError("not_compiled", target=identifier(target))
        grid = _Grid(sources[0], target)
        at = self._positions(weights[0].symbol, [grid.values(term) for term in weights[0].indices])
        there = grid.gate(others)
        return sources[0], grid.whole(np.where(there, at, -1))

    def _positions(self, symbol: Symbol, place: list[Places]) -> Places:
        """Return the positions of a parameter at places counted from 1, in the order of its indices."""
        part = self.layout.symbols[symbol]
        if symbol.kind == "b":
            return part.start + place[0] - 1
        return np.asarray(part.start + (place[1] - 1) * part.shape[1] + place[0] - 1)

    # Over all samples

    def _gradient(self, target: Partial, sums: list[Index], factors: list[Expr], statement: Statement) -> None:
        tiles = [f for f in factors if isinstance(f, Ref | Partial) and is_tile(f)]
        others = [f for f in factors if f not in tiles]
        own = owner(target)
        if not any(_sampled(s) for s in sums) or len(tiles) not in (1, 2) or not all(_is_gate(f) for f in others):
            raise ProgramError("not_compiled", target=identifier(target))
        tiles.sort(key=lambda atom: not isinstance(atom, Partial))  # ∂loss/∂z before what it is multiplied with
        grid = _Grid(tiles[-1], tiles[0]) if len(tiles) == 2 else _Grid(None, tiles[0])
        place: list[Places] = []
        there = grid.ones()
        used: list[Expr] = []
        for term in own.indices:
            if isinstance(term, Index) and term not in grid.axes:
                delta, other = next(
                    (d, b) for d in others if isinstance(d, Delta) and d not in used
                    for a, b in ((d.left, d.right), (d.right, d.left)) if a == term
                )  # fmt: skip
                used.append(delta)
                values = grid.values(other)
                there = there & np.isin(values, np.array(values_of(term)))
                place.append(values)
            else:
                place.append(grid.values(term))
        there = there & grid.gate([f for f in others if f not in used])
        if own.symbol.support is not None:
            gate = support(own.symbol)
            inside = [np.clip(p, 1, size) - 1 for p, size in zip(place, gate.shape, strict=True)]
            there = there & (gate[tuple(np.broadcast_arrays(*inside))] == 1)
        places = grid.whole(np.where(there, self._positions(own.symbol, place), -1))
        if len(tiles) == 1:
            self.operations.append(Column(tiles[0], places[0], statement))
            return
        for earlier, operation in enumerate(self.operations):
            if (
                isinstance(operation, Outer)
                and (identifier(operation.left), identifier(operation.right)) == tuple(map(identifier, tiles))
                and not np.any((operation.places >= 0) & (places >= 0))
            ):
                self.operations[earlier] = replace(operation, places=np.maximum(operation.places, places))
                return
        self.operations.append(Outer(tiles[0], tiles[1], places, statement))

    def _loss(self, expr: Expr, statement: Statement) -> None:
        factors = expr.factors if isinstance(expr, Mul) else (expr,)
        sums = [f for f in factors if isinstance(f, Sum) and _sampled(f.index)]
        if len(sums) != 1:
            raise ProgramError("not_compiled", target="loss")
        rest = [f for f in factors if f is not sums[0]]
        self.operations.append(Loss(mul(*rest, dot=False), sums[0].body, statement))


def _sampled(term: Term) -> bool:
    return isinstance(term, Index) and term.dim.name == "samples"


def _is_gate(factor: Expr) -> bool:
    return isinstance(factor, Delta) or (isinstance(factor, Ref) and factor.symbol.kind == "mask")


def _merged(found: list[Places]) -> list[Places]:
    """Return tables of positions put together where no entry is in two of them: ties within one connection."""
    kept: list[Places] = []
    for places in found:
        for position, other in enumerate(kept):
            if not np.any((other >= 0) & (places >= 0)):
                kept[position] = np.maximum(other, places)
                break
        else:
            kept.append(places)
    return kept


def distributed(expr: Expr) -> Iterator[tuple[list[Index], list[Expr]]]:
    """Yield an expression as Σ…Σ of products, brackets multiplied out: the summed indices and factors of each."""
    if isinstance(expr, Add):
        for term in expr.terms:
            yield from distributed(term)
        return
    sums, factors = opened(expr)
    brackets = [f for f in factors if isinstance(f, Add)]
    if not brackets:
        yield sums, factors
        return
    rest = [f for f in factors if not isinstance(f, Add)]
    for chosen in itertools.product(*(bracket.terms for bracket in brackets)):
        body = mul(*rest, *chosen)
        for index in reversed(sums):
            body = total(index, body)
        yield from distributed(body)


class _Grid:
    """All pairs of a source's unit and a target's unit, as axes (source, target) on which terms have values."""

    def __init__(self, source: Atom | None, target: Atom) -> None:
        self.ends = [source, target]
        self.terms = [None if atom is None else unit(atom) for atom in self.ends]
        self.axes = tuple(term for term in self.terms if isinstance(term, Index))
        self.shape = tuple(len(term) if isinstance(term, Index) else 1 for term in self.terms)

    def ones(self) -> NDArray[np.bool_]:
        return np.ones(self.shape, dtype=bool)

    def values(self, term: Term) -> Places:
        """Return a term's values on the grid."""
        found = np.asarray(aligned(term_plan(term), self.axes)({}))
        found = np.broadcast_to(found, tuple(map(len, self.axes))).reshape(self.shape)
        return found.astype(np.int64)

    def gate(self, factors: list[Expr]) -> NDArray[np.bool_]:
        """Return where masks are 1 and δs hold."""
        there = self.ones()
        for factor in factors:
            if isinstance(factor, Delta):
                there = there & (self.values(factor.left) == self.values(factor.right))
            else:
                assert isinstance(factor, Ref)
                place = tuple(self.values(term) - 1 for term in factor.indices)
                there = there & (support(factor.symbol)[place] == 1)
        return there

    def whole(self, places: Places) -> Places:
        """Return the table over all units of both, −1 where the terms do not go."""
        sizes = [1 if atom is None else width(atom) for atom in self.ends]
        found = np.full(sizes, -1, dtype=np.int64)
        at = [np.array(values_of(term)) - 1 if term is not None else np.array([0]) for term in self.terms]
        found[np.ix_(*at)] = places
        return found


def has_size(expr: Expr) -> bool:
    """Return whether the number of samples stands in an expression (a mean over them)."""
    return any(isinstance(node, Size) for node in walk(expr)) or isinstance(expr, Div)
