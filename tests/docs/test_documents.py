"""What the documents show is what happens: every command, every Python example and every file in them is tried.

A document is read from top to bottom in an empty folder:

    ```console          `$ ` starts a command; what follows, up to the next one, is all that it prints, to either
                        stream.
                        It must succeed, unless `$ echo $?` comes next and shows its exit status.
    ```python           examples behind `>>> `, run and compared; without any, plain code that is run
    ```toml title="f"   (or any language) a file of that name, written for the commands that follow
    ```sh               what cannot be tried here; the few commands that may stand there are listed below

Two marks leave something out: a line with nothing but … stands for any lines, and […] within a line for anything in it.
CHAINRULE_GOLDENS=write puts the real output into console blocks that differ and leave nothing out.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from chainrule.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<rest>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
TITLE = re.compile(r'title="([^"]+)"')

UNTRIED = {
    "python3 -m venv build/try && build/try/bin/pip install -qq . && build/try/bin/chainrule derive 2-3-2-1",
    "python3 dev.py test",
    "python3 dev.py check",
    "pip install .",
    'pip install ".[pdf]"',
    "python benchmarks/derive.py",
    "python benchmarks/values.py",
    "python benchmarks/run.py",
    "python benchmarks/run.py --tune --clock processor",
    'pip install ".[serve]"',
    "chainrule serve",
    "chainrule serve 2-8:tanh-1 --bias --lang ko",
    "chainrule serve sheet.toml --port 0 --no-open",
    "chainrule serve --host 0.0.0.0 --allow-host lab.example.org",
    "python benchmarks/serve.py",
    "python benchmarks/judge.py",
    "python benchmarks/page.py",
    "python tools/judge_trial.py --lines 100000 --seed 5 --jobs 2 --repairs 4000",
    "chainrule completion bash >> ~/.bashrc",
}
"""Commands that install, write outside the folder, or do not end.

The first one is tried by `dev.py check`, in its parts; tests/serve starts servers.
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, and what is in it without its indent."""

    document: Path
    line: int
    language: str
    title: str
    body: str
    span: tuple[int, int]
    indent: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        title = TITLE.search(match["rest"])
        line = text.count("\n", 0, match.start()) + 1
        body = "".join(row.removeprefix(match["indent"]) for row in match["body"].splitlines(keepends=True))
        found.append(
            Block(
                document, line, match["language"], title[1] if title else "", body, match.span("body"), match["indent"]
            )
        )
    return found


@dataclass(frozen=True)
class Command:
    """What is typed, and what is shown to come out."""

    typed: str
    shown: str


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    assert block.body.startswith("$ "), f"{block}: a console block starts with a command"
    parts = re.split(r"^\$ (.*)\n", block.body, flags=re.MULTILINE)[1:]
    return [Command(typed, shown) for typed, shown in zip(parts[::2], parts[1::2], strict=True)]


def matches(shown: str, real: str) -> bool:
    """Whether what is shown is what came out, but for what the marks leave out."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else r"[^\n]*?".join(map(re.escape, line.split("[…]"))) + r"\n"
        for line in shown.splitlines()
    ]
    return re.fullmatch("".join(lines), real) is not None


class Terminal:
    """Runs commands one after another, as somebody would who types them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status = 0

    def run(self, typed: str) -> str:
        """What a command prints to either stream."""
        if typed == "echo $?":
            return f"{self.status}\n"
        if typed.startswith("chainrule ") and not re.search(r"[|<>]", typed):
            return self._chainrule(shlex.split(typed)[1:])
        # A pipe needs a shell; there, `chainrule` is this Python's.
        (self.folder / ".bin").mkdir(exist_ok=True)
        shim = self.folder / ".bin" / "chainrule"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chainrule "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
        path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
        package = str(Path(sys.modules["chainrule"].__file__).parents[1])
        done = subprocess.run(
            ["/bin/sh", "-c", typed], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", check=False,
            env={**os.environ, "PATH": path, "PYTHONPATH": package, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        self.status = done.returncode
        return done.stdout

    def _chainrule(self, arguments: list[str]) -> str:
        """What the command prints, run here: a process of its own for each of some hundred would take a minute."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            self.status = 0
            try:
                main(arguments)
            except SystemExit as end:
                self.status = int(end.code or 0)
        return out.getvalue()


