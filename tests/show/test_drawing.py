"""The drawing: everything of the figure is in it, once and in its place; a highlight is exactly the paths."""

import itertools
import struct
import sys
import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule import Activation, Connection, Layer, Network, OutputError, SelectionError, Weight
from chainrule.network import Loss
from chainrule.notation import plain
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.selection import paths
from chainrule.show.drawing import draw, layout
from chainrule.show.drawing.glyphs import Namer
from chainrule.show.drawing.reach import reach
from chainrule.show.drawing.words import Words
from strategies import HOSTILE_NAMES, networks

SVG = "{http://www.w3.org/2000/svg}"
SEED = Network.read("2-3-2-1")


def odd() -> Network:
    """Return a figure with a skip over each side, a missing edge, a tie, and an activation for each unit."""
    return Network(
        2,
        (
            Layer(3, activations=(Activation("tanh"), Activation("relu"), Activation("sigmoid"))),
            Layer(2, bias=(True,)),
            Layer(1, activations=(Activation("identity"),)),
        ),
        connections=(
            Connection(1, 0, ((1, 1), (2, 1), (2, 2), (3, 2))),
            Connection(2, 1),
            Connection(2, 0, ((1, 1), (2, 2))),
            Connection(3, 2),
            Connection(3, 0, ((1, 1),)),
        ),
        ties=((Weight(1, 0, 1, 1), Weight(1, 0, 3, 2)),),
        input_names=("height", "weight"),
    )


def parse(net: Network, **options: object) -> ET.Element:
    svg = draw(net, **options)
    assert isinstance(svg, str)
    return ET.fromstring(svg)


def symbols(root: ET.Element, kind: str) -> list[str]:
    return [g.attrib["data-symbol"] for g in root.iter(f"{SVG}g") if g.get("class", "").split(" ")[0] == kind]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


# What is in it.


@pytest.mark.parametrize("net", [SEED, Network.read("2-3-2-1", bias=True), Network.read("4-6-5-2"), odd()])
def test_every_weight_bias_and_unit_is_drawn_once(net):
    root, namer = parse(net), Namer(net)
    assert sorted(symbols(root, "weight")) == sorted(plain(namer.weight(w)) for w in net.weights())
    biases = [
        plain(namer.bias(level, unit))
        for level, layer in enumerate(net.layers, start=1)
        for unit in range(1, layer.size + 1)
        if layer.has_bias(unit)
    ]
    assert symbols(root, "bias") == biases
    units = [plain(namer.unit(level, u)) for level in range(net.depth + 1) for u in range(1, net.size(level) + 1)]
    assert sorted(itertools.chain(*(symbols(root, k) for k in ("input", "unit", "output")))) == sorted(units)
    assert symbols(root, "loss") == ["loss"] and symbols(root, "target")[0].startswith("true")


def test_a_weight_is_a_button_that_says_where_it_leads_and_is_wide_enough_to_hit():
    [weight] = [g for g in parse(SEED).iter(f"{SVG}g") if g.get("data-symbol") == "w_11^1"]
    assert weight.attrib["role"] == "button" and weight.attrib["tabindex"] == "0"
    assert weight.attrib["aria-label"] == "w_11^1: weight from x_0 to z_1^1"
    assert (weight.attrib["data-from"], weight.attrib["data-to"]) == ("x_0", "a_1^1")
    hit = weight.find(f"{SVG}path[@class='hit']")
    assert hit is not None and float(hit.attrib["stroke-width"]) >= 14 and hit.attrib["stroke-opacity"] == "0"


def test_a_linear_output_has_no_sum_of_its_own_to_lead_to():
    [weight] = [g for g in parse(SEED).iter(f"{SVG}g") if g.get("data-symbol") == "w_12^3"]
    assert weight.attrib["aria-label"] == "w_12^3: weight from a_2^2 to pred"


def test_the_svg_stands_alone():
    root = parse(SEED, highlight="w_11^1", direction="backward")
    assert not any(element.get("id") or element.get("style") for element in root.iter())
    assert not list(root.iter(f"{SVG}style")) and not list(root.iter(f"{SVG}script"))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text == "Network 2-3-2-1"
    assert desc is not None and "3 units (sigmoid)" in (desc.text or "") and "w_11^1" in (desc.text or "")


