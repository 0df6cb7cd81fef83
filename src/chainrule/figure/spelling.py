"""The plain spelling of symbols, as it is typed: w_11^2, b_2^1, W_3,1, x_0, a_1^2, pred_2, loss[4].

The subscript is (to, from), the superscript a layer. Two digits are two indices; longer ones are set off by a comma,
w_10,3^2. A connection that skips layers names both, w_12^3,1: into layer 3, from layer 1. This module knows only how
symbols are written; whether a network has them is for others to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError, Place, SelectionError

if TYPE_CHECKING:
    from chainrule.network import Weight

EXAMPLES = {
    "w": "w_11^2", "b": "b_1^2", "W": "W_2", "z": "z_1^2", "a": "a_1^2", "x": "x_0",
    "Z": "Z_2", "A": "A_2", "X": "X", "pred": "pred", "true": "true", "loss": "loss",
}  # fmt: skip
"""Each kind of symbol with an example of its spelling."""

_SHAPE = re.compile(
    r"""(?P<kind>[^\W\d_]+)
        (?:_(?:(?P<sub>[0-9]+(?:,[0-9]+)?)|\{(?P<sub_braced>[^{}]*)\}))?
        (?:\^(?:(?P<sup>[0-9]+(?:,[0-9]+)?)|\{(?P<sup_braced>[^{}]*)\}))?
        (?:\[(?P<sample>[0-9]{1,9})\])?""",
    re.VERBOSE,
)
_NUMBERS = re.compile(r"\s*[0-9]{1,9}\s*(?:,\s*[0-9]{1,9}\s*)?")


@dataclass(frozen=True, slots=True)
class Named:
    """A symbol as it was named.

    Attributes:
        kind: `w b x z a` for one number, `W Z A X` for a matrix, or `pred`, `true`, `loss`. A `b` without subscripts
            is a whole layer's biases.
        subscripts: (to, from) for w; the unit for b, z, a; the input, from 0, for x; the output for pred_2 and true_2.
        layer: the layer of w, b, z, a, W, Z, A; the one that a weight leads into.
        source: for w and W, the layer that it leads from.
        sample: the sample, counted from 1, where one is named.
    """

    kind: str
    subscripts: tuple[int, ...] = ()
    layer: int | None = None
    source: int | None = None
    sample: int | None = None


def parse_symbol(text: str, *, error: type[ChainruleError] = SelectionError, place: Place | None = None) -> Named:
    """Return the symbol that a text names.

    Args:
        text: the plain spelling, with or without braces.
        error: the kind of error to raise.
        place: where the text stands; left out, the error points into the text itself.

    Raises:
        SelectionError: (or `error`) where it is not the spelling of a symbol.

    Example:
        >>> parse_symbol("w_10,3^2")
        Named(kind='w', subscripts=(10, 3), layer=2, source=1, sample=None)
        >>> parse_symbol("w_{12}^{3,1}") == parse_symbol("w_12^3,1")
        True
    """
    from chainrule.figure.names import near, place_at, short

    body = text.strip()
    start = text.find(body)
    shown = short(body)

    def fail(key: str, begin: int = 0, end: int | None = None, **facts: object) -> ChainruleError:
        at = place or place_at("symbol", text, start + begin, start + (len(body) if end is None else end))
        return error(key, place=at, read=shown, **facts)

    match = _SHAPE.match(body)
    if match is None:
        raise fail("malformed_symbol", example=EXAMPLES["w"])
    kind = match["kind"]
    if kind not in EXAMPLES:
        closest = kind.lower() if kind.lower() in EXAMPLES else near(kind, EXAMPLES) or "w"
        raise fail("unknown_symbol", 0, match.end("kind"), example=EXAMPLES[closest], known=", ".join(EXAMPLES))
    if match.end() != len(body):
        raise fail("malformed_symbol", match.end(), example=EXAMPLES[kind])

    def numbers(group: str) -> tuple[int, ...]:
        written = match[group] if match[group] is not None else match[f"{group}_braced"]
        if written is None:
            return ()
        if _NUMBERS.fullmatch(written) is None:
            name = group if match[group] is not None else f"{group}_braced"
            raise fail("malformed_symbol", *match.span(name), example=EXAMPLES[kind])
        if kind == "w" and group == "sub" and "," not in written:
            digits = written.strip()
            if len(digits) == 2:
                return int(digits[0]), int(digits[1])
            if len(digits) > 2:
                raise fail("ambiguous_index", choices=_choices(body, digits))
        return tuple(int(part) for part in written.split(","))

    sample = int(match["sample"]) if match["sample"] else None
    named = _arrange(kind, numbers("sub"), numbers("sup"), sample)
    if named is None:
        raise fail("symbol_indices", example=EXAMPLES[kind])
    return named


def _arrange(kind: str, sub: tuple[int, ...], sup: tuple[int, ...], sample: int | None) -> Named | None:
    """Return the symbol with its indices in their places, or None where a kind does not have such indices."""
    counts = len(sub), len(sup)
    if sample == 0 or (sample is not None and kind in "wbWXZA"):
        return None
    if kind == "w" and counts in ((2, 1), (2, 2)):
        return Named(kind, sub, sup[0], sup[1] if len(sup) == 2 else sup[0] - 1)
    if kind == "W" and counts in ((1, 0), (2, 0)):
        return Named(kind, (), sub[0], sub[1] if len(sub) == 2 else sub[0] - 1)
    if kind in "bZA" and counts == (1, 0):
        return Named(kind, (), sub[0])
    if kind in "bza" and counts == (1, 1):
        return Named(kind, sub, sup[0], sample=sample)
    if (kind == "x" and counts == (1, 0)) or (kind in ("pred", "true") and counts in ((0, 0), (1, 0))):
        return Named(kind, sub, sample=sample)
    if kind in ("X", "loss") and counts == (0, 0):
        return Named(kind, sample=sample)
    return None


def _choices(body: str, digits: str) -> str:
    """Return the ways to set a comma into the digits of a subscript, as in `w_11,3^2, w_1,13^2`."""
    cuts = [cut for cut in range(1, len(digits)) if digits[cut] != "0"] or [1]
    cuts = sorted({cuts[0], cuts[-1]}, reverse=True)
    before, after = body[: body.find(digits)], body[body.find(digits) + len(digits) :]
    return ", ".join(f"{before}{digits[:cut]},{digits[cut:]}{after}"[:60] for cut in cuts)


def spell_weight(weight: Weight) -> str:
    """Return the plain spelling of a weight.

    Example:
        >>> from chainrule.network import Weight
        >>> spell_weight(Weight(2, 1, 1, 3)), spell_weight(Weight(2, 1, 10, 3)), spell_weight(Weight(3, 1, 1, 2))
        ('w_13^2', 'w_10,3^2', 'w_12^3,1')
    """
    comma = "," if weight.to > 9 or weight.origin > 9 else ""
    return f"w_{weight.to}{comma}{weight.origin}^{_level(weight.target, weight.source)}"


def spell_matrix(target: int, source: int) -> str:
    """Return the plain spelling of the matrix of a connection, `W_2` or `W_3,1`."""
    return f"W_{_level(target, source)}"


def spell_bias(layer: int, unit: int) -> str:
    """Return the plain spelling of a bias, `b_2^1` for unit 2 of layer 1."""
    return f"b_{unit}^{layer}"


def spell_unit(layer: int, unit: int) -> str:
    """Return the plain spelling of what a unit (counted from 1) puts out: `x_0` for the first input, `a_1^2`."""
    return f"x_{unit - 1}" if layer == 0 else f"a_{unit}^{layer}"


def _level(target: int, source: int) -> str:
    return f"{target}" if source == target - 1 else f"{target},{source}"
