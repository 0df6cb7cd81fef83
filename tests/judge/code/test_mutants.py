"""Exported code with one line broken at random: never called right, nearly always named."""

import collections
import random

import pytest

from judge.code.mutants import NETWORKS, Trial, mutants

JUDGED = 20


@pytest.mark.parametrize("net", NETWORKS)
def test_mutants_are_named(tmp_path, net):
    """Of a sample of all mutants: none is called right, at least four of five are named as what was done to them."""
    trial = Trial(net, tmp_path)
    every = list(mutants(trial.net, random.Random(5)))
    counts = collections.Counter(trial.outcome(mutant) for mutant in random.Random(7).sample(every, JUDGED))
    assert not counts["false right"] and not counts["false wrong"], counts
    wrong = counts["named"] + counts["elsewhere"] + counts["unknown"]
    assert wrong >= JUDGED // 2
    assert counts["named"] >= 0.8 * wrong, counts
