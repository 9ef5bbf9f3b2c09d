"""One HTTP/1 request and its answer."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..connection.sendfile import send_file
from ..exchange.exchange import Exchange
from ..exchange.response_body import PIECE_SIZE
from ..exchange.sending import Rest
from ..exchange.tasks import STARTS_EAGERLY, begin_task
from ..semantics.answer_head import AnswerHead
from .message import Message
from .queue import LARGE_BODY
from .response_writer import informational
from .states import ENDED

COPY_SIZE: Final = 16 * 1024
"""A body of up to this many bytes is copied behind its head and written with it; a larger copy costs more
than a second write."""

LARGE_SIZE: Final = 1024 * 1024
"""The most bytes of a body in memory written at once without TLS."""

DRAIN_SIZE: Final = 64 * 1024
"""The most bytes of a request body read and discarded after the answer to keep the connection. Beyond, a new
connection is cheaper. nginx and Node.js discard without limit; Go discards 256 KiB."""


class HTTP1Exchange(Exchange):
    """One HTTP/1 request and its answer.

    :param owner: the connection.
    :param message: the request's head.
    """

    __slots__ = ("message", "persistent")

    owner: Any
    """The connection, an ``HTTPProtocol``. Its type is not named here: its module imports this one."""

    def __init__(self, owner: Any, message: Message) -> None:
        # Replaces the constructors of the base classes: they would be two more calls a request.
        self.owner = owner
        self.server = owner.server
        self.client = owner.client
        self.message = message
        self.head = message.head
        self.began = perf_counter()
        self.body = self.content = self.error = self.task = None
        self.status = self.sent = 0
        self.is_begun = self.is_answered = self.persistent = False
        """Whether the connection persists after the answer."""
        self.awaits_continue = message.awaits_continue

    # What is written

    def send_informational(self, status: str, fields: Sequence[tuple[str, str]]) -> bool:
        """Write a head of status 1xx; only to a client that understands one (RFC 9110 section 15.2)."""
        self.owner.raw_write(informational(status, fields))
        return True

    def send_head(self, head: AnswerHead) -> None:
        """Write the head of the answer."""
        owner = self.owner
        data = self.make_head(head)
        if owner.writer.framing.open_ended:
            owner.note_open_end(True)
        owner.raw_write(data)

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Write an answer whose content is in memory, together with its head."""
        # The code of make_head and is_last, without the calls.
        owner, server, body = self.owner, self.server, self.body
        is_open = not (server.stopping or owner.reader.parsing.state is ENDED or self.error is not None)
        close = not (is_open and (body is None or body.is_whole)) and self.is_last
        writer = owner.writer
        data = writer.head(head, self.message.version, close, server.date, server.server_field)
        self.persistent = not writer.framing.close
        if len(content) <= COPY_SIZE:
            owner.raw_write(data + content if content else data)
        else:
            owner.raw_write_both(data, content)

    @property
    def is_last(self) -> bool:
        """Whether this is the last request of the connection, so that its answer ends the connection."""
        owner, body = self.owner, self.body
        if self.error is not None:
            return True
        if (self.server.stopping or owner.reader.parsing.state is ENDED) and len(owner.queue.waiting) <= 1:
            return True
        # Behind an incomplete body, no other request can be found.
        return body is not None and not body.is_whole and not self.can_drain

    def make_head(self, head: AnswerHead) -> bytes:
        """Return the head of the answer as bytes, and note whether the connection persists."""
        server, writer = self.server, self.owner.writer
        data: bytes = writer.head(head, self.head.version, self.is_last, server.date, server.server_field)
        self.persistent = not writer.framing.close
        return data

    def send_data(self, data: bytes) -> None:
        """Write a piece of the content."""
        self.owner.raw_write(self.owner.writer.data(data))

    def send_pieces(self, pieces: Sequence[bytes], size: int) -> None:
        """Write pieces of the content as one chunk."""
        self.owner.raw_write(self.owner.writer.pieces(pieces, size))

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """End the answer."""
        owner = self.owner
        last = owner.writer.end(data, trailers)
        if last:
            owner.raw_write(last)
        if owner.writer.framing.open_ended:
            owner.note_open_end(False)

    async def send_file(self, file: Any, size: int, offset: int) -> bool:
        """Have the kernel send content from a file, if the connection can."""
        return await send_file(self.owner, self, file, size, offset)

    def send_tunnel_head(self, protocol: str, fields: Sequence[tuple[str, str]]) -> int:
        """Write the 101 that switches protocols (RFC 9110 section 15.2.2)."""
        switching = [("Connection", "Upgrade"), ("Upgrade", protocol), *fields]
        self.owner.raw_write(informational("101 Switching Protocols", switching))
        return 101

    def connect_tunnel(self, protocol: asyncio.Protocol) -> None:
        """Hand the connection to the protocol, with the bytes received behind the request."""
        self.owner.replace(lambda: protocol)

    def receive_beyond(self, data: bytes | None) -> None:
        """Do nothing: the connection's buffer keeps the bytes behind a request."""

    def reset(self) -> None:
        """Break the answer off, so that the client can tell.

        RFC 9112 section 8: a client detects an incomplete message by a missing last chunk, or by too few
        bytes for its Content-Length. An answer delimited by the connection's end needs a reset.
        """
        if self.owner.writer.framing.open_ended:
            self.owner.reset()
        else:
            self.owner.close()

    def cut_off(self) -> None:
        """End the connection without an answer, or without the rest of it."""
        self.owner.abort()

    def pause_client(self) -> None:
        """Stop reading from the connection."""
        self.owner.transport.pause_reading()

    def resume_client(self) -> None:
        """Read from the connection again."""
        self.owner.transport.resume_reading()

    def answered(self) -> None:
        """Go on to the next request, or end the connection."""
        self.owner.finish_first()

    @property
    def whole_size(self) -> int:  # type: ignore[override]
        """The most bytes of content in memory that are written at once.

        Fewer over TLS: its transport does not tell how much of a large write was sent, and asyncio's keeps a
        copy of the rest.
        """
        return PIECE_SIZE if self.owner.is_secure else LARGE_SIZE

    def prepare_stream(self, may_read: bool) -> None:
        """Ask the client for a body that a streamed answer may read: after the head, a 100 is too late."""
        if may_read and self.awaits_continue and self.body is not None and not self.body.is_whole:
            self.send_continue()

    def write_response(self, response: Response, fake_environ: dict[str, Any]) -> Rest:
        """Write a Werkzeug response by the connection."""
        rest: Rest = self.owner.write_response(response, fake_environ)
        return rest

    finish = answered

    # The exchange in the queue

    @property
    def has_turn(self) -> bool:
        """Whether no other answer is to be written first."""
        return not self.owner.queue.waiting

    @property
    def fills(self) -> bool:
        """Whether to stop reading while this request waits.

        True for a large body that is not the first in the queue, and for an offer of another protocol, which
        the bytes behind the request may belong to.
        """
        if self.head.upgrade:
            return True
        body = self.body
        if body is None:
            is_large = self.content is not None and len(self.content) > LARGE_BODY
        else:
            is_large = body.size > LARGE_BODY or body.decoder is not None
        if not is_large:
            return False
        return len(self.owner.queue.waiting) > 1

    def begin(self) -> None:
        """Put the request into the queue; it is answered in its turn."""
        queue = self.owner.queue
        queue.add(self)
        if not self.owner.reader.is_reading:
            queue.go_on()

    def start(self) -> None:
        """Start answering."""
        if self.error is not None:
            super().start()
            return
        owner = self.owner
        context = self.server.context.copy()
        if STARTS_EAGERLY:  # pragma: no cover (since Python 3.12)
            self.task = task = begin_task(owner.loop, owner._wait(), context)
        else:
            self.task = task = owner.loop.create_task(owner._wait(), context=context)
        if self.client.is_gone and task is not None:  # pragma: no cover (since Python 3.12)
            # The handler has closed the connection or handed it on, and is still running.
            self.server.keep(task)

    def start_task(self) -> None:
        """Answer in a new task, with its own copy of the server's context variables."""
        owner = self.owner
        self.note_task(begin_task(owner.loop, owner._wait(), self.server.context.copy()))

    def refuse(self, error: HTTPException) -> None:
        """Refuse the request, or the rest of its body, and read nothing behind it."""
        owner = self.owner
        owner.reader.end()
        if self.is_answered:
            owner.end_after(self)
        else:
            super().refuse(error)

    # The request body

    def send_continue(self) -> None:
        """Write 100 Continue, so that the client sends the body (RFC 9110 section 15.2.1)."""
        self.awaits_continue = False
        body = self.body
        if body is not None and not body.size:
            self.owner.raw_write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # The deadline of the body starts now, unless it has before.
            body.deadline = self.server.clock + self.server.limits.body_timeout

    @property
    def can_drain(self) -> bool:
        """Whether the unread rest of the body is small enough to be read and discarded."""
        body = self.body
        if body is None or self.owner.reader.is_ended or (self.awaits_continue and not body.size):
            return False
        return 0 < (self.head.body_size or 0) - body.size <= DRAIN_SIZE

    # For the application

    @property
    def client_gone(self) -> bool:
        """Whether the client no longer receives what is written."""
        is_gone: bool = self.owner.client_gone
        return is_gone

    async def drain(self) -> bool:
        """Wait until the client has read enough for more to be written."""
        has_waited: bool = await self.owner.drain()
        return has_waited
