"""The table: every row's derivative, by four ways that share nothing, on a grid that goes to both ends."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from chainrule import calculus
from chainrule.algebra import negative
from chainrule.calculus import call_slope, differentiate
from chainrule.expr import Call, Dim, Expr, Gather, Index, Ref, Symbol
from chainrule.rules import ACTIVATIONS, LOSSES, RULES, Rule, canonical, suggest
from chainrule.values import numeric
from chainrule.values.plan import Planner, symbol_key

H = 1e-20
"""The complex step: so small that its square is nothing beside 1."""

GRID = np.concatenate([
    np.linspace(-6.03, 6.05, 95),
    [-1000.0, -700.3, -100.7, -40.1, -20.3, -9.7, 9.9, 20.9, 40.7, 100.3, 710.1, 1000.0],
    [-1e-3, -1e-8, -1e-15, 1e-15, 1e-8, 1e-3],
])  # fmt: skip
"""No point of it is a kink of any row (0, ±1, ±3, and p = t)."""

POSITIVE = np.array([1e-12, 1e-5, 0.01, 0.2, 0.5, 0.77, 0.999, 1.3, 4.0, 300.0])
UNIT = np.array([1e-12, 1e-5, 0.01, 0.2, 0.5, 0.77, 0.999, 1 - 1e-9])

DOMAIN = {
    "log": POSITIVE, "cross_entropy": POSITIVE, "binary_cross_entropy": UNIT,
    "exp": GRID[GRID < 700], "expm1": GRID[GRID < 700],
}  # fmt: skip
"""Where a row's first argument comes from, where that is not the whole line."""

TARGETS = {"sign": (-1.0, 1.0), "probability": (0.0, 0.3, 1.0), "shares": (0.0, 0.3, 1.0)}

ELEMENTWISE = [row for row in RULES.values() if not row.vector or row.value is not None]
OF_TWO = (*LOSSES, "max", "min")
CASES = [(row.name, position) for row in ELEMENTWISE for position in range(2 if row.name in OF_TWO else 1)]


def holes(row: Rule) -> tuple[Ref, ...]:
    return tuple(Ref(Symbol(f"argument {position}")) for position in range(2 if row.name in OF_TWO else 1))


def run(expr: Expr, **numbers: object) -> np.ndarray:
    """The numbers of an expression; `z0` and `z1` are its holes, `result` the value of the call itself."""
    names = {"z0": "argument 0", "z1": "argument 1", "result": "result"}
    store = {symbol_key(Symbol(names[name])): np.asarray(value) for name, value in numbers.items()}
    with np.errstate(all="ignore"):
        return np.asarray(Planner().plan(expr).run(store))


def points(row: Rule) -> tuple[np.ndarray, np.ndarray]:
    """The grid of both arguments."""
    first = DOMAIN.get(row.name, GRID)
    second = TARGETS.get(row.targets, (-2.52, 0.33, 5.01))
    z0, z1 = np.meshgrid(first, second)
    return z0.ravel(), z1.ravel()


def written(row: Rule, position: int) -> np.ndarray:
    """The derivative as the table writes it."""
    args = holes(row)
    z0, z1 = points(row)
    own = run(Call(row.name, args, row.parameter), z0=z0, z1=z1)
    slope = call_slope(row.name, position, args, Ref(Symbol("result")), row.parameter)
    return np.broadcast_to(run(slope, z0=z0, z1=z1, result=own), z0.shape)


def by_complex_step(row: Rule, position: int) -> np.ndarray:
    z0, z1 = (z.astype(complex) for z in points(row))
    (z0, z1)[position][:] += 1j * H
    return np.imag(run(Call(row.name, holes(row), row.parameter), z0=z0, z1=z1)) / H


def by_central_differences(row: Rule, position: int) -> tuple[np.ndarray, np.ndarray]:
    """The derivative, and by how much it may be off: the rounding of both values over their distance, and h²."""
    z0, z1 = points(row)
    h = np.full_like(z0, 1e-5)
    if position == 0 and DOMAIN.get(row.name) is POSITIVE:
        h *= np.minimum(1.0, z0)
    if position == 0 and DOMAIN.get(row.name) is UNIT:
        h *= np.minimum(z0, 1 - z0)
    low, high = [np.copy(z0), np.copy(z1)], [np.copy(z0), np.copy(z1)]
    low[position] -= h
    high[position] += h
    call = Call(row.name, holes(row), row.parameter)
    a, b = run(call, z0=low[0], z1=low[1]), run(call, z0=high[0], z1=high[1])
    slope = (b - a) / (high[position] - low[position])
    rounding = 8 * np.finfo(float).eps * (np.abs(a) + np.abs(b) + np.abs(z0) + 1) / h
    return slope, rounding + 1e-7 * (1 + np.abs(slope))


