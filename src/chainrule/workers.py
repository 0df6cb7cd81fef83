"""Many tasks through any `concurrent.futures.Executor`: bounded, as they come, nothing lost and nothing doubled.

    workers_of    a number, an address, an executor → Workers
    run           tasks → outcomes, one for each, in the order in which they are done

A function is applied to each task, beside something that all of them share. Tasks are taken from their iterable as they
are needed, travel some at a time, and no more are on their way than keep the workers busy. What the function raises is
the outcome of its task. A worker that dies takes nothing with it: what it may have had is computed again, each task by
itself; what is lost again is computed while nothing else is; and what is lost then killed its worker, and that is its
outcome.

Which executor it is does not matter: processes of this machine, a Dask cluster, threads, MPI. With mpi4py,
`MPIPoolExecutor()` is given as it is, in a script that `mpiexec -n 1 python script.py` or `python -m mpi4py.futures`
starts. MPI itself ends the whole job when one of its processes dies, so there only what was written down is kept.

Example:
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as threads, workers_of(threads) as workers:
    ...     found = {outcome.task: outcome.result for outcome in run(pow, [2, 3, 4], 2, workers)}
    >>> sorted(found.items())
    [(2, 4), (3, 9), (4, 16)]
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from chainrule.errors import ChainruleError

IN_FLIGHT = 4
"""How many lots of tasks a worker has waiting."""

LARGE = 1 << 16
"""Bytes beyond which what tasks share does not travel with each of them."""

LOOK = 5.0
"""Seconds between two looks at whether workers that say nothing are still there."""

CONNECT = 10.0
"""Seconds that a scheduler has to answer."""

EMPTY = 300.0
"""Seconds that a cluster may have no workers at all."""

Task = TypeVar("Task")
Common = TypeVar("Common")
Result = TypeVar("Result")


class WorkersError(ChainruleError):
    """Workers that cannot be reached, or that cannot do anything at all."""


class WorkerDied(Exception):
    """The task killed the worker that it was given to, again and again; or nothing was heard of it."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """What became of a task.

    Attributes:
        task: the task.
        result: what the function returned; None where there is an error.
        error: what it raised, or WorkerDied; None where all went well.
    """

    task: Task
    result: Result | None
    error: Exception | None = None

    def value(self) -> Result:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        result: Any = self.result
        return result  # type: ignore[no-any-return]


class Workers:
    """An executor that somebody made and will end, and how many tasks it does at a time.

    Attributes:
        count: how many tasks are done at a time.
    """

    def __init__(self, executor: Executor | None, count: int) -> None:
        self._executor = executor
        self.count = count

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Return the future of a call."""
        assert self._executor is not None
        return self._executor.submit(function, *args)

    def restart(self, futures: Iterable[Future[Any]] = ()) -> None:
        """Let go of calls, and of an executor that broke or hangs, where it is ours."""
        for future in futures:
            future.cancel()

    def look(self) -> None:
        """Raise WorkersError where nothing will ever come back."""

    def carry(self, common: Any) -> Any:
        """Return what travels in place of what all tasks share."""
        return common

    def drop(self, carried: Any) -> None:
        """Forget what `carry` returned."""

    def keep(self, function: Callable[..., Any], *args: Any) -> Any:
        """Have something made where tasks are done and kept there; return what tasks find it by, with `kept`."""
        return _Recipe(uuid.uuid4().hex, function, args)

    def close(self) -> None:
        """Let go of everything that is ours."""


class Here(Workers):
    """This process: each call is done before `submit` returns."""

    def __init__(self) -> None:
        super().__init__(None, 1)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args))
        return future

    def close(self) -> None:
        _KEPT.clear()


