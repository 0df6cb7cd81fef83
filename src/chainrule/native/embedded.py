"""A network as C99 for microcontrollers: one sample at a time, loops over static arrays, nothing but math.h.

The operations are those of the native code (`lower`), and so are the comments above them; what is written for a vector
of samples there is written for one number here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from chainrule.native.comments import said
from chainrule.native.emit import coefficient, update
from chainrule.native.looped import strided
from chainrule.native.lower import Lowered, Places, Product, identifier
from chainrule.native.optimizers import Optimizer
from chainrule.native.sample import OneSample
from chainrule.native.target import Target, scalar_functions

if TYPE_CHECKING:
    from chainrule.train.scale import Scale

WORDS = {"float32": 4, "float64": 8}


def embedded(
    lowered: Lowered, dtype: str, optimizer: Optimizer, *, start: Sequence[float], title: str,
    scales: Mapping[str, Scale] = MappingProxyType({}), note: str = "",
) -> str:  # fmt: skip
    """Return the C99 source of a network: outputs, loss, gradient and a training step.

    Args:
        lowered: the Derivation as operations.
        dtype: `float32` or `float64`.
        optimizer: whose update the training step makes.
        start: the parameters to start with, (size,).
        title: what the network is called; any text.
        scales: the standardisation of `inputs` and `targets`, of what is standardised.
        note: what else the head says of inputs, targets and outputs; any text.
    """
    target = Target(dtype, WORDS[dtype])
    standard = _Standard(scales, target)
    writer = _Embedded(lowered, target)
    bodies = {want: writer.tile(want) for want in ("predict", "value", "gradient")}
    tables = writer.constants()
    size = lowered.layout.size
    buffers = {
        "network_parameters": size, "network_gradient": size,
        **{f"moment{k + 1}": size for k in range(optimizer.moments)},
        **{f"array{slot}": count for slot, count in enumerate(writer.slots)},
        **{f"standard_{name}": len(scale.mean) for name, scale in scales.items()},
    }  # fmt: skip
    ram = {name: count * target.vector_bytes for name, count in buffers.items()}
    numbers = (size + standard.count) * target.vector_bytes + 4 * sum(row.count(",") + 1 for row in tables.splitlines())
    code = _SAMPLE.format(
        **bodies, **standard.words, functions=scalar_functions(target, writer.used) + standard.functions
    ) + "\n" + update(optimizer, target)  # fmt: skip
    code += _FUNCTIONS.format(
        settings=", ".join(repr(float(value)) for value in optimizer.settings.values()),
        count=len(optimizer.settings), steps="static int64_t steps;\n",
        m="moment1" if optimizer.moments else "0", v="moment2" if optimizer.moments > 1 else "0",
        coefficient=coefficient(lowered, "(double)count"),
    )  # fmt: skip
    parts = textwrap.fill(
        ", ".join(f"{name} {count}" for name, count in ram.items()) + ", a counter 8.", 110, subsequent_indent="   "
    )
    head = _HEAD.format(
        title=said(title), real=target.real, inputs=lowered.inputs, targets=lowered.targets, outputs=lowered.outputs,
        parameters=size, ram=sum(ram.values()) + 8, parts=parts, numbers=numbers, code=estimated(code),
        optimizer=optimizer.name, note=_paragraph(note),
    )  # fmt: skip
    arrays = _start(lowered, target, start) + "".join(
        f"{'' if name == 'network_gradient' else 'static '}real {name}[{count}];\n"
        for name, count in buffers.items() if name != "network_parameters"
    )  # fmt: skip
    return head + arrays + standard.tables + tables + "\n" + code


def estimated(code: str) -> int:
    """Return about how many bytes the code takes on a processor of 32 bits, from its loops, operations and calls."""
    loops, calls = code.count("for ("), len(re.findall(r"\b\w+\(", code))
    return 10 * loops + 5 * (calls - loops) + 4 * len(re.findall(r" [-+*/]?=? ", code))


class _Standard:
    """How inputs, targets and outputs in the units of the data become those that the network knows, and back.

    Attributes:
        count: how many numbers the tables hold.
        tables: the means and deviations, in C.
        functions: what standardises a sample.
        words: the names of arguments, the statements before a body, and what an output is.
    """

    def __init__(self, scales: Mapping[str, Scale], target: Target) -> None:
        self.count = sum(2 * len(scale.mean) for scale in scales.values())
        self.tables = self.functions = ""
        self.words = {"x": "x", "target": "target", "take_x": "", "take_target": "", "output": "pred[k]"}
        for name, word in (("inputs", "x"), ("targets", "target")):
            if name not in scales:
                continue
            scale = scales[name]
            for what, numbers in (("mean", scale.mean), ("deviation", scale.deviation)):
                values = ", ".join(_literal(target, number) for number in numbers)
                text = textwrap.fill(f"static const real {name}_{what}[] = {{{values}}};", 118, subsequent_indent="  ")
                self.tables += text + "\n"
            self.functions += _STANDARD.format(name=name, count=len(scale.mean))
            self.words[word] = name
            self.words[f"take_{word}"] = f"  const real *const {word} = standardised_{name}({name});\n"
            if name == "targets":
                self.words["output"] = "pred[k] * targets_deviation[k] + targets_mean[k]"


class _Embedded(OneSample):
    """Writes the operations for one sample."""

    each = ""
    lane = ""
    parameters = "network_parameters"

    def __init__(self, lowered: Lowered, target: Target) -> None:
        super().__init__(lowered, target, vectors=1)

    def tile(self, want: str) -> str:
        """Return the body that computes a sample: `predict`, `value` or `gradient`."""
        operations = self.lowered.needed(want)
        where = self._places_of_arrays(operations, want)
        heads = [f"  real *const {name} = array{slot};" for name, slot in where.items()]
        return "\n".join([*heads, *self._commented(operations)]) + "\n"

    def _product(self, operation: Product) -> list[str]:
        rows, columns = operation.places.shape
        source, target = identifier(operation.source), identifier(operation.target)
        begun = "0" if target in self.fresh else f"{target}[u]"
        self.fresh.discard(target)
        found = strided(operation.places)
        if found is None:
            loops = (0, rows, 0, columns)
            inside = [
                "    {",
                f"      const int32_t at = {self._table(operation.places)}[{_place(0, columns, 1)}];",
                f"      if (at >= 0) s += {source}[j] * network_parameters[at];",
                "    }",
            ]
        else:
            base, j0, rows, u0, columns, step_j, step_u = found
            loops = (j0, j0 + rows, u0, u0 + columns)
            place = _place(base - j0 * step_j - u0 * step_u, step_j, step_u)
            inside = [f"      s += {source}[j] * network_parameters[{place}];"]
        return [
            f"  for (int u = {loops[2]}; u < {loops[3]}; u++) {{",
            f"    real s = {begun};",
            f"    for (int j = {loops[0]}; j < {loops[1]}; j++)",
            *inside,
            f"    {target}[u] = s;",
            "  }",
        ]

    def _summed(self, places: Places, value: str) -> list[str]:
        """Write what a sample adds to the gradient."""
        rows, columns = places.shape
        found = strided(places)
        if found is None:
            table = self._table(places)
            return [
                f"  for (int j = 0; j < {rows}; j++) for (int u = 0; u < {columns}; u++) {{",
                f"    const int32_t at = {table}[{_place(0, columns, 1)}];",
                f"    if (at >= 0) network_gradient[at] += {value};",
                "  }",
            ]
        base, j0, rows, u0, columns, step_j, step_u = found
        return [
            f"  for (int j = {j0}; j < {j0 + rows}; j++) for (int u = {u0}; u < {u0 + columns}; u++)",
            f"    network_gradient[{_place(base - j0 * step_j - u0 * step_u, step_j, step_u)}] += {value};",
        ]


def _place(first: int, step_j: int, step_u: int) -> str:
    """Return first + j step_j + u step_u as it is written."""
    terms = [name if step == 1 else f"{name} * {step}" for name, step in (("j", step_j), ("u", step_u)) if step]
    text = " + ".join(terms)
    return f"{text} {'-' if first < 0 else '+'} {abs(first)}" if first else text


def _start(lowered: Lowered, target: Target, numbers: Sequence[float]) -> str:
    """Return the array of the parameters to start with, one matrix after another."""
    lines = ["real network_parameters[PARAMETERS] = {"]
    for part in lowered.layout:
        lines.append(f"  // {part.name}, {' x '.join(map(str, part.shape))}")
        here = [_literal(target, number) for number in numbers[part.start : part.stop]]
        lines += ["  " + " ".join(f"{number}," for number in here[at : at + 5]) for at in range(0, len(here), 5)]
    return "\n".join([*lines, "};\n"])


def _paragraph(text: str) -> str:
    return "\n" + textwrap.indent(textwrap.fill(said(text), 110), "   ") + "\n" if text else ""


def _literal(target: Target, number: float) -> str:
    return str(np.dtype(target.dtype).type(number)) + ("f" if target.dtype == "float32" else "")


_HEAD = """\
/* {title}

   Outputs, loss, gradient and training of a network, one sample at a time: C99, static memory only, math.h only.
   Written by chainrule; each line of the derivation stands above what computes it.

     network_predict(x, outputs)             the outputs of a sample
     network_value(x, targets, count)        the loss of some samples, one after another in x and in targets
     network_train(x, targets, count, rate)  one step of {optimizer} on them; returns the loss before it
{note}
   For samples that do not fit into the memory together: network_begin(), then network_add(x, target, count) for each
   of `count` samples, then network_update(rate). The parameters are in network_parameters, their gradient in
   network_gradient.

   Static memory (RAM), {ram} bytes:
   {parts}
   Flash: {numbers} bytes of numbers (the parameters to start with, tables), and about {code} bytes of code, without
   math.h. Stack: less than 256 bytes, and what the functions of math.h need. */

