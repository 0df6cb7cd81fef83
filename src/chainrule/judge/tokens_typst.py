"""Typst → tokens: words are names, brackets delimit scripts, and functions stand where LaTeX has commands."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Span
from chainrule.judge.tokens import ACCENTS, GREEK, LEADS, ONES, Refused, accented, listed_items, same
from chainrule.judge.tokens_base import IF, NUMBER, OTHERWISE, function
from chainrule.judge.tokens_text import TextTokens

_MARKS = {
    "dot": "·", "dot.op": "·", "dot.c": "·", "times": "·", "ast": "·", "ast.op": "·", "star": "·", "star.op": "·",
    "compose": "⊙", "dot.o": "⊙", "dot.circle": "⊙", "circle.small": "⊙", "circle.stroked.tiny": "⊙",
    "circle.tiny": "⊙", "times.o": "⊗", "times.circle": "⊗", "div": "/", "slash": "/", "circle.stroked.small": "⊙",
    "ast.o": "⊙", "compose.o": "⊙", "odot": "⊙",
}  # fmt: skip
_RELATIONS = {
    "equiv": "≡", "approx": "≈", "in": "∈", "prop": "∝", "lt": "<", "gt": ">", "lt.eq": "≤", "gt.eq": "≥",
    "eq.not": "≠", "eq": "=", "lt.eq.slant": "≤", "gt.eq.slant": "≥", "arrow.r": "→", "arrow.r.bar": "→",
    "arrow.l": "←", "tilde.op": "~", "tilde.eq": "≈", "eq.delta": ":=", "eq.def": ":=", "colon.eq": ":=", "arrow": "→",
}  # fmt: skip
_SEPARATORS = frozenset(("arrow.r.double", "arrow.r.double.long", "therefore", "because", "arrow.l.r.double"))
_BLANKS = frozenset(
    ("quad", "wide", "med", "thin", "thick", "space", "zws", "space.nobreak", "space.en", "space.quad", "wj")
)
_ELLIPSES = frozenset(("dots", "dots.c", "dots.h", "dots.h.c", "dots.v", "dots.down"))
_STYLES = frozenset(
    ("italic", "upright", "bold", "cal", "bb", "sans", "op", "mono", "arrow", "serif", "frak", "scr", "text")
)
_KEPT = {
    "underbrace", "overbrace", "cancel", "display", "inline", "math.display", "script", "sscript", "underline",
    "underbracket", "overbracket", "limits", "scripts", "stretch", "box", "lr", "mid", "class",
}  # fmt: skip
_MATRICES = frozenset(("mat", "vec"))
_SIGNS = {"plus": "+", "minus": "-", "paren.l": "(", "paren.r": ")", "bracket.l": "[", "bracket.r": "]", "bar.v": "|",
          "bar.v.double": "‖", "bar": "|", "parallel": "‖"}  # fmt: skip
_DOTTED = re.compile(r"#?[A-Za-z]+(?:\.[A-Za-z]+)*")
_TALL = re.compile(r"lr\(\s*\\([()\[\]])\s*,\s*size:[^()]{1,20}\)")
"""One bracket of its own size, whose other half stands on another row."""
_CALL = re.compile(r"([a-z]+)\((.*)\)", re.DOTALL)
_NAME_IN_QUOTES = re.compile(r"[^\W\d]\w*(?:-\w+)?")
_POWER_OF_REALS = re.compile(r"\s*\^\s*(?:\(([^()]{1,200})\)|([0-9]))")
_TURNED = {"top": "⊤", "tack.b": "⊤", "prime": "′", "TT": "⊤"}
_WORD_IN_SCRIPT = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*")
_NO_LETTERS = re.compile(r"[\s{}\"]")


class TypstTokens(TextTokens):
    """One formula in Typst, being cut into tokens."""

    TOKEN = re.compile(
        rf"(?P<blank>(?:\s|~)+)|(?P<word>[A-Za-z]+)|(?P<number>{NUMBER})|(?P<command>\\.)|(?P<char>.)", re.DOTALL
    )
    BRACKET = re.compile(r"\s*\\?[(\[{]|\s*lr\(\s*\\?[(\[]")

    def character(self, char: str, at: int, end: int) -> int:
        """Take one character: a quotation mark opens words."""
        if char == '"':
            return self._quoted(at, end)
        return super().character(char, at, end)

    def next(self, at: int) -> int:
        """Take what stands at a place; in cases & and , are rows and conditions."""
        char = self.source[at]
        if self.stream.kind == "cases" and char in ",&":
            return self._in_cases(char, at)
        if char == "#" and (match := _DOTTED.match(self.source, at)):
            return self.word(match[0], at, match.end())
        return super().next(at)

    def command(self, command: str, at: int, end: int) -> int:
        """Take an escaped bracket, which stays one, or a break of the line."""
        if command[1:] in ("(", "[", "{", "|"):
            return (
                super(TextTokens, self).character(command[1:], at, end)
                if command[1:] != "{"
                else self._opens("{", at, end)
            )
        if command[1:] in (")", "]"):
            return super().character(command[1:], at, end)
        if command[1:] == "}":
            return self._closes("", at, end)
        if command[1:] == "/":  # a slash that makes no fraction on the page
            return super().character("/", at, end)
        if not command[1:].strip():
            return end
        raise Refused("character", command, (at, end))

    def _quoted(self, at: int, end: int) -> int:
        stop = self.source.find('"', end)
        if stop < 0:
            raise Refused("unclosed", '"', (at, end))
        words, after = " ".join(self.source[end:stop].split()), stop + 1
        bare = words.strip(" ,.:;").lower()
        if bare == "shape":
            return self.shape(at, after)
        if bare in ("shape of", "size of", "dim of"):
            self.stream.add("SHAPEOF", words, at, after)
            return after
        if self.stream.kind == "cases" and (bare in IF or bare in OTHERWISE):
            if bare in IF and self.stream.last != "CELL":
                self.stream.add("CELL", "&", at, after)
            return after
        if bare in LEADS:
            return self.lead(LEADS[bare], at, after)
        if words == "d":
            return self.upright_d(at, after)
        if words == "hard" and self.source.startswith("sigma", after):
            return self.name("hardσ", at, after + len("sigma"))
        if _NAME_IN_QUOTES.fullmatch(words):
            return self.name(words, at, after)
        return after if not bare else self.lead("where", at, after)

    def word(self, word: str, at: int, end: int) -> int:
        """Take a run of letters with dots: a symbol, a function of Typst's own, or a name."""
        match = _DOTTED.match(self.source, at)
        if match is None:
            return super().word(word, at, end)
        dotted, end = match[0].lstrip("#"), match.end()
        while dotted not in _KNOWN and "." in dotted:
            dotted = dotted.rpartition(".")[0]
            end = self.source.index(dotted, at) + len(dotted)
        stream = self.stream
        called = self.source.startswith("(", end)
        if dotted in _MARKS:
            stream.add("MARK", _MARKS[dotted], at, end)
        elif dotted in _RELATIONS and not (dotted == "arrow" and called):
            stream.relation(_RELATIONS[dotted], at, end)
        elif dotted in _SEPARATORS:
            return self._separator("", at, end)
        elif dotted in _BLANKS:
            return self._wide_blank("", at, end) if dotted in ("quad", "wide") else end
        elif dotted in _ELLIPSES:
            raise Refused("ellipsis", dotted, (at, end))
        elif dotted in _SIGNS:
            return super(TextTokens, self).character(_SIGNS[dotted], at, end)
        elif dotted in ("partial", "diff"):
            return self.partial(at, end)
        elif dotted in ("nabla", "gradient"):
            return self.gradient(at, end)
        elif dotted == "dif":
            return self.upright_d(at, end)
        elif dotted == "sum":
            return self.sum(at, end)
        elif dotted == "prime":
            raise Refused("unexpected", dotted, (at, end))
        elif dotted in ("RR", "bb") and (power := _POWER_OF_REALS.match(self.source, self._reals_end(dotted, end))):
            items = listed_items(self.source, *power.span(power.lastindex or 1), r"times|×|,", self.limits)
            stream.add("LISTED", items, at, power.end())
            return power.end()
        elif called and (tall := _TALL.match(self.source, at)):
            return self.command(f"\\{tall[1]}", at, tall.end())
        elif called and dotted in _FUNCTIONS:
            return self._function(dotted, at, end)
        elif dotted in GREEK:
            return self.name(GREEK[dotted], at, end)
        elif word[0] == "#":
            raise Refused("character", word, (at, at + len(word)))
        else:
            return super().word(dotted, at, end)
        return end

    def d_belongs(self, at: int) -> bool:
        """Return whether a d belongs to what follows: d W, since dW would be another word."""
        here = self.blanks(at)
        return here > at and self.source[here : here + 1].isalpha()

    def _reals_end(self, word: str, end: int) -> int:
        return end + 3 if word == "bb" and self.source.startswith("(R)", end) else end

    def _function(self, word: str, at: int, end: int) -> int:
        """Take a function of Typst's own: its argument decides what stands on the page."""
        stream = self.stream
        span, after = self.parenthesised(end)
        if word == "frac":
            return self._typst_fraction(at, end, span, after)
        if word == "cases":
            return self._typst_cases(at, span, after)
        if word in _MATRICES:
            raise Refused("matrix", word, (at, end))
        if word in ("sqrt", "abs", "norm"):
            stream.add("FUNCTION", function(word, at, end), at, end)
            return end
        if word in ACCENTS:
            return self._typst_name(word, at, span, after)
        if word in _KEPT:
            parts = self.parts(*span)
            stream.open("plain", "OPEN", "", at, parts[0][0])
            self.through(*parts[0])
            stream.close("CLOSE", "", after, after)
            return after
        inner = self.source[slice(*span)].strip()
        if inner in ("1", ONES):
            return self.indicator(at, after)
        if word == "upright" and inner in ("d", '"d"'):
            return self.upright_d(at, after)
        return self._typst_name(word, at, span, after)

    def _typst_name(self, word: str, at: int, span: Span, after: int) -> int:
        """Take a styled or accented name."""
        plain = self._typst_plain(self.source[at:after])
        if plain is not None:
            return self.name(plain, at, after)
        start, stop = self.tight(span)
        cut = next((place for place in range(start, stop) if self.source[place] in "_^"), stop)
        plain = self._typst_plain(f"{word}({self.source[start:cut]})")
        if plain is None or cut == stop:
            raise Refused("unexpected", self.source[at:after], (at, after))
        return self.name(plain, at, after, type(self)(self.source[:stop], self.limits).scripts(cut))

    def _typst_plain(self, inner: str) -> str | None:
        """Return the letters of a name without styles, or None."""
        inner = inner.strip()
        for _ in range(4):
            match = _CALL.fullmatch(inner)
            if match is None:
                break
            if match[1] in ACCENTS:
                plain = self._typst_plain(match[2])
                return None if plain is None else accented(plain, ACCENTS[match[1]])
            if match[1] not in _STYLES:
                return None
            inner = match[2].strip()
        if inner.startswith('"') and _NAME_IN_QUOTES.fullmatch(inner.strip('"')):
            return inner.strip('"')
        inner = GREEK.get(inner, inner)
        return "".join(map(same, inner)) if inner.isalpha() else None

    def _typst_fraction(self, at: int, end: int, span: Span, after: int) -> int:
        """Take frac(a, b) as a fraction of two braces."""
        parts = self.parts(*span)
        if len(parts) != 2:
            raise Refused("unexpected", self.source[at:after], (at, after))
        self.stream.add("FRAC", "frac", at, end)
        for kind, (first, last) in zip(("first", "second"), parts, strict=True):
            self.stream.open(kind, "OPEN", "", first, first)
            self.through(first, last)
            self.stream.close("CLOSE", "", last, last if kind == "first" else after)
        return after

    def _typst_cases(self, at: int, span: Span, after: int) -> int:
        self.stream.open("cases", "CASES", "cases", at, span[0])
        self.through(*span)
        if self.stream.last == "ROW":
            self.stream.tokens.pop()
        self.stream.close("ENDCASES", "cases", span[1], after)
        return after

    def _in_cases(self, char: str, at: int) -> int:
        if char == ",":
            self.stream.add("ROW", "", at, at + 1)
        elif not self.source.startswith('"', self.blanks(at + 1)):
            self.stream.add("CELL", "&", at, at + 1)
        return at + 1

    def argument(self, at: int) -> tuple[Span, int]:
        """Return the place of a script's argument without its brackets: w^(2) is w², w^((2)) keeps a bracket."""
        at = self.blanks(at)
        if self.source.startswith("(", at):
            return self.parenthesised(at)
        if self.source.startswith('"', at):
            stop = self.source.find('"', at + 1)
            if stop > 0:
                return (at + 1, stop), stop + 1
        match = _WORD_IN_SCRIPT.match(self.source, at)
        if match is not None and (match[0] in _TURNED or match[0] in GREEK):
            return match.span(), match.end()
        return super().argument(at)

    def below(self, at: int) -> tuple[Span, int]:
        """Return the place of what stands below a name."""
        here = self.blanks(at)
        if self.source.startswith(("(", '"'), here):
            return self.argument(at)
        return super().below(at)

    def script_text(self, start: int, end: int) -> str:
        """Return a script's content without blanks, brackets of Typst's own and quotation marks."""
        text = self.source[start:end]
        if len(text) > 80:
            return "\0"
        text = _WORD_IN_SCRIPT.sub(lambda word: _TURNED.get(word[0], GREEK.get(word[0], word[0])), text)
        return _NO_LETTERS.sub("", text).replace("−", "-")


_FUNCTIONS = _STYLES | _KEPT | _MATRICES | ACCENTS.keys() | {"frac", "cases", "sqrt", "abs", "norm"}
_KNOWN = (
    _FUNCTIONS | _MARKS.keys() | _RELATIONS.keys() | _SEPARATORS | _BLANKS | _ELLIPSES | _SIGNS.keys() | GREEK.keys()
    | {"partial", "diff", "nabla", "gradient", "dif", "sum", "prime", "RR"}
)  # fmt: skip
