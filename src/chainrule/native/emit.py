"""One C source for a Derivation: forward, backward, reduction, update, and the loops of training around them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from chainrule.algebra import walk
from chainrule.expr import Sum
from chainrule.native.choices import CHOICES
from chainrule.native.comments import said
from chainrule.native.expression import Scribe
from chainrule.native.gemm import micro_kernels
from chainrule.native.looped import Looped
from chainrule.native.lower import Assign, Loss, Lowered, Outer, Product, width
from chainrule.native.optimizers import Optimizer
from chainrule.native.single import HELPERS, SAMPLE, STEP, Single
from chainrule.native.target import Target, functions
from chainrule.native.unrolled import Unrolled

_RIGHTS = {"value": "", "gradient": "", "predict": ", real *out"}


def emit(
    lowered: Lowered, target: Target, optimizer: Optimizer, *, threads: int = 1, unrolled: bool | None = None
) -> str:
    """Return the C source of a kernel.

    Args:
        lowered: the Derivation as operations.
        target: the number type and the machine.
        optimizer: whose update the training loop makes.
        threads: how many threads share the rows of a batch.
        unrolled: whether to write every index out; by the number of weights where left out.
    """
    if unrolled is None:
        unrolled = is_small(lowered)
    source = _Source(lowered, target, optimizer, threads)
    return source.unrolled() if unrolled else source.looped()


def is_small(lowered: Lowered, most: int = CHOICES.unrolled_products) -> bool:
    """Return whether a network has no more weights than `most`, each counted where it is used."""
    forward = [o for o in lowered.needed("value") if isinstance(o, Product)]
    sums = sum(
        len(node.index) for o in lowered.operations if not isinstance(o, Product | Outer)
        for node in walk(o.statement.expr) if isinstance(node, Sum) and node.index.dim.size is not None
    )  # fmt: skip
    return sum(int((o.places >= 0).sum()) for o in forward) <= most and sums <= most * 4


@cache
def _driver() -> dict[str, str]:
    text = files(__package__).joinpath("driver.c").read_text(encoding="utf-8")
    return {head: body for head, _, body in (part.partition("\n") for part in text.split("//// ")[1:])}


class _Source:
    """The parts of a source, put together."""

    def __init__(self, lowered: Lowered, target: Target, optimizer: Optimizer, threads: int) -> None:
        self.lowered = lowered
        self.target = target
        self.optimizer = optimizer
        self.threads = threads

    def unrolled(self) -> str:
        writer = Unrolled(self.lowered, self.target)
        size, lanes = self.lowered.layout.size, self.target.lanes
        bodies = {want: writer.tile(want) for want in ("predict", "value", "gradient")}
        writer.used |= {"splat"}
        members = "  vec sums[SUMS];\n  int fresh;\n  real row_loss;\n"
        code = "static void prepare(struct work *w, const real *p) { (void)w; (void)p; }\n\n"
        for want, body in bodies.items():
            code += _UNROLLED_TILE.format(want=want, body=body, right=_RIGHTS[want], store=self._store(want))
            code += (_UNROLLED_PREDICT if want == "predict" else _UNROLLED_ROWS).format(
                want=want, together="".join(map(_together, self._tiles_together() if want == "gradient" else ()))
            )
        code += _UNROLLED_STEP
        sums = -(-(size + 1) // lanes) * lanes
        finish = "  memcpy(g, totals, sizeof(real) * PARAMETERS);\n"
        return self._assemble(
            writer.used, members, code, finish, sums=sums, loss=size, vectors=1, block=16, clear="  w->fresh = 1;\n",
            one_row=_ONE_ROW, mixed=True,
        )  # fmt: skip

    def _vectors(self) -> int:
        """Return how many vectors of samples are a tile of a network with loops."""
        widths = [width(o.target) for o in self.lowered.operations if isinstance(o, Assign)]
        most = max(self.lowered.inputs, *widths)
        if most < CHOICES.wide:
            return CHOICES.vectors if self.target.registers >= 32 else 2
        vectors = CHOICES.wide_vectors * (2 if most >= CHOICES.huge else 1)
        return vectors if self.threads == 1 else vectors // 2

    def _tiles_together(self) -> tuple[int, ...]:
        """Return how many tiles of a network without loops are computed at a time, as long as there are so many."""
        counts = [count for count in (8, 4, 2) if count * self._products() <= CHOICES.products_together]
        return (counts[0], 2)[: 1 + (counts[0] > 2)] if counts else ()

    def _products(self) -> int:
        """Return how many weights a sample is multiplied with, forward."""
        return max(1, sum(int((o.places >= 0).sum()) for o in self.lowered.needed("value") if isinstance(o, Product)))

    def _store(self, want: str) -> str:
        if want != "predict":
            return ""
        return "".join(f"  out_lanes(pred_{k + 1}, {k}, out, rows);\n" for k in range(self.lowered.outputs))

    def looped(self) -> str:
        vectors = self._vectors()
        writer = Looped(self.lowered, self.target, vectors=vectors)
        code = ""
        for want in ("predict", "value", "gradient"):
            body = writer.tile(want)
            predicts = want == "predict"
            code += _LOOPED_TILE.format(
                want=want, body=body, right=_RIGHTS[want], store=self._store_looped(want),
                given=", out" if predicts else "", advance=" out += TILE * OUTPUTS;" if predicts else "",
                begun="" if predicts else " w->begun = 1;",
            )  # fmt: skip
        finish = writer.finish()
        prepare = writer.prepare()
        writer.used |= {"splat"}
        sums = -(-writer.sum_count // self.target.lanes) * self.target.lanes
        loss = next(s.start for s in writer.sums if isinstance(s.operation, Loss))
        single = Single(self.lowered, self.target, vectors=1)
        single.tables = writer.tables
        tiles = {want: single.tile(want) for want in ("predict", "value", "gradient")}
        clear = "" if single.once else "  memset(g, 0, sizeof(real) * PARAMETERS);\n"
        alone = column_sums(self.target.lanes) + HELPERS + SAMPLE.format(**tiles, clear=clear)
        if single.once:
            step, change = single.step()
            alone += STEP.format(step=step, update=change)
        writer.used |= single.used
        members = "  vec sums[SUMS];\n" + writer.work() + single.work()
        helpers = writer.constants() + micro_kernels(self.target) + transpose(self.target.lanes)
        code = (
            helpers
            + "static void prepare(struct work *w, const real *p) {\n  (void)w; (void)p;\n"
            + prepare
            + "}\n\n"
            + code
            + alone
        )
        clear = "  memset(w->sums, 0, sizeof w->sums);\n  w->begun = 0;\n" + writer.clear()
        lanes = self.target.lanes
        join = "".join(
            f"  for (int part = 1; part < job->parts; part++) for (int k = 0; k < {rows * columns // lanes}; k++) "
            f"w->{name}[k] += job->works[part].{name}[k];\n"
            for name, (rows, columns) in writer.matrices.items()
        )
        finish = join + finish
        return self._assemble(
            writer.used, members, code, finish, sums=sums, loss=loss, vectors=vectors, block=1, clear=clear,
            one_row="  if (job->rows == 1) return coefficient * (double)w->row_loss;\n",
            finish_helpers="".join(text for name, text in _HELPERS.items() if f" {name}(" in finish),
        )  # fmt: skip

    def _store_looped(self, want: str) -> str:
        if want != "predict":
            return ""
        return (
            f"  for (int k = 0; k < {self.lowered.outputs}; k++)\n"
            f"    for (int64_t r = 0; r < rows; r++) out[r * OUTPUTS + k] = ((const real *)pred[k])[r];\n"
        )

    def _assemble(
        self, used: set[str], members: str, code: str, finish: str, *, sums: int, loss: int, vectors: int, block: int,
        clear: str, finish_helpers: str = "", one_row: str = "", mixed: bool = False,
    ) -> str:  # fmt: skip
        target, lowered = self.target, self.lowered
        driver = _driver()
        head = _HEAD.format(
            lanes=target.lanes, vectors=vectors, inputs=lowered.inputs,
            targets=lowered.targets, outputs=lowered.outputs, parameters=lowered.layout.size, sums=sums, loss=loss,
            threads=self.threads, block=block,
            inner=CHOICES.inner if target.dtype == "float32" else CHOICES.inner // 2, far=CHOICES.far_apart,
            parallel=-(-CHOICES.parallel_products // self._products()),
        )  # fmt: skip
        parts = [
            f"// {said(describe(lowered))}\n",
            _INTRODUCTION.format(
                optimizer=self.optimizer.name, parameters=lowered.layout.size, layout=_layout(lowered),
                mixing="GCC also with -fschedule-insns -fsched-pressure, " if mixed else "",
            ),
            vector_head(target),
            head,
            "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n" if self.threads > 1 else "",
            functions(target, used | {"splat"}),
            _KEPT,
            f"struct work {{\n  vec data[BLOCK / TILE * WIDTH * VECTORS];\n{members}}} ALIGNED;\n\n",
            update(self.optimizer, target),
            code,
            f"static void clear(struct work *w, real *g) {{\n  (void)g;\n{clear}}}\n\n",
            driver["shuffle"], driver["pack"], driver["jobs"],
            driver["threads"] if self.threads > 1 else driver["run_alone"],
            "" if "vec column_sums(" in code else column_sums(target.lanes), finish_helpers,
            _FINISH.format(
                body=finish, one_row=one_row,
                coefficient=coefficient(lowered, "(double)job->rows"),
            ),
            driver["entry"].replace("LOSS_OF_ONE", coefficient(lowered, "1.0")),
        ]  # fmt: skip
        return "".join(parts)


def _together(tiles: int) -> str:
    """Return the C text of the loop that computes several tiles at a time, which do not wait for each other."""
    step = f"rows -= {tiles} * LANES, data += {tiles} * WIDTH"
    lines = [f"      tile_gradient(p, data + {k} * WIDTH, sums, count, LANES, 0, keep);" for k in range(tiles)]
    return "\n".join([f"    for (; rows >= {tiles} * LANES; {step}) {{", *lines, "    }\n"])


def coefficient(lowered: Lowered, count: str) -> str:
    """Return what the sum over the samples is multiplied with to be the loss, in C, in double precision."""
    found = next(o for o in lowered.operations if isinstance(o, Loss)).coefficient
    text = Scribe(Target("float64"), lambda atom, _: str(atom), True).write(found).text
    return re.sub(r"\bcount\b", count, text)


def vector_head(target: Target) -> str:
    """Return the C text that says what a number and a vector are."""
    integer = "int32_t" if target.dtype == "float32" else "int64_t"
    return _VECTORS.format(real=target.real, integer=integer, vector_bytes=target.vector_bytes)


def describe(lowered: Lowered) -> str:
    """Return a short name of the network for the head of the source."""
    from chainrule.errors import ChainruleError

    net = lowered.layout.network
    try:
        return net.to_shorthand()
    except ChainruleError:
        return f"{net.inputs} inputs, layers of {', '.join(str(layer.size) for layer in net.layers)}"


def _layout(lowered: Lowered) -> str:
    """Return which number stands where, as comments."""
    parts = list(lowered.layout)
    shapes = [" × ".join(map(str, part.shape)) for part in parts]
    places = [f"{part.start} … {part.stop - 1}" for part in parts]
    wide, name = max(map(len, places), default=0), max((len(part.name) for part in parts), default=0)
    return "".join(
        f"//   {place:<{wide}}  {part.name:<{name}}  {shape}\n"
        for part, place, shape in zip(parts, places, shapes, strict=True)
    )


def column_sums(lanes: int) -> str:
    """Return the C text of `column_sums`: a vector of the sums of the lanes of as many vectors as it has lanes."""
    lines = [
        "// The sum of each of LANES vectors, in the lane of its number: pairs are added until one vector is left."
    ]
    lines.append("static inline vec column_sums(const vec *a) {")
    names = [f"a[{k}]" for k in range(lanes)]
    level = 0
    even = ", ".join(str(2 * k) for k in range(lanes))
    odd = ", ".join(str(2 * k + 1) for k in range(lanes))
    while len(names) > 1:
        level += 1
        fresh = []
        for k in range(0, len(names), 2):
            name = f"s{level}_{k // 2}"
            u, v = names[k], names[k + 1]
            lines.append(f"  const vec {name} = SHUFFLE({u}, {v}, {even}) + SHUFFLE({u}, {v}, {odd});")
            fresh.append(name)
        names = fresh
    return "\n".join([*lines, f"  return {names[0]};", "}\n\n"])


def transpose(lanes: int) -> str:
    """Return the C text of `transpose`: blocks of LANES vectors, in as many stages as it takes to halve them to 1."""
    text, source, result = "", "a", "b"
    step = 1
    while step < lanes:
        low = ", ".join(str(k if not k & step else lanes + k - step) for k in range(lanes))
        high = ", ".join(str(k + step if not k & step else lanes + k) for k in range(lanes))
        text += (
            f"    for (int k = 0; k < LANES; k++) if (!(k & {step})) {{\n"
            f"      {result}[k] = SHUFFLE({source}[k], {source}[k + {step}], {low});\n"
            f"      {result}[k + {step}] = SHUFFLE({source}[k], {source}[k + {step}], {high});\n"
            "    }\n"
        )
        source, result, step = result, source, 2 * step
    return _TRANSPOSE.format(stages=text, last=source)


def update(optimizer: Optimizer, target: Target) -> str:
    """Return the C text of the update of all parameters."""
    root = "sqrtf" if target.dtype == "float32" else "sqrt"
    inside = {"g": "slope", "w": "p[k]", "m": "m[k]", "v": "v[k]", "root": root, "1": "(real)1"}
    outside = {"root": "sqrt", "power": "pow", "t": "(double)t"}
    known = ["rate", *optimizer.settings, *(name for name, _ in optimizer.once)]
    outside |= {name: f"d_{name}" for name in known}
    once = {"rate": "rate", **{name: f"settings[{at}]" for at, name in enumerate(optimizer.settings)}}
    once |= {name: _translated(text, outside) for name, text in optimizer.once}
    body = [f"  {inside[left]} = {_translated(text, inside)};" for left, text in optimizer.update]
    text = "\n".join(body)
    fields = [name for name in known if re.search(rf"\b{name}\b", text)] or ["rate"]
    doubles = [
        name for name in known if name in fields or any(re.search(rf"\bd_{name}\b", row) for row in once.values())
    ]
    body = [re.sub(r"\b(" + "|".join(fields) + r")\b", r"r->\1", line) for line in body]
    lines = [
        f"// One step of {optimizer.name} ({optimizer.source}): what is computed once, and for each parameter.",
        f"struct rates {{ real {', '.join(fields)}; }};",
        "static struct rates rates_of(double rate, const double *settings, int64_t t) {",
        "  (void)settings; (void)t;",
        *(f"  const double d_{name} = {once[name]};" for name in doubles),
        f"  return (struct rates){{{', '.join(f'(real)d_{name}' for name in fields)}}};",
        "}",
        "static inline void updated(real *restrict p, real *restrict m, real *restrict v, real slope, int64_t k,",
        "    const struct rates *r) {",
        "  (void)m; (void)v;",
        *body,
        "}",
        "static void update(real *restrict p, real *restrict m, real *restrict v, const real *restrict g,",
        "    const struct rates r) {",
        "  for (int64_t k = 0; k < PARAMETERS; k++) updated(p, m, v, g[k], k, &r);",
        "}\n\n",
    ]
    return "\n".join(lines)


def _translated(text: str, words: dict[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*|\b1\b", lambda found: words.get(found[0], found[0]), text)


_INTRODUCTION = """\
// Written by chainrule from the derivation of this network: each line of it stands above what computes it.
// C99 with the vector extensions of GCC and Clang. Compile it with -O3 -march=native -ffp-contract=fast -fno-math-errno
// -fno-trapping-math, {mixing}and no flag that changes what NaN and infinity do.
//
//   chainrule_predict(p, x, n, works, out)                   the outputs of n samples
//   chainrule_value(p, x, targets, n, works)                 the loss
//   chainrule_gradient(p, x, targets, n, works, g)           the loss; its gradient goes into g
//   chainrule_train(p, m, v, clock, x, targets, n, batch, …) steps of training by {optimizer}
//
// x, targets and out have a row for each sample. works: chainrule_work_bytes() bytes, at a multiple of 64. The
// parameters p, the gradient g and the moments m and v have the same layout, {parameters} numbers:
//
{layout}//
"""

_VECTORS = """\
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef {real} real;
typedef real vec __attribute__((vector_size({vector_bytes})));
typedef {integer} ivec __attribute__((vector_size({vector_bytes})));
#define VECTOR_BYTES {vector_bytes}
#define ALIGNED __attribute__((aligned(64)))
#define EXPORT __attribute__((visibility("default")))
#define ALWAYS inline __attribute__((always_inline))
#if defined(__clang__)
#define SHUFFLE(u, v, ...) __builtin_shufflevector(u, v, __VA_ARGS__)
#else
#define SHUFFLE(u, v, ...) __builtin_shuffle(u, v, (ivec){{__VA_ARGS__}})
#endif

