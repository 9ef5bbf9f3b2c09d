"""The clients: raw connections, so that they cost little and are the same for every server."""

import asyncio
import os
import zlib
from typing import Final, TypeVar

from websockets.utils import apply_mask

from benchmarks.idle import source
from benchmarks.running import HOST

HANDSHAKE: Final = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
)

OFFER: Final = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

PATIENCE: Final = 60
"""Seconds until what is waited for must have come."""


def frame(payload: bytes, opcode: int = 1, *, compressed: bool = False) -> bytes:
    """Return a frame as a client sends it."""
    first, size, mask = 0x80 | opcode | (0x40 if compressed else 0), len(payload), os.urandom(4)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 0x10000:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8)
    return head + mask + bytes(apply_mask(payload, mask))


def text(size: int) -> bytes:
    """Return a text of so many bytes that can be compressed, though not to nothing."""
    return os.urandom(size // 2 + 1).hex().encode()[:size]


def deflated(payload: bytes) -> bytes:
    """Return a payload compressed, by the least window that any server can have agreed on."""
    compressor = zlib.compressobj(wbits=-9)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def head_size(size: int) -> int:
    """Return the bytes that a server sends before a payload."""
    return 2 if size < 126 else 4 if size < 0x10000 else 10


opened: "set[Client]" = set()
"""Those whose connection is open."""


async def close_all() -> None:
    """Close all connections, and wait until they are."""
    for client in tuple(opened):
        client.transport.abort()
    while opened:  # noqa: ASYNC110 (the next turn of the loop closes them)
        await asyncio.sleep(0)


class Client(asyncio.Protocol):
    """One WebSocket.

    :param path: of the server's application.
    :param compressed: whether messages are to be compressed.
    """

    transport: asyncio.Transport

    def __init__(self, path: str, *, compressed: bool = False) -> None:
        self.compressed = compressed
        self._path = path
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.received = 0
        """Bytes that came behind the handshake."""
        self.last = b""
        """The last piece of them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self.transport = transport  # type: ignore[assignment]
        opened.add(self)
        offer = OFFER if self.compressed else ""
        self.transport.write(HANDSHAKE.format(path=self._path, offer=offer).encode())

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        if self.opened.done():
            self.received += len(data)
            self.last = data
            self.note()
        elif not data.startswith(b"HTTP/1.1 101 ") or (b"permessage-deflate" in data) is not self.compressed:
            self.opened.set_exception(RuntimeError(f"the handshake was answered with {data!r}"))
        else:
            self.opened.set_result(None)

    def note(self) -> None:
        """Act on what has come."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        opened.discard(self)
        if not self.opened.done():
            self.opened.set_exception(RuntimeError("the connection was closed"))
        if not self.ended.done():
            self.ended.set_result(None)


class Echoing(Client):
    """Sends a message again whenever it has come back.

    :param payload: the message.
    """

    def __init__(self, path: str, payload: bytes) -> None:
        super().__init__(path)
        self.messages = 0
        self._frame = frame(payload)
        self._due = self._size = head_size(len(payload)) + len(payload)

    def start(self) -> None:
        """Send it for the first time."""
        self.transport.write(self._frame)

    def note(self) -> None:
        """Send it again, if all of it is there."""
        if self.received >= self._due:
            self._due += self._size
            self.messages += 1
            self.transport.write(self._frame)


class Listening(Client):
    """Counts messages.

    :param size: bytes of each, with its head.
    :param crowd: who is told when it has one more.
    """

    def __init__(self, path: str, size: int, crowd: "Crowd") -> None:
        super().__init__(path)
        self._due = self._size = size
        self._crowd = crowd

    def note(self) -> None:
        """Tell that it has one more."""
        while self.received >= self._due:
            self._due += self._size
            self._crowd.note()


class Crowd:
    """Listeners, and one who sends the next message when all have had the last."""

    def __init__(self, payload: bytes) -> None:
        self.messages = 0
        """Each counts as often as it was received."""
        self.size = head_size(len(payload)) + len(payload)
        self._frame = frame(payload)
        self._missing = 0
        self.listeners: list[Listening] = []

    def start(self) -> None:
        """Have a message sent to all."""
        self._missing = len(self.listeners)
        self.listeners[0].transport.write(self._frame)

    def note(self) -> None:
        """Note that one has had it."""
        self.messages += 1
        self._missing -= 1
        if not self._missing:
            self.start()


Kind = TypeVar("Kind", bound=Client)


async def connect(client: Kind, port: int, number: int = 0) -> Kind:
    """Open a WebSocket.

    :param number: of how many clients it is; each address has ports for so many.
    :raises RuntimeError: if the server opens none.
    """
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: client, HOST, port, local_addr=(source(number), 0))
    async with asyncio.timeout(PATIENCE):
        await client.opened
    return client


async def ask(client: Client, payload: bytes) -> None:
    """Send a message, and wait for an answer."""
    before = client.received
    compressed = client.compressed
    client.transport.write(frame(deflated(payload) if compressed else payload, compressed=compressed))
    async with asyncio.timeout(PATIENCE):
        while client.received == before and not client.ended.done():  # noqa: ASYNC110 (it is over in an instant)
            await asyncio.sleep(0.001)
    if client.ended.done():
        raise RuntimeError("the connection was closed")
