"""Servers that many tests ask."""

import pytest

from serve.serving import running


@pytest.fixture(scope="session")
def server():
    """A server as it is started by `chainrule serve`, but for its port."""
    with running() as found:
        yield found
