"""Plain Unicode text and Typst → tokens: LaTeX's tokeniser, but a run of letters is one name, and scripts need no braces."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Span
from chainrule.judge.tokens import ACCENTS, GREEK, LEADS, SUPERSCRIPTS, WORDS, Refused, accented
from chainrule.judge.tokens_latex import LatexTokens, listed_items

_RUN = re.compile(r"[0-9]+(?:,[0-9]+)*|[A-Za-zα-ω](?:[0-9](?![0-9.]))?|[A-Za-z]+|[\[(][A-Za-z0-9+\-,]{1,12}[\])](?:[\[(][A-Za-z0-9]+[\])])?T?")
_LETTERS = re.compile(r"[^\W\d_]+")
_REALS = re.compile(r"(?:ℝ|R)\^?\s*[({]([^(){}]{1,100})[)}]|ℝ([⁰¹²³⁴⁵⁶⁷⁸⁹ˣ×]+)")


class TextTokens(LatexTokens):
    """One formula in plain text, being cut into tokens."""

    def _next(self, at: int) -> int:
        if self.source[at] == "ℝ" and (match := _REALS.match(self.source, at)) and match[1]:
            start, end = match.span(1)
            self.stream.add("LISTED", listed_items(self.source, start, end, r"×|x|,|\*", self.limits), *match.span())
            return match.end()
        if self.source.startswith((".shape", ".T"), at) and not self.source[at + 2 : at + 3].isalpha() | (
            self.source.startswith(".shape", at) and self.source[at + 6 : at + 7].isalpha()
        ):
            if self.source.startswith(".T", at):
                self.stream.add("TRANSPOSE", "T", at, at + 2)
                return at + 2
            return self._shape(at, at + 6)
        if self.source.startswith(".shape", at):
            return self._shape(at, at + 6)
        if self.source[at] == "²" or self.source[at] == "³":
            self.stream.add("CARET", "^", at, at)
        if self.source[at] in SUPERSCRIPTS and self.source[at] in "²³":
            digit = SUPERSCRIPTS[self.source[at]]
            from chainrule.judge.tokens import number

            self.stream.add("NUMBER", number(digit, at, at + 1, self.limits), at, at + 1)
            return at + 1
        return super()._next(at)

    def _word(self, word: str, at: int, end: int) -> int:
        match = _LETTERS.match(self.source, at)
        assert match is not None
        word, end = match[0], match.end()
        for known in ("y_hat",):
            if self.source.startswith(known, at):
                return self._name("ŷ", at, at + len(known))
        lower = word.lower()
        if lower in LEADS and not self.stream.stack and self._alone(at, end):
            self.stream.separate(LEADS[lower], at, end)
            return end
        if word == "s" and self.source.startswith("s.t.", at):
            self.stream.separate("s.t.", at, at + 4)
            return at + 4
        if word == "i" and self.source.startswith("i.e.", at):
            self.stream.separate("i.e.", at, at + 4)
            return at + 4
        if lower == "shape":
            of = re.compile(r"\s+of\b").match(self.source, end)
            if of:
                self.stream.add("SHAPEOF", "shape of", at, of.end())
                return of.end()
            return self._shape(at, end)
        if word == "sum" and self.source[end : end + 1] == "_":
            return self._sum(at, end)
        if word == "grad" and self.source[end : end + 1] == "_":
            return self._nabla(at, end)
        if word == "log" and (wide := re.compile(r"\s+cosh").match(self.source, end)):
            return self._name("logcosh", at, wide.end())
        while self.source[end : end + 1].isdigit() and word not in WORDS:
            # w11 is one name, for the network to say what its digits mean.
            end += 1
        word = self.source[at:end]
        if self.source[end : end + 1] in ("\u0302", "\u0304", "\u0303"):
            return self._name(accented(word, self.source[end]), at, end + 1)
        return self._name(word, at, end)

    def _character(self, char: str, at: int, end: int) -> int:
        if char == "√":
            self.stream.add("FUNCTION", _function("sqrt", at, end), at, end)
            return end
        if char == "ŷ" or (char.isalpha() and not char.isascii() and char not in SUPERSCRIPTS and not "가" <= char <= "힣"):
            if self.source[end : end + 1] in ("\u0302", "\u0304", "\u0303"):
                return self._name(accented(char, self.source[end]), at, end + 1)
        if char == "|":
            raise Refused("character", char, (at, end))
        return super()._character(char, at, end)

    def _argument(self, at: int) -> tuple[Span, int]:
        while self.source[at : at + 1] == " ":
            at += 1
        if self.source[at : at + 1] in ("{", "\\"):
            return super()._argument(at)
        match = _RUN.match(self.source, at)
        if match is None:
            return super()._argument(at)
        return (at, match.end()), match.end()

    def _scripts(self, at: int) -> tuple[str, str, Span, Span, int, int, Span | None]:
        sub, sup, sub_span, sup_span, primes, end, transposed = super()._scripts(at)
        if not sup and end < len(self.source) and self.source[end] in SUPERSCRIPTS:
            stop = end
            while stop < len(self.source) and self.source[stop] in SUPERSCRIPTS:
                stop += 1
            text = "".join(SUPERSCRIPTS[c] for c in self.source[end:stop])
            if text.endswith("T"):
                transposed = (stop - 1, stop)
                text, inner_end = text[:-1], stop - 1
            else:
                inner_end = stop
            if text:
                sup, sup_span = text, (end, inner_end)
            end = stop
            if self.source[end : end + 1] in ("_", "'", "′") or self.source[end : end + 1] in _SUB:
                more = super()._scripts(end)
                sub, sub_span = (more[0], more[2]) if more[0] else (sub, sub_span)
                primes, end = primes + more[4], more[5]
                transposed = transposed or more[6]
        return sub, sup, sub_span, sup_span, primes, end, transposed


_SUB = frozenset("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def _function(base: str, at: int, end: int) -> object:
    from chainrule.judge.syntax import Name

    return Name(base, "", "", "", 0, (0, 0), (0, 0), (at, end))


_TYPST_MARKS = {"dot": "·", "times": "·", "compose": "⊙", "dot.o": "⊙", "dot.op": "·", "dot.c": "·", "ast": "·",
                "circle.stroked.tiny": "⊙", "times.o": "⊗", "dot.circle": "⊙", "ast.op": "·"}  # fmt: skip
_TYPST_RELATIONS = {"equiv": "≡", "approx": "≈", "in": "∈", "prop": "∝"}
_TYPST_COMPARE = {"lt": "<", "gt": ">", "lt.eq": "≤", "gt.eq": "≥", "eq.not": "≠"}
_TYPST_STYLES = frozenset(("italic", "upright", "bold", "cal", "bb", "sans", "op", "mono", "arrow"))
_DOTTED = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*")


class TypstTokens(TextTokens):
    """One formula in Typst, being cut into tokens."""

    def _character(self, char: str, at: int, end: int) -> int:
        if char == '"':
            stop = self.source.find('"', end)
            if stop < 0:
                raise Refused("ends", char, (at, end))
            words = " ".join(self.source[end:stop].split())
            bare = words.strip(" ,.:;").lower()
            if bare == "shape":
                return self._shape(at, stop + 1)
            if bare in LEADS:
                self.stream.separate(LEADS[bare], at, stop + 1)
                return stop + 1
            if words == "d":
                return self._upright_d(at, stop + 1)
            if _LETTERS.fullmatch(words):
                return self._name(words, at, stop + 1)
            if not bare or bare in ("otherwise", "else"):
                return stop + 1
            self.stream.separate("where", at, stop + 1)
            return stop + 1
        return super()._character(char, at, end)

    def _word(self, word: str, at: int, end: int) -> int:
        match = _DOTTED.match(self.source, at)
        assert match is not None
        dotted = match[0]
        if dotted in _TYPST_MARKS:
            self.stream.add("MARK", _TYPST_MARKS[dotted], at, match.end())
            return match.end()
        if dotted in _TYPST_COMPARE:
            self.stream.relation(_TYPST_COMPARE[dotted], at, match.end())
            return match.end()
        letters = _LETTERS.match(self.source, at)
        assert letters is not None
        word, end = letters[0], letters.end()
        if word in _TYPST_RELATIONS:
            self.stream.relation(_TYPST_RELATIONS[word], at, end)
            return end
        if word == "partial":
            return self._differential(at, end)
        if word == "nabla":
            return self._nabla(at, end)
        if word in ("quad", "med", "thin", "thick", "space", "zws", "wide"):
            return self._skip("quad", end) if word in ("quad", "wide") else end
        if word == "arrow" and self.source.startswith("arrow.r", at):
            raise Refused("unexpected", "arrow", (at, end))
        if word == "frac" and self.source.startswith("(", end):
            return self._frac(at, end)
        if word == "sqrt" and self.source.startswith("(", end):
            self.stream.add("FUNCTION", _function("sqrt", at, end), at, end)
            return end
        if word in GREEK:
            return self._name(GREEK[word], at, end)
        if word in ACCENTS and self.source.startswith("(", end):
            inner, after = self._parenthesised(end)
            return self._name(accented(self._typst_plain(inner), ACCENTS[word]), at, after)
        if word in _TYPST_STYLES and self.source.startswith("(", end):
            inner, after = self._parenthesised(end)
            plain = self._typst_plain(inner)
            return self._upright_d(at, after) if plain == "d" else self._name(plain, at, after)
        if word == "bb" or word == "RR":
            power = re.compile(r"\s*\^\s*\(([^()]*)\)").match(self.source, end)
            if power:
                items = listed_items(self.source, *power.span(1), r"times|×|,", self.limits)
                self.stream.add("LISTED", items, at, power.end())
                return power.end()
        if word == "top" and self.stream.last == "CARET":
            return end
        return super()._word(word, at, end)

    def _frac(self, at: int, end: int) -> int:
        """Take frac(a, b) as a fraction of two braces."""
        (start, stop), after = self._parenthesised_span(end)
        depth, comma = 0, -1
        for place in range(start, stop):
            char = self.source[place]
            depth += (char in "([{") - (char in ")]}")
            if char == "," and depth == 0:
                comma = place
                break
        if comma < 0:
            raise Refused("unexpected", self.source[at:after], (at, after))
        self.stream.add("FRAC", "frac", at, end)
        for kind, (first, last) in (("first", (start, comma)), ("second", (comma + 1, stop))):
            self.stream.open(kind, "OPEN", "", first, first)
            here = first
            while here < last:
                here = self._next(here)
            self.stream.close("CLOSE", "", last, last)
        return after

    def _parenthesised_span(self, at: int) -> tuple[Span, int]:
        depth = 0
        for place in range(at, len(self.source)):
            char = self.source[place]
            depth += (char in "([{") - (char in ")]}")
            if depth > self.limits.depth:
                raise Refused("too_deep", char, (place, place + 1))
            if depth == 0:
                return (at + 1, place), place + 1
        raise Refused("ends", "(", (at, at + 1))

    def _parenthesised(self, at: int) -> tuple[str, int]:
        (start, end), after = self._parenthesised_span(at)
        return self.source[start:end], after

    def _typst_plain(self, inner: str) -> str:
        """Return the letters of a name without styles."""
        inner = inner.strip()
        for _ in range(4):
            match = re.fullmatch(r"([a-z]+)\((.*)\)", inner)
            if match is None:
                break
            if match[1] in ACCENTS:
                return accented(self._typst_plain(match[2]), ACCENTS[match[1]])
            inner = match[2].strip()
        inner = inner.strip('" ')
        return GREEK.get(inner, inner)

    def _argument(self, at: int) -> tuple[Span, int]:
        while self.source[at : at + 1] == " ":
            at += 1
        if self.source.startswith("(", at):
            span, end = self._parenthesised_span(at)
            inner = self.source[span[0] : span[1]]
            wrapped = re.fullmatch(r"\s*[(\[].*[)\]]\s*", inner)
            # ^(2) numbers a layer; ^((2)) is how Typst writes brackets that stay.
            return (span if not wrapped else span), end
        if self.source.startswith('"', at):
            stop = self.source.find('"', at + 1)
            if stop > 0:
                return (at + 1, stop), stop + 1
        if self.source.startswith("top", at) and not self.source[at + 3 : at + 4].isalpha():
            return (at, at + 3), at + 3
        return super()._argument(at)

    def _script_text(self, start: int, end: int) -> str:
        text = self.source[start:end]
        if text == "top":
            return "⊤"
        text = re.sub(r"\b(top|prime)\b", lambda m: {"top": "⊤", "prime": "′"}[m[1]], text)
        return re.sub(r"[\s{}\"]", "", text).replace("−", "-")
