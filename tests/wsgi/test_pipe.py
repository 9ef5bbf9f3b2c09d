import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kyoukai.wsgi.pipe import Pipe, PipeBody, ReaderGoneError


def with_pipe(size: int, main: Callable[[Pipe], Any]) -> Any:
    """Return what a coroutine function returns for a new pipe."""

    async def run() -> Any:
        return await main(Pipe(asyncio.get_running_loop(), size))

    return asyncio.run(run())


async def read_all(pipe: Pipe) -> list[bytes]:
    return [piece async for piece in PipeBody(pipe)]


def test_written_bytes_are_read() -> None:
    async def main(pipe: Pipe) -> list[bytes]:
        for piece in (b"a", b"bc"):
            pipe.write(piece)
        assert pipe.end()
        return await read_all(pipe)

    assert with_pipe(10, main) == [b"abc"]


def test_a_reader_waits_for_the_writer() -> None:
    async def main(pipe: Pipe) -> list[bytes]:
        reading = asyncio.create_task(read_all(pipe))
        await asyncio.sleep(0)

        def write() -> None:
            for number in range(1000):
                pipe.write(b"%03d" % number)
            pipe.end()

        await asyncio.to_thread(write)
        return await reading

    assert b"".join(with_pipe(7, main)) == b"".join(b"%03d" % number for number in range(1000))


def test_a_writer_waits_for_room() -> None:
    written: list[int] = []

    async def main(pipe: Pipe) -> bytes:
        def write() -> None:
            for number in range(100):
                pipe.write(bytes(4))
                written.append(number)
            pipe.end()

        writer = threading.Thread(target=write)
        writer.start()
        first = await pipe.read()
        # What was read, what has room again, and the piece that was being written.
        assert len(written) <= len(first) // 4 + 3
        rest = b"".join(await read_all(pipe))
        writer.join()
        return first + rest

    assert len(with_pipe(8, main)) == 400


def test_error_follows_written_bytes() -> None:
    async def main(pipe: Pipe) -> None:
        pipe.write(b"a")
        assert pipe.end(ValueError("why"))
        assert await pipe.read() == b"a"
        with pytest.raises(ValueError, match="why"):
            await pipe.read()
        assert await pipe.read() == b""

    with_pipe(10, main)


def test_pipe_ends_once() -> None:
    async def main(pipe: Pipe) -> None:
        assert pipe.end()
        assert not pipe.end(ValueError())
        assert await pipe.read() == b""

    with_pipe(10, main)


def test_writer_learns_that_the_reader_left() -> None:
    async def main(pipe: Pipe) -> None:
        def write() -> None:
            while True:
                pipe.write(bytes(4))

        writing = asyncio.create_task(asyncio.to_thread(write))
        await pipe.read()
        PipeBody(pipe).close()
        with pytest.raises(ReaderGoneError):
            await writing
        assert not pipe.end(ValueError())

    with_pipe(8, main)


def test_a_loop_that_is_gone() -> None:
    async def main(pipe: Pipe) -> Pipe:
        task = asyncio.create_task(pipe.read())
        await asyncio.sleep(0)
        task.cancel()
        return pipe

    pipe = with_pipe(8, main)
    pipe.write(b"a")
    assert pipe.end()
