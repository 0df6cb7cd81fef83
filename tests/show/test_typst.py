"""Typst sources compile to PDF: every document, every notation, both languages, the same bytes each time."""

import subprocess
import sys

import pypdf
import pytest

from chainrule import Activation, Layer, Network
from chainrule.errors import OutputError
from chainrule.judge.exercise import exercise
from chainrule.notation import load, names
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.show import typst as form
from chainrule.show import write_document
from chainrule.show.compose import compose
from chainrule.show.document import Document, Paragraph, Room
from papers import HOSTILE, PAPERS, paper, pdf_text, words_off_the_page

MARGIN = 22 / 25.4 * 72 - 2


@pytest.fixture
def printed(tmp_path):
    """Write a document as a PDF file."""

    def run(document):
        path = tmp_path / "paper.pdf"
        path.write_bytes(form.to_pdf(document))
        return path

    return run


@pytest.mark.parametrize("name", PAPERS)
def test_documents_compile_and_stay_on_the_page(name, printed):
    """Every document is set; no line reaches into the margin."""
    pdf = printed(paper(name))
    assert words_off_the_page(pdf, MARGIN) == []
    assert "Backward: from the loss to every weight" in pdf_text(pdf)


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("view", ["scalar", "matrix", "both"])
def test_every_notation_compiles(notation, view):
    """With columns singled out, samples, two-digit indices, softmax and a skip."""
    net = Network.read("2-3-11-3:softmax --bias --loss cross_entropy")
    assert form.to_pdf(compose(net.derive(samples=None), notation=notation, view=view)).startswith(b"%PDF")
    mixed = Network(2, (Layer(3, tuple(map(Activation, ("relu", "tanh", "sigmoid")))), Layer(2)))
    assert form.to_pdf(compose(mixed.derive(samples=None), notation=notation, view=view)).startswith(b"%PDF")


@pytest.mark.parametrize("activation", [a for a, row in ACTIVATIONS.items() if not row.vector])
def test_every_activation_compiles(activation, printed):
    """Heads of functions are one word each, and their arguments stand beside them."""
    pdf = printed(compose(Network.read(f"2-2:{activation}-1").derive(), depth="both"))
    assert words_off_the_page(pdf, MARGIN) == []


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_compiles(loss):
    """Losses over one output and over several."""
    output = "3:softmax" if loss.startswith("cross_entropy") else "3:sigmoid" if loss == "binary_cross_entropy" else "3"
    net = Network.read(f"2-{output} --loss {loss}")
    for view in ("scalar", "matrix"):
        assert form.to_pdf(compose(net.derive(samples=None), view=view)).startswith(b"%PDF")


def test_korean(printed):
    """Hangul is set in a font that has it, and pages are numbered."""
    text = pdf_text(printed(paper("seed", lang="ko")))
    assert "역전파: loss에서 모든 가중치까지" in text
    assert "1/3" in text.replace(" ", "")


def test_the_same_document_gives_the_same_bytes():
    """No time stands in the file; its title does."""
    first, second = form.to_pdf(paper("seed")), form.to_pdf(paper("seed"))
    assert first == second


def test_the_title_is_in_the_metadata(printed):
    """Readers show it in their title bar."""
    facts = pypdf.PdfReader(printed(paper("seed"))).metadata
    assert facts.title == "Every ∂loss/∂w of the network 2-3-2-1"
    assert facts.creation_date is None


def test_a_hostile_name_is_only_a_name(printed):
    """A name full of markup is set as it was typed."""
    net = Network.read("2-1").replace(name=HOSTILE)
    text = "".join(pdf_text(printed(compose(net.derive()))).split())
    assert "\\end{document}\\input{x}" in text
    assert "#let$한글" in text


def test_long_documents_are_quick(printed):
    """Every line of 2-100-50-1: some 5,000 equations."""
    text = pdf_text(printed(compose(Network.read("2-100-50-1").derive(), every=True)))
    assert text.count("\n") > 5000


def test_without_a_hangul_font(monkeypatch):
    """Boxes in place of letters are refused, and it is said what to install."""
    import typst

    monkeypatch.setattr(form, "_fonts", lambda: typst.Fonts(include_system_fonts=False))
    with pytest.raises(OutputError, match="fonts-nanum") as caught:
        form.to_pdf(paper("seed", lang="ko"))
    assert "Noto Serif CJK KR" in caught.value.message(lang="ko")
    assert form.to_pdf(paper("seed")).startswith(b"%PDF")


def test_without_the_extra(monkeypatch):
    """The missing package is named, with the command that brings it."""
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(OutputError, match=r"chainrule\[pdf\]"):
        form.to_pdf(paper("seed"))


def test_the_package_is_imported_only_for_pdf():
    """Typst source needs nothing but Python."""
    code = (
        "import sys; from chainrule import Network; Network.read('2-1').derive().typst();"
        "assert 'typst' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_source_compiles_with_the_title_it_has():
    """The source alone, without this package, is a document."""
    import typst

    source = write_document(paper("wired"), "typst")
    assert typst.compile(source.encode(), format="pdf").startswith(b"%PDF")


@pytest.mark.parametrize(("lang", "view"), [("en", "scalar"), ("ko", "matrix")])
def test_exercises_are_set(lang, view, tmp_path):
    """Sheets, keys and solutions with mistakes become pages, from which nothing sticks out."""
    made = exercise("2-3-2 --bias --loss mse", mistakes=3, view=view, format="pdf", lang=lang)
    for name, content in made.files().items():
        if isinstance(content, bytes):
            pdf = tmp_path / name
            pdf.write_bytes(content)
            assert words_off_the_page(pdf, MARGIN) == []
            assert ("신경망" if lang == "ko" else "network") in pdf_text(pdf)


def test_room_for_an_answer_goes_on_on_the_next_page(tmp_path):
    """A page does not swallow the rest of the room at its end."""
    room = [Paragraph(("above",)), Room(70), Paragraph(("below",))]
    pdf = tmp_path / "room.pdf"
    pdf.write_bytes(form.to_pdf(Document((), room, load("seed"), "en")))
    pages = pdf_text(pdf).split("\f")
    assert "above" in pages[0] and "below" in pages[1]


def test_paragraphs_stay_apart():
    """One paragraph after another is no line of it."""
    found = [Paragraph(("one",)), Paragraph(("two",))]
    assert "one\n\ntwo" in write_document(Document((), found, load("seed"), "en"), "typst")
