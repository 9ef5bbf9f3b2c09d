"""Whether a client is there, and keeps up with what is written to it."""

import asyncio


class ClientState:
    """One client, as a request sees it.

    Requests that share the flow control of a connection share one, which the connection changes. By a wire
    that has flow control for each request, each has its own, which its exchange changes.

    :param loop: the event loop, which all methods are called in.
    """

    __slots__ = ("_ended", "_loop", "_waiters", "has_ended", "is_gone", "is_paused")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.has_ended = False
        """Whether the client has ended its side, or is gone."""
        self.is_gone = False
        """Whether nothing that is written reaches it any more."""
        self.is_paused = False
        """Whether it reads more slowly than we write."""
        self._ended: asyncio.Future[None] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None  # who waits for it to catch up

    def end(self) -> None:
        """Note that it has ended its side: who waits for that goes on. It may be called again."""
        self.has_ended = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def lose(self) -> None:
        """Note that it is gone: who waits for it to catch up gets a ConnectionResetError."""
        self.is_gone = True
        self.end()
        self._wake(ConnectionResetError("the client is gone"))

    def pause(self) -> None:
        """Note that it reads more slowly than we write."""
        self.is_paused = True

    def resume(self) -> None:
        """Note that it has caught up."""
        self.is_paused = False
        self._wake(None)

    async def wait_ended(self) -> None:
        """Wait until it has ended its side, or is gone."""
        if self.has_ended:
            return
        # One of those who wait may be cancelled, and the others not.
        await asyncio.shield(self.ended())

    def ended(self) -> "asyncio.Future[None]":
        """Return what is done when it has ended its side, or is gone. Several share it: none cancels it."""
        if self._ended is None:
            self._ended = self._loop.create_future()
            if self.has_ended:
                self._ended.set_result(None)
        return self._ended

    async def wait_room(self) -> bool:
        """Wait until it has caught up; several may wait.

        :return: whether there was anything to wait for, so that the loop has had its turn.
        :raises ConnectionResetError: if it is gone.
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
        """Let those go on who wait for room, or tell them why they need not."""
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if waiter.done():
                continue  # It was cancelled.
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
