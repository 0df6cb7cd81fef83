"""Typical mistakes, planted into right lines: each an edit of the source, with the name that the judge should give.

Which of them the judge indeed calls by that name is not decided here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.judge.court import Court
from chainrule.judge.fixes import Fix, applied, renamed, replaced
from chainrule.judge.parse import read_formula
from chainrule.judge.spans import with_mark
from chainrule.judge.syntax import (
    Chain,
    Condition,
    Derivative,
    Group,
    Literal,
    Name,
    Negated,
    Node,
    Raised,
    Times,
    Total,
    Transposed,
    Unread,
    names,
    parts_of,
)
from chainrule.judge.variants import variants

_TWICE = {"latex": r"2 \cdot ", "typst": "2 dot "}
_HALF = {"latex": r"\frac{1}{2} \cdot ", "typst": "frac(1, 2) dot "}
_TIMES = {"latex": r" \cdot ", "typst": " dot "}
_ENTRYWISE = {"latex": r" \odot ", "typst": " dot.o "}
_SQUARE = "^2"
_TURNED = "^T"


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
        markup: `latex` or `typst`.
        court: the network under the reading of the line.
    """
    (chain,) = read_formula(source, markup)
    changes = _Changes(chain, source, markup, court)
    for fix in (*changes.target(), *itertools.chain.from_iterable(map(changes.side, chain.sides[1:]))):
        yield Slip(fix.kind, source, applied(source, fix.edits), fix.changes[0])


