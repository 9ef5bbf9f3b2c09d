"""Reading: what the transport brings is fed to the parser, as far as there is room for it.

How much is held is bounded: a head, a body and what frames it by their limits, the queue of requests
by pausing the transport.
"""

import asyncio
from typing import Final

from werkzeug.exceptions import HTTPException

from . import policy
from .errors import BadRequest, HeaderFieldsTooLarge, RequestTimeout
from .reception import NO_EXCHANGE, Reception
from .server import NEVER, logger
from .states import BODY, CLOSED, ENDED, HEAD, IDLE, LINGERING

FEED_SIZE: Final = 16 * 1024
"""Most bytes parsed before the queue is looked at: a parser may find a request in every 27."""


class Reading(Reception):
    """The receiving side with its transport. Parameters are those of :class:`Connection`."""

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a connection just accepted, and make the parser."""
        super().connection_made(transport)
        self.parser = self.make_parser()

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
        before_size = before.body_size if before is not NO_EXCHANGE else 0
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
            is_content = self.exchange is not before or self.exchange.body_size > before_size
            self._check_framing(0 if is_content else len(data))
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

    def _check_framing(self, size: int) -> None:
        """Hold what is in a body and no content, chunk sizes and trailers, to the head's limits.

        :param size: bytes fed last, if there was no content among them; otherwise 0.
        """
        self._head_size = self._head_size + size if size else 0
        try:
            if self._head_size > self.limits.max_head_size:
                raise HeaderFieldsTooLarge if self.exchange.trailers else BadRequest
            if self.exchange.trailers:
                policy.check_trailers(self.exchange.trailers, self.limits)
        except HTTPException as error:
            self.handle_parser_exception(error)
