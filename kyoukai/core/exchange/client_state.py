"""Whether a client is connected, and reads fast enough."""

import asyncio


class ClientState:
    """The client's state, as a request sees it.

    Requests that share a connection's flow control share one object, which the connection changes. On a wire
    with flow control for each request, each has its own, which its exchange changes.

    :param loop: the event loop, in which all methods are called.
    """

    __slots__ = ("_ended", "_loop", "_waiters", "has_ended", "is_gone", "is_paused")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.has_ended = False
        """Whether the client has ended its side, or is gone."""
        self.is_gone = False
        """Whether the client no longer receives what is written."""
        self.is_paused = False
        """Whether the client reads more slowly than we write."""
        self._ended: asyncio.Future[None] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None  # tasks that wait for room

    def end(self) -> None:
        """Note that the client has ended its side, and wake the waiters. It may be called again."""
        self.has_ended = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def lose(self) -> None:
        """Note that the client is gone. Those that wait for room get a ConnectionResetError."""
        self.is_gone = True
        self.end()
        self._wake(ConnectionResetError("the client is gone"))

    def pause(self) -> None:
        """Note that the client reads more slowly than we write."""
        self.is_paused = True

    def resume(self) -> None:
        """Note that the client has caught up."""
        self.is_paused = False
        self._wake(None)

    async def wait_ended(self) -> None:
        """Wait until the client has ended its side, or is gone."""
        if self.has_ended:
            return
        # Several may wait; cancelling one must not cancel the shared future.
        await asyncio.shield(self.ended())

    def ended(self) -> "asyncio.Future[None]":
        """Return a future that is done when the client ends its side or is gone. Do not cancel it."""
        if self._ended is None:
            self._ended = self._loop.create_future()
            if self.has_ended:
                self._ended.set_result(None)
        return self._ended

    async def wait_room(self) -> bool:
        """Wait until the client has caught up; several may wait.

        :return: whether it waited, so that the loop has run other callbacks.
        :raises ConnectionResetError: if the client is gone.
        """
        if self.is_gone:
            raise ConnectionResetError("the client is gone")
        if not self.is_paused:
            return False
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters = [*(self._waiters or ()), waiter]
        await waiter
        return True

    def _wake(self, error: Exception | None) -> None:
        """Wake those that wait for room, with ``error`` if there is one."""
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if waiter.done():
                continue  # It was cancelled.
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
