"""L-BFGS through SciPy, in rounds: between two of them a training can be stopped, and goes on with the same bits.

SciPy keeps what it learned of the curvature to itself. So each round starts without it, which costs a few iterations,
and what a round does follows from the parameters alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.train.sources import need

if TYPE_CHECKING:
    from chainrule.train.blocks import Part
    from chainrule.train.engine import Engine

ROUND = 20
"""Iterations in one round, which counts as an epoch."""


def minimise(engine: Engine, params: NDArray[Any], part: Part, *, decay: float) -> tuple[float, bool]:
    """Do one round over all samples; return the sum of the samples' losses after it, and whether it is at its end.

    The parameters are changed in place. The objective is the mean loss of a sample and λ/2 ‖w‖².

    Raises:
        OutputError: where SciPy is not installed.
    """
    optimize = need("scipy.optimize", "train")
    count = len(part)
    means = engine.net.loss.samples == "mean"

    def objective(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        own = w.astype(params.dtype)
        total, slope = 0.0, np.zeros(len(w))
        for x, y in part.blocks():
            value, gradient = engine.value_and_grad(own, x, y)
            weight = len(x) if means else 1
            total += value * weight
            slope += np.asarray(gradient, dtype=np.float64) * weight
        return total / count + decay / 2 * float(w @ w), slope / count + decay * w

    found = optimize.minimize(
        objective, params.astype(np.float64), jac=True, method="L-BFGS-B",
        options={"maxiter": ROUND, "maxcor": 10, "ftol": 1e-12, "gtol": 1e-9},
    )  # fmt: skip
    before = params.copy()
    params[:] = found.x
    total = (float(found.fun) - decay / 2 * float(found.x @ found.x)) * count
    return total, bool(found.success and found.nit < ROUND) or bool((before == params).all())
