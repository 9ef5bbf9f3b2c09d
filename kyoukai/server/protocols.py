"""Create the protocol of each accepted connection, for one backend or several."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from kyoukai.core.connection.connection import Connection, Unnamed
from kyoukai.core.contract.backend import Backend, claimed_features
from kyoukai.core.contract.negotiation import by_preface, by_protocol, offered_protocols
from kyoukai.core.contract.selection import Selected
from kyoukai.core.serving.application import ServerComponent
from kyoukai.server.heading import Relayed
from kyoukai.server.listener import BaseListener
from kyoukai.server.negotiation import ByPreface, ByProtocol, MakeProtocol
from kyoukai.server.tracing import traced

if TYPE_CHECKING:
    from asphalt.core import Context

CreateProtocol = Callable[[str, int], asyncio.BaseProtocol]
"""Creates the protocol of a connection; takes the server's address and port."""


class Protocols:
    """Creates the protocols of a server's connections.

    :param backends: the backends; with several, the client's bytes decide: see
        :mod:`kyoukai.server.negotiation`.
    :param listeners: where the server listens.
    :raises BackendError: if a listener's clients cannot be assigned to one of two backends.
    """

    def __init__(self, backends: Selected, listeners: Iterable[BaseListener]) -> None:
        self._backends = backends
        self._by_protocol: dict[str, str] = {}
        self._by_preface: dict[bytes, str] = {}
        # A backend may return something else than a tuple. The consumer of the value rejects it.
        self.alpn_protocols: Any = next(iter(backends.values())).alpn_protocols
        """The protocol names to offer by ALPN (RFC 7301)."""
        if len(backends) > 1:
            is_secure = {listener.ssl is not None for listener in listeners}
            if True in is_secure:
                self._by_protocol = by_protocol(backends)
                self.alpn_protocols = offered_protocols(backends.values())
            if False in is_secure:
                self._by_preface = by_preface(backends)
        self._component: ServerComponent
        self._context: Context
        self._trace = False

    def prepare(self, component: ServerComponent, context: "Context", *, trace: bool) -> None:
        """Set what connections are created for. Call this once, before :meth:`maker`.

        :param component: the component to serve for.
        :param context: the Asphalt context that is the parent of the requests' contexts.
        :param trace: whether to trace connections: see :mod:`kyoukai.server.tracing`.
        """
        self._component, self._context, self._trace = component, context, trace

    def maker(self, address: tuple[str, int], *, is_secure: bool) -> MakeProtocol:
        """Return a function that creates the protocols of a listener's connections.

        :param address: the listener's address and port.
        :param is_secure: whether it uses TLS.
        """
        makes = {name: self._maker_of(backend, address) for name, backend in self._backends.items()}
        if len(makes) == 1:
            return makes.popitem()[1]
        if is_secure:
            return partial(ByProtocol, {key: makes[name] for key, name in self._by_protocol.items()})
        prefaces = {key: makes[name] for key, name in self._by_preface.items()}
        return partial(ByPreface, self._component.server, prefaces)

    def _maker_of(self, backend: Backend, address: tuple[str, int]) -> MakeProtocol:
        create = partial(backend.create_protocol, self._component, self._context)
        features = claimed_features(backend) if len(self._backends) > 1 else None
        make: Any = partial(make_protocol, create, address, features)
        return traced(make) if self._trace else make


def make_protocol(
    create: CreateProtocol, address: tuple[str, int], features: frozenset[str] | None, peer: Any
) -> asyncio.BaseProtocol:
    """Return the protocol of an accepted connection.

    :param address: the address and port of the server, as the client sees them.
    :param features: the features of the connection's backend; ``None``: those of the server.
    :param peer: the client's address as returned by :meth:`socket.socket.accept` or given by a proxy;
        ``None``: ask the socket.
    """
    proxied = None
    if isinstance(peer, Relayed):
        peer, proxied = peer
    # A client of a Unix socket may have bound a name. Its address is then a string.
    peer = peer if isinstance(peer, tuple) else None
    if proxied is not None:
        if proxied.peer is None or proxied.server is None:
            peer = Unnamed(peer or ())
        else:
            peer, address = proxied.peer, proxied.server
    protocol = create(*address)
    if isinstance(protocol, Connection):
        protocol.peer = peer
        if features is not None:
            protocol.features = features
    return protocol
