"""What has been judged, kept on disk as it comes: a line of JSON for each document.

Only whole lines count. A run that was killed leaves at most half of its last line, which the next run cuts off; what
the others say is not judged again. One run at a time: the file is locked while it is open.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from chainrule.errors import ChainruleError

SYNC_EVERY = 200
"""After how many lines the file is brought to the disk for certain."""


class JournalError(ChainruleError):
    """A journal that cannot be used: another run has it, or it cannot be written."""


class Journal:
    """The outcomes of documents, by what was judged.

    Attributes:
        path: the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "results.jsonl"
        >>> with Journal(path) as journal:
        ...     journal.add("k1", {"source": "a.md", "score": 1.0})
        >>> with Journal(path) as journal:
        ...     journal.get("k1")["score"], journal.get("k2")
        (1.0, None)
    """

    def __init__(self, path: Path, *, resume: bool = True) -> None:
        self.path = path
        self._offsets: dict[str, int] = {}
        self._named: set[tuple[str, str]] = set()
        self._file: IO[bytes] | None = None
        self._resume = resume
        self._unsynced = 0

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = open(self.path, "a+b")
        except OSError as error:
            raise JournalError("journal_unwritable", read=str(self.path), reason=error.strerror or str(error)) from None
        if not _locked(file):
            file.close()
            raise JournalError("journal_locked", read=str(self.path))
        self._file = file
        if not self._resume:
            file.truncate(0)
        self._load(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def _load(self, file: IO[bytes]) -> None:
        file.seek(0)
        good = 0
        for line in file:
            record = _parsed(line)
            if record is None:
                break
            self._remember(record, good)
            good += len(line)
        file.truncate(good)
        file.seek(0, os.SEEK_END)

    def _remember(self, record: dict[str, Any], offset: int) -> None:
        self._offsets.setdefault(record["key"], offset)
        self._named.add((record["key"], record["source"]))

    def has(self, key: str, name: str) -> bool:
        """Return whether this document, by content and name, has its line."""
        return (key, name) in self._named

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the outcome of a content, or None."""
        offset = self._offsets.get(key)
        if offset is None or self._file is None:
            return None
        here = self._file.tell()
        self._file.seek(offset)
        found = _parsed(self._file.readline())
        self._file.seek(here)
        return found

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Append an outcome; it is on its way to the disk when this returns."""
        assert self._file is not None
        line = json.dumps({"key": key, **record}, ensure_ascii=False).encode() + b"\n"
        offset = self._file.seek(0, os.SEEK_END)
        self._file.write(line)
        self._file.flush()
        self._remember({"key": key, "source": record["source"]}, offset)
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._unsynced = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every outcome, from the file."""
        with open(self.path, "rb") as file:
            for line in file:
                record = _parsed(line)
                if record is not None:
                    yield record


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("key"), str) and "source" in record else None


def _locked(file: IO[bytes]) -> bool:
    """Lock a file for this process; return whether that went well. Where there are no such locks it always does."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
