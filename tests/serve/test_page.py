"""The served page in a real browser: the figure changed, files taken along; clicked and typed by role and name."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import shown
from papers import pdf_text
from places import OUT_OF_SIGHT
from serve.hands import judged, open_tab, panel, symbol

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


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_buttons_of_a_layer_are_in_sight_at_every_width(visit, lang):
    """The table of layers scrolls under them where it is wider than its frame."""
    page = visit(f"#lang={lang}&tab=edit")
    buttons = panel(page).locator(".cr-layers .cr-away button")
    expect(buttons).to_have_count(3 + 3)
    for width in (375, 480, 640, 901, 1000, 1180, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert buttons.evaluate_all(OUT_OF_SIGHT) == [], width


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
        "HTML (lesson)": b"<!DOCTYPE html>",
    }
    for form, start in starts.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=form, exact=True).click()
        path = Path(download.value.path())
        assert path.read_bytes().startswith(start), form
        assert download.value.suggested_filename.startswith("2-2-1")
        if form in ("LaTeX (.tex)", "HTML (lesson)"):
            assert b"0.125" in path.read_bytes()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_numbers_in_a_pdf(visit, lang):
    """The server's PDF has the numbers on the screen: those that were typed, and the derivative that follows."""
    page = visit(f"#of=w_11^2&lang={lang}&tab=numbers")
    page.get_by_role("textbox", name="w_11^3", exact=True).fill("-0.75")
    page.get_by_role("textbox", name="x_0 1", exact=True).fill("0.625")
    net = Network.read("2-3-2-1")
    values = net.values(weights={"w_11^3": -0.75}, inputs=[[0.625, net.values()["x_1"]]])
    seen = shown(values.partials["w_11^2"])
    expect(page.locator(".cr-scalar .cr-result .katex-html")).to_contain_text(seen)
    page.locator("[data-tab=take]").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF", exact=True).click()
    text = pdf_text(download.value.path())
    assert seen in text
    assert shown(values["a_1^1"]) in text
    assert bool(re.search("[가-힣]", text)) == (lang == "ko")


# For everyone


def test_in_korean(visit):
    """Every word of the panels; what was judged is judged again in the language."""
    page = visit()
    open_tab(page, "Judge")
    page.get_by_label("Example", exact=True).select_option("line")
    judged(page)
    page.get_by_label("Language").select_option("ko")
    expect(page.get_by_text("w_{12}^2의 첨자").or_(page.get_by_text("w_{21}^2").first).first).to_be_visible()
    for tab in ("구조", "판정", "학습"):
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


def test_a_server_that_stops_while_it_trains(browser):
    """Is said under the training, under files and under practice; the page goes on following numbers."""
    from serve.serving import running

    with running(jobs=1) as short:
        page = browser.new_page()
        page.goto(f"{short.url}#of=w_11^3&tab=train")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(panel(page).get_by_role("status")).to_contain_text("Running. Epoch")
    expect(panel(page).get_by_role("status")).to_contain_text(re.compile("The server (has ended|does not answer)"))
    open_tab(page, "Take along")
    page.get_by_role("button", name="PDF", exact=True).click()
    expect(panel(page).get_by_role("status")).to_have_text("The server does not answer. Is it still running?")
    open_tab(page, "Practise")
    page.get_by_label("Your answer").fill(r"\frac{1}{2}")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(panel(page).get_by_role("status")).to_contain_text("The server does not answer.")
    open_tab(page, "Numbers")
    page.get_by_role("textbox", name="w_12^3", exact=True).first.fill("0.5")
    expect(page.locator(".cr-below .cr-result").first).not_to_have_text("")
    page.close()


def test_two_tabs_of_one_visitor(visit):
    """Each has its figure, its numbers and its training."""
    one = visit("#of=w_11^1")
    other = one.context.new_page()
    other.goto(one.url.split("#")[0] + "?net=2-2:tanh-1#tab=train")
    for page, net in ((one, "2-3-2-1"), (other, "2-2-1")):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Network {net}")
        open_tab(page, "Train")
        page.get_by_role("button", name="Single step", exact=True).click()
    for page in (one, other):
        expect(panel(page).get_by_role("status")).to_contain_text("Epoch 1 of")


