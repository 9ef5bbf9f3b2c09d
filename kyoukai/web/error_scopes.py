"""Finds the error handlers for a request without a route: a 404 below an API's prefix is the API's.

They are those of the deepest blueprint whose whole prefix the path is under, and whose host, if any, is the
requested one. If several unrelated prefixes match, the more specific one wins, as among routes; of two equal
ones, the blueprint that was added first. A blueprint without its own prefix or host is skipped: its parent
fits as well.

Requests with a route do not use this.
"""

import re
from collections.abc import Mapping
from typing import Final

from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule

from kyoukai.core.errors import ConfigurationError

from .blueprint import Blueprint
from .context import HTTPRequestContext
from .mounts import CONVERTER, MountedConverter
from .scope import Scope

REST: Final = f"/<{CONVERTER}:the_rest_of_the_path>"


class ErrorScopes:
    """Finds the scopes of requests without a route.

    :param root: the application.
    :param converters: converters for the variables of prefixes by name, in addition to Werkzeug's.
    :param by_host: whether hosts matter.
    :raises ConfigurationError: if a prefix cannot be used.
    """

    __slots__ = ("_by_host", "_map", "_outside")

    def __init__(
        self, root: Blueprint, converters: Mapping[str, type[BaseConverter]] | None, by_host: bool
    ) -> None:
        self._outside = Scope([root])
        self._by_host = by_host
        self._map: Map | None = None
        blueprints = [blueprint for blueprint in root.walk() if blueprint is not root]
        if all(blueprint.hooks.error_handlers.is_empty for blueprint in blueprints):
            return
        self._map = Map(
            converters={CONVERTER: MountedConverter, **(converters or {})},
            host_matching=by_host,
            merge_slashes=False,
            strict_slashes=False,
        )
        taken: set[tuple[str | None, str]] = set()
        for blueprint in blueprints:
            place = blueprint.url_host, blueprint.url_prefix
            has_own = blueprint.prefix or blueprint.host is not None or blueprint.subdomain is not None
            if has_own and place not in taken:
                taken.add(place)
                self._add(self._map, root, blueprint)

    def find(self, ctx: HTTPRequestContext, path: str, host: str = "") -> Scope:
        """Return the scope of a request for a path without a route.

        Its error handlers are those of a blueprint and its parents; its hooks are the application's.

        :param ctx: gets the blueprint.
        """
        if self._map is not None:
            for server_name in (host, "") if self._by_host and host else ("",):
                try:
                    # The request is a stand-in: the host is only matched, not validated.
                    adapter = MapAdapter(self._map, server_name, "/", None, "http", "/", "GET")
                    scope, _ = adapter.match(path, websocket=False)
                except HTTPException:
                    continue
                found: Scope = scope
                ctx.place = found.bp
                return found
        return self._outside

    def _add(self, rules: Map, root: Blueprint, blueprint: Blueprint) -> None:
        """Add the rules of the prefixes of a blueprint."""
        scope = Scope([root])
        scope.bp, scope.error_handlers = blueprint, Scope(blueprint.lineage).error_handlers
        prefix = blueprint.url_prefix
        try:
            for url in (prefix, prefix + REST) if prefix else (REST,):
                rules.add(Rule(url, endpoint=scope, host=blueprint.url_host))
        except (LookupError, TypeError, ValueError, re.error) as exc:
            reason = exc.args[0] if exc.args else exc
            raise ConfigurationError(
                f"the prefix {prefix!r} of blueprint {blueprint.name!r} cannot be used: {reason}"
            ) from exc
