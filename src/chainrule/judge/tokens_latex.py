"""LaTeX → tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from chainrule.judge.tokens import ACCENTS, FUNCTIONS, GREEK, WORDS, Refused, number
from chainrule.judge.tokens_base import IF, OTHERWISE, function
from chainrule.judge.tokens_latex_names import LatexNames
from chainrule.judge.tokens_latex_words import (
    CASES,
    KEPT,
    MARKS,
    MATRICES,
    RELATIONS,
    ROWS,
    SEPARATORS,
    SKIPPED,
    SKIPPED_WITH,
    STYLE,
    TEXT,
)

_WORD_IN_ROW = re.compile(
    rf"\\(?:text|mathrm|textrm|mbox)\s*\{{\s*({'|'.join(sorted((*IF, *OTHERWISE, 'if not'), key=len, reverse=True))})?"
    r"\s*[,:.]?\s*\}|(?=\S)"
)
_ARRAY_OF_CASES = re.compile(r"\\(?:left\s*)?(?:\\\{|\\lbrace|\{)\s*\\begin\s*\{array\}\s*\{[^{}]{0,40}\}")
_END_OF_ARRAY = re.compile(r"\s*\\right\s*\.")
_GOES_ON = re.compile(r"""[\s{}"]*(?:[-+−·⊙]|\\(?:cdot|times|odot)(?![A-Za-z])|(?:dot|times)(?![A-Za-z]))""")
_SILENT = re.compile(
    r"(?:[\s.,;~]|\\[,;:! ]|\\(?:nonumber|notag|hfill|square|blacksquare|qed|qedhere|Box|quad|qquad)(?![A-Za-z])"
    r"|\\(?:label|tag\*?|hspace\*?|vspace\*?)\s*\{[^{}]*\})*"
)
_BAR = re.compile(r"\s*(\||\\\||\\[lr]?[vV]ert(?![A-Za-z]))")


