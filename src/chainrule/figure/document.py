"""A TOML text that remembers where its keys stand, so that an error about a value can point at its line.

`tomllib` gives values without places. Places are looked up only once something is wrong, by a plain reading of the
lines that knows headers and keys; a miss costs the line number, never the message. What the keys mean is not said
here.
"""

from __future__ import annotations

import math
import re
import tomllib
from functools import cached_property
from typing import Any

from chainrule.errors import ChainruleError, NetworkError, Place
from chainrule.figure.names import MAX_PROBLEMS, Word, near, place_at, short

Key = str | int
"""A step on the way to a value: a key, or the position in an array of tables, from 0."""

_HEADER = re.compile(r"\s*(?P<open>\[\[?)\s*(?P<name>[A-Za-z_]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?P<key>"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=\s*(?P<value>[^#]*)""")
_SYNTAX = re.compile(r"(?P<said>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_BARE_SYMBOL = re.compile(r"\s*(?P<key>[A-Za-z]+_[0-9{},]+(?:\^[0-9{},]+)?)\s*=")

TYPES = {
    "boolean": bool, "integer": int, "number": (int, float), "string": str, "array": list, "table": dict,
}  # fmt: skip


class TooManyError(Exception):
    """Enough problems have been found; the reading stops here."""


class Document:
    """A parsed TOML text and the problems found in it."""

    def __init__(self, text: str, *, source: str) -> None:
        self.text = text
        self.source = source
        self.problems: list[ChainruleError] = []
        self.data: dict[str, Any] = _parse(text, source)

    def place(self, *path: Key) -> Place:
        """Return the place of a value, or of the nearest key around it whose line is known."""
        for length in range(len(path), 0, -1):
            if (span := self._spans.get(path[:length])) is not None:
                return place_at(self.source, self.text, *span)
        return Place(self.source)

    def word(self, text: str, *path: Key) -> Word:
        """Return a text with its place."""
        return Word(text, self.place(*path))

    def report(self, key: str, *path: Key, **facts: object) -> None:
        """Add a problem.

        Raises:
            TooManyError: where it is one too many.
        """
        self.problems.append(NetworkError(key, place=self.place(*path), **facts))
        self.enough()

    def enough(self) -> None:
        """Raise TooManyError where there are more problems than a person reads."""
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyError

    def only(self, table: dict[str, Any], known: tuple[str, ...], *path: Key) -> None:
        """Report the keys of a table that it cannot have."""
        for key in table:
            if key not in known:
                closest = near(key, known) or known[0]
                self.report("unknown_key", *path, key, read=short(key), known=", ".join(known), near=closest)

    def take(self, table: dict[str, Any], key: str, kinds: str, *path: Key, default: Any = None) -> Any:
        """Return the value of a key that may be one of several kinds ("boolean or array"), or the default."""
        if key not in table:
            return default
        return self.typed(table[key], kinds, *path, key, default=default)

    def typed(self, value: Any, kinds: str, *path: Key, default: Any = None) -> Any:
        """Return a value of one of several kinds; where it is another, report it and return the default."""
        for kind in kinds.split(" or "):
            if isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)):  # type: ignore[arg-type]
                return value
        self.report("wrong_type", *path, name=spell_path(path), read=type_name(value), expected=kinds)
        return default

    def number(self, value: Any, *path: Key, what: str = "") -> float | None:
        """Return a number as a float; report what is no finite number. `what` is what to call it there."""
        value = self.typed(value, "number", *path)
        if value is None:
            return None
        try:
            number = float(value)
        except OverflowError:  # an integer of hundreds of digits
            number = math.inf
        if not math.isfinite(number):
            self.report("not_finite", *path, what=what or spell_path(path), read=number)
            return None
        return number

    def strings(self, value: Any, *path: Key) -> list[str]:
        """Return an array's strings; report what is none."""
        return [item for item in value if self.typed(item, "string", *path) is not None]

    def tables(self, key: str) -> list[dict[str, Any]]:
        """Return the tables of `[[key]]`."""
        value = self.take(self.data, key, "array", default=[])
        return [item for item in value if self.typed(item, "table", key) is not None]

    @cached_property
    def _spans(self) -> dict[tuple[Key, ...], tuple[int, int]]:
        found: dict[tuple[Key, ...], tuple[int, int]] = {}
        counts: dict[str, int] = {}
        around: tuple[Key, ...] = ()
        position = 0
        for line in self.text.split("\n"):
            header = _HEADER.fullmatch(line.rstrip("\r"))
            if header and header["name"] in ("layer", "skip", "sample", "neuron", "weights", "biases", "samples"):
                around = (header["name"],)
                found.setdefault(around, (position + header.start("open"), position + len(line.rstrip())))
                if header["open"] == "[[":
                    counts[header["name"]] = counts.get(header["name"], -1) + 1
                    around += (counts[header["name"]],)
                found[around] = (position + header.start("open"), position + len(line.rstrip()))
            elif match := _KEY.match(line):
                key = match["key"].strip("\"'") if match["key"][0] == "'" else _unquote(match["key"])
                start, end = position + match.start("key"), position + match.start("key") + len(match[0].strip())
                found.setdefault((*around, key), (start, end))
            position += len(line) + 1
        return found


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise NetworkError("toml_too_deep", place=Place(source)) from None
    except ValueError as error:
        match = _SYNTAX.fullmatch(str(error))
        if match is None:  # int() refuses a literal of thousands of digits, and says so without a place
            literal = re.search(r"[0-9][0-9_]{4000,}", text)
            at = place_at(source, text, *literal.span()) if literal else Place(source)
            raise NetworkError("toml_huge_integer", place=at) from None
        lines = text.split("\n")
        number = int(match["line"]) if match["line"] else len(lines)
        line = lines[number - 1] if number <= len(lines) else ""
        column = int(match["column"]) - 1 if match["column"] else len(line)
        start = sum(len(before) + 1 for before in lines[: number - 1]) + column
        at = place_at(source, text, min(start, len(text)), start + 1)
        at = Place(source, number, column, column + 1, at.text)
        if bare := _BARE_SYMBOL.match(line):
            raise NetworkError("toml_bare_symbol", place=at, read=short(bare["key"])) from None
        raise NetworkError("toml_syntax", place=at, said=short(match["said"], limit=120)) from None


def _unquote(key: str) -> str:
    if not key.startswith('"'):
        return key
    try:
        return str(next(iter(tomllib.loads(f"{key} = 0"))))
    except ValueError:
        return key.strip('"')


def type_name(value: object) -> str:
    """Return what TOML calls the type of a value."""
    for kind in ("boolean", "integer", "string", "array", "table"):
        if isinstance(value, TYPES[kind]):  # type: ignore[arg-type]
            return kind
    return "float" if isinstance(value, float) else "date-time"


def spell_path(path: tuple[Key, ...]) -> str:
    """Return the way to a value as a person counts: `layer[2].bias`.

    Example:
        >>> spell_path(("layer", 1, "bias"))
        'layer[2].bias'
    """
    spelled = ""
    for step in path:
        spelled += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if spelled else step
    return short(spelled, limit=80)
