r"""The macros that a LaTeX document defines, put in place of their names.

`\newcommand`, `\renewcommand`, `\providecommand`, `\def`, `\DeclareMathOperator` with up to nine arguments. What comes
from a macro keeps the place of the whole use, since no edit can be made inside of it. Depth, size and work are bounded:
a formula whose macros grow beyond that is left as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from chainrule.judge.document_model import Piece
from chainrule.judge.syntax import Span

DEEPEST = 8
"""How deep macros may use each other."""

LONGEST = 20_000
"""The longest body of a macro, and the longest formula in which macros are replaced."""

MOST_WORK = 10_000_000
"""How many characters of macros are read for all formulas of a document; for one, ten times `LONGEST`."""

_DEFINITION = re.compile(
    r"""\\(?:(?:re)?newcommand|providecommand)\*?\s*+(?:\{\s*+)?\\(?P<name>[A-Za-z]+)\s*+(?:\}\s*+)?
        (?:\[(?P<count>\d)\]\s*+)?(?:\[(?P<default>[^\[\]]{0,200})\]\s*+)?(?=\{)
      | \\def\s*+\\(?P<plain>[A-Za-z]+)\s*+(?P<params>(?:\#\d)*)\s*+(?=\{)
      | \\DeclareMathOperator\*?\s*+(?:\{\s*+)?\\(?P<operator>[A-Za-z]+)\s*+(?:\}\s*+)?(?=\{)""",
    re.VERBOSE,
)
_USE = re.compile(r"\\(?:([A-Za-z]+)|.)", re.DOTALL)
_BRACE = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
_BLANK = re.compile(r"\s*")
_OPTIONAL = re.compile(r"\s*\[([^\[\]]*)\]")
_SINGLE = re.compile(r"\\[A-Za-z]+|[^\s{}]")
_FRAME = re.compile(r"\s*\\(begin|end)\{([A-Za-z]+\*?)\}\s*(?:\{\})?\s*")


@dataclass(frozen=True, slots=True)
class Macro:
    """What a name stands for: its body, how many arguments it takes, and the first where that is optional."""

    body: str
    count: int = 0
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A macro's definition in a text: its name, what it stands for, and the place of the whole."""

    name: str
    macro: Macro
    span: Span


class _TooMuchError(Exception):
    """What macros stand for is larger than is read."""


def definitions(text: str) -> tuple[Definition, ...]:
    r"""Return the definitions of macros in a text, those in comments and those never closed left out.

    Example:
        >>> (definition,) = definitions(r"\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}")
        >>> definition.name, definition.macro.count
        ('pd', 2)
    """
    found = list(_DEFINITION.finditer(text))
    closes = _closings(text, 0, len(text), {match.end() for match in found}) if found else {}
    return tuple(
        Definition(
            match["name"] or match["plain"] or match["operator"],
            _macro(match, text[match.end() + 1 : closes[match.end()]]),
            (match.start(), closes[match.end()] + 1),
        )
        for match in found
        if closes.get(match.end(), match.end() + LONGEST) < match.end() + LONGEST
    )


def _macro(match: re.Match[str], body: str) -> Macro:
    if match["operator"]:
        return Macro(rf"\operatorname{{{body}}}")
    if match["plain"]:
        return Macro(body, len(match["params"]) // 2)
    return Macro(body, int(match["count"] or 0), match["default"])


def frames(found: tuple[Definition, ...]) -> dict[str, tuple[str, str]]:
    r"""Return the macros that open or close an environment, as `\be` for `\begin{equation}` does.

    Example:
        >>> frames(definitions(r"\newcommand{\be}{\begin{equation}}"))
        {'be': ('begin', 'equation')}
    """
    matches = ((one.name, _FRAME.fullmatch(one.macro.body)) for one in found if one.macro.count == 0)
    return {name: (match[1], match[2]) for name, match in matches if match}


class Macros:
    """The macros known so far in a document, and how much work is left for replacing them."""

    def __init__(self) -> None:
        self._known: dict[str, Macro] = {}
        self._left = MOST_WORK
        self._left_here = 0

    def learn(self, text: str) -> None:
        """Add the macros that a text defines; a later definition replaces an earlier one."""
        self._known |= {one.name: one.macro for one in definitions(text)}

    def expanded(self, text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Piece, ...], bool]:
        r"""Return the source that spans of a text make together, macros replaced.

        Args:
            text: what holds the formula.
            spans: what belongs to it, in order.

        Returns:
            The source, where each stretch of it comes from, and whether all macros are replaced.

        Example:
            >>> macros = Macros()
            >>> macros.learn(r"\def\s#1{\sigma(#1)}")
            >>> macros.expanded(r"a = \s{z}", ((0, 9),))[0]
            'a = \\sigma(z)'
        """
        if not self._known:
            return *_assembled(text, spans, ()), True
        self._left_here = min(self._left, 10 * LONGEST)
        before = self._left_here
        try:
            if sum(end - start for start, end in spans) > LONGEST:
                raise _TooMuchError
            uses = [use for start, end in spans for use in self._uses_between_definitions(text, start, end)]
            if sum(len(stands_for) for _, _, stands_for in uses) > LONGEST:
                raise _TooMuchError
            return *_assembled(text, spans, uses), True
        except _TooMuchError:
            return *_assembled(text, spans, ()), not any(
                match[1] in self._known for start, end in spans for match in _USE.finditer(text, start, end)
            )
        finally:
            self._left -= before - max(self._left_here, 0)

    def _uses_between_definitions(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """Yield the uses in a span; a definition in it is one that stands for nothing."""
        closes = _closings(text, start, end)
        at = start
        for match in _DEFINITION.finditer(text, start, end):
            if match.start() >= at and match.end() in closes:
                yield from self._uses(text, at, match.start(), closes, DEEPEST)
                at = closes[match.end()] + 1
                blank = _BLANK.match(text, at, end)
                at = blank.end() if blank else at
                yield match.start(), at, ""
        yield from self._uses(text, at, end, closes, DEEPEST)

    def _uses(
        self, text: str, start: int, end: int, closes: Mapping[int, int], depth: int
    ) -> Iterator[tuple[int, int, str]]:
        """Yield where macros are used, and what each use stands for."""
        at = start
        for match in _USE.finditer(text, start, end):
            macro = self._known.get(match[1])
            if macro is None or match.start() < at:
                continue
            arguments, after = _arguments(text, match.end(), end, macro, closes)
            if arguments is None:
                continue
            at = after
            body = self._replaced(self._filled(macro, arguments), depth - 1)
            pad = " " if body[-1:].isalpha() and text[after : after + 1].isalpha() else ""
            yield match.start(), after, body + pad

    def _filled(self, macro: Macro, arguments: list[str]) -> str:
        """Return a macro's body with arguments in place."""
        longest = max((len(argument) for argument in arguments), default=0)
        self._spend(len(macro.body) + macro.body.count("#") * longest)
        return re.sub(r"#([1-9])", lambda m: "".join(arguments[int(m[1]) - 1 : int(m[1])]), macro.body)

    def _replaced(self, text: str, depth: int) -> str:
        """Return a text with its macros replaced, down to a depth."""
        if depth <= 0 or "\\" not in text:
            return text
        self._spend(len(text))
        parts: list[str] = []
        at = 0
        for start, end, stands_for in self._uses(text, 0, len(text), _closings(text, 0, len(text)), depth):
            parts += [text[at:start], stands_for]
            at = end
        return "".join([*parts, text[at:]])

    def _spend(self, work: int) -> None:
        self._left_here -= work
        if self._left_here < 0:
            raise _TooMuchError


def _assembled(
    text: str, spans: tuple[Span, ...], uses: list[tuple[int, int, str]] | tuple[()]
) -> tuple[str, tuple[Piece, ...]]:
    """Return the source that spans make, and its pieces, with what uses of macros stand for in their place."""
    parts: list[str] = []
    pieces: list[Piece] = []
    size = 0

    def add(stretch: str, start: int, end: int, exact: bool) -> None:
        nonlocal size
        if stretch:
            pieces.append(Piece(size, size + len(stretch), start, end, exact))
            parts.append(stretch)
            size += len(stretch)

    waiting = iter(uses)
    use = next(waiting, None)
    for number, (start, end) in enumerate(spans):
        if number:
            add(" ", spans[number - 1][1], start, False)
        at = start
        while use is not None and use[0] < end:
            add(text[at : use[0]], at, use[0], True)
            add(use[2], use[0], use[1], False)
            at = use[1]
            use = next(waiting, None)
        add(text[at:end], at, end, True)
    return "".join(parts), tuple(pieces)


def _closings(text: str, start: int, end: int, wanted: Container[int] | None = None) -> dict[int, int]:
    """Return for each opening brace (of those wanted) where the brace stands that closes it."""
    found: dict[int, int] = {}
    waiting: list[tuple[int, int]] = []
    depth = 0
    for match in _BRACE.finditer(text, start, end):
        if match[0] == "{":
            depth += 1
            if wanted is None or match.start() in wanted:
                waiting.append((depth, match.start()))
        elif match[0] == "}":
            if waiting and waiting[-1][0] == depth:
                found[waiting.pop()[1]] = match.start()
            depth = max(depth - 1, 0)
    return found


def _arguments(text: str, at: int, end: int, macro: Macro, closes: Mapping[int, int]) -> tuple[list[str] | None, int]:
    """Return the arguments of a use, and where it ends; None where they are not all there."""
    found: list[str] = []
    if macro.default is not None:
        optional = _OPTIONAL.match(text, at, end)
        found.append(optional[1] if optional else macro.default)
        at = optional.end() if optional else at
    while len(found) < macro.count:
        blank = _BLANK.match(text, at, end)
        place = blank.end() if blank else at
        close = closes.get(place)
        if close is not None and close < end:
            found.append(text[place + 1 : close])
            at = close + 1
            continue
        single = _SINGLE.match(text, place, end)
        if single is None:
            return None, at
        found.append(single[0])
        at = single.end()
    return found, at
