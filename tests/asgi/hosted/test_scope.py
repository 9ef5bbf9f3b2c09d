"""Scopes from heads and connections, without a socket."""

from typing import Any

import pytest

from kyoukai.asgi.hosted.scope import (
    ConnectionScope,
    Extensions,
    HeadScope,
    decoded_path,
    http_version,
    note_forwarded,
    raw_path,
    scope_fields,
)
from kyoukai.asgi.hosted.websocket_events import websocket_scope
from kyoukai.core.features import Feature
from kyoukai.core.limits import Limits
from kyoukai.core.semantics import policy
from kyoukai.core.semantics.request_head import RequestHead

HOST = (b"Host", b"localhost")


def accepted(
    target: bytes = b"/", *fields: tuple[bytes, bytes], method: str = "GET", **others: Any
) -> RequestHead:
    """Return a head that the policy has accepted."""
    sent = RequestHead(method, target, others.pop("version", "1.1"), (HOST, *fields))
    return policy.accept(sent, Limits(), None, "kyoukai").head


@pytest.mark.parametrize(
    ("target", "path", "raw"),
    [
        (b"/", "/", b"/"),
        (b"/a%20b/%C3%A9?c=%20", "/a b/é", b"/a%20b/%C3%A9"),
        (b"/%2F%2f", "///", b"/%2F%2f"),
        # No UTF-8, as by uvicorn and hypercorn.
        (b"/%ff%C3", "/\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", b"/%ff%C3"),
        (b"//a//b", "//a//b", b"//a//b"),
        (b"/?a=http://b/c", "/", b"/"),
        (b"http://example.com/a%20b?c", "/a b", b"/a%20b"),
        (b"HTTP://example.com", "/", b"/"),
        (b"http://example.com?a", "/", b"/"),
    ],
)
def test_paths(target: bytes, path: str, raw: bytes) -> None:
    head = accepted(target)
    assert (decoded_path(head), raw_path(target)) == (path, raw)
    values = HeadScope(head, "").values
    assert (values["path"], values["raw_path"]) == (path, raw)
    below = HeadScope(head, "/shöp").values
    assert (below["path"], below["raw_path"]) == (f"/shöp{path}", b"/sh%C3%B6p" + raw)


def test_the_asterisk_form() -> None:
    values = HeadScope(accepted(b"*", method="OPTIONS"), "").values
    assert (values["method"], values["path"], values["raw_path"]) == ("OPTIONS", "*", b"*")


@pytest.mark.parametrize(("sent", "told"), [("1.0", "1.0"), ("1.1", "1.1"), ("1.9", "1.1"), ("2", "2")])
def test_versions(sent: str, told: str) -> None:
    assert http_version(sent) == told


def test_fields_keep_order_and_duplicates() -> None:
    head = accepted(
        b"/", (b"X-B", b"1"), (b"Cookie", b"a=b"), (b"x-b", b"\xe9"), (b"X_B", b"3"), (b"Cookie", b"c")
    )
    assert scope_fields(head) == [
        (b"host", b"localhost"),
        (b"x-b", b"1"),
        (b"cookie", b"a=b"),
        (b"x-b", b"\xe9"),
        (b"cookie", b"c"),
    ]


def test_fields_of_a_body_that_is_decoded() -> None:
    head = accepted(
        b"/", (b"Content-Length", b"5"), (b"Content-Encoding", b"gzip"), (b"X-A", b"1"), method="POST"
    )
    assert scope_fields(head) == [(b"host", b"localhost"), (b"x-a", b"1")]


def test_the_authority_of_a_target_is_the_host() -> None:
    head = accepted(b"http://example.com:81/", (b"X-A", b"1"))
    assert scope_fields(head) == [(b"host", b"example.com:81"), (b"x-a", b"1")]


ENVIRON = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000"}


@pytest.mark.parametrize(
    ("environ", "uds", "values"),
    [
        ({}, None, ("http", None, ("127.0.0.1", 8000))),
        ({"REMOTE_ADDR": "::1", "REMOTE_PORT": "5"}, None, ("http", ("::1", 5), ("127.0.0.1", 8000))),
        # A proxy names no port.
        ({"REMOTE_ADDR": "192.0.2.1"}, None, ("http", ("192.0.2.1", 0), ("127.0.0.1", 8000))),
        ({"wsgi.url_scheme": "https"}, None, ("https", None, ("127.0.0.1", 8000))),
        ({"SERVER_NAME": "localhost", "SERVER_PORT": "80"}, "/run/a", ("http", None, ("/run/a", None))),
        # A proxy has named the host that it was asked for.
        ({"SERVER_NAME": "a.example", "SERVER_PORT": "443"}, "/run/a", ("http", None, ("a.example", 443))),
    ],
)
def test_connections(environ: dict[str, str], uds: str | None, values: tuple[Any, ...]) -> None:
    scope = ConnectionScope(None, ENVIRON | environ, uds, Extensions(frozenset(), False), {})
    assert tuple(scope.values[name] for name in ("scheme", "client", "server")) == values


ALWAYS = {"http.response.pathsend"}
LATER = {"http.response.early_hint", "http.response.trailers"}


@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
@pytest.mark.parametrize("can", [True, False])
def test_extensions(version: str, can: bool) -> None:
    features = frozenset(Feature) if can else frozenset[str]()
    tls = {"tls_version": 0x0304} if can else None
    extensions = Extensions(features, can, tls)
    expected = ALWAYS | ({"http.response.zerocopysend", "tls"} if can else set())
    if can and version != "1.0":
        expected |= LATER
    given = extensions.copy(version)
    assert set(given) == expected
    for said in given.values():
        said["more"] = 1
    given.clear()
    again = extensions.copy(version)
    assert set(again) == expected
    assert [name for name, said in again.items() if "more" in said] == []


def test_fields_of_proxies() -> None:
    head = accepted(b"/a%20b")
    known = HeadScope(head, "/own")
    scope: dict[str, Any] = {**known.values, "headers": known.fields.copy()}
    note_forwarded(scope, head, {"SCRIPT_NAME": "", "HTTP_HOST": "localhost"}, "/own")
    assert (scope["root_path"], scope["path"], scope["headers"]) == ("/own", "/own/a b", known.fields)
    note_forwarded(scope, head, {"SCRIPT_NAME": "/other", "HTTP_HOST": "shop.example"}, "/own")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/other", "/other/a b", b"/other/a%20b")
    assert scope["headers"] == [(b"host", b"shop.example")]


@pytest.mark.parametrize("tls", [None, {"tls_version": 0x0304}])
def test_scope_of_a_websocket(tls: dict[str, Any] | None) -> None:
    known = HeadScope(accepted(), "")
    extensions = Extensions(frozenset(Feature), True, tls).copy("1.1")
    scope = websocket_scope({**known.values, "headers": known.fields.copy(), "extensions": extensions})
    assert (scope["type"], scope["scheme"], "method" in scope) == ("websocket", "ws", False)
    assert scope["extensions"] == {"websocket.http.response": {}, **({} if tls is None else {"tls": tls})}
