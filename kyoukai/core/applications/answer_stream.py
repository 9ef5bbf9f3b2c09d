"""An answer that an application of the lower form sends in pieces: head, content, end."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from ..exchange.response_body import TURN_PIECES, BodySender
from ..exchange.trailers import keeps_trailers, read_trailers
from ..semantics.answer_head import AnswerHead
from ..semantics.field_pairs import FieldPairs
from ..semantics.serialize import read_head

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange


class AnswerStream:
    """An answer whose head is sent, and whose content the application sends. :func:`start_answer` makes it.

    All methods are called in the event loop, one after the other.

    :param exchange: the exchange of the answer.
    :param head: the head, as it was sent.
    """

    __slots__ = ("_exchange", "_is_within", "_left_out", "_sender", "gathers", "is_ended", "takes_trailers")

    def __init__(self, exchange: "Exchange", head: AnswerHead) -> None:
        self._exchange = exchange
        self._sender = BodySender(exchange, head.size) if head.has_content else None
        self._is_within = False
        self._left_out = 0
        self.takes_trailers = (
            head.has_content
            and head.size is None
            and keeps_trailers(exchange.head.environ, exchange.owner.features)
        )
        """Whether trailer fields reach the client: the client keeps them, and the wire and this answer allow
        them."""
        self.gathers = False
        """Whether pieces that are sent without a wait in between are gathered, and written in the loop's next
        turn. Otherwise each is written when it is sent."""
        self.is_ended = False
        """Whether :meth:`end` was called."""

    async def send(self, piece: bytes) -> None:
        """Send a piece of the content, and return when the client has room for the next one.

        If the answer has no content, as an answer to HEAD, nothing is sent.

        :raises InvalidResponseError: if the content exceeds its Content-Length.
        :raises ConnectionResetError: if the client is gone.
        :raises RuntimeError: if the answer has ended.
        """
        self._check()
        sender = self._sender
        if sender is None:
            await self._leave_out()
            return
        is_due = sender.write_piece(piece)
        if not self.gathers:
            sender.flush()
        if is_due or self._exchange.client.is_paused:
            await sender.make_room()

    def flush(self) -> None:
        """Write the gathered pieces without waiting, for instance before the answer is broken off."""
        if self._sender is not None:
            self._sender.flush()

    async def send_file(self, file: BinaryIO, size: int, offset: int | None = None) -> None:
        """Send a part of a file: by the kernel, if wire and framing allow it.

        If the answer has no content, as an answer to HEAD, nothing is sent. The file is not closed. If this
        is cancelled or raises, the answer cannot continue.

        :param file: binary and open. Several answers may send it at once.
        :param size: bytes to send.
        :param offset: position in the file of the first byte; by default the current position.
        :raises InvalidResponseError: if the content would exceed its Content-Length, or the file is too
            short.
        :raises ConnectionResetError: if the client is gone.
        :raises OSError: if the file cannot be read.
        :raises RuntimeError: if the answer has ended.
        """
        self._check()
        if self._sender is None:
            await self._leave_out()
            return
        self._is_within = True
        await self._sender.send_part(file, size, file.tell() if offset is None else offset)
        self._is_within = False

    async def end_large(self, content: bytes) -> None:
        """Send large content in pieces, as the client takes them, and end the answer.

        If this is cancelled or raises, the answer cannot continue.

        :raises InvalidResponseError: if the size of the content differs from its Content-Length.
        :raises ConnectionResetError: if the client is gone.
        :raises RuntimeError: if the answer has ended.
        """
        self._check()
        if self._sender is not None:
            self._is_within = True
            await self._sender.send(content)
            self._is_within = False
        self.is_ended = True

    async def end(self, piece: bytes = b"", trailers: FieldPairs = ()) -> None:
        """End the answer, so that the client knows it is complete. It is called once.

        :param piece: the last piece of the content, sent together with the end.
        :param trailers: pairs of name and value, or a mapping. They are left out unless
            :attr:`takes_trailers`.
        :raises InvalidResponseError: if the size of the content differs from its Content-Length, or a trailer
            field cannot be sent, or not in a trailer section (RFC 9110 section 6.5.1).
        :raises ConnectionResetError: if the client is gone.
        :raises RuntimeError: if the answer has ended.
        """
        self._check()
        fields = read_trailers(trailers)
        sender = self._sender
        if sender is not None:
            sender.write_piece(piece)
            if self.takes_trailers:

                async def make_trailers() -> list[tuple[str, str]]:
                    return fields

                sender.trailers = make_trailers
            await sender.end()
        self.is_ended = True

    def _check(self) -> None:
        if self.is_ended:
            raise RuntimeError("this answer has ended")
        if self._is_within:
            raise RuntimeError("this answer cannot continue: sending a part of its content was interrupted")
        if self._exchange.client_gone:
            raise ConnectionResetError("the client is gone")

    async def _leave_out(self) -> None:
        """Count a piece that is not sent; let the loop run other callbacks as for sent pieces."""
        self._left_out += 1
        if not self._left_out % TURN_PIECES:
            await asyncio.sleep(0)


def start_answer(exchange: "Exchange", status: str, fields: Iterable[tuple[str, str]] = ()) -> AnswerStream:
    """Send the head of an answer without waiting, and return the object that sends its content.

    It is called once for a request, instead of :func:`~kyoukai.send_answer`, and treats status and fields in
    the same way. :meth:`AnswerStream.end` must follow: otherwise the answer is broken off.

    :param status: code and reason, such as ``"200 OK"``; from 200 to 599.
    :param fields: names and values in latin-1. Content-Length gives the size of the content; without it, the
        wire delimits the content.
    :raises InvalidResponseError: if status or fields cannot be sent. Nothing was sent then.
    :raises ConnectionResetError: if the client is gone.
    :raises RuntimeError: if the request was answered, in part or completely.
    """
    check_unanswered(exchange)
    head = read_head(status, fields, None, exchange.head.method)
    stream = AnswerStream(exchange, head)
    answerer: Any = exchange.owner.answerer
    answerer.pushed[exchange] = stream
    # Producing it may read the request's content, which the client has yet to send.
    send_stream_head(exchange, head, head.code < 300)
    return stream


def send_stream_head(exchange: "Exchange", head: AnswerHead, may_read: bool) -> None:
    """Send the head of an answer whose content follows in pieces. It does not wait.

    :param may_read: whether producing the content may read a request body that the client has yet to send.
    """
    exchange.status = head.code
    exchange.answer_head = head
    if head.has_content:
        exchange.prepare_stream(may_read)
        exchange.send_head(head)
    else:
        exchange.send_whole(head, b"")


def check_unanswered(exchange: "Exchange") -> None:
    """Check that an answer to a request can be sent.

    :raises RuntimeError: if the request was answered, in part or completely.
    :raises ConnectionResetError: if the client is gone.
    """
    if exchange.status:
        raise RuntimeError("this request was already answered, in part or completely")
    if exchange.client_gone:
        raise ConnectionResetError("the client is gone")
