"""Lines as people write them: a tree in a notation and a form, with the writer's habits."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from chainrule.notation import load
from judge.line_tree import (
    Add,
    Cond,
    Count,
    Der,
    Div,
    Fn,
    Had,
    MatMul,
    Mul,
    Neg,
    Node,
    Num,
    Ones,
    Pow,
    Softmax,
    SumOver,
    Sym,
    T,
)  # fmt: skip

Entry = Mapping[str, Any]
"""What a notation's table says of one kind."""

ADD, MUL, UNARY, POWER, ATOM = range(5)

FUNCTIONS = {
    "sigmoid": ("σ", r"\sigma", "sigma"),
    "tanh": ("tanh", r"\tanh", "tanh"),
    "relu": ("ReLU", r"\operatorname{ReLU}", 'op("ReLU")'),
    "leaky_relu": ("LeakyReLU", r"\operatorname{LeakyReLU}", 'op("LeakyReLU")'),
    "elu": ("ELU", r"\operatorname{ELU}", 'op("ELU")'),
    "softplus": ("softplus", r"\operatorname{softplus}", 'op("softplus")'),
    "silu": ("SiLU", r"\operatorname{SiLU}", 'op("SiLU")'),
    "softmax": ("softmax", r"\operatorname{softmax}", 'op("softmax")'),
    "exp": ("exp", r"\exp", "exp"),
    "cosh": ("cosh", r"\cosh", "cosh"),
    "log": ("log", r"\log", "log"),
    "max": ("max", r"\max", "max"),
    "min": ("min", r"\min", "min"),
    "sign": ("sign", r"\operatorname{sign}", 'op("sign")'),
}
"""How a function's name is written in text, LaTeX and Typst."""

FORMS = ("text", "latex", "typst")
WORDS = {"loss", "pred", "true", "Loss", "out", "target"}
TYPST_NAMES = {"ŷ": "hat(y)"}
RELATIONS = {"≤": ("≤", r"\le", "<="), "≥": ("≥", r"\ge", ">=")}


@dataclass(frozen=True, slots=True)
class Style:
    r"""A writer's habits.

    Attributes:
        notation, form: of the line.
        frac: the fraction's command, in LaTeX.
        dot: the mark of a product.
        brackets: `plain`, or `sized` (\left and \right), or `tall` (sized around fractions only).
        comma: whether indices always stand with a comma, w_{1,1}.
        braces: whether scripts always stand in braces, z_{1}^{2}.
        above_first: whether the superscript comes first, z^2_1.
        words: how names of several letters are set in LaTeX: `plain`, `text` or `mathrm`.
        adjoints: whether ∂loss/∂… is written by the name it has in the notation (δ, dW).
        powers: e^{…} instead of exp(…).
        blanks: whether operators stand between blanks.
        curl: the sign of a partial derivative, `∂` or `d`.
        names: what the writer calls the loss, pred and true, where it is not the notation's word.
    """

    notation: str = "seed"
    form: str = "latex"
    frac: str = r"\frac"
    dot: str = r"\cdot"
    brackets: str = "tall"
    comma: bool = False
    braces: bool = False
    above_first: bool = False
    words: str = "plain"
    adjoints: bool = True
    powers: bool = False
    blanks: bool = True
    curl: str = "∂"
    names: tuple[tuple[str, str], ...] = ()


def draw_names(rng: random.Random, notation: str) -> tuple[tuple[str, str], ...]:
    """Return other words for loss, pred and true, which a whole document keeps."""
    if notation != "seed" or rng.random() < 0.6:
        return ()
    pred, true = rng.choice([("ŷ", "y"), ("pred", "true"), ("y", "t"), ("out", "target"), ("pred", "target")])
    return (("loss", rng.choice(["L", "E", "J", "C", "Loss"])), ("pred", pred), ("true", true))


