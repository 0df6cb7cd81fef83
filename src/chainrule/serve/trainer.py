"""One training of one visitor, in a process of its own: it goes, pauses and steps as it is told, and tells how it goes.

told    ("go",), ("pause",), ("step",), ("speed", epochs a second)
tells   ("begin", …), ("moment", …), ("end", …): plain values, which `chainrule.serve.training` passes on
"""

from __future__ import annotations

import logging
import math
import os
import re
import tempfile
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, TrainingError
from chainrule.serve.requests import Fields
from chainrule.serve.settle import settle

if TYPE_CHECKING:
    from chainrule.train.fit import Training
    from chainrule.train.loop import Epoch
    from chainrule.train.settings import Settings

SETTINGS = ("epochs", "batch_size", "optimizer", "rate", "momentum", "weight_decay", "initial", "seed", "validation",
            "standardise")  # fmt: skip
"""The choices of `chainrule.train.Settings` that a visitor has."""

TRAIN = frozenset({
    "network", "p", "x", "target", "data", "csv", "name", "columns", "settings", "speed", "running", "lang",
})  # fmt: skip
"""The fields that a request may have."""

log = logging.getLogger("chainrule.serve")

MOST_EPOCHS = 10_000
MOST_SPEED = 10_000.0
MOST_SECONDS = 600.0
"""How long a training may compute; pauses are not counted."""

MOST_POINTS = 500
"""How many samples are sent to be drawn."""

MOMENT = 1 / 15
"""Seconds between two moments that are told."""

FLUENT = 50_000
"""How many parameters a second are told, at most: large networks are told of more rarely."""


def train(pipe: Connection, request: dict[str, Any]) -> None:
    """Train, until the end or until nobody listens: what the process does."""
    settle(nice=10)
    lang = "ko" if request.get("lang") == "ko" else "en"
    try:
        with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
            os.chdir(folder)  # so that messages call the file by its own name
            fields = Fields(request, TRAIN)
            try:
                training = _prepared(fields)
                course = Course(pipe, training, fields)
                pipe.send(("begin", beginning(training)))
                course.run()
            except TrainingError as error:
                pipe.send(("end", {"reason": "diverged", "message": error.message(lang=lang)}))
            except ChainruleError as error:
                pipe.send(("end", {"reason": "refused", "message": error.message(lang=lang)}))
            except MemoryError:
                pipe.send(("end", {"reason": "memory"}))
            except OSError:
                raise
            except Exception:
                log.critical("a training failed", exc_info=True)
                pipe.send(("end", {"reason": "failed"}))
    except (EOFError, OSError):
        return  # nobody listens any more


def _prepared(fields: Fields) -> Training:
    from chainrule.serve.data import draw
    from chainrule.serve.numbers import network_of, with_numbers
    from chainrule.train.fit import prepare
    from chainrule.train.samples import read_samples

    net = with_numbers(network_of(fields), fields)
    settings = _settings(fields)
    if fields.has("csv"):
        name = re.sub(r"[^\w. -]", "_", os.path.basename(fields.text("name", default="data.csv")))[-60:]
        path = name if name.lower().endswith((".csv", ".tsv", ".txt")) else name + ".csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(fields.text("csv"))
        wanted = [word.strip() for word in fields.text("columns", default="").split(",") if word.strip()]
        samples = read_samples(net, path, target=wanted or None)
    else:
        samples = read_samples(net, draw(net, fields.text("data"), seed=settings.seed))
    return prepare(net, samples, settings)


def _settings(fields: Fields) -> Settings:
    from chainrule.train.settings import Settings

    inner = fields.inner("settings", SETTINGS)
    inner.whole("epochs", low=1, high=MOST_EPOCHS, default=1)
    return Settings.of(**{name: value for name, value in inner.found.items() if value is not None})


