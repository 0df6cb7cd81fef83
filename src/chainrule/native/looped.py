"""Larger networks as loops over arrays: [unit][sample] for what belongs to a sample, matrix products in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.derive import owner
from chainrule.expr import Atom, Index, Ref
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
    unit,
    width,
)
from chainrule.native.target import Target

SMALL_OUTER = 512
"""A weight matrix of no more entries has a vector of partial sums for each; a larger one is summed as a product."""


@dataclass(frozen=True)
class Sums:
    """Where the partial sums of a gradient operation are: from `start` in `sums`, or a matrix of its own."""

    operation: Outer | Column | Loss
    start: int
    matrix: str = ""


class Looped:
    """Writes the operations of a network as loops."""

    def __init__(self, lowered: Lowered, target: Target, *, vectors: int) -> None:
        self.lowered = lowered
        self.target = target
        self.vectors = vectors
        self.used: set[str] = set()
        self.arrays: dict[str, int] = {}
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
                if rows * columns <= SMALL_OUTER or columns == 1:
                    self.sums.append(Sums(operation, self.sum_count))
                    self.sum_count += rows * columns
                else:
                    name = f"gradient{len(self.matrices) + 1}"
                    self.matrices[name] = (rows, self.padded(columns))
                    self.widest = max(self.widest, self.padded(columns))
                    self.sums.append(Sums(operation, 0, name))

    def padded(self, columns: int) -> int:
        """Return a number of columns, rounded up to whole vectors."""
        return -(-columns // self.target.lanes) * self.target.lanes

    # A tile

    def tile(self, want: str) -> str:
        """Return the body that computes a tile of samples: `predict`, `value` or `gradient`."""
        lines: list[str] = []
        said: set[int] = set()
        operations = self.lowered.needed(want)
        for operation in operations:
            found = self._operation(operation)
            if id(operation.statement) not in said:
                said.add(id(operation.statement))
                lines += [f"  // {text}" for text in comment(self.lowered, operation.statement)]
            lines += found
        mine = [identifier(o.target) for o in operations if isinstance(o, Assign | Gathered)]
        heads = [f"  vec (*const {name})[VECTORS] = w->{name};" for name in dict.fromkeys(mine)]
        heads += ["  const vec (*const x)[VECTORS] = (const vec (*)[VECTORS])data;"]
        if want != "predict":
            heads += ["  const vec (*const target)[VECTORS] = x + INPUTS;"]
        return "\n".join([*heads, *lines]) + "\n"

    def _operation(self, operation: Operation) -> list[str]:
        match operation:
            case Assign():
                self._array(operation.target)
                return self._assign(operation)
            case Gathered():
                self._array(operation.target)
                return self._gathered(operation)
            case Product():
                return self._product(operation)
            case Outer() | Column():
                return self._sum(next(s for s in self.sums if s.operation is operation))
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

    def _array(self, atom: Atom) -> None:
        self.arrays[identifier(atom)] = width(atom)

    def _scribe(self, indent: str) -> Scribe:
        return Scribe(self.target, self._atom, False, self.used, [], indent)

    def _assign(self, operation: Assign) -> list[str]:
        term = unit(operation.target)
        lines = []
        for start, stop in runs(term.range() if isinstance(term, Index) else (term if isinstance(term, int) else 1,)):
            scribe = self._scribe("    ")
            if isinstance(term, Index):
                scribe.variables[term] = "i"
            text = scribe.vector(operation.expr)
            lines += [
                f"  for (int i = {start}; i < {stop}; i++) for (int v = 0; v < vectors; v++) {{",
                *scribe.before,
                f"    {identifier(operation.target)}[i][v] = {text};",
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
        lines = [
            "  for (int v = 0; v < vectors; v++) {",
            "    vec top = {0}, total = {0};",
            loop, *scribe.before, f"      top = m ? v_max(top, {text}) : {text};", "    }",
        ]  # fmt: skip
        if operation.function == "logsumexp":
            lines += [loop, *scribe.before, f"      total += v_exp({text} - top);", "    }"]
            lines.append(f"    {name}[0][v] = v_log(total) + top;")
        else:
            lines += [
                loop, *scribe.before, f"      const vec e = v_exp({text} - top);", f"      {name}[m][v] = e;",
                "      total += e;", "    }",
                f"    for (int m = 0; m < {count}; m++) {name}[m][v] = {name}[m][v] / total;",
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
        return [
            f"  product({columns}, vectors, {rows}, {first}, {step_u}, {step_j}, {source}, VECTORS, {target}, VECTORS);"
        ]

    def _sum(self, sums: Sums) -> list[str]:
        operation = sums.operation
        if isinstance(operation, Column):
            name = identifier(operation.left)
            return [
                f"  for (int u = 0; u < {width(operation.left)}; u++) for (int v = 0; v < vectors; v++)",
                f"    w->sums[{sums.start} + u] += kept({name}[u][v], v >= full, keep);",
            ]
        assert isinstance(operation, Outer)
        rows, columns = operation.places.shape
        left, right = identifier(operation.left), identifier(operation.right)
        if not sums.matrix:
            return [
                f"  for (int j = 0; j < {rows}; j++) for (int u = 0; u < {columns}; u++) {{",
                f"    vec s = w->sums[{sums.start} + j * {columns} + u];",
                f"    for (int v = 0; v < full; v++) s += {left}[u][v] * {right}[j][v];",
                f"    if (full < vectors) s += kept({left}[u][full] * {right}[j][full], 1, keep);",
                f"    w->sums[{sums.start} + j * {columns} + u] = s;",
                "  }",
            ]
        wide = self.padded(columns)
        across = wide // self.target.lanes
        return [
            f"  transpose({columns}, {wide}, (const real *){left}, w->turned);",
            f"  product({rows}, {across}, rows, (const real *){right}, TILE, 1,",
            f"      (const vec *)w->turned, {across}, w->{sums.matrix}, {across});",
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
        lines = []
        for sums in self.sums:
            operation = sums.operation
            if isinstance(operation, Loss):
                continue
            places = operation.places
            columns = places.shape[-1]
            flat = f"totals + {sums.start}"
            if sums.matrix:
                flat = f"(const real *)w->{sums.matrix}"
            stride = self.matrices[sums.matrix][1] if sums.matrix else columns
            found = strided(places.reshape(-1, columns))
            whole = found is not None and found[1] == found[3] == 0 and found[2] * found[4] == places.size
            rows = places.size // columns
            if found is not None and whole and (found[5] == columns or rows == 1) and (found[6] == 1 or columns == 1):
                lines.append(f"  add_rows({rows}, {columns}, {flat}, {stride}, g + {found[0]});")
            else:
                lines.append(f"  add_places({rows}, {columns}, {flat}, {stride}, {self._table(places)}, g);")
        return "\n".join(lines) + "\n"

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
        lines = [f"  vec {name}[{size}][VECTORS];" for name, size in self.arrays.items()]
        lines += [
            f"  vec {name}[{rows * columns // self.target.lanes}];" for name, (rows, columns) in self.matrices.items()
        ]
        lines += [f"  real {name}[{places.size}] ALIGNED;" for name, (places, _) in self.gathered.items()]
        if self.matrices:
            lines.append(f"  real turned[TILE * {self.widest}] ALIGNED;")
        return "\n".join(lines) + "\n"

    def _atom(self, atom: Atom, scribe: Scribe) -> str:
        if isinstance(atom, Ref) and atom.symbol.kind == "mask":
            assert atom.symbol.support is not None
            there = {place[0] for place in atom.symbol.support}
            size = atom.symbol.dims[0].size or 0
            table = self._table(np.array([int(u + 1 in there) for u in range(size)]))
            return f"(real){table}[{scribe.place(atom.indices[0])}]"
        if isinstance(atom, Ref) and atom.symbol.kind == "b":
            return f"p[{self.lowered.layout.symbols[atom.symbol].start} + {scribe.place(atom.indices[0])}]"
        term = unit(atom)
        assert len(owner(atom).indices) <= 2
        return f"{identifier(atom)}[{'0' if term is None else scribe.place(term)}][v]"


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
