"""Reading: what the transport brings is read along, and fed to the parser as far as there is room.

The parser tells what a message says. Where it begins and ends, and whether it is made as RFC 9112
has it, is read here too, by :mod:`kyoukai.core.http1.readers` and :mod:`kyoukai.core.http1.chunked`, before
the parser has it. So every parser is given whole heads, and of a body exactly its bytes, however they
came; what one parser would let pass and the next one would not is refused on all; and two readings
of where a message ends that differ end the connection. How much is held is bounded: a head, a
body and what frames it by their limits, the queue of requests by pausing the transport.
"""

import asyncio
import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from werkzeug.exceptions import HTTPException

from ..errors import BadRequest, ProtocolError, RequestTimeout
from ..exchange.exchange import Exchange, is_full
from ..faults import is_fault
from ..semantics.framing import NO_BODY
from ..serving.data_rate import BodyPace
from ..serving.server_state import NEVER, logger
from .chunked import read_body
from .parser_errors import internal_error
from .readers import read_head, read_start, take_head
from .receive_buffer import ReceiveBuffer
from .reception import NO_EXCHANGE
from .states import ARRIVING, BODY, CLOSED, ENDED, IDLE, LINGERING
from .streaming import Streaming

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import Component

HELD_SIZE: Final = 64 * 1024
"""Bytes that wait unread before the transport is paused, where that is not done at once."""


