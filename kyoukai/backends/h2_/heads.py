"""Convert the fields of HTTP/2 to a request, and an answer to fields, as pure functions.

RFC 9113 distinguishes malformed requests, which are stream errors (section 8.1.1), from requests that a
server refuses. This module finds malformed requests in one pass over the fields. The server's policy does the
rest.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from werkzeug.exceptions import HTTPException

from kyoukai import AnswerHead, RequestHead, refused

Fields = Sequence[tuple[bytes, bytes]]

CONNECTION_FIELDS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Section 8.2.2: a message with a connection-specific field is malformed."""

PSEUDO_FIELDS: Final = frozenset({b":method", b":scheme", b":authority", b":path", b":protocol"})
"""Section 8.3.1, and RFC 8441 section 4."""

# A token (RFC 9110 section 5.6.2) without capitals, which RFC 9113 section 8.2.1 forbids.
NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")

SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*")
"""RFC 3986 section 3.1."""

URGENCY: Final = re.compile(rb"(?:^|[, \t])u=([0-7])(?=$|[,; \t])")
"""RFC 9218 section 4.1: a member of a dictionary."""

DEFAULT_URGENCY: Final = 3

# A field that RFC 6455 section 4.1 requires of HTTP/1.1 clients, and RFC 8441 section 5 omits. It is added so
# that the request means the same to an application. The value does not matter: nobody checks the answer to
# it.
KEY: Final = (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA==")
HANDSHAKE_ANSWER: Final = frozenset({"connection", "upgrade", "sec-websocket-accept"})


UNSERVED_PROTOCOLS: Final = frozenset(
    {b"h2c", b"http", b"tls", b"connect-udp", b"connect-ip", b"webtransport"}
)
"""Registered protocols that no application serves. HAProxy converts ``Upgrade: h2c`` to the first."""


class MalformedError(Exception):
    """A request or its trailers are malformed (section 8.1.1): the stream is reset with PROTOCOL_ERROR."""

    identifier = "http2-request-malformed"
    """Identifier of the entry in the table of refusals."""


class ContentLengthError(MalformedError):
    """The size of a request's content differs from its Content-Length."""

    identifier = "http2-content-length-wrong"


class ReadHead(NamedTuple):
    """A request head read from HTTP/2 fields."""

    head: RequestHead
    refusal: HTTPException | None
    """The refusal, if the HTTP/2 fields contradict each other or ask for a protocol that is not served."""
    urgency: int
    """Urgency of the answer: 0 to 7 (RFC 9218 section 4.1)."""


def read_request(fields: Iterable[tuple[bytes, bytes]], has_ended: bool) -> ReadHead:
    """Return the head of a request.

    :param fields: names and values, as received.
    :param has_ended: whether the head ends the stream.
    :raises MalformedError: if the request is malformed.
    """
    pseudo, regular = split_fields(fields)
    method = pseudo.get(b":method", b"")
    target, protocol = read_target(pseudo, method)
    authority = pseudo.get(b":authority")
    hosts = [value for name, value in regular if name == b"host"]
    # Section 8.3.1: "an origin server can apply any normalization", and a different Host is malformed. It
    # gets an answer instead of a reset, since harmless clients send it too.
    refusal: HTTPException | None = None
    if authority is not None:
        if any(host.lower() != authority.lower() for host in hosts) or len(hosts) > 1:
            refusal = refused("host-not-authority")
        regular = [(b"host", authority), *(pair for pair in regular if pair[0] != b"host")]
    if protocol is not None and protocol.lower() in UNSERVED_PROTOCOLS:
        refusal = refused("protocol-not-served")
    expects = False
    urgency = DEFAULT_URGENCY
    for name, value in regular:
        if name == b"content-length" and has_ended and value.isdigit() and value.strip(b"0"):
            raise ContentLengthError("a Content-Length without content")
        if name == b"expect":
            expects = value.lower() == b"100-continue" and not has_ended
        elif name == b"priority":
            urgency = read_urgency(value)
    if protocol is not None:
        regular = [pair for pair in regular if pair[0] != KEY[0]]
        regular += [(b"connection", b"Upgrade"), (b"upgrade", protocol), KEY]
    head = RequestHead(
        method="GET" if protocol is not None else method.decode("latin-1"),
        target=target,
        version="2",
        fields=tuple(regular),
        body_size=0 if has_ended or protocol is not None else None,
        expects_continue=expects,
        upgrade="" if protocol is None else protocol.decode("latin-1"),
    )
    return ReadHead(head, refusal, urgency)


def split_fields(
    fields: Iterable[tuple[bytes, bytes]],
) -> tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]:
    """Return the pseudo-header fields, and the other fields with cookies joined.

    :raises MalformedError: if a pseudo-header field is unknown, repeated or misplaced, or a field is
        malformed.
    """
    pseudo: dict[bytes, bytes] = {}
    regular: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in fields:
        if name[:1] == b":":
            # Section 8.3: only known pseudo-header fields, each once, before all regular fields.
            if regular or cookies or name in pseudo or name not in PSEUDO_FIELDS:
                raise MalformedError("a pseudo-header field that may not be there")
            pseudo[name] = value
        else:
            check_field(name, value)
            if name == b"cookie":
                # Section 8.2.3: join cookies to one field for applications that expect HTTP/1.1.
                cookies.append(value)
            else:
                regular.append((name, value))
    if cookies:
        regular.append((b"cookie", b"; ".join(cookies)))
    return pseudo, regular


