"""Weights and biases in files: NPZ with W_1, b_1, …, or CSV lines `w_11^2, 0.5`, as arrays that fit the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, DataError, Place, raise_all
from chainrule.figure.files import ending, few, load, number, numeric, rows
from chainrule.figure.names import MAX_PROBLEMS, near, short
from chainrule.figure.spelling import parse_symbol, spell_matrix, spell_weight

if TYPE_CHECKING:
    from chainrule.figure.files import Array
    from chainrule.network import Connection, Network


def read_weights(path: str | os.PathLike[str], network: Network) -> dict[str, Array]:
    r"""Return the weights and biases in a file by name: `W_1` (from, to), a skip connection's `W_3,1`, `b_1` (units,).

    Where edges are missing the matrix holds 0, and where units have no bias the vector does. Of tied weights one is
    enough.

    Args:
        path: a file that ends in .npz, or .csv with lines `w_11^2, 0.5`.
        network: the figure that the numbers are for.

    Raises:
        DataError: where the file cannot be read, or a number is missing, doubled or not finite, or a shape does not
            fit.

    Example:
        >>> import pathlib, tempfile
        >>> from chainrule import Network
        >>> file = pathlib.Path(tempfile.mkdtemp(), "weights.csv")
        >>> _ = file.write_text("w_11^1, 0.5\nw_12^1, -1\n")
        >>> read_weights(file, Network.read("2-1"))["W_1"].tolist()
        [[0.5], [-1.0]]
    """
    import numpy as np

    source = os.fspath(path)
    biased = {f"b_{level}": layer for level, layer in enumerate(network.layers, start=1) if any(layer.bias)}
    found: dict[str, Array] = {}
    for c in network.connections:
        found[spell_matrix(c.target, c.source)] = np.full((network.size(c.source), network.size(c.target)), np.nan)
    found |= {name: np.full(layer.size, np.nan) for name, layer in biased.items()}
    if ending(source) == ".csv":
        _csv_weights(source, found)
    else:
        _array_weights(source, found)
    # Where the figure has no edge or bias there is no number to give; where one is given all the same, it must be none.
    for c in network.connections:
        if c.edges is not None:
            _blank(source, found, spell_matrix(c.target, c.source), _edge_mask(c, network))
    for name, layer in biased.items():
        if not all(layer.bias):
            _blank(source, found, name, np.array(layer.bias))
    _share_ties(source, found, network)
    for name, array in found.items():
        if (absent := np.argwhere(np.isnan(array))).size:
            first = _spell_entry(name, tuple(absent[0]))
            read, expected = array.size - len(absent), array.size
            raise DataError(
                "numbers_missing", place=Place(source), what=name, read=read, expected=expected, first=first
            )
    return found


def _csv_weights(source: str, found: dict[str, Array]) -> None:
    """Put the numbers of lines `w_11^2, 0.5` into the arrays."""
    problems: list[ChainruleError] = []
    for line, row in rows(source):
        place = Place(source, line)
        if len(row) == 3:  # w_10,3^2 without quotes is one symbol in two cells
            row = [f"{row[0]},{row[1]}", row[2]]
        if len(row) != 2:
            problems.append(DataError("weight_line", place=place, read=len(row)))
        elif (at := _entry(row[0], place, found, problems)) is not None:
            array, index = at
            value = number(row[1], source, line, row[0], problems)
            if array[index] == array[index]:
                problems.append(DataError("given_twice", place=place, what=short(row[0])))
            array[index] = value
        if len(problems) >= MAX_PROBLEMS:
            break
    raise_all(problems)


def _entry(
    text: str, place: Place, found: dict[str, Array], problems: list[ChainruleError]
) -> tuple[Array, tuple[int, ...]] | None:
    """Return the array and the position in it of a symbol's number."""
    try:
        named = parse_symbol(text, error=DataError, place=place)
    except ChainruleError as error:
        problems.append(error)
        return None
    name, index = "", tuple[int, ...]()
    if named.kind == "w" and named.layer is not None and named.source is not None:
        name, index = spell_matrix(named.layer, named.source), (named.subscripts[1] - 1, named.subscripts[0] - 1)
    elif named.kind == "b" and named.subscripts:
        name, index = f"b_{named.layer}", (named.subscripts[0] - 1,)
    array = found.get(name)
    if array is None or any(not 0 <= at < size for at, size in zip(index, array.shape, strict=True)):
        problems.append(DataError("no_such_weight", place=place, weight=short(text)))
        return None
    return array, index


