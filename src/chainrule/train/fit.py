"""`fit`: samples in, a Model out; with a checkpoint file, to be killed and taken up at any instant."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from chainrule.errors import TrainingError
from chainrule.network import Given
from chainrule.train.blocks import BLOCK_BYTES, Split, split
from chainrule.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from chainrule.train.engine import Engine
from chainrule.train.initial import initial_weights
from chainrule.train.loop import Epoch, Loop, State
from chainrule.train.metrics import Metrics, measure
from chainrule.train.model import Model
from chainrule.train.samples import MEMORY, Samples, read_samples
from chainrule.train.settings import Settings

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.targets import Label

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that a training is made of, before its first step.

    Attributes:
        net: the network, without samples on it.
        samples: the samples, and `parts` how they are split.
        settings: how to train.
        loop: what goes through them.
        state: where it stands.
    """

    net: Network
    samples: Samples
    parts: Split
    settings: Settings
    loop: Loop
    state: State

    @property
    def params(self) -> Array:
        """The parameters that count: the best ones where training stops early, else the last."""
        return self.state.best if self.settings.patience is not None and self.state.best_epoch else self.state.params

    def model(self) -> Model:
        """Return what training has come to."""
        params, engine = self.params, self.loop.engine
        measured: list[Metrics | None] = [None, None]
        if self.state.finished:
            for at, part in enumerate((self.parts.training, self.parts.validation)):
                if len(part):
                    measured[at] = measure(
                        self.net, part, value=lambda x, y: engine.value(params, x, y),
                        predict=lambda x: engine.predict(params, x),
                    )  # fmt: skip
        return Model(
            self.net.replace(given=Given()), engine.unpack(params),
            self.parts.training.x_scale, self.parts.training.y_scale, self.samples.targets,
            self.samples.input_names, self.samples.target_names, self.settings, tuple(self.state.history),
            self.state.best_epoch, *measured,
        )  # fmt: skip


