"""HTTP over TLS."""

import asyncio
import contextlib
import os
import socket
import ssl

import pytest
from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from kyoukai.core.connection.connection import CLOSED

from ..serving import Answering, Client, echo, error_records, message


def test_requests(serve, tls, trusting):
    @Answering
    async def app(request):
        return Response(
            f"{request.environ['wsgi.url_scheme']} {request.environ['REMOTE_ADDR']} {request.url}"
        )

    server = serve(app, ssl=tls)
    assert server.url == f"https://127.0.0.1:{server.port}"
    with server.connect(context=trusting) as client:
        for _ in range(3):
            assert client.request(message("GET", "/a")).body == b"https 127.0.0.1 https://localhost/a"


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1")]
)
def test_alpn(serve, tls, trusting, offered, chosen):
    trusting.set_alpn_protocols(offered)
    with serve(echo, ssl=tls).connect(context=trusting) as client:
        assert client.socket.selected_alpn_protocol() == chosen
        assert client.request(message()).status == 200


def test_a_mebibyte_both_ways(serve, tls, trusting):
    body = os.urandom(1024 * 1024)
    with serve(echo, ssl=tls).connect(context=trusting) as client:
        assert client.request(message("PUT", "/", body=body)).body == b"PUT / " + body


def test_a_stream(serve, tls, trusting):
    @Answering
    async def app(request):
        return Response(b"x" * 50_000 for _ in range(40))

    with serve(app, ssl=tls).connect(context=trusting) as client:
        assert len(client.request(message()).body) == 2_000_000


def test_a_file(serve, tls, trusting, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(1_000_001))

    @Answering
    async def app(request):
        return send_file(path, request.environ)

    with serve(app, ssl=tls).connect(context=trusting) as client:
        assert client.request(message()).body == path.read_bytes()


def test_close_after_the_answer(serve, tls, trusting):
    with serve(echo, ssl=tls).connect(context=trusting) as client:
        assert client.request(message("GET", "/", "Connection: close")).status == 200
        assert client.receive_rest() == b""


def test_a_refusal(serve, tls, trusting):
    with serve(echo, ssl=tls, limits={"linger_timeout": 0.1}).connect(context=trusting) as client:
        answer = client.request(message("GET", "/", "Host: twice"))
        assert (answer.status, answer.fields["connection"]) == (400, "close")
        assert client.receive_rest() == b""


def test_http_without_tls_is_turned_away(serve, tls, trusting, caplog):
    server = serve(echo, ssl=tls)
    with Client(("127.0.0.1", server.port)) as client:
        client.send(message())
        with contextlib.suppress(ConnectionResetError):
            assert not client.receive_rest().startswith(b"HTTP")
    with server.connect(context=trusting) as client:
        assert client.request(message()).status == 200
    assert error_records(caplog) == []


def test_a_client_that_does_not_trust(serve, tls, trusting, caplog):
    server = serve(echo, ssl=tls)
    with pytest.raises(ssl.SSLCertVerificationError):
        server.connect(context=ssl.create_default_context())
    with server.connect(context=trusting) as client:
        assert client.request(message()).status == 200
    assert error_records(caplog) == []


def test_an_idle_connection_does_not_hold_up_a_stop(serve, tls, trusting, caplog):
    """The client reads nothing, so it does not answer the server's close_notify."""
    server = serve(echo, ssl=tls, limits={"linger_timeout": 0.05})
    with server.connect(context=trusting) as client:
        assert client.request(message()).status == 200
        server.stop()
    assert "cutting off" not in caplog.text


def test_a_request_under_way_at_a_stop(serve, tls, trusting):
    event = asyncio.Event()

    @Answering
    async def app(request):
        await event.wait()
        return Response("whole")

    server = serve(app, ssl=tls)
    with server.connect(context=trusting) as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        server.call(event.set)
        answer = client.receive()
        assert (answer.body, answer.fields["connection"]) == (b"whole", "close")
        assert client.receive_rest() == b""


# A client that reads slowly

LARGE = 16 * 1024 * 1024
"""More than the buffers of the server, the system and the client hold together."""


@pytest.fixture
def download(serve, tls, trusting):
    """Return a server, and a client that has read until the server closes and has the rest still to come."""

    @Answering
    async def app(request):
        return Response(bytes(LARGE))

    @contextlib.contextmanager
    def begin(**limits):
        server = serve(app, ssl=tls, limits={"linger_timeout": 0.05, **limits})
        with server.connect(context=trusting, receive_buffer=65536) as client:
            client.send(message("GET", "/", "Connection: close"))
            assert client.receive_head().fields["content-length"] == str(LARGE)
            # The server's transports hold what the system does not.
            sending = server.connection.transport.get_extra_info("socket")
            sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            while server.connection.phase is not CLOSED:
                client.buffer += client.socket.recv(16384)
            yield server, client

    return begin


def test_slow_client_gets_the_end_of_its_answer(download):
    """asyncio ends a closed transport over TLS in time, with what it still holds for the client."""
    with download() as (server, client):
        # Longer than lingering takes.
        server.let_pass(0.3)
        assert len(client.receive_rest()) == LARGE
    server.wait_until_empty()


def test_client_that_takes_nothing_more_is_cut_off(download, caplog):
    with download(write_timeout=0.2) as (server, _):
        server.wait_until_empty()
    assert "refused: write-timeout" in caplog.text


def test_stop_waits_for_a_slow_client(download):
    with download() as (server, client):
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        server.let_pass(0.3)
        assert len(client.receive_rest()) == LARGE
        server.stop()


# Somebody who has mixed up the schemes


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "the client speaks HTTP, and this port is for TLS; its URL must",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            "the client speaks HTTP, and this port is for TLS; its URL must",
        ),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "the client takes this server for a proxy"),
        (b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "the client does not speak TLS, HTTP perhaps"),
    ],
    ids=["GET", "POST", "CONNECT", "DELETE"],
)
def test_http_to_a_port_for_tls_is_one_debug_line(serve, tls, caplog, data, said):
    caplog.set_level("DEBUG", "kyoukai")
    server = serve(echo, ssl=tls)
    caplog.clear()
    with server.connect() as client, contextlib.suppress(ConnectionResetError):
        client.send(data)
        client.receive_rest()
    server.wait_until(lambda: bool(caplog.records))
    [record] = caplog.records
    assert (record.levelname, record.name) == ("DEBUG", "kyoukai.server")
    assert record.getMessage().startswith(f"a connection could not be made: {said}")


def test_tls_to_a_port_without_it_is_one_line_and_a_warning(serve, trusting, caplog):
    caplog.set_level("DEBUG", "kyoukai.protocol")
    server = serve(echo)
    caplog.clear()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect(context=trusting)
    server.wait_until(lambda: len(caplog.records) > 1)
    record, warning = caplog.records
    assert (record.levelname, warning.levelname) == ("DEBUG", "WARNING")
    said = "The client speaks TLS, and this port is for HTTP without TLS."
    assert said in warning.getMessage()
    assert record.getMessage() == f"refusing a request: 400 Bad Request: {said} (tls-on-plain-port)"
