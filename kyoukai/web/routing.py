"""Which route takes a request: a tree of blueprints made into one Werkzeug map.

One adapter of the map, bound to no request, does all the matching. A request's own adapter is made
only where host and scheme show: in redirects and in URLs. A request that no route takes gets a
stand-in for one, which the application's hooks surround, and error handlers by its path. An ``OPTIONS``
that is answered in the place of a route has that route's hooks.

For paths without variables the map is asked once and for all: its answer cannot change, and to ask
takes as long as the rest of a small request. For other paths its answers are kept as long as there is
room, where they follow from the path alone: a converter that is not Werkzeug's own is asked each time.
Where blueprints have hosts, the host is one more argument of the match, and one more part of the key: that
is the affair of :mod:`kyoukai.web.hosts`.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, MapAdapter, RequestRedirect
from werkzeug.routing.exceptions import WebsocketMismatch
from werkzeug.wrappers import Request

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.upgrades import UpgradeRequired, asks_for_websocket, why_no_websocket
from kyoukai.core.semantics.methods import REGISTERED

from .blueprint import Blueprint
from .calling import check_call, describe
from .context import HTTPRequestContext
from .error_scopes import ErrorScopes
from .host_names import host_of
from .mounts import CONVERTER, MountedConverter
from .route import Route
from .rules import RouteRule, make_rules
from .scope import Scope
from .targets import NO_PARAMS, Match, Options, Params, Refusal

# What is left of a query as it was sent: everything that is visible in ASCII.
QUERY_SAFE: Final = "".join(map(chr, range(0x21, 0x7F)))

MAX_FOUND: Final = 1024
"""How many answers of the map are kept for paths with variables; they are the clients' to choose."""

MAX_PATH_SIZE: Final = 256
"""The longest path for which one is kept, in characters."""


