"""Building the head of an answer from an ``http.response.start`` event.

An application has few kinds of heads and repeats them, so built heads are kept in a bounded cache, by status,
fields and size.
"""

from http import HTTPStatus
from typing import Any, Final

from kyoukai.core.known import Known
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.serialize import InvalidResponseError, read_head

MAX_KNOWN_SIZE: Final = 1024
"""The longest header section that is cached, in bytes."""

MAX_SIZES: Final = 16
"""The number of content sizes that are cached for one status and fields."""

REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Start:
    """A valid status with valid fields, and the heads built from them.

    :param status: the code.
    :param fields: names and values.
    :param method: of the request.
    :raises InvalidResponseError: if one of them cannot be sent.
    """

    __slots__ = ("_headers", "_heads", "_method", "_status", "declared", "stream_head")

    def __init__(self, status: int, fields: list[tuple[str, str]], method: str) -> None:
        reason = REASONS.get(status)
        self._status = f"{status} {reason}" if reason else str(status)
        self._headers = fields
        self._method = method
        self._heads: dict[int, AnswerHead] = {}
        self.stream_head = read_head(self._status, fields, None, method, as_sent=True)
        """The head for content of the size that the application declares, if it declares one."""
        self.declared = self.stream_head.size if self.stream_head.has_content else None
        """The required length of the content. ``None``: none is declared, or the answer has no content."""

    def whole_head(self, size: int) -> AnswerHead:
        """Return the head for content that is complete.

        :param size: bytes of the content.
        :raises InvalidResponseError: if the application declares another size.
        """
        head = self._heads.get(size)
        if head is None:
            if self.declared is not None and size != self.declared:
                raise InvalidResponseError(
                    f"the body has {size} bytes, but its Content-Length is {self.declared}"
                )
            head = read_head(self._status, self._headers, size, self._method, as_sent=True)
            if len(self._heads) >= MAX_SIZES:
                self._heads.clear()
            self._heads[size] = head
        return head


_starts: Known[Any, Start] = Known(512)


def read_start(message: dict[str, Any], method: str) -> Start:
    """Return the status and fields of an ``http.response.start`` event.

    :param method: of the request.
    :raises TypeError: if the status is not an int, or a header is not a pair of bytes.
    :raises InvalidResponseError: if one of them cannot be sent.
    """
    status, headers = message["status"], message.get("headers", ())
    key: Any = (status, tuple(headers), method)
    try:
        start = _starts.get(key)
    except TypeError:
        # A pair may be a list.
        key = (status, tuple([tuple(pair) for pair in key[1]]), method)
        start = _starts.get(key)
    if start is None:
        start = make_start(*key)
        if len(start.stream_head.lines) <= MAX_KNOWN_SIZE and _starts.is_wanted(key):
            _starts.keep(key, start)
    return start


def make_start(status: object, headers: tuple[Any, ...], method: str) -> Start:
    """Build a new entry. Parameters and errors are those of :func:`read_start`."""
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"the status must be an int, not {status!r}")
    if not 200 <= status <= 999:
        raise InvalidResponseError(f"the status {status} is not valid for a final response")
    return Start(int(status), read_headers(headers), method)


def read_headers(headers: Any) -> list[tuple[str, str]]:
    """Convert the headers of an event to the server's fields.

    :raises TypeError: if a header is not a pair of bytes.
    """
    fields = []
    for pair in headers:
        try:
            name, value = pair
            fields.append((bytes.decode(name, "latin-1"), bytes.decode(value, "latin-1")))
        except (TypeError, ValueError):
            raise TypeError(f"headers must be pairs of bytes, not {pair!r}") from None
    return fields
