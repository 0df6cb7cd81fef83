"""Every partial once more, by a second method that knows no derivatives: complex step on the forward statements.

f(x + ih) = f(x) + ih f'(x) − h²f''(x)/2 − …, so that f'(x) = Im f(x + ih)/h, without any subtraction.
(Squire, Trapp 1998, SIAM Review 40, 110 to 112.) With h = 10⁻³⁰ the error is that of the forward computation. A number
that is computed (a, z, pred) is changed where it is defined, and the statements after it are run on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.algebra import atoms, walk
from chainrule.expr import Call, Index, Iverson, Ref, Symbol
from chainrule.notation import plain
from chainrule.program import Program
from chainrule.rules import RULES
from chainrule.values.contract import LANE, Key, Store, aligned
from chainrule.values.numeric import PRIMITIVES
from chainrule.values.plan import Planner, array_key, support, symbol_key

if TYPE_CHECKING:
    from chainrule.values.evaluate import Values

STEP = 1e-30
KINK_WIDTH = 1e-6
"""A number this close to a kink is reported."""

MOST_ENTRIES = 20_000
MOST_WORK = 4e9
"""About how many multiplications may be spent; a network that needs more is checked at places drawn with a seed."""

LANES_SIZE = 2**21
"""How many complex numbers a perturbed array may hold: 32 MiB."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of checking the partials.

    Attributes:
        method: the second method.
        count: how many partials were computed by it.
        total: how many there are. Where `count` is less, the ones checked were drawn with `seed`.
        largest_error: the largest absolute difference.
        where: the partial that has it, in plain spelling (`w_11^2` is ∂loss/∂w_11^2).
        largest_relative: the largest difference, relative to the largest partial by the same symbol (all of w^2).
        where_relative: the partial that has it.
        kinks: the numbers within 10⁻⁶ of a kink of their activation or loss. There a derivative is a choice; both
            methods make the choice that the table states.
        seed: what the sample was drawn with, where it was one.
    """

    method: str
    count: int
    total: int
    largest_error: float
    where: str
    largest_relative: float
    where_relative: str
    kinks: tuple[str, ...] = ()
    seed: int = 0

    @property
    def sampled(self) -> bool:
        """Whether only some of the partials were checked."""
        return self.count < self.total


def verify(values: Values, *, seed: int = 0, most: int = MOST_ENTRIES) -> Verification:
    """Return how far every partial is from what a complex step on the forward computation gives.

    Args:
        values: the numbers to check.
        seed: draws which partials are checked where there are too many for all.
        most: the most partials that are checked.

    Example:
        >>> from chainrule import Network
        >>> check = verify(Network.read("2-3-2-1").values())
        >>> check.count, check.sampled, check.largest_error < 1e-15
        (27, False, True)
    """
    program = values.derivation.source
    root = program.root
    symbols = list(values.derivation.of)
    chosen = _chosen(program, symbols, values.samples, seed=seed, most=most)
    worst, worst_relative = (-1.0, ""), (-1.0, "")
    with np.errstate(all="ignore"):
        for symbol in symbols:
            flat = chosen[symbol]
            if not flat.size:
                continue
            again = _by_complex_step(program, values._store, symbol, flat)
            partials = values._store[root, symbol_key(symbol)]
            error = np.abs(again - partials.reshape(-1)[flat])
            error[np.isnan(error)] = np.inf
            at = int(np.argmax(error))
            scale = float(np.max(np.abs(partials)))
            largest = float(error[at])
            relative = largest / scale if scale else largest
            worst = max(worst, (largest, _name(symbol, int(flat[at]))), key=lambda pair: pair[0])
            worst_relative = max(worst_relative, (relative, _name(symbol, int(flat[at]))), key=lambda pair: pair[0])
        kinks = tuple(dict.fromkeys(_kinks(program, values._store)))
    total = sum(_count(symbol) for symbol in symbols)
    count = sum(flat.size for flat in chosen.values())
    return Verification("complex step", count, total, *worst, *worst_relative, kinks, seed)


def _count(symbol: Symbol) -> int:
    return math.prod(dim.size or 0 for dim in symbol.dims) if symbol.support is None else len(symbol.support)


def _name(symbol: Symbol, flat: int) -> str:
    place = np.unravel_index(flat, tuple(dim.size or 0 for dim in symbol.dims))
    return plain(Ref(symbol, tuple(int(at) + 1 for at in place)))


def _chosen(
    program: Program, symbols: list[Symbol], samples: int, *, seed: int, most: int
) -> dict[Symbol, NDArray[np.intp]]:
    """Return the flat places of each symbol that are checked: all of them, or an even share for each symbol."""
    work = sum(_count(symbol) for symbol in program.parameters) * samples + sum(map(_count, symbols))
    allowed = max(min(most, int(MOST_WORK / work)), len(symbols))
    random = np.random.default_rng(seed)
    found = {}
    left = allowed
    for position, symbol in enumerate(sorted(symbols, key=_count)):  # small symbols leave their share to large ones
        share = left // (len(symbols) - position)
        everything = np.flatnonzero(support(symbol)) if symbol.support is not None else None
        count = _count(symbol)
        if count > share:
            drawn = np.sort(random.choice(count, share, replace=False))
            found[symbol] = drawn if everything is None else everything[drawn]
        else:
            found[symbol] = np.arange(count) if everything is None else everything
        left -= found[symbol].size
    return found


def _by_complex_step(program: Program, store: Store, symbol: Symbol, flat: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return ∂loss/∂(the symbol's entries at the flat places)."""
    own = symbol_key(symbol)
    laned: set[Key] = {own}
    for statement in program.statements:
        target = array_key(statement.target)
        if target != own and any(array_key(atom) in laned for atom in atoms(statement.expr)):
            laned.add(target)
    planner = Planner(laned)
    after = [
        planner.assignment(s) for s in program.statements if array_key(s.target) in laned and array_key(s.target) != own
    ]
    base = store[own]
    largest = max(store[k].size for k in laned)
    lanes = int(max(1, min(1024, LANES_SIZE // largest, flat.size)))
    out = np.empty(flat.size)
    for start in range(0, flat.size, lanes):
        places = flat[start : start + lanes]
        perturbed = np.broadcast_to(base, (len(places), *base.shape)).astype(np.complex128, order="C")
        perturbed.reshape(len(places), -1)[np.arange(len(places)), places] += 1j * STEP
        mine: dict[Any, Any] = {**store, own: perturbed, LANE: np.array([len(places)])}
        for run in after:
            run(mine)
        out[start : start + lanes] = np.imag(mine[array_key(program.root)]) / STEP
    return out


# Kinks


def _kinks(program: Program, store: Store) -> Iterator[str]:
    """Yield the arguments of activations and losses that are close to a place where the slope jumps."""
    planner = Planner()
    for statement in program.statements:
        for call in walk(statement.expr):
            if not isinstance(call, Call) or call.function in PRIMITIVES or not _in_pieces(call):
                continue
            first = call.args[0]
            assert isinstance(first, Ref)
            axes = tuple(term for term in first.indices if isinstance(term, Index))
            args = [np.asarray(aligned(planner.plan(arg), axes)(store)) for arg in call.args]
            jump = np.abs(_slope(call, args, KINK_WIDTH) - _slope(call, args, -KINK_WIDTH))
            # Where the slope is smooth it changes by some 10⁻⁶ over this distance.
            for place in np.argwhere(jump > 1e-4):
                value = {axis: axis.range()[at] for axis, at in zip(axes, place, strict=True)}
                yield plain(Ref(first.symbol, tuple(value[t] if isinstance(t, Index) else t for t in first.indices)))


def _in_pieces(call: Call) -> bool:
    """Return whether a function is made of pieces that meet at kinks."""
    value = RULES[call.function].value
    if value is None:
        return call.function in ("abs", "sign", "max", "min")
    return any(
        (isinstance(node, Call) and _in_pieces(node)) or (isinstance(node, Iverson) and node.relation != "=")
        for node in walk(value(*call.args, parameter=call.parameter))
    )


def _slope(call: Call, args: list[Any], away: float) -> NDArray[np.float64]:
    """Return the slope of a row by its first argument, a small distance away, by complex step."""
    value = RULES[call.function].value
    assert value is not None
    holes = tuple(Ref(Symbol(f"argument {position}")) for position in range(len(args)))
    plan = Planner().plan(value(*holes, parameter=call.parameter))
    store: Store = {array_key(hole): arg.astype(np.complex128) for hole, arg in zip(holes, args, strict=True)}
    store[array_key(holes[0])] += away + 1j * STEP
    return np.asarray(np.imag(plan.run(store)) / STEP)
