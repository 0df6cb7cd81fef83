"""A lesson in Debian's Chromium, from a file, with the network off; whatever it complains of fails the test."""

from functools import cache

import pytest

from chainrule.page import lesson


@cache
def text_of(net, options):
    """Return a lesson's text, made once for all tests."""
    return lesson(net, **dict(options))


@pytest.fixture
def visit(browser, tmp_path):
    """Open the lesson of a network, or again the one that was opened last."""
    complaints, contexts = [], []

    def listen(page):
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or complaints.append(r.url))

    def run(net=None, *, address="", options=None, **settings):
        path = tmp_path / "lesson.html"
        if net is not None:
            path.write_text(text_of(net, tuple((options or {}).items())), encoding="utf-8")
        settings = {"viewport": {"width": 1280, "height": 900}, "offline": True, **settings}
        if not contexts or net is not None:
            contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        listen(page)
        page.goto(path.as_uri() + address)
        return page

    yield run
    for context in contexts:
        context.close()
    assert complaints == []
