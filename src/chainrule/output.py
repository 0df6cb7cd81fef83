"""Writing files whole: aside first, then renamed into place, so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import OutputError


def write_whole(path: str | os.PathLike[str], pieces: Iterable[str] | bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Args:
        path: where it is to appear; an existing file is replaced, keeping its permissions.
        pieces: text, written as UTF-8 piece by piece, or bytes.

    Raises:
        OutputError: where it cannot be written; nothing is left behind.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError("output_is_folder", path=str(target))
    if target.exists() and not target.is_file():
        _write_through(target, pieces)
        return
    try:
        handle, aside = tempfile.mkstemp(dir=target.parent or Path(), prefix=f".{target.name[:40]}.", suffix=".part")
    except OSError as error:
        raise OutputError("cannot_write", path=str(target), why=error.strerror or str(error)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            _pour(file, pieces)
            file.flush()
            os.fsync(file.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        os.chmod(aside, mode)
        os.replace(aside, target)
    except OSError as error:
        raise OutputError("cannot_write", path=str(target), why=error.strerror or str(error)) from None
    finally:
        Path(aside).unlink(missing_ok=True)


def _write_through(target: Path, pieces: Iterable[str] | bytes) -> None:
    """Write into a device or a pipe (/dev/stdout, a named pipe), where there is nothing to rename."""
    try:
        with open(target, "wb") as file:
            _pour(file, pieces)
    except OSError as error:
        raise OutputError("cannot_write", path=str(target), why=error.strerror or str(error)) from None


def _pour(file: BinaryIO, pieces: Iterable[str] | bytes) -> None:
    write = file.write
    if isinstance(pieces, bytes):
        write(pieces)
        return
    for piece in pieces:
        write(piece.encode("utf-8", errors="backslashreplace"))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
