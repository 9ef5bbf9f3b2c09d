"""The contract's highest storey: one HTTP/1 connection, for backends that have an HTTP/1 parser.

It delegates. A :class:`~kyoukai.core.http1.reader.MessageReader` reads what is received, an
:class:`~kyoukai.core.http1.queue.ExchangeQueue` holds the waiting requests, and a
:class:`~kyoukai.core.http1.response_writer.ResponseWriter` turns answers into bytes.
"""

import abc
import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..connection.connection import CLOSED, OPEN, Connection, OtherProtocol, Phase
from ..contract.parser import CALLBACKS, BodyParser, RequestParser
from ..errors import refused
from ..exchange.answer import prepare_answer
from ..exchange.body_stream import ClientGoneError
from ..exchange.exchange import Exchange
from ..exchange.sending import Rest, send_prepared, send_response
from ..faults import is_fault
from ..semantics.field_pairs import FieldPairs
from ..semantics.framing import Framing
from ..semantics.request_head import RequestHead
from ..serving.server_state import NEVER
from .callbacks import Callback
from .exchange import COPY_SIZE, HTTP1Exchange
from .message import unread
from .parser_errors import Disagreement, translate
from .parsing import Parsing
from .queue import ExchangeQueue
from .reader import MessageReader
from .response_writer import ResponseWriter
from .states import ARRIVING, BODY, ENDED, IDLE, State

logger: Final = logging.getLogger("kyoukai.protocol")

HELD_SIZE: Final = 64 * 1024
"""Unread bytes behind an offered upgrade above which the transport is paused. Otherwise it is paused at
once."""


