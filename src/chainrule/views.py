"""The scalar view: the families' formulas at fixed indices, as Steps — made when somebody asks for them, one at a time.

A Step of ∂loss/∂s has three forms. The *chain* names the partials that are multiplied (and added, over paths). The
*substituted* form puts in the local derivatives and stops at the neighbouring partial; activations are passed through,
so that the neighbour of a z is the next z, as in the seed's first layer and in the δ-recursion of every textbook. The
*expanded* form goes all the way to pred, true, weights and activations, as in the seed's second layer. A sum over at
most `limit` units is written out term by term; a longer one stays a Σ, so that a line's length does not grow with the
network.

Which Steps are shown stands in `chainrule.selection`, the matrix view in `chainrule.matrix`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chainrule.algebra import (
    add,
    cancel,
    count_nodes,
    has_lookup,
    is_number,
    mul,
    replace_atoms,
    spread,
    substitute,
    substitute_atom,
    term_indices,
    total,
)
from chainrule.calculus import key
from chainrule.derive import Derivation, Family, Link, owner, uses
from chainrule.expr import Add, Atom, Expr, Index, Mul, Partial, Ref, Sum, Term

if TYPE_CHECKING:
    pass

WRITE_OUT = 6
"""A sum over more units than this stays a Σ in the lines."""


MOST_NODES = 1_000
"""An expanded form with more nodes than this keeps its sums as Σ; where that is not enough, it stops at a partial."""

READABLE = 200
"""A line whose expanded form has more nodes than this is shown through its neighbours, however single its path."""


@dataclass(frozen=True)
class Step:
    """One target with its forms.

    Attributes:
        derivation: where it comes from.
        family: the formula that it is an instance of.
        target: s of ∂loss/∂s, at fixed indices, or at free ones in an index-general Step.
        chain: the partials that are multiplied and added.
        substituted: local derivatives put in, up to the neighbouring partials.
        rule: which rule was applied, a key into `prose/` (`rule.<name>`).
        single: whether one path only leads from the target to the loss.
    """

    derivation: Derivation = field(repr=False)
    family: Family = field(repr=False)
    target: Ref
    chain: Expr
    substituted: Expr
    rule: str
    single: bool
    _lines: Lines = field(repr=False, compare=False)

    @cached_property
    def expanded(self) -> Expr:
        """The form that goes all the way to pred, true, weights and activations."""
        return self._lines.expanded(self.target)

    @property
    def shown(self) -> Expr:
        """The last side as the seed writes it: expanded where one path leads to the loss, else by the neighbours."""
        if not self.single or count_nodes(self.expanded, limit=READABLE) >= READABLE:
            return self.substituted
        whole = not uses(self.expanded, self.derivation.source.root)
        return self.expanded if whole else self.substituted

    @property
    def partial(self) -> Partial:
        """∂loss/∂target."""
        return Partial(self.derivation.source.root, self.target)

    @property
    def general(self) -> bool:
        """Whether the Step stands for all values of its indices (other than the sample)."""
        return any(isinstance(term, Index) and term.dim.name != "samples" for term in self.target.indices)

    @cached_property
    def uses(self) -> tuple[Partial, ...]:
        """The partials of the loss that this Step uses, which are derived before it."""
        root = self.derivation.source.root
        return uses(self.substituted, root) or tuple(p for p in uses(self.chain, root) if p != self.partial)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The sizes of the free indices: () for one number, (3, 2) for a layer's weights; None is the open N."""
        return tuple(
            None if term.dim.size is None else len(term) for term in self.target.indices if isinstance(term, Index)
        )

    @property
    def name(self) -> str:
        """The target in plain spelling, `w_11^2`."""
        from chainrule.notation import plain

        return plain(self.target)

    def show(self, format: str = "text", **options: Any) -> str:
        """Return this one line in a form; see `chainrule.show.render_step`."""
        from chainrule.show import render_step

        return render_step(self, format, **options)

    def text(self, **options: Any) -> str:
        """Return the line as plain Unicode text."""
        return self.show("text", **options)

    def latex(self, **options: Any) -> str:
        """Return the line as LaTeX, without delimiters."""
        return self.show("latex", **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows."""
        from chainrule.show.notebook import step_bundle

        return step_bundle(self)

    def _repr_latex_(self) -> str:
        """Return what an older notebook shows."""
        return self._repr_mimebundle_()["text/latex"]


@dataclass(frozen=True, slots=True)
class _Forms:
    chain: Expr
    substituted: Expr


class Lines:
    """The maker of Steps for one Derivation: families at given indices, sums of at most `limit` terms written out."""

    def __init__(self, derivation: Derivation, *, limit: int = WRITE_OUT) -> None:
        self.derivation = derivation
        self.limit = limit
        self.root = derivation.source.root
        self._forms: dict[Atom, _Forms] = {}
        self._expanded: dict[Atom, Expr] = {}
        self._single: dict[Atom, bool] = {}

    @cached_property
    def gathered(self) -> Lines:
        """The same lines with every sum kept as a Σ."""
        return Lines(self.derivation, limit=0)

    def step(self, target: Ref) -> Step:
        """Return the Step of ∂loss/∂target."""
        family = self.family(target)
        assert family is not None, f"no formula covers {target}"
        forms = self._make(family, target)
        return Step(
            self.derivation, family, target, forms.chain, forms.substituted, _rule(family, forms),
            self._is_single(family, target, forms), self,
        )  # fmt: skip

    def family(self, target: Atom) -> Family | None:
        """Return the one family that covers a target, or None where its free indices span several."""
        places = owner(target).indices
        for family in self.derivation.by_key.get(key(target), ()):
            if all(_covers(mine, term) for mine, term in zip(owner(family.atom).indices, places, strict=True)):
                return family
        return None

    def forms(self, target: Atom) -> _Forms | None:
        """Return the chain and substituted forms of an inner target, remembered."""
        if target not in self._forms:
            family = self.family(target)
            if family is None:
                return None
            self._forms[target] = self._make(family, target)
        return self._forms[target]

    def _make(self, family: Family, target: Atom) -> _Forms:
        binding: dict[Index, Term] = {
            mine: term
            for mine, term in zip(owner(family.atom).indices, owner(target).indices, strict=True)
            if isinstance(mine, Index) and mine != term
        }
        chain: list[Expr] = []
        value: list[Expr] = []
        links = [bound(link, binding) for link in family.links]
        for link in links:
            for one in self._instances(link, link.sums):
                through = self._through(one, alone=len(links) == 1)
                chain.append(one.chain() if through is None else mul(through.chain, one.inner))
                value.append(one.value() if through is None else mul(through.substituted, one.local))
        return _Forms(add(*chain), add(*value))

    def _instances(self, link: Link, sums: tuple[Index, ...]) -> Iterator[Link]:
        """Yield the link with its short sums written out, and without the terms that are zero."""
        for position, index in enumerate(sums):
            size = index.dim.size
            samples = index.dim.name == "samples"
            if not samples and size is not None and (len(index) <= self.limit or has_lookup(link.local)):
                rest = (*sums[:position], *sums[position + 1 :])
                for value in index.range():
                    yield from self._instances(bound(replace(link, sums=rest), {index: value}), rest)
                return
        local = spread(link.local, limit=self.limit)
        if not is_number(local, 0):
            yield replace(link, local=local)

    def _through(self, link: Link, *, alone: bool) -> _Forms | None:
        """Return what stands for ∂loss/∂a in the line of a z = …, a = f(z), so that z's neighbour is the next z."""
        if link.role != "activation" or link.sums or not alone or not isinstance(link.consumer, Ref):
            return None
        forms = self.forms(link.consumer)
        if forms is None:
            return None
        assert link.outer is not None
        chain = forms.chain if _is_product(forms.chain) else link.outer
        # A pred is read straight by the loss: its partial is the neighbour itself.
        return _Forms(chain, link.outer if forms.chain == link.outer else forms.substituted)

    def expanded(self, target: Ref) -> Expr:
        """Return the expanded form; its sums stay Σ where writing them out would be too long."""
        found = self._expand(target)
        if self.limit and (uses(found, self.root) or count_nodes(found, limit=MOST_NODES) >= MOST_NODES):
            return self.gathered._expand(target)
        return found

    def _expand(self, target: Atom) -> Expr:
        """Return the expanded form; what it needs is expanded first, with a stack, since networks may be deep."""
        stack = [target]
        while stack:
            atom = stack[-1]
            if atom in self._expanded:
                stack.pop()
                continue
            family = self.family(atom)
            forms = None if family is None else self.forms(atom)
            if forms is None:
                self._expanded[atom] = Partial(self.root, atom)
                continue
            needed = [p.by for p in uses(forms.substituted, self.root) if p.by != atom and p.by not in self._expanded]
            if needed:
                stack.extend(needed)
                continue
            self._expanded[atom] = self._put_in(forms.substituted, atom)
        found = self._expanded[target]
        if isinstance(target, Ref) and target.symbol.kind in ("w", "b", "x"):
            # Nothing else is made of it: a million of them need not be remembered.
            del self._expanded[target], self._forms[target]
        return found

    def _put_in(self, expr: Expr, target: Atom) -> Expr:
        """Return expr with the partials of the loss expanded; a partial stays where its own form is too long."""

        def put_in(atom: Atom) -> Expr:
            if isinstance(atom, Partial) and atom.of == self.root and atom.by != target:
                found = self._expanded[atom.by]
                return atom if count_nodes(found, limit=MOST_NODES) >= MOST_NODES else found
            return atom

        return _cancel_all(replace_atoms(expr, put_in))

    def _is_single(self, family: Family, target: Atom, forms: _Forms) -> bool:
        """Return whether one path leads to the loss: no sum over units on the way."""
        if _adds_paths(forms.chain) or len(family.links) != 1:
            return False
        return all(self._single_at(p.by) for p in uses(forms.chain, self.root) if p.by != target)

    def _single_at(self, target: Atom) -> bool:
        """Return whether one path leads from an inner target to the loss; with a stack, since networks may be deep."""
        stack = [target]
        while stack:
            atom = stack[-1]
            if atom in self._single:
                stack.pop()
                continue
            family, forms = self.family(atom), self.forms(atom)
            if family is None or forms is None or _adds_paths(forms.chain) or len(family.links) != 1:
                self._single[atom] = False
                continue
            behind = [p.by for p in uses(forms.chain, self.root) if p.by != atom]
            unknown = [one for one in behind if one not in self._single]
            if unknown:
                stack.extend(unknown)
                continue
            self._single[atom] = all(self._single[one] for one in behind)
        return self._single[target]

    def instances(self, family: Family) -> Iterator[Ref]:
        """Yield the targets that a family's formula stands for, in order; the sample index stays open."""
        ranges = [
            (term,) if isinstance(term, int) or _is_sample(term) else term.range()
            for term in family.target.indices
            if isinstance(term, int | Index)
        ]
        support = family.target.symbol.support
        for place in itertools.product(*ranges):
            if support is None or place in support:
                yield Ref(family.target.symbol, place)


def _is_sample(term: Term) -> bool:
    return isinstance(term, Index) and term.dim.name == "samples"


def _covers(mine: Term, term: Term) -> bool:
    """Return whether a family's index covers every value of a term."""
    if isinstance(mine, int):
        return term == mine or (isinstance(term, Index) and term.only == mine)
    assert isinstance(mine, Index)
    if mine.values is None:
        return True
    if isinstance(term, int):
        return term in mine.values
    return isinstance(term, Index) and term.values is not None and set(term.values) <= set(mine.values)


def bound(link: Link, binding: dict[Index, Term]) -> Link:
    """Return the link at given indices; its summed indices are renamed where they would capture one of them."""
    put_in = {i for term in binding.values() for i in term_indices(term)}
    renamed = {i: replace(i, name=i.name + "'") for i in link.sums if i in put_in}
    moves: dict[Index, Term] = {**binding, **renamed}
    if renamed:
        link = _moved(link, dict(renamed))
        moves = binding
    return _moved(link, moves) if moves else link


def _moved(link: Link, moves: dict[Index, Term]) -> Link:
    outer = None if link.outer is None else substitute_atom(link.outer, moves)
    inner = substitute_atom(link.inner, moves)
    assert isinstance(inner, Partial) and not isinstance(outer, Ref)
    sums = tuple(moved if isinstance(moved := moves.get(i, i), Index) else i for i in link.sums)
    return Link(substitute_atom(link.consumer, moves), sums, outer, inner, substitute(link.local, moves), link.role)


def _is_product(chain: Expr) -> bool:
    """Return whether a chain is partials multiplied along one path."""
    factors = chain.factors if isinstance(chain, Mul) else (chain,)
    return all(isinstance(factor, Partial) for factor in factors)


def _adds_paths(chain: Expr) -> bool:
    """Return whether a chain adds over units; a sum over samples adds no path."""
    if isinstance(chain, Sum) and chain.index.dim.name == "samples":
        return _adds_paths(chain.body)
    return not _is_product(chain)


def _cancel_all(expr: Expr) -> Expr:
    if isinstance(expr, Add):
        return add(*map(_cancel_all, expr.terms))
    if isinstance(expr, Sum):
        return total(expr.index, _cancel_all(expr.body))
    return cancel(expr)


def _rule(family: Family, forms: _Forms) -> str:
    """Return the name of the rule that a line applies."""
    roles = {link.role for link in family.links}
    kind = family.target.symbol.kind
    if roles == {"loss"}:
        return "loss"
    if kind in ("w", "b") and _adds_paths(forms.chain):
        return "tied"
    if roles == {"activation"}:
        return "activation"
    if roles == {"softmax"}:
        return "softmax"
    if _adds_paths(forms.chain):
        return "paths"
    if roles == {"readout"}:
        return "readout"
    return {"w": "weight", "b": "bias"}.get(kind, "input")
