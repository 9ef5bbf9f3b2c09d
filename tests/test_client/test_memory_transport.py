"""Transports in memory do as those of a TCP connection do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kyoukai.test_client.memory_transport import HIGH, PIECE_SIZE, WAY_SIZE, MemoryTransport, connect


class Recorder(asyncio.Protocol):
    """Notes what it is told."""

    transport: MemoryTransport

    def __init__(self, stays: bool = False) -> None:
        self.stays = stays
        self.data = b""
        self.sizes: list[int] = []
        self.calls: list[Any] = []
        self.lost = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.sizes.append(len(data))

    def eof_received(self) -> bool:
        self.calls.append("end")
        return self.stays

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(type(exc).__name__ if exc else "lost")
        self.lost.set()


def run(function: Callable[[Recorder, Recorder], Awaitable[None]], **options: Any) -> None:
    """Run a function of two protocols that are connected."""

    async def main() -> None:
        one, other = Recorder(**options), Recorder(**options)
        connect(one, other)
        async with asyncio.timeout(30):
            await function(one, other)

    asyncio.run(main())


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_bytes_arrive_in_a_later_turn_and_in_pieces() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        one.transport.write(b"a")
        one.transport.writelines([b"b", bytearray(b"c"), memoryview(b"d")])
        other.transport.write(b"")
        assert other.data == b""
        await turns()
        assert (other.data, one.data) == (b"abcd", b"")
        one.transport.write(bytes(PIECE_SIZE + 1))
        await turns()
        assert other.sizes == [4, PIECE_SIZE, 1]

    run(function)


def test_a_writer_is_paused_while_nobody_reads() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        assert other.transport.is_reading()
        other.transport.pause_reading()
        assert not other.transport.is_reading()
        one.transport.write(bytes(WAY_SIZE))
        assert one.transport.get_write_buffer_size() == 0
        one.transport.write(bytes(HIGH))
        assert (one.transport.get_write_buffer_size(), one.calls) == (HIGH, [])
        one.transport.write(b"a")
        one.transport.write(b"b")
        await turns()
        assert (one.calls, other.data) == (["pause"], b"")
        other.transport.resume_reading()
        await turns()
        assert one.calls == ["pause", "resume"]
        assert len(other.data) == WAY_SIZE + HIGH + 2

    run(function)


def test_limits_of_writing() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        assert one.transport.get_write_buffer_limits() == (HIGH // 4, HIGH)
        one.transport.set_write_buffer_limits(high=0)
        assert one.transport.get_write_buffer_limits() == (0, 0)
        one.transport.write(bytes(WAY_SIZE + 1))
        assert one.calls == ["pause"]
        one.transport.set_write_buffer_limits()
        assert one.transport.get_write_buffer_limits() == (HIGH // 4, HIGH)
        one.transport.set_write_buffer_limits(8, 4)
        assert one.transport.get_write_buffer_limits() == (4, 8)

    run(function)


def test_each_side_ends_by_itself() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        assert one.transport.can_write_eof()
        one.transport.write(b"a")
        one.transport.write_eof()
        one.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            one.transport.write(b"b")
        await turns()
        assert (other.data, other.calls) == (b"a", ["end"])
        other.transport.write(b"c")
        await turns()
        assert (one.data, one.calls) == (b"c", [])
        other.transport.close()
        await turns()
        assert (one.calls, other.calls) == (["end"], ["end", "lost"])

    run(function, stays=True)


def test_end_of_input_closes_protocols_that_do_not_stay() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        one.transport.write_eof()
        await turns()
        assert (one.calls, other.calls) == (["end", "lost"], ["end", "lost"])

    run(function)


def test_what_was_written_arrives_before_a_close() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        other.transport.pause_reading()
        one.transport.write(bytes(WAY_SIZE + 10))
        one.transport.close()
        one.transport.close()
        one.transport.write(b"dropped")
        one.transport.write_eof()
        await turns()
        assert one.transport.is_closing()
        assert one.calls == []
        other.transport.resume_reading()
        await turns()
        assert (len(other.data), one.calls, other.calls) == (WAY_SIZE + 10, ["lost"], ["end", "lost"])
        assert one.transport.get_write_buffer_size() == 0

    run(function)


def test_an_abort_is_a_reset() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        other.transport.pause_reading()
        one.transport.write(b"a")
        one.transport.abort()
        one.transport.abort()
        await turns()
        assert (one.calls, other.calls, other.data) == (["lost"], ["ConnectionResetError"], b"")
        one.transport.abort()

    run(function)


def test_close_with_unread_input_resets() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        other.transport.pause_reading()
        one.transport.write(b"a")
        other.transport.close()
        await turns()
        assert (one.calls, other.calls, other.data) == (["ConnectionResetError"], ["lost"], b"")

    run(function)


def test_write_to_a_closed_side_is_reset() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        other.transport.close()
        await turns()
        assert one.calls == ["end"]
        one.transport.write(b"a")
        one.transport.write(b"b")
        await turns()
        assert one.calls == ["end", "ConnectionResetError"]

    run(function, stays=True)


def test_another_protocol_takes_over() -> None:
    async def function(one: Recorder, other: Recorder) -> None:
        successor = Recorder()
        assert other.transport.get_protocol() is other
        other.transport.set_protocol(successor)
        one.transport.write(b"a")
        await turns()
        assert (successor.data, other.data) == (b"a", b"")
        assert other.transport.get_extra_info("socket", "none") == "none"

    run(function)
