"""What is taken along: the network on the screen, with its numbers, in one of the forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.export import FORMS as CODE
from chainrule.network import Network
from chainrule.serve.requests import Fields

if TYPE_CHECKING:
    from chainrule.show.document import Document

ENDINGS = {
    "latex": (".tex", "application/x-tex"), "markdown": (".md", "text/markdown"), "pdf": (".pdf", "application/pdf"),
    "typst": (".typ", "text/plain"), "html": (".html", "text/html"), "lesson": ("-lesson.html", "text/html"),
    "svg": (".svg", "image/svg+xml"),
    "png": (".png", "image/png"), "toml": (".toml", "application/toml"), "c": (".c", "text/x-c"),
    "c-embedded": ("_embedded.c", "text/x-c"),
    "numpy": ("_numpy.py", "text/x-python"), "torch": ("_torch.py", "text/x-python"),
    "jax": ("_jax.py", "text/x-python"),
}  # fmt: skip
"""The ending of each form's file, and its type."""

FORMS = tuple(ENDINGS)
"""What can be taken along."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file.

    Attributes:
        name: what it may be called.
        type: its media type.
        content: what is in it.
    """

    name: str
    type: str
    content: bytes


def take(net: Network, fields: Fields) -> Taken:
    """Return a network in a form, with the numbers that are on its sheet.

    Args:
        net: the figure, with its numbers.
        fields: `form`, one of `FORMS`; `lang`, `notation`; `selected`, the weight or unit whose paths are lit in a
            drawing; `theme` of a drawing.

    Raises:
        RequestError: where a choice does not exist.
        OutputError: where a form needs an extra that is not installed.

    Example:
        >>> from chainrule.serve.requests import Fields
        >>> taken = take(Network.read("2-3-1"), Fields({"form": "svg"}, {"form"}))
        >>> taken.name, taken.type, taken.content[:4]
        ('2-3-1.svg', 'image/svg+xml', b'<svg')
    """
    form = fields.choice("form", FORMS)
    if form in CODE:
        from chainrule.export import export
        from chainrule.serve.sheet import with_sheet

        content: str | bytes = with_sheet(export(net, form), net, form)
    elif form == "toml":
        content = net.to_toml()
    elif form == "lesson":
        from chainrule.page import lesson

        content = lesson(
            net, notation=fields.text("notation", default="seed"),
            lang=fields.choice("lang", ("en", "ko"), default="en"),
        )  # fmt: skip
    elif form in ("svg", "png"):
        content = _drawing(net, form, fields)
    else:
        content = _document(net, form, fields)
    ending, kind = ENDINGS[form]
    return Taken(_stem(net) + ending, kind, content.encode() if isinstance(content, str) else content)


def _stem(net: Network) -> str:
    """Return what a file about a network is called: letters, digits and dashes, whatever its name is."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", net.name).strip("-")[:40]
    return name or "-".join(str(net.size(level)) for level in range(net.depth + 1))[:60]


def _drawing(net: Network, form: str, fields: Fields) -> str | bytes:
    from chainrule.show.drawing import THEMES, draw

    return draw(
        net, format=form, highlight=fields.text("selected", default="") or None,
        direction="backward" if fields.has("selected") and fields.text("selected") else None,
        notation=fields.text("notation", default="seed"), lang=fields.choice("lang", ("en", "ko"), default="en"),
        theme=fields.choice("theme", THEMES, default="light"),
    )  # fmt: skip


def _document(net: Network, form: str, fields: Fields) -> str | bytes:
    from chainrule.show import write_document

    document = _composed(net, fields)
    if form == "pdf":
        from chainrule.show.typst import to_pdf

        return to_pdf(document)
    return write_document(document, form)


def _composed(net: Network, fields: Fields) -> Document:
    """Return the derivation as one document: of what is chosen, or all of it; both views, with the sheet's numbers."""
    from chainrule.show.compose import compose

    numbers = net.values() if net.given else None
    chosen = fields.text("selected", default="")
    return compose(
        net.derive(samples=None), view="both", of=chosen if _of_something(chosen) else None,
        inputs=chosen.startswith("x"), numbers=numbers, notation=fields.text("notation", default="seed"),
        lang=fields.choice("lang", ("en", "ko"), default="en"),
    )  # fmt: skip


def _of_something(chosen: str) -> bool:
    """Return whether lines are about a symbol alone; the loss and a target have none."""
    return bool(chosen) and not chosen.startswith(("loss", "true"))
