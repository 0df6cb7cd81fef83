"""Where things stand: what can be pressed is in sight at every width, and no text of the drawing lies on another."""

import pytest

from chainrule import Network
from page.hands import number_field, shown, symbol
from places import INK, OUT_OF_SIGHT, collisions

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


# The drawing


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("2-3-2-1", 1.5), ("2-3-2-1 --bias", 1.5), ("2-2-2-2-1", 1.5), ("3-5-4-2", 1.5), ("1-1-1-1-1-1", 1.5),
        ("5-5-5-1", 1.5), ("2-3:softmax --loss ce", 1.5),
        # Bows between nine units leave some of their numbers no room to a label; they still do not lie on it.
        ("2-9:softmax --loss ce", 0),
    ],
)  # fmt: skip
def test_numbers_on_the_drawing_stand_clear(visit, text, room):
    """Whatever is chosen, no local derivative lies on a label, a caption or another one.

    Places are found in the drawing's own lengths, so that they hold at every width and size.
    """
    page = visit(Network.read(text))
    drawing = page.locator(".cr-stage > svg").first
    names = page.locator(".cr-stage [data-symbol]").evaluate_all("nodes => nodes.map(node => node.dataset.symbol)")
    names = [name for name in dict.fromkeys(names) if name != "loss" and not name.startswith("true")]
    found, numbers = {}, 0
    for name in names[:: 1 + len(names) // 16]:
        symbol(page, name).dispatch_event("click")
        texts = drawing.evaluate(INK)
        numbers += sum(text["number"] for text in texts)
        found[name] = collisions(texts, room)
    assert numbers >= len(found)
    assert {name: pairs for name, pairs in found.items() if pairs} == {}


def test_numbers_stand_clear_when_they_grow(visit):
    """A number that becomes longer than its room is placed anew, and everything with it."""
    page = visit(Network.read("2-2-2-2-1"), address="#of=x_0&tab=numbers")
    number_field(page, "w_11^4").fill("-0.0000123")
    number_field(page, "w_12^4").fill("-123456.7")
    number_field(page, "w_11^2").fill("-0.000000456")
    page.wait_for_timeout(100)
    texts = page.locator(".cr-stage > svg").first.evaluate(INK)
    assert {shown(-0.0000123, 3), shown(-123456.7, 3)} <= {text["said"] for text in texts}
    assert collisions(texts, 1.5) == []
