"""Choose the backend of each connection, on a server with several backends.

A temporary protocol makes the choice, then gives the connection to the backend's protocol. From there on the
connection is served as if there were only this backend.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from kyoukai.core.contract.negotiation import choose_by_protocol, find_preface
from kyoukai.core.serving.server_state import NEVER, Server

logger: Final = logging.getLogger("kyoukai.server")

FAREWELL: Final = 2.0
"""Seconds to wait for the close_notify of a client that no backend serves."""

MakeProtocol = Callable[[Any], asyncio.BaseProtocol]
"""Creates the protocol of a connection from the client's address."""


class ByProtocol(asyncio.Protocol):
    """A TLS connection. The handshake has already negotiated a protocol by ALPN (RFC 7301).

    A client that negotiated none is served by the backend for HTTP/1.1; without such a backend, the
    connection is closed.

    :param choices: creates the connection's protocol, by negotiated protocol.
    :param peer: the client's address, passed to ``choices``.
    """

    def __init__(self, choices: Mapping[str, MakeProtocol], peer: Any) -> None:
        self._choices = choices
        self._peer = peer
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Choose the backend."""
        agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        make = choose_by_protocol(self._choices, agreed)
        if make is None:
            logger.debug(
                "a connection was closed: no backend serves the protocol negotiated by ALPN: %r", agreed
            )
            transport.close()
            self._ending = asyncio.get_running_loop().call_later(FAREWELL, transport.abort)
        else:
            give_way(transport, make, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client has answered the close_notify, or is gone."""
        if self._ending is not None:
            self._ending.cancel()


class ByPreface(asyncio.Protocol):
    """A cleartext connection. The client's first bytes decide.

    The server keeps track of the connection. The client has ``keep_alive_timeout`` to send the first byte,
    then ``head_timeout`` to send enough for the decision.

    :param server: keeps track of the connection until the decision.
    :param choices: creates the connection's protocol, by preface; the empty preface matches all other
        connections.
    :param peer: the client's address, passed to ``choices``.
    """

    def __init__(self, server: Server, choices: Mapping[bytes, MakeProtocol], peer: Any) -> None:
        self._server = server
        self._choices = choices
        self._peer = peer
        self._transport: Any = None
        self._data = b""
        self._deadline = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client."""
        self._transport = transport
        self._deadline = self._server.clock + self._server.limits.keep_alive_timeout
        self._server.hold(self)

    def data_received(self, data: bytes) -> None:
        """Choose the backend as soon as the bytes suffice."""
        if not self._data:
            self._deadline = self._server.clock + self._server.limits.head_timeout
        self._data += data
        preface = find_preface(self._choices, self._data)
        if preface is None:
            return
        make = self._choices.get(preface)
        if make is None:
            logger.debug(
                "a connection was closed: no backend recognizes its first bytes, %r", self._data[:24]
            )
            self._data = b""
            self._transport.close()
        else:
            self._server.hand_over(self, lambda: self._give_way(make))

    def connection_lost(self, exc: Exception | None) -> None:
        """Log that the client disconnected before a backend was chosen."""
        if self._data:
            logger.debug("a connection ended before a backend was chosen; it had sent %r", self._data[:24])
        self._server.drop(self)

    def _give_way(self, make: MakeProtocol) -> None:
        protocol: Any = give_way(self._transport, make, self._peer)
        if protocol is not None and not self._transport.is_closing():
            protocol.data_received(self._data)

    # Methods that the server calls

    def sweep(self, now: float) -> None:
        """Close the connection if the first bytes did not arrive in time."""
        if self._deadline <= now:
            self._deadline = NEVER
            self._transport.close()

    def shutdown(self) -> None:
        """Close the connection if nothing has arrived; otherwise leave it to the backend or the deadline."""
        if not self._data:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()


def give_way(transport: Any, make: MakeProtocol, peer: Any) -> asyncio.BaseProtocol | None:
    """Create the protocol that serves a connection, give the connection to it, and return it.

    :return: ``None`` if it could not be created. The error is logged and the connection closed.
    """
    try:
        protocol = make(peer)
    except Exception:
        logger.exception("the protocol of a connection could not be created")
        transport.abort()
        return None
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return protocol
