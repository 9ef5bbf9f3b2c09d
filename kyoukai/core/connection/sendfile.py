"""Sending from a file by the kernel, on any event loop that waits for sockets.

asyncio's own loops have ``loop.sendfile``; uvloop has not. Both can do what is needed: wait until a duplicate
of the socket's descriptor, which the transport does not know, is writable. If the transport is lost first,
the sending task ends too, and closes the duplicate.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from kyoukai.private_names import refuses_sendfile

if TYPE_CHECKING:
    from ..exchange.answer_writer import AnswerWriter
    from .connection import Connection

BLOCK_SIZE: Final = 256 * 1024
"""Bytes sent in one call, and in one turn of the loop."""


async def send_file(
    connection: "Connection", exchange: "AnswerWriter", file: Any, size: int, offset: int
) -> bool:
    """Let the kernel send content from a file, if system and transport can.

    :param exchange: the exchange of the answer; its ``sent`` is increased.
    :param file: binary and open. Its position is neither used nor changed.
    :param size: bytes to send; if the file ends early, fewer are sent.
    :param offset: position in the file of the first byte.
    :return: whether any of it was sent; if not, the content has to be sent in another way.
    :raises ConnectionResetError: if the client is gone.
    :raises OSError: if the kernel fails after a part was sent.
    """
    socket = await open_socket(connection)
    if socket is None:
        return False
    begin = exchange.sent
    end, turn_end = begin + size, begin + BLOCK_SIZE
    try:
        while exchange.sent < end:
            try:
                sent = await send_block(
                    connection, socket, file, offset, min(BLOCK_SIZE, end - exchange.sent)
                )
            except ConnectionResetError:
                raise
            except OSError:
                if exchange.sent > begin:
                    raise
                # Not every file system supports it. Nothing was sent, so the content can be sent in another
                # way.
                return False
            if not sent:
                break
            offset += sent
            exchange.sent += sent
            if exchange.sent >= turn_end:
                turn_end = exchange.sent + BLOCK_SIZE
                await asyncio.sleep(0)
    finally:
        os.close(socket)
    return True


async def open_socket(connection: "Connection") -> int | None:
    """Return a duplicate of the connection's descriptor, once everything written was sent.

    :return: a descriptor that the caller closes; ``None`` if the kernel cannot send here.
    :raises ConnectionResetError: if the client is gone.
    """
    transport = connection.transport
    if refuses_sendfile(transport):
        return None
    sock = transport.get_extra_info("socket")
    if sock is None or connection.is_secure or not hasattr(os, "sendfile"):
        return None
    if transport.get_write_buffer_size():
        low, high = transport.get_write_buffer_limits()
        transport.set_write_buffer_limits(high=0)
        try:
            await connection.drain()
        finally:
            transport.set_write_buffer_limits(high=high, low=low)
    await connection.drain()
    return None if transport.get_write_buffer_size() else os.dup(sock.fileno())


async def send_block(connection: "Connection", to: int, file: Any, offset: int, size: int) -> int:
    """Let the kernel send a part of a file, as much as the socket takes at once.

    :param to: the result of :func:`open_socket`.
    :return: the number of bytes; 0 at the end of the file.
    :raises ConnectionResetError: if the client is gone.
    :raises OSError: if the kernel cannot send from this file.
    """
    while True:
        await connection.drain()
        try:
            return os.sendfile(to, file.fileno(), offset, size)
        except BlockingIOError:
            connection.watch_progress()
            try:
                await _wait_writable(to)
            finally:
                connection.unwatch_progress()
        except ConnectionError:
            # The transport does not know yet.
            connection.transport.abort()
            raise ConnectionResetError("the client is gone") from None


async def _wait_writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    writable = loop.create_future()
    loop.add_writer(descriptor, _wake, writable)
    try:
        await writable
    finally:
        loop.remove_writer(descriptor)


def _wake(waiter: "asyncio.Future[None]") -> None:
    # The loop may call it again before the waiter wakes.
    if not waiter.done():
        waiter.set_result(None)
