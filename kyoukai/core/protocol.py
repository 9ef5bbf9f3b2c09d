"""The contract's upper storey: one HTTP/1 connection, events in and calls out.

Requests come in by :class:`~kyoukai.core.reading.Reading` and wait in a queue; this half asks
the application for the answer to the first, writes it, and goes on to the next. Each request is
answered in a task, and a copy of the server's context variables, of its own.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from .access import log_answer
from .answer import answer_failure, close_both, is_cancelled, prepare_answer
from .connection import OtherProtocol
from .environ import build_environ, connection_environ
from .error_response import error_response
from .exchange import Exchange
from .reading import Reading
from .reception import NO_EXCHANGE, logger
from .server import NEVER
from .states import BODY, CLOSED, ENDED, IDLE, LINGERING
from .stream import COPY_SIZE, LARGE_SIZE, PIECE_SIZE, BodySender
from .tasks import begin_task

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import Component
    from .framing import ResponseFraming


class HTTPProtocol(Reading):
    """One HTTP/1 connection. A backend derives from it and writes two methods.

    They are :meth:`make_parser` and :meth:`translate_exception`. The parser calls this object itself, so
    a subclass does not override ``on_*``. Parameters: :class:`~kyoukai.core.connection.Connection`.
    """

    def __init__(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.app = component.app
        self._task: asyncio.Task[None] | None = None
        """What answers, once it has had to wait."""
        self.environ: dict[str, Any] = {}
        """What the environs of all requests of this connection share."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a connection just accepted."""
        super().connection_made(transport)
        is_local = self.server_port == 0
        # The peer may be gone before it can be asked for its name.
        peer = None if is_local else transport.get_extra_info("peername")
        self.environ = connection_environ(
            scheme="https" if self.is_secure else "http",
            server=("localhost", 80) if is_local else (self.server_ip, self.server_port),
            peer=peer[:2] if peer else None,
            protocol=self,
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up. A streamed answer is cut off; a handler runs on, or not: ``cancel_on_disconnect``."""
        if self.exchanges and (self.state is IDLE or self.state is ENDED):
            logger.debug("a client is gone before it had its answer")
        if self._task is not None:
            self.server.keep(self._task)
            is_sending = bool(self.exchanges) and self.exchanges[0].status > 0
            if is_sending or self.server.cancel_on_disconnect:
                self._task.cancel()
        super().connection_lost(exc)

    def release(self) -> None:
        """Let go of the requests, and of what refers to this object."""
        self.exchanges.clear()
        # What the log wants of it stays.
        self.environ.pop("kyoukai.protocol", None)
        super().release()

    # The queue

    def enqueue(self, exchange: Exchange) -> None:
        """Queue an exchange whose request is whole, or refused; it is answered when its turn comes."""
        self.exchanges.append(exchange)
        if not self._is_deferring:
            self.answer_queued()

    def answer_queued(self) -> None:
        """Answer the first of the queue, and those after it, unless one is being answered already.

        A task may have come to its end when it has been begun. The next one is begun here then, and
        not by it: the stack does not grow with the queue.
        """
        self._is_deferring = True
        try:
            while self.exchanges and not self._is_answering:
                self._is_answering = True
                exchange = self.exchanges[0]
                if exchange.error is not None:
                    self._refuse(exchange, exchange.error)
                    continue
                self._task = task = begin_task(self.loop, self._wait(), self.server.context.copy())
                if task is not None and self.state is CLOSED:  # pragma: no cover (since Python 3.12)
                    # It has closed the connection already, or handed it on, and goes on.
                    self.server.keep(task)
        finally:
            self._is_deferring = False

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received with the HTTP error that ``exc`` means, and close.

        The application is not called. The answer comes after those to earlier requests; then the
        connection lingers, unless the client has ended its side, so that it can be read (RFC 9112
        section 9.6).
        """
        if self.state is ENDED or self.state is LINGERING or self.state is CLOSED:
            # What comes after the last request was never going to be served.
            return
        exchange = self.partial_exchange() if self.exchange is NO_EXCHANGE else self.exchange
        exchange.error = error = self.translate(exc)
        # They would hold what was read last until the collector of cycles runs.
        error.__traceback__ = error.__context__ = None
        self.state = self.state.refuse
        self.exchange = NO_EXCHANGE
        self.deadline = NEVER
        self.enqueue(exchange)

    def _refuse(self, exchange: Exchange, error: HTTPException) -> None:
        accept = b",".join(value for name, value in exchange.fields if name.lower() == b"accept")
        environ = {"REQUEST_METHOD": exchange.method or "GET", "SERVER_PROTOCOL": "HTTP/1.1"}
        self.write_response(error_response(error, accept.decode("latin-1")), environ)
        self._log(exchange)
        self._answered(exchange)

    async def _wait(self) -> None:
        """Answer the first exchange of the queue: environ, request, application, response."""
        if self._resumed is not None:
            # The client does not read the answers it has: make no more of them.
            with contextlib.suppress(ConnectionResetError):
                await self.drain()
        if self.state is CLOSED:
            return
        exchange = self.exchanges[0]
        environ = build_environ(exchange, self.environ)
        exchange.body = []
        response = None
        try:
            try:
                request = self.app.request_class(environ)
                response = await self.app.process_request(request, self.parent_context)
                if not isinstance(response, Response):
                    raise TypeError(f"process_request returned {response!r}; it must return a Response")
            except (Exception, asyncio.CancelledError) as exc:
                if is_cancelled(exc):
                    raise
                response = answer_failure(exc, environ)
            # The client may be gone by now, or the connection another protocol's.
            if self.state is not CLOSED:
                rest = self.write_response(response, environ)
                if rest is not None:
                    await rest
        except Exception:
            logger.exception("answering %s %r failed", exchange.method, exchange.logged_path)
            self._task = None
            self.abort()
        finally:
            if self.server.access_log is not None:
                self._log(exchange)
            closing = close_both(environ, response)
            if closing is not None:
                await closing
        self._answered(exchange)

    def _log(self, exchange: Exchange) -> None:
        if exchange.status and self.server.access_log is not None:
            log_answer(self.server.access_log, exchange, self.environ)

    def _answered(self, exchange: Exchange) -> None:
        """Go on after an answer: to the next of the queue, to the next request, or to the end."""
        self._task = None
        if self.state is CLOSED:
            return
        self.exchanges.popleft()
        if not exchange.persistent:
            self.exchanges.clear()
            self._end(exchange)
            return
        self._is_answering = False
        if self.exchanges and not self._is_deferring:
            self.answer_queued()
        if self._is_held:
            self.read_on()
        if self.exchanges:
            return
        if self.state is IDLE and not self.server.stopping:
            self.deadline = self.server.clock + self.limits.keep_alive_timeout
        elif self.state is ENDED or self.state is IDLE:
            # No request follows, though the answer did not say so.
            self._end(exchange)
        elif self.state is BODY and self.exchange.expect_continue:
            self.send_continue()

    def _end(self, exchange: Exchange) -> None:
        """Close after the last answer."""
        is_refusal = exchange.error is not None
        if self.client_ended or not (is_refusal or self.transport.can_write_eof()):
            self.close()
        else:
            self.linger()

    # Writing

    def send_continue(self) -> None:
        """Let the client send the body of the request being received (RFC 9110 section 15.2.1)."""
        self.exchange.expect_continue = False
        if not self.exchange.body_size:
            self.raw_write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # Its time runs from now on, if it did not before.
            self.deadline = self.server.clock + self.limits.body_timeout

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
        date, server = self.server.date, self.server.server_field
        try:
            head, body, framing, exchange.status = prepare_answer(response, fake_environ, close, date, server)
        except Exception:
            # Nothing was written yet, so there is an answer to give.
            logger.exception("the answer to %s %r cannot be sent", exchange.method, exchange.logged_path)
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
        self.raw_write(head)
        if body is None or len(body) > (PIECE_SIZE if self.is_secure else LARGE_SIZE):
            # A transport over TLS does not tell how much of a large write has gone, and asyncio's
            # own keeps a copy of what has not.
            return self._send_body(response.response if body is None else body, framing, exchange)
        exchange.sent = len(body)
        self.raw_write(body)
        return None

    async def _send_body(self, body: object, framing: "ResponseFraming", exchange: Exchange) -> None:
        try:
            await BodySender(self, exchange, framing).send(body)
        except Exception:
            if self.client_gone:
                logger.debug("a client is gone before it had its whole answer")
                return
            logger.exception("the body of the answer to %s %r failed", exchange.method, exchange.logged_path)
            # RFC 9112 section 8: without its last chunk, or short of its Content-Length, a message
            # is known to be incomplete. One that ends with the connection needs a reset.
            if framing.chunked or framing.content_length is not None:
                self.close()
            else:
                self.reset()

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
        self.state = self.state.close
        task.cancel()
        # One turn later: what sends a file must have let go of the transport by then.
        self.loop.call_soon(self.transport.abort)
        return task
