"""A connection that carries exchanges, by a wire made for it: a line of target and size, and the body."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kyoukai.core.connection.exchanges import ExchangeConnection
from kyoukai.core.errors import BadRequest
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.server_state import NEVER, Server
from kyoukai.testing.transport import MemoryTransport

from ...serving import PATIENCE, Answering
from ..wires import FakeTransport

Handler = Callable[[Request], Awaitable[Response]]


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class LineExchange(Exchange):
    owner: "LineConnection"

    def send_head(self, head: AnswerHead) -> None:
        if head.size is None and head.has_content:
            self.owner.note_open_end(True)
        self.owner.raw_write(f"{head.code}\n".encode())

    def send_data(self, data: bytes) -> None:
        self.owner.raw_write(data)

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        self.owner.raw_write(data)
        self.owner.note_open_end(False)

    def reset(self) -> None:
        self.owner.reset()

    def pause_client(self) -> None:
        self.owner.transport.pause_reading()

    def resume_client(self) -> None:
        self.owner.transport.resume_reading()

    def answered(self) -> None:
        self.owner.close_after(self)


class LineConnection(ExchangeConnection):
    exchange: LineExchange
    line = b""

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            self.discard(len(data))
            return
        if not self.exchanges:
            self.exchange = self.begin(LineExchange(self, self.client))
        if self.exchange.head.is_accepted:
            self.exchange.receive_body(data)
        else:
            self.line += data
            line, end, rest = self.line.partition(b"\n")
            if not end:
                return
            target, _, size = line.partition(b" ")
            self.exchange.receive(RequestHead("POST", target, "1.0", (), body_size=int(size)))
            if rest:
                self.exchange.receive_body(rest)
        body = self.exchange.body
        if body is not None and body.size == self.exchange.head.body_size:
            self.exchange.receive_end()


async def hello(request: Request) -> Response:
    return Response("hello")


class Stand:
    """A server, and one connection to it."""

    def __init__(self, handler: Handler, extra: dict[str, Any], **settings: Any) -> None:
        self.server = Server(Limits(**settings.pop("limits", {})), **settings)
        component: Any = SimpleNamespace(app=Answering(handler), server=self.server)
        context: Any = None
        self.connection = LineConnection(component, context, "127.0.0.1", 80)
        self.transport = MemoryTransport(self.connection, extra)
        self.transport.connect()

    def feed(self, data: bytes) -> bytes:
        self.transport.feed(data)
        return bytes(self.transport.received)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - the condition has no event
                await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        """Let the server's clock go on."""
        self.server.clock += seconds
        self.connection.sweep(self.server.clock)


@asynccontextmanager
async def standing(handler: Handler = hello, extra: Any = None, **settings: Any) -> AsyncIterator[Stand]:
    stand = Stand(handler, extra or {}, **settings)
    yield stand
    stand.transport.abort()
    await stand.until(lambda: stand.transport.closed)
    assert not stand.server.connections


