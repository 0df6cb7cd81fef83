r"""Markdown with `$$ … $$`, which GitHub, Jupyter, Colab, Quarto and Pandoc all read.

GitHub reads most strictly: it takes the backslash from \\ and \{ inside formulas, and refuses \operatorname
(github/markup#1688). So every equation is one line that has none of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainrule.selection import Elision
from chainrule.show.document import Heading, Paragraph
from chainrule.show.emit import Emitter
from chainrule.show.forms import LATEX


def escape(text: str) -> str:
    r"""Return words so that Markdown shows them as they are read: no emphasis, no links, no HTML, no formulas.

    Example:
        >>> print(escape("a_b <script> $x$"))
        a\_b &lt;script&gt; \$x\$
    """
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    kept = (" " if char.isspace() else char for char in text if char.isprintable() or char.isspace())
    return "".join(entities.get(c) or (f"\\{c}" if c in "\\`*_[]#|$~" else c) for c in kept)


def in_text(words: str) -> str:
    r"""Return words inside a formula: \text, with braces outside of it, where they need no backslash.

    Example:
        >>> print(in_text("for i ∈ {1, 3}"))
        \text{for i ∈ }\lbrace\text{1, 3}\rbrace
    """
    kept = "".join(char for char in words if char not in "\\$%#&~^" and char.isprintable())
    pieces = re.split(r"([{}])", kept)
    return "".join({"{": r"\lbrace", "}": r"\rbrace"}.get(piece) or rf"\text{{{piece}}}" for piece in pieces if piece)


class MarkdownEmitter(Emitter):
    """Markdown; every equation stands in its own `$$` block on one line, as in the seed."""

    form = LATEX
    dots = r"\cdots"

    def prose(self, text: str) -> str:
        return escape(text)

    def inline(self, math: str) -> str:
        return f"${_safe(math)}$"

    def heading(self, block: Heading) -> str:
        return f"\n{'#' * block.level} {self.words(block.words)}\n\n"

    def paragraph(self, block: Paragraph) -> str:
        return f"{self.words(block.words)}\n\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        tail = rf" \qquad {in_text(beside)}" if beside else ""
        return f"$${_safe(' = '.join(parts))}{tail}$$\n\n"

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        words = sentence("page.elided", lang=self.document.lang, count=block.count)
        return rf"$$\vdots \quad {in_text(words)}$$" + "\n\n"


def _safe(math: str) -> str:
    return math.replace(r"\operatorname{", r"\mathrm{").replace(r" \\ ", r" \cr ")
