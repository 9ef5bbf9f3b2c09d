"""Finds the route of a request: one Werkzeug map for a tree of blueprints.

One ``MapAdapter``, not bound to a request, does all matching. A request gets its own adapter only for
redirects and URLs, which need its host and scheme. A request without a route gets a stand-in for one. The
stand-in has the hooks of the application, and the error handlers for the request's path. An ``OPTIONS`` that
is answered in place of a route has that route's hooks.

A path without variables is matched once and then kept. Other matches are kept in a bounded cache, if they
depend on the path alone; a custom converter is asked each time. If blueprints have hosts, the host is an
additional argument of the match and a part of the key: see :mod:`kyoukai.web.hosts`.
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

# Characters of a query that are kept: all visible ASCII.
QUERY_SAFE: Final = "".join(map(chr, range(0x21, 0x7F)))

MAX_FOUND: Final = 1024
"""The number of cached answers for paths with variables; clients choose the paths."""

MAX_PATH_SIZE: Final = 256
"""The longest path of a cached answer, in characters."""


class Router:
    """Finds the routes of a tree of blueprints, and builds URLs.

    :param root: the application. Later additions to the tree are not found.
    :param converters: converters for the variables of rules by name, in addition to Werkzeug's.
    :raises ConfigurationError: if a rule is malformed or hides another, or a handler does not accept the
        variables of its rule.
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
    """Whether the hosts of rules matter."""

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
        """Return the target of a request and its parameters, and note both in its context.

        :param request: gets the route as ``matched_route`` too, for observers of answers.
        """
        method = request.method
        # RFC 9112 section 3.2.4: the asterisk stands for the server, not for a path.
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

        :raises werkzeug.exceptions.BadRequest: if its host is not valid.
        """
        scheme = "https" if request.is_secure else "http"
        host = host_of(request)
        return self.map.bind(host, request.root_path, url_scheme=scheme, default_method=request.method)

    def _find(self, ctx: HTTPRequestContext, request: Request, key: tuple[str, ...]) -> Match:
        """Return the map's answer for a method and a path, and cache it if possible."""
        method = key[0]
        if self._has_websockets and asks_for_websocket(request.environ):
            with contextlib.suppress(HTTPException):
                # Without a WebSocket route it is served like any other request.
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
            # GET is an allowed method if it opens a WebSocket.
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
        """Return the refusal of a plain request for the URL of a WebSocket."""
        error = why_no_websocket(request.environ) or UpgradeRequired()
        return Refusal(self._error_scopes.find(ctx, *key[1:]), error), NO_PARAMS

    def _answer_options(
        self, ctx: HTTPRequestContext, request: Request, key: tuple[str, ...], allowed: list[str]
    ) -> Match:
        """Return the target for an ``OPTIONS`` without a route of its own, in place of an existing route.

        A browser's preflight names the method of its next request: hooks are taken from the route of that
        method, or else from the first route in the order of methods.
        """
        wanted = request.headers.get("Access-Control-Request-Method", "")
        for method in sorted(allowed, key=lambda name: name != wanted):
            try:
                rule, params = self._ask(method, *key[1:])
            except HTTPException:
                continue  # OPTIONS itself, or a redirect of this method only.
            ctx.route, ctx.found = rule.route, params
            return Options(rule.route.scope, allowed), params
        return Options(self.scope, allowed), NO_PARAMS

    def _ask(self, method: str, path: str, host: str = "", *, websocket: bool = False) -> Any:
        """Return the rule and the parameters that the map finds, or raise its exception."""
        return self._adapter.match(path, method, return_rule=True, websocket=websocket)

    def _takes_websocket(self, method: str, path: str, host: str = "") -> bool:
        """Return whether a WebSocket route matches this path: other answers for it are not cached then."""
        if not self._has_websockets or method != "GET":
            return False
        try:
            self._ask(method, path, host, websocket=True)
        except HTTPException:
            return False
        return True

    def _find_fixed(self, rules: Iterable[RouteRule]) -> dict[tuple[str, ...], tuple[Route, Params]]:
        """Return the map's answers by method and path, for paths that are rules themselves."""
        fixed: dict[tuple[str, ...], tuple[Route, Params]] = {}
        for rule in rules:
            for method in () if rule.arguments else rule.methods or ():
                try:
                    found, _ = self._ask(method, rule.rule)
                except HTTPException:
                    continue  # For example a redirect for doubled slashes.
                if self._takes_websocket(method, rule.rule):
                    continue
                fixed[method, rule.rule] = found.route, NO_PARAMS
        return fixed

    def _redirect(self, request: Request) -> HTTPException:
        """Return a redirect with the client's host and query."""
        query = quote(request.query_string, safe=QUERY_SAFE)
        try:
            self.bind(request).match(request.path, query_args=query, websocket=False)
        except HTTPException as redirect:
            return redirect
        return NotFound()  # A converter is not consistent.

    def _add(self, rule: RouteRule) -> None:
        """Add a rule to the map, and check that its handler accepts the variables."""
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
