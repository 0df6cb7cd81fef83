"""Points for a Report: by `=`, and by the answers that a rubric asks for.

Without a rubric every judged `=` is worth one point; one that only follows from an earlier slip earns half of it, since
the step itself is right and the slip has already cost its point. What could not be read earns nothing but is listed, so
that a person can look; definitions, and lines about another network, do not count.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.errors import ChainruleError, Place
from chainrule.judge.report import Line, Link, Report, Verdict


class RubricError(ChainruleError):
    """A rubric that cannot be read."""


@dataclass(frozen=True)
class Rubric:
    """How points are given.

    Attributes:
        link: what a right `=` is worth.
        carried: which share of it one earns that only follows from an earlier slip, from 0 to 1.
        targets: what the right answer of a target is worth, by its plain name (`∂loss/∂w_11^2`).
        out_of: what all of it is scaled to, or None.
        step: to what points are rounded, or None.
    """

    link: float = 1.0
    carried: float = 0.5
    targets: Mapping[str, float] = field(default_factory=dict)
    out_of: float | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The points of one line, or of one target.

    Attributes:
        name: the target's plain name, or the line's left side.
        line: the line in the document; 0 for a target that the document does not answer.
        points, out_of: earned, and to be earned.
        reason: a key under `marking.reason`.
    """

    name: str
    line: int
    points: float
    out_of: float
    reason: str


@dataclass(frozen=True, slots=True)
class Marks:
    """The points of a document.

    Attributes:
        lines: a mark for each line that counts.
        targets: a mark for each target of the rubric.
        points, out_of: all of them, scaled and rounded as the rubric says.
        link: what a right `=` is worth, before they are scaled.
    """

    lines: tuple[Mark, ...]
    targets: tuple[Mark, ...]
    points: float
    out_of: float
    link: float = 1.0

    @property
    def share(self) -> float:
        """The points as a share of what can be earned, from 0 to 1; 0 where nothing can."""
        return self.points / self.out_of if self.out_of else 0.0


def mark(report: Report, rubric: Rubric | None = None) -> Marks:
    r"""Give points.

    Example:
        >>> from chainrule.judge.api import check
        >>> report = check(r"$$\frac{\partial loss}{\partial pred} = pred - true = true - pred$$", "2-3-2-1")
        >>> marks = mark(report)
        >>> marks.points, marks.out_of, marks.share
        (1.0, 2.0, 0.5)
    """
    rubric = rubric or Rubric()
    lines = tuple(_line(line, rubric) for line in report.lines if rubric.link and any(map(counts, line.links)))
    targets = tuple(_target(name, worth, report, rubric) for name, worth in rubric.targets.items())
    points = sum(found.points for found in (*lines, *targets))
    out_of = sum(found.out_of for found in (*lines, *targets))
    if rubric.out_of is not None and out_of:
        points, out_of = points * rubric.out_of / out_of, rubric.out_of
    if rubric.step:
        points = min(math.floor(points / rubric.step + 0.5 + 1e-9) * rubric.step, out_of)  # a half is rounded up
    return Marks(lines, targets, round(points, 9), out_of, rubric.link)


def counts(link: Link) -> bool:
    """Return whether a link is worth points: not a definition, nor about another network."""
    return link.verdict is not Verdict.DEFINITION and link.mistake != "other_network"


def _line(line: Line, rubric: Rubric) -> Mark:
    links = [link for link in line.links if counts(link)]
    earned = sum(_earned(link, rubric) for link in links)
    return Mark(line.target, line.line, earned, rubric.link * len(links), str(line.verdict))


def _earned(link: Link, rubric: Rubric) -> float:
    if link.verdict is Verdict.RIGHT:
        return rubric.link
    return rubric.link * rubric.carried if link.verdict is Verdict.CARRIED else 0.0


def _target(name: str, worth: float, report: Report, rubric: Rubric) -> Mark:
    wanted = _plain(name)
    found = [line for line in report.lines if _plain(line.target) == wanted and line.links]
    if not found:
        return Mark(name, 0, 0.0, worth, "absent")
    best = max(found, key=lambda line: (bool(line.links[-1].value_right), line.line))
    last = best.links[-1]
    if last.value_right:
        return Mark(name, best.line, worth, worth, "right")
    if last.verdict is Verdict.CARRIED:
        return Mark(name, best.line, worth * rubric.carried, worth, "carried")
    return Mark(name, best.line, 0.0, worth, "unreadable" if last.value_right is None else "wrong")