class Processes(Workers):
    """Processes of this machine. They end with the one that started them, however that ends."""

    def __init__(self, count: int) -> None:
        super().__init__(None, count)
        self._files: list[Path] = []

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        if self._executor is None:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            self._executor = ProcessPoolExecutor(self.count, mp_context=get_context("spawn"), initializer=_begin)
        return super().submit(function, *args)

    def restart(self, futures: Iterable[Future[Any]] = ()) -> None:
        if self._executor is not None:
            running = list((getattr(self._executor, "_processes", None) or {}).values())
            self._executor.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()
            self._executor = None

    def carry(self, common: Any) -> Any:
        content = pickle.dumps(common, protocol=pickle.HIGHEST_PROTOCOL)
        if len(content) <= LARGE:
            return common
        handle, name = tempfile.mkstemp(prefix="chainrule-")
        self._files.append(Path(name))
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return _Stored(name)

    def drop(self, carried: Any) -> None:
        if isinstance(carried, _Stored):
            path = Path(carried.path)
            path.unlink(missing_ok=True)
            self._files.remove(path)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None
        for path in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()


class DaskCluster(Workers):
    """The workers of a Dask cluster, which may come and go.

    Dask's own Executor is not used: its futures stay open for ever where Dask cancels what they wait for, and where the
    client gives its scheduler up. A task that dies with its worker is tried elsewhere by Dask itself, before it says
    KilledWorker; what a function raises is not tried again, since it would only be raised again.

    Args:
        at: the address of its scheduler, or a client, which is not closed in the end.

    Raises:
        WorkersError: where Dask is not installed, or no scheduler answers.
    """

    def __init__(self, at: Any) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise WorkersError("dask_missing") from None
        connect: Any = Client  # distributed is not typed
        self._own = isinstance(at, str)
        try:
            self.client = connect(at, timeout=CONNECT, set_as_default=False) if self._own else at
            threads = sum(self.client.nthreads().values())
        except Exception as error:
            raise WorkersError("dask_unreachable", read=str(at), reason=_reason(error)[:200]) from None
        self.address = str(self.client.scheduler.address)
        self._held: dict[Future[Any], Any] = {}
        self._empty_since: float | None = None
        super().__init__(None, max(1, threads))

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Dask's remark that something is large
            theirs = self.client.submit(function, *args, pure=False, retries=0)
        ours: Future[Any] = Future()
        self._held[ours] = theirs  # what nobody holds, Dask forgets
        ours.add_done_callback(lambda future: self._held.pop(future, None))
        self.client.loop.add_callback(_follow, theirs, ours)
        return ours

    def restart(self, futures: Iterable[Future[Any]] = ()) -> None:
        theirs = [self._held.pop(future) for future in list(futures) if future in self._held]
        if theirs and self.client.status == "running":
            with suppress(Exception):  # the scheduler may go just now
                self.client.cancel(theirs)

    def look(self) -> None:
        try:
            empty = not self.client.nthreads()
        except Exception as error:
            raise WorkersError("dask_unreachable", read=self.address, reason=_reason(error)) from None
        self._empty_since = (self._empty_since or time.monotonic()) if empty else None
        if self._empty_since is not None and time.monotonic() - self._empty_since > EMPTY:
            raise WorkersError("dask_empty", read=self.address, seconds=int(EMPTY))

    def carry(self, common: Any) -> Any:
        import warnings

        with suppress(Exception):  # Dask can send what pickle alone cannot
            if len(pickle.dumps(common, protocol=pickle.HIGHEST_PROTOCOL)) <= LARGE:
                return common

        # The result of a task, not scattered data: Dask makes it again where the worker that has it dies.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.client.submit(_same, common, pure=False)

    def keep(self, function: Callable[..., Any], *args: Any) -> Any:
        import warnings

        # Tasks go to where it is, and where that worker dies Dask makes it again.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.client.submit(function, *args, pure=False)

    def close(self) -> None:
        if self._own:
            with suppress(Exception):  # a cluster that is gone has nothing to close
                self.client.close(timeout=5)


async def _follow(theirs: Any, ours: Future[Any]) -> None:
    """Bring what becomes of a future of Dask's to one of ours."""
    try:
        result = await theirs._result()
    except BaseException as error:
        if not ours.done():
            ours.set_exception(error)
    else:
        if not ours.done():
            ours.set_result(result)


