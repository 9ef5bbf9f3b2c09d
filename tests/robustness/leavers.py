"""An ASGI application whose clients leave, with books of what it holds; and the clients.

Each call holds a connection of a database by ``async with``, and lets it go by an await, as a pool does that
has to roll back: whoever is cancelled twice, or is dropped, keeps it.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import hpack

from benchmarks.http2 import frames

from ..serving import chunks, message
from .crowd import Crowd

Kind = Callable[["Books", Any, Any, Any], Awaitable[None]]

PIECE: Final = bytes(16 * 1024)

FILE_SIZE: Final = 16 * 1024 * 1024
"""More than the system takes for a client that does not read."""

GET: Final = ("GET", b"")
KINDS: Final[dict[str, Kind]] = {}
"""By path, what an application is doing while its client leaves."""

UPLOADS: Final = ("upload", "upload-unread")
"""Those whose clients send half of a body."""

WEBSOCKETS: Final = ("websocket-unaccepted", "websocket-receiving", "websocket-sending")


class Books:
    """What an application has under way, and what it holds.

    :ivar running: calls under way.
    :ivar arrived: calls that have come to where their client leaves.
    :ivar held: connections of the database.
    :ivar opened: how many there have been.
    :ivar left: set when the clients have left, for those that look at nothing else.
    :param folder: where the database and the file are.
    """

    def __init__(self, folder: Path) -> None:
        self.running = self.arrived = self.held = self.opened = 0
        self.left = asyncio.Event()
        self.file = folder / "file"
        self.file.touch()
        os.truncate(self.file, FILE_SIZE)
        self.database = folder / "database"
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("CREATE TABLE guests (name TEXT)")

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[sqlite3.Connection]:
        """Hold a connection, which is a descriptor, too."""
        connection = sqlite3.connect(self.database)
        connection.execute("SELECT count(*) FROM guests").fetchone()
        self.held += 1
        self.opened += 1
        try:
            yield connection
        finally:
            await asyncio.sleep(0)
            connection.close()
            self.held -= 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Do what the path says."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.running += 1
        try:
            async with self.connection():
                await KINDS[scope["path"][1:]](self, scope, receive, send)
        finally:
            self.running -= 1


def kind(function: Kind) -> Kind:
    """Let an application do this by the name of the function."""
    KINDS[function.__name__.replace("_", "-")] = function
    return function


async def start(send: Any, content_type: bytes = b"application/octet-stream") -> None:
    """Send the head of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]})


async def disconnected(receive: Any) -> None:
    """Receive until the client is gone."""
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


async def push(send: Any, event: dict[str, Any]) -> None:
    """Send without end: what ends it is that the client is gone."""
    while True:
        await send(event)
        # What never waits would keep the loop from finding out.
        await asyncio.sleep(0)


