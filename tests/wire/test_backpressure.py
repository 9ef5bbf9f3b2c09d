"""A client that does not read, or asks for too much, is held back: what the server holds is bounded."""

import asyncio
import threading

import pytest
from werkzeug.wrappers import Response

from ..serving import PATIENCE, Answering, chunks, echo, message

PIECE = 64 * 1024
PIECES = 300


def streaming(kind, record):
    """Return an application that streams, and keeps in ``record`` how much was waiting at most."""

    def note(protocol, number):
        record["asked"] = number + 1
        record["waiting"] = max(record.get("waiting", 0), protocol.transport.get_write_buffer_size())

    def pieces(protocol):
        for number in range(PIECES):
            note(protocol, number)
            yield bytes([number % 256]) * PIECE

    async def async_pieces(protocol):
        for number in range(PIECES):
            note(protocol, number)
            yield bytes([number % 256]) * PIECE

    @Answering
    async def app(request):
        protocol = request.environ["kyoukai.protocol"]
        return Response(pieces(protocol) if kind == "sync" else async_pieces(protocol))

    return app


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_is_asked_for_no_more_than_the_client_takes(serve, kind):
    record = {}
    server = serve(streaming(kind, record))
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        server.wait_until(lambda: record and server.connection.transport.get_write_buffer_size() > PIECE)
        assert record["asked"] < PIECES
        assert client.receive().body == b"".join(bytes([number % 256]) * PIECE for number in range(PIECES))
    assert record["asked"] == PIECES
    # The high-water mark, and a piece with its framing.
    assert record["waiting"] < 3 * PIECE


def test_answers_wait_for_a_client_that_does_not_read(serve):
    most = 0
    made = 0

    @Answering
    async def app(request):
        nonlocal most, made
        made += 1
        most = max(most, request.environ["kyoukai.protocol"].transport.get_write_buffer_size())
        return Response(bytes(1024 * 1024))

    server = serve(app)
    with server.connect(receive_buffer=65536) as client:
        client.send(message() * 100)
        server.wait_until(lambda: made and server.connection.transport.get_write_buffer_size() > PIECE)
        for _ in range(100):
            assert len(client.receive().body) == 1024 * 1024
    assert made == 100
    assert most <= PIECE


SIXTEEN = 16 * 1024
# However the requests are cut by the network, or by the server's own steps.
SHAPES = {
    "whole": (message("GET", "/"), b"", b""),
    "ending in a head": (message("GET", "/"), b"GET / HTTP/1.1\r\nHo", b"st: localhost\r\n\r\n"),
    "ending in a body": (message("GET", "/"), message("POST", "/", body=b"12345")[:-2], b"45"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_queue_is_bounded(serve, shape):
    """4,000 requests, sent in pieces that end where ``shape`` says, and answered later."""
    one, begin, end = SHAPES[shape]
    go_on = asyncio.Event()
    most = 0

    @Answering
    async def app(request):
        nonlocal most
        await go_on.wait()
        most = max(most, len(request.environ["kyoukai.protocol"].queue.waiting))
        return Response("x")

    server = serve(app)
    per_piece, pieces = 400, 10
    with server.connect() as client:
        for number in range(pieces):
            client.send((end if number else b"") + one * per_piece + begin)
            server.call(lambda: None)
        client.send(end)
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        for _ in range(20):
            server.call(lambda: None)
        queued = server.call(lambda: len(server.connection.queue.waiting))
        server.call(go_on.set)
        answers = per_piece * pieces + (pieces if end else 0)
        for _ in range(answers):
            assert client.receive().body == b"x"
        client.end()
        assert client.receive_rest() == b""
    # max_pipelined, and what one step of parsing may find.
    bound = 16 + SIXTEEN // len(one) + 1
    assert queued <= bound
    assert most <= bound


def test_10_000_requests_without_reading(serve):
    total = 10_000
    with serve(echo).connect() as client:
        sender = threading.Thread(
            target=client.send, args=(b"".join(message("GET", f"/{n}") for n in range(total)),), daemon=True
        )
        sender.start()
        sender.join(0.5)
        for number in range(total):
            assert client.receive().body == b"GET /%d " % number
        sender.join(PATIENCE)


@pytest.mark.parametrize("chunked", [False, True])
def test_uploads_while_an_answer_is_pending(serve, chunked):
    go_on = asyncio.Event()
    held = 0

    @Answering
    async def app(request):
        nonlocal held
        if request.path == "/first":
            await go_on.wait()
            protocol = request.environ["kyoukai.protocol"]
            waiting = [*protocol.queue.waiting, protocol.reader.exchange]
            bodies = [exchange.body for exchange in waiting if exchange is not None]
            held = sum(body.size for body in bodies if body is not None) + len(protocol.reader.buffer)
        return Response(str(len(request.get_data())))

    body = bytes(1_000_000)
    if chunked:
        upload = message("POST", "/", "Transfer-Encoding: chunked") + chunks(*[body[:50_000]] * 20)
    else:
        upload = message("POST", "/", body=body)
    server = serve(app)
    with server.connect() as client:
        sender = threading.Thread(
            target=client.send, args=(message("GET", "/first") + upload * 20,), daemon=True
        )
        sender.start()
        server.wait_until(lambda: server.server.connections and len(server.connection.queue.waiting) > 1)
        for _ in range(20):
            server.call(lambda: None)
        server.call(go_on.set)
        assert client.receive().status == 200
        for _ in range(20):
            assert client.receive().body == b"1000000"
        sender.join(PATIENCE)
    # One upload, what was read with its end, and the beginning of a head.
    assert held < 2_000_000
