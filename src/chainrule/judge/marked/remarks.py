r"""What a marked copy says beside a line, in pieces: words of ours, and the author's own notation."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from chainrule.judge.forms.text import number
from chainrule.judge.marking import Mark
from chainrule.judge.report import Line, Link, Message, Report, Verdict
from chainrule.prose import sentence


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a sentence: `words` of ours, the author's own `source`, or the plain `name` of a quantity."""

    text: str
    kind: str = "words"


_NAME = re.compile(r"∂?[^\W\d_]+'*(?:_[\w,{}]+)?(?:\^[\w{}()]+)?(?:/∂[^\W\d_]+(?:_[\w,{}]+)?(?:\^[\w{}()]+)?)?")


def said(message: Message, lang: str) -> tuple[Piece, ...]:
    """Return a sentence in pieces: what stood in the document is source, what it was read as is a name.

    Example:
        >>> [piece.text for piece in said(Message("why.sign", {"before": "a - b", "after": "b - a"}), "en")]
        ['The sign is wrong: ', 'a - b', ' should be ', 'b - a', '.']
    """
    kinds: dict[str, str] = {}
    for name, fact in message.facts.items():
        if message.key.startswith("why.") and name in ("before", "after"):
            kinds[name] = "source"
        elif isinstance(fact, str) and _NAME.fullmatch(fact) and any(mark in fact for mark in "∂_^"):
            kinds[name] = "name"
    facts = {**message.facts, **{name: f"\x02{name}\x02" for name in kinds}}
    words = Message(message.key, facts).text(lang).split("\x02")
    return tuple(
        Piece(str(message.facts[word]) or "∅", kinds[word]) if at % 2 else Piece(word)
        for at, word in enumerate(words) if word
    )  # fmt: skip


def name_source(name: str) -> str:
    r"""Return a plain name in LaTeX.

    Example:
        >>> print(name_source("∂loss/∂w_10,3^2"))
        \partial \mathit{loss}/\partial w_{10,3}^{2}
    """
    found = re.sub(r"([_^])\{?([\w,()]+)\}?", r"\1{\2}", name)
    return re.sub(r"(?<![\w{])([^\W\d_]{2,})", r"\\mathit{\1}", found).replace("∂", r"\partial ")


def word(link: Link, lang: str) -> str:
    """Return the verdict in words, with the kind of mistake."""
    found = sentence(f"marking.verdict.{link.verdict}", lang=lang)
    if not link.mistake:
        return found
    return f"{found} ({sentence(f'check.mistake.{link.mistake}.name', lang=lang)})"


def aside(line: Line, link: Link, lang: str) -> tuple[Piece, ...]:
    """Return what is to be said where the two questions have two answers: of the =, and of the value."""
    if not line.target or line.links[0].verdict is Verdict.DEFINITION or link.mistake == "other_network":
        return ()
    if link.verdict is Verdict.RIGHT and link.value_right is False:
        key = "value_wrong"
    elif link.verdict in (Verdict.WRONG, Verdict.CARRIED) and link.value_right:
        key = "value_right"
    else:
        return ()
    before, _, after = sentence(f"marking.{key}", lang=lang, target="\x02").partition("\x02")
    name = "name" if _NAME.fullmatch(line.target) else "words"
    return (Piece(before), Piece(line.target, name), Piece(after))


def points(mark: Mark | None, lang: str) -> str:
    """Return the points of a line in words, or ''."""
    if mark is None:
        return ""
    return sentence("marking.points", lang=lang, points=number(mark.points), out_of=number(mark.out_of))


def origin(report: Report, line: Line, link: Link) -> Line | None:
    """Return the line that a carried link follows from."""
    if link.carried_from is None:
        return None
    before = itertools.takewhile(lambda one: one is not line, report.lines)
    found = [one for one in before if one.line == link.carried_from]
    wrong = [one for one in found if any(own.value_right is False for own in one.links)]
    return next(reversed(wrong or found), None)


_RELATION = re.compile(
    r"(:=|=:|\\(?:equiv|approx|coloneqq|triangleq|propto|in|sim|simeq)(?![A-Za-z])|[≡≈≔≜∝∈=])[\s&]*\Z"
)


def relation(report: Report, line: Line, link: Link) -> str:
    r"""Return the sign before a link's right side, as it is written: `=`, `:=`, `\equiv`."""
    text = report.texts[line.part]
    before = line.links[link.index - 2].end if link.index > 1 else line.start
    found = _RELATION.search(text[before : link.start])
    return found[1] if found else "="


def repair_of(line: Line) -> Link | None:
    """Return the first link of a line that has a repair."""
    return next((link for link in line.links if link.repair is not None), None)


def sides_of(source: str) -> list[str]:
    r"""Return a chain's source cut before each `=` that stands in no bracket.

    Example:
        >>> sides_of(r"a = \\sum_{i=1}^n b_i = c")
        ['a', '= \\\\sum_{i=1}^n b_i', '= c']
    """
    if r"\begin" in source:
        return [source]
    found, depth, at = [], 0, 0
    for match in re.finditer(r"\\(?:left|right)(?![A-Za-z])|\\.|[{}()\[\]=]", source):
        sign = match[0]
        if sign in ("{", "(", "["):
            depth += 1
        elif sign in ("}", ")", "]"):
            depth -= 1
        elif sign == "=" and depth == 0 and match.start():
            found.append(source[at : match.start()].strip())
            at = match.start()
    return [*found, source[at:].strip()]


def fences_removed(source: str) -> str:
    r"""Return a source without `\left` and `\right` where one is missing, so that it can be set.

    Example:
        >>> print(fences_removed(r"( a \right)"))
        ( a )
    """
    left, right = (len(re.findall(rf"\\{name}(?![A-Za-z])", source)) for name in ("left", "right"))
    return source if left == right else re.sub(r"\\(?:left|right|middle)(?![A-Za-z])\.?", "", source)


def tidy(source: str) -> str:
    r"""Return a chain's source without the marks of alignment, to be set by itself.

    Example:
        >>> tidy(r"a &= b \\ &= c % why")
        'a = b   = c'
    """
    source = fences_removed(re.sub(r"(?<!\\)%[^\n]*", "", source))
    if r"\begin" in source:
        return source.strip()
    source = re.sub(r"\\\\(?:\[[^\]]*\])?|(?<!\\)&", " ", source)
    source = re.sub(r"\\(?:label|tag\*?)\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])", "", source)
    return re.sub(r"[ \t\r\n]+", lambda found: found[0].replace("\n", " ").replace("\r", " "), source).strip()
