"""Lines written from a template are, character for character, those that each Step alone writes."""

import re

import pytest
from hypothesis import given, settings

from chainrule import Network
from chainrule.notation import load, names
from chainrule.show.document import Document, Equation, Formula, sides
from chainrule.show.latex import LatexEmitter
from chainrule.show.markdown import MarkdownEmitter
from chainrule.show.templates import family_template, fill
from chainrule.show.text import TextEmitter
from chainrule.show.typst import TypstEmitter
from chainrule.views import Lines
from strategies import networks


def both_ways(network, notation, emitter_class, depth, **options):
    """The lines of every family from its template, and step by step; families without a template are left out."""
    derivation = network.derive()
    lines = Lines(derivation)
    emitter = emitter_class(Document((), (), load(notation), "en"), **options)
    for family in derivation.families:
        template = family_template(lines, family, emitter.writer, depth=depth)
        if template is None:
            continue
        fast = "".join(fill(emitter.line(template, "", ""), family, form=emitter.form.name))
        slow = "".join(
            emitter.line(emitter.equation_sides(Equation(Formula(sides(step, depth=depth), step.target))), "", "")
            for step in map(lines.step, lines.instances(family))
        )
        yield fast, slow


def pieces(text):
    """A text without what breaks its lines, which depends on the width of a line and may fall differently."""
    text = re.sub(r"\\begin\{align\*\}", r"\\[", re.sub(r"\\end\{align\*\}", r"\\]", text))
    return re.sub(r"&|\\\\|\\quad\b|\\(left|right|biggl|biggr)(?=[()])", "", text).split()


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("shorthand", ["2-3-2-1", "1-1-1", "12-11-3", "3-10-12-2 --bias", "2-7:silu-7:relu-1"])
def test_templates_write_what_steps_write(shorthand, notation):
    """Over widths that need commas and widths that do not, sums written out and sums kept."""
    found = 0
    for emitter, options in (
        (TextEmitter, {}),
        (LatexEmitter, {"whole": False}),
        (MarkdownEmitter, {}),
    ):
        for depth in ("shown", "substituted", "expanded", "both"):
            for fast, slow in both_ways(Network.read(shorthand), notation, emitter, depth, **options):
                found += 1
                assert pieces(fast) == pieces(slow)
    assert found


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("shorthand", ["2-3-2-1", "12-11-3", "3-10-12-2 --bias", "2-7:silu-7:relu-1"])
def test_templates_in_typst(shorthand, notation):
    """The sides themselves, before lines are broken: letters and digits stand apart as Typst needs it."""
    derivation = Network.read(shorthand).derive()
    lines = Lines(derivation)
    emitter = TypstEmitter(Document((), (), load(notation), "en"))
    for family in derivation.families:
        for depth in ("shown", "substituted", "expanded"):
            template = family_template(lines, family, emitter.writer, depth=depth)
            assert template is not None
            fast = "".join(fill(" = ".join(template) + "\n", family, form="typst"))
            formulas = (Formula(sides(lines.step(t), depth=depth), t) for t in lines.instances(family))
            slow = "".join(" = ".join(emitter.equation_sides(Equation(f))) + "\n" for f in formulas)
            # Whether a bracket keeps its size is seen from what stands in it, which in a template is a hole.
            assert re.sub(r"\\(?=[()])", "", fast) == re.sub(r"\\(?=[()])", "", slow)


@settings(max_examples=40, deadline=None)
@given(networks())
def test_templates_over_random_networks(network):
    """Skips, missing edges, ties and softmax either have a template that is right, or none."""
    for fast, slow in both_ways(network, "seed", MarkdownEmitter, "shown"):
        assert fast == slow
