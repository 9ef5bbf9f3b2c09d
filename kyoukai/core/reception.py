"""The receiving side of an HTTP/1 connection: from a parser's calls to exchanges.

The parser calls the ``on_*`` methods of this object, which fill an :class:`Exchange`; when its
message is whole, :meth:`Reception.enqueue` takes it over. The order of the calls is that of
:mod:`kyoukai.core.states`.
"""

import abc
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from werkzeug.exceptions import HTTPException, InternalServerError

from . import policy
from .connection import Connection
from .errors import ContentTooLarge, URITooLong
from .exchange import Exchange

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import Component
    from .parser import RequestParser

logger: Final = logging.getLogger("kyoukai.protocol")

SMALL_PIECE: Final = 1024
"""Pieces of a body below this many bytes are gathered; larger ones are kept as they came."""

NO_EXCHANGE: Final = cast(Exchange, None)
"""Between two messages. It has no attributes, so a parser that calls out of order is found out."""


class Reception(Connection, abc.ABC):
    """The receiving side. Parameters are those of :class:`Connection`."""

    parser: "RequestParser"
    """Made when the connection is, so that a subclass's constructor has run."""

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

    def translate(self, exc: Exception) -> HTTPException:
        """Return what :meth:`translate_exception` does, and log what there is to log."""
        try:
            error = self.translate_exception(exc)
        except Exception:
            logger.exception("%s.translate_exception raised", type(self).__qualname__)
            return InternalServerError()
        if error.code == InternalServerError.code:
            logger.error("the parser, or what it calls, failed", exc_info=exc)
        else:
            logger.debug("refusing a request: %s", error)
        return error

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
        pieces = exchange.body
        if len(body) >= SMALL_PIECE or not pieces:
            pieces.append(body)
        elif type(pieces[-1]) is bytearray:
            pieces[-1] += body
        else:
            # An object each would cost many times the bytes.
            pieces.append(bytearray(body))

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
