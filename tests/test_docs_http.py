"""What the page `docs/http.md` says of requests is so, on every backend.

A row of its first three tables is checked by sending requests: what they get is what the row's
second cell says. A row for which that is too little has a function.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kyoukai import HTTPRequestContext, Kyoukai

from .conftest import BACKENDS, OURS
from .http_rows import DIFFERING, EXPECT, GET, POST, REQUESTS, field, start
from .serving import Running

PAGE = (Path(__file__).parent.parent / "docs" / "http.md").read_text("utf-8")
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"(?m)^\| ([^|]+) \| ([^|]+) \|$", PAGE)
    if match[1] not in ("request", "connection")
}
DIFFERENCES = {
    match[1]: dict(zip(OURS, match.groups()[1:], strict=True))
    for match in re.finditer(r"(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE)
    if match[1] != "request"
}


def expect_continue(server: Running) -> None:
    with server.connect() as client:
        client.send(POST + EXPECT + b"Content-Length: 3\r\n\r\n")
        assert client.receive_head().status == 100
        assert b"'body': b'abc'" in client.request(b"abc").body


def pipelined(server: Running) -> None:
    with server.connect() as client:
        client.send(b"".join(field(b"X: %d" % number) for number in range(40)))
        for number in range(40):
            assert b"'X': '%d'" % number in client.receive().body


def after_the_last(server: Running) -> None:
    for last, status in ((field(b"Connection: close"), 200), (start(b"GET x HTTP/1.1"), 400)):
        with server.connect() as client:
            client.send(field(b"X: 1") + last + field(b"X: 3"))
            assert client.receive().status == 200
            answer = client.receive()
            assert (answer.status, answer.fields["connection"]) == (status, "close")
            assert client.receive_rest() == b""


def half_closed(server: Running) -> None:
    with server.connect() as client:
        client.send(field(b"X: 1"))
        client.end()
        assert b"'X': '1'" in client.receive().body
        assert client.receive_rest() == b""


def old_and_kept(server: Running) -> None:
    request = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with server.connect() as client:
        for _ in range(2):
            assert client.request(request).fields["connection"] == "keep-alive"


def old(server: Running) -> None:
    with server.connect() as client:
        assert client.request(b"GET / HTTP/1.0\r\n\r\n").fields["connection"] == "close"
        assert client.receive_rest() == b""


def idle(server: Running) -> None:
    for nothing in (b"", b"\r\n\r\n"):
        with server.connect() as client:
            client.send(nothing)
            assert client.receive_rest() == b""


def slow_head(server: Running) -> None:
    refused(server, GET, 408)
    refused(server, b"G", 408)


def slow_body(server: Running) -> None:
    refused(server, POST + b"Content-Length: 3\r\n\r\na", 408)


def refused(server: Running, request: bytes, status: int) -> None:
    """Check that a request is answered with a status, and nothing comes after the answer."""
    with server.connect() as client:
        answer = client.request(request)
        assert (answer.status, answer.fields["connection"]) == (status, "close")
        assert client.receive_rest() == b""


FUNCTIONS = {
    "`Expect: 100-continue`": expect_continue,
    "pipelined requests": pipelined,
    "requests after one that is refused, or says `Connection: close`": after_the_last,
    "a client that ends its side after its request": half_closed,
    "HTTP/1.0 with `Connection: keep-alive`": old_and_kept,
    "HTTP/1.0 without": old,
    "no byte for `keep_alive_timeout`, or only empty lines": idle,
    "a head not complete `head_timeout` after its first byte": slow_head,
    "no piece of a body for `body_timeout`": slow_body,
}


def echo_app() -> Kyoukai:
    app = Kyoukai("echo")

    @app.route("/", methods=["GET", "POST"])
    @app.route("/p")
    async def echo(ctx: HTTPRequestContext) -> str:
        request = ctx.request
        seen: dict[str, Any] = {
            "protocol": ctx.environ["SERVER_PROTOCOL"],
            "host": request.host,
            "path": request.path,
            "query": request.query_string,
            "body": request.get_data(),
            **{name: request.headers.get(name) for name in ("Cookie", "X", "X-Y")},
            "trailers": ctx.environ.get("kyoukai.trailers"),
        }
        return str(seen)

    return app


@pytest.fixture(scope="module", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A patient server; what its rows say of time is checked on another."""
    server = Running(app=echo_app(), port=0, backend=request.param, limits={"max_body_size": 4096})
    yield server
    server.stop()


@pytest.fixture(scope="module", params=BACKENDS)
def hasty_server(request: pytest.FixtureRequest) -> Iterator[Running]:
    limits = {"head_timeout": 0.05, "body_timeout": 0.05, "keep_alive_timeout": 0.05}
    server = Running(app=echo_app(), port=0, backend=request.param, limits=limits)
    yield server
    server.stop()


def test_every_row_is_checked() -> None:
    assert sorted([*REQUESTS, *FUNCTIONS]) == sorted(ROWS)


@pytest.mark.parametrize("row", REQUESTS)
def test_requests_get_what_the_page_says(row: str, server: Running) -> None:
    promise = ROWS[row]
    for request, seen in REQUESTS[row].items():
        if "closes" in promise:
            refused(server, request, int(promise[:3]))
            continue
        answer = server.request(request)
        assert answer.status == (200 if promise.startswith("served") else int(promise[:3])), request
        assert seen in answer.body.decode()
        assert ("`Allow`" in promise) == ("allow" in answer.fields)


def test_every_difference_is_checked() -> None:
    assert sorted(DIFFERING) == sorted(DIFFERENCES)


@pytest.mark.parametrize("row", DIFFERING)
def test_the_backends_differ_as_the_page_says(row: str, server: Running) -> None:
    promise = DIFFERENCES[row].get(server.component.backend_name)
    if promise == "served":
        assert server.request(DIFFERING[row]).status == 200
    elif promise is not None:
        refused(server, DIFFERING[row], int(promise[:3]))


@pytest.mark.parametrize("row", [row for row in FUNCTIONS if "timeout" not in row])
def test_connections_get_what_the_page_says(row: str, server: Running) -> None:
    FUNCTIONS[row](server)


@pytest.mark.parametrize("row", [row for row in FUNCTIONS if "timeout" in row])
def test_time_is_what_the_page_says(row: str, hasty_server: Running) -> None:
    FUNCTIONS[row](hasty_server)
    assert ("408" in ROWS[row]) == (FUNCTIONS[row] is not idle)
