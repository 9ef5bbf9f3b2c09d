"""The receiving side of an HTTP/1 connection: from bytes to a queue of exchanges.

The parser calls the ``on_*`` methods of this object, which fill an :class:`Exchange`; when its
message is whole, :meth:`Reception.enqueue` takes it over. The order of the calls is that of
:mod:`kyoukai.core.states`. How much is held is bounded: a head and a body by their limits, the
queue by pausing the transport.
"""

import abc
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from werkzeug.exceptions import HTTPException

from . import policy
from .connection import Connection
from .errors import ContentTooLarge, HeaderFieldsTooLarge, RequestTimeout, URITooLong
from .exchange import Exchange
from .server import NEVER, logger
from .states import BODY, CLOSED, ENDED, HEAD, IDLE, LINGERING

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import Component
    from .parser import RequestParser

FEED_SIZE: Final = 16 * 1024
"""Most bytes parsed before the queue is looked at: a parser may find a request in every 27."""

NO_EXCHANGE: Final = cast(Exchange, None)
"""Between two messages. It has no attributes, so a parser that calls out of order is found out."""


class Reception(Connection, abc.ABC):
    """The receiving side. Parameters are those of :class:`Connection`."""

    def __init__(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.exchange: Exchange = NO_EXCHANGE
        """The exchange whose request is being received."""
        self.exchanges: deque[Exchange] = deque()
        """Those whose request is whole, or refused, in order; the first is being answered."""
        self.parser = self.make_parser()
        self._fields: list[tuple[bytes, bytes]] = []
        self.client_ended = False
        """Whether the client has sent its end of file."""
        self._head_size = 0
        self._reading = True

    @abc.abstractmethod
    def make_parser(self) -> "RequestParser":
        """Return a new parser that calls this object's ``on_*`` methods."""

    @abc.abstractmethod
    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return the HTTP error that an exception out of the parser means.

        It must not raise. An exception that a callback raised comes here too, as itself or inside
        the parser's own: a :class:`~kyoukai.core.errors.ProtocolError` is returned as it is.
        """

    def resume_parser(self, exc: Exception, data: bytes) -> bool:
        """Go on parsing after an exception that is no error, and return whether it was none.

        Only a parser that stops for an upgrade needs it: the default returns ``False``.

        :param data: what the parser was fed when it raised ``exc``.
        """
        return False

    def inspect_partial_head(self, data: bytes) -> HTTPException | None:
        """Return why a head that has come in part can be refused already.

        Only a parser that sees a fault and waits for more needs it: the default returns ``None``.

        :param data: what was fed last.
        """
        return None

    @abc.abstractmethod
    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received."""

    @abc.abstractmethod
    def enqueue(self, exchange: Exchange) -> None:
        """Take over an exchange whose request is whole, or refused."""

    @abc.abstractmethod
    def send_continue(self) -> None:
        """Let the client that waits for it send its body."""

    # The parser's calls

    def on_message_begin(self) -> None:
        """Begin an exchange: the first byte of a request line has come."""
        self.state = self.state.message_begin
        self.exchange = exchange = Exchange()
        self._fields = exchange.fields

    def on_url(self, url: bytes) -> None:
        """Take the request target, or the next piece of it.

        :raises URITooLong: if the pieces together pass ``max_target_size``.
        """
        exchange = self.exchange
        exchange.target += url
        if len(exchange.target) > self.limits.max_target_size:
            raise URITooLong

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or after the head a trailer field."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Accept the head, or refuse the request.

        :raises ProtocolError: if the policy refuses it.
        """
        exchange, parser = self.exchange, self.parser
        exchange.method = parser.get_method().decode("latin-1")
        exchange.version = parser.get_http_version()
        exchange.keep_alive = parser.should_keep_alive()
        policy.accept(exchange, self.limits)
        self.state = self.state.headers_complete
        self._fields = exchange.trailers
        if exchange.upgrade:
            exchange.upgrade = parser.should_upgrade()
        if exchange.expect_continue and not self.exchanges:
            self.send_continue()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body.

        :raises ContentTooLarge: if there is more of it than ``max_body_size``.
        """
        exchange = self.exchange
        exchange.body_size += len(body)
        if exchange.body_size > self.limits.max_body_size:
            raise ContentTooLarge
        exchange.body.append(body)

    def on_message_complete(self) -> None:
        """Queue the exchange: its request is whole.

        :raises HeaderFieldsTooLarge: if its trailers pass their limits.
        """
        exchange = self.exchange
        if exchange.upgrade and exchange.framing.has_body:
            # The parser stopped short of the body; resume_parser brings it.
            return
        if exchange.trailers:
            policy.check_trailers(exchange.trailers, self.limits)
        self.state = self.state.message_complete
        if not exchange.keep_alive or self.server.stopping:
            self.state = self.state.end
        self.exchange = NO_EXCHANGE
        self.enqueue(exchange)

    # The transport's calls

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent, as far as the queue has room."""
        if not self._reading:
            self.unread += data
        elif len(data) <= FEED_SIZE:
            self._parse(data)
        else:
            self._parse_in_pieces(data)

    def eof_received(self) -> bool:
        """Note that the client sends no more; it still gets the answers to what it sent.

        :return: whether our side stays open.
        """
        if self.state is HEAD or self.state is BODY:
            logger.debug("a client ended its side in the middle of a request")
        self.client_ended = True
        self.state = self.state.end
        self.exchange = NO_EXCHANGE
        self.deadline = NEVER
        if self.exchanges and self.transport.can_write_eof():
            return True
        self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up: the connection is gone."""
        if self.state is HEAD or self.state is BODY:
            logger.debug("a connection was lost in the middle of a request")
        self.exchange = NO_EXCHANGE
        # It holds this object as this object holds it.
        del self.parser
        super().connection_lost(exc)

    def expire(self) -> None:
        """Act on the deadline: a request that did not come in time is refused with 408."""
        if self.state is HEAD or self.state is BODY:
            self.handle_parser_exception(RequestTimeout())
        else:
            super().expire()

    # Reading

    def hold(self, unread: bytes) -> None:
        """Parse no further until the queue has room again; ``unread`` comes first then."""
        self._reading = False
        self.unread = unread
        # What the client has sent may lie unread: it is not late.
        self.deadline = NEVER
        self.transport.pause_reading()

    def read_on(self) -> None:
        """Parse what was held, and read again, where the queue has room."""
        if self._reading or self._is_full():
            return
        self._reading = True
        if self.state is HEAD:
            self.deadline = self.server.clock + self.limits.head_timeout
        elif self.state is BODY:
            self.deadline = self.server.clock + self.limits.body_timeout
        unread, self.unread = self.unread, b""
        if unread:
            self.data_received(unread)
        if self._reading and self.state is not CLOSED:
            self.transport.resume_reading()

    def _is_full(self) -> bool:
        """Return whether enough requests wait: many small ones, or one with a body to hold."""
        waiting = self.exchanges
        return len(waiting) >= self.limits.max_pipelined or (
            len(waiting) > 1 and waiting[-1].body_size > FEED_SIZE
        )

    def _parse_in_pieces(self, data: bytes) -> None:
        offset = 0
        while offset < len(data) and self._reading:
            step = FEED_SIZE
            if self.state is BODY:
                step = max(step, self.exchange.framing.content_length - self.exchange.body_size)
            self._parse(data[offset : offset + step])
            offset += step
        self.unread += data[offset:]

    def _parse(self, data: bytes) -> None:
        if self.state is ENDED or self.state is LINGERING or self.state is CLOSED:
            self.discard(len(data))
            return
        before = self.exchange
        stopped: Exception | None = None
        try:
            self.parser.feed_data(data)
        except Exception as exc:
            stopped = exc
        if stopped is not None:
            # Out of the except block, where Python would note it in what is raised next.
            if not self.resume_parser(stopped, data):
                self.handle_parser_exception(stopped)
                return
            del stopped
        state = self.state
        if state is IDLE and self.exchanges:
            # Handlers may take their time.
            self.deadline = NEVER
            self._head_size = 0
        elif state is BODY:
            self.deadline = self.server.clock + self.limits.body_timeout
            self._check_trailers()
        elif state is HEAD or state is IDLE:
            self._check_head(data, begun=self.exchange is not before)
        if self._reading and self.exchanges and self._is_full():
            self.hold(b"")

    def _check_head(self, data: bytes, *, begun: bool) -> None:
        """Hold a head that comes in pieces, and empty lines before it, to their limit and time."""
        error = None if self.state is IDLE else self.inspect_partial_head(data)
        if error is not None:
            self.handle_parser_exception(error)
        elif begun:
            # What else came with its first byte may have been earlier requests. The policy counts
            # the fields again.
            self._head_size = 0
            self.deadline = self.server.clock + self.limits.head_timeout
        else:
            self._head_size += len(data)
            if self._head_size > self.limits.max_head_size:
                self.handle_parser_exception(HeaderFieldsTooLarge())

    def _check_trailers(self) -> None:
        if self.exchange.trailers:
            try:
                policy.check_trailers(self.exchange.trailers, self.limits)
            except HTTPException as error:
                self.handle_parser_exception(error)
