"""Typst, and from it PDF by the `typst` package (the extra `pdf`): no TeX, no shell, no network.

The source uses nothing but Typst itself, so that it compiles anywhere and can be edited by hand. The same document
gives the same bytes: no dates stand in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from chainrule.errors import OutputError
from chainrule.selection import Elision
from chainrule.show.breaking import rows, torn
from chainrule.show.document import Bulk, Document, Formula, Heading, Paragraph, Room
from chainrule.show.emit import Emitter, emit
from chainrule.show.forms import TYPST
from chainrule.show.measure import Sign, signs_of, text_width, width
from chainrule.show.write import Writer

if TYPE_CHECKING:
    from typst import Fonts

ROOM = 42.0
"""How wide a line may be, in em: a page of A4 with the margins below, less the indentation and some air."""

_EQUALS = 1.34

HANGUL_FONTS = (
    "Noto Serif CJK KR", "Noto Serif KR", "NanumMyeongjo", "Nanum Myeongjo", "AppleMyungjo", "Batang",
    "Source Han Serif K", "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Nanum Gothic", "NanumBarunGothic",
    "Apple SD Gothic Neo", "Malgun Gothic", "Source Han Sans K", "UnBatang", "UnDotum", "Baekmuk Batang",
)  # fmt: skip
"""Families with Hangul, those with serifs first, since formulas are set in one."""

_PREAMBLE = """\
#set document(title: "%TITLE%", date: none)
#set page(paper: "a4", margin: (x: 22mm, top: 22mm, bottom: 24mm), numbering: "1 / 1")
#set text(font: (%FONTS%), size: 10.5pt, lang: "%LANG%")
#set par(leading: 0.62em, spacing: 0.9em)
#set heading(numbering: none)
#show heading: set block(above: 1.6em, below: 0.9em, sticky: true)
#show heading.where(level: 1): set text(size: 1.25em)
#show heading: it => { show math.equation: math.bold; it }
#show math.equation.where(block: true): set align(start)
#show math.equation.where(block: true): set block(above: 0.85em, below: 0.85em, breakable: true)
#show math.equation.where(block: true): pad.with(left: 1.5em)
#let why(body) = block(above: 1.35em, below: 0.95em, sticky: true, text(size: 0.9em, body))
#let beside(note, body) = grid(
  columns: (1fr, auto), align: (start + horizon, end + horizon), body, text(size: 0.9em, note)
)
"""

_AMONG_WORDS = replace(TYPST, partial=lambda of, by: f"∂{of}\\/∂{by}")
"""Among words a partial is written in one line, since a fraction there would be too small to read."""

_DERIVATIVE = re.compile(r"∂(\w+)")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")


def escape(text: str) -> str:
    r"""Return words so that Typst sets them as they are read, whatever characters they hold.

    Example:
        >>> print(escape("= a_b *c* #let $x$ // no comment"))
        \= a\_b \*c\* \#let \$x\$ \/\/ no comment
    """
    kept = (char for char in unicodedata.normalize("NFC", text) if char.isprintable() or char.isspace())
    found = "".join(" " if c.isspace() else f"\\{c}" if c in "\\`*_{}[]()#$<>@~=+-/\"'" else c for c in kept)
    # A line that begins with a number and a full stop would be an item of a list.
    return re.sub(r"^(\s*\d+)\.", r"\1\\.", found)


def quote(text: str) -> str:
    """Return the inside of a Typst string."""
    kept = "".join(char for char in text if char.isprintable())
    return kept.replace("\\", "\\\\").replace('"', '\\"')


class TypstEmitter(Emitter):
    """Typst with one block equation a line."""

    form = TYPST
    dots = "dots.c"

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.among_words = Writer(_AMONG_WORDS, document.notation)
        self.digits = 1

    def begin(self) -> str:
        latin = '"New Computer Modern"'
        fonts = ", ".join([latin, *(f'"{font}"' for font in HANGUL_FONTS)]) if self._hangul() else latin + ","
        title = "".join(part if isinstance(part, str) else self.math(part) for part in self.document.title)
        facts = {"TITLE": quote(title), "FONTS": fonts, "LANG": quote(self.document.lang)}
        # One pass, so that a title that holds such a mark stays as it is.
        return re.sub("%(TITLE|FONTS|LANG)%", lambda mark: facts[mark[1]], _PREAMBLE)

    def prose(self, text: str) -> str:
        # ∂loss/∂w among words is mathematics, and looks like it.
        pieces = _DERIVATIVE.split(text)
        for position, piece in enumerate(pieces):
            if position % 2 and piece.isascii() and piece.isalpha():
                pieces[position] = f"$∂{piece}$" if len(piece) == 1 else f'$∂italic("{piece}")$'
            else:
                pieces[position] = escape("∂" + piece if position % 2 else piece)
        return "".join(pieces)

    def inline(self, math: str) -> str:
        return f"${math}$"

    def math(self, formula: Formula) -> str:
        return " = ".join(self.among_words.line(formula.sides, formula.target))

    def heading(self, block: Heading) -> str:
        return f"\n{'=' * block.level} {self.words(block.words)}\n"

    def paragraph(self, block: Paragraph) -> str:
        text = self.words(block.words)
        return f"\n#why[{text}]\n" if block.quiet else f"\n{text}\n"

    def line(self, parts: Sequence[str], beside: str, name: str) -> str:
        sides = [signs_of(part, "typst", digits=self.digits) for part in parts]
        room = ROOM - (text_width(beside) + 2 if beside else 0)
        if sum(map(width, sides)) + _EQUALS * (len(sides) - 1) <= room:
            found = f"$ {' = '.join(parts)} $"
        else:
            found = "$ " + " \\\n  ".join(_aligned(parts[0], sides, room)) + " $"
        return f"#beside[{beside}][{found}]\n" if beside else f"{found}\n"

    def blank(self, block: Room) -> str:
        # Line by line, since a page would swallow a #v at its end, and keep a heading with a block that is all of it.
        return f"#for _ in range({block.lines}) {{ block(height: 1.3em, above: 0pt, below: 0pt) }}\n"

    def bulk(self, block: Bulk) -> Iterator[str]:
        # All lines of a family are broken alike: where the one with the longest subscripts must be.
        sizes = [index.range()[-1] for index in block.family.indices if index.dim.name != "samples"]
        self.digits = len(str(max(sizes, default=1)))
        yield from super().bulk(block)
        self.digits = 1

    def elision(self, block: Elision) -> str:
        from chainrule.prose import sentence

        words = quote(sentence("page.elided", lang=self.document.lang, count=block.count))
        return f'$ dots.v quad upright("{words}") $\n'

    def _hangul(self) -> bool:
        return self.document.lang == "ko" or any(
            isinstance(part, str) and _HANGUL.search(part) for part in self.document.title
        )


def _aligned(first: str, sides: Sequence[Sequence[Sign]], room: float) -> Iterator[str]:
    """Yield the rows of a broken line, aligned at their =; a row within a side stands further in."""
    lead = width(sides[0]) + _EQUALS
    for position, side in enumerate(sides[1:] or sides):
        for row in torn(rows(side, room - lead)):
            source = "".join(map(_written, row.signs)).strip()
            if row.steps:
                # Without a neighbour on its left, + would be a sign and not an operation.
                yield "& " + "quad " * row.steps + '"" ' + source
            elif len(sides) == 1:
                yield f"& {source}"
            else:
                yield f"{'' if position else first + ' '}&= {source}"


def _written(sign: Sign) -> str:
    """Return a sign's source; a bracket that is torn between rows is escaped from its pair, and gets a fixed size."""
    if "torn" not in sign.kind:
        return sign.source
    written = r" lr(\\\1, size: #2.4em) " if "tall" in sign.kind else r"\\\1"
    return re.sub(r"\\?([()])", written, sign.source, count=1)


