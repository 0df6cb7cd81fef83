r"""What a formula says of its letters: `(j ≠ k)`, `for i = j`. It is claimed there only.

A condition stands behind a formula, in brackets or after a word, or before it: *If $i \neq j$: …*. It relates two
letters that count units in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from chainrule.judge.syntax import (
    Chain,
    Condition,
    Group,
    LetterCondition,
    Name,
    Negated,
    Node,
    ShapeOf,
    Side,
    Times,
    Total,
    Unread,
)

_RELATIONS = ("=", "≠")

_COUNTING = frozenset("ijkl")
"""Letters that count layers and units, and are no quantities themselves."""


def conditioned(chains: Iterable[Chain]) -> Iterator[Chain]:
    r"""Yield the chains of a formula with what it says of their letters.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> [chain.conditions for chain in read_formula(r"\partial p_k/\partial z_j = -p_k p_j \quad (j \neq k)")]
        [(('j', '≠', 'k'),)]
    """
    waiting: list[Chain] = []
    last: Chain | None = None
    for chain in chains:
        own = condition_of(chain)
        if own is not None:
            if last is not None and not last.conditions and speaks_of(last, own):
                last = replace(last, conditions=(own,))
            else:
                waiting.append(chain)
            continue
        if last is not None:
            yield last
        last = under(_without_trailing(chain), waiting)
        yield from (other for other in waiting if condition_of(other) not in last.conditions)
        waiting = []
    if last is not None:
        yield last
    yield from waiting


def condition_of(chain: Chain) -> LetterCondition | None:
    """Return what a chain says of two letters where it says nothing else."""
    if len(chain.sides) == 2:
        return _related(chain.sides[0].node, chain.relations[0], chain.sides[1].node)
    return _bracketed(chain.sides[0].node)


def gives_range(chain: Chain) -> bool:
    """Return whether a chain says only which values a letter takes: l = L − 1, …, 1, or j ∈ {1, 2, 3}."""
    first = chain.sides[0].node
    if isinstance(first, ShapeOf):
        first = first.body
    bare = isinstance(first, Name) and first.base in _COUNTING and not (first.sub or first.sup or first.suffix)
    return bare and len(chain.sides) == 2 and chain.relations[0] in ("=", "∈", "≤", "<")


def under(chain: Chain, conditions: Iterable[Chain]) -> Chain:
    """Return a chain with the conditions of others that speak of its letters."""
    own = [found for other in conditions if (found := condition_of(other)) is not None and speaks_of(chain, found)]
    return replace(chain, conditions=(*chain.conditions, *own)) if own else chain


def speaks_of(chain: Chain, condition: LetterCondition) -> bool:
    """Return whether both letters of a condition count something in a chain."""
    letters = {letter for name in chain.names for letter in name.sub}
    return {condition[0], condition[2]} <= letters


def _related(left: Node | Unread, relation: str, right: Node | Unread) -> LetterCondition | None:
    if relation not in _RELATIONS or not isinstance(left, Name) or not isinstance(right, Name):
        return None
    bare = all(len(n.base) == 1 and n.base.isalpha() and not (n.sub or n.sup or n.suffix or n.primes)
               for n in (left, right))  # fmt: skip
    return (left.base, relation, right.base) if bare and left.base != right.base else None


def _bracketed(node: Node | Unread) -> LetterCondition | None:
    """Return what (j ≠ k) says; in other brackets it is a number, 1 or 0."""
    if not isinstance(node, Group) or node.bracket != "(" or not isinstance(node.body, Condition):
        return None
    return _related(node.body.left, node.body.relation, node.body.right)


def _without_trailing(chain: Chain) -> Chain:
    """Return a chain with the condition in brackets behind its last side told apart."""
    side = chain.sides[-1]
    if isinstance(side.node, Unread):
        return chain
    node, found = _apart(side.node)
    if found is None or not speaks_of(chain, found):
        return chain
    sides = (*chain.sides[:-1], Side(node, (side.span[0], node.span[1])))
    return replace(chain, sides=sides, conditions=(found,), span=(chain.span[0], node.span[1]))


def _apart(node: Node) -> tuple[Node, LetterCondition | None]:
    """Return a node without a condition behind it, and that condition."""
    if isinstance(node, Negated):
        body, found = _apart(node.body)
        return (replace(node, body=body, span=(node.span[0], body.span[1])), found) if found else (node, None)
    if isinstance(node, Total):
        term, found = _apart(node.terms[-1])
        terms = (*node.terms[:-1], term)
        return (replace(node, terms=terms, span=(node.span[0], term.span[1])), found) if found else (node, None)
    if not isinstance(node, Times) or node.marks[-1] or (found := _bracketed(node.factors[-1])) is None:
        return node, None
    factors, marks = node.factors[:-1], node.marks[:-1]
    if not marks:
        return factors[0], found
    return replace(node, factors=factors, marks=marks, span=(node.span[0], factors[-1].span[1])), found
