"""One call of an ASGI server, whatever it asks for: who writes, who answers and who asks, and how it ends.

The server's own task writes, the application answers in another, and what the client sends is asked for in a
third, which there is only for who waits: an answer that is made at once takes no task but the first.
"""

import abc
import asyncio
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.tasks import begin_task
from kyoukai.core.serving.server_state import LAST_WORDS, NEVER, logger

from .inlet import Inlet, Receive
from .outbox import Event, Outbox, Send
from .scopes import keep_fields, read_environ
from .wire import Wire


class AnswerBrokenError(Exception):
    """An answer breaks off. Raised to the server, which ends the connection, or the stream, by it."""


class CalledExchange(Exchange):
    """One call, and what answers it.

    :param owner: what it has in common with others.
    :param scope: the server's.
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
        """What the server says of the call."""
        self._environ: dict[str, Any] | None = None
        self.outbox = Outbox(self)
        """What the server has yet to be given."""
        self.inlet: Inlet | None = None
        """What asks the server; ``None``: nothing needs to be asked yet."""
        self.is_broken = False
        """Whether the answer breaks off."""
        self._caller: asyncio.Task[Any] | None = None
        self._stalled: tuple[Event | None, float] = (None, NEVER)

    # The server's call

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer the request, and return when the server has all of the answer.

        :raises AnswerBrokenError: if the answer breaks off.
        :raises BaseException: what ``send`` raises, but for an OSError: the client is gone then.
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
            # To return would do for most servers; but not for what is in between, which ends the answer then.
            raise AnswerBrokenError("the answer breaks off")

    async def _deliver(self, send: Send) -> None:
        try:
            await self.outbox.deliver(send)
        except OSError:
            # ASGI 3.0 since 2.4: what is sent after the client's end raises it.
            self.lose()
            await self.outbox.deliver(send)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self.owner.loop

    @abc.abstractmethod
    def receive_scope(self) -> None:
        """Take the head of the request."""

    @abc.abstractmethod
    def take_event(self, event: Event) -> bool:
        """Take what the server has, and return whether there may be more."""

    def attend(self, receive: Receive) -> None:
        """See to what the client does from now on: it sends the rest of its request, or goes."""
        inlet = Inlet(self, receive)
        self.inlet = inlet
        if self.body is not None and self.error is None:
            self.watch()
        else:
            # Most have their answer in the loop's next turn.
            self.owner.loop.call_soon(self.watch)

    def watch(self) -> None:
        """Begin to ask the server, and to keep deadlines."""
        inlet = self.inlet
        if inlet is None or self.outbox.is_closed:
            return
        self.server.hold(self)
        if self.task is not None:
            self.task.add_done_callback(self._note_end)
        inlet.begin(copy_context())

    async def leave(self) -> None:
        """End what is under way still: the server's call ends."""
        inlet, self.inlet = self.inlet, None
        if inlet is None:
            return
        task = self.task
        try:
            await inlet.end()
            if task is not None and not task.done():
                self.lose(cancel=True)
                # A tunnel's handler goes on where that is lost.
                task.cancel()
                await asyncio.wait([task], timeout=LAST_WORDS)
        finally:
            self.server.drop(self)

    # What becomes of it

    def lose(self, cancel: bool = False) -> None:
        """Note that the client is gone: the call goes on for as long as a handler does."""
        is_begun = self.is_begun
        super().lose(cancel)
        self.outbox.drop()
        if not is_begun or self.task is None:
            self.end_call()

    def note_task(self, task: "asyncio.Task[None] | None") -> None:
        """Keep the task that answers, and end the call with it."""
        super().note_task(task)
        if task is None:
            self.end_call()
        elif self.inlet is not None and self.inlet.task is not None:
            task.add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self.end_call()

    def end_call(self) -> None:
        """End the call, once the server has what it is to be sent."""
        self.outbox.close()

    def start_task(self) -> None:
        """Answer in a task, with the variables of the server's call and what the start has set."""
        owner = self.owner
        answering = owner.answerer.answer(self, self.environ)
        self.note_task(begin_task(owner.loop, answering, owner.make_variables()))

    @property
    def environ(self) -> dict[str, Any]:
        """What the environ has of the scope."""
        environ = self._environ
        if environ is None:
            self._environ = environ = read_environ(self.scope, self.head.path)
        return environ

    # What the component's server calls

    def sweep(self, now: float) -> None:
        """Refuse a body that is late, and cut off a client that takes nothing for ``write_timeout``."""
        super().sweep(now)
        event, since = self._stalled
        if self.outbox.in_hand is not event or event is None:
            self._stalled = (self.outbox.in_hand, now)
        elif now - since >= self.server.limits.write_timeout:
            logger.debug("a client does not read: cutting it off")
            self.abort()

    def shutdown(self) -> None:
        """Do nothing: the answer is the last of its call."""

    def abort(self) -> None:
        """End at once, whatever is still to be sent."""
        self.is_broken = True
        self.lose(cancel=True)
        if self.outbox.in_hand is not None and self._caller is not None:
            self._caller.cancel()

    # What is written, and read

    def reset(self) -> None:
        """Break the answer off: what has been sent of it reaches the client, and no end does."""
        self.is_broken = True

    def pause_client(self) -> None:
        """Ask the server for no more of the body for now."""
        if self.inlet is not None:
            self.inlet.is_held = True

    def resume_client(self) -> None:
        """Ask on."""
        inlet = self.inlet
        if inlet is not None:
            inlet.is_held = False
            inlet.go_on()

    def send_continue(self) -> None:
        """Ask for the body: the server lets the client send it."""
        super().send_continue()
        if self.inlet is not None:
            self.inlet.go_on()

    def prepare_stream(self, may_read: bool) -> None:
        """Ask for the body before the answer's head is sent: behind that, no head of status 1xx may come."""
        if may_read and self.awaits_continue and self.body is not None and not self.body.is_whole:
            self.send_continue()

    def answered(self) -> None:
        """End the call."""
        self.end_call()
