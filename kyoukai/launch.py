"""Starting a component from a program: the command line's way and a script's.

Asphalt's runner is given what a configuration file would give it, the component by a name, so that all
ways lead to the same server.
"""

import importlib.util
import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

from asphalt.core import run_application

from kyoukai.core.errors import ConfigurationError
from kyoukai.leaving import name_threads_left

LOOPS: Final = ("uvloop", "asyncio")
LOG_LEVELS: Final = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")


def launch(
    settings: Mapping[str, Any],
    *,
    loop: str | None = None,
    log_level: str = "INFO",
    max_threads: int | None = None,
) -> None:
    """Serve until the process is told to stop.

    :param settings: those of :class:`~kyoukai.asphalt.KyoukaiComponent`, by name.
    :param loop: ``"uvloop"`` or ``"asyncio"``; ``None``: uvloop where it is installed.
    :param log_level: what is logged must be at least this severe: a name of :mod:`logging`.
    :param max_threads: threads of the loop's default executor; by default Python's own number.
    :raises ConfigurationError: if the loop, the level, the number or a setting cannot be used.
    :raises SystemExit: with status 1 if the start fails.
    """
    policy, config = choose_policy(loop), logging_config(log_level)
    if max_threads is not None and (type(max_threads) is not int or max_threads < 1):
        raise ConfigurationError(f"max_threads must be an int above 0, not {max_threads!r}")
    component = {"type": "kyoukai.own_process:OwnProcessComponent", **settings}
    others = threading.enumerate()
    try:
        run_application(component, event_loop_policy=policy, max_threads=max_threads, logging=config)
    finally:
        name_threads_left(others)


def choose_policy(loop: str | None) -> str | None:
    """Return Asphalt's name for the policy of an event loop; ``None``: asyncio's own.

    :raises ConfigurationError: if there is no such loop, or it is not installed.
    """
    if loop not in (None, *LOOPS):
        raise ConfigurationError(f"loop is {loop!r}; it must be one of {', '.join(LOOPS)}")
    installed = importlib.util.find_spec("uvloop") is not None
    if loop == "uvloop" and not installed:
        raise ConfigurationError("loop is 'uvloop', which is not installed; pip install uvloop")
    return "uvloop" if installed and loop != "asyncio" else None


def logging_config(level: str) -> dict[str, Any]:
    """Return the logging configuration: one handler on standard error.

    Asphalt speaks from WARNING up, and always of a start that failed. What is traced is shown at any
    level: it has been asked for.

    :raises ConfigurationError: if there is no such level.
    """
    name = str(level).upper()
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"log_level is {level!r}; it must be one of {', '.join(LOG_LEVELS)}")
    asphalt_level = min(max(logging.WARNING, logging.getLevelNamesMapping()[name]), logging.ERROR)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {"asphalt": {"level": asphalt_level}, "kyoukai.trace": {"level": "DEBUG"}},
        "root": {"level": name, "handlers": ["stderr"]},
    }
