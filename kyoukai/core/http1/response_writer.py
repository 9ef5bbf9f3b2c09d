"""The HTTP/1 encoding of answers: heads, chunks and trailers as bytes (RFC 9112 sections 6 and 7)."""

from collections.abc import Sequence

from ..semantics.answer_head import AnswerHead
from ..semantics.framing import ResponseFraming
from ..semantics.serialize import encode_lines
from .answer_heads import Head, serialize_head

NO_ANSWER = ResponseFraming(None, False, False, False)


class ResponseWriter:
    """Encodes the answers of one connection one after another. It returns bytes, and writes nothing."""

    __slots__ = ("framing",)

    def __init__(self) -> None:
        self.framing = NO_ANSWER
        """How the latest answer is delimited."""

    def head(self, answer: AnswerHead, version: str, close: bool, date: str, server: str) -> bytes:
        """Return the head of an answer.

        :param version: the request's.
        :param close: whether the connection ends with the answer, for a reason outside the answer.
        :param date: the value of the Date field.
        :param server: the value of the Server field, which may be empty.
        :raises InvalidResponseError: if one of the two cannot be sent.
        """
        # Reuse the head that was made before from the same answer.
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
        """Return pieces of the content as they are sent, joined with one copy.

        :param pieces: at least one; none is empty.
        :param size: their total size in bytes.
        """
        if self.framing.chunked:
            return b"".join((b"%x\r\n" % size, *pieces, b"\r\n"))
        return b"".join(pieces)

    def end(self, data: bytes, trailers: Sequence[tuple[str, str]]) -> bytes:
        """Return the end of an answer.

        :param data: the last piece of its content, which may be empty.
        :param trailers: the trailer section, usually empty; its fields are valid.
        """
        if not self.framing.chunked:
            return data
        last = self.data(data) if data else b""
        # RFC 9112 section 7.1: last-chunk = 1*("0") [ chunk-ext ] CRLF
        return b"%b0\r\n%b\r\n" % (last, encode_lines([f"{name}: {value}" for name, value in trailers]))


def informational(status: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """Return an interim answer (RFC 9110 section 15.2), which is a head only.

    :param status: code and reason, such as ``"103 Early Hints"``.
    """
    return encode_lines([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields), ""])
