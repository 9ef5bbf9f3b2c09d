"""The scope of an HTTP request (ASGI's HTTP format, version 2.5), in pure functions.

The part that depends on the head alone is made once for all requests with the same head. The part that
depends on the connection is a few lookups. No object in a scope is shared between requests.
"""

from typing import Any, Final
from urllib.parse import quote

from kyoukai.core.features import Feature
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.semantics.target import PATH_SAFE

ASGI_VERSION: Final = "3.0"
HTTP_SPEC_VERSION: Final = "2.5"

LOCAL_NAME: Final = "localhost"
"""The server's name in an environ on a Unix socket."""

Fields = list[tuple[bytes, bytes]]


class HeadScope:
    """The part of a scope that depends on the head of the request.

    :param head: the accepted head.
    :param root_path: the path prefix that a proxy has removed.
    """

    __slots__ = ("fields", "head", "size", "values")

    def __init__(self, head: RequestHead, root_path: str) -> None:
        self.head = head
        self.fields: Fields = scope_fields(head)
        """The header fields, with names in lower case."""
        self.size = len(head.target) + sum(len(name) + len(value) for name, value in self.fields)
        """The approximate size of the head, in bytes."""
        self.values: dict[str, Any] = {
            "type": "http",
            "asgi": None,
            "http_version": http_version(head.version),
            "method": head.method,
            "scheme": "http",
            "path": root_path + decoded_path(head),
            "raw_path": quote(root_path, PATH_SAFE).encode() + raw_path(head.target),
            "query_string": head.query.encode("latin-1"),
            "root_path": root_path,
            "headers": None,
            "client": None,
            "server": None,
            "state": None,
            "extensions": None,
        }
        """Copied for each request, which then fills in some values."""


def http_version(version: str) -> str:
    """Return a version as ASGI names it. A higher minor version is served as 1.1 (RFC 9110 section 2.5)."""
    return "1.1" if version.startswith("1.") and version != "1.0" else version


def decoded_path(head: RequestHead) -> str:
    """Return the decoded path. Invalid UTF-8 becomes U+FFFD, as on other servers."""
    if not head.path:
        # RFC 9112 section 3.2.4: the asterisk form has no path.
        return head.target.decode("latin-1") if head.target == b"*" else "/"
    return head.path if head.path.isascii() else head.path.encode("latin-1").decode("utf-8", "replace")


def raw_path(target: bytes) -> bytes:
    """Return the path as it was sent, without the query."""
    path = target.partition(b"?")[0]
    if path[:1] in (b"/", b"*"):
        return path
    # RFC 9112 section 3.2.2: in the absolute form, the path follows the authority.
    rest = path.partition(b"://")[2].partition(b"/")
    return rest[1] + rest[2] or b"/"


def scope_fields(head: RequestHead) -> Fields:
    """Return the header fields of a request in order, with names in lower case.

    They agree with the environ of the request. Fields with an underscore in their name are omitted, since an
    environ could not distinguish them from those with a dash. Fields about a removed content coding are
    omitted too. An authority in the target replaces the Host field (RFC 9112 section 3.2.2).
    """
    fields = [(name.lower(), value) for name, value in head.fields if b"_" not in name]
    if head.coding:
        fields = [pair for pair in fields if pair[0] not in (b"content-encoding", b"content-length")]
    if b"://" in head.target and head.target[:1] != b"/":
        fields = with_host(fields, str(head.environ.get("HTTP_HOST", "")))
    return fields


def with_host(fields: Fields, host: str) -> Fields:
    """Return the fields with another Host."""
    return [(b"host", host.encode("latin-1")), *(pair for pair in fields if pair[0] != b"host")]


class ConnectionScope:
    """The part of a scope that depends on the connection of the request.

    :param host: the owner of the scope. The state belongs to its application alone.
    :param environ: the variables shared by the environs of its requests.
    :param uds: the path of the listening Unix socket, if there is one.
    :param extensions: the features of the wire.
    :param state: the lifespan state. Each request gets a copy.
    """

    __slots__ = ("environ", "extensions", "host", "state", "uds", "values")

    def __init__(
        self,
        host: object,
        environ: dict[str, Any],
        uds: str | None,
        extensions: "Extensions",
        state: dict[str, Any],
    ) -> None:
        self.host = host
        self.environ = environ
        self.uds = uds
        self.extensions = extensions
        self.state = state
        self.values = connection_values(environ, uds)


def connection_values(environ: dict[str, Any], uds: str | None) -> dict[str, Any]:
    """Return the scheme, the client and the server of a scope.

    :param environ: of the connection, perhaps changed by a trusted proxy.
    :param uds: the path of the listening Unix socket, if there is one.
    """
    address, server = environ.get("REMOTE_ADDR"), environ["SERVER_NAME"]
    is_local = uds is not None and server == LOCAL_NAME
    return {
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "client": None if address is None else (address, int(environ.get("REMOTE_PORT") or 0)),
        "server": (uds, None) if is_local else (server, int(environ["SERVER_PORT"])),
    }


class Extensions:
    """The extensions that the answers of a connection can use. Each request gets a new copy.

    :param features: the features of the wire.
    :param sends_files: whether the system can send from a file itself.
    :param tls: the value of the extension ``tls``, if the connection uses TLS.
    """

    __slots__ = ("_missing", "_missing_first", "_tls")

    def __init__(
        self, features: frozenset[str], sends_files: bool, tls: dict[str, Any] | None = None
    ) -> None:
        self._tls = tls
        files = () if sends_files else ("http.response.zerocopysend",)
        hints = () if Feature.EARLY_HINTS in features else ("http.response.early_hint",)
        trailers = () if Feature.RESPONSE_TRAILERS in features else ("http.response.trailers",)
        self._missing = (*files, *hints, *trailers)
        # RFC 9110 section 15.2: "A server MUST NOT send a 1xx response to an HTTP/1.0 client."
        self._missing_first = (*files, "http.response.early_hint", "http.response.trailers")
        """The extensions without those that HTTP/1.0 lacks."""

    def copy(self, version: str) -> dict[str, Any]:
        """Return a copy for a request of a version."""
        # A literal is much faster than copying each entry, and most connections have all of them.
        extensions: dict[str, Any] = {
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
            "http.response.early_hint": {},
            "http.response.trailers": {},
        }
        for name in self._missing_first if version == "1.0" else self._missing:
            del extensions[name]
        if self._tls is not None:
            extensions["tls"] = self._tls.copy()
        return extensions


def note_forwarded(scope: dict[str, Any], head: RequestHead, environ: dict[str, Any], root_path: str) -> None:
    """Apply the values of trusted proxies to a scope: scheme, host and removed prefix.

    :param environ: from :meth:`~kyoukai.Exchange.client_environ`.
    :param root_path: of the application, if no proxy names a prefix.
    """
    prefix = environ.get("SCRIPT_NAME", "")
    if prefix and prefix != root_path:
        scope["root_path"] = prefix
        scope["path"] = prefix + decoded_path(head)
        scope["raw_path"] = prefix.encode("latin-1") + raw_path(head.target)
    host = environ.get("HTTP_HOST")
    if host is not None and host != head.environ.get("HTTP_HOST"):
        scope["headers"] = with_host(scope["headers"], host)
