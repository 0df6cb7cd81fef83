"""Which Reading a document follows: found from the document itself.

The letters come from the notation tables of the derive side and from names.toml; where one letter can be two things
(`y` beside `ŷ` is the target, beside `t` the output) the other names of the document decide. What no name can decide —
which index of a weight leads where, whether inputs count from 0 or 1, whether samples are rows or columns — is tried:
the reading under which most of the document is right is the author's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from chainrule.judge.reading import Reading, vocabulary
from chainrule.judge.roles import Roles
from chainrule.judge.syntax import Name
from chainrule.judge.tokens import ONES
from chainrule.notation import load
from chainrule.notation import names as notation_names

_LETTERED = frozenset(("w", "b", "z", "a", "delta"))


def letters_for(names: Iterable[Name], *, swapped: bool = False, output: bool = False) -> Mapping[str, str]:
    """Return what each base stands for in a document that has these names.

    Args:
        names: the names of the document.
        swapped: whether a comes before the activation and z after it, as in Bishop's book.
        output: whether y is the output where no other name says so.

    Example:
        >>> kinds = letters_for([])
        >>> kinds["pred"], kinds["W"], kinds["δ"], kinds["dW"]
        ('pred', 'w', 'delta', 'dw')
    """
    names = list(names)
    present = frozenset(name.base for name in names)
    return _letters_for(present, frozenset(name.base for name in names if not name.sub), swapped, output)


@lru_cache(maxsize=512)
def _letters_for(present: frozenset[str], bare: frozenset[str], swapped: bool, output: bool) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for kind, bases in vocabulary()["usual"].items():
        for base in bases:
            found.setdefault(base, kind)
    for notation in map(load, notation_names()):
        for kind in ("x", "w", "b", "pred", "true", "loss"):
            for entry in (notation.symbols[kind], notation.matrices[kind]):
                if len(str(entry["text"])) > 1 or str(entry["text"]) not in ("y", "a", "A", "Y"):
                    found.setdefault(str(entry["text"]), kind)
    if swapped:
        for kind, bases in vocabulary()["swapped"].items():
            found.update(dict.fromkeys(bases, kind))
    outputs = present & {"ŷ", "Ŷ", "pred", "out", "output", "yhat", "prediction", "o", "O"}
    targets = present & {"t", "T", "true", "target", "label"}
    for y, hat in (("y", "ŷ"), ("Y", "Ŷ")):
        # Beside ŷ, or where nothing else is the target, y is what was to be learned; beside t it is the output.
        named = outputs & {hat, "ŷ", "pred", "out", "output", "yhat"}
        found[y] = "pred" if (targets or output) and not named else "true"
    if "a" not in present and "h" not in present and "o" in present and not swapped:
        found["o"] = "pred"
    for base, kind in list(found.items()):
        if kind not in ("loss", "samples", "delta", "true"):
            found[f"d{base}"] = f"d{kind}"
    if present & {"net", "out"} and "x" not in present:
        found["i"] = "x"  # i_1, net_{h1}, out_{o1}
    # The author's own letters first: a repair takes the first letter of a kind. n_x is no number of samples.
    own = {base: kind for base, kind in found.items() if base in (bare if kind == "samples" else present)}
    return {**own, **found}


def candidates(
    names: Iterable[Name], *, matrices: bool, sigma: bool = False, sigmoid: bool = False
) -> Iterator[Reading]:
    """Yield the readings to try, the likeliest first.

    Args:
        names: the names of the document.
        matrices: whether it speaks of whole matrices, so that their layout matters.
        sigma: whether it applies σ, which is the sigmoid or whatever activation a layer has.
        sigmoid: whether the sigmoid is the likelier.
    """
    names = list(names)
    deltas = _numbered_deltas(names)
    absorbed, bracketed, below, whole = _absorbed(names), _bracketed(names), _below(names), _whole_outputs(names)
    loss_of, marks = _loss_of(names), marks_above(names)
    for reading in _candidates(names, matrices):
        reading = reading.but(absorbed=absorbed, bracketed=bracketed, below=below, whole_outputs=whole, loss_of=loss_of,
                              marks=marks)  # fmt: skip
        if deltas:
            yield reading.but(sigmoid=sigmoid)
            yield reading.but(sigmoid=sigmoid, unit_deltas=True)
            continue
        yield reading.but(sigmoid=sigmoid)
        if sigma:
            yield reading.but(sigmoid=not sigmoid)
    if deltas:
        yield _own_deltas(reading.but(sigmoid=sigmoid))


def _loss_of(names: Sequence[Name]) -> str:
    """Return what stands below the loss, where it is the same everywhere: C_0 of one sample, and no C beside it."""
    kinds = letters_for(())
    found = {name.sub for name in names if kinds.get(name.base) == "loss"}
    (only,) = found if len(found) == 1 else ("",)
    counted = any(only in name.sub + name.sup + name.suffix for name in names if kinds.get(name.base) != "loss")
    return only if len(only) == 1 and (only.isdigit() or not counted) else ""  # a letter beside it counts samples


def marks_above(names: Iterable[Name]) -> str:
    """Return the letters that mark samples: in brackets above inputs, outputs and targets, and above no weight."""
    kinds = letters_for(())
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for name in names:
        kind = kinds.get(name.base)
        if kind in ("x", "pred", "true", "w", "b") and (match := _MARK.fullmatch(name.sup)) is not None:
            found[kind in ("w", "b")].add(match[1])
    return "".join(sorted(found[False] - found[True] - {"l", "L"}))


_MARK = re.compile(r"[(\[]([A-Za-z])[)\]]")


def _numbered_deltas(names: Iterable[Name]) -> bool:
    """Return whether δs are numbered below, and have nothing above."""
    return any(n.base in ("δ", "Δ") and n.sub.isdigit() and not n.sup for n in names)


def _own_deltas(reading: Reading) -> Reading:
    """Return the reading in which δ is a letter of the document's own.

    δ_1 = ∂J/∂θ, δ_2 = ∂J/∂h and so on, in the order in which they are computed, are names for short, as any others.
    """
    return replace(reading, kinds={base: kind for base, kind in reading.kinds.items() if kind != "delta"})


def _absorbed(names: Iterable[Name]) -> bool:
    """Return whether sums count from 0 where nothing says from where: no bias is named, nor written as w_j0."""
    kinds = letters_for(())
    return not any(
        kinds.get(name.base) in ("b", "db") or (kinds.get(name.base) == "w" and name.sub[-1:] == "0") for name in names
    )


def _bracketed(names: list[Name]) -> bool:
    """Return whether a bare number above is a power: layers are in brackets, w^{(2)}, or weights have none, w_{ji}."""
    kinds = letters_for(())
    weights = [name for name in names if kinds.get(name.base) == "w" and (name.base in "Ww" or name.sub)]
    return bool(weights and not any(name.sup for name in weights)) or any(
        kinds.get(name.base, "").removeprefix("d") in _LETTERED and _LAYER.match(name.sup) is not None for name in names
    )


def _below(names: Iterable[Name]) -> bool:
    """Return whether layers stand below: matrices are numbered, W_1 and W_2."""
    kinds = letters_for(())
    return any(
        kinds.get(name.base, "").removeprefix("d") == "w" and name.base.removeprefix("d")[:1].isupper()
        and len(name.sub) == 1 and name.sub.isdigit() and not name.sup
        for name in names
    )  # fmt: skip


def _columns(names: Iterable[Name], reading: Reading) -> bool:
    """Return whether a single output's weights may be a column beside matrices: vᵀ h after h = σ(W x)."""
    whole = {name.base for name in names if reading.kinds.get(name.base) == "w" and len(name.sub) < 2}
    return any(base.islower() for base in whole) and any(base.isupper() for base in whole)


