"""A lesson in a real browser: clicked, typed, dragged by role and name; its numbers are Python's."""

import re

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import AXE, RULES, choose, math, number_field, number_of, open_tab, result, shown, spot, symbol

SEED = Network.read("2-3-2-1")


# Follow


@pytest.mark.parametrize("name", ["w_11^1", "w_23^2", "w_12^3", "a_1^1", "pred", "x_1"])
def test_a_click_shows_where_a_derivative_comes_from(visit, name):
    """The lines of a weight, a unit or an input, with Python's numbers; the paths add up to the derivative."""
    page, values = visit(SEED), SEED.values()
    choose(page, name)
    heading = math(page.locator(".cr-values"))
    value, partial = shown(values.symbols[name]), shown(values.partials[name])
    assert f"= {value} " in heading[0].replace("-", "−") and heading[0].replace("-", "−").endswith(f"= {partial}")
    results = [number_of(line) for line in page.locator(".cr-scalar .cr-line > .cr-result:visible").all()]
    assert partial in results
    expect(symbol(page, name)).to_have_attribute("aria-pressed", "true")
    contributions = [math(one)[0] for one in page.locator(".cr-list .cr-result").all()]
    total = sum(float(one.removeprefix("{}= ")) for one in contributions)
    assert total == pytest.approx(values.partials[name], abs=2e-6 * len(contributions))


def test_paths_are_lit_and_carry_local_derivatives(visit):
    """What lies on a path from w_11^1 to the loss is lit, nothing else; each edge has its local derivative."""
    page, values = visit(SEED), SEED.values()
    choose(page, "w_11^1")
    lit = page.locator(".cr-stage g.lit[data-symbol]").evaluate_all("nodes => nodes.map(n => n.dataset.symbol)")
    assert set(lit) == {"a_1^1", "a_1^2", "a_2^2", "w_11^2", "w_21^2", "w_11^3", "w_12^3", "pred", "loss"}
    numbers = page.locator(".cr-locals text").evaluate_all(
        "nodes => Object.fromEntries(nodes.map(n => ['∂' + n.dataset.l.replace('|', '/∂'), n.textContent]))"
    )
    a = values["a_1^1"]
    assert numbers["∂z_1^1/∂w_11^1"] == shown(values["x_0"], 3)
    assert numbers["∂a_1^1/∂z_1^1"] == shown(a * (1 - a), 3)
    assert numbers["∂z_2^2/∂a_1^1"] == shown(values["w_21^2"], 3)
    assert numbers["∂loss/∂pred"] == shown(values.symbols["pred"] - values.symbols["true"], 3)
    assert len(numbers) == 1 + 1 + 2 + 2 + 2 + 1


def test_factors_and_drawing_light_each_other(visit):
    """The pointer on a factor lights its place in the drawing; on the drawing, the factors that stand for it."""
    page = visit(SEED)
    choose(page, "w_11^2")
    page.locator('.cr-body .cr-line [data-s="a_1^1"]').first.hover()
    expect(symbol(page, "a_1^1")).to_have_class(re.compile("cr-hover"))
    expect(page.get_by_role("tooltip")).to_contain_text("a_1^1 = " + shown(SEED.values()["a_1^1"]))
    page.mouse.move(*spot(page, "w_11^3"))
    expect(symbol(page, "a_1^1")).not_to_have_class(re.compile("cr-hover"))
    expect(page.locator('.cr-here[data-s="w_11^3"]').first).to_be_visible()
    page.locator('.cr-below .cr-line [data-m="W_2"]').first.hover() if page.locator(
        '.cr-below [data-m="W_2"]'
    ).count() else None
    page.locator('.cr-below .cr-line [data-m="A_1"]').first.hover()
    expect(page.locator(".cr-stage .cr-hover")).to_have_count(3)


