"""Reading samples: which columns are what, every value checked, and all of them kept as rows of float64.

Whatever is wrong is found before training starts, and named by row and column: up to a limit, all of it at once. Rows
are kept in memory up to a budget, and in a temporary file beyond it (`Store`), from which they are mapped.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ChainruleError, DataError, Place, raise_all
from chainrule.figure.files import cell_number, few
from chainrule.figure.names import MAX_PROBLEMS, short
from chainrule.rules import LOSSES
from chainrule.train.sources import ArraySource, Source, open_source, positions
from chainrule.train.targets import Label, Labels, Targets, given_classes, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chainrule.network import Network

Array = NDArray[np.float64]

MEMORY = 1 << 30
"""How many bytes of samples are kept in memory; more go to a temporary file."""

SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that fit a network, as they were given: nothing is scaled.

    Attributes:
        x: the inputs (N, inputs), in memory or mapped from a file.
        y: the targets (N, columns): numbers, or places of labels.
        targets: what the targets are.
        input_names, target_names: what the data call the columns.
        digest: a short fingerprint of all values.
    """

    x: Array
    y: Array
    targets: Targets
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.x)


def read_samples(
    net: Network,
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    classes: Sequence[Label] | None = None,
    memory: int = MEMORY,
    name: str = "data",
) -> Samples:
    """Return the samples in data, checked against a network.

    Args:
        net: the network.
        data: what `chainrule.train.sources.open_source` takes: a path, an array, (X, y), a data frame.
        target: the name of the target column, or the names of several; left out, the last columns.
        inputs: the names of the inputs, in the network's order; left out, all columns that are no targets.
        classes: the labels that there may be; left out, they are found.
        memory: how many bytes are kept in memory before a temporary file is used.
        name: what messages call data that have no path.

    Raises:
        DataError: for values that are missing, no numbers, not finite or unknown classes, each by row and column; for
            columns that are not there or too many. Several at once as `Problems`.
    """
    row = LOSSES[net.loss.name]
    usual = 1 if row.class_index else len(net.output_units)
    if target is None and not row.class_index and row.targets in ("distribution", "shares"):
        usual = _usual_columns(data, net)
    source = open_source(data, inputs=net.inputs, outputs=usual, name=name)
    x_at, y_at = _roles(net, source, target, inputs, usual)
    targets = targets_of(net, len(y_at))
    reader = _Reader(source, x_at, y_at, targets, given_classes(classes, targets))
    return reader.read(memory)


def read_inputs(data: Any, names: Sequence[str], *, name: str = "data") -> Array:
    """Return inputs (N, inputs) from data that may have other columns too, which are found by name.

    Raises:
        DataError: as for `read_samples`.
    """
    source = open_source((data, None) if not isinstance(data, str) and not hasattr(data, "__fspath__") else data,
                         inputs=len(names), outputs=1, name=name)  # fmt: skip
    by_name = source.is_table or set(names) <= set(source.columns)
    if by_name:
        at = positions(source, names)
    else:
        at = list(range(len(source.columns)))
        if len(at) == len(names) + 1 and isinstance(source, ArraySource) is False:
            at.pop()
        if len(at) != len(names):
            raise DataError(
                "input_columns",
                place=Place(source.name),
                read=len(at),
                inputs=len(names),
                columns=few(list(source.columns)),
            )
    none = Targets("number", 0, 0)
    return _Reader(source, at, [], none, ()).read(MEMORY).x


def _usual_columns(data: Any, net: Network) -> int:
    """Return 1 for a column of labels, or the number of outputs for a share of each, from what data look like."""
    outputs = len(net.output_units)
    if isinstance(data, tuple) and len(data) == 2:
        shape = np.shape(data[1])
        return 1 if len(shape) < 2 or shape[1] == 1 else outputs
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.shape[1] == net.inputs + outputs:
        return outputs
    return 1


def _roles(
    net: Network, source: Source, target: str | Sequence[str] | None, inputs: Sequence[str] | None, usual: int
) -> tuple[list[int], list[int]]:
    """Return where the inputs and the targets stand."""
    count = len(source.columns)
    if target is not None:
        y_at = positions(source, [target] if isinstance(target, str) else list(target))
    elif isinstance(source, ArraySource) and source.targets:
        y_at = list(range(count - source.targets, count))
    elif source.is_table and (
        named := [k for k, n in enumerate(source.columns) if n == "true" or n.startswith("true_")]
    ):
        y_at = named
    elif source.is_table and count != net.inputs + usual:
        raise DataError("which_target", place=Place(source.name), columns=few(list(source.columns)))
    else:
        y_at = list(range(max(0, count - usual), count))
    x_at = positions(source, list(inputs)) if inputs is not None else [j for j in range(count) if j not in y_at]
    if len(x_at) != net.inputs:
        names = few([source.columns[j] for j in x_at])
        raise DataError("input_columns", place=Place(source.name), read=len(x_at), inputs=net.inputs, columns=names)
    return x_at, y_at


