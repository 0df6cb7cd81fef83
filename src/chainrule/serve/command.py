"""`chainrule serve`: the port taken, the page opened, the end on Ctrl-C."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import uvicorn

from chainrule.errors import ChainruleError
from chainrule.prose import sentence
from chainrule.serve.app import Choices, Site, make_app
from chainrule.serve.guard import HEAD_BYTES, LOOPBACK, Guard
from chainrule.serve.numbers import check_size
from chainrule.serve.protocol import PatientProtocol

if TYPE_CHECKING:
    from chainrule.network import Network

MOST_CONNECTIONS = 2000
"""How many connections there may be at once."""

PARTING_SECONDS = 3
"""How long answers that are being sent may take when the server ends."""


class ServeError(ChainruleError):
    """An address that cannot be listened at."""


def serve(net: Network, options: dict[str, Any]) -> None:
    """Serve the page until somebody ends it.

    Args:
        net: the figure that the page begins with.
        options: those of the command line.

    Raises:
        RequestError: where the figure is too large for a page.
        ServeError: where the address is no address of this machine, or its port is taken.
    """
    check_size(net)
    host, lang = options["host"], options["lang"]
    listener = listen(host, options["port"])
    port = listener.getsockname()[1]
    beyond = not _is_loopback(listener.getsockname()[0])
    choices = Choices(
        network=net.to_toml(), lang=lang, addresses=beyond,
        names=(*LOOPBACK, _bracketed(host), *options["allow_host"], *((socket.gethostname(),) if beyond else ())),
        jobs=options["jobs"] or max(1, os.cpu_count() or 1), seconds=options["limit"],
    )  # fmt: skip
    guard, site = make_app(choices)
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1", "") else host
    url = f"http://{_bracketed(shown)}:{port}/"
    opened = options["open_"] if options["open_"] is not None else sys.stdout.isatty()

    def say(key: str, **facts: object) -> None:
        print(sentence(f"serve.{key}", lang=lang, **facts), flush=True)

    def show() -> None:
        if not open_browser(url):
            say("no_browser", url=url)

    def started() -> None:
        say("started", url=url)
        if beyond:
            say("beyond")
        say("end_with")
        if opened:
            threading.Thread(target=show, daemon=True).start()

    try:
        PageServer(configured(guard), site, started).run(sockets=[listener])
    finally:
        say("ended")


def configured(app: Guard) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    # What a client does wrong is answered, not reported; what this server does wrong is reported by itself.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="on", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, h11_max_incomplete_event_size=HEAD_BYTES, limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=PARTING_SECONDS,
    )  # fmt: skip


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        ServeError: where it cannot be.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ServeError("unknown_address", read=host) from None
    # Of the two kinds of a name such as localhost, what browsers try first on every system.
    family, kind, protocol, _, address = min(found, key=lambda row: row[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServeError("port_taken", port=port) from None
        if error.errno == errno.EACCES:
            raise ServeError("port_forbidden", port=port) from None
        raise ServeError("unknown_address", read=host) from None
    return listener


class PageServer(uvicorn.Server):
    """uvicorn's server, which says where it is, and ends what computes before it ends itself.

    Args:
        config: how it serves.
        site: what computes.
        started: called when it answers.
    """

    def __init__(self, config: uvicorn.Config, site: Site, started: Callable[[], None]) -> None:
        super().__init__(config)
        self.site = site
        self.tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before the connections are waited for: a stream of a training lasts as long as the training.
        self.site.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        if sig == signal.SIGINT:
            # The usual way to end a server is no failure: nothing is left to be raised again.
            self._captured_signals.clear()


def open_browser(url: str) -> bool:
    """Return whether a browser was found that shows a page."""
    import webbrowser

    # Without a screen only browsers for terminals are left, which would take this terminal, and run no scripts.
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(address: str) -> bool:
    import ipaddress

    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
