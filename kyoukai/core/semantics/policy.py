"""What a request's head must satisfy: decided here, once, for every backend.

A parser tells what was sent; this module tells whether it is served. Everything is a pure function
of the head, raises a :class:`~kyoukai.core.errors.ProtocolError` that knows its status, and cites
the section that it obeys. A new rule is a new branch here, and never one in a backend.

What a head is made of, and how much of it there may be, has been checked when it comes here: see
:mod:`kyoukai.core.http1.readers`.
"""

import functools
import ipaddress
import re
from collections.abc import Container
from typing import Final

from ..errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    NotImplementedByServer,
    ProtocolError,
    UnsupportedMediaType,
)
from ..exchange.environ import field_variables
from ..exchange.exchange import Exchange
from ..limits import Limits
from .content_coding import ContentDecoder
from .framing import CHUNKED, NO_BODY, Framing
from .methods import SERVED_METHODS, check_method
from .target import parse_target

# RFC 3986 section 3.2.2 and 3.2.3:
#   host = IP-literal / IPv4address / reg-name        port = *DIGIT
HOST: Final = re.compile(
    r"(?:\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
    r"(?::[0-9]{0,5})?"
)

# RFC 9112 section 6.2: Content-Length = 1*DIGIT. Twenty digits are more than any file has bytes.
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")

# RFC 9110 section 10.1.4: transfer-coding = token *( OWS ";" OWS transfer-parameter )
TRANSFER_CODING: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[^,]*)?")


def check_request_line(
    method: bytes, target: bytes, limits: Limits, methods: Container[bytes] = SERVED_METHODS
) -> None:
    """Check a request line, before the fields after it have come.

    :param methods: those that are served.
    :raises ProtocolError: if no head that begins with it is served.
    """
    check_method(method, methods)
    parse_target(target, method.decode("ascii"), limits.max_target_size)


def accept(exchange: Exchange, limits: Limits, max_length: int | None = None) -> None:
    """Accept the head of ``exchange``, and write down in it what the head means.

    It reads ``method``, ``target``, ``version`` and ``fields``, and sets ``variables``, ``path``,
    ``query``, ``framing``, ``decoder``, ``keep_alive``, ``expect_continue`` and ``upgrade``.

    :param max_length: the most that a body may announce to have; by default ``max_body_size``.
    :raises ContentTooLarge: if its body is not to be read. The head is accepted, and written down.
    :raises UnsupportedMediaType: likewise.
    :raises ProtocolError: if the head is refused.
    """
    fault: ProtocolError | None = None
    version = exchange.version
    target = parse_target(exchange.target, exchange.method, limits.max_target_size)
    variables = field_variables(exchange.fields, limits.max_fields)
    check_host(variables.get("HTTP_HOST"), version)
    framing = NO_BODY
    if "CONTENT_LENGTH" in variables or "HTTP_TRANSFER_ENCODING" in variables:
        framing = request_framing(
            variables.get("CONTENT_LENGTH"), variables.get("HTTP_TRANSFER_ENCODING"), version
        )
    if framing is not NO_BODY:
        if framing.content_length > (limits.max_body_size if max_length is None else max_length):
            fault = ContentTooLarge()
        elif "HTTP_EXPECT" in variables:
            exchange.expect_continue = expects_continue(variables["HTTP_EXPECT"], version)
        if "HTTP_CONTENT_ENCODING" in variables and fault is None:
            fault = judge_coding(exchange, variables, limits.max_body_size)
            if fault is not None and framing.content_length > limits.max_body_size:
                # The first of two reasons: of what is refused anyway, nobody is asked for a larger limit.
                fault = ContentTooLarge()
    elif "HTTP_EXPECT" in variables:
        expects_continue(variables["HTTP_EXPECT"], version)
    if target.authority:
        # RFC 9112 section 3.2.2: the origin server MUST ignore the received Host field and use the
        # host information of the request target instead.
        check_host(target.authority, version)
        variables["HTTP_HOST"] = target.authority
    if "HTTP_CONNECTION" in variables or version == "1.0":
        options = connection_options(variables.get("HTTP_CONNECTION", ""))
        exchange.keep_alive = persists(options, version)
        if "HTTP_UPGRADE" in variables:
            # RFC 9110 section 7.8: a server MUST ignore an Upgrade field received in HTTP/1.0, and
            # a sender of Upgrade MUST also send the connection option.
            if version == "1.0":
                del variables["HTTP_UPGRADE"]
            else:
                exchange.upgrade = "upgrade" in options
    exchange.variables = variables
    exchange.path = target.path
    exchange.query = target.query
    exchange.framing = framing
    if fault is not None:
        raise fault


def judge_coding(exchange: Exchange, variables: dict[str, str], max_size: int) -> UnsupportedMediaType | None:
    """Set what decodes the body of ``exchange``, or return why nothing does."""
    try:
        exchange.decoder = content_decoder(variables["HTTP_CONTENT_ENCODING"], max_size)
    except UnsupportedMediaType as error:
        return error
    if exchange.decoder is None:
        del variables["HTTP_CONTENT_ENCODING"]
    return None


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
    match = HOST.fullmatch(host)
    return match is not None and (match["ipv6"] is None or is_ipv6(match["ipv6"]))


def is_ipv6(address: str) -> bool:
    """Return whether ``address`` is an IPv6 address (RFC 3986 section 3.2.2)."""
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


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
    length = int(content_length)
    return Framing(length, False) if length else NO_BODY


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
    # server MUST respond with the 400 (Bad Request) status code and then close the connection."
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


def content_decoder(value: str, max_size: int) -> ContentDecoder | None:
    """Return what decodes a body with this Content-Encoding; ``None`` where it has no coding.

    :param max_size: the most bytes that the decoded body may have.
    :raises UnsupportedMediaType: if it is a coding that this server does not know, or several
        (RFC 9110 section 8.4).
    """
    coding = value.lower()
    # Section 8.4: "identity" is reserved for Accept-Encoding and not to be sent; it says nothing.
    return None if coding in ("", "identity") else ContentDecoder(coding, max_size)


def connection_options(value: str) -> set[str]:
    """Return the options of the Connection fields, in lower case (RFC 9110 section 7.6.1)."""
    return {option.strip(" \t") for option in value.lower().split(",")}


def persists(options: set[str], version: str) -> bool:
    """Return whether the client lets the connection persist (RFC 9112 section 9.3).

    :param options: the connection options.
    """
    # "If the close connection option is present, the connection will not persist"
    if "close" in options:
        return False
    # "If the received protocol is HTTP/1.1 (or later), the connection will persist"; if HTTP/1.0,
    # it does with the keep-alive option.
    return version != "1.0" or "keep-alive" in options
