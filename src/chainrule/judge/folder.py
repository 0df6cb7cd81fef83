"""Many documents: found, judged by any executor, and kept as they come.

    find     files, folders and globs → Tasks, one after the other
    grade    Tasks → outcomes, through an Executor, with a Journal

Documents travel as bytes, in chunks, a bounded number at a time; what comes back is a record of plain values. Equal
documents are judged once. A worker that dies takes nothing with it: its chunks are judged again, each document by
itself, and one that kills its worker again is an outcome with an error.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.judge.journal import Journal

CHUNK = 16
"""How many documents travel together."""

IN_FLIGHT = 4
"""How many chunks a worker has waiting."""

ATTEMPTS = 3
"""How often a document is given to a worker before it is said to kill them."""

Record = dict[str, Any]


class FolderError(ChainruleError):
    """Files that are not there, or a cluster that cannot be reached."""


@dataclass(frozen=True, slots=True)
class Task:
    """A document to be judged: its name in the results, and its file."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Settings:
    """How documents are judged; equal settings give equal results.

    Attributes:
        network: shorthand or TOML; None to find it from each document.
        notation, repairs: as for `chainrule.check`.
        rubric: the text of a rubric, or None.
        lang: the language of messages.
        seconds: how long one document may take.
    """

    network: str | None
    notation: str | None = None
    repairs: bool = True
    rubric: str | None = None
    lang: str = "en"
    seconds: float = 30.0

    @property
    def digest(self) -> str:
        """Settings and version, in short: what was judged otherwise is judged again."""
        from chainrule import __version__

        return hashlib.sha256(json.dumps([__version__, asdict(self)]).encode()).hexdigest()[:16]


@dataclass(slots=True)
class Summary:
    """How it went.

    Attributes:
        documents: how many there were; `known` of them were judged before.
        right: documents in which all is right.
        wrong: documents in which something is wrong.
        unread: documents in which something could not be read, and nothing is wrong.
        failed: documents that could not be judged.
        links: `=` judged now.
        seconds: how long it took.
    """

    documents: int = 0
    known: int = 0
    right: int = 0
    wrong: int = 0
    unread: int = 0
    failed: int = 0
    links: int = 0
    seconds: float = 0.0

    def add(self, record: Record) -> None:
        """Count an outcome."""
        self.documents += 1
        if record.get("error"):
            self.failed += 1
            return
        counts = record["counts"]
        self.links += sum(counts.values())
        if counts["wrong"] or counts["carried"]:
            self.wrong += 1
        elif counts["unreadable"]:
            self.unread += 1
        else:
            self.right += 1


def find(words: Iterable[str]) -> Iterator[Task]:
    """Yield the documents that files, folders and globs name, each once, folders in order of names.

    In folders only files with a known ending count, and none whose name begins with a dot.

    Raises:
        FolderError: for a word that names nothing.
    """
    from chainrule.judge.document import SUFFIXES

    seen: set[str] = set()
    for word in words:
        found = 0
        places = (
            sorted(glob.iglob(word, recursive=True)) if glob.has_magic(word) and not os.path.exists(word) else [word]
        )
        for place in places:
            for path in _files(place, SUFFIXES):
                found += 1
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    yield Task(PurePath(path).as_posix(), path)
        if not found:
            raise FolderError("no_documents", read=word, known=", ".join(SUFFIXES))


def _files(place: str, suffixes: Iterable[str]) -> Iterator[str]:
    if os.path.isfile(place):
        yield place
        return
    known = tuple(suffixes)
    walked: set[str] = set()
    for folder, inner, names in os.walk(place):
        real = os.path.realpath(folder)
        if real in walked:
            inner.clear()
            continue
        walked.add(real)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(known):
                yield os.path.join(folder, name)


def judge_chunk(documents: Sequence[tuple[str, bytes]], settings: Settings) -> list[Record]:
    """Judge some documents: what a worker does."""
    return [judge_one(name, data, settings) for name, data in documents]


def judge_one(name: str, data: bytes, settings: Settings) -> Record:
    """Return the record of one document; whatever is the matter with it becomes an error in there."""
    from chainrule.judge.api import check
    from chainrule.judge.forms.record import brief
    from chainrule.judge.marking import mark

    try:
        network, rubric = _given(settings)
        report = check(
            data, network, name=name, notation=settings.notation, repairs=settings.repairs, seconds=settings.seconds
        )
        return brief(report, mark(report, rubric), settings.lang)
    except ChainruleError as error:
        return {"source": name, "error": error.message(lang=settings.lang)}
    except Exception as error:  # one bad document never stops the others
        return {"source": name, "error": f"{type(error).__name__}: {error}"}


@lru_cache(maxsize=8)
def _given(settings: Settings) -> tuple[Any, Any]:
    from chainrule.judge.marking import read_rubric
    from chainrule.network import Network

    text = settings.network
    network = None if text is None else Network.from_toml(text) if "\n" in text else Network.read(text)
    return network, None if settings.rubric is None else read_rubric(settings.rubric)


@dataclass(slots=True)
class _Chunk:
    keys: list[str]
    documents: list[tuple[str, bytes]]
    attempt: int = 0


