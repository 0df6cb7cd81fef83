"""Files of numbers, opened: CSV as rows of cells, NPY and NPZ as arrays. What they mean stands in `data` and `weights`.

Pickled data is never opened, and a file that isn't what its ending says gives an error that names the file.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, DataError, Place
from chainrule.figure.names import read_number, short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]


def ending(source: str) -> str:
    """Return what kind of file a name promises: ".csv" (also for .tsv and .txt), ".npy" or ".npz"."""
    found = Path(source).suffix.lower()
    if found in (".csv", ".tsv", ".txt"):
        return ".csv"
    if found not in (".npy", ".npz"):
        raise DataError("unknown_ending", place=Place(source), read=found or "–")
    return found


def rows(source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the non-empty rows of a CSV file with their line numbers; separated by commas, semicolons or tabs."""
    text = _text(source)
    head = text[: text.find("\n")] if "\n" in text else text
    separator = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    count = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                count += 1
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise DataError("malformed_csv", place=Place(source, reader.line_num), reason=str(error)) from None
    if not count:
        raise DataError("empty_file", place=Place(source))


def _text(source: str) -> str:
    try:
        data = Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise DataError("unreadable_file", read=source, reason=getattr(error, "strerror", None) or str(error)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, f"0x{data[error.start]:02x}"
        raise DataError("not_text", place=Place(source, line), read=byte, offset=error.start) from None
    if (zero := text.find("\0")) >= 0:
        place = Place(source, text.count("\n", 0, zero) + 1)
        raise DataError("not_text", place=place, read="0x00", offset=zero)
    return text


def cell_number(text: str) -> float | None:
    """Return a cell's number, also nan or inf (which are refused later, by name); None where it holds none."""
    found = read_number(text)
    if found is None and text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(text)
    return found


def number(cell: str, source: str, line: int, column: str, problems: list[ChainruleError]) -> float:
    """Return a cell's number; what is none, or not finite, is added to the problems."""
    found = cell_number(cell)
    place = Place(source, line)
    if found is None:
        problems.append(DataError("bad_cell", place=place, read=short(cell), row=line, column=short(column)))
    elif not math.isfinite(found):
        problems.append(DataError("not_finite", place=place, what=short(column), read=found))
    else:
        return found
    return 0.0


def few(names: list[str]) -> str:
    """Return names as a sentence lists them, leaving out the middle of many."""
    return ", ".join(names if len(names) <= 6 else [*names[:3], "…", names[-1]])


def load(source: str) -> Any:
    """Return the array of an NPY file, or the arrays of an NPZ file by name."""
    import numpy as np

    try:
        with Path(source).open("rb") as file:  # np.load leaves a file open that it opened and cannot read
            if not file.read(1):
                raise DataError("empty_file", place=Place(source))
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: loaded[name] for name in loaded.files}
            return loaded
    except ChainruleError:
        raise
    except OSError as error:
        if error.strerror:
            raise DataError("unreadable_file", read=source, reason=error.strerror) from None
        raise DataError("malformed_array", place=Place(source)) from None
    except Exception:
        # A damaged file's header is parsed as Python, decompressed, trusted for sizes: nearly any error can come out.
        raise DataError("malformed_array", place=Place(source)) from None


def numeric(array: Any, source: str) -> Array:
    """Return an array of real numbers as float64."""
    import numpy as np

    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise DataError("not_numeric", place=Place(source), read=str(getattr(array, "dtype", "?")))
    return array.astype(np.float64, copy=False)
