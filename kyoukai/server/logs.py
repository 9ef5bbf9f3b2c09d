"""Logging in a process that belongs to the application: what it has set up stays, before and after.

Kyoukai sets the levels of its own loggers. Where nobody has given the root logger a handler, it gives it
one, on standard error. Until the start is over, that one is Python's ``logging.lastResort``: a hook before
serving that calls ``logging.basicConfig`` finds the root logger as the application's import left it.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

from kyoukai.core.errors import ConfigurationError

LOG_LEVELS: Final = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

ACCESS: Final = "kyoukai.access"


class Console(logging.StreamHandler):  # type: ignore[type-arg]
    """The handler on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))


def read_level(level: object) -> int:
    """Return the number of a level.

    :param level: its name, in any case.
    :raises ConfigurationError: if there is no such level.
    """
    name = str(level).upper()
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"log_level is {level!r}; it must be one of {', '.join(LOG_LEVELS)}")
    return logging.getLevelNamesMapping()[name]


@contextlib.contextmanager
def own_logging(level: int) -> Iterator[None]:
    """Log while the block runs, beside what the application has set up; then take back what was set.

    Asphalt speaks from WARNING up, and always of a start that failed. What is traced is shown at any
    level: it has been asked for.

    :param level: of Kyoukai's loggers that nobody has given one, and of the root where nobody has set it up.
    """
    root = logging.getLogger()
    levels = {
        "kyoukai": level,
        "kyoukai.trace": logging.DEBUG,
        "asphalt": min(max(logging.WARNING, level), logging.ERROR),
    }
    named = {logging.getLogger(name): number for name, number in levels.items()}
    ours = {logger: number for logger, number in named.items() if logger.level == logging.NOTSET}
    before = dict.fromkeys(ours, logging.NOTSET)
    if not root.handlers and root.level == logging.WARNING:
        ours[root], before[root] = level, root.level
    for logger, number in ours.items():
        logger.setLevel(number)
    last_resort, console = logging.lastResort, Console()
    logging.lastResort = console
    enable_own_loggers()
    try:
        yield
    finally:
        root.removeHandler(console)
        if logging.lastResort is console:
            logging.lastResort = last_resort
        for logger, number in ours.items():
            if logger.level == number:
                logger.setLevel(before[logger])


def settle() -> None:
    """Give the root logger the handler of :func:`own_logging`, if it has none: the start is over.

    ``lastResort`` is asked for no record that any other handler has had, such as a library's NullHandler.
    """
    root = logging.getLogger()
    if isinstance(logging.lastResort, Console) and not root.handlers:
        root.addHandler(logging.lastResort)


def enable_own_loggers() -> None:
    """Undo what ``dictConfig`` and ``fileConfig`` do to loggers that they do not name: they disable them.

    Without, nobody would hear of a 500. The access log alone may have been disabled on purpose.
    """
    own = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and (name == "kyoukai" or name.startswith("kyoukai."))
    ]
    disabled = [logger for logger in own if logger.disabled]
    if [logger.name for logger in disabled] == [ACCESS]:
        return
    for logger in disabled:
        logger.disabled = False
