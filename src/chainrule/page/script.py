"""Index-notation expressions → JavaScript, for one sample at a time.

How an atom is spelled, and which variable runs over an index, is the caller's; variables count from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

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
    Lookup,
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

MATH = {
    "exp": "Math.exp", "expm1": "Math.expm1", "log": "Math.log", "tanh": "Math.tanh", "abs": "Math.abs",
    "sign": "Math.sign", "max": "Math.max", "min": "Math.min",
}  # fmt: skip
"""The rows of `chainrule.rules` without a value that JavaScript has."""

OWN = ("sigmoid", "softplus", "logcosh", "normal_cdf", "normal_pdf")
"""Those that functions.js has."""

_RELATIONS = {"≤": "<=", "≥": ">=", "=": "===", "<": "<", ">": ">"}
ADD, MUL, UNARY, ATOM = range(4)


@dataclass
class Scribe:
    """Writes expressions.

    Attributes:
        atom: how an atom's number is read.
        used: the functions of functions.js that were called.
        constant: gives a constant of the module a name, from its text and a word for its kind.
        variables: the variable of each index, which counts from 0.
        count: how the number of samples is read.
    """

    atom: Callable[[Atom, Scribe], str]
    used: set[str]
    constant: Callable[[str, str], str]
    variables: dict[Index, str] = field(default_factory=dict)
    count: str = "count"

    def text(self, expr: Expr) -> str:
        """Return an expression as JavaScript."""
        return self._write(expr)[0]

    def factor(self, expr: Expr) -> str:
        """Return an expression that may be multiplied."""
        return self._at(expr, UNARY)

    def place(self, term: Term) -> str:
        """Return an index, counted from 0."""
        if isinstance(term, int):
            return str(term - 1)
        if isinstance(term, Index):
            return self.variables[term]
        return f"{self._looked_up(term)} - 1"

    def _looked_up(self, term: Lookup) -> str:
        """Return the entry of a Table, counted from 1."""
        self.used.add("lookup")
        table = term.table
        entries = ", ".join(f'["{",".join(map(str, one))}", {list(other)}]' for one, other in table.entries)
        name = self.constant(f"new Map([{entries}])", "table")
        otherwise = "undefined" if table.otherwise is None else str(list(table.otherwise))
        args = ", ".join(f"{self.place(arg)} + 1" for arg in term.args)
        return f"lookup({name}, {otherwise}, {term.axis}, [{args}])"

    def _position(self, term: Term) -> str:
        if isinstance(term, int):
            return str(term)
        return self._looked_up(term) if isinstance(term, Lookup) else f"({self.variables[term]} + 1)"

    def _at(self, expr: Expr, least: int) -> str:
        text, level = self._write(expr)
        return text if level >= least else f"({text})"

    def _write(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Ref() | Partial():
                text = self.atom(expr, self)
                return text, UNARY if text.startswith("+") else ATOM
            case Number(value):
                return repr(float(value)), UNARY if value < 0 else ATOM
            case Size():
                return self.count, ATOM
            case Add(terms):
                return self._add(terms), ADD
            case Mul(factors):
                return self._mul(factors)
            case Div(above, below):
                return f"{self._at(above, MUL)} / {self._at(below, UNARY)}", MUL
            case Power(base, exponent):
                text = self._at(base, ATOM)
                if any(sign in text for sign in "( "):
                    # By multiplication, as the numbers in Python are made; what is multiplied is computed once.
                    return f"((t) => {' * '.join(['t'] * exponent)})({self.text(base)})", ATOM
                return " * ".join([text] * exponent), MUL
            case Call():
                return self._call(expr)
            case Iverson(left, relation, right):
                return f"+({self._at(left, ADD)} {_RELATIONS[relation]} {self._at(right, ADD)})", UNARY
            case Position(term):
                return self._position(term), ATOM
            case Delta(left, right):
                return f"+({self._position(left)} === {self._position(right)})", UNARY
            case Sum(index, body):
                return self._over("sum", index, body), ATOM
            case Gather(function, index, body, at):
                return self._gather(function, index, body, at), ATOM
            case _:
                raise AssertionError(f"no code for {type(expr).__name__}: whole matrices are for writers only")

    def _add(self, terms: tuple[Expr, ...]) -> str:
        text = ""
        for term in terms:
            minus = isinstance(term, Mul) and isinstance(term.factors[0], Number) and term.factors[0].value == -1
            if minus:
                assert isinstance(term, Mul)
                rest = term.factors[1:]
                term = rest[0] if len(rest) == 1 else Mul(rest, term.dot)
            # A unary plus behind a plus would be read as an increment.
            piece = self._at(term, UNARY if minus else MUL)
            piece = f"({piece})" if piece[0] in "+-" and text else piece
            text += (f" {'-' if minus else '+'} " if text else "-" if minus else "") + piece
        return text

    def _mul(self, factors: tuple[Expr, ...]) -> tuple[str, int]:
        flat: list[Expr] = []
        for factor in factors:
            flat += factor.factors if isinstance(factor, Mul) else (factor,)
        logs = [f for f in flat if isinstance(f, Call) and f.function == "log"]
        numbers = [f for f in flat if isinstance(f, Number)]
        weights = [f for f in flat if f not in logs and f not in numbers]
        if logs and weights:
            self.used.add("weighted_log")
            pieces = [self._at(f, UNARY) for f in numbers]
            pieces.append(f"weighted_log({self._joined(weights)}, {self.text(logs[0].args[0])})")
            pieces += [self._at(f, UNARY) for f in logs[1:]]
            return " * ".join(pieces), MUL
        return self._joined(flat), MUL if len(flat) > 1 else UNARY

    def _joined(self, factors: list[Expr]) -> str:
        return " * ".join(self._at(f, UNARY) for f in factors)

    def _call(self, call: Call) -> tuple[str, int]:
        name = MATH.get(call.function)
        if name is None and call.function in OWN:
            self.used.add(call.function)
            name = call.function
        if name is None:
            row = RULES[call.function]
            assert row.value is not None, f"{call.function} has neither a value nor a function"
            return self._write(row.value(*call.args, parameter=call.parameter))
        return f"{name}({', '.join(map(self.text, call.args))})", ATOM

    def _inside(self, index: Index) -> tuple[str, Scribe]:
        name = f"k{len(self.variables)}"
        return name, replace(self, variables={**self.variables, index: name})

    def _over(self, function: str, index: Index, body: Expr) -> str:
        self.used.add(function)
        name, inner = self._inside(index)
        values = ", ".join(str(value - 1) for value in index.range())
        return f"{function}([{values}], ({name}) => {inner.text(body)})"

    def _gather(self, function: str, index: Index, body: Expr, at: Term | None) -> str:
        name, inner = self._inside(index)
        own = "softmax_at" if function == "softmax" else function
        self.used.add(own)
        place = "" if at is None else f", {self.place(at)}"
        return f"{own}({len(index)}, ({name}) => {inner.text(body)}{place})"
