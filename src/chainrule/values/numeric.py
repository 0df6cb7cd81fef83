"""The elementary functions on NumPy arrays: stable over the whole range of float64, for real and for complex numbers.

Only the rows of `chainrule.rules` without a `value` need a function here; all others are made of these. Real arrays
give the numbers of a page, complex ones carry a complex step (`chainrule.values.verify`): there, comparisons look at
the real part, and everything else is the analytic function. No derivative stands in this module.

Overflow to inf and 0/0 follow IEEE 754; whoever calls silences NumPy's warnings (`np.errstate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""An array of float64 or complex128, or a NumPy scalar of these."""


NOTHING = 1e-45
"""A real part smaller than this is the square of a complex step."""


def sigmoid(z: Array) -> Array:
    """Return 1/(1 + e^(−z)).

    For real z the plain formula is right at both ends: e^(−z) overflows to inf only where the result is as good as 0.

    Example:
        >>> with np.errstate(all="ignore"):
        ...     sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    if np.iscomplexobj(z):
        small = np.exp(-_away_from_zero(z))
        return np.where(z.real >= 0, 1.0, small) / (1.0 + small)
    out = np.exp(-z)
    out += 1.0
    return np.divide(1.0, out, out=out if isinstance(out, np.ndarray) else None)


def softplus(z: Array) -> Array:
    """Return log(1 + e^z), as max(z, 0) + log1p(e^(−|z|)).

    Example:
        >>> softplus(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.6931471805599453, 1000.0]
    """
    # The same side of 0 in both terms: each alone has a kink there, which only their sum has not.
    positive = np.where(z.real >= 0, z, 0.0) if np.iscomplexobj(z) else np.maximum(z, 0.0)
    return np.asarray(_log1p(np.exp(-_away_from_zero(z))) + positive)


def logcosh(x: Array) -> Array:
    """Return log cosh x, as |x| + log1p(e^(−2|x|)) − log 2; by half of sinh² where that would cancel.

    Example:
        >>> logcosh(np.array([-1000.0, 0.0])).tolist()
        [999.3068528194401, 0.0]
    """
    # cosh x = 1 + 2 sinh²(x/2), exact for small x, where the other form would lose all digits.
    near = np.abs(x.real) < 1.0
    half = np.sinh(np.where(near, x, 0.0) / 2)
    far = _away_from_zero(x)
    return np.asarray(np.where(near, _log1p(2 * half * half), far + _log1p(np.exp(-2 * far)) - math.log(2)))


def maximum(a: Array, b: Array) -> Array:
    """Return the larger one; of two equal ones, a."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(compared(a) >= compared(b), a, b)
    return np.maximum(a, b)


