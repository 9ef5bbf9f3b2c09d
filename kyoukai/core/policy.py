"""What a request's head must satisfy: decided here, once, for every backend.

A parser tells what was sent; this module tells whether it is served. Everything is a pure function
of the head, raises a :class:`~kyoukai.core.errors.ProtocolError` that knows its status, and cites
the section that it obeys. A new rule is a new branch here, and never one in a backend.
"""

import functools
import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from .environ import field_variables
from .errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    URITooLong,
    VersionNotSupported,
)
from .exchange import Exchange
from .framing import CHUNKED, NO_BODY, Framing
from .limits import Limits

# RFC 9110 section 16.1.1 and the IANA HTTP Method Registry, without the versioning methods of
# RFC 3253, 4437 and 3648 that llhttp cannot read (BASELINE-CONTROL, CHECKIN, LABEL, MKREDIRECTREF,
# MKWORKSPACE, ORDERPATCH, UNCHECKOUT, UPDATE, UPDATEREDIRECTREF, VERSION-CONTROL): what one
# backend cannot serve, none serves. `*` and PRI are reserved and never a request's.
# fmt: off
METHODS: Final = frozenset(
    {
        "ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK",
        "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "OPTIONS", "PATCH", "POST",
        "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND",
        "UNLINK", "UNLOCK",
    }
)
# fmt: on

# RFC 3986 section 3.3 and 3.4, and what browsers send unescaped besides; RFC 9112 section 3.2:
# no white space, no fragment, nothing but ASCII.
ORIGIN_FORM: Final = re.compile(rb"/[\x21\x22\x24-\x7e]*")
ABSOLUTE_FORM: Final = re.compile(
    rb"(?i:https?)://(?P<authority>[^/?#@\x00-\x20\x7f-\xff]+)(?P<rest>[/?][\x21\x22\x24-\x7e]*)?"
)

# RFC 3986 section 3.2.2 and 3.2.3:
#   host = IP-literal / IPv4address / reg-name        port = *DIGIT
HOST: Final = re.compile(
    r"(?:\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
    r"(?::[0-9]{0,5})?"
)

# RFC 9112 section 6.2: Content-Length = 1*DIGIT. Twenty digits are more than any file has bytes.
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")

# RFC 9110 section 10.1.4: transfer-coding = token *( OWS ";" OWS transfer-parameter )
TRANSFER_CODING: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[^,]*)?")


MAX_CACHED_TARGET: Final = 256
"""Bytes of the longest target whose parts are kept for the next request that has it."""

REQUEST_LINE_OVERHEAD: Final = len("  HTTP/1.1\r\n")
"""Bytes of a request line that are neither method nor target."""


class Target(NamedTuple):
    """A request target taken apart (RFC 9112 section 3.2)."""

    authority: str
    """Of the absolute form; otherwise empty."""
    path: str
    """Percent-decoded, as latin-1 (PEP 3333); empty for the asterisk form."""
    query: str
    """As sent, without the question mark."""


def accept(exchange: Exchange, limits: Limits) -> None:
    """Accept the head of ``exchange``, and write down in it what the head means.

    It reads ``method``, ``target``, ``version`` and ``fields``, and sets ``variables``, ``path``,
    ``query``, ``framing``, ``expect_continue`` and ``upgrade`` (whether one is offered).

    :raises ProtocolError: if the request is not to be served.
    """
    version = exchange.version
    check_version(version)
    check_method(exchange.method)
    target = parse_target(exchange.target, exchange.method, limits.max_target_size)
    used = len(exchange.method) + len(exchange.target) + REQUEST_LINE_OVERHEAD
    variables = field_variables(exchange.fields, limits, used=used)
    check_host(variables.get("HTTP_HOST"), version)
    framing = request_framing(
        variables.get("CONTENT_LENGTH"), variables.get("HTTP_TRANSFER_ENCODING"), version
    )
    if framing.content_length > limits.max_body_size:
        raise ContentTooLarge
    if "HTTP_EXPECT" in variables:
        is_expected = expects_continue(variables["HTTP_EXPECT"], version)
        exchange.expect_continue = is_expected and framing.has_body
    if target.authority:
        # RFC 9112 section 3.2.2: the origin server MUST ignore the received Host field and use the
        # host information of the request target instead.
        check_host(target.authority, version)
        variables["HTTP_HOST"] = target.authority
    if "HTTP_UPGRADE" in variables:
        exchange.upgrade = True
        if version == "1.0":
            # RFC 9110 section 7.8: a server MUST ignore an Upgrade field received in HTTP/1.0.
            del variables["HTTP_UPGRADE"]
    exchange.variables = variables
    exchange.path = target.path
    exchange.query = target.query
    exchange.framing = framing


def check_trailers(trailers: list[tuple[bytes, bytes]], limits: Limits) -> None:
    """Check the trailer fields received so far (RFC 9110 section 6.5).

    :raises HeaderFieldsTooLarge: if they pass the limits of header fields.
    """
    if len(trailers) > limits.max_fields:
        raise HeaderFieldsTooLarge
    sizes = [len(name) + len(value) for name, value in trailers]
    if max(sizes, default=0) > limits.max_field_size or sum(sizes) > limits.max_head_size:
        raise HeaderFieldsTooLarge


def check_version(version: str) -> None:
    """Check the version, ``"1.1"`` say.

    RFC 9110 section 2.5: a minor version above ours is served as ours.

    :raises VersionNotSupported: if the major version is not 1.
    """
    if not version.startswith("1."):
        raise VersionNotSupported


