r"""Log the traffic of each connection, for authors of backends and for debugging clients.

The logger is ``kyoukai.trace``, the level DEBUG. Each record is one line that begins with the connection's
number::

    #1 made, from 127.0.0.1:50712
    #1 <- 35 bytes b'GET / HTTP/1.1\r\nHost: example\r\n\r\n'
    #1    on_message_begin()
    #1    on_url(b'/')
    #1 -> 129 bytes b'HTTP/1.1 200 OK\r\n...'
    #1 lost

1. Whether to trace a connection is decided when it is made. An untraced connection costs nothing.
2. Data from a peer is escaped, and cut to :data:`SHOWN_SIZE` bytes.
3. An :class:`HTTPProtocol` is traced by attributes of the object itself, so that the calls of any parser are
   shown. Not shown are a protocol installed by :meth:`~HTTPProtocol.replace`, and files sent by the system
   (sendfile).
4. Any other protocol is wrapped: a protocol in front forwards all calls, and a transport forwards all writes.
   Only bytes are shown.
"""

import asyncio
import functools
import itertools
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from kyoukai.core.connection.connection import CLOSED
from kyoukai.core.contract.parser import CALLBACKS
from kyoukai.core.errors import identifier_of
from kyoukai.core.http1.protocol import HTTPProtocol

logger: Final = logging.getLogger("kyoukai.trace")

SHOWN_SIZE: Final = 256
"""Maximum number of bytes shown of a piece of data or of a callback's argument."""

CreateProtocol = Callable[..., asyncio.BaseProtocol]

_numbers: Final = itertools.count(1)


def traced(create_protocol: CreateProtocol) -> CreateProtocol:
    """Return a ``create_protocol`` that traces its connections while the logger is enabled for DEBUG.

    :param create_protocol: a backend's.
    """

    @functools.wraps(create_protocol)
    def create_traced(*args: Any, **kwargs: Any) -> asyncio.BaseProtocol:
        protocol = create_protocol(*args, **kwargs)
        if not logger.isEnabledFor(logging.DEBUG):
            return protocol
        trace = Trace(next(_numbers))
        if isinstance(protocol, HTTPProtocol):
            trace_http(protocol, trace)
            return protocol
        if isinstance(protocol, asyncio.Protocol):
            return TracedProtocol(protocol, trace)
        return protocol

    return create_traced


def shown(data: Any) -> str:
    """Return the repr of bytes, cut to :data:`SHOWN_SIZE`; of other objects likewise."""
    if not isinstance(data, bytes | bytearray | memoryview):
        words = f"{type(data).__name__}: {data}" if isinstance(data, BaseException) else repr(data)
        text = " ".join(words.split())
        return text if len(text) <= SHOWN_SIZE else f"{text[:SHOWN_SIZE]}..."
    start = bytes(data[:SHOWN_SIZE])
    return repr(start) if len(data) <= SHOWN_SIZE else f"{start!r}..."


class Trace:
    """Writes the lines of one connection.

    :param number: the number of the connection in this process.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def note(self, text: str) -> None:
        """Write one line."""
        logger.debug("#%d %s", self.number, text)

    def made(self, transport: asyncio.BaseTransport) -> None:
        """Log a new connection."""
        peer = transport.get_extra_info("peername")
        is_address = isinstance(peer, tuple) and len(peer) >= 2
        self.note(f"made, from {peer[0]}:{peer[1]}" if is_address else "made, from a client without address")

    def received(self, data: bytes) -> None:
        """Log received bytes."""
        self.note(f"<- {len(data)} bytes {shown(data)}")

    def sent(self, data: Any) -> None:
        """Log sent bytes."""
        self.note(f"-> {len(data)} bytes {shown(data)}")

    def called(self, name: str, args: Iterable[object]) -> None:
        """Log a parser's callback."""
        self.note(f"   {name}({', '.join(map(shown, args))})")

    def ended(self) -> None:
        """Log that the client closed its sending side."""
        self.note("<- end of input")

    def lost(self, exc: Exception | None) -> None:
        """Log the end of the connection."""
        self.note("lost" if exc is None else f"lost: {shown(exc)}")


