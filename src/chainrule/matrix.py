"""The matrix view: the families' index patterns recognised as matrix products, elementwise products and row sums.

The layout, stated on every document: rows are samples; Z_l = A_{l−1} W_l with W_l of shape (in, out), so that
W_l[j, i] = w_{ij}^l; a gradient has the shape of what it is the gradient of. Nothing is derived here: Σ_n a_j[n]
∂loss/∂z_i[n] *is* Aᵀδ once its free indices are laid out as row j and column i, and the transpose appears because the
summed index is the row of A. A pattern that is none of these is left in index notation rather than guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chainrule.algebra import add, free, is_number, mul, negative, opened, substitute, total, walk
from chainrule.derive import Derivation, Family
from chainrule.expr import (
    ONE,
    Add,
    Atom,
    Call,
    Delta,
    Dim,
    Div,
    Expr,
    Gather,
    Hadamard,
    Index,
    Iverson,
    Matrix,
    Mul,
    Number,
    Ones,
    Partial,
    Position,
    Power,
    Product,
    Ref,
    RowSum,
    Size,
    Sum,
    Symbol,
    Term,
    Transpose,
)
from chainrule.views import Lines, Step


@dataclass(frozen=True)
class MatrixStep:
    """One matrix line.

    Attributes:
        family: the index formula that it lays out.
        target: the symbol s of ∂loss/∂S.
        name: δ_l where the line defines one, else None.
        chain: the partials that are multiplied.
        value: the matrix expression, or None where no matrix pattern says it; then `index_form` does.
        index_form: the entry of the result at its row and column, in index notation.
        shape: rows and columns; None is the open number of samples.
        columns: the units that the line is for, where others of the layer have another line.
    """

    derivation: Derivation = field(repr=False)
    family: Family = field(repr=False)
    target: Symbol
    name: Symbol | None
    chain: Expr
    value: Expr | None
    index_form: Step
    shape: tuple[int | None, int | None]
    columns: tuple[int, ...] | None = None

    def opened(self, *, limit: int | None = None, lines: Lines | None = None) -> Iterator[Step]:
        """Yield the scalar Steps that this line gathers (each knows its family, which leads back to this line)."""
        lines = lines or Lines(self.derivation)
        for count, target in enumerate(lines.instances(self.family)):
            if limit is not None and count >= limit:
                return
            yield lines.step(target)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows."""
        from chainrule.show.notebook import step_bundle

        return step_bundle(self)

    def _repr_latex_(self) -> str:
        """Return what an older notebook shows."""
        return self._repr_mimebundle_()["text/latex"]


class _NoPattern(Exception):
    """No matrix pattern says this expression."""


def matrix_steps(derivation: Derivation, *, inputs: bool = False) -> Iterator[MatrixStep]:
    """Yield the matrix lines of a Derivation over any number of samples, in the order of its families.

    Example:
        >>> from chainrule import Network
        >>> for step in matrix_steps(Network.read("2-100-50-1").derive(samples=None)):
        ...     if step.target.kind == "w":
        ...         print(step.target, step.shape)
        w^3 (50, 1)
        w^2 (100, 50)
        w^1 (2, 100)
    """
    lines = Lines(derivation, limit=0)
    for family in derivation.families:
        if family.target.symbol.kind == "x" and not inputs:
            continue
        yield _matrix_step(derivation, family, lines)


def matrix_step_of(step: Step) -> MatrixStep:
    """Return the matrix line that gathers a scalar Step."""
    return _matrix_step(step.derivation, step.family, Lines(step.derivation, limit=0))


def delta_symbol(derivation: Derivation, atom: Atom) -> Symbol | None:
    """Return the δ_l that ∂loss/∂atom is called in the matrix view: of a layer's z, or of a linear output's pred."""
    if not isinstance(atom, Ref):
        return None
    symbol = atom.symbol
    net = derivation.source.network
    if symbol.kind == "z":
        return Symbol("delta", symbol.dims, symbol.layer)
    if symbol.kind == "pred" and net is not None and net.reads_last_layer:
        has_z = any(s.kind == "z" and s.layer == net.depth for s in derivation.of)
        return None if has_z else Symbol("delta", symbol.dims, net.depth)
    return None


