"""Detecting requests for WebSockets, and handing them on. The library for WebSockets may be missing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import NotImplemented as NotImplementedByServer

from kyoukai.core.errors import ConfigurationError, identified
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.upgrades import logger, offers_websocket, refuse_websocket
from kyoukai.core.extras import extra_command
from kyoukai.core.features import Feature
from kyoukai.core.limits import suggest
from kyoukai.core.semantics.request_head import RequestHead

from .host import Host

if TYPE_CHECKING:
    from kyoukai.websocket import WebSocketSettings


def asks_for_websocket(head: RequestHead) -> bool:
    """Return whether a request opens a WebSocket (RFC 6455 section 4.1). A request with content does not."""
    return head.method == "GET" and head.body_size == 0 and offers_websocket(head.upgrade)


def make_settings(options: Mapping[str, Any] | None) -> "WebSocketSettings | None":
    """Return the settings of an application's WebSockets, or ``None`` if the library for them is missing.

    :param options: for :class:`~kyoukai.websocket.WebSocketSettings`, by name.
    :raises ConfigurationError: if an option is invalid.
    """
    try:
        from kyoukai.websocket import WebSocketSettings
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] != "websockets":
            raise
        if options:
            needed = f"a WebSocket needs the library websockets: {extra_command('websocket')}"
            raise ConfigurationError(needed) from exc
        return None
    known = list(WebSocketSettings.__dataclass_fields__)
    if not isinstance(options, Mapping | None):
        raise ConfigurationError(f"websocket is {options!r}; it must be settings by name")
    for name in options or ():
        if name not in known:
            raise ConfigurationError(f"a WebSocket has no setting {name!r}; {suggest(name, known)}")
    return WebSocketSettings(**{"origins": "*", **(options or {})})


async def process_websocket(host: Host, exchange: Exchange) -> None:
    """Let an application answer a request that opens a WebSocket.

    :raises HTTPException: if none can be opened.
    :raises Exception: an exception of the application, or one for an unfinished answer.
    """
    path, whose = exchange.head.path, f" (request id {exchange.request_id})"
    if Feature.TUNNEL not in exchange.features:
        raise refuse_websocket(path, whose)
    if host.websocket is None:
        text = "WebSocket %r: refused with 501%s: it needs the library websockets: %s"
        logger.warning(text, path, whose, extra_command("websocket"))
        raise identified(NotImplementedByServer(), "websocket-not-served")
    from .websocket import answer_websocket

    await answer_websocket(host, host.websocket, exchange)
