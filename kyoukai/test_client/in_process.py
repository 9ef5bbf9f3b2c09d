"""The client without a server: it calls the application as a server does.

The server's own code makes head and body of an answer, so that an answer that cannot be sent fails here too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from asphalt.core import Context
from werkzeug import wrappers
from werkzeug.test import TestResponse

from kyoukai.core.exchange.answer import answer_failure, prepare_answer
from kyoukai.core.exchange.closing import close_both
from kyoukai.core.exchange.response_body import BodySender
from kyoukai.core.exchange.witness import witness
from kyoukai.core.faults import is_end
from kyoukai.core.limits import Limits
from kyoukai.core.serving.server_state import Server

from .answers import Answer, Begun
from .client import Client
from .requests import BASE, target_of
from .sinks import Sink, StreamSink
from .tunnel_sink import TunnelSink

if TYPE_CHECKING:
    from .websocket_connection import ClientConnection

SERVER: Final = Server().server_field


class InProcessClient(Client):
    """A test client that calls the application in-process, without a server or a socket.

    There is no server to refuse a request, for example a body beyond ``max_body_size``: the application gets
    it. ``ctx.proto`` is ``None``, except for WebSockets.

    :param app: the application.
    :param background_timeout: seconds that the end waits for background tasks.
    :param shutdown_timeout: seconds that the end waits for handlers of WebSockets.
    :param options: options of :class:`Client`.
    """

    def __init__(
        self,
        app: Any,
        *,
        background_timeout: float | None = None,
        shutdown_timeout: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        given: dict[str, Any] = {
            "background_timeout": background_timeout,
            "shutdown_timeout": shutdown_timeout,
        }
        self.limits = Limits(**{name: value for name, value in given.items() if value is not None})
        self.server = Server(self.limits)
        """The server state that WebSockets share. It does not listen, and starts with the first WebSocket."""
        self._is_sweeping = False
        self._ctx: Context | None = None
        self._variables = copy_context()

    async def start(self, ctx: Context) -> None:
        """Finalize the application, and run its hooks before serving."""
        finalize = getattr(self.app, "finalize", None)
        if finalize is not None:
            finalize()
        lifecycle = getattr(self.app, "lifecycle", None)
        if lifecycle is not None:
            await lifecycle.start(ctx)

            async def stop() -> None:
                await lifecycle.stop(self.limits.background_timeout)

            ctx.add_teardown_callback(stop)
        self.server, self._is_sweeping = Server(self.limits), False
        ctx.add_teardown_callback(self._stop_websockets)
        self._ctx = ctx
        self._variables = copy_context()

    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Return the application's answer; the request has its own task and context variables."""
        sink = Sink()
        errors: list[BaseException] = []
        await self._begin(environ, target, sink, errors)
        return Answer(sink.answer_status, sink.headers, bytes(sink.data), errors)

    @contextlib.asynccontextmanager
    async def send_streamed(self, environ: dict[str, Any], target: str) -> AsyncIterator[Begun]:
        """Yield the application's answer as it arrives; the end cancels it, as a disconnect does."""
        sink = StreamSink()
        errors: list[BaseException] = []
        task = self._begin(environ, target, sink, errors)
        try:
            await asyncio.wait([task, sink.begun], return_when=asyncio.FIRST_COMPLETED)
            if not sink.begun.done():
                task.result()
            yield Begun(sink.answer_status, sink.headers, sink.pieces(task), errors)
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # Mark it as retrieved: it was raised above, or the test does not need it.

    async def send_upgrade(
        self, environ: dict[str, Any], target: str, connection: "ClientConnection"
    ) -> Answer:
        """Return the application's answer; if it is 101, the connection is connected by then.

        The handler continues until it or the client ends.
        """
        if not self._is_sweeping:
            self._is_sweeping = True
            self.server.start()
        sink = TunnelSink(self, self._ctx, environ, connection)
        errors: list[BaseException] = []
        task = self._begin({**environ, "kyoukai.protocol": sink}, target, sink, errors)
        try:
            await asyncio.wait([task, sink.opened], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            sink.client.lose()
            raise
        finally:
            if not task.done():
                self.server.keep(task)
        if not sink.opened.done():
            task.result()
        return Answer(sink.answer_status, sink.headers, bytes(sink.data), errors)

    async def _stop_websockets(self) -> None:
        if self._is_sweeping:
            await self.server.stop(asyncio.Event())

    def _begin(
        self, environ: dict[str, Any], target: str, sink: Sink, errors: list[BaseException]
    ) -> "asyncio.Task[None]":
        """Start answering a request; ``errors`` gets the exceptions that are answered with a 500."""

        def note(error: BaseException, environ: dict[str, Any]) -> None:
            errors.append(error)
            self.errors.append(error)

        variables = self._variables.copy()
        variables.run(witness.set, note)
        answering = answer(self.app, as_served(environ, target), self._ctx, sink)
        return asyncio.create_task(answering, context=variables)


async def ask_once(app: Any, request: wrappers.Request, parent_context: Context) -> TestResponse:
    """Return the response of an application that was not started to one request.

    :raises Exception: the exceptions of :func:`answer`.
    """
    environ = as_served({**BASE, **request.environ}, target_of(request.environ))
    sink = Sink()
    await answer(app, environ, parent_context, sink)
    return TestResponse([bytes(sink.data)], sink.answer_status, sink.headers, request=request)


def as_served(environ: dict[str, Any], target: str) -> dict[str, Any]:
    """Return an environ of Werkzeug's builder with the server's variables."""
    return {
        **environ,
        "QUERY_STRING": target.partition("?")[2],
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SERVER_SOFTWARE": SERVER,
    }


async def answer(app: Any, environ: dict[str, Any], parent_context: Context | None, sink: Sink) -> None:
    """Send a request to an application, and its answer to ``sink``.

    :raises InvalidResponseError: if the answer cannot be sent.
    :raises Exception: an exception of its body, for which a server would abort the answer.
    """
    request = app.request_class(environ)
    response = None
    try:
        try:
            response = await app.process_request(request, parent_context)
        except BaseException as exc:
            if is_end(exc):
                raise
            response = answer_failure(exc, environ)
        if sink.client.is_gone:
            # The answer opened a tunnel.
            return
        head, content = prepare_answer(response, environ)
        if content is not None or not head.has_content:
            sink.send_whole(head, content if content is not None and head.has_content else b"")
        else:
            sink.send_head(head)
            await BodySender(sink, head.size).send(response.response)
    finally:
        closing = close_both(environ, response)
        if closing is not None:
            await closing
