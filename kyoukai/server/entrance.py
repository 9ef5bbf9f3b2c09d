"""The entrance of a server: its listeners, their TLS contexts, and the acceptor."""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from kyoukai.core.contract.selection import Selected
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.core.serving.application import ServerComponent
from kyoukai.server.acceptor import Acceptor, Door
from kyoukai.server.heading import Heading
from kyoukai.server.listener import BaseListener
from kyoukai.server.listeners import Listeners, Sockets
from kyoukai.server.log_files import reopen_log_files
from kyoukai.server.protocols import Protocols
from kyoukai.server.tls import connection_options, make_ssl_context

if TYPE_CHECKING:
    from asphalt.core import Context

logger: Final = logging.getLogger("kyoukai.server")

FOR_SUPERVISORS: Final = ("SIGTTIN", "SIGTTOU", "SIGUSR2")
"""Signals that need a supervisor."""

NOBODY: Final = TrustedProxies()


class Entrance:
    """The listeners of one server, open or not.

    :param listeners: where to listen.
    :param backends: the backends that serve.
    :param limits: the server's limits.
    :param proxies: the proxies that may use the PROXY protocol.
    :raises BackendError: if two backends cannot be told apart on a listener.
    :raises ConfigurationError: if a listener's ``ssl`` setting is invalid, or a listener requires the PROXY
        protocol and no proxy is trusted.
    """

    def __init__(
        self,
        listeners: Listeners,
        backends: Selected,
        limits: Limits,
        proxies: TrustedProxies = NOBODY,
    ) -> None:
        self.listeners = listeners
        self._protocols = Protocols(backends, listeners)
        self.ssl_contexts = self._make_ssl_contexts()
        """The TLS context of each listener; ``None``: no TLS."""
        # All sockets of a listener share one dictionary, so that replacing its options affects all later
        # connections.
        self._options = [connection_options(context, limits) for context in self.ssl_contexts]
        self.address = ("", 0)
        """The first address and port listened on, once open; for a Unix socket, its path and 0."""
        self.urls: tuple[str, ...] = ()
        """One URL for each address listened on, once open."""
        self.acceptor = Acceptor([])
        """The acceptor, once open."""
        self._limits = limits
        self._proxies = proxies
        if not proxies and any(listener.proxy_protocol for listener in listeners):
            raise ConfigurationError("proxy_protocol is required, but trusted_proxies names no proxy")
        self.opened: Sockets = []
        """The sockets, by listener."""

    async def open(self) -> None:
        """Listen, without accepting connections yet.

        :raises ListenError: if an address cannot be listened on.
        """
        self.opened = await self.listeners.open()

    def prepare(self, component: ServerComponent, context: "Context", *, trace: bool = False) -> Acceptor:
        """Create the acceptor and return it. Call this once, when the sockets are open.

        :param component: the component to serve for.
        :param context: the Asphalt context that is the parent of the requests' contexts.
        :param trace: whether to trace connections: see :mod:`kyoukai.server.tracing`.
        """
        self._protocols.prepare(component, context, trace=trace)
        addresses, urls, doors = [], [], []
        for listener, sockets, tls in zip(self.listeners, self.opened, self.ssl_contexts, strict=True):
            for sock in sockets:
                addresses.append(listener.address(sock))
                urls.append(listener.url(addresses[-1], secure=tls is not None))
                doors.append(self._make_door(listener, sock))
        self.address, self.urls = addresses[0], tuple(urls)
        self.acceptor = Acceptor(doors)
        return self.acceptor

    def add(self, sockets: Sockets) -> None:
        """Accept from further sockets.

        :param sockets: the sockets, by listener.
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
        """Whether there are certificates to reload."""
        return any(isinstance(listener.ssl, Mapping) for listener in self.listeners)

    def reload_certificates(self) -> None:
        """Reload certificates and keys, for later connections.

        If one of them cannot be used, all stay unchanged and the log says why.
        """
        try:
            contexts = self._make_ssl_contexts()
        except (ConfigurationError, OSError) as error:
            logger.error("the certificates were not reloaded: %s", error)
            return
        self.ssl_contexts = contexts
        for options, context in zip(self._options, contexts, strict=True):
            options.update(connection_options(context, self._limits))
        logger.info("certificates and keys were reloaded")

    def _make_ssl_contexts(self) -> list[ssl.SSLContext | None]:
        offered = self._protocols.alpn_protocols
        return [make_ssl_context(listener.ssl, offered) for listener in self.listeners]

    def _make_door(self, listener: BaseListener, sock: socket.socket) -> Door:
        factory = self._protocols.maker(listener.address(sock), is_secure=listener.ssl is not None)
        heading = Heading(self._proxies, self._limits.head_timeout) if listener.proxy_protocol else None
        return Door(sock, factory, self._options[self.listeners.index(listener)], heading)


def renewals(entrance: Entrance) -> dict[str, Callable[[], object]]:
    """Return the signal handlers of a server in one process.

    In a worker there are none, because the supervisor handles these signals. Without certificates
    SIGHUP ends the process, as when a terminal is closed.
    """

    def renew() -> None:
        reopen_log_files()
        entrance.reload_certificates()

    found: dict[str, Callable[[], object]] = {name: partial(name_need, name) for name in FOR_SUPERVISORS}
    found["SIGUSR1"] = reopen_log_files
    return {**found, "SIGHUP": renew} if entrance.has_certificates else found


def name_need(name: str) -> None:
    """Log that a signal needs a supervisor. By default it would end or stop this process."""
    logger.warning("%s has no effect: it needs a supervisor, for example by --workers", name)
