"""What is said of how a document was read, where people write in several ways."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.errors import NetworkError
from chainrule.judge.court import Court
from chainrule.judge.heard import Heard, distinct
from chainrule.judge.reading import Reading, differentiated, written
from chainrule.judge.readings import letters_for
from chainrule.judge.report import Message
from chainrule.judge.syntax import Name

if TYPE_CHECKING:
    from chainrule.network import Network


def told(reading: Reading, heard: Sequence[Heard], court: Court) -> Iterator[Message]:
    """Yield how a document was read, where people do it in several ways."""
    found = distinct(name for one in heard for name in one.row.chain.names)
    if any(reading.kinds.get(name.base) in ("w", "dw") and len(name.sub) > 1 for name in found):
        yield Message("reading.weights_to_from" if reading.to_from else "reading.weights_from_to")
    if any(reading.kinds.get(name.base) == "w" and len(name.sub) == 1 and name.sub.isdigit() and not name.sup
           and name.base[0].islower() and not reading.whole(name, "w") and name.base not in reading.places
           for name in found) and court.net.depth > 1:  # fmt: skip
        yield Message("reading.numbered_from" if reading.by_origin else "reading.numbered_to")
    if reading.first_layer:
        yield Message("reading.first_layer")
    if reading.outward:
        yield Message("reading.outward")
    if reading.first_input != 0 and any(reading.kinds.get(n.base) == "x" and n.sub.isdigit() for n in found):
        yield Message("reading.first_input", {"number": reading.first_input})
    if reading.first_unit != 1:
        yield Message("reading.first_unit", {"number": reading.first_unit})
    if reading.kinds.get("a") == "z":
        yield Message("reading.swapped")
    if own := ", ".join(_own_letters(found, reading)):
        yield Message("reading.letters", {"letters": own})
    if marks := ", ".join(sorted({one.row.mark for one in heard if one.row.mark})):
        yield Message("reading.one_sample", {"letters": marks})
    if reading.descent:
        yield Message("reading.descent")
    if reading.per_sample:
        yield Message("reading.per_sample")
    if reading.samples:
        yield Message("reading.samples", {"number": reading.samples})
    if reading.powers:
        yield Message("reading.powers")
    else:
        yield from itertools.islice(_could_be_powers(found, reading, court), 1)
    if any(court.matrices(one.row.chain) for one in heard):
        weights = "(in, out)" if reading.in_out else "(out, in)"
        yield Message("reading.rows" if reading.rows else "reading.columns", {"weights": weights})
        if not reading.batch:
            yield Message("reading.vectors")
        if reading.row_gradients:
            yield Message("reading.row_gradients")


_SHIFTED = {"error": "pred − true", "residual": "true − pred", "sum": "z − b", "threshold": "−b", "delta": "δ"}


def _own_letters(found: Sequence[Name], reading: Reading) -> Iterator[str]:
    """Yield what each letter is that stands for another thing than with most people: v = w^2."""
    usual = letters_for(found)
    swapped = ("a", "A", "z", "Z") if reading.kinds.get("a") == "z" else ()
    for base in dict.fromkeys(name.base for name in found):
        kind = reading.kinds.get(base, "")
        if kind in ("", usual.get(base)) or base in swapped or differentiated(kind) != kind:
            continue
        layer = reading.places.get(base) if kind in ("w", "b", "z", "a") else None
        yield f"{base} = {_SHIFTED.get(kind, kind)}" + (f"^{layer}" if layer else "")


def _could_be_powers(found: Sequence[Name], reading: Reading, court: Court) -> Iterator[Message]:
    """Yield what is to be said of a number above that was read as a layer and could be a power."""
    for name in found:
        lettered = reading.kinds.get(name.base) in ("w", "b", "z", "a")
        if lettered and name.sup.isdigit() and name.sub and court.could_be_power(name):
            yield Message("reading.power", {"name": written(name)})


def named(net: Network) -> str:
    """Return a network in shorthand, or in TOML where shorthand cannot say it."""
    try:
        return net.to_shorthand()
    except NetworkError:
        return net.to_toml()
