"""An operator's mistake in one line.

Asphalt logs whatever a start fails with, with its traceback. Of our own errors the message is the
whole story.
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
"""What Asphalt's runner says of a start that takes too long."""

still_waits: Final[list[str]] = []
"""What was waited for when somebody looked last: see :mod:`kyoukai.server.waiting`."""


class OneLineFilter(logging.Filter):
    """Puts the message of one of our own errors in the place of its traceback; names what is waited for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where it is about one of our errors, and let every record pass."""
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
    """Have Asphalt's runner log our own errors as one line, and what a start waits for."""
    logging.getLogger("asphalt.core.runner").addFilter(_filter)


def announce(facts: Mapping[str, Any], by: str = "") -> None:
    """Log that a server serves.

    :param facts: its ``urls``; the names of its ``backend``, or backends, of its ``loop``, and of the
        ``interface`` of its application; a ``hint``, which may be empty.
    :param by: by how many workers.
    """
    urls, backends = ", ".join(facts["urls"]), "backends" if "," in facts["backend"] else "backend"
    served = {"kyoukai": "", "asgi": ", ASGI", "wsgi": ", WSGI"}[facts["interface"]]
    text = "Kyoukai %s serves %s (%s %s, loop %s%s)%s"
    logger.info(text, version("kyoukai"), urls, backends, facts["backend"], facts["loop"], served, by)
    if facts["hint"]:
        logger.info("%s", facts["hint"])


def hint_at_http2(backends: Selected, listeners: Iterable[BaseListener]) -> str:
    """Return what to tell an operator who serves HTTP/1.1 by TLS and could serve HTTP/2; empty: nothing.

    Nothing of the backend is imported.
    """
    offered = offered_protocols(backends.values())
    # Who has said what is offered knows of ALPN.
    is_open = any(isinstance(listener.ssl, Mapping) and "alpn" not in listener.ssl for listener in listeners)
    if not is_open or "h2" in offered or "http/1.1" not in offered:
        return ""
    for registration in registry.registrations():
        if registration.name == "h2":
            # Ours is registered whether or not the extra that it needs is installed.
            module = registration.reference.partition(":")[0].partition(".")[0]
            library = "h2" if registration.distribution == "kyoukai" else module
            if importlib.util.find_spec(library) is not None:
                names = ", ".join(["h2", *backends])
                return f"the backend h2 is installed: clients can have HTTP/2 by TLS with backend: [{names}]"
    return ""


def loop_name(loop: asyncio.AbstractEventLoop) -> str:
    """Return the name of an event loop: of the package that it is of."""
    return type(loop).__module__.partition(".")[0]
