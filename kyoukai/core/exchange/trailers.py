"""Trailer fields of answers: what is known only at the end of a body (RFC 9110 section 6.5).

A response has them as its attribute ``trailers``. They are sent behind a body that is streamed and
chunked, to a client that said that it keeps them, and are left out for any other: none may depend on
them. What is wrong with them is logged; the body before them is whole all the same.
"""

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from ..faults import is_end
from ..features import Feature
from ..semantics.field_pairs import FieldPairs, read_pairs
from ..semantics.serialize import HOP_BY_HOP, InvalidResponseError, encode_lines, lowered_name
from .origins import origin

logger: Final = logging.getLogger("kyoukai.protocol")

Trailers = FieldPairs | Callable[[], FieldPairs | Awaitable[FieldPairs | None] | None]
"""The fields, or a function that is called at the end of the body and returns them."""

MakeTrailers = Callable[[], Awaitable[list[tuple[str, str]]]]
"""Makes the fields, once the body is at its end."""

# RFC 9110 section 6.5.1: "Many fields cannot be processed outside the header section because their
# evaluation is necessary prior to receiving the content, such as those that describe message framing,
# routing, authentication, request modifiers, response controls, or content format." RFC 7230 section
# 4.1.2 names them by the sections of RFC 7231 that define them.
FORBIDDEN: Final = HOP_BY_HOP | {
    "trailer", "host",  # framing, routing
    "authorization", "cookie", "proxy-authenticate", "proxy-authorization", "set-cookie", "www-authenticate",
    "cache-control", "expect", "max-forwards", "pragma", "range",
    "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
    "age", "date", "expires", "location", "retry-after", "vary", "warning", "accept-ranges", "allow",
}  # fmt: skip

# How to process content has to be known when it begins. RFC 9530 section 2 lets digests of it follow.
CONTENT: Final = "content-"
DIGEST: Final = "content-digest"


def is_forbidden(name: str) -> bool:
    """Return whether a field never stands in a trailer section.

    :raises InvalidResponseError: if it is no name of a field.
    """
    lowered = lowered_name(name)
    return lowered in FORBIDDEN or (lowered.startswith(CONTENT) and lowered != DIGEST)


def read_trailers(fields: FieldPairs) -> list[tuple[str, str]]:
    """Return trailer fields one by one.

    :raises InvalidResponseError: if one of them cannot be sent, or not behind the body.
    """
    pairs = read_pairs("trailers", fields)
    for name, _ in pairs:
        if is_forbidden(name):
            raise InvalidResponseError(
                f"{name} can be no trailer field: it is needed before the body (RFC 9110 section 6.5.1)"
            )
    encode_lines([f"{name}: {value}" for name, value in pairs])
    return pairs


def takes_trailers(environ: dict[str, Any]) -> bool:
    """Return whether trailer fields may be sent behind the answer to a request, if that is chunked.

    :param environ: of the request.
    """
    protocol = environ.get("kyoukai.protocol")
    return protocol is not None and keeps_trailers(environ, protocol.features)


def keeps_trailers(variables: Mapping[str, Any], features: Collection[str]) -> bool:
    """Return whether a client says that it keeps trailer fields, and the backend sends such.

    :param variables: of the request's head.
    :param features: the backend's.
    """
    if Feature.RESPONSE_TRAILERS not in features:
        return False
    # RFC 9110 section 10.1.4: "a TE field with a "trailers" member sent in a request indicates that the
    # client will not discard trailer fields."
    return variables.get("SERVER_PROTOCOL") != "HTTP/1.0" and any(
        coding.strip(" \t").lower() == "trailers" for coding in variables.get("HTTP_TE", "").split(",")
    )


def announced(response: Response, environ: dict[str, Any]) -> Headers:
    """Return the fields of a streamed response, with a Trailer field where trailer fields follow.

    RFC 9110 section 6.6.2: "If an intermediary discards the trailer section in transit, the Trailer
    field could provide a hint". Those that are not known by now are announced by who sets the field.

    :param environ: of the request.
    """
    trailers = getattr(response, "trailers", None)
    headers = response.headers
    if trailers is None:
        return headers
    if "Content-Length" in headers or not takes_trailers(environ):
        headers = Headers(headers)
        headers.pop("Trailer", None)
    elif isinstance(trailers, Mapping | list | tuple) and "Trailer" not in headers:
        try:
            read_trailers(trailers)
        except InvalidResponseError:
            return headers  # It is logged when they would be sent.
        names = dict.fromkeys(name for name, _ in read_pairs("trailers", trailers))
        headers = Headers(headers)
        if names:
            headers["Trailer"] = ", ".join(names)
    return headers


def trailers_of(response: Response, environ: dict[str, Any]) -> MakeTrailers | None:
    """Return what makes the trailer fields of a streamed response, or ``None``, where it has none.

    :param environ: of the request.
    """
    trailers = getattr(response, "trailers", None)
    if trailers is None or not takes_trailers(environ):
        return None
    return functools.partial(make_trailers, trailers, environ)


async def make_trailers(trailers: Trailers, environ: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the trailer fields; none, and a line of the log, where they cannot be sent."""
    try:
        fields = trailers() if callable(trailers) else trailers
        if inspect.isawaitable(fields):
            fields = await fields
        return [] if fields is None else read_trailers(fields)
    except BaseException as exc:
        if is_end(exc):
            raise
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        source = origin(getattr(environ.get("kyoukai.protocol"), "app", None), environ)
        text = "the trailers of the answer to %s %r cannot be sent%s"
        logger.error(text, method, path, source, exc_info=exc)
        return []
