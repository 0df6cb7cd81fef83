"""What a notebook shows, asked as IPython asks; and outside of it, nothing of IPython is needed."""

import re
import subprocess
import sys

import pytest
from IPython.core.formatters import DisplayFormatter

from chainrule import Network
from chainrule.matrix import matrix_steps

DERIVATION = Network.read("2-3-2-1").derive()


@pytest.fixture
def shown():
    """What a display formatter makes of an object, by MIME type."""
    return lambda it: DisplayFormatter().format(it)[0]


def test_a_derivation(shown):
    """The document, in text, Markdown and LaTeX; displays in $$ only."""
    found = shown(DERIVATION)
    assert set(found) == {"text/plain", "text/markdown", "text/latex"}
    assert found["text/plain"].startswith("Every ∂loss/∂w of the network 2-3-2-1")
    for form in ("text/markdown", "text/latex"):
        assert r"$$\frac{\partial loss}{\partial pred} = (pred - true)$$" in found[form]
        assert not re.search(r"\\\[|\\\(|\\begin\{align\*", found[form])
        assert found[form].count("$$") % 2 == 0


@pytest.mark.parametrize("name", ["w_11^2", "a_1^1", "pred"])
def test_a_step(name, shown):
    """Its one line."""
    found = shown(DERIVATION[name])
    assert set(found) == {"text/plain", "text/markdown", "text/latex"}
    assert found["text/plain"].startswith(f"∂loss/∂{name} = ")
    assert found["text/latex"].startswith("$$") and found["text/latex"].endswith("$$")
    assert found["text/markdown"] == f"$${DERIVATION[name].latex()}$$" or name == "pred"


def test_a_matrix_step(shown):
    """Its line, its shape, and the words that open it."""
    step = next(s for s in matrix_steps(Network.read("2-100-50-1").derive(samples=None)) if s.target.kind == "w")
    found = shown(step)
    assert "A_2ᵀ · δ_3" in found["text/plain"]
    assert r"A_2^T \cdot \delta_3 \qquad \text{shape (50, 1)}$$" in found["text/markdown"]
    assert r"A_2^T \cdot \delta_3 \qquad \text{shape (50, 1)}$$" in found["text/latex"]
    assert step._repr_latex_() == found["text/latex"]


def test_a_network(shown):
    """Its drawing."""
    assert shown(Network.read("2-3-2-1"))["image/svg+xml"].startswith("<svg")


def test_outside_a_notebook():
    """Nothing imports IPython."""
    code = (
        "import sys; from chainrule import Network; net = Network.read('2-2-1'); d = net.derive();"
        "d._repr_mimebundle_(); d['w_11^2']._repr_latex_(); net._repr_svg_(); assert 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "typst", "html", "json"])
def test_the_forms_are_methods(form):
    """Each takes the options of compose and says what show says."""
    found = getattr(DERIVATION, form)(of="w_11^2")
    assert found == DERIVATION.show(form, of="w_11^2")
    assert isinstance(found, str)


def test_pdf_is_bytes():
    """The one form that is not text."""
    assert DERIVATION.pdf(lang="ko").startswith(b"%PDF")