class Checker(doctest.OutputChecker):
    """Compares the output of Python examples by the same marks."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        want = re.sub(r"^<BLANKLINE>$", "", want, flags=re.MULTILINE)
        return matches(want, got)


def python(block: Block, namespace: dict[str, object]) -> list[str]:
    """What fails in a Python block."""
    if ">>> " not in block.body:
        exec(compile(block.body, str(block), "exec"), namespace)
        return []
    example = doctest.DocTestParser().get_doctest(block.body, namespace, str(block), str(block.document), block.line)
    out = io.StringIO()
    runner = doctest.DocTestRunner(checker=Checker(), verbose=False)
    runner.run(example, out=out.write, clear_globs=False)
    namespace.update(example.globs)
    return [out.getvalue()] if runner.failures else []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document(document, tmp_path, monkeypatch):
    """Every example in a document does what the document shows."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CHAINRULE_") and name != "CHAINRULE_GOLDENS"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    terminal, namespace, problems = Terminal(tmp_path), {}, []
    rewritten = []
    for block in blocks(document):
        if block.title:
            Path(block.title).write_text(block.body, encoding="utf-8")
        elif block.language == "sh":
            problems += [f"{block}: not listed: {line}" for line in block.body.splitlines() if line not in UNTRIED]
        elif block.language == "python":
            problems += python(block, namespace)
        elif block.language == "console":
            real = ""
            wanted = commands(block)
            for command, following in zip(wanted, [*wanted[1:], None], strict=True):
                printed = terminal.run(command.typed)
                real += f"$ {command.typed}\n{printed}"
                if terminal.status and not (following and following.typed == "echo $?") and command.typed != "echo $?":
                    problems.append(f"{block}: `{command.typed}` ends with {terminal.status}:\n{printed}")
                if not matches(command.shown, printed):
                    problems.append(
                        f"{block}: `{command.typed}` is shown to print\n{command.shown}but prints\n{printed}"
                    )
            if "…\n" not in block.body and "[…]" not in block.body:
                rewritten.append((block, real))
        else:
            assert block.language in ("toml", "json", "text", "csv"), f"{block}: a fence needs a language that is tried"
    if problems and os.environ.get("CHAINRULE_GOLDENS") == "write":
        assert not os.environ.get("CI"), "documents are written by a person, who reads them"
        rewrite(document, rewritten)
    assert not problems, "\n".join(problems)


def rewrite(document: Path, outputs: list[tuple[Block, str]]) -> None:
    """Put what was printed into a document."""
    text = document.read_text(encoding="utf-8")
    for block, real in reversed(outputs):
        start, end = block.span
        text = text[:start] + textwrap.indent(real, block.indent, lambda line: bool(line.strip())) + text[end:]
    document.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nb", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n  …\n", "a\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("error […], at x\n", "error 4.4e-16, at x\n", True),
        ("error […], at x\n", "error 4.4e-16\n, at x\n", False),
        ("i = 1, …, 9\n", "i = 1, 2, 9\n", False),
        ("", "a\n", False),
    ],
)
def test_the_comparison_bites(shown, real, same):
    """Only the two marks leave something out; everything else is compared exactly."""
    assert matches(shown, real) == same


def test_every_document_is_found():
    """The README and the tutorials are among the documents that are tried, and have examples."""
    tried = {path.name: [block.language for block in blocks(path)] for path in DOCUMENTS}
    assert {"README.md", "tutorial.md", "tutorial.ko.md", "figure.md"} <= set(tried)
    for name in ("README.md", "tutorial.md", "tutorial.ko.md"):
        assert {"console", "python"} <= set(tried[name]), name


def test_the_first_commands_are_single_lines():
    """The README opens with the two commands, in this order, each a line of its own."""
    first, second = [block for block in blocks(ROOT / "README.md") if block.language == "sh"][:2]
    assert first.body.strip().endswith("chainrule derive 2-3-2-1") and first.body.count("\n") == 1
    assert second.body == "python3 dev.py test\n"
