"""Program → Derivation: the chain rule over a symbol's consumers, the product rule inside a statement, and the table.

For every symbol s that the root depends on, and every statement q = … s … that consumes it,

    ∂loss/∂s = Σ_q ∂loss/∂q · ∂q/∂s                                    (Rumelhart, Hinton, Williams 1986)

where the sum runs over the consumers and over their indices. ∂q/∂s comes from `differentiate`; the Kronecker δs that it
leaves fix the consumers' indices, and what remains is one `Family`: a formula for all values of the target's indices at
once. So a layer of a million weights costs as much to derive as one of six. A derivation is again statements
(`Derivation.program`), which can be evaluated, compiled, and derived again.

No spelling, no numbers and no choice of what to show stand here (`chainrule.views`, `chainrule.show`,
`chainrule.values`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chainrule.algebra import (
    add,
    atoms,
    is_number,
    mul,
    never_equal,
    replace_atoms,
    substitute,
    substitute_atom,
    total,
    walk,
)
from chainrule.calculus import Key, differentiate, key, terms
from chainrule.errors import ProgramError
from chainrule.expr import (
    ONE,
    ZERO,
    Add,
    Atom,
    Delta,
    Expr,
    Index,
    Lookup,
    Mul,
    Partial,
    Ref,
    Sum,
    Symbol,
    Term,
)
from chainrule.program import Program, Statement, atom_name, check

if TYPE_CHECKING:
    from chainrule.views import Step


@dataclass(frozen=True, slots=True)
class Link:
    """What one consumer contributes to a partial: Σ over `sums` of outer · inner, whose value is Σ of outer · local.

    Attributes:
        consumer: the consumer's target atom at the indices that matter, q.
        sums: the indices of q that stay summed.
        outer: ∂loss/∂q, or None where q is the loss itself.
        inner: ∂q/∂s as an atom.
        local: the value of ∂q/∂s.
        role: the consumer's role.
    """

    consumer: Atom
    sums: tuple[Index, ...]
    outer: Partial | None
    inner: Partial
    local: Expr
    role: str

    def chain(self) -> Expr:
        """Return Σ ∂loss/∂q · ∂q/∂s."""
        return self._summed(self.inner if self.outer is None else mul(self.outer, self.inner))

    def value(self) -> Expr:
        """Return Σ ∂loss/∂q · (the value of ∂q/∂s)."""
        return self._summed(self.local if self.outer is None else mul(self.outer, self.local))

    def _summed(self, body: Expr) -> Expr:
        for index in reversed(self.sums):
            body = total(index, body)
        return body


@dataclass(frozen=True, slots=True)
class Family:
    """∂loss/∂s for all values of the indices of s: one formula.

    Attributes:
        atom: s at free indices; a Partial where a Derivation is derived again.
        links: one for each consumer, in the order of the figure.
    """

    atom: Atom
    links: tuple[Link, ...]

    @property
    def target(self) -> Ref:
        """The symbol s at free indices, in a Derivation of a network, where every s is one."""
        assert isinstance(self.atom, Ref), "the partials on the way of a second derivative have no symbol of their own"
        return self.atom

    @property
    def indices(self) -> tuple[Index, ...]:
        """The free indices of the target, in order."""
        return tuple(term for term in owner(self.atom).indices if isinstance(term, Index) and term.only is None)

    def value(self) -> Expr:
        """Return ∂loss/∂s through the partials of its consumers."""
        return add(*(link.value() for link in self.links))


@dataclass(frozen=True)
class Derivation:
    """Every partial of a Program's loss, in the order a person works: from the loss back.

    Attributes:
        source: the Program that was derived.
        families: one formula per symbol (per part of a symbol where units differ); each uses only those before it.

    Example:
        >>> from chainrule import Network
        >>> derivation = Network.read("2-3-2-1").derive()
        >>> print(derivation["w_11^2"].text())
        ∂loss/∂w_11^2 = ∂loss/∂z_1^2 · ∂z_1^2/∂w_11^2 = (pred − true) · w_11^3 · a_1^2(1 − a_1^2) · a_1^1
    """

    source: Program
    families: tuple[Family, ...]

    @cached_property
    def program(self) -> Program:
        """The forward statements and the reverse ones as one Program, whose statements define Partials."""
        root = self.source.root
        reverse = tuple(Statement(Partial(root, f.atom), f.value(), "partial") for f in self.families)
        return replace(self.source, statements=self.source.statements + reverse)

    @cached_property
    def of(self) -> dict[Symbol, tuple[Family, ...]]:
        """The families by the symbol they belong to."""
        return {family[0].target.symbol: family for own, family in self.by_key.items() if len(own) == 1}

    @cached_property
    def by_key(self) -> dict[Key, tuple[Family, ...]]:
        """The families by the key of what they differentiate by; where a Derivation is derived again, partials too."""
        found: dict[Key, tuple[Family, ...]] = {}
        for family in self.families:
            found[key(family.atom)] = (*found.get(key(family.atom), ()), family)
        return found

    # The doors to what stands further right on the road.

    def __iter__(self) -> Iterator[Step]:
        """Yield every Step of the scalar view, one at a time."""
        from chainrule.selection import steps

        return steps(self)

    def __getitem__(self, name: str) -> Step:
        """Return the Step of ∂loss/∂name, spelled plainly: `derivation["w_11^2"]`; of a layer, the general one.

        Raises:
            SelectionError: where the network has no such symbol.
        """
        from chainrule.selection import step_of

        return step_of(self, name)

    def show(self, format: str = "text", **options: Any) -> str:
        """Return the derivation in a form: text, latex, markdown, typst, html, json; see `chainrule.show.render`."""
        from chainrule.show import render

        return render(self, format, **options)

    # The forms as methods; each takes the options of `chainrule.show.compose.compose`: of, view, every, numbers,
    # lang, ….

    def text(self, **options: Any) -> str:
        """Return the derivation as plain Unicode text."""
        return self.show("text", **options)

    def latex(self, **options: Any) -> str:
        """Return the derivation as a whole LaTeX document."""
        return self.show("latex", **options)

    def markdown(self, **options: Any) -> str:
        """Return the derivation as Markdown with `$$ … $$`."""
        return self.show("markdown", **options)

    def typst(self, **options: Any) -> str:
        """Return the derivation as Typst."""
        return self.show("typst", **options)

    def html(self, **options: Any) -> str:
        """Return the derivation as an HTML page that stands alone."""
        return self.show("html", **options)

    def json(self, **options: Any) -> str:
        """Return the derivation as JSON."""
        return self.show("json", **options)

    def pdf(self, **options: Any) -> bytes:
        """Return the derivation as PDF.

        Raises:
            OutputError: where the extra `pdf` is not installed, or no font has what is to be set.
        """
        from chainrule.show.compose import compose
        from chainrule.show.typst import to_pdf

        return to_pdf(compose(self, **options))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows."""
        from chainrule.show.notebook import derivation_bundle

        return derivation_bundle(self)


