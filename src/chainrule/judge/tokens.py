"""Tokens: what the tokenisers of LaTeX, plain text and Typst have in common.

The kinds of tokens, the limits, and the words and characters that mean the same in every markup. How a source becomes
tokens is in `chainrule.judge.tokens_base`, how tokens are gathered into sides in `chainrule.judge.tokens_stream`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from chainrule.judge.syntax import Literal, Name, Node, Span


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of one formula.

    Attributes:
        characters: the longest formula.
        depth: how deep brackets may stand in each other.
        tokens: the most tokens of one side.
        digits: the longest number, and the largest power of ten in `1e-3`.
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

    of: Node | None
    span: Span


@dataclass(frozen=True, slots=True)
class Adjoint:
    """dw: in a fraction the half of a derivative by `inner`, elsewhere the name `dw` that code gives a gradient."""

    name: Name
    inner: Name

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.name.span


ENDS = frozenset((
    "NAME", "ADJOINT", "NUMBER", "DERIVATIVE", "DIFFERENTIAL", "HALF", "OPERATOR", "RIGHT", "CLOSE", "TRANSPOSE",
    "ENDCASES", "LISTED", "ENTRY", "REDUCED",
))  # fmt: skip
"""Tokens that can end a factor."""

STARTS = frozenset((
    "NAME", "ADJOINT", "NUMBER", "DERIVATIVE", "DIFFERENTIAL", "HALF", "DIFF", "OPERATOR", "LEFT", "OPEN", "FRAC",
    "SQRT", "FUNCTION", "SUM", "CASES", "LISTED", "SHAPEOF",
))  # fmt: skip
"""Tokens that can begin one."""

ALWAYS_FUNCTIONS = frozenset(("tanh", "exp", "log", "ln", "max", "min", "cosh", "sinh", "sech"))
"""Functions that take an operand without a bracket too: log p. A number above one is its power: tanh²(z)."""

FUNCTIONS = ALWAYS_FUNCTIONS | frozenset((
    "σ", "φ", "ϕ", "f", "g", "sigmoid", "relu", "ReLU", "softmax", "softplus", "sign", "sgn", "abs", "norm", "sqrt",
    "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "hardσ", "hardtanh", "GELUtanh", "logistic", "swish",
    "activation", "act", "Φ", "expm1", "logcosh", "elu", "selu", "gelu", "silu", "mish", "leaky_relu", "softsign",
    "step", "ψ", "onehot", "GELU_tanh", "diag", "rowsum", "colsum",
))  # fmt: skip
"""Names that apply to a bracket that follows; any other name and a bracket are a product."""

WORDS = frozenset((
    "pred", "true", "loss", "Loss", "mse", "MSE", "err", "error", "out", "net", "target", "input", "output", "yhat",
    "y_hat", "cost", "Cost", "prediction", "label", "sigmoid", "relu", "ReLU", "softmax", "softplus", "exp", "log",
    "ln", "max", "min", "tanh", "sign", "abs", "sqrt", "shape", "onehot", "batch", "diag", "cosh", "sinh", "sech",
    "logits", "rowsum", "colsum", "CE", "BCE", "NLL", "SSE", "RSS",
))  # fmt: skip
"""Runs of letters that are one name in LaTeX and Typst too, without \\text."""

LEADS = {
    "s.t.": "s.t.", "st.": "s.t.", "subject to": "s.t.", "where": "where", "with": "with", "since": "since",
    "because": "because", "let": "let", "define": "let", "and": "and", "so": "so", "hence": "so", "thus": "so",
    "therefore": "so", "then": "so", "i.e.": "i.e.", "that is": "i.e.", "if": "if", "for": "for", "when": "when",
    "as": "as", "or": "or", "by": "by", "note": "where",
    "où": "where", "avec": "with", "soit": "let", "donc": "so", "alors": "so", "ainsi": "so", "car": "since",
    "puisque": "since", "wobei": "where", "mit": "with", "sei": "let", "also": "so", "daher": "so", "somit": "so",
    "folglich": "so", "und": "and", "et": "and", "denn": "since", "weil": "since", "donde": "where",
    "entonces": "so", "dove": "where", "quindi": "so", "dunque": "so",
    "여기서": "where", "단": "where", "단,": "where", "그리고": "and", "이므로": "since", "따라서": "so", "즉": "i.e.",
    "이고": "and", "이때": "where", "정의": "let", "라 하자": "let",
}  # fmt: skip
"""Words between formulas: each opens another chain."""

ONES = "𝟏"
"""A column of ones, one for each sample."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip

ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0304", "tilde": "\u0303",
    "widetilde": "\u0303",
}  # fmt: skip

COMBINING = frozenset(ACCENTS.values())

SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
SUPERSCRIPTS = dict(
    zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴸ", "0123456789+-=()abcdefghijklmnoprstuvwxyzTL", strict=True)
)

