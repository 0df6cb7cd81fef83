"""When two gradients are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TOLERANCE = 1e-6
"""How far a gradient may be from the derivation's, relative to the largest entry of either."""
IMPRECISE = 1e-3
"""Gradients that no slip explains and that are no further off than this are imprecise."""


def close(one: Array, other: Array, tolerance: float = TOLERANCE) -> bool:
    """Return whether two arrays are equal up to a tolerance, relative to their largest entry."""
    return difference(one, other) <= tolerance


def difference(one: Array, other: Array) -> float:
    """Return the largest difference of two arrays, relative to the largest entry of either; inf where not a number.

    Example:
        >>> difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
        0.2
    """
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    size = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return 0.0 if size < 1e-13 else float(np.abs(one - other).max(initial=0)) / size
