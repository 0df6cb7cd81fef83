"""`chainrule train` and `chainrule predict`: what the commands do with their words and options."""

from __future__ import annotations

import csv
import glob
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import SelectionError
from chainrule.output import write_whole
from chainrule.prose import sentence
from chainrule.train.curve import curve_svg
from chainrule.train.ensemble import ModelEnsemble
from chainrule.train.fit import fit
from chainrule.train.metrics import Metrics
from chainrule.train.model import Model
from chainrule.train.partitions import fit_partitions
from chainrule.train.progress import Progress
from chainrule.train.settings import Settings
from chainrule.width import columns

if TYPE_CHECKING:
    from chainrule.network import Network

PREDICT_FORMATS = ("csv", "json", "npy")


def train_network(net: Network, data: str, options: dict[str, Any]) -> Iterator[str]:
    """Yield the pieces of what `chainrule train` prints, after training and writing the model and its curve."""
    lang = options["lang"]
    settings = settings_of(options)
    place = Path(options["out"])
    progress = Progress(settings.epochs, lang=lang)
    shared: dict[str, Any] = {
        "target": words(options["target"]), "inputs": words(options["inputs_"]), "settings": settings,
        "checkpoint": place, "every": options["every"], "report": progress,
    }  # fmt: skip
    try:
        if in_parts(data, options):
            if options["batch_size"]:
                raise SelectionError("parts_batch", read=options["batch_size"])
            workers = options["dask"] or options["jobs"]
            resume = options["resume"] is not False
            model = fit_partitions(net, data, workers=workers, resume=resume, **shared)
        else:
            model = fit(net, data, resume=options["resume"], **shared)
    finally:
        progress.close()
    curve = Path(options["curve"]) if options["curve"] else place.with_suffix(".svg")
    write_whole(curve, [curve_svg(model.history, best=model.best_epoch, lang=lang)])
    summary = facts(model, place, curve)
    if options["format_"] == "json":
        yield json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    else:
        yield from _table(summary, lang)


def in_parts(data: str, options: dict[str, Any]) -> bool:
    """Return whether samples lie in several files, or are worked on by several processes."""
    pattern = glob.has_magic(data) and not os.path.exists(data)
    return bool(options["dask"] or options["jobs"] or pattern or os.path.isdir(data))


def settings_of(options: dict[str, Any]) -> Settings:
    """Return the settings among the options of a command: those that were given."""
    return Settings.of(**{name: options[name] for name in Settings.names() if options.get(name) is not None})


def words(text: str | None) -> list[str] | None:
    """Return names that are set off by commas."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def facts(model: Model, place: Path, curve: Path | None) -> dict[str, Any]:
    """Return what a summary says."""
    last = model.history[-1].number
    summary: dict[str, Any] = {
        "network": named(model.network),
        "parameters": sum(int(np.size(array)) for array in model.weights.values()),
        "epochs": last, "kept": model.best_epoch if model.settings.patience is not None else last,
    }  # fmt: skip
    for part, found in (("training", model.training), ("validation", model.validation)):
        if found is not None:
            summary |= {f"{part}_{name}": value for name, value in asdict(found).items() if value is not None}
    summary["model"] = str(place)
    if curve is not None:
        summary["curve"] = str(curve)
    return summary


def named(net: Network) -> str:
    """Return what summaries call a network: its shorthand, where it has one."""
    from chainrule.errors import NetworkError

    try:
        return net.to_shorthand()
    except NetworkError:
        return net.name or "–"


def _table(summary: dict[str, Any], lang: str) -> Iterator[str]:
    rows = [
        (sentence(f"train.summary.{name}", lang=lang), f"{value:.6g}" if isinstance(value, float) else str(value))
        for name, value in summary.items()
        if value is not None
    ]
    wide = max(columns(name) for name, _ in rows)
    for name, value in rows:
        yield f"{name}{' ' * (wide - columns(name))}  {value}\n"


def predict_file(path: str, data: str, options: dict[str, Any]) -> Iterator[str] | bytes:
    """Return what `chainrule predict` writes: the answers for each row."""
    model = _loaded(path)
    form = options["format_"]
    if options["measure"]:
        found = model.measure(data)
        return _measured(found, form, options["lang"])
    if options["probabilities"]:
        answers = model.predict_proba(data)
        names = [str(label) for label in model.targets.classes] or list(model.label_names())
    else:
        answers = model.predict(data)
        names = list(model.label_names())
    table = answers.reshape(len(answers), -1)
    if form == "npy":
        if answers.dtype.kind not in "fiub":
            raise SelectionError("labels_as_numbers")
        file = io.BytesIO()
        np.save(file, answers, allow_pickle=False)
        return file.getvalue()
    return _json_rows(names, table) if form == "json" else _csv_rows(names, table)


def _loaded(path: str) -> Model | ModelEnsemble:
    found = ModelEnsemble.load(path)
    return found if len(found.models) > 1 else found.models[0]


def _measured(found: Metrics, form: str, lang: str) -> Iterator[str]:
    summary = {name: getattr(found, name) for name in ("loss", "rmse", "r2", "accuracy")}
    if form == "json":
        yield json.dumps({name: value for name, value in summary.items() if value is not None}) + "\n"
    else:
        yield from _table(summary, lang)


def _csv_rows(names: list[str], table: np.ndarray[Any, Any]) -> Iterator[str]:
    for row in (names, *table.tolist()):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def _json_rows(names: list[str], table: np.ndarray[Any, Any]) -> Iterator[str]:
    yield "["
    for at, row in enumerate(table.tolist()):
        yield ("" if at == 0 else ",") + "\n" + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
    yield "\n]\n"
