"""gRPC by its own client, before a small service written by hand, and nginx between the two.

gRPC's `PROTOCOL-HTTP2.md` says what crosses the wire: a POST with `te: trailers`; messages with a byte that
says whether they are compressed, and four of their length; `grpc-status` in trailers, behind all messages.
"""

import itertools
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, add_trailers

from ..serving import PATIENCE, Running
from .proxies import nginx

Serve = Callable[..., Running]


@pytest.fixture
def backend() -> str:
    """The one that speaks HTTP/2."""
    return "h2"


def framed(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return struct.pack(">BI", 0, len(message)) + message


async def messages(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield each message as soon as it is whole, however a body is cut."""
    unread = b""
    async for piece in pieces:
        unread += piece
        while len(unread) >= 5 and len(unread) >= 5 + (size := struct.unpack(">BI", unread[:5])[1]):
            message, unread = unread[5 : 5 + size], unread[5 + size :]
            yield message


def answer(body: Any, status: Callable[[], dict[str, str]]) -> Response:
    """Return what is answered: messages, and then how that went."""
    return add_trailers(Response(body, content_type="application/grpc"), status)


def service() -> Kyoukai:
    """Return a service with one method of each of gRPC's kinds."""
    app = Kyoukai("echo")

    @app.route("/Echo/Both", methods=["POST"], stream=True, max_body_size=100_000_000)
    async def both(ctx: HTTPRequestContext) -> Response:
        assert ctx.request.headers["TE"] == "trailers"
        status = {"grpc-status": "0"}

        async def echoes() -> AsyncIterator[bytes]:
            async for message in messages(aiter(ctx.stream())):
                if message == b"fail":
                    status.update({"grpc-status": "9", "grpc-message": "as it was told"})
                    return
                yield framed(b"echo of " + message)

        return answer(echoes(), lambda: status)

    @app.route("/Echo/One", methods=["POST"])
    async def one(ctx: HTTPRequestContext) -> Response:
        return answer(iter([framed(ctx.request.get_data()[5:])]), lambda: {"grpc-status": "0"})

    @app.route("/Echo/Count", methods=["POST"])
    async def count(ctx: HTTPRequestContext) -> Response:
        numbers = (framed(b"%d" % number) for number in range(int(ctx.request.get_data()[5:])))
        return answer(numbers, lambda: {"grpc-status": "0"})

    @app.route("/Echo/Sum", methods=["POST"], stream=True)
    async def total(ctx: HTTPRequestContext) -> Response:
        found = sum([int(message) async for message in messages(aiter(ctx.stream()))])
        return answer(iter([framed(b"%d" % found)]), lambda: {"grpc-status": "0"})

    return app


@pytest.fixture(params=["direct", "nginx"])
def channel(serve: Serve, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[grpc.Channel]:
    server, port = serve(service()), 0
    proxy = None
    if request.param == "nginx":
        proxy = nginx(tmp_path, server.port, passes="grpc_pass grpc://kyoukai;", listens="http2")
    port = proxy.address[1] if proxy else server.port
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
            yield channel
    finally:
        if proxy:
            proxy.end()
    server.wait_until_empty()


def test_both_at_once(channel: grpc.Channel) -> None:
    """What is sent next is made of what has come: neither waits for the other's end."""
    seen: list[bytes] = []
    answered = threading.Semaphore(0)

    def requests() -> Iterator[bytes]:
        for number in range(100):
            if number:
                assert answered.acquire(timeout=PATIENCE)
            yield b"%d" % number

    call = channel.stream_stream("/Echo/Both")(requests(), timeout=PATIENCE)
    for message in call:
        seen.append(message)
        answered.release()
    assert seen == [b"echo of %d" % number for number in range(100)]
    assert call.code() == grpc.StatusCode.OK


def test_large_messages(channel: grpc.Channel) -> None:
    """Both windows are used up, again and again."""
    large = bytes(1_000_000)
    found = channel.stream_stream("/Echo/Both")(itertools.repeat(large, 10), timeout=PATIENCE)
    assert [len(message) for message in found] == [8 + len(large)] * 10


def test_the_other_kinds(channel: grpc.Channel) -> None:
    assert channel.unary_unary("/Echo/One")(b"hello", timeout=PATIENCE) == b"hello"
    counted = channel.unary_stream("/Echo/Count")(b"1000", timeout=PATIENCE)
    assert list(counted) == [b"%d" % number for number in range(1000)]
    total = channel.stream_unary("/Echo/Sum")
    assert total((b"%d" % number for number in range(1000)), timeout=PATIENCE) == b"499500"
    calls = [
        channel.unary_unary("/Echo/One").future(b"%d" % number, timeout=PATIENCE) for number in range(100)
    ]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(100)]


def test_invalid_status(channel: grpc.Channel) -> None:
    call = channel.stream_stream("/Echo/Both")(iter([b"first", b"fail"]), timeout=PATIENCE)
    assert next(call) == b"echo of first"
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "as it was told"
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/Echo/Nobody")(b"", timeout=PATIENCE)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_is_cancelled(channel: grpc.Channel) -> None:
    call = channel.stream_stream("/Echo/Both")(itertools.repeat(bytes(1000)), timeout=PATIENCE)
    next(call)
    call.cancel()
    # The connection goes on.
    assert channel.unary_unary("/Echo/One")(b"after", timeout=PATIENCE) == b"after"
