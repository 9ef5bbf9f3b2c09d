"""Receivers of an answer in place of a connection: buffered whole, or streamed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from werkzeug.datastructures import Headers

from kyoukai.core.exchange.answer_writer import AnswerWriter
from kyoukai.core.exchange.client_state import ClientState
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.serving.server_state import Server

ROOM: Final = 64 * 1024
"""Bytes of a body that may wait for the test, as with an asyncio transport."""


class Sink(AnswerWriter):
    """Receives a whole answer."""

    def __init__(self) -> None:
        super().__init__(Server(), ClientState(asyncio.get_running_loop()))
        self.answer_status = ""
        """Code and reason."""
        self.headers = Headers()
        self.data = bytearray()

    @property
    def features(self) -> frozenset[str]:
        """The features that it has in place of a connection."""
        return self.server.features

    def send_head(self, head: AnswerHead) -> None:
        """Receive the head."""
        self.answer_status, self.headers = head.status, Headers(self.answer_fields(head))
        if head.upgrade:
            self.headers.add("Upgrade", head.upgrade)

    def send_data(self, data: bytes) -> None:
        """Receive a piece of the body."""
        self.data += data

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """Receive the last piece."""
        if data:
            self.send_data(data)

    def reset(self) -> None:
        """Do nothing: the exception that aborts an answer is raised."""

    def pause_client(self) -> None:
        """Do nothing: the request is complete."""

    def resume_client(self) -> None:
        """Do nothing: the request is complete."""

    def answered(self) -> None:
        """Do nothing: no request follows."""


class StreamSink(Sink):
    """Receives an answer as it is sent; the body waits for the test to read it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the head is received."""
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting = 0
        """Bytes in the queue."""

    def send_head(self, head: AnswerHead) -> None:
        """Receive the head."""
        super().send_head(head)
        self.begun.set_result(None)

    def send_data(self, data: bytes) -> None:
        """Receive a piece of the body."""
        self._waiting += len(data)
        self._queue.put_nowait(data)
        if self._waiting >= ROOM:
            self.client.pause()

    async def pieces(self, task: "asyncio.Task[None]") -> AsyncIterator[bytes]:
        """Yield the pieces of the body.

        :param task: the task that answers; its exception is raised.
        """
        task.add_done_callback(lambda _: self._queue.put_nowait(None))
        while (piece := await self._queue.get()) is not None:
            self._waiting -= len(piece)
            if self._waiting < ROOM:
                self.client.resume()
            yield piece
        task.result()
