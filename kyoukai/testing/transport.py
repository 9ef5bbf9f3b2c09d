"""A transport in memory: a connection without a socket, for any :class:`asyncio.Protocol`.

It behaves like asyncio's socket transport and calls the protocol in the same order. Data arrives only while
reading is not paused. ``connection_lost`` is called once, by the event loop and never inside ``close()``.
Written data leaves at once, so the write buffer is always empty. The methods ``connect`` and ``feed...`` act
for the other side.
"""

import asyncio
import errno
from collections import deque
from typing import Any, Final

PEER: Final = ("127.0.0.1", 50000)
"""The client's default address and port."""

SERVER: Final = ("127.0.0.1", 80)
"""The server's default address and port."""


class MemoryTransport(asyncio.Transport):
    """A connection in memory. Create it in a running event loop.

    :param protocol: the protocol to call; :meth:`connect` makes the first call.
    :param extra: values for :meth:`get_extra_info`, in addition to ``peername`` and ``sockname``.
    """

    def __init__(self, protocol: asyncio.Protocol, extra: dict[str, Any] | None = None) -> None:
        super().__init__({"peername": PEER, "sockname": SERVER, **(extra or {})})
        self.received = bytearray()
        """The bytes that the protocol has written."""
        self.eof_written = False
        """Whether the protocol has ended its side with ``write_eof()``."""
        self.aborted = False
        """Whether the connection ended without an end of file: by ``abort()`` or a failure."""
        self.closed = False
        """Whether ``connection_lost`` was called."""
        self.failure: BaseException | None = None
        """The exception that the protocol raised when called."""
        self.changes = 0
        """How many times the protocol has used its transport."""
        self._loop = asyncio.get_running_loop()
        self._protocol: asyncio.Protocol | None = protocol
        self._closing = False
        self._paused = False
        self._inbox: deque[bytes | None] = deque()
        self._waiter: asyncio.Future[bool] | None = None

    # The other side

    @property
    def ended(self) -> bool:
        """Whether nothing more can come from the protocol: it has closed, or ended its side."""
        return self._closing or self.eof_written

    def connect(self) -> None:
        """Call the protocol's ``connection_made``."""
        try:
            if self._protocol is not None:
                self._protocol.connection_made(self)
        except Exception as exc:
            self._fail(exc, "connection_made")

    def feed(self, data: bytes) -> None:
        """Send ``data`` to the protocol: now, or when it resumes reading."""
        self._inbox.append(data)
        self._deliver()

    def feed_eof(self) -> None:
        """End the other side, after the data sent so far."""
        self._inbox.append(None)
        self._deliver()

    def feed_reset(self) -> None:
        """Reset the connection. Data that the protocol has not read is lost."""
        self._force_close(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    async def changed(self, deadline: float) -> bool:
        """Wait until the protocol uses its transport, and return whether it did.

        Only one task may wait at a time.

        :param deadline: when to give up, in the event loop's time.
        """
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._waiter = waiter
        timer = self._loop.call_at(deadline, _set_result, waiter, False)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None

    # asyncio.BaseTransport

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._closing

    def close(self) -> None:
        """Close; the protocol is told in the loop's next iteration."""
        if not self._closing:
            self._lose(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Call another protocol from now on."""
        self._protocol = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol; ``None`` after the connection has ended."""
        return self._protocol  # type: ignore[return-value]

    # asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Return whether incoming data is passed to the protocol."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Hold back incoming data until :meth:`resume_reading`."""
        if not self._closing and not self._paused:
            self._paused = True
            self._change()

    def resume_reading(self) -> None:
        """Deliver the data held back, from the loop's next iteration on."""
        if not self._closing and self._paused:
            self._paused = False
            self._change()
            if self._inbox:
                self._loop.call_soon(self._deliver)

    # asyncio.WriteTransport

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: the buffer is always empty."""

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return asyncio's default limits, low and high."""
        return 16 * 1024, 64 * 1024

    def get_write_buffer_size(self) -> int:
        """Return 0: written data leaves at once."""
        return 0

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Take data from the protocol; data written after closing is dropped.

        :raises TypeError: if ``data`` is not a bytes-like object.
        :raises RuntimeError: after :meth:`write_eof`.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self.eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._closing:
            self.received += data
            self._change()

    def writelines(self, list_of_data: Any) -> None:
        """Write several pieces as one; see :meth:`write`."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Return ``True``."""
        return True

    def write_eof(self) -> None:
        """End the protocol's side; it can still read."""
        if not self._closing and not self.eof_written:
            self.eof_written = True
            self._change()

    def abort(self) -> None:
        """Close at once, without an end of file for the other side."""
        self._force_close(None)

    # Internals

    def _deliver(self) -> None:
        while self._inbox and not self._paused and not self._closing and self._protocol is not None:
            data = self._inbox.popleft()
            name = "data_received" if data is not None else "eof_received"
            try:
                if data is not None:
                    self._protocol.data_received(data)
                elif not self._protocol.eof_received():
                    self.close()
            except Exception as exc:
                self._fail(exc, name)

    def _fail(self, exc: BaseException, name: str) -> None:
        """Do what asyncio does when a protocol raises: report the error and abort the connection."""
        self.failure = exc
        self._loop.call_exception_handler(
            {
                "message": f"Fatal error: protocol.{name}() call failed.",
                "exception": exc,
                "transport": self,
                "protocol": self._protocol,
            }
        )
        self._force_close(exc if isinstance(exc, Exception) else None)

    def _force_close(self, exc: Exception | None) -> None:
        if not self._closing:
            self.aborted = True
            self._lose(exc)

    def _lose(self, exc: Exception | None) -> None:
        self._closing = True
        self._inbox.clear()
        self._loop.call_soon(self._call_connection_lost, exc)
        self._change()

    def _call_connection_lost(self, exc: Exception | None) -> None:
        protocol, self._protocol = self._protocol, None
        self.closed = True
        self._change()
        if protocol is not None:
            protocol.connection_lost(exc)

    def _change(self) -> None:
        self.changes += 1
        if self._waiter is not None:
            _set_result(self._waiter, True)


def _set_result(waiter: "asyncio.Future[bool]", result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)