def test_the_matrix_line_stands_beside_the_scalar_one(visit):
    """Aᵀδ with its arrays, and the entry that the scalar line is."""
    page, values = visit(SEED), SEED.values()
    choose(page, "w_12^2")
    line = page.locator(".cr-below .cr-line")
    assert any("A_1" in text and r"\delta_2" in text for text in math(line))
    expect(line.locator("[data-e]")).to_have_text(shown(values.partials["w_12^2"]))
    expect(line).to_contain_text("shape (3, 2)")


def test_one_step_at_a_time(visit):
    """Forward through the computation and back, symbols, numbers, result; every line once; then back again."""
    page = visit(SEED)
    count = 2 * 3 + 2 * 2 + 2 + 14 + 2 * 3 + 2 * 2 + 1 + 2
    expect(page.get_by_text(f"{count} lines", exact=True)).to_be_visible()
    on, back = page.get_by_role("button", name="One step on"), page.get_by_role("button", name="One step back")
    on.click()
    expect(page.get_by_text(f"line 1 of {count}")).to_be_visible()
    line = page.locator(".cr-body .cr-line")
    assert math(line)[0] == "z_1^1"
    expect(line.locator(".cr-numbers")).to_be_hidden()
    on.click()
    expect(line.locator(".cr-numbers")).to_be_visible()
    expect(line.locator(".cr-result")).to_be_hidden()
    on.click()
    expect(line.locator(".cr-result")).to_be_visible()
    on.click()
    expect(page.get_by_text(f"line 2 of {count}")).to_be_visible()
    back.click()
    expect(page.get_by_text(f"line 1 of {count}")).to_be_visible()
    expect(line.locator(".cr-result")).to_be_visible()
    page.get_by_role("button", name="Last line").click()
    expect(page.get_by_text(f"line {count} of {count}")).to_be_visible()
    page.get_by_role("button", name="First line").click()
    seen = page.evaluate(
        """count => {
        const on = document.querySelector('[data-key="follow.next"]'), seen = new Set();
        for (let line = 0; line < count; line++) {
            seen.add(document.querySelector(".cr-scalar .cr-line annotation").textContent);
            for (let stage = 0; stage < 3; stage++) on.click();
        }
        return [...seen];
    }""",
        count,
    )
    assert len(seen) == count


def test_a_name_is_typed(visit):
    """A symbol by its name; one that is not there is said."""
    page = visit(SEED)
    page.get_by_role("textbox", name="Symbol").fill("w_23^2")
    page.get_by_role("button", name="Follow", exact=True).click()
    assert result(page) == shown(SEED.values().partials["w_23^2"])
    page.get_by_role("textbox", name="Symbol").fill("w_99^2")
    page.get_by_role("textbox", name="Symbol").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("nothing called “w_99^2”")


# Numbers


def test_everything_follows_the_numbers(visit):
    """An input is typed, a weight dragged, a target stepped with the arrow keys; the numbers are Python's."""
    page = visit(SEED)
    choose(page, "w_11^1")
    open_tab(page, "Numbers")
    number_field(page, "x_0 1").fill("0.25")
    number_field(page, "true 1").fill("-1")
    number_field(page, "true 1").press("ArrowUp")
    slider = page.get_by_role("slider", name="w_12^3")
    slider.fill("0.5")
    field = number_field(page, "w_11^2")
    before = float(field.input_value())
    box = field.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 10, steps=5)
    page.mouse.up()
    after = float(field.input_value())
    assert after == pytest.approx(before + 0.4, abs=0.02)
    drawn = SEED.values()
    values = SEED.values(
        inputs=[[0.25, drawn["x_1"]]], targets=[-0.9], weights={"w_12^3": 0.5, "w_11^2": after},
    )  # fmt: skip
    assert result(page) == shown(values.partials["w_11^1"])
    expect(page.locator(".cr-table .cr-out").nth(-1)).to_have_text(shown(values["loss"], 5))
    number_field(page, "x_0 1").fill("a lot")
    expect(number_field(page, "x_0 1")).to_have_attribute("aria-invalid", "true")
    assert result(page) == shown(values.partials["w_11^1"])
    page.get_by_role("button", name="Back to the first numbers").click()
    page.wait_for_timeout(50)
    assert result(page) == shown(drawn.partials["w_11^1"])


