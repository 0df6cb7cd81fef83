"""What people and links do that nobody meant: huge and empty numbers, endless answers, broken addresses, resizing."""

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import choose, number_field, open_tab, result, shown, symbol

SEED = Network.read("2-3-2-1")


@pytest.mark.parametrize("text", ["1e400", "NaN", "Infinity", "", "--3", "0x10", "1 2", "9" * 400, "1;alert(1)"])
def test_what_is_no_number_changes_nothing(visit, text):
    """Marked while it stands there; the number stays, and comes back when the field is left."""
    page = visit(SEED, address="#of=w_11^1&tab=numbers")
    field = number_field(page, "w_11^1")
    before = field.input_value()
    field.fill(text)
    expect(field).to_have_attribute("aria-invalid", "true")
    assert result(page) == shown(SEED.values().partials["w_11^1"])
    page.keyboard.press("Tab")
    expect(field).to_have_value(before)
    expect(field).to_have_attribute("aria-invalid", "false")


@pytest.mark.parametrize(
    ("text", "number"), [("1,5", 1.5), ("−2", -2), ("１２", 12), ("1e-320", 1e-320), (" .5 ", 0.5)]
)
def test_numbers_as_people_type_them(visit, text, number):
    """A decimal comma, a minus sign, full-width digits, very small ones."""
    page = visit(SEED, address="#of=w_11^3&tab=numbers")
    number_field(page, "w_12^3").fill(text)
    assert result(page) == shown(SEED.values(weights={"w_12^3": number}).partials["w_11^3"])


def test_numbers_too_large_to_square_are_said_to_be_infinite(visit):
    """∞ and NaN stand where they arise, and smaller numbers lead back."""
    page = visit(SEED, address="#of=w_11^3&tab=numbers")
    number_field(page, "w_12^3").fill("1e200")
    expect(page.locator(".cr-table .cr-out").last).to_have_text("∞")
    number_field(page, "true 1").fill("-1e308")
    number_field(page, "w_12^3").fill("1e308")
    expect(page.locator(".cr-table .cr-out").last).to_have_text("∞")
    page.get_by_role("button", name="Back to the first numbers").click()
    page.wait_for_timeout(60)
    assert result(page) == shown(SEED.values().partials["w_11^3"])


@pytest.mark.parametrize("text", ["(" * 500_000, "1+" * 300_000 + "1", "x" * 1_000_000])
def test_an_endless_answer_is_refused(visit, text):
    """A megabyte is said to be too long, at once."""
    page = visit(SEED, address="#tab=practise")
    page.get_by_label("Your answer").evaluate("(node, text) => { node.value = text; }", text)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cr-verdict")).to_have_text("An answer has at most 4,000 characters.")


@pytest.mark.parametrize("text", ["(" * 3000 + "1" + ")" * 900, "-" * 3999 + "1", "2^" * 1999 + "2", "1+" * 1999 + "1"])
def test_a_long_answer_is_read_or_refused(visit, text):
    """As deep as it is, nothing overflows."""
    page = visit(SEED, address="#tab=practise")
    page.get_by_label("Your answer").fill(text)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cr-verdict")).to_contain_text("Not the same number" if text[0] in "-1" else "Cannot be read")


@pytest.mark.parametrize(
    "address",
    [
        "#of=constructor&notation=toString", "#lang=__proto__&notation=__proto__&theme=constructor&tab=toString",
        "#p=0:1e999,1:NaN,-1:5,1.5:2,__proto__:1&x=1e999,2&true=NaN", "#step=abc.def&of=loss", "#step=-1.7&row=1e9",
        f"#of={'a' * 50_000}", f"#x={';'.join(['1,2'] * 100)}", "#open=%00,1,__proto__",
    ],
)  # fmt: skip
def test_a_broken_address_opens_the_page(visit, address):
    """Whatever stands in it, the page is there and works."""
    page = visit(SEED, address=address)
    choose(page, "w_11^1")
    assert result(page) == shown(SEED.values().partials["w_11^1"])


def test_back_and_forward(visit):
    """Addresses that were visited are shown again."""
    page = visit(SEED, address="#of=w_11^1")
    for address in ("#of=w_12^1", "#of=w_11^3&tab=practise"):
        page.wait_for_timeout(300)
        page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_timeout(300)
    for way, name, tab in (
        ("back", "w_12^1", "Follow"), ("back", "w_11^1", "Follow"), ("forward", "w_12^1", "Follow"),
        ("forward", "w_11^3", "Practise"),
    ):  # fmt: skip
        page.evaluate(f"history.{way}()")
        expect(symbol(page, name)).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(300)