def derive(program: Program, *, of: Atom | None = None) -> Derivation:
    """Return the Derivation of a Program's root, visiting only statements on a path to it.

    Args:
        program: forward statements; they may define Partials, as those of a Derivation do.
        of: the scalar atom to differentiate; the target of the last statement where left out. A partial of a
            Derivation's own program gives second derivatives.

    Raises:
        ProgramError: where no statement computes `of`.

    Example:
        >>> from chainrule import Network
        >>> from chainrule.program import build
        >>> [str(f.target.symbol) for f in derive(build(Network.read("2-2-1"))).families]
        ['pred', 'w^2', 'a^1', 'z^1', 'w^1', 'x']
    """
    root = program.root if of is None else of
    walker = _Walker(program, root)
    derivation = Derivation(replace(program, statements=_ending_with(program, root)), tuple(walker.families()))
    check(derivation.program)
    return derivation


def _ending_with(program: Program, root: Atom) -> tuple[Statement, ...]:
    """Return the statements up to the root's own: nothing after it can reach it.

    A root that is one place of a family (∂loss/∂w_11^2) gets a statement for that place.
    """
    for position, statement in enumerate(program.statements):
        if statement.target == root:
            return program.statements[: position + 1]
    for position, statement in enumerate(program.statements):
        binding = _binding(statement.target, root)
        if binding is not None:
            own = Statement(root, substitute(statement.expr, dict(binding)), statement.role)
            return (*program.statements[:position], own)
    raise ProgramError("not_defined", read=atom_name(root))


