"""Servers that many tests ask, and pages of theirs in a browser."""

import pytest
from playwright.sync_api import expect

from serve.serving import running

expect.set_options(timeout=30_000)  # how long a figure takes to derive says more about the machine than about the page


@pytest.fixture(scope="session")
def server():
    """A server as it is started by `chainrule serve`, but for its port."""
    with running() as found:
        yield found


@pytest.fixture
def visit(browser, server):
    """Open a page of the server. What it complains of unexpectedly, or asks of anybody else, fails the test."""
    complaints, contexts, expected = [], [], []

    def complain(text):
        if not any(part in text for part in expected):
            complaints.append(text)

    def run(path="", expecting=(), **settings):
        expected.extend(expecting)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complain(message.text))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("dialog", lambda dialog: (complain(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith((server.url, "data:", "blob:")) or complain(r.url))
        page.goto(server.url + path)
        page.get_by_role("tablist").wait_for()
        return page

    yield run
    for context in contexts:
        context.close()
    assert complaints == []
