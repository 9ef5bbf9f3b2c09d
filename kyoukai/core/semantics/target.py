"""Request targets: their forms (RFC 9112 section 3.2), and their parts."""

import functools
import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from ..errors import refused

PATH_SAFE: Final = "/:@!$&'()*+,;="
"""The characters of a path that stay unquoted, besides letters, digits and ``_.-~`` (RFC 3986 section
3.3)."""

# RFC 3986 section 3.3 and 3.4, and characters that browsers send unescaped. RFC 9112 section 3.2: no white
# space, no fragment, only ASCII. A backslash is not a pchar, and browsers send none in a path: they convert
# it to a slash. Proxies and file systems may do so too, and would then see another path.
PATH_CHARS = rb"\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e"
QUERY = rb"\?[\x21\x22\x24-\x7e]*+"
ORIGIN_FORM: Final = re.compile(rb"/[%b]*+(?:%b)?" % (PATH_CHARS, QUERY))
ABSOLUTE_FORM: Final = re.compile(
    rb"(?i:https?)://(?P<authority>[^/?#@\\\x00-\x20\x7f-\xff]++)(?P<rest>(?:/[%b]*+)?(?:%b)?)"
    % (PATH_CHARS, QUERY)
)

MAX_CACHED_TARGET: Final = 256
"""Bytes of the longest target whose parts are cached."""


class Target(NamedTuple):
    """The parts of a request target (RFC 9112 section 3.2)."""

    authority: str
    """The authority of the absolute form; otherwise empty."""
    path: str
    """The path, percent-decoded, as latin-1 (PEP 3333); empty for the asterisk form."""
    query: str
    """The query as sent, without the question mark."""


def parse_target(target: bytes, method: str, max_size: int) -> Target:
    """Split the request target into its parts.

    :raises URITooLong: if it has more than ``max_size`` bytes.
    :raises BadRequest: if it has no form that is allowed for ``method``.
    """
    if len(target) > max_size:
        raise refused("target-too-long")
    return (_parse_target if len(target) > MAX_CACHED_TARGET else _parse_short_target)(target, method)


def _parse_target(target: bytes, method: str) -> Target:
    # RFC 9112 section 3.2.1: origin-form = absolute-path [ "?" query ]
    if ORIGIN_FORM.fullmatch(target):
        path, _, query = target.partition(b"?")
        return Target("", decode_path(path), query.decode("ascii"))
    # Section 3.2.4: asterisk-form = "*", only for OPTIONS
    if target == b"*" and method == "OPTIONS":
        return Target("", "", "")
    # Section 3.2.2: absolute-form = absolute-URI
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        raise refused("target-malformed")
    path, _, query = absolute["rest"].partition(b"?")
    if not path and method == "OPTIONS" and not query:
        # Section 3.2.4: an OPTIONS request through a proxy without a path means the asterisk form.
        return Target(absolute["authority"].decode("ascii"), "", "")
    return Target(absolute["authority"].decode("ascii"), decode_path(path or b"/"), query.decode("ascii"))


_parse_short_target = functools.lru_cache(maxsize=1024)(_parse_target)


def decode_path(path: bytes) -> str:
    """Return the path without its percent-encoding, each byte as one latin-1 character."""
    return (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
