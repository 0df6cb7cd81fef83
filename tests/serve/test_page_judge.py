"""The panel of the judge in a real browser: marks, remarks, repairs, the drawing; clicked, typed and dropped."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from serve.hands import drop, judged, open_tab, panel, symbol

SEED = (Path(__file__).parents[1] / "fixtures" / "seed" / "derivation.md").read_text(encoding="utf-8")


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
