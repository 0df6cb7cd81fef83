"""The parsing tables that ship are what lark makes of the grammar that ships."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools/grammar_tables.py"


def test_the_tables_are_those_of_the_grammar() -> None:
    spec = importlib.util.spec_from_file_location("grammar_tables", TOOL)
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.TABLES.read_text(encoding="utf-8") == tool.tables(), "run: python tools/grammar_tables.py"
