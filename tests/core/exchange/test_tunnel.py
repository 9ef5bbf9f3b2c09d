"""A tunnel over a wire in memory: what its protocol is told, and what the wire is called for."""

import asyncio
import gc
import signal
import weakref
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.exceptions import NotFound

from kyoukai.core.exchange.client_state import ClientState
from kyoukai.core.exchange.tunnel import EARLY_SIZE, Tunnel
from kyoukai.core.features import HTTP1_FEATURES, Feature
from kyoukai.core.semantics.serialize import InvalidResponseError
from tests.core.wires import LowerApp, MemoryExchange, MemoryOwner, head, run, turns

OFFER = head("GET", upgrade="other, Echo")


class TunnelExchange(MemoryExchange):
    """A wire that opens tunnels."""

    def send_tunnel_head(self, protocol: str, fields: Sequence[tuple[str, str]]) -> int:
        """Keep the head."""
        self.calls.append(("tunnel", protocol, list(fields)))
        return 200


class Other(asyncio.Protocol):
    """Notes what it is told.

    :param fails: the name of a method that raises.
    """

    def __init__(self, keeps_open: bool = True, fails: str = "") -> None:
        self.told: list[Any] = []
        self.transport: Any = None
        self.keeps_open = keeps_open
        self.fails = fails

    def note(self, name: str, *args: Any) -> None:
        self.told.append((name, *args))
        if name == self.fails:
            raise ValueError(f"{name} fails, as it was told to")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.note("data", data)

    def eof_received(self) -> bool:
        self.note("eof")
        return self.keeps_open

    def pause_writing(self) -> None:
        self.note("pause")

    def resume_writing(self) -> None:
        self.note("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.note("lost", exc)


def opening(make: Callable[[], Other] = Other) -> tuple[LowerApp, list[Any]]:
    """Return an application that opens a tunnel, and a list that has what came of it.

    It takes a turn of the loop before that, as a task may begin at once.
    """
    opened: list[Any] = []

    async def answer(exchange: Any) -> None:
        await asyncio.sleep(0)
        opened.append(exchange.open_tunnel("echo", [("X-Room", "1")], make))

    return LowerApp(answer), opened


def in_tunnel(
    make: Callable[[], Other] = Other,
) -> Callable[[Callable[[TunnelExchange, Other], Awaitable[None]]], Callable[[], None]]:
    """Run a test with an exchange that is a tunnel, and the protocol in it."""

    def decorate(test: Callable[[TunnelExchange, Other], Awaitable[None]]) -> Callable[[], None]:
        def in_loop() -> None:
            async def main() -> None:
                app, opened = opening(make)
                exchange = TunnelExchange(MemoryOwner(app))
                exchange.receive(OFFER)
                await turns()
                exchange.calls.clear()
                await test(exchange, opened[0])

            run(main)

        return in_loop

    return decorate


# How it is opened


def test_tunnel_is_opened() -> None:
    async def main() -> None:
        app, opened = opening()
        seen: list[Any] = []
        exchange = TunnelExchange(
            MemoryOwner(app, observers=[lambda exchange, *_: seen.append(exchange.status)])
        )
        waiting = asyncio.create_task(exchange.wait_client_ended())
        await turns()
        exchange.receive(OFFER)
        await turns()
        assert exchange.calls == [("tunnel", "echo", [("X-Room", "1")])]
        assert opened[0].told == [("made",)]
        assert opened[0].transport is exchange.tunnel
        # Of the request, nothing is left to be done, and nobody is there.
        assert (exchange.status, exchange.client_gone, exchange.is_answered, seen) == (200, True, True, [200])
        await waiting

    run(main)


@pytest.mark.parametrize(
    ("sent", "protocol", "features"),
    [
        pytest.param(head(), "echo", HTTP1_FEATURES, id="nothing offered"),
        pytest.param(OFFER, "websocket", HTTP1_FEATURES, id="another offered"),
        pytest.param(OFFER, "echo", HTTP1_FEATURES - {Feature.TUNNEL}, id="not claimed"),
    ],
)
def test_tunnel_is_not_opened(sent: Any, protocol: str, features: Any) -> None:
    async def main() -> None:
        async def answer(exchange: Any) -> None:
            assert exchange.open_tunnel(protocol, [], Other) is None
            assert exchange.names == []

        exchange = TunnelExchange(MemoryOwner(LowerApp(answer), features=features))
        exchange.receive(sent)
        # It comes behind the request, and there is nobody to take it.
        exchange.receive_body(b"early")
        exchange.receive_end()
        await turns()
        # The application has not answered at all.
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.status == 500
        exchange.receive_body(b"late")

    run(main)


def test_tunnel_is_not_opened_after_an_answer() -> None:
    async def main() -> None:
        exchange = TunnelExchange(MemoryOwner(opening()[0]))
        exchange.receive(OFFER)
        await turns()
        assert exchange.open_tunnel("echo", [], Other) is None

    run(main)


def test_a_request_that_is_not_whole_opens_none() -> None:
    async def main() -> None:
        found: list[bool] = []

        async def answer(exchange: Any) -> None:
            found.append(exchange.may_open("ECHO"))

        exchange = TunnelExchange(MemoryOwner(LowerApp(answer)))
        exchange.receive(head("POST", body_size=4, upgrade="echo"))
        assert not exchange.may_open("echo")
        exchange.receive_body(b"body")
        exchange.receive_end()
        await turns()
        assert found == [True]

    run(main)


@pytest.mark.parametrize("field", [("X-Room", "a\nb"), ("X Room", "a")])
def test_unsendable_field_opens_nothing(field: tuple[str, str]) -> None:
    async def main() -> None:
        exchange = TunnelExchange(MemoryOwner())
        exchange.head = OFFER
        with pytest.raises(InvalidResponseError):
            exchange.open_tunnel("echo", [field], Other)
        assert exchange.names == []

    run(main)


def test_a_wire_that_claims_tunnels_and_has_none() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.head = OFFER
        with pytest.raises(NotImplementedError, match="MemoryExchange does not define send_tunnel_head"):
            exchange.open_tunnel("echo", [], Other)

    run(main)


def test_a_protocol_that_fails_at_once() -> None:
    async def main() -> None:
        exchange = TunnelExchange()
        exchange.head = OFFER
        other = Other(fails="connection_made")
        other.fails = "made"
        with pytest.raises(ValueError, match="made fails"):
            exchange.open_tunnel("echo", [], lambda: other)
        await turns()
        assert exchange.names == ["tunnel", "reset", "answered"]
        assert other.told == [("made",), ("lost", None)]

    run(main)


def test_the_task_that_has_opened_it_is_kept_by_the_server() -> None:
    go = asyncio.Event()

    async def answer(exchange: Any) -> None:
        exchange.open_tunnel("echo", [], Other)
        await go.wait()

    async def main() -> None:
        exchange = TunnelExchange(MemoryOwner(LowerApp(answer)))
        exchange.receive(OFFER)
        await turns()
        task = exchange.task
        assert task is not None
        exchange.lose()
        await turns()
        assert not task.done()
        at_once = asyncio.Event()
        at_once.set()
        await exchange.server.stop(at_once)
        assert task.cancelled()

    run(main)


# What the client sends


@in_tunnel()
async def test_bytes_of_the_client(exchange: TunnelExchange, other: Other) -> None:
    exchange.receive_body(b"one")
    exchange.receive_body(b"two")
    exchange.receive_end()
    exchange.receive_end()
    exchange.receive_body(b"late")
    assert other.told == [("made",), ("data", b"one"), ("data", b"two"), ("eof",)]
    assert exchange.names == []
    other.transport.write(b"still here")
    assert exchange.data == b"still here"


def test_bytes_that_come_early() -> None:
    async def main() -> None:
        app, opened = opening()
        exchange = TunnelExchange(MemoryOwner(app))
        exchange.receive(OFFER)
        exchange.receive_body(b"early")
        exchange.receive_body(b"x" * EARLY_SIZE)
        exchange.receive_body(b"more")
        assert exchange.names == ["pause", "pause"]
        await turns()
        exchange.receive_body(b"late")
        assert opened[0].told == [
            ("made",),
            ("data", b"early"),
            ("data", b"x" * EARLY_SIZE),
            ("data", b"more"),
            ("data", b"late"),
        ]
        assert exchange.names == ["pause", "pause", "tunnel", "resume"]

    run(main)


@pytest.mark.parametrize("end", ["receive_end", "end_client"])
def test_the_end_of_the_client_that_comes_early(end: str) -> None:
    async def main() -> None:
        app, opened = opening(lambda: Other(keeps_open=False))
        exchange = TunnelExchange(MemoryOwner(app))
        exchange.receive(OFFER)
        exchange.receive_body(b"early")
        getattr(exchange, end)()
        await turns()
        assert opened[0].told == [("made",), ("data", b"early"), ("eof",), ("lost", None)]
        assert exchange.names == ["tunnel", "end", "answered"]

    run(main)


def test_early_bytes_are_dropped_if_the_request_is_answered() -> None:
    async def main() -> None:
        async def answer(exchange: Any) -> None:
            await asyncio.sleep(0)
            raise NotFound

        exchange = TunnelExchange(MemoryOwner(LowerApp(answer)))
        exchange.receive(OFFER)
        exchange.receive_body(b"x" * EARLY_SIZE)
        exchange.receive_body(b"more")
        await turns()
        assert exchange.names == ["pause", "head", "end", "resume", "answered"]
        exchange.receive_body(b"late")
        assert exchange.tunnel is None

    run(main)


def test_a_client_that_is_lost_before_it_is_open() -> None:
    async def main() -> None:
        app, opened = opening()
        exchange = TunnelExchange(MemoryOwner(app))
        exchange.receive(OFFER)
        exchange.receive_body(b"early")
        exchange.lose()
        await turns()
        assert exchange.names == []
        # Where a task begins at once, the application has been called by then.
        assert opened in ([], [None])

    run(main)


@in_tunnel()
async def test_a_client_has_to_wait_while_nothing_is_read(exchange: TunnelExchange, other: Other) -> None:
    transport = other.transport
    transport.pause_reading()
    transport.pause_reading()
    assert (exchange.names, transport.is_reading()) == (["pause"], False)
    exchange.receive_body(b"one")
    exchange.receive_body(b"two")
    assert other.told == [("made",)]
    transport.resume_reading()
    transport.resume_reading()
    assert exchange.names == ["pause"]
    await turns()
    assert other.told == [("made",), ("data", b"one"), ("data", b"two")]
    assert (exchange.names, transport.is_reading()) == (["pause", "resume"], True)


@in_tunnel()
async def test_a_protocol_that_reads_one_piece_at_a_time(exchange: TunnelExchange, other: Other) -> None:
    transport = other.transport
    received = other.data_received

    def take_one(data: bytes) -> None:
        received(data)
        transport.pause_reading()

    other.data_received = take_one  # type: ignore[method-assign]
    for piece in (b"one", b"two"):
        exchange.receive_body(piece)
    assert other.told == [("made",), ("data", b"one")]
    transport.resume_reading()
    await turns()
    assert other.told == [("made",), ("data", b"one"), ("data", b"two")]
    # It has been paused again before the client could go on.
    assert exchange.names == ["pause", "pause"]


@in_tunnel(lambda: Other(fails="data"))
async def test_a_protocol_that_fails_is_cut_off_alone(exchange: TunnelExchange, other: Other) -> None:
    told: list[dict[str, Any]] = []
    exchange.owner.loop.set_exception_handler(lambda loop, context: told.append(context))
    exchange.receive_body(b"one")
    await turns()
    assert exchange.names == ["reset", "answered"]
    assert other.told[-1] == ("lost", None)
    assert repr(told[0]["exception"]) == "ValueError('data fails, as it was told to')"


def test_process_exit_is_not_a_protocol_failure() -> None:
    class Interrupted(Other):
        def data_received(self, data: bytes) -> None:
            raise KeyboardInterrupt

    async def main() -> None:
        exchange = TunnelExchange()
        exchange.head = OFFER
        exchange.open_tunnel("echo", [], Interrupted)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                exchange.receive_body(b"one")
        finally:
            signal.signal(signal.SIGINT, before)

    run(main)


# What it writes


@in_tunnel()
async def test_bytes_to_the_client(exchange: TunnelExchange, other: Other) -> None:
    transport = other.transport
    for data in (b"one ", bytearray(b"two "), memoryview(b"three"), b""):
        transport.write(data)
    transport.writelines([b" four", b" five"])
    assert exchange.data == b"one two three four five"
    assert b"" not in exchange.writes
    with pytest.raises(TypeError, match="must be a bytes-like object, not 'str'"):
        transport.write("text")


@in_tunnel()
async def test_a_client_that_takes_nothing(exchange: TunnelExchange, other: Other) -> None:
    exchange.resume_writing()
    for _ in range(2):
        exchange.pause_writing()
        exchange.pause_writing()
        exchange.resume_writing()
        exchange.resume_writing()
    assert other.told[1:] == [("pause",), ("resume",)] * 2


@pytest.mark.parametrize("before", ["", "stream", "connection", "both"])
def test_a_stream_and_its_connection_are_held_back_apart(before: str) -> None:
    """Either may take nothing while the other does: the protocol goes on when both do."""

    async def main() -> None:
        owner: Any = MemoryOwner()
        owner.client = ClientState(owner.loop)
        exchange = TunnelExchange(owner, ClientState(owner.loop))
        exchange.head = OFFER
        if before in ("stream", "both"):
            exchange.pause_writing()
        if before in ("connection", "both"):
            owner.client.pause()
        opened: Any = exchange.open_tunnel("echo", [], Other)
        tunnel: Any = exchange.tunnel
        exchange.pause_writing()
        tunnel.pause_writing(owner)
        assert opened.told == [("made",), ("pause",)]
        tunnel.resume_writing(owner)
        tunnel.resume_writing(owner)
        assert opened.told == [("made",), ("pause",)]
        tunnel.pause_writing(owner)
        exchange.resume_writing()
        assert opened.told == [("made",), ("pause",)]
        tunnel.resume_writing(owner)
        assert opened.told == [("made",), ("pause",), ("resume",)]

    run(main)


def test_a_client_that_takes_nothing_when_it_is_opened() -> None:
    async def main() -> None:
        owner: Any = MemoryOwner()
        owner.client = ClientState(owner.loop)
        exchange = TunnelExchange(owner, owner.client)
        exchange.head = OFFER
        exchange.pause_writing()
        opened: Any = exchange.open_tunnel("echo", [], Other)
        assert opened.told == [("made",), ("pause",)]
        exchange.resume_writing()
        assert opened.told[-1] == ("resume",)
        # Those who share its client's state are not told of its end.
        assert not owner.client.has_ended

    run(main)


# How it ends


@in_tunnel()
async def test_tunnel_is_closed(exchange: TunnelExchange, other: Other) -> None:
    transport = other.transport
    transport.write(b"last")
    assert not transport.is_closing()
    transport.close()
    assert transport.is_closing()
    transport.close()
    transport.abort()
    transport.write(b"late")
    exchange.receive_body(b"late")
    exchange.lose()
    exchange.pause_writing()
    # It is told in a turn of the loop, and not by the call.
    assert other.told[-1] != ("lost", None)
    await turns()
    assert exchange.names == ["data", "end", "answered"]
    assert exchange.data == b"last"
    assert other.told.count(("lost", None)) == 1
    assert (transport.get_protocol(), exchange.tunnel) == (None, None)
    transport.pause_reading()
    transport.resume_reading()
    exchange.end_client()


@in_tunnel()
async def test_tunnel_reads_on_after_its_own_end(exchange: TunnelExchange, other: Other) -> None:
    transport = other.transport
    assert transport.can_write_eof()
    transport.write_eof()
    transport.write_eof()
    assert exchange.names == ["end"]
    with pytest.raises(RuntimeError, match="after write_eof"):
        transport.write(b"late")
    assert not exchange.is_whole
    exchange.receive_body(b"more")
    exchange.end_client()
    assert exchange.is_whole
    assert other.told[1:] == [("data", b"more"), ("eof",)]
    transport.close()
    assert exchange.names == ["end", "answered"]


@in_tunnel()
async def test_tunnel_is_closed_while_the_client_waits(exchange: TunnelExchange, other: Other) -> None:
    """What that has sent is read and dropped: left unread, it would make the end a reset."""
    other.transport.pause_reading()
    other.transport.close()
    assert exchange.names == ["pause", "end", "resume", "answered"]


@in_tunnel()
async def test_tunnel_is_closed_before_a_waiting_client_resumes(
    exchange: TunnelExchange, other: Other
) -> None:
    other.transport.pause_reading()
    other.transport.resume_reading()
    other.transport.close()
    await turns()
    assert exchange.names == ["pause", "end", "resume", "answered"]


@in_tunnel()
async def test_tunnel_is_aborted(exchange: TunnelExchange, other: Other) -> None:
    other.transport.abort()
    await turns()
    assert exchange.names == ["reset", "answered"]
    assert other.told[-1] == ("lost", None)


@in_tunnel()
async def test_a_client_that_is_lost(exchange: TunnelExchange, other: Other) -> None:
    other.transport.pause_reading()
    exchange.receive_body(b"unread")
    exchange.lose()
    other.transport.write(b"late")
    other.transport.close()
    await turns()
    assert exchange.names == ["pause"]
    assert other.told == [("made",), ("lost", None)]


@in_tunnel()
async def test_another_protocol_takes_over(exchange: TunnelExchange, other: Other) -> None:
    further = Other()
    other.transport.set_protocol(further)
    exchange.receive_body(b"one")
    assert further.told == [("data", b"one")]
    assert other.told == [("made",)]


def test_no_garbage_cycles_are_left() -> None:
    async def main() -> None:
        app, opened = opening()
        exchange = TunnelExchange(MemoryOwner(app))
        exchange.receive(OFFER)
        await turns()
        gc.collect()
        gc.disable()
        try:
            exchange.receive_body(b"one")
            opened[0].transport.close()
            await turns()
            kept = [weakref.ref(opened.pop()), weakref.ref(exchange)]
            del exchange
            assert [one() for one in kept] == [None, None]
        finally:
            gc.enable()

    run(main)


# What it tells of the connection


def test_tunnel_has_the_extra_info_of_its_connection() -> None:
    said = {"peername": ("192.0.2.1", 5), "socket": object()}
    transport = SimpleNamespace(get_extra_info=said.get, get_write_buffer_size=lambda: 5)

    async def main() -> None:
        owner: Any = MemoryOwner()
        tunnel = Tunnel(TunnelExchange(owner))
        assert (tunnel.get_extra_info("peername", 1), tunnel.get_write_buffer_size()) == (1, 0)
        owner.transport = transport
        assert tunnel.get_extra_info("peername") == ("192.0.2.1", 5)
        # It carries others, too: what is set on it would be for all.
        assert tunnel.get_extra_info("socket") is None
        assert tunnel.get_extra_info("cipher", 2) == 2
        assert tunnel.get_write_buffer_size() == 5

    run(main)
