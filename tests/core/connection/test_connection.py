"""The transport's side of a connection, over a transport in memory: flow control, deadlines, and its ends."""

import asyncio
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.connection.connection import CLOSED, LINGERING, OPEN, Connection, Unnamed
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.forwarding import UNNAMED
from kyoukai.core.serving.server_state import NEVER, Server
from tests.core.wires import App, FakeTransport, full_pair, receive, run, turns

LIMITS = Limits(
    keep_alive_timeout=10, write_timeout=5, linger_timeout=2, max_linger_size=0, max_body_size=100
)


class Buffering(Connection):
    """One that has received something, and not parsed it."""

    def take_unread(self) -> bytes:
        """Return it."""
        return b"unread"


def make(
    port: int = 8000, limits: Limits = LIMITS, kind: type[Connection] = Connection, **extra: Any
) -> tuple[Any, FakeTransport]:
    """Return a connection that was made, and its transport."""
    component: Any = SimpleNamespace(server=Server(limits), app=App(lambda request: Response()))
    connection, transport = kind(component, object(), "127.0.0.1", port), FakeTransport(**extra)  # type: ignore[arg-type]
    connection.connection_made(transport)
    return connection, transport


def test_a_connection_that_is_made() -> None:
    async def main() -> None:
        connection, transport = make()
        server = connection.server
        assert connection in server.connections
        assert (connection.phase, connection.is_ending, connection.is_secure) == (OPEN, False, False)
        assert connection.deadline == server.clock + 10
        assert connection.loop is asyncio.get_running_loop()
        assert connection.limits is server.limits
        assert (connection.client_gone, connection.client_ended, connection.is_paused) == (
            False,
            False,
            False,
        )
        environ = connection.environ
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "5")
        assert "wsgi.url_scheme" not in environ
        assert transport.calls == []

    run(main)


def test_one_over_tls() -> None:
    async def main() -> None:
        connection, _ = make(sslcontext=object())
        assert connection.is_secure
        assert connection.environ["wsgi.url_scheme"] == "https"

    run(main)


def test_one_by_a_unix_socket() -> None:
    async def main() -> None:
        connection, _ = make(0, peername="")
        environ = connection.environ
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
        assert "REMOTE_ADDR" not in environ

    run(main)


def test_one_whose_peer_is_gone_already() -> None:
    # GHSA-3f84-rpwh-47g6
    async def main() -> None:
        connection, _ = make(peername=None)
        assert "REMOTE_ADDR" not in connection.environ

    run(main)


def test_one_whose_peer_is_a_proxy_that_names_no_client() -> None:
    async def main() -> None:
        class Accepted(Connection):
            peer = Unnamed(("2001:db8::1", 7, 0, 0))

        connection = Accepted(make()[0].component, object(), "::1", 8000)  # type: ignore[arg-type]
        connection.connection_made(FakeTransport())
        assert connection.environ["REMOTE_ADDR"] == "2001:db8::1"
        assert connection.environ[UNNAMED] is True

    run(main)


def test_one_whose_peer_was_told_when_it_was_accepted() -> None:
    async def main() -> None:
        class Accepted(Connection):
            peer = ("2001:db8::1", 7, 0, 0)

        connection = Accepted(make()[0].component, object(), "::1", 8000)  # type: ignore[arg-type]
        connection.connection_made(FakeTransport())
        assert connection.environ["REMOTE_ADDR"] == "2001:db8::1"

    run(main)


def test_what_is_written() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.write("caf\xe9")
        connection.raw_write(b"bytes")
        connection.raw_write_both(b"head", b"body")
        assert transport.calls == [b"caf\xc3\xa9", b"bytes", b"head", b"body"]
        connection.close()
        del transport.calls[:]
        connection.write("text")
        connection.raw_write(b"bytes")
        connection.raw_write_both(b"head", b"body")
        assert transport.calls == []

    run(main)


def test_who_writes_waits_for_a_client_that_reads_slowly() -> None:
    async def main() -> None:
        connection, transport = make()
        assert await connection.drain() is False
        connection.pause_writing()
        assert connection.is_paused
        waiter = asyncio.ensure_future(connection.drain())
        await turns()
        assert not waiter.done()
        connection.resume_writing()
        assert await waiter is True
        # A transport knows of a reset before it has told its protocol.
        transport.closing = True
        assert connection.client_gone
        with pytest.raises(ConnectionResetError):
            await connection.drain()

    run(main)


