"""What becomes of a request's body, by the route that takes the request.

The server asks when it has the head. A route may have the body as it comes, or a limit of its own; where
no route takes the request, it is answered at once, and its body is nobody's.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from werkzeug import wrappers

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.request_body import BodyStream
from kyoukai.core.faults import is_fault
from kyoukai.core.limits import MOST
from kyoukai.core.serving.application import BodyPlan

from .checks import check_flag

if TYPE_CHECKING:
    from .routing import Router, Target

REFUSED: Final = BodyPlan(refused=True)

REFUSAL: Final = "kyoukai.refusal"
"""The environ's variable that says why the server refused the body of a request, where it did."""


class _Sought:
    """What a router notes its finding in, where there is no context yet."""

    route: object = None
    found: object = None


def plan_body(
    router: "Router", environ: dict[str, Any], request_class: type[wrappers.Request]
) -> BodyPlan | None:
    """Return how the body of a request is read, of which there is the head.

    :param environ: of the request, with no body.
    :param request_class: the application's, which may read method and path of something else.
    :return: ``None``: into memory, as far as the server's ``max_body_size``.
    """
    try:
        return find_target(router, environ, request_class).body_plan
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # A host that is none, or a converter that fails: whoever answers the request will find it again.
        return None


def find_target(router: "Router", environ: dict[str, Any], request_class: type[wrappers.Request]) -> "Target":
    """Return what answers a request, without a context. The parameters are those of :func:`plan_body`."""
    note: Any = _Sought()
    try:
        # As the server will: a class may take no more than the environ.
        target, _ = router.match(note, request_class(environ))
    finally:
        environ.pop("werkzeug.request", None)
    return target


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