def _whole_outputs(names: Iterable[Name]) -> bool:
    """Return whether Y and T hold a batch, since X, Z or A does."""
    kinds = letters_for(())
    return any(kinds.get(n.base) in ("x", "z", "a") and n.base[0].isupper() and not n.sub for n in names)


_LAYER = re.compile(r"[\[(](?:[0-9]{1,3}|[lL](?:[+-]1)?)[\])]")


def _candidates(names: list[Name], matrices: bool) -> Iterator[Reading]:
    first, *others = ([*_counted(Reading(kinds), names)] for kinds in _lettered(names))
    base = [*first, *itertools.chain(*others)]
    yield from base
    if any(n.sup.isdigit() and base[0].kinds.get(n.base) in _LETTERED for n in names):
        yield base[0].but(powers=True)
    if matrices:
        capital = any(n.base[:1].isupper() and base[0].kinds.get(n.base) == "w" for n in names)
        lettered = [counted[0] for counted in others] if capital else []  # y = Wx + b: y is the output, x a column
        columns = _columns(names, base[0])
        for reading in (*base[:4], *lettered):
            if columns:
                yield reading.but(rows=False, in_out=False, batch=False, columns=True)
            for rows, in_out in ((False, False), (True, False), (False, True)):
                yield reading.but(rows=rows, in_out=in_out)
        whole = _several(base[0], names)
        for reading in () if whole else (*base[:2], *lettered):  # X, Z and A hold a batch
            for rows, in_out in ((True, True), (False, False), (True, False), (False, True)):
                yield reading.but(rows=rows, in_out=in_out, batch=False)