def check_method(method: str) -> None:
    """Check the method.

    :raises NotImplementedByServer: if it is not registered (RFC 9110 section 9.1), or is CONNECT:
        an origin server makes no tunnels (section 9.3.6).
    """
    if method not in METHODS:
        raise NotImplementedByServer("This server does not know the request method.")
    if method == "CONNECT":
        raise NotImplementedByServer("This server makes no tunnels.")


def parse_target(target: bytes, method: str, max_size: int) -> Target:
    """Take the request target apart.

    :raises URITooLong: if it has more than ``max_size`` bytes.
    :raises BadRequest: if it is none of the forms that ``method`` may have.
    """
    if len(target) > max_size:
        raise URITooLong
    return (_parse_target if len(target) > MAX_CACHED_TARGET else _parse_short_target)(target, method)


def _parse_target(target: bytes, method: str) -> Target:
    # RFC 9112 section 3.2.1: origin-form = absolute-path [ "?" query ]
    if ORIGIN_FORM.fullmatch(target):
        path, _, query = target.partition(b"?")
        return Target("", decode_path(path), query.decode("ascii"))
    # Section 3.2.4: asterisk-form = "*", for OPTIONS alone
    if target == b"*" and method == "OPTIONS":
        return Target("", "", "")
    # Section 3.2.2: absolute-form = absolute-URI
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        raise BadRequest("The request target has none of the forms that this method may have.")
    path, _, query = (absolute["rest"] or b"").partition(b"?")
    if not path and method == "OPTIONS" and not query:
        # Section 3.2.4: a proxy that got no path in an OPTIONS request means the asterisk form.
        return Target(absolute["authority"].decode("ascii"), "", "")
    return Target(absolute["authority"].decode("ascii"), decode_path(path or b"/"), query.decode("ascii"))


_parse_short_target = functools.lru_cache(maxsize=1024)(_parse_target)


def decode_path(path: bytes) -> str:
    """Return the path without its percent-encoding, each byte as one latin-1 character."""
    return (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")


def check_host(host: str | None, version: str) -> None:
    """Check the Host field, ``None`` where there is none.

    RFC 9112 section 3.2: 400 to HTTP/1.1 without Host, and to a Host that is none. An empty one is
    what a client sends whose target has no authority; it is no use to an HTTP origin.

    :raises BadRequest: if it is missing or malformed.
    """
    if host is None:
        if version != "1.0":
            raise BadRequest("The Host field is missing.")
    elif not valid_host(host):
        raise BadRequest("The Host field is no host name.")


@functools.lru_cache(maxsize=256)
def valid_host(host: str) -> bool:
    """Return whether ``host`` is ``uri-host [ ":" port ]`` (RFC 9110 section 7.2)."""
    return HOST.fullmatch(host) is not None


def request_framing(content_length: str | None, transfer_encoding: str | None, version: str) -> Framing:
    """Return how the body is delimited. The steps are those of RFC 9112 section 6.3.

    :param transfer_encoding: several fields joined by comma.
    :raises BadRequest: if the fields contradict each other or themselves.
    :raises NotImplementedByServer: if there is a transfer coding besides ``chunked``.
    """
    if transfer_encoding is not None:
        # 3. Both: "ought to be handled as an error"; a server MAY reject it. We do.
        if content_length is not None:
            raise BadRequest("Content-Length and Transfer-Encoding exclude each other.")
        # Section 6.1: HTTP/1.0 has no Transfer-Encoding; its framing is faulty.
        if version == "1.0":
            raise BadRequest("HTTP/1.0 has no Transfer-Encoding.")
        check_transfer_encoding(transfer_encoding)
        return CHUNKED
    if content_length is None:
        # 7. Neither: no body.
        return NO_BODY
    # 5. and 6. A length that is valid, or 400.
    if not CONTENT_LENGTH.fullmatch(content_length):
        raise BadRequest("The Content-Length field is not one decimal number.")
    return Framing(int(content_length), False)


def check_transfer_encoding(value: str) -> None:
    """Check that the transfer codings are exactly ``chunked`` (RFC 9112 section 6.1).

    :raises BadRequest: if ``chunked`` is not last, or there twice, or the field is malformed.
    :raises NotImplementedByServer: if another coding stands before the final ``chunked``.
    """
    if value.lower() == "chunked":
        return
    codings = [coding.strip(" \t").lower() for coding in value.split(",")]
    if not all(TRANSFER_CODING.fullmatch(coding) for coding in codings):
        raise BadRequest("The Transfer-Encoding field is malformed.")
    # 4. "If a Transfer-Encoding header field is present in a request and the chunked transfer
    # coding is not the final encoding, the message body length cannot be determined reliably; the
    # server MUST respond with the 400 status code and then close the connection."
    if codings[-1] != "chunked" or "chunked" in codings[:-1]:
        raise BadRequest("The final transfer coding must be chunked, and only that one.")
    raise NotImplementedByServer("The only transfer coding this server knows is chunked.")


def expects_continue(expect: str, version: str) -> bool:
    """Return whether the client waits for ``100 Continue`` (RFC 9110 section 10.1.1).

    :raises ExpectationFailed: if it expects anything else.
    """
    if version == "1.0":
        # "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore it."
        return False
    if expect.lower() != "100-continue":
        raise ExpectationFailed
    return True
