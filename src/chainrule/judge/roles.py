r"""What letters stand for by how a document computes with them, whatever other people use them for.

Forward statements have three forms. `z_h = σ(…)` says that z is behind an activation; `y = Σ_h v_h z_h + v_0` says that
y is before one (or a linear output), v a weight and z what it leads from; `E = ½(r − y)²` says that r is the target and
y the output. `g_k = −∂E/∂net_k` says that g is a δ. Layers are counted from the inputs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.judge.functions import LOSS_FUNCTIONS
from chainrule.judge.syntax import (
    Applied,
    Derivative,
    Literal,
    Name,
    Negated,
    Node,
    Raised,
    Summation,
    Times,
    Total,
    Transposed,
    Unread,
    names,
    parts_of,
    unbracketed,
)

if TYPE_CHECKING:
    from chainrule.judge.rows import Row

_NO_ACTIVATIONS = frozenset(
    ("exp", "log", "ln", "max", "min", "abs", "norm", "sqrt", "diag", "rowsum", "colsum", "onehot", "sum", "mean")
) | LOSS_FUNCTIONS.keys()  # fmt: skip

_TARGETS = ("t", "T", "true", "target", "label", "d", "r", "y", "Y")
"""Letters of targets, the surest first, for a loss that says nothing of which of two letters was computed."""

_OF_LAYERS = ("w", "b", "z", "a", "sum", "threshold")
"""Kinds that each layer has its own of."""

_MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Roles:
    """What a document's letters are.

    Attributes:
        kinds: the kind of each letter, as in `chainrule.judge.reading.INDICES`.
        places: the layer of the letters that stand for one layer only.
    """

    kinds: Mapping[str, str]
    places: Mapping[str, int]


@dataclass(slots=True)
class _Affine:
    """Σ w·q + b: the pairs of letters that are multiplied, and those that are added or taken away."""

    products: list[tuple[Name, Name]] = field(default_factory=list)
    added: list[Name] = field(default_factory=list)
    taken: list[Name] = field(default_factory=list)

    @property
    def used(self) -> Iterator[Name]:
        """All of them."""
        yield from (*self.added, *self.taken)
        for pair in self.products:
            yield from pair


def roles_in(rows: Iterable[Row], usual: Mapping[str, str]) -> Roles:
    r"""Return what the letters of a document are by its forward statements; none that these say nothing of.

    Args:
        rows: the rows of the document.
        usual: what letters stand for with most people: it says what the inputs and the loss are called.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> from chainrule.judge.readings import letters_for
        >>> from chainrule.judge.rows import rows_of
        >>> page = "$g_h = \\tanh(v_{hj} x_j)$ and $y = \\sum_h u_h g_h$ and $E = (r - y)^2$"
        >>> found = roles_in(rows_of(read_document(page)), letters_for([]))
        >>> dict(sorted(found.kinds.items())), dict(sorted(found.places.items()))
        ({'E': 'loss', 'g': 'a', 'r': 'true', 'u': 'w', 'v': 'w', 'x': 'x', 'y': 'pred'}, {'g': 1, 'u': 2, 'v': 1})
    """
    return _Roles(list(_statements(rows)), usual).found()


def _statements(rows: Iterable[Row]) -> Iterator[tuple[Name, Node]]:
    """Yield what stands left of each side behind it, where that is a name."""
    for row in rows:
        first, *others = row.chain.sides
        if isinstance(first.node, Name):
            for side in others:
                if not isinstance(side.node, Unread):
                    yield first.node, side.node


class _Roles:
    """The statements of one document."""

    def __init__(self, statements: list[tuple[Name, Node]], usual: Mapping[str, str]) -> None:
        self.usual = usual
        self.errors = {left.base: pair for left, node in statements if (pair := _difference(node)) is not None}
        self.bent: list[tuple[str, _Affine]] = []
        self.straight: list[tuple[str, _Affine]] = []
        self.losses: list[tuple[str, tuple[str, str]]] = []
        self.slopes: list[tuple[str, Node]] = []
        for left, node in statements:
            self._sort(left.base, unbracketed(node))
        self.computed = {base for base, _ in (*self.bent, *self.straight)}
        self.multiplied = {
            name.base for _, affine in (*self.bent, *self.straight) for pair in affine.products for name in pair
        }  # fmt: skip
        every = {name for left, node in statements for name in (left, *names(node))}
        self.layered = {n.base for n in every if n.sup or (n.base[0].isupper() and n.sub.isdigit() and len(n.sub) == 1)}

    def _sort(self, left: str, node: Node) -> None:
        if any(isinstance(part, Derivative) for part in parts_of(node)):
            self.slopes.append((left, node))
        elif isinstance(node, Applied) and (inner := _activated(node)) is not None:
            affine = _affine(inner)
            if affine is not None:
                self.bent.append((left, affine))
        elif (affine := _affine(node)) is not None and affine.products:
            self.straight.append((left, affine))
        elif (pair := self._squared(node)) is not None:
            self.losses.append((left, pair))

    def _squared(self, node: Node) -> tuple[str, str] | None:
        """Return the two letters whose difference a loss squares; e² is the square of e = d − y."""
        for part in parts_of(node):
            inner = None
            if isinstance(part, Raised) and isinstance(part.exponent, Literal) and part.exponent.value == 2:
                inner = unbracketed(part.base)
            if isinstance(part, Applied) and part.function.base == "norm":
                inner = unbracketed(part.args[0])
            if isinstance(part, Transposed):  # (t − a)ᵀ (t − a)
                inner = unbracketed(part.body)
            if isinstance(inner, Name) and inner.base in self.errors:
                return self.errors[inner.base]
            pair = None if inner is None else _difference(inner)
            if pair is not None:
                return pair
        return None

    def found(self) -> Roles:
        kinds: dict[str, str] = {}
        behind = {base for base, _ in self.bent}
        sources = behind | {base for base, kind in self.usual.items() if kind == "x"}
        straight = {base for base, _ in self.straight} - behind
        pairs: list[tuple[str, str, str]] = []  # what is computed, the weight or bias, what it leads from
        for base, affine in self.bent:
            kinds[base] = "a"
            if affine.products:
                pairs += self._weighted(base, affine, sources | straight, kinds)
                continue
            alone = len(affine.added) + len(affine.taken) == 1
            for name in affine.added:  # σ(s), or σ(s + b) where s is Σ w·q alone
                kinds.setdefault(name.base, "z" if alone else "sum" if name.base in straight else "b")
            kinds.update({name.base: "threshold" for name in affine.taken})
        for base, affine in self.straight:
            kinds.setdefault(base, "z")
            pairs += self._weighted(base, affine, sources | straight, kinds)
        if not pairs:
            return Roles({}, {})
        used = {name.base for _, affine in (*self.bent, *self.straight) for name in affine.used}
        kinds |= {base: "pred" for base in self.computed - used if self.usual.get(base) == "pred"}
        for base, pair in self.losses:
            kinds[base] = "loss"
            self._ends(pair, kinds)
        for base, pair in self.errors.items():
            if base in self.usual or base in kinds:
                continue
            if not {"true"} & {kinds.get(letter, self.usual.get(letter)) for letter in pair}:
                self._ends(pair, kinds)
            first = kinds.get(pair[0], self.usual.get(pair[0]))
            kinds[base] = "residual" if first == "true" else "error"
        self._deltas(kinds)
        return Roles(kinds, self._places(kinds, pairs))

    def _weighted(
        self, base: str, affine: _Affine, sources: set[str], kinds: dict[str, str]
    ) -> Iterator[tuple[str, str, str]]:
        """Yield what each product of a statement multiplies, and note what weights, biases and inputs are called."""
        origin = affine.products[0][1]
        for one, other in affine.products:
            turned = one.base in sources and other.base not in sources
            weight, origin = (other, one) if turned else (one, other)
            if origin.base not in sources and len(weight.sub) < len(origin.sub):
                weight, origin = origin, weight
            kinds[weight.base] = "w"
            if origin.base not in self.computed and self.usual.get(origin.base) != "a":  # h of a layer left out
                kinds[origin.base] = "x"
            yield base, weight.base, origin.base
        for name in (*affine.added, *affine.taken):
            if name.base not in self.computed and kinds.get(name.base) != "w":
                kinds[name.base] = "b" if name in affine.added else "threshold"
                yield base, name.base, origin.base

    def _ends(self, pair: tuple[str, str], kinds: dict[str, str]) -> None:
        """Note what output and target are called: the output is computed, the target is not."""
        output, target = pair
        if target in self.computed and output not in self.computed:
            output, target = target, output
        elif (target in self.computed) == (output in self.computed):
            usual = [self.usual.get(base) for base in pair]
            if usual[0] == "true" or usual[1] == "pred" or (usual[1] != "true" and _rank(output) < _rank(target)):
                output, target = target, output
        if kinds.get(output) != "a" or output not in self.multiplied:  # that of any layer, not of the last alone
            kinds[output] = "pred"
        kinds[target] = "true"

    def _deltas(self, kinds: dict[str, str]) -> None:
        """Note which letters are derivatives of the loss by what goes into an activation."""
        for base, node in self.slopes:
            if kinds.get(base) in ("a", "w", "b", "x", "pred", "true", "loss"):
                continue
            body = unbracketed(node)
            factors = body.factors if isinstance(body, Times) else (body,)
            slopes = [factor for factor in factors if isinstance(factor, Derivative)]
            if len(slopes) != len(factors) or not isinstance(slopes[-1].by, Name):
                continue
            of, by = unbracketed(slopes[0].of), slopes[-1].by.base
            lossy = isinstance(of, Name) and "loss" in (kinds.get(of.base), self.usual.get(of.base))
            if lossy and kinds.get(by, self.usual.get(by)) in ("z", "sum") and base not in self.computed:
                kinds[base] = "delta"

    def _places(self, kinds: Mapping[str, str], pairs: list[tuple[str, str, str]]) -> dict[str, int]:
        """Return the layer of each letter that has one, counted from the inputs."""
        found: dict[str, set[int]] = {base: {0} for base, kind in {**self.usual, **kinds}.items() if kind == "x"}
        inner = [(base, n.base) for base, affine in self.bent if not affine.products for n in affine.added]
        biases = [(base, n.base) for base, affine in self.bent if not affine.products for n in affine.taken]
        for _ in range(_MOST_ROUNDS):
            for base, weight, origin in pairs:
                levels = {level + 1 for level in found.get(origin, ()) if level < _MOST_ROUNDS}
                found.setdefault(base, set()).update(levels)
                found.setdefault(weight, set()).update(levels)
            for base, before in inner:
                found.setdefault(base, set()).update(found.get(before, ()))
            for base, bias in biases:
                found.setdefault(bias, set()).update(found.get(base, ()))
        return {
            base: next(iter(levels)) for base, levels in found.items()
            if len(levels) == 1 and base not in self.layered and kinds.get(base) in _OF_LAYERS
        }  # fmt: skip


def _rank(base: str) -> int:
    return _TARGETS.index(base) if base in _TARGETS else len(_TARGETS)


def _activated(node: Applied) -> Node | None:
    """Return what an activation is applied to, max(0, z) among them, or None."""
    if node.function.base == "max" and len(node.args) == 2:
        others = [arg for arg in node.args if not (isinstance(arg, Literal) and arg.value == 0)]
        return unbracketed(others[0]) if len(others) == 1 else None
    if len(node.args) != 1 or node.function.base in _NO_ACTIVATIONS or node.function.primes:
        return None
    inner: Node = unbracketed(node.args[0])
    return inner


def _difference(node: Node) -> tuple[str, str] | None:
    """Return the letters of d − y, or None."""
    node = unbracketed(node)
    if not isinstance(node, Total) or len(node.terms) != 2 or not isinstance(node.terms[1], Negated):
        return None
    one, other = unbracketed(node.terms[0]), unbracketed(node.terms[1].body)
    if not isinstance(one, Name) or not isinstance(other, Name) or one.base == other.base:
        return None
    return one.base, other.base


def _affine(node: Node) -> _Affine | None:
    """Return what is multiplied and what is added in Σ w·q + b, or None where a node is anything else."""
    found = _Affine()
    for term in node.terms if isinstance(node, Total) else (node,):
        term = unbracketed(term)
        while isinstance(term, Summation):
            term = unbracketed(term.body)
        if isinstance(term, Name):
            found.added.append(term)
        elif isinstance(term, Negated) and isinstance(term.body, Name):
            found.taken.append(term.body)
        elif isinstance(term, Times) and len(term.factors) == 2:
            one, other = (_untransposed(factor) for factor in term.factors)
            if not isinstance(one, Name) or not isinstance(other, Name) or one.base == other.base or "⊙" in term.marks:
                return None
            found.products.append((one, other))
        else:
            return None
    return found


def _untransposed(node: Node) -> Node:
    node = unbracketed(node)
    return unbracketed(node.body) if isinstance(node, Transposed) else node
