"""Opens the connection of a WebSocket over an exchange's tunnel, for applications of every interface."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .connection import WebSocketConnection
from .errors import WebSocketClosed
from .handshake import Agreed
from .settings import WebSocketSettings

if TYPE_CHECKING:
    from werkzeug.wrappers import Request


def open_websocket(
    exchange: Any,
    agreed: Agreed,
    settings: WebSocketSettings,
    fields: Sequence[tuple[str, str]] = (),
    *,
    task: "asyncio.Task[Any] | None" = None,
    request: "Request | None" = None,
) -> WebSocketConnection:
    """Answer a handshake, and return the connection.

    :param exchange: the :class:`~kyoukai.core.exchange.exchange.Exchange` of the handshake, or an object with
        its ``open_tunnel``.
    :param agreed: the result of the handshake.
    :param fields: additional fields of the answer.
    :param task: the task to cancel when the client is lost without a close, if the server has
        ``cancel_on_disconnect`` and neither ``receive`` nor ``send`` has raised for it.
    :param request: the request, for observers, if the application's form has requests.
    :raises WebSocketClosed: if the client is gone.
    :raises InvalidResponseError: if a field cannot be sent.
    """
    owner = getattr(exchange, "owner", exchange)
    server = exchange.server

    def note_end(connection: WebSocketConnection, is_lost: bool) -> None:
        closed = connection.closed
        # A handler that knows of the end may be cleaning up: do not interrupt it.
        if is_lost and server.cancel_on_disconnect and task is not None and not connection.inbox.was_told:
            task.cancel()
        if server.observe_end is not None and closed is not None:
            server.observe_end(exchange, request, connection.traffic.end(closed.code))

    def connect() -> WebSocketConnection:
        return WebSocketConnection(
            owner.component,
            owner.parent_context,
            owner.server_ip,
            owner.server_port,
            settings=settings,
            deflate=agreed.deflate,
            on_end=note_end,
        )

    opened: WebSocketConnection | None = exchange.open_tunnel("websocket", [*agreed.fields, *fields], connect)
    if opened is None:
        raise WebSocketClosed(1006, "the client is gone")
    return opened
