"""Files that fail, hang, eat memory, print, fork, lie: each ends in time, with a clear error and no traceback."""

import time

import pytest

from chainrule import check_code
from chainrule.errors import ChainruleError

NET = "2-3-1 --bias"
GOOD = """
import numpy as np
def backward(X, Y, params):
    W1, b1, W2, b2 = (params[k] for k in ("W1", "b1", "W2", "b2"))
    a = 1 / (1 + np.exp(-(X @ W1 + b1)))
    d2 = a @ W2 + b2 - Y
    d1 = d2 @ W2.T * a * (1 - a)
    HERE
    return {"W1": X.T @ d1, "b1": d1.sum(0), "W2": a.T @ d2, "b2": d2.sum(0)}
"""


def good(here: str = "pass", top: str = "") -> str:
    return top + GOOD.replace("HERE", here)


STUBBORN = "while True:\n        try:\n            while True: pass\n        except BaseException: pass"
LIAR = "import os\n    for fd in range(3, 20):\n        try: os.write(fd, b'x' * 64)\n        except OSError: pass"
STOPPED = """
import os, signal, threading, time
def stop():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGSTOP)
def backward(X, Y, params):
    if not hasattr(backward, "begun"):
        backward.begun = threading.Thread(target=stop, daemon=True)
        backward.begun.start()
    time.sleep(0.1)
    return {"W1": params["W1"]}
"""
REFUSED = {
    "raises": (good("raise ValueError('no')"), "code_raises", "backward.py:8"),
    "raises quietly": (good("assert False"), "code_raises", "AssertionError"),
    "index": (good("params['W7']"), "code_raises", "KeyError"),
    "exits": (good("import sys; sys.exit(0)"), "code_leaves", "backward.py:8"),
    "exits at once": (good(top="exit(3)\n"), "code_leaves", "backward.py:1"),
    "ends hard": (good("import os; os._exit(5)"), "code_ended", "5"),
    "ends hard at once": (good(top="import os\nos._exit(0)\n"), "code_ended", "0"),
    "crashes": (good("import ctypes; ctypes.string_at(0)"), "code_killed", "SIGSEGV"),
    "kills itself": (good("import os; os.kill(os.getpid(), 9)"), "code_killed", "SIGKILL"),
    "loops": (good("while True: pass"), "code_slow", "2"),
    "loops at once": (good(top="while True: pass\n"), "code_slow_load", "2"),
    "sleeps": (good("import time; time.sleep(60)"), "code_slow", "2"),
    "stops reading": (STOPPED, "code_slow", "2"),
    "catches everything": (good(STUBBORN), "code_slow", "2"),
    "eats memory": (good("x = np.ones((1 << 30, 8))"), "code_memory", "512"),
    "eats lists": (good("x = []\n    while True: x.append(bytes(1 << 20))"), "code_memory", "512"),
    "recurses": (good("f = lambda: f(); f()"), "code_raises", "RecursionError"),
    "no module": (good(top="import surely_not_there\n"), "code_no_module", "surely_not_there"),
    "broken at the top": (good(top="1 / 0\n"), "code_load_raises", "ZeroDivisionError"),
    "no python": ("def backward(X, Y:\n", "code_syntax", "1"),
    "empty": ("", "code_no_function", "backward"),
    "no function": ("backward = 3\n", "code_no_function", "backward"),
    "gone": (good() + "\ndel backward\n", "code_absent", "backward"),
    "two": ("def f(X): pass\ndef g(X): pass\n", "code_which_function", "f, g"),
    "unknown argument": ("def backward(X, Y, banana): pass\n", "code_argument", "banana"),
    "nothing": ("def backward(X, Y, params): pass\n", "code_returned_nothing", "dW1"),
    "text": ("def backward(X, Y, params): return 'W1'\n", "code_returned_other", "str"),
    "a function": ("def backward(X, Y, params): return backward\n", "code_returned_other", "function"),
    "other names": ("def backward(X, Y, params): return {'a': 1.0}\n", "code_returned_names", "a"),
    "too few": ("def backward(X, Y, params): return X, Y\n", "code_returned_count", "2"),
    "objects": ("import numpy as np\ndef backward(X, Y, params): return {'W1': np.array([{}, 1], dtype=object)}\n",
                "code_returned_not_array", "object"),
    "complex": ("def backward(X, Y, params): return {'W1': params['W1'] * 1j}\n",
                "code_returned_not_array", "complex"),
    "too much": ("import numpy as np\ndef backward(X, Y, params): return {'W1': np.zeros(10**6)}\n",
                 "code_too_large", ""),
    "endless depth": ("def backward(X, Y, params):\n    x = []\n    x.append(x)\n    return x\n", "code_too_large", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_judged_is_said(tmp_path, name):
    """The error has a key and facts; both languages can say it, and it names the place or the number that matters."""
    source, key, shown = REFUSED[name]
    path = tmp_path / "backward.py"
    path.write_text(source, encoding="utf-8")
    start = time.monotonic()
    with pytest.raises(ChainruleError) as caught:
        check_code(path, NET, seconds=2 if "slow" in key else 20, memory=512 if key == "code_memory" else 4096)
    assert caught.value.key == key, caught.value.message()
    assert shown in caught.value.message()
    assert caught.value.message(lang="ko") != caught.value.message()
    assert "chainrule/judge" not in caught.value.message()
    assert time.monotonic() - start < 20


def test_megabytes_of_output_are_cut(tmp_path):
    """What is printed is read, counted and cut; it does not block and does not disturb the answer."""
    path = tmp_path / "backward.py"
    path.write_text(good("print('x' * 3_000_000); import sys; sys.stderr.write('y' * 100)"), encoding="utf-8")
    report = check_code(path, NET)
    assert not report.wrong
    assert 0 < len(report.printed) <= 2000
    assert "note.printed" in {note.key for note in report.notes}


def test_forks_do_not_answer_twice(tmp_path):
    """A copy of the process neither answers nor stays."""
    path = tmp_path / "backward.py"
    path.write_text(good("import os; os.fork()"), encoding="utf-8")
    assert not check_code(path, NET).wrong
    path.write_text(good("import subprocess; subprocess.Popen(['sleep', '77'])"), encoding="utf-8")
    assert not check_code(path, NET).wrong


def test_a_child_that_stays_does_not_hold_it_up(tmp_path):
    """The whole group is ended."""
    path, sign = tmp_path / "backward.py", tmp_path / "sign"
    child = tmp_path / "child.py"
    child.write_text(f"import time\ntime.sleep(3)\nopen({str(sign)!r}, 'w')\n", encoding="utf-8")
    here = f"import subprocess, sys; subprocess.Popen([sys.executable, {str(child)!r}])"
    path.write_text(good(here), encoding="utf-8")
    start = time.monotonic()
    assert not check_code(path, NET).wrong
    time.sleep(max(0.0, 4 - (time.monotonic() - start)))
    assert not sign.exists()


def test_lies_to_the_pipe_are_no_answers(tmp_path):
    """Bytes written to the pipe by the file itself are no result."""
    path = tmp_path / "backward.py"
    path.write_text(good(LIAR), encoding="utf-8")
    with pytest.raises(ChainruleError) as caught:
        check_code(path, NET)
    assert caught.value.key == "code_garbled"


def test_not_a_number_is_wrong(tmp_path):
    """Nan and inf are wrong entries, not errors, and never right."""
    path = tmp_path / "backward.py"
    path.write_text(good("d1 = d1 * np.nan"), encoding="utf-8")
    report = check_code(path, NET)
    assert [str(report[n].verdict) for n in ("W_1", "b_1", "W_2")] == ["wrong", "wrong", "right"]
    assert report.mistakes[0].kind == "not_a_number"


def test_arguments_that_are_changed_in_place(tmp_path):
    """A function that updates its weights is told so; the numbers that judge it are its own."""
    path = tmp_path / "backward.py"
    path.write_text(good("W2 -= 0.1 * a.T @ d2"), encoding="utf-8")
    report = check_code(path, NET)
    assert not report.wrong
    (note,) = (note for note in report.notes if note.key == "note.changed")
    assert note.facts["what"] == "W2"


def test_the_file_finds_what_lies_beside_it(tmp_path):
    """As under `python backward.py`, and the module of that name is not one of chainrule's."""
    (tmp_path / "names.py").write_text("FACTOR = 1.0\n", encoding="utf-8")
    path = tmp_path / "backward.py"
    path.write_text(good("from names import FACTOR; d1 = d1 * FACTOR"), encoding="utf-8")
    assert not check_code(path, NET).wrong
