"""From the fields of HTTP/2 to a request, and from an answer to fields: all of it is pure.

RFC 9113 tells malformed requests, which are stream errors (section 8.1.1), from what a server refuses. What
is malformed is found here, in one pass over the fields; the rest is for the server's policy.
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

# RFC 9110 section 5.6.2, without the capitals: section 8.2.1 of RFC 9113 makes them malformed.
NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")

SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*")
"""RFC 3986 section 3.1."""

URGENCY: Final = re.compile(rb"(?:^|[, \t])u=([0-7])(?=$|[,; \t])")
"""RFC 9218 section 4.1: a member of a dictionary."""

DEFAULT_URGENCY: Final = 3

# What RFC 6455 section 4.1 has a client of HTTP/1.1 send, and RFC 8441 section 5 leaves out: with it, the
# request means the same to an application. The key proves that a server of HTTP/1.1 has understood it, and
# nobody looks at the answer to it here.
KEY: Final = (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA==")
HANDSHAKE_ANSWER: Final = frozenset({"connection", "upgrade", "sec-websocket-accept"})


UNSERVED_PROTOCOLS: Final = frozenset(
    {b"h2c", b"http", b"tls", b"connect-udp", b"connect-ip", b"webtransport"}
)
"""Registered protocols that no application goes on with. HAProxy makes the first of an ``Upgrade: h2c``."""


class MalformedError(Exception):
    """A request or its trailers are malformed (section 8.1.1): the stream is reset with PROTOCOL_ERROR."""

    identifier = "http2-request-malformed"
    """Its entry in the table of refusals."""


class ContentLengthError(MalformedError):
    """The content of a request has another size than its Content-Length."""

    identifier = "http2-content-length-wrong"


class ReadHead(NamedTuple):
    """What the fields of a request say."""

    head: RequestHead
    refusal: HTTPException | None
    """Why it is refused, where the fields of HTTP/2 contradict each other."""
    urgency: int
    """How soon its answer is wanted: 0 to 7 (RFC 9218 section 4.1)."""


def read_request(fields: Iterable[tuple[bytes, bytes]], has_ended: bool) -> ReadHead:
    """Return the head of a request.

    :param fields: names and values, as they came.
    :param has_ended: whether its stream ends with them.
    :raises MalformedError: if it is malformed.
    """
    pseudo, regular = split_fields(fields)
    method = pseudo.get(b":method", b"")
    target, protocol = read_target(pseudo, method)
    authority = pseudo.get(b":authority")
    hosts = [value for name, value in regular if name == b"host"]
    # Section 8.3.1: "an origin server can apply any normalization", and a Host that differs is malformed;
    # it is answered, for clients that are no attackers send it, too.
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
    """Return the pseudo-header fields, and the others with the pieces of a cookie put together.

    :raises MalformedError: if one of them may not be there, or not where it is.
    """
    pseudo: dict[bytes, bytes] = {}
    regular: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in fields:
        if name[:1] == b":":
            # Section 8.3: each once, no other, and none behind a regular field.
            if regular or cookies or name in pseudo or name not in PSEUDO_FIELDS:
                raise MalformedError("a pseudo-header field that may not be there")
            pseudo[name] = value
        else:
            check_field(name, value)
            if name == b"cookie":
                # Section 8.2.3: they are one field for whoever does not speak HTTP/2.
                cookies.append(value)
            else:
                regular.append((name, value))
    if cookies:
        regular.append((b"cookie", b"; ".join(cookies)))
    return pseudo, regular


def check_field(name: bytes, value: bytes) -> None:
    """Check one field that is no pseudo-header field. What of its value is no field's is for the policy.

    :raises MalformedError: if it makes its message malformed.
    """
    if NAME.fullmatch(name) is None:
        raise MalformedError("a field name that is none, or has capitals")
    if name in CONNECTION_FIELDS or (name == b"te" and value.lower() != b"trailers"):
        raise MalformedError("a connection-specific field")
    # Section 8.2.1: "A field value MUST NOT start or end with an ASCII whitespace character".
    if value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
        raise MalformedError("a field value with white space around it")


def read_target(pseudo: dict[bytes, bytes], method: bytes) -> tuple[bytes, bytes | None]:
    """Return the target of a request, and the protocol that an extended CONNECT offers.

    :raises MalformedError: if a pseudo-header field is missing, or one too many.
    """
    path, protocol = pseudo.get(b":path"), pseudo.get(b":protocol")
    if method == b"CONNECT" and protocol is None:
        # Section 8.5: ":scheme" and ":path" are left out, and ":authority" is where to.
        if path is not None or b":scheme" in pseudo or not pseudo.get(b":authority"):
            raise MalformedError("a CONNECT with the fields of another method")
        return pseudo[b":authority"], None
    if protocol is not None and (method != b"CONNECT" or NAME.fullmatch(protocol.lower()) is None):
        raise MalformedError("a :protocol without CONNECT, or that is no token")
    if not method or SCHEME.fullmatch(pseudo.get(b":scheme", b"")) is None:
        raise MalformedError("a mandatory pseudo-header field is missing, or the scheme is none")
    # Section 8.3.1: not empty, and in absolute form it would have an authority of its own.
    if path is None or not (path[:1] == b"/" or path == b"*"):
        raise MalformedError("a :path that is none")
    return path, protocol


def read_trailers(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the trailer fields of a request.

    :raises MalformedError: if they are malformed: section 8.1 lets no pseudo-header field be among them.
    """
    trailers = [(name, value) for name, value in fields]
    for name, value in trailers:
        # A name that begins with a colon is no token.
        check_field(name, value)
    return trailers


def read_urgency(value: bytes) -> int:
    """Return the urgency that a Priority field or frame names, or the default one."""
    found = URGENCY.search(value)
    return DEFAULT_URGENCY if found is None else int(found[1])


def answer_pairs(head: AnswerHead, fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return the fields of an answer as they are sent.

    :param fields: all of them, as :meth:`Exchange.answer_fields` returns them.
    """
    return [(b":status", head.status[:3].encode()), *field_pairs(fields)]


def field_pairs(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return fields as they are sent.

    Section 8.2.1 has names without capitals, and values without white space around them, which HTTP/1.1 lets
    a sender add (RFC 9112 section 5).
    """
    return [(name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1")) for name, value in fields]
