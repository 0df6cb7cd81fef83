"""Larger networks as loops over arrays: [unit][sample] for what belongs to a sample, matrix products in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.algebra import atoms, walk
from chainrule.derive import owner
from chainrule.expr import ZERO, Atom, Index, Ref, Sum
from chainrule.native.comments import comment
from chainrule.native.expression import Scribe, runs
from chainrule.native.lower import (
    Assign,
    Column,
    Gathered,
    Loss,
    Lowered,
    Operation,
    Outer,
    Places,
    Product,
    identifier,
    is_tile,
    reads,
    unit,
    width,
)
from chainrule.native.target import Target

SMALL_OUTER = 512
"""A weight matrix of no more entries has a vector of partial sums for each; a larger one is summed as a product."""

SMALL_REST = 2048
"""So do the last columns of a larger one, those that fill no vector, where they have no more entries than this."""


@dataclass(frozen=True)
class Sums:
    """Where the partial sums of a gradient operation are: from `start` in `sums`, or a matrix of its own.

    Attributes:
        operation: what is summed.
        start: the first vector in `sums`.
        matrix: the name of the matrix, or ''.
        columns: which of an outer product's columns these are, half open.
    """

    operation: Outer | Column | Loss
    start: int
    matrix: str = ""
    columns: tuple[int, int] = (0, 0)


class Looped:
    """Writes the operations of a network as loops.

    Attributes:
        each: the loop over the vectors of a tile.
        lane: which of them is meant, inside of it.
        parameters: the name of the parameter buffer.
    """

    each = " for (int v = 0; v < vectors; v++)"
    lane = "[v]"
    parameters = "p"

    def __init__(self, lowered: Lowered, target: Target, *, vectors: int) -> None:
        self.lowered = lowered
        self.target = target
        self.vectors = vectors
        self.used: set[str] = set()
        self.slots: list[int] = []
        self.fresh: set[str] = set()
        self.tables: dict[str, str] = {}
        self.matrices: dict[str, tuple[int, int]] = {}
        self.gathered: dict[str, tuple[Places, str]] = {}
        self.sums: list[Sums] = []
        self.sum_count = 0
        self.widest = 1
        self._place_sums()

    def _place_sums(self) -> None:
        for operation in self.lowered.needed("gradient"):
            if isinstance(operation, Loss | Column):
                self.sums.append(Sums(operation, self.sum_count))
                self.sum_count += 1 if isinstance(operation, Loss) else width(operation.left)
            elif isinstance(operation, Outer):
                rows, columns = operation.places.shape
                main = columns // self.target.lanes * self.target.lanes
                if rows * columns <= SMALL_OUTER or columns == 1:
                    main = 0
                elif columns - main > self.target.lanes // 2 or not main or rows * (columns - main) > SMALL_REST:
                    main = columns
                if main:
                    name = f"gradient{len(self.matrices) + 1}"
                    self.matrices[name] = (rows, self.padded(main))
                    self.widest = max(self.widest, self.padded(main))
                    self.sums.append(Sums(operation, 0, name, (0, main)))
                if main < columns:
                    self.sums.append(Sums(operation, self.sum_count, "", (main, columns)))
                    self.sum_count += rows * (columns - main)

    def padded(self, columns: int) -> int:
        """Return a number of columns, rounded up to whole vectors."""
        return -(-columns // self.target.lanes) * self.target.lanes

    # A tile

    def tile(self, want: str) -> str:
        """Return the body that computes a tile of samples: `predict`, `value` or `gradient`."""
        operations = self.lowered.needed(want)
        where = self._places_of_arrays(operations, want)
        lines = self._commented(operations)
        heads = [f"  vec (*const {name})[VECTORS] = w->array{slot};" for name, slot in where.items()]
        heads += ["  const vec (*const x)[VECTORS] = (const vec (*)[VECTORS])data;"]
        if want != "predict":
            heads += ["  const vec (*const target)[VECTORS] = x + INPUTS;"]
        return "\n".join([*heads, *lines]) + "\n"

    def _places_of_arrays(self, operations: tuple[Operation, ...], want: str) -> dict[str, int]:
        """Return which array of `struct work` each quantity is kept in: one that no quantity needs any more.

        What is computed elementwise from a quantity that is not needed afterwards takes its place. What a gradient is
        made of is kept to the end for a "step", which updates the parameters when nothing needs the old ones any more.
        """
        last: dict[str, int] = {}
        for at, operation in enumerate(operations):
            until = len(operations) if want == "step" and isinstance(operation, Outer | Column) else at
            names = [identifier(atom) for atom in reads(operation)]
            if isinstance(operation, Assign | Gathered | Product):
                names.append(identifier(operation.target))
            last |= {name: max(until, last.get(name, 0)) for name in names}
        if want == "predict":
            last["pred"] = len(operations)
        where: dict[str, int] = {}
        active: dict[str, int] = {}
        free = list(range(len(self.slots)))
        for at, operation in enumerate(operations):
            if isinstance(operation, Assign | Gathered) and (name := identifier(operation.target)) not in where:
                wide = width(operation.target)
                left = [
                    active[source] for source in _aligned_sources(operation)
                    if source in active and last[source] == at and self.slots[active[source]] >= wide
                ]  # fmt: skip
                where[name] = active[name] = left[0] if left else self._slot(free, wide)
            for name in [name for name in active if last[name] <= at]:
                slot = active.pop(name)
                if slot not in active.values():
                    free.append(slot)
        return where

    def _slot(self, free: list[int], wide: int) -> int:
        """Return an array that nothing is kept in: the smallest that is large enough, or the largest, made larger."""
        if not free:
            self.slots.append(wide)
            return len(self.slots) - 1
        fits = [slot for slot in free if self.slots[slot] >= wide]
        found = min(fits, key=self.slots.__getitem__) if fits else max(free, key=self.slots.__getitem__)
        free.remove(found)
        self.slots[found] = max(self.slots[found], wide)
        return found

    def _commented(self, operations: Sequence[Operation]) -> list[str]:
        """Return the lines of operations, the derivation's line above the first that computes it."""
        self.fresh.clear()
        lines: list[str] = []
        said: set[int] = set()
        for operation in operations:
            found = self._operation(operation)
            if id(operation.statement) not in said:
                said.add(id(operation.statement))
                lines += [f"  // {text}" for text in comment(self.lowered, operation.statement)]
            lines += found
        return lines

    def _operation(self, operation: Operation) -> list[str]:
        match operation:
            case Assign():
                return self._assign(operation)
            case Gathered():
                return self._gathered(operation)
            case Product():
                return self._product(operation)
            case Outer() | Column():
                return [line for sums in self.sums if sums.operation is operation for line in self._sum(sums)]
            case Loss(_, body):
                scribe = self._scribe("    ")
                text = scribe.vector(body)
                at = next(s.start for s in self.sums if s.operation is operation)
                return [
                    "  for (int v = 0; v < vectors; v++) {",
                    *scribe.before,
                    f"    w->sums[{at}] += v < full ? {text} : kept({text}, 1, keep);",
                    "  }",
                ]

    def _scribe(self, indent: str) -> Scribe:
        return Scribe(self.target, self._atom, False, self.used, [], indent)

    def _assign(self, operation: Assign) -> list[str]:
        term = unit(operation.target)
        if operation.expr == ZERO and self._is_whole(operation) and self._is_followed(operation):
            self.fresh.add(identifier(operation.target))
            return []
        lines = []
        for start, stop in runs(term.range() if isinstance(term, Index) else (term if isinstance(term, int) else 1,)):
            scribe = self._scribe("    ")
            if isinstance(term, Index):
                scribe.variables[term] = "i"
            text = scribe.vector(operation.expr)
            lines += [
                f"  for (int i = {start}; i < {stop}; i++){self.each} {{",
                *scribe.before,
                f"    {identifier(operation.target)}[i]{self.lane} = {text};",
                "  }",
            ]
        return lines

    def _gathered(self, operation: Gathered) -> list[str]:
        """Write softmax and log-sum-exp, shifted by the largest entry so that nothing overflows."""
        self.used |= {"v_max", "v_exp", "v_log"}
        name, count = identifier(operation.target), len(operation.index)
        scribe = self._scribe("      ")
        scribe.variables[operation.index] = "m"
        text = scribe.vector(operation.body)
        loop = f"    for (int m = 0; m < {count}; m++) {{"
        larger, exp, log = map(self.target.function, ("v_max", "v_exp", "v_log"))
        zero, lane = self.target.zero, self.lane
        lines = [
            f" {self.each} {{",
            f"    {self.target.kind} top = {zero}, total = {zero};",
            loop, *scribe.before, f"      top = m ? {larger}(top, {text}) : {text};", "    }",
        ]  # fmt: skip
        if operation.function == "logsumexp":
            lines += [loop, *scribe.before, f"      total += {exp}({text} - top);", "    }"]
            lines.append(f"    {name}[0]{lane} = {log}(total) + top;")
        else:
            lines += [
                loop, *scribe.before, f"      {name}[m]{lane} = {exp}({text} - top);",
                f"      total += {name}[m]{lane};", "    }",
                f"    for (int m = 0; m < {count}; m++) {name}[m]{lane} = {name}[m]{lane} / total;",
            ]  # fmt: skip
        return [*lines, "  }"]

    def _product(self, operation: Product) -> list[str]:
        found = strided(operation.places)
        rows, columns = operation.places.shape
        if found is None:
            name = next((n for n, (places, _) in self.gathered.items() if places is operation.places), None)
            if name is None:
                name = f"matrix{len(self.gathered) + 1}"
                self.gathered[name] = (operation.places, self._table(operation.places))
            first, j0, rows, u0, columns, step_j, step_u = f"w->{name}", 0, rows, 0, columns, columns, 1
        else:
            base, j0, rows, u0, columns, step_j, step_u = found
            first = f"p + {base}"
        source, target = f"{identifier(operation.source)}[{j0}]", f"{identifier(operation.target)}[{u0}]"
        more = identifier(operation.target) not in self.fresh
        self.fresh.discard(identifier(operation.target))
        given = f"{columns}, vectors, {rows}, {first}, {step_u}, {step_j}, {source}, VECTORS, {target}, VECTORS"
        return [f"  product({given}, {int(more)});"]

    @staticmethod
    def _is_whole(operation: Assign) -> bool:
        term = unit(operation.target)
        return (len(term) if isinstance(term, Index) else 1) == width(operation.target)

    def _is_followed(self, operation: Assign) -> bool:
        """Return whether what is set to 0 is the target of a product of all its units right afterwards."""
        operations = self.lowered.operations
        at = next(k for k, other in enumerate(operations) if other is operation)
        following = operations[at + 1] if at + 1 < len(operations) else None
        if not isinstance(following, Product) or following.statement is not operation.statement:
            return False
        if identifier(following.target) != identifier(operation.target):
            return False
        found = strided(following.places)
        return found is None or (found[3] == 0 and found[4] == following.places.shape[1])

    def _sum(self, sums: Sums) -> list[str]:
        operation = sums.operation
        if isinstance(operation, Column):
            name = identifier(operation.left)
            return [
                f"  for (int u = 0; u < {width(operation.left)}; u++) for (int v = 0; v < vectors; v++)",
                f"    w->sums[{sums.start} + u] += kept({name}[u][v], v >= full, keep);",
            ]
        assert isinstance(operation, Outer)
        rows, first, columns = operation.places.shape[0], sums.columns[0], sums.columns[1] - sums.columns[0]
        left, right = identifier(operation.left), identifier(operation.right)
        shifted = f"{left}[u + {first}]" if first else f"{left}[u]"
        if not sums.matrix:
            return [
                f"  for (int j = 0; j < {rows}; j++) for (int u = 0; u < {columns}; u++) {{",
                f"    vec s = w->sums[{sums.start} + j * {columns} + u];",
                f"    for (int v = 0; v < full; v++) s += {shifted}[v] * {right}[j][v];",
                f"    if (full < vectors) s += kept({shifted}[full] * {right}[j][full], 1, keep);",
                f"    w->sums[{sums.start} + j * {columns} + u] = s;",
                "  }",
            ]
        across = self.padded(columns) // self.target.lanes
        return [
            f"  transpose({columns}, {across}, vectors, {left}[0], w->turned);",
            f"  product({rows}, {across}, rows, (const real *){right}, TILE, 1,",
            f"      w->turned, {across}, w->{sums.matrix}, {across}, w->begun);",
        ]

    # Around the tiles

    def prepare(self) -> str:
        """Return the statements that gather the matrices of which the figure leaves out or ties entries."""
        lines = [
            f"  for (int k = 0; k < {places.size}; k++) w->{name}[k] = {table}[k] < 0 ? 0 : p[{table}[k]];"
            for name, (places, table) in self.gathered.items()
        ]
        return "\n".join(lines) + "\n"

    def finish(self) -> str:
        """Return the statements that put the partial sums where the gradient has them."""
        how = "copy" if self.once else "add"
        lines = [] if self.once else ["  memset(g, 0, sizeof(real) * PARAMETERS);"]
        for sums in self.sums:
            operation = sums.operation
            if isinstance(operation, Loss):
                continue
            places = operation.places
            if isinstance(operation, Outer):
                places = places[:, slice(*sums.columns)]
            columns = places.shape[-1]
            flat = f"totals + {sums.start}"
            if sums.matrix:
                flat = f"(const real *)w->{sums.matrix}"
                if sums.matrix in self.direct:
                    lines.append(f"  if (w->{sums.matrix} == w->{sums.matrix}_own)")
            stride = self.matrices[sums.matrix][1] if sums.matrix else columns
            found = strided(places.reshape(-1, columns))
            whole = found is not None and found[1] == found[3] == 0 and found[2] * found[4] == places.size
            rows = places.size // columns
            if found is not None and whole and (found[6] == 1 or columns == 1):
                lines.append(f"  {how}_rows({rows}, {columns}, {flat}, {stride}, g + {found[0]}, {found[5]});")
            else:
                lines.append(f"  {how}_places({rows}, {columns}, {flat}, {stride}, {self._table(places)}, g);")
        return "\n".join(lines) + "\n"

    def clear(self) -> str:
        """Return the statements that say where the sums of a gradient are kept: in g itself, where that can be."""
        return "".join(
            f"  w->{name} = "
            + (
                f"g && (uintptr_t)g % sizeof(vec) == 0 ? (vec *)(g + {self.direct[name]}) : "
                if name in self.direct
                else ""
            )
            + f"w->{name}_own;\n"
            for name in self.matrices
        )

    @cached_property
    def once(self) -> bool:
        """Whether each entry of the gradient is one sum, so that it need not be added to what stands there."""
        sources = dict.fromkeys(sums.operation for sums in self.sums if not isinstance(sums.operation, Loss))
        known = np.concatenate([np.zeros(0, np.int64), *(operation.places.ravel() for operation in sources)])
        return self.lowered.layout.size == len(known) == len(np.unique(known)) and bool((known >= 0).all())

    @cached_property
    def direct(self) -> dict[str, int]:
        """Where in the gradient a matrix of sums stands just as it is summed: its first position, by its name."""
        found: dict[str, int] = {}
        for sums in self.sums:
            if sums.matrix and self.once and isinstance(sums.operation, Outer):
                first, j0, rows, u0, columns, step_j, step_u = strided(sums.operation.places) or (0,) * 7
                whole = (rows, columns) == sums.operation.places.shape and sums.columns == (0, columns)
                plain = whole and step_u == 1 and step_j == columns and not (j0 or u0)
                if plain and columns % self.target.lanes == first % self.target.lanes == 0:
                    found[sums.matrix] = first
        return found

    def _table(self, places: Places) -> str:
        text = ", ".join(map(str, places.ravel().tolist()))
        if text not in self.tables:
            self.tables[text] = f"places{len(self.tables) + 1}"
        return self.tables[text]

    def constants(self) -> str:
        """Return the tables of positions; −1 where the figure has no edge."""
        return "".join(f"static const int32_t {name}[] = {{{text}}};\n" for text, name in self.tables.items())

    def work(self) -> str:
        """Return the members of `struct work`."""
        lines = [f"  vec array{slot}[{size}][VECTORS];" for slot, size in enumerate(self.slots)]
        lines += [
            f"  vec {name}_own[{rows * columns // self.target.lanes}], *{name};"
            for name, (rows, columns) in self.matrices.items()
        ]
        lines += [f"  real {name}[{places.size}] ALIGNED;" for name, (places, _) in self.gathered.items()]
        lines.append("  int begun;  // whether there are sums yet")
        if self.matrices:
            lines.append(f"  vec turned[TILE * {self.widest // self.target.lanes}];")
        return "\n".join(lines) + "\n"

    def _atom(self, atom: Atom, scribe: Scribe) -> str:
        if isinstance(atom, Ref) and atom.symbol.kind == "mask":
            assert atom.symbol.support is not None
            there = {place[0] for place in atom.symbol.support}
            size = atom.symbol.dims[0].size or 0
            table = self._table(np.array([int(u + 1 in there) for u in range(size)]))
            return f"(real){table}[{scribe.place(atom.indices[0])}]"
        if isinstance(atom, Ref) and atom.symbol.kind == "b":
            start = self.lowered.layout.symbols[atom.symbol].start
            return f"{self.parameters}[{start} + {scribe.place(atom.indices[0])}]"
        term = unit(atom)
        assert len(owner(atom).indices) <= 2
        return f"{identifier(atom)}[{'0' if term is None else scribe.place(term)}]{self.lane}"


