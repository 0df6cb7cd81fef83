r"""The rows of a piece of LaTeX mathematics: where a formula of several lines is cut, and where it is not.

Row breaks inside braces, `\left…\right`, cases and matrices are no row breaks. A row that begins with a binary sign
goes on with the side above it, so both are one row. A row that begins with a relation sign stays a row of its own; that
it continues a chain is for `chainrule.judge.document` to say. In alignments of several columns each column is a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chainrule.judge.document_model import Found
from chainrule.judge.syntax import Span

ENVIRONMENTS = frozenset((
    "equation", "align", "alignat", "gather", "multline", "eqnarray", "flalign", "IEEEeqnarray", "IEEEeqnarraybox",
    "displaymath", "math", "dmath", "dgroup", "xalignat", "xxalignat", "aligned", "alignedat", "gathered", "split",
    "darray", "dseries",
))  # fmt: skip
"""Environments that hold mathematics; all but `math` stand on lines of their own."""

_FRAMES = ENVIRONMENTS | {"subequations", "array"}
_COLUMNS = frozenset(("align", "aligned", "alignat", "alignedat", "flalign", "xalignat", "xxalignat"))
_TOKEN = re.compile(
    r"""(?P<comment>%[^\n]*)
      | \\(?P<frame>begin|end)[ \t]*\{[ \t]*(?P<name>[A-Za-z]+)\*?[ \t]*\}
      | (?P<break>\\\\\*?(?:\[\s*-?[\d.]+\s*[a-z]{2}\s*\])?|\\(?:cr|newline|tabularnewline)(?![A-Za-z]))
      | \\(?P<between>shortintertext|intertext)\s*\{
      | \\(?P<fence>left|right)(?![A-Za-z])
      | \\.
      | (?P<char>[{}&])""",
    re.VERBOSE | re.DOTALL,
)
_CUTS = re.compile(r"[%&]|\\\\|\\(?:begin|end|cr|newline|tabularnewline|shortintertext|intertext)(?![A-Za-z])")
"""Without one of these a formula is one row."""

_FRAME_ARGUMENTS = re.compile(r"(?:\[[a-z]{0,3}\])?(?:\{[\dlrcsCLR@.|: ]{0,40}\})?")
_ALIGNED = re.compile(r"&\s*(?:\{\})?=(?:\{\})?\s*&")  # an array that stands for an alignment
_GLUE = (
    r"(?:[\s&~]|\\[,;:!> ]|\\(?:q?quad|displaystyle|textstyle|hspace\*?\{[^{}]*\}|phantom\{[^{}]*\})(?![A-Za-z])|\{\})*"
)
_RELATION = r"(?::?=|[≈≡≃∝≔]|\\(?:approx|equiv|simeq|propto|coloneqq|triangleq|doteq|eqqcolon)(?![A-Za-z]))"
_CONTINUES = {
    "latex": re.compile(_GLUE + _RELATION),
    "text": re.compile(r"\s*:?=(?!=)|\s*[≈≡≃∝≔]"),
    "typst": re.compile(r"[\s&]*(?::?=(?![=>])|[≈≡≃∝≔]|(?:approx|equiv|prop|eq\.def)(?![A-Za-z]))"),
}
_SURE_OPERATOR = {
    "latex": re.compile(_GLUE + r"(?:\+|[·×⋅⊙]|\\(?:cdot|times|odot|circ|pm)(?![A-Za-z]))"),
    "typst": re.compile(r"(?:[\s&]|q?quad|\"\")*(?:\+|[·×⋅⊙]|(?:dot|times|plus)(?![A-Za-z]))"),
}
_MINUS = {
    "latex": re.compile(r"[\s{}]*&" + _GLUE + r"[-−]"),
    "typst": re.compile(r"\s*&(?:[\s&]|q?quad|\"\")*[-−]"),
}
_IN_BRACKETS = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*+\]")
"""A condition has a relation sign of its own: [y[n] = 1]."""
_OPEN_END = re.compile(r"(?:[=+\-−·×⋅⊙]|\\(?:cdot|times|odot|circ))[\s&]*$")


def begins_with_relation(source: str, markup: str) -> bool:
    r"""Return whether a row carries on the chain of the row above.

    Example:
        >>> begins_with_relation(r"&\quad = \delta x", "latex"), begins_with_relation("a = b", "text")
        (True, False)
    """
    return _CONTINUES[markup].match(source) is not None


@dataclass
class Row:
    """A row under construction: what belongs to it, and which column of its alignment it is."""

    keep: list[Span] = field(default_factory=list)
    column: int = 0


def latex_rows(text: str, start: int, end: int, *, display: bool, environment: str = "") -> Iterator[Found]:
    """Yield the rows of text[start:end].

    Args:
        text: what holds the formula.
        start: where the inside of the `$`, or of the environment, begins.
        end: where it ends.
        display: whether the formula stands on lines of its own.
        environment: the name of the environment around it, without a star.
    """
    rows = _cut(text, start, end, environment, braces=True)
    if rows is None:
        rows = _cut(text, start, end, environment, braces=False)
    assert rows is not None
    rows = [row for row in rows if row.keep]
    joined = joined_rows(text, rows, "latex", everything=environment == "multline")
    if len({row.column for row in joined}) > 1 and any(
        begins_with_relation(text[row.keep[0][0] : row.keep[0][1]], "latex") for row in joined[1:]
    ):
        joined.sort(key=lambda row: row.column)  # a chain goes on in its own column
    for row in joined:
        yield Found(tuple(row.keep), "latex", display, start)


def _cut(text: str, start: int, end: int, environment: str, *, braces: bool) -> list[Row] | None:
    """Return the rows, or None where braces do not match; without `braces`, they hold nothing together."""
    rows = [Row()]
    if _CUTS.search(text, start, end) is None:
        rows[0].keep += [span] if (span := trimmed(text, start, end)) else []
        return rows
    environments = [environment]
    opaque: list[int] = []
    depth = fences = amperes = 0
    at = start
    skip_to = start

    def keep(stop: int) -> None:
        if span := trimmed(text, at, stop):
            rows[-1].keep.append(span)

    for match in _TOKEN.finditer(text, start, end):
        if match.start() < skip_to:
            continue
        inside = bool(opaque or fences or depth)
        after = match.end()
        if match["comment"]:
            keep(match.start())
            at = after
        elif match["frame"]:
            name = match["name"]
            if match["frame"] == "begin":
                if (
                    name in _FRAMES
                    and not inside
                    and (name != "array" or _ALIGNED.search(text, after, min(end, after + 500)))
                ):
                    keep(match.start())
                    arguments = _FRAME_ARGUMENTS.match(text, after, end)
                    at = skip_to = arguments.end() if arguments else after
                    environments.append(name)
                else:
                    opaque.append(match.start())
            elif opaque:
                opaque.pop()
            elif not inside:
                keep(match.start())
                at = after
                if len(environments) > 1:
                    environments.pop()
        elif match["break"]:
            if not inside:
                keep(match.start())
                at = after
                amperes = 0
                rows.append(Row())
        elif match["between"]:
            if not inside:
                keep(match.start())
                at = skip_to = min(end, _argument_end(text, after, end))
                amperes = 0
                rows.append(Row())
        elif match["fence"] and braces:
            fences = max(0, fences + (1 if match["fence"] == "left" else -1))
        elif match["char"] == "&":
            amperes += not inside
            if not inside and amperes % 2 == 0 and environments[-1] in _COLUMNS and _begins_anew(text, after, end):
                keep(match.start())
                at = after
                rows.append(Row(column=amperes // 2))
        elif match["char"] and braces:
            depth += 1 if match["char"] == "{" else -1
            if depth < 0:
                return None
    keep(end)
    return None if braces and (depth or fences) and len(rows) == 1 else rows


def _begins_anew(text: str, at: int, end: int) -> bool:
    """Return whether the next column holds an equation of its own, rather than the rest of one."""
    stretch = text[at : min(end, at + 400)]
    return not begins_with_relation(stretch, "latex") and not _SURE_OPERATOR["latex"].match(stretch)


def _argument_end(text: str, at: int, end: int) -> int:
    """Return where the argument ends whose opening brace stands before `at`."""
    depth = 1
    for match in _BRACE.finditer(text, at, end):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return end


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def joined_rows(text: str, rows: list[Row], markup: str, *, everything: bool = False) -> list[Row]:
    """Return the rows, those that go on with the side above put together with it."""
    joined: list[Row] = []
    for row in rows:
        if joined and row.column == 0 and (everything or _goes_on(text, joined[-1], row, markup)):
            joined[-1].keep += row.keep
        else:
            joined.append(row)
    for row in joined:
        first = row.keep[0]
        lead = _LEADING.match(text, *first)
        if lead and lead.end() < first[1]:
            row.keep[0] = (lead.end(), first[1])
    return joined


_LEADING = re.compile(r"[\s&]*")


def _goes_on(text: str, above: Row, row: Row, markup: str) -> bool:
    start = text[slice(*row.keep[0])]
    if begins_with_relation(start, markup):
        return False
    last = text[slice(*above.keep[-1])][-40:]
    if _SURE_OPERATOR[markup].match(start) or _OPEN_END.search(last):
        return True
    return _MINUS[markup].match(start) is not None and "=" not in _IN_BRACKETS.sub("", start)


def trimmed(text: str, start: int, end: int) -> Span | None:
    """Return a span without blanks at its ends, or None where nothing (or only alignment marks) is left."""
    stretch = text[start:end]
    bare = stretch.strip()
    if not bare.strip("& \t\r\n"):
        return None
    begin = start + len(stretch) - len(stretch.lstrip())
    return begin, begin + len(bare)
