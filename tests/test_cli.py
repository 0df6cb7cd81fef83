"""The command line as its users meet it: whole processes, exit codes, what is said, and what is never left behind."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pytest

import chainrule
from chainrule.cli import SHELLS, command_line, main
from chainrule.export import export
from chainrule.prose import LANGUAGES
from chainrule.width import columns

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
        ("exercise", "2-2-1"),
        ("exercise", "2-2-1", "--mistakes", "3", "--lang", "ko"),
        ("exercise", "2-2-1", "--view", "matrix", "--samples", "2", "--part", "key"),
        ("exercise", "2-2-1", "--format", "notebook", "--seed", "9"),
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
        (("exercise", "100-100-1"), "10100"),
        (("exercise", "1-1", "--mistakes", "40"), "40"),
        (("exercise", "2-2-1", "--part", "errors"), "--mistakes"),
        (("exercise", "2-2-1", "--part", "answers"), "answers"),
        (("exercise", "2-2-1", "-o", "sheet.doc"), ".doc"),
        (("exercise", "2-2-1", "-o", "/nowhere/sheet.md"), "/nowhere/sheet"),
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


# Help and misuse, in both languages


COMMANDS = (
    "chainrule", "derive", "draw", "values", "lesson", "check", "export", "exercise", "train", "sweep", "predict",
    "serve", "cache", "completion",
)  # fmt: skip
ENGLISH = re.compile(
    r"\b(Usage|Options|OPTIONS|Commands|COMMAND|ARGS|Show|default|Examples?|Try|Error|NAME|FILE|NUMBERS?)\b"
)
"""Words of click's, and of ours, that a page in Korean must not have."""


def korean(text):
    """Whether a text has a syllable of Hangul."""
    return any("가" <= char <= "힣" for char in text)


def command(name, lang):
    """A command in a language."""
    group = command_line(lang)
    return group if name == "chainrule" else group.commands[name]


def help_of(name, lang):
    """The page of help of a command, as a process prints it to a terminal of 80 columns."""
    result = run(*([] if name == "chainrule" else [name]), "--help", "--lang", lang, COLUMNS="80")
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_complete(name, lang):
    """Every command says what it does and gives examples, every option what it is for, in the language asked for."""
    asked = command(name, lang)
    context = click.Context(asked, info_name=name)
    options = [param for param in asked.get_params(context) if isinstance(param, click.Option)]
    said = [*asked.help.split("\n\n"), asked.short_help, asked.epilog, *(option.help or "" for option in options)]
    assert {"--help", "--lang"} <= {spelling for option in options for spelling in option.opts}
    for text in said:
        assert text.strip()
        assert korean(text) == (lang == "ko"), text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_readable(name, lang):
    """A page of help fits into 80 columns, and names every option and every command, each with its text."""
    page = help_of(name, lang)
    asked = command(name, lang)
    squeezed = re.sub(r"\s+", "", page)
    for line in page.splitlines():
        assert columns(line) <= 80, line
        assert "`" not in line
    for option in asked.params:
        if isinstance(option, click.Option):
            assert max(option.opts, key=len) in page
            assert re.sub(r"\s+", "", option.help) in squeezed
    for other in getattr(asked, "commands", {}).values():
        assert re.sub(r"\s+", "", other.short_help) in squeezed
    if lang == "ko":
        assert page.startswith("사용법: chainrule")
        assert not ENGLISH.search(page)
        assert all(korean(line) for line in page.splitlines() if line.endswith(":"))


@pytest.mark.parametrize("name", COMMANDS)
def test_both_languages_offer_the_same(name):
    """Commands in Korean take what they take in English, in the same order."""
    offers = [
        [(param.name, param.opts, param.type.name, getattr(param.type, "choices", None)) for param in one.params]
        for one in (command(name, "en"), command(name, "ko"))
    ]
    assert offers[0] == offers[1]


def test_no_sentence_of_help_is_left_over():
    """Every option that the sentences describe is one that some command has."""
    table = tomllib.loads((Path(chainrule.__file__).parent / "prose/en/cli.toml").read_text(encoding="utf-8"))
    pages = "".join(re.sub(r"\s+", "", help_of(name, "en")) for name in COMMANDS)
    for key, text in table["option"].items():
        assert re.sub(r"\s+", "", text) in pages, key
    assert set(table["command"]) == set(COMMANDS)


