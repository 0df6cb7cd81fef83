"""HTML that stands alone: KaTeX, its fonts, the style and the drawing are inside the one file; nothing is ever fetched.

Formulas stand in the page as LaTeX text, which a small script sets (`static/page/page.js`); where scripts are off, the
text is what one reads. What a person typed is text everywhere: escaped here, rendered with `trust: false`, and a
content security policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from chainrule.expr import Index, Ref, Term
from chainrule.notation import SLOT, load
from chainrule.prose import sentence
from chainrule.selection import Elision
from chainrule.show.document import Bulk, Document, Equation, Formula, Heading, Paragraph
from chainrule.show.emit import Emitter
from chainrule.show.forms import AMONG_WORDS, LATEX, TEXT
from chainrule.show.templates import family_template, fill
from chainrule.show.write import Writer

if TYPE_CHECKING:
    from chainrule.derive import Family

_WORD = re.compile(r"(?<![\\a-zA-Z])(loss|pred|true)(?![a-zA-Z])")
_DERIVATIVE = re.compile(r"(∂loss/∂[a-z])(?![a-z])")
_ANCHOR = re.compile(r'(?<= id=")[^"]*|(?<= href="#)[^"]*')
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: str) -> str:
    """Return words as text of a page, in elements and in attributes: nothing in them is markup.

    Example:
        >>> escape("<script>alert('1 & 2')</script>")
        '&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;'
    """
    # Besides what Unicode calls controls, the marks that turn the direction of reading go: they hide what is there.
    kept = (char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs") or char in "\n\u200c\u200d")
    return "".join(kept).translate(_ENTITIES)


def page_begin(title: str, lang: str, style: str = "") -> str:
    """Return what stands before the content of a page that formulas are set on; `style` comes after its own."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(lang)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_static('katex/katex.inline.css')}</style>\n"
        f"<style>{_static('page/page.css')}{style}</style>\n</head>\n<body>\n<main>\n"
    )


def page_end() -> str:
    """Return what stands behind the content of a page: the scripts that set the formulas."""
    return f"</main>\n{''.join(f'<script>{script}</script>{chr(10)}' for script in _scripts())}</body>\n</html>\n"


def anchor(name: str) -> str:
    """Return the id of the line whose target has a plain name.

    Example:
        >>> anchor("w_11^2"), anchor("w_10,3^2"), anchor("a_1^1[3]")
        ('w_11-2', 'w_10-3-2', 'a_1-1-3')
    """
    return re.sub(r"[^\w.]+", "-", re.sub("[{}]", "", name)).strip("-")


