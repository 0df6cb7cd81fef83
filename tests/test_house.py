"""The house rules that no single module can keep: names, languages, tables, imports, and the direction of the road."""

import ast
import json
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import chainrule
from chainrule import errors
from chainrule.algebra import walk
from chainrule.expr import Call, Dim, Iverson, Ref, Symbol
from chainrule.notation import names, plain
from chainrule.prose import LANGUAGES
from chainrule.rules import ACTIVATIONS, LOSSES

PACKAGE = Path(chainrule.__file__).parent
SOURCES = {path.relative_to(PACKAGE): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


# Names


def test_all_is_sorted_and_complete():
    """`chainrule.__all__` has every public name, in alphabetical order."""
    found = {name for name, value in vars(chainrule).items() if name[0] != "_" and not isinstance(value, ModuleType)}
    assert chainrule.__all__ == sorted(chainrule.__all__)
    assert set(chainrule.__all__) == found
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.ChainruleError):
            assert kind.__name__ in chainrule.__all__


# Imports


def loaded_by(statements: str) -> set[str]:
    """The top-level modules that statements load in a fresh Python, beyond those it starts with."""
    code = f"""
import sys
before = set(sys.modules)
{statements}
sys.stderr.write(__import__("json").dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr))


def foreign(names: set[str]) -> set[str]:
    """The ones that are neither chainrule nor the standard library."""
    return {name for name in names if name not in sys.stdlib_module_names} - {"chainrule"}


def test_import_pulls_nothing_but_the_standard_library():
    """`import chainrule` is cheap: no NumPy, no click."""
    assert foreign(loaded_by("import chainrule")) == set()


@pytest.mark.parametrize(
    "arguments", [["derive", "2-3-2-1"], ["derive", "2-3-2-1", "--view", "matrix"], ["draw", "2-3-2-1"]]
)
def test_a_command_without_numbers_pulls_click_only(arguments):
    """What shows no number needs no NumPy."""
    command = f"from chainrule.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit as end:\n"
    command += "    assert not end.code"
    assert foreign(loaded_by(command)) <= {"click", "colorama"}


ROAD = {
    "errors": 0, "width": 0, "output": 0, "workers": 0,
    "expr": 1, "algebra": 1,
    "rules": 2,
    "network": 3, "problems": 3, "figure": 3,
    "program": 4,
    "calculus": 5, "derive": 5,
    "views": 6, "selection": 6, "matrix": 6,
    "notation": 7, "prose": 7, "spoken": 7,
    "show": 8, "values": 8,
    "judge": 9, "native": 9, "export": 9,
    "train": 10,
    "estimator": 11, "page": 11,
    "serve": 12,
    "__init__": 12, "options": 12, "cli": 12, "__main__": 13,
}  # fmt: skip
"""The stations of the road, from left to right. `chainrule` itself is the front door: only commands go through it."""


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of chainrule that a module imports when it is imported: not inside functions, not for types only."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            stack.extend(node.orelse)
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "chainrule":
                yield from (alias.name if alias.name in ROAD else "__init__" for alias in node.names)
            elif node.module and node.module.startswith("chainrule."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "chainrule":
                    yield [*alias.name.split("."), "__init__"][1]
        stack.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_nothing_imports_from_the_right(path):
    """A module imports only what stands to its left on the road, or beside it."""
    station = path.parts[0].removesuffix(".py")
    assert station in ROAD, f"{station}: say in ROAD where it stands"
    for name in imported(SOURCES[path]):
        assert ROAD[name] <= ROAD[station], f"{path} imports chainrule.{name}"


def test_the_road_would_notice():
    """The walk sees imports in classes and in branches, and leaves out functions and imports for types."""
    seen = imported(
        ast.parse(
            "from typing import TYPE_CHECKING\nimport chainrule.show.json\n"
            "if TYPE_CHECKING:\n    import chainrule.cli\n"
            "class A:\n    from chainrule.values import x\ndef f():\n    from chainrule.views import y\n"
            "try:\n    from chainrule import derive, __version__\nexcept ImportError:\n    pass\n"
        )
    )
    assert sorted(seen) == ["__init__", "derive", "show", "values"]


# Languages


def table(lang: str, group: str) -> dict[str, str]:
    """The sentences of a group by their dotted keys."""

    def flat(node: dict, *path: str) -> Iterator[tuple[str, str]]:
        for key, entry in node.items():
            if isinstance(entry, dict):
                yield from flat(entry, *path, key)
            else:
                yield ".".join((*path, key)), entry

    return dict(flat(tomllib.loads((PACKAGE / "prose" / lang / f"{group}.toml").read_text(encoding="utf-8"))))


GROUPS = sorted(path.stem for path in (PACKAGE / "prose" / "en").glob("*.toml"))


def placeholders(text: str) -> set[str]:
    """The facts that a sentence needs."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_groups():
    """A group of sentences exists in every language."""
    for lang in LANGUAGES:
        assert sorted(path.stem for path in (PACKAGE / "prose" / lang).glob("*.toml")) == GROUPS


