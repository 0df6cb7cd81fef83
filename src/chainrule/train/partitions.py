"""Training on samples that lie in parts, each where a worker can reach it: files, Dask collections, arrays.

    partitions_of    what was given → parts
    fit_partitions   parts → Model, by full-batch steps

No machine holds all samples. Each part is read once where tasks are done and kept there, split and scaled like the
others; a step asks every part for its partial loss and gradient and adds them in the order of the parts. So what comes
out depends on the parts alone: this process, several processes and a Dask cluster compute the same bits, also where a
worker is killed, and the numbers are those of `fit` with batch_size=0 on all samples at once, to summation order.
"""

from __future__ import annotations

import glob
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import native
from chainrule.errors import DataError, Place, SelectionError, TrainingError
from chainrule.native.numpy_kernel import NumpyKernel
from chainrule.native.shuffle import random_bits
from chainrule.network import Given
from chainrule.train.blocks import Split, kept_aside, split
from chainrule.train.checkpoint import load_checkpoint, save_checkpoint
from chainrule.train.engine import Engine
from chainrule.train.fit import check_same
from chainrule.train.initial import initial_weights
from chainrule.train.lbfgs import minimise, total_of
from chainrule.train.loop import EXPLODED, Epoch, State
from chainrule.train.metrics import Metrics, Tally, tally
from chainrule.train.model import Model
from chainrule.train.samples import Samples, read_samples
from chainrule.train.scale import Moments, Scale
from chainrule.train.settings import Settings
from chainrule.train.sources import SUFFIXES
from chainrule.train.targets import Label, Targets
from chainrule.workers import Here, Workers, kept, run, workers_of

if TYPE_CHECKING:
    from chainrule.network import Network

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Lazy:
    """A part that Dask knows how to compute, of one piece or of inputs and targets apart."""

    pieces: tuple[Any, ...]

    def computed(self) -> Any:
        """Return its data."""
        found = [piece.compute(scheduler="synchronous") for piece in self.pieces]
        return found[0] if len(found) == 1 else tuple(found)


def partitions_of(data: Any) -> list[Any]:
    """Return the parts of a data set.

    Args:
        data: a list, each entry of which is what `Network.fit` takes: a file, an array, a pair (X, y), a data frame; a
            pattern such as `"parts/*.parquet"`, or a folder, whose files are taken in order of their names; a Dask data
            frame or array; a pair of Dask arrays.

    Raises:
        DataError: where there are none.

    Example:
        >>> [len(part) for part in partitions_of([np.zeros((4, 3)), np.zeros((2, 3))])]
        [4, 2]
    """
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        if os.path.isdir(path):
            found = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.lower().endswith(SUFFIXES)]
        else:
            found = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else [path]
        if not found:
            raise DataError("unreadable_file", read=path, reason="no such file")
        return list(found)
    if isinstance(data, tuple) and len(data) == 2 and all(hasattr(piece, "to_delayed") for piece in data):
        pieces = [_delayed(piece) for piece in data]
        if len(pieces[0]) != len(pieces[1]):
            raise DataError("sample_counts", inputs=len(pieces[0]), targets=len(pieces[1]))
        return [Lazy(pair) for pair in zip(*pieces, strict=True)]
    if hasattr(data, "to_delayed"):
        return [Lazy((piece,)) for piece in _delayed(data)]
    if isinstance(data, Sequence) and not isinstance(data, tuple) and data:
        return list(data)
    return [data]


def _delayed(collection: Any) -> list[Any]:
    """Return the parts of a Dask collection; an array is cut by rows only."""
    if getattr(collection, "ndim", 1) == 2 and hasattr(collection, "rechunk"):
        collection = collection.rechunk({1: -1})
    found = collection.to_delayed()
    return list(np.asarray(found, dtype=object).ravel())


@dataclass(frozen=True)
class Plan:
    """What every part has to know.

    Attributes:
        net: the network.
        settings: how it is trained.
        options: target, inputs and classes, as for `read_samples`.
        targets: what the targets are; `scales` how they and the inputs are scaled: None before all parts are known.
    """

    net: Network
    settings: Settings
    options: Mapping[str, Any]
    targets: Targets | None = None
    scales: tuple[Scale, Scale] | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """What a part says of itself.

    Attributes:
        x, y: the moments of the training samples.
        rows: how many samples there are; the others are kept aside.
        targets, input_names, target_names, digest: those of its samples.
    """

    x: Moments
    y: Moments
    rows: int
    targets: Targets
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    digest: str


