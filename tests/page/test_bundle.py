"""The lines that the page fills in are those of the derive side, character for character; numbers included."""

import itertools
import json
import re

import pytest

import oracle
from chainrule import Network
from chainrule.expr import Index, Ref
from chainrule.notation import load, plain
from chainrule.page import bundle, emit
from chainrule.page.lesson import embedded
from chainrule.prose import LANGUAGES
from chainrule.show.compose import definition_sides
from chainrule.show.document import Document, Equation, Formula, sides
from chainrule.show.emit import Emitter
from chainrule.show.forms import LATEX
from chainrule.views import WRITE_OUT, Lines
from page.node import run

ROUNDING = 1e-13
WORD = re.compile(r"\\mathit\{(loss|pred|true)\}")


class Sides(Emitter):
    """The sides of lines as every document has them."""

    form = LATEX
    dots = r"\cdots"


def expected(net, notation, most=400):
    """Return the lines of a network by name and direction: symbols, numbers put in, value."""
    values = net.values(inputs=[[0.5 - k for k in range(net.inputs)]])
    derivation = values.derivation
    emitter = Sides(Document((), (), load(notation), "en"))
    lines = Lines(derivation)
    found = {}
    for statement in derivation.source.statements:
        ranges = [t.range() if isinstance(t, Index) else (t,) for t in statement.target.indices]
        for place in itertools.islice(itertools.product(*ranges), most):
            target = Ref(statement.target.symbol, place)
            formula = Formula(definition_sides(statement, target, limit=WRITE_OUT), target)
            found[plain(target), False] = written(emitter, values, formula)
    for family in derivation.families:
        for target in itertools.islice(lines.instances(family), most):
            formula = Formula(sides(lines.step(target)), target)
            found[plain(target), True] = written(emitter, values, formula)
    return values, found


def written(emitter, values, formula):
    """Return the sides of a line with its numbers as an Emitter writes them."""
    number = values.number(formula.sides[0])
    return emitter.equation_sides(Equation(formula, put=values.number, value=number))


def compared(folder, nets, notation="seed"):
    """Assert that every line of networks is filled in as it is written."""
    cases, wanted = [], []
    for net in nets:
        values, lines = expected(net, notation)
        cases.append(
            {"text": emit(net), "bundle": bundle(net, values=values, notation=notation), "wanted": list(lines)}
        )
        wanted.append((values, lines))
    for net, (values, lines), found in zip(nets, wanted, run("fill_lines.mjs", folder, cases), strict=True):
        for (name, backward), sides_, one in zip(lines, lines.values(), found, strict=True):
            what = f"{'∂' * backward}{name} of {net}"
            assert one is not None, what
            mine = [WORD.sub(r"\1", side) for side in one["sides"]]
            numbers = [part for part in (one["put"], one["value"]) if part is not None]
            numbers = numbers[1:] if len(numbers) == 2 and numbers[0] == numbers[1] else numbers
            assert not one["general"], what
            value = values.partials[name] if backward else values.symbols[name]
            if abs(value) < ROUNDING:  # what is left where terms cancel, which is rounding here and there
                numbers, sides_ = numbers[:-1], sides_[: len(mine) + len(numbers) - 1]
            assert mine + numbers == sides_, what


def test_filled_lines_are_those_of_the_documents(tmp_path):
    """The seed, biases, layers of one unit, ten units and more (which need commas), softmax, a class as target."""
    texts = ["2-3-2-1", "2-3:tanh-2-1 --bias --loss mse", "1-1", "3-12:relu-1-2 --bias", "2-3:softmax --loss ce"]
    texts += ["3-4-3 --loss softmax_ce_index --bias", "2-100-50-1", "2-2:gelu_tanh-2 --loss hinge"]
    compared(tmp_path, [Network.read(text) for text in texts])


@pytest.mark.parametrize("notation", ["bishop", "ng", "nielsen", "parens"])
def test_in_every_notation(tmp_path, notation):
    """Another spelling, the same lines."""
    compared(tmp_path, [Network.read("2-3-2-1 --bias"), Network.read("2-11-3 --loss softmax_ce")], notation)


def test_random_networks(tmp_path):
    """Missing edges, skips, ties, readouts, an activation for each unit."""
    pairs = list(itertools.product(oracle.HIDDEN, oracle.LOSSES))
    chosen = [(seed, *pairs[seed * 31 % len(pairs)]) for seed in range(30)]
    compared(tmp_path, [oracle.random_network(seed, activation=a, loss=l) for seed, a, l in chosen])


def test_what_is_too_much_to_write_stands_for_all():
    """A large network with a missing edge has a general line, and a bundle of a bearable size."""
    net = Network.from_toml('layers = "3-60-60-1"\nmissing = ["w_11^2"]\n')
    found = bundle(net)
    assert any("general" in group for group in found["notations"]["seed"]["backward"])
    assert len(json.dumps(found)) < 2_000_000


def test_a_hostile_name_cannot_end_the_element():
    """What is embedded in a page has no <, and reads back the same."""
    net = Network.read("2-1").replace(name="</script><script>alert(1)</script>")
    found = bundle(net)
    text = embedded(found)
    assert "<" not in text
    assert json.loads(text) == json.loads(json.dumps(found))


def test_both_languages_are_in_it():
    """Every text and drawing, in every language."""
    found = bundle(Network.read("2-3-2-1"), lang="ko")
    assert set(found["texts"]) == set(found["drawings"]) == set(LANGUAGES)
    assert found["texts"]["en"].keys() == found["texts"]["ko"].keys()