"""

_HEAD = """\
enum {{
  LANES = {lanes}, VECTORS = {vectors}, TILE = LANES * VECTORS, BLOCK = {block} * TILE, THREADS = {threads},
  INPUTS = {inputs}, TARGETS = {targets}, OUTPUTS = {outputs}, WIDTH = INPUTS + TARGETS, PARAMETERS = {parameters},
  SUMS = {sums}, LOSS = {loss}, INNER_BLOCK = {inner}, FAR_APART = {far},
  PARALLEL_ROWS = THREADS * TILE > {parallel} ? THREADS * TILE : {parallel}
}};

"""

_KEPT = """\
// Lanes beyond the last sample are left out of every sum, whatever stands in them.
static ALWAYS vec kept(vec x, const int ragged, ivec keep) { return ragged ? (vec)((ivec)x & keep) : x; }
static inline ivec first_lanes(int64_t rows) {
  ivec keep;
  for (int k = 0; k < LANES; k++) keep[k] = k < rows ? -1 : 0;
  return keep;
}
static inline void out_lanes(vec x, int column, real *out, int64_t rows) {
  for (int k = 0; k < LANES && k < rows; k++) out[k * OUTPUTS + column] = x[k];
}

"""

_UNROLLED_TILE = """\
static ALWAYS void tile_{want}(const real *restrict p, const vec *restrict data, vec *restrict sums, const real count,
    int64_t rows, const int ragged, ivec keep{right}) {{
  (void)p; (void)sums; (void)count; (void)rows; (void)ragged; (void)keep;
{body}{store}}}