def trace_http(protocol: HTTPProtocol, trace: Trace) -> None:
    """Trace a connection whose protocol is an :class:`HTTPProtocol`.

    :param protocol: just created; its parser must not exist yet.
    """

    def before(name: str, note: Callable[..., None]) -> None:
        method = getattr(protocol, name)

        @functools.wraps(method)
        def noting(*args: Any, **kwargs: Any) -> Any:
            note(*args)
            return method(*args, **kwargs)

        setattr(protocol, name, noting)

    def note_sent(data: Any) -> None:
        if protocol.phase is not CLOSED:
            trace.sent(data)

    def note_both(head: Any, body: Any) -> None:
        note_sent(head)
        note_sent(body)

    def note_refusal(exc: Exception) -> None:
        means = f"; the parser raised {shown(exc.__cause__)}" if exc.__cause__ is not None else ""
        identifier = identifier_of(exc)
        why = f"{identifier}: " if identifier else ""
        trace.note(f"   refused for {why}{shown(exc)}{means}")

    def note_replaced(other: type, *args: object) -> None:
        trace.note(f"replaced by {other.__qualname__}, which is not traced")

    for name in CALLBACKS:
        before(name, lambda *args, name=name: trace.called(name, args))
    before("connection_made", trace.made)
    before("data_received", trace.received)
    before("eof_received", trace.ended)
    before("connection_lost", trace.lost)
    before("raw_write", note_sent)
    before("raw_write_both", note_both)
    before("handle_parser_exception", note_refusal)
    before("replace", note_replaced)
    ends = {"linger": "end of output", "close": "close", "abort": "abort", "reset": "reset"}
    for name, words in ends.items():
        before(name, lambda words=words: trace.note(f"-> {words}"))


class TracedProtocol(asyncio.Protocol):
    """Wraps a protocol of any class.

    :param protocol: receives every call; ``set_protocol`` replaces it.
    """

    def __init__(self, protocol: asyncio.Protocol, trace: Trace) -> None:
        self.protocol = protocol
        self.trace = trace

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Forward the call, with a traced transport."""
        self.trace.made(transport)
        substitute: Any = TracedTransport(transport, self)
        self.protocol.connection_made(substitute)

    def data_received(self, data: bytes) -> None:
        """Forward the call."""
        self.trace.received(data)
        self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Forward the call."""
        self.trace.ended()
        return self.protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forward the call."""
        self.trace.lost(exc)
        self.protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Forward the call."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Forward the call."""
        self.protocol.resume_writing()


class TracedTransport:
    """A transport that logs written data, and leaves everything else to the wrapped transport.

    :param transport: the connection's own transport.
    :param front: the protocol that this transport calls.
    """

    def __init__(self, transport: asyncio.BaseTransport, front: TracedProtocol) -> None:
        self._transport: Any = transport
        self._front = front

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Any) -> None:
        """Log and forward the data."""
        if not self._transport.is_closing():
            self._front.trace.sent(data)
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Log and forward the data as one piece."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Forward the call."""
        self._front.trace.note("-> end of output")
        self._transport.write_eof()

    def close(self) -> None:
        """Forward the call."""
        self._front.trace.note("-> close")
        self._transport.close()

    def abort(self) -> None:
        """Forward the call."""
        self._front.trace.note("-> abort")
        self._transport.abort()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the wrapped protocol."""
        return self._front.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the wrapped protocol. A buffered protocol receives its calls untraced."""
        if isinstance(protocol, asyncio.Protocol):
            self._front.protocol = protocol
        else:
            self._front.trace.note(f"replaced by {type(protocol).__qualname__}, which is not traced")
            self._transport.set_protocol(protocol)
