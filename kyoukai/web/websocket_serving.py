"""From a request to a WebSocket and its handler, and to the end of both."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Response

from kyoukai.core.exchange.environ import TOLD
from kyoukai.core.exchange.request_ids import named
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.core.faults import as_error, is_end
from kyoukai.websocket import UnfitMessage, WebSocket, WebSocketClosed, WebSocketSettings
from kyoukai.websocket.connection import WebSocketConnection
from kyoukai.websocket.handshake import Agreed, VersionMismatch, agree

from .calling import AnyFunction, locate
from .context import HTTPRequestContext
from .scope import Scope
from .upgrades import UpgradeRequired, why_no_websocket


class Served(Protocol):
    """What is known of a route for WebSockets: of a :class:`~kyoukai.web.websocket_route.WebSocketRoute`."""

    handler: AnyFunction
    settings: WebSocketSettings
    subprotocols: tuple[str, ...]
    scope: Scope
    finish: Callable[[HTTPRequestContext, Scope, Response], Awaitable[Response]]
    """Calls the hooks after."""


logger = logging.getLogger("kyoukai.web")


async def serve_websocket(route: Served, ctx: HTTPRequestContext, **params: Any) -> Any:
    """Call the handler of a route with a WebSocket, and return what answers the request.

    That is the handler's own answer, where it has not accepted the WebSocket; otherwise nobody sees it.

    :raises HTTPException: if the request is none for a WebSocket, or the backend opens none.
    """
    refusal = why_no_websocket(ctx.environ)
    if refusal is not None:
        raise refusal
    try:
        agreed = agree(ctx.environ, route.settings, route.subprotocols)
    except VersionMismatch:
        raise UpgradeRequired("The version of WebSocket that is spoken here is 13.") from None
    opening = Opening(ctx, route, agreed)
    websocket = WebSocket(opening.open, agreed.subprotocol, ctx.app.json_encoder)
    ctx.websocket = websocket
    try:
        answer = await route.handler(ctx, websocket, **params)
    except BaseException as exc:
        if websocket.connection is None:
            raise
        end_failed(ctx, route, websocket.connection, exc)
        return opening.response
    finally:
        # It has the context, which has the WebSocket, which has it.
        websocket.refused = True
        del opening.ctx
    if websocket.connection is None:
        if answer is not None:
            return answer
        raise Forbidden("The WebSocket was not accepted.")
    websocket.connection.begin_close(1000)
    return opening.response


def end_failed(
    ctx: HTTPRequestContext, route: Served, connection: WebSocketConnection, exc: BaseException
) -> None:
    """Close a WebSocket whose handler has raised.

    :raises BaseException: ``exc``, if it ends the task.
    """
    if is_end(exc):
        connection.begin_close(1001)
        raise exc
    if has_noticed_end(connection, exc):
        # It has noticed the end by this.
        connection.begin_close(1000)
        return
    unfit = find_unfit(exc)
    if unfit is not None:
        ctx.failure = unfit
        text = "WebSocket %r: closed with %d for a message that its handler did not ask for: %s%s"
        logger.info(text, ctx.request.path, unfit.code, unfit.reason, named(ctx.environ))
        connection.begin_close(unfit.code, unfit.reason)
        return
    error = as_error(exc, "the application")
    ctx.failure = error
    text = "WebSocket %r: unhandled exception%s; its handler is %s"
    logger.error(text, ctx.request.path, named(ctx.environ), locate(route.handler), exc_info=error)
    bear_witness(error, ctx.environ)
    connection.begin_close(1011)


def has_noticed_end(connection: WebSocketConnection, exc: BaseException) -> bool:
    """Return whether what a handler, or its group of tasks, has raised says that its WebSocket is closed."""
    if connection.closed is None and not connection.client_gone:
        # It is another one that is.
        return False
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(WebSocketClosed)[1] is None
    return isinstance(exc, WebSocketClosed)


def find_unfit(exc: BaseException) -> UnfitMessage | None:
    """Return what a handler has raised, if that is the client's fault; of a group, the first."""
    while isinstance(exc, BaseExceptionGroup):
        if exc.split(UnfitMessage)[1] is not None:
            return None
        exc = exc.exceptions[0]
    return exc if isinstance(exc, UnfitMessage) else None


class Opening:
    """The answer to a handshake, until it is given."""

    def __init__(self, ctx: HTTPRequestContext, route: Served, agreed: Agreed) -> None:
        self.ctx = ctx
        self.route = route
        self.agreed = agreed
        self.task = asyncio.current_task()
        """The handler's; the WebSocket may be accepted by another."""
        self.response: Response | None = None
        """What hooks after were told of."""

    async def open(self, headers: Iterable[tuple[str, str]]) -> WebSocketConnection:
        """Answer the handshake, and return the connection.

        :raises WebSocketClosed: if the client is gone.
        :raises RuntimeError: if hooks after, or the backend, make it impossible.
        """
        ctx = self.ctx
        response = ctx.app.response_class(status=101, headers=list(headers))
        response.headers.pop("Content-Type", None)
        response.headers.pop("Content-Length", None)
        response = await self.route.finish(ctx, self.route.scope, response)
        ctx.has_finished = True
        if response.status_code != 101:
            raise HTTPException(response=response)
        protocol = ctx.proto
        exchange = getattr(protocol, "first", protocol)
        if protocol is None or exchange is None:
            raise WebSocketClosed(1006, "the client is gone")
        task = self.task
        owner = getattr(exchange, "owner", exchange)

        def note_end(connection: WebSocketConnection, is_lost: bool) -> None:
            closed = connection.closed
            if is_lost and exchange.server.cancel_on_disconnect and task is not None:
                task.cancel()
            if exchange.server.observe_end is not None and closed is not None:
                exchange.server.observe_end(exchange, ctx.request, connection.traffic.end(closed.code))

        def connect() -> WebSocketConnection:
            return WebSocketConnection(
                owner.component,
                owner.parent_context,
                owner.server_ip,
                owner.server_port,
                settings=self.route.settings,
                deflate=self.agreed.deflate,
                on_end=note_end,
            )

        fields = [*self.agreed.fields, *((name, value) for name, value in response.headers)]
        connection = exchange.open_tunnel("websocket", fields, connect)
        if connection is None:
            raise WebSocketClosed(1006, "the client is gone")
        self.response = response
        exchange.tell(ctx.request, response)
        ctx.environ[TOLD] = True
        opened: WebSocketConnection = connection
        return opened
