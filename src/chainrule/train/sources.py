"""Where samples come from: CSV, Parquet, NPY, NPZ, arrays, data frames, Arrow; each as named columns, chunk by chunk.

A source reads only what it is asked for, and holds one chunk at a time, so that a file may be larger than the memory.
What the columns mean, and whether their values will do, stands in `chainrule.train.samples`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.errors import DataError, OutputError, Place
from chainrule.figure.files import cell_number, few, load

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 15
"""How many rows are held at once while a file is read."""

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".npy", ".npz")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows.

    Attributes:
        columns: for each column asked for, its values: an array of numbers, or of strings or other objects.
        lines: the line (in a text file) or row of each, counted from 1.
        short: rows that have another number of cells, as (line, cells); they are not among the columns.
    """

    columns: tuple[NDArray[Any], ...]
    lines: Sequence[int]
    short: tuple[tuple[int, int], ...] = ()


class Source(Protocol):
    """Named columns, which can be gone through as often as wanted."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        ...

    @property
    def textual(self) -> bool:
        """Whether the values are text that may be numbers."""
        ...

    @property
    def is_table(self) -> bool:
        """Whether the names come from the data, so that a target must be named."""
        ...

    def chunks(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        """Yield the rows, with the columns at these positions."""
        ...


def open_source(data: Any, *, inputs: int, outputs: int, name: str = "data") -> Source:
    """Return the source that a path, an array, a pair of arrays or a data frame is.

    Args:
        data: a path (its ending says what it is); an array (N, columns); a pair (X, y); a data frame or an Arrow
            table.
        inputs: how many inputs the network has; how many columns of an array are inputs.
        outputs: how many columns the targets have.
        name: what messages call data that have no path.

    Raises:
        DataError: where it cannot be read.
        OutputError: where reading it needs an extra that is not installed.
    """
    if isinstance(data, str | os.PathLike):
        return _open_file(os.fspath(data), inputs, outputs)
    if isinstance(data, tuple) and len(data) == 2:
        return _open_pair(data[0], data[1], name)
    if is_frame(data):
        return FrameSource(data, name)
    return _array_source(_as_array(data, name), name, inputs, outputs)


def _open_file(path: str, inputs: int, outputs: int) -> Source:
    suffix = Path(path).suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return TextSource(path)
    if suffix in (".parquet", ".pq"):
        return ParquetSource(path)
    if suffix == ".npy":
        return _array_source(_mapped(path), path, inputs, outputs)
    if suffix == ".npz":
        arrays = load(path)
        names = next(
            (pair for pair in (("x", "true"), ("X", "y"), ("x", "y"), ("X", "true")) if set(pair) <= set(arrays)), None
        )
        if names is None:
            raise DataError("sample_arrays", place=Place(path), read=", ".join(sorted(arrays)) or "–")
        return _open_pair(arrays[names[0]], arrays[names[1]], path)
    raise DataError("unknown_data_ending", place=Place(path), read=suffix or "–", known=", ".join(SUFFIXES))


def _mapped(path: str) -> NDArray[Any]:
    """Return an NPY file's array without reading it into memory."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise DataError("unreadable_file", read=path, reason=error.strerror or str(error)) from None
    except Exception:
        raise DataError("malformed_array", place=Place(path)) from None
    if not isinstance(array, np.ndarray):
        raise DataError("malformed_array", place=Place(path))
    return array


def _as_array(data: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):  # rows of different lengths
        raise DataError("ragged_numbers", what=name) from None
    return array


def _array_source(array: NDArray[Any], name: str, inputs: int, outputs: int) -> Source:
    if array.ndim != 2:
        raise DataError(
            "array_shape", place=Place(name), what=name, read=_shape(array), expected=f"N×{inputs + outputs}"
        )
    names = tuple(f"x_{j}" for j in range(inputs))
    names += ("true",) if outputs == 1 else tuple(f"true_{k}" for k in range(1, outputs + 1))
    if array.shape[1] != len(names):
        names = tuple(f"x_{j}" for j in range(array.shape[1]))
    return ArraySource(name, names, tuple(array[:, j] for j in range(array.shape[1])))