class _Changes:
    """What can be changed on one line."""

    def __init__(self, chain: Chain, source: str, markup: str, court: Court) -> None:
        self.chain = chain
        self.source = source
        self.markup = markup
        self.court = court
        self.matrices = court.matrices(chain)
        self.numbers = court.numbers(court.samples_for(chain))

    def _text(self, node: Node) -> str:
        return self.source[slice(*node.span)]

    def target(self) -> Iterator[Fix]:
        """Yield other left sides; only where several right sides say together that the left one is wrong."""
        node = self.chain.sides[0].node
        if isinstance(node, Derivative) and len(self.chain.sides) > 2:
            for fix in self._renames(node.by):
                yield Fix(fix.cost, "wrong_side", fix.edits, fix.changes)

    def side(self, side: object) -> Iterator[Fix]:
        """Yield what can be changed in a side."""
        node = getattr(side, "node", None)
        if node is None or isinstance(node, Unread):
            return
        for name in names(node):
            yield from self._renames(name)
        start = node.span[0]
        if not isinstance(node, Total | Negated):
            for text in (_TWICE, _HALF):
                yield self._replaced("extra_factor", (start, start), text[self.markup], node)
        for part in parts_of(node):
            match part:
                case Times():
                    yield from self._factors(part)
                case Total():
                    yield from self._terms(part)
                case Derivative() if part.of.span[1] <= part.by.span[0]:
                    above, below = part.of.span, part.by.span
                    between = self.source[above[1] : below[0]]
                    new = self._text(part.by) + between + self._text(part.of)
                    yield self._replaced("backwards", (above[0], below[1]), new, part)
                case Raised() if isinstance(part.exponent, Literal):
                    yield self._replaced("wrong_power", (part.base.span[1], part.span[1]), "", part)
                case Transposed() if part.body.span[1] < part.span[1]:
                    yield self._replaced("missing_transpose", (part.body.span[1], part.span[1]), "", part)
                case Group(body=Condition(left=Name() as z)):  # the slope of ReLU is not a
                    yield self._replaced("wrong_derivative", part.span, f"{self._text(z)}", part)
                case Group(body=Total(terms=(Literal(value=one), Negated()))) if one == 1:
                    yield from self._slopes(part)
                case _:
                    pass

    def _replaced(self, kind: str, span: tuple[int, int], new: str, shown: Node) -> Fix:
        return replaced(1, kind, span, new, self.source, shown.span)

    def _renames(self, node: Node) -> Iterator[Fix]:
        if isinstance(node, Name):
            for variant in variants(node, self.court.reading, self.numbers):
                other = self.court.reading.kinds.get(variant.name.base)
                if variant.changed == 1 or (variant.kind == "wrong_symbol" and other != "delta"):
                    yield renamed(1, [(node, variant)], self.source, self.markup)

    def _slopes(self, rest: Group) -> Iterator[Fix]:
        """Yield the derivative of another activation: a(1 − a) for 1 − a²."""
        assert isinstance(rest.body, Total)
        squared = rest.body.terms[1]
        if isinstance(squared, Negated) and isinstance(squared.body, Raised):
            base = squared.body.base
            a = self._text(base.body if isinstance(base, Group) else base)
            yield self._replaced("wrong_derivative", rest.span, f"{a}(1 - {a})", rest)

    def _factors(self, node: Times) -> Iterator[Fix]:
        factors, source = node.factors, self.source
        for place, factor in enumerate(factors):
            if not (isinstance(factor, Literal) and factor.value == 1):
                yield self._replaced("missing_factor", with_mark(factors, place), "", node)
            if self.matrices and isinstance(factor, Name) and not factor.sup and factor.base[:1].isupper():
                yield self._replaced("extra_transpose", (factor.span[1], factor.span[1]), _TURNED, factor)
        for place, (left, right) in enumerate(itertools.pairwise(factors)):
            pair = (left.span[0], right.span[1])
            between = source[left.span[1] : right.span[0]]
            if isinstance(left, Name) and _is_rest(right, left):
                a = self._text(left)
                inside = f"(1 - ({a}){_SQUARE})"
                yield self._replaced("wrong_derivative", pair, inside, node)
                yield self._replaced("wrong_derivative", right.span, f"(1 + {a})", node)
                if len(factors) > 2:
                    start = factors[place - 1].span[1] if place else left.span[0]
                    end = right.span[1] if place else factors[place + 2].span[0]
                    yield self._replaced("missing_factor", (start, end), "", node)
            if self.matrices:
                swapped = self._text(right) + between + self._text(left)
                yield self._replaced("wrong_order", pair, swapped, node)
                entrywise = node.marks[place] == "⊙"
                kind = "product_for_elementwise" if entrywise else "elementwise_for_product"
                mark = (_TIMES if entrywise else _ENTRYWISE)[self.markup]
                yield self._replaced(kind, (left.span[1], right.span[0]), mark, node)
        if len(factors) == 2 and all(isinstance(factor, Derivative) for factor in factors):
            between_both = (factors[0].span[1], factors[1].span[0])
            yield self._replaced("sum_for_product", between_both, " + ", node)

    def _terms(self, node: Total) -> Iterator[Fix]:
        terms, source = node.terms, self.source
        for place, term in enumerate(terms):
            if not isinstance(term, Literal):
                kind = "forgotten_path"
                if _speaks_of_paths(term) and len(terms) > 1:
                    yield self._replaced(kind, with_mark(terms, place), "", node)
            if not place:
                continue
            before = terms[place - 1]
            if isinstance(term, Negated):
                sign = source[before.span[1] : term.body.span[0]].replace("-", "+").replace("−", "+")
                yield replaced(1, "sign", (before.span[1], term.body.span[0]), sign, source,
                               (before.span[0], term.span[1]))  # fmt: skip
            else:
                sign = source[before.span[1] : term.span[0]].replace("+", "-")
                yield replaced(1, "sign", (before.span[1], term.span[0]), sign, source, (before.span[0], term.span[1]))
        if len(terms) == 2 and not any(isinstance(term, Negated | Literal) for term in terms):
            yield self._replaced("product_for_sum", (terms[0].span[1], terms[1].span[0]), _TIMES[self.markup], node)
        if len(terms) == 2 and isinstance(terms[1], Negated) and not any(isinstance(t, Literal) for t in terms):
            turned = f"{self._text(terms[1].body)} - {self._text(terms[0])}"
            yield self._replaced("sign", node.span, turned, node)


def _speaks_of_paths(node: Node) -> bool:
    """Return whether a term is a product or a derivative, as the terms of a sum over paths are."""
    return any(isinstance(part, Derivative | Times) for part in parts_of(node))


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
