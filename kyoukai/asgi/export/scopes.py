"""From the scope of an ASGI server to the head of a request, and to what its environ has besides."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kyoukai.core.exchange.accepting import MAX_KNOWN_SIZE
from kyoukai.core.exchange.environ import connection_environ
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.semantics.target import PATH_SAFE

Fields = tuple[tuple[bytes, bytes], ...]

SCOPE: Final = "asgi.scope"
"""Where the environ of a request has its scope: a server may tell there what no field says."""

# What RFC 6455 section 4.1 has a client send, and its server answers by itself. The key proves that a server
# understands it, and nobody looks at the answer to it here.
HANDSHAKE: Final = frozenset(
    {
        b"connection",
        b"upgrade",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
    }
)
BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods to which a body means nothing (RFC 9110 section 9.2.1)."""

ASKED: Final[Fields] = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    (b"sec-websocket-version", b"13"),
)


def keep_fields(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a scope whose fields can be read again: ASGI has them as an iterable of any kind."""
    fields = scope["headers"]
    return scope if isinstance(fields, (list, tuple)) else {**scope, "headers": list(fields)}


def read_head(scope: Mapping[str, Any]) -> RequestHead:
    """Return the head of a request, as a wire has it before the policy has seen it."""
    version = scope.get("http_version", "1.1")
    fields: Fields = tuple(map(tuple, scope["headers"]))
    # By HTTP/1 a field announces each body, but what removes a content coding removes the length, too: then
    # the events tell. A method that has no use for a body is not kept waiting for them.
    size: int | None = 0 if version[:1] == "1" and scope["method"] in BODILESS else None
    expects = False
    for name, value in fields:
        if name == b"content-length":
            # A wrong one is the policy's affair, and so are two of them.
            size = int(value) if value.isdigit() and len(value) < 20 else None
        elif name == b"transfer-encoding":
            size = None
        elif name == b"expect":
            expects = version != "1.0" and value.lower() == b"100-continue"
    return RequestHead(
        scope["method"], read_target(scope), version, fields, body_size=size, expects_continue=expects
    )


def head_key(scope: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return all that :func:`read_head` reads."""
    return (
        scope["method"],
        scope.get("raw_path"),
        scope["path"],
        scope.get("query_string"),
        scope.get("http_version"),
        tuple(map(tuple, scope["headers"])),
    )


def is_small(head: RequestHead) -> bool:
    """Return whether a head is one that is kept for the next request that has the same."""
    size = len(head.target) + sum([len(name) + len(value) for name, value in head.fields])
    return size <= MAX_KNOWN_SIZE


def read_websocket_head(scope: Mapping[str, Any]) -> RequestHead:
    """Return the head of a request for a WebSocket: what a client of HTTP/1.1 would have sent for it.

    Of compression, which is agreed on by server and client, it says nothing.
    """
    fields = [pair for pair in map(tuple, scope["headers"]) if pair[0] not in HANDSHAKE]
    offered = ", ".join(scope.get("subprotocols") or ())
    if offered:
        fields.append((b"sec-websocket-protocol", offered.encode("latin-1")))
    return RequestHead(
        "GET",
        read_target(scope),
        scope.get("http_version", "1.1"),
        (*fields, *ASKED),
        upgrade="websocket",
    )


def read_target(scope: Mapping[str, Any]) -> bytes:
    """Return the target of a request, as the client has sent it where the server tells."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], safe=PATH_SAFE).encode() if raw is None else raw
    query: bytes = scope.get("query_string") or b""
    return b"%b?%b" % (path, query) if query else path


def read_environ(scope: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return what the environ of a request has besides its head and its body.

    :param path: the path that was asked for, as its head has it.
    """
    scheme = scope.get("scheme") or "http"
    server, client = _address(scope.get("server")), _address(scope.get("client"))
    environ = connection_environ(
        scheme="https" if scheme in ("https", "wss") else "http",
        # Of a Unix socket there is the path alone.
        server=("localhost", 80) if server is None or not server[1] else server,
        peer=client,
    )
    environ[SCOPE] = scope
    if client is not None and not client[1]:
        # A gateway tells the address alone.
        del environ["REMOTE_PORT"]
    root = scope.get("root_path")
    if root:
        prefix = root.encode().decode("latin-1").rstrip("/")
        environ["SCRIPT_NAME"] = prefix
        # A server may leave it out of the path, though ASGI 3.0 has it there.
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :]
    return environ


def extensions_of(scope: Mapping[str, Any]) -> Iterable[str]:
    """Return the names of the extensions that the server has for a scope."""
    extensions: Iterable[str] = scope.get("extensions") or ()
    return extensions


def _address(value: Sequence[Any] | None) -> tuple[str, int] | None:
    """Return address and port; ``None`` where there is none, or a Unix socket with no name."""
    if not value or not value[0]:
        return None
    return str(value[0]), int(value[1] or 0)
