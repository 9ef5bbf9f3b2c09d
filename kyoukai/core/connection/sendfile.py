"""Letting the kernel send from a file, on every event loop that waits for sockets.

asyncio's own loops have ``loop.sendfile``; uvloop has none. What it takes is there on both: a duplicate
of the socket's descriptor, which the transport knows nothing of, and the loop's word of when it takes
more. Where the transport is gone first, so is the task that sends, and with it the duplicate.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from kyoukai.private_names import refuses_sendfile

if TYPE_CHECKING:
    from ..exchange.answer_writer import AnswerWriter
    from .connection import Connection

BLOCK_SIZE: Final = 256 * 1024
"""Bytes sent at once, and before the loop has its turn."""


async def send_file(
    connection: "Connection", exchange: "AnswerWriter", file: Any, size: int, offset: int
) -> bool:
    """Let the kernel send from a file as the content of an answer, as far as system and transport have it so.

    :param exchange: its ``sent`` is counted up.
    :param file: binary and open. Where it stands is neither asked nor changed.
    :param size: bytes to be sent; fewer are, where the file ends before.
    :param offset: byte of the file that is the first.
    :return: whether any of it was sent; if not, the content is sent in another way.
    :raises ConnectionResetError: if the client is gone.
    :raises OSError: if the kernel cannot go on.
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
                # Not every file system has it. Nothing of it was sent: the other way is still open.
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
    """Return a descriptor of the connection's own, once all that was written has gone.

    :return: whoever asks closes it; ``None`` where the kernel cannot be asked to send.
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

    :param to: what :func:`open_socket` returned.
    :return: how many bytes; 0 at the end of the file.
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
            # The transport has not been told yet.
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
    # It may be told again before it has been heard.
    if not waiter.done():
        waiter.set_result(None)
