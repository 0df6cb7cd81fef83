"""Derivation → Document: which headings, words and lines stand on the page, in which order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chainrule.algebra import rebuild, spread, substitute, walk
from chainrule.derive import Derivation, Family
from chainrule.errors import SelectionError
from chainrule.expr import ANY_LAYER, Call, Expr, Gather, Hadamard, Index, Matrix, Mul, Ref, Size, Sum, Symbol
from chainrule.matrix import MatrixStep, lay_out, matrix_steps
from chainrule.notation import Notation, load
from chainrule.program import Statement
from chainrule.prose import LANGUAGES, sentence
from chainrule.rules import ACTIVATIONS, RULES
from chainrule.selection import Elision, family_size, family_steps, select, selected_families
from chainrule.show.document import (
    TERMS_IN_NUMBERS,
    Block,
    Bulk,
    Document,
    Equation,
    Formula,
    Heading,
    Paragraph,
    Words,
    by_exponentials,
    sides,
    words,
)
from chainrule.show.reasons import reason
from chainrule.views import Lines, Step

if TYPE_CHECKING:
    from chainrule.values import Values


DEPTHS = ("shown", "substituted", "expanded", "both")


VIEWS = ("scalar", "matrix", "both")


BULK = 30
"""A family of more lines than this is written through a template, line by line, without being held."""


def compose(
    derivation: Derivation,
    *,
    of: str | None = None,
    view: str = "scalar",
    every: bool = False,
    general: bool = False,
    numbers: Values | None = None,
    notation: str = "seed",
    lang: str = "en",
    depth: str = "shown",
    digits: int = 6,
    inputs: bool = False,
) -> Document:
    """Return the Document of a derivation.

    Args:
        derivation: what is shown; for the matrix view, one over several or any number of samples.
        of: show only this weight, bias, neuron or layer; see `chainrule.views.select`.
        view: scalar, matrix, or both (each matrix line followed by the scalar lines it gathers).
        every: every line, however many; otherwise long families are elided as in a textbook.
        general: only the index-general line of each family.
        numbers: put the numbers in.
        notation: the name of a notation.
        lang: en or ko.
        depth: shown (the seed's choice), substituted, expanded, or both.
        digits: significant digits of shown numbers.
        inputs: include ∂loss/∂x.

    Raises:
        SelectionError: where an option has no such value.
    """
    for what, read, known in (("view", view, VIEWS), ("depth", depth, DEPTHS), ("lang", lang, LANGUAGES)):
        if read not in known:
            raise SelectionError("unknown_choice", option=what, read=read, known=", ".join(known))
    composer = _Composer(derivation, of, view, every, general, numbers, lang, depth, inputs)
    whole = derivation.source.network if of is None else None
    return Document(composer.title(), composer.blocks(), load(notation), lang, digits, whole, elides=not every)


def compose_line(step: Step | MatrixStep, *, notation: str = "seed", lang: str = "en") -> Document:
    """Return the Document of one Step: its line, and for a matrix line the words that open it."""
    composer = _Composer(step.derivation, None, "both", False, False, None, lang, "shown", False)
    found = [composer._line(step)] if isinstance(step, Step) else composer._matrix(step)
    return Document((), found, load(notation), lang)


class _Composer:
    """Makes the blocks of one Document."""

    def __init__(
        self, derivation: Derivation, of: str | None, view: str, every: bool, general: bool,
        numbers: Values | None, lang: str, depth: str, inputs: bool,
    ) -> None:  # fmt: skip
        self.derivation = derivation
        self.of = of
        self.view = view
        self.every = every
        self.general = general
        self.values = numbers
        self.lang = lang
        self.depth = depth
        self.inputs = inputs
        # Numbers belong to so many samples; the scalar lines that show them are those of their own derivation.
        self.scalar = derivation if numbers is None else numbers.derivation
        self.lines = Lines(self.scalar)
        self.opening = Lines(derivation)
        self.beside = dict(zip(map(id, derivation.families), self.scalar.families, strict=True))

    def say(self, key: str, **facts: object) -> Words:
        return words(f"page.{key}", lang=self.lang, **facts)

    def title(self) -> Words:
        net = self.derivation.source.network
        name = "" if net is None else net.name or "-".join(str(net.size(level)) for level in range(net.depth + 1))
        root = self.derivation.source.root
        return self.say("title", name=name, root=root)

    def blocks(self) -> Iterator[Block]:
        if self.of is not None:
            yield from self._selected(self.of)
            return
        yield Heading(1, self.title())
        yield from self._conventions()
        yield Heading(2, self.say("forward"))
        yield from self._forward()
        yield Heading(2, self.say("backward"))
        if self.view == "scalar":
            for family in self.scalar.families:
                if self._wanted(family):
                    yield Paragraph(self.reason(family), quiet=True)
                    yield from self._family(family)
        else:
            for step in matrix_steps(self.derivation, inputs=self.inputs):
                yield from self._matrix(step)
                if self.view == "both":
                    yield from self._family(self.beside[id(step.family)])

    def _wanted(self, family: Family) -> bool:
        return self.inputs or family.target.symbol.kind != "x"

    def _selected(self, name: str) -> Iterator[Block]:
        """Yield only what was asked for: its lines, each family's reason first."""
        if self.view != "scalar":
            chosen = {id(family) for family in selected_families(self.derivation, name)}
            for step in matrix_steps(self.derivation, inputs=True):
                if id(step.family) in chosen:
                    yield from self._matrix(step)
            if self.view == "matrix":
                return
        last: Family | None = None
        for item in select(self.scalar, name, lines=self.lines, every=self.every, general=self.general):
            if isinstance(item, Step) and item.family is not last:
                last = item.family
                yield Paragraph(self.reason(item.family, item), quiet=True)
            yield from self._steps([item])

    # What stands before the lines.

    def _conventions(self) -> Iterator[Block]:
        net = self.derivation.source.network
        if net is not None:
            yield Paragraph(self._figure())
        weight = next((s for s in self.derivation.source.parameters if s.kind == "w"), None)
        if weight is not None:
            pair = Formula((_general(replace(weight, layer=ANY_LAYER, source=None)),))
            yield Paragraph(self.say("weights", w=pair), quiet=True)
        if self.view != "scalar":
            yield Paragraph(self.say("layout"), quiet=True)
        elif self.derivation.source.samples.size != 1:
            yield Paragraph(self.say("samples"), quiet=True)
        if self.values is not None:
            yield from self._numbers_note()

    def _numbers_note(self) -> Iterator[Block]:
        assert self.values is not None
        if drawn := ", ".join(self.values.seed.drawn):
            yield Paragraph(self.say("drawn", drawn=drawn, seed=self.values.seed.number), quiet=True)
        yield Paragraph(self.say("rounded"), quiet=True)

    def _figure(self) -> Words:
        net = self.derivation.source.network
        assert net is not None
        found: list[str | Formula] = [*self.say("figure.inputs", count=net.inputs)]
        for level, layer in enumerate(net.layers, start=1):
            names = ", ".join(dict.fromkeys(str(a) for a in layer.activations))
            key = "figure.output" if level == net.depth and net.reads_last_layer else "figure.layer"
            found.append(" → ")
            found += self.say(key, level=level, count=layer.size, activation=names)
        found.append(". ")
        found += self.say(
            "figure.loss", loss=sentence(f"rule.name.{net.loss.name}", lang=self.lang),
            samples=sentence(f"page.reduce.{net.loss.samples}", lang=self.lang),
            outputs=sentence(f"page.reduce.{net.loss.outputs}", lang=self.lang),
        )  # fmt: skip
        found += self.say("figure.count", weights=net.weight_count)
        return tuple(found)

    def _forward(self) -> Iterator[Block]:
        source = self.derivation.source if self.view == "matrix" else self.scalar.source
        for statement in source.statements:
            if self.view == "matrix":
                yield self._forward_matrix(statement)
            else:
                yield from self._forward_lines(statement)

    def _forward_matrix(self, statement: Statement) -> Block:
        target = statement.target
        assert isinstance(target, Ref)
        found = forward_matrix_sides(self.derivation, statement)
        if found is None:
            return Equation(Formula((target, _definition(statement.expr)), target))
        formula = Formula(found, target)
        return self._with_arrays(Equation(formula, beside=self._shape(shape_words(target.symbol))))

    def _forward_lines(self, statement: Statement) -> Iterator[Block]:
        target = statement.target
        assert isinstance(target, Ref)
        places = [t.range() if isinstance(t, Index) and not _sampled(t) else (t,) for t in target.indices]
        count = 1
        for place in places:
            count *= len(place)
        if self.general or (count > 8 and not self.every):
            yield self._definition_line(target, statement, limit=0)
            if self.general:
                return
            instances = list(itertools.islice(itertools.product(*places), 2))
            for instance in instances:
                yield self._definition_line(Ref(target.symbol, instance), statement)
            yield Elision(count - 3)
            yield self._definition_line(Ref(target.symbol, tuple(place[-1] for place in places)), statement)
            return
        for instance in itertools.product(*places):
            for one in self._each_sample(Ref(target.symbol, instance)):
                yield self._definition_line(one, statement)

    def _definition_line(self, target: Ref, statement: Statement, *, limit: int | None = None) -> Equation:
        limit = self.lines.limit if limit is None else limit
        return self._equation(Formula(definition_sides(statement, target, limit=limit), target))

    # The lines themselves.

    def _family(self, family: Family) -> Iterator[Block]:
        if self.every and not self.general and self.values is None and family_size(family) > BULK:
            yield Bulk(self.lines, family, self.depth)
            return
        yield from self._steps(family_steps(self.lines, family, every=self.every, general=self.general))

    def _steps(self, items: Iterable[Step | Elision]) -> Iterator[Block]:
        for item in items:
            if isinstance(item, Elision):
                yield item
            elif item.general or self.values is None:
                yield self._line(item)
            else:
                for target in self._each_sample(item.target):
                    yield self._line(self.lines.step(target) if target != item.target else item)

    def _line(self, step: Step) -> Equation:
        found = sides(step, depth=self.depth)
        beside: Words = ()
        if step.general and step.family.indices:
            beside = self.say("for_every", ranges=", ".join(_ranges(step, load("seed"))))
        return self._equation(Formula(found, step.target), step=step, beside=beside)

    def _equation(self, formula: Formula, *, step: Step | None = None, beside: Words = ()) -> Equation:
        target = formula.target
        open_ = target is not None and any(isinstance(term, Index) for term in target.indices)
        name = step.name if step is not None else ""
        if self.values is None or open_ or any(map(_over_any_number, formula.sides)):
            return Equation(formula, name, beside)
        value = self.values.number(formula.sides[0])
        return Equation(formula, name, beside, self.values.number, value)

    def _each_sample(self, target: Ref) -> Iterator[Ref]:
        """Yield the target, or where its numbers are shown, the target at each of some samples."""
        first = target.indices[0] if target.indices else None
        if self.values is None or not isinstance(first, Index) or not _sampled(first):
            yield target
            return
        size = self.values.samples
        for n in range(1, size + 1) if self.every or size <= TERMS_IN_NUMBERS else (1, 2, size):
            yield Ref(target.symbol, (n, *target.indices[1:]))

    def _matrix(self, step: MatrixStep) -> Iterator[Block]:
        found = matrix_sides(step)
        if step.value is None:
            yield Paragraph(self.reason(step.family), quiet=True)
            yield self._line(step.index_form)
            return
        line = Equation(
            Formula(found), name=str(step.target), beside=self._shape(shape_words(step.target)),
            opens=tuple(Formula(sides(s), s.target) for s in step.opened(limit=6, lines=self.opening)),
        )  # fmt: skip
        yield self._with_arrays(line)
        yield Paragraph(entry_words(step, lang=self.lang), quiet=True)

    def _with_arrays(self, line: Equation) -> Equation:
        """Return a matrix line with its arrays, where numbers are shown."""
        if self.values is None:
            return line
        first = line.formula.sides[0]
        assert isinstance(first, Matrix)
        value = self._array(first)
        if first.columns is not None:
            # The sides are laid out for all units; only these columns of what they give are this line's.
            value = value[:, [column - 1 for column in first.columns]]
            return replace(line, value=value)
        return replace(line, put=self._array, value=value)

    def _array(self, matrix: Expr) -> Any:
        """Return the array of a whole matrix, or the number of samples."""
        assert self.values is not None
        if isinstance(matrix, Size):
            return float(self.values.samples)
        assert isinstance(matrix, Matrix)
        symbol, known = matrix.symbol, self.values.derivation.source.symbols
        net = self.derivation.source.network
        if symbol.kind == "mask":
            assert symbol.support is not None
            rows, cols = (dim.size or 1 for dim in reversed(symbol.dims))
            return [[float((col, row) in symbol.support) for col in range(1, cols + 1)] for row in range(1, rows + 1)]
        if symbol.kind == "onehot":
            classes = symbol.dims[-1].size or 1
            return [[float(hit == k) for k in range(1, classes + 1)] for hit in self.values["true"]]
        if symbol.kind == "delta":
            z = known.get(("z", symbol.layer, None))
            assert net is not None
            return self.values.matrix_partial(z if z is not None else known["pred", None, None])
        own = known[symbol.kind, symbol.layer, symbol.source]
        return self.values.matrix(own) if matrix.of is None else self.values.matrix_partial(own)

    def _shape(self, shape: str) -> Words:
        return self.say("shape", shape=shape)

    def reason(self, family: Family, step: Step | None = None) -> Words:
        """Return why a family's lines are what they are: the rule, with the names it is applied to."""
        own = self.scalar if any(family is one for one in self.scalar.families) else self.derivation
        return reason(own, family, lang=self.lang, step=step)


def definition_sides(statement: Statement, target: Ref, *, limit: int) -> tuple[Expr, ...]:
    """Return the sides of a forward line: a statement at its target's indices, sums of at most `limit` written out."""
    assert isinstance(statement.target, Ref)
    binding = {
        mine: term
        for mine, term in zip(statement.target.indices, target.indices, strict=True)
        if isinstance(mine, Index) and mine != term
    }
    expr = spread(substitute(statement.expr, dict(binding)), limit=limit)
    return (target, *_with_value(_definition(expr)))


def forward_matrix_sides(derivation: Derivation, statement: Statement) -> tuple[Expr, ...] | None:
    """Return the sides of a forward line about whole matrices, or None where no matrix pattern says it."""
    target = statement.target
    assert isinstance(target, Ref)
    found = lay_out(derivation, target, statement.expr) if target.indices else None
    if found is None:
        return None
    whole = Matrix(target.symbol, columns=_restricted(target))
    return (whole, *map(_entrywise, _with_value(found)))


def matrix_sides(step: MatrixStep) -> tuple[Expr, ...]:
    """Return the sides of a matrix line: δ where it names one, the partial, its chain, its value; equal ones once."""
    root = step.derivation.source.root
    assert isinstance(root, Ref)
    partial: Expr = Matrix(step.target, of=root.symbol, columns=step.columns)
    found: list[Expr] = [] if step.name is None else [Matrix(step.name, columns=step.columns)]
    for side in (partial, step.chain, step.value):
        if side is not None and side != (found[-1] if found else None) and not _same_name(side, found):
            found.append(side)
    return tuple(found)


def entry_words(step: MatrixStep, *, lang: str) -> Words:
    """Return the words that open a matrix line: its entry in index notation, and why a transpose stands in it."""
    entry = Formula((step.index_form.partial, step.index_form.substituted), step.index_form.target)
    kind = step.target.kind
    if kind == "w":
        key = "weight"
    elif kind == "b":
        key = "bias"
    else:
        key = "back" if step.index_form.rule in ("paths", "input") else "plain"
    return words(f"page.entry.{key}", lang=lang, entry=entry)


def _with_value(expr: Expr) -> tuple[Expr, ...]:
    """Return a defining side, followed by its meaning where it is an activation that is made of simpler functions."""
    if isinstance(expr, Call) and expr.function in ACTIVATIONS:
        value = RULES[expr.function].value
        if value is not None:
            meaning = value(*expr.args, parameter=expr.parameter)
            return (meaning,) if expr.function == "identity" else (expr, meaning)
    return (expr,)


def _entrywise(expr: Expr) -> Expr:
    """Return an activation's meaning for a whole matrix: what is multiplied there is multiplied entry by entry."""
    if isinstance(expr, Mul):
        matrices = tuple(_entrywise(f) for f in expr.factors if any(isinstance(n, Matrix) for n in walk(f)))
        numbers = tuple(f for f in expr.factors if not any(isinstance(n, Matrix) for n in walk(f)))
        if len(matrices) > 1:
            return Mul((*numbers, Hadamard(matrices)), dot=False) if numbers else Hadamard(matrices)
    return rebuild(expr, _entrywise)


def _definition(expr: Expr) -> Expr:
    """Return a defining side with softmax written by its exponentials."""
    if isinstance(expr, Gather) and expr.function == "softmax":
        return by_exponentials(expr)
    return rebuild(expr, _definition) if not isinstance(expr, Sum) else Sum(expr.index, _definition(expr.body))


def _general(symbol: Symbol) -> Ref:
    names = iter(("i", "j"))
    return Ref(symbol, tuple(Index(next(names), dim) for dim in symbol.dims))


def _over_any_number(expr: Expr) -> bool:
    """Return whether expr adds over a number of samples that is left open."""
    return any(isinstance(node, Sum) and node.index.dim.size is None for node in walk(expr))


def _sampled(index: Index) -> bool:
    return index.dim.name == "samples"


def _restricted(ref: Ref) -> tuple[int, ...] | None:
    last = ref.indices[-1]
    return last.values if isinstance(last, Index) else None


def _same_name(side: Expr, found: list[Expr]) -> bool:
    """Return whether a matrix side only repeats the partial that the line starts from."""
    return any(
        isinstance(side, Matrix)
        and isinstance(old, Matrix)
        and replace(old, columns=None) == replace(side, columns=None)
        for old in found
    )


def _ranges(step: Step, notation: Notation) -> Iterator[str]:
    letters = dict(zip(("i", "j"), notation.free, strict=False))
    for index in step.family.indices:
        if not _sampled(index):
            values = index.range()
            letter = letters.get(index.name, index.name)
            if index.values is None:
                yield f"{letter} = " + (", ".join(map(str, values)) if len(values) < 4 else f"1, …, {values[-1]}")
            else:
                yield f"{letter} ∈ {{{', '.join(map(str, values))}}}"


def shape_words(symbol: Symbol) -> str:
    """Return the shape of a symbol's matrix as it is written: (N, 3)."""
    from chainrule.matrix import shape_of

    rows, cols = shape_of(symbol)
    return f"({'N' if rows is None else rows}, {'N' if cols is None else cols})"
