"""Signs → tokens: ∂, ∇ and Σ with what belongs to them, bars, and powers of what is no name."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Condition, Literal, Name, Negated, Node, Span, Total
from chainrule.judge.tokens import INDEX, PRIMES, SUBSCRIPTS, SUPERSCRIPTS, Adjoint, Refused, number
from chainrule.judge.tokens_base import NOWHERE, function
from chainrule.judge.tokens_names import COMPARED, NameTokens

_SUM_BELOW = re.compile(r"\s*([A-Za-z](?:\s*,\s*[A-Za-z])*)\s*(?:=\s*(.*?)\s*|(?:\\in|∈|in)(?![A-Za-z]).*)?", re.DOTALL)
_SUM_OTHER = re.compile(r"([A-Za-z])\s*(?:\\neq?(?![A-Za-z])|≠|!=)\s*([A-Za-z])")
"""j ≠ k: all but one."""
_LONGEST_BOUND = 200
_BOUND = re.compile(
    r"([A-Za-z](?:_[A-Za-z0-9]+|_\{[A-Za-z0-9]+(?:[+\-−][0-9]{1,3})?\})?)(?:\s*([+\-−])\s*([0-9]{1,6}))?|([0-9]+)"
)


class SignTokens(NameTokens):
    """Takes signs that reach for what stands beside them."""

    def partial(self, at: int, end: int) -> int:
        """Take ∂: of a name, of a bracket, alone, or ∂_w."""
        here = self.blanks(end)
        char = self.source[here : here + 1]
        if char == "_":
            return self.gradient(at, end)
        if char == "^" or char in SUPERSCRIPTS:
            raise Refused("second_derivative", self.source[at : here + 2], (at, min(here + 2, len(self.source))))
        if char in ("", "}", "/", ")", ",") or (char == "\\" and self.source.startswith("\\right", here)):
            self.stream.add("HALF", None, at, end)
        else:
            self.stream.add("DIFF", "∂", at, end)
        return end

    def gradient(self, at: int, end: int) -> int:
        """Take ∇_w or ∂_w, which stand before what they differentiate."""
        here = self.blanks(end)
        if self.source[here : here + 1] == "^":
            raise Refused("second_derivative", self.source[at : here + 2], (at, min(here + 2, len(self.source))))
        if self.source[here : here + 1] != "_":
            raise Refused("gradient_of", self.source[at:end], (at, end))
        span, after = self.argument(here + 1)
        inner = type(self)(self.source[: span[1]], self.limits)
        inner.through(*span)
        tokens = inner.stream.tokens
        if len(tokens) != 1 or tokens[0].type not in ("NAME", "ADJOINT") or len(inner.stream.pieces) > 1:
            raise Refused("gradient_of", self.source[at:after], (at, after))
        value = tokens[0].value
        self.stream.add("OPERATOR", value.name if isinstance(value, Adjoint) else value, at, after)
        return after

    def sum(self, at: int, end: int) -> int:
        """Take Σ with what stands below and above it; Σ over several letters is one for each."""
        letters, lower, upper, unequal = [""], None, None, None
        while True:
            here = self.blanks(end)
            char = self.source[here : here + 1]
            if self.source.startswith("\\limits", here):
                end = here + 7
            elif char == "_":
                span, end = self.argument(here + 1)
                if (match := _SUM_OTHER.fullmatch(self.source, *self.tight(span))) is not None:
                    letters, lower = [match[1]], None
                    one, other = (
                        Name(match[group], "", "", "", 0, NOWHERE, NOWHERE, match.span(group)) for group in (1, 2)
                    )
                    unequal = Condition(one, "≠", other, span)
                else:
                    letters, lower = self._sum_below(span)
            elif char == "^":
                span, end = self.argument(here + 1)
                upper = self._bound(span)
            elif char in SUBSCRIPTS and char:
                end = self._run_of(SUBSCRIPTS, here)
                text = "".join(SUBSCRIPTS[c] for c in self.source[here:end])
                letter, equals, first = text.partition("=")
                if len(letter) != 1 or not letter.isalpha() or (equals and not first.isdecimal()):
                    raise Refused("unexpected", self.source[here:end], (here, end))
                letters = [letter]
                lower = number(first, end - len(first), end, self.limits) if equals else None
            elif char in SUPERSCRIPTS and char and upper is None:
                end = self._run_of(SUPERSCRIPTS, here)
                text = "".join(SUPERSCRIPTS[c] for c in self.source[here:end])
                upper = self._bound_of(text, here)
            else:
                break
        if len(letters) > 1 and (lower is not None or upper is not None):
            raise Refused("unexpected", self.source[at:end], (at, end))
        for letter in letters:
            self.stream.add("SUM", (letter, lower, upper, unequal), at, end)
        return end

    def _sum_below(self, span: Span) -> tuple[list[str], Node | None]:
        text = self.source[slice(*self.tight(span))]
        match = _SUM_BELOW.fullmatch(text) if len(text) <= _LONGEST_BOUND else None
        if match is None:
            raise Refused("unexpected", text, span)
        letters = [letter.strip() for letter in match[1].split(",")]
        if match[2] is None:
            return letters, None
        start = self.tight(span)[0]
        return letters, self._bound((start + match.start(2), start + match.end(2)))

    def _bound(self, span: Span) -> Node:
        start, end = self.tight(span)
        if self.source.startswith("{", start) and self.source.endswith("}", start, end):
            start, end = self.tight((start + 1, end - 1))
        return self._bound_of(self.source[start:end], start)

    def _bound_of(self, text: str, at: int) -> Node:
        """Return where a sum begins or ends: 3, n, n_1, n - 1."""
        match = _BOUND.fullmatch(text)
        if match is None:
            raise Refused("unexpected", text, (at, at + len(text)))
        if match[4]:
            return number(match[4], at, at + len(text), self.limits)
        name, sign, step = match[1], match[2], match[3]
        below = name[1:].strip("_{}")
        place = (at + name.index(below, 1), at + name.index(below, 1) + len(below)) if below else NOWHERE
        found = Name(name[0], below, "", "", 0, place, NOWHERE, (at, at + len(name)))
        if not sign:
            return found
        literal: Literal = number(step, at + match.start(3), at + match.end(3), self.limits)
        other: Node = literal if sign == "+" else Negated(literal, (at + match.start(2), at + match.end(3)))
        return Total((found, other), (at, at + len(text)))

    def bar(self, char: str, at: int, end: int, side: str = "") -> int:
        """Take a bar: one of an absolute value |x|, or of a norm ‖x‖.

        Args:
            char: `|` or `‖`.
            at: where it stands.
            end: where it ends.
            side: `left` or `right` where the source says so.

        Raises:
            Refused: it says where a derivative is taken.
        """
        stream = self.stream
        value = "|" if char == "|" else "‖"
        opened = stream.kind == "bar" and stream.stack[-1].value == value
        if opened and side != "left" and stream.ends_factor():
            return self._right(value, at, end)
        if side == "right" or (not side and stream.ends_factor() and self.source[end : end + 1] == "_"):
            raise Refused("evaluated", self.source[at:end], (at, end))
        stream.add("FUNCTION", function("abs" if char == "|" else "norm", at, end), at, end)
        stream.open("bar", "LEFT", value, at, end)
        return end

    def _right(self, char: str, at: int, end: int) -> int:
        self.stream.close("RIGHT", char, at, end)
        return end

    def _entry(self, char: str, at: int, end: int) -> int:
        """Take _ after a bracket: the entry of what stands in front of it."""
        stream = self.stream
        span, after = self.argument(end)
        text = self.script_text(*span)
        if stream.last == "NUMBER" and stream.tokens[-1].value.value == 1 and COMPARED.search(self.source, *span):
            stream.tokens.pop()
            return self._condition(at, span, after)
        if stream.last != "RIGHT" or INDEX.fullmatch(text) is None:
            raise Refused("unexpected", self.source[at:after], (at, after))
        stream.add("ENTRY", (text, self.tight(span)), at, after)
        return after

    def _power(self, char: str, at: int, end: int) -> int:
        """Take ^ after a bracket, or one whose content is no plain script."""
        span, after = self.argument(end)
        text = self.script_text(*span)
        if text in ("T", "⊤") or (text and all(char in PRIMES for char in text)):
            self.stream.add("TRANSPOSE", text, at, after)
            return after
        self.stream.add("CARET", "^", at, end)
        if self.source[span[0] : span[1]].isdecimal() and span[0] == self.blanks(end):
            self.stream.add("NUMBER", number(self.source[slice(*span)], *span, self.limits), *span)
            return after
        return end

    def _small_above(self, at: int) -> int:
        """Take ² or ᵀ after what is no name."""
        end = self._run_of(SUPERSCRIPTS, at)
        text = "".join(SUPERSCRIPTS[char] for char in self.source[at:end])
        stream = self.stream
        if text == "T":
            stream.add("TRANSPOSE", "T", at, end)
            return end
        digits = text.lstrip("-")
        plain = digits.isdecimal() or (len(digits) == 1 and digits.isalpha() and digits != "T")
        if not stream.ends_factor() or len(text) - len(digits) > 1 or not plain:
            raise Refused("unexpected", self.source[at:end], (at, end))
        stream.add("CARET", "^", at, at)
        if digits != text:
            stream.add("MINUS", "-", at, at + 1)
        start = end - len(digits)
        if digits.isdecimal():
            stream.add("NUMBER", number(digits, start, end, self.limits), start, end)
        else:
            stream.add("NAME", Name(digits, "", "", "", 0, NOWHERE, NOWHERE, (start, end)), start, end)
        return end
