"""Markdown with `$$ … $$`, which GitHub, Jupyter, Colab, Quarto and Pandoc all read."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.show.document import Document, Elision, Heading, Paragraph
from chainrule.show.emit import Emitter
from chainrule.show.write import LATEX

def escape(text: str) -> str:
    """Return words so that Markdown shows them as they are read: no emphasis, no links, no HTML, no formulas.

    Example:
        >>> print(escape("a_b <script> $x$"))
        a\\_b &lt;script&gt; \\$x\\$
    """
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    kept = (char for char in text if char.isprintable() or char in " \n")
    return "".join(entities.get(c) or (f"\\{c}" if c in "\\`*_[]#|$~" else c) for c in kept)


class MarkdownEmitter(Emitter):
    """Markdown; every equation stands in its own `$$` block on one line, as in the seed."""

    form = LATEX
    dots = r"\cdots"

    def prose(self, text: str) -> str:
        return escape(text)

    def inline(self, math: str) -> str:
        return f"${math}$"

    def heading(self, block: Heading) -> str:
        return f"\n{'#' * block.level} {self.words(block.words)}\n\n"

    def paragraph(self, block: Paragraph) -> str:
        return f"{self.words(block.words)}\n\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        tail = rf" \qquad \text{{{beside}}}" if beside else ""
        return f"$${' = '.join(parts)}{tail}$$\n\n"

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        words = sentence("page.elided", lang=self.document.lang, count=block.count)
        return rf"$$\vdots \quad \text{{{words}}}$$" + "\n\n"
