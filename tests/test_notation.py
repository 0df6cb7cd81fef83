"""Notations are tables: every one spells every kind, in every form, and adding one needs no code."""

import pytest

from chainrule import Network, SelectionError
from chainrule.notation import join_subscripts, load, names, plain
from chainrule.selection import steps


@pytest.mark.parametrize(
    ("notation", "line"),
    [
        ("seed", "∂loss/∂w_12^1 = ∂loss/∂z_1^1 · ∂z_1^1/∂w_12^1 = (pred − true) · w_11^2 · a_1^1(1 − a_1^1) · x_1"),
        (
            "parens",
            "∂L/∂w_12^(1) = ∂L/∂z_1^(1) · ∂z_1^(1)/∂w_12^(1) = (ŷ − y) · w_11^(2) · a_1^(1)(1 − a_1^(1)) · x_1",
        ),
        ("ng", "dW_12^[1] = dz_1^[1] · ∂z_1^[1]/∂W_12^[1] = (ŷ − y) · W_11^[2] · a_1^[1](1 − a_1^[1]) · x_2"),
        ("nielsen", "∂C/∂w_12^1 = δ_1^1 · ∂z_1^1/∂w_12^1 = (a^L − y) · w_11^2 · a_1^1(1 − a_1^1) · x_2"),
        ("bishop", "∂E/∂w_12^(1) = δ_1^(1) · ∂a_1^(1)/∂w_12^(1) = (y − t) · w_11^(2) · z_1^(1)(1 − z_1^(1)) · x_2"),
    ],
)
def test_one_line_in_every_notation(notation, line):
    """The structure is the same; only the spelling differs."""
    assert Network.read("2-1-1").derive()["w_12^1"].text(notation=notation) == line


def test_these_are_all():
    """Every table has a line above."""
    assert set(names()) == {"seed", "parens", "ng", "nielsen", "bishop"}
    assert names()[0] == "seed"


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("form", ["text", "latex", "typst"])
def test_no_two_symbols_are_spelled_alike(notation, form):
    """Within one network, different symbols have different spellings."""
    derivation = Network.read("12-11-2 --bias").derive()
    spelled = [load(notation).spell(step.target, form) for step in steps(derivation, inputs=True)]
    assert len(set(spelled)) == len(spelled)


def test_commas_where_an_index_has_two_digits():
    """w_{11} is (1, 1), never eleven."""
    assert join_subscripts(["1", "1"]) == "11"
    assert join_subscripts(["1", "11"]) == "1,11"
    assert plain(Network.read("12-11-1").derive()["w_1,11^2"].target) == "w_1,11^2"


def test_general_letters_follow_the_notation():
    """Bishop's w_{ji}, Nielsen's w_{jk}."""
    net = Network.read("3-3-1")
    assert net.derive()["W_1"].text(notation="bishop").startswith("∂E/∂w_ji^(1) = δ_j^(1)")
    assert net.derive()["W_1"].text(notation="nielsen").startswith("∂C/∂w_jk^1 = δ_j^1")


def test_a_sample_is_marked():
    """Which sample: in square brackets, or above in Ng's manner."""
    derivation = Network.read("2-1").derive(samples=None)
    assert "pred[n]" in derivation["w_11^1"].text()
    assert "ŷ^(n)" in derivation["w_11^1"].text(notation="ng")


def test_an_unknown_notation_is_refused():
    """With the names that there are."""
    with pytest.raises(SelectionError, match="nielsen"):
        load("nielson")
