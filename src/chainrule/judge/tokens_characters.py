"""Characters → tokens: what one character means, whatever the markup."""

from __future__ import annotations

import re
from collections.abc import Callable

from chainrule.judge.tokens import LEADS, ONES, SUBSCRIPTS, SUPERSCRIPTS, Refused, number, same
from chainrule.judge.tokens_base import function, is_east_asian
from chainrule.judge.tokens_signs import SignTokens

_FRACTIONS = {"½": "1/2", "⅓": "1/3", "¼": "1/4", "⅔": "2/3", "¾": "3/4", "⅙": "1/6", "⅛": "1/8"}
_MARKS = frozenset("·⊙⊗@/")
_RELATIONS = frozenset(("=", ":=", "≡", "≈", "∝", "→", "←", "∈", "<", ">", "≤", "≥", "≠", "~"))
_OPERATORS = re.compile(r":=|==|<=|>=|!=|=>|->|\*\*|\.\.\.")
_LONG = {":=": ":=", "==": "=", "<=": "≤", ">=": "≥", "!=": "≠", "->": "→"}


class CharacterTokens(SignTokens):
    """Takes single characters."""

    def character(self, char: str, at: int, end: int) -> int:
        """Take one character, or an operator of several."""
        stream = self.stream
        plain = same(char)
        take = _TAKEN.get(plain)
        if take is not None:
            return take(self, plain, at, end)
        if plain in _MARKS:
            stream.add("MARK", plain, at, end)
        elif plain in _RELATIONS:
            stream.relation(plain, at, end)
        elif plain in _FRACTIONS:
            stream.add("NUMBER", number(_FRACTIONS[plain], at, end, self.limits), at, end)
        elif char in SUPERSCRIPTS:
            return self._small_above(at)
        elif char in SUBSCRIPTS and stream.last == "RIGHT":
            while self.source[end : end + 1] in SUBSCRIPTS and end < len(self.source):
                end += 1
            stream.add("ENTRY", ("".join(SUBSCRIPTS[c] for c in self.source[at:end]), (at, end)), at, end)
        elif plain == ONES:
            return self.indicator(at, end)
        elif plain.isspace():
            return end
        elif is_east_asian(char):
            return self._prose(at)
        elif plain.isalpha() and char not in SUBSCRIPTS:
            return self.word(char, at, end)
        else:
            raise Refused("character", char, (at, end))
        return end

    def is_silent(self, at: int) -> bool:
        """Return whether nothing more is said from a place on: a full stop may stand there."""
        return not self.source[at:].strip(" \t\r\n.,;")

    def cell(self, at: int, end: int) -> int:
        """Take &, which only sets rows in line."""
        return end

    def _prose(self, at: int) -> int:
        """Take a run of Korean, Chinese or Japanese between formulas."""
        end = at
        while end < len(self.source) and (is_east_asian(self.source[end]) or self.source[end] in " ,.:"):
            end += 1
        self.stream.separate(LEADS.get(self.source[at:end].strip(" ,.:"), "where"), at, end)
        return end

    def _left(self, char: str, at: int, end: int) -> int:
        self.stream.open("bracket", "LEFT", char, at, end)
        return end

    def brace(self, char: str, at: int, end: int) -> int:
        """Take a brace that opens: half of a fraction, or one that only holds things together; {} holds nothing."""
        if self.source.startswith("}", self.blanks(end)) and self.stream.last not in ("FRAC", "SQRT", "CARET"):
            return self.blanks(end) + 1
        stream = self.stream
        kind = "first" if stream.last == "FRAC" else "second" if stream.after_fraction else "plain"
        stream.open(kind, "OPEN", char, at, end)
        return end

    def brace_ends(self, char: str, at: int, end: int) -> int:
        """Take a brace that closes."""
        if self.stream.kind in ("bracket", "bar"):
            raise Refused("unclosed", self.stream.stack[-1].value, self.stream.stack[-1][2:])
        self.stream.close("CLOSE", char, at, end)
        return end

    def _plus(self, char: str, at: int, end: int) -> int:
        self.stream.add("PLUS", char, at, end)
        return end

    def _minus(self, char: str, at: int, end: int) -> int:
        if self.source.startswith("->", at):
            return self._operator(char, at, end)
        self.stream.add("MINUS", char, at, end)
        return end

    def _operator(self, char: str, at: int, end: int) -> int:
        """Take a sign that may be one of several characters: :=, <=, **, … ."""
        match = _OPERATORS.match(self.source, at)
        sign = char if match is None else match[0]
        if match is not None:
            end = match.end()
        if sign == "=>":
            self.stream.separate("", at, end)
        elif sign == "**":
            self.stream.add("CARET", "^", at, end)
        elif sign == "...":
            raise Refused("ellipsis", sign, (at, end))
        elif sign == "·":
            self.stream.add("MARK", "*" if self.source[at] == "*" else sign, at, end)
        elif sign in _LONG or sign in _RELATIONS:
            self.stream.relation(_LONG.get(sign, sign), at, end)
        elif sign in (":", ".") and self._ends_sentence(at, end):
            self.stream.separate("", at, end)  # If i ≠ j: … or Let δ = y − t. Then …
        elif sign == "." and (self.stream.kind == "cases" or self.is_silent(end)):
            return end
        else:
            raise Refused("unexpected" if sign == "." else "character", sign, (at, end))
        return end

    def _ends_sentence(self, at: int, end: int) -> bool:
        """Return whether a stop stands behind something and before a blank, in no bracket."""
        behind = bool(self.source[at - 1 : at].strip()) and not self.stream.stack
        return behind and not self.source[end : end + 1].strip(" \t\n\r\\") and not self.is_silent(end)

    def _ellipsis(self, char: str, at: int, end: int) -> int:
        raise Refused("ellipsis", char, (at, end))

    def _prime(self, char: str, at: int, end: int) -> int:
        self.stream.add("TRANSPOSE", char, at, end)
        return end

    def _comma(self, char: str, at: int, end: int) -> int:
        stream = self.stream
        if not stream.stack:
            stream.separate("", at, end)
        elif stream.kind != "cases":  # a comma before the condition of a case says nothing
            stream.add("COMMA", char, at, end)
        return end

    def _semicolon(self, char: str, at: int, end: int) -> int:
        stream = self.stream
        if stream.stack and stream.stack[-1].value == "(":  # J(W, b; x, y)
            return self._comma(",", at, end)
        stream.separate("", at, end)
        return end

    def _root_sign(self, char: str, at: int, end: int) -> int:
        self.stream.add("FUNCTION", function("sqrt", at, end), at, end)
        return end

    def _partial(self, char: str, at: int, end: int) -> int:
        return self.partial(at, end)

    def _nabla(self, char: str, at: int, end: int) -> int:
        return self.gradient(at, end)

    def _sigma_sign(self, char: str, at: int, end: int) -> int:
        return self.sum(at, end)

    def _bar(self, char: str, at: int, end: int) -> int:
        if self.source.startswith("||", at):
            char, end = "‖", at + 2
        return self.bar(char, at, end)


