"""`chainrule train` and `chainrule predict`, as their users meet them."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from chainrule import Network
from chainrule.cli import main
from chainrule.train import Epoch, Model
from chainrule.train.curve import curve_svg, plot, spark
from chainrule.train.progress import Progress
from chainrule.width import columns

POLYLINE = "{http://www.w3.org/2000/svg}polyline"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with samples in it: houses with a price, and of two kinds."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [(a, b, 3 * a - b + 10, "big" if a > 1 else "small") for a, b in rng.uniform(0, 2, (120, 2))]
    text = "".join(f"{a:.4f},{b:.4f},{price:.4f},{kind}\n" for a, b, price, kind in rows)
    Path("houses.csv").write_text("size,age,price,kind\n" + text, encoding="utf-8")
    return tmp_path


def call(capsys, *arguments):
    """The exit code, and what was printed to both streams."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    printed = capsys.readouterr()
    return end.value.code, printed.out, printed.err


TRAIN = ("train", "2-6:tanh-1", "houses.csv", "--target", "price", "--inputs", "size,age", "--bias")


def test_from_a_file_to_answers(folder, capsys):
    """Train, see the summary and the curve, predict, and measure."""
    code, out, err = call(capsys, *TRAIN, "--epochs", "60", "-o", "price.safetensors")
    assert (code, err) == (0, "")
    assert "2-6:tanh-1 --bias" in out and "validation R²" in out and "price.svg" in out
    root = ET.parse(folder / "price.svg").getroot()
    assert {line.get("class") for line in root.iter(POLYLINE)} == {
        "training",
        "validation",
    }
    code, out, err = call(capsys, "predict", "price.safetensors", "houses.csv")
    table = list(csv.reader(io.StringIO(out)))
    assert table[0] == ["price"] and len(table) == 121
    houses = csv.DictReader(io.StringIO(Path("houses.csv").read_text(encoding="utf-8")))
    prices = [float(row["price"]) for row in houses]
    assert np.corrcoef(prices, [float(row[0]) for row in table[1:]])[0, 1] > 0.99
    code, out, err = call(capsys, "predict", "price.safetensors", "houses.csv", "--measure", "--format", "json")
    assert json.loads(out)["r2"] > 0.98


def test_classes(folder, capsys):
    """Labels go in and come out; probabilities have a column for each."""
    arguments = ("train", "2-6:tanh-2", "houses.csv", "--target", "kind", "--inputs", "size,age", "--bias")
    code, out, _ = call(capsys, *arguments, "--loss", "softmax_ce_index", "--format", "json", "--rate", "0.05")
    assert code == 0 and json.loads(out)["validation_accuracy"] > 0.9
    code, out, _ = call(capsys, "predict", "model.safetensors", "houses.csv", "-o", "answers.json")
    answers = json.loads(Path("answers.json").read_text(encoding="utf-8"))
    assert {row["kind"] for row in answers} == {"big", "small"} and len(answers) == 120
    code, out, _ = call(capsys, "predict", "model.safetensors", "houses.csv", "--probabilities")
    assert out.splitlines()[0] == "big,small"
    assert sum(map(float, out.splitlines()[1].split(","))) == pytest.approx(1)
    code, out, _ = call(capsys, "predict", "model.safetensors", "houses.csv", "--probabilities", "-o", "p.npy")
    assert np.load("p.npy").shape == (120, 2)
    code, _, err = call(capsys, "predict", "model.safetensors", "houses.csv", "-o", "answers.npy")
    assert code == 2 and "labels" in err


def test_every_choice_reaches_the_training(folder, capsys):
    """What an option says stands in the model."""
    given = {
        "epochs": 3, "batch_size": 7, "optimizer": "nesterov", "rate": 0.003, "momentum": 0.7, "weight_decay": 0.01,
        "schedule": "step", "warmup": 1, "step_epochs": 2, "step_factor": 0.5, "rate_end": 0.25, "seed": 9,
        "initial": "he_normal", "validation": 0.25, "patience": 50, "dtype": "float32", "threads": 2,
    }  # fmt: skip
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    code, _, err = call(capsys, *TRAIN, *words, "--no-standardise")
    assert code == 0, err
    found = Model.load("model.safetensors").settings.to_dict()
    assert {name: found[name] for name in given} == given
    assert found["standardise"] is False