def test_a_line_that_is_written_anew_in_place_looks_the_same(visit):
    """Between numbers and operators stands the same space as where the whole line is set."""
    page = visit(SEED, address="#of=w_11^2&tab=numbers")
    spaces = lambda: page.locator(".cr-scalar .cr-numbers .katex-html .mspace").count()  # noqa: E731
    before = spaces()
    assert before >= 4
    number_field(page, "w_11^3").fill("-0.25")
    page.wait_for_timeout(60)
    soon = spaces()
    page.wait_for_timeout(500)
    assert soon == spaces() == before


def test_a_table_of_samples(visit):
    """Several samples: the scalar lines follow one, the matrix lines all, as rows."""
    page = visit(SEED)
    choose(page, "w_11^3")
    open_tab(page, "Numbers")
    page.get_by_role("button", name="Add a sample").click()
    number_field(page, "x_0 2").fill("-1")
    number_field(page, "true 2").fill("2")
    drawn = SEED.values()
    rows, targets = [[drawn["x_0"], drawn["x_1"]], [-1, drawn["x_1"]]], [drawn.symbols["true"], 2]
    both, second = SEED.values(inputs=rows, targets=targets), SEED.values(inputs=rows[1:], targets=[2])
    expect(page.get_by_text("Loss over all samples (2)")).to_contain_text(shown(both["loss"]))
    assert result(page) == shown(second.partials["w_11^3"])
    expect(page.locator(".cr-below [data-e]")).to_have_text(shown(both.partials["w_11^3"]))
    page.get_by_label("1", exact=True).or_(page.get_by_label("Follow sample 1")).first.check()
    page.wait_for_timeout(50)
    assert result(page) == shown(drawn.partials["w_11^3"])
    page.get_by_role("button", name="Remove this sample").last.click()
    expect(page.get_by_text("Loss over all samples (1)")).to_be_visible()


def test_a_nudge_is_what_the_derivative_said(visit):
    """The finite difference beside the derivative."""
    page, values = visit(SEED), SEED.values()
    choose(page, "w_21^2")
    open_tab(page, "Numbers")
    moved = SEED.values(weights={"w_21^2": values["w_21^2"] + 0.01})
    change = moved["loss"] - values["loss"]
    said = page.locator(".cr-probe")
    expect(said).to_contain_text(f"The loss changes by {shown(change, 5)}")
    expect(said).to_contain_text(f"The derivative said {shown(values.partials['w_21^2'], 5)}")
    page.get_by_label("Change w_21^2 by").select_option("0.001")
    slope = (SEED.values(weights={"w_21^2": values["w_21^2"] + 0.001})["loss"] - values["loss"]) / 0.001
    assert float(re.search(r"which is (\S+) for", said.inner_text())[1].replace("−", "-")) == pytest.approx(
        slope, rel=1e-4
    )


# Practise


