"""Which lines: all, as a textbook elides them, or those that a name means; and the paths from a symbol to the loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.algebra import has_lookup
from chainrule.derive import Derivation, Family
from chainrule.errors import SelectionError
from chainrule.expr import Index, Ref, Symbol, Term
from chainrule.views import WRITE_OUT, Lines, Step, _is_sample, bound

if TYPE_CHECKING:
    from chainrule.figure.spelling import Named


LIST_ALL = 30
"""A family of more lines than this is elided as in a textbook, unless all lines are asked for."""


@dataclass(frozen=True, slots=True)
class Elision:
    """Lines that were left out, as a textbook writes ⋮."""

    count: int


def steps(
    derivation: Derivation,
    *,
    of: str | None = None,
    every: bool = True,
    general: bool = False,
    limit: int = WRITE_OUT,
    inputs: bool = False,
) -> Iterator[Any]:
    """Yield the Steps of the scalar view, and Elisions unless `every`.

    Args:
        derivation: what is shown.
        of: a weight, bias, neuron or layer (`w_11^2`, `b_1^2`, `a_1^2`, `W_2`, `layer 2`, a name on the sheet); all
            where left out.
        every: whether every line is wanted, however many; otherwise long families are elided as in a textbook.
        general: whether only the index-general lines are wanted, one a family.
        limit: sums over more units than this stay a Σ.
        inputs: whether ∂loss/∂x is wanted too.
    """
    lines = Lines(derivation, limit=limit)
    if of is not None:
        yield from select(derivation, of, lines=lines, every=every)
        return
    for family in derivation.families:
        if family.target.symbol.kind == "x" and not inputs:
            continue
        yield from family_steps(lines, family, every=every, general=general)


def family_steps(lines: Lines, family: Family, *, every: bool, general: bool = False) -> Iterator[Step | Elision]:
    """Yield a family's Steps: all, only the general one, or as a textbook elides them."""
    tied = any(has_lookup(link.local) for link in family.links)  # such weights have no one formula a person would read
    if general and not tied:
        yield lines.gathered.step(family.target)
        return
    count = family_size(family)
    if every or count <= LIST_ALL:
        for target in lines.instances(family):
            yield lines.step(target)
        return
    if not tied:
        yield lines.gathered.step(family.target)
    targets = lines.instances(family)
    for target in itertools.islice(targets, 2):
        yield lines.step(target)
    yield Elision(count - 3)
    yield lines.step(last_instance(family))


def family_size(family: Family) -> int:
    """Return how many lines a family stands for."""
    if family.target.symbol.support is not None:
        return len(family.target.symbol.support)
    count = 1
    for term in family.target.indices:
        if isinstance(term, Index) and not _is_sample(term):
            count *= len(term)
    return count


def last_instance(family: Family) -> Ref:
    """Return the last target that a family stands for."""
    support = family.target.symbol.support
    if support is not None:
        return Ref(family.target.symbol, max(support))
    places = (
        term.range()[-1] if isinstance(term, Index) and not _is_sample(term) else term for term in family.target.indices
    )
    return Ref(family.target.symbol, tuple(places))


def select(
    derivation: Derivation, name: str, *, lines: Lines | None = None, every: bool = True, general: bool = False
) -> Iterator[Step | Elision]:
    """Yield the Steps that a name means: one weight, bias, neuron's a or z; a whole layer's weights; a named neuron.

    With `general`, the index-general Steps that these are instances of.

    Raises:
        SelectionError: where the network has nothing of that name; the message says what there is.
    """
    lines = lines or Lines(derivation)
    if general:
        for family in selected_families(derivation, name):
            yield from family_steps(lines, family, every=every, general=True)
        return
    for target in list(_targets(derivation, name)):
        if isinstance(target, Family):
            yield from family_steps(lines, target, every=every)
        else:
            yield lines.step(target)


def selected_families(derivation: Derivation, name: str) -> list[Family]:
    """Return the families that a name's Steps belong to, each once."""
    lines = Lines(derivation)
    found: dict[int, Family] = {}
    for target in _targets(derivation, name):
        family = target if isinstance(target, Family) else lines.family(target)
        assert family is not None
        found[id(family)] = family
    return list(found.values())


def step_of(derivation: Derivation, name: str) -> Step:
    """Return the one Step that a name means; for a layer (`W_2`, `b_1`) its index-general Step.

    Raises:
        SelectionError: where the network has nothing of that name.

    Example:
        >>> from chainrule import Network
        >>> print(step_of(Network.read("2-3-2-1").derive(), "W_1").text())
        ∂loss/∂w_ij^1 = ∂loss/∂z_i^1 · ∂z_i^1/∂w_ij^1 = ∂loss/∂z_i^1 · x_{j-1}
    """
    target = next(iter(_targets(derivation, name)))
    lines = Lines(derivation)
    if isinstance(target, Family):
        return lines.gathered.step(target.target)
    return lines.step(target)


