"""A client that still sends when the connection ends gets the whole of the last answer."""

import asyncio
import threading

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.connection.connection import LINGERING

from ..serving import PATIENCE, Answering, echo, message


def test_after_a_413_while_2_mib_come(serve):
    server = serve(echo, limits={"max_body_size": 1000})
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 2097152") + bytes(2 * 1024 * 1024))
        answer = client.receive()
        assert answer.status == 413
        assert len(answer.body) == int(answer.fields["content-length"])
        assert client.receive_rest() == b""
    server.wait_until_empty()


def test_no_more_is_taken_than_max_linger_size(serve):
    server = serve(echo, limits={"max_body_size": 1000, "max_linger_size": 1_000_000})
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 900000000"))
        assert client.receive().status == 413
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.send(bytes(400_000_000))
    server.wait_until_empty()


def test_input_beyond_that_does_not_end_an_answer_under_way(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response("whole")

    server = serve(app, limits={"max_body_size": 1000, "max_linger_size": 0})
    with server.connect() as client:
        client.send(message() + message("POST", "/", "Content-Length: 100000") + bytes(5000))
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        server.call(lambda: None)
        server.call(go_on.set)
        answer = client.receive()
        assert (answer.status, answer.body) == (200, b"whole")
        assert client.receive().status == 413


def test_no_longer_than_linger_timeout(serve):
    server = serve(echo, limits={"linger_timeout": 0.05})
    with server.connect() as client:
        assert client.request(message("GET", "/", "Host: twice")).status == 400
        server.wait_until_empty()


@pytest.mark.parametrize("by", ["client", "application"])
def test_after_the_last_answer_of_a_connection(serve, by):
    """RFC 9112 section 9.6: what comes after must not destroy the answer by a reset."""
    body = bytes(4 * 1024 * 1024)

    @Answering
    async def app(request):
        fields = {"Connection": "close"} if by == "application" else {}
        return Response(body, headers=fields)

    request = message("GET", "/", "Connection: close") if by == "client" else message()
    with serve(app).connect(receive_buffer=65536) as client:
        client.send(request)
        client.receive_head()
        # The whole answer is on its way, and the server has no more to write.
        client.send(message() * 100)
        assert len(client.receive_rest()) == len(body)


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "GET / HTTP/1.0"])
def test_a_client_that_asked_for_the_end_is_not_waited_for(serve, request_line):
    fields = "Host: example.com\r\nConnection: close\r\n" if request_line.endswith("1.1") else ""
    server = serve(echo, limits={"linger_timeout": 600})
    with server.connect() as client:
        client.send(f"{request_line}\r\n{fields}\r\n".encode())
        assert client.receive().body == b"GET / "
        # The client's side is open still.
        server.wait_until_empty()
        assert client.receive_rest() == b""


def test_a_client_that_asked_for_the_end_and_sent_more_is_waited_for(serve):
    server = serve(echo, limits={"linger_timeout": 600})
    with server.connect() as client:
        client.send(message("GET", "/", "Connection: close") + message())
        assert client.receive().body == b"GET / "
        server.wait_until(lambda: server.connection.phase is LINGERING)
        assert client.receive_rest() == b""


def test_a_handler_that_closes_while_the_client_pipelines(serve):
    called = threading.Event()
    body = bytes(1024 * 1024)

    @Answering
    async def app(request):
        called.set()
        return Response(body, headers={"Connection": "close"})

    with serve(app).connect() as client:
        client.send(message() * 2000)
        assert called.wait(PATIENCE)
        assert client.receive().body == body
        assert client.receive_rest() == b""


def test_a_connection_whose_reading_is_paused_lingers_too(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response("last", headers={"Connection": "close"})

    server = serve(app, limits={"max_pipelined": 2, "linger_timeout": 20})
    with server.connect() as client:
        client.send(message() * 30)
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        server.wait_until(lambda: not server.connection.transport.is_reading())
        server.call(go_on.set)
        for _ in range(40):
            client.send(bytes(100_000))
        assert client.receive().body == b"last"
        assert client.receive_rest() == b""
    server.wait_until_empty()
