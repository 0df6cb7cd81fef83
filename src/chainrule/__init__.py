"""chainrule: what is ∂loss/∂w, for every w? Derived line by line, shown, evaluated.

>>> import chainrule
>>> net = chainrule.Network.read("2-3-2-1")
>>> net.weight_count
14
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.errors import (
    ChainruleError,
    DataError,
    NetworkError,
    OutputError,
    Problems,
    ProgramError,
    SelectionError,
)
from chainrule.network import Activation, Connection, Given, Layer, Loss, Network, Weight

if TYPE_CHECKING:
    from chainrule.judge.report import Report

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "ChainruleError",
    "Connection",
    "DataError",
    "Given",
    "Layer",
    "Loss",
    "Network",
    "NetworkError",
    "OutputError",
    "Problems",
    "ProgramError",
    "SelectionError",
    "Weight",
    "check",
]


def check(text: str | bytes, network: Network | str | None = None, **options: Any) -> Report:
    """Judge a derivation, line by line.

    Args:
        text: a document: Markdown, LaTeX, a notebook, plain text or Typst.
        network: the network, or its shorthand; without one it is found from the document.
        options: those of `chainrule.judge.api.check`: name, format, notation, repairs, seconds.

    Raises:
        ChainruleError: where the document or the network cannot be read.

    Example:
        >>> report = check("$$pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3$$", "2-3-2-1")
        >>> report.score
        1.0
    """
    from chainrule.judge.api import check as judge

    return judge(text, network, **options)
