"""Spans of parts together with the marks between them."""

from __future__ import annotations

from chainrule.judge.syntax import Node, Span


def with_mark(parts: tuple[Node, ...], place: int) -> Span:
    """Return the span of one of several parts together with the mark before it, or behind it for the first.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> source = "x = a + b"
        >>> total = read_formula(source)[0].sides[1].node
        >>> [source[slice(*with_mark(total.terms, place))] for place in (0, 1)]
        ['a + ', ' + b']
    """
    if place:
        return (parts[place - 1].span[1], parts[place].span[1])
    return (parts[0].span[0], parts[1].span[0])
