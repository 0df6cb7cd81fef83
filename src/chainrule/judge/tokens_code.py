"""Formulas as code writes them → tokens: np.dot(A.T, dZ), dZ.sum(axis=0), np.maximum(0, z)."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Name, Span
from chainrule.judge.tokens import Refused
from chainrule.judge.tokens_base import NOWHERE
from chainrule.judge.tokens_latex import LatexTokens

MODULES = frozenset(("np", "numpy", "torch", "jnp", "tf", "math", "xp", "cp", "F"))
"""What stands before a function of a library of arrays, and says no more."""

_BETWEEN = {"dot": "@", "matmul": "@", "mm": "@", "multiply": "⊙", "mul": "⊙", "outer": "⊗"}
_OTHER_NAMES = {"maximum": "max", "minimum": "min"}
_REDUCED = frozenset(("sum", "mean"))
_MODULE = re.compile(r"\.(?=[A-Za-z_])")
_METHOD = re.compile(r"\.(dot|matmul|mm|mul|multiply|sum|mean)\s*(?=\()")
_AXIS = re.compile(r"(?:axis|dim)\s*=\s*([01])|(?:keepdims?|dtype)\s*=\s*[\w.]+|([01])")


class CodeTokens(LatexTokens):
    """Takes what only code has."""

    def module(self, word: str, end: int) -> int | None:
        """Return where a library's prefix that is `word` ends, or None where it is no prefix."""
        match = _MODULE.match(self.source, end) if word in MODULES else None
        return None if match is None else match.end()

    def method(self, at: int) -> int | None:
        """Take a method behind what it is of: .dot(B), .sum(axis=0); None where none stands there."""
        match = _METHOD.match(self.source, at)
        if match is None or not self.stream.ends_factor():
            return None
        if match[1] in _BETWEEN:
            self.stream.add("MARK", _BETWEEN[match[1]], at, match.end())
            return match.end()
        span, after = self.parenthesised(match.end())
        axis = self._axis(self.parts(*span) if self.source[slice(*span)].strip() else [], at, after)
        name = Name(match[1], axis, "", "", 0, NOWHERE, NOWHERE, (at, after))
        self.stream.add("REDUCED", name, at, after)
        return after

    def called(self, word: str, at: int, end: int) -> int | None:
        """Take a function of a library of arrays; None where the word is none."""
        if not self.source.startswith("(", end):
            return None
        if word in _OTHER_NAMES:
            return self.name(_OTHER_NAMES[word], at, end)
        if word not in _BETWEEN and word not in _REDUCED:
            return None
        span, after = self.parenthesised(end)
        parts = self.parts(*span)
        if word in _REDUCED:
            axis = self._axis(parts[1:], at, after)
            self.stream.add("FUNCTION", Name(word, axis, "", "", 0, NOWHERE, NOWHERE, (at, end)), at, end)
            self._held("bracket", ("LEFT", "("), ("RIGHT", ")"), parts[0], after)
            return after
        if len(parts) != 2:
            raise Refused("unexpected", self.source[at:after][:40], (at, after))
        self.stream.open("plain", "OPEN", "", at, end)
        self._held("plain", ("OPEN", ""), ("CLOSE", ""), parts[0], parts[0][1])
        self.stream.add("MARK", _BETWEEN[word], parts[0][1], parts[0][1])
        self._held("plain", ("OPEN", ""), ("CLOSE", ""), parts[1], parts[1][1])
        self.stream.close("CLOSE", "", after, after)
        return after

    def _held(self, kind: str, left: tuple[str, str], right: tuple[str, str], span: Span, after: int) -> None:
        self.stream.open(kind, *left, span[0], span[0])
        self.through(*span)
        self.stream.close(*right, span[1], after)

    def _axis(self, parts: list[Span], at: int, after: int) -> str:
        """Return along which axis a sum goes: 0, 1, or '' for both."""
        found = ""
        for part in parts:
            match = _AXIS.fullmatch(self.source[slice(*part)].strip())
            if match is None:
                raise Refused("unexpected", self.source[at:after][:40], (at, after))
            found = match[1] or match[2] or found
        return found

    def parts(self, start: int, end: int) -> list[Span]:
        """Return the places of a function's arguments, between its commas."""
        found, depth, begin, quoted = [], 0, start, False
        for place in range(start, end):
            char = self.source[place]
            quoted ^= char == '"'
            if not quoted:
                depth += (char in _SIDES) - (char in _ENDS)
                if char == "," and depth == 0:
                    found.append(self.tight((begin, place)))
                    begin = place + 1
        found.append(self.tight((begin, end)))
        return found

    def parenthesised(self, at: int) -> tuple[Span, int]:
        """Return the place of a bracket's content, and where the bracket ends."""
        depth, quoted = 0, False
        for place in range(at, len(self.source)):
            char = self.source[place]
            quoted ^= char == '"'
            if quoted:
                continue
            depth += (char in _SIDES) - (char in _ENDS)
            if depth > self.limits.depth:
                raise Refused("too_deep", char, (place, place + 1))
            if depth == 0:
                return (at + 1, place), place + 1
        raise Refused("unclosed", "(", (at, at + 1))


_SIDES = frozenset("([{")
_ENDS = frozenset(")]}")
