"""Tokens of one side through the parsing tables of grammar.lark.

`tools/grammar_tables.py` has lark read the grammar and prove it LALR(1), and writes its tables to grammar.json. There a
state (0 is the start) is a row of what follows at a token, or behind a rule: n ≥ 0, the state to go on to; -1 - r, that
rule r ends. A rule is its name, what builds its value (null: it only renames its one part), and for each part whether
it repeats.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from chainrule.judge.tokens import Token

_END = "$END"


class Unexpected(Exception):
    """A token that cannot stand where it does; None where a side ends too early."""

    def __init__(self, token: Token | None) -> None:
        super().__init__(token)
        self.token = token


class _Action(NamedTuple):
    """What to do in a state at a token: go on to another state, or gather `size` values into one of a rule."""

    state: int
    size: int = 0
    rule: str = ""
    build: Callable[[list[Any]], Any] | None = None


class Grammar:
    """The tables of the grammar.

    Args:
        builder: has a method for each rule by its name or alias, which makes its value of those of its parts.
    """

    def __init__(self, builder: object) -> None:
        tables = json.loads(files(__package__).joinpath("grammar.json").read_text(encoding="utf-8"))
        ends = [
            _Action(-1, len(repeats), rule, _build(named, repeats, builder)) for rule, named, repeats in tables["rules"]
        ]
        goes = [_Action(state) for state in range(len(tables["states"]))]
        self._end = tables["end"]
        self._states: list[dict[str, _Action]] = [
            {name: goes[what] if what >= 0 else ends[-1 - what] for name, what in row.items()}
            for row in tables["states"]
        ]
        self._known: dict[tuple[int, int, str], int] = {}

    def _renamed(self, below: int, state: int, kind: str) -> int:
        """Return the state behind all rules that only rename the last value, where a token follows."""
        while (action := self._states[state].get(kind)) is not None and action.state < 0 and action.build is None:
            state = self._states[below][action.rule].state
        return state

    def parse(self, tokens: Sequence[Token]) -> Any:
        """Return the value of the whole.

        Raises:
            Unexpected: where no rule allows a token.
        """
        table, final, known = self._states, self._end, self._known
        states, values = [0], []
        row = table[0]
        for token in (*tokens, None):
            kind = _END if token is None else token.type
            while True:
                action = row.get(kind)
                if action is None:
                    raise Unexpected(token)
                state, size, rule, build = action
                if state >= 0:
                    states.append(state)
                    values.append(token)
                    row = table[state]
                    break
                if build is None:  # the value stays what it is: only the state changes, often several times
                    way = (states[-2], states[-1], kind)
                    if (end := known.get(way)) is None:
                        end = known[way] = self._renamed(*way)
                    states[-1] = end
                    row = table[end]
                    continue
                values[-size:] = [build(values[-size:])]
                del states[-size:]
                state = table[states[-1]][rule].state
                if token is None and state == final:
                    return values[-1]
                states.append(state)
                row = table[state]
        raise AssertionError("the end is in no row, or ends the loop")


class _Repeated(list[Any]):
    """The values of what a rule repeats with `*`, in the rule that lark makes for it."""


def _build(named: str | None, repeats: Sequence[int], builder: object) -> Callable[[list[Any]], Any] | None:
    """Return what makes a rule's value; None where that is the value of its one part."""
    if named is None:
        return None
    if named.startswith("__"):
        return _more if repeats[0] else _Repeated
    build: Callable[[list[Any]], Any] = getattr(builder, named)
    if not any(repeats):
        return build

    def flattened(parts: list[Any]) -> Any:
        return build([one for part in parts for one in (part if type(part) is _Repeated else (part,))])

    return flattened


def _more(parts: list[Any]) -> Any:
    """Return what was repeated so far, with one more time of it."""
    parts[0] += parts[1:]
    return parts[0]
