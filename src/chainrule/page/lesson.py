"""A lesson: the page as one HTML file that needs no server and no network."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from chainrule.page.bundle import bundle
from chainrule.page.emit_js import emit
from chainrule.page.modules import as_value, joined, katex, static
from chainrule.show.html import escape

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.values import Values

_START = """
const code = %CODE%;
const bundle = JSON.parse(document.getElementById("bundle").textContent);
$page.mount(document.getElementById("page"), bundle, code);
"""

_NO_SCRIPT = {
    "en": "This page computes and draws with JavaScript, which is switched off here.",
    "ko": "이 페이지는 자바스크립트로 계산하고 그립니다. 지금은 자바스크립트가 꺼져 있습니다.",
}


def lesson(net: Network, *, values: Values | None = None, notation: str = "seed", lang: str = "en") -> str:
    r"""Return the page about a network as one HTML file: offline, printable, nothing is ever fetched.

    Args:
        net: the network.
        values: the numbers that it starts with; those of the sheet, the rest drawn with seed 0, where left out.
        notation: the notation that it starts with.
        lang: the language that it starts with, en or ko.

    Raises:
        SelectionError: where there is no such notation or language.

    Example:
        >>> from chainrule import Network
        >>> text = lesson(Network.read("2-3-2-1"))
        >>> text[:15], "script-src 'sha256-" in text, len(text.encode()) < 1_500_000
        ('<!DOCTYPE html>', True, True)
    """
    found = bundle(net, values=values, notation=notation, lang=lang)
    script = joined() + _START.replace("%CODE%", as_value(emit(net)))
    return document(found, script)


def document(found: dict[str, Any], script: str) -> str:
    """Return the HTML around a bundle and the script that shows it."""
    setter = (katex() / "katex.min.js").read_text(encoding="utf-8")
    lang, title = str(found["lang"]), str(found["texts"][found["lang"]]["title"])
    styles = _styles()
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy([setter, script], styles)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{''.join(f'<style>{style}</style>{chr(10)}' for style in styles)}</head>\n"
        f'<body>\n<main id="page"></main>\n<noscript>{_NO_SCRIPT[lang]}</noscript>\n'
        f'<script type="application/json" id="bundle">{embedded(found)}</script>\n'
        f'<script>{setter}</script>\n<script type="module">{script}</script>\n</body>\n</html>\n'
    )


@cache
def _styles() -> tuple[str, ...]:
    inside = (katex() / "katex.inline.css").read_text(encoding="utf-8")
    return inside, "body { margin: 0; }\n#page { min-height: 100vh; }\n" + (static() / "page.css").read_text(
        encoding="utf-8"
    )


def embedded(found: dict[str, Any]) -> str:
    """Return JSON that may stand inside a script element: no text in it can end the element."""
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def policy(scripts: list[str], styles: tuple[str, ...]) -> str:
    """Return the content security policy that lets these scripts and styles in, and nothing else."""
    allowed = {"script-src": map(_hash, scripts), "style-src": map(_hash, styles)}
    parts = ["default-src 'none'", *(f"{name} {' '.join(hashes)}" for name, hashes in allowed.items())]
    return "; ".join([*parts, "font-src data:", "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
