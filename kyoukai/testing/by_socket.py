"""One client connection over a socket, from first byte to end, without an event loop.

Whether a server keeps a connection open shows only when it is used again. So the client sends one more
request, the probe. Its answer is not part of the conversation.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from .chunking import Action, Piece
from .outcome import Outcome, read_outcome
from .recorder import RecordingApplication, Reply, Seen
from .settings import timeout_scale

PATIENCE: Final = 10.0
"""Default timeout in seconds, before scaling."""

PROBE_TARGET: Final = "/is-this-connection-open"
PROBE: Final = f"GET {PROBE_TARGET} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n".encode()

SILENCE: Final = 0.2
"""Seconds without an answer to the probe, after which it must have been read as part of the last message."""

CONTINUE: Final = b"HTTP/1.1 100 "


def converse_by_socket(
    address: Any,
    application: RecordingApplication,
    pieces: Iterable[Piece],
    *,
    reply: Reply | None = None,
    answers: int = 0,
    closes: bool = True,
    between: Callable[[], object] | None = None,
    patience: float = PATIENCE,
) -> Outcome:
    """Run one conversation over a socket.

    :param address: the server's address: a host and a port, or the path of a Unix socket.
    :param application: the application that the server runs; one conversation at a time.
    :param pieces: what the client sends and does.
    :param answers: how many complete answers to wait for.
    :param closes: wait for the end of the connection; otherwise the probe is sent.
    :param between: called after each piece, for example to let the server receive it separately.
    :param patience: timeout in seconds for each wait, before scaling.
    :raises OSError: if the connection is refused.
    """
    client = _Client(address, application.begin(reply or Reply()), answers, patience * timeout_scale())
    with contextlib.closing(client.socket):
        for piece in pieces:
            client.play(piece)
            if between is not None:
                between()
        if closes or client.is_reset:
            client.receive_until(lambda: False)
            return client.outcome()
        client.receive_until(client.is_satisfied)
        if client.ended:
            return client.outcome()
        # All answers are here. The probe gets the default reply, which must arrive whole.
        application.reply = Reply()
        return client.probe()


class _Client:
    """The client's side of a connection over a socket."""

    def __init__(self, address: Any, seen: list[Seen], wanted: int, patience: float) -> None:
        self.seen = seen
        self.wanted = wanted
        self.patience = patience
        self.sent: list[bytes] = []
        self.received = b""
        self.ended = False
        """Whether the connection has ended."""
        self.is_reset = False
        """Whether the client has reset it."""
        self.aborted = False
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(self.patience)
        try:
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise

    def play(self, piece: Piece) -> None:
        """Send one piece, or do one action. If the server is gone, the data is lost."""
        if isinstance(piece, bytes):
            self.sent.append(piece)
            with contextlib.suppress(ConnectionError):
                self.socket.sendall(piece)
        elif piece is Action.END:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        elif piece is Action.PAUSE:
            self.receive_until(lambda: CONTINUE in self.received)
        else:
            self.receive_until(self.is_satisfied)
            self.is_reset = self.ended = True
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()

    def is_satisfied(self) -> bool:
        """Return whether all expected answers are complete."""
        return not self.wanted or self.outcome().complete >= self.wanted

    def receive_until(self, condition: Callable[[], bool], patience: float | None = None) -> None:
        """Receive until a condition holds, the server ends the connection, or the timeout passes."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while not self.ended and not condition():
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                self.ended = self.aborted = True
                break
            self.received += data
            self.ended = not data
        if not self.is_reset:
            self.socket.settimeout(self.patience)

    def probe(self) -> Outcome:
        """Send the probe to see whether the connection is open, and return the outcome."""
        before = self.outcome()
        self.play(PROBE)
        self.sent.pop()
        self.receive_until(lambda: self.outcome().complete > before.complete, SILENCE)
        if self.ended and self.outcome().complete == before.complete:
            return self.outcome()
        self.play(Action.END)
        self.receive_until(lambda: False)
        if not any(request.target == PROBE_TARGET for request in self.seen):
            # The server read the probe as part of the last message, and refused or ignored it.
            return before
        self.ended = False
        outcome = self.outcome()
        # Only the requests and answers before the probe belong to the conversation.
        seen = tuple(request for request in outcome.seen if request.target != PROBE_TARGET)
        return Outcome(outcome.answers[:-1], seen, outcome.continued, False, outcome.faults)

    def outcome(self) -> Outcome:
        """Return the outcome so far."""
        return read_outcome(
            self.received, b"".join(self.sent), self.seen, closed=self.ended, aborted=self.aborted
        )
