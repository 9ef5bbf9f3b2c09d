"""Werkzeug rules for the routes in a tree of blueprints."""

from collections.abc import Mapping
from typing import Any, Final

from werkzeug.routing import BaseConverter, Map, Rule

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import suggest
from kyoukai.core.semantics.methods import ALL
from kyoukai.private_names import has_converter

from .blueprint import Blueprint
from .calling import describe
from .mounts import CONVERTER
from .route import Route
from .scope import Scope

OWN_CONVERTERS: Final = frozenset(Map.default_converters.values())
"""Werkzeug's converters: equal text gives an equal, immutable value."""


class RouteRule(Rule):
    """A rule with a reference to its route."""

    route: Route

    is_constant = True
    """Whether the values of its variables depend on the path alone."""

    def get_converter(
        self, variable_name: str, converter_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> BaseConverter:
        """Return Werkzeug's converter of a variable, after checks with better messages."""
        if has_converter(self, variable_name):
            raise ValueError(f"it has the variable {variable_name!r} twice")
        if converter_name not in self.map.converters:
            known = [name for name in self.map.converters if name != CONVERTER]
            raise LookupError(
                f"the converter {converter_name!r} does not exist; {suggest(converter_name, known)}"
            )
        converter = super().get_converter(variable_name, converter_name, args, kwargs)
        self.is_constant = self.is_constant and type(converter) in OWN_CONVERTERS
        return converter


def make_rules(root: Blueprint) -> list[RouteRule]:
    """Make the rules of a tree, and set the rule and the scope of each route.

    :raises ConfigurationError: if two routes have the same method and URL.
    """
    rules: list[RouteRule] = []
    taken: dict[tuple[str | None, str, str, bool], Route] = {}
    for blueprint in root.walk():
        for route in blueprint.routes:
            host = route.url_host
            url = blueprint.url_prefix + route.url
            for method in route.methods:
                other = taken.setdefault((host, url, method, route.is_websocket), route)
                if other is not route:
                    raise ConfigurationError(
                        f"{method} {(host or '') + url!r} is answered by {describe(other.handler)} already,"
                        f" and {describe(route.handler)} would never be called for it"
                    )
            rule = RouteRule(
                url,
                methods=None if ALL in route.methods else route.methods,
                endpoint=route.endpoint,
                strict_slashes=route.strict_slashes,
                defaults=route.defaults,
                host=host,
                websocket=route.is_websocket,
            )
            rule.route = route
            rules.append(rule)
            route.rule = rule
            route.scope = Scope(blueprint.lineage, route.before, route.after, route.pool)
    for rule in rules:
        # Werkzeug adds HEAD to GET, which must not hide a route for HEAD.
        if (
            rule.methods is not None
            and taken.get((rule.host, rule.rule, "HEAD", False), rule.route) is not rule.route
        ):
            rule.methods.discard("HEAD")
    return rules
