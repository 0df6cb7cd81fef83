"""Names → tokens: letters with what stands below and above them, primes, functions, and ones that are indicators."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from chainrule.judge.syntax import Name, Span
from chainrule.judge.tokens import (
    ALWAYS_FUNCTIONS,
    COMBINING,
    FUNCTIONS,
    INDEX,
    ONES,
    PRIMES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    WORDS,
    Adjoint,
    Refused,
    accented,
    split_transpose,
)
from chainrule.judge.tokens_base import NOWHERE, Tokeniser

COMPARED = re.compile(r"[<>≤≥=≠]|\\(?:le|ge|lt|gt|ne|leq|geq|neq|leqslant|geqslant)(?![A-Za-z])")

_SAMPLE = re.compile(r"\\?\[\s*([0-9]{1,6}|[a-zA-Z])\s*\\?\]")
_BRACKETS = re.compile(r"[()\[\]{}]")
_ABOVE_D = re.compile(r"[ \t]+(?:\\?[^\W\d])[^\s/]*[ \t]*/[ \t]*d[ \t]+\\?[^\W\d]")
_NOT_ADJOINTS = frozenset(("data", "det", "div", "dim", "dist", "do", "dot", "delta", "dropout", "due", "diff"))
_TURNED = re.compile(
    r",?\s*(?:\{?\\(?:top|intercal|(?:mathsf|mathrm|text|rm)\s*\{?\s*T\s*\}?)\}?|T|⊤|top|\\prime|prime|['′])+\s*$"
)
_TURNED_BEFORE = re.compile(r"\s*(?:\\(?:top|intercal)|T|⊤|top)\s*,?\s*(?=[(\[])")


_ONE_NAME = re.compile(
    r"\s*(?:[^\W\d]|\\(?:boldsymbol|mathbf|bm|vec|text|mathrm)\s*\{[^\W\d]+\})"
    r"(?:\s*[_^]\s*(?:\{[^{}]{1,20}\}|\([^()]{1,20}\)|\w)|[₀-₉⁰¹²³⁴-⁹⁽⁾₍₎ᵢⱼₖˡ])*\s*(?:\\right|\\bigr?|\\Bigr?)?\s*[)\]]"
)
_LAYER_BEHIND = re.compile(r"\[(\d{1,3}|[lL])\](['′]*)(?=\s*\()")


class Scripts(NamedTuple):
    """What stands around a name: below, above, its primes, the end of it all, and where a ⊤ above stands."""

    sub: str = ""
    sup: str = ""
    sub_span: Span = NOWHERE
    sup_span: Span = NOWHERE
    primes: int = 0
    end: int = 0
    transposed: Span | None = None


class NameTokens(Tokeniser):
    """Takes names."""

    def name(self, base: str, at: int, end: int, inner: Scripts | None = None) -> int:
        r"""Take a name with its scripts; or a function, where a bracket follows.

        Args:
            base: its letters.
            at: where they stand.
            end: where they end.
            inner: scripts that stand under an accent: \hat{y_1} is the name \hat{y}_1.
        """
        while self.source[end : end + 1] in COMBINING:
            base, end = accented(base, self.source[end]), end + 1
        if base == "I" and self._indicates(end):
            return self.indicator(at, end)
        found = self.scripts(end, base)
        if inner is not None:
            found = _merged(inner, found)
        sub, sup, sub_span, sup_span, primes, end, transposed = found
        span = (at, end)
        if transposed is not None and transposed[1] == end and transposed[0] >= max(sub_span[1], sup_span[1]):
            span = (at, transposed[0])
        if not sub and not sup and base in FUNCTIONS and (layer := _LAYER_BEHIND.match(self.source, end)):
            sup, sup_span, end = layer[1], layer.span(1), layer.end()  # g[1]'(z[1])
            primes += len(layer[2])
        if transposed is None and self._applies(base, sub, primes, end):
            if sub and base in ("log", "ln"):
                raise Refused("logarithm_base", self.source[at:end], (at, end))
            self.stream.add("FUNCTION", Name(base, sub, sup, "", primes, sub_span, sup_span, (at, end)), at, end)
            return end
        suffix = ""
        if transposed is None and (match := _SAMPLE.match(self.source, end)):
            if sub or sup or base in ("pred", "true", "loss"):
                suffix = match[1]
            else:  # z[2]: a layer, or the sample of what has no layers
                sup, sup_span = f"[{match[1]}]", (end, match.end())
            end = match.end()
            span = (at, end)
        named = Name(base, sub, sup, suffix, primes, sub_span, sup_span, span)
        if base == "d" and not sub and not sup and self.d_belongs(end):
            self.stream.add_d(named, *span)
        elif base[0] == "d" and base[1:2].isalpha() and base not in _NOT_ADJOINTS and base not in WORDS:
            inner_name = replace(named, base=base[1:], span=(at + 1, span[1]))
            self.stream.add("ADJOINT", Adjoint(named, inner_name), *span)
        else:
            self.stream.add("NAME", named, *span)
        if transposed is not None:
            self.stream.add("TRANSPOSE", "T", *transposed)
        return end

    def d_belongs(self, at: int) -> bool:
        """Return whether a d that ends at a place belongs to what follows: dŷ, d L / d w."""
        tokens = self.stream.tokens
        if len(tokens) > 1 and tokens[-1].value == "/" and tokens[-2].type == "ADJOINT":
            return True
        return _ABOVE_D.match(self.source, at) is not None

    def upright_d(self, at: int, end: int) -> int:
        r"""Take \mathrm{d}: the d of a differential."""
        self.stream.add_d(Name("d", "", "", "", 0, NOWHERE, NOWHERE, (at, end)), at, end)
        return end

    def _applies(self, base: str, sub: str, primes: int, end: int) -> bool:
        """Return whether a name that ends at a place is a function at what follows."""
        if base in ALWAYS_FUNCTIONS:
            return True
        called = base in FUNCTIONS or (base == "h" and (primes > 0 or self._of_one_name(end)))
        return called and self.bracket_follows(end) and not (sub and base in ("f", "g"))

    def _of_one_name(self, at: int) -> bool:
        """Return whether a bracket with one name in it follows: h(a_j) is a function's value, h(1 − h) a product."""
        match = self.BRACKET.match(self.source, at)
        return match is not None and _ONE_NAME.match(self.source, match.end()) is not None

    def bracket_follows(self, at: int) -> bool:
        """Return whether a bracket opens next."""
        return self.BRACKET.match(self.source, at) is not None

    def scripts(self, at: int, base: str = "") -> Scripts:
        """Return what stands below and above a name that ends at a place."""
        source = self.source
        sub = sup = ""
        sub_span = sup_span = NOWHERE
        primes = 0
        transposed: Span | None = None
        while True:
            here = at
            while source[here : here + 1] == " ":
                here += 1
            char = source[here : here + 1]
            if not char:
                break
            if char == "_" and not sub:
                span, end = self.below(here + 1)
                text = self.script_text(*span)
                if INDEX.fullmatch(text) is None:
                    raise Refused("unexpected", source[here:end], (here, end))
                sub, sub_span, at = text, self.tight(span), end
            elif char == "^" and not sup and transposed is None:
                above = self._above(here, base, sub)
                if above is None:
                    break
                sup, sup_span, more, transposed, at = above
                primes += more
            elif char in PRIMES:
                primes, at = primes + PRIMES[char], here + 1
            elif char == "’":
                primes, at = primes + 1, here + 1
            elif char in SUBSCRIPTS and not sub:
                end = self._run_of(SUBSCRIPTS, here)
                sub, sub_span, at = "".join(SUBSCRIPTS[c] for c in source[here:end]), (here, end), end
            elif char in SUPERSCRIPTS and not sup and transposed is None and here == at:
                end = self._run_of(SUPERSCRIPTS, here)
                text, turned = split_transpose("".join(SUPERSCRIPTS[c] for c in source[here:end]))
                if text and (not _plain_script(text) or (base == "e" and not sub and text.lstrip("([")[:1].isalpha())):
                    if text.startswith("-") and base in ALWAYS_FUNCTIONS:
                        raise Refused("inverse_function", source[here:end], (here, end))
                    break
                if turned:
                    transposed = (end - 1, end)
                if text:
                    sup, sup_span = text, (here, here + len(text))
                at = end
            else:
                break
        return Scripts(sub, sup, sub_span, sup_span, primes, at, transposed)

    def _above(self, here: int, base: str, sub: str) -> tuple[str, Span, int, Span | None, int] | None:
        """Return what ^ sets above a name: text, place, primes, a transpose's place, the end; None for a power."""
        span, end = self.argument(here + 1)
        text = self.script_text(*span)
        if text and all(char in PRIMES for char in text):
            return "", NOWHERE, sum(PRIMES[char] for char in text), None, end
        above, turned = split_transpose(text)
        primes = 0
        while above and above[-1] in PRIMES:
            primes, above = primes + PRIMES[above[-1]], above[:-1]
        if above.startswith("-") and base in ALWAYS_FUNCTIONS:
            raise Refused("inverse_function", self.source[here:end], (here, end))
        if above and (not _plain_script(above) or (base == "e" and not sub and above.lstrip("([")[:1].isalpha())):
            return None
        place = self.tight(span) if above else NOWHERE
        if above and (turned or primes):
            place = self._without_transpose(place)
        return above, place, primes, (here, end) if turned else None, end

    def _run_of(self, small: dict[str, str], at: int) -> int:
        while at < len(self.source) and self.source[at] in small:
            at += 1
        return at

    def _without_transpose(self, span: Span) -> Span:
        start, end = span
        text = self.source[start:end]
        if match := _TURNED_BEFORE.match(text):
            return (start + match.end(), end)
        match = _TURNED.search(text)
        return span if match is None else (start, start + match.start())

    def indicator(self, at: int, end: int) -> int:
        """Take a bold one: before a condition it is an indicator and says no more than its bracket, else a column."""
        if not self._indicates(end):
            return self.name(ONES, at, end)
        here = self.blanks(end)
        if self.source.startswith("_", here):
            span, after = self.argument(here + 1)
            return self._condition(at, span, after)
        return end

    def _indicates(self, at: int) -> bool:
        """Return whether a condition follows, below or in a bracket."""
        here = self.blanks(at)
        if self.source.startswith("_", here):
            return COMPARED.search(self.source, *self.argument(here + 1)[0]) is not None
        match = self.BRACKET.match(self.source, at)
        return match is not None and self._compares(match.end())

    def _compares(self, at: int) -> bool:
        """Return whether the bracket whose content begins at a place holds a comparison."""
        depth = 1
        for match in _BRACKETS.finditer(self.source, at):
            depth += 1 if match[0] in "([{" else -1
            if depth == 0:
                return COMPARED.search(self.source, at, match.start()) is not None
        return False

    def _condition(self, at: int, span: Span, after: int) -> int:
        """Take the condition below an indicator as a bracket."""
        start, end = self.tight(span)
        if self.source.startswith("\\{", start) and self.source.endswith("\\}", start, end):
            start, end = start + 2, end - 2
        elif self.source[start] in "{([" and self.source[end - 1] in "})]":
            start, end = start + 1, end - 1
        self.stream.open("bracket", "LEFT", "[", at, start)
        self.through(start, end)
        self.stream.close("RIGHT", "]", end, after)
        return after


def _plain_script(text: str) -> bool:
    return INDEX.fullmatch(text) is not None


def _merged(inner: Scripts, outer: Scripts) -> Scripts:
    """Return the scripts under an accent together with those behind it."""
    sub = (outer.sub, outer.sub_span) if outer.sub else (inner.sub, inner.sub_span)
    sup = (outer.sup, outer.sup_span) if outer.sup else (inner.sup, inner.sup_span)
    return Scripts(
        sub[0], sup[0], sub[1], sup[1], inner.primes + outer.primes, outer.end, outer.transposed or inner.transposed
    )
