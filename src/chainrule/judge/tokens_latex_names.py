r"""Names in LaTeX → tokens: letters, words in \text, styles and accents, and the arguments of commands and scripts."""

from __future__ import annotations

import re
from functools import lru_cache

from chainrule.judge.syntax import Derivative, Name, Span
from chainrule.judge.tokens import ACCENTS, GREEK, LEADS, LIMITS, WORDS, Refused, accented, listed_items, same
from chainrule.judge.tokens_base import IF, NUMBER, OTHERWISE, is_east_asian
from chainrule.judge.tokens_characters import CharacterTokens
from chainrule.judge.tokens_latex_words import STYLE, TEXT
from chainrule.judge.tokens_names import Scripts

_REALS = re.compile(r"\\mathbb\s*(?:\{R\}|R)\s*\^\s*(?:\{([^{}]{1,200})\}|([0-9]))")
_ONE = re.compile(r"\\(?:mathbb|mathbf|mathds|bm|boldsymbol|bf)\s*(?:\{\s*[1𝟏]\s*\}|1)")
_LETTERS = re.compile(r"[^\W\d_]+")
_UNDER_ACCENT = re.compile(r"\s*(\\[A-Za-z]+(?:\s*\{[^{}]*\})?|[^\W\d_]+)\s*((?:[_^]\s*(?:\{[^{}]*\}|\w)\s*|['′])+)")
_STYLED = re.compile(r"\\([A-Za-z]+)\s*\{(.*)\}|\\([A-Za-z]+)\s+([A-Za-z])|\\([A-Za-z]+)", re.DOTALL)
_NAME_IN_TEXT = re.compile(r"[^\W\d_]\w*(?:-[^\W\d_]+)?")
_STYLES_IN_SCRIPT = re.compile(
    r"\\(?:mathsf|mathrm|text|mathit|mathbf|textrm|textit|operatorname|rm|left|right)(?![A-Za-z])|\\[,!;:> ]"
)
_COMMAND_IN_SCRIPT = re.compile(r"\\([A-Za-z]+)")
_NO_LETTERS = re.compile(r"[\s{}~]")
_LEADS_WITH_DOTS = ("s.t.", "i.e.")


_SCRIPT = r"[_^](?:\{\(?[0-9]{1,3}(?:,[0-9]{1,3})?\)?\}|[0-9])"
_PLAIN = (
    rf"(?:pred|true|loss|[abcj-rt-zA-HJ-SU-Z])(?![A-Za-z])(?:{_SCRIPT}){{0,2}}"
    r"(?![ ]*(?:[_^'\[]|\\\[|[^\x00-\x7f]))"
)
"""A name with numbers for scripts, which ends before what could go on with it."""

_RUN = re.compile(r"[A-Za-z]+")

_NAMED = rf"(?:\\(?:text|mathrm|mathcal)\{{[A-Za-z]+\}}|[A-Za-z]+)(?:{_SCRIPT}){{0,2}}"
_DERIVATIVE = re.compile(rf"\\[dt]?frac\{{\\partial(?:[ ]|(?=\\))({_NAMED})\}}\{{\\partial(?:[ ]|(?=\\))({_NAMED})\}}")


