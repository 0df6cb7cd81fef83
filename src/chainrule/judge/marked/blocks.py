r"""A document as blocks to be set anew: headings, paragraphs with formulas in them, displays, program text.

Where the formulas stand was found when the document was judged; this finds what belongs to them (`$`, environments) and
what the words around are, well enough to show them. Every judged line is in exactly one block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chainrule.judge.document_rows import ENVIRONMENTS
from chainrule.judge.report import Line, Report
from chainrule.judge.syntax import Span


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a part that is no words.

    Attributes:
        kind: `display`, `inline`, `code`, or `plain` for an equation that stands in the text without marks.
        start, end: where it stands, with its marks.
        inner: what stands between them.
        lines: the judged lines in it.
    """

    kind: str
    start: int
    end: int
    inner: Span
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Math:
    """A formula: its source, what that is written in, and the judged lines in it, each once."""

    source: str
    markup: str
    lines: tuple[Line, ...]
    rests: tuple[str, ...] = ()
    """What stands before the first line, between two, and behind the last, where that is more than marks."""


@dataclass(frozen=True, slots=True)
class Block:
    """What stands by itself.

    Attributes:
        kind: `words`, `heading`, `display` or `code`.
        pieces: words and formulas, in order.
        level: of a heading, from 1.
    """

    kind: str
    pieces: tuple[str | Math, ...]
    level: int = 0

    @property
    def lines(self) -> Iterator[Line]:
        """The judged lines in it."""
        return (line for piece in self.pieces if isinstance(piece, Math) for line in piece.lines)


_MARKDOWN = re.compile(
    r"""(?P<code>(?:^|(?<=\n))[ \t>]*(?P<fence>`{3,}|~{3,})(?!\s*\{?\.?math\b)[^\n]*\n.*?
        (?:\n[ \t>]*(?P=fence)[`~]*[ \t]*(?=\n|\Z)|\Z))
      | (?:^|(?<=\n))[ \t>]*(?P<ticks>`{3,}|~{3,})\s*\{?\.?math\b[^\n]*\n(?P<fenced>.*?)
        (?:\n[ \t>]*(?P=ticks)[ \t]*(?=\n|\Z)|\Z)
      | \$\$(?P<dollars>.+?)\$\$ | \\\[(?P<bracket>(?:\\\\|(?!\\\[).)+?)\\\]
      | \\begin\{(?P<name>ENVIRONMENTS)(?P<star>\*?)\}(?P<body>(?:(?!\\begin\{(?P=name)).)*?)\\end\{(?P=name)(?P=star)\}
      | (?P<span>(?P<bars>`+)[^`\n]+(?P=bars)) | <!--(?:(?!<!--).)*?-->
      | \\\((?P<round>(?:\\\\|(?!\\\().)+?)\\\) | \\. | \$(?P<dollar>(?:[^$\\\n]|\\.|\n(?![ \t]*\n))+?)\$""",
    re.VERBOSE | re.DOTALL,
)
_LATEX = re.compile(
    r"""(?P<comment>%[^\n]*) | \\verb\*?(?P<bar>[^A-Za-z\s*])[^\n]*?(?P=bar)
      | \\begin\{(?P<opaque>verbatim|Verbatim|lstlisting|minted|comment|alltt|tikzpicture|filecontents)(?P<ostar>\*?)\}
        (?P<code>(?:(?!\\begin\{(?P=opaque)).)*?)\\end\{(?P=opaque)(?P=ostar)\}
      | \$\$(?P<dollars>.+?)\$\$ | \\\[(?P<bracket>(?:\\\\|(?!\\\[).)+?)\\\]
      | \\begin\{(?P<name>ENVIRONMENTS)(?P<star>\*?)\}(?P<body>(?:(?!\\begin\{(?P=name)).)*?)\\end\{(?P=name)(?P=star)\}
      | \\\((?P<round>(?:\\\\|(?!\\\().)+?)\\\) | \\. | \$(?P<dollar>(?:[^$\\]|\\.)+?)\$""",
    re.VERBOSE | re.DOTALL,
)
_TYPST = re.compile(
    r"""(?P<code>(?P<ticks>`{3,}).*?(?P=ticks)) | //[^\n]* | /\*(?:(?!/\*).)*?\*/ | \\.
      | \$(?P<dollars>\s(?:[^$\\"]|\\.|"[^"]*")+?\s)\$ | \$(?P<dollar>(?:[^$\\"]|\\.|"[^"]*")+?)\$""",
    re.VERBOSE | re.DOTALL,
)
_NAMES = "|".join(sorted((re.escape(name) for name in {*ENVIRONMENTS, "displaymath", "math"}), key=len, reverse=True))
_PATTERNS = {
    "markdown": re.compile(_MARKDOWN.pattern.replace("ENVIRONMENTS", _NAMES), _MARKDOWN.flags),
    "latex": re.compile(_LATEX.pattern.replace("ENVIRONMENTS", _NAMES), _LATEX.flags),
    "typst": _TYPST,
}
_DISPLAYS = ("fenced", "dollars", "bracket", "body")
_INLINES = ("round", "dollar")