def _open_pair(inputs: Any, targets: Any, name: str) -> Source:
    """Return the source of inputs and targets that are given apart; targets may be left out (None)."""
    if is_frame(inputs):
        frame = FrameSource(inputs, name)
        columns = tuple(frame.column(j) for j in range(len(frame.columns)))
        names = frame.columns
    else:
        x = _as_array(inputs, "X")
        if x.ndim == 1:
            x = x.reshape(-1, 1)
        if x.ndim != 2:
            raise DataError("array_shape", place=Place(name), what="X", read=_shape(x), expected="N×n")
        columns, names = tuple(x[:, j] for j in range(x.shape[1])), tuple(f"x_{j}" for j in range(x.shape[1]))
    if targets is None:
        return ArraySource(name, names, columns)
    y = _targets(targets)
    if y.ndim == 1:
        y = y.reshape(-1, 1)
    if y.ndim != 2:
        raise DataError("array_shape", place=Place(name), what="y", read=_shape(y), expected="N×m")
    rows = len(columns[0]) if columns else 0
    if len(y) != rows:
        raise DataError("sample_counts", place=Place(name), inputs=rows, targets=len(y))
    trues = ("true",) if y.shape[1] == 1 else tuple(f"true_{k}" for k in range(1, y.shape[1] + 1))
    return ArraySource(name, (*names, *trues), (*columns, *(y[:, k] for k in range(y.shape[1]))), targets=y.shape[1])


def _targets(targets: Any) -> NDArray[Any]:
    if is_frame(targets):
        frame = FrameSource(targets, "y")
        return np.column_stack([frame.column(j) for j in range(len(frame.columns))])
    if hasattr(targets, "to_numpy"):  # a column of a data frame
        return np.asarray(targets.to_numpy())
    return _as_array(targets, "y")


def _shape(array: NDArray[Any]) -> str:
    return "×".join(map(str, array.shape)) or "1"


