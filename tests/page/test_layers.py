"""Collapsed layers in a real browser: opened and closed by mouse and keyboard, zoomed, followed, linked to."""

import json
import re

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import AXE, RULES, choose, math, open_tab, result, shown, symbol

LARGE = Network.read("2-100-50-1")
OPEN, CLOSE = "Layer {} has {} units: open it", "Close layer {}"


def door(page, name):
    """Return what opens or closes a layer."""
    return page.get_by_role("button", name=name, exact=True)


def drawn(page, end):
    """Return the units of a layer that are drawn, by the end of their names."""
    return page.locator(f'.cr-stage .units [data-symbol^="a_"][data-symbol$="{end}"]')


def test_a_layer_is_opened_and_closed_with_the_mouse(visit):
    """All of its units, each named and of its own place; closed again, it is as it was; the address holds it."""
    page = visit(LARGE)
    svg = page.locator(".cr-stage svg").first
    picture = lambda: re.sub(r' class=""| aria-describedby="[^"]*"', "", svg.inner_html())  # noqa: E731
    before = picture()
    door(page, OPEN.format(1, 100)).click()
    expect(drawn(page, "^1")).to_have_count(100)
    expect(door(page, CLOSE.format(1))).to_be_focused()
    names = drawn(page, "^1").evaluate_all("nodes => nodes.map(node => node.dataset.symbol)")
    assert names == [f"a_{unit}^1" for unit in range(1, 101)]
    spots = drawn(page, "^1").evaluate_all(
        "nodes => nodes.map(n => n.querySelector('circle')).map(c => [c.cx, c.cy, c.r].map(one => one.baseVal.value))"
    )
    for k, (x, y, r) in enumerate(spots):
        assert all((x - u) ** 2 + (y - v) ** 2 >= (r + s) ** 2 for u, v, s in spots[:k]), "two units overlap"
    expect(page.locator('.cr-stage [data-symbol^="w_"][data-symbol$="^1"]')).to_have_count(200)
    expect(page.locator('.cr-stage [data-symbol^="w_"][data-symbol$="^2"]')).to_have_count(400)
    expect(page.get_by_text("96 more")).to_have_count(0)
    page.wait_for_timeout(400)
    assert page.url.endswith("#open=1")
    door(page, CLOSE.format(1)).click()
    expect(drawn(page, "^1")).to_have_count(4)
    expect(door(page, OPEN.format(1, 100))).to_be_focused()
    page.keyboard.press("Tab")
    assert picture() == before
    page.wait_for_timeout(400)
    assert "#" not in page.url


def test_layers_are_opened_by_the_keyboard(visit):
    """Enter and Space on the dots; arrows walk from unit to unit; +, − and 0 zoom; the focus is in sight."""
    page = visit(LARGE)
    door(page, OPEN.format(2, 50)).focus()
    page.keyboard.press("Enter")
    expect(drawn(page, "^2")).to_have_count(50)
    door(page, OPEN.format(1, 100)).focus()
    page.keyboard.press(" ")
    expect(drawn(page, "^1")).to_have_count(100)
    symbol(page, "a_1^1").focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(symbol(page, "a_7^1")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator('.cr-stage :focus[data-symbol$="^2"]')).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(page.locator('.cr-stage :focus[data-symbol$="^1"]')).to_have_count(1)
    view = lambda: [float(part) for part in page.locator(".cr-stage svg").first.get_attribute("viewBox").split()]  # noqa: E731
    home = view()
    for _ in range(8):
        page.keyboard.press("+")
    assert view()[2] < home[2] / 4
    symbol(page, "a_100^1").focus()
    page.keyboard.press("ArrowUp")
    stage, unit = page.locator(".cr-stage").bounding_box(), symbol(page, "a_99^1").bounding_box()
    assert stage["y"] <= unit["y"] and unit["y"] + unit["height"] <= stage["y"] + stage["height"]
    page.keyboard.press("0")
    assert view() == home
    page.keyboard.press("Enter")
    expect(symbol(page, "a_99^1")).to_have_attribute("aria-pressed", "true")
    door(page, CLOSE.format(1)).focus()
    page.keyboard.press("Enter")
    expect(drawn(page, "^1")).to_have_count(4)
    expect(symbol(page, "a_99^1")).to_be_visible()


def test_a_weight_in_a_thicket_is_followed(visit):
    """Of 5,000 edges between opened layers the chosen one is drawn, with its path, numbers and lines."""
    page, values = visit(LARGE, address="#open=1,2"), LARGE.values()
    expect(page.locator(".cr-stage .thicket")).to_have_count(1)
    page.get_by_role("textbox", name="Symbol").fill("w_17,41^2")
    page.get_by_role("textbox", name="Symbol").press("Enter")
    assert result(page) == shown(values.partials["w_17,41^2"])
    expect(symbol(page, "w_17,41^2")).to_have_attribute("aria-pressed", "true")
    lit = page.locator(".cr-stage g.lit[data-symbol]").evaluate_all("nodes => nodes.map(n => n.dataset.symbol)")
    assert set(lit) == {"a_17^2", "w_1,17^3", "pred", "loss"}
    choose(page, "a_41^1")
    expect(
        page.locator('.cr-stage g.lit[data-symbol$=",41^2"], .cr-stage g.lit[data-symbol="w_1,41^2"]')
    ).to_have_count(50)
    symbol(page, "w_30,41^2").focus()
    page.keyboard.press("Enter")
    assert result(page) == shown(values.partials["w_30,41^2"])
    page.locator('.cr-body .cr-line [data-s="a_41^1"]').first.hover()
    expect(page.locator('.cr-stage .cr-hover[data-symbol="a_41^1"]')).to_have_count(1)


