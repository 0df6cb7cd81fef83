"""How wide a formula is set: its LaTeX or Typst source read as signs, each with its width in Computer Modern.

TeX breaks no display, and Typst only where it likes; so a line that would run off the page must be broken before it is
set, and for that its width must be known. Both forms are set in Computer Modern here, whose widths are those of cmmi10
and cmr10 (D. E. Knuth, Computer Modern Typefaces, 1986), in em. Only what `chainrule.show.write` writes is read; a
source of another origin gets a rough width, never an error. Where to break stands in `chainrule.show.breaking`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from chainrule.notation import SLOT

_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            53, 43, 43, 52, 47, 60, 51, 58, 34, 47, 58, 30, 88, 60, 49, 50, 50, 48, 47, 36, 57, 52, 73, 57, 53, 51,
            75, 80, 79, 83, 79, 78, 79, 89, 49, 65, 90, 68, 108, 90, 76, 78, 79, 77, 65, 72, 79, 80, 108, 88, 80, 75,
        ),
        strict=True,
    )
)  # fmt: skip
"""Widths of the italic letters, italic correction included, in hundredths of an em."""

_WIDTHS = {letter: width / 100 for letter, width in _LETTERS.items()} | {
    "(": 0.45, ")": 0.45, "[": 0.28, "]": 0.28, "|": 0.28, ",": 0.45, ".": 0.28, "/": 0.5, ":": 0.5, "∂": 0.58,
    "…": 1.2,
}  # fmt: skip
_GREEK, _DIGIT, _UPRIGHT = 0.6, 0.5, 0.5
_BINARY, _DOT, _RELATION, _MINUS = 1.23, 0.73, 1.34, 0.78
_SCRIPT = 0.7
"""The size of sub- and superscripts, and of fractions inside fractions."""
_SUM = 1.62
_MATRIX = 1.4
"""The width of a matrix's own brackets."""


class Sign(NamedTuple):
    """One thing that is set, which nothing breaks; a bare tuple, since a long document has millions of them.

    Attributes:
        source: how it is written, the space before it included.
        width: in em.
        kind: `sum` for a + or − between terms, `times` for a mark between factors, `open`, `close`, or nothing.
    """

    source: str
    width: float
    kind: str = ""


def text_width(text: str) -> float:
    """Return about how wide plain words are set, in em.

    Example:
        >>> round(text_width("shape (2, 3)"), 1), text_width("층")
        (5.8, 1.0)
    """
    return sum(1.0 if ord(char) >= 0x1100 else 0.44 if char.islower() or char == " " else 0.55 for char in text)


def width(signs: Sequence[Sign]) -> float:
    """Return how wide signs are set side by side, in em."""
    return sum(sign.width for sign in signs)


class _Scanner:
    """Reads a source as signs; the subclasses know the two languages."""

    tokens: re.Pattern[str]
    binary: frozenset[str]
    times: frozenset[str]
    relation: frozenset[str]

    def __init__(self, source: str, digits: int) -> None:
        self.source = source
        self.digits = digits
        self.found = [match for match in self.tokens.finditer(source) if not match.group().isspace()]
        self.at = 0

    def signs(self, *, until: str = "", size: float = 1.0) -> list[Sign]:
        """Return the signs up to the token that closes a group, which is passed over."""
        signs: list[Sign] = []
        start = self._end()
        while self.at < len(self.found):
            token = self.next()
            if token == until:
                break
            if token in ("_", "^"):
                before = signs.pop() if signs else Sign("", 0)
                sign = Sign("", self._scripted(before.width, size), before.kind)
            else:
                before = Sign("", 0)
                sign = self.one(token, signs, size)
            end = self._end()
            signs.append(Sign(before.source + self.source[start:end], sign.width, sign.kind))
            start = end
        return signs

    def next(self) -> str:
        """Return the next token, passed over."""
        token = self.found[self.at].group()
        self.at += 1
        return token

    def ahead(self) -> str:
        """Return the next token, or ''."""
        return self.found[self.at].group() if self.at < len(self.found) else ""

    def group(self, size: float) -> float:
        """Return the width of an argument, passed over."""
        raise NotImplementedError

    def one(self, token: str, signs: list[Sign], size: float) -> Sign:
        """Return the sign that a token begins, without its source."""
        raise NotImplementedError

    def plain(self, token: str, signs: list[Sign], size: float) -> Sign:
        """Return the sign of a token that both languages write alike."""
        if token in "([":
            return Sign("", _WIDTHS[token] * size, "open")
        if token in ")]":
            return Sign("", _WIDTHS[token] * size, "close")
        if token in self.binary:
            unary = not signs or signs[-1].kind in ("open", "sum", "times")
            return Sign("", _MINUS * size) if unary else Sign("", _BINARY * size, "sum")
        if token in self.times:
            return Sign("", (_DOT if token.lstrip("\\") in ("dot", "cdot") else _BINARY) * size, "times")
        if token in self.relation:
            return Sign("", _RELATION * size)
        if token.startswith(SLOT):
            # A hole in a template; what it will hold is known only as numbers of so many digits.
            each = _DIGIT * self.digits + (0.28 if self.digits > 1 else 0)
            return Sign("", each * len(token.split(";")) * size)
        if token[0].isdigit():
            return Sign("", sum(0.28 if char == "." else _DIGIT for char in token) * size)
        return Sign("", _WIDTHS.get(token, _GREEK) * size)

    def _end(self) -> int:
        return self.found[self.at - 1].end() if self.at else 0

    def _scripted(self, base: float, size: float) -> float:
        """Return the width of a sign with its sub- and superscript, of which the wider one counts."""
        small = self.group(size * _SCRIPT)
        if self.ahead() in ("_", "^"):
            self.next()
            small = max(small, self.group(size * _SCRIPT))
        return max(base, small) if base == _SUM * size else base + small + 0.05


