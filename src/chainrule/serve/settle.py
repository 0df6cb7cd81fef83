"""What a process that computes for visitors may use, and how it behaves towards the others."""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

MOST_MEMORY = 2 << 30
"""How many bytes of memory it may fill."""


def launch(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach, not even before it has settled."""
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        resource_tracker.ensure_running()  # which would be started on the way, and lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masked else ()
    try:
        process.start()
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def settle(*, nice: int) -> None:
    """Make this process one of the crew; to be called before it loads NumPy.

    It computes on one core, gives way to the process that answers, cannot fill the machine's memory, and leaves it to
    that process to end it: Ctrl-C in a terminal reaches both.

    Args:
        nice: by how much it gives way.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    with contextlib.suppress(AttributeError, OSError):  # not on Windows
        os.setpgid(0, 0)  # what it starts (a compiler) ends with it
        os.nice(nice)
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows; or less is allowed already
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end(pid: int | None) -> None:
    """Kill a process that has settled, with what it started."""
    if pid is None:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg") and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
