"""What the code is made for: the number type, the width of a vector, and the constants that depend on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Target:
    """A number type and a machine.

    Attributes:
        dtype: float32 or float64.
        vector_bytes: the width of a vector: 64 for AVX-512, 32 for AVX2, 16 for SSE and NEON; that of one number where
            there are to be no vectors, but plain C.
        registers: how many vector registers there are.
    """

    dtype: str = "float32"
    vector_bytes: int = 64
    registers: int = 32

    @property
    def real(self) -> str:
        """The number type in C."""
        return "float" if self.dtype == "float32" else "double"

    @property
    def lanes(self) -> int:
        """How many numbers a vector holds."""
        return self.vector_bytes // (4 if self.dtype == "float32" else 8)

    @property
    def scalar(self) -> bool:
        """Whether a vector is one number."""
        return self.lanes == 1

    @property
    def fused(self) -> bool:
        """Whether a product and a sum are one operation with one rounding: on all machines but those with SSE only."""
        return not self.scalar and (self.vector_bytes > 16 or self.registers >= 32)

    @property
    def kind(self) -> str:
        """The type of a vector in C."""
        return "real" if self.scalar else "vec"

    @property
    def zero(self) -> str:
        """What a vector of zeros starts as."""
        return "0" if self.scalar else "{0}"

    def function(self, name: str) -> str:
        """Return what a function of functions.c is called.

        Example:
            >>> Target("float32").function("v_exp"), Target("float32", 4).function("v_exp")
            ('v_exp', 'expf')
        """
        if not self.scalar:
            return name
        if name in SCALAR_MATH:
            return SCALAR_MATH[name] + ("f" if self.dtype == "float32" else "")
        return SCALAR_FUNCTIONS[name][0]

    def literal(self, value: float) -> str:
        """Return a number as it is written in C.

        Example:
            >>> Target("float32").literal(0.5), Target("float64").literal(2.0)
            ('0.5f', '2.0')
        """
        return repr(float(value)) + ("f" if self.dtype == "float32" else "")


_CONSTANTS = {
    "float32": {
        "SIGN_BIT": "((ivec){0} + INT32_MIN)", "EXP_LOW": "-104.0f", "EXP_HIGH": "89.0f", "EXPM1_LOW": "-18.0f",
        "SIGMOID_ONE": "20.0f",
        "SPLIT": "((ivec){0} + (int32_t)0xfffff000)",
        "EXP_2": "0.5f", "EXP_3": "0.16666573381900846f", "EXP_4": "0.041666550110305124f",
        "EXP_5": "0.0083637738744055735f", "EXP_6": "0.0013926926614021906f",
    },
    "float64": {
        "SIGN_BIT": "((ivec){0} + INT64_MIN)", "EXP_LOW": "-746.0", "EXP_HIGH": "710.0", "EXPM1_LOW": "-40.0",
        "SIGMOID_ONE": "40.0",
        "SPLIT": "((ivec){0} + (int64_t)0xfffffffff8000000)",
        "EXP_2": "0.5", "EXP_3": "0.16666666666666671438", "EXP_4": "0.041666666666666670074",
        "EXP_5": "0.0083333333333255446996", "EXP_6": "0.0013888888888883326674",
        "EXP_7": "0.00019841269876864354929", "EXP_8": "0.000024801587327007186731",
        "EXP_9": "2.7557252833516909748e-6", "EXP_10": "2.7557271810219799569e-7",
        "EXP_11": "2.5106274733573294687e-8", "EXP_12": "2.0915442297780115216e-9",
    },
}  # fmt: skip
"""What functions.c calls by a name. EXP_k: the polynomial of least largest error for (e^r − 1 − r)/r², |r| ≤ log(2)/2,
by mpmath's chebyfit: 8e-9 off in float, 2e-19 in double."""


SCALAR_MATH: Mapping[str, str] = MappingProxyType({
    "v_exp": "exp", "v_expm1": "expm1", "v_log": "log", "v_tanh": "tanh", "v_abs": "fabs",
})  # fmt: skip
"""What math.h has for one number; with an f at the end for float."""

