"""Write docs/rules.md and the tables of README.md anew, from the tables that chainrule itself reads.

    python docs/make_rules.py

Values and derivatives are the rows' own expressions, set by the writer of every line; nothing is worked out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.algebra import add, mul, negative
from chainrule.calculus import differentiate
from chainrule.expr import ONE, Call, Delta, Dim, Div, Expr, Index, Matrix, Ref, Sum, Symbol
from chainrule.matrix import matrix_steps
from chainrule.network import Network
from chainrule.notation import load, names
from chainrule.prose import sentence, template
from chainrule.rules import ACTIVATIONS, LOSSES, Rule
from chainrule.show import FORMATS
from chainrule.show.drawing import FORMATS as DRAWING_FORMATS
from chainrule.show.forms import FORMS
from chainrule.show.table import FORMATS as VALUE_FORMATS
from chainrule.show.write import Writer

ROOT = Path(__file__).resolve().parent.parent

Z, A, P, T = (Ref(Symbol(kind)) for kind in ("z", "a", "pred", "true"))
SAMPLE, OUTPUTS = Dim("samples", 1), Dim("outputs", None)
K, I, M = (Index(letter, OUTPUTS) for letter in "kim")
SOURCE = re.compile(r"arXiv (\d{4}\.\d{5})")


def exp(x: Expr) -> Expr:
    """Return e^x."""
    return Call("exp", (x,))


PRIMITIVES: dict[str, Expr] = {
    "sigmoid": Div(ONE, add(ONE, exp(negative(Z)))),
    "tanh": Div(add(exp(Z), negative(exp(negative(Z)))), add(exp(Z), exp(negative(Z)))),
    "softplus": Call("log", (add(ONE, exp(Z)),)),
}
"""What the rows without a value of their own are, in exponentials; a test holds them to the numbers that are used."""


def at(kind: str, index: Index) -> Ref:
    """Return an output's symbol: pred_k."""
    return Ref(Symbol(kind, (SAMPLE, OUTPUTS)), (1, index))


def parameter(row: Rule) -> float:
    """Return the parameter that a row is shown with."""
    return 1.0 if row.parameter is None else row.parameter


def activation(row: Rule) -> tuple[Expr, Expr, Expr, Expr]:
    """Return an activation's result and value, and what the derivative is by and its value."""
    if row.vector:
        above, below = exp(at("z", K)), Sum(M, exp(at("z", M)))
        slope = mul(at("pred", K), add(Delta(K, I), negative(at("pred", I))), dot=False)
        return at("pred", K), Div(above, below), at("z", I), slope
    value = PRIMITIVES[row.name] if row.value is None else row.value(Z, parameter=parameter(row))
    return A, value, Z, row.slopes[0](Z, result=A, parameter=parameter(row))


def loss(row: Rule) -> tuple[Expr, Expr, Expr]:
    """Return a loss of one output (of one sample, where outputs go together), its variable, its derivative."""
    if row.vector:
        target = Ref(Symbol("true", (SAMPLE,)), (1,)) if row.class_index else at("true", K)
        value = row.build(K, at("pred", K), target)
        return value, at("pred", I), differentiate(value, at("pred", I))
    assert row.value is not None
    return row.value(P, T, parameter=parameter(row)), P, row.slopes[0](P, T, result=P, parameter=parameter(row))


def latex(*sides: Expr) -> str:
    """Return expressions as LaTeX."""
    return " = ".join(Writer(FORMS["latex"], load("seed")).write(side) for side in sides)


def text(expr: Expr) -> str:
    """Return an expression as Unicode text."""
    return Writer(FORMS["text"], load("seed")).write(expr)


def heads(row: Rule) -> str:
    """Return how a row is named on the command line: its name, then other names."""
    own = f"`{row.name}`" if row.parameter is None else f"`{row.name}({row.parameter:g})`"
    return ", ".join([own, *(f"`{alias}`" for alias in row.aliases)])


def kink(row: Rule) -> str:
    """Return what is taken at a kink, or nothing."""
    key = f"rule.kink.{row.name}"
    return sentence(key, lang="en") if template(key, lang="en") else ""


PAGE = """\
# Activations and losses

Every activation and every loss is one row of one table, [`chainrule.rules`](api.md#chainrule.rules): its value, its
derivative, how it is written, where it is from. The derivation, the numbers and every form read that row. This page is
written from it by `docs/make_rules.py`, and a test holds it to the table.

A name may be written in any case and with a hyphen for `_`. Some take a parameter in brackets, `leaky_relu(0.1)`; the
number shown here is the one that is taken without brackets, and the formulas on this page have it put in.

## Activations

$a = f(z)$. The derivative is written through $a$ where the field does so. $[\\,\\ldots\\,]$ is 1 where the condition
holds and 0 elsewhere.

{activations}

## Losses

A loss compares the prediction $pred$ of each output with its target $true$. Unless `--reduction` says otherwise, the
terms of all samples and outputs are gathered as each row says.

{losses}
"""


