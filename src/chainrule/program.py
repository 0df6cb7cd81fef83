"""Network → Program: the forward computation as single-assignment statements in index notation, and its type checker.

A Program knows nothing of layers beyond the labels of its symbols. Batches are an index n over samples in every
statement; a single sample is a batch of one, whose index is not written. For a network z, a, pred and the loss read

    z^l_i[n]  = Σ_j a^{l-1}_j[n] w^l_ij + b^l_i        a^l_i[n] = f(z^l_i[n])
    loss      = Σ_n Σ_k loss(pred_k[n], true_k[n])

with x for a^0 and pred for the last a; a linear output is written at once, pred_k = Σ_j a_j w_kj, as the seed does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from chainrule.algebra import add, atoms, free, mul, number, substitute, substitute_atom, term_indices, total, walk
from chainrule.errors import ProgramError
from chainrule.expr import (
    Atom,
    Call,
    Dim,
    Div,
    Expr,
    Gather,
    Index,
    Lookup,
    Partial,
    Ref,
    Size,
    Sum,
    Symbol,
    Table,
    Term,
)
from chainrule.network import Activation
from chainrule.rules import ACTIVATIONS, LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chainrule.network import Connection, Network, Weight


@dataclass(frozen=True, slots=True)
class Statement:
    """target = expr, for all values of the target's indices.

    Attributes:
        role: what the statement does, in the words of `prose/`: sum, activation, softmax, readout, loss, partial.
    """

    target: Atom
    expr: Expr
    role: str


@dataclass(frozen=True)
class Program:
    """Forward statements in the order they are computed; the last one defines the loss.

    Attributes:
        statements: single-assignment statements.
        parameters: the symbols that are learned, in the figure's order.
        data: the symbols that come from outside (x, true).
        network: the figure it was built from, where there is one.
    """

    statements: tuple[Statement, ...]
    parameters: tuple[Symbol, ...]
    data: tuple[Symbol, ...]
    network: Network | None = field(default=None, compare=False)

    @property
    def root(self) -> Atom:
        """What is differentiated: the target of the last statement."""
        return self.statements[-1].target

    @cached_property
    def symbols(self) -> dict[tuple[str, int | None, int | None], Symbol]:
        """Every symbol but the masks, by kind, layer and source."""
        found = (*self.data, *self.parameters, *(s.target.symbol for s in self.statements if isinstance(s.target, Ref)))
        return {(s.kind, s.layer, s.source): s for s in found}

    @property
    def samples(self) -> Dim:
        """The samples' Dim."""
        return self.data[0].dims[0]


def build(net: Network, *, samples: int | None = 1) -> Program:
    """Return the type-checked Program of a network.

    Args:
        net: the figure.
        samples: how many samples the loss gathers; None for any number, spelled N.

    Example:
        >>> from chainrule import Network
        >>> [str(s.target.symbol) for s in build(Network.read("2-3-2-1")).statements]
        ['z^1', 'a^1', 'z^2', 'a^2', 'pred', 'loss']
    """
    program = _Builder(net, samples).program()
    check(program)
    return program


