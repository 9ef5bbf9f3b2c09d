"""Requests that offer to go on as a WebSocket, as their environ says (RFC 6455 section 4.1)."""

from typing import Any

from werkzeug.exceptions import HTTPException


class UpgradeRequired(HTTPException):
    """*426* `Upgrade Required`: the URL is that of a WebSocket (RFC 9110 section 15.5.22)."""

    code = 426
    name = "Upgrade Required"
    description = "This URL is that of a WebSocket."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the fields of the answer, with what to upgrade to."""
        upgrade = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        return [*super().get_headers(*args, **kwargs), *upgrade]


def asks_for_websocket(environ: dict[str, Any]) -> bool:
    """Return whether a request offers to go on as a WebSocket."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and "websocket" in _tokens(environ.get("HTTP_UPGRADE", ""))
        and "upgrade" in _tokens(environ.get("HTTP_CONNECTION", ""))
    )


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t").lower() for token in value.split(",")]
