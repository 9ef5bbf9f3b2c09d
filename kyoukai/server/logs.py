"""Set up logging without changing what the application has set up.

Kyoukai sets the levels of its own loggers. If the root logger has no handler, Kyoukai gives it one on
standard error. Until the start is over, this handler is Python's ``logging.lastResort``, so that a
``before_serving`` hook that calls ``logging.basicConfig`` finds the root logger as the application's import
left it.
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
        """Ignore errors on standard error: there is nowhere to report them."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class LogSettings(NamedTuple):
    """Where a process's log lines go, in addition to the application's own handlers."""

    log_file: str | None = None
    """The file to log to instead of standard error; ``-``: standard output."""
    log_format: str = "text"
    """The format of these lines: ``text`` or ``json``."""
    access_log_file: str | None = None
    """The file for the access log alone, without level and time; ``-``: standard output."""

    @classmethod
    def take(cls, settings: dict[str, Any]) -> "LogSettings":
        """Remove the log settings from the settings of a process, and return them.

        :raises ConfigurationError: if one of them is invalid.
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
        """Return the handler for lines that no handler of the application takes.

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
    """Set up Kyoukai's logging while the block runs; restore the former state afterwards.

    Asphalt's loggers log from WARNING on, and always log a failed start. Traces are shown at any level,
    because the user asked for them.

    :param level: the level of Kyoukai's loggers that have none, and of the root logger if it was not set up.
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
    """At the end of the start, give the root logger the handler of :func:`own_logging` if it has none.

    If a log file was configured, Kyoukai's own lines go to it in any case. ``lastResort`` would not be
    enough: it is not used for a record that any other handler received, such as a library's NullHandler.
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
    """Send the access log to a file, and nowhere else, while the block runs.

    :param path: the file; ``-``: standard output; ``None``: with the other lines.
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
    """Enable Kyoukai's loggers again after ``dictConfig`` or ``fileConfig`` disabled them.

    Both disable every logger that they do not name. A disabled logger would hide every 500. If only
    the access log is disabled, it stays so: that may be intended.
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
