"""A line on standard error that says how training goes: on a terminal only."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from typing import TextIO

from chainrule.prose import sentence
from chainrule.train.curve import plot, spark
from chainrule.train.loop import Epoch
from chainrule.width import columns

EVERY = 0.1
"""Seconds between two looks of the line."""


class Progress:
    """What is told of epochs, shown.

    Args:
        epochs: how many there are at most.
        lang: the language of the words.
        stream: where to; standard error where left out.
    """

    def __init__(self, epochs: int, *, lang: str, stream: TextIO | None = None) -> None:
        self.epochs, self.lang = epochs, lang
        self.stream = sys.stderr if stream is None else stream
        self.shown = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = self.shown and not os.environ.get("NO_COLOR")
        self.history: list[Epoch] = []
        self.started = self.said = time.monotonic()
        self.first = 0

    def __call__(self, epoch: Epoch) -> None:
        if not self.shown:
            return
        if not self.history:
            self.first = epoch.number
        self.history.append(epoch)
        now = time.monotonic()
        if now - self.said >= EVERY:
            self.said = now
            self.stream.write(f"\r\x1b[K{self.line(now, shutil.get_terminal_size().columns - 1)}")
            self.stream.flush()

    def line(self, now: float, room: int) -> str:
        """Return the line, in no more than so many columns."""
        last = self.history[-1]
        done = last.number - self.first + 1
        left = (now - self.started) / max(1, done) * (self.epochs - last.number)
        facts = {"epoch": last.number, "epochs": self.epochs, "loss": f"{last.loss:.4g}", "left": f"{left:.0f}"}
        if math.isnan(last.validation):
            text = sentence("train.progress.plain", lang=self.lang, **facts)
        else:
            text = sentence("train.progress.watched", lang=self.lang, validation=f"{last.validation:.4g}", **facts)
        while columns(text) > room:
            text = text[:-1]
        width = min(24, room - columns(text) - 2)
        if width < 4:
            return text
        bars = spark([epoch.watched for epoch in self.history], width=width)
        return f"{text}  \x1b[36m{bars}\x1b[0m" if self.coloured else f"{text}  {bars}"

    def close(self) -> None:
        """Take the line away, and show the curve in its place."""
        if not self.shown:
            return
        self.stream.write("\r\x1b[K")
        width = min(72, shutil.get_terminal_size().columns - 14)
        rows = plot(self.history, width=width) if width >= 20 else []
        if rows:
            words = sentence("train.curve.legend", lang=self.lang)
            self.stream.write("\n".join([f"{'':11}{words}", *rows]) + "\n\n")
        self.stream.flush()