def _binding(general: Atom, place: Atom) -> dict[Index, int] | None:
    """Return the values of the indices at which a family's atom is the one at a fixed place, or None."""
    if key(general) != key(place):
        return None
    found: dict[Index, int] = {}
    for term, value in zip(terms(general), terms(place), strict=True):
        if (
            isinstance(term, Index)
            and isinstance(value, int)
            and value in term.range()
            and found.get(term, value) == value
        ):
            found[term] = value
        elif term != value:
            return None
    return found


def owner(atom: Atom) -> Ref:
    """Return the Ref whose indices an atom runs over: the innermost `by` of a partial, whose `of` is one number."""
    return atom if isinstance(atom, Ref) else owner(atom.by)


def _moved_to(atom: Atom, indices: tuple[Term, ...]) -> Atom:
    """Return the atom with its owner at other indices."""
    return Ref(atom.symbol, indices) if isinstance(atom, Ref) else Partial(atom.of, _moved_to(atom.by, indices))


class _Walker:
    """The reverse walk over a Program."""

    def __init__(self, program: Program, root: Atom) -> None:
        self.root = root
        self.statements = _ending_with(program, root)
        self.consumers: dict[Key, list[Statement]] = {}
        self.first_use: dict[Key, int] = {}
        reaching: set[Key] = set()
        for position in range(len(self.statements) - 1, -1, -1):
            statement = self.statements[position]
            if statement.target != root and key(statement.target) not in reaching:
                continue
            for used in dict.fromkeys(key(atom) for atom in atoms(statement.expr)):
                if used[0].kind in ("mask", "true"):
                    continue
                reaching.add(used)
                self.consumers.setdefault(used, []).insert(0, statement)
                self.first_use[used] = position
        self.targets = {key(s.target) for s in self.statements}

    def families(self) -> Iterator[Family]:
        """Yield the families: after a statement's own target, the leaves that no earlier statement uses."""
        done: set[Key] = set()
        for position in range(len(self.statements) - 1, -1, -1):
            statement = self.statements[position]
            own = key(statement.target)
            if own not in done and own in self.consumers and self._first_definition(own) == position:
                done.add(own)
                yield from self._symbol(statement.target)
            leaves = [
                atom
                for atom in atoms(statement.expr)
                if key(atom) not in self.targets and self.first_use.get(key(atom)) == position
            ]
            # Weights before biases before inputs, as the field writes them; the figure's order within each.
            for atom in sorted(leaves, key=lambda atom: _LEAF_ORDER.get(key(atom)[-1].kind, 3)):
                if key(atom) not in done:
                    done.add(key(atom))
                    yield from self._symbol(atom)

    def _first_definition(self, own: Key) -> int:
        """Return the place of the first statement that defines a symbol: all consumers stand after its definitions."""
        return next(p for p, s in enumerate(self.statements) if key(s.target) == own)

    def _symbol(self, atom: Atom) -> Iterator[Family]:
        """Yield the families of one symbol: one, or one for each set of its units that different statements consume."""
        for target in self._parts(atom):
            links = tuple(link for s in self.consumers[key(atom)] if (link := self._link(s, target)) is not None)
            if links or owner(atom).symbol.support is None:  # else these weights only stand for others, by ties
                yield Family(target, links)

    def _parts(self, atom: Atom) -> Iterator[Atom]:
        """Yield the atom at fresh free indices, split where statements use only some of its units."""
        names = iter(("i", "j", "k", "l"))
        dims = owner(atom).symbol.dims
        indices = tuple(Index("n" if dim.name == "samples" else next(names), dim) for dim in dims)
        touched: dict[int, list[frozenset[int]]] = {}
        for statement in self.consumers[key(atom)]:
            for used in atoms(statement.expr):
                if key(used) == key(atom):
                    for position, term in enumerate(owner(used).indices):
                        if indices[position].only is not None:
                            continue
                        if isinstance(term, int):
                            touched.setdefault(position, []).append(frozenset((term,)))
                        elif isinstance(term, Index) and term.values is not None:
                            touched.setdefault(position, []).append(frozenset(term.values))
        choices = [
            _split(index, touched[position]) if position in touched else [index]
            for position, index in enumerate(indices)
        ]
        for split in itertools.product(*choices):
            yield _moved_to(atom, tuple(index if index.only is None else index.only for index in split))

    def _link(self, statement: Statement, target: Atom) -> Link | None:
        """Return what one consumer contributes to ∂root/∂target, or None where it does not use this part."""
        marks = {term: replace(term, name=f"{term.name}*") for term in owner(target).indices if isinstance(term, Index)}
        marked = substitute_atom(target, dict(marks))
        slope = differentiate(statement.expr, marked, result=statement.target)
        slope, fixed = _fix(slope, terms(statement.target))
        if is_number(slope, 0):
            return None
        back: dict[Index, Term] = {new: old for old, new in marks.items()}
        fixed = {index: back.get(term, term) if isinstance(term, Index) else term for index, term in fixed.items()}
        # The consumer's own indices that stay summed get names that the target's do not have.
        loose = [t for t in terms(statement.target) if isinstance(t, Index) and t not in fixed and t.only is None]
        taken = {i.name for i in marks}
        renamed: dict[Index, Term] = {}
        for index in loose:
            name = (
                index.name if index.name == "n" and "n" not in taken else next(c for c in "kmpqrstuv" if c not in taken)
            )
            taken.add(name)
            renamed[index] = replace(index, name=name)
        moves: dict[Index, Term] = {**fixed, **renamed}
        consumer = substitute_atom(statement.target, moves)
        local = substitute(substitute(slope, moves), back)
        if is_number(local, 0):
            return None
        local = _without_own_mask(local, target)
        root = consumer == self.root
        outer = None if root else Partial(self.root, consumer)
        sums = tuple(index for index in renamed.values() if isinstance(index, Index))
        return Link(consumer, sums, outer, Partial(consumer, target), local, statement.role)


