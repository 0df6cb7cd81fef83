"""Every error of the figure has its sentences, in both languages, and survives the way to another process."""

from __future__ import annotations

import ast
import pickle
import re
import string
import tomllib
from pathlib import Path

import pytest

import chainrule
from chainrule import ChainruleError, DataError, Network, NetworkError, Problems
from chainrule.errors import Place

SOURCE = Path(chainrule.__file__).parent
SENTENCES = {
    lang: tomllib.loads((SOURCE / "prose" / lang / "error.toml").read_text(encoding="utf-8")) for lang in ("en", "ko")
}
RAISERS = {"NetworkError", "DataError", "SelectionError", "ProgramError", "OutputError", "report", "_report", "fail"}


def raised() -> dict[str, set[str]]:
    """Return the keys that the sources raise, with the facts that every such place gives."""
    found: dict[str, set[str]] = {}
    for file in (SOURCE / "network.py", *(SOURCE / "figure").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            key = node.args[0]
            if name in RAISERS and isinstance(key, ast.Constant) and isinstance(key.value, str):
                facts = {keyword.arg for keyword in node.keywords if keyword.arg}
                if any(keyword.arg is None for keyword in node.keywords):
                    continue  # facts handed on by name elsewhere; the tests of the messages see these
                facts |= {"read"} if name == "fail" else set()
                found[key.value] = found.get(key.value, facts) & facts
    return found


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_error_has_its_sentences_and_every_placeholder_a_fact():
    keys = raised()
    assert len(keys) > 70  # else the search itself is broken
    for key, facts in keys.items():
        entry = SENTENCES["en"].get(key)
        assert entry is not None, f"{key} has no sentences"
        for template in entry.values():
            assert placeholders(template) <= facts, key


def test_both_languages_say_the_same():
    assert SENTENCES["en"].keys() == SENTENCES["ko"].keys()
    for key, entry in SENTENCES["en"].items():
        other = SENTENCES["ko"][key]
        assert entry.keys() == other.keys(), key
        for part, template in entry.items():
            assert placeholders(template) == placeholders(other[part]), (key, part)


def test_no_korean_particle_follows_a_placeholder():
    # Which particle is right depends on the sound before it, and nobody knows how a person reads a formula.
    particle = re.compile(r"\}(?:은|는|이|가|을|를|과|와|으로|로|이나|나|이라|라|아|야)(?![가-힣])")
    for key, entry in SENTENCES["ko"].items():
        for template in entry.values():
            assert not particle.search(template), (key, template)


@pytest.mark.parametrize("text", ["2-3:sgimoid-1", "2-0-foo", "2-3-1 --loss msse --bias 3"])
def test_errors_survive_pickling(text):
    with pytest.raises(ChainruleError) as caught:
        Network.read(text)
    error = caught.value
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.message() == error.message()
    assert copy.message(lang="ko") == error.message(lang="ko")


@pytest.mark.parametrize("kind", [NetworkError, DataError])
def test_an_error_keeps_its_place_and_facts_when_pickled(kind):
    error = kind("not_finite", place=Place("file", 3, 1, 4, "a nan b"), what="x", read=float("inf"))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.key, copy.place, copy.facts) == (error.key, error.place, error.facts)


def test_a_network_of_wrong_counts_is_refused_without_asking_single_units():
    with pytest.raises(ChainruleError) as caught:
        Network(1, (chainrule.Layer(3, bias=(True, False)),), given=chainrule.Given(biases=(((1, 3), 1.0),)))
    assert caught.value.key == "per_unit_count"


def test_a_million_slips_are_told_as_a_hundred():
    with pytest.raises(Problems) as caught:
        Network(1_000_000, (chainrule.Layer(1),), (chainrule.Connection(1, 0, ((1, 1),)),))
    assert len(caught.value.problems) == 100
