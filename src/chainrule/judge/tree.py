"""Tokens of one side → its tree: what each rule of grammar.lark makes of its parts.

The grammar knows arithmetic; what a fraction of two differentials is, and how far ∂/∂w or ∇_w reaches, is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from chainrule.judge.functions import LOSS_FUNCTIONS
from chainrule.judge.grammar import Grammar
from chainrule.judge.reading import vocabulary
from chainrule.judge.syntax import (
    Applied,
    Cases,
    Condition,
    Derivative,
    Group,
    Listed,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    ShapeOf,
    Span,
    Summation,
    Times,
    Total,
    Transposed,
)
from chainrule.judge.tokens import Adjoint, Differential, Refused, Token

_NO_NAME = (0, 0)


def tree_of(tokens: list[Token], depth: int) -> Node:
    """Return the tree of a side.

    Args:
        tokens: one or more.
        depth: how deep its nodes may lie in each other.

    Raises:
        Refused: it is half a derivative, or too deep.
        Unexpected: the tokens are no formula.
    """
    node: Node = _grammar().parse(tokens)
    if len(tokens) > depth:
        _check_depth(node, depth)
    return node


def _check_depth(node: Node, depth: int) -> None:
    """Refuse a tree that others could not walk by recursion."""
    stack: list[tuple[Any, int]] = [(node, 0)]
    while stack:
        part, level = stack.pop()
        if isinstance(part, tuple):
            stack.extend((one, level) for one in part)
        elif isinstance(part, Node):
            if level > depth:
                raise Refused("too_deep", "", part.span)
            stack.extend((getattr(part, field.name), level + 1) for field in fields(part) if field.name != "span")


@dataclass(frozen=True, slots=True)
class _Operator:
    """∂/∂by or ∇_by, waiting for what it differentiates."""

    by: Node
    span: Span


@dataclass(frozen=True, slots=True)
class _Braced:
    """What stands in braces; its span has the braces, that of its node has not."""

    node: Any
    span: Span


@dataclass(frozen=True, slots=True)
class _Bracketed:
    """(dw), which may be half of a fraction (dL)/(dw)."""

    adjoint: Adjoint
    node: Group
    span: Span


@dataclass(frozen=True, slots=True)
class _Product:
    """∂ and factors beside it: a differential of them all where it stands above a fraction."""

    factors: tuple[Any, ...]
    marks: tuple[str, ...]
    span: Span


def _part(child: Any) -> Any:
    """Return what a token or a rule gives."""
    if type(child) is Token:
        if child.type == "LISTED":
            return Listed(child.value, (child.start, child.end))
        return child.value
    return child


def _bare(child: Any) -> Any:
    """Return what a child gives, without braces."""
    part = _part(child)
    while type(part) is _Braced:
        part = part.node
    return part


def _whole(child: Any) -> Node:
    """Return a node that has a value by itself, which half a derivative has not."""
    part = _bare(child)
    if isinstance(part, Adjoint):
        return part.name
    if isinstance(part, _Bracketed):
        return part.node
    if isinstance(part, Differential | _Operator | _Product):
        raise Refused("half_derivative", "", part.span)
    return part  # type: ignore[no-any-return]


def _span(child: Any) -> Span:
    """Return where a child stands, with its braces."""
    if type(child) is Token:
        return (child.start, child.end)
    return child.span  # type: ignore[no-any-return]


class _Builder:
    """Builds the tree, rule by rule."""

    def side(self, children: list[Any]) -> Any:
        return _whole(children[0])

    def sum(self, children: list[Any]) -> Any:
        terms = [_whole(children[0])]
        for sign, term in zip(children[1::2], children[2::2], strict=True):
            node = _whole(term)
            terms.append(node if sign.type == "PLUS" else Negated(node, (sign.start, _span(term)[1])))
        return Total(tuple(terms), (_span(children[0])[0], _span(children[-1])[1]))

    def product(self, children: list[Any]) -> Any:
        factors: list[Any] = [_part(children[0])]
        marks: list[str] = []
        for mark, child in zip(children[1::2], children[2::2], strict=True):
            if mark.value == "/":
                factors[-1] = _divided(factors[-1], _part(child))
            else:
                factors.append(_part(child))
                marks.append(mark.value)
        return _multiplied(factors, marks)

    def tight(self, children: list[Any]) -> Any:
        """2n of 1/2n, which is 1/(2n)."""
        number, _, name = children
        return Times((number.value, name.value), ("",), (number.start, name.end))

    def bigsum(self, children: list[Any]) -> Any:
        sign, body = children[0], _whole(children[1])
        letter, lower, upper, unequal = sign.value
        if unequal is not None:  # Σ_{j≠k} is Σ_j of what is 0 for j = k
            factors = (Group(unequal, "[", unequal.span), body)
            body = Times(factors, ("",), (unequal.span[0], _span(children[1])[1]))
        return Summation(letter, lower, upper, body, (sign.start, _span(children[1])[1]))

    def negated(self, children: list[Any]) -> Any:
        return Negated(_whole(children[1]), (children[0].start, _span(children[1])[1]))

    def plus(self, children: list[Any]) -> Any:
        return _whole(children[1])

    def raised(self, children: list[Any]) -> Any:
        base, _, exponent = children
        return Raised(_whole(base), _whole(exponent), (_span(base)[0], _span(exponent)[1]))

    def raised_negative(self, children: list[Any]) -> Any:
        base, _, minus, exponent = children
        end = _span(exponent)[1]
        return Raised(_whole(base), Negated(_whole(exponent), (minus.start, end)), (_span(base)[0], end))

    def transposed(self, children: list[Any]) -> Any:
        body, sign = children
        start = _span(body)[0]
        return Transposed(_whole(body), (start, max(sign.end, _span(body)[1])))

    def shape_after(self, children: list[Any]) -> Any:
        body, word = children
        return ShapeOf(_whole(body), (_span(body)[0], word.end))

    def reduced(self, children: list[Any]) -> Any:
        """Z.sum(axis=0): a function at what stands before it."""
        body, method = children
        return Applied(method.value, (_whole(body),), (_span(body)[0], method.end))

    def shape_before(self, children: list[Any]) -> Any:
        body = _whole(children[1])
        while isinstance(body, Group):
            body = body.body
        return ShapeOf(body, (children[0].start, _span(children[1])[1]))

    def differential(self, children: list[Any]) -> Any:
        return Differential(_whole(children[1]), (children[0].start, _span(children[1])[1]))

    def differential_of_name(self, children: list[Any]) -> Any:
        (token,) = children
        return Differential(token.value, (token.start, token.end))

    def half(self, children: list[Any]) -> Any:
        return Differential(None, (children[0].start, children[0].end))

    def operator(self, children: list[Any]) -> Any:
        (token,) = children
        return _Operator(token.value, (token.start, token.end))

    def group(self, children: list[Any]) -> Any:
        left, body, right = children
        inner = _bare(body)
        span = (left.start, right.end)
        if isinstance(inner, Differential):  # (∂L)/(∂w)
            return _Braced(inner, span)
        node = _whole(inner)
        if isinstance(inner, Adjoint):  # (dL)/(dw)
            return _Bracketed(inner, Group(node, left.value, span), span)
        if isinstance(node, Listed) and node.span == _NO_NAME:
            return Listed(node.items, span)
        return Group(node, left.value, span)

    def braced(self, children: list[Any]) -> Any:
        left, body, right = children
        return _Braced(_bare(body), (left.start, right.end))

    def fraction(self, children: list[Any]) -> Any:
        span = (children[0].start, children[6].end)
        return _fraction(_derived(_bare(children[2])), _bare(children[5]), span)

    def root(self, children: list[Any]) -> Any:
        sign, _, body, right = children
        name = Name("sqrt", "", "", "", 0, _NO_NAME, _NO_NAME, (sign.start, sign.end))
        return Applied(name, (_whole(body),), (sign.start, right.end))

    def applied(self, children: list[Any]) -> Any:
        function, _, args, right = children
        return Applied(function.value, args, (function.start, right.end))

    def entry(self, children: list[Any]) -> Any:
        """softmax(z)_2: the index goes to the function's name."""
        function, _, args, _, below = children
        name = replace(function.value, sub=below.value[0], sub_span=below.value[1])
        return Applied(name, args, (function.start, below.end))

    def applied_bare(self, children: list[Any]) -> Any:
        function, body = children
        return Applied(function.value, (_whole(body),), (function.start, _span(body)[1]))

    def arguments(self, children: list[Any]) -> Any:
        return tuple(_whole(child) for child in children[::2])

    def condition(self, children: list[Any]) -> Any:
        left, relation, right = children
        return Condition(_whole(left), relation.value, _whole(right), (_span(left)[0], _span(right)[1]))

    def listed(self, children: list[Any]) -> Any:
        return Listed(tuple(_whole(child) for child in children[::2]), _NO_NAME)

    def case(self, children: list[Any]) -> Any:
        value = _whole(children[0])
        if len(children) < 4:
            return value, None
        return value, self.condition(children[2:5])

    def cases(self, children: list[Any]) -> Any:
        found = tuple(child for child in children if type(child) is tuple)
        return Cases(found, (children[0].start, children[-1].end))


