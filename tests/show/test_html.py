"""A page in a real browser: all formulas set, nothing fetched, light, dark, printed, without scripts, hostile names."""

import re
import subprocess

import pytest
from playwright.sync_api import expect

from chainrule import Network
from chainrule.show import write_document
from chainrule.show.compose import compose
from chainrule.show.html import anchor, escape
from papers import HOSTILE, PAPERS, paper, pdf_text

UNSET = ".math:not([data-done])"


@pytest.fixture
def visit(browser, tmp_path):
    """Open a document from a file. Whatever the page complains of or asks for from elsewhere fails the test."""
    complaints = []
    contexts = []

    def listen(page):
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url))

    def run(document, **options):
        path = tmp_path / "page.html"
        path.write_text(write_document(document, "html"), encoding="utf-8")
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto(path.as_uri())
        return page

    yield run
    for context in contexts:
        context.close()
    assert complaints == []


def wait(page, condition: str):
    """Wait until a condition holds; Playwright's own way asks the page to evaluate text, which its policy forbids."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


@pytest.mark.parametrize("name", PAPERS)
def test_every_formula_is_set(name, visit):
    """KaTeX reads all that is written, in every document."""
    page = visit(paper(name))
    assert page.locator(".math").count() > 10
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(UNSET).count() == 0
    assert page.locator(".katex-error").count() == 0
    assert page.locator(".math").count() == page.locator(".math > .katex > .katex-mathml > math").count()


def test_korean_and_english_say_their_language(visit):
    """Screen readers choose a voice by it."""
    assert visit(paper("seed", lang="ko")).locator("html").get_attribute("lang") == "ko"
    page = visit(paper("seed"))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", level=2).count() == 2


def test_light_and_dark_differ(visit):
    """The page follows the reader's choice, and so does the drawing."""
    grounds, shots = [], []
    for scheme in ("light", "dark"):
        page = visit(paper("seed"), color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        shots.append(page.get_by_role("img", name="Drawing of the network 2-3-2-1").screenshot())
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
    assert shots[0] != shots[1]


def test_each_line_has_an_anchor(visit):
    """A line is addressed by its plain name; ids are unique, also where lines come from a template."""
    page = visit(paper("seed"))
    assert "w_{11}^2" in page.locator("#w_11-2 annotation").first.text_content()
    page.locator("#w_31-1").hover()
    page.locator("#w_31-1").get_by_role("link", name="Link to this line").click()
    assert page.url.endswith("#w_31-1")
    source = write_document(compose(Network.read("2-30-12-1").derive(), every=True), "html")
    ids = re.findall(r' id="([^"]*)"', source)
    assert len(ids) == len(set(ids)) > 400
    assert {"w_10-12-2", "w_99", "w_12-1-2"} & set(ids) == {"w_10-12-2", "w_12-1-2"}
    assert all(re.fullmatch(r"[\w.-]+", one) for one in ids)


def test_matrix_lines_open(visit):
    """Closed at first; a key opens the scalar lines that a matrix line gathers, set by then."""
    page = visit(paper("wide matrix"))
    fold = page.locator("details.fold").nth(1)
    assert not fold.locator(".line").first.is_visible()
    fold.get_by_text("Entry by entry").press("Enter")
    assert fold.locator(".line").first.is_visible()
    assert fold.locator(".line").count() > 3
    assert fold.locator(UNSET).count() == 0


def test_on_a_telephone(visit):
    """The page is no wider than the screen; what is too wide scrolls in its place and can be reached by keyboard."""
    page = visit(paper("gelu"), viewport={"width": 375, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    wide = page.locator(".sides[tabindex='0']").first
    assert wide.evaluate("(it) => it.scrollWidth > it.clientWidth")
    wide.focus()
    page.keyboard.press("ArrowRight")
    wait(page, "document.activeElement.scrollLeft > 0")


def test_long_pages_set_what_is_near(visit):
    """5,250 lines and more: the page opens at once, sets what one looks at, and sets all before it is printed."""
    page = visit(compose(Network.read("2-100-50-1").derive(), every=True))
    total = page.locator(".math").count()
    assert total > 15_000
    wait(page, "document.querySelectorAll('.math[data-done]').length > 10")
    assert page.locator(".math[data-done]").count() < 1000
    page.evaluate("location.hash = 'w_25-50-2'")
    page.wait_for_selector("#w_25-50-2 .katex")
    box = page.locator("#w_25-50-2").bounding_box()
    assert 0 <= box["y"] <= page.viewport_size["height"]


def test_print(visit, tmp_path):
    """On paper: black on white even from a dark screen, every formula set, nothing cut off."""
    page = visit(paper("wide"), color_scheme="dark")
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    text = pdf_text(tmp_path / "page.pdf")
    assert "Backward: from the loss to every weight" in text
    assert "\\frac" not in text
    assert page.locator(UNSET).count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    fonts = subprocess.run(["pdffonts", tmp_path / "page.pdf"], check=True, capture_output=True, text=True).stdout
    assert "KaTeX_Math" in fonts


def test_without_scripts(visit):
    """The LaTeX of every formula is there to read."""
    page = visit(paper("seed"), java_script_enabled=False)
    line = page.locator("#w_11-2 .math").first
    line.scroll_into_view_if_needed()
    expect(line).to_be_in_viewport()
    expect(line).to_have_text(r"\frac{\partial \mathit{loss}}{\partial w_{11}^2}", use_inner_text=True)


@pytest.mark.parametrize(
    "name",
    [
        HOSTILE,
        "</title><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "$\\href{javascript:alert(1)}{x}$",
        "\\(\\htmlClass{x}{y}\\) {name} %TITLE%",
    ],
)
def test_hostile_names_are_inert(name, visit):
    """A name is words, wherever it stands: title, heading, drawing."""
    net = Network.read("2-2-1").replace(name=name, input_names=(name, "b"))
    page = visit(compose(net.derive()))
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 1
    assert page.locator("main a:not(.anchor)").count() == 0
    shown = escape(name).replace("&#39;", "'").replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")
    assert " ".join(shown.replace("&amp;", "&").split()) in " ".join(page.locator("h1").inner_text().split())


def test_the_policy_lets_nothing_in():
    """No address, no handler, no script but the two whose hashes the policy names."""
    source = write_document(paper("seed"), "html")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', source)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split(";")[1]
    page = re.sub(r"<(script|style)>.*?</\1>", "", source, flags=re.DOTALL)
    assert not re.search(r"\son\w+\s*=|https?://", page)
    assert source.count("<script>") == 2


def test_no_drawing_where_only_a_part_is_shown():
    """A selection is lines alone."""
    assert "<figure" not in write_document(paper("seed", of="w_11^2"), "html")


@pytest.mark.parametrize(("name", "safe"), [("w_11^2", "w_11-2"), ('x"><b>', "x-b"), ("a_1^1[3]", "a_1-1-3"), ("", "")])
def test_anchor(name, safe):
    """Ids hold letters, digits, and marks that need no escape."""
    assert anchor(name) == safe
