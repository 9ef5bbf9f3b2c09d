"""From a response to the bytes of its head."""

import functools
import re
from collections.abc import Iterable
from typing import Final

from werkzeug.urls import iri_to_uri

from .errors import KyoukaiError
from .framing import ResponseFraming

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
        self.lines: list[str] = []
        """Field lines, to be sent as they are."""
        self.content_length: int | None = None
        """The Content-Length that was set."""
        self.close = False
        """Whether the connection is to end."""
        self.has_date = False
        self.has_server = False


def read_fields(headers: Iterable[tuple[str, str]]) -> FieldSection:
    """Read the fields that an application set.

    :raises InvalidResponseError: if a name, a Content-Length or a reference is none.
    """
    section = FieldSection()
    lines = section.lines
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
    return section


def serialize_head(
    status: str,
    section: FieldSection,
    framing: ResponseFraming,
    *,
    version: str,
    date: str,
    server: str,
) -> bytes:
    """Return the status line and the header section, with the empty line that ends it.

    :param status: code and reason, ``"200 OK"``.
    :param section: what :func:`read_fields` returned.
    :param version: of the request; a client of HTTP/1.0 is told when the connection persists.
    :param date: the Date field's value, unless the application set one.
    :param server: the Server field's value, likewise; nothing is sent where it is empty.
    :raises InvalidResponseError: if the status is none, or a value has CR, LF, NUL or a character
        that is not latin-1. Nothing of such a head is ever sent (RFC 9110 section 5.5).
    """
    lines = [status_line(status), *section.lines]
    if date and not section.has_date:
        lines.append("Date: " + date)
    if server and not section.has_server:
        lines.append("Server: " + server)
    if framing.content_length is not None:
        lines.append(f"Content-Length: {framing.content_length}")
    elif framing.chunked:
        lines.append("Transfer-Encoding: chunked")
    # RFC 9112 section 9.6: the last response says so. Appendix C.2.2: to HTTP/1.0, so does the other.
    if framing.close:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    if BREAK.search("".join(lines)) is not None:
        raise InvalidResponseError("a field value has CR, LF or NUL in it")
    head = "\r\n".join(lines)
    try:
        return (head + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidResponseError(f"{head[error.start]!r} in a field is not latin-1") from None


@functools.lru_cache(maxsize=256)
def status_line(status: str) -> str:
    """Return the status line (RFC 9112 section 4).

    :raises InvalidResponseError: if ``status`` is no code with its reason.
    """
    if STATUS.fullmatch(status) is None:
        raise InvalidResponseError(f"the status {status!r} is no code of three digits with a reason")
    # "A server MUST send the space that separates the status-code from the reason-phrase even when
    # the reason-phrase is absent."
    return f"HTTP/1.1 {status}" if " " in status else f"HTTP/1.1 {status} "


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
