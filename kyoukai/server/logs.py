"""Logging in a process that belongs to the application: what it has set up stays, before and after.

Kyoukai sets the levels of its own loggers. Where nobody has given the root logger a handler, it gives it
one, on standard error. Until the start is over, that one is Python's ``logging.lastResort``: a hook before
serving that calls ``logging.basicConfig`` finds the root logger as the application's import left it.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.log_files import LogFile, make_formatter
from kyoukai.server.log_files import reopen_log_files as reopen_log_files

LOG_LEVELS: Final = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")

ACCESS: Final = "kyoukai.access"

OWN: Final = "kyoukai"


class Console(logging.StreamHandler):  # type: ignore[type-arg]
    """The handler on standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing where standard error cannot be written to: there is nobody to tell."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class LogSettings(NamedTuple):
    """Where the lines of a process go, besides what the application has set up."""

    log_file: str | None = None
    """Where they go in place of standard error; ``-``: standard output."""
    log_format: str = "text"
    """How they look there: ``text`` or ``json``."""
    access_log_file: str | None = None
    """Where the access log goes, and nothing else does, without level and time; ``-``: standard output."""

    @classmethod
    def take(cls, settings: dict[str, Any]) -> "LogSettings":
        """Take its own out of the settings of a process.

        :raises ConfigurationError: if one of them is no such thing.
        """
        given = {name: settings.pop(name) for name in cls._fields if name in settings}
        given = {name: value for name, value in given.items() if value is not None}
        for name, value in given.items():
            if not isinstance(value, str) or not value or "\0" in value:
                kind = "one of text, json" if name == "log_format" else "the path of a file, or '-'"
                raise ConfigurationError(f"{name} is {value!r}; it must be {kind}")
        found = cls(**given)
        make_formatter(found.log_format)
        return found

    def make_handler(self) -> logging.Handler:
        """Return the handler that takes lines which no handler of the application's takes.

        :raises ConfigurationError: if the file cannot be opened.
        """
        handler = Console() if self.log_file is None else LogFile(self.log_file)
        handler.setFormatter(make_formatter(self.log_format))
        return handler


def read_level(level: object) -> int:
    """Return the number of a level.

    :param level: its name, in any case.
    :raises ConfigurationError: if there is no such level.
    """
    name = str(level).upper()
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"log_level is {level!r}; it must be one of {', '.join(LOG_LEVELS)}")
    return logging.getLevelNamesMapping()[name]


DEFAULT_PLACES: Final = LogSettings()

_handler: logging.Handler | None = None


@contextlib.contextmanager
def own_logging(level: int, places: LogSettings = DEFAULT_PLACES) -> Iterator[None]:
    """Log while the block runs, beside what the application has set up; then take back what was set.

    Asphalt speaks from WARNING up, and always of a start that failed. What is traced is shown at any
    level: it has been asked for.

    :param level: of Kyoukai's loggers that nobody has given one, and of the root where nobody has set it up.
    :param places: where lines go.
    :raises ConfigurationError: if a file cannot be opened.
    """
    global _handler
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
    last_resort, console = logging.lastResort, places.make_handler()
    logging.lastResort = _handler = console
    if root.handlers:
        settle()
    enable_own_loggers()
    try:
        yield
    finally:
        root.removeHandler(console)
        logging.getLogger(OWN).removeHandler(console)
        _handler = None
        console.close()
        if logging.lastResort is console:
            logging.lastResort = last_resort
        for logger, number in ours.items():
            if logger.level == number:
                logger.setLevel(before[logger])


def settle() -> None:
    """Give the root logger the handler of :func:`own_logging`, if it has none: the start is over.

    A file that was asked for gets Kyoukai's own lines in any case.

    ``lastResort`` is asked for no record that any other handler has had, such as a library's NullHandler.
    """
    root = logging.getLogger()
    if _handler is None:
        return
    if not root.handlers:
        root.addHandler(_handler)
    elif isinstance(_handler, LogFile):
        logging.getLogger(OWN).addHandler(_handler)


@contextlib.contextmanager
def access_log_to(path: str | None) -> Iterator[None]:
    """Have the access log go to a file, and nowhere else, while the block runs.

    :param path: ``-``: standard output; ``None``: it goes where other lines go.
    :raises ConfigurationError: if the file cannot be opened.
    """
    if path is None:
        yield
        return
    logger, handler = logging.getLogger("kyoukai.access"), LogFile(path)
    propagates, logger.propagate = logger.propagate, False
    level = logger.level
    logger.setLevel(level or logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.propagate = propagates
        logger.setLevel(level)


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