def _aligned_sources(operation: Assign | Gathered) -> list[str]:
    """Return the quantities of which a value is read only where the value at the same unit is computed."""
    if isinstance(operation, Gathered) or any(isinstance(node, Sum) for node in walk(operation.expr)):
        return []
    found = [atom for atom in atoms(operation.expr) if is_tile(atom)]
    other = {identifier(atom) for atom in found if unit(atom) != unit(operation.target)}
    return [name for name in dict.fromkeys(map(identifier, found)) if name not in other]


def strided(places: Places) -> tuple[int, int, int, int, int, int, int] | None:
    """Return (first position, j₀, rows, u₀, columns, step of j, step of u) of a table that is a strided block, or None.

    Example:
        >>> strided(np.array([[-1, 4, 5], [-1, 6, 7]]))
        (4, 0, 2, 1, 2, 2, 1)
    """
    there = places >= 0
    if not there.any():
        return None
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    j0, j1, u0, u1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    block = places[j0:j1, u0:u1]
    step_j = int(block[1, 0] - block[0, 0]) if len(block) > 1 else block.shape[1]
    step_u = int(block[0, 1] - block[0, 0]) if block.shape[1] > 1 else 1
    wanted = block[0, 0] + step_j * np.arange(j1 - j0)[:, None] + step_u * np.arange(u1 - u0)[None, :]
    if (block < 0).any() or not np.array_equal(block, wanted):
        return None
    return int(block[0, 0]), j0, j1 - j0, u0, u1 - u0, step_j, step_u
