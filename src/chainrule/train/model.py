"""A trained network: its weights, how its inputs and targets are scaled, what its answers mean; saved in one file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.train.blocks import Part
from chainrule.train.engine import Engine
from chainrule.train.loop import Epoch
from chainrule.train.metrics import Metrics, measure
from chainrule.train.samples import read_inputs, read_samples
from chainrule.train.scale import Scale
from chainrule.train.settings import Settings
from chainrule.train.targets import Targets

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[Any]

ROWS = 1 << 15
"""How many rows are predicted at a time."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network that was trained.

    Attributes:
        network: the figure, without numbers on it.
        weights: its weights and biases by name: `W_1` (in, out), `b_1` (units,); what `Network.values` takes.
        x_scale, y_scale: the standardisation of inputs and targets.
        targets: what the targets are, with the classes where they are labels.
        input_names, target_names: what the data called the columns.
        settings: how it was trained.
        history: an Epoch for each one done.
        best_epoch: the number of the epoch with the best loss.
        training, validation: how good it is on the samples that it learned from, and on those kept aside; None where
            there are none, or training is not at its end.

    Example:
        >>> import numpy as np
        >>> from chainrule import Network
        >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
        >>> model = Network.read("1-1").fit(x, 2 * x + 1, epochs=100, seed=1)
        >>> model.predict([[0.5]]).round(1).tolist()
        [2.0]
    """

    network: Network
    weights: Mapping[str, Array] = field(repr=False)
    x_scale: Scale = field(repr=False)
    y_scale: Scale = field(repr=False)
    targets: Targets
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    settings: Settings = field(repr=False)
    history: tuple[Epoch, ...] = field(default=(), repr=False)
    best_epoch: int = 0
    training: Metrics | None = None
    validation: Metrics | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Return the model in a file, or what a training that is going on has come to.

        Raises:
            TrainingError: where the file holds no such thing.
        """
        from chainrule.train.checkpoint import load_model

        return load_model(Path(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as safetensors, whole or not at all.

        Raises:
            OutputError: where it cannot be written.
        """
        from chainrule.train.checkpoint import save_model

        save_model(Path(path), self)

    def __getstate__(self) -> dict[str, Any]:
        # The kernel lies in this process; another one makes its own.
        return {name: value for name, value in self.__dict__.items() if name not in ("_engine", "_params")}

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.network, dtype=self.settings.dtype, threads=self.settings.threads)

    @cached_property
    def _params(self) -> Array:
        return self._engine.pack(self.weights)

    def outputs(self, inputs: Any) -> Array:
        """Return the outputs (N, outputs), in the units of the data where the targets are numbers; else as they are.

        Args:
            inputs: (N, inputs); a data frame or a file, whose columns are found by name.

        Raises:
            DataError: where the inputs do not fit.
        """
        x = read_inputs(inputs, self.input_names)
        found = np.empty((len(x), len(self.network.output_units)))
        for start in range(0, len(x), ROWS):
            rows = np.ascontiguousarray(self.x_scale.apply(x[start : start + ROWS]), dtype=self.settings.dtype)
            found[start : start + ROWS] = self._engine.predict(self._params, rows)
        return self.y_scale.undo(found) if self.targets.scaled else found

    def predict(self, inputs: Any) -> Array:
        """Return the answer for each row: labels (N,), or numbers, (N,) for one output and (N, outputs) for several.

        Args:
            inputs: as for `outputs`.
        """
        answers = self.targets.answers(self.outputs(inputs))
        return answers[:, 0] if answers.ndim == 2 and answers.shape[1] == 1 else answers

    def predict_proba(self, inputs: Any) -> Array:
        """Return the probability of each class (N, classes), in the order of `targets.classes`.

        Raises:
            DataError: where the loss gives no probabilities.
        """
        if self.targets.kind in ("number", "sign"):
            raise DataError("no_probabilities", loss=self.network.loss.name)
        return self.targets.probabilities(self.outputs(inputs))

    def measure(self, data: Any, targets: Any = None) -> Metrics:
        """Return loss, and accuracy or RMSE and R², on samples.

        Args:
            data: (N, inputs) with `targets`; or a data frame or a file that has the target columns too.
            targets: the targets, where they stand apart.
        """
        samples = read_samples(
            self.network, data if targets is None else (data, targets), classes=self.targets.classes or None,
            target=None if targets is not None else self.target_names,
            inputs=None if targets is not None else self.input_names,
        )  # fmt: skip
        part = Part(samples, np.arange(len(samples)), self.x_scale, self.y_scale, self.settings.dtype)
        return measure(
            self.network, part, value=lambda x, y: self._engine.value(self._params, x, y),
            predict=lambda x: self._engine.predict(self._params, x),
        )  # fmt: skip

    def label_names(self) -> Sequence[str]:
        """Return what a table of answers calls its columns: the targets' names."""
        return self.target_names or ("pred",)
