"""Folders of documents through the real command: as they come, resumed after a kill, whatever single files are like."""

from __future__ import annotations

import collections
import csv
import io
import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest

from chainrule.judge.command import record_line
from chainrule.judge.folder import Settings, Task, find, grade
from chainrule.judge.journal import Journal, JournalError
from chainrule.workers import Workers

NETWORK = "2-3-2-1"
LINES = {
    "right": r"$$\frac{\partial loss}{\partial w_{11}^3} = (pred - true) \cdot a_1^2$$",
    "wrong": r"$$\frac{\partial loss}{\partial w_{11}^3} = (true - pred) \cdot a_1^2$$",
    "unreadable": r"$$\frac{\partial loss}{\partial w_{11}^3} = \cdots$$",
}
HOSTILE = {
    "binary.md": bytes(range(256)) * 40,
    "brackets.md": b"$$loss = " + b"(" * 2000 + b"a" + b")" * 2000 + b"$$",
    "empty.md": b"",
    "notebook.ipynb": b'{"cells": 3}',
    "powers.md": b"$$loss = 9^{9^{9^9}} + 99999999!$$",
    "terms.md": b"$$loss = " + b"+".join([b"a_1^2"] * 10_000) + b"$$",
}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "chainrule", "check", NETWORK, *map(str, words)]


def checked(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=240, check=False, **more)


def write(folder: Path, count: int, start: int = 0) -> dict[str, str]:
    """Write documents of a line or two, no two alike, and return by name what is to be said of each."""
    truth = {}
    for number in range(start, start + count):
        name = f"{number % 7}/d{number:05d}.md"
        verdict = ("right", "wrong", "unreadable")[number % 10 % 3]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Answer {number}:\n\n{LINES[verdict]}\n", encoding="utf-8")
        truth[(folder / name).as_posix()] = verdict
    return truth


