"""Requests for WebSockets: recognizing them in an environ, and refusing them."""

import logging
from typing import Any, Final

from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

from ..errors import identified
from ..features import Feature
from .request_ids import named

logger: Final = logging.getLogger("kyoukai.websocket")


class UpgradeRequired(HTTPException):
    """*426* `Upgrade Required`: the URL is that of a WebSocket (RFC 9110 section 15.5.22)."""

    code = 426
    name = "Upgrade Required"
    description = "This URL is that of a WebSocket."
    identifier = "websocket-required"

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the fields of the answer, with the protocol to upgrade to."""
        upgrade = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        return [*super().get_headers(*args, **kwargs), *upgrade]


def why_no_websocket(environ: dict[str, Any]) -> HTTPException | None:
    """Refuse and log a request for a WebSocket if its wire cannot open one.

    :return: ``None`` if the backend has the feature ``tunnel``, or if there is no server.
    """
    protocol = environ.get("kyoukai.protocol")
    if protocol is None or Feature.TUNNEL in protocol.features:
        return None
    return refuse_websocket(environ.get("PATH_INFO", ""), named(environ))


def refuse_websocket(path: str, whose: str) -> HTTPException:
    """Log and return the refusal of a request for a WebSocket on a wire without tunnels.

    It is a 501 (RFC 9110 section 15.6.2): the server cannot serve this URL for any request.

    :param whose: the request's id, in the form for a log line.
    """
    text = "WebSocket %r: refused with 501%s: the backend does not claim the feature %r; choose one that does"
    logger.warning(text, path, whose, Feature.TUNNEL.value)
    return identified(exceptions.NotImplemented(), "websocket-not-served")


def asks_for_websocket(environ: dict[str, Any]) -> bool:
    """Return whether a request asks to switch to the WebSocket protocol (RFC 6455 section 4.1)."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and offers_websocket(environ.get("HTTP_UPGRADE", ""))
        and "upgrade" in _tokens(environ.get("HTTP_CONNECTION", ""))
    )


def offers_websocket(upgrade: str) -> bool:
    """Return whether an Upgrade field offers a WebSocket (RFC 9110 section 7.8)."""
    return "websocket" in _tokens(upgrade)


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t").lower() for token in value.split(",")]