def _matrix_step(derivation: Derivation, family: Family, lines: Lines) -> MatrixStep:
    target = family.target
    forms = lines.forms(target)
    assert forms is not None
    value = lay_out(derivation, target, forms.substituted)
    parts = [_chain(link.outer, link.inner, elementwise=link.role == "activation") for link in family.links]
    return MatrixStep(
        derivation, family, target.symbol, delta_symbol(derivation, target), add(*parts), value,
        lines.step(target), shape_of(target.symbol), _columns(target),
    )  # fmt: skip


def shape_of(symbol: Symbol) -> tuple[int | None, int | None]:
    """Return rows and columns of a symbol's matrix."""
    sizes = [dim.size for dim in symbol.dims]
    if symbol.kind == "w":
        return (sizes[1], sizes[0])
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def _chain(outer: Partial | None, inner: Partial, *, elementwise: bool) -> Expr:
    assert isinstance(inner.of, Ref) and isinstance(inner.by, Ref)
    local = Matrix(inner.by.symbol, of=inner.of.symbol)
    if outer is None:
        return local
    assert isinstance(outer.of, Ref) and isinstance(outer.by, Ref)
    first = Matrix(outer.by.symbol, of=outer.of.symbol)
    return Hadamard((first, local)) if elementwise else Product(first, local)


def _columns(ref: Ref) -> tuple[int, ...] | None:
    """Return the columns that a reference is restricted to, if it is."""
    last = ref.indices[-1] if ref.indices else None
    if isinstance(last, Index) and last.values is not None:
        return last.values
    if isinstance(last, int) and ref.symbol.dims[-1].size != 1:
        return (last,)
    return None


def lay_out(derivation: Derivation, target: Ref, expr: Expr) -> Expr | None:
    """Return an index expression, whose free indices are the target's, as a matrix expression; None where it is none.

    Args:
        derivation: names the δs.
        target: says which free index is the row and which the column.
        expr: index notation.
    """
    if target.symbol.kind == "w" and _restricted(target):
        return None  # only some of its entries, because of ties: those are no matrix
    reopen = _Reopen(target)
    try:
        row, col = _rows_and_columns(reopen.ref(target))
        return _Layout(derivation).matrix(reopen.expr(expr), row, col)
    except _NoPattern:
        return None


def _restricted(ref: Ref) -> bool:
    """Return whether a reference is to some of a symbol's places only."""
    return any(
        dim.size != 1 and not (isinstance(term, Index) and term.values is None)
        for term, dim in zip(ref.indices, ref.symbol.dims, strict=True)
    )


def _rows_and_columns(ref: Ref) -> tuple[Index | None, Index | None]:
    terms = ref.indices
    # One entry of a matrix, or one that a tie points to, is no pattern: a whole matrix would say something else.
    if any(not isinstance(term, Index) for term in terms):
        raise _NoPattern
    found = [term if isinstance(term, Index) else None for term in terms]
    if ref.symbol.kind == "w" or (ref.symbol.kind == "mask" and len(found) == 2):
        return found[1], found[0]
    return (None, found[0]) if len(found) == 1 else (found[0], found[1])


