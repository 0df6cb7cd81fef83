"""The plain spelling of symbols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import ChainruleError, NetworkError, SelectionError, Weight
from chainrule.figure.spelling import EXAMPLES, Named, parse_symbol, spell_bias, spell_matrix, spell_unit, spell_weight

counts = st.integers(1, 9999)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("w_11^2", Named("w", (1, 1), 2, 1)),
        ("w_10,3^2", Named("w", (10, 3), 2, 1)),
        ("w_1,3^2", Named("w", (1, 3), 2, 1)),
        ("w_12^3,1", Named("w", (1, 2), 3, 1)),
        ("w_{12}^{3,1}", Named("w", (1, 2), 3, 1)),
        (" w_{10, 3}^{2} ", Named("w", (10, 3), 2, 1)),
        ("b_2^1", Named("b", (2,), 1)),
        ("b_12^1", Named("b", (12,), 1)),
        ("b_1", Named("b", (), 1)),
        ("W_2", Named("W", (), 2, 1)),
        ("W_3,1", Named("W", (), 3, 1)),
        ("W_{3,1}", Named("W", (), 3, 1)),
        ("x_0", Named("x", (0,))),
        ("x_0[4]", Named("x", (0,), sample=4)),
        ("a_1^2[4]", Named("a", (1,), 2, sample=4)),
        ("z_{1}^{2}", Named("z", (1,), 2)),
        ("Z_2", Named("Z", (), 2)),
        ("A_2", Named("A", (), 2)),
        ("X", Named("X")),
        ("pred", Named("pred")),
        ("pred_2[3]", Named("pred", (2,), sample=3)),
        ("true", Named("true")),
        ("loss", Named("loss")),
    ],
)
def test_symbols_are_read(text, named):
    assert parse_symbol(text) == named


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("w_113^2", "ambiguous_index", "w_11,3^2, w_1,13^2"),
        ("w_1011^2", "ambiguous_index", "w_101,1^2, w_10,11^2"),
        ("w_{113}^{2}", "ambiguous_index", "w_{11,3}^{2}, w_{1,13}^{2}"),
        ("w_1^2", "symbol_indices", "w_11^2"),
        ("w_11", "symbol_indices", "w_11^2"),
        ("w_11^2[1]", "symbol_indices", "w_11^2"),
        ("x_0[0]", "symbol_indices", "x_0"),
        ("a_1", "symbol_indices", "a_1^2"),
        ("loss_1", "symbol_indices", "loss"),
        ("v_11^2", "unknown_symbol", "w_11^2"),
        ("PRED", "unknown_symbol", "pred"),
        ("w_11^2x", "malformed_symbol", "w_11^2"),
        ("w_{1,}^2", "malformed_symbol", "w_11^2"),
        ("w_11^" + "9" * 5000, "malformed_symbol", "w_11^2"),
        ("w_" + "1" * 5000 + "^2", "malformed_symbol", "w_11^2"),
        ("", "malformed_symbol", "w_11^2"),
        ("²", "unknown_symbol", "w_11^2"),
        ("w_११^2", "malformed_symbol", "w_11^2"),
    ],
)
def test_what_is_no_symbol_is_refused_with_a_way_to_write_it(text, key, words):
    with pytest.raises(SelectionError) as caught:
        parse_symbol(text)
    assert caught.value.key == key
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


@given(st.text(max_size=20) | st.text("wbWxza_^{},[]0123456789", max_size=12))
def test_any_text_is_a_symbol_or_a_clear_error(text):
    try:
        parse_symbol(text)
    except ChainruleError as error:
        message = error.message(lang="ko")
        assert message


def test_the_caller_chooses_the_kind_of_error():
    with pytest.raises(NetworkError):
        parse_symbol("w", error=NetworkError)


@given(counts, counts, counts, st.data())
def test_a_weight_is_read_back_from_its_spelling(to, origin, target, data):
    weight = Weight(target, data.draw(st.integers(0, target - 1)), to, origin)
    assert str(weight) == spell_weight(weight)
    named = parse_symbol(str(weight))
    assert Weight(named.layer, named.source, *named.subscripts) == weight
    matrix = parse_symbol(spell_matrix(weight.target, weight.source))
    assert (matrix.layer, matrix.source) == (weight.target, weight.source)


@given(counts, counts)
def test_biases_and_units_are_read_back_from_their_spelling(layer, unit):
    assert parse_symbol(spell_bias(layer, unit)) == Named("b", (unit,), layer)
    assert parse_symbol(spell_unit(layer, unit)) == Named("a", (unit,), layer)
    assert parse_symbol(spell_unit(0, unit)) == Named("x", (unit - 1,))


@pytest.mark.parametrize(("kind", "example"), EXAMPLES.items())
def test_the_examples_in_errors_are_spelled_right(kind, example):
    assert parse_symbol(example).kind == kind
