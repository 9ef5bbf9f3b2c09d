"""What is asked of every application: a table of requests.

Each request goes on a connection of its own. An application answers those that its framework can;
what it lacks is said in :mod:`.frameworks`.
"""

from dataclasses import dataclass

from ..serving import chunks, message
from ..websocket.frames import BINARY, CONT, PING, TEXT, close, frame

FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
MULTIPART = "Content-Type: multipart/form-data; boundary=bound"
TEXT_PLAIN = "Content-Type: text/plain"
CONTINUE = "Expect: 100-continue"


@dataclass(frozen=True)
class Ask:
    """A request, and what is asked after it.

    :param name: what the request is about; unique.
    :param sent: the request as HTTP/1.1 has it, or several, each sent once the one before was answered.
    :param method: its method, on which the length of the answer depends.
    :param after: paths that are asked until they answer something else than ``null``.
    :param http1: whether it can be asked by HTTP/1 alone.
    :param leaves: whether the client leaves once a piece of the answer has come.
    :param waits: whether the body is sent once an interim answer has come.
    """

    name: str
    sent: tuple[bytes, ...]
    method: str = "GET"
    after: tuple[str, ...] = ()
    http1: bool = False
    leaves: bool = False
    waits: bytes = b""


@dataclass(frozen=True)
class Talk:
    """A WebSocket, from the handshake to its end.

    :param name: what it is about; unique.
    :param path: the target of the handshake.
    :param fields: those of the handshake, besides its own.
    :param steps: what is sent once the handshake is accepted, and how many frames are waited for in between.
    :param after: as of :class:`Ask`.
    """

    name: str
    path: str
    fields: tuple[str, ...] = ()
    steps: tuple[bytes | int, ...] = (close(),)
    after: tuple[str, ...] = ()


def ask(
    name: str,
    method: str,
    path: str,
    *fields: str,
    body: bytes | None = None,
    sent: tuple[bytes, ...] | None = None,
    version: str = "1.1",
    **options: object,
) -> Ask:
    """Return a row of the table; ``sent`` is a body in chunks."""
    if sent is not None:
        data = message(method, path, *fields, "Transfer-Encoding: chunked") + chunks(*sent)
    else:
        data = message(method, path, *fields, body=body, version=version)
    return Ask(name, (data,), method, http1=bool(options.pop("http1", version == "1.0")), **options)  # type: ignore[arg-type]


def part(disposition: str, content: bytes, *fields: str) -> bytes:
    """Return a part of a multipart body."""
    lines = [f"Content-Disposition: form-data; {disposition}", *fields]
    return b"--bound\r\n" + "\r\n".join([*lines, "", ""]).encode() + content + b"\r\n"


UPLOAD = (
    part('name="a"', b"1")
    + part('name="file"; filename="n\u00e4me.txt"', b"content\r\nof a file", "Content-Type: text/x-some")
    + part('name="b"', "z\u00fcrich".encode())
    + b"--bound--\r\n"
)

LARGE_UPLOAD = part('name="file"; filename="large.bin"', bytes(1024 * 1024), "Content-Type: image/x-large")
LARGE_UPLOAD += b"--bound--\r\n"

LARGE = bytes(range(256)) * 12 * 1024
"""3 MiB."""

EVERY_BYTE = "".join(f"%{byte:02X}" for byte in range(0x21, 0x7F))

