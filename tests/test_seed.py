"""The document that the project began from comes out, every equation in its own spelling, with its slips repaired.

`fixtures/seed/derivation.md` is that document byte for byte; `truth.json` says which of its links are wrong and what
repairs them. A repair is applied to the text; what then stands there must be what chainrule writes.
"""

import json
import re
from pathlib import Path

import pytest

from chainrule import Network
from chainrule.show.compose import compose
from chainrule.show.document import Equation
from chainrule.show.latex import LatexEmitter

SEED = Path(__file__).parent / "fixtures" / "seed"
TRUTH = json.loads((SEED / "truth.json").read_text(encoding="utf-8"))
SCALAR_LINES = [entry for entry in TRUTH if entry["line"] < 61]
MATRIX_LINES = {61: ("2-1", 1), 65: ("2-100-1", 2), 69: ("2-100-50-1", 3)}


def normal(latex: str) -> str:
    r"""Two spellings of the seed for one thing become one: \text{loss} and loss, \left( and (, spaces."""
    latex = re.sub(r"\\text\{(\w+)\}", r"\1", latex)
    return re.sub(r"\\left|\\right|\s", "", latex)


def repaired(entry: dict) -> list[str]:
    """The sides of one equation after the repairs that truth.json names; they apply to the rhs where not said."""
    sides = [entry["links"][0]["lhs"], *(link["rhs"] for link in entry["links"])]
    for position, link in enumerate(entry["links"]):
        for repair in link.get("repair", ()):
            at = position if repair.get("where") == "lhs" else position + 1
            assert sides[at].count(repair["from"]) >= repair["count"]
            # Renames are per side and simultaneous in the document; none of them feeds another.
            sides[at] = sides[at].replace(repair["from"], f"\0{repair['to']}", repair["count"])
    return [normal(side.replace("\0", "")) for side in sides]


def equations(shorthand: str, **options) -> list[list[str]]:
    """The sides of every equation of a network's document, in LaTeX."""
    samples = None if options.get("view") == "matrix" else 1
    document = compose(Network.read(shorthand).derive(samples=samples), **options)
    emitter = LatexEmitter(document, whole=False)
    return [
        [normal(side) for side in emitter.equation_sides(block)]
        for block in document.blocks
        if isinstance(block, Equation)
    ]


def test_the_truth_has_all_slips():
    """The fixture is the one the project was given: 58 links, 7 of them wrong."""
    links = [link for entry in TRUTH for link in entry["links"]]
    assert len(links) == 58
    assert [link["verdict"] for link in links].count("wrong") == 7


@pytest.mark.parametrize(
    "entry", SCALAR_LINES, ids=lambda entry: f"line{entry['line']}-{entry['links'][0]['lhs'][:24]}"
)
def test_every_scalar_equation_comes_out(entry):
    """Each equation of lines 8 to 57, repaired, is an equation of the document for 2-3-2-1, side by side."""
    wanted = repaired(entry)
    if wanted[0] == "mse":  # line 8 calls the loss mse where the rest of the document says loss
        wanted[0] = "loss"
    assert wanted in equations("2-3-2-1")


def test_the_gap_is_filled():
    """The seed uses ∂loss/∂z_1^2 and never derives it; here it is derived, before it is used."""
    lefts = [sides[0] for sides in equations("2-3-2-1")]
    gap = normal(r"\frac{\partial loss}{\partial z_1^2}")
    assert gap in lefts
    used = [sides[0] for sides in equations("2-3-2-1") if any(gap in side for side in sides[1:])]
    assert all(lefts.index(gap) < lefts.index(left) for left in used)


@pytest.mark.parametrize("line", MATRIX_LINES)
def test_every_matrix_equation_comes_out(line):
    """Lines 61, 65, 69: the last layer of three networks; the seed's δ is δ_l here, Z_l of a linear output is pred."""
    shorthand, layer = MATRIX_LINES[line]
    (entry,) = (entry for entry in TRUTH if entry["line"] == line)
    wanted = [side.replace(r"\delta", rf"\delta_{layer}").replace(f"Z_{layer}", "pred") for side in repaired(entry)]
    assert wanted in equations(shorthand, view="matrix")


@pytest.mark.parametrize(
    ("shorthand", "shapes"),
    [
        ("2-1", {"W_1": (2, 1)}),
        ("2-100-1", {"W_2": (100, 1), "W_1": (2, 100)}),
        ("2-100-50-1", {"W_3": (50, 1), "W_2": (100, 50), "W_1": (2, 100)}),
    ],
)
def test_matrix_shapes(shorthand, shapes):
    """The last layers have (2,1), (100,1), (50,1); 2-100-50-1 as a whole (2,100), (100,50), (50,1)."""
    from chainrule.matrix import matrix_steps

    found = {
        f"W_{step.target.layer}": step.shape
        for step in matrix_steps(Network.read(shorthand).derive(samples=None))
        if step.target.kind == "w"
    }
    assert found == shapes


@pytest.mark.parametrize(
    ("name", "shorthand", "format_", "options"),
    [
        ("2-3-2-1.md", "2-3-2-1", "markdown", {}),
        ("2-3-2-1.ko.md", "2-3-2-1", "markdown", {"lang": "ko"}),
        ("2-3-2-1.txt", "2-3-2-1", "text", {}),
        ("2-3-2-1.expanded.txt", "2-3-2-1", "text", {"depth": "both"}),
        ("2-3-2-1.nielsen.txt", "2-3-2-1", "text", {"notation": "nielsen"}),
        ("2-3-2-1.ng.txt", "2-3-2-1", "text", {"notation": "ng"}),
        ("2-3-2-1.bishop.txt", "2-3-2-1", "text", {"notation": "bishop"}),
        ("2-100-50-1.matrix.md", "2-100-50-1", "markdown", {"view": "matrix"}),
        ("2-100-50-1.txt", "2-100-50-1", "text", {}),
        ("2-3-2-1.general.txt", "2-3-2-1", "text", {"general": True}),
    ],
)
def test_golden(name, shorthand, format_, options, golden):
    """The whole document, character for character."""
    samples = None if options.get("view") == "matrix" else 1
    golden(name, Network.read(shorthand).derive(samples=samples).show(format_, **options))
