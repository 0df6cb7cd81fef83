"""Typical mistakes, each as a change of the derivation's statements: what somebody's code computes if it makes it.

For each statement (∂loss/∂pred, ∂loss/∂a, ∂loss/∂z, ∂loss/∂w, ∂loss/∂b, and the forward ones) there are the ways in
which people get it wrong. Whether one of them explains a gradient is for `search` to find, by numbers.

backward.py has those of the partials on the way, slopes.py those of activations' derivatives, gathered.py those of
weights and biases, forward.py those of the forward computation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chainrule.algebra import add, atoms, replace_atoms, total
from chainrule.derive import owner
from chainrule.export.pieces import array_name
from chainrule.expr import Add, Atom, Expr, Index, Partial, Ref, Symbol
from chainrule.judge.code.flow import Change, Wrap
from chainrule.network import Network
from chainrule.program import Statement
from chainrule.values.contract import Key
from chainrule.values.plan import array_key, symbol_key

KINDS = (
    "missing_factor", "extra_factor", "sign", "zero", "missing_derivative", "extra_derivative", "wrong_derivative",
    "value_for_derivative", "wrong_argument", "loss_derivative", "loss_value", "forgotten_path", "wrong_symbol",
    "wrong_layer", "missing_transpose", "updated_weights", "transposed", "not_summed", "summed_too_far", "wrong_axis",
    "one_sample", "sums_multiplied", "extra_term", "no_edges", "tied", "wrong_shape", "forward_activation",
    "output_activation", "forgotten_bias", "imprecise", "not_a_number", "missing", "unknown",
)  # fmt: skip
"""The mistakes that have a name; their words stand in `prose/`, under `code.mistake`."""


@dataclass(frozen=True, eq=False)
class Slip:
    """One way to get a statement wrong.

    Attributes:
        kind: what it is called, one of `KINDS`.
        name: what the statement computes, as code calls it: `dZ_2`.
        detail: what tells it from other slips of its kind at the same statement.
        change: what is computed instead.
        facts: what its sentence tells besides the statement's name.
        cost: how unusual it is; of two slips that explain the same, the cheaper one is meant.
        fitted: whether the change has a number in it, which is found from the gradients.
    """

    kind: str
    name: str
    detail: str
    change: Change
    facts: Mapping[str, object] = field(default_factory=dict)
    cost: float = 0.0
    fitted: bool = False

    @property
    def id(self) -> tuple[str, str, str]:
        """What a slip is, whatever the number of samples."""
        return self.kind, self.name, self.detail


Rewrite = Callable[[Statement], Expr | None]


class Statements:
    """A Derivation's statements, and what is asked of them to make slips.

    Attributes:
        net: the figure.
        statements: forward and backward, in order.
    """

    def __init__(self, net: Network, statements: tuple[Statement, ...]) -> None:
        self.net = net
        self.statements = statements

    @cached_property
    def places(self) -> dict[Key, list[int]]:
        """The places of the statements of each array."""
        found: dict[Key, list[int]] = {}
        for place, statement in enumerate(self.statements):
            found.setdefault(array_key(statement.target), []).append(place)
        return found

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol with a row for each sample, but the targets: x, z, a, pred."""
        found: dict[Symbol, None] = {}
        for statement in self.statements:
            for atom in (statement.target, *atoms(statement.expr)):
                symbol = owner(atom).symbol
                if symbol.kind in ("x", "z", "a", "pred"):
                    found[symbol] = None
        return tuple(found)

    @cached_property
    def weights(self) -> tuple[Symbol, ...]:
        """Every symbol of weights."""
        found = (owner(atom).symbol for s in self.statements for atom in atoms(s.expr))
        return tuple(dict.fromkeys(symbol for symbol in found if symbol.kind == "w"))

    @cached_property
    def root(self) -> Atom:
        """The loss."""
        return next(s.target.of for s in self.statements if isinstance(s.target, Partial))

    def symbol(self, kind: str, layer: int | None) -> Symbol | None:
        """Return a symbol, or None; the outputs' activations are called pred."""
        if layer is not None and layer == self.net.depth and kind == "a" and self.net.reads_last_layer:
            kind, layer = "pred", None
        if kind == "a" and layer == 0:
            kind, layer = "x", None
        return next((s for s in self.symbols if (s.kind, s.layer) == (kind, layer)), None)

    def has_partial(self, symbol: Symbol, before: int) -> bool:
        """Return whether ∂loss/∂ a symbol is computed before a place."""
        places = self.places.get((self.root, symbol_key(symbol)))
        return places is not None and places[-1] < before

    def rewritten(self, key: Key, rewrite: Rewrite) -> Change | None:
        """Return the change that gives each statement of an array another right side; None where there is none."""
        found = {}
        for place in self.places[key]:
            statement = self.statements[place]
            expr = rewrite(statement)
            if expr is None:
                return None
            if expr != statement.expr:
                found[place] = Statement(statement.target, expr, statement.role)
        return Change(found, {}) if found else None

    def wrapped(self, key: Key, wrap: Wrap) -> Change:
        """Return the change that does something around the last statement of an array, when all of it is there."""
        return Change({}, {self.places[key][-1]: wrap})

    def name(self, key: Key) -> str:
        """Return what an array is called in code."""
        return array_name(self.statements[self.places[key][0]].target)


