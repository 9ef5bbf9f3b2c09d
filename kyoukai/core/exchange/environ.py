"""Building a WSGI environ from an exchange (PEP 3333)."""

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from .blocking_input import make_input

if TYPE_CHECKING:
    from ..semantics.request_head import RequestHead
    from .request_body import RequestBody


TOLD: Final = "kyoukai.told"
"""The environ key that is set once the observers of answers were told of this one. A tunnel is told early:
its answer has no end."""


def connection_environ(
    *,
    scheme: str,
    server: tuple[str, int],
    peer: tuple[str, int] | None,
) -> dict[str, Any]:
    """Return the variables that all requests of one connection share.

    :param server: the address and port listened on.
    :param peer: the client's address and port; ``None`` if it has none (a Unix socket) or is already gone.
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

    :param head: the accepted head.
    :param shared: the result of :func:`connection_environ`.
    :param body: complete or streamed; ``None`` if ``whole`` is all there is.
    :param whole: a body that arrived together with its head; ``None`` without a body.
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
            # The decoded size is not known yet.
            del environ["HTTP_CONTENT_ENCODING"]
            environ.pop("CONTENT_LENGTH", None)
        return environ
    elif content.tell():
        # The body arrived in pieces. Trim the spare room of the buffer, so that reading all of it returns the
        # buffer's own bytes instead of a copy.
        content.getvalue()
        content.seek(0)
    environ["wsgi.input"] = content
    if body.decoder is not None:
        # The fields described the encoded body.
        del environ["HTTP_CONTENT_ENCODING"]
        environ["CONTENT_LENGTH"] = str(body.decoder.size)
    if body.trailers:
        environ["kyoukai.trailers"] = body.trailers
    return environ
