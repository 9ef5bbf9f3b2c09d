"""Functions for applications of the lower form: reading a request's content, and sending an answer."""

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING

from werkzeug.wsgi import FileWrapper

from ..exchange.body_stream import BodyStream
from ..exchange.response_body import BodySender
from ..exchange.sending import Rest
from ..semantics.answer_head import AnswerHead
from ..semantics.serialize import read_head
from .answer_stream import check_unanswered

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange


def read_content(exchange: "Exchange") -> BodyStream:
    """Return the content of a request as a stream, to be read once: with ``async for``, or ``read()``.

    It arrives as the client sends it, if the application has planned that; otherwise it is in memory. A
    request without a body has empty content.
    """
    if exchange.body is None:
        return BodyStream.of(exchange.content or b"")
    content = exchange.body.content
    if isinstance(content, BodyStream):
        return content
    return BodyStream.of(b"" if content is None else content.getvalue())


async def send_answer(
    exchange: "Exchange",
    status: str,
    fields: Iterable[tuple[str, str]] = (),
    content: bytes | AsyncIterable[bytes] | FileWrapper = b"",
) -> None:
    """Send the answer to a request, and return when all of it was passed to the transport.

    It is called once for a request. It follows HTTP's rules for answers: answers to HEAD, and those with
    status 204, 205 or 304, have no content; Content-Length, Date and Server are added; fields of the
    connection are left out, and ``Connection: close`` is obeyed.

    :param status: code and reason, such as ``"200 OK"``; from 200 to 599.
    :param fields: names and values in latin-1. Content-Length gives the size of a stream; without it, the
        wire delimits the stream.
    :param content: bytes; or an asynchronous iterator of bytes, whose next piece is requested when the client
        has room; or a file, which the kernel sends if possible. Neither is closed here.
    :raises InvalidResponseError: before anything is sent, if status or fields cannot be sent; afterwards, if
        the size of the content differs from its Content-Length.
    :raises ConnectionResetError: if the client is gone.
    :raises RuntimeError: if it was called for this request before.
    :raises Exception: what the iterator raises. Do not catch it: the answer is broken off then.
    """
    check_unanswered(exchange)
    size = len(content) if isinstance(content, bytes) else None
    rest = write_answer(exchange, read_head(status, fields, size, exchange.head.method), content)
    if rest is not None:
        await rest


def write_answer(
    exchange: "Exchange", head: AnswerHead, content: bytes | AsyncIterable[bytes] | FileWrapper
) -> Rest:
    """Write an answer whose head was made, to a connected client and a request without an answer.

    :param content: as for :func:`send_answer`.
    :return: ``None`` if everything is written, or an awaitable that sends content, and raises as that does.
    """
    exchange.status = head.code
    exchange.answer_head = head
    if not head.has_content:
        exchange.send_whole(head, b"")
        return None
    if isinstance(content, bytes) and len(content) <= exchange.whole_size:
        exchange.sent = len(content)
        exchange.send_whole(head, content)
        return None
    if not isinstance(content, bytes):
        # Producing it may read the request's content, which the client has yet to send.
        exchange.prepare_stream(head.code < 300 and not isinstance(content, FileWrapper))
    exchange.send_head(head)
    return BodySender(exchange, head.size).send(content)
