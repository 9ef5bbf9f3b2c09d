"""Start a component from a program: from the command line or from a script.

Asphalt's runner receives what a configuration file would contain, with the component by name, so that all
ways of starting give the same server.
"""

import asyncio
import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from asphalt.core import run_application

from kyoukai.core.contract.references import UnresolvedReferenceError
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import MOST
from kyoukai.core.serving import threads
from kyoukai.server.applications import load
from kyoukai.server.hosting import HOSTING
from kyoukai.server.leaving import name_threads_left
from kyoukai.server.logs import LogSettings, access_log_to, own_logging, read_level, settle
from kyoukai.server.starting import exiting_by_signal
from kyoukai.server.supervisor.settings import Supervision, take
from kyoukai.server.supervisor.worker import this_worker

LOOPS: Final = ("uvloop", "asyncio")

START_TIMEOUT: Final = 10.0
"""Time limit for the start in seconds: Asphalt's default."""


def launch(
    settings: Mapping[str, Any],
    *,
    loop: str | None = None,
    log_level: str = "INFO",
    max_threads: int | None = None,
    start_timeout: float | None = None,
    app_dir: str | None = None,
    file: Mapping[str, Any] | None = None,
    **log_places: Any,
) -> None:
    """Serve until the process is told to stop.

    :param settings: settings of :class:`~kyoukai.asphalt.KyoukaiComponent`, by name, and those of
        :class:`~kyoukai.server.supervisor.settings.Supervision`; any of the latter starts a supervisor with
            workers.
    :param loop: ``"uvloop"`` or ``"asyncio"``; ``None``: uvloop if it is installed.
    :param log_level: the level of Kyoukai's loggers, and of the root logger if the application has not set it
        up: a name of :mod:`logging`. See :mod:`kyoukai.server.logs`.
    :param max_threads: threads of the loop's default executor, and of a WSGI application; by default,
        Python's own number.
    :param start_timeout: time limit for the start in seconds, in place of the file's; 0: no limit.
    :param app_dir: a folder to search first for the application's module.
    :param file: settings for Asphalt's runner from a configuration file: ``event_loop_policy``,
        ``max_threads`` and ``start_timeout``, which the other parameters override, and ``logging``, which has
        already been set up.
    :param log_places: where log lines go: fields of :class:`~kyoukai.server.logs.LogSettings`.
    :raises ConfigurationError: if the loop, the level, a number or a setting is invalid.
    :raises SystemExit: with status 1 if the start fails; with 128 plus its number if a signal ends it.
    """
    settings, supervision = take(settings)
    file, places = dict(file or {}), LogSettings.take(log_places)
    if app_dir is not None:
        sys.path.insert(0, os.path.abspath(app_dir))
    worker = this_worker()
    if supervision is not None and worker is None:
        launch_supervisor(settings, supervision, log_level, places, file, start_timeout)
    level = read_level(log_level)
    check_loop(loop)
    policy = file.get("event_loop_policy") if loop is None else None
    max_threads = choose_max_threads(max_threads, file)
    threads.max_threads.set(max_threads)
    patience = choose_start_timeout(start_timeout, file)
    others = threading.enumerate()
    with exiting_by_signal(), contextlib.ExitStack() as stack:
        if worker is not None and supervision is not None and supervision.reload:
            # In development, do not wait for idle connections: a reload of the page should show the new
            # version.
            worker.idle_grace = 1.0
            settings = explained(settings)
        elif "app" in settings:
            settings["app"] = import_first(settings["app"])
        if "logging" not in file:  # The file has already set up logging.
            stack.enter_context(own_logging(level, places))
        stack.enter_context(access_log_to(places.access_log_file))
        component = {"type": "kyoukai.own_process:OwnProcessComponent", **settings}
        root = {"type": "kyoukai.own_process:GuardedComponent", "component": component}
        former = asyncio.get_event_loop_policy()
        try:
            if loop == "asyncio":
                asyncio.set_event_loop_policy(None)
            run_application(
                root,
                event_loop_policy=policy or choose_policy(loop),
                max_threads=max_threads,
                logging=None,
                start_timeout=patience,
            )
        finally:
            asyncio.set_event_loop_policy(former)
            name_threads_left(others)


