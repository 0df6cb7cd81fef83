"""What a line asks of a reading: two readings that answer alike give it the same meaning, and need no second look.

A reading has some fifteen parts, most of which a line never touches: one without matrices is the same in every layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from chainrule.judge.reading import Reading

_PARTS = frozenset(field.name for field in fields(Reading)) - {"kinds"}


class _Kinds(Mapping[str, str]):
    """What the letters of a reading stand for, with note taken of those that are asked for."""

    def __init__(self, kinds: Mapping[str, str], asked: set[str]) -> None:
        self.kinds = kinds
        self.asked = asked

    def __getitem__(self, base: str) -> str:
        self.asked.add(base)
        return self.kinds[base]

    def __iter__(self) -> Iterator[str]:
        self.asked.update(self.kinds)
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)


class Asked(Reading):
    """A reading that takes note of what is asked of it.

    Example:
        >>> reading = Asked(Reading({"w": "w"}, rows=False))
        >>> reading.to_from, reading.kinds.get("w")
        (True, 'w')
        >>> reading.answers_alike(Reading({"w": "w"})), reading.answers_alike(Reading({"w": "w"}, to_from=False))
        (True, False)
    """

    def __init__(self, reading: Reading) -> None:
        own: dict[str, Any] = dict(vars(reading))
        bases: set[str] = set()
        own["kinds"] = _Kinds(reading.kinds, bases)
        vars(self).update(own, _parts=set(), _bases=bases, _reading=reading)

    def __getattribute__(self, name: str) -> Any:
        if name in _PARTS:
            object.__getattribute__(self, "_parts").add(name)
        return object.__getattribute__(self, name)

    def but(self, **changes: bool | int | str) -> Reading:
        """Return the reading with other parts, of which no note is taken: all of this one is asked for."""
        own = vars(self)
        own["_parts"].update(_PARTS)
        own["_bases"].update(own["_reading"].kinds)
        changed: Reading = own["_reading"].but(**changes)
        return changed

    def answers_alike(self, other: Reading) -> bool:
        """Return whether another reading gives the same answers to all that was asked so far."""
        own = vars(self)
        reading = own["_reading"]
        if reading.kinds is not other.kinds and any(
            reading.kinds.get(base) != other.kinds.get(base) for base in own["_bases"]
        ):
            return False
        return all(getattr(other, name) == getattr(reading, name) for name in own["_parts"])