def _divided(above: Any, below: Any) -> Any:
    start, end = above.span[0], below.span[1]
    if isinstance(above, Negated):  # −a/b is −(a/b), as −a · b is −(a · b)
        return Negated(_whole(_fraction(above.body, _bare(below), (above.body.span[0], end))), (start, end))
    return _fraction(_bare(above), _bare(below), (start, end))


def _fraction(above: Any, below: Any, span: Span) -> Any:
    """Return a fraction: a derivative, an operator that waits for its operand, or a quotient."""
    if isinstance(above, Differential) and isinstance(below, Differential):
        if below.of is None:
            raise Refused("half_derivative", "", below.span)
        return _Operator(below.of, span) if above.of is None else Derivative(above.of, below.of, span)
    of, by = _differential(above), _differential(below)
    if by is not None:
        if of is not None:
            return Derivative(of, by, span)
        if isinstance(above, Name) and above.base == "d":
            if above.sup:
                raise Refused("second_derivative", "", above.span)
            return _Operator(by, span)
        if isinstance(above, Times) and isinstance(above.factors[0], Name) and above.factors[0].base == "d":
            raise Refused("second_derivative", "", above.span)
    return Quotient(_whole(above), _whole(below), span)


def _differential(node: Any) -> Node | None:
    """Return w of dw, of d w, or of either in a bracket."""
    if isinstance(node, _Bracketed):
        return node.adjoint.inner
    if isinstance(node, Group) and isinstance(node.body, Times):
        return _differential(node.body)
    if isinstance(node, Adjoint):
        return node.inner
    if isinstance(node, Times) and not any(node.marks):
        first = node.factors[0]
        if isinstance(first, Name) and first.base == "d" and not first.sub and not first.sup:
            rest = node.factors[1:]
            return rest[0] if len(rest) == 1 else Times(rest, node.marks[1:], (rest[0].span[0], node.span[1]))
    return None