_TAKEN: dict[str, Callable[[CharacterTokens, str, int, int], int]] = {
    "(": CharacterTokens._left,
    "[": CharacterTokens._left,
    ")": CharacterTokens._right,
    "]": CharacterTokens._right,
    "{": lambda self, char, at, end: self.brace(char, at, end),
    "}": lambda self, char, at, end: self.brace_ends(char, at, end),
    "&": lambda self, char, at, end: self.cell(at, end),
    "+": CharacterTokens._plus,
    "-": CharacterTokens._minus,
    "^": CharacterTokens._power,
    "_": CharacterTokens._entry,
    "'": CharacterTokens._prime,
    "′": CharacterTokens._prime,
    "ᵀ": CharacterTokens._prime,
    ",": CharacterTokens._comma,
    ";": CharacterTokens._semicolon,
    "⇒": CharacterTokens._semicolon,
    "∴": CharacterTokens._semicolon,
    "∵": CharacterTokens._semicolon,
    "∂": CharacterTokens._partial,
    "√": CharacterTokens._root_sign,
    "∇": CharacterTokens._nabla,
    "Σ": CharacterTokens._sigma_sign,
    "|": CharacterTokens._bar,
    "‖": CharacterTokens._bar,
    "…": CharacterTokens._ellipsis,
    "⋯": CharacterTokens._ellipsis,
    **dict.fromkeys((":", "<", ">", "!", "=", "·", "."), CharacterTokens._operator),
}