def test_the_seed_is_drawn_as_it_was_looked_at(golden):
    golden("drawing/2-3-2-1.svg", draw(SEED))


def test_missing_edges_are_missing_and_tied_ones_share_a_label():
    root = parse(odd())
    assert "w_12^1" not in symbols(root, "weight")
    assert symbols(root, "weight").count("w_11^1") == 2 and "w_32^1" not in symbols(root, "weight")


def test_edges_that_skip_layers_run_clear_of_the_units_between():
    drawing = layout(odd())
    between = [node for node in drawing.nodes if node.level in (1, 2)]
    for edge in drawing.edges:
        if edge.symbol not in ("w_11^3,0", "w_11^2,0", "w_22^2,0"):
            continue
        assert len(edge.curve) == 10
        for node in between:
            lies_between = edge.curve[3][0] <= node.x <= edge.curve[6][0]
            assert not lies_between or abs(edge.curve[3][1] - node.y) > node.ry + 5


def test_an_activation_stands_at_each_unit_where_they_differ_and_in_the_caption_where_not():
    texts = [label.text for label in layout(odd()).labels]
    assert {"tanh", "ReLU", "σ"} <= set(texts)
    assert "3 units" in texts and "2 units · sigmoid" in texts


def test_outputs_in_several_layers_each_lead_to_the_loss():
    net = Network(2, (Layer(2), Layer(1)), outputs=((1, 2), (2, 1)))
    edges = [edge for edge in layout(net).edges if edge.kind == "readout"]
    assert {(edge.symbol, edge.origin) for edge in edges} == {("pred_1", "a_2^1"), ("pred_2", "a_1^2")}


def test_a_softmax_is_framed_and_a_class_index_has_one_target():
    drawing = layout(Network.read("2-3:softmax", loss="cross_entropy_index"))
    assert len(drawing.frames) == 1
    assert [node.symbol for node in drawing.nodes if node.kind == "target"] == ["true"]


def test_every_activation_and_loss_has_a_name_in_both_languages():
    for lang in ("en", "ko"):
        words = Words(SEED, lang)
        for name in ACTIVATIONS:
            assert words.rule("activation", Activation(name))
        for name in LOSSES:
            assert words.rule("loss", Loss(name))


def test_a_notation_spells_what_is_seen_and_never_what_is_selected():
    drawing = layout(SEED, notation="bishop")
    [weight] = [edge for edge in drawing.edges if edge.symbol == "w_13^2"]
    assert weight.label is not None and weight.label.glyph is not None
    assert (weight.label.glyph.base, weight.label.glyph.sub, weight.label.glyph.sup) == ("w", "13", "(2)")


# Where it stands.


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("direction", [None, "backward"])
@pytest.mark.parametrize("text", ["2-3-2-1", "3-4-3", "2-8-2", "1-1", "3-3-3-3"])
def test_no_label_lies_on_another_or_on_a_unit(text, direction, bias):
    drawing = layout(Network.read(text, bias=bias), direction=direction)
    boxes = [(label.kind, label.box) for label in drawing.all_labels]
    for (kind, a), (other, b) in itertools.combinations(boxes, 2):
        assert not overlap(a, b), (kind, a, other, b)
    for node in drawing.nodes:
        rim = (node.x - 0.7 * node.rx, node.y - 0.7 * node.ry, node.x + 0.7 * node.rx, node.y + 0.7 * node.ry)
        for label in drawing.all_labels:
            assert label is node.label or not overlap(rim, label.box)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(names=True))
def test_everything_lies_inside_the_picture(net):
    drawing = layout(net)
    right, bottom = drawing.left + drawing.width, drawing.top + drawing.height
    for left, top, end, low in (label.box for label in drawing.all_labels):
        assert drawing.left <= left and end <= right and drawing.top <= top and low <= bottom
    for x, y in (point for edge in drawing.edges for point in edge.curve):
        assert drawing.left <= x <= right and drawing.top <= y <= bottom


# What is left out.


