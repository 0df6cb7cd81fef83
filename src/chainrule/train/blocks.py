"""Samples in order: which are for training and which for validation, and in what blocks they are gone through.

The split and the order follow from the seed and the row numbers alone. In every thousand rows the same share is kept
aside, so that a file larger than the memory is split as one in memory is. A block is what training holds at once: all
of the samples where these fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.train.samples import Samples
from chainrule.train.scale import Scale

STRATUM = 1000
"""Of so many rows in succession the same share is kept aside."""

BLOCK_BYTES = 1 << 28
"""How large a block of scaled samples may be."""

_SPLIT, _ORDER = 11, 12
"""What a stream of random numbers is for: streams never meet."""


def kept_aside(rows: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return for each row whether it is kept aside for validation.

    Example:
        >>> aside = kept_aside(2500, 0.2, seed=0)
        >>> int(aside.sum()), int(aside[:1000].sum()), int(kept_aside(5, 0.2, seed=0).sum())
        (500, 200, 1)
    """
    aside = np.zeros(rows, dtype=bool)
    for stratum, start in enumerate(range(0, rows, STRATUM)):
        stop = min(rows, start + STRATUM)
        count = int(share * stop + 0.5) - int(share * start + 0.5)
        if stop == rows and start == 0:
            count = min(count, rows - 1)
        chosen = np.random.default_rng([seed, _SPLIT, stratum]).permutation(stop - start)[:count]
        aside[start + chosen] = True
    return aside


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the samples, scaled and encoded for the kernel, block by block.

    Attributes:
        samples: all samples.
        rows: which of them are in this part, in order.
        x_scale, y_scale: how they are scaled.
        dtype: of what the kernel reads.
    """

    samples: Samples
    rows: NDArray[np.intp]
    x_scale: Scale
    y_scale: Scale
    dtype: str
    block_bytes: int = BLOCK_BYTES

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def starts(self) -> range:
        """Where the blocks start."""
        width = self.samples.x.shape[1] + max(1, self.samples.targets.outputs)
        size = max(1, self.block_bytes // (8 * width))
        return range(0, len(self.rows), size if size < len(self.rows) else max(1, len(self.rows)))

    @property
    def block_count(self) -> int:
        """The number of blocks."""
        return len(self.starts)

    def block(self, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the inputs and the targets of a block."""
        if self.block_count == 1:
            return self._whole
        return self._made(number)

    @cached_property
    def _whole(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return self._made(0)

    def _made(self, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        start = self.starts[number]
        rows = self.rows[start : start + self.starts.step]
        targets = self.samples.targets
        x = self.x_scale.apply(np.asarray(self.samples.x[rows]))
        y = np.asarray(self.samples.y[rows])
        y = self.y_scale.apply(y) if targets.scaled else targets.encode(y)
        return np.ascontiguousarray(x, dtype=self.dtype), np.ascontiguousarray(y, dtype=self.dtype)

    def blocks(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield the blocks in order."""
        return (self.block(number) for number in range(self.block_count))

    def order(self, epoch: int, seed: int) -> NDArray[np.intp]:
        """Return the order in which an epoch goes through the blocks."""
        return np.random.default_rng([seed, _ORDER, epoch]).permutation(self.block_count)


@dataclass(frozen=True, eq=False)
class Split:
    """The samples to train with, and those kept aside."""

    training: Part
    validation: Part


def split(
    samples: Samples, *, share: float, seed: int, standardise: bool, dtype: str, block_bytes: int = BLOCK_BYTES,
    scales: tuple[Scale, Scale] | None = None,
) -> Split:  # fmt: skip
    """Return the samples split and scaled; the scale is that of the training samples, unless it is given."""
    aside = kept_aside(len(samples), share, seed)
    train, validate = np.flatnonzero(~aside), np.flatnonzero(aside)
    if scales is None:
        scales = (
            _scale(samples.x, train, wanted=standardise),
            _scale(samples.y, train, wanted=standardise and samples.targets.scaled),
        )
    return Split(*(Part(samples, rows, *scales, dtype, block_bytes) for rows in (train, validate)))


def _scale(table: NDArray[np.float64], rows: NDArray[np.intp], *, wanted: bool) -> Scale:
    columns = table.shape[1]
    if not wanted:
        return Scale.none(columns)
    step = max(1, BLOCK_BYTES // (8 * max(1, columns)))
    return Scale.of((np.asarray(table[rows[at : at + step]]) for at in range(0, len(rows), step)), columns)
