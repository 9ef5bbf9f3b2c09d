"""Decides from the route how the body of a request is read.

The server asks at the end of the head. A route may stream bodies, or have its own limit. A request without a
route is answered at once, and its body is not needed.
"""

from io import BytesIO
from typing import Final

from werkzeug import wrappers

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.body_stream import BodyStream
from kyoukai.core.limits import MOST
from kyoukai.core.serving.application import BodyPlan

from .checks import check_flag

REFUSED: Final = BodyPlan(refused=True)

REFUSAL: Final = "kyoukai.refusal"
"""The environ variable with the server's reason for refusing the body."""


def make_plan(what: str, stream: object, max_body_size: object) -> BodyPlan | None:
    """Return the body plan for a route's options; ``None`` for the defaults.

    :param what: the route, for messages.
    :param stream: whether its handler reads bodies as they arrive.
    :param max_body_size: the largest body in bytes, or ``None``.
    :raises ConfigurationError: if an option cannot be used.
    """
    stream = check_flag(f"stream of {what}", stream)
    if max_body_size is None:
        return BodyPlan(stream=True) if stream else None
    if (
        not isinstance(max_body_size, int)
        or isinstance(max_body_size, bool)
        or not 0 <= max_body_size <= MOST
    ):
        raise ConfigurationError(
            f"max_body_size of {what} must be a whole number of bytes, or None, not {max_body_size!r}"
        )
    return BodyPlan(stream, max_body_size)


def stream_of(request: wrappers.Request) -> BodyStream:
    """Return the body of a request as a stream: streamed by the server, or made from the buffered body."""
    stream: BodyStream | None = request.environ.get("kyoukai.body")
    if stream is None:
        body = request.environ.get("wsgi.input")
        # A form may have been parsed from it before; the buffer still has the whole body.
        content = body.getvalue() if isinstance(body, BytesIO) else request.get_data()
        stream = request.environ["kyoukai.body"] = BodyStream.of(content)
    return stream
