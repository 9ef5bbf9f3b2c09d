"""Trailer fields of answers, as handlers give them."""

from typing import TypeVar

from werkzeug.wrappers import Response

from kyoukai.core.exchange.trailers import Trailers, read_trailers
from kyoukai.core.semantics.field_pairs import read_pairs

R = TypeVar("R", bound=Response)


def add_trailers(response: R, trailers: Trailers) -> R:
    """Let fields follow the body of a response, where that is streamed, and return the response.

    They are sent to clients that say ``TE: trailers``, and to no others; not with a Content-Length, nor
    by a backend without the feature ``response-trailers``. In the place of what was added before, it
    becomes the response's attribute ``trailers``.

    :param trailers: pairs of name and value, or a mapping; or a function that is called when the whole
        body has been sent, in the event loop, and returns or awaits them. Those that are known are
        announced in a Trailer field; who gives a function may set that.
    :raises ValueError: if they are known, and cannot be sent behind a body.
    """
    if not callable(trailers):
        trailers = read_pairs("trailers", trailers)
        read_trailers(trailers)
    vars(response)["trailers"] = trailers
    return response