def _plain(name: str) -> str:
    """Return a target's name without what may be written in several ways."""
    return "".join(character for character in name if character not in " {}·")


def read_rubric(text: str, *, source: str = "<rubric>") -> Rubric:
    r"""Read a rubric.

    Args:
        text: TOML with `[points]` (`link`, `carried`), `[targets]` and `[total]` (`out_of`, `round`), all
            of them optional.
        source: what the text is called.

    Raises:
        RubricError: with the place, where it is no TOML, or says what a rubric cannot.

    Example:
        >>> read_rubric('[points]\ncarried = 1\n[targets]\n"∂loss/∂w_11^2" = 2\n').targets
        {'∂loss/∂w_11^2': 2.0}
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RubricError("rubric_toml", place=_place_of(error, text, source), reason=_reason(error)) from None
    except RecursionError:
        raise RubricError("rubric_toml", place=Place(source), reason="brackets stand too deep in each other") from None
    known = {"points": ("link", "carried"), "total": ("out_of", "round"), "targets": None}
    for section, content in table.items():
        if section not in known or not isinstance(content, dict):
            place = _place(text, source, section)
            raise RubricError("rubric_section", place=place, read=section, known=", ".join(known))
        keys = known[section]
        for key, value in content.items():
            place = _place(text, source, key)
            if keys is not None and key not in keys:
                raise RubricError("rubric_key", place=place, section=section, read=key, known=", ".join(keys))
            most = 1 if key == "carried" and section == "points" else 1e6
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise RubricError("rubric_number", place=place, section=section, name=key, read=str(value)[:80])
    points: dict[str, Any] = table.get("points", {})
    total: dict[str, Any] = table.get("total", {})
    targets: dict[str, float] = {}
    for name, worth in table.get("targets", {}).items():
        if any(_plain(name) == _plain(other) for other in targets):
            raise RubricError("rubric_twice", place=_place(text, source, name, last=True), read=name)
        targets[name] = float(worth)
    return Rubric(
        float(points.get("link", 1.0)), float(points.get("carried", 0.5)), targets,
        float(total["out_of"]) if "out_of" in total else None, float(total["round"]) if total.get("round") else None,
    )  # fmt: skip


_AT = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


def _place_of(error: tomllib.TOMLDecodeError, text: str, source: str) -> Place:
    """Return where TOML itself could not be read; Python before 3.14 says it in words only."""
    found = _AT.search(str(error))
    rows = text.split("\n")
    if found is None:
        return Place(source)
    line = int(found["line"]) if found["line"] else len(rows)
    column = int(found["column"]) - 1 if found["column"] else len(rows[-1])
    return Place(source, line, column, column + 1, rows[line - 1] if line <= len(rows) else None)


def _reason(error: tomllib.TOMLDecodeError) -> str:
    return _AT.sub("", str(error))


def _place(text: str, source: str, key: str, *, last: bool = False) -> Place:
    """Return where a key stands in a rubric: as a table's name, or before its `=`."""
    name = rf"(?:\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})"
    found = list(
        re.finditer(rf"^[ \t]*(?:\[[ \t]*)?(?:\w+[ \t]*\.[ \t]*)?(?P<key>{name})[ \t]*[\]=.]", text, re.MULTILINE)
    )
    if not found:
        return Place(source)
    match = found[-1 if last else 0]
    start = text.rfind("\n", 0, match.start("key")) + 1
    end = text.find("\n", start)
    row = text[start : end if end >= 0 else len(text)].rstrip("\r")
    return Place(source, text.count("\n", 0, start) + 1, match.start("key") - start, match.end("key") - start, row)


def marks_of(report: Report, marks: Marks) -> Iterator[tuple[Line, Mark | None]]:
    """Yield every line with its points; None where it can neither earn nor lose any."""
    waiting = iter(marks.lines)
    for line in report.lines:
        worth = bool(marks.link) and any(map(counts, line.links))
        yield line, next(waiting, None) if worth else None
