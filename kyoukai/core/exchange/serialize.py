"""From a response to the bytes of its head."""

import functools
import re
from collections.abc import Iterable
from typing import Final

from werkzeug.urls import iri_to_uri

from ..errors import KyoukaiError
from ..semantics.framing import ResponseFraming

# RFC 9110 section 7.6.1 and RFC 9112 section 6.1: fields of the connection, not of the answer. The
# server owns them; an application's `Connection: close` is obeyed, not copied.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)

# Fields that need a second look; all others are copied.
LOOKED_AT: Final = HOP_BY_HOP | {"content-length", "content-location", "date", "location", "server"}


# RFC 9110 section 5.6.2: what a field name is.
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# RFC 9112 section 4: status-code SP [ reason-phrase ]; no reason may have a control in it but tab.
STATUS: Final = re.compile(r"[0-9]{3}(?: [\t\x20-\x7e\x80-\xff]*)?")


# RFC 9110 section 5.5: what would begin another field, or another message.
BREAK: Final = re.compile(r"[\r\n\0]")


class InvalidResponseError(KyoukaiError, ValueError):
    """An application's response cannot be sent: its status, or a field, is no such thing."""


class FieldSection:
    """The fields that an application set, read once: what is sent of them, and what they ask for."""

    __slots__ = ("close", "content_length", "has_date", "has_server", "lines")

    def __init__(self) -> None:
        self.lines = b""
        """Field lines, to be sent as they are."""
        self.content_length: int | None = None
        """The Content-Length that was set."""
        self.close = False
        """Whether the connection is to end."""
        self.has_date = False
        self.has_server = False


class Head:
    """A head that lacks what changes from one second to the next: the Date field, and Server with it."""

    __slots__ = ("_end", "_has_date", "_has_server", "_start", "date", "server", "whole")

    def __init__(self, start: bytes, end: bytes, section: FieldSection) -> None:
        self._start = start
        self._end = end
        self._has_date = section.has_date
        self._has_server = section.has_server
        self.date: str | None = None
        """The Date field's value that it was completed with last; likewise ``server``."""
        self.server: str | None = None
        self.whole = b""
        """What it was completed to."""

    def complete(self, date: str, server: str) -> bytes:
        """Return the status line and the header section, with the empty line that ends it.

        :param date: the Date field's value, unless the application set one.
        :param server: the Server field's value, likewise; nothing is sent where it is empty.
        :raises InvalidResponseError: if one of them cannot be sent.
        """
        fields = own_fields("" if self._has_date else date, "" if self._has_server else server)
        self.whole = self._start + fields + self._end
        self.date, self.server = date, server
        return self.whole

    def __len__(self) -> int:
        """Return how many bytes there are already."""
        return len(self._start) + len(self._end)


def read_fields(headers: Iterable[tuple[str, str]]) -> FieldSection:
    """Read the fields that an application set.

    :raises InvalidResponseError: if a name, a Content-Length or a reference is none, or a value
        cannot be sent.
    """
    section = FieldSection()
    lines: list[str] = []
    for name, value in headers:
        lowered = lowered_name(name)
        if lowered not in LOOKED_AT:
            lines.append(f"{name}: {value}")
        elif lowered == "content-length":
            section.content_length = declared_length(value)
        elif lowered == "connection":
            section.close = section.close or wants_close(value)
        elif lowered not in HOP_BY_HOP:
            is_reference = lowered in ("location", "content-location")
            lines.append(f"{name}: {as_uri(value) if is_reference else value}")
            section.has_date = section.has_date or lowered == "date"
            section.has_server = section.has_server or lowered == "server"
    section.lines = encode_lines(lines)
    return section


