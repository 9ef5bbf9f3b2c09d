"""Ending a connection with a reset, so that the client sees a failure."""

import asyncio
import contextlib
import socket
import struct


def set_reset(transport: asyncio.BaseTransport, is_reset: bool) -> None:
    """Choose whether closing the connection's socket sends RST instead of FIN.

    Unix sockets have no reset; for them, nothing changes.
    """
    # SO_LINGER with a timeout of 0 makes the system send RST and drop unsent data.
    with contextlib.suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", is_reset, 0)
        )
