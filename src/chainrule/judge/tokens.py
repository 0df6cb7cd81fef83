"""Tokens: what the three tokenisers (LaTeX, plain text, Typst) have in common.

A tokeniser feeds a Stream, which sets a mark between factors that stand side by side, joins ∂a/∂b into one token, keeps
track of brackets, and cuts at relation signs and separators. So the grammar sees only arithmetic, and one unreadable
side does not spoil the others.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from chainrule.judge.syntax import Derivative, Literal, Name, Span


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of one formula.

    Attributes:
        characters: the longest formula.
        depth: how deep brackets may stand in each other.
        tokens: the most tokens of one side.
        digits: the longest number.
    """

    characters: int = 20_000
    depth: int = 60
    tokens: int = 4_000
    digits: int = 40


LIMITS = Limits()


class Token(NamedTuple):
    """One token: a terminal of the grammar, its value, and its place in the source."""

    type: str
    value: Any
    start: int
    end: int

    # What lark asks of a token.

    @property
    def start_pos(self) -> int:
        """Where it begins."""
        return self.start

    @property
    def end_pos(self) -> int:
        """Where it ends."""
        return self.end

    line = column = end_line = end_column = None


class Refused(Exception):
    """What a tokeniser cannot take: the reason, what stands there, and where."""

    def __init__(self, reason: str, found: str, span: Span) -> None:
        super().__init__(reason)
        self.reason = reason
        self.found = found
        self.span = span


@dataclass(frozen=True, slots=True)
class Differential:
    """∂of, or ∂ alone where `of` is None: half of a derivative."""

    of: Any
    span: Span


ENDS = frozenset(("NAME", "NUMBER", "DERIVATIVE", "DIFFERENTIAL", "RIGHT", "CLOSE", "TRANSPOSE", "ENDCASES", "LISTED"))
"""Tokens that can end a factor."""

STARTS = frozenset((
    "NAME", "NUMBER", "DERIVATIVE", "DIFFERENTIAL", "DIFF", "NABLA", "LEFT", "OPEN", "FRAC", "SQRT", "FUNCTION", "SUM",
    "CASES", "LISTED", "SHAPEOF",
))  # fmt: skip
"""Tokens that can begin one."""

FUNCTIONS = frozenset((
    "σ", "φ", "ϕ", "f", "g", "sigmoid", "tanh", "relu", "ReLU", "softmax", "softplus", "exp", "log", "ln", "max", "min",
    "sign", "sgn", "abs", "sqrt", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "hardσ", "hardtanh", "GELUtanh",
    "logistic", "swish", "activation", "act", "Φ", "expm1", "cosh", "logcosh", "elu", "selu", "gelu", "silu", "mish",
    "leaky_relu", "softsign", "step", "ψ", "onehot", "GELU_tanh",
))  # fmt: skip
"""Names that apply to a bracket that follows; any other name and a bracket are a product."""

ALWAYS_FUNCTIONS = frozenset(("tanh", "exp", "log", "ln", "max", "min"))
"""Functions that take an operand without a bracket too: log p."""

WORDS = frozenset((
    "pred", "true", "loss", "Loss", "mse", "MSE", "err", "error", "out", "net", "target", "input", "output", "yhat", "y_hat", "cost",
    "Cost", "prediction", "label", "sigmoid", "relu", "ReLU", "softmax", "softplus", "exp", "log", "ln", "max", "min", "tanh", "sign",
    "abs", "sqrt", "shape", "onehot", "batch", "diag",
))  # fmt: skip
"""Runs of letters that are one name in LaTeX and Typst too, without \\text."""

LEADS = {
    "s.t.": "s.t.", "st.": "s.t.", "subject to": "s.t.", "where": "where", "with": "with", "since": "since", "because": "because",
    "let": "let", "define": "let", "and": "and", "so": "so", "hence": "so", "thus": "so", "therefore": "so", "then": "so",
    "i.e.": "i.e.", "that is": "i.e.", "if": "if", "for": "for", "when": "when", "as": "as", "or": "or", "by": "by", "note": "where",
    "여기서": "where", "단": "where", "단,": "where", "그리고": "and", "이므로": "since", "따라서": "so", "즉": "i.e.", "이고": "and",
    "이때": "where", "정의": "let", "라 하자": "let",
}  # fmt: skip
"""Words between formulas: each opens another chain."""