class Endless:
    """A handler that never ends, and says how it went."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.said.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # What it has to do in its end takes a few turns.
            for _ in range(10):
                await asyncio.sleep(0)
            self.said.append("cancelled")
            raise
        raise AssertionError


@in_loop
async def test_an_answer_closes_the_connection() -> None:
    async with standing() as stand:
        stand.feed(b"/ 3\nabc")
        await stand.until(lambda: stand.transport.closed)
        assert stand.transport.received == b"200\nhello"
        assert not stand.transport.aborted


@in_loop
async def test_an_answer_that_comes_early_is_not_destroyed_by_the_body() -> None:
    async with standing(limits={"max_body_size": 2}) as stand:
        assert stand.feed(b"/ 3\n").startswith(b"413\n")
        assert stand.transport.eof_written
        stand.feed(b"abc")
        assert not stand.transport.closed
        stand.transport.feed_eof()
        await stand.until(lambda: stand.transport.closed)


@in_loop
async def test_a_client_that_has_ended_its_side_is_not_waited_for() -> None:
    async with standing() as stand:
        stand.feed(b"/ 3\nab")
        stand.transport.feed_eof()
        await stand.until(lambda: stand.transport.closed)
        assert stand.transport.received.startswith(b"400\n")
        assert not stand.transport.eof_written


@in_loop
async def test_a_head_that_is_not_whole_at_the_end() -> None:
    async with standing() as stand:
        stand.feed(b"/")
        stand.transport.feed_eof()
        assert stand.transport.received.startswith(b"400\n")


@in_loop
async def test_a_connection_on_which_nothing_was_begun_ends_with_the_client() -> None:
    async with standing() as stand:
        stand.transport.feed_eof()
        await stand.until(lambda: stand.transport.closed)
        assert stand.transport.received == b""


@in_loop
async def test_a_head_that_is_late() -> None:
    async with standing(limits={"head_timeout": 5, "keep_alive_timeout": 50}) as stand:
        stand.feed(b"/")
        stand.pass_time(4)
        assert not stand.transport.received
        stand.pass_time(1)
        assert stand.transport.received.startswith(b"408\n")


@in_loop
async def test_a_body_that_is_late() -> None:
    async with standing(limits={"head_timeout": 5, "body_timeout": 20}) as stand:
        stand.feed(b"/ 3\n")
        # The head came in time: its deadline is nothing to the body.
        stand.pass_time(6)
        assert not stand.transport.received
        assert stand.connection.deadline == NEVER
        stand.pass_time(20)
        assert stand.transport.received.startswith(b"408\n")


@in_loop
async def test_a_connection_that_is_idle() -> None:
    async with standing(limits={"keep_alive_timeout": 5}) as stand:
        stand.pass_time(5)
        await stand.until(lambda: stand.transport.closed)


@in_loop
async def test_a_refusal_by_the_wire_itself() -> None:
    async with standing() as stand:
        stand.feed(b"/")
        stand.connection.exchange.refuse(BadRequest())
        assert stand.transport.received.startswith(b"400\n")
        # More of the request may be on its way.
        assert not stand.transport.is_closing()


@in_loop
async def test_a_stop_waits_for_a_request_whose_head_is_coming() -> None:
    async with standing() as stand:
        stand.feed(b"/")
        stand.connection.shutdown()
        assert not stand.transport.is_closing()
        stand.feed(b" 0\n")
        await stand.until(lambda: stand.transport.closed)
        assert stand.transport.received == b"200\nhello"


@in_loop
async def test_a_stop_ends_what_is_idle() -> None:
    async with standing() as stand:
        stand.connection.shutdown()
        assert stand.transport.is_closing()


@in_loop
async def test_a_stop_leaves_a_lingering_connection_its_time() -> None:
    async with standing(limits={"max_body_size": 2, "linger_timeout": 3}) as stand:
        stand.feed(b"/ 3\n")
        stand.connection.shutdown()
        assert not stand.transport.is_closing()
        stand.pass_time(3)
        assert stand.transport.is_closing()


@pytest.mark.parametrize("how", ["abort", "end", "reset"])
@in_loop
async def test_a_handler_that_is_cancelled_is_cancelled_once(how: str) -> None:
    handler = Endless()
    async with standing(handler, cancel_on_disconnect=True) as stand:
        stand.feed(b"/ 0\n")
        await stand.until(lambda: handler.said == ["begun"])
        task = stand.connection.exchange.task
        {
            "abort": stand.connection.abort,
            "end": stand.transport.feed_eof,
            "reset": stand.transport.feed_reset,
        }[how]()
        await stand.until(lambda: task.done())
        # What it did at its end was not cut short.
        assert handler.said == ["begun", "cancelled"]
        assert stand.transport.received == b""


@in_loop
async def test_a_connection_that_is_cut_off_ends_its_handler() -> None:
    handler = Endless()
    async with standing(handler) as stand:
        stand.feed(b"/ 0\n")
        await stand.until(lambda: handler.said == ["begun"])
        stand.connection.abort()
        await stand.until(lambda: handler.said == ["begun", "cancelled"])


@in_loop
async def test_a_handler_goes_on_without_its_client() -> None:
    handler = Endless()
    async with standing(handler) as stand:
        stand.feed(b"/ 0\n")
        await stand.until(lambda: handler.said == ["begun"])
        task = stand.connection.exchange.task
        stand.transport.feed_reset()
        await stand.until(lambda: stand.transport.closed)
        assert handler.said == ["begun"]
        # A stop waits for it, and ends it.
        abort = asyncio.Event()
        abort.set()
        await stand.server.stop(abort)
        assert task.done()


async def stream(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.Event().wait()

    return Response(body())


@in_loop
async def test_an_answer_is_cut_off_with_its_client() -> None:
    async with standing(stream) as stand:
        stand.feed(b"/ 0\n")
        await stand.until(lambda: stand.transport.received == b"200\nabc")
        task = stand.connection.exchange.task
        stand.transport.feed_reset()
        await stand.until(lambda: task.done())


@pytest.mark.parametrize(("handler", "aborted"), [(stream, True), (Endless(), False)])
@in_loop
async def test_an_end_where_no_side_stays_open(
    handler: Handler, aborted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(handler) as stand:
        monkeypatch.setattr(stand.transport, "can_write_eof", lambda: False)
        stand.feed(b"/ 0\n")
        for _ in range(10):
            await asyncio.sleep(0)
        stand.transport.feed_eof()
        await stand.until(lambda: stand.transport.closed)
        # An answer that was under way does not look whole.
        assert stand.transport.aborted == aborted


@in_loop
async def test_a_client_that_ends_tls_in_an_answer_that_the_end_delimits() -> None:
    component = SimpleNamespace(server=Server(), app=Answering(None))
    connection = ExchangeConnection(component, object(), "127.0.0.1", 8000)  # type: ignore[arg-type]
    transport = FakeTransport(sslcontext=object())
    transport.half_closes = False
    connection.connection_made(transport)
    connection.exchanges = (LineExchange(connection, connection.client),)
    connection.exchanges[0].is_begun = True
    connection.note_open_end(True)
    # Its farewell would end the answer as if it were whole.
    assert connection.eof_received() is False
    assert transport.calls == ["abort"]
    assert transport.socket.resets is True


@in_loop
async def test_a_client_that_ends_its_side_while_it_waits_for_its_answer() -> None:
    component = SimpleNamespace(server=Server(), app=Answering(None))
    connection = ExchangeConnection(component, object(), "127.0.0.1", 8000)  # type: ignore[arg-type]
    transport = FakeTransport()
    connection.connection_made(transport)
    connection.exchanges = (LineExchange(connection, connection.client),)
    connection.exchanges[0].is_begun = True
    # Our side stays open.
    assert connection.eof_received() is True
    assert connection.client_ended
    assert transport.calls == []


# Tunnels


class TunnelExchange(LineExchange):
    """Every request offers a tunnel."""

    def send_tunnel_head(self, protocol: str, fields: Sequence[tuple[str, str]]) -> int:
        self.owner.raw_write(b"200\n")
        return 200


class TunnelConnection(LineConnection):
    """It carries one tunnel, which takes all behind the first line."""

    def data_received(self, data: bytes) -> None:
        if not self.exchanges:
            self.exchange = self.begin(TunnelExchange(self, self.client))
            line, _, data = data.partition(b"\n")
            self.exchange.receive(RequestHead("GET", line, "1.0", (), upgrade="echo"))
        if data:
            self.exchange.receive_body(data)


class Echo(asyncio.Protocol):
    """Sends back what it gets, and notes what else it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")