"""

_UNROLLED_ROWS = """\
static void rows_{want}(const real *p, struct work *w, const vec *data, int64_t rows, real count) {{
  const ivec keep = first_lanes(rows % LANES);
  int fresh = w->fresh;
  w->fresh = 0;
  if (rows >= LANES) {{
    vec sums[SUMS];
    if (fresh) memset(sums, 0, sizeof sums);
    else memcpy(sums, w->sums, sizeof sums);
{together}    for (; rows >= LANES; rows -= LANES, data += WIDTH) tile_{want}(p, data, sums, count, LANES, 0, keep);
    memcpy(w->sums, sums, sizeof sums);
    fresh = 0;
  }}
  if (rows > 0) {{
    if (fresh) memset(w->sums, 0, sizeof w->sums);
    tile_{want}(p, data, w->sums, count, rows, 1, keep);
  }}
}}

"""

_UNROLLED_PREDICT = """\
static void rows_{want}(const real *p, struct work *w, const vec *data, int64_t rows, real count, real *out) {{
  (void)w;
  for (; rows > 0; rows -= LANES, data += WIDTH, out += LANES * OUTPUTS)
    tile_{want}(p, data, 0, count, rows, 0, (ivec){{0}}, out);
}}

"""

_UNROLLED_STEP = """\
// A step of training on one sample: its gradient goes from the sums to the parameters.
#define FUSED_STEP 1
static void one_step(const real *p, struct work *w, const real *row, const real *row_target) {
  for (int j = 0; j < INPUTS; j++) w->data[j] = (vec){row[j]};
  for (int j = 0; j < TARGETS; j++) w->data[INPUTS + j] = (vec){row_target[j]};
  w->fresh = 1;
  rows_gradient(p, w, w->data, 1, 1);
  w->row_loss = w->sums[LOSS][0];
}