def _lettered(names: list[Name]) -> Iterator[Mapping[str, str]]:
    """Yield what the letters of a document can stand for, the likeliest first."""
    bases = {name.base for name in names}
    usual = letters_for(names)
    yield usual
    if bases & {"a", "A", "z", "Z"}:
        yield letters_for(names, swapped=True, output=True)
    if bases & {"y", "Y"} and usual != (other := letters_for(names, output=True)):
        yield other
    if bases & {"o", "O"} and bases & {"ŷ", "Ŷ", "pred"}:  # what goes into the last activation: ŷ = softmax(o)
        yield {**usual, "o": "z", "O": "z", "do": "dz", "dO": "dz"}
    if bases & {"o", "O"}:  # the output of any unit
        yield {**usual, "o": "a", "O": "a", "do": "da"}
        yield {**letters_for(names, output=True), "o": "a", "O": "a", "do": "da"}
    if bases & {"h", "H"} and bases & {"a", "A"}:  # h is behind the activation, a before it
        yield {**usual, "a": "z", "A": "z", "da": "dz", "dA": "dz"}


def _several(reading: Reading, names: Iterable[Name]) -> bool:
    """Return whether matrices hold several samples: X, Z and A do, and who divides by m has more than one."""
    return any(
        n.base == ONES
        or (reading.kinds.get(n.base) in ("x", "z", "a") and n.base[0].isupper())
        or (reading.kinds.get(n.base) == "samples" and not n.sub and not n.sup)
        for n in names
    )


def _numbered(names: Iterable[Name], reading: Reading) -> bool:
    """Return whether weights are numbered through, w_1, w_2, …, whatever they connect."""
    return any(
        reading.kinds.get(name.base) == "w" and name.sub.isdigit() and not name.sup and name.base.islower()
        for name in names
    )


