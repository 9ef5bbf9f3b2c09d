"""Answering: which request is next, and what is asked of the application for it.

Requests come in by :class:`~kyoukai.core.http1.reading.Reading` and wait in a queue; this half asks
the application for the answer to the first, has it written, and goes on to the next. Each request is
answered in a task, and a copy of the server's context variables, of its own.
"""

import abc
import asyncio
import contextlib
import copy
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from ..errors import ProtocolError
from ..exchange.access import log_answer
from ..exchange.answer import answer_failure
from ..exchange.closing import close_both
from ..exchange.environ import build_environ, connection_environ
from ..exchange.error_response import error_response
from ..exchange.exchange import NOTHING, Exchange
from ..exchange.request_body import BodyStream
from ..exchange.response_body import COPY_SIZE
from ..exchange.tasks import begin_task
from ..faults import is_fault
from ..semantics.framing import NO_BODY
from ..serving.server_state import NEVER
from .parser_errors import Disagreement
from .reading import Reading
from .reception import NO_EXCHANGE, logger
from .states import BODY, CLOSED, ENDED, IDLE, LINGERING

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import Component, RefusingApplication


class Answering(Reading, abc.ABC):
    """The queue of requests, and the first of them. Parameters are those of :class:`Connection`."""

    peer: "tuple[Any, ...] | None" = None
    """The client's address, where whoever accepted the connection knows it; else the transport is asked."""

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
        peer = None if is_local else self.peer or transport.get_extra_info("peername")
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

    @abc.abstractmethod
    def write_response(
        self, response: Response, fake_environ: dict[str, Any]
    ) -> Coroutine[Any, Any, None] | None:
        """Write a response to the first request of the queue."""

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
                refusal = None
                if exchange.error is not None:
                    refusal = self._refusal_to_tell(exchange, exchange.error)
                    if refusal is None:
                        self._refuse(exchange, exchange.error)
                        continue
                self._task = task = begin_task(self.loop, self._wait(refusal), self.server.context.copy())
                if task is not None and self.state is CLOSED:  # pragma: no cover (since Python 3.12)
                    # It has closed the connection already, or handed it on, and goes on.
                    self.server.keep(task)
        finally:
            self._is_deferring = False

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received with the HTTP error that ``exc`` is or means, and close.

        The answer comes after those to earlier requests; then the connection lingers, unless the client
        has ended its side, so that it can be read (RFC 9112 section 9.6).
        """
        if self.state is ENDED or self.state is LINGERING or self.state is CLOSED:
            # What comes after the last request was never going to be served.
            return
        exchange = self.partial_exchange() if self.exchange is NO_EXCHANGE else self.exchange
        exchange.error = error = exc if isinstance(exc, HTTPException) else self.translate(exc)
        if isinstance(error, Disagreement):
            text = "refusing %s %r, as it is not certain where it ends: the server %s, the parser %s"
            path = exchange.logged_path or exchange.target.partition(b"?")[0].decode("latin-1")
            logger.warning(text, exchange.method, path, error.server, error.parser)
        # They would hold what was read last until the collector of cycles runs.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        self.state = self.state.refuse
        self.exchange = NO_EXCHANGE
        self.deadline = NEVER
        if self.stream is None:
            # What came of a body that is not handed over.
            exchange.content = None
            self.enqueue(exchange)
        else:
            self.break_stream(exchange, error)

    def _refusal_to_tell(self, exchange: Exchange, error: HTTPException) -> ProtocolError | None:
        """Return what the application is to answer a refusal by, or nothing where the server answers.

        The head was accepted, a body was to come, and the application has :meth:`process_refusal
        <kyoukai.core.serving.application.RefusingApplication.process_refusal>`.
        """
        is_of_body = exchange.environ is not NOTHING and exchange.framing is not NO_BODY
        if not (is_of_body and isinstance(error, ProtocolError) and self.tells_refusals):
            return None
        exchange.content = BodyStream.broken(error)
        return error

    def _refuse(self, exchange: Exchange, error: HTTPException) -> None:
        accept = b",".join(value for name, value in exchange.fields if name.lower() == b"accept")
        environ = {"REQUEST_METHOD": exchange.method or "GET", "SERVER_PROTOCOL": "HTTP/1.1"}
        self.write_response(error_response(error, accept.decode("latin-1")), environ)
        self._log(exchange, None)
        self._answered(exchange)

    def _tell(self, request: Request, refusal: ProtocolError) -> Coroutine[Any, Any, Response]:
        """Have the application answer a refusal."""
        app = cast("RefusingApplication", self.app)
        # Another one, as this one is kept, and the traceback of what is raised leads to where it is.
        return app.process_refusal(request, self.parent_context, copy.copy(refusal))

    async def _wait(self, refusal: ProtocolError | None) -> None:
        """Answer the first exchange of the queue: environ, request, application, response.

        :param refusal: why its body is not read, where it is not.
        """
        if self.is_paused:
            # The client does not read the answers it has: make no more of them.
            with contextlib.suppress(ConnectionResetError):
                await self.drain()
        if self.state is CLOSED:
            return
        exchange = self.exchanges[0]
        environ = build_environ(exchange, self.environ)
        exchange.content = None
        request = response = None
        try:
            try:
                request = self.app.request_class(environ)
                response = await (
                    self.app.process_request(request, self.parent_context)
                    if refusal is None
                    else self._tell(request, refusal)
                )
                if not isinstance(response, Response):
                    raise TypeError(f"process_request returned {response!r}; it must return a Response")
            except BaseException as exc:
                if self._is_ended_by(exc):
                    raise
                response = answer_failure(exc, environ, refusal)
            # The client may be gone by now, or the connection another protocol's.
            if self.state is not CLOSED:
                rest = self.write_response(response, environ)
                if rest is not None:
                    await rest
        except BaseException as exc:
            is_end = self._is_ended_by(exc)
            self._task = None
            if is_end:
                # The task ends here; nobody is left to answer.
                if self.state is not CLOSED:
                    self.abort()
                raise
            logger.error("answering %s %r failed", exchange.method, exchange.logged_path, exc_info=exc)
            self.abort()
        finally:
            if self.server.access_log is not None:
                self._log(exchange, request)
            closing = close_both(environ, response)
            if closing is not None:
                await closing
        self._answered(exchange)

    def _is_ended_by(self, exc: BaseException) -> bool:
        """Return whether ``exc`` ends the task that answers: it is no fault of what the task called."""
        if isinstance(exc, GeneratorExit):
            # Into a task that is collected it is thrown from outside. One that runs got it by what it called.
            return self._task is not None and asyncio.current_task(self.loop) is not self._task
        return not is_fault(exc)

    def _log(self, exchange: Exchange, request: Request | None) -> None:
        if exchange.status and self.server.access_log is not None:
            log_answer(self.server.access_log, exchange, request, self.environ)

    def _answered(self, exchange: Exchange) -> None:
        """Go on after an answer: to the next of the queue, to the next request, or to the end."""
        self._task = None
        if self.state is CLOSED:
            return
        del self.exchanges[0]
        if exchange is self.exchange:
            self.drain_body()
        if not exchange.persistent:
            self.exchanges.clear()
            self.end_after(exchange)
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
            self.end_after(exchange)
        elif self.state is BODY and self.exchange.expect_continue:
            self.send_continue()

    def end_after(self, exchange: Exchange) -> None:
        """Close after the last answer."""
        if self.client_ended or (exchange.error is None and self._is_awaited_end(exchange)):
            self.close()
        else:
            self.linger()

    def _is_awaited_end(self, exchange: Exchange) -> bool:
        """Return whether the client waits for the end, and sends no more.

        RFC 9112 section 9.6: "A client that sends a close connection option MUST NOT send further
        requests on that connection". One that does all the same still gets an answer that takes a while.
        """
        if self.state is BODY:
            # It sends still: the request was answered before its body was whole.
            return False
        if not self.transport.can_write_eof():
            return True
        return not (exchange.keep_alive or self._lingered_size) and exchange.sent <= COPY_SIZE