@dataclass(slots=True)
class _Run:
    """One run of `grade`."""

    settings: Settings
    workers: Callable[[], Executor]
    jobs: int
    journal: Journal | None
    told: Callable[[Record], None]
    summary: Summary = field(default_factory=Summary)
    flying: dict[Future[list[Record]], _Chunk] = field(default_factory=dict)
    again: deque[_Chunk] = field(default_factory=deque)
    twins: dict[str, list[str]] = field(default_factory=dict)
    executor: Executor | None = None

    def submit(self, chunk: _Chunk) -> None:
        chunk.attempt += 1
        if self.executor is None:
            self.executor = self.workers()
        try:
            future = self.executor.submit(judge_chunk, chunk.documents, self.settings)
        except Exception:  # a pool that broke just now
            self.broken()
            self.executor = self.workers()
            future = self.executor.submit(judge_chunk, chunk.documents, self.settings)
        self.flying[future] = chunk

    def broken(self) -> None:
        """Let the executor go, and take back what it had."""
        if self.executor is not None:
            with suppress(Exception):
                self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = None
        for chunk in self.flying.values():
            self.take_back(chunk)
        self.flying.clear()

    def take_back(self, chunk: _Chunk) -> None:
        """Have a lost chunk judged again, each document by itself; give up on one that was lost too often."""
        for key, (name, data) in zip(chunk.keys, chunk.documents, strict=True):
            if chunk.attempt >= ATTEMPTS and len(chunk.documents) == 1:
                self.done(key, {"source": name, "error": "the worker died while judging it"})
            else:
                self.again.append(_Chunk([key], [(name, data)], chunk.attempt))

    def gather(self, most: int) -> None:
        """Wait until no more than so many chunks are on their way."""
        while len(self.flying) > most or self.again:
            while self.again:
                self.submit(self.again.popleft())
            finished, _ = wait(self.flying, timeout=self.patience, return_when=FIRST_COMPLETED)
            if not finished:
                self.hang()
                continue
            lost = False
            for future in finished:
                chunk = self.flying.pop(future, None)
                if chunk is None:
                    continue
                try:
                    records = future.result()
                except (KeyboardInterrupt, SystemExit):
                    raise
                except BaseException:
                    self.take_back(chunk)
                    lost = True
                    continue
                for key, record in zip(chunk.keys, records, strict=True):
                    self.done(key, record)
            if lost:
                self.broken()

    @property
    def patience(self) -> float:
        """How long nothing may come back before workers are taken to hang."""
        return 10 + 3 * self.settings.seconds * CHUNK

    def hang(self) -> None:
        """End workers that do not come back."""
        for process in list((getattr(self.executor, "_processes", None) or {}).values()):
            process.kill()
        self.broken()

    def done(self, key: str, record: Record) -> None:
        for name in (record["source"], *self.twins.pop(key, ())):
            own = {**record, "source": name}
            if self.journal is not None:
                self.journal.add(key, own)
            self.summary.add(own)
            self.told(own)


def grade(
    tasks: Iterable[Task],
    settings: Settings,
    *,
    workers: Callable[[], Executor],
    jobs: int = 1,
    journal: Journal | None = None,
    told: Callable[[Record], None] = lambda record: None,
) -> Summary:
    """Judge documents through an executor.

    Args:
        tasks: the documents; they are read as they are needed.
        settings: how to judge.
        workers: makes an executor: any `concurrent.futures.Executor`. It is asked again where one breaks.
        jobs: how many workers it has, for how much to keep on its way.
        journal: what was judged before, and where to keep what is judged now.
        told: called with each record, as it comes.

    Returns:
        The counts of all documents, those that the journal knew included.
    """
    started = time.perf_counter()
    run = _Run(settings, workers, jobs, journal, told)
    chunk = _Chunk([], [])
    on_the_way: set[str] = set()
    try:
        for task in tasks:
            try:
                data = Path(task.path).read_bytes()
            except OSError as error:
                record = {"source": task.name, "error": error.strerror or str(error)}
                run.summary.add(record)
                told(record)
                continue
            suffix = PurePath(task.name).suffix
            key = hashlib.sha256(f"{settings.digest}{suffix}\0".encode() + data).hexdigest()[:32]
            if journal is not None and (known := journal.get(key)) is not None:
                own = {**known, "source": task.name}
                if journal.has(key, task.name):
                    run.summary.known += 1
                else:
                    journal.add(key, {name: value for name, value in own.items() if name != "key"})
                run.summary.add(own)
                run.told(own)
                continue
            if key in on_the_way:
                run.twins.setdefault(key, []).append(task.name)
                continue
            on_the_way.add(key)
            chunk.keys.append(key)
            chunk.documents.append((task.name, data))
            if len(chunk.keys) >= CHUNK:
                run.submit(chunk)
                chunk = _Chunk([], [])
                run.gather(IN_FLIGHT * jobs)
                on_the_way = {key for flying in run.flying.values() for key in flying.keys}
        if chunk.keys:
            run.submit(chunk)
        run.gather(0)
    finally:
        if run.executor is not None:
            run.executor.shutdown(wait=False, cancel_futures=True)
    run.summary.seconds = time.perf_counter() - started
    return run.summary


def processes(jobs: int) -> Callable[[], Executor]:
    """Return a maker of process pools."""

    def make() -> Executor:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))

    return make


def dask(address: str) -> tuple[Callable[[], Executor], int]:
    """Return a maker of executors on a Dask cluster, and how many workers it has.

    Raises:
        FolderError: where Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise FolderError("dask_missing") from None
    connect: Any = Client  # distributed is not typed
    try:
        client = connect(address, timeout=10, set_as_default=False)
        threads = sum(client.nthreads().values())
    except Exception as error:
        raise FolderError("dask_unreachable", read=address, reason=str(error).splitlines()[0][:200]) from None

    def make() -> Executor:
        executor: Executor = client.get_executor(pure=False, retries=2)
        return executor

    return make, max(1, threads)
