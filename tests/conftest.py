"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code; and a run in CI is to be repeatable.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; a missing one fails.

    One for each module: while Playwright runs, its event loop does too, and no test can run one of its own.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path="/usr/bin/chromium")
        yield found
        found.close()


@pytest.fixture
def golden():
    """Compare with a file in tests/goldens, exactly; CHAINRULE_GOLDENS=write writes them anew (never in CI)."""

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        if os.environ.get("CHAINRULE_GOLDENS") == "write":
            assert not os.environ.get("CI"), "goldens are written by a person, who reads them"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden {name}: write it with CHAINRULE_GOLDENS=write, and read it"
        assert text == path.read_text(encoding="utf-8")

    return compare
