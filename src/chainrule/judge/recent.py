"""What was used lately, remembered within bounds: a class hands in the same lines for hours."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping that forgets what was not asked for since it last filled half of its room.

    Nothing that is in use is lost at once, as when a full mapping is emptied, and a lookup is that of a dict or two.

    Args:
        most: how many entries are kept.

    Example:
        >>> known = Recent[str, int](4)
        >>> for number, name in enumerate("abcde"):
        ...     known[name] = number
        ...     first = known.get("a")
        >>> known.get("a"), known.get("b")
        (0, None)
    """

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what is known of a key, or None."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self[key] = found
        return found

    def __setitem__(self, key: K, value: V) -> None:
        if len(self._new) >= self._half:
            self._old, self._new = self._new, {}
        self._new[key] = value
