"""What is traced of a connection, on both backends and on one that is no HTTP."""

import asyncio
import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai import Backend, HTTP1Backend, HTTPProtocol
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.tracing import SHOWN_SIZE, Trace, TracedProtocol, shown, traced
from kyoukai.testing import Action, MemoryTransport, Outcome, Reply, converse, serving

from ..serving import echo, running

GET = b"GET /a%20b HTTP/1.1\r\nHost: example.org\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"

both = pytest.mark.parametrize("backend", ["httptools", "reference"])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """What returns the lines of the trace, each without its connection's number."""
    caplog.set_level(logging.DEBUG, "kyoukai.trace")

    def take() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == "kyoukai.trace"]
        assert all(re.match(r"#\d+ ", line) and "\n" not in line for line in found)
        return [line.partition(" ")[2] for line in found]

    return take


def hold(backend: str, *pieces: bytes | Action, is_traced: bool = True, **options: Any) -> Outcome:
    """Hold a conversation with a backend whose connections are traced."""

    async def run() -> Outcome:
        async with serving(backend) as (component, ctx):
            served: Any = component.backend
            if is_traced:
                served.create_protocol = traced(served.create_protocol)
            return await converse(component, ctx, pieces, **options)

    return asyncio.run(run())


@both
def test_bytes_and_calls_in_their_order(backend: str, lines: Any) -> None:
    outcome = hold(backend, GET)
    assert outcome == hold(backend, GET, is_traced=False)
    found = lines()
    assert found[:6] == [
        "made, from 127.0.0.1:50000",
        f"<- {len(GET)} bytes {GET!r}",
        "   on_message_begin()",
        "   on_url(b'/a%20b')",
        "   on_header(b'Host', b'example.org')",
        "   on_headers_complete()",
    ]
    assert found[6] == "   on_message_complete()"
    assert re.match(r"-> \d+ bytes b'HTTP/1\.1 200 OK\\r\\n", found[7])
    assert found[8:] == ["<- end of input", "-> close", "lost"]


@both
def test_bodies_and_trailers(backend: str, lines: Any) -> None:
    hold(backend, POST)
    calls = [line.strip() for line in lines() if line.startswith("   ")]
    assert calls[4:] == [
        "on_headers_complete()",
        "on_body(b'abc')",
        "on_header(b'T', b'1')",
        "on_message_complete()",
    ]


@both
def test_a_refusal_has_its_reason(backend: str, lines: Any) -> None:
    hold(backend, b"GET / HTTP/1.1\r\nHost : h\r\n\r\n")
    found = lines()
    [reason] = [line for line in found if line.startswith("   refused for ")]
    said = "BadRequest: 400 Bad Request: A field name is followed by white space."
    assert reason == f"   refused for field-name-padded: {said}"
    assert any(line.startswith("-> ") and "400" in line for line in found)
    assert "-> end of output" in found


class RefusingProtocol(HTTPProtocol):
    """Its parser takes nothing."""

    parser_errors = (ValueError,)

    def make_parser(self) -> Any:
        def feed_data(data: bytes) -> None:
            raise ValueError("no such thing")

        return SimpleNamespace(feed_data=feed_data)


class RefusingBackend(HTTP1Backend):
    """Serves nothing."""

    api_version = 1
    protocol_class = RefusingProtocol


def test_refusal_for_a_parser_error_carries_the_error(lines: Any) -> None:
    hold(f"{__name__}:RefusingBackend", GET)
    [reason] = [line for line in lines() if line.startswith("   refused for ")]
    assert reason == (
        "   refused for message-malformed: BadRequest: 400 Bad Request: The request is malformed.; "
        "the parser raised ValueError: no such thing"
    )


@both
def test_a_streamed_answer(backend: str, lines: Any) -> None:
    hold(backend, GET, reply=Reply(pieces=(b"one", b"two")), answers=1)
    written = [line for line in lines() if line.startswith("-> ")]
    assert len(written) > 1
    assert any("one" in line for line in written)
    assert any("two" in line for line in written)


@both
def test_a_large_body_and_its_head(backend: str, lines: Any) -> None:
    body = b"x" * 100_000
    hold(backend, GET, reply=Reply(body=body), answers=1)
    head, large = [line for line in lines() if line.startswith("-> ") and " bytes " in line]
    assert "b'HTTP/1.1 200 OK" in head
    assert large.startswith(f"-> {len(body)} bytes b'xxx")


@both
def test_a_reset(backend: str, lines: Any) -> None:
    hold(backend, GET[:20], Action.RESET)
    [lost] = [line for line in lines() if line.startswith("lost")]
    assert "ConnectionResetError" in lost