class _Reader:
    """Goes through a source once."""

    def __init__(
        self, source: Source, x_at: list[int], y_at: list[int], targets: Targets, classes: tuple[Label, ...]
    ) -> None:
        self.source, self.x_at, self.y_at, self.targets = source, x_at, y_at, targets
        self.names = [source.columns[at] for at in (*x_at, *y_at)]
        self.problems: list[ChainruleError] = []
        most = 2 if targets.kind in ("probability", "sign") else targets.outputs
        self.labels: Labels | None = None
        if targets.kind in ("index", "onehot") or (classes and targets.columns == 1):
            self.labels = Labels(known=classes, textual=source.textual, most=most)
        self.whole = True

    def read(self, memory: int) -> Samples:
        store = Store(len(self.x_at), len(self.y_at), memory)
        for number, chunk in enumerate(self.source.chunks([*self.x_at, *self.y_at])):
            found: list[ChainruleError] = []
            for line, cells in chunk.short[:MAX_PROBLEMS]:
                expected = len(self.source.columns)
                found.append(
                    DataError(
                        "row_width", place=Place(self.source.name, line), read=cells, expected=expected,
                        columns=few(list(self.source.columns)),
                    )
                )  # fmt: skip
            width = len(self.x_at)
            x = [self._numbers(chunk.columns[j], chunk.lines, self.names[j], found) for j in range(width)]
            if number == 0:
                self._decide(chunk.columns[width:])
            y = [
                self._target(chunk.columns[width + k], chunk.lines, self.names[width + k], found)
                for k in range(len(self.y_at))
            ]
            if self.targets.kind == "shares" and self.targets.logits and not found:
                self._check_sums(y, chunk.lines, found)
            found.sort(key=lambda problem: (problem.place.line or 0) if problem.place else 0)
            self.problems += found
            if len(self.problems) >= MAX_PROBLEMS:
                break
            if not self.problems:
                store.add(x, y, len(chunk.lines))
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems = self.problems[:MAX_PROBLEMS]
            self.problems.append(DataError("more_problems", place=Place(self.source.name), count=MAX_PROBLEMS))
        raise_all(self.problems)
        if not store.rows:
            raise DataError("empty_file", place=Place(self.source.name))
        return self._settled(store)

    def _settled(self, store: Store) -> Samples:
        targets, table = self.targets, None
        if self.labels is not None:
            classes, table = self.labels.settle()
            targets = replace(targets, classes=classes)
        elif targets.kind == "probability" and targets.columns == 1 and self.whole:
            targets = replace(targets, classes=(0, 1))
        x, y = store.arrays(table)
        width = len(self.x_at)
        facts = repr((targets.kind, targets.classes)).encode()
        return Samples(x, y, targets, tuple(self.names[:width]), tuple(self.names[width:]), store.digest(facts))

    def _decide(self, columns: Sequence[NDArray[Any]]) -> None:
        """Decide from the first rows whether probabilities and signs are numbers or two labels."""
        if self.labels is not None or len(columns) != 1 or self.targets.kind not in ("probability", "sign"):
            return
        quiet: list[ChainruleError] = []
        numbers = self._numbers(columns[0], range(len(columns[0])), "", quiet)
        fits = not quiet and bool(
            np.isin(numbers, (-1.0, 1.0)).all()
            if self.targets.kind == "sign"
            else ((numbers >= 0) & (numbers <= 1)).all()
        )
        if self.targets.kind == "sign":
            known: tuple[Label, ...] = (-1, 1) if fits else ()
            self.labels = Labels(known=known, textual=self.source.textual, most=2)
        elif not fits and len({str(value) for value in columns[0]}) <= 2:
            self.labels = Labels(textual=self.source.textual, most=2)

    def _target(self, values: NDArray[Any], lines: Sequence[int], column: str, found: list[ChainruleError]) -> Array:
        if self.labels is not None:
            codes, problems = self.labels.read(values.tolist(), lines, self.source.name, column)
            found += problems[:MAX_PROBLEMS]
            return codes
        numbers = self._numbers(values, lines, column, found)
        if self.targets.kind in ("probability", "shares"):
            outside = np.flatnonzero((numbers < 0) | (numbers > 1))
            for at in outside[:MAX_PROBLEMS]:
                found.append(
                    DataError(
                        "target_outside", place=Place(self.source.name, lines[at]), row=lines[at], column=short(column),
                        read=float(numbers[at]),
                    )
                )  # fmt: skip
            self.whole = self.whole and bool(np.isin(numbers, (0.0, 1.0)).all())
        return numbers

    def _check_sums(self, y: list[Array], lines: Sequence[int], found: list[ChainruleError]) -> None:
        sums = np.sum(y, axis=0)
        found.extend(
            DataError("target_sum", place=Place(self.source.name, lines[at]), sample=lines[at], read=float(sums[at]))
            for at in np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)[:MAX_PROBLEMS]
        )

    def _numbers(self, values: NDArray[Any], lines: Sequence[int], column: str, found: list[ChainruleError]) -> Array:
        """Return a column's numbers; what is none, or not finite, is added to what is wrong, by its row."""
        if values.dtype.kind in "biuf":
            numbers = values.astype(np.float64)
        elif values.dtype.kind in "OUS":
            numbers = self._parsed(values, lines, column, found)
        else:
            place = Place(self.source.name, lines[0])
            found.append(
                DataError("cell_type", place=place, row=lines[0], column=short(column), read=str(values.dtype))
            )
            return np.zeros(len(lines))
        if not np.isfinite(numbers).all():
            for at in np.flatnonzero(~np.isfinite(numbers))[:MAX_PROBLEMS]:
                place = Place(self.source.name, lines[at])
                found.append(
                    DataError(
                        "cell_not_finite", place=place, row=lines[at], column=short(column), read=float(numbers[at])
                    )
                )
        return numbers

    def _parsed(self, values: NDArray[Any], lines: Sequence[int], column: str, found: list[ChainruleError]) -> Array:
        read: Callable[[Any], float | None] = _text_number if self.source.textual else _object_number
        cells = values.tolist()
        if self.source.textual:
            try:
                numbers = np.array([float(cell) for cell in cells], dtype=np.float64)
            except ValueError:
                pass
            else:
                if not any("_" in cell for cell in cells):  # which Python's numbers may have, and ours not
                    return numbers
        numbers = np.zeros(len(cells))
        wrong = 0
        for at, cell in enumerate(cells):
            value = read(cell)
            if value is None:
                wrong += 1
                if wrong <= MAX_PROBLEMS:
                    shown = short(cell) if isinstance(cell, str) else short(repr(cell))
                    key = "empty_cell" if cell is None or shown.strip() == "" else "bad_cell"
                    place = Place(self.source.name, lines[at])
                    found.append(DataError(key, place=place, read=shown, row=lines[at], column=short(column)))
            else:
                numbers[at] = value
        return numbers