_LEAF_ORDER = {"w": 0, "b": 1, "x": 2}


def _split(index: Index, touched: list[frozenset[int]]) -> list[Index]:
    """Return the index over each set of values that the same statements use."""
    parts: dict[tuple[bool, ...], list[int]] = {}
    for value in index.range():
        parts.setdefault(tuple(value in values for values in touched), []).append(value)
    return [replace(index, values=tuple(values)) for values in parts.values()]


def _fix(slope: Expr, own: tuple[Term, ...]) -> tuple[Expr, dict[Index, Term]]:
    """Fix the consumer's own indices by the δs that every term of the slope has; return the rest and what was fixed."""
    fixed: dict[Index, Term] = {}
    for index in own:
        if not isinstance(index, Index):
            continue
        if index.only is not None:
            fixed[index] = index.only
            continue
        parts = slope.terms if isinstance(slope, Add) else (slope,)
        hits = [_fixed_by(index, part) for part in parts]
        if hits and all(hit == hits[0] and hit is not None for hit in hits):
            assert hits[0] is not None
            if never_equal(index, hits[0]):
                return ZERO, {}
            fixed[index] = hits[0]
            slope = add(*(substitute(part, {index: hits[0]}) for part in parts))
    return slope, fixed


def _fixed_by(index: Index, term: Expr) -> Term | None:
    """Return what a δ among a term's factors fixes the index to, or None."""
    inner = term
    while isinstance(inner, Sum):
        inner = inner.body
    for node in _product_nodes(inner):
        if isinstance(node, Delta):
            other = node.right if node.left == index else node.left if node.right == index else None
            if other is not None and not isinstance(other, Lookup):
                return other
    return None


def _product_nodes(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Mul):
        for factor in expr.factors:
            yield from _product_nodes(factor)
    else:
        yield expr


def _without_own_mask(local: Expr, target: Atom) -> Expr:
    """Drop a mask at the target's own indices: a weight that is asked about is there."""
    own = owner(target)
    support = own.symbol.support
    if support is None:
        return local
    return replace_atoms(
        local,
        lambda atom: ONE
        if isinstance(atom, Ref) and atom.symbol.kind == "mask" and atom.indices == own.indices
        and atom.symbol.support is not None and support <= atom.symbol.support
        else atom,
    )  # fmt: skip


def uses(expr: Expr, root: Atom) -> tuple[Partial, ...]:
    """Return the partials of the root inside expr, each once, in reading order."""
    found = (node for node in walk(expr) if isinstance(node, Partial) and node.of == root)
    return tuple(dict.fromkeys(found))
