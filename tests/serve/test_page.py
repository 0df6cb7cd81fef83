"""The served page in a real browser: figure, judge, training, files; clicked, typed and dropped by role and name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from chainrule import Network
from chainrule.serve.data import draw

SEED = (Path(__file__).parents[1] / "fixtures" / "seed" / "derivation.md").read_text(encoding="utf-8")


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def panel(page):
    return page.get_by_role("tabpanel")


def symbol(page, name):
    return page.locator(f'.cr-stage [data-symbol="{name}"]').first


def drop(page, label, name, text):
    """Drop a file on what a label belongs to."""
    page.get_by_label(label, exact=True).evaluate(
        """(node, [name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            for (const type of ["dragenter", "dragover", "drop"]) {
              node.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
            }
        }""",
        [name, text],
    )


# The figure


def test_the_figure_is_changed(visit):
    """Sizes, activations, biases, the loss, layers, units: the drawing follows, and undoing leads back."""
    page = visit()
    open_tab(page, "Figure")
    said = panel(page).get_by_role("status")
    page.get_by_role("button", name="Add a unit to layer 1").click()
    expect(said).to_have_text("Changed: 2-4-2-1")
    expect(symbol(page, "a_4^1")).to_be_visible()
    expect(page.get_by_role("button", name="Add a unit to layer 1")).to_be_focused()
    page.get_by_role("spinbutton", name="Units of layer 2").fill("3")
    page.keyboard.press("Tab")
    expect(said).to_have_text("Changed: 2-4-3-1")
    page.get_by_role("combobox", name="Activation of layer 1").select_option("tanh")
    expect(said).to_have_text("Changed: 2-4:tanh-3-1")
    page.get_by_role("checkbox", name="Biases of layer 1").check()
    expect(symbol(page, "b_4^1")).to_be_attached()
    page.get_by_role("combobox", name="Loss", exact=True).select_option("mse")
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 2-4-3-1")
    expect(page.locator(".cr-stage")).to_contain_text("mean squared error")
    page.get_by_role("button", name="Remove layer 2").click()
    expect(symbol(page, "a_1^2")).to_have_count(0)
    page.get_by_role("button", name="Add a layer behind layer 1").click()
    expect(symbol(page, "a_3^2")).to_be_visible()
    for _ in range(7):
        page.get_by_role("button", name="Undo").click()
    expect(said).to_have_text("Changed: 2-3-2-1")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_unit_and_an_edge_on_the_drawing(visit):
    """What is clicked can be removed; two clicks make an edge; the numbers of what stays are kept."""
    page = visit()
    open_tab(page, "Figure")
    symbol(page, "w_12^2").press("Enter")
    expect(panel(page)).to_contain_text("w_12^2: weight from a_2^1 to z_1^2")
    page.get_by_role("button", name="Remove w_12^2").click()
    expect(panel(page).get_by_role("status")).to_contain_text("Changed")
    expect(symbol(page, "w_12^2")).to_have_count(0)
    symbol(page, "a_2^1").click()
    page.get_by_role("button", name="Remove a_2^1").click()
    expect(symbol(page, "w_32^1")).to_have_count(0)
    page.get_by_role("button", name="Pick in the drawing").click()
    symbol(page, "x_0").click()
    expect(panel(page).get_by_role("status")).to_contain_text("From x_0")
    symbol(page, "pred").click()
    expect(symbol(page, "w_11^3,0")).to_be_attached()
    page.get_by_label("From", exact=True).select_option("x_1")
    page.get_by_label("To", exact=True).select_option("a_1^2")
    page.get_by_role("button", name="Join").click()
    expect(symbol(page, "w_12^2,0")).to_be_attached()


def test_numbers_are_kept(visit):
    """A changed figure has the numbers that were on the screen, and new ones for what is new."""
    page = visit()
    open_tab(page, "Numbers")
    page.get_by_role("textbox", name="w_21^1", exact=True).fill("0.125")
    open_tab(page, "Figure")
    page.get_by_role("button", name="Add a unit to layer 1").click()
    expect(panel(page).get_by_role("status")).to_contain_text("2-4-2-1")
    open_tab(page, "Numbers")
    expect(page.get_by_role("textbox", name="w_21^1", exact=True)).to_have_value("0.125")
    expect(page.get_by_role("textbox", name="w_41^1", exact=True)).to_be_visible()


def test_the_address_leads_to_the_figure(visit):
    """A link is a lesson: figure, numbers and what is chosen."""
    page = visit()
    open_tab(page, "Figure")
    page.get_by_label("Network", exact=True).fill("2-2:tanh-1 --bias")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 2-2-1")
    open_tab(page, "Numbers")
    page.get_by_role("textbox", name="b_1^1", exact=True).fill("0.75")
    symbol(page, "w_12^1").press("Enter")
    page.wait_for_timeout(400)
    address = page.url
    assert "net=2-2%3Atanh-1" in address
    other = visit(address.split("/", 3)[3])
    expect(other.get_by_role("heading", level=1)).to_have_text("Network 2-2-1")
    expect(other.get_by_role("textbox", name="b_1^1", exact=True)).to_have_value("0.75")
    expect(symbol(other, "w_12^1")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    "net", ["2-x-1", "<img src=x onerror=alert(1)>", "layers = '2-1'\nname = '<script>alert(1)</script>'\n["]
)
def test_an_address_that_cannot_be_shown(visit, net):
    """Is said, and the server's own figure is shown; nothing in it is run."""
    from urllib.parse import quote

    page = visit(f"?net={quote(net)}", expecting=["422"])
    expect(page.get_by_role("alert")).to_contain_text("cannot be shown")
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 2-3-2-1")


def test_a_name_is_no_markup(visit):
    """A figure's name and its units' names are text, in the drawing and in the page."""
    from urllib.parse import quote

    name = "<img src=x onerror=alert(1)>"
    net = f'name = "{name}"\ninputs = ["{name}", "b"]\n[[layer]]\nnames = ["</script>"]\n'
    page = visit(f"?net={quote(net)}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img")
    assert page.locator("main img").count() == 0


def test_a_figure_that_cannot_be_read(visit):
    """The place and the smallest fix are said where it was typed; the figure stays as it was."""
    page = visit(expecting=["422"])
    open_tab(page, "Figure")
    page.get_by_label("Network", exact=True).fill("2-3:sigmoit-1")
    page.keyboard.press("Enter")
    expect(panel(page).get_by_role("status")).to_contain_text("sigmoid")
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 2-3-2-1")


# The judge


def judged(page):
    """Wait until something was judged, and return what is said of it."""
    said = panel(page).get_by_role("status")
    expect(said).to_contain_text(re.compile(r"\d"), timeout=30_000)
    return said


def test_the_seed_is_judged(visit):
    """All of it is marked in place; a click applies a repair, and another one all that are left."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_label("Example", exact=True).select_option("seed")
    expect(judged(page)).to_have_text("51 of 58 right, 7 wrong, 0 unreadable. Score 90 %.")
    assert page.get_by_label("Document", exact=True).input_value() == SEED
    assert page.locator(".cr-marked").text_content() == SEED
    assert page.locator(".cr-marked mark").count() == 58
    assert page.locator(".cr-link-wrong, .cr-link-carried").count() == 7
    page.locator(".cr-link-wrong").first.click()
    expect(page.get_by_role("button", name="Apply the repair on line 34").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(judged(page)).to_contain_text("line 34 is applied")
    assert page.locator(".cr-link-wrong, .cr-link-carried").count() < 7
    page.get_by_role("button", name="Apply all repairs").click()
    expect(judged(page)).to_contain_text("All repairs are applied")
    assert page.locator(".cr-link-wrong").count() == 0


def test_the_drawing_shows_a_wrong_index(visit):
    """Dashed the edge that is written, solid the one that is meant: on hover and on focus."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_label("Example", exact=True).select_option("line")
    judged(page)
    page.locator(".cr-link-wrong").hover()
    expect(symbol(page, "w_12^2")).to_have_class(re.compile("cr-wrong"))
    expect(symbol(page, "w_21^2")).to_have_class(re.compile("cr-right"))
    page.mouse.move(5, 5)
    expect(symbol(page, "w_12^2")).not_to_have_class(re.compile("cr-wrong"))
    page.get_by_role("button", name="Apply the repair on line 1").focus()
    expect(symbol(page, "w_12^2")).to_have_class(re.compile("cr-wrong"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("everything that could be read is right")).to_be_visible()
    assert "w_{21}^2" in page.get_by_label("Document", exact=True).input_value()


def test_a_document_is_dropped(visit):
    """A notebook, whose cells are marked one by one, and whose repair is written back into its cell."""
    cells = [
        {"cell_type": "code", "metadata": {}, "source": ["1 + 1"], "outputs": [], "execution_count": None},
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["so 𝛿 and\n", "$$\\frac{\\partial loss}{\\partial pred} = true - pred$$"],
        },
    ]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    page = visit()
    open_tab(page, "Judge")
    drop(page, "Document", "answer.ipynb", notebook)
    expect(judged(page)).to_contain_text("1 wrong")
    expect(page.get_by_role("heading", name="Cell 2")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Apply the repair")).click()
    expect(judged(page)).to_contain_text("is applied")
    found = json.loads(page.get_by_label("Document", exact=True).input_value())
    assert found["cells"][0]["source"] == ["1 + 1"]
    assert found["cells"][1]["source"] == "so 𝛿 and\n$$\\frac{\\partial loss}{\\partial pred} = pred - true$$"


def test_a_network_is_found(visit):
    """From the document; it can be shown."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_label("Document", exact=True).fill(
        "$$pred = a_1^1 w_{11}^2 + a_2^1 w_{12}^2 + a_3^1 w_{13}^2$$ with $a_1^1 = \\sigma(w_{11}^1 x_0)$"
    )
    page.get_by_label("Against", exact=True).select_option("found")
    page.get_by_role("button", name="Judge", exact=True).click()
    judged(page)
    page.get_by_role("button", name="Show this network").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 1-3-1")


def test_what_is_typed_is_no_markup(visit):
    """Whatever a document holds is shown as text."""
    page = visit()
    open_tab(page, "Judge")
    text = "<img src=x onerror=alert(1)> $$pred = \\href{javascript:alert(1)}{true}$$ <script>alert(2)</script>"
    page.get_by_label("Document", exact=True).fill(text)
    page.get_by_role("button", name="Judge", exact=True).click()
    judged(page)
    assert page.locator(".cr-marked").text_content() == text
    assert page.locator("main img, main script, main a[href^=javascript]").count() == 0


def test_what_cannot_be_judged_is_said(visit):
    """Nothing, too much, and no equation at all."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_role("button", name="Judge", exact=True).click()
    expect(panel(page).get_by_role("status")).to_have_text("Put a document in first.")
    drop(page, "Document", "large.md", "x" * 1_100_000)
    expect(panel(page).get_by_role("status")).to_have_text("The file is larger than 1 MB.")
    page.get_by_label("Document", exact=True).fill("no mathematics")
    page.get_by_role("button", name="Judge", exact=True).click()
    expect(panel(page).get_by_role("status")).to_have_text("No equation was found in the document.")


# Training


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
    settled(page, Epochs="400", Seed="3")
    page.get_by_role("button", name="Single step").click()
    expect(said(page)).to_contain_text("Paused. Epoch 1 of 400", timeout=20_000)
    line = page.locator(".cr-below .cr-line .cr-result").first
    first, width = (
        line.text_content(),
        symbol(page, "w_11^1").locator(".line").evaluate("node => node.style.strokeWidth"),
    )
    assert width.endswith("px")
    picture = page.get_by_role("img", name=re.compile("^Decision surface")).evaluate("node => node.toDataURL()")
    page.get_by_role("button", name="Single step").click()
    expect(said(page)).to_contain_text("Epoch 2 of 400")
    page.get_by_label("Epochs a second").fill("3")
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
    expect(said(page)).to_contain_text("Every epoch is done. Epoch 400 of 400", timeout=30_000)


def test_reset_keeps_the_first_weights(visit):
    """Started again after a reset, it begins where it began before, and goes the same way."""
    page = visit("?net=2-3-1")
    settled(page, Seed="5")
    found = []
    for _ in range(2):
        page.get_by_role("button", name="Single step").click()
        expect(said(page)).to_contain_text("Epoch 1 of", timeout=20_000)
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
    expect(said(page)).to_contain_text("Every epoch is done. Epoch 10 of 10", timeout=30_000)
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
    expect(said(page)).to_contain_text("accuracy", timeout=20_000)
    expect(page.get_by_role("img", name="Decision surface over height and width; 60 samples")).to_be_visible()
    drop(page, "Data", "flowers.csv", rows.replace("3,small,3", "3,small,oops", 1))
    page.get_by_role("button", name="Start", exact=True).click()
    expect(said(page)).to_contain_text("oops", timeout=20_000)


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
    expect(said(page)).to_contain_text("Running. Epoch", timeout=20_000)
    open_tab(page, "Figure")
    page.get_by_role("button", name="Add a unit to layer 1").click()
    expect(symbol(page, "a_4^1")).to_be_visible()
    open_tab(page, "Train")
    expect(said(page)).to_contain_text("Nothing trained yet.")


# Taking along


def test_files_are_taken_along(visit):
    """In every form of the server, with the numbers on the screen."""
    page = visit("?net=2-2-1")
    open_tab(page, "Numbers")
    page.get_by_role("textbox", name="w_11^1", exact=True).fill("0.125")
    open_tab(page, "Take along")
    starts = {
        "PDF": b"%PDF",
        "LaTeX (.tex)": b"\\documentclass",
        "NumPy": b'"""',
        "PyTorch": b'"""',
        "HTML": b"<!DOCTYPE html>",
    }
    for form, start in starts.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=form, exact=True).click()
        path = Path(download.value.path())
        assert path.read_bytes().startswith(start), form
        assert download.value.suggested_filename.startswith("2-2-1")
        if form in ("LaTeX (.tex)", "HTML"):
            assert b"0.125" in path.read_bytes()


# For everyone


def test_in_korean(visit):
    """Every word of the panels; what was judged is judged again in the language."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_label("Example", exact=True).select_option("line")
    judged(page)
    page.get_by_label("Language").select_option("ko")
    expect(page.get_by_text("w_{12}^2의 첨자").or_(page.get_by_text("w_{21}^2").first).first).to_be_visible()
    for tab in ("그림", "판정", "학습"):
        open_tab(page, tab)
        text = panel(page).inner_text()
        assert re.search("[가-힣]", text)
        assert not re.search(r"\b(the|Choose|Layer|Loss|Start|Judge)\b", text), text
    assert page.locator("html").get_attribute("lang") == "ko"


@pytest.mark.parametrize("tab", ["Figure", "Judge", "Train"])
def test_on_a_small_screen(visit, tab):
    """At 375 pixels nothing but what scrolls by itself is wider than the screen."""
    page = visit(viewport={"width": 375, "height": 700})
    open_tab(page, tab)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_server_that_is_gone(browser):
    """Is said where somebody wants something from it."""
    from serve.serving import running

    with running(jobs=1) as short:
        page = browser.new_page()
        page.goto(short.url)
        page.get_by_role("tab", name="Judge", exact=True).click()
        page.get_by_label("Document", exact=True).fill("$$pred = true$$")
    page.get_by_role("button", name="Judge", exact=True).click()
    expect(panel(page).get_by_role("status")).to_have_text("The server does not answer. Is it still running?")
    page.close()