def regions(text: str, format: str, lines: Sequence[Line]) -> list[Region]:
    r"""Return the formulas and the program text of a part, in order, each judged line in exactly one of them.

    Example:
        >>> found = regions("so $a$ and\n$$b$$\n", "markdown", [])
        >>> [(region.kind, region.inner) for region in found]
        [('inline', (4, 5)), ('display', (13, 14))]
    """
    pattern = _PATTERNS.get("markdown" if format == "notebook" else format)
    found = [] if pattern is None else [region for match in pattern.finditer(text) if (region := _region(match))]
    waiting: list[Region | Line] = sorted([*found, *lines], key=lambda one: (one.start, one.end))
    return [_merged(group) for group in _overlapping(waiting)]


def _overlapping(sorted_by_start: Iterable[Region | Line]) -> Iterator[list[Region | Line]]:
    """Yield groups of what overlaps."""
    group: list[Region | Line] = []
    end = -1
    for one in sorted_by_start:
        if group and one.start >= end:
            yield group
            group = []
        group.append(one)
        end = max(one.end, end)
    if group:
        yield group


def _merged(group: Sequence[Region | Line]) -> Region:
    """Return what overlaps as one region."""
    lines = tuple(one for one in group if isinstance(one, Line))
    own = [one for one in group if isinstance(one, Region)]
    start, end = min(one.start for one in group), max(one.end for one in group)
    if len(own) == 1 and (own[0].start, own[0].end) == (start, end):
        return Region(own[0].kind if own[0].kind != "code" or not lines else "display", start, end, own[0].inner, lines)
    kinds = {region.kind for region in own}
    kind = "display" if kinds & {"display", "code"} else "inline" if kinds else "plain"
    spans = [region.inner for region in own] + [(line.start, line.end) for line in lines]
    return Region(kind, start, end, (min(span[0] for span in spans), max(span[1] for span in spans)), lines)


def _region(match: re.Match[str]) -> Region | None:
    groups = match.groupdict()
    for kind, names in (("display", _DISPLAYS), ("inline", _INLINES), ("code", ("code",))):
        for name in names:
            if groups.get(name) is not None:
                return Region(kind, match.start(), match.end(), match.span(name))
    return None


def blocks(report: Report, part: int) -> Iterator[Block]:
    """Yield the blocks of one part of a document."""
    text = report.texts[part]
    lines = [line for line in report.lines if line.part == part]
    form = "markdown" if report.format == "notebook" else report.format
    start, stop = _body(text, form)
    open_pieces: list[str | Math] = []
    at = start
    for region in regions(text, form, lines):
        if (region.end <= start or region.start >= stop) and not region.lines:
            continue
        if region.start > at:
            yield from _words(text[at : region.start], form, open_pieces)
        at = max(at, region.end)
        if region.kind == "code":
            yield from _closed(open_pieces)
            yield Block("code", (text[slice(*region.inner)] if form == "latex" else text[region.start : region.end],))
            continue
        math = _math(text, region, form)
        if region.kind == "inline":
            open_pieces.append(math)
            continue
        yield from _closed(open_pieces)
        yield Block("display", (math,))
    if stop > at:
        yield from _words(text[at:stop], form, open_pieces)
    yield from _closed(open_pieces)


def _body(text: str, format: str) -> Span:
    """Return the span of what is shown: of a LaTeX document its body, of a Markdown text what follows front matter."""
    if format == "latex":
        begin = re.search(r"^[^%\n]*\\begin\{document\}", text, re.MULTILINE)
        end = text.rfind(r"\end{document}")
        return (begin.end() if begin else 0, end if end >= 0 else len(text))
    if format == "markdown" and (front := re.match(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*\r?\n", text, re.DOTALL)):
        return (front.end(), len(text))
    return (0, len(text))


def _closed(pieces: list[str | Math]) -> Iterator[Block]:
    """Yield what stands open as a block, if it is more than blanks."""
    if any(isinstance(piece, Math) or piece.strip() for piece in pieces):
        yield Block("words", tuple(pieces))
    pieces.clear()


_HEADINGS = {
    "markdown": re.compile(r"[ ]{0,3}(?P<level>#{1,6})[ \t]+(?P<words>.*?)[ \t#]*"),
    "typst": re.compile(r"(?P<level>={1,6})[ \t]+(?P<words>.*)"),
    "latex": re.compile(r"[ \t]*\\(?P<level>part|chapter|(?:sub){0,2}section|paragraph)\*?\{(?P<words>.*)\}[ \t]*"),
}
_LEVELS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5}
_BREAK = re.compile(r"\n[ \t>]*\r?(?=\n)")
_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]")