class HTTPProtocol(Connection, abc.ABC):
    """One HTTP/1 connection. A backend derives from it and defines two members.

    They are :meth:`make_parser` and :attr:`parser_errors`. The parser calls this object's ``on_*`` methods,
    which a subclass does not override. Parameters are those of
    :class:`~kyoukai.core.connection.connection.Connection`.
    """

    parser_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """The exceptions that the parser raises for bad input. Such a request is refused with 400, or with the
    error that :meth:`translate_exception` returns. Any other exception is a bug: 500, with a traceback in the
    log."""

    exchange_class: ClassVar[type[HTTP1Exchange]] = HTTP1Exchange
    """The class of the exchanges: each is one request and its answer."""

    def __init__(self, component: Any, parent_context: Any, server_ip: str, server_port: int) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.queue = ExchangeQueue(self.server.limits.max_pipelined)
        """The requests that are complete or refused, in order."""
        self.writer = ResponseWriter()
        """Turns answers into bytes."""
        self.reader = MessageReader(self, self.queue)
        """Reads requests."""

    # Defined by a backend's author

    @abc.abstractmethod
    def make_parser(self) -> RequestParser | BodyParser:
        """Return a new parser that calls this object's ``on_*`` methods.

        It is called when the connection is made. It is called again between two messages, if the parser's
        ``should_keep_alive`` was false though the connection persists; and within a head, for a method that
        the parser does not know: the new parser is given ``POST`` in its place.
        """

    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return the HTTP error for one of :attr:`parser_errors`: by default 400.

        It is called for these only. If it raises, or does not return an HTTP error, that is logged and
        answered with 500.
        """
        return refused("message-malformed")

    def translate(self, exc: BaseException) -> HTTPException:
        """Return the HTTP error for an exception that the parser raised, and log a bug or a refusal."""
        return translate(exc, self.parser_errors, self.translate_exception)

    def resume_parser(self, exc: Exception, framing: Framing | None) -> bool:
        """Return whether parsing continues after an exception: ``False`` for an error.

        Only a parser that stops for an upgrade needs it: the default returns ``False``. The parser stopped at
        the end of a head. If a body follows, set :attr:`parser` to one that takes it.

        :param exc: the exception of ``feed_data``; never a refusal by the server.
        :param framing: how the body that follows is delimited; ``None`` without a body.
        """
        return False

    # The parser's calls

    on_message_begin: Callback[[]] = Callback(Parsing.on_message_begin)
    on_url: Callback[[bytes]] = Callback(Parsing.on_url)
    on_header: Callback[[bytes, bytes]] = Callback(Parsing.on_header)
    on_headers_complete: Callback[[]] = Callback(Parsing.on_headers_complete)
    on_body: Callback[[bytes]] = Callback(Parsing.on_body)
    on_message_complete: Callback[[]] = Callback(Parsing.on_message_complete)

    @property
    def parser(self) -> RequestParser | BodyParser:
        """The parser of the message being received. :meth:`resume_parser` may set another."""
        return self.reader.parsing.parser

    @parser.setter
    def parser(self, parser: RequestParser | BodyParser) -> None:
        self.reader.parsing.parser = parser

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a new connection, and make the parser."""
        super().connection_made(transport)
        self.environ["kyoukai.protocol"] = self
        self.reader.parsing.make_parser()

    def data_received(self, data: bytes) -> None:
        """Read what the client sent, as far as the queue has room."""
        reader = self.reader
        state = reader.parsing.state
        if state is ENDED or self.phase is not OPEN:
            self.discard(len(data))
            return
        reader.feed(data)
        if reader.parsing.state is ENDED:
            self.discard(len(reader.take_unread()))
        self.queue.go_on()
        # The queue may be empty again: an answer can be complete by now.
        if reader.is_held and self.queue.waiting:
            self._hold()

    def eof_received(self) -> bool:
        """Note that the client sends no more; it still gets the answers to its requests.

        :return: whether our side stays open.
        """
        self.client.end()
        if self.server.cancel_on_disconnect:
            # Most clients that end their side have disconnected, and nothing else shows that they have.
            self.abort()
            return False
        if not self.reader.is_held:
            self._end_input()
        waiting = self.queue.waiting
        if waiting and self.transport.can_write_eof():
            return True
        if waiting and self.is_open_ended:
            # TLS cannot end one side alone. Its close_notify would make a cut answer look complete.
            self.reset()
        else:
            self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up. A streamed answer is cut off; with ``cancel_on_disconnect``, the handler too."""
        state = self.reader.parsing.state
        if state is ARRIVING or state is BODY:
            logger.debug("a connection was lost in the middle of a request")
        elif self.queue.waiting and self.phase is OPEN:
            logger.debug("a client disconnected before it had its answer")
        answered = self.first
        if answered is not None and answered.task is not None:
            self.server.keep(answered.task)
            # Cancel once only: a second time would interrupt the handler's cleanup.
            if answered.is_cut_by_loss and not answered.task.cancelling():
                answered.task.cancel()
        super().connection_lost(exc)

    def _end_input(self) -> None:
        reader, exchange = self.reader, self.reader.exchange
        if reader.parsing.state is ARRIVING or reader.parsing.state is BODY:
            logger.debug("a client ended its side in the middle of a request")
        if exchange is not None and (exchange.is_begun or hasattr(self.app, "process_refusal")):
            # RFC 9112 section 8: "MAY send an error response prior to closing the connection". Most of these
            # clients have disconnected, so by default the server sends none.
            exchange.refuse(refused("body-incomplete"))
            return
        reader.end()
        self.deadline = NEVER

    # For the reader

    @property
    def state(self) -> State | Phase:
        """The place in a message; once no message is read any more, the phase of the connection's end."""
        return self.reader.parsing.state if self.phase is OPEN else self.phase

    @property
    def first(self) -> HTTP1Exchange | None:
        """The request being answered, or ``None``."""
        waiting: list[Any] = self.queue.waiting
        return waiting[0] if waiting else None

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received, and close.

        The answer follows those to earlier requests. Then the connection lingers so that the client can read
        it (RFC 9112 section 9.6), unless the client has ended its side.

        :param exc: the HTTP error to answer with, or an exception of the parser that stands for one.
        """
        reader = self.reader
        if self.phase is not OPEN or reader.is_ended:
            # Nothing after the last request is served.
            return
        exchange = reader.exchange
        if exchange is None:
            exchange = self.exchange_class(self, unread(reader.known_head()))
        error = exc if isinstance(exc, HTTPException) else self.translate(exc)
        if isinstance(error, Disagreement):
            text = "refusing %s %r, as it is not certain where it ends: the server %s, the parser %s"
            head = exchange.head
            path = head.path or head.target.partition(b"?")[0].decode("latin-1")
            logger.warning(text, head.method, path, error.server, error.parser)
        self.deadline = NEVER
        exchange.refuse(error)

    def note_message_end(self, exchange: Exchange) -> None:
        """Note the end of a message that has been answered already."""
        if self.queue.waiting:
            return
        # The answer came first, so nothing else continues from here.
        if self.reader.parsing.state is IDLE:
            self.await_request()
        else:
            self.loop.call_soon(self.close)

    def _hold(self) -> None:
        """Pause the transport while the queue has no room."""
        last: Any = self.queue.waiting[-1]
        if not last.head.upgrade or len(self.reader.buffer) > HELD_SIZE:
            self.transport.pause_reading()

    # Answering

    def _wait(self) -> Coroutine[Any, Any, None]:
        """Return the coroutine that answers the first request of the queue."""
        exchange: Any = self.queue.waiting[0]
        # A subclass may define its own environ; reading it takes time.
        environ = self.environ if type(exchange) is HTTP1Exchange else exchange.environ
        return self.answerer.answer(exchange, environ)

    def write_response(self, response: Response, fake_environ: dict[str, Any]) -> Rest:
        """Write a response to the first request of the queue.

        The head and a body in memory are written at once. A response that cannot be sent is logged, and a 500
        is written instead.

        :param response: not closed by this method.
        :param fake_environ: the request's environ; its method and protocol are read.
        :return: ``None`` if everything is written, or an awaitable that sends a streamed body.
        """
        waiting: list[Any] = self.queue.waiting
        exchange: HTTP1Exchange = waiting[0] if waiting else self.exchange_class(self, unread(RequestHead()))
        try:
            head, content = prepare_answer(response, fake_environ)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # send_response logs it and sends a 500.
            return send_response(exchange, response, fake_environ, self.app)
        if content is None or len(content) > COPY_SIZE:
            return send_prepared(exchange, response, head, content, fake_environ, self.app)
        # Nearly every answer is small and in memory, and nearly every connection persists.
        server, writer, body = self.server, self.writer, exchange.body
        is_open = not (server.stopping or self.reader.parsing.state is ENDED or exchange.error is not None)
        close = not (is_open and (body is None or body.is_whole)) and exchange.is_last
        exchange.status = head.code
        data = writer.head(head, exchange.message.version, close, server.date, server.server_field)
        exchange.persistent = not writer.framing.close
        if head.has_content:
            exchange.sent = len(content)
            data += content
        self.raw_write(data)
        return None

    def send_early_hints(self, fields: FieldPairs) -> bool:
        """Send fields of the answer ahead of it: see :meth:`Exchange.send_early_hints`.

        They belong to the request being handled.
        """
        exchange = self.first
        return exchange is not None and exchange.send_early_hints(fields)

    def open_tunnel(
        self,
        protocol: str,
        fields: Sequence[tuple[str, str]],
        factory: Callable[[], asyncio.Protocol],
    ) -> asyncio.Protocol | None:
        """Switch to another protocol in answer to the request being handled.

        See :meth:`Exchange.open_tunnel`.
        """
        exchange = self.first
        return None if exchange is None else exchange.open_tunnel(protocol, fields, factory)

    def finish_first(self) -> None:
        """Take the answered request off the queue; then answer the next, read on, or end the connection."""
        queue, reader, server = self.queue, self.reader, self.server
        if self.phase is CLOSED:
            return
        exchange: Any = queue.waiting[0]
        exchange.task = None
        exchange.is_answered = True
        if exchange.body is not None and exchange.body.stream is not None:
            exchange.leave_body()
        others = queue.end_first()
        if not exchange.persistent:
            reader.end()
            queue.clear()
            self.end_after(exchange)
            return
        if others or reader.is_held:
            if self.transport.is_closing():
                # The client has disconnected; connection_lost follows in the loop's next turn.
                queue.clear()
                return
            queue.go_on()
            if reader.is_held and not queue.is_full:
                self._read_on()
            if queue.waiting:
                return
        if self.phase is not OPEN:
            return
        if reader.parsing.state is IDLE and not server.stopping:
            self.deadline = server.clock + server.limits.keep_alive_timeout
        elif reader.is_ended or reader.parsing.state is IDLE:
            # No request follows, although the answer did not say "close".
            self.end_after(exchange)
        elif reader.parsing.state is BODY:
            following: Any = reader.exchange
            if following is not None and following.awaits_continue and not following.is_begun:
                following.send_continue()

    def _read_on(self) -> None:
        """Read what was held, and resume the transport."""
        reader = self.reader
        reader.read_on()
        if reader.is_ended:
            self.discard(len(reader.take_unread()))
        self.queue.go_on()
        if reader.is_held or self.phase is CLOSED:
            return
        # While lingering too: the rest of the client's input is read and discarded.
        self.transport.resume_reading()
        if self.client.has_ended and self.phase is OPEN:
            self._end_input()

    def end_after(self, exchange: HTTP1Exchange) -> None:
        """End the connection after its last answer."""
        if self.client.has_ended or (exchange.error is None and self._is_awaited_end(exchange)):
            self.close()
        else:
            self.linger()

    def _is_awaited_end(self, exchange: HTTP1Exchange) -> bool:
        """Return whether the client expects the end and sends no more.

        RFC 9112 section 9.6: "A client that sends a close connection option MUST NOT send further
        requests on that connection". A client that does so anyway still receives a large answer whole.
        """
        if exchange.body is not None and not exchange.body.is_whole:
            # The client is still sending: the request was answered before its body was complete.
            return False
        if not self.transport.can_write_eof():
            return True
        return not (exchange.message.keep_alive or self._lingered_size) and exchange.sent <= COPY_SIZE

    # Ends of the connection

    def linger(self) -> None:
        """Shut our side, and read on for a while. Held input is discarded unparsed."""
        super().linger()
        reader = self.reader
        if reader.is_held:
            reader.is_held = False
            self.discard(len(reader.take_unread()))
            self.transport.resume_reading()

    def take_unread(self) -> bytes:
        """Return the bytes that were received and not parsed, for another protocol."""
        return self.reader.take_unread()

    def release(self) -> None:
        """Drop the parser, the requests, and all references back to this object."""
        exchange = self.reader.exchange
        if exchange is not None and exchange.body is not None:
            exchange.body.fail(ClientGoneError("the client is gone"))
        self.queue.clear()
        self.reader.release()
        for name in CALLBACKS:
            self.__dict__.pop(name, None)
        super().release()

    def replace(self, other: type[OtherProtocol], *args: Any, **kwargs: Any) -> OtherProtocol:
        """Hand the connection to a new protocol: see :meth:`Connection.replace`."""
        answered = self.first
        if answered is not None and answered.task is not None:
            # First: handing the connection on may end a stop's wait for the last connection.
            self.server.keep(answered.task)
        return super().replace(other, *args, **kwargs)

    def shutdown(self) -> None:
        """Close at once, or after the answer to a request under way."""
        if self.phase is OPEN and self.reader.parsing.state is IDLE and not self.queue.waiting:
            super().shutdown()

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once, and cancel the handler under way."""
        answered = self.first
        task = None if answered is None else answered.task
        if task is None:
            return super().abort()
        self.spoil_end()
        self._end()
        task.cancel()
        if self.is_open_ended:
            # At once: a transport over TLS may be about to send its close_notify.
            self._abort_transport()
        else:
            # One turn later: the task that sends a file lets go of the transport first.
            self.loop.call_soon(self._abort_transport)
        return task

    # Deadlines

    def sweep(self, now: float) -> None:
        """Act on deadlines that have passed. A request that is late is refused with 408."""
        reader = self.reader
        if reader.deadline <= now:
            self.handle_parser_exception(refused("head-timeout"))
        elif reader.exchange is not None:
            reader.exchange.sweep(now)
        super().sweep(now)

    def expire(self) -> None:
        """Act on :attr:`deadline`: close an idle connection, or one that is ending."""
        if self.phase is not OPEN or (self.reader.parsing.state is IDLE and not self.queue.waiting):
            super().expire()
