"""Requests for URLs of WebSockets: whether they ask for one, as their environ says, and their refusals."""

import logging
from typing import Any, Final

from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

from kyoukai.core.exchange.request_ids import named
from kyoukai.core.features import Feature

logger: Final = logging.getLogger("kyoukai.web")


class UpgradeRequired(HTTPException):
    """*426* `Upgrade Required`: the URL is that of a WebSocket (RFC 9110 section 15.5.22)."""

    code = 426
    name = "Upgrade Required"
    description = "This URL is that of a WebSocket."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the fields of the answer, with what to upgrade to."""
        upgrade = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        return [*super().get_headers(*args, **kwargs), *upgrade]


def why_no_websocket(environ: dict[str, Any]) -> HTTPException | None:
    """Return the refusal of a request for a WebSocket by a wire that opens none, which is logged.

    It is a 501 (RFC 9110 section 15.6.2): no other request would get one. ``None``: the backend has the
    feature ``tunnel``, or there is no server.
    """
    protocol = environ.get("kyoukai.protocol")
    if protocol is None or Feature.TUNNEL in protocol.features:
        return None
    text = "WebSocket %r: refused with 501%s: the backend does not claim the feature %r; choose one that does"
    logger.warning(text, environ.get("PATH_INFO", ""), named(environ), Feature.TUNNEL.value)
    return exceptions.NotImplemented("This URL is that of a WebSocket, and this server opens none.")


def asks_for_websocket(environ: dict[str, Any]) -> bool:
    """Return whether a request offers to go on as a WebSocket (RFC 6455 section 4.1)."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and "websocket" in _tokens(environ.get("HTTP_UPGRADE", ""))
        and "upgrade" in _tokens(environ.get("HTTP_CONNECTION", ""))
    )


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t").lower() for token in value.split(",")]
