"""How each form sets a fraction, a sum, a symbol: rows of small functions and marks. Brackets are `Writer`'s."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chainrule.notation import SLOT, Spelled


@dataclass(frozen=True)
class Form:
    """How one form sets mathematics.

    Attributes:
        name: the key of the form's own spellings in notations and rules: text, latex or typst.
        symbol: a Spelled symbol.
        fraction, partial: a fraction, and a partial derivative.
        summation: (index, lower, upper) → the Σ in front of its body.
        power: (base, exponent).
        bracket: (content, tall).
        call: (head, arguments).
        dot, minus: the marks between factors and before a negative.
        named: how famous constants are written.
    """

    name: str
    symbol: Callable[[Spelled], str]
    fraction: Callable[[str, str], str]
    partial: Callable[[str, str], str]
    summation: Callable[[str, str, str], str]
    power: Callable[[str, int], str]
    exponential: Callable[[str], str]
    bracket: Callable[[str, bool], str]
    call: Callable[[str, str], str]
    absolute: Callable[[str], str]
    delta: Callable[[str], str]
    dot: str
    minus: str
    relation: Callable[[str], str]
    fraction_is_atom: bool
    hadamard: str
    transpose: Callable[[str], str]
    columns: Callable[[str], str]
    rowsum: str
    ones: str
    matrix: Callable[[list[list[str]]], str]
    named: dict[str, str] = field(default_factory=dict)
    paint: Callable[[str, str], str] = lambda kind, text: text


def braced(part: str) -> str:
    """Return a sub- or superscript as LaTeX needs it: braces from two characters on, as the seed writes."""
    return part if len(part) == 1 else "{" + part + "}"


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _text_symbol(s: Spelled) -> str:
    sub = "{" + s.sub + "}" if "-" in s.sub and not s.sub.startswith(SLOT) else s.sub
    return s.base + (f"_{sub}" if s.sub else "") + (f"^{s.sup}" if s.sup else "") + s.suffix


def _latex_symbol(s: Spelled) -> str:
    sub = s.sub if s.sub.startswith(SLOT) else braced(s.sub)
    return s.base + (f"_{sub}" if s.sub else "") + (f"^{braced(s.sup)}" if s.sup else "") + s.suffix


def _typst_symbol(s: Spelled) -> str:
    sub = f"_({typst_script(s.sub)})" if s.sub else ""
    return (
        s.base + sub + (f"^({typst_script(s.sup)})" if s.sup else "") + s.suffix.replace("[", "\\[").replace("]", "\\]")
    )


def typst_script(part: str) -> str:
    """Return a sub- or superscript as Typst needs it: letters side by side would be one unknown name."""
    if part.startswith(SLOT):
        return part
    return re.sub(r"(?<=[^\W\d])(?=\w)|(?<=\w)(?=[^\W\d])", " ", part)


def _typst_bracket(x: str, grows: bool) -> str:
    # Brackets grow of themselves, which is too much around scripts that are only high, as those of W^([2]); escaped,
    # they keep their size. A comma needs the pair, without which it would end an argument.
    high = "^([" in x or "^((" in x
    return f"\\({x}\\)" if high and not grows and "," not in x else f"({x})"


def _typst_call(head: str, args: str) -> str:
    # A word that is no operator of Typst's is made one; after a script, a bracket would belong to it.
    head = f'op("{head}")' if head in ("expm1", "id", "sign") else head
    return head + ('""' if "_" in head else "") + _typst_bracket(args, tall(args))


TEXT = Form(
    name="text",
    symbol=_text_symbol,
    fraction=lambda above, below: f"{above}/{below}",
    partial=lambda of, by: f"∂{of}/∂{by}",
    summation=lambda index, low, high: f"Σ_{{{index}={low}}}^{braced(high)} " if high else f"Σ_{index} ",
    power=lambda base, n: base + str(n).translate(_SUPERSCRIPTS),
    exponential=lambda x: f"exp({x})",
    bracket=lambda x, tall: f"({x})",
    call=lambda head, args: f"{head}({args})",
    absolute=lambda x: f"|{x}|",
    delta=lambda x: f"δ_{x}",
    dot=" · ",
    minus="−",
    relation=lambda r: r,
    fraction_is_atom=False,
    hadamard=" ⊙ ",
    transpose=lambda m: f"{m}ᵀ",
    columns=lambda c: f"[:, {c}]",
    rowsum="rowsum",
    ones="𝟏",
    matrix=lambda rows: "[" + "; ".join(", ".join(row) for row in rows) + "]",
    named={"lambda": "λ", "alpha": "α", "sqrt(2/pi)": "√(2/π)"},
)


LATEX = Form(
    name="latex",
    symbol=_latex_symbol,
    fraction=lambda above, below: rf"\frac{{{above}}}{{{below}}}",
    partial=lambda of, by: rf"\frac{{\partial {of}}}{{\partial {by}}}",
    summation=lambda index, low, high: (
        rf"\sum_{{{index}={low}}}^{braced(high)} " if high else rf"\sum_{braced(index)} "
    ),
    power=lambda base, n: f"{base}^{braced(str(n))}",
    exponential=lambda x: f"e^{{{x}}}",
    bracket=lambda x, tall: rf"\left( {x} \right)" if tall else f"({x})",
    call=lambda head, args: rf"{head}\left({args}\right)" if tall(args) else f"{head}({args})",
    absolute=lambda x: rf"\left|{x}\right|",
    delta=lambda x: rf"\delta_{{{x}}}",
    dot=r" \cdot ",
    minus="-",
    relation=lambda r: {"≤": r"\le", "≥": r"\ge"}.get(r, r),
    fraction_is_atom=True,
    hadamard=r" \odot ",
    transpose=lambda m: f"{m}^T",
    columns=lambda c: f"[:, {c}]",
    rowsum=r"\operatorname{rowsum}",
    ones=r"\mathbf{1}",
    matrix=lambda rows: rf"\begin{{bmatrix}} {_grid(rows, ' & ', _LATEX_ROW)} \end{{bmatrix}}",
    named={"lambda": r"\lambda", "alpha": r"\alpha", "sqrt(2/pi)": r"\sqrt{2/\pi}"},
)  # fmt: skip


AMONG_WORDS = replace(LATEX, partial=lambda of, by: rf"\partial {of}/\partial {by}")
"""LaTeX among words: a partial in one line, since a fraction there would be too small to read."""


TYPST = Form(
    name="typst",
    symbol=_typst_symbol,
    fraction=lambda above, below: f"frac({above}, {below})",
    # ∂ itself, because Typst keeps the space in `partial italic("loss")`, a space before a word.
    partial=lambda of, by: f"frac(∂{of}, ∂{by})",
    summation=lambda index, low, high: f"sum_({index} = {low})^({high}) " if high else f"sum_({index}) ",
    power=lambda base, n: f"{base}^({n})",
    exponential=lambda x: f"e^({x})",
    bracket=_typst_bracket,
    call=_typst_call,
    absolute=lambda x: f"abs({x})",
    delta=lambda x: f"delta_({typst_script(x)})",
    dot=" dot ",
    minus="-",
    relation=lambda r: {"≤": "<=", "≥": ">="}.get(r, r),
    fraction_is_atom=True,
    hadamard=" dot.o ",
    transpose=lambda m: f"{m}^T",
    columns=lambda c: f"\\[:\\, {c.replace(',', chr(92) + ',')}\\]",  # a bare comma would end an argument of frac
    rowsum='op("rowsum")',
    ones="bold(1)",
    matrix=lambda rows: 'mat(delim: "[", ' + _grid(rows, ", ", "; ") + ")",
    named={"lambda": "lambda", "alpha": "alpha", "sqrt(2/pi)": "sqrt(2 slash pi)"},
)


_LATEX_ROW = r" \\ "


def _grid(rows: list[list[str]], between_cells: str, between_rows: str) -> str:
    """Return the cells of a matrix in a row; a row of dots stands in every column."""
    width = max(map(len, rows))
    return between_rows.join(between_cells.join(row * width if len(row) == 1 else row) for row in rows)


FORMS = {form.name: form for form in (TEXT, LATEX, TYPST)}


def tall(text: str) -> bool:
    """Return whether brackets around a LaTeX or Typst text must grow."""
    return any(mark in text for mark in (r"\frac", r"\sum", r"\begin{bmatrix}", "frac(", "sum_("))