def check_field(name: bytes, value: bytes) -> None:
    """Check a regular field. The policy checks the characters of its value.

    :raises MalformedError: if the field makes its message malformed.
    """
    if NAME.fullmatch(name) is None:
        raise MalformedError("a field name that is none, or has capitals")
    if name in CONNECTION_FIELDS or (name == b"te" and value.lower() != b"trailers"):
        raise MalformedError("a connection-specific field")
    # Section 8.2.1: "A field value MUST NOT start or end with an ASCII whitespace character".
    if value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
        raise MalformedError("a field value with white space around it")


def read_target(pseudo: dict[bytes, bytes], method: bytes) -> tuple[bytes, bytes | None]:
    """Return the target of a request, and the protocol of an extended CONNECT.

    :raises MalformedError: if a pseudo-header field is missing, invalid or not allowed.
    """
    path, protocol = pseudo.get(b":path"), pseudo.get(b":protocol")
    if method == b"CONNECT" and protocol is None:
        # Section 8.5: ":scheme" and ":path" are omitted, and ":authority" is the destination.
        if path is not None or b":scheme" in pseudo or not pseudo.get(b":authority"):
            raise MalformedError("a CONNECT with the fields of another method")
        return pseudo[b":authority"], None
    if protocol is not None and (method != b"CONNECT" or NAME.fullmatch(protocol.lower()) is None):
        raise MalformedError("a :protocol without CONNECT, or that is no token")
    if not method or SCHEME.fullmatch(pseudo.get(b":scheme", b"")) is None:
        raise MalformedError("a mandatory pseudo-header field is missing, or the scheme is none")
    # Section 8.3.1: not empty. The absolute form is refused because it has an authority of its own.
    if path is None or not (path[:1] == b"/" or path == b"*"):
        raise MalformedError("a :path that is none")
    return path, protocol


def read_trailers(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the trailer fields of a request.

    :raises MalformedError: if they are malformed. Section 8.1 forbids pseudo-header fields among them.
    """
    trailers = [(name, value) for name, value in fields]
    for name, value in trailers:
        # This refuses pseudo-header fields too: a name with a colon is not a token.
        check_field(name, value)
    return trailers


def read_urgency(value: bytes) -> int:
    """Return the urgency in a Priority field or frame, or the default."""
    found = URGENCY.search(value)
    return DEFAULT_URGENCY if found is None else int(found[1])


def answer_pairs(head: AnswerHead, fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return the fields of an answer in HTTP/2 form.

    :param fields: all fields, as :meth:`Exchange.answer_fields` returns them.
    """
    return [(b":status", head.status[:3].encode()), *field_pairs(fields)]


def field_pairs(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return fields in HTTP/2 form.

    Section 8.2.1 requires lower-case names, and values without surrounding white space, which HTTP/1.1 allows
    (RFC 9112 section 5).
    """
    return [(name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1")) for name, value in fields]
