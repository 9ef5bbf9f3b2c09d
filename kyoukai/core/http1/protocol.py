"""The contract's upper storey: one HTTP/1 connection, events in and calls out.

Requests come in by :class:`~kyoukai.core.http1.reading.Reading` and are answered by
:class:`~kyoukai.core.http1.answering.Answering`; this is how answers are written, and how it all ends.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from ..connection.connection import OtherProtocol
from ..errors import ProtocolError
from ..exchange.answer import prepare_answer
from ..exchange.early_hints import serialize_early_hints
from ..exchange.error_response import error_response
from ..exchange.exchange import Exchange
from ..exchange.origins import origin
from ..exchange.response_body import COPY_SIZE, LARGE_SIZE, PIECE_SIZE, BodySender
from ..exchange.trailers import trailers_of
from ..faults import is_end, is_fault
from ..features import Feature
from ..semantics.field_pairs import FieldPairs
from .answering import Answering
from .reception import logger
from .states import ENDED, IDLE

if TYPE_CHECKING:
    from ..semantics.framing import ResponseFraming


class HTTPProtocol(Answering):
    """One HTTP/1 connection. A backend derives from it and says two things.

    They are :meth:`make_parser` and :attr:`parser_errors`. The parser calls this object
    itself, so a subclass does not override the ``on_*`` methods. Parameters are those of
    :class:`~kyoukai.core.connection.connection.Connection`.
    """

    def send_continue(self) -> None:
        """Let the client send the body of the request being received (RFC 9110 section 15.2.1)."""
        self.exchange.expect_continue = False
        if not self.exchange.body_size:
            self.raw_write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # Its time runs from now on, if it did not before.
            self.deadline = self.server.clock + self.limits.body_timeout

    def send_early_hints(self, fields: FieldPairs) -> bool:
        """Tell the client fields of the answer before there is one, by a 103 (RFC 8297).

        It is for the request that is being handled, and may be called several times, also in a thread.
        Nothing is sent where the client speaks HTTP/1.0 (RFC 9110 section 15.2), is gone, or does not
        read what it has; where the answer has begun; and by a backend without the feature
        ``early-hints``. The answer has to have the fields itself, too.

        :param fields: pairs of name and value, or a mapping from names to values.
        :return: whether it is sent.
        :raises InvalidResponseError: if a field cannot be sent.
        """
        data = serialize_early_hints(fields)
        exchange = self.exchanges[0] if self.exchanges else None
        if not data or exchange is None or Feature.EARLY_HINTS not in self.server.features:
            return False
        try:
            is_here = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            is_here = False
        if is_here:
            return self._write_hints(exchange, data)
        # What a thread returns comes to the loop in the same way, and after this.
        self.loop.call_soon_threadsafe(self._write_hints, exchange, data)
        return self._takes_hints(exchange)

    def _write_hints(self, exchange: Exchange, data: bytes) -> bool:
        takes = self._takes_hints(exchange)
        if takes:
            self.raw_write(data)
        return takes

    def _takes_hints(self, exchange: Exchange) -> bool:
        """Return whether a hint for ``exchange`` may be sent now."""
        return (
            not exchange.status
            and exchange.version != "1.0"
            and self._is_answering
            and self.exchanges[:1] == [exchange]
            and not (self.is_paused or self.client_gone)
        )

    def write_response(
        self, response: Response, fake_environ: dict[str, Any]
    ) -> Coroutine[Any, Any, None] | None:
        """Write a response to the first request of the queue.

        What can be written at once is: the head, and a body that is in memory. A response that
        cannot be sent is logged, and a 500 written in its place.

        :param response: it is not closed here.
        :param fake_environ: the request's environ; of it, the method and the protocol are read.
        :return: ``None`` if nothing is left, or an awaitable that sends a streamed body.
        """
        exchange = self.exchanges[0] if self.exchanges else Exchange()
        ending = self.state is ENDED or self.server.stopping
        close = exchange.error is not None or (ending and len(self.exchanges) <= 1)
        if exchange is self.exchange and not self.can_drain(exchange):
            # Its body is not whole: no other request can be found behind it.
            close = True
        date, server = self.server.date, self.server.server_field
        try:
            head, body, framing, exchange.status = prepare_answer(response, fake_environ, close, date, server)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # Nothing was written yet, so there is an answer to give.
            text = "the answer to %s %r cannot be sent%s"
            source = origin(self.app, fake_environ)
            logger.error(text, exchange.method, exchange.logged_path, source, exc_info=exc)
            response = error_response(InternalServerError(), fake_environ.get("HTTP_ACCEPT", ""))
            head, body, framing, exchange.status = prepare_answer(response, fake_environ, close, date, server)
        exchange.persistent = not framing.close
        if not framing.send_body:
            self.raw_write(head)
            return None
        if body is not None and len(body) <= COPY_SIZE:
            exchange.sent = len(body)
            self.raw_write(head + body)
            return None
        if body is not None and len(body) <= (PIECE_SIZE if self.is_secure else LARGE_SIZE):
            exchange.sent = len(body)
            self.raw_write_both(head, body)
            return None
        if body is None and exchange.expect_continue and exchange is self.exchange and may_read(response):
            # What sends the answer may read the body as it goes; once the head is gone, it is too late.
            self.send_continue()
        if body is None and framing.open_ended:
            self.note_open_end(True)
        self.raw_write(head)
        # A transport over TLS does not tell how much of a large write has gone, and asyncio's own keeps a
        # copy of what has not: what is large goes in pieces.
        trailers = trailers_of(response, fake_environ) if framing.chunked else None
        return self._send_body(response.response if body is None else body, framing, exchange, trailers)

    async def _send_body(
        self,
        body: object,
        framing: "ResponseFraming",
        exchange: Exchange,
        trailers: Callable[[], Awaitable[bytes]] | None,
    ) -> None:
        try:
            await BodySender(self, exchange, framing, trailers).send(body)
            if framing.open_ended:
                self.note_open_end(False)
        except BaseException as exc:
            if is_end(exc):
                raise
            if self.client_gone:
                logger.debug("a client is gone before it had its whole answer")
                return
            # What is made of the request's body as that comes breaks off where that does.
            level = logging.DEBUG if isinstance(exc, ProtocolError) else logging.ERROR
            text = "the body of the answer to %s %r failed%s"
            source = origin(self.app, exchange.environ | self.environ)
            logger.log(level, text, exchange.method, exchange.logged_path, source, exc_info=exc)
            # RFC 9112 section 8: without its last chunk, or short of its Content-Length, a message
            # is known to be incomplete. One that ends with the connection needs a reset.
            if framing.open_ended:
                self.reset()
            else:
                self.close()

    # The ways in which it ends

    def replace(self, other: type[OtherProtocol], *args: Any, **kwargs: Any) -> OtherProtocol:
        """Hand the connection to a new protocol: see :meth:`Connection.replace`."""
        protocol = super().replace(other, *args, **kwargs)
        if self._task is not None:
            self.server.keep(self._task)
        return protocol

    def shutdown(self) -> None:
        """Close, at once or with the answer to what is under way."""
        if self.state is IDLE and not self.exchanges:
            super().shutdown()

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once and cancel the handler under way."""
        task = self._task
        if task is None:
            return super().abort()
        self.spoil_end()
        self.state = self.state.close
        task.cancel()
        if self.is_open_ended:
            # At once: a transport over TLS may be about to send its farewell.
            self.transport.abort()
        else:
            # One turn later: what sends a file must have let go of the transport by then.
            self.loop.call_soon(self.transport.abort)
        return task


def may_read(response: Response) -> bool:
    """Return whether a streamed answer may be made of the request's body, which the client has yet to send.

    A refusal is none that a client sends its body after, and a file is there already.
    """
    return response.status_code < 300 and not isinstance(response.response, FileWrapper)
