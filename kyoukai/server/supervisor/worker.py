"""The worker's side of the channel: it receives its sockets, sends heartbeats, and obeys the supervisor."""

import asyncio
import atexit
import contextlib
import faulthandler
import logging
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.semantics.variables import HEAD
from kyoukai.core.serving.observing import told
from kyoukai.core.serving.server_state import Server
from kyoukai.server.acceptor import Acceptor
from kyoukai.server.entrance import Entrance
from kyoukai.server.listeners import Listeners, Sockets, close
from kyoukai.server.log_files import reopen_log_files
from kyoukai.server.metrics.counting import Counting
from kyoukai.server.metrics.region import Region
from kyoukai.server.sockets import inherit
from kyoukai.server.supervisor.channel import Channel, Message, inherited

logger: Final = logging.getLogger("kyoukai.server")

BEAT: Final = 0.25
"""Seconds between two heartbeats."""

HELD: Final = frozenset(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGQUIT", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
"""Signals meant for the supervisor alone. A terminal and systemd send them to the whole process group, where
by default they would end or stop a worker. They stay blocked until a worker has handlers for them."""

IDLE_GRACE: Final = 5.0
"""Seconds that an idle connection may still send a request when its worker is replaced. Such a request is
answered with ``Connection: close``. If the connection were closed at once, a request sent at the same
moment would get no answer."""


class Worker:
    """The current process, as a worker started by a supervisor.

    :param channel: the channel to the supervisor.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._loop: asyncio.AbstractEventLoop | None = None
        self._descriptors: asyncio.Future[list[list[int]]]
        self._entrance: Entrance | None = None
        self._server: Server | None = None
        self._stop: Callable[[], object] | None = None
        self._adopted: dict[int, Sockets] = {}
        self._gone: list[str] | None = None
        """Names of sockets that no other worker accepts from. ``None``: other workers take over no socket."""
        self._hurry = asyncio.Event()
        self._counts = False
        self._counting: Counting | None = None
        self._requests = 0
        self._due = 0.0
        self._facts: dict[str, Any] = {}
        self.idle_grace = IDLE_GRACE
        """See :data:`IDLE_GRACE`."""

    async def descriptors(self) -> list[list[int]]:
        """Return the descriptors of the sockets to accept from, by listener.

        :raises ConfigurationError: if this process already called it.
        """
        if self._loop is not None:
            raise ConfigurationError(
                "a worker can listen with one component only; to use several, run without workers"
            )
        self._loop = asyncio.get_running_loop()
        self._descriptors = self._loop.create_future()
        self._loop.add_reader(self._channel.fileno(), self._read)
        self._due = self._loop.time()
        self._beat()
        return await self._descriptors

    def begin(
        self, entrance: Entrance, server: Server, stop: Callable[[], object], facts: dict[str, Any]
    ) -> None:
        """Prepare to accept connections when the supervisor says so.

        :param stop: begins the stop of the process.
        :param facts: facts for the log, as :func:`~kyoukai.server.startup_log.announce` takes them.
        """
        self._entrance, self._server, self._stop, self._facts = entrance, server, stop, facts
        observers = [] if server.observe is None else [server.observe]
        if self._counting is not None:
            observers.insert(0, self._counting.observe)
            server.watch(self._counting.opened, self._counting.lost)
            self._counting.start()
            atexit.register(self._counting.flush)
        if self._counts:
            observers.insert(0, self._count)
        server.observe = told(observers)

    def report_ready(self) -> None:
        """Tell the supervisor that everything has started."""
        if self._entrance is None or self._server is None or self._loop is None:
            return
        limits = self._server.limits
        is_told = self._channel.send(
            "ready",
            patience=IDLE_GRACE + limits.shutdown_timeout + limits.background_timeout,
            urls=self._entrance.urls,
            **self._facts,
        )
        if not is_told:
            # The channel is full: a supervisor that does not run has a minute of unread heartbeats.
            self._loop.call_later(BEAT, self.report_ready)

    async def leave(self, acceptor: Acceptor, abort: asyncio.Event) -> None:
        """Stop accepting. If other workers take over, idle connections may send another request."""
        self._stop = None
        leaves = self._gone is not None
        await acceptor.close(leave=leaves, gone=self._gone or ())
        if leaves and self._server is not None:
            await self._server.retire(self.idle_grace, abort, self._hurry)

    def _read(self) -> None:
        handlers: dict[str, Callable[[Message], None]] = {
            "sockets": self._on_sockets,
            "serve": self._on_serve,
            "drain": self._on_drain,
            "adopt": self._on_adopt,
            "release": self._on_release,
            "reopen": self._on_reopen,
        }
        while True:
            try:
                message = self._channel.receive()
            except EOFError:
                self._orphaned()
                return
            if message is None:
                return
            handlers[message.kind](message)

    def _orphaned(self) -> None:
        """End, because without a supervisor nobody would replace or stop this process."""
        if self._loop is not None:
            self._loop.remove_reader(self._channel.fileno())
        if self._stop is not None:
            logger.warning("the supervisor is gone; this worker drains and ends")
        self._end()

    def _end(self) -> None:
        self._hurry.set()
        if self._stop is not None:
            self._stop()
        elif self._server is None:
            # The signal interrupts a start in progress.
            signal.raise_signal(signal.SIGTERM)

    def _on_sockets(self, message: Message) -> None:
        self._counts = message.values["recycles"]
        if message.values["has_region"]:
            # The descriptor of the region follows those of the sockets.
            self._counting = Counting(Region(message.descriptors[-1]))
        self._descriptors.set_result(by_listener(message))

    def _on_serve(self, message: Message) -> None:
        if self._entrance is not None and self._loop is not None:
            # No need to wait for this task: the start of accepting waits for nothing when processes share
            # sockets.
            self._loop.create_task(self._entrance.acceptor.start())

    def _on_drain(self, message: Message) -> None:
        if message.values["leave"]:
            self._gone = message.values["gone"]
            if self._stop is not None:
                self._stop()
        else:
            if self._stop is not None:
                self._gone = None
            self._end()

    def _on_adopt(self, message: Message) -> None:
        sockets: Sockets = [[inherit(descriptor) for descriptor in some] for some in by_listener(message)]
        if self._stop is None or self._entrance is None or message.values["slot"] in self._adopted:
            close(sockets)
            return
        self._adopted[message.values["slot"]] = sockets
        self._entrance.add(sockets)

    def _on_release(self, message: Message) -> None:
        sockets = self._adopted.pop(message.values["slot"], None)
        if sockets is not None and self._stop is not None and self._entrance is not None:
            self._entrance.acceptor.discard([sock for some in sockets for sock in some])

    def _on_reopen(self, message: Message) -> None:
        reopen_log_files()

    def _count(self, exchange: object, request: object, response: object) -> None:
        self._requests += 1

    def _beat(self) -> None:
        if self._loop is None:
            return
        now = self._loop.time()
        self._channel.send("beat", lag=round(max(0.0, now - self._due), 4), requests=self._requests)
        self._due = now + BEAT
        self._loop.call_at(self._due, self._beat)


def by_listener(message: Message) -> list[list[int]]:
    """Return the descriptors of a message, by listener."""
    descriptors = iter(message.descriptors)
    return [[next(descriptors) for _ in range(count)] for count in message.values["counts"]]


def ignore(number: int, frame: FrameType | None) -> None:
    """Ignore a signal meant for the supervisor."""


_worker: Worker | None = None


def this_worker() -> Worker | None:
    """Return this process as a worker; ``None`` if no supervisor started it."""
    global _worker
    if _worker is None and (channel := inherited()) is not None:
        _worker = Worker(channel)
        atexit.register(channel.close)
        # PEP 3333, "environ Variables": other processes serve the same application at the same time.
        HEAD["wsgi.multiprocess"] = True
        for number in HELD:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, ignore)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        if not faulthandler.is_enabled():
            with contextlib.suppress(OSError, ValueError, AttributeError):
                # The supervisor ends a hung worker by SIGABRT, and faulthandler then prints the stacks. The
                # price: the alternate signal stack is too small for more than three signals at once.
                faulthandler.enable()
    return _worker


async def open_entrance(entrance: Entrance) -> None:
    """Open an entrance, with the supervisor's sockets if there is one.

    :raises ListenError: if an address cannot be listened on.
    """
    worker = this_worker()
    if worker is not None:
        Listeners.descriptors = await worker.descriptors()
    try:
        await entrance.open()
    finally:
        Listeners.descriptors = None
