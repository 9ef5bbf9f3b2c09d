"""How connections begin and end: prefaces, deadlines, stops, and what ends them early."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from werkzeug.wrappers import Response

from kyoukai.backends.h2_ import leaving
from kyoukai.backends.h2_.preface import PREFACE
from kyoukai.core.connection.connection import OPEN
from kyoukai.testing import MemoryTransport, serving
from kyoukai.testing.transport import SERVER

from ...certificates import trusting_context, write_certificate
from ...conftest import HTTP2
from ...serving import PATIENCE, Answering, echo
from .frame_client import GET, POST, FrameClient, head
from .raw_heads import frames_of_head
from .test_streams import Site

LAST = 2**31 - 1


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server wait for the answer to its last ping as long as a test may take."""
    monkeypatch.setattr(leaving, "PATIENCE", PATIENCE)


@pytest.mark.parametrize("size", [1, 5, 23])
def test_a_preface_in_pieces(serve: Any, size: int) -> None:
    server = serve(echo)
    with FrameClient(server, settings=None) as client:
        sent = PREFACE + SettingsFrame(0).serialize()
        for start in range(0, len(sent), size):
            client.socket.sendall(sent[start : start + size])
        client.request(1)
        assert client.answer()[1] == b"GET / "


def test_client_of_http_1_gets_an_answer(serve: Any) -> None:
    server = serve(echo)
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\n"):
        with socket.create_connection(server.component.address, PATIENCE) as client:
            client.sendall(request)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")
        assert answer.endswith(b"This server speaks HTTP/2 here, and nothing else. (http2-only)\n")
    server.wait_until_empty()


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"hello\r\n"])
def test_other_bytes_get_nothing(serve: Any, data: bytes) -> None:
    server = serve(echo)
    with socket.create_connection(server.component.address, PATIENCE) as client:
        client.sendall(data)
        assert client.recv(100) == b""
    server.wait_until_empty()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([PingFrame(0, b"12345678")], ErrorCodes.PROTOCOL_ERROR),
        ([SettingsFrame(0), DataFrame(1, b"x")], ErrorCodes.PROTOCOL_ERROR),
        ([SettingsFrame(0), WindowUpdateFrame(0, LAST)], ErrorCodes.FLOW_CONTROL_ERROR),
        ([SettingsFrame(0), DataFrame(1, bytes(16385))], ErrorCodes.FRAME_SIZE_ERROR),
        ([SettingsFrame(0), ContinuationFrame(1, b"x")], ErrorCodes.PROTOCOL_ERROR),
        (
            [SettingsFrame(0), HeadersFrame(1, b"\xff" * 9, flags=["END_HEADERS"])],
            ErrorCodes.COMPRESSION_ERROR,
        ),
        ([SettingsFrame(0), HeadersFrame(1, b"\x82"), PingFrame(0, b"12345678")], ErrorCodes.PROTOCOL_ERROR),
        ([SettingsFrame(0), HeadersFrame(1, b"\x82"), GoAwayFrame(0, 0, 0)], ErrorCodes.PROTOCOL_ERROR),
        ([SettingsFrame(0, settings={SettingsFrame.ENABLE_PUSH: 2})], ErrorCodes.PROTOCOL_ERROR),
    ],
)
def test_errors_of_the_connection(serve: Any, sent: list[Frame], code: int) -> None:
    server = serve(echo)
    with FrameClient(server, settings=None) as client:
        client.socket.sendall(PREFACE)
        client.send(*sent)
        assert client.goodbye()[0] == code
        assert client.is_over()
    server.wait_until_empty()


def test_by_tls_the_end_does_not_wait_for_a_client(serve: Any, tmp_path: Path) -> None:
    """Nothing says to it that the server's side has ended, but that the connection has."""
    settings, authority = write_certificate(tmp_path)
    server = serve(echo, ssl=settings, limits={"linger_timeout": 2 * PATIENCE})
    with FrameClient(server, settings=None) as client:
        context = trusting_context(authority)
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        client.socket.sendall(PREFACE + b"\0" * 9)
        assert client.goodbye()[0] == ErrorCodes.PROTOCOL_ERROR
        assert client.is_over()
    server.wait_until_empty()


