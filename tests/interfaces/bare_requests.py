"""What is asked of the applications without a framework: a table of requests."""

from ..serving import message
from ..websocket.frames import TEXT, close, frame
from .requests import LARGE, TEXT_PLAIN, Ask, Talk, ask

ALIKE_ASGI = (
    "hints", "trailers", "pathsend", "no-fields", "pieces", "short", "long", "body-of-204", "body-of-304",
    "nothing", "no-end", "no-start", "two-starts", "unknown", "injection", "capitals", "framing",
    "text-field", "caught", "state", "extensions",
)  # fmt: skip
"""Paths that are asked alike, by GET and HEAD."""

ASGI = [
    *(ask(f"{path}: {method}", method, f"/{path}") for path in ALIKE_ASGI for method in ("GET", "HEAD")),
    ask("pieces: HTTP/1.0", "GET", "/pieces", version="1.0"),
    ask("version", "GET", "/version", http1=True),
    ask("version: HTTP/1.0", "GET", "/version", version="1.0"),
    ask("scope", "GET", "/scope/z%C3%BC%2Frich/%FF?a=%20b+c&%FF", "X-A: 1", "x-a: 2", "X-B: caf\u00e9"),
    ask("scope: a query of nothing", "GET", "/scope?"),
    ask("scope: cookies", "GET", "/scope", "Cookie: a=1", "Cookie: b=2"),
    Ask(
        "scope: absolute form",
        (b"GET http://a.example/scope HTTP/1.1\r\nHost: b.example\r\n\r\n",),
        http1=True,
    ),
    Ask("scope: OPTIONS of the server", (message("OPTIONS", "*"),), "OPTIONS", http1=True),
    ask("echo", "POST", "/echo", TEXT_PLAIN, body=b"some text"),
    ask("echo: chunks", "POST", "/echo", sent=(b"some ", b"text")),
    ask("echo: empty", "POST", "/echo", body=b""),
    ask("echo: 3 MiB", "POST", "/echo", body=LARGE),
    ask("messages", "POST", "/messages", body=b"some text"),
    ask("messages: none", "GET", "/messages", after=("/seen/after",)),
    ask("messages: large", "POST", "/messages", body=LARGE),
    ask("the client leaves", "GET", "/leaving", leaves=True, after=("/seen/gone",)),
    ask("late work", "GET", "/late", after=("/seen/late",)),
    Talk(
        "WebSocket: scope",
        "/ws/scope/%C3%BC%2F?a=%20",
        ("Sec-WebSocket-Protocol: a, b", "X-A: b"),
        (2, close()),
    ),
    Talk("WebSocket: returns", "/ws/returns", (), (frame(TEXT, b"go"), 1, close())),
    Talk("WebSocket: returns early", "/ws/returns-early"),
    Talk("WebSocket: sends early", "/ws/send-early"),
    Talk("WebSocket: after the close", "/ws/after-close", (), (1, close(4000)), ("/seen/after%20close",)),
    Talk("WebSocket: denied in pieces", "/ws/denied"),
    Talk("WebSocket: empty messages", "/ws/empty", (), (frame(TEXT, b""), 3, close()), ("/seen/message",)),
]

ALIKE_WSGI = (
    "types", "write", "wrapper", "wrapper-of-a-part", "list-of-one", "list-of-many", "generator", "late",
    "empty", "short", "long", "body-of-204", "body-of-304", "no-start", "two-starts", "replaced",
    "too-late", "text-body", "injection", "framing", "errors", "fails", "unread", "validated",
)  # fmt: skip

LINES = b"first\nsecond\n\nfourth"

WSGI = [
    *(ask(f"{path}: {method}", method, f"/{path}") for path in ALIKE_WSGI for method in ("GET", "HEAD")),
    ask("reason", "GET", "/reason", http1=True),
    ask("protocol", "GET", "/protocol", http1=True),
    ask("protocol: HTTP/1.0", "GET", "/protocol", version="1.0"),
    ask("generator: HTTP/1.0", "GET", "/generator", version="1.0"),
    ask("environ", "GET", "/environ/z%C3%BC%2Frich/%FF?a=%20b+c&%FF", "X-A: 1", "x-a: 2", "X-B: caf\u00e9"),
    ask("environ: cookies", "GET", "/environ", "Cookie: a=1; b=2"),
    ask("environ: a field with an underscore", "GET", "/environ", "X_A: 1"),
    ask("environ: a body", "POST", "/environ", TEXT_PLAIN, body=b"some text"),
    ask("environ: chunks", "POST", "/environ", TEXT_PLAIN, sent=(b"some ", b"text")),
    ask("environ: HTTP/1.0", "GET", "/environ", version="1.0"),
    *(
        ask(f"{path}: {kind}", "POST", f"/{path}", **body)
        for path in ("lines", "iterated", "some", "everything")
        for kind, body in {
            "body": {"body": LINES},
            "chunks": {"sent": (LINES[:8], LINES[8:])},
            "none": {},
        }.items()
    ),
    ask("everything: 3 MiB", "POST", "/everything", body=LARGE),
    ask("unread: a body", "POST", "/unread", body=b"some text"),
    ask("validated: a body", "POST", "/validated", TEXT_PLAIN, body=b"some text"),
    ask("closing", "GET", "/closing", after=("/seen/closed",)),
    ask("failing", "GET", "/failing", after=("/seen/closed",)),
    ask("the client leaves", "GET", "/leaves", leaves=True, after=("/seen/left",)),
]
