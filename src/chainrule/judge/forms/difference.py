"""Two sources compared name by name: what a repair changes, and what is to be pointed at."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from chainrule.judge.fixes import applied
from chainrule.judge.report import Edit, Line

_TOKEN = re.compile(
    r"(?:\\[A-Za-z]+|[^\W\d_]+)(?:[_^](?:\{[^{}]*\}|\\[A-Za-z]+|\w))+'*|\\[A-Za-z]+|\\.|[^\W\d_]+[₀-₉⁰-⁹¹²³]*'*|\d+|\s+|.",
    re.DOTALL,
)
MOST_TOKENS = 2_000
"""How many names and signs are compared; two longer sources differ as a whole."""

Stretches = list[tuple[str, bool]]


def difference(before: str, after: str) -> tuple[Stretches, Stretches]:
    r"""Return two sources in stretches, and of each stretch whether the other source lacks it.

    A name goes with its indices.

    Example:
        >>> difference(r"w_{11}^3 \cdot a", r"w_{12}^3 \cdot a")[1]
        [('w_{12}^3', True), (' \\cdot a', False)]
    """
    first, second = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(first) + len(second) > MOST_TOKENS:
        return [(before, True)], [(after, True)]
    old: Stretches = []
    new: Stretches = []
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if b > a:
            old.append(("".join(first[a:b]), kind != "equal"))
        if d > c:
            new.append(("".join(second[c:d]), kind != "equal"))
    return old, new


def sides_changed(text: str, line: Line, edits: tuple[Edit, ...]) -> dict[int, tuple[str, str]]:
    """Return the sides of a line that edits change, before and after, by their number; the left end is 0."""
    spans = {0: (line.start, line.links[0].start if line.links else line.end)}
    spans |= {link.index: (link.start, link.end) for link in line.links}
    found: dict[int, tuple[str, str]] = {}
    waiting = list(edits)
    for number, (start, end) in spans.items():
        last = end if number else end - 1
        own = [edit for edit in waiting if start <= edit.start and edit.end <= last]
        waiting = [edit for edit in waiting if edit not in own]
        if own:
            source = text[start:end]
            inner = [Edit(edit.start - start, edit.end - start, edit.text) for edit in own]
            before, after = source, applied(source, inner)
            if not number:
                before, after = (_RELATION.sub("", side) for side in (before, after))
            found[number] = (before, after)
    return found


_RELATION = re.compile(r"[\s&]*(?::?=|\\(?:equiv|approx|coloneqq|triangleq)|[≡≈≔])[\s&]*\Z")
