"""What the tests of the page do, in a person's words."""

from importlib.resources import files

from chainrule.show.emit import number_text
from chainrule.show.forms import TEXT

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def shown(number, digits=6):
    """Return a number as the page writes it."""
    return number_text(float(number), digits, TEXT)


def math(locator):
    """Return the LaTeX of the formulas inside an element."""
    return locator.locator("annotation").all_text_contents()


def number_of(locator):
    """Return the number that a formula shows."""
    return locator.locator(".katex-html").inner_text().replace("\u200b", "").strip().removeprefix("=").strip()


def result(page, nth=0):
    """Return the result of a line about single numbers, as it is seen."""
    page.wait_for_timeout(60)
    return number_of(page.locator(".cr-scalar .cr-line").nth(nth).locator(".cr-result"))


def symbol(page, name):
    """Return a weight or a unit of the drawing."""
    return page.locator(f'.cr-stage [data-symbol="{name}"]').first


def spot(page, name):
    """Return a place of the window where a symbol of the drawing is and nothing lies over it."""
    page.wait_for_timeout(50)
    at = symbol(page, name).evaluate("""node => {
        const line = node.querySelector(".hit"), box = node.getBoundingClientRect();
        const along = part => line.getPointAtLength(part * line.getTotalLength())
            .matrixTransform(node.closest("svg").getScreenCTM());
        const points = line ? [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].map(along)
            : [{ x: box.left + box.width / 2, y: box.top + box.height / 2 }];
        const free = points.find(({ x, y }) => document.elementFromPoint(x, y)?.closest("[data-symbol]") === node);
        return free && [free.x, free.y];
    }""")
    assert at, f"{name} is covered"
    return at


def choose(page, name):
    """Click a symbol of the drawing where nothing lies over it."""
    page.mouse.click(*spot(page, name))


def number_field(page, name):
    """Return the field of a number."""
    return page.get_by_role("textbox", name=name, exact=True).first


def open_tab(page, name):
    """Open a tab."""
    page.get_by_role("tab", name=name, exact=True).click()
