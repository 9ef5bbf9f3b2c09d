"""A server of ASGI in memory: it calls an application by scopes, and keeps what it is sent."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from kyoukai.asgi import ASGIExport

PATIENCE = 10.0

HOST = (b"host", b"example.com")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test in an event loop of its own, at whose end nothing is left."""

    async def check() -> None:
        await main()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(check())


async def turns(count: int = 10) -> None:
    """Let the loop have as many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def http_scope(
    method: str = "GET", target: bytes = b"/", *headers: tuple[bytes, bytes], **others: Any
) -> dict[str, Any]:
    """Return the scope of a request."""
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [HOST, *headers],
        "client": ("192.0.2.1", 50712),
        "server": ("192.0.2.80", 8080),
        **others,
    }


class Call:
    """One call of an application. What it is to be sent waits in a queue.

    :param app: the application.
    :param scope: of the call.
    :param events: what ``receive`` returns first.
    """

    def __init__(self, app: Any, scope: dict[str, Any], *events: dict[str, Any]) -> None:
        self.scope = scope
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.parts: list[bytes] = []
        """What it has read of files, as a server does that is given them."""
        self.asked = 0
        self.room = asyncio.Event()
        """Clear: ``send`` waits, as for a client that does not read."""
        self.room.set()
        self.fault: Exception | None = None
        """What ``send`` raises."""
        self._changed = asyncio.Event()
        for event in events:
            self.inbox.put_nowait(event)
        self.task = asyncio.ensure_future(app(scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        self._changed.set()
        return await self.inbox.get()

    async def send(self, event: dict[str, Any]) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append(event)
        if event["type"] == "http.response.zerocopysend":
            self.parts.append(os.pread(event["file"].fileno(), event["count"], event["offset"]))
        self._changed.set()
        await self.room.wait()

    def put(self, *events: dict[str, Any]) -> None:
        """Let the application receive."""
        for event in events:
            self.inbox.put_nowait(event)

    def go(self) -> None:
        """Let the client go."""
        self.put({"type": "http.disconnect"})

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition holds, which is looked at whenever the application receives or sends."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def end(self) -> "Call":
        """Wait for the call's end."""
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self

    # What was answered

    @property
    def status(self) -> int:
        return next(int(event["status"]) for event in self.sent if event["type"].endswith(".start"))

    @property
    def fields(self) -> dict[bytes, bytes]:
        headers = next(event["headers"] for event in self.sent if event["type"].endswith(".start"))
        assert all(type(part) is bytes for pair in headers for part in pair)
        fields = dict(headers)
        assert len(fields) == len(headers)
        return fields

    @property
    def body(self) -> bytes:
        return b"".join(event["body"] for event in self.sent if event["type"].endswith(".body"))

    @property
    def is_whole(self) -> bool:
        """Whether the server has the end of the answer."""
        bodies = [event for event in self.sent if event["type"] == "http.response.body"]
        ends = [event for event in bodies if not event["more_body"]]
        assert len(ends) <= 1
        return bool(ends)


def body(*pieces: bytes) -> list[dict[str, Any]]:
    """Return the events of a request's body."""
    last = len(pieces) - 1
    return [
        {"type": "http.request", "body": piece, "more_body": number < last}
        for number, piece in enumerate(pieces)
    ]


class Lifespan(Call):
    """The call that starts and stops an application."""

    def __init__(self, app: Any, **others: Any) -> None:
        super().__init__(app, {"type": "lifespan", "asgi": {"version": "3.0"}, **others})

    async def start(self) -> dict[str, Any]:
        """Start, and return what the application says."""
        self.put({"type": "lifespan.startup"})
        await self.until(lambda: self.sent)
        return self.sent[-1]

    async def stop(self) -> dict[str, Any]:
        """Stop, and return what the application says."""
        self.put({"type": "lifespan.shutdown"})
        await self.end()
        return self.sent[-1]


@contextlib.asynccontextmanager
async def serving(app: Any, **settings: Any) -> AsyncIterator[ASGIExport]:
    """Yield an application that is exported and has started; stop it at the end."""
    exported = app if isinstance(app, ASGIExport) else ASGIExport(app, **settings)
    lifespan = Lifespan(exported)
    assert await lifespan.start() == {"type": "lifespan.startup.complete"}
    try:
        yield exported
    finally:
        assert await lifespan.stop() == {"type": "lifespan.shutdown.complete"}


async def get(app: Any, target: bytes = b"/", *headers: tuple[bytes, bytes], **others: Any) -> Call:
    """Return the call of one GET, which has ended."""
    return await Call(app, http_scope("GET", target, *headers, **others), *body(b"")).end()


async def post(app: Any, target: bytes, *pieces: bytes, headers: Any = (), **others: Any) -> Call:
    """Return the call of one POST of known length, which has ended."""
    length = (b"content-length", str(sum(map(len, pieces))).encode())
    return await Call(app, http_scope("POST", target, length, *headers, **others), *body(*pieces)).end()
