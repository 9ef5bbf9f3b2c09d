"""How the pieces of a streamed body are put into writes, without a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.response_body import PIECE_SIZE, TURN_PIECES, BodySender
from kyoukai.core.semantics.framing import ResponseFraming

CHUNKED = ResponseFraming(content_length=None, chunked=True, close=False, send_body=True)
BY_CLOSE = ResponseFraming(content_length=None, chunked=False, close=True, send_body=True)


class FakeConnection(SimpleNamespace):
    """Keeps each write by itself, and notes each wait for room."""

    def __init__(self) -> None:
        super().__init__(is_paused=False, client_gone=False, writes=[], drained=0)

    def raw_write(self, data: bytes) -> None:
        self.writes.append(data)

    async def drain(self) -> bool:
        self.drained += 1
        return False


def send(
    make_body: Callable[[FakeConnection], AsyncIterator[Any]], framing: ResponseFraming = CHUNKED
) -> FakeConnection:
    connection = FakeConnection()
    sender: Any = BodySender
    asyncio.run(sender(connection, Exchange(), framing).send(make_body(connection)))
    return connection


def test_pieces_without_a_wait_between_them_are_one_write() -> None:
    async def body(connection: FakeConnection) -> AsyncIterator[bytes | str]:
        yield b"one"
        yield "twò"
        assert not connection.writes

    assert send(body).writes == [b"3\r\none\r\n4\r\ntw\xc3\xb2\r\n0\r\n\r\n"]
    assert send(body, BY_CLOSE).writes == [b"onetw\xc3\xb2"]


def test_what_there_is_is_written_when_the_maker_waits() -> None:
    async def body(connection: FakeConnection) -> AsyncIterator[bytes]:
        for count in (1, 2):
            yield b"a"
            yield b"b"
            await asyncio.sleep(0)
            assert len(connection.writes) == count

    assert send(body).writes == [b"1\r\na\r\n1\r\nb\r\n", b"1\r\na\r\n1\r\nb\r\n", b"0\r\n\r\n"]


def test_no_more_is_gathered_than_one_large_write() -> None:
    piece = b"x" * (PIECE_SIZE // 4)

    async def body(connection: FakeConnection) -> AsyncIterator[bytes]:
        for _ in range(8):
            yield piece

    writes = send(body, BY_CLOSE).writes
    assert [len(data) for data in writes] == [PIECE_SIZE, PIECE_SIZE]


def test_a_body_that_never_waits_lets_the_loop_have_its_turn() -> None:
    async def body(connection: FakeConnection) -> AsyncIterator[bytes]:
        for number in range(3 * TURN_PIECES):
            assert connection.drained == number // TURN_PIECES
            yield b"x"

    connection = send(body, BY_CLOSE)
    assert connection.writes == [b"x" * TURN_PIECES] * 3


def test_a_buffer_that_is_used_again_is_sent_as_it_was() -> None:
    async def body(connection: FakeConnection) -> AsyncIterator[bytearray]:
        buffer = bytearray(b"one")
        yield buffer
        buffer[:] = b"two"
        yield buffer

    assert send(body, BY_CLOSE).writes == [b"onetwo"]


def test_what_came_before_a_failure_is_written() -> None:
    connections: list[FakeConnection] = []

    async def body(connection: FakeConnection) -> AsyncIterator[bytes]:
        connections.append(connection)
        yield b"before"
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        send(body)
    assert connections[0].writes == [b"6\r\nbefore\r\n"]
