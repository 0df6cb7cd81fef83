"""The widget: what Python reads and sets, and clicked in a real JupyterLab, Notebook and marimo."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from playwright.sync_api import expect

from chainrule import Network
from chainrule.errors import DataError, SelectionError

NET = Network.read("2-3-2-1")
TOKEN = "a-token-for-this-test"
SLOW = 60_000


def test_python_reads_and_sets_the_weights():
    """Arrays in, lists out; what is left out keeps its number; what does not fit is refused and changes nothing."""
    explorer = NET.explore()
    values = NET.values()
    assert {name: np.shape(array) for name, array in explorer.weights.items()} == {
        "W_1": (2, 3), "W_2": (3, 2), "W_3": (2, 1),
    }  # fmt: skip
    explorer.weights = {"W_2": np.ones((3, 2))}
    assert explorer.weights["W_2"] == [[1.0, 1.0]] * 3
    assert explorer.weights["W_1"] == values["W_1"].tolist()
    for wrong in ({"W_2": np.ones((2, 3))}, {"W_9": [[1.0]]}, {"W_3": [["a"], ["b"]]}):
        with pytest.raises(DataError):
            explorer.weights = wrong
    assert explorer.weights["W_2"] == [[1.0, 1.0]] * 3
    explorer.selected = "w_12^2"
    with pytest.raises(SelectionError):
        explorer.selected = "w_99^2"
    assert explorer.selected == "w_12^2"


def test_tied_weights_are_one_number():
    """What the page sends back of a tied group, the number of its first one, is given to each."""
    net = Network.from_toml("layers = \"2-2-1\"\ntied = [['w_11^1', 'w_22^1']]\n")
    explorer = net.explore()
    sent = json.loads(json.dumps(explorer.weights))
    sent["W_1"][0][0], sent["W_1"][1][1] = 2.0, 0.0
    explorer.weights = sent
    assert explorer.weights["W_1"][0][0] == explorer.weights["W_1"][1][1] == 2.0


JUPYTERS = {"jupyterlab": "lab/tree", "notebook": "notebooks"}
"""The programs that show notebooks, and where they do."""


@pytest.fixture(scope="module", params=JUPYTERS)
def jupyter(tmp_path_factory, request):
    """A JupyterLab, or a Jupyter Notebook, with a notebook that shows the widget; its address."""
    program = request.param
    folder = tmp_path_factory.mktemp(program)
    cells = [
        "from chainrule import Network\nw = Network.read('2-3-2-1').explore()\nw",
        "print('now', w.selected, w.weights['W_1'][0][0])",
    ]
    notebook = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {
                "cell_type": "code", "id": f"cell{k}", "metadata": {}, "source": cell, "outputs": [],
                "execution_count": None,
            }
            for k, cell in enumerate(cells)
        ],
    }  # fmt: skip
    (folder / "page.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    port = free_port()
    homes = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    options = (
        "--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--LabApp.news_url=",
        f"--ServerApp.root_dir={folder}", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    )  # fmt: skip
    command = [sys.executable, "-m", program, *options]
    with answering(command, folder, f"http://127.0.0.1:{port}/api/status?token={TOKEN}", homes):
        yield f"http://127.0.0.1:{port}/{JUPYTERS[program]}/page.ipynb?token={TOKEN}"


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def answering(command, folder, address, homes):
    """Start a server, wait until an address of it answers, and end it afterwards; its settings are its own."""
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True,
            env={**os.environ, **{name: str(folder / name.lower()) for name in homes}},
        )  # fmt: skip
    try:
        for _ in range(240):
            assert process.poll() is None, (folder / "log.txt").read_text(encoding="utf-8")
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(0.25)
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def begun(page):
    """Run the first cell; a notebook that has just been opened does not listen yet."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    for _ in range(10):
        cell.click(timeout=SLOW)
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(AssertionError):
            expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=6_000)
            return
    raise AssertionError("the first cell does not run")


