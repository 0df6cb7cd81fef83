"""What a document leaves open: in matrices where it speaks of these, and in each layer of a general line."""

from __future__ import annotations

import chainrule


def gaps(text, net):
    """Return what is said to be missing."""
    return [gap.text("en") for gap in chainrule.check(text, net, format="text", repairs=False).gaps]


def test_matrices_are_missing_as_matrices():
    text = "∂L/∂Z_2 = Ŷ − Y\n\n∂L/∂W_2 = A_1ᵀ · ∂L/∂Z_2\n\n"
    assert gaps(text, "2-3-2") == ["Weights without an answer: W_1."]
    assert gaps(text + "∂L/∂Z_1 = (∂L/∂Z_2 · W_2ᵀ) ⊙ σ'(Z_1)\n\n∂L/∂W_1 = Xᵀ · ∂L/∂Z_1", "2-3-2") == []


def test_numbers_are_missing_as_numbers():
    text = "∂loss/∂w_11^2 = (pred − true) · a_1^1"
    assert gaps(text, "1-2-1") == ["Weights without an answer: w_11^1, w_21^1, w_12^2."]


def test_a_line_about_any_layer_answers_all():
    text = "∂E/∂w_ji = δ_j a_i\n\n∂E/∂w_11^3 = ∂E/∂pred · a_1^2"
    report = chainrule.check(text, "2-3-2-1", format="text", repairs=False)
    assert [str(link.verdict) for link in report.links] == ["right", "right"]
    assert [gap.key for gap in report.gaps] == ["gap.never_derived"]  # ∂E/∂pred
