"""From a request's environ to a Werkzeug response, and from that to what is written of it."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Request, Response

from .error_response import error_response
from .framing import ResponseFraming, response_framing
from .serialize import InvalidResponseError, read_fields, serialize_head

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import Application

logger: Final = logging.getLogger("kyoukai.protocol")


class Answer(NamedTuple):
    """A response made ready for the wire."""

    head: bytes
    body: bytes | None
    """The whole body; ``None`` where it is a stream."""
    framing: ResponseFraming


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
    response: Response, environ: dict[str, Any], *, close: bool, date: str, server: str
) -> Answer:
    """Make a response ready for the wire.

    :param environ: of the request.
    :param close: whether the connection ends with this answer.
    :param date: the Date field's value.
    :param server: the Server field's value; empty: none.
    :raises InvalidResponseError: if the response cannot be sent.
    """
    status = response.status_code
    # RFC 9110 section 15: a final response has one of 200 to 599; what is above is left to its
    # author. 101 is no answer but a change of protocol: see HTTPProtocol.replace.
    if not 200 <= status <= 999:
        raise InvalidResponseError(f"the status {response.status!r} is none of a final response")
    body = whole_body(response)
    section = read_fields(response.headers)
    version = "1.0" if environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else "1.1"
    framing = response_framing(
        method=environ.get("REQUEST_METHOD", "GET"),
        version=version,
        status=status,
        size=None if body is None else len(body),
        declared=section.content_length,
        close=close or section.close,
    )
    head = serialize_head(response.status, section, framing, version=version, date=date, server=server)
    return Answer(head, body, framing)


def close_quietly(message: Request | Response) -> None:
    """Close a request or a response, and log what its closing raises."""
    try:
        message.close()
    except Exception:
        logger.exception("closing a %s failed", type(message).__name__)


async def ask(app: "Application", environ: dict[str, Any], parent_context: "Context") -> Response:
    """Return the application's response to one request, or a 500 if it fails."""
    try:
        request = app.request_class(environ)
        response = await app.process_request(request, parent_context)
        if isinstance(response, Response):
            return response
        raise TypeError(f"process_request returned {response!r}; it must return a Response")
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Not this task was cancelled, but something that the application waits for.
        _log_failure("was cancelled", environ, exc)
    except Exception as exc:
        if not is_clients_doing(exc, environ):
            _log_failure("failed", environ, exc)
    return error_response(InternalServerError(), environ.get("HTTP_ACCEPT", ""))


def is_clients_doing(exc: Exception, environ: dict[str, Any]) -> bool:
    """Return whether ``exc`` says that the client is gone, and it is: no fault, and noted already."""
    protocol = environ.get("kyoukai.protocol")
    return isinstance(exc, ConnectionResetError) and protocol is not None and protocol.client_gone


def _log_failure(what: str, environ: dict[str, Any], exc: BaseException) -> None:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    logger.error("the application %s on %s %r", what, method, path, exc_info=exc)


async def close_both(environ: dict[str, Any], response: Response | None) -> None:
    """Close a response, where there is one, and its request, also if the closing is cancelled."""
    try:
        if response is not None:
            if isinstance(response.response, list):
                close_quietly(response)
            else:
                await close_stream(response)
    finally:
        # The environ refers to the request as the request does to it.
        request = environ.pop("werkzeug.request", None)
        if request is not None and "files" in request.__dict__:
            # Werkzeug spools uploaded files to disk.
            close_quietly(request)


async def close_stream(response: Response) -> None:
    """Close a response as :func:`close_quietly` does, and a body that is closed asynchronously."""
    try:
        # Werkzeug's Response.close knows close(); an async generator has aclose().
        aclose = getattr(response.response, "aclose", None)
        if aclose is not None:
            await aclose()
    except Exception:
        logger.exception("closing the body of a response failed")
    finally:
        close_quietly(response)
