"""The scope and the events of a WebSocket, as the WebSocket format of ASGI has them, in its version 2.5.

All of it is pure.
"""

from collections.abc import Sequence
from typing import Any, Final

from kyoukai.websocket import WebSocketClosed

from .answer_heads import read_headers

MAX_REASON_SIZE: Final = 123
"""Bytes of the longest reason of a close (RFC 6455 section 5.5)."""

HANDSHAKE_FIELDS: Final = frozenset(
    {
        "connection",
        "content-length",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "transfer-encoding",
        "upgrade",
    }
)
"""What the handshake says by itself, or an answer that opens a tunnel cannot have."""


HTTP1_HANDSHAKE: Final = (b"connection", b"upgrade", b"sec-websocket-key")


def websocket_scope(scope: dict[str, Any]) -> dict[str, Any]:
    """Return the scope of a WebSocket, of the scope that its handshake has as a request by HTTP.

    :param scope: it is changed.
    """
    scope["type"] = "websocket"
    del scope["method"]
    scope["scheme"] = {"http": "ws", "https": "wss"}.get(scope["scheme"], scope["scheme"])
    offered = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    names = b",".join(offered).decode("latin-1").split(",")
    scope["subprotocols"] = [name.strip(" \t") for name in names if name.strip(" \t")]
    told = {name: value for name, value in scope["extensions"].items() if name == "tls"}
    scope["extensions"] = {"websocket.http.response": {}, **told}
    if scope["http_version"] == "2":
        # RFC 8441 section 5: extended CONNECT takes the place of these, which the environ has all the same.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in HTTP1_HANDSHAKE]
    return scope


def disconnect(closed: WebSocketClosed) -> dict[str, Any]:
    """Return the event that says how a WebSocket was closed."""
    return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}


def read_message(message: dict[str, Any]) -> str | bytes:
    """Return what ``websocket.send`` has to be sent: its bytes, or its text.

    :raises ValueError: if it has neither.
    :raises TypeError: if it is no such thing.
    """
    data, text = message.get("bytes"), message.get("text")
    if data is not None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"the bytes of websocket.send must be bytes, not {type(data).__name__}")
        return bytes(data)
    if text is None:
        raise ValueError("websocket.send has neither bytes nor text")
    if not isinstance(text, str):
        raise TypeError(f"the text of websocket.send must be str, not {type(text).__name__}")
    return text


def read_accepted(message: dict[str, Any], offered: Sequence[str]) -> list[tuple[str, str]]:
    """Return the fields that ``websocket.accept`` has for the answer.

    :param offered: the subprotocols that the client offers.
    :raises ValueError: if the subprotocol is none of them (RFC 6455 section 4.2.2: it "MUST be derived from
        the client's handshake"), or a field is the handshake's own.
    :raises TypeError: if a header is no pair of bytes.
    """
    fields = read_headers(message.get("headers") or ())
    for name, _ in fields:
        if name.lower() in HANDSHAKE_FIELDS or name.startswith(":"):
            raise ValueError(f"{name!r} cannot be among the headers of websocket.accept")
    subprotocol = message.get("subprotocol")
    if subprotocol is None:
        return fields
    if subprotocol not in offered:
        raise ValueError(f"the client does not offer the subprotocol {subprotocol!r}, but {list(offered)!r}")
    return [("Sec-WebSocket-Protocol", subprotocol), *fields]


def read_reason(reason: object) -> str:
    """Return the reason of a close, as far as a close has room for it: "can be any string".

    :raises TypeError: if it is none.
    """
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise TypeError(f"the reason of websocket.close must be str, not {type(reason).__name__}")
    return reason.encode()[:MAX_REASON_SIZE].decode("utf-8", "ignore")
