"""Converting the scope of an ASGI server to the head of a request and to environ variables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kyoukai.core.exchange.accepting import MAX_KNOWN_SIZE
from kyoukai.core.exchange.environ import connection_environ
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.semantics.target import PATH_SAFE

Fields = tuple[tuple[bytes, bytes], ...]

SCOPE: Final = "asgi.scope"
"""The environ variable that holds the scope. A server may put data there that no header field has."""

# Fields that RFC 6455 section 4.1 requires of a client, and that the ASGI server has handled. The key only
# proves that a server understands the handshake; its answer is not used here.
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
"""Methods for which a body has no meaning (RFC 9110 section 9.2.1)."""

ASKED: Final[Fields] = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    (b"sec-websocket-version", b"13"),
)


def keep_fields(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a scope with fields that can be read more than once: ASGI allows any iterable."""
    fields = scope["headers"]
    return scope if isinstance(fields, (list, tuple)) else {**scope, "headers": list(fields)}


def read_head(scope: Mapping[str, Any]) -> RequestHead:
    """Return the head of a request, for the policy to check."""
    version = scope.get("http_version", "1.1")
    fields: Fields = tuple(map(tuple, scope["headers"]))
    # In HTTP/1 a field announces each body. But code that removes a content coding also removes the length;
    # then the events show the body. A method without a use for a body does not wait for them.
    size: int | None = 0 if version[:1] == "1" and scope["method"] in BODILESS else None
    expects = False
    for name, value in fields:
        if name == b"content-length":
            # The policy refuses a wrong length, and two of them.
            size = int(value) if value.isdigit() and len(value) < 20 else None
        elif name == b"transfer-encoding":
            size = None
        elif name == b"expect":
            expects = version != "1.0" and value.lower() == b"100-continue"
    return RequestHead(
        scope["method"], read_target(scope), version, fields, body_size=size, expects_continue=expects
    )


def head_key(scope: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return everything that :func:`read_head` reads."""
    return (
        scope["method"],
        scope.get("raw_path"),
        scope["path"],
        scope.get("query_string"),
        scope.get("http_version"),
        tuple(map(tuple, scope["headers"])),
    )


def is_small(head: RequestHead) -> bool:
    """Return whether a head is small enough to be cached."""
    size = len(head.target) + sum([len(name) + len(value) for name, value in head.fields])
    return size <= MAX_KNOWN_SIZE


def read_websocket_head(scope: Mapping[str, Any]) -> RequestHead:
    """Return the head of a WebSocket request, as an HTTP/1.1 client would have sent it.

    It leaves out compression, which the ASGI server agrees on with the client.
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
    """Return the target of a request, as the client sent it if the server provides that."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], safe=PATH_SAFE).encode() if raw is None else raw
    query: bytes = scope.get("query_string") or b""
    return b"%b?%b" % (path, query) if query else path


def read_environ(scope: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the environ variables besides those of the head and the body.

    :param path: the requested path, from the head.
    """
    scheme = scope.get("scheme") or "http"
    server, client = _address(scope.get("server")), _address(scope.get("client"))
    environ = connection_environ(
        scheme="https" if scheme in ("https", "wss") else "http",
        # For a Unix socket there is only the path.
        server=("localhost", 80) if server is None or not server[1] else server,
        peer=client,
    )
    environ[SCOPE] = scope
    if client is not None and not client[1]:
        # A gateway may provide only the address.
        del environ["REMOTE_PORT"]
    root = scope.get("root_path")
    if root:
        prefix = root.encode().decode("latin-1").rstrip("/")
        environ["SCRIPT_NAME"] = prefix
        # Some servers leave it out of the path, though ASGI 3.0 requires it there.
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :]
    return environ


def extensions_of(scope: Mapping[str, Any]) -> Iterable[str]:
    """Return the names of the extensions that the server supports for a scope."""
    extensions: Iterable[str] = scope.get("extensions") or ()
    return extensions


def _address(value: Sequence[Any] | None) -> tuple[str, int] | None:
    """Return address and port, or ``None`` without an address or for an unnamed Unix socket."""
    if not value or not value[0]:
        return None
    return str(value[0]), int(value[1] or 0)
