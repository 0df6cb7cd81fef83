"""Slips in the forward computation: another activation, none, a bias or a path left out."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.algebra import atoms, mul
from chainrule.expr import Atom, Expr, Index, Partial, Ref
from chainrule.judge.code.flow import Change
from chainrule.judge.code.slips import Rewrite, Slip, Statements, at_home, slip_at, terms_of, without, without_each
from chainrule.judge.code.slopes import USUAL, slope, value
from chainrule.program import Statement
from chainrule.rules import ACTIVATIONS, Rule
from chainrule.values.contract import Key
from chainrule.values.plan import symbol_key


def slips(statements: Statements, key: Key, target: Atom) -> Iterator[Slip]:
    """Yield the slips at one forward statement."""
    assert isinstance(target, Ref)
    first = statements.statements[statements.places[key][0]]
    if first.role == "sum":
        yield from _sum(statements, key, first)
    elif first.role in ("activation", "softmax"):
        yield from _activation(statements, key, target)


def _sum(statements: Statements, key: Key, first: Statement) -> Iterator[Slip]:
    name = statements.name(key)
    for number, _ in without_each(first.expr):
        gone = terms_of(first.expr)[number]
        if isinstance(gone, Ref) and gone.symbol.kind == "b":
            what = at_home(gone.symbol)
            yield from slip_at(statements, key, "forgotten_bias", str(number), without(number), 0.1, what=what)
        else:
            through = ", ".join(dict.fromkeys(at_home(a.symbol) for a in atoms(gone) if isinstance(a, Ref)))
            yield from slip_at(statements, key, "forgotten_path", str(number), without(number), 0.1, through=through)
    if key == symbol_key_of(statements, "pred"):
        yield from _bent_outputs(statements, key, name)


def symbol_key_of(statements: Statements, kind: str) -> Key | None:
    """Return the key of a forward array, or None."""
    symbol = statements.symbol(kind, None)
    return None if symbol is None else symbol_key(symbol)


def _bent_outputs(statements: Statements, key: Key, name: str) -> Iterator[Slip]:
    """Yield the slips of an activation at outputs that have none, with and without its derivative behind."""
    partial = (statements.root, key)
    for other in USUAL:
        row = ACTIVATIONS[other]
        bent = statements.rewritten(key, _bent(row))
        if bent is None:
            continue
        facts = {"other": other, "what": "identity"}
        yield Slip("output_activation", name, other, bent, facts, 0.3)
        if partial not in statements.places:
            continue
        found = {}
        for place in statements.places[partial]:
            statement = statements.statements[place]
            assert isinstance(statement.target, Partial) and isinstance(statement.target.by, Ref)
            pred = statement.target.by
            logits = _logits(statements, key, pred)
            factor = None if logits is None else slope(row, logits, pred, None)
            if factor is None:
                break
            found[place] = Statement(statement.target, mul(statement.expr, factor), statement.role)
        else:
            change = Change({**bent.statements, **found}, {})
            yield Slip("output_activation", name, f"{other} with its derivative", change, facts, 0.3)


def _bent(row: Rule) -> Rewrite:
    return lambda statement: value(row, statement.expr, None)


def _logits(statements: Statements, key: Key, pred: Ref) -> Expr | None:
    """Return what the outputs are the sum of, at the same indices."""
    places = statements.places[key]
    statement = statements.statements[places[0]]
    return statement.expr if len(places) == 1 and _same(statement.target, pred) else None


def _same(target: Atom, pred: Ref) -> bool:
    return isinstance(target, Ref) and [_text(t) for t in target.indices] == [_text(t) for t in pred.indices]


def _text(term: object) -> object:
    return (term.name, term.dim.name) if isinstance(term, Index) else term


def _activation(statements: Statements, key: Key, target: Ref) -> Iterator[Slip]:
    """Yield the slips of another activation: in the forward computation only, and in the derivative too."""
    layer = target.symbol.layer or statements.net.depth
    before = statements.symbol("z", layer)
    if before is None:
        return
    name = statements.name(key)
    own = {str(activation.name) for activation in statements.net.layers[layer - 1].activations}
    shown = ", ".join(sorted(own))
    behind = (statements.root, symbol_key(before))
    for other in ("identity", *USUAL):
        row = ACTIVATIONS[other]
        if own == {other}:
            continue
        forward = {}
        for place in statements.places[key]:
            statement = statements.statements[place]
            assert isinstance(statement.target, Ref)
            z = Ref(before, statement.target.indices)
            forward[place] = Statement(
                statement.target, z if other == "identity" else value(row, z, None), "activation"
            )
        facts = {"other": other, "what": shown}
        yield Slip("forward_activation", name, f"{other} forward", Change(forward, {}), facts, 0.5)
        backward = {}
        for place in statements.places.get(behind, ()):
            statement = statements.statements[place]
            assert isinstance(statement.target, Partial) and isinstance(statement.target.by, Ref)
            z = statement.target.by
            a = Ref(target.symbol, z.indices)
            factor = slope(row, z, a, None)
            assert factor is not None
            backward[place] = Statement(statement.target, mul(Partial(statements.root, a), factor), statement.role)
        if backward:
            change = Change({**forward, **backward}, {})
            yield Slip("forward_activation", name, other, change, facts, 0.2)