class LatexNames(CharacterTokens):
    """Takes the names of LaTeX."""

    TOKEN = re.compile(
        rf"""(?P<plain>{_PLAIN})
          | (?P<blank>(?:\s|~|%[^\n]*|\\[,:!;>\s])+)
          | (?P<word>[A-Za-z]+)
          | (?P<number>{NUMBER})
          | (?P<command>\\(?:[A-Za-z]+\*?|.))
          | (?P<char>.)""",
        re.VERBOSE | re.DOTALL,
    )
    BRACKET = re.compile(
        r"(?:\s|\\!|\\,)*(?:\\(?:left|[bB]igg?l?)(?![A-Za-z])\s*)?(?:\(|\[|\\lparen(?![A-Za-z])|\\\{|\\lbrace(?![A-Za-z])|\\lbrack(?![A-Za-z]))"
    )

    def word(self, word: str, at: int, end: int) -> int:
        """Take a run of letters: a known word, d of something, or one-letter names side by side."""
        if len(word) == 1 or not word.isascii():
            if word == "s" or word == "i":
                for lead in _LEADS_WITH_DOTS:
                    if self.source.startswith(lead, at):
                        return self.lead(lead, at, at + 4)
            return self.name(same(word), at, end)
        if word in LEADS and self.stands_alone(end) and not self.stream.stack:
            return self.lead(LEADS[word], at, end)
        if word == "shape":
            return self.shape(at, end)
        if word in WORDS or (word[0] == "d" and (word[1:] in WORDS or len(word) == 2)):
            return self.name(word, at, end)
        return self.name(word[0], at, at + 1)

    def plain(self, text: str, at: int, end: int) -> int:
        """Take a name with numbers for scripts, the most frequent of all."""
        named = self._alone(text)
        if named is None:
            base = _RUN.match(text)
            assert base is not None
            return self.word(base[0], at, at + base.end())
        self.stream.add("NAME", _moved(named, at), at, end)
        return end

    def derivative(self, at: int) -> int | None:
        r"""Take \frac{\partial a}{\partial b} at once, and return where it ends; None where it is not as plain."""
        stream = self.stream
        match = _DERIVATIVE.match(self.source, at)
        if match is None or len(stream.stack) >= self.limits.depth or len(stream.tokens) + 8 > self.limits.tokens:
            return None
        of, by = (self._alone(text) for text in match.groups())
        if of is None or by is None:
            return None
        span = match.span()
        whole = Derivative(_moved(of, match.start(1)), _moved(by, match.start(2)), span)
        stream.add("DERIVATIVE", whole, *span)
        return span[1]

    @classmethod
    @lru_cache(maxsize=4096)
    def _alone(cls, text: str) -> Name | None:
        """Return the name that a text is which stands by itself; None where it is anything else."""
        reader = cls(text, LIMITS)
        base = _RUN.match(text)
        try:
            end = reader.next(0) if base is None else reader.word(base[0], 0, base.end())
        except Refused:
            return None
        read = reader.stream.tokens
        if end != len(text) or len(reader.stream.pieces) != 1 or [token.type for token in read] != ["NAME"]:
            return None
        name: Name = read[0].value
        return name

    def lead(self, lead: str, at: int, end: int) -> int:
        """Begin a chain that a word opens."""
        self.stream.separate(lead, at, end)
        return end

    def stands_alone(self, end: int) -> bool:
        """Return whether a word that ends at a place is prose, with no scripts and no bracket behind it."""
        follows = self.source[end : end + 1]
        return not follows.isalpha() and follows not in ("_", "^", "'", "(")

    def d_belongs(self, at: int) -> bool:
        r"""Return whether a command that makes a name stands right behind d: d\hat{y}."""
        match = self.TOKEN.match(self.source, at)
        if match is None or match.lastgroup != "command":
            return super().d_belongs(at)
        command = match[0][1:]
        return command in ACCENTS or command in STYLE or command in TEXT or command in GREEK

    def argument(self, at: int) -> tuple[Span, int]:
        """Return the place of a script's or command's argument, without its braces, and where it ends."""
        source = self.source
        at = self.blanks(at)
        if at >= len(source):
            raise Refused("ends", "", (len(source), len(source)))
        if source[at] != "{":
            if source[at] == "\\":
                match = self.TOKEN.match(source, at)
                assert match is not None
                end = match.end()
                if match[0][1:] in TEXT or match[0][1:] in STYLE:
                    end = self.argument(end)[1]
                return (at, end), end
            return (at, at + 1), at + 1
        depth, start = 0, at
        while at < len(source):
            char = source[at]
            if char == "\\":
                at += 2
                continue
            if char == "{":
                depth += 1
                if depth > self.limits.depth:
                    raise Refused("too_deep", "{", (at, at + 1))
            elif char == "}":
                depth -= 1
                if depth == 0:
                    return (start + 1, at), at + 1
            at += 1
        raise Refused("unclosed", "{", (start, start + 1))

    def script_text(self, start: int, end: int) -> str:
        r"""Return a script's content without blanks, braces and styles; '\0' where it is no plain script."""
        text = self.source[start:end]
        if text.isalnum() and text.isascii():
            return text
        if len(text) > 80:
            return "\0"
        if "\\" in text:
            text = re.sub(r"\\(?:top|intercal)(?![A-Za-z])", "⊤", text)
            text = re.sub(r"\\prime(?![A-Za-z])", "′", text)
            text = _STYLES_IN_SCRIPT.sub("", text).replace("\\_", "")
            text = _COMMAND_IN_SCRIPT.sub(lambda m: GREEK.get(m[1], "\0"), text)
        return _NO_LETTERS.sub("", text).replace("−", "-")

    def _text(self, command: str, at: int, end: int) -> int:
        (start, stop), after = self.argument(end)
        words = " ".join(self.source[start:stop].replace("\\_", "_").split())
        if words in ("", ",", ".", ";", ":"):
            return after
        if words == "d":
            return self.upright_d(at, after)
        if words == "T" and self.stream.last == "CARET":
            return after
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
        if words in LEADS or bare in LEADS:
            return self.lead(LEADS.get(words, LEADS.get(bare, "")), at, after)
        if _NAME_IN_TEXT.fullmatch(words) and not any(map(is_east_asian, words)):
            return self.name(words, at, after)
        plain = self._plain(self.source[start:stop]) if "\\" in words else None
        if plain is not None:
            return self.name(plain, at, after)
        if command == "mathop" or command.startswith("operatorname"):
            raise Refused("unexpected", self.source[at:after], (at, after))
        return self.lead("where", at, after)

    def shape(self, at: int, end: int) -> int:
        """Take the word shape, before or behind what has one."""
        behind = self.stream.last in ("NAME", "ADJOINT", "DERIVATIVE", "RIGHT", "CLOSE", "TRANSPOSE")
        self.stream.add("SHAPE" if behind else "SHAPEOF", "shape", at, end)
        return end

    def _styled(self, command: str, at: int, end: int) -> int:
        if command == "mathbb" and (match := _REALS.match(self.source, at)):
            items = listed_items(self.source, *match.span(match.lastindex or 1), r"\\times|×|,", self.limits)
            self.stream.add("LISTED", items, *match.span())
            return match.end()
        if match := _ONE.match(self.source, at):
            return self.indicator(at, match.end())
        (start, stop), after = self.argument(end)
        inner = self._plain(self.source[start:stop])
        if inner is not None:
            return self.name(inner, at, after)
        found = _UNDER_ACCENT.fullmatch(self.source, start, stop)  # \mathbf{W_1} is the name W_1
        plain = None if found is None else self._plain(found[1])
        if found is None or plain is None:
            raise Refused("unexpected", self.source[at:after], (at, after))
        return self.name(plain, at, after, self._inside(found.start(2), stop))

    def _accent(self, command: str, at: int, end: int) -> int:
        (start, stop), after = self.argument(end)
        found = _UNDER_ACCENT.fullmatch(self.source, start, stop)
        plain = self._plain(self.source[start:stop] if found is None else found[1])
        if plain is None:
            raise Refused("unexpected", self.source[at:after], (at, after))
        inner = None if found is None else self._inside(found.start(2), stop)
        return self.name(accented(plain, ACCENTS[command]), at, after, inner)

    def _inside(self, start: int, stop: int) -> Scripts:
        return type(self)(self.source[:stop], self.limits).scripts(start)

    def _plain(self, inner: str) -> str | None:
        """Return the letters of a name without styles, or None."""
        inner = inner.strip()
        for _ in range(4):
            match = _STYLED.fullmatch(inner)
            if match is None:
                break
            command, content = match[1] or match[3] or match[5], match[2] or match[4]
            if content is None:
                return GREEK.get(command)
            if command in ACCENTS:
                plain = self._plain(content)
                return None if plain is None else accented(plain, ACCENTS[command])
            if command not in TEXT and command not in STYLE:
                return None
            inner = content.strip()
        if "\\" in inner:  # hard\\sigma
            inner = _COMMAND_IN_SCRIPT.sub(lambda m: GREEK.get(m[1], "\0"), inner)
        return "".join(map(same, inner)) if _LETTERS.fullmatch(inner) else None


def _moved(name: Name, at: int) -> Name:
    """Return a name that begins further on."""
    sub, sup, span = name.sub_span, name.sup_span, name.span
    return Name(
        name.base,
        name.sub,
        name.sup,
        name.suffix,
        name.primes,
        (sub[0] + at, sub[1] + at) if name.sub else sub,
        (sup[0] + at, sup[1] + at) if name.sup else sup,
        (span[0] + at, span[1] + at),
    )
