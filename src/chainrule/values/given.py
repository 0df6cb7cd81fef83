"""The numbers that go in: from arguments, else from the sheet, else drawn with a visible seed; and whether they fit.

Matrices are the page's: W_l has the shape (in, out), W_l[j, i] = w_ij^l, and rows are samples. Every number that does
not fit is an error that names both sizes, or the place; nothing is turned round, cut off or filled up in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ChainruleError, DataError, raise_all
from chainrule.figure.names import MAX_PROBLEMS, near, short
from chainrule.figure.spelling import parse_symbol, spell_bias, spell_matrix, spell_weight
from chainrule.network import Weight
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[np.float64]

BIAS_RANGE = 0.2
"""Drawn biases lie between −0.2 and 0.2: small, and not zero, so that the lines of an exercise are not trivial."""

SUM_TOLERANCE = 1e-6
"""How far from 1 the sum of a target distribution may be: the rounding of numbers that were stored as float32."""


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed, and what was drawn with it.

    Attributes:
        number: the seed.
        drawn: the arrays of which some number or all were drawn: W_1, b_1, X, true, …; empty where all were given.
    """

    number: int
    drawn: tuple[str, ...]


def gather(
    net: Network,
    *,
    weights: Mapping[str, Any] | None,
    biases: Mapping[str, Any] | None,
    inputs: Any,
    targets: Any,
    seed: int | None,
) -> tuple[dict[str, Array], Seed]:
    """Return every number of a network by name, and the seed with what was drawn.

    The names are `W_1` (in, out), `b_1` (units,), `X` (N, inputs) and `true` (N, outputs), or (N,) for classes.

    Args: as those of `chainrule.values.evaluate`.

    Raises:
        DataError: where numbers do not fit; `Problems` where several do not.
    """
    number = 0 if seed is None else seed
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
        raise DataError("bad_seed", read=short(repr(number)))
    given = {**_named(weights), **_named(biases)}
    parameters, drawn = gather_parameters(net, given, lambda name: _draw(net, name, int(number)))
    x, true, samples_drawn = _samples(net, inputs, targets, int(number))
    return {**parameters, "X": x, "true": true}, Seed(int(number), (*drawn, *samples_drawn))


