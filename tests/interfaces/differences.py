"""What differs between an application on its own server and on ours, and the text that decides.

A difference that is not in this table is a fault. So is a row of it that no longer occurs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import Any

from .asking import Seen

WEBSOCKETS = ("starlette", "fastapi", "litestar", "quart", "blacksheep", "falcon")
"""Those that have WebSockets."""

NOT_QUART = ("starlette", "fastapi", "litestar", "blacksheep", "falcon")
"""Those that leave it to the server how a WebSocket is denied, and are told of its close."""

ASGI = (*WEBSOCKETS, "django_asgi")
READING_ALL = ("falcon", "django_asgi", *(("quart",) if version("quart") < "0.23" else ()))
"""Those that read a body whether a handler wants it or not."""

WSGI = ("flask", "django_wsgi", "falcon_wsgi")

Found = Mapping[tuple[str, str], tuple[Any, Any]]
"""What differs: by the name of the request and the part of the answer, what is expected and what came."""


@dataclass(frozen=True)
class Difference:
    """One difference, of one answer or several.

    :param peer: what the other server does.
    :param ours: what ours does.
    :param text: what decides.
    :param applications: where it occurs.
    :param rows: the names of the requests, as patterns.
    :param parts: what of the answer differs, as patterns; of a field, its name.
    :param marks: what is in our value of the first part.
    :param http1: whether it occurs by HTTP/1 alone.
    :param http2: whether it occurs by HTTP/2 alone.
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
        """The interfaces of the applications where it occurs."""
        return {"wsgi" if name in WSGI or name.endswith("_wsgi") else "asgi" for name in self.applications}

    def covers(self, found: Found) -> set[tuple[str, str]]:
        """Return which of what differs is this difference."""
        return {
            (row, part)
            for (row, part), (_, ours) in found.items()
            if any(fnmatchcase(row, pattern) for pattern in self.rows)
            and any(fnmatchcase(part, pattern) for pattern in self.parts)
            and (part != self.parts[0] or self.marks in str(ours))
        }


