"""How the pieces of a streamed body are put into writes, without a socket."""

import asyncio
import contextvars
import gzip
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from werkzeug.wsgi import FileWrapper

from kyoukai.core.exchange.response_body import BLOCK_SIZE, PIECE_SIZE, TURN_PIECES, BodySender
from kyoukai.core.semantics.serialize import InvalidResponseError
from kyoukai.core.serving.strands import Strand, note_strand
from tests.core.wires import MemoryExchange, run

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


class Wire(MemoryExchange):
    """Notes each wait for room."""

    def __init__(self) -> None:
        super().__init__()
        self.drained = 0

    async def drain(self) -> bool:
        self.drained += 1
        return await super().drain()


def send(
    make_body: Callable[[Wire], Any], declared: int | None = None, trailers: Any = None, kept: Any = None
) -> Wire:
    """Return the wire that a body was sent by; before that, ``kept`` has it."""
    wires: list[Wire] = [] if kept is None else kept

    async def main() -> None:
        wires.append(Wire())
        await BodySender(wires[0], declared, trailers).send(make_body(wires[0]))

    run(main)
    return wires[0]


def test_pieces_without_a_wait_between_them_are_one_write() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes | str]:
        yield b"one"
        yield "twò"
        assert not wire.writes

    wire = send(body)
    assert wire.writes == [b"onetw\xc3\xb2"]
    # The last of it, which is all, comes with the end.
    assert wire.names == ["end"]
    assert wire.sent == 7


def test_gathered_pieces_are_written_when_the_producer_waits() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes]:
        for count in (1, 2):
            yield b"a"
            yield b"b"
            await asyncio.sleep(0)
            assert len(wire.writes) == count

    wire = send(body)
    assert wire.writes == [b"ab", b"ab"]
    assert wire.names == ["data", "data", "end"]


def test_no_more_is_gathered_than_one_large_write() -> None:
    piece = b"x" * (PIECE_SIZE // 4)

    async def body(wire: Wire) -> AsyncIterator[bytes]:
        for _ in range(8):
            yield piece

    writes = send(body).writes
    assert [len(data) for data in writes] == [PIECE_SIZE, PIECE_SIZE]


def test_body_without_waits_yields_to_the_loop() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes]:
        for number in range(3 * TURN_PIECES):
            assert wire.drained == number // TURN_PIECES
            yield b"x"

    wire = send(body)
    assert wire.writes == [b"x" * TURN_PIECES] * 3


def test_a_buffer_that_is_used_again_is_sent_as_it_was() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytearray]:
        buffer = bytearray(b"one")
        yield buffer
        buffer[:] = b"two"
        yield buffer

    assert send(body).writes == [b"onetwo"]


def test_pieces_before_a_failure_are_written() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes]:
        yield b"before"
        raise OSError("the disk")

    kept: list[Wire] = []
    with pytest.raises(OSError, match="the disk"):
        send(body, kept=kept)
    assert kept[0].writes == [b"before"]
    assert kept[0].names == ["data"]


def test_empty_piece_is_skipped() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes | str]:
        for piece in (b"", "", b"a", b""):
            yield piece

    wire = send(body)
    assert (wire.writes, wire.sent) == ([b"a"], 1)


def test_an_empty_body_has_an_end() -> None:
    assert send(lambda wire: iter(())).calls == [("end",)]
    assert send(lambda wire: b"").calls == [("end",)]


