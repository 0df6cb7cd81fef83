"""One sample through a larger network: the units of a layer, not samples, are the lanes of a vector.

Products with the weights of a row of the buffer are added up unit by unit, others are scalar products; what is
elementwise goes by vectors of units. Where a statement is about some units of a layer only, it goes unit by unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from chainrule.algebra import walk
from chainrule.expr import ZERO, Atom, Delta, Expr, Index, Position, Ref
from chainrule.native.expression import ATOM, Piece, Scribe, runs
from chainrule.native.looped import strided
from chainrule.native.lower import (
    Assign,
    Column,
    Gathered,
    Operation,
    Outer,
    Places,
    Product,
    identifier,
    is_tile,
)
from chainrule.native.lower import unit as unit_of
from chainrule.native.sample import OneSample


@dataclass
class _RowScribe(Scribe):
    """Writes expressions; the units of `lane` are the lanes of a vector, all others one number for all lanes."""

    lane: Index | None = field(default=None, kw_only=True)

    def write(self, expr: Expr) -> Piece:
        if isinstance(expr, Position) and expr.term == self.lane:
            return Piece("counted(i)", ATOM, True)
        if isinstance(expr, Ref) and expr.symbol.kind == "b" and self.lane in expr.indices:
            return Piece(self.atom(expr, self), ATOM, True)
        return super().write(expr)


class Single(OneSample):
    """Writes the operations for one sample, with units as lanes.

    Attributes:
        updating: whether what is summed into the gradient updates its parameter at once.
    """

    updating = False

    def tile(self, want: str) -> str:
        """Return the body that computes a sample: `predict`, `value` or `gradient`."""
        return self._body(want, self.lowered.needed(want))

    def step(self) -> tuple[str, str]:
        """Return the body that goes forward and back, and that which updates each parameter by its gradient."""
        operations = self.lowered.needed("gradient")
        gradients = tuple(o for o in operations if isinstance(o, Outer | Column))
        rest = tuple(o for o in operations if not isinstance(o, Outer | Column))
        where = self._places_of_arrays(operations, "step")
        self.updating = True
        try:
            return self._body("step", rest, where), self._body("update", gradients, where)
        finally:
            self.updating = False

    def _body(self, want: str, operations: tuple[Operation, ...], where: dict[str, int] | None = None) -> str:
        where = self._places_of_arrays(operations, want) if where is None else where
        text = "\n".join(self._commented(operations)) + "\n"
        heads = {name: f"  vec *const {name} = w->row{slot};\n" for name, slot in where.items()}
        heads |= {name: f"  const vec *const {name} = w->row_{name};\n" for name in ("x", "target")}
        needed = [head for name, head in heads.items() if re.search(rf"\b{name}\b", text)]
        return "".join(needed) + ("  vec sum = {0};\n" if want in ("value", "gradient", "step") else "") + text

    def work(self) -> str:
        """Return the members of `struct work`."""
        lanes = self.target.lanes
        sizes = {f"row{slot}": size for slot, size in enumerate(self.slots)}
        sizes |= {"row_x": self.lowered.inputs, "row_target": self.lowered.targets}
        return "".join(f"  vec {name}[{-(-size // lanes)}];\n" for name, size in sizes.items()) + "  real row_loss;\n"

    def _scribe(self, indent: str, lane: Index | None = None) -> _RowScribe:
        return _RowScribe(self.target, self._atom, False, self.used, [], indent, lane=lane)

    def _assign(self, operation: Assign) -> list[str]:
        term, name = unit_of(operation.target), identifier(operation.target)
        if operation.expr == ZERO and self._is_whole(operation) and self._is_followed(operation):
            self.fresh.add(name)
            return []
        if isinstance(term, Index) and self._is_whole(operation) and not _by_unit(operation.expr, term):
            scribe = self._scribe("    ", term)
            scribe.variables[term] = "i"
            text = scribe.vector(operation.expr)
            count = -(-len(term) // self.target.lanes)
            return [f"  for (int i = 0; i < {count}; i++) {{", *scribe.before, f"    {name}[i] = {text};", "  }"]
        lines: list[str] = []
        for start, stop in runs(term.range() if isinstance(term, Index) else (term if isinstance(term, int) else 1,)):
            scribe = self._scribe("    ")
            if isinstance(term, Index):
                scribe.variables[term] = "k"
            text = scribe.vector(operation.expr)
            lines += [
                f"  for (int k = {start}; k < {stop}; k++) {{", *scribe.before,
                f"    ((real *){name})[k] = ({text})[0];", "  }",
            ]  # fmt: skip
        return lines

    def _gathered(self, operation: Gathered) -> list[str]:
        """Write softmax and log-sum-exp, shifted by the largest entry so that nothing overflows."""
        self.used |= {"v_max", "v_exp", "v_log", "splat"}
        name, count = identifier(operation.target), len(operation.index)
        scribe = self._scribe("      ")
        scribe.variables[operation.index] = "m"
        text = scribe.vector(operation.body)
        loop = f"    for (int m = 0; m < {count}; m++) {{"
        lines = [
            "  {", "    vec top = {0}, total = {0};",
            loop, *scribe.before, f"      top = m ? v_max(top, {text}) : {text};", "    }",
            loop, *scribe.before, f"      const vec e = v_exp({text} - top);", "      total += e;",
        ]  # fmt: skip
        if operation.function == "logsumexp":
            return [*lines, "    }", f"    {name}[0] = v_log(total) + top;", "  }"]
        each = f"((real *){name})[m]"
        return [
            *lines, f"      {each} = e[0];", "    }",
            f"    for (int m = 0; m < {count}; m++) {each} = {each} / total[0];", "  }",
        ]  # fmt: skip

    def _product(self, operation: Product) -> list[str]:
        source, target = self._numbers(operation.source), f"((real *){identifier(operation.target)})"
        more = identifier(operation.target) not in self.fresh
        self.fresh.discard(identifier(operation.target))
        rows, columns = operation.places.shape
        found = strided(operation.places)
        if found is None:
            clear = [] if more else [f"  for (int u = 0; u < {columns}; u++) {target}[u] = 0;"]
            return [
                *clear,
                f"  for (int j = 0; j < {rows}; j++) for (int u = 0; u < {columns}; u++) {{",
                f"    const int32_t at = {self._table(operation.places)}[j * {columns} + u];",
                f"    if (at >= 0) {target}[u] += {source}[j] * p[at];",
                "  }",
            ]
        base, j0, rows, u0, columns, step_j, step_u = found
        given = f"{rows}, {columns}, {source} + {j0}, p + {base}"
        if columns > 1 and step_u == 1:
            return [f"  add_rows_times({given}, {step_j}, {target} + {u0}, {int(more)});"]
        return [f"  scalar_products({given}, {step_j}, {step_u}, {target} + {u0}, {int(more)});"]

    def _summed(self, places: Places, value: str) -> list[str]:
        """Write what the sample gives to the gradient."""
        rows, columns = places.shape
        found = strided(places)
        if found is None:
            place = f"const int32_t at = {self._table(places)}[j * {columns} + u];\n    if (at >= 0) "
            loops = (0, rows, 0, columns)
        else:
            base, j0, rows, u0, columns, step_j, step_u = found
            loops = (j0, j0 + rows, u0, u0 + columns)
            step = "u" if step_u == 1 else f"u * {step_u}"
            place = f"const int32_t at = {base - j0 * step_j - u0 * step_u} + j * {step_j} + {step};\n    "
        done = (
            f"updated(p, m, v, {value}, at, &r);" if self.updating else f"g[at] {'=' if self.once else '+='} {value};"
        )
        return [
            f"  for (int j = {loops[0]}; j < {loops[1]}; j++) for (int u = {loops[2]}; u < {loops[3]}; u++) {{",
            f"    {place}{done}",
            "  }",
        ]

    def _numbers(self, atom: Atom) -> str:
        return f"((const real *){identifier(atom)})"

    def _atom(self, atom: Atom, scribe: Scribe) -> str:
        lane = getattr(scribe, "lane", None)
        if not is_tile(atom):
            if isinstance(atom, Ref) and atom.symbol.kind == "b" and lane in atom.indices:
                part = self.lowered.layout.symbols[atom.symbol]
                return f"loaded(p + {part.start} + i * LANES, {part.stop - part.start} - i * LANES)"
            return super()._atom(atom, scribe)
        term = unit_of(atom)
        if lane is not None and term == lane:
            return f"{identifier(atom)}[i]"
        self.used.add("splat")
        return f"splat({self._numbers(atom)}[{'0' if term is None else scribe.place(term)}])"


def _by_unit(expr: Expr, lane: Index) -> bool:
    """Return whether an expression depends on the unit in a way that has no vector: a mask, a δ."""
    return any(
        (isinstance(node, Delta) and lane in (node.left, node.right))
        or (isinstance(node, Ref) and node.symbol.kind == "mask")
        for node in walk(expr)
    )


HELPERS = """\
// Some numbers as a vector: as many as there are, then 0.
static inline vec loaded(const real *from, int64_t count) {
  vec v = {0};
  if (count >= LANES) memcpy(&v, from, sizeof v);
  else for (int k = 0; k < count; k++) v[k] = from[k];
  return v;
}
// The numbers of the units in the i-th vector of units.
static inline vec counted(int i) {
  vec v = {0};
  for (int k = 0; k < LANES; k++) v[k] = (real)(i * LANES + k + 1);
  return v;
}
// to[u] = sum over j of a[j] b[j step + u], and what to[u] was where `more` says so: by four vectors of units, the last
// one at the end of the row, so that its first lanes may be computed twice; they are not stored twice.
static ALWAYS void add_rows_times(const int rows, const int columns, const real *a, const real *b, const int step,
    real *restrict to, const int more) {
  const int full = columns / LANES, rest = columns % LANES, last = full - (rest == 0), end = columns - LANES;
  if (columns < LANES || columns > 16 * LANES) {  // long rows are read from end to end, four at a time
    int j = 0;
    if (!more) for (int u = 0; u < columns; u++) to[u] = 0;
    for (; j + 4 <= rows; j += 4) {
      const real *c = b + (int64_t)j * step, *d = c + step, *e = d + step, *f = e + step;
      for (int u = 0; u < columns; u++) to[u] += a[j] * c[u] + a[j + 1] * d[u] + a[j + 2] * e[u] + a[j + 3] * f[u];
    }
    for (; j < rows; j++) for (int u = 0; u < columns; u++) to[u] += a[j] * b[(int64_t)j * step + u];
    return;
  }
  for (int v = 0; v <= last; v += 4) {
    int at[4];
    vec s[4];
    for (int k = 0; k < 4; k++) {
      at[k] = v + k < full ? (v + k) * LANES : end;
      s[k] = more ? loaded(to + at[k], LANES) : (vec){0};
    }
    for (int j = 0; j < rows; j++) {
      const real *c = b + (int64_t)j * step;
      for (int k = 0; k < 4; k++) s[k] += a[j] * loaded(c + at[k], LANES);
    }
    for (int k = 0; k < 4; k++) {
      if (v + k < full) memcpy(to + at[k], s + k, sizeof(vec));
      else if (v + k == full) for (int u = 0; u < rest; u++) to[full * LANES + u] = s[k][LANES - rest + u];
    }
  }
}
// The same where the numbers of a column stand side by side: to[u] = sum over j of a[j] b[j step_j + u step_u].
static ALWAYS void scalar_products(const int rows, const int columns, const real *a, const real *b, const int step_j,
    const int step_u, real *restrict to, const int more) {
  if (step_j != 1 || rows < LANES) {
    for (int u = 0; u < columns; u++) {
      real s = more ? to[u] : 0;
      for (int j = 0; j < rows; j++) s += a[j] * b[(int64_t)j * step_j + (int64_t)u * step_u];
      to[u] = s;
    }
    return;
  }
  const int rest = rows % LANES;
  const ivec late = ~first_lanes(LANES - rest);  // the last terms, in lanes at the end of a vector
  for (int first = 0; first < columns; first += LANES) {
    const int here = columns - first < LANES ? columns - first : LANES;
    vec sums[LANES];
    for (int k = 0; k < LANES; k++) sums[k] = (vec){0};
    for (int k = 0; k < here; k++) {
      const real *c = b + (int64_t)(first + k) * step_u;
      vec s = {0}, v, w;
      for (int j = 0; j + LANES <= rows; j += LANES) {
        memcpy(&v, a + j, sizeof v);
        memcpy(&w, c + j, sizeof w);
        s += v * w;
      }
      if (rest) {
        memcpy(&v, a + rows - LANES, sizeof v);
        memcpy(&w, c + rows - LANES, sizeof w);
        s += kept(v * w, 1, late);
      }
      sums[k] = s;
    }
    const vec found = column_sums(sums);
    for (int k = 0; k < here; k++) to[first + k] = (more ? to[first + k] : 0) + found[k];
  }
}

