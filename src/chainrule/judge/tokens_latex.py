"""LaTeX → tokens."""

from __future__ import annotations

import re

from chainrule.judge.syntax import Name, Span
from chainrule.judge.tokens import (
    ACCENTS,
    ALWAYS_FUNCTIONS,
    FUNCTIONS,
    GREEK,
    INDEX,
    LEADS,
    ONES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    WORDS,
    Differential,
    Limits,
    Refused,
    Stream,
    accented,
    number,
    split_transpose,
)

_TOKEN = re.compile(
    r"""(?P<blank>(?:\s|~|&|\\[,;:! ]|%[^\n]*)+)
      | (?P<word>[A-Za-z]+)
      | (?P<number>\d+(?:\.\d+)?|\.\d+)
      | \\(?P<command>[A-Za-z]+)\*?
      | \\(?P<escaped>.)
      | (?P<char>.)""",
    re.VERBOSE | re.DOTALL,
)

_TEXT = frozenset((
    "text", "mathrm", "mathit", "textit", "textrm", "textbf", "mbox", "operatorname", "mathsf", "mathtt", "texttt", "textsf",
    "textnormal", "hbox", "rm", "it",
))  # fmt: skip
_STYLE = frozenset((
    "mathbf", "boldsymbol", "bm", "vec", "mathcal", "mathscr", "mathfrak", "pmb", "bf", "symbf", "mathbb", "underline", "mathnormal",
    "symup",
))  # fmt: skip
_SKIP = frozenset((
    "left", "right", "middle", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "nonumber", "notag", "mathstrut",
    "hfill", "big", "bigl", "bigr", "bigm", "Big", "Bigl", "Bigr", "Bigm", "bigg", "biggl", "biggr", "Bigg", "Biggl", "Biggr",
    "allowbreak", "nobreak", "thinspace", "enspace", "hspace", "quad",
))  # fmt: skip
_MARKS = {
    "cdot": "·", "times": "·", "ast": "·", "bullet": "·", "cdotp": "·", "odot": "⊙", "circ": "⊙", "otimes": "⊗", "star": "·",
    "cdots": "·",
}  # fmt: skip
_RELATIONS = {
    "equiv": "≡", "coloneqq": ":=", "approx": "≈", "propto": "∝", "to": "→", "in": "∈", "simeq": "≈", "triangleq": ":=", "doteq": "≈",
    "eqqcolon": "=",
}  # fmt: skip
_COMPARE = {"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">", "ne": "≠", "neq": "≠", "leqslant": "≤",
            "geqslant": "≥"}  # fmt: skip
_ARROWS = frozenset(("Rightarrow", "implies", "Longrightarrow", "therefore", "iff", "Leftrightarrow", "because", "rightarrow",
                     "longrightarrow", "mapsto", "qquad"))  # fmt: skip
_NAMED_FUNCTIONS = frozenset(("tanh", "exp", "log", "ln", "max", "min", "cosh"))
_CHARACTERS = {
    "·": "·", "×": "·", "*": "·", "⊙": "⊙", "∘": "⊙", "⊗": "⊗", "@": "@", "/": "/", "⋅": "·", "÷": "/",
}  # fmt: skip
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "¼": "1/4", "⅔": "2/3", "¾": "3/4", "⅙": "1/6"}
_REALS = re.compile(r"\\mathbb\s*(?:\{R\}|R)\s*\^\s*\{([^{}]{1,200})\}")
_INDICATOR = re.compile(r"\\(?:mathbb|mathbf|bm)\s*(?:\{1\}|1)")
_NO_TRANSPOSE_SIGNS = re.compile(r"\\(?:top|intercal|mathsf|mathrm|text|rm)\b|\\,|[{}\s~]|\\!|\\left|\\right")


