"""How soon the page is there, how much it weighs, and how fast it follows, in a real Chromium.

    python benchmarks/page.py

First views are those of a browser that has never been there; the time runs to the first frame in which the drawing
and its lines stand. Frames are counted while a weight is dragged, and while the drawing is, for two seconds each.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from chainrule import Network
from chainrule.page import lesson

NETWORKS = {"2-3-2-1": "w_11^1", "2-100-50-1": "w_17,41^2"}
VIEWS = 5

READY = """new Promise(resolve => {
    const look = () => document.querySelector(".cr-scalar .cr-result") && document.querySelector(".cr-stage svg")
        ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
    look();
})"""

FRAMES = """what => new Promise(resolve => {
    const stage = document.querySelector(".cr-stage"), slider = document.querySelector(".cr-body .cr-slider");
    const box = stage.getBoundingClientRect(), times = [], start = performance.now();
    const at = (type, x) => stage.dispatchEvent(new PointerEvent(type, {
        bubbles: true, pointerId: 1, isPrimary: true, buttons: 1, clientX: x, clientY: box.top + box.height / 2 }));
    stage.setPointerCapture = () => {};
    if (what === "drawing") at("pointerdown", box.left + box.width / 2);
    const frame = now => {
        times.push(now);
        if (now - start > 2000) return resolve(times);
        const turn = Math.sin((now - start) / 200);
        if (what === "drawing") at("pointermove", box.left + box.width / 2 + 100 * turn);
        else {
            slider.value = String(turn);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})"""


def first_view(browser: Any, address: str) -> tuple[float, float]:
    """Return the time to the first view and the bytes that were fetched, with an empty cache."""
    times, weight = [], 0.0
    for _ in range(VIEWS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        sizes: list[float] = []
        page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))  # noqa: B023
        page.goto(address)
        times.append(page.evaluate(READY))
        page.wait_for_timeout(200)
        weight = sum(sizes)
        context.close()
    return statistics.median(times), weight


def frames(browser: Any, address: str, what: str) -> tuple[float, float]:
    """Return the frames a second and the time of the slowest of twenty, while something is dragged."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.evaluate(READY)
    page.wait_for_timeout(500)
    times = page.evaluate(FRAMES, what)
    page.close()
    gaps = [after - before for before, after in pairwise(times)]
    return 1000 * len(gaps) / (times[-1] - times[0]), sorted(gaps)[int(0.95 * len(gaps))]


def main() -> None:
    """Print the tables."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium")
        print(f"Chromium {browser.version}\n\n| what | weighs | first view |\n|---|---|---|")
        for name, symbol in NETWORKS.items():
            path = Path(folder) / f"{name}.html"
            path.write_text(lesson(Network.read(name)), encoding="utf-8")
            took, _ = first_view(browser, f"{path.as_uri()}#of={symbol}")
            print(f"| the lesson {name} | {path.stat().st_size:,} bytes | {took:.0f} ms |")
        process = subprocess.Popen(
            [sys.executable, "-m", "chainrule", "serve", "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the server does not say where it is"
        try:
            for name, symbol in NETWORKS.items():
                took, weight = first_view(browser, f"{found[0]}?net={name}#of={symbol}")
                print(f"| the served page {name} | {weight:,.0f} bytes | {took:.0f} ms |")
        finally:
            process.terminate()
            process.wait()
        print("\n| dragged, for two seconds | frames a second | 95 % of them within |\n|---|---|---|")
        for title, name, view in (
            ("2-3-2-1", "2-3-2-1", "of=w_11^1"), ("2-100-50-1", "2-100-50-1", "of=w_17,41^2"),
            ("2-100-50-1, both layers opened", "2-100-50-1", "of=w_17,41^2&open=1,2"),
        ):  # fmt: skip
            for what in ("weight", "drawing"):
                rate, slow = frames(browser, (Path(folder) / f"{name}.html").as_uri() + f"#{view}&tab=numbers", what)
                print(f"| {title}: {'a weight' if what == 'weight' else 'the drawing'} | {rate:.0f} | {slow:.0f} ms |")
        browser.close()


if __name__ == "__main__":
    main()
