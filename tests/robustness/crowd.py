"""Many raw connections at a time, driven from one thread, none of which waits for another."""

import select
import socket
from collections.abc import Callable, Iterable
from types import TracebackType

from ..serving import PATIENCE

RESET = b"\1\0\0\0\0\0\0\0"


class Member:
    """One connection of a crowd."""

    def __init__(self, address: tuple[str, int], receive_buffer: int | None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self.received = bytearray()
        self.sent = 0
        """Bytes that the system took."""
        self.is_refused = False
        """Whether the server takes nothing more: it has reset the connection."""
        self.has_ended = False
        """Whether the server's end of file, or its reset, was read."""

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers received, if their bodies have no such line."""
        return [int(part[:3]) for part in bytes(self.received).split(b"HTTP/1.1 ")[1:]]

    def send(self, data: bytes | memoryview) -> int:
        """Send what the system takes at once, and return how much."""
        try:
            size = self.socket.send(data)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            self.is_refused = True
            return 0
        self.sent += size
        return size

    def receive(self) -> None:
        """Receive what is there."""
        if self.has_ended:
            return
        try:
            while data := self.socket.recv(65536):
                self.received += data
        except BlockingIOError:
            return
        except ConnectionResetError:
            pass
        self.has_ended = True

    def close(self) -> None:
        """Close in order, as far as this side can tell."""
        self.socket.close()

    def reset(self) -> None:
        """Close with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


class Crowd:
    """So many connections, closed at the block's end.

    :param receive_buffer: bytes that the system takes for a member that does not read.
    """

    def __init__(self, address: tuple[str, int], size: int, receive_buffer: int | None = None) -> None:
        self.members: list[Member] = []
        try:
            for _ in range(size):
                self.members.append(Member(address, receive_buffer))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for member in self.members:
            member.close()

    def pump(self, *messages: bytes, reads: bool = True) -> None:
        """Send each member its message, the first, the second and so on in turn, until all is sent.

        A member that the server has reset has sent enough.

        :param reads: whether to receive meanwhile.
        """
        left = {
            member: memoryview(messages[number % len(messages)]) for number, member in enumerate(self.members)
        }
        while left:
            for member in self._ready(left, select.POLLOUT | (select.POLLIN if reads else 0)):
                if reads:
                    member.receive()
                left[member] = left[member][member.send(left[member]) :]
                if not left[member] or member.is_refused:
                    del left[member]

    def receive_until(self, condition: Callable[[Member], bool]) -> None:
        """Receive until a condition holds of every connection."""
        while left := [member for member in self.members if not condition(member)]:
            for member in self._ready(left, select.POLLIN):
                member.receive()

    def receive_until_ended(self) -> None:
        """Receive until every connection has ended."""
        self.receive_until(lambda member: member.has_ended)

    def _ready(self, members: Iterable[Member], events: int) -> list[Member]:
        """Wait for events, or for a connection's end, and return the members concerned."""
        by_descriptor = {member.socket.fileno(): member for member in members}
        poll = select.poll()
        for descriptor in by_descriptor:
            poll.register(descriptor, events)
        found = [by_descriptor[descriptor] for descriptor, _ in poll.poll(PATIENCE * 1000)]
        if not found:
            raise AssertionError("the server neither reads on nor closes")
        return found

    def drip(self, data: bytes) -> None:
        """Send ``data`` once to each, and receive what is there."""
        for member in self.members:
            if not member.is_refused:
                member.send(data)
            member.receive()
