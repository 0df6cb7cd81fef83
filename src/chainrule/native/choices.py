"""Which of several ways to compute a network is taken, by its size: numbers that `benchmarks/run.py --tune` measures.

The three ways to multiply matrices on offer are code without loops (`unrolled`), blocks of registers over tiles of
samples that stay in the first cache, and the same over larger tiles, so that large weights are read less often. The
blocks are measured beside OpenBLAS as NumPy ships it (the last table of `--tune`), one thread each: they are ahead of
it, or less than a tenth behind, up to layers of 512 units, and steps of larger networks take as long as NumPy's, so no
BLAS is called.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choices:
    """The limits between the ways.

    Attributes:
        unrolled_products: a network of no more weights (each counted where it is used, forward) has no loops.
        products_together: a network without loops computes up to 8 tiles at a time, an ensemble up to 4 samples, as
            long as they have no more weights together: the processor works on one while another waits.
        ensemble_products: networks of no more weights are trained side by side as the lanes of a vector.
        wide: a network with a layer of so many units takes large tiles.
        vectors: how many vectors of samples are a tile; of a machine with few registers, 2.
        wide_vectors: how many are a large tile, for one thread; for several, half of that, so that all have some.
        huge: a network with a layer of so many units takes tiles twice as large: no cache holds its weights.
        inner: how many terms of a product are summed at a time, float32; half of that, float64, and half again where
            operands are copied first.
        far_apart: numbers, or rows of them, that stand so far apart are copied side by side before they are multiplied.
        parallel_products: threads share a batch only if it multiplies a weight so many times, forward.
    """

    unrolled_products: int = 64
    products_together: int = 128
    ensemble_products: int = 320
    wide: int = 128
    vectors: int = 3
    wide_vectors: int = 8
    huge: int = 1024
    inner: int = 256
    far_apart: int = 512
    parallel_products: int = 60_000


CHOICES = Choices()
