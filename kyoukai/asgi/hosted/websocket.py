"""One WebSocket of a hosted application (ASGI's WebSocket format, version 2.5).

:mod:`kyoukai.websocket` does frames, limits, pings and the closing handshake. This module has the events and
    their order.
"""

import asyncio
import enum
import functools
import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final

from werkzeug.exceptions import Forbidden, HTTPException

from kyoukai.core.errors import identified
from kyoukai.core.exchange.error_response import error_response
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.upgrades import UpgradeRequired
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.core.faults import is_end
from kyoukai.websocket import WebSocket, WebSocketClosed, WebSocketSettings
from kyoukai.websocket.connection import WebSocketConnection
from kyoukai.websocket.failing import NORMAL, close_failed
from kyoukai.websocket.handshake import VersionMismatch, agree
from kyoukai.websocket.opening import open_websocket

from .endings import leave_unanswered, note_failure
from .host import Host
from .http import HTTPCall
from .websocket_events import disconnect, read_accepted, read_message, read_reason, websocket_scope

logger: Final = logging.getLogger("kyoukai.asgi")

ABNORMAL: Final = 1006


class State(enum.Enum):
    """The state of a WebSocket, as the application knows it."""

    CONNECTING = "connecting"
    OPEN = "open"
    DENYING = "denying"
    """The application refuses the handshake with a response, whose body is being sent."""
    CLOSED = "closed"