def launch_supervisor(
    settings: Mapping[str, Any],
    supervision: Supervision,
    log_level: str,
    places: LogSettings,
    file: Mapping[str, Any],
    start_timeout: float | None = None,
) -> NoReturn:
    """Serve with workers. Each starts as this process did and reaches :func:`launch`.

    :param settings: settings of the component; the application may be missing.
    :param file: as in :func:`launch`, with ``start_timeout``.
    :raises SystemExit: as in :func:`~kyoukai.server.supervisor.entry.supervise`.
    """
    from kyoukai.server.supervisor.entry import supervise

    level = read_level(log_level)
    patience = choose_start_timeout(start_timeout, file)
    with contextlib.nullcontext() if "logging" in file else own_logging(level, places):
        settle()
        supervise(settings, supervision, start_timeout=patience)


def choose_max_threads(given: int | None, configured: Mapping[str, Any]) -> int | None:
    """Return the number of threads of the executor; ``None``: Python's own number.

    :param given: a number that overrides the configuration.
    :param configured: ``max_threads`` of the configuration.
    :raises ConfigurationError: if the number is invalid.
    """
    value = configured.get("max_threads") if given is None else given
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigurationError(f"max_threads must be an int above 0, not {value!r}")
    return value


def choose_start_timeout(given: float | None, configured: Mapping[str, Any]) -> float | None:
    """Return the time limit for a start in seconds; ``None``: no limit.

    :param given: a number that overrides the configuration.
    :param configured: ``start_timeout`` of the configuration; 0 or ``None``: no limit.
    :raises ConfigurationError: if the number is invalid.
    """
    value = configured.get("start_timeout", START_TIMEOUT) if given is None else given
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ConfigurationError(
            f"start_timeout is {value!r}; it must be a number of seconds, or 0 for no limit"
        )
    return value or None


def import_first(app: Any) -> Any:
    """Import the module of an application before logging and the event loop are set up.

    The module may set up logging or an event loop policy itself, as when ``app`` is the application object.

    :param app: the ``app`` setting. The component reports errors in it later.
    :return: the setting; if it names a file, the object in it, so that the file does not run twice.
    """
    if isinstance(app, str) and ":" in app:
        with contextlib.suppress(UnresolvedReferenceError):
            loaded = load(app)
            return loaded if app.partition(":")[0].endswith(".py") else app
    return app


def explained(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the loaded application, or with an error page if it cannot be loaded.

    The settings of a component that contains the servers as subcomponents are returned unchanged.
    """
    if "app" not in settings:
        return dict(settings)
    from kyoukai.server.failed_load import FailedLoad, load_or_explain

    app = load_or_explain(settings)
    hosted = {name: value for name, value in settings.items() if name not in HOSTING}
    loaded = {**hosted, "app": app, "factory": False}
    if isinstance(app, FailedLoad):
        loaded.pop("debug", None)
    return loaded


def check_loop(loop: str | None) -> None:
    """Check the name of an event loop.

    :raises ConfigurationError: if the loop is unknown or not installed.
    """
    if loop not in (None, *LOOPS):
        raise ConfigurationError(f"loop is {loop!r}; it must be one of {', '.join(LOOPS)}")
    if loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        raise ConfigurationError("loop is 'uvloop', which is not installed; pip install uvloop")


def choose_policy(loop: str | None) -> str | None:
    """Return Asphalt's name for an event loop policy; ``None``: keep the current policy.

    :param loop: the name of the loop; ``None``: uvloop if it is installed and the application has set no
        policy.
    :raises ConfigurationError: if the loop is unknown or not installed.
    """
    check_loop(loop)
    if loop is None and type(asyncio.get_event_loop_policy()) is not asyncio.DefaultEventLoopPolicy:
        return None
    installed = importlib.util.find_spec("uvloop") is not None
    return "uvloop" if installed and loop != "asyncio" else None