def test_who_waits_learns_of_the_loss() -> None:
    async def main() -> None:
        connection, _ = make()
        connection.pause_writing()
        waiter = asyncio.ensure_future(connection.drain())
        ended = asyncio.ensure_future(connection.wait_client_ended())
        await turns()
        connection.connection_lost(None)
        with pytest.raises(ConnectionResetError):
            await waiter
        await ended
        assert (connection.client_gone, connection.client_ended) == (True, True)
        assert (connection.phase, connection.deadline) == (CLOSED, NEVER)
        assert connection.server.connections == set()
        # asyncio calls it behind the loss, too.
        connection.resume_writing()

    run(main)


def test_a_client_that_ends_its_side() -> None:
    async def main() -> None:
        connection, _ = make()
        ended = asyncio.ensure_future(connection.wait_client_ended())
        await turns()
        connection.client.end()
        await ended
        assert (connection.client_ended, connection.client_gone) == (True, False)

    run(main)


# Deadlines


def test_one_that_is_idle_is_closed() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.sweep(connection.server.clock + 9)
        assert transport.calls == []
        connection.sweep(connection.server.clock + 10)
        assert transport.calls == ["close"]
        assert connection.phase is CLOSED

    run(main)


def test_one_whose_answer_is_on_its_way_is_not_idle() -> None:
    async def main() -> None:
        connection, transport = make()
        server = connection.server
        transport.buffered = 1000
        server.clock += 10
        connection.sweep(server.clock)
        assert transport.calls == []
        assert connection.deadline == server.clock + 2
        # It gets on, and is idle then.
        server.clock += 2
        transport.buffered = 0
        connection.sweep(server.clock)
        assert transport.calls == ["close"]

    run(main)


def test_one_whose_progress_is_watched_already_goes_on_to_be() -> None:
    async def main() -> None:
        connection, transport = make()
        server = connection.server
        transport.buffered = 1000
        server.clock += 6
        connection.pause_writing()
        server.clock += 4
        connection.sweep(server.clock)
        assert transport.calls == []
        # It has been five seconds since it was paused, and not since it was found to be idle.
        server.clock += 1
        connection.sweep(server.clock)
        assert transport.calls == ["abort"]

    run(main)


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def main() -> None:
        connection, transport = make()
        clock = connection.server.clock
        transport.buffered = 1000
        connection.pause_writing()
        connection.sweep(clock + 4.9)
        # It has taken something, and has as much time again.
        transport.buffered = 999
        connection.sweep(clock + 4.9)
        connection.sweep(clock + 9.8)
        assert transport.calls == []
        connection.sweep(clock + 9.9)
        assert transport.calls == ["abort"]
        assert connection.phase is CLOSED

    run(main)


def test_a_client_that_reads_again_has_all_the_time() -> None:
    async def main() -> None:
        connection, transport = make()
        transport.buffered = 1000
        connection.pause_writing()
        connection.resume_writing()
        connection.deadline = NEVER
        connection.sweep(connection.server.clock + 1000)
        assert transport.calls == []

    run(main)


# Its ends


def test_one_that_closes_is_cut_off_where_nothing_goes() -> None:
    async def main() -> None:
        connection, transport = make()
        transport.buffered = 1000
        connection.close()
        connection.close()
        assert transport.calls == ["close"]
        assert connection.is_ending
        connection.sweep(connection.server.clock + 5)
        assert transport.calls == ["close", "abort"]

    run(main)


def test_a_shutdown() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.shutdown()
        assert transport.calls == ["close"]

    run(main)


def test_close_notify_of_tls_has_as_long_as_lingering() -> None:
    async def main() -> None:
        connection, transport = make(sslcontext=object())
        connection.close()
        now = connection.server.clock
        connection.sweep(now + 1)
        assert transport.calls == ["close"]
        connection.sweep(now + 2)
        assert transport.calls == ["close", "abort"]

    run(main)


def test_transport_over_tls_is_closed_once_the_system_takes_more() -> None:
    async def main() -> None:
        with full_pair() as (ours, client, size):
            connection, transport = make(sslcontext=object(), socket=ours)
            connection.close()
            connection.sweep(connection.server.clock + 4)
            assert connection.client_gone
            assert transport.calls == []
            receive(client, size)
            connection.sweep(connection.server.clock + 4)
            assert transport.calls == ["close"]

    run(main)