def floods() -> dict[str, Any]:
    """Return what each flood sends, for a client and the number of a stream."""
    return {
        "resets": lambda c, n: [c.head(n, GET), RstStreamFrame(n, ErrorCodes.CANCEL)],
        "malformed": lambda c, n: [c.head(n, [("x", "y")])],
        "pings": lambda c, n: [PingFrame(0, b"12345678")],
        "settings": lambda c, n: [SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: n})],
        "empty frames": lambda c, n: [c.head(1, POST, ends=False)] if n == 1 else [DataFrame(1, b"")],
        "windows that overflow": lambda c, n: [c.head(n, POST, ends=False), WindowUpdateFrame(n, LAST)],
        "heads of one that was reset": lambda c, n: (
            [c.head(1, GET), RstStreamFrame(1, ErrorCodes.CANCEL)] if n == 1 else [c.head(1, GET)]
        ),
        "overflows": lambda c, n: [c.head(n, POST, ends=False), WindowUpdateFrame(n, LAST)],
        "priorities": lambda c, n: [PriorityFrame(n, depends_on=0, stream_weight=1)],
        "windows": lambda c, n: [WindowUpdateFrame(0, 1)],
        "unknown": lambda c, n: [ExtensionFrame(0xEE, 0, body=b"")],
    }


BUDGETS = dict.fromkeys(("max_resets", "max_pings", "max_settings", "max_empty_frames"), 20)


@pytest.mark.parametrize("kind", list(floods()))
def test_flood_is_ended_without_effect_on_others(serve: Any, kind: str) -> None:
    make = floods()[kind]
    server = serve(echo, backend_options={**BUDGETS, "max_overhead_frames": 20})
    with FrameClient(server) as client, FrameClient(server) as neighbour:
        with contextlib.suppress(ConnectionError):
            for stream in range(1, 401, 2):
                client.send(*make(client, stream))
        assert client.goodbye()[0] == ErrorCodes.ENHANCE_YOUR_CALM
        neighbour.request(1)
        assert neighbour.answer()[1] == b"GET / "
    server.wait_until_empty()


def test_a_reset_by_the_library_counts_once(serve: Any) -> None:
    server = serve(echo, backend_options={"max_resets": 100})
    with FrameClient(server) as client:
        for stream in range(1, 201, 2):
            client.send(client.head(stream, POST, ends=False), WindowUpdateFrame(stream, LAST))
        client.request(201)
        assert client.answer(201)[1] == b"GET / "
    server.wait_until_empty()


@pytest.mark.parametrize("kind", ["pings", "empty frames", "priorities", "windows", "unknown"])
def test_the_reserved_bit_of_a_stream_changes_nothing(serve: Any, kind: str) -> None:
    """RFC 9113 section 4.1: it is ignored."""
    make = floods()[kind]
    server = serve(echo, backend_options={**BUDGETS, "max_overhead_frames": 20})
    with FrameClient(server) as client:
        client.request(1)
        client.answer()
        with contextlib.suppress(ConnectionError):
            for stream in range(3, 401, 2):
                for frame in make(client, stream):
                    sent = bytearray(frame.serialize())
                    sent[5] |= 0x80
                    client.socket.sendall(sent)
        assert client.goodbye()[0] == ErrorCodes.ENHANCE_YOUR_CALM
    server.wait_until_empty()


def test_content_for_an_ended_stream_earns_no_credit(serve: Any) -> None:
    server = serve(echo, backend_options={**BUDGETS, "max_overhead_frames": 20})
    sent = bytearray(DataFrame(1, b"x").serialize())
    sent[5] |= 0x80
    with FrameClient(server) as client:
        client.request(1)
        client.answer()
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                client.socket.sendall(sent + WindowUpdateFrame(0, 1).serialize())
        assert client.goodbye()[0] in (ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.STREAM_CLOSED)
    server.wait_until_empty()


def test_a_client_that_does_not_read_why_it_is_ended_is_cut_off(serve: Any) -> None:
    @Answering
    async def app(request: Any) -> Response:
        return Response(bytes(2**26))

    server = serve(app, limits={"linger_timeout": 0.1})
    settings = {SettingsFrame.INITIAL_WINDOW_SIZE: LAST}
    with FrameClient(server, settings, receive_buffer=4096) as client:
        client.open(LAST - 65535, 0)
        client.request(1)
        server.wait_until(lambda: server.server.connections and server.connection.is_paused)
        client.send(PingFrame(0, b"12345678"), DataFrame(3, b"x"))
        # It would take write_timeout, 30 seconds, otherwise.
        server.wait_until_empty()


