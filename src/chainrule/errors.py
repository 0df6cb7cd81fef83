"""The tree of errors, and where each one points.

    ChainruleError            anything a person can put right; exit code 2 on the command line
    ├── NetworkError          the figure cannot be read, or is no feed-forward network
    ├── ProgramError          statements in index notation that do not fit together
    ├── SelectionError        a name or option that selects nothing
    ├── DataError             weights, biases or samples that do not fit the network
    ├── OutputError           a file that cannot be written, or a form that needs an extra
    ├── TrainingError         a training that cannot go on, or a trained network that cannot be read
    └── Problems              several of the above, found in one reading

An error holds a *key* into the sentences of `prose/` and the facts that go into it, never a finished sentence, so that
both languages always have it. Each sentence says what was read, what was expected, and the smallest fix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.width import columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chainrule.train.model import Model


@dataclass(frozen=True, slots=True)
class Place:
    """A place in what was read: a half-open span of columns (0-based) on a line (1-based) of a named source."""

    source: str
    line: int | None = None
    column: int | None = None
    end: int | None = None
    text: str | None = None

    def caret(self) -> str:
        """Return the line of text with a caret line under the span, or '' where there is no text to show.

        Example:
            >>> print(Place("shorthand", column=2, end=5, text="2-tan-1").caret())
              2-tan-1
                ^^^
        """
        if self.text is None or self.column is None:
            return ""
        start = max(0, self.column - 60)
        shown = self.text[start : start + 120].expandtabs(1)
        pad = columns(shown[: self.column - start])
        marked = columns(shown[self.column - start : max(self.column + 1, self.end or 0) - start])
        return f"  {shown}\n  {' ' * pad}{'^' * max(1, marked)}"

    def __str__(self) -> str:
        parts = [self.source]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column + 1))
        return ":".join(parts)


class ChainruleError(Exception):
    """An error that a person can put right. `key` names its sentences in `prose/`, `facts` fills them."""

    def __init__(self, key: str, /, *, place: Place | None = None, **facts: object) -> None:
        super().__init__(key)
        self.key = key
        self.place = place
        self.facts = facts

    def message(self, *, lang: str = "en") -> str:
        """Return the whole message: place, what is wrong, what was expected, the smallest fix.

        Args:
            lang: `en` or `ko`.
        """
        from chainrule.prose import sentence

        head = sentence(f"error.{self.key}.say", lang=lang, **self.facts)
        lines = [f"{self.place}: {head}" if self.place else head]
        if self.place and (caret := self.place.caret()):
            lines.append(caret)
        for part in ("expected", "fix"):
            text = sentence(f"error.{self.key}.{part}", lang=lang, **self.facts)
            lines += [f"  {sentence(f'label.{part}', lang=lang)}: {text}"] if text else []
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.message()

    def __reduce__(self) -> tuple[object, ...]:
        # Facts are keywords, which the default pickling of exceptions (by `args` alone) would lose between processes.
        return (_rebuild, (type(self), self.key, self.place, self.facts))


def _rebuild(kind: type[ChainruleError], key: str, place: Place | None, facts: dict[str, object]) -> ChainruleError:
    return kind(key, place=place, **facts)


class NetworkError(ChainruleError):
    """The figure cannot be read, or is no feed-forward network."""


class ProgramError(ChainruleError):
    """Statements in index notation that do not fit together."""


class SelectionError(ChainruleError):
    """A name or an option that selects nothing."""


class DataError(ChainruleError):
    """Weights, biases or samples that do not fit the network."""


class OutputError(ChainruleError):
    """A file that cannot be written, or a form that needs an extra which is not installed."""


class TrainingError(ChainruleError):
    """A training that cannot go on, or a trained network that cannot be read.

    Attributes:
        model: what training had come to when its loss diverged, where there is something.
    """

    model: Model | None = None


class Problems(ChainruleError):
    """Several errors found in one reading; `problems` holds them in the order of their places."""

    def __init__(self, problems: Iterable[ChainruleError]) -> None:
        self.problems = tuple(problems)
        super().__init__("problems", count=len(self.problems))

    def message(self, *, lang: str = "en") -> str:
        """Return the messages of all problems, one after another."""
        return "\n".join(problem.message(lang=lang) for problem in self.problems)

    def __reduce__(self) -> tuple[object, ...]:
        return (Problems, (self.problems,))


def raise_all(problems: list[ChainruleError]) -> None:
    """Raise nothing, the one problem, or `Problems` with all of them."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)