READING = [
    ask("text", "GET", "/hello"),
    ask("text: HEAD", "HEAD", "/hello"),
    ask("text: OPTIONS", "OPTIONS", "/hello"),
    ask("text: a method that the route has not", "DELETE", "/hello"),
    ask("text: HTTP/1.0", "GET", "/hello", version="1.0"),
    ask("text: HTTP/1.0, kept alive", "GET", "/hello", "Connection: keep-alive", version="1.0"),
    ask("text: the last request of a connection", "GET", "/hello", "Connection: close"),
    Ask("text: three requests on one connection", (message("GET", "/hello"),) * 3),
    ask("text: a query", "GET", "/hello?a=1"),
    ask("HTML", "GET", "/html"),
    ask("JSON", "GET", "/json"),
    ask("an empty answer", "GET", "/empty"),
    ask("no such path", "GET", "/none"),
    ask("no such path: HEAD", "HEAD", "/none"),
    ask("no such path: POST with a body", "POST", "/none", body=b"body"),
    *(
        ask(f"method: {name}", name, "/method")
        for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
    ),
    ask("status 204", "GET", "/status/204"),
    ask("status 304", "GET", "/status/304"),
    ask("status 201", "GET", "/status/201"),
    ask("status 418", "GET", "/status/418"),
    ask("status 503", "GET", "/status/503"),
    ask("redirect 302", "GET", "/redirect/302"),
    ask("redirect 308", "POST", "/redirect/308", body=b""),
    ask("a path that lacks its slash", "GET", "/slash"),
    ask("a path that lacks its slash: a query", "GET", "/slash?a=%20b"),
    ask("cookies set", "GET", "/cookies"),
    ask("cookies sent", "GET", "/cookies/read", "Cookie: a=1; b=two%20words; c"),
    ask("fields that come twice", "GET", "/repeated", "X-Many: one", "X-Many: two"),
    ask("a field that is no ASCII", "GET", "/latin1", "X-Name: caf\u00e9 \u00a7"),
    ask("fields as they are seen", "GET", "/fields", "X-Empty:", "X-Spaces:  a \t b  ", "Accept: */*"),
    ask("path: UTF-8 in percents", "GET", "/path/z%C3%BCrich/%E2%82%AC"),
    ask("path: a slash in percents", "GET", "/path/a%2Fb/c"),
    ask("path: spaces, plus and percent", "GET", "/path/a%20b+c%25d"),
    ask("path: bytes that are no UTF-8", "GET", "/path/%FF%FE"),
    ask("path: every visible byte in percents", "GET", f"/path/{EVERY_BYTE}"),
    ask("path: marks that need no percents", "GET", "/path/a:b@c!$&'()*+,;=~-._"),
    ask("path: two slashes", "GET", "/path/a//b/"),
    ask("path: dots", "GET", "/path/a/../b/./c"),
    ask("query: names and values", "GET", "/query?a=1&b=two+words&a=%20&c"),
    ask("query: bytes", "GET", "/query?a=%FF&%C3%BC=%E2%82%AC&x=%2526"),
    ask("query: empty", "GET", "/query?"),
    ask("query: marks", "GET", "/query?a=/?:@!$'()*,;b=2"),
    ask("URL", "GET", "/url?a=b"),
    Ask(
        "URL: absolute form",
        (b"GET http://example.com/url?a HTTP/1.1\r\nHost: example.com\r\n\r\n",),
        http1=True,
    ),
    Ask("URL: a port in Host", (b"GET /url HTTP/1.1\r\nHost: example.com:8080\r\n\r\n",)),
]

FILES = [
    ask("file", "GET", "/file"),
    ask("file: HEAD", "HEAD", "/file"),
    ask("file: a range", "GET", "/file", "Range: bytes=4-8"),
    ask("file: a range: HEAD", "HEAD", "/file", "Range: bytes=4-8"),
    ask("file: the last bytes", "GET", "/file", "Range: bytes=-9"),
    ask("file: from a byte on", "GET", "/file", "Range: bytes=90-"),
    ask("file: several ranges", "GET", "/file", "Range: bytes=0-3,10-13"),
    ask("file: a range behind the end", "GET", "/file", "Range: bytes=9999-"),
    ask("file: a range of another unit", "GET", "/file", "Range: lines=1-2"),
    ask("file: If-None-Match: *", "GET", "/file", "If-None-Match: *"),
    ask("file: If-None-Match of another", "GET", "/file", 'If-None-Match: "other"'),
    ask("file: If-Modified-Since later", "GET", "/file", "If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT"),
    ask(
        "file: If-Modified-Since earlier", "GET", "/file", "If-Modified-Since: Thu, 01 Jan 1998 00:00:00 GMT"
    ),
    ask("file: If-Range of another", "GET", "/file", "Range: bytes=4-8", 'If-Range: "other"'),
    ask("file: to be saved", "GET", "/download"),
    ask("static file", "GET", "/static/given.txt"),
    ask("static file: HEAD", "HEAD", "/static/given.txt"),
    ask("static file: a range", "GET", "/static/given.txt", "Range: bytes=4-8"),
    ask(
        "static file: If-Modified-Since later",
        "GET",
        "/static/given.txt",
        "If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT",
    ),
    ask("static file: none such", "GET", "/static/none.txt"),
    ask("static file: beside the folder", "GET", "/static/..%2Fapplications/given.txt"),
]

