"""The network that a document speaks of, found from the document.

Sizes follow from its indices, sums and shapes (`infer_sizes`), or from its words (`infer_words`); activations, loss and
biases are those under which most of its lines are right (`infer_search`). Rows of matrices can speak of another network
than rows of numbers, and of several (`infer_matrices`). What nothing decides is said to be open, with what was taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError
from chainrule.judge.hypothesis import with_outputs
from chainrule.judge.infer_matrices import growing, one_instead, split
from chainrule.judge.infer_search import Found, search
from chainrule.judge.infer_words import words_of
from chainrule.judge.judging import Judge, Judged
from chainrule.judge.one_sample import of_one_sample
from chainrule.judge.reading import Reading
from chainrule.judge.readings import of_notation
from chainrule.judge.report import Message, Report
from chainrule.judge.rows import Row, rows_of
from chainrule.judge.telling import named, told
from chainrule.network import Network

if TYPE_CHECKING:
    from chainrule.judge.document import Document

SECONDS = 60.0
"""How long a network is sought where the whole has no limit."""

ENOUGH = 0.75
"""The share of links that are right for rows of numbers and of matrices to speak of one network."""

LEAST_ROWS = 3
"""How many rows of numbers, and of matrices, there must be for them to speak of different networks."""


class NothingToInfer(ChainruleError):
    """A document whose names say nothing of a network."""


def infer(
    document: Document, *, notation: str | None = None, repairs: bool = True, seconds: float | None = None
) -> Report:
    """Judge a document against the network, or the networks, that it speaks of.

    Raises:
        NothingToInfer: where its names fit no network.
    """
    started = time.perf_counter()
    rows = of_one_sample(with_outputs(tuple(rows_of(document))), 0)
    known = None if notation is None else of_notation(notation)
    until = started + (SECONDS if seconds is None else seconds / 2)  # the other half is for judging
    parts: list[tuple[Network, Judged]] = []
    said: list[Message] = []
    for net, reading, own, messages in _found(rows, document, known, until):
        judge = Judge(net, reading=reading, repairs=repairs)
        judge.until = None if seconds is None else started + seconds
        parts.append((net, judge.judged(own, document)))
        said += messages
    if not parts:
        raise NothingToInfer("nothing_to_infer", read=document.name)
    lines = [line for _, judged in parts for line in judged.lines]
    lines.sort(key=lambda line: (line.part, line.start))
    return Report(
        source=document.name,
        texts=document.texts,
        networks=tuple(dict.fromkeys(named(net) for net, _ in parts)),
        inferred=True,
        lines=tuple(lines),
        reading=(*said, *_told(parts, known)),
        gaps=tuple(message for _, judged in parts[:1] for message in judged.gaps),
        seconds=time.perf_counter() - started,
    )


def _found(
    rows: Sequence[Row], document: Document, known: Reading | None, until: float
) -> Iterator[tuple[Network, Reading | None, Sequence[Row], list[Message]]]:
    """Yield each network with the reading of its rows, these, and what is said of it."""
    apart, said = split(rows), words_of(document)
    several = growing(apart.matrix, known, until=until) if apart.matrix else None
    if several is not None:
        if apart.scalar and (found := search(apart.some(whole=False), said, known, until=until)) is not None:
            message = Message("infer.numbers", {"network": described(found.net)})
            yield found.net, found.reading, apart.scalar, [message, *_open(found)]
        message = one_instead(several, apart.matrix, known, document)
        for number, (net, own) in enumerate(several.parts):
            yield net, known, own, [] if number else [message]
        return
    both = search(apart, said, known, until=until)
    if both is None:
        return
    if min(len(apart.scalar), len(apart.matrix)) >= LEAST_ROWS and both.score < ENOUGH * both.links:
        numbers, matrices = (
            search(some, said, known, until=until) for some in (apart.some(whole=False), apart.some(whole=True))
        )
        if numbers and matrices and numbers.score + matrices.score > both.score and numbers.net != matrices.net:
            for key, one, mine in (("numbers", numbers, apart.scalar), ("matrix", matrices, apart.matrix)):
                message = Message(f"infer.{key}", {"network": described(one.net)})
                yield one.net, one.reading, mine, [message, *_open(one)]
            return
    yield both.net, both.reading, rows, [Message("infer.scalar", {"network": described(both.net)}), *_open(both)]


def described(net: Network) -> str:
    """Return a network on one line: its shorthand, or its TOML where shorthand cannot say it."""
    return "; ".join(line for line in named(net).splitlines() if line)


def _open(found: Found) -> Iterator[Message]:
    """Yield what nothing in the document decides, and what was taken."""
    frame = found.guess.frame
    if frame.open_depth:
        yield Message("infer.open_depth", {"taken": len(frame.sizes) - 1})
    elif frame.open:
        levels = ", ".join(map(str, frame.open))
        yield Message("infer.open_sizes", {"levels": levels})
    if found.open_hidden:
        key = "infer.even_hidden" if found.even else "infer.open_hidden"
        yield Message(key, {"taken": str(found.guess.hidden[0]), "others": ", ".join(found.open_hidden)})
    if found.open_losses:
        others = ", ".join(f"{loss} + {output}" for loss, output in found.open_losses)
        taken = f"{found.guess.loss} + {found.guess.output}"
        yield Message("infer.open_loss", {"taken": taken, "others": others})


def _told(parts: Sequence[tuple[Network, Judged]], known: Reading | None) -> Iterator[Message]:
    """Yield how each part was read, each sentence once."""
    said: set[tuple[str, str]] = set()
    for net, judged in parts:
        for message in told(judged.reading, judged.heard, Judge(net, reading=known).court(judged.reading)):
            own = (message.key, str(message.facts))
            if own not in said:
                said.add(own)
                yield message
