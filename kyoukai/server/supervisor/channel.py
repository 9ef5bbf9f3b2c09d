"""The channel between a supervisor and a worker: messages in JSON, with file descriptors beside them.

It is a pair of Unix sockets that keep the bounds of messages, so that a message and its descriptors come as
one. Its end of file tells a worker that the supervisor is gone.

From the supervisor:

==========  ==================================================================
sockets     what to listen on, ``counts`` of descriptors by listener; ``recycles``: requests are counted
serve       accept connections from now on
drain       end; with ``leave``, others go on with what waits in the backlog, but for addresses in ``gone``
adopt       accept from the sockets of another slot too, which ``slot`` names
release     give the sockets of ``slot`` back
reopen      open log files anew
==========  ==================================================================

From the worker:

==========  ==================================================================
ready       everything has started; ``patience`` is how long a drain may take
beat        the event loop goes round: ``lag``, ``requests``
==========  ==================================================================
"""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

VARIABLE: Final = "KYOUKAI_WORKER"
"""The environment variable that tells a worker the descriptor of its end."""

LARGEST: Final = 65536
"""Bytes of the largest message."""

MOST_DESCRIPTORS: Final = 253
"""What Linux passes with one message: SCM_MAX_FD."""


class Message(NamedTuple):
    """One message."""

    kind: str
    values: dict[str, Any]
    descriptors: list[int]
    """File descriptors that came with it. They are the receiver's, to be closed."""


class Channel:
    """One end of a channel.

    :param sock: does not block, and is the channel's from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    def send(self, kind: str, descriptors: Sequence[int] = (), **values: Any) -> bool:
        """Send a message; return whether the other side can have got it.

        It cannot where it is gone, or has let so many messages lie that no more are taken.
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
        """Return the next message, ``None`` where none has come.

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
        """Close this end. It may be called twice."""
        self._socket.close()


def pair() -> tuple[Channel, socket.socket]:
    """Return a supervisor's end, and the socket of the worker's, for the worker to inherit."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(ours), theirs


def inherited(variable: str = VARIABLE) -> Channel | None:
    """Return the end that this process was given, as a worker; ``None`` if it is none.

    Processes that it starts are no workers: the variable is gone afterwards, and the descriptor stays here.

    :param variable: has the number of the descriptor.
    """
    value = os.environ.pop(variable, None)
    if value is None:
        return None
    descriptor = int(value)
    os.set_inheritable(descriptor, False)
    return Channel(socket.socket(fileno=descriptor))