def draw_style(rng: random.Random, notation: str, form: str, names: tuple[tuple[str, str], ...] = ()) -> Style:
    """Return habits drawn at random; now and then those of the project's own pages."""
    if rng.random() < 0.3:
        return usual_style(notation, form, names)
    return Style(
        notation,
        form,
        frac=rng.choice([r"\frac", r"\frac", r"\dfrac", r"\tfrac"]),
        dot=rng.choice(_dots(form)),
        brackets=rng.choice(["plain", "sized", "tall"]),
        comma=rng.random() < 0.25,
        braces=rng.random() < 0.3,
        above_first=form == "latex" and rng.random() < 0.2,
        words=rng.choice(["plain", "plain", "text", "mathrm"]),
        adjoints=rng.random() < 0.7,
        powers=rng.random() < 0.5,
        blanks=rng.random() < 0.8,
        curl="d" if notation in ("seed", "parens") and form == "latex" and rng.random() < 0.1 else "∂",
        names=names,
    )


def usual_style(notation: str, form: str, names: tuple[tuple[str, str], ...] = ()) -> Style:
    """Return the habits of the project's own pages."""
    return Style(notation, form, dot=_dots(form)[0], names=names)


def _dots(form: str) -> tuple[str, ...]:
    return {"latex": (r"\cdot", r"\cdot", r"\times"), "text": ("·", "·", "*", "×"), "typst": ("dot", "dot", "times")}[
        form
    ]


def write_sides(sides: tuple[Node, ...], style: Style, *, alone: bool, matrices: bool = False) -> tuple[str, ...]:
    """Return each side of a line."""
    printer = Printer(style, alone=alone, matrices=matrices)
    return tuple(printer.write(side) for side in sides)


def write_line(sides: tuple[Node, ...], style: Style, *, alone: bool, matrices: bool = False) -> str:
    """Return a line, its sides joined by `=`."""
    joint = " = " if style.blanks or style.form == "typst" else "="
    return joint.join(write_sides(sides, style, alone=alone, matrices=matrices))


def _shifted(term: int | str, shift: int) -> str:
    """Return an index as it is written: x_{j-1} where inputs count from 0."""
    if isinstance(term, int):
        return str(term + shift)
    return f"{term}{shift:+d}" if shift else term


