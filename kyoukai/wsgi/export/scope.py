"""Converting the environ of a WSGI server to an ASGI scope."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from kyoukai.core.semantics.target import PATH_SAFE


def read_scope(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scope of a request.

    :param environ: from the server (PEP 3333).
    """
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2] or "1.1"
    root = environ.get("SCRIPT_NAME", "")
    path: bytes = (root + environ.get("PATH_INFO", "")).encode("latin-1")
    address = environ.get("REMOTE_ADDR")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": version,
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path.decode("utf-8", "replace"),
        "raw_path": read_raw_path(environ, path) or b"/",
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root.encode("latin-1").decode("utf-8", "replace"),
        "headers": read_fields(environ),
        "client": (address, read_port(environ.get("REMOTE_PORT"))) if address else None,
        "server": (environ["SERVER_NAME"], read_port(environ["SERVER_PORT"])),
        "wsgi.environ": environ,
    }


def read_raw_path(environ: Mapping[str, Any], path: bytes) -> bytes:
    """Return the path as the client sent it, if the server provides it and nobody has changed it since."""
    for name in ("RAW_URI", "REQUEST_URI"):
        sent = environ.get(name)
        if isinstance(sent, str) and sent.startswith("/"):
            raw = sent.partition("?")[0].encode("latin-1")
            if unquote_to_bytes(raw) == path:
                return raw
    return quote(path, safe=PATH_SAFE).encode()


def read_fields(environ: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the header fields."""
    fields = []
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            name = name[5:]
        elif name not in ("CONTENT_LENGTH", "CONTENT_TYPE") or not value:
            continue
        fields.append((name.replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")))
    if "HTTP_HOST" not in environ:
        # PEP 3333, "URL Reconstruction": it may be missing.
        host = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        fields.append((b"host", host.encode("latin-1")))
    return fields


def read_port(text: Any) -> int:
    """Return a port, or 0 if there is none."""
    return int(text) if str(text or "").isdigit() else 0