def test_resized_while_dragging(visit):
    """The drawing is where the pointer left it, whatever became of the window; the next click is a click."""
    page = visit(SEED, address="#of=w_11^1")
    box = page.locator(".cr-stage").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 60, steps=3)
    page.set_viewport_size({"width": 700, "height": 900})
    page.mouse.move(box["x"] + 300, box["y"] + 90, steps=3)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert page.locator(".cr-stage svg").first.get_attribute("style") == ""
    page.get_by_role("button", name="The whole drawing").click()
    choose(page, "w_12^3")
    expect(symbol(page, "w_12^3")).to_have_attribute("aria-pressed", "true")


def test_double_clicks(visit):
    """Two clicks are two clicks: chosen stays chosen, two samples are added, a layer is open."""
    page = visit(Network.read("2-20-1"))
    page.get_by_role("button", name="Layer 1 has 20 units: open it").dblclick()
    expect(page.locator('.cr-stage .units [data-symbol^="a_"]')).to_have_count(20)
    symbol(page, "a_7^1").dblclick()
    expect(symbol(page, "a_7^1")).to_have_attribute("aria-pressed", "true")
    open_tab(page, "Numbers")
    page.get_by_role("button", name="Add a sample").dblclick()
    expect(page.get_by_text("Loss over all samples (3)")).to_be_visible()


def test_samples_come_and_go_under_a_resting_hand(visit):
    """The button to add stays under the pointer, though a frame comes between press and release; so does the focus."""
    page = visit(SEED, address="#tab=numbers")
    box = page.get_by_role("button", name="Add a sample").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for count in (2, 3, 4):
        page.mouse.down()
        page.wait_for_timeout(40)
        page.mouse.up()
        expect(page.get_by_text(f"Loss over all samples ({count})")).to_be_visible()
    expect(page.get_by_role("button", name="Add a sample")).to_be_focused()
    drops = page.locator(".cr-table button")
    drops.nth(3).focus()
    for left in (3, 2):
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Loss over all samples ({left})")).to_be_visible()
        expect(drops.nth(left - 1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add a sample")).to_be_focused()


def test_less_motion_where_it_is_asked_for(visit):
    """Nothing moves or fades then."""
    still, moving = "getComputedStyle(document.querySelector('.cr .edges .line')).transitionDuration", "0.15s"
    assert visit(SEED).evaluate(still) == moving
    assert visit(SEED, reduced_motion="reduce").evaluate(still) == "0s"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white(visit, tmp_path, theme):
    """Printed from dark colours too; and from the files' tab stand the lines, not the buttons."""
    from papers import pdf_text

    page = visit(SEED, address=f"#of=w_11^2&tab=take&theme={theme}")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.cr')).color") == "rgb(22, 25, 29)"
    page.emulate_media(media="screen")
    path = tmp_path / "printed.pdf"
    page.pdf(path=path)
    text = pdf_text(path)
    assert "Single numbers, one sample" in text and "Copy the link" not in text
    expect(page.get_by_role("tab", name="Take along")).to_have_attribute("aria-selected", "true")


def test_every_mark_explains_itself(visit):
    """The pointer on a button, a field, a slider, a weight, a unit, a factor: words, in both languages."""
    for lang in ("en", "ko"):
        page = visit(SEED, address=f"#of=w_11^2&lang={lang}")
        tip = page.get_by_role("tooltip")
        for tab in page.get_by_role("tab").all():
            tab.click()
            marks = page.locator(
                ".cr button:visible:not([role=tab]), .cr-number:visible, .cr-slider:visible, .cr-stage [data-symbol]"
            )
            silent = marks.evaluate_all(
                """nodes => nodes.filter(node => {
                    node.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
                    const box = document.querySelector(".cr-tip");
                    const words = node.getAttribute("aria-label") ?? node.textContent;
                    return box.hidden && !/[\\p{L}∂]{2}/u.test(words);
                }).map(node => node.outerHTML.slice(0, 120))"""
            )
            assert silent == []
        page.get_by_role("tab").first.click()
        page.locator(".cr-body .cr-line [data-l]").first.hover()
        expect(tip).to_contain_text("∂z_1^2/∂w_11^2 = ")


@pytest.mark.parametrize("width", [375, 1280])
def test_a_number_is_seen_whole(visit, width):
    """In the table and beside the sliders, however long it is: no sign and no digit lies outside of its field."""
    address = "#tab=numbers&of=w_11^1&x=-0.00123456,-123456&true=-1.23457e-7&p=0:-0.00123457,1:-0.789945,2:123457000"
    page = visit(Network.read("2-3-2-1"), address=address, viewport={"width": width, "height": 800})
    fields = page.locator(".cr-number:visible")
    assert {"-0.00123456", "-1.23457e-7", "-0.789945", "123457000"} <= {one.input_value() for one in fields.all()}
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.value)"
    assert fields.evaluate_all(cut) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
