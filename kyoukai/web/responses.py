"""What a handler may return, and the response that each of it becomes.

================================  ======================================================
a response                        itself, of any class
``str``                           HTML
``bytes`` and the like            ``application/octet-stream``
``dict``, ``list``, a dataclass   JSON
``None``                          204, nothing
an iterator, also asynchronous    HTML, streamed
an HTTP error                     its default answer; error handlers are not called
``(body, status)``                ``body`` as above, with that status
``(body, headers)``               ``body`` as above, with these fields in place of its own
``(body, status, headers)``       both
================================  ======================================================
"""

import dataclasses
import functools
import inspect
import json
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from typing import Any, Final, cast

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from kyoukai.core.exchange.error_response import error_response

from .calling import AnyFunction, describe
from .closing import note_unsent
from .wrappers import Response as OwnResponse

HTML: Final = "text/html; charset=utf-8"
BINARY: Final = "application/octet-stream"
JSON: Final = "application/json"

Bodies = Mapping[type, tuple[Callable[[Any], bytes], str]]
"""For each type of body: how it is encoded, and its content type."""

FINAL_STATUSES: Final = range(200, 600)


def _as_dict(value: object) -> dict[str, Any]:
    """Return the fields of a dataclass, whose form in JSON is an object.

    :raises TypeError: if ``value`` is not one.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


ENCODER: Final = json.JSONEncoder(
    default=_as_dict, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)

# The encoder's inner function, made once: making it takes as long as using it. The tests compare
# its output with json.dumps. Without its first argument, the markers of cycles, it keeps no state
# between values; a value that contains itself exceeds the recursion limit.
_make: Final = getattr(json.encoder, "c_make_encoder", None)
_encode: Final = _make and _make(
    None, ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)

USABLE: Final = (
    "a str, bytes, dict, list, dataclass, iterator, Response or HTTPException, None,"
    " or a tuple (body, status), (body, headers) or (body, status, headers)"
)


def encode_json(value: dict[Any, Any] | list[Any]) -> bytes:
    """Return ``value`` as JSON in UTF-8, without white space.

    :raises TypeError: if a value has no JSON form.
    :raises ValueError: if it contains a NaN, an infinity or itself.
    """
    if _encode is not None:
        try:
            return "".join(_encode(value, 0)).encode()
        except RecursionError:
            pass  # The whole encoder finds out which error it is.
    return ENCODER.encode(value).encode()


# By far the most frequent return values.
BODIES: Final[Bodies] = {
    str: (str.encode, HTML),
    dict: (encode_json, JSON),
    list: (encode_json, JSON),
    bytes: (bytes, BINARY),
    bytearray: (bytes, BINARY),
    memoryview: (bytes, BINARY),
}


def make_bodies(encode: Callable[[Any], bytes]) -> Bodies:
    """Return the encoders of bodies, with ``encode`` for JSON."""
    return {**BODIES, dict: (encode, JSON), list: (encode, JSON)}


def make_response(
    value: Any,
    response_class: type[Response] = Response,
    request: Request | None = None,
    origin: AnyFunction | None = None,
    default_status: int | None = None,
    bodies: Bodies = BODIES,
) -> Response:
    """Return the response for the return value of a handler.

    :param value: a response, ``str`` (HTML), ``bytes``, ``dict`` or ``list`` (JSON), ``None`` (204), an
        iterator or async iterator (streamed HTML), an HTTP error, or a tuple ``(body, status)``, ``(body,
        headers)`` or ``(body, status, headers)``.
    :param response_class: the class of the response, unless ``value`` is a response.
    :param request: the request: the format of an error depends on its ``Accept``.
    :param origin: the function that returned ``value``, for messages.
    :param default_status: the status if ``value`` has none; by default 200, or 204 for ``None``.
    :param bodies: the encoders of bodies.
    :raises TypeError: if ``value`` is of another type.
    :raises ValueError: if ``value`` cannot be sent, for example a NaN in JSON.
    """
    try:
        if default_status is None and type(value) in bodies:
            encode, content_type = bodies[type(value)]
            # Positional: a keyword argument takes as long as all the rest.
            if response_class is OwnResponse:
                return OwnResponse([encode(value)], None, None, None, content_type)
            return response_class([encode(value)], content_type=content_type)
        return _make_response(value, response_class, request, default_status, bodies)
    except (TypeError, ValueError) as exc:
        kind = TypeError if isinstance(exc, TypeError) else ValueError
        name = describe(origin) if origin is not None else "a function"
        error = kind(f"{name} returned {value!r:.80}, which cannot be sent: {exc}")
        note_unsent(error, value)
        raise error from exc


def encoding_by(encode: Callable[[Any], bytes]) -> Callable[..., Response]:
    """Return :func:`make_response` with ``encode`` as the JSON encoder."""
    if encode is encode_json:
        return make_response
    return functools.partial(make_response, bodies=make_bodies(encode))


def render_error(error: HTTPException, response_class: type[Response], request: Request | None) -> Response:
    """Return the response for ``error`` if no error handler answers it.

    A response that the error carries, or that its class makes itself, such as a redirect, is returned
    unchanged.
    """
    if error.response is not None or type(error).get_response is not HTTPException.get_response:
        return error.get_response(request.environ if request is not None else None)
    accept = request.headers.get("Accept", "") if request is not None else ""
    response = error_response(error, accept, response_class)
    # RFC 9110 section 12.5.5: a cached error must not go to a client that accepts another type.
    response.vary.add("Accept")
    return response


def _make_response(
    value: Any,
    response_class: type[Response],
    request: Request | None,
    default_status: int | None,
    bodies: Bodies,
) -> Response:
    """Return the response for ``value``; messages do not name the function that returned it."""
    body, status, fields = _unpack(value) if isinstance(value, tuple) else (value, None, None)
    response = _from_body(body, response_class, request, bodies)
    if status is None and not isinstance(body, Response | HTTPException):
        status = default_status or (204 if body is None else None)
    if status is not None:
        response.status = status
        # RFC 9110 section 15: three digits; a status below 200 is interim (15.2).
        if response.status_code not in FINAL_STATUSES:
            raise ValueError(f"a status must be from 200 to 599, not {status!r}")
    if fields is not None:
        response.headers.update(Headers(fields))
    return response


def _unpack(value: tuple[Any, ...]) -> tuple[Any, int | str | None, Any]:
    """Return body, status and header fields of a tuple."""
    match value:
        case [body, Mapping() | Headers() | list()]:
            return body, None, value[1]
        case [body, int() | str() as code] if not isinstance(code, bool):
            return body, code, None
        case [body, int() | str() | None as status, Mapping() | Headers() | list() | None] if not isinstance(
            status, bool
        ):
            return body, status, value[2]
    kinds = ", ".join(type(part).__qualname__ for part in value)
    raise TypeError(f"it is a tuple ({kinds}); return {USABLE}")


def _from_body(
    value: Any, response_class: type[Response], request: Request | None, bodies: Bodies
) -> Response:
    """Return a response with ``value`` as its body.

    The server sets the length of a buffered body: it reads it from the list, even if a hook has changed that.
    """
    for kind, (encode, content_type) in bodies.items():
        if isinstance(value, kind):
            return response_class([encode(value)], content_type=content_type)
    match value:
        case Response():
            return value
        case None:
            response = response_class()
            # No content has no type.
            response.headers.pop("Content-Type", None)
            return response
        case HTTPException():
            return render_error(value, response_class, request)
        case Iterator() | AsyncIterable():
            # Werkzeug keeps objects other than text and bytes unchanged.
            return response_class(cast("Iterator[bytes]", value), content_type=HTML)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            encode, content_type = bodies[dict]
            return response_class([encode(value)], content_type=content_type)
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("it is a coroutine: an `await` is missing")
    raise TypeError(f"it is of {type(value)}; return {USABLE}")
