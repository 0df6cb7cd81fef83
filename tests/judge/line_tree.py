"""Lines as small trees of their own: what the generator changes, prints and evaluates.

The tree shares no type with `chainrule.expr` or `chainrule.judge.syntax`; `from_expr` reads a Derivation's expression
into it, with every sum over units written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from chainrule import expr as ex
from chainrule.rules import RULES

PRIMITIVE = {"exp", "log", "tanh", "sigmoid", "relu", "leaky_relu", "elu", "softplus", "silu", "max", "min", "abs",
             "sign", "expm1"}  # fmt: skip
"""Functions that a line names; any other is written through its row of the table."""


@dataclass(frozen=True, slots=True)
class Num:
    value: Fraction | float


@dataclass(frozen=True, slots=True)
class Sym:
    """x, w, b, z, a, pred, true or loss at its indices, units counted from 1; a letter runs.

    Without indices it is the whole matrix of a kind that has some.
    """

    kind: str
    layer: int | None = None
    source: int | None = None
    at: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Der:
    """∂of/∂by."""

    of: Sym
    by: Sym


@dataclass(frozen=True, slots=True)
class Neg:
    body: Node


@dataclass(frozen=True, slots=True)
class Add:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """Factors; `tight` ones stand side by side."""

    factors: tuple[Node, ...]
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Div:
    above: Node
    below: Node


@dataclass(frozen=True, slots=True)
class Pow:
    base: Node
    exponent: int


@dataclass(frozen=True, slots=True)
class Fn:
    """A function; `primes` counts its derivatives: σ'(z)."""

    name: str
    args: tuple[Node, ...]
    parameter: float | None = None
    primes: int = 0


