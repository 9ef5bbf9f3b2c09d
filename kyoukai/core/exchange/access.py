"""The access log: one line an answer, on the logger ``kyoukai.access`` at INFO.

::

    127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432 0.000317

The client's address, the request line, the status, the bytes of content sent, and the seconds from the
end of the request's head to the end of its answer. The address is that of the request, so that a proxy
which the application trusts can name the client; it has a port where it is the connection's own. What
clients sent is escaped, so that no line can be forged. ``-`` stands for what is not known.
"""

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..faults import is_fault

# Codecs are imported when they are first used, and there may be no descriptor left by then.
"".encode("unicode_escape")

MAX_LOGGED_TARGET: Final = 8 * 1024
"""Bytes of a target that are logged: as many as it may have by default."""

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from ..semantics.request_head import RequestHead


class Answered(Protocol):
    """An answer, as the log sees it. :class:`~kyoukai.core.exchange.exchange.Exchange` is one."""

    head: "RequestHead"
    """What was asked."""
    status: int
    sent: int
    """Bytes of content."""
    began: float
    """When the head was read, in seconds, by :func:`time.perf_counter`."""


def escape(text: str) -> str:
    """Return ``text`` with quotes, backslashes, control and non-ASCII characters escaped."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def client_name(request: "Request | None", environ: dict[str, Any]) -> str:
    """Return who asked, as the log has it: the address, and the port where that is known.

    :param request: ``None`` where none was made. Its ``remote_addr`` is the client's address.
    :param environ: the one that the connection's requests share.
    """
    peer = environ.get("REMOTE_ADDR")
    try:
        address = peer if request is None else request.remote_addr
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # A class of the application's reads it its own way, and nothing hangs on what the log says.
        address = peer
    if not address:
        return "-"
    name = escape(str(address)).replace(" ", "\\x20")
    if address != peer:
        return name
    # A web server in front may name the client, and not its port.
    port = environ.get("REMOTE_PORT")
    if port is None:
        return name
    # RFC 3986 section 3.2.2: an IPv6 address has colons of its own.
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def access_line(exchange: Answered, client: str, now: float) -> str:
    """Return the line of one answer.

    :param client: see :func:`client_name`.
    :param now: when it ended, in seconds, by :func:`time.perf_counter`.
    """
    head = exchange.head
    target = head.target.decode("latin-1")
    if len(target) > MAX_LOGGED_TARGET:
        target = f"{target[:MAX_LOGGED_TARGET]}..."
    request = f"{escape(head.method or '-')} {escape(target or '-')} HTTP/{escape(head.version)}"
    return f'{client} "{request}" {exchange.status} {exchange.sent} {now - exchange.began:.6f}'


def log_answer(
    logger: logging.Logger, exchange: Answered, request: "Request | None", environ: dict[str, Any]
) -> None:
    """Log one answer, and format nothing where nobody listens.

    The parameters are those of :func:`client_name`.
    """
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s", access_line(exchange, client_name(request, environ), perf_counter()))
