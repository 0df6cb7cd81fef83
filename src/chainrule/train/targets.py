"""What the targets are: measured numbers, probabilities, signs, shares, or classes by any name; and back from outputs.

The loss decides (`chainrule.rules`): a loss by class index takes labels, cross-entropy takes labels or a share for each
output, binary cross-entropy two labels or probabilities, hinge two labels; any other loss takes numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ChainruleError, DataError, Place, SelectionError
from chainrule.figure.files import cell_number, few
from chainrule.figure.names import short
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.network import Network

Array = NDArray[np.float64]
Label = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Targets:
    """How targets become the numbers that the loss reads, and outputs become answers.

    Attributes:
        kind: number, probability, sign, index, onehot or shares.
        outputs: how many outputs the network has.
        columns: how many columns the targets have in the data.
        logits: whether the outputs become probabilities only through σ or softmax.
        classes: the labels, in order; empty where the targets are numbers.
    """

    kind: str
    outputs: int
    columns: int
    logits: bool = False
    classes: tuple[Label, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether the targets are classes."""
        return bool(self.classes) or self.kind in ("index", "onehot")

    @property
    def scaled(self) -> bool:
        """Whether the targets are measured numbers, which can be standardised."""
        return self.kind == "number"

    def encode(self, codes: Array) -> Array:
        """Return what the loss reads: (N, outputs), or (N,) class numbers from 1.

        Args:
            codes: (N, columns): numbers; for classes, their place in `classes`, counted from 0.
        """
        match self.kind:
            case "index":
                return codes[:, 0] + 1.0
            case "onehot":
                return np.asarray(codes == np.arange(self.outputs), dtype=np.float64)
            case "sign" if self.classes:
                return 2.0 * codes - 1.0
            case _:
                return codes

    def probabilities(self, outputs: Array) -> Array:
        """Return the probability of each class, (N, classes), or of each output where these are independent."""
        if self.kind in ("index", "onehot", "shares"):
            if not self.logits:
                return outputs
            shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
        ones = _sigmoid(outputs) if self.logits else outputs
        return np.hstack([1.0 - ones, ones]) if self.classes else ones

    def answers(self, outputs: Array) -> NDArray[Any]:
        """Return labels (N,) where the targets are classes, else what the outputs mean, (N, outputs)."""
        if self.labelled:
            return self.label_array()[self.codes_of(outputs)]
        return self.probabilities(outputs) if self.kind in ("probability", "shares") else outputs

    def codes_of(self, outputs: Array) -> NDArray[np.intp]:
        """Return the place of the likeliest class of each sample."""
        if self.kind in ("index", "onehot", "shares"):
            return np.asarray(outputs.argmax(axis=1))
        edge = 0.0 if self.logits or self.kind == "sign" else 0.5
        return np.asarray(outputs[:, 0] > edge, dtype=np.intp)

    def label_array(self) -> NDArray[Any]:
        """Return the labels as an array of their own type."""
        return np.array(self.classes)


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def targets_of(net: Network, columns: int) -> Targets:
    """Return what a network's loss makes of so many columns of targets; classes are not known yet.

    Raises:
        DataError: where the network cannot have so many.
    """
    row = LOSSES[net.loss.name]
    outputs = len(net.output_units)
    logits = net.loss.name in ("bce_with_logits", "softmax_cross_entropy", "softmax_cross_entropy_index")
    if row.class_index:
        kind, wanted = "index", [1]
    elif row.targets in ("distribution", "shares"):
        kind, wanted = ("onehot" if columns == 1 < outputs else "shares"), [1, outputs]
    else:
        kind, wanted = row.targets, [outputs]
    if columns not in wanted:
        raise DataError(
            "target_columns", read=columns, expected=" / ".join(map(str, sorted(set(wanted)))), loss=net.loss.name
        )
    return Targets(kind, outputs, columns, logits)


class Labels:
    """The labels of a column, numbered as they come.

    Args:
        known: the labels that there may be, where that is settled.
        textual: whether the values are text that may be numbers.
    """

    def __init__(self, *, known: Sequence[Label] = (), textual: bool = False, most: int) -> None:
        self.textual = textual
        self.most = most
        self.settled = bool(known)
        self.codes: dict[Any, int] = {self._key(label): code for code, label in enumerate(known)}
        self.first: list[Place] = []

    def _key(self, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if self.textual:
            text = str(value).strip()
            number = cell_number(text)
            return text if number is None else _plain(number)
        return _plain(value) if isinstance(value, float) else value

    def read(
        self, values: Iterable[Any], lines: Sequence[int], source: str, column: str
    ) -> tuple[Array, list[ChainruleError]]:
        """Return the codes of values, and what is wrong with them: missing ones, unknown ones, too many."""
        codes = np.zeros(len(lines))
        problems: list[ChainruleError] = []
        for at, value in enumerate(values):
            key = self._key(value)
            place = Place(source, lines[at])
            if key is None or key == "" or key != key or not isinstance(key, str | int | float | bool):
                problems.append(
                    DataError("missing_label", place=place, row=lines[at], column=short(column), read=short(repr(key)))
                )
                continue
            code = self.codes.get(key)
            if code is None:
                if self.settled or len(self.codes) >= self.most:
                    known = few([str(label) for label in self.codes])
                    problems.append(
                        DataError(
                            "unknown_class", place=place, row=lines[at], column=short(column), read=short(str(key)),
                            count=self.most, known=short(known, limit=200),
                        )
                    )  # fmt: skip
                    continue
                code = self.codes[key] = len(self.codes)
            codes[at] = code
        return codes, problems

    def settle(self) -> tuple[tuple[Label, ...], Array]:
        """Return the labels in order, and for each code as it came the place in that order."""
        keys = list(self.codes)
        if self.settled:
            return tuple(keys), np.arange(len(keys), dtype=np.float64)
        mixed = any(isinstance(key, str) for key in keys)
        order = sorted(keys, key=str if mixed else None)
        table = np.zeros(max(1, len(keys)))
        for place, key in enumerate(order):
            table[self.codes[key]] = place
        return tuple(order), table


def _plain(number: float) -> int | float:
    return int(number) if float(number).is_integer() else float(number)


def given_classes(classes: Sequence[Label] | None, targets: Targets) -> tuple[Label, ...]:
    """Return the classes that were given, checked against the network.

    Raises:
        SelectionError: where there are not as many as the network tells apart.
    """
    if classes is None:
        return ()
    most = 2 if targets.kind in ("probability", "sign") else targets.outputs
    if len(classes) > most or len(set(classes)) != len(classes):
        raise SelectionError("class_count", read=len(classes), count=most)
    return tuple(classes)