@dataclass(frozen=True, slots=True)
class Softmax:
    """softmax of a layer's numbers, at one of them."""

    of: tuple[Sym, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Cond:
    """[left relation right], 1 or 0."""

    left: Node
    relation: str
    right: Node


@dataclass(frozen=True, slots=True)
class SumOver:
    """Σ of body over a letter, from 1 to size."""

    letter: str
    size: int
    body: Node


# Of matrices: sums, signs, numbers, powers and functions work entry by entry, as above.


@dataclass(frozen=True, slots=True)
class Count:
    """The number of samples."""


@dataclass(frozen=True, slots=True)
class Ones:
    """A column of ones, one for each sample."""


@dataclass(frozen=True, slots=True)
class T:
    """The transpose."""

    body: Node


@dataclass(frozen=True, slots=True)
class MatMul:
    """A matrix product."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Had:
    """An elementwise product."""

    factors: tuple[Node, ...]


Node = Num | Sym | Der | Neg | Add | Mul | Div | Pow | Fn | Softmax | Cond | SumOver | Count | Ones | T | MatMul | Had
ONE = Num(Fraction(1))
TWO = Num(Fraction(2))


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below; the symbols of a partial are none."""
    match node:
        case Neg(body) | SumOver(_, _, body) | T(body):
            return (body,)
        case Add(parts) | Mul(parts) | Fn(_, parts) | MatMul(parts) | Had(parts):
            return parts
        case Div(above, below):
            return (above, below)
        case Pow(base):
            return (base,)
        case Cond(left, _, right):
            return (left, right)
    return ()


def rebuilt(node: Node, parts: tuple[Node, ...]) -> Node:
    """Return node with other nodes directly below."""
    match node:
        case Neg():
            return Neg(parts[0])
        case T():
            return T(parts[0])
        case SumOver():
            return replace(node, body=parts[0])
        case Add():
            return Add(parts)
        case MatMul():
            return MatMul(parts)
        case Had():
            return Had(parts)
        case Mul():
            return replace(node, factors=parts)
        case Fn():
            return replace(node, args=parts)
        case Div():
            return Div(*parts)
        case Pow():
            return replace(node, base=parts[0])
        case Cond():
            return replace(node, left=parts[0], right=parts[1])
    return node


Path = tuple[int, ...]


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every node with its place."""
    yield path, node
    for position, child in enumerate(children(node)):
        yield from walk(child, (*path, position))


def put(node: Node, path: Path, new: Node) -> Node:
    """Return node with another one at a place."""
    if not path:
        return new
    parts = list(children(node))
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return rebuilt(node, tuple(parts))


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return node with `change` applied from below upwards."""
    parts = children(node)
    return change(rebuilt(node, tuple(mapped(part, change) for part in parts)) if parts else node)


def size(node: Node) -> int:
    """Return how many nodes there are."""
    return sum(1 for _ in walk(node))


def times(factors: list[Node] | tuple[Node, ...], *, tight: bool = False) -> Node:
    """Return a product; of one factor the factor, of none 1."""
    if not factors:
        return ONE
    return factors[0] if len(factors) == 1 else Mul(tuple(factors), tight)


def plus(terms: list[Node] | tuple[Node, ...]) -> Node:
    """Return a sum; of one term the term."""
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def minus(left: Node, right: Node) -> Add:
    """Return left − right."""
    return Add((left, Neg(right)))


Letters = dict[str, int]
"""What letters stand for."""


def ground(node: Node, letters: Letters) -> Node:
    """Return node at given values of its letters, with its sums written out.

    Raises:
        KeyError: where a letter stands for nothing.
    """
    match node:
        case Sym():
            return _placed(node, letters)
        case Der(of, by):
            return Der(_placed(of, letters), _placed(by, letters))
        case SumOver(letter, size, body):
            return plus([ground(body, {**letters, letter: value}) for value in range(1, size + 1)])
    parts = children(node)
    return rebuilt(node, tuple(ground(part, letters) for part in parts)) if parts else node


def _placed(name: Sym, letters: Letters) -> Sym:
    if not any(isinstance(term, str) for term in name.at):
        return name
    return replace(name, at=tuple(letters[term] if isinstance(term, str) else term for term in name.at))


# Reading a Derivation's expressions

Env = dict[ex.Index, Any]


class NoTree(Exception):
    """An expression that the trees here do not say."""


def from_expr(expr: Any, env: Env | None = None, bound: Iterator[str] | None = None) -> Node:
    """Return a Derivation's expression as a tree.

    Args:
        expr: an expression of one sample, or of whole matrices.
        env: numbers or letters for its free indices.
        bound: letters for its sums; left out, these are written out.
    """
    return _Reader(bound).read(expr, env or {})


class _Reader:
    def __init__(self, bound: Iterator[str] | None) -> None:
        self.bound = bound

    def read(self, expr: Any, env: Env) -> Node:
        match expr:
            case ex.Number(value):
                exact = Fraction(value) if value == int(value) else value
                return Neg(Num(-exact)) if exact < 0 else Num(exact)
            case ex.Ref():
                return self._sym(expr, env)
            case ex.Partial(of, by):
                return Der(self._sym(of, env), self._sym(by, env))
            case ex.Sum(index, body):
                return self._total(index, body, env)
            case ex.Add(terms):
                found = [self.read(term, env) for term in terms]
                return Add(tuple(part for term in found for part in (term.terms if isinstance(term, Add) else (term,))))
            case ex.Mul(factors, dot):
                return _product([self.read(factor, env) for factor in factors], tight=not dot)
            case ex.Div(above, below):
                return Div(self.read(above, env), self.read(below, env))
            case ex.Power(base, exponent):
                return Pow(self.read(base, env), exponent)
            case ex.Iverson(left, relation, right):
                return Cond(self.read(left, env), relation, self.read(right, env))
            case ex.Call(function, args, parameter):
                return self._call(function, args, parameter, env)
            case ex.Gather():
                return self._gather(expr, env)
            case ex.Delta(left, right) if self.bound is None:
                return Num(Fraction(int(_term(left, env) == _term(right, env))))
            case ex.Size():
                return Count()
            case ex.Ones():
                return Ones()
            case ex.Transpose(matrix):
                return T(self.read(matrix, env))
            case ex.Product(left, right):
                return MatMul((self.read(left, env), self.read(right, env)))
            case ex.Hadamard(factors):
                return Had(tuple(self.read(factor, env) for factor in factors))
            case ex.Matrix(symbol, of, None):
                name = Sym(symbol.kind, symbol.layer, symbol.source)
                return name if of is None else Der(Sym(of.kind, of.layer, of.source), name)
        raise NoTree(type(expr).__name__)

    def _total(self, index: ex.Index, body: Any, env: Env) -> Node:
        if self.bound is None:
            return plus([self.read(body, {**env, index: value}) for value in index.range()])
        letter = next(self.bound)
        return SumOver(letter, len(index), self.read(body, {**env, index: letter}))

    def _call(self, function: str, args: tuple[Any, ...], parameter: float | None, env: Env) -> Node:
        if function in PRIMITIVE:
            return Fn(function, tuple(self.read(arg, env) for arg in args), parameter)
        if function == "logcosh":
            return Fn("log", (Fn("cosh", (self.read(args[0], env),)),))
        rule = RULES[function]
        if rule.value is None:
            raise NoTree(function)
        return self.read(rule.value(*args, parameter=parameter), env)

    def _gather(self, expr: ex.Gather, env: Env) -> Node:
        if self.bound is not None or expr.index.dim.name == "samples":
            raise NoTree("Gather")
        items = [self.read(expr.body, {**env, expr.index: value}) for value in expr.index.range()]
        if expr.function == "logsumexp":
            return Fn("log", (plus([Fn("exp", (item,)) for item in items]),))
        if expr.at is None or (isinstance(expr.at, ex.Index) and expr.at not in env):
            raise NoTree("softmax of a matrix")
        unit = _term(expr.at, env)
        if all(isinstance(item, Sym) for item in items):
            return Softmax(tuple(items), unit)  # type: ignore[arg-type]
        return Div(Fn("exp", (items[unit - 1],)), plus([Fn("exp", (item,)) for item in items]))

    def _sym(self, ref: ex.Ref, env: Env) -> Sym:
        symbol = ref.symbol
        terms = ref.indices[1:] if symbol.dims and symbol.dims[0].name == "samples" else ref.indices
        return Sym(symbol.kind, symbol.layer, symbol.source, tuple(_term(term, env) for term in terms))


def _product(factors: list[Node], *, tight: bool) -> Node:
    """Return a product with the signs of its factors in front."""
    negative = sum(isinstance(factor, Neg) for factor in factors) % 2
    bare = [factor.body if isinstance(factor, Neg) else factor for factor in factors]
    found = times([factor for factor in bare if factor != ONE], tight=tight)
    return Neg(found) if negative else found


def _term(term: Any, env: Env) -> Any:
    return env[term] if isinstance(term, ex.Index) else int(term)