def test_a_goodbye_within_a_head(serve: Any) -> None:
    with FrameClient(serve(echo)) as client:
        whole = client.head(1, GET)
        first = HeadersFrame(1, whole.data[:3], flags=["END_STREAM"])
        rest = ContinuationFrame(1, whole.data[3:], flags=["END_HEADERS"])
        client.send(first, GoAwayFrame(0, last_stream_id=0), rest)
        assert client.goodbye()[0] == ErrorCodes.PROTOCOL_ERROR


def test_a_head_without_end(serve: Any) -> None:
    server = serve(echo)
    with FrameClient(server) as client:
        with contextlib.suppress(ConnectionError):
            client.send(HeadersFrame(1, b"\x82"), *[ContinuationFrame(1, b"\x82")] * 9)
        assert client.goodbye()[0] == ErrorCodes.ENHANCE_YOUR_CALM
    server.wait_until_empty()


def test_few_bytes_that_expand_to_many(serve: Any) -> None:
    server = serve(echo)
    with FrameClient(server) as client:
        client.request(1, [*GET, ("x", "y" * 3000)])
        client.answer()
        # The dynamic table's first entry, again and again: one byte each.
        client.send(*frames_of_head(client.encoder.encode(GET) + b"\xbe" * 200, 3))
        assert client.goodbye()[0] == ErrorCodes.ENHANCE_YOUR_CALM
    server.wait_until_empty()


def test_more_requests_than_may_be(serve: Any) -> None:
    site = Site()
    server = serve(site.app, backend_options={"max_concurrent_streams": 3})
    with FrameClient(server) as client:
        client.send(*(client.head(stream, head(f"/wait/{stream}")) for stream in (1, 3, 5, 7)))
        assert client.reset_code(7) == ErrorCodes.REFUSED_STREAM
        server.call(site.go_on.set)
        for stream in (1, 3, 5):
            assert client.answer(stream)[1] == b"%d" % stream
        client.request(9, GET)
        assert client.answer(9)[1] == b"index"


def test_requests_that_are_answered_and_not_whole_do_not_count(serve: Any) -> None:
    server = serve(echo, limits={"max_body_size": 0}, backend_options={"max_concurrent_streams": 1})
    with FrameClient(server) as client:
        for stream in (1, 3, 5):
            client.request(stream, [*POST, ("content-length", "5")], ends=False)
            assert client.answer(stream)[0][":status"] == "413"
            if stream > 1:
                assert client.resets[-1:] == [stream - 2]
        client.request(7, GET)
        assert client.answer(7)[1] == b"GET / "


# Deadlines


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE, PREFACE + b"\0\0\0"])
def test_settings_that_do_not_come(serve: Any, sent: bytes) -> None:
    server = serve(echo, limits={"head_timeout": 0.1})
    with FrameClient(server, settings=None) as client:
        client.socket.sendall(sent)
        while client.receive() is not None:
            pass
    server.wait_until_empty()


def test_a_head_that_is_late(serve: Any) -> None:
    server = serve(echo, limits={"head_timeout": 0.1})
    with FrameClient(server) as client:
        client.request(1, POST, ends=False)
        client.send(HeadersFrame(3, b"\x82"))
        assert client.goodbye()[0] == ErrorCodes.ENHANCE_YOUR_CALM
    server.wait_until_empty()


def test_an_idle_connection(serve: Any) -> None:
    server = serve(echo, limits={"keep_alive_timeout": 0.5})
    with FrameClient(server) as client:
        client.request(1)
        client.answer()
        assert client.goodbye() == (ErrorCodes.NO_ERROR, 1)
        assert client.is_over()
    server.wait_until_empty()


def test_a_connection_with_a_request_is_not_idle(serve: Any) -> None:
    site = Site()
    server = serve(site.app, limits={"keep_alive_timeout": 0.4, "head_timeout": 0.4})
    with FrameClient(server) as client:
        client.request(1, head("/wait/a"))
        server.wait_until(lambda: site.asked == ["a"])
        server.let_pass(0.8)
        server.call(site.go_on.set)
        assert client.answer()[1] == b"a"


def test_a_body_that_is_late(serve: Any) -> None:
    server = serve(echo, limits={"body_timeout": 0.1, "linger_timeout": 0.1})
    with FrameClient(server) as client:
        client.request(1, POST, ends=False)
        assert client.answer()[0][":status"] == "408"
        assert client.reset_code() == ErrorCodes.NO_ERROR


