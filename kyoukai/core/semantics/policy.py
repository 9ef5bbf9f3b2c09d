"""The rules for a request's head, applied here once for every backend.

A parser reports what was sent; this module decides whether it is served. Each rule is a pure function of the
head, raises a :class:`~kyoukai.core.errors.ProtocolError` that knows its status, and cites its RFC section.
New rules belong here, and never in a backend.

The syntax and the size of an HTTP/1 head were checked before: see :mod:`kyoukai.core.http1.readers`.
"""

from collections.abc import Container, Sequence
from typing import Final, NamedTuple

from ..errors import ExpectationFailed, ProtocolError, UnsupportedMediaType, refused
from ..limits import Limits
from .content_coding import ContentDecoder
from .framing import NO_BODY, Framing, request_framing
from .grammar import FRAMING_FIELDS, parse_field_line
from .host import check_host
from .methods import SERVED_METHODS, check_method
from .request_head import RequestHead
from .target import Target, parse_target
from .variables import field_variables, head_variables

LINE_END: Final = b"\r\n"

LEAST_HEAD: Final = len(b"  HTTP/1.1") + 2 * len(LINE_END)
"""Bytes of an HTTP/1 head besides method, target and fields. The limit counts them on every wire."""


def check_request_line(
    method: bytes, target: bytes, limits: Limits, methods: Container[bytes] = SERVED_METHODS
) -> None:
    """Check a request line before the fields behind it have arrived.

    :param methods: those that are served.
    :raises ProtocolError: if no head that begins with it can be served.
    """
    check_method(method, methods)
    parse_target(target, method.decode("ascii"), limits.max_target_size)


class Accepted(NamedTuple):
    """The policy's result for a head that it accepts."""

    head: RequestHead
    framing: Framing = NO_BODY
    """How the body is delimited in HTTP/1; other wires delimit it themselves."""
    keep_alive: bool = True
    """Whether the client allows the connection to persist (RFC 9112 section 9.3)."""
    fault: ProtocolError | None = None
    """Why the body alone is refused: it is too large, or its coding is unknown."""


def accept(sent: RequestHead, limits: Limits, max_length: int | None = None, software: str = "") -> Accepted:
    """Check the head of an HTTP/1 message, and return its meaning.

    :param sent: its method, target, version and fields are read.
    :param max_length: the largest size that a body may announce; by default ``max_body_size``.
    :param software: the Server field of answers, for the environ.
    :raises ProtocolError: if the head is refused.
    """
    version = sent.version
    target, variables = read_variables(sent, limits)
    framing, coding, expects = NO_BODY, "", False
    fault: ProtocolError | None = None
    if "CONTENT_LENGTH" in variables or "HTTP_TRANSFER_ENCODING" in variables:
        framing = request_framing(
            variables.get("CONTENT_LENGTH"), variables.get("HTTP_TRANSFER_ENCODING"), version
        )
    if framing.content_length > (limits.max_body_size if max_length is None else max_length):
        fault = refused("body-too-large")
    else:
        if "HTTP_EXPECT" in variables:
            try:
                expects = expects_continue(variables["HTTP_EXPECT"], version) and framing is not NO_BODY
            except ExpectationFailed:
                # 413 takes precedence: the application is not asked for a larger limit if the request is
                # refused anyway.
                if framing.content_length <= limits.max_body_size:
                    raise
                fault = refused("body-too-large")
        if framing is not NO_BODY and "HTTP_CONTENT_ENCODING" in variables and fault is None:
            coding, fault = judge_coding(framing.content_length, variables, limits)
    keep_alive, upgrade = True, ""
    if "HTTP_CONNECTION" in variables or version == "1.0":
        options = connection_options(variables.get("HTTP_CONNECTION", ""))
        keep_alive = persists(options, version)
        if "HTTP_UPGRADE" in variables:
            # RFC 9110 section 7.8: a server MUST ignore an Upgrade field received in HTTP/1.0, and
            # a sender of Upgrade MUST also send the connection option.
            if version == "1.0":
                del variables["HTTP_UPGRADE"]
            elif "upgrade" in options:
                upgrade = variables["HTTP_UPGRADE"]
    size = None if framing.chunked else framing.content_length
    head = make_head(sent, target, variables, size, coding, expects, upgrade, software)
    return Accepted(head, framing, keep_alive, fault)


