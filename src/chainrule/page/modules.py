"""The page's ES modules, and how several of them become one: for a file that stands alone, and for a notebook.

A server gives them out as they are. Joined, they stand in the order of their imports, each in a function of its own
that returns what it exports, so that no name of one is visible in another unless it is imported.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|let|class|(?:async )?function\*?) (\w+))", re.MULTILINE)
FACE = re.compile(r"@font-face\{([^}]*)\}")
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
        for _, other in IMPORT.findall(_source(name)):
            if other not in found:
                visit(other)
        found[name] = None

    visit(entry)
    return tuple(found)


def joined(entry: str = ENTRY) -> str:
    """Return a module and all that it imports as one text; `$page` has the exports of page.js, and so on.

    Example:
        >>> [line for line in joined("model.js").splitlines() if line.startswith("const $")]
        ['const $names = (() => {', 'const $model = (() => {']
    """
    return "".join(f"const ${_stem(name)} = {as_value(_source(name))};\n" for name in in_order(entry))


def _stem(name: str) -> str:
    return name.removesuffix(".js")


def as_value(module: str) -> str:
    r"""Return an expression whose value has a module's exports; what it imports must be there as `$name`.

    Example:
        >>> print(as_value("export const one = 1;\n"))
        (() => {
        const one = 1;
        return { one };
        })()
    """
    exported = ", ".join(EXPORT.findall(module))
    body = IMPORT.sub(lambda match: f"const {match[1]} = ${_stem(match[2])};\n", module)
    return f"(() => {{\n{EXPORT.sub('', body)}return {{ {exported} }};\n}})()"


@cache
def katex_as_value() -> str:
    """Return an expression whose value is KaTeX, which finds no loader to register itself with."""
    script = (katex() / "katex.min.js").read_text(encoding="utf-8")
    alone = "const module = { exports: {} }; let exports = module.exports, define;"
    return f"(() => {{ {alone}\n{script}\nreturn module.exports; }})()"


@cache
def katex_style() -> tuple[str, list[list[str]]]:
    """Return KaTeX's style sheet without its fonts, and the fonts: family, style, weight, and the file in base 64.

    Example:
        >>> style, fonts = katex_style()
        >>> "@font-face" in style, fonts[0][:3]
        (False, ['KaTeX_AMS', 'normal', '400'])
    """
    sheet = (katex() / "katex.inline.css").read_text(encoding="utf-8")
    return FACE.sub("", sheet), [_face(rule) for rule in FACE.findall(sheet)]


def _face(rule: str) -> list[str]:
    found = re.search(r"url\(data:font/woff2;base64,([^)]*)\)", rule)
    assert found, "a font that is not in the style sheet"
    traits = dict(part.split(":", 1) for part in rule.split(";") if part.startswith("font-"))
    return [traits["font-family"].strip('"'), traits["font-style"], traits["font-weight"], found[1]]
