"""An operator's mistake in one line.

Asphalt logs whatever a start fails with, with its traceback. Of our own errors the message is the
whole story.
"""

import logging
from typing import Final

from kyoukai.core.errors import KyoukaiError

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
