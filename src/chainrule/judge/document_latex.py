r"""LaTeX documents: formulas in `$`, brackets and environments, from `\begin{document}` on where there is one.

Comments, `\verb` and environments of program text are skipped. Mathematics inside of `\intertext` and of `\text` in a
formula is no end of the formula. A paragraph's end closes nothing: an opening without an end is a problem, and what
stands up to the paragraph's end is left out.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType

from chainrule.judge.document_macros import Definition, definitions, frames
from chainrule.judge.document_model import Found, Problem, Scan
from chainrule.judge.document_rows import ENVIRONMENTS, latex_rows

VERBATIM = frozenset(
    ("verbatim", "Verbatim", "lstlisting", "minted", "comment", "filecontents", "alltt", "tikzpicture")
)
"""Environments whose text is no mathematics, whatever stands in it."""

_OPENING = re.compile(
    r"""%[^\n]*
      | \\verb\*?(?P<bar>[^A-Za-z\s*])
      | \\begin[ \t]*\{[ \t]*(?P<name>[A-Za-z]+)(?P<star>\*?)[ \t]*\}
      | \\end[ \t]*\{[ \t]*(?P<document>document)[ \t]*\}
      | \\(?P<bracket>[(\[])
      | \\(?P<word>[A-Za-z]+)
      | \\.
      | (?P<dollars>\$\$?)""",
    re.VERBOSE | re.DOTALL,
)
_INSIDE = re.compile(
    r"""(?P<comment>%[^\n]*)
      | \\(?:text|mbox|hbox|textrm|textnormal|textit|textbf|intertext|shortintertext)\s*(?P<text>\{)
      | \\(?P<frame>begin|end)[ \t]*\{[ \t]*(?P<name>[A-Za-z]+\*?)[ \t]*\}
      | \\(?P<bracket>[)\]])
      | \\(?P<word>[A-Za-z]+)
      | \\.
      | (?P<brace>[{}])
      | (?P<dollars>\$\$?)
      | (?P<blank>\n[ \t]*\r?\n)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_INSIDE = re.compile(
    r"(?:[^\\$%\n]|\n(?![ \t]*\r?\n)|\\text\{[^{}\\$%\n]*\}"
    r"|\\(?!text|mbox|hbox|intertext|shortintertext|begin|end)[A-Za-z]+|\\[^A-Za-z\n])*"
)
"""The inside of dollars in which nothing hides one."""

_INTERTEXT = re.compile(r"\\(?:short)?intertext\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_ARGUMENTS = re.compile(r"(?:\[[^\]\n]{0,40}\])?(?:\{[^{}\n]{0,40}\})?")
_PARAGRAPHS = frozenset(
    ("equation", "align", "alignat", "gather", "multline", "eqnarray", "flalign", "IEEEeqnarray", "displaymath")
)
Frames = Mapping[str, tuple[str, str]]
_WITH_ARGUMENTS = frozenset(("alignat", "xalignat", "xxalignat", "IEEEeqnarray", "alignedat", "dmath", "darray"))


def latex_document(text: str) -> Iterator[Found | Problem]:
    """Yield the rows of a LaTeX document, and what is not closed.

    Example:
        >>> page = r"so $a = 1$. % $b$"
        >>> [page[slice(*found.keep[0])] for found in latex_document(page)]
        ['a = 1']
    """
    found = definitions(text)
    begin = _BEGIN_DOCUMENT.search(text)
    yield from _stretch(text, begin.end() if begin else 0, len(text), found, frames(found))


_BEGIN_DOCUMENT = re.compile(r"^[^%\n]*\\begin\{document\}", re.MULTILINE)


def _stretch(
    text: str, start: int, end: int, skipped: Iterable[Definition], aliases: Frames
) -> Iterator[Found | Problem]:
    """Yield the rows of text[start:end], and what is not closed there; no formula begins in a macro's definition."""
    at = start
    scan = Scan(text)
    spans = iter(sorted(definition.span for definition in skipped))
    span = next(spans, (end, end))
    while match := _OPENING.search(text, at, end):
        while span[1] <= match.start() < end and span[0] < end:
            span = next(spans, (end, end))
        if span[0] <= match.start():
            at = max(span[1], match.start() + 1)
            continue
        at = match.end()
        frame, aliased = aliases.get(match["word"], ("", ""))
        name = match["name"] + match["star"] if match["name"] else aliased if frame == "begin" else ""
        if match["bar"]:
            stop = text.find(match["bar"], at, min(end, at + _LONGEST_VERB))
            at = max(at, stop + 1)
        elif match["document"]:
            return
        elif name.rstrip("*") in VERBATIM:
            stop = scan.find(f"\\end{{{name}}}", at)
            at = stop if 0 <= stop < end else end
        elif name.rstrip("*") in ENVIRONMENTS:
            at = yield from formula(text, match.start(), at, end, name, aliases)
        elif match["bracket"] or match["dollars"]:
            at = yield from formula(text, match.start(), at, end, match["bracket"] or match["dollars"], aliases)


_LONGEST_VERB = 500
_CLOSING = {"(": ")", "[": "]"}


def formula(
    text: str, opened: int, start: int, end: int, opening: str, aliases: Frames = MappingProxyType({})
) -> Generator[Found | Problem, None, int]:
    r"""Yield the rows of one formula, or a problem where it is not closed, and return where to read on.

    Args:
        text: what holds the formula.
        opened: where what opens it begins.
        start: where its inside begins.
        end: where to stop.
        opening: `$`, `$$`, `(`, `[` or the name of an environment, with its star.
        aliases: the macros that stand for a `\begin` or an `\end`.
    """
    environment = opening.rstrip("*") if opening[0].isalpha() else ""
    if environment in _WITH_ARGUMENTS and (arguments := _ARGUMENTS.match(text, start, end)):
        start = arguments.end()
    stop, after = _closed(text, start, end, opening, aliases)
    if stop is None:
        yield Problem("unclosed", 0, opened, start, {"opening": text[opened:start].strip()[:40]})
        return after
    yield from latex_rows(text, start, stop, display=opening not in ("$", "(", "math"), environment=environment)
    for between in _INTERTEXT.finditer(text, start, stop):
        yield from _stretch(text, *between.span(1), (), aliases)
    return after


def _closed(text: str, start: int, end: int, opening: str, aliases: Frames) -> tuple[int | None, int]:
    """Return where the inside of a formula ends (None where it is not closed), and where to read on."""
    if opening in ("$", "$$") and not aliases:
        inside = _PLAIN_INSIDE.match(text, start, end)
        if inside is not None and text.startswith(opening, inside.end(), end):
            return inside.end(), inside.end() + len(opening)
    depth = same = 0
    texts: list[int] = []
    for match in _INSIDE.finditer(text, start, end):
        dollars = match["dollars"]
        frame, name = aliases.get(match["word"], (match["frame"], match["name"]))
        if match["blank"]:
            return None, match.end()
        if match["text"] or match["brace"]:
            depth += -1 if match["brace"] == "}" else 1
            if match["text"]:
                texts.append(depth)
            elif texts and depth < texts[-1]:
                texts.pop()
        elif name:
            if name == opening:
                if frame == "end" and not same:
                    return match.start(), match.end()
                same += 1 if frame == "begin" else -1
            elif name == "document" or (opening in ("$", "(") and name.rstrip("*") in _PARAGRAPHS):
                return None, match.start()
        elif match["bracket"]:
            if match["bracket"] == _CLOSING.get(opening):
                return match.start(), match.end()
        elif dollars and not texts:
            if opening == "$":
                return match.start(), match.start() + 1
            if opening == dollars:
                return match.start(), match.end()
    return None, end
