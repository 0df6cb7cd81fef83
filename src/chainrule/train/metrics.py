"""How good a network is on some samples: the loss per sample, and RMSE, R² or accuracy in the data's own terms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.train.blocks import Part

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.train.scale import Scale
    from chainrule.train.targets import Targets


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured.

    Attributes:
        loss: per sample, on scaled targets: what training makes small.
        rmse: the root of the mean squared error, in the units of the data; None for classes.
        r2: the share of the variance that is explained, averaged over the target columns; None for classes.
        accuracy: the share of samples whose class is right; None for numbers.
    """

    loss: float
    rmse: float | None = None
    r2: float | None = None
    accuracy: float | None = None


def per_sample(net: Network, loss: float, samples: int) -> float:
    """Return a loss that was gathered over samples as that of one."""
    return loss / samples if net.loss.samples == "sum" else loss


@dataclass(frozen=True)
class Tally:
    """What is counted over samples, a part at a time; tallies of parts can be added.

    Attributes:
        count: the samples.
        loss: the sum of their losses.
        right: how many have the right class.
        error, total, square: for each target column the sums of squared errors, of targets and of their squares.
    """

    count: int
    loss: float
    right: int
    error: NDArray[np.float64]
    total: NDArray[np.float64]
    square: NDArray[np.float64]

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.count + other.count, self.loss + other.loss, self.right + other.right, self.error + other.error,
            self.total + other.total, self.square + other.square,
        )  # fmt: skip

    def metrics(self, targets: Targets, y_scale: Scale) -> Metrics:
        """Return what it comes to."""
        count = max(1, self.count)
        loss = self.loss / count
        if targets.classes or targets.kind in ("index", "onehot", "shares"):
            return Metrics(loss, accuracy=self.right / count)
        deviation = y_scale.deviation if targets.scaled else np.ones(targets.columns)
        spread = self.square - self.total**2 / count
        with np.errstate(all="ignore"):
            rmse = float(np.sqrt(np.mean(self.error * deviation**2) / count))
            r2 = float(np.mean(1 - self.error / spread)) if self.count > 1 and (spread > 0).all() else math.nan
        return Metrics(loss, rmse=rmse, r2=None if math.isnan(r2) else r2)


def measure(
    net: Network,
    part: Part,
    *,
    value: Callable[[NDArray[Any], NDArray[Any]], float],
    predict: Callable[[NDArray[Any]], NDArray[Any]],
) -> Metrics:
    """Return what a network does on a part of the samples.

    Args:
        net: the network.
        part: the samples.
        value: (X, Y) → the loss as the network gathers it.
        predict: X → the outputs.
    """
    return tally(net, part, value=value, predict=predict).metrics(part.samples.targets, part.y_scale)


def tally(
    net: Network,
    part: Part,
    *,
    value: Callable[[NDArray[Any], NDArray[Any]], float],
    predict: Callable[[NDArray[Any]], NDArray[Any]],
) -> Tally:
    """Return what a network does on a part of the samples, as sums; the arguments are those of `measure`."""
    targets = part.samples.targets
    count, loss, right = 0, 0.0, 0
    wide = targets.columns
    error, total, square = np.zeros(wide), np.zeros(wide), np.zeros(wide)
    for x, y in part.blocks():
        rows = len(x)
        if not rows:
            continue
        loss += value(x, y) * (1.0 if net.loss.samples == "sum" else rows)
        outputs = np.asarray(predict(x), dtype=np.float64).reshape(rows, -1)
        if targets.kind == "index":
            right += int((outputs.argmax(axis=1) == y - 1).sum())
        elif targets.kind in ("onehot", "shares"):
            right += int((outputs.argmax(axis=1) == y.argmax(axis=1)).sum())
        elif targets.classes:
            right += int((targets.codes_of(outputs) == (y[:, 0] > 0.5)).sum())
        else:
            found = targets.probabilities(outputs) if targets.kind == "probability" else outputs
            true = np.asarray(y, dtype=np.float64)
            error += ((found - true) ** 2).sum(axis=0)
            total += true.sum(axis=0)
            square += (true**2).sum(axis=0)
        count += rows
    return Tally(count, loss, right, error, total, square)
