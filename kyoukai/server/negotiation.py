"""Connections of a server with several backends, until it is known which of them serves.

Each has a protocol that decides, and gives way to that of the backend: a request is served as if there had
been one backend alone.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from kyoukai.core.contract.negotiation import choose_by_protocol, find_preface
from kyoukai.core.serving.server_state import NEVER, Server

logger: Final = logging.getLogger("kyoukai.server")

MakeProtocol = Callable[[Any], asyncio.BaseProtocol]
"""Makes the protocol of a connection: it is given the client's address."""


class ByProtocol(asyncio.Protocol):
    """A connection over TLS: client and server have agreed on a protocol when it is made (RFC 7301).

    A client that has agreed on nothing is served by the backend for HTTP/1.1, and is turned away where there
    is none.

    :param choices: by the protocol agreed on, what makes the connection.
    :param peer: the client's address, as ``choices`` take it.
    """

    def __init__(self, choices: Mapping[str, MakeProtocol], peer: Any) -> None:
        self._choices = choices
        self._peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Decide."""
        agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        make = choose_by_protocol(self._choices, agreed)
        if make is None:
            logger.debug("a connection is closed: no backend has what was agreed on by ALPN: %r", agreed)
            transport.close()
        else:
            give_way(transport, make, self._peer)


class ByPreface(asyncio.Protocol):
    """A connection in cleartext: what the client sends first decides.

    It is held by the server, and has ``keep_alive_timeout`` to begin and ``head_timeout`` to go on.

    :param server: keeps it meanwhile.
    :param choices: by the preface, what makes the connection; by the empty one, what takes the rest.
    :param peer: the client's address, as ``choices`` take it.
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
        """Decide, as soon as it can be."""
        if not self._data:
            self._deadline = self._server.clock + self._server.limits.head_timeout
        self._data += data
        preface = find_preface(self._choices, self._data)
        if preface is None:
            return
        make = self._choices.get(preface)
        if make is None:
            logger.debug("a connection is closed: no backend takes what begins with %r", self._data[:24])
            self._data = b""
            self._transport.close()
        else:
            self._server.hand_over(self, lambda: self._give_way(make))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client is gone before it was known what it wants."""
        if self._data:
            logger.debug("a connection ended when %r had come, which no backend has taken", self._data[:24])
        self._server.drop(self)

    def _give_way(self, make: MakeProtocol) -> None:
        protocol: Any = give_way(self._transport, make, self._peer)
        if protocol is not None and not self._transport.is_closing():
            protocol.data_received(self._data)

    # What the server calls

    def sweep(self, now: float) -> None:
        """Close where nothing, or only a part of what decides, has come in time."""
        if self._deadline <= now:
            self._deadline = NEVER
            self._transport.close()

    def shutdown(self) -> None:
        """Close where nothing has come; else the backend has its say, or the deadline."""
        if not self._data:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()


def give_way(transport: Any, make: MakeProtocol, peer: Any) -> asyncio.BaseProtocol | None:
    """Have a connection served by another protocol, and return that.

    :return: ``None``: it could not be made, which is logged, and the connection ends.
    """
    try:
        protocol = make(peer)
    except Exception:
        logger.exception("no protocol could be made for a connection")
        transport.abort()
        return None
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return protocol
