"""One conversation with a server by a socket, read leniently: what is judged is the server's reading.

An answer that has the field ``X-Seen`` is the application's; one that has it not is the server's.
"""

import base64
import contextlib
import json
import re
import socket
import time
from typing import Any, NamedTuple

from kyoukai.testing import Action, Case

PATIENCE = 2.0
"""Seconds without a byte after which nothing more is expected, though something must come."""

QUIET = 0.3
"""Seconds without a byte after which nothing more is expected, where all that must come has."""

STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[^\r\n]*\r\n")
FIELD = re.compile(rb"(?m)^([^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*\r?$")


class Reply(NamedTuple):
    """One answer."""

    status: int
    seen: dict[str, str] | None
    """What the application saw; ``None``: it is the server's own."""


class Outcome(NamedTuple):
    """What came of one conversation."""

    replies: tuple[Reply, ...]
    continued: int
    """How many ``100 Continue`` there were."""
    closed: bool
    """Whether the server ended the connection."""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The status of each answer."""
        return tuple(reply.status for reply in self.replies)


def read_replies(data: bytes, method: bytes, *, ended: bool) -> tuple[list[Reply], int]:
    """Return the answers that have come whole, and the number of interim ones.

    :param method: of the first request, for an answer that does not say what it is an answer to.
    """
    replies: list[Reply] = []
    continued = 0
    while match := STATUS.match(data):
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            break
        status = int(match[1])
        if status < 200:
            continued += status == 100
            data = rest
            continue
        fields = {name.lower(): value for name, value in FIELD.findall(head, match.end())}
        seen: dict[str, str] | None = None
        if b"x-seen" in fields:
            seen = json.loads(base64.b64decode(fields[b"x-seen"]))
        is_head = (method if seen is None else seen["method"].encode()) == b"HEAD"
        size = 0 if is_head or status in (204, 304) else content_size(fields, rest, ended=ended)
        if size is None:
            break
        replies.append(Reply(status, seen))
        data = rest[size:]
    return replies, continued


def content_size(fields: dict[bytes, bytes], rest: bytes, *, ended: bool) -> int | None:
    """Return how many of the bytes after a head are its content; ``None`` where not all are there."""
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        end = re.search(rb"(?:^|\r\n)0\r\n\r\n", rest)
        if end is not None:
            return end.end()
        return len(rest) if ended else None
    if b"content-length" in fields:
        size = int(fields[b"content-length"])
        return size if len(rest) >= size else len(rest) if ended else None
    return len(rest) if ended else None


class _Client:
    def __init__(self, port: int, method: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.method = method
        self.data = b""
        self.ended = False

    def replies(self) -> list[Reply]:
        return read_replies(self.data, self.method, ended=self.ended)[0]

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def receive(self, wanted: Any, quiet: float) -> None:
        """Receive until a condition holds, the connection ends, or nothing comes for a while."""
        deadline = time.monotonic() + quiet
        while not self.ended and not wanted():
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return
            except OSError:
                data = b""
            self.data += data
            self.ended = not data
            deadline = time.monotonic() + quiet


def converse(port: int, case: Case) -> Outcome:
    """Send a case in one piece, and read what comes."""
    client = _Client(port, case.data.lstrip().partition(b" ")[0])
    with contextlib.closing(client.socket):
        client.send(case.data)
        if case.ending is Action.END:
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_WR)
        if case.closed:
            client.receive(lambda: False, PATIENCE)
        else:
            client.receive(lambda: len(client.replies()) >= len(case.answers), PATIENCE)
            # What is read as one request too many is answered too.
            client.receive(lambda: False, QUIET)
        replies, continued = read_replies(client.data, client.method, ended=client.ended)
        return Outcome(tuple(replies), continued, client.ended)