def _derived(part: Any) -> Any:
    """Return what stands above a fraction: ∂ ab is the ∂ of a product."""
    if not isinstance(part, _Product):
        return part
    first = part.factors[0]
    return Differential(_whole(_multiplied([first.of, *part.factors[1:]], list(part.marks))), part.span)


def _multiplied(factors: list[Any], marks: list[str]) -> Any:
    """Return a product; an operator in it takes what it differentiates."""
    if len(factors) == 1:
        return factors[0]
    first = _bare(factors[0])
    if isinstance(first, Differential) and first.of is not None and not any(marks):
        return _Product((first, *factors[1:]), tuple(marks), (factors[0].span[0], factors[-1].span[1]))
    place = 0
    while place < len(factors) - 1:
        operator = _bare(factors[place])
        if isinstance(operator, _Operator):
            _operate(operator, factors, marks, place)
        elif isinstance(operator, Name) and not marks[place] and (args := _arguments(factors[place + 1])):
            span = (factors[place].span[0], factors[place + 1].span[1])
            before = factors[place - 1] if place and not marks[place - 1] else None
            if isinstance(before, Name) and f"{before.base}{operator.base}" in LOSS_FUNCTIONS:
                whole = replace(operator, base=f"{before.base}{operator.base}", span=(before.span[0], operator.span[1]))
                factors[place - 1 : place + 2] = [Applied(whole, args, (before.span[0], span[1]))]  # CE(y, ŷ)
                del marks[place - 1 : place + 1]
            elif _of_its_arguments(operator, args):
                factors[place : place + 2] = [replace(operator, span=span)]
                del marks[place]
            elif isinstance(factors[place + 1], Listed):
                factors[place : place + 2] = [Applied(operator, args, span)]
                del marks[place]
        place += 1
    nodes = tuple(_whole(factor) for factor in factors)
    start, end = factors[0].span[0], factors[-1].span[1]
    if len(nodes) == 1:
        return nodes[0]
    if isinstance(nodes[0], Negated) and not isinstance(factors[0], _Braced):
        # −a · b is −(a · b): the same value, and what a person means.
        body = nodes[0].body
        return Negated(Times((body, *nodes[1:]), tuple(marks), (body.span[0], end)), (start, end))
    return Times(nodes, tuple(marks), (start, end))


