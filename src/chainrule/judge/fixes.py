"""Changes of a source: what a repair is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chainrule.judge.report import Edit
from chainrule.judge.syntax import Name, Span
from chainrule.judge.variants import Variant


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to change a side.

    Attributes:
        cost: how much is changed: about the number of edits, the likelier slip a little cheaper.
        kind: the mistake that it repairs, one of `chainrule.judge.mistakes.KINDS`.
        edits: in offsets into the source of the row, in order.
        changes: what is changed, as (before, after), for people.
    """

    cost: float
    kind: str
    edits: tuple[Edit, ...]
    changes: tuple[tuple[str, str], ...]


def applied(source: str, edits: Iterable[Edit]) -> str:
    """Return a source with edits made.

    Example:
        >>> applied("a + b", (Edit(0, 1, "c"), Edit(4, 4, "2")))
        'c + 2b'
    """
    found, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            continue
        found += [source[at : edit.start], edit.text]
        at = edit.end
    return "".join(found) + source[at:]


def renamed(cost: float, renames: Iterable[tuple[Name, Variant]], source: str, markup: str) -> Fix:
    """Return the fix that gives names other indices."""
    edits: list[Edit] = []
    changes: list[tuple[str, str]] = []
    kinds: list[str] = []
    for name, variant in renames:
        own = variant.edits(name, source, markup)
        edits += own
        change = change_of(source, name.span, own)
        if change not in changes:
            changes.append(change)
        kinds.append(variant.kind)
    kind = "wrong_layer" if "wrong_layer" in kinds else kinds[0]
    return Fix(cost, kind, tuple(sorted(edits, key=lambda edit: edit.start)), tuple(changes))


def replaced(cost: float, kind: str, span: Span, new: str, source: str, shown: Span | None = None) -> Fix:
    """Return the fix that puts something else at a span; `shown` is the stretch that people are shown."""
    edit = Edit(*span, new)
    return Fix(cost, kind, (edit,), (change_of(source, shown or span, (edit,)),))


def change_of(source: str, span: Span, edits: Iterable[Edit]) -> tuple[str, str]:
    """Return a stretch of a source before and after edits in it."""
    inner = [Edit(edit.start - span[0], edit.end - span[0], edit.text) for edit in edits]
    before = source[slice(*span)]
    return before.strip(), applied(before, inner).strip()