"""
"""What the code for one sample calls."""

SAMPLE = """\
#define ROW_BY_ROW 1
static void one_predict(const real *p, struct work *w, const real *row, real *out) {{
  memcpy(w->row_x, row, sizeof(real) * INPUTS);
{predict}  memcpy(out, pred, sizeof(real) * OUTPUTS);
}}

static void one_value(const real *p, struct work *w, const real *row, const real *row_target) {{
  memcpy(w->row_x, row, sizeof(real) * INPUTS);
  memcpy(w->row_target, row_target, sizeof(real) * TARGETS);
{value}  w->row_loss = sum[0];
}}

static void one_gradient(const real *p, struct work *w, const real *row, const real *row_target, real *restrict g) {{
  const real count = 1;
  (void)count;
  memcpy(w->row_x, row, sizeof(real) * INPUTS);
  memcpy(w->row_target, row_target, sizeof(real) * TARGETS);
{clear}{gradient}  w->row_loss = sum[0];
}}

"""
"""What a sample by itself goes through."""

STEP = """\
#define FUSED_STEP 1
static void one_step(const real *p, struct work *w, const real *row, const real *row_target) {{
  const real count = 1;
  (void)count;
  memcpy(w->row_x, row, sizeof(real) * INPUTS);
  memcpy(w->row_target, row_target, sizeof(real) * TARGETS);
{step}  w->row_loss = sum[0];
}}

static void one_update(real *restrict p, real *restrict m, real *restrict v, struct work *restrict w,
    const struct rates r) {{
  (void)m; (void)v;
{update}}}

"""
"""A step of training on one sample: each parameter is updated where its gradient is computed."""