def close(ours: np.ndarray, theirs: np.ndarray, allowed: np.ndarray) -> bool:
    return bool(np.all(np.abs(ours - theirs) <= allowed))


def smooth(row: Rule, position: int) -> np.ndarray:
    """Where a grid point is farther from a kink than a difference reaches."""
    z0, z1 = points(row)
    kinks = {name: [0] for name in ("abs", "sign", "relu", "leaky_relu", "elu", "selu")}
    kinks |= {"hard_sigmoid": [-3, 3], "hard_tanh": [-1, 1]}
    if row.name in ("mae", "huber", "max", "min"):
        return np.min([np.abs(z0 - z1 - d) for d in (-1, 0, 1)], axis=0) > 2e-5
    if row.name == "hinge":
        return np.abs(1 - z0 * z1) > 1e-4
    return np.all([np.abs(z0 - at) > 2e-5 for at in kinks.get(row.name, [])], axis=0) if row.name in kinks else z0 == z0


# The derivative of each row


@pytest.mark.parametrize(("name", "position"), CASES)
def test_slope_agrees_with_complex_step(name, position):
    """What the table writes is the derivative of what it computes, to 14 digits."""
    row = RULES[name]
    ours, theirs = written(row, position), by_complex_step(row, position)
    assert np.all(np.isfinite(ours))
    # 1 − a and a + α lose what a has rounded away: that much is absolute.
    z0, z1 = points(row)
    absolute = 4e-15 * np.maximum(1.0, np.abs(z1) if name in LOSSES else 1.0)
    if name in ("huber", "half_squared_error", "mse"):
        absolute = 4e-15 * (1 + np.abs(z0) + np.abs(z1))
    worst = int(np.argmax(np.abs(ours - theirs)))
    assert close(ours, theirs, 2e-13 * np.abs(theirs) + absolute), (z0[worst], ours[worst], theirs[worst])


@pytest.mark.parametrize(("name", "position"), CASES)
def test_slope_agrees_with_central_differences(name, position):
    """A second way, which does not leave the real numbers."""
    row = RULES[name]
    ours, where = written(row, position), smooth(row, position)
    theirs, allowed = by_central_differences(row, position)
    assert where.sum() > 5
    wrong = np.abs(ours - theirs) > allowed
    assert not np.any(wrong & where), (points(row)[0][wrong & where], ours[wrong & where], theirs[wrong & where])


@pytest.mark.parametrize(("name", "position"), [case for case in CASES if RULES[case[0]].value is not None])
def test_slope_agrees_with_the_calculus_of_the_value(name, position):
    """The derivative as the field writes it is the one that the rules for sums and products give for the definition."""
    row = RULES[name]
    assert row.value is not None
    args = holes(row)
    z0, z1 = points(row)
    ours = written(row, position)
    change = differentiate(row.value(*args, parameter=row.parameter), args[position])
    theirs = np.broadcast_to(run(change, z0=z0, z1=z1), z0.shape)
    size = np.maximum(1.0, np.maximum(np.abs(z0), np.abs(z1)))
    wrong = ~(np.abs(ours - theirs) <= 1e-13 * np.abs(theirs) + 4e-15 * size)
    wrong &= np.isfinite(theirs)  # 1/p − 1/(1 − p) and its kin overflow where the table's own form does not
    assert not wrong.any(), (name, z0[wrong], ours[wrong], theirs[wrong])


@pytest.mark.parametrize(("name", "position"), [case for case in CASES if case[0] not in ("sign", "identity")])
def test_a_wrong_slope_would_be_caught(name, position, monkeypatch):
    """Turn the sign of a row's derivative, or change it by a millionth: the checks above fail."""
    row = RULES[name]
    right = written(row, position)
    theirs, allowed = by_central_differences(row, position)
    where = smooth(row, position)
    assert not close(-right[where], theirs[where], allowed[where])
    exact = by_complex_step(row, position)
    assert not close(right * (1 + 1e-6), exact, 2e-13 * np.abs(exact) + 4e-15)
    if position < len(row.slopes):
        turned = tuple((lambda *args, _slope=slope, **facts: negative(_slope(*args, **facts))) for slope in row.slopes)
        monkeypatch.setattr(calculus, "RULES", {**RULES, name: replace(row, slopes=turned)})
        with pytest.raises(AssertionError):
            test_slope_agrees_with_complex_step(name, position)


# Whole rows of outputs


