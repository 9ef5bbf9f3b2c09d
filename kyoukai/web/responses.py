"""What a handler may return, and the response that each of it becomes.

================================  ======================================================
a response                        itself, of whichever class it is
``str``                           HTML
``bytes`` and the like            ``application/octet-stream``
``dict``, ``list``                JSON
``None``                          204, nothing
an iterator, also asynchronous    HTML, streamed
an HTTP error                     what it would become if raised, without error handlers
``(body, status)``                ``body`` as above, with that status
``(body, headers)``               ``body`` as above, with these fields in place of its own
``(body, status, headers)``       both
================================  ======================================================
"""

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
"""How what is a body and nothing more becomes bytes, and of which type."""

FINAL_STATUSES: Final = range(200, 600)

ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

# What the encoder itself does its work by, made once: to make it takes as long as to use it does. The
# tests hold what it is given here to json.dumps. Without the first of it, where it would note what it is
# within, it keeps nothing from one value to the next; a value within itself exceeds the recursion limit.
_make: Final = getattr(json.encoder, "c_make_encoder", None)
_encode: Final = _make and _make(
    None, ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)

USABLE: Final = (
    "a str, bytes, dict, list, iterator, Response or HTTPException, None,"
    " or a tuple (body, status), (body, headers) or (body, status, headers)"
)


def encode_json(value: dict[Any, Any] | list[Any]) -> bytes:
    """Return ``value`` as JSON, with no white space in it, and in UTF-8.

    :raises TypeError: if there is something in it that JSON has no form for.
    :raises ValueError: if there is a NaN or an infinity in it, or itself.
    """
    if _encode is not None:
        try:
            return "".join(_encode(value, 0)).encode()
        except RecursionError:
            pass  # Which of the two it is, the whole encoder tells.
    return ENCODER.encode(value).encode()


# By far the most of what is returned.
BODIES: Final[Bodies] = {
    str: (str.encode, HTML),
    dict: (encode_json, JSON),
    list: (encode_json, JSON),
    bytes: (bytes, BINARY),
    bytearray: (bytes, BINARY),
    memoryview: (bytes, BINARY),
}


def make_bodies(encode: Callable[[Any], bytes]) -> Bodies:
    """Return how bodies are made where ``encode`` makes JSON."""
    return {**BODIES, dict: (encode, JSON), list: (encode, JSON)}


def make_response(
    value: Any,
    response_class: type[Response] = Response,
    request: Request | None = None,
    origin: AnyFunction | None = None,
    default_status: int | None = None,
    bodies: Bodies = BODIES,
) -> Response:
    """Return the response that ``value`` means.

    :param value: see the table above.
    :param response_class: the class of the response, where ``value`` is none itself.
    :param request: the request that is answered: errors are rendered as it accepts them.
    :param origin: the function that returned ``value``, to be named in messages.
    :param default_status: the status where ``value`` says none; otherwise 200, or 204 for ``None``.
    :param bodies: how bodies are made.
    :raises TypeError: if ``value`` is nothing that the table above has.
    :raises ValueError: if there is something in it that cannot be sent, such as a NaN in JSON.
    """
    try:
        if default_status is None and type(value) in bodies:
            encode, content_type = bodies[type(value)]
            # To name an argument takes as long as all that is done with it.
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
    """Return :func:`make_response`, with dicts and lists made into JSON by ``encode``."""
    if encode is encode_json:
        return make_response
    return functools.partial(make_response, bodies=make_bodies(encode))


def render_error(error: HTTPException, response_class: type[Response], request: Request | None) -> Response:
    """Return the response that ``error`` means when no error handler answers it.

    A response that the error carries, and one that its class makes in a way of its own, are
    returned as they are: so are redirects.
    """
    if error.response is not None or type(error).get_response is not HTTPException.get_response:
        return error.get_response(request.environ if request is not None else None)
    accept = request.headers.get("Accept", "") if request is not None else ""
    response = error_response(error, accept, response_class)
    # RFC 9110 section 12.5.5: an error can be cached, and another client accepts something else.
    response.vary.add("Accept")
    return response


def _make_response(
    value: Any,
    response_class: type[Response],
    request: Request | None,
    default_status: int | None,
    bodies: Bodies,
) -> Response:
    """Return the response that ``value`` means; messages do not say who returned it."""
    body, status, fields = _unpack(value) if isinstance(value, tuple) else (value, None, None)
    response = _from_body(body, response_class, request, bodies)
    if status is None and not isinstance(body, Response | HTTPException):
        status = default_status or (204 if body is None else None)
    if status is not None:
        response.status = status
        # RFC 9110 section 15: three digits; and those below 200 are no answer yet (15.2).
        if response.status_code not in FINAL_STATUSES:
            raise ValueError(f"a status must be from 200 to 599, not {status!r}")
    if fields is not None:
        response.headers.update(Headers(fields))
    return response


def _unpack(value: tuple[Any, ...]) -> tuple[Any, int | str | None, Any]:
    """Return the body, the status and the header fields that a tuple says."""
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
    """Return a response with ``value`` for its body.

    The length of a body that is all there is left to the server to say: it knows it from the
    list, even where a hook has changed it.
    """
    for kind, (encode, content_type) in bodies.items():
        if isinstance(value, kind):
            return response_class([encode(value)], content_type=content_type)
    match value:
        case Response():
            return value
        case None:
            response = response_class()
            # There is nothing that could be of a type.
            response.headers.pop("Content-Type", None)
            return response
        case HTTPException():
            return render_error(value, response_class, request)
        case Iterator() | AsyncIterable():
            # Werkzeug keeps any object that is neither text nor bytes as it is.
            return response_class(cast("Iterator[bytes]", value), content_type=HTML)
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("it is a coroutine, which `await` was forgotten for")
    raise TypeError(f"it is of {type(value)}; return {USABLE}")