@dataclass(frozen=True, eq=False)
class Held:
    """A part where it is worked on: split, scaled, in memory."""

    parts: Split

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        samples = self.parts.training.samples
        return 2 * (samples.x.nbytes + samples.y.nbytes)


# In a worker


def look(task: tuple[int, Any], plan: Plan) -> Facts | None:
    """Read a part, and return what it says of itself; None where it has no rows."""
    number, source = task
    try:
        samples = _read(plan, number, kept(source))
    except DataError as error:
        if error.key == "empty_file" and error.place is not None and error.place.source == _name(number):
            return None
        raise
    settings = plan.settings
    training = ~kept_aside(len(samples), settings.validation, _seed(settings, number))
    return Facts(
        Moments.of(samples.x[training]), Moments.of(samples.y[training]), len(samples), samples.targets,
        samples.input_names, samples.target_names, samples.digest,
    )  # fmt: skip


def hold(plan: Plan, number: int, source: Any) -> Held:
    """Return a part, split and scaled."""
    settings, samples = plan.settings, _read(plan, number, kept(source))
    assert plan.targets is not None
    parts = split(
        replace(samples, targets=plan.targets), share=settings.validation, seed=_seed(settings, number),
        standardise=settings.standardise, dtype=settings.dtype, block_bytes=1 << 62, scales=plan.scales,
    )  # fmt: skip
    return Held(parts)


def partial(task: tuple[int, Any], common: tuple[Plan, Array]) -> tuple[float, Array, float]:
    """Return the sum of the training losses of a part, its gradient, and the sum of the losses kept aside."""
    plan, params = common
    parts, engine = kept(task[1]).parts, _engine(plan)
    value, slope = total_of(engine, parts.training)(params) if len(parts.training) else (0.0, np.zeros(len(params)))
    aside = 0.0
    if len(parts.validation):
        x, y = parts.validation.block(0)
        aside = engine.value(params, x, y) * (1 if plan.net.loss.samples == "sum" else len(x))
    return value, slope, aside


def counted(task: tuple[int, Any], common: tuple[Plan, Array]) -> tuple[Tally, Tally]:
    """Return what parameters come to on a part: on training samples, and on those kept aside."""
    plan, params = common
    engine = _engine(plan)
    training, validation = (
        tally(
            plan.net, part, value=lambda x, y: engine.value(params, x, y), predict=lambda x: engine.predict(params, x)
        )
        for part in (kept(task[1]).parts.training, kept(task[1]).parts.validation)
    )
    return training, validation


def _read(plan: Plan, number: int, source: Any) -> Samples:
    data = source.computed() if isinstance(source, Lazy) else source
    return read_samples(plan.net, data, memory=1 << 62, name=_name(number), **plan.options)


def _name(number: int) -> str:
    """Return what messages call a part that has no path."""
    return f"data[{number}]"


def _same(source: Any) -> Any:
    return source


def _seed(settings: Settings, number: int) -> int:
    """Return the seed of a part's split: for the first one that of the whole."""
    return settings.seed_of_split if number == 0 else random_bits(settings.seed_of_split, number)


_ENGINES: dict[tuple[Any, ...], Engine] = {}


def _engine(plan: Plan) -> Engine:
    key = (plan.net, plan.settings.dtype, plan.settings.threads)
    if key not in _ENGINES:
        _ENGINES.clear()
        _ENGINES[key] = Engine(plan.net, dtype=plan.settings.dtype, threads=plan.settings.threads)
    return _ENGINES[key]


# In the process that asks


