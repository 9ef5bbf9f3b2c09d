"""Whose error handlers answer a request that no route takes: by the path, a 404 below an API is the API's.

It is the deepest blueprint whose whole prefix the path is under, and whose host, if it has one, the request
is for. Where several prefixes fit that are not below each other, the one that says more wins, as it does
among routes; of two that are the same, the blueprint that was added first. A blueprint without a prefix
or a host of its own has nothing that would be under it more than under the one above.

Nothing of this is looked at for a request that a route takes.
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
    """Finds what surrounds requests that no route takes.

    :param root: the application.
    :param converters: converters for the variables of prefixes, besides Werkzeug's, by name.
    :param by_host: whether hosts count.
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
        """Return what surrounds a request for a path, of which no route is to be asked.

        Its error handlers are those of a blueprint and all above it; its hooks, the application's.

        :param ctx: gets to know that blueprint.
        """
        if self._map is not None:
            for server_name in (host, "") if self._by_host and host else ("",):
                try:
                    # No request of any client: a host that can be none is not looked at, but matched.
                    adapter = MapAdapter(self._map, server_name, "/", None, "http", "/", "GET")
                    scope, _ = adapter.match(path, websocket=False)
                except HTTPException:
                    continue
                found: Scope = scope
                ctx.place = found.bp
                return found
        return self._outside

    def _add(self, rules: Map, root: Blueprint, blueprint: Blueprint) -> None:
        """Add the rules of all that is under the prefix of a blueprint."""
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