def test_in_a_real_jupyter(browser, jupyter):
    """Run, clicked, dragged: Python has what was chosen and the weights; both from there and back."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    page = context.new_page()
    errors = []
    # What goes wrong in the program's own files is its own matter.
    page.on("pageerror", lambda error: "/static/notebook/" in (error.stack or "") or errors.append(error.stack))
    page.goto(jupyter)
    begun(page)
    weight = page.locator('.cr-stage [data-symbol="w_11^1"]')
    expect(weight).to_be_visible(timeout=SLOW)
    weight.dispatch_event("click")
    expect(page.locator(".cr-scalar .cr-result").first).to_be_visible()
    page.get_by_role("tab", name="Numbers", exact=True).click()
    page.locator(".cr").get_by_role("textbox", name="w_11^1", exact=True).first.fill("0.625")
    page.wait_for_timeout(500)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.nth(1).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    expect(cells.nth(1).locator(".jp-OutputArea-output")).to_contain_text("now w_11^1 0.625", timeout=SLOW)
    cells.nth(2).locator(".jp-InputArea-editor").click()
    page.keyboard.insert_text("w.selected = 'w_12^3'; w.weights = {'W_3': [[2.0], [-0.5]]}")
    page.keyboard.press("Shift+Enter")
    expect(page.locator('.cr-stage [data-symbol="w_12^3"]')).to_have_attribute("aria-pressed", "true", timeout=SLOW)
    expect(page.locator(".cr").get_by_role("textbox", name="w_12^3", exact=True).first).to_have_value("-0.5")
    values = NET.values(weights={"w_11^1": 0.625, "W_3": [[2.0], [-0.5]]})
    expect(page.locator(".cr-scalar .cr-result").first).to_contain_text(f"{values.partials['w_12^3']:.6g}".lstrip("-"))
    assert page.evaluate("typeof globalThis.katex") == "undefined"
    assert errors == []
    context.close()


MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from chainrule import Network
    w = mo.ui.anywidget(Network.read("2-3-2-1").explore())
    w
    return mo, w


@app.cell
def _(mo, w):
    mo.md(f"now {w.selected} {w.weights['W_1'][0][0]}")


@app.cell
def _(mo):
    button = mo.ui.run_button(label="Set from Python")
    button
    return (button,)


@app.cell
def _(button, w):
    if button.value:
        w.widget.selected = "w_12^3"
        w.widget.weights = {"W_3": [[2.0], [-0.5]]}


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture(scope="module")
def marimo(tmp_path_factory):
    """A marimo that shows the widget as an application; its address."""
    folder = tmp_path_factory.mktemp("marimo")
    (folder / "page.py").write_text(MARIMO, encoding="utf-8")
    address = f"http://127.0.0.1:{free_port()}"
    options = ("--headless", "--no-token", "--port", address.rsplit(":", 1)[1])
    command = [sys.executable, "-m", "marimo", "run", *options, "page.py"]
    with answering(
        command, folder, f"{address}/health", ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    ):
        yield address


def test_in_a_real_marimo(browser, marimo):
    """Clicked and typed: the cells that read the traits run again; what Python sets, the page shows."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(marimo)
    weight = page.locator('.cr-stage [data-symbol="w_11^1"]')
    expect(weight).to_be_visible(timeout=SLOW)
    weight.dispatch_event("click")
    expect(page.locator(".cr-scalar .cr-result").first).to_be_visible()
    expect(page.get_by_text("now w_11^1")).to_be_visible(timeout=SLOW)
    page.get_by_role("tab", name="Numbers", exact=True).click()
    field = page.locator(".cr").get_by_role("textbox", name="w_11^1", exact=True).first
    field.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("0.625")
    expect(field).to_have_value("0.625")
    expect(page.get_by_text("now w_11^1 0.625")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Set from Python").click()
    expect(page.locator('.cr-stage [data-symbol="w_12^3"]')).to_have_attribute("aria-pressed", "true", timeout=SLOW)
    expect(page.locator(".cr").get_by_role("textbox", name="w_12^3", exact=True).first).to_have_value("-0.5")
    values = NET.values(weights={"w_11^1": 0.625, "W_3": [[2.0], [-0.5]]})
    expect(page.locator(".cr-scalar .cr-result").first).to_contain_text(f"{values.partials['w_12^3']:.6g}".lstrip("-"))
    assert errors == []
    context.close()
