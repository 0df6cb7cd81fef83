"""The split, the scale and the order: functions of the seed and the row numbers alone."""

import numpy as np
import pytest

from chainrule import Network
from chainrule.train.blocks import kept_aside, split
from chainrule.train.samples import read_samples
from chainrule.train.scale import Scale

NET = Network.read("3-2-1")


def samples(count):
    random = np.random.default_rng(1)
    return read_samples(NET, (random.normal(3, 5, (count, 3)), random.normal(-2, 0.1, count)))


@pytest.mark.parametrize("rows", [2, 3, 10, 999, 1000, 1001, 5432])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5])
def test_the_share_is_kept_aside(rows, share):
    """As many rows as the share says, and never all of them."""
    aside = kept_aside(rows, share, seed=3)
    assert abs(aside.sum() - share * rows) <= 0.5 + 1e-9
    assert aside.sum() < rows
    assert np.array_equal(aside, kept_aside(rows, share, seed=3))


def test_a_longer_file_keeps_the_split_of_a_shorter_one():
    """Whole thousands do not depend on what follows."""
    assert np.array_equal(kept_aside(9000, 0.2, seed=5)[:3000], kept_aside(3000, 0.2, seed=5))
    assert not np.array_equal(kept_aside(3000, 0.2, seed=5), kept_aside(3000, 0.2, seed=6))


def test_the_scale_is_of_the_training_samples():
    """Training samples come out with mean 0 and deviation 1; those kept aside do not leak into that."""
    parts = split(samples(500), share=0.2, seed=0, standardise=True, dtype="float64")
    x, y = parts.training.block(0)
    assert len(parts.training) == 400 and len(parts.validation) == 100
    assert np.allclose(x.mean(axis=0), 0, atol=1e-12) and np.allclose(x.std(axis=0), 1)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-12) and np.allclose(y.std(axis=0), 1)
    validation, _ = parts.validation.block(0)
    assert not np.allclose(validation.mean(axis=0), 0, atol=1e-6)


def test_blocks_hold_every_sample_once():
    """However small the blocks are."""
    whole = split(samples(500), share=0.2, seed=0, standardise=True, dtype="float32")
    parts = split(samples(500), share=0.2, seed=0, standardise=True, dtype="float32", block_bytes=1000)
    assert parts.training.block_count > 5
    assert sorted(parts.training.order(3, seed=1)) == list(range(parts.training.block_count))
    assert not np.array_equal(parts.training.order(3, seed=1), parts.training.order(4, seed=1))
    for part, one in ((parts.training, whole.training), (parts.validation, whole.validation)):
        assert np.array_equal(np.concatenate([x for x, _ in part.blocks()]), one.block(0)[0])
        assert np.array_equal(np.concatenate([y for _, y in part.blocks()]), one.block(0)[1])


def test_one_pass_gives_the_same_scale():
    """In blocks of any sizes, and far from 0."""
    table = np.random.default_rng(2).normal(1e6, 1e-2, (1000, 2))
    scale = Scale.of([table[:1], table[1:400], table[400:400], table[400:]], 2)
    assert np.allclose(scale.mean, table.mean(axis=0), rtol=1e-15)
    assert np.allclose(scale.deviation, table.std(axis=0), rtol=1e-6)
    assert np.allclose(scale.undo(scale.apply(table)), table)
    assert Scale.of([np.full((3, 1), 0.1)], 1).deviation.tolist() == [1.0]
