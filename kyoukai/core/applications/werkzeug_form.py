"""The Werkzeug form of applications: a request class, and a coroutine from a request to a response."""

import contextlib
import copy
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from ..errors import ProtocolError
from ..exchange.answer import answer_failure
from ..exchange.closing import close_both
from ..exchange.environ import TOLD, build_environ
from ..exchange.request_ids import named

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange

logger: Final = logging.getLogger("kyoukai.protocol")


class WerkzeugForm:
    """Answers exchanges with an application of the Werkzeug form.

    :param app: see :class:`~kyoukai.core.serving.application.Application`.
    """

    __slots__ = ("app",)

    def __init__(self, app: Any) -> None:
        self.app = app

    def is_told(self, exchange: "Exchange", error: HTTPException) -> bool:
        """Return whether the application answers a refusal itself, and prepare for that.

        It does if the head was accepted and announces a body, and the application has :meth:`process_refusal
        <kyoukai.core.serving.application.RefusingApplication.process_refusal>`.
        """
        head = exchange.head
        if not (
            head.is_accepted
            and head.body_size != 0
            and isinstance(error, ProtocolError)
            and hasattr(self.app, "process_refusal")
        ):
            return False
        exchange.break_body(error)
        return True

    async def answer(self, exchange: "Exchange", shared: dict[str, Any]) -> None:
        """Answer one exchange: environ, request, application, response."""
        client = exchange.client
        if client.is_paused:
            # The client does not read its answers: produce no more of them.
            with contextlib.suppress(ConnectionResetError):
                await exchange.drain()
        if client.is_gone:
            return
        app, context = self.app, exchange.owner.parent_context
        environ = build_environ(exchange.head, shared, exchange.body, exchange.content)
        forwarding = exchange.server.forwarding
        if forwarding is not None:
            forwarding.apply(environ)
        if environ["kyoukai.protocol"] is None:
            environ["kyoukai.protocol"] = exchange
        refusal = None if exchange.error is None else exchange.refusal
        request = response = was_told = None
        try:
            try:
                request = app.request_class(environ)
                response = await (
                    app.process_request(request, context)
                    if refusal is None
                    else _tell(app, request, context, refusal)
                )
                if not isinstance(response, Response):
                    raise TypeError(f"process_request returned {response!r}; it must return a Response")
            except BaseException as exc:
                if exchange.is_ended_by(exc):
                    raise
                response = answer_failure(exc, environ, refusal)
            # The client may be gone by now, or the connection may belong to another protocol.
            if not exchange.client.is_gone:
                if refusal is not None and response.status_code == refusal.code:
                    exchange.warn_of(refusal)
                rest = exchange.write_response(response, environ)
                if rest is not None:
                    await rest
            else:
                was_told = environ.get(TOLD)
        except BaseException as exc:
            is_end = exchange.is_ended_by(exc)
            was_told = environ.get(TOLD)
            exchange.task = None
            if is_end:
                # The task ends here; no other code would answer.
                if not exchange.client.is_gone:
                    exchange.cut_off()
                raise
            head = exchange.head
            logger.error("answering %s %r failed%s", head.method, head.path, named(environ), exc_info=exc)
            exchange.cut_off()
        finally:
            observe = exchange.server.observe
            if observe is not None and was_told is None:
                observe(exchange, request, response)
            try:
                closing = close_both(environ, response)
                if closing is not None:
                    await closing
            finally:
                exchange.finish()


def _tell(app: Any, request: Request, context: Any, refusal: ProtocolError) -> Coroutine[Any, Any, Response]:
    """Have the application answer a refusal."""
    # A copy: the original is kept, and a traceback on it would refer back to its owner.
    answer: Coroutine[Any, Any, Response] = app.process_refusal(request, context, copy.copy(refusal))
    return answer
