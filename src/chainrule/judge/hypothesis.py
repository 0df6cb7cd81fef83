r"""Outputs written as functions of the inputs: f(x), h_θ(x) and y(x, w) are the network's output, ŷ.

A letter is read so where a document writes it with the inputs in brackets, and computes it with weights or compares it
with a target; f(x) = max(0, x) defines an activation, and f'(z) is one's derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.judge.readings import letters_for
from chainrule.judge.syntax import Applied, Chain, Group, Name, Negated, Node, Times, Total, Unread, names
from chainrule.judge.tokens import FUNCTIONS

if TYPE_CHECKING:
    from chainrule.judge.rows import Row

OUTPUT = "ŷ"
"""The letter that such an output is read as."""

_LETTERS = frozenset("fghFy")


def with_outputs(rows: Sequence[Row]) -> tuple[Row, ...]:
    r"""Return rows with outputs that are written as functions read as ŷ.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> from chainrule.judge.rows import rows_of
        >>> rows = tuple(rows_of(read_document(r"$f(x) = w^T x$ and $L = (f(x) - y)^2$")))
        >>> [[name.base for name in row.chain.names] for row in with_outputs(rows)]
        [['ŷ', 'w', 'x'], ['L', 'ŷ', 'y']]
    """
    called = {name for row in rows for side in row.chain.sides for name in side.functions}
    called |= {name.base for row in rows for name in row.chain.names if name.sub or name.base == "F"}  # f_θ (x)
    letters = "".join(letter for letter in sorted(_LETTERS & called) if _is_output(letter, rows))
    if not letters:
        return tuple(rows)
    return tuple(
        replace(row, chain=chain, outputs=letters) if (chain := named_outputs(row.chain, letters)) != row.chain else row
        for row in rows
    )


def named_outputs(chain: Chain, letters: str) -> Chain:
    """Return a chain with the functions of some letters read as ŷ."""
    return chain.changed(_change(letters))


def _change(letters: str) -> Callable[[Node], Node]:
    def change(node: Node) -> Node:
        if isinstance(node, Name):
            bare = not node.sub and not node.sup and not node.suffix and not node.primes
            return replace(node, base=OUTPUT) if bare and node.base in letters and node.base != "y" else node
        if isinstance(node, Applied) and node.function.base in letters and (name := _called(node)) is not None:
            return name
        if isinstance(node, Times):
            return _joined(node, letters)
        return node

    return change


def _called(node: Applied) -> Name | None:
    """Return ŷ for f(x; w), or None where a function has other arguments, or a prime."""
    if node.function.primes or not node.args or not all(isinstance(arg, Name) for arg in node.args):
        return None
    kinds = letters_for(())
    first, *others = (kinds.get(arg.base) for arg in node.args if isinstance(arg, Name))
    if first != "x" or not {*others} <= {"w", "b"}:
        return None
    return _output(node.function, node.args[0], node.span)


def _output(function: Name, of: Node, span: tuple[int, int]) -> Name:
    """Return ŷ, with the unit that stands below and the sample of x^{(i)}; what stands below h_θ(x) are the weights."""
    assert isinstance(of, Name)
    unit = letters_for(()).get(function.sub[:1]) not in ("w", "b") and len(function.sub) == 1
    sub, at = (function.sub, function.sub_span) if unit else ("", (0, 0))
    return Name(OUTPUT, sub, of.sup, of.suffix, 0, at, of.sup_span, span)


def _joined(node: Times, letters: str) -> Node:
    """Return a product in which f_θ (x) is one factor."""
    factors: list[Node] = []
    marks: list[str] = []
    for number, factor in enumerate(node.factors):
        before = factors[-1] if factors else None
        mark = node.marks[number - 1] if number else ""
        inner = factor.body if isinstance(factor, Group) else None
        called = isinstance(before, Name) and before.base in (*letters, OUTPUT) and not before.sup and not mark
        if called and isinstance(inner, Name) and letters_for(()).get(inner.base) == "x":
            assert isinstance(before, Name)
            factors[-1] = _output(before, inner, (before.span[0], factor.span[1]))
            continue
        if factors:
            marks.append(mark)
        factors.append(factor)
    if len(factors) == len(node.factors):
        return node
    return factors[0] if len(factors) == 1 else Times(tuple(factors), tuple(marks), node.span)


def _is_output(letter: str, rows: Iterable[Row]) -> bool:
    """Return whether a document computes f(x) with weights, or compares it with a target, and applies f to no z."""
    kinds = letters_for(())
    found = False
    for row in rows:
        for side in row.chain.sides:
            for part in side.parts:
                if isinstance(part, Applied) and part.function.base == letter and _called(part) is None:
                    return False
                if isinstance(part, Total) and _compares(part, letter, kinds):
                    found = True
        first, *others = row.chain.sides
        if not isinstance(first.node, Unread) and _is_call(first.node, letter):
            computed = {
                name.base for side in others if not isinstance(side.node, Unread) for name in names(side.node)
                if name.base not in FUNCTIONS and name.base != "e" and kinds.get(name.base) != "x"
            }  # fmt: skip
            found = found or bool(computed)
    return found


def _is_call(node: Node, letter: str) -> bool:
    """Return whether a node is f(x)."""
    while isinstance(node, Group | Negated):
        node = node.body
    if isinstance(node, Times):
        node = _joined(node, letter)
        return isinstance(node, Name)
    return isinstance(node, Applied) and node.function.base == letter and _called(node) is not None


def _compares(node: Total, letter: str, kinds: Mapping[str, str]) -> bool:
    """Return whether f(x) and a target are taken from each other."""
    return len(node.terms) == 2 and any(_is_call(term, letter) for term in node.terms) and any(
        kinds.get(name.base) == "true" or name.base == "y" for term in node.terms for name in names(term)
    )  # fmt: skip