def test_content_in_memory_goes_in_pieces() -> None:
    content = bytes(range(256)) * (PIECE_SIZE // 256) * 6 + b"rest"
    wire = send(lambda wire: content, len(content))
    assert wire.data == content
    assert max(map(len, wire.writes)) == PIECE_SIZE
    assert (wire.sent, wire.drained) == (len(content), 1)


def test_a_plain_iterator_lets_the_loop_have_its_turn() -> None:
    assert send(lambda wire: iter([b"x"] * 2 * TURN_PIECES)).drained == 2


def test_a_large_file_lets_the_loop_have_its_turn() -> None:
    content = bytes(3 * BLOCK_SIZE)
    wire = send(lambda wire: FileWrapper(io.BytesIO(content)), len(content))
    assert (len(wire.data), wire.drained) == (len(content), 3)


def test_a_body_that_was_read_in_a_thread_goes_on_there() -> None:
    seen: list[str] = []

    def body() -> Iterator[bytes]:
        seen.append(variable.get())
        yield b"a"

    def made(wire: Wire) -> Iterator[bytes]:
        iterator, strand = body(), Strand()
        strand.run(variable.set, "the strand's")
        note_strand(iterator, strand)
        return iterator

    assert send(made).data == b"a"
    assert seen == ["the strand's"]


def test_an_iterator_is_read_in_a_thread() -> None:
    loops = []

    def body() -> Iterator[bytes]:
        for piece in (b"a", b"b"):
            loops.append(asyncio._get_running_loop())
            yield piece

    assert send(lambda wire: body()).data == b"ab"
    assert loops == [None, None]


def test_trailers_are_made_at_the_end_and_go_with_it() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes]:
        yield b"a"

    async def trailers() -> list[tuple[str, str]]:
        return [("X-Sum", "1")]

    wire = send(body, trailers=trailers)
    assert (wire.calls, wire.data, wire.trailers) == ([("end",)], b"a", [("X-Sum", "1")])


@pytest.mark.parametrize(
    ("size", "message"),
    [
        pytest.param(4, "the body is longer than its Content-Length, 3 bytes", id="longer"),
        pytest.param(2, "the body has 2 bytes, but its Content-Length is 3", id="shorter"),
        pytest.param(0, "the body has 0 bytes, but its Content-Length is 3", id="none"),
    ],
)
def test_content_that_is_not_as_long_as_declared(size: int, message: str) -> None:
    kept: list[Wire] = []
    with pytest.raises(InvalidResponseError, match=f"^{message}$"):
        send(lambda wire: iter([b"x"] * size), 3, kept=kept)
    # It is not ended as if it were whole.
    assert "end" not in kept[0].names
    assert len(kept[0].data) == min(size, 3)


def test_a_file_is_sent_as_far_as_declared() -> None:
    def wrap(content: bytes) -> FileWrapper:
        return FileWrapper(io.BytesIO(content))

    assert send(lambda wire: wrap(b"abcdef")).data == b"abcdef"
    assert send(lambda wire: wrap(b"abcdef"), 3).data == b"abc"
    with pytest.raises(InvalidResponseError, match="has 6 bytes"):
        send(lambda wire: wrap(b"abcdef"), 7)


