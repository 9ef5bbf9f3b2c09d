"""The head of an HTTP/1 answer as bytes (RFC 9112 section 4), kept for the next answer with the same head."""

import functools

from ..semantics.answer_head import AnswerHead
from ..semantics.framing import ResponseFraming, frame_answer
from ..semantics.serialize import encode_lines


class Head:
    """An answer's head without its Date and Server fields, which change from one second to the next."""

    __slots__ = ("_end", "_has_date", "_has_server", "_start", "date", "framing", "server", "whole")

    def __init__(self, start: bytes, end: bytes, answer: AnswerHead, framing: ResponseFraming) -> None:
        self._start = start
        self._end = end
        self.framing = framing
        """How the answer is delimited."""
        self._has_date = answer.has_date
        self._has_server = answer.has_server
        self.date: str | None = None
        """The value of the Date field at the last completion; ``server`` likewise."""
        self.server: str | None = None
        self.whole = b""
        """The bytes of the last completion."""

    def complete(self, date: str, server: str) -> bytes:
        """Return the status line and the header section, with the empty line at its end.

        :param date: the value of the Date field, unless the application set one.
        :param server: the value of the Server field, likewise; if empty, the field is left out.
        :raises InvalidResponseError: if one of them cannot be sent.
        """
        fields = own_fields("" if self._has_date else date, "" if self._has_server else server)
        self.whole = self._start + fields + self._end
        self.date, self.server = date, server
        return self.whole


def serialize_head(answer: AnswerHead, version: str, close: bool) -> Head:
    """Return the head of an answer, from the cache in ``answer`` where it was made before.

    :param version: the request's; a client of HTTP/1.0 is told when the connection persists.
    :param close: whether the connection ends with this answer.
    """
    key = (version, close) if version == "1.0" else close
    head: Head | None = answer.serialized.get(key)
    if head is None:
        head = answer.serialized[key] = make_head(answer, version, close)
    return head


def make_head(answer: AnswerHead, version: str, close: bool) -> Head:
    """Make the head of an answer. Parameters are those of :func:`serialize_head`."""
    status, framing = answer.status, frame_answer(answer, version, close)
    # RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. "A server
    # MUST send the space that separates the status-code from the reason-phrase even when the
    # reason-phrase is absent."
    start = encode_lines([f"HTTP/1.1 {status}" if " " in status else f"HTTP/1.1 {status} "])
    if framing.content_length is not None:
        end = b"Content-Length: %d\r\n" % framing.content_length
    else:
        end = b"Transfer-Encoding: chunked\r\n" if framing.chunked else b""
    # RFC 9112 section 9.6: the last response has "close". Appendix C.2.2: HTTP/1.0 needs "keep-alive".
    options = ["close"] if framing.close else ["keep-alive"] if version == "1.0" else []
    if answer.upgrade and version != "1.0":
        # RFC 9110 section 7.8: a sender of Upgrade sends the connection option, too.
        end += encode_lines([f"Upgrade: {answer.upgrade}"])
        options.append("Upgrade")
    if options:
        end += b"Connection: %b\r\n" % ", ".join(options).encode()
    return Head(start + answer.lines, end + b"\r\n", answer, framing)


@functools.lru_cache(maxsize=16)
def own_fields(date: str, server: str) -> bytes:
    """Return the lines of Date and Server; an empty value leaves its line out."""
    lines = [f"Date: {date}"] if date else []
    return encode_lines([*lines, f"Server: {server}"] if server else lines)
