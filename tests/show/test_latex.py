"""LaTeX documents compile, nothing sticks out of the page, and what a person typed is set as it was typed."""

import re
import shutil
import subprocess

import pytest

from chainrule import Network
from chainrule.judge.exercise import exercise
from chainrule.notation import load
from chainrule.show import write_document
from chainrule.show.compose import compose
from chainrule.show.document import Document, Paragraph, Room
from chainrule.show.latex import escape
from papers import HOSTILE, PAPERS, paper, pdf_text, words_off_the_page

MARGIN = 22 / 25.4 * 72 - 2

# xelatex comes in a package of 100 MB, which the tests do not ask for; where somebody has it, it is tried as well.
HANGUL_ENGINES = ["lualatex", *(["xelatex"] if shutil.which("xelatex") else [])]


@pytest.fixture
def typeset(tmp_path):
    """Compile a source; return the PDF. TeX's own complaints fail the test."""

    def run(source: str, engine: str = "pdflatex"):
        (tmp_path / "paper.tex").write_text(source, encoding="utf-8")
        # No shell escape, and no reading of files outside: a document is only a document.
        command = [engine, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        log = (tmp_path / "paper.log").read_text(encoding="utf-8", errors="replace")
        overfull = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert max(overfull, default=0) <= 2
        assert "Missing character" not in log
        assert "LaTeX Font Warning: Font shape" not in log or "undefined" not in log
        return tmp_path / "paper.pdf"

    return run


@pytest.mark.parametrize("name", PAPERS)
def test_documents_compile_and_stay_on_the_page(name, typeset):
    """Every document is set by pdflatex, and no line reaches into the margin."""
    pdf = typeset(write_document(paper(name), "latex"))
    assert words_off_the_page(pdf, MARGIN) == []
    text = pdf_text(pdf)
    assert "Backward: from the loss to every weight" in text
    assert "�" not in text


@pytest.mark.parametrize("engine", HANGUL_ENGINES)
@pytest.mark.parametrize("name", ["seed", "wide matrix"])
def test_korean_documents_compile(name, engine, typeset):
    """With Hangul, lualatex and xelatex set the words; the formulas keep Computer Modern."""
    pdf = typeset(write_document(paper(name, lang="ko"), "latex"), engine)
    assert words_off_the_page(pdf, MARGIN) == []
    assert "역전파: loss에서 모든 가중치까지" in pdf_text(pdf)
    fonts = subprocess.run(["pdffonts", pdf], check=True, capture_output=True, text=True).stdout
    assert "CMMI10" in fonts or "LMMathItalic10" in fonts
    assert "Nanum" in fonts


def test_english_documents_compile_with_every_engine(typeset):
    """The same English source is set by lualatex too."""
    assert "Every" in pdf_text(typeset(write_document(paper("seed"), "latex"), "lualatex"))


def test_a_fragment_needs_only_amsmath(typeset):
    """A fragment has no preamble and no command of its own."""
    fragment = write_document(paper("gelu"), "latex-fragment")
    assert "documentclass" not in fragment
    typeset(f"\\documentclass{{article}}\\usepackage{{amsmath}}\\begin{{document}}\n{fragment}\\end{{document}}\n")


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_a_hostile_name_is_only_a_name(engine, typeset):
    """A name full of markup is set as it was typed; a sign that no font has is named by its number."""
    name = HOSTILE if engine == "lualatex" else HOSTILE.replace("한글", "Größe")
    net = Network.read("2-1").replace(name=name)
    text = " ".join(pdf_text(typeset(write_document(compose(net.derive()), "latex"), engine)).split())
    assert "\\end{document}\\input{x}" in text
    assert "<script>alert(1)</script>" in text
    assert "U+1F642" in text
    assert ("한글" in text) == (engine == "lualatex")


def test_all_lines_of_a_family_are_broken_alike(typeset):
    """Lines from a template, too, stay on the page where subscripts have three digits."""
    document = compose(Network.read("2-300-1").derive(), every=True, depth="both")
    source = write_document(document, "latex")
    assert source.count(r"\partial w_{300,2}^1") > 0
    assert words_off_the_page(typeset(source), MARGIN) == []


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("100 % & #1", r"100 \% \& \#1"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a_b^c~d", r"a\_b\textasciicircum{}c\textasciitilde{}d"),
        ("∂ → ⊙", r"$\partial$ $\to$ $\odot$"),
        ("é ß 한", r"é ß \texttt{U+D55C}"),
        ("tab\tnew\nline\x00\u202e", "tab new line"),
    ],
)
def test_escape(typed, written):
    """Characters that LaTeX reads as commands are spelled out; those it cannot show are named; controls go."""
    assert escape(typed) == written


@pytest.mark.parametrize(("lang", "engine", "view"), [("en", "pdflatex", "scalar"), ("ko", "lualatex", "matrix")])
def test_exercises_compile(lang, engine, view, typeset):
    """Sheets, keys and solutions with mistakes are set, and stay on the page."""
    made = exercise("2-3-2 --bias --loss mse", mistakes=3, view=view, format="latex", lang=lang)
    for part in ("sheet", "key", "errors", "errors-key"):
        pdf = typeset(str(made.parts[part]), engine)
        assert words_off_the_page(pdf, MARGIN) == []
        assert ("신경망" if lang == "ko" else "network") in pdf_text(pdf)


def test_room_for_an_answer_goes_on_on_the_next_page(typeset):
    """A page does not swallow the rest of the room at its end."""
    room = [Paragraph(("above",)), Room(70), Paragraph(("below",))]
    pages = pdf_text(typeset(write_document(Document((), room, load("seed"), "en"), "latex"))).split("\f")
    assert "above" in pages[0] and "below" in pages[1]
