"""Hostile, broken and slow clients: each gets its answer, and the next one is served as before."""

import json
import socket
import threading
import time

import pytest

from chainrule.serve import protocol, requests
from chainrule.serve.requests import MOST_BYTES, Fields, RequestError
from serve.serving import running

PATHS = ("/api/derive", "/api/judge", "/api/export", "/api/train")


@pytest.fixture(autouse=True)
def well(server):
    """Whatever a client did, the next one is answered."""
    yield
    assert server.post("/api/derive", network="2-1").status == 200


BROKEN = {
    "not UTF-8": (b'{"network": "\xff\xfe"}', "body_not_text"),
    "cut off": (b'{"network": "2-', "body_not_json"),
    "empty": (b"", "body_not_json"),
    "no object": (b"[1, 2]", "body_no_object"),
    "null": (b"null", "body_no_object"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "body_too_deep"),
    "deep object": (b'{"network":' * 50_000 + b"1" + b"}" * 50_000, "body_too_deep"),
    "NaN": (b'{"network": NaN}', "body_not_json"),
    "Infinity": (b'{"x": [Infinity]}', "body_not_json"),
    "long number": (b'{"x": ' + b"9" * 10_000 + b"}", "body_not_json"),
    "unknown field": (b'{"netwrok": "2-1"}', "unknown_field"),
    "two values": (b'{"network": "2-1"} {}', "body_not_json"),
    "script": (b"<script>alert(1)</script>", "body_not_json"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BROKEN)
def test_broken_bodies_are_refused(server, path, name):
    """Each says what is wrong with it."""
    body, key = BROKEN[name]
    answer = server.ask("POST", path, body)
    assert (answer.status, answer.key) == (400, key)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; x"])
def test_other_types_are_refused(server, path, kind):
    """What a form of another page could send without asking is no JSON."""
    answer = server.ask("POST", path, b'{"network": "2-1"}', Content_Type=kind)
    assert (answer.status, answer.key) == (415, "not_json_type")


@pytest.mark.parametrize(
    "fields",
    [{"network": 5}, {"network": None}, {"network": ["2-1"]}, {"network": {}}, {}, {"network": "\ud800"},
     {"network": "2-1", "p": "1"}, {"network": "2-1", "p": [1]}, {"network": "2-1", "p": [1, "2"]},
     {"network": "2-1", "p": [True, False]}, {"network": "2-1", "p": [10**400, 1]}, {"network": "2-1", "x": [1, 2, 3]},
     {"network": "2-1", "x": [1, 2, 3, 4], "target": [1]}, {"network": "2-1", "lang": "xx"}],
)  # fmt: skip
def test_wrong_fields_are_refused(server, fields):
    """The field is named, with what was read."""
    answer = server.post("/api/derive", **fields)
    assert answer.status == 400, answer
    assert answer.key in ("wrong_field", "number_count")


@pytest.mark.parametrize(
    "network", ["", "2-3-", "no", "2-1:evil()", "/etc/passwd", "/etc/passwd.toml", "pyproject.toml", "file:///etc/passwd",
                "layers = \n", "\n" * 1000, "x" * 10_000, "1-" * 20_000 + "1", "\0", "[[" * 5000 + "\n",
                "__import__('os')"],
)  # fmt: skip
def test_what_is_no_network_is_refused(server, network):
    """Nothing that a visitor sends names a file or is run."""
    answer = server.post("/api/derive", network=network)
    assert answer.status == 422, answer
    assert "root:" not in answer.body.decode()


def test_large_networks_are_for_the_command_line(server):
    """A page has its limit, and says it at once."""
    for network in ("10000000-10000000-1", "1000-1000-1"):
        began = time.monotonic()
        answer = server.post("/api/derive", network=network)
        assert (answer.status, answer.key) == (422, "large_for_page")
        assert time.monotonic() - began < 10


def test_large_bodies_are_refused(server):
    """By what they say of themselves, and by what they are."""
    large = json.dumps({"document": "x" * MOST_BYTES}).encode()
    said = server.ask("POST", "/api/judge", b"{}", Content_Length=str(10**12))
    assert (said.status, said.key) == (413, "body_too_large")
    head = f"POST /api/judge HTTP/1.1\r\nHost: {server.host}\r\nOrigin: http://{server.host}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [
        b"%x\r\n%s\r\n" % (len(large[at : at + 50_000]), large[at : at + 50_000]) for at in range(0, len(large), 50_000)
    ]
    assert b" 413 " in server.raw(head.encode(), *chunks, b"0\r\n\r\n")
    most = json.dumps({"document": ""}).encode()
    fits = json.dumps(
        {
            "document": " " * (MOST_BYTES - len(most)),
        }
    ).encode()
    assert len(fits) == MOST_BYTES and server.ask("POST", "/api/judge", fits).status != 413


