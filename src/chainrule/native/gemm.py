"""The micro-kernels of a matrix product: a block of the result in registers, operands streamed past it."""

from __future__ import annotations

from chainrule.native.target import Target

_HEAD = """\
// C[r][c] = sum over k of P[r pr + k ps] Q[k qs + c], and what C[r][c] was where `more` says so: rows r take one number
// each, columns c are vectors.
"""


def micro_kernels(target: Target) -> str:
    """Return the C text of `product`, and of the blocks that it is made of."""
    columns = 4 if target.registers >= 32 else 2
    text = _HEAD
    for wide in range(1, columns + 1):
        for rows in row_counts(target, wide):
            text += _block(rows, wide)
    text += _strip(target, columns)
    return text


def row_counts(target: Target, wide: int) -> tuple[int, ...]:
    """Return how many rows the blocks of some width have: as many as leave registers for operands, then fewer."""
    free = target.registers - wide - 1
    most = max(1, min(12, free // wide))
    return tuple(dict.fromkeys((most, *(r for r in (6, 4, 2, 1) if r < most))))


def _block(rows: int, wide: int) -> str:
    names = [[f"c{r}_{c}" for c in range(wide)] for r in range(rows)]
    lines = [
        f"static void block_{rows}x{wide}(int64_t inner, const real *restrict P, int64_t pr, int64_t ps,",
        "    const vec *restrict Q, int64_t qs, vec *restrict C, int64_t cs, int more) {",
        f"  vec {', '.join(f'{n} = {{0}}' for row in names for n in row)};",
        "  if (more) {",
        *(f"    {' '.join(f'{n} = C[{r} * cs + {c}];' for c, n in enumerate(row))}" for r, row in enumerate(names)),
        "  }",
        "  for (int64_t k = 0; k < inner; k++, P += ps, Q += qs) {",
        f"    const vec {', '.join(f'q{c} = Q[{c}]' for c in range(wide))};",
    ]
    for r, row in enumerate(names):
        lines.append(
            f"    {{ const real a = P[{r} * pr]; {' '.join(f'{n} += a * q{c};' for c, n in enumerate(row))} }}"
        )
    lines.append("  }")
    lines += [f"  {' '.join(f'C[{r} * cs + {c}] = {n};' for c, n in enumerate(row))}" for r, row in enumerate(names)]
    return "\n".join([*lines, "}\n"])


def _strip(target: Target, columns: int) -> str:
    lines = []
    for wide in range(1, columns + 1):
        lines += [
            f"static void strip_{wide}(int64_t rows, int64_t inner, const real *P, int64_t pr, int64_t ps,",
            "    const vec *Q, int64_t qs, vec *C, int64_t cs, int more) {",
            "  int64_t r = 0;",
        ]
        for count in row_counts(target, wide):
            lines.append(
                f"  for (; r + {count} <= rows; r += {count}) "
                f"block_{count}x{wide}(inner, P + r * pr, pr, ps, Q, qs, C + r * cs, cs, more);"
            )
        lines.append("}")
    most, group = row_counts(target, columns)[0], 8
    lines += [
        f"// A row has its numbers far apart: those of {group} blocks of {most} rows are copied side by side, once",
        "// for all columns.",
        "static void packed_rows(int64_t rows, int64_t columns, int64_t inner, const real *P, int64_t pr, int64_t ps,",
        "    const vec *Q, int64_t qs, vec *C, int64_t cs, int more) {",
        f"  enum {{ ROWS = {most}, GROUP = {group}, WHOLE = GROUP * ROWS }};",
        "  real panel[INNER_BLOCK / 2 * WHOLE];",
        "  for (int64_t r = 0; r < rows; r += WHOLE, P += WHOLE * pr, C += WHOLE * cs) {",
        "    const int64_t blocks = rows - r < WHOLE ? (rows - r) / ROWS : GROUP;",
        "    for (int64_t k = 0; k < inner; k++) {",
        "      if (pr == 1 && blocks == GROUP) memcpy(panel + k * WHOLE, P + k * ps, sizeof(real) * WHOLE);",
        "      else for (int64_t i = 0; i < blocks * ROWS; i++) panel[k * WHOLE + i] = P[i * pr + k * ps];",
        "    }",
        f"    for (int64_t c = 0; c < columns; c += {columns}) for (int64_t b = 0; b < blocks; b++)",
        f"      block_{most}x{columns}(inner, panel + b * ROWS, 1, WHOLE, Q + c, qs, C + b * ROWS * cs + c, cs, more);",
        "  }",
        "}",
        "// The same for columns: rows of Q that stand far apart would push each other out of the first cache.",
        "static void packed_columns(int64_t rows, int64_t inner, const real *P, int64_t pr, int64_t ps,",
        "    const vec *Q, int64_t qs, vec *C, int64_t cs, int more) {",
        f"  vec panel[INNER_BLOCK / 2 * {columns}];",
        f"  for (int64_t k = 0; k < inner; k++) for (int64_t c = 0; c < {columns}; c++)",
        f"    panel[k * {columns} + c] = Q[k * qs + c];",
        f"  strip_{columns}(rows, inner, P, pr, ps, panel, {columns}, C, cs, more);",
        "}",
        "// The inner dimension goes by parts that stay in the first caches, of what is copied in the very first.",
        "static void product(int64_t rows, int64_t columns, int64_t inner, const real *P, int64_t pr, int64_t ps,",
        "    const vec *Q, int64_t qs, vec *C, int64_t cs, int more) {",
        f"  const int64_t packed = ps >= FAR_APART && columns % {columns} == 0 ? rows / {most} * {most} : 0;",
        f"  const int beside = qs * LANES >= FAR_APART && rows - packed >= {group * most};",
        "  const int64_t most = packed || beside ? INNER_BLOCK / 2 : INNER_BLOCK;",
        "  for (int64_t k = 0; k < inner; k += most, more = 1) {",
        "    const int64_t part = inner - k < most ? inner - k : most;",
        "    if (packed) packed_rows(packed, columns, part, P + k * ps, pr, ps, Q + k * qs, qs, C, cs, more);",
        "    int64_t c = 0;",
        f"    if (beside) for (; c + {columns} <= columns; c += {columns})",
        "      packed_columns(rows - packed, part, P + packed * pr + k * ps, pr, ps, Q + k * qs + c, qs,",
        "          C + packed * cs + c, cs, more);",
    ]
    for wide in range(columns, 0, -1):
        lines.append(
            f"    for (; c + {wide} <= columns; c += {wide}) strip_{wide}(rows - packed, part, "
            f"P + packed * pr + k * ps, pr, ps, Q + k * qs + c, qs, C + packed * cs + c, cs, more);"
        )
    return "\n".join([*lines, "  }", "}\n"])
