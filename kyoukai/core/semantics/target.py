"""Request targets: their forms (RFC 9112 section 3.2), and what they say."""

import functools
import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from ..errors import refused

PATH_SAFE: Final = "/:@!$&'()*+,;="
"""What a path has unquoted, besides letters, digits and ``_.-~`` (RFC 3986 section 3.3)."""

# RFC 3986 section 3.3 and 3.4, and what browsers send unescaped besides; RFC 9112 section 3.2:
# no white space, no fragment, nothing but ASCII. A backslash is no pchar, and no browser sends one in
# a path: it takes it for a slash, and so do proxies and file systems, which then see another path.
PATH_CHARS = rb"\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e"
QUERY = rb"\?[\x21\x22\x24-\x7e]*+"
ORIGIN_FORM: Final = re.compile(rb"/[%b]*+(?:%b)?" % (PATH_CHARS, QUERY))
ABSOLUTE_FORM: Final = re.compile(
    rb"(?i:https?)://(?P<authority>[^/?#@\\\x00-\x20\x7f-\xff]++)(?P<rest>(?:/[%b]*+)?(?:%b)?)"
    % (PATH_CHARS, QUERY)
)

MAX_CACHED_TARGET: Final = 256
"""Bytes of the longest target whose parts are kept for the next request that has it."""


class Target(NamedTuple):
    """A request target taken apart (RFC 9112 section 3.2)."""

    authority: str
    """Of the absolute form; otherwise empty."""
    path: str
    """Percent-decoded, as latin-1 (PEP 3333); empty for the asterisk form."""
    query: str
    """As sent, without the question mark."""


def parse_target(target: bytes, method: str, max_size: int) -> Target:
    """Take the request target apart.

    :raises URITooLong: if it has more than ``max_size`` bytes.
    :raises BadRequest: if it is none of the forms that ``method`` may have.
    """
    if len(target) > max_size:
        raise refused("target-too-long")
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
        raise refused("target-malformed")
    path, _, query = absolute["rest"].partition(b"?")
    if not path and method == "OPTIONS" and not query:
        # Section 3.2.4: a proxy that got no path in an OPTIONS request means the asterisk form.
        return Target(absolute["authority"].decode("ascii"), "", "")
    return Target(absolute["authority"].decode("ascii"), decode_path(path or b"/"), query.decode("ascii"))


_parse_short_target = functools.lru_cache(maxsize=1024)(_parse_target)


def decode_path(path: bytes) -> str:
    """Return the path without its percent-encoding, each byte as one latin-1 character."""
    return (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