def test_client_that_sends_and_does_not_read_over_tls_is_cut_off() -> None:
    async def main() -> None:
        with full_pair() as (ours, _, _):
            connection, transport = make(sslcontext=object(), socket=ours)
            connection.close()
            connection.discard(connection.server.linger_size)
            assert transport.calls == []
            connection.discard(1)
            assert transport.calls == ["abort"]

    run(main)


def test_wait_for_close_notify_goes_on_while_the_client_takes_something() -> None:
    async def main() -> None:
        connection, transport = make(sslcontext=object())
        connection.close()
        now = connection.server.clock
        connection._stalled_backlog += 1000
        connection.sweep(now + 1)
        connection.sweep(now + 2)
        assert transport.calls == ["close"]
        connection.sweep(now + 3)
        assert transport.calls == ["close", "abort"]

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what they have queued")
def test_idle_client_that_has_taken_everything_is_not_cut_off_during_a_later_request() -> None:
    async def main() -> None:
        ours, client = socket.socketpair()
        with ours, client:
            connection, transport = make(socket=ours)
            transport.buffered = 1000
            now = connection.server.clock
            connection.sweep(now + 10)
            # A request has come, and its handler takes its time.
            connection.deadline = NEVER
            transport.buffered = 0
            for seconds in (11, 12, 100):
                connection.sweep(now + seconds)
            assert transport.calls == []

    run(main)


def test_input_behind_the_last_request_does_not_end_its_answer() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.discard(connection.server.linger_size + 1)
        assert (connection.phase, transport.calls) == (OPEN, [])

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what they have queued")
def test_lingering_goes_on_until_the_client_has_what_the_system_holds() -> None:
    async def main() -> None:
        with full_pair() as (ours, client, size):
            connection, transport = make(socket=ours)
            connection.linger()
            connection.sweep(connection.server.clock + 2)
            assert connection.phase is LINGERING
            receive(client, size)
            now = connection.server.clock
            connection.sweep(now + 3)
            assert connection.phase is LINGERING
            connection.sweep(now + 5)
            assert transport.calls == ["eof", "close"]

    run(main)


def test_client_that_takes_nothing_over_tls_is_cut_off() -> None:
    async def main() -> None:
        with full_pair() as (ours, _, _):
            connection, transport = make(sslcontext=object(), socket=ours)
            connection.close()
            connection.sweep(connection.server.clock + 5)
            assert transport.calls == ["abort"]

    run(main)


def test_one_that_is_cut_off() -> None:
    async def main() -> None:
        connection, transport = make()
        transport.buffered = 1000
        connection.abort()
        assert transport.calls == ["abort"]
        assert (connection.phase, transport.socket.resets) == (CLOSED, None)

    run(main)


def test_one_that_is_reset() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.reset()
        assert transport.calls == ["abort"]
        assert transport.socket.resets is True

    run(main)


def test_an_answer_that_the_end_delimits_ends_by_a_reset_until_it_is_whole() -> None:
    async def main() -> None:
        connection, transport = make()
        # Nothing is to be undone where none was begun.
        connection.note_open_end(False)
        assert transport.socket.resets is None
        connection.note_open_end(True)
        assert transport.socket.resets is True
        connection.note_open_end(False)
        assert transport.socket.resets is False
        # All is written, and has not gone.
        transport.buffered = 1
        connection.abort()
        assert transport.socket.resets is True

    run(main)


@pytest.mark.parametrize(("secure", "expected"), [(False, False), (True, True)])
def test_an_answer_that_the_end_delimits_and_that_has_gone(secure: bool, expected: bool) -> None:
    async def main() -> None:
        # A transport over TLS does not tell what it has yet to write.
        connection, transport = make(sslcontext=object() if secure else None)
        connection.note_open_end(True)
        connection.note_open_end(False)
        connection.abort()
        assert transport.socket.resets is expected

    run(main)


def test_lingering() -> None:
    async def main() -> None:
        connection, transport = make()
        size = connection.server.linger_size
        connection.linger()
        assert (connection.phase, connection.is_ending) == (LINGERING, True)
        assert transport.calls == ["eof"]
        # It is written on, which a transport refuses by itself; and what comes is counted.
        connection.discard(size)
        assert transport.calls == ["eof"]
        connection.discard(1)
        assert transport.calls == ["eof", "close"]

    run(main)


def test_lingering_has_an_end() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.linger()
        connection.sweep(connection.server.clock + 1.9)
        assert transport.calls == ["eof"]
        connection.sweep(connection.server.clock + 2)
        assert transport.calls == ["eof", "close"]

    run(main)