class _Reopen:
    """Gives every place of a symbol an index again, so that vectors are matrices of one row or column.

    A Dim of one unit was written as the number 1; a target for only some units of a layer has an index over only those.
    The line is laid out for all of them, and says for which columns it holds.
    """

    def __init__(self, target: Ref) -> None:
        self.whole: dict[tuple[Dim, Term], Index] = {}
        for term, dim in zip(target.indices, target.symbol.dims, strict=True):
            if isinstance(term, int) or (isinstance(term, Index) and term.values is not None):
                self.whole[dim, term] = Index("u", dim)

    def term(self, term: Term, dim: Dim) -> Term:
        if isinstance(term, int) and dim.size == 1:
            return Index("u", dim)
        return self.whole.get((dim, term), term)

    def ref(self, ref: Ref) -> Ref:
        return Ref(ref.symbol, tuple(map(self.term, ref.indices, ref.symbol.dims)))

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Ref():
                return self.ref(expr)
            case Partial(of, by) if isinstance(of, Ref) and isinstance(by, Ref):
                return Partial(self.ref(of), self.ref(by))
            case Sum(index, body):
                return Sum(index, self.expr(body))
            case Add(terms):
                return Add(tuple(map(self.expr, terms)))
            case Mul(factors, dot):
                return Mul(tuple(map(self.expr, factors)), dot)
            case Div(above, below):
                return Div(self.expr(above), self.expr(below))
            case Power(base, exponent):
                return Power(self.expr(base), exponent)
            case Call(function, args, parameter):
                return Call(function, tuple(map(self.expr, args)), parameter)
            case Iverson(left, relation, right):
                return Iverson(self.expr(left), relation, self.expr(right))
            case Gather(function, index, body, at):
                return Gather(function, index, self.expr(body), at)
            case _:
                return expr


