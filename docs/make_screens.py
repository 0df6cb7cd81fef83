"""Take the pictures of the page anew, each from a real one in Chromium, into docs/screens.

    python docs/make_screens.py

Those of a file, and those of a served page. They depend on the fonts of the machine, so that no test compares them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

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
    "large.png": Screen("2-100-50-1", "#of=w_17,41^2&open=1,2", "light", 1180, 760),
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
            page.locator(".cr-stage svg").first.wait_for()
            page.wait_for_timeout(300)
            page.screenshot(path=FOLDER / name)
            page.close()
        served(browser)
        browser.close()


def served(browser: Any) -> None:
    """Take the pictures of a page behind a server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "serve", "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found, "the server does not say where it is"
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        page.goto(f"{found[0]}#tab=judge")
        page.get_by_label("Example", exact=True).select_option("line")
        page.get_by_role("button", name="Apply the repair on line 1").wait_for()
        page.locator(".cr-link-wrong").hover()
        page.mouse.move(0, 0)
        page.get_by_role("button", name="Apply the repair on line 1").focus()
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        page.screenshot(path=FOLDER / "judge.png")
        page.goto(f"{found[0]}?net=2-8:tanh-4:tanh-1%20--bias%20--loss%20bce_with_logits#of=w_11^3&tab=train")
        page.get_by_label("Data", exact=True).select_option("circles")
        page.get_by_label("Epochs", exact=True).fill("200")
        page.get_by_label("Epochs a second").fill("3")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("Every epoch is done").wait_for(timeout=60_000)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(300)
        page.screenshot(path=FOLDER / "train.png")
    finally:
        page.close()
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
