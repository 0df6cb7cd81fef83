"""Repairs of what has lost a term: half of a difference, a bias, the path through another unit."""

from __future__ import annotations

import pytest

from chainrule.judge.api import check_formula

LOGITS = "2-3-2 --loss softmax_cross_entropy"

LOST = [
    ("2-3-1", "∂loss/∂pred = −true", "∂loss/∂pred = pred − true"),
    ("2-3-1 --loss mse", "∂loss/∂pred = 2 · (−true)", "∂loss/∂pred = 2 · (pred − true)"),
    ("2-3-1 --loss mse", "∂loss/∂pred = 2 · pred", "∂loss/∂pred = 2 · (pred − true)"),
    ("2-3-2 --loss mse --reduction sum", "∂L/∂w_11^2 = 2 · ŷ_1 · a_1^1", "∂L/∂w_11^2 = 2 · (ŷ_1 − y_1) · a_1^1"),
    ("2-3-2 --loss mae --reduction sum", "∂L/∂ŷ_2 = sign(−y_2)", "∂L/∂ŷ_2 = sign(ŷ_2 − y_2)"),
    ("2-3-2 --loss log_cosh --reduction sum", "∂L/∂ŷ_2 = tanh(ŷ_2)", "∂L/∂ŷ_2 = tanh(ŷ_2 − y_2)"),
    (LOGITS, "∂L/∂ŷ_2 = −y_2", "∂L/∂ŷ_2 = softmax(ŷ)_2 − y_2"),
    (LOGITS, "∂L/∂w_21^2 = −y_2 · a_1^1", None),
    ("2-3-1 --loss bce_with_logits", "∂L/∂ŷ = −y", "∂L/∂ŷ = σ(ŷ) − y"),
    ("2-3-2 --loss mae --reduction sum", "∂L/∂ŷ_i = sign(−y_i)", "∂L/∂ŷ_i = sign(ŷ_i − y_i)"),
    ("2-3-2", "∂L/∂a_i^1 = ∂L/∂z_2^2 · w_{2,i}^2", None),
    ("2-3-2", "∂L/∂Ŷ = 1/N · (−Y)", None),
    ("2-3-2 --bias", "Z^2 = b^2", None),
    ("2-3-2 --bias", "Z^2 = A^1 · W^2", "Z^2 = A^1 · W^2 + b^2"),
    ("2-3:sigmoid-2", "∂L/∂Z^1 = ∂L/∂A^1 ⊙ A^1 ⊙ (−A^1)", "∂L/∂Z^1 = ∂L/∂A^1 ⊙ A^1 ⊙ (1 − A^1)"),
    ("2-3-1 --loss binary_cross_entropy", "∂L/∂ŷ = ŷ/(ŷ(1 − ŷ))", "∂L/∂ŷ = (ŷ − y)/(ŷ(1 − ŷ))"),
]


@pytest.mark.parametrize(("net", "wrong", "right"), LOST)
def test_what_was_lost_is_written_again(net, wrong, right):
    """The repair is right, and is the one expected where there is only one that anybody would write."""
    line = check_formula(wrong, net, markup="text")[-1]
    assert str(line.verdict) == "wrong"
    after = line.links[-1].repair.after
    if right is not None:
        assert after == right
    assert str(check_formula(after, net, markup="text")[-1].verdict) == "right"
    assert line.links[-1].mistake == "forgotten_path"


def test_a_repair_keeps_to_the_letters_of_its_line():
    """Where y is the output beside t, neither ŷ nor pred is written for it: that would make y the target."""
    check_formula("∂loss/∂pred_1 = pred_1 − true_1", "4-3", markup="text")  # what another author wrote
    [line] = check_formula("∂E/∂y_2 = t_2 − t_2", "4-3", markup="text")
    after = line.links[0].repair.after
    assert after == "∂E/∂y_2 = y_2 − t_2"
    [again] = check_formula(after, "4-3", markup="text")
    assert str(again.verdict) == "right"


def test_a_repair_does_not_depend_on_what_was_judged_before():
    """Two authors are read alike, and each is answered in letters of their own."""
    for before in ("∂L/∂ŷ = ŷ − y", "∂L/∂y = y − t", "∂E/∂o = o − target"):
        check_formula(before, "2-3-1", markup="text")
        [line] = check_formula("∂loss/∂pred = −true", "2-3-1", markup="text")
        assert line.links[0].repair.after == "∂loss/∂pred = pred − true"
