r"""Lines about one sample's own loss: L^{(i)}, ŷ^{(i)} and x_j^{(i)} are those of the sample spoken of.

Where a document marks its loss with a letter, each line whose quantities carry it holds for any one sample: it is
judged as a line about a single one, without the marks, and so is a forward statement whose inputs carry a mark in
brackets. A line that sums over the letter speaks of all samples, and keeps them; that the whole loss is the mean of
those of the samples is a definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.judge.readings import letters_for, marks_above
from chainrule.judge.syntax import Chain, Name, Node, Summation, names, unbracketed

if TYPE_CHECKING:
    from chainrule.judge.rows import Row

_BRACKETED = re.compile(r"[(\[]([A-Za-z])[)\]]$")
_LETTER = re.compile(r"[A-Za-z]")


def of_one_sample(rows: Sequence[Row], outputs: int) -> tuple[Row, ...]:
    r"""Return rows with the lines about one sample's own loss told apart.

    Args:
        rows: the rows of a document.
        outputs: how many outputs the network has, 0 where that is not known: of several, E_k may be that of one.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> from chainrule.judge.rows import rows_of
        >>> rows = tuple(rows_of(read_document(r"$\frac{\partial L^{(i)}}{\partial w_j} = \delta^{(i)} x_j^{(i)}$")))
        >>> [(row.mark, [name.sup for name in row.chain.names]) for row in of_one_sample(rows, 1)]
        [('i', ['', '', '', ''])]
    """
    kinds = letters_for(())
    every = [name for row in rows for name in row.chain.names]
    found = {mark for name in every if (mark := _mark_of_loss(name, kinds.get(name.base)))}
    weighing = {letter for name in every if kinds.get(name.base) == "w" for letter in name.sub}  # these count units
    marks = {mark for mark in found if outputs == 1 or not _counts_outputs(every, mark, kinds)} - weighing
    above = {*marks_above(every)} - marks
    below = _counting_samples(rows, kinds) - weighing - marks
    told = (_told(row, sorted(marks), sorted(above), kinds) for row in rows)
    return tuple(row if row.mark or row.totals else _marked_above(row, sorted(below)) for row in told)


def unmarked(chain: Chain, mark: str) -> Chain:
    """Return a chain without the marks of the sample that it speaks of."""
    kinds = letters_for(())

    def change(node: Node) -> Node:
        return _without(node, mark, kinds.get(node.base)) if isinstance(node, Name) else node

    return chain.changed(change)


def marked_above(chain: Chain, letter: str) -> Chain:
    """Return a chain with the letter of samples told from those of units: y_{nk} is that of unit k and sample n."""
    kinds = letters_for(())

    def change(node: Node) -> Node:
        if not isinstance(node, Name) or node.suffix or kinds.get(node.base) in ("w", "b", "loss"):
            return node
        bare = _without(node, letter, kinds.get(node.base))
        return node if bare.sub == node.sub else replace(bare, sup=node.sup, suffix=letter)

    return chain.changed(change)


def _marked_above(row: Row, letters: Iterable[str]) -> Row:
    for letter in letters:
        chain = marked_above(row.chain, letter)
        if chain != row.chain:
            return replace(row, chain=chain, sample=letter)
    return row


def _counting_samples(rows: Iterable[Row], kinds: Mapping[str, str]) -> set[str]:
    """Return the letters that stand below quantities and run up to the number of samples: Σ_{n=1}^N (y_n − t_n)²."""
    return {
        part.letter for row in rows for side in row.chain.sides for part in side.parts
        if isinstance(part, Summation) and isinstance(part.upper, Name) and kinds.get(part.upper.base) == "samples"
        and any(part.letter in name.sub and kinds.get(name.base) in ("pred", "true") for name in names(part.body))
    }  # fmt: skip


def _told(row: Row, marks: Iterable[str], above: Iterable[str], kinds: Mapping[str, str]) -> Row:
    chain = row.chain
    if _says_total(chain, kinds):
        return replace(row, totals=True)
    losses = {_mark_of_loss(name, kinds.get(name.base)) for name in chain.names if kinds.get(name.base) == "loss"}
    summed = {part.letter for side in chain.sides for part in side.parts if isinstance(part, Summation)}
    own = [mark for mark in marks if losses <= {mark}]
    own += [mark for mark in above if not losses and row.chain.states_forward]
    for mark in own:
        if mark not in summed and any(_without(name, mark, kinds.get(name.base)) is not name for name in chain.names):
            return replace(row, chain=unmarked(chain, mark), mark=mark)
    return row


def _says_total(chain: Chain, kinds: Mapping[str, str]) -> bool:
    """Return whether a chain says that a loss is the sum of losses: J = 1/m Σ L^{(i)}."""
    first = chain.sides[0].node
    if not isinstance(first, Name) or kinds.get(first.base) != "loss" or _mark_of_loss(first, "loss"):
        return False
    for side in chain.sides[1:]:
        for part in side.parts:
            if isinstance(part, Summation):
                body = unbracketed(part.body)
                if isinstance(body, Name) and kinds.get(body.base) == "loss":
                    return True
    return False


def _mark_of_loss(name: Name, kind: str | None) -> str:
    """Return the letter that marks a loss as that of one sample, or ''."""
    if kind != "loss":
        return ""
    marks = [text.strip("()[]") for text in (name.sub, name.sup, name.suffix) if text]
    return marks[0] if len(marks) == 1 and _LETTER.fullmatch(marks[0]) else ""


def _counts_outputs(every: Iterable[Name], mark: str, kinds: Mapping[str, str]) -> bool:
    """Return whether a letter counts outputs: it stands alone below one, in ½ (y_k − t_k)²."""
    return any(name.sub == mark and kinds.get(name.base) in ("pred", "true") for name in every)


def _without(name: Name, mark: str, kind: str | None) -> Name:
    """Return a name without the mark of a sample, or the very name where it has none."""
    sub, sup, suffix = name.sub, name.sup, name.suffix
    if suffix == mark:
        suffix = ""
    if kind not in ("w", "b"):
        behind = _BRACKETED.search(sup)
        if behind is not None and behind[1] == mark:
            sup = sup[: behind.start()]
        elif sup == mark and kind in ("loss", "pred", "true", "x"):
            sup = ""
        below = sub.split(",") if "," in sub else [*sub] if sub.isalnum() else [sub]
        if mark in below and (len(below) == 2 or sub == mark):
            below.remove(mark)
            sub = ",".join(below)
    if (sub, sup, suffix) == (name.sub, name.sup, name.suffix):
        return name
    return replace(
        name, sub=sub, sup=sup, suffix=suffix,
        sub_span=name.sub_span if sub else (0, 0), sup_span=name.sup_span if sup else (0, 0),
    )  # fmt: skip
