"""What a person wrote, as an activation, a loss or a reduction of the tables; with the place of what cannot be read.

Any case, any alias of the table and `-` for `_` are understood; nothing is guessed, and nothing is evaluated. The
readers of shorthand and TOML share these words. Which of them fit together is for `chainrule.network` to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.errors import ChainruleError, NetworkError, Place, Problems
from chainrule.network import Activation, Loss
from chainrule.rules import ACTIVATIONS, LOSSES, canonical, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chainrule.rules import Rule

MAX_PROBLEMS = 20
"""A reading stops collecting here: past this, one mistake is usually being reported over and over."""

REDUCTIONS = {"sum": ("sum", "sum"), "mean": ("mean", "mean"), "batchmean": ("mean", "sum")}
"""The reductions that have a word of their own, as (over samples, over outputs)."""

_CALL = re.compile(r"\s*(?P<name>[^\W\d][\w-]*)\s*(?:\(\s*(?P<number>[^()]*?)\s*\))?\s*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Control, direction-changing and lone surrogate characters: a terminal would obey or choke on them.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text and where it stands."""

    text: str
    place: Place


def short(text: object, *, limit: int = 40) -> str:
    """Return a text cut to a length that fits into a sentence.

    Example:
        >>> short("9" * 5000, limit=8)
        '9999999…'
    """
    shown = str(text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def place_at(source: str, text: str, start: int, end: int) -> Place:
    """Return the place of text[start:end], with the line that it stands on where the text has several.

    Example:
        >>> print(place_at("shorthand", "2-3-x", 4, 5).caret())
          2-3-x
              ^
    """
    before = text.rfind("\n", 0, start) + 1
    after = text.find("\n", start)
    line = text[before : len(text) if after < 0 else after]
    number = text.count("\n", 0, start) + 1 if "\n" in text else None
    column = start - before
    return Place(source, number, column, max(column + 1, min(end - before, len(line))), _UNSHOWN.sub("�", line))


def place_errors(error: ChainruleError, place: Mapping[object, Place]) -> Iterator[ChainruleError]:
    """Yield the errors that a Network raised, each with the place of its layer or loss as far as it is known.

    Args:
        error: one error, or `Problems`.
        place: the places by layer number, by "loss", by ("sample", number), and by None for all else.
    """
    for problem in error.problems if isinstance(error, Problems) else (error,):
        if problem.place is None:
            about: object = problem.facts.get("layer")
            if "sample" in problem.facts:
                about = "sample", problem.facts["sample"]
            if problem.facts.get("what") == "loss" or problem.key in _ABOUT_LOSS:
                about = "loss"
            problem.place = place.get(about) or place.get(None)
        yield problem


_ABOUT_LOSS = {"unknown_loss", "unknown_reduction", "vector_loss_outputs", "one_class"}


def read_activation(word: Word, *, layer: int, problems: list[ChainruleError]) -> Activation:
    """Return the activation that a word names ("tanh", "LeakyReLU(0.1)"); what cannot be read is added to the problems.

    Example:
        >>> read_activation(Word("LeakyReLU(0.1)", Place("here")), layer=1, problems=[])
        Activation(name='leaky_relu', parameter=0.1)
    """
    match = _CALL.fullmatch(word.text)
    if match is None:
        problems.append(NetworkError("malformed_activation", place=word.place, read=short(word.text), layer=layer))
        return Activation()
    name = canonical(match["name"], ACTIVATIONS)
    if name is None:
        problems.append(
            NetworkError(
                "unknown_activation", place=word.place, read=short(match["name"]), layer=layer,
                known=", ".join(ACTIVATIONS), near=_near(match["name"], ACTIVATIONS) or "sigmoid",
            )
        )  # fmt: skip
        return Activation()
    return Activation(name, _parameter(match["number"], word, ACTIVATIONS[name], problems))


def read_loss(word: Word | None, reduction: Word | None, *, problems: list[ChainruleError]) -> Loss:
    """Return the loss that the words name; without a reduction, it gathers in the usual way of its row.

    Example:
        >>> read_loss(Word("MSE", Place("here")), None, problems=[])
        Loss(name='mse', parameter=None, samples='mean', outputs='mean')
    """
    name: str | None = "half_squared_error"
    parameter = None
    if word is not None:
        match = _CALL.fullmatch(word.text)
        if match is None:
            problems.append(NetworkError("malformed_loss", place=word.place, read=short(word.text)))
            return Loss()
        name = canonical(match["name"], LOSSES)
        if name is None:
            problems.append(
                NetworkError(
                    "unknown_loss", place=word.place, read=short(match["name"]),
                    known=", ".join(LOSSES), near=_near(match["name"], LOSSES) or "mse",
                )
            )  # fmt: skip
            return Loss()
        parameter = _parameter(match["number"], word, LOSSES[name], problems)
    assert name is not None
    samples, outputs = LOSSES[name].reduction
    if reduction is not None:
        samples, outputs = read_reduction(reduction, LOSSES[name], problems=problems)
    return Loss(name, parameter, samples, outputs)


def read_reduction(word: Word, row: Rule, *, problems: list[ChainruleError]) -> tuple[str, str]:
    """Return how a loss gathers over (samples, outputs): "sum", "mean", "batchmean", or "samples=mean,outputs=sum".

    A loss of a whole row of outputs has no mean over outputs; there "mean" is the mean over samples.

    Example:
        >>> read_reduction(Word("samples=mean", Place("here")), LOSSES["half_squared_error"], problems=[])
        ('mean', 'sum')
    """
    text = word.text.strip().lower()
    if text in REDUCTIONS:
        return ("mean", "sum") if row.vector and text == "mean" else REDUCTIONS[text]
    found = dict(zip(("samples", "outputs"), row.reduction, strict=True))
    seen: set[str] = set()
    for part in text.split(","):
        over, equals, how = (piece.strip() for piece in part.partition("="))
        if not equals or over not in found or how not in ("sum", "mean") or over in seen:
            near = suggest(text, REDUCTIONS) or "mean"
            problems.append(NetworkError("malformed_reduction", place=word.place, read=short(word.text), near=near))
            break
        found[over] = how
        seen.add(over)
    return found["samples"], found["outputs"]


def spell_reduction(samples: str, outputs: str) -> str:
    """Return the word for a reduction.

    Example:
        >>> spell_reduction("mean", "sum"), spell_reduction("sum", "mean")
        ('batchmean', 'samples=sum,outputs=mean')
    """
    for word, pair in REDUCTIONS.items():
        if pair == (samples, outputs):
            return word
    return f"samples={samples},outputs={outputs}"


def read_number(text: str) -> float | None:
    """Return the number a text writes in decimal digits, or None. Infinite where it is too large for a float."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def near(name: str, known: Iterable[str]) -> str:
    """Return the known name closest to one, or '' where none is close or there is too much to compare."""
    names = list(known)
    return suggest(name, names) if len(name) <= 60 and len(names) <= 1000 else ""


def _near(name: str, table: Mapping[str, Rule]) -> str:
    if len(name) > 60:
        return ""
    found = suggest(name.lower(), [word for row in table.values() for word in (row.name, *row.aliases)])
    return canonical(found, table) or "" if found else ""


def _parameter(text: str | None, word: Word, row: Rule, problems: list[ChainruleError]) -> float | None:
    if text is None:
        return None
    number = read_number(text)
    if number is None:
        problems.append(
            NetworkError(
                "malformed_parameter", place=word.place, read=short(text), name=row.name, default=row.parameter or 1.0
            )
        )
    return number
