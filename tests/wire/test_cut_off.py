"""Answers that end where the connection does, and are cut off: no client must take a part for the whole."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import threading

import pytest
from werkzeug.wrappers import Response

from ..processes import kyoukai_run, wait_until_stopping
from ..serving import PATIENCE, Answering, error_records

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PIECE = bytes(64 * 1024)


async def endless_async():
    while True:
        yield PIECE


def endless():
    while True:
        yield PIECE


STREAMS = {"async": endless_async, "plain": endless}


@pytest.fixture(params=["plain", "TLS"])
def open_connection(request, tls, trusting):
    """The settings of a server, and the options of a client, without TLS and by TLS."""
    return ({}, {}) if request.param == "plain" else ({"ssl": tls}, {"context": trusting})


def receive_to_the_end(client):
    """Return how many bytes came, and whether a reset ended them; of TLS nothing is made here."""
    size = 0
    with socket.socket(fileno=os.dup(client.socket.fileno())) as below:
        below.settimeout(PATIENCE)
        try:
            while data := below.recv(65536):
                size += len(data)
        except ConnectionResetError:
            return size, True
    return size, False


def assert_reset(client):
    size, was_reset = receive_to_the_end(client)
    assert was_reset, f"a clean end after {size} bytes"


@pytest.mark.parametrize("kind", STREAMS)
def test_by_the_write_timeout(serve, open_connection, kind):
    settings, options = open_connection

    @Answering
    async def app(request):
        return Response(STREAMS[kind]())

    server = serve(app, limits={"write_timeout": 0.1}, **settings)
    with server.connect(receive_buffer=65536, **options) as client:
        client.send(REQUEST)
        client.receive_head()
        server.wait_until_empty()
        assert_reset(client)


def test_by_the_write_timeout_after_the_last_write(serve):
    """The application is done, and the transport holds the rest: more than the system takes."""
    done = threading.Event()

    @Answering
    async def app(request):
        response = Response([bytes(32 * 1024 * 1024)])
        response.response = iter(response.response)
        response.call_on_close(done.set)
        return response

    server = serve(app, limits={"write_timeout": 0.1, "linger_timeout": 0.05})
    with server.connect(receive_buffer=4096) as client:
        client.send(REQUEST)
        client.receive_head()
        assert done.wait(PATIENCE)
        server.wait_until_empty()
        assert_reset(client)


@pytest.mark.parametrize("kind", STREAMS)
def test_by_a_stop(serve, open_connection, kind):
    settings, options = open_connection

    @Answering
    async def app(request):
        return Response(STREAMS[kind]())

    server = serve(app, limits={"shutdown_timeout": 0.05}, **settings)
    with server.connect(receive_buffer=65536, **options) as client:
        client.send(REQUEST)
        client.receive_head()
        server.stop()
        assert_reset(client)


def test_by_a_stop_while_the_next_piece_is_awaited(serve, open_connection):
    """Nothing is left to be written, and the client has all that was."""
    settings, options = open_connection

    async def pieces():
        yield b"begun"
        await asyncio.Event().wait()

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app, limits={"shutdown_timeout": 0.05}, **settings)
    with server.connect(**options) as client:
        client.send(REQUEST)
        client.receive_until(b"begun")
        server.stop()
        assert_reset(client)


def test_by_its_own_cancellation(serve, open_connection, caplog):
    settings, options = open_connection

    async def pieces():
        yield b"begun"
        asyncio.current_task().cancel()
        await asyncio.Event().wait()

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app, **settings)
    with server.connect(**options) as client:
        client.send(REQUEST)
        client.receive_until(b"begun")
        assert_reset(client)
    assert error_records(caplog) == []


def test_by_a_body_whose_awaited_future_is_cancelled(serve, open_connection):
    settings, options = open_connection

    async def pieces():
        yield b"begun"
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        waiting.cancel()
        await waiting

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app, **settings)
    with server.connect(**options) as client:
        client.send(REQUEST)
        client.receive_until(b"begun")
        assert_reset(client)


def test_by_the_farewell_of_a_client_over_tls(serve, tls, trusting):
    """asyncio's TLS has no connection of which one side is open."""
    go_on = asyncio.Event()

    async def pieces():
        yield b"begun"
        await go_on.wait()
        yield b"the rest"

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app, ssl=tls)
    with server.connect() as client:
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = trusting.wrap_bio(received, sent, server_hostname="localhost")

        def until_done(step, *args):
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    return step(*args)
                client.send(sent.read())
                received.write(client.socket.recv(65536))

        until_done(session.do_handshake)
        session.write(REQUEST)
        while b"begun" not in until_done(session.read):
            pass
        with pytest.raises(ssl.SSLWantReadError):
            session.unwrap()
        # Its close_notify. The server's own would vouch for the answer.
        client.send(sent.read())
        assert receive_to_the_end(client) == (0, True)


def test_by_a_client_that_ends_its_side_with_cancel_on_disconnect(serve):
    async def pieces():
        yield b"begun"
        await asyncio.Event().wait()

    @Answering
    async def app(request):
        return Response(pieces())

    with serve(app, cancel_on_disconnect=True).connect() as client:
        client.send(REQUEST)
        client.receive_until(b"begun")
        client.end()
        assert_reset(client)


@pytest.mark.parametrize("kind", ["async", "plain"])
@pytest.mark.parametrize("size", [10, 8 * 1024 * 1024])
def test_whole_answer_ends_cleanly(serve, open_connection, kind, size):
    """However slowly it is read."""
    settings, options = open_connection

    async def pieces():
        for _ in range(10):
            yield bytes(size // 10)

    @Answering
    async def app(request):
        return Response(pieces() if kind == "async" else (bytes(size // 10) for _ in range(10)))

    server = serve(app, limits={"linger_timeout": 0.05}, **settings)
    with server.connect(receive_buffer=65536, **options) as client:
        client.send(REQUEST)
        client.receive_head()
        server.let_pass(0.2)
        assert len(client.receive_rest()) == size // 10 * 10


def test_answer_of_known_length_is_not_reset(serve):
    """Its length says that it is cut off, and the client has what it has."""

    async def pieces():
        yield b"begun"
        await asyncio.Event().wait()

    @Answering
    async def app(request):
        return Response(pieces(), headers={"Content-Length": "100"})

    server = serve(app, limits={"shutdown_timeout": 0.05})
    with server.connect() as client:
        client.send(REQUEST)
        client.receive_until(b"begun")
        server.stop()
        assert client.receive_rest() == b""


APPLICATION = """
import asyncio

from kyoukai import Kyoukai

app = Kyoukai("endless")


@app.route("/")
async def endless(ctx):
    async def pieces():
        while True:
            yield bytes(65536)

    return pieces()
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("how", ["told-twice", "killed"])
def test_by_a_signal(backend, loop, how, tmp_path):
    (tmp_path / "endless.py").write_text(APPLICATION)
    arguments = ("endless:app", "--port", "0", "--backend", backend, "--loop", loop)
    with (
        kyoukai_run(*arguments, folder=tmp_path) as process,
        process.connect() as idle,
        process.connect() as client,
    ):
        client.send(REQUEST)
        client.receive_head()
        if how == "told-twice":
            process.send(signal.SIGTERM)
            wait_until_stopping(idle)
        process.send(signal.SIGTERM if how == "told-twice" else signal.SIGKILL)
        assert_reset(client)
