"""From what an application set to the head of an answer: what can be sent, and what it asks for."""

import functools
import re
from collections.abc import Iterable
from typing import Final

from werkzeug.urls import iri_to_uri

from ..errors import KyoukaiError
from .answer_head import AnswerHead, answer_size

# RFC 9110 section 7.6.1 and RFC 9112 section 6.1: fields of the connection, not of the answer. The
# server owns them; an application's `Connection: close` is obeyed, not copied.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)

# Fields that need a second look; all others are copied.
LOOKED_AT: Final = HOP_BY_HOP | {"content-length", "content-location", "date", "location", "server"}


UPGRADE_REQUIRED: Final = 426

# RFC 9110 section 5.6.2: what a field name is.
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# RFC 9112 section 4: status-code SP [ reason-phrase ]; no reason may have a control in it but tab.
STATUS: Final = re.compile(r"[0-9]{3}(?: [\t\x20-\x7e\x80-\xff]*)?")


# RFC 9110 section 5.5: what would begin another field, or another message.
BREAK: Final = re.compile(r"[\r\n\0]")


class InvalidResponseError(KyoukaiError, ValueError):
    """An application's response cannot be sent: its status, or a field, is no such thing."""


def read_fields(headers: Iterable[tuple[str, str]], as_sent: bool = False) -> "FieldSection":
    """Read the fields that an application set.

    :param as_sent: whether references stay as they are; otherwise they may have any characters.
    :raises InvalidResponseError: if a name, a Content-Length or a reference is none, or a value
        cannot be sent.
    """
    section = FieldSection()
    fields, lines = section.fields, []
    for name, value in headers:
        lowered = lowered_name(name)
        if lowered in LOOKED_AT:
            if lowered == "content-length":
                section.content_length = declared_length(value)
                continue
            if lowered == "connection":
                section.close = section.close or wants_close(value)
            if lowered in HOP_BY_HOP:
                if lowered == "upgrade":
                    section.upgrade = value
                continue
            if not as_sent and lowered in ("location", "content-location"):
                value = as_uri(value)
            section.has_date = section.has_date or lowered == "date"
            section.has_server = section.has_server or lowered == "server"
        fields.append((name, value))
        lines.append(f"{name}: {value}")
    section.lines = encode_lines(lines)
    return section


class FieldSection:
    """The fields that an application set, read once: what is sent of them, and what they ask for."""

    __slots__ = ("close", "content_length", "fields", "has_date", "has_server", "lines", "upgrade")

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        """Those that are sent."""
        self.lines = b""
        """The same as field lines."""
        self.content_length: int | None = None
        """The Content-Length that was set."""
        self.close = False
        """Whether the connection is to end."""
        self.has_date = False
        self.has_server = False
        self.upgrade = ""
        """The protocols that were set as Upgrade."""


def read_head(
    status: str,
    fields: Iterable[tuple[str, str]],
    size: int | None,
    method: str | None,
    as_sent: bool = False,
) -> AnswerHead:
    """Return the head of an answer.

    :param status: code and reason, ``"200 OK"``.
    :param fields: what the application set.
    :param size: bytes of the content; ``None`` where it is a stream.
    :param method: of the request; by default GET.
    :param as_sent: see :func:`read_fields`.
    :raises InvalidResponseError: if it cannot be sent.
    """
    code = read_status(status)
    section = read_fields(fields, as_sent)
    length, has_content = answer_size(method or "GET", code, size, section.content_length)
    head = AnswerHead(status, tuple(section.fields), section.lines, length, has_content)
    head.closes, head.has_date, head.has_server = section.close, section.has_date, section.has_server
    if code == UPGRADE_REQUIRED and section.upgrade:
        # The one answer that an application says it of (RFC 9110 section 15.5.22).
        encode_lines([f"Upgrade: {section.upgrade}"])
        head.upgrade = section.upgrade
    return head


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
