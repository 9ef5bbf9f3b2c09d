"""The backend of an ``HTTPProtocol``: creates one protocol object for each connection."""

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from ..contract.backend import Backend
from ..errors import NotABackendError
from ..features import HTTP1_FEATURES
from .protocol import HTTPProtocol

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import ServerComponent


class HTTP1Backend(Backend):
    """A backend whose connections are of one class. A subclass sets that class and its ``api_version``.

    It has all features of HTTP/1. If the parser does not support one of them, the subclass sets
    ``features``. Parameters are those of :class:`~kyoukai.core.contract.backend.Backend`.

    :raises NotABackendError: if ``protocol_class`` cannot be used.
    """

    protocol_class: ClassVar[type[HTTPProtocol]]
    """The class of each connection."""

    features = HTTP1_FEATURES

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        found, name = getattr(self, "protocol_class", None), f"{type(self).__qualname__}.protocol_class"
        if not (isinstance(found, type) and issubclass(found, HTTPProtocol)):
            raise NotABackendError(f"{name} is {found!r}; it must be a subclass of kyoukai.HTTPProtocol")
        if inspect.isabstract(found):
            missing = ", ".join(sorted(found.__abstractmethods__))
            raise NotABackendError(f"{name} is abstract: {found.__qualname__} does not define {missing}")

    def create_protocol(
        self,
        component: "ServerComponent",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> HTTPProtocol:
        """Return the protocol object of a new connection; see :meth:`Backend.create_protocol`."""
        return self.protocol_class(component, parent_context, server_ip, server_port)