class _Builder:
    """The symbols of a network under construction, and the statements that use them."""

    def __init__(self, net: Network, samples: int | None) -> None:
        self.net = net
        self.rows = Dim("samples", samples)
        self.n = Index("n", self.rows)
        self.units = [Dim(f"layer {level}", net.size(level)) for level in range(net.depth + 1)]
        self.x = Symbol("x", (self.rows, self.units[0]))
        self.representative = {weight: group[0] for group in net.ties for weight in group}
        self.weights = {(c.target, c.source): self._weight(c) for c in net.connections}
        self.outputs = self.units[net.depth] if net.reads_last_layer else Dim("outputs", len(net.output_units))
        self.pred = Symbol("pred", (self.rows, self.outputs))
        row = LOSSES[net.loss.name]
        self.row = row
        self.true = Symbol("true", (self.rows,) if row.class_index else (self.rows, self.outputs))

    def program(self) -> Program:
        net = self.net
        statements: list[Statement] = []
        parameters: list[Symbol] = []
        for level in range(1, net.depth + 1):
            into = sorted((c for c in net.connections if c.target == level), key=lambda c: -c.source)
            parameters += [
                self.weights[c.target, c.source]
                for c in into
                if self.weights[c.target, c.source].support != frozenset()
            ]
            statements += self._layer(level, into, parameters)
        if not net.reads_last_layer:
            for position, (level, unit) in enumerate(net.output_units, start=1):
                k = Index("k", self.outputs, (position,))
                source = Ref(self._activation(level), (self.n, unit))
                statements.append(Statement(Ref(self.pred, (self.n, k)), source, "readout"))
        statements.append(self._loss())
        return Program(tuple(map(_settled, statements)), tuple(parameters), (self.x, self.true), net)

    def _weight(self, c: Connection) -> Symbol:
        """Return the symbol of a connection's weights; its support leaves out what is missing or tied to another."""
        edges = c.edges
        if self.representative:
            mine = (w for w in self.net.weights() if (w.target, w.source) == (c.target, c.source))
            edges = tuple((w.to, w.origin) for w in mine if self.representative.get(w, w) == w)
            if len(edges) == self.net.size(c.target) * self.net.size(c.source):
                edges = None
        support = None if edges is None else frozenset(edges)
        return Symbol("w", (self.units[c.target], self.units[c.source]), c.target, c.source, support)

    def _activation(self, level: int) -> Symbol:
        if level == 0:
            return self.x
        if level == self.net.depth and self.net.reads_last_layer:
            return self.pred
        return Symbol("a", (self.rows, self.units[level]), level)

    def _layer(self, level: int, into: list[Connection], parameters: list[Symbol]) -> Iterator[Statement]:
        layer = self.net.layers[level - 1]
        i = Index("i", self.units[level])
        terms: list[Expr] = []
        for c in into:
            terms += self._weighted(c, i)
        if any(layer.bias):
            gate = None
            if not all(layer.bias):
                gate = frozenset((unit,) for unit in range(1, layer.size + 1) if layer.has_bias(unit))
            bias = Symbol("b", (self.units[level],), level, support=gate)
            parameters.append(bias)
            mask = [Ref(Symbol("mask", bias.dims, level, support=gate), (i,))] if gate is not None else []
            terms.append(mul(*mask, Ref(bias, (i,)), dot=False))
        after = self._activation(level)
        if after is self.pred and layer.activations == (Activation("identity"),):
            yield Statement(Ref(self.pred, (self.n, i)), add(*terms), "sum")
            return
        before = Symbol("z", (self.rows, self.units[level]), level)
        yield Statement(Ref(before, (self.n, i)), add(*terms), "sum")
        for activation in dict.fromkeys(layer.activations):
            values = tuple(u for u in range(1, layer.size + 1) if layer.activation(u) == activation)
            unit = i if len(values) == layer.size else Index("i", self.units[level], values)
            yield self._activate(activation, before, after, unit)

    def _activate(self, activation: Activation, before: Symbol, after: Symbol, unit: Index) -> Statement:
        target = Ref(after, (self.n, unit))
        if ACTIVATIONS[activation.name].vector:
            m = Index("m", unit.dim)
            return Statement(target, Gather(activation.name, m, Ref(before, (self.n, m)), unit), "softmax")
        parameter = ACTIVATIONS[activation.name].parameter if activation.parameter is None else activation.parameter
        return Statement(target, Call(activation.name, (Ref(before, (self.n, unit)),), parameter), "activation")

    def _weighted(self, c: Connection, i: Index) -> Iterator[Expr]:
        """Yield Σ_j a_j w_ij over a connection: one sum for each weight symbol that its edges stand for."""
        j = Index("j", self.units[c.source])
        before = Ref(self._activation(c.source), (self.n, j))
        for symbol, edges, table in self._owners(c):
            indices: tuple[Term, ...] = (
                (i, j) if table is None else (Lookup(table, 0, (i, j)), Lookup(table, 1, (i, j)))
            )
            mask = []
            if edges is not None:
                gate = Symbol("mask", (i.dim, j.dim), c.target, c.source, support=frozenset(edges))
                mask = [Ref(gate, (i, j))]
            yield total(j, mul(*mask, before, Ref(symbol, indices), dot=False))

    def _owners(self, c: Connection) -> Iterator[tuple[Symbol, list[tuple[int, int]] | None, Table | None]]:
        """Yield the weight symbols that a connection's edges stand for, with those edges and the map of tied ones."""
        own = self.weights[c.target, c.source]
        if not self.representative:
            yield own, None if c.edges is None else list(c.edges), None
            return
        owned: dict[tuple[int, int], list[Weight]] = {}
        for weight in (w for w in self.net.weights() if (w.target, w.source) == (c.target, c.source)):
            chief = self.representative.get(weight, weight)
            owned.setdefault((chief.target, chief.source), []).append(weight)
        for owner, weights in owned.items():
            # Another connection's weights run over other layers, even where the pairs are the same numbers; and a pair
            # that is no edge of this one still needs a place there, though the mask lets nothing of it through.
            elsewhere = owner != (c.target, c.source)
            moved = []
            for weight in weights:
                chief = self.representative.get(weight, weight)
                if elsewhere or (chief.to, chief.origin) != (weight.to, weight.origin):
                    moved.append(((weight.to, weight.origin), (chief.to, chief.origin)))
            whole = len(weights) == self.net.size(c.target) * self.net.size(c.source)
            edges = None if whole else [(w.to, w.origin) for w in weights]
            name = f"{c.target},{c.source}→{owner[0]},{owner[1]}"
            table = Table(name, tuple(moved), otherwise=(1, 1) if elsewhere else None) if moved else None
            yield self.weights[owner], edges, table

    def _loss(self) -> Statement:
        k = Index("k", self.outputs)
        pred = Ref(self.pred, (self.n, k))
        if self.row.class_index:
            true: Expr = Ref(self.true, (self.n,))
            body = self.row.build(k, pred, true)
        elif self.row.vector:
            body = self.row.build(k, pred, Ref(self.true, (self.n, k)))
        else:
            parameter = self.row.parameter if self.net.loss.parameter is None else self.net.loss.parameter
            body = total(k, Call(self.net.loss.name, (pred, Ref(self.true, (self.n, k))), parameter))
        outputs = self.outputs.size if self.net.loss.outputs == "mean" else 1
        coefficient: Expr = number(Fraction(1, outputs or 1))
        expr = total(self.n, body)
        if self.net.loss.samples == "mean":
            if self.rows.size is None:
                coefficient = Div(coefficient, Size(self.rows))
            else:
                coefficient = number(Fraction(1, (outputs or 1) * self.rows.size))
        return Statement(Ref(Symbol("loss")), mul(coefficient, expr, dot=False), "loss")


