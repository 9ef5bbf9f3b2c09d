"""``kyoukai config``: the settings that ``kyoukai run`` would start with, and the source of each."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.commands.completion import complete_file
from kyoukai.commands.config_servers import only_server
from kyoukai.commands.effective import Effective, read_effective
from kyoukai.commands.output import columns
from kyoukai.commands.ranks import outranking
from kyoukai.commands.run_options import TableCommand, given_options
from kyoukai.commands.settings_shown import Row, process_rows, server_rows
from kyoukai.commands.sources import outranking_sources, sources_of
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.hosting import ASGI, HOSTING, WSGI
from kyoukai.server.launch import check_loop, choose_max_threads, choose_start_timeout
from kyoukai.server.logs import LogSettings, read_level
from kyoukai.server.supervisor.settings import take

HEADER: Final = ("SETTING", "FROM", "VALUE")


@click.command(cls=TableCommand)
@click.argument("target", required=False, shell_complete=complete_file)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
@click.pass_context
def config(context: click.Context, /, target: str | None, as_json: bool, **options: Any) -> None:
    """Show the settings that 'kyoukai run' would start with, and where each comes from.

    TARGET and the options are those of 'kyoukai run'. Without TARGET, no application is loaded. A wrong
    setting gives the same error as with 'kyoukai run'. Sockets and log files are not opened. Passwords are
    hidden.

    \b
      kyoukai config config.yaml --port 80
      kyoukai config --json | jq '.[] | select(.source != "default")'
    """  # noqa: D301 - Click reads the \b
    given = given_options(context)
    effective = read_effective(target, outranking(given))
    check(target or "the command line", effective)
    rows = find_rows(effective, outranking_sources(given))
    if as_json:
        click.echo(json.dumps([_as_data(row) for row in rows], indent=2))
        return
    for line in table(rows):
        click.echo(line)


def check(target: str, effective: Effective) -> None:
    """Check all settings as a start does, up to the opening of sockets.

    :raises ConfigurationError: if one of them cannot be used.
    """
    process, file = dict(effective.ranked.process), effective.file or {}
    _, supervision = take(effective.ranked.supervisor)
    if supervision is not None and not effective.is_server:
        only_server(target, effective.root)
    LogSettings.take(process)
    read_level(process.get("log_level", "INFO"))
    check_loop(process.get("loop"))
    choose_max_threads(process.get("max_threads"), file)
    choose_start_timeout(process.get("start_timeout"), file)
    for settings in effective.servers().values():
        if "app" not in settings and effective.file is None:
            settings["app"] = stand_in(settings)
        KyoukaiComponent(**settings)


def stand_in(settings: Mapping[str, Any]) -> Any:
    """Return an application that takes the settings, in place of one that is not named."""
    from kyoukai.web.application import Kyoukai

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("it is never called")

    def wsgi(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("it is never called")

    asgi.debug = wsgi.debug = False  # type: ignore[attr-defined]
    found: Any = Kyoukai("config")
    if settings.get("interface") == WSGI:
        found = wsgi
    elif settings.get("interface") == ASGI or HOSTING.intersection(settings):
        found = asgi
    return (lambda: found) if settings.get("factory") else found


def find_rows(effective: Effective, outranks: Mapping[str, Any]) -> list[Row]:
    """Return the settings in effect: those of the servers, in the order of the help, and of the process.

    :param outranks: the sources of what outranks a file.
    :raises ConfigurationError: if there is no server.
    """
    servers = effective.servers()
    if not servers:
        raise ConfigurationError("there is no component of the type kyoukai whose settings could be shown")
    rows: list[Row] = []
    for name, settings in servers.items():
        own_sources = sources_of(settings, effective.place_of(name), outranks)
        rows += server_rows(name if len(servers) > 1 else "", settings, own_sources)
    process = {**effective.ranked.process, **effective.ranked.supervisor, "app_dir": effective.app_dir}
    sources: dict[str, Any] = dict(outranks)
    for name in servers:
        # Each server may have settings of the process.
        place = effective.place_of(name)
        own = {key: value for key, value in process.items() if place is not None and place.has(key)}
        sources = sources_of(own, place, sources)
    rows += process_rows(effective, sources)
    return rows


def _as_data(row: Row) -> dict[str, Any]:
    return {
        **row._asdict(),
        "server": row.server or None,
        "source": row.source.kind,
        "where": row.source.where or None,
    }


def table(rows: list[Row]) -> list[str]:
    """Return rows as lines in groups, with aligned columns."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.server, row.group), []).append(row)
    body = columns(
        [
            HEADER,
            *(
                (f"  {row.setting}", str(row.source), _text(row))
                for group in groups.values()
                for row in group
            ),
        ]
    )
    lines = [body[0]]
    rest = iter(body[1:])
    for (server, group), members in groups.items():
        lines.append(f"{group}, of the server {server}" if server else group)
        lines += [next(rest) for _ in members]
    return lines


def _text(row: Row) -> str:
    value = row.value
    if value is None:
        return "none" if row.source.kind == "default" else f"none: {row.source.where} takes its place"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
