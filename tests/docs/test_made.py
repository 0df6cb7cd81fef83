"""What scripts write into the documents is what they would write today; and the documents leave nothing out."""

import importlib.util
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.cli import commands
from chainrule.expr import Add, Call, Div, Expr, Mul, Number, Ref
from chainrule.figure.shorthand import OPTIONS
from chainrule.figure.toml import KEYS
from chainrule.notation import names
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.show import FORMATS
from chainrule.values import numeric
from chainrule.width import columns

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def script(name):
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE_RULES, MAKE_PICTURES = script("make_rules"), script("make_pictures")


def read(name):
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


# What is generated is fresh.


def test_the_page_of_rules_is_fresh():
    """docs/rules.md is what `python docs/make_rules.py` writes from the table."""
    assert read("docs/rules.md") == MAKE_RULES.page()


def test_the_tables_of_the_readme_are_fresh():
    """The README's tables of activations, losses, notations and forms are those of the product."""
    assert read("README.md") == MAKE_RULES.readme(read("README.md"))


def test_pictures_are_fresh():
    """docs/pictures holds what `python docs/make_pictures.py` draws, and nothing else."""
    made = MAKE_PICTURES.pictures()
    assert {path.name for path in (DOCS / "pictures").iterdir()} == set(made)
    for name, picture in made.items():
        assert read(f"docs/pictures/{name}") == picture, f"{name}: run python docs/make_pictures.py"


def test_every_row_stands_on_the_page_of_rules():
    """Each activation and loss has its name, its source and its kink there."""
    page = read("docs/rules.md")
    for row in (*ACTIVATIONS.values(), *LOSSES.values()):
        assert re.search(rf"^- Written `{row.name}\b", page, re.MULTILINE), row.name
        for alias in row.aliases:
            assert f"`{alias}`" in page
    assert page.count("\n- Source: ") == len(ACTIVATIONS) + len(LOSSES)


def value(expr: Expr, z: float) -> float:
    """An expression in exponentials of one z as a number, worked out apart from the product."""
    match expr:
        case Ref():
            return z
        case Number(number, _):
            return float(number)
        case Add(terms):
            return sum(value(term, z) for term in terms)
        case Mul(factors, _):
            return math.prod(value(factor, z) for factor in factors)
        case Div(above, below):
            return value(above, z) / value(below, z)
        case Call("exp", (arg,)):
            return math.exp(value(arg, z))
        case Call("log", (arg,)):
            return math.log(value(arg, z))
    raise AssertionError(expr)


@pytest.mark.parametrize("name", MAKE_RULES.PRIMITIVES)
@pytest.mark.parametrize("z", [-3.0, -0.5, 0.0, 1.25, 4.0])
def test_formulas_of_primitives_are_the_numbers_used(name, z):
    """What the page says a primitive is, is what the numbers are."""
    used = float(numeric.PRIMITIVES[name](np.array(z)))
    assert value(MAKE_RULES.PRIMITIVES[name], z) == pytest.approx(used, rel=1e-12)


# The picture of a terminal shows what the commands print.


@pytest.mark.parametrize("command", MAKE_PICTURES.COMMANDS)
def test_the_terminal_shows_a_real_run(command, capsys):
    """Without its colours, the picture's text is what the command prints."""
    from chainrule.cli import main

    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert not end.value.code
    printed = capsys.readouterr().out
    assert re.sub(r"\x1b\[[0-9;]*m", "", MAKE_PICTURES.printed(command)) == printed
    picture = re.sub(r"<[^>]*>", "", read("docs/pictures/terminal.svg"))
    for line in printed.split("\n"):
        assert re.sub(r"\s", "", line) in re.sub(r"\s", "", picture)
        assert columns(line) <= 100


# Nothing is left out.


def test_every_key_of_toml_is_described():
    """docs/figure.md has each key that a TOML file may have, and each option of the shorthand."""
    page = read("docs/figure.md")
    for key in KEYS:
        assert f"`{key}`" in page, key
    for option in OPTIONS:
        assert f"`--{option}" in page, option


def test_every_option_is_described():
    """Each option of `chainrule derive`, `draw` and `values` is in the documents."""
    text = "\n".join(read(f"docs/{name}.md") for name in ("figure", "forms", "conventions", "notations", "tutorial"))
    for command in ("derive", "draw", "values"):
        for parameter in commands.commands[command].params:
            spellings = [option for option in parameter.opts if option.startswith("--")]
            assert not spellings or any(f"{option}" in text for option in spellings), (command, spellings)


def test_every_notation_and_form_is_described():
    """docs/notations.md has each notation, docs/forms.md each form."""
    for name in names():
        assert f"| `{name}` |" in read("docs/notations.md"), name
    for form in FORMATS:
        assert f"| `{form}` |" in read("docs/forms.md"), form


# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `dev.py check` builds it: a warning fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return folder


def test_the_site_fetches_nothing(site):
    """No page loads a script, a style, a font or a picture from elsewhere."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 8
    loads = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]*)""")
    for page in pages:
        assert not loads.findall(page.read_text(encoding="utf-8")), page.name
    for style in (*site.rglob("*.css"),):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_the_site_has_its_own_katex(site):
    """KaTeX, its fonts and the JSON schema are copied from the package."""
    package = ROOT / "src" / "chainrule" / "show"
    assert (site / "katex" / "katex.min.js").read_bytes() == (package / "static/katex/katex.min.js").read_bytes()
    assert len(list((site / "katex" / "fonts").glob("*.woff2"))) == len(
        list((package / "static/katex/fonts").glob("*.woff2"))
    )
    assert (site / "derivation.schema.json").read_bytes() == (package / "derivation.schema.json").read_bytes()
    assert not list(site.rglob("*.py"))


def test_every_link_in_the_readme_leads_somewhere():
    """The README's links are files of the project."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`\n]*`", "", read("README.md"))):
        assert (ROOT / target).exists(), target
