"""Each compiler that can be had makes the same numbers: the system's, and that of the ziglang package."""

from __future__ import annotations

import importlib
import shutil
import sys

import numpy as np
import pytest

from chainrule import Network, native

building = importlib.import_module("chainrule.native.build")  # the package has a function of that name

COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "ziglang": [sys.executable, "-m", "ziglang", "cc"],
}


@pytest.mark.parametrize("name", COMPILERS)
def test_a_training_step_is_the_same_to_rounding(name, tmp_path, monkeypatch):
    command = COMPILERS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{name} is not here")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "zig"))
    net = Network.read("2-5:tanh-3-1 --bias --loss mse")
    kernel = native.compile(net, dtype="float64", quiet=True, cc=" ".join(command))
    assert kernel.source, "not native"
    plain = native.compile(net, dtype="float64", cc="numpy")
    random = np.random.default_rng(3)
    x, true = random.normal(size=(37, 2)), random.normal(size=(37, 1))
    parameters = kernel.draw(0)
    value, gradient = kernel.value_and_grad(parameters, x, true)
    expected, by_numpy = plain.value_and_grad(parameters, x, true)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, by_numpy, rtol=1e-11, atol=1e-14)


def test_the_package_is_taken_where_the_system_has_no_compiler(monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    found = shutil.which
    monkeypatch.setattr(building.shutil, "which", lambda name: None if name in ("cc", "gcc", "clang") else found(name))
    building._found.cache_clear()
    try:
        compiler = building.find_compiler()
        assert compiler is not None
        assert compiler.command == (sys.executable, "-m", "ziglang", "cc")
    finally:
        building._found.cache_clear()
