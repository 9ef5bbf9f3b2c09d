"""Differences between an application on its usual server and on Kyoukai, with the deciding specification.

A difference that is not in this table fails a test. So does a row that no longer occurs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import Any

from .asking import Seen

WEBSOCKETS = ("starlette", "fastapi", "litestar", "quart", "blacksheep", "falcon")
"""Frameworks with WebSockets."""

NOT_QUART = ("starlette", "fastapi", "litestar", "blacksheep", "falcon")
"""Frameworks that let the server choose how to refuse a WebSocket, and that learn of its close."""

ASGI = (*WEBSOCKETS, "django_asgi")
READING_ALL = ("falcon", "django_asgi", *(("quart",) if version("quart") < "0.23" else ()))
"""Frameworks that read a body even if no handler wants it."""

WSGI = ("flask", "django_wsgi", "falcon_wsgi")

Found = Mapping[tuple[str, str], tuple[Any, Any]]
"""Differences: (name of the request, part of the answer) -> (expected value, value from Kyoukai)."""


@dataclass(frozen=True)
class Difference:
    """One difference, of one answer or several.

    :param peer: what the other server does.
    :param ours: what Kyoukai does.
    :param text: the specification that decides.
    :param applications: the applications for which it occurs.
    :param rows: patterns of the names of the requests.
    :param parts: patterns of the parts of the answer that differ; a field's part is its name.
    :param marks: a string that Kyoukai's value of the first part contains.
    :param http1: whether it occurs only over HTTP/1.
    :param http2: whether it occurs only over HTTP/2.
    """

    peer: str
    ours: str
    text: str
    applications: tuple[str, ...]
    rows: tuple[str, ...]
    parts: tuple[str, ...]
    marks: str = ""
    http1: bool = False
    http2: bool = False

    @property
    def interfaces(self) -> set[str]:
        """The interfaces of these applications."""
        return {"wsgi" if name in WSGI or name.endswith("_wsgi") else "asgi" for name in self.applications}

    def covers(self, found: Found) -> set[tuple[str, str]]:
        """Return the keys of the found differences that this row explains."""
        return {
            (row, part)
            for (row, part), (_, ours) in found.items()
            if any(fnmatchcase(row, pattern) for pattern in self.rows)
            and any(fnmatchcase(part, pattern) for pattern in self.parts)
            and (part != self.parts[0] or self.marks in str(ours))
        }


DIFFERENCES = [
    Difference(
        "uvicorn keeps white space after a field's value",
        "the white space is removed",
        "RFC 9112 section 5.1",
        ASGI,
        ("fields as they are seen",),
        ("body", "etag"),
        r"a \t b" + '"',
    ),
    Difference(
        "uvicorn and gunicorn send a 100 when the body is already there",
        "no 100 is sent",
        "RFC 9110 section 10.1.1: a server MAY omit it",
        (*ASGI, *WSGI),
        ("expectation, with the body",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends a 100 to a client of HTTP/1.0",
        "no 100 is sent",
        "RFC 9110 section 10.1.1: MUST ignore the expectation",
        ASGI,
        ("expectation of HTTP/1.0",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends a 100 if a framework reads the body without need; gunicorn always sends one",
        "no 100 is sent for a body that is already there",
        "RFC 9110 section 10.1.1: a server MAY omit it",
        (*READING_ALL, *WSGI),
        ("expectation, and nobody reads",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends `Content-Length: 0` with a 204",
        "a 204 has no Content-Length",
        "RFC 9110 section 8.6: MUST NOT",
        ("quart", "blacksheep", "django_asgi"),
        ("status 204",),
        ("content-length",),
    ),
    Difference(
        "uvicorn and gunicorn send `Content-Length: 0` with a 304",
        "it is left out: in a 304 it would have to be the length of the 200, which is not 0",
        "RFC 9110 section 8.6: MUST NOT",
        ("quart", "blacksheep", "django_asgi", "django_wsgi"),
        ("status 304", "static file: If-Modified-Since later"),
        ("content-length",),
    ),
    Difference(
        "an answer without a Content-Length from the application is chunked",
        "it gets a Content-Length if it is complete at once",
        "RFC 9110 section 8.6: SHOULD",
        ("bare_asgi", "bare_wsgi"),
        ("*",),
        ("content-length", "*: content-length"),
    ),
    Difference(
        "if the application sets Content-Length twice, uvicorn sends both fields",
        "only the last one is sent",
        "RFC 9110 section 8.6: a sender MUST NOT send what is known to be wrong",
        ("blacksheep",),
        ("static file: HEAD",),
        ("content-length",),
    ),
    Difference(
        "after the client has left, an application on uvicorn that does not call `receive` may go on sending",
        "`send` raises an `OSError`",
        "ASGI, HTTP, disconnected client: send() should raise an OSError",
        ("blacksheep", "falcon"),
        ("stream that the client leaves",),
        ("/seen/left: body",),
        "stopped",
    ),
    Difference(
        "the server's own 500 is text on uvicorn and HTML on gunicorn",
        "it is HTML, text or JSON, as the client accepts",
        "RFC 9110 section 15.6.1 does not prescribe the content",
        ("starlette", "fastapi", "django_asgi", "blacksheep", "bare_asgi", "bare_wsgi"),
        ("*",),
        ("body", "content-type"),
        "500 Internal Server Error:",
    ),
    Difference(
        "uvicorn answers a WebSocket that is not accepted with an empty 403",
        "the 403 has a text",
        "ASGI, WebSocket, close: HTTP status 403",
        NOT_QUART,
        ("WebSocket: *",),
        ("body",),
        "403 Forbidden: The WebSocket was not accepted.",
    ),
    Difference(
        "uvicorn answers a close with its code and reason",
        "the answer repeats only the code",
        "RFC 6455 section 5.5.1: typically echos the status code",
        WEBSOCKETS,
        ("WebSocket: echo", "WebSocket: a code of the client"),
        ("frames",),
    ),
    Difference(
        "a close for a protocol error has the reason text of the library `websockets`",
        "the reason has another text",
        "RFC 6455 section 7.1.6: not necessarily human readable",
        WEBSOCKETS,
        (
            "WebSocket: text that is no UTF-8",
            "WebSocket: a frame that is not masked",
            "WebSocket: an unknown opcode",
        ),
        ("frames", "/seen/closed: body"),
    ),
    Difference(
        "a client that leaves without a close is reported as 1005",
        "it is reported as 1006",
        "RFC 6455 section 7.1.5",
        NOT_QUART,
        ("WebSocket: the client leaves",),
        ("/seen/closed: body",),
        "1006",
    ),
    Difference(
        "uvicorn drops a WebSocket without a close if the application raises",
        "it is closed with 1011",
        "RFC 6455 section 7.4.1",
        ("starlette", "fastapi"),
        ("WebSocket: exception",),
        ("frames",),
        r"\x03ó",
    ),
    Difference(
        "uvicorn accepts an offer of compression",
        "the offer is not accepted",
        "RFC 6455 section 9.1: a server may accept none",
        WEBSOCKETS,
        ("WebSocket: an offer of compression",),
        ("sec-websocket-extensions",),
    ),
    Difference(
        "uvicorn has no early hints",
        "early hints are sent as 103",
        "ASGI, extensions, early hint",
        ("bare_asgi",),
        ("hints: *",),
        ("interim",),
    ),
    Difference(
        "uvicorn announces no extensions",
        "early hints, pathsend, trailers and, over HTTP/1, zerocopysend are announced",
        "ASGI, extensions",
        ("bare_asgi",),
        ("extensions: GET",),
        ("body",),
        "http.response.early_hint",
    ),
    Difference(
        "uvicorn cuts off an answer that is started twice or has an invalid field",
        "nothing was sent yet, and the client gets a 500",
        "RFC 9110 section 15.6.1",
        ("bare_asgi",),
        ("two-starts: *", "injection: *", "text-field: *"),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "uvicorn keeps a Host field that differs from a target in absolute form",
        "the target's authority replaces it",
        "RFC 9112 section 3.2.2: MUST ignore the received Host",
        ("bare_asgi",),
        ("scope: absolute form",),
        ("body",),
        "a.example",
        http1=True,
    ),
    Difference(
        "uvicorn has no HTTP/2",
        "several cookie fields are joined to one",
        "RFC 9113 section 8.2.3: MUST be concatenated",
        ("bare_asgi",),
        ("scope: cookies",),
        ("body",),
        "a=1; b=2",
        http2=True,
    ),
    Difference(
        "uvicorn drops a WebSocket without a close if the application returns",
        "it is closed with 1000",
        "RFC 6455 section 7.1.1",
        ("bare_asgi",),
        ("WebSocket: returns",),
        ("frames",),
    ),
    Difference(
        "gunicorn has no HTTP/2",
        "a 200 from WSGI to a request for a WebSocket becomes a 501",
        "RFC 8441 section 5: a status 2xx would open it",
        ("django_wsgi", "falcon_wsgi"),
        ("WebSocket: a path for requests",),
        ("status", "body", "content-type", "etag"),
        "501",
        http2=True,
    ),
    Difference(
        "gunicorn needs `start_response` before the first piece",
        "`start_response` may be called while the first piece is produced",
        "PEP 3333: before the iterable yields its first body bytestring that is not empty",
        ("bare_wsgi",),
        ("late: *",),
        ("status", "ends", "body", "content-type"),
        "201",
    ),
    Difference(
        "gunicorn answers a HEAD without `start_response` with the status `None`",
        "the answer is a 500",
        "RFC 9112 section 4",
        ("bare_wsgi",),
        ("no-start: HEAD",),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "gunicorn adds the fields of a second `start_response` with `exc_info` to the first ones",
        "they replace the first ones",
        "PEP 3333: the server should replace them",
        ("bare_wsgi",),
        ("replaced: *",),
        ("content-type", "x-first"),
    ),
    Difference(
        "gunicorn cuts off an answer whose first piece is a `str`",
        "nothing was sent yet, and the client gets a 500",
        "RFC 9110 section 15.6.1",
        ("bare_wsgi",),
        ("text-body: *",),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "gunicorn cuts a body that is longer than its Content-Length to this length",
        "the connection is cut, so the client can tell",
        "PEP 3333: may raise an error or close the connection",
        ("bare_wsgi",),
        ("long: GET",),
        ("ends", "body"),
        "cut",
    ),
]


def differing(expected: Seen, seen: Seen) -> dict[str, tuple[Any, Any]]:
    """Return the parts in which two answers differ: part -> (expected value, value from Kyoukai).

    A different length is left out if the content differs.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for part in sorted({*expected, *seen} - {"fields"}):
        one, other = expected.get(part), seen.get(part)
        if isinstance(one, dict) and isinstance(other, dict):
            found |= {f"{part}: {name}": values for name, values in differing(one, other).items()}
        elif part == "answers":
            for number, answers in enumerate(zip(expected[part], seen[part], strict=True)):
                inner = differing(*answers)
                found |= {f"answer {number}: {name}": values for name, values in inner.items()}
        elif one != other:
            found[part] = (one, other)
    fields, others = values_by_name(expected), values_by_name(seen)
    for name in sorted({*fields, *others}):
        if fields.get(name) != others.get(name) and not (name == "content-length" and "body" in found):
            found[name] = (fields.get(name), others.get(name))
    return found


def values_by_name(seen: Seen) -> dict[str, list[str]]:
    """Return the values of each field of an answer."""
    values: dict[str, list[str]] = {}
    for name, value in seen.get("fields", ()):
        values.setdefault(name, []).append(value)
    return values
