"""The training loop: epochs of steps, the validation after each, the best kept; to be stopped and taken up anywhere.

Everything that the rest of a training depends on is in `State`, as numbers: the parameters, what the optimizer
remembers, how far it is, the history. A State that was saved and loaded again goes on with the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import TrainingError
from chainrule.native import State as KernelState
from chainrule.train.blocks import Split
from chainrule.train.engine import Engine
from chainrule.train.metrics import measure, per_sample

if TYPE_CHECKING:
    from chainrule.train.settings import Settings

Array = NDArray[Any]

EXPLODED = 1e6
"""By this factor above where it began, a loss is taken to diverge even while it is finite."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to.

    Attributes:
        number: counted from 1.
        rate: the rate of its last step.
        loss: the mean over its minibatches, per sample, as they were met.
        validation: the loss per sample of the samples kept aside, after it; nan where there are none.
        metric: the accuracy or the RMSE of these; nan where there are none.
    """

    number: int
    rate: float
    loss: float
    validation: float = math.nan
    metric: float = math.nan

    @property
    def watched(self) -> float:
        """The loss by which epochs are compared."""
        return self.loss if math.isnan(self.validation) else self.validation


@dataclass(slots=True)
class State:
    """Where a training stands.

    Attributes:
        params: the parameters now; `best` those of the best epoch so far.
        optimizer: what the optimizer remembers.
        epoch: how many epochs are done; `block` how many blocks of the one that is going on.
        loss: the sum of losses in the epoch that is going on.
        start_loss: the loss per sample before the first step.
        best_epoch: the number of the best epoch; 0 before the first.
        history: an Epoch for each one done.
        finished: whether there is nothing left to do.
    """

    params: Array
    best: Array
    optimizer: KernelState
    epoch: int = 0
    block: int = 0
    loss: float = 0.0
    start_loss: float = math.nan
    best_epoch: int = 0
    history: list[Epoch] = field(default_factory=list)
    finished: bool = False

    def copy(self) -> State:
        """Return a State that does not change with this one."""
        return replace(
            self, params=self.params.copy(), best=self.best.copy(), optimizer=self.optimizer.copy(),
            history=list(self.history),
        )  # fmt: skip


class Loop:
    """A training that can be gone on with: `advance` does one block.

    Args:
        engine: the kernel.
        parts: the samples, split.
        settings: how to train.
    """

    def __init__(self, engine: Engine, parts: Split, settings: Settings) -> None:
        self.engine, self.parts, self.settings = engine, parts, settings
        self.good: State | None = None
        """How the epoch that is going on began."""
        self._options = settings.optimizer_settings

    def start(self, params: Array) -> State:
        """Return the State before the first step."""
        state = State(params.copy(), params.copy(), self.engine.fresh_state(self.settings.seed))
        state.start_loss = self._loss_of_first_block(state.params)
        return state

    def _loss_of_first_block(self, params: Array) -> float:
        x, y = self.parts.training.block(0)
        return per_sample(self.engine.net, self.engine.value(params, x, y), len(x))

    def run(self, state: State) -> Iterator[Epoch | None]:
        """Go on until there is nothing left to do; yield each Epoch, and None after a block that does not end one.

        Raises:
            TrainingError: where the loss diverges; the State is then that of the last good epoch.
        """
        while not state.finished:
            self.good = state.copy() if state.block == 0 else None
            yield from self._epoch(state, self.good)

    def _epoch(self, state: State, good: State | None) -> Iterator[Epoch | None]:
        training, settings = self.parts.training, self.settings
        order = training.order(state.epoch, settings.seed)
        sizes = [min(training.starts.step, len(training) - start) for start in training.starts]
        batches = [math.ceil(size / (settings.batch_size or size)) for size in sizes]
        rates = settings.rates_of(state.epoch, steps=sum(batches))
        before = list(np.cumsum([0, *(batches[number] for number in order)]))
        while state.block < len(order):
            number = int(order[state.block])
            x, y = training.block(number)
            if settings.optimizer == "lbfgs":
                from chainrule.train.lbfgs import minimise, total_of

                losses = total_of(self.engine, training)
                total, still = minimise(losses, state.params, len(training), decay=settings.decay)
                state.loss, state.block = total, len(order)
                state.finished = still
                break
            state.loss += self.engine.steps(
                state.params, state.optimizer, x, y, batch_size=settings.batch_size or len(x),
                rates=rates[before[state.block] : before[state.block + 1]], seed=settings.seed,
                epoch=state.epoch, block=number, settings=self._options,
            )  # fmt: skip
            state.block += 1
            if state.block < len(order):
                self._check(state, good, rates[-1], state.loss)
                yield None
        loss = state.loss / len(training)
        self._check(state, good, rates[-1], loss)
        done = self._measured(state, rates[-1], loss)
        state.history.append(done)
        state.epoch, state.block, state.loss = state.epoch + 1, 0, 0.0
        if state.best_epoch == 0 or done.watched < state.history[state.best_epoch - 1].watched:
            state.best_epoch = done.number
            state.best = state.params.copy()
        waited = done.number - state.best_epoch
        stop = settings.patience is not None and waited >= settings.patience
        state.finished = state.finished or stop or state.epoch >= settings.epochs
        yield done

    def _measured(self, state: State, rate: float, loss: float) -> Epoch:
        if not len(self.parts.validation):
            return Epoch(state.epoch + 1, rate, loss)
        found = measure(
            self.engine.net, self.parts.validation,
            value=lambda x, y: self.engine.value(state.params, x, y),
            predict=lambda x: self.engine.predict(state.params, x),
        )  # fmt: skip
        metric = found.accuracy if found.accuracy is not None else found.rmse
        return Epoch(state.epoch + 1, rate, loss, found.loss, math.nan if metric is None else metric)

    def _check(self, state: State, good: State | None, rate: float, loss: float) -> None:
        """Stop where the loss or a parameter is no number any more, and take the State back to before the epoch."""
        exploded = loss > EXPLODED * max(1.0, state.start_loss)
        if math.isfinite(loss) and not exploded and bool(np.isfinite(state.params).all()):
            return
        epoch = state.epoch + 1
        if good is not None:
            for name in ("params", "best", "optimizer", "epoch", "block", "loss", "best_epoch", "history"):
                setattr(state, name, getattr(good, name))
        raise TrainingError(
            "diverged", epoch=epoch, loss=f"{loss:.3g}", rate=f"{rate:.3g}", lower=f"{rate / 10:.1g}",
            optimizer=self.settings.optimizer,
        )  # fmt: skip


Report = Callable[[Epoch], None]
"""What is told of each epoch."""
