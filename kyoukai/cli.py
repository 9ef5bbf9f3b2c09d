"""The command line: ``kyoukai run``, and the commands of :mod:`kyoukai.commands`.

``run`` starts the component that a configuration file for Asphalt would start, with the same
settings, so that what works here works there.
"""

import importlib.util
import operator
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kyoukai.asphalt import BACKEND_VARIABLE, DEFAULT_BACKEND, CommandLineName
from kyoukai.commands.backends import backends
from kyoukai.commands.check import check
from kyoukai.commands.limits import LIMITS, LimitedCommand
from kyoukai.commands.output import app_dir_option
from kyoukai.commands.workers import supervisor_options
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.applications import resolve_application
from kyoukai.server.launch import LOOPS, START_TIMEOUT, START_TIMEOUT_VARIABLE, launch, launch_supervisor
from kyoukai.server.logs import LOG_LEVELS
from kyoukai.server.starting import ending_by_signal
from kyoukai.server.supervisor.settings import take
from kyoukai.server.supervisor.worker import this_worker
from kyoukai.web import Kyoukai


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kyoukai")
def main() -> None:
    """Serve Werkzeug applications over HTTP/1.1, by a backend chosen by name."""


main.add_command(backends)
main.add_command(check)


@main.command(cls=LimitedCommand)
@click.argument("target")
@app_dir_option("Look for the module of TARGET here first.")
@click.option(
    "--factory",
    is_flag=True,
    help="TARGET is a function that returns the application; without an attribute, 'create_app'.",
)
@click.option(
    "--bind",
    metavar="ADDRESS",
    multiple=True,
    help="Listen on HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER or fd:NAME, with http:// or https:// before "
    "it where that differs. May be given several times.",
)
@click.option(
    "--host",
    metavar="HOST",
    multiple=True,
    help="Listen on this name or address; '::' for all, of IPv6 and IPv4. May be given several times.  "
    "[default: 127.0.0.1]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Listen on this port; 0: any that is free.  [default: 8000]"
)
@click.option("--uds", metavar="PATH", help="Listen on a Unix socket instead.")
@click.option(
    "--backend",
    metavar="NAME",
    help=f"Speak HTTP by this backend: see 'kyoukai backends'; or module:attribute. The variable "
    f"{BACKEND_VARIABLE} is asked next.  [default: {DEFAULT_BACKEND}]",
)
@click.option(
    "--backend-option",
    "backend_options",
    metavar="K=V",
    multiple=True,
    help="Set an option of the backend; V is read as YAML. May be given several times.",
)
@click.option(
    "--loop",
    type=click.Choice(LOOPS),
    help="Run on this event loop.  [default: uvloop where it is installed]",
)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS, case_sensitive=False),
    help="Log what is at least this severe; of the application, where it has not set up logging.  "
    "[default: INFO]",
)
@click.option(
    "--max-threads",
    type=click.IntRange(1),
    help="Threads for plain functions and files.  [default: 4 more than there are cores, 32 at the most]",
)
@click.option(
    "--start-timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help=f"Longest time that the start may take; 0: any. The variable {START_TIMEOUT_VARIABLE} is asked "
    f"next.  [default: {START_TIMEOUT:g}]",
)
@supervisor_options
@click.option("--no-access-log", is_flag=True, help="Do not log a line for every answer.")
@click.option("--cancel-on-disconnect", is_flag=True, help="Cancel a handler when its client is gone.")
@click.option(
    "--trace", is_flag=True, help="Log what passes on each connection: bytes, and the parser's calls."
)
@click.option(
    "--debug",
    is_flag=True,
    help="Show the debugger when a handler fails, to clients on this machine. Never use it in production.",
)
@click.option("--ssl-certfile", metavar="PATH", help="Serve by TLS with this certificate (PEM).")
@click.option("--ssl-keyfile", metavar="PATH", help="The certificate's key (PEM), if in another file.")
def run(
    target: str,
    factory: bool,
    bind: tuple[str, ...],
    host: tuple[str, ...],
    backend: str | None,
    backend_options: tuple[str, ...],
    loop: str | None,
    log_level: str | None,
    max_threads: int | None,
    start_timeout: float | None,
    no_access_log: bool,
    cancel_on_disconnect: bool,
    trace: bool,
    debug: bool,
    ssl_certfile: str | None,
    ssl_keyfile: str | None,
    **others: Any,
) -> None:
    """Serve the application TARGET until SIGINT (Ctrl-C) or SIGTERM.

    TARGET is where the application is: 'module:attribute', as Python imports it, or a file,
    'hello.py' or 'hello.py:attribute'. Without an attribute it is 'app'. With --factory it is a
    function that returns the application. Or it is a configuration file for Asphalt, 'config.yaml'.

    \b
      kyoukai run hello.py
      kyoukai run guestbook.main:app --port 80 --host ::
      kyoukai run hello.py --backend reference --log-level debug
      kyoukai run config.yaml

    The first signal lets requests under way finish; a second one stops at once.
    """  # noqa: D301 - Click reads the \b
    if backend == "":
        raise ConfigurationError("--backend is ''; it must be a name or module:attribute")
    given = {name: value for name, value in others.items() if value is not None}
    settings: dict[str, Any] = {
        "backend_options": parse_options(backend_options),
        "limits": {name: given.pop(name) for name in LIMITS if name in given},
        "access_log": not no_access_log,
        "cancel_on_disconnect": cancel_on_disconnect,
        "trace": trace,
        **given,
    }
    if factory:
        settings["factory"] = True
    if bind:
        settings["bind"] = list(bind)
    if host:
        settings["host"] = host[0] if len(host) == 1 else list(host)
    if backend is not None:
        settings["backend"] = CommandLineName(backend)
    if ssl_certfile is not None:
        settings["ssl"] = {"certificate": ssl_certfile, "key": ssl_keyfile}
    elif ssl_keyfile is not None:
        raise ConfigurationError("--ssl-keyfile needs --ssl-certfile")
    runner: dict[str, Any] = {"loop": loop, "max_threads": max_threads, "start_timeout": start_timeout}
    with ending_by_signal():
        if Path(target).suffix in (".yaml", ".yml"):
            run_file(target, settings, log_level, debug, runner)
            return
        component, supervision = take(settings)
        if supervision is not None and this_worker() is None:
            # It loads no application.
            launch_supervisor(component, supervision, log_level or "INFO")
        settings["app"] = application_reference(target, "create_app" if factory else "app")
        launch(in_debug_mode(settings) if debug else settings, log_level=log_level or "INFO", **runner)


