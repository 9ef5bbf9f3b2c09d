"""Applications of the lower form, one coroutine over the exchange, over real sockets."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.exceptions import ImATeapot

from kyoukai import BodyPlan, Exchange, read_content, send_answer, start_answer
from kyoukai.core.semantics.serialize import InvalidResponseError

from ..serving import PATIENCE, Running, chunks, error_records, message

pytestmark = pytest.mark.every_wire

Handler = Callable[[Exchange], Awaitable[None]]
Serve = Callable[..., Running]


class Raw:
    """An application that is one function of an exchange."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.ended = threading.Event()

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        assert isinstance(parent_context, Context)
        try:
            await self.handler(exchange)
        finally:
            self.ended.set()


class Streaming(Raw):
    """It gets bodies as they come."""

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        return BodyPlan(stream=True)


async def echo(exchange: Exchange) -> None:
    content = await read_content(exchange).read()
    await send_answer(exchange, "200 OK", [("Content-Type", "text/plain")], content)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("form", [Raw, Streaming])
def test_requests_of_one_connection(serve: Serve, form: type[Raw]) -> None:
    large = bytes(range(256)) * 8192
    with serve(form(echo)).connect() as client:
        for body in (b"", b"hello", large):
            answer = client.request(message("POST", "/", body=body))
            assert (answer.status, answer.body) == (200, body)
            assert answer.fields["content-length"] == str(len(body))
            assert "date" in answer.fields
        assert client.request(message("GET", "/")).body == b""
        encoded = message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"one", b"two")
        assert client.request(encoded).body == b"onetwo"


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    with serve(Raw(echo)).connect() as client:
        client.send(b"".join(message("POST", "/", body=b"%d" % i) for i in range(5)))
        assert [client.receive().body for _ in range(5)] == [b"%d" % i for i in range(5)]


@pytest.mark.parametrize("content", [b"hello", pieces(b"hello")], ids=["in-memory", "stream"])
def test_answers_without_content(serve: Serve, content: Any) -> None:
    async def handle(exchange: Exchange) -> None:
        status = exchange.head.path[1:].replace("-", " ")
        await send_answer(exchange, status, content=content)

    with serve(Raw(handle)).connect() as client:
        assert client.request(message("HEAD", "/200-OK"), "HEAD").status == 200
        assert client.request(message("GET", "/204-No-Content")).status == 204
        assert client.request(message("GET", "/304-Not-Modified")).status == 304


