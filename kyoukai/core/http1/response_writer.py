"""Answers as HTTP/1 has them: heads, chunks, trailers, in bytes (RFC 9112 sections 6 and 7)."""

from collections.abc import Sequence

from ..semantics.answer_head import AnswerHead
from ..semantics.framing import ResponseFraming
from ..semantics.serialize import encode_lines
from .answer_heads import Head, serialize_head

NO_ANSWER = ResponseFraming(None, False, False, False)


class ResponseWriter:
    """What is said of one answer after the other on one connection. It returns bytes, and writes none."""

    __slots__ = ("framing",)

    def __init__(self) -> None:
        self.framing = NO_ANSWER
        """How the answer is delimited whose head was made last."""

    def head(self, answer: AnswerHead, version: str, close: bool, date: str, server: str) -> bytes:
        """Return the head of an answer.

        :param version: of the request.
        :param close: whether the connection ends with the answer for another reason than its own.
        :param date: the Date field's value; likewise ``server``, which may be empty.
        :raises InvalidResponseError: if one of the two cannot be sent.
        """
        # What was made of the same answer before is the same.
        head: Head | None = answer.serialized.get(close) if version != "1.0" else None
        if head is None:
            head = serialize_head(answer, version, close)
        self.framing = head.framing
        if head.date is not date or head.server is not server:
            head.complete(date, server)
        return head.whole

    def data(self, data: bytes) -> bytes:
        """Return a piece of the content as it is sent.

        :param data: not empty: an empty chunk would be the last one (RFC 9112 section 7.1).
        """
        return self.pieces((data,), len(data))

    def pieces(self, pieces: Sequence[bytes], size: int) -> bytes:
        """Return pieces of the content as they are sent, as one. They are copied once.

        :param pieces: none is empty, nor are all of them.
        :param size: bytes of all of them.
        """
        if self.framing.chunked:
            return b"".join((b"%x\r\n" % size, *pieces, b"\r\n"))
        return b"".join(pieces)

    def end(self, data: bytes, trailers: Sequence[tuple[str, str]]) -> bytes:
        """Return what ends an answer, with the last piece of its content, which may be empty.

        :param trailers: the trailer section, which is mostly empty; they can be sent.
        """
        if not self.framing.chunked:
            return data
        last = self.data(data) if data else b""
        # RFC 9112 section 7.1: last-chunk = 1*("0") [ chunk-ext ] CRLF
        return b"%b0\r\n%b\r\n" % (last, encode_lines([f"{name}: {value}" for name, value in trailers]))


def informational(status: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """Return an interim answer (RFC 9110 section 15.2): it ends with its header section.

    :param status: code and reason, ``"103 Early Hints"``.
    """
    return encode_lines([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields), ""])