PRIMES = {"'": 1, "′": 1, "″": 2, "‴": 3}

INDEX = re.compile(r"(?!-)(?:[\[(]?[A-Za-z0-9α-ω]+(?:[+\-,][A-Za-z0-9α-ω]+)*[\])]?){1,2}(?:,[A-Za-z0-9]+)?")
"""What a script looks like that numbers something: 11, 10,3, j-1, (2), [l+1], [2](n)."""

_SAME = {
    "−": "-", "–": "-", "⁄": "/", "∕": "/", "÷": "/", "⋅": "·", "∙": "·", "•": "·", "×": "·", "✕": "·", "*": "·",
    "∗": "·", "⋆": "·", "∘": "⊙", "◦": "⊙", "∑": "Σ", "≔": ":=", "≜": ":=", "≃": "≈", "≅": "≈", "∼": "~", "’": "'",
    "ʹ": "'", "´": "'", "⟹": "⇒", "⟶": "→", "↦": "→", "⊤": "ᵀ", "µ": "μ", "‖": "‖", "∥": "‖", "ℎ": "h", "𝟙": ONES,
    **dict.fromkeys("\u3000\u200b\u2060\u2061\u2062\u2063\ufeff", " "), "\xa0": " ",
}  # fmt: skip


def same(char: str) -> str:
    """Return the character that one stands for: a letter without its style, a sign that looks alike.

    Example:
        >>> same("𝑤"), same("−"), same("（"), same("w"), same("𝟏")
        ('w', '-', '(', 'w', '𝟏')
    """
    if char < "\x80":
        return "·" if char == "*" else char
    if char in _SAME:
        return _SAME[char]
    if ("\U0001d400" <= char <= "\U0001d7ff" and char != ONES) or "\uff01" <= char <= "\uff5e":
        plain = unicodedata.normalize("NFKC", char)
        return plain if plain == char else same(plain)
    return char


def accented(base: str, accent: str) -> str:
    """Return a base with an accent, as one character where there is one."""
    return unicodedata.normalize("NFC", base + accent)


def number(text: str, start: int, end: int, limits: Limits) -> Literal:
    """Return a number, exact.

    Raises:
        Refused: it is longer than the limit, or so is the power of ten.
    """
    power = text.lower().partition("e")[2]
    if len(text) > limits.digits or (power and abs(int(power)) > limits.digits):
        raise Refused("too_large", text[:20] + "…" if len(text) > 20 else text, (start, end))
    return Literal(Fraction(text), (start, end))


def split_transpose(sup: str) -> tuple[str, bool]:
    """Return a superscript without a T for transpose at its end: `(1)T` is layer 1, transposed.

    Example:
        >>> split_transpose("(1)T"), split_transpose("T"), split_transpose("l+1")
        (('(1)', True), ('', True), ('l+1', False))
    """
    if sup in ("T", "⊤"):
        return "", True
    if sup[-2:] in ("^T", "^⊤"):
        return sup[:-2], True
    if len(sup) > 1 and sup[-1] in "T⊤" and (sup[-2] in ")],⊤" or sup[:-1].isdecimal() or sup[-1] == "⊤"):
        return sup[:-1].rstrip(","), True
    if len(sup) > 2 and sup[0] in "T⊤" and sup[1] in "([,":
        return sup[1:].lstrip(","), True
    return sup, False


def listed_items(source: str, start: int, end: int, marks: str, limits: Limits) -> tuple[Literal | Name, ...]:
    """Return the numbers and letters of a shape: 2 × 1.

    Args:
        source: the formula.
        start: where the shape begins in it.
        end: where it ends.
        marks: a pattern of what stands between its items.
        limits: how long a number may be.

    Raises:
        Refused: an item is neither a number nor a letter.
    """
    items: list[Literal | Name] = []
    at = start
    for part in [*re.finditer(marks, source[start:end]), None]:
        stop = end if part is None else start + part.start()
        text = source[at:stop].strip()
        left = at + len(source[at:stop]) - len(source[at:stop].lstrip())
        span = (left, left + len(text))
        match = _ITEM.fullmatch(text)
        if match is None:
            raise Refused("unexpected", text, (at, max(stop, at + 1)))
        if match["number"]:
            items.append(number(text, *span, limits))
        else:
            below = (left + match.start("sub"), left + match.end("sub")) if match["sub"] else (0, 0)
            items.append(Name(match["letter"], match["sub"] or "", "", "", 0, below, (0, 0), span))
        if part is not None:
            at = start + part.end()
    return tuple(items)


_ITEM = re.compile(r"(?P<number>[0-9]+)|(?P<letter>[A-Za-z])(?:_?[{(]?(?P<sub>[A-Za-z0-9]+)[})]?)?")
