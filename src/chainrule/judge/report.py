"""What the judge says: a Report of a document, with a Line for each chain of equations and a Link for each `=` in it.

These are values without behaviour beyond looking things up, so that they travel between processes and every form
(`chainrule.judge.forms`) writes from them. Sentences are keys and facts, as in errors, so both languages have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.judge.document_model import Problem


class Verdict(StrEnum):
    """What is said of one `=`."""

    RIGHT = "right"
    WRONG = "wrong"
    CARRIED = "carried"
    """Wrong only because it follows from an earlier slip, which `Link.carried_from` names."""
    UNREADABLE = "unreadable"
    DEFINITION = "definition"
    """It introduces a name that the document then uses."""


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence of `prose/`, by its key under `check.`, with what goes into it.

    Example:
        >>> Message("gap.never_derived", {"partial": "∂loss/∂z_1^2", "line": 16}).text("en")
        '∂loss/∂z_1^2 is used on line 16 and derived nowhere.'
    """

    key: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str = "en") -> str:
        """Return the sentence in a language, `en` or `ko`."""
        from chainrule.prose import sentence

        return sentence(f"check.{self.key}", lang=lang, **self.facts)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace text[start:end] of the line's part by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Repair:
    """The smallest change that makes a link, or its whole line, right; it has been read and judged again.

    Attributes:
        edits: in the order of their places, in offsets into the text of the line's part.
        changes: what is changed, in short, as (before, after) in the author's own spelling: ("z_1^1", "z_1^2").
        before, after: the source of the line's formula without and with the edits.
    """

    edits: tuple[Edit, ...]
    changes: tuple[tuple[str, str], ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Link:
    """One `=`.

    Attributes:
        line, column: where its right side begins, from 1, in the file (in the cell, for a notebook).
        end_line, end_column: where it ends; the column after the last character.
        start, end: the same as offsets into the text of its part.
        index: its number on its line, from 1.
        lhs, rhs: both sides as they are written.
        read: both sides as they were read, in plain spelling; '' where a side is unreadable.
        verdict: right, wrong, carried, unreadable or definition.
        value_right: whether the right side has the value of the line's target; None where that cannot be said.
        mistake: the kind of mistake, one of `chainrule.judge.mistakes.KINDS`, or ''.
        message: why.
        repair: the smallest repair of this link's line, or None.
        carried_from: the line that a carried link follows from.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    start: int
    end: int
    index: int
    lhs: str
    rhs: str
    read: tuple[str, str]
    verdict: Verdict
    value_right: bool | None
    mistake: str = ""
    message: Message | None = None
    repair: Repair | None = None
    carried_from: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One chain of equations.

    Attributes:
        part: which part of the document it stands in, from 0 (a notebook's cell; 0 for other documents).
        line: the line on which it begins, from 1.
        start, end: its place, as offsets into the text of the part.
        source: as it is written.
        target: the plain name of what it derives, as read (`∂loss/∂w_11^2`, `pred`), or ''.
        links: one for each `=`.
        notes: what else is to be said of it.
        markup: what it is written in: `latex`, `text` or `typst`.
    """

    part: int
    line: int
    start: int
    end: int
    source: str
    target: str
    links: tuple[Link, ...]
    notes: tuple[Message, ...] = ()
    markup: str = "latex"

    @property
    def verdict(self) -> Verdict:
        """The worst of its links: wrong, then carried, unreadable, definition, right."""
        found = {link.verdict for link in self.links}
        order = (Verdict.WRONG, Verdict.CARRIED, Verdict.UNREADABLE, Verdict.DEFINITION)
        return next((verdict for verdict in order if verdict in found), Verdict.RIGHT)


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a document.

    Attributes:
        source: the document's name.
        texts: the texts of its parts: one, or one for each cell of a notebook.
        networks: the network or networks that it was judged against, in shorthand or TOML.
        inferred: whether they were found from the document.
        lines: one for each chain with at least one `=`, in the order of the document.
        reading: how it was read: spellings, layout, counting, as sentences.
        gaps: partials that are used and never derived, weights that are never answered.
        seconds: how long it took.
        format: what the document is: `markdown`, `latex`, `notebook`, `text` or `typst`.
        cells: for a notebook, the number of each part's cell among all cells, from 1; otherwise ().
        problems: what of the document was left out, and where.
    """

    source: str
    texts: tuple[str, ...]
    networks: tuple[str, ...]
    inferred: bool
    lines: tuple[Line, ...]
    reading: tuple[Message, ...] = ()
    gaps: tuple[Message, ...] = ()
    seconds: float = 0.0
    format: str = "markdown"
    cells: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def links(self) -> Iterator[Link]:
        """Every link, in order."""
        return (link for line in self.lines for link in line.links)

    @property
    def score(self) -> float:
        """The share of points earned without a rubric, from 0 to 1 (`chainrule.judge.marking` says how)."""
        from chainrule.judge.marking import mark

        return mark(self).share

    def count(self, verdict: Verdict) -> int:
        """Return how many links have a verdict."""
        return sum(link.verdict == verdict for link in self.links)

    @property
    def wrong(self) -> bool:
        """Whether any link is wrong or carried."""
        return any(link.verdict in (Verdict.WRONG, Verdict.CARRIED) for link in self.links)
