"""Trainings of one network that differ in seed, rates and the like, side by side in one ensemble.

Each comes to what `chainrule.train.fit` comes to with its settings, to rounding, and to the same bits whatever is
trained beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import native
from chainrule.errors import TrainingError
from chainrule.native import Ensemble
from chainrule.network import Given
from chainrule.train.blocks import split
from chainrule.train.fit import prepare, run
from chainrule.train.initial import initial_weights
from chainrule.train.loop import EXPLODED, Epoch
from chainrule.train.metrics import Metrics, measure, per_sample
from chainrule.train.model import Model
from chainrule.train.samples import Samples
from chainrule.train.settings import Settings

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[Any]

OF_EACH = (
    "seed", "rate", "momentum", "beta1", "beta2", "alpha", "epsilon", "weight_decay", "schedule", "warmup",
    "step_epochs", "step_factor", "rate_end", "patience", "initial",
)  # fmt: skip
"""The settings in which the trainings of a group may differ."""


def group_of(settings: Settings) -> Settings:
    """Return what the trainings of a group have in common: equal for those that can go side by side."""
    usual = Settings()
    return replace(settings, **{name: getattr(usual, name) for name in OF_EACH})


@dataclass(frozen=True, eq=False)
class Trained:
    """What one training came to.

    Attributes:
        model: the model; None where the loss diverged in the first epoch.
        error: why it stopped before its end, or ''.
    """

    model: Model | None
    error: str = ""


def train_group(net: Network, samples: Samples, settings: Sequence[Settings]) -> list[Trained]:
    """Return what trainings come to that have `group_of` in common.

    Args:
        net: the network.
        samples: all samples.
        settings: of each training.
    """
    if settings[0].optimizer == "lbfgs":
        return [_alone(net, samples, own) for own in settings]
    return _Group(net, samples, settings).trained()


def _alone(net: Network, samples: Samples, settings: Settings) -> Trained:
    training = prepare(net, samples, settings)
    try:
        return Trained(run(training))
    except TrainingError as error:
        return Trained(error.model, str(error))


class _Group:
    """Trainings that go on together; one that is at its end leaves."""

    def __init__(self, net: Network, samples: Samples, settings: Sequence[Settings]) -> None:
        common = settings[0]
        self.net, self.samples = net.replace(given=replace(net.given, inputs=(), targets=())), samples
        self.parts = split(
            samples, share=common.validation, seed=common.seed_of_split, standardise=common.standardise,
            dtype=common.dtype, block_bytes=1 << 62,
        )  # fmt: skip
        sums = net.loss.samples == "sum"
        self.settings = [own.settled(sums=sums, samples=len(self.parts.training)) for own in settings]
        self.ensemble = _ensemble(net, common)
        layout = self.ensemble.kernel.layout
        start = [initial_weights(net, initial=own.initial, seed=own.seed) for own in self.settings]
        self.params = np.array([layout.pack(own, dtype=self.ensemble.kernel.dtype) for own in start])
        self.state = self.ensemble.state(own.seed for own in self.settings)
        self.options: dict[str, Any] = {
            name: np.array([own.optimizer_settings[name] for own in self.settings])
            for name in self.settings[0].optimizer_settings
        }
        count = len(self.settings)
        self.which = np.arange(count)
        self.best = self.params.copy()
        self.best_epoch, self.best_loss = np.zeros(count, int), np.full(count, np.inf)
        self.final = self.params.copy()
        self.history: list[list[Epoch]] = [[] for _ in range(count)]
        self.errors = [""] * count

    def trained(self) -> list[Trained]:
        """Train all of them to their ends."""
        x, y = self.parts.training.block(0)
        aside = self.parts.validation.block(0) if len(self.parts.validation) else None
        n = len(x)
        start = np.array([self._per_sample(value, n) for value in self.ensemble.value(self.params, x, y)])
        common = self.settings[0]
        batch = common.batch_size or n
        steps = math.ceil(n / batch)
        sizes = np.full(steps, 1.0 if self.net.loss.samples == "sum" else float(batch))
        if self.net.loss.samples != "sum":
            sizes[-1] = n - batch * (steps - 1)
        for epoch in range(common.epochs):
            rates = np.array([self.settings[at].rates_of(epoch, steps=steps) for at in self.which])
            before = self.params.copy()
            self.state.clock[1:] = epoch, 0
            with np.errstate(all="ignore"):
                losses = self.ensemble.train(
                    self.params, self.state, x, y, rate=rates, steps=steps, batch_size=batch,
                    **{name: values[self.which] for name, values in self.options.items()},
                )  # fmt: skip
                losses = losses @ sizes / n
                lost = ~np.isfinite(losses) | (losses > EXPLODED * np.maximum(1.0, start[self.which]))
                lost |= ~np.isfinite(self.params).all(axis=1)
            watched = losses
            if aside is not None:
                watched = self.ensemble.value(self.params, *aside)
                watched = np.array([self._per_sample(value, len(aside[0])) for value in watched])
            done = np.zeros(len(self.which), bool)
            for place, at in enumerate(self.which.tolist()):
                if lost[place]:
                    self.params[place] = before[place]
                    self._diverged(at, epoch + 1, losses[place], rates[place, -1])
                    done[place] = True
                    continue
                seen = math.nan if aside is None else float(watched[place])
                self.history[at].append(Epoch(epoch + 1, float(rates[place, -1]), float(losses[place]), seen))
                if self.best_epoch[at] == 0 or watched[place] < self.best_loss[at]:
                    self.best_epoch[at], self.best_loss[at] = epoch + 1, watched[place]
                    self.best[at] = self.params[place]
                patience = self.settings[at].patience
                done[place] = patience is not None and epoch + 1 - self.best_epoch[at] >= patience
            self.final[self.which] = self.params
            if done.any():
                self.which, self.params = self.which[~done], np.ascontiguousarray(self.params[~done])
                self.state = self.state.of(~done)
                if not len(self.which):
                    break
        return [self._result(at) for at in range(len(self.settings))]

    def _per_sample(self, value: float, count: int) -> float:
        return per_sample(self.net, float(value), count)

    def _diverged(self, at: int, epoch: int, loss: float, rate: float) -> None:
        error = TrainingError(
            "diverged", epoch=epoch, loss=f"{loss:.3g}", rate=f"{rate:.3g}", lower=f"{rate / 10:.1g}",
            optimizer=self.settings[at].optimizer,
        )  # fmt: skip
        self.errors[at] = str(error)

    def _result(self, at: int) -> Trained:
        settings = self.settings[at]
        if not self.history[at]:
            return Trained(None, self.errors[at])
        early = settings.patience is not None and self.best_epoch[at]
        params = self.best[at] if early else self.final[at]
        measured: list[Metrics | None] = [None, None]
        if not self.errors[at]:
            for place, part in enumerate((self.parts.training, self.parts.validation)):
                if len(part):
                    measured[place] = measure(
                        self.net, part, value=lambda x, y: float(self.ensemble.value(params[None], x, y)[0]),
                        predict=lambda x: self.ensemble.predict(params[None], x)[0],
                    )  # fmt: skip
        training = self.parts.training
        weights = self.ensemble.kernel.layout.unpack(params)
        model = Model(
            self.net.replace(given=Given()), weights, training.x_scale, training.y_scale,
            self.samples.targets, self.samples.input_names, self.samples.target_names, settings,
            tuple(self.history[at]), int(self.best_epoch[at]), *measured,
        )  # fmt: skip
        return Trained(model, self.errors[at])


_KEPT: dict[tuple[Any, ...], Ensemble] = {}


def _ensemble(net: Network, settings: Settings) -> Ensemble:
    """Return the ensemble of a network, made once in a process."""
    key = (net, settings.dtype, settings.optimizer, settings.threads)
    if key not in _KEPT:
        if len(_KEPT) > 32:
            _KEPT.clear()
        _KEPT[key] = native.compile_ensemble(
            net, dtype=settings.dtype, optimizer=settings.optimizer, threads=settings.threads, quiet=True
        )
    return _KEPT[key]