class _Latex(_Scanner):
    tokens = re.compile(rf"{SLOT}[^{SLOT}]*{SLOT}|\\[a-zA-Z]+|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL)
    binary = frozenset("+-")
    times = frozenset((r"\cdot", r"\times", r"\odot"))
    relation = frozenset(("=", "<", ">", r"\le", r"\ge"))
    boxes = frozenset((r"\operatorname", r"\mathrm", r"\mathbf", r"\mathit", r"\text"))
    functions = frozenset((r"\tanh", r"\log", r"\max", r"\min", r"\exp", r"\cosh", r"\sinh"))

    def group(self, size: float) -> float:
        token = self.next()
        return width(self.signs(until="}", size=size)) if token == "{" else self.one(token, [], size).width

    def one(self, token: str, signs: list[Sign], size: float) -> Sign:
        if token == r"\frac":
            inside = size if size == 1 else size * _SCRIPT
            return Sign("", max(self.group(inside), self.group(inside)) + 0.24)
        if token in (r"\left", r"\right"):
            bar = self.next() == "|"
            return Sign("", 0.28 if bar else 0.7, "" if bar else "open" if token == r"\left" else "close")
        if token == r"\begin":
            self.group(size)
            cells = self._cells(size)
            return Sign("", cells)
        if token == r"\sum":
            return Sign("", _SUM * size)
        if token == r"\sqrt":
            return Sign("", self.group(size) + 0.83 * size)
        if token == "{":
            self.at -= 1
            return Sign("", self.group(size))
        if token == r"\hat":
            return Sign("", self.group(size))
        if token in self.boxes:
            start = self.found[self.at].end()
            self.group(size)
            return Sign("", _UPRIGHT * size * (self._end() - 1 - start) + 0.17)
        if token in self.functions:
            return Sign("", _UPRIGHT * size * (len(token) - 1) + 0.17)
        return self.plain(token, signs, size)

    def _cells(self, size: float) -> float:
        """Return the width of a matrix up to its end: that of its widest row."""
        widest, row = 0.0, _MATRIX
        while self.at < len(self.found) and (token := self.next()) != r"\end":
            if token == r"\\":
                widest, row = max(widest, row), _MATRIX
            else:
                row += 1.0 if token == "&" else self.one(token, [], size).width
        self.group(size)
        return max(widest, row)


class _Typst(_Scanner):
    tokens = re.compile(rf"{SLOT}[^{SLOT}]*{SLOT}|\"[^\"]*\"|[a-zA-Z]+(?:\.[a-z]+)*|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL)
    binary = frozenset("+-")
    times = frozenset(("dot", "times", "dot.o"))
    relation = frozenset(("=", "<", ">", "<=", ">="))
    calls = frozenset(("frac", "sqrt", "abs", "hat", "italic", "bold", "op", "upright"))
    functions = frozenset(("tanh", "log", "max", "min", "exp", "cosh", "sinh"))

    def group(self, size: float) -> float:
        if self.ahead() == "(":
            self.next()
            return self._arguments(size)
        return self.one(self.next(), [], size).width

    def one(self, token: str, signs: list[Sign], size: float) -> Sign:
        if token == "mat":
            return Sign("", self._cells(size))
        if token in self.calls:
            inside = size * _SCRIPT if token == "frac" and size != 1 else size
            return Sign("", self.group(inside) + {"frac": 0.24, "sqrt": 0.83, "abs": 0.56}.get(token, 0))
        if token.startswith('"'):
            return Sign("", _UPRIGHT * size * (len(token) - 2))
        if token == "sum":
            return Sign("", _SUM * size)
        if token in self.functions:
            return Sign("", _UPRIGHT * size * len(token) + 0.17)
        return self.plain(token.removeprefix("\\"), signs, size)

    def _cells(self, size: float) -> float:
        """Return the width of a matrix up to its end: that of its widest row."""
        widest, row = 0.0, _MATRIX
        depth = 0
        while self.at < len(self.found):
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token, 0)
            if depth == 0:
                break
            if token == ";":
                widest, row = max(widest, row), _MATRIX
            elif token == ",":
                row += 0.5
            elif token not in ("delim", ":", '"["', "^", "_"):
                row += self.one(token, [], size).width
        return max(widest, row)

    def _arguments(self, size: float) -> float:
        """Return the width of the widest argument of a list, which is passed over."""
        widest, signs, depth = 0.0, list[Sign](), 0
        while self.at < len(self.found):
            token = self.next()
            if token == ")" and depth == 0:
                break
            if token == "," and depth == 0:
                widest, signs = max(widest, width(signs)), []
            elif token in ("_", "^"):
                before = signs.pop() if signs else Sign("", 0)
                signs.append(before._replace(width=self._scripted(before.width, size)))
            else:
                signs.append(self.one(token, signs, size))
                depth += {"(": 1, ")": -1}.get(token, 0)
        return max(widest, width(signs))


def signs_of(source: str, form: str, *, digits: int = 1) -> list[Sign]:
    r"""Return the signs of a formula.

    Args:
        source: as `chainrule.show.write` writes it.
        form: latex or typst.
        digits: how many digits the subscripts have that a template leaves open.

    Example:
        >>> [sign.source for sign in signs_of(r"\frac{a}{b} + w_{10,3}^2", "latex")]
        ['\\frac{a}{b}', ' +', ' w_{10,3}^2']
        >>> [sign.kind for sign in signs_of("(a + frac(1, b_(1))) dot c", "typst")]
        ['open', '', 'sum', '', 'close', 'times', '']
    """
    scanner = _Latex(source, digits) if form == "latex" else _Typst(source, digits)
    return scanner.signs()
