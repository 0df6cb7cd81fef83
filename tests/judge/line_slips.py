"""One slip planted in a side. Whether the line is still true is not decided here."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from judge.line_tree import (
    ONE,
    TWO,
    Add,
    Cond,
    Der,
    Div,
    Fn,
    Had,
    MatMul,
    Mul,
    Neg,
    Node,
    Num,
    Path,
    Pow,
    Sym,
    T,
    minus,
    put,
    rebuilt,
    times,
    walk,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a line can speak of.

    Attributes:
        symbols: the network's.
        letters: for a line with running indices, how far each runs.
        outputs: how many outputs the network has.
    """

    symbols: frozenset[Sym]
    letters: Mapping[str, int] = field(default_factory=dict)
    outputs: int = 0

    @property
    def terms(self) -> tuple[int | str, ...]:
        """What can stand as an index: letters where some run, numbers elsewhere."""
        return tuple(self.letters) or tuple(range(1, 7))

    def has(self, name: Sym) -> bool:
        """Return whether the network has a symbol, at all values of its letters."""
        ranges = [range(1, self.letters.get(term, 0) + 1) if isinstance(term, str) else (term,) for term in name.at]
        return all(replace(name, at=place) in self.symbols for place in itertools.product(*ranges))


Slip = Callable[[Node, Scope, random.Random], "Node | None"]
"""(a node, what there is, randomness) → the node with the slip, or None where it does not apply."""


def plant(side: Node, scope: Scope, rng: random.Random, *, kinds: tuple[str, ...]) -> tuple[str, Node] | None:
    """Return a kind of slip and the side with it, or None where none of three kinds has a place there."""
    places: list[tuple[Path, Node]] = list(walk(side))
    for kind in rng.sample(kinds, 3):
        rng.shuffle(places)
        for path, node in places:
            found = SLIPS[kind](node, scope, rng)
            if found is not None and found != node:
                return kind, put(side, path, found)
    return None


# Symbols


def _inside(change: Callable[[Sym, Scope, random.Random], Sym | None]) -> Slip:
    """Return the slip that changes one symbol, be it a value or one half of a partial."""

    def slip(node: Node, scope: Scope, rng: random.Random) -> Node | None:
        if isinstance(node, Der):
            half = rng.random() < 0.5
            changed = change(node.of if half else node.by, scope, rng)
            if changed is None:
                return None
            found = Der(changed, node.by) if half else Der(node.of, changed)
            return found if found.of != found.by else None
        return change(node, scope, rng) if isinstance(node, Sym) else None

    return slip


def _other(symbols: list[Sym], scope: Scope, rng: random.Random) -> Sym | None:
    known = [symbol for symbol in symbols if scope.has(symbol)]
    return rng.choice(known) if known else None


def _index(name: Sym, scope: Scope, rng: random.Random) -> Sym | None:
    """One index is another one: w_12 for w_11."""
    found = []
    for place, old in enumerate(name.at):
        others = [new for new in scope.terms if new != old]
        found += [replace(name, at=(*name.at[:place], new, *name.at[place + 1 :])) for new in others]
    return _other(found, scope, rng)


def _swapped(name: Sym, scope: Scope, rng: random.Random) -> Sym | None:
    """The indices of a weight are swapped: w_21 for w_12."""
    if len(name.at) != 2 or name.at[0] == name.at[1]:
        return None
    return _other([replace(name, at=name.at[::-1])], scope, rng)


def _layer(name: Sym, scope: Scope, rng: random.Random) -> Sym | None:
    """The layer is another one: z_1^1 for z_1^2."""
    if name.layer is None:
        return None
    found = []
    for step in (-2, -1, 1, 2):
        source = None if name.source is None else name.source + step
        found.append(replace(name, layer=name.layer + step, source=source))
    return _other(found, scope, rng)


def _letter(name: Sym, scope: Scope, rng: random.Random) -> Sym | None:
    """Another letter: z for a, or the other way; pred for true."""
    other = {"z": "a", "a": "z", "pred": "true", "true": "pred"}.get(name.kind)
    return None if other is None else _other([replace(name, kind=other)], scope, rng)


