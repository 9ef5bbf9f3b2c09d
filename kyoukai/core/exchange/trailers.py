"""Trailer fields of answers: fields that are known only at the end of a body (RFC 9110 section 6.5).

A response has them in its attribute ``trailers``. They are sent behind a streamed, chunked body to a client
that says it keeps them, and left out for any other, so no application may depend on them. An error in them is
logged; the body before them is complete anyway.
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
"""Makes the fields at the end of the body."""

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

# How to process content must be known before it. RFC 9530 section 2 allows digests behind it.
CONTENT: Final = "content-"
DIGEST: Final = "content-digest"


def is_forbidden(name: str) -> bool:
    """Return whether a field is not allowed in a trailer section.

    :raises InvalidResponseError: if ``name`` is not a field name.
    """
    lowered = lowered_name(name)
    return lowered in FORBIDDEN or (lowered.startswith(CONTENT) and lowered != DIGEST)


def read_trailers(fields: FieldPairs) -> list[tuple[str, str]]:
    """Return trailer fields one by one.

    :raises InvalidResponseError: if one of them cannot be sent, or not in a trailer section.
    """
    pairs = read_pairs("trailers", fields)
    for name, _ in pairs:
        if is_forbidden(name):
            raise InvalidResponseError(
                f"{name} cannot be a trailer field: it is needed before the body (RFC 9110 section 6.5.1)"
            )
    encode_lines([f"{name}: {value}" for name, value in pairs])
    return pairs


def takes_trailers(environ: dict[str, Any]) -> bool:
    """Return whether a chunked answer to a request may have trailer fields.

    :param environ: the request's.
    """
    protocol = environ.get("kyoukai.protocol")
    return protocol is not None and keeps_trailers(environ, protocol.features)


def keeps_trailers(variables: Mapping[str, Any], features: Collection[str]) -> bool:
    """Return whether a client says that it keeps trailer fields, and the backend can send them.

    :param variables: those of the request's head.
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
    """Return the fields of a streamed response, with a Trailer field if trailer fields follow.

    RFC 9110 section 6.6.2: "If an intermediary discards the trailer section in transit, the Trailer
    field could provide a hint". If a function makes the trailers, the application may set the field itself.

    :param environ: the request's.
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
            return headers  # It is logged when the trailers would be sent.
        names = dict.fromkeys(name for name, _ in read_pairs("trailers", trailers))
        headers = Headers(headers)
        if names:
            headers["Trailer"] = ", ".join(names)
    return headers


def trailers_of(response: Response, environ: dict[str, Any]) -> MakeTrailers | None:
    """Return the maker of a streamed response's trailer fields, or ``None`` if it has none.

    :param environ: the request's.
    """
    trailers = getattr(response, "trailers", None)
    if trailers is None or not takes_trailers(environ):
        return None
    return functools.partial(make_trailers, trailers, environ)


async def make_trailers(trailers: Trailers, environ: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the trailer fields; if they cannot be sent, log that and return none."""
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
