"""What a TOML text says about what leads where: skips, missing edges, the only edges, tied weights, outputs.

Weights are named in the plain spelling of `chainrule.figure.spelling`. Whole layers can be tied in one line, "W_2 =
W_1" or "W_2 = W_1^T" (an autoencoder's decoder); the weight on the right speaks for its group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, NetworkError
from chainrule.figure.names import near, short
from chainrule.figure.normal import in_order, last_layer
from chainrule.figure.spelling import Named, parse_symbol, spell_matrix, spell_unit
from chainrule.network import Connection, Weight

if TYPE_CHECKING:
    from chainrule.figure.document import Document, Key

MAX_EDGES = 5_000_000
"""The most edges a connection may have when they are listed one by one."""

_TIED_MATRIX = re.compile(r"\s*(?P<name>[^=^]*?)\s*(?P<transposed>\^\s*\{?[T⊤]\}?|⊤|ᵀ)?\s*")

Edges = dict[tuple[int, int], set[tuple[int, int]]]
"""Edges (to, from) by connection (target, source)."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What leads where, in the normal form."""

    connections: tuple[Connection, ...]
    ties: tuple[tuple[Weight, ...], ...]
    outputs: tuple[tuple[int, int], ...]


def read_wiring(document: Document, sizes: tuple[int, ...], names: tuple[tuple[str, ...], ...]) -> Wiring:
    """Return what leads where, adding what cannot be read to the document's problems.

    Args:
        document: the text.
        sizes: the number of inputs, and of units in each layer.
        names: what the sheet calls the inputs and the units of each layer; empty where it does not.
    """
    connections = _connections(document, sizes)
    dense = {(c.target, c.source) for c in connections if c.edges is None}
    return Wiring(connections, _ties(document, sizes, dense), _outputs(document, sizes, names))


def _connections(document: Document, sizes: tuple[int, ...]) -> tuple[Connection, ...]:
    present = {(level, level - 1) for level in range(1, len(sizes))} | _skips(document, sizes)
    only = _edges(document, "edges", sizes, None)
    missing = _edges(document, "missing", sizes, present)
    for pair in only.keys() & missing.keys():
        document.report("edges_and_missing", "missing", read=spell_matrix(*pair))
    connections = []
    for target, source in present | only.keys():
        edges: tuple[tuple[int, int], ...] | None = None
        if (target, source) in only:
            edges = tuple(sorted(only[target, source]))
        elif gone := missing.get((target, source)):
            if sizes[target] * sizes[source] > MAX_EDGES:
                what, read = spell_matrix(target, source), sizes[target] * sizes[source]
                document.report("too_many_edges", "missing", what=what, read=read, limit=MAX_EDGES)
                continue
            pairs = ((to, origin) for to in range(1, sizes[target] + 1) for origin in range(1, sizes[source] + 1))
            edges = () if (0, 0) in gone else tuple(pair for pair in pairs if pair not in gone)
        connections.append(Connection(target, source, edges))
    return in_order(connections, sizes)


def _skips(document: Document, sizes: tuple[int, ...]) -> set[tuple[int, int]]:
    """Return the connections (target, source) of the `[[skip]]` tables."""
    found: set[tuple[int, int]] = set()
    for position, table in enumerate(document.tables("skip")):
        path = ("skip", position)
        document.only(table, ("from", "to"), *path)
        ends: list[Any] = []
        for key in ("from", "to"):
            if key not in table:
                name = f"skip[{position + 1}].{key}"
                document.report("missing_key", *path, name=name, example=f"{key} = {len(ends)}")
            ends.append(document.take(table, key, "integer", *path))
        source, target = ends
        if source is None or target is None:
            continue
        if not 0 <= source < target < len(sizes):
            document.report("backward_connection", *path, source=source, target=target, depth=len(sizes) - 1)
        elif source == target - 1:
            document.report("skip_to_next", *path, source=source, target=target)
        elif (target, source) in found:
            document.report("double_connection", *path, source=source, target=target)
        found.add((target, source))
    return found


def _edges(document: Document, key: str, sizes: tuple[int, ...], present: set[tuple[int, int]] | None) -> Edges:
    """Return the edges that a list names; a whole matrix is (0, 0). `present` is None where any may be named."""
    found: Edges = {}
    for text in document.strings(document.take(document.data, key, "array", default=[]), key):
        named = read_symbol(document, text, key)
        if named is None:
            continue
        if named.kind == "W" and present is not None:
            if (pair := _pair(named)) in present:
                found.setdefault(pair, set()).add((0, 0))
            else:
                document.report("no_such_weight", key, weight=short(text))
        elif named.kind != "w":
            document.report("not_a_weight", key, read=short(text))
        elif not _inside(named, sizes) or (present is not None and _pair(named) not in present):
            document.report("no_such_weight", key, weight=short(text))
        else:
            edge = named.subscripts[0], named.subscripts[1]
            edges = found.setdefault(_pair(named), set())
            if edge in edges:
                document.report("edge_twice", key, weight=short(text))
            edges.add(edge)
    return found


def _pair(named: Named) -> tuple[int, int]:
    assert named.layer is not None
    assert named.source is not None
    return named.layer, named.source


def _inside(named: Named, sizes: tuple[int, ...]) -> bool:
    """Return whether there are such layers, and for a weight such units in them."""
    target, source = _pair(named)
    if not 0 <= source < target < len(sizes):
        return False
    if named.kind == "W":
        return True
    to, origin = named.subscripts
    return 1 <= to <= sizes[target] and 1 <= origin <= sizes[source]


