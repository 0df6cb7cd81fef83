"""Take the pictures of the page anew, each from a real one in Chromium, into docs/screens.

    python docs/make_screens.py

They depend on the fonts of the machine, so that no test compares them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from chainrule.network import Network
from chainrule.page import lesson

FOLDER = Path(__file__).resolve().parent / "screens"


class Screen(NamedTuple):
    """A picture: which network, at which address, in which colours and how large."""

    net: str
    address: str
    colours: str
    width: int
    height: int


SCREENS = {
    "follow.png": Screen("2-3-2-1", "#of=w_11^1", "light", 1180, 760),
    "numbers.png": Screen("2-3-2-1", "#of=w_11^2&tab=numbers&lang=ko", "dark", 1180, 700),
    "large.png": Screen("2-100-50-1", "#of=w_17,41^2", "light", 1180, 760),
    "narrow.png": Screen("2-3-2-1", "#of=w_12^3&tab=practise", "light", 375, 720),
}


def main() -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium")
        for name, screen in SCREENS.items():
            path = Path(folder) / "lesson.html"
            path.write_text(lesson(Network.read(screen.net)), encoding="utf-8")
            page = browser.new_page(
                viewport={"width": screen.width, "height": screen.height},
                color_scheme="dark" if screen.colours == "dark" else "light",
            )
            page.goto(path.as_uri() + screen.address)
            page.locator(".cr-stage svg").wait_for()
            page.wait_for_timeout(300)
            page.screenshot(path=FOLDER / name)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
