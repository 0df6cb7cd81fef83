"""The command as a whole process: where it says it is, a port that is taken, Ctrl-C, a browser that is not there."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from chainrule.cli import commands, main
from chainrule.serve import command

NO_SCREEN = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def started(*arguments, **environment):
    """A server in a process of its own, and where it says it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "serve", "--port", "0", "--jobs", "1", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env={**NO_SCREEN, **environment},
        start_new_session=True,
    )  # fmt: skip
    first = process.stdout.readline()
    found = re.search(r"http://\S+:\d+/", first)
    assert found, first + process.stderr.read()
    return process, found[0]


def computing(process):
    """The processes that a server has started and that are still there."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def alive(pids):
    """The ones that still run: one that has ended may be listed until somebody asks how."""
    states = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False
    )
    return [line for line in states.stdout.splitlines() if not line.split()[1].startswith("Z")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_ends_when_it_is_told(number, code):
    """At once, saying so, with nothing on stderr and no process left; Ctrl-C is the usual way, and no failure."""
    process, url = started("2-1", "--no-open")
    assert b"<main" in urllib.request.urlopen(url).read()
    children = computing(process)
    assert children
    began = time.monotonic()
    os.killpg(process.pid, number)  # as a terminal does: whatever belongs to it
    out, err = process.communicate(timeout=20)
    assert (err, process.returncode) == ("", code)
    assert out.endswith("Ended.\n")
    assert time.monotonic() - began < 10
    while left := alive(children):  # being told is not yet having ended
        assert time.monotonic() - began < 20, left
        time.sleep(0.05)


EXAMPLES = [line.split()[2:] for line in commands.commands["serve"].epilog.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("example", EXAMPLES, ids=" ".join)
def test_examples_can_be_copied(tmp_path, monkeypatch, example):
    """What help gives as an example serves."""
    monkeypatch.chdir(tmp_path)
    Path("sheet.toml").write_text("layers = '2-3-1'\n", encoding="utf-8")
    process, url = started(*example, "--no-open", "--port", "0")
    assert urllib.request.urlopen(url).status == 200
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1] == "" and process.returncode == 0


def test_ctrl_c_before_it_is_ready():
    """Ends it as well."""
    process, _ = started("--no-open")
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[1] == "" and process.returncode == 0


def test_what_computes_ends_with_a_server_that_is_killed():
    """It cannot say goodbye; its processes notice."""
    process, url = started("--no-open")
    urllib.request.urlopen(url).read()
    children = computing(process)
    process.kill()
    process.communicate()
    for _ in range(100):
        if not alive(children):
            return
        time.sleep(0.1)
    raise AssertionError("they are left")


def test_without_a_browser(tmp_path):
    """It says where the page is, in the language that was asked for."""
    process, url = started("--open", "--lang", "ko")
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert "Ctrl-C로 끝냅니다." in lines[0] and f"직접 여세요: {url}" in lines[1] and "끝났습니다." in out


def test_with_a_browser(tmp_path):
    """It is opened at the page."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    process, url = started("--open", DISPLAY=":99", BROWSER=str(browser))
    for _ in range(100):
        if seen.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert seen.read_text().strip() == url


@pytest.mark.parametrize(("lang", "words"), [("en", ["is taken", "--port 0"]), ("ko", ["이미 쓰이고", "--port 0"])])
def test_a_port_that_is_taken(capsys, lang, words):
    """Is said, with what to do, and exit code 2."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as end:
            main(["serve", "--port", str(port), "--no-open", "--lang", lang])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert str(port) in said and all(word in said for word in words)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [(["--host", "no.such.name.invalid"], "no.such.name.invalid"), (["--host", "192.0.2.1"], "192.0.2.1"),
     (["--host", "a" * 300], "aaa"), (["--port", "70000"], "70000"), (["--port", "x"], "x"), (["2-x-1"], "2-x-1"),
     (["1000-1000-1"], "20000"), (["--limit", "0"], "0"), (["--jobs", "0"], "0"), (["2-1", "3-1"], "3-1")],
)  # fmt: skip
def test_misuse(capsys, arguments, part):
    """Is said before anything is started."""
    with pytest.raises(SystemExit) as end:
        main(["serve", "--no-open", *arguments])
    assert end.value.code == 2 and part in capsys.readouterr().err


def test_a_missing_extra_is_named(capsys, monkeypatch):
    """Where Starlette is not installed."""
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(SystemExit) as end:
        main(["serve"])
    assert end.value.code == 2 and 'pip install "chainrule[serve]"' in capsys.readouterr().err


def test_only_this_machine_unless_told_otherwise():
    """The address that is bound is the one of this machine alone."""
    default = {option.name: option.default for option in commands.commands["serve"].params}
    assert default["host"] == "127.0.0.1"
    listener = command.listen("127.0.0.1", 0)
    assert listener.getsockname()[0] == "127.0.0.1"
    listener.close()


def test_others_may_come_where_that_is_said():
    """By any address, and by the names that were given; and the person is told."""
    process, url = started("--no-open", "--host", "0.0.0.0", "--allow-host", "lab.example")
    told = process.stdout.readline()
    try:
        for host, status in (("lab.example", 200), ("10.1.2.3", 200), ("evil.example", 421)):
            request = urllib.request.Request(url, headers={"Host": host})
            try:
                found = urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                found = error.code
            assert found == status
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert "Other machines can reach it." in told
