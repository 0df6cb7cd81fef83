"""Repairs of lines with whole matrices or running letters: change what is written, read it, judge it.

There is no one number that a part of such a side would need, so each small change is made in the author's source and
the line is judged again: transposes, the order of factors, ⊙ for a product and back, layers, letters of indices, signs,
factors and terms too many, primes. Pairs of changes are tried after single ones, up to a number and a time.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.expr import Matrix, Ref
from chainrule.judge.court import Court, Shape, fit, outcome
from chainrule.judge.fixes import Fix, applied, replaced
from chainrule.judge.lost_terms import LostTerms
from chainrule.judge.meaning import Val
from chainrule.judge.reading import letters
from chainrule.judge.repair import GIVEN_UP, SECONDS, Mended, alive, touches
from chainrule.judge.report import Edit
from chainrule.judge.rows import Row
from chainrule.judge.spans import with_mark
from chainrule.judge.spelled import spelled
from chainrule.judge.speller import SLOPES, Speller
from chainrule.judge.structure import constant_of
from chainrule.judge.syntax import (
    Applied,
    Chain,
    Derivative,
    Group,
    Listed,
    Name,
    Negated,
    Node,
    Raised,
    Summation,
    Times,
    Total,
    Transposed,
    Unread,
    inside,
    names,
    parts_of,
)
from chainrule.judge.variants import letter_edit, lettered, other_letters, script

Array = np.ndarray[Any, Any]

MOST_TRIED = 500
"""The most changes of one side that are read and judged."""

MOST_INSERTED = 24
"""How many texts are tried as a missing factor at one place."""

MOST_SIMPLE = 5
"""Beyond this a number beside that of the samples is no likely factor."""

LONGEST_INSERTED = 40
"""How long a bracket may be that is tried as one."""

_T = {"latex": "^T", "text": "ᵀ", "typst": "^T"}
_ODOT = {"latex": r" \odot ", "text": " ⊙ ", "typst": " dot.circle "}
_TRANSPOSE_END = re.compile(r"(?:\\top|\\intercal|T|⊤)(?=[})\]]*$)")


class TextMender:
    """Looks for the smallest repair of one row by changing its text."""

    def __init__(self, court: Court, row: Row, *, most: int = MOST_TRIED) -> None:
        self.court = court
        self.row = row
        self.most = most
        self.source, self.markup = row.source, row.markup
        self.matrices = court.matrices(row.chain)
        found = row.chain.names
        numbers = court.numbers(court.samples_for(row.chain))
        self.speller = Speller(self.source, self.markup, found, court.reading, numbers)
        bound = {part.letter for side in row.chain.sides if not isinstance(side.node, Unread)
                 for part in parts_of(side.node) if isinstance(part, Summation)}  # fmt: skip
        self.letters = sorted({*court.letters(row.chain), *bound})
        self._until = time.thread_time() + SECONDS

    def mended(self) -> Mended | None:
        """Return the smallest repair, or None."""
        chain = self.row.chain
        fixes: dict[int, Fix] = {}
        for index in range(1, len(chain.sides)):
            if isinstance(chain.sides[index].node, Unread) or self._right(chain, index) is not False:
                continue
            fix = self._side(index)
            if fix is None:
                return self._head()
            fixes[index] = fix
        return Mended(fixes) if fixes else None

    def _right(self, chain: Chain, index: int) -> bool | None:
        """Return whether a side equals the first; None where that cannot be said."""
        finding = self.court.findings(chain.pair(0, index, index - 1))[0]
        return False if finding.clash is not None else (finding.equal and not finding.zero)

    def _reread(self, edits: tuple[Edit, ...]) -> Chain | None:
        row = self.row.again(applied(self.source, edits))
        return None if row is None else row.chain

    def _holds(self, fix: Fix, index: int) -> bool:
        chain = self._reread(fix.edits)
        if chain is None or self._right(chain, index) is not True:
            return False
        if spelled(chain.sides[index].node) == spelled(chain.sides[0].node):
            return False  # true, and says nothing
        if self.matrices or self.letters:
            return True
        return alive(chain.sides[index].node, self.court.interpreter(chain))

    def _head(self) -> Mended | None:
        """Return a repair of the left side, where all others agree."""
        chain = self.row.chain
        node = chain.sides[0].node
        if isinstance(node, Unread):
            return None
        for fix in sorted(self._renames(node), key=lambda fix: fix.cost):
            changed = self._reread(fix.edits)
            if changed is not None and all(self._right(changed, i) is True for i in range(1, len(changed.sides))):
                return Mended({0: Fix(fix.cost, "wrong_side", fix.edits, fix.changes)})
        return None

    def _side(self, index: int) -> Fix | None:
        node = self.row.chain.sides[index].node
        assert not isinstance(node, Unread)
        if isinstance(node, Listed):
            return self._shape(index, node)
        single = sorted([*self._scaled(index, node), *self._changes(node)], key=lambda fix: fix.cost)
        for tried, fix in enumerate(itertools.chain(single, self._pairs(single)), start=1):
            if tried > self.most or time.thread_time() > self._until or fix.cost >= GIVEN_UP:
                return None
            if self._holds(fix, index):
                return fix
        return None

    def _pairs(self, single: list[Fix]) -> Iterator[Fix]:
        """Yield two changes made at once, which do not touch each other."""
        for one, other in itertools.combinations(single[:40], 2):
            if any(touches(one, (e.start, e.end)) or touches(other, (e.start, e.end)) for e in other.edits
                   for f in one.edits if e.start <= f.end and f.start <= e.end):  # fmt: skip
                continue
            edits = tuple(sorted((*one.edits, *other.edits), key=lambda edit: edit.start))
            yield Fix(one.cost + other.cost, one.kind, edits, (*one.changes, *other.changes))

    def _shape(self, index: int, node: Listed) -> Fix | None:
        """Return the shape that should stand there."""
        chain = self.row.chain
        true = outcome(self.court.interpreter(chain), chain.sides[0], {}, chain.relations)
        if not isinstance(true, Shape) or not node.items:
            return None
        text = self.source[slice(*node.span)]
        first, second = node.items[0].span, node.items[-1].span
        between = self.source[first[1] : node.items[1].span[0]] if len(node.items) > 1 else ", "
        if not true.sizes:
            return None
        new = between.join(map(str, true.sizes))
        inner = (first[0], second[1])
        return replaced(1.0, "wrong_shape", inner, new, self.source, node.span if text else inner)

    # What can be changed

    def _changes(self, node: Node) -> Iterator[Fix]:
        yield from self._renames(node)
        for part in parts_of(node):
            if isinstance(part, Times):
                yield from self._factors(part)
            elif isinstance(part, Total):
                yield from self._terms(part)
            elif isinstance(part, Applied):
                yield from self._prime(part)
            elif isinstance(part, Raised):
                yield replaced(1.05, "wrong_power", part.span, self.source[slice(*part.base.span)], self.source)
            elif isinstance(part, Derivative) and part.of.span[1] <= part.by.span[0]:
                above, below = part.of.span, part.by.span
                new = self.source[slice(*below)] + self.source[above[1] : below[0]] + self.source[slice(*above)]
                yield replaced(1.2, "backwards", (above[0], below[1]), new, self.source, part.span)
        yield from self._slopes(node)
        yield from LostTerms(self.court, self.row, self.speller).fixes(node)
        yield from self._inserted(node)
        if self.matrices:
            yield from self._transposes(node)
        if not isinstance(node, Total):
            start = node.span[0]
            if isinstance(node, Negated):
                yield replaced(1.05, "sign", (start, node.body.span[0]), "", self.source, node.span)
            else:
                yield replaced(1.05, "sign", (start, start), self.speller.minus, self.source, node.span)

    def _slopes(self, node: Node) -> Iterator[Fix]:
        """Yield ∂a/∂z as it should be, for what speaks of a and is none."""
        reading, source, minus = self.court.reading, self.source, self.speller.minus
        used = {a.name for layer in self.court.net.layers for a in layer.activations}
        forms = [form for name, form in SLOPES.items() if name in used]
        for part in parts_of(node):
            if not isinstance(part, Name | Group) or (isinstance(part, Group) and isinstance(part.body, Times)):
                continue
            found = {source[slice(*n.span)] for n in names(part) if reading.kinds.get(n.base) in ("a", "pred")}
            if len(found) != 1:
                continue
            (a,) = found
            for form in forms:
                text = form.format(a=a, minus=minus)
                yield replaced(1.15, "wrong_derivative", part.span, text, source)
            if isinstance(part, Name) and "sigmoid" in used:
                text = f"{a}(1 {minus} {a})"
                yield replaced(1.1, "missing_factor", part.span, text, source)

    def _inserted(self, node: Node) -> Iterator[Fix]:
        """Yield a factor more: one that stands elsewhere on the line."""
        source = self.source
        pool: dict[str, None] = {}
        head = source[slice(*self.row.chain.sides[0].node.span)]
        for side in self.row.chain.sides:
            if not isinstance(side.node, Unread):
                for part in parts_of(side.node):
                    if (
                        isinstance(part, Derivative | Transposed)
                        or (isinstance(part, Name) and self._counts(part))
                        or (isinstance(part, Group) and part.span[1] - part.span[0] <= LONGEST_INSERTED)
                    ) and source[slice(*part.span)] != head:  # what the line derives is not derived by itself
                        pool.setdefault(source[slice(*part.span)])
        pool.update(dict.fromkeys(self._neighbours() if self.matrices else self._origins()))
        if self.matrices:
            for text in [*pool]:
                pool.setdefault(
                    f"({text}){_T[self.markup]}" if "^" in text or "frac" in text else text + _T[self.markup]
                )
        products = [part for part in parts_of(node) if isinstance(part, Times)]
        bodies = [
            part.body for part in parts_of(node) if isinstance(part, Summation) and not isinstance(part.body, Times)
        ]
        places = [*products, *bodies] or ([node] if not isinstance(node, Total) else [*node.terms])
        dot = self.speller.dot(products)
        for part in places[:4]:
            start, end = part.span
            for text in [*pool][:MOST_INSERTED]:
                yield replaced(1.3, "missing_factor", (end, end), dot + text, source, part.span)
                if self.matrices:
                    yield replaced(1.31, "missing_factor", (start, start), text + dot, source, part.span)

    def _origins(self) -> Iterator[str]:
        """Yield what the target may lead from, x_i or a_i of w_{ji}: a line that lost it does not show it."""
        node = self.row.chain.sides[0].node
        if not isinstance(node, Derivative) or not isinstance(node.by, Name):
            return
        kinds = self.court.reading.kinds
        if kinds.get(node.by.base) == "w":
            for letter, _ in letters(node.by):
                for kind in ("x", "a"):
                    if (base := next((base for base, own in kinds.items() if own == kind), None)) is not None:
                        yield f"{lettered(base, self.markup)}_{letter}"

    def _neighbours(self) -> Iterator[str]:
        """Yield what matrices of the layers beside the target are called: a line that lost one does not show it."""
        chain = self.row.chain
        target = self.court.target(chain)
        if not isinstance(target, Matrix):
            return
        numbers = self.court.numbers(self.court.samples_for(chain))
        symbols, net = numbers.program.symbols, self.court.net
        level = target.symbol.layer or (0 if target.symbol.kind == "x" else net.depth)
        for layer in (level, level + 1):
            after = symbols.get(("z", layer, None)) or (
                symbols.get(("pred", None, None)) if layer == net.depth else None
            )
            before = symbols.get(("a", layer - 1, None)) if layer > 1 else symbols.get(("x", None, None))
            root = numbers.program.root
            assert isinstance(root, Ref)
            wanted = [Matrix(after, of=root.symbol)] if after is not None and after != target.symbol else []
            wanted += [
                Matrix(symbol) for symbol in (before, symbols.get(("w", layer, layer - 1))) if symbol is not None
            ]
            for what in wanted:
                if (text := self.speller.matrix(what)) is not None:
                    yield text

    def _counts(self, name: Name) -> bool:
        kind = self.court.reading.kinds.get(name.base)
        return kind is not None and kind not in ("loss", "samples")

    def _factors(self, node: Times) -> Iterator[Fix]:
        source = self.source
        for place, (left, right) in enumerate(itertools.pairwise(node.factors)):
            a, b = left.span, right.span
            between = source[a[1] : b[0]]
            if self.matrices:
                swapped = source[slice(*b)] + between + source[slice(*a)]
                yield replaced(1.02, "wrong_order", (a[0], b[1]), swapped, source)
                for turned in self._turned(left, between, right):
                    yield replaced(1.06, "wrong_order", (a[0], b[1]), turned, source)
                if node.marks[place] == "⊙":
                    yield replaced(
                        1.0, "elementwise_for_product", (a[1], b[0]), self.speller.dot(), source, (a[0], b[1])
                    )
                else:
                    yield replaced(
                        1.01, "product_for_elementwise", (a[1], b[0]), _ODOT[self.markup], source, (a[0], b[1])
                    )
            if {"·", "*", ""} >= {node.marks[place]} and len(node.factors) == 2:
                yield replaced(1.3, "product_for_sum", (a[1], b[0]), " + ", source, (a[0], b[1]))
        for place in range(len(node.factors)):
            yield replaced(1.1, "extra_factor", with_mark(node.factors, place), "", source)
        for place in range(len(node.factors) - 2):  # a(1 − a), written twice
            start = node.factors[place].span[1]
            yield replaced(1.2, "extra_factor", (start, node.factors[place + 2].span[1]), "", source)

    def _turned(self, left: Node, between: str, right: Node) -> Iterator[str]:
        """Yield a product with its factors changed in place, one of them transposed: B Aᵀ and Bᵀ A for A B or A Bᵀ."""
        bodies = [part.body if isinstance(part, Transposed) else part for part in (left, right)]
        first, second = (self.source[slice(*body.span)] for body in bodies)
        yield second + between + self._transposed(bodies[0])
        yield self._transposed(bodies[1]) + between + first

    def _terms(self, node: Total) -> Iterator[Fix]:
        source = self.source
        for place, term in enumerate(node.terms):
            if len(node.terms) > 1:
                yield replaced(1.15, "extra_path", with_mark(node.terms, place), "", source)
            before = node.terms[place - 1].span[1] if place else term.span[0]
            if isinstance(term, Negated):
                sign = source[before : term.body.span[0]] if place else ""
                new = sign.replace("-", "+").replace("−", "+")
                yield replaced(1.0, "sign", (before, term.body.span[0]), new, source, term.span)
            elif place:
                new = source[before : term.span[0]].replace("+", self.speller.minus)
                yield replaced(1.0, "sign", (before, term.span[0]), new, source, (before, term.span[1]))
            else:
                yield replaced(1.04, "sign", (before, before), self.speller.minus, source, term.span)
        if len(node.terms) == 2 and not any(isinstance(term, Negated) for term in node.terms):
            a, b = (term.span for term in node.terms)
            yield replaced(1.2, "sum_for_product", (a[1], b[0]), self.speller.dot(), source, (a[0], b[1]))
        if len(node.terms) == 2 and isinstance(node.terms[1], Negated):
            first, second = node.terms[0], node.terms[1].body
            swapped = f"{source[slice(*second.span)]} {self.speller.minus} {source[slice(*first.span)]}"
            yield replaced(1.02, "sign", node.span, swapped, source)

    def _prime(self, node: Applied) -> Iterator[Fix]:
        name = node.function
        if name.primes:
            text = self.source[slice(*name.span)]
            bare = text.rstrip("'′’").removesuffix(r"^{\prime}").removesuffix(r"^\prime")
            yield replaced(1.0, "wrong_derivative", name.span, bare, self.source, node.span)
        else:
            yield replaced(1.0, "wrong_derivative", (name.span[1], name.span[1]), "'", self.source, node.span)

    def _transposes(self, node: Node, above: Node | None = None) -> Iterator[Fix]:
        source = self.source
        if isinstance(node, Transposed):
            start, end = node.span
            if end > node.body.span[1]:
                yield replaced(1.0, "extra_transpose", (node.body.span[1], end), "", source, node.span)
            else:
                text = _TRANSPOSE_END.sub("", source[start:end])
                yield replaced(1.0, "extra_transpose", (start, end), text.replace("^{}", ""), source)
            return
        if isinstance(node, Name | Derivative | Group) and isinstance(above, Times | Total | None):
            cost = 1.1 if isinstance(node, Derivative) else 1.0
            yield replaced(cost, "missing_transpose", node.span, self._transposed(node), source)
        if not isinstance(node, Derivative):
            for part in inside(node):
                yield from self._transposes(part, node)

    def _transposed(self, node: Node) -> str:
        """Return what the transpose of a node is written as."""
        start, end = node.span
        text = self.source[start:end]
        if isinstance(node, Name) and node.sup and self.markup == "latex":
            at = node.sup_span[1] - start
            inside_bracket = text[max(at - 1, 0)] in ")]"  # W^{[2]T}
            return f"{text[:at]}T{text[at:]}" if inside_bracket else f"({text})^T"
        if isinstance(node, Name | Group):
            return text + _T[self.markup]
        return rf"\left({text}\right)^T" if self.markup == "latex" else f"({text}){_T[self.markup]}"

    def _renames(self, node: Node) -> Iterator[Fix]:
        """Yield other indices for each name: numbers by one more or less, letters for each other."""
        for name in names(node):
            if name.base not in self.court.reading.kinds:
                yield from self._own_names(name)
                continue
            for base in other_letters(name, self.court.reading):
                edit = letter_edit(name, base, self.source, self.markup)
                yield replaced(1.05, "wrong_symbol", (edit.start, edit.end), edit.text, self.source, name.span)
            for below, text, span in ((True, name.sub, name.sub_span), (False, name.sup, name.sup_span)):
                if not text or span[1] <= span[0]:
                    continue
                for new, kind, cost in self._scripts(text, name, below):
                    changed = script(self.source, span, new, self.markup, below=below)
                    yield replaced(cost, kind, span, changed, self.source, name.span)

    def _own_names(self, name: Name) -> Iterator[Fix]:
        """Yield the other names of the document's own that differ from one in what stands below: δ_3 for δ_2."""
        for base, sub, sup in self.court.bindings:
            if name.sub and sub and (base, sup) == (name.base, name.sup) and sub != name.sub:
                changed = script(self.source, name.sub_span, sub, self.markup, below=True)
                yield replaced(1.02, "wrong_index", name.sub_span, changed, self.source, name.span)

    def _scripts(self, text: str, name: Name, below: bool) -> Iterator[tuple[str, str, float]]:
        kind = "wrong_index" if below and not (self.matrices and text.isdigit()) else "wrong_layer"
        for match in re.finditer(r"[0-9]+", text):
            for change in (1, -1, 2, -2):
                value = int(match[0]) + change
                if value >= 0:
                    yield text[: match.start()] + str(value) + text[match.end() :], kind, 1 + 0.03 * abs(change)
        own = [letter for letter, _ in letters(name)]
        if below and len(text) == 2 and text.isalpha() and text[0] != text[1]:
            yield text[::-1], "swapped_index", 1.0
        for match in re.finditer(r"([A-Za-zα-ω])(?:([+-])([0-9]))?", text):
            letter, sign, shift = match.groups()
            if letter not in own and letter not in self.letters and letter != "L":
                continue
            before, after = text[: match.start()], text[match.end() :]
            if not below or letter == "L":
                now = int((sign or "+") + (shift or "0"))
                for then in (now - 1, now + 1, 0):
                    if then != now:
                        new = letter + (f"{then:+d}" if then else "")
                        yield before + new + after, kind, 1.02
            for other in self.letters:
                if other != letter and below:
                    yield before + other + after, kind, 1.03

    def _scaled(self, index: int, node: Node) -> Iterator[Fix]:
        """Yield the constant factor that a side lacks, and an activation's derivative that it lacks."""
        chain = self.row.chain
        environment: Mapping[str, int] = {}
        for environment in itertools.islice(self.court.environments(chain), 400):
            sides = [
                outcome(self.court.interpreter(chain), chain.sides[i], environment, chain.relations) for i in (0, index)
            ]
            if not (isinstance(sides[0], Val) and isinstance(sides[1], Val)):
                continue
            fitted = fit(sides[0], sides[1])
            if fitted is None or not np.any(fitted[0].value):
                continue
            target, value = fitted[0].value, fitted[1].value
            if not np.all(value != 0):
                continue
            ratio = np.asarray(target / value)
            constant = constant_of(ratio.reshape(-1))
            start, end = node.span
            if constant is not None and constant > 0:
                body = self.source[start:end]
                body = f"({body})" if isinstance(node, Total) else body
                for text in self._constants(constant):
                    yield replaced(1.08, "missing_factor", (start, end), f"{text} {body}", self.source)
            elif ratio.ndim == 3:
                yield from self._slope(node, ratio)
            return

    def _constants(self, constant: Fraction) -> Iterator[str]:
        """Yield how a factor is written; one that could be the number of samples by its letter too."""
        letter = next((base for base, kind in self.court.reading.kinds.items() if kind == "samples"), "n")
        samples = self.court.numbers(self.court.samples_for(self.row.chain)).world.samples
        if samples > 1:
            for many, few in ((constant / samples, letter), (constant * samples, self.speller.one_by(letter))):
                if many == 1:
                    yield few
                elif many.numerator < MOST_SIMPLE and many.denominator < MOST_SIMPLE:
                    yield f"{self.speller.number(many)} {few}"
        yield self.speller.number(constant)

    def _slope(self, node: Node, ratio: Array) -> Iterator[Fix]:
        """Yield ⊙ σ'(Z) for the layer whose slope is missing."""
        numbers = self.court.numbers(self.court.samples_for(self.row.chain))
        letter = next((base for base in ("Z", "z") if base in {n.base for s in self.row.chain.sides
                       if not isinstance(s.node, Unread) for n in names(s.node)}), "Z")  # fmt: skip
        for symbol in list(numbers.program.symbols.values()):
            if symbol.kind != "a" or symbol.layer is None:
                continue
            z = numbers.program.symbols.get(("z", symbol.layer, None))
            if z is None:
                continue
            found = numbers.local_factor(symbol, z)
            if found is None:
                continue
            slope = found[0] if self.court.reading.rows else np.swapaxes(found[0], -1, -2)
            if slope.shape == ratio.shape and np.allclose(slope, ratio, rtol=1e-8):
                layer = symbol.layer + self.court.reading.first_layer
                sigma = r"\sigma'" if self.markup == "latex" else "σ'"
                place = f"_{layer}" if letter == "Z" else f"^{layer}"
                start, end = node.span
                held = f"({self.source[start:end]})" if isinstance(node, Times | Total) else self.source[start:end]
                new = f"{held}{_ODOT[self.markup]}{sigma}({letter}{place})"
                yield replaced(1.1, "missing_factor", (start, end), new, self.source)
