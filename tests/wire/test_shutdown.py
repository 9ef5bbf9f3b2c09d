"""Stopping: what is under way is answered, the rest is closed."""

import asyncio
import socket
import threading
import time

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.connection.connection import LINGERING

from ..serving import PATIENCE, Answering, echo, message


def test_requests_under_way_are_answered(serve, caplog):
    go_on = asyncio.Event()
    running = 0

    @Answering
    async def app(request):
        nonlocal running
        running += 1
        await go_on.wait()
        return Response("whole" * 1000)

    server = serve(app)
    clients = [server.connect() for _ in range(10)]
    for client in clients:
        client.send(message())
    server.wait_until(lambda: running == 10)
    server.begin_stop()
    server.wait_until(lambda: server.server.stopping)
    server.call(go_on.set)
    for client in clients:
        with client:
            answer = client.receive()
            assert answer.body == b"whole" * 1000
            assert answer.fields["connection"] == "close"
            assert client.receive_rest() == b""
    server.stop()
    assert "cutting off" not in caplog.text


def test_no_new_connection_is_taken(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response("x")

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        server.call(go_on.set)
        assert client.receive().status == 200


def test_idle_connections_are_closed_at_once(serve, caplog):
    server = serve(echo)
    with server.connect() as fresh, server.connect() as used:
        assert used.request(message()).status == 200
        server.wait_until(lambda: len(server.server.connections) == 2)
        server.begin_stop()
        assert fresh.receive_rest() == b""
        assert used.receive_rest() == b""
        server.stop()
    assert "cutting off" not in caplog.text


def test_a_request_that_is_being_received_is_answered(serve):
    server = serve(echo)
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 4") + b"bo")
        server.wait_until(lambda: server.server.connections and server.connection.reader.exchange is not None)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        answer = client.request(b"dy")
        assert (answer.body, answer.fields["connection"]) == (b"POST / body", "close")
        assert client.receive_rest() == b""


def test_pipelined_requests_that_were_received_are_answered(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response(request.path)

    server = serve(app)
    with server.connect() as client:
        client.send(b"".join(message("GET", f"/{n}") for n in range(5)))
        server.wait_until(lambda: server.server.connections and len(server.connection.queue.waiting) == 5)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        server.call(go_on.set)
        answers = [client.receive() for _ in range(5)]
        assert [answer.body for answer in answers] == [b"/%d" % n for n in range(5)]
        assert [answer.fields.get("connection") for answer in answers] == [None] * 4 + ["close"]
        assert client.receive_rest() == b""


def test_a_handler_that_never_ends_is_cancelled(serve, caplog):
    cancelled = threading.Event()

    @Answering
    async def app(request):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server = serve(app, limits={"shutdown_timeout": 0.1})
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        server.stop()
        assert cancelled.is_set()
        assert client.receive_rest() == b""
    assert "cutting off 1 connections" in caplog.text


def test_handler_of_a_lost_client_is_waited_for(serve):
    go_on = asyncio.Event()
    ended = threading.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        ended.set()
        return Response("nobody reads it")

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        client.reset()
    server.wait_until_empty()
    server.begin_stop()
    server.wait_until(lambda: server.server.stopping)
    server.call(go_on.set)
    server.stop()
    assert ended.is_set()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_streamed_answer_is_sent_to_its_end(serve, kind):
    go_on = threading.Event()
    go_on_async = asyncio.Event()

    def pieces():
        yield "begun, "
        go_on.wait(PATIENCE)
        yield "ended"

    async def async_pieces():
        yield "begun, "
        await go_on_async.wait()
        yield "ended"

    @Answering
    async def app(request):
        return Response(pieces() if kind == "sync" else async_pieces())

    server = serve(app, limits={"shutdown_timeout": 5.0})
    with server.connect() as client:
        client.socket.settimeout(3)
        client.send(message())
        client.receive_head()
        begun = client.receive_exactly(12)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        go_on.set()
        server.call(go_on_async.set)
        client.buffer = begun + client.buffer
        assert client.receive_chunks() == b"begun, ended"
        assert client.receive_rest() == b""


def test_endless_answer_is_cut_off(serve):
    closed = threading.Event()

    async def pieces():
        try:
            yield "begun"
            await asyncio.Event().wait()
        finally:
            closed.set()

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app, limits={"shutdown_timeout": 0.1})
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        server.stop()
        assert closed.is_set()
        assert client.receive_rest() == b"5\r\nbegun\r\n"


def test_the_address_is_free_afterwards(serve):
    server = serve(echo)
    port = server.port
    server.stop()
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.1", port))


def test_a_refused_connection_that_lingers_is_no_reason_to_wait(serve, caplog):
    server = serve(echo, limits={"linger_timeout": 5.0, "shutdown_timeout": 1.0})
    with server.connect() as client:
        assert client.request(message("GET", "/", "Host: twice")).status == 400
        server.wait_until(lambda: server.connection.phase is LINGERING)
        server.begin_stop()
        assert client.receive_rest() == b""
    server.stop()
    assert "cutting off" not in caplog.text


def test_an_answer_on_its_way_is_not_cut_off_by_a_stop(serve):
    """It is in the transport's buffer, and nothing else is owed."""

    @Answering
    async def app(request):
        return Response(bytes(900_000) if request.path == "/large" else "small")

    def hold_little():
        sock = server.connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)

    server = serve(app, limits={"linger_timeout": 0.05, "write_timeout": 20})
    with server.connect(receive_buffer=65536) as client:
        client.request(message())
        server.call(hold_little)
        client.send(message("GET", "/large"))
        client.receive_head()
        server.wait_until(lambda: not server.connection.queue.waiting)
        server.begin_stop()
        server.let_pass(0.3)
        assert len(client.receive_rest()) == 900_000


def test_no_time_passes_for_clients_while_the_loop_stands_still(serve):
    blocked = threading.Event()

    @Answering
    async def app(request):
        if request.path == "/block":
            blocked.set()
            time.sleep(1)  # noqa: ASYNC251 - that is what it is about
        return Response("x")

    server = serve(app, limits={"head_timeout": 0.8, "body_timeout": 0.8})
    with server.connect() as innocent, server.connect() as blocking:
        server.wait_until(lambda: len(server.server.connections) == 2)
        blocking.send(message("GET", "/block"))
        assert blocked.wait(PATIENCE)
        innocent.send(message()[:20])
        assert blocking.receive().body == b"x"
        assert innocent.request(message()[20:]).body == b"x"
