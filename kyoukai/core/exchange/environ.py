"""From an exchange to a WSGI environ (PEP 3333)."""

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from .blocking_input import make_input

if TYPE_CHECKING:
    from ..semantics.request_head import RequestHead
    from .request_body import RequestBody


TOLD: Final = "kyoukai.told"
"""Set in an environ where whoever observes answers has been told of this one: a tunnel's has no end."""


def connection_environ(
    *,
    scheme: str,
    server: tuple[str, int],
    peer: tuple[str, int] | None,
) -> dict[str, Any]:
    """Return the variables that all requests of one connection share, and others do not.

    :param server: the address and port listened on.
    :param peer: the client's address and port; ``None`` where it has none (a Unix socket) or is
        gone already.
    """
    environ: dict[str, Any] = {
        "wsgi.errors": sys.stderr,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
    }
    if scheme != "http":
        environ["wsgi.url_scheme"] = scheme
    if peer is not None:
        environ["REMOTE_ADDR"] = peer[0]
        environ["REMOTE_PORT"] = str(peer[1])
    return environ


def build_environ(
    head: "RequestHead", shared: dict[str, Any], body: "RequestBody | None", whole: bytes | None = None
) -> dict[str, Any]:
    """Return the environ of one request.

    :param head: it was accepted.
    :param shared: what :func:`connection_environ` returned.
    :param body: it is whole, or streamed; ``None``: there is no more to it than ``whole``.
    :param whole: a body that came along with its head; ``None``: the request has none.
    """
    environ: dict[str, Any] = head.environ | shared
    if body is None:
        environ["wsgi.input"] = BytesIO(whole)  # type: ignore[arg-type] # of None it is an empty one
        return environ
    content = body.content
    if content is None:
        content = BytesIO()
    elif type(content) is not BytesIO:
        environ["kyoukai.body"] = content
        environ["wsgi.input"] = make_input(content)  # type: ignore[arg-type]
        if body.decoder is not None:
            # How many bytes it stands for is not known yet.
            del environ["HTTP_CONTENT_ENCODING"]
            environ.pop("CONTENT_LENGTH", None)
        return environ
    elif content.tell():
        # It came in pieces. It gives up the room that it has left; whoever reads all of it gets its own
        # bytes, not a copy.
        content.getvalue()
        content.seek(0)
    environ["wsgi.input"] = content
    if body.decoder is not None:
        # What the fields said of the body is no longer so.
        del environ["HTTP_CONTENT_ENCODING"]
        environ["CONTENT_LENGTH"] = str(body.decoder.size)
    if body.trailers:
        environ["kyoukai.trailers"] = body.trailers
    return environ
