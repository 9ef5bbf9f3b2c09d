"""Log a failed start in one line, and the addresses of a successful one.

Asphalt logs the error of a failed start with its traceback. For Kyoukai's own errors, the message alone is
enough.
"""

import asyncio
import importlib.util
import logging
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from kyoukai.core.contract import registry
from kyoukai.core.contract.negotiation import offered_protocols
from kyoukai.core.contract.selection import Selected
from kyoukai.core.errors import KyoukaiError
from kyoukai.server.listener import BaseListener

logger: Final = logging.getLogger("kyoukai.server")

TIMEOUT: Final = "Timeout waiting for the root component to start"
"""The log message of Asphalt's runner for a start that exceeds its time limit."""

still_waits: Final[list[str]] = []
"""The resources that were being waited for at the last check: see :mod:`kyoukai.server.waiting`."""


class OneLineFilter(logging.Filter):
    """Replaces the traceback of Kyoukai's own errors by their message; names what a start waits for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change records about Kyoukai's own errors; accept every record."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, KyoukaiError):
            record.msg, record.args = "%s: %s", (record.getMessage(), error)
            record.exc_info = record.exc_text = None
        elif record.msg == TIMEOUT:
            waits = "".join(f"; {wait}" for wait in still_waits)
            record.msg, record.args = (
                "%s%s; start_timeout, or --start-timeout, sets how long it may take",
                (TIMEOUT, waits),
            )
        return True


_filter: Final = OneLineFilter()


def report_in_one_line() -> None:
    """Make Asphalt's runner log Kyoukai's own errors in one line, and what a start waits for."""
    logging.getLogger("asphalt.core.runner").addFilter(_filter)


def announce(facts: Mapping[str, Any], by: str = "") -> None:
    """Log that a server serves.

    :param facts: its ``urls``; the names of its ``backend`` or backends, of its ``loop`` and of its
        application's ``interface``; a ``hint``, which may be empty.
    :param by: text that names the number of workers.
    """
    urls, backends = ", ".join(facts["urls"]), "backends" if "," in facts["backend"] else "backend"
    served = {"kyoukai": "", "asgi": ", ASGI", "wsgi": ", WSGI"}[facts["interface"]]
    text = "Kyoukai %s serves %s (%s %s, loop %s%s)%s"
    logger.info(text, version("kyoukai"), urls, backends, facts["backend"], facts["loop"], served, by)
    if facts["hint"]:
        logger.info("%s", facts["hint"])


def hint_at_http2(backends: Selected, listeners: Iterable[BaseListener]) -> str:
    """Return a hint for an operator who serves HTTP/1.1 over TLS and could serve HTTP/2; otherwise empty.

    No code of the backend is imported.
    """
    offered = offered_protocols(backends.values())
    # An operator who set the protocols to offer knows ALPN.
    is_open = any(isinstance(listener.ssl, Mapping) and "alpn" not in listener.ssl for listener in listeners)
    if not is_open or "h2" in offered or "http/1.1" not in offered:
        return ""
    for registration in registry.registrations():
        if registration.name == "h2":
            # Our backend is registered even if the extra that it needs is not installed.
            module = registration.reference.partition(":")[0].partition(".")[0]
            library = "h2" if registration.distribution == "kyoukai" else module
            if importlib.util.find_spec(library) is not None:
                names = ", ".join(["h2", *backends])
                return f"the backend h2 is installed: clients can use HTTP/2 over TLS with backend: [{names}]"
    return ""


def loop_name(loop: asyncio.AbstractEventLoop) -> str:
    """Return the name of an event loop: the package of its class."""
    return type(loop).__module__.partition(".")[0]
