"""A handler may hand its connection to another protocol: how an upgrade leaves HTTP/1."""

import asyncio
import contextlib

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, error_records, message

OFFER = ("Connection: Upgrade", "Upgrade: echo")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


class LineEcho(asyncio.Protocol):
    """Sends every line back, with a greeting first."""

    def __init__(self, greeting, *, mark=b"> "):
        self.greeting = greeting
        self.mark = mark
        self.buffer = b""
        self.lost = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.greeting)

    def data_received(self, data):
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self.transport.write(self.mark + line + b"\n")

    def connection_lost(self, exc):
        self.lost.set()


@pytest.fixture
def switching():
    made = []

    @Answering
    async def app(request):
        if request.path != "/switch":
            return Response(request.path)
        protocol = request.environ["kyoukai.protocol"]
        protocol.raw_write(SWITCHING)
        made.append(protocol.replace(LineEcho, b"hello\n", mark=b"< "))
        await asyncio.sleep(0)
        return Response("never sent")

    app.made = made
    return app


def test_the_new_protocol_speaks(serve, switching):
    server = serve(switching)
    with server.connect() as client:
        client.send(message("GET", "/switch", *OFFER))
        assert client.receive_exactly(len(SWITCHING)) == SWITCHING
        assert client.receive_until(b"\n") == b"hello\n"
        for line in (b"one\n", b"GET / HTTP/1.1\n", b"\r\n"):
            client.send(line)
            assert client.receive_until(b"\n") == b"< " + line
        (protocol,) = switching.made
        assert isinstance(protocol, LineEcho)
        client.end()
        assert client.receive_rest() == b""
    server.wait_until(protocol.lost.is_set)
    server.wait_until_empty()


@pytest.mark.parametrize("unread", [b"one\ntwo\n", b"\x80\x81\n", message("GET", "/not-http")])
def test_unread_bytes_are_handed_over(serve, switching, unread, caplog):
    with serve(switching).connect() as client:
        client.send(message("GET", "/switch", *OFFER) + unread)
        assert client.receive_exactly(len(SWITCHING)) == SWITCHING
        assert client.receive_until(b"\n") == b"hello\n"
        for line in unread.splitlines(keepends=True):
            assert client.receive_until(b"\n") == b"< " + line
        client.end()
        assert client.receive_rest() == b""
    assert error_records(caplog) == []


def test_bytes_that_come_while_the_handler_runs_are_handed_over(serve):
    event = asyncio.Event()

    @Answering
    async def app(request):
        await event.wait()
        request.environ["kyoukai.protocol"].replace(LineEcho, b"hello\n")
        return Response("never sent")

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/", *OFFER))
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        client.send(b"\x80one\n")
        server.call(lambda: None)
        server.call(lambda: None)
        server.call(event.set)
        assert client.receive_until(b"\n") == b"hello\n"
        assert client.receive_until(b"\n") == b"> \x80one\n"
        client.end()
        assert client.receive_rest() == b""


def test_after_earlier_pipelined_requests(serve, switching):
    with serve(switching).connect() as client:
        client.send(message("GET", "/1") + message("GET", "/switch", *OFFER))
        assert client.receive().body == b"/1"
        assert client.receive_exactly(len(SWITCHING)) == SWITCHING
        assert client.receive_until(b"\n") == b"hello\n"
        client.send(b"line\n")
        assert client.receive_until(b"\n") == b"< line\n"
        client.end()
        assert client.receive_rest() == b""


def test_replaced_connection_no_longer_belongs_to_the_server(serve, switching):
    server = serve(switching)
    with server.connect() as client:
        client.send(message("GET", "/switch", *OFFER))
        client.receive_until(b"hello\n")
        assert not server.server.connections
        client.end()
        assert client.receive_rest() == b""


def test_replacing_without_an_offer(serve, switching):
    with serve(switching).connect() as client:
        client.send(message("GET", "/switch"))
        client.receive_until(b"hello\n")
        client.send(b"line\n")
        assert client.receive_until(b"\n") == b"< line\n"
        client.end()
        assert client.receive_rest() == b""


class Broken(LineEcho):
    """Raises when it is made the connection's, or when it gets bytes."""

    def __init__(self, greeting, *, mark):
        super().__init__(b"")
        self.method = mark

    def connection_made(self, transport):
        if self.method == "connection_made":
            raise ValueError("broken")

    def data_received(self, data):
        raise ValueError("broken")


@pytest.mark.parametrize("method", ["connection_made", "data_received"])
def test_a_protocol_that_raises_leaves_no_connection(serve, method):
    failures = []

    @Answering
    async def app(request):
        protocol = request.environ["kyoukai.protocol"]
        protocol.raw_write(SWITCHING)
        try:
            protocol.replace(Broken, b"", mark=method)
        except ValueError as error:
            failures.append(str(error))
        return Response("never sent")

    with serve(app).connect() as client:
        client.send(message("GET", "/switch", *OFFER) + b"early")
        client.receive_exactly(len(SWITCHING))
        # Unread bytes make the end a reset.
        with contextlib.suppress(ConnectionResetError):
            assert client.receive_rest() == b""
    assert failures == ["broken"]


def test_lost_connection_is_not_replaced(serve, caplog):
    """Nobody would tell the new protocol of the end."""
    release = asyncio.Event()
    seen = []

    @Answering
    async def app(request):
        await release.wait()
        try:
            request.environ["kyoukai.protocol"].replace(LineEcho, b"")
        except ConnectionResetError as error:
            seen.append(error)
        return Response("")

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        client.reset()
        server.wait_until(lambda: not server.server.connections)
        server.call(release.set)
        server.wait_until(lambda: seen)
    assert error_records(caplog) == []


def test_the_clients_end_is_passed_on(serve):
    go_on = asyncio.Event()
    events = []

    class Other(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            events.append(data)

        def eof_received(self):
            events.append("end")
            self.transport.write(b"bye")
            return False

        def connection_lost(self, exc):
            events.append("lost")

    @Answering
    async def app(request):
        await go_on.wait()
        request.environ["kyoukai.protocol"].replace(Other)
        return Response("unsent")

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/", "Connection: Upgrade", "Upgrade: other") + b"hello")
        client.end()
        server.wait_until(lambda: server.server.connections and server.connection.client_ended)
        server.call(go_on.set)
        assert client.receive_rest() == b"bye"
    server.wait_until(lambda: "lost" in events)
    assert events == [b"hello", "end", "lost"]
