"""One connection in memory, from its first byte to its end.

The code uses only what asyncio and the backend contract promise, so it works with every backend. A
conversation ends when the server has ended its side, or has done nothing for :data:`QUIET_TURNS` loop
iterations. A caller that knows what must happen can say so; the conversation then waits for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from asphalt.core import Context

from kyoukai.asphalt import CommandLineNames, KyoukaiComponent

from .by_socket import converse_by_socket
from .chunking import Action, Piece
from .outcome import Outcome, read_outcome
from .recorder import RecordingApplication, Reply, Seen
from .settings import timeout_scale
from .transport import SERVER, MemoryTransport

__all__ = ("converse", "converse_by_socket", "serving")

QUIET_TURNS: Final = 10
"""Loop iterations without any change after which nothing more is expected."""

PATIENCE: Final = 5.0
"""Default timeout in seconds, before scaling."""

DEFAULT_REPLY: Final = Reply()


@asynccontextmanager
async def serving(
    backend: str, limits: Mapping[str, Any] | None = None
) -> AsyncGenerator[tuple[KyoukaiComponent, Context], None]:
    """Create a component that records requests, and serve with it without a socket.

    :param backend: a registered name, or ``module:attribute``.
    :param limits: limits and timeouts by name.
    :raises ConfigurationError: if one of them is invalid.
    """
    # The environment must not change the backend under test.
    component = KyoukaiComponent(RecordingApplication(), backend=CommandLineNames([backend]), limits=limits)
    async with Context() as ctx:
        component.server.prepare(component.app)
        component.server.start()
        try:
            yield component, ctx
        finally:
            await component.server.stop(asyncio.Event())


async def converse(
    component: KyoukaiComponent,
    ctx: Context,
    pieces: Iterable[Piece],
    *,
    reply: Reply = DEFAULT_REPLY,
    turns: int = 1,
    answers: int = 0,
    closes: bool = False,
    patience: float = PATIENCE,
) -> Outcome:
    """Run one conversation in memory.

    :param component: a component with a :class:`RecordingApplication` and a started server; it takes one
        conversation at a time.
    :param ctx: the parent context of requests.
    :param pieces: what the client sends and does.
    :param reply: the answer of the application.
    :param turns: loop iterations after each piece.
    :param answers: how many complete answers to wait for.
    :param closes: whether to wait for the end of the connection.
    :param patience: timeout in seconds for these waits, before scaling.
    """
    conversation = _Conversation(component, ctx, reply)
    conversation.wanted = answers
    conversation.closes = closes
    conversation.patience = patience * timeout_scale()
    for piece in pieces:
        await conversation.play(piece)
        for _ in range(turns):
            await asyncio.sleep(0)
    await conversation.settle()
    closed = conversation.transport.ended
    await conversation.leave()
    return conversation.outcome(closed)


class _Conversation:
    """The client's side of one connection in memory."""

    def __init__(self, component: KyoukaiComponent, ctx: Context, reply: Reply) -> None:
        application: Any = component.app
        self.seen: list[Seen] = application.begin(reply)
        self.transport = MemoryTransport(component.backend.create_protocol(component, ctx, *SERVER))
        self.transport.connect()
        self.sent: list[bytes] = []
        self.wanted = 0
        self.closes = False
        self.patience = PATIENCE
        self.faults: list[str] = []
        self._ended = False

    async def play(self, piece: Piece) -> None:
        """Send one piece, or do one action."""
        if isinstance(piece, bytes):
            self.sent.append(piece)
            self.transport.feed(piece)
        elif piece is Action.END:
            self._ended = True
            self.transport.feed_eof()
        elif piece is Action.PAUSE:
            await self._become_quiet()
        else:
            await self.settle(reset=True)
            self.transport.feed_reset()

    async def settle(self, *, reset: bool = False) -> None:
        """Wait until the server has ended, or is quiet and has sent the expected answers."""
        deadline = asyncio.get_running_loop().time() + self.patience
        while True:
            await self._become_quiet()
            if self.transport.ended or self._is_satisfied(reset):
                return
            if not await self.transport.changed(deadline):
                return

    async def leave(self) -> None:
        """Close the client's side, and wait until the server has closed the connection."""
        transport = self.transport
        if not transport.closed and not self._ended:
            transport.feed_eof()
        deadline = asyncio.get_running_loop().time() + self.patience
        while not transport.closed:
            await self._become_quiet(until_closed=True)
            if not transport.closed and not await transport.changed(deadline):
                self.faults.append("the server does not close a connection that the client has closed")
                transport.feed_reset()
                await asyncio.sleep(0)
                break

    def outcome(self, closed: bool) -> Outcome:
        """Return the outcome.

        :param closed: whether the server ended the connection.
        """
        transport = self.transport
        if transport.failure is not None:
            self.faults.append(f"the protocol raised {transport.failure!r}")
        return read_outcome(
            bytes(transport.received),
            b"".join(self.sent),
            self.seen,
            closed=closed,
            aborted=transport.aborted,
            faults=self.faults,
        )

    def _is_satisfied(self, reset: bool) -> bool:
        if self.closes and not reset:
            return False
        return not self.wanted or self.outcome(False).complete >= self.wanted

    async def _become_quiet(self, *, until_closed: bool = False) -> None:
        transport = self.transport
        changes, quiet = transport.changes, 0
        while quiet < QUIET_TURNS:
            if transport.closed or (transport.ended and not until_closed):
                return
            await asyncio.sleep(0)
            if transport.changes == changes:
                quiet += 1
            else:
                changes, quiet = transport.changes, 0
