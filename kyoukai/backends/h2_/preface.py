"""The client's connection preface (RFC 9113 section 3.4), and who sends something else."""

import re
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HTTP1_REQUEST: Final = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1")

HTTP1_CONTENT: Final = b"This server speaks HTTP/2 here, and nothing else. (http2-only)\n"

HTTP1_ANSWER: Final = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(HTTP1_CONTENT), HTTP1_CONTENT)
)
"""For who asks by HTTP/1.1 where nobody speaks it (RFC 9110 section 15.6.6)."""


class NotHTTP2Error(Exception):
    """A client does not speak HTTP/2.

    :param answer: what it is told; empty: it would understand nothing.
    """

    def __init__(self, answer: bytes) -> None:
        super().__init__("the connection preface is none")
        self.answer = answer
        self.identifier = "http2-only" if answer else "http2-preface-malformed"
        """Its entry in the table of refusals."""


class Preface:
    """Takes the preface, as it comes."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0
        """Bytes of it that have come."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self.size == len(PREFACE)

    def take(self, data: bytes) -> bytes:
        """Take what has come, and return what is behind the preface.

        :raises NotHTTP2Error: if it begins with something else.
        """
        begun = PREFACE[: self.size] + data
        size = min(len(begun), len(PREFACE))
        if begun[:size] != PREFACE[:size]:
            raise NotHTTP2Error(HTTP1_ANSWER if HTTP1_REQUEST.match(begun) else b"")
        self.size = size
        return begun[size:]
