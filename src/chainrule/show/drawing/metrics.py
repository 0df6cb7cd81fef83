"""How wide a text will be, as far as that can be known without a font; and what of a person's text can be drawn.

A drawing is laid out before anybody knows which font will set it. Widths are those of a Times-like face, a little
generous, so that a narrower face leaves air and a wider one (DejaVu Serif) still does not collide.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Control, direction-changing and zero-width characters, lone surrogates and the two non-characters: XML forbids some of
# them, and the others would let a name rewrite the look of its neighbours.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]")

_EMS = {
    **dict.fromkeys("ijlIt.,;:'|!()[]/ft ", 0.31),
    **dict.fromkeys("rsJ-°·", 0.40),
    **dict.fromkeys("mwMWQO@%", 0.80),
    **dict.fromkeys("0123456789", 0.50),
    **dict.fromkeys("∂+=−", 0.58),
    "…": 1.0,
}


def clean(text: str, *, limit: int = 200) -> str:
    r"""Return a person's text without characters that cannot or must not be drawn, cut to a limit.

    Example:
        >>> clean("a\x00b\u202ec" + "d" * 500, limit=6)
        'abcdd…'
    """
    found = _UNSHOWN.sub("", text[: 4 * limit]).strip()
    return found if len(found) <= limit and len(text) <= 4 * limit else found[: limit - 1] + "…"


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, in the unit of its font size.

    Example:
        >>> text_width("11", 10.0)
        10.0
    """
    return sum(map(_em, text)) * size


def _em(char: str) -> float:
    if (known := _EMS.get(char)) is not None:
        return known
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0 if ord(char) < 0x1F000 else 1.35  # emoji are wider than their square
    return 0.68 if char.isupper() else 0.50 if ord(char) < 0x250 else 0.62


def shorten(text: str, width: float, size: float) -> str:
    """Return a person's text, cleaned and cut with an ellipsis to what fits into a width.

    Example:
        >>> shorten("a rather long name of a unit", 60.0, 12.0)
        'a rather…'
    """
    shown = clean(text)
    if text_width(shown, size) <= width:
        return shown
    room = width - text_width("…", size)
    kept = ""
    for char in shown:
        room -= _em(char) * size
        if room < 0:
            break
        kept += char
    return kept.rstrip() + "…"
