"""`chainrule sweep`: what the command does with its words and options."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import SelectionError
from chainrule.output import write_whole
from chainrule.prose import sentence
from chainrule.train.command import settings_of, words
from chainrule.train.metrics import Metrics
from chainrule.train.sweep import Sweep, sweep
from chainrule.width import columns

if TYPE_CHECKING:
    from chainrule.network import Network

VARIED = {
    "rates": ("rate", float), "batch_sizes": ("batch_size", int), "optimizers": ("optimizer", str),
    "weight_decays": ("weight_decay", float), "initials": ("initial", str),
}  # fmt: skip
"""Options that take several values, the setting that each varies, and what its values are."""

METRICS = ("loss", "rmse", "r2", "accuracy")


def sweep_network(nets: list[Network], data: str, options: dict[str, Any]) -> Iterator[str]:
    """Yield the pieces of what `chainrule sweep` prints, after all trials and the files of its folder.

    Args:
        nets: the network, and others to be tried.
        data: the file with the samples.
        options: those of the command line.
    """
    lang, folder = options["lang"], options["out"]
    vary = {name: _values(text, kind, option) for option, (name, kind) in VARIED.items() if (text := options[option])}
    progress = _Progress(lang)
    try:
        found = sweep(
            nets[0], data, networks=nets[1:], seeds=options["seeds"], vary=vary, settings=settings_of(options),
            target=words(options["target"]), inputs=words(options["inputs_"]),
            workers=options["dask"] or options["jobs"],
            journal=None if folder is None else Path(folder) / "trials.jsonl", resume=options["resume"],
            report=progress,
        )  # fmt: skip
    finally:
        progress.close()
    together = found.measure_ensemble()
    files = {} if folder is None else _write(Path(folder), found)
    if options["format_"] == "json":
        summary = {
            "configurations": list(found.rows()),
            "best": {"configuration": found.ranked[0].name, "seed": found.best.settings.seed},
            "ensemble": {name: value for name, value in asdict(together).items() if value is not None},
            "files": files,
        }
        yield json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    elif options["format_"] == "csv":
        yield from csv_rows(found.rows())
    else:
        yield from _table(found, lang)
        yield from _notes(found, together, files, lang)


def _values(text: str, kind: type, option: str) -> list[Any]:
    """Return the values that are set off by commas."""
    found = []
    for word in words(text) or []:
        try:
            found.append(kind(word))
        except ValueError:
            name = "--" + option.replace("_", "-")
            raise SelectionError("swept_value", option=name, read=word, kind=kind.__name__) from None
    return found


def _write(folder: Path, found: Sweep) -> dict[str, str]:
    """Write the tables, the best model and the ensemble of the best configuration; return the files by their kind."""
    files = {
        "model": folder / "best.safetensors", "ensemble": folder / "ensemble.safetensors",
        "configurations": folder / "configurations.csv", "trials": folder / "trials.csv",
    }  # fmt: skip
    found.best.save(files["model"])
    found.ensemble().save(files["ensemble"])
    write_whole(files["configurations"], csv_rows(found.rows()))
    write_whole(files["trials"], csv_rows(found.trial_rows()))
    return {name: str(path) for name, path in files.items()}


def csv_rows(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield rows as CSV, under the names that any of them has."""
    known = list(rows)
    names = list(dict.fromkeys(name for row in known for name in row))
    for cells in (names, *([row.get(name, "") for name in names] for row in known)):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        yield line.getvalue()


def _table(found: Sweep, lang: str) -> Iterator[str]:
    """Yield the configurations, the best first: how many trials, and means ± standard deviations over the seeds."""
    shown = [
        (part, name)
        for part, names in (("training", METRICS[:1]), ("validation", METRICS))
        for name in names
        if any(c.values(part, name) for c in found.configurations)
    ]
    failed = any(len(c.models) < len(c.results) for c in found.configurations)
    heads = ["configuration", "trials", *(["failed"] if failed else [])]
    table = [[sentence(f"train.sweep.{head}", lang=lang) for head in heads]]
    table[0] += [sentence(f"train.summary.{part}_{name}", lang=lang) for part, name in shown]
    for c in found.ranked:
        row = [c.name, str(len(c.results)), *([str(len(c.results) - len(c.models))] if failed else [])]
        for part, name in shown:
            mean, deviation = c.mean(part, name)
            row.append("–" if mean != mean else f"{mean:.4g} ± {deviation:.2g}")
        table.append(row)
    wide = [max(columns(row[at]) for row in table) for at in range(len(table[0]))]
    for row in table:
        cells = [cell + " " * (width - columns(cell)) for cell, width in zip(row, wide, strict=True)]
        yield "  ".join(cells).rstrip() + "\n"


def _notes(found: Sweep, together: Metrics, files: dict[str, str], lang: str) -> Iterator[str]:
    def said(metrics: Metrics | None) -> str:
        known = {} if metrics is None else asdict(metrics)
        return ", ".join(
            f"{sentence(f'train.summary.{name}', lang=lang)} {known[name]:.4g}"
            for name in METRICS
            if known.get(name) is not None
        )

    best = found.best
    yield "\n"
    yield sentence(
        "train.sweep.best", lang=lang, name=found.ranked[0].name, seed=best.settings.seed,
        metrics=said(best.validation or best.training),
    ) + "\n"  # fmt: skip
    yield sentence(
        "train.sweep.together", lang=lang, count=len(found.ranked[0].models), metrics=said(together)
    ) + "\n"  # fmt: skip
    if files:
        yield sentence("train.sweep.files", lang=lang, **files) + "\n"


class _Progress:
    """A line on standard error that says how many trials are done: on a terminal only."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.shown = sys.stderr.isatty()
        self.started = time.monotonic()
        self.known: int | None = None

    def __call__(self, done: int, total: int) -> None:
        if self.known is None:
            self.known = done
        if not self.shown:
            return
        fresh = done - self.known
        left = (time.monotonic() - self.started) / fresh * (total - done) if fresh else 0
        text = sentence("train.sweep.progress", lang=self.lang, done=done, total=total, left=f"{left:.0f}")
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def close(self) -> None:
        """Take the line away."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
