"""A connection that carries exchanges, and passes its own events on to them.

It is for wires other than HTTP/1, which keeps its answers in a queue.
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
    """One connection, and the requests under way on it.

    An author overrides ``data_received``, and begins an exchange for each request. When the request is
    answered, the exchange calls :meth:`close_after`, or the author removes it from :attr:`exchanges`. Each
    exchange is told here when the client ends its side or is gone, when time passes, and when the server
    stops. Parameters are those of :class:`~kyoukai.core.connection.connection.Connection`.
    """

    exchanges: "Collection[Exchange]" = ()
    """The requests under way. A wire with many at a time sets and updates a collection of its own."""

    def begin(self, exchange: AnyExchange) -> AnyExchange:
        """Note that the connection's only request has begun to arrive, and return it.

        If its head is not complete within ``head_timeout``, it is refused with 408.
        """
        self.exchanges = (exchange,)
        self.deadline = self.server.clock + self.limits.head_timeout
        return exchange

    def close_after(self, exchange: "Exchange") -> None:
        """Close after the last answer; linger first if more of its request may arrive."""
        self.exchanges = ()
        if exchange.is_whole:
            self.close()
        else:
            self.linger()

    def eof_received(self) -> bool:
        """Note that the client sends no more; it still gets the answers to its requests.

        :return: whether our side stays open.
        """
        if self.server.cancel_on_disconnect and not self._tunnels():
            # Most clients that end their side have disconnected, and nothing else shows that they have.
            self.abort()
            return False
        self.client.end()
        for exchange in tuple(self.exchanges):
            exchange.end_client()
        if self.exchanges and self.transport.can_write_eof():
            return True
        if self.exchanges and self.is_open_ended:
            # TLS cannot end one side alone. Its close_notify would make a cut answer look complete.
            self.reset()
        else:
            self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up. A streamed answer is cut off; with ``cancel_on_disconnect``, the handler too."""
        for exchange in self._leave():
            exchange.lose()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once, and cancel the handlers under way."""
        for exchange in self._leave():
            exchange.lose(cancel=True)
        super().abort()

    def shutdown(self) -> None:
        """Close at once, or after the answers to requests under way."""
        if self.phase is OPEN and not self.exchanges:
            super().shutdown()

    def sweep(self, now: float) -> None:
        """Act on deadlines that have passed: those of the requests, and the connection's."""
        for exchange in tuple(self.exchanges):
            exchange.sweep(now)
        super().sweep(now)

    def expire(self) -> None:
        """Act on :attr:`deadline`: refuse requests without a head with 408, or close an idle connection."""
        if self.phase is not OPEN or not self.exchanges:
            super().expire()
            return
        # Requests whose heads are complete have their own deadlines.
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
        """Return the open tunnels, which are told separately."""
        return [tunnel for exchange in self.exchanges if (tunnel := exchange.tunnel) is not None]

    def _leave(self) -> "tuple[Exchange, ...]":
        """Take out all exchanges, so that each is told only once that its client is gone."""
        exchanges, self.exchanges = tuple(self.exchanges), ()
        return exchanges
