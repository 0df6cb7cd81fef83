"""Several trained networks that answer together: the mean of what they say, and how far they are apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, SelectionError
from chainrule.train.blocks import Part
from chainrule.train.metrics import Metrics, measure
from chainrule.train.model import Model
from chainrule.train.samples import read_samples
from chainrule.train.scale import Scale
from chainrule.train.targets import Targets

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ModelEnsemble:
    """Models of the same targets, whose answers are averaged (Lakshminarayanan, Pritzel, Blundell 2017, NeurIPS).

    Attributes:
        models: the models.

    Example:
        >>> import numpy as np
        >>> from chainrule import Network
        >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
        >>> ensemble = Network.read("1-3:tanh-1 --bias").ensemble(x, x**2, members=5, epochs=300, rate=0.03)
        >>> len(ensemble.models), bool(abs(ensemble.predict([[0.5]])[0] - 0.25) < 0.1)
        (5, True)
        >>> ensemble.spread([[0.5]]).shape
        (1, 1)
    """

    models: tuple[Model, ...]

    def __post_init__(self) -> None:
        if not self.models or any(model.targets != self.models[0].targets for model in self.models):
            raise SelectionError("ensemble_members", read=len(self.models))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelEnsemble:
        """Return the models in a file; a file of one model is an ensemble of one.

        Raises:
            TrainingError: where the file holds no such thing.
        """
        from chainrule.train.checkpoint import load_models

        return cls(load_models(Path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all models into one safetensors file, whole or not at all.

        Raises:
            OutputError: where it cannot be written.
        """
        from chainrule.train.checkpoint import save_models

        save_models(Path(path), self.models)

    @property
    def targets(self) -> Targets:
        """What the targets are."""
        return self.models[0].targets

    def label_names(self) -> Sequence[str]:
        """Return what a table of answers calls its columns: the targets' names."""
        return self.models[0].label_names()

    def meanings(self, inputs: Any) -> Array:
        """Return what each member says, (members, N, outputs): probabilities where there are any, else the outputs."""
        means = self.targets.kind not in ("number", "sign")
        return np.array([model.predict_proba(inputs) if means else model.outputs(inputs) for model in self.models])

    def outputs(self, inputs: Any) -> Array:
        """Return the mean of what the members say, (N, outputs) or (N, classes).

        Args:
            inputs: as for `Model.outputs`.
        """
        return np.asarray(self.meanings(inputs).mean(axis=0))

    def spread(self, inputs: Any) -> Array:
        """Return the standard deviation over the members of what they say, of the shape of `outputs`."""
        return np.asarray(self.meanings(inputs).std(axis=0))

    def predict(self, inputs: Any) -> Array:
        """Return the answer for each row, as `Model.predict` does.

        Args:
            inputs: as for `Model.outputs`.
        """
        found, targets = self.outputs(inputs), self.targets
        if targets.labelled:
            codes = found.argmax(axis=1) if targets.kind != "sign" else targets.codes_of(found)
            return targets.label_array()[codes]
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, inputs: Any) -> Array:
        """Return the mean of the members' probabilities, (N, classes).

        Raises:
            DataError: where the loss gives no probabilities.
        """
        if self.targets.kind in ("number", "sign"):
            raise DataError("no_probabilities", loss=self.models[0].network.loss.name)
        return self.outputs(inputs)

    def measure(self, data: Any, targets: Any = None) -> Metrics:
        """Return accuracy, or RMSE and R², of the common answer; the loss is the mean of the members'.

        Args:
            data: as for `Model.measure`.
            targets: the targets, where they stand apart.
        """
        first = self.models[0]
        samples = read_samples(
            first.network, data if targets is None else (data, targets), classes=self.targets.classes or None,
            target=None if targets is not None else first.target_names,
            inputs=None if targets is not None else first.input_names,
        )  # fmt: skip
        losses = [model.measure(data, targets).loss for model in self.models]
        width = samples.x.shape[1], samples.y.shape[1]
        # What the members say is already a probability, and in the units of the data.
        plain = replace(samples, targets=replace(samples.targets, logits=False))
        part = Part(plain, np.arange(len(samples)), Scale.none(width[0]), Scale.none(width[1]), "float64")
        found = measure(first.network, part, value=lambda _x, _y: 0.0, predict=self._decided)
        return replace(found, loss=float(np.mean(losses)))

    def _decided(self, inputs: Array) -> Array:
        """Return the outputs by which `measure` decides: of two classes the second one's probability."""
        found = self.outputs(inputs)
        return found[:, 1:] if self.targets.kind == "probability" and self.targets.classes else found