def page() -> str:
    """Return docs/rules.md."""
    return PAGE.format(
        activations="\n".join(map(activation_section, ACTIVATIONS.values())),
        losses="\n".join(map(loss_section, LOSSES.values())),
    )


def activation_section(row: Rule) -> str:
    """Return what the page says of an activation."""
    result, value, by, slope = activation(row)
    derivative = rf"\frac{{\partial {latex(result)}}}{{\partial {latex(by)}}}"
    lines = [f"$$ {latex(result)} = {latex(value)} $$", "", f"$$ {derivative} = {latex(slope)} $$"]
    more = [kink(row)]
    if row.name == "selu":
        more.append(r"$\lambda = 1.0507009873554805$ and $\alpha = 1.6732632423543772$.")
    if row.name == "gelu":
        more.append(r"$\Phi$ and $\varphi$ are the standard normal distribution function and its density.")
    if row.vector:
        more.append("It takes a whole layer, and only the last one.")
    return section(sentence(f"drawing.activation.{row.name}", lang="en"), row, lines, more)


def loss_section(row: Rule) -> str:
    """Return what the page says of a loss."""
    value, by, slope = loss(row)
    what = "L"
    lines = [
        f"$$ {what} = {latex(value)} $$",
        "",
        rf"$$ \frac{{\partial {what}}}{{\partial {latex(by)}}} = {latex(slope)} $$",
    ]
    samples, outputs = (sentence(f"page.reduce.{how}", lang="en") for how in row.reduction)
    more = [f"Usually {samples} over samples and {outputs} over outputs."]
    if row.vector:
        more = [f"$L$ is the loss of one sample, all outputs together; usually {samples} over samples."]
    if row.class_index:
        more.append("The target is the number of a class, counted from 1.")
    if row.name == "hinge":
        more.append("Targets are −1 and 1.")
    return section(sentence(f"rule.name.{row.name}", lang="en"), row, lines, [*more, kink(row)])


def section(title: str, row: Rule, lines: list[str], more: Iterable[str]) -> str:
    """Return a heading, the formulas and the facts about a row."""
    source = SOURCE.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", row.source)
    facts = [f"- Written {heads(row)}", *(f"- {fact}" for fact in more if fact), f"- Source: {source}"]
    return "\n".join([f"### {title[0].upper()}{title[1:]}", "", *lines, "", *facts, ""])


# The tables of README.md, between comments with their names.


def tables() -> Iterator[tuple[str, str]]:
    """Yield the tables of the README by name."""
    rows = ("| name | f(z) | derivative |", "|---|---|---|")
    yield (
        "activations",
        "\n".join((*rows, *(_row(row, activation(row)[1], activation(row)[3]) for row in ACTIVATIONS.values()))),
    )
    rows = ("| name | one term | derivative by pred |", "|---|---|---|")
    yield "losses", "\n".join((*rows, *(_row(row, loss(row)[0], loss(row)[2]) for row in LOSSES.values())))
    rows = ("| `--notation` | a weight | a partial | a matrix line |", "|---|---|---|---|")
    yield "notations", "\n".join((*rows, *map(_notation, names())))
    rows = ("| command | `--format` |", "|---|---|")
    forms = (("derive", FORMATS), ("draw", DRAWING_FORMATS), ("values", VALUE_FORMATS))
    yield "forms", "\n".join((*rows, *(f"| `chainrule {name}` | {_list(known)} |" for name, known in forms)))


def _row(row: Rule, value: Expr, slope: Expr) -> str:
    return f"| {heads(row).split(', ')[0]} | {_cell(value)} | {_cell(slope)} |"


def _cell(expr: Expr) -> str:
    """Return an expression for a table; a long one stands on the page of rules only."""
    found = text(expr).replace("|", "\\|")
    return f"`{found}`" if len(found) <= 56 else "[long](docs/rules.md)"


def _notation(name: str) -> str:
    """Return how a notation writes a weight, a partial and a line of the matrix view, of the network 2-3-2-1."""
    writer = Writer(FORMS["text"], load(name))
    net = Network.read("2-3-2-1")
    whole = next(step for step in matrix_steps(net.derive(samples=None)) if str(step.target) == "w^2")
    assert whole.value is not None
    sides = (Matrix(whole.target, of=Symbol("loss")), whole.value)
    weight, partial = net.derive()["w_13^2"].target, net.derive()["z_1^2"].partial
    cells = (name, writer.write(weight), writer.write(partial), " = ".join(map(writer.write, sides)))
    return "| " + " | ".join(f"`{cell}`" for cell in cells) + " |"


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def readme(old: str) -> str:
    """Return README.md with its tables as they should be."""
    for name, table in tables():
        pattern = re.compile(rf"(<!-- {name}:[^>]*-->\n).*?(\n<!-- end -->)", re.DOTALL)
        assert len(pattern.findall(old)) == 1, f"README.md has no place for the table of {name}"
        old = pattern.sub(lambda match, table=table: match[1] + table + match[2], old)  # type: ignore[misc]
    return old


def main() -> None:
    """Write both files."""
    path = ROOT / "README.md"
    path.write_text(readme(path.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "rules.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