def workers_of(what: int | str | Executor | Workers | None = None, *, count: int | None = None) -> Workers:
    """Return workers; use them in a `with`.

    Args:
        what: how many processes, None for one for each processor; the address of a Dask scheduler
            (`tcp://127.0.0.1:8786`); any Executor, which is used and not ended.
        count: how many tasks an Executor does at a time, where it does not say so itself.

    Raises:
        WorkersError: where a cluster cannot be reached.
    """
    if isinstance(what, Workers):
        return what
    if isinstance(what, str):
        return DaskCluster(what)
    if isinstance(what, Executor):
        if type(what).__module__.startswith("distributed"):
            return DaskCluster(what._client)  # type: ignore[attr-defined]
        known = (getattr(what, name, None) for name in ("_max_workers", "num_workers"))
        found = count or next((number for number in known if isinstance(number, int)), 0)
        return Workers(what, max(1, found or os.cpu_count() or 1))
    return Processes(max(1, what or os.cpu_count() or 1))


def run(
    function: Callable[[Task, Common], Result],
    tasks: Iterable[Task],
    common: Common,
    workers: Workers,
    *,
    together: int = 1,
    patience: float | None = None,
) -> Iterator[Outcome[Task, Result]]:
    """Yield the outcome of every task, as they are done.

    Args:
        function: called with a task and `common`, in a worker; found there by its name, so that it must be a function
            of a module.
        tasks: taken as they are needed.
        common: what all tasks share.
        workers: where the function is called.
        together: how many tasks travel together.
        patience: after how many seconds without any outcome workers are taken to hang; None for never.

    Raises:
        WorkersError: where no worker can do anything, whatever the task.
    """
    carried = workers.carry(common)
    try:
        yield from _Run(function, iter(tasks), carried, workers, together, patience).outcomes()
    finally:
        workers.drop(carried)


@dataclass(slots=True)
class _Lot(Generic[Task]):
    """Tasks that travel together, and how often they were lost."""

    tasks: list[Task]
    lost: int = 0


