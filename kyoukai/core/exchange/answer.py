"""From a request's environ to a Werkzeug response, and from that to what is written of it."""

import asyncio
import logging
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Response

from ..errors import ProtocolError
from ..known import Known
from ..semantics.framing import ResponseFraming, response_framing
from .error_response import error_response
from .serialize import Head, read_fields, read_status, serialize_head
from .trailers import announced
from .witness import bear_witness

logger: Final = logging.getLogger("kyoukai.protocol")


PlanKey = tuple[str, tuple[tuple[str, str], ...], int | None, str | None, str | None, bool]
Plan = tuple[Head, ResponseFraming, int]

MAX_KNOWN_HEAD: Final = 1024
"""Bytes of the longest head that is kept for the next answer that has it."""

MAX_CLASSES: Final = 64
"""How many classes of responses are kept of which it is known how they are read."""

_plans: Known[PlanKey, Plan] = Known(512)
_plain: set[type] = set()


def whole_body(response: Response) -> bytes | None:
    """Return the body if all of it is in memory, else ``None``."""
    # Werkzeug's annotation leaves out what an application may have assigned.
    body: object = response.response
    if isinstance(body, (list, tuple)):
        if len(body) == 1 and type(body[0]) is bytes:
            return body[0]
        return b"".join(response.iter_encoded())
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return None


def prepare_answer(
    response: Response, environ: dict[str, Any], close: bool, date: str, server: str
) -> tuple[bytes, bytes | None, ResponseFraming, int]:
    """Make a response ready for the wire.

    :param environ: of the request.
    :param close: whether the connection ends with this answer.
    :param date: the Date field's value.
    :param server: the Server field's value; empty: none.
    :return: its head; its body, ``None`` for a stream; its framing; the code of its status.
    :raises InvalidResponseError: if the response cannot be sent.
    """
    # No function is called here for what nearly every answer is: the calls would cost as much again.
    body: object = response.response
    piece = body[0] if type(body) is list and len(body) == 1 else None
    headers = response.headers
    if type(piece) is bytes:
        content: bytes | None = piece
    else:
        content = whole_body(response)
        if content is None:
            headers = announced(response, environ)
    # Werkzeug's property, and its iterator over the fields, take as long as all the rest of this does.
    # The tests hold what is read here in their stead to what they return.
    key: PlanKey = (
        response._status if type(response) in _plain or _learn(type(response)) else response.status,
        tuple(headers._list if type(headers) is Headers else iter(headers)),
        None if content is None else len(content),
        environ.get("REQUEST_METHOD"),
        environ.get("SERVER_PROTOCOL"),
        close,
    )
    plan = _plans.get(key)
    if plan is None:
        plan = plan_answer(*key)
        if len(plan[0]) <= MAX_KNOWN_HEAD and _plans.is_wanted(key):
            _plans.keep(key, plan)
    head, framing, code = plan
    if head.date is not date or head.server is not server:
        head.complete(date, server)
    return head.whole, content, framing, code


def _learn(cls: type[Response]) -> bool:
    """Return whether the status of a response of this class is where Werkzeug keeps it."""
    plain = cls.status is Response.status
    if plain and len(_plain) < MAX_CLASSES:
        _plain.add(cls)
    return plain


def plan_answer(
    status: str,
    fields: tuple[tuple[str, str], ...],
    size: int | None,
    method: str | None,
    protocol: str | None,
    close: bool,
) -> Plan:
    """Return the head of an answer, how it is delimited, and its status, by all that they depend on.

    An application has few kinds of answers, and gives the same ones again and again.

    :param status: code and reason, ``"200 OK"``.
    :param fields: what the application set.
    :param size: bytes of the body; ``None`` where it is a stream.
    :param method: of the request; by default GET.
    :param protocol: of the request: ``"HTTP/1.0"``, or by default ``"HTTP/1.1"``.
    :param close: whether the connection ends with this answer.
    :raises InvalidResponseError: if it cannot be sent.
    """
    code = read_status(status)
    section = read_fields(fields)
    version = "1.0" if protocol == "HTTP/1.0" else "1.1"
    framing = response_framing(
        method="GET" if method is None else method,
        version=version,
        status=code,
        size=size,
        declared=section.content_length,
        close=close or section.close,
    )
    return serialize_head(status, section, framing, version=version), framing, code


def answer_failure(
    exc: BaseException, environ: dict[str, Any], refusal: ProtocolError | None = None
) -> Response:
    """Return the answer to a request for which the application raised ``exc``, and log that.

    A :class:`ProtocolError` is what a streamed body broke with, and no fault of the application's.

    :param refusal: why the body was refused, where the application was to answer that.
    """
    if isinstance(exc, ProtocolError):
        return error_response(exc, environ.get("HTTP_ACCEPT", ""))
    if isinstance(exc, asyncio.CancelledError):
        _log_failure("was cancelled", environ, exc)
    elif not is_clients_doing(exc, environ):
        _log_failure("failed", environ, exc)
        bear_witness(exc, environ)
    error = InternalServerError() if refusal is None else refusal
    return error_response(error, environ.get("HTTP_ACCEPT", ""))


def is_clients_doing(exc: BaseException, environ: dict[str, Any]) -> bool:
    """Return whether ``exc`` says that the client is gone, and it is: no fault, and noted already."""
    protocol = environ.get("kyoukai.protocol")
    return isinstance(exc, ConnectionResetError) and protocol is not None and protocol.client_gone


def _log_failure(what: str, environ: dict[str, Any], exc: BaseException) -> None:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    logger.error("the application %s on %s %r", what, method, path, exc_info=exc)