def prepare(
    net: Network,
    samples: Samples,
    settings: Settings,
    *,
    weights: Mapping[str, Any] | None = None,
    resumed: Checkpoint | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Training:
    """Return a training of a network, at its start or where a checkpoint left it.

    Raises:
        TrainingError: where the checkpoint is of another network, other samples or other settings.
    """
    net = net.replace(given=replace(net.given, inputs=(), targets=()))
    scales = None
    if resumed is not None:
        if settings.rate is None:
            settings = replace(settings, rate=resumed.model.settings.rate)
        check_same(net, samples.digest, settings, resumed)
        scales = (resumed.model.x_scale, resumed.model.y_scale)
    parts = split(
        samples, share=settings.validation, seed=settings.seed_of_split, standardise=settings.standardise,
        dtype=settings.dtype, block_bytes=block_bytes, scales=scales,
    )  # fmt: skip
    settings = settings.settled(sums=net.loss.samples == "sum", samples=len(parts.training))
    kernel_of = "sgd" if settings.optimizer == "lbfgs" else settings.optimizer
    engine = Engine(net, dtype=settings.dtype, threads=settings.threads, optimizer=kernel_of)
    loop = Loop(engine, parts, settings)
    if resumed is not None and resumed.state is not None:
        state = resumed.state
        if state.finished and state.epoch < settings.epochs and settings.epochs > resumed.model.settings.epochs:
            state.finished = False
    else:
        start = initial_weights(net, initial=settings.initial, seed=settings.seed, weights=weights)
        state = loop.start(engine.pack(start))
    return Training(net, samples, parts, settings, loop, state)


def check_same(net: Network, digest: str, settings: Settings, resumed: Checkpoint) -> None:
    """Check that a checkpoint is of this training.

    Raises:
        TrainingError: where it is of another network, other samples or other settings, or of no training.
    """
    if resumed.state is None:
        raise TrainingError("not_resumable")
    if resumed.model.network != net.replace(given=Given()):
        raise TrainingError("other_network")
    if resumed.digest != digest:
        raise TrainingError("other_samples")
    before = resumed.model.settings
    free = {"epochs", "patience", "threads"}
    for name in Settings.names():
        if name not in free and getattr(before, name) != getattr(settings, name):
            raise TrainingError("other_setting", name=name, read=getattr(settings, name), before=getattr(before, name))


def run(
    training: Training,
    *,
    checkpoint: Path | None = None,
    every: float = 10.0,
    report: Callable[[Epoch], None] | None = None,
) -> Model:
    """Return the model that a training comes to.

    Args:
        training: from `prepare`.
        checkpoint: where to keep how far it is; also written at the end.
        every: seconds between two checkpoints; 0 for one after every block.
        report: told of each epoch.

    Raises:
        TrainingError: where the loss diverges. The checkpoint then holds the last good epoch, and so does the
            `model` of the error.
    """
    state = training.state
    saved = time.monotonic()

    def save(standing: Training) -> Model:
        model = standing.model()
        if checkpoint is not None:
            save_checkpoint(checkpoint, model, standing.state, training.samples.digest)
        return model

    try:
        for epoch in training.loop.run(state):
            if epoch is not None and report is not None:
                report(epoch)
            if checkpoint is not None and time.monotonic() - saved >= every and not state.finished:
                save(training)
                saved = time.monotonic()
    except TrainingError as error:
        error.model = save(training) if state.epoch else None
        raise
    except (KeyboardInterrupt, SystemExit):
        # Wherever this came, the State may be half of a step further: what is kept is how the epoch began.
        if training.loop.good is not None:
            save(replace(training, state=training.loop.good))
        raise
    return save(training)


def _left_off(place: Path, resume: bool | None) -> Checkpoint | None:
    """Return what a file holds, where training is to go on from it."""
    if resume is False or not place.is_file():
        return None
    found = load_checkpoint(place)
    if resume is None and (found.state is None or found.state.finished):
        return None
    return found


def fit(
    net: Network,
    data: Any,
    targets: Any = None,
    *,
    target: str | Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    classes: Sequence[Label] | None = None,
    weights: Mapping[str, Any] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    every: float = 10.0,
    memory: int = MEMORY,
    report: Callable[[Epoch], None] | None = None,
    settings: Settings | None = None,
    **choices: Any,
) -> Model:
    """Return a network trained on samples.

    The gradient is that of the network's own loss over each minibatch, as its page derives it. A sum over samples grows
    with the batch; `--reduction batchmean` takes the mean.

    Args:
        net: the network. Numbers on its sheet are where training starts from.
        data: the inputs (N, inputs), an array or a data frame; or all columns together: a path to CSV, Parquet, NPY or
            NPZ, a data frame, an Arrow table.
        targets: the targets (N,) or (N, outputs), where they stand apart; labels for classes.
        target: the names of the target columns, where they stand in `data`.
        inputs: the names of the input columns, in the network's order; left out, all the others.
        classes: the labels that there may be; left out, they are found.
        weights: numbers to start from, by name, as for `Network.values`; others are drawn.
        checkpoint: a file that keeps how far it is, and in the end the model.
        resume: whether to go on from such a file; None for when a training in it has not come to its end.
        every: seconds between two checkpoints.
        memory: bytes of samples that are kept in memory.
        report: told of each `Epoch`.
        settings: all choices together, or …
        **choices: … by name, as those of `chainrule.train.Settings`: epochs, batch_size, optimizer, rate, ….

    Raises:
        DataError: for samples that do not fit, each by row and column.
        SelectionError: for a choice that does not exist.
        TrainingError: where the loss diverges, or a checkpoint is of something else.

    Example:
        >>> from chainrule import Network
        >>> model = fit(Network.read("2-4:tanh-1 --bias --loss bce_with_logits"),
        ...             [[0, 0], [0, 1], [1, 0], [1, 1]], ["no", "yes", "yes", "no"],
        ...             epochs=500, rate=0.05, validation=0, seed=1)
        >>> model.predict([[0, 1], [1, 1]]).tolist()
        ['yes', 'no']
    """
    chosen = replace(settings, **choices) if settings is not None else Settings.of(**choices)
    samples = read_samples(
        net, data if targets is None else (data, targets), target=target, inputs=inputs, classes=classes, memory=memory
    )
    place = None if checkpoint is None else Path(checkpoint)
    resumed = None if place is None else _left_off(place, resume)
    training = prepare(net, samples, chosen, weights=weights, resumed=resumed, block_bytes=max(1, memory // 4))
    return run(training, checkpoint=place, every=every, report=report)
