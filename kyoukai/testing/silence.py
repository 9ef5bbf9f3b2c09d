"""Turn logging off: handlers that fail on purpose would log their tracebacks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("silenced",)


@contextmanager
def silenced() -> Iterator[None]:
    """Log nothing in this process until the block or the function ends."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
