"""Index-notation expressions → C, with the values of a whole vector of samples in each variable.

How an atom is spelled, and whether indices are numbers (unrolled code) or loop variables, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chainrule.algebra import substitute
from chainrule.derive import owner
from chainrule.errors import ProgramError
from chainrule.expr import (
    Add,
    Atom,
    Call,
    Delta,
    Div,
    Expr,
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
from chainrule.native.lower import is_tile
from chainrule.native.target import Target
from chainrule.rules import RULES

PRIMITIVES = {
    name: f"v_{name}" for name in (
        "exp", "expm1", "log", "tanh", "abs", "sign", "max", "min", "sigmoid", "softplus", "logcosh", "normal_cdf",
        "normal_pdf",
    )
}  # fmt: skip
"""The rows of `chainrule.rules` without a value, and the C function of each."""

ADD, MUL, UNARY, ATOM = range(4)
_RELATIONS = {"≤": "<=", "≥": ">=", "=": "==", "<": "<", ">": ">"}


@dataclass(frozen=True, slots=True)
class Piece:
    """C text, how tightly it binds, and whether it is a vector."""

    text: str
    level: int
    vector: bool

    def at(self, least: int) -> str:
        """Return the text, in brackets where it binds less tightly than `least`."""
        return self.text if self.level >= least else f"({self.text})"


@dataclass
class Scribe:
    """Writes expressions as C; statements that must come first go into `before`.

    Attributes:
        target: the number type.
        atom: how an atom is spelled, given the variables of the indices.
        unrolled: whether every index has a number.
        used: the functions of functions.c that were called.
        before: statements that what was written needs.
        indent: what they start with.
        variables: the loop variable of each index, counted from 0.
    """

    target: Target
    atom: Callable[[Atom, Scribe], str]
    unrolled: bool
    used: set[str] = field(default_factory=set)
    before: list[str] = field(default_factory=list)
    indent: str = "  "
    variables: dict[Index, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def vector(self, expr: Expr) -> str:
        """Return an expression as a vector."""
        return self._as_vector(self.write(expr))

    def _as_vector(self, piece: Piece, least: int = ADD) -> str:
        if piece.vector or self.target.scalar:
            return piece.at(least)
        self.used.add("splat")
        return f"splat({piece.text})"

    def place(self, term: Term) -> str:
        """Return an index, counted from 0, as C."""
        if isinstance(term, int):
            return str(term - 1)
        if isinstance(term, Index) and term in self.variables:
            return self.variables[term]
        raise ProgramError("not_compiled", target="an index from a table")

    def write(self, expr: Expr) -> Piece:
        """Return an expression as C."""
        match expr:
            case Ref() | Partial():
                if isinstance(expr, Ref) and expr.symbol.kind == "mask" and expr.symbol.support is None:
                    return Piece("1", ATOM, False)
                return Piece(self.atom(expr, self), ATOM, is_tile(expr))
            case Number(value):
                literal = self.target.literal(float(value))
                return Piece(literal, UNARY if literal.startswith("-") else ATOM, False)
            case Size():
                return Piece("count", ATOM, False)
            case Add(terms):
                return self._add(terms)
            case Mul(factors):
                return self._mul(factors)
            case Div(above, below):
                a, b = self.write(above), self.write(below)
                return Piece(f"{a.at(MUL)} / {b.at(UNARY)}", MUL, a.vector or b.vector)
            case Power(base, exponent):
                piece = self.write(base)
                name = piece.text if piece.level == ATOM and "(" not in piece.text else self._named(piece)
                return Piece(" * ".join([name] * exponent), MUL, piece.vector)
            case Call(function, args, parameter):
                if function not in PRIMITIVES:
                    row = RULES[function]
                    assert row.value is not None, f"{function} has neither a value nor a primitive"
                    return self.write(row.value(*args, parameter=parameter))
                return self._call(PRIMITIVES[function], [self.vector(arg) for arg in args])
            case Iverson(left, relation, right):
                a, b = self.write(left), self.write(right)
                if not (a.vector or b.vector):
                    return Piece(f"(real)({a.at(MUL)} {_RELATIONS[relation]} {b.at(MUL)})", UNARY, False)
                return self._call("truth", [f"{a.at(ADD)} {_RELATIONS[relation]} {b.at(ADD)}"], keep=False)
            case Position(term):
                if isinstance(term, int):
                    return Piece(self.target.literal(term), ATOM, False)
                return Piece(f"(real)({self.place(term)} + 1)", UNARY, False)
            case Delta(left, right):
                return Piece(f"(real)({self.place(left)} == {self.place(right)})", UNARY, False)
            case Sum(index, body):
                return self._sum(index, body)
            case _:
                raise ProgramError("not_compiled", target=type(expr).__name__)

    def _add(self, terms: tuple[Expr, ...]) -> Piece:
        """Return a sum; a term that is −1 times something is subtracted."""
        text, vector = "", False
        for term in terms:
            minus = isinstance(term, Mul) and isinstance(term.factors[0], Number) and term.factors[0].value == -1
            if minus:
                assert isinstance(term, Mul)
                rest = term.factors[1:]
                term = rest[0] if len(rest) == 1 else Mul(rest, term.dot)
            piece = self.write(term)
            vector = vector or piece.vector
            shown = piece.at(MUL)
            text += (f" {'-' if minus else '+'} " if text else "-" if minus else "") + shown
        return Piece(text, ADD, vector)

    def _mul(self, factors: tuple[Expr, ...]) -> Piece:
        flat: list[Expr] = []
        for factor in factors:
            flat += factor.factors if isinstance(factor, Mul) else (factor,)
        bounded = next((y for y in map(_complement, flat) if y is not None and y in flat), None)
        if bounded is not None and self.target.fused:
            # y(1 − y), the slope of a sigmoid and of softmax, in one operation and one rounding; y is never infinite.
            flat.remove(bounded)
            flat.remove(next(f for f in flat if _complement(f) == bounded))
            y = self.write(bounded)
            slope = Piece(f"({y.at(ATOM)} - {y.at(ATOM)} * {y.at(ATOM)})", ATOM, y.vector)
            return self._product([*map(self.write, flat), slope])
        logs = [f for f in flat if isinstance(f, Call) and f.function == "log"]
        rest = [f for f in flat if f not in logs]
        if logs and len(rest) > sum(isinstance(f, Number) for f in rest):
            numbers = [f for f in rest if isinstance(f, Number)]
            weight = self._product([self.write(f) for f in rest if not isinstance(f, Number)])
            log = self._call("v_weighted_log", [self._as_vector(weight), self.vector(logs[0].args[0])])
            return self._product([*map(self.write, numbers), log, *map(self.write, logs[1:])])
        return self._product([self.write(f) for f in flat])

    def _product(self, pieces: list[Piece]) -> Piece:
        if len(pieces) > 1 and pieces[0].text in (self.target.literal(-1.0), self.target.literal(1.0)):
            sign = "-" if pieces[0].text.startswith("-") else ""
            rest = self._product(pieces[1:])
            return Piece(sign + rest.at(UNARY), UNARY, rest.vector) if sign else rest
        if len(pieces) == 1:
            return pieces[0]
        # Numbers first, so that they are multiplied once and not with each vector.
        pieces = sorted(pieces, key=lambda piece: piece.vector)
        text = " * ".join(piece.at(MUL if not position else UNARY) for position, piece in enumerate(pieces))
        return Piece(text, MUL, any(piece.vector for piece in pieces))

    def _call(self, name: str, args: list[str], *, keep: bool = True) -> Piece:
        self.used.add(name)
        piece = Piece(f"{self.target.function(name)}({', '.join(args)})", ATOM, True)
        # What is computed from the same arguments is computed once.
        return Piece(self._named(piece), ATOM, True) if keep else piece

    def _named(self, piece: Piece) -> str:
        if piece.text not in self.names:
            name = f"t{len(self.names) + 1}"
            kind = self.target.kind if piece.vector else "real"
            self.before.append(f"{self.indent}const {kind} {name} = {piece.text};")
            self.names[piece.text] = name
        return self.names[piece.text]

    def _sum(self, index: Index, body: Expr) -> Piece:
        if self.unrolled:
            terms = [substitute(body, {index: value}) for value in index.range()]
            pieces = [self.write(term) for term in terms if not (isinstance(term, Number) and term.value == 0)]
            if not pieces:
                return Piece(self.target.literal(0), ATOM, False)
            if len(pieces) == 1:
                return pieces[0]
            return Piece(" + ".join(p.at(MUL) for p in pieces), ADD, any(p.vector for p in pieces))
        name = f"s{len(self.names) + 1}"
        self.names[name] = name
        variable = f"{index.name.replace(chr(39), '_')}{len(self.names)}"
        # Temporaries inside get names of their own.
        names = {f"{name}.{k}": name for k in range(len(self.names))}
        variables = {**self.variables, index: variable}
        inner = replace(self, before=[], indent=self.indent + "  ", variables=variables, names=names)
        text = inner.vector(body)
        self.before += [
            f"{self.indent}{self.target.kind} {name} = {self.target.zero};",
            f"{self.indent}for (int {variable} = {first(index)}; {variable} < {last(index)}; {variable}++) {{",
            *inner.before,
            f"{inner.indent}{name} += {text};",
            f"{self.indent}}}",
        ]
        return Piece(name, ATOM, True)


def _complement(expr: Expr) -> Expr | None:
    """Return y where an expression is 1 − y."""
    match expr:
        case Add((Number(value), Mul((Number(minus), y)))) if value == 1 and minus == -1:
            return y
    return None


def first(index: Index) -> int:
    """Return where a loop over an index starts, counted from 0; the index's values have no gaps."""
    return index.range()[0] - 1


def last(index: Index) -> int:
    """Return where a loop over an index ends."""
    values = index.range()
    if values[-1] - values[0] + 1 != len(values):
        raise ProgramError("not_compiled", target="a sum with gaps")
    return values[-1]


def runs(values: tuple[int, ...] | range) -> list[tuple[int, int]]:
    """Return values as half-open runs without gaps, counted from 0.

    Example:
        >>> runs((1, 2, 4))
        [(0, 2), (3, 4)]
    """
    found: list[tuple[int, int]] = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value - 1, value))
    return found


def owner_terms(atom: Atom) -> Mapping[int, Term]:
    """Return the terms of an atom's own indices by their position."""
    return dict(enumerate(owner(atom).indices))
