"""Reading a header of the PROXY protocol from a socket, and not a byte behind it.

What has come is looked at, and taken once it is known to be of the header: TLS, or the protocol, gets the
rest from the socket as if the header had never been there.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.core.serving.threads import wait_first
from kyoukai.server.proxy_protocol import MAX_HEADER, Proxied, ProxyHeaderError, find_size, parse_header

logger: Final = logging.getLogger("kyoukai.server")


class Relayed(NamedTuple):
    """What is known of who connected."""

    address: Any
    """The peer's address, as :meth:`socket.socket.accept` has it."""
    proxied: Proxied
    """What the peer, a proxy, says of its client."""


Connect = Callable[[Relayed], None]
"""Makes the connection."""


class Heading:
    """Reads the headers of one listener's connections.

    :param proxies: who may connect.
    :param timeout: seconds that a header may take.
    """

    def __init__(self, proxies: TrustedProxies, timeout: float) -> None:
        self._proxies = proxies
        self._timeout = timeout
        self._readings: set[Reading] = set()
        self._emptied: asyncio.Event | None = None

    def read(
        self, loop: asyncio.AbstractEventLoop, connection: socket.socket, address: Any, connect: Connect
    ) -> None:
        """Read the header of a connection that was just accepted, and make the connection when it is there.

        Whoever is not trusted, or sends something else, is closed without an answer.

        :param address: the peer's, as :meth:`socket.socket.accept` has it.
        """
        peer = address[0] if isinstance(address, tuple) else None
        if not self._proxies.trust_peer(peer):
            logger.debug("a connection is refused: %s is none of trusted_proxies", peer or "a Unix socket")
            connection.close()
            return
        # Linux gives it no such flag of the socket that listens.
        connection.setblocking(False)
        reading = Reading(loop, connection, address, connect, self._forget)
        self._readings.add(reading)
        reading.begin(self._timeout)

    async def drain(self, seconds: float) -> None:
        """Wait until the headers that are being read have come, for so many seconds at most."""
        if self._readings:
            self._emptied = asyncio.Event()
            await wait_first(self._emptied.wait(), within=seconds)

    def _forget(self, reading: "Reading") -> None:
        self._readings.discard(reading)
        if self._emptied is not None and not self._readings:
            self._emptied.set()

    def close(self) -> None:
        """Give up what has not come whole."""
        for reading in tuple(self._readings):
            reading.go_on()
            reading.fail("the server stops")


class Reading:
    """The reading of one header.

    :param done: is called with this object at the end.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        address: Any,
        connect: Connect,
        done: "Callable[[Reading], None]",
    ) -> None:
        self._loop = loop
        self._connection: socket.socket | None = connection
        self._address = address
        self._connect = connect
        self._done = done
        self._timer: asyncio.TimerHandle | None = None
        self._data = b""

    def begin(self, timeout: float) -> None:
        """Read what there is, and wait for the rest."""
        self.go_on()
        if self._connection is not None:
            self._loop.add_reader(self._connection, self.go_on)
            self._timer = self._loop.call_later(timeout, self._end, timeout)

    def go_on(self) -> None:
        """Read what has come."""
        try:
            while self._connection is not None and self._take(self._connection):
                pass
        except (BlockingIOError, InterruptedError):
            pass
        except (ProxyHeaderError, OSError) as error:
            self.fail(str(error))

    def _end(self, timeout: float) -> None:
        # Where the process stood still, it may have come meanwhile.
        self.go_on()
        self.fail(f"it has not come in {timeout:g} s")

    def fail(self, why: str) -> None:
        """Close the connection, if it has not been made."""
        connection = self._leave()
        if connection is not None:
            logger.debug("a connection is refused: its header of the PROXY protocol is no good: %s", why)
            connection.close()

    def _take(self, connection: socket.socket) -> bool:
        """Take as much of the header as is there; return whether it may be more."""
        # Behind version 2's length, it is known how much is missing.
        seen = connection.recv(MAX_HEADER, socket.MSG_PEEK)
        if not seen:
            raise ProxyHeaderError("the connection ended before its end")
        data = self._data + seen
        size = find_size(data)
        if size is None:
            # All of it is of the header. Left there, it would wake the loop up again and again.
            self._data = data
            connection.recv(len(seen))
            return True
        connection.recv(size - len(self._data))
        proxied = parse_header(data[:size])
        self._leave()
        self._connect(Relayed(self._address, proxied))
        return False

    def _leave(self) -> socket.socket | None:
        """Let go of the socket, and return it; ``None``: it was before."""
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._loop.remove_reader(connection)  # type: ignore[arg-type]
            self._timer.cancel()
            self._timer = None
        self._done(self)
        return connection
