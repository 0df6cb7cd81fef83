"""Many trainings: networks, settings and seeds in all combinations, compared on the same samples kept aside.

    trials     networks × settings × seeds → Trial, in order
    sweep      trials → Sweep, through workers, with a journal

A trial is a training. Its split follows from one seed that all trials have in common, so that they are compared, and
may be averaged, on samples that none of them saw; weights and order follow from its own. Trials that differ in
`group.OF_EACH` only go side by side in one ensemble. What a trial comes to depends on nothing but its own settings: not
on which others there are, and not on who trains it.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import SelectionError, TrainingError, raise_all
from chainrule.judge.journal import Journal
from chainrule.network import Given
from chainrule.train.blocks import kept_aside
from chainrule.train.checkpoint import packed, unpacked
from chainrule.train.ensemble import ModelEnsemble
from chainrule.train.group import Trained, group_of, train_group
from chainrule.train.metrics import Metrics
from chainrule.train.model import Model
from chainrule.train.samples import Samples, read_samples
from chainrule.train.settings import Settings
from chainrule.workers import Here, Workers, run, workers_of

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.targets import Label

TOGETHER = 128
"""How many trials go side by side at most."""

WORTH = 3e10
"""Multiplications beyond which it is worth to start processes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A training among others.

    Attributes:
        configuration: the number of its configuration, counted from 0: trials of one differ in their seeds only.
        network: what is trained.
        settings: how.
    """

    configuration: int
    network: Network
    settings: Settings


@dataclass(frozen=True, eq=False)
class Configuration:
    """A network and settings, and what its trials came to.

    Attributes:
        network: the network.
        varied: the settings by which configurations differ.
        seeds: of its trials, in order.
        results: what they came to.
    """

    network: Network
    varied: Mapping[str, Any]
    seeds: tuple[int, ...]
    results: tuple[Trained, ...]

    @cached_property
    def name(self) -> str:
        """What tables call it."""
        from chainrule.train.command import named

        return " ".join([named(self.network), *(f"{name}={value}" for name, value in self.varied.items())])

    @property
    def models(self) -> tuple[Model, ...]:
        """The models of the trials that came to their end."""
        return tuple(trained.model for trained in self.results if trained.model is not None and not trained.error)

    def values(self, part: str, name: str) -> list[float]:
        """Return a metric of its models.

        Args:
            part: training or validation.
            name: loss, rmse, r2 or accuracy.
        """
        measured: list[Metrics | None] = [getattr(model, part) for model in self.models]
        found = [getattr(metrics, name) for metrics in measured if metrics is not None]
        return [float(value) for value in found if value is not None]

    def watched(self) -> list[float]:
        """Return the losses by which trials are compared: on validation, where samples are kept aside."""
        return self.values("validation", "loss") or self.values("training", "loss")

    def mean(self, part: str, name: str) -> tuple[float, float]:
        """Return the mean of a metric over its models and its standard deviation (that of the sample, n − 1)."""
        values = self.values(part, name)
        if not values:
            return math.nan, math.nan
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True, eq=False)
class Sweep:
    """What trials came to.

    Attributes:
        configurations: in the order in which they were given.
        samples: what they were trained on, and `settings` what all of them have in common.

    Example:
        >>> import numpy as np
        >>> from chainrule import Network
        >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
        >>> found = Network.read("1-3:tanh-1 --bias").sweep(x, x**2, seeds=4, vary={"rate": [0.03, 1e-6]}, epochs=200)
        >>> [configuration.name for configuration in found.ranked]
        ['1-3:tanh-1 --bias rate=0.03', '1-3:tanh-1 --bias rate=1e-06']
        >>> found.best.settings.rate, len(found.ensemble().models)
        (0.03, 4)
    """

    configurations: tuple[Configuration, ...]
    samples: Samples
    settings: Settings

    @cached_property
    def ranked(self) -> tuple[Configuration, ...]:
        """The configurations, the one with the lowest mean loss first; those without any model last."""
        means = {id(c): float(np.mean(c.watched())) if c.watched() else math.inf for c in self.configurations}
        return tuple(sorted(self.configurations, key=lambda c: means[id(c)]))

    @property
    def best(self) -> Model:
        """The best model of the best configuration.

        Raises:
            TrainingError: where no trial came to its end.
        """
        first = self.ranked[0]
        if not first.models:
            raise TrainingError("no_trial", reason=next((r.error for r in first.results), "").splitlines()[0])
        losses = first.watched()
        return first.models[losses.index(min(losses))]

    def ensemble(self, configuration: Configuration | None = None) -> ModelEnsemble:
        """Return the models of a configuration together, of the best one where left out."""
        _ = self.best
        return ModelEnsemble((configuration or self.ranked[0]).models)

    def measure_ensemble(self, configuration: Configuration | None = None) -> Metrics:
        """Return how good the models of a configuration are together, on the samples kept aside.

        Where none are kept aside, it is on all of them.
        """
        settings, samples = self.settings, self.samples
        rows = np.flatnonzero(kept_aside(len(samples), settings.validation, settings.seed_of_split))
        rows = rows if len(rows) else np.arange(len(samples))
        y: Any = samples.y[rows]
        if samples.targets.classes:
            y = samples.targets.label_array()[y[:, 0].astype(np.intp)]
        return self.ensemble(configuration).measure(samples.x[rows], y)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each configuration, the best first: means and standard deviations over its seeds."""
        for place, c in enumerate(self.ranked, start=1):
            row: dict[str, Any] = {
                "rank": place, "configuration": c.name, "trials": len(c.results),
                "failed": len(c.results) - len(c.models),
            }  # fmt: skip
            for part in ("training", "validation"):
                for name in ("loss", "rmse", "r2", "accuracy"):
                    mean, deviation = c.mean(part, name)
                    if not math.isnan(mean):
                        row |= {f"{part}_{name}": mean, f"{part}_{name}_sd": deviation}
            yield row

    def trial_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each trial, in order."""
        for c in self.configurations:
            for seed, trained in zip(c.seeds, c.results, strict=True):
                row: dict[str, Any] = {"configuration": c.name, "seed": seed, "error": trained.error}
                model = trained.model
                if model is not None:
                    row |= {"epochs": len(model.history), "best_epoch": model.best_epoch}
                    for part in ("training", "validation"):
                        metrics = getattr(model, part)
                        if metrics is not None:
                            row |= {f"{part}_{name}": v for name, v in asdict(metrics).items() if v is not None}
                yield row


def trials(
    networks: Sequence[Network], seeds: Iterable[int], vary: Mapping[str, Sequence[Any]], settings: Settings
) -> list[Trial]:
    """Return the trials of all combinations.

    Raises:
        SelectionError: where a setting does not exist or is out of range, or there is nothing to train.
    """
    for name in vary:
        if name in ("seed", "split_seed", "validation", "standardise", "dtype", "threads"):
            raise SelectionError("not_varied", read=name)
    known = list(seeds)
    if not known or not networks or not all(vary.values()):
        raise SelectionError("no_trials")
    if len(set(known)) < len(known):
        raise SelectionError("seed_twice", read=next(seed for seed in known if known.count(seed) > 1))
    split = settings.seed_of_split
    problems, found = [], []
    combinations = itertools.product(networks, *vary.values())
    for number, (network, *values) in enumerate(combinations):
        chosen = dict(zip(vary, values, strict=True))
        try:
            own = Settings.of(**{**settings.to_dict(), **chosen, "split_seed": split})
        except SelectionError as problem:
            problems.append(problem)
            continue
        found += [Trial(number, network, replace(own, seed=seed)) for seed in known]
    raise_all(list({problem.message(): problem for problem in problems}.values()))
    return found


def sweep(
    net: Network,
    data: Any,
    targets: Any = None,
    *,
    seeds: int | Iterable[int] = 10,
    vary: Mapping[str, Sequence[Any]] | None = None,
    networks: Sequence[Network | str] = (),
    target: str | Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    classes: Sequence[Label] | None = None,
    workers: int | str | Executor | Workers | None = None,
    journal: str | os.PathLike[str] | None = None,
    resume: bool = True,
    report: Callable[[int, int], None] | None = None,
    settings: Settings | None = None,
    **choices: Any,
) -> Sweep:
    """Train a network with many seeds, and with other settings, and other networks beside it.

    Args:
        net: the network.
        data: the samples, as for `Network.fit`.
        targets: the targets, where they stand apart.
        seeds: how many, from `seed` on; or which.
        vary: settings by name, each with the values to be tried: `{"rate": [0.01, 0.1], "batch_size": [16, 64]}`.
        networks: others to be tried, with the same inputs and outputs.
        target: the names of the target columns.
        inputs: the names of the input columns.
        classes: the labels that there may be.
        workers: who trains, as for `chainrule.workers.workers_of`; left out, processes where it takes long enough.
        journal: a file that keeps what each trial came to, so that what was killed goes on from there.
        resume: whether to read what such a file holds.
        report: told how many trials are done, and of how many.
        settings: what all trials have in common, or …
        **choices: … by name.

    Raises:
        DataError: for samples that do not fit.
        SelectionError: for a choice that does not exist.
        WorkersError: where workers cannot be reached.
    """
    chosen = replace(settings, **choices) if settings is not None else Settings.of(**choices)
    every = [net, *(_network(other) for other in networks)]
    pair = data if targets is None else (data, targets)
    known = range(chosen.seed, chosen.seed + seeds) if isinstance(seeds, int) else seeds
    planned = trials(every, known, vary or {}, chosen)
    samples = [read_samples(one, pair, target=target, inputs=inputs, classes=classes, memory=1 << 62) for one in every]
    if any(each.targets != samples[0].targets for each in samples):
        raise SelectionError("ensemble_members", read=len(every))
    with ExitStack() as stack:
        kept = None if journal is None else stack.enter_context(Journal(Path(journal), resume=resume))
        results = dict(_results(planned, samples[0], workers, kept, report))
    return Sweep(tuple(_configurations(planned, results, vary or {})), samples[0], chosen)


def _network(other: Network | str) -> Network:
    from chainrule.network import Network as Kind

    return Kind.read(other) if isinstance(other, str) else other


def _configurations(
    planned: Sequence[Trial], results: Mapping[int, Trained], vary: Mapping[str, Sequence[Any]]
) -> Iterator[Configuration]:
    for _, own in itertools.groupby(enumerate(planned), key=lambda pair: pair[1].configuration):
        members = list(own)
        first = members[0][1]
        yield Configuration(
            first.network.replace(given=Given()), {name: getattr(first.settings, name) for name in vary},
            tuple(trial.settings.seed for _, trial in members), tuple(results[at] for at, _ in members),
        )  # fmt: skip


def _results(
    planned: Sequence[Trial],
    samples: Samples,
    workers: int | str | Executor | Workers | None,
    journal: Journal | None,
    report: Callable[[int, int], None] | None,
) -> Iterator[tuple[int, Trained]]:
    """Yield what each trial came to, by its number: from the journal, and then as they are done."""
    keys = [_key(trial, samples) for trial in planned]
    missing: list[int] = []
    done = 0
    for at, key in enumerate(keys):
        record = None if journal is None else journal.get(key)
        if record is None:
            missing.append(at)
            continue
        model = None if record["model"] is None else unpacked(base64.b64decode(record["model"]))
        yield at, Trained(model, record["error"])
        done += 1
    tell = report or (lambda done, total: None)
    tell(done, len(planned))
    if not missing:
        return
    work = sum(_work(planned[at], len(samples)) for at in missing)
    with Here() if workers is None and work < WORTH else workers_of(workers) as crew:
        lots = list(_lots(planned, missing, crew.count))
        for outcome in run(_train, [[(at, planned[at]) for at in lot] for lot in lots], samples, crew):
            results = outcome.result or [(None, f"{type(outcome.error).__name__}: {outcome.error}")] * len(outcome.task)
            for (at, trial), (content, error) in zip(outcome.task, results, strict=True):
                if journal is not None and outcome.error is None:
                    text = None if content is None else base64.b64encode(content).decode()
                    name = f"{trial.configuration}/{trial.settings.seed}"
                    journal.add(keys[at], {"source": name, "model": text, "error": error})
                yield at, Trained(None if content is None else unpacked(content), error)
                done += 1
            tell(done, len(planned))


def _lots(planned: Sequence[Trial], missing: Sequence[int], count: int) -> Iterator[list[int]]:
    """Yield trials that go side by side, no more at a time than give every worker something to do."""

    def kind(at: int) -> str:
        trial = planned[at]
        return json.dumps([trial.network.to_toml(), asdict(group_of(trial.settings))])

    for _, same in itertools.groupby(sorted(missing, key=lambda at: (kind(at), at)), key=kind):
        own = list(same)
        # Whole vectors of any machine's width, as long as there is enough for everyone.
        size = min(TOGETHER, max(1, math.ceil(len(own) / (2 * count))))
        size = size if size < 16 else size // 16 * 16
        for start in range(0, len(own), size):
            yield own[start : start + size]


def _train(lot: Sequence[tuple[int, Trial]], samples: Samples) -> list[tuple[bytes | None, str]]:
    """Train some trials: what a worker does."""
    trained = train_group(lot[0][1].network, samples, [trial.settings for _, trial in lot])
    return [(None if own.model is None else packed(own.model), own.error) for own in trained]


def _work(trial: Trial, rows: int) -> float:
    weights = sum(1 for _ in trial.network.weights())
    return 3.0 * weights * rows * trial.settings.epochs


def _key(trial: Trial, samples: Samples) -> str:
    """Return what a trial's result depends on, in short."""
    from chainrule import __version__

    settings = {name: value for name, value in trial.settings.to_dict().items() if name != "threads"}
    facts = [__version__, samples.digest, trial.network.to_toml(), settings]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