def to_pdf(document: Document) -> bytes:
    """Return a Document as PDF; the same Document gives the same bytes.

    Raises:
        OutputError: where the extra `pdf` is not installed, or where Hangul is to be set and no font has it.
    """
    return compile_typst("".join(emit(TypstEmitter(document))))


def compile_typst(source: str) -> bytes:
    """Return Typst source as PDF; the same source gives the same bytes.

    Raises:
        OutputError: where the extra `pdf` is not installed, or where Hangul is to be set and no font has it.
    """
    try:
        import typst
    except ImportError:
        raise OutputError("missing_extra", extra="pdf", package="typst") from None
    fonts = _fonts()
    if _HANGUL.search(source) and not any(map(_has_hangul, fonts.families())):
        raise OutputError("no_hangul_font", known=", ".join(HANGUL_FONTS[:4]))
    options: dict[str, Any] = {"font_paths": fonts, "format": "pdf", "timestamp": 0}
    found = typst.compile(source.encode(), **options)
    assert isinstance(found, bytes)
    return found


@cache
def _fonts() -> Fonts:
    """Return the fonts of this computer; looking for them takes longer than setting a page."""
    import typst

    return typst.Fonts()


def _has_hangul(family: str) -> bool:
    """Return whether a family is known to have Hangul, by its name."""
    known = "cjk|nanum|malgun|batang|gulim|dotum|gungsuh|my[eu]+ngjo|gothic neo|source han| kr$|pretendard|hangul"
    return re.search(known, family, re.IGNORECASE) is not None
