"""What a person wrote, as a tree: formulas before any network gives them a meaning.

A node says only what stands on the page. `a_1^2` is a Name with two scripts: whether its 2 is a layer or a power, what
`a` is, and whether `f(z)` is a product, are questions for `chainrule.judge.reading`, which knows the network. Every
node has a span, half-open offsets into the source of its formula, so that a message can point and a repair can replace
just the letters that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

LetterCondition = tuple[str, str, str]
"""A letter, = or ≠, and another letter: the places of which a formula speaks."""

Span = tuple[int, int]
"""Half-open offsets into the source of a formula."""


@dataclass(frozen=True, slots=True)
class Name:
    r"""A name with its scripts.

    Attributes:
        base: one word in Unicode, free of styles: `w`, `loss`, `δ`, `ŷ` (NFC where there is one character), `L` of
            `\mathcal{L}`.
        sub, sup: what stands below and above, free of braces and blanks: `11`, `10,3`, `j-1`, `(2)`, `[l+1]`, `ij`.
            A ⊤ above is a Transposed node, never a script.
        suffix: a sample in brackets behind it, `3` of `a_1^1[3]`.
        primes: how many ′ follow.
        sub_span, sup_span: where the scripts' contents stand, without braces; (0, 0) where there is none.
        span: the whole name with all scripts. A ⊤ behind them lies outside; one in their midst, W^{(2)T} or W^T_1,
            lies inside.
    """

    base: str
    sub: str
    sup: str
    suffix: str
    primes: int
    sub_span: Span
    sup_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, exact."""

    value: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class Negated:
    """−body."""

    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Total:
    """Terms added; a term that is subtracted is Negated."""

    terms: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Times:
    """Factors, with the mark between each two: '' side by side, '·' (also ×), '*', '⊙' (also ∘), '@'."""

    factors: tuple[Node, ...]
    marks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Quotient:
    """A fraction that is no derivative."""

    above: Node
    below: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Raised:
    """A power whose base is no plain name (`(1-a)^2`), or whose exponent is no plain script (`e^{-z}`)."""

    base: Node
    exponent: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Transposed:
    """body^T."""

    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Applied:
    """A function at its arguments: σ(z), σ'(z), exp(−z), log p, max(0, z)."""

    function: Name
    args: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Derivative:
    """∂of/∂by, d of/d by, or ∇_by of; never a fraction."""

    of: Node
    by: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Summation:
    """Σ over a letter, from and to where that is written; `letter` is '' where the sign stands alone."""

    letter: str
    lower: Node | None
    upper: Node | None
    body: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """A bracket around body: '(' or '['; the braces that only hold LaTeX together are no Group."""

    body: Node
    bracket: str
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """left relation right inside a bracket or a case; the relation is one of < > ≤ ≥ = ≠."""

    left: Node
    relation: str
    right: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Cases:
    """Values by condition; the condition of the last may be None (otherwise)."""

    cases: tuple[tuple[Node, Node | None], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Listed:
    """Items in a bracket, (2, 1); also 2 × 1 of ℝ^{2×1}."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """The shape of body: `∂loss/∂W_1 shape`, `shape(W_1)`, `W_1.shape`, and the left side of `W_1 ∈ ℝ^{2×1}`."""

    body: Node
    span: Span


Node = (
    Name | Literal | Negated | Total | Times | Quotient | Raised | Transposed | Applied | Derivative | Summation
    | Group | Condition | Cases | Listed | ShapeOf
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unread:
    """A side that is no formula: where, what stands there, and what could stand there instead.

    `reason` names the sentence. What stands there is no formula: `unexpected` (a token in a place where it cannot
    stand), `ends` (the side ends too early), `unclosed` and `unopened` (a bracket without its other half),
    `character` (a sign or command that is not known), `half_derivative` (a ∂ with nothing over or under it),
    `gradient_of` (a ∇ that does not say by what), `continues` (nothing: the row goes on with the chain of the row
    before). What stands there is not read: `ellipsis`, `matrix` (entries written out), `evaluated` (a derivative at a
    point, behind a bar), `second_derivative`, `inverse_function` (tanh⁻¹), `logarithm_base` (log₂). Or it is beyond a
    limit: `too_long`, `too_deep`, `too_large` (a number).

    Attributes:
        reason: one of these.
        found: what stands there, cut to 40 characters.
        span: where.
    """

    reason: str
    found: str
    span: Span


_OF_MATRICES = frozenset("⊙⊗@")


@dataclass(frozen=True)
class Side:
    """One side of a chain."""

    node: Node | Unread
    span: Span

    @cached_property
    def parts(self) -> tuple[Node, ...]:
        """All nodes of it, as `parts_of` yields them; none where it was not read."""
        return () if isinstance(self.node, Unread) else tuple(parts_of(self.node))

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Its names, in the order of their places; none where it was not read."""
        return tuple(part for part in reversed(self.parts) if type(part) is Name)

    @cached_property
    def spelling(self) -> str:
        """Its plain spelling; '' where it was not read."""
        from chainrule.judge.spelled import spelled

        return spelled(self.node)

    @cached_property
    def is_number(self) -> bool:
        """Whether it was read and has numbers and functions only; e to a power is one."""
        found = self.names
        if isinstance(self.node, Unread) or any(name.base != "e" or name.sub or name.sup for name in found):
            return False
        powers = {id(part.base) for part in self.parts if isinstance(part, Raised)}
        return all(id(name) in powers for name in found)

    @cached_property
    def decimals(self) -> tuple[Literal, ...]:
        """Its numbers that are not whole."""
        return tuple(part for part in self.parts if type(part) is Literal and part.value.denominator != 1)

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the functions that it applies."""
        return frozenset(part.function.base for part in self.parts if type(part) is Applied)

    @cached_property
    def of_matrices(self) -> bool:
        """Whether a sign in it stands only with matrices: a transpose, a shape, ⊙."""
        return any(
            not _OF_MATRICES.isdisjoint(part.marks)
            if type(part) is Times
            else isinstance(part, Transposed | ShapeOf | Listed)
            for part in self.parts
        )


@dataclass(frozen=True)
class Chain:
    """side = side = … .

    Attributes:
        sides: one or more; with one there is no link.
        relations: what stands between them: '=', ':=', '≡', '≈', '∝', '→' or another that is no equality.
        lead: the word that opens it, lower case: '', 's.t.', 'where', 'let', 'with', '여기서', … .
        span: from the first side to the last.
        conditions: for which letters it is claimed: j ≠ k.
    """

    sides: tuple[Side, ...]
    relations: tuple[str, ...]
    lead: str
    span: Span
    conditions: tuple[LetterCondition, ...] = ()

    def changed(self, change: Callable[[Node], Node]) -> Chain:
        """Return it with each node of its sides changed, as `mapped` does."""
        return replace(self, sides=tuple(replace(side, node=mapped(side.node, change)) for side in self.sides))

    def pair(self, one: int, other: int, relation: int) -> Chain:
        """Return a chain of two of its sides, with one of its relations."""
        return replace(self, sides=(self.sides[one], self.sides[other]), relations=(self.relations[relation],))

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """The names of all sides."""
        return tuple(name for side in self.sides for name in side.names)

    @cached_property
    def states_forward(self) -> bool:
        """Whether it says how a quantity is computed: a_1 = w_{11} x_1 + b_1, with no derivative in it."""
        if not isinstance(self.sides[0].node, Name):
            return False
        adjoint = any(name.base in ("δ", "Δ") or (len(name.base) > 1 and name.base[0] == "d") for name in self.names)
        return not adjoint and not any(isinstance(part, Derivative) for side in self.sides for part in side.parts)


# Walks


def parts_of(node: Node) -> Iterator[Node]:
    """Yield a node and everything in it, each node before what is in it, the rightmost first."""
    stack: list[Node] = [node]
    while stack:
        part = stack.pop()
        yield part
        stack += _INSIDE[type(part)](part)


def inside(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node, from left to right."""
    return _INSIDE[type(node)](node)


def names(node: Node) -> list[Name]:
    """Return every name in a node, in the order of their places."""
    found = [part for part in parts_of(node) if type(part) is Name]
    found.reverse()
    return found


def unbracketed(node: Any) -> Any:
    """Return what is in brackets; what was not read stays as it is."""
    while isinstance(node, Group):
        node = node.body
    return node


def mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """Return a node with it and each node in it changed, what is inside first; what was not read stays as it is.

    The names of functions are no nodes of it.
    """
    if type(node) not in _INSIDE:
        return node
    changed = {}
    for part in fields(node):
        if part.name == "function":
            continue
        old = getattr(node, part.name)
        new = _each(old, change) if isinstance(old, tuple) else mapped(old, change)
        if new is not old:
            changed[part.name] = new
    return change(replace(node, **changed) if changed else node)


def _each(nodes: tuple[Any, ...], change: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return nodes (or the cases of Cases), each changed; the very tuple where none is."""
    new = tuple(_each(node, change) if isinstance(node, tuple) else mapped(node, change) for node in nodes)
    return nodes if all(a is b for a, b in zip(nodes, new, strict=True)) else new


_INSIDE: dict[type, Callable[[Any], tuple[Node, ...]]] = {
    Name: lambda node: (),
    Literal: lambda node: (),
    Times: lambda node: node.factors,
    Derivative: lambda node: (node.of, node.by),
    Total: lambda node: node.terms,
    **dict.fromkeys((Group, Negated, Transposed, ShapeOf, Summation), lambda node: (node.body,)),
    Quotient: lambda node: (node.above, node.below),
    Raised: lambda node: (node.base, node.exponent),
    Applied: lambda node: node.args,
    Listed: lambda node: node.items,
    Condition: lambda node: (node.left, node.right),
    Cases: lambda node: tuple(part for case in node.cases for part in case if part is not None),
}
