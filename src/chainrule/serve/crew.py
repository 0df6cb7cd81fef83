"""Processes that compute for visitors: one job each at a time, and a process that takes too long is killed.

The process that answers only waits. A job that is killed takes nothing with it but its own process, which is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.serve.requests import RequestError
from chainrule.serve.settle import end, launch, settle

MOST_WAITING = 1000
"""How many jobs may wait for a process; more are turned away at once, and told to come back."""

ATTEMPTS = 2
"""How often a job is begun whose process dies under it."""

START_SECONDS = 60.0
"""How long a process may take to start and to load what it needs."""

log = logging.getLogger("chainrule.serve")

_SPAWN = get_context("spawn")  # a fork would copy the sockets of the visitors


class Overtime(Exception):
    """A job took longer than it may."""


class Lost(Exception):
    """The process died: killed from outside, or out of memory."""


class Crew:
    """Some processes, and the jobs that wait for them, first come, first served.

    Args:
        size: how many processes.
        job: the job that they mostly do, whose modules they load at once.
        nice: by how much they give way to others.
    """

    def __init__(self, size: int, job: str, *, nice: int = 5) -> None:
        self.idle: deque[_Member] = deque(_Member(job, nice) for _ in range(size))
        self.members = tuple(self.idle)
        self.waiting: deque[asyncio.Future[_Member]] = deque()
        self.threads = ThreadPoolExecutor(size, thread_name_prefix="crew")

    def start(self) -> None:
        """Have every process begin to load what it will need."""
        for member in self.members:
            member.begin()

    async def run(
        self, job: str, request: dict[str, Any], *, seconds: float, wanted: Callable[[], Any] | None = None
    ) -> Any:
        """Return what a job comes to.

        Args:
            job: the name of a function in `chainrule.serve.work`.
            request: what it is given.
            seconds: how long it may take, from its beginning.
            wanted: awaited when its turn has come: whether somebody still waits for it.

        Raises:
            ChainruleError: what the job raised.
            RequestError: where it took too long (504), too many wait or the server ends (503), or it cannot be done in
                the memory that there is (422).
        """
        if len(self.waiting) >= MOST_WAITING:
            raise RequestError("too_many_waiting", most=MOST_WAITING)
        member = await self._member()
        try:
            if wanted is not None and not await wanted():
                raise RequestError("nobody_waits")
            for _ in range(ATTEMPTS):
                with contextlib.suppress(Lost):
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(self.threads, member.run, job, request, seconds)
            raise RequestError("server_ends") if member.closed else RequestError("process_lost")
        except Overtime:
            raise RequestError("over_time", seconds=f"{seconds:g}") from None
        finally:
            self._back(member)

    async def _member(self) -> _Member:
        if self.idle:
            return self.idle.popleft()
        turn: asyncio.Future[_Member] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._back(turn.result())
            else:
                self.waiting.remove(turn)
            raise

    def _back(self, member: _Member) -> None:
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(member)
                return
        self.idle.append(member)

    def close(self) -> None:
        """End every process."""
        for member in self.members:
            member.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


class _Member:
    """One process, started when it is first needed and again after it was killed."""

    def __init__(self, job: str, nice: int) -> None:
        self.job = job
        self.nice = nice
        self.process: BaseProcess | None = None
        self.pipe: Connection | None = None
        self.ready = False
        self.closed = False

    def begin(self) -> Connection:
        """Start the process, unless it runs."""
        if self.pipe is None:
            pipe, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=work_on, args=(theirs, self.job, self.nice), daemon=True)
            launch(process)
            theirs.close()
            self.process, self.pipe, self.ready = process, pipe, False
        if self.closed:  # which may have happened meanwhile, in another thread
            self.kill()
            raise Lost
        return self.pipe

    def run(self, job: str, request: dict[str, Any], seconds: float) -> Any:
        """Return what a job comes to. This waits, in a thread."""
        pipe = self.begin()
        try:
            if not self.ready:
                self._answer(pipe, START_SECONDS)
                self.ready = True
            pipe.send((job, request))
            came, value = self._answer(pipe, seconds)
        except (EOFError, OSError):
            came, value = "lost", None
        if came == "lost":
            self.kill()
            raise Lost
        if came == "failed":
            log.critical("%s failed:\n%s", job, value)
            raise RequestError("job_failed")
        if came == "error":
            raise value
        return value

    def _answer(self, pipe: Connection, seconds: float) -> tuple[str, Any]:
        if not pipe.poll(seconds):
            self.kill()
            raise Overtime
        found: tuple[str, Any] = pipe.recv()
        return found

    def kill(self) -> None:
        """End the process, whatever it does."""
        process, pipe, self.process, self.pipe = self.process, self.pipe, None, None
        if process is not None:
            end(process.pid)
            process.join(5)
        if pipe is not None:
            pipe.close()

    def close(self) -> None:
        """End the process for good. A thread that waits for its answer sees the pipe end."""
        self.closed = True
        process = self.process
        if process is not None:
            end(process.pid)
            process.join(5)


def work_on(pipe: Connection, mostly: str, nice: int) -> None:
    """Do one job after the other, mostly of one kind: what a process of the crew does."""
    settle(nice=nice)
    from chainrule.serve.work import JOBS, warm

    warm(mostly)
    pipe.send(("ready", None))
    while True:
        try:
            job, request = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[str, Any] = ("done", JOBS[job](request))
        except ChainruleError as error:
            answer = ("error", error)
        except MemoryError:
            answer = ("lost", None)
        except Exception:
            answer = ("failed", traceback.format_exc())
        try:
            pipe.send(answer)
        except OSError:
            return
