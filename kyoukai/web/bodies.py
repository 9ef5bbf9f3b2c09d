"""What becomes of a request's body, by the route that takes the request.

The server asks when it has the head. A route may have the body as it comes, or a limit of its own; where
no route takes the request, it is answered at once, and its body is nobody's.
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
"""The environ's variable that says why the server refused the body of a request, where it did."""


def make_plan(what: str, stream: object, max_body_size: object) -> BodyPlan | None:
    """Return what a route's options mean; ``None``, where they are the defaults.

    :param what: the route, for messages.
    :param stream: whether its handler gets bodies as they come.
    :param max_body_size: the most bytes that they may have, or ``None``.
    :raises ConfigurationError: if one of them cannot be used.
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
    """Return the body of a request as a stream: as it comes, or of what is in memory."""
    stream: BodyStream | None = request.environ.get("kyoukai.body")
    if stream is None:
        body = request.environ.get("wsgi.input")
        # A form may have been read of it before; it has everything still.
        content = body.getvalue() if isinstance(body, BytesIO) else request.get_data()
        stream = request.environ["kyoukai.body"] = BodyStream.of(content)
    return stream
