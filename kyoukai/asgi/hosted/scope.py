"""The scope of a request, as the HTTP format of ASGI has it, in its version 2.5. All of it is pure.

What depends on the head alone is made once for requests that share a head; what depends on the connection
is a few lookups. Nothing that an application is given is shared with another request.
"""

from typing import Any, Final
from urllib.parse import quote

from kyoukai.core.features import Feature
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.semantics.target import PATH_SAFE

ASGI_VERSION: Final = "3.0"
HTTP_SPEC_VERSION: Final = "2.5"

LOCAL_NAME: Final = "localhost"
"""What an environ has as its server's name on a Unix socket."""

Fields = list[tuple[bytes, bytes]]


class HeadScope:
    """The part of a scope that depends on the head of its request.

    :param head: it was accepted.
    :param root_path: where the application is mounted: a proxy has taken it off the path.
    """

    __slots__ = ("fields", "head", "size", "values")

    def __init__(self, head: RequestHead, root_path: str) -> None:
        self.head = head
        self.fields: Fields = scope_fields(head)
        """The header fields, with names in lower case."""
        self.size = len(head.target) + sum(len(name) + len(value) for name, value in self.fields)
        """Bytes of the head, more or less."""
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
        """What is copied for each request; some of it is filled in then."""


def http_version(version: str) -> str:
    """Return a version as ASGI has it: a higher minor one is served as 1.1 (RFC 9110 section 2.5)."""
    return "1.1" if version.startswith("1.") and version != "1.0" else version


def decoded_path(head: RequestHead) -> str:
    """Return the path in characters. What is no UTF-8 in it becomes U+FFFD, as by every other server."""
    if not head.path:
        # RFC 9112 section 3.2.4: the asterisk form has none.
        return head.target.decode("latin-1") if head.target == b"*" else "/"
    return head.path if head.path.isascii() else head.path.encode("latin-1").decode("utf-8", "replace")


def raw_path(target: bytes) -> bytes:
    """Return the path as it was sent, without the query."""
    path = target.partition(b"?")[0]
    if path[:1] in (b"/", b"*"):
        return path
    # RFC 9112 section 3.2.2: of the absolute form it is what comes behind the authority.
    rest = path.partition(b"://")[2].partition(b"/")
    return rest[1] + rest[2] or b"/"


def scope_fields(head: RequestHead) -> Fields:
    """Return the header fields of a request in order, with names in lower case.

    They say what the environ of the request would. A name with an underscore is left out, which would be
    taken for the one with a dash; where the server removes a content coding, so is what described that; and
    an authority in the target takes the place of the Host field (RFC 9112 section 3.2.2).
    """
    fields = [(name.lower(), value) for name, value in head.fields if b"_" not in name]
    if head.coding:
        fields = [pair for pair in fields if pair[0] not in (b"content-encoding", b"content-length")]
    if b"://" in head.target and head.target[:1] != b"/":
        fields = with_host(fields, str(head.environ.get("HTTP_HOST", "")))
    return fields


def with_host(fields: Fields, host: str) -> Fields:
    """Return fields with another Host."""
    return [(b"host", host.encode("latin-1")), *(pair for pair in fields if pair[0] != b"host")]


class ConnectionScope:
    """The part of a scope that depends on the connection of its request.

    :param host: whose scope it is: the state is its application's alone.
    :param environ: what the environs of its requests share.
    :param uds: the path of the Unix socket that is listened on, if one is.
    :param extensions: what the wire can do.
    :param state: what a request gets a copy of.
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

    :param environ: of the connection, or what trusted proxies make of it.
    :param uds: the path of the Unix socket that is listened on, if one is.
    """
    address, server = environ.get("REMOTE_ADDR"), environ["SERVER_NAME"]
    is_local = uds is not None and server == LOCAL_NAME
    return {
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "client": None if address is None else (address, int(environ.get("REMOTE_PORT") or 0)),
        "server": (uds, None) if is_local else (server, int(environ["SERVER_PORT"])),
    }


class Extensions:
    """The extensions that the answers of a connection can use. They are made anew for each request.

    :param features: what the wire claims.
    :param sends_files: whether the system can send from a file by itself.
    :param tls: what is told of TLS, where the connection is by that.
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
        """Those that are missing for HTTP/1.0."""

    def copy(self, version: str) -> dict[str, Any]:
        """Return those for a request of a version."""
        # A display takes a fraction of what copying each one takes; most connections have all of them.
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
    """Change a scope to what trusted proxies say: scheme, host and the prefix that they have taken off.

    :param environ: what :meth:`~kyoukai.Exchange.client_environ` returned.
    :param root_path: of the application, where no proxy names a prefix.
    """
    prefix = environ.get("SCRIPT_NAME", "")
    if prefix and prefix != root_path:
        scope["root_path"] = prefix
        scope["path"] = prefix + decoded_path(head)
        scope["raw_path"] = prefix.encode("latin-1") + raw_path(head.target)
    host = environ.get("HTTP_HOST")
    if host is not None and host != head.environ.get("HTTP_HOST"):
        scope["headers"] = with_host(scope["headers"], host)