@pytest.mark.parametrize("function", ["softmax", "logsumexp"])
def test_gathers_agree_with_complex_step(function):
    """Softmax's Jacobian and log-sum-exp's gradient, also where numbers are huge or equal."""
    dim = Dim("layer 1", 4)
    z = Symbol("z", (dim,), 1)
    i, m, j = Index("i", dim), Index("m", dim), Index("j", dim)
    gather = Gather(function, m, Ref(z, (m,)), i if function == "softmax" else None)
    slope = differentiate(gather, Ref(z, (j,)))
    for numbers in ([0.1, -0.4, 2.0, 0.0], [1000.0, 999.0, -1000.0, 998.5], [0.5, 0.5, 0.5, 0.5]):
        plan = Planner().plan(slope)
        axes = (i, j) if function == "softmax" else (j,)
        ours = np.asarray(plan.run({symbol_key(z): np.array(numbers)})).transpose([plan.axes.index(a) for a in axes])
        for column in range(4):
            step = np.array(numbers, dtype=complex)
            step[column] += 1j * H
            theirs = np.imag(Planner().plan(gather).run({symbol_key(z): step})) / H
            np.testing.assert_allclose(ours[..., column], theirs, rtol=1e-13, atol=1e-16)


def test_vector_losses_without_a_value_are_built_from_rows_that_are_tested():
    """Every loss is checked above, or is built from log-sum-exp and the cross-entropy row, which are."""
    unchecked = {row.name for row in LOSSES.values() if row.value is None}
    assert unchecked == {"softmax_cross_entropy", "softmax_cross_entropy_index", "cross_entropy_index"}


# Names


def test_every_name_and_alias_is_found_once():
    """No alias means two rows, and the canonical name of a row is itself."""
    for table in (ACTIVATIONS, LOSSES):
        words = [word for row in table.values() for word in (row.name, *row.aliases)]
        assert len(words) == len(set(words))
        for row in table.values():
            for word in (row.name, *row.aliases, row.name.upper(), row.name.replace("_", "-")):
                assert canonical(word, table) == row.name
    assert suggest("sofmax", ACTIVATIONS) == "softmax"


def test_every_row_names_its_source():
    """A formula without a source is nobody's."""
    assert all(row.source for row in (*ACTIVATIONS.values(), *LOSSES.values()))


# The numbers of the elementary functions


PRECISE = {
    "erf": (numeric.erf, mpmath.erf),
    "normal_cdf": (numeric.normal_cdf, mpmath.ncdf),
    "normal_pdf": (numeric.normal_pdf, mpmath.npdf),
    "logcosh": (numeric.logcosh, lambda x: mpmath.log(mpmath.cosh(x))),
    "softplus": (numeric.softplus, lambda x: mpmath.log1p(mpmath.exp(x))),
    "sigmoid": (numeric.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x))),
}


@pytest.mark.parametrize("name", PRECISE)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_functions_are_precise(name, kind):
    """Against 40 digits: real within a few ulp (in the tails of Φ and φ, those of x²), complex to 13 digits."""
    ours, theirs = PRECISE[name]
    if (name, kind) == ("erf", "complex"):
        return  # erf is for real numbers; Φ carries the complex step
    x = np.concatenate([np.linspace(-8, 8, 321), np.logspace(-12, 1.3, 60), -np.logspace(-12, 1.3, 60)])
    with np.errstate(all="ignore"):
        found = ours(x) if kind == "real" else ours(x + 1j * H).real
    with mpmath.workdps(40):
        right = [theirs(mpmath.mpf(float(at))) for at in x]
        error = [abs((value - mpmath.mpf(float(f))) / (value or 1)) for value, f in zip(right, found, strict=True)]
    error = np.array(error, dtype=float)
    allowed = 6e-16 + (3e-16 * x * x if "normal" in name else 0) + (5e-14 if kind == "complex" else 0)
    assert np.all(error <= allowed), (x[np.argmax(error - allowed)], error.max())


def test_functions_are_stable_at_both_ends():
    """±1000 and ±inf overflow to nothing but their limits, and no warning escapes."""
    ends = np.array([-math.inf, -1000.0, 1000.0, math.inf])
    with np.errstate(all="ignore"):
        assert numeric.softplus(ends).tolist() == [0.0, 0.0, 1000.0, math.inf]
        assert numeric.sigmoid(ends).tolist() == [0.0, 0.0, 1.0, 1.0]
        assert numeric.normal_cdf(ends[1:3]).tolist() == [0.0, 1.0]
        assert numeric.logcosh(ends[1:3]).tolist() == [1000 - math.log(2)] * 2
        assert np.log(np.array(0.0)) == -math.inf
    assert numeric.erf(np.array([-30.0, 30.0])).tolist() == [-1.0, 1.0]
    assert numeric.softmax(np.array([1e300, -1e300])).tolist() == [1.0, 0.0]
    assert numeric.logsumexp(np.array([[1000.0, 1000.0]])).tolist() == [1000 + math.log(2)]


def test_erf_agrees_with_the_standard_library():
    """The same function as `math.erf`, to 2 ulp."""
    x = np.linspace(-6, 6, 4001)
    np.testing.assert_allclose(numeric.erf(x), [math.erf(at) for at in x], rtol=4.5e-16, atol=0)
