"""Building, walking and substituting index-notation expressions.

The small functions (`add`, `mul`, `total`, …) build nodes and keep them tidy: they drop zeros and ones, unwrap single
terms and resolve what is certain. They never reorder what a person would read from left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from chainrule.expr import (
    ONE,
    ZERO,
    Add,
    Atom,
    Call,
    Delta,
    Div,
    Expr,
    Gather,
    Hadamard,
    Index,
    Iverson,
    Lookup,
    Mul,
    Number,
    Partial,
    Position,
    Power,
    Product,
    Ref,
    RowSum,
    Size,
    Sum,
    Term,
    Transpose,
)


def number(value: int | float | Fraction, name: str = "") -> Number:
    """Return a Number; whole numbers and fractions stay exact."""
    return Number(value if isinstance(value, float) else Fraction(value), name)


def add(*terms: Expr) -> Expr:
    """Return the sum of the terms, without zeros and without sums inside sums.

    Example:
        >>> add(ZERO, ONE) == ONE
        True
    """
    kept: list[Expr] = []
    for term in terms:
        if isinstance(term, Add):
            kept.extend(term.terms)
        elif not is_number(term, 0):
            kept.append(term)
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else Add(tuple(kept))


def mul(*factors: Expr, dot: bool = True) -> Expr:
    """Return the product of the factors: 0 if one is, without ones, exact numbers gathered in front.

    Products of the same style (with or without dots) are opened; a product of the other style stays together, as
    a(1 − a) does inside a chain.
    """
    coefficient = Fraction(1)
    per_size: Size | None = None
    kept: list[Expr] = []
    for factor in _flat(factors, dot):
        if isinstance(factor, Number) and not factor.name and isinstance(factor.value, Fraction):
            coefficient *= factor.value
        elif per_size is None and (average := _average(factor)) is not None:
            share, per_size = average
            coefficient *= share
        else:
            kept.append(factor)
    if coefficient == 0:
        return ZERO
    if per_size is not None:
        below = Number(Fraction(coefficient.denominator))
        kept.insert(0, Div(Number(Fraction(coefficient.numerator)), mul(below, per_size, dot=False)))
    elif coefficient != 1:
        kept.insert(0, Number(coefficient))
    if not kept:
        return ONE
    return kept[0] if len(kept) == 1 else Mul(tuple(kept), dot)


def _average(factor: Expr) -> tuple[Fraction, Size] | None:
    """Return c and N of a factor c/N or c/(d N), the mean over a number of samples that is left open."""
    if not isinstance(factor, Div) or not is_number(factor.above) or not isinstance(factor.above, Number):
        return None
    parts = factor.below.factors if isinstance(factor.below, Mul) else (factor.below,)
    size, numbers = parts[-1], parts[:-1]
    value = factor.above.value
    if not isinstance(size, Size) or not isinstance(value, Fraction):
        return None
    for part in numbers:
        if not isinstance(part, Number) or not isinstance(part.value, Fraction):
            return None
        value /= part.value
    return value, size


def _flat(factors: tuple[Expr, ...], dot: bool) -> Iterator[Expr]:
    for factor in factors:
        if isinstance(factor, Mul) and (factor.dot == dot or is_number(factor.factors[0])):
            yield from _flat(factor.factors, dot) if factor.dot == dot else _lifted(factor)
        else:
            yield factor


def _lifted(product: Mul) -> Iterator[Expr]:
    """Yield the number that leads a product, then what remains of it: −(a b) · c is −1 · (a b) · c."""
    yield product.factors[0]
    rest = product.factors[1:]
    yield rest[0] if len(rest) == 1 else Mul(rest, product.dot)


def negative(expr: Expr) -> Expr:
    """Return −expr."""
    return mul(number(-1), expr, dot=isinstance(expr, Mul) and expr.dot)


def divide(above: Expr, below: Expr) -> Expr:
    """Return above/below; a division by 1 is none."""
    if is_number(above, 0):
        return ZERO
    return above if is_number(below, 1) else Div(above, below)


def total(index: Index, body: Expr) -> Expr:
    """Return Σ_index body: the body itself where the index has one value, and contracted where a δ fixes the index."""
    if is_number(body, 0):
        return ZERO
    if index.only is not None:
        return substitute(body, {index: index.only})
    if isinstance(body, Add) and any(_delta_on(index, term) for term in body.terms):
        return add(*(total(index, term) for term in body.terms))
    found = _delta_on(index, body)
    if found is not None:
        delta, other = found
        rest = _without(body, delta)
        if never_equal(index, other):
            return ZERO
        if index.values is None or (not isinstance(other, Lookup) and _values(other) <= _values(index)):
            return substitute(rest, {index: other})
    return Sum(index, body)


def _delta_on(index: Index, body: Expr) -> tuple[Delta, Term] | None:
    """Return a δ among the factors of body that fixes the index, and what it fixes it to."""
    factors = body.factors if isinstance(body, Mul) else (body,)
    for factor in factors:
        if isinstance(factor, Delta):
            for mine, other in ((factor.left, factor.right), (factor.right, factor.left)):
                if mine == index and not (isinstance(other, Lookup) and index in other.args):
                    return factor, other
        elif isinstance(factor, Mul) and (found := _delta_on(index, factor)):
            return found
    return None


def _without(body: Expr, delta: Delta) -> Expr:
    """Return the product without one of its δ factors."""
    if body is delta:
        return ONE
    assert isinstance(body, Mul)
    kept: list[Expr] = []
    gone = False
    for factor in body.factors:
        if not gone and (factor is delta or (isinstance(factor, Mul) and _holds(factor, delta))):
            gone = True
            kept.append(_without(factor, delta))
        else:
            kept.append(factor)
    return mul(*kept, dot=body.dot)


def _holds(product: Mul, delta: Delta) -> bool:
    return any(f is delta or (isinstance(f, Mul) and _holds(f, delta)) for f in product.factors)


def delta(left: Term, right: Term) -> Expr:
    """Return δ(left, right), resolved where that is certain."""
    if isinstance(left, Index) and left.only is not None:
        left = left.only
    if isinstance(right, Index) and right.only is not None:
        right = right.only
    if left == right:
        return ONE
    if never_equal(left, right):
        return ZERO
    return Delta(left, right)


def never_equal(left: Term, right: Term) -> bool:
    """Return whether two terms certainly have no value in common."""
    if isinstance(left, Lookup) or isinstance(right, Lookup):
        return False
    sets = [None if isinstance(t, Index) and t.values is None else _values(t) for t in (left, right)]
    return sets[0] is not None and sets[1] is not None and sets[0].isdisjoint(sets[1])


def _values(term: Index | int) -> frozenset[int]:
    return frozenset((term,)) if isinstance(term, int) else frozenset(term.values or ())


def is_number(expr: Expr, value: int | None = None) -> bool:
    """Return whether expr is an unnamed Number (of that value)."""
    return isinstance(expr, Number) and not expr.name and (value is None or expr.value == value)


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside expr; atoms have none."""
    match expr:
        case Sum(body=body) | Gather(body=body):
            return (body,)
        case Add(terms=parts) | Mul(factors=parts) | Hadamard(factors=parts) | Call(args=parts):
            return parts
        case Div(above=left, below=right) | Iverson(left=left, right=right) | Product(left=left, right=right):
            return (left, right)
        case Transpose(matrix=inner) | RowSum(matrix=inner):
            return (inner,)
        case Power(base=base):
            return (base,)
        case _:
            return ()


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return expr with `change` applied to the expressions directly inside it, tidied by the building functions."""
    match expr:
        case Sum(index, body):
            return total(index, change(body))
        case Add(terms):
            return add(*map(change, terms))
        case Mul(factors, dot):
            return mul(*map(change, factors), dot=dot)
        case Div(above, below):
            return divide(change(above), change(below))
        case Power(base, exponent):
            return Power(change(base), exponent)
        case Call(function, args, parameter):
            return Call(function, tuple(map(change, args)), parameter)
        case Gather(function, index, body, at):
            return Gather(function, index, change(body), at)
        case Iverson(left, relation, right):
            return iverson(change(left), relation, change(right))
        case _:
            return expr


def iverson(left: Expr, relation: str, right: Expr) -> Expr:
    """Return [left relation right], resolved where both sides are numbers."""
    if isinstance(left, Number) and isinstance(right, Number):
        a, b = left.value, right.value
        holds = {"<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b, "=": a == b}[relation]
        return ONE if holds else ZERO
    return Iverson(left, relation, right)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield expr and everything inside it, from left to right; iterative, so that depth is no limit."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def atoms(expr: Expr) -> Iterator[Atom]:
    """Yield the atoms inside expr, from left to right."""
    return (node for node in walk(expr) if isinstance(node, Ref | Partial))


def term_indices(term: Term) -> Iterator[Index]:
    """Yield the indices inside a term."""
    if isinstance(term, Index):
        yield term
    elif isinstance(term, Lookup):
        for arg in term.args:
            yield from term_indices(arg)


def free(expr: Expr) -> dict[Index, None]:
    """Return the indices that are free in expr, in the order of their first reading (a dict as an ordered set)."""
    found: dict[Index, None] = {}
    match expr:
        case Ref(indices=terms):
            for term in terms:
                found.update(dict.fromkeys(term_indices(term)))
        case Partial(of, by):
            found.update(free(of) | free(by))
        case Delta(left, right):
            found.update(dict.fromkeys((*term_indices(left), *term_indices(right))))
        case Position(term):
            found.update(dict.fromkeys(term_indices(term)))
        case Gather(index=index, body=body, at=at):
            found.update(free(body))
            found.pop(index, None)
            if at is not None:
                found.update(dict.fromkeys(term_indices(at)))
        case Sum(index=index, body=body):
            found.update(free(body))
            found.pop(index, None)
        case _:
            for child in children(expr):
                found.update(free(child))
    return found


def substitute_term(term: Term, binding: Mapping[Index, Term]) -> Term:
    """Return the term with indices replaced; a Lookup of two numbers becomes a number."""
    if isinstance(term, Index):
        return binding.get(term, term)
    if isinstance(term, Lookup):
        args = tuple(substitute_term(arg, binding) for arg in term.args)
        args = tuple(arg.only if isinstance(arg, Index) and arg.only is not None else arg for arg in args)
        if all(isinstance(arg, int) for arg in args):
            return term.table.at(tuple(arg for arg in args if isinstance(arg, int)))[term.axis]
        return Lookup(term.table, term.axis, args)
    return term


def substitute_atom(atom: Atom, binding: Mapping[Index, Term]) -> Atom:
    """Return the atom with indices replaced."""
    if isinstance(atom, Ref):
        return Ref(atom.symbol, tuple(substitute_term(term, binding) for term in atom.indices))
    return Partial(substitute_atom(atom.of, binding), substitute_atom(atom.by, binding))


def substitute(expr: Expr, binding: Mapping[Index, Term]) -> Expr:
    """Return expr with free indices replaced; bound ones are renamed where they would capture what is put in.

    A mask at a fixed place becomes the number that it is, and a δ of two fixed indices too.
    """
    match expr:
        case Ref(symbol, indices):
            terms = tuple(substitute_term(term, binding) for term in indices)
            if symbol.kind == "mask" and symbol.support is not None and all(isinstance(term, int) for term in terms):
                return ONE if terms in symbol.support else ZERO
            return Ref(symbol, terms)
        case Partial():
            return substitute_atom(expr, binding)
        case Delta(left, right):
            return delta(substitute_term(left, binding), substitute_term(right, binding))
        case Position(term):
            at = substitute_term(term, binding)
            return number(at) if isinstance(at, int) else Position(at)
        case Sum(index, body):
            index, body, inner = _safe(index, body, binding)
            return total(index, substitute(body, inner))
        case Gather(function, index, body, at):
            place = None if at is None else substitute_term(at, binding)
            index, body, inner = _safe(index, body, binding)
            return Gather(function, index, substitute(body, inner), place)
        case _:
            return rebuild(expr, lambda child: substitute(child, binding))


def _safe(index: Index, body: Expr, binding: Mapping[Index, Term]) -> tuple[Index, Expr, dict[Index, Term]]:
    """Return a bound index that captures nothing of what the binding puts in, its body, and the binding inside."""
    inner = {old: new for old, new in binding.items() if old != index}
    put_in = {i for term in inner.values() for i in term_indices(term)}
    if index not in put_in:
        return index, body, inner
    fresh = index
    taken = put_in | set(free(body))
    while fresh in taken:
        fresh = replace(fresh, name=fresh.name + "'")
    return fresh, substitute(body, {index: fresh}), inner


def replace_atoms(expr: Expr, change: Callable[[Atom], Expr]) -> Expr:
    """Return expr with every atom replaced by what `change` gives for it.

    What is put in must not mention the indices bound around the atom other than through the atom's own indices.
    """
    if isinstance(expr, Ref | Partial):
        return change(expr)
    return rebuild(expr, lambda child: replace_atoms(child, change))


def spread(expr: Expr, *, limit: int) -> Expr:
    """Return expr with each Σ over at most `limit` values written out, term by term.

    A Σ whose body holds a Lookup is always written out: only so is it seen which terms are there.
    """
    if isinstance(expr, Sum):
        small = expr.index.dim.size is not None and len(expr.index) <= limit
        if small or (expr.index.dim.size is not None and has_lookup(expr.body)):
            terms = (substitute(expr.body, {expr.index: value}) for value in expr.index.range())
            return add(*(spread(term, limit=limit) for term in terms))
    return rebuild(expr, lambda child: spread(child, limit=limit))


def has_lookup(expr: Expr) -> bool:
    """Return whether a δ in expr depends on which weights are tied: its terms must be looked at one by one."""
    return any(
        isinstance(node, Delta) and (isinstance(node.left, Lookup) or isinstance(node.right, Lookup))
        for node in walk(expr)
    )


def cancel(expr: Expr) -> Expr:
    """Return a product without the factors that stand both above and below in it; other expressions are unchanged.

    Factors are compared as they are written: no identity is used but x/x = 1.
    """
    if not isinstance(expr, Mul) or not any(isinstance(node, Div) for node in expr.factors):
        return expr
    above: list[Expr] = []
    below: list[Expr] = []
    for factor in expr.factors:
        if isinstance(factor, Div):
            above.append(factor.above)
            below.extend(_factors(factor.below))
        else:
            above.append(factor)
    changed = False
    for divisor in list(below):
        for position, factor in enumerate(above):
            parts = _factors(factor)
            if divisor in parts:
                rest = list(parts)
                rest.remove(divisor)
                above[position] = mul(*rest, dot=isinstance(factor, Mul) and factor.dot)
                below.remove(divisor)
                changed = True
                break
    if not changed:
        return expr
    product = mul(*above, dot=expr.dot)
    return divide(product, mul(*below, dot=False)) if below else product


def _factors(expr: Expr) -> tuple[Expr, ...]:
    return expr.factors if isinstance(expr, Mul) else (expr,)


def count_nodes(expr: Expr, *, limit: int) -> int:
    """Return how many nodes expr has, counting no further than `limit`."""
    count = 0
    for count, _ in enumerate(walk(expr), start=1):
        if count >= limit:
            break
    return count


def opened(expr: Expr) -> tuple[list[Index], list[Expr]]:
    """Return the summed indices and the factors of Σ…Σ of a product; sums inside the product are drawn to the front."""
    if isinstance(expr, Sum):
        sums, factors = opened(expr.body)
        index = expr.index
        while index in sums:  # an inner Σ over the same index hides this one: it only counts
            index = replace(index, name=index.name + "'")
        return [index, *sums], factors
    if not isinstance(expr, Mul):
        return [], [expr]
    sums, factors = [], []
    taken = set(free(expr))
    for factor in expr.factors:
        inner, parts = opened(factor)
        for index in inner:
            fresh = index
            while fresh in taken:
                fresh = replace(fresh, name=fresh.name + "'")
            if fresh != index:
                parts = [substitute(part, {index: fresh}) for part in parts]
            taken.add(fresh)
            sums.append(fresh)
        factors += parts
    return sums, factors
