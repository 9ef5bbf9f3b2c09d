"""What takes an answer in the place of a connection: all of it, or as it comes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from werkzeug.datastructures import Headers

from kyoukai.core.exchange.answer_writer import AnswerWriter
from kyoukai.core.exchange.client_state import ClientState
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.serving.server_state import Server

ROOM: Final = 64 * 1024
"""Bytes that a body may be ahead of who looks at it, as with a transport of asyncio."""


class Sink(AnswerWriter):
    """Takes an answer whole."""

    def __init__(self) -> None:
        super().__init__(Server(), ClientState(asyncio.get_running_loop()))
        self.answer_status = ""
        """Code and reason."""
        self.headers = Headers()
        self.data = bytearray()

    @property
    def features(self) -> frozenset[str]:
        """What it can do, as the connection of a server."""
        return self.server.features

    def send_head(self, head: AnswerHead) -> None:
        """Take the head."""
        self.answer_status, self.headers = head.status, Headers(self.answer_fields(head))
        if head.upgrade:
            self.headers.add("Upgrade", head.upgrade)

    def send_data(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.data += data

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """Take the last piece."""
        if data:
            self.send_data(data)

    def reset(self) -> None:
        """Do nothing: what breaks an answer off is raised."""

    def pause_client(self) -> None:
        """Do nothing: all of the request is there."""

    def resume_client(self) -> None:
        """Do nothing: all of the request is there."""

    def answered(self) -> None:
        """Do nothing: no request follows."""


class StreamSink(Sink):
    """Takes an answer as it comes, and lets the body wait for who looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the head is there."""
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting = 0
        """Bytes in the queue."""

    def send_head(self, head: AnswerHead) -> None:
        """Take the head."""
        super().send_head(head)
        self.begun.set_result(None)

    def send_data(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._waiting += len(data)
        self._queue.put_nowait(data)
        if self._waiting >= ROOM:
            self.client.pause()

    async def pieces(self, task: "asyncio.Task[None]") -> AsyncIterator[bytes]:
        """Yield the pieces of the body.

        :param task: what makes them; what it raises is raised.
        """
        task.add_done_callback(lambda _: self._queue.put_nowait(None))
        while (piece := await self._queue.get()) is not None:
            self._waiting -= len(piece)
            if self._waiting < ROOM:
                self.client.resume()
            yield piece
        task.result()
