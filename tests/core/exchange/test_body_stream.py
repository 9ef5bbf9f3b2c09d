"""The stream of a body: what goes in, what comes out, and what its reader is told."""

import asyncio
import gc
import gzip
import io
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kyoukai.core.errors import BadRequest, ContentTooLarge
from kyoukai.core.exchange.blocking_input import BlockingInput, make_input
from kyoukai.core.exchange.body_stream import HIGH_WATER, BodyStream
from kyoukai.core.semantics.content_coding import ContentDecoder


def run(function: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(function())  # type: ignore[arg-type]


def make(*pieces: bytes, ended: bool = True, coding: str | None = None, most: int = 1000) -> BodyStream:
    stream = BodyStream(lambda: None, None if coding is None else ContentDecoder(coding, most))
    for piece in pieces:
        stream.feed(piece)
    if ended:
        stream.end([])
    return stream


async def pieces_of(stream: BodyStream) -> list[bytes]:
    return [piece async for piece in stream]


def test_buffered_content_is_one_piece() -> None:
    async def main() -> None:
        assert await pieces_of(make(b"ab", b"c")) == [b"abc"]
        assert await pieces_of(make()) == []
        assert await pieces_of(BodyStream.of(b"abc")) == [b"abc"]
        assert await pieces_of(BodyStream.of(b"")) == []

    run(main)


def test_a_piece_is_not_copied() -> None:
    async def main() -> None:
        piece = bytes(1000)
        assert await anext(make(piece)) is piece

    run(main)


def test_a_reader_waits() -> None:
    async def main() -> None:
        stream = make(ended=False)
        reader = asyncio.ensure_future(pieces_of(stream))
        for piece in (b"a", b"b", b"c"):
            await asyncio.sleep(0)
            stream.feed(piece)
            await asyncio.sleep(0)
        stream.end([(b"X", b"1")])
        assert await reader == [b"a", b"b", b"c"]
        assert stream.trailers == [(b"X", b"1")]
        assert await pieces_of(stream) == []
        assert await stream.read() == b""

    run(main)


def test_reading_so_many_bytes() -> None:
    async def main() -> None:
        stream = make(b"abcdefgh", ended=False)
        assert [await stream.read(size) for size in (0, 3, 3, 3)] == [b"", b"abc", b"def", b"gh"]
        stream.feed(b"ijkl")
        assert await stream.read(1) == b"i"
        # The rest of the piece comes first.
        assert await anext(stream) == b"jkl"
        stream.feed(b"mno")
        stream.end([])
        assert await stream.read(1) == b"m"
        assert await stream.read() == b"no"
        assert await stream.read(1) == b""

    run(main)


def test_many_small_pieces_take_little_more_than_their_bytes() -> None:
    stream = BodyStream(lambda: None)
    tracemalloc.start()
    try:
        for number in range(20_000):
            stream.feed(b"%02d" % (number % 100))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 2 * stream.unread == 80_000
    stream.end([])
    assert asyncio.run(stream.read()) == b"".join(b"%02d" % (number % 100) for number in range(20_000))


def test_the_connection_is_told_when_more_is_wanted() -> None:
    async def main() -> None:
        wanted: list[int] = []
        stream = BodyStream(lambda: wanted.append(stream.unread))
        reader = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        assert len(wanted) == 1
        stream.feed(bytes(HIGH_WATER))
        assert not stream.is_full
        stream.feed(b"x")
        assert stream.is_full
        assert len(await reader) == HIGH_WATER + 1  # type: ignore[arg-type]
        assert not stream.is_full
        assert wanted == [0, 0]
        stream.end([])
        assert await pieces_of(stream) == []
        assert wanted == [0, 0]

    run(main)


@pytest.mark.parametrize("error", [BadRequest("Why."), ConnectionResetError("gone")])
def test_a_failure(error: Exception) -> None:
    async def main() -> None:
        stream = make(b"abc", ended=False)
        assert await stream.read(1) == b"a"
        reader = asyncio.ensure_future(pieces_of(make(ended=False)))
        await asyncio.sleep(0)
        reader.cancel()
        stream.fail(error)
        stream.fail(ZeroDivisionError())
        stream.feed(b"dropped")
        assert stream.unread == 0
        for _ in range(2):
            with pytest.raises(type(error), match=r"Why|gone") as raised:
                await stream.read()
            assert raised.value is not error
            assert getattr(raised.value, "description", None) == getattr(error, "description", None)

    run(main)


def test_a_failure_while_the_reader_waits() -> None:
    async def main() -> None:
        stream = make(ended=False)
        reader = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        stream.fail(BadRequest())
        with pytest.raises(BadRequest):
            await reader

    run(main)


def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    async def main() -> None:
        stream = make(ended=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await stream.read(1)
        stream.feed(b"a")
        assert await stream.read(1) == b"a"

    run(main)


def test_two_readers() -> None:
    async def main() -> None:
        stream = make(ended=False)
        first = asyncio.ensure_future(stream.read(1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await stream.read(1)
        stream.feed(b"a")
        assert await first == b"a"

    run(main)


def test_no_cycle_is_left() -> None:
    async def main() -> None:
        stream = make(ended=False)
        stream.fail(BadRequest())
        with pytest.raises(BadRequest):
            await stream.read()

    run(main)
    gc.collect()
    gc.disable()
    try:
        run(main)
        assert not [item for item in gc.get_objects() if type(item) is BodyStream]
    finally:
        gc.enable()


# Content codings


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_content_coding(coding: str, size: int) -> None:
    data = bytes(range(256)) * 1000
    coded = gzip.compress(data) if coding == "gzip" else zlib.compress(data)

    async def main() -> None:
        parts = [coded[at : at + size] for at in range(0, len(coded), size)]
        stream = make(ended=False, coding=coding, most=len(data))
        reader = asyncio.ensure_future(stream.read())
        for part in parts:
            stream.feed(part)
            await asyncio.sleep(0)
        stream.end([])
        assert await reader == data

    run(main)


@pytest.mark.parametrize(
    ("coded", "error"),
    [
        (gzip.compress(bytes(1001)), ContentTooLarge),
        (gzip.compress(b"abc")[:-1], BadRequest),
        (gzip.compress(b"abc") + b"d", BadRequest),
        (b"abc", BadRequest),
    ],
    ids=["too large once decoded", "cut", "more behind it", "of no coding"],
)
def test_a_content_coding_that_is_wrong(coded: bytes, error: type[Exception]) -> None:
    async def main() -> None:
        stream = make(coded, coding="gzip")
        for _ in range(2):
            with pytest.raises(error):
                await stream.read()

    run(main)


def test_others_have_their_turn_while_much_is_decoded() -> None:
    async def main() -> None:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        size = 10 * 1024 * 1024
        stream = make(gzip.compress(bytes(size)), coding="gzip", most=size)
        assert max(map(len, await pieces_of(stream))) <= 64 * 1024 + 1
        assert turns > 100
        counting.cancel()

    run(main)


# In a thread


def test_a_thread_reads_it_as_a_file() -> None:
    async def main() -> None:
        stream = make(b"one\ntwo\n", ended=False)
        file = make_input(stream)
        reading = asyncio.ensure_future(asyncio.to_thread(lambda: (file.readline(), file.read())))
        await asyncio.sleep(0)
        stream.feed(b"three")
        stream.end([])
        assert await reading == (b"one\n", b"two\nthree")

    run(main)


def test_thread_takes_all_buffered_content_at_once() -> None:
    async def main() -> None:
        stream = make(bytes(200_000))
        taken: list[int] = []
        raw = BlockingInput(NotingTakes(stream, taken), asyncio.get_running_loop())  # type: ignore[arg-type]
        file = io.BufferedReader(raw, 100)
        sizes = await asyncio.to_thread(lambda: [len(file.read(size)) for size in (10, 150_000, 60_000, 10)])
        assert sizes == [10, 150_000, 49_990, 0]
        # The end is asked for by each reading that meets it.
        assert taken[0] == 200_000
        assert not any(taken[1:])

    run(main)


class NotingTakes:
    """A stream that notes how much is taken of it."""

    def __init__(self, stream: BodyStream, taken: list[int]) -> None:
        self.stream = stream
        self.taken = taken

    @property
    def is_exhausted(self) -> bool:
        return self.stream.is_exhausted

    def take(self) -> bytes:
        piece = self.stream.take()
        self.taken.append(len(piece))
        return piece


def test_content_left_by_another_reader_comes_first() -> None:
    async def main() -> None:
        stream = make(b"onetwo")
        assert await stream.read(3) == b"one"
        assert stream.take() == b"two"
        assert stream.take() == b""

    run(main)


def test_waiting_thread_learns_of_a_failure_and_the_end_of_the_loop() -> None:
    async def main() -> None:
        stream = make(ended=False)
        raw = BlockingInput(stream, asyncio.get_running_loop())
        for error in (BadRequest, ConnectionAbortedError):
            reading = asyncio.ensure_future(asyncio.to_thread(raw.readall))
            while raw.waiting is None:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
            if error is BadRequest:
                stream.fail(BadRequest())
            else:
                raw.waiting.cancel()
            with pytest.raises(error):
                await reading
            stream = make(ended=False)
            raw = BlockingInput(stream, asyncio.get_running_loop())

    run(main)


def test_a_thread_is_told_of_a_failure() -> None:
    async def main() -> None:
        stream = make(b"one", ended=False)
        stream.fail(BadRequest())
        with pytest.raises(BadRequest):
            await asyncio.to_thread(make_input(stream).read)

    run(main)


def test_a_body_that_was_refused() -> None:
    async def main() -> None:
        stream = BodyStream.broken(ContentTooLarge())
        raised = []
        for read in (stream.read, stream.__anext__):
            with pytest.raises(ContentTooLarge) as caught:
                await read()
            raised.append(caught.value)
        # As a file, in a thread and in the loop: there is nothing to wait for.
        with pytest.raises(ContentTooLarge) as caught:
            await asyncio.to_thread(make_input(stream).read)
        raised.append(caught.value)
        with pytest.raises(ContentTooLarge) as caught:
            make_input(stream).read()
        raised.append(caught.value)
        assert len({id(error) for error in raised}) == 4

    run(main)


def test_blocking_read_is_refused_in_the_loop() -> None:
    async def main() -> None:
        file = make_input(make(b"one"))
        assert isinstance(file, io.BufferedReader)
        with pytest.raises(RuntimeError, match="ctx\\.stream"):
            file.read()

    run(main)


def test_fully_read_state() -> None:
    async def main() -> None:
        stream = BodyStream(lambda: None)
        stream.feed(b"one")
        assert not stream.is_exhausted
        assert await anext(stream) == b"one"
        assert not stream.is_exhausted
        stream.feed(b"two")
        stream.end([])
        assert not stream.is_exhausted
        assert await stream.read(1) == b"t"
        assert not stream.is_exhausted
        assert await anext(stream) == b"wo"
        assert stream.is_exhausted
        assert BodyStream.of(b"").is_exhausted
        assert not BodyStream.of(b"a").is_exhausted
        assert not BodyStream.broken(LookupError()).is_exhausted

    asyncio.run(main())
