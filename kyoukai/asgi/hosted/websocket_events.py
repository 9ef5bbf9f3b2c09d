"""The scope and the events of a WebSocket (ASGI's WebSocket format, version 2.5), in pure functions."""

from collections.abc import Sequence
from typing import Any, Final

from kyoukai.websocket import WebSocketClosed

from .answer_heads import read_headers

MAX_REASON_SIZE: Final = 123
"""The longest reason of a close, in bytes (RFC 6455 section 5.5)."""

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
"""Fields that the handshake itself sets, or that an answer opening a tunnel cannot have."""


HTTP1_HANDSHAKE: Final = (b"connection", b"upgrade", b"sec-websocket-key")


def websocket_scope(scope: dict[str, Any]) -> dict[str, Any]:
    """Return the scope of a WebSocket, made from the HTTP scope of its handshake.

    :param scope: changed in place.
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
        # RFC 8441 section 5: extended CONNECT replaces these fields. The environ has them anyway.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in HTTP1_HANDSHAKE]
    return scope


def disconnect(closed: WebSocketClosed) -> dict[str, Any]:
    """Return the event for a closed WebSocket."""
    return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}


def read_message(message: dict[str, Any]) -> str | bytes:
    """Return the message of a ``websocket.send`` event: bytes or text.

    :raises ValueError: if it has neither.
    :raises TypeError: if it has the wrong type.
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
    """Return the answer's fields of a ``websocket.accept`` event.

    :param offered: the subprotocols that the client offers.
    :raises ValueError: if the client did not offer the subprotocol (RFC 6455 section 4.2.2: it "MUST be
        derived from the client's handshake"), or a field belongs to the handshake.
    :raises TypeError: if a header is not a pair of bytes.
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
    """Return the reason of a close, cut to the room that a close has: "can be any string".

    :raises TypeError: if it is not a str.
    """
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise TypeError(f"the reason of websocket.close must be str, not {type(reason).__name__}")
    return reason.encode()[:MAX_REASON_SIZE].decode("utf-8", "ignore")
