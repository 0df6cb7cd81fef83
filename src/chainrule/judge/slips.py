"""Typical mistakes, planted into right lines: each an edit of the source, with the name that the judge should give."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.judge.court import Court, parts_of
from chainrule.judge.fixes import Fix, applied, renamed, replaced
from chainrule.judge.meaning import names
from chainrule.judge.parse import read_formula
from chainrule.judge.spans import with_mark
from chainrule.judge.syntax import Derivative, Group, Literal, Name, Negated, Node, Times, Total, Unread
from chainrule.judge.variants import variants

_TWICE = {"latex": r"2 \cdot ", "typst": "2 dot ", "text": "2 · "}
_PLUS = {"latex": " + ", "typst": " + ", "text": " + "}
_SQUARE = {"latex": "^2", "typst": "^2", "text": "^2"}


@dataclass(frozen=True, slots=True)
class Slip:
    """A planted mistake: its name, the line before and after, and what was changed."""

    kind: str
    before: str
    after: str
    change: tuple[str, str]


def slips(source: str, markup: str, court: Court) -> Iterator[Slip]:
    """Yield every slip that can be planted on a line, in the order of the line.

    Args:
        source: a right line.
        markup: `latex`, `text` or `typst`.
        court: the network under the reading of the line.
    """
    chain = read_formula(source, markup)[0]
    for side in chain.sides[1:]:
        if isinstance(side.node, Unread):
            continue
        for fix in _changes(side.node, source, markup, court):
            yield Slip(fix.kind, source, applied(source, fix.edits), fix.changes[0])


def _changes(node: Node, source: str, markup: str, court: Court) -> Iterator[Fix]:
    for name in names(node):
        for variant in variants(name, court.reading, court.numbers(1)):
            if variant.changed == 1 and variant.kind != "wrong_symbol":
                yield renamed(1, [(name, variant)], source, markup)
    start = node.span[0]
    if not isinstance(node, Total | Negated):
        yield replaced(1, "extra_factor", (start, start), _TWICE[markup], source, node.span)
    for part in parts_of(node):
        if isinstance(part, Times):
            for place in range(len(part.factors)):
                if not isinstance(part.factors[place], Literal):
                    yield replaced(1, "missing_factor", with_mark(part.factors, place), "", source, part.span)
            for left, right in itertools.pairwise(part.factors):
                if isinstance(left, Name) and _is_rest(right, left):
                    inside = f"(1 - ({source[slice(*left.span)]}){_SQUARE[markup]})"
                    yield replaced(1, "wrong_derivative", (left.span[0], right.span[1]), inside, source)
            if len(part.factors) == 2 and all(isinstance(f, Derivative) for f in part.factors):
                between = (part.factors[0].span[1], part.factors[1].span[0])
                yield replaced(1, "sum_for_product", between, _PLUS[markup], source, part.span)
        elif isinstance(part, Total):
            yield from _terms(part, source)
        elif isinstance(part, Derivative) and part.of.span[1] <= part.by.span[0]:
            above, below = part.of.span, part.by.span
            new = source[slice(*below)] + source[above[1] : below[0]] + source[slice(*above)]
            yield replaced(1, "backwards", (above[0], below[1]), new, source, part.span)


def _terms(node: Total, source: str) -> Iterator[Fix]:
    for place, term in enumerate(node.terms[1:], start=1):
        before = node.terms[place - 1].span[1]
        if isinstance(term, Negated):
            sign = source[before : term.body.span[0]].replace("-", "+").replace("−", "+")
            yield replaced(
                1, "sign", (before, term.body.span[0]), sign, source, (node.terms[place - 1].span[0], term.span[1])
            )
        else:
            if any(isinstance(part, Derivative) for part in parts_of(term)):
                yield replaced(1, "forgotten_path", with_mark(node.terms, place), "", source, node.span)
            sign = source[before : term.span[0]].replace("+", "-")
            yield replaced(1, "sign", (before, term.span[0]), sign, source, (before, term.span[1]))


def _is_rest(node: Node, a: Name) -> bool:
    """Return whether a node is (1 − a)."""
    if not isinstance(node, Group) or not isinstance(node.body, Total) or len(node.body.terms) != 2:
        return False
    one, other = node.body.terms
    return (
        isinstance(one, Literal)
        and one.value == 1
        and isinstance(other, Negated)
        and isinstance(other.body, Name)
        and (other.body.base, other.body.sub, other.body.sup) == (a.base, a.sub, a.sup)
    )
