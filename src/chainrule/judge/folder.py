"""Many documents: found, judged by any executor, and kept as they come.

    find     files, folders and globs → Tasks, one after the other
    grade    Tasks → records, through workers (`chainrule.workers`), with a Journal

Documents travel as bytes, in chunks, a bounded number at a time; what comes back is a record of plain values. Equal
documents are judged once. A document that kills its worker again and again has a record with an error.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.judge.journal import Journal
from chainrule.workers import Workers, run

CHUNK = 16
"""How many documents travel together."""

Record = dict[str, Any]

Document = tuple[str, str, bytes]
"""What travels: a key of what is judged and how, a name, the content."""


class FolderError(ChainruleError):
    """Files that are not there."""


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


def _content(task: Task) -> bytes:
    """Return what stands in a file.

    Raises:
        DocumentError: where it cannot be read, is a pipe or a device, or is too large for a document.
    """
    from chainrule.judge.document import LARGEST
    from chainrule.judge.document_model import DocumentError

    try:
        found = os.stat(task.path)
        if not stat.S_ISREG(found.st_mode):
            raise DocumentError("no_regular_file", read=task.name)
        if found.st_size > LARGEST:
            raise DocumentError("document_too_large", read=task.name, size=found.st_size, most=LARGEST)
        return Path(task.path).read_bytes()
    except OSError as error:
        raise DocumentError("unreadable_file", read=task.name, reason=error.strerror or str(error)) from None


def _key(settings: Settings, kind: str, data: bytes) -> str:
    """Return what makes two documents the same."""
    return hashlib.sha256(f"{settings.digest}{kind}\0".encode() + data).hexdigest()[:32]


def judge_document(document: Document, settings: Settings) -> Record:
    """Judge a document: what a worker does."""
    return judge_one(*document[1:], settings)


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


def grade(
    tasks: Iterable[Task],
    settings: Settings,
    *,
    workers: Workers,
    journal: Journal | None = None,
    told: Callable[[Record], None] = lambda record: None,
) -> Summary:
    """Judge documents through workers.

    Args:
        tasks: the documents; they are read as they are needed.
        settings: how to judge.
        workers: who judges (`chainrule.workers.workers_of`).
        journal: what was judged before, and where to keep what is judged now.
        told: called with each record, as it comes.

    Returns:
        The counts of all documents, those that the journal knew included.

    Raises:
        WorkersError: where no worker can judge anything.
    """
    started = time.perf_counter()
    summary = Summary()
    twins: dict[str, list[str]] = {}  # those on their way, and the other names of each

    def say(record: Record) -> None:
        summary.add(record)
        told(record)

    def unknown() -> Iterator[Document]:
        for task in tasks:
            try:
                data = _content(task)
            except ChainruleError as error:
                record = {"source": task.name, "error": error.message(lang=settings.lang)}
                key = _key(settings, "unread", record["error"].encode())
                if journal is not None and not journal.has(key, task.name):  # it is tried again in every run
                    journal.add(key, record)
                say(record)
                continue
            key = _key(settings, PurePath(task.name).suffix, data)
            if journal is not None and (known := journal.get(key)) is not None:
                own = {**known, "source": task.name}
                if journal.has(key, task.name):
                    summary.known += 1
                else:
                    journal.add(key, {name: value for name, value in own.items() if name != "key"})
                say(own)
            elif key in twins:
                twins[key].append(task.name)
            else:
                twins[key] = []
                yield key, task.name, data

    patience = 10 + 3 * settings.seconds * CHUNK
    for outcome in run(judge_document, unknown(), settings, workers, together=CHUNK, patience=patience):
        key, name, _ = outcome.task
        record = outcome.result or {"source": name, "error": f"the worker died while judging it: {outcome.error}"}
        for each in (name, *twins.pop(key)):
            own = {**record, "source": each}
            if "error" in own:
                own["error"] = own["error"].replace(name, each)  # a twin's error speaks of itself
            if journal is not None:
                journal.add(key, own)
            say(own)
    summary.seconds = time.perf_counter() - started
    return summary
