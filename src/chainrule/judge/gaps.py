"""What a document leaves open: partials that it uses and never derives, weights that it never answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.expr import Matrix, Partial, Ref, Symbol
from chainrule.judge.court import Court
from chainrule.judge.meaning import Interpreter, NotJudged, ShapesClash
from chainrule.judge.reading import Environment, NoMeaning
from chainrule.judge.report import Message
from chainrule.judge.syntax import Chain, Derivative, Group, Name, Node, Unread
from chainrule.notation import load, plain

if TYPE_CHECKING:
    from chainrule.judge.heard import Heard

MOST_NAMED = 12
"""How many names a sentence lists; the others are counted."""

MOST_PLACES = 600
"""At how many values of running letters a line's target is looked up."""


def gaps(heard: Sequence[Heard], court: Court, lines: Sequence[int]) -> Iterator[Message]:
    """Yield what is missing.

    Args:
        heard: the rows.
        court: the network under the document's reading.
        lines: on which line each row begins.
    """
    answered: set[Ref | Symbol] = set()
    used: dict[Ref, int] = {}
    for one, line in zip(heard, lines, strict=True):
        court.bindings = one.bindings
        chain = one.row.chain
        derivatives = [part for side in chain.sides[1:] for part in side.parts if isinstance(part, Derivative)]
        first = chain.sides[0].node
        for interpreter, environment in _instances(court, chain):
            if not isinstance(first, Unread) and (target := _of_loss(first, interpreter, environment)) is not None:
                answered.add(target)
            for part in derivatives:
                by = _of_loss(part, interpreter, environment)
                if isinstance(by, Ref):
                    used.setdefault(by, line)
    if not answered:
        return
    whole = {target for target in answered if isinstance(target, Symbol)}
    done: dict[_Own, set[tuple[object, ...]]] = {}
    for ref in answered:
        if isinstance(ref, Ref):
            done.setdefault(_own(ref.symbol), set()).add(ref.indices)
    covered = set(map(_own, whole))
    root = court.numbers(1).program.root
    for ref, line in used.items():
        own = _own(ref.symbol)
        if ref.indices not in done.get(own, ()) and own not in covered:
            yield Message("gap.never_derived", {"partial": plain(Partial(root, ref)), "line": line})
    missing: list[str] = []
    more = 0
    for symbol in court.numbers(1).program.parameters:
        own = _own(symbol)
        if symbol.kind != "w" or own in covered:
            continue
        answers = done.get(own, set())
        if whole and not answers:  # who derives by whole matrices lacks a matrix, and not its entries
            left: Iterator[str] = iter((_matrix(symbol),))
            count = 1
        else:
            left = (plain(ref) for ref in _places(symbol) if ref.indices not in answers)
            count = _size(symbol) - len(answers)
        room = MOST_NAMED - len(missing)
        missing += itertools.islice(left, room)
        more += max(count - room, 0)
    if missing:
        named = ", ".join(missing)
        if more:
            yield Message("gap.never_answered_more", {"names": named, "more": more})
        else:
            yield Message("gap.never_answered", {"names": named})


_Own = tuple[str, int | None, int | None]


def _own(symbol: Symbol) -> _Own:
    """Return what tells a symbol from the others of any Program of its network."""
    return symbol.kind, symbol.layer, symbol.source


def _instances(court: Court, chain: Chain) -> Iterator[tuple[Interpreter, Environment]]:
    """Yield what a chain's letters stand for; one that speaks of any layer speaks of each."""
    facts = court.facts(chain)
    layerings = [facts.layers]
    if facts.letters and len(facts.layerings) > 1:
        layerings += facts.layerings
    for layers in layerings:
        interpreter = court.interpreter(chain, layers=layers)
        for environment in itertools.islice(court.environments(chain), MOST_PLACES):
            yield interpreter, environment


def _matrix(symbol: Symbol) -> str:
    """Return the plain spelling of a whole matrix: W_2."""
    spelled = load("seed").spell_matrix(symbol)
    return spelled.base + (f"_{spelled.sub}" if spelled.sub else "") + (f"^{spelled.sup}" if spelled.sup else "")


def _size(symbol: Symbol) -> int:
    """Return how many entries a symbol has."""
    return len(symbol.support) if symbol.support is not None else math.prod(dim.size or 0 for dim in symbol.dims)


def _places(symbol: Symbol) -> Iterator[Ref]:
    support = symbol.support
    for place in itertools.product(*(range(1, (dim.size or 0) + 1) for dim in symbol.dims)):
        if support is None or place in support:
            yield Ref(symbol, place)


def _of_loss(node: Node, interpreter: Interpreter, environment: Environment) -> Ref | Symbol | None:
    """Return what a node differentiates the loss by, or None where it is no partial of the loss."""
    while isinstance(node, Group):
        node = node.body
    root = interpreter.numbers.program.root
    try:
        if isinstance(node, Derivative):
            of, by = interpreter.atoms(node, environment)
            if of != root:
                return None
            return by.symbol if isinstance(by, Matrix) else by
        if isinstance(node, Name):
            what = interpreter.meant(node, environment).what
            if isinstance(what, Partial) and isinstance(what.by, Ref):
                return what.by
            if isinstance(what, Matrix) and what.of is not None:
                return what.symbol
    except (NoMeaning, NotJudged, ShapesClash):
        return None
    return None