SCALAR_FUNCTIONS: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    "v_sigmoid": ("sigmoid", "real x", "x < 0 ? EXP(x) / (1 + EXP(x)) : 1 / (1 + EXP(-x))"),
    "v_softplus": ("softplus", "real x", "LOG1P(EXP(-FABS(x))) + (x < 0 ? 0 : x)"),
    "v_logcosh": (
        "logcosh", "real x",
        "FABS(x) < 1 ? LOG1P(2 * SINH(x / 2) * SINH(x / 2)) : FABS(x) + LOG1P(EXP(-2 * FABS(x))) - (real)LOG2",
    ),
    "v_normal_cdf": ("normal_cdf", "real x", "ERFC(x * (real)-0.7071067811865476) / 2"),
    "v_normal_pdf": ("normal_pdf", "real x", "EXP(-x * x / 2) * (real)0.3989422804014327"),
    "v_sign": ("sign", "real x", "x > 0 ? 1 : x < 0 ? -1 : x"),
    "v_max": ("larger", "real a, real b", "a >= b || a != a ? a : b"),
    "v_min": ("smaller", "real a, real b", "a < b || a != a ? a : b"),
    "v_weighted_log": ("weighted_log", "real weight, real x", "weight == 0 ? 0 : weight * LOG(x)"),
    "truth": ("truth", "int holds", "(real)holds"),
})  # fmt: skip
"""What math.h has not, for one number: a name, the arguments, the value with math.h's names in capitals."""


ULPS: Mapping[str, Mapping[str, float]] = MappingProxyType({
    "exp": {"float32": 1.5, "float64": 1.5},
    "expm1": {"float32": 2.0, "float64": 2.0},
    "log": {"float32": 1.0, "float64": 1.0},
    "log1p": {"float32": 1.5, "float64": 1.5},
    "tanh": {"float32": 3.0, "float64": 3.0},
    "sigmoid": {"float32": 4.0, "float64": 4.0},
    "softplus": {"float32": 2.5, "float64": 2.5},
    "logcosh": {"float32": 5.5, "float64": 5.5},
    "normal_pdf": {"float32": 3.5, "float64": 3.5},
    "normal_cdf": {"float32": 5.0, "float64": 5.0},
})  # fmt: skip
"""How far off the functions are at most, in units in the last place: measured in tests/native/test_functions.py."""


@cache
def _sections() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the sections of functions.c: what each needs, and its text; `name float` and `name double` are two."""
    text = files(__package__).joinpath("functions.c").read_text(encoding="utf-8")
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for section in text.split("//// ")[1:]:
        head, _, body = section.partition("\n")
        name, _, needs = head.partition(":")
        found[name.strip()] = (tuple(needs.split()), body)
    return found


def scalar_functions(target: Target, names: set[str]) -> str:
    """Return the C text of functions for one number that math.h does not have."""
    last = "f" if target.dtype == "float32" else ""
    text = ""
    for name, (short, arguments, value) in SCALAR_FUNCTIONS.items():
        if name in names:
            value = re.sub(r"\b[A-Z][A-Z0-9]+(?=\()", lambda found: found[0].lower() + last, value)
            value = value.replace("LOG2", "0.6931471805599453")
            text += f"static real {short}({arguments}) {{ return {value}; }}\n"
    return text


def functions(target: Target, names: set[str]) -> str:
    """Return the C text of functions and of all that they need, each once, in order of need."""
    sections = _sections()
    done: dict[str, str] = {}

    def take(name: str) -> None:
        if name in done:
            return
        key = name if name in sections else f"{name} {target.real}"
        needs, body = sections[key]
        for need in needs:
            take(need)
        done[name] = body

    for name in sorted(names):
        take(name)
    text = "".join(done.values())
    constants = [f"#define {name} {value}\n" for name, value in _CONSTANTS[target.dtype].items() if name in text]
    return "".join(constants) + text
