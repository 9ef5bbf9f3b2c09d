"""A task that reads the events of an ASGI server for an exchange, one after another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from kyoukai.core.exchange.tasks import begin_task

if TYPE_CHECKING:
    from contextvars import Context

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

logger: Final = logging.getLogger("kyoukai.asgi")


class Asking(Protocol):
    """The receiver of the events."""

    awaits_continue: bool
    """Whether the client waits for permission to send its body."""
    is_answered: bool
    """Whether further events are useless."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""

    def take_event(self, event: MutableMapping[str, Any]) -> bool:
        """Handle an event, and return whether more may follow."""

    def lose(self) -> None:
        """Note that the client is gone."""


class Inlet:
    """Reads the events of one exchange as long as it accepts them.

    :param exchange: the receiver.
    :param receive: from the server.
    """

    __slots__ = ("_exchange", "_gate", "_receive", "is_held", "task")

    def __init__(self, exchange: Asking, receive: Receive) -> None:
        self._exchange = exchange
        self._receive = receive
        self._gate: asyncio.Future[None] | None = None
        self.is_held = False
        """Whether reading is paused, because too much data is unread."""
        self.task: asyncio.Task[None] | None = None
        """The reading task. ``None`` before it starts and after it has ended."""

    def begin(self, context: "Context") -> None:
        """Start to read.

        :param context: the context variables for the server's ``receive``.
        """
        self.task = begin_task(self._exchange.loop, self._read(), context)

    def go_on(self) -> None:
        """Check again whether to read."""
        gate, self._gate = self._gate, None
        if gate is not None and not gate.done():
            gate.set_result(None)

    async def end(self) -> None:
        """Stop reading."""
        task = self.task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    async def _read(self) -> None:
        exchange = self._exchange
        try:
            while True:
                while self.is_held or exchange.awaits_continue:
                    # A server takes the first call of receive as permission for the body (RFC 9110 section
                    # 10.1.1).
                    self._gate = exchange.loop.create_future()
                    await self._gate
                if not exchange.take_event(await self._receive()):
                    return
                # Most requests are answered by the next turn of the loop, so following the client is not
                # needed.
                if not exchange.is_answered:
                    await asyncio.sleep(0)
                if exchange.is_answered:
                    return
        except Exception:
            logger.exception("the server's receive failed: its client is taken to be gone")
            exchange.lose()
