"""Files of samples and weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule import ChainruleError, DataError, Network, Problems
from chainrule.figure.data import read_samples, read_weights

NET = Network.read("2-3-1 --bias")
TWO = Network.read("2-3-2 --bias")
CLASSES = Network.read("2-3-3:softmax --loss ce_index")


def keys(error: ChainruleError) -> list[str]:
    return [problem.key for problem in (error.problems if isinstance(error, Problems) else [error])]


def write(tmp_path, text: str | bytes, name: str = "data.csv"):
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5,6\n",
        "x_0,x_1,true\n1,2,3\n4,5,6\n",
        "true,x_1,x_0\n3,2,1\n6,5,4\n",
        "x_0;x_1;true_1\n1;2;3\n\n4;5;6",
        "1\t2\t3\r\n4\t5\t6\r\n",
        "\ufeffx_0, x_1, true\n1, 2, 3e0\n4., 5, +6\n",
        '"1","2","3"\n"4","5","6"\n',
    ],
)
def test_csv_samples_are_read_with_and_without_a_header(tmp_path, text):
    inputs, targets = read_samples(write(tmp_path, text), NET)
    assert inputs.tolist() == [[1, 2], [4, 5]]
    assert targets.tolist() == [[3], [6]]
    assert inputs.dtype == targets.dtype == np.float64


def test_columns_may_be_called_as_on_the_sheet(tmp_path):
    net = Network.from_toml('inputs = ["w", "h"]\n[[layer]]\nsize = 1\nnames = ["area"]')
    inputs, targets = read_samples(write(tmp_path, "area,h,w\n6,3,2\n"), net)
    assert (inputs.tolist(), targets.tolist()) == ([[2, 3]], [[6]])


def test_several_outputs_and_classes(tmp_path):
    file = write(tmp_path, "true_2,true_1,x_0,x_1\n4,3,1,2\n")
    assert read_samples(file, TWO)[1].tolist() == [[3, 4]]
    assert read_samples(write(tmp_path, "1,2,3\n"), CLASSES)[1].tolist() == [[3]]


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("", ["empty_file"], "no numbers"),
        ("x_0,x_1,true\n", ["empty_file"], "no numbers"),
        ("1,2,x\n", ["bad_cell"], "row 1, column true: 'x'"),
        ("1,2,3\n4,,6\n", ["bad_cell"], "row 2, column x_1: ''"),
        ("1,2,1_000\n", ["bad_cell"], "'1_000'"),
        ("1,nan,3\n1,2,-inf\n", ["not_finite", "not_finite"], "x_1 is nan"),
        ("1,2," + "9" * 400, ["not_finite"], "true is inf"),
        ("1,2\n", ["row_width"], "is 2, the number of columns is 3"),
        ("1,2,3\n1,2,3,4\n", ["row_width"], "is 4, the number of columns is 3"),
        ("x_0,x_1,ture\n1,2,3\n", ["unknown_column"], "'true'"),
        ("x_0,x_0,true\n1,2,3\n", ["column_twice"], "'x_0'"),
        ("x_0,true\n1,2\n", ["missing_columns"], "x_1"),
        (b"\xff\xfe\x00\x01", ["not_text"], "0xff"),
        (b"1,2,3\n1,\x00,3", ["not_text"], "0x00"),
        ("1,2," + "x" * 10_000_000, ["malformed_csv"], "CSV"),
    ],
)
def test_bad_csv_samples_are_refused_by_row_and_column(tmp_path, text, expected, words):
    with pytest.raises(ChainruleError) as caught:
        read_samples(write(tmp_path, text), NET)
    assert keys(caught.value) == expected
    assert words in str(caught.value)
    assert "data.csv" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "4", "1.5"])
def test_a_class_that_is_none_is_refused(tmp_path, value):
    with pytest.raises(DataError) as caught:
        read_samples(write(tmp_path, f"1,2,{value}\n"), CLASSES)
    assert caught.value.key == "class_outside"


def test_npy_and_npz_samples(tmp_path):
    rows = np.arange(6).reshape(2, 3)
    np.save(tmp_path / "rows.npy", rows)
    np.savez(tmp_path / "both.npz", x=rows[:, :2], true=rows[:, 2])
    for name in ("rows.npy", "both.npz"):
        inputs, targets = read_samples(tmp_path / name, NET)
        assert (inputs.tolist(), targets.tolist()) == ([[0, 1], [3, 4]], [[2], [5]])


@pytest.mark.parametrize(
    ("array", "key", "words"),
    [
        (np.zeros((4, 2)), "sample_shape", "4×2, but the network has 2 inputs and 1 targets"),
        (np.zeros(3), "sample_shape", "N×3"),
        (np.float64(3), "sample_shape", "N×3"),
        (np.zeros((0, 3)), "empty_file", "no numbers"),
        (np.array([["a", "b", "c"]]), "not_numeric", "<U1"),
        (np.array([[1j, 2, 3]]), "not_numeric", "complex128"),
        (np.array([[1, 2, 3], [1, np.nan, 3]]), "not_finite", "x_1[2] is nan"),
        (np.array([[1, 2, object()]]), "malformed_array", "Python objects"),
    ],
)
def test_bad_arrays_are_refused(tmp_path, array, key, words):
    np.save(tmp_path / "data.npy", array, allow_pickle=True)
    with pytest.raises(DataError) as caught:
        read_samples(tmp_path / "data.npy", NET)
    assert caught.value.key == key
    assert words in str(caught.value)


DAMAGED = (b"garbage", b"\x93NUMPY", b"PK\x03\x04garbage", b"\x80\x04.", b"\x93NUMPY\x01\x00v\x00{'")


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files_are_refused(tmp_path, ending, content):
    with pytest.raises(DataError) as caught:
        read_samples(write(tmp_path, content, f"data{ending}"), NET)
    assert caught.value.key == "malformed_array"


@given(st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_header_never_leaks_a_traceback(tmp_path, noise):
    np.save(tmp_path / "whole.npy", np.zeros((2, 3)))
    content = bytearray((tmp_path / "whole.npy").read_bytes())
    content[20 : 20 + len(noise)] = noise
    try:
        read_samples(write(tmp_path, bytes(content), "data.npy"), NET)
    except ChainruleError as error:
        message = str(error)
        assert message


@pytest.mark.parametrize(
    ("name", "key"),
    [("nowhere.csv", "unreadable_file"), ("nowhere.npy", "unreadable_file"), ("data.xlsx", "unknown_ending")],
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name, key):
    with pytest.raises(DataError) as caught:
        read_samples(tmp_path / name, NET)
    assert caught.value.key == key
    assert name in str(caught.value) or "xlsx" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"  \n\n"])
def test_empty_files_are_refused(tmp_path, content):
    for name in ("data.csv", "data.npy", "data.npz"):
        with pytest.raises(DataError):
            read_samples(write(tmp_path, content, name), NET)


WHOLE = {"W_1": np.arange(6.0).reshape(2, 3), "b_1": np.ones(3), "W_2": np.full((3, 1), 0.5), "b_2": np.zeros(1)}


def test_weights_in_npz(tmp_path):
    np.savez(tmp_path / "w.npz", **WHOLE)
    found = read_weights(tmp_path / "w.npz", NET)
    assert set(found) == set(WHOLE)
    assert all((found[name] == WHOLE[name]).all() for name in WHOLE)


def test_weights_in_csv_have_the_orientation_of_the_page(tmp_path):
    lines = [f"w_{i + 1}{j + 1}^1, {WHOLE['W_1'][j, i]}" for i in range(3) for j in range(2)]
    lines += [f"w_1{j + 1}^2, 0.5" for j in range(3)] + [f"b_{i + 1}^1, 1" for i in range(3)] + ["b_1^2, 0"]
    found = read_weights(write(tmp_path, "\n".join(lines)), NET)
    assert all((found[name] == WHOLE[name]).all() for name in WHOLE)


def test_a_long_index_may_stand_without_quotation_marks(tmp_path):
    net = Network.read("1-10-1")
    rows = [f"w_{i}{',' if i > 9 else ''}1^1,{i}" for i in range(1, 11)] + [
        f"w_1{',' if i > 9 else ''}{i}^2,0" for i in range(1, 11)
    ]
    assert read_weights(write(tmp_path, "\n".join(rows)), net)["W_1"].tolist() == [list(range(1, 11))]


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"W_1": np.zeros((3, 2))}, "transposed_matrix", "transpose W_1"),
        ({"W_1": np.zeros((2, 2))}, "array_shape", "2×2, but the network asks for 2×3"),
        ({"b_1": np.zeros((3, 1))}, "array_shape", "3×1, but the network asks for 3"),
        ({"W_1": np.full((2, 3), np.inf)}, "not_finite", "w_11^1 is inf"),
        ({"W_3": np.zeros((1, 1))}, "unknown_array", "'W_3'"),
        ({"b_2": None}, "numbers_missing", "b_1^2"),
    ],
)
def test_bad_weights_are_refused(tmp_path, changes, key, words):
    arrays = {name: array for name, array in (WHOLE | changes).items() if array is not None}
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "w.npz", NET)
    assert caught.value.key == key
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("w_11^1, 1\n", "numbers_missing", "1 of 6 numbers; the first missing one is w_21^1"),
        ("w_11^1, 1\nw_11^1, 2\n", "given_twice", "w_11^1"),
        ("w_99^1, 1\n", "no_such_weight", "w_99^1"),
        ("w_113^1, 1\n", "ambiguous_index", "w_11,3^1"),
        ("w_11^1\n", "weight_line", "is 1"),
        ("w_11^1, x\n", "bad_cell", "'x'"),
        ("w_11^1, inf\n", "not_finite", "inf"),
    ],
)
def test_bad_csv_weights_are_refused_by_line(tmp_path, text, key, words):
    with pytest.raises(DataError) as caught:
        read_weights(write(tmp_path, text), NET)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_one_array_without_a_name_is_refused(tmp_path):
    np.save(tmp_path / "w.npy", np.zeros((2, 3)))
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "w.npy", NET)
    assert caught.value.key == "one_array"


def test_missing_edges_hold_zero_and_nothing_else(tmp_path):
    net = Network.from_toml('layers = "2-2-1"\nmissing = ["w_12^1"]')
    np.savez(tmp_path / "w.npz", W_1=[[1, 2], [0, 4]], W_2=[[5], [6]])
    assert read_weights(tmp_path / "w.npz", net)["W_1"].tolist() == [[1, 2], [0, 4]]
    np.savez(tmp_path / "w.npz", W_1=[[1, 2], [3, 4]], W_2=[[5], [6]])
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "w.npz", net)
    assert caught.value.key == "number_without_edge"
    assert "w_12^1 is 3.0" in str(caught.value)


def test_of_tied_weights_one_is_enough_and_two_must_agree(tmp_path):
    net = Network.from_toml('layers = "2-3-2"\ntied = ["W_2 = W_1^T"]')
    matrix = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "w.npz", W_1=matrix)
    assert (read_weights(tmp_path / "w.npz", net)["W_2"] == matrix.T).all()
    np.savez(tmp_path / "w.npz", W_1=matrix, W_2=matrix.T + 1)
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "w.npz", net)
    assert caught.value.key == "tied_numbers"


def test_skip_connections_and_partial_biases(tmp_path):
    text = 'inputs = 1\nedges = ["w_11^2,0"]\n[[layer]]\nsize = 2\nbias = [true, false]\n[[layer]]\nsize = 1'
    np.savez(tmp_path / "w.npz", **{"W_1": [[1, 2]], "W_2": [[3], [4]], "W_2,0": [[5]], "b_1": [6, 0]})
    found = read_weights(tmp_path / "w.npz", Network.from_toml(text))
    assert found["W_2,0"].tolist() == [[5]]
    assert found["b_1"].tolist() == [6, 0]