def test_answers_are_judged_by_their_numbers(visit):
    """Right, wrong, unreadable; hints a step at a time; the score is kept."""
    page = visit(SEED)
    open_tab(page, "Practise")
    answer, check = page.get_by_label("Your answer"), page.get_by_role("button", name="Check")
    said = page.locator(".cr-verdict")
    for text, verdict in (
        ("true - pred", "Not the same number"), ("pred +", "Cannot be read"), ("pred - tru", "Cannot be read"),
        ("fetch(1)", "Cannot be read"), ("", "Write an answer"), ("(pred − true)", "Right."),
    ):  # fmt: skip
        answer.fill(text)
        check.click()
        expect(said).to_contain_text(verdict)
    page.get_by_role("button", name="Next", exact=True).click()
    answer.fill("∂loss/∂w_11^3 = (pred - true) * a_1^2")
    answer.press("Enter")
    expect(said).to_have_text("Right.")
    expect(page.get_by_text("2 of 25 solved, 2 points")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    for count in range(1, 5):
        page.get_by_role("button", name="Hint").click()
        expect(page.locator(".cr-hint")).to_have_count(count)
    number = re.sub(r".*= ", "", math(page.locator(".cr-hint").last)[0])
    assert float(number) == pytest.approx(SEED.values().partials["w_12^3"], rel=1e-5)
    answer.fill("∂loss/∂pred · a_2^2")
    check.click()
    expect(page.get_by_text("3 of 25 solved, 2 points")).to_be_visible()
    page.reload()
    expect(page.get_by_text("3 of 25 solved, 2 points")).to_be_attached()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("w_11^2", "(pred - true) w_11^3 a_1^2(1 - a_1^2) a_1^1"),
        ("w_11^2", "∂loss/∂z_1^2 * a_1^1"),
        ("a_1^1", "∂loss/∂z_1^2 · w_11^2 + ∂loss/∂z_2^2 · w_{21}^{2}"),
        ("z_1^1", "dloss/da_1^1 × a_1^1 × (1 − a_1^1)"),
        ("z_1^2", "∂loss/∂a_1^2 * (a_1^2 - a_1^2 ^ 2)"),
        ("z_2^2", "-∂loss/∂a_2^2 * a_2^2 * (a_2^2 - 1) / 1"),
    ],
)
def test_an_answer_may_be_written_in_many_ways(visit, name, answer):
    """Signs, brackets, powers, products without a sign."""
    page = visit(SEED, address=f"#of={name}&tab=practise")
    choose(page, name if name[0] != "z" else f"a{name[1:]}")
    while name not in math(page.locator(".cr-practise h2"))[0].replace("{", "").replace("}", "").replace(
        "w_11", "w_11"
    ):
        page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label("Your answer").fill(answer)
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cr-verdict")).to_have_text("Right.")


# Language, notation, colours, the address


def test_language_and_notation_change_in_place(visit):
    """The same symbol, in the other language and another notation; nothing else changes."""
    page = visit(SEED)
    choose(page, "w_11^2")
    before = result(page)
    page.get_by_label("Language").select_option("ko")
    expect(page.get_by_role("tab", name="따라가기")).to_be_visible()
    expect(page.get_by_role("heading", name="신경망 2-3-2-1")).to_be_visible()
    assert result(page) == before
    page.get_by_label("표기").select_option("bishop")
    assert any("w_{11}^{(2)}" in text for text in math(page.locator(".cr-head h2")))
    expect(page.locator('.cr-stage text[data-label="pred"]')).to_have_text("y")
    assert result(page) == before
    page.get_by_label("색").select_option("dark")
    expect(page.locator("#page")).to_have_css("background-color", "rgb(20, 23, 27)")


def test_a_link_is_a_lesson(visit):
    """What was chosen and typed is in the address: opened again, it is there."""
    page = visit(SEED)
    choose(page, "w_12^1")
    open_tab(page, "Numbers")
    number_field(page, "x_1 1").fill("2")
    number_field(page, "w_12^1").fill("-0.75")
    page.get_by_label("Colours").select_option("dark")
    page.get_by_label("Language").select_option("ko")
    page.wait_for_timeout(400)
    other = visit(address=page.url[page.url.index("#") :])
    expect(other.get_by_role("tab", name="숫자")).to_have_attribute("aria-selected", "true")
    expect(number_field(other, "w_12^1")).to_have_value("-0.75")
    values = SEED.values(inputs=[[SEED.values()["x_0"], 2]], weights={"w_12^1": -0.75})
    assert result(other) == shown(values.partials["w_12^1"])
    expect(other.locator("#page")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(
    "address", ["#of=w_99^9&tab=x&lang=xx&p=99999:1,0:z&x=1;2&true=&row=9&step=9999.9", "#%%%", "#of=<img>"]
)
def test_an_address_that_does_not_fit_changes_nothing(visit, address):
    """Nonsense is left aside."""
    page = visit(SEED, address=address)
    expect(page.get_by_role("tab", name="Follow")).to_have_attribute("aria-selected", "true")
    choose(page, "w_11^1")
    assert result(page) == shown(SEED.values().partials["w_11^1"])


# Other networks


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3-4-3 --loss softmax_ce_index --bias", "b_2^2"),
        ("2-3:softmax --loss ce", "w_12^1"),
        ("2-3:relu-2:tanh --bias --loss huber --reduction mean", "w_21^1"),
        ("1-1 --loss bce_with_logits", "w_11^1"),
        ("2-13-12-2 --loss mse", "w_13,1^1"),
    ],
)
def test_other_networks(visit, text, name):
    """Classes, softmax, biases, means: the page's number is Python's."""
    net = Network.read(text)
    page = visit(net, address=f"#of={name}")
    assert result(page) == shown(net.values().partials[name])


