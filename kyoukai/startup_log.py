"""An operator's mistake in one line.

Asphalt logs whatever a start fails with, with its traceback. Of our own errors the message is the
whole story.
"""

import logging
from typing import Final

from kyoukai.core.errors import KyoukaiError


class OneLineFilter(logging.Filter):
    """Puts the message of one of our own errors in the place of its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where it is about one of our errors, and let every record pass."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, KyoukaiError):
            record.msg, record.args = "%s: %s", (record.getMessage(), error)
            record.exc_info = record.exc_text = None
        return True


_filter: Final = OneLineFilter()


def report_in_one_line() -> None:
    """Have Asphalt's runner log our own errors as one line. Nothing happens the second time."""
    logging.getLogger("asphalt.core.runner").addFilter(_filter)