def accept_delimited(
    sent: RequestHead, limits: Limits, methods: Container[bytes] = SERVED_METHODS, software: str = ""
) -> Accepted:
    """Check a head from a wire that delimits bodies by itself, such as HTTP/2 or SCGI.

    It applies the same rules as :func:`accept`, except those of RFC 9112 for messages.

    :param sent: its method, target, version, fields and ``body_size`` are read, and ``expects_continue``:
        whether this server has to ask the client for the body.
    :param methods: those that are served.
    :param software: the Server field of answers, for the environ.
    :raises ProtocolError: if the head is refused.
    """
    if len(sent.target) > min(limits.max_target_size, limits.max_head_size):
        raise refused("target-too-long")
    check_request_line(sent.method.encode("latin-1", "replace"), sent.target, limits, methods)
    check_fields(sent.fields, limits, LEAST_HEAD + len(sent.method) + len(sent.target))
    target, variables = read_variables(sent, limits)
    # RFC 9113 section 8.1.1: a request whose Content-Length is not the size of its body is malformed.
    declared = variables.get("CONTENT_LENGTH")
    if declared is not None:
        length = request_framing(declared, None, "1.1").content_length
        if sent.body_size is not None and length != sent.body_size:
            raise refused("content-length-not-body-size")
        size: int | None = length
    else:
        size = sent.body_size
        if size:
            # RFC 3875 section 4.1.2: the environ has the size, however the wire conveys it.
            variables["CONTENT_LENGTH"] = str(size)
    coding = ""
    fault: ProtocolError | None = None
    if "HTTP_EXPECT" in variables:
        try:
            expects_continue(variables["HTTP_EXPECT"], sent.version)
        except ExpectationFailed:
            # As in `accept`, 413 takes precedence.
            if (size or 0) <= limits.max_body_size:
                raise
            fault = refused("body-too-large")
    if size != 0 and "HTTP_CONTENT_ENCODING" in variables and fault is None:
        coding, fault = judge_coding(size or 0, variables, limits)
    head = make_head(sent, target, variables, size, coding, sent.expects_continue, sent.upgrade, software)
    return Accepted(head, fault=fault)


def read_variables(sent: RequestHead, limits: Limits) -> tuple[Target, dict[str, str]]:
    """Return the target of a request, and its fields as variables of the environ.

    :raises ProtocolError: if the target, a field or the host is refused.
    """
    target = parse_target(sent.target, sent.method, limits.max_target_size)
    variables = field_variables(sent.fields, limits.max_fields)
    check_host(variables.get("HTTP_HOST"), sent.version)
    return target, variables


def judge_coding(
    announced: int, variables: dict[str, str], limits: Limits
) -> tuple[str, ProtocolError | None]:
    """Return the content coding to decode, and why the body is refused, if it is.

    :param announced: bytes that the head announces; 0 if it does not.
    :param variables: those of the head; ``identity`` is removed from them.
    """
    coding = variables["HTTP_CONTENT_ENCODING"]
    try:
        decoder = content_decoder(coding, limits.max_body_size)
    except UnsupportedMediaType as error:
        # 413 takes precedence: the application is not asked for a larger limit if the request is refused.
        return "", refused("body-too-large") if announced > limits.max_body_size else error
    if decoder is None:
        del variables["HTTP_CONTENT_ENCODING"]
        return "", None
    return coding, None


