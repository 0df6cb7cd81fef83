"""The pages of an exercise as Documents: the sheet, its answer key, a solution with mistakes, and the key to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.expr import Expr, Matrix, Partial, Ref, Symbol
from chainrule.judge.parse import read_formula
from chainrule.notation import load
from chainrule.prose import sentence
from chainrule.selection import Elision
from chainrule.show.compose import compose
from chainrule.show.document import (
    Block,
    Bulk,
    Document,
    Equation,
    Formula,
    Heading,
    Paragraph,
    Room,
    Words,
    Written,
    line_sides,
    sides,
    words,
)
from chainrule.show.forms import FORMS, TEXT
from chainrule.show.write import Writer
from chainrule.values.evaluate import places

if TYPE_CHECKING:
    from chainrule.derive import Derivation
    from chainrule.judge.exercise.plant import Planted
    from chainrule.network import Network
    from chainrule.values import Values

ROOM = 3
"""How many lines of room there are on a sheet for one line of the answer."""

MOST_ROOM = 40
"""The most lines of room for one question: about a page."""


def solution(derivation: Derivation, view: str, lang: str) -> list[Block]:
    """Return the headings and lines of a derivation, without the words that give reasons."""
    found: list[Block] = []
    for block in compose(derivation, view=view, every=True, lang=lang).blocks:
        if isinstance(block, Bulk):
            for target in block.lines.instances(block.family):
                step = block.lines.step(target)
                found.append(Equation(Formula(sides(step), target), step.name))
        elif isinstance(block, Equation) or (isinstance(block, Heading) and block.level > 1):
            found.append(block)
    return found


def lines_of(blocks: Iterable[Block], markup: str) -> tuple[tuple[str, str], ...]:
    """Return the lines among blocks: what each derives, in plain spelling, and its source in a markup."""
    writer = Writer(FORMS[markup], load("seed"))
    return tuple(
        (answer_of(block.formula), " = ".join(line_sides(writer, block.formula)))
        for block in blocks
        if isinstance(block, Equation)
    )


def answer_of(formula: Formula) -> str:
    """Return what a line derives, in plain spelling."""
    first = formula.sides[0]
    if isinstance(first, Matrix) and first.symbol.kind == "delta":
        first = formula.sides[1]
    return Writer(TEXT, load("seed")).line((first,))[0]


def is_asked(formula: Formula) -> bool:
    """Return whether a sheet asks for a line: for every value, and for the gradients of weights and biases."""
    first = formula.sides[0]
    if isinstance(first, Partial):
        return isinstance(first.by, Ref) and first.by.symbol.kind in ("w", "b")
    if isinstance(first, Matrix):
        return first.symbol.kind != "delta" and (first.of is None or first.symbol.kind in ("w", "b"))
    return True


# The sheet


def sheet(net: Network, values: Values, view: str, lang: str) -> Document:
    """Return the sheet: the network, the numbers that are given, the questions and room for the answers."""
    derivation = values.derivation if view == "scalar" else net.derive(samples=None)
    whole = compose(derivation, view=view, lang=lang)
    lines = [block for block in solution(derivation, view, lang) if isinstance(block, Equation)]

    def blocks() -> Iterator[Block]:
        yield Heading(1, _say("title", lang, name=_name(net)))
        yield Paragraph(_say("name", lang))
        yield from _opening(whole)
        yield Heading(2, _say("given", lang))
        yield from _given(values, lang)
        yield Heading(2, _say("questions", lang))
        yield Paragraph(_say("digits", lang))
        for number, (question, count) in enumerate(_questions(net, lines, lang), start=1):
            yield Heading(3, (*_say("question", lang, number=number), *question))
            yield Room(min(ROOM * count, MOST_ROOM))

    return replace(whole, blocks=blocks(), title=_say("title", lang, name=_name(net)))


def _opening(document: Document) -> Iterator[Block]:
    """Yield what a derivation's page says of the network and its notation before the first line."""
    return itertools.takewhile(lambda block: not isinstance(block, Heading), itertools.islice(document.blocks, 1, None))


def _given(values: Values, lang: str) -> Iterator[Block]:
    """Yield a paragraph for each layer's numbers, and one for each sample's."""
    source = values.derivation.source
    for level in range(1, values.network.depth + 1):
        own = [symbol for symbol in source.parameters if symbol.layer == level]
        listed = _numbers(values, [ref for symbol in own for ref in places(symbol)])
        yield Paragraph((*_say("layer", lang, level=level), *listed))
    refs = [ref for symbol in source.data for ref in places(symbol)]
    for sample in range(1, values.samples + 1):
        said = _say("sample", lang, number=sample) if values.samples > 1 else _say("input", lang)
        yield Paragraph((*said, *_numbers(values, [ref for ref in refs if ref.indices[0] == sample])))


def _numbers(values: Values, refs: Iterable[Ref], of: Ref | None = None) -> Words:
    """Return symbols, or the derivatives of something by them, with their numbers, beside each other."""
    found: list[str | Formula] = []
    for ref in refs:
        asked: Expr = ref if of is None else Partial(of, ref)
        found += [Formula((asked,), number=values.number(asked)), ", "]
    return tuple(found[:-1])


def _questions(net: Network, lines: Sequence[Equation], lang: str) -> Iterator[tuple[Words, int]]:
    """Yield every question with how many lines its answer has."""
    forward = [line for line in lines if not _differentiates(line)]
    yield _say("ask.forward", lang), len(forward)
    backward = [line for line in lines if _differentiates(line)]
    yield _say("ask.loss", lang), sum(_level(line, net) == 0 for line in backward)
    for level in range(net.depth, 0, -1):
        count = sum(_level(line, net) == level for line in backward)
        yield _say("ask.layer", lang, level=level), count


