"""How many samples a document speaks of, where it says so: by the last one's mark, in a sum's bounds, in shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from chainrule.judge.readings import letters_for
from chainrule.judge.rows import Row
from chainrule.judge.syntax import Derivative, Listed, Literal, Name, Node, ShapeOf, Summation, Unread, names

MOST_STATED = 64
"""The most samples that are taken from a document; with more, any number does as well."""

_MARK = re.compile(r"[(\[]([0-9]{1,3})[)\]]")
_REMARK = re.compile(r"(?:shape|크기)[ ~]?\(([0-9]{1,4}), ?([0-9]{1,4})\)")

Kinds = Callable[[str], str | None]

_OF_SAMPLES = frozenset(("x", "z", "a", "pred", "true", "delta"))


def stated_samples(rows: Iterable[Row]) -> list[int]:
    r"""Return the numbers of samples that rows state, each once.

    Example:
        >>> from chainrule.judge.document import read_document
        >>> from chainrule.judge.rows import rows_of
        >>> text = r"$$L = \frac{1}{4} \sum_{n=1}^4 (pred[n] - true[n])^2$$"
        >>> stated_samples(rows_of(read_document(text)))
        [4]
    """
    kinds = letters_for(())
    marks: list[int] = []
    sums: list[int] = []
    shapes: list[tuple[int, int]] = []
    for row in rows:
        for name in row.chain.names:
            if name.suffix.isdecimal():
                marks.append(int(name.suffix))
            elif kinds.get(name.base) in ("x", "pred", "true") and (mark := _MARK.fullmatch(name.sup)):
                marks.append(int(mark[1]))
        for side in row.chain.sides:
            sums += [
                int(part.upper.value) for part in side.parts
                if isinstance(part, Summation) and isinstance(part.upper, Literal) and _marks_samples(part, kinds.get)
            ]  # fmt: skip
        shapes += _shape_of_samples(row, kinds.get)
    found = [max(marks, default=0), *sums]
    for place in (0, 1):
        sizes = Counter(shape[place] for shape in set(shapes))
        if len(sizes) == 1:  # what all layers have in common
            found += sizes
    return [number for number in dict.fromkeys(found) if 1 <= number <= MOST_STATED]


def _marks_samples(part: Summation, kind_of: Kinds) -> bool:
    """Return whether a sum's letter stands for samples in what is added."""
    return any(
        name.suffix == part.letter
        or (kind_of(name.base) in _OF_SAMPLES and name.sup.strip("()[]") == part.letter and name.sup != part.letter)
        for name in names(part.body)
    )


def _shape_of_samples(row: Row, kind_of: Kinds) -> list[tuple[int, int]]:
    """Return the shape that a row states of what holds a row or a column for each sample."""
    first = row.chain.sides[0].node
    node: Node | Unread = first.body if isinstance(first, ShapeOf) else first
    if isinstance(node, Derivative):
        node = node.by
    if not isinstance(node, Name) or (kind_of(node.base) or "").removeprefix("d") not in _OF_SAMPLES:
        return []
    if (remark := _REMARK.search(row.source + row.beside)) is not None:
        return [(int(remark[1]), int(remark[2]))]
    for side in row.chain.sides[1:]:
        items = side.node.items if isinstance(side.node, Listed) else ()
        sizes = [int(item.value) for item in items if isinstance(item, Literal) and item.value.denominator == 1]
        if len(sizes) == len(items) == 2:
            return [(sizes[0], sizes[1])]
    return []
