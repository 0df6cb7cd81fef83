"""Standardisation: each column to mean 0 and deviation 1, by the training samples alone; kept with the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """How many rows there are, the mean of each column, and the sum of its squared distances from that."""

    count: int
    mean: Array
    square: Array

    @classmethod
    def of(cls, rows: Array) -> Moments:
        """Return the moments of some rows."""
        if not len(rows):
            return cls(0, np.zeros(rows.shape[1]), np.zeros(rows.shape[1]))
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))


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
        """Return the scale of rows that come in blocks, in one pass.

        A column that never changes keeps its spread: its deviation is taken as 1.
        """
        return cls.joined((Moments.of(block) for block in blocks if len(block)), columns)

    @classmethod
    def joined(cls, parts: Iterable[Moments], columns: int) -> Scale:
        """Return the scale of rows of which the moments of each part are known (Chan, Golub, LeVeque 1983)."""
        count, mean, square = 0, np.zeros(columns), np.zeros(columns)
        for part in parts:
            if not part.count:
                continue
            apart = part.mean - mean
            square += part.square + apart**2 * (count * part.count / (count + part.count))
            mean += apart * (part.count / (count + part.count))
            count += part.count
        deviation = np.sqrt(square / max(1, count))
        # A column of equal numbers has a deviation of rounding errors only.
        flat = ~(deviation > 1e-12 * np.maximum(1e-300, np.abs(mean)))
        return cls(mean, np.where(flat, 1.0, deviation))

    @classmethod
    def none(cls, columns: int) -> Scale:
        """Return the scale that changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return bool(self.mean.any() or (self.deviation != 1).any())

    def apply(self, values: Array) -> Array:
        """Return values scaled."""
        return np.asarray((values - self.mean) / self.deviation)

    def undo(self, values: Array) -> Array:
        """Return scaled values as they were."""
        return np.asarray(values * self.deviation + self.mean)
