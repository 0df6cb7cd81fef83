"""Every mark on the screen explains itself, to the pointer and to the keyboard, in both languages."""

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import open_tab, spot, symbol
from page.marks import focused, hovered, lost, stops_of_the_drawing, wrong

MARKS = "[data-s], [data-p], [data-l]"
TABS = {"en": ("Follow", "Numbers", "Practise", "Take along"), "ko": ("따라가기", "숫자", "연습", "가져가기")}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize(
    ("text", "address"),
    [("2-3-2-1 --bias", "of=w_11^2"), ("2-14-13-1", "of=w_11^2"), ("2-14-30-2:softmax --loss ce", "open=1,2&of=z_1^3")],
)
def test_every_mark_of_a_lesson(visit, text, address, lang):
    """Symbols, edges, words, numbers, factors, fields, buttons, tabs: on every tab, with layers folded and opened."""
    page = visit(Network.read(text), address=f"#{address}&lang={lang}")
    for tab in TABS[lang]:
        open_tab(page, tab)
        marks, stops = hovered(page), focused(page)
        assert len(marks) > 40 and len(stops) > 12 + stops_of_the_drawing(page)
        for said in (marks, stops):
            assert not (bad := wrong(said, lang)), f"{tab}: {bad}"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_symbol_is_called_the_same_everywhere(visit, lang):
    """A screen reader hears of a unit, an edge or the loss what the box beside it says."""
    net = Network.from_toml(
        "inputs = ['height', 'age']\nbias = true\n[[layer]]\nsize = 2\nactivation = 'tanh'\n"
        "[[layer]]\nnames = ['yes', 'no']\n"
    )
    page = visit(net, address=f"#lang={lang}")
    page.keyboard.press("Shift")
    names = page.locator(".cr-stage [data-symbol]").all()
    assert len(names) >= 2 + 2 + 2 + 2 * (4 + 2) + 1
    for one in names:
        one.focus()
        expect(page.get_by_role("tooltip").locator("> :first-child")).to_have_text(one.get_attribute("aria-label"))


def test_factors_by_the_keyboard(visit):
    """In a line that has the focus, arrows go from factor to factor: each is lit, explained, said; Enter follows it."""
    page = visit(Network.read("2-3-2-1"), address="#of=w_11^2")
    line = page.locator(".cr-scalar .cr-line").first
    page.keyboard.press("Shift")
    line.focus()
    tip, said = page.get_by_role("tooltip"), page.locator(".cr-spoken")
    expect(tip).to_contain_text("Enter follows it")
    names = line.locator(MARKS).evaluate_all(
        "nodes => nodes.filter(n => n.checkVisibility()).map(n => n.dataset.s ?? n.dataset.p ?? n.dataset.l)"
    )
    assert len(names) >= 6
    for name in names:
        page.keyboard.press("ArrowRight")
        expect(tip).to_contain_text(name.split("|")[0].replace(";", ","))
        assert said.text_content() == tip.inner_text().replace("\n", " ")
        expect(line.locator(".cr-at")).to_have_count(1)
        assert page.locator(".cr-stage .cr-hover").count() >= 1
    expect(line).to_be_focused()
    page.keyboard.press("Home")
    while line.locator('.cr-at[data-s="a_1^1"]').count() == 0:
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(symbol(page, "a_1^1")).to_have_attribute("aria-pressed", "true")


def test_a_resting_pointer_leaves_the_focus_its_words(visit):
    """What scrolls under a pointer that nobody moves is not explained in place of what has the focus; Escape closes."""
    page = visit(Network.read("2-3-2-1"), address="#of=w_11^2&tab=numbers", viewport={"width": 1280, "height": 300})
    page.mouse.move(1000, 150)
    page.keyboard.press("Shift")
    last = page.get_by_role("textbox", name="w_12^3", exact=True).last
    last.focus()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("drag sideways")
    page.mouse.wheel(0, -60)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(tip).to_contain_text("drag sideways")
    assert last.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.locator("body").evaluate("node => node.ownerDocument.activeElement.blur()")
    page.mouse.move(*spot(page, "w_11^1"))
    expect(tip).to_contain_text("w_11^1 =")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_nothing_listens_twice(visit):
    """A page built anew, in another language or notation, has no more listeners than before."""
    page = visit(Network.read("2-3-2-1"))
    page.evaluate("""() => {
        const add = EventTarget.prototype.addEventListener;
        window.kept = [];
        EventTarget.prototype.addEventListener = function (type, ...more) {
            window.kept.push([type, new WeakRef(this)]);
            return add.call(this, type, ...more);
        };
    }""")
    before = page.evaluate("document.querySelectorAll('*').length")
    for lang in ("ko", "en", "ko", "en"):
        page.locator(".cr-header select").first.select_option(lang)
    assert page.evaluate("document.querySelectorAll('*').length") == before
    page.evaluate("window.kept.length = 0")
    page.locator(".cr-header select").first.select_option("ko")
    same = "kept.filter(([, of]) => STAYS.some(s => of.deref()?.matches?.(s))).map(([type, of]) => type)"
    stays = "['.cr', '.cr-follow', '.cr-below', '.cr-stage']"
    assert page.evaluate(f"() => {{ const STAYS = {stays}; return {same}; }}") == []


@pytest.mark.parametrize("tab", ["follow", "numbers", "practise", "take"])
def test_no_button_loses_the_focus(visit, tab):
    """Pressed by the keyboard, each keeps the focus or hands it to its neighbour, though panels are built anew."""
    page = visit(Network.read("2-3-2-1"), address=f"#of=a_1^1&tab={tab}&x=1,2;3,4;5,6&true=1;2;3")
    assert lost(page, page.get_by_role("tabpanel")) == []
    for number, choice in ((0, "ko"), (1, "bishop"), (2, "dark")):
        select = page.locator(".cr-header select").nth(number)
        select.focus()
        select.select_option(choice)
        expect(page.locator(".cr-header select").nth(number)).to_be_focused()


def test_a_choice_keeps_the_focus(visit):
    """The sample that is followed is chosen with the arrow keys, again and again."""
    page = visit(Network.read("2-3-2-1"), address="#tab=numbers&x=1,2;3,4;5,6&true=1;2;3")
    page.get_by_role("radio").first.focus()
    for row in (2, 3):
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name=f"Follow sample {row}")).to_be_checked()
        expect(page.get_by_role("radio", name=f"Follow sample {row}")).to_be_focused()
