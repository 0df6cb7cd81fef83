"""The C source of an ensemble: the statements of the network written out, and in each lane of a vector a network."""

from __future__ import annotations

import re
from importlib.resources import files

from chainrule.native.choices import CHOICES
from chainrule.native.emit import _driver, _translated, describe, vector_head
from chainrule.native.expression import Scribe
from chainrule.native.lower import Loss, Lowered
from chainrule.native.optimizers import Optimizer
from chainrule.native.target import Target, functions
from chainrule.native.unrolled import Unrolled


def emit_ensemble(lowered: Lowered, target: Target, optimizer: Optimizer) -> str:
    """Return the C source of many networks of one shape, side by side.

    Args:
        lowered: the Derivation as operations.
        target: the number type and the machine.
        optimizer: whose update the training loop makes.
    """
    writer = Unrolled(lowered, target, parameters="vec")
    tiles = "".join(
        _TILE.format(
            want=want, right=", vec *restrict out" if want == "predict" else "",
            body=writer.tile(want),
            store="".join(f"  out[{k}] = pred_{k + 1};\n" for k in range(lowered.outputs)) if want == "predict" else "",
        )
        for want in ("predict", "value", "gradient")
    )  # fmt: skip
    size = lowered.layout.size
    coefficient = next(o for o in lowered.operations if isinstance(o, Loss)).coefficient
    text = Scribe(target, lambda atom, _: str(atom), True).write(coefficient).text
    facts = {
        "{unsigned}": "uint32_t" if target.dtype == "float32" else "uint64_t",
        "{coefficient}": re.sub(r"\bcount\b", "(double)rows", text).replace("f ", " "),
    }
    code = files(__package__).joinpath("ensemble.c").read_text(encoding="utf-8")
    for word, value in facts.items():
        code = code.replace(word, value)
    parts = {head: body for head, _, body in (part.partition("\n") for part in code.split("//// ")[1:])}
    return "".join([
        f"// {describe(lowered)}, many at once\n{_INTRODUCTION}",
        vector_head(target),
        _HEAD.format(
            lanes=target.lanes, inputs=lowered.inputs, targets=lowered.targets, outputs=lowered.outputs,
            parameters=size, loss=size, together=max(1, min(4, CHOICES.products_together // size)),
            moments=optimizer.moments, settings=len(optimizer.settings),
        ),
        functions(target, writer.used | {"splat", "blend"}),
        _KEPT, tiles, _driver()["shuffle"], parts["orders"], parts["samples"], parts["sums"],
        update_lanes(optimizer, target), parts["entry"],
    ])  # fmt: skip


def update_lanes(optimizer: Optimizer, target: Target) -> str:
    """Return the C text of the update of all parameters, each network with its own rate and settings."""
    inside = {"g": "slope", "w": "p[k]", "m": "m[k]", "v": "v[k]", "root": "v_root"}
    known = ["rate", *optimizer.settings, *(name for name, _ in optimizer.once)]
    outside = {"root": "sqrt", "power": "power", "t": "(double)t", **{name: f"d_{name}" for name in known}}
    once = {"rate": "rates[lane * stride]"}
    once |= {name: f"settings[lane * SETTINGS + {at}]" for at, name in enumerate(optimizer.settings)}
    once |= {
        name: _translated(text, outside).replace("power(", "power(&powers, ") for name, text in optimizer.once
    }  # fmt: skip
    body = [f"    {inside[left]} = {_translated(text, inside)};" for left, text in optimizer.update]
    lanes = [name for name in known if re.search(rf"\b{name}\b", " ".join(body))]
    root = "sqrtf" if target.dtype == "float32" else "sqrt"
    lines = [
        f"static inline vec v_root(vec x) {{ for (int k = 0; k < LANES; k++) x[k] = {root}(x[k]); return x; }}",
        _POWER,
        f"// One step of {optimizer.name} ({optimizer.source}), with the settings of each network in its lane.",
        "static void update(vec *restrict p, vec *restrict m, vec *restrict v, const vec *restrict g,",
        "    const double *rates, int64_t stride, const double *settings, int64_t t, int64_t nets) {",
        "  (void)m; (void)v; (void)settings; (void)t;",
        "  struct powers powers = {0};",
        "  (void)powers;",
        *(f"  vec {name}_ = {{0}};" for name in lanes),
        "  for (int64_t lane = 0; lane < LANES && lane < nets; lane++) {",
        *(f"    const double d_{name} = {once[name]};" for name in known),
        *(f"    {name}_[lane] = (real)d_{name};" for name in lanes),
        "  }",
        "  for (int64_t k = 0; k < PARAMETERS; k++) {",
        "    vec slope = g[k];",
        *(re.sub(r"\b(" + "|".join(lanes) + r")\b", r"\1_", line) for line in body),
        "    (void)slope;",
        "  }",
        "}\n\n",
    ]
    return "\n".join(lines)


_INTRODUCTION = """\
// Written by chainrule from the derivation of this network: each line of it stands above what computes it. Each lane of
// a vector is a network of its own, which nothing in the other lanes changes.
"""

_HEAD = """\
enum {{
  LANES = {lanes}, INPUTS = {inputs}, TARGETS = {targets}, OUTPUTS = {outputs}, WIDTH = INPUTS + TARGETS,
  PARAMETERS = {parameters}, SUMS = PARAMETERS + 1, LOSS = {loss}, TOGETHER = {together}, MOMENTS = {moments},
  SETTINGS = {settings}
}};

"""

_KEPT = """\
// A weight is a vector as well, so that anything may have to become one.
#define splat(x) ((vec){0} + (x))
static ALWAYS vec kept(vec x, const int ragged, ivec keep) { (void)ragged; (void)keep; return x; }

"""

_TILE = """\
static ALWAYS void tile_{want}(const vec *restrict p, const vec *restrict data, vec *restrict sums, const real count,
    int64_t rows, const int ragged, ivec keep{right}) {{
  (void)p; (void)sums; (void)count; (void)rows; (void)ragged; (void)keep;
{body}{store}}}

"""

_POWER = """\
// Networks mostly have the same decay rates: a power is computed once for all of them.
struct powers { double base[4], value[4]; int count; };
static inline double power(struct powers *known, double base, double exponent) {
  for (int k = 0; k < known->count; k++) if (known->base[k] == base) return known->value[k];
  const int at = known->count < 4 ? known->count++ : 0;
  known->base[at] = base;
  return known->value[at] = pow(base, exponent);
}
"""