def _targets(derivation: Derivation, name: str) -> Iterator[Family | Ref]:
    from chainrule.figure.spelling import parse_symbol

    net = derivation.source.network
    wanted = name.strip()
    if net is not None:
        for level in range(net.depth + 1):
            for unit in (
                range(1, net.size(level) + 1)
                if (level == 0 and net.input_names) or (level and net.layers[level - 1].names)
                else ()
            ):
                if net.unit_name(level, unit) == wanted:
                    yield from _of_unit(derivation, level, unit)
                    return
    words = wanted.lower().split()
    if len(words) == 2 and words[0] in ("layer", "층") and words[1].isdigit():
        level = int(words[1])
        found = [f for f in derivation.families if f.target.symbol.layer == level]
        if net is not None and level == net.depth and net.reads_last_layer:
            found = [f for f in derivation.families if f in found or f.target.symbol.kind == "pred"]
        if not found:
            raise SelectionError("select_layer", read=name, depth=net.depth if net else 0)
        yield from found
        return
    named = parse_symbol(wanted)
    symbol = _find_symbol(derivation, named)
    if symbol is None or named.kind in ("true", "loss"):
        raise SelectionError("select_symbol", read=name, known=_known(derivation))
    if not named.subscripts and symbol.kind != "pred":  # W_2, A_1, b_1: a whole layer
        yield from derivation.of[symbol]
        return
    places = named.subscripts if symbol.kind != "x" else tuple(value + 1 for value in named.subscripts)
    if symbol.kind == "pred" and not places:
        if symbol.dims[1].size != 1:
            yield from derivation.of[symbol]
            return
        places = (1,)
    sampled = symbol.dims and symbol.dims[0].name == "samples"
    dims = symbol.dims[1:] if sampled else symbol.dims
    if len(places) != len(dims) or any(not 1 <= p <= (d.size or 0) for p, d in zip(places, dims, strict=True)):
        raise SelectionError("select_unit", read=name, known=_known(derivation, symbol))
    if symbol.support is not None and places not in symbol.support:
        raise SelectionError("select_edge", read=name, known=_known(derivation, symbol))
    head: tuple[Term, ...] = ()
    if sampled:
        rows = symbol.dims[0]
        if named.sample is not None and rows.size is not None and not 1 <= named.sample <= rows.size:
            raise SelectionError("select_sample", read=name, size=rows.size)
        head = (named.sample,) if named.sample else (1 if rows.size == 1 else Index("n", rows),)
    yield Ref(symbol, (*head, *places))


def _of_unit(derivation: Derivation, level: int, unit: int) -> Iterator[Ref]:
    """Yield the targets that belong to one unit: its a, its z, its bias and the weights that lead into it."""
    lines = Lines(derivation)
    for family in derivation.families:
        symbol = family.target.symbol
        mine = symbol.layer == level or (symbol.kind == "x" and level == 0)
        net = derivation.source.network
        mine = mine or (symbol.kind == "pred" and net is not None and level == net.depth and net.reads_last_layer)
        if mine:
            position = 0 if symbol.kind in ("w", "b") else 1
            for target in lines.instances(family):
                if target.indices[position] == unit:
                    yield target


def _find_symbol(derivation: Derivation, named: Named) -> Symbol | None:
    kind = named.kind if named.kind in ("pred", "true", "loss") else named.kind.lower()
    for symbol in derivation.of:
        same = symbol.kind == kind and (symbol.layer is None or symbol.layer == named.layer)
        if same and (kind != "w" or symbol.source == named.source):
            return symbol
    return None


def _known(derivation: Derivation, only: Symbol | None = None) -> str:
    """Return the names a person can ask for, the first and last of each family."""
    from chainrule.notation import plain

    lines = Lines(derivation)
    parts = []
    for family in derivation.families:
        if only is not None and family.target.symbol != only:
            continue
        first = next(lines.instances(family), None)
        if first is not None:
            last = last_instance(family)
            parts.append(plain(first) if first == last else f"{plain(first)} … {plain(last)}")
    return ", ".join(parts[:40])


def paths(derivation: Derivation, name: str) -> Iterator[tuple[Ref, ...]]:
    """Yield every path from a symbol to the loss, as the symbols along it; lazily, since there may be very many.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.notation import plain
        >>> for path in paths(Network.read("2-3-2-1").derive(), "w_11^1"):
        ...     print(" → ".join(map(plain, path)))
        w_11^1 → z_1^1 → a_1^1 → z_1^2 → a_1^2 → pred → loss
        w_11^1 → z_1^1 → a_1^1 → z_2^2 → a_2^2 → pred → loss
    """
    lines = Lines(derivation, limit=10**9)
    root = derivation.source.root
    assert isinstance(root, Ref)
    for target in _targets(derivation, name):
        stack: list[tuple[Ref, ...]] = (
            [(target,)] if isinstance(target, Ref) else [(t,) for t in lines.instances(target)]
        )
        stack.reverse()
        while stack:
            path = stack.pop()
            if path[-1] == root:
                yield path
                continue
            stack.extend((*path, consumer) for consumer in reversed(_consumers(lines, path[-1])))


def _consumers(lines: Lines, target: Ref) -> list[Ref]:
    family = lines.family(target)
    assert family is not None
    binding: dict[Index, Term] = {
        mine: term for mine, term in zip(family.target.indices, target.indices, strict=True) if isinstance(mine, Index)
    }
    found: dict[Ref, None] = {}
    for link in family.links:
        moved = bound(link, binding)
        for one in lines._instances(moved, moved.sums):
            if isinstance(one.consumer, Ref):
                found[one.consumer] = None
    return list(found)
