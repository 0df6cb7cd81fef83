r"""What the prose around the formulas says of a network: sizes, activations, loss, biases.

Prose is never judged. It only proposes: what its words make likely is tried first, and kept where the formulas decide
nothing. The words are data (`said.toml`), so that a language more is a table more.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chainrule.judge.document import Document

MOST_READ = 50_000
"""How many characters of prose are read."""

MOST_LISTS = 40
"""How many lists of numbers are looked at."""

LARGEST_SIZE = 400
"""The widest layer that words give."""

_ROLES = ("input", "hidden", "output", "unit", "layer", "weight", "bias", "without", "every", "counter")


@dataclass(slots=True)
class Said:
    """What words say.

    Attributes:
        shapes: whole lists of sizes, the likeliest first.
        inputs, hidden, outputs: sizes that are said one by one; 0 and () where they are not.
        hidden_layers: how many hidden layers there are, 0 where that is not said.
        activations: activations by what they are said of: `hidden`, `output`, or `` for any mention, in order.
        losses: losses in the order in which they are mentioned.
        bias: whether there are biases, None where nothing is said.
    """

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    inputs: int = 0
    hidden: tuple[int, ...] = ()
    outputs: int = 0
    hidden_layers: int = 0
    activations: dict[str, list[str]] = field(default_factory=lambda: {"hidden": [], "output": [], "": []})
    losses: list[str] = field(default_factory=list)
    bias: bool | None = None

    @property
    def depths(self) -> list[int]:
        """How many layers after the inputs there can be, as far as words say so."""
        found = [len(shape) - 1 for shape in self.shapes]
        if self.hidden_layers or self.hidden:
            found.append(max(self.hidden_layers, len(self.hidden)) + 1)
        return list(dict.fromkeys(found))

    def sizes(self, depth: int) -> Iterator[dict[int, int]]:
        """Yield what words say of the sizes of a network of a depth: whole lists first, then one by one."""
        for shape in self.shapes:
            if len(shape) == depth + 1:
                yield dict(enumerate(shape))
        found = {0: self.inputs, depth: self.outputs}
        if len(self.hidden) == depth - 1:
            found |= dict(enumerate(self.hidden, start=1))
        elif len(self.hidden) == 1 and self.hidden_layers == depth - 1:  # two hidden layers of 3 units
            found |= dict.fromkeys(range(1, depth), self.hidden[0])
        known = {level: size for level, size in found.items() if size}
        if known:
            yield known


class _Word(NamedTuple):
    """A word of prose: what it says (roles, an activation, a loss), and its number where it is one."""

    roles: frozenset[str]
    number: int
    spelled: bool
    activation: str
    loss: str


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files(__package__).joinpath("said.toml").read_text(encoding="utf-8"))


@cache
def _stems() -> list[tuple[str, str]]:
    """Return beginnings of words with their roles, of all languages, the longest first."""
    found = [
        (stem, role)
        for table in _words().values() if "unit" in table
        for role in _ROLES
        for stem in table.get(role, ())
    ]  # fmt: skip
    return sorted(found, key=lambda pair: -len(pair[0]))


@cache
def _numerals() -> dict[str, int]:
    return {
        word: number for table in _words().values() if "unit" in table
        for number, words in enumerate(table["numbers"]) for word in words.split("|")
    }  # fmt: skip


@cache
def _ands() -> str:
    return "|".join(word for table in _words().values() if "unit" in table for word in table["and"])


@cache
def _named(table: str) -> list[tuple[str, str]]:
    """Return how activations or losses are called, with their names, the longest first."""
    found = [(stem, name) for name, stems in _words()[table].items() for stem in stems]
    return sorted(found, key=lambda pair: -len(pair[0]))


def words_of(document: Document) -> Said:
    r"""Return what the words of a document say of a network.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> said = words_of(read_document("A net with two inputs, 3 hidden tanh units and one linear output. $a = b$"))
        >>> said.inputs, said.hidden, said.outputs, said.activations["hidden"], said.activations["output"]
        (2, (3,), 1, ['tanh'], ['identity'])
        >>> words_of(read_document("입력 2개, 은닉층 뉴런 3개, 출력 1개인 신경망")).hidden
        (3,)
    """
    said = Said()
    text = prose_of(document).lower()
    _shapes(text, said)
    clauses = [clause for clause in _clauses(text) if clause]
    for clause in clauses:
        _sizes(clause, said)
        _activations(clause, said)
        roles = frozenset(role for word in clause for role in word.roles)
        if "bias" in roles:
            said.bias = "without" not in roles if said.bias is None else said.bias
        for word in clause:
            if word.loss and word.loss not in said.losses:
                said.losses.append(word.loss)
    return said


def prose_of(document: Document) -> str:
    r"""Return the words of a document: formulas are cut out, but for those that are a number or the name of a function.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> prose_of(read_document("with $D=2$ inputs and $\\tanh$ units, $a = b + c$."))
        'with 2 inputs and tanh units, ¤ .'
    """
    pieces: list[str] = []
    for part, text in enumerate(document.texts):
        at = 0
        for formula in sorted((f for f in document.formulas if f.part == part), key=lambda f: f.start):
            if formula.start < at:
                continue
            before = text[at : formula.start].rstrip("$(\\[`")
            pieces += [before, _spoken(formula.source)]
            at = formula.end + len(re.match(r"\$*|\\\)|\\\]|`", text[formula.end :][:4])[0])  # type: ignore[index]
        pieces += [text[at:], "\n\n"]
        if sum(map(len, pieces)) > MOST_READ:
            break
    return re.sub(r"[ \t]+", " ", "".join(pieces))[:MOST_READ].rstrip()


def _spoken(source: str) -> str:
    """Return how a formula is read in a sentence, if it is only a number or a name."""
    bare = source.strip().strip("$").strip()
    if match := re.fullmatch(r"(?:[A-Za-z][\w{}^\[\]()]*\s*=\s*)?([0-9]{1,3})", bare):
        return f" {match[1]} "
    if match := re.fullmatch(r"\\?(?:text|mathrm|operatorname)?\{?([A-Za-z]{3,})\}?", bare):
        return f" {match[1]} "
    if re.fullmatch(r"[0-9]{1,3}(?:\s*(?:-|\\to|\\rightarrow|,)\s*[0-9]{1,3})+", bare):
        return " " + re.sub(r"\s*(?:\\to|\\rightarrow)\s*", "-", bare) + " "
    return " ¤ "


_RUN = re.compile(r"(?<![\w.,/-])([0-9]{1,3}(?:\s?(?:-|–|—|→|->|×)\s?[0-9]{1,3}){1,12})(?![\w/]|[.,-][0-9])")


def _shapes(text: str, said: Said) -> None:
    """Take whole lists of sizes: 2-3-1, `layers of 2, 3 and 1 neurons`, `hidden layers of 4 and 5 units`."""
    for match in itertools.islice(_RUN.finditer(text), MOST_LISTS):
        beside = _roles_in(f"{text[max(0, match.start() - 40) : match.start()]} {text[match.end() : match.end() + 40]}")
        sizes = _listed(match[1])
        if len(sizes) > 2 or beside & {"layer", "unit"} or "net" in text[match.end() : match.end() + 20]:
            _take(sizes, said)
    for match in itertools.islice(_list().finditer(text), MOST_LISTS):
        before = re.split(r"[.;:!?\n]\s", text[max(0, match.start() - 40) : match.start()])[-1]
        roles, beside = _roles_in(before), _roles_in(text[match.end() : match.end() + 20])
        if {"hidden", "layer"} <= roles and not roles & {"input", "output"}:
            said.hidden = said.hidden or _listed(match[1])
        elif "hidden" not in roles | beside and ("layer" in roles or ("unit" in beside and "net" in before)):
            _take(_listed(match[1]), said)


@cache
def _list() -> re.Pattern[str]:
    number = "[0-9]{1,3}"
    return re.compile(rf"(?<![\w.])({number}(?:,\s*{number})*(?:,|,?\s(?:{_ands()}))\s*{number})(?![\w%]|[.][0-9])")


def _listed(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in re.findall("[0-9]+", text))


def _take(sizes: tuple[int, ...], said: Said) -> None:
    if len(sizes) >= 2 and sizes not in said.shapes and all(1 <= size <= LARGEST_SIZE for size in sizes):
        said.shapes.append(sizes)


def _roles_in(text: str) -> set[str]:
    return {role for word in _split(text) for role in word.roles}


_TOKEN = re.compile(r"[0-9]{1,3}(?![0-9.])|[^\W\d_]+|[.,;:!?¤\n()-]")


def _clauses(text: str) -> Iterator[list[_Word]]:
    """Yield the words of each clause: a sentence is cut at commas and at `and`."""
    ands = set(_ands().split("|"))
    clause: list[str] = []
    for match in _TOKEN.finditer(re.sub(r"(?<![\n])\n(?!\n)", " ", text)):
        token = match[0]
        if token in ".,;:!?¤\n" or token in ands:
            yield _split(" ".join(clause))
            clause = []
        else:
            clause.append(token)
    yield _split(" ".join(clause))


def _split(text: str) -> list[_Word]:
    """Return the words of a piece of text that say something of a network, and those between them as empty ones."""
    found: list[_Word] = []
    at = 0
    text = text.replace("-", " ")
    while at < len(text):
        if text[at] in "()":
            found.append(_BRACKET)
        if not text[at].isalnum():
            at += 1
            continue
        word = _WORD.match(text, at)
        if word is None:
            at += 1
            continue
        activation, length = _longest("activations", text, at)
        loss, more = _longest("losses", text, at)
        if loss and more >= length:
            found.append(_Word(frozenset(), 0, False, "", loss))
            at += max(more, len(word[0]))
            continue
        own = word[0]
        number = int(own) if own.isdecimal() else _numerals().get(own, 0)
        found.append(_Word(_roles_of(own), number, not own.isdecimal() and bool(number), activation, ""))
        at += max(length, len(own))
    return found


@lru_cache(maxsize=10_000)
def _roles_of(word: str) -> frozenset[str]:
    """Return what a word can be: the beginning of `inputs`, the middle of `Eingabeschicht`."""
    roles = {
        role for stem, role in _stems()
        if (word.startswith(stem) and len(word) <= len(stem) + 10)
        or (role in ("layer", "unit") and (len(stem) > 3 or stem == "층") and stem in word)
    }  # fmt: skip
    return frozenset() if roles <= {"without", "every"} and len(word) > 12 else frozenset(roles)


_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
_BRACKET = _Word(frozenset(), 0, False, "", "")


def _longest(table: str, text: str, at: int) -> tuple[str, int]:
    for stem, name in _named(table):
        if text.startswith(stem, at):
            return name, len(stem)
    return "", 0


_FAR = 4
"""How many words a number may be away from what it counts."""


def _sizes(clause: Sequence[_Word], said: Said) -> None:
    """Take the sizes that a clause gives: `3 hidden units`, `hidden layer with 3 units`, `은닉층 뉴런 3개`."""
    for place, word in enumerate(clause):
        if not 1 <= word.number <= LARGEST_SIZE:
            continue
        after: set[str] = set()
        for other in clause[place + 1 : place + 1 + _FAR]:
            if other.number or other is _BRACKET:
                break
            after |= other.roles
        before: set[str] = set()
        for other in reversed(clause[max(0, place - _FAR - 1) : place]):
            if other.number or other is _BRACKET:
                break
            before |= other.roles
        roles = after if after & {"input", "hidden", "output"} else after | before
        if "weight" in after or "weight" in before:
            continue
        if {"hidden", "layer"} <= after and "unit" not in after:
            said.hidden_layers = said.hidden_layers or word.number  # two hidden layers
            continue
        if word.spelled and word.number == 1 and "output" not in roles:
            continue  # one, ein, un: an article as well
        if "layer" in before and not (after | before) & {"unit", "counter"}:
            numbered = "layer" in clause[place - 1].roles and not before & {"input", "hidden", "output"}
            if numbered or not after & {"input", "output"}:
                continue  # layer 1 is the input
        if "output" in roles:
            said.outputs = said.outputs or word.number
        elif "hidden" in roles:
            said.hidden = tuple(dict.fromkeys((*said.hidden, word.number)))
        elif "input" in roles:
            said.inputs = said.inputs or word.number


def _activations(clause: Sequence[_Word], said: Said) -> None:
    """Take the activations that a clause names, with what it says them of."""
    roles = {role for word in clause for role in word.roles}
    for word in clause:
        if not word.activation:
            continue
        places = [place for place in ("hidden", "output") if place in roles]
        if not places and "every" in roles:
            places = ["hidden", "output"]
        for place in (*places, ""):
            if word.activation not in said.activations[place]:
                said.activations[place].append(word.activation)
