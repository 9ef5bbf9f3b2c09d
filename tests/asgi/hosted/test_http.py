"""Hosted applications of ASGI over real sockets, on every wire: requests and their answers."""

import asyncio
import contextvars
import gzip
import threading
from typing import Any

import pytest

from ...serving import PATIENCE, chunks, error_records, message
from .speaking import body, echo, hosted, read, respond, start

pytestmark = pytest.mark.every_wire

Serve = Any


def test_requests_of_one_connection(serve: Serve) -> None:
    large = bytes(range(256)) * 8192
    with hosted(serve, echo).connect() as client:
        for content in (b"", b"hello", large):
            answer = client.request(message("POST", "/", body=content))
            assert (answer.status, answer.body) == (200, content)
            assert answer.fields["content-length"] == str(len(content))
            assert "date" in answer.fields
        assert client.request(message("GET", "/")).body == b""
        encoded = message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"one", b"two")
        assert client.request(encoded).body == b"onetwo"


def test_the_scope_of_a_request(serve: Serve) -> None:
    """Each has one of its own: hypercorn #274."""
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(dict(scope))
        scope["headers"].append((b"x-mine", b"1"))
        scope["extensions"]["mine"] = scope["asgi"]["mine"] = scope["state"]["mine"] = {}
        await respond(send)

    server = hosted(serve, application, root_path="/shop/")
    with server.connect() as client:
        for _ in range(4):
            assert (
                client.request(message("PURGE", "/%C3%A9/%2F?a=%20b", "X-A: 1", "X-B_C: 2", "X-a: 3")).status
                == 200
            )
        port = client.socket.getsockname()[1]
    for scope in scopes:
        # What one request does to its scope is no other one's.
        headers = scope.pop("headers")[:-1]
        assert [pair for pair in headers if pair[0] == b"x-a"] == [(b"x-a", b"1"), (b"x-a", b"3")]
        assert (b"host", b"localhost") in headers
        assert not any(name == b"x-b_c" or name != name.lower() for name, _ in headers)
        extensions = scope.pop("extensions")
        del extensions["mine"], scope["asgi"]["mine"], scope["state"]["mine"]
        assert {"http.response.pathsend", "http.response.trailers", "http.response.early_hint"} <= set(
            extensions
        )
        assert ("http.response.zerocopysend" in extensions) == (scope["http_version"] != "2")
        assert scope.pop("http_version") == ("2" if server.by_http2 else "1.1")
        assert scope == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "method": "PURGE",
            "scheme": "http",
            "path": "/shop/é//",
            "raw_path": b"/shop/%C3%A9/%2F",
            "query_string": b"a=%20b",
            "root_path": "/shop",
            "client": ("127.0.0.1", port),
            "server": ("127.0.0.1", server.port),
            "state": {},
        }


@pytest.mark.http1
def test_requests_of_http_1_0_and_by_a_unix_socket(serve: Serve, tmp_path: Any) -> None:
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(start())
        await send(body(b"one", more=True))
        await send(body(b"two"))

    path = str(tmp_path / "socket")
    answer = hosted(serve, application, port=None, uds=path).request(message(version="1.0"))
    assert (answer.body, "transfer-encoding" in answer.fields) == (b"onetwo", False)
    [scope] = scopes
    assert (scope["http_version"], scope["client"], scope["server"]) == ("1.0", None, (path, None))
    assert set(scope["extensions"]) == {"http.response.pathsend", "http.response.zerocopysend"}


def test_fields_of_trusted_proxies(serve: Serve) -> None:
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await respond(send)

    settings = {"trusted_proxies": ["127.0.0.1"], "forwarded": "x-forwarded", "forwarded_prefix": True}
    server = hosted(serve, application, root_path="/a", forwarded_host=True, **settings)
    fields = ("For: 192.0.2.7", "Proto: https", "Prefix: /b", "Host: shop.example", "Port: 8443")
    with server.connect() as client:
        assert (
            client.request(message("GET", "/", *(f"X-Forwarded-{field}" for field in fields))).status == 200
        )
        assert client.request(message("GET", "/x")).status == 200
    first, second = scopes
    assert (first["client"], first["scheme"]) == (("192.0.2.7", 0), "https")
    assert (first["root_path"], first["path"], first["raw_path"]) == ("/b", "/b/", b"/b/")
    assert first["server"] == ("shop.example", 8443)
    assert [value for name, value in first["headers"] if name == b"host"] == [b"shop.example:8443"]
    assert (second["client"][0], second["scheme"]) == ("127.0.0.1", "http")
    assert (second["root_path"], second["path"]) == ("/a", "/a/x")


def test_a_content_coding_is_removed(serve: Serve) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append({name for name, _ in scope["headers"]} & {b"content-encoding", b"content-length"})
        await respond(send, await read(receive))

    content = gzip.compress(b"hello")
    with hosted(serve, application).connect() as client:
        request = message("POST", "/", "Content-Encoding: gzip", body=content)
        assert client.request(request).body == b"hello"
        client.send(request[:-5])
        client.send(request[-5:])
        assert client.receive().body == b"hello"
    assert seen == [set(), set()]


def test_a_body_comes_in_pieces(serve: Serve) -> None:
    pieces: list[Any] = []
    came = threading.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while True:
            event = await receive()
            pieces.append(event)
            came.set()
            if not event["more_body"]:
                break
        await respond(send)

    with hosted(serve, application).connect() as client:
        client.send(message("POST", "/", "Content-Length: 6"))
        for piece in (b"one", b"two"):
            came.clear()
            client.send(piece)
            assert came.wait(PATIENCE)
        assert client.receive().status == 200
    assert b"".join(event["body"] for event in pieces) == b"onetwo"
    assert not pieces[-1]["more_body"]