def _text_number(cell: Any) -> float | None:
    return cell_number(str(cell).strip())


def _object_number(cell: Any) -> float | None:
    """Return the number that an object of a data frame is; text is none, and nothing is."""
    if cell is None or isinstance(cell, str | bytes):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


class Store:
    """Rows that come a chunk at a time: in memory up to a budget, beyond it in a temporary file that nobody sees."""

    def __init__(self, inputs: int, columns: int, memory: int) -> None:
        self.inputs, self.columns = inputs, columns
        self.width = inputs + columns
        self.memory = memory
        self.rows = 0
        self._parts: list[Array] = []
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()

    def add(self, x: Iterable[Array], y: Iterable[Array], count: int) -> None:
        """Add the columns of some rows."""
        table = np.empty((count, self.width))
        for position, column in enumerate((*x, *y)):
            table[:, position] = column
        self._hash.update(table.tobytes())
        self.rows += count
        if self._file is None and self.rows * self.width * 8 > self.memory:
            self._file = tempfile.TemporaryFile(prefix="chainrule-")  # noqa: SIM115 - `arrays` closes it
            for part in self._parts:
                self._file.write(part.tobytes())
            self._parts.clear()
        if self._file is None:
            self._parts.append(table)
        else:
            self._file.write(table.tobytes())

    def arrays(self, table: Array | None) -> tuple[Array, Array]:
        """Return the inputs and the targets; codes in the targets go through a table, where there is one."""
        if self._file is None:
            whole = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
            x, y = np.ascontiguousarray(whole[:, : self.inputs]), np.ascontiguousarray(whole[:, self.inputs :])
            return x, y if table is None else table[y.astype(np.intp)]
        self._file.flush()
        mapped = np.memmap(self._file, dtype=np.float64, mode="r+", shape=(self.rows, self.width))
        self._file.close()  # what is mapped stays, until nobody needs it
        x, y = mapped[:, : self.inputs], mapped[:, self.inputs :]
        if table is not None:
            step = max(1, (1 << 20) // self.width)
            for start in range(0, self.rows, step):
                y[start : start + step] = table[y[start : start + step].astype(np.intp)]
        return x, y

    def digest(self, facts: bytes) -> str:
        """Return a fingerprint of all rows and some facts about them."""
        self._hash.update(facts)
        return self._hash.hexdigest()[:32]