BODIES = [
    ask("body", "POST", "/echo", TEXT_PLAIN, body=b"some text"),
    ask("body: PUT", "PUT", "/echo", TEXT_PLAIN, body=b"some text"),
    ask("body: DELETE", "DELETE", "/echo", TEXT_PLAIN, body=b"some text"),
    ask("body: every byte", "POST", "/echo", "Content-Type: image/x-none", body=bytes(range(256))),
    ask("body: empty", "POST", "/echo", TEXT_PLAIN, body=b""),
    ask("body: none, and no length", "POST", "/echo", TEXT_PLAIN),
    ask("body: chunks", "POST", "/echo", TEXT_PLAIN, sent=(b"some ", b"t", b"ext")),
    ask("body: no chunk", "POST", "/echo", TEXT_PLAIN, sent=()),
    ask("body: HTTP/1.0", "POST", "/echo", TEXT_PLAIN, body=b"some text", version="1.0"),
    ask("body: JSON", "POST", "/json-in", JSON, body='{"a": [1, "\u00fc"]}'.encode()),
    ask("body: JSON in chunks", "POST", "/json-in", JSON, sent=(b'{"a"', b": 1", b"}")),
    ask("body: form", "POST", "/form", FORM, body=b"a=1&b=two+words&a=%C3%BC&c="),
    ask("body: form, empty", "POST", "/form", FORM, body=b""),
    ask("body: upload", "POST", "/upload", MULTIPART, body=UPLOAD),
    ask("body: upload in chunks", "POST", "/upload", MULTIPART, sent=(UPLOAD[:50], UPLOAD[50:])),
    ask("body: upload of 1 MiB", "POST", "/upload", MULTIPART, body=LARGE_UPLOAD),
    ask("body: 3 MiB", "POST", "/count", body=LARGE),
    ask(
        "body: 3 MiB in chunks",
        "POST",
        "/count",
        sent=tuple(LARGE[i : i + 99991] for i in range(0, len(LARGE), 99991)),
    ),
    ask("body: 3 MiB, returned", "POST", "/echo", "Content-Type: image/x-none", body=LARGE),
    ask("body: not read", "POST", "/ignore", body=b"some text"),
    ask("body: 3 MiB, not read", "POST", "/ignore", body=LARGE),
    Ask("body: not read, and a request after it", (message("POST", "/ignore", body=b"a" * 9), message())),
    ask("body: of a GET", "GET", "/hello", body=b"some text"),
    Ask(
        "expectation, and the body after the interim answer",
        (message("POST", "/echo", TEXT_PLAIN, CONTINUE, "Content-Length: 4"),),
        "POST",
        waits=b"body",
    ),
    # By HTTP/2, the body is in other frames than the head: whether it is already there is a matter of turns.
    ask("expectation, with the body", "POST", "/echo", TEXT_PLAIN, CONTINUE, body=b"body", http1=True),
    ask("expectation, and nobody reads", "POST", "/ignore", CONTINUE, body=b"body", http1=True),
    ask(
        "expectation of HTTP/1.0",
        "POST",
        "/echo",
        TEXT_PLAIN,
        CONTINUE,
        body=b"body",
        version="1.0",
    ),
]