static void one_update(real *restrict p, real *restrict m, real *restrict v, struct work *restrict w,
    const struct rates r) {
  for (int64_t k = 0; k < PARAMETERS; k++) updated(p, m, v, w->sums[k][0], k, &r);
}

"""

_LOOPED_TILE = """\
static void tile_{want}(const real *restrict p, struct work *restrict w, const vec *restrict data, const real count,
    int64_t rows{right}) {{
  const int vectors = (int)((rows + LANES - 1) / LANES), full = (int)(rows / LANES);
  const ivec keep = first_lanes(rows % LANES);
  (void)p; (void)count; (void)full; (void)keep;
{body}{store}}}

static void rows_{want}(const real *p, struct work *w, const vec *data, int64_t rows, real count{right}) {{
  for (; rows > 0; rows -= TILE, data += WIDTH * VECTORS) {{
    tile_{want}(p, w, data, count, rows < TILE ? rows : TILE{given});{advance}{begun}
  }}
}}

"""

_TRANSPOSE = """\
// [unit][sample] → [sample][unit], `across` vectors of units for each sample; what is beyond the last unit is 0.
static void transpose(int units, int across, int vectors, const vec *from, vec *to) {{
  for (int c = 0; c < across; c++) for (int v = 0; v < vectors; v++) {{
    vec a[LANES], b[LANES];
    for (int k = 0; k < LANES; k++) a[k] = c * LANES + k < units ? from[(c * LANES + k) * VECTORS + v] : (vec){{0}};
{stages}    for (int k = 0; k < LANES; k++) to[(v * LANES + k) * across + c] = {last}[k];
  }}
}}

