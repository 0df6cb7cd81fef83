"""Every sentence that the product shows, in English and Korean.

The sentences are data: `prose/<lang>/<group>.toml`, read when first needed. A key is dotted, its first part the group:
`error.unknown_activation.say`. Placeholders are those of `str.format`; a fact may be formatted, never called or
evaluated (keys and templates are ours, the facts are plain values). A test proves that both languages have the same
keys and placeholders.
"""

from __future__ import annotations

import string
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "ko")


@cache
def _group(name: str, lang: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(lang, f"{name}.toml").read_text(encoding="utf-8"))


def template(key: str, *, lang: str) -> str | None:
    """Return the template of a key, or None where there is none."""
    group, *path = key.split(".")
    entry: Any = _group(group, lang)
    for part in path:
        if not isinstance(entry, dict) or part not in entry:
            return None
        entry = entry[part]
    return entry if isinstance(entry, str) else None


def sentence(key: str, *, lang: str = "en", **facts: object) -> str:
    """Return a sentence with its facts put in.

    Parts of an error that it need not have (`….expected`, `….fix`) give '' where they are absent; any other absent key
    is a bug and raises KeyError.

    Example:
        >>> sentence("label.fix", lang="en")
        'fix'
    """
    found = template(key, lang=lang)
    if found is None:
        if key.startswith("error.") and key.rsplit(".", 1)[1] in ("expected", "fix"):
            return ""
        raise KeyError(key)
    return _FORMATTER.vformat(found, (), facts) if facts else found.replace("{{", "{").replace("}}", "}")


def sentences(group: str, *, lang: str) -> dict[str, str]:
    """Return every template of a group by its dotted key, for a page that puts the facts in itself.

    Example:
        >>> sentences("label", lang="en")
        {'expected': 'expected', 'fix': 'fix'}
    """
    found: dict[str, str] = {}

    def walk(entry: dict[str, Any], before: str) -> None:
        for key, value in entry.items():
            if isinstance(value, dict):
                walk(value, f"{before}{key}.")
            else:
                found[f"{before}{key}"] = value

    walk(_group(group, lang), "")
    return found


class _Formatter(string.Formatter):
    """`str.format` without attribute or item access: a placeholder is a plain name."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        return kwargs[field_name], field_name


_FORMATTER = _Formatter()
