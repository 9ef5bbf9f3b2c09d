"""Turning a Werkzeug response into a head and content, and a failure into an error response."""

import asyncio
import logging
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Response

from ..errors import ProtocolError, identified
from ..known import Known
from ..semantics.answer_head import AnswerHead
from ..semantics.serialize import read_head
from .closing import is_plain, plain_classes
from .error_response import error_response
from .request_ids import named
from .trailers import announced
from .witness import bear_witness

logger: Final = logging.getLogger("kyoukai.protocol")


HeadKey = tuple[str, tuple[tuple[str, str], ...], int | None, str | None]

MAX_KNOWN_HEAD: Final = 1024
"""Bytes of the longest field section that is cached."""

_heads: Known[HeadKey, AnswerHead] = Known(512)


def whole_body(response: Response) -> bytes | None:
    """Return the body if it is in memory, else ``None``.

    Like a streamed body, it is taken from ``response.response``. A response class that changes the body for
    WSGI is not asked.
    """
    # Werkzeug's annotation does not cover everything that an application may assign.
    body: object = response.response
    if isinstance(body, (list, tuple)):
        if len(body) == 1 and type(body[0]) is bytes:
            return body[0]
        return b"".join(Response.iter_encoded(response))
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return None


def prepare_answer(response: Response, environ: dict[str, Any]) -> tuple[AnswerHead, bytes | None]:
    """Convert a response for a wire.

    :param environ: the request's.
    :return: its head, and its content; the content is ``None`` for a stream.
    :raises InvalidResponseError: if the response cannot be sent.
    """
    # The path of nearly every answer makes no calls: they would double its cost.
    body: object = response.response
    piece = body[0] if type(body) is list and len(body) == 1 else None
    headers = response.headers
    if type(piece) is bytes:
        content: bytes | None = piece
    else:
        content = whole_body(response)
        if content is None:
            headers = announced(response, environ)
    # Werkzeug's status property and its iterator over the fields take as long as all the rest here. These
    # attributes are read instead; tests compare them with Werkzeug's results.
    key: HeadKey = (
        response._status if type(response) in plain_classes or is_plain(type(response)) else response.status,
        tuple(headers._list if type(headers) is Headers else iter(headers)),
        None if content is None else len(content),
        environ.get("REQUEST_METHOD"),
    )
    head = _heads.get(key)
    if head is None:
        # An application has few kinds of answers, and repeats them.
        head = read_head(*key)
        if len(head.lines) <= MAX_KNOWN_HEAD and _heads.is_wanted(key):
            _heads.keep(key, head)
    return head, content


def answer_failure(
    exc: BaseException, environ: dict[str, Any], refusal: ProtocolError | None = None
) -> Response:
    """Log an exception that the application raised, and return the answer to its request.

    A :class:`ProtocolError` is not logged: it comes from a streamed body, and is not a fault of the
    application.

    :param refusal: why the body was refused, if the application was asked to answer that.
    """
    if isinstance(exc, ProtocolError):
        return error_response(exc, environ.get("HTTP_ACCEPT", ""))
    if isinstance(exc, asyncio.CancelledError):
        _log_failure("was cancelled", environ, exc)
    elif not is_clients_doing(exc, environ):
        _log_failure("failed", environ, exc)
        bear_witness(exc, environ)
    error = identified(InternalServerError(), "handler-failed") if refusal is None else refusal
    return error_response(error, environ.get("HTTP_ACCEPT", ""))


def is_clients_doing(exc: BaseException, environ: dict[str, Any]) -> bool:
    """Return whether an exception only reports that the client is gone, and the client is in fact gone."""
    protocol = environ.get("kyoukai.protocol")
    return isinstance(exc, ConnectionResetError) and protocol is not None and protocol.client_gone


def _log_failure(what: str, environ: dict[str, Any], exc: BaseException) -> None:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    logger.error("the application %s on %s %r%s", what, method, path, named(environ), exc_info=exc)