def test_all_paths_of_an_input_are_lit(visit):
    """5,000 of them: the thicket, the units, what leads to them; the list shows some, and more when asked."""
    page, values = visit(LARGE, address="#open=1,2&of=x_0"), LARGE.values()
    expect(page.get_by_role("heading", name="The 5,000 paths to the loss")).to_be_visible()
    expect(page.locator(".cr-stage .units g.lit")).to_have_count(100 + 50 + 2 + 2)
    expect(page.locator(".cr-stage .thicket.lit")).to_have_count(1)
    expect(page.locator('.cr-stage .edges g.lit[data-symbol$="^1"]')).to_have_count(100)
    paths = page.locator(".cr-paths li")
    expect(paths).to_have_count(8)
    page.get_by_role("button", name="and 4,992 more").click()
    expect(paths).to_have_count(32)
    expect(page.get_by_role("button", name="and 4,968 more")).to_be_visible()
    assert shown(values.partials["x_0"]) in math(page.locator(".cr-sum"))[0].replace("-", "−")


def test_lines_for_hidden_edges_are_lit(visit):
    """In a collapsed drawing the dots and the dashed lines that lie on a path are lit, those that do not are not."""
    page = visit(LARGE, address="#of=w_11^1")
    assert page.locator(".cr-stage .faint.lit").count() > 0 and page.locator(".cr-stage .faint.dim").count() > 0
    expect(page.locator(".cr-stage .dots.lit")).to_have_count(1)
    choose(page, "x_0")
    expect(page.locator(".cr-stage .dots.lit")).to_have_count(2)


@pytest.mark.parametrize(
    ("text", "level", "units"),
    [
        ("20-3-1", 0, 20), ("3-14:relu-1 --bias", 1, 14), ("2-3-13:softmax --loss ce", 2, 13),
        ("2-4-15 --loss softmax_ce_index --bias", 2, 15),
    ],
)  # fmt: skip
def test_every_kind_of_layer_opens(visit, text, level, units):
    """Inputs, hidden layers, outputs with their targets: every symbol of the network can then be clicked."""
    net = Network.read(text)
    page = visit(net, address=f"#open={level}")
    expect(page.get_by_role("button", name="Close", exact=False)).to_have_count(1)
    expect(page.locator(".cr-stage .dots:not([data-door])")).to_have_count(0)
    names = page.locator(".cr-stage [data-symbol]").evaluate_all("nodes => nodes.map(n => n.dataset.symbol)")
    values = net.values()
    assert len(names) == len(set(names))
    assert set(values.partials) - {f"z{name[1:]}" for name in names} - set(names) <= {
        name for name in values.partials if name.startswith("z_")
    }
    sides = page.locator(".cr-stage").bounding_box()
    for name in (names[0], names[-1], f"pred_{units}" if level == net.depth else "w_11^1"):
        box = symbol(page, name).bounding_box()
        assert sides["x"] <= box["x"] and box["x"] + box["width"] <= sides["x"] + sides["width"]
        assert sides["y"] <= box["y"] and box["y"] + box["height"] <= sides["y"] + sides["height"]


def test_a_layer_with_names_and_missing_edges(visit):
    """A sheet with names, an edge less, one past a layer, and tied weights: what is drawn is what there is."""
    names = ", ".join(f'"feature {k}"' for k in range(16))
    net = Network.from_toml(
        f"inputs = [{names}]\nmissing = ['w_1,16^1']\ntied = [['w_1,1^1', 'w_2,2^1']]\n"
        "[[layer]]\nsize = 3\n[[layer]]\nsize = 1\n[[skip]]\nfrom = 0\nto = 2\n"
    )
    page = visit(net, address="#open=0")
    expect(page.get_by_role("button", name="x_15 (feature 15): input 16")).to_be_visible()
    drawn_edges = page.locator('.cr-stage .weight[data-symbol$="^1"]').evaluate_all(
        "nodes => nodes.map(n => n.dataset.symbol)"
    )
    assert len(drawn_edges) == 47 and "w_1,16^1" not in drawn_edges and drawn_edges.count("w_11^1") == 2


@pytest.mark.parametrize("address", ["#open=7,-1,1e9,x", "#open=0", "#open=3", "#open=1,1,1"])
def test_an_address_that_opens_nothing(visit, address):
    """Layers that are not there, or not collapsed, are left as they are."""
    page = visit(LARGE, address=address)
    expect(drawn(page, "^2")).to_have_count(4)


def test_what_is_opened_stays(visit):
    """In another language, notation and tab, at the width of a telephone, and in the SVG that is taken along."""
    page = visit(LARGE, address="#open=1&of=w_41,2^1", viewport={"width": 375, "height": 800})
    page.get_by_label("Language").select_option("ko")
    expect(door(page, "1층 접기")).to_be_visible()
    page.get_by_label("표기").select_option("bishop")
    expect(drawn(page, "^1")).to_have_count(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    open_tab(page, "가져가기")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SVG", exact=True).click()
    text = waiting.value.path().read_text(encoding="utf-8")
    assert text.count('data-symbol="a_') == 100 + 4
    json.dumps(text)


@pytest.mark.parametrize(("text", "address"), [("2-100-50-1", "#open=1,2&of=a_41^1"), ("2-3-13:softmax --loss ce", "")])
def test_nobody_is_kept_out(visit, text, address):
    """axe-core finds nothing in a collapsed drawing, and in an opened one with its paths lit."""
    page = visit(Network.read(text), address=address, bypass_csp=True)
    page.evaluate(AXE)
    page.wait_for_timeout(300)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found["violations"]] == []
