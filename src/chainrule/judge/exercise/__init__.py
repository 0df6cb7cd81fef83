"""Exercise sheets: given numbers, what is asked, the key with every step, a rubric; solutions with planted mistakes.

    numbers.py    numbers for a network that has none
    pages.py      the pages, as Documents
    slips.py      typical mistakes, as edits of a line
    plant.py      mistakes that the judge finds and names

Everything follows from the network and a seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.errors import SelectionError
from chainrule.judge.exercise.numbers import with_numbers
from chainrule.judge.exercise.pages import answer_of, errors, errors_key, is_asked, key, lines_of, sheet, solution
from chainrule.judge.exercise.plant import ExerciseError, Planted, planter_of
from chainrule.network import Network
from chainrule.prose import LANGUAGES
from chainrule.show.document import Document, Equation

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMATS = ("markdown", "latex", "pdf", "notebook")
SUFFIXES = {"markdown": ".md", "latex": ".tex", "pdf": ".pdf", "notebook": ".ipynb"}
VIEWS = ("scalar", "matrix")
PARTS = ("sheet", "key", "network", "rubric", "errors", "errors-key")

MOST_WEIGHTS = 400
"""The largest network that a sheet is written for."""

MOST_SAMPLES = 16


@dataclass(frozen=True)
class Exercise:
    """An exercise: its network with the numbers that are given, and the text (or PDF) of each of its parts.

    Attributes:
        network: the network with its numbers.
        parts: `sheet` asks; `key` answers; `network` is the network's TOML and `rubric` the points', for
            `chainrule check`; with mistakes, `errors` is a solution to be searched, and `errors-key` says where
            they are.
        planted: the mistakes, in the order of their lines.
        suffix: the ending of the pages' names.
    """

    network: Network
    parts: dict[str, str | bytes]
    planted: tuple[Planted, ...]
    suffix: str

    def files(self, stem: str = "") -> dict[str, str | bytes]:
        """Return the parts by the names of their files: `sheet.md`, `key.md`, `sheet.toml` and so on.

        Args:
            stem: what the names begin with: `week3` makes them `week3.md`, `week3-key.md`, `week3.toml`, ….

        Example:
            >>> sorted(exercise("2-2-1", mistakes=2).files())
            ['errors-key.md', 'errors.md', 'key.md', 'rubric.toml', 'sheet.md', 'sheet.toml']
            >>> sorted(exercise("2-1").files("week3"))
            ['week3-key.md', 'week3-rubric.toml', 'week3.md', 'week3.toml']
        """
        return {self._file(part, stem): content for part, content in self.parts.items()}

    def _file(self, part: str, stem: str) -> str:
        ending = ".toml" if part in ("network", "rubric") else self.suffix
        if part in ("sheet", "network"):
            return f"{stem or 'sheet'}{ending}"
        return f"{stem}-{part}{ending}" if stem else f"{part}{ending}"


def exercise(
    net: Network | str,
    *,
    seed: int = 0,
    mistakes: int = 0,
    view: str = "scalar",
    samples: int | None = None,
    format: str = "markdown",
    lang: str = "en",
) -> Exercise:
    """Return an exercise about a network: the same one for the same arguments.

    Args:
        net: the network, or its shorthand; numbers that it gives are kept.
        seed: what is drawn follows from it.
        mistakes: how many mistakes to plant into a solution.
        view: `scalar`, weight by weight, or `matrix`, layer by layer.
        samples: how many samples to draw; 1 unless told, or those that the network gives.
        format: `markdown`, `latex`, `pdf` or `notebook`.
        lang: `en` or `ko`.

    Raises:
        ExerciseError: where the network is too large, or has too few lines for so many mistakes.
        SelectionError: where an option has no such value.
        NetworkError: where the shorthand cannot be read.

    Example:
        >>> made = exercise("2-2-1", seed=3, mistakes=2)
        >>> print(made.parts["network"].splitlines()[0])
        layers = "2-2-1"
        >>> len(made.planted)
        2
    """
    for what, read, known in (("format", format, FORMATS), ("view", view, VIEWS), ("lang", lang, LANGUAGES)):
        if read not in known:
            raise SelectionError("unknown_choice", option=what, read=read, known=", ".join(known))
    net = Network.read(net) if isinstance(net, str) else net
    if net.weight_count > MOST_WEIGHTS:
        raise ExerciseError("exercise_too_large", read=net.weight_count, most=MOST_WEIGHTS)
    if samples is not None and net.given.inputs and samples != len(net.given.inputs):
        raise ExerciseError("exercise_samples", read=samples, given=len(net.given.inputs))
    if not 1 <= len(net.given.inputs or range(samples or 1)) <= MOST_SAMPLES:
        raise ExerciseError("exercise_many_samples", read=samples or len(net.given.inputs), most=MOST_SAMPLES)
    rng = random.Random(seed)
    given = with_numbers(net, rng, samples=samples or 1)
    values = given.values()
    write = _writer(format)
    answers = key(given, values, view, lang)
    parts: dict[str, str | bytes] = {
        "sheet": write(sheet(given, values, view, lang)),
        "key": write(answers),
        "network": given.to_toml(),
        "rubric": _rubric(key(given, values, view, lang).blocks),
    }
    planted: list[Planted] = []
    if mistakes:
        derivation = values.derivation if view == "scalar" else given.derive(samples=None)
        markup = "typst" if format == "pdf" else "latex"
        blocks = solution(derivation, view, lang)
        planter = planter_of(bare(net), lines_of(blocks, markup), markup)
        planted = planter.plant(mistakes, rng)
        page = errors(answers, blocks, planter.sources(planted), markup, mistakes)
        parts["errors"] = write(page)
        parts["errors-key"] = write(errors_key(answers, planted, markup))
    return Exercise(given, parts, tuple(planted), SUFFIXES[format])


def bare(net: Network) -> Network:
    """Return a network without the numbers of its sheet."""
    return net.replace(given=type(net.given)())


def _rubric(blocks: Iterable[object]) -> str:
    """Return a rubric that gives a point for each answer: for what is computed, and for each gradient that is asked."""
    asked = [block.formula for block in blocks if isinstance(block, Equation) and is_asked(block.formula)]
    rows = "".join(f'"{answer_of(formula)}" = 1\n' for formula in asked)
    return f"[points]\nlink = 0 # the steps; 1 gives a point for each = too\ncarried = 0.5\n\n[targets]\n{rows}"


def _writer(format: str) -> Callable[[Document], str | bytes]:
    if format == "pdf":
        from chainrule.show.typst import to_pdf

        return to_pdf
    if format == "notebook":
        from chainrule.show.ipynb import to_notebook

        return to_notebook
    from chainrule.show import write_document

    return lambda document: write_document(document, format)
