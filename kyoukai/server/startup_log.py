"""An operator's mistake in one line.

Asphalt logs whatever a start fails with, with its traceback. Of our own errors the message is the
whole story.
"""

import asyncio
import logging
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from kyoukai.core.errors import KyoukaiError

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


def announce(urls: Iterable[str], backend: object, loop: object, by: str = "") -> None:
    """Log that a server serves.

    :param backend: the name of its backend.
    :param loop: that of its loop.
    :param by: by how many workers.
    """
    logger.info(
        "Kyoukai %s serves %s (backend %s, loop %s)%s", version("kyoukai"), ", ".join(urls), backend, loop, by
    )


def loop_name(loop: asyncio.AbstractEventLoop) -> str:
    """Return the name of an event loop: of the package that it is of."""
    return type(loop).__module__.partition(".")[0]