def _named(numbers: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if numbers is None:
        return {}
    if not isinstance(numbers, Mapping):
        raise DataError("not_a_mapping", read=type(numbers).__name__)
    return numbers


# Weights and biases


def gather_parameters(
    net: Network, numbers: Mapping[str, Any], draw: Callable[[str], Array]
) -> tuple[dict[str, Array], list[str]]:
    """Return every matrix and vector by name, and the names of those of which something was drawn.

    Args:
        net: the figure; what its sheet gives counts where `numbers` gives nothing.
        numbers: numbers by name, as those of `chainrule.values.evaluate`.
        draw: a whole matrix or vector of drawn numbers, by its name.

    Raises:
        DataError: where numbers do not fit; `Problems` where several do not.
    """
    there = dict(_places(net))
    sheet = {name: np.full(mask.shape, np.nan) for name, mask in there.items()}
    for weight, value in net.given.weights:
        sheet[spell_matrix(weight.target, weight.source)][weight.origin - 1, weight.to - 1] = value
    for (level, unit), value in net.given.biases:
        sheet[f"b_{level}"][unit - 1] = value
    _share(net, sheet)
    found = {name: np.full(mask.shape, np.nan) for name, mask in there.items()}
    problems: list[ChainruleError] = []
    for name, given in numbers.items():
        _put(name, given, found, there, problems)
        if len(problems) >= MAX_PROBLEMS:
            break
    raise_all(problems)
    raise_all(_share(net, found)[:MAX_PROBLEMS])
    drawn = []
    fresh: dict[str, NDArray[np.bool_]] = {}
    for name, array in found.items():
        np.copyto(array, sheet[name], where=np.isnan(array))
        array[~there[name]] = 0.0
        fresh[name] = np.asarray(np.isnan(array), dtype=bool)
        if fresh[name].any():
            drawn.append(name)
            np.copyto(array, draw(name), where=fresh[name])
    for group in net.ties:
        _tie_drawn(group, found, fresh)
    return found, drawn


def _places(net: Network) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name of each matrix and vector, and where the figure has a weight or a bias in it; layer by layer."""
    for level, layer in enumerate(net.layers, start=1):
        for c in sorted((c for c in net.connections if c.target == level), key=lambda c: -c.source):
            mask = np.ones((net.size(c.source), net.size(level)), dtype=bool)
            if c.edges is not None:
                mask[:] = False
                if c.edges:
                    to, origin = np.array(c.edges).T
                    mask[origin - 1, to - 1] = True
            yield spell_matrix(level, c.source), mask
        if any(layer.bias):
            yield f"b_{level}", np.broadcast_to(np.array(layer.bias), (layer.size,)).copy()


def _put(
    name: str,
    given: Any,
    found: dict[str, Array],
    there: Mapping[str, NDArray[np.bool_]],
    problems: list[ChainruleError],
) -> None:
    """Put what an argument says under one name into the arrays."""
    if name not in found:
        entry = _entry(name, found, problems)
        if entry is None:
            return
        whole, place = entry
        number = numeric(given, name, problems)
        if number is None:
            return
        if number.ndim:
            problems.append(DataError("number_shape", what=name, read=spell_shape(number.shape), expected="1"))
        elif not there[whole][place]:
            problems.append(_absent(whole, place))
        elif not np.isnan(found[whole][place]):
            problems.append(DataError("given_twice", what=name))
        else:
            found[whole][place] = float(number)
        return
    array = numeric(given, name, problems)
    if array is None:
        return
    expected = found[name].shape
    if array.shape != expected:
        problems.append(_shape_error(name, array.shape, expected))
        return
    extra = np.argwhere(~there[name] & (array != 0))
    if extra.size:
        place = tuple(int(at) for at in extra[0])
        problems.append(DataError("number_without_edge", weight=spell_entry(name, place), read=float(array[place])))
    elif not np.isnan(found[name]).all():
        problems.append(DataError("given_twice", what=name))
    else:
        found[name][:] = array


def _entry(
    name: object, found: Mapping[str, Array], problems: list[ChainruleError]
) -> tuple[str, tuple[int, ...]] | None:
    """Return the array and the place in it that a symbol such as `w_11^2` names."""
    try:
        named = parse_symbol(str(name), error=DataError)
    except ChainruleError as error:
        problems.append(error)
        return None
    if named.kind == "w" and named.layer is not None and named.source is not None:
        whole, place = spell_matrix(named.layer, named.source), (named.subscripts[1] - 1, named.subscripts[0] - 1)
        if whole in found and all(0 <= at < size for at, size in zip(place, found[whole].shape, strict=True)):
            return whole, place
        problems.append(DataError("no_such_weight", weight=name))
        return None
    if named.kind == "b" and named.subscripts:
        whole = f"b_{named.layer}"
        if whole in found and 1 <= named.subscripts[0] <= len(found[whole]):
            return whole, (named.subscripts[0] - 1,)
        problems.append(DataError("no_such_bias", layer=named.layer, unit=named.subscripts[0]))
        return None
    known = list(found)
    few = ", ".join(known if len(known) <= 6 else [*known[:3], "…", known[-1]])
    closest = near(str(name), known) or known[0]
    problems.append(DataError("unknown_array", read=short(str(name)), known=few, near=closest))
    return None


def _absent(whole: str, place: tuple[int, ...]) -> DataError:
    if len(place) == 1:
        return DataError("no_such_bias", layer=int(whole[2:]), unit=place[0] + 1)
    return DataError("no_such_weight", weight=spell_entry(whole, place))


def spell_entry(name: str, place: tuple[int, ...]) -> str:
    """Return the plain spelling of an entry of `W_2`, `W_3,1` or `b_1`, at places counted from 0.

    Example:
        >>> spell_entry("W_2", (2, 0)), spell_entry("b_1", (0,))
        ('w_13^2', 'b_1^1')
    """
    levels = [int(part) for part in name.partition("_")[2].split(",")]
    if len(place) == 1:
        return spell_bias(levels[0], place[0] + 1)
    source = levels[1] if len(levels) == 2 else levels[0] - 1
    return spell_weight(Weight(levels[0], source, place[1] + 1, place[0] + 1))


def _share(net: Network, arrays: dict[str, Array]) -> list[ChainruleError]:
    """Give all weights of a tied group the number that one of them has; return where two have different ones."""
    problems: list[ChainruleError] = []
    for group in net.ties:
        entries = [(arrays[spell_matrix(w.target, w.source)], (w.origin - 1, w.to - 1), w) for w in group]
        numbers = [(float(array[at]), weight) for array, at, weight in entries if not np.isnan(array[at])]
        problems += [DataError("tied_numbers", weight=w, read=value) for value, w in numbers if value != numbers[0][0]]
        for array, at, _ in entries if numbers else ():
            array[at] = numbers[0][0]
    return problems


def _tie_drawn(group: tuple[Weight, ...], found: dict[str, Array], fresh: Mapping[str, NDArray[np.bool_]]) -> None:
    """Give a tied group of which no number was given the one that was drawn for its first weight."""
    first = group[0]
    name, at = spell_matrix(first.target, first.source), (first.origin - 1, first.to - 1)
    if fresh[name][at]:
        for weight in group[1:]:
            found[spell_matrix(weight.target, weight.source)][weight.origin - 1, weight.to - 1] = found[name][at]


def _draw(net: Network, name: str, seed: int) -> Array:
    """Return drawn numbers for a matrix or vector: weights by Glorot and Bengio 2010 (AISTATS, eq. 16), biases small.

    Each array has a stream of its own, so that giving one does not change the others.
    """
    levels = [int(part) for part in name.partition("_")[2].split(",")]
    out = net.size(levels[0])
    if name.startswith("b"):
        return np.random.default_rng([seed, 2, levels[0]]).uniform(-BIAS_RANGE, BIAS_RANGE, out)
    source = levels[1] if len(levels) == 2 else levels[0] - 1
    limit = math.sqrt(6 / (net.size(source) + out))
    return np.random.default_rng([seed, 1, levels[0], source]).uniform(-limit, limit, (net.size(source), out))


# Samples


def _samples(net: Network, inputs: Any, targets: Any, seed: int) -> tuple[Array, Array, list[str]]:
    problems: list[ChainruleError] = []
    row = LOSSES[net.loss.name]
    outputs = len(net.output_units)
    width = 1 if row.class_index else outputs
    x = _rows(inputs, net.given.inputs, "X", net.inputs, problems)
    true = _rows(targets, net.given.targets, "true", width, problems)
    raise_all(problems)
    if x is not None and true is not None and len(x) != len(true):
        raise DataError("sample_counts", inputs=len(x), targets=len(true))
    drawn = []
    count = len(x) if x is not None else len(true) if true is not None else 1
    if x is None:
        drawn.append("X")
        x = np.random.default_rng([seed, 3]).uniform(-1, 1, (count, net.inputs))
    if true is None:
        drawn.append("true")
        true = _draw_targets(row.targets, (count, width), outputs if row.class_index else None, seed)
    else:
        raise_all(list(_target_problems(true, row.targets, outputs if row.class_index else None)))
    return x, true[:, 0] if row.class_index else true, drawn


def _rows(
    argument: Any, sheet: tuple[tuple[float, ...], ...], what: str, width: int, problems: list[ChainruleError]
) -> Array | None:
    """Return samples as rows of `width` numbers, or None where none are given."""
    if argument is None:
        return np.array(sheet, dtype=np.float64).reshape(len(sheet), width) if sheet else None
    array = numeric(argument, what, problems)
    if array is None:
        return None
    if array.ndim < 2 and width == 1:
        array = array.reshape(-1, 1)
    elif array.ndim == 1 and len(array) == width:
        array = array.reshape(1, -1)
    if array.ndim != 2 or array.shape[1] != width or not len(array):
        expected = f"N×{width}" if len(array.shape) != 1 else f"{width}"
        problems.append(DataError("number_shape", what=what, read=spell_shape(array.shape), expected=expected))
        return None
    return array


def _draw_targets(kind: str, size: tuple[int, int], classes: int | None, seed: int) -> Array:
    random = np.random.default_rng([seed, 4])
    if classes is not None:
        return random.integers(1, classes + 1, size).astype(np.float64)
    if kind == "probability":
        return random.integers(0, 2, size).astype(np.float64)
    if kind == "sign":
        return 2.0 * random.integers(0, 2, size).astype(np.float64) - 1.0
    if kind in ("distribution", "shares"):
        parts: Array = random.exponential(size=size)
        return np.asarray(parts / parts.sum(axis=1, keepdims=True))
    return random.uniform(-1, 1, size)


def _target_problems(true: Array, kind: str, classes: int | None) -> Iterator[ChainruleError]:
    """Yield the first target that the loss has no meaning for."""
    if classes is not None:
        wrong = (true < 1) | (true > classes) | (true != np.floor(true))
    elif kind == "sign":
        wrong = np.abs(true) != 1
    elif kind == "probability":
        wrong = (true < 0) | (true > 1)
    elif kind == "distribution":
        wrong = true < 0
        sums = true.sum(axis=1)
        if not wrong.any() and (off := np.argwhere(np.abs(sums - 1) > SUM_TOLERANCE)).size:
            sample = int(off[0][0])
            yield DataError("target_sum", sample=sample + 1, read=float(sums[sample]))
            return
    else:
        return
    if (bad := np.argwhere(wrong)).size:
        sample, column = (int(at) for at in bad[0])
        read = float(true[sample, column])
        if classes is not None:
            yield DataError("class_outside", sample=sample + 1, read=read, classes=classes)
        else:
            yield DataError({"sign": "target_sign"}.get(kind, "target_probability"), sample=sample + 1, read=read)


# Arrays


def numeric(value: Any, what: str, problems: list[ChainruleError]) -> Array | None:
    """Return what was given as a float64 array of its own; what is no finite real number is added to the problems."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # rows of different lengths
        problems.append(DataError("ragged_numbers", what=what))
        return None
    if array.dtype.kind not in "biuf":
        problems.append(DataError("no_numbers", what=what, read=short(array.dtype.name)))
        return None
    array = np.array(array, dtype=np.float64)
    if not np.isfinite(array).all():
        place = tuple(int(at) for at in np.argwhere(~np.isfinite(array))[0])
        problems.append(DataError("not_finite", what=_spell_place(what, place), read=float(array[place])))
        return None
    return array


def _spell_place(what: str, place: tuple[int, ...]) -> str:
    """Return the name of an entry of what was given: a symbol where it is one, else row and column."""
    if what[:2] in ("W_", "b_") and len(place) == (2 if what[0] == "W" else 1):
        return spell_entry(what, place)
    return what + "".join(f"[{at + 1}]" for at in place)


def spell_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as it is read: `3×2`; `1` for one number.

    Example:
        >>> spell_shape((3, 2)), spell_shape((3,)), spell_shape(())
        ('3×2', '3', '1')
    """
    return "×".join(map(str, shape)) or "1"


def _shape_error(name: str, read: tuple[int, ...], expected: tuple[int, ...]) -> DataError:
    if len(expected) == 2 and read == expected[::-1]:
        return DataError(
            "transposed_matrix", what=name, rows=read[0], columns=read[1],
            expected_rows=expected[0], expected_columns=expected[1],
        )  # fmt: skip
    return DataError("number_shape", what=name, read=spell_shape(read), expected=spell_shape(expected))