def serialize_head(status: str, section: FieldSection, framing: ResponseFraming, *, version: str) -> Head:
    """Return the head of an answer.

    :param status: code and reason, ``"200 OK"``, that :func:`read_status` has read.
    :param section: what :func:`read_fields` returned.
    :param version: of the request; a client of HTTP/1.0 is told when the connection persists.
    """
    # RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. "A server
    # MUST send the space that separates the status-code from the reason-phrase even when the
    # reason-phrase is absent."
    start = encode_lines([f"HTTP/1.1 {status}" if " " in status else f"HTTP/1.1 {status} "])
    if framing.content_length is not None:
        end = b"Content-Length: %d\r\n" % framing.content_length
    else:
        end = b"Transfer-Encoding: chunked\r\n" if framing.chunked else b""
    # RFC 9112 section 9.6: the last response says so. Appendix C.2.2: to HTTP/1.0, so does the other.
    if framing.close:
        end += b"Connection: close\r\n"
    elif version == "1.0":
        end += b"Connection: keep-alive\r\n"
    return Head(start + section.lines, end + b"\r\n", section)


def encode_lines(lines: list[str]) -> bytes:
    """Return field lines as they are sent, each with its CRLF.

    :raises InvalidResponseError: if there is CR, LF, NUL or a character that is not latin-1 in one.
        Nothing of such a head is ever sent (RFC 9110 section 5.5).
    """
    if BREAK.search("".join(lines)) is not None:
        name = next(_line_name(line) for line in lines if BREAK.search(line) is not None)
        raise InvalidResponseError(f"{name} has CR, LF or NUL in it")
    text = "".join([f"{line}\r\n" for line in lines])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        # All before it is latin-1, so that its line is that of the first character that is not.
        name = _line_name(lines[text.count("\r\n", 0, error.start)])
        raise InvalidResponseError(f"{text[error.start]!r} in {name} is not latin-1") from None


def _line_name(line: str) -> str:
    """Return what messages call a field line. A status line has been checked before."""
    return f"the field {line.partition(':')[0]!r}"


@functools.lru_cache(maxsize=16)
def own_fields(date: str, server: str) -> bytes:
    """Return the lines of the fields that a server sets by itself, of those that are not empty."""
    lines = [f"Date: {date}"] if date else []
    return encode_lines([*lines, f"Server: {server}"] if server else lines)


def read_status(status: str) -> int:
    """Return the code of a status.

    :param status: code and reason, ``"200 OK"``.
    :raises InvalidResponseError: if it is none of a final response.
    """
    # RFC 9110 section 15: a final response has one of 200 to 599; what is above is left to its
    # author. 101 is no answer but a change of protocol: see HTTPProtocol.replace.
    if STATUS.fullmatch(status) is None or status < "200":
        raise InvalidResponseError(f"the status {status!r} is none of a final response")
    return int(status[:3])


@functools.lru_cache(maxsize=1024)
def lowered_name(name: str) -> str:
    """Return a field's name in lower case, the same for all its spellings.

    :raises InvalidResponseError: if it is no token: it could hide another field, or a framing.
    """
    if TOKEN.fullmatch(name) is None:
        raise InvalidResponseError(f"the field name {name!r} is no token")
    return name.lower()


def as_uri(value: str) -> str:
    """Return a reference that may have any characters as a URI (RFC 3987 section 3.1).

    :raises InvalidResponseError: if it has CR, LF or NUL, which the conversion would swallow.
    """
    if BREAK.search(value) is not None:
        raise InvalidResponseError("a Location or Content-Location has CR, LF or NUL in it")
    return iri_to_uri(value)


def declared_length(value: str) -> int:
    """Return the Content-Length that an application set.

    :raises InvalidResponseError: if it is no number of bytes.
    """
    if not (value.isascii() and value.isdigit()):
        raise InvalidResponseError(f"the Content-Length {value!r} is no number of bytes")
    return int(value)


def wants_close(connection: str) -> bool:
    """Return whether an application's Connection field has the option ``close``."""
    return any(option.strip(" \t").lower() == "close" for option in connection.split(","))