def minimum(a: Array, b: Array) -> Array:
    """Return the smaller one; of two equal ones, b."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(compared(a) < compared(b), a, b)
    return np.minimum(a, b)


def absolute(x: Array) -> Array:
    """Return |x|; for a complex x, x or −x by its real part, and 0 where that is 0."""
    return x * np.sign(compared(x)) if np.iscomplexobj(x) else np.abs(x)


def sign(x: Array) -> Array:
    """Return −1, 0 or 1."""
    return np.asarray(np.sign(compared(x)))


def compared(x: Array) -> Array:
    """Return what a comparison looks at: the real part.

    A complex step h leaves some h² there. That must not turn an exact 0, which may be a kink, into a number beside it.
    """
    if not np.iscomplexobj(x):
        return x
    return np.where(np.abs(x.real) < NOTHING, 0.0, x.real)


def normal_pdf(x: Array) -> Array:
    """Return the density of the standard normal distribution, e^(−x²/2)/√(2π)."""
    return np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))


def normal_cdf(x: Array) -> Array:
    """Return the standard normal distribution function Φ(x) = erfc(−x/√2)/2, accurate in the lower tail too."""
    below = np.asarray(-x * math.sqrt(0.5))
    return 0.5 * (_erfc_complex(below) if np.iscomplexobj(below) else _erfc_real(below))


def erf(x: Array) -> Array:
    """Return the error function of real x, to about an ulp or two.

    Example:
        >>> math.isclose(float(erf(np.array(0.5))), math.erf(0.5), rel_tol=1e-15)
        True
    """
    x = np.asarray(x, dtype=np.float64)
    return np.where(np.abs(x) <= _NEAR, _erf_near(x), np.sign(x) * (1.0 - _erfc_real(np.abs(x))))


# Rational Chebyshev approximations of erf and erfc: W. J. Cody 1969, Rational Chebyshev approximations for the error
# function, Mathematics of Computation 23, 631 to 637; the coefficients are those of his CALERF (netlib, specfun).

_NEAR, _MIDDLE = 0.46875, 4.0

ERF_ABOVE = (
    1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3,
)  # fmt: skip
ERF_BELOW = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
ERFC_ABOVE = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
)  # fmt: skip
ERFC_BELOW = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
TAIL_ABOVE = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
TAIL_BELOW = (
    1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3,
)  # fmt: skip


def _erf_near(x: Array) -> Array:
    square = np.minimum(x * x, _NEAR * _NEAR)
    return x * _ratio(ERF_ABOVE, ERF_BELOW, square)


def _erfc_real(x: Array) -> Array:
    """Return erfc of a real array: one approximation to |x| = 0.46875, one to 4, one beyond."""
    size = np.abs(x)
    middle = np.clip(size, _NEAR, _MIDDLE)
    # Beyond 27 the result is below the smallest float64; there the argument is only kept from overflowing.
    far = np.clip(size, _MIDDLE, 1e3)
    over = 1.0 / (far * far)
    tail = (1 / math.sqrt(math.pi) - over * _ratio(TAIL_ABOVE, TAIL_BELOW, over)) / far
    upper = _exp_minus_square(size) * np.where(size <= _MIDDLE, _ratio(ERFC_ABOVE, ERFC_BELOW, middle), tail)
    return np.where(size <= _NEAR, 1.0 - _erf_near(x), np.where(x < 0, 2.0 - upper, upper))


def _exp_minus_square(x: Array) -> Array:
    """Return e^(−x²) for x ≥ 0, x² split (as Cody does) so that its rounding does not reach the exponent."""
    x = np.minimum(x, 1e3)
    coarse = np.floor(x * 16) / 16
    return np.asarray(np.exp(-coarse * coarse) * np.exp(-(x - coarse) * (x + coarse)))


def _ratio(above: tuple[float, ...], below: tuple[float, ...], x: Array) -> Array:
    return _polynomial(above, x) / _polynomial(below, x)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Return a polynomial's value by Horner's scheme, the highest power first."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value


_SERIES_TO = 1.5
_SERIES_TERMS = 40
_FRACTION_TERMS = 100


def _erfc_complex(z: Array) -> Array:
    """Return erfc near the real axis, by another way than for real numbers, since it serves to check those.

    To |Re z| = 1.5 by the series erf z = 2/√π e^(−z²) Σ 2ⁿ z^(2n+1)/(1·3·…·(2n+1)), beyond by the continued fraction
    √π e^(z²) erfc z = 1/(z + (1/2)/(z + 1/(z + (3/2)/(z + …)))) (Abramowitz, Stegun 1964, 7.1.6 and 7.1.14).
    """
    z = np.asarray(z, dtype=np.complex128)
    near = np.abs(z.real) <= _SERIES_TO
    z_near = np.where(near, z, 0.0)
    term = z_near.copy()
    series = z_near.copy()
    for n in range(1, _SERIES_TERMS):
        term *= 2 * z_near * z_near / (2 * n + 1)
        series += term
    # Beyond |Re z| = 40, erfc is 0 or 2 to the last digit; a larger argument would only overflow.
    z_far = np.where(near, _SERIES_TO, _away_from_zero(z))
    z_far = np.where(z_far.real > 40, 40.0, z_far)
    fraction = z_far.copy()
    for n in range(_FRACTION_TERMS, 0, -1):
        fraction = z_far + (n / 2) / fraction
    upper = np.exp(-z_far * z_far) / (math.sqrt(math.pi) * fraction)
    by_series = 1.0 - 2 / math.sqrt(math.pi) * np.exp(-z_near * z_near) * series
    return np.asarray(np.where(near, by_series, np.where(z.real < 0, 2.0 - upper, upper)))


def _away_from_zero(z: Array) -> Array:
    """Return z or −z, whichever has the real part that is not negative."""
    return np.where(z.real >= 0, z, -z) if np.iscomplexobj(z) else np.abs(z)


def _log1p(w: Array) -> Array:
    """Return log(1 + w); for a complex w with a real part that keeps all digits of a small w."""
    if not np.iscomplexobj(w):
        return np.log1p(w)
    x, y = w.real, w.imag
    return np.asarray(0.5 * np.log1p(x * (2 + x) + y * y) + 1j * np.arctan2(y, 1 + x))


def softmax(z: Array) -> Array:
    """Return e^z over its sum, along the last axis.

    Example:
        >>> softmax(np.array([1000.0, 1000.0])).tolist()
        [0.5, 0.5]
    """
    out = np.exp(z - z.real.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return np.asarray(out)


def logsumexp(z: Array) -> Array:
    """Return log Σ e^z along the last axis, which it takes away."""
    top = z.real.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0])


def weighted_log(weight: Array, x: Array) -> Array:
    """Return weight · log x, and 0 where the weight is 0 whatever x is, as 0 log 0 is read in a cross-entropy."""
    return np.where(weight == 0, 0.0, weight * np.log(x))


PRIMITIVES: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "tanh": np.tanh,
    "abs": absolute,
    "sign": sign,
    "max": maximum,
    "min": minimum,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "logcosh": logcosh,
    "normal_cdf": normal_cdf,
    "normal_pdf": normal_pdf,
})  # fmt: skip
"""The functions of the rows without a value, by the row's name."""

GATHERS: Mapping[str, Callable[[Array], Array]] = MappingProxyType({"softmax": softmax, "logsumexp": logsumexp})
"""The functions of a whole vector, which is the last axis."""