@both
def test_connections_have_numbers_of_their_own(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.trace")
    hold(backend, GET)
    first = {record.getMessage().split()[0] for record in caplog.records if record.name == "kyoukai.trace"}
    caplog.clear()
    hold(backend, GET)
    second = {record.getMessage().split()[0] for record in caplog.records if record.name == "kyoukai.trace"}
    assert len(first) == len(second) == 1
    assert first != second


@both
def test_peer_input_is_cut_and_escaped(backend: str, lines: Any) -> None:
    hold(backend, b"\x1b[2J\n" + b"x" * 5000)
    received = next(line for line in lines() if line.startswith("<- "))
    assert received.startswith(r"<- 5005 bytes b'\x1b[2J\n")
    assert received.endswith("x'...")
    assert len(received) < SHOWN_SIZE + 50


def test_values_are_shortened_for_display() -> None:
    assert shown(b"a\r\n") == r"b'a\r\n'"
    assert shown(bytearray(b"a")) == shown(memoryview(b"a")) == "b'a'"
    assert shown(b"x" * SHOWN_SIZE) == repr(b"x" * SHOWN_SIZE)
    assert shown(b"x" * (SHOWN_SIZE + 1)) == repr(b"x" * SHOWN_SIZE) + "..."
    assert shown(ValueError("a\nb")) == "ValueError: a b"
    assert shown("a" * 1000) == "'" + "a" * (SHOWN_SIZE - 1) + "..."


@both
def test_nothing_is_touched_while_the_logger_is_above_debug(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kyoukai.trace")

    async def run() -> None:
        async with serving(backend) as (component, ctx):
            protocol: Any = traced(component.backend.create_protocol)(component, ctx, "", 0)
            assert "data_received" not in vars(protocol)
            assert type(protocol) is type(component.backend.create_protocol(component, ctx, "", 0))

    asyncio.run(run())


def test_replacing_ends_the_trace(lines: Any) -> None:
    async def run() -> None:
        async with serving("reference") as (component, ctx):
            protocol: Any = traced(component.backend.create_protocol)(component, ctx, "", 0)
            transport = MemoryTransport(protocol)
            transport.connect()
            other = protocol.replace(Greeting)
            assert transport.get_protocol() is other
            transport.feed(b"secret")
            transport.feed_eof()
            await asyncio.sleep(0)

    asyncio.run(run())
    assert lines()[-1] == "replaced by Greeting, which is not traced"
    assert "secret" not in "".join(lines())


# Protocols of the lower storey


class Greeting(asyncio.Protocol):
    """Greets, says what it gets back, and ends with its client. It can take no attribute."""

    __slots__ = ("events", "transport")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.events: list[object] = []
        transport.write(b"hello\n")

    def data_received(self, data: bytes) -> None:
        self.transport.writelines([b"<", data, b">"])

    def eof_received(self) -> bool:
        self.transport.write_eof()
        self.transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append(exc)

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class GreetingBackend(Backend):
    """Speaks no HTTP."""

    api_version = 1

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> asyncio.Protocol:
        return Greeting()


class Buffered(asyncio.BufferedProtocol):
    """Takes its bytes in another way."""


def connect(protocol: asyncio.Protocol) -> tuple[Any, MemoryTransport]:
    made: Any = traced(lambda: protocol)()
    transport = MemoryTransport(made)
    transport.connect()
    return made, transport


def test_bytes_of_an_unknown_protocol(lines: Any) -> None:
    async def run() -> None:
        greeting = Greeting()
        made, transport = connect(greeting)
        transport.feed(b"you")
        made.pause_writing()
        made.resume_writing()
        transport.feed_eof()
        await asyncio.sleep(0)
        assert greeting.events == ["pause", "resume", None]
        assert bytes(transport.received) == b"hello\n<you>"
        assert greeting.transport.get_extra_info("peername") == ("127.0.0.1", 50000)
        assert greeting.transport.get_protocol() is greeting

    asyncio.run(run())
    assert lines() == [
        "made, from 127.0.0.1:50000",
        r"-> 6 bytes b'hello\n'",
        "<- 3 bytes b'you'",
        "-> 5 bytes b'<you>'",
        "<- end of input",
        "-> end of output",
        "-> close",
        "lost",
    ]


def test_another_protocol_takes_over(lines: Any) -> None:
    async def run() -> None:
        greeting, other = Greeting(), Greeting()
        _, transport = connect(greeting)
        greeting.transport.set_protocol(other)
        other.connection_made(greeting.transport)
        transport.feed(b"you")
        buffered = Buffered()
        greeting.transport.set_protocol(buffered)
        assert transport.get_protocol() is buffered
        transport.set_protocol(TracedProtocol(other, Trace(0)))
        greeting.transport.abort()
        await asyncio.sleep(0)
        assert other.events == [None]

    asyncio.run(run())
    assert lines()[-5:] == [
        "<- 3 bytes b'you'",
        "-> 5 bytes b'<you>'",
        "replaced by Buffered, which is not traced",
        "-> abort",
        "lost",
    ]


def test_other_protocols_are_left_alone(lines: Any) -> None:
    buffered: Any = Buffered()
    assert traced(lambda: buffered)() is buffered
    assert lines() == []


# The setting


@both
def test_a_server_with_the_setting(backend: str, lines: Any) -> None:
    with running(app=echo, port=0, backend=backend, trace=True) as server:
        assert server.request(GET).body == b"GET /a%20b "
        server.wait_until(lambda: not server.server.connections)
    assert f"<- {len(GET)} bytes {GET!r}" in lines()
    assert "   on_url(b'/a%20b')" in lines()


def test_a_server_of_the_lower_storey(lines: Any) -> None:
    backend = f"{__name__}:GreetingBackend"
    with running(app=echo, port=0, backend=backend, trace=True) as server, server.connect() as client:
        client.send(b"you")
        assert client.receive_until(b">") == b"hello\n<you>"
    assert "-> 5 bytes b'<you>'" in lines()


def test_without_the_setting_nothing_is_traced(lines: Any) -> None:
    with running(app=echo, port=0) as server:
        assert server.request(GET).status == 200
    assert lines() == []


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_setting_that_is_no_bool(value: Any) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"^trace is .*; it must be a bool$"),
        running(app=echo, trace=value),
    ):
        pass


def test_the_setting_changes_no_backend() -> None:
    """The backend is published as a resource, and is to be the object that it was."""
    with running(app=echo, port=0, trace=True) as server:
        assert type(server.component.backend).create_protocol is HTTP1Backend.create_protocol
        assert "create_protocol" not in vars(server.component.backend)
