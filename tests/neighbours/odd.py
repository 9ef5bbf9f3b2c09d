"""Requests on which a proxy and a server might differ, and what may then reach the application.

A proxy refuses such a request, makes a plain one of it, or passes it on. So it is not laid down who
refuses, which differs from one version to the next, but what the application sees: what the proxy took
for a request, once, and nothing besides.
"""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ..serving import Client, chunks, message

if TYPE_CHECKING:
    from .conftest import Front

TE = "Transfer-Encoding: chunked"

# Hidden in what is a body by one reading.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

# A request of its own by any reading of those here. A proxy that goes on after a refusal passes it on.
LAST = message("GET", "/last", "Connection: close")

LONG = "9" * 30


def odd(*fields: str, body: bytes = b"", method: str = "POST", version: str = "1.1") -> bytes:
    """Return a request for ``/odd``, with a body that its fields frame."""
    return message(method, "/odd", *fields, version=version) + body


# The bytes, and as what the application may see them; empty where it may not.
CASES: dict[str, tuple[bytes, str]] = {
    "no Host": (b"GET /odd HTTP/1.1\r\n\r\n", ""),
    "no Host, HTTP/1.0": (b"GET /odd HTTP/1.0\r\n\r\n", "GET /odd"),
    # HAProxy makes one of them.
    "two equal Hosts": (message("GET", "/odd", "Host: localhost"), "GET /odd"),
    "two different Hosts": (message("GET", "/odd", "Host: example.org"), ""),
    "Host that is none": (b"GET /odd HTTP/1.1\r\nHost: a b\r\n\r\n", ""),
    "Host with a path": (b"GET /odd HTTP/1.1\r\nHost: a/b\r\n\r\n", ""),
    # RFC 9112 section 6.1: a proxy may go by the transfer coding, and pass on that alone.
    "CL and TE, CL too short": (odd("Content-Length: 4", TE, body=chunks(SMUGGLED)), "POST /odd"),
    "TE and CL, CL too short": (odd(TE, "Content-Length: 4", body=chunks(SMUGGLED)), "POST /odd"),
    "CL and TE, CL 0": (odd("Content-Length: 0", TE, body=chunks(SMUGGLED)), "POST /odd"),
    "two different CLs": (odd("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED), ""),
    "two equal CLs": (odd(*[f"Content-Length: {len(SMUGGLED)}"] * 2, body=SMUGGLED), "POST /odd"),
    "a list of equal CLs": (odd("Content-Length: 1, 1", body=b"x"), "POST /odd"),
    "a CL with a sign": (odd("Content-Length: +1", body=b"x"), ""),
    "a CL out of range": (odd(f"Content-Length: {LONG}", body=b"x"), ""),
    "a CL in hex": (odd("Content-Length: 0x10", body=bytes(16)), ""),
    "TE in HTTP/1.0": (odd(TE, body=chunks(SMUGGLED), version="1.0"), "POST /odd"),
    "TE twice": (odd(TE, TE, body=chunks(SMUGGLED)), ""),
    "chunked, chunked": (odd("Transfer-Encoding: chunked, chunked", body=chunks(SMUGGLED)), ""),
    "chunked, identity": (odd("Transfer-Encoding: chunked, identity", body=chunks(SMUGGLED)), ""),
    "identity": (odd("Transfer-Encoding: identity", "Content-Length: 1", body=b"x"), ""),
    "xchunked": (odd("Transfer-Encoding: xchunked", "Content-Length: 1", body=b"x"), ""),
    "chunked by a vertical tab": (
        odd("Transfer-Encoding:\x0bchunked", "Content-Length: 1", body=b"x"),
        "",
    ),
    "chunked in a quoted string": (odd('Transfer-Encoding: "chunked"', "Content-Length: 1", body=b"x"), ""),
    "a space before TE's colon": (
        odd("Transfer-Encoding : chunked", f"Content-Length: {len(chunks(SMUGGLED))}", body=chunks(SMUGGLED)),
        # nginx drops a field with such a name, and goes by what is left.
        "POST /odd",
    ),
    "TE with an underscore": (
        odd("Transfer_Encoding: chunked", f"Content-Length: {len(chunks(SMUGGLED))}", body=chunks(SMUGGLED)),
        "POST /odd",
    ),
    "CL with an underscore": (odd("Content_Length: 0", TE, body=chunks(SMUGGLED)), "POST /odd"),
    "CL named by Connection": (
        odd("Connection: Content-Length", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
        "POST /odd",
    ),
    "a chunk size with 0x": (odd(TE, body=b"0x1\r\nx\r\n0\r\n\r\n"), ""),
    "a negative chunk size": (odd(TE, body=b"-1\r\nx\r\n0\r\n\r\n"), ""),
    "a chunk size out of range": (odd(TE, body=b"1" + b"0" * 16 + b"1\r\nx\r\n0\r\n\r\n"), ""),
    "a chunk that is too long": (odd(TE, body=b"1\r\nxx\r\n0\r\n\r\n"), ""),
    "a chunk extension": (odd(TE, body=b'1;a="b"\r\nx\r\n0\r\n\r\n'), "POST /odd"),
    # Both take LF alone for a line's end, and send CRLF on.
    "LF after a chunk size": (odd(TE, body=b"1\nx\r\n0\r\n\r\n"), "POST /odd"),
    "LF in a chunk extension": (odd(TE, body=b"1;\n\r\nx\r\n0\r\n\r\n"), ""),
    "trailers that frame": (
        odd(TE, body=b"1\r\nx\r\n0\r\nContent-Length: 9\r\nHost: example.org\r\n\r\n"),
        "POST /odd",
    ),
    "a body of GET": (
        odd(f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED, method="GET"),
        "GET /odd",
    ),
    "a folded field": (message("GET", "/odd", "X: a\r\n b"), "GET /odd"),
    "a bare CR in a value": (message("GET", "/odd", "X: a\rTransfer-Encoding: chunked"), ""),
    "a NUL in a value": (message("GET", "/odd", "X: a\0b"), ""),
    "a field without a name": (message("GET", "/odd", ": b"), "GET /odd"),
    # nginx drops it.
    "a field without a colon": (message("GET", "/odd", "X"), "GET /odd"),
    "an unknown method": (message("BREW", "/odd"), ""),
    "CONNECT": (message("CONNECT", "localhost:80"), ""),
    "a target without a slash": (message("GET", "odd"), ""),
    "the asterisk for GET": (message("GET", "*"), ""),
    "a space in the target": (message("GET", "/odd HTTP/1.1\x20x"), "GET /odd%20HTTP/1.1%20x"),
    "the HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    "an offer of h2c": (
        odd("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA", method="GET"),
        "GET /odd",
    ),
    "an offer of WebSocket": (
        odd("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", method="GET"),
        "GET /odd",
    ),
}


def converse(client: Client, data: bytes) -> list[str]:
    """Send ``data`` and :data:`LAST`, and return the method and target of each echo that comes back."""
    with client:
        try:
            client.send(data + LAST)
            rest = client.receive_rest()
        except ConnectionError:
            # Refused, with more sent than was read.
            return []
    return re.findall(r"\[\[([A-Z]+ [^ ]+) ", rest.decode("latin-1"))


def faults(front: "Front", name: str) -> Iterator[str]:
    """Send one of :data:`CASES` to a proxy, and yield what is wrong with what comes of it."""
    data, may_see = CASES[name]
    proxy, _, app = front
    before = len(app.seen)
    echoed = converse(proxy.connect(), data)
    seen = app.seen[before:]
    if seen not in ([], [may_see], ["GET /last"], [may_see, "GET /last"]):
        yield f"{name}: the application saw {seen}"
    # The proxy may have cut off what the server answered; it has never an answer that was not asked for.
    if echoed != seen[: len(echoed)]:
        yield f"{name}: the application saw {seen}, and the client {echoed}"
    # The next one may be sent on the same connection to the server.
    after = proxy.request(message("GET", "/after")).body
    if after != b"[[GET /after ]]" or app.seen[before + len(seen) :] != ["GET /after"]:
        yield f"{name}: the next client got {after!r}"


def every_fault(front: "Front", caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is wrong with what comes of all of :data:`CASES`."""
    caplog.set_level(logging.INFO, "kyoukai.access")
    found = [fault for name in CASES for fault in faults(front, name)]
    # No proxy minds the method. That it was refused here says that cases come this far.
    if not any('"BREW ' in line and " 501 " in line for line in caplog.messages):
        found.append("no case was refused by the server")
    return found
