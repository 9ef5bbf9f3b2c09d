"""The id of a request, which connects the log lines of different programs.

It is the ``X-Request-ID`` of a trusted proxy, or is made here when it is first asked for.
"""

import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

REQUEST_ID: Final = "kyoukai.request_id"
"""The key in a request's environ, set when the id is first asked for."""

TAKEN: Final = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,128}")
"""The ids that are accepted from a proxy: characters that are safe in any log and header."""


def make_id() -> str:
    """Return a new id: 32 hexadecimal digits, from milliseconds since 1970 and 80 random bits.

    Like UUID version 7 (RFC 9562 section 5.7), ids are ordered by time.
    """
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def take_id(sent: str | None, asked: Any) -> str:
    """Return the proxy's id if it is trusted and valid, otherwise a new one.

    :param sent: the value of ``X-Request-ID``.
    :param asked: the exchange or the connection, whose environ names the peer; ``None`` if there is none.
    """
    if sent and asked is not None and asked.server.trusts_peer(asked.environ) and TAKEN.fullmatch(sent):
        return sent
    return make_id()


def request_id(environ: dict[str, Any]) -> str:
    """Return the id of a request by its environ; it is made when it is first asked for."""
    known: str | None = environ.get(REQUEST_ID)
    if known is None:
        known = environ[REQUEST_ID] = take_id(
            environ.get("HTTP_X_REQUEST_ID"), environ.get("kyoukai.protocol")
        )
    return known


def request_id_of(exchange: Any, request: "Request | None") -> str:
    """Return the id of a request, which may have an exchange only."""
    return exchange.request_id if request is None else request_id(request.environ)


def named(environ: dict[str, Any]) -> str:
    """Return the id of a request in the form for a log line."""
    return f" (request id {request_id(environ)})"
