"""What an ASGI server has for an exchange: events that are asked for, one after another, in a task."""

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
    """What takes the events."""

    awaits_continue: bool
    """Whether the client is not to send its body yet."""
    is_answered: bool
    """Whether nothing more is of use."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""

    def take_event(self, event: MutableMapping[str, Any]) -> bool:
        """Take one, and return whether there may be more."""

    def lose(self) -> None:
        """Note that the client is gone."""


class Inlet:
    """Asks for the events of one exchange, as long as it takes them.

    :param exchange: what takes them.
    :param receive: the server's.
    """

    __slots__ = ("_exchange", "_gate", "_receive", "is_held", "task")

    def __init__(self, exchange: Asking, receive: Receive) -> None:
        self._exchange = exchange
        self._receive = receive
        self._gate: asyncio.Future[None] | None = None
        self.is_held = False
        """Whether the next event is not asked for: too much of what came lies unread."""
        self.task: asyncio.Task[None] | None = None
        """What asks; ``None``: it has not begun, or has come to its end."""

    def begin(self, context: "Context") -> None:
        """Ask from now on.

        :param context: the variables that the server's ``receive`` sees.
        """
        self.task = begin_task(self._exchange.loop, self._read(), context)

    def go_on(self) -> None:
        """Look again whether to ask."""
        gate, self._gate = self._gate, None
        if gate is not None and not gate.done():
            gate.set_result(None)

    async def end(self) -> None:
        """Ask for nothing more."""
        task = self.task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    async def _read(self) -> None:
        exchange = self._exchange
        try:
            while True:
                while self.is_held or exchange.awaits_continue:
                    # A server takes the first call for the wish to have the body (RFC 9110 section 10.1.1).
                    self._gate = exchange.loop.create_future()
                    await self._gate
                if not exchange.take_event(await self._receive()):
                    return
                # Most have their answer now or by the loop's next turn, and nobody needs to be watched then.
                if not exchange.is_answered:
                    await asyncio.sleep(0)
                if exchange.is_answered:
                    return
        except Exception:
            logger.exception("the server's receive failed: its client is taken to be gone")
            exchange.lose()
