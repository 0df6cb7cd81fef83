"""The command line as its users meet it: whole processes, exit codes, what is said, and what is never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOW = 60
NEURON = b"[[neuron]]\nname='%s'\nfrom=%s\n"


def run(*arguments, cwd=None, text=True, **environment):
    """One whole process; its output is whatever it wrote."""
    return subprocess.run(
        [sys.executable, "-m", "chainrule", *map(str, arguments)],
        capture_output=True, text=text, timeout=SLOW, cwd=cwd, env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def refused(result):
    """A refusal: exit 2, a message of a few lines, nothing on stdout, no traceback."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()
    return result.stderr


def test_the_main_job():
    """`chainrule derive 2-3-2-1` prints the whole derivation, plain where nobody is watching, and nothing else."""
    result = run("derive", "2-3-2-1")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert result.stdout == (Path(__file__).parent / "goldens" / "2-3-2-1.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("derive", "2-3-2-1", "--of", "w_11^2"),
        ("derive", "2-3-2-1", "--of", "layer 2", "--format", "markdown"),
        ("derive", "2-3-2-1", "--of", "w_11^1", "--paths"),
        ("derive", "2-3:tanh-2:relu-1", "--bias", "--loss", "mse", "--format", "latex"),
        ("derive", "2-3-2-1", "--view", "both", "--lang", "ko"),
        ("derive", "2-100-50-1", "--view", "matrix", "--notation", "ng"),
        ("derive", "2-3-2:softmax", "--loss", "cross_entropy", "--samples", "N", "--general"),
        ("derive", "2-3-2-1", "--samples", "3", "--depth", "expanded", "--inputs"),
        ("derive", "2-3-2-1", "--numbers", "--seed", "3", "--digits", "3"),
        ("derive", "2-3-2-1", "--x", "0.5,-1", "--true", "1", "--set", "w_11^2=0.25"),
        ("draw", "2-3-2-1"),
        ("draw", "2-3-2-1", "--highlight", "w_11^1", "--direction", "backward", "--format", "tikz"),
        ("values", "2-3-2-1"),
        ("values", "2-3-2-1", "--verify", "--format", "json"),
        ("values", "2-3-2-1", "--format", "csv"),
        ("--version",),
        ("--help",),
        ("derive", "--help"),
        ("completion", "bash"),
        ("completion", "zsh"),
        ("completion", "fish"),
    ],
    ids=" ".join,
)
def test_it_answers(arguments):
    """Every documented way to ask gets an answer on stdout, and silence on stderr."""
    result = run(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("derive", "2-3:sgimoid-1"), "sigmoid"),
        (("derive", "2-three-1"), "three"),
        (("derive", ""), ""),
        (("derive", "2-0-1"), "0"),
        (("derive", "2-1000000000-1"), "1000000000"),
        (("derive", "2-" + "9" * 5000 + "-1"), ""),
        (("derive", "-" * 3), ""),
        (("derive", "2-3-1", "--loss", "msee"), "mse"),
        (("derive", "2-3-1", "--reduction", "max"), "max"),
        (("derive", "nowhere.toml"), "nowhere.toml"),
        (("derive", "2-3-1", "--of", "w_99^1"), "w_99^1"),
        (("derive", "2-3-1", "--of", "w_113^1"), "w_11,3^1"),
        (("derive", "2-3-1", "--of", "__import__('os')"), ""),
        (("derive", "2-3-1", "--notation", "latex"), "seed"),
        (("derive", "2-3-1", "--format", "word"), "word"),
        (("derive", "2-3-1", "--view", "tensor"), "tensor"),
        (("derive", "2-3-1", "--samples", "-1"), "-1"),
        (("derive", "2-3-1", "--samples", "many"), "many"),
        (("derive", "2-3-1", "--x", "1"), "2"),
        (("derive", "2-3-1", "--x", "1,zwei"), "zwei"),
        (("derive", "2-3-1", "--x", "1,nan"), ""),
        (("derive", "2-3-1", "--set", "w_11^2"), "w_11^2"),
        (("derive", "2-3-1", "--set", "w_91^2=1"), "w_91^2"),
        (("derive", "2-3-1", "--paths"), "--of"),
        (("derive", "2-3-1", "--data", "nowhere.csv", "--numbers"), "nowhere.csv"),
        (("derive", "2-3-1", "-o", "sheet.doc"), ".doc"),
        (("derive", "2-3-1", "-o", "/nowhere/sheet.txt"), "/nowhere/sheet.txt"),
        (("derive", "2-3-1", "-o", "/"), "/"),
        (("derive",), "NET"),
        (("derive", "2-3-1", "--bogus"), "--bogus"),
        (("draw", "2-3-1", "--highlight", "w_91^1"), "w_91^1"),
        (("values", "2-3-1", "--weights", "nowhere.npz"), "nowhere.npz"),
        (("values", "2-3-1", "--seed", "-1"), "-1"),
        (("nonsense",), "nonsense"),
    ],
)
def test_misuse_is_refused(arguments, said):
    """A clear message that names what was read, and exit 2."""
    assert said in refused(run(*arguments))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.toml", b""),
        ("binary.toml", bytes(range(256)) * 64),
        ("null.toml", b"\0" * 1000),
        ("latin1.toml", "name = 'Übung'".encode("latin-1")),
        ("syntax.toml", b"layers = 2-3-1\n"),
        ("unknown.toml", b"layers = '2-3-1'\nweigths = 3\n"),
        ("cycle.toml", b"inputs=['x']\noutputs=['b']\n" + NEURON % (b"a", b"['b']") + NEURON % (b"b", b"['a','x']")),
        ("shape.toml", b"layers='2-3-1'\n[weights]\nW_1=[[1,2],[3,4],[5,6]]\n"),
        ("nan.toml", b"layers='2-1'\n[weights]\n\"w_11^1\"=nan\n"),
        ("deep.toml", b"a = " + b"[" * 5000 + b"]" * 5000),
        ("long.toml", b"layers = '" + b"2-" * 2_000_000 + b"1'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["derive", "draw", "values"])
def test_broken_files_are_refused(tmp_path, command, name, content):
    """Whatever a file holds, the answer is a message that names it."""
    (tmp_path / name).write_bytes(content)
    assert name in refused(run(command, name, cwd=tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_messages_in_korean():
    """The language asked for holds for errors too."""
    said = refused(run("derive", "2-3:sgimoid-1", "--lang", "ko"))
    assert any("가" <= char <= "힣" for char in said)
    assert any("가" <= char <= "힣" for char in refused(run("derive", "2-0-1", CHAINRULE_LANG="ko")))


def test_a_file_appears_whole(tmp_path):
    """The ending names the form; what was there is replaced; nothing else is left."""
    target = tmp_path / "sheet.md"
    target.write_text("old")
    target.chmod(0o600)
    assert run("derive", "2-3-2-1", "-o", target).returncode == 0
    assert target.read_text(encoding="utf-8").startswith("# Every")
    assert target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.md"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_writing_leaves_the_old_file(tmp_path, how):
    """Interrupted in the middle of 1.8 million lines, the file that was there is still there, whole."""
    target = tmp_path / "all.tex"
    target.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "derive", "784-1000-1000-10", "--all", "-o", str(target)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline and not any(p.suffix == ".part" and p.stat().st_size for p in tmp_path.iterdir()):
        assert process.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.01)
    process.send_signal(how)
    _, said = process.communicate(timeout=SLOW)
    assert process.returncode != 0
    assert b"Traceback" not in said
    assert target.read_text() == "old"
    if how is not signal.SIGKILL:  # nothing can tidy up after that one
        assert [p.name for p in tmp_path.iterdir()] == ["all.tex"]


def test_a_full_disk_is_said_plainly(tmp_path):
    """/dev/full takes nothing: a message and exit 2."""
    assert "/dev/full" in refused(run("derive", "2-3-2-1", "-o", "/dev/full"))


def test_a_reader_that_leaves_is_no_error():
    """`chainrule derive … --all | head -1` ends quietly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "derive", "784-1000-1000-10", "--all"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=SLOW) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_an_output_that_cannot_show_unicode():
    """A terminal or pipe in plain ASCII gets escapes, not a crash."""
    result = run("derive", "2-1", PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert "\\u2202loss" in result.stdout


@pytest.mark.parametrize("form", ["text", "latex", "latex-fragment", "markdown", "typst", "html", "json"])
def test_hostile_names_are_only_names(tmp_path, form):
    """What a person calls a network or a unit is escaped in every form."""
    (tmp_path / "sheet.toml").write_text(
        'name = "<script>alert(1)</script> $x$ \\\\input{/etc/passwd} #eval(1) `rm` & _%"\nlayers = "2-2-1"\n',
        encoding="utf-8",
    )
    result = run("derive", "sheet.toml", "--format", form, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    if form == "html":
        assert "<script>alert(1)" not in result.stdout
    if form.startswith("latex"):
        assert "\\input{" not in result.stdout
    if form == "markdown":
        assert "<script>" not in result.stdout
    if form == "json":
        json.loads(result.stdout)


def test_json_has_what_the_issue_of_a_line_needs():
    """Each Step has target, latex (target, chain, substituted, expanded), rule, uses, shape, and its value."""
    result = run("derive", "2-3-2-1", "--format", "json", "--numbers")
    document = json.loads(result.stdout)
    targets = [step["target"] for step in document["steps"]]
    assert "w_11^2" in targets and "z_1^2" in targets
    for step in document["steps"]:
        assert {"target", "latex", "rule", "uses", "shape", "value"} <= set(step)
        assert {"target", "chain", "substituted", "expanded"} <= set(step["latex"])
        assert isinstance(step["value"], float)
        assert all(used in targets[: targets.index(step["target"])] for used in step["uses"])


def test_values_agree_between_commands():
    """The value of a line is the partial of the table."""
    derived = json.loads(run("derive", "2-3-2-1", "--format", "json", "--numbers", "--seed", 5).stdout)
    table = json.loads(run("values", "2-3-2-1", "--format", "json", "--seed", 5).stdout)
    for step in derived["steps"]:
        assert step["value"] == pytest.approx(table["partials"][step["target"]], rel=1e-12)
    assert set(table["symbols"]) >= {"x_0", "x_1", "w_11^1", "z_1^1", "a_1^1", "pred", "true", "loss"}