def test_a_stream_that_is_not_taken(serve: Any) -> None:
    server = serve(Site().app, limits={"write_timeout": 0.1})
    with FrameClient(server, {SettingsFrame.INITIAL_WINDOW_SIZE: 10}) as client:
        client.request(1, head("/large/100000"))
        assert client.reset_code() == ErrorCodes.CANCEL
        client.request(3)
        assert client.answer(3)[1] == b"index"


def test_a_connection_that_takes_nothing(serve: Any) -> None:
    server = serve(Site().app, limits={"write_timeout": 0.1})
    with FrameClient(server, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**20}) as client:
        client.request(1, head("/large/100000"))
        server.wait_until_empty()


def test_client_that_reads_nothing_costs_little(serve: Any) -> None:
    made = 0

    @Answering
    async def app(request: Any) -> Response:
        def pieces() -> Any:
            nonlocal made
            while True:
                made += 65536
                yield bytes(65536)

        return Response(pieces())

    server = serve(app, limits={"write_timeout": 0.5})
    settings = {SettingsFrame.INITIAL_WINDOW_SIZE: LAST}
    with FrameClient(server, settings, receive_buffer=4096) as client:
        client.open(LAST - 65535, 0)
        for stream in range(1, 201, 2):
            client.request(stream)
        server.wait_until(lambda: server.server.connections and server.connection.is_paused)
        server.wait_until(lambda: server.connection.sender.waiting)
        server.wait_until_empty()
    # What the system takes, and some for each.
    assert made < 64 * 2**20


# The end


@pytest.mark.parametrize("first", ["taken back", "refused"])
def test_requests_sent_with_a_goaway_are_answered(serve: Any, first: str) -> None:
    server = serve(echo)
    with FrameClient(server) as client:
        fields = [*GET, ("host", "another")] if first == "refused" else GET
        begun = client.head(1, fields)
        reset = [RstStreamFrame(1, ErrorCodes.CANCEL)] if first == "taken back" else []
        client.send(begun, *reset, client.head(3, GET), GoAwayFrame(0, 0, ErrorCodes.NO_ERROR))
        assert client.answer(3)[1] == b"GET / "
        assert client.is_over()
    server.wait_until_empty()


