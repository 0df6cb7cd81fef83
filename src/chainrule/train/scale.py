"""Standardisation: each column to mean 0 and deviation 1, by the training samples alone; kept with the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scale:
    """A mean and a deviation for each column: scaled = (value − mean) / deviation.

    Example:
        >>> scale = Scale.of([np.array([[1.0, 5.0], [3.0, 5.0]])], 2)
        >>> scale.mean.tolist(), scale.deviation.tolist()
        ([2.0, 5.0], [1.0, 1.0])
        >>> scale.apply(np.array([[3.0, 6.0]])).tolist(), scale.undo(np.array([[1.0, 1.0]])).tolist()
        ([[1.0, 1.0]], [[3.0, 6.0]])
    """

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, blocks: Iterable[Array], columns: int) -> Scale:
        """Return the scale of rows that come in blocks, in one pass (Chan, Golub, LeVeque 1983).

        A column that never changes keeps its spread: its deviation is taken as 1.
        """
        count, mean, square = 0, np.zeros(columns), np.zeros(columns)
        for block in blocks:
            rows = len(block)
            if not rows:
                continue
            own = block.mean(axis=0)
            apart = own - mean
            square += ((block - own) ** 2).sum(axis=0) + apart**2 * (count * rows / (count + rows))
            mean += apart * (rows / (count + rows))
            count += rows
        deviation = np.sqrt(square / max(1, count))
        # A column of equal numbers has a deviation of rounding errors only.
        flat = ~(deviation > 1e-12 * np.maximum(1e-300, np.abs(mean)))
        return cls(mean, np.where(flat, 1.0, deviation))

    @classmethod
    def none(cls, columns: int) -> Scale:
        """Return the scale that changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    def apply(self, values: Array) -> Array:
        """Return values scaled."""
        return np.asarray((values - self.mean) / self.deviation)

    def undo(self, values: Array) -> Array:
        """Return scaled values as they were."""
        return np.asarray(values * self.deviation + self.mean)
