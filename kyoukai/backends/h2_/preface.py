"""The client's connection preface (RFC 9113 section 3.4), and the answer to other protocols."""

import re
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HTTP1_REQUEST: Final = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1")

HTTP1_CONTENT: Final = b"This server speaks HTTP/2 here, and nothing else. (http2-only)\n"

HTTP1_ANSWER: Final = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(HTTP1_CONTENT), HTTP1_CONTENT)
)
"""Answer to an HTTP/1.1 request if no backend serves HTTP/1.1 (RFC 9110 section 15.6.6)."""


class NotHTTP2Error(Exception):
    """A client does not speak HTTP/2.

    :param answer: the answer to the client; empty: the client would not understand any.
    """

    def __init__(self, answer: bytes) -> None:
        super().__init__("the connection preface is none")
        self.answer = answer
        self.identifier = "http2-only" if answer else "http2-preface-malformed"
        """Identifier of the entry in the table of refusals."""


class Preface:
    """Reads the preface piece by piece."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0
        """Number of its bytes that have arrived."""

    @property
    def is_whole(self) -> bool:
        """Whether the preface is complete."""
        return self.size == len(PREFACE)

    def take(self, data: bytes) -> bytes:
        """Read bytes, and return those after the preface.

        :raises NotHTTP2Error: if the connection begins with something else.
        """
        begun = PREFACE[: self.size] + data
        size = min(len(begun), len(PREFACE))
        if begun[:size] != PREFACE[:size]:
            raise NotHTTP2Error(HTTP1_ANSWER if HTTP1_REQUEST.match(begun) else b"")
        self.size = size
        return begun[size:]
