"""Serves a request for a WebSocket, from the handshake to the end of its handler."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Response

from kyoukai.core.errors import identified
from kyoukai.core.exchange.environ import TOLD
from kyoukai.core.exchange.request_ids import named
from kyoukai.core.exchange.upgrades import UpgradeRequired, why_no_websocket
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.websocket import UnfitMessage, WebSocket, WebSocketClosed, WebSocketSettings
from kyoukai.websocket.connection import WebSocketConnection
from kyoukai.websocket.failing import close_failed
from kyoukai.websocket.handshake import Agreed, VersionMismatch, agree
from kyoukai.websocket.opening import open_websocket

from .calling import AnyFunction, locate
from .context import HTTPRequestContext
from .scope import Scope


class Served(Protocol):
    """The part of a :class:`~kyoukai.web.websocket_route.WebSocketRoute` that is needed here."""

    handler: AnyFunction
    settings: WebSocketSettings
    subprotocols: tuple[str, ...]
    scope: Scope
    finish: Callable[[HTTPRequestContext, Scope, Response], Awaitable[Response]]
    """Calls the ``after`` hooks."""


logger = logging.getLogger("kyoukai.web")


async def serve_websocket(route: Served, ctx: HTTPRequestContext, **params: Any) -> Any:
    """Call the handler of a route with a WebSocket, and return the answer to the request.

    If the handler has not accepted the WebSocket, this is the handler's answer; otherwise nobody sees it.

    :raises HTTPException: if the request is not for a WebSocket, or the backend does not support WebSockets.
    """
    refusal = why_no_websocket(ctx.environ)
    if refusal is not None:
        raise refusal
    try:
        agreed = agree(ctx.environ, route.settings, route.subprotocols)
    except VersionMismatch:
        raise identified(UpgradeRequired(), "websocket-version-unknown") from None
    opening = Opening(ctx, route, agreed)
    websocket = WebSocket(opening.open, agreed.subprotocol, ctx.app.json_encoder)
    ctx.websocket = websocket
    try:
        answer = await route.handler(ctx, websocket, **params)
    except BaseException as exc:
        if websocket.connection is None:
            raise
        close_failed(websocket.connection, exc, functools.partial(note_failure, ctx, route))
        return opening.response
    finally:
        # Break the cycle: it refers to the context, which refers to the WebSocket, which refers to it.
        websocket.refused = True
        del opening.ctx
    if websocket.connection is None:
        if answer is not None:
            return answer
        raise identified(Forbidden(), "websocket-not-accepted")
    websocket.connection.begin_close(1000)
    return opening.response


def note_failure(ctx: HTTPRequestContext, route: Served, error: Exception) -> None:
    """Note and log the exception of a handler whose WebSocket is accepted."""
    ctx.failure = error
    if isinstance(error, UnfitMessage):
        text = "WebSocket %r: closed with %d for a message that its handler did not ask for: %s%s"
        logger.info(text, ctx.request.path, error.code, error.reason, named(ctx.environ))
        return
    text = "WebSocket %r: unhandled exception%s; its handler is %s"
    logger.error(text, ctx.request.path, named(ctx.environ), locate(route.handler), exc_info=error)
    bear_witness(error, ctx.environ)


class Opening:
    """The pending answer to a handshake."""

    def __init__(self, ctx: HTTPRequestContext, route: Served, agreed: Agreed) -> None:
        self.ctx = ctx
        self.route = route
        self.agreed = agreed
        self.task = asyncio.current_task()
        """The handler's task; another task may accept the WebSocket."""
        self.response: Response | None = None
        """The response that ``after`` hooks have seen."""

    async def open(self, headers: Iterable[tuple[str, str]]) -> WebSocketConnection:
        """Answer the handshake, and return the connection.

        :raises WebSocketClosed: if the client is gone.
        :raises RuntimeError: if ``after`` hooks, or the backend, prevent it.
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
        fields = [(name, value) for name, value in response.headers]
        opened = open_websocket(
            exchange, self.agreed, self.route.settings, fields, task=self.task, request=ctx.request
        )
        self.response = response
        exchange.tell(ctx.request, response)
        ctx.environ[TOLD] = True
        return opened
