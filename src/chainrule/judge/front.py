"""`chainrule.check` and `chainrule.check_code`, which load the judge only when they are called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.judge.code.report import CodeReport
    from chainrule.judge.report import Report
    from chainrule.network import Network


def check(text: str | bytes, network: Network | str | None = None, **options: Any) -> Report:
    r"""Judge a derivation, line by line.

    Args:
        text: a document: Markdown, LaTeX, a notebook, plain text or Typst.
        network: the network, or its shorthand; without one it is found from the document.
        options: those of `chainrule.judge.api.check`: name, format, notation, repairs, seconds.

    Raises:
        ChainruleError: where the document or the network cannot be read.

    Example:
        >>> import chainrule
        >>> report = chainrule.check("$$pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3$$", "2-3-2-1")
        >>> report.score
        1.0
    """
    from chainrule.judge.api import check as judge

    return judge(text, network, **options)


def check_code(path: str | os.PathLike[str], network: Network | str, **options: Any) -> CodeReport:
    r"""Judge a gradient function in NumPy or PyTorch: it is run, and compared with the derivation.

    The file is run in a process of its own with limits. That is no sandbox: run only what you would run yourself.

    Args:
        path: a Python file with a function such as `backward(X, Y, params)`.
        network: the network, or its shorthand.
        options: those of `chainrule.judge.code.api.check_code`: function, seconds, memory, seed.

    Raises:
        ChainruleError: where the function cannot be found, called or read, or the network cannot be read.

    Example:
        >>> import chainrule, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "backward.py")
        ...     _ = path.write_text("def backward(X, Y, W1):\n    return (X @ W1 - Y).T @ X")
        ...     report = chainrule.check_code(path, "2-1")
        >>> str(report["W_1"].verdict), report.mistakes[0].kind
        ('wrong', 'transposed')
    """
    from chainrule.judge.code.api import check_code as judge

    return judge(path, network, **options)
