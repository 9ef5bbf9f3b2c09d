"""Waiting in ``receive``: for pieces of a request's body, and for the client's end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from werkzeug.exceptions import HTTPException

from kyoukai.core.applications.exchange_calls import read_content
from kyoukai.core.exchange.body_stream import BodyStream
from kyoukai.core.exchange.exchange import Exchange


class Receiving(Protocol):
    """The part of a call that receiving uses: see :class:`~.http.HTTPCall`."""

    exchange: Exchange
    is_over: bool
    waits: int

    def disconnect(self) -> dict[str, Any]:
        """Return a disconnect event."""


class Reader:
    """Receives events for the application. Several tasks may wait; each event goes to one of them.

    :param call: the call that receives.
    :param refuse: called with the error of the body, if the server must answer it.
    """

    __slots__ = ("_call", "_content", "_is_read", "_lock", "_refuse", "_wakes")

    def __init__(self, call: Receiving, refuse: Callable[[HTTPException], Awaitable[None]]) -> None:
        self._call = call
        self._refuse = refuse
        self._is_read = call.exchange.body is None
        self._content: BodyStream | None = None
        self._lock = asyncio.Lock()
        self._wakes: set[asyncio.Future[None]] = set()

    async def receive(self) -> dict[str, Any]:
        """Return the next event. A cancellation loses nothing: the next call gets the event."""
        call = self._call
        call.waits += 1
        try:
            async with self._lock:
                if not (self._is_read or call.is_over):
                    return await self._receive_piece()
            return await self._wait_disconnect()
        finally:
            call.waits -= 1

    async def _receive_piece(self) -> dict[str, Any]:
        call = self._call
        if self._content is None:
            self._content = read_content(call.exchange)
        try:
            piece = await anext(self._content, b"")
        except ConnectionResetError:
            pass
        except HTTPException as error:
            await self._refuse(error)
        except RuntimeError:
            # The request is answered and no longer read.
            if not call.is_over:
                raise
        else:
            self._is_read = not piece or self._content.is_exhausted
            return {"type": "http.request", "body": piece, "more_body": not self._is_read}
        self._is_read = True
        return call.disconnect()

    async def _wait_disconnect(self) -> dict[str, Any]:
        call, client = self._call, self._call.exchange.client
        if not (call.is_over or client.has_ended):
            wake = asyncio.get_running_loop().create_future()
            self._wakes.add(wake)
            ended, note = client.ended(), Waker(wake)
            ended.add_done_callback(note)
            try:
                await wake
            finally:
                self._wakes.discard(wake)
                ended.remove_done_callback(note)
        else:
            # An application that calls this in a loop must not block the other tasks.
            await asyncio.sleep(0)
        return call.disconnect()

    def wake(self) -> None:
        """Wake the tasks that wait for the end: the answer has been sent."""
        for wake in self._wakes:
            if not wake.done():
                wake.set_result(None)


class Waker:
    """Wakes a future when another one is done.

    :param future: it may be cancelled meanwhile.
    """

    __slots__ = ("_future",)

    def __init__(self, future: "asyncio.Future[None]") -> None:
        self._future = future

    def __call__(self, _: object) -> None:
        """Wake the future. The other future calls this."""
        if not self._future.done():
            self._future.set_result(None)
