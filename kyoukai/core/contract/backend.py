"""The contract's lowest storey: what the registry loads, one object a server.

A package offers a backend by naming a subclass of :class:`Backend` in the entry-point group
``kyoukai.backends``. Whoever speaks HTTP/1 derives the connection from
:class:`kyoukai.core.http1.protocol.HTTPProtocol`, the upper storey; whoever speaks something else
implements :class:`Backend` and nothing more.
"""

import abc
import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..errors import BackendOptionError

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import ServerComponent

API_VERSION: Final = 1
"""The version of the contract that this release speaks.

It rises when a backend that kept the contract would no longer keep it. New methods come with
defaults, and do not raise it.
"""


class Backend(abc.ABC):
    """One way of speaking to clients. Made once a server, before its socket is opened.

    :param options: what the user set as ``backend_options``. A subclass takes its own as
        keyword-only parameters and hands the rest on with ``super().__init__(**options)``.
    :raises BackendOptionError: if an option is unknown, or its value is no good; the message
        names it.
    """

    api_version: ClassVar[int]
    """The :data:`API_VERSION` that the class was written for: a literal, never the constant.

    The constant would claim every later version of the contract too, unread.
    """

    features: frozenset[str] = frozenset()
    """What it can do: members of :class:`Feature`. One whose options say so sets it in its constructor."""

    alpn_protocols: tuple[str, ...] = ("http/1.1",)
    """The protocol names to offer in TLS (RFC 7301), the preferred first."""

    preface: bytes = b""
    """What each of its connections begins with, where nothing else can (RFC 9113 section 3.4, of HTTP/2).

    By it a connection in cleartext finds its backend among several. Empty: it takes what no other takes.
    """

    testing_adapter: ClassVar[str | None] = None
    """How the kit speaks by its wire: ``module:attribute``, a :class:`~kyoukai.testing.WireAdapter`.

    Nothing but the kit imports it. A backend whose connections derive from ``HTTPProtocol`` needs none.
    """

    def __init__(self, **options: Any) -> None:
        if options:
            unknown = ", ".join(repr(name) for name in sorted(options))
            raise BackendOptionError(f"{type(self).__qualname__} does not know the backend option {unknown}")

    @abc.abstractmethod
    def create_protocol(
        self,
        component: "ServerComponent",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> asyncio.Protocol:
        """Return the protocol object of one new connection.

        It is called by the event loop for every connection accepted, so it must be quick and
        must not raise. Nothing that belongs to one connection may be kept on the backend.

        :param component: gives ``app`` and ``server`` (see :class:`~kyoukai.ServerComponent`).
        :param parent_context: the Asphalt context that each request's context derives from.
        :param server_ip: the address listened on; the path of a Unix socket.
        :param server_port: the port listened on; 0 for a Unix socket.
        """


def claimed_features(backend: Backend | type[Backend]) -> frozenset[str]:
    """Return what a backend claims; nothing where that is no collection, which breaks a rule of the kit."""
    try:
        return frozenset(backend.features)
    except TypeError:
        return frozenset()