def _differentiates(line: Equation) -> bool:
    return any(isinstance(side, Partial) or (isinstance(side, Matrix) and side.of) for side in line.formula.sides[:2])


def _level(line: Equation, net: Network) -> int:
    """Return with which layer's question a line belongs; 0 for the outputs."""
    symbol = _differentiated(line.formula)
    if symbol.kind == "pred":
        return 0
    return min(symbol.layer or 1, net.depth)


def _differentiated(formula: Formula) -> Symbol:
    for side in formula.sides:
        if isinstance(side, Partial) and isinstance(side.by, Ref):
            return side.by.symbol
        if isinstance(side, Matrix) and side.of is not None:
            return side.symbol
    raise AssertionError("a line of the way back")


# The answer key


def key(net: Network, values: Values, view: str, lang: str) -> Document:
    """Return the answer key: every step in symbols and in numbers, with its reason."""
    if view == "scalar":
        whole = compose(values.derivation, numbers=values, every=True, lang=lang)
        blocks: Iterator[Block] = iter(whole.blocks)
    else:
        whole = compose(net.derive(samples=None), view="matrix", every=True, lang=lang)
        blocks = _with_entries(whole.blocks, values, lang)
    title = _say("key", lang, name=_name(net))
    next(blocks)
    return replace(whole, title=title, blocks=itertools.chain([Heading(1, title)], blocks))


def _with_entries(blocks: Iterable[Block], values: Values, lang: str) -> Iterator[Block]:
    """Yield blocks, behind each line of matrices the numbers of its entries."""
    root = values.derivation.source.root
    assert isinstance(root, Ref)
    for block in blocks:
        yield block
        if not isinstance(block, Equation):
            continue
        first = block.formula.sides[0]
        if isinstance(first, Ref):
            yield Paragraph((*_say("entries", lang), *_numbers(values, [first])))
            continue
        symbol = _differentiated(block.formula) if _differentiates(block) else None
        if symbol is None and isinstance(first, Matrix):
            yield Paragraph((*_say("entries", lang), *_numbers(values, places(_own(values, first.symbol)))))
        elif symbol is not None:
            refs = [ref for ref in places(_own(values, symbol)) if _stands(ref, block.formula)]
            yield Paragraph((*_say("entries", lang), *_numbers(values, refs, root)))


def _own(values: Values, symbol: Symbol) -> Symbol:
    """Return a symbol as it stands in the derivation for the samples that are given."""
    return values.derivation.source.symbols[symbol.kind, symbol.layer, symbol.source]


def _stands(ref: Ref, formula: Formula) -> bool:
    """Return whether an entry is among the columns that a line is for."""
    columns = next((side.columns for side in formula.sides if isinstance(side, Matrix)), None)
    return columns is None or ref.indices[-1] in columns


# A solution with mistakes


def errors(document: Document, blocks: Iterable[Block], sources: Sequence[str], markup: str, count: int) -> Document:
    """Return a solution with mistakes in it, its lines numbered.

    Args:
        document: a page of the same network, for its language and notation.
        blocks: the solution.
        sources: its lines as they are to be written.
        markup: the markup of the sources.
        count: how many mistakes there are.
    """
    lang = document.lang
    title = _say("errors.title", lang, name=_name(document.network))

    def found() -> Iterator[Block]:
        yield Heading(1, title)
        yield Paragraph(_say("name", lang))
        yield Paragraph(_say("errors.task", lang, count=count))
        number = 0
        for block in blocks:
            if isinstance(block, Equation):
                number += 1
                yield written(sources[number - 1], markup, number)
            elif not isinstance(block, Elision):
                yield block

    return replace(document, title=title, blocks=found())


def errors_key(document: Document, planted: Sequence[Planted], markup: str) -> Document:
    """Return the key to a solution with mistakes: where they are, what they are, and what should stand there."""
    lang = document.lang
    title = _say("errors.key", lang, name=_name(document.network))

    def found() -> Iterator[Block]:
        yield Heading(1, title)
        for one in planted:
            kind = f"check.mistake.{one.slip.kind}"
            name = sentence(f"{kind}.name", lang=lang)
            yield Heading(2, _say("errors.line", lang, number=one.number + 1, mistake=name))
            yield Paragraph(_say("errors.wrong", lang))
            yield written(one.slip.after, markup)
            yield Paragraph(_say("errors.right", lang))
            yield written(one.slip.before, markup)
            yield Paragraph((sentence(f"{kind}.help", lang=lang),))

    return replace(document, title=title, blocks=found())


def written(source: str, markup: str, number: int | None = None) -> Written:
    """Return a source as a line, with its number beside it."""
    (chain,) = read_formula(source, markup)
    # What is cut are the relation signs; a side's own span may leave out what only makes its brackets grow.
    signs = [source.index("=", left.span[1], right.span[0]) for left, right in itertools.pairwise(chain.sides)]
    cuts = [-1, *signs, len(source)]
    parts = tuple(source[start + 1 : end].strip() for start, end in itertools.pairwise(cuts))
    return Written(parts, () if number is None else (f"({number})",))


def _say(which: str, lang: str, **facts: object) -> Words:
    return words(f"exercise.{which}", lang=lang, **facts)


def _name(net: Network | None) -> str:
    assert net is not None
    return net.name or "-".join(str(net.size(level)) for level in range(net.depth + 1))