def _turned(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """∂z/∂a for ∂a/∂z."""
    return Der(node.by, node.of) if isinstance(node, Der) and node.of.kind != "loss" else None


# Factors, terms, signs


def _factor_lost(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if not isinstance(node, Mul):
        return None
    place = rng.randrange(len(node.factors))
    if isinstance(node.factors[place], Num):
        return None
    return times([*node.factors[:place], *node.factors[place + 1 :]], tight=node.tight)


def _factor_doubled(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if not isinstance(node, Mul) or node.tight:
        return None
    place = rng.randrange(len(node.factors))
    return replace(node, factors=(*node.factors[: place + 1], *node.factors[place:]))


def _number(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """A 2, ½ or 1/n is lost, or stands where there should be none."""
    if isinstance(node, Mul) and any(isinstance(factor, Num) for factor in node.factors) and rng.random() < 0.7:
        return times([factor for factor in node.factors if not isinstance(factor, Num)], tight=node.tight)
    if isinstance(node, Div) and isinstance(node.below, Num):
        return node.above
    if isinstance(node, Mul) and not any(isinstance(factor, Num) for factor in node.factors):
        wrong = rng.choice([TWO, TWO, Num(Fraction(1, 2)), Num(Fraction(1, 3))])
        return Mul((wrong, *node.factors), node.tight)
    return None


def _slope_lost(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """One of a (1 − a), σ'(z) or [z > 0] is left out."""
    if not isinstance(node, Mul):
        return None
    for place, factor in enumerate(node.factors):
        if _is_slope(factor):
            return times([*node.factors[:place], *node.factors[place + 1 :]], tight=node.tight)
    return None


def _is_slope(node: Node) -> bool:
    if isinstance(node, Cond) or (isinstance(node, Fn) and node.primes):
        return True
    if isinstance(node, Add):
        return node.terms[0] == ONE and len(node.terms) == 2 and isinstance(node.terms[1], Neg)
    if not isinstance(node, Mul) or len(node.factors) != 2:
        return False
    return any(rest == minus(ONE, one) for one, rest in (node.factors, node.factors[::-1]))


def _slope_wrong(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """1 − a² for a (1 − a), 1 − a for 1 − a², σ(z) for σ'(z), z for [z > 0]."""
    if isinstance(node, Mul) and len(node.factors) == 2:
        for one, rest in (node.factors, node.factors[::-1]):
            if isinstance(one, Sym) and rest == minus(ONE, one):
                return rng.choice([minus(ONE, Pow(one, 2)), minus(ONE, one), Mul((one, Add((ONE, one))), tight=True)])
    if isinstance(node, Add) and len(node.terms) == 2 and node.terms[0] == ONE and isinstance(node.terms[1], Neg):
        body = node.terms[1].body
        if isinstance(body, Pow):
            return minus(ONE, body.base)
    if isinstance(node, Fn) and node.primes:
        return replace(node, primes=0)
    if isinstance(node, Cond) and isinstance(node.left, Sym):
        return rng.choice([node.left, replace(node, relation={">": "<", "<": ">"}.get(node.relation, "<"))])
    return None


def _sign(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if isinstance(node, Add):
        place = rng.randrange(len(node.terms))
        term = node.terms[place]
        turned = term.body if isinstance(term, Neg) else Neg(term)
        return Add((*node.terms[:place], turned, *node.terms[place + 1 :]))
    if isinstance(node, Neg):
        return node.body
    return Neg(node) if isinstance(node, Mul) and not node.tight and rng.random() < 0.2 else None


def _term_lost(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if not isinstance(node, Add):
        return None
    place = rng.randrange(len(node.terms))
    rest = [*node.terms[:place], *node.terms[place + 1 :]]
    return rest[0] if len(rest) == 1 else Add(tuple(rest))


def _term_doubled(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if not isinstance(node, Add) or any(isinstance(term, Num) for term in node.terms):
        return None
    return Add((*node.terms, rng.choice(node.terms)))


def _plus_for_times(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """Write p + q for p · q, or the other way."""
    if isinstance(node, Mul) and not node.tight and len(node.factors) >= 2:
        place = rng.randrange(len(node.factors) - 1)
        left = times(list(node.factors[: place + 1]))
        return Add((left, times(list(node.factors[place + 1 :]))))
    if isinstance(node, Add) and len(node.terms) == 2 and not any(isinstance(term, Neg | Num) for term in node.terms):
        return Mul(node.terms)
    return None


def _power(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """A square is lost or stands where there is none."""
    if isinstance(node, Pow):
        return node.base
    return Pow(node, 2) if isinstance(node, Add) and rng.random() < 0.3 else None


def _transpose(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """A ᵀ is lost, or stands where there should be none."""
    if isinstance(node, T):
        return node.body
    if isinstance(node, MatMul):
        place = rng.randrange(len(node.factors))
        factor = node.factors[place]
        turned = factor.body if isinstance(factor, T) else T(factor)
        return MatMul((*node.factors[:place], turned, *node.factors[place + 1 :]))
    return None


def _order(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """The factors of a matrix product stand in the wrong order."""
    return MatMul(node.factors[::-1]) if isinstance(node, MatMul) else None


def _product_kind(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    """A matrix product for an elementwise one, or the other way.

    Between outputs of which each sample has one, the mark says nothing: pred · (1 − pred) is right of every sample.
    """
    if isinstance(node, MatMul):
        return Had(node.factors)
    if not isinstance(node, Had) or (scope.outputs == 1 and all(_is_output(part) for _, part in walk(node))):
        return None
    return MatMul(node.factors)


def _is_output(part: Node) -> bool:
    """Return whether a part of a formula is no symbol, or one of outputs and targets."""
    return not isinstance(part, Sym | Der) or (isinstance(part, Sym) and part.kind in ("pred", "true"))


def _matrix_factor_lost(node: Node, scope: Scope, rng: random.Random) -> Node | None:
    if not isinstance(node, MatMul | Had):
        return None
    place = rng.randrange(len(node.factors))
    rest = (*node.factors[:place], *node.factors[place + 1 :])
    return rest[0] if len(rest) == 1 else rebuilt(node, rest)


SLIPS: dict[str, Slip] = {
    "index": _inside(_index),
    "swapped": _inside(_swapped),
    "layer": _inside(_layer),
    "letter": _inside(_letter),
    "turned": _turned,
    "factor_lost": _factor_lost,
    "factor_doubled": _factor_doubled,
    "number": _number,
    "slope_lost": _slope_lost,
    "slope_wrong": _slope_wrong,
    "sign": _sign,
    "term_lost": _term_lost,
    "term_doubled": _term_doubled,
    "plus_for_times": _plus_for_times,
    "power": _power,
    "transpose": _transpose,
    "order": _order,
    "product_kind": _product_kind,
    "matrix_factor_lost": _matrix_factor_lost,
}
"""Kinds of slips by name."""

MATRIX = ("transpose", "order", "product_kind", "matrix_factor_lost")
OF_MATRICES = (*MATRIX, *MATRIX, "layer", "letter", "number", "slope_wrong", "sign", "term_lost", "power")
RARE = ("index", "swapped", "swapped", "layer", "slope_lost", "slope_lost", "slope_wrong", "slope_wrong", "turned")
OF_NUMBERS = (*RARE, *(kind for kind in SLIPS if kind not in MATRIX))