def test_what_comes_before_lingering_counts() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.discard(connection.server.linger_size)
        assert transport.calls == []
        connection.linger()
        connection.discard(1)
        assert transport.calls == ["eof", "close"]

    run(main)


def test_lingering_over_what_has_no_half_close() -> None:
    async def main() -> None:
        connection, transport = make()
        transport.half_closes = False
        connection.linger()
        assert (connection.phase, transport.calls) == (LINGERING, [])

    run(main)


def test_lingering_with_a_socket_that_knows_of_a_reset() -> None:
    async def main() -> None:
        connection, transport = make()
        transport.fault = OSError("not connected")
        connection.linger()
        assert transport.calls == ["eof", "abort"]

    run(main)


@pytest.mark.parametrize("end", [lambda connection: connection.client.end(), Connection.close])
def test_nobody_to_linger_for(end: Any) -> None:
    async def main() -> None:
        connection, transport = make()
        end(connection)
        connection.linger()
        assert connection.phase is CLOSED
        assert transport.calls == ["close"]

    run(main)


# Another protocol


class Other(asyncio.Protocol):
    """Keeps what it is called with."""

    def __init__(self, name: str, stays: bool = False) -> None:
        self.name = name
        self.stays = stays
        self.calls: list[Any] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append(transport)

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.stays


def test_one_that_is_handed_to_another_protocol() -> None:
    async def main() -> None:
        connection, transport = make()
        connection.environ["kyoukai.protocol"] = connection
        ended = asyncio.ensure_future(connection.wait_client_ended())
        await turns()
        other = connection.replace(Other, "other")
        assert isinstance(other, Other)
        assert (other.name, other.calls) == ("other", [transport])
        assert transport.protocol is other
        assert transport.calls == ["resume"]
        assert connection.server.connections == set()
        assert (connection.phase, connection.deadline) == (CLOSED, NEVER)
        # Nothing refers to it any more, and nothing is written by it.
        assert "kyoukai.protocol" not in connection.environ
        await ended
        connection.raw_write(b"late")
        assert transport.calls == ["resume"]
        with pytest.raises(ConnectionResetError):
            connection.replace(Other, "again")

    run(main)


def test_what_was_received_and_not_parsed_is_the_other_protocols() -> None:
    async def main() -> None:
        connection, transport = make(kind=Buffering)
        assert connection.replace(Other, "other").calls == [transport, b"unread"]
        assert make()[0].take_unread() == b""

    run(main)


def test_the_other_protocol_may_have_the_client_wait_at_once() -> None:
    class Waiting(Other):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            transport.calls.append("pause")

    async def main() -> None:
        connection = Buffering(make()[0].component, object(), "127.0.0.1", 8000)  # type: ignore[arg-type]
        connection.connection_made(transport)
        connection.replace(Waiting, "other")
        assert transport.calls == ["resume", "pause"]

    transport = FakeTransport()
    run(main)


def test_the_other_protocol_learns_that_the_client_takes_nothing() -> None:
    class Told(Other):
        def pause_writing(self) -> None:
            self.calls.append("pause")

    async def main() -> None:
        connection, transport = make()
        connection.pause_writing()
        assert connection.replace(Told, "other").calls == [transport, "pause"]

    run(main)


@pytest.mark.parametrize("has_ended", [False, True])
def test_the_other_protocol_is_told_nothing_once_it_has_closed(has_ended: bool) -> None:
    class Closing(Other):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            transport.close()

    async def main() -> None:
        connection, transport = make(kind=Buffering)
        if has_ended:
            connection.client.end()
        assert connection.replace(Closing, "other").calls == [transport]

    run(main)


@pytest.mark.parametrize("stays", [False, True])
def test_the_other_protocol_learns_that_the_client_has_ended_its_side(stays: bool) -> None:
    async def main() -> None:
        connection, transport = make()
        connection.client.end()
        other = connection.replace(Other, "other", stays=stays)
        assert other.calls == [transport, "eof"]
        assert transport.calls == ([] if stays else ["close"])

    run(main)


def test_a_connection_whose_other_protocol_raises_is_aborted() -> None:
    """Nobody else would end it."""

    class Broken(Other):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise ValueError("broken")

    async def main() -> None:
        connection, transport = make()
        with pytest.raises(ValueError, match="broken"):
            connection.replace(Broken, "other")
        assert transport.calls == ["resume", "abort"]

    run(main)