HEAD = b" HTTP/1.1\r\nHost: localhost\r\n"
NO_REQUESTS = {
    "bytes": b"\0\1\2\3",
    "no path": b"GET\r\n\r\n",
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "space before colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "negative length": b"GET /" + HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": b"POST /api/derive" + HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "chunked twice": b"POST /" + HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    "long header": b"GET /" + HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "longer header": b"GET /" + HEAD + b"X: " + b"a" * 1_000_000,
    "long path": b"GET /" + b"a" * 100_000 + HEAD + b"\r\n",
    "many headers": b"GET /" + HEAD + b"X: y\r\n" * 20_000 + b"\r\n",
    "bad chunk": b"POST /api/judge" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("request_", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_refused(server, request_):
    """At once, and the connection with it."""
    found = server.raw(request_)
    assert found == b"" or found.startswith((b"HTTP/1.1 4",)), found[:200]


@pytest.mark.parametrize("base", ["/page/static/", "/serve/static/", "/show/static/katex/"])
@pytest.mark.parametrize(
    "path", ["../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/app.py", "../app.py",
             "..%5c..%5capp.py", "/etc/passwd", "%00", "%ff", "a/" * 3000, "index.html/..", "", "..", "../../cli.py"],
)  # fmt: skip
def test_only_the_pages_files_are_there(server, base, path):
    """Whatever a path is made of."""
    found = server.raw(f"GET {base}{path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
    status = int(found.split(b" ", 2)[1])
    assert status in (307, 400, 404), found[:300]
    assert b"root:" not in found and b"import" not in found


@pytest.mark.parametrize(
    "path", ["/code/../start.js", "/code/..%2fapp.py.js", "//evil.example/", "/page", "/page/static", "/static"]
)
def test_other_paths_lead_nowhere(server, path):
    """Not to a file, and not to another server."""
    found = server.raw(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
    head = found.partition(b"\r\n\r\n")[0]
    assert int(found.split(b" ", 2)[1]) in (307, 404), found[:300]
    assert b"location: " not in head or f"location: http://{server.host}/".encode() in head


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/derive", 405), ("PUT", "/api/derive", 405), ("DELETE", "/", 405), ("TRACE", "/", 405),
     ("POST", "/", 405), ("POST", "/api/train/x/fly", 404), ("POST", "/api/train/x/go", 404),
     ("GET", "/api/train/x/events", 404), ("GET", "/code/x.js", 404), ("GET", "/nowhere", 404)],
)  # fmt: skip
def test_what_is_not_there(server, method, path, status):
    """Is said to be not there, as JSON, in the language that was asked for."""
    answer = server.ask(method, path, b"{}", Origin=f"http://{server.host}", Accept_Language="ko,en;q=0.5")
    assert answer.status == status
    if path.startswith("/api/train"):
        assert answer.json["error"]["message"].startswith(("그런 학습이", "아무것도 없는"))


def test_clients_who_leave_are_forgotten(server):
    """In the head, in the body, while they are waited for; and those who break off the connection."""
    head = f"POST /api/judge HTTP/1.1\r\nHost: {server.host}\r\nOrigin: http://{server.host}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    for part in (b"", b"G", head.encode()[:50], head.encode(), head.encode() + b'{"document": "'):
        for _ in range(5):
            sock = socket.create_connection(("127.0.0.1", server.port))
            sock.sendall(part)
            # With nothing to linger for, closing breaks the connection off.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
    body = json.dumps({"document": "$$pred = true$$", "network": "2-3-2-1"})
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(head.replace("1000", str(len(body))).encode() + body.encode())
    answer = server.post("/api/judge", document="$$pred = true$$", network="2-3-2-1")
    assert answer.status == 200
    assert not server.site.judges.waiting


@pytest.fixture
def hasty(monkeypatch):
    """A server with little patience."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "STUCK_SECONDS", 0.5)
    monkeypatch.setattr(requests, "PATIENCE", 0.5)
    with running(jobs=1) as found:
        yield found


def test_slow_clients_are_let_go(hasty):
    """Who sends a byte now and then keeps a connection only for so long (slow loris), wherever he does it."""
    head = f"POST /api/judge HTTP/1.1\r\nHost: {hasty.host}\r\nOrigin: http://{hasty.host}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    get = f"GET /api/start HTTP/1.1\r\nHost: {hasty.host}\r\n\r\n".encode()
    found: dict[str, bytes] = {}

    def send(name: str, *pieces: bytes) -> None:
        found[name] = hasty.raw(*pieces, wait=0.1)

    slow = [
        threading.Thread(target=send, args=("nothing",)),
        threading.Thread(target=send, args=("head", *(bytes([byte]) for byte in head.encode()))),
        threading.Thread(target=send, args=("body", head.encode(), *[b" "] * 50)),
        threading.Thread(target=send, args=("second", get, *[b"G"] * 50)),
    ]
    began = time.monotonic()
    for thread in slow:
        thread.start()
    assert hasty.ask("GET", "/api/start").status == 200  # others are answered meanwhile
    for thread in slow:
        thread.join(15)
    assert time.monotonic() - began < 15
    assert found["nothing"] == b"" and found["head"] == b""
    assert found["body"].startswith(b"HTTP/1.1 408 ") and b"body_too_slow" in found["body"]
    assert found["second"].startswith(b"HTTP/1.1 200 ") and found["second"].count(b"HTTP/1.1") == 1


def test_clients_who_do_not_read_are_let_go(hasty, tmp_path):
    """An answer that nobody takes is not kept for ever."""
    key = "0" * 32
    hasty.site.code[key] = b"//" + b"x" * 50_000_000
    with socket.create_connection(("127.0.0.1", hasty.port)) as sock:
        sock.sendall(f"GET /code/{key}.js HTTP/1.1\r\nHost: {hasty.host}\r\n\r\n".encode())
        time.sleep(2)
        taken = 0
        try:
            while data := sock.recv(1 << 20):
                taken += len(data)
        except ConnectionResetError:
            pass
    assert 0 < taken < 50_000_000


def test_fields_say_what_they_must_be():
    """Each kind of field takes what it is, and names itself where it is not."""
    fields = Fields({"a": 5, "b": "x", "c": 2.5, "d": None}, set("abcd"))
    assert fields.number("a", low=0, high=9) == 5.0 and fields.whole("a", low=0, high=9) == 5
    assert fields.choice("b", ("x", "y")) == "x" and fields.numbers("d") is None
    assert fields.text("d", default="z") == "z" and fields.choice("d", ("q",), default="q") == "q"
    for wrong in (
        lambda: fields.number("b", low=0, high=1), lambda: fields.number("a", low=6, high=9), lambda: fields.text("a"),
        lambda: fields.whole("c", low=0, high=9), lambda: fields.choice("b", ("y",)), lambda: fields.inner("a", ()),
        lambda: fields.numbers("a"), lambda: fields.number("missing", low=0, high=1),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=r"^(a|b|c|missing) is ") as caught:
            wrong()
        assert caught.value.key == "wrong_field"
