"""The lines of the page: forward and backward, about single symbols and about whole matrices, each with its reason.

Where the lines of a family differ in subscripts alone there is one line with holes, however many they are; else each is
written. Where that would be too many, the index-general line stands for all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chainrule.algebra import substitute, walk
from chainrule.derive import Derivation, Family
from chainrule.expr import Atom, Delta, Expr, Index, Lookup, Partial, Position, Ref, Symbol, Term
from chainrule.matrix import matrix_steps
from chainrule.notation import SLOT, load, plain
from chainrule.page.emit_js import locals_of
from chainrule.page.writer import NAME_SLOT, LineWriter
from chainrule.program import Statement
from chainrule.prose import LANGUAGES
from chainrule.show.compose import definition_sides, entry_words, forward_matrix_sides, matrix_sides, shape_words
from chainrule.show.document import sides
from chainrule.show.reasons import reason
from chainrule.show.templates import holed, with_holes
from chainrule.values.plan import symbol_key
from chainrule.views import WRITE_OUT, Lines, Step

MOST_WRITTEN = 1500
"""More lines than this that differ in more than subscripts are not written one by one."""


class PageLines:
    """The lines of one network in one notation.

    Args:
        scalar: its Derivation for one sample.
        whole: its Derivation for any number of samples.
        notation: the name of a notation.
        quantities: the number of each symbol among the bundle's quantities, by key.
    """

    def __init__(self, scalar: Derivation, whole: Derivation, notation: str, quantities: dict[Any, int]) -> None:
        self.scalar = scalar
        self.whole = whole
        self.writer = LineWriter(load(notation))
        self.quantities = quantities
        self.lines = Lines(scalar)
        self.reasons: dict[str, int] = {}
        self.said: list[dict[str, Any]] = []
        self.left = MOST_WRITTEN

    def data(self) -> dict[str, Any]:
        """Return everything that depends on the notation, as JSON."""
        forward = [group for s in self.scalar.source.statements for group in self._forward(s)]
        backward = [self._backward(family) for family in self.scalar.families]
        return {
            "symbols": [self._symbol(symbol) for symbol in self._symbols()],
            "forward": forward,
            "backward": backward,
            "links": list(self._links()),
            "matrix": [*self._matrix_forward(), *self._matrix_backward()],
            "reasons": self.said,
        }

    def _symbols(self) -> Iterator[Symbol]:
        source = self.scalar.source
        computed = dict.fromkeys(s.target.symbol for s in source.statements if isinstance(s.target, Ref))
        yield from (*source.data, *source.parameters, *computed)

    def _symbol(self, symbol: Symbol) -> dict[str, Any]:
        """Return how a symbol and ∂loss/∂symbol are written, with holes for the subscripts, and its parts."""
        index = [Index("n" if dim.name == "samples" else "i", dim) for dim in symbol.dims]
        ref = holed(Ref(symbol, tuple(1 if i.only == 1 else i for i in index)))
        assert ref is not None
        spelled = self.writer.notation.spell(ref)
        root = self.scalar.source.root
        return {
            "q": self.quantities[symbol_key(symbol)],
            "tex": self.writer.symbol(ref),
            "partial": self.writer.expression(Partial(root, ref)),
            "parts": [spelled.base, spelled.sub, spelled.sup],
        }

    # Lines about single symbols

    def _forward(self, statement: Statement) -> Iterator[dict[str, Any]]:
        target = statement.target
        assert isinstance(target, Ref)
        hole = holed(target)
        if hole is not None and _regular(statement.expr):
            yield self._group(target.symbol, [self._defined(statement, hole)], templated=_has_hole(hole))
            return
        ranges = [term.range() if isinstance(term, Index) else (term,) for term in target.indices]
        count = math.prod(map(len, ranges))
        self.left -= count
        if self.left >= 0:
            found = [self._defined(statement, Ref(target.symbol, place)) for place in itertools.product(*ranges)]
            yield self._group(target.symbol, found)
        else:
            line = self.writer.line(definition_sides(statement, target, limit=0), target, numbered=False)
            yield self._group(target.symbol, [line], general=[list(one) for one in ranges])

    def _defined(self, statement: Statement, target: Ref) -> dict[str, Any]:
        line = self.writer.line(definition_sides(statement, target, limit=WRITE_OUT), target)
        return {"name": _name(target), **line}

    def _backward(self, family: Family) -> dict[str, Any]:
        symbol = family.target.symbol
        hole = with_holes(self.lines, family)
        if hole is not None:
            return self._group(symbol, [self._derived(self.lines.step(hole))], templated=_has_hole(hole))
        targets = list(itertools.islice(self.lines.instances(family), self.left + 1))
        self.left -= len(targets)
        if self.left >= 0:
            return self._group(symbol, [self._derived(self.lines.step(target)) for target in targets])
        step = self.lines.step(family.target)
        line = {**self.writer.line(sides(step), step.target, numbered=False), "why": self._why(family, None)}
        ranges = [list(t.range()) if isinstance(t, Index) else [t] for t in family.target.indices]
        return self._group(symbol, [line], general=ranges)

    def _derived(self, step: Step) -> dict[str, Any]:
        line = self.writer.line(sides(step), step.target)
        return {"name": _name(step.target), **line, "why": self._why(step.family, step)}

    def _group(
        self, symbol: Symbol, lines: list[dict[str, Any]], *, templated: bool = False, general: Any = None
    ) -> dict[str, Any]:
        """Return the lines of a family; the page fills a templated one, and a general one holds for all its places."""
        found: dict[str, Any] = {"q": self.quantities[symbol_key(symbol)], "lines": lines}
        if templated:
            found["templated"] = True
        if general is not None:
            found["general"] = general
        return found

    def _why(self, family: Family, step: Step | None) -> int:
        """Return the number of a family's reason among those of the bundle."""
        said = (reason(self.scalar, family, lang=lang, step=step) for lang in LANGUAGES)
        return self._remembered(dict(zip(LANGUAGES, map(self.writer.words, said), strict=True)))

    def _remembered(self, said: dict[str, Any]) -> int:
        text = repr(said)
        if text not in self.reasons:
            self.reasons[text] = len(self.said)
            self.said.append(said)
        return self.reasons[text]

    # Local derivatives

    def _links(self) -> Iterator[dict[str, Any]]:
        """Yield for each local derivative of the code module between which symbols it is, and how it is written."""
        own = [link for family in self.scalar.families for link in family.links]
        for number, local in enumerate(locals_of(self.whole)):
            moves: dict[Index, Term] = {
                index: replace(index, name=f"{SLOT}{position}") for position, index in enumerate(local.indices)
            }
            link = own[number]
            regular = _regular(link.local)
            yield {
                "code": number,
                "of": self._end(local.link.inner.of, local.indices),
                "by": self._end(local.link.inner.by, local.indices),
                "inner": self.writer.expression(substitute(link.inner, moves)),
                "local": self.writer.expression(substitute(link.local, moves)) if regular else None,
            }

    def _end(self, atom: Atom, arguments: tuple[Index, ...]) -> dict[str, Any]:
        """Return a symbol and its places: a number; or which argument it is, with the values that it takes."""
        assert isinstance(atom, Ref)
        places: list[Any] = []
        for term, dim in zip(atom.indices, atom.symbol.dims, strict=True):
            if dim.name == "samples":
                continue
            if isinstance(term, Index) and term in arguments:
                places.append({"argument": arguments.index(term), "values": term.values and list(term.values)})
            else:
                assert isinstance(term, int)
                places.append({"at": term})
        return {"q": self.quantities[symbol_key(atom.symbol)], "places": places}

    # Lines about whole matrices

    def _matrix_forward(self) -> Iterator[dict[str, Any]]:
        for statement in self.whole.source.statements:
            found = forward_matrix_sides(self.whole, statement)
            target = statement.target
            assert isinstance(target, Ref)
            if found is not None:
                line = self.writer.line(found, None)
                yield {"q": self.quantities[symbol_key(target.symbol)], **line, "shape": shape_words(target.symbol)}

    def _matrix_backward(self) -> Iterator[dict[str, Any]]:
        for step in matrix_steps(self.whole, inputs=True):
            found: dict[str, Any] = {"q": self.quantities[symbol_key(step.target)], "backward": True}
            if step.columns is not None:
                found["columns"] = list(step.columns)
            if step.value is None:
                index_form = step.index_form
                yield {**found, **self.writer.line(sides(index_form), index_form.target, numbered=False)}
                continue
            words = {lang: self.writer.words(entry_words(step, lang=lang)) for lang in LANGUAGES}
            line = self.writer.line(matrix_sides(step), None, numbered=step.columns is None)
            yield {**found, **line, "shape": shape_words(step.target), "why": self._remembered(words)}


def _regular(expr: Expr) -> bool:
    """Return whether an expression is the same for all values of its indices, but for subscripts."""
    return not any(
        isinstance(node, Delta | Position)
        or (isinstance(node, Ref) and (node.symbol.kind == "mask" or any(isinstance(t, Lookup) for t in node.indices)))
        for node in walk(expr)
    )


def _has_hole(ref: Ref) -> bool:
    return any(isinstance(term, Index) for term in ref.indices)


def _name(ref: Ref) -> str:
    return plain(ref).replace(SLOT, NAME_SLOT)
