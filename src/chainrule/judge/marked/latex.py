r"""A marked copy in LaTeX: a LaTeX document as it is, with remarks behind the formulas they are about; others set anew.

What is put in compiles wherever the original compiles: the packages are loaded last, remarks stand only where a list
may stand (outside of braces, tables and formulas), and the author's notation is a formula only where it is whole.
Remarks in Korean are set where the engine has a font for Hangul, and in English elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chainrule.judge.forms.text import number, summary
from chainrule.judge.marked.blocks import Block, Math, Region, blocks, regions
from chainrule.judge.marked.remarks import (
    Piece,
    aside,
    name_source,
    points,
    repair_of,
    said,
    sides_of,
    tidy,
    word,
)  # fmt: skip
from chainrule.judge.marking import Mark, Marks, marks_of
from chainrule.judge.report import Line, Report, Verdict
from chainrule.prose import sentence
from chainrule.show.latex import HANGUL_FONTS, escape

_TITLE = re.compile(r"^[^%\n]*?\\maketitle(?![A-Za-z])", re.MULTILINE)
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_SIGNS = {
    Verdict.RIGHT: r"$\surd$", Verdict.WRONG: r"$\times$", Verdict.CARRIED: r"$\hookrightarrow$",
    Verdict.UNREADABLE: "?", Verdict.DEFINITION: ":=",
}  # fmt: skip
_COLOURS = {
    "right": "1A6B32", "wrong": "B3261E", "carried": "8A4B00", "unreadable": "5B3A9E", "definition": "0B5F78",
}  # fmt: skip
_COMMANDS = (
    "\\usepackage{xcolor}\n"
    + "".join(f"\\definecolor{{chainrule{name}}}{{HTML}}{{{colour}}}\n" for name, colour in _COLOURS.items())
    + r"""\newcommand{\chainrulesign}[2]{\textcolor{chainrule#1}{\textbf{#2}}}
\newenvironment{chainrulemarks}{\par\begin{list}{}{\setlength{\leftmargin}{1.5em}\setlength{\rightmargin}{0pt}%
  \setlength{\topsep}{2pt}\setlength{\partopsep}{0pt}\setlength{\parsep}{1pt}\setlength{\itemsep}{0pt}%
  \setlength{\listparindent}{0pt}}\item[]\normalfont\ifdefined\chainrulefont\chainrulefont\fi\small\raggedright}{\end{list}}
"""
)
_OWN_HANGUL = re.compile(r"kotex|xeCJK|luatexko|CJKutf8|xetexko|\bdhucs\b|\\setmain(?:hangul|CJK)?font")
_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=22mm]{geometry}
\usepackage{amsmath,amssymb}
%FONT%
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 1pt}
\allowdisplaybreaks[1]
"""
_LATIN = r"""\usepackage{iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
\fi"""


def write_latex(report: Report, marks: Marks, lang: str) -> Iterator[str]:
    """Yield the copy."""
    if report.format == "latex":
        yield from _native(report, marks, lang)
        return
    hangul = lang == "ko" or any(_HANGUL.search(text) for text in report.texts)
    font = f"\\usepackage{{iftex}}\n\\RequireTUTeX % Hangul: compile with xelatex or lualatex\n{_fonts('setmainfont')}"
    yield _PREAMBLE.replace("%FONT%", font if hangul else _LATIN) + _COMMANDS + "\\begin{document}\n"
    remarks = _Remarks(report, marks, lang, hangul=hangul)
    yield remarks.top()
    for part in range(len(report.texts)):
        for block in blocks(report, part):
            yield from _anew(block, remarks)
    yield remarks.end() + "\\end{document}\n"


def _fonts(command: str) -> str:
    """Return the choice of a font with Hangul, the first that the computer has."""
    choice = ""
    for font in reversed(HANGUL_FONTS):
        choice = f"\\IfFontExistsTF{{{font}}}{{\\{command}{{{font}}}}}{{%\n{choice}}}"
    return (
        f"\\makeatletter\\@ifpackageloaded{{fontspec}}{{}}{{\\usepackage[no-math]{{fontspec}}}}\\makeatother\n{choice}"
    )


# A LaTeX document as it is


def _native(report: Report, marks: Marks, lang: str) -> Iterator[str]:
    (text,) = report.texts
    begin = re.search(r"^[^%\n]*?\\begin\{document\}", text, re.MULTILINE)
    in_korean = _Remarks(report, marks, "ko", hangul=True) if lang == "ko" else None
    own = bool(_OWN_HANGUL.search(text)) or bool(_HANGUL.search(text))
    in_english = _Remarks(report, marks, "en", hangul=own)

    def say(method: str, *arguments: Sequence[Line]) -> str:
        english: str = getattr(in_english, method)(*arguments)
        if in_korean is None or not english:
            return english
        korean: str = getattr(in_korean, method)(*arguments)
        return korean if own else f"\\ifchainrulehangul\n{korean}\\else\n{english}\\fi\n"

    places: dict[int, list[Line]] = {}
    found = [region for region in regions(text, "latex", report.lines) if region.lines]
    for region, place in zip(found, _places(text, found, begin.end() if begin else 0), strict=True):
        places.setdefault(place, []).extend(region.lines)
    at = 0
    if begin:
        start = begin.end() - len(r"\begin{document}")
        yield text[:start] + ("" if text[:start].endswith("\n") or not start else "\n") + _COMMANDS
        if in_korean is not None and not own:
            yield "\\newif\\ifchainrulehangul\n\\usepackage{iftex}\n\\ifPDFTeX\\else\n\\chainrulehangultrue\n"
            yield _fonts(r"newfontfamily\chainrulefont") + "\n\\fi\n"
        yield text[start : begin.end()] + "\n"
        at = begin.end()
        title = _TITLE.search(text, at, min(places, default=len(text)))
        if title is not None:  # it begins a page of its own
            yield text[at : title.end()] + "\n"
            at = title.end()
    yield say("top")
    stop = text.rfind(r"\end{document}")
    for place in sorted(places):
        yield text[at:place]
        at = place
        yield ("" if text[:at].endswith("\n") else "%\n") + say("of", places[place])
    if stop >= at:
        yield text[at:stop]
        at = stop
    yield say("end") + text[at:]


_STEP = re.compile(
    r"""(?P<comment>%[^\n]*\n?) | \\verb\*?(?P<bar>[^A-Za-z\s*])[^\n]*?(?P=bar)
      | \\(?P<frame>begin|end)[ ]*\{(?P<name>[A-Za-z]+)\*?\}
      | \\(?P<head>item|(?:sub)*section|chapter|part|paragraph)(?![A-Za-z]) | \\. | (?P<brace>[{}])
      | (?P<blank>(?<=\n)[ \t]*\n)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSED = frozenset((
    "tabular", "tabularx", "tabulary", "longtable", "array", "tikzpicture", "verbatim", "Verbatim", "lstlisting",
    "minted", "comment", "picture", "alltt", "filecontents",
))  # fmt: skip
"""Environments in which no remark may stand."""


def _places(text: str, found: Sequence[Region], least: int) -> Iterator[int]:
    """Yield where what is said of each region goes: the first place behind it where a list may stand."""
    body = text.rfind(r"\end{document}")
    stop = body if body >= least else len(text)
    waiting = list(found)
    depth = closed = 0
    at = least
    number = 0
    while number < len(waiting):
        region = waiting[number]
        if at < region.start:
            for match in _STEP.finditer(text, at, region.start):
                depth, closed = _stepped(match, depth, closed)
        at = max(at, region.end)
        display = region.kind == "display"
        if display and depth <= 0 and closed <= 0:
            yield min(at, stop)
            number += 1
            continue
        place, ahead, deep, shut = stop, at, depth, closed
        for match in _STEP.finditer(text, at, stop):
            ends = any(match[name] is not None for name in ("blank", "frame", "head"))
            if deep <= 0 and shut <= 0 and (display or ends):
                place = match.start() if ends else ahead
                break
            deep, shut = _stepped(match, deep, shut)
            ahead = match.end()
            if deep <= 0 and shut <= 0 and (match["frame"] == "end" or (display and match["brace"] == "}")):
                place = ahead
                break
        yield max(place, at)
        number += 1


def _stepped(match: re.Match[str], depth: int, closed: int) -> tuple[int, int]:
    if match["brace"]:
        depth = max(0, depth + (1 if match["brace"] == "{" else -1))
    elif match["name"] in _CLOSED:
        closed = max(0, closed + (1 if match["frame"] == "begin" else -1))
    return depth, closed


# Another document, set anew


def _anew(block: Block, remarks: _Remarks) -> Iterator[str]:
    if block.kind == "code":
        rows = "".join(map(str, block.pieces)).strip().split("\n")
        yield "\n".join(f"\\noindent\\texttt{{{remarks.words(row)}}}\\\\" for row in rows if row.strip()) + "\n\n"
    elif block.kind == "heading":
        command = {1: "section*", 2: "subsection*"}.get(block.level, "subsubsection*")
        yield f"\\{command}{{{remarks.words(''.join(map(str, block.pieces)))}}}\n"
    elif block.kind == "display":
        for piece in block.pieces:
            if isinstance(piece, Math):
                for line in piece.lines or (None,):
                    yield remarks.display(piece.source if line is None else line.source, piece.markup)
                    if line is not None:
                        yield remarks.of([line])
    else:
        yield (
            "".join(
                remarks.source(piece.source, piece.markup) if isinstance(piece, Math) else remarks.words(piece)
                for piece in block.pieces
            ).strip()
            + "\n\n"
        )
        lines = list(block.lines)
        if lines:
            yield remarks.of(lines)


class _Remarks:
    """What is said, as LaTeX, in one language."""

    def __init__(self, report: Report, marks: Marks, lang: str, *, hangul: bool) -> None:
        self.report = report
        self.marks = marks
        self.lang = lang
        self.hangul = hangul
        self.earned = {id(line): mark for line, mark in marks_of(report, marks)}

    def say(self, key: str, **facts: object) -> str:
        """Return a sentence of ours."""
        return self.words(sentence(f"marking.{key}", lang=self.lang, **facts))

    def words(self, text: str) -> str:
        """Return words that LaTeX sets as they are read."""
        return escape(text, hangul=self.hangul)

    def top(self) -> str:
        """Return the title, the points, how many of each, and how the document was read."""
        rows = [f"\\textbf{{{self.say('title', source=self.report.source)}}}"]
        rows.append(self.words(summary(self.report, self.marks, self.lang)))
        rows.append(self.say("network", networks=", ".join(self.report.networks)))
        rows += [self.words(message.text(self.lang)) for message in self.report.reading]
        for mark in self.marks.targets:
            place = f" ({self.say('from_line', line=mark.line)})" if mark.line else ""
            reason = self.say(f"reason.{mark.reason}")
            rows.append(f"{self.words(mark.name)}: {reason}{place}, {number(mark.points)}/{number(mark.out_of)}")
        return _listed(rows)

    def end(self) -> str:
        """Return what is missing, and what was left out."""
        rows = [self.pieces(said(gap, self.lang)) for gap in self.report.gaps]
        rows += [self.say("left_out", reason=problem.text(self.lang)) for problem in self.report.problems]
        return _listed([f"\\textbf{{{self.say('gaps')}}}", *rows]) if rows else ""

    def of(self, lines: Sequence[Line]) -> str:
        """Return what is said of some lines."""
        return _listed([row for line in lines for row in self.rows(line, self.earned.get(id(line)))])

    def rows(self, line: Line, mark: Mark | None) -> Iterator[str]:
        """Yield what is said of a line, row by row."""
        signs = " ".join(f"\\chainrulesign{{{link.verdict}}}{{{_SIGNS[link.verdict]}}}" for link in line.links)
        kinds = dict.fromkeys(sentence(f"marking.verdict.{link.verdict}", lang=self.lang) for link in line.links)
        verdicts, earned = self.words(", ".join(kinds)), self.words(points(mark, self.lang))
        yield f"{self.say('line', line=line.line)}: {signs} {verdicts}\\quad {earned}"
        before = None
        for link in line.links:
            extra = self.pieces(aside(line, link, self.lang), line.markup)
            if link.message is not None and (link.verdict, link.message) != before:
                verdict = f"{_SIGNS[link.verdict]} {self.words(word(link, self.lang))}"
                reason = self.pieces(said(link.message, self.lang), line.markup)
                yield f"{link.index}. \\chainrulesign{{{link.verdict}}}{{{verdict}}}: {reason} {extra}".rstrip()
            elif extra:
                yield f"{link.index}. {extra}"
            before = (link.verdict, link.message)
        for note in line.notes:
            yield self.pieces(said(note, self.lang))
        found = repair_of(line)
        if found is not None and found.repair is not None:
            changes = ", ".join(
                f"\\textcolor{{chainrulewrong}}{{{self.source(before or '∅', line.markup)}}} $\\to$ "
                f"\\textcolor{{chainruleright}}{{{self.source(after or '∅', line.markup)}}}"
                for before, after in found.repair.changes
            )  # fmt: skip
            yield f"\\chainrulesign{{right}}{{{self.say('repair')}}}: {changes}"
            sides = (self.source(side, line.markup) for side in sides_of(found.repair.after))
            yield " ".join(re.sub(r"\A\$", r"$\\displaystyle ", side) for side in sides)

    def pieces(self, pieces: Sequence[Piece], markup: str = "latex") -> str:
        """Return a sentence with the formulas in it set."""
        return "".join(
            self.words(piece.text) if piece.kind == "words"
            else f"${name_source(piece.text)}$" if piece.kind == "name" and piece.text.replace("∂", "").isascii()
            else self.source(piece.text, markup if piece.kind == "source" else "text")
            for piece in pieces
        )  # fmt: skip

    def source(self, source: str, markup: str) -> str:
        """Return some of the author's notation: as a formula where it is one, and otherwise letter by letter."""
        tidied = tidy(source)
        if markup == "latex" and tidied and settable(tidied):
            return f"${tidied}$"
        return f"\\texttt{{{self.words(' '.join(source.split()))}}}"

    def display(self, source: str, markup: str) -> str:
        """Return a formula that stands by itself."""
        if markup != "latex" or not settable(tidy(source)):
            return f"\\par\\noindent\\quad {self.source(source, markup)}\\par\n"
        sides = sides_of(tidy(source))
        if len(source) < 160 or len(sides) < 2:
            return f"\\[ {tidy(source)} \\]\n"
        rows = [f"{sides[0]} &{sides[1]}", *(f"&{side}" for side in sides[2:])]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


_COMMAND = re.compile(
    r"\\(?:begin|end|input|include|write|openin|openout|read|def|let|catcode|csname|verb|immediate)(?![A-Za-z])"
)


def settable(source: str) -> bool:
    r"""Return whether a source can be set as a formula by itself: nothing in it is open, and it is ASCII.

    Example:
        >>> settable(r"\frac{a}{b}"), settable(r"\left( a"), settable("a & b"), settable(r"\input{x}")
        (True, False, False, False)
    """
    if not source.isascii() or re.search(r"[%#&$~]|\\\\|\^\s*\^|_\s*_", source):
        return False
    if _COMMAND.search(source):
        return False
    depth = fences = 0
    for match in re.finditer(r"\\(left|right)(?![A-Za-z])|\\.|[{}]", source, re.DOTALL):
        if match[1]:
            fences += 1 if match[1] == "left" else -1
        else:
            depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth < 0 or fences < 0:
            return False
    return depth == fences == 0


def _listed(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    return "\\begin{chainrulemarks}\n" + "\\par\n".join(rows) + "\n\\end{chainrulemarks}\n"