@pytest.mark.parametrize("group", GROUPS)
def test_both_languages_have_the_same_sentences(group):
    """Every sentence exists in English and in Korean, about the same facts, and is not empty."""
    english, korean = table("en", group), table("ko", group)
    assert list(english) == list(korean)
    for key, text in english.items():
        assert placeholders(text) == placeholders(korean[key]), key
        assert text.strip() and korean[key].strip(), key


PARTICLE = re.compile(r"\}[^\s가-힣]{0,2}\s?(은|는|이|가|을|를|와|과|으로|로|이라는|라는|이라고|라고)(?![가-힣])")
"""A particle whose form depends on the sound before it: behind a placeholder or its quote, spaced or not."""


@pytest.mark.parametrize("group", GROUPS)
def test_no_korean_particle_follows_a_fact(group):
    """은/는, 이/가, 을/를, 와/과, 으로/로 depend on the sound before them, which no formula shows."""
    for key, text in table("ko", group).items():
        assert not PARTICLE.search(text), f"{key}: {text}"


@pytest.mark.parametrize(
    ("text", "found"),
    [("{s}은 합이다", True), ("{s} 를 곱한다", True), ("{read!r}로", True), ("'{read}'이라는 이름", True),
     ("({s})와", True),
     ("{s} 인자는 하나", False), ("값은 {s} 이다", False), ("{count}개", False), ("{s}: 은행", False)],
)  # fmt: skip
def test_the_particle_check_bites(text, found):
    """The pattern finds particles after facts, and no other syllables."""
    assert bool(PARTICLE.search(text)) == found


# Errors: what is raised can be said.


ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
WRAPPERS = {"report": set(), "_report": set(), "fail": {"read"}, "error": {"read"}}
"""Functions that raise or note an error of the key they are given, and the facts they add."""


