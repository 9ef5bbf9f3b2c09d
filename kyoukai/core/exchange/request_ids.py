"""The id of a request, by which the lines that different programs log of it are found together.

It is the ``X-Request-ID`` that a trusted proxy sent, or else one made here, when it is first asked for.
"""

import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

REQUEST_ID: Final = "kyoukai.request_id"
"""Where the environ of a request has it, once it has been asked for."""

TAKEN: Final = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,128}")
"""What is taken of a proxy: what every log and every header can have."""


def make_id() -> str:
    """Return a new id: 32 hexadecimal digits, milliseconds since 1970 and 80 random bits.

    They are in order of time, as those of UUID version 7 (RFC 9562 section 5.7).
    """
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def take_id(sent: str | None, asked: Any) -> str:
    """Return the id of a request.

    :param sent: the value of ``X-Request-ID``.
    :param asked: the exchange or the connection, whose environ says who the peer is; ``None``: there is none.
    """
    if sent and asked is not None and asked.server.trusts_peer(asked.environ) and TAKEN.fullmatch(sent):
        return sent
    return make_id()


def request_id(environ: dict[str, Any]) -> str:
    """Return the id of a request, by its environ; it is made when it is first asked for."""
    known: str | None = environ.get(REQUEST_ID)
    if known is None:
        known = environ[REQUEST_ID] = take_id(
            environ.get("HTTP_X_REQUEST_ID"), environ.get("kyoukai.protocol")
        )
    return known


def request_id_of(exchange: Any, request: "Request | None") -> str:
    """Return the id of a request, of which there may be an exchange alone."""
    return exchange.request_id if request is None else request_id(request.environ)


def named(environ: dict[str, Any]) -> str:
    """Return the id of a request as a part of a line of the log."""
    return f" (request id {request_id(environ)})"
