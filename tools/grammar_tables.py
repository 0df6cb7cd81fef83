"""Make the judge's parsing tables: `python tools/grammar_tables.py` writes them, after grammar.lark changed.

lark reads grammar.lark and proves it LALR(1). What it finds is written beside the grammar as grammar.json, so that a
judge starts without lark and without the proof; a test compares the file with what lark makes of the grammar now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark
from lark.common import LexerConf
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

GRAMMAR = Path(__file__).resolve().parent.parent / "src/chainrule/judge/grammar.lark"
TABLES = GRAMMAR.with_suffix(".json")


def tables() -> str:
    """Return the tables as JSON: what they hold is said in `chainrule.judge.grammar`."""
    made = Lark(
        GRAMMAR.read_text(encoding="utf-8"), parser="lalr", lexer=_NoLexer, start="side", maybe_placeholders=False
    )
    conf = made.parse_interactive().parser_state.parse_conf
    # In the order of a walk from the start, so that the same grammar gives the same file.
    numbers = {conf.start_state: 0}
    rules: dict[Any, int] = {}
    states = []
    walk = [conf.start_state]
    for state in walk:
        row: dict[str, int] = {}
        for name, (action, what) in sorted(conf.states[state].items()):
            if action is Shift and what not in numbers:
                numbers[what] = len(walk)
                walk.append(what)
            row[str(name)] = numbers[what] if action is Shift else -1 - rules.setdefault(what, len(rules))
        states.append(json.dumps(row))
    listed = ",\n".join(json.dumps(_rule(rule)) for rule in rules)
    rows = ",\n".join(states)
    return f'{{"end": {numbers[conf.end_state]},\n"rules": [\n{listed}],\n"states": [\n{rows}]}}\n'


def _rule(rule: Any) -> list[Any]:
    """Return a rule: its name, what builds its value, and for each part whether it is a repetition's."""
    only_renames = rule.options.expand1 and len(rule.expansion) == 1 and rule.alias is None
    build = None if only_renames else str(rule.alias or rule.origin.name)
    return [str(rule.origin.name), build, [int(part.name.startswith("__")) for part in rule.expansion]]


class _NoLexer(Lexer):
    """Stands where lark wants a lexer: our tokens come ready."""

    def __init__(self, conf: LexerConf) -> None:
        del conf

    def lex(self, data: Any) -> Iterator[Any]:  # type: ignore[override]  # lark calls a lexer of one argument so
        return iter(data)


if __name__ == "__main__":
    TABLES.write_text(tables(), encoding="utf-8")
