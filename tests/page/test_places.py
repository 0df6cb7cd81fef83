"""Where things stand on the page: what can be pressed is in sight, at every width."""

import pytest

from chainrule import Network
from page.hands import number_field
from places import OUT_OF_SIGHT

WIDTHS = (375, 480, 560, 640, 800, 900, 901, 1000, 1100, 1180, 1280, 1440, 1600)
"""Of telephones, tablets and screens; just over 900 pixels, the panel beside the drawing is narrowest."""


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("text", ["2-3-2-1", "3-5-4-2"])
def test_a_sample_can_be_dropped_at_every_width(visit, text, lang):
    """The buttons stand wholly inside the frame that the table scrolls in, wherever it is scrolled to, and are hit."""
    page = visit(Network.read(text), address=f"#tab=numbers&lang={lang}")
    for _ in range(2):
        page.locator('[data-key="numbers.add"]').click()
    drops = page.locator('[data-key="numbers.drop"]')
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for left in (0, 30, 10_000):
            page.locator(".cr-numbers-panel .cr-scroll").evaluate("(node, left) => (node.scrollLeft = left)", left)
            assert drops.count() == 3
            assert drops.evaluate_all(OUT_OF_SIGHT) == [], (width, left)


def test_what_has_the_focus_is_not_under_the_buttons(visit):
    """A field that the keyboard reaches is scrolled into the part of the table that is seen."""
    page = visit(Network.read("3-5-4-2"), address="#tab=numbers", viewport={"width": 375, "height": 900})
    number_field(page, "x_0 1").focus()
    for name in ("x_1 1", "x_2 1", "true_1 1", "true_2 1"):
        page.keyboard.press("Tab")
        assert number_field(page, name).evaluate("node => node === document.activeElement")
        assert page.locator("input:focus").evaluate_all(OUT_OF_SIGHT) == [], name