@dataclass(frozen=True)
class ArraySource:
    """Columns in memory (or mapped into it). `targets` is how many of the last ones are known to be targets."""

    name: str
    columns: tuple[str, ...]
    values: tuple[NDArray[Any], ...]
    targets: int = 0
    textual: bool = False
    is_table: bool = False

    def chunks(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        rows = len(self.values[0]) if self.values else 0
        for start in range(0, rows, CHUNK):
            stop = min(rows, start + CHUNK)
            columns = tuple(np.asarray(self.values[position][start:stop]) for position in wanted)
            yield Chunk(columns, range(start + 1, stop + 1))


class TextSource:
    """A CSV file, read a chunk of lines at a time; its first row names the columns, or else they are x_0, x_1, …."""

    textual = True

    def __init__(self, path: str) -> None:
        self.name = path
        self._mark = ","
        first = next(self._rows(), None)
        if first is None:
            raise DataError("empty_file", place=Place(path))
        cells = first[1]
        # A header is a row without any number: a row with some numbers is a row with bad cells.
        self.is_table = all(cell_number(cell.strip()) is None for cell in cells)
        self.columns = (
            tuple(cell.strip() for cell in cells) if self.is_table else tuple(f"x_{j}" for j in range(len(cells)))
        )
        seen: set[str] = set()
        for column in self.columns:
            if column in seen:
                raise DataError("column_twice", place=Place(path, first[0]), read=column)
            seen.add(column)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        try:
            with open(self.name, encoding="utf-8-sig", newline="") as file:
                head = file.readline()
                self._mark = next((mark for mark in ",;\t" if mark in head), ",")
                file.seek(0)
                reader = csv.reader(file, delimiter=self._mark, skipinitialspace=True, strict=True)
                for row in reader:
                    if row and (len(row) > 1 or row[0].strip()):
                        yield reader.line_num, row
        except csv.Error as error:
            raise DataError("malformed_csv", place=Place(self.name), reason=str(error)) from None
        except UnicodeDecodeError as error:
            byte = f"0x{error.object[error.start]:02x}"
            raise DataError("not_text", place=Place(self.name), read=byte, offset=error.start) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError("unreadable_file", read=self.name, reason=reason) from None

    def chunks(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        rows = self._rows()
        if self.is_table:
            next(rows, None)
        width = len(self.columns)
        while block := list(islice(rows, CHUNK)):
            short = tuple((line, len(row)) for line, row in block if len(row) != width)
            if short:
                block = [pair for pair in block if len(pair[1]) == width]
            every = list(zip(*(row for _, row in block), strict=True)) or [()] * width
            columns = tuple(np.array(every[position], dtype=object) for position in wanted)
            yield Chunk(columns, [line for line, _ in block], short)


class ParquetSource:
    """A Parquet file, read a batch at a time."""

    textual = False
    is_table = True

    def __init__(self, path: str) -> None:
        parquet = need("pyarrow.parquet", "train")
        self.name = path
        try:
            with parquet.ParquetFile(path) as file:
                self.columns = tuple(file.schema_arrow.names)
        except Exception as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise DataError("unreadable_file", read=path, reason=reason) from None

    def chunks(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        parquet = need("pyarrow.parquet", "train")
        names = [self.columns[position] for position in wanted]
        row = 0
        with parquet.ParquetFile(self.name) as file:
            for batch in file.iter_batches(batch_size=CHUNK, columns=list(dict.fromkeys(names))):
                columns = tuple(np.asarray(batch.column(name).to_numpy(zero_copy_only=False)) for name in names)
                yield Chunk(columns, range(row + 1, row + batch.num_rows + 1))
                row += batch.num_rows


def is_frame(data: Any) -> bool:
    """Return whether data has named columns: a data frame, an Arrow table or stream."""
    if isinstance(data, np.ndarray):
        return False
    # Asked of the type: some compute the names of their columns only when these are asked for.
    if hasattr(type(data), "columns"):
        return True
    return hasattr(data, "__arrow_c_stream__") and not hasattr(data, "to_numpy")  # which a single column has


class FrameSource:
    """A data frame of any library that narwhals knows, or whatever speaks Arrow."""

    textual = False
    is_table = True

    def __init__(self, data: Any, name: str) -> None:
        narwhals = need("narwhals", "train")
        self.name = name
        try:
            frame = narwhals.from_native(data)
        except TypeError:
            # Not one that narwhals knows, but it can hand over its columns as Arrow.
            pyarrow = need("pyarrow", "train")
            frame = narwhals.from_native(pyarrow.RecordBatchReader.from_stream(data).read_all())
        self._frame = frame.collect() if hasattr(frame, "collect") else frame
        self.columns = tuple(str(column) for column in self._frame.columns)

    def column(self, position: int) -> NDArray[Any]:
        """Return the values of a column."""
        return np.asarray(self._frame[:, position].to_numpy())

    def chunks(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        values = tuple(self.column(position) for position in wanted)
        yield from ArraySource(self.name, (), values).chunks(range(len(values))) if values else ()


def need(module: str, extra: str) -> Any:
    """Return a module of an extra.

    Raises:
        OutputError: where it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise OutputError("missing_extra", package=module.partition(".")[0], extra=extra) from None


def positions(source: Source, names: Sequence[str]) -> list[int]:
    """Return where columns stand; a name may also be a position, counted from 0, where no column has that name.

    Raises:
        DataError: for a column that there is none of.
    """
    from chainrule.figure.names import near

    found = []
    for name in names:
        if name in source.columns:
            found.append(source.columns.index(name))
        elif name.isascii() and name.isdigit() and int(name) < len(source.columns):
            found.append(int(name))
        else:
            closest = near(name, list(source.columns)) or source.columns[-1]
            known = few(list(source.columns))
            raise DataError("no_such_column", place=Place(source.name), read=name, near=closest, known=known)
    return found
