"""A process that runs somebody's file, and calls a function of it: limits, messages, and what can go wrong.

This is no sandbox. The file can do whatever its user can: the limits keep a mistake from hanging or filling the
machine, they do not keep an attacker out.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.judge.code.runner import send

Array = NDArray[Any]

MEMORY = 4096
"""MiB of address space that the process may take, unless told."""
SHOWN = 2000
"""How many characters of what a file prints are kept."""
MOST_HEAD = 4 << 20


class Trouble(Exception):
    """Why there are no numbers.

    Attributes:
        key: what happened: a key of `prose/` under `error`.
        facts: what goes into its sentence.
        reached: the last line of the file that ran, 0 where none is known.
        lasting: whether another call cannot help.
    """

    def __init__(self, key: str, facts: dict[str, object], *, reached: int = 0, lasting: bool = False) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts
        self.reached = reached
        self.lasting = lasting


@dataclass(frozen=True)
class Answer:
    """What a call returned.

    Attributes:
        tree: as `runner` describes it.
        arrays: the arrays of the tree.
        changed: the arguments' arrays that the call changed, by their place, as they are afterwards.
    """

    tree: dict[str, Any]
    arrays: list[Array]
    changed: dict[int, Array]


_ENDINGS = {
    "SystemExit": "code_leaves", "KeyboardInterrupt": "code_leaves", "MemoryError": "code_memory",
    "ModuleNotFoundError": "code_no_module",
}  # fmt: skip


class Process:
    """One run of a file, for as long as the block lasts.

    Args:
        path: the file.
        seconds: how long loading and all calls together may take.
        memory: how much address space it may take, in MiB.
        most: how many numbers a call may return.
    """

    def __init__(self, path: Path, *, seconds: float, memory: int, most: int) -> None:
        self.path = path.resolve()
        self.seconds = seconds
        self.memory = memory
        self.most = most
        self.end = time.monotonic() + seconds

    def __enter__(self) -> Process:
        mine, theirs = os.pipe()
        answers, out = os.pipe()
        settings = {
            "path": str(self.path), "seconds": self.seconds, "memory": self.memory << 20, "most": self.most,
        }  # fmt: skip
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        runner = str(Path(__file__).with_name("runner.py"))
        self.process = subprocess.Popen(
            [sys.executable, runner, str(mine), str(out), json.dumps(settings)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(mine, out),
            start_new_session=True, env={**os.environ, **one, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        os.close(mine)
        os.close(out)
        self._answers = answers
        self._requests = theirs
        os.set_blocking(theirs, False)
        self.printed = [Printed(self.process.stdout), Printed(self.process.stderr)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        os.close(self._requests)
        os.close(self._answers)
        for printed in self.printed:
            printed.close()

    def stop(self) -> None:
        """End the process and every other one of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def load(self) -> None:
        """Wait until the file has run.

        Raises:
            Trouble: where it does not come to its end.
        """
        self._checked(self._receive("load")[0])

    def call(
        self,
        function: str,
        args: list[dict[str, Any]],
        keywords: list[tuple[str, dict[str, Any]]],
        arrays: list[Array],
        *,
        tensors: bool,
    ) -> Answer:
        """Return what a function of the file returns.

        Args:
            function: its name.
            args: trees of its arguments, as `runner` describes them.
            keywords: those given by name.
            arrays: the arrays that the trees name.
            tensors: whether they are to be PyTorch's.

        Raises:
            Trouble: where there is no result.
        """
        head = {"function": function, "args": args, "keywords": keywords, "tensors": tensors}
        self._stage = "call"
        message = io.BytesIO()
        send(message, head, arrays)
        self._write(message.getbuffer())
        answer, found = self._receive("call")
        self._checked(answer)
        places = answer.get("changed", [])
        kept = len(found) - len(places)
        changed = {int(place): array for place, array in zip(places, found[kept:], strict=True)}
        return Answer(answer["tree"], found[:kept], changed)

    def _checked(self, head: dict[str, Any]) -> None:
        """Raise what a message says went wrong."""
        kind = head.get("kind")
        if kind in ("loaded", "returned"):
            return
        if kind != "failed":
            keys = {"absent": "code_absent", "too_large": "code_too_large"}
            raise Trouble(keys.get(str(kind), "code_garbled"), {"most": self.most})
        load = head["stage"] == "load"
        at = f"{self.path.name}:{head['line']}" if head["line"] else self.path.name
        what = f"{head['type']}: {head['text']}" if head["text"] else head["type"]
        facts: dict[str, object] = {
            "at": at, "what": what, "code": head["code"] or "…", "module": head["module"] or "",
            "memory": self.memory,
        }  # fmt: skip
        key = _ENDINGS.get(head["type"], "code_load_raises" if load else "code_raises")
        raise Trouble(key, facts, reached=head["reached"], lasting=load)

    # Messages

    def _write(self, data: memoryview) -> None:
        """Send bytes; a process that does not read them holds nothing up for longer than it may take."""
        while data:
            left = self.end - time.monotonic()
            if left <= 0:
                raise self._slow()
            if not select.select([], [self._requests], [], min(left, 0.1))[1]:
                if self.process.poll() is not None:
                    raise self._ended()
                continue
            try:
                data = data[os.write(self._requests, data[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended() from None

    def _receive(self, stage: str) -> tuple[dict[str, Any], list[Array]]:
        self._stage = stage
        length = struct.unpack(">Q", self._read(8))[0]
        if length > MOST_HEAD:
            raise Trouble("code_garbled", {}, lasting=True)
        try:
            head = json.loads(self._read(length))
            sizes = [(tuple(map(int, shape)), np.dtype(str(dtype))) for shape, dtype in head["arrays"]]
        except (ValueError, TypeError, KeyError):
            raise Trouble("code_garbled", {}, lasting=True) from None
        total = sum(math.prod(shape) for shape, _ in sizes)
        odd = any(dtype.str not in ("<f8", "<f4") or any(side < 0 for side in shape) for shape, dtype in sizes)
        if odd or total > 2 * self.most:
            raise Trouble("code_garbled", {}, lasting=True)
        arrays = [
            np.frombuffer(self._read(math.prod(shape) * dtype.itemsize), dtype=dtype).reshape(shape)
            for shape, dtype in sizes
        ]
        return head, arrays

    def _read(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count:
            left = self.end - time.monotonic()
            if left <= 0:
                raise Trouble(
                    "code_slow_load" if self._stage == "load" else "code_slow", {"seconds": self.seconds}, lasting=True
                )
            # A process that it started may hold the pipe open after its own end, so both are watched.
            ready, _, _ = select.select([self._answers], [], [], min(left, 0.1))
            if not ready:
                if self.process.poll() is not None and not select.select([self._answers], [], [], 0)[0]:
                    raise self._ended()
                continue
            piece = os.read(self._answers, min(count, 1 << 20))
            if not piece:
                raise self._ended()
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _slow(self) -> Trouble:
        key = "code_slow_load" if self._stage == "load" else "code_slow"
        return Trouble(key, {"seconds": self.seconds}, lasting=True)

    def _ended(self) -> Trouble:
        """Return what is said of a process that ended before it answered."""
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return Trouble("code_garbled", {}, lasting=True)
        if code == -signal.SIGXCPU:
            return Trouble(
                "code_slow_load" if self._stage == "load" else "code_slow", {"seconds": self.seconds}, lasting=True
            )
        if code < 0:
            name = signal.Signals(-code).name
            return Trouble("code_killed", {"signal": name, "memory": self.memory}, lasting=True)
        return Trouble("code_ended", {"code": code}, lasting=True)


class Printed:
    """What a process prints: the beginning is kept, the rest is read and counted."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._kept = b""
        self.count = 0
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self._stream.fileno(), 1 << 16):
                self.count += len(piece)
                if len(self._kept) < SHOWN:
                    self._kept += piece[: SHOWN - len(self._kept)]

    def close(self) -> None:
        """Stop reading; a process that left the group may hold the other end for ever."""
        self._thread.join(timeout=0.5)
        if not self._thread.is_alive():
            self._stream.close()

    @property
    def text(self) -> str:
        """The beginning of what was printed."""
        return self._kept.decode("utf-8", "replace")
