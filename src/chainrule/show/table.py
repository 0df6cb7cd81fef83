"""Values as tables: the number of every symbol and of every partial, as text, JSON or CSV."""

from __future__ import annotations

import collections
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from chainrule.errors import SelectionError
from chainrule.expr import Ref, Symbol
from chainrule.notation import load, plain
from chainrule.prose import sentence
from chainrule.selection import LIST_ALL
from chainrule.show.emit import number_text
from chainrule.show.forms import TEXT
from chainrule.show.write import Writer
from chainrule.width import columns

if TYPE_CHECKING:
    from chainrule.values import Values, Verification

FORMATS = ("text", "json", "csv")


def write_values(
    values: Values, format: str = "text", *, verification: Verification | None = None,
    notation: str = "seed", lang: str = "en", digits: int = 6, every: bool = False,
) -> Iterator[str]:  # fmt: skip
    """Yield the table of all symbols and all partials, piece by piece.

    Args:
        values: the numbers.
        format: text, json or csv. Text elides long families unless `every`; the others never leave anything out, and
            write every number so that it reads back to the same one.
        verification: the outcome of checking the partials, to be told with them.
        notation: how symbols are spelled in text; JSON and CSV use the plain names.
        lang: en or ko.
        digits: significant digits in text.
        every: every row, however many.
    """
    if format == "json":
        return _json(values, verification)
    if format == "csv":
        return _csv(values)
    if format != "text":
        raise SelectionError("unknown_format", read=format, known=", ".join(FORMATS), near="")
    return _text(values, verification, notation, lang, digits, every)


def _rows(values: Values, symbol: Symbol) -> Iterator[tuple[Ref, float, float | None]]:
    """Yield each place of a symbol with its number and its partial (none for targets and the loss)."""
    ranges = [range(1, (dim.size or 1) + 1) for dim in symbol.dims]
    for place in itertools.product(*ranges):
        if symbol.support is not None and place not in symbol.support:
            continue
        ref = Ref(symbol, place)
        name = plain(ref)
        yield ref, values.symbols[name], values.partials.get(name)


def _symbols(values: Values) -> list[Symbol]:
    """Return the symbols in the order of the figure: the data, then as they are computed."""
    program = values.derivation.source
    order: dict[Symbol, None] = {program.data[0]: None}
    parameters = {(s.layer, s.kind, s.source): s for s in program.parameters}
    for statement in program.statements:
        target = statement.target
        if not isinstance(target, Ref):
            continue
        layer = target.symbol.layer
        if target.symbol.kind == "pred" and values.network.reads_last_layer:
            layer = values.network.depth
        for symbol in parameters.values():
            if symbol.layer == layer:
                order[symbol] = None
        if target.symbol.kind == "loss":
            order[program.data[1]] = None
        order[target.symbol] = None
    return list(order)


def _text(
    values: Values, verification: Verification | None, notation: str, lang: str, digits: int, every: bool
) -> Iterator[str]:
    writer = Writer(TEXT, load(notation))
    heads = [sentence(f"page.table.{head}", lang=lang) for head in ("symbol", "value")] + ["∂loss/∂·"]
    body: list[list[str]] = []
    for symbol in _symbols(values):
        count = len(symbol.support) if symbol.support is not None else _count(symbol)
        rows = _rows(values, symbol)
        elided = not every and count > LIST_ALL
        kept = itertools.chain(itertools.islice(rows, 2), _last(rows)) if elided else rows
        for number, (ref, value, partial) in enumerate(kept):
            if elided and number == 2:
                body.append(["⋮", sentence("page.elided", lang=lang, count=count - 3), ""])
            shown = "" if partial is None else number_text(partial, digits, TEXT)
            body.append([writer.write(ref), number_text(value, digits, TEXT), shown])
    if drawn := ", ".join(values.seed.drawn):
        yield sentence("page.drawn", lang=lang, drawn=drawn, seed=values.seed.number) + "\n\n"
    widths = [max(columns(row[place]) for row in (heads, *body)) for place in range(3)]
    for row in (heads, ["─" * width for width in widths], *body):
        cells = [
            _padded(cell, width, right=place > 0) for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip() + "\n"
    if verification is not None:
        yield "\n" + verification_text(verification, lang=lang) + "\n"


TOLERANCE = 1e-9
"""The largest relative error that counts as agreement; a wrong derivative is off by far more, rounding by far less."""


def passed(verification: Verification) -> bool:
    """Return whether both methods agree."""
    return verification.largest_relative <= TOLERANCE


def verification_text(verification: Verification, *, lang: str = "en") -> str:
    """Return what came of checking the partials, in a few sentences."""
    outcome = "agree" if passed(verification) else "differ"
    facts = {
        "count": verification.count,
        "total": verification.total,
        "seed": verification.seed,
        "error": f"{verification.largest_error:.2g}",
        "where": verification.where,
        "relative": f"{verification.largest_relative:.2g}",
        "where_relative": verification.where_relative,
    }
    lines = [sentence(f"page.verify.{outcome}", lang=lang, **facts)]
    if verification.sampled:
        lines.append(sentence("page.verify.sampled", lang=lang, **facts))
    if verification.kinks:
        shown = ", ".join(verification.kinks[:10]) + (", …" if len(verification.kinks) > 10 else "")
        lines.append(sentence("page.verify.kinks", lang=lang, kinks=shown))
    return "\n".join(lines)


def _count(symbol: Symbol) -> int:
    count = 1
    for dim in symbol.dims:
        count *= dim.size or 1
    return count


def _last(rows: Iterator[tuple[Ref, float, float | None]]) -> Iterator[tuple[Ref, float, float | None]]:
    """Yield the last of the rows only."""
    yield from collections.deque(rows, maxlen=1)


def _padded(cell: str, width: int, *, right: bool) -> str:
    pad = " " * (width - columns(cell))
    return pad + cell if right else cell + pad


def _json(values: Values, verification: Verification | None) -> Iterator[str]:
    from chainrule import __version__

    head = {
        "chainrule": __version__,
        "network": values.network.to_toml(),
        "samples": values.samples,
        "seed": values.seed.number,
        "drawn": list(values.seed.drawn),
        "verification": None if verification is None else {**asdict(verification), "passed": passed(verification)},
    }
    yield json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    for name, found in (("symbols", values.symbols), ("partials", values.partials)):
        yield f',\n "{name}": {{'
        first = True
        for key, number in found.items():
            yield ("\n  " if first else ",\n  ") + f"{json.dumps(key)}: {_plain_number(number)}"
            first = False
        yield "\n }"
    yield "\n}\n"


def _csv(values: Values) -> Iterator[str]:
    yield "symbol,value,partial\n"
    for symbol in _symbols(values):
        for ref, value, partial in _rows(values, symbol):
            name = plain(ref)
            quoted = f'"{name}"' if "," in name else name
            yield f"{quoted},{value!r},{'' if partial is None else repr(partial)}\n"


def _plain_number(number: float) -> str:
    """Return a number as JSON writes it; NaN and infinities, which it cannot, are null."""
    return repr(number) if number - number == 0 else "null"