class LatexTokens:
    """One formula in LaTeX, being cut into tokens."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.stream = Stream(limits)

    def read(self) -> Stream:
        """Return the tokens of the whole formula."""
        source, at = self.source, 0
        while at < len(source):
            try:
                at = self._next(at)
            except Refused as refused:
                self.stream.refuse(refused)
                at = max(self._past(refused.span[1]), at + 1)
        return self.stream

    def _past(self, at: int) -> int:
        """Return where the next side begins after one that cannot be read: at the next relation sign."""
        found = self.source.find("=", at)
        return len(self.source) if found < 0 else found

    def _next(self, at: int) -> int:
        match = _TOKEN.match(self.source, at)
        assert match is not None
        kind, end = match.lastgroup, match.end()
        stream = self.stream
        if kind == "blank":
            return end
        if kind == "command":
            return self._command(match["command"], at, end)
        if kind == "word":
            return self._word(match["word"], at, end)
        if kind == "number":
            stream.add("NUMBER", number(match["number"], at, end, self.limits), at, end)
            return end
        if kind == "escaped":
            return self._escaped(match["escaped"], at, end)
        return self._character(match["char"], at, end)

    # Characters

    def _character(self, char: str, at: int, end: int) -> int:
        stream = self.stream
        if char == "(" or char == "[":
            stream.open("bracket", "LEFT", char, at, end)
        elif char == ")" or char == "]":
            stream.close("RIGHT", char, at, end)
        elif char == "{":
            if stream.last == "FRAC":
                kind = "first"
            elif stream._after_fraction:
                kind = "second"
            else:
                kind = "plain"
            stream.open(kind, "OPEN", char, at, end)
        elif char == "}":
            stream.close("CLOSE", char, at, end)
        elif char == "=":
            stream.relation("=", at, end)
        elif char == ":" and self.source.startswith(":=", at):
            stream.relation(":=", at, at + 2)
            return at + 2
        elif char == "+":
            stream.add("PLUS", char, at, end)
        elif char in "-−–":
            stream.add("MINUS", "-", at, end)
        elif char in _CHARACTERS:
            stream.add("MARK", _CHARACTERS[char], at, end)
        elif char == "^":
            return self._above(at, end)
        elif char == "'" or char == "′":
            stream.add("TRANSPOSE", char, at, end)
        elif char == ",":
            if stream.stack:
                stream.add("COMMA", char, at, end)
            else:
                stream.separate("", at, end)
        elif char == ";":
            stream.separate("", at, end)
        elif char == ".":
            if self.source[end:].strip(" \t\r\n.,;"):
                raise Refused("unexpected", char, (at, end))
        elif char in "<>≤≥≠":
            stream.relation(char, at, end)
        elif char in "≡≈∝→∈":
            stream.relation(char, at, end)
        elif char in "⇒∴∵⟹":
            stream.separate("", at, end)
        elif char == "∂":
            return self._differential(at, end)
        elif char == "∇":
            return self._nabla(at, end)
        elif char == "Σ" or char == "∑":
            return self._sum(at, end)
        elif char in _FRACTIONS:
            stream.add("NUMBER", number(_FRACTIONS[char], at, end, self.limits), at, end)
        elif char == "ᵀ":
            stream.add("TRANSPOSE", char, at, end)
        elif char.isalpha() and char not in SUPERSCRIPTS and char not in SUBSCRIPTS:
            return self._hangul(at) if _is_hangul(char) else self._name(char, at, end)
        else:
            raise Refused("character", char, (at, end))
        return end

    def _hangul(self, at: int) -> int:
        """Take a run of prose between formulas."""
        end = at
        while end < len(self.source) and (_is_hangul(self.source[end]) or self.source[end] in " ,.:"):
            end += 1
        self.stream.separate(LEADS.get(self.source[at:end].strip(" ,.:"), "where"), at, end)
        return end

    def _escaped(self, char: str, at: int, end: int) -> int:
        stream = self.stream
        if char == "{":
            stream.open("bracket", "LEFT", "{", at, end)
        elif char == "}":
            stream.close("RIGHT", "}", at, end)
        elif char == "\\":
            if "cases" in stream.stack:
                stream.add("ROW", char, at, end)
        elif char not in "|,;:! ":
            raise Refused("character", "\\" + char, (at, end))
        return end

    def _word(self, word: str, at: int, end: int) -> int:
        """Take a run of letters: a known word, d of something, or one-letter names side by side."""
        if word in LEADS and not self.stream.stack and self._alone(at, end):
            self.stream.separate(LEADS[word], at, end)
            return end
        if word == "s" and self.source.startswith("s.t.", at):
            self.stream.separate("s.t.", at, at + 4)
            return at + 4
        if word == "i" and self.source.startswith("i.e.", at):
            self.stream.separate("i.e.", at, at + 4)
            return at + 4
        if word == "shape":
            return self._shape(at, end)
        if word in WORDS or len(word) == 1:
            return self._name(word, at, end)
        if word[0] == "d" and (word[1:] in WORDS or len(word) == 2):
            return self._name(word, at, end)
        return self._name(word[0], at, at + 1)

    def _alone(self, at: int, end: int) -> bool:
        return not self.source[end : end + 1].isalpha() and self.source[end : end + 1] not in ("_", "^", "'", "(")

    # Commands

    def _command(self, command: str, at: int, end: int) -> int:
        stream = self.stream
        if command in ("frac", "dfrac", "tfrac", "cfrac"):
            stream.add("FRAC", command, at, end)
            return self._braced(self._braced(end, "first"), "second") if self._bare_argument(end) else end
        if command == "partial":
            return self._differential(at, end)
        if command in _MARKS:
            stream.add("MARK", _MARKS[command], at, end)
        elif command in GREEK:
            return self._name(GREEK[command], at, end)
        elif command in _TEXT:
            return self._text(at, end)
        elif command in _STYLE:
            if command == "mathbb" and (match := _REALS.match(self.source, at)):
                return self._reals(match)
            if match := _INDICATOR.match(self.source, at):
                return match.end() if self._bracket_follows(match.end()) else self._name(ONES, at, match.end())
            return self._styled(at, end)
        elif command in ACCENTS:
            return self._accent(command, at, end)
        elif command in _SKIP:
            return self._skip(command, end)
        elif command in _RELATIONS:
            stream.relation(_RELATIONS[command], at, end)
        elif command in _COMPARE:
            stream.relation(_COMPARE[command], at, end)
        elif command in _ARROWS:
            if command in ("rightarrow", "longrightarrow", "mapsto"):
                stream.relation("→", at, end)
            elif not stream.stack:
                stream.separate("", at, end)
        elif command in _NAMED_FUNCTIONS:
            return self._name(command, at, end)
        elif command == "sqrt":
            stream.add("SQRT", command, at, end)
        elif command == "nabla":
            return self._nabla(at, end)
        elif command == "sum":
            return self._sum(at, end)
        elif command in ("lbrack", "lbrace", "lparen", "langle"):
            stream.open("bracket", "LEFT", "(", at, end)
        elif command in ("rbrack", "rbrace", "rparen", "rangle"):
            stream.close("RIGHT", ")", at, end)
        elif command in ("tag", "label", "ref", "eqref"):
            return self._argument(end)[1]
        elif command in ("begin", "end"):
            return self._environment(command, at, end)
        elif command == "prime":
            stream.add("TRANSPOSE", "'", at, end)
        else:
            raise Refused("character", "\\" + command, (at, end))
        return end

    def _skip(self, command: str, end: int) -> int:
        if command == "hspace":
            return self._argument(end)[1]
        if command == "quad" and not self.stream.stack and self._relation_between(end):
            self.stream.separate("", end, end)
        if command in ("left", "right", "middle") and self.source[end : end + 1] == ".":
            return end + 1
        return end

    def _relation_between(self, at: int) -> bool:
        """Return whether what follows is a chain of its own, after one that stands before."""
        pieces = self.stream.pieces
        return len(pieces) > 1 and bool(pieces[-1].relation) and bool(self.stream.tokens) and "=" in self.source[at:]

    def _environment(self, command: str, at: int, end: int) -> int:
        (start, stop), end = self._argument(end)
        name = self.source[start:stop].strip().rstrip("*")
        if name in ("cases", "dcases", "rcases"):
            if command == "begin":
                self.stream.open("cases", "CASES", name, at, end)
                return self._cases(end)
            if self.stream.stack[-1:] == ["cases"]:
                self.stream.close("ENDCASES", name, at, end)
                return end
            raise Refused("unexpected", self.source[at:end], (at, end))
        if name in ("aligned", "split", "gathered", "array", "alignedat", "equation", "align", "gather"):
            return end
        raise Refused("character", self.source[at:end], (at, end))

    def _cases(self, at: int) -> int:
        """Take cases up to their end, with & between a value and its condition."""
        source = self.source
        while at < len(source):
            while source[at : at + 1].isspace():
                at += 1
            if source.startswith("&", at):
                end = at + 1
                match = re.compile(r"\s*\\text\s*\{([^{}]*)\}|\s*\\(?:mathrm|textrm)\s*\{([^{}]*)\}").match(source, end)
                if match:
                    end = match.end()
                if match is None or source[end:].lstrip()[:1] not in ("\\", "") or source[end:].lstrip()[:2] == "\\,":
                    self.stream.add("CELL", "&", at, at + 1)
                elif not source[end:].lstrip().startswith(("\\\\", "\\end")):
                    self.stream.add("CELL", "&", at, at + 1)
                at = end
                continue
            if source.startswith("\\end", at):
                return self._next(at)
            before = len(self.stream.stack)
            at = self._next(at)
            if len(self.stream.stack) < before and "cases" not in self.stream.stack:
                return at
        return at

    # Names

    def _argument(self, at: int) -> tuple[Span, int]:
        """Return the place of a command's argument, without its braces, and where it ends."""
        source = self.source
        while at < len(source) and source[at] in " \t\r\n~":
            at += 1
        if at >= len(source):
            raise Refused("ends", "", (len(source), len(source)))
        if source[at] != "{":
            if source[at] == "\\":
                match = _TOKEN.match(source, at)
                assert match is not None
                return (at, match.end()), match.end()
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
        raise Refused("ends", "{", (start, start + 1))

    def _bare_argument(self, at: int) -> bool:
        return self.source[at:].lstrip()[:1] not in ("{", "")

    def _braced(self, at: int, kind: str) -> int:
        """Take an argument of \\frac as if it stood in braces: \\frac12."""
        source = self.source
        while source[at : at + 1] in (" ", "\t", "\n"):
            at += 1
        if source.startswith("{", at):
            end = self._next(at)
            depth = len(self.stream.stack)
            while end < len(source) and len(self.stream.stack) >= depth:
                end = self._next(end)
            return end
        self.stream.open(kind, "OPEN", "", at, at)
        if source[at : at + 1].isdigit():
            self.stream.add("NUMBER", number(source[at], at, at + 1, self.limits), at, at + 1)
            end = at + 1
        else:
            end = self._next(at) if at < len(source) else at
        self.stream.close("CLOSE", "", end, end)
        return end

    def _text(self, at: int, end: int) -> int:
        (start, stop), after = self._argument(end)
        content = self.source[start:stop]
        words = " ".join(content.split())
        if words in ("T", "⊤") and self.stream.last == "CARET":
            return after
        if words == "d":
            return self._upright_d(at, after)
        if words in ("", ",", ".", ";"):
            return after
        bare = words.strip(" ,.:;").lower()
        if bare == "shape":
            return self._shape(at, after)
        if bare in ("shape of", "size of", "dim of"):
            self.stream.add("SHAPEOF", words, at, after)
            return after
        if bare in LEADS or words in LEADS:
            self.stream.separate(LEADS.get(words, LEADS.get(bare, "")), at, after)
            return after
        if bare in ("otherwise", "else") and "cases" in self.stream.stack:
            return after
        if re.fullmatch(r"[^\W\d_]+(?:[ \-][^\W\d_]+)?\d?|[\w]+", words) and not any(map(_is_hangul, words)) and " " not in words:
            return self._name(words, at, after)
        self.stream.separate("where", at, after)
        return after

    def _upright_d(self, at: int, after: int) -> int:
        """Take \\mathrm{d}L as dL."""
        while self.source[after : after + 1] in (" ", "~"):
            after += 1
        mark = len(self.stream.tokens)
        end = self._next(after) if after < len(self.source) else after
        tokens = self.stream.tokens
        if len(tokens) > mark and tokens[-1].type == "NAME":
            name: Name = tokens[-1].value
            joined = Name("d" + name.base, name.sub, name.sup, name.suffix, name.primes, name.sub_span, name.sup_span,
                          (at, name.span[1]))  # fmt: skip
            tokens[-1] = tokens[-1]._replace(value=joined, start=at)
        return end

    def _shape(self, at: int, end: int) -> int:
        if self.stream.last in ("NAME", "DERIVATIVE", "RIGHT", "CLOSE", "TRANSPOSE"):
            self.stream.add("SHAPE", "shape", at, end)
        else:
            self.stream.add("SHAPEOF", "shape", at, end)
        return end

    def _styled(self, at: int, end: int) -> int:
        (start, stop), after = self._argument(end)
        inner = self._plain(self.source[start:stop])
        if inner is None:
            raise Refused("unexpected", self.source[at:after], (at, after))
        return self._name(inner, at, after)

    def _accent(self, command: str, at: int, end: int) -> int:
        (start, stop), after = self._argument(end)
        inner = self.source[start:stop]
        match = re.fullmatch(r"\s*(\\[A-Za-z]+|[^\W\d_]+)\s*((?:[_^]\s*(?:\{[^{}]*\}|\w)\s*)*)", inner)
        plain = None if match is None else self._plain(match[1])
        if match is None or plain is None:
            plain = self._plain(inner)
            if plain is None:
                raise Refused("unexpected", self.source[at:after], (at, after))
            return self._name(accented(plain, ACCENTS[command]), at, after)
        if match[2]:  # \hat{y_1} is the name \hat{y}_1
            return self._name(accented(plain, ACCENTS[command]), at, after, scripts=(start + match.start(2), stop))
        return self._name(accented(plain, ACCENTS[command]), at, after)

    def _plain(self, inner: str) -> str | None:
        """Return the letters of a name without styles, or None."""
        inner = inner.strip()
        for _ in range(4):
            match = re.fullmatch(r"\\([A-Za-z]+)\s*(?:\{([^{}]*)\})?", inner) or re.fullmatch(
                r"\\([A-Za-z]+)\s+([A-Za-z])", inner
            )
            if match is None:
                break
            command, content = match[1], match[2]
            if content is None:
                return GREEK.get(command)
            if command in ACCENTS:
                plain = self._plain(content)
                return None if plain is None else accented(plain, ACCENTS[command])
            if command not in _TEXT and command not in _STYLE:
                return None
            inner = content.strip()
        return inner if re.fullmatch(r"[^\W\d_]+", inner) else None

    def _name(self, base: str, at: int, end: int, scripts: Span | None = None) -> int:
        """Take a name with its scripts; or a function, where a bracket follows."""
        sub = sup = ""
        sub_span = sup_span = (0, 0)
        primes = 0
        transposed: Span | None = None
        source = self.source
        if scripts is not None:
            inner = LatexTokens(source[: scripts[1]], self.limits)
            sub, sup, sub_span, sup_span, primes, _, transposed = inner._scripts(scripts[0])
        more = self._scripts(end)
        if more[0]:
            sub, sub_span = more[0], more[2]
        if more[1]:
            sup, sup_span = more[1], more[3]
        primes += more[4]
        end = more[5]
        transposed = more[6] or transposed
        suffix = ""
        function = base in FUNCTIONS or (base == "h" and primes)
        if function and (base in ALWAYS_FUNCTIONS or self._bracket_follows(end)) and not (sub and base in ("f", "g")):
            self.stream.add(
                "FUNCTION", Name(base, sub, sup, "", primes, sub_span, sup_span, (at, end)), at, end
            )
            return end
        if match := _SAMPLE.match(source, end):
            suffix, end = match[1], match.end()
        name = Name(base, sub, sup, suffix, primes, sub_span, sup_span, (at, end if transposed is None else transposed[0]))
        self.stream.add("NAME", name, at, end)
        if transposed is not None:
            self.stream.add("TRANSPOSE", "T", *transposed)
        return end

    def _bracket_follows(self, at: int) -> bool:
        match = _BRACKET.match(self.source, at)
        return match is not None

    def _scripts(self, at: int) -> tuple[str, str, Span, Span, int, int, Span | None]:
        """Return what stands below and above a name: sub, sup, their spans, the primes, the end, a transpose's span."""
        source = self.source
        sub = sup = ""
        sub_span = sup_span = (0, 0)
        primes = 0
        transposed: Span | None = None
        while True:
            here = at
            while source[here : here + 1] == " ":
                here += 1
            char = source[here : here + 1]
            if char == "_" and not sub:
                span, end = self._argument(here + 1)
                text = self._script_text(*span)
                if INDEX.fullmatch(text) is None:
                    raise Refused("unexpected", source[here:end], (here, end))
                sub, sub_span, at = text, self._tight(span), end
            elif char == "^" and not sup and transposed is None:
                span, end = self._argument(here + 1)
                text = self._script_text(*span)
                if text in ("′", "'", "''"):
                    primes, at = primes + len(text), end
                    continue
                above, is_transpose = split_transpose(text)
                if above and above[-1] in "'′":
                    primes, above = primes + 1, above[:-1]
                if above and INDEX.fullmatch(above) is None:
                    break
                if above:
                    sup, sup_span = above, self._tight(span)
                    if is_transpose:
                        sup_span = self._without_transpose(sup_span)
                if is_transpose:
                    transposed = (here, end)
                at = end
            elif char in ("'", "′") and char:
                primes, at = primes + 1, here + 1
            elif char and char in SUBSCRIPTS and not sub:
                end = here
                while end < len(source) and source[end] in SUBSCRIPTS:
                    end += 1
                sub, sub_span, at = "".join(SUBSCRIPTS[c] for c in source[here:end]), (here, end), end
            else:
                break
        return sub, sup, sub_span, sup_span, primes, at, transposed

    def _tight(self, span: Span) -> Span:
        start, end = span
        while start < end and self.source[start].isspace():
            start += 1
        while end > start and self.source[end - 1].isspace():
            end -= 1
        return start, end

    def _without_transpose(self, span: Span) -> Span:
        match = re.search(r"\s*(?:\{?\\(?:top|intercal|mathsf\s*\{?\s*T\s*\}?|mathrm\s*\{?\s*T\s*\}?)\}?|T)\s*$", self.source[span[0] : span[1]])
        return span if match is None else (span[0], span[0] + match.start())

    def _script_text(self, start: int, end: int) -> str:
        """Return a script's content without blanks, braces and styles."""
        text = self.source[start:end]
        if len(text) > 60:
            return "\0"
        if text.isalnum():
            return text
        text = re.sub(r"\\(?:top|intercal)(?![A-Za-z])", "⊤", text)
        text = re.sub(r"\\prime(?![A-Za-z])", "′", text)
        text = re.sub(r"\\(?:mathsf|mathrm|text|mathit|textrm|rm|left|right|,|!|;)(?![A-Za-z])", "", text)
        text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], "\0"), text)
        return re.sub(r"[\s{}~]", "", text).replace("−", "-")

    def _above(self, at: int, end: int) -> int:
        """Take ^ after a bracket, or one whose content is no plain script."""
        span, after = self._argument(end)
        text = self._script_text(*span)
        if text in ("T", "⊤"):
            self.stream.add("TRANSPOSE", "T", at, after)
            return after
        if text in ("′", "'"):
            self.stream.add("TRANSPOSE", "'", at, after)
            return after
        self.stream.add("CARET", "^", at, end)
        if self.source[self._blanks(end) : self._blanks(end) + 1] != "{" and self.source[span[0]].isdigit():
            self.stream.add("NUMBER", number(self.source[span[0]], *span, self.limits), *span)
            return after
        return end

    def _blanks(self, at: int) -> int:
        while self.source[at : at + 1].isspace():
            at += 1
        return at

    # ∂, ∇, Σ, ℝ

    def _differential(self, at: int, end: int) -> int:
        here = self._blanks(end)
        char = self.source[here : here + 1]
        if char in ("", "}", "/", ")"):
            self.stream.add("DIFFERENTIAL", Differential(None, (at, end)), at, end)
            return end
        if char == "^":
            raise Refused("second_derivative", self.source[at : here + 2], (at, here + 2))
        match = _TOKEN.match(self.source, here)
        assert match is not None
        if match.lastgroup == "word" or (match.lastgroup == "command" and match["command"] != "left") or char.isalpha():
            # A mark between this name and what stood before must come before the ∂.
            tokens = self.stream.tokens
            held = tokens[:]
            del tokens[:]
            after = self._next(here)
            if len(tokens) in (1, 2) and tokens[0].type in ("NAME", "FUNCTION"):
                name: Name = tokens[0].value
                rest = tokens[1:]
                tokens[:] = held
                of = name
                self.stream.add("DIFFERENTIAL", Differential(of, (at, name.span[1])), at, name.span[1])
                for token in rest:
                    self.stream.add(token.type, token.value, token.start, token.end)
                return after
            taken = tokens[:]
            tokens[:] = held
            self.stream.add("DIFF", "∂", at, end)
            for token in taken:
                tokens.append(token)
            return after
        self.stream.add("DIFF", "∂", at, end)
        return end

    def _nabla(self, at: int, end: int) -> int:
        here = self._blanks(end)
        if self.source[here : here + 1] != "_":
            raise Refused("unexpected", self.source[at:end], (at, end))
        span, after = self._argument(here + 1)
        inner = LatexTokens(self.source[: span[1]], self.limits)
        stop = inner._next(span[0]) if span[0] < span[1] else span[0]
        tokens = inner.stream.tokens
        if len(tokens) != 1 or tokens[0].type != "NAME" or self._blanks(stop) < span[1]:
            raise Refused("unexpected", self.source[at:after], (at, after))
        self.stream.add("NABLA", tokens[0].value, at, after)
        return after

    def _sum(self, at: int, end: int) -> int:
        letter, lower, upper = "", None, None
        while True:
            here = self._blanks(end)
            if self.source.startswith("\\limits", here):
                end = here + 7
                continue
            char = self.source[here : here + 1]
            if char == "_":
                span, end = self._argument(here + 1)
                letter, lower = self._sum_lower(span)
            elif char == "^":
                span, end = self._argument(here + 1)
                upper = self._sum_bound(span)
            else:
                break
        self.stream.add("SUM", (letter, lower, upper), at, end)
        return end

    def _sum_lower(self, span: Span) -> tuple[str, object]:
        text = self.source[span[0] : span[1]]
        match = re.fullmatch(r"\s*([A-Za-z])\s*(?:(=)\s*(.*?)\s*|\\in\b.*|∈.*)?", text, re.DOTALL)
        if match is None:
            raise Refused("unexpected", text, span)
        if match[2] is None:
            return match[1], None
        return match[1], self._sum_bound((span[0] + match.start(3), span[0] + match.end(3)))

    def _sum_bound(self, span: Span) -> object:
        start, end = self._tight(span)
        text = self.source[start:end]
        if text.isdigit():
            return number(text, start, end, self.limits)
        inner = LatexTokens(self.source[:end], self.limits)
        at = start
        while at < end:
            at = inner._next(at)
        tokens = inner.stream.tokens
        if len(tokens) != 1 or tokens[0].type != "NAME":
            raise Refused("unexpected", text, span)
        return tokens[0].value

    def _reals(self, match: re.Match[str]) -> int:
        start, end = match.span(1)
        self.stream.add("LISTED", listed_items(self.source, start, end, r"\\times|×|,", self.limits), *match.span())
        return match.end()