@kind
async def receiving(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Wait for the client's end, and answer nothing."""
    await receive()
    books.arrived += 1
    await disconnected(receive)


@kind
async def receiving_in_a_task(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Answer after a while, beside a task that waits for the client's end and is cancelled then."""
    await receive()
    listener = asyncio.create_task(disconnected(receive))
    books.arrived += 1
    try:
        await books.left.wait()
    finally:
        listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listener
    await start(send)
    await send({"type": "http.response.body", "body": b"late"})


@kind
async def handling(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Look at nothing for long, and answer then."""
    books.arrived += 1
    await books.left.wait()
    await start(send)
    await send({"type": "http.response.body", "body": b"late"})


@kind
async def before_body(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Send the head alone."""
    await receive()
    await start(send)
    books.arrived += 1
    await disconnected(receive)


@kind
async def upload(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Read a body of which half comes."""
    await receive()
    books.arrived += 1
    await disconnected(receive)


@kind
async def upload_unread(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Answer while a body comes, and do not read it."""
    await start(send)
    await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    books.arrived += 1
    await books.left.wait()
    await send({"type": "http.response.body"})


@kind
async def streaming(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Wait between pieces, and go on when the client has left."""
    await start(send)
    await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    books.arrived += 1
    await books.left.wait()
    await push(send, {"type": "http.response.body", "body": PIECE, "more_body": True})


@kind
async def streaming_fast(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Send to a client that does not read."""
    await start(send)
    books.arrived += 1
    await push(send, {"type": "http.response.body", "body": PIECE, "more_body": True})


@kind
async def events(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Send events from one task, while another waits for the client's end and then cancels it."""
    await start(send, b"text/event-stream")

    async def tell() -> None:
        while True:
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            await asyncio.sleep(0.02)

    teller = asyncio.create_task(tell())
    books.arrived += 1
    try:
        await disconnected(receive)
    finally:
        teller.cancel()
        await asyncio.wait([teller])
        # What it was told by ``send`` is as good.
        if not teller.cancelled() and not isinstance(teller.exception(), OSError):
            raise RuntimeError("the events have ended otherwise")


@kind
async def pathsend(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Have a file sent, where the wire can, and send it otherwise."""
    await start(send)
    books.arrived += 1
    if "http.response.pathsend" in scope.get("extensions", ()):
        await send({"type": "http.response.pathsend", "path": str(books.file)})
        return
    with books.file.open("rb") as file:
        while piece := file.read(65536):
            await send({"type": "http.response.body", "body": piece, "more_body": True})


@kind
async def after_the_end(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Go on when all is answered, as background tasks do."""
    await start(send)
    await send({"type": "http.response.body", "body": b"done"})
    books.arrived += 1
    await books.left.wait()


@kind
async def websocket_unaccepted(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Think about a handshake."""
    await receive()
    books.arrived += 1
    await disconnected(receive)


@kind
async def websocket_receiving(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Wait for a message."""
    await receive()
    await send({"type": "websocket.accept"})
    books.arrived += 1
    await disconnected(receive)


@kind
async def websocket_sending(books: Books, scope: Any, receive: Any, send: Any) -> None:
    """Send to a client that does not read."""
    await receive()
    await send({"type": "websocket.accept"})
    books.arrived += 1
    await push(send, {"type": "websocket.send", "bytes": PIECE})


# Clients

HANDSHAKE: Final = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==")


def request_of(name: str) -> bytes:
    """Return what a client by HTTP/1.1 sends before it leaves."""
    if name in UPLOADS:
        return message("POST", f"/{name}", "Transfer-Encoding: chunked") + chunks(PIECE)[:-5]
    if name in WEBSOCKETS:
        return message("GET", f"/{name}", "Connection: Upgrade", "Upgrade: websocket", *HANDSHAKE)
    return message("GET", f"/{name}")


@contextlib.contextmanager
def leaving(name: str, address: tuple[str, int], size: int) -> Iterator[Callable[[], None]]:
    """Have clients ask, and yield what makes them leave, half of them by a reset."""
    with Crowd(address, size) as crowd:
        crowd.pump(request_of(name), reads=False)

        def leave() -> None:
            for number, member in enumerate(crowd.members):
                # Where something is unread, the system makes a reset of either.
                member.receive()
                (member.close if number % 2 else member.reset)()

        yield leave


STREAMS: Final = 20
"""Clients that share a connection by HTTP/2."""


def streams_of(name: str, number: int) -> bytes:
    """Return what so many clients by HTTP/2 send on one connection before they leave."""
    encoder = hpack.Encoder()
    pairs = [(":method", "GET"), (":scheme", "http"), (":path", f"/{name}"), (":authority", "localhost")]
    if name in UPLOADS:
        pairs[0] = (":method", "POST")
    elif name in WEBSOCKETS:
        pairs[0] = (":method", "CONNECT")
        pairs += [(":protocol", "websocket"), ("sec-websocket-version", "13")]
    is_open = name in (*UPLOADS, *WEBSOCKETS)
    flags = frames.END_HEADERS | (0 if is_open else frames.END_STREAM)
    sent = [frames.PREFACE, frames.settings(), frames.window(0, number * len(PIECE))]
    for stream in range(1, 2 * number, 2):
        sent.append(frames.frame(frames.HEADERS, flags, stream, encoder.encode(pairs)))
        if name in UPLOADS:
            sent.append(frames.frame(frames.DATA, 0, stream, bytes(1000)))
    return b"".join(sent)


@contextlib.contextmanager
def leaving_streams(name: str, address: tuple[str, int], size: int) -> Iterator[Callable[[], None]]:
    """Have clients by HTTP/2 ask, and yield what makes them leave, half of them by the reset of a stream."""
    with Crowd(address, size // STREAMS) as crowd:
        crowd.pump(streams_of(name, STREAMS))

        def leave() -> None:
            for member in crowd.members:
                member.receive()
                member.send(b"".join(frames.reset(stream) for stream in range(1, STREAMS, 2)))
            for number, member in enumerate(crowd.members):
                member.receive()
                (member.close if number % 2 else member.reset)()

        yield leave
