"""Starting a component from a program: the command line's way and a script's.

Asphalt's runner is given what a configuration file would give it, the component by a name, so that all
ways lead to the same server.
"""

import asyncio
import contextlib
import importlib.util
import os
import threading
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from asphalt.core import run_application

from kyoukai.core.contract.references import UnresolvedReferenceError, resolve
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import MOST
from kyoukai.server.leaving import name_threads_left
from kyoukai.server.logs import LogSettings, access_log_to, own_logging, read_level, settle
from kyoukai.server.starting import exiting_by_signal
from kyoukai.server.supervisor.settings import Supervision, take
from kyoukai.server.supervisor.worker import this_worker

LOOPS: Final = ("uvloop", "asyncio")

START_TIMEOUT: Final = 10.0
"""Seconds that a start may take: Asphalt's number."""

START_TIMEOUT_VARIABLE: Final = "KYOUKAI_START_TIMEOUT"
"""The environment variable that has another; it outranks the configuration."""


def launch(
    settings: Mapping[str, Any],
    *,
    loop: str | None = None,
    log_level: str = "INFO",
    max_threads: int | None = None,
    start_timeout: float | None = None,
    file: Mapping[str, Any] | None = None,
) -> None:
    """Serve until the process is told to stop.

    :param settings: those of :class:`~kyoukai.asphalt.KyoukaiComponent`, by name; ``start_timeout`` and those
        of :class:`~kyoukai.server.logs.LogSettings`, as a file may have them; and those of
        :class:`~kyoukai.server.supervisor.settings.Supervision`, of which one has workers serve.
    :param loop: ``"uvloop"`` or ``"asyncio"``; ``None``: uvloop where it is installed.
    :param log_level: the level of Kyoukai's loggers, and of the root logger where the application has not
        set that up: a name of :mod:`logging`. See :mod:`kyoukai.server.logs`.
    :param max_threads: threads of the loop's default executor; by default Python's own number.
    :param start_timeout: seconds that the start may take, in place of the variable
        ``KYOUKAI_START_TIMEOUT`` and of the file's; 0: as long as it likes.
    :param file: what a configuration file has for Asphalt's runner: ``event_loop_policy``,
        ``max_threads`` and ``start_timeout``, which what is given besides outranks; and ``logging``,
        which has been set up.
    :raises ConfigurationError: if the loop, the level, the number or a setting cannot be used.
    :raises SystemExit: with status 1 if the start fails; with 128 and its number if a signal ends it.
    """
    settings, supervision = take(settings)
    file = dict(file or {})
    if supervision is not None and this_worker() is None:
        launch_supervisor(settings, supervision, log_level)
    if "start_timeout" in settings:
        file["start_timeout"] = settings.pop("start_timeout")
    level, places = read_level(log_level), LogSettings.take(settings)
    check_loop(loop)
    policy = file.get("event_loop_policy") if loop is None else None
    max_threads = file.get("max_threads") if max_threads is None else max_threads
    if max_threads is not None and (type(max_threads) is not int or max_threads < 1):
        raise ConfigurationError(f"max_threads must be an int above 0, not {max_threads!r}")
    patience = choose_start_timeout(start_timeout, file)
    component = {"type": "kyoukai.own_process:OwnProcessComponent", **settings}
    root = {"type": "kyoukai.own_process:GuardedComponent", "component": component}
    others = threading.enumerate()
    with exiting_by_signal(), contextlib.ExitStack() as stack:
        import_first(settings.get("app"))
        if "logging" not in file:  # It has had its say.
            stack.enter_context(own_logging(level, places))
        stack.enter_context(access_log_to(places.access_log_file))
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


def launch_supervisor(settings: Mapping[str, Any], supervision: Supervision, log_level: str) -> NoReturn:
    """Serve by workers, each of which starts as this process did and comes to :func:`launch`.

    :param settings: of the component; the application need not be among them.
    :raises SystemExit: as :func:`~kyoukai.server.supervisor.entry.supervise` says.
    """
    from kyoukai.server.supervisor.entry import supervise

    settings = dict(settings)
    with own_logging(read_level(log_level), LogSettings.take(settings)):
        settle()
        supervise(settings, supervision)


def choose_start_timeout(given: float | None, configured: Mapping[str, Any]) -> float | None:
    """Return how long a start may take, in seconds; ``None``: as long as it likes.

    :param given: what outranks the variable ``KYOUKAI_START_TIMEOUT``, which outranks the configuration.
    :param configured: ``start_timeout`` of it; 0 and ``None``: as long as it likes.
    :raises ConfigurationError: if it is no such number.
    """
    name, value = "start_timeout", configured.get("start_timeout", START_TIMEOUT)
    if given is not None:
        value = given
    elif variable := os.environ.get(START_TIMEOUT_VARIABLE):
        name = START_TIMEOUT_VARIABLE
        try:
            value = float(variable)
        except ValueError:
            value = variable
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ConfigurationError(f"{name} is {value!r}; it must be a number of seconds, or 0 for any")
    return value or None


def import_first(app: object) -> None:
    """Import the module of an application, which sets up for the process what it wants.

    Logging and the policy of event loops are looked at then, as they are where ``app`` is the application.

    :param app: the setting. What is wrong with it is for the component to say.
    """
    if isinstance(app, str) and ":" in app:
        with contextlib.suppress(UnresolvedReferenceError):
            resolve(app)


def check_loop(loop: str | None) -> None:
    """Check the name of an event loop.

    :raises ConfigurationError: if there is no such loop, or it is not installed.
    """
    if loop not in (None, *LOOPS):
        raise ConfigurationError(f"loop is {loop!r}; it must be one of {', '.join(LOOPS)}")
    if loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        raise ConfigurationError("loop is 'uvloop', which is not installed; pip install uvloop")


def choose_policy(loop: str | None) -> str | None:
    """Return Asphalt's name for the policy of an event loop; ``None``: the one that is set.

    :param loop: ``None``: uvloop where it is installed, unless the application has set a policy.
    :raises ConfigurationError: if there is no such loop, or it is not installed.
    """
    check_loop(loop)
    if loop is None and type(asyncio.get_event_loop_policy()) is not asyncio.DefaultEventLoopPolicy:
        return None
    installed = importlib.util.find_spec("uvloop") is not None
    return "uvloop" if installed and loop != "asyncio" else None
