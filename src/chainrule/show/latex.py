"""LaTeX: a whole document (pdflatex; xelatex or lualatex where Hangul is set), or a fragment to paste into one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainrule.show.document import Document, Elision, Heading, Paragraph
from chainrule.show.emit import Emitter
from chainrule.show.write import LATEX

LONG = 100
"""A line with more visible signs than this is broken before its = signs."""

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper, margin=22mm]{geometry}
\usepackage{amsmath}
\usepackage{amssymb}
%FONT%
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\allowdisplaybreaks
\begin{document}
"""

_LATIN = r"""\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}"""

# xetexko and luatexko belong to kotex; plain fontspec with one Hangul font needs neither.
_HANGUL = r"""\usepackage{fontspec}
\setmainfont{NanumGothic}"""

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "→": r"$\to$", "…": r"\dots{}", "−": "--", "∈": r"$\in$",
    "Σ": r"$\Sigma$", "∂": r"$\partial$", "ᵀ": r"$^T$", "⊙": r"$\odot$", "δ": r"$\delta$", "σ": r"$\sigma$", "·": r"$\cdot$",
    "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$", "<": r"\textless{}", ">": r"\textgreater{}", "⋮": r"$\vdots$",
}  # fmt: skip


def escape(text: str) -> str:
    """Return words so that LaTeX sets them as they are read, whatever characters they hold.

    Example:
        >>> print(escape("50 % of $x_0$"))
        50 \\% of \\$x\\_0\\$
    """
    return "".join(_ESCAPES.get(char, char) for char in text if char.isprintable() or char in " \n")


def _signs(source: str) -> int:
    """Return about how many signs wide a formula is set: commands are one sign, a fraction is as wide as its half."""
    plain = re.sub(r"\\frac\{\\partial ([^{}]|\{[^{}]*\})*\}", "", source)
    return len(re.sub(r"\\[a-zA-Z]+|[{}_^ ]", "", plain))


class LatexEmitter(Emitter):
    """LaTeX with display equations, one a line."""

    form = LATEX
    dots = r"\cdots"

    def __init__(self, document: Document, *, whole: bool) -> None:
        super().__init__(document)
        self.whole = whole

    def begin(self) -> str:
        if not self.whole:
            return ""
        return _PREAMBLE.replace("%FONT%", _HANGUL if self.document.lang == "ko" else _LATIN)

    def end(self) -> str:
        return "\\end{document}\n" if self.whole else ""

    def prose(self, text: str) -> str:
        return escape(text)

    def inline(self, math: str) -> str:
        return f"${math}$"

    def heading(self, block: Heading) -> str:
        command = {1: "section*", 2: "subsection*"}.get(block.level, "subsubsection*")
        return f"\n\\{command}{{{self.words(block.words)}}}\n\n"

    def paragraph(self, block: Paragraph) -> str:
        text = self.words(block.words)
        return f"\n{{\\small {text}}}\n\n" if block.quiet else f"\n{text}\n\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        tail = rf" \qquad \text{{{beside}}}" if beside else ""
        whole = " = ".join(parts)
        if _signs(whole) <= LONG or len(parts) < 3:
            return f"\\[ {whole}{tail} \\]\n"
        rows = " \\\\\n  &= ".join(parts[1:])
        return f"\\begin{{align*}}\n  {parts[0]} &= {rows}{tail}\n\\end{{align*}}\n"

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        words = escape(sentence("page.elided", lang=self.document.lang, count=block.count))
        return rf"\[ \vdots \quad \text{{{words}}} \]" + "\n"
