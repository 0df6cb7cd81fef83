"""Reads the `Example:` of a docstring as mkdocstrings reads `Examples:`: as Python with its output, not as prose."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object


class OneExample(Extension):
    """Renames the heading; the docstring's parser does the rest."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change an object's docstring before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
