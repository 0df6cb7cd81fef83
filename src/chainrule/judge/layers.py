"""Which layer a letter counts the units of: i the inputs, j the hidden units, k the outputs, as in Bishop's book.

Names without a layer have that of their letter. What a letter counts follows from the names that say it (x_i, y_k,
w_{ji}^{(1)}), and from weights, whose two letters stand in neighbouring layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.judge.reading import Reading
    from chainrule.judge.syntax import Name

_MOST_ROUNDS = 12


def layers_of_letters(names: Iterable[Name], reading: Reading, depth: int) -> Mapping[str, int]:
    r"""Return the layer of each letter that counts the units of one layer only.

    Args:
        names: names that stand together.
        reading: what they mean.
        depth: the number of the network's layers after the inputs.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> from chainrule.judge.reading import Reading
        >>> from chainrule.judge.readings import letters_for
        >>> (chain,) = read_formula(r"x_i w_{ji} w_{kj} = \hat{y}_k")
        >>> found = chain.names
        >>> dict(sorted(layers_of_letters(found, Reading(letters_for(found)), 2).items()))
        {'i': 0, 'j': 1, 'k': 2}
    """
    facts: dict[str, set[int]] = {}
    pairs: list[tuple[str, str]] = []
    general: set[str] = set()
    for name in names:
        letters = name.sub.replace(",", "")
        if not letters.isalpha():
            continue
        kind = reading.kind_of(name)
        level = _level(name.sup, kind, reading, depth)
        if kind in ("x", "pred", "true") and len(letters) == 1:
            facts.setdefault(letters[0], set()).add(0 if kind == "x" else depth)
        elif kind in ("z", "a", "b", "delta") and len(letters) == 1 and level is not None:
            facts.setdefault(letters[0], set()).add(level)
        elif kind in ("z", "a", "b", "delta") and reading.bracketed and name.sup.isdigit():
            continue  # a power
        elif kind == "w" and len(letters) == 2 and (not name.sup or level is not None):
            to, origin = list(letters) if reading.to_from else list(letters)[::-1]
            pairs.append((to, origin))
            if level is not None:
                facts.setdefault(to, set()).add(level)
                facts.setdefault(origin, set()).add(level - 1)
        elif name.sup and not reading.marks_sample(name.sup) and kind in ("w", "z", "a", "b", "delta"):
            general.update(letters)
    for _ in range(_MOST_ROUNDS):
        before = sum(map(len, facts.values()))
        for to, origin in pairs:
            for level in tuple(facts.get(origin, ())):
                facts.setdefault(to, set()).add(level + 1)
            for level in tuple(facts.get(to, ())):
                facts.setdefault(origin, set()).add(level - 1)
        if sum(map(len, facts.values())) == before:
            break
    return {
        letter: next(iter(found)) for letter, found in facts.items()
        if len(found) == 1 and letter not in general and 0 <= next(iter(found)) <= depth
    }  # fmt: skip


def _level(sup: str, kind: str, reading: Reading, depth: int) -> int | None:
    bare = sup.strip("()[]")
    power = reading.powers or (reading.bracketed and bare == sup and bare.isdigit())
    if power or not bare or reading.marks_sample(sup):
        return None
    if bare == "L":
        return depth
    return int(bare) - reading.inputs_number(kind) if bare.isdigit() and len(bare) < 4 else None


def in_chain(
    names: Iterable[Name], everywhere: Mapping[str, int], reading: Reading, depth: int, bound: Iterable[str]
) -> Mapping[str, int]:
    """Return the layers of the letters in one chain: what it says itself, and then what the document says.

    A Σ's own letter that its chain says nothing of runs over the layer of the other names of its base:
    e^{z_i} / Σ_k e^{z_k}.
    """
    names = list(names)
    own = dict(layers_of_letters(names, reading, depth))
    for letter in bound:
        if letter in own:
            continue
        for name in names:
            if name.sub == letter and not name.sup:
                beside = [own[o.sub] for o in names if o.base == name.base and not o.sup and o.sub in own]
                if beside:
                    own[letter] = beside[0]
    return {**everywhere, **own}


def layerings(
    names: Iterable[Name], known: Mapping[str, int], reading: Reading, depth: int
) -> tuple[Mapping[str, int], ...]:
    r"""Return the ways to give layers to the letters of a chain that says nothing of them: it speaks of any layer.

    ∂E/∂w_{ij} = δ_j o_i holds for i in any layer and j in the next. Letters that weights connect move together; where
    two groups of letters are free, nothing is tried.

    Args:
        names: the chain's names.
        known: the layers of letters that are known.
        reading: what names mean.
        depth: the number of the network's layers after the inputs.

    Example:
        >>> from chainrule.judge.parse import read_formula
        >>> from chainrule.judge.reading import Reading
        >>> from chainrule.judge.readings import letters_for
        >>> (chain,) = read_formula(r"z_j = \sum_i w_{ji} a_i")
        >>> found = chain.names
        >>> [dict(sorted(one.items())) for one in layerings(found, {}, Reading(letters_for(found)), 2)]
        [{'i': 0, 'j': 1}, {'i': 1, 'j': 2}]
    """
    offsets: dict[str, int] = {}
    pairs: list[tuple[str, str]] = []
    for name in names:
        kind = reading.kind_of(name)
        letters = name.sub.replace(",", "")
        if not letters.isalpha() or name.sup or name.base in reading.places or set(letters) & set(known):
            continue
        if kind == "w" and len(letters) == 2:
            pairs.append((letters[0], letters[1]) if reading.to_from else (letters[1], letters[0]))
        elif kind in ("z", "a", "b", "delta") and len(letters) == 1:
            offsets.setdefault(letters, 0)
    free = dict.fromkeys([*offsets, *(letter for pair in pairs for letter in pair)])
    if not free:
        return (known,)
    offsets = {next(iter(free)): 0}
    for _ in range(_MOST_ROUNDS):
        for to, origin in pairs:
            if to in offsets:
                offsets.setdefault(origin, offsets[to] - 1)
            if origin in offsets:
                offsets.setdefault(to, offsets[origin] + 1)
    if set(offsets) != set(free) or any(offsets[to] != offsets[origin] + 1 for to, origin in pairs):
        return (known,)
    low, high = min(offsets.values()), max(offsets.values())
    found = tuple(
        {**known, **{letter: level + offset for letter, offset in offsets.items()}}
        for level in range(-low, depth + 1 - high)
    )
    return found or (known,)
