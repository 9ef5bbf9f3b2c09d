"""Whether a client takes what was written, which a transport over TLS does not tell.

Such a transport counts only what it has not encrypted yet. The transport below it holds up to half a MiB
more, and nothing public leads to it. The socket tells enough.
"""

import asyncio
import contextlib
import select
import socket
import struct
from typing import Final

_TCP_INFO: Final[int | None] = getattr(socket, "TCP_INFO", None)
_BYTES_ACKED: Final = struct.Struct("120xQ")
"""Linux's struct tcp_info up to tcpi_bytes_acked, since Linux 4.1."""


def is_full(transport: asyncio.BaseTransport) -> bool:
    """Return whether the system takes no more for the client at the moment.

    Only then does a transport keep data for longer than one turn of the loop.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLOUT)
    return not poll.poll(0)


def measure_backlog(transport: asyncio.WriteTransport, *, is_secure: bool) -> int:
    """Return a number that falls whenever the client takes something of what was written.

    :param transport: the transport of the connection.
    :param is_secure: whether it uses TLS. Then, on Linux and TCP, the number is the negative count of the
        bytes that the client's system has acknowledged. Otherwise it is the size of the transport's buffer.
    """
    if is_secure and _TCP_INFO is not None:
        with contextlib.suppress(OSError, AttributeError, struct.error):
            info = transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, _TCP_INFO, _BYTES_ACKED.size
            )
            return -int(_BYTES_ACKED.unpack(info)[0])
    return transport.get_write_buffer_size()