def make_head(
    sent: RequestHead,
    target: Target,
    variables: dict[str, str],
    size: int | None,
    coding: str,
    expects: bool,
    upgrade: str,
    software: str,
) -> RequestHead:
    """Make an accepted head: its meaning, and its part of the environ."""
    if target.authority:
        # RFC 9112 section 3.2.2: the origin server MUST ignore the received Host field and use the
        # host information of the request target instead.
        check_host(target.authority, sent.version)
        variables["HTTP_HOST"] = target.authority
    environ = head_variables(
        sent.method, sent.target, sent.version, target.path, target.query, variables, software
    )
    return RequestHead(
        sent.method, sent.target, sent.version, sent.fields, target.path, target.query,
        environ, size, coding, expects, upgrade,
    )  # fmt: skip


def check_fields(fields: Sequence[tuple[bytes, bytes]], limits: Limits, size: int = 0) -> None:
    """Check fields from a wire without field lines, by the rules of HTTP/1.

    :param size: bytes of the head before them.
    :raises BadRequest: if a name is not a token (RFC 9110 section 5.1), or a value has a control character.
    :raises HeaderFieldsTooLarge: if they pass ``max_fields``, ``max_field_size`` or ``max_head_size``.
    """
    is_too_many = len(fields) > limits.max_fields
    # Report the first fault, as a reader of field lines does.
    for name, value in fields[: limits.max_fields] if is_too_many else fields:
        field_size = len(name) + len(value)
        # As in HTTP/1, with a colon, a space, and the end of the line.
        size += field_size + 4
        if field_size > limits.max_field_size:
            raise refused("field-too-large")
        if size > limits.max_head_size:
            raise refused("head-too-large")
        # A name with a colon in it would be read as a shorter name.
        if parse_field_line(b"%b:%b" % (name, value))[0] != name:
            raise refused("field-name-malformed")
    if is_too_many:
        raise refused("fields-too-many")


def check_trailers(trailers: Sequence[tuple[bytes, bytes]], limits: Limits) -> None:
    """Check the trailer fields of a body, as :func:`check_fields` does.

    RFC 9110 section 6.5.1: fields that are needed for framing are not allowed in a trailer section.

    :raises BadRequest: also if a field frames the message.
    """
    check_fields(trailers, limits, len(LINE_END))
    if any(name.lower() in FRAMING_FIELDS for name, _ in trailers):
        raise refused("trailer-frames-message")


def expects_continue(expect: str, version: str) -> bool:
    """Return whether the client waits for ``100 Continue`` (RFC 9110 section 10.1.1).

    :raises ExpectationFailed: if it expects anything else.
    """
    if version == "1.0":
        # "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore it."
        return False
    if expect.lower() != "100-continue":
        raise refused("expectation-unknown")
    return True


def content_decoder(value: str, max_size: int) -> ContentDecoder | None:
    """Return a decoder for a Content-Encoding; ``None`` if the body is not encoded.

    :param max_size: the most bytes of the decoded body.
    :raises UnsupportedMediaType: if the coding is unknown to this server, or there are several
        (RFC 9110 section 8.4).
    """
    coding = value.lower()
    # Section 8.4: "identity" is reserved for Accept-Encoding; a Content-Encoding of it means none.
    return None if coding in ("", "identity") else ContentDecoder(coding, max_size)


def connection_options(value: str) -> set[str]:
    """Return the options of the Connection fields, in lower case (RFC 9110 section 7.6.1)."""
    return {option.strip(" \t") for option in value.lower().split(",")}


def persists(options: set[str], version: str) -> bool:
    """Return whether the client allows the connection to persist (RFC 9112 section 9.3).

    :param options: the connection options.
    """
    # "If the close connection option is present, the connection will not persist"
    if "close" in options:
        return False
    # "If the received protocol is HTTP/1.1 (or later), the connection will persist"; with HTTP/1.0, only
    # with the keep-alive option.
    return version != "1.0" or "keep-alive" in options
