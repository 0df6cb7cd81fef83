"""The vectorised exp, log, tanh, …: their error in ulp, at every width of a vector, and the ends as IEEE 754 says."""

import ctypes
import math
import subprocess

import mpmath
import numpy as np
import pytest

from chainrule.native.build import FLAGS, LINK, find_compiler
from chainrule.native.emit import vector_head
from chainrule.native.target import ULPS, Target, functions

mpmath.mp.dps = 40
REFERENCE = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p,
    "tanh": mpmath.tanh, "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)), "logcosh": lambda x: mpmath.log1p(2 * mpmath.sinh(x / 2) ** 2),
    "normal_pdf": lambda x: mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi),
    "normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
}  # fmt: skip
SPAN = {
    "exp": (-86, 88), "expm1": (-20, 88), "tanh": (-12, 12), "sigmoid": (-85, 88), "softplus": (-85, 88),
    "logcosh": (-40, 40), "normal_pdf": (-13, 13), "normal_cdf": (-12.5, 9),
}  # fmt: skip
POINTS = 1200


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """All functions on arrays, for a number type and a width, built when first asked for."""
    built = {}
    compiler = find_compiler()
    assert compiler is not None

    def get(dtype, width):
        if (dtype, width) not in built:
            target = Target(dtype, width)
            text = vector_head(target) + functions(target, {f"v_{name}" for name in REFERENCE} | {"v_max", "v_min"})
            for name in REFERENCE:
                text += f"void each_{name}(const vec *x, vec *y, long n) {{ while (n--) *y++ = v_{name}(*x++); }}\n"
            for name in ("max", "min"):
                text += (
                    f"void each_{name}(const vec *x, vec *y, long n) {{ while (n--) *y = v_{name}(*x++, *y), y++; }}\n"
                )
            folder = tmp_path_factory.mktemp("functions")
            (folder / "f.c").write_text(text)
            flags = [flag for flag in (*FLAGS, *LINK) if "visibility" not in flag]
            subprocess.run(
                [*compiler.command, *flags, str(folder / "f.c"), "-o", str(folder / "f.so"), "-lm"], check=True
            )
            built[dtype, width] = ctypes.CDLL(str(folder / "f.so"))
        return built[dtype, width]

    def apply(name, x, *, width=64, start=None):
        lanes = width // x.itemsize
        count = -(-len(x) // lanes)
        source, result = aligned(count * lanes, x.dtype), aligned(count * lanes, x.dtype)
        source[: len(x)] = x
        source[len(x) :] = 1
        if start is not None:
            result[: len(x)] = start
        function = library_of(x.dtype.name, width)[f"each_{name}"]
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
        function(source.ctypes.data, result.ctypes.data, count)
        return result[: len(x)]

    library_of = get
    return apply


def aligned(count, dtype):
    """An array that vectors can be read from."""
    whole = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + count * np.dtype(dtype).itemsize].view(dtype)