class _Parts:
    """All parts, as one sum."""

    def __init__(self, plan: Plan, sources: Sequence[Any], workers: Workers) -> None:
        self.workers = workers
        lying = [workers.keep(_same, workers.carry(source)) for source in sources]
        facts = self._facts(lying, plan)
        classes = plan.options["classes"]
        if classes is None and (classes := _classes(list(facts.values()))) is not None:
            plan = replace(plan, options={**plan.options, "classes": classes})
            if any(own.targets.classes != classes for own in facts.values()):
                facts = self._facts(lying, plan)
        self.facts = list(facts.values())
        first = self.facts[0]
        names = (first.input_names, first.target_names)
        if any((own.input_names, own.target_names) != names for own in self.facts):
            raise SelectionError("other_columns", read=", ".join((*names[0], *names[1])))
        self.targets = first.targets if classes is not None else replace(first.targets, classes=())
        standardise = plan.settings.standardise
        self.scales = (
            _scale([own.x for own in self.facts], wanted=standardise),
            _scale([own.y for own in self.facts], wanted=standardise and self.targets.scaled),
        )
        self.count = sum(own.x.count for own in self.facts)
        self.aside = sum(own.rows for own in self.facts) - self.count
        self.digest = hashlib.sha256("".join(own.digest for own in self.facts).encode()).hexdigest()[:32]
        self.plan = replace(plan, targets=self.targets, scales=self.scales)
        self.held = {number: workers.keep(hold, self.plan, number, lying[number]) for number in facts}
        self.validation = 0.0

    def _facts(self, lying: Sequence[Any], plan: Plan) -> dict[int, Facts]:
        """Return what each part that has rows says of itself, by its number."""
        found: dict[int, Facts | None] = self._each(look, dict(enumerate(lying)), plan)
        facts = {number: own for number, own in found.items() if own is not None}
        if not facts:
            raise DataError("empty_file", place=Place(_name(0)))
        return facts

    def total(self, params: Array) -> tuple[float, NDArray[np.float64]]:
        """Return the sum of all training losses and its gradient; `validation` is then the loss kept aside."""
        value, slope, aside = 0.0, np.zeros(len(params)), 0.0
        found: dict[int, tuple[float, Array, float]] = self._each(partial, self.held, (self.plan, params))
        for own in found.values():
            value, slope, aside = value + own[0], slope + own[1], aside + own[2]
        self.validation = aside
        return value, slope

    def metrics(self, params: Array) -> list[Metrics | None]:
        """Return what parameters come to on all training samples, and on all that are kept aside."""
        tallies: dict[int, tuple[Tally, Tally]] = self._each(counted, self.held, (self.plan, params))
        found = list(tallies.values())
        sums = [sum((own[at] for own in found[1:]), start=found[0][at]) for at in range(2)]
        return [each.metrics(self.targets, self.scales[1]) if each.count else None for each in sums]

    def _each(self, function: Callable[[tuple[int, Any], Any], Any], refs: Mapping[int, Any], common: Any) -> Any:
        """Return what a function says of each part, by its number and in that order."""
        found: dict[int, Any] = {}
        for outcome in run(function, refs.items(), common, self.workers):
            found[outcome.task[0]] = outcome.value()
        return {number: found[number] for number in refs}


def _classes(facts: Sequence[Facts]) -> tuple[Label, ...] | None:
    """Return the labels of all parts; None where the targets of any are numbers."""
    if not all(own.targets.classes for own in facts):
        return None
    found = list(dict.fromkeys(label for own in facts for label in own.targets.classes))
    return tuple(sorted(found, key=str if any(isinstance(label, str) for label in found) else None))


def _scale(parts: Sequence[Moments], *, wanted: bool) -> Scale:
    columns = len(parts[0].mean)
    return Scale.joined(parts, columns) if wanted else Scale.none(columns)


def fit_partitions(
    net: Network,
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    classes: Sequence[Label] | None = None,
    weights: Mapping[str, Any] | None = None,
    workers: int | str | Executor | Workers | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = True,
    every: float = 10.0,
    report: Callable[[Epoch], None] | None = None,
    settings: Settings | None = None,
    **choices: Any,
) -> Model:
    """Return a network trained on samples in parts, by steps that take all of them.

    An epoch is one step; with `lbfgs`, a round of 20 iterations. What is kept aside for validation, and the scaling,
    are those of all parts together.

    Args:
        net: the network.
        data: the parts, as for `partitions_of`.
        target: the names of the target columns.
        inputs: the names of the input columns.
        classes: the labels that there may be; left out, they are found.
        weights: numbers to start from, by name.
        workers: who works on the parts, as for `chainrule.workers.workers_of`; left out, this process.
        checkpoint: a file that keeps how far it is, and in the end the model.
        resume: whether to go on from such a file.
        every: seconds between two checkpoints.
        report: told of each `Epoch`.
        settings: all choices together, or …
        **choices: … by name; `batch_size` has no meaning here.

    Raises:
        DataError: for samples that do not fit.
        TrainingError: where the loss diverges; its `model` is what training had come to.
        WorkersError: where workers cannot be reached.

    Example:
        >>> from chainrule import Network
        >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
        >>> parts = [(x[at : at + 20], 2 * x[at : at + 20] + 1) for at in (0, 20, 40)]
        >>> model = fit_partitions(Network.read("1-1"), parts, optimizer="lbfgs", epochs=3)
        >>> model.predict([[0.5]]).round(6).tolist()
        [2.0]
    """
    chosen = replace(settings, **choices) if settings is not None else Settings.of(**choices)
    net = net.replace(given=replace(net.given, inputs=(), targets=()))
    options = {"target": target, "inputs": inputs, "classes": classes}
    with Here() if workers is None else workers_of(workers) as crew:
        parts = _Parts(Plan(net, replace(chosen, batch_size=0), options), partitions_of(data), crew)
        training = _Training(parts, weights, None if checkpoint is None else Path(checkpoint), resume)
        return training.run(every, report)


