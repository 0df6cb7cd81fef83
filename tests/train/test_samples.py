"""Reading samples: every source gives the same numbers, and every bad value is named by row and column."""

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

from chainrule import ChainruleError, DataError, Network, Problems
from chainrule.train import sources
from chainrule.train.samples import Samples, read_inputs, read_samples

NET = Network.read("2-3-1")
ROWS = [(0.5, -1.0, 2.0), (1.5, 0.25, -3.0), (2.5, 4.0, 0.125)]
TABLE = np.array(ROWS)
NAMES = ("age", "height", "weight")


def frame_columns():
    return {name: TABLE[:, j] for j, name in enumerate(NAMES)}


def write_csv(folder, text, name="data.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def as_csv(folder):
    lines = [",".join(NAMES), *(",".join(map(str, row)) for row in ROWS)]
    return write_csv(folder, "\n".join(lines) + "\n")


def as_quoted_csv(folder):
    lines = [";".join(f'"{name}"' for name in NAMES), "", *(";".join(f' "{value}"' for value in row) for row in ROWS)]
    return write_csv(folder, "\ufeff" + "\r\n".join(lines), "data.txt")


def as_parquet(folder):
    path = folder / "data.parquet"
    pyarrow.parquet.write_table(pyarrow.table(frame_columns()), path)
    return path


def as_npy(folder):
    np.save(folder / "data.npy", TABLE.astype(np.float32))
    return folder / "data.npy"


def as_npz(folder):
    np.savez(folder / "data.npz", X=TABLE[:, :2], y=TABLE[:, 2])
    return folder / "data.npz"


class Stream:
    """Something that only speaks Arrow."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


SOURCES = {
    "csv": as_csv,
    "quoted csv": as_quoted_csv,
    "parquet": as_parquet,
    "npy": as_npy,
    "npz": as_npz,
    "array": lambda folder: TABLE,
    "list": lambda folder: [list(row) for row in ROWS],
    "pair": lambda folder: (TABLE[:, :2], TABLE[:, 2]),
    "pandas": lambda folder: pandas.DataFrame(frame_columns()),
    "polars": lambda folder: polars.DataFrame(frame_columns()),
    "lazy polars": lambda folder: polars.DataFrame(frame_columns()).lazy(),
    "arrow": lambda folder: pyarrow.table(frame_columns()),
    "arrow stream": lambda folder: Stream(pyarrow.table(frame_columns())),
    "pandas pair": lambda folder: (
        pandas.DataFrame(frame_columns())[["age", "height"]],
        pandas.Series(TABLE[:, 2]),
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_same_samples(tmp_path, kind):
    """Files, arrays, data frames and Arrow say the same."""
    found = read_samples(NET, SOURCES[kind](tmp_path))
    assert found.x.tolist() == TABLE[:, :2].tolist()
    assert found.y.tolist() == TABLE[:, 2:].tolist()
    assert (found.x.dtype, found.y.dtype) == (np.float64, np.float64)


def test_columns_by_name(tmp_path):
    """The target is named, the inputs are the others or those named, in their order."""
    path = as_csv(tmp_path)
    found = read_samples(NET, path, target="age")
    assert found.input_names == ("height", "weight") and found.target_names == ("age",)
    assert found.x.tolist() == TABLE[:, 1:].tolist() and found.y[:, 0].tolist() == TABLE[:, 0].tolist()
    found = read_samples(NET, path, target="age", inputs=["weight", "height"])
    assert found.x.tolist() == TABLE[:, [2, 1]].tolist()
    both = read_samples(Network.read("1-3-2"), path, target=["weight", "age"])
    assert both.y.tolist() == TABLE[:, [2, 0]].tolist()


def test_inputs_are_found_by_name_when_predicting(tmp_path):
    """Other columns, and another order, do not matter where columns have names."""
    assert read_inputs(as_csv(tmp_path), ["weight", "age"]).tolist() == TABLE[:, [2, 0]].tolist()
    assert read_inputs(TABLE[:, :2], ["age", "height"]).tolist() == TABLE[:, :2].tolist()
    with pytest.raises(DataError, match="no column called 'width'"):
        read_inputs(as_csv(tmp_path), ["width"])
    with pytest.raises(DataError, match="3 input columns"):
        read_inputs(TABLE, ["a", "b"])


def test_chunks_and_the_temporary_file_change_nothing(tmp_path, monkeypatch):
    """However the rows come, and wherever they are kept, they are the same samples."""
    random = np.random.default_rng(0)
    table = random.normal(size=(1000, 3))
    path = write_csv(tmp_path, "a,b,c\n" + "".join(",".join(map(repr, map(float, row))) + "\n" for row in table))
    whole = read_samples(NET, path, target="c")
    monkeypatch.setattr(sources, "CHUNK", 7)
    spilled = read_samples(NET, path, target="c", memory=100)
    assert isinstance(spilled.x.base, np.memmap)
    assert np.array_equal(whole.x, table[:, :2]) and np.array_equal(spilled.x, table[:, :2])
    assert np.array_equal(spilled.y, table[:, 2:]) and spilled.digest == whole.digest
    other = read_samples(NET, (table[:, :2], table[:, 2] + (np.arange(1000) == 500)))
    assert other.digest != whole.digest


# Labels


@pytest.mark.parametrize(
    ("network", "labels", "classes", "encoded"),
    [
        ("2-3 --loss softmax_ce_index", ["b", "a", "c"], ("a", "b", "c"), [2, 1, 3]),
        ("2-3 --loss softmax_ce_index", [10, 2, 10], (2, 10), [2, 1, 2]),
        ("2-3 --loss softmax_ce", ["x", "y", "x"], ("x", "y"), [[1, 0, 0], [0, 1, 0], [1, 0, 0]]),
        ("2-1 --loss bce_with_logits", [0, 1, 1], (0, 1), [[0], [1], [1]]),
        ("2-1 --loss bce_with_logits", [5, 3, 5], (3, 5), [[1], [0], [1]]),
        ("2-1 --loss bce_with_logits", [True, False, True], (False, True), [[1], [0], [1]]),
        ("2-1 --loss bce_with_logits", ["no", "yes", "no"], ("no", "yes"), [[0], [1], [0]]),
        ("2-1 --loss bce_with_logits", [0.5, 0.25, 1.0], (), [[0.5], [0.25], [1.0]]),
        ("2-1 --loss hinge", [-1, 1, 1], (-1, 1), [[-1], [1], [1]]),
        ("2-1 --loss hinge", ["n", "p", "p"], ("n", "p"), [[-1], [1], [1]]),
    ],
)  # fmt: skip
def test_labels_become_what_the_loss_reads(tmp_path, network, labels, classes, encoded):
    """Labels by any name, sorted, from arrays and from text alike."""
    net = Network.read(network)
    samples = read_samples(net, (TABLE[:, :2], np.array(labels)))
    assert samples.targets.classes == classes
    assert samples.targets.encode(samples.y).tolist() == encoded
    lines = ["a,b,label", *(f"{row[0]},{row[1]},{label}" for row, label in zip(ROWS, labels, strict=True))]
    text = read_samples(net, write_csv(tmp_path, "\n".join(lines)), target="label")
    assert [str(label) for label in text.targets.classes] == [str(label) for label in classes]
    assert text.targets.encode(text.y).tolist() == encoded


def test_shares_for_each_output():
    """Cross-entropy also takes a column for each output."""
    y = [[0.5, 0.25, 0.25], [0, 1, 0], [1, 0, 0]]
    assert read_samples(Network.read("2-3 --loss softmax_ce"), (TABLE[:, :2], y)).y.tolist() == y
    with pytest.raises(ChainruleError, match="add up to"):
        read_samples(Network.read("2-3 --loss softmax_ce"), (TABLE[:, :2], np.array(y) / 2))


# What is refused


def message(call, *arguments, lang="en", **options):
    with pytest.raises(ChainruleError) as caught:
        call(*arguments, **options)
    assert caught.value.message(lang="ko")
    return caught.value.message(lang=lang)


def test_all_bad_rows_are_named_at_once(tmp_path):
    """Not a number, no value, a wrong count of cells, infinity: each by its line and column."""
    path = write_csv(tmp_path, "a,b,y\n1,2,3\nx,2,3\n1,,3\n1,2\n1,2,inf\n1,nan,3\n1,2,3,4\n1_0,2,3\n")
    with pytest.raises(Problems) as caught:
        read_samples(NET, path, target="y")
    found = [(problem.place.line, problem.key) for problem in caught.value.problems]
    assert found == [
        (3, "bad_cell"), (4, "empty_cell"), (5, "row_width"), (6, "cell_not_finite"), (7, "cell_not_finite"),
        (8, "row_width"), (9, "bad_cell"),
    ]  # fmt: skip
    said = caught.value.message()
    assert "row 6, column y" in said and "row 4, column b" in said and f"{path}:3" in said


def test_there_is_a_limit_to_what_is_named(tmp_path):
    """A file that is wrong throughout is not listed throughout."""
    path = write_csv(tmp_path, "a,b,y\n" + "1,oops,3\n" * 500)
    with pytest.raises(Problems) as caught:
        read_samples(NET, path, target="y")
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1].key == "more_problems"


@pytest.mark.parametrize("value", [None, "text", float("nan"), float("-inf"), "1.5"])
def test_bad_values_in_frames(value):
    """A frame's missing values and texts are named by row and column; text is no number there even if it looks so."""
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, value, 3.0], "y": [0.0, 1.0, 2.0]}, dtype=object)
    said = message(read_samples, NET, frame, target="y")
    assert "row 2, column b" in said


