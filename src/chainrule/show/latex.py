r"""LaTeX: a whole document (pdflatex; xelatex or lualatex where Hangul is set), or a fragment to paste into one.

A fragment needs nothing but amsmath. Lines that would run off the page are broken as `chainrule.show.breaking` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from chainrule.selection import Elision
from chainrule.show.breaking import rows, torn
from chainrule.show.document import Bulk, Document, Formula, Heading, Paragraph, Room
from chainrule.show.emit import Emitter
from chainrule.show.forms import AMONG_WORDS, LATEX
from chainrule.show.measure import Sign, signs_of, text_width, width
from chainrule.show.write import Writer

ROOM, FRAGMENT_ROOM = 40.0, 32.0
"""How wide a line may be, in em: on the page below, less its indentation and some air; on a page of plain article."""

_EQUALS = 1.34
"""The width of = with the space around it, in em."""

_PREAMBLE = r"""\documentclass[11pt,fleqn]{article}
\usepackage[a4paper,margin=22mm]{geometry}
\usepackage{amsmath,amssymb}
%FONT%
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 1pt}
\setlength{\mathindent}{1.5em}
\raggedright
\frenchspacing
\newcommand{\why}[1]{\par\vspace{5pt}{\small #1\par}\nopagebreak\vspace{-7pt}}
\makeatletter
\g@addto@macro\normalsize{%
  \setlength{\abovedisplayskip}{4pt plus 2pt}\setlength{\abovedisplayshortskip}{4pt plus 2pt}%
  \setlength{\belowdisplayskip}{4pt plus 2pt}\setlength{\belowdisplayshortskip}{4pt plus 2pt}}
\makeatother
\allowdisplaybreaks[1]
\begin{document}
"""

_LATIN = r"""\usepackage{iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{lmodern}
\else
  \usepackage[no-math]{fontspec}
\fi"""

# A serif face first, since formulas are set in one. Plain fontspec needs neither xetexko nor luatexko.
HANGUL_FONTS = (
    "NanumMyeongjo", "Noto Serif CJK KR", "Noto Serif KR", "AppleMyungjo", "Batang", "NanumGothic", "Noto Sans CJK KR",
    "Apple SD Gothic Neo", "Malgun Gothic",
)  # fmt: skip

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", "…": r"\dots{}", "ᵀ": r"\textsuperscript{T}",
    "→": r"$\to$", "−": "$-$", "∈": r"$\in$", "Σ": r"$\Sigma$", "∂": r"$\partial$", "⊙": r"$\odot$", "·": r"$\cdot$",
    "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$", "⋮": r"$\vdots$", "𝟏": r"$\mathbf{1}$", "∞": r"$\infty$",
    "√": r"$\surd$",
} | dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΦΨΩ",
        (
            r"$\alpha$", r"$\beta$", r"$\gamma$", r"$\delta$", r"$\varepsilon$", r"$\zeta$", r"$\eta$", r"$\theta$",
            r"$\iota$", r"$\kappa$", r"$\lambda$", r"$\mu$", r"$\nu$", r"$\xi$", r"$\pi$", r"$\rho$", r"$\sigma$",
            r"$\tau$", r"$\upsilon$", r"$\varphi$", r"$\chi$", r"$\psi$", r"$\omega$", r"$\Gamma$", r"$\Delta$",
            r"$\Theta$", r"$\Lambda$", r"$\Xi$", r"$\Pi$", r"$\Phi$", r"$\Psi$", r"$\Omega$",
        ),
        strict=True,
    )
)  # fmt: skip

_DERIVATIVE = re.compile(r"∂(\w+)")
_WORD = re.compile(r"(?<![\\a-zA-Z])(loss|pred|true)(?![a-zA-Z])")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")


def escape(text: str, *, hangul: bool = False) -> str:
    r"""Return words so that LaTeX sets them as they are read, whatever characters they hold.

    A character that the document's fonts lack (an emoji, or Hangul without a font for it) is named instead of dropped.

    Args:
        text: plain words.
        hangul: whether the document has a font for Hangul.

    Example:
        >>> print(escape("50 % of $x_0$"))
        50 \% of \$x\_0\$
        >>> print(escape("π 🙂"))
        $\pi$ \texttt{U+1F642}
    """
    return "".join(_set(char, hangul) for char in unicodedata.normalize("NFC", text))


def _set(char: str, hangul: bool) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isspace():
        return " "
    latin = " " <= char <= "~" or ("\u00a1" <= char <= "\u017f" and char != "\u00ad") or char in "–—‘’“”"
    if latin or (hangul and _HANGUL.match(char)):
        return char
    return "" if unicodedata.category(char)[0] == "C" else rf"\texttt{{U+{ord(char):04X}}}"


class LatexEmitter(Emitter):
    """LaTeX with display equations, one a line.

    Args:
        document: what is written.
        whole: whether it is a document of its own, rather than a fragment.
        dollars: whether displays stand in `$$`, the only marks that every notebook reads.
    """

    form = LATEX
    dots = r"\cdots"

    def __init__(self, document: Document, *, whole: bool, dollars: bool = False) -> None:
        super().__init__(document)
        self.whole = whole
        self.dollars = dollars
        title = "".join(part for part in document.title if isinstance(part, str))
        self.hangul = document.lang == "ko" or _HANGUL.search(title) is not None
        self.digits = 1
        self.room = ROOM if whole else FRAGMENT_ROOM
        self.among_words = Writer(AMONG_WORDS, document.notation)

    def begin(self) -> str:
        if not self.whole:
            return ""
        return _PREAMBLE.replace("%FONT%", _hangul() if self.hangul else _LATIN)

    def end(self) -> str:
        return "\\end{document}\n" if self.whole else ""

    def prose(self, text: str) -> str:
        # ∂loss/∂w among words is mathematics, and looks like it.
        pieces = _DERIVATIVE.split(text)
        for position in range(1, len(pieces), 2):
            word = pieces[position]
            math = word if len(word) == 1 else rf"\mathit{{{escape(word)}}}"
            pieces[position] = rf"$\partial {math}$" if word.isascii() and word.isalpha() else "∂" + word
        return "".join(p if at % 2 and p[0] == "$" else escape(p, hangul=self.hangul) for at, p in enumerate(pieces))

    def inline(self, math: str) -> str:
        return f"${self._finished(math)}$"

    def math(self, formula: Formula) -> str:
        return " = ".join(self.among_words.line(formula.sides, formula.target))

    def heading(self, block: Heading) -> str:
        command = {1: "section*", 2: "subsection*"}.get(block.level, "subsubsection*")
        bold = r"\boldmath " if self.whole else ""
        return f"\n\\{command}{{{bold}{self.words(block.words)}}}\n\n"

    def paragraph(self, block: Paragraph) -> str:
        text = self.words(block.words)
        if not block.quiet:
            return f"\n{text}\n\n"
        return f"\n\\why{{{text}}}\n" if self.whole else f"\n{{\\small\\raggedright {text}\\par}}\\nopagebreak\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        sides = [signs_of(part, "latex", digits=self.digits) for part in parts]
        note = rf" \qquad \text{{{beside}}}" if self.dollars else rf" \tag*{{\small {beside}}}"
        tail = note if beside else ""
        room = self.room - (text_width(beside) + 2 if beside else 0)
        if sum(map(width, sides)) + _EQUALS * (len(sides) - 1) <= room:
            whole = self._finished(" = ".join(parts))
            return f"$${whole}{tail}$$\n" if self.dollars else f"\\[ {whole}{tail} \\]\n"
        body = " \\\\\n".join(map(self._finished, _aligned(parts[0], sides, room)))
        if self.dollars:
            return f"$$\\begin{{aligned}}\n{body}\n\\end{{aligned}}{tail}$$\n"
        return f"\\begin{{align*}}\n{body}{tail}\n\\end{{align*}}\n"

    def blank(self, block: Room) -> str:
        # Empty lines, since a page would swallow a \\vspace at its end.
        lines = rf"\count255={block.lines} \loop\mbox{{}}\par\advance\count255 -1 \ifnum\count255>0 \repeat"
        return f"\n{{{lines}}}\n"

    def bulk(self, block: Bulk) -> Iterator[str]:
        # All lines of a family are broken alike: where the one with the longest subscripts must be.
        sizes = [index.range()[-1] for index in block.family.indices if index.dim.name != "samples"]
        self.digits = len(str(max(sizes, default=1)))
        yield from super().bulk(block)
        self.digits = 1

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        words = escape(sentence("page.elided", lang=self.document.lang, count=block.count), hangul=self.hangul)
        mark = rf"\vdots \quad \text{{{words}}}"
        return f"$${mark}$$\n" if self.dollars else f"\\[ {mark} \\]\n"

    def _finished(self, math: str) -> str:
        """Return a formula as it is set: in a document of its own, a word is no product of letters."""
        return _WORD.sub(r"\\mathit{\1}", math) if self.whole else math


def _aligned(first: str, sides: Sequence[Sequence[Sign]], room: float) -> Iterator[str]:
    """Yield the rows of a broken line, aligned at their =; a row within a side stands further in."""
    lead = width(sides[0]) + _EQUALS
    for position, side in enumerate(sides[1:] or sides):
        for row in torn(rows(side, room - lead)):
            source = "".join(map(_written, row.signs)).strip()
            if row.steps:
                yield "  &" + r"\quad " * row.steps + source
            elif len(sides) == 1:
                yield f"  &{source}"
            else:
                yield f"  {'' if position else first + ' '}&= {source}"


def _written(sign: Sign) -> str:
    """Return a sign's source; a bracket that is torn between rows gets a fixed size."""
    if "torn" not in sign.kind:
        return sign.source
    bare = sign.source.replace(r"\left", "").replace(r"\right", "")
    if "tall" not in sign.kind:
        return bare
    return bare.replace("(", r"\biggl(").replace(")", r"\biggr)")


def _hangul() -> str:
    """Return the preamble's choice of a font with Hangul: the first one that the computer has."""
    choice = rf"\setmainfont{{{HANGUL_FONTS[-1]}}}"
    for font in reversed(HANGUL_FONTS[:-1]):
        choice = f"\\IfFontExistsTF{{{font}}}{{\\setmainfont{{{font}}}}}{{%\n{choice}}}"
    return (
        "\\usepackage{iftex}\n\\RequireTUTeX % Hangul: compile with xelatex or lualatex\n"
        f'\\usepackage[no-math]{{fontspec}}\n{choice}\n\\ifXeTeX\\XeTeXlinebreaklocale "ko"\\fi'
    )