def beginning(training: Training) -> dict[str, Any]:
    """Return what is known before the first step.

    `p` are the parameters; `x` and `target` the first samples as the network sees them, standardised where they are,
    and `aside` which of these are kept to watch the loss; `scale` is how to get from what the data say to that.
    """
    import numpy as np

    part, other = training.parts.training, training.parts.validation
    x, y = part.block(0)
    if len(other):
        more_x, more_y = other.block(0)
        kept = round(MOST_POINTS * len(other) / (len(other) + len(part)))
        x, y, more_x, more_y = x[: MOST_POINTS - kept], y[: MOST_POINTS - kept], more_x[:kept], more_y[:kept]
        x, y, aside = np.concatenate([x, more_x]), np.concatenate([y, more_y]), [0] * len(x) + [1] * len(more_x)
    else:
        x, y, aside = x[:MOST_POINTS], y[:MOST_POINTS], [0] * min(len(x), MOST_POINTS)
    samples, settings = training.samples, training.settings
    return {
        "p": training.state.params.tolist(),
        "x": x.tolist(), "target": y.reshape(len(y), -1).tolist(), "aside": aside,
        "samples": len(part), "kept": len(other),
        "scale": {
            name: {"mean": scale.mean.tolist(), "deviation": scale.deviation.tolist()}
            for name, scale in (("x", part.x_scale), ("target", part.y_scale))
        },
        "kind": samples.targets.kind, "logits": samples.targets.logits,
        "classes": [str(label) for label in samples.targets.classes],
        "names": {"x": list(samples.input_names), "target": list(samples.target_names)},
        "loss": _number(training.state.start_loss),
        "settings": {name: getattr(settings, name) for name in SETTINGS},
    }  # fmt: skip


class Course:
    """A training that is led through a pipe.

    Args:
        pipe: where it is told what to do, and tells what it came to.
        training: from `chainrule.train.fit.prepare`.
        fields: `speed`, epochs a second, and `running`, whether it goes at once.
    """

    def __init__(self, pipe: Connection, training: Training, fields: Fields) -> None:
        self.pipe = pipe
        self.training = training
        self.speed = fields.number("speed", low=0.1, high=MOST_SPEED, default=20.0)
        self.running = fields.choice("running", ("yes", "no"), default="yes") == "yes"
        self.steps = 0
        self.fresh: list[list[Any]] = []
        self.last: Epoch | None = None
        self.told = -math.inf
        self.began = time.monotonic()
        self.computed = 0.0

    def run(self) -> None:
        """Go through the epochs, until there are none left or it has computed for too long."""
        state = self.training.state
        epochs = self.training.loop.run(state)
        while not state.finished:
            if state.block == 0:
                self.hold()
            self.began = time.monotonic()
            done = next(epochs, None)
            self.computed += time.monotonic() - self.began
            if done is not None:
                self.last = done
                self.fresh.append([done.number, _number(done.loss), _number(done.validation)])
                wait = max(MOMENT, state.params.size / FLUENT)
                if time.monotonic() - self.told >= wait:
                    self.tell()
            if self.computed > MOST_SECONDS:
                self.tell()
                self.pipe.send(("end", {"reason": "time"}))
                return
        self.tell()
        self.pipe.send(("end", {"reason": "finished"}))

    def hold(self) -> None:
        """Wait until the next epoch is due, doing what it is told meanwhile."""
        while True:
            if self.running or self.steps:
                left = 0.0 if self.steps else max(0.0, self.began + 1 / self.speed - time.monotonic())
                if not self.pipe.poll(left):
                    self.steps = max(0, self.steps - 1)
                    return
            else:
                self.tell()
            self.obey(*self.pipe.recv())

    def obey(self, word: str, value: float = 0.0) -> None:
        """Do as it is told."""
        if word == "speed":
            self.speed = value
        elif word == "step":
            self.running, self.steps = False, min(self.steps + 1, 100)
        else:
            self.running, self.steps = word == "go", 0

    def tell(self) -> None:
        """Tell what has come since it was told last."""
        if self.last is None or not self.fresh:
            return
        self.pipe.send(
            (
                "moment",
                {
                    "epoch": self.last.number, "rate": self.last.rate, "metric": _number(self.last.metric),
                    "points": self.fresh, "p": self.training.state.params.tolist(),
                },
            )
        )  # fmt: skip
        self.fresh = []
        self.told = time.monotonic()


def _number(value: float) -> float | None:
    """Return a number that JSON has; None for the others."""
    return float(value) if math.isfinite(value) else None