_SAMPLE = re.compile(r"\[\s*([0-9]{1,6}|[a-zA-Z])\s*\]")
_BRACKET = re.compile(r"\s*(?:\\(?:left|[bB]igg?l?)\s*)?(?:\(|\[|\\lparen|\\\{)|\s*\\!\s*(?:\\left\s*)?\(")


def listed_items(source: str, start: int, end: int, marks: str, limits: Limits) -> tuple[object, ...]:
    """Return the numbers and letters of a shape: 2 × 1."""
    items: list[object] = []
    at = start
    for part in [*re.finditer(marks, source[start:end]), None]:
        stop = end if part is None else start + part.start()
        text = source[at:stop].strip()
        left = at + len(source[at:stop]) - len(source[at:stop].lstrip())
        if text.isdigit():
            items.append(number(text, left, left + len(text), limits))
        elif re.fullmatch(r"[A-Za-z]|[A-Za-z]_?\{?\w+\}?", text):
            items.append(Name(text[0], text[1:].strip("_{}"), "", "", 0, (0, 0), (0, 0), (left, left + len(text))))
        else:
            raise Refused("unexpected", text, (at, max(stop, at + 1)))
        if part is not None:
            at = start + part.end()
    return tuple(items)


def _is_hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3" or "\u3131" <= char <= "\u318e" or "\u4e00" <= char <= "\u9fff"
