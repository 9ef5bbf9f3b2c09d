"""Routing by host: Werkzeug's host matching and its gaps.

Blueprints and routes may have a host, or a subdomain of their parent's host. A request is first matched with
the routes of its host, then with the routes for every host. The client's port does not matter for matching,
and is kept in URLs.

An application without hosts does not use this module: its requests are matched by path only.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, MapAdapter, RequestRedirect
from werkzeug.routing.exceptions import WebsocketMismatch
from werkzeug.wrappers import Request

from .blueprint import Blueprint
from .context import HTTPRequestContext
from .route import Route
from .routing import QUERY_SAFE, Router
from .rules import RouteRule
from .targets import NO_PARAMS, Match, Params


class HostAdapter(MapAdapter):
    """An adapter that makes URLs with a port, and for rules without a host.

    :ivar netloc: host and port as the client sent them, for routes without a host.
    """

    netloc = ""

    def get_host(self, domain_part: str | None) -> str:
        """Return host and port of a URL, for the host of a rule, if any."""
        _, port = split_host(self.netloc)
        return domain_part + port if domain_part else self.netloc


class HostRouter(Router):
    """Routes the requests of a tree with hosts. The parameters are those of a router."""

    __slots__ = ()

    by_host = True

    def match(self, ctx: HTTPRequestContext, request: Any) -> Match:
        """Return the target of a request and its parameters, and note both in its context."""
        if request.method == "OPTIONS" and not request.environ.get("PATH_INFO", "/"):
            return self._everything, NO_PARAMS
        host, _ = split_host(request.host)
        key = (request.method, request.path, host)
        found = self._found.get(key)
        if found is None:
            match = self._find(ctx, request, key)
            request.matched_route = ctx.route
            return match
        ctx.route, ctx.found = found
        request.matched_route = found[0]
        return found

    def bind(self, request: Request) -> HostAdapter:
        """Return the adapter that makes URLs as the client of ``request`` sees them.

        :raises werkzeug.exceptions.BadRequest: if its host is not valid.
        """
        return self._adapt(request, None)

    def _ask(self, method: str, path: str, host: str = "", *, websocket: bool = False) -> Any:
        """Return the map's answer for a host, or else for every host, or raise its exception."""
        own = HostAdapter(self.map, host, "/", None, "http", "/", method)
        try:
            return own.match(path, method, return_rule=True, websocket=websocket)
        except NotFound:
            return super()._ask(method, path, websocket=websocket)
        except (MethodNotAllowed, WebsocketMismatch) as error:
            refusal = error
        try:
            return super()._ask(method, path, websocket=websocket)
        except NotFound:
            raise refusal from None
        except MethodNotAllowed as error:
            methods = {*(error.valid_methods or ())}
            if isinstance(refusal, MethodNotAllowed):
                methods |= {*(refusal.valid_methods or ())}
            raise MethodNotAllowed(sorted(methods)) from None

    def _find_fixed(self, rules: Iterable[RouteRule]) -> dict[tuple[str, ...], tuple[Route, Params]]:
        """Return nothing: clients choose the host, and the target depends on it."""
        return {}

    def _redirect(self, request: Request) -> HTTPException:
        """Return a redirect with the client's host and query."""
        query = quote(request.query_string, safe=QUERY_SAFE)
        host, _ = split_host(request.host)
        for adapter in (self._adapt(request, host), self._adapt(request, "")):
            try:
                adapter.match(request.path, query_args=query, websocket=False)
            except RequestRedirect as redirect:
                return redirect
            except HTTPException:
                continue
        return NotFound()

    def _adapt(self, request: Request, host: str | None) -> HostAdapter:
        """Return an adapter for a request that matches the rules of ``host``."""
        bound = super().bind(request)
        adapter = HostAdapter(
            self.map,
            bound.server_name if host is None else host,
            bound.script_name,
            None,
            bound.url_scheme,
            bound.path_info,
            bound.default_method,
        )
        adapter.netloc = bound.server_name
        return adapter


def make_router(root: Blueprint, converters: Mapping[str, type[BaseConverter]] | None = None) -> Router:
    """Return the router for the tree below ``root``. It raises the exceptions of :class:`Router`."""
    blueprints = [*root.walk()]
    hosts = [blueprint.url_host for blueprint in blueprints]
    hosts += [route.url_host for blueprint in blueprints for route in blueprint.routes]
    if any(host is not None for host in hosts):
        return HostRouter(root, converters)
    return Router(root, converters)


def split_host(netloc: str) -> tuple[str, str]:
    """Return the host of a request in lower case without a trailing dot, and its port with the colon."""
    colon = netloc.rfind(":")
    if colon < 0 or netloc.endswith("]"):
        colon = len(netloc)
    return netloc[:colon].lower().removesuffix("."), netloc[colon:]