def _settled(statement: Statement) -> Statement:
    """Return the statement with every index that has a single value (one sample, a layer of one) put in as a number."""
    only: dict[Index, Term] = {index: index.only for index in free(statement.target) if index.only is not None}
    return Statement(substitute_atom(statement.target, only), substitute(statement.expr, only), statement.role)


def check(program: Program) -> None:
    """Raise ProgramError where statements do not fit together.

    An index outside its Dim, one that is not bound, a symbol used before it is assigned, or assigned twice.

    Every pass that makes a Program runs this check on its result.
    """
    known: set[Symbol] = {*program.parameters, *program.data}
    assigned: set[tuple[Symbol, tuple[Term, ...]]] = set()
    for statement in program.statements:
        target = statement.target
        loose = [index for index in free(statement.expr) if index not in free(target)]
        if loose:
            raise ProgramError("unbound_index", index=loose[0].name, target=atom_name(target))
        for atom in (target, *atoms(statement.expr)):
            _check_atom(atom)
        for node in walk(statement.expr):
            if isinstance(node, Sum | Gather) and node.index in free(target):
                raise ProgramError("index_bound_twice", index=node.index.name, target=atom_name(target))
            if isinstance(node, Ref) and node.symbol.kind != "mask" and node.symbol not in known:
                raise ProgramError("used_before", read=str(node.symbol), target=atom_name(target))
        if isinstance(target, Ref):
            if (target.symbol, target.indices) in assigned:
                raise ProgramError("assigned_twice", target=atom_name(target))
            assigned.add((target.symbol, target.indices))
            known.add(target.symbol)


def _check_atom(atom: Atom) -> None:
    if isinstance(atom, Partial):
        _check_atom(atom.of)
        _check_atom(atom.by)
        return
    symbol = atom.symbol
    if len(atom.indices) != len(symbol.dims):
        raise ProgramError("index_count", read=str(symbol), count=len(atom.indices), expected=len(symbol.dims))
    for term, dim in zip(atom.indices, symbol.dims, strict=True):
        if isinstance(term, Index) and term.dim != dim:
            raise ProgramError(
                "index_dim", read=str(symbol), index=term.name, dim=term.dim.name, size=term.dim.size,
                expected=dim.name, expected_size=dim.size,
            )  # fmt: skip
        if isinstance(term, int) and not 1 <= term <= (dim.size or term):
            raise ProgramError("index_range", read=str(symbol), value=term, expected=dim.name, size=dim.size)
        for index in term_indices(term):
            if any(not 1 <= value <= (index.dim.size or value) for value in index.values or ()):
                raise ProgramError(
                    "index_range", read=str(symbol), value=index.values, expected=dim.name, size=dim.size
                )


def atom_name(atom: Atom) -> str:
    """Return what an atom is called in an error."""
    return str(atom.symbol) if isinstance(atom, Ref) else f"∂{atom_name(atom.of)}/∂{atom_name(atom.by)}"
