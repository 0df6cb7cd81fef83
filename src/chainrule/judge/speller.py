"""The author's spelling of quantities that a repair brings in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chainrule.expr import Matrix, Partial, Ref
from chainrule.judge.fixes import applied
from chainrule.judge.numbers import Numbers
from chainrule.judge.reading import NoMeaning, Reading
from chainrule.judge.report import Edit
from chainrule.judge.syntax import Name, Times
from chainrule.judge.variants import letter_beside, lettered, variants

_LAYER = re.compile("[0-9]+|(?<![A-Za-z])L(?![A-Za-z])")
_DOT = {"latex": r" \cdot ", "text": " · ", "typst": " dot "}
_MINUS = {"latex": "-", "text": "−", "typst": "-"}

_SIGMA = {"latex": r"\sigma", "text": "σ", "typst": "sigma"}
_SOFTMAX = {"latex": r"\operatorname{softmax}", "text": "softmax", "typst": 'op("softmax")'}

SLOPES = {"sigmoid": "{a}(1 {minus} {a})", "tanh": "(1 {minus} ({a})^2)"}
"""∂a/∂z in terms of a, where that is what people write."""


class Speller:
    """Writes quantities with the letters, scripts and marks of a source.

    Attributes:
        source, markup: the source that is repaired.
        reading: what names mean in it.
    """

    def __init__(self, source: str, markup: str, names: Iterable[Name], reading: Reading, numbers: Numbers) -> None:
        self.source = source
        self.markup = markup
        self.reading = reading
        self.numbers = numbers
        self.program = numbers.program
        self._names = [*names]
        self._texts: dict[Ref | Partial, str | None] = {}

    def text(self, what: Ref | Partial) -> str | None:
        """Return a quantity as the author would write it, or None where nothing in the source shows how."""
        if what not in self._texts:
            self._texts[what] = self._spelled(what)
        return self._texts[what]

    def _spelled(self, what: Ref | Partial) -> str | None:
        tried = set()
        for name in self._names:
            form = (name.base, bool(name.sub), bool(name.sup), "," in name.sub)
            if form in tried:
                continue
            tried.add(form)
            try:
                if self.reading.meaning(name, self.program, {}).what == what:
                    return self.source[slice(*name.span)]
            except NoMeaning:
                continue
            for variant in variants(name, self.reading, self.numbers):
                if variant.what == what:
                    start, end = name.span
                    edits = variant.edits(name, self.source, self.markup)
                    return applied(
                        self.source[start:end], (Edit(e.start - start, e.end - start, e.text) for e in edits)
                    )
        return self._styled(what) if isinstance(what, Ref) else None

    def _styled(self, what: Ref) -> str | None:
        """Return a quantity of a kind that the source does not have, its scripts after those that are there."""
        kind, layer = what.symbol.kind, what.symbol.layer
        base = self.letter(kind)
        if base is None:
            return None
        first = self.reading.inputs_number(kind)
        written = [name.sup for name in self._names if layer is not None and _LAYER.search(name.sup)]
        above = [_LAYER.sub(str((layer or 0) + first), sup) for sup in dict.fromkeys(written)]
        for sub in self._below(what):
            for sup in above or ["" if layer is None else str(layer + first)]:
                other = Name(base, sub, sup, "", 0, (0, 0), (0, 0), (0, 0))
                try:
                    if self.reading.meaning(other, self.program, {}).what == what:
                        return self.scripted(lettered(base, self.markup), sub, sup)
                except NoMeaning:
                    continue
        return None

    def letter(self, kind: str, *, capital: bool | None = None) -> str | None:
        """Return the author's letter for a kind, or the usual one."""
        return letter_beside((name.base for name in self._names), kind, self.reading, capital=capital)

    def _below(self, what: Ref) -> tuple[str, ...]:
        """Return what could stand below a quantity: nothing where it is the only one, or its units."""
        kind, reading = what.symbol.kind, self.reading
        units = [int(index) for index in what.indices if isinstance(index, int)]
        if kind == "w":
            numbers = [unit + reading.first_unit - 1 for unit in (units if reading.to_from else reversed(units))]
            close = all(number < 10 for number in numbers) and not any("," in name.sub for name in self._names)
            return (("" if close else ",").join(map(str, numbers)),)
        first = reading.first_input if kind == "x" else reading.first_unit
        numbered = [str(unit + first - 1) for unit in units[-1:]]
        return ("", *numbered) if kind in ("pred", "true", "loss") else tuple(numbered)

    def scripted(self, base: str, sub: str, sup: str) -> str:
        """Return a letter with its scripts."""
        below = f"_{sub}" if len(sub) == 1 else f"_({sub})" if self.markup == "typst" else f"_{{{sub}}}"
        plain = self.markup == "text" and re.fullmatch(r"[(\[][0-9]+[)\]]", sup)
        above = f"^{sup}" if len(sup) == 1 or plain else f"^({sup})" if self.markup == "typst" else f"^{{{sup}}}"
        return base + (below if sub else "") + (above if sup else "")

    def partial(self, of: Ref, by: Ref) -> str | None:
        """Return ∂of/∂by: by its own name where the source has such names, or as a fraction."""
        named = self.text(Partial(of, by))
        if named is not None:
            return named
        above, below = self.text(of), self.text(by)
        if above is None or below is None:
            return None
        return self._fraction(above, below)

    def _fraction(self, above: str, below: str) -> str:
        if self.markup == "latex":
            return rf"\frac{{\partial {above}}}{{\partial {below}}}"
        return f"(partial {above})/(partial {below})" if self.markup == "typst" else f"∂{above}/∂{below}"

    def matrix(self, what: Matrix) -> str | None:
        """Return a whole matrix as the author writes it, or ∂loss/∂Z as a derivative."""
        for name in self._names:
            for other in (name, *(variant.name for variant in variants(name, self.reading, self.numbers))):
                try:
                    if self.reading.meaning(other, self.program, {}, matrices=True).what == what:
                        return self.scripted(lettered(other.base, self.markup), other.sub, other.sup)
                except NoMeaning:
                    continue
        if what.of is not None:
            above, below = self._styled(Ref(what.of, ())), self._whole(what)
            return None if above is None or below is None else self._fraction(above, below)
        return self._whole(what)

    def _whole(self, what: Matrix) -> str | None:
        """Return a matrix of a kind that the source does not have, its layer where it stands in other names."""
        kind, layer = what.symbol.kind, what.symbol.layer
        layers = [name.base for name in self._names if self.reading.kind_of(name) in ("x", "z", "a", "delta")]
        capital = any(base[:1].isupper() for base in layers or [name.base for name in self._names])
        base = next(
            (
                base
                for base, own in self.reading.kinds.items()
                if own == kind and base[:1].isupper() == (capital and kind != "b")
            ),
            None,
        )
        if base is None:
            return None
        level = "" if layer is None else str(layer + self.reading.inputs_number(kind))
        for name in self._names:
            sub, sup = (_LAYER.sub(level, text) if level else "" for text in (name.sub, name.sup))
            try:
                other = Name(base, sub, sup, "", 0, (0, 0), (0, 0), (0, 0))
                if self.reading.meaning(other, self.program, {}, matrices=True).what == Matrix(what.symbol):
                    return self.scripted(lettered(base, self.markup), sub, sup)
            except NoMeaning:
                continue
        return None

    def probability(self, base: str, sub: str, loss: str) -> str | None:
        """Return the probability that a loss makes of an output, σ(ŷ_k) or softmax(ŷ)_k, or None."""
        if loss == "bce_with_logits":
            return f"{_SIGMA[self.markup]}({self.scripted(base, sub, '')})"
        if loss == "softmax_cross_entropy":
            return self.scripted(f"{_SOFTMAX[self.markup]}({base})", sub, "")
        return None

    def slope(self, unit: Ref, activation: str) -> str | None:
        """Return ∂a/∂z of a unit's activation a."""
        form = SLOPES.get(activation)
        a = self.text(unit)
        if form is None or a is None:
            return None
        if re.fullmatch(r"\w+", a):
            form = form.replace("({a})", "{a}")
        return form.format(a=a, minus=_MINUS[self.markup])

    def rest(self, unit: Ref) -> str | None:
        """Return 1 − a."""
        a = self.text(unit)
        return None if a is None else f"(1 {_MINUS[self.markup]} {a})"

    def dot(self, around: Iterable[Times] = ()) -> str:
        """Return the mark between factors: the author's own where there is one."""
        for node in around:
            for mark, left, right in zip(node.marks, node.factors, node.factors[1:], strict=False):
                between = self.source[left.span[1] : right.span[0]]
                if mark and 0 < len(between) <= 8 and not set("()[]{}") & set(between):
                    return between
        return _DOT[self.markup]

    @property
    def minus(self) -> str:
        """The sign for a negative."""
        return _MINUS[self.markup]

    def one_by(self, letter: str) -> str:
        """Return 1 divided by a letter."""
        return rf"\frac{{1}}{{{letter}}}" if self.markup == "latex" else f"(1/{letter})"

    def number(self, value: object) -> str:
        """Return a rational number."""
        from fractions import Fraction

        assert isinstance(value, Fraction)
        if value.denominator == 1:
            return str(value.numerator)
        if self.markup == "latex":
            return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        return f"({value.numerator}/{value.denominator})"
