"""The numbers on the sheet, as TOML gives them: weights and biases, one by one or as whole matrices, and samples.

A matrix W_l has a row for each unit that its weights come from and a column for each unit they lead into, W_l[j][i] =
w_ij^l, so that Z = X W with a sample a row. A matrix that only fits the other way round is refused, never turned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.figure.names import short
from chainrule.figure.normal import weight_order
from chainrule.figure.spelling import spell_bias
from chainrule.figure.wiring import read_symbol, to_weight
from chainrule.network import Connection, Given, Weight

if TYPE_CHECKING:
    from chainrule.figure.document import Document, Key


def read_sheet(document: Document, sizes: tuple[int, ...], connections: tuple[Connection, ...]) -> Given:
    """Return the numbers that are given, adding what cannot be read to the document's problems.

    Args:
        document: the text.
        sizes: the number of inputs, and of units in each layer.
        connections: what leads where.
    """
    inputs, targets = read_samples(document)
    weights = _weights(document, sizes, {(c.target, c.source): c for c in connections})
    return Given(
        tuple(sorted(weights.items(), key=lambda item: weight_order(item[0]))),
        tuple(sorted(_biases(document, sizes).items())),
        inputs,
        targets,
    )


def _weights(
    document: Document, sizes: tuple[int, ...], connections: dict[tuple[int, int], Connection]
) -> dict[Weight, float]:
    found: dict[Weight, float] = {}

    def put(weight: Weight, value: Any, *path: Key) -> None:
        number = document.number(value, *path, what=str(weight))
        if weight in found:
            document.report("given_twice", *path, what=str(weight))
        elif number is not None:
            found[weight] = number

    for text, value in document.take(document.data, "weights", "table", default={}).items():
        path = ("weights", text)
        named = read_symbol(document, text, *path)
        if named is None:
            continue
        if named.kind == "w":
            put(to_weight(named), value, *path)
            continue
        if named.kind != "W" or named.layer is None or named.source is None:
            document.report("not_a_weight", *path, read=short(text))
            continue
        connection = connections.get((named.layer, named.source))
        if connection is None:
            document.report("no_such_matrix", *path, read=short(text))
            continue
        shape = (sizes[named.source], sizes[named.layer])
        edges = None if connection.edges is None else set(connection.edges)
        for j, row in enumerate(_matrix(document, value, shape, *path), start=1):
            for i, entry in enumerate(row, start=1):
                if edges is None or (i, j) in edges:
                    put(Weight(named.layer, named.source, i, j), entry, *path)
                elif entry != 0:
                    weight = str(Weight(named.layer, named.source, i, j))
                    document.report("number_without_edge", *path, weight=weight, read=short(entry))
    return found


def _matrix(document: Document, value: Any, shape: tuple[int, int], *path: Key) -> list[list[Any]]:
    """Return the rows of a matrix of a shape, or none after reporting why."""
    what = str(path[-1])
    rows = document.typed(value, "array", *path, default=[])
    if rows and not any(isinstance(row, list) for row in rows):
        document.report("flat_matrix", *path, what=what, read=len(rows), rows=shape[0], columns=shape[1])
        return []
    rows = [document.typed(row, "array", *path, default=[]) for row in rows]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            document.report("ragged_matrix", *path, what=what, row=number, read=len(row), expected=len(rows[0]))
            return []
    read = (len(rows), len(rows[0]) if rows else 0)
    if read != shape:
        key = "transposed_matrix" if read == shape[::-1] else "wrong_shape"
        document.report(
            key, *path, what=what, rows=read[0], columns=read[1], expected_rows=shape[0], expected_columns=shape[1]
        )
        return []
    return rows


def _biases(document: Document, sizes: tuple[int, ...]) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}

    def put(layer: int, unit: int, value: Any, *path: Key) -> None:
        number = document.number(value, *path, what=spell_bias(layer, unit))
        if (layer, unit) in found:
            document.report("given_twice", *path, what=spell_bias(layer, unit))
        elif number is not None:
            found[layer, unit] = number

    for text, value in document.take(document.data, "biases", "table", default={}).items():
        path = ("biases", text)
        named = read_symbol(document, text, *path)
        if named is None:
            continue
        if named.kind != "b" or named.layer is None:
            document.report("not_a_bias", *path, read=short(text))
        elif named.subscripts:
            put(named.layer, named.subscripts[0], value, *path)
        elif not 1 <= named.layer < len(sizes):
            document.report("no_such_layer", *path, read=short(text), layer=named.layer, depth=len(sizes) - 1)
        else:
            entries = document.typed(value, "array", *path, default=None)
            if entries is not None and len(entries) != sizes[named.layer]:
                size = sizes[named.layer]
                document.report("per_unit_count", *path, what=text, layer=named.layer, read=len(entries), size=size)
            elif entries is not None:
                for unit, entry in enumerate(entries, start=1):
                    put(named.layer, unit, entry, *path)
    return found


Rows = tuple[tuple[float, ...], ...]


def read_samples(document: Document) -> tuple[Rows, Rows]:
    """Return the inputs and the targets, a row a sample, of `[[sample]]` tables or of one `samples` table."""
    if "sample" in document.data and "samples" in document.data:
        document.report("samples_twice", "samples")
    if "samples" in document.data:
        table = document.take(document.data, "samples", "table", default={})
        document.only(table, ("x", "true"), "samples")
        columns = [document.take(table, key, "array", "samples", default=[]) for key in ("x", "true")]
        inputs, targets = (
            tuple(_row(document, row, "samples", key) for row in rows)
            for key, rows in zip(("x", "true"), columns, strict=True)
        )
        return inputs, targets
    tables = document.tables("sample")
    xs, trues = [], []
    with_true = [position for position, table in enumerate(tables) if "true" in table]
    for position, table in enumerate(tables):
        path = ("sample", position)
        document.only(table, ("x", "true"), *path)
        if "x" not in table or (with_true and "true" not in table):
            absent = "true" if "x" in table else "x"
            name = f"sample[{position + 1}].{absent}"
            document.report("missing_key", *path, name=name, example=f"{absent} = [0.5]")
            continue
        xs.append(_row(document, table["x"], *path, "x"))
        if with_true:
            trues.append(_row(document, table["true"], *path, "true"))
    return tuple(xs), tuple(trues)


def _row(document: Document, value: Any, *path: Key) -> tuple[float, ...]:
    """Return the numbers of one sample; a single number is a row of one."""
    entries = document.typed(value, "number or array", *path, default=[])
    numbers = (document.number(entry, *path) for entry in (entries if isinstance(entries, list) else [entries]))
    return tuple(number for number in numbers if number is not None)
