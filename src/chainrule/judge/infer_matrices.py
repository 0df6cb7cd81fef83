"""Rows of matrices apart from rows of numbers: the networks whose shapes they state, one or several that grow.

A document can speak of several networks: where the shapes it states fit no single one, they may fit networks that grow
by a layer each (2-1, 2-100-1, 2-100-50-1), each in its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from chainrule.judge.court import Court
from chainrule.judge.infer_search import search
from chainrule.judge.infer_sizes import (
    Frame,
    Rows,
    every_name,
    growing_sizes,
    matrix_layer,
    stated_shapes,
    stated_sizes,
)
from chainrule.judge.infer_words import Said
from chainrule.judge.judging import Judge
from chainrule.judge.reading import Reading
from chainrule.judge.readings import letters_for
from chainrule.judge.report import Message, Verdict
from chainrule.judge.telling import named
from chainrule.network import Network

if TYPE_CHECKING:
    from chainrule.judge.document import Document
    from chainrule.judge.rows import Row


@dataclass(frozen=True, slots=True)
class Growing:
    """Networks that grow by a layer each, with the rows that speak of each."""

    parts: list[tuple[Network, list[Row]]]


def split(rows: Sequence[Row]) -> Rows:
    """Return the rows of numbers and those of whole matrices."""
    court = _court(Reading(letters_for(every_name(rows))))
    return Rows(tuple(rows), tuple(court.matrices(row.chain) for row in rows))


@lru_cache(maxsize=64)
def _court(reading: Reading) -> Court:
    """Return the court of a reading that says what is a matrix; it remembers chains that several documents share."""
    return Court(Network.read("1-1"), reading)


def growing(
    rows: Sequence[Row], known: Reading | None, *, until: float | None = None,
    judges: dict[Network, Judge] | None = None,
) -> Growing | None:  # fmt: skip
    """Return the growing networks that rows of matrices speak of, or None where the stated shapes fit a single one."""
    depth = max((level for name in every_name(rows) if (level := matrix_layer(name)) is not None), default=0)
    if not depth or stated_sizes(rows, depth) is not None:
        return None
    sizes = growing_sizes(rows, depth)
    if sizes is None:
        return None
    groups: list[list[Row]] = [[] for _ in sizes]
    for row in rows:
        level = max((level for name in every_name([row]) if (level := matrix_layer(name, "w")) is not None), default=1)
        groups[min(level, depth) - 1].append(row)
    parts = []
    for own, mine in zip(sizes, groups, strict=True):
        if mine:
            own_rows = Rows(tuple(mine), (True,) * len(mine))
            only = Frame(tuple(own))
            found = search(own_rows, Said(), known, until=until, only=only, others=False, judges=judges)
            if found is None:
                return None
            parts.append((found.net, mine))
    return Growing(parts)


def one_instead(found: Growing, rows: Sequence[Row], known: Reading | None, document: Document) -> Message:
    """Return what is said of growing networks: which they are, and which lines would be wrong for the largest alone."""
    largest = found.parts[-1][0]
    reading = known or Reading(letters_for(every_name(rows)))
    judged = Judge(largest, reading=reading, repairs=False).judged(rows, document)
    bad = (Verdict.WRONG, Verdict.CARRIED)
    wrong = [line.line for line in judged.lines if any(link.verdict in bad for link in line.links)]
    return Message("infer.growing", {
        "networks": ", ".join(named(own) for own, _ in found.parts), "count": len(found.parts),
        "largest": named(largest), "lines": ", ".join(map(str, dict.fromkeys(wrong))),
    })  # fmt: skip


def speaks_of_another(rows: Sequence[Row], net: Network, known: Reading | None) -> list[Network] | None:
    """Return the networks that rows of matrices speak of where that is not the given one, or None.

    One wrong shape is a slip. Rows speak of another network where most of the shapes that they state, two at least,
    contradict the given one, and all of them fit others.
    """
    stated = dict(stated_shapes(rows))
    against = 0
    for (kind, level), shape in stated.items():
        if kind != "w" or not 1 <= level <= net.depth:
            against += kind == "w"
            continue
        true = (net.size(level - 1), net.size(level))
        against += shape not in (true, true[::-1])
    if against < 2 or 2 * against <= len(stated):
        return None
    judges: dict[Network, Judge] = {}
    several = growing(rows, known, judges=judges)
    if several is not None:
        parts = several.parts
    else:
        one = search(Rows(tuple(rows), (True,) * len(rows)), Said(), known, others=False, judges=judges)
        parts = [] if one is None else [(one.net, list(rows))]
    if not parts or any(own == net for own, _ in parts):
        return None
    for own, mine in parts:
        judge = judges.get(own) or Judge(own, repairs=False)
        judge.reading = known
        if judge.score(mine) < sum(len(row.chain.sides) - 1 for row in mine):
            return None
    return [own for own, _ in parts]
