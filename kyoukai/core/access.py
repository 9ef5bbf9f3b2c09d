"""The access log: one line an answer, on the logger ``kyoukai.access`` at INFO.

::

    127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432

The client's address, the request line, the status, and the bytes of content sent. What the client
sent is escaped, so that no line can be forged. ``-`` stands for what is not known.
"""

import logging
from typing import TYPE_CHECKING, Any, Final

# Codecs are imported when they are first used, and there may be no descriptor left by then.
"".encode("unicode_escape")

MAX_LOGGED_TARGET: Final = 8 * 1024
"""Bytes of a target that are logged: as many as it may have by default."""

if TYPE_CHECKING:
    from .exchange import Exchange


def escape(text: str) -> str:
    """Return ``text`` with quotes, backslashes, control and non-ASCII characters escaped."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def access_line(exchange: "Exchange", environ: dict[str, Any]) -> str:
    """Return the line of one answer. ``environ`` is the one that the connection's requests share."""
    peer = "{REMOTE_ADDR}:{REMOTE_PORT}".format_map(environ) if "REMOTE_ADDR" in environ else "-"
    target = exchange.target.decode("latin-1")
    if len(target) > MAX_LOGGED_TARGET:
        target = f"{target[:MAX_LOGGED_TARGET]}..."
    request = f"{escape(exchange.method or '-')} {escape(target or '-')} HTTP/{escape(exchange.version)}"
    return f'{peer} "{request}" {exchange.status} {exchange.sent}'


def log_answer(logger: logging.Logger, exchange: "Exchange", environ: dict[str, Any]) -> None:
    """Log one answer, and format nothing where nobody listens."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s", access_line(exchange, environ))
