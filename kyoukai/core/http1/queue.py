"""The requests of one connection in order; the first is being answered (RFC 9112 section 9.3.2)."""

from typing import Final, Protocol

LARGE_BODY: Final = 16 * 1024
"""A waiting request whose body has more bytes fills the queue."""


class Queued(Protocol):
    """A member of the queue, such as :class:`~kyoukai.core.http1.exchange.HTTP1Exchange`."""

    is_begun: bool
    """Whether it was added to the queue; it stays true afterwards."""

    @property
    def fills(self) -> bool:
        """Whether to stop reading while it waits: it is large, or may be the last."""

    def start(self) -> None:
        """Start answering it."""


class ExchangeQueue:
    """The requests of one connection that wait for their turn.

    :param most: how many may wait.
    """

    __slots__ = ("_is_going_on", "is_answering", "is_full", "most", "waiting")

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: list[Queued] = []
        """In order; the first is being answered."""
        self.is_answering = False
        self.is_full = False
        """Whether enough requests wait: many, one with a large body, or one that may be the last."""
        self._is_going_on = False

    def add(self, exchange: Queued, may_fill: bool = True) -> None:
        """Add a request that can be answered; :meth:`go_on` starts it in its turn.

        :param may_fill: ``False`` if the request is known not to fill the queue (see :attr:`Queued.fills`).
        """
        exchange.is_begun = True
        waiting = self.waiting
        waiting.append(exchange)
        if len(waiting) >= self.most or (may_fill and exchange.fills):
            self.is_full = True

    def go_on(self) -> None:
        """Answer the first request and those behind it, unless one is being answered already.

        An answer may be complete as soon as it has started. The loop here then starts the next one, so that
        the stack does not grow with the queue.
        """
        waiting = self.waiting
        if not waiting or self.is_answering or self._is_going_on:
            return
        self._is_going_on = True
        try:
            while True:
                self.is_answering = True
                waiting[0].start()
                if self.is_answering or not waiting:
                    break
        finally:
            self._is_going_on = False

    def end_first(self) -> "list[Queued]":
        """Remove the first request, which was answered, and return the others."""
        waiting = self.waiting
        del waiting[0]
        self.is_answering = False
        if self.is_full:
            self.is_full = bool(waiting) and (len(waiting) >= self.most or waiting[-1].fills)
        return waiting

    def clear(self) -> None:
        """Remove all requests."""
        self.waiting.clear()
        self.is_full = False