def _arguments(node: Any) -> tuple[Node, ...]:
    """Return what stands in a bracket, one or several, as arguments do."""
    if isinstance(node, Listed):
        return node.items
    return (node.body,) if isinstance(node, Group) and node.bracket == "(" else ()


def _of_its_arguments(name: Name, args: tuple[Node, ...]) -> bool:
    """Return whether a quantity is written with what it depends on: J(w, b), L(ŷ, y), ŷ(x)."""
    if not all(isinstance(arg, Name) for arg in args) or name.sub or name.sup:
        return False
    usual = vocabulary()["usual"]
    first = args[0].base if isinstance(args[0], Name) else ""
    if name.base in LOSS_FUNCTIONS:
        return False  # CE(y, ŷ) says which loss it is
    return name.base in usual["loss"] or (name.base in usual["pred"] and first in usual["x"])


def _operate(operator: _Operator, factors: list[Any], marks: list[str], place: int) -> None:
    """Give ∂/∂w the factors beside it: numbers, and then up to the loss, a bracket or a mark."""
    end = place + 1
    while end < len(marks) and not marks[end] and not _closed(factors, end):
        end += 1
    taken = factors[place + 1 : end + 1]
    if any(isinstance(_bare(factor), _Operator) for factor in taken):
        raise Refused("second_derivative", "", operator.span)
    of = _multiplied(taken, marks[place + 1 : end])
    whole = Derivative(_whole(of), operator.by, (operator.span[0], factors[end].span[1]))
    factors[place : end + 1] = [whole]
    del marks[place:end]


def _closed(factors: list[Any], place: int) -> bool:
    """Return whether ∂/∂w reaches no further than a factor: the loss, a bracket, a function, another derivative."""
    node = _bare(factors[place])
    if isinstance(node, Name) and node.base in vocabulary()["usual"]["loss"]:
        return not _arguments(factors[place + 1])
    while isinstance(node, Raised | Transposed):
        node = node.base if isinstance(node, Raised) else node.body
    return isinstance(node, Group | Applied | Derivative | Adjoint)


@cache
def _grammar() -> Grammar:
    return Grammar(_Builder())
