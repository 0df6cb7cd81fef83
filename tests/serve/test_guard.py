"""Who may ask: every name but this server's is refused, every other page too; every answer has its headers."""

import json

import pytest

from chainrule.serve.guard import HEADERS, Guard

NET = {"network": "2-1"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "localhost.evil.example:{port}", "127.0.0.1.evil.example",
     "192.168.0.7:{port}", "", "localhost:x", "localhost:1:2", "[::1", "user@localhost", "localhost/..", "[]",
     "2130706433", "localhost,evil.example", "127.1", "0.0.0.0"],
)  # fmt: skip
def test_other_names_are_refused(server, host):
    """A name that somebody else pointed at this machine is no name of this server (DNS rebinding)."""
    answer = server.ask("GET", "/", Host=host.format(port=server.port))
    assert answer.status in (400, 421), answer
    if answer.status == 421:
        assert answer.key == "unknown_host"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST", "localhost."])
def test_own_names_are_answered(server, host):
    """What a browser on this machine calls it, in any case, with a port or without."""
    assert server.ask("GET", "/", Host=host.format(port=server.port)).status == 200


def test_two_hosts_or_none_are_refused(server):
    """Which one is meant is anybody's guess."""
    assert b" 400 " in server.raw(b"GET / HTTP/1.1\r\n\r\n")
    two = f"GET / HTTP/1.1\r\nHost: {server.host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b" 200 " not in server.raw(two.encode()).partition(b"\r\n")[0]
    assert b" 421 " in server.raw(b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://localhost:1", "https://evil.example", "http://localhost",
               "http://{host}.evil.example", "http://{host}/", "file://"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/derive", "/api/judge", "/api/export", "/api/train", "/api/train/x/stop"])
def test_other_origins_change_nothing(server, origin, path):
    """What would change or compute anything must come from this server's own page."""
    answer = server.ask("POST", path, json.dumps(NET), Origin=origin and origin.format(host=server.host))
    assert answer.status == 403 and answer.key == "other_origin"


def test_own_origin_is_answered(server):
    """The page's own requests, under each name that it may have."""
    for name in ("localhost", "127.0.0.1"):
        host = f"{name}:{server.port}"
        answer = server.ask("POST", "/api/derive", json.dumps(NET), Host=host, Origin=f"http://{host}")
        assert answer.status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_read_nothing(server, site):
    """A browser says on whose behalf it asks: another site gets the page, as a link does, but no data."""
    assert server.ask("GET", "/", Sec_Fetch_Site=site).status == 200
    assert server.ask("GET", "/api/start", Sec_Fetch_Site=site).status == 403
    assert server.ask("GET", "/api/start", Sec_Fetch_Site="same-origin").status == 200
    assert server.ask("GET", "/api/start", Sec_Fetch_Site="none").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/start"), ("GET", "/nowhere"), ("GET", "/page/static/page.js"), ("POST", "/api/derive"),
     ("DELETE", "/api/judge"), ("GET", "/page/static/%2e%2e/%2e%2e/etc/passwd")],
)  # fmt: skip
def test_every_answer_has_its_headers(server, method, path):
    """Also those that refuse."""
    answer = server.ask(method, path)
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    assert "access-control-allow-origin" not in answer.headers
    assert "uvicorn" not in answer.headers.get("server", "")


def test_the_policy_is_strict(server):
    """No script or style but this server's files; the page keeps to it."""
    policy = server.ask("GET", "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "unsafe" not in policy and "*" not in policy
    page = server.ask("GET", "/").body.decode()
    assert "<script>" not in page and " style=" not in page and " on" not in page.replace(" one", "")


def test_the_cookie_is_for_this_page_alone(server):
    """No script reads it, no other site sends it; who has one keeps it."""
    cookie = server.ask("GET", "/", Cookie=None).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Domain" not in cookie
    name = cookie.partition(";")[0]
    assert "set-cookie" not in server.ask("GET", "/", Cookie=name).headers
    assert "set-cookie" in server.ask("GET", "/", Cookie="chainrule-visitor=short").headers


def test_addresses_are_known_where_others_may_come():
    """No name can be pointed at the server by its bare address."""
    beyond = Guard(None, names=("lab.example",), addresses=True)
    assert all(map(beyond.knows, ("192.168.0.7:8055", "[fe80::1]:8055", "LAB.example")))
    assert not any(map(beyond.knows, ("evil.example", "192.168.0.7.evil.example", "999.1.1.1")))
