"""Tokens of one side through the tables that lark makes of grammar.lark.

lark reads the grammar, proves it LALR(1) and binds each rule to what builds its node. Its own loop over the tables is
made for every kind of lexer and costs more than the building; ours knows one kind of token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from lark import Lark
from lark.common import LexerConf
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

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
    """The tables of grammar.lark.

    Args:
        builder: has a method for each rule by its name or alias, which makes its value of those of its parts.
    """

    def __init__(self, builder: object) -> None:
        text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
        made = Lark(text, parser="lalr", lexer=_NoLexer, start="side", maybe_placeholders=False)
        conf = made.parse_interactive().parser_state.parse_conf
        self._start, self._end = conf.start_state, conf.end_state
        self._states: dict[int, dict[str, _Action]] = {
            state: {
                # lark's names of terminals are strings of a kind of its own, which compare slowly
                str.__str__(name): _Action(what)
                if action is Shift
                else _Action(-1, len(what.expansion), str.__str__(what.origin.name), _build(what, builder))
                for name, (action, what) in row.items()
            }
            for state, row in conf.states.items()
        }
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
        states, values = [self._start], []
        row = table[self._start]
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


def _build(rule: Any, builder: object) -> Callable[[list[Any]], Any] | None:
    """Return what makes a rule's value; None where that is the value of its one part."""
    if rule.options.expand1 and len(rule.expansion) == 1 and rule.alias is None:
        return None
    named = str(rule.alias or rule.origin.name)
    repeats = [part.name.startswith("__") for part in rule.expansion]
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


class _NoLexer(Lexer):
    """Stands where lark wants a lexer: our tokens come ready."""

    def __init__(self, conf: LexerConf) -> None:
        del conf

    def lex(self, data: Any) -> Iterator[Any]:  # type: ignore[override]  # lark calls a lexer of one argument so
        return iter(data)
