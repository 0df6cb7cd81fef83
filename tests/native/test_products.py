"""The products of matrices in native code: every shape of block, parts of the inner dimension, rows copied first."""

import ctypes
import subprocess

import numpy as np
import pytest

from chainrule.native.build import FLAGS, LINK, find_compiler
from chainrule.native.emit import vector_head
from chainrule.native.gemm import micro_kernels
from chainrule.native.target import Target

INNER_BLOCK = 8
FAR_APART = 40


@pytest.fixture(scope="module", params=[("float32", 64, 32), ("float32", 16, 16), ("float64", 32, 16)], ids=str)
def product(request, tmp_path_factory):
    """C = P Q, or C + P Q, by the blocks for a number type, a width of vectors and a number of registers."""
    target = Target(*request.param)
    compiler = find_compiler()
    assert compiler is not None
    folder = tmp_path_factory.mktemp("products")
    (folder / "p.c").write_text(
        vector_head(target)
        + f"enum {{ LANES = {target.lanes}, INNER_BLOCK = {INNER_BLOCK}, FAR_APART = {FAR_APART} }};\n"
        + micro_kernels(target)
        + "EXPORT void multiply(int64_t rows, int64_t columns, int64_t inner, const real *P, int64_t pr, int64_t ps,\n"
        "    const vec *Q, int64_t qs, vec *C, int64_t cs, int more) {\n"
        "  product(rows, columns, inner, P, pr, ps, Q, qs, C, cs, more);\n}\n"
    )
    subprocess.run([*compiler.command, *FLAGS, *LINK, str(folder / "p.c"), "-o", str(folder / "p.so")], check=True)
    multiply = ctypes.CDLL(str(folder / "p.so")).multiply

    def compute(left, right, into, *, across, more):
        rows, inner = left.shape
        lanes = target.lanes
        p = np.asarray(left, target.dtype, order="F" if across else "C")
        q, c = aligned(right, target.dtype), aligned(into, target.dtype)
        number, pointer = ctypes.c_int64, ctypes.c_void_p
        strides = (1, rows) if across else (inner, 1)
        multiply(
            number(rows), number(right.shape[1] // lanes), number(inner), pointer(p.ctypes.data), *map(number, strides),
            pointer(q.ctypes.data), number(q.shape[1] // lanes), pointer(c.ctypes.data), number(c.shape[1] // lanes),
            ctypes.c_int(more),
        )  # fmt: skip
        return c

    return compute, target.lanes


def aligned(values, dtype):
    """The same numbers where vectors can be read."""
    size = values.size * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    found = raw[start : start + size].view(dtype).reshape(values.shape)
    found[:] = values
    return found


@pytest.mark.parametrize("across", [True, False], ids=["across", "along"])
def test_every_shape_is_multiplied(product, across):
    """Whole numbers, so that no order of summing rounds: the result is NumPy's to the last bit."""
    multiply, lanes = product
    random = np.random.default_rng(0)
    for rows in (1, 2, 5, 6, 7, 13, 39, 40, 47, 48, 49, 61, 96, 109):
        for inner in (1, 7, 8, 9, 24, 41, 50):
            for vectors in (1, 2, 3, 4, 5, 8):
                left = random.integers(-9, 9, (rows, inner))
                right = random.integers(-9, 9, (inner, vectors * lanes))
                into = random.integers(-9, 9, (rows, vectors * lanes))
                for more in (0, 1):
                    found = multiply(left, right, into, across=across, more=more)
                    np.testing.assert_array_equal(found, left @ right + more * into, err_msg=f"{rows, inner, vectors}")
