"""Trailer fields of responses."""

from typing import TypeVar

from werkzeug.wrappers import Response

from kyoukai.core.exchange.trailers import Trailers, read_trailers
from kyoukai.core.semantics.field_pairs import read_pairs

R = TypeVar("R", bound=Response)


def add_trailers(response: R, trailers: Trailers) -> R:
    """Add trailer fields to a response with a streamed body, and return the response (RFC 9110 section 6.5).

    They are sent to clients that send ``TE: trailers``, unless the response has a Content-Length or the
    backend lacks the feature ``response-trailers``. A second call replaces the first: the fields are the
    response's attribute ``trailers``.

    :param response: the response.
    :param trailers: pairs of name and value, or a mapping; or a function that returns or awaits them, called
        in the event loop when the whole body is sent. Known fields are announced in a Trailer field; with a
        function, set this field yourself if needed.
    :raises ValueError: if given fields cannot be sent as trailers.
    """
    if not callable(trailers):
        trailers = read_pairs("trailers", trailers)
        read_trailers(trailers)
    vars(response)["trailers"] = trailers
    return response