class WebSocketCall:
    """One call of an application for a WebSocket.

    :param websocket: opened when the application accepts it.
    :param http: sends the answer if the application does not accept.
    :param offered: the subprotocols that the client offers.
    """

    __slots__ = ("_answered", "_is_announced", "_offered", "_websocket", "failure", "http", "state")

    def __init__(self, websocket: WebSocket, http: HTTPCall, offered: Sequence[str] = ()) -> None:
        self.http = http
        """Sends the answer if the application does not accept."""
        self._websocket = websocket
        self._offered = offered
        self._is_announced = False
        self._answered: asyncio.Future[None] | None = None
        self.state = State.CONNECTING
        self.failure: HTTPException | None = None
        """The error with which the server answered the handshake, as the application was told."""

    # Called by the application

    async def receive(self) -> dict[str, Any]:
        """Return the next event: connect, receive, or last disconnect.

        A cancelled call loses no event.
        """
        if not self._is_announced:
            self._is_announced = True
            return {"type": "websocket.connect"}
        if self.state is not State.OPEN:
            await self._wait_answered()
        if self.state is not State.OPEN:
            return await self._disconnect(WebSocketClosed(ABNORMAL))
        try:
            message = await self._websocket.receive()
        except WebSocketClosed as closed:
            return await self._disconnect(closed)
        kind = "text" if isinstance(message, str) else "bytes"
        return {"type": "websocket.receive", kind: message}

    async def send(self, message: dict[str, Any]) -> None:
        """Handle an event, and return when the client has room for the next.

        :raises WebSocketClosed: if the WebSocket is closed by either side, or was refused. It is an
            :exc:`OSError`.
        :raises RuntimeError: if the event is not allowed now.
        :raises TypeError: if a value has the wrong type.
        :raises ValueError: if a value cannot be sent.
        """
        kind = message["type"]
        if self.state is State.OPEN:
            if kind == "websocket.send":
                await self._websocket.send(read_message(message))
            elif kind == "websocket.close":
                await self._close(message)
            else:
                raise RuntimeError(f"{kind!r} cannot be sent on a WebSocket that is accepted")
        elif self.state is State.CLOSED or self.http.was_told:
            raise self._closed_error()
        elif self.state is State.DENYING:
            if kind != "websocket.http.response.body":
                raise RuntimeError(f"{kind!r} cannot be sent after websocket.http.response.start")
            await self._deny(message)
        elif kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.close":
            await self._refuse()
        elif kind == "websocket.http.response.start":
            self.state = State.DENYING
            await self._deny(message)
        else:
            raise RuntimeError(f"{kind!r} was sent before websocket.accept")

    # The answer to the handshake

    async def _accept(self, message: dict[str, Any]) -> None:
        fields = read_accepted(message, self._offered)
        try:
            await self._websocket.accept(fields)
        except HTTPException as error:
            # Code around the application has already answered the handshake.
            self.failure = error
            self._settle(State.CLOSED)
            raise WebSocketClosed(ABNORMAL, "the handshake was answered with an error") from None
        except WebSocketClosed:
            self._settle(State.CLOSED)
            raise
        self._settle(State.OPEN)

    async def _refuse(self) -> None:
        """Answer with 403: the application has closed the WebSocket before accepting it."""
        self._websocket.refused = True
        error = identified(Forbidden(), "websocket-not-accepted")
        answer = error_response(error, self.http.exchange.head.accept)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        self.state = State.DENYING
        await self._deny({"type": "start", "status": answer.status_code, "headers": headers})
        await self._deny({"type": "body", "body": answer.get_data()})

    async def _deny(self, message: dict[str, Any]) -> None:
        """Send a part of a response. Its events have the names of HTTP's, with a prefix."""
        kind = message["type"].rpartition(".")[2]
        try:
            await self.http.send({**message, "type": f"http.response.{kind}"})
        except ConnectionResetError:
            self._settle(State.CLOSED)
            raise self._closed_error() from None
        if self.http.is_over:
            self._settle(State.CLOSED)

    def _settle(self, state: State) -> None:
        """Note the result of the handshake, and wake the tasks that wait for it."""
        self.state = state
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    async def _wait_answered(self) -> None:
        """Wait until the application has answered the handshake, or the client is gone."""
        exchange = self.http.exchange
        while self.state in (State.CONNECTING, State.DENYING):
            if exchange.client_ended:
                self.http.was_told = True
                return
            if self._answered is None:
                self._answered = asyncio.get_running_loop().create_future()
            ended = asyncio.ensure_future(exchange.wait_client_ended())
            try:
                await asyncio.wait((self._answered, ended), return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()

    # After the handshake

    async def _disconnect(self, closed: WebSocketClosed) -> dict[str, Any]:
        # An application that calls this in a loop and ignores the result must not block the other tasks.
        await asyncio.sleep(0)
        return disconnect(closed)

    async def _close(self, message: dict[str, Any]) -> None:
        if self._websocket.closed is not None:
            raise self._closed_error()
        code = message.get("code", 1000)
        await self._websocket.close(1000 if code is None else code, read_reason(message.get("reason")))

    def _closed_error(self) -> WebSocketClosed:
        connection = self._websocket.connection
        return WebSocketClosed(ABNORMAL) if connection is None else connection.closed_error()


async def call_application(application: Any, scope: dict[str, Any], call: WebSocketCall) -> None:
    """Let an application answer for a WebSocket.

    :raises HTTPException: if code around the application has answered the handshake.
    :raises Exception: an exception of the application before the handshake is answered, or one for an
        unfinished answer.
    :raises BaseException: an exception of the application after it has accepted.
    """
    try:
        await application(scope, call.receive, call.send)
    except BaseException as exc:
        if call.state is State.OPEN or is_end(exc):
            raise
        if call.failure is not None:
            raise call.failure from exc
        note_failure(call.http, exc, is_opening=True)
    if call.failure is not None:
        raise call.failure
    if not call.http.is_over and call.state is not State.OPEN:
        leave_unanswered(call.http)


async def answer_websocket(host: Host, settings: WebSocketSettings, exchange: Exchange) -> None:
    """Answer a request that opens a WebSocket, on a wire that supports them.

    :raises HTTPException: if the handshake is malformed, has an unsupported version, or comes from a
        forbidden origin.
    :raises Exception: an exception of the application before the handshake is answered, or one for an
        unfinished answer.
    """
    environ = exchange.head.environ | exchange.client_environ
    try:
        agreed = agree(environ, settings, ())
    except VersionMismatch:
        raise identified(UpgradeRequired(), "websocket-version-unknown") from None
    scope = websocket_scope(host.make_scope(exchange))
    task = asyncio.current_task()

    async def open_connection(fields: Iterable[tuple[str, str]]) -> WebSocketConnection:
        opened = open_websocket(exchange, agreed, settings, [*fields], task=task)
        # The answer ends here. The tunnel has its own end.
        exchange.tell(None)
        exchange.task = None
        exchange.is_answered = True
        return opened

    websocket = WebSocket(open_connection, None)
    call = WebSocketCall(websocket, HTTPCall(exchange, host.going_on), scope["subprotocols"])
    try:
        await call_application(host.application, scope, call)
    except BaseException as exc:
        if websocket.connection is None:
            raise
        close_failed(websocket.connection, exc, functools.partial(log_failure, exchange))
    else:
        if websocket.connection is not None:
            websocket.connection.begin_close(NORMAL)
    finally:
        host.going_on.discard(call.http)


def log_failure(exchange: Exchange, error: Exception) -> None:
    """Log an exception of an application whose WebSocket was open."""
    text = "WebSocket %r: the application failed (request id %s)"
    logger.error(text, exchange.head.path, exchange.request_id, exc_info=error)
    bear_witness(error, {})