class Reading(Streaming):
    """The receiving side with its transport. Parameters are those of :class:`Connection`."""

    def __init__(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.buffer = ReceiveBuffer()
        """Bytes received and not yet parsed."""
        self._messages = self._read_messages()
        self._is_held = False
        self._is_deferring = False
        """Whether what is queued is answered later: a parser may be in the middle of a call."""

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a connection just accepted, and make the parser."""
        super().connection_made(transport)
        self.parser = self.make_parser()

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent, as far as the queue has room."""
        state = self.state
        if state is ENDED or state is LINGERING or state is CLOSED:
            self.discard(len(data))
            return
        buffer = self.buffer
        if buffer.data:
            buffer.feed(data)
        else:
            buffer.data = data
        if not self._is_held:
            self._read()
        elif len(self.buffer) > HELD_SIZE:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Note that the client sends no more; it still gets the answers to what it sent.

        :return: whether our side stays open.
        """
        self.note_client_ended()
        if self.server.cancel_on_disconnect:
            # Most clients that do this are gone, and this is all that can be seen of it.
            self.abort()
            return False
        if not self._is_held:
            self._end_input()
        if self.exchanges and self.transport.can_write_eof():
            return True
        if self.exchanges and self.is_open_ended:
            # TLS has no side that stays open. Its farewell would end the answer as if it were whole.
            self.reset()
        else:
            self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up: the connection is gone."""
        if self.state is ARRIVING or self.state is BODY:
            logger.debug("a connection was lost in the middle of a request")
        super().connection_lost(exc)

    def release(self) -> None:
        """Let go of the parser, the place in the message, and what was received."""
        self.lose_stream()
        self.exchange = NO_EXCHANGE
        # Each holds this object as this object holds it.
        self.__dict__.pop("parser", None)
        with contextlib.suppress(ValueError):
            # It refuses while it runs: when a callback hands the connection on.
            self._messages.close()
        self.buffer = ReceiveBuffer()
        super().release()

    def linger(self) -> None:
        """Shut our side, and read on for a while; what was held is not parsed any more."""
        super().linger()
        if self._is_held:
            self._is_held = False
            self.discard(len(self.buffer.take_all()))
            self.transport.resume_reading()

    def take_unread(self) -> bytes:
        """Return what was received and not parsed, for another protocol."""
        return self.buffer.take_all()

    def expire(self) -> None:
        """Act on the deadline: a request that did not come in time is refused with 408."""
        if self.state is ARRIVING or self.state is BODY:
            self.handle_parser_exception(RequestTimeout())
        else:
            super().expire()

    # The queue's room

    def read_on(self) -> None:
        """Parse what was held, and read again, where the queue has room."""
        if is_full(self.exchanges, self.limits.max_pipelined):
            return
        self._is_held = False
        self._read()
        if not self._is_held and self.state is not CLOSED:
            self.transport.resume_reading()
            if self.client_ended:
                self._end_input()

    def _hold(self) -> None:
        self._is_held = True
        if not self.exchanges[-1].upgrade:
            self.transport.pause_reading()

    def _end_input(self) -> None:
        if self.state is ARRIVING or self.state is BODY:
            logger.debug("a client ended its side in the middle of a request")
        if self.state is BODY and (self.stream is not None or self.tells_refusals):
            # RFC 9112 section 8: "MAY send an error response prior to closing the connection". Most of these
            # clients are gone, so that the server by itself does not.
            self.handle_parser_exception(BadRequest("The body is not whole."))
            return
        self.exchange = NO_EXCHANGE
        self.state = self.state.end
        self.deadline = NEVER

    # Reading

    def partial_exchange(self) -> Exchange:
        """Return an exchange for a request whose head was not parsed, with what is known of it."""
        exchange = Exchange()
        if self.buffer.kept is not None:
            method, exchange.target, exchange.version = read_start(self.buffer.take_all())
            exchange.method = method.decode("ascii")
        return exchange

    def _read(self) -> None:
        """Read what is there. The place in the generator is the place in the message."""
        was_deferring, self._is_deferring = self._is_deferring, True
        try:
            next(self._messages, None)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            if self.state is not CLOSED:
                # What came out of the parser is an HTTP error by now.
                if not isinstance(exc, HTTPException):
                    exc = internal_error("reading failed", exc)
                self.handle_parser_exception(exc)
            self.discard(len(self.buffer.take_all()))
        if self.buffer.data:
            self.buffer.drop_read()
        if not was_deferring:
            self._is_deferring = False
            if self.exchanges and not self._is_answering:
                self.answer_queued()

    def _read_messages(self) -> Generator[None, None, None]:
        buffer, heads, small_size = self.buffer, self.server.heads, self.limits.small_head_size
        methods = self.server.methods
        plans_every_body = getattr(self.component.app, "plans_every_body", False)
        # Of a body that is there with its head, no more than this is taken without asking.
        whole_size = -1 if plans_every_body else self.limits.max_body_size
        while True:
            while buffer.offset == len(buffer.data):
                buffer.data, buffer.offset = b"", 0
                yield
            head = take_head(buffer, small_size, heads, methods)
            if head is None:
                head = yield from self._read_head()
            else:
                self.state = self.state.begin
            if self.parser_is_spent:
                self.parser = self.make_parser()
            self.feed_head(head)
            if self.state is BODY:
                size = self.exchange.framing.content_length
                if 0 < size <= len(buffer.data) - buffer.offset and size <= whole_size:
                    self._read_whole_body(size)
                else:
                    yield from self._read_body()
            if self.state is ENDED:
                self.discard(len(buffer.take_all()))
                return
            if self.state is not IDLE:
                raise self.disagreement()
            while is_full(self.exchanges, self.limits.max_pipelined):
                self._hold()
                yield

    def _read_head(self) -> Generator[None, None, bytes]:
        """Read a head that comes in pieces, has empty lines before it, is large, or is refused."""
        reader = read_head(self.buffer, self.limits, self.server.methods)
        while True:
            try:
                next(reader)
            except StopIteration as stop:
                head: bytes = stop.value
                break
            if self.state is IDLE and self.buffer.kept is not None:
                # From the first byte of a request line on its time runs, and no byte extends it.
                self.state = self.state.begin
                self.deadline = self.server.clock + self.limits.head_timeout
            yield
        if self.state is IDLE:
            self.state = self.state.begin
        return head

    def _read_whole_body(self, size: int) -> None:
        """Read a body of which all has come: what :meth:`_read_body` does, where it waits for nothing."""
        buffer = self.buffer
        start = buffer.offset
        buffer.offset = start + size
        self.content_size = size
        try:
            self.parser.feed_data(buffer.since(start))
        except BaseException as exc:
            self.fail(exc)
        if self.state is BODY:
            raise self.disagreement()
        self.content_size = None

    def _read_body(self) -> Generator[None, None, None]:
        """Read a body, and feed the parser with it as it comes."""
        exchange, buffer = self.exchange, self.buffer
        if exchange.framing is NO_BODY:
            raise self.disagreement()
        pace = BodyPace(self.server.clock)
        reader = read_body(buffer, exchange.framing, self.limits, self.plan_body(exchange, pace))
        while True:
            start, fault = buffer.offset, None
            try:
                next(reader)
            except StopIteration as stop:
                self.content_size = stop.value
            except ProtocolError as error:
                # What was right before it may be refused for another reason, and came first.
                fault = error
            piece = buffer.since(start)
            if piece:
                pace.note(self.server.clock, len(piece))
                try:
                    self.parser.feed_data(piece)
                except BaseException as exc:
                    self.fail(exc)
            if fault is not None:
                raise fault
            if self.content_size is not None:
                break
            if self.state is not BODY:
                raise self.disagreement()
            self.await_body(exchange, pace)
            yield
        if self.state is BODY:
            raise self.disagreement()
        self.content_size = None
