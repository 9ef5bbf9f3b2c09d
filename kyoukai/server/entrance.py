"""The way into a server: its listeners, the TLS of each, and what accepts on them."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from kyoukai.core.connection.connection import Connection, Unnamed
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.server.acceptor import Acceptor, Door
from kyoukai.server.heading import Heading, Relayed
from kyoukai.server.listener import BaseListener
from kyoukai.server.listeners import Listeners, Sockets
from kyoukai.server.log_files import reopen_log_files
from kyoukai.server.tls import connection_options, make_ssl_context
from kyoukai.server.tracing import traced

logger: Final = logging.getLogger("kyoukai.server")

FOR_SUPERVISORS: Final = ("SIGTTIN", "SIGTTOU", "SIGUSR2")
"""Signals that are about workers, or about the process that has them."""

NOBODY: Final = TrustedProxies()

CreateProtocol = Callable[[str, int], asyncio.BaseProtocol]
"""Makes the protocol of a connection: the address and port of the server are given to it."""


class Entrance:
    """The listeners of one server, open or not.

    :param listeners: where it listens.
    :param alpn_protocols: the names that the backend offers by TLS (RFC 7301).
    :param limits: those of the server.
    :param proxies: who may speak the PROXY protocol.
    :raises ConfigurationError: if the setting ``ssl`` of a listener is no good, or one wants the PROXY
        protocol and nobody may speak it.
    """

    def __init__(
        self,
        listeners: Listeners,
        alpn_protocols: tuple[str, ...],
        limits: Limits,
        proxies: TrustedProxies = NOBODY,
    ) -> None:
        self.listeners = listeners
        self.ssl_contexts = [make_ssl_context(listener.ssl, alpn_protocols) for listener in listeners]
        """The TLS context of each listener; ``None``: it does not speak TLS."""
        # All sockets of a listener have the same, so that others can be set for those to come.
        self._options = [connection_options(context, limits) for context in self.ssl_contexts]
        self._alpn_protocols = alpn_protocols
        self.address = ("", 0)
        """The first address and port listened on, once it is open; the path of a Unix socket and 0."""
        self.urls: tuple[str, ...] = ()
        """What to type into a browser, one of each address listened on, once it is open."""
        self.acceptor = Acceptor([])
        """What accepts connections, once it is open."""
        self._limits = limits
        self._proxies = proxies
        if not proxies and any(listener.proxy_protocol for listener in listeners):
            raise ConfigurationError("proxy_protocol is required, and trusted_proxies names nobody")
        self.opened: Sockets = []
        """The sockets, by listener."""
        self._create: CreateProtocol
        self._trace = False

    async def open(self) -> None:
        """Listen, and accept nobody yet.

        :raises ListenError: if an address cannot be listened on.
        """
        self.opened = await self.listeners.open()

    def prepare(self, create_protocol: CreateProtocol, *, trace: bool = False) -> Acceptor:
        """Return what accepts connections. It is called once, when the sockets are open.

        :param trace: whether connections are traced: see :mod:`kyoukai.server.tracing`.
        """
        self._create, self._trace = create_protocol, trace
        addresses, urls, doors = [], [], []
        for listener, sockets, context in zip(self.listeners, self.opened, self.ssl_contexts, strict=True):
            for sock in sockets:
                addresses.append(listener.address(sock))
                urls.append(listener.url(addresses[-1], secure=context is not None))
                doors.append(self._make_door(listener, sock))
        self.address, self.urls = addresses[0], tuple(urls)
        self.acceptor = Acceptor(doors)
        return self.acceptor

    def add(self, sockets: Sockets) -> None:
        """Accept from further sockets.

        :param sockets: by listener.
        """
        self.acceptor.add(
            [
                self._make_door(listener, sock)
                for listener, some in zip(self.listeners, sockets, strict=True)
                for sock in some
            ]
        )

    @property
    def has_certificates(self) -> bool:
        """Whether there are certificates to be read again."""
        return any(isinstance(listener.ssl, Mapping) for listener in self.listeners)

    def reload_certificates(self) -> None:
        """Read certificates and keys again, for the connections that are made from now on.

        Where one cannot be used, all stay as they are, and one line of the log says why.
        """
        try:
            contexts = [make_ssl_context(listener.ssl, self._alpn_protocols) for listener in self.listeners]
        except (ConfigurationError, OSError) as error:
            logger.error("the certificates stay as they are: %s", error)
            return
        self.ssl_contexts = contexts
        for options, context in zip(self._options, contexts, strict=True):
            options.update(connection_options(context, self._limits))
        logger.info("certificates and keys have been read again")

    def _make_door(self, listener: BaseListener, sock: socket.socket) -> Door:
        factory: Any = partial(make_protocol, self._create, listener.address(sock))
        if self._trace:
            factory = traced(factory)
        heading = Heading(self._proxies, self._limits.head_timeout) if listener.proxy_protocol else None
        return Door(sock, factory, self._options[self.listeners.index(listener)], heading)


def renewals(entrance: Entrance) -> dict[str, Callable[[], object]]:
    """Return what a server in one process does at a signal: workers have a supervisor that sees to it.

    Without certificates SIGHUP ends it, as it does when a terminal is closed.
    """

    def renew() -> None:
        reopen_log_files()
        entrance.reload_certificates()

    found: dict[str, Callable[[], object]] = {name: partial(name_need, name) for name in FOR_SUPERVISORS}
    found["SIGUSR1"] = reopen_log_files
    return {**found, "SIGHUP": renew} if entrance.has_certificates else found


def name_need(name: str) -> None:
    """Say that a signal is for a supervisor: by default it would end this process, or have it stand still."""
    logger.warning("%s came, and does nothing here: it needs a supervisor, by --workers, say", name)


def make_protocol(create: CreateProtocol, address: tuple[str, int], peer: Any) -> asyncio.BaseProtocol:
    """Return the protocol of a connection that was accepted.

    :param address: the address and port of the server, as the client has it.
    :param peer: the client's address, as :meth:`socket.socket.accept` has it, or what a proxy says of it;
        ``None``: it is to be asked.
    """
    proxied = None
    if isinstance(peer, Relayed):
        peer, proxied = peer
    # One who comes by a Unix socket may have bound a name, which is a text and no address.
    peer = peer if isinstance(peer, tuple) else None
    if proxied is not None:
        if proxied.peer is None or proxied.server is None:
            peer = Unnamed(peer or ())
        else:
            peer, address = proxied.peer, proxied.server
    protocol = create(*address)
    if isinstance(protocol, Connection):
        protocol.peer = peer
    return protocol
