"""Samples in files: CSV, NPY and NPZ, as NumPy arrays that fit the network.

A row is a sample, the inputs first and then the targets; or a header line names the columns, in any order:
x_0, x_1, …, true (or true_1, true_2, …), or what the sheet calls the inputs and outputs. NPZ holds arrays `x` and
`true`. Nothing is filled in or turned round. Weights are read by `chainrule.figure.weights`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError, DataError, Place, raise_all
from chainrule.figure.files import cell_number, ending, few, load, number, numeric, rows
from chainrule.figure.names import MAX_PROBLEMS, near, short
from chainrule.figure.weights import read_weights

if TYPE_CHECKING:
    from chainrule.figure.files import Array
    from chainrule.network import Network

__all__ = ["read_samples", "read_weights"]


def read_samples(path: str | os.PathLike[str], network: Network) -> tuple[Array, Array]:
    r"""Return the samples in a file: the inputs (samples, inputs) and the targets (samples, outputs).

    For a loss by class index the targets are one column, with classes counted from 1. Both are float64.

    Args:
        path: a file that ends in .csv, .tsv, .txt, .npy or .npz.
        network: the figure that the numbers are for.

    Raises:
        DataError: where the file cannot be read, or its numbers do not fit; the error names the row and the column.

    Example:
        >>> import pathlib, tempfile
        >>> from chainrule import Network
        >>> file = pathlib.Path(tempfile.mkdtemp(), "xor.csv")
        >>> _ = file.write_text("x_0,x_1,true\n0,1,1\n1,1,0\n")
        >>> inputs, targets = read_samples(file, Network.read("2-3-1"))
        >>> inputs.shape, targets.tolist()
        ((2, 2), [[1.0], [0.0]])
    """
    source = os.fspath(path)
    columns = _columns(network)
    width = network.inputs
    if ending(source) == ".csv":
        table = _csv_samples(source, columns, network)
        inputs, targets = table[:, :width], table[:, width:]
    else:
        arrays = load(source)
        if isinstance(arrays, dict):
            if set(arrays) != {"x", "true"}:
                raise DataError("sample_arrays", place=Place(source), read=", ".join(sorted(arrays)) or "–")
            inputs, targets = (numeric(arrays[key], f"{source}: {key}") for key in ("x", "true"))
            targets = targets.reshape(-1, 1) if targets.ndim == 1 else targets
            inputs = inputs.reshape(-1, 1) if inputs.ndim == 1 and width == 1 else inputs
        else:
            table = numeric(arrays, source)
            if table.ndim != 2 or table.shape[1] != len(columns):
                raise _width_error(source, table.shape, columns, network)
            inputs, targets = table[:, :width], table[:, width:]
    _check_samples(source, inputs, targets, network)
    return inputs, targets


def _columns(network: Network) -> list[str]:
    """Return the plain spelling of the columns: inputs, then targets."""
    from chainrule.rules import LOSSES

    outputs = 1 if LOSSES[network.loss.name].class_index else len(network.output_units)
    trues = ["true"] if outputs == 1 else [f"true_{k}" for k in range(1, outputs + 1)]
    return [*(f"x_{j}" for j in range(network.inputs)), *trues]


def _csv_samples(source: str, columns: list[str], network: Network) -> Array:
    """Return the rows of a CSV file, their columns in the order of `columns`."""
    import numpy as np

    problems: list[ChainruleError] = []
    order = list(range(len(columns)))
    names = columns
    numbers: list[list[float]] = []
    first = True
    for line, row in rows(source):
        if first and _is_header(row):
            names, first = row, False
            order = _header(source, line, row, columns, network)
            continue
        first = False
        if len(row) != len(names):
            place, expected = Place(source, line), len(names)
            problems.append(DataError("row_width", place=place, read=len(row), expected=expected, columns=few(names)))
        else:
            values = [number(cell, source, line, name, problems) for cell, name in zip(row, names, strict=True)]
            numbers.append([values[position] for position in order])
        if len(problems) >= MAX_PROBLEMS:
            break
    raise_all(problems)
    if not numbers:
        raise DataError("empty_file", place=Place(source))
    return np.array(numbers, dtype=np.float64)


def _is_header(row: list[str]) -> bool:
    """Return whether no cell is a number: a row with some numbers in it is a row with bad cells."""
    return all(cell_number(cell) is None for cell in row)


def _header(source: str, line: int, row: list[str], columns: list[str], network: Network) -> list[int]:
    """Return for each column the position that the header gives it."""
    aliases = {name: name for name in columns}
    for j, name in enumerate(network.input_names):
        aliases.setdefault(name, f"x_{j}")
    trues = columns[network.inputs :]
    if len(trues) == 1:
        aliases.setdefault("true_1", "true")
    if len(trues) == len(network.output_units):
        for true, unit in zip(trues, network.output_units, strict=True):
            if name := network.unit_name(*unit):
                aliases.setdefault(name, true)
    problems: list[ChainruleError] = []
    found: dict[str, int] = {}
    for position, cell in enumerate(row):
        place = Place(source, line)
        name = aliases.get(cell, "")
        if not name:
            closest = near(cell, aliases) or columns[0]
            problems.append(
                DataError("unknown_column", place=place, read=short(cell), near=short(closest), known=few(columns))
            )
        elif name in found:
            problems.append(DataError("column_twice", place=place, read=short(cell)))
        found[name] = position
    if not problems and (absent := [name for name in columns if name not in found]):
        problems.append(DataError("missing_columns", place=Place(source, line), read=few(absent), known=few(columns)))
    raise_all(problems[:MAX_PROBLEMS])
    return [found[name] for name in columns]


def _width_error(source: str, shape: tuple[int, ...], columns: list[str], network: Network) -> DataError:
    targets = len(columns) - network.inputs
    read = "×".join(map(str, shape)) or "1"
    expected = f"N×{len(columns)}"
    inputs = network.inputs
    return DataError("sample_shape", place=Place(source), read=read, inputs=inputs, targets=targets, expected=expected)


def _check_samples(source: str, inputs: Array, targets: Array, network: Network) -> None:
    import numpy as np

    from chainrule.rules import LOSSES

    columns = _columns(network)
    for what, array, width in (("x", inputs, network.inputs), ("true", targets, len(columns) - network.inputs)):
        if array.ndim != 2 or array.shape[1] != width:
            shape = "×".join(map(str, array.shape)) or "1"
            raise DataError("array_shape", place=Place(source), what=what, read=shape, expected=f"N×{width}")
        if (bad := np.argwhere(~np.isfinite(array))).size:
            row, column = (int(at) for at in bad[0])
            name = columns[column if what == "x" else network.inputs + column]
            what, value = f"{name}[{row + 1}]", float(array[row, column])
            raise DataError("not_finite", place=Place(source), what=what, read=value)
    if len(inputs) != len(targets):
        raise DataError("sample_counts", place=Place(source), inputs=len(inputs), targets=len(targets))
    if not len(inputs):
        raise DataError("empty_file", place=Place(source))
    if LOSSES[network.loss.name].class_index:
        classes = len(network.output_units)
        wrong = (targets < 1) | (targets > classes) | (targets != np.floor(targets))
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            raise DataError(
                "class_outside", place=Place(source), sample=row + 1, read=float(targets[row, 0]), classes=classes
            )
