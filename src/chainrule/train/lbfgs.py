"""L-BFGS through SciPy, in rounds: between two of them a training can be stopped, and goes on with the same bits.

SciPy keeps what it learned of the curvature to itself. So each round starts without it, which costs a few iterations,
and what a round does follows from the parameters alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.train.sources import need

if TYPE_CHECKING:
    from chainrule.train.blocks import Part
    from chainrule.train.engine import Engine

ROUND = 20
"""Iterations in one round, which counts as an epoch."""


Total = Callable[[NDArray[Any]], tuple[float, NDArray[np.float64]]]
"""Parameters → the sum of the samples' losses, and its gradient."""


def total_of(engine: Engine, part: Part) -> Total:
    """Return the sum of the losses of a part's samples as a function of the parameters."""
    means = engine.net.loss.samples == "mean"

    def total(params: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        found, slope = 0.0, np.zeros(len(params))
        for x, y in part.blocks():
            value, gradient = engine.value_and_grad(params, x, y)
            weight = len(x) if means else 1
            found += value * weight
            slope += np.asarray(gradient, dtype=np.float64) * weight
        return found, slope

    return total


def minimise(total: Total, params: NDArray[Any], count: int, *, decay: float) -> tuple[float, bool]:
    """Do one round over all samples; return the sum of the samples' losses after it, and whether it is at its end.

    The parameters are changed in place. The objective is the mean loss of a sample and λ/2 ‖w‖².

    Args:
        total: the sum of the losses of all samples.
        params: the parameters.
        count: how many samples there are.
        decay: λ.

    Raises:
        OutputError: where SciPy is not installed.
    """
    optimize = need("scipy.optimize", "train")

    def objective(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found, slope = total(w.astype(params.dtype))
        return found / count + decay / 2 * float(w @ w), slope / count + decay * w

    found = optimize.minimize(
        objective, params.astype(np.float64), jac=True, method="L-BFGS-B",
        options={"maxiter": ROUND, "maxcor": 10, "ftol": 1e-12, "gtol": 1e-9},
    )  # fmt: skip
    before = params.copy()
    params[:] = found.x
    losses = (float(found.fun) - decay / 2 * float(found.x @ found.x)) * count
    return losses, bool(found.success and found.nit < ROUND) or bool((before == params).all())
