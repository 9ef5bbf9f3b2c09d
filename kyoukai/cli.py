"""The command line: ``kyoukai run``, and the commands of :mod:`kyoukai.commands`.

``run`` starts the same component as a configuration file for Asphalt, with the same settings.
"""

from collections.abc import Mapping
from typing import Any

import click

from kyoukai.commands.backends import backends
from kyoukai.commands.check import check
from kyoukai.commands.completion import complete_file, completion
from kyoukai.commands.config import config
from kyoukai.commands.config_servers import only_server
from kyoukai.commands.effective import Effective, read_effective
from kyoukai.commands.explain import explain
from kyoukai.commands.ranks import outranking
from kyoukai.commands.routes import routes
from kyoukai.commands.run_options import TableCommand, given_options
from kyoukai.commands.users_errors import Commands
from kyoukai.server.launch import launch, launch_supervisor
from kyoukai.server.logs import LogSettings
from kyoukai.server.starting import ending_by_signal
from kyoukai.server.supervisor.predecessor import reporting_failure
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.worker import this_worker


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kyoukai")
def main() -> None:
    """Serve Werkzeug applications over HTTP, by backends chosen by name."""


main.add_command(backends)
main.add_command(check)
main.add_command(completion)
main.add_command(config)
main.add_command(explain)
main.add_command(routes)


@main.command(cls=TableCommand)
@click.argument("target", shell_complete=complete_file)
@click.pass_context
def run(context: click.Context, /, target: str, **options: Any) -> None:
    """Serve the application TARGET until SIGINT (Ctrl-C) or SIGTERM.

    TARGET names the application: 'module:attribute', as Python imports it, or a file, 'hello.py' or
    'hello.py:attribute'. Without an attribute it is 'app', or else 'application'. With --factory it is a
    function that returns the application. TARGET may also be a configuration file for Asphalt,
    'config.yaml'. The application is one of Kyoukai, ASGI or WSGI; if it can be called in several ways,
    --interface says which.

    \b
      kyoukai run hello.py
      kyoukai run guestbook.main:app --port 80 --host ::
      kyoukai run project.wsgi --max-threads 40
      kyoukai run hello.py --backend reference --log-level debug
      kyoukai run config.yaml

    Each option can also be set by an environment variable, --max-threads by KYOUKAI_MAX_THREADS, and in a
    configuration file. The command line outranks the environment, which outranks the file.

    At the first signal, requests in progress finish; a second signal stops the server at once.
    """  # noqa: D301 - Click reads the \b
    with ending_by_signal(), reporting_failure():
        effective = read_effective(target, outranking(given_options(context)))
        if effective.file is not None:
            run_file(target, effective, effective.file)
            return
        root = {name: value for name, value in effective.root.items() if name != "type"}
        launch({**root, **effective.ranked.supervisor}, **effective.ranked.process)


def run_file(path: str, effective: Effective, file: Mapping[str, Any]) -> None:
    """Serve the servers of a configuration file.

    :param file: its settings for Asphalt's runner.
    :raises ConfigurationError: if its logging cannot be set up, or if workers are set and it does not have
        exactly one server.
    """
    from kyoukai.commands.config_file import configure_logging

    root, ranked = dict(effective.root), effective.ranked
    process = ranked.process
    if "logging" in file:
        configure_logging(path, file["logging"], process.get("log_level"))
    if effective.is_server:
        # The server has the process to itself.
        del root["type"]
        root |= ranked.supervisor
    elif ranked.supervisor and this_worker() is None:
        supervision = Supervision(**ranked.supervisor)
        level, places = process.get("log_level", "INFO"), LogSettings.take(process)
        patience = process.get("start_timeout")
        launch_supervisor(only_server(path, root), supervision, level, places, file, patience)
    launch(root, file=file, **process)
