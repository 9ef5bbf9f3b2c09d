"""The lower form of applications: a coroutine that gets the exchange, without a Werkzeug request."""

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from werkzeug.exceptions import HTTPException, InternalServerError

from ..errors import ProtocolError, identified
from ..exchange.body_stream import ClientGoneError
from ..exchange.closing import close_both
from ..exchange.error_response import error_response
from ..exchange.witness import bear_witness
from ..serving.refusal_log import note_answer
from .answer_stream import AnswerStream

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..exchange.exchange import Exchange

logger: Final = logging.getLogger("kyoukai.protocol")


class ExchangeApplication(Protocol):
    """An application that answers exchanges itself, without an environ or a Werkzeug request.

    An object with the method below counts as one, even if it also has ``process_request``. Without the
    optional method ``receive_head``, every body is read into memory before the request is answered, up to
    ``max_body_size``: see :class:`~kyoukai.core.serving.application.PlanningApplication`. The methods in
    ``declared_methods`` are served besides the registered ones.
    """

    async def process_exchange(self, exchange: "Exchange", parent_context: "Context") -> None:
        """Answer one request.

        It is called when the request is complete or, if its body is streamed, at the end of the head. It runs
        in its own task, with its own copy of the server's context variables. It is not called for requests
        that the server refuses and answers.

        It sends one answer, with :func:`~kyoukai.send_answer`, or in pieces with
        :func:`~kyoukai.start_answer`, and returns when all of it is sent. It does not call the wire's
        methods: ``answered``, ``finish``, ``refuse`` and the ``receive`` methods. The server handles the log,
        the rest of an unread body and the end of the connection.

        :param exchange: ``exchange.head`` is the request's head; :func:`~kyoukai.read_content` reads the
            content.
        :param parent_context: the server's Asphalt context, the parent for a context of the request.
        :raises HTTPException: to have the server answer with that error; nothing is logged.
        :raises Exception: is logged with its traceback, and answered with 500. So is a return without an
            answer. If the answer has begun, an exception or a return before its end breaks it off.
        :raises ClientGoneError: to give up the answer, because the client has ended its side.
        :raises asyncio.CancelledError: if it is cancelled, by a stop or by ``cancel_on_disconnect``. Do not
            catch it.
        """


def finish_answer(exchange: "Exchange") -> None:
    """Let the connection go on when the whole answer is sent, though ``process_exchange`` is still running.

    No method of the exchange is called afterwards. If the client is gone, nothing happens.
    """
    if not exchange.client.is_gone:
        if exchange.server.observe is not None:
            # Some answers are observed elsewhere: those of a mount by the framework.
            exchange.tell(None)
        exchange.finish()


class ExchangeForm:
    """Answers exchanges with an application of the lower form.

    :param app: an :class:`ExchangeApplication`.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.pushed: dict[Exchange, AnswerStream] = {}
        """The answers under way that are sent in pieces."""

    def is_told(self, exchange: "Exchange", error: HTTPException) -> bool:
        """Return ``False``: the server answers refusals itself."""
        return False

    async def answer(self, exchange: "Exchange", shared: dict[str, Any]) -> None:
        """Answer one exchange, whatever the application raises."""
        if exchange.client.is_paused:
            # The client does not read its answers: produce no more of them.
            with contextlib.suppress(ConnectionResetError):
                await exchange.drain()
        if exchange.client.is_gone:
            return
        try:
            try:
                await self.app.process_exchange(exchange, exchange.owner.parent_context)
                if not exchange.status and not exchange.client.is_gone:
                    raise RuntimeError("process_exchange returned without sending an answer")
                pushed = self.pushed.get(exchange) if self.pushed else None
                if pushed is not None and not pushed.is_ended and not exchange.client.is_gone:
                    raise RuntimeError("process_exchange returned without ending its answer")
            except BaseException as exc:
                if exchange.is_ended_by(exc):
                    raise
                await self._answer_failure(exchange, exc)
        except BaseException as exc:
            is_end = exchange.is_ended_by(exc)
            if exchange.is_answered:
                # The connection already serves the next exchange.
                raise
            exchange.task = None
            if not is_end:
                head = exchange.head
                text = "answering %s %r failed (request id %s)"
                logger.error(text, head.method, head.path, exchange.request_id, exc_info=exc)
            if not exchange.client.is_gone:
                exchange.cut_off()
            if is_end:
                # The task ends here; no other code would answer.
                raise
        finally:
            if self.pushed:
                self.pushed.pop(exchange, None)
            if not exchange.is_answered:
                exchange.tell(None)
                exchange.finish()

    async def _answer_failure(self, exchange: "Exchange", exc: BaseException) -> None:
        """Answer with 500 if nothing was sent; otherwise break the answer off."""
        head = exchange.head
        if exchange.is_answered:
            text = "the application failed after its answer to %s %r (request id %s)"
            logger.error(text, head.method, head.path, exchange.request_id, exc_info=exc)
            return
        if exchange.client.is_gone:
            return
        if isinstance(exc, ClientGoneError) and exchange.client_ended:
            logger.debug("giving up an answer: the client has ended its side")
            exchange.reset()
            return
        if isinstance(exc, ConnectionResetError) and exchange.client_gone:
            logger.debug("a client disconnected before it had its whole answer")
            return
        error = exc if isinstance(exc, HTTPException) else identified(InternalServerError(), "handler-failed")
        if error is not exc or exchange.status:
            text = "the application failed on %s %r (request id %s)"
            logger.error(text, head.method, head.path, exchange.request_id, exc_info=exc)
            bear_witness(exc, {})
        if exchange.status:
            exchange.reset()
            return
        environ = {"REQUEST_METHOD": head.method, "SERVER_PROTOCOL": f"HTTP/{head.version}"}
        if not isinstance(error, ProtocolError):
            note_answer(error, exchange.client_environ | {"kyoukai.protocol": exchange})
        response = error_response(error, head.accept)
        try:
            rest = exchange.write_response(response, environ)
            if rest is not None:
                await rest
        finally:
            closing = close_both(environ, response)
            if closing is not None:
                await closing
