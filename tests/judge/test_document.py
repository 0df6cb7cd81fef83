"""Documents: which formulas are found in them, where, and what is left alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainrule.judge.document import FORMATS, DocumentError, Found, detect, read_document
from chainrule.judge.document_macros import LONGEST
from chainrule.prose import sentence

SEED = Path(__file__).parents[1] / "fixtures" / "seed" / "derivation.md"
SECONDS = 40
"""What five million characters may take, on a slow machine too."""


def sources(text, format="markdown"):
    """Return what is to be read of each formula."""
    return [formula.source for formula in read_document(text, format=format).formulas]


def chains(text, format="markdown"):
    """Return the sources, those that continue a chain in one list with it."""
    found = []
    for formula in read_document(text, format=format).formulas:
        if formula.continues:
            found[-1].append(formula.source)
        else:
            found.append([formula.source])
    return found


def problems(text, format="markdown"):
    return [(problem.key, problem.start) for problem in read_document(text, format=format).problems]


# Markdown


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("so $a = b$.", ["a = b"]),
        ("so $a\n= b$.", ["a\n= b"]),
        (r"so \(a = b\) and \[c = d\]", ["a = b", "c = d"]),
        ("$$a = b$$ and $$\nc = d\n$$", ["a = b", "c = d"]),
        ("$`a = b`$", ["a = b"]),
        ("```math\na = b\n```\n", ["a = b"]),
        ("``` {.math}\na = b\n```", ["a = b"]),
        ("- $$\n  a = b\n  $$\n", ["a = b"]),
        ("|x|\n|-|\n|$a=1$|$b=2$|", ["a=1", "b=2"]),
        (r"$\text{if $x$} = 1$", [r"\text{if $x$} = 1"]),
        ("> $$\n> a = b\n> + c\n> $$\n", ["a = b + c"]),
        ("> $a = b$", ["a = b"]),
        ("> ```math\n> a = b\n> ```\n", ["a = b"]),
        ("$$\n\na = b\n\nc = d\n\n$$\n$e = f$", ["a = b", "c = d", "e = f"]),
        ("$$a = \\begin{cases} x & y \\\\ z & u \\end{cases}$$", ["a = \\begin{cases} x & y \\\\ z & u \\end{cases}"]),
        ("---\ntitle: $a$\n---\n$b$", ["b"]),
        ("<!-- $a$ --> $b$", ["b"]),
        ("<PRE>$a$</PRE> $b$", ["b"]),
        ("`$a$` ``$b` $`` $c$", ["c"]),
        ("```\n$a$\n```\n~~~python\n$b$\n~~~\n$c$", ["c"]),
        ("text\n\n    $a = b$\n\n$c$", ["c"]),
        (r"\$a $b$ \$", ["b"]),
        ("it costs $5 and $6, or $7.", []),
        ("$ a$ and $b $ and $c$1", []),
        ("$a$5 $b$", ["b"]),
        ("", []),
        ("$$", []),
        ("$$$$", []),
    ],
)
def test_formulas_of_markdown(page, found):
    assert sources(page) == found


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("∂loss/∂w₁₁³ = (pred − true) · a", ["∂loss/∂w₁₁³ = (pred − true) · a"]),
        ("- ∂L/∂w = δ a\n- next\n", ["∂L/∂w = δ a"]),
        ("∂L/∂w\n= δ a\n= 2", ["∂L/∂w", "= δ a", "= 2"]),
        ("∂L/∂w = a\n  + b", ["∂L/∂w = a\n  + b"]),
        ("- ∂L/∂w = a\n- b", ["∂L/∂w = a"]),
        ("z = w x + b", ["z = w x + b"]),
        ("∂L/∂w = $a$", ["a"]),
        ("The gradient ∂L/∂w is large = bad", []),
        ("그래서 δ = pred − true 로 둔다", []),
        ("see https://x.org/?a=b", []),
        ("x = 5 apples", []),
        ("Title\n=====\n", []),
        ("Answer\n= 3", ["= 3"]),
    ],
)
def test_lines_of_markdown_that_are_plainly_equations(page, found):
    assert sources(page) == found


def test_kinds_of_formulas():
    document = read_document("$a$ $$b$$\n\n∂L/∂w = δ a\n")
    assert [(f.markup, f.display) for f in document.formulas] == [("latex", False), ("latex", True), ("text", True)]


def test_the_seed():
    text = SEED.read_text(encoding="utf-8")
    document = read_document(text, name="derivation.md")
    display = [formula for formula in document.formulas if formula.display]
    assert len(display) == text.count("$$") // 2 == 31
    assert [formula.source for formula in document.formulas if not formula.display] == [
        "w",
        r"\frac{\partial loss}{\partial w}",
    ]
    assert not any(formula.continues for formula in document.formulas)
    assert document.problems == ()
    for formula in document.formulas:
        assert text[formula.start : formula.end] == formula.source
        around = text[formula.start - 1] + text[formula.end]
        assert around.strip() in ("$$", "$", "")


# LaTeX


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (r"\begin{align}a&=b\\&=c\\[2pt]&=d\\*&=e\end{align}", [["a&=b", "=c", "=d", "=e"]]),
        (r"\begin{align*}a&=b\\c&=d\\&=e\end{align*}", [["a&=b"], ["c&=d", "=e"]]),
        (r"\begin{align}&a\\&=b\end{align}", [["a", "=b"]]),
        (r"\begin{align}a&=b\\&\quad{}+c\\&=d\end{align}", [[r"a&=b &\quad{}+c", "=d"]]),
        (r"\begin{alignat}{2}a&=b&c&=d\\&=e&&=f\end{alignat}", [["a&=b", "=e&&=f"], ["c&=d"]]),
        (r"\begin{gather}a=b\\c=d\end{gather}", [["a=b"], ["c=d"]]),
        (r"\begin{multline}a=b\\+c\\+d\end{multline}", [["a=b +c +d"]]),
        (r"\begin{eqnarray*}a&=&b\\&=&c\end{eqnarray*}", [["a&=&b", "=&c"]]),
        (r"\begin{IEEEeqnarray}{rCl}a&=&b\\&=&c\end{IEEEeqnarray}", [["a&=&b", "=&c"]]),
        (r"\[\begin{array}{rcl}a&=&b\\&=&c\end{array}\]", [["a&=&b", "=&c"]]),
        (r"\[A=\begin{pmatrix}a&b\\c&d\end{pmatrix}\]", [[r"A=\begin{pmatrix}a&b\\c&d\end{pmatrix}"]]),
        (r"\begin{equation}\begin{split}a&=b\\&=c\end{split}\end{equation}", [["a&=b", "=c"]]),
        (r"\begin{equation}\begin{aligned}[t]a&=b\\&=c\end{aligned}\end{equation}", [["a&=b", "=c"]]),
        (r"\begin{subequations}\begin{align}a&=b\\&=c\end{align}\end{subequations}", [["a&=b", "=c"]]),
        (r"\begin{displaymath}a\end{displaymath}\begin{math}b\end{math}\begin{dmath*}c\end{dmath*}",
         [["a"], ["b"], ["c"]]),
        (r"\begin{flalign*}&a=b&&\\&=c&\end{flalign*}", [["a=b", "=c"]]),
        (r"\begin{align}a&=b\\\intertext{so $x = 1$,}c&=d\end{align}", [["a&=b"], ["c&=d"], ["x = 1"]]),
        (r"\begin{align}a&=b\\\shortintertext{so}&=c\end{align}", [["a&=b", "=c"]]),
        (r"$a=\left(b\\c\right)$", [[r"a=\left(b\\c\right)"]]),
        (r"$a=\text{if $x$ then}$", [[r"a=\text{if $x$ then}"]]),
        ("50\\% $a$ % $b$\n$c$", [["a"], ["c"]]),
        (r"\verb|$a$| $b$", [["b"]]),
        (r"\begin{verbatim}$a$\end{verbatim}\begin{lstlisting}[x]$b$\end{lstlisting}$c$", [["c"]]),
        (r"\begin{comment}$a$\end{comment}$b$", [["b"]]),
        (r"\section{$a=1$}\begin{tabular}{l}$b=1$\\$c=1$\end{tabular}", [["a=1"], ["b=1"], ["c=1"]]),
    ],
)  # fmt: skip
def test_formulas_of_latex(body, found):
    assert chains(body, "latex") == found
    whole = rf"\documentclass{{article}} $p$ \begin{{document}}{body}" + "\n\\end{document} $q$"
    assert chains(whole, "latex") == found


def test_a_comment_inside_of_a_formula_is_no_part_of_it():
    text = "\\begin{align}a&=b% so $x$ \\\\\n+c\\\\&=d\\end{align}"
    formula, after = read_document(text, format="latex").formulas
    assert formula.source == "a&=b +c"
    assert after.continues
    assert text[slice(*formula.place(5, 7))] == "+c"
    assert formula.exact(5, 7)
    assert not formula.exact(3, 6)


# Macros


@pytest.mark.parametrize(
    ("definition", "use", "source"),
    [
        (r"\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}", r"\pd{L}{w}", r"\frac{\partial L}{\partial w}"),
        (r"\newcommand\pd[2]{\frac{#1}{#2}}", r"\pd Lw", r"\frac{L}{w}"),
        (r"\newcommand{\s}[2][i]{s_{#1}^{#2}}", r"\s{2} \s[j]{3}", "s_{i}^{2} s_{j}^{3}"),
        (r"\def\loss{\mathcal L}", r"\loss = 1", r"\mathcal L = 1"),
        (r"\def\x#1{x_{#1}}", r"\x2 + \x{10}", r"x_{2} + x_{10}"),
        (r"\DeclareMathOperator{\relu}{ReLU}", r"\relu(z)", r"\operatorname{ReLU}(z)"),
        (r"\newcommand{\a}{\b}\newcommand{\b}{c}", r"\a\b", "cc"),
        ("\\newcommand{\\s}{a}\n% \\newcommand{\\s}{b}\n", r"\s", "a"),
        (r"\newcommand{\s}{a}\renewcommand{\s}{b}", r"\s", "b"),
        (r"\newcommand{\y}{Y}", r"\begin{cases}a\\y\end{cases}\y", r"\begin{cases}a\\y\end{cases}Y"),
        (r"\newcommand{\pd}[2]{#1#2}", r"\pd{a", r"\pd{a"),
    ],
)
def test_macros(definition, use, source):
    preamble = rf"{definition}\begin{{document}}"
    assert sources(f"{preamble}$${use}$$", "latex") == [source]


def test_macros_of_a_markdown_document_and_of_cells_before():
    assert sources(r"$\newcommand{\s}{\cdot} a \s b$ and $\s$") == [r"a \cdot b", r"\cdot"]
    cells = [{"cell_type": "markdown", "source": text} for text in (r"$\def\s{\sigma}$", r"$\s$")]
    assert sources(json.dumps({"cells": cells}), "notebook") == [r"\sigma"]


def test_macros_that_open_environments():
    text = r"\newcommand{\be}{\begin{align}}\newcommand{\ee}{\end{align}}\be a&=b\\&=c\ee so $d$ \be e"
    assert chains(text, "latex") == [["a&=b", "=c"], ["d"]]
    assert [key for key, _ in problems(text, "latex")] == ["unclosed"]


def test_what_a_macro_stands_for_has_the_place_of_its_use():
    text = r"\newcommand{\s}[1]{\sigma(#1)}$a = \s{z} + b$"
    (formula,) = read_document(text, format="latex").formulas
    assert formula.source == r"a = \sigma(z) + b"
    at = formula.source.index("z")
    assert text[slice(*formula.place(at, at + 1))] == r"\s{z}"
    assert not formula.exact(at, at + 1)
    at = formula.source.index("b")
    assert text[slice(*formula.place(at, at + 1))] == "b"
    assert formula.exact(at, at + 1)


@pytest.mark.parametrize(
    "text",
    [
        r"\def\a{\a\a}$\a$",
        r"\def\e{}\def\b{" + r"\e" * 3000 + r"}\def\c{" + r"\b" * 3000 + "}" + r"$x \c$ " * 10,
        r"\newcommand{\a}[1]{#1#1}$" + r"\a{" * 40 + "x" + "}" * 40 + "$",
        r"\newcommand{\pd}[2]{#1#2}$" + r"\pd{" * 100_000 + "$",
        r"$\newcommand{\a}{x" * 50_000,
        r"\newcommand{\a}{" * 100_000,
        r"\newcommand{\a}{" + "x" * 5_000 + "}" + r"$\a$ " * 20_000,
    ],
)
def test_macros_are_bounded(text):
    start = time.process_time()
    document = read_document(text, format="latex")
    assert all(len(formula.source) <= max(LONGEST, formula.end - formula.start) for formula in document.formulas)
    assert time.process_time() - start < SECONDS


def test_a_formula_whose_macros_grow_too_large_is_left_as_it_stands():
    text = r"\def\b{" + "x" * 15_000 + r"}$a \b \b$ and $\b$"
    first, second = read_document(text, format="latex").formulas
    assert first.source == r"a \b \b"
    assert second.source == "x" * 15_000
    assert problems(text, "latex") == [("macros", first.start)]


# Plain text, Typst


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("a = b\n= c\n\nd = e", [["a = b", "= c"], ["d = e"]]),
        ("∂L/∂w\n  = δ a\r\n  = 2\r\n", [["∂L/∂w", "= δ a", "= 2"]]),
        ("dL/dw = a\n    + b\n= c", [["dL/dw = a\n    + b", "= c"]]),
        ("a =\nb", [["a =\nb"]]),
        ("- a = b\n- c = d\n- e", [["a = b"], ["c = d"]]),
        ("1) z = w x + b   # the sum", [["z = w x + b"]]),
        ("Step 2: δ = pred − true", [["δ = pred − true"]]),
        ("loss = (pred - true)^2 (squared error)", [["loss = (pred - true)^2"]]),
        ("The rate = 3 is small", []),
        ("if x == 3 or a => b", []),
        ("\x00a = b", [["\x00a = b"]]),
    ],
)
def test_equations_of_plain_text(page, found):
    assert chains(page, "text") == found


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("so $a = b$ and $ c &= d \\\n &= e $", [["a = b"], ["c &= d", "= e"]]),
        ("$ a &= b \\ &+ c \\ &= d $", [["a &= b &+ c", "= d"]]),
        ("$ a = cases(1 \\ 2) $", [["a = cases(1 \\ 2)"]]),
        ("$ a) \\ = b $", [["a)", "= b"]]),
        ("$ a // $ c\n /* $ */ = b $", [["a = b"]]),
        ("// $a$\n/* /* $b$ */ $c$ */ `$d$` ```typ $e$ ``` \\$ https://x.y/$f$", [["f"]]),
        ('$"a $ b" = 1$', [['"a $ b" = 1']]),
    ],
)
def test_formulas_of_typst(page, found):
    assert chains(page, "typst") == found


def test_display_in_typst_has_blanks_inside():
    assert [f.display for f in read_document("$a$ $ b $", format="typst").formulas] == [False, True]


# Notebooks


@pytest.mark.parametrize("wrap", [lambda cells: {"cells": cells}, lambda cells: {"worksheets": [{"cells": cells}]}])
def test_a_notebook(wrap):
    cells = [
        {"cell_type": "code", "source": "$a$", "outputs": [{"data": {"text/latex": "$b$"}}]},
        {"cell_type": "markdown", "source": ["so\n", "$c$\n"]},
        {"cell_type": "raw", "source": "$d$"},
        {"cell_type": "markdown", "source": "$e$"},
    ]
    document = read_document(json.dumps(wrap(cells)), name="sheet.ipynb")
    assert document.texts == ("so\n$c$\n", "$e$")
    assert document.cells == (2, 4)
    assert [(f.part, f.source, document.position(f.part, f.start)) for f in document.formulas] == [
        (0, "c", (2, 2)),
        (1, "e", (1, 2)),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "notebook_json"),
        ("{", "notebook_json"),
        ("null", "notebook_cells"),
        ('{"cells": 3}', "notebook_cells"),
        ("[" * 100_000, "notebook_cells"),
        ('{"cells": ' + "9" * 5_000 + "}", "notebook_cells"),
    ],
)
def test_what_is_no_notebook(text, key):
    with pytest.raises(DocumentError) as error:
        read_document(text, name="sheet.ipynb")
    assert error.value.key == key
    assert str(error.value)


def test_the_place_of_malformed_json():
    with pytest.raises(DocumentError) as error:
        read_document('{\n "cells" 3}', name="sheet.ipynb")
    assert (error.value.place.line, error.value.place.text) == (2, ' "cells" 3}')


def test_odd_cells_are_passed_over():
    text = '{"cells": [1, null, {"cell_type": "markdown"}, {"cell_type": "markdown", "source": [1, "$\\ud800$"]}]}'
    assert sources(text, "notebook") == ["\ufffd"]
    assert sources('{"worksheets": [3, {"cells": 3}]}', "notebook") == []


# Encodings, sizes, formats


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding):
    document = read_document("é $a = b$\r\n∂".encode(encoding))
    assert document.texts == ("é $a = b$\r\n∂",)
    assert [document.position(0, f.start) for f in document.formulas] == [(1, 4)]


def test_bytes_that_are_no_text():
    with pytest.raises(DocumentError) as error:
        read_document(b"a\nb\xff", name="sheet.md")
    assert error.value.key == "document_encoding"
    assert (error.value.facts["byte"], error.value.facts["line"]) == (3, 2)


@pytest.mark.parametrize("data", ["x" * 11, b"x" * 11])
def test_a_document_has_a_largest_size(data):
    assert read_document(data[:10], largest=10).formulas == ()
    with pytest.raises(DocumentError) as error:
        read_document(data, largest=10)
    assert error.value.key == "document_too_large"


def test_an_unknown_format():
    with pytest.raises(DocumentError) as error:
        read_document("a", format="word")
    assert error.value.key == "unknown_document_format"


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.MD", "", "markdown"),
        ("a.tex", "$x$", "latex"),
        ("a.ipynb", "", "notebook"),
        ("a.typ", "", "typst"),
        ("a.txt", "$x$", "text"),
        ("-", r"\documentclass{article}", "latex"),
        ("-", r"\begin{align}a&=b\end{align}", "latex"),
        ("-", ' {"cells": []}', "notebook"),
        ("-", "so $x$", "markdown"),
        ("-", "x = y", "text"),
    ],
)
def test_detect(name, text, format):
    assert detect(name, text) == format


def test_lines_and_columns():
    document = read_document("a\r\nb\rc\n")
    places = [document.position(0, offset) for offset in range(8)]
    assert places == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1)]


# What is not closed


@pytest.mark.parametrize(
    ("page", "format", "at"),
    [
        ("x $$a\n\nand $b$", "markdown", 2),
        ("$$\na = b\n\nsome prose here\n\n$$\nc = d\n$$", "markdown", 0),
        (r"\[ a", "markdown", 0),
        ("\\begin{align}a&=b\n\nand $b$", "latex", 0),
        ("x $a\n\nand $b$", "latex", 2),
        ("x $a", "typst", 2),
    ],
)
def test_what_is_not_closed_is_a_problem(page, format, at):
    document = read_document(page, format=format)
    assert [(problem.key, problem.start) for problem in document.problems] == [("unclosed", at)]
    for lang in ("en", "ko"):
        assert document.problems[0].text(lang)
    assert "a" not in [formula.source for formula in document.formulas]


def test_too_many_rows_are_a_problem(monkeypatch):
    monkeypatch.setattr("chainrule.judge.document.MOST_ROWS", 3)
    document = read_document("$a$ $b$ $c$ $d$ $e$")
    assert [formula.source for formula in document.formulas] == ["a", "b", "c"]
    assert [problem.text("en") for problem in document.problems] == [sentence("document.too_many", most=3)]


# Properties

TERMS = st.sampled_from([r"\frac{\partial L}{\partial w}", "a_1^2", r"\delta", "(y - t)", "x_{11}", r"\sigma'(z)"])
FORMULAS = st.lists(TERMS, min_size=2, max_size=4).map(" = ".join)
PROSE = st.text(alphabet=st.sampled_from("abc 가나다,.;!?\n(é)ß—"), max_size=60).map(lambda prose: f"word {prose} word")
FENCES = {
    "markdown": [
        ("${}$", 0), ("\n\n$$\n{}\n$$\n\n", 1), ("$${}$$", 1), (r"\({}\)", 0), (r"\[{}\]", 1),
        ("\n```math\n{}\n```\n", 1), ("$`{}`$", 0), ("\n\\begin{{align*}}{}\\end{{align*}}\n", 1),
    ],
    "latex": [
        ("${}$", 0), ("$${}$$", 1), (r"\({}\)", 0), (r"\[{}\]", 1),
        ("\n\\begin{{equation}}\n{}\n\\end{{equation}}\n", 1), (r"\begin{{gather*}}{}\end{{gather*}}", 1),
    ],
    "typst": [("${}$", 0), ("$ {} $", 1), ("\n$\n{}\n$\n", 1)],
    "text": [("\n\n{}\n\n", 1)],
}  # fmt: skip
NOISE = {
    "markdown": ["`$n$`", "\n```\n$n$\n```\n", "<!-- $n = m$ -->", r"\$n", " $5 and $6 "],
    "latex": [r"\verb|$n$|", "% $n = m$\n", r"\begin{verbatim}$n$\end{verbatim}", r"\$n"],
    "typst": ["`$n$`", "\n// $n$\n", "/* $n$ */", r"\$n"],
    "text": ["\n# n\n"],
}


@settings(max_examples=150)
@given(data=st.data(), format=st.sampled_from(sorted(FENCES)))
def test_formulas_between_prose_are_found_exactly(data, format):
    text, expected = "", []
    for _ in range(data.draw(st.integers(0, 5))):
        text += data.draw(PROSE) + data.draw(st.sampled_from(["", *NOISE[format]])) + " "
        fence, display = data.draw(st.sampled_from(FENCES[format]))
        formula = data.draw(FORMULAS)
        before = fence.format("\0").index("\0")
        expected.append((len(text) + before, formula, bool(display)))
        text += fence.format(formula) + " "
    document = read_document(text, format=format)
    assert [(f.start, f.source, f.display) for f in document.formulas] == expected
    assert document.problems == ()


@settings(max_examples=60)
@given(rows=st.lists(TERMS, min_size=2, max_size=8), environment=st.sampled_from(["align", "eqnarray*", "aligned"]))
def test_rows_of_an_alignment_make_one_chain(rows, environment):
    body = r" \\ ".join([rows[0], *(f"&= {row}" for row in rows[1:])])
    text = rf"\begin{{{environment}}}{body}\end{{{environment}}}"
    assert chains(text, "markdown") == chains(text, "latex") == [[rows[0], *(f"= {row}" for row in rows[1:])]]


PIECES = st.sampled_from(
    ["$", "$$", "\\", "\\\\", "{", "}", "`", "```", "\n", "\n\n", " ", "&", "=", "a", "∂", "%", "/*", "*/", "//", '"',
     "(", ")", "\\begin{align}", "\\end{align}", "\\begin{cases}", "\\text{", "\\newcommand{\\a}{", "\\a", "#1", "\\[",
     "\\]", "<!--", "-->", "> ", "- ", "+", "---", "math", "\r", "\0", "\\intertext{", "\\left(", "\\verb|", "   ",
     "1"]
)  # fmt: skip


@settings(max_examples=300)
@given(text=st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200), format=st.sampled_from(FORMATS))
def test_any_text_is_read(text, format):
    try:
        document = read_document(text, format=format)
    except DocumentError:
        assert format == "notebook"
        return
    for formula in document.formulas:
        own = document.texts[formula.part]
        assert 0 <= formula.start <= formula.end <= len(own)
        assert formula.pieces[0].start == 0
        assert formula.pieces[-1].end == len(formula.source)
        for piece, following in zip(formula.pieces, formula.pieces[1:], strict=False):
            assert piece.end == following.start
        for piece in formula.pieces:
            assert formula.start <= piece.text_start <= piece.text_end <= formula.end
            if piece.exact:
                assert own[piece.text_start : piece.text_end] == formula.source[piece.start : piece.end]
    for problem in document.problems:
        assert problem.text("en")
        assert problem.text("ko")


@settings(max_examples=100)
@given(data=st.binary(max_size=60), name=st.sampled_from(["a.md", "a.tex", "a.ipynb", "a.txt", "a.typ", "-"]))
def test_any_bytes_are_read_or_refused(data, name):
    try:
        read_document(data, name=name)
    except DocumentError as error:
        key = error.key
    else:
        key = ""
    assert key in ("", "document_encoding", "notebook_json", "notebook_cells")


@settings(max_examples=60)
@given(text=st.text(max_size=80), encoding=st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
def test_bytes_are_decoded_to_the_same_text(text, encoding):
    assume(not text.startswith(("\ufeff", "\0")))  # UTF-16 that begins with a NUL has the mark of UTF-32
    assert read_document(text.encode(encoding), format="text").texts == (text,)


@pytest.mark.parametrize("format", ["markdown", "latex"])
@pytest.mark.parametrize("unit", ["$", "\\begin{align}", "\\", "{"])
def test_five_million_characters(unit, format):
    start = time.process_time()
    read_document(unit * (5_000_000 // len(unit)), format=format)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "\\newcommand" + " " * 200_000,
        ("\\newcommand{\\a" + " " * 500) * 1_000,
        ("a =" + " " * 1_990 + "b\n") * 200,
        ("a = b (" + "ab" * 990 + "\n") * 200,
        ("a = b (" + "ab (" * 490 + "\n") * 200,
        "$$\n" + "가" * 300_000 + "\n$$",
        "$$\n" + "a " * 100_000 + "\n$$",
        "a = b +\n" * 50_000,
        "a\n= b\n" * 50_000,
        "> $$\n> a = b\n" + "> + c\n" * 50_000 + "> $$",
        "$$\n" + "a = b\n\n" * 50_000 + "$$",
    ],
)
def test_no_pattern_looks_back_and_forth(text):
    for name in ("a.md", "a.tex", "a.txt", "a.typ"):
        start = time.process_time()
        read_document(text, name=name)
        assert time.process_time() - start < SECONDS / 2


def test_a_reader_that_cuts_too_much_is_noticed(monkeypatch):
    def careless(text):
        at = text.index("$")
        yield Found(((at, len(text)),), "latex", False, at)

    from chainrule.judge import document

    monkeypatch.setattr(document, "_READERS", {**document._READERS, "markdown": careless})
    with pytest.raises(AssertionError):
        test_formulas_of_markdown("so $a = b$.", ["a = b"])


def test_a_missing_bracket_takes_no_other_equation_with_it():
    lines = ["∂L/∂pred = 2 (pred - true", "∂L/∂w_11^3 = 2 (pred - true) a_1^2", "∂L/∂w_12^3 = 2 (pred - true"]
    document = read_document("\n".join([*lines, "    ) a_2^2"]), format="text")
    assert [" ".join(formula.source.split()) for formula in document.formulas] == [
        *lines[:2], f"{lines[2]} ) a_2^2",
    ]  # fmt: skip