STREAMS = [
    ask("large", "GET", "/large"),
    ask("large: a stream", "GET", "/large-stream"),
    ask("stream", "GET", "/stream"),
    ask("stream: HEAD", "HEAD", "/stream"),
    ask("stream: HTTP/1.0", "GET", "/stream", version="1.0"),
    ask("stream of a synchronous iterator", "GET", "/stream-of-threads"),
    ask("event stream", "GET", "/events", "Accept: text/event-stream"),
    ask("stream that the client leaves", "GET", "/endless", leaves=True, after=("/seen/left",)),
    ask("exception before the answer", "GET", "/fail"),
    ask("exception before the answer: HEAD", "HEAD", "/fail"),
    ask("exception that is an answer", "GET", "/refuse"),
    ask("exception in the middle of the answer", "GET", "/fail-after"),
    ask("background task", "POST", "/background", body=b"", after=("/seen/background",)),
    ask("background task that fails", "POST", "/background-fails", body=b"", after=("/hello",)),
    ask("state of the lifespan", "GET", "/state"),
]

WEBSOCKETS = [
    Talk(
        "WebSocket: echo",
        "/ws/echo",
        steps=(
            frame(TEXT, "t\u00e9xt".encode()),
            1,
            frame(BINARY, bytes(range(256))),
            1,
            frame(TEXT, b"in ", fin=False) + frame(PING, b"p") + frame(CONT, b"parts"),
            2,
            frame(TEXT, b""),
            1,
            close(1000, b"done"),
        ),
        after=("/seen/closed",),
    ),
    Talk("WebSocket: a message of 1 MiB", "/ws/echo", steps=(frame(BINARY, bytes(1 << 20)), 1, close())),
    Talk("WebSocket: a close without a code", "/ws/echo", steps=(close(None),), after=("/seen/closed",)),
    Talk(
        "WebSocket: a code of the client", "/ws/echo", steps=(close(4321, b"why"),), after=("/seen/closed",)
    ),
    Talk("WebSocket: the client leaves", "/ws/echo", steps=(), after=("/seen/closed",)),
    Talk(
        "WebSocket: text that is no UTF-8", "/ws/echo", steps=(frame(TEXT, b"\xff"),), after=("/seen/closed",)
    ),
    Talk("WebSocket: a frame that is not masked", "/ws/echo", steps=(frame(TEXT, b"a", mask=None),)),
    Talk("WebSocket: an unknown opcode", "/ws/echo", steps=(frame(5, b"a"),), after=("/seen/closed",)),
    Talk(
        "WebSocket: subprotocols and fields",
        "/ws/protocol",
        ("Sec-WebSocket-Protocol: first, second", "X-Asked: yes"),
        (2, close()),
    ),
    Talk("WebSocket: path and query", "/ws/query/a%2Fb%20c?a=%FF&b=+", steps=(2, close(3000))),
    Talk("WebSocket: closed by the application", "/ws/close", steps=(1, close(4001))),
    Talk("WebSocket: denied", "/ws/deny"),
    Talk("WebSocket: denied with an answer", "/ws/deny-with"),
    Talk("WebSocket: exception", "/ws/fail", steps=(frame(TEXT, b"go"), 1, close(1011))),
    Talk("WebSocket: exception before it is accepted", "/ws/fail-early"),
    Talk("WebSocket: no such path", "/ws/none"),
    Talk("WebSocket: a path for requests", "/hello"),
    Talk("WebSocket: a hundred messages", "/ws/many", steps=(frame(TEXT, b"100"), 100, close())),
    Talk(
        "WebSocket: an offer of compression",
        "/ws/close",
        ("Sec-WebSocket-Extensions: permessage-deflate",),
        steps=(1, close(4001)),
    ),
]

EVERYTHING = [*READING, *FILES, *BODIES, *STREAMS, *WEBSOCKETS]