def test_a_large_layer_shows_its_first_three_and_its_last():
    root = parse(Network.read("2-100-50-1"))
    assert symbols(root, "unit") == [*(f"a_{u}^1" for u in (1, 2, 3, 100)), *(f"a_{u}^2" for u in (1, 2, 3, 50))]
    assert {"96 more", "46 more"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert len(symbols(root, "weight")) == 8 + 16 + 4


def test_what_a_highlight_asks_for_is_always_shown():
    root = parse(Network.read("2-100-50-1"), highlight="w_40,77^2")
    assert "w_40,77^2" in symbols(root, "weight")
    assert {"a_77^1", "a_40^2"} <= set(symbols(root, "unit"))
    deep = parse(Network.read("-".join(["2"] * 60)), highlight="w_21^30")
    assert "w_21^30" in symbols(deep, "weight")


def test_many_edges_are_drawn_without_labels_but_for_the_highlighted():
    def labelled(highlight: str | None) -> list[str]:
        edges = layout(Network.read("5-6-1"), highlight=highlight).edges
        return [e.symbol for e in edges if e.kind == "weight" and e.label is not None and e.symbol.endswith("^1")]

    assert labelled(None) == []
    assert labelled("w_32^1") == ["w_32^1"]


def test_expand_draws_more_up_to_a_limit():
    assert len(symbols(parse(Network.read("2-30-1"), expand=True), "unit")) == 30
    drawn = symbols(parse(Network.read("2-5000-5000-1"), expand=True), "weight")
    assert len(drawn) < 10_000


@pytest.mark.parametrize("text", ["3-" * 1000 + "1", "3-1000000-2", "1000000-1000000"])
def test_size_costs_nothing(text):
    net = Network.read(text)
    start = time.perf_counter()
    svg = draw(net, highlight="w_12^1", direction="forward")
    assert time.perf_counter() - start < 3  # seconds on a machine that is busy; a tenth of one is usual
    assert len(svg) < 300_000


# Highlights.


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.data())
def test_a_highlight_is_what_the_paths_run_through(net, data):
    derivation = net.derive()
    names = [plain(target) for target in derivation_targets(net)]
    name = data.draw(st.sampled_from(names))
    units, outputs = set(), set()
    for path in paths(derivation, name):
        for ref in path[1:] if path[0].symbol.kind in "wb" else path:
            if ref.symbol.kind == "x":
                units.add((0, ref.indices[-1]))
            elif ref.symbol.kind in ("z", "a"):
                units.add((ref.symbol.layer, ref.indices[-1]))
            elif ref.symbol.kind == "pred":
                outputs.add(ref.indices[-1])
                if net.reads_last_layer:
                    units.add((net.depth, ref.indices[-1]))
    found = reach(net, name)
    every = {(level, u) for level in range(net.depth + 1) for u in range(1, net.size(level) + 1)}
    assert {unit for unit in every if found.unit_state(*unit) != "dim"} == units
    numbers = range(1, len(net.output_units) + 1)
    assert {k for k in numbers if found.output_state(k) == "path"} == outputs


def derivation_targets(net):
    namer = Namer(net)
    yield from (namer.weight(w) for w in net.weights())
    for level in range(net.depth + 1):
        for unit in range(1, net.size(level) + 1):
            yield namer.unit(level, unit)
            if namer.has_sum(level):
                yield namer.before(level, unit)
            if level and net.layers[level - 1].has_bias(unit):
                yield namer.bias(level, unit)


def test_a_highlight_is_thicker_and_not_only_coloured():
    groups = parse(SEED, highlight="w_11^1").iter(f"{SVG}g")
    edges = {group.attrib["data-symbol"]: group for group in groups if "data-symbol" in group.attrib}

    def width(symbol: str) -> float:
        line = edges[symbol].find(f"{SVG}path[@class='line']")
        assert line is not None
        return float(line.attrib["stroke-width"])

    assert width("w_11^1") > width("w_11^2") == width("w_12^3") > width("w_12^1") == width("w_13^2")