def _array_weights(source: str, found: dict[str, Array]) -> None:
    """Put the arrays of an NPZ file in place of the empty ones."""
    import numpy as np

    arrays = load(source)
    if not isinstance(arrays, dict):
        raise DataError("one_array", place=Place(source), known=few(list(found)))
    problems: list[ChainruleError] = []
    for name, loaded in arrays.items():
        place = Place(source)
        if name not in found:
            closest = near(name, found) or next(iter(found))
            known = few(list(found))
            problems.append(DataError("unknown_array", place=place, read=short(name), near=closest, known=known))
            continue
        array, expected = numeric(loaded, f"{source}: {name}"), found[name].shape
        if array.shape != expected:
            facts: dict[str, Any] = {"what": name, "read": "×".join(map(str, array.shape)) or "1"}
            if len(expected) == 2 and array.shape == expected[::-1]:
                rows, columns = array.shape
                problems.append(
                    DataError(
                        "transposed_matrix", place=place, what=name, rows=rows, columns=columns,
                        expected_rows=columns, expected_columns=rows,
                    )
                )  # fmt: skip
            else:
                problems.append(DataError("array_shape", place=place, expected="×".join(map(str, expected)), **facts))
        elif (bad := np.argwhere(~np.isfinite(array))).size:
            at = tuple(int(index) for index in bad[0])
            problems.append(DataError("not_finite", place=place, what=_spell_entry(name, at), read=float(array[at])))
        else:
            found[name] = array.copy()
    raise_all(problems[:MAX_PROBLEMS])


def _spell_entry(name: str, index: tuple[Any, ...]) -> str:
    """Return the plain spelling of an entry of `W_2`, `W_3,1` or `b_1`."""
    level = name.partition("_")[2]
    if len(index) == 1:
        return f"b_{int(index[0]) + 1}^{level}"
    to, origin = int(index[1]) + 1, int(index[0]) + 1
    return f"w_{to}{',' if max(to, origin) > 9 else ''}{origin}^{level}"


def _edge_mask(connection: Connection, network: Network) -> Any:
    import numpy as np

    mask = np.zeros((network.size(connection.source), network.size(connection.target)), dtype=bool)
    for to, origin in connection.edges or ():
        mask[origin - 1, to - 1] = True
    return mask


def _blank(source: str, found: dict[str, Array], name: str, there: Any) -> None:
    """Put 0 where the figure has nothing, refusing any other number that stands there."""
    import numpy as np

    array = found[name]
    if (extra := np.argwhere(~there & ~np.isnan(array) & (array != 0))).size:
        at = tuple(int(index) for index in extra[0])
        weight = _spell_entry(name, at)
        raise DataError("number_without_edge", place=Place(source), weight=weight, read=float(array[at]))
    array[~there] = 0.0


def _share_ties(source: str, found: dict[str, Array], network: Network) -> None:
    """Give all weights of a tied group the number of those that have one; refuse two numbers for one group."""
    for group in network.ties:
        entries = [(found[spell_matrix(w.target, w.source)], (w.origin - 1, w.to - 1), w) for w in group]
        known = [(float(array[at]), weight) for array, at, weight in entries if array[at] == array[at]]
        for value, weight in known[1:]:
            if value != known[0][0]:
                raise DataError("tied_numbers", place=Place(source), weight=spell_weight(weight), read=value)
        for array, at, _ in entries if known else ():
            array[at] = known[0][0]
