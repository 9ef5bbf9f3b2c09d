"""Requests that HTTP/2 answers differently from HTTP/1.1, for the test kit (rules of RFC 9113)."""

import re
from typing import Final

from kyoukai.testing import WireAdapter, WireDifference, WireRequest

from .engine import MAX_FRAME_SIZE
from .heads import CONNECTION_FIELDS

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

LARGEST_HEAD: Final = 9 * MAX_FRAME_SIZE
"""Bytes of a head that fit into HEADERS and 8 CONTINUATION frames, the default of max_continuations."""


def has_a_target_that_is_none(request: WireRequest) -> bool:
    """Return whether the target is neither a path nor an asterisk."""
    target = request.target
    return request.method != "CONNECT" and not (target.startswith("/") or target == "*")


def has_a_name_that_is_none(request: WireRequest) -> bool:
    """Return whether the name of a header or trailer field is not a token."""
    return any(TOKEN.fullmatch(name) is None for name, _ in (*request.fields, *request.trailers))


def has_a_field_of_connections(request: WireRequest) -> bool:
    """Return whether a header or trailer field is connection-specific to HTTP/1."""
    return any(
        name.lower().encode("latin-1") in CONNECTION_FIELDS
        or (name.lower() == "te" and value.lower() != "trailers")
        for name, value in (*request.fields, *request.trailers)
    )


def has_a_head_of_too_many_frames(request: WireRequest) -> bool:
    """Return whether the head needs more frames than one head may have."""
    return sum(len(name) + len(value) for name, value in request.fields) > LARGEST_HEAD


DIFFERENCES: Final = (
    WireDifference(
        "a target that is neither a path nor `*`: in absolute form, in authority form without `CONNECT`,"
        " or an empty one",
        has_a_target_that_is_none,
        "reset",
        "RFC 9113 section 8.3.1: malformed; `:path` has path and query, `:authority` host and port",
    ),
    WireDifference(
        "a field whose name is not a token",
        has_a_name_that_is_none,
        "reset",
        "RFC 9113 section 8.2.1: malformed",
    ),
    WireDifference(
        "`Connection`, `Keep-Alive`, `Proxy-Connection`, `Transfer-Encoding`, `Upgrade`, or a `TE` other"
        " than `trailers`",
        has_a_field_of_connections,
        "reset",
        "RFC 9113 section 8.2.2: malformed; WebSockets are opened by an extended CONNECT (RFC 8441)",
    ),
    WireDifference(
        "a head of more frames than `max_continuations` allows, or four times larger than `max_head_size`",
        has_a_head_of_too_many_frames,
        "nothing",
        "RFC 9113 section 10.5: the connection ends with `ENHANCE_YOUR_CALM`, because every later head"
        " depends on the compression state in these frames",
    ),
    *WireAdapter.differences,
)
