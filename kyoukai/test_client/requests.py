"""Builds requests and their targets from the arguments of a test."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from werkzeug import wrappers
from werkzeug.test import EnvironBuilder

from kyoukai.core.semantics.target import PATH_SAFE

# RFC 3986 section 3.4, and % of percent-encoded bytes.
QUERY_SAFE: Final = PATH_SAFE + "?%"

BASE: Final = {
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.multithread": True,
    "wsgi.input_terminated": True,
}
"""Variables that the server sets and Werkzeug's builder does not."""


def make_request(args: tuple[Any, ...], options: dict[str, Any]) -> wrappers.Request:
    """Return the request that the arguments of :meth:`Client.open` describe.

    :raises TypeError: if Werkzeug's builder does not know an argument.
    """
    given = args[0] if len(args) == 1 and set(options) <= {"method"} else None
    if isinstance(given, wrappers.Request):
        return given
    if isinstance(given, EnvironBuilder):
        return given.get_request()
    if isinstance(given, dict):
        return EnvironBuilder.from_environ(given).get_request()
    builder = EnvironBuilder(*args, **options)
    try:
        return builder.get_request()
    finally:
        builder.close()


def target_of(environ: dict[str, Any]) -> str:
    """Return the request target (RFC 9112 section 3.2.1) of an environ."""
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")) or "/"
    query = environ.get("QUERY_STRING", "")
    return quote(path.encode("latin-1"), PATH_SAFE) + (
        f"?{quote(query.encode('latin-1'), QUERY_SAFE)}" if query else ""
    )


def add_fields(environ: dict[str, Any], fields: Iterable[tuple[str, str]]) -> None:
    """Add fields to a request that does not have them."""
    for name, value in fields:
        environ.setdefault("HTTP_" + name.upper().replace("-", "_"), value)