def test_in_korean(folder, capsys):
    """The summary, the curve and what is wrong."""
    code, out, _ = call(capsys, *TRAIN, "--epochs", "3", "--lang", "ko")
    assert code == 0 and "검증 R²" in out
    assert "에포크" in Path("model.svg").read_text(encoding="utf-8")
    code, _, err = call(capsys, "train", "2-6-1", "houses.csv", "--target", "prise", "--lang", "ko")
    assert code == 2 and "그런 열이 없음" in err and "price" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "2-3-1", "houses.csv", "--target", "price"), "3 input columns, but the network has 2 inputs"),
        (("train", "3-3-1", "houses.csv", "--target", "price"), "row 2, column kind"),
        (("train", "2-3-1", "missing.csv", "--target", "price"), "cannot be read"),
        ((*TRAIN, "--optimizer", "adma"), "write adam"),
        ((*TRAIN, "--epochs", "0"), "1 or more"),
        ((*TRAIN, "--rate", "1e300", "--optimizer", "sgd"), "diverges"),
        ((*TRAIN, "-o", "nowhere/model"), "cannot be written"),
        (("predict", "houses.csv", "houses.csv"), "cannot be read as a trained network"),
        (("predict", "missing", "houses.csv"), "no such file"),
    ],
)
def test_what_is_wrong_is_said(folder, capsys, arguments, said):
    """Exit code 2, a message, nothing on stdout, no model left behind."""
    code, out, err = call(capsys, *arguments)
    assert code == 2 and out == "" and said in err
    assert {path.name for path in folder.iterdir()} == {"houses.csv"}


def test_interrupted_and_taken_up(folder):
    """SIGTERM in the middle; the same command then ends with the same bytes as one that was left alone."""
    words = [sys.executable, "-m", "chainrule", *TRAIN, "--epochs", "3000", "--every", "0.05", "-o"]
    with subprocess.Popen([*words, "a.safetensors"], stderr=subprocess.PIPE) as process:
        while not Path("a.safetensors").exists() and process.poll() is None:
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert len(Model.load("a.safetensors").history) < 3000
    for name in ("a.safetensors", "b.safetensors"):
        assert subprocess.run([*words, name], capture_output=True, check=False).returncode == 0
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()


# What is shown


def on_a_terminal(arguments, **environment):
    """What a command writes to a terminal on standard error, and its exit code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "chainrule", *arguments], stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        process.stdout.read()
        return seen.decode(), process.wait()


@pytest.mark.parametrize("colour", [True, False])
def test_a_line_on_a_terminal(folder, colour):
    """A line that is written over itself, and the curve at the end; without colour where that is asked for."""
    environment = {} if colour else {"NO_COLOR": "1"}
    seen, code = on_a_terminal([*TRAIN, "--epochs", "4000"], **environment)
    assert code == 0
    assert "/4000  loss" in seen and "\r\x1b[K" in seen and "● training" in seen and "└──" in seen
    assert ("\x1b[36m" in seen) == colour


def history(losses, validation=None):
    validation = validation or [float("nan")] * len(losses)
    return [Epoch(at, 0.1, loss, watched) for at, (loss, watched) in enumerate(zip(losses, validation, strict=True), 1)]


@pytest.mark.parametrize(
    "losses", [[1.0], [1.0, 1.0], [0.0, 0.0], [5.0, 0.0], [1e300, 1e-300], [3.0, -2.0, -7.0], list(range(1, 9000))]
)
def test_curves_of_any_losses(losses):
    """Equal, zero, negative, huge or many losses: a curve inside its frame, and lines of one width."""
    for lang in ("en", "ko"):
        root = ET.fromstring(curve_svg(history(losses, losses[::-1]), best=1, lang=lang))
        for line in root.iter(POLYLINE):
            points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
            assert len(points) <= 2001
            assert all(0 <= x <= 640 and 0 <= y <= 360 for x, y in points)
    assert len({columns(row) for row in plot(history(losses))[-1:]}) <= 1
    assert len(spark(losses)) == min(24, len(losses))


def test_the_line_fits_into_the_terminal(monkeypatch):
    """It is cut to the columns that there are, in both languages."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")
    for lang in ("en", "ko"):
        stream = Terminal()
        progress = Progress(9, lang=lang, stream=stream)
        progress.said -= 1
        progress(Epoch(3, 0.1, 0.5, 0.25))
        assert columns(stream.getvalue().split("\x1b[K")[-1]) <= 30
    stream = io.StringIO()
    progress = Progress(9, lang="en", stream=stream)
    progress(Epoch(3, 0.1, 0.5))
    progress.close()
    assert stream.getvalue() == ""


def test_the_gradient_is_that_of_the_page():
    """`Network.grad` is what `values` says, for given weights, by name or as one buffer; and it refuses what is odd."""
    net = Network.read("3-4:tanh-2 --bias --loss softmax_ce_index")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.integers(1, 3, 7)
    values = net.values(inputs=x, targets=y, seed=3)
    weights = {name: values[name] for name in ("W_1", "b_1", "W_2", "b_2")}
    found = net.grad(x, y, weights)
    for name in weights:
        assert found[name] == pytest.approx(values.partial(name), rel=1e-12, abs=1e-15)
    assert net.grad(x, y, {"W_1": weights["W_1"]}).keys() == weights.keys()
    assert "_gradient" not in net.replace(name="other").__dict__