def test_a_receive_that_is_cancelled_loses_nothing(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        """Ask again and again, as one does that has something else to do meanwhile: gunicorn #3627."""
        content, cancelled = b"", 0
        while True:
            waiting = asyncio.ensure_future(receive())
            for _ in range(3):
                await asyncio.sleep(0)
            if not waiting.done():
                waiting.cancel()
                try:
                    await waiting
                except asyncio.CancelledError:
                    cancelled += 1
                    going.set()
                    continue
            event = waiting.result()
            content += event["body"]
            if not event["more_body"]:
                break
        await respond(send, content, 200, (b"x-cancelled", str(min(cancelled, 1)).encode()))

    going = threading.Event()
    with hosted(serve, application).connect() as client:
        client.send(message("POST", "/", "Content-Length: 900"))
        for piece in range(9):
            going.clear()
            assert going.wait(PATIENCE)
            client.send(b"%d" % piece * 100)
        answer = client.receive()
    assert answer.body == b"".join(b"%d" % piece * 100 for piece in range(9))
    assert answer.fields["x-cancelled"] == "1"


def test_streamed_answers(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-length", b"6")] if scope["path"] == "/declared" else []
        await send(start(int(scope["query_string"] or b"200"), *fields))
        for piece in (b"one", b"", bytearray(b"tw"), memoryview(b"o")):
            await send(body(piece, more=True))
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        # "any further messages on the channel will be ignored"
        await send(body(b"three"))
        await send(start(500))

    with hosted(serve, application).connect() as client:
        for _ in range(2):
            assert client.request(message()).body == b"onetwo"
            declared = client.request(message("GET", "/declared"))
            assert (declared.fields["content-length"], declared.body) == ("6", b"onetwo")
            assert client.request(message("HEAD", "/declared"), "HEAD").fields["content-length"] == "6"
            for status in (204, 304):
                assert client.request(message("GET", f"/?{status}")).status == status


def test_whole_answers(serve: Serve) -> None:
    large = bytes(range(256)) * 16384

    async def application(scope: Any, receive: Any, send: Any) -> None:
        data = large if scope["path"] == "/large" else b"hello"
        fields = (
            (b"content-length", b"%d" % len(data)),
            (b"location", b"/?a[]=\xc3\xa9"),
            (b"set-cookie", b"a=b"),
        )
        await send(start(int(scope["query_string"] or b"200"), *fields))
        await send(body(data))

    with hosted(serve, application).connect() as client:
        for _ in range(3):
            answer = client.request(message())
            assert (answer.body, answer.fields["location"]) == (b"hello", "/?a[]=\xc3\xa9")
            assert client.request(message("GET", "/large")).body == large
            assert client.request(message("HEAD"), "HEAD").fields["content-length"] == "5"
            assert client.request(message("GET", "/?204")).status == 204
        answer = client.request(message("GET", "/?226"))
        assert (answer.status, answer.body) == (226, b"hello")


def test_connection_continues_while_the_application_runs(serve: Serve, caplog: Any) -> None:
    done = threading.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, scope["path"].encode())
        assert (await receive())["type"] == "http.disconnect"
        if scope["path"] == "/first":
            await hold.wait()
            done.set()
            raise LookupError("in the background")
        hold.set()

    hold = asyncio.Event()
    with hosted(serve, application).connect() as client:
        assert client.request(message("GET", "/first")).body == b"/first"
        assert client.request(message("GET", "/second")).body == b"/second"
        assert done.wait(PATIENCE)
        # What fails behind its answer takes nothing from the next one.
        assert client.request(message("GET", "/third")).body == b"/third"
    [record] = error_records(caplog)
    assert "after its answer to GET '/first'" in record.getMessage()


def test_stop_waits_for_work_after_the_answer(serve: Serve) -> None:
    ends: list[str] = []
    began = threading.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await respond(send)
        began.set()
        try:
            await server.server.wait_stopping()
            if scope["path"] == "/stubborn":
                await asyncio.Event().wait()
            ends.append("ended")
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    server = hosted(serve, application, limits={"background_timeout": 0.05})
    for path in ("/", "/stubborn"):
        began.clear()
        assert server.request(message("GET", path)).status == 200
        assert began.wait(PATIENCE)
    server.stop()
    assert ends == ["ended", "cancelled"]


def test_each_request_has_its_own_context_variables(serve: Serve) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        variable.set(variable.get() + 1)
        await respond(send, b"%d" % variable.get())

    with hosted(serve, application).connect() as client:
        assert [client.request(message()).body for _ in range(3)] == [b"1"] * 3


def test_log_and_observers_of_answers(serve: Serve, caplog: Any) -> None:
    caplog.set_level("INFO", logger="kyoukai.access")
    template = "{method} {path} {status} {sent} {response.x-a} {route}"
    server = hosted(serve, echo_with_header, access_log_format=template)
    with server.connect() as client:
        assert client.request(message("POST", "/a", body=b"hello")).status == 200
        assert client.request(message("POST", "/stream", body=b"hello")).status == 200
    server.stop()
    lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert lines == ["POST /a 200 5 1 -", "POST /stream 200 5 1 -"]


async def echo_with_header(scope: Any, receive: Any, send: Any) -> None:
    """Answer with a header, whole or as a stream."""
    content = await read(receive)
    await send(start(200, (b"x-a", b"1")))
    await send(body(content, more=scope["path"] == "/stream"))
    await send(body())