def test_a_column_of_dates_is_no_column_of_numbers():
    """Its type is said once."""
    frame = pandas.DataFrame({"a": pandas.date_range("2020-01-01", periods=3), "b": [1, 2, 3], "y": [0, 1, 2]})
    assert "column a, from row 1: values of the type datetime64" in message(read_samples, NET, frame, target="y")


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        (["a", "b", "c", "d"], None, "row 4, column true: the class 'd' is one too many"),
        (["a", "b", "c", "b"], ["a", "b"], "row 3, column true: the class 'c' is one too many"),
        (["a", "", "c", "b"], None, "row 2, column true: '' is no class"),
        ([1.0, float("nan"), 2.0, 1.0], None, "row 2, column true: nan is no class"),
    ],
)
def test_unknown_classes(labels, classes, said):
    """A class more than there are outputs, or one that is not on the list, is named where it first stands."""
    net = Network.read("2-3 --loss softmax_ce_index")
    assert said in message(read_samples, net, (np.ones((4, 2)), np.array(labels)), classes=classes)


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("missing.csv", {}, "cannot be read"),
        ("missing.parquet", {}, "cannot be read"),
        ("missing.npy", {}, "cannot be read"),
        ("data.xlsx", {}, "is not read as samples"),
        ((np.ones((3, 2)), np.ones(4)), {}, "3"),
        ((np.ones((3, 3)), np.ones(3)), {}, "3 input columns, but the network has 2 inputs"),
        ((np.ones((3, 2)), np.ones((3, 2))), {}, "2 target columns"),
        ((np.ones((0, 2)), np.ones(0)), {}, "no numbers"),
        (np.ones(3), {}, "N×3"),
        (([[1, 2], [3]], [1, 2]), {}, "different lengths"),
        (TABLE, {"target": "weigth"}, "no column called 'weigth'"),
        (pandas.DataFrame({"a": [1], "b": [1], "c": [1], "d": [1]}), {}, "not said which column is the target"),
    ],
)
def test_what_does_not_fit_is_said(data, options, said):
    """Files that are not there, shapes and columns that do not fit."""
    assert said in message(read_samples, NET, data, **options)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "no numbers"), ("a.csv", b"a,b\xff,c\n1,2,3\n", "not text"),
        ("a.csv", b"a,a,c\n1,2,3\n", "twice"),
        ("a.csv", b'a,b,c\n1,2,"3\n', "CSV"), ("a.npy", b"\x93NUMPY", "not"), ("a.parquet", b"PAR1", "cannot be read"),
        ("a.npz", b"PK", "not"), ("a.csv", b"a,b,c\n", "no numbers"),
    ],
)  # fmt: skip
def test_damaged_files(tmp_path, name, content, said):
    """Never a traceback."""
    assert said in message(read_samples, NET, write_csv(tmp_path, content, name))


def test_samples_know_their_size():
    """The length is the number of rows."""
    found = read_samples(NET, TABLE)
    assert isinstance(found, Samples) and len(found) == 3
