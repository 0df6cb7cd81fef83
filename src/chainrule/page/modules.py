"""The page's ES modules, and how several of them become one: for a file that stands alone, and for a notebook.

A server gives them out as they are. Joined, they stand in the order of their imports, without `import` and `export`; so
no two of them may have a name in common at their top level (a test holds it).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|let|class|function|async function)\b)", re.MULTILINE)
ENTRY = "page.js"


def static() -> Path:
    """Return the folder of the page's modules and style sheet."""
    return Path(str(files(__package__).joinpath("static")))


def katex() -> Path:
    """Return the folder of KaTeX: its script, its style sheets and its fonts."""
    return Path(str(files("chainrule.show").joinpath("static", "katex")))


@cache
def _source(name: str) -> str:
    return (static() / name).read_text(encoding="utf-8")


def in_order(entry: str = ENTRY) -> tuple[str, ...]:
    """Return the names of a module and all that it imports, each after what it imports.

    Example:
        >>> in_order("model.js")
        ('names.js', 'model.js')
    """
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for other in IMPORT.findall(_source(name)):
            if other not in found:
                visit(other)
        found[name] = None

    visit(entry)
    return tuple(found)


def joined(entry: str = ENTRY) -> str:
    """Return a module and all that it imports as one text without imports and exports."""
    return "".join(without_exports(IMPORT.sub("", _source(name))) for name in in_order(entry))


def without_exports(text: str) -> str:
    """Return a module's text with nothing exported.

    Example:
        >>> without_exports("export const one = 1;")
        'const one = 1;'
    """
    return EXPORT.sub("", text)


def as_value(module: str, *names: str) -> str:
    """Return an expression whose value has a module's exports; nothing of the module is visible outside of it."""
    return f"(() => {{\n{without_exports(module)}return {{ {', '.join(names)} }};\n}})()"


@cache
def katex_as_value() -> str:
    """Return an expression whose value is KaTeX, which finds no loader to register itself with."""
    script = (katex() / "katex.min.js").read_text(encoding="utf-8")
    return f"(() => {{ const module = {{ exports: {{}} }}; let exports = module.exports, define;\n{script}\nreturn module.exports; }})()"
