"""Tokens → sides: the Stream that every tokeniser feeds.

It sets a mark between factors that stand side by side, joins ∂a/∂b into one token, keeps track of brackets, and cuts at
relation signs and separators. So the grammar sees only arithmetic, and one unreadable side does not spoil the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from chainrule.judge.syntax import Derivative, Name
from chainrule.judge.tokens import ENDS, STARTS, Adjoint, Limits, Refused, Token


@dataclass
class Piece:
    """The tokens of one side under construction, with what stands before it.

    Attributes:
        relation: the sign before it, '' where a chain begins.
        lead: the word that opens the chain.
        start: behind the relation or the word.
        tokens: what was read so far.
        refused: why it cannot be read, if so.
        end: where a refused side ends.
    """

    relation: str = ""
    lead: str = ""
    start: int = 0
    tokens: list[Token] = field(default_factory=list)
    refused: Refused | None = None
    end: int = 0


class Open(NamedTuple):
    """An open bracket: its kind, what stands there, and its place."""

    kind: str
    value: str
    start: int
    end: int


class Stream:
    """Collects tokens into pieces, one for each side.

    Attributes:
        limits: how much is read.
        pieces: the sides so far.
        stack: the brackets that are open, the innermost last.
        after_fraction: whether the first half of a fraction has just ended.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.pieces: list[Piece] = [Piece()]
        self.stack: list[Open] = []
        self.after_fraction = False
        self._d_waits = False

    @property
    def tokens(self) -> list[Token]:
        """The tokens of the side that is being read."""
        return self.pieces[-1].tokens

    @property
    def last(self) -> str:
        """The type of the last token, or ''."""
        tokens = self.pieces[-1].tokens
        return tokens[-1].type if tokens else ""

    @property
    def kind(self) -> str:
        """The kind of the innermost open bracket, or ''."""
        return self.stack[-1].kind if self.stack else ""

    def ends_factor(self) -> bool:
        """Return whether a factor stands before the present place."""
        return self.last in ENDS

    def add(self, kind: str, value: Any, start: int, end: int) -> None:
        """Add a token, with a mark before it where it stands beside a factor."""
        tokens = self.pieces[-1].tokens
        if tokens:
            before = tokens[-1]
            if kind == "NAME" and before.type == "DIFF":
                tokens.pop()
                kind, start = "DIFFERENTIAL", before.start
            elif kind == "NAME" and self._d_waits:
                tokens.pop()
                kind, value, start = "ADJOINT", _adjoint(before.value, value), before.start
            else:
                self._beside(kind, start)
            self._d_waits = False
        self.after_fraction = False
        tokens.append(Token(kind, value, start, end))
        if len(tokens) > self.limits.tokens:
            raise Refused("too_long", f"{len(tokens)}", (start, end))
        if len(tokens) > 2 and (kind == "DIFFERENTIAL" or kind == "ADJOINT") and tokens[-2].value == "/":
            self._join(3)

    def _beside(self, kind: str, start: int) -> None:
        """Set a mark where a factor begins beside another; 1/2n is 1/(2n)."""
        tokens = self.pieces[-1].tokens
        last = tokens[-1]
        if kind not in STARTS or last.type not in ENDS or self.after_fraction:
            return
        below = kind == "NAME" and last.type == "NUMBER" and last.end == start
        below = below and len(tokens) > 1 and tokens[-2].value == "/"
        tokens.append(Token("TIGHT" if below else "MARK", "", start, start))

    def add_d(self, name: Name, start: int, end: int) -> None:
        """Add a d that belongs to the name that follows, if one follows."""
        self.add("NAME", name, start, end)
        self._d_waits = self.last == "NAME"

    def _join(self, count: int) -> None:
        r"""Join ∂a / ∂b and da / db, three tokens, or the seven of \\frac{∂a}{∂b}, into one."""
        tokens = self.tokens
        if len(tokens) < count:
            return
        above, below = (tokens[-3], tokens[-1]) if count == 3 else (tokens[-5], tokens[-2])
        if above.type != below.type:
            return
        if above.type == "DIFFERENTIAL":
            of, by = above.value, below.value
        elif above.type == "ADJOINT":
            of, by = above.value.inner, below.value.inner
        else:
            return
        start, end = tokens[-count].start, tokens[-1].end
        del tokens[-count:]
        tokens.append(Token("DERIVATIVE", Derivative(of, by, (start, end)), start, end))

    def open(self, kind: str, token: str, value: str, start: int, end: int) -> None:
        """Open a bracket of a kind: 'bracket', 'plain', 'first' or 'second' (of a fraction), 'cases', 'bar'."""
        if len(self.stack) >= self.limits.depth:
            raise Refused("too_deep", value, (start, end))
        self.add(token, value, start, end)
        self.stack.append(Open(kind, value, start, end))

    def close(self, token: str, value: str, start: int, end: int) -> str:
        """Close the innermost bracket and return its kind."""
        if not self.stack:
            raise Refused("unopened", value, (start, end))
        kind = self.stack.pop().kind
        self.add(token, value, start, end)
        if kind == "first":
            self.after_fraction = True
        elif kind == "second":
            tokens = self.tokens
            if len(tokens) > 6 and tokens[-7].type == "FRAC" and tokens[-4].type == "CLOSE" == tokens[-1].type:
                self._join(7)
        return kind

    def relation(self, sign: str, start: int, end: int) -> None:
        """Cut at a relation sign; inside brackets it is a comparison."""
        if self.stack:
            self.add("COMPARE", "=" if sign == ":=" else sign, start, end)
            return
        self._d_waits = False
        self.pieces.append(Piece(relation=sign, start=end))

    def separate(self, lead: str, start: int, end: int) -> None:
        """Begin another chain, opened by a word or by '' (a comma, an arrow, a wide blank)."""
        if self.stack:
            raise Refused("unexpected", lead, (start, end))
        self._d_waits = False
        if self.pieces[-1].tokens or self.pieces[-1].relation or self.pieces[-1].refused:
            self.pieces.append(Piece(lead=lead, start=end))
        elif lead:
            self.pieces[-1].lead = lead
            self.pieces[-1].start = end

    def refuse(self, refused: Refused, end: int) -> None:
        """Note that the present side cannot be read, and where it ends."""
        piece = self.pieces[-1]
        if piece.refused is None:
            piece.refused = refused
        piece.end = end
        self.stack.clear()
        self.after_fraction = self._d_waits = False


def _adjoint(d: Name, inner: Name) -> Adjoint:
    start, end = d.span[0], inner.span[1]
    return Adjoint(replace(inner, base="d" + inner.base, span=(start, end)), inner)
