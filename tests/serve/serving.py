"""A server in this process, and a client that says exactly what it is told to say."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chainrule.serve.app import Choices, Site, make_app
from chainrule.serve.command import PageServer, configured, listen


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """The key of the error that it was answered with."""
        return self.json["error"]["key"]


@dataclass
class Server:
    """Where the server is, and what it is made of."""

    port: int
    site: Site
    cookie: str = field(default="visitor-0123456789-abcdefghij")

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/"

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str | None) -> Answer:
        """Send a request; a header of None is left out, one that is not named is what the page would send."""
        usual: dict[str, str | None] = {"Host": self.host, "Cookie": f"chainrule-visitor={self.cookie}"}
        if method == "POST":
            usual |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            if data is not None and "Content-Length" not in usual:
                usual["Content-Length"] = str(len(data))
            for name, value in usual.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(data)
            found = connection.getresponse()
            return Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())
        finally:
            connection.close()

    def post(self, path: str, **fields: Any) -> Answer:
        """Send fields as JSON, as the page does."""
        return self.ask("POST", path, json.dumps(fields))

    def raw(self, *pieces: bytes, wait: float = 0.0, timeout: float = 20.0) -> bytes:
        """Send bytes as they are, piece by piece, and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as sock:
            for piece in pieces:
                try:
                    sock.sendall(piece)
                except OSError:
                    break
                time.sleep(wait)
            found = b""
            try:
                while data := sock.recv(65536):
                    found += data
            except ConnectionResetError:
                pass
            return found

    def events(self, name: str, cookie: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what a training tells."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Host": self.host, "Cookie": f"chainrule-visitor={cookie or self.cookie}"}
        connection.request("GET", f"/api/train/{name}/events", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        kind = ""
        try:
            for line in answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    kind = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    yield kind, json.loads(text.removeprefix("data: "))
        finally:
            connection.close()


@contextmanager
def running(**choices: Any) -> Iterator[Server]:
    """Serve from a thread."""
    guard, site = make_app(Choices(**{"network": "2-3-2-1", "jobs": 2, "seconds": 10.0, **choices}))
    listener = listen("127.0.0.1", 0)
    server = PageServer(configured(guard), site, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Server(listener.getsockname()[1], site)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
