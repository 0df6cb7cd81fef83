"""Code that is taken along from the page: run as it is, it comes to the numbers that are on the screen."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from chainrule import Network
from chainrule.serve.numbers import NAMES, numbers_of, with_numbers
from chainrule.serve.requests import Fields
from chainrule.serve.take import take

TIED = "layers = \"2-2-1\"\ntied = [['w_11^1', 'w_22^1']]\nmissing = ['w_12^1']\n"
NETWORKS = ["2-2-1 --bias", "3-4-3 --loss softmax_ce_index --bias", "2-3:softmax --loss ce", TIED]


def shown(text):
    """Return a network with numbers on the screen: two samples, the first parameter changed."""
    net = Network.from_toml(text) if "\n" in text else Network.read(text)
    numbers = numbers_of(net)
    numbers["p"][0] = 0.123456
    numbers["x"] += [0.5 * one for one in numbers["x"]]
    numbers["target"] *= 2
    return with_numbers(net, Fields(numbers, NAMES))


def taken(net, form, **more):
    """Return the text of a file."""
    return take(net, Fields({"form": form, **more}, {"form", *more})).content.decode()


def run(*command):
    """Return what a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("form", ["numpy", "torch", "jax"])
def test_python_runs(tmp_path, text, form):
    """Loss and gradients of the samples on the screen."""
    net = shown(text)
    path = tmp_path / "taken.py"
    path.write_text(taken(net, form), encoding="utf-8")
    lines = dict(line.split(" ", 1) for line in run(sys.executable, path))
    values = net.values()
    assert float(lines.pop("loss")) == pytest.approx(values["loss"], rel=1e-12)
    found = {name: np.array(json.loads(printed)) for name, printed in lines.items()}
    for weight in net.weights():
        if str(weight) in values.partials:
            own = found[f"W_{weight.target}"][weight.origin - 1, weight.to - 1]
            assert own == pytest.approx(values.partials[str(weight)], rel=1e-9) or net.ties


@pytest.mark.parametrize("text", NETWORKS)
def test_c_runs(tmp_path, text):
    """Compiled with its own main; in single precision."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is missing"
    net = shown(text)
    path = tmp_path / "taken.c"
    path.write_text(taken(net, "c"), encoding="utf-8")
    run(
        compiler,
        "-O1",
        "-march=native",
        "-Wall",
        "-Wno-psabi",
        "-DCHAINRULE_MAIN",
        path,
        "-lm",
        "-o",
        tmp_path / "taken",
    )
    assert float(run(tmp_path / "taken")[0].split()[1]) == pytest.approx(net.values()["loss"], rel=1e-5)


def test_microcontrollers_begin_with_the_numbers():
    """Their code has had them all along."""
    assert "0.123456f" in taken(shown("2-2-1 --bias"), "c-embedded")


@pytest.mark.parametrize("form", ["latex", "markdown", "typst"])
def test_a_document_is_about_what_is_chosen(form):
    """Its lines and no others, with the numbers; all of them where nothing is chosen, or what has no lines."""
    net = shown("2-2-1 --bias")
    one, everything = taken(net, form, selected="w_11^2"), taken(net, form)
    assert len(one) < len(everything) / 3
    assert f"{net.values().partials['w_11^2']:.6g}".lstrip("-") in one
    assert taken(net, form, selected="loss") == everything
    assert taken(net, form, selected="x_0")
