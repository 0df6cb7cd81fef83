"""The panel of training in a real browser: led by its buttons, followed by the page, the same as Python's."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from chainrule import Network
from chainrule.serve.data import draw
from serve.hands import drop, open_tab, panel, symbol


def said(page):
    return panel(page).get_by_role("status")


def epoch(page):
    found = re.search(r"Epoch (\d+)", said(page).text_content() or "")
    return int(found[1]) if found else 0


def settled(page, **choices):
    open_tab(page, "Train")
    for label, value in choices.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)


def test_a_training_is_led(visit):
    """Single steps, start, pause: curve, surface, thickness and the line of what is chosen follow."""
    page = visit("?net=2-3%3Atanh-1%20--bias")
    symbol(page, "w_11^1").press("Enter")
    settled(page, Epochs="10000", Seed="3")
    page.get_by_role("button", name="Single step").click()
    expect(said(page)).to_contain_text("Paused. Epoch 1 of 10000")
    line = page.locator(".cr-below .cr-line .cr-result").first
    first, width = (
        line.text_content(),
        symbol(page, "w_11^1").locator(".line").evaluate("node => node.style.strokeWidth"),
    )
    assert width.endswith("px")
    picture = page.get_by_role("img", name=re.compile("^Decision surface")).evaluate("node => node.toDataURL()")
    page.get_by_role("button", name="Single step").click()
    expect(said(page)).to_contain_text("Epoch 2 of 10000")
    page.get_by_label("Epochs a second").fill("1.5")
    page.get_by_role("button", name="Go on").click()
    expect(said(page)).to_contain_text("Running.")
    page.get_by_role("button", name="Pause").click()
    expect(said(page)).to_contain_text("Paused.")
    page.wait_for_timeout(300)
    stands = epoch(page)
    assert stands > 2
    page.wait_for_timeout(400)
    assert epoch(page) == stands
    assert line.text_content() != first
    assert page.get_by_role("img", name=re.compile("^Decision surface")).evaluate("node => node.toDataURL()") != picture
    expect(page.get_by_role("img", name=re.compile("^Loss curve: from"))).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(said(page)).to_contain_text("Running.")
    page.get_by_role("button", name="Reset").click()
    expect(said(page)).to_have_text("Nothing trained yet. Seed 3.")


def test_reset_keeps_the_first_weights(visit):
    """Started again after a reset, it begins where it began before, and goes the same way."""
    page = visit("?net=2-3-1")
    settled(page, Seed="5")
    found = []
    for _ in range(2):
        page.get_by_role("button", name="Single step").click()
        expect(said(page)).to_contain_text("Epoch 1 of")
        found.append(said(page).text_content())
        page.get_by_role("button", name="Reset").click()
        expect(said(page)).to_have_text("Nothing trained yet. Seed 5.")
        open_tab(page, "Numbers")
        found.append(page.get_by_role("textbox", name="w_11^1", exact=True).input_value())
        open_tab(page, "Train")
    assert found[:2] == found[2:]


def test_the_numbers_of_a_training_are_pythons(visit):
    """After ten epochs the weights on the page are those of `Network.fit`."""
    page = visit("?net=2-3%3Atanh-1")
    settled(page, Epochs="10", Seed="2", Learning_rate="0.05", Batch_size="20")
    page.get_by_label("Data", exact=True).select_option("hill")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(said(page)).to_contain_text("Every epoch is done. Epoch 10 of 10")
    net = Network.read("2-3:tanh-1")
    model = net.fit(*draw(net, "hill", seed=2), epochs=10, seed=2, rate=0.05, batch_size=20, standardise=False)
    open_tab(page, "Numbers")
    for name, array in model.weights.items():
        layer = name[2:]
        for (origin, to), number in np.ndenumerate(array):
            field = page.get_by_role("textbox", name=f"w_{to + 1}{origin + 1}^{layer}", exact=True)
            assert float(field.input_value()) == pytest.approx(number, rel=1e-5, abs=1e-6)


def test_a_file_is_trained_on(visit):
    """Dropped, with a target column by its name; what is wrong in it is said with its line."""
    page = visit("?net=2-3%3Atanh-2%20--loss%20softmax_cross_entropy")
    open_tab(page, "Train")
    rows = "height,kind,width\n" + "".join(f"{k % 7},{'big' if k % 7 > 3 else 'small'},{k % 5}\n" for k in range(60))
    drop(page, "Data", "flowers.csv", rows)
    expect(page.get_by_text("flowers.csv, 61 lines")).to_be_visible()
    page.get_by_label("Target columns").fill("kind")
    page.get_by_label("Epochs a second").fill("3")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(said(page)).to_contain_text("accuracy")
    expect(page.get_by_role("img", name="Decision surface over height and width; 60 samples")).to_be_visible()
    drop(page, "Data", "flowers.csv", rows.replace("3,small,3", "3,small,oops", 1))
    page.get_by_role("button", name="Start", exact=True).click()
    expect(said(page)).to_contain_text("oops")


@pytest.mark.parametrize(
    ("net", "picture"), [("1-4%3Atanh-1", "Fitted curve over x_0"), ("3-2-2", "Answers against targets")]
)
def test_other_networks_have_other_pictures(visit, net, picture):
    """A fitted curve for one input, answers against targets for more than two."""
    page = visit(f"?net={net}")
    open_tab(page, "Train")
    page.get_by_role("button", name="Single step").click()
    expect(page.get_by_role("img", name=re.compile(f"^{picture}"))).to_be_visible(timeout=20_000)


def test_another_figure_ends_its_training(visit, server):
    """And the panel begins anew."""
    page = visit()
    open_tab(page, "Train")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(said(page)).to_contain_text("Running. Epoch")
    open_tab(page, "Figure")
    page.get_by_role("button", name="Add a unit to layer 1").click()
    expect(symbol(page, "a_4^1")).to_be_visible()
    open_tab(page, "Train")
    expect(said(page)).to_contain_text("Nothing trained yet.")


def test_a_thicket_thickens(visit):
    """Between opened layers, where edges are drawn as one, large weights are drawn thicker all the same."""
    page = visit("?net=2-30-20-1#open=1,2")
    thicket = page.locator(".cr-stage .thicket .line")
    drawn = lambda: thicket.evaluate_all("nodes => nodes.filter(node => node.getAttribute('d')).length")  # noqa: E731
    assert drawn() == 1
    open_tab(page, "Train")
    page.get_by_role("button", name="Single step").click()
    expect(said(page)).to_contain_text("Epoch 1 of")
    page.wait_for_timeout(600)
    assert drawn() > 1
    page.get_by_role("button", name="Reset").click()
    expect(said(page)).to_contain_text("Nothing trained yet.")
    assert drawn() == 1