class _Layout:
    """Recognises patterns; every method takes the row and column index that its result is laid out by."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation

    def matrix(self, expr: Expr, row: Index | None, col: Index | None) -> Expr:
        match expr:
            case Ref() | Partial():
                return self._atom(expr, row, col)
            case Number() | Size():
                return expr
            case Add(terms):
                return _factored([self._broadcast(term, row, col) for term in terms])
            case Mul() | Sum():
                return self._product(expr, row, col)
            case Div(above, below):
                return Div(self.matrix(above, row, col), self.matrix(below, row, col))
            case Power(base, exponent):
                return Power(self.matrix(base, row, col), exponent)
            case Call(function, args, parameter):
                return Call(function, tuple(self.matrix(arg, row, col) for arg in args), parameter)
            case Iverson(Ref(symbol, (first,)), "=", Position(term)) if (
                first == row and term == col and col is not None
            ):
                # [true = k] over all samples and classes: the targets as rows of zeros with a 1 in the class's column.
                return Matrix(Symbol("onehot", (*symbol.dims, col.dim)))
            case Iverson(left, relation, right):
                return Iverson(self.matrix(left, row, col), relation, self.matrix(right, row, col))
            case Gather(function, index, body, at) if at is not None and at == col:
                return Gather(function, index, self.matrix(substitute(body, {index: at}), row, col), at)
            case _:
                raise _NoPattern

    def _broadcast(self, term: Expr, row: Index | None, col: Index | None) -> Expr:
        """Return a term of a sum; one without a row, a bias, is repeated for every sample."""
        found = self.matrix(term, row, col)
        if row is not None and col is not None and row not in free(term) and isinstance(found, Matrix):
            return Product(Ones(), found)
        return found

    def _atom(self, atom: Atom, row: Index | None, col: Index | None) -> Expr:
        ref = atom.by if isinstance(atom, Partial) else atom
        if not isinstance(ref, Ref):
            raise _NoPattern
        own_row, own_col = _rows_and_columns(ref)
        symbol = ref.symbol
        found: Expr
        if isinstance(atom, Partial):
            if not isinstance(atom.of, Ref) or atom.of != self.derivation.source.root:
                raise _NoPattern
            known = delta_symbol(self.derivation, ref)
            found = Matrix(known) if known else Matrix(symbol, atom.of.symbol)
        else:
            found = Matrix(symbol)
        if _same(own_row, row) and _same(own_col, col):
            return found
        if _same(own_row, col) and _same(own_col, row):
            return Transpose(found)
        if own_row is None and _same(own_col, col):
            return found
        raise _NoPattern

    def _product(self, expr: Expr, row: Index | None, col: Index | None) -> Expr:
        sums, factors = opened(expr)
        for position, factor in enumerate(factors):
            # A δ inside a bracket (softmax's Jacobian) is first multiplied out and contracted.
            if isinstance(factor, Add) and any(isinstance(node, Delta) for node in walk(factor)):
                terms = []
                for term in factor.terms:
                    body: Expr = mul(*factors[:position], term, *factors[position + 1 :])
                    for index in sums:
                        body = total(index, body)
                    terms.append(self.matrix(body, row, col))
                return _factored(terms)
        kept: list[Expr] = []
        inner: dict[Index, None] = dict.fromkeys(sums)
        for factor in factors:
            if isinstance(factor, Number | Size) or (isinstance(factor, Div) and not free(factor)):
                kept.append(factor)
            else:
                inner.update(
                    {i: None for i in free(factor) if i not in (row, col) and self._shared(i, factor, factors)}
                )
        coefficient = mul(*kept, dot=False)
        rest = [factor for factor in factors if factor not in kept]
        found = self._contract(rest, list(inner), row, col)
        if is_number(coefficient, 1):
            return found
        return negative(found) if is_number(coefficient, -1) else mul(coefficient, found)

    @staticmethod
    def _shared(index: Index, factor: Expr, factors: list[Expr]) -> bool:
        """Return whether an index ties a factor to others; the one unit of a layer inside a bracket is its own."""
        own = isinstance(factor, Add) and index.dim.size == 1
        return not own or any(index in free(other) for other in factors if not isinstance(other, Add))

    def _contract(self, factors: list[Expr], inner: list[Index], row: Index | None, col: Index | None) -> Expr:
        if not inner:
            parts = [self.matrix(factor, row, col) for factor in factors]
            return _hadamard(parts) if parts else ONE
        if len(inner) > 1:
            raise _NoPattern
        k = inner[0]
        outside = [factor for factor in factors if k not in free(factor)]
        with_row = [f for f in factors if k in free(f) and row is not None and row in free(f)]
        with_col = [f for f in factors if k in free(f) and f not in with_row]
        if any(row in free(f) and col in free(f) for f in with_row if col is not None):
            raise _NoPattern
        if with_row and not any(col in free(f) for f in with_col if col is not None):
            # Only rows are involved: Σ_k over the columns of one matrix, the same in every column.
            found: Expr = RowSum(self._contract(with_row + with_col, [], row, k))
        elif with_row:
            found = Product(self._contract(with_row, [], row, k), self._contract(with_col, [], k, col))
        elif row is None:
            found = Product(Transpose(Ones()), self._contract(with_col, [], k, col))
        else:
            raise _NoPattern
        return _hadamard([found, *(self.matrix(factor, row, col) for factor in outside)])


def _same(left: Index | None, right: Index | None) -> bool:
    """Return whether two indices lay out alike; one of a Dim of one unit fits any other of it."""
    if left is None or right is None:
        return left is right
    return left == right or (left.dim == right.dim and left.dim.size == 1)


def _hadamard(parts: list[Expr]) -> Expr:
    if len(parts) == 1:
        return parts[0]
    flat: list[Expr] = []
    for part in parts:
        flat.extend(part.factors if isinstance(part, Hadamard) else (part,))
    return Hadamard(tuple(flat))


def _factored(terms: list[Expr]) -> Expr:
    """Return the sum of terms, a factor that all of them have by ⊙ taken out: A ⊙ G − A ⊙ R is A ⊙ (G − R)."""
    opened = [_sign_and_factors(term) for term in terms]
    if len(terms) > 1 and all(len(factors) > 1 for _, factors in opened):
        for common in opened[0][1]:
            if all(common in factors for _, factors in opened):
                rest = []
                for sign, factors in opened:
                    left = list(factors)
                    left.remove(common)
                    rest.append(negative(_hadamard(left)) if sign < 0 else _hadamard(left))
                return Hadamard((common, add(*rest)))
    return add(*terms)


def _sign_and_factors(term: Expr) -> tuple[int, tuple[Expr, ...]]:
    if isinstance(term, Mul) and is_number(term.factors[0], -1) and len(term.factors) == 2:
        return -1, _sign_and_factors(term.factors[1])[1]
    return 1, term.factors if isinstance(term, Hadamard) else (term,)