class LatexTokens(LatexNames):
    """One formula in LaTeX, being cut into tokens."""

    def command(self, command: str, at: int, end: int) -> int:
        """Take a backslash with the letters, or the one character, that belong to it."""
        taken = _COMMANDS.get(command[1:].rstrip("*") or command[1:])
        if taken is None:
            raise Refused("character", command, (at, end))
        return taken[0](self, taken[1], at, end)

    def is_silent(self, at: int) -> bool:
        """Return whether nothing more is said from a place on, but commands without a meaning."""
        return _SILENT.fullmatch(self.source, at) is not None

    def _mark(self, mark: str, at: int, end: int) -> int:
        self.stream.add("MARK", mark, at, end)
        return end

    def _relation(self, sign: str, at: int, end: int) -> int:
        self.stream.relation(sign, at, end)
        return end

    def _separator(self, lead: str, at: int, end: int) -> int:
        if not self.stream.stack:
            self.stream.separate(lead, at, end)
        return end

    def _letter(self, base: str, at: int, end: int) -> int:
        return self.name(base, at, end)

    def _del(self, _: str, at: int, end: int) -> int:
        return self.partial(at, end)

    def _gradient(self, _: str, at: int, end: int) -> int:
        return self.gradient(at, end)

    def _sum(self, _: str, at: int, end: int) -> int:
        return self.sum(at, end)

    def _d(self, _: str, at: int, end: int) -> int:
        return self.upright_d(at, end)

    def _root(self, command: str, at: int, end: int) -> int:
        if self.source.startswith("[", self.blanks(end)):
            raise Refused("unexpected", self.source[at:end], (at, end))
        self.stream.add("SQRT", command, at, end)
        return self._bare_argument(end, "plain")

    def _opens(self, _: str, at: int, end: int) -> int:
        self.stream.open("bracket", "LEFT", "(", at, end)
        return end

    def _closes(self, _: str, at: int, end: int) -> int:
        self.stream.close("RIGHT", ")", at, end)
        return end

    def _set_opens(self, _: str, at: int, end: int) -> int:
        if match := _ARRAY_OF_CASES.match(self.source, at):
            return self._cases(at, match.end())
        self.stream.open("bracket", "LEFT", "{", at, end)
        return end

    def _bars(self, char: str, at: int, end: int) -> int:
        return self.bar(char, at, end)

    def _bar_on_a_side(self, command: str, at: int, end: int) -> int:
        return self.bar("|" if command[1] == "v" else "‖", at, end, "left" if command[0] == "l" else "right")

    def _sized(self, command: str, at: int, end: int) -> int:
        r"""Take \left or \right: a bar needs to know its side, and what opens begins here: it moves as a whole."""
        if match := _BAR.match(self.source, end):
            char = "|" if match[1] in ("|", "\\vert", "\\lvert", "\\rvert") else "‖"
            return self.bar(char, at, match.end(), command)
        if self.source.startswith(".", end):
            return end + 1
        if command == "left" and (array := _ARRAY_OF_CASES.match(self.source, at)):
            return self._cases(at, array.end())
        return self._large(command, at, end)

    def _large(self, _: str, at: int, end: int) -> int:
        r"""Take \bigl and the like, with the bracket that it makes large where that opens."""
        opens = self.source[end : end + 1] in ("(", "[")
        return self.character(self.source[end], at, end + 1) if opens else end

    def _skip(self, count: int, at: int, end: int) -> int:
        for _ in range(count):
            end = self.argument(end)[1]
        return end

    def _wide_blank(self, _: str, at: int, end: int) -> int:
        r"""Take \quad: it separates chains where one stands before and one behind, and no sum or product goes on."""
        pieces = self.stream.pieces
        if (
            not self.stream.stack
            and len(pieces) > 1
            and pieces[-1].relation
            and self.stream.tokens
            and "=" in self.source[end:]
            and not _GOES_ON.match(self.source, end)
        ):
            self.stream.separate("", end, end)
        return end

    def _keep(self, before: int, at: int, end: int) -> int:
        """Take the last argument of a command, as if it stood in braces, without what is written below or above it."""
        end = self._skip(before, at, end)
        if not self.source.startswith("{", self.blanks(end)):
            return self._bare_argument(end, "plain")
        span, after = self.argument(end)
        bare = self.source[slice(*span)].strip()
        if bare in ("=", ":=", "\\equiv", "\\approx"):
            self.through(*span)
            return after
        self.stream.open("plain", "OPEN", "{", at, span[0])
        self.through(*span)
        self.stream.close("CLOSE", "}", span[1], after)
        if before == 0:
            while self.source[self.blanks(after) : self.blanks(after) + 1] in ("_", "^"):
                place, stop = self.argument(self.blanks(after) + 1)
                if self.source[place[0] - 1] != "{":
                    break
                after = stop
        return after

    def _physics(self, d: str, at: int, end: int) -> int:
        r"""Take \pdv{L}{w} or \dv{L}{w} of the package physics: a derivative; with one argument, ∂/∂w."""
        stream = self.stream
        if self.source.startswith("[", self.blanks(end)):
            raise Refused("second_derivative", self.source[at:end], (at, end))
        first, after = self.argument(end)
        halves = [(first, after)]
        if self.source.startswith("{", self.blanks(after)):
            halves.append(self.argument(after))
        else:
            halves.insert(0, ((first[0], first[0]), first[0]))
        if self.source.startswith("{", self.blanks(halves[-1][1])) and d == "∂":
            raise Refused("second_derivative", self.source[at:end], (at, end))
        stream.add("FRAC", "frac", at, end)
        for kind, ((start, stop), closed) in zip(("first", "second"), halves, strict=True):
            stream.open(kind, "OPEN", "", start, start)
            if d == "d":
                self.upright_d(start, start)
            else:
                stream.add("HALF" if start == stop else "DIFF", None if start == stop else d, start, start)
            self.through(start, stop)
            stream.close("CLOSE", "", stop, closed)
        return halves[-1][1]

    def _in_brackets(self, _: str, at: int, end: int) -> int:
        r"""Take \qty(…) and the like: only the bracket says something."""
        if not self.source.startswith("{", self.blanks(end)):
            return end
        span, after = self.argument(end)
        self.stream.open("bracket", "LEFT", "(", at, span[0])
        self.through(*span)
        self.stream.close("RIGHT", ")", span[1], after)
        return after

    def _between_bars(self, name: str, at: int, end: int) -> int:
        r"""Take \abs{…} or \norm{…}."""
        if not self.source.startswith("{", self.blanks(end)):
            return self.name(name, at, end)
        span, after = self.argument(end)
        self.stream.add("FUNCTION", function(name, at, end), at, end)
        self.stream.open("bracket", "LEFT", "|", span[0], span[0])
        self.through(*span)
        self.stream.close("RIGHT", "|", span[1], after)
        return after

    def _ellipsis_command(self, command: str, at: int, end: int) -> int:
        raise Refused("ellipsis", "\\" + command, (at, end))

    def _matrix_or_rows(self, command: str, at: int, end: int) -> int:
        r"""Take \begin or \end."""
        (start, stop), after = self.argument(end)
        name = self.source[start:stop].strip().rstrip("*")
        if name in CASES:
            if command == "begin":
                return self._cases(at, after)
            return self._end_cases(name, at, after)
        if name == "array" and command == "end" and self.stream.kind == "cases":
            ends = _END_OF_ARRAY.match(self.source, after)
            return self._end_cases(name, at, after if ends is None else ends.end())
        if name in ROWS:
            return self.argument(after)[1] if name == "alignedat" and command == "begin" else after
        if name in MATRICES:
            raise Refused("matrix", self.source[at:after], (at, after))
        raise Refused("character", self.source[at:after], (at, after))

    def _cases(self, at: int, end: int) -> int:
        self.stream.open("cases", "CASES", self.source[at:end], at, end)
        return end

    def _end_cases(self, name: str, at: int, end: int) -> int:
        if self.stream.kind != "cases":
            raise Refused("unexpected", self.source[at:end], (at, end))
        if self.stream.last == "ROW":
            self.stream.tokens.pop()
        self.stream.close("ENDCASES", name, at, end)
        return end

    def _row(self, _: str, at: int, end: int) -> int:
        if self.stream.kind == "cases":
            self.stream.add("ROW", "", at, end)
        elif self.source[self.blanks(end) : self.blanks(end) + 1] not in ("=", "&"):
            self.stream.separate("", at, end)
        return end

    def cell(self, at: int, end: int) -> int:
        """Take &, which sets the condition of a case apart."""
        if self.stream.kind != "cases":
            return end
        match = _WORD_IN_ROW.match(self.source, self.blanks(end))
        after = end if match is None else match.end()
        if not self.source.startswith(("\\\\", "\\end"), self.blanks(after)) and after < len(self.source):
            self.stream.add("CELL", "&", at, end)
        return after

    def _fraction(self, command: str, at: int, end: int) -> int:
        if (whole := self.derivative(at)) is not None:
            return whole
        self.stream.add("FRAC", command, at, end)
        if self.source.startswith("{", self.blanks(end)):
            return end
        return self._bare_argument(self._bare_argument(end, "first"), "second")

    def brace_ends(self, char: str, at: int, end: int) -> int:
        """Take a brace that closes; the second half of a fraction may have no braces."""
        super().brace_ends(char, at, end)
        return self._bare_argument(end, "second") if self.stream.after_fraction else end

    def _bare_argument(self, at: int, kind: str) -> int:
        r"""Take an argument without braces as if it had them, \frac12; one with braces is left to be read."""
        source = self.source
        at = self.blanks(at)
        if at >= len(source) or source[at] == "{":
            return at
        self.stream.open(kind, "OPEN", "", at, at)
        if source[at] in "0123456789":
            end = at + 1
            self.stream.add("NUMBER", number(source[at], at, end, self.limits), at, end)
        else:
            end = self.next(at)
        self.stream.close("CLOSE", "", end, end)
        return end


