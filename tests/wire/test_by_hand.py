"""A connection object made by hand, over a transport that is none: how an extension drives it."""

import asyncio
import gc
import importlib
import weakref

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai.core.errors import BadRequest
from kyoukai.core.serving.server_state import Server

from ..serving import Answering, echo, message

MODULES = {"httptools": "kyoukai.backends.httptools_", "reference": "kyoukai.backends.reference"}


class RecordingTransport(asyncio.Transport):
    """Keeps what is written, and what is asked of it."""

    def __init__(self):
        super().__init__({"peername": ("192.0.2.1", 5000)})
        self.written = b""
        self.calls = []
        self.protocol = None

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False

    def get_write_buffer_size(self):
        return 0

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.calls.append("write_eof")

    def close(self):
        self.calls.append("close")

    def abort(self):
        self.calls.append("abort")

    def pause_reading(self):
        self.calls.append("pause_reading")

    def resume_reading(self):
        self.calls.append("resume_reading")

    def set_protocol(self, protocol):
        self.protocol = protocol


class Component:
    """What a connection sees of a component."""

    def __init__(self, app):
        self.app = app
        self.server = Server()


ENVIRON = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"}


@pytest.fixture
def by_hand(backend):
    """Return a function that calls its argument with a protocol and its transport, in a loop."""
    protocol_class = importlib.import_module(MODULES[backend]).KyoukaiProtocol

    def run(function, app=echo, peer=None):
        async def main():
            protocol = protocol_class(Component(app), None, "127.0.0.1", 80)
            protocol.peer = peer
            transport = RecordingTransport()
            protocol.connection_made(transport)
            result = function(protocol, transport)
            if result is not None:
                await result

        asyncio.run(main())

    return run


def test_a_request(by_hand):
    async def drive(protocol, transport):
        protocol.data_received(message("GET", "/a"))
        while b"GET /a" not in transport.written:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert transport.written.startswith(b"HTTP/1.1 200 OK\r\n")

    by_hand(drive)


def test_a_request_and_its_environ(by_hand):
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response("")

    async def drive(protocol, transport):
        protocol.data_received(message())
        while not environs:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert environs[0]["kyoukai.protocol"] is protocol
        assert (environs[0]["REMOTE_ADDR"], environs[0]["REMOTE_PORT"]) == ("192.0.2.1", "5000")
        assert (environs[0]["SERVER_NAME"], environs[0]["SERVER_PORT"]) == ("127.0.0.1", "80")

    by_hand(drive, app)


def test_the_address_that_the_connection_was_accepted_with(by_hand):
    """It outranks what the transport says, which may know it no more."""
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response("")

    async def drive(protocol, transport):
        protocol.data_received(message())
        while not environs:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert (environs[0]["REMOTE_ADDR"], environs[0]["REMOTE_PORT"]) == ("2001:db8::7", "7")

    by_hand(drive, app, ("2001:db8::7", 7, 0, 0))


def test_write_and_raw_write(by_hand):
    def drive(protocol, transport):
        protocol.write("text \u20ac")
        assert transport.written == "text \u20ac".encode()
        protocol.raw_write(b" \x00bytes")
        assert transport.written == "text \u20ac \x00bytes".encode()

    by_hand(drive)


def test_a_reset_that_the_socket_knows_of_before_its_transport(by_hand):
    def fail():
        raise OSError(107, "Transport endpoint is not connected")

    async def drive(protocol, transport):
        transport.write_eof = fail
        protocol.data_received(b"garbage\r\n\r\n")
        assert transport.written.startswith(b"HTTP/1.1 400 ")
        assert transport.calls == ["abort"]

    by_hand(drive)


def test_write_response(by_hand):
    def drive(protocol, transport):
        assert protocol.write_response(Response("body"), ENVIRON) is None
        assert transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
        assert transport.written.endswith(b"\r\n\r\nbody")

    by_hand(drive)


def test_write_response_of_a_stream_is_awaited(by_hand):
    async def drive(protocol, transport):
        rest = protocol.write_response(Response(iter(["a", "b"])), ENVIRON)
        assert transport.written.endswith(b"\r\n\r\n")
        await rest
        body = transport.written.partition(b"\r\n\r\n")[2]
        # Pieces that are there at once may go in one chunk.
        assert body in (b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"2\r\nab\r\n0\r\n\r\n")

    by_hand(drive)


@pytest.mark.parametrize("error", [BadRequest("The reason."), NotFound("The reason.")])
def test_handle_parser_exception_of_an_http_error(by_hand, error):
    def drive(protocol, transport):
        protocol.handle_parser_exception(error)
        assert transport.written.startswith(b"HTTP/1.1 %d " % error.code)
        assert b"\r\nConnection: close\r\n" in transport.written
        assert b"The reason." in transport.written
        assert transport.calls == ["write_eof"]

    by_hand(drive)


def test_handle_parser_exception_of_something_else_is_a_500(by_hand, caplog):
    def drive(protocol, transport):
        protocol.handle_parser_exception(ZeroDivisionError("secret"))
        assert transport.written.startswith(b"HTTP/1.1 500 ")
        assert b"secret" not in transport.written

    by_hand(drive)
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_a_refusal_is_written_when_data_received_returns(by_hand):
    def drive(protocol, transport):
        protocol.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert transport.written.startswith(b"HTTP/1.1 400 ")
        # Nothing more is served, or written.
        written = transport.written
        protocol.data_received(message())
        protocol.handle_parser_exception(BadRequest())
        assert transport.written == written

    by_hand(drive)


def test_close(by_hand):
    def drive(protocol, transport):
        protocol.close()
        protocol.close()
        assert transport.calls == ["close"]
        protocol.raw_write(b"late")
        protocol.data_received(message())
        assert transport.written == b""

    by_hand(drive)


def test_replace(by_hand):
    class Other(asyncio.Protocol):
        def __init__(self, *args, **kwargs):
            self.made_with = (args, kwargs)

        def connection_made(self, transport):
            self.transport = transport

    def drive(protocol, transport):
        other = protocol.replace(Other, 1, two=2)
        assert isinstance(other, Other)
        assert other.made_with == ((1,), {"two": 2})
        assert transport.protocol is other
        assert other.transport is transport
        protocol.write("late")
        assert transport.written == b""
        assert protocol not in protocol.server.connections

    by_hand(drive)


def test_eof_and_connection_lost(by_hand):
    def drive(protocol, transport):
        assert protocol.eof_received() is False
        assert transport.calls == ["close"]
        protocol.connection_lost(None)
        assert not protocol.server.connections

    by_hand(drive)


def test_lost_connection_is_released_at_once():
    """It waits for no collector of cycles; a parser in Python may be a cycle of its own."""

    async def main():
        protocol_class = importlib.import_module(MODULES["httptools"]).KyoukaiProtocol
        protocol = protocol_class(Component(echo), None, "127.0.0.1", 80)
        transport = RecordingTransport()
        protocol.connection_made(transport)
        protocol.data_received(message("GET", "/a"))
        while b"GET /a" not in transport.written:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        protocol.connection_lost(None)
        gone = weakref.ref(protocol)
        gc.disable()
        try:
            del protocol
            await asyncio.sleep(0)
            assert gone() is None
        finally:
            gc.enable()

    asyncio.run(main())