ONES = "𝟏"
"""A column of ones, one for each sample."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip

ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0304", "tilde": "\u0303", "widetilde": "\u0303"}

SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴸ", "0123456789+-=()abcdefghijklmnoprstuvwxyzTL", strict=True))

INDEX = re.compile(r"(?!-)(?:[\[(]?[A-Za-z0-9α-ω]+(?:[+\-,][A-Za-z0-9α-ω]+)*[\])]?){1,2}(?:,[A-Za-z0-9]+)?")
"""What a script looks like that numbers something: 11, 10,3, j-1, (2), [l+1], [2](n)."""


def accented(base: str, accent: str) -> str:
    """Return a base with an accent, as one character where there is one."""
    return unicodedata.normalize("NFC", base + accent)


@dataclass
class Piece:
    """The tokens of one side under construction, with what stands before it."""

    relation: str = ""
    lead: str = ""
    start: int = 0
    tokens: list[Token] = field(default_factory=list)
    refused: Refused | None = None


class Stream:
    """Collects tokens into pieces: one for each side.

    Attributes:
        pieces: the sides so far; `relation` is the sign that stands before a side, '' where a new chain begins.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.pieces: list[Piece] = [Piece()]
        self.stack: list[str] = []
        self._after_fraction = False

    @property
    def tokens(self) -> list[Token]:
        """The tokens of the side that is being read."""
        return self.pieces[-1].tokens

    @property
    def last(self) -> str:
        """The type of the last token, or ''."""
        tokens = self.pieces[-1].tokens
        return tokens[-1].type if tokens else ""

    def add(self, type: str, value: Any, start: int, end: int) -> None:
        """Add a token, with a mark before it where it stands beside a factor."""
        tokens = self.pieces[-1].tokens
        if tokens and type in STARTS and tokens[-1].type in ENDS and not self._after_fraction:
            tokens.append(Token("MARK", "", start, start))
        self._after_fraction = False
        tokens.append(Token(type, value, start, end))
        if len(tokens) > self.limits.tokens:
            raise Refused("too_long", f"{len(tokens)}", (start, end))
        if (type == "DIFFERENTIAL" or type == "NAME") and len(tokens) >= 3:
            self._join_slash()

    def _join_slash(self) -> None:
        """Join ∂a / ∂b, and da / db, into one token."""
        above, slash, below = self.tokens[-3:]
        if slash.type != "MARK" or slash.value != "/" or above.type != below.type:
            return
        if above.type == "DIFFERENTIAL":
            of, by = above.value.of, below.value.of
        else:
            of, by = differential(above.value), differential(below.value)
        if of is None or by is None:
            return
        node = Derivative(of, by, (above.start, below.end))
        del self.tokens[-3:]
        self.tokens.append(Token("DERIVATIVE", node, above.start, below.end))

    def open(self, kind: str, type: str, value: str, start: int, end: int) -> None:
        """Open a bracket of a kind: 'bracket', 'plain', 'first' or 'second' (of a fraction), 'cases'."""
        if len(self.stack) >= self.limits.depth:
            raise Refused("too_deep", value, (start, end))
        self.add(type, value, start, end)
        self.stack.append(kind)

    def close(self, type: str, value: str, start: int, end: int) -> str:
        """Close the innermost bracket and return its kind."""
        if not self.stack:
            raise Refused("unexpected", value, (start, end))
        kind = self.stack.pop()
        self.add(type, value, start, end)
        if kind == "first":
            self._after_fraction = True
        elif kind == "second":
            self._join_fraction()
        return kind

    def _join_fraction(self) -> None:
        """Join \\frac{∂a}{∂b} into one token."""
        tokens = self.tokens
        if len(tokens) < 7:
            return
        frac, _, above, first, second, below, last = tokens[-7:]
        if (frac.type, first.type, second.type) != ("FRAC", "CLOSE", "OPEN") or above.type != below.type:
            return
        if above.type == "DIFFERENTIAL":
            of, by = above.value.of, below.value.of
        elif above.type == "NAME":
            of, by = differential(above.value), differential(below.value)
        else:
            return
        if of is None or by is None:
            return
        node = Derivative(of, by, (frac.start, last.end))
        del tokens[-7:]
        tokens.append(Token("DERIVATIVE", node, frac.start, last.end))

    def relation(self, sign: str, start: int, end: int) -> None:
        """Cut at a relation sign; inside brackets it is a comparison."""
        if self.stack:
            self.add("COMPARE", {"≠": "≠", ":=": "="}.get(sign, sign), start, end)
            return
        self.pieces.append(Piece(relation=sign, start=end))

    def separate(self, lead: str, start: int, end: int) -> None:
        """Begin another chain, opened by a word or by '' (a comma, an arrow, a wide blank)."""
        if self.pieces[-1].tokens or self.pieces[-1].relation:
            self.pieces.append(Piece(lead=lead, start=end))
        elif lead:
            self.pieces[-1].lead = lead
            self.pieces[-1].start = end

    def refuse(self, refused: Refused) -> None:
        """Note that the present side cannot be read."""
        if self.pieces[-1].refused is None:
            self.pieces[-1].refused = refused
        self.stack.clear()


def differential(name: Name) -> Name | None:
    """Return w of dw, or None where a name is no d of something."""
    if len(name.base) < 2 or name.base[0] != "d" or name.base in ("diag", "delta"):
        return None
    start, end = name.span
    return Name(
        name.base[1:], name.sub, name.sup, name.suffix, name.primes, name.sub_span, name.sup_span, (start + 1, end)
    )


def number(text: str, start: int, end: int, limits: Limits) -> Literal:
    """Return a number, exact."""
    if len(text) > limits.digits:
        raise Refused("too_large", text[:20] + "…", (start, end))
    return Literal(Fraction(text), (start, end))


def split_transpose(sup: str) -> tuple[str, bool]:
    """Return a superscript without a T for transpose at its end: `(1)T` is layer 1, transposed.

    Example:
        >>> split_transpose("(1)T"), split_transpose("T"), split_transpose("l+1")
        (('(1)', True), ('', True), ('l+1', False))
    """
    if sup in ("T", "⊤", "t⊤"):
        return "", True
    if len(sup) > 1 and sup[-1] in "T⊤" and (sup[-2] in ")],⊤" or sup[:-1].isdigit() or sup[-1] == "⊤"):
        return sup[:-1].rstrip(","), True
    if len(sup) > 2 and sup[0] in "T⊤" and sup[1] in "([":
        return sup[1:], True
    return sup, False
