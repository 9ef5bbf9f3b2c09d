"""Closes a WebSocket whose handler or application has raised."""

from collections.abc import Callable
from typing import Final

from kyoukai.core.faults import as_error, is_end

from .connection import WebSocketConnection
from .errors import UnfitMessage, WebSocketClosed
from .frame_reader import GOING_AWAY, INTERNAL_ERROR

NORMAL: Final = 1000


def close_failed(
    connection: WebSocketConnection, exc: BaseException, tell: Callable[[Exception], None]
) -> None:
    """Close a WebSocket whose handler has raised.

    :param exc: the exception.
    :param tell: called before the close is sent, with the client's :class:`UnfitMessage` or the handler's
        error; not called if the exception says that the WebSocket is closed.
    :raises BaseException: ``exc``, if it ends the task.
    """
    if is_end(exc):
        connection.begin_close(GOING_AWAY)
        raise exc
    if has_noticed_end(connection, exc):
        connection.begin_close(NORMAL)
        return
    unfit = find_unfit(exc)
    if unfit is not None:
        tell(unfit)
        connection.begin_close(unfit.code, unfit.reason)
        return
    tell(as_error(exc, "the application"))
    connection.begin_close(INTERNAL_ERROR)


def has_noticed_end(connection: WebSocketConnection, exc: BaseException) -> bool:
    """Return whether the exception of a handler, or of its task group, says that its WebSocket is closed."""
    if connection.closed is None and not connection.client_gone:
        # Another WebSocket is closed.
        return False
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(WebSocketClosed)[1] is None
    return isinstance(exc, WebSocketClosed)


def find_unfit(exc: BaseException) -> UnfitMessage | None:
    """Return the client's :class:`UnfitMessage` in a handler's exception, the first one of a group."""
    while isinstance(exc, BaseExceptionGroup):
        if exc.split(UnfitMessage)[1] is not None:
            return None
        exc = exc.exceptions[0]
    return exc if isinstance(exc, UnfitMessage) else None