def run_file(
    path: str, settings: Mapping[str, Any], log_level: str | None, debug: bool, runner: dict[str, Any]
) -> None:
    """Run a configuration file, of which the command line outranks what it has options for.

    :param settings: of the server.
    :param runner: keywords of :func:`~kyoukai.server.launch.launch`.
    :raises ConfigurationError: if the file cannot be used, or has not one server to set something of.
    """
    # What reads YAML takes 3 MiB of a process's memory, and is imported where there is some.
    from kyoukai.commands.config_file import (
        KYOUKAI,
        change_server,
        configure_logging,
        override,
        read_configuration,
    )

    component, file = read_configuration(path)
    # What the command line does not say: a flag is there to be given, and a mapping to have something in it.
    unsaid = {"access_log": True, "cancel_on_disconnect": False, "trace": False}
    said = {name: value for name, value in settings.items() if value != unsaid.get(name, {})}

    def change(server: Mapping[str, Any]) -> dict[str, Any]:
        changed = override(server, said)
        return in_debug_mode(changed) if debug else changed

    if said or debug:
        component = change_server(path, component, change)
    if component["type"] == KYOUKAI:
        # The process is there for it alone.
        del component["type"]
    if "logging" in file:
        configure_logging(path, file["logging"], log_level)
    launch(component, log_level=log_level or "INFO", file=file, **runner)


def application_reference(target: str, default: str = "app") -> Any:
    """Return what the component takes as ``app`` for TARGET on the command line.

    :param default: the attribute of a TARGET that names none.
    :raises ConfigurationError: if TARGET is a file that is not there, or has no such attribute.
    """
    path, _, attribute = target.partition(":")
    if not path.endswith(".py"):
        return target if attribute else f"{target}:{default}"
    return _load_file(Path(path), attribute or default)


def in_debug_mode(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a server with their application, in debug mode.

    :raises ConfigurationError: if there is none, or it has no debug mode.
    """
    app = resolve_application(settings.get("app"), factory=settings.get("factory", False))
    if not isinstance(app, Kyoukai):
        raise ConfigurationError(f"--debug needs an application of the class Kyoukai, not {app!r}")
    app.debug = True
    return {**settings, "app": app, "factory": False}


def _load_file(path: Path, attribute: str) -> Any:
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}")
    # Its neighbours can be imported, as if Python ran it.
    sys.path.insert(0, str(path.resolve().parent))
    # A name that is taken, as `json` is by json.py, must not be taken away from its owner.
    name = path.stem if path.stem not in sys.modules else f"__{path.stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{str(path)!r} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError:
        raise ConfigurationError(f"{str(path)!r} has no {attribute!r}") from None


def parse_options(options: tuple[str, ...]) -> dict[str, Any]:
    """Return ``K=V`` pairs as a mapping, each value read as YAML.

    :raises ConfigurationError: if one has no equals sign or no name.
    """
    if not options:
        return {}
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    parsed = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"--backend-option is {option!r}; it must be NAME=VALUE")
        try:
            parsed[name] = YAML(typ="safe").load(value)
        except YAMLError as error:
            problem = " ".join(str(error).split())
            raise ConfigurationError(f"--backend-option {name!r}: {value!r} is no YAML: {problem}") from error
    return parsed