def test_forward_arrows_point_to_the_loss_and_backward_ones_away():
    for direction, sign in (("forward", 1), ("backward", -1)):
        lit = [e for e in layout(SEED, highlight="w_11^1", direction=direction).edges if e.state in ("path", "chosen")]
        assert {edge.symbol for edge in lit} == {"w_11^1", "w_11^2", "w_21^2", "w_11^3", "w_12^3", ""}
        for edge in lit:
            assert edge.head is not None
            assert (edge.head[0][0] - edge.head[1][0]) * sign > 0


def test_backward_names_the_derivative_at_each_unit_on_the_path_and_at_the_weight():
    labels = [label for label in layout(SEED, highlight="w_11^1", direction="backward").all_labels if label.glyph]
    names = {label.glyph.plain for label in labels if label.glyph and label.glyph.plain.startswith("∂")}
    assert names == {f"∂loss/∂{s}" for s in ("w_11^1", "a_1^1", "a_1^2", "a_2^2", "pred")}


def test_a_tied_weight_lights_all_its_edges():
    edges = [e for e in layout(odd(), highlight="w_11^1").edges if e.symbol == "w_11^1"]
    assert [edge.state for edge in edges] == ["chosen", "chosen"]


def test_a_name_on_the_sheet_can_be_highlighted():
    chosen = [node.symbol for node in layout(odd(), highlight="weight").nodes if node.state == "chosen"]
    assert chosen == ["x_1"]


# What people type.


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"format": "gif"}, "unknown_choice"),
        ({"direction": "sideways"}, "unknown_choice"),
        ({"lang": "xx"}, "unknown_choice"),
        ({"theme": "pink"}, "unknown_choice"),
        ({"notation": "mine"}, "unknown_notation"),
        ({"scale": 0}, "bad_scale"),
        ({"scale": float("nan")}, "bad_scale"),
        ({"highlight": "w_99^1"}, "select_unit"),
        ({"highlight": "x_2"}, "select_unit"),
        ({"highlight": "b_1^1"}, "select_symbol"),
        ({"highlight": "z_1^3"}, "select_symbol"),
        ({"highlight": "loss"}, "select_symbol"),
        ({"highlight": "?"}, "malformed_symbol"),
    ],
)
def test_an_option_that_selects_nothing_says_what_there_is(options, key):
    with pytest.raises(SelectionError) as caught:
        draw(SEED, **options)
    assert caught.value.key == key
    for lang in ("en", "ko"):
        assert caught.value.message(lang=lang)


def test_a_missing_edge_cannot_be_highlighted():
    with pytest.raises(SelectionError) as caught:
        draw(odd(), highlight="w_12^1")
    assert caught.value.key == "select_edge"


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "한글 이름", "x" * 100_000, "\ud800", "\u200dא"])
def test_a_name_is_text_whatever_it_holds(name):
    layers = (Layer(1, names=(name,)), Layer(1, activations=(Activation("identity"),)))
    net = Network(1, layers, input_names=(name + "'",), name=name)
    root = parse(net, lang="ko")
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "rect", "g", "path", "text", "tspan", "circle",
    }  # fmt: skip
    drawing = layout(net)
    assert drawing.width < 900
    assert all(len(text) < 400 for element in root.iter() for text in (element.text or "", *element.attrib.values()))


# Other picture formats.


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_png_has_the_size_that_was_asked_for(scale):
    png = draw(SEED, format="png", scale=scale)
    assert isinstance(png, bytes) and png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    drawing = layout(SEED)
    assert abs(width - drawing.width * scale) <= 2 and abs(height - drawing.height * scale) <= 2


def test_pdf_is_one_page_of_the_size_of_the_drawing():
    import io

    import pypdf

    pdf = draw(Network.read("2-3-2-1", bias=True), format="pdf", lang="ko", highlight="b_1^2")
    assert isinstance(pdf, bytes)
    [page] = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert abs(float(page.mediabox.width) - 0.75 * layout(Network.read("2-3-2-1", bias=True), lang="ko").width) < 1
    assert "loss" in page.extract_text()


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_without_the_extra_it_says_how_to_get_it(form, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(OutputError) as caught:
        draw(SEED, format=form)
    assert caught.value.key == "missing_extra"
    assert 'pip install "chainrule[pdf]"' in caught.value.message()