def records(results: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def verdicts(found: list[dict[str, object]]) -> dict[str, str]:
    """Return by name what was said, each name once."""
    names = collections.Counter(record["source"] for record in found)
    assert set(names.values()) <= {1}, names.most_common(3)
    return {
        record["source"]: "error" if "error" in record else next((v for v, n in record["counts"].items() if n), "")
        for record in found
    }


def test_thousands_of_files_and_hostile_ones_among_them(tmp_path):
    """Each has one line in what is printed, in results.jsonl and in summary.csv; nothing stops the others."""
    folder, out = tmp_path / "class", tmp_path / "out"
    truth = write(folder, 2000)
    twins = {}
    for number in range(300):
        (folder / f"twin{number}.md").write_text(LINES["wrong"], encoding="utf-8")
        twins[(folder / f"twin{number}.md").as_posix()] = "wrong"
    for name, content in HOSTILE.items():
        (folder / name).write_bytes(content)
    (folder / "huge.md").touch()
    os.truncate(folder / "huge.md", 3_000_000_000)
    (folder / "nowhere.md").symlink_to(tmp_path / "not there")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "locked.md").write_text(LINES["right"], encoding="utf-8")
    (folder / "locked.md").chmod(0)
    locked = [] if os.access(folder / "locked.md", os.R_OK) else ["locked.md"]  # root may read everything
    os.mkfifo(folder / "pipe.md")  # reading it would wait for ever
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / ".hidden.md").write_text(LINES["wrong"], encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    done = checked(folder, "-o", out, "--format", "jsonl", "--jobs", 2)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr  # and no bar: it is no terminal

    said = verdicts([json.loads(line) for line in done.stdout.splitlines()])
    kept = records(out / "results.jsonl")
    assert verdicts(kept) == said
    odd = {
        (folder / name).as_posix() for name in (*HOSTILE, "huge.md", "nowhere.md", "loop.md", "locked.md", "pipe.md")
    }
    assert said.keys() == truth.keys() | twins.keys() | odd
    assert {name: said[name] for name in (*truth, *twins)} == truth | twins
    errors = {Path(name).name for name, verdict in said.items() if verdict == "error"}
    assert errors == {"binary.md", "notebook.ipynb", "huge.md", "nowhere.md", "loop.md", "pipe.md", *locked}

    with open(out / "summary.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == sorted(said)
    assert {row["source"]: row["error"] for row in rows if row["error"]}.keys() == {
        n for n in odd if said[n] == "error"
    }
    counts = collections.Counter(said.values())
    for number in (len(said), counts["wrong"], counts["error"]):
        assert str(number) in done.stderr


class Counting(Workers):
    """Does what it is given at once, in this process, and notes what that was."""

    def __init__(self) -> None:
        super().__init__(None, 2)
        self.names: list[str] = []

    def submit(self, function, *args):
        self.names += [name for _, name, _ in args[1]]
        future = Future()
        future.set_result(function(*args))
        return future


def run_grade(
    folder: Path, journal: Journal | None = None, workers: Workers | None = None, settings: Settings | None = None
) -> list[dict[str, object]]:
    """Grade a folder in this process."""
    found: list[dict[str, object]] = []
    with workers or Counting() as workers:
        grade(find([str(folder)]), settings or Settings(NETWORK), workers=workers, journal=journal, told=found.append)
    return found


def test_results_appear_as_they_come(tmp_path):
    """Lines are there while the command still runs."""
    write(tmp_path, 200)
    child = subprocess.Popen(command(tmp_path, "--format", "jsonl", "--jobs", 1), stdout=subprocess.PIPE, text=True)
    try:
        first = json.loads(child.stdout.readline())
        child.send_signal(signal.SIGSTOP)  # it can write nothing more, and has not ended
        assert first["source"].endswith(".md") and child.poll() is None
        child.send_signal(signal.SIGCONT)
        rest = child.stdout.read().splitlines()
        assert len(rest) == 199
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_bar_on_a_terminal_only(tmp_path):
    write(tmp_path, 600)  # enough for the bar to be drawn again
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            command(tmp_path, "--format", "jsonl", "--jobs", 1), stdout=subprocess.PIPE, stderr=theirs, timeout=240,
            check=False,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        with suppress(OSError):  # Linux says that the other end is closed so
            while piece := os.read(ours, 65536):
                said += piece
    finally:
        os.close(ours)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 600
    assert b" of 600 documents" in said and b"[#" in said and b"\r\x1b[K" in said


def test_killed_at_any_moment_and_resumed(tmp_path):
    """SIGKILL, again and again, then once to the end: the results are those of a run that nothing disturbed."""
    folder, out = tmp_path / "class", tmp_path / "out"
    truth = write(folder, 900)
    rng = random.Random(1)
    counts = []
    for _ in range(3):
        child = subprocess.Popen(
            command(folder, "-o", out, "--jobs", 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = (counts or [0])[-1]
        wait_until(lambda own=child, before=before: own.poll() is not None or lines(out / "results.jsonl") > before)
        time.sleep(rng.random() * 0.3)
        child.kill()
        child.wait()
        counts.append(lines(out / "results.jsonl"))
    assert counts == sorted(counts) and counts[-1] > counts[0]
    with open(out / "results.jsonl", "ab") as file:
        file.write(b'{"key": "half a li')  # as if it had died in the midst of writing
    last = checked(folder, "-o", out, "--jobs", 2)
    assert last.returncode == 1, last.stderr
    assert verdicts(records(out / "results.jsonl")) == truth
    assert len(last.stdout.splitlines()) == len(truth)
    again = checked(folder, "-o", out, "--jobs", 2)
    assert sorted(again.stdout.splitlines()) == sorted(last.stdout.splitlines())
    assert f"{len(truth)} known before" in again.stderr  # nothing was judged twice


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_until(true: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_interrupted_it_ends_cleanly(tmp_path):
    """Ctrl-C: what was judged is kept, no half line, no traceback, no process stays behind."""
    folder, out = tmp_path / "class", tmp_path / "out"
    truth = write(folder, 1500)
    child = subprocess.Popen(
        command(folder, "-o", out, "--jobs", 2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: lines(out / "results.jsonl") > 20)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, said = child.communicate(timeout=120)
    assert child.returncode == 130 and "Traceback" not in said
    assert "results.jsonl" in said  # where it goes on
    kept = verdicts(records(out / "results.jsonl"))
    assert 20 < len(kept) < len(truth) and kept.items() <= truth.items()
    assert not (out / "summary.csv").exists()
    wait_until(lambda: not alive_in(child.pid))


def alive_in(group: int) -> list[str]:
    """Return the states of a group's processes that have not ended."""
    every = subprocess.run(["ps", "-e", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in every.splitlines()]
    return [state for own, state, *_ in found if own == str(group) and state[0] not in "ZX"]


def test_nobody_reads_any_more(tmp_path):
    """`| head -1`: no traceback."""
    write(tmp_path, 150)
    child = subprocess.Popen(
        command(tmp_path, "--jobs", 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    child.wait(120)
    assert "Traceback" not in said and "Error" not in said


def test_one_run_at_a_time(tmp_path):
    """The second says so and changes nothing."""
    write(tmp_path / "class", 3)
    with Journal(tmp_path / "results.jsonl"):
        done = checked(tmp_path / "class", "-o", tmp_path)
    assert done.returncode == 2 and "another run" in done.stderr and done.stdout == ""
    with Journal(tmp_path / "results.jsonl") as journal, pytest.raises(JournalError), Journal(journal.path):
        pass


def test_other_content_is_judged_anew(tmp_path):
    """A document that has changed: summary.csv has what is true of it now."""
    folder, out = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    for verdict, code in (("wrong", 1), ("right", 0)):
        (folder / "a.md").write_text(LINES[verdict], encoding="utf-8")
        done = checked(folder, "-o", out, "--jobs", 1)
        assert done.returncode == code and "0 known" in done.stderr
        (row,) = csv.DictReader(io.StringIO((out / "summary.csv").read_text(encoding="utf-8")))
        assert row[verdict] == "1"
    assert lines(out / "results.jsonl") == 2
    assert "1 known" in checked(folder, "-o", out, "--jobs", 1).stderr


def test_what_was_judged_otherwise_is_judged_again(tmp_path):
    """Other settings, and --no-resume."""
    write(tmp_path / "class", 3)
    for settings, resume, known in (
        (Settings(NETWORK), True, 0),
        (Settings(NETWORK), True, 3),
        (Settings(NETWORK, repairs=False), True, 0),
        (Settings("2-3-2-1 --bias"), True, 0),
        (Settings(NETWORK), True, 3),
        (Settings(NETWORK), False, 0),
    ):
        with Journal(tmp_path / "results.jsonl", resume=resume) as journal:
            workers = Counting()
            found = run_grade(tmp_path / "class", journal, workers, settings)
            assert len(found) == 3 and len(workers.names) == 3 - known
    assert lines(tmp_path / "results.jsonl") == 3


def test_misuse(tmp_path):
    """A word that names nothing is said before anything is judged."""
    write(tmp_path, 2)
    done = checked(tmp_path, tmp_path / "*.tex")
    assert done.returncode == 2 and "*.tex" in done.stderr and done.stdout == ""
    done = checked(tmp_path, "--format", "sarif")
    assert done.returncode == 2 and "jsonl" in done.stderr


def test_equal_documents_are_judged_once(tmp_path):
    """Equal documents that come while the first is on its way, and later; errors speak of each by its name."""
    for number in range(200):
        (tmp_path / f"a{number:03d}.md").write_text(LINES["wrong"], encoding="utf-8")
        (tmp_path / f"b{number:03d}.md").write_bytes(b"\xff\x00binary")
        (tmp_path / f"c{number:03d}.txt").write_text(LINES["wrong"], encoding="utf-8")  # read as another format
    workers = Counting()
    with Journal(tmp_path / "results.jsonl") as journal:
        found = run_grade(tmp_path, journal, workers)
    assert sorted(Path(name).name for name in workers.names) == ["a000.md", "b000.md", "c000.txt"]
    assert len(found) == 600
    for record in found:
        if "error" in record:
            assert Path(record["source"]).name in record["error"]
    with Journal(tmp_path / "results.jsonl") as journal:
        assert run_grade(tmp_path, journal, Counting()) == run_grade(tmp_path, journal, Counting())


def test_every_form_says_every_document(tmp_path):
    write(tmp_path, 6)
    (tmp_path / "bad.md").write_bytes(b"\xff\x00")
    found = run_grade(tmp_path)
    for form in ("text", "jsonl", "csv", "nbgrader"):
        for lang in ("en", "ko"):
            said = [record_line(record, form, lang) for record in found]
            assert all(line.count("\n") == 1 and line.endswith("\n") for line in said)
            assert len(set(said)) == 7


# A Dask cluster


@pytest.fixture
def cluster():
    """A scheduler and two worker processes, which are started again when they die."""
    import dask
    from distributed import LocalCluster

    settings = {"distributed.worker.profile.enabled": False, "distributed.scheduler.allowed-failures": 3}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60) as at,
    ):
        yield at


def test_a_dask_cluster_whose_workers_are_killed(tmp_path, cluster):
    """`--dask`: workers are killed in mid-run, one after the other; nothing is lost and nothing doubled."""
    folder, out = tmp_path / "class", tmp_path / "out"
    truth = write(folder, 700)
    child = subprocess.Popen(
        command(folder, "-o", out, "--dask", cluster.scheduler_address), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = threading.Thread(target=lambda: texts.extend(child.communicate(timeout=240)))
    texts: list[str] = []
    said.start()
    killed = set()
    for share in (50, 250):
        wait_until(lambda share=share: lines(out / "results.jsonl") >= share or child.poll() is not None)
        alive = {nanny.pid for nanny in cluster.workers.values() if nanny.pid is not None} - killed
        assert child.poll() is None and alive
        os.kill(min(alive), signal.SIGKILL)
        killed.add(min(alive))
    said.join()
    assert child.returncode == 1, texts
    assert verdicts(records(out / "results.jsonl")) == truth
    assert len(texts[0].splitlines()) == len(truth)
    assert len(killed) == 2


def test_find_names_each_file_once(tmp_path):
    write(tmp_path, 8)
    words = [str(tmp_path), str(tmp_path / "*" / "*.md"), str(tmp_path / "1" / "d00001.md")]
    assert [task.name for task in find(words)] == sorted(task.name for task in find([str(tmp_path)]))
    assert all(isinstance(task, Task) and os.path.isfile(task.path) for task in find(words))
