"""Ends of connections that the client takes for a failure."""

import asyncio
import contextlib
import socket
import struct


def set_reset(transport: asyncio.BaseTransport, is_reset: bool) -> None:
    """Choose whether the system sends RST in the place of FIN when the connection's socket is closed.

    Unix sockets have no reset: there, nothing comes of it.
    """
    # An SO_LINGER of no seconds has the system do so, and drop what it has yet to send.
    with contextlib.suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", is_reset, 0)
        )
