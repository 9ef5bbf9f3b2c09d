"""What the connections of one server share: limits, clock, log, and the list of them.

One sweep serves all deadlines: there is no timer of a connection's or a request's own. The sweep
also keeps the clock and the Date field, which are therefore right to one interval.
"""

import asyncio
import contextvars
import logging
import math
import time
from collections.abc import Container, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from ..features import HTTP1_FEATURES
from ..known import Known
from ..limits import Limits
from ..semantics.forwarding import UNNAMED, Forwarding
from ..semantics.methods import SERVED_METHODS, served_methods
from ..semantics.trusted_proxies import TrustedProxies
from .allocator import keep_freed_memory
from .connections import Count, ManagedConnection
from .observing import Observe, told, told_of_ends
from .threads import Threads, threads, wait_first

if TYPE_CHECKING:
    from collections.abc import Callable

logger: Final = logging.getLogger("kyoukai.server")

NEVER: Final = math.inf

LAST_WORDS: Final = 1.0
"""Seconds that a handler has to end in once it is cut off."""


class Server:
    """The state of one server, shared by its connections.

    :param limits: the limits and deadlines of every connection.
    :param server_field: the Server field of every answer; empty: none is sent.
    :param observers: who is told of every answer: see :mod:`kyoukai.core.serving.observing`.
    :param cancel_on_disconnect: whether a handler is cancelled when its client is gone. A client
        that ends its side is then taken to be gone, and gets no answer.
    :param features: what the backend claims that its connections can do; of several, what all of them do.
    :param proxies: those that are believed; ``None``: nobody is.
    :param forwarding: what is taken of the fields that they send; ``None``: nothing.
    :param on_opened: called with every connection that opens.
    :param on_lost: called with every connection that is lost, and why.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        server_field: str = "kyoukai",
        observers: Sequence[Observe] = (),
        cancel_on_disconnect: bool = False,
        features: frozenset[str] = HTTP1_FEATURES,
        proxies: TrustedProxies | None = None,
        forwarding: Forwarding | None = None,
        on_opened: "Callable[[ManagedConnection], None] | None" = None,
        on_lost: "Callable[[ManagedConnection, Exception | None], None] | None" = None,
    ) -> None:
        self.limits = limits or Limits()
        self.server_field = server_field
        self.observe = told(observers)
        """Called when an answer has been written; ``None`` where nobody wants to know."""
        self.observe_end = told_of_ends(observers)
        """Called when a tunnel is at its end, likewise."""
        self.around: Callable[[Any], Any] | None = None
        """Returns what answers in the place of another; ``None``: that other does. Traces set it."""
        self.cancel_on_disconnect = cancel_on_disconnect
        self.features = features
        self.proxies = proxies
        self.forwarding = forwarding
        self.linger_size = self.limits.linger_size(0)
        """The most bytes to read and discard while lingering."""
        self.methods: Container[bytes] = SERVED_METHODS
        """The methods that are served."""
        self.context = contextvars.copy_context()
        """What each request's context variables are a copy of."""
        self.threads = Threads()
        """What runs in threads for it."""
        self.connections: set[ManagedConnection] = set()
        self.heads: Known[Any, Any] = Known(256)
        """What was made of heads that may come again."""
        self.stopping = False
        self._stop_begun = asyncio.Event()
        self.clock = self._ticked = time.monotonic()
        """Seconds by which deadlines are kept, as of the last sweep.

        While the loop stands still, by a handler that blocks or a process that is stopped, they do not
        pass: what clients sent meanwhile lies unread, and is not late.
        """
        self.date = ""
        """The value of the Date field, as of the last sweep."""
        self._on_opened = on_opened
        self._on_lost = on_lost
        self._count: Count | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._tick()

    def trusts_peer(self, environ: dict[str, Any]) -> bool:
        """Return whether what a proxy says is taken from the peer of a connection.

        :param environ: what the environs of the connection's requests share.
        """
        return (
            self.proxies is not None
            and UNNAMED not in environ
            and self.proxies.trust_peer(environ.get("REMOTE_ADDR"))
        )

    def prepare(self, app: object) -> None:
        """Note what an application declares, if it does: see :mod:`kyoukai.core.serving.application`."""
        self.linger_size = self.limits.linger_size(getattr(app, "largest_body", 0))
        self.methods = served_methods(getattr(app, "declared_methods", ()))

    def start(self) -> None:
        """Begin to sweep. It is called in the event loop, before the first connection."""
        self.context = contextvars.copy_context()
        self.context.run(threads.set, self.threads)
        self.stopping, self._emptied, self._stop_begun = False, None, asyncio.Event()
        keep_freed_memory()
        self._sweep(asyncio.get_running_loop())

    def opened(self, connection: ManagedConnection) -> None:
        """Take note of a connection that opened."""
        self.connections.add(connection)
        if self._on_opened is not None:
            self._on_opened(connection)
        if self.stopping:
            self._end_soon(connection)

    def lost(self, connection: ManagedConnection, exc: Exception | None) -> None:
        """Take note that a connection is gone; ``exc`` says why, where it was not closed in order."""
        self.connections.discard(connection)
        # A stop waits for this, whatever comes of telling others.
        self._check_emptied()
        if self._on_lost is not None:
            self._on_lost(connection, exc)

    def watch(self, opened: "Callable[[], None]", lost: "Callable[[], None]") -> None:
        """Have two functions called, with every connection that opens and that is lost. It is called once."""
        self._count = count = Count(opened, lost)
        self._on_opened, self._on_lost = count.before(self._on_opened, self._on_lost)

    def hold(self, connection: ManagedConnection) -> None:
        """Take note of a connection that nobody serves yet: :meth:`hand_over` or :meth:`drop` follows."""
        self.connections.add(connection)
        if self._count is not None:
            self._count.opened()
        if self.stopping:
            self._end_soon(connection)

    def hand_over(self, connection: ManagedConnection, begin: "Callable[[], None]") -> None:
        """Let go of a connection that was held.

        :param begin: begins to serve it, by another object, of which the server takes note or not.
        """
        self.connections.discard(connection)
        if self._count is None:
            begin()
        else:
            self._count.keep_while(begin)
        self._check_emptied()

    def drop(self, connection: ManagedConnection) -> None:
        """Take note that a connection is gone, if it is held still."""
        if connection in self.connections:
            self.hand_over(connection, lambda: None)

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Hold a handler's task whose connection is gone until it ends; a stop waits for it too."""
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    async def wait_stopping(self) -> None:
        """Wait until a stop begins: what would go on for ever, such as a stream of events, ends then."""
        await self._stop_begun.wait()

    async def retire(self, idle: float, *hurry: asyncio.Event) -> None:
        """Answer each connection's next request as its last; idle ones have so many seconds to send it.

        It is called before :meth:`stop` where another process serves new connections. A client that sends a
        request just as its idle connection is closed gets no answer.

        :param hurry: sets of which end the wait.
        """
        emptied = self._begin_stop()
        self._check_emptied()
        await wait_first(emptied.wait(), *(event.wait() for event in hurry), within=idle)

    async def stop(self, abort: asyncio.Event) -> None:
        """Let requests under way end, then cut off what is left and stop sweeping.

        It waits for ``shutdown_timeout`` seconds at most, and not at all once ``abort`` is set. A thread
        cannot be cut off: those that are under way then are named, and waited for until they let go, or
        ``abort`` is set. A connection that cannot be closed, by a fault of its backend, is logged.
        """
        self._begin_stop()
        for connection in tuple(self.connections):
            self._end(connection, "shutdown")
        self._check_emptied()
        await wait_first(self._wait_ended(), abort.wait(), within=self.limits.shutdown_timeout)
        await self._cut_off(abort)
        if self._timer is not None:
            self._timer.cancel()

    def _end_soon(self, connection: ManagedConnection) -> None:
        # It was accepted while the listening socket closed.
        asyncio.get_running_loop().call_soon(self._end, connection, "shutdown")

    def _begin_stop(self) -> asyncio.Event:
        """Say that a stop begins, and return what is set when no connection is left."""
        self.stopping = True
        self._stop_begun.set()
        self._emptied = asyncio.Event()
        return self._emptied

    def _end(self, connection: ManagedConnection, how: str) -> "asyncio.Task[None] | None":
        """Call a method of a connection that ends it, and return the task that is left of it."""
        try:
            task: asyncio.Task[None] | None = getattr(connection, how)()
        except Exception:
            logger.exception("a connection's %s failed", how)
            return None
        return task

    async def _wait_ended(self) -> None:
        """Wait until no request is under way, and nothing in a thread: a client may not wait for its end."""
        if self._emptied is not None:
            await self._emptied.wait()
        await self.threads.wait_idle()

    async def _cut_off(self, abort: asyncio.Event) -> None:
        left = tuple(self.connections)
        if left or self._tasks:
            logger.warning("cutting off %d connections and %d handlers", len(left), len(self._tasks))
        tasks = [task for connection in left if (task := self._end(connection, "abort")) is not None]
        for task in self._tasks:
            task.cancel()
        if self.threads:
            logger.warning("waiting for what runs in threads, until a second signal: %s", str(self.threads))
        await self._outlast({*tasks, *self._tasks}, abort)
        # A transport tells its protocol of its end in the loop's next turn.
        await asyncio.sleep(0)

    async def _outlast(self, tasks: "set[asyncio.Task[None]]", abort: asyncio.Event) -> None:
        """Wait for tasks that are cancelled: those in a thread until that lets go, others for a second."""
        while True:
            if tasks:
                await asyncio.wait(tasks, timeout=LAST_WORDS)
            if not self.threads:
                return
            if abort.is_set():
                break
            await wait_first(self.threads.wait_idle(), abort.wait())
        self.threads.leave()
        # They close what they can.
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORDS)
        self.threads.leave()

    def _let_go(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._check_emptied()

    def _check_emptied(self) -> None:
        if self._emptied is not None and not self.connections and not self._tasks:
            self._emptied.set()

    def _tick(self) -> None:
        now = time.monotonic()
        self.clock += min(now - self._ticked, 1.25 * self.limits.sweep_interval)
        self._ticked = now
        self.date = formatdate(usegmt=True)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tick()
        now = self.clock
        for connection in tuple(self.connections):
            try:
                connection.sweep(now)
            except Exception:
                logger.exception("a connection's deadline could not be served")
        self._timer = loop.call_later(self.limits.sweep_interval, self._sweep, loop)