@pytest.mark.usefixtures("patient")
def test_a_stop_answers_what_has_begun(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    clients = [FrameClient(server) for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
            for stream in range(1, 21, 2):
                client.request(stream, head(f"/wait/{stream}"))
        server.wait_until(lambda: len(site.asked) == 30)
        server.begin_stop()
        for client in clients:
            assert client.goodbye() == (ErrorCodes.NO_ERROR, LAST)
            # What is sent before the client knows is served, too.
            client.request(21, GET)
            ping = client.receive_a(PingFrame)
            client.send(PingFrame(0, ping.opaque_data, flags=["ACK"]))
            assert client.answer(21)[1] == b"index"
            assert client.goodbye() == (ErrorCodes.NO_ERROR, 21)
            client.request(23, GET)
            assert client.reset_code(23) == ErrorCodes.REFUSED_STREAM
        server.call(site.go_on.set)
        for client in clients:
            answers = {}
            while (frame := client.receive()) is not None:
                if isinstance(frame, DataFrame):
                    answers[frame.stream_id] = frame.data
            assert answers == {stream: b"%d" % stream for stream in range(1, 21, 2)}


@pytest.mark.usefixtures("patient")
def test_requests_sent_with_the_last_ping_answer_are_served(serve: Any) -> None:
    """The GOAWAY says that it may have been: the client does not ask again."""
    server = serve(echo)
    with FrameClient(server) as client:
        client.ping()
        server.begin_stop()
        assert client.goodbye()[1] == LAST
        ping = client.receive_a(PingFrame)
        client.send(PingFrame(0, ping.opaque_data, flags=["ACK"]), client.head(1, GET))
        assert client.goodbye()[1] == 1
        assert client.answer(1)[1] == b"GET / "
        assert client.is_over()


def test_failed_client_that_does_not_read_delays_no_stop(serve: Any) -> None:
    server = serve(Site().app, limits={"linger_timeout": 0.1, "write_timeout": 2 * PATIENCE})
    with FrameClient(server, {SettingsFrame.INITIAL_WINDOW_SIZE: LAST}, receive_buffer=4096) as client:
        client.open(LAST - 65535, 0)
        client.request(1, head("/large/20000000"))
        server.wait_until(lambda: server.server.connections)
        connection: Any = next(iter(server.server.connections))
        server.wait_until(lambda: connection.transport.get_write_buffer_size() > 0)
        client.send(client.head(2, GET))
        server.wait_until_empty()


def test_a_stop_does_not_wait_long_for_a_ping(serve: Any) -> None:
    server = serve(echo)
    with FrameClient(server) as client:
        client.ping()
        server.begin_stop()
        assert client.goodbye()[1] == LAST
        assert client.goodbye()[1] == 0
        assert client.is_over()


def test_a_client_that_says_goodbye_gets_its_answers(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.send(client.head(1, head("/wait/a")), client.head(3, GET), GoAwayFrame(0, last_stream_id=0))
        assert client.answer(3)[1] == b"index"
        server.call(site.go_on.set)
        assert client.answer(1)[1] == b"a"
        assert client.receive_until_over()
    server.wait_until_empty()


def test_client_that_reads_slowly_gets_its_last_answer(serve: Any) -> None:
    """The frames that it sends meanwhile meet no closed socket, whose reset would drop the rest."""
    size = 2_000_000
    server = serve(Site().app, limits={"linger_timeout": 0.05})
    with FrameClient(server, {SettingsFrame.INITIAL_WINDOW_SIZE: LAST}, receive_buffer=65536) as client:
        client.open(LAST - 65535, 0)
        client.send(client.head(1, head(f"/large/{size}")), GoAwayFrame(0, last_stream_id=0))
        server.wait_until(lambda: server.server.connections)
        connection: Any = next(iter(server.server.connections))
        while connection.phase is OPEN:
            client.buffer += client.socket.recv(16384)
        server.let_pass(0.5)
        client.send(WindowUpdateFrame(0, 1))
        server.let_pass(0.1)
        assert len(client.answer(1)[1]) == size
        assert client.receive_until_over()
    server.wait_until_empty()


def test_a_client_that_ends_its_side_gets_its_answers(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.request(1, head("/wait/a"))
        server.wait_until(lambda: site.asked == ["a"])
        client.socket.shutdown(socket.SHUT_WR)
        server.call(site.go_on.set)
        assert client.answer(1)[1] == b"a"
        assert client.receive_until_over()
    server.wait_until_empty()


def test_an_end_together_with_many_requests(serve: Any) -> None:
    server = serve(echo)
    for _ in range(5):
        with FrameClient(server) as client:
            client.send(*(client.head(stream, GET) for stream in range(1, 201, 2)))
            client.socket.shutdown(socket.SHUT_WR)
            answers = 0
            while (frame := client.receive()) is not None:
                answers += isinstance(frame, DataFrame) and "END_STREAM" in frame.flags
            assert answers == 100
    server.wait_until_empty()


def test_a_client_that_is_gone(serve: Any) -> None:
    site = Site()
    server = serve(site.app, cancel_on_disconnect=True)
    with FrameClient(server) as client:
        client.send(*(client.head(stream, head("/wait/x")) for stream in (1, 3, 5)))
        server.wait_until(lambda: len(site.asked) == 3)
    server.wait_until(lambda: site.ended == ["x"] * 3)


def test_content_behind_the_end_of_a_request(serve: Any) -> None:
    with FrameClient(serve(Site().app)) as client:
        client.send(client.head(1, head("/large/100000")), DataFrame(1, b"x"))
        assert client.reset_code() == ErrorCodes.STREAM_CLOSED
        # Where tasks start eagerly, the answer had taken the connection's window by then.
        client.open(100_000, 0)
        client.request(3)
        assert client.answer(3)[1] == b"index"


@pytest.mark.parametrize("turns", range(6))
def test_a_client_that_ends_its_side_gets_what_has_just_been_answered(turns: int) -> None:
    async def ask() -> bytes:
        async with serving(HTTP2) as (component, ctx):
            transport = MemoryTransport(component.backend.create_protocol(component, ctx, *SERVER))
            transport.connect()
            block = Encoder().encode(POST)
            frames = [SettingsFrame(0), HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"])]
            transport.feed(PREFACE + b"".join(frame.serialize() for frame in frames))
            for _ in range(turns):
                await asyncio.sleep(0)
            transport.feed_eof()
            deadline = asyncio.get_running_loop().time() + PATIENCE
            while not transport.closed:
                assert await transport.changed(deadline)
            return bytes(transport.received)

    assert DataFrame(1, b"ok").serialize()[9:] in asyncio.run(ask())