def points(name, dtype):
    """Arguments over the whole span, and close to 0."""
    random = np.random.default_rng(0)
    if name == "log":
        x = np.concatenate([10.0 ** random.uniform(-37, 37, POINTS // 2), random.uniform(0.4, 2.5, POINTS // 2)])
    elif name == "log1p":
        x = np.concatenate([random.uniform(0, 1, POINTS // 2), 10.0 ** random.uniform(-30, 0, POINTS // 2)])
    else:
        low, high = SPAN[name]
        near = random.choice([-1, 1], POINTS // 2) * 10.0 ** random.uniform(-6, 0.5, POINTS // 2)
        x = np.concatenate([random.uniform(low, high, POINTS // 2), near])
    return x.astype(dtype)


def ulps(name, x, y):
    """The largest error in units of the last place of the true value."""
    worst = 0.0
    for argument, found in zip(x.tolist(), y.tolist(), strict=True):
        true = REFERENCE[name](mpmath.mpf(argument))
        unit = float(np.spacing(x.dtype.type(abs(float(true)))))
        worst = max(worst, abs(float((mpmath.mpf(found) - true) / unit)))
    return worst


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", REFERENCE)
def test_the_error_is_what_the_table_says(library, name, dtype):
    """In ulp, against mpmath; the table in the documentation is this one."""
    x = points(name, dtype)
    worst = ulps(name, x, library(name, x))
    assert worst <= ULPS[name][dtype], f"{name}: {worst:.2f} ulp"
    assert worst >= ULPS[name][dtype] / 4, f"{name}: {worst:.2f} ulp; the table is out of date"


DOUBLE = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "logcosh": lambda x: np.log1p(2 * np.sinh(x / 2) ** 2),
    "normal_pdf": lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBLE)
def test_the_error_is_what_the_table_says_at_very_many_points(library, name):
    """In float32, against NumPy in float64, whose error is nothing beside it: a few points miss the worst ones."""
    random = np.random.default_rng(1)
    x = np.resize(points(name, "float32").astype(np.float64), 300_000) * random.uniform(0.98, 1, 300_000)
    x = x.astype(np.float32)
    true = DOUBLE[name](x.astype(np.float64))
    error = abs(library(name, x) - true) / np.spacing(abs(true).astype(np.float32)).astype(np.float64)
    assert ULPS[name]["float32"] / 2 <= error.max() <= ULPS[name]["float32"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [16, 32])
def test_narrower_vectors_compute_the_same(library, width, dtype):
    """The code for AVX2 and NEON, on this machine: 2^k is made in another way there; the table holds for it too."""
    for name in REFERENCE:
        x = points(name, dtype)
        found = library(name, x, width=width)
        assert ulps(name, x, found) <= ULPS[name][dtype], name
        np.testing.assert_array_max_ulp(found, library(name, x), maxulp=4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [16, 64])
def test_the_ends_are_those_of_ieee(library, width, dtype):
    """Infinity, NaN, overflow, underflow to subnormals and to 0, the sign of 0."""
    inf, nan = math.inf, math.nan
    tiny = -100.0 if dtype == "float32" else -740.0
    expected = {
        "exp": {inf: inf, -inf: 0.0, 0.0: 1.0, 1e6: inf, -1e6: 0.0},
        "expm1": {inf: inf, -inf: -1.0, 0.0: 0.0, 1e6: inf, -1e6: -1.0},
        "log": {inf: inf, 0.0: -inf, 1.0: 0.0, -1.0: nan, -inf: nan},
        "tanh": {inf: 1.0, -inf: -1.0, -0.0: -0.0},
        "sigmoid": {inf: 1.0, -inf: 0.0, 0.0: 0.5},
        "softplus": {inf: inf, -inf: 0.0},
        "logcosh": {inf: inf, -inf: inf, 0.0: 0.0},
        "normal_pdf": {inf: 0.0, -inf: 0.0},
        "normal_cdf": {inf: 1.0, -inf: 0.0, 0.0: 0.5},
    }
    for name, table in expected.items():
        x = np.array([*table, nan], dtype)
        found = library(name, x, width=width)
        np.testing.assert_array_equal(found, np.array([*table.values(), nan], dtype), err_msg=name)
        assert (
            np.array_equal(np.signbit(found[:-1]), np.signbit(np.array(list(table.values())))) or nan in table.values()
        )
    x = np.array([tiny], dtype)
    assert 0 < library("exp", x, width=width)[0] == pytest.approx(math.exp(tiny), rel=1e-2)
    small = np.array([np.finfo(dtype).smallest_subnormal], dtype)
    assert library("log", small, width=width)[0] == pytest.approx(math.log(float(small[0])), rel=1e-6)


def test_maximum_and_minimum_keep_nan(library):
    """As `values` has them: NaN where either is NaN."""
    a = np.array([1.0, 2.0, math.nan, 1.0, -math.inf])
    b = np.array([2.0, 1.0, 1.0, math.nan, math.inf])
    np.testing.assert_array_equal(library("max", a, start=b), np.maximum(a, b))
    np.testing.assert_array_equal(library("min", a, start=b), np.minimum(a, b))