def around(reading: Reading, names: Iterable[Name], *, descends: bool = False) -> Iterator[tuple[Reading, int]]:
    """Yield the readings that differ from one in one respect, each with the gain that makes it the better.

    Where the document adds η δ to weights (`descends`), δ is −∂loss/∂z.

    A layout that nothing else in the document speaks against needs one line for it: what is right in a usual layout is
    not called wrong. Everything else needs two, since one line may be a slip.
    """
    names = list(names)
    kinds = {reading.kinds.get(name.base) for name in names}
    for laid in layouts(reading, names):
        yield laid, 1
    if reading.row_gradients:
        yield reading.but(shaped=not reading.shaped), 1
    if not _several(reading, names):
        turned = not reading.row_gradients
        yield reading.but(rows=False, in_out=False, batch=False, row_gradients=turned), 2
    if _columns(names, reading):
        yield reading.but(rows=False, in_out=False, batch=False, columns=True), 2
    yield reading.but(sigmoid=not reading.sigmoid), 2
    own = {base: reading.kinds[base] for base in reading.places}  # what the document says of its letters stays
    for letters in _lettered(names):
        other = {**letters, **own} if own else letters
        if other != reading.kinds:
            yield replace(reading, kinds=other), 2
            if "delta" in kinds:
                yield replace(reading, kinds=other, descent=not reading.descent), 2
    if _numbered(names, reading):
        yield reading.but(by_origin=not reading.by_origin), 2
    if "delta" in kinds:
        yield reading.but(descent=not reading.descent), 2 - (descends and not reading.descent)
        yield reading.but(unit_deltas=not reading.unit_deltas), 2
        if _numbered_deltas(names):
            own_deltas = _own_deltas(reading)
            yield own_deltas, 2
            if not _several(reading, names):
                yield own_deltas.but(rows=False, in_out=False, batch=False, row_gradients=True), 2
    if kinds & {"dz", "da", "delta", "dpred"}:
        yield reading.but(per_sample=not reading.per_sample), 2
    yield reading.but(to_from=not reading.to_from), 2
    yield reading.but(absorbed=not reading.absorbed), 2
    yield reading.but(bracketed=not reading.bracketed), 2
    if _below(names):
        yield reading.but(below=not reading.below), 2
    for counted in _counted(reading, names):
        yield counted, 2


def layouts(reading: Reading, names: Iterable[Name]) -> Iterator[Reading]:
    """Yield a reading with each way to lay matrices out."""
    batches = (True,) if _several(reading, names) else (True, False)
    for rows, in_out, batch in itertools.product((True, False), (True, False), batches):
        turned = reading.row_gradients and not (rows or batch)
        yield reading.but(rows=rows, in_out=in_out, batch=batch, row_gradients=turned)


def letterings(reading: Reading, names: Iterable[Name], depth: int) -> Iterator[Reading]:
    """Yield the readings in which each layer has a letter of its own: W and U for weights, b and c for biases.

    Args:
        reading: what else names mean.
        names: the names of the document.
        depth: the number of the network's layers after the inputs.
    """
    names = list(names)
    weights = _own_letters(names, ("W", "w", "U", "u", "V", "v"))
    biases = _own_letters(names, ("b", "c", "d"))
    if depth < 2 or len(weights) != depth or depth > MOST_LETTERED:
        return
    biased = itertools.permutations(biases) if len(biases) == depth else [()]
    for order, others in itertools.product(itertools.permutations(weights), list(biased)):
        kinds, places = dict(reading.kinds), dict(reading.places)
        for kind, bases in (("w", order), ("b", others)):
            for layer, base in enumerate(bases, start=1):
                kinds |= {base: kind, f"d{base}": f"d{kind}"}
                places |= {base: layer, f"d{base}": layer}
        for below in dict.fromkeys((True, reading.below)):  # h_1 is a layer, or a unit of the one hidden layer
            yield replace(reading, kinds=kinds, places=places, below=below, bracketed=True)


def as_used(reading: Reading, names: Iterable[Name], roles: Roles) -> Iterator[Reading]:
    """Yield the reading in which letters stand for what the document computes with them.

    There is none where that is what they stand for with other people too.
    """
    if any(all(letters.get(base) == kind for base, kind in roles.kinds.items()) for letters in _lettered([*names])):
        return
    own = {**roles.kinds, **{f"d{base}": f"d{kind}" for base, kind in roles.kinds.items() if kind != "delta"}}
    kinds = {**own, **{base: kind for base, kind in reading.kinds.items() if base not in own}}
    places = {**roles.places, **{f"d{base}": layer for base, layer in roles.places.items()}}
    signs = {"delta", "residual"} & {*roles.kinds.values()}  # who writes d − y often has δ = −∂loss/∂z
    for descent in (False, True) if signs else (reading.descent,):
        yield replace(reading, kinds=kinds, places=places, descent=descent)


