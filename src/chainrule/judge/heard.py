"""What was found of a row, and what a row says of names: which it introduces, uses, or gives a number.

Heard              a row with its findings
defined            the name that a row introduces; defined_once, those that hold before it too
relevant           the definitions that a row uses
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainrule.judge.court import EQUALITIES, Finding
from chainrule.judge.facts import Key
from chainrule.judge.reading import Reading
from chainrule.judge.rows import Row
from chainrule.judge.syntax import Listed, Name, Negated, Node, Times, Unread, names


@dataclass(slots=True)
class Heard:
    """What was found of one row.

    Attributes:
        row: the row.
        bindings: the document's definitions as they stand at this row.
        findings: one for each link.
        defines: the name that its first link introduces, or None.
        weight: how much it counts in the choice of a reading.
    """

    row: Row
    bindings: dict[Key, Node]
    findings: list[Finding]
    defines: Key | None = None
    weight: int = 1

    @property
    def right(self) -> int:
        """How many links are right, not counting 0 = 0 and definitions."""
        return sum(f.equal is True and not f.zero for f in self.findings[self.defines is not None :])

    @property
    def score(self) -> int:
        """The same with its definition."""
        return self.right + (self.defines is not None)

    @property
    def most(self) -> int:
        """By how much its fitness could grow under another reading: what was not read has no value under any."""
        sides = self.row.chain.sides[self.defines is not None :]
        read = [not isinstance(side.node, Unread) for side in sides]
        links = sum(a and b for a, b in itertools.pairwise(read))
        return links - self._agreeing + 2 * self._outside

    @property
    def fitness(self) -> int:
        """How well a reading suits the row: a name of a place that the network does not have speaks against it."""
        return self.right - 2 * self._outside

    @property
    def standing(self) -> int:
        """The same as the choice of a reading counts it: what says how a quantity is computed says what letters are."""
        return (self._agreeing - 2 * self._outside) * self.weight

    @property
    def is_lost(self) -> bool:
        """Whether the reading may be the reason for what is not right: it is not read, or a forward statement."""
        wrong = [f for f in self.findings[self.defines is not None :] if f.equal is not True]
        return any(f.trouble is not None for f in wrong) or (bool(wrong) and self.row.chain.states_forward)

    @property
    def _outside(self) -> int:
        """How many links speak of a place that the network does not have."""
        return sum(f.trouble is not None and f.trouble.reason in OUTSIDE for f in self.findings)

    @property
    def _agreeing(self) -> int:
        """How many links are right or lead back to the value of the target.

        One slip in the middle of a line makes two links wrong: what mends it is no more likely for that.
        """
        return sum(
            (f.equal is True or f.value_right is True) and not f.zero for f in self.findings[self.defines is not None :]
        )


OUTSIDE = frozenset(("no_layer", "no_unit", "no_edge", "no_sample"))
"""Troubles with a name of a place that the network does not have."""


def defined_once(rows: Sequence[Row], reading: Reading) -> dict[Key, Node]:
    """Return the names without a meaning that the document introduces in one place: they hold before it too.

    What a formula calls P may be said behind it: "…, where P = softmax(Z)".
    """
    found: dict[Key, list[Node]] = {}
    for row in rows:
        key = defined(row, reading, {})
        if key is not None and key[0] not in reading.kinds:
            node = row.chain.sides[1].node
            assert not isinstance(node, Unread)
            found.setdefault(key, []).append(node)
    return {key: nodes[0] for key, nodes in found.items() if len(nodes) == 1}


def gives_number(row: Row, reading: Reading) -> bool:
    """Return whether a row gives a weight, an input or a target its number, as a sheet does: x_1 = 0.5."""
    chain = row.chain
    if len(chain.sides) != 2 or chain.relations[0] not in EQUALITIES or isinstance(chain.sides[1].node, Unread):
        return False
    name = chain.sides[0].node
    kinds = ("x", "w", "b", "true")
    return isinstance(name, Name) and reading.kinds.get(name.base) in kinds and chain.sides[1].is_number


def defined(row: Row, reading: Reading, bindings: dict[Key, Node]) -> Key | None:
    """Return the name that a row introduces, or None.

    A name that means nothing in the network is introduced by standing alone on the left; δ without a place, and what
    comes after `let` or before `:=`, too.
    """
    chain = row.chain
    if len(chain.sides) < 2 or chain.relations[0] not in EQUALITIES or isinstance(chain.sides[1].node, Unread):
        return None
    node = chain.sides[0].node
    if not isinstance(node, Name) or node.suffix or node.primes:
        return None
    key = (node.base, node.sub, node.sup)
    kind = reading.kinds.get(node.base)
    if kind == "samples" and node.sub:
        kind = None  # n_x is the number of something else
    said = chain.lead == "let" or chain.relations[0] in (":=", "≡", "≜")
    bare = not node.sub and not node.sup
    if kind is None or (kind == "delta" and (bare or said)) or (kind == "samples" and bare):
        if key in bindings and not said and kind is None:
            return None if bindings[key] != chain.sides[1].node else key
        return key
    return None


def introduced(one: Heard, reading: Reading) -> Name | None:
    """Return the name whose meaning a row gives: it has none in the network, or does not say of which layer it is."""
    node = one.row.chain.sides[0].node
    if not isinstance(node, Name) or node.sup or node.base in reading.places:
        return None
    trouble = one.findings[0].trouble
    homeless = trouble is not None and trouble.reason == "which_layer" and trouble.span == node.span
    return node if homeless or (one.defines is not None and node.base not in reading.kinds) else None


def distinct(found: Iterable[Name]) -> list[Name]:
    """Return names without those that only stand elsewhere."""
    return list({(name.base, name.sub, name.sup, name.suffix, name.primes): name for name in found}.values())


FORWARD = 3
"""How much a forward statement counts in the choice of a reading: as much as three links of derivatives."""


def lists(row: Row) -> bool:
    """Return whether a row says what a name gathers: θ = {W_1, b_1}, x = (x_1, x_2)."""
    first, *others = (side.node for side in row.chain.sides)
    return isinstance(first, Name) and len(others) == 1 and isinstance(others[0], Listed)


def adds_delta(row: Row) -> bool:
    """Return whether a row changes a weight by η δ …, with no minus: Δw_{jk} = η δ_k o_j."""
    first, *others = (side.node for side in row.chain.sides)
    if not isinstance(first, Times) or not isinstance(first.factors[0], Name) or first.factors[0].base != "Δ":
        return False
    return any(
        not isinstance(node, Unread | Negated) and any(name.base == "δ" for name in names(node)) for node in others
    )


def relevant(row: Row, bindings: dict[Key, Node]) -> dict[Key, Node]:
    """Return the bindings that a row uses, through others too."""
    if not bindings:
        return bindings
    found: dict[Key, Node] = {}
    waiting = [side.node for side in row.chain.sides if not isinstance(side.node, Unread)]
    while waiting:
        for name in names(waiting.pop()):
            key = (name.base, name.sub, name.sup)
            if key in bindings and key not in found:
                found[key] = bindings[key]
                waiting.append(bindings[key])
    return found
