"""Read a header of the PROXY protocol from a socket, and no byte after it.

The data is peeked at first, and removed from the socket once it is known to belong to the header. TLS or the
protocol then reads the rest from the socket, as if there had been no header.
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
    """The known addresses of a connection."""

    address: Any
    """The peer's address, as returned by :meth:`socket.socket.accept`."""
    proxied: Proxied
    """The header in which the peer, a proxy, describes its client."""


Connect = Callable[[Relayed], None]
"""Establishes the connection."""


class Heading:
    """Reads the headers of one listener's connections.

    :param proxies: the peers that may connect.
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
        """Read the header of an accepted connection; then establish the connection.

        The connection is closed without an answer if the peer is not trusted or sends no valid header.

        :param address: the peer's address, as returned by :meth:`socket.socket.accept`.
        """
        peer = address[0] if isinstance(address, tuple) else None
        if not self._proxies.trust_peer(peer):
            text = "a connection was refused: %s is not in trusted_proxies (%s)"
            logger.debug(text, peer or "a Unix socket", "proxy-not-trusted")
            connection.close()
            return
        # On Linux, an accepted socket does not inherit the non-blocking flag of the listening socket.
        connection.setblocking(False)
        reading = Reading(loop, connection, address, connect, self._forget)
        self._readings.add(reading)
        reading.begin(self._timeout)

    async def drain(self, seconds: float) -> None:
        """Wait until the headers in progress have been read, at most for the given seconds."""
        if self._readings:
            self._emptied = asyncio.Event()
            await wait_first(self._emptied.wait(), within=seconds)

    def _forget(self, reading: "Reading") -> None:
        self._readings.discard(reading)
        if self._emptied is not None and not self._readings:
            self._emptied.set()

    def close(self) -> None:
        """Give up the headers that are incomplete."""
        for reading in tuple(self._readings):
            reading.go_on()
            reading.fail("the server stops")


class Reading:
    """The reading of one header.

    :param done: called with this object at the end.
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
        """Read the available data, and wait for the rest."""
        self.go_on()
        if self._connection is not None:
            self._loop.add_reader(self._connection, self.go_on)
            self._timer = self._loop.call_later(timeout, self._end, timeout)

    def go_on(self) -> None:
        """Read the data that has arrived."""
        try:
            while self._connection is not None and self._take(self._connection):
                pass
        except (BlockingIOError, InterruptedError):
            pass
        except (ProxyHeaderError, OSError) as error:
            self.fail(str(error))

    def _end(self, timeout: float) -> None:
        # If the process was stopped, the header may have arrived in the meantime.
        self.go_on()
        self.fail(f"incomplete after {timeout:g} s")

    def fail(self, why: str) -> None:
        """Close the connection, unless it has been established."""
        connection = self._leave()
        if connection is not None:
            text = "a connection was refused: bad header of the PROXY protocol: %s (%s)"
            logger.debug(text, why, "proxy-header-malformed")
            connection.close()

    def _take(self, connection: socket.socket) -> bool:
        """Remove the header's available bytes from the socket; return whether more may be available."""
        # Version 2 has a length: after it, the number of missing bytes is known.
        seen = connection.recv(MAX_HEADER, socket.MSG_PEEK)
        if not seen:
            raise ProxyHeaderError("the connection ended before the header did")
        data = self._data + seen
        size = find_size(data)
        if size is None:
            # All available bytes belong to the header. Unread, they would wake the loop again and again.
            self._data = data
            connection.recv(len(seen))
            return True
        connection.recv(size - len(self._data))
        proxied = parse_header(data[:size])
        self._leave()
        self._connect(Relayed(self._address, proxied))
        return False

    def _leave(self) -> socket.socket | None:
        """Detach the socket and return it; ``None`` if it was detached before."""
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._loop.remove_reader(connection)  # type: ignore[arg-type]
            self._timer.cancel()
            self._timer = None
        self._done(self)
        return connection
