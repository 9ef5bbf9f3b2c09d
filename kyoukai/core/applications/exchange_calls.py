"""What an application of the lower form calls: to read the content of a request, and to send an answer."""

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
    """Return the content of a request as a stream, which is read once: by ``async for``, or ``read()``.

    It comes as the client sends it, if the application planned so, and is in memory otherwise. A request
    without a body has no content.
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
    """Send the answer to a request, and return when all of it is handed to the transport.

    It is called once for a request. What HTTP says of an answer is done here: one to HEAD, and one of
    status 204, 205 or 304, is sent without content; Content-Length, Date and Server are added; fields of the
    connection are left out, and ``Connection: close`` is obeyed.

    :param status: code and reason, ``"200 OK"``; from 200 to 599.
    :param fields: names and values, as latin-1 has them. A stream's size is told by Content-Length; otherwise
        the wire delimits it.
    :param content: bytes, or an asynchronous iterator of them, whose next piece is asked for when the client
        has room; or a file, which the kernel sends where it can. Neither is closed here.
    :raises InvalidResponseError: before anything is sent, if status or fields cannot be; behind that, if the
        content is not as long as its Content-Length.
    :raises ConnectionResetError: if the client is gone.
    :raises RuntimeError: if it has been called for this request before.
    :raises Exception: what the iterator raises. Let it out: the answer is broken off then.
    """
    check_unanswered(exchange)
    size = len(content) if isinstance(content, bytes) else None
    rest = write_answer(exchange, read_head(status, fields, size, exchange.head.method), content)
    if rest is not None:
        await rest


def write_answer(
    exchange: "Exchange", head: AnswerHead, content: bytes | AsyncIterable[bytes] | FileWrapper
) -> Rest:
    """Write an answer whose head is made. The request has none yet, and its client is there.

    :param content: as for :func:`send_answer`.
    :return: ``None`` if nothing is left, or an awaitable that sends content, and raises what that does.
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
        # It may be made of the request's content, which the client has yet to send.
        exchange.prepare_stream(head.code < 300 and not isinstance(content, FileWrapper))
    exchange.send_head(head)
    return BodySender(exchange, head.size).send(content)
