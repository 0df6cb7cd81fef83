r"""The macros that a LaTeX document defines, put in place of their names.

`\newcommand`, `\renewcommand`, `\providecommand`, `\def`, `\DeclareMathOperator` with up to nine arguments. What comes from a
macro keeps the place of the whole use, since no edit can be made inside of it. Depth and size are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chainrule.judge.document_model import Piece
from chainrule.judge.syntax import Span

DEEPEST = 8
"""How deep macros may use each other."""

LONGEST = 20_000
"""The longest source that macros may grow to."""

_DEFINITION = re.compile(
    r"""\\(?:(?:re)?newcommand|providecommand)\*?\s*\{?\s*\\(?P<name>[A-Za-z]+)\s*\}?\s*(?:\[(?P<count>\d)\])?\s*
        (?:\[(?P<default>[^\[\]]{0,200})\])?\s*(?=\{)
      | \\def\s*\\(?P<plain>[A-Za-z]+)\s*(?P<params>(?:\#\d)*)\s*(?=\{)
      | \\DeclareMathOperator\*?\s*\{?\s*\\(?P<operator>[A-Za-z]+)\s*\}?\s*(?=\{)""",
    re.VERBOSE,
)
_USE = re.compile(r"\\([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Macro:
    """What a name stands for: its body, how many arguments it takes, and the first where that is optional."""

    body: str
    count: int = 0
    default: str | None = None


def macros_of(text: str) -> dict[str, Macro]:
    r"""Return the macros that a document defines; a later definition replaces an earlier one.

    Example:
        >>> macros_of(r"\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}")["pd"].count
        2
    """
    found: dict[str, Macro] = {}
    for match in _DEFINITION.finditer(text):
        body = group(text, match.end())
        if body is None:
            continue
        inner = text[slice(*body)]
        if match["operator"]:
            found[match["operator"]] = Macro(rf"\operatorname{{{inner}}}")
        elif match["plain"]:
            found[match["plain"]] = Macro(inner, len(match["params"]) // 2)
        else:
            found[match["name"]] = Macro(inner, int(match["count"] or 0), match["default"])
    return found


def group(text: str, at: int) -> Span | None:
    """Return where the inside of the braces at a place stands, or None where there are none."""
    if text[at : at + 1] != "{":
        return None
    depth = 0
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, at):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return at + 1, match.start()
    return None


def expanded(text: str, spans: tuple[Span, ...], macros: Mapping[str, Macro]) -> tuple[str, tuple[Piece, ...]]:
    """Return the source that spans of a text make together, macros replaced, and where each stretch comes from."""
    source = ""
    pieces: list[Piece] = []

    def add(stretch: str, start: int, end: int, exact: bool) -> None:
        nonlocal source
        if stretch:
            pieces.append(Piece(len(source), len(source) + len(stretch), start, end, exact))
            source += stretch

    for number, (start, end) in enumerate(spans):
        if number:
            add(" ", spans[number - 1][1], start, False)
        for begin, stop in _without_definitions(text, start, end) if macros else [(start, end)]:
            at = begin
            for match in _USE.finditer(text, begin, stop) if macros else ():
                macro = macros.get(match[1])
                if match.start() < at or macro is None or len(source) > LONGEST:
                    continue
                arguments, after = _arguments(text, match.end(), stop, macro)
                if arguments is None:
                    continue
                add(text[at : match.start()], at, match.start(), True)
                body = _filled(macro, arguments, macros, DEEPEST)
                pad = " " if body[-1:].isalpha() and text[after : after + 1].isalpha() else ""
                add(body[:LONGEST] + pad, match.start(), after, False)
                at = after
            add(text[at:stop], at, stop, True)
    return source, tuple(pieces)


def _without_definitions(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield what is left of a span without the definitions in it."""
    at = start
    for match in _DEFINITION.finditer(text, start, end):
        body = group(text, match.end())
        if match.start() >= at and body is not None:
            if text[at : match.start()].strip():
                yield at, match.start()
            at = min(body[1] + 1, end)
            while at < end and text[at].isspace():
                at += 1
    if at < end:
        yield at, end


def _arguments(text: str, at: int, end: int, macro: Macro) -> tuple[list[str] | None, int]:
    """Return the arguments of a use, and where it ends; None where they are not all there."""
    found: list[str] = []
    if macro.default is not None:
        optional = re.compile(r"\s*\[([^\[\]]*)\]").match(text, at, end)
        found.append(optional[1] if optional else macro.default)
        at = optional.end() if optional else at
    while len(found) < macro.count:
        blank = re.compile(r"\s*").match(text, at, end)
        assert blank is not None
        place = blank.end()
        span = group(text, place)
        if span is not None and span[1] < end:
            found.append(text[slice(*span)])
            at = span[1] + 1
            continue
        single = re.compile(r"\\[A-Za-z]+|[^\s{}]").match(text, place, end)
        if single is None:
            return None, at
        found.append(single[0])
        at = single.end()
    return found, at


def _filled(macro: Macro, arguments: list[str], macros: Mapping[str, Macro], depth: int) -> str:
    body = re.sub(r"#([1-9])", lambda m: arguments[int(m[1]) - 1] if int(m[1]) <= len(arguments) else "", macro.body)
    if depth <= 0 or len(body) > LONGEST:
        return body[:LONGEST]
    parts: list[str] = []
    at = 0
    for match in _USE.finditer(body):
        inner = macros.get(match[1])
        if match.start() < at or inner is None:
            continue
        found, after = _arguments(body, match.end(), len(body), inner)
        if found is None:
            continue
        parts += [body[at : match.start()], _filled(inner, found, macros, depth - 1)]
        at = after
        if sum(map(len, parts)) > LONGEST:
            break
    return "".join([*parts, body[at:]])[:LONGEST]
