"""The trainings of all visitors: each in a process of its own, seen and led by the one who began it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from chainrule.serve.requests import RequestError
from chainrule.serve.settle import end, launch
from chainrule.serve.trainer import train

MOST_TRAININGS = 16
"""How many trainings there may be at once."""

MOST_EACH = 2
"""How many of them one visitor may have; when another one begins, the oldest ends."""

LONELY_SECONDS = 30.0
"""How long a training goes on with nobody who watches it."""

BEAT_SECONDS = 10.0
"""After so long without news a stream says that it still stands."""

MOST_WORDS = 20
"""How many words a second a training listens to."""

WORDS = ("go", "pause", "step", "speed", "stop")
"""What a training can be told."""

_SPAWN = get_context("spawn")


@dataclass(eq=False)
class Run:
    """One training.

    Attributes:
        id: what it is known by; nobody can guess it.
        visitor: who began it.
        begin, moment, end: the last that it told of each kind.
        points: [epoch, loss, validation loss] of every epoch so far.
        heard: when it was told something in the last second.
    """

    visitor: str
    pipe: Connection
    process: Any
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    begin: dict[str, Any] | None = None
    moment: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    points: list[list[Any]] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    watchers: set[asyncio.Event] = field(default_factory=set)
    lonely: asyncio.TimerHandle | None = None

    def told(self, kind: str, facts: dict[str, Any]) -> None:
        """Take in what the process tells."""
        if self.end is not None:
            return
        if kind == "begin":
            self.begin = facts
        elif kind == "moment":
            self.points += facts.pop("points")
            self.moment = facts
        else:
            self.end = facts
        for watcher in self.watchers:
            watcher.set()


class Trainings:
    """All trainings that there are."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    def start(self, visitor: str, request: dict[str, Any]) -> Run:
        """Begin a training.

        Args:
            visitor: who asks for it.
            request: the fields of `chainrule.serve.trainer.TRAIN`.

        Raises:
            RequestError: where there are too many (503).
        """
        own = [run for run in self.runs.values() if run.visitor == visitor]
        for run in own[: max(0, len(own) - MOST_EACH + 1)]:
            self.stop(run, "replaced")
            self.runs.pop(run.id, None)
        if sum(run.end is None for run in self.runs.values()) >= MOST_TRAININGS:
            raise RequestError("too_many_trainings", most=MOST_TRAININGS)
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=train, args=(theirs, request), daemon=True)
        launch(process)
        theirs.close()
        run = Run(visitor, ours, process)
        self.runs[run.id] = run
        loop = asyncio.get_running_loop()
        threading.Thread(target=_listen, args=(run, loop), name=f"training {run.id[:4]}", daemon=True).start()
        self._await_watchers(run)
        return run

    def find(self, visitor: str, name: str) -> Run:
        """Return a visitor's training.

        Raises:
            RequestError: where there is none of that name, or it is another's (404).
        """
        run = self.runs.get(name)
        if run is None or not secrets.compare_digest(run.visitor.encode(), visitor.encode()):
            raise RequestError("no_training")
        return run

    def lead(self, run: Run, word: str, value: float = 0.0) -> None:
        """Tell a training something, one of `WORDS`; one that has ended does not mind.

        Raises:
            RequestError: where it is told too much at once (429).
        """
        if word == "stop":
            self.stop(run, "stopped")
        elif run.end is None:
            now = time.monotonic()
            run.heard = [at for at in run.heard if now - at < 1]
            if len(run.heard) >= MOST_WORDS:  # what a long epoch leaves unread would fill the pipe
                raise RequestError("too_fast", most=MOST_WORDS)
            run.heard.append(now)
            with contextlib.suppress(OSError, ValueError):
                run.pipe.send((word, value))

    def stop(self, run: Run, reason: str) -> None:
        """End a training at once."""
        run.told("end", {"reason": reason})
        end(run.process.pid)

    async def watch(self, run: Run) -> AsyncIterator[bytes]:
        """Yield what a training tells, as server-sent events: `begin`, `moment`s, `end`.

        Whoever comes later, or reads slowly, gets the newest moment with the points of all that he has not had.
        """
        news = asyncio.Event()
        run.watchers.add(news)
        if run.lonely is not None:
            run.lonely.cancel()
            run.lonely = None
        begun, sent, seen = False, 0, None
        try:
            while True:
                news.clear()
                if run.begin is not None and not begun:
                    begun = True
                    yield _event("begin", run.begin)
                if run.moment is not None and run.moment is not seen:
                    seen, fresh, sent = run.moment, run.points[sent:], len(run.points)
                    yield _event("moment", {**seen, "points": fresh})
                if run.end is not None:
                    yield _event("end", run.end)
                    return
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        await news.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            run.watchers.discard(news)
            self._await_watchers(run)

    def _await_watchers(self, run: Run) -> None:
        """End a training when nobody watches it for long, and forget it then."""
        if not run.watchers and run.id in self.runs:
            loop = asyncio.get_running_loop()
            run.lonely = loop.call_later(LONELY_SECONDS, self._forget, run)

    def _forget(self, run: Run) -> None:
        self.stop(run, "lonely")
        self.runs.pop(run.id, None)

    def close(self) -> None:
        """End all of them."""
        for run in self.runs.values():
            if run.lonely is not None:
                run.lonely.cancel()
            self.stop(run, "closed")
        for run in self.runs.values():
            run.process.join(5)
        self.runs.clear()


def _listen(run: Run, loop: asyncio.AbstractEventLoop) -> None:
    """Pass on what a training's process tells, from a thread."""

    def told(kind: str, facts: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(run.told, kind, facts)

    with contextlib.suppress(EOFError, OSError, TypeError):
        while True:
            told(*run.pipe.recv())
    run.process.join()
    run.pipe.close()
    told("end", {"reason": "lost"})


def _event(name: str, facts: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(facts, allow_nan=False)}\n\n".encode()