EXAMPLES = sorted(
    {
        line.strip() for lang in LANGUAGES for name in COMMANDS for line in command(name, lang).epilog.splitlines()
        if line.startswith("  ") and name != "serve"  # which does not end: tests/serve runs its examples
    }
)  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_can_be_copied(example, tmp_path, monkeypatch, capsys):
    """What help gives as an example runs."""
    monkeypatch.chdir(tmp_path)
    Path("sheet.toml").write_text("layers = '2-3-1'\n", encoding="utf-8")
    Path("submissions").mkdir()
    for name in ("derivation.md", "derivation.tex", "homework.md", "submissions/one.md"):
        Path(name).write_text("$$pred = a_1^2 w_{11}^3 + a_2^2 w_{12}^3$$\n", encoding="utf-8")
    Path("backward.py").write_text(export(chainrule.Network.read("2-3-2-1"), "numpy"), encoding="utf-8")
    Path("samples.csv").write_text("a,b,y\n" + "".join(f"{k % 5},{k % 7},{k % 5 + k % 7}\n" for k in range(40)))
    Path("flowers.csv").write_text("a,b,kind\n" + "".join(f"{k % 5},{k % 7},{'xy'[k % 5 > 2]}\n" for k in range(40)))
    if " predict " in example or " export model" in example:
        model = chainrule.Network.read("2-1").fit("samples.csv", target="y", epochs=1)
        Path("out").mkdir()
        for name in ("model.safetensors", "out/ensemble.safetensors"):
            model.save(name)
    words = shlex.split(example.partition(" >")[0])
    assert words[0] == "chainrule"
    if "-o" in words and words[-1].endswith(".pdf"):
        pytest.importorskip("typst")
    with pytest.raises(SystemExit) as end:
        main(words[1:])
    assert not end.value.code
    assert capsys.readouterr().err == "" or "submissions/" in words  # many documents are summed up there
    assert "-o" not in words or Path(words[words.index("-o") + 1]).stat().st_size


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--help", "--lang", "ko"), {}),
        (("--lang", "ko", "--help"), {}),
        (("--lang=ko", "-h"), {}),
        (("--help",), {"CHAINRULE_LANG": "ko"}),
        (("derive", "--help", "--lang", "ko"), {}),
        (("derive", "--lang", "ko", "-h"), {}),
        (("--lang", "ko", "derive", "--help"), {}),
        (("derive", "2-3-1", "--of", "w_11^1", "--help", "--lang=ko"), {}),
        (("--lang", "en", "derive", "--help", "--lang", "ko"), {}),
        (("derive", "--help"), {"CHAINRULE_LANG": "ko"}),
        (("completion", "--lang", "ko", "--help"), {}),
        (("--lang", "ko", "--version"), {}),
        (("--lang", "ko", "derive", "2-1"), {}),
        (("derive", "2-1"), {"CHAINRULE_LANG": "ko"}),
    ],
    ids=str,
)
def test_the_language_may_stand_anywhere(arguments, environment):
    """Before the command or behind it, before --help or behind it, or in the environment."""
    result = run(*arguments, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert korean(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--help",), {}),
        (("--help", "--lang", "en"), {"CHAINRULE_LANG": "ko"}),
        (("--lang", "ko", "derive", "--help", "--lang", "en"), {}),
        (("derive", "2-1", "--lang", "en"), {"CHAINRULE_LANG": "ko"}),
        (("--help",), {"CHAINRULE_LANG": "fr"}),
    ],
    ids=str,
)
def test_english_where_it_is_asked_for_or_nothing_is(arguments, environment):
    """The last word counts; a language that is none is as good as none."""
    result = run(*arguments, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert not korean(result.stdout)


MISUSE = [
    (("derive",), "Missing argument NET.", "인자가 빠졌습니다: 신경망."),
    (("completion",), "Missing argument {bash|zsh|fish}.", "인자가 빠졌습니다: {bash|zsh|fish}."),
    (("derive", "2-1", "--hiden", "relu"), "No such option: --hiden. Did you mean: --hidden",
     "이런 옵션은 없습니다: --hiden. 이것을 뜻했나요? --hidden"),
    (("derive", "2-1", "-z"), "No such option: -z.", "이런 옵션은 없습니다: -z."),
    (("drive",), "No such command: 'drive'. Did you mean: derive, serve?",
     "이런 명령은 없습니다: 'drive'. 이것을 뜻했나요? derive, serve"),
    (("derive", "2-1", "--of"), "Option --of needs a value.", "옵션에 값이 필요합니다: --of."),
    (("derive", "2-1", "--all=yes"), "Option --all takes no value.", "값을 받지 않는 옵션입니다: --all."),
    (("derive", "2-1", "--view", "matrx"), "--view: 'matrx' is not one of scalar, matrix, both. Did you mean: matrix?",
     "--view: 쓸 수 없는 값입니다: 'matrx'. 다음 중 하나: scalar, matrix, both. 이것을 뜻했나요? matrix"),
    (("completion", "tcsh"), "{bash|zsh|fish}: 'tcsh' is not one of bash, zsh, fish.",
     "{bash|zsh|fish}: 쓸 수 없는 값입니다: 'tcsh'. 다음 중 하나: bash, zsh, fish."),
    (("derive", "2-1", "--digits", "18"), "--digits: '18' is not a whole number from 1 to 17.",
     "--digits: 1부터 17까지의 정수가 아닙니다: '18'."),
    (("values", "2-1", "--seed", "x"), "--seed: 'x' is not a whole number of 0 or more.",
     "--seed: 0 이상의 정수가 아닙니다: 'x'."),
    (("draw", "2-1", "--scale", "0"), "--scale: '0' is not a number from 0.1 to 20.",
     "--scale: 0.1부터 20까지의 수가 아닙니다: '0'."),
    (("derive", "2-1", "3-1"), "Unexpected argument: 3-1", "필요 없는 인자: 3-1"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "english", "in_korean"), MISUSE, ids=str)
def test_misuse_in_both_languages(arguments, english, in_korean):
    """What is wrong with a command line is said below its usage, in the language asked for."""
    said = refused(run(*arguments))
    assert said.startswith("Usage: chainrule ")
    assert "--help' for help." in said
    assert f"\n\nError: {english}" in said
    assert not korean(said)
    said = refused(run(*arguments, CHAINRULE_LANG="ko"))
    assert said.startswith("사용법: chainrule ")
    assert "\n도움말: chainrule " in said
    assert f"\n\n오류: {in_korean}" in said
    assert not ENGLISH.search(said)


def test_a_value_in_the_environment_is_refused_in_korean():
    """A switch that the environment sets is checked like the others."""
    said = refused(run("derive", "2-1", CHAINRULE_DERIVE_BIAS="perhaps", CHAINRULE_LANG="ko"))
    assert "오류: --bias: 읽을 수 없는 값입니다: 'perhaps'." in said


@pytest.mark.parametrize("arguments", [(), ("--lang", "ko")])
def test_without_a_command_there_is_help(arguments):
    """Nothing was asked: help, on stderr, and exit 2."""
    said = refused(run(*arguments))
    assert said.startswith("사용법: chainrule" if arguments else "Usage: chainrule")
    assert "derive" in said


def test_messages_in_korean():
    """The language asked for holds for errors too."""
    assert korean(refused(run("derive", "2-3:sgimoid-1", "--lang", "ko")))
    assert korean(refused(run("derive", "2-0-1", CHAINRULE_LANG="ko")))
    assert korean(refused(run("--lang", "ko", "derive", "2-0-1")))


def test_partials_that_differ_exit_with_one(monkeypatch, capsys):
    """`--verify` that finds a difference is an answer, and no success."""
    monkeypatch.setattr("chainrule.show.table.passed", lambda checked: False)
    with pytest.raises(SystemExit) as end:
        main(["values", "2-1", "--verify"])
    assert end.value.code == 1
    assert capsys.readouterr().out


# Completion


@pytest.fixture
def on_path(tmp_path):
    """A PATH on which `chainrule` is this one."""
    script = tmp_path / "chainrule"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m chainrule "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def test_completion_works_in_bash(on_path):
    """The script that `completion bash` prints completes commands, options and values in a real bash."""
    asks = r"""
source <(chainrule completion bash)
complete -p chainrule
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _chainrule_completion chainrule
    echo "${COMPREPLY[*]}"
}
ask chainrule ""
ask chainrule d
ask chainrule derive --vi
ask chainrule derive 2-3-2-1 --view ""
ask chainrule --lang ko derive --lang k
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", asks],
        capture_output=True, text=True, timeout=SLOW, env={**os.environ, "PATH": on_path}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert "_chainrule_completion" in said[0]
    assert [set(line.split()) for line in said[1:]] == [
        {
            "cache",
            "check",
            "completion",
            "derive",
            "draw",
            "exercise",
            "export",
            "lesson",
            "predict",
            "serve",
            "sweep",
            "train",
            "values",
        },
        {"derive", "draw"},
        {"--view"},
        {"scalar", "matrix", "both"},
        {"ko"},
    ]


def test_the_script_is_what_the_environment_gives():
    """`_CHAINRULE_COMPLETE=bash_source chainrule` prints the same script as `chainrule completion bash`."""
    for shell in SHELLS:
        asked = run("completion", shell)
        given = run(_CHAINRULE_COMPLETE=f"{shell}_source")
        assert asked.stdout.strip() == given.stdout.strip() != ""


def test_completion_describes_in_korean():
    """Shells that show what a command does show it in the language of the environment."""
    result = run(COMP_WORDS="chainrule ", COMP_CWORD="1", _CHAINRULE_COMPLETE="zsh_complete", CHAINRULE_LANG="ko")
    assert command("derive", "ko").short_help in result.stdout


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


EXERCISE = ["errors-key.md", "errors.md", "key.md", "rubric.toml", "sheet.md", "sheet.toml"]


def test_an_exercise_is_a_folder_of_files(tmp_path):
    """All parts go into the folder that is named, which is made; what else is in it stays."""
    for folder in ("new/week3", "new/week3/"):
        assert run("exercise", "2-2-1", "--mistakes", "2", "-o", folder, cwd=tmp_path).returncode == 0
        assert sorted(path.name for path in (tmp_path / "new/week3").iterdir()) == EXERCISE
    (tmp_path / "new/week3/mine.txt").write_text("mine", encoding="utf-8")
    assert run("exercise", "2-1", "-o", "new/week3", cwd=tmp_path).returncode == 0
    assert "2-1" in (tmp_path / "new/week3/sheet.md").read_text(encoding="utf-8")
    assert (tmp_path / "new/week3/mine.txt").read_text(encoding="utf-8") == "mine"


def test_an_exercise_is_files_beside_each_other(tmp_path):
    """A file's name says what the others are called, and in which form they are."""
    assert run("exercise", "2-2-1", "-o", "week3.ipynb", cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "week3-key.ipynb", "week3-rubric.toml", "week3.ipynb", "week3.toml",
    ]  # fmt: skip
    assert run("exercise", "2-2-1", "--part", "key", "-o", "only.tex", cwd=tmp_path).returncode == 0
    assert (tmp_path / "only.tex").read_text(encoding="utf-8").startswith("\\documentclass")
    assert len([*tmp_path.iterdir()]) == 5


def test_an_exercise_is_written_whole_or_not_at_all(tmp_path):
    """Where one of its files cannot be written, none of them appears, nor a folder for them."""
    (tmp_path / "week3-rubric.toml").mkdir()
    assert "week3-rubric.toml" in refused(run("exercise", "2-2-1", "-o", "week3.md", cwd=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["week3-rubric.toml"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "file" in refused(run("exercise", "2-2-1", "-o", "file/week3/", cwd=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "week3-rubric.toml"]


def test_an_exercise_is_marked_by_check(tmp_path):
    """The key earns all points, a solution with mistakes does not, and the sheet's numbers are those of its network."""
    assert run("exercise", "2-2-1", "--mistakes", "2", "-o", ".", cwd=tmp_path).returncode == 0
    marked = run("check", "sheet.toml", "key.md", "--rubric", "rubric.toml", cwd=tmp_path)
    assert marked.returncode == 0 and "12 of 12 points" in marked.stdout
    assert run("check", "sheet.toml", "errors.md", cwd=tmp_path).returncode == 1
    assert run("values", "sheet.toml", cwd=tmp_path).returncode == 0


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
