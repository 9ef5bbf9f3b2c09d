"""Checking what an application set, and making the head of an answer from it."""

import functools
import re
from collections.abc import Iterable
from typing import Final

from werkzeug.urls import iri_to_uri

from ..errors import KyoukaiError
from .answer_head import AnswerHead, answer_size

# RFC 9110 section 7.6.1 and RFC 9112 section 6.1: fields of the connection, which the server sets. An
# application's `Connection: close` is obeyed, but not copied.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)

# Fields that are examined; all others are copied.
LOOKED_AT: Final = HOP_BY_HOP | {"content-length", "content-location", "date", "location", "server"}


UPGRADE_REQUIRED: Final = 426

# RFC 9110 section 5.6.2: the syntax of a field name.
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# RFC 9112 section 4: status-code SP [ reason-phrase ]; the only control allowed in a reason is tab.
STATUS: Final = re.compile(r"[0-9]{3}(?: [\t\x20-\x7e\x80-\xff]*)?")


# RFC 9110 section 5.5: characters that could begin another field or message.
BREAK: Final = re.compile(r"[\r\n\0]")


class InvalidResponseError(KyoukaiError, ValueError):
    """An application's response cannot be sent: its status or a field is invalid."""


def read_fields(headers: Iterable[tuple[str, str]], as_sent: bool = False) -> "FieldSection":
    """Read the fields that an application set.

    :param as_sent: whether references are already URIs; otherwise they may have any characters.
    :raises InvalidResponseError: if a name, a Content-Length or a reference is invalid, or a value cannot be
        sent.
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
    """The fields that an application set: those to send, and those that the server acts on."""

    __slots__ = ("close", "content_length", "fields", "has_date", "has_server", "lines", "upgrade")

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        """The fields to send."""
        self.lines = b""
        """The same as field lines."""
        self.content_length: int | None = None
        """The Content-Length that was set."""
        self.close = False
        """Whether the connection is to end."""
        self.has_date = False
        self.has_server = False
        self.upgrade = ""
        """The value of the Upgrade field that was set."""


def read_head(
    status: str,
    fields: Iterable[tuple[str, str]],
    size: int | None,
    method: str | None,
    as_sent: bool = False,
) -> AnswerHead:
    """Return the head of an answer.

    :param status: code and reason, such as ``"200 OK"``.
    :param fields: the application's fields.
    :param size: bytes of the content; ``None`` for a stream.
    :param method: the request's; by default GET.
    :param as_sent: see :func:`read_fields`.
    :raises InvalidResponseError: if it cannot be sent.
    """
    code = read_status(status)
    section = read_fields(fields, as_sent)
    length, has_content = answer_size(method or "GET", code, size, section.content_length)
    head = AnswerHead(status, tuple(section.fields), section.lines, length, has_content)
    head.closes, head.has_date, head.has_server = section.close, section.has_date, section.has_server
    if code == UPGRADE_REQUIRED and section.upgrade:
        # The only answer whose Upgrade an application sets (RFC 9110 section 15.5.22).
        encode_lines([f"Upgrade: {section.upgrade}"])
        head.upgrade = section.upgrade
    return head


def encode_lines(lines: list[str]) -> bytes:
    """Return field lines as they are sent, each with its CRLF.

    :raises InvalidResponseError: if a line has CR, LF, NUL or a character outside latin-1. No part of such a
        head is ever sent (RFC 9110 section 5.5).
    """
    if BREAK.search("".join(lines)) is not None:
        name = next(_line_name(line) for line in lines if BREAK.search(line) is not None)
        raise InvalidResponseError(f"{name} has CR, LF or NUL in it")
    text = "".join([f"{line}\r\n" for line in lines])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        # Everything before the error is latin-1, so counting line ends gives the line.
        name = _line_name(lines[text.count("\r\n", 0, error.start)])
        raise InvalidResponseError(f"{text[error.start]!r} in {name} is not latin-1") from None


def _line_name(line: str) -> str:
    """Return the name of a field line for messages. Status lines were checked before."""
    return f"the field {line.partition(':')[0]!r}"


def read_status(status: str) -> int:
    """Return the code of a status.

    :param status: code and reason, such as ``"200 OK"``.
    :raises InvalidResponseError: if it is not a status of a final response.
    """
    # RFC 9110 section 15: a final response has 200 to 599; higher codes are left to the author. 101 is a
    # change of protocol: see HTTPProtocol.replace.
    if STATUS.fullmatch(status) is None or status < "200":
        raise InvalidResponseError(f"the status {status!r} is not valid for a final response")
    return int(status[:3])


@functools.lru_cache(maxsize=1024)
def lowered_name(name: str) -> str:
    """Return a field's name in lower case: one object for all spellings.

    :raises InvalidResponseError: if it is not a token: it could hide another field, or a framing.
    """
    if TOKEN.fullmatch(name) is None:
        raise InvalidResponseError(f"the field name {name!r} is not a token")
    return name.lower()


def as_uri(value: str) -> str:
    """Convert a reference with any characters to a URI (RFC 3987 section 3.1).

    :raises InvalidResponseError: if it has CR, LF or NUL, which the conversion would remove.
    """
    if BREAK.search(value) is not None:
        raise InvalidResponseError("a Location or Content-Location has CR, LF or NUL in it")
    return iri_to_uri(value)


def declared_length(value: str) -> int:
    """Return the Content-Length that an application set.

    :raises InvalidResponseError: if it is not a number of bytes.
    """
    if not (value.isascii() and value.isdigit()):
        raise InvalidResponseError(f"the Content-Length {value!r} is not a number of bytes")
    return int(value)


def wants_close(connection: str) -> bool:
    """Return whether an application's Connection field has the option ``close``."""
    return any(option.strip(" \t").lower() == "close" for option in connection.split(","))
