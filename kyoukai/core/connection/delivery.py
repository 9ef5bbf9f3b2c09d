"""How far the data that was written has come on its way to the client.

It passes through the transport, over TLS through another transport below it, then through the system's queue
of the socket, until the client's system acknowledges it. A transport tells only of itself. When its time is
up, a closed transport over TLS drops what it and the one below still hold. A closed socket drops its queue if
the client sends on.
"""

import asyncio
import contextlib
import select
import socket
import struct
import sys
from typing import Any, Final

from kyoukai.private_names import transport_below

try:
    import fcntl
    import termios
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

_LINUX: Final = sys.platform == "linux"

_BYTES_ACKED: Final = struct.Struct("120xQ")
"""Linux's struct tcp_info up to tcpi_bytes_acked, since Linux 4.1."""

_INT: Final = struct.Struct("i")


def held_size(transport: asyncio.WriteTransport) -> int:
    """Return how many bytes have not been passed to the system, as far as the transports tell.

    uvloop's transport over TLS does not tell of the one below it.
    """
    below = transport_below(transport)
    return transport.get_write_buffer_size() + (0 if below is None else below.get_write_buffer_size())


def may_hold(transport: asyncio.WriteTransport) -> bool:
    """Return whether a transport over TLS may still hold data. A tunnel does not: its connection does."""
    if transport.get_extra_info("socket") is None:
        return False
    return held_size(transport) > 0 or (transport_below(transport) is None and is_full(transport))


def is_full(transport: asyncio.BaseTransport) -> bool:
    """Return whether the system takes no more for the client at the moment."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLOUT)
    return not poll.poll(0)


def queued_size(transport: asyncio.BaseTransport) -> int | None:
    """Return how many bytes the system has yet to deliver; ``None`` where it does not tell, as Linux does."""
    if _LINUX:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sock = transport.get_extra_info("socket")
            queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
            return int(_INT.unpack(queued)[0])
    return None


def measure_backlog(transport: asyncio.WriteTransport) -> int:
    """Return a number that falls whenever the client takes something of what was written.

    It is the negative count of the bytes that the client's system has acknowledged, on Linux and TCP.
    Otherwise it is the number of bytes that are under way.
    """
    if _LINUX:
        with contextlib.suppress(OSError, ValueError, AttributeError, struct.error):
            sock: Any = transport.get_extra_info("socket")
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
            acknowledged = int(_BYTES_ACKED.unpack(info)[0])
            # Systems that imitate Linux may not count.
            if acknowledged:
                return -acknowledged
    return held_size(transport) + (queued_size(transport) or 0)
