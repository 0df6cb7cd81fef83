"""How wide text stands in a terminal, where Hangul takes two columns and colour takes none."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    r"""Return how many terminal columns a text takes: none for escape sequences and marks, two for wide characters.

    Example:
        >>> columns("층 1"), columns("\x1b[1mab\x1b[0m")
        (4, 2)
    """
    count, inside = 0, False
    for char in text:
        if char == "\x1b":
            inside = True
        elif inside:
            inside = char != "m"
        elif not unicodedata.combining(char):
            count += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return count
