"""The command line: ``kyoukai run``, and the commands of :mod:`kyoukai.commands`.

``run`` starts the component that a configuration file for Asphalt would start, with the same
settings, so that what works here works there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kyoukai.commands.backends import backends
from kyoukai.commands.check import check
from kyoukai.commands.ranks import divide, outranking
from kyoukai.commands.run_options import RunCommand, given_options
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.launch import launch, launch_supervisor
from kyoukai.server.logs import LogSettings
from kyoukai.server.starting import ending_by_signal
from kyoukai.server.supervisor.predecessor import reporting_failure
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.worker import this_worker


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kyoukai")
def main() -> None:
    """Serve Werkzeug applications over HTTP, by backends chosen by name."""


main.add_command(backends)
main.add_command(check)


@main.command(cls=RunCommand)
@click.argument("target")
@click.pass_context
def run(context: click.Context, /, target: str, **options: Any) -> None:
    """Serve the application TARGET until SIGINT (Ctrl-C) or SIGTERM.

    TARGET is where the application is: 'module:attribute', as Python imports it, or a file,
    'hello.py' or 'hello.py:attribute'. Without an attribute it is 'app', or 'application' where there is
    no such. It is one of Kyoukai, ASGI or WSGI; --interface says which, where that is not clear. With
    --factory it is a function that returns the application. Or it is a configuration file for Asphalt,
    'config.yaml'.

    \b
      kyoukai run hello.py
      kyoukai run guestbook.main:app --port 80 --host ::
      kyoukai run project.wsgi --max-threads 40
      kyoukai run hello.py --backend reference --log-level debug
      kyoukai run config.yaml

    Every option can be given by an environment variable too, --max-threads by KYOUKAI_MAX_THREADS, and in
    a configuration file. The command line outranks the environment, which outranks the file.

    The first signal lets requests under way finish; a second one stops at once.
    """  # noqa: D301 - Click reads the \b
    outranks = outranking(given_options(context))
    sys.path.insert(0, os.path.abspath(outranks.pop("app_dir", ".")))
    with ending_by_signal(), reporting_failure():
        if Path(target).suffix in (".yaml", ".yml"):
            run_file(target, outranks)
            return
        default = "create_app" if outranks.get("factory") else "app,application"
        ranked = divide({"app": application_reference(target, default), **outranks})
        launch({**ranked.component, **ranked.supervisor}, **ranked.process)


def run_file(path: str, outranks: Mapping[str, Any]) -> None:
    """Run a configuration file.

    :param outranks: settings that the command line and the environment have.
    :raises ConfigurationError: if the file cannot be used, or has not one server to set something of.
    """
    # What reads YAML takes 3 MiB of a process's memory, and is imported where there is some.
    from kyoukai.commands.config_file import configure_logging, read_configuration
    from kyoukai.commands.config_servers import KYOUKAI, change_server, only_server, take_process_settings

    root, file = read_configuration(path)
    component = divide(outranks).component
    root, configured = take_process_settings(path, root)
    ranked = divide({**configured, **{name: outranks[name] for name in outranks if name not in component}})
    process = ranked.process
    if (folder := process.pop("app_dir", None)) is not None:
        sys.path.insert(0, os.path.abspath(folder))
    if component:
        root = change_server(path, root, component)
    if "logging" in file:
        configure_logging(path, file["logging"], process.get("log_level"))
    if root["type"] == KYOUKAI:
        # The process is there for it alone.
        del root["type"]
        root |= ranked.supervisor
    elif ranked.supervisor and this_worker() is None:
        supervision = Supervision(**ranked.supervisor)
        level, places = process.get("log_level", "INFO"), LogSettings.take(process)
        patience = process.get("start_timeout")
        launch_supervisor(only_server(path, root), supervision, level, places, file, patience)
    launch(root, file=file, **process)


def application_reference(target: str, default: str = "app,application") -> str:
    """Return what the component takes as ``app`` for TARGET on the command line.

    :param default: the attributes of a TARGET that names none; the first that there is, is taken.
    :raises ConfigurationError: if TARGET is a file that is not there.
    """
    path, _, attribute = target.partition(":")
    if path.endswith(".py") and not Path(path).is_file():
        raise ConfigurationError(f"there is no file {path!r}")
    return target if attribute else f"{path}:{default}"
