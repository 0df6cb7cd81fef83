"""Plain Unicode text → tokens: a run of letters is one name, digits behind it its index, and scripts need no braces."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Span
from chainrule.judge.tokens import (
    ACCENTS,
    LEADS,
    SUPERSCRIPTS,
    Refused,
    accented,
    listed_items,
    same,
)
from chainrule.judge.tokens_base import NUMBER, function
from chainrule.judge.tokens_code import CodeTokens
from chainrule.judge.tokens_names import Scripts

_INDEX_LETTERS = "ijklmnpqrs"
_BELOW = re.compile(
    rf"[0-9]+(?:,[0-9]+(?![.0-9]))*(?:,?[{_INDEX_LETTERS}](?![A-Za-z]))?"  # 11, 10,3, 1i
    rf"|[{_INDEX_LETTERS}](?:,[0-9{_INDEX_LETTERS}](?![A-Za-z0-9_^.]))"  # i,j
    r"|[A-Za-zα-ωℓ]+[0-9]*"  # ij, k1, out
)
_LETTER_BEHIND = re.compile(rf"[0-9{_INDEX_LETTERS}]+[A-Za-z]")
_BRACKETED = r"[\[(][A-Za-z0-9+\-−,]{1,12}[\])](?:[\[(][A-Za-z0-9]+[\])])?(?:T(?![A-Za-z]))?"
_ABOVE = re.compile(
    rf"[0-9]+(?:,[0-9]+(?![.0-9]))*(?:T(?![A-Za-z]))?|[A-Za-zα-ωℓ](?:[0-9](?![0-9.]))?|{_BRACKETED}|⊤|ᵀ"
)
_ROUND_BELOW = re.compile(_BRACKETED)
_RUN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ\U0001d400-\U0001d6a3]+|.")
_D_OF_GREEK = re.compile(r"d[α-ωΑ-Ω](?![A-Za-z])")
_SHAPE_OF = re.compile(r"\s+of\b")
_LOG_COSH = re.compile(r"[ \t-]+cosh\b")
_DOTTED = re.compile(r"\.(?:T|mT|shape|t\(\))(?![A-Za-z])")
_ACCENT_WORD = re.compile(r"_(hat|bar|tilde)(?![A-Za-z])")
_CARET_HAT = re.compile(r"\^(?=\s*(?:$|[)\]=,;/·*×+⊙_@|])|\s+[-−–])")
_WEIGHTED = re.compile(r"[wW](?=[xXaAhH]$)|[XAHxa](?=[wW]$)")
_REALS = re.compile(r"(?:ℝ|R)\s*\^?\s*[({]([^(){}]{1,100})[)}]|(?:ℝ|R)\^?([0-9]+(?:[×x][0-9]+)*)|ℝ([⁰¹²³⁴⁵⁶⁷⁸⁹ˣ×]+)")


class TextTokens(CodeTokens):
    """One formula in plain text, being cut into tokens."""

    TOKEN = re.compile(
        rf"(?P<blank>\s+)|(?P<word>[A-Za-z]+)|(?P<number>{NUMBER})|(?P<command>\\(?:[A-Za-z]+\*?|.))|(?P<char>.)",
        re.DOTALL,
    )

    def next(self, at: int) -> int:
        """Take what stands at a place; .T and .shape stand behind what they are of."""
        char = self.source[at]
        if char == "." and (match := _DOTTED.match(self.source, at)):
            if match[0] == ".shape":
                return self.shape(at, match.end())
            self.stream.add("TRANSPOSE", "T", at, match.end())
            return match.end()
        if char == "." and (behind := self.method(at)) is not None:
            return behind
        if (char == "ℝ" or (char == "R" and self.stream.pieces[-1].relation == "∈")) and (
            match := _REALS.match(self.source, at)
        ):
            return self._reals(match)
        return super().next(at)

    def _reals(self, match: re.Match[str]) -> int:
        group = match.lastindex
        assert group is not None
        start, end = match.span(group)
        if group == 3:  # ℝ²ˣ¹: the same characters, not raised
            source = "".join("x" if char in "ˣ×" else SUPERSCRIPTS[char] for char in match[3])
            items = listed_items(" " * start + source, start, end, "x", self.limits)
        else:
            items = listed_items(self.source, start, end, r"×|x|,|\*|·", self.limits)
        self.stream.add("LISTED", items, *match.span())
        return match.end()

    def word(self, word: str, at: int, end: int) -> int:
        """Take a run of letters: prose between formulas, a word that the judge knows, or one name."""
        match = _D_OF_GREEK.match(self.source, at) or _RUN.match(self.source, at)
        assert match is not None
        word, end = match[0], match.end()
        if not word.isascii():
            word = "".join(map(same, word))
        lower = word.lower()
        for lead in ("s.t.", "i.e."):
            if word == lead[0] and self.source.startswith(lead, at):
                return self.lead(lead, at, at + 4)
        if lower in LEADS and not self.stream.stack and self.stands_alone(end):
            return self.lead(LEADS[lower], at, end)
        follows = self.source[end : end + 1]
        if lower == "shape":
            of = _SHAPE_OF.match(self.source, end)
            if of is None:
                return self.shape(at, end)
            self.stream.add("SHAPEOF", "shape of", at, of.end())
            return of.end()
        if (module := self.module(word, end)) is not None:
            return self._of_module(at, module)
        if word == "sum" and follows in ("_", "("):
            return self.sum(at, end)
        if word == "grad" and follows == "_":
            return self.gradient(at, end)
        if word == "sqrt":
            self.stream.add("FUNCTION", function(word, at, end), at, end)
            return end
        if word in ("dots", "ldots", "cdots"):
            raise Refused("ellipsis", word, (at, end))
        if word == "log" and (wide := _LOG_COSH.match(self.source, end)):
            return self.name("logcosh", at, wide.end())
        if word == "hard" and follows == "σ":
            return self.name("hardσ", at, end + 1)
        if pair := _WEIGHTED.match(word):
            self.name(word[0], at, at + 1)
            return self.name(word[1], at + pair.end(), end)
        return self._accented(word, at, end)

    def _of_module(self, at: int, end: int) -> int:
        """Take a function of a library: its prefix says nothing."""
        match = _RUN.match(self.source, end)
        assert match is not None
        taken = self.called(match[0], end, match.end())
        return end if taken is None else taken

    def _accented(self, word: str, at: int, end: int) -> int:
        """Take a name whose hat is a word or a caret: y_hat, y^."""
        follows = self.source[end : end + 1]
        if follows == "_" and (match := _ACCENT_WORD.match(self.source, end)):
            return self.name(accented(word, ACCENTS[match[1]]), at, match.end())
        if follows == "^" and word in ("y", "Y", "dy", "dY") and _CARET_HAT.match(self.source, end):
            return self.name(accented(word, ACCENTS["hat"]), at, end + 1)
        digits = self._digits(end)
        if digits > end and self.source[digits : digits + 1] == "_":
            return self.name(word + self.source[end:digits], at, digits)
        return self.name(word, at, end)

    def _digits(self, at: int) -> int:
        while self.source[at : at + 1] in tuple("0123456789"):
            at += 1
        return at

    def scripts(self, at: int, base: str = "") -> Scripts:
        """Return what stands below and above a name; digits right behind its letters are its index: w11."""
        digits = self._digits(at)
        found = super().scripts(digits, base)
        if digits == at:
            return found
        if found.sub:
            raise Refused("unexpected", self.source[slice(*found.sub_span)], found.sub_span)
        return found._replace(sub=self.source[at:digits], sub_span=(at, digits))

    def argument(self, at: int) -> tuple[Span, int]:
        """Return the place of what stands above: braces, a number, a letter, or a bracket that numbers a layer."""
        return self._run(at, _ABOVE)

    def below(self, at: int) -> tuple[Span, int]:
        """Return the place of what stands below: braces, or letters and digits side by side."""
        here = self.blanks(at)
        match = _BELOW.match(self.source, here)
        if match is None:
            return self._run(at, _ROUND_BELOW)
        end = match.end()
        if "," in match[0] and self._among_arguments():
            end = here + match[0].index(",")
        elif self.source.startswith("_", end) and _LETTER_BEHIND.fullmatch(match[0]):
            end -= 1  # w_1x_1 and δ_ia_j: the letter before another _ begins another name
        return (here, end), end

    def _among_arguments(self) -> bool:
        """Return whether a comma here parts the arguments of a function: max(z_1,0)."""
        stack = self.stream.stack
        if not stack:
            return False
        tokens = self.stream.tokens
        place = next((place for place in range(len(tokens) - 1, -1, -1) if tokens[place].start == stack[-1].start), 0)
        return place > 0 and tokens[place - 1].type == "FUNCTION" and tokens[place - 1].value.base in ("max", "min")

    def _run(self, at: int, run: re.Pattern[str]) -> tuple[Span, int]:
        here = at
        while self.source[here : here + 1] == " ":
            here += 1
        if self.source[here : here + 1] in ("{", "\\"):
            return super().argument(here)
        match = run.match(self.source, here)
        if match is None:
            return super().argument(at)
        end = match.end()
        if match[0][0].isdecimal() and "," in match[0] and self._among_arguments():
            end = here + match[0].index(",")
        return (here, end), end
