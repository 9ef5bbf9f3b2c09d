"""Sending a Werkzeug response through an exchange."""

import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from ..errors import ProtocolError, identified
from ..faults import is_end, is_fault
from ..semantics.answer_head import AnswerHead
from .answer import prepare_answer
from .body_stream import ClientGoneError
from .error_response import error_response
from .origins import origin
from .response_body import BodySender
from .trailers import MakeTrailers, trailers_of

if TYPE_CHECKING:
    from .answer_writer import AnswerWriter

logger: Final = logging.getLogger("kyoukai.protocol")

Rest = Coroutine[Any, Any, None] | None
"""The rest of an answer: an awaitable that sends it, or ``None``."""


def send_response(exchange: "AnswerWriter", response: Response, environ: dict[str, Any], app: Any) -> Rest:
    """Write a response: its head, and a body in memory.

    A response that cannot be sent is logged, and a 500 is written instead.

    :param response: not closed by this function.
    :param environ: the request's.
    :param app: the application, for the log.
    :return: ``None`` if everything is written, or an awaitable that sends a streamed body.
    """
    try:
        head, content = prepare_answer(response, environ)
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # Nothing was written yet, so an error can be answered.
        text = "the answer to %s %r cannot be sent%s"
        logger.error(text, exchange.head.method, exchange.head.path, origin(app, environ), exc_info=exc)
        failure = identified(InternalServerError(), "answer-not-sendable")
        response = error_response(failure, environ.get("HTTP_ACCEPT", ""))
        head, content = prepare_answer(response, environ)
    return send_prepared(exchange, response, head, content, environ, app)


def send_prepared(
    exchange: "AnswerWriter",
    response: Response,
    head: AnswerHead,
    content: bytes | None,
    environ: dict[str, Any],
    app: Any,
) -> Rest:
    """Write a response whose head and content were prepared. Otherwise as :func:`send_response`."""
    exchange.status = head.code
    if not head.has_content:
        exchange.send_whole(head, b"")
        return None
    if content is not None and len(content) <= exchange.whole_size:
        exchange.sent = len(content)
        exchange.send_whole(head, content)
        return None
    if content is None:
        exchange.prepare_stream(may_read(response))
    exchange.send_head(head)
    # Large content is sent in pieces, as the client takes them.
    trailers = trailers_of(response, environ) if head.size is None else None
    return _send_body(
        exchange, head, response.response if content is None else content, trailers, environ, app
    )


async def _send_body(
    exchange: "AnswerWriter",
    head: AnswerHead,
    body: object,
    trailers: MakeTrailers | None,
    environ: dict[str, Any],
    app: Any,
) -> None:
    try:
        await BodySender(exchange, head.size, trailers).send(body)
    except BaseException as exc:
        if is_end(exc):
            raise
        if exchange.client_gone:
            logger.debug("a client disconnected before it had its whole answer")
            return
        # An answer that is made from the request's body fails when that body does.
        is_expected = isinstance(exc, ProtocolError | ClientGoneError)
        level = logging.DEBUG if is_expected else logging.ERROR
        text = "the body of the answer to %s %r failed%s"
        logger.log(level, text, exchange.head.method, exchange.head.path, origin(app, environ), exc_info=exc)
        exchange.reset()


def may_read(response: Response) -> bool:
    """Return whether a streamed answer may read a request body that the client has yet to send.

    After a refusal the client may not send its body, and a file needs no body.
    """
    return response.status_code < 300 and not isinstance(response.response, FileWrapper)
