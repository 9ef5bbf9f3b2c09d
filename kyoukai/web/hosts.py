"""Routes for some hosts alone: Werkzeug's host matching, and what it leaves open.

Blueprints and routes have a host, or a subdomain in front of the host above them. A request is matched
with the routes of its host first; those that have no host answer for every host, and are next. Which
port a client came by is no part of the match, and is put into URLs as it was.

An application in which nothing has a host never comes here: its requests are matched by path alone.
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
    """An adapter that makes URLs for a port, and for rules that have no host.

    :ivar netloc: host and port as the client sent them, which routes without a host are reached by.
    """

    netloc = ""

    def get_host(self, domain_part: str | None) -> str:
        """Return host and port of a URL, given the host that a rule has, if it has one."""
        _, port = split_host(self.netloc)
        return domain_part + port if domain_part else self.netloc


class HostRouter(Router):
    """Finds the routes of a tree in which some have a host. Its parameters are those of a router."""

    __slots__ = ()

    by_host = True

    def match(self, ctx: HTTPRequestContext, request: Any) -> Match:
        """Return what answers a request, and its parameters, and note both in its context."""
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
        """Return what makes URLs as the client of ``request`` sees them.

        :raises werkzeug.exceptions.BadRequest: if its host cannot be one.
        """
        return self._adapt(request, None)

    def _ask(self, method: str, path: str, host: str = "", *, websocket: bool = False) -> Any:
        """Return what the map finds for a host, or else for every host, or raise what it raises."""
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
        """Return nothing: clients choose the host, and with it what a path leads to."""
        return {}

    def _redirect(self, request: Request) -> HTTPException:
        """Return the redirect that was found, with the client's host and query."""
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
    """Return the router that the tree below ``root`` needs. For what is raised, see :class:`Router`."""
    blueprints = [*root.walk()]
    hosts = [blueprint.url_host for blueprint in blueprints]
    hosts += [route.url_host for blueprint in blueprints for route in blueprint.routes]
    if any(host is not None for host in hosts):
        return HostRouter(root, converters)
    return Router(root, converters)


def split_host(netloc: str) -> tuple[str, str]:
    """Return the host of a request in lower case, with no dot at its end, and its port with the colon."""
    colon = netloc.rfind(":")
    if colon < 0 or netloc.endswith("]"):
        colon = len(netloc)
    return netloc[:colon].lower().removesuffix("."), netloc[colon:]
