"""The front door: a file with a gradient function and a network in, a CodeReport out."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from chainrule.errors import SelectionError
from chainrule.judge.code.case import Case
from chainrule.judge.code.process import MEMORY, SHOWN, Process, Trouble
from chainrule.judge.code.report import CodeReport
from chainrule.network import Network

SECONDS = 30.0
"""How long a file and all calls may take together, unless told."""


def check_code(
    path: str | os.PathLike[str],
    network: Network | str,
    *,
    function: str | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    seed: int = 0,
) -> CodeReport:
    """Judge a gradient function: run it on random numbers, and compare what it returns with the derivation.

    The file is run, in a process of its own with limits. That is no sandbox: run only what you would run yourself.

    Args:
        path: a Python file with a function such as `backward(X, Y, params)`.
        network: the network, or its shorthand.
        function: the function's name; without one it is found by the usual names.
        seconds: how long the file and all calls may take together.
        memory: how much address space its process may take, in MiB.
        seed: what the numbers are drawn with; 0 or more.

    Raises:
        SelectionError: where the function cannot be found, called or read: the error says where and how to mend it.
        NetworkError: where the shorthand cannot be read.

    Example:
        >>> import tempfile
        >>> source = '''
        ... def backward(X, Y, params):
        ...     d = X @ params["W1"] - Y
        ...     return {"W1": 2 * X.T @ d}
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "backward.py"
        ...     _ = path.write_text(source)
        ...     report = check_code(path, "2-1")
        >>> str(report["W_1"].verdict), report.mistakes[0].kind, report.mistakes[0].read
        ('wrong', 'extra_factor', 'dW_1 = 2 * (X.T @ dpred)')
    """
    if os.name != "posix":
        raise SelectionError("code_system", read=os.name)
    start = time.monotonic()
    net = Network.read(network) if isinstance(network, str) else network
    case = Case(net, Path(path), function, seed)
    with Process(Path(path), seconds=seconds, memory=memory, most=case.most) as process:
        try:
            process.load()
            judged = case.judge(process)
        except Trouble as trouble:
            facts: dict[str, Any] = {**case.facts, **trouble.facts}
            raise SelectionError(trouble.key, **facts) from None
        process.stop()
    printed = "".join(stream.text for stream in process.printed)[:SHOWN]
    count = sum(stream.count for stream in process.printed)
    return case.report(judged, printed, count, time.monotonic() - start)
