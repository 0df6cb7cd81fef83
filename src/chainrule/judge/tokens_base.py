"""A source → tokens: the frame that every markup fills.

It walks a formula from one token to the next, and goes on with the next side where one cannot be read.
"""

from __future__ import annotations

import re
from typing import ClassVar

from chainrule.judge.syntax import Name, Span
from chainrule.judge.tokens import Limits, Refused, number
from chainrule.judge.tokens_stream import Open, Stream

NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
NOWHERE = (0, 0)
IF = frozenset(("if", "for", "when", "where", "falls", "wenn", "für", "si", "pour", "para", "일 때", "이면", "인 경우"))
OTHERWISE = frozenset(("otherwise", "else", "sonst", "andernfalls", "sinon", "autrement", "en otro caso", "si no",
                       "그 외", "그렇지 않으면", "아니면", "나머지"))  # fmt: skip
"""What people write beside the values of cases."""

_RESUME = re.compile(r"\\[^A-Za-z]|\\(?:left|right)?[<>.]|\\qquad|<=|>=|!=|==|:=|[=≈≡,;(){}\[\]]")
_EQUALS = re.compile(r"(?<![<>!:=])=(?!=)")
_UNCLOSED, _FAULTS = 8, 64
"""How many brackets without an end, and faults in all, a formula may have; its rest is then not read."""


class Tokeniser:
    """One formula, being cut into tokens.

    Args:
        source: the formula.
        limits: how much is read.
    """

    TOKEN: ClassVar[re.Pattern[str]]
    """What can stand at a place, as groups: plain (a whole name, where a markup has that), blank, word, number,
    command, char."""
    BRACKET: ClassVar[re.Pattern[str]]
    """A bracket that opens, with all that may stand before it."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.stream = Stream(limits)

    def read(self) -> Stream:
        """Return the tokens of the whole formula."""
        at, unclosed, faults, end = 0, 0, 0, len(self.source)
        source = self.source
        while True:
            try:
                while at < end:
                    at = at + 1 if source[at] == " " else self.next(at)
                if not self.stream.stack:
                    return self.stream
                if unclosed == _UNCLOSED:
                    first = self.stream.stack[0]
                    raise Refused("unclosed", first.value, (first.start, first.end))
            except Refused as refused:
                faults += 1
                at = self._next_side(refused, at) if faults < _FAULTS else end
                self.stream.refuse(refused, at)
                continue
            unclosed += 1
            at = self._cut_at(self.stream.stack[0])

    def _cut_at(self, bracket: Open) -> int:
        """Refuse the side of a bracket that nothing closes, and return where the next side begins."""
        at = self._equals(bracket.end)
        tokens = self.stream.tokens
        while tokens and tokens[-1].start > bracket.start:
            tokens.pop()
        self.stream.refuse(Refused("unclosed", bracket.value, (bracket.start, bracket.end)), at)
        return at

    def _next_side(self, refused: Refused, at: int) -> int:
        """Return where the next side begins after one that is refused."""
        at = max(refused.span[1], at + 1)
        return self._equals(at) if refused.reason == "unclosed" else self._resume(at, len(self.stream.stack))

    def _equals(self, at: int) -> int:
        """Return where the next sign of equality stands, whatever brackets are open."""
        match = _EQUALS.search(self.source, at)
        return len(self.source) if match is None else match.start()

    def _resume(self, at: int, depth: int) -> int:
        """Return where the next side begins after one that cannot be read: at a relation outside all its brackets."""
        inside = -1
        for match in _RESUME.finditer(self.source, at):
            sign = match[0]
            if sign in ("(", "[", "{", "\\{", "\\[", "\\("):
                depth += 1
            elif sign in (")", "]", "}", "\\}", "\\]", "\\)"):
                depth -= 1
            elif (sign[0] == "\\" and sign != "\\qquad") or sign in ("<=", ">=", "!="):
                continue
            elif depth <= 0:
                return match.start()
            elif inside < 0 and sign == "=":
                inside = match.start()
        return inside if depth > 0 and inside >= 0 else len(self.source)

    def next(self, at: int) -> int:
        """Take what stands at a place, and return where it ends."""
        match = self.TOKEN.match(self.source, at)
        assert match is not None
        kind, end = match.lastgroup, match.end()
        if kind == "plain":
            return self.plain(match[0], at, end)
        if kind == "blank":
            return end
        if kind == "word":
            return self.word(match[0], at, end)
        if kind == "number":
            self.stream.add("NUMBER", number(match[0], at, end, self.limits), at, end)
            return end
        if kind == "command":
            return self.command(match[0], at, end)
        return self.character(match[0], at, end)

    def through(self, start: int, end: int) -> None:
        """Take all that stands between two places."""
        at = start
        while at < end:
            at = self.next(at)

    def tight(self, span: Span) -> Span:
        """Return a place without the blanks around it."""
        start, end = span
        while start < end and self.source[start].isspace():
            start += 1
        while end > start and self.source[end - 1].isspace():
            end -= 1
        return start, end

    def blanks(self, at: int) -> int:
        """Return where the blanks at a place end."""
        while self.source[at : at + 1].isspace():
            at += 1
        return at

    # What a markup defines

    def plain(self, text: str, at: int, end: int) -> int:
        """Take a name as most are, at once."""
        raise NotImplementedError

    def word(self, word: str, at: int, end: int) -> int:
        """Take a run of letters."""
        raise NotImplementedError

    def command(self, command: str, at: int, end: int) -> int:
        """Take a backslash with what belongs to it."""
        raise Refused("character", command, (at, end))

    def character(self, char: str, at: int, end: int) -> int:
        """Take one character, or an operator of several."""
        raise NotImplementedError

    def argument(self, at: int) -> tuple[Span, int]:
        """Return the place of a script's or command's argument, without what delimits it, and where it ends."""
        raise NotImplementedError

    def below(self, at: int) -> tuple[Span, int]:
        """Return the argument of _: a markup may take more than that of ^."""
        return self.argument(at)

    def script_text(self, start: int, end: int) -> str:
        """Return a script's content without blanks, braces and styles."""
        raise NotImplementedError


def function(base: str, at: int, end: int) -> Name:
    """Return a function's name without scripts."""
    return Name(base, "", "", "", 0, NOWHERE, NOWHERE, (at, end))


def is_east_asian(char: str) -> bool:
    """Return whether a character is Hangul, a Han ideograph or kana, which only prose has."""
    return (
        "\uac00" <= char <= "\ud7a3" or "\u3131" <= char <= "\u318e" or "\u4e00" <= char <= "\u9fff"
        or "\u3041" <= char <= "\u30ff"
    )  # fmt: skip
