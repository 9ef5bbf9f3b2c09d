"""A connection that carries exchanges: what happens to it happens to them.

It is for wires that are not HTTP/1, whose answers wait for one another in a queue of their own.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from ..errors import refused
from ..serving.server_state import NEVER
from .connection import OPEN, Connection

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange
    from ..exchange.tunnel import Tunnel

AnyExchange = TypeVar("AnyExchange", bound="Exchange")


class ExchangeConnection(Connection):
    """One connection, and the requests that are under way on it.

    An author overrides ``data_received``, and begins an exchange where a request begins. Its answer done,
    the exchange calls :meth:`close_after`, or is taken out of :attr:`exchanges` by its author. That the
    client has ended its side, or is gone, that time passes, and that the server stops, is told to each
    exchange here.
    """

    exchanges: "Collection[Exchange]" = ()
    """The requests under way. A wire that has many at a time sets a collection of its own, which it keeps."""

    def begin(self, exchange: AnyExchange) -> AnyExchange:
        """Note that a request has begun to come, the only one, and return it.

        If its head is not whole in ``head_timeout``, it is refused with 408.
        """
        self.exchanges = (exchange,)
        self.deadline = self.server.clock + self.limits.head_timeout
        return exchange

    def close_after(self, exchange: "Exchange") -> None:
        """Close after the last answer, and so that it arrives: where more of its request may come, linger."""
        self.exchanges = ()
        if exchange.is_whole:
            self.close()
        else:
            self.linger()

    def eof_received(self) -> bool:
        """Note that the client sends no more; it still gets the answers to what it sent.

        :return: whether our side stays open.
        """
        if self.server.cancel_on_disconnect and not self._tunnels():
            # Most clients that do this are gone, and this is all that can be seen of it.
            self.abort()
            return False
        self.client.end()
        for exchange in tuple(self.exchanges):
            exchange.end_client()
        if self.exchanges and self.transport.can_write_eof():
            return True
        if self.exchanges and self.is_open_ended:
            # TLS has no side that stays open. Its farewell would end the answer as if it were whole.
            self.reset()
        else:
            self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up. A streamed answer is cut off; a handler runs on, or not: ``cancel_on_disconnect``."""
        for exchange in self._leave():
            exchange.lose()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once, and cancel the handlers under way."""
        for exchange in self._leave():
            exchange.lose(cancel=True)
        super().abort()

    def shutdown(self) -> None:
        """Close, at once or with the answers to what is under way."""
        if self.phase is OPEN and not self.exchanges:
            super().shutdown()

    def sweep(self, now: float) -> None:
        """Act on deadlines that have passed, the requests' and the connection's."""
        for exchange in tuple(self.exchanges):
            exchange.sweep(now)
        super().sweep(now)

    def expire(self) -> None:
        """Act on :attr:`deadline`: refuse what has no head yet with 408; close what is idle."""
        if self.phase is not OPEN or not self.exchanges:
            super().expire()
            return
        # Those whose heads have come have deadlines of their own.
        self.deadline = NEVER
        for exchange in tuple(self.exchanges):
            if not (exchange.is_begun or exchange.head.is_accepted):
                exchange.refuse(refused("head-timeout"))

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        super().pause_writing()
        for tunnel in self._tunnels():
            tunnel.pause_writing(self)

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        super().resume_writing()
        for tunnel in self._tunnels():
            tunnel.resume_writing(self)

    def _tunnels(self) -> "list[Tunnel]":
        """Return the tunnels that are open: they are told by themselves."""
        return [tunnel for exchange in self.exchanges if (tunnel := exchange.tunnel) is not None]

    def _leave(self) -> "tuple[Exchange, ...]":
        """Take out all that is under way, so that each is told once that its client is gone."""
        exchanges, self.exchanges = tuple(self.exchanges), ()
        return exchanges
