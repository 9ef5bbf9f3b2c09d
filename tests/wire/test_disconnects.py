"""Clients that go away: half, or at once, at any point of an exchange."""

import asyncio
import logging
import threading

import pytest
from werkzeug.wrappers import Response

from ..serving import PATIENCE, Answering, chunks, echo, error_records, message

pytestmark = pytest.mark.every_wire


@pytest.fixture(autouse=True)
def quiet(caplog):
    """What a client does is no error of the server's."""
    yield
    assert error_records(caplog) == []


@pytest.mark.http1
def test_half_close_after_the_request(serve):
    body = bytes(4 * 1024 * 1024)
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response(body)

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.end()
        server.wait_until(lambda: server.server.connections and server.connection.state.name == "ended")
        server.call(go_on.set)
        assert client.receive().body == body
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_half_close_before_a_streamed_answer(serve, kind):
    async def pieces():
        for number in range(100):
            yield b"%02d" % number * 5000

    @Answering
    async def app(request):
        return Response((b"%02d" % n * 5000 for n in range(100)) if kind == "sync" else pieces())

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.end()
        assert client.receive().body == b"".join(b"%02d" % n * 5000 for n in range(100))
        assert client.receive_rest() == b""


def test_half_close_after_pipelined_requests(serve):
    with serve(echo).connect() as client:
        client.send(b"".join(message("GET", f"/{n}") for n in range(100)) + b"GET /half")
        client.end()
        assert [client.receive().body for _ in range(100)] == [b"GET /%d " % n for n in range(100)]
        assert client.receive_rest() == b""


@pytest.mark.parametrize("data", [b"", b"GET / HT", message("POST", "/", "Content-Length: 5") + b"12"])
@pytest.mark.http1
def test_half_close_without_a_whole_request(serve, data):
    server = serve(echo)
    with server.connect() as client:
        client.send(data)
        client.end()
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HT",
        message("POST", "/", "Content-Length: 5") + b"12",
        message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"12")[:-3],
    ],
    ids=["nothing", "head", "sized body", "chunked body"],
)
def test_reset_in_the_middle_of_a_request(serve, data):
    server = serve(echo)
    with server.connect() as client:
        server.wait_until(lambda: server.server.connections)
        client.send(data)
        client.reset()
    server.wait_until_empty()


def test_handler_ends_after_a_reset(serve):
    go_on = asyncio.Event()
    called, ended = threading.Event(), threading.Event()

    @Answering
    async def app(request):
        called.set()
        await go_on.wait()
        ended.set()
        return Response("nobody reads it")

    server = serve(app)
    with server.connect() as client:
        client.send(message() + message())
        assert called.wait(PATIENCE)
        client.reset()
    server.wait_until_empty()
    server.call(go_on.set)
    assert ended.wait(PATIENCE)


def test_reset_before_pipelined_requests_are_answered(serve):
    """The server learns of the reset by writing the first answer, between two requests."""
    called, gone = threading.Event(), threading.Event()

    @Answering
    async def app(request):
        called.set()
        # Keeps the loop from seeing the reset otherwise.
        assert gone.wait(PATIENCE)
        return Response("nobody reads it")

    server = serve(app)
    with server.connect() as client:
        client.send(message() * 3)
        assert called.wait(PATIENCE)
        client.reset()
        gone.set()
    server.wait_until_empty()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_reset_while_an_answer_is_streamed_closes_the_stream(serve, kind):
    closed = threading.Event()

    def pieces():
        try:
            while True:
                yield bytes(1000)
        finally:
            closed.set()

    async def async_pieces():
        try:
            while True:
                yield bytes(1000)
                await asyncio.sleep(0)
        finally:
            closed.set()

    @Answering
    async def app(request):
        return Response(pieces() if kind == "sync" else async_pieces())

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.receive_exactly(5000)
        client.reset()
    server.wait_until_empty()
    assert closed.wait(PATIENCE)


def test_reset_while_an_async_stream_waits(serve):
    closed = threading.Event()

    async def pieces():
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            closed.set()

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        client.receive_exactly(5)
        client.reset()
    server.wait_until_empty()
    assert closed.wait(PATIENCE)


def test_reset_while_a_blocking_stream_blocks(serve):
    go_on, closed, called = threading.Event(), threading.Event(), threading.Event()

    def pieces():
        try:
            yield b"begun"
            go_on.wait(PATIENCE)
            yield b"never read"
        finally:
            closed.set()

    @Answering
    async def app(request):
        response = Response(pieces())
        response.call_on_close(called.set)
        return response

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        client.receive_exactly(5)
        client.reset()
    server.wait_until_empty()
    go_on.set()
    assert closed.wait(2)
    assert called.wait(2)


def test_the_client_goes_away_without_reading_a_large_answer(serve):
    @Answering
    async def app(request):
        return Response(bytes(32 * 1024 * 1024))

    server = serve(app)
    with server.connect(receive_buffer=65536) as client:
        client.send(message() * 2)
        client.receive_head()
    server.wait_until_empty()


def test_connections_that_come_and_go(serve):
    server = serve(echo)
    for number in range(200):
        with server.connect() as client:
            client.send(message()[: number % 40])
            if number % 2:
                client.reset()
    server.wait_until_empty()
    assert server.request(message()).status == 200


async def endless():
    while True:
        yield bytes(65536)
        await asyncio.sleep(0)


STAGES = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "half a request line": b"GET /",
    "half a head": message()[:-6],
    "half a sized body": message("POST", "/", "Content-Length: 10") + b"12345",
    "half a chunk size": message("POST", "/", "Transfer-Encoding: chunked") + b"1",
    "half a chunk": message("POST", "/", "Transfer-Encoding: chunked") + b"5\r\nab",
    "half a trailer section": message("POST", "/", "Transfer-Encoding: chunked") + b"0\r\nX: y\r\n",
    "waiting for continue": message("POST", "/", "Expect: 100-continue", "Content-Length: 10"),
    "a whole request": message("GET", "/slow"),
    "half an answer": message("GET", "/endless"),
    "requests behind": message("GET", "/slow") + message() * 20,
    "half a request behind": message("GET", "/slow") + message()[:20],
    "a refused request": message("GET", "/", "X : y"),
    "the middle of a refused body": message("POST", "/", "Content-Length: 99999999") + bytes(1000),
}


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_disconnect_logs_at_most_one_line_and_leaves_nothing(serve, caplog, stage, leave):
    caplog.set_level(logging.DEBUG)
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        if request.path == "/slow":
            await go_on.wait()
        return Response(endless() if request.path == "/endless" else "x")

    server = serve(app, access_log=False)
    client = server.connect()
    client.send(STAGES[stage])
    # What the server has seen must not depend on how quickly the client is gone.
    server.wait_until(lambda: server.server.connections)
    if stage in ("half an answer", "waiting for continue"):
        client.receive_head()
    client.reset() if leave == "reset" else client.socket.close()
    server.call(go_on.set)
    server.wait_until_empty()
    noted = [record for record in caplog.records if record.name.startswith("kyoukai")]
    noted = [record for record in noted if record.levelno < logging.INFO]
    assert len(noted) <= 1, [record.getMessage() for record in noted]
    # In debug mode asyncio notes by itself, at DEBUG, why a transport ended.
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert not [record for record in tracebacks if record.name != "asyncio" or record.levelno > logging.DEBUG]
