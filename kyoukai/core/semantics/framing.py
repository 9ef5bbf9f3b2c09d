"""How a message is delimited: RFC 9112 section 6.3 and RFC 9110 section 6.4.1."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from .answer_head import AnswerHead


class Framing(NamedTuple):
    """How a request's body is delimited (RFC 9112 section 6.3)."""

    content_length: int
    """Bytes of the body, where ``chunked`` is false."""
    chunked: bool


NO_BODY: Final = Framing(0, False)
CHUNKED: Final = Framing(0, True)


@dataclass(slots=True)
class ResponseFraming:
    """What a response's head says of its body, and what is sent of it; many responses share one."""

    content_length: int | None
    """The value of Content-Length; ``None``: the field is not sent."""
    chunked: bool
    """Whether the body is sent by the chunked transfer coding."""
    send_body: bool
    """Whether any body is sent."""
    close: bool
    """Whether the connection ends with this response."""

    @property
    def open_ended(self) -> bool:
        """Whether the end of the connection is all that delimits the body."""
        return self.send_body and self.content_length is None and not self.chunked


def frame_answer(head: AnswerHead, version: str, close: bool) -> ResponseFraming:
    """Return how an answer is delimited.

    :param version: of the request: ``"1.0"``, ``"1.1"``.
    :param close: whether the connection ends with this answer for another reason.
    """
    close = close or head.closes
    if not head.has_content or head.size is not None:
        return ResponseFraming(head.size, False, head.has_content, close)
    # RFC 9112 section 6.1: no Transfer-Encoding to a client that does not speak HTTP/1.1;
    # section 6.3 rule 8: its body ends where the connection does.
    if version == "1.0":
        return ResponseFraming(None, False, True, True)
    return ResponseFraming(None, True, True, close)