class Router:
    """Finds the routes of a tree of blueprints, and the URLs that lead to them.

    :param root: the application. What is added to the tree later on is not found.
    :param converters: converters for the variables of rules, besides Werkzeug's, by name.
    :raises ConfigurationError: if a rule cannot be read, or hides another, or if a handler cannot
        be called with the variables of its rule.
    """

    __slots__ = (
        "_adapter",
        "_error_scopes",
        "_everything",
        "_fixed",
        "_found",
        "_has_websockets",
        "map",
        "scope",
    )

    by_host = False
    """Whether the rules' hosts count."""

    def __init__(self, root: Blueprint, converters: Mapping[str, type[BaseConverter]] | None = None) -> None:
        self.scope = Scope([root])
        self.map = Map(
            converters={CONVERTER: MountedConverter, **(converters or {})}, host_matching=self.by_host
        )
        rules = make_rules(root)
        for rule in rules:
            self._add(rule)
        self._error_scopes = ErrorScopes(root, converters, self.by_host)
        methods = {method for rule in rules for method in rule.methods or REGISTERED}
        self._everything = Options(self.scope, sorted(methods | {"OPTIONS"}))
        self._adapter = self.map.bind("")
        self._has_websockets = any(rule.websocket for rule in rules)
        self._fixed = self._find_fixed(rules)
        self._found: dict[tuple[str, ...], tuple[Route, Params]] = {}

    def match(self, ctx: HTTPRequestContext, request: Any) -> Match:
        """Return what answers a request, and its parameters, and note both in its context.

        :param request: it is given the route, too, as ``matched_route``, for whoever observes answers.
        """
        method = request.method
        # RFC 9112 section 3.2.4: the asterisk is about the server, and about no path of it.
        if method == "OPTIONS" and not request.environ.get("PATH_INFO", "/"):
            return self._everything, NO_PARAMS
        key = (method, request.path)
        fixed = self._fixed.get(key)
        if fixed is not None:
            request.matched_route = ctx.route = fixed[0]
            return fixed
        found = self._found.get(key)
        if found is None:
            match = self._find(ctx, request, key)
            request.matched_route = ctx.route
            return match
        ctx.route, ctx.found = found
        request.matched_route = found[0]
        return found

    def bind(self, request: Request) -> MapAdapter:
        """Return the adapter that makes URLs as the client of ``request`` sees them.

        :raises werkzeug.exceptions.BadRequest: if its host cannot be one.
        """
        scheme = "https" if request.is_secure else "http"
        host = host_of(request)
        return self.map.bind(host, request.root_path, url_scheme=scheme, default_method=request.method)

    def _find(self, ctx: HTTPRequestContext, request: Request, key: tuple[str, ...]) -> Match:
        """Return what the map says of a method and a path, and keep it if it may be kept."""
        method = key[0]
        if self._has_websockets and asks_for_websocket(request.environ):
            with contextlib.suppress(HTTPException):
                # Where no WebSocket takes it, it is served as any other request.
                rule, params = self._ask(*key, websocket=True)
                ctx.route, ctx.found = rule.route, params
                return rule.route, params
        try:
            rule, params = self._ask(*key)
        except WebsocketMismatch:
            return self._ask_for_upgrade(ctx, request, key)
        except RequestRedirect:
            return Refusal(self.scope, self._redirect(request)), NO_PARAMS
        except MethodNotAllowed as error:
            # GET is one of the methods that are allowed, where it opens a WebSocket.
            if method in ("GET", "HEAD") and self._takes_websocket("GET", *key[1:]):
                return self._ask_for_upgrade(ctx, request, key)
            allowed = sorted({*(error.valid_methods or ()), "OPTIONS"})
            if method == "OPTIONS":
                return self._answer_options(ctx, request, key, allowed)
            return Refusal(self._error_scopes.find(ctx, *key[1:]), MethodNotAllowed(allowed)), NO_PARAMS
        except NotFound:
            return Refusal(self._error_scopes.find(ctx, *key[1:]), NotFound()), NO_PARAMS
        route: Route = rule.route
        if rule.is_constant and max(map(len, key)) <= MAX_PATH_SIZE and not self._takes_websocket(*key):
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            self._found[key] = route, params
        ctx.route, ctx.found = route, params
        return route, params

    def _ask_for_upgrade(self, ctx: HTTPRequestContext, request: Request, key: tuple[str, ...]) -> Match:
        """Return what refuses a request for a URL that is a WebSocket's, and asks for none."""
        error = why_no_websocket(request.environ) or UpgradeRequired()
        return Refusal(self._error_scopes.find(ctx, *key[1:]), error), NO_PARAMS

    def _answer_options(
        self, ctx: HTTPRequestContext, request: Request, key: tuple[str, ...], allowed: list[str]
    ) -> Match:
        """Return what answers an ``OPTIONS`` that no route takes, in the place of one that is there.

        A browser that asks before another request names that one's method. Its route is what the hooks
        are looked up for, or else the first in the order of methods.
        """
        wanted = request.headers.get("Access-Control-Request-Method", "")
        for method in sorted(allowed, key=lambda name: name != wanted):
            try:
                rule, params = self._ask(method, *key[1:])
            except HTTPException:
                continue  # OPTIONS itself, or a redirect of this method alone.
            ctx.route, ctx.found = rule.route, params
            return Options(rule.route.scope, allowed), params
        return Options(self.scope, allowed), NO_PARAMS

    def _ask(self, method: str, path: str, host: str = "", *, websocket: bool = False) -> Any:
        """Return the rule and the parameters that the map finds, or raise what it raises."""
        return self._adapter.match(path, method, return_rule=True, websocket=websocket)

    def _takes_websocket(self, method: str, path: str, host: str = "") -> bool:
        """Return whether a WebSocket is taken at this path: what is there for others is not kept then."""
        if not self._has_websockets or method != "GET":
            return False
        try:
            self._ask(method, path, host, websocket=True)
        except HTTPException:
            return False
        return True

    def _find_fixed(self, rules: Iterable[RouteRule]) -> dict[tuple[str, ...], tuple[Route, Params]]:
        """Return by method and path what the map finds for the paths that are rules themselves."""
        fixed: dict[tuple[str, ...], tuple[Route, Params]] = {}
        for rule in rules:
            for method in () if rule.arguments else rule.methods or ():
                try:
                    found, _ = self._ask(method, rule.rule)
                except HTTPException:
                    continue  # Such as the redirect that doubled slashes lead to.
                if self._takes_websocket(method, rule.rule):
                    continue
                fixed[method, rule.rule] = found.route, NO_PARAMS
        return fixed

    def _redirect(self, request: Request) -> HTTPException:
        """Return the redirect that the shared adapter found, with the client's host and query."""
        query = quote(request.query_string, safe=QUERY_SAFE)
        try:
            self.bind(request).match(request.path, query_args=query, websocket=False)
        except HTTPException as redirect:
            return redirect
        return NotFound()  # Some converter says now this, now that.

    def _add(self, rule: RouteRule) -> None:
        """Add a rule to the map, and check that its handler fits it."""
        route = rule.route
        try:
            self.map.add(rule)
        except (LookupError, TypeError, ValueError, re.error) as exc:
            reason = exc.args[0] if exc.args else exc
            raise ConfigurationError(
                f"the rule {rule.rule!r} of {describe(route.handler)} cannot be used: {reason}"
            ) from exc
        what = f"by the rule {rule.rule!r}, the handler"
        check_call(what, route.handler, route.arguments, sorted(rule.arguments))