class Printer:
    """Writes trees in one style; with one output alone, pred and true need no number."""

    def __init__(self, style: Style, *, alone: bool, matrices: bool = False) -> None:
        self.style = style
        self.matrices = matrices
        self.names = dict(style.names)
        self.alone = alone
        self.form = style.form
        self.column = FORMS.index(style.form)
        self.notation = load(style.notation)

    def write(self, node: Node) -> str:
        """Return a side."""
        return self._write(node)[0]

    def _at(self, node: Node, least: int) -> str:
        text, level = self._write(node)
        return text if level >= least else self._bracket(text)

    def _bracket(self, text: str) -> str:
        how = self.style.brackets
        if self.form == "latex" and (how == "sized" or (how == "tall" and "frac" in text)):
            return rf"\left( {text} \right)"
        return f"({text})"

    def _write(self, node: Node) -> tuple[str, int]:
        match node:
            case Num(value):
                return self._number(value)
            case Sym():
                return self._symbol(node), ATOM
            case Der():
                return self._partial(node)
            case Neg(body):
                return f"{self._minus()}{self._at(body, MUL)}", ADD
            case Add(terms):
                return self._sum(terms), ADD
            case Mul():
                return self._product(node), MUL
            case Div(above, below):
                return self._fraction(above, below)
            case Pow(base, exponent):
                return self._power(base, exponent), POWER
            case Cond():
                return self._condition(node), ATOM
            case Softmax(of, unit):
                vector = self._symbol(Sym(of[0].kind, of[0].layer, of[0].source))
                return f"{self._name('softmax')}({vector}){self._script('_', str(unit))}", ATOM
            case Fn():
                return self._function(node)
            case SumOver(letter, size, body):
                return self._total(letter, size, body), ADD
            case MatMul(factors):
                dotted = self.style.dot in (r"\cdot", "·", "dot")  # × and * between matrices say another thing
                return self._joined(factors, f" {self.style.dot} " if dotted else " "), MUL
            case Had(factors):
                return self._joined(factors, {"latex": r" \odot ", "text": " ⊙ ", "typst": " dot.o "}[self.form]), MUL
            case T(body):
                bare = isinstance(body, Ones) or (isinstance(body, Sym) and "^" not in self.write(body))
                inner = self.write(body) if bare else self._bracket(self.write(body))
                return inner + {"latex": "^T", "text": "ᵀ", "typst": "^T"}[self.form], POWER
            case Count():
                return "N", ATOM
            case Ones():
                return {"latex": r"\mathbf{1}", "text": "𝟏", "typst": "bold(1)"}[self.form], ATOM
        raise NotImplementedError(type(node).__name__)

    # Numbers and names

    def _number(self, value: Fraction | float) -> tuple[str, int]:
        if isinstance(value, float):
            return repr(value), ATOM
        if value.denominator == 1:
            return str(value.numerator), ATOM
        if self.form == "latex":
            return rf"{self.style.frac}{{{value.numerator}}}{{{value.denominator}}}", ATOM
        return f"{value.numerator}/{value.denominator}", MUL

    def _symbol(self, name: Sym) -> str:
        return self._spelled(self._entries(name)[name.kind], name)

    def _entries(self, name: Sym) -> Mapping[str, Entry]:
        return self.notation.matrices if self.matrices and not name.at else self.notation.symbols

    def _spelled(self, entry: Entry, name: Sym) -> str:
        base = str(entry.get(self.form, entry["text"]))
        if (
            self.form == "latex"
            and len(base) > 1
            and base.isalpha()
            and base.isascii()
            and base in ("loss", "pred", "true")
        ):
            base = {"plain": base, "text": rf"\text{{{base}}}", "mathrm": rf"\mathrm{{{base}}}"}[self.style.words]
        below = [_shifted(term, int(entry.get("shift", 0))) for term in name.at]
        if name.kind in ("pred", "true") and self.alone:
            below = []
        tight = all(len(part) == 1 for part in below) and not (self.style.comma and len(below) > 1)
        sub = ("" if tight else ",").join(below)
        level = "" if name.layer is None else str(name.layer)
        if name.source is not None and name.layer is not None and name.source != name.layer - 1:
            level += f",{name.source}"
        sup = str(entry.get("sup", "")).replace("{layer}", level)
        sub = sub or str(entry.get("sub", "")).replace("{layer}", level)
        lower, upper = self._script("_", sub), self._script("^", sup)
        return base + (upper + lower if self.style.above_first else lower + upper)

    def _script(self, mark: str, text: str) -> str:
        if not text:
            return ""
        if self.form == "typst":
            return f"{mark}({text})"
        if self.form == "text":
            mixed = not text.isalnum() and any(char.isalpha() or char in "+-" for char in text)
            return f"{mark}{{{text}}}" if mixed or (self.style.braces and len(text) > 1) else mark + text
        return f"{mark}{text}" if len(text) == 1 and not self.style.braces else f"{mark}{{{text}}}"

    def _name(self, function: str) -> str:
        return FUNCTIONS[function][self.column]

    # Operations

    def _joined(self, factors: tuple[Node, ...], mark: str) -> str:
        return mark.join(self._at(factor, POWER) for factor in factors)

    def _total(self, letter: str, size: int, body: Node) -> str:
        inner = self._at(body, MUL)
        if self.form == "latex":
            return rf"\sum_{{{letter}=1}}{self._script('^', str(size))} {inner}"
        if self.form == "typst":
            return f"sum_({letter} = 1)^({size}) {inner}"
        return f"Σ_{{{letter}=1}}^{size} {inner}"

    def _minus(self) -> str:
        return "−" if self.form == "text" else "-"

    def _sum(self, terms: tuple[Node, ...]) -> str:
        blank = " " if self.style.blanks or self.form == "typst" else ""
        parts = [self._at(terms[0], MUL) if not isinstance(terms[0], Neg) else self.write(terms[0])]
        for term in terms[1:]:
            sign, body = (self._minus(), term.body) if isinstance(term, Neg) else ("+", term)
            parts.append(f"{blank}{sign}{blank}{self._at(body, MUL)}")
        return "".join(parts)

    def _product(self, node: Mul) -> str:
        """Return the factors with dots between them, or side by side where that cannot be misread."""
        dot = f" {self.style.dot} " if self.style.blanks or self.form != "text" else self.style.dot
        text = ""
        last = len(node.factors) - 1
        for position, factor in enumerate(node.factors):
            piece, level = self._write(factor)
            if isinstance(factor, Mul):
                apart = node.tight or not factor.tight
            else:  # a fraction on one line, which would swallow what stands beside it
                apart = level == MUL and (position > 0 or (node.tight and position < last))
            if level < MUL or apart:
                piece = self._bracket(piece)
            if not text:
                text = piece
            elif not node.tight or isinstance(factor, Num) or piece[0].isdigit() or piece[0] == "[":
                text += dot + piece
            else:
                text += piece if piece.startswith(("(", r"\left")) else f" {piece}"
        return text

    def _fraction(self, above: Node, below: Node) -> tuple[str, int]:
        if self.form == "latex":
            return f"{self.style.frac}{{{self.write(above)}}}{{{self.write(below)}}}", ATOM
        if self.form == "typst":
            return f"frac({self.write(above)}, {self.write(below)})", ATOM
        return f"{self._at(above, POWER)}/{self._at(below, POWER)}", MUL

    def _partial(self, node: Der) -> tuple[str, int]:
        adjoint = self.notation.adjoints.get(node.by.kind)
        if adjoint is not None and self.matrices:
            adjoint = adjoint.get("matrix")
        if node.of.kind == "loss" and adjoint is not None and self.style.adjoints:
            return self._spelled({**self._entries(node.by)[node.by.kind], **adjoint}, node.by), ATOM
        above, below = self._symbol(node.of), self._symbol(node.by)
        if self.form == "latex":
            curl = {"∂": r"\partial", "d": "d"}[self.style.curl]
            gap = "" if above.startswith("\\") else " "
            return rf"{self.style.frac}{{{curl}{gap}{above}}}{{{curl} {below}}}", ATOM
        if self.form == "typst":
            return f"frac(∂{above}, ∂{below})", ATOM
        return f"∂{above}/∂{below}", ATOM

    def _power(self, base: Node, exponent: int) -> str:
        inner = self.write(base)
        if isinstance(base, Fn) and base.name == "tanh" and not base.primes:
            arg = self.write(base.args[0])
            if self.form == "latex":
                return rf"\tanh^{exponent}({arg})"
        bracketed = inner if isinstance(base, Cond) else self._bracket(inner)
        if self.form == "text":
            return bracketed + (
                {2: "²", 3: "³"}.get(exponent, f"^{exponent}") if not self.style.comma else f"^{exponent}"
            )
        return bracketed + self._script("^", str(exponent))

    def _condition(self, node: Cond) -> str:
        relation = RELATIONS.get(node.relation, (node.relation,) * 3)[self.column]
        inner = f"{self.write(node.left)} {relation} {self.write(node.right)}"
        return rf"\[{inner}\]" if self.form == "typst" else f"[{inner}]"

    def _function(self, node: Fn) -> tuple[str, int]:
        args = ", ".join(self.write(arg) for arg in node.args)
        if node.name == "abs":
            return {"latex": rf"\left| {args} \right|", "text": f"|{args}|", "typst": f"abs({args})"}[self.form], ATOM
        if node.name == "expm1":
            return self._bracket(self.write(Add((Fn("exp", node.args), Neg(Num(Fraction(1))))))), ATOM
        if node.name == "exp" and self.style.powers:
            return (f"e^({args})" if self.form != "latex" else f"e^{{{args}}}"), ATOM
        return f"{self._name(node.name)}{chr(39) * node.primes}({args})", ATOM
