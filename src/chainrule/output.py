"""Writing files whole: aside first, then renamed into place, so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
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
    write_together({path: pieces})


def write_together(files: Mapping[str | os.PathLike[str], Iterable[str] | bytes]) -> None:
    """Write files so that all of them appear, each whole, or none: all aside first, then each renamed.

    Args:
        files: what is to stand in each; existing ones are replaced, keeping their permissions.

    Raises:
        OutputError: where one cannot be written; nothing is left behind.
    """
    aside: dict[Path, str] = {}
    try:
        for path, pieces in files.items():
            target = Path(path)
            if target.is_dir():
                raise OutputError("output_is_folder", path=str(target))
            if target.exists() and not target.is_file():
                _write_through(target, pieces)
            else:
                aside[target] = _write_aside(target, pieces)
        for target, name in aside.items():
            os.replace(name, target)
    except OSError as error:
        raise OutputError("cannot_write", path=str(target), why=error.strerror or str(error)) from None
    finally:
        for name in aside.values():
            Path(name).unlink(missing_ok=True)


def write_into(folder: str | os.PathLike[str], files: Mapping[str, str | bytes]) -> None:
    """Write files into a folder, all of them or none; the folder is made where there is none.

    Raises:
        OutputError: where one cannot be written; nothing is left behind.
    """
    place = Path(folder)
    missing = [path for path in (place, *place.parents) if not path.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("cannot_write", path=str(place), why=error.strerror or str(error)) from None
    try:
        write_together({place / name: content if isinstance(content, bytes) else [content]
                        for name, content in files.items()})  # fmt: skip
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _write_aside(target: Path, pieces: Iterable[str] | bytes) -> str:
    """Return the name of a file beside a target with its content and permissions."""
    handle, aside = tempfile.mkstemp(dir=target.parent or Path(), prefix=f".{target.name[:40]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            _pour(file, pieces)
            file.flush()
            os.fsync(file.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        os.chmod(aside, mode)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return aside


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
