"""The state that the connections of one server share: limits, clock, log, and the list of them.

One periodic sweep serves all deadlines: no connection or request has its own timer. The sweep also updates
the clock and the Date field, which are accurate to one interval.
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
from .refusal_log import RefusalLog
from .threads import Threads, threads, wait_first

if TYPE_CHECKING:
    from collections.abc import Callable

logger: Final = logging.getLogger("kyoukai.server")

NEVER: Final = math.inf

LAST_WORDS: Final = 1.0
"""Seconds that a handler has to end in after it is cut off."""


class Server:
    """The state of one server, shared by its connections.

    :param limits: the limits and deadlines of every connection.
    :param server_field: the Server field of every answer; if empty, none is sent.
    :param observers: called for every answer: see :mod:`kyoukai.core.serving.observing`.
    :param cancel_on_disconnect: whether a handler is cancelled when its client is gone. A client that ends
        its side then counts as gone, and gets no answer.
    :param features: the features that the backend claims; of several backends, those that all claim.
    :param proxies: the trusted proxies; ``None``: none.
    :param forwarding: how the forwarding fields of proxies are used; ``None``: not at all.
    :param on_opened: called with every connection that opens.
    :param on_lost: called with every connection that is lost, and the reason.
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
        """Called when an answer was written; ``None`` without observers."""
        self.observe_end = told_of_ends(observers)
        """Called at the end of a tunnel; ``None`` without observers."""
        self.around: Callable[[Any], Any] | None = None
        """Wraps the object that answers, or ``None``. Traces set it."""
        self.cancel_on_disconnect = cancel_on_disconnect
        self.features = features
        self.proxies = proxies
        self.forwarding = forwarding
        self.linger_size = self.limits.linger_size(0)
        """The most bytes to read and discard while lingering."""
        self.methods: Container[bytes] = SERVED_METHODS
        """The methods that are served."""
        self.context = contextvars.copy_context()
        """The context variables that each request gets a copy of."""
        self.threads = Threads()
        """The server's work in threads."""
        self.connections: set[ManagedConnection] = set()
        self.heads: Known[Any, Any] = Known(256)
        """The cache of heads that were read before."""
        self.refusals = RefusalLog()
        """Warns about refused requests."""
        self.stopping = False
        self._stop_begun = asyncio.Event()
        self.clock = self._ticked = time.monotonic()
        """The clock of all deadlines in seconds, as of the last sweep.

        It does not advance while the loop stands still, because of a handler that blocks or a suspended
        process: data that clients sent meanwhile is unread, and not late.
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
        """Return whether the peer of a connection is a trusted proxy.

        :param environ: the variables that the environs of the connection's requests share.
        """
        return (
            self.proxies is not None
            and UNNAMED not in environ
            and self.proxies.trust_peer(environ.get("REMOTE_ADDR"))
        )

    def prepare(self, app: object) -> None:
        """Note the declarations of an application: see :mod:`kyoukai.core.serving.application`."""
        self.linger_size = self.limits.linger_size(getattr(app, "largest_body", 0))
        self.methods = served_methods(getattr(app, "declared_methods", ()))

    def start(self) -> None:
        """Start sweeping. It is called in the event loop, before the first connection."""
        self.context = contextvars.copy_context()
        self.context.run(threads.set, self.threads)
        self.stopping, self._emptied, self._stop_begun = False, None, asyncio.Event()
        keep_freed_memory()
        self._sweep(asyncio.get_running_loop())

    def opened(self, connection: ManagedConnection) -> None:
        """Add a connection that opened."""
        self.connections.add(connection)
        if self._on_opened is not None:
            self._on_opened(connection)
        if self.stopping:
            self._end_soon(connection)

    def lost(self, connection: ManagedConnection, exc: Exception | None) -> None:
        """Remove a connection that is gone; ``exc`` is the reason if it was not closed in order."""
        self.connections.discard(connection)
        # First: a stop waits for this, even if a callback fails.
        self._check_emptied()
        if self._on_lost is not None:
            self._on_lost(connection, exc)

    def watch(self, opened: "Callable[[], None]", lost: "Callable[[], None]") -> None:
        """Call two functions for every connection that opens and that is lost. To be called once."""
        self._count = count = Count(opened, lost)
        self._on_opened, self._on_lost = count.before(self._on_opened, self._on_lost)

    def hold(self, connection: ManagedConnection) -> None:
        """Add a connection that no protocol serves yet; :meth:`hand_over` or :meth:`drop` follows."""
        self.connections.add(connection)
        if self._count is not None:
            self._count.opened()
        if self.stopping:
            self._end_soon(connection)

    def hand_over(self, connection: ManagedConnection, begin: "Callable[[], None]") -> None:
        """Remove a connection that was held, and serve it.

        :param begin: starts serving it by another object, which may register itself with the server.
        """
        self.connections.discard(connection)
        if self._count is None:
            begin()
        else:
            self._count.keep_while(begin)
        self._check_emptied()

    def drop(self, connection: ManagedConnection) -> None:
        """Remove a connection that is gone, if it is still held."""
        if connection in self.connections:
            self.hand_over(connection, lambda: None)

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Keep the task of a handler whose connection is gone until it ends; a stop waits for it too."""
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    async def wait_stopping(self) -> None:
        """Wait until a stop begins: endless work, such as a stream of events, ends then."""
        await self._stop_begun.wait()

    async def retire(self, idle: float, *hurry: asyncio.Event) -> None:
        """Make each connection's next request its last; idle ones have ``idle`` seconds to send it.

        It is called before :meth:`stop`, if another process serves new connections. A client that sends a
        request just as its idle connection is closed gets no answer.

        :param hurry: events that end the wait.
        """
        emptied = self._begin_stop()
        self._check_emptied()
        await wait_first(emptied.wait(), *(event.wait() for event in hurry), within=idle)

    async def stop(self, abort: asyncio.Event) -> None:
        """Let requests under way end, then cut off the others, and stop sweeping.

        It waits for at most ``shutdown_timeout`` seconds, and not at all once ``abort`` is set. A thread
        cannot be cut off: calls that are still running in threads are named in the log, and waited for until
        they end or ``abort`` is set. A connection that cannot be closed, by a fault of its backend, is
        logged.
        """
        self._begin_stop()
        for connection in tuple(self.connections):
            self._end(connection, "shutdown")
        self._check_emptied()
        await wait_first(self._wait_ended(), abort.wait(), within=self.limits.shutdown_timeout)
        await self._cut_off(abort)
        self.refusals.flush(self.clock)
        if self._timer is not None:
            self._timer.cancel()

    def _end_soon(self, connection: ManagedConnection) -> None:
        # The connection was accepted while the listening socket closed.
        asyncio.get_running_loop().call_soon(self._end, connection, "shutdown")

    def _begin_stop(self) -> asyncio.Event:
        """Note that a stop begins; return the event that is set when no connection is left."""
        self.stopping = True
        self._stop_begun.set()
        self._emptied = asyncio.Event()
        return self._emptied

    def _end(self, connection: ManagedConnection, how: str) -> "asyncio.Task[None] | None":
        """Call a method that ends a connection, and return the task to wait for, if there is one."""
        try:
            task: asyncio.Task[None] | None = getattr(connection, how)()
        except Exception:
            logger.exception("a connection's %s failed", how)
            return None
        return task

    async def _wait_ended(self) -> None:
        """Wait until no request and no thread is busy: a client may disconnect before its work ends."""
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
            logger.warning("waiting for calls in threads, until a second signal: %s", str(self.threads))
        await self._outlast({*tasks, *self._tasks}, abort)
        # A transport calls connection_lost in the loop's next turn.
        await asyncio.sleep(0)

    async def _outlast(self, tasks: "set[asyncio.Task[None]]", abort: asyncio.Event) -> None:
        """Wait for cancelled tasks: those in a thread until the thread lets go, others for a second."""
        while True:
            if tasks:
                await asyncio.wait(tasks, timeout=LAST_WORDS)
            if not self.threads:
                return
            if abort.is_set():
                break
            await wait_first(self.threads.wait_idle(), abort.wait())
        self.threads.leave()
        # They clean up as far as they can.
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
        self.refusals.sweep(now)
        for connection in tuple(self.connections):
            try:
                connection.sweep(now)
            except Exception:
                logger.exception("a connection's deadline could not be served")
        self._timer = loop.call_later(self.limits.sweep_interval, self._sweep, loop)
