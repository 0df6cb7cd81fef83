"""Who may ask, and what stands at the head of every answer.

A page of somebody else's, open in the same browser, is kept from this server twice: its own name, pointed at this
machine (DNS rebinding), is not a name of this server, so that the Host header betrays it; and what changes anything
must say in its Origin header that this server's page asks for it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from chainrule.serve.requests import RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from chainrule.errors import ChainruleError

HEAD_BYTES = 16 * 1024
"""How large the head of a request may be."""

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""What a browser on this machine calls it."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy: scripts and styles are files of this server, and nothing else is run or loaded."""

HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?")


class Guard:
    """An ASGI application that lets only those requests through that may be answered.

    Args:
        app: the application behind it.
        names: the names that this server may be called by, without a port.
        addresses: whether it may be called by any IP address: true where it listens beyond this machine. No name can
            be pointed at it that way.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str] = LOOPBACK, addresses: bool = False) -> None:
        self.app = app
        self.names = frozenset(name.lower() for name in names)
        self.addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message.get("headers", [])}
                message = {
                    **message,
                    "headers": [*message.get("headers", []), *(h for h in HEADERS if h[0] not in given)],
                }
            await send(message)

        try:
            self.check(scope)
        except RequestError as error:
            await answer(error, scope, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def check(self, scope: Scope) -> None:
        """Refuse what must not be answered.

        Raises:
            RequestError: for a head that is too large (431), a Host that is not this server (421), or another page's
                request (403).
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) + len(scope["path"]) > HEAD_BYTES:
            raise RequestError("head_too_large", most=HEAD_BYTES)
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not self.knows(hosts[0]):
            raise RequestError("unknown_host", read=", ".join(hosts)[:80] or "–")
        sites = {value for name, value in headers if name == b"sec-fetch-site"}
        reads = scope["method"] in ("GET", "HEAD", "OPTIONS")
        if reads and not (scope["path"].startswith("/api/") and sites - {b"same-origin", b"none"}):
            return
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")}
        if reads or len(origins) != 1 or origins[0] not in own:
            raise RequestError("other_origin", read=", ".join(origins)[:80] or "–", host=hosts[0])

    def knows(self, host: str) -> bool:
        """Return whether a Host header names this server.

        Example:
            >>> guard = Guard(None)
            >>> guard.knows("localhost:8055"), guard.knows("evil.example"), guard.knows("192.168.0.7")
            (True, False, False)
        """
        found = _HOST.fullmatch(host.strip())
        if found is None:
            return False
        name = found["name"].lower().rstrip(".")
        return name in self.names or (self.addresses and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def language(scope: Scope) -> str:
    """Return the language that a request asks to be answered in: the first of its Accept-Language."""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return "ko" if value.strip().lower().startswith(b"ko") else "en"
    return "en"


def error_body(error: ChainruleError, lang: str) -> bytes:
    """Return what a refused request is answered with."""
    return json.dumps({"error": {"key": error.key, "message": error.message(lang=lang)}}, ensure_ascii=False).encode()


async def answer(error: RequestError, scope: Scope, send: Send) -> None:
    """Answer with an error, and close: what else the client sends is not read."""
    body = error_body(error, language(scope))
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"), (b"connection", b"close"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
