"""The contract's lowest storey: the backend object, one for each server.

A package offers a backend by naming a subclass of :class:`Backend` in the entry-point group
``kyoukai.backends``. For HTTP/1, derive the connection from
:class:`kyoukai.core.http1.protocol.HTTPProtocol`, the highest storey. For other protocols,
:class:`Backend` is the only class to implement.
"""

import abc
import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..errors import BackendOptionError

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import ServerComponent

API_VERSION: Final = 1
"""The version of the contract that this release implements.

It increases when a backend that follows the contract would break. New methods have defaults, and do not
increase it.
"""


class Backend(abc.ABC):
    """An implementation of a wire. One object is made for each server, before its socket is opened.

    :param options: the user's ``backend_options``. A subclass takes its own options as keyword-only
        parameters, and passes the rest on with ``super().__init__(**options)``.
    :raises BackendOptionError: if an option is unknown, or its value is invalid; the message names it.
    """

    api_version: ClassVar[int]
    """The :data:`API_VERSION` that the class was written for: a literal, never the constant.

    With the constant, the class would claim to follow every later version of the contract too.
    """

    features: frozenset[str] = frozenset()
    """The features that it claims, members of :class:`Feature`. If options decide, set it in the
    constructor."""

    alpn_protocols: tuple[str, ...] = ("http/1.1",)
    """The protocol names to offer in TLS (RFC 7301), the preferred first."""

    preface: bytes = b""
    """The bytes that only this wire's connections begin with, as HTTP/2's do (RFC 9113 section 3.4).

    Among several backends, a connection in cleartext is given to the one whose preface it begins with. Empty:
    the backend takes connections that no other takes.
    """

    testing_adapter: ClassVar[str | None] = None
    """The kit's client for this wire: ``module:attribute`` of a :class:`~kyoukai.testing.WireAdapter`.

    Only the kit imports it. A backend whose connections derive from ``HTTPProtocol`` needs none.
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
        """Return the protocol object of a new connection.

        The event loop calls it for every accepted connection, so it must be quick and must not raise. Keep no
        data of a connection on the backend.

        :param component: has ``app`` and ``server`` (see :class:`~kyoukai.ServerComponent`).
        :param parent_context: the parent of each request's Asphalt context.
        :param server_ip: the address listened on; the path of a Unix socket.
        :param server_port: the port listened on; 0 for a Unix socket.
        """


def claimed_features(backend: Backend | type[Backend]) -> frozenset[str]:
    """Return the features of a backend; none if they are not a collection, which breaks a rule of the kit."""
    try:
        return frozenset(backend.features)
    except TypeError:
        return frozenset()
