"""Right lines as they first stand: the project's own, and those that a person would write beside them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chainrule import Network
from chainrule.derive import Derivation
from chainrule.expr import Index, Ref
from chainrule.matrix import MatrixStep, matrix_steps
from chainrule.notation import Notation
from chainrule.rules import RULES
from chainrule.views import Lines
from judge.line_tree import Der, Fn, MatMul, Mul, Node, NoTree, Ones, SumOver, Sym, from_expr, plus, times, walk

LOSS = Sym("loss")


@dataclass(frozen=True, slots=True)
class Draft:
    """A right line.

    Attributes:
        sides: its sides.
        letters: for a line with running indices, how far each runs; first those that are free.
        free: the letters that are free.
        matrices: whether it speaks of whole matrices.
        loose: the sides that are right by custom only: a matrix by a matrix, in a chain.
    """

    sides: tuple[Node, ...]
    letters: dict[str, int] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    matrices: bool = False
    loose: frozenset[int] = frozenset()


class Sources:
    """Draws right lines of one network."""

    def __init__(self, net: Network, rng: random.Random) -> None:
        self.net = net
        self.rng = rng
        self.derivation: Derivation = net.derive()
        self.lines = Lines(self.derivation)
        self.targets = [ref for family in self.derivation.families for ref in self.lines.instances(family)]
        self.general_targets = [
            family.target
            for family in self.derivation.families
            if isinstance(family.target, Ref) and any(isinstance(term, Index) for term in family.target.indices)
        ]
        self.statements = list(self._statements())
        self.forward = [*self.statements, *self._slopes()]
        self.matrices = list(self._matrix_lines())

    def draw(self, notation: Notation) -> Draft | None:
        """Return a line, or None where what was drawn has none."""
        chance = self.rng.random()
        if chance < 0.12:
            return Draft(self.rng.choice(self.forward))
        if chance < 0.24:
            return self.general(notation)
        if chance < 0.40:
            return self.rng.choice(self.matrices) if self.matrices else None
        sides = self.step()
        return None if sides is None else Draft(sides)

    # One number

    def step(self) -> tuple[Node, ...] | None:
        """Return ∂loss/∂s with some of its sides: chain, substituted, expanded."""
        rng = self.rng
        step = self.lines.step(rng.choice(self.targets))
        forms = [from_expr(form) for form in (step.chain, step.substituted, step.shown)]
        head = from_expr(step.partial)
        if rng.random() < 0.3:
            forms.append(from_expr(step.expanded))
        if rng.random() < 0.3:
            forms[0] = self._detour(head) or forms[0]
        kept = [form for form in forms if rng.random() < 0.75]
        if rng.random() < 0.05 and isinstance(forms[0], Mul):
            head, kept = forms[0], kept[1:]
        return (head, *kept) if kept else None

    def _detour(self, head: Node) -> Node | None:
        """Return ∂loss/∂s through more of what s leads through: ∂loss/∂a · ∂a/∂w, or over the next layer's z."""
        assert isinstance(head, Der)
        name = head.by
        if name.layer is None or name.layer == self.net.depth:
            return None
        z, a = (Sym(kind, name.layer, None, name.at[:1]) for kind in "za")
        if name.kind in ("w", "b"):
            if self.rng.random() < 0.5:
                return times([Der(LOSS, a), Der(a, name)])
            return times([Der(LOSS, a), Der(a, z), Der(z, name)])
        following = [c for c in self.net.connections if c.source == name.layer]
        if name.kind != "z" or len(following) != 1:
            return None
        next_layer = following[0].target
        if next_layer == self.net.depth:
            return None
        units = [Sym("z", next_layer, None, (unit,)) for unit in range(1, self.net.size(next_layer) + 1)]
        if self.rng.random() < 0.5:
            return plus([times([Der(LOSS, unit), Der(unit, z)]) for unit in units])
        return plus([times([Der(LOSS, unit), Der(unit, a), Der(a, z)]) for unit in units])

    def _statements(self) -> Iterator[tuple[Node, ...]]:
        for statement in self.derivation.source.statements:
            free = [term for term in statement.target.indices if isinstance(term, Index)]
            for values in itertools.product(*(index.range() for index in free)):
                env = dict(zip(free, values, strict=True))
                yield from_expr(statement.target, env), from_expr(statement.expr, env)

    def _slopes(self) -> Iterator[tuple[Node, ...]]:
        """Yield ∂z/∂w, ∂z/∂a and ∂a/∂z as they are put in."""
        symbols = self.derivation.source.symbols
        for w in self.net.weights():
            z, weight = Sym("z", w.target, None, (w.to,)), Sym("w", w.target, w.source, (w.to, w.origin))
            origin = Sym("a", w.source, None, (w.origin,)) if w.source else Sym("x", None, None, (w.origin,))
            if ("z", w.target, None) in symbols:
                yield Der(z, weight), origin
                yield Der(z, origin), weight
        for level, layer in enumerate(self.net.layers, 1):
            row = RULES[layer.activations[0].name]
            if not row.slopes or not {("z", level, None), ("a", level, None)} <= symbols.keys():
                continue
            for unit in range(1, layer.size + 1):
                z, a = (Ref(symbols[kind, level, None], (1, unit)) for kind in "za")
                slope = row.slopes[0](z, result=a, parameter=layer.activations[0].parameter or row.parameter)
                yield Der(from_sym(a), from_sym(z)), from_expr(slope)

    # All of a layer at once

    def general(self, notation: Notation) -> Draft | None:
        """Return a line with running indices, its sums as Σ or written out."""
        rng = self.rng
        if not self.general_targets:
            return None
        target = rng.choice(self.general_targets)
        step = (self.lines.gathered if rng.random() < 0.8 else self.lines).step(target)
        indices = [term for term in target.indices if isinstance(term, Index)]
        chosen = dict(zip(("i", "j"), notation.free, strict=True))
        env: dict[Index, Any] = {index: chosen[index.name] for index in indices}
        free = tuple(env.values())
        sizes = {letter: len(index) for index, letter in env.items()}
        bound = [letter for letter in notation.bound if letter not in free]
        try:
            sides = [
                from_expr(form, env, iter(bound)) for form in (step.partial, step.chain, step.substituted, step.shown)
            ]
        except (NoTree, StopIteration):
            return None
        kept = [sides[0], *(side for side in sides[1:] if rng.random() < 0.75)]
        letters = {**sizes, **{s.letter: s.size for side in kept for s in sums(side)}}
        return Draft(tuple(kept), letters, free) if len(kept) > 1 else None

    # Whole layers at once

    def _matrix_lines(self) -> Iterator[Draft]:
        for step in matrix_steps(self.net.derive(samples=None), inputs=True):
            yield from self._gradient(step)
        net = self.net
        for level, layer in enumerate(net.layers, 1):
            linear = level == net.depth and layer.activations[0].name == "identity"
            z = Sym("pred") if linear else Sym("z", level)
            terms: list[Node] = []
            for c in net.connections:
                if c.target == level:
                    below = Sym("a", c.source) if c.source else Sym("x")
                    terms.append(MatMul((below, Sym("w", level, c.source))))
            bias = Sym("b", level)
            if layer.has_bias(1):
                yield Draft((z, plus([*terms, bias])), matrices=True)
                terms.append(MatMul((Ones(), bias)))
            yield Draft((z, plus(terms)), matrices=True)
            name = layer.activations[0].name
            if not linear and name != "softmax":
                after = Sym("pred") if level == net.depth else Sym("a", level)
                value = z if name == "identity" else Fn(name, (z,), layer.activations[0].parameter)
                yield Draft((after, value), matrices=True)

    def _gradient(self, step: MatrixStep) -> Iterator[Draft]:
        target = step.target
        head = Der(LOSS, Sym(target.kind, target.layer, target.source))
        if step.value is None:
            return
        try:
            value = from_expr(step.value)
        except NoTree:
            return
        yield Draft((head, value), matrices=True)
        if step.name is not None:
            yield Draft((Sym("delta", step.name.layer), head, value), matrices=True)
        try:
            chain = from_expr(step.chain)
        except NoTree:
            return
        if chain != head:
            yield Draft((head, chain, value), matrices=True, loose=frozenset((1,)))


def from_sym(ref: Ref) -> Sym:
    """Return a symbol of one sample at its indices."""
    found = from_expr(ref)
    assert isinstance(found, Sym)
    return found


def sums(node: Node) -> Iterator[SumOver]:
    """Yield every Σ."""
    return (one for _, one in walk(node) if isinstance(one, SumOver))
