"""The stage of the checks: a server without a socket, and a record of what happens on its connections.

For each connection, it records in order the calls to the parser and the parser's callbacks. To do so, it
sets attributes on the connection object before connecting. Nothing needs to be known about the backend.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from asphalt.core import Context

from kyoukai.asphalt import CommandLineNames, KyoukaiComponent
from kyoukai.core.contract.parser import CALLBACKS
from kyoukai.core.http1.parser_errors import Disagreement, find_refusal, is_of_a_callback

from .conversation import QUIET_TURNS
from .outcome import Outcome, read_outcome
from .recorder import Reply, Seen
from .scripted import Handler, ScriptedApplication, StreamingApplication
from .transport import SERVER, MemoryTransport

PATIENCE: Final = 2.0
"""Default timeout in seconds, before scaling."""

LITTLE_PATIENCE: Final = 0.05
"""Timeout in seconds, before scaling, if an error already explains why nothing happens."""

LEAST_TURNS: Final = 50
"""Minimum loop iterations in a wait, in case the machine gives the process no time to run."""


class Call(NamedTuple):
    """One call: a callback, ``feed``, or the result of a feed: ``fed`` or ``raised``."""

    name: str
    args: tuple[Any, ...] = ()
    """For ``on_headers_complete``: the method and the version that the parser then returns."""


class FeedRecorder:
    """Wraps a parser and records the calls of ``feed_data``.

    :param raised: a list to which exceptions from the parser are added.
    """

    def __init__(self, parser: Any, timeline: list[Call], raised: list[Exception]) -> None:
        self._parser = parser
        self._timeline = timeline
        self._raised = raised

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes, /) -> None:
        """Feed the parser."""
        self._timeline.append(Call("feed", (data,)))
        try:
            self._parser.feed_data(data)
        except Exception as error:
            self._timeline.append(Call("raised", (error,)))
            self._raised.append(error)
            raise
        self._timeline.append(Call("fed"))


class Line:
    """One connection, seen from the client.

    :param protocol: the connection object, not connected yet.
    :param stage: the stage that the connection belongs to.
    """

    def __init__(self, protocol: asyncio.Protocol, stage: "Stage") -> None:
        self.protocol: Any = protocol
        self.transport = MemoryTransport(protocol)
        self.timeline: list[Call] = []
        self.seen = stage.seen
        """The requests passed to the application."""
        self.problems = stage.problems
        self.raised = stage.raised
        self.sent = b""
        self.faults = stage.faults
        self.refusals: list[str] = []
        """Why requests were refused; only for connections that derive from ``HTTPProtocol``."""
        self.parser_raised: list[Exception] = []
        """The exceptions that the parser raised, after :meth:`watch` was called."""
        self._scale = stage.scale
        self._note_refusals()

    def record(self) -> None:
        """Record the callbacks and the feeding of the parser. Call before :meth:`connect`."""
        protocol = self.protocol
        for name in CALLBACKS:
            setattr(protocol, name, self._recorder(name, getattr(protocol, name)))
        self.watch()

    def watch(self) -> None:
        """Record the feeding of the parser, if there is one. Call before :meth:`connect`."""
        make_parser = getattr(self.protocol, "make_parser", None)
        if make_parser is not None:
            timeline, raised = self.timeline, self.parser_raised
            self.protocol.make_parser = lambda: FeedRecorder(make_parser(), timeline, raised)

    def connect(self) -> None:
        """Call the protocol's ``connection_made``."""
        self.transport.connect()

    def send(self, data: bytes) -> None:
        """Send bytes without running the loop."""
        self.sent += data
        self.transport.feed(data)

    async def ask(self, data: bytes) -> Outcome:
        """Send bytes, wait until nothing more happens, and return the outcome."""
        self.send(data)
        await self.quiet()
        return self.outcome()

    async def quiet(self) -> None:
        """Wait until nothing more happens."""
        transport, quiet = self.transport, 0
        while quiet < QUIET_TURNS:
            changes = (transport.changes, len(self.timeline))
            await asyncio.sleep(0)
            quiet = quiet + 1 if changes == (transport.changes, len(self.timeline)) else 0

    async def until(self, condition: Callable[[], object]) -> bool:
        """Wait for an expected event, and return whether it happened.

        The wait is short if the connection has already ended with an error.
        """

        def is_lost() -> bool:
            return self.transport.ended and bool(self.faults or self.problems)

        return await wait_for(condition, self._scale, is_lost)

    def calls(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call with a name."""
        return [call.args for call in self.timeline if call.name == name]

    def outcome(self) -> Outcome:
        """Return the outcome of the connection so far."""
        transport = self.transport
        return read_outcome(
            bytes(transport.received),
            self.sent,
            self.seen,
            closed=transport.ended,
            aborted=transport.aborted,
        )

    def _note_refusals(self) -> None:
        handle = getattr(self.protocol, "handle_parser_exception", None)

        def note(exc: Exception) -> None:
            self.refusals.append(f"the request was refused: {exc}")
            self._note_fault(exc)
            if handle is not None:
                handle(exc)

        if handle is not None:
            self.protocol.handle_parser_exception = note

    def _note_fault(self, exc: Exception) -> None:
        """Note why a request was refused, if the parser is the reason."""
        for error in self.parser_raised:
            if find_refusal(error) is None and not is_of_a_callback(error):
                self.faults.append(f"the request was refused: the parser raised {error!r}")
                return
        if isinstance(exc, Disagreement):
            text = f"the request was refused: the server {exc.server}, and the parser {exc.parser}"
            self.faults.append(text)

    def _recorder(self, name: str, original: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            if name == "on_headers_complete":
                parser = self.protocol.parser
                self.timeline.append(Call(name, (parser.get_method(), parser.get_http_version())))
            else:
                self.timeline.append(Call(name, args))
            original(*args)

        return call


class Stage:
    """A component that serves without a socket, and what went wrong on it."""

    def __init__(self, component: KyoukaiComponent, ctx: Context, scale: float) -> None:
        self.component = component
        self.ctx = ctx
        self.problems: list[str] = []
        """Errors reported to the event loop, or logged at ERROR."""
        self.faults: list[str] = []
        """Why requests were refused on the connections, if a parser is the reason."""
        self.raised: list[str] = []
        """The exceptions in those log records."""
        application: Any = component.app
        self.seen: list[Seen] = application.begin(Reply())
        self.scale = scale
        """Factor for all timeouts."""

    def line(self, *, record: bool = False, address: tuple[str, int] = SERVER) -> Line:
        """Return a new connection that is not connected yet."""
        protocol = self.component.backend.create_protocol(self.component, self.ctx, *address)
        line = Line(protocol, self)
        if record:
            line.record()
        return line

    def connected(self, *, record: bool = False) -> Line:
        """Return a new connection, already connected."""
        line = self.line(record=record)
        if not record:
            line.watch()
        line.connect()
        return line


async def wait_for(condition: Callable[[], object], scale: float, is_lost: Callable[[], bool]) -> bool:
    """Wait until a condition holds, and return whether it did in time.

    :param scale: factor for the timeout.
    :param is_lost: whether an error already explains why the condition will not hold.
    """
    loop = asyncio.get_running_loop()
    start, turns = loop.time(), 0
    while not condition():
        patience = LITTLE_PATIENCE if is_lost() else PATIENCE
        if turns >= LEAST_TURNS and loop.time() - start > patience * scale:
            return False
        await asyncio.sleep(0.001)
        turns += 1
    return True


class _Records(logging.Handler):
    def __init__(self, stage: Stage) -> None:
        super().__init__(logging.ERROR)
        self._stage = stage

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.name} logged: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]!r}"
            self._stage.raised.append(repr(record.exc_info[1]))
        self._stage.problems.append(text)


@asynccontextmanager
async def staging(
    backend: str,
    handler: Handler | None = None,
    scale: float = 1.0,
    *,
    streams: bool = False,
    settings: Mapping[str, Any] | None = None,
    **limits: Any,
) -> AsyncGenerator[Stage, None]:
    """Serve with a backend without a socket; errors are collected instead of logged.

    :param handler: answers the requests; by default every answer is ``ok``.
    :param streams: give the handler streamed bodies, to read while they arrive.
    :param settings: more settings of :class:`~kyoukai.KyoukaiComponent`.
    """
    application = StreamingApplication if streams else ScriptedApplication
    component = KyoukaiComponent(
        application(handler), backend=CommandLineNames([backend]), limits=limits, **(settings or {})
    )
    async with Context() as ctx:
        stage = Stage(component, ctx, scale)
        loop, records = asyncio.get_running_loop(), _Records(stage)
        logger = logging.getLogger("kyoukai")
        propagate, logger.propagate = logger.propagate, False
        disabled = logging.root.manager.disable
        logging.disable(logging.NOTSET)
        logger.addHandler(records)
        # A backend may use loggers of its own.
        logging.root.addHandler(records)
        loop.set_exception_handler(lambda loop, told: stage.problems.append(str(told.get("message"))))
        component.server.start()
        try:
            yield stage
        finally:
            at_once = asyncio.Event()
            at_once.set()
            await component.server.stop(at_once)
            loop.set_exception_handler(None)
            logging.root.removeHandler(records)
            logger.removeHandler(records)
            logger.propagate = propagate
            logging.disable(disabled)
