"""Terms that a line has lost: pred of pred − true, 1 of 1 − a, A W of A W + b, the path through another unit.

For lines with whole matrices or running letters, and for what stands inside of functions: there nothing says what a
part would need, so each likely term is written and the line judged again (`chainrule.judge.textual`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.expr import Matrix
from chainrule.judge.court import Court
from chainrule.judge.fixes import Fix, replaced
from chainrule.judge.meaning import NotJudged
from chainrule.judge.reading import NoMeaning
from chainrule.judge.rows import Row
from chainrule.judge.speller import Speller
from chainrule.judge.syntax import (
    Applied,
    Derivative,
    Group,
    Name,
    Negated,
    Node,
    Quotient,
    Raised,
    Times,
    Total,
    inside,
    names,
)
from chainrule.judge.variants import lettered

MOST_UNITS = 6
"""How many units of a layer a path that was forgotten is sought through."""

MOST_FIRST = 4
"""How many quantities of a side are tried as its first term."""

PARTNER = 1.04
"""The cost of the other half of a difference: nobody means −true alone."""

FURTHER = 1.17
"""The cost of another term."""

_DIGITS = re.compile(r"[0-9]+")


class LostTerms:
    """Writes the terms that a side of a row may have lost."""

    def __init__(self, court: Court, row: Row, speller: Speller) -> None:
        self.court = court
        self.row = row
        self.speller = speller
        self.source = row.source
        self.matrices = court.matrices(row.chain)
        self.letters = bool(court.letters(row.chain))

    def fixes(self, node: Node) -> Iterator[Fix]:
        """Yield a side with one more term."""
        for part, above in _places(node, None):
            held = isinstance(above, Times | Raised | Quotient)
            if not isinstance(above, Total | Negated):
                for text in self._differences(part):
                    yield self._put(part, f"({text})" if held else text, PARTNER)
            if not held and not isinstance(part, Name | Negated):
                for text in self._first(part):
                    yield self._put(part, f"{text} + {self._text(part)}", FURTHER)
            if self.letters and not held and not isinstance(part, Total | Negated):
                for text in self._through_others(part):
                    yield self._put(part, f"{self._text(part)} + {text}", FURTHER)
        for text in () if isinstance(node, Negated) else self._forward():
            yield self._put(node, f"{self._text(node)} + {text}", PARTNER)

    def _put(self, part: Node, text: str, cost: float) -> Fix:
        return replaced(cost, "forgotten_path", part.span, text, self.source)

    def _text(self, part: Node) -> str:
        return self.source[slice(*part.span)]

    # pred − true, 1 − a

    def _differences(self, part: Node) -> Iterator[str]:
        """Yield differences of which a part is one half."""
        negative = isinstance(part, Negated)
        body = part.body if isinstance(part, Negated) else part
        if not isinstance(body, Name | Applied | Group):
            return
        found = [name for name in names(body) if self._kind(name) in ("pred", "true", "a")]
        if len({(name.base, name.sub, name.sup) for name in found}) != 1:
            return
        minus, kind = self.speller.minus, self._kind(found[0])
        others = self._others(found[0], "pred" if kind == "true" else "true") if kind != "a" else []
        if not negative:
            yield from (f"{self._text(body)} {minus} {other}" for other in others)
            return
        yield from (f"{other} {minus} {self._text(body)}" for other in others)
        if kind != "true":
            yield f"1 {minus} {self._text(body)}"

    def _kind(self, name: Name) -> str:
        """Return what a name is of: the last layer's a is pred."""
        kind = self.court.reading.kinds.get(name.base, "")
        last = str(self.court.net.depth + self.court.reading.first_layer)
        return "pred" if kind == "a" and name.sup.strip("()[]") in ("L", last) else kind

    def _others(self, name: Name, kind: str) -> list[str]:
        """Return how pred or true is written at the place of a name of the other kind."""
        speller = self.speller
        base = speller.letter(kind, capital=name.base[:1].isupper())
        letters = [] if base is None else [(lettered(base, speller.markup), "")]
        if kind == "pred":
            last = (other for other in self.row.chain.names if self._kind(other) == "pred")
            letters = [*((lettered(other.base, speller.markup), other.sup) for other in last), *letters]
        found: list[str | None] = [speller.scripted(base, name.sub, sup) for base, sup in letters]
        if kind == "pred":
            found += [speller.probability(base, name.sub, self.court.net.loss.name) for base, _ in letters]
        return [text for text in dict.fromkeys(found) if text is not None][:MOST_FIRST]

    # A first term, as that of a + σ(z)(1 − a), or of A W + b

    def _first(self, part: Node) -> Iterator[str]:
        """Yield the activations of a part."""
        found = (self._text(name) for name in names(part) if self._kind(name) in ("a", "pred"))
        yield from [*dict.fromkeys(found)][:MOST_FIRST]

    def _forward(self) -> Iterator[str]:
        """Yield the terms of a layer's Z, A W and b, where a line says what Z is."""
        head = self.row.chain.sides[0].node
        if not self.matrices or not isinstance(head, Name):
            return
        interpreter = self.court.interpreter(self.row.chain)
        try:
            what = interpreter.meant(head, {}).what
        except (NoMeaning, NotJudged):
            return
        if not isinstance(what, Matrix) or what.of is not None or what.symbol.kind not in ("z", "pred"):
            return
        symbols = interpreter.numbers.program.symbols
        level = what.symbol.layer or self.court.net.depth
        for source in range(level):
            before = symbols.get(("a", source, None) if source else ("x", None, None))
            weight = symbols.get(("w", level, source))
            if before is not None and weight is not None:
                texts = [self.speller.matrix(Matrix(symbol)) for symbol in (before, weight)]
                first, second = texts if self.court.reading.rows else reversed(texts)
                if first is not None and second is not None:
                    yield first + self.speller.dot() + second
        bias = symbols.get(("b", level, None))
        if bias is not None and (text := self.speller.matrix(Matrix(bias))) is not None:
            yield text

    # The same through another unit

    def _through_others(self, part: Node) -> Iterator[str]:
        """Yield a term again, with another number for a unit in all of its names."""
        start, end = part.span
        found = [name for name in names(part) if name.sub_span[1] > name.sub_span[0]]
        places = [
            (match[0], name.sub_span[0] + match.start() - start, name.sub_span[0] + match.end() - start)
            for name in found
            for match in _DIGITS.finditer(self.source[slice(*name.sub_span)])
        ]
        for unit in dict.fromkeys(number for number, _, _ in places):
            own = sorted({(a, b) for number, a, b in places if number == unit}, reverse=True)
            for other in range(MOST_UNITS + 1):
                text = self.source[start:end]
                for a, b in own:
                    text = text[:a] + str(other) + text[b:]
                if str(other) != unit:
                    yield text


def _places(node: Node, above: Node | None) -> Iterator[tuple[Node, Node | None]]:
    """Yield the parts of a side that can be terms, each with what it stands in."""
    if isinstance(node, Derivative):
        if above is None:
            yield node, above
        return
    if not isinstance(node, Group):
        yield node, above
    for part in inside(node):
        yield from _places(part, node)