def scaled(statements: Statements, key: Key) -> Slip:
    """Return the slip of a factor that is missing or too many, to be fitted."""

    def wrap(run: Callable[..., object], own: Key, c: float) -> Callable[..., None]:
        def scale(store: dict[Key, object]) -> None:
            run(store)
            store[own] = store[own] * c  # type: ignore[operator]

        return scale

    return Slip("missing_factor", statements.name(key), "", statements.wrapped(key, wrap), fitted=True)


def terms_of(expr: Expr) -> tuple[Expr, ...]:
    """Return the terms of a sum; of anything else itself."""
    return expr.terms if isinstance(expr, Add) else (expr,)


def put(old: Symbol, new: Symbol) -> Rewrite:
    """Return the rewriting that reads another symbol at the same indices, where it does not differentiate by it."""

    def change(atom: Atom) -> Expr:
        return Ref(new, atom.indices) if isinstance(atom, Ref) and atom.symbol == old else atom

    return lambda statement: replace_atoms(statement.expr, change)


def put_partial(old: Symbol, new: Symbol) -> Rewrite:
    """Return the rewriting that reads ∂loss/∂new for ∂loss/∂old."""

    def change(atom: Atom) -> Expr:
        if isinstance(atom, Partial) and isinstance(atom.by, Ref) and atom.by.symbol == old:
            return Partial(atom.of, at_same(new, atom.by))
        return atom

    return lambda statement: replace_atoms(statement.expr, change)


def put_once(occurrence: int, new: Symbol) -> Rewrite:
    """Return the rewriting that reads another symbol in one place: where the z or a of that number stands."""

    def rewrite(statement: Statement) -> Expr:
        left = occurrence

        def change(atom: Atom) -> Expr:
            nonlocal left
            if not is_forward(atom):
                return atom
            left -= 1
            return at_same(new, atom) if left == -1 and isinstance(atom, Ref) else atom

        return replace_atoms(statement.expr, change)

    return rewrite


def is_forward(atom: Atom) -> bool:
    """Return whether an atom is an entry of some z, a, pred or x."""
    return isinstance(atom, Ref) and atom.symbol.kind in ("z", "a", "pred", "x")


def at_same(new: Symbol, old: Ref) -> Ref:
    """Return a symbol at another one's indices; one unit goes with any, as NumPy broadcasts it."""
    return Ref(new, old.indices) if same_units(new, old.symbol) else Ref(new, (*old.indices[:-1], 1))


def broadcasts(new: Symbol, old: Symbol) -> bool:
    """Return whether a symbol can stand where another one is multiplied place by place."""
    return same_units(new, old) or new.dims[-1].size == 1


def without(number: int) -> Rewrite:
    """Return the rewriting that leaves out a term, by its number."""
    return lambda statement: dict(without_each(statement.expr)).get(number)


def slip_at(
    statements: Statements, key: Key, kind: str, detail: str, rewrite: Rewrite, cost: float = 0.0, **facts: object
) -> Iterator[Slip]:
    """Yield the slip of a rewriting, where it changes something."""
    change = statements.rewritten(key, rewrite)
    if change is not None:
        yield Slip(kind, statements.name(key), detail, change, facts, cost)


def partials_in(expr: Expr) -> tuple[Partial, ...]:
    """Return the partials of the loss that an expression uses."""
    return tuple(dict.fromkeys(a for a in atoms(expr) if isinstance(a, Partial)))


def same_units(one: Symbol, other: Symbol) -> bool:
    """Return whether two symbols have as many units."""
    return one.dims[-1].size == other.dims[-1].size


def over(indices: Iterable[Index], body: Expr) -> Expr:
    """Return Σ … Σ of a body."""
    for index in reversed(tuple(indices)):
        body = total(index, body)
    return body


def without_each(expr: Expr) -> Iterator[tuple[int, Expr]]:
    """Yield a sum without each of its terms, with the number of the term."""
    terms = terms_of(expr)
    if len(terms) > 1:
        for number, _ in enumerate(terms):
            yield number, add(*(term for at, term in enumerate(terms) if at != number))


def at_home(symbol: Symbol) -> str:
    """Return what a symbol's array is called in code.

    Example:
        >>> from chainrule.expr import Dim
        >>> at_home(Symbol("z", (Dim("samples", None), Dim("layer 1", 3)), 1))
        'Z_1'
    """
    return array_name(Ref(symbol))


def all_slips(statements: Statements, key: Key) -> Iterator[Slip]:
    """Yield every slip at the statements of one array, the cheapest of its kind first."""
    from chainrule.judge.code import backward, forward, gathered

    target = statements.statements[statements.places[key][0]].target
    if not isinstance(target, Partial):
        yield from forward.slips(statements, key, target)
        return
    yield scaled(statements, key)
    kind = owner(target).symbol.kind
    if kind in ("w", "b"):
        yield from gathered.slips(statements, key, owner(target).symbol)
    else:
        yield from backward.slips(statements, key, owner(target).symbol)
