"""Index-notation expressions: a closed set of nodes.

An expression is a frozen tree. An *atom* is a named quantity with its indices: `Ref` (z¹_i) or `Partial` (∂loss/∂z¹_i).
Everything else is arithmetic on atoms. How nodes are built and walked stands in `chainrule.algebra`; no calculus stands
here (`chainrule.calculus`), no numbers (`chainrule.values`) and no spelling (`chainrule.notation`, `chainrule.show`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Dim:
    """What an index runs over: the samples, or the units of a layer. `size` None means any number of them."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Index:
    """An index that runs over a Dim, from 1; over only some of it where `values` says so."""

    name: str
    dim: Dim
    values: tuple[int, ...] | None = None

    @property
    def only(self) -> int | None:
        """The one value that the index can take, or None."""
        if self.values is not None:
            return self.values[0] if len(self.values) == 1 else None
        return 1 if self.dim.size == 1 else None

    def range(self) -> tuple[int, ...] | range:
        """Return the values the index takes; the Dim's size must be known."""
        if self.values is not None:
            return self.values
        assert self.dim.size is not None, f"{self.dim.name} has no fixed size"
        return range(1, self.dim.size + 1)

    def __len__(self) -> int:
        return len(self.range())


@dataclass(frozen=True)
class Table:
    """A map from pairs of units to pairs of units: which weight stands for which, where weights are tied.

    A pair that is not listed maps to `otherwise`, or to itself where that is None.
    """

    name: str
    entries: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    otherwise: tuple[int, ...] | None = None

    @cached_property
    def _map(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        return dict(self.entries)

    def at(self, key: tuple[int, ...]) -> tuple[int, ...]:
        """Return what a pair maps to."""
        return self._map.get(key, self.otherwise or key)


@dataclass(frozen=True, slots=True)
class Lookup:
    """An index read from a Table: component `axis` of what the pair `args` maps to."""

    table: Table
    axis: int
    args: tuple[Term, ...]


Term = Index | int | Lookup


ANY_LAYER = -1
"""The layer of a symbol in words about all layers: w_{ij}^l."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One named family of quantities of a Program.

    Attributes:
        kind: x, w, b, z, a, pred, true, loss, or mask (1 where the figure has an edge or a bias, 0 elsewhere).
        dims: what its indices run over.
        layer: the layer it belongs to, where it belongs to one.
        source: for weights, the layer they come from.
        support: for a mask, the places that are 1; for weights and biases, the places that exist, where not all do.
    """

    kind: str
    dims: tuple[Dim, ...] = ()
    layer: int | None = None
    source: int | None = None
    support: frozenset[tuple[int, ...]] | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.layer, self.source))  # what tells symbols apart, but for rare exceptions

    def __str__(self) -> str:
        if self.layer is None:
            return self.kind
        skips = self.source is not None and self.source != self.layer - 1
        return f"{self.kind}^{self.layer}" + (f",{self.source}" if skips else "")


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number, or a float; `name` is how a famous constant is written (λ of SELU)."""

    value: Fraction | float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """How many values a Dim has, where that is left open (N samples)."""

    dim: Dim


@dataclass(frozen=True, slots=True)
class Ref:
    """A symbol at its indices: z¹_i."""

    symbol: Symbol
    indices: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Partial:
    """∂of/∂by: an atom, never a fraction."""

    of: Atom
    by: Atom


@dataclass(frozen=True, slots=True)
class Sum:
    """Σ over an index."""

    index: Index
    body: Expr


@dataclass(frozen=True, slots=True)
class Add:
    """Terms, added in the order they are read."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """Factors, multiplied in the order they are read; with a dot between them (a chain) or side by side (one value)."""

    factors: tuple[Expr, ...]
    dot: bool = True


@dataclass(frozen=True, slots=True)
class Div:
    """A fraction."""

    above: Expr
    below: Expr


@dataclass(frozen=True, slots=True)
class Power:
    """A whole power, 2 or more."""

    base: Expr
    exponent: int


@dataclass(frozen=True, slots=True)
class Call:
    """An elementary function by its name in the table of `chainrule.rules`."""

    function: str
    args: tuple[Expr, ...]
    parameter: float | None = None


@dataclass(frozen=True, slots=True)
class Gather:
    """A function of a whole vector: softmax of `body` over `index`, read `at` one place; or log-sum-exp, at none."""

    function: str
    index: Index
    body: Expr
    at: Term | None = None


@dataclass(frozen=True, slots=True)
class Iverson:
    """[left relation right]: 1 where it holds, 0 elsewhere. The relation is one of < > ≤ ≥ =."""

    left: Expr
    relation: str
    right: Expr


@dataclass(frozen=True, slots=True)
class Position:
    """The value of an index as a number (the class k in [true = k])."""

    term: Term


@dataclass(frozen=True, slots=True)
class Delta:
    """Kronecker's δ: 1 where both indices are equal, 0 elsewhere."""

    left: Term
    right: Term


# Whole matrices, which only `chainrule.matrix` makes and only writers read: what index patterns are recognised as.


@dataclass(frozen=True, slots=True)
class Matrix:
    """A symbol's whole matrix, or ∂of/∂symbol as a matrix; only some of its columns where `columns` says so."""

    symbol: Symbol
    of: Symbol | None = None
    columns: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Transpose:
    """The transpose of a matrix."""

    matrix: Expr


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Hadamard:
    """An elementwise product, ⊙."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class RowSum:
    """The sum of each row, standing in every column."""

    matrix: Expr


@dataclass(frozen=True, slots=True)
class Ones:
    """A column of ones, one for each sample."""


Atom = Ref | Partial
Expr = (
    Number | Size | Ref | Partial | Sum | Add | Mul | Div | Power | Call | Gather | Iverson | Position | Delta
    | Matrix | Transpose | Product | Hadamard | RowSum | Ones
)  # fmt: skip

ZERO, ONE = Number(Fraction(0)), Number(Fraction(1))