class _Training:
    """A training over parts, at its start or where a checkpoint left it."""

    def __init__(self, parts: _Parts, weights: Mapping[str, Any] | None, place: Path | None, resume: bool) -> None:
        self.parts, self.place = parts, place
        self.net = parts.plan.net
        sums = self.net.loss.samples == "sum"
        self.settings = parts.plan.settings.settled(sums=sums, samples=parts.count)
        name = "sgd" if self.settings.optimizer == "lbfgs" else self.settings.optimizer
        # It computes nothing here but the optimizer's updates.
        kernel = native.compile(self.net, dtype=self.settings.dtype, optimizer=name, cc="numpy")
        assert isinstance(kernel, NumpyKernel)
        self.kernel = kernel
        found = load_checkpoint(place) if resume and place is not None and place.is_file() else None
        if found is not None:
            check_same(self.net, parts.digest, self.settings, found)
            assert found.state is not None
            self.state = found.state
            if self.state.finished and self.state.epoch < self.settings.epochs > found.model.settings.epochs:
                self.state.finished = False
        else:
            start = initial_weights(self.net, initial=self.settings.initial, seed=self.settings.seed, weights=weights)
            params = self.kernel.layout.pack(start, dtype=self.kernel.dtype)
            self.state = State(params, params.copy(), self.kernel.state(seed=self.settings.seed))

    def run(self, every: float, report: Callable[[Epoch], None] | None) -> Model:
        """Train to the end, and return the model."""
        state, settings, parts = self.state, self.settings, self.parts
        count, saved = parts.count, time.monotonic()
        ahead = None if state.finished else parts.total(state.params)
        while not state.finished and ahead is not None:
            rate = settings.rates_of(state.epoch, steps=1)[0]
            value, slope = ahead
            if state.epoch == 0:
                state.start_loss = value / count
            good = state.copy()
            still = False
            if settings.optimizer == "lbfgs":
                value, still = minimise(parts.total, state.params, count, decay=settings.decay)
            else:
                gradient = slope / count if self.net.loss.samples == "mean" else slope
                self.kernel.step(state.params, state.optimizer, gradient, rate=rate, **settings.optimizer_settings)
            ahead = parts.total(state.params)
            loss = value / count
            if not np.isfinite([loss, ahead[0]]).all() or loss > EXPLODED * max(1.0, state.start_loss):
                raise self._diverged(good, loss, rate)
            aside = parts.validation / parts.aside if parts.aside else float("nan")
            done = Epoch(state.epoch + 1, rate, loss, aside)
            state.history.append(done)
            state.epoch += 1
            if state.best_epoch == 0 or done.watched < state.history[state.best_epoch - 1].watched:
                state.best_epoch, state.best = done.number, state.params.copy()
            patience = settings.patience
            over = patience is not None and done.number - state.best_epoch >= patience
            state.finished = still or over or state.epoch >= settings.epochs
            if report is not None:
                report(done)
            if self.place is not None and time.monotonic() - saved >= every and not state.finished:
                save_checkpoint(self.place, self.model(state), state, parts.digest)
                saved = time.monotonic()
        model = self.model(state)
        if self.place is not None:
            save_checkpoint(self.place, model, state, parts.digest)
        return model

    def _diverged(self, good: State, loss: float, rate: float) -> TrainingError:
        error = TrainingError(
            "diverged", epoch=good.epoch + 1, loss=f"{loss:.3g}", rate=f"{rate:.3g}", lower=f"{rate / 10:.1g}",
            optimizer=self.settings.optimizer,
        )  # fmt: skip
        error.model = self.model(good) if good.epoch else None
        return error

    def model(self, state: State) -> Model:
        """Return what a state comes to."""
        early = self.settings.patience is not None and state.best_epoch
        params = state.best if early else state.params
        measured = self.parts.metrics(params) if state.finished else [None, None]
        first = self.parts.facts[0]
        return Model(
            self.net.replace(given=Given()), self.kernel.layout.unpack(params), *self.parts.scales,
            self.parts.targets, first.input_names, first.target_names, self.settings, tuple(state.history),
            state.best_epoch, *measured,
        )  # fmt: skip