@asynccontextmanager
async def tunnelling(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[tuple[Stand, Echo]]:
    """Open a tunnel, and yield the connection and what goes on in it."""
    opened: list[Any] = []

    async def handler(request: Request) -> Response:
        opened.append(request.environ["kyoukai.protocol"].open_tunnel("echo", [], Echo))
        return Response("nobody sees this")

    monkeypatch.setitem(globals(), "LineConnection", TunnelConnection)
    async with standing(handler, **settings) as stand:
        stand.feed(b"/\nearly ")
        await stand.until(lambda: opened)
        yield stand, opened[0]


@in_loop
async def test_a_tunnel_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tunnelling(monkeypatch) as (stand, echo):
        assert stand.feed(b"late") == b"200\nearly late"
        stand.connection.pause_writing()
        stand.connection.resume_writing()
        # No deadline of requests is the tunnel's.
        stand.pass_time(1e6)
        assert echo.told == ["pause", "resume"]
        stand.transport.feed_eof()
        assert (echo.told[2:], stand.transport.ended) == (["eof"], False)
        echo.transport.write(b" last")
        echo.transport.close()
        assert stand.transport.ended
        assert stand.transport.received == b"200\nearly late last"
        await stand.until(lambda: "lost" in echo.told)


@in_loop
async def test_the_end_of_a_clients_side_is_told_to_a_tunnel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it means that the client is gone, where handlers are cancelled then."""
    async with tunnelling(monkeypatch, cancel_on_disconnect=True) as (stand, echo):
        stand.transport.feed_eof()
        assert (echo.told, stand.transport.ended) == (["eof"], False)


@in_loop
async def test_a_stop_waits_for_a_tunnel_and_then_cuts_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tunnelling(monkeypatch, limits={"shutdown_timeout": 0.05}) as (stand, echo):
        stop = asyncio.create_task(stand.server.stop(asyncio.Event()))
        await asyncio.sleep(0)
        assert stand.feed(b"on") == b"200\nearly on"
        await stop
        assert (echo.told, stand.transport.aborted) == (["lost"], True)