"""

_HELPERS = {
    "copy_rows": """\
static void copy_rows(int rows, int columns, const real *from, int stride, real *g, int step) {
  for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) g[r * step + c] = from[r * stride + c];
}

""",
    "copy_places": """\
static void copy_places(int rows, int columns, const real *from, int stride, const int32_t *places, real *g) {
  for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) g[places[r * columns + c]] = from[r * stride + c];
}

""",
    "add_rows": """\
static void add_rows(int rows, int columns, const real *from, int stride, real *g, int step) {
  for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) g[r * step + c] += from[r * stride + c];
}

""",
    "add_places": """\
static void add_places(int rows, int columns, const real *from, int stride, const int32_t *places, real *g) {
  for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++)
    if (places[r * columns + c] >= 0) g[places[r * columns + c]] += from[r * stride + c];
}

""",
}
"""What puts sums where the gradient has them: a part of its rows, or places by a table; set, or added."""

_ONE_ROW = """\
  if (job->rows == 1) {
    if (g) for (int k = 0; k < PARAMETERS; k++) g[k] = w->sums[k][0];
    return coefficient * (double)w->sums[LOSS][0];
  }
"""

_FINISH = """\
// The loss; and, where it is asked for, the gradient: the sums of all parts, each over its lanes.
static double finish(const struct job *job, real *g) {{
  struct work *w = job->works;
  const double coefficient = {coefficient};
{one_row}  real totals[SUMS] ALIGNED;
  for (int part = 1; part < job->parts; part++)
    for (int k = 0; k < SUMS; k++) w->sums[k] += job->works[part].sums[k];
  for (int k = 0; k < SUMS; k += LANES) *(vec *)(totals + k) = column_sums(w->sums + k);
  if (g) {{
{body}  }}
  return coefficient * (double)totals[LOSS];
}}

"""
