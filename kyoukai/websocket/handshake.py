"""The opening handshake (RFC 6455 section 4.2): what a client requests, and what the server agrees to.

The library ``websockets`` parses the fields; a refusal becomes an HTTP error of Werkzeug.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from werkzeug.exceptions import BadRequest, Forbidden

from kyoukai.core.errors import identified
from kyoukai.core.semantics.forwarding import DEFAULT_PORTS

from .settings import ANY, WebSocketSettings

VERSION: Final = "13"


class VersionMismatch(Exception):
    """The client speaks a version of the protocol other than 13."""


class Agreed(NamedTuple):
    """The result of the negotiation between client and server."""

    fields: list[tuple[str, str]]
    """Fields of the answer."""
    subprotocol: str | None
    deflate: PerMessageDeflate | None


def agree(environ: dict[str, Any], settings: WebSocketSettings, subprotocols: Sequence[str]) -> Agreed:
    """Negotiate with a client that requests a WebSocket, and return the result.

    :param subprotocols: the route's subprotocols, the preferred first; the first that the client offers too
        is chosen.
    :raises VersionMismatch: if the client speaks another version.
    :raises werkzeug.exceptions.Forbidden: if pages of the client's origin may not connect.
    :raises werkzeug.exceptions.BadRequest: if the handshake is malformed.
    """
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION", VERSION) != VERSION:
        raise VersionMismatch
    check_origin(environ, settings)
    extensions = [_deflate_factory(settings)] if settings.compression else []
    chosen: list[Any] = list(subprotocols)
    protocol = ServerProtocol(
        extensions=extensions, subprotocols=chosen or None, select_subprotocol=_select if chosen else None
    )
    try:
        accept, extensions_field, subprotocol = protocol.process_request(_as_request(environ))
    except InvalidHandshake as exc:
        error = identified(BadRequest(), "websocket-handshake-malformed")
        error.description = f"The WebSocket's handshake is malformed: {exc}."
        raise error from exc
    fields = [("Sec-WebSocket-Accept", accept)]
    if extensions_field is not None:
        fields.append(("Sec-WebSocket-Extensions", extensions_field))
    if subprotocol is not None:
        fields.append(("Sec-WebSocket-Protocol", subprotocol))
    deflate = next((one for one in protocol.extensions if isinstance(one, PerMessageDeflate)), None)
    return Agreed(fields, subprotocol, deflate)


def _select(protocol: ServerProtocol, offered: Sequence[Any]) -> Any:
    """Return the first of the server's subprotocols that the client offers; a subprotocol is optional."""
    return next((one for one in protocol.available_subprotocols or () if one in offered), None)


def _deflate_factory(settings: WebSocketSettings) -> ServerPerMessageDeflateFactory:
    return ServerPerMessageDeflateFactory(
        server_max_window_bits=settings.window_bits,
        client_max_window_bits=settings.window_bits,
        compress_settings={"memLevel": max(1, settings.window_bits - 7)},
    )


def _as_request(environ: dict[str, Any]) -> Request:
    headers = Headers()
    # The client may offer other protocols too; the caller has checked for this one.
    headers["Upgrade"] = "websocket"
    for field in ("Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"):
        _copy(environ, field, headers)
    for field in ("Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"):
        _copy(environ, field, headers)
    return Request(environ.get("PATH_INFO", "/"), headers)


def _copy(environ: dict[str, Any], field: str, headers: Headers) -> None:
    value = environ.get("HTTP_" + field.upper().replace("-", "_"))
    if value is not None:
        headers[field] = value


def check_origin(environ: dict[str, Any], settings: WebSocketSettings) -> None:
    """Check the origin of the requesting page: browsers let every page connect, with the user's cookies.

    :raises Forbidden: if the origin may not connect.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is None or settings.origins == ANY:
        return
    allowed = [own_origin(environ)] if settings.origins is None else settings.origins
    if origin.lower() not in allowed:
        raise identified(Forbidden(), "origin-not-allowed")


def own_origin(environ: dict[str, Any]) -> str:
    """Return the origin of the requested host, in a browser's spelling (RFC 6454 section 6.2)."""
    scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "").lower()
    name, _, port = host.rpartition(":")
    if port == DEFAULT_PORTS.get(scheme):
        host = name
    return f"{scheme}://{host}"
