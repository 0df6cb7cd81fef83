"""The source of one formula → chains of sides.

Tokenisers for LaTeX, plain text and Typst make one kind of tokens (`chainrule.judge.tokens`); one grammar, in
grammar.lark, reads a side from them. Nothing is computed and nothing that is read is ever run. Every input has an
answer: a side that is no formula is `Unread`, with the place and the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lark import Lark, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from chainrule.judge.syntax import (
    Applied,
    Cases,
    Chain,
    Condition,
    Derivative,
    Group,
    Listed,
    Literal,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    ShapeOf,
    Side,
    Span,
    Summation,
    Times,
    Total,
    Transposed,
    Unread,
)
from chainrule.judge.tokens import LIMITS, Differential, Limits, Piece, Refused, Token, differential
from chainrule.judge.tokens_latex import LatexTokens
from chainrule.judge.tokens_text import TextTokens, TypstTokens

if TYPE_CHECKING:
    from lark.common import LexerConf

_TOKENISERS = {"latex": LatexTokens, "text": TextTokens, "typst": TypstTokens}


@lru_cache(maxsize=4096)
def read_formula(source: str, markup: str = "latex", limits: Limits = LIMITS) -> tuple[Chain, ...]:
    r"""Return the chains of a formula.

    Args:
        source: one row of mathematics, without its `$`.
        markup: `latex`, `text` or `typst`.
        limits: how much is read.

    Example:
        >>> (chain,) = read_formula(r"\frac{\partial L}{\partial w_1} = 2 a")
        >>> type(chain.sides[0].node).__name__, chain.relations
        ('Derivative', ('=',))
    """
    if len(source) > limits.characters:
        whole = (0, len(source))
        unread = Unread("too_long", f"{len(source)}", (0, min(len(source), 40)))
        return (Chain((Side(unread, whole),), (), "", whole),)
    stream = _TOKENISERS[markup](source, limits).read()
    return tuple(_chains(stream.pieces, source))


def _chains(pieces: list[Piece], source: str) -> Iterator[Chain]:
    sides: list[Side] = []
    relations: list[str] = []
    lead = ""
    for piece in pieces:
        if not piece.relation:
            yield from _chain(sides, relations, lead)
            sides, relations, lead = [], [], piece.lead
            if not piece.tokens and piece.refused is None:
                continue
        else:
            if not sides:  # the row continues the chain of the row before it
                sides.append(Side(Unread("continues", "", (0, 0)), (0, 0)))
            relations.append(piece.relation)
        sides.append(_side(piece, source))
    yield from _chain(sides, relations, lead)


def _chain(sides: list[Side], relations: list[str], lead: str) -> Iterator[Chain]:
    if not sides:
        return
    if isinstance(sides[0].node, ShapeOf) or "∈" in relations:
        sides = [Side(_listed(side.node), side.span) for side in sides]
        if relations == ["∈"] and len(sides) == 2 and not isinstance(sides[0].node, Unread | ShapeOf):
            sides[0] = Side(ShapeOf(sides[0].node, sides[0].span), sides[0].span)
    span = (sides[0].span[0], sides[-1].span[1])
    yield Chain(tuple(sides), tuple(relations), lead, span)


def _listed(node: Node | Unread) -> Node | Unread:
    """Return 2 × 1 as the items of a shape."""
    if (
        isinstance(node, Times)
        and set(node.marks) == {"·"}
        and all(isinstance(f, Literal | Name) for f in node.factors)
    ):
        return Listed(node.factors, node.span)
    return node


def _side(piece: Piece, source: str) -> Side:
    tokens = piece.tokens
    if piece.refused is not None:
        refused = piece.refused
        start = tokens[0].start if tokens else min(refused.span[0], max(piece.start, 0))
        end = max(refused.span[1], tokens[-1].end if tokens else 0)
        return Side(Unread(refused.reason, refused.found[:40], refused.span), (start, max(start, end)))
    if not tokens:
        return Side(Unread("ends", "", (piece.start, piece.start)), (piece.start, piece.start))
    span = (tokens[0].start, tokens[-1].end)
    try:
        node = _parser().parse(tokens)  # type: ignore[arg-type]
    except Refused as refused:
        return Side(Unread(refused.reason, refused.found, refused.span), span)
    except UnexpectedToken as problem:
        at = problem.token
        if at.type == "$END" or at.end_pos is None:
            return Side(Unread("ends", "", (span[1], span[1])), span)
        start, end = at.start_pos or 0, at.end_pos
        return Side(Unread("unexpected", source[start:end][:40], (start, end)), span)
    except UnexpectedInput:
        return Side(Unread("unexpected", source[span[0] : span[1]][:40], span), span)
    if isinstance(node, Differential):
        return Side(Unread("unexpected", source[slice(*node.span)][:40], node.span), span)
    return Side(node, _bounds(node, span))


def _bounds(node: Any, span: Span) -> Span:
    return (min(node.span[0], span[0]), max(node.span[1], span[1]))


class _Lexer(Lexer):
    """Hands our tokens to lark as they are."""

    def __init__(self, conf: LexerConf) -> None:
        del conf

    def lex(self, data: Any) -> Iterator[Any]:
        return iter(data)


class _Half:
    """∂/∂by, waiting for what it differentiates."""

    def __init__(self, by: Node, span: Span) -> None:
        self.by = by
        self.span = span


def _node(child: Any) -> Any:
    """Return the node of a token or of a rule."""
    if type(child) is Token:
        if child.type == "LISTED":
            return Listed(child.value, (child.start, child.end))
        return child.value
    return child


def _whole(child: Any) -> Node:
    """Return a node that has a value by itself, which half a derivative has not."""
    node = _node(child)
    if isinstance(node, Differential | _Half):
        raise Refused("half_derivative", "∂", node.span)
    return node  # type: ignore[no-any-return]


class _Builder(Transformer[Any, Any]):
    """Builds the tree, rule by rule."""

    def side(self, children: list[Any]) -> Any:
        return _whole(children[0])

    def sum(self, children: list[Any]) -> Any:
        if len(children) == 1:
            return _node(children[0])
        terms = [_whole(children[0])]
        for sign, term in zip(children[1::2], children[2::2], strict=True):
            node = _whole(term)
            terms.append(node if sign.type == "PLUS" else Negated(node, (sign.start, node.span[1])))
        return Total(tuple(terms), (terms[0].span[0], terms[-1].span[1]))

    def product(self, children: list[Any]) -> Any:
        if len(children) == 1:
            return _node(children[0])
        factors: list[Any] = [_node(children[0])]
        marks: list[str] = []
        for mark, child in zip(children[1::2], children[2::2], strict=True):
            node = _node(child)
            last = factors[-1]
            if mark.value == "/":
                factors[-1] = _divided(last, node)
            elif isinstance(last, _Half):
                factors[-1] = Derivative(_whole(node), last.by, (last.span[0], node.span[1]))
            else:
                factors.append(node)
                marks.append(mark.value)
        return _multiplied(factors, marks)

    def bigsum(self, children: list[Any]) -> Any:
        sign, body = children[0], _whole(children[1])
        letter, lower, upper = sign.value
        return Summation(letter, lower, upper, body, (sign.start, body.span[1]))

    def negated(self, children: list[Any]) -> Any:
        body = _whole(children[1])
        return Negated(body, (children[0].start, body.span[1]))

    def plus(self, children: list[Any]) -> Any:
        return _whole(children[1])

    def raised(self, children: list[Any]) -> Any:
        base, exponent = _whole(children[0]), _whole(children[2])
        return Raised(base, exponent, (base.span[0], exponent.span[1]))

    def raised_negative(self, children: list[Any]) -> Any:
        base, exponent = _whole(children[0]), _whole(children[3])
        power = Negated(exponent, (children[2].start, exponent.span[1]))
        return Raised(base, power, (base.span[0], exponent.span[1]))

    def transposed(self, children: list[Any]) -> Any:
        body = _whole(children[0])
        return Transposed(body, (body.span[0], children[1].end))

    def shape_after(self, children: list[Any]) -> Any:
        body = _whole(children[0])
        return ShapeOf(body, (body.span[0], children[1].end))

    def shape_before(self, children: list[Any]) -> Any:
        body = _whole(children[1])
        while isinstance(body, Group):
            body = body.body
        return ShapeOf(body, (children[0].start, body.span[1]))

    def differential(self, children: list[Any]) -> Any:
        of = _whole(children[1])
        return Differential(of, (children[0].start, of.span[1]))

    def gradient(self, children: list[Any]) -> Any:
        of = _whole(children[1])
        return Derivative(of, children[0].value, (children[0].start, of.span[1]))

    def group(self, children: list[Any]) -> Any:
        left, body, right = children
        node = _whole(body)
        span = (left.start, right.end)
        if isinstance(node, Listed) and node.span == (0, 0):
            return Listed(node.items, span)
        return Group(node, left.value, span)

    def braced(self, children: list[Any]) -> Any:
        return _node(children[1])

    def fraction(self, children: list[Any]) -> Any:
        span = (children[0].start, children[6].end)
        return _fraction(_node(children[2]), _node(children[5]), span)

    def root(self, children: list[Any]) -> Any:
        body = _whole(children[2])
        name = Name("sqrt", "", "", "", 0, (0, 0), (0, 0), (children[0].start, children[0].end))
        return Applied(name, (body,), (children[0].start, children[3].end))

    def applied(self, children: list[Any]) -> Any:
        function, _, args, right = children
        return Applied(function.value, args, (function.start, right.end))

    def applied_bare(self, children: list[Any]) -> Any:
        function = children[0]
        body = _whole(children[1])
        return Applied(function.value, (body,), (function.start, body.span[1]))

    def arguments(self, children: list[Any]) -> Any:
        return tuple(_whole(child) for child in children[::2])

    def condition(self, children: list[Any]) -> Any:
        left, right = _whole(children[0]), _whole(children[2])
        return Condition(left, children[1].value, right, (left.span[0], right.span[1]))

    def listed(self, children: list[Any]) -> Any:
        return Listed(tuple(_whole(child) for child in children[::2]), (0, 0))

    def case(self, children: list[Any]) -> Any:
        value = _whole(children[0])
        if len(children) < 4:
            return value, None
        left, right = _whole(children[2]), _whole(children[4])
        return value, Condition(left, children[3].value, right, (left.span[0], right.span[1]))

    def cases(self, children: list[Any]) -> Any:
        found = tuple(child for child in children if type(child) is tuple)
        return Cases(found, (children[0].start, children[-1].end))


def _divided(above: Any, below: Any) -> Any:
    return _fraction(above, below, (above.span[0], below.span[1]))


def _fraction(above: Any, below: Any, span: Span) -> Any:
    """Return a fraction: a derivative, an operator that waits for its operand, or a quotient."""
    if isinstance(above, Differential) and isinstance(below, Differential):
        if below.of is None:
            raise Refused("half_derivative", "∂", below.span)
        return _Half(below.of, span) if above.of is None else Derivative(above.of, below.of, span)
    of, by = _spaced_differential(above), _spaced_differential(below)
    if by is not None:
        if of is not None:
            return Derivative(of, by, span)
        if isinstance(above, Name) and above.base == "d" and not above.sub and not above.sup:
            return _Half(by, span)
    return Quotient(_whole(above), _whole(below), span)


def _spaced_differential(node: Any) -> Node | None:
    """Return w of dw, or of d w."""
    if isinstance(node, Name):
        return differential(node)
    if isinstance(node, Times) and len(node.factors) == 2 and node.marks == ("",):
        first = node.factors[0]
        if isinstance(first, Name) and first.base == "d" and not first.sub and not first.sup:
            return node.factors[1]
    return None


def _multiplied(factors: list[Any], marks: list[str]) -> Any:
    if len(factors) == 1:
        return factors[0]
    nodes = [_whole(factor) for factor in factors]
    span = (nodes[0].span[0], nodes[-1].span[1])
    if isinstance(nodes[0], Negated):
        # −a · b is −(a · b): the same value, and what a person means.
        body = nodes[0].body
        return Negated(Times((body, *nodes[1:]), tuple(marks), (body.span[0], span[1])), span)
    return Times(tuple(nodes), tuple(marks), span)


@cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer=_Lexer, transformer=_Builder(), start="side", maybe_placeholders=False)
