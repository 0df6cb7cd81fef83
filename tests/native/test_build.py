"""The folder of compiled code: private, whole, shared by processes, bounded; and what happens without a compiler."""

from __future__ import annotations

import importlib
import os
import re
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chainrule import Network, native
from chainrule.cli import main
from chainrule.native.numpy_kernel import NumpyKernel

building = importlib.import_module("chainrule.native.build")  # the package has a function of that name

SCRIPT = """
import sys
from chainrule import Network, native
kernel = native.compile(Network.read(sys.argv[1]), dtype="float64")
assert kernel.source, "not native"
print(kernel.value(kernel.draw(0), [[1.0, 2.0]], [[0.5]]))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder of its own for a test."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native"


def process(cache, network="2-3-2-1", **more):
    """A process that compiles a network and evaluates it."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, network], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CHAINRULE_CACHE": str(cache.parent), **more}, start_new_session=True,
    )  # fmt: skip


def slow_compiler(folder, seconds):
    """A compiler that waits, and writes half of a library first."""
    path = folder / "slow-cc"
    path.write_text(
        "#!/bin/sh\n"
        'case "$*" in *-dM*) exec cc "$@";; esac\n'
        'while [ $# -gt 0 ]; do [ "$1" = -o ] && printf half > "$2"; shift; done\n'
        f"sleep {seconds}\nexit 1\n"
    )
    path.chmod(0o755)
    return str(path)


def test_processes_can_build_the_same_network_at_once(cache):
    """All of them get it, one library is kept, nothing half-made is left."""
    running = [process(cache) for _ in range(6)]
    answers = [one.communicate(timeout=300) for one in running]
    assert [one.returncode for one in running] == [0] * 6, answers
    assert len({out for out, _ in answers}) == 1
    assert len(list(cache.glob("*.so"))) == 1
    assert not list(cache.glob(".build-*"))


def test_threads_can_build_the_same_network_at_once(cache):
    def one(_):
        return native.compile(Network.read("2-4-1"), dtype="float64", quiet=True).value(
            np.zeros(12), [[1.0, 2.0]], [[0.5]]
        )

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(8))) == {0.125}
    assert len(list(cache.glob("*.so"))) == 1


def test_killed_in_the_middle_of_a_build_nothing_half_made_is_used(cache, tmp_path):
    """SIGKILL: the next process builds as if there had been none; what was left goes away when it is old."""
    killed = process(cache, CC=slow_compiler(tmp_path, 60))
    until = time.monotonic() + 60
    while not list(cache.glob(".build-*/kernel.so")):
        assert time.monotonic() < until and killed.poll() is None
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not list(cache.glob("*.so"))
    [left] = cache.glob(".build-*")
    after = process(cache)
    _, said = after.communicate(timeout=300)
    assert after.returncode == 0 and "built 2-3-2-1 in" in said, said
    assert left.exists(), "it may be somebody's who still builds"
    os.utime(left, (0, 0))
    assert process(cache, "2-2-1").communicate(timeout=300)[0]
    assert not left.exists()


def test_the_folder_is_private(cache):
    """0700, made so where it was not: what lies in it is run."""
    cache.mkdir(parents=True, mode=0o777)
    os.chmod(cache, 0o777)
    native.compile(Network.read("2-2-1"), quiet=True)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    [library] = cache.glob("*.so")
    assert stat.S_IMODE(library.stat().st_mode) == 0o600


def test_a_folder_of_somebody_else_is_not_used(cache, monkeypatch):
    cache.mkdir(parents=True)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    building._private.cache_clear()
    found = building.cache_folder()
    assert found != cache and stat.S_IMODE(found.stat().st_mode) == 0o700
    building._private.cache_clear()


def test_what_was_not_used_for_longest_goes_first(cache, monkeypatch):
    kernels = {}
    for at, name in enumerate(("2-1", "2-2-1", "2-3-1")):
        before = set(cache.glob("*.so")) if cache.exists() else set()
        native.compile(Network.read(name), quiet=True)
        [kernels[name]] = set(cache.glob("*.so")) - before
        os.utime(kernels[name], (1000 + at, 1000 + at))
    native.compile(Network.read("2-1"), quiet=True)  # used again
    monkeypatch.setattr(building, "CACHE_FILES", 2)
    building.bound(cache)
    assert [name for name, path in kernels.items() if path.exists()] == ["2-1", "2-3-1"]
    monkeypatch.setattr(building, "CACHE_BYTES", 1)
    building.bound(cache, keep=kernels["2-1"])
    assert [name for name, path in kernels.items() if path.exists()] == ["2-1"]


def test_a_build_is_said_once_on_stderr_and_kept(cache, capsys):
    for _ in range(2):
        native.compile(Network.read("2-3-2-1"))
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert said.err.startswith("chainrule: built 2-3-2-1 in ")


def test_cache_command(cache, capsys):
    native.compile(Network.read("2-2-1"), quiet=True)
    native.compile(Network.read("2-1"), quiet=True)
    for words, said in (
        (["cache"], r"2 compiled networks, 0\.[0-9] MiB, in "), (["cache", "--clear"], "removed 2 compiled networks, "),
        (["cache", "--lang", "ko"], r"컴파일된 신경망 0개, 0\.0 MiB: "),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main(words)
        assert not left.value.code
        assert re.match(said, capsys.readouterr().out)
    assert not list(cache.glob("*.so"))


@pytest.mark.parametrize("cc", ["/nowhere/cc", "false"])
def test_without_a_compiler_numpy_computes_the_same_and_one_line_says_so(cache, monkeypatch, capsys, cc):
    net = Network.read("2-3-2-1 --bias")
    compiled = native.compile(net, dtype="float32", quiet=True)
    monkeypatch.setenv("CC", cc)
    plain = native.compile(net, dtype="float32")
    assert isinstance(plain, NumpyKernel) and not isinstance(compiled, NumpyKernel)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("chainrule: no C compiler found, computing with NumPy")
    random = np.random.default_rng(0)
    x, true = random.normal(size=(50, 2)), random.normal(size=(50, 1))
    ended = []
    for kernel in (compiled, plain):
        params, state = kernel.draw(3), kernel.state(seed=1)
        kernel.train(params, state, x, true, epochs=4, batch_size=7, rate=0.01)
        ended.append(params)
    np.testing.assert_allclose(*ended, rtol=2e-5, atol=1e-6)


def test_a_compiler_that_fails_is_said_with_its_reason(cache, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CC", slow_compiler(tmp_path, 0))
    kernel = native.compile(Network.read("2-1"))
    assert isinstance(kernel, NumpyKernel)
    assert "the C compiler failed on 2-1, computing with NumPy: exit code 1" in capsys.readouterr().err
    assert not list(cache.glob("*.so")) and not list(cache.glob(".build-*"))
