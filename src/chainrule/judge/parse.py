"""The source of one formula → chains of sides.

Tokenisers for LaTeX, plain text and Typst make one kind of tokens (`chainrule.judge.tokens`); one grammar reads a side
from them (`chainrule.judge.tree`). Nothing is computed and nothing that is read is ever run. Every input has an answer:
a side that is no formula is `Unread`, with the place and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from chainrule.judge.conditions import conditioned
from chainrule.judge.grammar import Unexpected
from chainrule.judge.syntax import (
    Chain,
    Listed,
    Literal,
    Name,
    Node,
    ShapeOf,
    Side,
    Span,
    Times,
    Unread,
)
from chainrule.judge.tokens import LIMITS, Limits, Refused, Token
from chainrule.judge.tokens_latex import LatexTokens
from chainrule.judge.tokens_stream import Piece
from chainrule.judge.tokens_text import TextTokens
from chainrule.judge.tokens_typst import TypstTokens
from chainrule.judge.tree import tree_of

_TOKENISERS = {"latex": LatexTokens, "text": TextTokens, "typst": TypstTokens}

_CODE = re.compile(r"(?<![A-Za-z\\])(?:np|numpy|torch|jnp|tf)\.[a-z_]+\(")
"""A function of a library of arrays, which is code whatever stands around it: np.sum(dZ, axis=1)."""

MOST_FORMULAS = 8_192
"""How many formulas are remembered with their trees, some kilobytes each: a class writes many lines again and again."""


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
        unread = Unread("too_long", f"{len(source)}", (0, 40))
        return (Chain((Side(unread, whole),), (), "", whole),)
    return _read(source, markup, limits)


@lru_cache(maxsize=MOST_FORMULAS)
def _read(source: str, markup: str, limits: Limits) -> tuple[Chain, ...]:
    tokeniser = TextTokens if markup == "latex" and _CODE.search(source) else _TOKENISERS[markup]
    pieces = tokeniser(source, limits).read().pieces
    return tuple(conditioned(_chains(pieces, source, limits)))


def _chains(pieces: list[Piece], source: str, limits: Limits) -> Iterator[Chain]:
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
        sides.append(_side(piece, source, limits))
    yield from _chain(sides, relations, lead)


def _chain(sides: list[Side], relations: list[str], lead: str) -> Iterator[Chain]:
    if not sides:
        return
    if isinstance(sides[0].node, ShapeOf) or "∈" in relations:
        sides = [Side(_listed(side.node), side.span) for side in sides]
        if relations == ["∈"] and len(sides) == 2 and not isinstance(sides[0].node, Unread | ShapeOf):
            sides[0] = Side(ShapeOf(sides[0].node, sides[0].span), sides[0].span)
    yield Chain(tuple(sides), tuple(relations), lead, (sides[0].span[0], sides[-1].span[1]))


def _listed(node: Node | Unread) -> Node | Unread:
    """Return 2 × 1 as the items of a shape."""
    if (
        isinstance(node, Times)
        and set(node.marks) <= {"·", "*"}
        and all(isinstance(f, Literal | Name) for f in node.factors)
    ):
        return Listed(node.factors, node.span)
    return node


def _side(piece: Piece, source: str, limits: Limits) -> Side:
    tokens = piece.tokens
    if piece.refused is not None:
        refused = piece.refused
        begun = source[piece.start : refused.span[0]]
        start = tokens[0].start if tokens else piece.start + len(begun) - len(begun.lstrip())
        end = start + len(source[start : max(piece.end, start)].rstrip())
        found = refused.found or source[slice(*refused.span)]
        return Side(Unread(refused.reason, found[:40], refused.span), (start, max(end, refused.span[1])))
    if not tokens:
        return Side(Unread("ends", "", (piece.start, piece.start)), (piece.start, piece.start))
    span = (tokens[0].start, tokens[-1].end)
    try:
        node = tree_of(tokens, 2 * limits.depth)
    except Refused as refused:
        found = refused.found or source[slice(*refused.span)]
        return Side(Unread(refused.reason, found[:40], refused.span), span)
    except Unexpected as problem:
        return Side(_unexpected(problem.token, source, span), span)
    return Side(node, (min(node.span[0], span[0]), max(node.span[1], span[1])))


def _unexpected(token: Token | None, source: str, span: Span) -> Unread:
    if token is None:
        return Unread("ends", "", (span[1], span[1]))
    return Unread("unexpected", source[token.start : token.end][:40], (token.start, token.end))
