"""The channel between a supervisor and a worker: JSON messages with file descriptors.

The channel is a pair of Unix sockets that preserve message boundaries, so a message and its descriptors
arrive together. End of file tells a worker that the supervisor is gone.

From the supervisor:

==========  ==================================================================
sockets     the sockets to listen on; ``counts``: descriptors per listener; ``recycles``: count requests
serve       accept connections from now on
drain       end; with ``leave``, other workers accept from the backlogs, except for addresses in ``gone``
adopt       also accept from the sockets of another slot, named by ``slot``
release     return the sockets of ``slot``
reopen      reopen the log files
==========  ==================================================================

From the worker:

==========  ==================================================================
ready       everything has started; ``patience``: seconds that a drain may take
beat        the event loop is running: ``lag``, ``requests``
==========  ==================================================================
"""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

VARIABLE: Final = "KYOUKAI_WORKER"
"""The environment variable with the descriptor of the worker's end of the channel."""

LARGEST: Final = 65536
"""Maximum size of a message in bytes."""

MOST_DESCRIPTORS: Final = 253
"""Most descriptors that Linux passes with one message: SCM_MAX_FD."""


class Message(NamedTuple):
    """A received message."""

    kind: str
    values: dict[str, Any]
    descriptors: list[int]
    """File descriptors received with the message. The receiver owns them and closes them."""


class Channel:
    """One end of a channel.

    :param sock: a non-blocking socket; the channel takes ownership of it.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    def fileno(self) -> int:
        """Return the descriptor to poll for input."""
        return self._socket.fileno()

    def send(self, kind: str, descriptors: Sequence[int] = (), **values: Any) -> bool:
        """Send a message; return whether it was sent.

        Sending fails if the other side is gone, or if it has so many unread messages that the socket's buffer
        is full.
        """
        data = json.dumps([kind, values]).encode()
        try:
            if descriptors:
                socket.send_fds(self._socket, [data], descriptors)
            else:
                self._socket.send(data)
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """Return the next message; ``None`` if none has arrived.

        :raises EOFError: if the other side is gone.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, LARGEST, MOST_DESCRIPTORS)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError(str(error)) from error
        if not data:
            raise EOFError("the other side is gone")
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        kind, values = json.loads(data)
        return Message(kind, values, descriptors)

    def close(self) -> None:
        """Close this end. Closing it twice is allowed."""
        self._socket.close()


def pair() -> tuple[Channel, socket.socket]:
    """Return a supervisor's end of a new channel, and the socket that the worker inherits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(ours), theirs


def inherited(variable: str = VARIABLE) -> Channel | None:
    """Return the end of the channel that this process inherited; ``None`` if it is not a worker.

    The variable is removed from the environment and the descriptor is not inheritable, so that processes
    started by this one are not taken for workers.

    :param variable: the environment variable with the number of the descriptor.
    """
    value = os.environ.pop(variable, None)
    if value is None:
        return None
    descriptor = int(value)
    os.set_inheritable(descriptor, False)
    return Channel(socket.socket(fileno=descriptor))