class HtmlEmitter(Emitter):
    """HTML with one block an equation, its sides as separate formulas, so that a line can break before each =."""

    form = LATEX
    dots = r"\cdots"

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.among_words = Writer(AMONG_WORDS, document.notation)
        self.anchors: dict[str, int] = {}
        self.drawn = False

    def begin(self) -> str:
        plain = Writer(TEXT, self.document.notation)
        title = "".join(
            part if isinstance(part, str) else " = ".join(plain.line(part.sides, part.target))
            for part in self.document.title
        )
        return page_begin(title, self.document.lang)

    def end(self) -> str:
        return page_end()

    def prose(self, text: str) -> str:
        # ∂loss/∂w among words is mathematics, and looks like it.
        pieces = _DERIVATIVE.split(text)
        found = [
            self.inline(piece.replace("∂", r"\partial ")) if at % 2 else escape(piece)
            for at, piece in enumerate(pieces)
        ]
        return "".join(found)

    def math(self, formula: Formula) -> str:
        return " = ".join(self.among_words.line(formula.sides, formula.target))

    def inline(self, math: str) -> str:
        return f'<span class="math">{_source(math)}</span>'

    def heading(self, block: Heading) -> str:
        found = f"<h{block.level}>{self.words(block.words)}</h{block.level}>\n"
        if block.level == 1 and not self.drawn:
            self.drawn = True
            found += self._drawing()
        return found

    def paragraph(self, block: Paragraph) -> str:
        kind = ' class="why"' if block.quiet else ""
        return f"<p{kind}>{self.words(block.words)}</p>\n"

    def equation(self, block: Equation) -> str:
        line = super().equation(block)
        if not block.opens:
            return line
        gathered = "".join(self._line(self.writer.line(one.sides, one.target), "", "") for one in block.opens)
        summary = escape(self._say("opens"))
        return f'{line}<details class="fold"><summary>{summary}</summary>\n{gathered}</details>\n'

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        own = anchor(name)
        if own:
            count = self.anchors[own] = self.anchors.get(own, 0) + 1
            own = own if count == 1 else f"{own}-again-{count}"
        return self._line(parts, beside, own)

    def _line(self, parts: Sequence[str], beside: str, own: str) -> str:
        sides = " ".join(
            f'<span class="math">{_source(part if at == 0 else f"= {part}")}</span>' for at, part in enumerate(parts)
        )
        mark = f' id="{own}"' if own else ""
        link = f'<a class="anchor" href="#{own}" aria-label="{escape(self._say("link"))}">#</a>' if own else ""
        note = f'<div class="beside">{beside}</div>' if beside else ""
        return f'<div class="line"{mark}><div class="sides">{sides}</div>{note}{link}</div>\n'

    def bulk(self, block: Bulk) -> Iterator[str]:
        template = family_template(block.lines, block.family, self.writer, depth=block.depth)
        if template is None:
            yield from super().bulk(block)
            return
        line = self._line(template, "", _open_name(block.family))
        for piece in fill(line, block.family, form="latex"):
            yield _ANCHOR.sub(lambda found: anchor(found[0]), piece)

    def elision(self, block: Elision) -> str:
        words = escape(sentence("page.elided", lang=self.document.lang, count=block.count))
        return f'<p class="elision"><span aria-hidden="true">⋮</span>{words}</p>\n'

    def _say(self, key: str, **facts: object) -> str:
        return sentence(f"page.html.{key}", lang=self.document.lang, **facts)

    def _drawing(self) -> str:
        """Return the drawing as a picture, light and dark: as an image it can run nothing, whatever a name holds."""
        net = self.document.network
        if net is None:
            return ""
        from chainrule.show.drawing import draw

        light, dark = (
            draw(net, theme=theme, background=False, notation=self.document.notation.name, lang=self.document.lang)
            for theme in ("light", "dark")
        )
        name = net.name or "-".join(str(net.size(level)) for level in range(net.depth + 1))
        return (
            '<figure class="drawing"><picture>'
            f'<source media="screen and (prefers-color-scheme: dark)" srcset="{_data(dark)}">'
            f'<img src="{_data(light)}" alt="{escape(self._say("drawing", name=name))}"></picture></figure>\n'
        )


def _source(math: str) -> str:
    """Return LaTeX as text of a page; a word is no product of letters."""
    # Not escape(), which would take the marks of a template's holes for controls.
    return _WORD.sub(r"\\mathit{\1}", math).translate(_ENTITIES)


def _open_name(family: Family) -> str:
    """Return the plain name of a family's target, with holes for its subscripts."""
    holes: list[Term] = []
    for term in family.target.indices:
        if isinstance(term, Index) and term.dim.name != "samples":
            holes.append(replace(term, name=f"{SLOT}{sum(isinstance(hole, Index) for hole in holes)}"))
        elif not isinstance(term, Index):
            holes.append(term)
    return Writer(TEXT, load("seed")).write(Ref(family.target.symbol, tuple(holes)))


def _data(svg: str | bytes) -> str:
    raw = svg.encode() if isinstance(svg, str) else svg
    return f"data:image/svg+xml;base64,{base64.b64encode(raw).decode()}"


@cache
def _static(path: str) -> str:
    return files("chainrule.show").joinpath("static", *path.split("/")).read_text(encoding="utf-8")


def _scripts() -> tuple[str, ...]:
    return _static("katex/katex.min.js"), _static("page/page.js")


@cache
def _policy() -> str:
    """Return the content security policy: these two scripts run and no other; nothing is loaded from anywhere."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in _scripts()
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
