r"""The chains of a document: its formulas read, rows that carry on a chain joined to it.

An aligned formula has its chain on several rows (`A &= B \\ &= C`), and so has a page of plain text with lines that
begin with `=`. Such rows are read as one source, so that a chain is a chain wherever its sides stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chainrule.judge.conditions import condition_of, gives_range, under
from chainrule.judge.document import Document, Formula
from chainrule.judge.hypothesis import named_outputs
from chainrule.judge.one_sample import marked_above, unmarked
from chainrule.judge.parse import read_formula
from chainrule.judge.syntax import Chain, Derivative, Name, Node, Side, Span, Unread
from chainrule.judge.tokens import LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Row:
    """One chain in its document.

    Attributes:
        chain: the chain; its spans are offsets into `source`.
        source: what was read: the sources of the formulas, with a blank between two.
        markup: `latex`, `text` or `typst`.
        number: which chain of the source this is, from 0.
        formulas: the rows of mathematics that the source was joined from.
        starts: where each of them begins in the source.
        beside: what else stands on the line: a remark.
        mark: the letter of the sample that the line speaks of, taken off its names; see `chainrule.judge.one_sample`.
        sample: the letter of samples that stood below its names.
        outputs: the letters of functions that were read as the output; see `chainrule.judge.hypothesis`.
        totals: whether it says that the loss is the sum, or the mean, of those of the samples.
    """

    chain: Chain
    source: str
    markup: str
    number: int
    formulas: tuple[Formula, ...]
    starts: tuple[int, ...]
    beside: str = ""
    mark: str = ""
    sample: str = ""
    outputs: str = ""
    totals: bool = False

    @property
    def part(self) -> int:
        """The part of the document in which it stands."""
        return self.formulas[0].part

    @property
    def key(self) -> tuple[str, str, int, str, str, str]:
        """What makes two rows the same to read: their text, and what their document says of it."""
        return (self.source, self.markup, self.number, self.mark, self.sample, self.outputs)

    def place(self, start: int, end: int) -> Span:
        """Return where source[start:end] stands in the text of its part."""
        first, last = self._formula(start), self._formula(max(start, end - 1))
        begin = self.formulas[first].place(start - self.starts[first], max(start, end) - self.starts[first])[0]
        finish = self.formulas[last].place(max(start - self.starts[last], 0), end - self.starts[last])[1]
        return (begin, max(begin, finish))

    def exact(self, start: int, end: int) -> bool:
        """Return whether source[start:end] is in the text letter by letter, so that an edit can be made there."""
        first = self._formula(start)
        return first == self._formula(max(start, end - 1)) and self.formulas[first].exact(
            start - self.starts[first], end - self.starts[first]
        )

    def again(self, source: str) -> Row | None:
        """Return the row of another text for its source, or None where that is no chain with as many sides."""
        chains = read_formula(source, self.markup)
        if self.number >= len(chains) or len(chains[self.number].sides) != len(self.chain.sides):
            return None
        chain = _by_last(chains[self.number])
        if self.outputs:
            chain = named_outputs(chain, self.outputs)
        if self.mark:
            chain = unmarked(chain, self.mark)
        if self.sample:
            chain = marked_above(chain, self.sample)
        return replace(self, chain=replace(chain, conditions=self.chain.conditions), source=source)

    def _formula(self, offset: int) -> int:
        found = 0
        for number, start in enumerate(self.starts):
            if start <= offset:
                found = number
        return found

    def text(self, span: Span) -> str:
        """Return what stands at a span of the source."""
        return self.source[slice(*span)]


def rows_of(document: Document, limits: Limits = LIMITS) -> Iterator[Row]:
    """Yield every chain of a document that has a relation sign, in order.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> [row.chain.relations for row in rows_of(read_document("$a$ and $$p = q = r$$"))]
        [('=', '=')]
    """
    waiting: list[Row] = []  # what is said of letters before the formula that has them
    for formulas in _joined(document.formulas):
        source, starts = formulas[0].source, [0]
        for formula in formulas[1:]:
            starts.append(len(source) + 1)
            source = f"{source} {formula.source}"
        beside = _beside(document, formulas[-1])
        for number, chain in enumerate(map(_by_last, read_formula(source, formulas[0].markup, limits))):
            if not any(source[slice(*side.span)].strip() for side in chain.sides):
                continue  # a sign among words: 2 inputs $\to$ 3 units
            if not chain.relations:
                if "=" not in source[slice(*chain.span)] or not isinstance(chain.sides[0].node, Unread):
                    continue
                chain = _broken(chain)
            row = Row(chain, source, formulas[0].markup, number, formulas, tuple(starts), beside)
            if condition_of(chain) is not None:
                waiting.append(row)
                continue
            if gives_range(chain):
                continue
            row = replace(row, chain=under(chain, [other.chain for other in waiting]))
            yield from (other for other in waiting if condition_of(other.chain) not in row.chain.conditions)
            waiting = []
            yield row
    yield from waiting


def _beside(document: Document, formula: Formula) -> str:
    """Return what else stands on a formula's line, up to a hundred characters on each side."""
    text = document.texts[formula.part]
    before = text[max(formula.start - 100, 0) : formula.start].rpartition("\n")[2]
    return (before + " " + text[formula.end : formula.end + 100].partition("\n")[0]).replace("\\", "")


def _broken(chain: Chain) -> Chain:
    """Return a chain whose `=` was lost in a side that cannot be read, with one link that says so."""
    (side,) = chain.sides
    return replace(chain, sides=(side, Side(side.node, (side.span[1], side.span[1]))), relations=("=",))


def _joined(formulas: tuple[Formula, ...]) -> Iterator[tuple[Formula, ...]]:
    group: list[Formula] = []
    for formula in formulas:
        last = group[-1] if group else None
        if last is not None and formula.continues and (formula.part, formula.markup) == (last.part, last.markup):
            group.append(formula)
            continue
        if group:
            yield tuple(group)
        group = [formula]
    if group:
        yield tuple(group)


def _by_last(chain: Chain) -> Chain:
    """Return a chain in which ∇_a C is by a^L where other names are of layer L: δ^L = ∇_a C ⊙ σ'(z^L)."""
    if not any(name.sup.strip("()[]") == "L" for name in chain.names):
        return chain

    def change(node: Node) -> Node:
        if not isinstance(node, Derivative) or not isinstance(node.by, Name):
            return node
        by = node.by
        bare = by.base in ("a", "A") and not (by.sub or by.sup or by.suffix or by.primes)
        return replace(node, by=replace(by, sup="L")) if bare else node

    return chain.changed(change)