def test_a_file_goes_by_the_wire_where_that_can(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    sizes = []

    def make_body(wire: Wire) -> FileWrapper:
        async def send_file(file: Any, size: int, offset: int) -> bool:
            sizes.append((offset, size))
            wire.sent += size
            wire.data += file.read(size)
            return True

        wire.send_file = send_file  # type: ignore[method-assign]
        file = path.open("rb")
        file.seek(1)
        return FileWrapper(file)

    bodies: list[FileWrapper] = []

    def kept_body(wire: Wire) -> FileWrapper:
        bodies.append(make_body(wire))
        return bodies[-1]

    wire = send(kept_body, 5)
    assert (wire.data, wire.calls, sizes) == (b"bcdef", [("end",)], [(1, 5)])
    # Nobody knows how much there is to be sent.
    assert send(kept_body).data == b"bcdef"
    assert sizes == [(1, 5)]
    for body in bodies:
        body.close()


def test_a_file_goes_in_pieces_where_the_wire_cannot(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    with path.open("rb") as file:
        wire = send(lambda wire: FileWrapper(file), 6)
    assert (wire.data, wire.sent) == (b"abcdef", 6)


def test_a_client_that_is_paused_is_waited_for() -> None:
    async def main() -> None:
        wire = Wire()

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            wire.pause_writing()
            yield b"b"
            yield b"c"

        task = asyncio.ensure_future(BodySender(wire, None).send(body()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert (wire.data, task.done()) == (b"ab", False)
        wire.resume_writing()
        await task
        assert wire.data == b"abc"

    run(main)


def test_a_client_that_is_gone_ends_it() -> None:
    kept: list[Wire] = []

    async def body(wire: Wire) -> AsyncIterator[bytes]:
        yield b"a"
        wire.lose()
        yield b"b"
        yield b"never"

    with pytest.raises(ConnectionResetError):
        send(body, kept=kept)
    assert "end" not in kept[0].names
    assert kept[0].data == b""


def test_an_answer_is_not_ended_for_a_client_that_is_gone_by_then() -> None:
    async def body(wire: Wire) -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)
        wire.lose()

    wire = send(body)
    assert wire.names == ["data"]
    assert wire.data == b"a"


@pytest.mark.parametrize("declared", [None, 9])
def test_a_part_of_a_file_is_read_where_the_wire_cannot(declared: int | None) -> None:
    async def main() -> None:
        wire = Wire()
        sender = BodySender(wire, declared)
        sender.write_piece(b"one")
        await sender.send_part(io.BytesIO(b"abcdefg"), 4, 1)
        await sender.send_part(io.BytesIO(b"abcdefg"), 2, 5)
        await sender.end()
        assert (wire.data, wire.sent) == (b"onebcdefg", 9)

    run(main)


@pytest.mark.parametrize("declared", [None, 9])
@pytest.mark.parametrize("by_wire", [False, True])
def test_a_file_that_ends_before_its_part_does_is_an_error(declared: int | None, by_wire: bool) -> None:
    async def main() -> None:
        wire = Wire()

        async def send_file(file: Any, size: int, offset: int) -> bool:
            wire.send_data(file.read())
            wire.sent += 3
            return True

        if by_wire:
            wire.send_file = send_file  # type: ignore[method-assign]
        with pytest.raises(InvalidResponseError, match=r"^the file is 2 bytes too short"):
            await BodySender(wire, declared).send_part(io.BytesIO(b"abc"), 5, 0)
        await asyncio.sleep(0)
        assert wire.data == b"abc"

    run(main)


@pytest.mark.parametrize("kind", ["buffered", "unbuffered", "gzip"])
def test_parts_of_one_file_are_sent_at_the_same_time(tmp_path: Any, kind: str) -> None:
    size = 3 * BLOCK_SIZE
    path = tmp_path / "file"
    content = b"a" * size + b"b" * size
    path.write_bytes(gzip.compress(content) if kind == "gzip" else content)
    openers: dict[str, Callable[[], Any]] = {
        "buffered": lambda: path.open("rb"),
        "unbuffered": lambda: path.open("rb", 0),
        "gzip": lambda: gzip.open(path),  # noqa: SIM115 - closed below
    }

    async def main(file: Any) -> None:
        wires = [Wire(), Wire()]
        parts = [BodySender(wire, None).send_part(file, size, i * size) for i, wire in enumerate(wires)]
        await asyncio.gather(*parts)
        await asyncio.sleep(0)
        # What is made of a file by others, they alone can read.
        assert (file.tell() == 0) is (kind != "gzip")
        assert [wire.data == bytes([97 + i]) * size for i, wire in enumerate(wires)] == [True, True]

    with openers[kind]() as file:
        run(lambda: main(file))


def test_a_large_part_of_a_file_lets_the_loop_have_its_turn() -> None:
    async def main() -> None:
        wire = Wire()
        await BodySender(wire, None).send_part(io.BytesIO(bytes(3 * BLOCK_SIZE)), 3 * BLOCK_SIZE - 1, 0)
        assert (len(wire.data), wire.drained) == (3 * BLOCK_SIZE - 1, 2)

    run(main)


def test_a_part_of_a_file_goes_by_the_wire_where_that_can() -> None:
    asked = []

    async def main() -> None:
        wire = Wire()

        async def send_file(file: Any, size: int, offset: int) -> bool:
            asked.append((wire.data, size, offset))
            wire.sent += size
            return True

        wire.send_file = send_file  # type: ignore[method-assign]
        sender = BodySender(wire, 9)
        sender.write_piece(b"one")
        await sender.send_part(io.BytesIO(b"abcdef"), 4, 2)
        with pytest.raises(InvalidResponseError, match="longer than its Content-Length"):
            await sender.send_part(io.BytesIO(b"abcdef"), 3, 0)

    run(main)
    # What was pushed before it is written before it, and counted.
    assert asked == [(b"one", 4, 2)]