MOST_LETTERED = 3
"""The most layers whose weights have letters of their own; beyond, people count."""


def _own_letters(names: Iterable[Name], among: tuple[str, ...]) -> list[str]:
    """Return the letters of some that no layer's number stands beside, in the order in which they appear.

    The number below a matrix is its layer, W_1; that below a small letter may be a unit, v_1.
    """
    found: dict[str, bool] = {}
    for name in names:
        base = name.base.removeprefix("d") or name.base
        if base in among:
            numbered = bool(name.sup) or (name.sub.isdigit() and base.isupper())
            found[base] = found.get(base, True) and not numbered
    return [base for base, alone in found.items() if alone]


def _counted(reading: Reading, names: list[Name]) -> Iterator[Reading]:
    """Yield a reading with each way to count inputs, layers and units, and both directions of a weight's indices."""
    zero_input = any(reading.kinds.get(n.base) == "x" and n.sub == "0" for n in names)
    some_letter = any(reading.kinds.get(n.base) == "x" and n.sub.isalpha() for n in names)
    inputs = (0, 1) if some_letter or not zero_input else (0,)
    if not zero_input and not {"pred", "true", "loss"} & {name.base for name in names}:
        inputs = (1, 0)  # most people count from 1; those who write pred, true and loss as the seed does, from 0
    for to_from in (True, False):
        for first_input in inputs:
            yield reading.but(to_from=to_from, first_input=first_input)
    yield reading.but(first_layer=1, first_input=1)
    yield reading.but(first_layer=1, first_input=1, to_from=False)
    if _outward(names, reading):
        for first_layer in (1, 0):
            yield reading.but(first_layer=first_layer, first_input=1, outward=True)
    if any(n.sub.replace(",", "")[:1] == "0" or "0" in n.sub.split(",") for n in names
           if reading.kinds.get(n.base) in _LETTERED):  # fmt: skip
        yield reading.but(first_unit=0, first_input=0)
        yield reading.but(first_unit=0, first_input=0, to_from=False)


def _outward(names: Iterable[Name], reading: Reading) -> bool:
    """Return whether W and b could have the number of the layer they lead from, since others have larger ones."""
    numbers: dict[bool, set[str]] = {True: set(), False: set()}
    for name in names:
        kind = reading.kind_of(name)
        if kind in _LETTERED:
            numbers[kind in ("w", "b")].add((name.sup or name.sub).strip("()[]"))
    own, others = ({int(text) for text in numbers[which] if text.isdecimal()} for which in (True, False))
    general = not numbers[True].isdisjoint("lL") and not numbers[False].isdisjoint(("l+1", "L"))
    return general or (bool(own) and bool(others) and max(others) > max(own))


def of_notation(name: str) -> Reading:
    """Return the reading of one of the derive side's notations.

    Raises:
        SelectionError: where there is no such notation.

    Example:
        >>> of_notation("ng").first_input, of_notation("seed").first_input
        (1, 0)
    """
    notation = load(name)
    kinds: dict[str, str] = {}
    usual = letters_for([])
    for kind in ("x", "w", "b", "z", "a", "pred", "true", "loss"):
        for table in (notation.symbols, notation.matrices):
            entry = table.get(kind)
            if entry is not None:
                base = str(entry["text"])
                if kind == "pred" and base.lower() == "a":
                    continue  # a^L is the last layer's a
                kinds[base] = kind
                if kind not in ("loss", "true"):
                    kinds[f"d{base}"] = f"d{kind}"
    kinds = {**kinds, **{base: kind for base, kind in usual.items() if base not in kinds}}
    return replace(Reading(kinds, sigmoid=True), first_input=1 + int(notation.symbols["x"].get("shift", 0)))
