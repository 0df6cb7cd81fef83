"""The judge's front door: a document and a network in, a Report out."""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.judge.document import Document, read_document
from chainrule.judge.judging import Judge
from chainrule.judge.readings import of_notation
from chainrule.judge.report import Line, Report

if TYPE_CHECKING:
    from chainrule.network import Network

MOST_JUDGES = 8
"""How many networks are kept at hand."""


@lru_cache(maxsize=MOST_JUDGES)
def judge_of(network: Network, notation: str | None, repairs: bool) -> Judge:
    """Return the judge of a network: one for each, since it remembers lines."""
    return Judge(network, reading=None if notation is None else of_notation(notation), repairs=repairs)


def check(
    data: str | bytes,
    network: Network | str | None = None,
    *,
    name: str = "<text>",
    format: str | None = None,
    notation: str | None = None,
    repairs: bool = True,
    seconds: float | None = None,
) -> Report:
    r"""Judge a document, line by line.

    Args:
        data: the document: Markdown, LaTeX, a notebook, plain text or Typst.
        network: the network, or its shorthand; without one it is found from the document.
        name: what the document is called; its ending says what format it is in.
        format: `markdown`, `latex`, `notebook`, `text` or `typst`, where neither name nor content tell.
        notation: the notation to read it in; without one it is found from the document.
        repairs: whether to look for the smallest repair of what is wrong.
        seconds: how long it may take; lines that are not reached are not judged, and said so.

    Raises:
        DocumentError: where the document cannot be read.
        NetworkError: where the shorthand cannot be read.

    Example:
        >>> report = check("$$\\frac{\\partial loss}{\\partial pred} = (true - pred)$$", "2-3-2-1")
        >>> (link,) = report.links
        >>> str(link.verdict), link.mistake, link.repair.changes
        ('wrong', 'sign', (('true - pred', 'pred - true'),))
    """
    return _judged(read_document(data, name=name, format=format), network, notation, repairs, seconds)


def check_file(
    path: str | os.PathLike[str],
    network: Network | str | None = None,
    *,
    name: str | None = None,
    format: str | None = None,
    notation: str | None = None,
    repairs: bool = True,
    seconds: float | None = None,
) -> Report:
    """Judge a document in a file; see `check`.

    Raises:
        DocumentError: also where the file cannot be opened.
    """
    from chainrule.judge.document_model import DocumentError

    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DocumentError("unreadable_file", read=os.fspath(path), reason=reason) from None
    return check(
        data, network, name=name or os.fspath(path), format=format, notation=notation, repairs=repairs, seconds=seconds
    )


def check_formula(
    source: str, network: Network | str, *, markup: str = "latex", notation: str | None = None, repairs: bool = True
) -> tuple[Line, ...]:
    """Judge one formula, given without its `$`.

    Example:
        >>> [line] = check_formula("pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3", "2-3-2-1")
        >>> [str(link.verdict) for link in line.links]
        ['right']
    """
    from chainrule.judge.document_model import Formula, Piece

    whole = Piece(0, len(source), 0, len(source), True)
    formula = Formula(0, 0, len(source), source, markup, True, False, (whole,))
    document = Document("<formula>", "text", (source,), (), (formula,), ())
    return _judged(document, network, notation, repairs).lines


def _judged(
    document: Document, network: Network | str | None, notation: str | None, repairs: bool, seconds: float | None = None
) -> Report:
    import numpy as np

    from chainrule.network import Network

    # What a document writes may overflow; inf and nan are equal to nothing.
    with _seldom_collected, np.errstate(all="ignore"):
        if network is None:
            from chainrule.judge.infer import infer

            report = infer(document, notation=notation, repairs=repairs, seconds=seconds)
        else:
            net = Network.read(network) if isinstance(network, str) else network
            report = judge_of(net, notation, repairs).report(document, seconds=seconds)
    return replace(report, format=document.format, cells=document.cells, problems=document.problems)


class _SeldomCollected:
    """Has Python look for cycles of objects less often, while any thread judges.

    Trees and tokens are many small objects that live for long and hold no cycles; looking through them again and again
    costs an eighth of the time. All objects of a process are looked through between documents only: of millions that
    takes longer than the search for a repair may.
    """

    ALLOCATIONS = 50_000
    NEVER = 1_000_000_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = gc.get_threshold()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual = gc.get_threshold()
                if self._usual[0]:  # 0 is never, which somebody else wanted
                    gc.set_threshold(max(self.ALLOCATIONS, self._usual[0]), self._usual[1], self.NEVER)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                gc.set_threshold(*self._usual)


_seldom_collected = _SeldomCollected()
