"""The order of the rows in an epoch: the same in C (driver.c) and here.

An order is a bijection of 0 … n−1 made of a seed and the number of the epoch alone. It needs no memory, any place of it
can be reached at once, and nothing but the place in the epoch has to be kept to go on where training stopped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64 - 1


def random_bits(seed: int, at: int) -> int:
    """Return 64 random bits: the number at any place of the stream of a seed (SplitMix64: Steele, Lea, Flood 2014).

    Example:
        >>> hex(random_bits(0, 0))
        '0xe220a8397b1dcdaf'
    """
    z = (seed + (at + 1) * _GOLDEN) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


def order(n: int, *, seed: int, epoch: int, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
    """Return which rows of n stand at the places start … stop−1 of an epoch's order.

    Example:
        >>> sorted(order(5, seed=1, epoch=0).tolist())
        [0, 1, 2, 3, 4]
    """
    bits = 1
    while (1 << bits) < n:
        bits += 1
    mask, shift = np.uint64((1 << bits) - 1), np.uint64((bits + 1) // 2)
    keys = [np.uint64(random_bits(seed, epoch * 8 + k) >> 2) for k in range(8)]
    found = np.arange(start, n if stop is None else stop, dtype=np.uint64)
    waiting = np.arange(len(found))
    with np.errstate(over="ignore"):
        while len(waiting):
            k = found[waiting]
            for turn in range(4):
                k = (k + keys[2 * turn]) & mask
                k = (k * (keys[2 * turn + 1] | np.uint64(1))) & mask
                k ^= k >> shift
            found[waiting] = k
            waiting = waiting[k >= n]
    return found.astype(np.int64)