def test_hasty_clicks(visit):
    """A double click on what adds adds twice; on what takes away, once; it starts one training, or makes two steps."""
    page = visit()
    begun = []
    page.on("request", lambda request: begun.append(request.url) if request.url.endswith("/api/train") else None)
    open_tab(page, "Figure")
    said = panel(page).get_by_role("status")
    page.get_by_role("button", name="Add a unit to layer 1").dblclick()
    expect(said).to_have_text("Changed: 2-5-2-1")
    symbol(page, "a_2^1").press("Enter")
    page.get_by_role("button", name="Remove a_2^1").dblclick()
    expect(said).to_have_text("Changed: 2-4-2-1")
    page.get_by_role("button", name="Undo").dblclick()
    expect(said).to_have_text("Changed: 2-4-2-1")
    page.get_by_role("button", name="Undo").click()
    expect(said).to_have_text("Changed: 2-3-2-1")
    open_tab(page, "Train")
    page.get_by_role("button", name="Single step").dblclick()
    expect(panel(page).get_by_role("status")).to_contain_text("Epoch 2 of")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Start", exact=True).dblclick()
    expect(panel(page).get_by_role("status")).to_contain_text(re.compile(r"Running. Epoch \d+ of"))
    assert len(begun) == 2
    open_tab(page, "Take along")
    with page.expect_download():
        page.get_by_role("button", name="TOML", exact=True).dblclick()


def test_a_training_that_is_reset_while_it_begins(visit):
    """Its late answer begins nothing: what was reset stays reset, and the server is told to stop."""
    page = visit("#tab=train")
    held = []
    page.route("**/api/train", lambda route: held.append(route))
    page.get_by_role("button", name="Start", exact=True).click()
    expect(panel(page).get_by_role("status")).to_have_text("Getting ready …")
    page.get_by_role("button", name="Reset").click()
    with page.expect_request("**/stop"):
        held[0].continue_()
    expect(panel(page).get_by_role("status")).to_have_text("Nothing trained yet. Seed 0.")
    page.unroute("**/api/train")
    page.get_by_role("button", name="Single step").click()
    expect(panel(page).get_by_role("status")).to_contain_text("Epoch 1 of")


def test_endless_documents_are_refused(visit):
    """A megabyte pasted into any field is answered with words."""
    page = visit(expecting=["413", "422"])
    fields = (("Judge", "Document", "Judge"), ("Figure", "Network", "Show"))
    for tab, label, button in fields:
        open_tab(page, tab)
        page.get_by_label(label, exact=True).evaluate(
            "(node, text) => { node.value = text; node.dispatchEvent(new Event('input', { bubbles: true })); }",
            "2-" * 500_000 + "1",
        )
        panel(page).get_by_role("button", name=button, exact=True).click()
        expect(panel(page).get_by_role("status")).to_contain_text(re.compile("too (large|many)"))


AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.mark.parametrize(("lang", "theme", "width"), [("en", "light", 1280), ("ko", "dark", 375)])
def test_nobody_is_kept_out(visit, lang, theme, width):
    """axe-core finds nothing on the panels, filled with what they show."""
    address = f"?net=2-3-2-1%20--bias#of=w_11^1&lang={lang}&theme={theme}&tab=edit"
    page = visit(address, viewport={"width": width, "height": 800}, bypass_csp=True)
    page.evaluate(AXE)

    def check():
        page.wait_for_timeout(250)
        found = page.evaluate("rules => axe.run(document, rules)", RULES)
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]] == []

    check()
    page.locator("[data-tab=judge]").click()
    page.locator("#judge-text").fill("$$\\frac{\\partial loss}{\\partial pred} = true - pred$$\n\n$$pred = \\foo$$")
    page.locator(".cr-main-button:visible").click()
    page.locator(".cr-remark").first.wait_for()
    check()
    page.locator("[data-tab=train]").click()
    page.locator(".cr-main-button:visible").click()
    page.locator("canvas").wait_for(timeout=20_000)
    check()


def test_the_keyboard_alone(visit):
    """Tabs by arrow keys; everything in the panels by Tab."""
    page = visit()
    page.get_by_role("tab", name="Take along", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Figure", exact=True)).to_be_focused()
    for tab, wanted in (("Judge", {"Judge", "Against"}), ("Train", {"Start", "Single step", "Reset", "Epochs"})):
        page.get_by_role("tab", name=tab, exact=True).click()
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    "(node => node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent)"
                    "(document.activeElement)"
                )
            )
        assert wanted <= reached