#include <math.h>
#include <stdint.h>

typedef {real} real;

enum {{ INPUTS = {inputs}, TARGETS = {targets}, OUTPUTS = {outputs}, PARAMETERS = {parameters} }};

void network_predict(const real *x, real *outputs);
real network_value(const real *x, const real *targets, int32_t count);
real network_train(const real *x, const real *targets, int32_t count, real rate);
void network_begin(void);
real network_add(const real *x, const real *target, int32_t count);
void network_update(real rate);
extern real network_parameters[PARAMETERS];
extern real network_gradient[PARAMETERS];

"""

_SAMPLE = """\
{functions}
void network_predict(const real *{x}, real *outputs) {{
{take_x}{predict}  for (int k = 0; k < OUTPUTS; k++) outputs[k] = {output};
}}

static real sample_value(const real *{x}, const real *{target}) {{
  real sum = 0;
{take_x}{take_target}{value}  return sum;
}}

/* Adds the gradient of one of so many samples; returns its term of the sum that the loss is. */
real network_add(const real *{x}, const real *{target}, int32_t samples) {{
  const real count = (real)samples;
  real sum = 0;
  (void)count;
{take_x}{take_target}{gradient}  return sum;
}}
"""

_STANDARD = """\
static const real *standardised_{name}(const real *given) {{
  for (int k = 0; k < {count}; k++) standard_{name}[k] = (given[k] - {name}_mean[k]) / {name}_deviation[k];
  return standard_{name};
}}
"""

_FUNCTIONS = """\
{steps}
void network_begin(void) {{
  for (int k = 0; k < PARAMETERS; k++) network_gradient[k] = 0;
}}

void network_update(real rate) {{
  static const double settings[] = {{{settings}}};
  update(network_parameters, {m}, {v}, network_gradient, rates_of((double)rate, settings, ++steps));
}}

real network_value(const real *x, const real *targets, int32_t count) {{
  real sum = 0;
  for (int32_t n = 0; n < count; n++) sum += sample_value(x + n * INPUTS, targets + n * TARGETS);
  return (real)({coefficient}) * sum;
}}

real network_train(const real *x, const real *targets, int32_t count, real rate) {{
  real sum = 0;
  network_begin();
  for (int32_t n = 0; n < count; n++) sum += network_add(x + n * INPUTS, targets + n * TARGETS, count);
  network_update(rate);
  return (real)({coefficient}) * sum;
}}
"""
