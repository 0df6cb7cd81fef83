"""Layouts: which way arrays lie that a function takes and returns. The page has samples as rows and W (in, out)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.judge.code.names import Quantities
from chainrule.judge.code.signature import Argument, Signature
from chainrule.network import Network
from chainrule.rules import LOSSES

Array = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """One way in which arrays may lie.

    Attributes:
        samples: `rows`, `columns`, or `vector`, one sample at a time as a vector.
        weights: `in_out` or `out_in`.
        biases: `flat` (units,), `row` (1, units) or `column` (units, 1).
        targets: `table` as samples lie; `flat` (N,); for classes also `from_zero` (N,) and `one_hot`.
    """

    samples: str = "rows"
    weights: str = "in_out"
    biases: str = "flat"
    targets: str = "table"

    def given(self, name: str, array: Array) -> Array:
        """Return an array of the page's layout as a function in this layout takes it."""
        if name.startswith("W"):
            return np.asarray(array.T if self.weights == "out_in" else array)
        if name.startswith("b"):
            return array.reshape(self.bias_shape(len(array)))
        if self.samples == "vector":
            return np.asarray(array[0])
        return np.asarray(array.T) if self.samples == "columns" and array.ndim == 2 else array

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return the shape of a bias."""
        return {"flat": (units,), "row": (1, units), "column": (units, 1)}[self.biases]

    def targets_of(self, true: Array, outputs: int) -> Array:
        """Return targets as this layout has them; classes count from 1 in `true`."""
        if self.targets == "from_zero":
            true = (true - 1).astype(np.int64)
        elif self.targets == "one_hot":
            true = np.eye(outputs)[true.astype(np.int64) - 1]
        elif self.targets == "flat":
            true = true.reshape(-1)
        elif true.ndim == 1:
            true = true.astype(np.int64)
        return self.given("true", true)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a parameter, of whose page's shape it is given."""
        if len(shape) == 1:
            return self.bias_shape(shape[0])
        return shape[::-1] if self.weights == "out_in" else shape


def layouts(net: Network) -> Iterator[Layout]:
    """Yield the layouts that are tried, the most usual ones first."""
    has_bias = any(any(layer.bias) for layer in net.layers)
    ways = [
        ("rows", "in_out", "flat"), ("rows", "in_out", "row"), ("rows", "out_in", "flat"),
        ("columns", "out_in", "column"),
        ("rows", "out_in", "row"), ("columns", "in_out", "column"), ("columns", "out_in", "flat"),
        ("vector", "out_in", "flat"), ("vector", "in_out", "flat"),
    ]  # fmt: skip
    targets = ["table"]
    if LOSSES[net.loss.name].class_index:
        targets = ["from_zero", "table", "one_hot"]
    elif len(net.output_units) == 1:
        targets = ["table", "flat"]
    seen = set()
    for samples, weights, biases in ways:
        for target in targets:
            if samples == "vector" and target == "flat":
                continue
            layout = Layout(samples, weights, biases if has_bias else "flat", target)
            if layout not in seen:
                seen.add(layout)
                yield layout


class Arguments:
    """The arguments of one call, as trees and arrays (`runner` describes them).

    Attributes:
        arrays: the arrays.
        args: the trees of those given by position.
        keywords: those given by name.
        places: the name of each array, by its place.
    """

    def __init__(
        self, signature: Signature, quantities: Quantities, layout: Layout, container: str, numbers: Mapping[str, Array]
    ) -> None:
        self.arrays: list[Array] = []
        self.places: list[str] = []
        self._placed: dict[str, int] = {}
        self._layout = layout
        self._numbers = numbers
        self._quantities = quantities
        self._container = container
        self.args: list[dict[str, Any]] = []
        self.keywords: list[tuple[str, dict[str, Any]]] = []
        for argument in signature.arguments:
            if argument.role == "rest":
                self.args += [self._array(name) for name in quantities.parameters]
            elif argument.keyword:
                self.keywords.append((argument.name, self._node(argument)))
            else:
                self.args.append(self._node(argument))

    def _array(self, name: str) -> dict[str, Any]:
        if name not in self._placed:
            outputs = self._numbers["pred"].shape[1]
            layout, array = self._layout, self._numbers[name]
            given = layout.targets_of(array, outputs) if name == "true" else layout.given(name, array)
            self._placed[name] = len(self.arrays)
            # An array of its own: what the call changes in place must not reach the numbers it is judged by.
            self.arrays.append(np.array(given, order="C"))
            self.places.append(name)
        return {"a": self._placed[name]}

    def _node(self, argument: Argument) -> dict[str, Any]:
        quantities = self._quantities
        match argument.role:
            case "array":
                return self._array(argument.array)
            case "X" | "true":
                return self._array(argument.role)
            case "params":
                return self._params()
            case "weights":
                return {"l": [self._array(name) for name in quantities.weights]}
            case "biases":
                return {"l": [self._array(name) for name in quantities.biases]}
            case "cache":
                names = {short(name): name for name in self._numbers if name != "true"}
                # The outputs are the last layer's activations, and its z where they are linear.
                last = {f"{kind}{quantities.depth}": "pred" for kind in "AZ"}
                return {"d": [[key, self._array(name)] for key, name in {"A0": "X", **last, **names}.items()]}
            case "activations":
                return {"l": [self._array("X"), *(self._array(n) for n in self._numbers if n[0] == "A" or n == "pred")]}
            case "zs":
                final = [] if f"Z_{quantities.depth}" in self._numbers else ["pred"]
                return {"l": [self._array(name) for name in (*(n for n in self._numbers if n[0] == "Z"), *final)]}
            case "count":
                return {"n": 1 if self._layout.samples == "vector" else len(self._numbers["X"])}
            case _:
                return {"n": 0.1}

    def _params(self) -> dict[str, Any]:
        names = self._quantities.parameters
        match self._container:
            case "names" | "object":
                kind = "d" if self._container == "names" else "o"
                return {kind: [[short(name), self._array(name)] for name in names]}
            case "flat":
                return {"l": [self._array(name) for name in names]}
            case _:
                biases = {name[2:]: name for name in self._quantities.biases}
                rows = [[weight, biases[weight[2:]]] if weight[2:] in biases else [weight]
                        for weight in self._quantities.weights]  # fmt: skip
                return {"l": [{"t": [self._array(name) for name in row]} for row in rows]}

    def shapes(self) -> str:
        """Return the names and shapes of what was given, in short."""
        found = [
            f"{short(name)} {shape_text(array.shape)}" for name, array in zip(self.places, self.arrays, strict=True)
        ]
        return ", ".join(found if len(found) <= 8 else [*found[:6], "…", found[-1]])


def short(name: str) -> str:
    """Return a name as code usually has it.

    Example:
        >>> short("W_1"), short("W_3_1"), short("true")
        ('W1', 'W31', 'Y')
    """
    return "Y" if name == "true" else name.replace("_", "")


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as NumPy writes it.

    Example:
        >>> shape_text((2, 3)), shape_text((3,)), shape_text(())
        ('(2, 3)', '(3,)', '()')
    """
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
