"""Every mark of the server's panels explains itself, to the pointer and to the keyboard, in both languages."""

import re

import pytest
from playwright.sync_api import expect

from page.marks import focused, hovered, lost, stops_of_the_drawing, wrong
from serve.hands import judged, panel


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("tab", ["edit", "judge", "train", "practise", "take"])
def test_every_mark_of_the_panels(visit, tab, lang):
    """The panels as they are when something was chosen, judged, trained."""
    page = visit(f"?net=2-3:tanh-2-1#of=w_11^2&lang={lang}&tab={tab}")
    if tab == "judge":
        page.locator("#judge-text").fill(
            "$$pred = 2 true$$\n\n$$a_1^1 = \\foo$$\n\n$$loss = \\frac{1}{2}(pred-true)^2$$"
        )
        page.locator(".cr-main-button:visible").click()
        judged(page)
    if tab == "train":
        panel(page).locator("[data-own=step]").dblclick()
        expect(panel(page).get_by_role("status")).to_contain_text(re.compile(r"(Epoch|에포크) 2\b"))
    marks, stops = hovered(page), focused(page)
    assert len(marks) > 40
    assert len(stops) > 12 + stops_of_the_drawing(page)
    for said in (marks, stops):
        assert not (bad := wrong(said, lang)), bad


@pytest.mark.parametrize("tab", ["edit", "judge", "train"])
def test_no_button_loses_the_focus(visit, tab):
    """Pressed by the keyboard, each keeps the focus or hands it on, though the answer of the server builds all anew."""
    page = visit(f"?net=2-3-2-1#of=w_11^2&tab={tab}", expecting=["422"])
    if tab == "judge":
        page.locator("#judge-text").fill(
            "$$pred = 2 true$$\n\n$$\\frac{\\partial loss}{\\partial pred} = true - pred$$"
        )
        page.locator(".cr-main-button:visible").click()
        judged(page)
    assert lost(page, panel(page)) == []
