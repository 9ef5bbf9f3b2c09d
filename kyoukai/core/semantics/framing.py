"""How a message is delimited: RFC 9112 section 6.3 and RFC 9110 section 6.4.1."""

from dataclasses import dataclass
from typing import Final, NamedTuple


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


def response_framing(
    *,
    method: str,
    version: str,
    status: int,
    size: int | None,
    declared: int | None,
    close: bool,
) -> ResponseFraming:
    """Return how a response is delimited.

    :param method: of the request.
    :param version: of the request: ``"1.0"``, ``"1.1"``.
    :param size: bytes of the body; ``None`` where it is a stream and nobody knows.
    :param declared: the Content-Length that the application set; ``None`` where it set none.
    :param close: whether the connection ends with this response for another reason.
    """
    # RFC 9110 section 8.6: a server MUST NOT send Content-Length with 1xx or 204.
    if status < 200 or status == 204:
        return ResponseFraming(None, False, False, close)
    # RFC 9110 sections 9.3.2 and 15.4.5: no body, but the Content-Length that GET would have had.
    if method == "HEAD":
        length = declared if declared is not None and not size else size
        return ResponseFraming(length, False, False, close)
    if status == 304:
        # An application seldom has the body at hand: none is no length.
        return ResponseFraming(size or declared or None, False, False, close)
    # RFC 9110 section 15.3.6: a 205 has no content, and must say that it ends here.
    if status == 205:
        return ResponseFraming(0, False, False, close)
    if size is not None:
        return ResponseFraming(size, False, size > 0, close)
    if declared is not None:
        return ResponseFraming(declared, False, True, close)
    # RFC 9112 section 6.1: no Transfer-Encoding to a client that does not speak HTTP/1.1;
    # section 6.3 rule 8: its body ends where the connection does.
    if version == "1.0":
        return ResponseFraming(None, False, True, True)
    return ResponseFraming(None, True, True, close)