# For everyone


def test_the_keyboard_alone(visit):
    """Tab reaches the drawing; Enter chooses; arrows move between tabs; Escape closes what explains."""
    page = visit(SEED)
    symbol(page, "w_11^1").focus()
    expect(page.get_by_role("tooltip")).to_contain_text("w_11^1: weight from x_0 to z_1^1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(symbol(page, "w_11^1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("tab", name="Follow").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Numbers")).to_be_focused()
    expect(number_field(page, "x_0 1")).to_be_visible()
    for key in ("Larger", "Smaller", "The whole drawing"):
        page.get_by_role("button", name=key).focus()
        page.keyboard.press("Enter")
    reached = set()
    page.locator("body").press("Home")
    page.get_by_label("Language").focus()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
    assert {"w_12^3: weight from a_2^2 to pred", "Larger", "Numbers", "x_0 1", "Follow w_11^1"} <= reached


@pytest.mark.parametrize(
    ("lang", "theme", "width"), [("en", "light", 1280), ("ko", "dark", 1280), ("en", "dark", 375), ("ko", "light", 375)]
)
def test_nobody_is_kept_out(visit, lang, theme, width):
    """axe-core finds nothing, on every tab, in both languages, colours and at two widths."""
    address = f"#of=w_11^1&lang={lang}&theme={theme}"
    page = visit(SEED, address=address, viewport={"width": width, "height": 800}, bypass_csp=True)
    page.evaluate(AXE)
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(250)
        found = page.evaluate("rules => axe.run(document, rules)", RULES)
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]] == []


def test_a_narrow_screen(visit):
    """At 375 pixels nothing sticks out of the page; the drawing scrolls in its own frame."""
    page = visit(SEED, address="#of=w_11^1", viewport={"width": 375, "height": 800}, has_touch=True)
    for tab in page.get_by_role("tab").all():
        tab.tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    symbol(page, "w_21^1").dispatch_event("click")
    expect(symbol(page, "w_21^1")).to_have_attribute("aria-pressed", "true")


def test_the_drawing_is_zoomed_and_moved(visit):
    """Buttons, the wheel with Ctrl, and dragging."""
    page = visit(SEED)
    view = lambda: [float(part) for part in page.locator(".cr-stage svg").first.get_attribute("viewBox").split()]  # noqa: E731
    home = view()
    page.get_by_role("button", name="Larger").click()
    assert view()[2] < home[2]
    box = page.locator(".cr-stage").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    closer = view()
    assert closer[2] < home[2] / 1.25
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 190, steps=4)
    page.mouse.up()
    assert view()[0] < closer[0] and view()[1] < closer[1]
    page.get_by_role("button", name="The whole drawing").click()
    assert view() == home


def test_hostile_names_are_text(visit):
    """What a sheet calls a network or a unit is nowhere markup."""
    name = "<img src=x onerror=alert(1)></script>"
    net = Network.read("2-2-1").replace(name=name, input_names=(name, "b"))
    page = visit(net)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    choose(page, "w_11^1")
    assert page.locator("img").count() == 0


def test_on_paper(visit, tmp_path):
    """Printed, the lines and the drawing are there, the controls are not."""
    from papers import pdf_text

    page = visit(SEED, address="#of=w_11^2")
    path = tmp_path / "printed.pdf"
    page.pdf(path=path)
    text = pdf_text(path)
    assert "Single numbers, one sample" in text and "layer 1" in text
    assert "Notation" not in text
