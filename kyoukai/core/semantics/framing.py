"""How a message is delimited: RFC 9112 section 6.3 and RFC 9110 section 6.4.1."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..errors import refused
from .answer_head import AnswerHead

# RFC 9112 section 6.2: Content-Length = 1*DIGIT. Nineteen digits are enough for any file.
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")

# RFC 9110 section 10.1.4: transfer-coding = token *( OWS ";" OWS transfer-parameter )
TRANSFER_CODING: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*;[^,]*)?")


class Framing(NamedTuple):
    """How a request's body is delimited (RFC 9112 section 6.3)."""

    content_length: int
    """Bytes of the body, if ``chunked`` is false."""
    chunked: bool


NO_BODY: Final = Framing(0, False)
CHUNKED: Final = Framing(0, True)


def request_framing(content_length: str | None, transfer_encoding: str | None, version: str) -> Framing:
    """Return how the body is delimited. The step numbers are those of RFC 9112 section 6.3.

    :param transfer_encoding: several fields are joined by commas.
    :raises BadRequest: if the fields are malformed or contradict each other.
    :raises NotImplementedByServer: if there is a transfer coding besides ``chunked``.
    """
    if transfer_encoding is not None:
        # 3. Both: "ought to be handled as an error"; a server MAY reject it. We do.
        if content_length is not None:
            raise refused("content-length-and-transfer-encoding")
        # Section 6.1: HTTP/1.0 has no Transfer-Encoding; its framing is faulty.
        if version == "1.0":
            raise refused("transfer-encoding-in-http-1-0")
        check_transfer_encoding(transfer_encoding)
        return CHUNKED
    if content_length is None:
        # 7. Neither: no body.
        return NO_BODY
    # 5. and 6. A valid length, or 400.
    if not CONTENT_LENGTH.fullmatch(content_length):
        raise refused("content-length-malformed")
    length = int(content_length)
    return Framing(length, False) if length else NO_BODY


def check_transfer_encoding(value: str) -> None:
    """Check that the only transfer coding is ``chunked`` (RFC 9112 section 6.1).

    :raises BadRequest: if ``chunked`` is not last or occurs twice, or the field is malformed.
    :raises NotImplementedByServer: if another coding precedes the final ``chunked``.
    """
    if value.lower() == "chunked":
        return
    codings = [coding.strip(" \t").lower() for coding in value.split(",")]
    if not all(TRANSFER_CODING.fullmatch(coding) for coding in codings):
        raise refused("transfer-encoding-malformed")
    # 4. "If a Transfer-Encoding header field is present in a request and the chunked transfer
    # coding is not the final encoding, the message body length cannot be determined reliably; the
    # server MUST respond with the 400 (Bad Request) status code and then close the connection."
    if codings[-1] != "chunked" or "chunked" in codings[:-1]:
        raise refused("chunked-not-last")
    raise refused("transfer-coding-unknown")


@dataclass(slots=True)
class ResponseFraming:
    """How a response's body is delimited, and whether it is sent; many responses share one object."""

    content_length: int | None
    """The value of Content-Length; ``None`` to omit the field."""
    chunked: bool
    """Whether the body is sent in the chunked transfer coding."""
    send_body: bool
    """Whether a body is sent at all."""
    close: bool
    """Whether the connection ends with this response."""

    @property
    def open_ended(self) -> bool:
        """Whether only the end of the connection delimits the body."""
        return self.send_body and self.content_length is None and not self.chunked


def frame_answer(head: AnswerHead, version: str, close: bool) -> ResponseFraming:
    """Return how an answer is delimited.

    :param version: the request's: ``"1.0"`` or ``"1.1"``.
    :param close: whether the connection ends with this answer, for a reason outside the answer.
    """
    close = close or head.closes
    if not head.has_content or head.size is not None:
        return ResponseFraming(head.size, False, head.has_content, close)
    # RFC 9112 section 6.1: no Transfer-Encoding to a client that does not speak HTTP/1.1;
    # section 6.3 rule 8: its body ends where the connection does.
    if version == "1.0":
        return ResponseFraming(None, False, True, True)
    return ResponseFraming(None, True, True, close)