_Taken = tuple[Callable[[LatexTokens, Any, int, int], int], Any]


def _all(take: Callable[[LatexTokens, Any, int, int], int], commands: Iterable[str]) -> dict[str, _Taken]:
    return {command: (take, command) for command in commands}


def _each(take: Callable[[LatexTokens, Any, int, int], int], commands: dict[str, Any]) -> dict[str, _Taken]:
    return {command: (take, value) for command, value in commands.items()}


_WORDS_AS_COMMANDS = [name for name in FUNCTIONS | WORDS if name.isascii() and len(name) > 1 and name != "sqrt"]

_COMMANDS: dict[str, _Taken] = {
    **_each(LatexTokens._mark, MARKS),
    **_each(LatexTokens._relation, RELATIONS),
    **_each(LatexTokens._separator, dict.fromkeys(SEPARATORS, "")),
    **_each(LatexTokens._letter, GREEK),
    **_all(LatexTokens._letter, _WORDS_AS_COMMANDS),
    **_all(LatexTokens._text, TEXT),
    **_all(LatexTokens._styled, STYLE),
    **_all(LatexTokens._accent, ACCENTS),
    **_each(LatexTokens._skip, dict.fromkeys(SKIPPED, 0) | SKIPPED_WITH),
    **_each(LatexTokens._keep, KEPT),
    **_all(LatexTokens._fraction, ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac")),
    **_all(LatexTokens._sized, ("left", "right")),
    **_all(LatexTokens._large, ("big", "bigl", "Big", "Bigl", "bigg", "biggl", "Bigg", "Biggl")),
    **_all(LatexTokens._ellipsis_command, ("cdots", "ldots", "dots", "dotsc", "dotsb", "dotsm", "vdots", "ddots")),
    **_all(LatexTokens._matrix_or_rows, ("begin", "end")),
    **_all(LatexTokens._opens, ("lbrack", "lparen", "langle")),
    **_all(LatexTokens._closes, ("rbrack", "rbrace", "rparen", "rangle", "}")),
    **_all(LatexTokens._set_opens, ("lbrace", "{")),
    **_all(LatexTokens._bar_on_a_side, ("lvert", "rvert", "lVert", "rVert")),
    "vert": (LatexTokens._bars, "|"), "mid": (LatexTokens._bars, "|"), "Vert": (LatexTokens._bars, "‖"),
    "|": (LatexTokens._bars, "‖"), "\\": (LatexTokens._row, ""), "quad": (LatexTokens._wide_blank, ""),
    "partial": (LatexTokens._del, ""), "nabla": (LatexTokens._gradient, ""), "sum": (LatexTokens._sum, ""),
    "sqrt": (LatexTokens._root, "sqrt"), "dd": (LatexTokens._d, ""), "diff": (LatexTokens._d, ""),
    **_each(LatexTokens._physics, dict.fromkeys(("pdv", "partialderivative", "pderivative"), "∂")),
    **_each(LatexTokens._physics, dict.fromkeys(("dv", "derivative", "odv"), "d")),
    **_all(LatexTokens._in_brackets, ("qty", "quantity", "pqty", "bqty")),
    "abs": (LatexTokens._between_bars, "abs"), "norm": (LatexTokens._between_bars, "norm"),
    "prime": (lambda self, _, at, end: self.character("'", at, end), ""),
}  # fmt: skip
