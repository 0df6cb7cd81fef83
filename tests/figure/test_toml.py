"""TOML: what it says, what it refuses and where, and that nothing is lost on the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from chainrule import (
    Activation,
    ChainruleError,
    Connection,
    Given,
    Layer,
    Loss,
    Network,
    NetworkError,
    Problems,
    Weight,
)
from chainrule.figure import read
from strategies import HOSTILE_NAMES, networks

EXERCISE = """\
name = "worksheet 3"
layers = "2-3:tanh-1"
inputs = ["height", "width"]
bias = true
loss = "mse"
reduction = "sum"
missing = ["w_12^1"]

[[skip]]
from = 0
to = 2

[weights]
# W_l[j][i] = w_ij^l: a row for each unit that the weights come from.
W_2 = [
  [0.5],
  [-1.0],
  [0.25],
]
"w_11^2,0" = 0.125

[biases]
b_1 = [0.0, 0.0, 1.0]

[[sample]]
x = [1.0, 2.0]
true = 3.0
"""


def refusal(text: str) -> ChainruleError:
    with pytest.raises(ChainruleError) as caught:
        Network.from_toml(text, source="net.toml")
    return caught.value


def test_an_exercise_sheet_reads_as_a_network():
    net = Network.from_toml(EXERCISE)
    tanh, identity = (Activation("tanh"),), (Activation("identity"),)
    numbers = (
        (Weight(2, 1, 1, 1), 0.5), (Weight(2, 1, 1, 2), -1.0), (Weight(2, 1, 1, 3), 0.25), (Weight(2, 0, 1, 1), 0.125),
    )  # fmt: skip
    assert net == Network(
        2,
        (Layer(3, tanh, (True,)), Layer(1, identity, (True,))),
        (Connection(1, 0, ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))), Connection(2, 1), Connection(2, 0)),
        loss=Loss("mse", None, "sum", "sum"),
        input_names=("height", "width"),
        name="worksheet 3",
        given=Given(
            numbers, tuple(((1, unit), value) for unit, value in ((1, 0.0), (2, 0.0), (3, 1.0))), ((1, 2),), ((3,),)
        ),
    )


def test_it_is_written_as_a_person_would():
    assert Network.from_toml(EXERCISE).to_toml() == EXERCISE


@settings(max_examples=300, deadline=None)
@given(networks(names=True, given=True, sensible=False))
def test_nothing_is_lost_on_the_way_through_toml(net):
    assert Network.from_toml(net.to_toml()) == net


@given(networks(names=True, given=True, sensible=False))
def test_the_written_form_is_canonical(net):
    text = net.to_toml()
    assert Network.from_toml(text).to_toml() == text


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_is_data_whatever_it_holds(name):
    net = Network(1, (Layer(1, (Activation(),), names=(name,)),), name=name, input_names=(name,))
    assert Network.from_toml(net.to_toml()) == net


def test_a_name_that_no_text_file_can_hold_is_refused_when_written():
    with pytest.raises(NetworkError) as caught:
        read("2-1").replace(name="\ud800").to_toml()
    assert caught.value.key == "no_toml"


def test_python_s_ways_to_say_one_figure_have_one_normal_form():
    tanh = Activation("tanh")
    net = Network(
        1,
        (Layer(2, (tanh, tanh), (True, True)), Layer(1, (Activation(),))),
        (Connection(2, 1, ((1, 1), (1, 2))), Connection(1, 0)),
        outputs=((2, 1),),
    )
    same = Network(1, (Layer(2, (tanh,), (True,)), Layer(1, (Activation(),))))
    assert net == same
    assert Network.from_toml(net.to_toml()) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('reduction = { samples = "mean", outputs = "sum" }', 'reduction = "batchmean"'),
        ('missing = ["w_{12}^{1}"]', 'missing = ["w_12^1"]'),
        ('edges = ["w_11^1", "w_21^1", "w_22^1", "w_31^1", "w_32^1"]', 'missing = ["w_12^1"]'),
        ('edges = ["w_11^2,0", "w_12^2,0"]', "[[skip]]\nfrom = 0\nto = 2"),
        ("samples = { x = [[1, 2]], true = [[3]] }", "[[sample]]\nx = [1, 2]\ntrue = 3"),
        ("samples = { x = [[1, 2]], true = [3] }", "[[sample]]\nx = [1, 2]\ntrue = [3]"),
        ('outputs = ["a_1^2"]', ""),
        ("inputs = 2", ""),
        ("[weights]\nW_2 = [[1], [2], [3]]", '[weights]\n"w_11^2" = 1\n"w_12^2" = 2\n"w_13^2" = 3'),
        ("bias = true\n[biases]\nb_2 = [7]", 'bias = true\n[biases]\n"b_1^2" = 7'),
    ],
)  # fmt: skip
def test_two_ways_to_write_one_thing(one, other):
    head = 'layers = "2-3-1"\n'
    assert Network.from_toml(head + one) == Network.from_toml(head + other)


def test_whole_layers_are_tied_in_one_line():
    tied = ['"W_2 = W_1^T"', '["w_11^1", "w_11^2"], ["w_21^1", "w_12^2"]']
    nets = [Network.from_toml(f'layers = "1-2-1"\ntied = [{line}]') for line in tied]
    assert nets[0] == nets[1]
    assert 'tied = ["W_2 = W_1^T"]' in nets[0].to_toml()
    three = Network.from_toml('layers = "2-2-2-2"\ntied = ["W_3 = W_2 = W_1"]')
    assert [len(group) for group in three.ties] == [3, 3, 3, 3]
    assert Network.from_toml(three.to_toml()) == three


def test_options_from_outside_hold_for_a_file_too(tmp_path):
    file = tmp_path / "net.toml"
    file.write_text('inputs = 1\nloss = "mse"\n[[layer]]\nsize = 2\nbias = false\n[[layer]]\nsize = 1\n')
    net = read(str(file), hidden="tanh", bias=True, loss="mae", reduction="sum")
    assert net == read("1-2:tanh-1 --bias --loss mae --reduction sum")
    assert read(file) == read("1-2-1 --loss mse")


def test_the_bias_of_a_layer_is_nearer_than_that_of_the_file():
    net = Network.from_toml("inputs = 1\nbias = true\n[[layer]]\nsize = 2\nbias = false\n[[layer]]\nsize = 1\n")
    assert [layer.bias for layer in net.layers] == [(False,), (True,)]


HEAD = 'layers = "2-3-1"\n'


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("", "missing_key", None),
        ("layers = \n", "toml_syntax", 1),
        (HEAD + "[weights]\nw_11^2 = 0.3\n", "toml_bare_symbol", 3),
        (HEAD + "x = " + "[" * 5000, "toml_too_deep", None),
        (HEAD + 'x = 3\n[weights]\n"w_11^1" = ' + "9" * 5000, "toml_huge_integer", 4),
        (HEAD + 'los = "mse"', "unknown_key", 2),
        (HEAD + 'bias = "yes"', "wrong_type", 2),
        (HEAD + "loss = 1979-05-27", "wrong_type", 2),
        (HEAD + 'loss = "msse"', "unknown_loss", 2),
        (HEAD + 'reduction = "avg"', "malformed_reduction", 2),
        (HEAD + "inputs = 3", "inputs_differ", 2),
        (HEAD + "[[layer]]\nsize = 2", "layers_twice", None),
        ("[[layer]]\nsize = 2", "missing_key", None),
        ("inputs = 2\n[[layer]]\nsize = 1\n[[layer]]\n", "missing_key", 4),
        ("inputs = 2\n[[layer]]\nsize = 0", "empty_layer", 3),
        ("inputs = 2\n[[layer]]\nsize = 1000000000", "huge_layer", 3),
        ("inputs = 2\n[[layer]]\nsize = " + "9" * 400, "huge_layer", 3),
        ("inputs = 0\n[[layer]]\nsize = 1", "empty_layer", 1),
        ('inputs = 2\n[[layer]]\nsize = 2\nactivation = ["tanh", "rleu"]', "unknown_activation", 4),
        ('inputs = 2\n[[layer]]\nsize = 1\nactivation = ["tanh", "tanh"]', "per_unit_count", 4),
        ("inputs = 2\n[[layer]]\nsize = 1\nbias = [true, false]", "per_unit_count", 4),
        ('inputs = 2\n[[layer]]\nsize = 2\nnames = ["a"]', "per_unit_count", 4),
        (HEAD + 'missing = ["w_99^1"]', "no_such_weight", 2),
        (HEAD + 'missing = ["w_113^1"]', "ambiguous_index", 2),
        (HEAD + 'missing = ["W_3"]', "no_such_weight", 2),
        (HEAD + 'missing = ["b_1^1"]', "not_a_weight", 2),
        (HEAD + 'missing = ["w_11^1", "w_11^1"]', "edge_twice", 2),
        (HEAD + 'missing = ["w_11^1"]\nedges = ["w_12^1"]', "edges_and_missing", 2),
        ('layers = "10000000-10000000-1"\nmissing = ["w_11^1"]', "too_many_edges", 2),
        (HEAD + 'missing = ["w_11^2"]', "unused_unit", 1),
        (HEAD + 'missing = ["w_11^1", "w_12^1"]', "unreachable_unit", 1),
        (HEAD + "[[skip]]\nfrom = 0\nto = 1", "skip_to_next", 2),
        (HEAD + "[[skip]]\nfrom = 2\nto = 0", "backward_connection", 2),
        (HEAD + "[[skip]]\nfrom = 0\nto = 2\n[[skip]]\nfrom = 0\nto = 2", "double_connection", 5),
        (HEAD + "[[skip]]\nto = 2", "missing_key", 2),
        (HEAD + 'tied = ["W_2 = W_1^T"]', "tie_shapes", 2),
        (HEAD + 'tied = ["W_2"]', "malformed_tie", 2),
        (HEAD + 'tied = [["w_11^1"]]', "tie_of_one", None),
        (HEAD + 'tied = [["w_11^1", "w_12^1"], ["w_11^1", "w_21^1"]]', "tied_twice", None),
        ('layers = "2-2-2"\nmissing = ["w_11^1"]\ntied = ["W_2 = W_1"]', "tie_needs_all_edges", 3),
        (HEAD + 'outputs = ["a_9^1"]', "no_such_unit", 2),
        (HEAD + "outputs = []", "no_outputs", 2),
        (HEAD + 'outputs = ["a_1^2", "a_1^2"]', "output_twice", None),
        (HEAD + "[weights]\nW_1 = [[1, 2], [3, 4], [5, 6]]", "transposed_matrix", 3),
        (HEAD + "[weights]\nW_1 = [[1, 2], [3, 4]]", "wrong_shape", 3),
        (HEAD + "[weights]\nW_1 = []", "wrong_shape", 3),
        (HEAD + "[weights]\nW_2 = [1, 2, 3]", "flat_matrix", 3),
        (HEAD + "[weights]\nW_1 = [[1, 2, 3], [4, 5]]", "ragged_matrix", 3),
        (HEAD + "[weights]\nW_3 = [[1]]", "no_such_matrix", 3),
        (HEAD + '[weights]\n"w_11^1" = nan', "not_finite", 3),
        (HEAD + '[weights]\n"w_11^1" = ' + "9" * 400, "not_finite", 3),
        (HEAD + '[weights]\n"w_11^1" = true', "wrong_type", 3),
        (HEAD + '[weights]\n"w_41^1" = 1', "no_such_weight", None),
        (HEAD + '[weights]\n"b_1^1" = 1', "not_a_weight", 3),
        (HEAD + '[weights]\nW_2 = [[1], [2], [3]]\n"w_11^2" = 1', "given_twice", 4),
        (HEAD + 'missing = ["w_11^1"]\n[weights]\nW_1 = [[1, 2, 3], [4, 5, 6]]', "number_without_edge", 4),
        (HEAD + 'tied = [["w_11^1", "w_12^1"]]\n[weights]\n"w_11^1" = 1\n"w_12^1" = 2', "tied_numbers", None),
        (HEAD + "[biases]\nb_2 = [1]", "no_such_bias", 1),
        (HEAD + "bias = true\n[biases]\nb_1 = [1, 2]", "per_unit_count", 4),
        (HEAD + "bias = true\n[biases]\nb_9 = [1]", "no_such_layer", 4),
        (HEAD + 'bias = true\n[biases]\n"w_11^1" = 1', "not_a_bias", 4),
        (HEAD + "[[sample]]\nx = [1]\ntrue = 0", "sample_width", 2),
        (HEAD + "[[sample]]\nx = [1, 2]\ntrue = [0, 1]", "sample_width", 2),
        (HEAD + "[[sample]]\nx = [1, inf]\ntrue = 0", "not_finite", 3),
        (HEAD + "[[sample]]\nx = [1, 2]\ntrue = 0\n[[sample]]\nx = [1, 2]", "missing_key", 5),
        (HEAD + "samples = { x = [[1, 2], [3, 4]], true = [1] }", "sample_counts", None),
        (HEAD + "samples = { x = [[1, 2]] }\n[[sample]]\nx = [1, 2]", "samples_twice", 2),
        ('layers = "2-3"\nloss = "ce_index"\n[[sample]]\nx = [1, 2]\ntrue = 0', "class_outside", 3),
        ('layers = "2-3"\nloss = "ce_index"\n[[sample]]\nx = [1, 2]\ntrue = 1.5', "class_outside", 3),
        ('layers = "2-0-1"', "empty_layer", None),
    ],
)  # fmt: skip
def test_every_mistake_has_its_error_at_its_line(text, key, line):
    error = refusal(text)
    assert isinstance(error, NetworkError), str(error)
    assert error.key == key, str(error)
    assert error.place.source.startswith("net.toml")
    if line is not None:
        assert f"net.toml:{line}:" in str(error)
    assert error.message(lang="ko")


def test_a_matrix_that_lies_on_its_side_is_named_with_both_shapes_and_the_convention():
    error = refusal(HEAD + "[weights]\nW_1 = [[1, 2], [3, 4], [5, 6]]")
    assert str(error) == (
        "net.toml:3:1: W_1 has the shape 3×2, but the layers ask for 2×3\n"
        "  W_1 = [[1, 2], [3, 4], [5, 6]]\n"
        "  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  expected: the shape 2×3 (rows: from, columns: to; W_l[j][i] = w_ij^l)\n"
        "  fix: transpose W_1: it would then fit"
    )


def test_problems_are_collected_in_the_order_of_their_lines():
    error = refusal(HEAD + 'los = "mse"\nbias = 3\nloss = "msse"\n')
    assert isinstance(error, Problems)
    assert [problem.place.line for problem in error.problems] == [2, 3, 4]


def test_one_slip_repeated_does_not_flood():
    error = refusal(HEAD + "".join(f"k{number} = 1\n" for number in range(10_000)))
    assert isinstance(error, Problems)
    assert len(error.problems) <= 20


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "not_text"),
        ("층 = 3".encode("cp949"), "not_text"),
        (b"\x00\x01\x02", "toml_syntax"),
        (b"", "missing_key"),
        (b"layers = " + b"x" * 10_000_000, "toml_syntax"),
    ],
)
def test_a_file_of_garbage_gets_a_clear_error(tmp_path, content, key):
    file = tmp_path / "net.toml"
    file.write_bytes(content)
    with pytest.raises(NetworkError) as caught:
        read(str(file))
    assert caught.value.key == key
    assert str(file) in str(caught.value)


def test_a_file_with_a_byte_order_mark_and_carriage_returns_is_read(tmp_path):
    file = tmp_path / "net.toml"
    file.write_bytes(b'\xef\xbb\xbflayers = "2-3-1"\r\nbias = true\r\n')
    assert read(str(file)) == read("2-3-1 --bias")


@pytest.mark.parametrize("name", ["nowhere.toml", "a\0b.toml"])
def test_a_file_that_cannot_be_opened_is_named(name):
    with pytest.raises(NetworkError) as caught:
        read(name)
    assert caught.value.key == "unreadable_file"


def test_a_directory_is_not_a_file(tmp_path):
    with pytest.raises(NetworkError) as caught:
        read(tmp_path)
    assert caught.value.key == "unreadable_file"