def raised() -> Iterator[tuple[str, str, set[str] | None]]:
    """Every error in the source: where it is raised, its key, and its facts (None where they are passed on)."""
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in ERRORS | set(WRAPPERS):
                found = (
                    [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else node.args[:1]
                )
                facts: set[str] | None = {k.arg for k in node.keywords if k.arg} | WRAPPERS.get(name, set())
                if any(keyword.arg is None for keyword in node.keywords):
                    facts = None
                for key in found:
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield f"{path}:{node.lineno}", key.value, facts


def test_every_error_can_be_said():
    """Every key that is raised has a sentence in both languages, and is given every fact that its sentences need."""
    seen = 0
    for where, key, facts in raised():
        for lang in LANGUAGES:
            sentences = {k: t for k, t in table(lang, "error").items() if k.startswith(key + ".")}
            assert f"{key}.say" in sentences, f"{where}: no sentence for {key}"
            assert {k.rpartition(".")[2] for k in sentences} <= {"say", "expected", "fix"}, key
            for text in sentences.values():
                assert facts is None or placeholders(text) <= facts, f"{where}: {key} is not given {text!r}"
        seen += 1
    assert seen > 100  # the walk still finds them


def test_every_error_sentence_is_used():
    """No sentence is left over: the key of each stands in the source."""
    words = {
        node.value for tree in SOURCES.values() for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }  # fmt: skip
    assert {key.partition(".")[0] for key in table("en", "error")} - words == set()


def test_commands_offer_every_form():
    """The command line, which loads no form before it is asked for, names the forms that there are."""
    from chainrule import cli
    from chainrule.show import FORMATS, drawing, table

    assert cli.DERIVE_FORMATS == FORMATS
    assert sorted(cli.DRAW_FORMATS) == sorted(drawing.FORMATS)
    assert cli.VALUE_FORMATS == table.FORMATS


# Tables


def test_every_notation_has_the_same_kinds():
    """Each notation spells every kind of symbol and of matrix that the first one does, and no unknown one."""
    tables = {
        name: tomllib.loads((PACKAGE / "notation" / f"{name}.toml").read_text(encoding="utf-8")) for name in names()
    }
    first = tables["seed"]
    for name, entries in tables.items():
        assert set(entries) <= {"letters", "symbols", "matrices", "adjoints"}, name
        assert set(entries["letters"]) == {"free", "bound", "sample"}, name
        assert set(entries["symbols"]) == set(first["symbols"]), name
        assert set(entries["matrices"]) == set(first["matrices"]), name
        assert set(entries.get("adjoints", {})) <= set(first["symbols"]), name
        letters = [*entries["letters"]["free"], *entries["letters"]["bound"]]
        assert len(letters) == len(set(letters)), name


def test_the_seed_spells_plainly():
    """The plain spelling is the seed's: it is the name of a symbol everywhere."""
    w = Symbol("w", (Dim("layer 2", 12), Dim("layer 1", 30)), layer=2, source=1)
    assert plain(Ref(w, (10, 3))) == "w_10,3^2"


KINKED = {"max", "min", "abs", "sign"}
SMOOTH_JOINS = {"huber"}
"""Rows made of pieces whose derivatives meet: no choice is made at the joins."""


def pieces(row) -> bool:
    """Whether a row's value or derivative is made of pieces."""
    args = [Ref(Symbol(kind), ()) for kind in (("z",) if row.name in ACTIVATIONS else ("pred", "true"))]
    options = {"parameter": row.parameter or 1.0}
    found = [] if row.value is None else [row.value(*args, **options)]
    found += [slope(*args, result=Ref(Symbol("a"), ()), **options) for slope in row.slopes]
    return any(
        isinstance(node, Iverson) or (isinstance(node, Call) and node.function in KINKED)
        for expr in found
        for node in walk(expr)
    )


@pytest.mark.parametrize("row", [*ACTIVATIONS.values(), *LOSSES.values()], ids=lambda row: row.name)
def test_every_row_is_described(row):
    """A row has its source, its name in both languages, and says what is taken at a kink if it has one."""
    assert row.source
    for lang in LANGUAGES:
        drawing, rule = table(lang, "drawing"), table(lang, "rule")
        if row.name in ACTIVATIONS:
            assert f"activation.{row.name}" in drawing
        else:
            assert f"loss.{row.name}" in drawing
            assert f"name.{row.name}" in rule
        assert (f"kink.{row.name}" in rule) == (pieces(row) and row.name not in SMOOTH_JOINS), row.name


def test_no_sentence_is_about_a_row_that_is_gone():
    """Kinks and names belong to rows of the table."""
    for key in table("en", "rule"):
        section, _, name = key.partition(".")
        assert section == "why" or name in {**ACTIVATIONS, **LOSSES}, key