@dataclass(slots=True)
class _Run(Generic[Task, Common, Result]):
    """One call of `run`."""

    function: Callable[[Task, Common], Result]
    tasks: Iterator[Task]
    common: Any
    workers: Workers
    together: int
    patience: float | None
    flying: dict[Future[list[tuple[Any, Exception | None]]], _Lot[Task]] = field(default_factory=dict)
    again: deque[_Lot[Task]] = field(default_factory=deque)
    alone: deque[_Lot[Task]] = field(default_factory=deque)
    heard: bool = False

    def outcomes(self) -> Iterator[Outcome[Task, Result]]:
        try:
            while self.fill():
                done = self.wait()
                broken: BaseException | None = None if done else WorkerDied("nothing was heard of it")
                for future in done:
                    lot = self.flying.pop(future)
                    try:
                        results = future.result()
                    except (KeyboardInterrupt, SystemExit):
                        raise
                    except BaseException as error:
                        broken = error if isinstance(error, BrokenExecutor) else broken
                        yield from self.lose(lot, error)
                        continue
                    self.heard = True
                    for task, (result, raised) in zip(lot.tasks, results, strict=True):
                        yield Outcome(task, result, raised)
                if broken is not None:
                    yield from self.lose_all(broken)
        finally:
            if self.flying:
                self.workers.restart(self.flying)

    def wait(self) -> set[Future[list[tuple[Any, Exception | None]]]]:
        """Return what is done, once something is, or nothing where there was no patience for more."""
        begun = time.monotonic()
        while True:
            left = LOOK if self.patience is None else min(LOOK, begun + self.patience - time.monotonic())
            done, _ = wait(self.flying, timeout=max(0.0, left), return_when=FIRST_COMPLETED)
            if done or left < LOOK:
                return done
            self.workers.look()

    def fill(self) -> bool:
        """Give the workers what they can take; return whether anything is on its way."""
        if self.alone:
            # A task that was lost twice has the workers for itself, so that nothing else can be blamed on it.
            if not self.flying:
                self.submit(self.alone.popleft())
            return True
        while self.again and len(self.flying) < self.workers.count:
            self.submit(self.again.popleft())
        while not self.again and not self.alone and len(self.flying) < IN_FLIGHT * self.workers.count:
            tasks = [task for _, task in zip(range(self.together), self.tasks, strict=False)]
            if not tasks:
                break
            self.submit(_Lot(tasks))
        return bool(self.flying)

    def submit(self, lot: _Lot[Task]) -> None:
        self.flying[self.future(lot.tasks)] = lot

    def future(self, tasks: list[Task]) -> Future[list[tuple[Any, Exception | None]]]:
        try:
            return self.workers.submit(_each, self.function, tasks, self.common)
        except Exception:  # it broke just now; what it had is found lost in its turn
            self.workers.restart()
        try:
            return self.workers.submit(_each, self.function, tasks, self.common)
        except Exception as error:
            raise WorkersError("workers_unusable", reason=_reason(error)) from None

    def lose_all(self, error: BaseException) -> Iterator[Outcome[Task, Result]]:
        """Take back whatever is on its way, from workers that broke or hang."""
        lots = list(self.flying.values())
        self.workers.restart(self.flying)
        self.flying.clear()
        for lot in lots:
            yield from self.lose(lot, error)

    def lose(self, lot: _Lot[Task], error: BaseException) -> Iterator[Outcome[Task, Result]]:
        """Have lost tasks computed again, each by itself; give up on one that was lost while it was alone."""
        lot.lost += 1
        if lot.lost <= 2:
            kept = self.again if lot.lost == 1 else self.alone
            kept.extend(_Lot([task], lot.lost) for task in lot.tasks)
            return
        if not self.heard:
            self.probe(error)
        for task in lot.tasks:
            yield Outcome(task, None, error if isinstance(error, WorkerDied) else WorkerDied(_reason(error)))

    def probe(self, error: BaseException) -> None:
        """Find out whether it is the workers that cannot do anything, rather than the task."""
        if isinstance(error, BrokenExecutor):
            self.workers.restart()
        try:
            self.future([]).result(self.patience)
        except Exception as found:
            raise WorkersError("workers_unusable", reason=_reason(found)) from None
        self.heard = True


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


# In a worker


@dataclass(frozen=True, slots=True)
class _Stored:
    """What tasks share, in a file of this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How something is made that a process keeps."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]


KEPT_BYTES = 1 << 30
"""How much a process keeps of what recipes make; what was not used for longest goes first."""

_KEPT: OrderedDict[str, tuple[Any, int]] = OrderedDict()


def kept(found: Any) -> Any:
    """Return in a task what `Workers.keep` had made: it is there already, or is made now."""
    if not isinstance(found, _Recipe):
        return found
    if found.name not in _KEPT:
        args = [_loaded(arg) if isinstance(arg, _Stored) else arg for arg in found.args]
        value = found.function(*args)
        _KEPT[found.name] = value, getattr(value, "nbytes", 0)
        while len(_KEPT) > 1 and sum(size for _, size in _KEPT.values()) > KEPT_BYTES:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(found.name)
    return _KEPT[found.name][0]


@lru_cache(maxsize=2)
def _loaded(stored: _Stored) -> Any:
    with open(stored.path, "rb") as file:
        return pickle.load(file)


def _each(function: Callable[[Any, Any], Any], tasks: Sequence[Any], common: Any) -> list[tuple[Any, Exception | None]]:
    """Return for each task what the function returns, or what it raises."""
    value = _loaded(common) if isinstance(common, _Stored) else common
    found: list[tuple[Any, Exception | None]] = []
    for task in tasks:
        try:
            found.append((function(task, value), None))
        except Exception as error:
            found.append((None, _portable(error)))
    return found


def _portable(error: Exception) -> Exception:
    """Return an error that can travel: itself where it can, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _same(value: Any) -> Any:
    return value


def _begin() -> None:
    """Leave interruptions to the process that started this one, and end with it even where it was killed."""
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
