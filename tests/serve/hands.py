"""What the tests of the served page do, in a person's words."""

import re

from playwright.sync_api import expect


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def panel(page):
    return page.get_by_role("tabpanel")


def symbol(page, name):
    return page.locator(f'.cr-stage [data-symbol="{name}"]').first


def drop(page, label, name, text):
    """Drop a file on what a label belongs to."""
    page.get_by_label(label, exact=True).evaluate(
        """(node, [name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            for (const type of ["dragenter", "dragover", "drop"]) {
              node.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
            }
        }""",
        [name, text],
    )


def judged(page):
    """Wait until something was judged, and return what is said of it."""
    said = panel(page).get_by_role("status")
    expect(said).to_contain_text(re.compile(r"\d"))
    return said