DIFFERENCES = [
    Difference(
        "uvicorn leaves white space behind a value",
        "it is no part of the value",
        "RFC 9112 section 5.1",
        ASGI,
        ("fields as they are seen",),
        ("body", "etag"),
        r"a \t b" + '"',
    ),
    Difference(
        "uvicorn and gunicorn send a 100 when the body is already there",
        "no 100 is sent then",
        "RFC 9110 section 10.1.1: a server MAY omit it",
        (*ASGI, *WSGI),
        ("expectation, with the body",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends a 100 to a client of HTTP/1.0",
        "such a client gets none",
        "RFC 9110 section 10.1.1: MUST ignore the expectation",
        ASGI,
        ("expectation of HTTP/1.0",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends a 100 where a framework reads what no handler wants, and gunicorn in any case",
        "no 100 is sent for a body that is already there",
        "RFC 9110 section 10.1.1: a server MAY omit it",
        (*READING_ALL, *WSGI),
        ("expectation, and nobody reads",),
        ("interim",),
        http1=True,
    ),
    Difference(
        "uvicorn sends the Content-Length: 0 of a 204",
        "a 204 has no Content-Length",
        "RFC 9110 section 8.6: MUST NOT",
        ("quart", "blacksheep", "django_asgi"),
        ("status 204",),
        ("content-length",),
    ),
    Difference(
        "uvicorn and gunicorn send the Content-Length: 0 of a 304",
        "it is left out: that of a 200 would be another",
        "RFC 9110 section 8.6: MUST NOT",
        ("quart", "blacksheep", "django_asgi", "django_wsgi"),
        ("status 304", "static file: If-Modified-Since later"),
        ("content-length",),
    ),
    Difference(
        "an answer whose size the application does not tell is sent in chunks",
        "it has a Content-Length where all of it is there at once",
        "RFC 9110 section 8.6: SHOULD",
        ("bare_asgi", "bare_wsgi"),
        ("*",),
        ("content-length", "*: content-length"),
    ),
    Difference(
        "uvicorn sends both of two Content-Length fields",
        "the last one counts",
        "RFC 9110 section 8.6: a sender MUST NOT send what is known to be wrong",
        ("blacksheep",),
        ("static file: HEAD",),
        ("content-length",),
    ),
    Difference(
        "uvicorn lets an application that sends, and does not receive, go on when the client has left",
        "its `send` raises `OSError`",
        "ASGI, HTTP, disconnected client: send() should raise an OSError",
        ("blacksheep", "falcon"),
        ("stream that the client leaves",),
        ("/seen/left: body",),
        "stopped",
    ),
    Difference(
        "the server's own 500: uvicorn has a text, gunicorn a page of HTML",
        "an error answers as HTML, text or JSON, whichever the client accepts",
        "RFC 9110 section 15.6.1 asks for no content",
        ("starlette", "fastapi", "django_asgi", "blacksheep", "bare_asgi", "bare_wsgi"),
        ("*",),
        ("body", "content-type"),
        "500 Internal Server Error:",
    ),
    Difference(
        "a WebSocket that is not accepted is answered by uvicorn with an empty 403",
        "the 403 says so in words",
        "ASGI, WebSocket, close: HTTP status 403",
        NOT_QUART,
        ("WebSocket: *",),
        ("body",),
        "403 Forbidden: The WebSocket was not accepted.",
    ),
    Difference(
        "uvicorn repeats the reason of a close",
        "the close that answers one repeats its code alone",
        "RFC 6455 section 5.5.1: typically echos the status code",
        WEBSOCKETS,
        ("WebSocket: echo", "WebSocket: a code of the client"),
        ("frames",),
    ),
    Difference(
        "a close for a fault has the reason that the library `websockets` has for it",
        "it has another reason",
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
        "a client that leaves without a close is told as 1005",
        "as 1006",
        "RFC 6455 section 7.1.5",
        NOT_QUART,
        ("WebSocket: the client leaves",),
        ("/seen/closed: body",),
        "1006",
    ),
    Difference(
        "uvicorn drops a WebSocket whose application fails, without a close",
        "it is closed with 1011",
        "RFC 6455 section 7.4.1",
        ("starlette", "fastapi"),
        ("WebSocket: exception",),
        ("frames",),
        r"\x03ó",
    ),
    Difference(
        "uvicorn takes up an offer of compression",
        "the offer is not taken up",
        "RFC 6455 section 9.1: a server may accept none",
        WEBSOCKETS,
        ("WebSocket: an offer of compression",),
        ("sec-websocket-extensions",),
    ),
    Difference(
        "uvicorn has no early hints",
        "they are sent as 103",
        "ASGI, extensions, early hint",
        ("bare_asgi",),
        ("hints: *",),
        ("interim",),
    ),
    Difference(
        "uvicorn tells no extension",
        "early hints, pathsend, trailers and, by HTTP/1, zerocopysend are told",
        "ASGI, extensions",
        ("bare_asgi",),
        ("extensions: GET",),
        ("body",),
        "http.response.early_hint",
    ),
    Difference(
        "uvicorn cuts off an answer that is begun twice, or has a field that cannot be sent",
        "nothing of it was sent, and the client gets a 500",
        "RFC 9110 section 15.6.1",
        ("bare_asgi",),
        ("two-starts: *", "injection: *", "text-field: *"),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "uvicorn takes a Host field that differs from an absolute form as it is",
        "the authority of the target wins",
        "RFC 9112 section 3.2.2: MUST ignore the received Host",
        ("bare_asgi",),
        ("scope: absolute form",),
        ("body",),
        "a.example",
        http1=True,
    ),
    Difference(
        "there is no HTTP/2 there",
        "cookies that came in several fields are one",
        "RFC 9113 section 8.2.3: MUST be concatenated",
        ("bare_asgi",),
        ("scope: cookies",),
        ("body",),
        "a=1; b=2",
        http2=True,
    ),
    Difference(
        "uvicorn drops a WebSocket whose application returns, without a close",
        "it is closed with 1000",
        "RFC 6455 section 7.1.1",
        ("bare_asgi",),
        ("WebSocket: returns",),
        ("frames",),
    ),
    Difference(
        "there is no HTTP/2 there",
        "a WebSocket that WSGI answers with a 200, as any other request, is a 501",
        "RFC 8441 section 5: a status 2xx would open it",
        ("django_wsgi", "falcon_wsgi"),
        ("WebSocket: a path for requests",),
        ("status", "body", "content-type", "etag"),
        "501",
        http2=True,
    ),
    Difference(
        "gunicorn has a status before the first piece, and none where `start_response` comes with it",
        "`start_response` may come with the first piece",
        "PEP 3333: before the iterable yields its first body bytestring that is not empty",
        ("bare_wsgi",),
        ("late: *",),
        ("status", "ends", "body", "content-type"),
        "201",
    ),
    Difference(
        "gunicorn answers a HEAD without `start_response` by the status `None`",
        "it is a 500",
        "RFC 9112 section 4",
        ("bare_wsgi",),
        ("no-start: HEAD",),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "gunicorn adds the fields of a second `start_response` with `exc_info` to those of the first",
        "they take the place of those",
        "PEP 3333: the server should replace them",
        ("bare_wsgi",),
        ("replaced: *",),
        ("content-type", "x-first"),
    ),
    Difference(
        "gunicorn cuts off an answer whose first piece is text",
        "nothing of it was sent, and the client gets a 500",
        "RFC 9110 section 15.6.1",
        ("bare_wsgi",),
        ("text-body: *",),
        ("status", "ends", "body", "content-type"),
        "500",
    ),
    Difference(
        "gunicorn sends as much of a body as its Content-Length says, where it has more",
        "the answer is cut off: the client can tell",
        "PEP 3333: may raise an error or close the connection",
        ("bare_wsgi",),
        ("long: GET",),
        ("ends", "body"),
        "cut",
    ),
]


def differing(expected: Seen, seen: Seen) -> dict[str, tuple[Any, Any]]:
    """Return what of two answers differs: of each part, what is expected and what came.

    Where the content differs, so does its length.
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
