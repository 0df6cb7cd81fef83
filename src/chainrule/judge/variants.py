"""What else a name could have meant: the same letter with other indices, in the author's own spelling."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.expr import Matrix, Number, Partial, Ref, Size
from chainrule.judge.reading import INDICES, NoMeaning, Reading
from chainrule.judge.report import Edit
from chainrule.judge.syntax import Name, Span
from chainrule.judge.tokens import GREEK, SUBSCRIPTS, SUPERSCRIPTS

if TYPE_CHECKING:
    from chainrule.judge.numbers import Numbers
    from chainrule.program import Program

MOST_VARIANTS = 160
"""The most other places of one name that are tried; beyond, only one index is changed at a time."""

MOST_OF_ONE_INDEX = 24
"""The most values of one index that are tried then: those nearest to the one that stands there."""

_BELOW = {digit: mark for mark, digit in SUBSCRIPTS.items()}
_ABOVE = {digit: mark for mark, digit in SUPERSCRIPTS.items()}
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Variant:
    """A name with other indices.

    Attributes:
        name: the name as it would be read.
        what: what it would mean.
        changed: how many of its indices differ.
        kind: `wrong_index`, `swapped_index`, `wrong_layer`, or `wrong_symbol` where the letter differs.
    """

    name: Name
    what: Ref | Partial | Matrix | Size
    changed: int
    kind: str

    def edits(self, at: Name, source: str, markup: str) -> tuple[Edit, ...]:
        """Return the edits that make a name at its place in a source into this one."""
        found = []
        if at.base != self.name.base:
            found.append(letter_edit(at, self.name.base, source, markup))
        if at.sub != self.name.sub:
            found.append(Edit(*at.sub_span, script(source, at.sub_span, self.name.sub, markup, below=True)))
        if at.sup != self.name.sup:
            found.append(Edit(*at.sup_span, script(source, at.sup_span, self.name.sup, markup, below=False)))
        found.sort(key=lambda edit: edit.start)
        if len(found) == 2 and 0 <= found[1].start - found[0].end <= 4:
            first, second = found  # both scripts of a name: one edit
            found = [Edit(first.start, second.end, first.text + source[first.end : second.start] + second.text)]
        return tuple(found)


def letter_edit(at: Name, base: str, source: str, markup: str) -> Edit:
    """Return the edit that gives a name another letter and leaves its indices."""
    stop = min(span[0] for span in (at.sub_span, at.sup_span, (at.span[1], 0)) if span[0] > at.span[0])
    while stop > at.span[0] + 1 and stop < at.span[1] and source[stop - 1] in "_^{( ":
        stop -= 1
    return Edit(at.span[0], stop, lettered(base, markup))


_GREEK_NAMES = {mark: name for name, mark in GREEK.items()}
_ACCENT_NAMES = {mark: name for name, mark in (("hat", "\u0302"), ("bar", "\u0304"), ("tilde", "\u0303"))}


def lettered(base: str, markup: str) -> str:
    r"""Return a base as a form of text sets it.

    Example:
        >>> lettered("ŷ", "latex"), lettered("δ", "typst"), lettered("pred", "typst")
        ('\\hat{y}', 'delta', 'italic("pred")')
    """
    if markup == "text":
        return base
    parts = unicodedata.normalize("NFD", base)
    if len(parts) == 2 and parts[1] in _ACCENT_NAMES:
        accent = _ACCENT_NAMES[parts[1]]
        return f"\\{accent}{{{parts[0]}}}" if markup == "latex" else f"{accent}({parts[0]})"
    if base in _GREEK_NAMES:
        return f"\\{_GREEK_NAMES[base]}" if markup == "latex" else _GREEK_NAMES[base]
    if len(base) > 1 and markup == "typst":
        return f'italic("{base}")'
    return base


def script(source: str, span: Span, new: str, markup: str, *, below: bool) -> str:
    """Return a script's new content as the author would have set it: ₁₂, 12 or {1,2}.

    Example:
        >>> script("z_1^1", (2, 3), "10", "latex", below=True), script("z₁", (1, 2), "2", "text", below=True)
        ('{10}', '₂')
    """
    old = source[slice(*span)]
    small = SUBSCRIPTS if below else SUPERSCRIPTS
    if old and all(character in small for character in old):
        table = _BELOW if below else _ABOVE
        if all(character in table for character in new):
            return "".join(table[character] for character in new)
        return ("_" if below else "^") + (new if len(new) == 1 else f"{{{new}}}")
    if len(new) > 1 and len(old) <= 1 and source[max(span[0] - 1, 0)] in "_^":
        return f"({new})" if markup == "typst" else f"{{{new}}}"
    return new


def variants(name: Name, reading: Reading, numbers: Numbers) -> tuple[Variant, ...]:
    """Return what a name could mean with other indices, the nearest first; what was found is kept with the numbers."""
    own = (name.base, name.sub, name.sup, name.suffix, reading)
    found = numbers.variants.get(own)
    if found is None:
        program = numbers.program
        found = numbers.variants[own] = (*_relettered(name, reading, program), *_variants(name, reading, program))
    return found


_ALIKE = (("z", "a"), ("pred", "true"), ("z", "delta"), ("a", "delta"), ("a", "x"))
"""Kinds that are written for each other, the indices being the same."""


def _relettered(name: Name, reading: Reading, program: Program) -> Iterator[Variant]:
    """Yield the same place of another kind: a for z, pred for true."""
    for base in other_letters(name, reading):
        renamed = Name(base, name.sub, name.sup, name.suffix, name.primes, name.sub_span, name.sup_span, name.span)
        try:
            meant = reading.meaning(renamed, program, {})
        except NoMeaning:
            continue
        if meant.power == 1 and not isinstance(meant.what, Number):
            yield Variant(renamed, meant.what, 2, "wrong_symbol")


def other_letters(name: Name, reading: Reading) -> Iterator[str]:
    """Yield the letters that are written for a name's: the author's own for each kind that is like its own."""
    kind = reading.kinds.get(name.base, "")
    capital = name.base[:1].isupper()
    for pair in _ALIKE:
        if kind in pair:
            other = letter_beside([name.base], pair[1 - pair.index(kind)], reading, capital=capital)
            if other is not None:
                yield other


def letter_beside(bases: Iterable[str], kind: str, reading: Reading, *, capital: bool | None = None) -> str | None:
    """Return the letter for a kind beside others: one of these, y beside ŷ and ŷ beside y, or the first of all.

    Where y is the output, an author has called it so, and any other letter for it would make y the target.
    """
    bases = [*bases]
    known = [
        base for base, own in reading.kinds.items()
        if own == kind and (capital is None or len(base) > 1 or base.isupper() == capital)
    ]  # fmt: skip
    level = reading.places.get(bases[0]) if bases else None
    known.sort(key=lambda base: reading.places.get(base, level) != level)  # that of the same layer first
    partners = [partner for base in bases for partner in _hatted(base)]
    outputs = () if kind != "pred" else ("Y", "y") if capital else ("y", "Y")
    return next((base for base in (*bases, *outputs, *partners, *known) if base in known), None)


def _hatted(base: str) -> tuple[str, str]:
    """Return y and ŷ, for either."""
    bare = unicodedata.normalize("NFD", base).removesuffix(_HAT)
    return bare, unicodedata.normalize("NFC", bare + _HAT)


_HAT = "\u0302"


def _variants(name: Name, reading: Reading, program: Program) -> tuple[Variant, ...]:
    kind = reading.kind_of(name)
    if kind not in INDICES or kind == "loss":
        return ()
    found: list[Variant] = []
    seen = {(name.sub, name.sup)}
    for sub, sup, changed, what in itertools.islice(_respelled(name, kind, reading, program), 4 * MOST_VARIANTS):
        if (sub, sup) in seen:
            continue
        seen.add((sub, sup))
        other = Name(name.base, sub, sup, name.suffix, name.primes, name.sub_span, name.sup_span, name.span)
        try:
            meant = reading.meaning(other, program, {})
        except NoMeaning:
            continue
        if meant.power == 1 and not isinstance(meant.what, Number):
            # z^L and a^0 by their other names, pred and x, are seldom what was meant.
            known = meant.what.symbol.kind if isinstance(meant.what, Ref) else kind
            found.append(Variant(other, meant.what, changed + 2 * (known != kind), what))
    found.sort(key=lambda variant: variant.changed)
    return tuple(found)


def _respelled(name: Name, kind: str, reading: Reading, program: Program) -> Iterator[tuple[str, str, int, str]]:
    """Yield other scripts for a name: below, above, how many numbers differ, and the kind of mistake."""
    net = program.network
    assert net is not None
    subs = _NUMBER.findall(name.sub) if "," in name.sub else list(name.sub)
    if INDICES[kind] < 2 and "," not in name.sub:
        subs = [name.sub]
    if not all(part.isdigit() for part in subs if part) or len([p for p in subs if p]) != (
        INDICES[kind] if name.sub else 0
    ):
        return
    below = [int(part) for part in subs if part]
    layer = _NUMBER.search(name.sup)
    level = int(layer[0]) if layer else None
    first = reading.first_layer
    most = max(net.size(at) for at in range(net.depth + 1))
    units = [[*_near(unit, most + 1)] for unit in below]
    levels = [None] if level is None else [*_near(level, net.depth + first + 1)]
    total = len(levels) * len(units[0]) ** len(units) if units else len(levels)
    if total <= MOST_VARIANTS:
        places: Iterator[tuple[int | None, tuple[int, ...]]] = (
            (at, place) for at in levels for place in itertools.product(*units)
        )
    else:
        places = itertools.chain(
            ((level, (*below[:i], unit, *below[i + 1 :])) for i in range(len(below)) for unit in units[i]),
            ((at, tuple(below)) for at in levels),
            [(level, tuple(reversed(below)))],
        )
    for at, place in places:
        sub = _written_below(name.sub, place)
        sup = name.sup if layer is None else name.sup[: layer.start()] + str(at) + name.sup[layer.end() :]
        changed = (at != level) + sum(a != b for a, b in zip(place, below, strict=True))
        if at == level and len(place) == 2 and place == tuple(reversed(below)):
            yield sub, sup, 1, "swapped_index"
        else:
            yield sub, sup, changed, "wrong_layer" if at != level else "wrong_index"


def _near(value: int, end: int) -> list[int]:
    """Return the numbers below an end, those nearest to a value first."""
    return sorted(range(end), key=lambda other: (abs(other - value), other))[:MOST_OF_ONE_INDEX]


def _written_below(old: str, place: tuple[int, ...]) -> str:
    if not old:
        return ""
    return (
        ",".join(map(str, place))
        if "," in old or any(unit > 9 for unit in place[:2] if len(place) > 1)
        else "".join(map(str, place))
    )
