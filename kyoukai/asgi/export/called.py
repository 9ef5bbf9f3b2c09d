"""One call of an ASGI server: its tasks and its end.

The server's own task writes. Another task answers. A third one reads what the client sends, but only if
someone waits for that: an immediate answer needs no task besides the server's.
"""

import abc
import asyncio
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

from kyoukai.core.exchange.access import client_address
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.tasks import begin_task
from kyoukai.core.serving.server_state import LAST_WORDS, NEVER, logger

from .inlet import Inlet, Receive
from .outbox import Event, Outbox, Send
from .scopes import keep_fields, read_environ
from .wire import Wire


class AnswerBrokenError(Exception):
    """An answer is incomplete. The server gets this exception, and ends the connection or the stream."""


class CalledExchange(Exchange):
    """One call, as an exchange.

    :param owner: the state that calls share.
    :param scope: from the server.
    """

    __slots__ = (
        "_caller",
        "_environ",
        "_stalled",
        "inlet",
        "is_broken",
        "outbox",
        "scope",
    )

    owner: Wire

    def __init__(self, owner: Wire, scope: Mapping[str, Any]) -> None:
        super().__init__(owner)
        self.scope = keep_fields(scope)
        """The server's scope."""
        self._environ: dict[str, Any] | None = None
        self.outbox = Outbox(self)
        """Events for the server."""
        self.inlet: Inlet | None = None
        """Reads events from the server. ``None`` while nothing needs to be read."""
        self.is_broken = False
        """Whether the answer is broken off."""
        self._caller: asyncio.Task[Any] | None = None
        self._stalled: tuple[Event | None, float] = (None, NEVER)

    # The server's call

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer the request, and return when the server has the whole answer.

        :raises AnswerBrokenError: if the answer is broken off.
        :raises BaseException: an exception of ``send``, except an OSError, which means that the client is
            gone.
        """
        self.receive_scope()
        if not self.outbox.is_closed:
            self.attend(receive)
        self._caller = asyncio.current_task()
        try:
            await self._deliver(send)
        except asyncio.CancelledError:
            if not self.is_broken or self._caller is None or self._caller.cancelling() != 1:
                raise
            self._caller.uncancel()
        finally:
            await self.leave()
        if self.is_broken:
            # Returning would be enough for most servers, but a middleware would take it for the end of the
            # answer.
            raise AnswerBrokenError("the answer breaks off")

    async def _deliver(self, send: Send) -> None:
        try:
            await self.outbox.deliver(send)
        except OSError:
            # Since ASGI 2.4, a send after the client's end raises OSError.
            self.lose()
            await self.outbox.deliver(send)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self.owner.loop

    @abc.abstractmethod
    def receive_scope(self) -> None:
        """Read the head of the request."""

    @abc.abstractmethod
    def take_event(self, event: Event) -> bool:
        """Handle an event of the server, and return whether more may follow."""

    def attend(self, receive: Receive) -> None:
        """Start to follow the client: it sends the rest of its request, or disconnects."""
        inlet = Inlet(self, receive)
        self.inlet = inlet
        if self.body is not None and self.error is None:
            self.watch()
        else:
            # Most requests are answered in the next turn of the loop.
            self.owner.loop.call_soon(self.watch)

    def watch(self) -> None:
        """Start to read from the server, and to apply deadlines."""
        inlet = self.inlet
        if inlet is None or self.outbox.is_closed:
            return
        self.server.hold(self)
        if self.task is not None:
            self.task.add_done_callback(self._note_end)
        inlet.begin(copy_context())

    async def leave(self) -> None:
        """End everything that is still running: the server's call ends."""
        inlet, self.inlet = self.inlet, None
        if inlet is None:
            return
        task = self.task
        try:
            await inlet.end()
            if task is not None and not task.done():
                self.lose(cancel=True)
                # The handler of a tunnel goes on after its loss.
                task.cancel()
                await asyncio.wait([task], timeout=LAST_WORDS)
        finally:
            self.server.drop(self)

    # Loss and end

    def lose(self, cancel: bool = False) -> None:
        """Note that the client is gone. The call lasts as long as a handler runs."""
        is_begun = self.is_begun
        super().lose(cancel)
        self.outbox.drop()
        if not is_begun or self.task is None:
            self.end_call()

    def note_task(self, task: "asyncio.Task[None] | None") -> None:
        """Keep the answering task, and end the call with it."""
        super().note_task(task)
        if task is None:
            self.end_call()
        elif self.inlet is not None and self.inlet.task is not None:
            task.add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self.end_call()

    def end_call(self) -> None:
        """End the call when the server has all events."""
        self.outbox.close()

    def start_task(self) -> None:
        """Answer in a task, with the context variables of the server's call and those of the start."""
        owner = self.owner
        answering = owner.answerer.answer(self, self.environ)
        self.note_task(begin_task(owner.loop, answering, owner.make_variables()))

    @property
    def environ(self) -> dict[str, Any]:
        """The environ variables that come from the scope."""
        environ = self._environ
        if environ is None:
            self._environ = environ = read_environ(self.scope, self.head.path)
        return environ

    # Called by the component's server

    def sweep(self, now: float) -> None:
        """Refuse a late body, and cut off a client that reads nothing for ``write_timeout``."""
        super().sweep(now)
        event, since = self._stalled
        if self.outbox.in_hand is not event or event is None:
            self._stalled = (self.outbox.in_hand, now)
        elif now - since >= self.server.limits.write_timeout:
            logger.debug("cutting off a client: write-timeout")
            client = client_address(None, self.client_environ)
            self.server.refusals.note("write-timeout", client, now)
            self.abort()

    def shutdown(self) -> None:
        """Do nothing: each call has a single answer."""

    def abort(self) -> None:
        """End at once, and drop unsent data."""
        self.is_broken = True
        self.lose(cancel=True)
        if self.outbox.in_hand is not None and self._caller is not None:
            self._caller.cancel()

    # Writing and reading

    def reset(self) -> None:
        """Break the answer off: the client gets the sent part, and no end."""
        self.is_broken = True

    def pause_client(self) -> None:
        """Stop reading the body for now."""
        if self.inlet is not None:
            self.inlet.is_held = True

    def resume_client(self) -> None:
        """Go on reading the body."""
        inlet = self.inlet
        if inlet is not None:
            inlet.is_held = False
            inlet.go_on()

    def send_continue(self) -> None:
        """Read the body, so that the server lets the client send it."""
        super().send_continue()
        if self.inlet is not None:
            self.inlet.go_on()

    def prepare_stream(self, may_read: bool) -> None:
        """Start to read the body before the head is sent. After it, no status 1xx is allowed."""
        if may_read and self.awaits_continue and self.body is not None and not self.body.is_whole:
            self.send_continue()

    def answered(self) -> None:
        """End the call."""
        self.end_call()
