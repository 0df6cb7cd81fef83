"""TikZ: the same content as the SVG, and TeX sets it whatever people call things."""

import re
import subprocess

import pytest

from chainrule import Activation, Layer, Network
from chainrule.show.drawing import draw, layout
from chainrule.show.drawing.tikz import escape
from strategies import HOSTILE_NAMES

SEED = Network.read("2-3-2-1")


def compile_tex(tex: str, folder, engine: str = "pdflatex") -> str:
    """Return TeX's log; a tool that is not there fails the test."""
    (folder / "drawing.tex").write_text(tex, encoding="utf-8")
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "drawing.tex"],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout.replace("\n", "")


def test_the_seed_is_drawn_as_it_was_looked_at(golden):
    golden("drawing/2-3-2-1.tex", draw(SEED, format="tikz"))


def test_a_fragment_is_the_picture_of_the_document():
    whole, fragment = draw(SEED, format="tikz"), draw(SEED, format="tikz-fragment")
    assert isinstance(whole, str) and isinstance(fragment, str)
    assert fragment in whole and fragment.startswith(r"\begin{tikzpicture}")
    assert "documentclass" not in fragment


def test_every_weight_is_there_once():
    tex = draw(Network.read("2-3-2-1", bias=True), format="tikz-fragment")
    assert isinstance(tex, str)
    assert len(re.findall(r"\\draw.*% w_", tex)) == 14 and len(re.findall(r"\\draw.*% b_", tex)) == 6
    for label in layout(SEED).all_labels:
        assert label.glyph is None or f"${label.glyph.latex}$" in tex


@pytest.mark.parametrize(
    ("net", "options"),
    [
        (SEED, {}),
        (Network.read("2-3-2-1", bias=True), {"highlight": "w_11^1", "direction": "backward"}),
        (Network.read("3-100-3:softmax", loss="cross_entropy"), {"direction": "forward", "notation": "ng"}),
        (Network.read("2-3-1"), {"theme": "dark", "lang": "ko"}),
    ],
)
def test_pdflatex_sets_it_on_one_page(net, options, tmp_path):
    assert "(1 page," in compile_tex(draw(net, format="tikz", **options), tmp_path)


def test_hangul_is_set_by_lualatex(tmp_path):
    net = SEED.replace(input_names=("키", "몸무게"), name="교재의 신경망")
    assert "(1 page," in compile_tex(draw(net, format="tikz", lang="ko"), tmp_path, engine="lualatex")


def test_hostile_names_are_set_as_text(tmp_path):
    names = (*HOSTILE_NAMES, "#1 & ^^41 \\input{x} ~{", "한글", "שלום", "x" * 9000)
    net = Network(
        len(names),
        (Layer(len(names), names=names), Layer(1, activations=(Activation("identity"),))),
        input_names=tuple(f"{name}." for name in names),
        name=names[0],
    )
    assert "(1 page," in compile_tex(draw(net, format="tikz", expand=True), tmp_path)


def test_nothing_in_a_name_is_a_command():
    assert escape("\\x{$_^~%#&}") == (r"\textbackslash{}x\{\$\_\textasciicircum{}\textasciitilde{}\%\#\&\}")