def read_symbol(document: Document, text: str, *path: Key) -> Named | None:
    """Return the symbol that a text names, or None after reporting that it names none."""
    try:
        return parse_symbol(text, error=NetworkError, place=document.place(*path))
    except ChainruleError as error:
        document.problems.append(error)
        document.enough()
        return None


def to_weight(named: Named) -> Weight:
    """Return the weight that a symbol of the kind w names."""
    return Weight(*_pair(named), *named.subscripts)


def _ties(document: Document, sizes: tuple[int, ...], dense: set[tuple[int, int]]) -> tuple[tuple[Weight, ...], ...]:
    groups: list[tuple[Weight, ...]] = []
    for entry in document.take(document.data, "tied", "array", default=[]):
        if isinstance(entry, str):
            groups += _tied_matrices(document, entry, sizes, dense)
        elif document.typed(entry, "array", "tied") is not None:
            group = []
            for text in document.strings(entry, "tied"):
                named = read_symbol(document, text, "tied")
                if named is not None and named.kind != "w":
                    document.report("not_a_weight", "tied", read=short(text))
                elif named is not None:
                    group.append(to_weight(named))
            groups.append(tuple(group))
    return tuple(groups)


def _tied_matrices(
    document: Document, text: str, sizes: tuple[int, ...], dense: set[tuple[int, int]]
) -> list[tuple[Weight, ...]]:
    """Return the groups of "W_2 = W_1^T", or of a longer chain of equals."""
    sides: list[tuple[int, int, bool]] = []
    for words in text.split("="):
        match = _TIED_MATRIX.fullmatch(words)
        named = read_symbol(document, match["name"], "tied") if match and match["name"] else None
        if named is None or match is None:
            if match is None or not match["name"]:
                document.report("malformed_tie", "tied", read=short(text))
            return []
        if named.kind != "W" or not _inside(named, sizes):
            document.report("no_such_weight", "tied", weight=short(words.strip()))
            return []
        if _pair(named) not in dense:
            document.report("tie_needs_all_edges", "tied", read=spell_matrix(*_pair(named)))
            return []
        sides.append((*_pair(named), bool(match["transposed"])))
    if len(sides) < 2:
        document.report("malformed_tie", "tied", read=short(text))
        return []
    sides.reverse()
    shapes = [_shape(side, sizes) for side in sides]
    for side, shape in zip(sides, shapes, strict=True):
        if shape != shapes[0]:
            document.report(
                "tie_shapes", "tied", read=short(text),
                left=_spell_side(side), left_shape="×".join(map(str, shape)),
                right=_spell_side(sides[0]), right_shape="×".join(map(str, shapes[0])),
            )  # fmt: skip
            return []
    if shapes[0][0] * shapes[0][1] > MAX_EDGES:
        read = shapes[0][0] * shapes[0][1]
        document.report("too_many_edges", "tied", what=_spell_side(sides[0]), read=read, limit=MAX_EDGES)
        return []
    return tie_matrices(sides, shapes[0])


def _shape(side: tuple[int, int, bool], sizes: tuple[int, ...]) -> tuple[int, int]:
    target, source, transposed = side
    return (sizes[target], sizes[source]) if transposed else (sizes[source], sizes[target])


def _spell_side(side: tuple[int, int, bool]) -> str:
    return spell_matrix(side[0], side[1]) + ("^T" if side[2] else "")


def tie_matrices(sides: list[tuple[int, int, bool]], shape: tuple[int, int]) -> list[tuple[Weight, ...]]:
    """Return the groups that tie whole matrices, each (target, source, transposed); the first one speaks.

    Entry (j, i) of a matrix, counted from 1, is w_ij; of a transposed one, w_ji.
    """
    return [
        tuple(Weight(t, s, j, i) if transposed else Weight(t, s, i, j) for t, s, transposed in sides)
        for i in range(1, shape[1] + 1)
        for j in range(1, shape[0] + 1)
    ]


def _outputs(
    document: Document, sizes: tuple[int, ...], names: tuple[tuple[str, ...], ...]
) -> tuple[tuple[int, int], ...]:
    """Return the units of `outputs = ["a_1^2", …]`, which may also be named as the sheet calls them."""
    texts = document.strings(document.take(document.data, "outputs", "array", default=[]), "outputs")
    if not texts:
        if "outputs" in document.data and not document.problems:
            document.report("no_outputs", "outputs")
        return ()
    units: dict[str, tuple[int, int] | None] = {}
    for level, layer in enumerate(names):
        for unit, name in enumerate(layer, start=1):
            units[name] = None if name in units or not level else (level, unit)  # None: several, or an input
    found = []
    for text in texts:
        unit_found = units.get(text) or _unit(text, sizes)
        if unit_found is None:
            example = near(text, [name for name, unit in units.items() if unit]) or spell_unit(len(sizes) - 1, 1)
            document.report("no_such_unit", "outputs", read=short(text), near=example)
        else:
            found.append(unit_found)
    return () if tuple(found) == last_layer(sizes) else tuple(found)


def _unit(text: str, sizes: tuple[int, ...]) -> tuple[int, int] | None:
    try:
        named = parse_symbol(text)
    except ChainruleError:
        return None
    if named.kind != "a" or named.layer is None or named.sample is not None:
        return None
    unit = named.subscripts[0]
    return (named.layer, unit) if 1 <= named.layer < len(sizes) and 1 <= unit <= sizes[named.layer] else None