def _words(text: str, format: str, pieces: list[str | Math]) -> Iterator[Block]:
    """Yield the blocks that words close; what stays open is left in `pieces`."""
    for number, paragraph in enumerate(_BREAK.split(text)):
        if number:
            yield from _closed(pieces)
        for row in paragraph.splitlines(keepends=True):
            heading = _HEADINGS[format].fullmatch(row.strip("\r\n")) if format in _HEADINGS and len(row) < 500 else None
            if heading is not None:
                yield from _closed(pieces)
                mark = heading["level"]
                yield Block("heading", (plain(heading["words"], format),), _LEVELS.get(mark, len(mark)))
                continue
            if format == "text" or (format == "markdown" and _ITEM.match(row)):
                yield from _closed(pieces)
            pieces.append(plain(row, format))


_LATEX_WORDS = (
    (re.compile(r"(?<!\\)%[^\n]*\n?"), ""),
    (re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]\n]{0,200}\])?"), ""),
    (re.compile(r"\\item\b[ \t]*(?:\[([^\]\n]{0,200})\])?"), "• "),
    (re.compile(r"\\(?:emph|textbf|textit|textrm|text|underline|texttt)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:maketitle|noindent|newpage|clearpage|(?:med|small|big)skip|par|centering)\b"), ""),
    (re.compile(r"\\label\{[^{}]*\}"), ""),
    (re.compile(r"\\([%&#_{}$])"), r"\1"),
    (re.compile(r"~"), "\u00a0"),
    (re.compile(r"\\\\(?:\[[^\]\n]{0,40}\])?"), "\n"),
)  # fmt: skip


def plain(text: str, format: str) -> str:
    r"""Return words without the commonest marks of their format; what is not known stays as it is.

    Example:
        >>> plain(r"\textbf{So} 5\,\% % a remark", "latex"), plain("**so** it `is`", "markdown")
        ('So 5\\,% ', 'so it is')
    """
    if format == "latex":
        for pattern, new in _LATEX_WORDS:
            text = pattern.sub(new, text)
    elif format == "markdown":
        text = re.sub(r"(\*\*|__|`{1,3})(?=\S)([^*`\n]{1,200}?)(?<=\S)\1", r"\2", text)
        text = re.sub(r"^([ \t>]*)[-*+][ \t]+", r"\1• ", text)
    return text


def _math(text: str, region: Region, format: str) -> Math:
    markup = {"text": "text", "typst": "typst"}.get(format, "latex")
    if region.kind == "plain" and region.lines:
        markup = region.lines[0].markup
    inner = text[slice(*region.inner)]
    environment = re.match(r"\\begin\{(\w+)\*?\}", text[region.start : region.end])
    source = inner.strip()
    if environment and not region.lines and ("&" in inner or "\\\\" in inner):
        source = _environment(environment[1], source)
    lines = tuple(sorted(region.lines, key=lambda line: (line.start, line.end)))
    return Math(source, markup, lines, tuple(_rests(text, region.inner, lines, markup)))


def _environment(name: str, source: str) -> str:
    """Return rows as something that may stand within a display."""
    inner = "gathered" if name in ("gather", "multline", "cases") else "aligned"
    source = re.sub(r"^\{[^{}]*\}", "", source) if name.startswith("alignat") else source
    source = re.sub(r"\\(?:label|tag\*?)\{[^{}]*\}|\\(?:nonumber|notag)\b", "", source)
    return rf"\begin{{{inner}}}{source}\end{{{inner}}}"


_MARKS = re.compile(
    r"""(?<!\\)%[^\n]*|\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]{0,200}\])?(?:\{[^{}]*\})?|\\\\(?:\[[^\]\n]{0,40}\])?
      |&|\$+|\\[\[\](),;:!>]|\\(?:label|tag\*?)\{[^{}]*\}
      |\\(?:nonumber|notag|quad|qquad|displaystyle|hfill|par|left\.|right\.)(?![A-Za-z])|\\[ ]|~""",
    re.VERBOSE,
)  # fmt: skip


def _rests(text: str, inner: Span, lines: Iterable[Line], markup: str) -> Iterator[str]:
    """Yield what stands before the first line, between two and behind the last."""
    at = inner[0]
    for line in lines:
        yield _rest(text[at : line.start], markup)
        at = max(at, line.end)
    yield _rest(text[at : inner[1]], markup)


def _rest(text: str, markup: str) -> str:
    found = " ".join((_MARKS.sub(" ", text) if markup == "latex" else text).split())
    return found if re.search(r"\w", found) else ""
