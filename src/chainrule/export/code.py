"""Index notation → array code: each expression becomes a text and the index that each of its axes runs over.

Σ_j a_j[n] w_ij becomes `A_1 @ W_2`, Σ_n a_j[n] ∂loss/∂z_i[n] becomes `A_1.T @ dZ_2`, and what is no matrix product an
einsum. A weight's array is laid out as the page has it, W[j, i] = w_ij; a Dim of one unit keeps its axis. Nothing is
differentiated here, and no shape is decided: the statements say it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.algebra import add, free, mul, opened, substitute
from chainrule.derive import owner
from chainrule.export.dialects import Dialect
from chainrule.export.pieces import (
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    WHOLE,
    Axes,
    Code,
    Opener,
    Region,
    array_name,
    index_of,
    indices_of,
    len_of,
    number_code,
    rank,
    shape_of,
    stored,
    stored_dims,
    summed,
    turned,
)
from chainrule.expr import (
    Add,
    Atom,
    Call,
    Delta,
    Div,
    Expr,
    Gather,
    Index,
    Iverson,
    Mul,
    Number,
    Partial,
    Position,
    Power,
    Ref,
    Size,
    Sum,
    Term,
)
from chainrule.rules import RULES
from chainrule.values.plan import contracted, must_open, support
from chainrule.values.terms import table_values


class Coder:
    """Writes expressions in a dialect, and remembers the constants and helpers that they need."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.constants: dict[str, str] = {}
        self.helpers: dict[str, None] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    def statement(self, target: Atom, expr: Expr) -> tuple[str, Region]:
        """Return the code of a statement's right side, laid out as the target's array, and the part that it defines."""
        ref = owner(target)
        opener = Opener(ref)
        terms = tuple(opener.term(term, dim) for term, dim in zip(stored(ref), stored_dims(ref.symbol), strict=True))
        region = Region(tuple(term if isinstance(term, int) else index_of(term).values for term in terms))
        axes = tuple(term for term in terms if isinstance(term, Index))
        code = self._expanded(self._code(opener.expr(expr), frozenset(axes)), axes)
        if isinstance(target, Partial) and ref.symbol.support is not None and region.whole:
            edges = self._constant("EDGES", support(ref.symbol).T if turned(ref.symbol) else support(ref.symbol))
            code = Code(f"{code.at(PRODUCT)} * {edges}", code.axes, PRODUCT)
        return code.text, region

    # Expressions

    def _code(self, expr: Expr, wanted: frozenset[Index]) -> Code:
        """Return the code of an expression; `wanted` are the indices of one value only that keep their axis."""
        match expr:
            case Number(value):
                return number_code(value)
            case Size(dim):
                if dim.size is not None:
                    return Code(str(dim.size))
                return Code("N")
            case Ref() | Partial():
                return self._atom(expr)
            case Sum() | Mul():
                return self._product(*opened(expr), wanted)
            case Add(terms):
                return self._sum([self._code(term, wanted) for term in terms])
            case Div(above, below):
                left, right = self._aligned([self._code(above, wanted), self._code(below, wanted)])
                return Code(f"{left.at(PRODUCT)} / {right.at(SIGN)}", left.axes, PRODUCT)
            case Power(base, exponent):
                inner = self._code(base, wanted)
                return Code(f"{inner.at(WHOLE)} ** {exponent}", inner.axes, POWER)
            case Call():
                return self._call(expr, wanted)
            case Gather():
                return self._gather(expr, wanted)
            case Iverson(left, relation, right):
                one, other = self._aligned([self._code(left, wanted), self._code(right, wanted)])
                sign = {"<": "<", ">": ">", "≤": "<=", "≥": ">=", "=": "=="}[relation]
                condition = f"{one.at(SUM)} {sign} {other.at(SUM)}"
                return Code(self.dialect.truth.format(condition=condition), one.axes, PRODUCT)
            case Position(term):
                return self._position(term)
            case Delta(left, right):
                return self._delta(left, right)
            case _:
                raise AssertionError(f"no array code for {type(expr).__name__}: whole matrices are for writers only")

    def _atom(self, atom: Atom) -> Code:
        ref = owner(atom)
        if ref.symbol.kind == "mask":
            array = support(ref.symbol)
            name = self._constant("EDGES", array.T if turned(ref.symbol) else array)
        else:
            name = array_name(atom)
        terms = stored(ref)
        indices = [index for term in terms for index in indices_of(term)]
        if any(not isinstance(term, Index | int) for term in terms) or len(set(indices)) < len(indices):
            axes = tuple(dict.fromkeys(indices))
            places = [self._whole("PLACES", table_values(term, axes) - 1) for term in terms]
            return Code(f"{name}[{', '.join(places)}]", axes)
        if all(isinstance(term, Index) and term.values is None for term in terms):
            return Code(name, tuple(term for term in terms if isinstance(term, Index)))
        return self._part(name, terms)

    def _part(self, name: str, terms: tuple[Term, ...]) -> Code:
        """Return an array read at some places; rows or columns that are no stretch are picked an axis at a time."""
        basic, picks, axes = [], [], []
        for term in terms:
            if isinstance(term, int):
                basic.append(str(term - 1))
                continue
            assert isinstance(term, Index)
            axes.append(term)
            values = term.values
            if values is None:
                basic.append(":")
            elif values == tuple(range(values[0], values[-1] + 1)):
                basic.append(f"{values[0] - 1}:{values[-1]}")
            else:
                basic.append(":")
                picks.append((len(axes) - 1, [value - 1 for value in values]))
        text = name if all(part == ":" for part in basic) else f"{name}[{', '.join(basic)}]"
        for axis, values_ in picks:
            listed = self.dialect.listed.format(values=values_)
            text += f"[{', '.join([':'] * axis + [listed])}]"
        return Code(text, tuple(axes))

    def _sum(self, terms: list[Code]) -> Code:
        aligned = self._aligned(terms)
        order = sorted(range(len(aligned)), key=lambda at: aligned[at].text.startswith("-"))
        text = ""
        for at in order:
            term = aligned[at]
            if not text:
                text = term.at(SUM)
            elif term.text.startswith("-") and term.holds >= PRODUCT:
                text += f" - {term.text[1:]}"
            else:
                text += f" + {term.at(PRODUCT)}"
        return Code(text, aligned[0].axes, SUM)

    def _call(self, call: Call, wanted: frozenset[Index]) -> Code:
        name = self.function(call.function)
        if name is None:
            row = RULES[call.function]
            assert row.value is not None, f"{call.function} has neither a value nor a function"
            return self._code(row.value(*call.args, parameter=call.parameter), wanted)
        args = self._aligned([self._code(arg, wanted) for arg in call.args])
        return Code(f"{name}({', '.join(arg.text for arg in args)})", args[0].axes)

    def function(self, name: str) -> str | None:
        """Return what an elementary function is called in the code, and remember the helper that it needs."""
        written = self.dialect.functions.get(name, name)
        if written in self.dialect.helpers:
            self._need(written)
        elif name not in self.dialect.functions:
            return None
        return written

    def _need(self, helper: str) -> None:
        for other in self.dialect.helpers[helper][1]:
            self._need(other)
        self.helpers[helper] = None

    def _gather(self, gather: Gather, wanted: frozenset[Index]) -> Code:
        """Return softmax or log-sum-exp: over the last axis, then read at its place."""
        body = self._code(gather.body, wanted | {gather.index})
        others = tuple(axis for axis in body.axes if axis != gather.index)
        name = self.function(gather.function)
        assert name is not None
        text = f"{name}({self._expanded(body, (*others, gather.index)).text})"
        if gather.at is None:
            return Code(text, others)
        if isinstance(gather.at, Index) and gather.at not in others:
            if gather.at.values is None:
                return Code(text, (*others, gather.at))
            listed = self.dialect.listed.format(values=[value - 1 for value in gather.at.values])
            return Code(f"{text}[..., {listed}]", (*others, gather.at))
        assert isinstance(gather.at, int), "softmax at an index that it runs over already"
        return Code(f"{text}[..., {gather.at - 1}]", others)

    def _position(self, term: Term) -> Code:
        if isinstance(term, int):
            return Code(str(term))
        axes = tuple(dict.fromkeys(indices_of(term)))
        return Code(self._whole("POSITIONS", table_values(term, axes)), axes)

    def _delta(self, left: Term, right: Term) -> Code:
        axes = tuple(dict.fromkeys((*indices_of(left), *indices_of(right))))
        same = table_values(left, axes) == table_values(right, axes)
        return Code(self._constant("SAME", np.broadcast_to(same, tuple(map(len, axes))).astype(float)), axes)

    # Products under Σ

    def _product(self, sums: list[Index], factors: list[Expr], wanted: frozenset[Index]) -> Code:
        for position, factor in enumerate(factors):
            if isinstance(factor, Add) and must_open(factor, sums):
                rest = factors[:position], factors[position + 1 :]
                terms = [summed(sums, mul(*rest[0], term, *rest[1])) for term in factor.terms]
                return self._code(add(*terms), wanted)
        for factor in factors:
            if isinstance(factor, Delta) and (fixed := contracted(factor, sums)) is not None:
                index, other = fixed
                body = mul(*(substitute(f, {index: other}) for f in factors if f is not factor))
                return self._code(summed([s for s in sums if s != index], body), wanted)
        scale = Fraction(1)
        rest_: list[Expr] = []
        for factor in factors:
            if isinstance(factor, Number) and isinstance(factor.value, Fraction):
                scale *= factor.value
            else:
                rest_.append(factor)
        lonely = {i for f in rest_ for i in free(f) if len_of(i) == 1 and i not in wanted and i not in sums}
        inside = wanted | set(sums) | lonely
        codes = self._with_logs(rest_, inside)
        running = [s for s in (*sums, *sorted(lonely, key=lambda i: i.name)) if any(s in code.axes for code in codes)]
        for index in sums:
            if index not in running:  # nothing depends on it: as many times the same
                codes.append(self._code(Size(index.dim), inside))
        return self._scaled(scale, self._contract(codes, running))

    def _scaled(self, scale: Fraction, code: Code | None) -> Code:
        if code is None:
            return number_code(scale)
        if scale in (1, -1):
            return code if scale == 1 else Code(f"-{code.at(SIGN)}", code.axes, PRODUCT)
        number = number_code(abs(scale))
        text = f"{number.at(PRODUCT)} * {code.at(PRODUCT)}"
        return Code(text if scale > 0 else f"-{text}", code.axes, PRODUCT)

    def _with_logs(self, factors: list[Expr], wanted: frozenset[Index]) -> list[Code]:
        """Return the code of factors; a logarithm together with those that weigh it, since 0 log 0 is 0."""
        logs = [f for f in factors if isinstance(f, Call) and f.function == "log"]
        codes = [self._code(f, wanted) for f in factors if f not in logs]
        for log in logs:
            inner = self._code(log.args[0], wanted)
            mine = [code for code in codes if set(code.axes) <= set(inner.axes)]
            codes = [code for code in codes if code not in mine]
            weight = self._multiplied(mine)
            if weight is None:
                codes.append(self._call(log, wanted))
                continue
            one, other = self._aligned([weight, inner])
            codes.append(Code(f"{self.function('xlogy')}({one.text}, {other.text})", one.axes))
        return codes

    def _contract(self, codes: list[Code], sums: list[Index]) -> Code | None:
        """Return Σ over `sums` of a product."""
        if not codes:
            return None
        if not sums:
            return self._multiplied(codes)
        outside = [code for code in codes if not any(s in code.axes for s in sums)]
        group = [code for code in codes if any(s in code.axes for s in sums)]
        return self._multiplied([*outside, self._reduced(group, sums)])

    def _reduced(self, group: list[Code], sums: list[Index]) -> Code:
        if len(group) > 1 and len(sums) == 1:
            product = self._matrix_product(group, sums[0])
            if product is not None:
                return product
        whole = tuple(dict.fromkeys(axis for code in group for axis in code.axes))
        if len(group) == 1 or all(set(code.axes) == set(whole) for code in group):
            code = self._multiplied(group)
            assert code is not None
            rest = tuple(axis for axis in code.axes if axis not in sums)
            if not rest:
                return Code(f"{code.at(WHOLE)}.sum()")
            at = tuple(code.axes.index(s) for s in sums)
            return Code(f"{code.at(WHOLE)}.sum(axis={at[0] if len(at) == 1 else at})", rest)
        letters = {axis: chr(97 + at) for at, axis in enumerate(whole)}
        rest = tuple(sorted((axis for axis in whole if axis not in sums), key=rank))
        pattern = ",".join("".join(letters[a] for a in code.axes) for code in group)
        pattern += "->" + "".join(letters[a] for a in rest)
        operands = ", ".join(code.text for code in group)
        return Code(f'{self.dialect.module}.einsum("{pattern}", {operands})', rest)

    def _matrix_product(self, group: list[Code], index: Index) -> Code | None:
        """Return the product as one of two matrices, or None where it is none."""
        sides: list[list[Code]] = []
        for code in group:  # factors of the same shape are multiplied place by place first
            for side in sides:
                if set(side[0].axes) == set(code.axes):
                    side.append(code)
                    break
            else:
                sides.append([code])
        if len(sides) != 2:
            return None
        left, right = (self._multiplied(side) for side in sides)
        assert left is not None
        assert right is not None
        if len(left.axes) > 2 or len(right.axes) > 2 or (set(left.axes) & set(right.axes)) != {index}:
            return None
        if max(len(left.axes), len(right.axes)) == 1:
            return None
        ranks = [min((rank(a) for a in side.axes if a != index), default=1) for side in (left, right)]
        # Samples are rows; a weight's partial is Aᵀδ, laid out (in, out).
        if ranks[1] < ranks[0] or (ranks == [1, 1] and len(left.axes) == len(right.axes) == 2):
            left, right = right, left
        one = self._turned(left, last=index)
        other = self._turned(right, first=index)
        axes = (*(a for a in one.axes if a != index), *(a for a in other.axes if a != index))
        return Code(f"{one.at(PRODUCT)} @ {other.at(SIGN)}", axes, PRODUCT)

    @staticmethod
    def _turned(code: Code, *, first: Index | None = None, last: Index | None = None) -> Code:
        if len(code.axes) == 1 or code.axes[0] == first or code.axes[-1] == last:
            return code
        return Code(f"{code.at(WHOLE)}.T", tuple(reversed(code.axes)))

    def _multiplied(self, codes: Sequence[Code]) -> Code | None:
        if not codes:
            return None
        if len(codes) == 1:
            return codes[0]
        aligned = self._aligned(codes)
        text = " * ".join(code.at(PRODUCT if at == 0 else SIGN) for at, code in enumerate(aligned))
        return Code(text, aligned[0].axes, PRODUCT)

    # Axes

    def _aligned(self, codes: Sequence[Code]) -> list[Code]:
        """Return pieces of code that broadcast to the same axes, which all of them now name."""
        longest = max(codes, key=lambda code: len(code.axes))
        extra = dict.fromkeys(axis for code in codes for axis in code.axes if axis not in longest.axes)
        axes = longest.axes if not extra else tuple(sorted((*longest.axes, *extra), key=rank))
        return [replace(self._expanded(code, axes, broadcast=True), axes=axes) for code in codes]

    def _expanded(self, code: Code, axes: Axes, *, broadcast: bool = False) -> Code:
        """Return code whose axes are in the order of `axes`, those it lacks added; broadcasting adds leading ones."""
        gone = [axis for axis in code.axes if axis not in axes]
        if gone:  # of one value only
            places = ", ".join("0" if axis in gone else ":" for axis in code.axes)
            code = Code(f"{code.at(WHOLE)}[{places}]", tuple(axis for axis in code.axes if axis not in gone))
        order = tuple(axis for axis in axes if axis in code.axes)
        if order != code.axes:
            if len(order) == 2:
                code = Code(f"{code.at(WHOLE)}.T", order)
            else:
                letters = {axis: chr(97 + at) for at, axis in enumerate(code.axes)}
                pattern = "".join(letters[a] for a in code.axes) + "->" + "".join(letters[a] for a in order)
                code = Code(f'{self.dialect.module}.einsum("{pattern}", {code.text})', order)
        lead = next((at for at, axis in enumerate(axes) if axis in code.axes), len(axes))
        missing = [axis for axis in axes[lead:] if axis not in code.axes]
        if missing and code.axes:
            places = ", ".join(":" if axis in code.axes else "None" for axis in axes[lead:])
            code = Code(f"{code.at(WHOLE)}[{places}]", code.axes)
        if not broadcast and lead and (len(axes) > len(code.axes)):
            code = self._filled(code, axes)
        return code

    def _filled(self, code: Code, axes: Axes) -> Code:
        """Return code with the axes in front that it does not depend on written out."""
        sizes = ["N" if len_of(axis) is None else str(len_of(axis)) for axis in axes]
        zeros = self.dialect.zeros.format(shape=shape_of(sizes))
        return Code(f"{code.at(SUM)} + {zeros}", axes, SUM)

    # Constants

    def _constant(self, name: str, values: Any) -> str:
        return self._named(name, np.asarray(values, dtype=float), self.dialect.constant)

    def _whole(self, name: str, values: Any) -> str:
        return self._named(name, np.asarray(values).astype(int), self.dialect.whole)

    def _named(self, name: str, values: Any, form: str) -> str:
        own = (name, values.shape, values.tobytes())
        if own not in self._known:
            count = sum(1 for known in self._known.values() if known.split("_")[0] == name) + 1
            self._known[own] = f"{name}_{count}"
            plain = values.astype(int) if (values == values.astype(int)).all() else values
            self.constants[self._known[own]] = form.format(values=plain.tolist())
        found = self._known[own]
        return self.dialect.used.format(name=found) if form is self.dialect.constant else found
