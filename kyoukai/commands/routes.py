"""``kyoukai routes``: the routes of an application, each with its rule, methods, endpoint and handler."""

import json
import os
from typing import Any, Final, NamedTuple

import click

from kyoukai.commands.completion import complete_file
from kyoukai.commands.effective import read_effective
from kyoukai.commands.output import columns
from kyoukai.commands.ranks import outranking
from kyoukai.commands.run_options import TableCommand, given_options
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.semantics.methods import ALL, REGISTERED
from kyoukai.server.applications import resolve_application
from kyoukai.server.hosting import OWN, interface_served
from kyoukai.web.application import Kyoukai
from kyoukai.web.blueprint import Blueprint
from kyoukai.web.calling import describe, find_line
from kyoukai.web.mounts import Mount
from kyoukai.web.route import Route
from kyoukai.web.static import StaticFiles

OPTIONS: Final = ("app_dir", "factory", "interface")
"""The options of ``kyoukai run`` that say which application it is."""


class Row(NamedTuple):
    """One route, as it stands in the JSON."""

    rule: str
    host: str | None
    methods: list[str]
    """Sorted; ``["*"]``: every method."""
    kind: str
    """``route``, ``websocket``, ``static``; ``asgi`` or ``wsgi``, a mounted application."""
    endpoint: str
    blueprint: str | None
    """The names of its blueprints, with dots between; ``None``: it is the application's own."""
    handler: str
    file: str | None
    line: int | None


@click.command(cls=TableCommand, rows=OPTIONS)
@click.argument("target", shell_complete=complete_file)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
@click.pass_context
def routes(context: click.Context, /, target: str, as_json: bool, **options: Any) -> None:
    """List the routes of the application TARGET, sorted by host and rule.

    TARGET is what 'kyoukai run' takes: a file, 'module:attribute', or a configuration file with one server.
    The command can list only the routes of a Kyoukai application. A mounted ASGI or WSGI application is
    shown as one row.
    """
    app = load_application(target, outranking(given_options(context)))
    rows = find_rows(app)
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], indent=2))
        return
    for line in table(rows):
        click.echo(line)


def load_application(target: str, outranks: dict[str, Any]) -> Kyoukai:
    """Return the application that TARGET names.

    :raises ConfigurationError: if it cannot be loaded, or is of another interface.
    """
    # A variable may be meant for the server, which is not started here.
    effective = read_effective(target, {name: outranks[name] for name in OPTIONS if name in outranks})
    servers = effective.servers()
    if len(servers) != 1:
        raise ConfigurationError(
            f"{target} has {len(servers) or 'no'} components of the type kyoukai; it must have one, or name"
            " the application itself, as module:attribute"
        )
    (settings,) = servers.values()
    app = resolve_application(settings.get("app"), settings)
    if not isinstance(app, Kyoukai):
        interface = interface_served(app)
        kind = f"of {interface.upper()}" if interface != OWN else f"of the class {type(app).__name__}"
        raise ConfigurationError(
            f"{target} is an application {kind}, whose routes Kyoukai does not know; ask its own framework"
        )
    app.finalize()
    return app


def find_rows(app: Kyoukai) -> list[Row]:
    """Return the routes of a finalized application, sorted by host and rule."""
    rows = [_row(blueprint, route) for blueprint in app.walk() for route in blueprint.routes]
    return sorted(rows, key=lambda row: (row.host or "", row.rule, row.kind, row.methods))


def _row(blueprint: Blueprint, route: Route) -> Row:
    methods = route.rule.methods
    kind, function = _kind(route)
    found = find_line(function)
    return Row(
        route.rule.rule,
        route.url_host,
        [ALL] if methods is None else sorted(methods),
        kind,
        route.endpoint,
        ".".join(node.name for node in blueprint.lineage[1:]) or None,
        describe(route.handler),
        found[0] if found is not None else None,
        found[1] if found is not None else None,
    )


def _kind(route: Route) -> tuple[str, Any]:
    """Return the kind of a route, and the function whose lines tell where its handler is."""
    # Most commands load no application of ASGI, and `kyoukai run` imports this module.
    from kyoukai.web.asgi import ASGIMount, ASGIWebSocketMount

    handler: Any = route.handler
    if isinstance(handler, ASGIWebSocketMount):
        return "websocket", handler.mount.application
    if isinstance(handler, Mount):
        return "asgi" if isinstance(handler, ASGIMount) else "wsgi", handler.application
    if isinstance(handler, StaticFiles):
        return "static", handler
    return "websocket" if route.is_websocket else "route", handler


def table(rows: list[Row]) -> list[str]:
    """Return rows as lines with aligned columns; without a column that no row has a value for."""
    if not rows:
        return ["no routes"]
    titles = ("HOST", "RULE", "METHODS", "KIND", "ENDPOINT", "BLUEPRINT", "HANDLER")
    cells = [
        (
            row.host or "",
            row.rule,
            _methods(row),
            row.kind,
            row.endpoint,
            row.blueprint or "",
            _handler(row),
        )
        for row in rows
    ]
    used = [index for index in range(len(titles)) if any(line[index] for line in cells)]
    return columns([[line[index] for index in used] for line in (titles, *cells)])


def _methods(row: Row) -> str:
    methods = set(row.methods)
    if methods == {ALL}:
        return "any"
    if methods >= REGISTERED:
        return ", ".join(["registered", *sorted(methods - REGISTERED)])
    if "GET" in methods:
        methods.discard("HEAD")
    return ", ".join(sorted(methods))


def _handler(row: Row) -> str:
    if row.file is None:
        return row.handler
    path = os.path.relpath(row.file)
    return f"{row.handler} ({row.file if path.startswith('..') else path}:{row.line})"