def test_a_stream_of_a_declared_size(serve: Serve) -> None:
    async def handle(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", [("Content-Length", "6")], pieces(b"one", b"", b"two"))

    with serve(Raw(handle)).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert (answer.fields["content-length"], answer.body) == ("6", b"onetwo")


def test_a_stream_shorter_than_declared_is_broken_off(serve: Serve, caplog: Any) -> None:
    async def handle(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", [("Content-Length", "9")], pieces(b"one"))

    with serve(Raw(handle)).connect() as client:
        client.send(message())
        assert client.receive_head().fields["content-length"] == "9"
        assert client.receive_rest() == b"one"
    [record] = error_records(caplog)
    assert isinstance(record.exc_info[1], InvalidResponseError)


def test_what_cannot_be_sent_is_a_500(serve: Serve, caplog: Any) -> None:
    async def handle(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", [("X-A", "b\r\nX-C: d")])

    with serve(Raw(handle)).connect() as client:
        assert client.request(message()).status == 500
        # The connection goes on.
        assert client.request(message()).status == 500
    assert len(error_records(caplog)) == 2


async def fail(exchange: Exchange) -> None:
    raise LookupError("a bug")


async def answer_nothing(exchange: Exchange) -> None:
    await read_content(exchange).read()


@pytest.mark.parametrize("handler", [fail, answer_nothing])
def test_a_failure_is_a_500_and_a_traceback(serve: Serve, caplog: Any, handler: Handler) -> None:
    with serve(Raw(handler)).connect() as client:
        assert client.request(message("POST", "/path", body=b"a")).status == 500
    [record] = error_records(caplog)
    assert "POST '/path'" in record.getMessage()
    assert record.exc_info is not None


def test_an_http_error_is_the_answer(serve: Serve, caplog: Any) -> None:
    async def handle(exchange: Exchange) -> None:
        raise ImATeapot

    with serve(Raw(handle)).connect() as client:
        answer = client.request(message("GET", "/", "Accept: application/json"))
        assert (answer.status, answer.fields["content-type"]) == (418, "application/json")
    assert not error_records(caplog)


def test_a_refusal_is_the_servers(serve: Serve) -> None:
    app = Raw(echo)
    with serve(app, limits={"max_body_size": 4}).connect() as client:
        assert client.request(message("POST", "/", body=b"hello")).status == 413
    assert not app.ended.is_set()


def test_a_streamed_body_that_breaks_off(serve: Serve, caplog: Any) -> None:
    with serve(Streaming(echo)).connect() as client:
        client.send(message("POST", "/", "Content-Length: 9") + b"part")
        client.end()
        assert client.receive().status == 400
    assert not error_records(caplog)


def test_a_client_that_waits_to_send_is_let_go_before_the_answer(serve: Serve) -> None:
    async def handle(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=read_content(exchange))

    with serve(Streaming(handle)).connect() as client:
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 5"))
        assert client.receive_head().status == 100
        client.send(b"hello")
        assert client.receive().body == b"hello"


def test_an_answer_whose_client_is_gone_is_no_error(serve: Serve, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.protocol")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def handle(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=endless())

    app = Raw(handle)
    with serve(app).connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        client.reset()
    assert app.ended.wait(PATIENCE)
    assert not error_records(caplog)


@pytest.mark.http1
def test_each_answer_is_logged(serve: Serve, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    with serve(Raw(echo)).connect() as client:
        client.request(message("POST", "/a", body=b"hello"))
        client.request(message("GET", "/b"))
        # It is logged before the connection ends.
        client.end()
        assert client.receive_rest() == b""
    lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert [line.split(" ", 1)[1].rpartition(" ")[0] for line in lines] == [
        '"POST /a HTTP/1.1" 200 5',
        '"GET /b HTTP/1.1" 200 0',
    ]


def test_a_second_answer_is_refused(serve: Serve) -> None:
    refused: list[str] = []

    async def twice(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=b"%d refused" % len(refused))
        try:
            await send_answer(exchange, "200 OK", content=b"second")
        except RuntimeError as error:
            refused.append(str(error))

    with serve(Raw(twice)).connect() as client:
        # The next answer of the connection is that to the next request.
        for number in (0, 1, 2):
            assert client.request(message("GET", "/")).body == b"%d refused" % number


def test_an_answer_is_pushed_piece_by_piece(serve: Serve) -> None:
    seen = threading.Event()

    async def handle(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK", [("Trailer", "X-Sum")])
        await stream.send(b"one")
        await asyncio.to_thread(seen.wait, PATIENCE)
        await stream.send(b"two")
        await stream.end(b"three", [("X-Sum", "11")])

    with serve(Raw(handle)).connect() as client:
        for line, trailers in (("TE: trailers", b"X-Sum: 11\r\n"), ("X-A: b", b"")):
            seen.clear()
            client.send(message("GET", "/", line))
            assert client.receive_head().fields["transfer-encoding"] == "chunked"
            first = b"3\r\none\r\n"
            # It is there before the next is made.
            assert client.receive_exactly(len(first)) == first
            seen.set()
            rest = b"3\r\ntwo\r\n5\r\nthree\r\n0\r\n" + trailers + b"\r\n"
            assert client.receive_exactly(len(rest)) == rest


def test_pushing_waits_for_a_client_that_does_not_read(serve: Serve) -> None:
    pushed = 0
    waits = threading.Event()
    count = 512

    async def handle(exchange: Exchange) -> None:
        nonlocal pushed
        stream = start_answer(exchange, "200 OK", [("Content-Length", str(count * 65536))])
        for _ in range(count):
            if exchange.client.is_paused:
                waits.set()
            sending = asyncio.ensure_future(stream.send(bytes(65536)))
            await asyncio.sleep(0)
            if exchange.client.is_paused:
                waits.set()
            await sending
            pushed += 1
        await stream.end()

    with serve(Raw(handle)).connect() as client:
        client.send(message())
        client.receive_head()
        assert waits.wait(PATIENCE)
        assert pushed < count
        assert len(client.receive_exactly(count * 65536)) == count * 65536
        client.send(message("HEAD", "/"))
        assert client.receive_head().status == 200


def test_an_answer_that_is_never_ended_is_broken_off(serve: Serve, caplog: Any) -> None:
    async def handle(exchange: Exchange) -> None:
        await start_answer(exchange, "200 OK").send(b"one")

    with serve(Raw(handle)).connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        # Without its last chunk.
        assert client.receive_rest() == b"3\r\none\r\n"
    [record] = error_records(caplog)
    assert "without ending its answer" in str(record.exc_info[1])
