"""Practising behind a server: answers in LaTeX go to the judge, hints are given, progress stays; by role and name."""

import re

import pytest
from playwright.sync_api import expect

from serve.hands import open_tab, panel, symbol


def answer(page, text):
    """Write an answer and have it checked; return what is said of it."""
    page.get_by_role("textbox", name="Your answer").fill(text)
    page.get_by_role("button", name="Check", exact=True).click()
    return panel(page).get_by_role("status")


def test_answers_in_latex_are_judged(visit):
    """Right in several spellings; wrong with the judge's reason; unreadable; the score counts what was solved."""
    page = visit("#of=w_11^2&tab=practise")
    expect(page.get_by_role("heading", name="∂loss/∂w_11^2 = ?")).to_be_visible()
    said = answer(page, r"\frac{\partial loss}{\partial z_2^2} \cdot a_1^1")
    expect(said).to_contain_text("Not right.")
    expect(said).to_contain_text(re.compile("index|z_1"))
    expect(page.get_by_text("0 of 25 solved")).to_be_visible()
    expect(answer(page, r"\frac{\partial loss}{")).to_contain_text("Cannot be read")
    expect(answer(page, r"\frac{\partial loss}{\partial z_1^2} \cdot a_1^1")).to_have_text("Right.")
    expect(page.get_by_text("1 of 25 solved, 1 points")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    full = r"$\frac{\partial loss}{\partial w_{12}^2} = (pred - true) w_{11}^3 a_1^2 (1 - a_1^2) a_2^1$"
    expect(page.get_by_role("heading", name="∂loss/∂w_12^2 = ?")).to_be_visible()
    expect(answer(page, full)).to_have_text("Right.")
    expect(page.get_by_text("2 of 25 solved, 2 points")).to_be_visible()


def test_another_derivative_is_no_answer(visit):
    """A line that is right, but about something else than what is asked."""
    page = visit("#of=w_11^2&tab=practise")
    said = answer(page, r"\frac{\partial loss}{\partial w_{12}^2} = \frac{\partial loss}{\partial z_1^2} \cdot a_2^1")
    expect(said).to_have_text("That is right, but about ∂loss/∂w_12^2; ∂loss/∂w_11^2 was asked for.")
    said = answer(page, r"\frac{\partial loss}{\partial w_{11}^2}")
    expect(said).to_contain_text("The answer contains ∂loss/∂w_11^2 itself.")
    expect(page.get_by_text("0 of 25 solved")).to_be_visible()


def test_hints_come_one_by_one_and_cost(visit):
    """The rule, the chain, the line, the number; what was solved is there after a reload, with what it cost."""
    page = visit("#of=w_11^2&tab=practise")
    hint, given = page.get_by_role("button", name="Hint"), page.locator(".cr-hint")
    for count in range(1, 4):
        hint.click()
        expect(given).to_have_count(count)
    expect(given.nth(0)).to_contain_text("contains")
    expect(answer(page, r"\frac{\partial loss}{\partial z_1^2} a_1^1")).to_have_text("Right.")
    expect(page.get_by_text("1 of 25 solved, 0.25 points")).to_be_visible()
    page.reload()
    expect(page.get_by_text("1 of 25 solved, 0.25 points")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Solved so far")).to_have_attribute("value", "1")
    page.get_by_role("button", name="Next", exact=True).click()
    for _ in range(6):
        hint.click()
    expect(given).to_have_count(4)


def test_the_question_is_what_is_chosen(visit):
    """A click in the drawing asks for what was clicked; another language keeps the question."""
    page = visit("#tab=practise")
    expect(page.get_by_role("heading", name="∂loss/∂pred = ?")).to_be_visible()
    symbol(page, "w_21^1").press("Enter")
    expect(page.get_by_role("heading", name="∂loss/∂w_21^1 = ?")).to_be_visible()
    page.get_by_label("Language").select_option("ko")
    expect(page.get_by_role("heading", name="∂loss/∂w_21^1 = ?")).to_be_visible()
    page.get_by_role("textbox", name="답").fill(r"\frac{\partial loss}{\partial z_2^2} x_0")
    page.get_by_role("button", name="확인").click()
    expect(panel(page).get_by_role("status")).to_contain_text(re.compile("틀렸습니다.*[가-힣]"))


@pytest.mark.parametrize("text", ["\\href{javascript:alert(1)}{x}", "$<img src=x onerror=alert(1)>$", "\\" * 5000])
def test_hostile_answers_are_text(visit, text):
    """Said to be unreadable or wrong, and nothing runs."""
    page = visit("#tab=practise")
    said = answer(page, text)
    expect(said).to_contain_text(re.compile("Cannot be read|Not right|at most 4,000"))
    assert page.locator("main img, main a[href^=javascript]").count() == 0


def test_progress_is_kept_for_each_network(visit):
    """What was solved of one is not solved of another."""
    page = visit("#tab=practise")
    expect(answer(page, r"pred - \mathit{true}")).to_have_text("Right.")
    open_tab(page, "Figure")
    page.get_by_label("Network", exact=True).fill("2-2-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Network 2-2-1")
    open_tab(page, "Practise")
    expect(page.get_by_text(re.compile("^0 of"))).to_be_visible()
