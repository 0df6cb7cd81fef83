"""What a person writes otherwise and means the same: every change here keeps a side's value."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

from chainrule import Network
from judge.line_tree import (
    ONE,
    Add,
    Div,
    Fn,
    Mul,
    Neg,
    Node,
    Num,
    Pow,
    Softmax,
    Sym,
    children,
    minus,
    plus,
    rebuilt,
    times,
)

SLOPES = {"sigmoid", "tanh", "relu"}
"""Activations whose derivative is written with a prime now and then: σ'(z)."""


def vary(node: Node, net: Network, rng: random.Random, rate: float) -> Node:
    """Return node with changes here and there, each taken with a chance of `rate`."""
    parts = children(node)
    if parts:
        node = rebuilt(node, tuple(vary(part, net, rng, rate) for part in parts))
    if rng.random() >= rate:
        return node
    found = (change(node, net, rng) for change in rng.sample(CHANGES, len(CHANGES)))
    return next((changed for changed in found if changed is not None), node)


def _shuffled_factors(node: Node, net: Network, rng: random.Random) -> Node | None:
    if not isinstance(node, Mul):
        return None
    factors = list(node.factors)
    rng.shuffle(factors)
    return replace(node, factors=tuple(factors))


def _shuffled_terms(node: Node, net: Network, rng: random.Random) -> Node | None:
    if not isinstance(node, Add):
        return None
    terms = list(node.terms)
    rng.shuffle(terms)
    return Add(tuple(terms))


def _distributed(node: Node, net: Network, rng: random.Random) -> Node | None:
    """(p + q) r as p r + q r."""
    if not isinstance(node, Mul):
        return None
    places = [at for at, factor in enumerate(node.factors) if isinstance(factor, Add) and len(factor.terms) <= 4]
    if not places:
        return None
    place = rng.choice(places)
    before, after = node.factors[:place], node.factors[place + 1 :]
    chosen = node.factors[place]
    assert isinstance(chosen, Add)
    terms: list[Node] = []
    for term in chosen.terms:
        body = term.body if isinstance(term, Neg) else term
        inner = body.factors if isinstance(body, Mul) else (body,)
        kept = [factor for factor in (*before, *inner, *after) if factor != ONE]
        whole = times(kept, tight=False)
        terms.append(Neg(whole) if isinstance(term, Neg) else whole)
    return plus(terms)


def _squared(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write a (1 − a) as a − a²."""
    if isinstance(node, Mul) and len(node.factors) == 2:
        for one, rest in (node.factors, node.factors[::-1]):
            if isinstance(one, Sym) and rest == minus(ONE, one):
                return minus(one, Pow(one, 2))
    return None


def _primed(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write a (1 − a) as σ'(z), of a hidden unit."""
    if isinstance(node, Mul) and len(node.factors) == 2:
        for one, rest in (node.factors, node.factors[::-1]):
            if isinstance(one, Sym) and one.kind == "a" and rest == minus(ONE, one):
                return Fn("sigmoid", (Sym("z", one.layer, None, one.at),), primes=1)
    if isinstance(node, Add) and len(node.terms) == 2 and node.terms[0] == ONE:
        power = node.terms[1].body if isinstance(node.terms[1], Neg) else None
        if isinstance(power, Pow) and isinstance(power.base, Sym) and power.base.kind == "a":
            return Fn("tanh", (Sym("z", power.base.layer, None, power.base.at),), primes=1)
    return None


def _applied(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write a as σ(z), of a hidden sigmoid or tanh unit."""
    if isinstance(node, Sym) and node.kind == "a" and node.layer is not None and rng.random() < 0.1:
        activation = net.layers[node.layer - 1].activations[0]
        if activation.name in SLOPES:
            return Fn(activation.name, (Sym("z", node.layer, None, node.at),))
    return None


def _turned_difference(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write p − t as −(t − p)."""
    if isinstance(node, Add) and len(node.terms) == 2:
        first, second = node.terms
        if isinstance(second, Neg) and not isinstance(first, Neg):
            return Neg(minus(second.body, first))
    return None


def _number_below(node: Node, net: Network, rng: random.Random) -> Node | None:
    """½ p as p/2, and the other way."""
    if isinstance(node, Mul):
        for place, factor in enumerate(node.factors):
            if isinstance(factor, Num) and isinstance(factor.value, Fraction) and factor.value.numerator == 1:
                if factor.value.denominator == 1:
                    return None
                rest = times([*node.factors[:place], *node.factors[place + 1 :]], tight=node.tight)
                return Div(rest, Num(Fraction(factor.value.denominator)))
    if isinstance(node, Div) and isinstance(node.below, Num) and isinstance(node.below.value, Fraction):
        return Mul((Num(1 / node.below.value), node.above))
    return None


def _split_number(node: Node, net: Network, rng: random.Random) -> Node | None:
    """3/2 · p as 3 · 1/2 · p; 2 p as p + p."""
    if isinstance(node, Mul) and isinstance(node.factors[0], Num) and isinstance(node.factors[0].value, Fraction):
        value = node.factors[0].value
        if value.denominator > 1 and value.numerator > 1:
            return Mul((Num(Fraction(value.numerator)), Num(Fraction(1, value.denominator)), *node.factors[1:]))
        if value == 2 and len(node.factors) == 2 and isinstance(node.factors[1], Sym):
            return Add((node.factors[1], node.factors[1]))
    return None


def _dotted(node: Node, net: Network, rng: random.Random) -> Node | None:
    """A product with dots or without."""
    return replace(node, tight=not node.tight) if isinstance(node, Mul) else None


def _nested(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write p q r as p (q r)."""
    if isinstance(node, Mul) and len(node.factors) >= 3:
        cut = rng.randrange(1, len(node.factors) - 1)
        return replace(node, factors=(*node.factors[:cut], Mul(node.factors[cut:], node.tight)))
    return None


def _flat(node: Node, net: Network, rng: random.Random) -> Node | None:
    """Write p (q r) as p q r."""
    if isinstance(node, Mul) and any(isinstance(factor, Mul) for factor in node.factors):
        parts = [factor.factors if isinstance(factor, Mul) else (factor,) for factor in node.factors]
        return Mul(tuple(one for part in parts for one in part), node.tight)
    return None


def _softmax_in_full(node: Node, net: Network, rng: random.Random) -> Node | None:
    """softmax(z)_k as e^{z_k} / Σ e^{z_m}, and pred as σ(z)."""
    if isinstance(node, Softmax) and len(node.of) <= 4:
        powers = [Fn("exp", (name,)) for name in node.of]
        return Div(powers[node.at - 1], plus(powers))
    return None


CHANGES = (
    _shuffled_factors, _shuffled_terms, _distributed, _squared, _primed, _applied, _turned_difference, _number_below,
    _split_number, _dotted, _nested, _flat, _softmax_in_full,
)  # fmt: skip
