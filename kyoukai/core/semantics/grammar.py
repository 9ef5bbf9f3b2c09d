"""The grammar of an HTTP/1 request from RFC 9112.

Each regular expression follows the grammar that it implements. They match bytes, so ``[0-9]`` matches only
the ten ASCII digits. Where a repetition ends and the next part begins, no octet can belong to both. So the
time of a match is proportional to the input, whether it succeeds or fails. Most repetitions are also
possessive (``++``, ``*+``), which makes this explicit.

The functions are pure. They raise a :class:`~kyoukai.core.errors.ProtocolError`, whose description never
repeats the client's input.
"""

import re
from typing import Final

from ..errors import refused

MAX_METHOD_SIZE: Final = 32
"""The longest method, in bytes. The longest in the IANA registry, UPDATEREDIRECTREF, has 17."""

# RFC 9110 section 5.6.2:
#   token = 1*tchar
#   tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~"
#         / DIGIT / ALPHA
TCHARS = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"
TOKEN = rb"[%b]++" % TCHARS
NOT_TCHAR: Final = re.compile(rb"[^%b]" % TCHARS)

# RFC 5234 appendix B.1:
#   VCHAR = %x21-7E
VCHARS = rb"\x21-\x7e"
NOT_VCHAR: Final = re.compile(rb"[^%b]" % VCHARS)

# RFC 9110 section 5.6.3:
#   OWS = *( SP / HTAB )
WHITESPACE: Final = b" \t"

# RFC 9110 section 5.6.4:
#   quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
#   qdtext        = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text
#   quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
#   obs-text      = %x80-FF
QUOTED_STRING = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'

# RFC 9110 section 5.5:
#   field-value   = *field-content
#   field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
#   field-vchar   = VCHAR / obs-text
# RFC 9112 section 5:
#   field-line = field-name ":" OWS field-value OWS
#   field-name = token
# With the OWS around it, the value is any number of SP, HTAB, VCHAR and obs-text.
FIELD_VALUE = rb"[\t \x21-\x7e\x80-\xff]*+"
FIELD_LINE: Final = re.compile(rb"(%b):(%b)" % (TOKEN, FIELD_VALUE))

# The fields of a section that was already checked, without white space behind values.
FIELD_LINES: Final = re.compile(rb"([^:]++):[ \t]*+([^\r]*+)\r\n")

# RFC 9112 section 2.3:
#   HTTP-version = HTTP-name "/" DIGIT "." DIGIT
#   HTTP-name    = %x48.54.54.50 ; "HTTP", case-sensitive
HTTP_VERSION: Final = re.compile(rb"HTTP/(([0-9])\.[0-9])")
HTTP_VERSION_SIZE: Final = len(b"HTTP/1.1")

# RFC 9112 sections 2.1, 3, 3.1; each form of request-target in section 3.2 is one or more VCHAR:
#   HTTP-message = request-line CRLF *( field-line CRLF ) CRLF [ message-body ]
#   request-line = method SP request-target SP HTTP-version
#   method       = token
# White space at the end of a line is valid, but not every parser accepts it.
HEAD: Final = re.compile(
    rb"([%b]{1,%d}+) ([%b]++) HTTP/(1\.[0-9])\r\n((?:%b:%b(?<![ \t])\r\n)*+)\r\n"
    % (TCHARS, MAX_METHOD_SIZE, VCHARS, TOKEN, FIELD_VALUE)
)

# The start of a request line, as far as it is present and valid.
START: Final = re.compile(rb"(%b) ([%b]*+)(?: HTTP/([0-9]\.[0-9])\r\n)?" % (TOKEN, VCHARS))

# RFC 9112 section 7.1.1:
#   chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
#   chunk-ext-name = token
#   chunk-ext-val  = token / quoted-string
# No BWS is accepted here, on purpose. This is stricter than RFC 9110 section 5.6.3: "A recipient MUST
# parse for such bad whitespace and remove it before interpreting the protocol element." Senders must not
# generate any. If one recipient skips it and the next one does not, a request can be smuggled between
# them. llhttp accepts none either.
CHUNK_EXT = rb"(?:;%(token)b(?:=(?:%(token)b|%(quoted_string)b))?)*" % {
    b"token": TOKEN,
    b"quoted_string": QUOTED_STRING,
}

# RFC 9112 section 7.1:
#   chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
#   chunk-size = 1*HEXDIG
MAX_CHUNK_SIZE_DIGITS: Final = 16
CHUNK_HEADER = rb"([0-9A-Fa-f]{1,%d}+)(%b)" % (MAX_CHUNK_SIZE_DIGITS, CHUNK_EXT)
CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,%d}+;" % MAX_CHUNK_SIZE_DIGITS)
CHUNK_LINE: Final = re.compile(CHUNK_HEADER)
CHUNK_LINE_CRLF: Final = re.compile(CHUNK_HEADER + rb"\r\n")


def parse_version(version: bytes) -> bytes:
    """Return the numbers of an HTTP-version: ``b"1.1"`` for ``b"HTTP/1.1"``.

    :raises BadRequest: if it is not a HTTP-version.
    :raises VersionNotSupported: if its major number is not 1 (RFC 9110 section 2.5).
    """
    match = HTTP_VERSION.fullmatch(version)
    if match is None:
        raise refused("version-malformed")
    if match[2] != b"1":
        raise refused("version-unknown")
    return match[1]


FRAMING_FIELDS: Final = frozenset({b"content-length", b"transfer-encoding"})
"""The fields that determine the end of a message, in lower case."""


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return the name and the value of a field line, without the white space around the value.

    :param line: without CR and LF.
    :raises BadRequest: if it is not a field line; the description gives the reason.
    """
    match = FIELD_LINE.fullmatch(line)
    if match is not None:
        return match[1], match[2].strip(WHITESPACE)
    # RFC 9112 section 5.2: a server that receives an obs-fold MUST reject the message or unfold it.
    # Section 2.2: so too with white space between the start line and the first field.
    if line[:1] in (b" ", b"\t"):
        raise refused("field-line-indented")
    name, colon, _ = line.partition(b":")
    if not colon:
        raise refused("field-colon-missing")
    # Section 5.1: a server MUST reject white space between the name and the colon.
    if name[-1:] in (b" ", b"\t"):
        raise refused("field-name-padded")
    if NOT_TCHAR.search(name) or not name:
        raise refused("field-name-malformed")
    # RFC 9110 section 5.5: CR, LF and NUL are dangerous; other controls are invalid too.
    # A wire without lines can carry a CR, too, which is refused as it is in a line.
    raise refused("bare-cr" if b"\r" in line else "field-value-control")


def parse_chunk_size(line: bytes) -> tuple[int, int]:
    """Return the size of a chunk, and the size of its extensions, which are ignored.

    RFC 9112 section 7.1.1: a recipient MUST ignore unrecognized chunk extensions.

    :param line: without CR and LF.
    :raises BadRequest: if it has no chunk size, or its extensions are malformed.
    """
    match = CHUNK_LINE.fullmatch(line)
    if match is None:
        raise refused("chunk-extension-malformed" if CHUNK_SIZE.match(line) else "chunk-size-malformed")
    return int(match[1], 16), len(match[2])
