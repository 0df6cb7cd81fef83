"""Showing a Derivation: one file per form, all of them readers of the same Document.

`render` is the one door. A form is a row of FORMS: how its document is written, and how one line is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.errors import SelectionError

if TYPE_CHECKING:
    from chainrule.derive import Derivation
    from chainrule.show.document import Document
    from chainrule.show.emit import Emitter
    from chainrule.views import Step

FORMATS = ("text", "latex", "latex-fragment", "markdown", "typst", "html", "json", "pdf")
"""The forms a derivation can be shown in."""


def render(derivation: Derivation, format: str = "text", **options: Any) -> str:
    """Return a derivation in a form.

    Args:
        derivation: what is shown.
        format: one of FORMATS other than `pdf` (which is bytes; see `chainrule.show.typst.to_pdf`).
        options: those of `chainrule.show.compose.compose`: of, view, every, numbers, notation, lang, ….

    Raises:
        SelectionError: where there is no such form, notation, language or symbol.
    """
    from chainrule.show.compose import compose

    if format == "json":
        from chainrule.show.json import to_json

        return to_json(derivation, **options)
    return write_document(compose(derivation, **options), format)


def write_document(document: Document, format: str) -> str:
    """Return a composed Document in a form."""
    from chainrule.show.emit import emit

    return "".join(emit(emitter_of(document, format)))


def emitter_of(document: Document, format: str, *, colour: bool = False) -> Emitter:
    """Return what writes a Document in a form; `colour` is for text on a terminal."""
    if format == "text":
        from chainrule.show.text import TextEmitter

        return TextEmitter(document, colour=colour)
    if format in ("latex", "latex-fragment"):
        from chainrule.show.latex import LatexEmitter

        return LatexEmitter(document, whole=format == "latex")
    if format == "markdown":
        from chainrule.show.markdown import MarkdownEmitter

        return MarkdownEmitter(document)
    if format == "typst":
        from chainrule.show.typst import TypstEmitter

        return TypstEmitter(document)
    if format == "html":
        from chainrule.show.html import HtmlEmitter

        return HtmlEmitter(document)
    from chainrule.rules import suggest

    raise SelectionError("unknown_format", read=format, known=", ".join(FORMATS), near=suggest(format, FORMATS))


def render_step(step: Step, format: str = "text", *, notation: str = "seed", depth: str = "shown") -> str:
    """Return one Step as a line: ∂loss/∂s = chain = its value.

    Args:
        step: the line.
        format: text, latex or typst.
        notation: the name of a notation.
        depth: `shown` (the seed's choice), `substituted` or `expanded` for the last side, or `both`.
    """
    from chainrule.notation import load
    from chainrule.show.document import Formula, line_sides, sides
    from chainrule.show.forms import FORMS
    from chainrule.show.write import Writer

    if format not in FORMS:
        raise SelectionError("unknown_format", read=format, known=", ".join(FORMS), near="")
    writer = Writer(FORMS[format], load(notation))
    return " = ".join(line_sides(writer, Formula(sides(step, depth=depth), step.target)))
